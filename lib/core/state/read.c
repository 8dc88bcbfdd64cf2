/* Field tables and typed reading. */
#include "core/state/state_internal.h"

#include "core/value/json.h"

#define S(type, name)                                                                              \
    {                                                                                              \
#name, FIELD_STR, offsetof(struct type, name)                                              \
    }
#define I(type, name)                                                                              \
    {                                                                                              \
#name, FIELD_INT, offsetof(struct type, name)                                              \
    }
#define B(type, name)                                                                              \
    {                                                                                              \
#name, FIELD_BOOL, offsetof(struct type, name)                                             \
    }

static const struct field app_fields[] = {
    S(state_app, name),           S(state_app, addon),         S(state_app, cluster),
    S(state_app, namespace),      S(state_app, project),       S(state_app, kind),
    S(state_app, status),         S(state_app, reason),        S(state_app, input),
    S(state_app, bundle),         I(state_app, bundle_bytes),  S(state_app, charts),
    S(state_app, commit),         S(state_app, file),          I(state_app, line),
    I(state_app, column),         B(state_app, preserve),      B(state_app, deleting),
    S(state_app, phase),          S(state_app, agent),         I(state_app, epoch),
    B(state_app, takeover),       B(state_app, forced),        I(state_app, attempt),
    I(state_app, not_before_ms),  I(state_app, applied_epoch), S(state_app, applied_input),
    S(state_app, applied_commit), S(state_app, health),        S(state_app, message),
    I(state_app, since_ms),       I(state_app, took_ms),       I(state_app, changed),
    I(state_app, pruned),         I(state_app, object_count),
};
static const struct field agent_fields[] = {
    S(state_agent, node),     S(state_agent, key),    S(state_agent, roles),
    S(state_agent, status),   S(state_agent, state),  I(state_agent, enrolled_ms),
    I(state_agent, since_ms), S(state_agent, reason),
};
static const struct field token_fields[] = {
    S(state_token, id),      S(state_token, hash),       S(state_token, roles),
    S(state_token, node),    I(state_token, expires_ms), I(state_token, uses),
    I(state_token, strikes), S(state_token, author),
};
static const struct field event_fields[] = {
    I(state_event, index), I(state_event, time_ms), S(state_event, author),
    S(state_event, type),  S(state_event, object),  S(state_event, text),
};
static const struct field head_fields[] = {
    S(state_head, commit),         S(state_head, subject), S(state_head, author),
    I(state_head, commit_time_ms), I(state_head, put_ms),  I(state_head, app_count),
    S(state_head, failed),
};
static const struct field rejected_fields[] = {
    S(state_rejected, commit),
    S(state_rejected, subject),
    I(state_rejected, time_ms),
    S(state_rejected, errors),
};
static const struct field alarm_fields[] = {
    S(state_alarm, name),
    S(state_alarm, text),
    I(state_alarm, since_ms),
};

#define TYPE(name, fields)                                                                         \
    const struct record_type name##_type = {fields, HL_COUNT(fields), sizeof(struct name)}
TYPE(state_app, app_fields);
TYPE(state_agent, agent_fields);
TYPE(state_token, token_fields);
TYPE(state_event, event_fields);
TYPE(state_head, head_fields);
TYPE(state_rejected, rejected_fields);
TYPE(state_alarm, alarm_fields);

int state_app_get(struct kv *kv, struct str name, struct arena *a, struct state_app *out,
                  struct err *err)
{
    return record_get(kv, &state_app_type, key_of(a, "app/", name), a, out, err);
}

int state_agent_get(struct kv *kv, struct str node, struct arena *a, struct state_agent *out,
                    struct err *err)
{
    return record_get(kv, &state_agent_type, key_of(a, "agent/", node), a, out, err);
}

int state_token_get(struct kv *kv, struct str id, struct arena *a, struct state_token *out,
                    struct err *err)
{
    return record_get(kv, &state_token_type, key_of(a, "token/", id), a, out, err);
}

int state_head_get(struct kv *kv, struct arena *a, struct state_head *out, struct err *err)
{
    return record_get(kv, &state_head_type, STR("meta/desired"), a, out, err);
}

int state_rejected_get(struct kv *kv, struct arena *a, struct state_rejected *out, struct err *err)
{
    return record_get(kv, &state_rejected_type, STR("meta/rejected"), a, out, err);
}

int state_ledger_get(struct kv *kv, struct str name, struct arena *a, struct value **out,
                     struct err *err)
{
    struct str bytes;

    if (name.len > STATE_NAME_MAX)
        return KV_ABSENT;
    int r = kv->get(kv->context, key_of(a, "ledger/", name), &bytes, err);
    if (r != KV_FOUND)
        return r;
    r = json_read(a, arena_dup(a, bytes), STR("ledger"), out, err);
    return r < 0 ? r : KV_FOUND;
}

int state_app_next(struct kv *kv, struct str *cursor, struct arena *a, struct state_app *out,
                   struct err *err)
{
    return record_next(kv, &state_app_type, STR("app/"), cursor, a, out, err);
}

int state_agent_next(struct kv *kv, struct str *cursor, struct arena *a, struct state_agent *out,
                     struct err *err)
{
    return record_next(kv, &state_agent_type, STR("agent/"), cursor, a, out, err);
}

int state_token_next(struct kv *kv, struct str *cursor, struct arena *a, struct state_token *out,
                     struct err *err)
{
    return record_next(kv, &state_token_type, STR("token/"), cursor, a, out, err);
}

int state_alarm_next(struct kv *kv, struct str *cursor, struct arena *a, struct state_alarm *out,
                     struct err *err)
{
    return record_next(kv, &state_alarm_type, STR("alarm/"), cursor, a, out, err);
}

int state_event_next(struct kv *kv, struct str *cursor, struct arena *a, struct state_event *out,
                     struct err *err)
{
    return record_next(kv, &state_event_type, STR("event/"), cursor, a, out, err);
}

struct str state_event_cursor(struct arena *a, int64_t index)
{
    return arena_printf(a, "event/%020lld", (long long)(index > 0 ? index : 0));
}

const char *state_app_sync(const struct state_app *app)
{
    if (!str_eq(app->status, STR("applicable")))
        return "Unknown";
    bool is_applied = app->applied_input.len > 0 && str_eq(app->applied_input, app->input);
    bool is_failing = str_eq(app->phase, STR("failed")) || str_eq(app->phase, STR("waiting"));

    return is_applied && !is_failing && !app->deleting ? "Synced" : "OutOfSync";
}

struct str state_app_reason(const struct state_app *app, struct arena *a)
{
    if (str_eq(app->status, STR("unsupported")))
        return arena_printf(a, "Unsupported: " STR_FMT, STR_ARG(app->reason));
    if (str_eq(app->status, STR("error")))
        return app->reason;
    if (app->message.len > 0)
        return app->message;
    if (app->deleting)
        return STR("leaving: its objects are being pruned");
    if (str_eq(app->phase, STR("pending")))
        return STR("waiting for an agent");
    if (str_eq(app->phase, STR("leased")))
        return arena_printf(a, "being applied by " STR_FMT, STR_ARG(app->agent));
    return STR_NONE;
}

int state_key_is_revoked(struct kv *kv, struct str key, struct err *err)
{
    struct buf b = {0};
    struct str bytes;

    if (key.len > STATE_NAME_MAX)
        return 0;
    buf_add(&b, STR("key/"));
    buf_add(&b, key);
    int r = kv->get(kv->context, buf_str(&b), &bytes, err);
    buf_deinit(&b);
    return r < 0 ? r : r == KV_FOUND;
}

int state_digest(struct kv *kv, struct digest *out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str after = STR_NONE;
    struct sha256 h;
    struct str key;
    struct str value;
    int r;

    sha256_init(&h);
    while ((r = kv->next(kv->context, STR_NONE, after, &key, &value, err)) == KV_FOUND) {
        sha256_add_field(&h, key);
        sha256_add_field(&h, value);
        after = arena_dup(a, key);
    }
    if (r < 0)
        return r;
    *out = sha256_end(&h);
    return 0;
}
