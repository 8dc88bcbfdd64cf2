/* The documents behind `hlctl -o json`; proto/README.md and hlctl/README.md list their members. */
#include "coordinator/fleet.h"

#include <string.h>

#include "core/value/json.h"

/* Argo CD's words for what is going on with an application. */
static const char *operation_of(const struct state_app *app)
{
    if (!str_eq(app->status, STR("applicable")))
        return "";
    if (str_eq(app->phase, STR("pending")))
        return "Pending";
    if (str_eq(app->phase, STR("leased")))
        return "Running";
    if (str_eq(app->phase, STR("waiting")))
        return "Waiting";
    if (str_eq(app->phase, STR("failed")))
        return "Blocked";
    return app->applied_input.len > 0 ? "Succeeded" : "";
}

static struct str applied_commit(const struct fleet *f, const struct state_app *app)
{
    bool is_current = app->applied_input.len > 0 && str_eq(app->applied_input, app->input);

    /* The same input at a later commit is that commit applied: nothing had to be done. */
    return is_current ? f->head_commit : app->applied_commit;
}

static struct value *app_value(struct fleet *f, const struct state_app *app)
{
    struct arena *a = f->scratch;
    struct value *v = value_map(a);
    bool is_applicable = str_eq(app->status, STR("applicable"));

    value_map_set_str(a, v, "name", app->name);
    value_map_set_str(a, v, "cluster", app->cluster);
    value_map_set_str(a, v, "addon", app->addon);
    value_map_set_str(a, v, "namespace", app->namespace);
    value_map_set_str(a, v, "project", app->project);
    value_map_set_str(a, v, "kind", app->kind);
    if (app->charts.len > 0)
        value_map_set_str(a, v, "charts", app->charts);
    value_map_set_str(a, v, "status", app->status);
    value_map_set_str(a, v, "sync", str_from(state_app_sync(app)));
    value_map_set_str(a, v, "health",
                      is_applicable && app->health.len > 0 ? app->health : STR("Unknown"));
    value_map_set_str(a, v, "desired", f->head_commit);
    value_map_set_str(a, v, "applied", applied_commit(f, app));
    value_map_set_str(a, v, "operation", str_from(operation_of(app)));
    value_map_set_str(a, v, "reason", state_app_reason(app, a));
    value_map_set_str(a, v, "agent", app->agent);
    value_map_set_int(a, v, "epoch", app->epoch);
    value_map_set_int(a, v, "attempt", app->attempt);
    value_map_set_int(a, v, "objects_count", app->object_count);
    value_map_set_int(a, v, "took_ms", app->took_ms);
    int64_t age_ms = clock_wall_ms() - app->since_ms;
    value_map_set_int(a, v, "age_ms", age_ms > 0 ? age_ms : 0);
    return v;
}

static struct value *list_document(struct arena *a, struct value *items)
{
    struct value *document = value_map(a);

    value_map_set(a, document, STR("items"), items);
    return document;
}

static int app_items(struct fleet *f, struct value **out, struct err *err)
{
    struct value *items = value_list(f->scratch);
    struct str cursor = STR_NONE;
    struct state_app app;
    int r;

    while ((r = state_app_next(f->kv, &cursor, f->scratch, &app, err)) == KV_FOUND)
        value_list_add(f->scratch, items, app_value(f, &app));
    *out = items;
    return r < 0 ? r : 0;
}

int document_apps(struct fleet *f, struct value **out, struct err *err)
{
    struct value *items;

    int r = app_items(f, &items, err);
    if (r == 0)
        *out = list_document(f->scratch, items);
    return r;
}

/* ---- one application ---- */

static int add_objects(struct fleet *f, struct str name, struct value *v, struct err *err)
{
    struct arena *a = f->scratch;
    struct value *objects = value_list(a);
    struct value *ledger;

    int r = state_ledger_get(f->kv, name, a, &ledger, err);
    if (r < 0)
        return r;
    for (size_t i = 0; r == KV_FOUND && i < ledger->list.count; i++) {
        struct value *o = value_map(a);

        value_map_set_str(a, o, "id", value_get_str(ledger->list.item[i], "id"));
        value_map_set_str(a, o, "hash", value_get_str(ledger->list.item[i], "digest"));
        value_list_add(a, objects, o);
    }
    value_map_set(a, v, STR("objects"), objects);
    return 0;
}

static void add_errors(struct fleet *f, const struct state_app *app, struct value *v)
{
    struct arena *a = f->scratch;
    struct value *errors = value_list(a);
    bool is_error = str_eq(app->status, STR("error"));

    if (is_error || app->message.len > 0) {
        struct value *e = value_map(a);

        value_map_set_str(a, e, "text", is_error ? app->reason : app->message);
        value_map_set_str(a, e, "file", app->file);
        value_map_set_int(a, e, "line", app->line);
        value_map_set_int(a, e, "column", app->column);
        value_list_add(a, errors, e);
    }
    value_map_set(a, v, STR("errors"), errors);
}

static struct value *event_value(struct arena *a, const struct state_event *event)
{
    struct value *v = value_map(a);
    char time[TIME_RFC3339_MAX];

    value_map_set_int(a, v, "index", event->index);
    value_map_set_str(a, v, "time", arena_dup(a, str_from(time_rfc3339(event->time_ms, time))));
    value_map_set_str(a, v, "author", event->author);
    value_map_set_str(a, v, "type", event->type);
    value_map_set_str(a, v, "object", event->object);
    value_map_set_str(a, v, "text", event->text);
    return v;
}

static int add_history(struct fleet *f, struct str name, struct value *v, struct err *err)
{
    struct value *events = value_list(f->scratch);
    struct str cursor = STR_NONE;
    struct state_event event;
    int r;

    while ((r = state_event_next(f->kv, &cursor, f->scratch, &event, err)) == KV_FOUND) {
        if (str_eq(event.object, name))
            value_list_add(f->scratch, events, event_value(f->scratch, &event));
    }
    value_map_set(f->scratch, v, STR("events"), events);
    return r < 0 ? r : 0;
}

int document_app(struct fleet *f, struct str name, struct value **out, struct err *err)
{
    struct state_app app;

    int r = state_app_get(f->kv, name, f->scratch, &app, err);
    if (r < 0)
        return r;
    if (r != KV_FOUND)
        return err_set(err, HL_EABSENT, "no application \"" STR_FMT "\"", STR_ARG(name));
    struct value *v = app_value(f, &app);
    add_errors(f, &app, v);
    r = add_objects(f, name, v, err);
    if (r == 0)
        r = add_history(f, name, v, err);
    *out = v;
    return r;
}

/* ---- agents ---- */

static struct value *roles_value(struct arena *a, struct str roles)
{
    struct value *list = value_list(a);

    while (roles.len > 0)
        value_list_add(a, list, value_string(a, str_cut(&roles, ',')));
    return list;
}

static struct value *agent_value(struct fleet *f, const struct state_agent *agent)
{
    struct arena *a = f->scratch;
    const struct heard *h = map_get(f->heard, agent->node);
    struct value *v = value_map(a);
    const char *state = "Lost";

    if (str_eq(agent->status, STR("revoked")))
        state = "Revoked";
    else if (str_eq(agent->state, STR("alive")))
        state = "Ready";
    value_map_set_str(a, v, "name", agent->node);
    value_map_set_str(a, v, "state", str_from(state));
    value_map_set(a, v, STR("roles"), roles_value(a, agent->roles));
    /* Since it was heard, here; who was never heard is as old as its record. */
    int64_t age_ms = h ? fleet_now() - h->at_ms : clock_wall_ms() - agent->since_ms;
    value_map_set_int(a, v, "age_ms", age_ms > 0 ? age_ms : 0);
    value_map_set_int(a, v, "leases", h ? (int64_t)h->lease_count : 0);
    value_map_set_str(a, v, "version", h ? h->version : STR_NONE);
    value_map_set_int(a, v, "rss_bytes", h ? (int64_t)h->rss_bytes : 0);
    value_map_set_str(a, v, "address", h ? str_from(h->address) : STR_NONE);
    value_map_set_str(a, v, "reason", agent->reason);
    return v;
}

static int agent_items(struct fleet *f, struct value **out, struct err *err)
{
    struct value *items = value_list(f->scratch);
    struct str cursor = STR_NONE;
    struct state_agent agent;
    int r;

    while ((r = state_agent_next(f->kv, &cursor, f->scratch, &agent, err)) == KV_FOUND)
        value_list_add(f->scratch, items, agent_value(f, &agent));
    *out = items;
    return r < 0 ? r : 0;
}

int document_agents(struct fleet *f, struct value **out, struct err *err)
{
    struct value *items;

    int r = agent_items(f, &items, err);
    if (r == 0)
        *out = list_document(f->scratch, items);
    return r;
}

/* ---- coordinators ---- */

struct member_facts {
    const char *state;
    uint64_t match;
    int64_t age_ms;
    bool is_self;
};

static struct member_facts facts_of(const struct fleet *f, const struct roster_member *m)
{
    const struct raft_status *s = &f->status;
    struct member_facts facts = {.state = "unreachable", .age_ms = -1};

    if (m->id == s->id) {
        facts.is_self = true;
        facts.match = s->last_index;
        facts.age_ms = 0;
        facts.state = f->is_leader || s->role == RAFT_LEADER ? "leader"
                      : s->role == RAFT_FOLLOWER             ? "follower"
                                                             : "candidate";
        return facts;
    }
    /* A follower hears its leader only. */
    if (s->role != RAFT_LEADER) {
        facts.state = m->id == s->leader ? "leader" : "follower";
        facts.age_ms = fleet_now() - f->status_ms;
        return facts;
    }
    for (size_t i = 0; i < s->peer_count; i++) {
        if (s->peer[i].id != m->id)
            continue;
        facts.match = s->peer[i].match_index;
        facts.age_ms = s->peer[i].last_heard_ms < 0 ? -1 : fleet_now() - s->peer[i].last_heard_ms;
        /* A status is up to half a second old itself. */
        if (facts.age_ms >= 0 && facts.age_ms < 2 * f->c->config->election_ms)
            facts.state = "follower";
    }
    return facts;
}

/* Of the consensus: a coordinator of the roster may not take part in it, yet or any more. */
static const char *role_of(const struct raft_members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            return members->member[i].is_voter ? "voter" : "learner";
    }
    return "none";
}

static struct value *member_items(struct fleet *f)
{
    struct arena *a = f->scratch;
    struct value *items = value_list(a);

    for (size_t i = 0; i < f->c->roster->member_count; i++) {
        const struct roster_member *m = &f->c->roster->member[i];
        struct member_facts facts = facts_of(f, m);
        struct value *v = value_map(a);

        value_map_set_int(a, v, "id", (int64_t)m->id);
        value_map_set_str(a, v, "name", m->name);
        value_map_set_str(a, v, "address", m->endpoint[DOOR_PEER]);
        value_map_set_str(a, v, "state", str_from(facts.state));
        value_map_set_str(a, v, "role", str_from(role_of(&f->status.members, m->id)));
        value_map_set_int(a, v, "term", (int64_t)f->status.term);
        value_map_set_int(a, v, "last_index", (int64_t)facts.match);
        value_map_set_int(a, v, "match_index", (int64_t)facts.match);
        if (facts.is_self)
            value_map_set_int(a, v, "applied_index", (int64_t)f->applied);
        if (f->status.role == RAFT_LEADER)
            value_map_set_int(a, v, "lag", (int64_t)(f->status.last_index - facts.match));
        if (facts.age_ms >= 0)
            value_map_set_int(a, v, "age_ms", facts.age_ms);
        value_list_add(a, items, v);
    }
    return items;
}

int document_members(struct fleet *f, struct value **out, struct err *err)
{
    (void)err;
    *out = list_document(f->scratch, member_items(f));
    return 0;
}

/* ---- events and tokens ---- */

int document_events(struct fleet *f, int64_t after, int64_t limit, struct value **out,
                    struct err *err)
{
    struct value *items = value_list(f->scratch);
    struct state_event event;
    struct str cursor;
    int r;

    if (limit < 1 || limit > 1000)
        limit = 100;
    if (after == 0) {
        /* The last ones: where they begin is known from the newest index. */
        struct str last = STR_NONE;
        int64_t newest = 0;

        while ((r = state_event_next(f->kv, &last, f->scratch, &event, err)) == KV_FOUND)
            newest = event.index;
        if (r < 0)
            return r;
        after = newest > limit ? newest - limit : 0;
    }
    cursor = state_event_cursor(f->scratch, after);
    while ((r = state_event_next(f->kv, &cursor, f->scratch, &event, err)) == KV_FOUND &&
           limit-- > 0)
        value_list_add(f->scratch, items, event_value(f->scratch, &event));
    *out = list_document(f->scratch, items);
    return r < 0 ? r : 0;
}

int document_tokens(struct fleet *f, struct value **out, struct err *err)
{
    struct arena *a = f->scratch;
    struct value *items = value_list(a);
    struct str cursor = STR_NONE;
    struct state_token token;
    int r;

    while ((r = state_token_next(f->kv, &cursor, a, &token, err)) == KV_FOUND) {
        struct value *v = value_map(a);

        value_map_set_str(a, v, "id", token.id);
        value_map_set(a, v, STR("roles"), roles_value(a, token.roles));
        value_map_set_str(a, v, "node", token.node);
        value_map_set_int(a, v, "uses", token.uses);
        value_map_set_int(a, v, "expires_in_ms", token.expires_ms - clock_wall_ms());
        value_map_set_str(a, v, "author", token.author);
        value_list_add(a, items, v);
    }
    *out = list_document(a, items);
    return r < 0 ? r : 0;
}

/* ---- status ---- */

static int add_rejected(struct fleet *f, struct value *git, struct err *err)
{
    struct arena *a = f->scratch;
    struct state_rejected rejected;
    struct value *errors;

    int r = state_rejected_get(f->kv, a, &rejected, err);
    if (r != KV_FOUND)
        return r < 0 ? r : 0;
    r = json_read(a, rejected.errors, STR("errors"), &errors, err);
    if (r < 0)
        return r;
    struct value *v = value_map(a);
    value_map_set_str(a, v, "commit", rejected.commit);
    value_map_set_str(a, v, "subject", rejected.subject);
    value_map_set(a, v, STR("errors"), errors);
    value_map_set(a, git, STR("rejected"), v);
    return 0;
}

static int git_value(struct fleet *f, struct value **out, struct err *err)
{
    struct arena *a = f->scratch;
    struct value *git = value_map(a);
    struct state_head head;

    int r = state_head_get(f->kv, a, &head, err);
    if (r < 0)
        return r;
    value_map_set_str(a, git, "url", f->c->config->git.url);
    value_map_set_str(a, git, "ref", f->c->config->git.ref);
    value_map_set_str(a, git, "commit", head.commit);
    value_map_set_str(a, git, "subject", head.subject);
    value_map_set_str(a, git, "read", f->source_commit);
    if (f->source_ms >= 0)
        value_map_set_int(a, git, "read_age_ms", fleet_now() - f->source_ms);
    if (f->source_error.len > 0)
        value_map_set_str(a, git, "alarm", f->source_error);
    *out = git;
    return add_rejected(f, git, err);
}

static void add_alarm(struct arena *a, struct value *list, struct str name, struct str text,
                      int64_t since_ms)
{
    struct value *v = value_map(a);
    char time[TIME_RFC3339_MAX];

    if (text.len == 0)
        return;
    value_map_set_str(a, v, "name", name);
    value_map_set_str(a, v, "text", text);
    value_map_set_str(a, v, "since", arena_dup(a, str_from(time_rfc3339(since_ms, time))));
    value_list_add(a, list, v);
}

static int alarm_items(struct fleet *f, struct value **out, struct err *err)
{
    struct value *list = value_list(f->scratch);
    struct str cursor = STR_NONE;
    struct state_alarm alarm;
    int r;

    add_alarm(f->scratch, list, STR("disk"), f->disk_alarm, clock_wall_ms());
    add_alarm(f->scratch, list, STR("stopped"), f->stop_reason, clock_wall_ms());
    while ((r = state_alarm_next(f->kv, &cursor, f->scratch, &alarm, err)) == KV_FOUND)
        add_alarm(f->scratch, list, alarm.name, alarm.text, alarm.since_ms);
    *out = list;
    return r < 0 ? r : 0;
}

static struct value *counts_value(struct arena *a, const struct value *apps,
                                  const struct value *agents)
{
    struct value *v = value_map(a);
    int64_t synced = 0;
    int64_t unsupported = 0;
    int64_t ready = 0;

    for (size_t i = 0; i < apps->list.count; i++) {
        synced += str_eq(value_get_str(apps->list.item[i], "sync"), STR("Synced"));
        unsupported += str_eq(value_get_str(apps->list.item[i], "status"), STR("unsupported"));
    }
    for (size_t i = 0; i < agents->list.count; i++)
        ready += str_eq(value_get_str(agents->list.item[i], "state"), STR("Ready"));
    value_map_set_int(a, v, "apps", (int64_t)apps->list.count);
    value_map_set_int(a, v, "synced", synced);
    value_map_set_int(a, v, "unsupported", unsupported);
    value_map_set_int(a, v, "agents", (int64_t)agents->list.count);
    value_map_set_int(a, v, "agents_ready", ready);
    return v;
}

int document_status(struct fleet *f, struct value **out, struct err *err)
{
    const struct roster_member *leader = roster_find(f->c->roster, f->status.leader);
    struct arena *a = f->scratch;
    struct value *v = value_map(a);
    struct value *agents = NULL;
    struct value *alarms = NULL;
    struct value *apps = NULL;
    struct value *git = NULL;

    int r = git_value(f, &git, err);
    if (r == 0)
        r = app_items(f, &apps, err);
    if (r == 0)
        r = agent_items(f, &agents, err);
    if (r == 0)
        r = alarm_items(f, &alarms, err);
    if (r < 0)
        return r;
    value_map_set_str(a, v, "apiVersion", STR("hlctl/v1"));
    value_map_set_str(a, v, "kind", STR("Status"));
    value_map_set_int(a, v, "revision", (int64_t)f->applied);
    value_map_set_int(a, v, "age_ms", f->is_leader ? 0 : fleet_now() - f->status_ms);
    value_map_set_str(a, v, "mesh", str_from(f->c->roster->mesh));
    value_map_set_str(a, v, "leader", leader ? leader->name : STR_NONE);
    value_map_set_int(a, v, "term", (int64_t)f->status.term);
    value_map_set(a, v, STR("git"), git);
    value_map_set(a, v, STR("coordinators"), member_items(f));
    value_map_set(a, v, STR("agents"), agents);
    value_map_set(a, v, STR("apps"), apps);
    value_map_set(a, v, STR("alarms"), alarms);
    value_map_set(a, v, STR("counts"), counts_value(a, apps, agents));
    *out = v;
    return 0;
}
