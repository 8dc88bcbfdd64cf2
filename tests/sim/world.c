/* Coordinators as programs: events in, effects carried out, lives that begin and end. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

/* ---- clocks */

int64_t node_now_ms(const struct coordinator *n)
{
    int64_t us = n->world->now_us;

    return (us + us / 1000000 * n->drift_ppm + us % 1000000 * n->drift_ppm / 1000000) / 1000;
}

/* The first moment at which the node's clock shows `ms`, or a little later. */
static int64_t world_us(const struct coordinator *n, int64_t ms)
{
    int64_t us = (int64_t)((__int128)ms * 1000 * 1000000 / (1000000 + n->drift_ppm)) + 2;

    return us > n->world->now_us ? us : n->world->now_us + 1;
}

/* ---- messages */

static struct raft_message *copy_message(struct arena *a, const struct raft_message *m)
{
    struct raft_message *copy = arena_one(a, struct raft_message);

    *copy = *m;
    copy->entry = copy_entries(a, m->entry, m->entry_count);
    copy->cursor = arena_dup(a, m->cursor);
    copy->data = arena_dup(a, m->data);
    return copy;
}

static void post(struct world *w, const struct raft_message *m)
{
    if (w->message_count == w->message_cap) {
        w->message_cap = w->message_cap ? w->message_cap * 2 : 1024;
        w->message = hl_realloc(w->message, w->message_cap * sizeof(struct raft_message *));
    }
    w->message[w->message_count++] = copy_message(w->arena, m);
}

static struct coordinator *node_of(struct world *w, uint64_t id)
{
    for (size_t s = 0; s < w->config.slot_count; s++) {
        if (w->node[s].id == id)
            return &w->node[s];
    }
    return NULL;
}

static void deliver(struct world *w, int64_t number)
{
    if (number < 1 || (size_t)number > w->message_count)
        return;
    const struct raft_message *m = w->message[number - 1];
    struct coordinator *n = node_of(w, m->to);
    if (!n || !n->is_up)
        return;
    w->check.mark[MARK_REPLAYED_TERM] += m->term < w->check.slot[n->slot].status.term;
    node_step(n, &(struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = m});
}

/* ---- steps */

static void trace(struct world *w, uint64_t v)
{
    w->trace_hash = sim_mix(w->trace_hash, v);
}

static void trace_output(struct world *w, size_t slot, const struct raft_output *out)
{
    trace(w, slot);
    trace(w, out->persist.sequence);
    trace(w, out->persist.entry_count);
    for (size_t i = 0; i < out->send_count; i++) {
        const struct raft_message *m = &out->send[i];
        trace(w, (uint64_t)m->kind << 56 ^ m->to << 48 ^ m->term << 24 ^ m->index);
        trace(w, m->commit << 32 ^ m->entry_count);
    }
    trace(w, out->apply_count);
    trace(w, (uint64_t)out->wake_ms);
}

/* False if the process died here. */
static bool may_go_on(struct coordinator *n)
{
    struct doom d = n->doom;

    if (!d.is_set)
        return true;
    if (d.left > 0) {
        n->doom.left--;
        return true;
    }
    n->world->check.mark[MARK_DOOMED]++;
    node_stop(n, d.kept, d.parts, d.is_state_lost);
    return false;
}

static void read_ready(struct coordinator *n, const struct raft_read_ready *r)
{
    struct world *w = n->world;

    check_read(&w->check, r->index, w->read_floor[r->tag]);
    w->check.mark[MARK_FOLLOWER_READ] += w->check.slot[n->slot].status.role == RAFT_FOLLOWER;
    shell_read_ready(n, r->tag, r->index);
}

static void carry_out(struct coordinator *n, const struct raft_output *out)
{
    struct world *w = n->world;

    if (out->persist.sequence != 0 || out->persist.compact_to != 0) {
        if (!may_go_on(n))
            return;
        disk_write(n, &out->persist);
    }
    for (size_t i = 0; i < out->send_count; i++) {
        if (!may_go_on(n))
            return;
        w->check.mark[MARK_FORWARDED] += out->send[i].kind == RAFT_MSG_PROPOSE;
        post(w, &out->send[i]);
    }
    if (out->apply_count > 0)
        shell_commit(n, out->apply, out->apply_count);
    if (out->install.is_set) {
        n->install = out->install;
        n->install.cursor = arena_dup(w->arena, out->install.cursor);
        n->install.data = arena_dup(w->arena, out->install.data);
    }
    for (size_t i = 0; i < out->read_count; i++)
        read_ready(n, &out->read[i]);
    for (size_t i = 0; i < out->refused_count; i++)
        shell_refused(n, out->refused[i].tag);
    n->doom.is_set = n->doom.is_set && n->doom.left > 0;
}

static void mark_transfer(struct coordinator *n, const struct raft_status *before)
{
    const struct raft_status *now = &n->world->check.slot[n->slot].status;

    if (now->role != RAFT_LEADER || before->role == RAFT_LEADER)
        return;
    for (size_t s = 0; s < n->world->config.slot_count; s++) {
        n->world->check.mark[MARK_TRANSFERRED] += n->world->node[s].transfer_to == n->id;
        n->world->node[s].transfer_to = 0;
    }
}

void node_step(struct coordinator *n, const struct raft_event *e)
{
    struct world *w = n->world;
    struct raft_status before = w->check.slot[n->slot].status;
    struct raft_output out;

    if (!n->is_up || w->check.violation[0] != '\0')
        return;
    raft_step(n->raft, e, node_now_ms(n), w->scratch, &out);
    w->steps++;
    trace_output(w, n->slot, &out);
    check_output(&w->check, n->slot, n->raft, &out);
    mark_transfer(n, &before);
    n->wake_us = world_us(n, out.wake_ms);
    carry_out(n, &out);
}

void node_propose(struct coordinator *n, const struct command *c, size_t count, uint64_t tag)
{
    struct str *data = arena_array(n->world->scratch, struct str, count);

    for (size_t i = 0; i < count; i++)
        data[i] = command_encode(n->world->scratch, &c[i]);
    node_step(n, &(struct raft_event){
                     .kind = RAFT_EVENT_PROPOSE, .data = data, .data_count = count, .tag = tag});
}

/* ---- lives */

static void founders(const struct world *w, struct raft_members *out)
{
    *out = (struct raft_members){.count = w->config.founder_count};
    for (size_t i = 0; i < out->count; i++)
        out->member[i] = (struct raft_member){.id = i + 1, .is_voter = true};
}

static void start(struct coordinator *n)
{
    const struct world_config *c = &n->world->config;
    struct raft_recovered recovered = {0};
    struct raft_config config = {
        .id = n->id,
        .seed = sim_mix(sim_mix(sim_mix(1, c->seed), n->id), n->life),
        .heartbeat_ms = c->heartbeat_ms,
        .election_ms = c->election_ms,
        .stall_ms = c->stall_ms,
        .news_ms = c->news_ms,
        .cache_bytes_max = c->cache_bytes_max,
        .inflight_bytes_max = c->inflight_bytes_max,
        .uncommitted_bytes_max = c->uncommitted_bytes_max,
        .keep_bytes = c->keep_bytes,
        .storage = disk_storage(n),
    };
    struct err err;

    if (n->is_up)
        return;
    if (n->id <= c->founder_count)
        founders(n->world, &config.founders);
    disk_start(n, &recovered);
    if (n->state.applied > 0)
        model_stands(&n->world->model, &n->world->check, n->state.applied, n->state.store.hash);
    check_start(&n->world->check, n->slot, n->state.applied);
    if (raft_new(&config, &recovered, node_now_ms(n), &n->raft, &err) < 0) {
        check_violate(&n->world->check, "member %llu does not start: %s", (unsigned long long)n->id,
                      err.text);
        return;
    }
    n->is_up = true;
    node_step(n, &(struct raft_event){.kind = RAFT_EVENT_TICK});
}

static void lose_state(struct coordinator *n)
{
    store_clear(&n->state.store);
    n->state.applied = 0;
    n->state.term = 0;
    n->state.members = (struct raft_members){0};
    if (n->base) {
        store_copy(&n->state.store, &n->base->store);
        n->state.applied = n->base->meta.index;
        n->state.term = n->base->meta.term;
        n->state.members = n->base->meta.members;
    }
    if (n->state.applied == 0 && n->id <= n->world->config.founder_count)
        founders(n->world, &n->state.members);
}

void node_stop(struct coordinator *n, int64_t kept, int64_t parts, bool is_state_lost)
{
    if (!n->is_up)
        return;
    disk_crash(n, kept, parts);
    shell_reset(n);
    raft_free(n->raft);
    n->raft = NULL;
    n->is_up = false;
    n->is_full = false;
    n->doom = (struct doom){0};
    n->life++;
    if (is_state_lost) {
        n->world->check.mark[MARK_LOST_STATE]++;
        lose_state(n);
    }
}

static void wipe(struct coordinator *n, uint64_t id)
{
    if (id == 0 || id >= ID_LIMIT || node_of(n->world, id))
        return;
    node_stop(n, 0, 0, true);
    disk_wipe(n);
    n->id = id;
    n->is_next_version = true;
    lose_state(n);
    check_wipe(&n->world->check, n->slot, id);
    n->world->check.mark[MARK_REPLACED]++;
    start(n);
}

/* ---- actions */

static void control(struct coordinator *n, const struct action *a)
{
    const int64_t *arg = a->arg;
    uint64_t id = (uint64_t)arg[1];

    switch (a->kind) {
    case ACTION_TICK:
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_TICK});
        break;
    case ACTION_DOOM:
        n->doom = (struct doom){true, (size_t)arg[1], arg[2], arg[3], arg[4] != 0};
        break;
    case ACTION_CHANGE:
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_CHANGE,
                                          .change = (enum raft_change)arg[1],
                                          .peer = (uint64_t)arg[2]});
        break;
    case ACTION_TRANSFER:
        n->transfer_to = id;
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = id});
        break;
    case ACTION_LOST:
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = id});
        break;
    case ACTION_FULL:
        n->is_full = arg[1] != 0;
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_DISK_FULL, .index = arg[1] != 0});
        break;
    case ACTION_FAIL:
        n->is_full = true; /* nothing is written any more in this life */
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_DISK_FAILED});
        break;
    case ACTION_FUTURE:
        node_propose(
            n,
            &(struct command){.name = COMMAND_FUTURE,
                              .body = setting_body(
                                  n->world->scratch,
                                  &(struct setting_change){
                                      .key = FUTURE_KEY,
                                      .value = number_bytes(n->world->scratch, ++n->world->value),
                                  })},
            1, 0);
        break;
    default:
        break;
    }
}

static void on_node(struct coordinator *n, const struct action *a)
{
    const int64_t *arg = a->arg;

    switch (a->kind) {
    case ACTION_START:
        start(n);
        break;
    case ACTION_SYNC:
        disk_sync(n, (size_t)arg[1]);
        break;
    case ACTION_APPLY:
        shell_apply(n);
        break;
    case ACTION_CRASH:
        node_stop(n, arg[1], arg[2], arg[3] != 0);
        break;
    case ACTION_UPGRADE:
        n->world->check.mark[MARK_UPGRADED] += n->is_stopped;
        node_stop(n, 0, 0, false);
        n->is_next_version = true;
        start(n);
        break;
    case ACTION_CHECKPOINT:
        disk_checkpoint(n);
        break;
    case ACTION_SAVED:
        disk_saved(n);
        break;
    case ACTION_INSTALLED:
        disk_installed(n);
        break;
    case ACTION_SPOIL:
        disk_spoil(n);
        break;
    case ACTION_WIPE:
        wipe(n, (uint64_t)arg[1]);
        break;
    case ACTION_CLOCK:
        if (!n->is_up)
            n->drift_ppm = arg[1]; /* monotonic within a life */
        n->wall_ms = arg[2];
        break;
    default:
        control(n, a);
        break;
    }
}

static bool is_of_node(enum action_kind kind)
{
    switch (kind) {
    case ACTION_DELIVER:
    case ACTION_ASK:
    case ACTION_AGAIN:
    case ACTION_ABANDON:
    case ACTION_ENROL:
    case ACTION_REVOKE:
    case ACTION_BEAT:
    case ACTION_REPORT:
    case ACTION_PLAN:
        return false;
    default:
        return true;
    }
}

void world_do(struct world *w, int64_t at_us, const struct action *a)
{
    if (at_us > w->now_us)
        w->now_us = at_us;
    w->step++;
    trace(w, (uint64_t)w->now_us);
    for (size_t i = 0; i < ACTION_ARGS; i++)
        trace(w, (uint64_t)a->kind << 56 ^ (uint64_t)a->arg[i]);
    if (a->kind == ACTION_DELIVER)
        deliver(w, a->arg[0]);
    else if (!is_of_node(a->kind))
        people_do(w, a);
    else if (a->arg[0] >= 1 && (size_t)a->arg[0] <= w->config.slot_count)
        on_node(&w->node[a->arg[0] - 1], a);
    for (size_t s = 0; s < w->config.slot_count; s++)
        shell_schedule(&w->node[s]);
    arena_reset(w->scratch);
}

/* ---- the whole */

struct world *world_new(const struct world_config *config)
{
    struct world *w = hl_calloc(1, sizeof(*w));

    HL_ASSERT(config->slot_count <= SLOTS && config->founder_count <= config->slot_count);
    HL_ASSERT(config->client_count <= MODEL_CLIENTS && config->agent_count <= MODEL_AGENTS);
    HL_ASSERT(config->app_count <= MODEL_APPS);
    w->config = *config;
    w->now_us = 1000000;
    w->arena = arena_new();
    w->scratch = arena_new();
    check_init(&w->check);
    w->check.uncommitted_bytes_max = config->uncommitted_bytes_max;
    for (size_t s = 0; s < config->slot_count; s++) {
        struct coordinator *n = &w->node[s];
        *n = (struct coordinator){.world = w, .slot = s, .id = s + 1, .log_first = 1};
        store_init(&n->state.store);
        lose_state(n);
        n->sched = sched_new(config->lost_after_ms);
        check_wipe(&w->check, s, n->id);
    }
    return w;
}

void world_free(struct world *w)
{
    if (!w)
        return;
    for (size_t s = 0; s < w->config.slot_count; s++) {
        struct coordinator *n = &w->node[s];
        raft_free(n->raft);
        disk_deinit(n);
        store_deinit(&n->state.store);
        free(n->committed);
        free(n->waiting);
        sched_free(n->sched);
    }
    free(w->message);
    free(w->read_floor);
    free(w->op);
    check_deinit(&w->check);
    model_deinit(&w->model);
    arena_free(w->arena);
    arena_free(w->scratch);
    free(w);
}

size_t world_leader(const struct world *w)
{
    size_t leader = SIZE_MAX;
    uint64_t term = 0;

    for (size_t s = 0; s < w->config.slot_count; s++) {
        const struct raft_status *now = &w->check.slot[s].status;
        if (w->node[s].is_up && now->role == RAFT_LEADER && now->term > term) {
            leader = s;
            term = now->term;
        }
    }
    return leader;
}

const char *world_violation(const struct world *w)
{
    return w->check.violation;
}

void world_judge_history(struct world *w)
{
    uint64_t key = 0;

    if (!w->config.is_history_kept)
        return;
    for (size_t i = 0; i < w->config.client_count; i++) {
        if (w->client[i].is_busy)
            people_do(w, &DO(ABANDON, (int64_t)i + 1));
    }
    enum linear_verdict v = linear_check(w->op, w->op_count, 200000, &key);
    w->check.mark[MARK_SEARCHED] += v == LINEAR_RIGHT;
    if (v == LINEAR_WRONG)
        check_violate(&w->check, "linearizability: no order explains the answers about key %llu",
                      (unsigned long long)key);
}
