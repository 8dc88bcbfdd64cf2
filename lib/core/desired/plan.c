/* Judging a plan, and showing it. */
#include "core/desired/desired.h"

const char *desired_kind_name(enum desired_kind kind)
{
    return kind == DESIRED_MANIFEST ? "manifest" : "helm";
}

const char *desired_status_name(enum desired_status status)
{
    switch (status) {
    case DESIRED_APPLICABLE:
        return "applicable";
    case DESIRED_UNSUPPORTED:
        return "unsupported";
    case DESIRED_ERROR:
        return "error";
    }
    return "error";
}

static bool was_failing(const struct desired_before *before, struct str app)
{
    for (size_t i = 0; i < before->failed_app_count; i++)
        if (str_eq(before->failed_app[i], app))
            return true;
    return false;
}

bool desired_is_decisive(const struct desired_before *before, const struct desired_issue *error)
{
    return error->app.len == 0 || (before && !was_failing(before, error->app));
}

enum desired_verdict desired_accepts(const struct desired_before *before,
                                     const struct desired_plan *plan,
                                     const struct desired_issue **out_why)
{
    *out_why = NULL;
    for (size_t i = 0; i < plan->error_count; i++) {
        if (!desired_is_decisive(before, &plan->error[i]))
            continue;
        *out_why = &plan->error[i];
        return DESIRED_REJECTED;
    }
    return DESIRED_ACCEPTED;
}

static void set_unless_empty(struct arena *a, struct value *v, const char *key, struct str text)
{
    if (text.len > 0)
        value_map_set_str(a, v, key, text);
}

static void set_digest(struct arena *a, struct value *v, const char *key, const struct digest *d)
{
    char hex[DIGEST_HEX + 1];
    if (!digest_is_zero(d))
        value_map_set_str(a, v, key, arena_dup(a, str_from(digest_hex(d, hex))));
}

static struct str place_text(struct arena *a, struct str file, uint32_t line, uint32_t column)
{
    if (line == 0)
        return file;
    return arena_printf(a, STR_FMT ":%u:%u", STR_ARG(file), line, column);
}

static struct value *charts_value(struct arena *a, const struct desired_app *app)
{
    struct value *list = value_list(a);

    for (size_t i = 0; i < app->chart_count; i++) {
        const struct chart_pin *pin = &app->chart[i];
        struct value *v = value_map(a);
        value_map_set_str(a, v, "repository", pin->repository);
        value_map_set_str(a, v, "name", pin->name);
        value_map_set_str(a, v, "version", pin->version);
        set_digest(a, v, "digest", &pin->digest);
        value_list_add(a, list, v);
    }
    return list;
}

static struct value *app_value(struct arena *a, const struct desired_app *app)
{
    struct value *v = value_map(a);
    struct value *layers = value_list(a);

    value_map_set_str(a, v, "name", app->name);
    value_map_set_str(a, v, "addon", app->addon);
    value_map_set_str(a, v, "cluster", app->cluster);
    value_map_set_str(a, v, "layering", app->layering);
    set_unless_empty(a, v, "namespace", app->namespace);
    value_map_set_str(a, v, "project", app->project);
    value_map_set_str(a, v, "kind", str_from(desired_kind_name(app->kind)));
    value_map_set_str(a, v, "status", str_from(desired_status_name(app->status)));
    set_unless_empty(a, v, "reason", app->reason);
    value_map_set_str(a, v, "where",
                      place_text(a, app->where.file, app->where.line, app->where.column));
    value_map_set(a, v, STR("sync"), sync_options_value(a, &app->sync));
    if (app->sync_wave != 0)
        value_map_set_int(a, v, "syncWave", app->sync_wave);
    value_map_set(a, v, STR("labels"), value_copy(a, app->labels));
    if (app->annotations->map.count > 0)
        value_map_set(a, v, STR("annotations"), value_copy(a, app->annotations));
    if (app->ignore_differences)
        value_map_set(a, v, STR("ignoreDifferences"), value_copy(a, app->ignore_differences));
    set_unless_empty(a, v, "sourceURL", app->source_url);
    set_unless_empty(a, v, "sourcePath", app->source_path);
    set_unless_empty(a, v, "sourceChart", app->source_chart);
    set_unless_empty(a, v, "sourceRevision", app->source_revision);
    for (size_t i = 0; i < app->layer_count; i++)
        value_list_add(a, layers, value_string(a, app->layer[i]));
    value_map_set(a, v, STR("layers"), layers);
    if (app->chart_count > 0)
        value_map_set(a, v, STR("charts"), charts_value(a, app));
    set_digest(a, v, "input", &app->input);
    set_digest(a, v, "bundle", &app->bundle_digest);
    if (app->status == DESIRED_APPLICABLE) {
        value_map_set_int(a, v, "files", (int64_t)app->file_count);
        value_map_set_int(a, v, "objects", (int64_t)app->object_count);
    }
    return v;
}

static struct value *issues_value(struct arena *a, const struct desired_issue *issue, size_t count)
{
    struct value *list = value_list(a);
    for (size_t i = 0; i < count; i++) {
        struct value *v = value_map(a);
        set_unless_empty(a, v, "app", issue[i].app);
        if (issue[i].code != 0)
            value_map_set_str(a, v, "code", str_from(err_code_name(issue[i].code)));
        set_unless_empty(a, v, "where",
                         place_text(a, issue[i].file, issue[i].line, issue[i].column));
        value_map_set_str(a, v, "text", issue[i].text);
        value_list_add(a, list, v);
    }
    return list;
}

static struct value *sets_value(struct arena *a, const struct desired_plan *plan)
{
    struct value *list = value_list(a);
    for (size_t i = 0; i < plan->set_count; i++) {
        const struct desired_set *s = &plan->set[i];
        struct value *v = value_map(a);
        value_map_set_str(a, v, "addon", s->addon);
        value_map_set_str(a, v, "layering", s->layering);
        value_map_set_str(a, v, "selector", s->selector);
        value_map_set_int(a, v, "apps", (int64_t)s->app_count);
        value_list_add(a, list, v);
    }
    return list;
}

struct value *desired_plan_value(struct arena *a, const struct desired_plan *plan)
{
    struct value *v = value_map(a);
    struct value *apps = value_list(a);
    struct value *files = value_list(a);

    for (size_t i = 0; i < plan->app_count; i++)
        value_list_add(a, apps, app_value(a, &plan->app[i]));
    for (size_t i = 0; i < plan->file_count; i++)
        value_list_add(a, files, value_string(a, plan->file[i]));
    set_unless_empty(a, v, "commit", plan->commit);
    value_map_set(a, v, STR("apps"), apps);
    value_map_set(a, v, STR("sets"), sets_value(a, plan));
    value_map_set(a, v, STR("errors"), issues_value(a, plan->error, plan->error_count));
    value_map_set(a, v, STR("notes"), issues_value(a, plan->note, plan->note_count));
    value_map_set(a, v, STR("files"), files);
    return v;
}
