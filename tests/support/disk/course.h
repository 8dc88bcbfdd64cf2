/*
 * A course of a coordinator's store from a seed: appends, cuts, members, checkpoints, compactions,
 * installed snapshots and restarts, as consensus would ask for them, with a note after each step of
 * what must be there from then on.
 *
 * Threads: one.
 */
#ifndef HL_TESTS_SUPPORT_DISK_COURSE_H
#define HL_TESTS_SUPPORT_DISK_COURSE_H

#include "edge/store/log.h"
#include "edge/store/statedb.h"

enum { COURSE_ENTRIES_MAX = 2048, COURSE_SEGMENT_BYTES = 64 << 10, COURSE_KINDS = 6 };

struct course_item {
    uint32_t term;
    uint32_t len; /* of the data; 0 of a command: its key is deleted */
    enum raft_entry_kind kind;
};

/* What log and state must say. */
struct course_model {
    uint64_t first; /* of the log; what is below may still be there */
    uint64_t last;
    uint64_t commit; /* nothing at or below is ever cut */
    uint64_t base;   /* index of the durable state */
    struct raft_hard_state hard;
    struct course_item item[COURSE_ENTRIES_MAX]; /* by index; below `first` what the state had */
};

/* After a step: changes of the disk up to here belong to it. */
struct course_mark {
    size_t change_count;
    struct course_model model;
};

struct course;

/* `path` is the store's, `leader` that of another one, from which snapshots are taken; their
 * parents must exist. `log_only`: neither checkpoints nor snapshots. */
struct course *course_new(const char *path, const char *leader, uint64_t seed, bool log_only);
/* Goes on with what course_check would accept; its first mark is what was found. */
struct course *course_resume(const char *where, const char *path, const char *leader, uint64_t seed,
                             const struct course_model *before, const struct course_model *after);
/* As a killed process leaves it. */
void course_free(struct course *c);
HL_DEFINE_FREEP(course_free, struct course)

/* One step more, or the last one again if it failed. 0, or what the store said. */
HL_MUST int course_step(struct course *c, struct err *err);
const char *course_step_name(const struct course *c);
/* How many kinds of steps were taken so far, of COURSE_KINDS. */
unsigned course_kinds(const struct course *c);

/* The first one is the beginning. */
const struct course_mark *course_marks(const struct course *c, size_t *out_count);
/* What the last step would have made true, done or failed. */
const struct course_model *course_attempt(const struct course *c);

/*
 * Opens the store at `path` and fails the test unless it holds what `before` says, or what `after`
 * says, or the log of one and the state of the other; then goes on with it and opens it once more.
 * `where` begins every message.
 */
void course_check(const char *where, const char *path, const struct course_model *before,
                  const struct course_model *after);

#endif
