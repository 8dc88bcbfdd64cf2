/*
 * What Raft promises (paper, Figure 3, and more), checked on every effect of every member.
 *
 * The checker keeps histories as rolling hashes: "equal up to here" is one comparison. Members sit
 * in slots; a slot whose store was refused goes on as another member with an empty disk. A rule
 * that is broken is described in `violation`, the first one stays.
 *
 *   1 one leader in a term · 2 a leader's log only grows · 3 equal (index, term), equal history
 *   4 a new leader holds all that was committed before · 5 what is applied is the same everywhere
 *   6 what anybody holds for committed is durable on a majority of the voters in force
 *   7 term, commit, applied never go back; a match is durable at that member
 *   8 one vote in a term, over all lives · 9 no promise that the sender's disk does not hold
 *   10 one change of members at a time, by one voter, after an entry of the leader's own term
 *   11 a read index is not below what was committed when the read was asked
 *   12 messages and uncommitted bytes stay within their limits
 */
#ifndef HL_TESTS_SIM_CHECK_H
#define HL_TESTS_SIM_CHECK_H

#include "core/raft/raft.h"
#include "sim/marks.h"

enum { SLOTS = 7, ID_LIMIT = 64, VIOLATION_MAX = 400 };

struct past {
    uint64_t term;
    uint64_t hash;      /* of everything up to this entry */
    uint64_t end_bytes; /* cost of everything up to this entry */
};

/* Entry i stands at i - 1. */
struct history {
    struct past *past;
    size_t count;
    size_t cap;
};

struct check_slot {
    uint64_t id; /* 0: nobody */
    struct history log;
    struct history durable;
    struct raft_hard_state hard;
    uint64_t base_index;
    uint64_t handed;
    uint64_t led_from;         /* the end of its log when it was elected last */
    struct raft_status status; /* after its last step in this life */
    bool has_status;
};

struct seen_entry {
    uint64_t index;
    uint64_t term;
    uint64_t hash;
};

struct check {
    struct check_slot slot[SLOTS];
    size_t uncommitted_bytes_max;
    uint8_t *leader_of; /* id, by term */
    uint8_t *vote_of;   /* id, by term * ID_LIMIT + voter's id */
    size_t term_cap;
    struct history committed;
    uint64_t *committed_in; /* the term of who saw it committed first */
    size_t committed_cap;
    struct seen_entry *seen; /* open addressing by (index, term) */
    size_t seen_count;
    size_t seen_cap;
    uint64_t mark[MARK_COUNT];
    char violation[VIOLATION_MAX];
};

void check_init(struct check *k);
void check_deinit(struct check *k);
HL_PRINTF(2, 3) void check_violate(struct check *k, const char *fmt, ...);

/* `s` is the slot's number. */
void check_output(struct check *k, size_t s, const struct raft *r, const struct raft_output *out);
void check_message(struct check *k, size_t s, const struct raft_message *m);
void check_read(struct check *k, uint64_t index, uint64_t committed_when_asked);

/* What became durable. */
void check_hard(struct check *k, size_t s, const struct raft_hard_state *hard);
void check_reset(struct check *k, size_t s, uint64_t index, uint64_t term);
void check_truncate(struct check *k, size_t s, uint64_t from);
void check_entry(struct check *k, size_t s, const struct raft_entry *e);
void check_base(struct check *k, size_t s, const struct raft_snapshot *base);

/* The member begins again from its disk, or the slot as another member from nothing. */
void check_start(struct check *k, size_t s, uint64_t applied_index);
void check_wipe(struct check *k, size_t s, uint64_t id);

/* True if a majority of the voters of every configuration in force is left without these slots, and
 * no member holds a change that is not committed. (While one is not, the loss of a single member
 * may be too much: the only one whose log says that the learner votes by now needs the learner's
 * vote, and the learner, promoted by nobody else, has the newer log and may not lead.) */
bool check_is_majority_without(const struct check *k, const bool is_gone[SLOTS]);
struct check_slot *check_slot_of(struct check *k, uint64_t id); /* NULL */

#endif
