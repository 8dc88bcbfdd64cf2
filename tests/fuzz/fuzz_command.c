/*
 * state_apply against arbitrary bodies: the input is lines "<command> <JSON>", applied one after
 * another to one store. Nothing but an unknown command is a failure, a refusal changes nothing, and
 * a second store that gets the same lines ends up the same.
 */
#include <stdlib.h>
#include <string.h>

#include "core/state/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 8 << 10, PAIRS_MAX = 512, LINES_MAX = 64 };

struct pair {
    struct str key;
    struct str value;
};

/* A sorted array as store; every value moves at every write, as LMDB's pages may. */
struct table {
    struct pair pair[PAIRS_MAX];
    size_t count;
};

static size_t lower_bound(const struct table *t, struct str key)
{
    size_t at = 0;

    while (at < t->count && str_cmp(t->pair[at].key, key) < 0)
        at++;
    return at;
}

static bool is_at(const struct table *t, size_t at, struct str key)
{
    return at < t->count && str_eq(t->pair[at].key, key);
}

static void move_all(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct pair old = t->pair[i];

        t->pair[i] = (struct pair){str_dup(old.key), str_dup(old.value)};
        str_free(old.key);
        str_free(old.value);
    }
}

static int get(void *context, struct str key, struct str *out, struct err *err)
{
    struct table *t = context;
    size_t at = lower_bound(t, key);

    (void)err;
    HL_ASSERT(key.len > 0 && key.len <= KV_KEY_MAX);
    if (!is_at(t, at, key))
        return KV_ABSENT;
    *out = t->pair[at].value;
    return KV_FOUND;
}

static int put(void *context, struct str key, struct str value, struct err *err)
{
    struct table *t = context;
    size_t at = lower_bound(t, key);

    (void)err;
    HL_ASSERT(key.len > 0 && key.len <= KV_KEY_MAX && value.len <= KV_VALUE_MAX);
    if (is_at(t, at, key)) {
        struct str old = t->pair[at].value;
        t->pair[at].value = str_dup(value);
        str_free(old);
    } else {
        HL_ASSERT(t->count < PAIRS_MAX);
        memmove(&t->pair[at + 1], &t->pair[at], (t->count - at) * sizeof(t->pair[0]));
        t->pair[at] = (struct pair){str_dup(key), str_dup(value)};
        t->count++;
    }
    move_all(t);
    return 0;
}

static int del(void *context, struct str key, struct err *err)
{
    struct table *t = context;
    size_t at = lower_bound(t, key);

    (void)err;
    HL_ASSERT(key.len > 0 && key.len <= KV_KEY_MAX);
    if (!is_at(t, at, key))
        return KV_ABSENT;
    str_free(t->pair[at].key);
    str_free(t->pair[at].value);
    t->count--;
    memmove(&t->pair[at], &t->pair[at + 1], (t->count - at) * sizeof(t->pair[0]));
    move_all(t);
    return KV_FOUND;
}

static int next(void *context, struct str prefix, struct str after, struct str *out_key,
                struct str *out_value, struct err *err)
{
    struct table *t = context;
    size_t at = lower_bound(t, str_cmp(after, prefix) > 0 ? after : prefix);

    (void)err;
    if (after.len > 0 && is_at(t, at, after))
        at++;
    if (at >= t->count || !str_starts(t->pair[at].key, prefix))
        return KV_ABSENT;
    *out_key = t->pair[at].key;
    *out_value = t->pair[at].value;
    return KV_FOUND;
}

static struct digest digest_of(struct kv *kv)
{
    struct digest d;
    struct err err;
    int r = state_digest(kv, &d, &err);

    HL_ASSERT(r == 0);
    return d;
}

static void table_free(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        str_free(t->pair[i].key);
        str_free(t->pair[i].value);
    }
    free(t);
}

/* Whatever was stored can be read as what it is. */
static void read_all(struct kv *kv, struct arena *a)
{
    struct str cursor = STR_NONE;
    struct state_app app;
    struct state_agent agent;
    struct state_event event;
    int r;

    while ((r = state_app_next(kv, &cursor, a, &app, NULL)) == KV_FOUND) {
        HL_ASSERT(app.name.len > 0 && app.epoch >= app.applied_epoch);
        HL_ASSERT(str_eq(cursor, arena_concat(a, STR("app/"), app.name)));
        (void)state_app_reason(&app, a);
        (void)state_app_sync(&app);
    }
    HL_ASSERT(r == KV_ABSENT);
    for (cursor = STR_NONE; (r = state_agent_next(kv, &cursor, a, &agent, NULL)) == KV_FOUND;)
        HL_ASSERT(str_eq(cursor, arena_concat(a, STR("agent/"), agent.node)));
    HL_ASSERT(r == KV_ABSENT);
    for (cursor = STR_NONE; (r = state_event_next(kv, &cursor, a, &event, NULL)) == KV_FOUND;)
        HL_ASSERT(event.text.len <= STATE_TEXT_MAX);
    HL_ASSERT(r == KV_ABSENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0; /* what the table has no room for */
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct table *one = hl_calloc(1, sizeof(*one));
    struct table *two = hl_calloc(1, sizeof(*two));
    struct kv kv = {one, get, put, del, next};
    struct kv twin = {two, get, put, del, next};
    struct str rest = {(const char *)data, size};

    for (int64_t i = 0; rest.len > 0 && i < LINES_MAX; i++) {
        struct str line = str_cut(&rest, '\n');
        struct command c = {.name = str_cut(&line, ' '), .wall_ms = 1000000 + i * 1000};
        struct digest before = digest_of(&kv);
        struct state_result result;
        struct err err = {0};

        c.body = line;
        int r = state_apply(&kv, (uint64_t)i + 1, &c, a, &result, &err);
        HL_ASSERT(r == 0 || (r == HL_EUNSUPPORTED && err.code == r));
        struct digest after = digest_of(&kv);
        HL_ASSERT((r == 0 && result.code == 0) || digest_eq(&before, &after));
        HL_ASSERT(r != 0 || result.code == 0 || result.text.len > 0);
        int again = state_apply(&twin, (uint64_t)i + 1, &c, a, &result, &err);
        HL_ASSERT(again == r);
    }
    struct digest mine = digest_of(&kv);
    struct digest its = digest_of(&twin);
    HL_ASSERT(digest_eq(&mine, &its));
    read_all(&kv, a);
    table_free(one);
    table_free(two);
    return 0;
}
