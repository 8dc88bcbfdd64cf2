/*
 * A cluster of core/raft members in one thread: virtual time, a network that loses, repeats and
 * reorders, disks whose syncs take time and whose unsynced tail a crash takes away. Everything
 * follows from the seed.
 *
 * After every event the cluster checks what Raft promises (paper, Figure 3, and more):
 *   one leader in a term; a leader's log only grows; equal (index, term) means equal history; a new
 *   leader holds everything committed before; what is applied at an index is the same everywhere;
 *   what anybody holds for committed is durable on a majority of disks at that moment; nobody votes
 *   twice in a term, over all its lives; no vote, no acknowledgement promises what the sender's
 * disk does not hold; term, commit and applied never go back; a read index is not below what was
 *   committed when the read was asked.
 * Membership: a change differs by one voter from the members before it, begins only when that one
 * is committed and its leader has committed in its own term; nobody campaigns who is no voter;
 * majorities are those of the members in force. Snapshots: nothing is dropped above the base, a
 * base and the log behind it are always whole, a snapshot never replaces a newer state, nothing is
 * applied while one is being installed. A violation is described in `violation` and stops
 * raft_cluster_run.
 */
#ifndef HL_TESTS_SUPPORT_RAFT_CLUSTER_H
#define HL_TESTS_SUPPORT_RAFT_CLUSTER_H

#include "core/raft/raft.h"

enum { CLUSTER_MAX = 7, CLUSTER_TEXT_MAX = 300 };

struct raft_cluster_config {
    size_t member_count;
    size_t founder_count;          /* 0: all; the others start without members, and may be added */
    const char *logs[CLUSTER_MAX]; /* terms of what the disks hold at first, e.g. "112" */
    uint64_t seed;
    int64_t heartbeat_ms; /* 0: the core's default, as for the next four */
    int64_t election_ms;
    size_t cache_bytes_max;
    size_t inflight_bytes_max;
    size_t uncommitted_bytes_max;
    int64_t stall_ms;
    uint64_t keep_bytes;
    size_t piece_count; /* about so many pieces make a snapshot; 0: 3 */
    int64_t latency_min_us;
    int64_t latency_max_us;
    unsigned drop_permille;
    unsigned repeat_permille;
    unsigned old_permille; /* a message from the past is delivered again */
    int64_t sync_min_us;   /* of a disk, per write */
    int64_t sync_max_us;
    unsigned slow_sync_permille; /* these take 50 times as long */
    /* Random events per 1000 steps of the cluster. */
    unsigned crash_permille;
    unsigned restart_quick_percent; /* back within 30 ms; the others within 2 s */
    unsigned cut_permille;          /* one direction of one link, for a while */
    unsigned pause_permille;        /* a member stops and sees everything later at once */
    unsigned hint_permille;         /* a broken connection is reported, true or not */
    unsigned transfer_permille;
    unsigned change_permille; /* of the members */
    unsigned base_permille;   /* a member takes a base of its applied state */
    unsigned full_permille;   /* a disk is full for a while */
    unsigned damage_permille; /* of pieces, which the follower then refuses */
    unsigned propose_permille;
    unsigned read_permille;
    bool has_nemesis; /* strikes just after an election or an advance of the commit index */
};

struct raft_cluster;

struct raft_cluster *raft_cluster_new(const struct raft_cluster_config *config);
void raft_cluster_free(struct raft_cluster *c);
HL_DEFINE_FREEP(raft_cluster_free, struct raft_cluster)

/* Up to `steps` events with random faults; false on a violation. */
bool raft_cluster_run(struct raft_cluster *c, size_t steps);
/* Without new faults, until virtual time has passed; false on a violation. */
bool raft_cluster_calm(struct raft_cluster *c, int64_t for_ms);
/* Ends every fault: restarts, resumes, joins what was cut. */
void raft_cluster_heal(struct raft_cluster *c);
const char *raft_cluster_violation(const struct raft_cluster *c); /* "" = none */

/* For scripts. Members count from 1. */
int64_t raft_cluster_now_ms(const struct raft_cluster *c);
uint64_t raft_cluster_leader(const struct raft_cluster *c); /* the one of the highest term; 0 */
void raft_cluster_status(const struct raft_cluster *c, uint64_t member, struct raft_status *out);
bool raft_cluster_is_up(const struct raft_cluster *c, uint64_t member);
void raft_cluster_propose(struct raft_cluster *c, uint64_t member, struct str data);
void raft_cluster_read(struct raft_cluster *c, uint64_t member);
void raft_cluster_transfer(struct raft_cluster *c, uint64_t member, uint64_t to);
void raft_cluster_peer_lost(struct raft_cluster *c, uint64_t member, uint64_t peer);
void raft_cluster_change(struct raft_cluster *c, uint64_t member, enum raft_change change,
                         uint64_t id);
/* A base of what the member has applied; reported when its disk has it. */
void raft_cluster_base(struct raft_cluster *c, uint64_t member);
/* Its disk is full, or has room again. */
void raft_cluster_set_full(struct raft_cluster *c, uint64_t member, bool is_full);
void raft_cluster_fail_disk(struct raft_cluster *c, uint64_t member);
void raft_cluster_crash(struct raft_cluster *c, uint64_t member);
void raft_cluster_restart(struct raft_cluster *c, uint64_t member);
/* Messages from one to the other get lost until joined, those under way too. */
void raft_cluster_cut(struct raft_cluster *c, uint64_t from, uint64_t to, bool is_cut);
void raft_cluster_isolate(struct raft_cluster *c, uint64_t member, bool is_cut);
void raft_cluster_set_sync_us(struct raft_cluster *c, uint64_t member, int64_t us);

struct raft_cluster_counts {
    uint64_t steps; /* calls of raft_step */
    uint64_t elections;
    uint64_t crashes;
    uint64_t entries_lost; /* unsynced, in crashes */
    uint64_t truncations;
    uint64_t stored_reads; /* old entries read back */
    uint64_t reads_served;
    uint64_t changes; /* of the members, committed */
    uint64_t bases;
    uint64_t compactions;
    uint64_t pieces;   /* handed to a follower's disk */
    uint64_t installs; /* snapshots that became somebody's state */
    uint64_t resets;   /* of these, those that began a new log */
    uint64_t full_disks;
    uint64_t refused;
    uint64_t committed;
    uint64_t applied_hash; /* of the whole committed history: equal runs, equal number */
    uint64_t trace_hash;   /* of every effect of every step */
};
void raft_cluster_counts_get(const struct raft_cluster *c, struct raft_cluster_counts *out);

#endif
