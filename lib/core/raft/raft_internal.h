/*
 * What the files of core/raft share. Not for others.
 *
 *   raft.c       construction, the step, gathering of effects
 *   entries.c    the log as the core sees it: cache, terms, truncation, what is durable
 *   election.c   timeouts, pre-vote, votes, becoming something
 *   replicate.c  append, acknowledge, commit
 *   read.c       ReadIndex
 */
#ifndef HL_CORE_RAFT_RAFT_INTERNAL_H
#define HL_CORE_RAFT_RAFT_INTERNAL_H

#include "core/raft/raft.h"

enum {
    INFLIGHT_MAX = 128, /* unacknowledged append messages to one follower */
    ENTRIES_PER_MESSAGE = 1024,
    APPEND_BYTES = 512 << 10, /* of entry data in one append message */
    APPLY_BYTES = 1 << 20,    /* of entry data handed out in one step */
    READS_MAX = 4096,
};

struct inflight {
    uint64_t last_index;
    size_t bytes;
};

/* A follower as the leader sees it. */
struct peer {
    uint64_t id;
    bool has_voted; /* answered in this election */
    bool has_granted;
    uint64_t match;
    uint64_t next;
    bool is_probing; /* position unknown: one append at a time */
    bool is_waiting; /* the probe is out */
    struct inflight inflight[INFLIGHT_MAX];
    size_t inflight_head;
    size_t inflight_count;
    size_t inflight_bytes;
    int64_t heard_ms; /* -1: not in this leadership */
    uint64_t round;   /* newest read round acknowledged */
};

/* A persist effect that was handed out and not confirmed yet. */
struct pending_persist {
    uint64_t sequence;
    uint64_t last_index; /* durable when confirmed; lowered by a truncation */
    struct raft_hard_state hard;
};

/* A message that waits until `sequence` is durable. It has no entries. */
struct held_message {
    uint64_t sequence;
    struct raft_message message;
};

struct pending_read {
    uint64_t tag;
    uint64_t from;  /* the follower that asked, or 0: our own caller */
    uint64_t round; /* of the leader: acknowledged by a majority, it is ready */
    uint64_t index;
};

struct raft {
    struct raft_config config;
    struct rng rng;
    int64_t now_ms;
    enum raft_role role;
    struct raft_hard_state hard;
    struct raft_hard_state hard_asked;   /* in some persist effect */
    struct raft_hard_state hard_durable; /* confirmed */
    uint64_t leader;
    bool is_broken; /* the disk failed */

    /* log */
    uint64_t first_index;
    uint64_t last_index;
    uint64_t durable_index;
    uint64_t asked_index;   /* entries up to here are in some persist effect */
    uint64_t truncate_from; /* to be said with the next persist effect; 0: nothing */
    uint64_t start_last_index;
    uint64_t start_last_term;
    struct raft_entry *cache; /* entries cache_first .. last_index */
    uint64_t cache_first;
    size_t cache_cap;
    size_t cache_bytes;
    uint64_t commit;
    uint64_t handed; /* given out for application */
    uint64_t applied;
    size_t uncommitted_bytes;
    uint64_t verified;   /* follower: up to here the log is the present leader's */
    uint64_t term_start; /* leader: index of its no-op */

    /* durability */
    uint64_t sequence;
    struct pending_persist *pending;
    size_t pending_count;
    size_t pending_cap;
    struct held_message *held;
    size_t held_count;
    size_t held_cap;

    /* time */
    int64_t election_due_ms;
    int64_t heartbeat_due_ms;
    int64_t quorum_due_ms; /* leader: when to check that a majority was heard */
    int64_t leader_heard_ms;
    bool is_leader_lost; /* its connection broke, and it was not heard since */
    int64_t hint_ms;
    bool is_transfer; /* this election was asked for by the leader */
    uint64_t transfer_to;

    struct peer peer[RAFT_VOTERS_MAX];
    size_t peer_count;

    /* reads */
    uint64_t read_round;
    struct pending_read *read;
    size_t read_count;
    size_t read_cap;
    bool is_round_wanted; /* a read waits for the next round */

    /* of the step under way */
    struct arena *arena;
    struct raft_output *out;
    struct raft_message *send;
    size_t send_cap;
    struct raft_read_ready *ready;
    size_t ready_cap;
    struct raft_refused *refused;
    size_t refused_cap;
};

size_t raft_majority(const struct raft *r);
struct peer *raft_peer(struct raft *r, uint64_t id);
void raft_send(struct raft *r, const struct raft_message *m);
/* Sends when all that this member has promised so far, up to entry `index`, is durable. */
void raft_send_when_durable(struct raft *r, uint64_t index, const struct raft_message *m);
void raft_refuse(struct raft *r, uint64_t tag, bool is_read, enum raft_refusal why);

/* entries.c */
bool log_term_of(struct raft *r, uint64_t index, uint64_t *out); /* false: unreadable, now broken */
bool log_get(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
             const struct raft_entry **out, size_t *out_count);
void log_append_entry(struct raft *r, uint64_t term, enum raft_entry_kind kind, struct str data);
void log_truncate(struct raft *r, uint64_t from);
void log_evict(struct raft *r);
/* The largest index <= from whose term is <= term; both logs can only agree at or below it. */
bool log_find_by_term(struct raft *r, uint64_t from, uint64_t term, uint64_t *out_index);
bool log_is_up_to_date(struct raft *r, uint64_t last_index, uint64_t last_term);

/* election.c */
void election_reset_timer(struct raft *r);
void election_tick(struct raft *r);
void election_peer_lost(struct raft *r, uint64_t peer);
void become_follower(struct raft *r, uint64_t term, uint64_t leader);
bool leader_is_fresh(const struct raft *r);
void handle_vote(struct raft *r, const struct raft_message *m);
void handle_vote_reply(struct raft *r, const struct raft_message *m);
void handle_timeout_now(struct raft *r);
void election_own_vote_is_durable(struct raft *r);

/* replicate.c */
void leader_start(struct raft *r);
void leader_tick(struct raft *r);
void propose(struct raft *r, const struct str *data, size_t count, uint64_t tag);
void handle_append(struct raft *r, const struct raft_message *m);
void handle_append_reply(struct raft *r, const struct raft_message *m);
void handle_heartbeat(struct raft *r, const struct raft_message *m);
void handle_heartbeat_reply(struct raft *r, const struct raft_message *m);
void handle_propose(struct raft *r, const struct raft_message *m);
void commit_advance(struct raft *r);
void broadcast_heartbeat(struct raft *r);
void transfer_start(struct raft *r, uint64_t peer);

/* read.c */
void read_ask(struct raft *r, uint64_t tag);
void handle_read(struct raft *r, const struct raft_message *m);
void handle_read_reply(struct raft *r, const struct raft_message *m);
void read_advance(struct raft *r);
void read_drop_all(struct raft *r);

#endif
