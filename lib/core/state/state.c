/*
 * Dispatch and events; sessions are in session.c, the commands themselves in desired.c, work.c,
 * registry.c and setting.c.
 */
#include "core/state/state_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/value/json.h"

static const struct verb {
    struct str name;
    int (*apply)(struct apply *x);
    bool is_bytes; /* the body is not JSON */
} commands[] = {
    {STR("setting.put"), apply_setting_put, true},
    {STR("setting.delete"), apply_setting_delete, true},
    {STR("desired.put"), apply_desired_put, false},
    {STR("desired.reject"), apply_desired_reject, false},
    {STR("work.assign"), apply_work_assign, false},
    {STR("work.report"), apply_work_report, false},
    {STR("app.sync"), apply_app_sync, false},
    {STR("agent.enroll"), apply_agent_enroll, false},
    {STR("agent.revoke"), apply_agent_revoke, false},
    {STR("agent.state"), apply_agent_state, false},
    {STR("token.create"), apply_token_create, false},
    {STR("token.strike"), apply_token_strike, false},
    {STR("token.revoke"), apply_token_revoke, false},
    {STR("alarm.set"), apply_alarm_set, false},
    {STR("alarm.clear"), apply_alarm_clear, false},
};

struct counters {
    int64_t event_next;
    int64_t event_first;
    int64_t session_count;
    int64_t epoch; /* the last that a lease got */
};

static const struct field counter_fields[] = {
    {"event_next", FIELD_INT, offsetof(struct counters, event_next)},
    {"event_first", FIELD_INT, offsetof(struct counters, event_first)},
    {"session_count", FIELD_INT, offsetof(struct counters, session_count)},
    {"epoch", FIELD_INT, offsetof(struct counters, epoch)},
};
static const struct record_type counters_type = {counter_fields, HL_COUNT(counter_fields),
                                                 sizeof(struct counters)};

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

int count_session(struct apply *x, bool *out_is_full)
{
    struct counters counters;

    int r = record_get(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
    if (r < 0)
        return r;
    *out_is_full = counters.session_count >= STATE_SESSIONS_MAX;
    if (*out_is_full)
        return 0;
    counters.session_count++;
    return record_put(x->kv, &counters_type, STR("meta/counters"), x->arena, &counters, x->err);
}

/* ---- dispatch ---- */

static int run(struct apply *x)
{
    struct value *body;

    if (x->command->body.len > COMMAND_BODY_MAX)
        return refuse(x, HL_ELIMIT, "command body of %zu bytes", x->command->body.len);
    if (x->verb->is_bytes)
        return x->verb->apply(x);
    int r = json_read(x->arena, x->command->body, STR("command"), &body, x->err);
    if (r < 0 || body->kind != VALUE_MAP)
        return refuse(x, HL_EINVAL, "the body of " STR_FMT " is not a JSON object",
                      STR_ARG(x->command->name));
    x->body = body;
    return x->verb->apply(x);
}

int state_apply(struct kv *kv, uint64_t index, const struct command *c, struct arena *a,
                struct state_result *out, struct err *err)
{
    struct err local;
    struct apply x = {.kv = kv,
                      .index = index,
                      .command = c,
                      .arena = a,
                      .result = out,
                      .err = err ? err : &local};

    *out = (struct state_result){.revision = index};
    if (c->author.len > STATE_NAME_MAX || !str_is_utf8(c->author))
        return refuse(&x, HL_EINVAL, "the author is no name");
    for (size_t i = 0; i < HL_COUNT(commands); i++) {
        x.verb = &commands[i];
        if (str_eq(c->name, x.verb->name))
            return c->client_id.len > 0 ? run_in_session(&x, run) : run(&x);
    }
    return err_set(err, HL_EUNSUPPORTED,
                   "the log holds the command \"" STR_FMT
                   "\" of a later version: upgrade this coordinator before it can go on",
                   STR_ARG(c->name));
}
