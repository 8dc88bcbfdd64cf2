/*
 * The open log, for log.c (writing, reading) and recover.c (what the file says at start).
 */
#ifndef HL_EDGE_STORE_LOG_INTERNAL_H
#define HL_EDGE_STORE_LOG_INTERNAL_H

#include <stdatomic.h>

#include "edge/store/log_format.h"

enum { PLACE_CHUNK = 8192, PLACE_CHUNKS = 1 << 14 }; /* 134 million entries */

struct log_place {
    uint64_t offset;
    uint32_t length; /* of the payload */
    uint32_t kind;
};

/*
 * Places of entries 1..last_index in chunks that never move, so that a reader in another thread
 * needs no lock: it sees last_index (acquire), and every place up to it was written before
 * (release). A reader asks only for entries that no running append replaces.
 */
struct log_index {
    struct log_place **chunk;
    _Atomic uint64_t last_index;
};

struct store_log {
    int lock_fd;
    int fd;
    struct str path;
    uint32_t salt;
    uint64_t batch;      /* last one written */
    uint64_t end;        /* where the next record goes */
    uint64_t file_bytes; /* preallocated, zero from `end` on */
    bool has_failed;
    struct raft_hard_state hard;
    struct log_index index;
    struct raft_term_run *run;
    size_t run_count;
    size_t run_cap;
    struct buf out;
    struct log_stats stats;
};

struct log_place *log_place_of(const struct log_index *index, uint64_t entry);

/*
 * Takes one record into hard, index and run: HL_ECORRUPT if it contradicts those before it, with
 * the log unchanged. `last_index` is the caller's running value, published when the batch ends.
 */
HL_MUST int log_take(struct store_log *log, const struct log_record *record, uint64_t offset,
                     uint64_t *last_index, struct err *err);

/* Reads the whole file; sets end, batch, hard, index and run. *out_dirty_to: bytes from end to here
 * are remains of a batch that was never acknowledged. */
HL_MUST int log_recover(struct store_log *log, const struct store_identity *identity,
                        uint64_t *out_dirty_to, struct err *err);

#endif
