/*
 * One member of core/raft, event by event, for tests of single rules: its id is 1, its disk works
 * when the test says so, and every output stays until the end of the test.
 */
#ifndef HL_TESTS_SUPPORT_RAFT_ONE_H
#define HL_TESTS_SUPPORT_RAFT_ONE_H

#include "core/raft/raft.h"

enum { ONE_HEARTBEAT = 100, ONE_ELECTION = 1000, ONE_STORED_MAX = 64 };

struct one {
    struct raft *r;
    struct arena *a; /* of the test */
    struct raft_output out;
    int64_t now_ms;
    uint64_t sequence; /* last asked to persist */
    struct raft_entry stored[ONE_STORED_MAX];
    uint64_t stored_first;
    uint64_t stored_last;
    bool is_storage_broken;
    bool is_storage_silent; /* reads come back with nothing */
    uint64_t piece_id;      /* of the base that can be read: "p0", "p1", "p2" at "", "c1", "c2" */
    int piece_result;       /* not 0: what reading a piece comes to */
};

struct one_setup {
    size_t voters;                /* founders 1, 2, ...; 0: `founders` */
    struct raft_members founders; /* none: it joins */
    const char *terms;            /* of the entries that the disk holds, e.g. "112" */
    uint64_t first_index;         /* of these; 0: 1 */
    struct raft_hard_state hard;
    struct raft_snapshot base; /* its members: the founders, if there are none */
    uint64_t applied_index;    /* 0: base.index */
    uint64_t members_at;       /* not 0: this entry names `members` */
    struct raft_members members;
    uint64_t keep_bytes;
    int64_t stall_ms;
    int64_t news_ms;
};

/* Ends the test if the member cannot start. */
struct one *one_start_with(void **state, const struct one_setup *setup);
struct one *one_start(void **state, size_t voters, const char *terms, uint64_t term, uint64_t vote);
int one_stop(void **state);
struct raft_storage one_storage(struct one *o);

void one_feed(struct one *o, struct raft_event e);
void one_hear(struct one *o, struct raft_message m);
void one_persisted(struct one *o); /* everything asked for so far */
void one_tick(struct one *o, int64_t after_ms);
void one_propose(struct one *o, struct str data);
void one_change(struct one *o, enum raft_change change, uint64_t peer);
/* `count` entries of `term` behind prev. */
void one_append(struct one *o, uint64_t from, uint64_t term, uint64_t prev, uint64_t prev_term,
                uint64_t commit, size_t count);
/* The same with one entry that names the members. */
void one_append_members(struct one *o, uint64_t from, uint64_t term, uint64_t prev,
                        uint64_t prev_term, const struct raft_members *members);
void one_acknowledge(struct one *o, uint64_t from, uint64_t index);
void one_beat(struct one *o, uint64_t from, uint64_t term);       /* a heartbeat */
void one_beat_reply(struct one *o, uint64_t from, uint64_t term); /* answers none of its rounds */
/* Elected by member 2 (and 3 of five) in the next term; the no-op is not durable yet. */
void one_lead(struct one *o);
/* The same, and the no-op is committed. */
void one_lead_settled(struct one *o);

struct raft_status one_status(const struct one *o);
/* The only message of that kind to that member in the last step; kind 0 if there is none. */
struct raft_message one_sent(const struct one *o, enum raft_message_kind kind, uint64_t to);
bool one_has_sent(const struct one *o, enum raft_message_kind kind, uint64_t to);
/* "1v 2v 3l" */
struct raft_members one_members(const char *text);

#endif
