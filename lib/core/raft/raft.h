/*
 * Consensus without I/O: Raft (Ongaro and Ousterhout 2014, "the paper"; Ongaro's thesis 2014).
 *
 * The caller feeds events and the time; raft_step answers with effects. There are four kinds of
 * effect and the types say when each may be carried out:
 *
 *   persist  write these bytes durably, in order; then feed RAFT_EVENT_PERSISTED with the sequence.
 *   send     may leave at once, always. A message that promises something about stored bytes (a
 *            vote, an append acknowledged) is kept inside until the event that says they are
 *            durable, and comes out of *that* step: a caller cannot send it too early.
 *   apply    committed and durable here; hand them to the state machine in order, once.
 *   install  a piece of the leader's snapshot; store it, then feed RAFT_EVENT_INSTALLED.
 *
 *   event + now_ms ──► raft_step ──► { persist, send, apply, install, reads, refused, wake_ms }
 *                          ▲                 │ write, fdatasync
 *                          └── PERSISTED ◄───┘
 *
 * The leader sends entries to followers in the same step that asks to persist them (thesis 10.2.1):
 * its own copy counts towards the majority only once PERSISTED says so. Heartbeats never depend on
 * the disk, so a slow disk alone causes no election.
 *
 * Here: pre-vote, check-quorum and leader stickiness, randomised elections, log replication with
 * conflict hints, commit by counting only entries of the current term, no-op at election, proposals
 * forwarded by followers, ReadIndex rounds, leadership transfer, log compaction, snapshots by
 * piece, learners, membership changes of one server at a time. No lease reads: they trust clocks.
 *
 * Membership (thesis 4). The members in force are those of the last configuration entry in the log,
 * committed or not; if it is cut off, those before it. A change adds a learner, makes a learner
 * that has caught up a voter, or removes a member; one at a time, and only once an entry of the
 * leader's own term is committed. A leader that removes itself leads until that is committed,
 * without counting itself, and hands over. Who is not a member never starts an election, except
 * that one whose removal may not be committed yet can still be needed (thesis 4.2.2). A new
 * coordinator starts without members and waits until a leader calls.
 *
 * Snapshots. The state machine keeps a durable image of itself (the base, struct raft_snapshot);
 * the caller reports a newer one with RAFT_EVENT_SNAPSHOT, and the core asks for the log below it
 * to be dropped (persist.compact_to), save what a follower is about to need. A follower that needs
 * what is gone gets the leader's base in pieces, one at a time. Where a piece begins is said by a
 * cursor that only the state machines understand (empty = the beginning), so a transfer goes on
 * after a lost message, a restart of the follower or a change of leader to one with the same base.
 *
 * A leader that can serve nobody steps down: when nothing of its own could be written (stall_ms),
 * or nothing be committed although it hears a majority, it hands over; a full disk
 * (RAFT_EVENT_DISK_FULL) hands over at once if somebody else is up to date.
 *
 * Ownership: the core copies what it keeps. Effects live in the step's arena, except entry data
 * handed out in `persist`, `apply` and `send`, which is borrowed from the core's log until the next
 * step: who writes or sends later, or in another thread, copies it.
 * Threads: confined to the actor that owns it. Time: any monotonic milliseconds, never decreasing.
 * Determinism: same configuration, events and times give the same effects; jitter comes from seed.
 * Memory: the last entries are cached; older ones are read back through struct raft_storage. What
 * is not yet durable, committed and handed to `apply` always stays in memory.
 * Limits: RAFT_MEMBERS_MAX members, RAFT_VOTERS_MAX of them voters; one entry RAFT_ENTRY_BYTES_MAX;
 * uncommitted (or not yet durable here) and in-flight bytes as configured: beyond them proposals
 * are refused with RAFT_REFUSED_FULL, nothing is dropped; RAFT_READS_MAX reads waiting; one step
 * hands out at most RAFT_APPLY_BYTES_MAX (or one entry) and asks for a tick at once if there is
 * more.
 */
#ifndef HL_CORE_RAFT_RAFT_H
#define HL_CORE_RAFT_RAFT_H

#include "base/base.h"

enum {
    RAFT_MEMBERS_MAX = 15, /* voters and learners */
    RAFT_VOTERS_MAX = 9,
    RAFT_ENTRY_BYTES_MAX = 1 << 19,
    RAFT_MESSAGE_BYTES_MAX = 900 << 10, /* data of all entries plus RAFT_ENTRY_COST for each */
    RAFT_MESSAGE_ENTRIES_MAX = 2048,
    RAFT_APPLY_BYTES_MAX = 1 << 20,
    RAFT_READS_MAX = 4096,
    RAFT_ENTRY_COST = 32, /* what an entry counts beside its data, in every limit of bytes */
    RAFT_PIECE_BYTES_MAX = 256 << 10,
    RAFT_CURSOR_BYTES_MAX = 1 << 10,
};

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };
const char *raft_role_name(enum raft_role role); /* "follower", "pre-candidate", ... */

enum raft_entry_kind {
    RAFT_ENTRY_NOOP = 0,    /* a new leader's first entry (paper, section 8) */
    RAFT_ENTRY_COMMAND = 1, /* data belongs to the state machine */
    RAFT_ENTRY_MEMBERS = 2, /* data: struct raft_members, by raft_members_encode */
};

struct raft_entry {
    uint64_t index; /* from 1, without gaps */
    uint64_t term;
    enum raft_entry_kind kind;
    struct str data;
};

/* Who takes part: ascending by id, each once. */
struct raft_member {
    uint64_t id;   /* not 0 */
    bool is_voter; /* else a learner: it gets everything and counts for nothing */
};

struct raft_members {
    struct raft_member member[RAFT_MEMBERS_MAX];
    size_t count;
};

/* The bytes of an entry of kind RAFT_ENTRY_MEMBERS: version 1, count, then (id, role) each,
 * little-endian. decode: false unless it is exactly one well-formed set with a voter in it. */
enum { RAFT_MEMBERS_BYTES_MAX = 2 + 9 * RAFT_MEMBERS_MAX };
size_t raft_members_encode(const struct raft_members *members, char out[RAFT_MEMBERS_BYTES_MAX]);
HL_MUST bool raft_members_decode(struct str data, struct raft_members *out);

/* A durable image of the state machine: all that entries up to `index` say. */
struct raft_snapshot {
    uint64_t index;              /* 0: there is none; the state begins empty */
    uint64_t term;               /* of the entry at index */
    struct raft_members members; /* in force at index */
    uint64_t id;                 /* of its content; equal means that pieces may be mixed */
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
    RAFT_MSG_SNAPSHOT,    /* InstallSnapshot: one piece; without data: where do you stand? */
    RAFT_MSG_SNAPSHOT_REPLY,
    RAFT_MSG_KIND_MAX = RAFT_MSG_SNAPSHOT_REPLY,
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
 *   SNAPSHOT       snapshot's     its term           0 or 1:     snapshot's id; cursor, data and
 *                  index                             last piece  members are set (rejected: your
 *                                                              cursor is unknown here, begin again)
 *   SNAPSHOT_REPLY snapshot's     -                  1: all is   snapshot's id; cursor: where the
 *     rejected     index                             installed   next piece shall begin (rejected:
 *                                                              what was stored is of no use)
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
    /* SNAPSHOT and its reply only. */
    struct str cursor; /* at most RAFT_CURSOR_BYTES_MAX */
    struct str data;   /* at most RAFT_PIECE_BYTES_MAX */
    struct raft_members members;
};

/*
 * Where old entries are read back from: the durable log. `read` fills up to max_count entries from
 * `first` on, stopping before max_bytes (data and RAFT_ENTRY_COST each; always at least one); data
 * lives in `a`. It sees everything that was persisted and not truncated since. 0, or a failure,
 * which counts as RAFT_EVENT_DISK_FAILED.
 *
 * `read_piece` gives the piece of the base `id` that begins at `cursor`: at most max_bytes of data,
 * and the cursor behind it; *out_is_last with the last one. 0; HL_EABSENT when that base is gone (a
 * newer one will have been, or is about to be, reported: the transfer begins again with it);
 * HL_EINVAL for a cursor that it does not know (the transfer begins again); else a failure as
 * above.
 */
struct raft_storage {
    void *context;
    int (*read)(void *context, uint64_t first, size_t max_count, size_t max_bytes, struct arena *a,
                struct raft_entry **out, size_t *out_count, struct err *err);
    int (*read_piece)(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                      struct arena *a, struct str *out_data, struct str *out_next,
                      bool *out_is_last, struct err *err);
};

struct raft_config {
    uint64_t id;                  /* this member, not 0 */
    struct raft_members founders; /* in force while log and base name none; the same everywhere.
                                     Empty on a coordinator that joins a running mesh */
    uint64_t seed;        /* another one for each member and each start: request ids grow from it */
    int64_t heartbeat_ms; /* default 100 */
    int64_t election_ms;  /* lowest timeout; each is drawn from [election_ms, 2 * election_ms);
                             default 10 heartbeats, at least 2 */
    int64_t news_ms; /* how long a leader waits for an append to carry a new commit index before it
                        sends one for that alone; default 0, at most heartbeat_ms */
    size_t uncommitted_bytes_max; /* default 64 MiB */
    size_t inflight_bytes_max;    /* per follower, default 4 MiB */
    size_t cache_bytes_max;       /* entries kept in memory, default 4 MiB */
    uint64_t keep_bytes; /* of log kept below the base for followers that lag, default 4 MiB */
    int64_t stall_ms;    /* without any progress of our own disk, or of the commit index, while
                            something waits: hand over; default 10 election_ms */
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
    uint64_t first_index;            /* of the log, 1 if it was never compacted */
    uint64_t last_index;             /* first_index - 1 when the log is empty */
    uint64_t last_term;              /* 0 when the log is empty */
    uint64_t before_term;            /* of entry first_index - 1; 0 when that is 0 */
    const struct raft_term_run *run; /* ascending in both; borrowed until raft_new returns */
    size_t run_count;
    const struct raft_entry *members; /* the entries of kind RAFT_ENTRY_MEMBERS, ascending */
    size_t members_count;
    struct raft_snapshot base; /* newest durable image; first_index <= base.index + 1 */
    uint64_t
        applied_index; /* of the state machine, base.index or more; apply continues behind it */
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
    RAFT_EVENT_CHANGE,      /* change, peer, tag: of the members */
    RAFT_EVENT_SNAPSHOT,    /* snapshot: a newer durable base of the state machine, of something
                               applied; never while the members at its index are unknown: a joiner
                               has none before it has applied the first entry that names them */
    RAFT_EVENT_INSTALLED,   /* installed: what became of an install effect */
    RAFT_EVENT_DISK_FULL,   /* index: 1 = nothing can be written for want of room; 0 = room again */
};

enum raft_change {
    RAFT_ADD_LEARNER = 1,
    RAFT_PROMOTE, /* a learner that is heard and holds everything up to the leader's commit index of
                     one to two election timeouts ago, and what names it as a member */
    RAFT_REMOVE,
};

enum raft_install_outcome {
    RAFT_PIECE_STORED = 1, /* cursor: where the next one shall begin. It may come back as well
                              without a piece: to say how far an earlier life had come */
    RAFT_PIECE_REFUSED,    /* damaged, or it does not fit what is there: begin again */
    RAFT_BASE_INSTALLED,   /* the last piece was stored, everything is verified and durable, and the
                              state machine stands at the snapshot's index now */
};

struct raft_installed {
    enum raft_install_outcome outcome;
    uint64_t id; /* of the snapshot */
    struct str cursor;
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
    enum raft_change change;
    const struct raft_snapshot *snapshot;
    const struct raft_installed *installed;
};

/* Carried out in the order of its members. */
struct raft_persist {
    uint64_t sequence; /* 0: nothing to persist in this step */
    bool has_hard_state;
    struct raft_hard_state hard;
    uint64_t reset_index;   /* not 0: drop the whole log; the next entry is the one behind this, */
    uint64_t reset_term;    /* which has this term */
    uint64_t truncate_from; /* not 0: cut the log here */
    uint64_t compact_to;    /* not 0: entries up to here may be dropped; need not be durable */
    const struct raft_entry *entry;
    size_t entry_count;
};

/* A piece of the leader's snapshot. The caller stores pieces of one snapshot in order of cursors
 * and one at a time: the next comes only after RAFT_EVENT_INSTALLED. An empty piece that is not the
 * last asks how far an earlier life had come with this snapshot. Another id: what was there is
 * dropped. */
struct raft_install {
    bool is_set; /* else nothing else of this means anything */
    bool is_last;
    struct raft_snapshot snapshot;
    struct str cursor; /* where this piece begins */
    struct str data;
};

enum raft_refusal {
    RAFT_REFUSED_NO_LEADER = 1, /* nobody known to hand it to, or just changing; try again */
    RAFT_REFUSED_FULL,          /* too much uncommitted, or no room on the leader's disk; later */
    RAFT_REFUSED_TOO_LARGE,     /* an entry over RAFT_ENTRY_BYTES_MAX */
    RAFT_REFUSED_DISK,          /* this member's disk failed */
    RAFT_REFUSED_CHANGING,      /* a change is under way, or this leader is too new; try again */
    RAFT_REFUSED_BEHIND,        /* the learner has not caught up; try again */
    RAFT_REFUSED_QUORUM,        /* of those who would remain, no majority is heard now */
    RAFT_REFUSED_MEMBER, /* no such member, one already, too many, or the last voter would go */
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
    struct raft_install install;
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
    uint64_t leader;      /* 0 = unknown */
    uint64_t first_index; /* of the log */
    uint64_t last_index;
    uint64_t durable_index;
    uint64_t commit_index;
    uint64_t applied_index;
    uint64_t base_index;
    struct raft_members members;
    uint64_t members_index; /* of the entry that made them so; 0: the founders, or the base */
    struct {
        uint64_t id;
        bool is_voter;
        uint64_t match_index;  /* leaders only, else 0 */
        int64_t last_heard_ms; /* leaders only; -1 = never */
        bool is_sent_snapshot; /* leaders only */
    } peer[RAFT_MEMBERS_MAX];  /* the other members, ascending */
    size_t peer_count;
    size_t cached_bytes;
    bool has_disk_failed;
    bool is_disk_full;
};

struct raft;

/* Returns 0, or HL_EINVAL (bad configuration) or HL_ECORRUPT (recovered numbers contradict). */
HL_MUST int raft_new(const struct raft_config *config, const struct raft_recovered *recovered,
                     int64_t now_ms, struct raft **out, struct err *err);
void raft_free(struct raft *r);
HL_DEFINE_FREEP(raft_free, struct raft)

/*
 * One event in, all its effects out (they live in `a`). A proposal's or change's tag comes back
 * only when it is refused: success shows as the entry in some later `apply`, on whichever member. A
 * change is taken by the leader only. Messages that are malformed or not for this member change
 * nothing. Votes, appends, heartbeats and pieces count from whoever the caller let through, member
 * or not: a member that lags may not know the new ones yet (thesis 4.1); so does what only the
 * leader that we follow can say; everything else from members only. A member without any members
 * grants no votes.
 */
void raft_step(struct raft *r, const struct raft_event *event, int64_t now_ms, struct arena *a,
               struct raft_output *out);

void raft_status_get(const struct raft *r, struct raft_status *out);

#endif
