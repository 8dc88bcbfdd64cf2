/*
 * A growable byte buffer on the heap, for output whose size is not known beforehand.
 *
 * {0} is a valid empty buffer. buf_str borrows the content until the next change. Integers are
 * written little-endian. The buffer grows by doubling; out of memory ends the process.
 *
 * Threads: confined to the owner's thread.
 */
#ifndef HL_BASE_BUF_H
#define HL_BASE_BUF_H

#include "base/attr.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
};

void buf_deinit(
    struct buf *b); /* fits HL_CLEANUP directly: HL_CLEANUP(buf_deinit) struct buf b = {0}; */
void buf_reset(struct buf *b); /* empties, keeps the memory */
/* Room for `more` bytes behind the content; returns where to write. buf_commit makes them content.
 */
char *buf_reserve(struct buf *b, size_t more);
void buf_commit(struct buf *b, size_t added);

void buf_add(struct buf *b, struct str s);
void buf_add_bytes(struct buf *b, const void *bytes, size_t len);
void buf_add_byte(struct buf *b, char c);
void buf_add_cstr(struct buf *b, const char *c);
void buf_add_u32(struct buf *b, uint32_t v);
void buf_add_u64(struct buf *b, uint64_t v);
/* Appends s in double quotes as Go's %q does: quotes, backslashes, control characters and bytes
 * that are no UTF-8 escaped. Characters beyond Latin-1 stay as they are, printable or not. */
void buf_add_quoted(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...) HL_PRINTF(2, 3);

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr, b->len};
}

/* Little-endian reads from p, which must hold enough bytes. */
uint32_t bytes_u32(const void *p);
uint64_t bytes_u64(const void *p);

#endif
