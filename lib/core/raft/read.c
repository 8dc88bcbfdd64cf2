/*
 * Linearizable reads without a log entry: ReadIndex (thesis 6.4). A read waits until a majority has
 * acknowledged a heartbeat round that began after it; rounds are numbered by the leader itself, so
 * that an acknowledgement of an older round never counts (raft.md 2.5, trap 9).
 */
#include "core/raft/raft_internal.h"

#include <string.h>

static void enqueue(struct raft *r, uint64_t tag, uint64_t from)
{
    if (r->read_count == READS_MAX) {
        if (from == 0)
            raft_refuse(r, tag, true, RAFT_REFUSED_FULL);
        return;
    }
    if (r->read_count == r->read_cap) {
        r->read_cap = r->read_cap ? r->read_cap * 2 : 16;
        r->read = hl_realloc(r->read, r->read_cap * sizeof(*r->read));
    }
    /* The no-op of this term stands behind all that earlier leaders committed. */
    r->read[r->read_count++] = (struct pending_read){
        .tag = tag,
        .from = from,
        .round = r->read_round + 1,
        .index = r->commit > r->term_start ? r->commit : r->term_start,
    };
    r->is_round_wanted = true;
}

void read_ask(struct raft *r, uint64_t tag)
{
    if (r->role == RAFT_LEADER) {
        enqueue(r, tag, 0);
    } else if (r->role == RAFT_FOLLOWER && r->leader != 0) {
        struct raft_message m = {
            .kind = RAFT_MSG_READ, .to = r->leader, .term = r->hard.term, .round = tag};
        raft_send(r, &m);
    } else {
        raft_refuse(r, tag, true, RAFT_REFUSED_NO_LEADER);
    }
}

void handle_read(struct raft *r, const struct raft_message *m)
{
    if (r->role == RAFT_LEADER)
        enqueue(r, m->round, m->from);
}

static void ready(struct raft *r, uint64_t tag, uint64_t index)
{
    struct raft_read_ready done = {tag, index};

    ARENA_PUSH(r->arena, r->ready, r->out->read_count, r->ready_cap, done);
}

void handle_read_reply(struct raft *r, const struct raft_message *m)
{
    if (m->term == r->hard.term)
        ready(r, m->round, m->index);
}

void read_advance(struct raft *r)
{
    size_t kept = 0;

    if (r->role != RAFT_LEADER)
        return;
    for (size_t i = 0; i < r->read_count; i++) {
        struct pending_read *read = &r->read[i];
        size_t acknowledged = 1;

        for (size_t p = 0; p < r->peer_count; p++)
            acknowledged += r->peer[p].round >= read->round;
        if (read->round > r->read_round || acknowledged < raft_majority(r) ||
            r->commit < read->index) {
            r->read[kept++] = *read;
        } else if (read->from == 0) {
            ready(r, read->tag, read->index);
        } else {
            struct raft_message m = {
                .kind = RAFT_MSG_READ_REPLY,
                .to = read->from,
                .term = r->hard.term,
                .round = read->tag,
                .index = read->index,
            };
            raft_send(r, &m);
        }
    }
    r->read_count = kept;
}

void read_drop_all(struct raft *r)
{
    for (size_t i = 0; i < r->read_count; i++) {
        if (r->read[i].from == 0)
            raft_refuse(r, r->read[i].tag, true, RAFT_REFUSED_NO_LEADER);
    }
    r->read_count = 0;
    r->is_round_wanted = false;
}
