/*
 * Clients that keep one operation in flight, agents that work under leases, and an operator.
 *
 * A client's operation begins with its first request and ends with an answer; a request may go to
 * any member, several times, always with the same sequence. Positions order everything that was
 * answered: twice the entry's index for a write, one more for a read of the state behind it. An
 * operation that begins after another was answered must stand behind it: with the committed log at
 * hand this shows every stale read and lost update at once.
 */
#include "sim/world.h"

#include <stdlib.h>

enum { PUT, SWAP, DELETE, READ, READ_STALE };

static struct coordinator *node_at(struct world *w, int64_t member)
{
    if (member < 1 || (size_t)member > w->config.slot_count || !w->node[member - 1].is_up)
        return NULL;
    return &w->node[member - 1];
}

/* ---- clients */

static void keep_history(struct world *w, const struct client *c, bool is_known, bool is_done,
                         uint64_t value)
{
    static const enum linear_kind kind[] = {
        [PUT] = LINEAR_WRITE, [SWAP] = LINEAR_SWAP, [DELETE] = LINEAR_DELETE, [READ] = LINEAR_READ};

    if (!w->config.is_history_kept || c->kind == READ_STALE)
        return;
    if (w->op_count == w->op_cap) {
        w->op_cap = w->op_cap ? w->op_cap * 2 : 256;
        w->op = hl_realloc(w->op, w->op_cap * sizeof(*w->op));
    }
    w->op[w->op_count++] = (struct linear_op){
        .kind = kind[c->kind],
        .key = c->key,
        .call = c->called,
        .back = is_known ? (int64_t)w->step * 2 + 1 : LINEAR_NEVER,
        .value = value,
        .expected = c->expected_value,
        .is_done = is_done,
    };
}

static void finish(struct world *w, struct client *c, uint64_t position, bool is_done,
                   uint64_t value)
{
    if (position < c->floor)
        check_violate(&w->check,
                      "linearizability: client %zu is answered from position %llu, %llu was "
                      "answered before it asked",
                      (size_t)(c - w->client) + 1, (unsigned long long)position,
                      (unsigned long long)c->floor);
    keep_history(w, c, true, is_done, value);
    if (position > w->position)
        w->position = position;
    c->is_busy = false;
    c->answered_count++;
    w->answered_count++;
}

void people_answer_write(struct world *w, size_t client, uint64_t sequence, int code,
                         uint64_t revision)
{
    struct client *c = &w->client[client];

    if (!c->is_busy || c->kind >= READ || c->sequence != sequence)
        return;
    if (code != 0 && code != HL_ECONFLICT && code != HL_EABSENT) {
        check_violate(&w->check, "client %zu is refused with %d", client + 1, code);
        return;
    }
    if (2 * revision == c->floor)
        check_violate(&w->check, "linearizability: entry %llu was answered twice",
                      (unsigned long long)revision);
    if (code == 0) {
        c->seen_revision[c->key] = c->kind == DELETE ? 0 : revision;
        c->seen_value[c->key] = c->kind == DELETE ? 0 : c->value;
    }
    finish(w, c, 2 * revision, code == 0, c->value);
}

static uint64_t look(struct coordinator *n, struct client *c)
{
    struct setting got = {0};
    struct err err;

    c->seen_revision[c->key] = 0;
    c->seen_value[c->key] = 0;
    if (setting_get(&n->state.store.kv, setting_key_of(n->world->scratch, c->key), &got, &err) !=
        KV_FOUND)
        return 0;
    c->seen_revision[c->key] = got.revision;
    c->seen_value[c->key] = bytes_u64(got.value.ptr);
    return c->seen_value[c->key];
}

void people_answer_read(struct world *w, size_t client, uint64_t sequence, struct coordinator *n)
{
    struct client *c = &w->client[client];

    if (!c->is_busy || c->kind != READ || c->sequence != sequence)
        return;
    uint64_t value = look(n, c);
    finish(w, c, 2 * n->state.applied + 1, true, value);
}

static struct waiting *wait_for(struct coordinator *n, size_t client, bool is_lost)
{
    struct client *c = &n->world->client[client];

    if (n->waiting_count == n->waiting_cap) {
        n->waiting_cap = n->waiting_cap ? n->waiting_cap * 2 : 16;
        n->waiting = hl_realloc(n->waiting, n->waiting_cap * sizeof(*n->waiting));
    }
    struct waiting *r = &n->waiting[n->waiting_count++];
    *r = (struct waiting){.tag = ++n->world->tag,
                          .client = client,
                          .sequence = c->sequence,
                          .is_read = c->kind == READ,
                          .is_lost = is_lost};
    return r;
}

static void ask_to_read(struct coordinator *n, uint64_t tag)
{
    struct world *w = n->world;

    while (tag >= w->read_floor_cap) {
        w->read_floor_cap = w->read_floor_cap ? w->read_floor_cap * 2 : 1024;
        w->read_floor = hl_realloc(w->read_floor, w->read_floor_cap * sizeof(*w->read_floor));
    }
    w->read_floor[tag] = w->check.committed.count;
    node_step(n, &(struct raft_event){.kind = RAFT_EVENT_READ, .tag = tag});
}

static void ask_to_write(struct coordinator *n, const struct client *c, size_t client, uint64_t tag)
{
    struct arena *a = n->world->scratch;
    struct setting_change change = {
        .key = setting_key_of(a, c->key), .has_expected = c->has_expected, .expected = c->expected};

    if (c->kind != DELETE)
        change.value = number_bytes(a, c->value);
    node_propose(
        n,
        &(struct command){.name = c->kind == DELETE ? STR("setting.delete") : STR("setting.put"),
                          .client_id = arena_printf(a, "c%zu", client),
                          .sequence = c->sequence,
                          .author = STR("client"),
                          .wall_ms = node_now_ms(n) + n->wall_ms,
                          .body = setting_body(a, &change)},
        1, tag);
}

static void ask(struct world *w, size_t client, int64_t member, bool is_lost)
{
    struct coordinator *n = node_at(w, member);
    struct client *c = &w->client[client];

    if (!n || !c->is_busy)
        return;
    if (c->kind == READ_STALE) {
        w->check.mark[MARK_STALE_READ]++;
        (void)look(n, c); /* what it saw serves the next compare-and-set */
        c->is_busy = false;
        return;
    }
    uint64_t tag = wait_for(n, client, is_lost)->tag;
    if (c->kind == READ)
        ask_to_read(n, tag);
    else
        ask_to_write(n, c, client, tag);
}

static void begin(struct world *w, size_t client, const struct action *a)
{
    struct client *c = &w->client[client];

    if (c->is_busy || (uint64_t)a->arg[1] > READ_STALE || (uint64_t)a->arg[2] >= CLIENT_KEYS)
        return;
    c->is_busy = true;
    c->kind = a->arg[1];
    c->key = (uint64_t)a->arg[2];
    c->sequence++;
    c->value = ++w->value;
    c->has_expected = c->kind == SWAP;
    c->expected = a->arg[3] ? c->seen_revision[c->key] : 0;
    c->expected_value = a->arg[3] ? c->seen_value[c->key] : 0;
    c->called = (int64_t)w->step * 2;
    c->floor = w->position;
    ask(w, client, a->arg[4], false);
}

static void abandon(struct world *w, size_t client)
{
    struct client *c = &w->client[client];

    if (!c->is_busy)
        return;
    keep_history(w, c, false, false, c->value);
    c->is_busy = false;
}

/* ---- agents */

static struct command of_operator(const struct coordinator *n, struct str name, struct str body)
{
    return (struct command){.name = name,
                            .author = STR("operator"),
                            .wall_ms = node_now_ms(n) + n->wall_ms,
                            .body = body};
}

static void enrol(struct world *w, size_t agent, struct coordinator *n)
{
    struct arena *a = w->scratch;
    unsigned long long number = ++w->agent[agent].enrolments;
    struct str token =
        arena_printf(a,
                     "{\"id\":\"t%zu-%llu\",\"hash\":\"%064d\",\"roles\":\"agent\",\"uses\":1,"
                     "\"ttl_ms\":3600000}",
                     agent, number, 0);
    struct str enrolment =
        arena_printf(a, "{\"node\":\"n%zu\",\"key\":\"y%zu-%llu\",\"token\":\"t%zu-%llu\"}", agent,
                     agent, number, agent, number);
    struct command both[2] = {of_operator(n, STR("token.create"), token),
                              of_operator(n, STR("agent.enroll"), enrolment)};

    node_propose(n, both, HL_COUNT(both), 0);
}

static void revoke(struct world *w, size_t agent, struct coordinator *n)
{
    struct command c =
        of_operator(n, STR("agent.revoke"),
                    arena_printf(w->scratch, "{\"name\":\"n%zu\",\"reason\":\"test\"}", agent));

    node_propose(n, &c, 1, 0);
}

static bool has_lease(const struct agent *g, uint64_t app, int64_t epoch)
{
    for (size_t i = 0; i < LEASES_KEPT && i < g->lease_count; i++) {
        if (g->lease[i].app == app && g->lease[i].epoch == epoch)
            return true;
    }
    return false;
}

/* The answer to a heartbeat: what this member's state says that the agent holds. */
static void beat(struct world *w, size_t agent, struct coordinator *n)
{
    struct agent *g = &w->agent[agent];

    if (!n->is_leading)
        return;
    sched_heard(n->sched, agent_name(w->scratch, agent), 4, node_now_ms(n));
    n->sched_wake_ms = 0;
    for (size_t i = 0; i < w->config.app_count; i++) {
        struct state_app app;
        struct err err;
        if (state_app_get(&n->state.store.kv, app_name(w->scratch, i), w->scratch, &app, &err) !=
                KV_FOUND ||
            !str_eq(app.phase, STR("leased")) || name_number(app.agent) != agent ||
            has_lease(g, i, app.epoch))
            continue;
        g->lease[g->lease_count++ % LEASES_KEPT] =
            (struct lease){i, app.epoch, arena_dup(w->arena, app.input), app.deleting};
    }
}

static void report(struct world *w, size_t agent, int64_t which, int64_t outcome,
                   struct coordinator *n)
{
    static const char *const words[] = {"ok", "transient", "permanent", "superseded"};
    struct agent *g = &w->agent[agent];

    if (which < 0 || (size_t)which >= LEASES_KEPT || (size_t)which >= g->lease_count ||
        outcome < 0 || (size_t)outcome >= HL_COUNT(words))
        return;
    const struct lease *l = &g->lease[(g->lease_count - 1 - (size_t)which) % LEASES_KEPT];
    struct command c = of_operator(
        n, STR("work.report"),
        arena_printf(w->scratch,
                     "{\"key\":\"p%llu\",\"agent\":\"n%zu\",\"epoch\":%lld,\"input\":\"" STR_FMT
                     "\",\"outcome\":\"%s\",\"message\":\"m\",\"objects\":[{\"id\":\"o\"}]}",
                     (unsigned long long)l->app, agent, (long long)l->epoch, STR_ARG(l->input),
                     words[outcome]));

    node_propose(n, &c, 1, 0);
}

/* ---- the operator */

static void plan(struct world *w, uint64_t app, int64_t input, struct coordinator *n)
{
    struct arena *a = w->scratch;
    struct state_head head;
    struct err err;

    if (state_head_get(&n->state.store.kv, a, &head, &err) < 0)
        return;
    struct str change =
        input == 0 ? arena_printf(a, "\"deletes\":[\"p%llu\"]", (unsigned long long)app)
                   : arena_printf(a,
                                  "\"upserts\":[{\"name\":\"p%llu\",\"status\":\"applicable\","
                                  "\"input\":\"i%lld\"}]",
                                  (unsigned long long)app, (long long)input);
    struct command c = of_operator(
        n, STR("desired.put"),
        arena_printf(a, "{\"commit\":\"c%llu\",\"base\":\"" STR_FMT "\"," STR_FMT "}",
                     (unsigned long long)++w->plan, STR_ARG(head.commit), STR_ARG(change)));

    node_propose(n, &c, 1, 0);
}

/* ---- actions */

static void client_do(struct world *w, const struct action *a)
{
    size_t client = (size_t)a->arg[0] - 1;

    if (client >= w->config.client_count)
        return;
    if (a->kind == ACTION_ASK)
        begin(w, client, a);
    else if (a->kind == ACTION_AGAIN)
        ask(w, client, a->arg[1], a->arg[2] != 0);
    else
        abandon(w, client);
}

static void agent_do(struct world *w, const struct action *a)
{
    size_t agent = (size_t)a->arg[0] - 1;
    struct coordinator *n = node_at(w, a->kind == ACTION_REPORT ? a->arg[3] : a->arg[1]);

    if (agent >= w->config.agent_count || !n)
        return;
    if (a->kind == ACTION_ENROL)
        enrol(w, agent, n);
    else if (a->kind == ACTION_REVOKE)
        revoke(w, agent, n);
    else if (a->kind == ACTION_BEAT)
        beat(w, agent, n);
    else
        report(w, agent, a->arg[1], a->arg[2], n);
}

void people_do(struct world *w, const struct action *a)
{
    switch (a->kind) {
    case ACTION_ASK:
    case ACTION_AGAIN:
    case ACTION_ABANDON:
        client_do(w, a);
        break;
    case ACTION_PLAN: {
        struct coordinator *n = node_at(w, a->arg[2]);
        if (n && a->arg[0] >= 1 && (size_t)a->arg[0] <= w->config.app_count)
            plan(w, (uint64_t)a->arg[0] - 1, a->arg[1], n);
        break;
    }
    default:
        agent_do(w, a);
        break;
    }
}
