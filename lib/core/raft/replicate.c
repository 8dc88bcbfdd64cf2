/*
 * Replication: paper, section 5.3; commitment: section 5.4.2 and Figure 8; pipelining and writing
 * to the leader's disk in parallel: thesis 10.2.1.
 */
#include "core/raft/raft_internal.h"

/* ---- leader: sending ---- */

static void forget_inflight(struct peer *p)
{
    p->inflight_head = 0;
    p->inflight_count = 0;
    p->inflight_bytes = 0;
}

static void note_inflight(struct peer *p, uint64_t last_index, size_t bytes)
{
    size_t at = (p->inflight_head + p->inflight_count++) % INFLIGHT_MAX;

    p->inflight[at] = (struct inflight){last_index, bytes};
    p->inflight_bytes += bytes;
}

static void acknowledge_inflight(struct peer *p, uint64_t index)
{
    while (p->inflight_count > 0 && p->inflight[p->inflight_head].last_index <= index) {
        p->inflight_bytes -= p->inflight[p->inflight_head].bytes;
        p->inflight_head = (p->inflight_head + 1) % INFLIGHT_MAX;
        p->inflight_count--;
    }
}

static bool may_send(const struct raft *r, const struct peer *p)
{
    if (p->is_probing)
        return !p->is_waiting;
    return p->inflight_count < INFLIGHT_MAX && p->inflight_bytes < r->config.inflight_bytes_max;
}

/* One append message from p->next on; false if nothing more can be sent now. */
static bool send_append(struct raft *r, struct peer *p, bool is_probe)
{
    const struct raft_entry *entry = NULL;
    uint64_t previous_term;
    size_t bytes = 0;
    size_t count;

    if (!may_send(r, p) || (p->next > r->last_index && !is_probe))
        return false;
    if (!log_term_of(r, p->next - 1, &previous_term) ||
        !log_get(r, p->next, ENTRIES_PER_MESSAGE, APPEND_BYTES, &entry, &count))
        return false;
    struct raft_message m = {
        .kind = RAFT_MSG_APPEND,
        .to = p->id,
        .term = r->hard.term,
        .index = p->next - 1,
        .log_term = previous_term,
        .commit = r->commit,
        .entry = entry,
        .entry_count = count,
    };
    raft_send(r, &m);
    for (size_t i = 0; i < count; i++)
        bytes += entry[i].data.len;
    if (p->is_probing) {
        p->is_waiting = true;
        return false;
    }
    if (count > 0) {
        note_inflight(p, p->next + count - 1, bytes);
        p->next += count;
    }
    return count > 0;
}

static void send_all(struct raft *r, struct peer *p)
{
    while (send_append(r, p, false)) {
    }
}

static void broadcast_append(struct raft *r)
{
    for (size_t i = 0; i < r->peer_count; i++)
        send_all(r, &r->peer[i]);
}

static void send_heartbeat(struct raft *r, const struct peer *p)
{
    struct raft_message m = {
        .kind = RAFT_MSG_HEARTBEAT,
        .to = p->id,
        .term = r->hard.term,
        /* Only what this follower is known to have may be called committed to it. */
        .commit = r->commit < p->match ? r->commit : p->match,
        .round = r->read_round,
        .index = p->is_probing ? 0 : p->next - 1,
    };

    raft_send(r, &m);
}

void broadcast_heartbeat(struct raft *r)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        send_heartbeat(r, &r->peer[i]);
        /* What was lost on the way is found out by a probe, not by waiting. */
        if (r->peer[i].is_probing)
            r->peer[i].is_waiting = false;
        if (r->peer[i].match < r->last_index && r->peer[i].inflight_count == 0)
            send_append(r, &r->peer[i], true);
    }
    r->heartbeat_due_ms = r->now_ms + r->config.heartbeat_ms;
}

/* ---- leader: office ---- */

static void append_own(struct raft *r, enum raft_entry_kind kind, struct str data)
{
    log_append_entry(r, r->hard.term, kind, data);
    r->uncommitted_bytes += data.len;
}

void leader_start(struct raft *r)
{
    r->role = RAFT_LEADER;
    r->leader = r->config.id;
    r->is_transfer = false;
    r->uncommitted_bytes = 0;
    r->quorum_due_ms = r->now_ms + r->config.election_ms;
    for (size_t i = 0; i < r->peer_count; i++) {
        struct peer *p = &r->peer[i];

        p->match = 0;
        p->next = r->last_index + 1;
        p->is_probing = true;
        p->is_waiting = false;
        p->heard_ms = r->now_ms;
        p->round = 0;
        forget_inflight(p);
    }
    /* Paper, section 8: a no-op of the new term, through which older entries commit. */
    append_own(r, RAFT_ENTRY_NOOP, STR_NONE);
    r->term_start = r->last_index;
    broadcast_append(r);
    broadcast_heartbeat(r);
    commit_advance(r);
}

/* Check-quorum (thesis 6.2): a leader that no majority answers is none. */
static void check_quorum(struct raft *r)
{
    size_t heard = 1;

    if (r->now_ms < r->quorum_due_ms)
        return;
    for (size_t i = 0; i < r->peer_count; i++)
        heard += r->now_ms - r->peer[i].heard_ms <= r->config.election_ms;
    if (heard < raft_majority(r)) {
        become_follower(r, r->hard.term, 0);
        return;
    }
    r->quorum_due_ms = r->now_ms + r->config.election_ms / 2;
    if (r->transfer_to != 0)
        r->transfer_to = 0; /* it did not take over: go on */
}

void leader_tick(struct raft *r)
{
    if (r->role != RAFT_LEADER)
        return;
    check_quorum(r);
    if (r->role == RAFT_LEADER && r->now_ms >= r->heartbeat_due_ms)
        broadcast_heartbeat(r);
}

void propose(struct raft *r, const struct str *data, size_t count, uint64_t tag)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += data[i].len;
        if (data[i].len > RAFT_ENTRY_BYTES_MAX) {
            raft_refuse(r, tag, false, RAFT_REFUSED_TOO_LARGE);
            return;
        }
    }
    if (r->is_broken) {
        raft_refuse(r, tag, false, RAFT_REFUSED_DISK);
    } else if (r->role == RAFT_LEADER && r->transfer_to == 0) {
        /* An empty pipeline takes one proposal of any legal size. */
        if (r->uncommitted_bytes > 0 &&
            r->uncommitted_bytes + bytes > r->config.uncommitted_bytes_max) {
            raft_refuse(r, tag, false, RAFT_REFUSED_FULL);
            return;
        }
        for (size_t i = 0; i < count; i++)
            append_own(r, RAFT_ENTRY_COMMAND, data[i]);
        broadcast_append(r);
    } else if (r->role == RAFT_FOLLOWER && r->leader != 0) {
        for (size_t i = 0; i < count; i++) {
            struct raft_entry *e = arena_one(r->arena, struct raft_entry);
            *e = (struct raft_entry){.kind = RAFT_ENTRY_COMMAND, .data = data[i]};
            struct raft_message m = {
                .kind = RAFT_MSG_PROPOSE,
                .to = r->leader,
                .term = r->hard.term,
                .entry = e,
                .entry_count = 1,
            };
            raft_send(r, &m);
        }
    } else {
        raft_refuse(r, tag, false, RAFT_REFUSED_NO_LEADER);
    }
}

void handle_propose(struct raft *r, const struct raft_message *m)
{
    if (r->role != RAFT_LEADER)
        return; /* it will find out and try again */
    for (size_t i = 0; i < m->entry_count; i++)
        propose(r, &m->entry[i].data, 1, 0);
}

/* Figure 8: only entries of our own term are committed by counting; those before come along. Our
 * own copy counts when it is durable (raft.md 2.5, trap 2). */
void commit_advance(struct raft *r)
{
    uint64_t match[RAFT_VOTERS_MAX];
    uint64_t term;
    size_t n = 0;

    if (r->role != RAFT_LEADER)
        return;
    match[n++] = r->durable_index;
    for (size_t i = 0; i < r->peer_count; i++) {
        size_t at = n++;
        while (at > 0 && match[at - 1] < r->peer[i].match) {
            match[at] = match[at - 1];
            at--;
        }
        match[at] = r->peer[i].match;
    }
    uint64_t agreed = match[raft_majority(r) - 1];
    if (agreed <= r->commit || !log_term_of(r, agreed, &term) || term != r->hard.term)
        return;
    for (uint64_t i = r->commit + 1; i <= agreed && i >= r->cache_first; i++) {
        size_t len = r->cache[i - r->cache_first].data.len;
        r->uncommitted_bytes -= len < r->uncommitted_bytes ? len : r->uncommitted_bytes;
    }
    r->commit = agreed;
    /* Tell those who have nothing on the way that would tell them. */
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peer[i].inflight_count == 0 && r->peer[i].match >= agreed)
            send_heartbeat(r, &r->peer[i]);
    }
}

static void continue_transfer(struct raft *r, const struct peer *p)
{
    struct raft_message m = {.kind = RAFT_MSG_TIMEOUT_NOW, .to = p->id, .term = r->hard.term};

    if (r->transfer_to == p->id && p->match == r->last_index)
        raft_send(r, &m);
}

void transfer_start(struct raft *r, uint64_t peer)
{
    struct peer *p = raft_peer(r, peer);

    if (r->role != RAFT_LEADER || !p)
        return;
    r->transfer_to = peer;
    r->quorum_due_ms = r->now_ms + r->config.election_ms;
    continue_transfer(r, p);
}

void handle_append_reply(struct raft *r, const struct raft_message *m)
{
    struct peer *p = raft_peer(r, m->from);
    uint64_t at;

    if (r->role != RAFT_LEADER || m->term != r->hard.term)
        return;
    p->heard_ms = r->now_ms;
    if (m->is_rejected) {
        /* m->round is the index we had put before our entries: an old refusal says nothing. */
        if (m->round <= p->match || (p->is_probing && m->round != p->next - 1))
            return;
        uint64_t hint = m->index < r->last_index ? m->index : r->last_index;
        if (!log_find_by_term(r, hint, m->log_term, &at))
            return;
        p->next = (at > p->match ? at : p->match) + 1;
        p->is_probing = true;
        p->is_waiting = false;
        forget_inflight(p);
        send_append(r, p, true);
        return;
    }
    if (m->index > r->last_index)
        return; /* nobody has more of our term than we: nonsense */
    if (m->index > p->match)
        p->match = m->index;
    acknowledge_inflight(p, p->match);
    if (p->is_probing) {
        p->is_probing = false;
        p->is_waiting = false;
        p->next = p->match + 1;
        forget_inflight(p);
    } else if (p->next <= p->match) {
        p->next = p->match + 1;
    }
    commit_advance(r);
    read_advance(r);
    continue_transfer(r, p);
    send_all(r, p);
}

void handle_heartbeat_reply(struct raft *r, const struct raft_message *m)
{
    struct peer *p = raft_peer(r, m->from);

    if (r->role != RAFT_LEADER || m->term != r->hard.term)
        return;
    p->heard_ms = r->now_ms;
    if (m->round > p->round)
        p->round = m->round;
    /* m->log_term echoes what we had sent before the heartbeat, m->index is how much of it was
     * verified there: what lies between was lost on the way. */
    if (!p->is_probing && m->index < m->log_term && p->match < m->log_term) {
        p->is_probing = true;
        p->is_waiting = false;
        p->next = p->match + 1;
        forget_inflight(p);
        send_append(r, p, true);
    }
    read_advance(r);
}

/* ---- follower ---- */

static void take_leader(struct raft *r, const struct raft_message *m)
{
    /* Two leaders in one term cannot be: election safety. */
    HL_ASSERT(r->role != RAFT_LEADER);
    if (r->role != RAFT_FOLLOWER || r->leader != m->from)
        become_follower(r, m->term, m->from);
    r->leader_heard_ms = r->now_ms;
    r->is_leader_lost = false;
    election_reset_timer(r);
}

static void reject_append(struct raft *r, const struct raft_message *m)
{
    uint64_t from = m->index < r->last_index ? m->index : r->last_index;
    uint64_t hint;
    uint64_t term;

    if (!log_find_by_term(r, from, m->log_term, &hint) || !log_term_of(r, hint, &term))
        return;
    struct raft_message reply = {
        .kind = RAFT_MSG_APPEND_REPLY,
        .to = m->from,
        .term = r->hard.term,
        .index = hint,
        .log_term = term,
        .round = m->index,
        .is_rejected = true,
    };
    raft_send(r, &reply);
}

/* Skips what we have, cuts at the first conflict, appends the rest. False: unreadable. */
static bool store_entries(struct raft *r, const struct raft_message *m)
{
    for (size_t i = 0; i < m->entry_count; i++) {
        const struct raft_entry *e = &m->entry[i];
        uint64_t term;

        if (e->index <= r->last_index) {
            if (e->index <= r->commit)
                continue; /* committed: the same here and there */
            if (!log_term_of(r, e->index, &term))
                return false;
            if (term == e->term)
                continue;
            log_truncate(r, e->index);
        }
        log_append_entry(r, e->term, e->kind, e->data);
    }
    return true;
}

static bool is_well_formed(const struct raft_message *m)
{
    for (size_t i = 0; i < m->entry_count; i++) {
        if (m->entry[i].index != m->index + 1 + i || m->entry[i].term > m->term ||
            m->entry[i].data.len > RAFT_ENTRY_BYTES_MAX)
            return false;
    }
    return true;
}

void handle_append(struct raft *r, const struct raft_message *m)
{
    uint64_t term;

    if (!is_well_formed(m))
        return;
    take_leader(r, m);
    if (r->is_broken)
        return;
    if (m->index > r->last_index) {
        reject_append(r, m);
        return;
    }
    if (m->index > r->commit) {
        if (!log_term_of(r, m->index, &term))
            return;
        if (term != m->log_term) {
            reject_append(r, m);
            return;
        }
    }
    if (!store_entries(r, m))
        return;
    /* Only what this message covers was verified (trap 5); what is committed always agrees. */
    uint64_t verified = m->index + m->entry_count;
    if (verified < r->commit)
        verified = r->commit;
    uint64_t commit = m->commit < verified ? m->commit : verified;
    if (commit > r->commit)
        r->commit = commit;
    if (verified > r->verified)
        r->verified = verified;
    struct raft_message reply = {
        .kind = RAFT_MSG_APPEND_REPLY,
        .to = m->from,
        .term = r->hard.term,
        .index = verified,
    };
    raft_send_when_durable(r, verified, &reply);
}

void handle_heartbeat(struct raft *r, const struct raft_message *m)
{
    take_leader(r, m);
    /* The leader knows that we have this much; a delayed heartbeat may speak of more than that. */
    uint64_t known = r->verified > r->commit ? r->verified : r->commit;
    uint64_t commit = m->commit < known ? m->commit : known;
    if (commit > r->commit)
        r->commit = commit;
    struct raft_message reply = {
        .kind = RAFT_MSG_HEARTBEAT_REPLY,
        .to = m->from,
        .term = r->hard.term,
        .round = m->round,
        .index = r->verified,
        .log_term = m->index,
    };
    raft_send(r, &reply);
}
