/*
 * desired.put and desired.reject. A put is a difference against the commit it names as base, in
 * parts if it is large: parts wait under stage/ and take effect together with the last.
 */
#include "core/state/state_internal.h"

#include "core/value/json.h"

static bool is_applicable(const struct state_app *app)
{
    return str_eq(app->status, STR("applicable"));
}

static void make_pending(struct state_app *app, int64_t wall_ms)
{
    /* Who holds the lease now may be in the middle of writing the old input. */
    if (str_eq(app->phase, STR("leased")))
        app->takeover = true;
    app->phase = STR("pending");
    app->attempt = 0;
    app->not_before_ms = 0;
    app->since_ms = wall_ms;
}

/* What the work and the reports have left in the record stays; the rest is the new one's. */
static void keep_work(struct state_app *app, const struct state_app *old)
{
    app->phase = old->phase;
    app->agent = old->agent;
    app->epoch = old->epoch;
    app->takeover = old->takeover;
    app->forced = old->forced;
    app->attempt = old->attempt;
    app->not_before_ms = old->not_before_ms;
    app->applied_input = old->applied_input;
    app->applied_commit = old->applied_commit;
    app->health = old->health;
    app->message = old->message;
    app->since_ms = old->since_ms;
    app->took_ms = old->took_ms;
    app->changed = old->changed;
    app->pruned = old->pruned;
    app->object_count = old->object_count;
}

/* An app in error keeps what it runs: the last good input stays in force. */
static void keep_input(struct state_app *app, const struct state_app *old)
{
    app->input = old->input;
    app->bundle = old->bundle;
    app->bundle_bytes = old->bundle_bytes;
    app->commit = old->commit;
}

static int upsert(struct apply *x, const struct value *v)
{
    struct state_app app;
    struct state_app old;

    record_from_value(&state_app_type, v, &app);
    if (app.name.len == 0 || app.name.len > KV_KEY_MAX - 16 || app.status.len == 0)
        return refuse(x, HL_EINVAL, "an application without name or status");
    int found = state_app_get(x->kv, app.name, x->arena, &old, x->err);
    if (found < 0)
        return found;
    app.deleting = false;
    app.phase = STR("idle");
    app.since_ms = x->command->wall_ms;
    if (found == KV_FOUND) {
        bool is_same =
            str_eq(app.input, old.input) && !old.deleting && str_eq(app.status, old.status);

        keep_work(&app, &old);
        if (str_eq(app.status, STR("error"))) {
            keep_input(&app, &old);
            app.deleting = old.deleting;
        } else if (is_same) {
            app.commit = old.commit.len ? old.commit : app.commit;
        } else if (is_applicable(&app)) {
            app.message = STR_NONE;
            /* Back to what is applied already, e.g. by a revert of an error: nothing to do. */
            if (str_eq(app.input, old.applied_input) && !old.deleting &&
                !str_eq(old.phase, STR("leased")))
                app.phase = STR("idle");
            else
                make_pending(&app, x->command->wall_ms);
        } else {
            app.takeover = app.takeover || str_eq(old.phase, STR("leased"));
            app.phase = STR("idle");
        }
    } else if (is_applicable(&app)) {
        make_pending(&app, x->command->wall_ms);
    }
    return put_app(x, &app);
}

/* An input like any other, and of no bundle. */
static struct str deletion_input(struct arena *a, const struct state_app *app)
{
    char hex[DIGEST_HEX + 1];
    struct digest d = sha256_of(arena_printf(a, "delete " STR_FMT " after %lld", STR_ARG(app->name),
                                             (long long)app->epoch));

    return arena_dup(a, str_from(digest_hex(&d, hex)));
}

static int delete_app(struct apply *x, struct str name)
{
    struct state_app app;

    int found = state_app_get(x->kv, name, x->arena, &app, x->err);
    if (found != KV_FOUND || app.deleting)
        return found < 0 ? found : 0;
    bool may_have_objects = app.object_count > 0 || str_eq(app.phase, STR("leased"));
    if (!may_have_objects || app.preserve) {
        int r = drop_app(x, name);
        return r < 0 ? r
                     : add_event(x, "app.removed", name,
                                 "left the plan; %lld objects are left "
                                 "where they are",
                                 (long long)app.object_count);
    }
    app.deleting = true;
    app.status = STR("applicable");
    app.reason = STR_NONE;
    app.input = deletion_input(x->arena, &app);
    app.bundle = STR_NONE;
    app.bundle_bytes = 0;
    make_pending(&app, x->command->wall_ms);
    return put_app(x, &app);
}

static int apply_part(struct apply *x, const struct value *part)
{
    const struct value *upserts = value_get(part, STR("upserts"));
    const struct value *deletes = value_get(part, STR("deletes"));
    int r = 0;

    for (size_t i = 0; upserts && upserts->kind == VALUE_LIST && r == 0 && i < upserts->list.count;
         i++)
        r = upsert(x, upserts->list.item[i]);
    for (size_t i = 0; deletes && deletes->kind == VALUE_LIST && r == 0 && i < deletes->list.count;
         i++)
        r = delete_app(x, value_str(deletes->list.item[i]));
    return r;
}

/* Parts before the last: kept, not looked at. */
static int stage_part(struct apply *x, int64_t part)
{
    int r = x->kv->put(x->kv->context, arena_printf(x->arena, "stage/%06d", (int)part),
                       x->command->body, x->err);
    return r < 0 ? r : 0;
}

static int apply_staged(struct apply *x, struct str commit, int64_t last, bool *out_is_complete)
{
    *out_is_complete = false;
    for (int64_t i = 0; i < last; i++) {
        struct str key = arena_printf(x->arena, "stage/%06d", (int)i);
        struct value *part;
        struct str bytes;

        int r = x->kv->get(x->kv->context, key, &bytes, x->err);
        if (r != KV_FOUND)
            return r < 0 ? r : 0;
        r = json_read(x->arena, arena_dup(x->arena, bytes), STR("stage"), &part, x->err);
        if (r < 0 || !str_eq(value_get_str(part, "commit"), commit))
            return 0;
    }
    *out_is_complete = true;
    for (int64_t i = 0; i < last; i++) {
        struct str key = arena_printf(x->arena, "stage/%06d", (int)i);
        struct value *part;
        struct str bytes;

        int r = x->kv->get(x->kv->context, key, &bytes, x->err);
        if (r == KV_FOUND)
            r = json_read(x->arena, arena_dup(x->arena, bytes), STR("stage"), &part, x->err);
        if (r == 0)
            r = apply_part(x, part);
        if (r >= 0)
            r = x->kv->del(x->kv->context, key, x->err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_head(struct apply *x)
{
    struct state_head head = {
        .commit = value_get_str(x->body, "commit"),
        .subject = value_get_str(x->body, "subject"),
        .author = value_get_str(x->body, "author"),
        .commit_time_ms = value_get_int(x->body, "time_ms", 0),
        .put_ms = x->command->wall_ms,
        .app_count = value_get_int(x->body, "app_count", 0),
        .failed = value_get_str(x->body, "failed"),
    };

    int r = record_put(x->kv, &state_head_type, STR("meta/desired"), x->arena, &head, x->err);
    if (r >= 0)
        r = x->kv->del(x->kv->context, STR("meta/rejected"), x->err);
    if (r < 0)
        return r;
    note_change(x, STATE_DESIRED_CHANGED, head.commit);
    return add_event(x, "desired.put", head.commit, STR_FMT, STR_ARG(head.subject));
}

int apply_desired_put(struct apply *x)
{
    struct str commit = value_get_str(x->body, "commit");
    int64_t part = value_get_int(x->body, "part", 0);
    int64_t parts = value_get_int(x->body, "parts", 1);
    struct state_head head;
    bool is_complete;

    if (commit.len == 0 || part < 0 || parts < 1 || part >= parts || parts > 10000)
        return refuse(x, HL_EINVAL, "desired.put without commit or with a wrong part");
    int r = state_head_get(x->kv, x->arena, &head, x->err);
    if (r < 0)
        return r;
    if (!str_eq(head.commit, value_get_str(x->body, "base")))
        return refuse(x, HL_ECONFLICT, "made against another base than what is in force");
    if (part + 1 < parts)
        return stage_part(x, part);
    r = apply_staged(x, commit, part, &is_complete);
    if (r < 0)
        return r;
    if (!is_complete)
        return refuse(x, HL_ECONFLICT, "the parts before the last are not those of this commit");
    r = apply_part(x, x->body);
    return r < 0 ? r : put_head(x);
}

int apply_desired_reject(struct apply *x)
{
    const struct value *errors = value_get(x->body, STR("errors"));
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct state_rejected before;

    int r = state_rejected_get(x->kv, x->arena, &before, x->err);
    if (r < 0)
        return r;
    if (!errors || errors->kind != VALUE_LIST || errors->list.count == 0)
        return refuse(x, HL_EINVAL, "a rejected commit needs its errors");
    value_canonical(&text, errors);
    struct state_rejected rejected = {
        .commit = value_get_str(x->body, "commit"),
        .subject = value_get_str(x->body, "subject"),
        .time_ms = x->command->wall_ms,
        .errors = arena_dup(x->arena, buf_str(&text)),
    };
    if (str_eq(before.commit, rejected.commit) && str_eq(before.errors, rejected.errors))
        return 0;
    r = record_put(x->kv, &state_rejected_type, STR("meta/rejected"), x->arena, &rejected, x->err);
    if (r < 0)
        return r;
    note_change(x, STATE_DESIRED_CHANGED, rejected.commit);
    const struct value *first = errors->list.item[0];
    return add_event(
        x, "desired.rejected", rejected.commit, STR_FMT ":%lld:%lld: " STR_FMT,
        STR_ARG(value_get_str(first, "file")), (long long)value_get_int(first, "line", 0),
        (long long)value_get_int(first, "column", 0), STR_ARG(value_get_str(first, "text")));
}
