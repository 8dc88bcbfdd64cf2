/*
 * The program around consensus, as the coordinator's fleet actor is: committed entries into the
 * state, answers to who waits for them, and the leader's schedule.
 */
#include "sim/world.h"

#include <stdlib.h>

/* ---- requests that wait */

static void forget(struct coordinator *n, size_t i)
{
    n->waiting[i] = n->waiting[--n->waiting_count];
}

void shell_reset(struct coordinator *n)
{
    n->waiting_count = 0;
    n->committed_count = 0;
    n->install = (struct raft_install){0};
    n->is_stopped = false;
    n->is_leading = false;
}

void shell_refused(struct coordinator *n, uint64_t tag)
{
    n->world->check.mark[MARK_REFUSED]++;
    for (size_t i = 0; i < n->waiting_count; i++) {
        if (tag != 0 && n->waiting[i].tag == tag) {
            forget(n, i); /* the client asks again */
            return;
        }
    }
}

void shell_read_ready(struct coordinator *n, uint64_t tag, uint64_t index)
{
    for (size_t i = 0; i < n->waiting_count; i++) {
        if (n->waiting[i].tag == tag) {
            n->waiting[i].is_ready = true;
            n->waiting[i].index = index;
        }
    }
    shell_serve(n);
}

void shell_serve(struct coordinator *n)
{
    for (size_t i = 0; i < n->waiting_count;) {
        struct waiting *r = &n->waiting[i];
        if (!r->is_read || !r->is_ready || r->index > n->state.applied) {
            i++;
            continue;
        }
        if (!r->is_lost)
            people_answer_read(n->world, r->client, r->sequence, n);
        forget(n, i);
    }
}

static void answer(struct coordinator *n, const struct command *c,
                   const struct state_result *result)
{
    for (size_t i = 0; i < n->waiting_count;) {
        struct waiting *r = &n->waiting[i];
        if (r->is_read || c->client_id.len == 0 || name_number(c->client_id) != r->client ||
            c->sequence != r->sequence) {
            i++;
            continue;
        }
        if (!r->is_lost)
            people_answer_write(n->world, r->client, r->sequence, result->code, result->revision);
        forget(n, i);
    }
}

/* ---- the leader's schedule */

static void agent_changed(struct coordinator *n, struct str node)
{
    struct state_agent agent;
    struct err err;

    if (state_agent_get(&n->state.store.kv, node, n->world->scratch, &agent, &err) != KV_FOUND)
        return;
    sched_agent(n->sched, node, str_eq(agent.status, STR("active")),
                str_eq(agent.state, STR("alive")));
    n->sched_wake_ms = 0;
}

static void schedule_app(struct coordinator *n, struct str name)
{
    int64_t now_ms = node_now_ms(n);
    struct state_app app;
    struct err err;

    if (state_app_get(&n->state.store.kv, name, n->world->scratch, &app, &err) != KV_FOUND)
        app = (struct state_app){0}; /* it is gone */
    bool is_waiting = str_eq(app.phase, STR("waiting"));
    int64_t left_ms = is_waiting ? app.not_before_ms - (now_ms + n->wall_ms) : 0;
    struct sched_work work = {.key = name,
                              .input = app.input,
                              .phase = SCHED_DONE,
                              .agent = app.agent,
                              .due_ms = now_ms + (left_ms > 0 ? left_ms : 0)};
    if (str_eq(app.phase, STR("leased")))
        work.phase = SCHED_LEASED;
    else if (is_waiting || str_eq(app.phase, STR("pending")))
        work.phase = SCHED_DUE;
    sched_work(n->sched, &work);
    n->sched_wake_ms = 0;
}

static void follow_changes(struct coordinator *n, const struct state_result *result)
{
    for (size_t i = 0; n->is_leading && i < result->change_count; i++) {
        const struct state_change *change = &result->change[i];
        if (change->kind == STATE_APP_CHANGED)
            schedule_app(n, change->name);
        else if (change->kind == STATE_AGENT_CHANGED)
            agent_changed(n, change->name);
    }
}

static void take_office(struct coordinator *n)
{
    sched_reset(n->sched, node_now_ms(n));
    n->is_leading = true;
    for (size_t i = 0; i < n->world->config.agent_count; i++)
        agent_changed(n, agent_name(n->world->scratch, i));
    for (size_t i = 0; i < n->world->config.app_count; i++)
        schedule_app(n, app_name(n->world->scratch, i));
}

static void propose(struct coordinator *n, struct str name, struct str body)
{
    struct command c = {
        .name = name, .author = STR("mesh"), .wall_ms = node_now_ms(n) + n->wall_ms, .body = body};

    node_propose(n, &c, 1, 0);
}

static void propose_state(struct coordinator *n, struct str node, const char *state)
{
    propose(n, STR("agent.state"),
            arena_printf(n->world->scratch, "{\"name\":\"" STR_FMT "\",\"state\":\"%s\"}",
                         STR_ARG(node), state));
}

void shell_schedule(struct coordinator *n)
{
    struct arena *a = n->world->scratch;
    struct sched_effects out = {0};

    if (!n->is_up || n->world->check.slot[n->slot].status.role != RAFT_LEADER) {
        n->is_leading = false;
        return;
    }
    if (!n->is_leading)
        take_office(n);
    if (n->world->config.agent_count == 0 || node_now_ms(n) < n->sched_wake_ms)
        return;
    sched_step(n->sched, node_now_ms(n), a, &out);
    n->sched_wake_ms = out.wake_ms > node_now_ms(n) ? out.wake_ms : node_now_ms(n) + 1;
    for (size_t i = 0; i < out.lost_count; i++)
        propose_state(n, arena_dup(a, out.lost[i]), "lost");
    for (size_t i = 0; i < out.alive_count; i++)
        propose_state(n, arena_dup(a, out.alive[i]), "alive");
    for (size_t i = 0; i < out.assign_count; i++)
        propose(n, STR("work.assign"),
                arena_printf(a,
                             "{\"key\":\"" STR_FMT "\",\"agent\":\"" STR_FMT
                             "\",\"input\":\"" STR_FMT "\"}",
                             STR_ARG(out.assign[i].key), STR_ARG(out.assign[i].agent),
                             STR_ARG(out.assign[i].input)));
}

/* ---- committed entries into the state */

void shell_commit(struct coordinator *n, const struct raft_entry *entry, size_t count)
{
    struct raft_entry *copy = copy_entries(n->world->arena, entry, count);

    while (n->committed_count + count > n->committed_cap) {
        n->committed_cap = n->committed_cap ? n->committed_cap * 2 : 64;
        n->committed = hl_realloc(n->committed, n->committed_cap * sizeof(*n->committed));
    }
    for (size_t i = 0; i < count; i++)
        n->committed[n->committed_count++] = copy[i];
}

static void mark_members(struct coordinator *n, const struct raft_members *next, uint64_t index)
{
    const struct raft_members *old = &n->state.members;
    uint64_t *mark = n->world->check.mark;
    size_t voters[2] = {0, 0};

    if (index <= n->world->model.count)
        return;
    for (size_t i = 0; i < old->count; i++)
        voters[0] += old->member[i].is_voter;
    for (size_t i = 0; i < next->count; i++)
        voters[1] += next->member[i].is_voter;
    mark[MARK_LEARNER] += next->count > old->count;
    mark[MARK_REMOVED] += next->count < old->count;
    mark[MARK_PROMOTED] += next->count == old->count && voters[1] > voters[0];
}

/* What the next version of the software makes of its new command. */
static void translate(const struct coordinator *n, struct command *c)
{
    if (n->is_next_version && str_eq(c->name, COMMAND_FUTURE))
        c->name = STR("setting.put");
}

static bool apply_command(struct coordinator *n, const struct raft_entry *e)
{
    struct world *w = n->world;
    struct state_result result;
    struct command c;
    struct err err;

    command_decode(e->data, &c);
    translate(n, &c);
    int r = state_apply(&n->state.store.kv, e->index, &c, w->scratch, &result, &err);
    if (r < 0) {
        w->check.mark[MARK_UNKNOWN_COMMAND]++;
        if (r != HL_EUNSUPPORTED || n->is_next_version)
            check_violate(&w->check, "entry %llu: %s", (unsigned long long)e->index, err.text);
        n->is_stopped = true;
        return false;
    }
    model_applied(&w->model, &w->check, e->index, &c, &result, n->state.store.hash,
                  &n->state.store.kv, w->scratch);
    n->state.applied = e->index;
    follow_changes(n, &result);
    answer(n, &c, &result);
    return true;
}

static bool apply_entry(struct coordinator *n, const struct raft_entry *e)
{
    struct world *w = n->world;

    if (e->index != n->state.applied + 1) {
        check_violate(&w->check, "member %llu: entry %llu behind a state at %llu",
                      (unsigned long long)n->id, (unsigned long long)e->index,
                      (unsigned long long)n->state.applied);
        return false;
    }
    if (e->kind == RAFT_ENTRY_COMMAND) {
        if (!apply_command(n, e))
            return false;
    } else {
        struct raft_members next;
        if (e->kind == RAFT_ENTRY_MEMBERS && raft_members_decode(e->data, &next)) {
            mark_members(n, &next, e->index);
            n->state.members = next;
        }
        model_applied(&w->model, &w->check, e->index, NULL, NULL, n->state.store.hash,
                      &n->state.store.kv, w->scratch);
        n->state.applied = e->index;
    }
    n->state.term = e->term;
    return true;
}

void shell_apply(struct coordinator *n)
{
    size_t count = n->committed_count;
    size_t done = 0;

    if (!n->is_up || count == 0)
        return;
    while (!n->is_stopped && done < count && n->world->check.violation[0] == '\0' &&
           apply_entry(n, &n->committed[done]))
        done++;
    n->committed_count = 0;
    if (done == 0)
        return;
    disk_applied(n);
    shell_serve(n);
    node_step(n, &(struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = n->state.applied});
}
