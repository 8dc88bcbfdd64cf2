/*
 * Arenas: memory with one lifetime, given back all at once.
 *
 * Allocation moves a pointer inside a chunk; chunks double from 4 KiB to 1 MiB, larger requests
 * get their own. Everything is zeroed and aligned for any object. arena_reset keeps the first
 * chunk, so a loop that resets per step reaches a steady state without malloc. Name arenas by
 * lifetime: scratch, request, plan.
 *
 * Threads: an arena belongs to one thread at a time.
 * Limits:  none of its own: doors bound what comes in; exhausted memory ends the process.
 */
#ifndef HL_BASE_ARENA_H
#define HL_BASE_ARENA_H

#include <stdarg.h>

#include "base/attr.h"
#include "base/str.h"

struct arena {
    unsigned char *at; /* the rest is arena.c's */
    unsigned char *end;
    struct chunk *newest;
    struct mapping *mapping; /* in the chunks */
    size_t next_cap;
    size_t older_used;
};

struct arena *arena_new(void);
void arena_free(struct arena *a);
HL_DEFINE_FREEP(arena_free, struct arena)
void arena_reset(struct arena *a);

/* Bytes handed out since the last reset, alignment included; not what was left at chunks' ends. */
size_t arena_used_bytes(const struct arena *a);

/* arena_alloc when the chunk's room does not do; for it alone. */
void *arena_alloc_chunk(struct arena *a, size_t size_bytes)
    __attribute__((malloc, returns_nonnull));
static inline void *arena_alloc(struct arena *a, size_t size_bytes)
{
    enum { ALIGN = 16 }; /* as the room is */
    unsigned char *p = a->at;

    if (size_bytes >= (size_t)(a->end - p))
        return arena_alloc_chunk(a, size_bytes);
    a->at = p + ((size_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1));
    return p;
}
/* Zeroed room for `count` objects; a product that overflows ends the process. */
void *arena_alloc_array(struct arena *a, size_t count, size_t size_bytes)
    __attribute__((returns_nonnull));
#define arena_array(a, type, count) ((type *)arena_alloc_array((a), (count), sizeof(type)))
#define arena_one(a, type) ((type *)arena_alloc((a), sizeof(type)))

/*
 * Grows an array that lives in the arena: returns room for at least need_count objects with the
 * first `count` kept, and updates *cap_count. The old room stays behind until the reset.
 */
void *arena_grow(struct arena *a, void *old, size_t count, size_t *cap_count, size_t need_count,
                 size_t size_bytes);
/* Appends to (array, count, cap), three lvalues; evaluates them more than once. */
#define ARENA_PUSH(a, array, count, cap, item)                                                     \
    do {                                                                                           \
        if ((count) == (cap))                                                                      \
            (array) = arena_grow((a), (array), (count), &(cap), (count) + 1, sizeof(*(array)));    \
        (array)[(count)++] = (item);                                                               \
    } while (0)

/*
 * The bytes of an open file, which are read when they are looked at; pages that nobody looks at
 * cost nothing. STR_NONE if it cannot be mapped. A file that becomes shorter meanwhile ends the
 * process with SIGBUS: only for files that are the caller's own.
 */
struct str arena_map_file(struct arena *a, int fd, size_t size_bytes);

/* Copies; a NUL stands behind the last byte, so .ptr is a C string if s holds no NUL itself. */
struct str arena_dup(struct arena *a, struct str s);
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) HL_PRINTF(2, 3);
struct str arena_vprintf(struct arena *a, const char *fmt, va_list args) HL_PRINTF(2, 0);
struct str arena_concat(struct arena *a, struct str left, struct str right);

#endif
