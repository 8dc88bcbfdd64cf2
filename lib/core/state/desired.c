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
    app->applied_epoch = old->applied_epoch;
    app->health = old->health;
    app->message = old->message;
    app->since_ms = old->since_ms;
    app->took_ms = old->took_ms;
    app->changed = old->changed;
    app->pruned = old->pruned;
    app->object_count = old->object_count;
}

/* An app in error keeps what it runs: the last good input stays in force. One that was leaving has
 * none, so what is left of it stays as it is. */
static void put_error(struct state_app *app, const struct state_app *old)
{
    if (old->deleting) {
        app->takeover = app->takeover || str_eq(old->phase, STR("leased"));
        app->phase = STR("idle");
        return;
    }
    app->input = old->input;
    app->bundle = old->bundle;
    app->bundle_bytes = old->bundle_bytes;
    app->charts = old->charts;
    app->commit = old->commit;
}

/* True if nothing was begun since `app->input` was applied. */
static bool is_in_place(const struct state_app *app, const struct state_app *old)
{
    return str_eq(app->input, old->applied_input) && old->epoch == old->applied_epoch &&
           !old->deleting && !old->forced;
}

static void replace(struct state_app *app, const struct state_app *old, int64_t wall_ms)
{
    bool was_working = is_applicable(old) ||
                       (str_eq(old->status, STR("error")) && !str_eq(old->phase, STR("idle")));
    bool is_same = str_eq(app->input, old->input) && !old->deleting;

    keep_work(app, old);
    if (str_eq(app->status, STR("error"))) {
        put_error(app, old);
    } else if (!is_applicable(app)) {
        app->takeover = app->takeover || str_eq(old->phase, STR("leased"));
        app->phase = STR("idle");
    } else if (is_same && was_working) {
        app->commit = old->commit.len ? old->commit : app->commit;
        app->file = old->file;
        app->line = old->line;
        app->column = old->column;
    } else {
        app->message = STR_NONE;
        /* Back to what is applied already, e.g. by a revert: nothing to do. */
        if (is_in_place(app, old))
            app->phase = STR("idle");
        else
            make_pending(app, wall_ms);
    }
}

static int upsert(struct apply *x, const struct value *v)
{
    struct state_app app;
    struct state_app old;
    struct state_app none = {.phase = STR("idle"), .since_ms = x->command->wall_ms};

    record_from_value(&state_app_type, v, &app);
    int found = state_app_get(x->kv, app.name, x->arena, &old, x->err);
    if (found < 0)
        return found;
    app.deleting = false;
    replace(&app, found == KV_FOUND ? &old : &none, x->command->wall_ms);
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
    /* A lease since the last good report may have written something. */
    bool may_have_objects = app.object_count > 0 || app.epoch != app.applied_epoch;
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
    app.charts = STR_NONE;
    make_pending(&app, x->command->wall_ms);
    return put_app(x, &app);
}

static bool is_name(struct str s)
{
    return s.len > 0 && s.len <= STATE_NAME_MAX;
}

static bool is_upsert(const struct value *v)
{
    struct str status = value_get_str(v, "status");

    if (!is_name(value_get_str(v, "name")))
        return false;
    if (str_eq(status, STR("applicable")))
        return value_get_str(v, "input").len > 0;
    return str_eq(status, STR("unsupported")) || str_eq(status, STR("error"));
}

static bool is_list(const struct value *v)
{
    return !v || v->kind == VALUE_LIST;
}

static size_t count_of(const struct value *list)
{
    return list ? list->list.count : 0;
}

/* Everything is looked at before anything is changed: a refusal leaves no trace. */
static bool is_part(const struct value *part)
{
    const struct value *upserts = value_get(part, STR("upserts"));
    const struct value *deletes = value_get(part, STR("deletes"));

    if (!is_list(upserts) || !is_list(deletes))
        return false;
    for (size_t i = 0; i < count_of(upserts); i++) {
        if (!is_upsert(upserts->list.item[i]))
            return false;
    }
    for (size_t i = 0; i < count_of(deletes); i++) {
        if (!is_name(value_str(deletes->list.item[i])))
            return false;
    }
    return true;
}

static int apply_part(struct apply *x, const struct value *part)
{
    const struct value *upserts = value_get(part, STR("upserts"));
    const struct value *deletes = value_get(part, STR("deletes"));
    int r = 0;

    for (size_t i = 0; r == 0 && i < count_of(upserts); i++)
        r = upsert(x, upserts->list.item[i]);
    for (size_t i = 0; r == 0 && i < count_of(deletes); i++)
        r = delete_app(x, value_str(deletes->list.item[i]));
    return r;
}

static struct str stage_key(struct arena *a, int64_t part)
{
    return arena_printf(a, "stage/%06d", (int)part);
}

/* Parts before the last: kept, not looked at. */
static int stage_part(struct apply *x, int64_t part)
{
    int r = x->kv->put(x->kv->context, stage_key(x->arena, part), x->command->body, x->err);

    return r < 0 ? r : 0;
}

static bool is_part_of(const struct value *part, const struct value *last, int64_t number)
{
    return str_eq(value_get_str(part, "commit"), value_get_str(last, "commit")) &&
           str_eq(value_get_str(part, "base"), value_get_str(last, "base")) &&
           value_get_int(part, "parts", 1) == value_get_int(last, "parts", 1) &&
           value_get_int(part, "part", 0) == number;
}

/* The parts of the put whose last one this is: KV_FOUND, or KV_ABSENT if one is another put's. */
static int read_parts(struct apply *x, const struct value **part, int64_t last)
{
    for (int64_t i = 0; i < last; i++) {
        struct value *v;
        struct str bytes;

        int r = x->kv->get(x->kv->context, stage_key(x->arena, i), &bytes, x->err);
        if (r != KV_FOUND)
            return r;
        r = json_read(x->arena, arena_dup(x->arena, bytes), STR("stage"), &v, x->err);
        if (r < 0)
            return err_set(x->err, HL_ECORRUPT, "staged part %lld is not readable", (long long)i);
        if (!is_part_of(v, x->body, i))
            return KV_ABSENT;
        part[i] = v;
    }
    part[last] = x->body;
    return KV_FOUND;
}

/* All of them, also what a put that was never ended has left. */
static int drop_stage(struct apply *x)
{
    struct str key;
    struct str value;
    int r;

    while ((r = x->kv->next(x->kv->context, STR("stage/"), STR_NONE, &key, &value, x->err)) ==
           KV_FOUND) {
        r = x->kv->del(x->kv->context, arena_dup(x->arena, key), x->err);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 0;
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
    int64_t part = value_get_int(x->body, "part", 0);
    int64_t parts = value_get_int(x->body, "parts", 1);
    struct state_head head;

    if (value_get_str(x->body, "commit").len == 0 || part < 0 || part >= parts ||
        parts > STATE_PARTS_MAX)
        return refuse(x, HL_EINVAL, "desired.put without commit or with a wrong part");
    int r = state_head_get(x->kv, x->arena, &head, x->err);
    if (r < 0)
        return r;
    if (!str_eq(head.commit, value_get_str(x->body, "base")))
        return refuse(x, HL_ECONFLICT, "made against another base than what is in force");
    if (part + 1 < parts)
        return stage_part(x, part);
    const struct value **all = arena_array(x->arena, const struct value *, (size_t)parts);
    r = read_parts(x, all, part);
    if (r != KV_FOUND)
        return r < 0 ? r
                     : refuse(x, HL_ECONFLICT,
                              "the parts before the last are not those of this commit");
    for (int64_t i = 0; i < parts; i++) {
        if (!is_part(all[i]))
            return refuse(x, HL_EINVAL, "desired.put with a malformed application");
    }
    for (int64_t i = 0; r == 0 && i < parts; i++)
        r = apply_part(x, all[i]);
    if (r == 0)
        r = drop_stage(x);
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
    if (!errors || errors->kind != VALUE_LIST || errors->list.count == 0 ||
        value_get_str(x->body, "commit").len == 0)
        return refuse(x, HL_EINVAL, "a rejected commit needs its name and its errors");
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
