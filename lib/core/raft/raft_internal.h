/*
 * The inside of core/raft, for the files of this folder only.
 *
 *   raft.c       events, timers, the end of a step: what is persisted, promised, applied
 *   election.c   pre-vote, votes, becoming leader, transfer
 *   replicate.c  the leader's side of the log: proposals, appends, their replies, commit
 *   follow.c     the follower's side: appends, heartbeats, acknowledgements
 *   read.c       linearizable reads by rounds
 *   entries.c    the log as far as it is in memory: terms of all entries, the last entries
 *
 * A step changes state first and emits last: handlers mark what is owed (a hard state to write, a
 * vote or an acknowledgement to send once durable, entries a peer lacks) and step_end pays.
 */
#ifndef HL_CORE_RAFT_RAFT_INTERNAL_H
#define HL_CORE_RAFT_RAFT_INTERNAL_H

#include "core/raft/raft.h"

struct raft_slot {
    struct raft_entry entry;
    uint64_t sequence;  /* of the persist effect that carries it; 0 = durable before start */
    uint64_t end_bytes; /* cost of all entries ever cached, up to this one */
};

/* The log: terms of everything, entries of [cache_first, last_index]. */
struct raft_entries {
    uint64_t first_index;
    uint64_t last_index;
    struct raft_term_run *run;
    size_t run_count;
    size_t run_cap;

    struct raft_slot *ring; /* cap is a power of two */
    size_t cap;
    size_t head;
    size_t count;
    uint64_t cache_first;
    uint64_t base_bytes; /* end_bytes of the entry before cache_first */
};

void entries_init(struct raft_entries *l, const struct raft_recovered *recovered);
void entries_deinit(struct raft_entries *l);
/* 0 for index 0 and for what lies outside the log. */
uint64_t entries_term(const struct raft_entries *l, uint64_t index);
/* The largest index <= `index` whose term is <= `term`; 0 if there is none. */
uint64_t entries_last_below(const struct raft_entries *l, uint64_t index, uint64_t term);
/* Copies the data. index is last_index + 1. */
void entries_append(struct raft_entries *l, const struct raft_entry *entry);
/* Drops `from` and everything behind it. */
void entries_truncate(struct raft_entries *l, uint64_t from);
/* Forgets the oldest entries, none behind `up_to`, until at most max_bytes are held. */
void entries_evict(struct raft_entries *l, uint64_t up_to, size_t max_bytes);
/* NULL if the entry is not in memory. */
struct raft_slot *entries_slot(const struct raft_entries *l, uint64_t index);
/* Cost of the entries (from, to], as far as they are in memory. */
uint64_t entries_bytes(const struct raft_entries *l, uint64_t from, uint64_t to);

enum raft_answer { RAFT_UNANSWERED, RAFT_GRANTED, RAFT_DENIED };

struct raft_peer {
    uint64_t id;
    enum raft_answer answer; /* to the election that runs */

    /* Leaders only, reset at each election. */
    int64_t heard_ms;
    int64_t asked_ms; /* last sign about entries in flight: an acknowledgement or our question */
    uint64_t match;   /* durable there (paper, Figure 2: matchIndex) */
    uint64_t next;    /* the first entry not sent yet (nextIndex, optimistic) */
    uint64_t commit_sent; /* the last commit index it was told */
    uint64_t read_round;  /* the last round it confirmed */
    bool is_probing;      /* where its log agrees is not known: one append at a time */
    bool is_probe_out;
};

/* On the leader: a read waiting for its round. On a follower: one handed to the leader. */
struct raft_read {
    uint64_t from;  /* who asked; this member's id: the caller, by tag */
    uint64_t tag;   /* the caller's tag, or the asker's id of it */
    uint64_t id;    /* follower: what the reply will carry */
    uint64_t round; /* leader: 0 = no round yet */
    uint64_t index;
    int64_t due_ms; /* follower: refused then */
};

/* What the step that runs has decided; everything lives in its arena. */
struct raft_effects {
    struct arena *arena;
    struct raft_message *send;
    size_t send_count;
    size_t send_cap;
    struct raft_read_ready *read;
    size_t read_count;
    size_t read_cap;
    struct raft_refused *refused;
    size_t refused_count;
    size_t refused_cap;
    uint64_t truncate_from; /* 0 = nothing */
    uint64_t append_from;   /* the first entry that is new in this step; 0 = none */
};

struct raft {
    struct raft_config config;
    struct rng rng;
    int64_t now_ms;
    struct raft_effects fx;

    /* Paper, Figure 2. */
    uint64_t term;
    uint64_t vote;
    struct raft_entries log;
    uint64_t commit;
    uint64_t handed;  /* last entry given out in `apply` */
    uint64_t applied; /* as the caller reports */

    /* Durability. */
    uint64_t sequence;      /* last persist effect */
    uint64_t persisted;     /* last one known to be durable */
    uint64_t hard_sequence; /* the one with the present term and vote */
    bool is_hard_dirty;     /* term or vote changed in this step */
    uint64_t durable;       /* the log is durable up to here */
    bool has_disk_failed;

    enum raft_role role;
    uint64_t leader;
    struct raft_peer peer[RAFT_VOTERS_MAX];
    size_t peer_count;
    int64_t election_due_ms;

    /* Follower. */
    int64_t leader_heard_ms;
    int64_t hinted_ms;     /* last election started early because a connection broke */
    bool is_leader_lost;   /* the connection to the leader broke, nothing heard since */
    uint64_t verified;     /* our log agrees with this term's leader up to here */
    uint64_t acknowledged; /* highest match told to this leader */
    bool owes_ack;
    uint64_t owes_vote_to; /* granted, not yet told */

    /* Candidate. */
    bool is_ask_due; /* the votes are asked for once our own is durable */
    bool is_transfer;

    /* Leader. */
    uint64_t term_first;      /* our no-op: the first entry of our term */
    int64_t heartbeat_due_ms; /* leader: the next beat; candidates: when to ask again */
    uint64_t transfer_to;
    bool is_transfer_told;
    int64_t transfer_due_ms;

    /* Reads. */
    struct raft_read *read;
    size_t read_count;
    size_t read_cap;
    uint64_t read_round; /* leader: last round started in this term */
    uint64_t read_id;    /* follower: last id given */
};

/* raft.c */
size_t raft_quorum(const struct raft *r);
bool raft_is_hard_durable(const struct raft *r);
struct raft_peer *raft_peer_of(struct raft *r, uint64_t id);
/* Fills from and term (unless given). */
void raft_emit(struct raft *r, struct raft_message m);
void raft_emit_refused(struct raft *r, uint64_t tag, bool is_read, enum raft_refusal why);
/* Entries [first, ...] into the step's arena; at least one unless the disk fails (then 0). */
size_t raft_collect(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
                    struct raft_entry **out);
void raft_append(struct raft *r, enum raft_entry_kind kind, uint64_t term, struct str data);
void raft_truncate(struct raft *r, uint64_t from);
void raft_fail_disk(struct raft *r);
/* The value that a quorum has reached, among `own` and what `of` says of each peer. */
uint64_t raft_quorum_value(const struct raft *r, uint64_t own,
                           uint64_t (*of)(const struct raft_peer *p));

/* election.c */
void election_follow(struct raft *r, uint64_t term, uint64_t leader);
void election_timeout(struct raft *r);
bool election_is_asking(const struct raft *r); /* for votes or pre-votes, not decided yet */
void election_ask_again(struct raft *r);
void election_reset_timer(struct raft *r);
void election_pay(struct raft *r);
void election_on_pre_vote(struct raft *r, const struct raft_message *m);
void election_on_vote(struct raft *r, const struct raft_message *m);
void election_on_reply(struct raft *r, const struct raft_message *m);
void election_on_timeout_now(struct raft *r, const struct raft_message *m);
void election_on_peer_lost(struct raft *r, uint64_t peer);
/* True while the leader we follow was heard within election_ms, or we lead; `asker` is not held
 * to be alive as a leader when it asks for votes itself. */
bool election_is_leader_fresh(const struct raft *r, uint64_t asker);
void election_transfer(struct raft *r, uint64_t to);
void election_transfer_pay(struct raft *r);
/* Names the best successor at once, up to date or not: it may lose, nothing else. */
void election_abdicate(struct raft *r);

/* replicate.c */
void replicate_start(struct raft *r);
void replicate_propose(struct raft *r, const struct raft_event *e);
void replicate_on_propose(struct raft *r, const struct raft_message *m);
void replicate_on_reply(struct raft *r, const struct raft_message *m);
void replicate_on_heartbeat_reply(struct raft *r, const struct raft_message *m);
void replicate_heartbeats(struct raft *r);
void replicate_beat(struct raft *r); /* the heartbeat timer: quorum check, heartbeats */
void replicate_peer_lost(struct raft *r, uint64_t peer);
void replicate_commit(struct raft *r);
void replicate_pay(struct raft *r);

/* follow.c */
void follow_on_append(struct raft *r, const struct raft_message *m);
void follow_on_heartbeat(struct raft *r, const struct raft_message *m);
void follow_pay(struct raft *r);

/* read.c */
void read_start(struct raft *r, uint64_t tag);
void read_on_read(struct raft *r, const struct raft_message *m);
void read_on_reply(struct raft *r, const struct raft_message *m);
void read_expire(struct raft *r);
void read_drop_all(struct raft *r, enum raft_refusal why);
void read_pay(struct raft *r);

#endif
