/*
 * A list of chunks, newest first; the oldest survives a reset. Memory of large chunks comes from
 * the kernel at once and zeroed, with its pages: a page fault each would cost more than filling
 * them.
 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_MIN = 4096, CHUNK_MAPPED = 256 << 10, CHUNK_MAX = 2 << 20, PAGE = 4096, ALIGN = 16 };

struct chunk {
    struct chunk *older;
    size_t cap;
    _Alignas(ALIGN) unsigned char bytes[];
};

struct mapping {
    struct mapping *older;
    void *bytes;
    size_t size;
};

/* Memory from the kernel; where it fills huge pages, it lies on their bounds. */
static void *map(size_t size)
{
    size_t extra = size < CHUNK_MAX ? 0 : CHUNK_MAX;
    char *p = mmap(NULL, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        hl_die("out of memory: %zu bytes", size);
    if (extra > 0) {
        char *start = p + (CHUNK_MAX - (uintptr_t)p % CHUNK_MAX) % CHUNK_MAX;
        size_t page_end = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
        size_t behind = (size_t)(p + size + extra - (start + page_end));
        if (start > p)
            munmap(p, (size_t)(start - p));
        if (behind >= PAGE)
            munmap(start + page_end, behind & ~(size_t)(PAGE - 1));
        p = start;
        madvise(p, size, MADV_HUGEPAGE);
    }
    madvise(p, size, MADV_POPULATE_WRITE); /* an older kernel does it page by page, later */
    return p;
}

static struct chunk *chunk_new(size_t cap)
{
    size_t size = sizeof(struct chunk) + cap;
    struct chunk *c = size < CHUNK_MAPPED ? hl_calloc(1, size) : map(size);

    c->cap = cap;
    return c;
}

static void chunk_free(struct chunk *c)
{
    if (sizeof(*c) + c->cap < CHUNK_MAPPED)
        free(c);
    else if (munmap(c, sizeof(*c) + c->cap) != 0)
        hl_die("munmap");
}

struct arena *arena_new(void)
{
    struct arena *a = hl_calloc(1, sizeof(*a));

    a->next_cap = CHUNK_MIN;
    return a;
}

static void unmap_files(struct arena *a)
{
    for (; a->mapping; a->mapping = a->mapping->older)
        munmap(a->mapping->bytes, a->mapping->size);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    unmap_files(a);
    for (struct chunk *c = a->newest; c;) {
        struct chunk *older = c->older;
        chunk_free(c);
        c = older;
    }
    free(a);
}

static size_t newest_used(const struct arena *a)
{
    return a->newest ? (size_t)(a->at - a->newest->bytes) : 0;
}

static void use_chunk(struct arena *a, struct chunk *c)
{
    a->newest = c;
    a->at = c ? c->bytes : NULL;
    a->end = c ? c->bytes + c->cap : NULL;
}

void arena_reset(struct arena *a)
{
    size_t dirty = newest_used(a);

    unmap_files(a);
    while (a->newest && (a->newest->older || a->newest->cap > CHUNK_MAX)) {
        struct chunk *c = a->newest;
        a->newest = c->older;
        dirty = a->newest ? a->newest->cap : 0;
        chunk_free(c);
    }
    if (dirty > 0)
        memset(a->newest->bytes, 0, dirty);
    use_chunk(a, a->newest);
    a->next_cap = CHUNK_MIN;
    a->older_used = 0;
}

size_t arena_used_bytes(const struct arena *a)
{
    return a->older_used + newest_used(a);
}

void *arena_alloc_chunk(struct arena *a, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        hl_die("arena: request of %zu bytes", size_bytes);
    size_t need = (size_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    size_t cap = a->next_cap - sizeof(struct chunk);
    struct chunk *c = chunk_new(cap > need ? cap : need);

    c->older = a->newest;
    a->older_used += newest_used(a);
    use_chunk(a, c);
    if (a->next_cap < CHUNK_MAX)
        a->next_cap *= 2;
    a->at += need;
    return c->bytes;
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

struct str arena_map_file(struct arena *a, int fd, size_t size_bytes)
{
    void *bytes = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    if (bytes == MAP_FAILED)
        return STR_NONE;
    struct mapping *m = arena_one(a, struct mapping);
    *m = (struct mapping){a->mapping, bytes, size_bytes};
    a->mapping = m;
    return (struct str){bytes, size_bytes};
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
