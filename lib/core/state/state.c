/*
 * Dispatch, sessions and events; the commands themselves are in desired.c, work.c and registry.c.
 */
#include "core/state/state_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/value/json.h"

int setting_apply(struct apply *x, uint64_t index, bool is_put);
static int setting_put(struct apply *x) { return setting_apply(x, x->result->revision, true); }
static int setting_del(struct apply *x) { return setting_apply(x, x->result->revision, false); }
static const struct {
    struct str name;
    int (*apply)(struct apply *x);
} commands[] = {
    {STR("desired.put"), apply_desired_put},   {STR("desired.reject"), apply_desired_reject},
    {STR("work.assign"), apply_work_assign},   {STR("work.report"), apply_work_report},
    {STR("app.sync"), apply_app_sync},         {STR("agent.enroll"), apply_agent_enroll},
    {STR("agent.revoke"), apply_agent_revoke}, {STR("agent.state"), apply_agent_state},
    {STR("token.create"), apply_token_create}, {STR("token.strike"), apply_token_strike},
    {STR("token.revoke"), apply_token_revoke}, {STR("alarm.set"), apply_alarm_set},
    {STR("alarm.clear"), apply_alarm_clear},
    {STR("setting.put"), setting_put}, {STR("setting.delete"), setting_del},
};

struct counters {
    int64_t event_next;
    int64_t event_first;
    int64_t session_clock;
    int64_t session_count;
    int64_t epoch; /* the last that a lease got */
};

static const struct field counter_fields[] = {
    {"event_next", FIELD_INT, offsetof(struct counters, event_next)},
    {"event_first", FIELD_INT, offsetof(struct counters, event_first)},
    {"session_clock", FIELD_INT, offsetof(struct counters, session_clock)},
    {"session_count", FIELD_INT, offsetof(struct counters, session_count)},
    {"epoch", FIELD_INT, offsetof(struct counters, epoch)},
};
static const struct record_type counters_type = {counter_fields, HL_COUNT(counter_fields),
                                                 sizeof(struct counters)};

struct session {
    int64_t sequence;
    int64_t revision;
    int64_t code;
    struct str text;
    struct str body;
    int64_t used; /* session_clock of the last use: its place in sessionlru/ */
};

static const struct field session_fields[] = {
    {"sequence", FIELD_INT, offsetof(struct session, sequence)},
    {"revision", FIELD_INT, offsetof(struct session, revision)},
    {"code", FIELD_INT, offsetof(struct session, code)},
    {"text", FIELD_STR, offsetof(struct session, text)},
    {"body", FIELD_STR, offsetof(struct session, body)},
    {"used", FIELD_INT, offsetof(struct session, used)},
};
static const struct record_type session_type = {session_fields, HL_COUNT(session_fields),
                                                sizeof(struct session)};

struct str key_of(struct arena *a, const char *prefix, struct str name)
{
    return arena_concat(a, str_from(prefix), name);
}

static struct str number_key(struct arena *a, const char *prefix, int64_t number)
{
    return arena_printf(a, "%s%020lld", prefix, (long long)number);
}

void note_change(struct apply *x, enum state_change_kind kind, struct str name)
{
    struct state_change change = {kind, name};

    ARENA_PUSH(x->arena, x->result->change, x->result->change_count, x->result->change_cap, change);
}

int refuse(struct apply *x, int code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    x->result->code = code;
    x->result->text = arena_vprintf(x->arena, fmt, args);
    va_end(args);
    return 0;
}

struct str shorten(struct str s)
{
    size_t len = s.len;

    if (len <= STATE_TEXT_MAX)
        return s;
    len = STATE_TEXT_MAX;
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_sub(s, 0, len);
}

int take_epoch(struct apply *x, int64_t *out)
{
    struct counters counters;

    int r = record_get(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
    if (r < 0)
        return r;
    *out = ++counters.epoch;
    return record_put(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
}

int add_event(struct apply *x, const char *type, struct str object, const char *fmt, ...)
{
    struct counters counters;
    va_list args;

    int r = record_get(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
    if (r < 0)
        return r;
    va_start(args, fmt);
    struct state_event event = {
        .index = counters.event_next + 1,
        .time_ms = x->command->wall_ms,
        .author = x->command->author,
        .type = str_from(type),
        .object = object,
        .text = shorten(arena_vprintf(x->arena, fmt, args)),
    };
    va_end(args);
    counters.event_next = event.index;
    r = record_put(x->kv, &state_event_type, number_key(x->arena, "event/", event.index), x->arena,
                   &event, x->err);
    if (r >= 0 && counters.event_next - counters.event_first > STATE_EVENTS_MAX) {
        counters.event_first++;
        r = x->kv->del(x->kv->context, number_key(x->arena, "event/", counters.event_first),
                       x->err);
    }
    if (r >= 0)
        r = record_put(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
    note_change(x, STATE_EVENT_ADDED, object);
    return r < 0 ? r : 0;
}

int put_app(struct apply *x, const struct state_app *app)
{
    note_change(x, STATE_APP_CHANGED, app->name);
    return record_put(x->kv, &state_app_type, key_of(x->arena, "app/", app->name), x->arena, app,
                      x->err);
}

int drop_app(struct apply *x, struct str name)
{
    note_change(x, STATE_APP_CHANGED, name);
    int r = x->kv->del(x->kv->context, key_of(x->arena, "ledger/", name), x->err);
    if (r >= 0)
        r = x->kv->del(x->kv->context, key_of(x->arena, "app/", name), x->err);
    return r < 0 ? r : 0;
}

/* ---- sessions: a retried command is applied once ---- */

static int evict_oldest_session(struct apply *x, struct counters *counters)
{
    struct str key;
    struct str client;

    int r = x->kv->next(x->kv->context, STR("sessionlru/"), STR_NONE, &key, &client, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : 0;
    key = arena_dup(x->arena, key);
    client = key_of(x->arena, "session/", client);
    counters->session_count--;
    r = x->kv->del(x->kv->context, key, x->err);
    if (r >= 0)
        r = x->kv->del(x->kv->context, client, x->err);
    return r < 0 ? r : 0;
}

static int save_session(struct apply *x, struct session *s, bool is_new)
{
    struct str client = x->command->client_id;
    struct counters counters;

    int r = record_get(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
    if (r >= 0 && !is_new)
        r = x->kv->del(x->kv->context, number_key(x->arena, "sessionlru/", s->used), x->err);
    if (r >= 0 && is_new && ++counters.session_count > STATE_SESSIONS_MAX)
        r = evict_oldest_session(x, &counters);
    s->used = ++counters.session_clock;
    s->sequence = (int64_t)x->command->sequence;
    s->code = x->result->code;
    s->revision = (int64_t)x->result->revision;
    s->text = x->result->text;
    s->body = x->result->body;
    if (r >= 0)
        r = x->kv->put(x->kv->context, number_key(x->arena, "sessionlru/", s->used), client,
                       x->err);
    if (r >= 0)
        r = record_put(x->kv, &session_type, key_of(x->arena, "session/", client), x->arena, s,
                       x->err);
    if (r >= 0)
        r = record_put(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
    return r < 0 ? r : 0;
}

static int run(struct apply *x, int (*apply)(struct apply *x))
{
    struct value *body;

    if (x->command->body.len > COMMAND_BODY_MAX)
        return refuse(x, HL_ELIMIT, "command body of %zu bytes", x->command->body.len);
    if (str_starts(x->command->name, STR("setting."))) return apply(x);
    int r = json_read(x->arena, x->command->body, STR("command"), &body, x->err);
    if (r < 0 || body->kind != VALUE_MAP)
        return refuse(x, HL_EINVAL, "the body of " STR_FMT " is not a JSON object",
                      STR_ARG(x->command->name));
    x->body = body;
    return apply(x);
}

static int run_once(struct apply *x, int (*apply)(struct apply *x))
{
    struct session s;

    if (x->command->client_id.len > STATE_CLIENT_MAX || x->command->sequence > INT64_MAX)
        return refuse(x, HL_ELIMIT, "client id or sequence out of range");
    int found =
        record_get(x->kv, &session_type, key_of(x->arena, "session/", x->command->client_id),
                   x->arena, &s, x->err);
    if (found < 0)
        return found;
    if (found == KV_FOUND && (int64_t)x->command->sequence <= s.sequence) {
        if ((int64_t)x->command->sequence < s.sequence)
            return refuse(x, HL_EINVAL, "stale: sequence %llu was answered before",
                          (unsigned long long)x->command->sequence);
        x->result->code = (int)s.code;
        x->result->revision = (uint64_t)s.revision;
        x->result->text = s.text;
        x->result->body = s.body;
        return 0;
    }
    int r = run(x, apply);
    return r < 0 ? r : save_session(x, &s, found != KV_FOUND);
}

int state_apply(struct kv *kv, uint64_t index, const struct command *c, struct arena *a, struct state_result *out,
                struct err *err)
{
    struct err local;
    struct apply x = {kv, c, NULL, a, out, err ? err : &local};

    *out = (struct state_result){0};
    out->revision = index;
    if (c->author.len > STATE_NAME_MAX || !str_is_utf8(c->author))
        return refuse(&x, HL_EINVAL, "the author is no name");
    for (size_t i = 0; i < HL_COUNT(commands); i++) {
        if (str_eq(c->name, commands[i].name))
            return c->client_id.len > 0 ? run_once(&x, commands[i].apply)
                                        : run(&x, commands[i].apply);
    }
    return err_set(err, HL_EUNSUPPORTED,
                   "the log holds the command \"" STR_FMT
                   "\" of a later version: upgrade this coordinator before it can go on",
                   STR_ARG(c->name));
}
