/*
 * Events in, effects out. A handler changes state and notes what is owed; step_end pays in this
 * order: promises whose bytes are durable (which may make this member leader), commit, messages to
 * peers that lack something, reads, then what must be persisted, then what may be applied. So a
 * promise can never overtake the bytes it speaks of, whatever the handler did.
 */
#include "core/raft/raft_internal.h"

enum { APPLY_COUNT_MAX = 4096 };

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

bool raft_is_hard_durable(const struct raft *r)
{
    return !r->is_hard_dirty && r->persisted >= r->hard_sequence;
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
        const struct raft_entry *e = &(*out)[i];

        if (e->index != first + i || e->term != entries_term(&r->log, e->index) ||
            e->kind > RAFT_ENTRY_MEMBERS)
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

    if (r->log.last_index == r->commit)
        r->committed_ms = r->now_ms;
    entries_append(&r->log, &e);
    if (r->fx.append_from == 0)
        r->fx.append_from = e.index;
    if (kind == RAFT_ENTRY_MEMBERS)
        members_take(r, e.index, data);
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
    members_cut(r, from);
}

/* What was promised stays true, but nothing new can be: silence is the only honest behaviour. The
 * others need not wait for a timeout if we can still name a successor (thesis 3.10). */
void raft_fail_disk(struct raft *r)
{
    HL_ASSERT(!r->has_disk_failed);
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
    if (sequence > r->persisted) {
        r->persisted = sequence;
        r->written_ms = r->now_ms;
    }
    /* An entry that replaced another one carries the later sequence, so this stops before it. */
    while (r->durable < r->log.last_index) {
        const struct raft_slot *s = entries_slot(&r->log, r->durable + 1);

        HL_ASSERT(s); /* what is not durable stays in memory */
        if (s->sequence > r->persisted)
            break;
        r->durable++;
    }
}

static void on_applied(struct raft *r, uint64_t index)
{
    HL_ASSERT(index <= r->handed);
    if (index > r->applied)
        r->applied = index;
}

static void on_disk_full(struct raft *r, bool is_full)
{
    r->is_disk_full = is_full;
    r->timeouts_sat_out = 0;
    if (r->role == RAFT_LEADER)
        election_judge_self(r);
}

static void on_event(struct raft *r, const struct raft_event *e)
{
    switch (e->kind) {
    case RAFT_EVENT_TICK:
        break;
    case RAFT_EVENT_MESSAGE:
        message_take(r, e->message);
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
    case RAFT_EVENT_CHANGE:
        members_change(r, e);
        break;
    case RAFT_EVENT_SNAPSHOT:
        snapshot_on_base(r, e->snapshot);
        break;
    case RAFT_EVENT_INSTALLED:
        snapshot_on_installed(r, e->installed);
        break;
    case RAFT_EVENT_DISK_FULL:
        on_disk_full(r, e->index == 1);
        break;
    }
}

static void on_event_without_disk(struct raft *r, const struct raft_event *e)
{
    bool is_read = e->kind == RAFT_EVENT_READ;

    if (is_read || e->kind == RAFT_EVENT_PROPOSE || e->kind == RAFT_EVENT_CHANGE)
        raft_emit_refused(r, e->tag, is_read, RAFT_REFUSED_DISK);
    else if (e->kind == RAFT_EVENT_APPLIED && e->index <= r->handed)
        on_applied(r, e->index); /* it stands elsewhere if an installation ended since */
}

/* Also run behind other events, so that a busy member keeps its timers, and behind the event, so
 * that a heartbeat that waited in a queue while we were stopped counts before the clock does. */
static void run_timers(struct raft *r)
{
    if (r->role == RAFT_LEADER) {
        if (r->transfer_to != 0 && r->now_ms >= r->transfer_due_ms)
            r->transfer_to = 0;
        if (r->now_ms >= r->heartbeat_due_ms)
            replicate_beat(r);
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
    if (r->role == RAFT_LEADER && replicate_news_due(r) < wake_ms)
        wake_ms = replicate_news_due(r);
    if (r->role != RAFT_LEADER && r->read_count > 0 && r->read[0].due_ms < wake_ms)
        wake_ms = r->read[0].due_ms;
    return wake_ms;
}

/* Figure 2: "Updated on stable storage before responding to RPCs". */
static void end_persist(struct raft *r, struct raft_persist *out)
{
    struct raft_effects *fx = &r->fx;
    uint64_t last = r->log.last_index;

    if (!r->is_hard_dirty && fx->reset_index == 0 && fx->truncate_from == 0 &&
        fx->compact_to == 0 && fx->append_from == 0)
        return;
    if (r->persisted == r->sequence)
        r->written_ms = r->now_ms;
    out->sequence = ++r->sequence;
    out->reset_index = fx->reset_index;
    out->reset_term = fx->reset_index != 0 ? r->log.before_term : 0;
    out->truncate_from = fx->truncate_from;
    out->compact_to = fx->compact_to;
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

/* Figure 2: all servers 1. Here only what this member's own disk has too, so that the applied state
 * is never ahead of the log that explains it. */
static bool end_apply(struct raft *r, struct raft_output *out)
{
    uint64_t limit = r->commit < r->durable ? r->commit : r->durable;
    struct raft_entry *entry = NULL;

    if (r->handed >= limit || r->has_disk_failed || r->incoming.is_adopting)
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
    HL_ASSERT(r->log.first_index <= r->base.index + 1 && r->base.index <= r->handed);
    HL_ASSERT(r->role == RAFT_FOLLOWER || members_may_lead(r));
    HL_ASSERT(members_index(r) <= r->log.last_index);
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
            election_leave_pay(r);
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
    if (r->fx.install)
        out->install = *r->fx.install;
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
    out->persist = (struct raft_persist){0};
    out->apply = NULL;
    out->apply_count = 0;
    out->install.is_set = false; /* the rest of it is large, and nothing without this */
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
        .first_index = r->log.first_index,
        .last_index = r->log.last_index,
        .durable_index = r->durable,
        .commit_index = r->commit,
        .applied_index = r->applied,
        .base_index = r->base.index,
        .members = *members_now(r),
        .members_index = members_index(r),
        .cached_bytes = (size_t)entries_bytes(&r->log, 0, r->log.last_index),
        .has_disk_failed = r->has_disk_failed,
        .is_disk_full = r->is_disk_full,
    };
    for (size_t i = 0; i < r->peer_count; i++) {
        const struct raft_peer *p = &r->peer[i];
        size_t n = out->peer_count;

        if (!members_has(r, p->id))
            continue; /* it is leaving */
        out->peer[n].id = p->id;
        out->peer[n].is_voter = p->is_voter;
        out->peer[n].match_index = is_leader ? p->match : 0;
        out->peer[n].last_heard_ms = is_leader ? p->heard_ms : -1;
        out->peer[n].is_sent_snapshot = is_leader && p->flow == RAFT_FLOW_SNAPSHOT;
        out->peer_count++;
    }
}
