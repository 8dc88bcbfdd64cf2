/* What clients, agents and the operator do when it is their turn. */
#include "sim/driver_internal.h"

static int64_t some_member(struct driver *d)
{
    size_t leader = world_leader(d->world);

    if (leader != SIZE_MAX && (d->is_calm || driver_chance(d, STREAM_LOAD, 600)))
        return (int64_t)leader + 1;
    return driver_between(d, STREAM_LOAD, 1, (int64_t)d->world->config.slot_count);
}

/* A request travels, and waits if the process is stopped. */
static void request(struct driver *d, int64_t member, struct action a)
{
    int64_t us = driver_between(d, STREAM_LOAD, 0, d->swarm.latency_max_us);

    driver_act_at(d, d->world->now_us + us, (size_t)member - 1, a);
}

static void next_turn(struct driver *d, enum person p, size_t number, int64_t mean_us)
{
    int64_t us = driver_between(d, STREAM_LOAD, mean_us / 4, mean_us * 2);

    driver_push(d, (struct coming){.at_us = d->world->now_us + us,
                                   .what = COMING_PERSON,
                                   .slot = SLOTS,
                                   .person = p,
                                   .number = number});
}

void habits_begin(struct driver *d)
{
    for (size_t i = 0; i < d->world->config.client_count; i++)
        next_turn(d, PERSON_CLIENT, i, d->swarm.think_us);
    for (size_t i = 0; i < d->world->config.agent_count; i++)
        next_turn(d, PERSON_AGENT, i, d->swarm.beat_us);
    if (d->world->config.agent_count > 0)
        next_turn(d, PERSON_PLANNER, 0, d->swarm.plan_us);
    if (driver_has(d, FAULT_MEMBERS) || driver_has(d, FAULT_ROT))
        next_turn(d, PERSON_ADMIN, 0, d->swarm.between_us[FAULT_MEMBERS] / 4);
}

/* ---- clients */

static void client_begins(struct driver *d, size_t i)
{
    static const int64_t kinds[] = {0, 0, 0, 1, 1, 2, 3, 3, 3, 4};
    int64_t kind = kinds[driver_between(d, STREAM_LOAD, 0, HL_COUNT(kinds) - 1)];
    int64_t key = driver_between(d, STREAM_LOAD, 0, CLIENT_KEYS - 1);
    bool is_current = !driver_chance(d, STREAM_LOAD, 200);

    d->asked_us[i] = d->world->now_us;
    d->tries[i] = 0;
    driver_act(d, DO(ASK, (int64_t)i + 1, kind, key, is_current, 0));
    int64_t member = some_member(d);
    request(d, member, DO(AGAIN, (int64_t)i + 1, member, 0));
}

static void client_goes_on(struct driver *d, size_t i)
{
    enum { PATIENCE_US = 300000, TRIES = 12 };

    if (d->world->now_us < d->asked_us[i] + PATIENCE_US)
        return;
    if (++d->tries[i] > TRIES && !d->is_calm) {
        driver_act(d, DO(ABANDON, (int64_t)i + 1));
        return;
    }
    bool is_lost = !d->is_calm && driver_chance(d, STREAM_LOAD, 200);
    d->asked_us[i] = d->world->now_us;
    int64_t member = some_member(d);
    request(d, member, DO(AGAIN, (int64_t)i + 1, member, is_lost));
}

static void client_turn(struct driver *d, size_t i)
{
    if (d->world->client[i].is_busy)
        client_goes_on(d, i);
    else if (!d->is_calm)
        client_begins(d, i);
    next_turn(d, PERSON_CLIENT, i, d->swarm.think_us);
}

/* ---- agents */

static void agent_misbehaves(struct driver *d, size_t i)
{
    int64_t member = some_member(d);

    d->count[FAULT_AGENTS]++;
    switch (driver_between(d, STREAM_LOAD, 0, 3)) {
    case 0:
        request(d, member, DO(REVOKE, (int64_t)i + 1, member));
        break;
    case 1:
        request(d, member, DO(ENROL, (int64_t)i + 1, member));
        break;
    default:
        d->silent_until_us[i] = d->world->now_us + driver_between(d, STREAM_LOAD, 500000, 10000000);
        break;
    }
}

static void agent_turn(struct driver *d, size_t i)
{
    const struct agent *g = &d->world->agent[i];
    int64_t agent = (int64_t)i + 1;
    int64_t member = some_member(d);

    next_turn(d, PERSON_AGENT, i, d->swarm.beat_us);
    if (g->enrolments == 0 || driver_chance(d, STREAM_LOAD, 20)) {
        request(d, member, DO(ENROL, agent, member));
        return;
    }
    if (driver_has(d, FAULT_AGENTS) && driver_chance(d, STREAM_LOAD, 100))
        agent_misbehaves(d, i);
    if (d->world->now_us >= d->silent_until_us[i])
        request(d, member, DO(BEAT, agent, member));
    if (g->lease_count > 0 && driver_chance(d, STREAM_LOAD, 500)) {
        int64_t which =
            driver_chance(d, STREAM_LOAD, 700) ? 0 : driver_between(d, STREAM_LOAD, 0, 4);
        int64_t outcome =
            driver_chance(d, STREAM_LOAD, 700) ? 0 : driver_between(d, STREAM_LOAD, 0, 3);
        request(d, member, DO(REPORT, agent, which, outcome, member));
    }
}

static void planner_turn(struct driver *d)
{
    int64_t app = driver_between(d, STREAM_LOAD, 1, (int64_t)d->world->config.app_count);
    int64_t input = driver_chance(d, STREAM_LOAD, 150) ? 0 : driver_between(d, STREAM_LOAD, 1, 4);

    int64_t member = some_member(d);

    next_turn(d, PERSON_PLANNER, 0, d->swarm.plan_us);
    request(d, member, DO(PLAN, app, input, member));
}

/* ---- who administers the members */

static const struct raft_member *member_of(const struct raft_members *m, uint64_t id)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->member[i].id == id)
            return &m->member[i];
    }
    return NULL;
}

static bool has_slot(const struct world *w, uint64_t id)
{
    for (size_t s = 0; s < w->config.slot_count; s++) {
        if (w->node[s].id == id)
            return true;
    }
    return false;
}

static size_t voter_count(const struct raft_members *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++)
        n += m->member[i].is_voter;
    return n;
}

static void change(struct driver *d, enum raft_change kind, uint64_t id)
{
    size_t leader = world_leader(d->world);

    d->count[FAULT_MEMBERS]++;
    d->changes_asked++;
    request(d, (int64_t)leader + 1, DO(CHANGE, (int64_t)leader + 1, (int64_t)kind, (int64_t)id));
}

static void admin_decides(struct driver *d, const struct raft_members *now)
{
    size_t slot =
        (size_t)driver_between(d, STREAM_FAULT, 0, (int64_t)d->world->config.slot_count - 1);
    uint64_t id = d->world->node[slot].id;
    const struct raft_member *m = member_of(now, id);

    for (size_t i = 0; i < now->count; i++) {
        if (!has_slot(d->world, now->member[i].id)) { /* its store is gone */
            change(d, RAFT_REMOVE, now->member[i].id);
            return;
        }
    }
    if (!m)
        change(d, RAFT_ADD_LEARNER, id);
    else if (!m->is_voter)
        change(d, RAFT_PROMOTE, id);
    else if (voter_count(now) > 2 && driver_has(d, FAULT_MEMBERS) &&
             driver_chance(d, STREAM_FAULT, 400))
        change(d, RAFT_REMOVE, id);
}

static void admin_turn(struct driver *d)
{
    size_t leader = world_leader(d->world);

    next_turn(d, PERSON_ADMIN, 0, d->swarm.between_us[FAULT_MEMBERS] / 4);
    if (leader == SIZE_MAX || d->is_calm)
        return;
    struct raft_members now = d->world->check.slot[leader].status.members;
    admin_decides(d, &now);
}

void habits_turn(struct driver *d, const struct coming *c)
{
    switch (c->person) {
    case PERSON_CLIENT:
        client_turn(d, c->number);
        break;
    case PERSON_AGENT:
        if (!d->is_calm)
            agent_turn(d, c->number);
        break;
    case PERSON_PLANNER:
        if (!d->is_calm)
            planner_turn(d);
        break;
    case PERSON_ADMIN:
        admin_turn(d);
        break;
    }
}
