/*
 * Pieces: how the records of a generation travel. For this folder only.
 *
 *   part  key_len u32 | value_len u32 | offset u32 | part_len u32 | crc u32 | key | part of the
 * value
 *
 * A piece is a run of parts; a value that is larger than a piece is cut into several. The CRC-32C
 * covers the four lengths, the key and the part. A cursor is empty at the beginning, else an
 * offset u32 and a key: what comes next is the value of that key from that offset on, or, when the
 * offset is 0, the record behind that key.
 *
 * Threads: those of the reader and the writer behind it.
 */
#ifndef HL_EDGE_STORE_PIECE_H
#define HL_EDGE_STORE_PIECE_H

#include "edge/store/generation.h"

/* The piece that begins at the cursor. HL_EINVAL: there is no such place. */
HL_MUST int piece_read(struct reader *r, struct str cursor, size_t max_bytes, struct arena *a,
                       struct str *out_data, struct str *out_next, bool *out_is_last,
                       struct err *err);

/* Puts pieces together again, into a writer. */
struct piece_taker {
    struct writer *writer;
    struct buf key; /* of the value that is not whole yet; empty: none */
    struct buf value;
    uint32_t value_len;
    struct buf last; /* the last key that is in the writer */
};

/* HL_EINVAL: malformed, damaged, or not what comes next. */
HL_MUST int piece_take(struct piece_taker *t, struct str data, struct err *err);
/* Where the next piece shall begin. */
struct str piece_cursor(const struct piece_taker *t, struct arena *a);
void piece_taker_deinit(struct piece_taker *t); /* the writer stays */

#endif
