/*
 * The durable Raft log: checksummed records in append-only segments, one flush per batch.
 *
 * A segment is a file `log/<number>.seg`, prepared in full before it is used (LOG_SEGMENT_BYTES of
 * blocks that exist, so that an fdatasync writes data only), and begins with everything that must
 * not be lost with older ones: the hard state and the entry that the log continues behind. A record
 * is one persist effect or part of one. log_append writes any number of effects as one batch and
 * ends with one fdatasync: when it returns 0, all of them are on disk (group commit: hand over
 * everything that has queued up meanwhile). Entries are found through an index in memory (16 bytes
 * each).
 *
 * Bounded size: after compact_to, segments whose entries are all dropped become the next empty
 * ones, up to LOG_SPARE_MAX, or are deleted. A segment that is reused gets a new salt, so that
 * nothing of its former life can pass for a record.
 *
 * Recovery: batches are read up to the first that is not whole. If nothing of a later batch stands
 * behind it, it is the torn tail of an append that was never acknowledged, and is cut; else it is
 * damage and HL_ECORRUPT, with file, offset and the command that recovers this member: it is
 * emptied and gets everything from the others (docs/operations.md). Damage to the very last batch
 * cannot be told from a torn tail. Nothing is changed on disk before recovery has succeeded.
 *
 * The log continues the base, the durable image of the state (statedb.h): a log that ends before
 * base->index, or has another term there, is of no more use and is dropped at open, as a crash
 * between the installation of a snapshot and the reset of the log requires.
 *
 * Failure: after a failed write or flush the log refuses everything (the page cache can no longer
 * be trusted): the caller ends the process. A full disk is found before it hurts: the next segment
 * is prepared when the present one is half full, and HL_ENOSPACE leaves the log as it was and
 * usable.
 *
 * Threads: append from one thread; log_read may run in others at the same time.
 */
#ifndef HL_EDGE_STORE_LOG_H
#define HL_EDGE_STORE_LOG_H

#include "core/raft/raft.h"
#include "edge/store/dir.h"

enum { LOG_SEGMENT_BYTES = 4 << 20, LOG_SPARE_MAX = 8 };

struct store_log;

struct log_options {
    size_t segment_bytes; /* default LOG_SEGMENT_BYTES; at least 64 KiB; room for the largest record
                             is made in a segment of its own */
};

/*
 * Opens or creates. Fills hard, first_index, last_index, last_term, before_term, run and members of
 * `recovered` (borrowed until the first append); base and applied_index are the caller's.
 */
HL_MUST int log_open(struct store_dir *dir, const struct log_options *options,
                     const struct raft_snapshot *base, struct store_log **out,
                     struct raft_recovered *recovered, struct err *err);
void log_close(struct store_log *log);
HL_DEFINE_FREEP(log_close, struct store_log)

/* The effects in order, as one batch. 0 when durable; HL_ENOSPACE (unchanged, try again later);
 * HL_EIO (final). */
HL_MUST int log_append(struct store_log *log, const struct raft_persist *const *persist,
                       size_t count, struct err *err);

/* Does a part of making the next segment ready, if that is due: to be called after every append,
 * when it has been acknowledged. */
void log_prepare(struct store_log *log);
/* Gives up spare segments but one: to be called when nothing has been appended for a while. */
void log_trim(struct store_log *log);

/* For raft_storage.read: entries [first, ...]. HL_EABSENT: below the first, or behind the last. */
HL_MUST int log_read(struct store_log *log, uint64_t first, size_t max_count, size_t max_bytes,
                     struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err);

struct log_stats {
    uint64_t first_index;
    uint64_t last_index;
    uint64_t file_bytes;     /* of all segments on disk */
    uint64_t live_bytes;     /* of the records of entries first_index..last_index */
    uint64_t appended_bytes; /* since open */
    uint64_t batch_count;    /* since open: one flush each */
    int64_t sync_last_us;
    int64_t sync_max_us; /* since open */
};
/* Any thread. */
void log_stats_get(struct store_log *log, struct log_stats *out);

#endif
