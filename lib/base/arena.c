/* A list of chunks, newest first; the oldest survives a reset. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 4096, CHUNK_MAX = 1 << 20, ALIGN = 16 };

struct chunk {
    struct chunk *older;
    size_t cap;
    size_t used;
    _Alignas(ALIGN) unsigned char bytes[];
};

struct arena {
    struct chunk *newest;
    size_t next_cap;
    size_t used;
};

static struct chunk *chunk_new(size_t cap, struct chunk *older)
{
    struct chunk *c = hl_alloc(sizeof(*c) + cap);

    c->older = older;
    c->cap = cap;
    c->used = 0;
    return c;
}

struct arena *arena_new(void)
{
    struct arena *a = hl_calloc(1, sizeof(*a));

    a->next_cap = CHUNK_MIN;
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct chunk *c = a->newest; c;) {
        struct chunk *older = c->older;
        free(c);
        c = older;
    }
    free(a);
}

void arena_reset(struct arena *a)
{
    while (a->newest && a->newest->older) {
        struct chunk *c = a->newest;
        a->newest = c->older;
        free(c);
    }
    if (a->newest && a->newest->cap > CHUNK_MAX) {
        free(a->newest);
        a->newest = NULL;
    }
    if (a->newest)
        a->newest->used = 0;
    a->next_cap = CHUNK_MIN;
    a->used = 0;
}

size_t arena_used_bytes(const struct arena *a)
{
    return a->used;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        hl_die("arena: request of %zu bytes", size_bytes);
    size_t need = (size_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);

    if (!a->newest || a->newest->cap - a->newest->used < need) {
        size_t cap = a->next_cap > need ? a->next_cap : need;
        a->newest = chunk_new(cap, a->newest);
        if (a->next_cap < CHUNK_MAX)
            a->next_cap *= 2;
    }
    void *p = a->newest->bytes + a->newest->used;
    a->newest->used += need;
    a->used += need;
    memset(p, 0, need);
    return p;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total))
        hl_die("arena: array of %zu x %zu bytes", count, size_bytes);
    return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, void *old, size_t count, size_t *cap_count, size_t need_count,
                 size_t size_bytes)
{
    size_t cap = *cap_count ? *cap_count : 4;

    while (cap < need_count)
        cap *= 2;
    void *grown = arena_alloc_array(a, cap, size_bytes);
    if (count)
        memcpy(grown, old, count * size_bytes);
    *cap_count = cap;
    return grown;
}

struct str arena_dup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return (struct str){copy, s.len};
}

char *arena_cstr(struct arena *a, struct str s)
{
    return (char *)(uintptr_t)arena_dup(a, s).ptr;
}

struct str arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    HL_ASSERT(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    return (struct str){text, (size_t)len};
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str s = arena_vprintf(a, fmt, args);
    va_end(args);
    return s;
}

struct str arena_concat(struct arena *a, struct str left, struct str right)
{
    char *text = arena_alloc(a, left.len + right.len + 1);

    if (left.len)
        memcpy(text, left.ptr, left.len);
    if (right.len)
        memcpy(text + left.len, right.ptr, right.len);
    return (struct str){text, left.len + right.len};
}
