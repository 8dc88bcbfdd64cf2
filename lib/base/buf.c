/* Doubling growth, little-endian integers. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_deinit(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
}

char *buf_reserve(struct buf *b, size_t more)
{
    size_t need;

    if (__builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 2)
        hl_die("buffer: %zu bytes and %zu more", b->len, more);
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < need)
            cap *= 2;
        b->ptr = hl_realloc(b->ptr, cap);
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_commit(struct buf *b, size_t added)
{
    HL_ASSERT(added <= b->cap - b->len);
    b->len += added;
}

void buf_add_bytes(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(buf_reserve(b, len), bytes, len);
    b->len += len;
}

void buf_add(struct buf *b, struct str s)
{
    buf_add_bytes(b, s.ptr, s.len);
}

void buf_add_byte(struct buf *b, char c)
{
    *buf_reserve(b, 1) = c;
    b->len++;
}

void buf_add_cstr(struct buf *b, const char *c)
{
    buf_add_bytes(b, c, strlen(c));
}

void buf_add_u32(struct buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        buf_add_byte(b, (char)(unsigned char)(v >> (8 * i)));
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        buf_add_byte(b, (char)(unsigned char)(v >> (8 * i)));
}

static void add_quoted_byte(struct buf *b, unsigned char c)
{
    static const char named[] = "\a\b\t\n\v\f\r";

    if (c == '"' || c == '\\')
        buf_printf(b, "\\%c", c);
    else if (c >= '\a' && c <= '\r')
        buf_printf(b, "\\%c", "abtnvfr"[strchr(named, c) - named]);
    else if (c < ' ' || c >= 0x7f)
        buf_printf(b, "\\x%02x", c);
    else
        buf_add_byte(b, (char)c);
}

void buf_add_quoted(struct buf *b, struct str s)
{
    uint32_t rune;

    buf_add_byte(b, '"');
    for (size_t at = 0, len; at < s.len; at += len) {
        len = str_rune(s, at, &rune);
        if (len == 2 && (rune <= 0xa0 || rune == 0xad))
            buf_printf(b, "\\u%04x", (unsigned)rune);
        else if (len > 1)
            buf_add_bytes(b, s.ptr + at, len);
        else
            add_quoted_byte(b, (unsigned char)s.ptr[at]);
        if (len == 0)
            len = 1;
    }
    buf_add_byte(b, '"');
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_list again;

    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    HL_ASSERT(len >= 0);
    vsnprintf(buf_reserve(b, (size_t)len + 1), (size_t)len + 1, fmt, args);
    b->len += (size_t)len;
    va_end(args);
}

uint32_t bytes_u32(const void *p)
{
    const unsigned char *u = p;

    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

uint64_t bytes_u64(const void *p)
{
    const unsigned char *u = p;

    return (uint64_t)bytes_u32(u) | (uint64_t)bytes_u32(u + 4) << 32;
}
