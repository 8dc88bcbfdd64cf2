/*
 * The bytes of a log segment, for this folder and its tests only: pure functions over memory.
 *
 *   header  LOG_HEADER_BYTES: magic, version, salt, number, first batch, term and vote in force,
 *           index and term of the entry that the segment continues behind, CRC-32C; then zero
 *   record  crc u32 | magic u16 | kind u8 | flags u8 | batch u64 | index u64 | term u64
 *           | length u32 | reserved u32 | payload, zero-padded to LOG_ALIGN
 *
 * All little-endian. The CRC covers what follows it including the padding and begins from the salt
 * of the segment, so that nothing of the segment's former life, nor a log stored as payload, can
 * pass for a record. Everything that one log_append wrote carries one batch number, which grows by
 * one over all segments, and its last record LOG_LAST: a batch counts as a whole or not at all, and
 * lies in one segment.
 */
#ifndef HL_EDGE_STORE_LOG_FORMAT_H
#define HL_EDGE_STORE_LOG_FORMAT_H

#include "edge/store/log.h"

enum {
    LOG_HEADER_BYTES = 4096,
    LOG_RECORD_BYTES = 40, /* without payload */
    LOG_ALIGN = 8,
    LOG_VERSION = 2,
};

enum log_record_kind {
    LOG_HARD_STATE = 1, /* term; index holds the vote */
    LOG_TRUNCATE = 2,   /* index: it and everything behind it is gone; term: of the one before */
    LOG_NOOP = 3,       /* entries: index, term */
    LOG_COMMAND = 4,
    LOG_MEMBERS = 5,
    LOG_RESET = 6, /* everything is gone; the next entry is behind index, which has term */
    LOG_KIND_MAX = LOG_RESET,
};
enum { LOG_LAST = 1 }; /* flag */

struct log_record {
    enum log_record_kind kind;
    bool is_last;
    uint64_t batch;
    uint64_t index;
    uint64_t term;
    struct str payload;
};

/* With padding. */
size_t log_record_size(size_t payload_len);

/* Outcomes of log_record_read. */
enum log_read_outcome {
    LOG_RECORD = 0,
    LOG_ZERO,    /* never written */
    LOG_DAMAGED, /* not a record */
};

void log_record_add(struct buf *out, uint32_t salt, const struct log_record *record);
/* Looks at the `available` bytes at p; on LOG_RECORD the payload is borrowed from them. What is cut
 * short by `available` is damaged. */
enum log_read_outcome log_record_read(const char *p, size_t available, uint32_t salt,
                                      struct log_record *out);

struct log_header {
    uint32_t version;
    uint32_t salt;
    uint64_t number;      /* of the segment; from 1 */
    uint64_t first_batch; /* that it holds, or will hold */
    struct raft_hard_state hard;
    uint64_t before_index; /* the entry that it continues behind */
    uint64_t before_term;
};

void log_header_add(struct buf *out, const struct log_header *header);
/* False: damaged or not a segment at all. */
HL_MUST bool log_header_read(const char p[LOG_HEADER_BYTES], struct log_header *out);

#endif
