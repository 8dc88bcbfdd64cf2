/*
 * Consensus without I/O: Raft (Ongaro and Ousterhout 2014, "the paper"; Ongaro's thesis 2014).
 *
 * The caller feeds events and the time; raft_step answers with effects. There are three kinds of
 * effect and the types say when each may be carried out:
 *
 *   persist  write these bytes durably, in order; then feed RAFT_EVENT_PERSISTED with the sequence.
 *   send     may leave at once, always. A message that promises something about stored bytes (a
 *            vote, an append acknowledged) is kept inside until the event that says they are
 *            durable, and comes out of *that* step: a caller cannot send it too early.
 *   apply    committed and durable here; hand them to the state machine in order, once.
 *
 *   event + now_ms ──► raft_step ──► { persist, send, apply, reads, refused, wake_ms }
 *                          ▲                 │ write, fdatasync
 *                          └── PERSISTED ◄───┘
 *
 * The leader sends entries to followers in the same step that asks to persist them (thesis 10.2.1):
 * its own copy counts towards the majority only once PERSISTED says so. Heartbeats never depend on
 * the disk, so a slow disk alone causes no election.
 *
 * Here: pre-vote, check-quorum and leader stickiness, randomised elections, log replication with
 * conflict hints, commit by counting only entries of the current term, no-op at election, proposals
 * forwarded by followers, ReadIndex rounds, leadership transfer. The voters are given at start and
 * do not change yet; the log is not compacted yet.
 *
 * Ownership: the core copies what it keeps. Effects live in the step's arena, except entry data
 * handed out in `persist`, `apply` and `send`, which is borrowed from the core's log until the next
 * step: who writes or sends later, or in another thread, copies it.
 * Threads: confined to the actor that owns it. Time: any monotonic milliseconds, never decreasing.
 * Determinism: same configuration, events and times give the same effects; jitter comes from seed.
 * Memory: the last entries are cached; older ones are read back through struct raft_storage. What
 * is not yet durable, committed and handed to `apply` always stays in memory.
 * Limits: RAFT_VOTERS_MAX members; one entry RAFT_ENTRY_BYTES_MAX; uncommitted and in-flight bytes
 * as configured: beyond them proposals are refused with RAFT_REFUSED_FULL, nothing is dropped;
 * RAFT_READS_MAX reads waiting; one step hands out at most RAFT_APPLY_BYTES_MAX (or one entry) and
 * asks for a tick at once if there is more.
 */
#ifndef HL_CORE_RAFT_RAFT_H
#define HL_CORE_RAFT_RAFT_H

#include "base/base.h"

enum {
    RAFT_VOTERS_MAX = 9,
    RAFT_ENTRY_BYTES_MAX = 1 << 19,
    RAFT_MESSAGE_BYTES_MAX = 900 << 10, /* data of all entries plus RAFT_ENTRY_COST for each */
    RAFT_MESSAGE_ENTRIES_MAX = 2048,
    RAFT_APPLY_BYTES_MAX = 1 << 20,
    RAFT_READS_MAX = 4096,
    RAFT_ENTRY_COST = 32, /* what an entry counts beside its data, in every limit of bytes */
};

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };
const char *raft_role_name(enum raft_role role); /* "follower", "pre-candidate", ... */

enum raft_entry_kind {
    RAFT_ENTRY_NOOP = 0,    /* a new leader's first entry (paper, section 8) */
    RAFT_ENTRY_COMMAND = 1, /* data belongs to the state machine */
};

struct raft_entry {
    uint64_t index; /* from 1, without gaps */
    uint64_t term;
    enum raft_entry_kind kind;
    struct str data;
};

/* What must survive a restart beside the log (paper, Figure 2 "Persistent state"). */
struct raft_hard_state {
    uint64_t term;
    uint64_t vote; /* member id, 0 = none */
};

enum raft_message_kind {
    RAFT_MSG_PRE_VOTE = 1, /* thesis 9.6; term is the one it would campaign in */
    RAFT_MSG_PRE_VOTE_REPLY,
    RAFT_MSG_VOTE, /* RequestVote */
    RAFT_MSG_VOTE_REPLY,
    RAFT_MSG_APPEND, /* AppendEntries; without entries it is a probe */
    RAFT_MSG_APPEND_REPLY,
    RAFT_MSG_HEARTBEAT, /* carries commit and read_round, never touches the disk */
    RAFT_MSG_HEARTBEAT_REPLY,
    RAFT_MSG_PROPOSE,     /* a follower hands proposals to the leader: entries with data only */
    RAFT_MSG_READ,        /* a follower asks for a read index */
    RAFT_MSG_READ_REPLY,  /* index to wait for */
    RAFT_MSG_TIMEOUT_NOW, /* a leader that hands over asks the follower to campaign at once */
    RAFT_MSG_KIND_MAX = RAFT_MSG_TIMEOUT_NOW,
};

/*
 * One flat struct for all kinds, as it crosses the wire; unused fields are zero.
 *
 *                  index              log_term       commit        round
 *   (PRE_)VOTE     last log index     last log term                1: transfer, stickiness is off
 *   APPEND         prev index         prev term      commit
 *   APPEND_REPLY   durable match      -              received, maybe not durable yet
 *     rejected     hint               term at hint                 the prev index refused
 *   HEARTBEAT                                        min(commit,   read round; its reply echoes it
 *                                                    match)
 *   READ                                                           the asker's own id; echoed
 *   READ_REPLY     index to wait for
 */
struct raft_message {
    enum raft_message_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t term;
    uint64_t index;
    uint64_t log_term;
    uint64_t commit;
    uint64_t round;
    bool is_rejected;
    const struct raft_entry *entry;
    size_t entry_count;
};

/*
 * Where old entries are read back from: the durable log. `read` fills up to max_count entries from
 * `first` on, stopping before max_bytes (data and RAFT_ENTRY_COST each; always at least one); data
 * lives in `a`. It sees everything that was persisted and not truncated since. 0, or a failure,
 * which counts as RAFT_EVENT_DISK_FAILED.
 */
struct raft_storage {
    void *context;
    int (*read)(void *context, uint64_t first, size_t max_count, size_t max_bytes, struct arena *a,
                struct raft_entry **out, size_t *out_count, struct err *err);
};

struct raft_config {
    uint64_t id; /* this member, not 0, one of the voters */
    uint64_t voter[RAFT_VOTERS_MAX];
    size_t voter_count;
    uint64_t seed;        /* another one for each member and each start: request ids grow from it */
    int64_t heartbeat_ms; /* default 100 */
    int64_t election_ms;  /* lowest timeout; each is drawn from [election_ms, 2 * election_ms);
                             default 10 heartbeats, at least 2 */
    size_t uncommitted_bytes_max; /* default 64 MiB */
    size_t inflight_bytes_max;    /* per follower, default 4 MiB */
    size_t cache_bytes_max;       /* entries kept in memory, default 4 MiB */
    struct raft_storage storage;
};

/* Entries from first_index up to the next run have this term. A log has a run for each leader that
 * wrote to it, so the core knows the term of every entry without reading any. */
struct raft_term_run {
    uint64_t first_index;
    uint64_t term;
};

/* What the disk held at start. */
struct raft_recovered {
    struct raft_hard_state hard;
    uint64_t first_index; /* of the log; 1: it is not compacted yet */
    uint64_t last_index;  /* first_index - 1 when the log is empty */
    uint64_t last_term;
    const struct raft_term_run *run; /* ascending in both; borrowed until raft_new returns */
    size_t run_count;
    uint64_t applied_index; /* of the state machine; apply continues behind it */
};

enum raft_event_kind {
    RAFT_EVENT_TICK,        /* nothing but time; feed it when wake_ms has come */
    RAFT_EVENT_MESSAGE,     /* message, from a peer whose identity was checked */
    RAFT_EVENT_PROPOSE,     /* data (one or several), tag */
    RAFT_EVENT_READ,        /* tag: a linearizable read wants an index */
    RAFT_EVENT_PERSISTED,   /* sequence: everything up to that persist effect is durable */
    RAFT_EVENT_APPLIED,     /* index: the state machine has applied up to here */
    RAFT_EVENT_PEER_LOST,   /* peer: its connection broke: a hint, heard or not */
    RAFT_EVENT_DISK_FAILED, /* a write failed: never lead or vote again in this process */
    RAFT_EVENT_TRANSFER,    /* peer (0: the best one): a leader hands over; else ignored */
};

struct raft_event {
    enum raft_event_kind kind;
    const struct raft_message *message;
    const struct str *data;
    size_t data_count;
    uint64_t tag;
    uint64_t sequence;
    uint64_t index;
    uint64_t peer;
};

struct raft_persist {
    uint64_t sequence; /* 0: nothing to persist in this step */
    bool has_hard_state;
    struct raft_hard_state hard;
    uint64_t truncate_from; /* first cut the log here; 0: do not */
    const struct raft_entry *entry;
    size_t entry_count;
};

enum raft_refusal {
    RAFT_REFUSED_NO_LEADER = 1, /* nobody known to hand it to, or just changing; try again */
    RAFT_REFUSED_FULL,          /* too much uncommitted; try again later */
    RAFT_REFUSED_TOO_LARGE,     /* an entry over RAFT_ENTRY_BYTES_MAX */
    RAFT_REFUSED_DISK,          /* this member's disk failed */
};

struct raft_read_ready {
    uint64_t tag;
    uint64_t index; /* serve the read once the state machine has applied this */
};

struct raft_refused {
    uint64_t tag;
    bool is_read;
    enum raft_refusal why;
};

struct raft_output {
    struct raft_persist persist;
    const struct raft_message *send;
    size_t send_count;
    const struct raft_entry *apply;
    size_t apply_count;
    const struct raft_read_ready *read;
    size_t read_count;
    const struct raft_refused *refused;
    size_t refused_count;
    bool is_role_changed; /* role, term or known leader differ from before the step */
    int64_t wake_ms;      /* feed RAFT_EVENT_TICK at this time at the latest */
};

struct raft_status {
    uint64_t id;
    enum raft_role role;
    uint64_t term;
    uint64_t leader; /* 0 = unknown */
    uint64_t last_index;
    uint64_t durable_index;
    uint64_t commit_index;
    uint64_t applied_index;
    struct {
        uint64_t id;
        uint64_t match_index;  /* leaders only, else 0 */
        int64_t last_heard_ms; /* leaders only; -1 = never */
    } peer[RAFT_VOTERS_MAX];   /* the other voters, in order of the configuration */
    size_t peer_count;
    size_t cached_bytes;
    bool has_disk_failed;
};

struct raft;

/* Returns 0, or HL_EINVAL (bad configuration) or HL_ECORRUPT (recovered numbers contradict). */
HL_MUST int raft_new(const struct raft_config *config, const struct raft_recovered *recovered,
                     int64_t now_ms, struct raft **out, struct err *err);
void raft_free(struct raft *r);
HL_DEFINE_FREEP(raft_free, struct raft)

/*
 * One event in, all its effects out (they live in `a`). A proposal's tag comes back only when it is
 * refused: success shows as the entry in some later `apply`, on whichever member. Messages that are
 * malformed, not for this member or from a stranger change nothing.
 */
void raft_step(struct raft *r, const struct raft_event *event, int64_t now_ms, struct arena *a,
               struct raft_output *out);

void raft_status_get(const struct raft *r, struct raft_status *out);

#endif
