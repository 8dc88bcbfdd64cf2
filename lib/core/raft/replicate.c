/*
 * The leader's side of the log: paper 5.3 and 5.4.2, thesis 10.2.1 (writing in parallel with the
 * followers) and 10.2.2 (pipelining).
 *
 * A peer is either probed (where our logs agree is not known: one append at a time, the next when
 * it answers) or streamed to (`next` runs ahead of what is acknowledged, bounded by bytes). What is
 * in flight is not counted but computed from the log, (match, next): nothing to reset, nothing to
 * leak. Entries that are no longer in memory are sent one message at a time.
 *
 * An append that got lost shows by a question: when acknowledgements are missing at a heartbeat's
 * reply, an empty append behind the last entry sent is refused by a peer that lacks some, and says
 * "received" where only its disk is slow.
 */
#include "core/raft/raft_internal.h"

enum { PROBE_BYTES_MAX = 64 << 10 };

void replicate_peer_init(const struct raft *r, struct raft_peer *p)
{
    *p = (struct raft_peer){
        .id = p->id,
        .is_voter = p->is_voter,
        .heard_ms = r->now_ms,
        .asked_ms = r->now_ms,
        .next = r->log.last_index + 1,
        .flow = RAFT_FLOW_PROBE,
    };
}

/* Figure 2: "Volatile state on leaders: reinitialized after election". */
void replicate_start(struct raft *r)
{
    r->term_first = r->log.last_index + 1;
    r->read_round = 0;
    r->transfer_to = 0;
    r->heartbeat_due_ms = r->now_ms + r->config.heartbeat_ms;
    r->written_ms = r->committed_ms = r->commit_old_ms = r->now_ms;
    r->commit_older = r->commit_old = r->commit;
    members_apply(r);
    for (size_t i = 0; i < r->peer_count; i++)
        replicate_peer_init(r, &r->peer[i]);
    /* Figure 2: leaders 1. Paper, section 8: nothing older commits, and no read is answered, before
     * an entry of this term does; this one needs no client. It also tells every follower who leads.
     */
    raft_append(r, RAFT_ENTRY_NOOP, r->term, STR_NONE);
}

void replicate_probe(struct raft_peer *p, uint64_t next, bool is_silent)
{
    p->flow = RAFT_FLOW_PROBE;
    p->is_probe_out = is_silent; /* then its next heartbeat reply starts it */
    p->next = next;
}

static enum raft_refusal why_not(const struct raft *r, const struct str *data, size_t count)
{
    uint64_t bytes = 0;
    /* What our own disk lacks stays in memory, committed by others or not. */
    uint64_t settled = r->commit < r->durable ? r->commit : r->durable;
    uint64_t waiting = entries_bytes(&r->log, settled, r->log.last_index);

    for (size_t i = 0; i < count; i++) {
        if (data[i].len > RAFT_ENTRY_BYTES_MAX)
            return RAFT_REFUSED_TOO_LARGE;
        bytes += data[i].len + RAFT_ENTRY_COST;
    }
    if (r->role != RAFT_LEADER)
        return r->leader == 0 ? RAFT_REFUSED_NO_LEADER : 0;
    if (r->transfer_to != 0)
        return RAFT_REFUSED_NO_LEADER;
    if (r->is_disk_full || waiting + bytes > r->config.uncommitted_bytes_max)
        return RAFT_REFUSED_FULL;
    return 0;
}

static void forward_part(struct raft *r, const struct str *data, size_t count)
{
    struct raft_entry *entry = arena_array(r->fx.arena, struct raft_entry, count);

    for (size_t i = 0; i < count; i++) {
        entry[i].kind = RAFT_ENTRY_COMMAND;
        entry[i].data = arena_dup(r->fx.arena, data[i]);
    }
    raft_emit(r,
              (struct raft_message){
                  .kind = RAFT_MSG_PROPOSE, .to = r->leader, .entry = entry, .entry_count = count});
}

static void forward(struct raft *r, const struct str *data, size_t count)
{
    size_t from = 0;
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        size_t cost = data[i].len + RAFT_ENTRY_COST;

        if (i > from &&
            (bytes + cost > RAFT_MESSAGE_BYTES_MAX || i - from == RAFT_MESSAGE_ENTRIES_MAX)) {
            forward_part(r, data + from, i - from);
            from = i;
            bytes = 0;
        }
        bytes += cost;
    }
    if (count > from)
        forward_part(r, data + from, count - from);
}

/* Figure 2: leaders 2; that it is applied shows the caller by itself. */
void replicate_propose(struct raft *r, const struct raft_event *e)
{
    enum raft_refusal why = why_not(r, e->data, e->data_count);

    if (why != 0)
        raft_emit_refused(r, e->tag, false, why);
    else if (r->role != RAFT_LEADER)
        forward(r, e->data, e->data_count);
    else
        for (size_t i = 0; i < e->data_count; i++)
            raft_append(r, RAFT_ENTRY_COMMAND, r->term, e->data[i]);
}

/* Forwarded once, never again: whoever asked the wrong member asks again after its timeout. */
void replicate_on_propose(struct raft *r, const struct raft_message *m)
{
    struct str *data = arena_array(r->fx.arena, struct str, m->entry_count);

    for (size_t i = 0; i < m->entry_count; i++)
        data[i] = m->entry[i].data;
    if (r->role != RAFT_LEADER || why_not(r, data, m->entry_count) != 0)
        return;
    for (size_t i = 0; i < m->entry_count; i++)
        raft_append(r, RAFT_ENTRY_COMMAND, r->term, data[i]);
}

/* Figure 2: leaders 3, "if AppendEntries fails because of log inconsistency". */
static void on_rejected(struct raft *r, struct raft_peer *p, const struct raft_message *m)
{
    uint64_t refused = m->round;

    /* An answer to something sent before what we know by now (they may overtake each other). */
    if (p->flow == RAFT_FLOW_SNAPSHOT || refused <= p->match ||
        (p->flow == RAFT_FLOW_PROBE && refused != p->next - 1))
        return;
    /* Its log has nothing behind the hint that could agree with ours; ours has nothing before the
     * last entry of at most that term that could disagree there (paper 5.3, last paragraphs). */
    uint64_t at = m->index < refused ? m->index : refused - 1;
    if (m->log_term != 0)
        at = entries_last_below(&r->log, at, m->log_term);
    replicate_probe(p, (at > p->match ? at : p->match) + 1, false);
}

/* Figure 2: leaders 3, "if successful". */
void replicate_on_reply(struct raft *r, const struct raft_message *m)
{
    struct raft_peer *p = members_peer(r, m->from);

    if (r->role != RAFT_LEADER)
        return;
    p->heard_ms = r->now_ms;
    if (m->is_rejected) {
        on_rejected(r, p, m);
        return;
    }
    if (m->index > r->log.last_index)
        return; /* nobody can hold what we never wrote */
    p->asked_ms = r->now_ms;
    if (m->index > p->match)
        p->match = m->index;
    uint64_t received = m->commit < r->log.last_index ? m->commit : r->log.last_index;
    if (received < p->match)
        received = p->match;
    if (p->flow == RAFT_FLOW_SNAPSHOT && p->match + 1 < r->log.first_index)
        return; /* it had sent this before */
    if (p->flow != RAFT_FLOW_STREAM || p->next <= received)
        p->next = received + 1;
    p->flow = RAFT_FLOW_STREAM;
}

/* Figure 2: AppendEntries arguments. */
static void send_append(struct raft *r, struct raft_peer *p, size_t max_bytes)
{
    struct raft_entry *entry = NULL;
    size_t count = 0;

    if (max_bytes > 0 && p->next <= r->log.last_index) {
        count = raft_collect(r, p->next, RAFT_MESSAGE_ENTRIES_MAX, max_bytes, &entry);
        if (count == 0)
            return; /* the disk failed, we lead no more */
    }
    raft_emit(r, (struct raft_message){
                     .kind = RAFT_MSG_APPEND,
                     .to = p->id,
                     .index = p->next - 1,
                     .log_term = entries_term(&r->log, p->next - 1),
                     .commit = r->commit,
                     .entry = entry,
                     .entry_count = count,
                 });
    p->commit_sent = r->commit;
    if (p->flow == RAFT_FLOW_STREAM)
        p->next += count;
}

/* The commit index goes no further than what the peer is known to hold durably, so it may believe
 * it even if it was restarted since and has verified nothing in this life. */
static void send_heartbeat(struct raft *r, struct raft_peer *p)
{
    uint64_t commit = r->commit < p->match ? r->commit : p->match;

    raft_emit(
        r, (struct raft_message){
               .kind = RAFT_MSG_HEARTBEAT, .to = p->id, .commit = commit, .round = r->read_round});
    p->commit_sent = commit;
}

void replicate_heartbeats(struct raft *r)
{
    for (size_t i = 0; i < r->peer_count; i++)
        send_heartbeat(r, &r->peer[i]);
}

static uint64_t heard_of(const struct raft_peer *p)
{
    return (uint64_t)p->heard_ms;
}

/* Figure 2: leaders 1, "repeat during idle periods". Check-quorum, thesis 6.2: a leader that hears
 * no majority for an election timeout steps down, so that clients do not wait on it and stickiness
 * does not protect it. */
void replicate_beat(struct raft *r)
{
    int64_t silent_ms = r->now_ms - (int64_t)members_quorum_value(r, (uint64_t)r->now_ms, heard_of);

    r->heartbeat_due_ms = r->now_ms + r->config.heartbeat_ms;
    if (silent_ms >= r->config.election_ms) {
        election_follow(r, r->term, 0);
        return;
    }
    for (size_t i = 0; i < r->peer_count; i++) {
        struct raft_peer *p = &r->peer[i];

        if (p->flow == RAFT_FLOW_STREAM && r->now_ms - p->heard_ms >= r->config.election_ms)
            replicate_probe(p, p->match + 1, true);
    }
    if (r->now_ms - r->commit_old_ms >= r->config.election_ms) {
        r->commit_older = r->commit_old;
        r->commit_old = r->commit;
        r->commit_old_ms = r->now_ms;
    }
    replicate_heartbeats(r);
    election_judge_self(r);
}

void replicate_on_heartbeat_reply(struct raft *r, const struct raft_message *m)
{
    struct raft_peer *p = members_peer(r, m->from);

    if (r->role != RAFT_LEADER)
        return;
    p->heard_ms = r->now_ms;
    if (m->round > p->read_round && m->round <= r->read_round)
        p->read_round = m->round;
    if (p->flow == RAFT_FLOW_PROBE) {
        p->is_probe_out = false;
    } else if (p->flow == RAFT_FLOW_SNAPSHOT) {
        snapshot_nudge(r, p);
    } else if (p->match + 1 < p->next && r->now_ms - p->asked_ms >= r->config.heartbeat_ms) {
        p->asked_ms = r->now_ms;
        send_append(r, p, 0);
    }
}

void replicate_peer_lost(struct raft *r, uint64_t peer)
{
    struct raft_peer *p = members_peer(r, peer);

    if (r->role == RAFT_LEADER && p && p->flow == RAFT_FLOW_STREAM)
        replicate_probe(p, p->match + 1, true);
}

static uint64_t match_of(const struct raft_peer *p)
{
    return p->match;
}

/* A removal is through: the last word to the peer that left is that it is committed. */
static void let_go(struct raft *r)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (!members_has(r, r->peer[i].id))
            send_heartbeat(r, &r->peer[i]);
    }
    members_apply(r);
}

/* Figure 2: leaders 4. Paper 5.4.2 and Figure 8: counting copies commits only entries of our own
 * term; what lies before them is committed with them. Our own copy counts once our own disk has it.
 */
void replicate_commit(struct raft *r)
{
    uint64_t index = members_quorum_value(r, r->durable, match_of);
    uint64_t before = r->commit;

    HL_ASSERT(index <= r->log.last_index);
    if (index <= r->commit || index < r->term_first)
        return;
    HL_ASSERT(entries_term(&r->log, index) == r->term);
    r->commit = index;
    r->committed_ms = r->now_ms;
    if (members_index(r) > before && members_index(r) <= index)
        let_go(r);
}

static size_t inflight_room(const struct raft *r, const struct raft_peer *p)
{
    size_t max = r->config.inflight_bytes_max;

    if (p->next == p->match + 1)
        return max; /* nothing in flight: one entry always fits */
    if (p->match + 1 < r->log.cache_first || p->next < r->log.cache_first)
        return 0; /* what is not in memory goes one message at a time */
    uint64_t used = entries_bytes(&r->log, p->match, p->next - 1);
    uint64_t more = entries_bytes(&r->log, p->next - 1, p->next);
    return used + more > max ? 0 : (size_t)(max - used);
}

/* With nothing in flight nothing else carries the commit index; followers serve reads, too. */
static bool lacks_news(const struct raft *r, const struct raft_peer *p)
{
    return r->role == RAFT_LEADER && p->next == p->match + 1 && p->commit_sent < r->commit &&
           p->commit_sent < p->match;
}

/* Figure 2: leaders 3, "if last log index >= nextIndex". */
static void pay_peer(struct raft *r, struct raft_peer *p)
{
    size_t max = r->config.inflight_bytes_max;

    if (p->flow != RAFT_FLOW_SNAPSHOT && p->next < r->log.first_index)
        snapshot_begin(r, p);
    if (p->flow == RAFT_FLOW_SNAPSHOT) {
        snapshot_pay(r, p);
        return;
    }
    if (p->flow == RAFT_FLOW_PROBE) {
        if (!p->is_probe_out)
            send_append(r, p, max < PROBE_BYTES_MAX ? max : PROBE_BYTES_MAX);
        p->is_probe_out = true;
        return;
    }
    while (r->role == RAFT_LEADER && p->next <= r->log.last_index) {
        size_t room = inflight_room(r, p);

        if (room == 0)
            break;
        send_append(r, p, room < RAFT_MESSAGE_BYTES_MAX ? room : RAFT_MESSAGE_BYTES_MAX);
    }
    if (r->now_ms - r->committed_ms >= r->config.news_ms && lacks_news(r, p))
        send_heartbeat(r, p);
}

int64_t replicate_news_due(const struct raft *r)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peer[i].flow == RAFT_FLOW_STREAM && lacks_news(r, &r->peer[i]))
            return r->committed_ms + r->config.news_ms;
    }
    return INT64_MAX;
}

void replicate_pay(struct raft *r)
{
    for (size_t i = 0; i < r->peer_count && r->role == RAFT_LEADER; i++)
        pay_peer(r, &r->peer[i]);
}
