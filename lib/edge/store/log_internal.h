/*
 * The open log, for log.c (writing, reading), segment.c (its files) and recover.c (what they say at
 * start).
 */
#ifndef HL_EDGE_STORE_LOG_INTERNAL_H
#define HL_EDGE_STORE_LOG_INTERNAL_H

#include <pthread.h>

#include "edge/store/log_format.h"

struct segment {
    uint64_t number;
    int fd;
    uint32_t salt;
    uint64_t bytes; /* of the file */
};

/* Where an entry lies. */
struct log_place {
    uint32_t segment; /* number */
    uint32_t offset;
    uint32_t length; /* of the payload */
    uint32_t kind;
};

struct log_members {
    uint64_t index;
    uint64_t term;
    struct str data; /* heap */
};

/*
 * What the log holds: entries first..last, in a ring by index. Everything here changes under the
 * writer's lock, and is read by others under the readers'.
 */
struct log_view {
    uint64_t first;
    uint64_t last; /* first - 1 when there is none */
    uint64_t before_term;
    struct log_place *place;
    size_t cap; /* a power of two */
    struct raft_term_run *run;
    size_t run_count;
    size_t run_cap;
    struct log_members *members;
    size_t members_count;
    size_t members_cap;
    uint64_t live_bytes;
};

struct store_log {
    struct str dir; /* heap: the folder of the segments */
    size_t segment_bytes;
    pthread_rwlock_t lock; /* of the view, the segments, the number of spare files and the stats */
    struct log_view view;
    struct segment *segment; /* ascending and without gaps; the last one is written to */
    size_t segment_count;
    size_t segment_cap;
    uint64_t end;        /* where the next batch goes in it */
    bool is_end_dirty;   /* remains of a torn append stand there: the next batch needs a new one */
    size_t spare_count;  /* prepared files without a number */
    uint64_t spare_next; /* their names grow */
    int filling_fd;      /* the next spare file, while `filled` is not 0 ... */
    uint64_t filled;     /* ... up to here ... */
    uint64_t filling_bytes; /* ... of so many */
    bool is_renamed;        /* a segment became a spare file, and that is not durable yet */
    uint64_t batch;         /* last one written */
    struct raft_hard_state hard;
    bool has_failed;
    struct buf out;
    struct log_stats stats;
    struct raft_entry *recovered_members; /* borrowed by the caller until the first append */
};

/* ---- segment.c ---- */

/* Opens or makes the folder; lists what is there. */
HL_MUST int segments_open(struct store_log *log, struct err *err);
void segments_close(struct store_log *log);
/* Begins a spare file of `bytes`, all of whose blocks exist, or goes on with the one that was
 * begun, by `step` bytes. HL_ENOSPACE, HL_EIO: nothing is left of it. */
HL_MUST int segments_fill(struct store_log *log, uint64_t bytes, uint64_t step, struct err *err);
void segments_fill_end(struct store_log *log); /* gives up what was begun */
/* Makes the names of recycled files durable: before one gets a new head, lest a power cut leaves
 * that head under the old number. HL_EIO. */
HL_MUST int segments_settle(struct store_log *log, struct err *err);
/* Takes a prepared file of at least `bytes` as the next segment, durably, or prepares one. */
HL_MUST int segments_switch(struct store_log *log, uint64_t bytes, struct err *err);
/* Spare ones go, but one. */
void segments_trim(struct store_log *log);
/* Those before `number` become spare ones or go. */
void segments_drop_before(struct store_log *log, uint64_t number);
struct str segment_path(struct arena *a, const struct store_log *log, uint64_t number);

/* ---- log.c ---- */

uint64_t view_term(const struct log_view *v, uint64_t index); /* 0: not known */
/* Each takes one record; the caller has judged it. */
void view_append(struct log_view *v, const struct log_record *record, uint32_t segment,
                 uint32_t offset);
void view_truncate(struct log_view *v, uint64_t from, uint64_t before_term);
void view_reset(struct log_view *v, uint64_t index, uint64_t term);

/* ---- recover.c ---- */

/* Reads all segments into view, hard, batch, end. HL_ECORRUPT, HL_EUNSUPPORTED. */
HL_MUST int log_recover(struct store_log *log, struct err *err);

#endif
