/*
 * A compiled commit against what is in force: accepted or rejected as a whole
 * (docs/decisions/0003), then proposed as the difference, in parts that fit a log entry.
 */
#include "coordinator/fleet.h"

#include <string.h>

#include "edge/actor/log.h"

enum { PART_BYTES = 256 << 10, ASK_AGAIN_MS = 3000 };

static struct str hex_of(struct arena *a, const struct digest *d)
{
    char hex[DIGEST_HEX + 1];

    return digest_is_zero(d) ? STR_NONE : arena_dup(a, str_from(digest_hex(d, hex)));
}

static int store(struct fleet *f, const struct digest *digest, struct str bytes, struct err *err)
{
    bool has_it;
    int r = blobs_has(f->c->blobs, digest, &has_it, err);

    return r < 0 || has_it ? r : blobs_put(f->c->blobs, digest, bytes, err);
}

/* Bundles and archives go into the blob store, archives out of memory, too. */
static int store_content(struct fleet *f, struct plan *plan, struct err *err)
{
    int r = 0;

    for (size_t i = 0; i < plan->archive_count && r == 0; i++)
        r = store(f, &plan->archive[i].digest, plan->archive[i].bytes, err);
    arena_free(plan->archives);
    plan->archives = NULL;
    plan->archive = NULL;
    plan->archive_count = 0;
    for (size_t i = 0; i < plan->desired.app_count && r == 0; i++) {
        const struct desired_app *app = &plan->desired.app[i];
        if (app->bundle.len > 0)
            r = store(f, &app->bundle_digest, app->bundle, err);
    }
    return r;
}

void plan_take(struct fleet *f, struct msg *m)
{
    struct plan *plan = m->body;
    struct err err;

    if (store_content(f, plan, &err) < 0) {
        log_error("bundles cannot be stored", "error=\"%s\"", err.text);
        fleet_replace(&f->disk_alarm, str_from(err.text));
    }
    msg_free(f->plan);
    f->plan = m;
    f->plan_asked_ms = -1;
    f->is_plan_settled = false;
}

/* ---- the difference ---- */

/* Lines of a charts.lock. */
static struct str chart_lines(struct arena *a, const struct desired_app *app)
{
    HL_CLEANUP(lock_freep) struct lock *lock = lock_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (size_t i = 0; i < app->chart_count; i++) {
        const struct chart_pin *pin = &app->chart[i];
        struct lock_line line = {pin->repository, pin->name, pin->version, pin->digest};
        struct err err;
        if (lock_add(lock, &line, &err) < 0) /* the registry's own lock took it */
            log_error("a chart cannot be locked", "app=" STR_FMT " error=\"%s\"",
                      STR_ARG(app->name), err.text);
    }
    lock_write(lock, &text);
    return arena_dup(a, buf_str(&text));
}

static struct state_app wanted(struct fleet *f, const struct plan *plan,
                               const struct desired_app *app)
{
    struct arena *a = f->scratch;
    struct state_app w = {
        .name = app->name,
        .addon = app->addon,
        .cluster = app->cluster,
        .namespace = app->namespace,
        .project = app->project,
        .kind = str_from(desired_kind_name(app->kind)),
        .status = str_from(desired_status_name(app->status)),
        .reason = app->reason,
        .input = hex_of(a, &app->input),
        .bundle = hex_of(a, &app->bundle_digest),
        .bundle_bytes = (int64_t)app->bundle.len,
        .charts = chart_lines(a, app),
        .commit = plan->desired.commit,
        .preserve = app->sync.preserve_resources_on_deletion,
    };

    for (size_t i = 0; app->status == DESIRED_ERROR && i < plan->desired.error_count; i++) {
        const struct desired_issue *e = &plan->desired.error[i];
        if (str_eq(e->app, app->name)) {
            w.reason = e->text;
            w.file = e->file;
            w.line = e->line;
            w.column = e->column;
            break;
        }
    }
    return w;
}

static bool is_same_app(const struct state_app *now, const struct state_app *w)
{
    bool is_error = str_eq(w->status, STR("error"));

    return !now->deleting && str_eq(now->status, w->status) && str_eq(now->reason, w->reason) &&
           str_eq(now->cluster, w->cluster) && str_eq(now->namespace, w->namespace) &&
           str_eq(now->project, w->project) && str_eq(now->kind, w->kind) &&
           now->preserve == w->preserve && (is_error || str_eq(now->input, w->input));
}

static const struct desired_app *plan_find(const struct plan *plan, struct str name)
{
    size_t low = 0;
    size_t high = plan->desired.app_count; /* sorted by name */

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(plan->desired.app[middle].name, name);

        if (order == 0)
            return &plan->desired.app[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct difference {
    struct value **upsert;
    size_t upsert_count;
    size_t upsert_cap;
    struct value *deletes;
};

static int find_difference(struct fleet *f, const struct plan *plan, struct difference *d,
                           struct err *err)
{
    struct str cursor = STR_NONE;
    struct state_app now;
    int r;

    for (size_t i = 0; i < plan->desired.app_count; i++) {
        struct state_app w = wanted(f, plan, &plan->desired.app[i]);

        r = state_app_get(f->kv, w.name, f->scratch, &now, err);
        if (r < 0)
            return r;
        if (r == KV_FOUND && is_same_app(&now, &w))
            continue;
        struct value *v = record_to_value(&state_app_type, &w, f->scratch);
        ARENA_PUSH(f->scratch, d->upsert, d->upsert_count, d->upsert_cap, v);
    }
    d->deletes = value_list(f->scratch);
    while ((r = state_app_next(f->kv, &cursor, f->scratch, &now, err)) == KV_FOUND) {
        if (!now.deleting && !plan_find(plan, now.name))
            value_list_add(f->scratch, d->deletes, value_string(f->scratch, now.name));
    }
    return r < 0 ? r : 0;
}

static struct str failed_names(struct fleet *f, const struct plan *plan)
{
    HL_CLEANUP(buf_deinit) struct buf names = {0};

    for (size_t i = 0; i < plan->desired.app_count; i++) {
        if (plan->desired.app[i].status != DESIRED_ERROR)
            continue;
        if (names.len > 0)
            buf_add_byte(&names, ',');
        buf_add(&names, plan->desired.app[i].name);
    }
    return arena_dup(f->scratch, buf_str(&names));
}

/* Upserts in parts of about PART_BYTES; the deletes go with the last. */
static void propose_put(struct fleet *f, const struct plan *plan, const struct state_head *head,
                        const struct difference *d)
{
    struct arena *a = f->scratch;
    struct value *parts = value_list(a);
    struct value *list = value_list(a);
    size_t bytes = 0;

    for (size_t i = 0; i < d->upsert_count; i++) {
        HL_CLEANUP(buf_deinit) struct buf text = {0};

        value_canonical(&text, d->upsert[i]);
        if (bytes > 0 && bytes + text.len > PART_BYTES) {
            value_list_add(a, parts, list);
            list = value_list(a);
            bytes = 0;
        }
        bytes += text.len;
        value_list_add(a, list, d->upsert[i]);
    }
    value_list_add(a, parts, list);
    for (size_t i = 0; i < parts->list.count; i++) {
        struct value *body = value_map(a);

        value_map_set_str(a, body, "commit", plan->desired.commit);
        value_map_set_str(a, body, "base", head->commit);
        value_map_set_int(a, body, "part", (int64_t)i);
        value_map_set_int(a, body, "parts", (int64_t)parts->list.count);
        value_map_set(a, body, STR("upserts"), parts->list.item[i]);
        if (i + 1 == parts->list.count) {
            value_map_set(a, body, STR("deletes"), d->deletes);
            value_map_set_str(a, body, "subject", plan->subject);
            value_map_set_str(a, body, "author", plan->author);
            value_map_set_int(a, body, "time_ms", plan->time_ms);
            value_map_set_int(a, body, "app_count", (int64_t)plan->desired.app_count);
            value_map_set_str(a, body, "failed", failed_names(f, plan));
        }
        propose_command(f, "desired.put", STR("git"), STR_NONE, 0, body);
    }
}

/* ---- charts ---- */

struct lock *charts_in_force(struct fleet *f)
{
    struct lock *lock = lock_new();
    struct str cursor = STR_NONE;
    struct state_app app;
    struct err err;

    while (state_app_next(f->kv, &cursor, f->scratch, &app, &err) == KV_FOUND)
        if (lock_parse(lock, app.charts, app.name, &err) < 0)
            log_error("charts in force contradict each other", "error=\"%s\"", err.text);
    return lock;
}

/* Whether a version stands for another archive than the one in force: its repository published it
 * again, and this coordinator did not know what was agreed on when it compiled. */
static bool is_republished(struct fleet *f, const struct plan *plan)
{
    HL_CLEANUP(lock_freep) struct lock *lock = charts_in_force(f);

    for (size_t i = 0; i < plan->desired.app_count; i++) {
        const struct desired_app *app = &plan->desired.app[i];
        for (size_t k = 0; k < app->chart_count; k++) {
            const struct chart_pin *pin = &app->chart[k];
            const struct lock_line *line =
                lock_find(lock, pin->repository, pin->name, pin->version);
            if (line && !digest_eq(&line->digest, &pin->digest))
                return true;
        }
    }
    return false;
}

/* ---- acceptance ---- */

/* What was in error already; NULL before anything is in force. */
static const struct desired_before *failed_before(struct fleet *f, bool has_head,
                                                  const struct state_head *head)
{
    struct desired_before *before = arena_one(f->scratch, struct desired_before);
    struct str *failed = NULL;
    size_t count = 0;
    size_t cap = 0;

    for (struct str rest = head->failed; has_head && rest.len > 0;) {
        struct str name = str_cut(&rest, ',');
        ARENA_PUSH(f->scratch, failed, count, cap, name);
    }
    *before = (struct desired_before){failed, count};
    return has_head ? before : NULL;
}

/* With the errors that decided, not those that everybody knows. */
static void propose_rejection(struct fleet *f, const struct plan *plan,
                              const struct desired_before *before)
{
    enum { ERRORS_SHOWN = 20 };
    struct arena *a = f->scratch;
    struct value *body = value_map(a);
    struct value *errors = value_list(a);

    for (size_t i = 0; i < plan->desired.error_count && errors->list.count < ERRORS_SHOWN; i++) {
        const struct desired_issue *e = &plan->desired.error[i];
        struct value *v = value_map(a);

        if (!desired_is_decisive(before, e))
            continue;
        value_map_set_str(a, v, "app", e->app);
        value_map_set_str(a, v, "text", e->text);
        value_map_set_str(a, v, "file", e->file);
        value_map_set_int(a, v, "line", e->line);
        value_map_set_int(a, v, "column", e->column);
        value_list_add(a, errors, v);
    }
    value_map_set_str(a, body, "commit", plan->desired.commit);
    value_map_set_str(a, body, "subject", plan->subject);
    value_map_set(a, body, STR("errors"), errors);
    propose_command(f, "desired.reject", STR("git"), STR_NONE, 0, body);
}

/* Sets the alarm, or clears it if there is nothing to say; proposes nothing when it is so already.
 */
static void settle_alarm(struct fleet *f, const char *name, struct str text)
{
    struct str key = arena_printf(f->scratch, "alarm/%s", name);
    struct value *body = value_map(f->scratch);
    struct state_alarm now;
    struct err err;
    int r = record_get(f->kv, &state_alarm_type, key, f->scratch, &now, &err);

    if (r < 0 || (r == KV_ABSENT && text.len == 0) || (r == KV_FOUND && str_eq(now.text, text)))
        return;
    value_map_set_str(f->scratch, body, "name", str_from(name));
    if (text.len > 0)
        value_map_set_str(f->scratch, body, "text", text);
    propose_command(f, text.len > 0 ? "alarm.set" : "alarm.clear", STR("git"), STR_NONE, 0, body);
}

static struct str rewound_text(struct fleet *f, const struct plan *plan)
{
    if (!plan->is_rewound)
        return STR_NONE;
    return arena_printf(f->scratch, "history was rewritten: " STR_FMT " does not follow " STR_FMT,
                        STR_ARG(plan->desired.commit), STR_ARG(f->head_commit));
}

static void settle(struct fleet *f, const struct plan *plan, int64_t now_ms)
{
    struct difference d = {0};
    const struct desired_issue *why;
    struct state_rejected rejected;
    struct state_head head;
    struct err err;

    f->plan_asked_ms = now_ms;
    if (is_republished(f, plan)) {
        tell_source(f); /* it compiles again */
        return;
    }
    settle_alarm(f, "chart-republished", plan->republished);
    int found = state_head_get(f->kv, f->scratch, &head, &err);
    if (found < 0 || state_rejected_get(f->kv, f->scratch, &rejected, &err) < 0)
        return;
    const struct desired_before *before = failed_before(f, found == KV_FOUND, &head);
    if (desired_accepts(before, &plan->desired, &why) != DESIRED_ACCEPTED) {
        f->is_plan_settled = str_eq(rejected.commit, plan->desired.commit);
        if (!f->is_plan_settled)
            propose_rejection(f, plan, before);
    } else if (find_difference(f, plan, &d, &err) == 0) {
        f->is_plan_settled = str_eq(head.commit, plan->desired.commit) && d.upsert_count == 0 &&
                             d.deletes->list.count == 0 && rejected.commit.len == 0;
        if (!f->is_plan_settled) {
            settle_alarm(f, "git-rewound", rewound_text(f, plan));
            propose_put(f, plan, &head, &d);
        }
    }
}

void plan_propose(struct fleet *f, int64_t now_ms)
{
    if (!f->plan || f->is_plan_settled || f->applied < f->committed ||
        (f->plan_asked_ms >= 0 && now_ms - f->plan_asked_ms < ASK_AGAIN_MS))
        return;
    settle(f, f->plan->body, now_ms);
}
