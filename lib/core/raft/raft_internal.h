/*
 * The inside of core/raft, for the files of this folder only.
 *
 *   raft.c       events, timers, the end of a step: what is persisted, promised, applied
 *   start.c      raft_new: what a configuration and a disk may say
 *   message.c    messages: what is well-formed, whom we listen to, terms
 *   members.c    who takes part: configurations of the log, changes, quorums
 *   election.c   pre-vote, votes, becoming leader, transfer, stepping down
 *   replicate.c  the leader's side of the log: proposals, appends, their replies, commit
 *   follow.c     the follower's side: appends, heartbeats, acknowledgements
 *   snapshot.c   the base: log compaction; sending it and receiving it by piece
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

/* How much had been written up to an index. */
struct raft_mark {
    uint64_t index;
    uint64_t end_bytes;
};

struct raft_chunk;

/* The log: terms of [first_index - 1, last_index], entries of [cache_first, last_index]. */
struct raft_entries {
    uint64_t first_index;
    uint64_t last_index;
    uint64_t before_term; /* of entry first_index - 1 */
    struct raft_term_run *run;
    size_t run_count;
    size_t run_cap;

    struct raft_slot *ring; /* cap is a power of two */
    size_t cap;
    size_t head;
    size_t count;
    uint64_t cache_first;
    uint64_t base_bytes; /* end_bytes of the entry before cache_first */

    struct raft_chunk *oldest; /* data of the entries in the ring, in order */
    struct raft_chunk *newest;
    struct raft_chunk *spare;
    size_t spare_count;

    struct raft_mark *mark; /* ascending */
    size_t mark_count;
    size_t mark_cap;
    uint64_t mark_bytes; /* from one to the next, at least */
};

void entries_init(struct raft_entries *l, const struct raft_recovered *recovered,
                  uint64_t mark_bytes);
void entries_deinit(struct raft_entries *l);
/* 0 for index 0 and for what lies outside the log and is not the entry just before it. */
uint64_t entries_term(const struct raft_entries *l, uint64_t index);
/* The largest index <= `index` whose term is <= `term` or, below first_index - 1, not known. */
uint64_t entries_last_below(const struct raft_entries *l, uint64_t index, uint64_t term);
/* Copies the data. index is last_index + 1. */
void entries_append(struct raft_entries *l, const struct raft_entry *entry);
/* Drops `from` and everything behind it. */
void entries_truncate(struct raft_entries *l, uint64_t from);
/* Drops `to` and everything before it. */
void entries_compact(struct raft_entries *l, uint64_t to);
/* Drops everything; the next entry is index + 1, and entry `index` has `term`. */
void entries_reset(struct raft_entries *l, uint64_t index, uint64_t term);
/* Forgets the oldest entries, none behind `up_to`, until at most max_bytes are held. */
void entries_evict(struct raft_entries *l, uint64_t up_to, size_t max_bytes);
/* NULL if the entry is not in memory. */
struct raft_slot *entries_slot(const struct raft_entries *l, uint64_t index);
/* Cost of the entries (from, to], as far as they are in memory. */
uint64_t entries_bytes(const struct raft_entries *l, uint64_t from, uint64_t to);
/* The lowest index, as far as marks tell, such that the entries behind it, up to `index`, cost at
 * most max_bytes. What an earlier life wrote counts as too much. */
uint64_t entries_tail_before(const struct raft_entries *l, uint64_t index, uint64_t max_bytes);

enum raft_answer { RAFT_UNANSWERED, RAFT_GRANTED, RAFT_DENIED };

/* How a leader brings a peer up to date.
 *
 *            agreed                        lost, silent, refused
 *   PROBE ───────────► STREAM ──► PROBE ◄──────────────────────── STREAM
 *     │ what it lacks is gone                  ▲
 *     └──────────────► SNAPSHOT ───────────────┘ installed, or overtaken by an append
 */
enum raft_flow {
    RAFT_FLOW_PROBE,   /* where its log agrees is not known: one append at a time */
    RAFT_FLOW_STREAM,  /* `next` runs ahead of what is acknowledged */
    RAFT_FLOW_SNAPSHOT /* the base, one piece at a time */
};

enum raft_piece {
    RAFT_PIECE_ASK,   /* owed: where do you stand? */
    RAFT_PIECE_ASKED, /* no answer yet */
    RAFT_PIECE_DUE,   /* owed: the piece that begins at the cursor */
    RAFT_PIECE_OUT,   /* no answer yet */
};

struct raft_cursor {
    size_t len;
    char bytes[RAFT_CURSOR_BYTES_MAX];
};

struct raft_peer {
    uint64_t id;
    bool is_voter;
    enum raft_answer answer; /* to the election that runs */

    /* Leaders only, reset at each election. */
    int64_t heard_ms;
    int64_t asked_ms; /* last sign about what is in flight: an acknowledgement or our question */
    uint64_t match;   /* Figure 2: matchIndex[], durable there */
    uint64_t next;    /* Figure 2: nextIndex[], the first entry not sent yet, optimistic */
    uint64_t commit_sent; /* the last commit index it was told */
    uint64_t read_round;  /* the last round it confirmed */
    enum raft_flow flow;
    bool is_probe_out;
    enum raft_piece piece; /* the rest: flow SNAPSHOT only */
    struct raft_snapshot sending;
    struct raft_cursor cursor;
};

/* A configuration: the members from the entry at `index` on; 0: from the start of the log on. */
struct raft_conf {
    uint64_t index;
    struct raft_members members;
};

/* Follower: the snapshot that is coming in. */
struct raft_incoming {
    struct raft_snapshot snapshot; /* index 0: none */
    uint64_t term;                 /* in which it was sent */
    bool is_cursor_known;
    struct raft_cursor cursor;
    uint64_t out_id; /* of the snapshot whose piece the caller stores */
    bool is_out;
    bool is_adopting; /* that piece is the last: nothing is applied until it is through */
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
    uint64_t reset_index;               /* 0 = nothing */
    uint64_t truncate_from;             /* 0 = nothing */
    uint64_t compact_to;                /* 0 = nothing */
    uint64_t append_from;               /* the first entry that is new in this step; 0 = none */
    const struct raft_install *install; /* NULL = nothing */
};

struct raft {
    struct raft_config config;
    struct rng rng;
    int64_t now_ms;
    struct raft_effects fx;

    uint64_t term;           /* Figure 2: currentTerm */
    uint64_t vote;           /* Figure 2: votedFor */
    struct raft_entries log; /* Figure 2: log[] */
    uint64_t commit;         /* Figure 2: commitIndex */
    uint64_t handed;         /* last entry given out in `apply` */
    uint64_t applied;        /* Figure 2: lastApplied, as the caller reports */
    struct raft_snapshot base;

    /* Durability. */
    uint64_t sequence;      /* last persist effect */
    uint64_t persisted;     /* last one known to be durable */
    uint64_t hard_sequence; /* the one with the present term and vote */
    bool is_hard_dirty;     /* term or vote changed in this step */
    uint64_t durable;       /* the log is durable up to here, or the base is */
    bool has_disk_failed;
    bool is_disk_full;

    enum raft_role role;
    uint64_t leader;
    int64_t election_due_ms;
    unsigned timeouts_sat_out; /* since a leader was heard, for want of room on the disk */

    /* Members. */
    struct raft_conf *conf; /* ascending; the last is in force */
    size_t conf_count;
    size_t conf_cap;
    bool is_voter;
    size_t voter_count;
    struct raft_peer peer[RAFT_MEMBERS_MAX]; /* ascending; a leader's may have one more than the
                                                members in force: it is just being removed */
    size_t peer_count;

    /* Follower. */
    int64_t leader_heard_ms;
    int64_t leader_lost_ms; /* when its connection broke */
    int64_t hinted_ms;      /* last election started early because a connection broke */
    bool is_leader_lost;    /* the connection to the leader broke, nothing heard since */
    uint64_t verified;      /* our log agrees with this term's leader up to here */
    uint64_t acknowledged;  /* highest match told to this leader */
    bool owes_ack;
    uint64_t owes_vote_to; /* granted, not yet told */
    struct raft_incoming incoming;

    /* Candidate. */
    bool is_ask_due; /* the votes are asked for once our own is durable */
    bool is_transfer;

    /* Leader. */
    uint64_t term_first;      /* our no-op: the first entry of our term */
    int64_t heartbeat_due_ms; /* leader: the next beat; candidates: when to ask again */
    uint64_t transfer_to;
    uint64_t transfer_tried; /* the last successor that was named */
    bool is_transfer_told;
    int64_t transfer_due_ms;
    int64_t written_ms;    /* last progress of our own disk, or the beginning of its work */
    int64_t committed_ms;  /* last progress of the commit index, or the first entry that waits */
    uint64_t commit_older; /* the commit index of one to two election timeouts ago */
    uint64_t commit_old;
    int64_t commit_old_ms;

    /* Reads. */
    struct raft_read *read;
    size_t read_count;
    size_t read_cap;
    uint64_t read_round; /* leader: last round started in this term */
    uint64_t read_id;    /* follower: last id given */
};

/* raft.c */
bool raft_is_hard_durable(const struct raft *r);
/* Fills from and term (unless given). */
void raft_emit(struct raft *r, struct raft_message m);
void raft_emit_refused(struct raft *r, uint64_t tag, bool is_read, enum raft_refusal why);
/* Entries [first, ...] into the step's arena; at least one unless the disk fails (then 0). */
size_t raft_collect(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
                    struct raft_entry **out);
void raft_append(struct raft *r, enum raft_entry_kind kind, uint64_t term, struct str data);
void raft_truncate(struct raft *r, uint64_t from);
void raft_fail_disk(struct raft *r);

/* message.c */
void message_take(struct raft *r, const struct raft_message *m);

/* members.c */
bool members_are_sound(const struct raft_members *members);
bool members_are_equal(const struct raft_members *a, const struct raft_members *b);
const struct raft_members *members_now(const struct raft *r);
uint64_t members_index(const struct raft *r); /* 0: the founders, or the base */
const struct raft_members *members_at(const struct raft *r, uint64_t index);
bool members_has(const struct raft *r, uint64_t id);
bool members_may_lead(const struct raft *r);
bool members_is_alone(const struct raft *r); /* the only voter */
struct raft_peer *members_peer(struct raft *r, uint64_t id);
size_t members_quorum(const struct raft *r);
/* The value that a quorum has reached, among `own` and what `of` says of each peer. */
uint64_t members_quorum_value(const struct raft *r, uint64_t own,
                              uint64_t (*of)(const struct raft_peer *p));
void members_init(struct raft *r, const struct raft_recovered *recovered);
void members_take(struct raft *r, uint64_t index, struct str data);
void members_cut(struct raft *r, uint64_t from);
/* `members` are those up to `index`; configurations behind it stay. */
void members_rebase(struct raft *r, uint64_t index, const struct raft_members *members);
/* Makes the peers those of the members in force (and, on a leader, the one that is leaving). */
void members_apply(struct raft *r);
void members_change(struct raft *r, const struct raft_event *e);

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
/* Names the best successor at once, up to date or not: it may lose, nothing else. False if there is
 * nobody. */
bool election_abdicate(struct raft *r);
/* The leader's beat: hands over what it cannot do itself. */
void election_judge_self(struct raft *r);
/* A leader that is no member any more, and everybody who must know can. */
void election_leave_pay(struct raft *r);

/* replicate.c */
void replicate_start(struct raft *r);
void replicate_peer_init(const struct raft *r, struct raft_peer *p);
void replicate_probe(struct raft_peer *p, uint64_t next, bool is_silent);
void replicate_propose(struct raft *r, const struct raft_event *e);
void replicate_on_propose(struct raft *r, const struct raft_message *m);
void replicate_on_reply(struct raft *r, const struct raft_message *m);
void replicate_on_heartbeat_reply(struct raft *r, const struct raft_message *m);
void replicate_heartbeats(struct raft *r);
void replicate_beat(struct raft *r); /* the heartbeat timer: quorum check, heartbeats */
void replicate_peer_lost(struct raft *r, uint64_t peer);
void replicate_commit(struct raft *r);
void replicate_pay(struct raft *r);
/* When a commit index has to be told that no append has carried; INT64_MAX: there is none. */
int64_t replicate_news_due(const struct raft *r);

/* follow.c */
/* Takes note of the leader; false for a second one in one term, which cannot be. */
bool follow_hear(struct raft *r, uint64_t from);
void follow_on_append(struct raft *r, const struct raft_message *m);
void follow_on_heartbeat(struct raft *r, const struct raft_message *m);
void follow_pay(struct raft *r);

/* snapshot.c */
void snapshot_on_base(struct raft *r, const struct raft_snapshot *base);
void snapshot_begin(struct raft *r, struct raft_peer *p);
void snapshot_pay(struct raft *r, struct raft_peer *p);
/* The peer is alive: time to ask again for what was not answered. */
void snapshot_nudge(const struct raft *r, struct raft_peer *p);
void snapshot_on_reply(struct raft *r, const struct raft_message *m);
void snapshot_on_piece(struct raft *r, const struct raft_message *m);
void snapshot_on_installed(struct raft *r, const struct raft_installed *installed);

/* read.c */
void read_start(struct raft *r, uint64_t tag);
void read_on_read(struct raft *r, const struct raft_message *m);
void read_on_reply(struct raft *r, const struct raft_message *m);
void read_expire(struct raft *r);
void read_drop_all(struct raft *r, enum raft_refusal why);
void read_pay(struct raft *r);

#endif
