/* Two tables of the same guests: by "<door><key>" and by "<door><name>". */
#include "edge/wire/admission.h"

#include <stdlib.h>
#include <string.h>

/* What a guest may send within a second. Peers carry the log; agents report and fetch blobs a chunk
 * a request; who may change settings may be a program with many clients behind one key; who only
 * looks is a person. */
struct quota {
    int64_t bytes;
    int64_t messages;
};

static struct quota quota_of(enum door door, unsigned role_bits)
{
    static const struct quota by_door[DOOR_COUNT] = {
        [DOOR_PEER] = {256 << 20, 100000},
        [DOOR_AGENT] = {16 << 20, 2000},
        [DOOR_CLIENT] = {8 << 20, 1000},
        [DOOR_ENROL] = {1 << 20, 100},
    };
    static const struct quota writer = {256 << 20, 250000};

    if (door == DOOR_CLIENT && (role_bits & (WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN)) != 0)
        return writer;
    return by_door[door];
}

struct admission {
    struct map *guests;
    struct map *names;
};

struct slot {
    char bytes[1 + KEY_BYTES];
};

static struct str slot_of(struct slot *s, enum door door, const struct key *key)
{
    s->bytes[0] = (char)door;
    memcpy(s->bytes + 1, key->bytes, KEY_BYTES);
    return (struct str){s->bytes, sizeof(s->bytes)};
}

/* "<door><name>", on the heap. */
static struct str name_slot(enum door door, struct str name)
{
    char *text = hl_alloc(name.len + 1);

    text[0] = (char)door;
    if (name.len > 0)
        memcpy(text + 1, name.ptr, name.len);
    return (struct str){text, name.len + 1};
}

struct admission *admission_new(uint64_t seed)
{
    struct admission *t = hl_calloc(1, sizeof(*t));

    t->guests = map_new(seed);
    t->names = map_new(seed);
    return t;
}

static void guest_free(struct guest *g)
{
    str_free(g->slot);
    str_free(g->role);
    free(g);
}

/* Forgets a guest that is in no table by its key any more. */
static void forget(struct admission *t, struct guest *g)
{
    if (!g)
        return;
    if (map_get(t->names, g->slot) == g)
        map_remove(t->names, g->slot);
    guest_free(g);
}

void admission_free(struct admission *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < map_count(t->guests); i++)
        guest_free(map_value_at(t->guests, i));
    map_free(t->guests);
    map_free(t->names);
    free(t);
}

void admission_set(struct admission *t, enum door door, const struct key *key, struct str name,
                   struct str role)
{
    struct guest *old = admission_find_name(t, door, name);
    struct guest *g = hl_calloc(1, sizeof(*g));
    struct slot slot;

    if (old && key_eq(&old->key, key) && str_eq(old->role, role)) {
        free(g);
        return;
    }
    if (old)
        admission_drop(t, door, &old->key);
    struct quota quota = quota_of(door, wire_role_of(role));
    struct str named = name_slot(door, name);
    *g = (struct guest){
        .key = *key,
        .door = door,
        .slot = named,
        .name = str_sub(named, 1, named.len),
        .role = str_dup(role),
        .role_bits = wire_role_of(role),
        .heard_ms = -1,
        .alarmed_ms = -1,
        .bytes_left = quota.bytes,
        .messages_left = quota.messages,
    };
    forget(t, map_set(t->guests, slot_of(&slot, door, key), g));
    map_set(t->names, g->slot, g);
}

bool admission_drop(struct admission *t, enum door door, const struct key *key)
{
    struct slot slot;
    struct guest *g = map_remove(t->guests, slot_of(&slot, door, key));

    forget(t, g);
    return g != NULL;
}

struct guest *admission_find(struct admission *t, enum door door, const struct key *key)
{
    struct slot slot;

    return map_get(t->guests, slot_of(&slot, door, key));
}

struct guest *admission_find_name(struct admission *t, enum door door, struct str name)
{
    struct str named = name_slot(door, name);
    struct guest *g = map_get(t->names, named);

    str_free(named);
    return g;
}

size_t admission_count(const struct admission *t)
{
    return map_count(t->guests);
}

struct guest *admission_at(struct admission *t, size_t i)
{
    return map_value_at(t->guests, i);
}

static bool is_same(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

bool guest_heard(struct guest *g, const unsigned char *id, size_t id_len, int64_t now_ms)
{
    HL_ASSERT(id_len > 0 && id_len <= CONNECTION_ID_MAX);
    g->heard_ms = now_ms;
    if (is_same(id, id_len, g->connection, g->connection_len))
        return false;
    if (!is_same(id, id_len, g->before, g->before_len)) {
        memcpy(g->before, g->connection, sizeof(g->before));
        g->before_len = g->connection_len;
        memcpy(g->connection, id, id_len);
        g->connection_len = id_len;
        g->replaced_ms = now_ms;
        return false;
    }
    if ((g->door != DOOR_PEER && g->door != DOOR_AGENT) ||
        now_ms - g->replaced_ms <= CLONE_GRACE_MS ||
        (g->alarmed_ms >= 0 && now_ms - g->alarmed_ms < CLONE_ALARM_MS))
        return false;
    g->alarmed_ms = now_ms;
    return true;
}

bool guest_may_spend(struct guest *g, size_t bytes, int64_t now_ms)
{
    int64_t passed_ms = now_ms - g->tokens_ms;

    if (passed_ms >= 1000 || passed_ms < 0) {
        struct quota quota = quota_of(g->door, g->role_bits);
        g->bytes_left = quota.bytes;
        g->messages_left = quota.messages;
        g->tokens_ms = now_ms;
    }
    if (g->messages_left <= 0 || g->bytes_left < (int64_t)bytes)
        return false;
    g->messages_left--;
    g->bytes_left -= (int64_t)bytes;
    return true;
}
