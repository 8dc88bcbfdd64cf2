/* Leases and reports: the fence of D5 is the comparison of agent, epoch and input in fence(). */
#include "core/state/state_internal.h"

#include "core/value/json.h"

static bool is_phase(const struct state_app *app, const char *phase)
{
    return str_eq(app->phase, str_from(phase));
}

int apply_work_assign(struct apply *x)
{
    struct str name = value_get_str(x->body, "key");
    struct str node = value_get_str(x->body, "agent");
    struct state_agent agent;
    struct state_app app;

    int r = state_app_get(x->kv, name, x->arena, &app, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : refuse(x, HL_EABSENT, "no such work");
    r = state_agent_get(x->kv, node, x->arena, &agent, x->err);
    if (r < 0)
        return r;
    if (r != KV_FOUND || !str_eq(agent.status, STR("active")))
        return refuse(x, HL_EDENIED, "no such agent");
    /* Its loss may have been applied after this was proposed; nobody would take the lease back. */
    if (!str_eq(agent.state, STR("alive")))
        return refuse(x, HL_ECONFLICT, "the agent is lost");
    if (!str_eq(app.input, value_get_str(x->body, "input")))
        return refuse(x, HL_ECONFLICT, "the input is not the current one");
    bool is_due = is_phase(&app, "pending") ||
                  (is_phase(&app, "waiting") && app.not_before_ms <= x->command->wall_ms);
    if (!is_due)
        return refuse(x, HL_ECONFLICT, "the work is " STR_FMT, STR_ARG(app.phase));
    app.phase = STR("leased");
    app.agent = node;
    app.since_ms = x->command->wall_ms;
    r = take_epoch(x, &app.epoch);
    return r < 0 ? r : put_app(x, &app);
}

/* 5 s, 10 s, 20 s, ... up to 10 min, less up to a quarter that depends on key and attempt only, so
 * that all members agree on it and many failing apps do not come back at once. */
static int64_t backoff_ms(struct str key, int64_t attempt)
{
    static const uint64_t seed[2] = {0x686c6d6573680001u, 0x6261636b6f666600u};
    int64_t delay = STATE_BACKOFF_BASE_MS;
    uint64_t spread[2] = {seed[0], seed[1] ^ (uint64_t)attempt};

    for (int64_t i = 1; i < attempt && delay < STATE_BACKOFF_MAX_MS; i++)
        delay *= 2;
    if (delay > STATE_BACKOFF_MAX_MS)
        delay = STATE_BACKOFF_MAX_MS;
    return delay - (int64_t)(siphash(spread, key) % (uint64_t)(delay / 4));
}

static int put_ledger(struct apply *x, struct str name, const struct value *objects)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    json_write(&bytes, objects, JSON_COMPACT);
    int r = x->kv->put(x->kv->context, key_of(x->arena, "ledger/", name), buf_str(&bytes), x->err);
    return r < 0 ? r : 0;
}

static int report_ok(struct apply *x, struct state_app *app)
{
    const struct value *objects = value_get(x->body, STR("objects"));
    bool is_news = !str_eq(app->applied_input, app->input) || app->message.len > 0 ||
                   value_get_int(x->body, "changed", 0) + value_get_int(x->body, "pruned", 0) > 0;
    int r = 0;

    if (app->deleting) {
        r = drop_app(x, app->name);
        return r < 0 ? r
                     : add_event(x, "app.deleted", app->name, "pruned %lld objects",
                                 (long long)value_get_int(x->body, "pruned", 0));
    }
    if (!objects || objects->kind != VALUE_LIST)
        return refuse(x, HL_EINVAL, "a report without objects");
    app->phase = STR("idle");
    app->applied_input = app->input;
    app->applied_epoch = app->epoch;
    app->applied_commit = value_get_str(x->body, "commit");
    app->health = value_get_str(x->body, "health");
    app->message = STR_NONE;
    app->attempt = 0;
    app->takeover = false;
    app->forced = false;
    app->object_count = (int64_t)objects->list.count;
    r = put_ledger(x, app->name, objects);
    if (r == 0)
        r = put_app(x, app);
    if (r == 0 && is_news)
        r = add_event(x, "app.synced", app->name, "%lld changed, %lld pruned, by " STR_FMT,
                      (long long)app->changed, (long long)app->pruned, STR_ARG(app->agent));
    return r;
}

static int report_failure(struct apply *x, struct state_app *app, struct str outcome)
{
    bool is_permanent = str_eq(outcome, STR("permanent"));
    struct str message = shorten(value_get_str(x->body, "message"));
    bool is_news = !str_eq(message, app->message);

    app->message = message;
    app->file = value_get_str(x->body, "file");
    app->line = value_get_int(x->body, "line", 0);
    app->column = value_get_int(x->body, "column", 0);
    app->attempt++;
    app->phase = is_permanent ? STR("failed") : STR("waiting");
    app->not_before_ms =
        is_permanent ? 0 : x->command->wall_ms + backoff_ms(app->name, app->attempt);
    int r = put_app(x, app);
    if (r == 0 && is_news)
        r = add_event(x, is_permanent ? "app.failed" : "app.retry", app->name, STR_FMT,
                      STR_ARG(message));
    return r;
}

int apply_work_report(struct apply *x)
{
    struct str name = value_get_str(x->body, "key");
    struct str outcome = value_get_str(x->body, "outcome");
    struct state_app app;

    int r = state_app_get(x->kv, name, x->arena, &app, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : refuse(x, HL_EABSENT, "no such work");
    if (!is_phase(&app, "leased") || !str_eq(app.agent, value_get_str(x->body, "agent")) ||
        app.epoch != value_get_int(x->body, "epoch", -1) ||
        !str_eq(app.input, value_get_str(x->body, "input")))
        return refuse(x, HL_ECONFLICT, "stale: the lease is not this agent's any more");
    app.since_ms = x->command->wall_ms;
    app.took_ms = value_get_int(x->body, "took_ms", 0);
    app.changed = value_get_int(x->body, "changed", 0);
    app.pruned = value_get_int(x->body, "pruned", 0);
    if (str_eq(outcome, STR("ok")))
        return report_ok(x, &app);
    if (str_eq(outcome, STR("transient")) || str_eq(outcome, STR("permanent")))
        return report_failure(x, &app, outcome);
    if (!str_eq(outcome, STR("superseded")))
        return refuse(x, HL_EINVAL, "unknown outcome");
    /* The destination has seen a later lease than this one: try again, fencing anew. */
    app.phase = STR("waiting");
    app.takeover = true;
    app.not_before_ms = x->command->wall_ms + 1000;
    return put_app(x, &app);
}

static int sync_one(struct apply *x, struct state_app *app)
{
    if (!str_eq(app->status, STR("applicable")) || is_phase(app, "leased"))
        return 0;
    app->phase = STR("pending");
    app->forced = true;
    app->attempt = 0;
    app->not_before_ms = 0;
    app->since_ms = x->command->wall_ms;
    return put_app(x, app);
}

int apply_app_sync(struct apply *x)
{
    struct str name = value_get_str(x->body, "name");
    struct str cursor = STR_NONE;
    struct state_app app;
    int r;

    if (name.len > 0) {
        r = state_app_get(x->kv, name, x->arena, &app, x->err);
        if (r != KV_FOUND)
            return r < 0 ? r
                         : refuse(x, HL_EABSENT, "no application \"" STR_FMT "\"", STR_ARG(name));
        if (!str_eq(app.status, STR("applicable")))
            return refuse(x, HL_EUNSUPPORTED, STR_FMT, STR_ARG(state_app_reason(&app, x->arena)));
        r = sync_one(x, &app);
        return r < 0 ? r : add_event(x, "app.sync", name, "asked for by hand");
    }
    if (!value_get_bool(x->body, "all", false))
        return refuse(x, HL_EINVAL, "sync needs a name or all");
    while ((r = state_app_next(x->kv, &cursor, x->arena, &app, x->err)) == KV_FOUND) {
        r = sync_one(x, &app);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : add_event(x, "app.sync", STR("*"), "asked for by hand");
}
