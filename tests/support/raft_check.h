/*
 * What Raft promises, as a checker that sees every effect of every member (see raft_cluster.h).
 * It keeps its own copy of what is known: histories as rolling hashes, so that "equal up to here"
 * is one comparison.
 */
#ifndef HL_TESTS_SUPPORT_RAFT_CHECK_H
#define HL_TESTS_SUPPORT_RAFT_CHECK_H

#include "support/raft_cluster.h"

/* A log as terms and hashes of everything up to each index. */
struct history {
    uint64_t *term;
    uint64_t *hash;
    size_t count; /* index i stands at i - 1 */
    size_t cap;
};

struct check_member {
    struct history log;     /* as the member sees it, what was compacted included */
    struct history durable; /* the log as its disk holds it */
    uint64_t base;          /* its durable base: everything up to here, log or not */
    struct raft_hard_state durable_hard;
    uint64_t applied;
    struct raft_status status; /* after its last step */
    bool has_status;
};

struct seen {
    uint64_t index;
    uint64_t term;
    uint64_t hash;
};

/* Members named by a committed entry. */
struct committed_members {
    uint64_t index;
    struct raft_members members;
};

struct check {
    size_t member_count;
    struct check_member member[CLUSTER_MAX];
    uint64_t *leader_of; /* by term */
    uint64_t *vote_of;   /* by term * CLUSTER_MAX + member */
    size_t term_cap;
    struct history committed;
    uint64_t *committed_in; /* the term of who saw it committed first */
    size_t committed_cap;
    struct committed_members *conf; /* ascending; the first are the founders, at 0 */
    size_t conf_count;
    size_t conf_cap;
    struct seen *seen; /* open addressing by (index, term) */
    size_t seen_count;
    size_t seen_cap;
    char violation[CLUSTER_TEXT_MAX];
};

void check_init(struct check *k, size_t member_count, const struct raft_members *founders);
void check_deinit(struct check *k);

uint64_t history_hash(const struct history *h, uint64_t index);
void history_cut(struct history *h, uint64_t from);
void history_add(struct history *h, const struct raft_entry *e);
void history_copy(struct history *to, const struct history *from);

/* `i` is the member's place, from 0. */
void check_output(struct check *k, size_t i, const struct raft *r, const struct raft_output *out);
void check_durable(struct check *k, size_t i, const struct raft_persist *p);
/* A base at `index` is durable on its disk. */
void check_base(struct check *k, size_t i, uint64_t index);
/* The state machine stands at `index` now, by a snapshot. */
void check_installed(struct check *k, size_t i, uint64_t index);
/* The member begins again from its disk. */
void check_restart(struct check *k, size_t i, uint64_t applied_index);
/* The members that committed entries name at `index`. */
const struct committed_members *check_members_at(const struct check *k, uint64_t index);
void check_read(struct check *k, uint64_t tag, uint64_t index, uint64_t committed_when_asked);

#endif
