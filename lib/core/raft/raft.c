/*
 * Construction, the step, and the gathering of its effects. A step has three parts: the event
 * changes the state and collects messages; then whatever must be stored and was not yet asked for
 * becomes one persist effect; then what is committed and durable is handed out.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

const char *raft_role_name(enum raft_role role)
{
    static const char *const names[] = {"follower", "pre-candidate", "candidate", "leader"};

    return (unsigned)role < HL_COUNT(names) ? names[role] : "?";
}

size_t raft_majority(const struct raft *r)
{
    return (r->peer_count + 1) / 2 + 1;
}

struct peer *raft_peer(struct raft *r, uint64_t id)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peer[i].id == id)
            return &r->peer[i];
    }
    return NULL;
}

void raft_send(struct raft *r, const struct raft_message *m)
{
    struct raft_message copy = *m;

    copy.from = r->config.id;
    if (m->entry_count > 0) {
        /* The cache may move before the step ends; the data stays where it is. */
        struct raft_entry *entry = arena_array(r->arena, struct raft_entry, m->entry_count);
        memcpy(entry, m->entry, m->entry_count * sizeof(*entry));
        copy.entry = entry;
    }
    ARENA_PUSH(r->arena, r->send, r->out->send_count, r->send_cap, copy);
}

static bool is_same_hard(const struct raft_hard_state *a, const struct raft_hard_state *b)
{
    return a->term == b->term && a->vote == b->vote;
}

void raft_send_when_durable(struct raft *r, uint64_t index, const struct raft_message *m)
{
    bool is_hard_durable = is_same_hard(&r->hard, &r->hard_durable);
    bool is_asked =
        is_same_hard(&r->hard, &r->hard_asked) && index <= r->asked_index && r->truncate_from == 0;

    HL_ASSERT(m->entry_count == 0);
    if (is_hard_durable && index <= r->durable_index && r->truncate_from == 0) {
        raft_send(r, m);
        return;
    }
    if (r->held_count == r->held_cap) {
        r->held_cap = r->held_cap ? r->held_cap * 2 : 16;
        r->held = hl_realloc(r->held, r->held_cap * sizeof(*r->held));
    }
    r->held[r->held_count++] = (struct held_message){is_asked ? r->sequence : r->sequence + 1, *m};
}

void raft_refuse(struct raft *r, uint64_t tag, bool is_read, enum raft_refusal why)
{
    struct raft_refused refused = {tag, is_read, why};

    ARENA_PUSH(r->arena, r->refused, r->out->refused_count, r->refused_cap, refused);
}

/* ---- construction ---- */

static int check_config(const struct raft_config *c, struct err *err)
{
    bool is_member = false;

    if (c->voter_count == 0 || c->voter_count > RAFT_VOTERS_MAX)
        return err_set(err, HL_EINVAL, "%zu voters, 1 to %d are legal", c->voter_count,
                       RAFT_VOTERS_MAX);
    for (size_t i = 0; i < c->voter_count; i++) {
        is_member = is_member || c->voter[i] == c->id;
        for (size_t j = 0; j < i; j++) {
            if (c->voter[j] == c->voter[i])
                return err_set(err, HL_EINVAL, "voter %llu twice", (unsigned long long)c->voter[i]);
        }
    }
    if (c->id == 0 || !is_member)
        return err_set(err, HL_EINVAL, "member %llu is not among the voters",
                       (unsigned long long)c->id);
    if (c->heartbeat_ms <= 0 || c->election_ms < 2 * c->heartbeat_ms)
        return err_set(err, HL_EINVAL, "an election must take at least two heartbeats");
    return 0;
}

static int check_recovered(const struct raft_recovered *d, struct err *err)
{
    if (d->first_index == 0 || d->last_index + 1 < d->first_index || d->last_term > d->hard.term)
        return err_set(err, HL_ECORRUPT, "the stored log contradicts itself: first %llu, last %llu",
                       (unsigned long long)d->first_index, (unsigned long long)d->last_index);
    if (d->applied_index > d->last_index)
        return err_set(err, HL_ECORRUPT,
                       "the state has applied entry %llu, but the log ends at %llu",
                       (unsigned long long)d->applied_index, (unsigned long long)d->last_index);
    return 0;
}

int raft_new(const struct raft_config *config, const struct raft_recovered *recovered,
             int64_t now_ms, struct raft **out, struct err *err)
{
    int e = check_config(config, err);
    if (e == 0)
        e = check_recovered(recovered, err);
    if (e < 0)
        return e;
    struct raft *r = hl_calloc(1, sizeof(*r));
    r->config = *config;
    if (r->config.uncommitted_bytes_max == 0)
        r->config.uncommitted_bytes_max = (size_t)64 << 20;
    if (r->config.inflight_bytes_max == 0)
        r->config.inflight_bytes_max = (size_t)4 << 20;
    if (r->config.cache_bytes_max == 0)
        r->config.cache_bytes_max = (size_t)4 << 20;
    rng_seed(&r->rng, config->seed ^ config->id);
    r->now_ms = now_ms;
    r->hint_ms = INT64_MIN;
    r->leader_heard_ms = INT64_MIN / 2;
    r->hard = r->hard_asked = r->hard_durable = recovered->hard;
    r->first_index = recovered->first_index;
    r->last_index = r->durable_index = r->asked_index = recovered->last_index;
    r->start_last_index = recovered->last_index;
    r->start_last_term = recovered->last_term;
    r->cache_first = recovered->last_index + 1;
    r->commit = r->handed = r->applied = r->verified = recovered->applied_index;
    for (size_t i = 0; i < config->voter_count; i++) {
        if (config->voter[i] != config->id)
            r->peer[r->peer_count++] = (struct peer){.id = config->voter[i], .heard_ms = -1};
    }
    election_reset_timer(r);
    *out = r;
    return 0;
}

void raft_free(struct raft *r)
{
    if (!r)
        return;
    for (uint64_t i = r->cache_first; i <= r->last_index; i++)
        str_free(r->cache[i - r->cache_first].data);
    free(r->cache);
    free(r->pending);
    free(r->held);
    free(r->read);
    free(r);
}

/* ---- the step ---- */

static void release_held(struct raft *r, uint64_t sequence)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->held_count; i++) {
        if (r->held[i].sequence > sequence)
            r->held[kept++] = r->held[i];
        else if (r->held[i].message.term == r->hard.term && !r->is_broken)
            raft_send(r, &r->held[i].message);
    }
    r->held_count = kept;
}

static void persisted(struct raft *r, uint64_t sequence)
{
    size_t done = 0;

    while (done < r->pending_count && r->pending[done].sequence <= sequence) {
        if (r->pending[done].last_index > r->durable_index)
            r->durable_index = r->pending[done].last_index;
        r->hard_durable = r->pending[done].hard;
        done++;
    }
    memmove(r->pending, r->pending + done, (r->pending_count - done) * sizeof(*r->pending));
    r->pending_count -= done;
    release_held(r, sequence);
    election_own_vote_is_durable(r);
    commit_advance(r);
    read_advance(r);
}

static bool is_from_leader(const struct raft_message *m)
{
    return m->kind == RAFT_MSG_APPEND || m->kind == RAFT_MSG_HEARTBEAT;
}

/* Paper, Figure 2, "All servers": a higher term makes a follower; a lower one is told ours. */
static bool settle_term(struct raft *r, const struct raft_message *m)
{
    if (m->term > r->hard.term) {
        become_follower(r, m->term, is_from_leader(m) ? m->from : 0);
        return true;
    }
    if (m->term == r->hard.term)
        return true;
    if (is_from_leader(m)) {
        struct raft_message reply = {
            .kind = RAFT_MSG_APPEND_REPLY,
            .to = m->from,
            .term = r->hard.term,
            .is_rejected = true,
            .round = m->index,
        };
        raft_send(r, &reply);
    }
    return false;
}

static void handle_in_term(struct raft *r, const struct raft_message *m)
{
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        if (r->role != RAFT_LEADER)
            handle_append(r, m);
        break;
    case RAFT_MSG_APPEND_REPLY:
        handle_append_reply(r, m);
        break;
    case RAFT_MSG_HEARTBEAT:
        if (r->role != RAFT_LEADER)
            handle_heartbeat(r, m);
        break;
    case RAFT_MSG_HEARTBEAT_REPLY:
        handle_heartbeat_reply(r, m);
        break;
    case RAFT_MSG_PROPOSE:
        handle_propose(r, m);
        break;
    case RAFT_MSG_READ:
        handle_read(r, m);
        break;
    case RAFT_MSG_READ_REPLY:
        handle_read_reply(r, m);
        break;
    case RAFT_MSG_TIMEOUT_NOW:
        handle_timeout_now(r);
        break;
    default:
        break;
    }
}

static void handle_message(struct raft *r, const struct raft_message *m)
{
    if (m->to != r->config.id || !raft_peer(r, m->from))
        return;
    switch (m->kind) {
    case RAFT_MSG_PRE_VOTE:
    case RAFT_MSG_VOTE:
        handle_vote(r, m);
        return;
    case RAFT_MSG_PRE_VOTE_REPLY:
    case RAFT_MSG_VOTE_REPLY:
        handle_vote_reply(r, m);
        return;
    default:
        if (settle_term(r, m))
            handle_in_term(r, m);
    }
}

static void disk_failed(struct raft *r)
{
    r->is_broken = true;
    r->held_count = 0;
    if (r->role != RAFT_FOLLOWER)
        become_follower(r, r->hard.term, 0);
}

static void handle_event(struct raft *r, const struct raft_event *e)
{
    switch (e->kind) {
    case RAFT_EVENT_TICK:
        break;
    case RAFT_EVENT_MESSAGE:
        handle_message(r, e->message);
        break;
    case RAFT_EVENT_PROPOSE:
        propose(r, e->data, e->data_count, e->tag);
        break;
    case RAFT_EVENT_READ:
        read_ask(r, e->tag);
        break;
    case RAFT_EVENT_PERSISTED:
        persisted(r, e->sequence);
        break;
    case RAFT_EVENT_APPLIED:
        if (e->index > r->applied && e->index <= r->handed)
            r->applied = e->index;
        break;
    case RAFT_EVENT_PEER_LOST:
        election_peer_lost(r, e->peer);
        break;
    case RAFT_EVENT_DISK_FAILED:
        disk_failed(r);
        break;
    case RAFT_EVENT_TRANSFER:
        transfer_start(r, e->peer);
        break;
    }
}

static void start_read_round(struct raft *r)
{
    if (!r->is_round_wanted || r->role != RAFT_LEADER)
        return;
    r->is_round_wanted = false;
    r->read_round++;
    if (r->peer_count == 0)
        read_advance(r);
    else
        broadcast_heartbeat(r);
}

static void ask_to_persist(struct raft *r)
{
    struct raft_persist *p = &r->out->persist;
    bool has_hard = !is_same_hard(&r->hard, &r->hard_asked);

    if (r->is_broken || (!has_hard && r->last_index <= r->asked_index && r->truncate_from == 0))
        return;
    p->sequence = ++r->sequence;
    p->has_hard_state = has_hard;
    p->hard = r->hard;
    p->truncate_from = r->truncate_from;
    p->entry_count = (size_t)(r->last_index - r->asked_index);
    if (p->entry_count > 0)
        p->entry = &r->cache[r->asked_index + 1 - r->cache_first];
    if (r->pending_count == r->pending_cap) {
        r->pending_cap = r->pending_cap ? r->pending_cap * 2 : 16;
        r->pending = hl_realloc(r->pending, r->pending_cap * sizeof(*r->pending));
    }
    r->pending[r->pending_count++] = (struct pending_persist){r->sequence, r->last_index, r->hard};
    r->hard_asked = r->hard;
    r->asked_index = r->last_index;
    r->truncate_from = 0;
}

static void hand_out(struct raft *r)
{
    uint64_t to = r->commit < r->durable_index ? r->commit : r->durable_index;

    if (r->handed >= to || r->is_broken)
        return;
    if (!log_get(r, r->handed + 1, (size_t)(to - r->handed), APPLY_BYTES, &r->out->apply,
                 &r->out->apply_count))
        return;
    r->handed += r->out->apply_count;
    if (r->handed < to)
        r->out->wake_ms = r->now_ms;
}

static void set_wake(struct raft *r)
{
    int64_t due_ms = r->role == RAFT_LEADER ? r->heartbeat_due_ms : r->election_due_ms;

    if (r->role == RAFT_LEADER && r->quorum_due_ms < due_ms)
        due_ms = r->quorum_due_ms;
    if (r->is_broken && r->role != RAFT_LEADER)
        due_ms = r->now_ms + 1000;
    r->out->wake_ms = due_ms;
}

void raft_step(struct raft *r, const struct raft_event *event, int64_t now_ms, struct arena *a,
               struct raft_output *out)
{
    enum raft_role role = r->role;
    uint64_t term = r->hard.term;
    uint64_t leader = r->leader;

    *out = (struct raft_output){0};
    if (now_ms > r->now_ms)
        r->now_ms = now_ms;
    r->arena = a;
    r->out = out;
    r->send = NULL;
    r->ready = NULL;
    r->refused = NULL;
    r->send_cap = r->ready_cap = r->refused_cap = 0;
    log_evict(r); /* before anything borrows from the cache */

    handle_event(r, event);
    election_tick(r);
    leader_tick(r);
    start_read_round(r);
    ask_to_persist(r);
    set_wake(r);
    hand_out(r);

    out->send = r->send;
    out->read = r->ready;
    out->refused = r->refused;
    out->is_role_changed = role != r->role || term != r->hard.term || leader != r->leader;
    HL_ASSERT(r->commit <= r->last_index);
    HL_ASSERT(r->handed <= r->commit);
    HL_ASSERT(r->durable_index <= r->asked_index && r->asked_index <= r->last_index);
}

void raft_status_get(const struct raft *r, struct raft_status *out)
{
    *out = (struct raft_status){
        .id = r->config.id,
        .role = r->role,
        .term = r->hard.term,
        .leader = r->leader,
        .last_index = r->last_index,
        .durable_index = r->durable_index,
        .commit_index = r->commit,
        .applied_index = r->applied,
        .peer_count = r->peer_count,
    };
    for (size_t i = 0; i < r->peer_count; i++) {
        bool is_leader = r->role == RAFT_LEADER;

        out->peer[i].id = r->peer[i].id;
        out->peer[i].match_index = is_leader ? r->peer[i].match : 0;
        out->peer[i].last_heard_ms = is_leader ? r->peer[i].heard_ms : -1;
    }
}
