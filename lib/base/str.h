/*
 * Strings: a pointer and a length, borrowed unless a function says otherwise.
 *
 * A struct str may hold any bytes and need not end in NUL; {NULL, 0} is the empty string. str_dup
 * copies to the heap (free with str_free); arena_dup (base/arena.h) copies into an arena.
 *
 * Threads: pure functions of their arguments.
 */
#ifndef HL_BASE_STR_H
#define HL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/* The string of a NUL-terminated C string, borrowed; NULL gives the empty string. */
struct str str_from(const char *c);

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

/* Bytewise order; a prefix sorts first. */
static inline int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? (unsigned char)a.ptr[0] - (unsigned char)b.ptr[0] : 0;

    if (order == 0 && n > 1)
        order = memcmp(a.ptr, b.ptr, n);
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix);
bool str_has_byte(struct str s, char c);

/* Offset of the first occurrence of `needle` at or after `from`; SIZE_MAX if there is none. */
size_t str_find(struct str s, struct str needle, size_t from);

/* Bytes [from, to) of s; both are cut to its length. */
static inline struct str str_sub(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from >= to)
        return STR_NONE;
    return (struct str){s.ptr + from, to - from};
}

/* Without ASCII blanks (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);

/*
 * Cuts *rest at the first `sep`: returns what stood before it and moves *rest behind it. Without a
 * separator it returns all and empties *rest. Loop: while (rest.len) { part = str_cut(&rest, ',');
 * }
 */
struct str str_cut(struct str *rest, char sep);

/* Decimal integers, whole string, no blanks. Returns false on anything else or overflow. */
HL_MUST bool str_to_i64(struct str s, int64_t *out);
HL_MUST bool str_to_u64(struct str s, uint64_t *out);

/* True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool str_is_utf8(struct str s);

/* The character at byte `at` (< s.len): its length in bytes, or 0 if none starts well-formed there.
 */
size_t str_rune(struct str s, size_t at, uint32_t *out_rune);

/* A copy on the heap, NUL behind the last byte. Free with str_free. */
struct str str_dup(struct str s);
void str_free(struct str s);

#endif
