/*
 * Events in, effects out. A handler changes state and notes what is owed; step_end pays in this
 * order: promises whose bytes are durable (which may make this member leader), commit, messages to
 * peers that lack something, reads, then what must be persisted, then what may be applied. So a
 * promise can never overtake the bytes it speaks of, whatever the handler did.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEARTBEAT_DEFAULT_MS = 100,
    ELECTION_DEFAULT_HEARTBEATS = 10,
    APPLY_COUNT_MAX = 4096,
};
#define UNCOMMITTED_DEFAULT ((size_t)64 << 20)
#define INFLIGHT_DEFAULT ((size_t)4 << 20)
#define CACHE_DEFAULT ((size_t)4 << 20)

const char *raft_role_name(enum raft_role role)
{
    switch (role) {
    case RAFT_FOLLOWER:
        return "follower";
    case RAFT_PRE_CANDIDATE:
        return "pre-candidate";
    case RAFT_CANDIDATE:
        return "candidate";
    case RAFT_LEADER:
        return "leader";
    }
    return "unknown";
}

static void take_defaults(struct raft_config *c)
{
    if (c->heartbeat_ms == 0)
        c->heartbeat_ms = HEARTBEAT_DEFAULT_MS;
    if (c->election_ms == 0)
        c->election_ms = ELECTION_DEFAULT_HEARTBEATS * c->heartbeat_ms;
    if (c->uncommitted_bytes_max == 0)
        c->uncommitted_bytes_max = UNCOMMITTED_DEFAULT;
    if (c->inflight_bytes_max == 0)
        c->inflight_bytes_max = INFLIGHT_DEFAULT;
    if (c->cache_bytes_max == 0)
        c->cache_bytes_max = CACHE_DEFAULT;
}

static int check_config(const struct raft_config *c, struct err *err)
{
    bool is_voter = false;

    if (c->id == 0)
        return err_set(err, HL_EINVAL, "raft: a member needs an id other than 0");
    if (c->voter_count == 0 || c->voter_count > RAFT_VOTERS_MAX)
        return err_set(err, HL_EINVAL, "raft: %zu voters, must be 1 to %d", c->voter_count,
                       RAFT_VOTERS_MAX);
    for (size_t i = 0; i < c->voter_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (c->voter[k] == c->voter[i])
                return err_set(err, HL_EINVAL, "raft: voter %llu is listed twice",
                               (unsigned long long)c->voter[i]);
        }
        if (c->voter[i] == 0)
            return err_set(err, HL_EINVAL, "raft: a voter needs an id other than 0");
        is_voter |= c->voter[i] == c->id;
    }
    if (!is_voter)
        return err_set(err, HL_EINVAL, "raft: member %llu is not one of the voters",
                       (unsigned long long)c->id);
    if (c->heartbeat_ms < 1 || c->election_ms < 2 * c->heartbeat_ms ||
        c->election_ms > INT64_C(86400000))
        return err_set(err, HL_EINVAL,
                       "raft: election_ms %lld must be at least twice heartbeat_ms %lld",
                       (long long)c->election_ms, (long long)c->heartbeat_ms);
    if (!c->storage.read)
        return err_set(err, HL_EINVAL, "raft: no storage to read old entries from");
    return 0;
}

static bool are_runs_sound(const struct raft_recovered *d)
{
    if (d->last_index < d->first_index)
        return d->run_count == 0 && d->last_term == 0;
    if (d->run_count == 0 || d->run[0].first_index != d->first_index || d->run[0].term == 0)
        return false;
    for (size_t i = 1; i < d->run_count; i++) {
        if (d->run[i].first_index <= d->run[i - 1].first_index ||
            d->run[i].term <= d->run[i - 1].term)
            return false;
    }
    const struct raft_term_run *last = &d->run[d->run_count - 1];
    return last->first_index <= d->last_index && last->term == d->last_term;
}

static int check_recovered(const struct raft_recovered *d, struct err *err)
{
    if (d->first_index != 1 || d->last_index + 1 < d->first_index || d->last_index == UINT64_MAX)
        return err_set(err, HL_ECORRUPT, "raft: a log from %llu to %llu cannot be",
                       (unsigned long long)d->first_index, (unsigned long long)d->last_index);
    if (!are_runs_sound(d))
        return err_set(err, HL_ECORRUPT, "raft: the terms of the log contradict each other");
    if (d->last_term > d->hard.term)
        return err_set(err, HL_ECORRUPT,
                       "raft: the log ends in term %llu, but the hard state knows only term %llu",
                       (unsigned long long)d->last_term, (unsigned long long)d->hard.term);
    if (d->applied_index > d->last_index)
        return err_set(err, HL_ECORRUPT,
                       "raft: the state has applied entry %llu, but the log ends at %llu",
                       (unsigned long long)d->applied_index, (unsigned long long)d->last_index);
    return 0;
}

static void add_peers(struct raft *r)
{
    for (size_t i = 0; i < r->config.voter_count; i++) {
        if (r->config.voter[i] != r->config.id)
            r->peer[r->peer_count++].id = r->config.voter[i];
    }
}

int raft_new(const struct raft_config *config, const struct raft_recovered *recovered,
             int64_t now_ms, struct raft **out, struct err *err)
{
    struct raft_config c = *config;

    take_defaults(&c);
    int result = check_config(&c, err);
    if (result == 0)
        result = check_recovered(recovered, err);
    if (result != 0)
        return result;

    struct raft *r = hl_calloc(1, sizeof(*r));
    r->config = c;
    r->now_ms = now_ms;
    rng_seed(&r->rng, c.seed ^ (c.id * UINT64_C(0x9e3779b97f4a7c15)) ^ (uint64_t)now_ms << 20);
    r->term = recovered->hard.term;
    r->vote = recovered->hard.vote;
    r->commit = r->handed = r->applied = r->verified = recovered->applied_index;
    r->durable = recovered->last_index;
    r->read_id = rng_next(&r->rng);
    r->hinted_ms = INT64_MIN / 2;
    r->role = RAFT_FOLLOWER;
    entries_init(&r->log, recovered);
    add_peers(r);
    election_reset_timer(r);
    if (r->peer_count == 0)
        r->election_due_ms = now_ms; /* nobody to wait for */
    *out = r;
    return 0;
}

void raft_free(struct raft *r)
{
    if (!r)
        return;
    entries_deinit(&r->log);
    free(r->read);
    free(r);
}

size_t raft_quorum(const struct raft *r)
{
    return r->config.voter_count / 2 + 1;
}

bool raft_is_hard_durable(const struct raft *r)
{
    return !r->is_hard_dirty && r->persisted >= r->hard_sequence;
}

struct raft_peer *raft_peer_of(struct raft *r, uint64_t id)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peer[i].id == id)
            return &r->peer[i];
    }
    return NULL;
}

uint64_t raft_quorum_value(const struct raft *r, uint64_t own,
                           uint64_t (*of)(const struct raft_peer *p))
{
    uint64_t value[RAFT_VOTERS_MAX] = {own};
    size_t count = 1;

    for (size_t i = 0; i < r->peer_count; i++) { /* insertion, descending */
        uint64_t v = of(&r->peer[i]);
        size_t at = count++;

        for (; at > 0 && value[at - 1] < v; at--)
            value[at] = value[at - 1];
        value[at] = v;
    }
    return value[raft_quorum(r) - 1];
}

void raft_emit(struct raft *r, struct raft_message m)
{
    m.from = r->config.id;
    if (m.term == 0)
        m.term = r->term;
    ARENA_PUSH(r->fx.arena, r->fx.send, r->fx.send_count, r->fx.send_cap, m);
}

void raft_emit_refused(struct raft *r, uint64_t tag, bool is_read, enum raft_refusal why)
{
    struct raft_refused refused = {.tag = tag, .is_read = is_read, .why = why};

    ARENA_PUSH(r->fx.arena, r->fx.refused, r->fx.refused_count, r->fx.refused_cap, refused);
}

/* Old entries, from the storage. A failure, or an answer that contradicts the log, is final. */
static size_t collect_stored(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
                             struct raft_entry **out)
{
    const struct raft_storage *storage = &r->config.storage;
    size_t count = 0;

    if (max_count > r->log.cache_first - first)
        max_count = (size_t)(r->log.cache_first - first);
    int result = (storage->read)(storage->context, first, max_count, max_bytes, r->fx.arena, out,
                                 &count, NULL);
    for (size_t i = 0; result == 0 && i < count; i++) {
        if ((*out)[i].index != first + i || (*out)[i].term != entries_term(&r->log, first + i))
            result = HL_ECORRUPT;
    }
    if (result != 0 || count == 0 || count > max_count) {
        raft_fail_disk(r);
        return 0;
    }
    return count;
}

size_t raft_collect(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
                    struct raft_entry **out)
{
    HL_ASSERT(first >= r->log.first_index && first <= r->log.last_index && max_count > 0);
    if (first < r->log.cache_first)
        return collect_stored(r, first, max_count, max_bytes, out);

    uint64_t available = r->log.last_index - first + 1;
    if (max_count > available)
        max_count = (size_t)available;
    size_t count = 1;
    while (count < max_count &&
           entries_bytes(&r->log, first - 1, first + count) <= (uint64_t)max_bytes)
        count++;
    *out = arena_array(r->fx.arena, struct raft_entry, count);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = entries_slot(&r->log, first + i)->entry;
    return count;
}

void raft_append(struct raft *r, enum raft_entry_kind kind, uint64_t term, struct str data)
{
    struct raft_entry e = {
        .index = r->log.last_index + 1, .term = term, .kind = kind, .data = data};

    entries_append(&r->log, &e);
    if (r->fx.append_from == 0)
        r->fx.append_from = e.index;
}

/* Paper, 5.3: a follower's entries that conflict with the leader's are deleted. Nothing committed
 * ever conflicts: if it does, two logs disagree about history and going on would spread that. */
void raft_truncate(struct raft *r, uint64_t from)
{
    HL_ASSERT(from > r->commit && from > r->verified && r->role != RAFT_LEADER);
    HL_ASSERT(r->fx.append_from == 0);
    entries_truncate(&r->log, from);
    r->fx.truncate_from = from;
    if (r->durable >= from)
        r->durable = from - 1;
}

/* What was promised stays true, but nothing new can be: silence is the only honest behaviour. The
 * others need not wait for a timeout if we can still name a successor (thesis 3.10). */
void raft_fail_disk(struct raft *r)
{
    if (r->has_disk_failed)
        return;
    if (r->role == RAFT_LEADER)
        election_abdicate(r);
    r->has_disk_failed = true;
    read_drop_all(r, RAFT_REFUSED_DISK);
    r->role = RAFT_FOLLOWER;
    r->verified = r->commit;
    r->leader = 0;
    r->transfer_to = 0;
    r->owes_vote_to = 0;
    r->owes_ack = false;
    r->is_ask_due = false;
}

static void on_persisted(struct raft *r, uint64_t sequence)
{
    HL_ASSERT(sequence <= r->sequence);
    if (sequence > r->persisted)
        r->persisted = sequence;
    /* An entry that replaced another one carries the later sequence, so this stops before it. */
    while (r->durable < r->log.last_index) {
        const struct raft_slot *s = entries_slot(&r->log, r->durable + 1);

        HL_ASSERT(s); /* what is not durable stays in memory */
        if (s->sequence > r->persisted)
            break;
        r->durable++;
    }
}

static bool is_well_formed(const struct raft *r, const struct raft_message *m)
{
    size_t bytes = 0;
    uint64_t term = m->log_term;

    if (m->kind < RAFT_MSG_PRE_VOTE || m->kind > RAFT_MSG_KIND_MAX || m->to != r->config.id)
        return false;
    if (m->term == 0 || m->term == UINT64_MAX || m->index >= UINT64_MAX / 2)
        return false;
    if (m->kind == RAFT_MSG_APPEND && (m->log_term > m->term || (m->index == 0) != (term == 0)))
        return false;
    for (size_t i = 0; i < m->entry_count; i++) {
        const struct raft_entry *e = &m->entry[i];

        if (e->data.len > RAFT_ENTRY_BYTES_MAX || e->kind < RAFT_ENTRY_NOOP ||
            e->kind > RAFT_ENTRY_COMMAND)
            return false;
        bytes += e->data.len + RAFT_ENTRY_COST;
        if (m->kind != RAFT_MSG_APPEND)
            continue;
        if (e->index != m->index + 1 + i || e->term < term || e->term == 0 || e->term > m->term)
            return false;
        term = e->term;
    }
    return bytes <= RAFT_MESSAGE_BYTES_MAX;
}

/* A message from the past of its sender or of us (paper 5.1). Whoever still believes that it leads
 * is told the term: with pre-vote and stickiness nothing else would bring the two together. */
static void answer_old_term(struct raft *r, const struct raft_message *m)
{
    enum raft_message_kind kind;

    if (m->kind == RAFT_MSG_APPEND)
        kind = RAFT_MSG_APPEND_REPLY;
    else if (m->kind == RAFT_MSG_HEARTBEAT)
        kind = RAFT_MSG_HEARTBEAT_REPLY;
    else if (m->kind == RAFT_MSG_VOTE)
        kind = RAFT_MSG_VOTE_REPLY;
    else
        return;
    raft_emit(r, (struct raft_message){.kind = kind, .to = m->from, .is_rejected = true});
}

/* Paper 5.1 "Rules for servers, all servers". False: the message is of no further interest. */
static bool take_term(struct raft *r, const struct raft_message *m)
{
    if (m->term < r->term) {
        answer_old_term(r, m);
        return false;
    }
    if (m->term == r->term)
        return true;
    /* Thesis 4.2.3: a vote asked of somebody who hears a leader does not even show its term. */
    if (m->kind == RAFT_MSG_VOTE && m->round != 1 && election_is_leader_fresh(r, m->from))
        return false;
    bool is_from_leader = m->kind == RAFT_MSG_APPEND || m->kind == RAFT_MSG_HEARTBEAT;
    election_follow(r, m->term, is_from_leader ? m->from : 0);
    return true;
}

static void on_termed_message(struct raft *r, const struct raft_message *m)
{
    if (!take_term(r, m))
        return;
    switch (m->kind) {
    case RAFT_MSG_VOTE:
        election_on_vote(r, m);
        break;
    case RAFT_MSG_VOTE_REPLY:
        election_on_reply(r, m);
        break;
    case RAFT_MSG_APPEND:
        follow_on_append(r, m);
        break;
    case RAFT_MSG_APPEND_REPLY:
        replicate_on_reply(r, m);
        break;
    case RAFT_MSG_HEARTBEAT:
        follow_on_heartbeat(r, m);
        break;
    case RAFT_MSG_HEARTBEAT_REPLY:
        replicate_on_heartbeat_reply(r, m);
        break;
    case RAFT_MSG_TIMEOUT_NOW:
        election_on_timeout_now(r, m);
        break;
    default:
        break;
    }
}

static void on_message(struct raft *r, const struct raft_message *m)
{
    if (!raft_peer_of(r, m->from) || !is_well_formed(r, m))
        return;
    switch (m->kind) { /* these five neither carry nor change a term */
    case RAFT_MSG_PRE_VOTE:
        election_on_pre_vote(r, m);
        break;
    case RAFT_MSG_PRE_VOTE_REPLY:
        election_on_reply(r, m);
        break;
    case RAFT_MSG_PROPOSE:
        replicate_on_propose(r, m);
        break;
    case RAFT_MSG_READ:
        read_on_read(r, m);
        break;
    case RAFT_MSG_READ_REPLY:
        read_on_reply(r, m);
        break;
    default:
        on_termed_message(r, m);
    }
}

static void on_applied(struct raft *r, uint64_t index)
{
    HL_ASSERT(index <= r->handed);
    if (index > r->applied)
        r->applied = index;
}

static void on_event(struct raft *r, const struct raft_event *e)
{
    switch (e->kind) {
    case RAFT_EVENT_TICK:
        break;
    case RAFT_EVENT_MESSAGE:
        on_message(r, e->message);
        break;
    case RAFT_EVENT_PROPOSE:
        replicate_propose(r, e);
        break;
    case RAFT_EVENT_READ:
        read_start(r, e->tag);
        break;
    case RAFT_EVENT_PERSISTED:
        on_persisted(r, e->sequence);
        break;
    case RAFT_EVENT_APPLIED:
        on_applied(r, e->index);
        break;
    case RAFT_EVENT_PEER_LOST:
        replicate_peer_lost(r, e->peer);
        election_on_peer_lost(r, e->peer);
        break;
    case RAFT_EVENT_DISK_FAILED:
        raft_fail_disk(r);
        break;
    case RAFT_EVENT_TRANSFER:
        election_transfer(r, e->peer);
        break;
    }
}

static void on_event_without_disk(struct raft *r, const struct raft_event *e)
{
    if (e->kind == RAFT_EVENT_PROPOSE || e->kind == RAFT_EVENT_READ)
        raft_emit_refused(r, e->tag, e->kind == RAFT_EVENT_READ, RAFT_REFUSED_DISK);
    else if (e->kind == RAFT_EVENT_APPLIED)
        on_applied(r, e->index);
}

/* Also run behind other events, so that a busy member keeps its timers, and behind the event, so
 * that a heartbeat that waited in a queue while we were stopped counts before the clock does. */
static void run_timers(struct raft *r)
{
    if (r->role == RAFT_LEADER) {
        if (r->now_ms >= r->heartbeat_due_ms)
            replicate_beat(r);
        if (r->transfer_to != 0 && r->now_ms >= r->transfer_due_ms)
            r->transfer_to = 0;
    } else if (r->now_ms >= r->election_due_ms && !r->is_ask_due) {
        election_timeout(r);
    } else if (election_is_asking(r) && r->now_ms >= r->heartbeat_due_ms) {
        election_ask_again(r);
    }
    read_expire(r);
}

static int64_t next_wake(const struct raft *r, bool has_more)
{
    if (has_more)
        return r->now_ms;
    if (r->has_disk_failed || (r->role != RAFT_LEADER && r->is_ask_due))
        return r->now_ms + r->config.election_ms;
    int64_t wake_ms = r->role == RAFT_LEADER ? r->heartbeat_due_ms : r->election_due_ms;
    if (election_is_asking(r) && r->heartbeat_due_ms < wake_ms)
        wake_ms = r->heartbeat_due_ms;
    if (r->role != RAFT_LEADER && r->read_count > 0 && r->read[0].due_ms < wake_ms)
        wake_ms = r->read[0].due_ms;
    return wake_ms;
}

static void end_persist(struct raft *r, struct raft_persist *out)
{
    struct raft_effects *fx = &r->fx;
    uint64_t last = r->log.last_index;

    if (!r->is_hard_dirty && fx->truncate_from == 0 && fx->append_from == 0)
        return;
    out->sequence = ++r->sequence;
    out->truncate_from = fx->truncate_from;
    if (r->is_hard_dirty) {
        out->has_hard_state = true;
        out->hard = (struct raft_hard_state){r->term, r->vote};
        r->hard_sequence = r->sequence;
        r->is_hard_dirty = false;
    }
    if (fx->append_from == 0)
        return;
    out->entry_count = (size_t)(last - fx->append_from + 1);
    struct raft_entry *entry = arena_array(fx->arena, struct raft_entry, out->entry_count);
    for (size_t i = 0; i < out->entry_count; i++) {
        struct raft_slot *s = entries_slot(&r->log, fx->append_from + i);

        s->sequence = r->sequence;
        entry[i] = s->entry;
    }
    out->entry = entry;
}

/* Paper, Figure 2 "if commitIndex > lastApplied"; here only what this member's own disk has too, so
 * that the applied state is never ahead of the log that explains it. */
static bool end_apply(struct raft *r, struct raft_output *out)
{
    uint64_t limit = r->commit < r->durable ? r->commit : r->durable;
    struct raft_entry *entry = NULL;

    if (r->handed >= limit || r->has_disk_failed)
        return false;
    size_t max_count =
        limit - r->handed < APPLY_COUNT_MAX ? (size_t)(limit - r->handed) : (size_t)APPLY_COUNT_MAX;
    size_t count = raft_collect(r, r->handed + 1, max_count, RAFT_APPLY_BYTES_MAX, &entry);
    if (count == 0)
        return false;
    out->apply = entry;
    out->apply_count = count;
    r->handed += count;
    return r->handed < limit;
}

static void check_invariants(const struct raft *r)
{
    HL_ASSERT(r->applied <= r->handed && r->handed <= r->commit);
    HL_ASSERT(r->commit <= r->log.last_index && r->durable <= r->log.last_index);
    HL_ASSERT(r->commit <= r->verified || r->role == RAFT_LEADER);
    HL_ASSERT(r->verified <= r->log.last_index);
    HL_ASSERT(entries_term(&r->log, r->log.last_index) <= r->term);
    HL_ASSERT((r->role == RAFT_LEADER) == (r->leader == r->config.id));
}

static void step_end(struct raft *r, struct raft_output *out)
{
    if (!r->has_disk_failed) {
        election_pay(r);
        if (r->role == RAFT_LEADER) {
            replicate_commit(r);
            read_pay(r);
            election_transfer_pay(r);
            replicate_pay(r);
        } else {
            follow_pay(r);
        }
    }
    if (!r->has_disk_failed) /* sending old entries may have found it broken */
        end_persist(r, &out->persist);
    bool has_more = end_apply(r, out);
    check_invariants(r);
    out->send = r->fx.send;
    out->send_count = r->fx.send_count;
    out->read = r->fx.read;
    out->read_count = r->fx.read_count;
    out->refused = r->fx.refused;
    out->refused_count = r->fx.refused_count;
    out->wake_ms = next_wake(r, has_more);
}

void raft_step(struct raft *r, const struct raft_event *event, int64_t now_ms, struct arena *a,
               struct raft_output *out)
{
    enum raft_role role = r->role;
    uint64_t term = r->term;
    uint64_t leader = r->leader;
    uint64_t settled = r->handed < r->durable ? r->handed : r->durable;

    HL_ASSERT(now_ms >= r->now_ms);
    *out = (struct raft_output){0};
    r->now_ms = now_ms;
    r->fx = (struct raft_effects){.arena = a};
    entries_evict(&r->log, settled, r->config.cache_bytes_max);

    if (r->has_disk_failed) {
        on_event_without_disk(r, event);
    } else {
        on_event(r, event);
        if (!r->has_disk_failed)
            run_timers(r);
    }
    step_end(r, out);
    out->is_role_changed = role != r->role || term != r->term || leader != r->leader;
}

void raft_status_get(const struct raft *r, struct raft_status *out)
{
    bool is_leader = r->role == RAFT_LEADER;

    *out = (struct raft_status){
        .id = r->config.id,
        .role = r->role,
        .term = r->term,
        .leader = r->leader,
        .last_index = r->log.last_index,
        .durable_index = r->durable,
        .commit_index = r->commit,
        .applied_index = r->applied,
        .peer_count = r->peer_count,
        .cached_bytes = (size_t)entries_bytes(&r->log, 0, r->log.last_index),
        .has_disk_failed = r->has_disk_failed,
    };
    for (size_t i = 0; i < r->peer_count; i++) {
        out->peer[i].id = r->peer[i].id;
        out->peer[i].match_index = is_leader ? r->peer[i].match : 0;
        out->peer[i].last_heard_ms = is_leader ? r->peer[i].heard_ms : -1;
    }
}
