/* Binary search and memmove. */
#include "support/kv_array.h"

#include <stdlib.h>
#include <string.h>

static size_t lower_bound(const struct kv_array *s, struct str key)
{
    size_t low = 0;
    size_t high = s->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_cmp(s->pair[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct kv_array *s, size_t at, struct str key)
{
    return at < s->count && str_eq(s->pair[at].key, key);
}

static int count_call(struct kv_array *s, struct err *err)
{
    s->calls++;
    if (s->fail_at > 0 && s->calls >= s->fail_at)
        return err_set(err, HL_EIO, "the store failed at call %zu", s->calls);
    return 0;
}

static void check_key(struct str key)
{
    HL_ASSERT(key.len > 0 && key.len <= KV_KEY_MAX);
}

static int get(void *context, struct str key, struct str *out, struct err *err)
{
    struct kv_array *s = context;

    check_key(key);
    int r = count_call(s, err);
    if (r < 0)
        return r;
    size_t at = lower_bound(s, key);
    if (!is_at(s, at, key))
        return KV_ABSENT;
    *out = s->pair[at].value;
    return KV_FOUND;
}

static int put(void *context, struct str key, struct str value, struct err *err)
{
    struct kv_array *s = context;

    check_key(key);
    HL_ASSERT(value.len <= KV_VALUE_MAX);
    int r = count_call(s, err);
    if (r < 0)
        return r;
    size_t at = lower_bound(s, key);
    struct str copy = str_dup(value);
    if (is_at(s, at, key)) {
        str_free(s->pair[at].value);
        s->pair[at].value = copy;
        return 0;
    }
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->pair = realloc(s->pair, s->cap * sizeof(*s->pair));
        HL_ASSERT(s->pair);
    }
    memmove(&s->pair[at + 1], &s->pair[at], (s->count - at) * sizeof(*s->pair));
    s->pair[at] = (struct kv_pair){str_dup(key), copy};
    s->count++;
    return 0;
}

static int del(void *context, struct str key, struct err *err)
{
    struct kv_array *s = context;

    check_key(key);
    int r = count_call(s, err);
    if (r < 0)
        return r;
    size_t at = lower_bound(s, key);
    if (!is_at(s, at, key))
        return KV_ABSENT;
    str_free(s->pair[at].key);
    str_free(s->pair[at].value);
    s->count--;
    memmove(&s->pair[at], &s->pair[at + 1], (s->count - at) * sizeof(*s->pair));
    return KV_FOUND;
}

static int next(void *context, struct str prefix, struct str after, struct str *out_key,
                struct str *out_value, struct err *err)
{
    struct kv_array *s = context;

    int r = count_call(s, err);
    if (r < 0)
        return r;
    size_t at = lower_bound(s, str_cmp(after, prefix) > 0 ? after : prefix);
    if (after.len > 0 && is_at(s, at, after))
        at++;
    if (at >= s->count || !str_starts(s->pair[at].key, prefix))
        return KV_ABSENT;
    *out_key = s->pair[at].key;
    *out_value = s->pair[at].value;
    return KV_FOUND;
}

void kv_array_init(struct kv_array *s)
{
    *s = (struct kv_array){.kv = {s, get, put, del, next}};
}

static void clear(struct kv_array *s)
{
    for (size_t i = 0; i < s->count; i++) {
        str_free(s->pair[i].key);
        str_free(s->pair[i].value);
    }
    s->count = 0;
}

void kv_array_deinit(struct kv_array *s)
{
    clear(s);
    free(s->pair);
    s->pair = NULL;
    s->cap = 0;
}

void kv_array_copy(struct kv_array *to, const struct kv_array *from)
{
    struct err err;

    clear(to);
    to->fail_at = 0;
    for (size_t i = 0; i < from->count; i++) {
        int r = put(to, from->pair[i].key, from->pair[i].value, &err);
        HL_ASSERT(r == 0);
    }
    to->calls = 0;
}
