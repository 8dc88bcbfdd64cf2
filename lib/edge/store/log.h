/*
 * The durable Raft log: one append-only file of checksummed records, preallocated in steps.
 *
 * A record is one persist effect or part of one: hard state, truncation or entry. log_append writes
 * all of a struct raft_persist and ends with one fdatasync: when it returns 0, everything is on
 * disk. Entries are found through an index in memory (16 bytes each), so log_read seeks directly.
 *
 * Recovery: everything that one log_append wrote is one batch. Batches are read up to the first
 * that is not whole. If nothing of a later batch stands behind it, it is the torn tail of an append
 * that was never acknowledged, and is cut; else it is damage and HL_ECORRUPT, with file, offset and
 * what to do. (Damage to the very last batch cannot be told from a torn tail.) The file names the
 * mesh and the member: a store of another mesh or member, or of another format version, is
 * HL_ECORRUPT too. Nothing is changed on disk before recovery has succeeded.
 *
 * Failure: after a failed write or fdatasync the log refuses everything (the page cache can no
 * longer be trusted): the caller feeds RAFT_EVENT_DISK_FAILED or ends. A full disk is found before
 * it hurts: room is prepared ahead in steps of 64 KiB to 4 MiB, and HL_ENOSPACE leaves the log as
 * it was and usable.
 *
 * Threads: append from one thread; read may run in another at the same time (raft_storage.read).
 */
#ifndef HL_EDGE_STORE_LOG_H
#define HL_EDGE_STORE_LOG_H

#include "core/raft/raft.h"

struct store_log;

struct store_identity {
    struct str mesh; /* fingerprint of the mesh */
    uint64_t member; /* Raft id of this coordinator */
};

/*
 * Opens or creates `dir`/raft.log; the directory must exist and belongs to this process alone (a
 * lock is held; a second opener gets HL_ECONFLICT). Fills recovered except applied_index; its runs
 * are borrowed until the first append. HL_EINVAL: a mesh of no or more than 256 bytes, member 0.
 */
HL_MUST int log_open(struct str dir, const struct store_identity *identity, struct store_log **out,
                     struct raft_recovered *recovered, struct err *err);
void log_close(struct store_log *log);
HL_DEFINE_FREEP(log_close, struct store_log)

/* 0 when durable; HL_ENOSPACE (unchanged, try again later); HL_EIO (final). */
HL_MUST int log_append(struct store_log *log, const struct raft_persist *persist, struct err *err);

/* For raft_config.storage; context is the struct store_log. */
HL_MUST int log_read(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                     struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err);

struct log_stats {
    uint64_t file_bytes;
    uint64_t appended_bytes; /* since open */
    uint64_t sync_count;
    int64_t sync_last_us;
    int64_t sync_max_us;
};
void log_stats_get(const struct store_log *log, struct log_stats *out);

#endif
