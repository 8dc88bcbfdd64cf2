/* A table from "<door><key>" to guests; names are few and found by scanning. */
#include "edge/wire/admission.h"

#include <stdlib.h>
#include <string.h>

/* A guest may send this much a second, and as much again in a burst. */
enum { BYTES_PER_SECOND = 64 << 20, MESSAGES_PER_SECOND = 50000 };

struct admission {
    struct map *guests;
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

struct admission *admission_new(uint64_t seed)
{
    struct admission *t = hl_calloc(1, sizeof(*t));

    t->guests = map_new(seed);
    return t;
}

static void guest_free(struct guest *g)
{
    if (!g)
        return;
    str_free(g->name);
    str_free(g->role);
    free(g);
}

void admission_free(struct admission *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < map_count(t->guests); i++)
        guest_free(map_value_at(t->guests, i));
    map_free(t->guests);
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
    *g = (struct guest){
        .key = *key,
        .door = door,
        .name = str_dup(name),
        .role = str_dup(role),
        .role_bits = wire_role_of(role),
        .heard_ms = -1,
        .bytes_left = BYTES_PER_SECOND,
        .messages_left = MESSAGES_PER_SECOND,
    };
    guest_free(map_set(t->guests, slot_of(&slot, door, key), g));
}

bool admission_drop(struct admission *t, enum door door, const struct key *key)
{
    struct slot slot;
    struct guest *g = map_remove(t->guests, slot_of(&slot, door, key));

    guest_free(g);
    return g != NULL;
}

struct guest *admission_find(struct admission *t, enum door door, const struct key *key)
{
    struct slot slot;

    return map_get(t->guests, slot_of(&slot, door, key));
}

struct guest *admission_find_name(struct admission *t, enum door door, struct str name)
{
    for (size_t i = 0; i < map_count(t->guests); i++) {
        struct guest *g = map_value_at(t->guests, i);

        if (g->door == door && str_eq(g->name, name))
            return g;
    }
    return NULL;
}

size_t admission_count(const struct admission *t)
{
    return map_count(t->guests);
}

struct guest *admission_at(struct admission *t, size_t i)
{
    return map_value_at(t->guests, i);
}

bool guest_may_spend(struct guest *g, size_t bytes, int64_t now_ms)
{
    int64_t passed_ms = now_ms - g->tokens_ms;

    if (passed_ms >= 1000 || passed_ms < 0) {
        g->bytes_left = BYTES_PER_SECOND;
        g->messages_left = MESSAGES_PER_SECOND;
        g->tokens_ms = now_ms;
    }
    if (g->messages_left <= 0 || g->bytes_left < (int64_t)bytes)
        return false;
    g->messages_left--;
    g->bytes_left -= (int64_t)bytes;
    return true;
}
