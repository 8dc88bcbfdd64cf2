/*
 * Linearizable reads without a log entry: ReadIndex (thesis 6.4).
 *
 * The leader notes its commit index, proves with a round of heartbeats that it still led after the
 * read came in, and answers. Rounds are numbered by the leader alone, within its term: a reply that
 * was delayed, repeated or meant for an older round confirms no newer one. One round runs at a time
 * and covers every read that waited for it. Before an entry of its own term is committed a leader
 * does not know what its predecessors committed, so reads wait until then.
 *
 * A follower hands a read to the leader under an id that it never uses twice, not even after a
 * restart: an answer to an earlier question would be too old.
 */
#include "core/raft/raft_internal.h"

static void add(struct raft *r, struct raft_read read)
{
    if (r->read_count == r->read_cap) {
        r->read_cap = r->read_cap ? r->read_cap * 2 : 16;
        r->read = hl_realloc(r->read, r->read_cap * sizeof(*r->read));
    }
    r->read[r->read_count++] = read;
}

void read_start(struct raft *r, uint64_t tag)
{
    if (r->read_count >= RAFT_READS_MAX) {
        raft_emit_refused(r, tag, true, RAFT_REFUSED_FULL);
    } else if (r->role == RAFT_LEADER) {
        add(r, (struct raft_read){.from = r->config.id, .tag = tag});
    } else if (r->leader == 0) {
        raft_emit_refused(r, tag, true, RAFT_REFUSED_NO_LEADER);
    } else {
        uint64_t id = ++r->read_id;
        add(r, (struct raft_read){.from = r->config.id,
                                  .tag = tag,
                                  .id = id,
                                  .due_ms = r->now_ms + r->config.election_ms});
        raft_emit(r, (struct raft_message){.kind = RAFT_MSG_READ, .to = r->leader, .round = id});
    }
}

void read_on_read(struct raft *r, const struct raft_message *m)
{
    if (r->role == RAFT_LEADER && r->read_count < RAFT_READS_MAX)
        add(r, (struct raft_read){.from = m->from, .tag = m->round});
}

static void answer(struct raft *r, const struct raft_read *read, uint64_t index)
{
    struct raft_read_ready ready = {.tag = read->tag, .index = index};

    if (read->from == r->config.id)
        ARENA_PUSH(r->fx.arena, r->fx.read, r->fx.read_count, r->fx.read_cap, ready);
    else
        raft_emit(r, (struct raft_message){.kind = RAFT_MSG_READ_REPLY,
                                           .to = read->from,
                                           .index = index,
                                           .round = read->tag});
}

static void drop_first(struct raft *r, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = count; i < r->read_count; i++)
        r->read[i - count] = r->read[i];
    r->read_count -= count;
}

void read_on_reply(struct raft *r, const struct raft_message *m)
{
    if (r->role != RAFT_FOLLOWER || r->leader != m->from)
        return;
    for (size_t i = 0; i < r->read_count; i++) {
        if (r->read[i].id != m->round)
            continue;
        answer(r, &r->read[i], m->index);
        for (size_t k = i + 1; k < r->read_count; k++)
            r->read[k - 1] = r->read[k];
        r->read_count--;
        return;
    }
}

/* The question or its answer was lost. The caller may ask again, under another id. */
void read_expire(struct raft *r)
{
    size_t count = 0;

    if (r->role == RAFT_LEADER)
        return;
    while (count < r->read_count && r->read[count].due_ms <= r->now_ms)
        raft_emit_refused(r, r->read[count++].tag, true, RAFT_REFUSED_NO_LEADER);
    drop_first(r, count);
}

void read_drop_all(struct raft *r, enum raft_refusal why)
{
    for (size_t i = 0; i < r->read_count; i++) {
        if (r->read[i].from == r->config.id)
            raft_emit_refused(r, r->read[i].tag, true, why);
    }
    r->read_count = 0;
}

static uint64_t round_of(const struct raft_peer *p)
{
    return p->read_round;
}

static void answer_confirmed(struct raft *r, uint64_t round)
{
    size_t count = 0;

    while (count < r->read_count && r->read[count].round != 0 && r->read[count].round <= round) {
        answer(r, &r->read[count], r->read[count].index);
        count++;
    }
    drop_first(r, count);
}

void read_pay(struct raft *r)
{
    uint64_t confirmed = members_quorum_value(r, r->read_round, round_of);

    answer_confirmed(r, confirmed);
    if (r->read_count == 0 || confirmed < r->read_round || r->commit < r->term_first)
        return;
    r->read_round++;
    for (size_t i = 0; i < r->read_count; i++) {
        r->read[i].round = r->read_round;
        r->read[i].index = r->commit;
    }
    if (members_is_alone(r))
        answer_confirmed(r, r->read_round);
    else
        replicate_heartbeats(r);
}
