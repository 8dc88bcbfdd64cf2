/*
 * Attributes and assertions that every file may use.
 *
 * HL_MUST marks a result that a caller has to look at. HL_CLEANUP(fn) runs fn(&variable) at the end
 * of the variable's scope; HL_DEFINE_FREEP(fn, type) defines fn##p for it. HL_ASSERT states what
 * must hold if our own code is right: it stays on in release, has no side effect, and never judges
 * outside input. A failed assertion and an exhausted memory end the process (hl_die).
 *
 * Threads: everything here is safe from any thread.
 */
#ifndef HL_BASE_ATTR_H
#define HL_BASE_ATTR_H

#include <stddef.h>
#include <stdint.h>

#define HL_MUST __attribute__((warn_unused_result))
#define HL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HL_NORETURN __attribute__((noreturn))
#define HL_CLEANUP(fn) __attribute__((cleanup(fn)))
#define HL_DEFINE_FREEP(fn, type)                                                                  \
    static inline void fn##p(type **hl_p_)                                                         \
    {                                                                                              \
        fn(*hl_p_);                                                                                \
    }

#define HL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HL_ASSERT(cond)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            hl_assert_failed(__FILE__, __LINE__, #cond);                                           \
    } while (0)

/* Prints "hlmesh: <message>[: strerror]" to stderr and aborts. For what must never happen. */
HL_NORETURN HL_PRINTF(1, 2) void hl_die(const char *fmt, ...);
HL_NORETURN void hl_assert_failed(const char *file, int line, const char *what);

/* malloc family that never returns NULL: out of memory ends the process (decision D16). */
void *hl_alloc(size_t size_bytes) __attribute__((malloc, returns_nonnull));
void *hl_calloc(size_t count, size_t size_bytes) __attribute__((malloc, returns_nonnull));
void *hl_realloc(void *old, size_t size_bytes) __attribute__((returns_nonnull));

#endif
