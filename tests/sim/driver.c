/* See driver.h. Files: driver.c the future and the pace, faults.c what goes wrong. */
#include "sim/driver_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- the heap */

static bool is_before(const struct coming *a, const struct coming *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

void driver_push(struct driver *d, struct coming c)
{
    size_t at = d->heap_count++;

    if (d->heap_count > d->heap_cap) {
        d->heap_cap = d->heap_cap ? d->heap_cap * 2 : 256;
        d->heap = hl_realloc(d->heap, d->heap_cap * sizeof(*d->heap));
    }
    c.order = d->order++;
    while (at > 0 && is_before(&c, &d->heap[(at - 1) / 2])) {
        d->heap[at] = d->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    d->heap[at] = c;
}

static struct coming pop(struct driver *d)
{
    struct coming top = d->heap[0];
    struct coming last = d->heap[--d->heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= d->heap_count)
            break;
        if (child + 1 < d->heap_count && is_before(&d->heap[child + 1], &d->heap[child]))
            child++;
        if (!is_before(&d->heap[child], &last))
            break;
        d->heap[at] = d->heap[child];
        at = child;
    }
    if (d->heap_count > 0)
        d->heap[at] = last;
    return top;
}

int64_t driver_between(struct driver *d, enum stream s, int64_t low, int64_t high)
{
    return d->is_scripted ? low : rng_between(&d->rng[s], low, high);
}

bool driver_chance(struct driver *d, enum stream s, unsigned permille)
{
    return !d->is_scripted && permille > 0 && rng_below(&d->rng[s], 1000) < permille;
}

bool driver_has(const struct driver *d, enum fault f)
{
    return !d->is_calm && (d->swarm.faults >> f & 1) != 0;
}

void driver_act_at(struct driver *d, int64_t at_us, size_t slot, struct action a)
{
    driver_push(d, (struct coming){.at_us = at_us,
                                   .what = COMING_ACTION,
                                   .slot = slot,
                                   .life = slot < SLOTS ? d->world->node[slot].life : 0,
                                   .action = a});
}

/* ---- the network */

static size_t slot_of(const struct world *w, uint64_t id)
{
    for (size_t s = 0; s < w->config.slot_count; s++) {
        if (w->node[s].id == id)
            return s;
    }
    return SLOTS;
}

static void send_later(struct driver *d, size_t message, size_t from, size_t to, int64_t extra_us)
{
    int64_t us = driver_between(d, STREAM_NET, d->swarm.latency_min_us, d->swarm.latency_max_us);

    d->under_way[from][to]++;
    driver_push(d, (struct coming){.at_us = d->world->now_us + us + extra_us,
                                   .what = COMING_MESSAGE,
                                   .slot = to,
                                   .from = from,
                                   .action = DO(DELIVER, (int64_t)message + 1)});
}

static void send_message(struct driver *d, size_t number)
{
    const struct raft_message *m = d->world->message[number];
    size_t from = slot_of(d->world, m->from);
    size_t to = slot_of(d->world, m->to);
    int64_t extra_us = 0;

    if (to == SLOTS || from == SLOTS)
        return;
    if (driver_has(d, FAULT_LOSS) && driver_chance(d, STREAM_NET, d->swarm.loss_permille)) {
        d->count[FAULT_LOSS]++;
        return;
    }
    if (driver_has(d, FAULT_QUEUE) && d->under_way[from][to] >= d->swarm.link_max) {
        d->count[FAULT_QUEUE]++;
        return;
    }
    if (driver_has(d, FAULT_DELAY) && driver_chance(d, STREAM_NET, d->swarm.delay_permille)) {
        d->count[FAULT_DELAY]++;
        extra_us = driver_between(d, STREAM_NET, 0, d->swarm.world.election_ms * 2000);
    }
    send_later(d, number, from, to, extra_us);
    if (driver_has(d, FAULT_DUPLICATE) &&
        driver_chance(d, STREAM_NET, d->swarm.duplicate_permille)) {
        d->count[FAULT_DUPLICATE]++;
        send_later(d, number, from, to, driver_between(d, STREAM_NET, 0, 50000));
    }
    if (driver_has(d, FAULT_REPLAY) && driver_chance(d, STREAM_NET, d->swarm.replay_permille)) {
        size_t old = (size_t)driver_between(d, STREAM_NET, 0, (int64_t)number);
        size_t old_to = slot_of(d->world, d->world->message[old]->to);
        d->count[FAULT_REPLAY]++;
        if (old_to < SLOTS)
            send_later(d, old, from, old_to, 0);
    }
}

/* ---- what the members wait for */

static int64_t sync_us(struct driver *d, size_t slot)
{
    struct pace *p = &d->pace[slot];

    if (!d->is_calm && p->is_stalled) {
        p->is_stalled = false;
        return 5000000;
    }
    if (!d->is_calm && d->world->now_us < p->slow_until_us)
        return 200000;
    return driver_between(d, STREAM_DISK, d->swarm.sync_min_us, d->swarm.sync_max_us);
}

static int64_t wake_us(const struct coordinator *n)
{
    int64_t until_ms = n->sched_wake_ms - node_now_ms(n);
    int64_t at_us = n->world->now_us + (until_ms > 0 ? until_ms * 1000 : 1000);

    if (!n->is_leading || n->world->config.agent_count == 0 || until_ms > 60000)
        return n->wake_us;
    return at_us < n->wake_us ? at_us : n->wake_us;
}

static void look_at_disk(struct driver *d, size_t slot)
{
    const struct coordinator *n = &d->world->node[slot];
    struct pace *p = &d->pace[slot];
    uint64_t base = n->base ? n->base->meta.index : 0;
    int64_t now_us = d->world->now_us;

    if (n->queue_count > 0 && !p->is_syncing && !n->is_full) {
        p->is_syncing = true;
        driver_act_at(d, now_us + sync_us(d, slot), slot,
                      DO(SYNC, (int64_t)slot + 1, (int64_t)n->queue_count));
    }
    if (n->install.is_set && !p->is_installing && !n->is_full) {
        p->is_installing = true;
        driver_act_at(d, now_us + sync_us(d, slot), slot, DO(INSTALLED, (int64_t)slot + 1));
    }
    if (n->state.applied >= base + d->swarm.checkpoint_entries && n->state.members.count > 0 &&
        !p->is_saving && !n->is_full) {
        p->is_saving = true;
        driver_act_at(d, now_us, slot, DO(CHECKPOINT, (int64_t)slot + 1));
        driver_act_at(d, now_us + 3 * sync_us(d, slot), slot, DO(SAVED, (int64_t)slot + 1));
    }
}

static void start_later(struct driver *d, size_t slot)
{
    bool is_quick =
        d->swarm.is_faultless || driver_chance(d, STREAM_FAULT, d->swarm.quick_percent * 10);
    int64_t us = is_quick ? driver_between(d, STREAM_FAULT, 1000, 30000)
                          : driver_between(d, STREAM_FAULT, 30000, 3000000);

    if (d->is_scripted || d->pace[slot].is_starting)
        return;
    d->pace[slot].is_starting = true;
    driver_act_at(d, d->world->now_us + us, slot, DO(START, (int64_t)slot + 1));
}

static void look_at(struct driver *d, size_t slot)
{
    const struct coordinator *n = &d->world->node[slot];
    struct pace *p = &d->pace[slot];

    if (p->life != n->life) {
        p->life = n->life;
        p->is_syncing = p->is_installing = p->is_saving = p->is_applying = false;
        p->is_starting = false;
        p->wake_us = 0;
    }
    if (!n->is_up) {
        start_later(d, slot);
        return;
    }
    p->is_starting = false;
    look_at_disk(d, slot);
    if (n->committed_count > 0 && !p->is_applying) {
        int64_t lag_us = driver_has(d, FAULT_LAG) ? driver_between(d, STREAM_DISK, 0, 300000) : 0;
        d->count[FAULT_LAG] += lag_us > 0;
        p->is_applying = true;
        driver_act_at(d, d->world->now_us + lag_us, slot, DO(APPLY, (int64_t)slot + 1));
    }
    int64_t want_us = wake_us(n);
    if (p->wake_us == 0 || want_us < p->wake_us) {
        p->wake_us = want_us;
        driver_push(d, (struct coming){
                           .at_us = want_us, .what = COMING_WAKE, .slot = slot, .life = n->life});
    }
}

static void look(struct driver *d)
{
    while (d->message_seen < d->world->message_count)
        send_message(d, d->message_seen++);
    for (size_t s = 0; s < d->world->config.slot_count; s++)
        look_at(d, s);
}

/* ---- one thing after the other */

void driver_do(struct driver *d, int64_t at_us, const struct action *a)
{
    if (d->trace) {
        action_print(d->trace, at_us > d->world->now_us ? at_us : d->world->now_us, a);
        if (a->kind == ACTION_DELIVER && (size_t)a->arg[0] <= d->world->message_count) {
            const struct raft_message *m = d->world->message[a->arg[0] - 1];
            buf_printf(d->trace, " # %llu to %llu kind=%d term=%llu index=%llu commit=%llu n=%zu%s",
                       (unsigned long long)m->from, (unsigned long long)m->to, (int)m->kind,
                       (unsigned long long)m->term, (unsigned long long)m->index,
                       (unsigned long long)m->commit, m->entry_count,
                       m->is_rejected ? " rejected" : "");
        }
        buf_add_byte(d->trace, '\n');
    }
    world_do(d->world, at_us, a);
    d->actions++;
}

void driver_act(struct driver *d, struct action a)
{
    driver_do(d, d->world->now_us, &a);
    if (!d->is_calm)
        faults_watch(d);
    look(d);
}

static void done_with(struct driver *d, const struct coming *c)
{
    struct pace *p = &d->pace[c->slot];

    if (c->action.kind == ACTION_SYNC)
        p->is_syncing = false;
    else if (c->action.kind == ACTION_INSTALLED)
        p->is_installing = false;
    else if (c->action.kind == ACTION_SAVED)
        p->is_saving = false;
    else if (c->action.kind == ACTION_APPLY)
        p->is_applying = false;
}

static void wake(struct driver *d, const struct coming *c)
{
    const struct coordinator *n = &d->world->node[c->slot];

    if (n->life != c->life || !n->is_up)
        return;
    d->pace[c->slot].wake_us = 0;
    if (wake_us(n) <= d->world->now_us)
        driver_act(d, DO(TICK, (int64_t)c->slot + 1));
    else
        look_at(d, c->slot);
}

/* A process that is stopped sees everything later, in the order in which it came. */
static bool is_for_later(struct driver *d, const struct coming *c)
{
    if (c->what > COMING_WAKE || c->slot >= SLOTS || d->is_calm ||
        d->pace[c->slot].paused_until_us <= c->at_us)
        return false;
    struct coming later = *c;
    later.at_us = d->pace[c->slot].paused_until_us;
    driver_push(d, later);
    return true;
}

static void happen(struct driver *d, const struct coming *c)
{
    bool is_left_out = d->is_calm && c->slot < SLOTS && d->is_left_out[c->slot];

    switch (c->what) {
    case COMING_MESSAGE:
        d->under_way[c->from][c->slot]--;
        if (d->cut_until_us[c->from][c->slot] <= d->world->now_us && !is_left_out)
            driver_act(d, c->action);
        break;
    case COMING_ACTION:
        d->changes_asked -= c->action.kind == ACTION_CHANGE;
        if (d->is_calm && c->action.kind == ACTION_CHANGE)
            break; /* no operator removes whom the others need now */
        if (c->slot < SLOTS && (d->world->node[c->slot].life != c->life || is_left_out))
            break;
        if (c->slot < SLOTS)
            done_with(d, c);
        driver_act(d, c->action);
        break;
    case COMING_WAKE:
        wake(d, c);
        break;
    case COMING_FAULT:
        if (!d->is_calm)
            faults_strike(d, c->fault);
        break;
    case COMING_PERSON:
        habits_turn(d, c);
        break;
    }
}

static void advance(struct driver *d)
{
    struct coming c = pop(d);

    if (is_for_later(d, &c))
        return;
    if (c.at_us > d->world->now_us)
        d->world->now_us = c.at_us;
    happen(d, &c);
}

static bool is_fine(const struct driver *d)
{
    return world_violation(d->world)[0] == '\0';
}

bool driver_run(struct driver *d, size_t actions)
{
    while (d->actions < actions && d->heap_count > 0 && is_fine(d))
        advance(d);
    if (is_fine(d) && d->swarm.is_faultless && d->world->check.mark[MARK_ELECTION] > 1)
        check_violate(&d->world->check, "%llu elections without a fault",
                      (unsigned long long)d->world->check.mark[MARK_ELECTION]);
    return is_fine(d);
}

/* ---- the end: faults are over, or there for good */

static bool is_left_behind(const struct driver *d, size_t slot, const struct raft_status *leader)
{
    const struct coordinator *n = &d->world->node[slot];

    for (size_t i = 0; i < leader->members.count; i++) {
        if (leader->members.member[i].id == n->id)
            return !n->is_up || n->state.applied != leader->last_index;
    }
    return false; /* no member any more */
}

static bool has_converged(const struct driver *d)
{
    size_t l = world_leader(d->world);

    if (l == SIZE_MAX || d->is_left_out[l])
        return false;
    const struct raft_status *leader = &d->world->check.slot[l].status;
    if (leader->commit_index != leader->last_index)
        return false;
    for (size_t s = 0; s < d->world->config.slot_count; s++) {
        if (!d->is_left_out[s] && is_left_behind(d, s, leader))
            return false;
    }
    for (size_t i = 0; i < d->world->config.client_count; i++) {
        if (d->world->client[i].is_busy)
            return false;
    }
    return true;
}

static bool converge(struct driver *d)
{
    int64_t bound_us = 60 * d->swarm.world.election_ms * 1000 + 60000000;
    int64_t until_us = d->world->now_us + bound_us;

    while (is_fine(d) && d->heap_count > 0 && d->world->now_us < until_us) {
        if (has_converged(d))
            return true;
        advance(d);
    }
    if (is_fine(d)) {
        char text[VIOLATION_MAX] = "";
        size_t len = 0;
        for (size_t s = 0; s < d->world->config.slot_count && len < sizeof(text); s++) {
            const struct raft_status *now = &d->world->check.slot[s].status;
            len += (size_t)snprintf(
                text + len, sizeof(text) - len, " %llu:%s%s t%llu l%llu last%llu com%llu app%llu",
                (unsigned long long)d->world->node[s].id, raft_role_name(now->role),
                d->is_left_out[s] ? "(out)" : "", (unsigned long long)now->term,
                (unsigned long long)now->leader, (unsigned long long)now->last_index,
                (unsigned long long)now->commit_index,
                (unsigned long long)d->world->node[s].state.applied);
        }
        check_violate(&d->world->check, "liveness: no agreement %lld ms after the faults ended:%s",
                      (long long)bound_us / 1000, text);
    }
    return false;
}

static void heal(struct driver *d, size_t slot)
{
    struct coordinator *n = &d->world->node[slot];
    int64_t member = (int64_t)slot + 1;

    d->pace[slot].paused_until_us = 0;
    if (n->is_up && n->is_full && d->world->check.slot[slot].status.has_disk_failed)
        driver_act(d, DO(CRASH, member, 0, 0, 0));
    if (n->is_up && n->is_full)
        driver_act(d, DO(FULL, member, 0));
    if (n->is_up && !n->is_next_version && d->has_future)
        driver_act(d, DO(UPGRADE, member));
    if (!n->is_up && !n->is_next_version && d->has_future)
        driver_act(d, DO(UPGRADE, member));
    if (!n->is_up)
        driver_act(d, DO(START, member));
}

/* One in three schedules ends with somebody gone whom the others can spare. */
static void leave_out(struct driver *d)
{
    size_t slot =
        (size_t)driver_between(d, STREAM_FAULT, 0, (int64_t)d->world->config.slot_count - 1);

    if (d->swarm.is_faultless || !driver_chance(d, STREAM_FAULT, 333))
        return;
    d->is_left_out[slot] = true;
    if (!check_is_majority_without(&d->world->check, d->is_left_out)) {
        d->is_left_out[slot] = false;
        return;
    }
    d->world->check.mark[MARK_LEFT_OUT]++;
    driver_act(d, DO(CRASH, (int64_t)slot + 1, 0, 0, 0));
}

bool driver_settle(struct driver *d)
{
    d->is_calm = true;
    memset(d->cut_until_us, 0, sizeof(d->cut_until_us));
    leave_out(d);
    for (size_t s = 0; s < d->world->config.slot_count; s++) {
        if (!d->is_left_out[s])
            heal(d, s);
    }
    if (!converge(d))
        return false;
    size_t leader = world_leader(d->world);
    driver_act(d, DO(ASK, 1, 0, 0, 0, (int64_t)leader + 1));
    if (!converge(d))
        return false;
    world_judge_history(d->world);
    return is_fine(d);
}

/* ---- the whole */

static struct driver *new_driver(const struct swarm *swarm, struct buf *trace)
{
    struct driver *d = hl_calloc(1, sizeof(*d));

    d->swarm = *swarm;
    d->trace = trace;
    d->world = world_new(&swarm->world);
    for (size_t s = 0; s < STREAM_COUNT; s++)
        rng_seed(&d->rng[s], sim_mix(sim_mix(swarm->seed, 2), s));
    d->next_id = swarm->world.slot_count + 1;
    return d;
}

struct driver *driver_new(const struct swarm *swarm, struct buf *trace)
{
    struct driver *d = new_driver(swarm, trace);

    faults_begin(d);
    habits_begin(d);
    look(d);
    return d;
}

struct driver *driver_new_scripted(const struct world_config *config, struct buf *trace)
{
    struct swarm swarm = {.world = *config,
                          .latency_min_us = 1000,
                          .latency_max_us = 1000,
                          .sync_min_us = 1000,
                          .sync_max_us = 1000,
                          .checkpoint_entries = UINT64_MAX};
    struct driver *d = new_driver(&swarm, trace);

    d->is_scripted = true;
    d->is_calm = true;
    return d;
}

void driver_calm(struct driver *d, int64_t for_ms)
{
    int64_t until_us = d->world->now_us + for_ms * 1000;

    look(d);
    while (is_fine(d) && d->heap_count > 0 && d->heap[0].at_us <= until_us)
        advance(d);
    d->world->now_us = until_us;
}

void driver_cut(struct driver *d, uint64_t from, uint64_t to, bool is_cut)
{
    if (from >= 1 && from <= SLOTS && to >= 1 && to <= SLOTS)
        d->cut_until_us[from - 1][to - 1] = is_cut ? INT64_MAX : 0;
}

void driver_free(struct driver *d)
{
    if (!d)
        return;
    world_free(d->world);
    free(d->heap);
    free(d);
}

struct world *driver_world(struct driver *d)
{
    return d->world;
}

const uint64_t *driver_fault_counts(const struct driver *d)
{
    return d->count;
}
