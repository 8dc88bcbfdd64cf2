/* Binary search, memmove and reference counts. */
#include "sim/store.h"

#include <stdlib.h>
#include <string.h>

uint64_t sim_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

uint64_t sim_hash(uint64_t h, struct str s)
{
    size_t at = 0;

    for (; at + 8 <= s.len; at += 8)
        h = sim_mix(h, bytes_u64(s.ptr + at));
    uint64_t rest = 0;
    for (; at < s.len; at++)
        rest = rest << 8 | (unsigned char)s.ptr[at];
    return sim_mix(sim_mix(h, rest), s.len);
}

static size_t lower_bound(const struct store *s, struct str key)
{
    size_t low = 0;
    size_t high = s->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_cmp(s->pair[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct store *s, size_t at, struct str key)
{
    return at < s->count && str_eq(s->pair[at]->key, key);
}

static struct pair *pair_new(struct str key, struct str value)
{
    struct pair *p = hl_alloc(sizeof(*p) + key.len + value.len);
    char *bytes = (char *)(p + 1);

    memcpy(bytes, key.ptr, key.len);
    if (value.len > 0)
        memcpy(bytes + key.len, value.ptr, value.len);
    *p = (struct pair){.refs = 1,
                       .hash = sim_hash(sim_hash(1, key), value),
                       .key = {bytes, key.len},
                       .value = {bytes + key.len, value.len}};
    return p;
}

static void pair_unref(struct pair *p)
{
    if (--p->refs == 0)
        free(p);
}

static void make_room(struct store *s, size_t need)
{
    if (need <= s->cap)
        return;
    s->cap = s->cap ? s->cap : 64;
    while (s->cap < need)
        s->cap *= 2;
    s->pair = hl_realloc(s->pair, s->cap * sizeof(struct pair *));
}

void store_put(struct store *s, struct str key, struct str value)
{
    size_t at = lower_bound(s, key);
    struct pair *p = pair_new(key, value);

    HL_ASSERT(key.len > 0 && key.len <= KV_KEY_MAX && value.len <= KV_VALUE_MAX);
    s->hash += p->hash;
    if (is_at(s, at, key)) {
        s->hash -= s->pair[at]->hash;
        pair_unref(s->pair[at]);
        s->pair[at] = p;
        return;
    }
    make_room(s, s->count + 1);
    memmove(&s->pair[at + 1], &s->pair[at], (s->count - at) * sizeof(struct pair *));
    s->pair[at] = p;
    s->count++;
}

static int get(void *context, struct str key, struct str *out, struct err *err)
{
    struct store *s = context;
    size_t at = lower_bound(s, key);

    (void)err;
    if (!is_at(s, at, key))
        return KV_ABSENT;
    *out = s->pair[at]->value;
    return KV_FOUND;
}

static int put(void *context, struct str key, struct str value, struct err *err)
{
    (void)err;
    store_put(context, key, value);
    return 0;
}

static int del(void *context, struct str key, struct err *err)
{
    struct store *s = context;
    size_t at = lower_bound(s, key);

    (void)err;
    if (!is_at(s, at, key))
        return KV_ABSENT;
    s->hash -= s->pair[at]->hash;
    pair_unref(s->pair[at]);
    s->count--;
    memmove(&s->pair[at], &s->pair[at + 1], (s->count - at) * sizeof(struct pair *));
    return KV_FOUND;
}

static int next(void *context, struct str prefix, struct str after, struct str *out_key,
                struct str *out_value, struct err *err)
{
    struct store *s = context;
    size_t at = lower_bound(s, str_cmp(after, prefix) > 0 ? after : prefix);

    (void)err;
    if (after.len > 0 && is_at(s, at, after))
        at++;
    if (at >= s->count || !str_starts(s->pair[at]->key, prefix))
        return KV_ABSENT;
    *out_key = s->pair[at]->key;
    *out_value = s->pair[at]->value;
    return KV_FOUND;
}

size_t store_behind(const struct store *s, struct str after)
{
    size_t at = after.len > 0 ? lower_bound(s, after) : 0;

    return at + is_at(s, at, after);
}

void store_init(struct store *s)
{
    *s = (struct store){.kv = {s, get, put, del, next}};
}

void store_clear(struct store *s)
{
    for (size_t i = 0; i < s->count; i++)
        pair_unref(s->pair[i]);
    s->count = 0;
    s->hash = 0;
}

void store_deinit(struct store *s)
{
    store_clear(s);
    free(s->pair);
    s->pair = NULL;
    s->cap = 0;
}

void store_copy(struct store *to, const struct store *from)
{
    store_clear(to);
    make_room(to, from->count);
    for (size_t i = 0; i < from->count; i++) {
        to->pair[i] = from->pair[i];
        to->pair[i]->refs++;
    }
    to->count = from->count;
    to->hash = from->hash;
}
