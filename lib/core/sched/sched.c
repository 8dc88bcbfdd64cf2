/*
 * Two tables: agents, and the work that is not done. Leased work is kept only to count what an
 * agent runs; due work stands in a list of its own, first come first served, so a step does not
 * look at the rest.
 */
#include "core/sched/sched.h"

#include <stdlib.h>

struct agent {
    struct str node;
    bool is_active;
    bool is_alive;    /* replicated */
    int64_t heard_ms; /* -1: not since this leader leads */
    int64_t asked_ms; /* a change of its state was proposed then; -1 */
    size_t leased_count;
    size_t asked_count;  /* assignments in flight */
    uint32_t free_slots; /* as last heard, less what it was given and plus what it ended since */
};

struct item {
    struct str key;
    struct str input;
    struct str agent;
    enum sched_phase phase;
    int64_t due_ms;
    int64_t asked_ms; /* assignment proposed then; -1 */
    struct agent *asked;
    struct item *previous; /* in the due list */
    struct item *next;
};

struct sched {
    int64_t lost_after_ms;
    int64_t since_ms;
    struct map *agents;
    struct map *items;
    struct item *due; /* the oldest */
    struct item *due_last;
};

struct sched *sched_new(int64_t lost_after_ms)
{
    struct sched *s = hl_calloc(1, sizeof(*s));

    s->lost_after_ms = lost_after_ms;
    s->agents = map_new(1);
    s->items = map_new(2);
    return s;
}

static void item_free(struct item *i)
{
    str_free(i->key);
    str_free(i->input);
    str_free(i->agent);
    free(i);
}

static void clear(struct sched *s)
{
    for (size_t i = 0; i < map_count(s->items); i++)
        item_free(map_value_at(s->items, i));
    for (size_t i = 0; i < map_count(s->agents); i++) {
        struct agent *g = map_value_at(s->agents, i);
        str_free(g->node);
        free(g);
    }
    map_free(s->items);
    map_free(s->agents);
    s->due = NULL;
    s->due_last = NULL;
}

void sched_free(struct sched *s)
{
    if (!s)
        return;
    clear(s);
    free(s);
}

void sched_reset(struct sched *s, int64_t now_ms)
{
    clear(s);
    s->agents = map_new(1);
    s->items = map_new(2);
    s->since_ms = now_ms;
}

static struct agent *agent_of(struct sched *s, struct str node)
{
    struct agent *g = map_get(s->agents, node);

    if (!g) {
        g = hl_calloc(1, sizeof(*g));
        g->node = str_dup(node);
        g->heard_ms = -1;
        g->asked_ms = -1;
        map_set(s->agents, node, g);
    }
    return g;
}

void sched_agent(struct sched *s, struct str node, bool is_active, bool is_alive)
{
    struct agent *g = agent_of(s, node);

    g->is_active = is_active;
    g->is_alive = is_alive;
    g->asked_ms = -1;
}

void sched_heard(struct sched *s, struct str node, uint32_t free_slots, int64_t now_ms)
{
    struct agent *g = agent_of(s, node);

    g->heard_ms = now_ms;
    g->free_slots = free_slots;
}

int64_t sched_heard_ms(const struct sched *s, struct str node)
{
    const struct agent *g = map_get(s->agents, node);

    return g ? g->heard_ms : -1;
}

size_t sched_leased_count(const struct sched *s, struct str node)
{
    const struct agent *g = map_get(s->agents, node);

    return g ? g->leased_count : 0;
}

/* ---- the due list ---- */

static void unlink_due(struct sched *s, struct item *i)
{
    if (i->phase != SCHED_DUE)
        return;
    if (i->previous)
        i->previous->next = i->next;
    else
        s->due = i->next;
    if (i->next)
        i->next->previous = i->previous;
    else
        s->due_last = i->previous;
    i->previous = NULL;
    i->next = NULL;
}

static void link_due(struct sched *s, struct item *i)
{
    i->next = NULL;
    i->previous = s->due_last;
    if (s->due_last)
        s->due_last->next = i;
    else
        s->due = i;
    s->due_last = i;
}

/* ---- what an agent runs ---- */

static void begin_lease(struct agent *g)
{
    g->leased_count++;
    if (g->free_slots > 0)
        g->free_slots--;
}

static void end_lease(struct agent *g)
{
    g->leased_count--;
    if (g->free_slots < SCHED_RUNNING_MAX)
        g->free_slots++;
}

static void take_back_question(struct item *i)
{
    if (i->asked)
        i->asked->asked_count--;
    i->asked = NULL;
    i->asked_ms = -1;
}

void sched_work(struct sched *s, const struct sched_work *w)
{
    struct item *i = map_get(s->items, w->key);

    if (i) {
        unlink_due(s, i);
        take_back_question(i);
        if (i->phase == SCHED_LEASED)
            end_lease(agent_of(s, i->agent));
    }
    if (w->phase == SCHED_DONE) {
        if (i) {
            map_remove(s->items, w->key);
            item_free(i);
        }
        return;
    }
    if (!i) {
        i = hl_calloc(1, sizeof(*i));
        i->key = str_dup(w->key);
        i->asked_ms = -1;
        map_set(s->items, w->key, i);
    }
    str_free(i->input);
    str_free(i->agent);
    i->input = str_dup(w->input);
    i->agent = str_dup(w->agent);
    i->phase = w->phase;
    i->due_ms = w->due_ms;
    if (i->phase == SCHED_LEASED)
        begin_lease(agent_of(s, i->agent));
    else
        link_due(s, i);
}

/* ---- the step ---- */

static bool is_heard(const struct sched *s, const struct agent *g, int64_t now_ms)
{
    return g->heard_ms >= 0 && now_ms - g->heard_ms < s->lost_after_ms;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool was_asked(int64_t asked_ms, int64_t now_ms)
{
    return asked_ms >= 0 && now_ms - asked_ms < SCHED_PROPOSAL_MS;
}

static void step_agent(struct sched *s, struct agent *g, int64_t now_ms, struct sched_effects *out)
{
    int64_t since_ms = g->heard_ms >= 0 ? g->heard_ms : s->since_ms;
    int64_t lost_ms = since_ms + s->lost_after_ms;

    if (!g->is_active)
        return;
    if (was_asked(g->asked_ms, now_ms)) {
        out->wake_ms = sooner(out->wake_ms, g->asked_ms + SCHED_PROPOSAL_MS);
        return;
    }
    if (g->is_alive && now_ms >= lost_ms) {
        out->lost[out->lost_count++] = g->node;
        g->asked_ms = now_ms;
    } else if (!g->is_alive && is_heard(s, g, now_ms)) {
        out->alive[out->alive_count++] = g->node;
        g->asked_ms = now_ms;
    } else if (g->is_alive) {
        out->wake_ms = sooner(out->wake_ms, lost_ms);
        return;
    } else {
        return; /* nothing to wait for but to be heard */
    }
    out->wake_ms = sooner(out->wake_ms, now_ms + SCHED_PROPOSAL_MS);
}

static size_t load_of(const struct agent *g)
{
    return g->leased_count + g->asked_count;
}

static bool has_room(const struct sched *s, const struct agent *g, int64_t now_ms)
{
    return g->is_active && g->is_alive && is_heard(s, g, now_ms) &&
           load_of(g) < SCHED_RUNNING_MAX && g->asked_count < g->free_slots;
}

static bool is_better(const struct agent *a, const struct agent *b, struct str before)
{
    if (!b)
        return true;
    if (load_of(a) != load_of(b))
        return load_of(a) < load_of(b);
    if (str_eq(a->node, before) != str_eq(b->node, before))
        return str_eq(a->node, before);
    return str_cmp(a->node, b->node) < 0;
}

static struct agent *choose(const struct sched *s, const struct item *i, int64_t now_ms)
{
    struct agent *best = NULL;

    for (size_t n = 0; n < map_count(s->agents); n++) {
        struct agent *g = map_value_at(s->agents, n);

        if (has_room(s, g, now_ms) && is_better(g, best, i->agent))
            best = g;
    }
    return best;
}

/* Due work until no agent has room; false ends the walk. */
static bool step_item(struct sched *s, struct item *i, int64_t now_ms, struct arena *a,
                      struct sched_effects *out, size_t *cap)
{
    if (i->due_ms > now_ms) {
        out->wake_ms = sooner(out->wake_ms, i->due_ms);
        return true;
    }
    if (was_asked(i->asked_ms, now_ms)) {
        out->wake_ms = sooner(out->wake_ms, i->asked_ms + SCHED_PROPOSAL_MS);
        return true;
    }
    take_back_question(i);
    struct agent *g = choose(s, i, now_ms);
    if (!g)
        return false; /* a heartbeat with room, or a report, brings the next step */
    i->asked = g;
    i->asked_ms = now_ms;
    g->asked_count++;
    struct sched_assign assign = {i->key, i->input, g->node};
    ARENA_PUSH(a, out->assign, out->assign_count, *cap, assign);
    out->wake_ms = sooner(out->wake_ms, now_ms + SCHED_PROPOSAL_MS);
    return true;
}

void sched_step(struct sched *s, int64_t now_ms, struct arena *a, struct sched_effects *out)
{
    size_t agent_count = map_count(s->agents);
    size_t assign_cap = 0;

    *out = (struct sched_effects){.wake_ms = INT64_MAX};
    out->lost = arena_array(a, struct str, agent_count);
    out->alive = arena_array(a, struct str, agent_count);
    for (size_t n = 0; n < agent_count; n++)
        step_agent(s, map_value_at(s->agents, n), now_ms, out);
    for (struct item *i = s->due; i; i = i->next) {
        if (!step_item(s, i, now_ms, a, out, &assign_cap))
            break;
    }
}
