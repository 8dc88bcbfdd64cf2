/* Standing: the numbers of stores, remembered in standing.json. */
#include "coordinator/standing.h"

#include <stdlib.h>

#include "core/value/json.h"
#include "edge/actor/log.h"

enum { ASK_AGAIN_MS = 300, ASK_LATER_MS = 2000, KNOWN_MAX = WIRE_KNOWN_MAX };

struct known {
    uint64_t member;
    uint64_t store;
};

struct standing {
    struct str path; /* heap */
    const struct roster *roster;
    uint64_t member;
    uint64_t store; /* our own number */
    bool is_clear;
    bool is_waiting_told;
    int64_t asked_ms;
    struct known known[KNOWN_MAX];
    size_t known_count;
    bool has_answered[KEYS_MEMBERS_MAX]; /* as in the roster */
};

/* ---- the file ---- */

static struct str hex_of(struct arena *a, uint64_t number)
{
    return arena_printf(a, "%016llx", (unsigned long long)number);
}

static bool parse_hex(struct str text, uint64_t *out)
{
    unsigned char bytes[8];

    *out = 0;
    if (!hex_decode(text, bytes, sizeof(bytes)))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        *out = *out << 8 | bytes[i];
    return *out != 0;
}

static int save(const struct standing *s, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *document = value_map(a);
    struct value *known = value_list(a);

    for (size_t i = 0; i < s->known_count; i++) {
        struct value *v = value_map(a);
        value_map_set_int(a, v, "member", (int64_t)s->known[i].member);
        value_map_set_str(a, v, "store", hex_of(a, s->known[i].store));
        value_list_add(a, known, v);
    }
    value_map_set_str(a, document, "store", hex_of(a, s->store));
    value_map_set(a, document, STR("known"), known);
    json_write(&text, document, JSON_INDENTED);
    return file_write(s->path, buf_str(&text), 0600, err);
}

static int read_known(struct standing *s, const struct value *list, struct err *err)
{
    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count; i++) {
        const struct value *v = list->list.item[i];
        struct known *k = &s->known[s->known_count];

        k->member = (uint64_t)value_get_int(v, "member", 0);
        if (s->known_count == KNOWN_MAX || k->member == 0 ||
            !parse_hex(value_get_str(v, "store"), &k->store))
            return value_err(err, HL_EINVAL, v, "not a member and its store");
        s->known_count++;
    }
    return 0;
}

static int load(struct standing *s, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *document;
    struct str text;

    int r = file_read(s->path, a, &text, err);
    if (r == HL_EABSENT) {
        while (s->store == 0)
            s->store = keys_random_u64();
        return save(s, err);
    }
    if (r == 0)
        r = json_read(a, text, s->path, &document, err);
    if (r == 0 && !parse_hex(value_get_str(document, "store"), &s->store))
        r = value_err(err, HL_EINVAL, document, "no number of this store");
    return r < 0 ? r : read_known(s, value_get(document, STR("known")), err);
}

/* ---- clearance ---- */

static void settle(struct standing *s)
{
    size_t others = s->roster->member_count - 1;
    size_t need = s->roster->member_count / 2 + 1;
    size_t count = 0;

    for (size_t i = 0; i < s->roster->member_count; i++)
        count += s->has_answered[i];
    s->is_clear = s->is_clear || count >= (need < others ? need : others);
}

int standing_open(struct str dir, const struct roster *roster, uint64_t member, bool is_store_empty,
                  struct standing **out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct standing *s = hl_calloc(1, sizeof(*s));

    s->path = str_dup(arena_concat(a, dir, STR("/standing.json")));
    s->roster = roster;
    s->member = member;
    s->is_clear = !is_store_empty;
    s->asked_ms = -ASK_LATER_MS;
    int r = load(s, err);
    settle(s);
    if (r < 0) {
        standing_free(s);
        return r;
    }
    *out = s;
    return 0;
}

void standing_free(struct standing *s)
{
    if (!s)
        return;
    str_free(s->path);
    free(s);
}

bool standing_is_clear(const struct standing *s)
{
    return s->is_clear;
}

static struct str pack_known(const struct standing *s, struct arena *a)
{
    HL_CLEANUP(buf_deinit) struct buf pairs = {0};

    for (size_t i = 0; i < s->known_count; i++) {
        buf_add_u64(&pairs, s->known[i].member);
        buf_add_u64(&pairs, s->known[i].store);
    }
    return arena_dup(a, buf_str(&pairs));
}

void standing_ask(struct standing *s, struct wire_hub *hub, int64_t now_ms)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct wire_message ask = {.kind = WIRE_STANDING, .standing = {.store = s->store}};

    if (now_ms < standing_due(s))
        return;
    ask.standing.known = pack_known(s, a);
    s->asked_ms = now_ms;
    for (size_t i = 0; i < s->roster->member_count; i++) {
        if (s->roster->member[i].id != s->member && !s->has_answered[i])
            hub_send_peer(hub, s->roster->member[i].id, &ask);
    }
    if (!s->is_clear && !s->is_waiting_told)
        log_info("a new store: waiting until enough others know it", "member=%llu",
                 (unsigned long long)s->member);
    s->is_waiting_told = true;
}

int64_t standing_due(const struct standing *s)
{
    for (size_t i = 0; i < s->roster->member_count; i++) {
        if (s->roster->member[i].id != s->member && !s->has_answered[i])
            return s->asked_ms + (s->is_clear ? ASK_LATER_MS : ASK_AGAIN_MS);
    }
    return INT64_MAX;
}

static const struct known *find_known(const struct standing *s, uint64_t member)
{
    for (size_t i = 0; i < s->known_count; i++) {
        if (s->known[i].member == member)
            return &s->known[i];
    }
    return NULL;
}

/* The first number that is heard of a member stays. */
static void learn(struct standing *s, uint64_t member, uint64_t store)
{
    if (member != s->member && member != 0 && store != 0 && !find_known(s, member) &&
        s->known_count < KNOWN_MAX)
        s->known[s->known_count++] = (struct known){.member = member, .store = store};
}

/* False if what is new could not be written down: then it was not heard. */
static bool learn_all(struct standing *s, uint64_t member, const struct wire_standing *m)
{
    size_t before = s->known_count;
    struct err err;

    for (size_t i = 0; i + 16 <= m->known.len; i += 16)
        learn(s, bytes_u64(m->known.ptr + i), bytes_u64(m->known.ptr + i + 8));
    if (!m->is_answer)
        learn(s, member, m->store);
    if (s->known_count == before || save(s, &err) == 0)
        return true;
    log_error("a coordinator's store cannot be remembered", "member=%llu error=\"%s\"",
              (unsigned long long)member, err.text);
    s->known_count = before;
    return false;
}

static void answer(struct standing *s, struct wire_hub *hub, uint64_t member, uint64_t store)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct known *known = find_known(s, member);
    struct wire_message m = {
        .kind = WIRE_STANDING,
        .standing = {.store = store, .is_answer = true, .known = pack_known(s, a)},
    };

    if (!known)
        return; /* there is no room for it */
    m.standing.is_refused = known->store != store;
    if (m.standing.is_refused)
        log_warn("a coordinator came back without its disk; it is turned away", "member=%llu",
                 (unsigned long long)member);
    hub_send_peer(hub, member, &m);
}

bool standing_take(struct standing *s, struct wire_hub *hub, uint64_t member,
                   const struct wire_standing *m)
{
    if (!learn_all(s, member, m))
        return true;
    if (!m->is_answer) {
        answer(s, hub, member, m->store);
        return true;
    }
    if (m->store != s->store)
        return true; /* of an earlier life */
    if (m->is_refused)
        return false;
    for (size_t i = 0; i < s->roster->member_count; i++) {
        if (s->roster->member[i].id == member)
            s->has_answered[i] = true;
    }
    bool was_clear = s->is_clear;
    settle(s);
    if (s->is_clear && !was_clear)
        log_info("the others know this store", "member=%llu", (unsigned long long)s->member);
    return true;
}
