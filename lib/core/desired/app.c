/*
 * The steps follow the application-sets chart's template from top to bottom: generator values,
 * name, labels, destination, sync policy, sources. The first step that fails decides the status.
 */
#include "core/desired/app.h"

#include "core/desired/content.h"
#include "core/desired/expand.h"
#include "core/desired/selector.h"

struct built_app {
    size_t index; /* in plan->app */
    const struct addon *addon;
};

static const char WAVE[] = "argocd.argoproj.io/sync-wave";

/* A scalar as the text that was written: defaultVersion 1.10 is not 1.1. */
static struct str scalar_text(struct making *m, const struct value *v, const char *key)
{
    if (!v || v->kind == VALUE_NULL)
        return STR_NONE;
    if (v->kind == VALUE_STRING)
        return v->string;
    struct str text = build_scalar_text(m->b, v);
    if (text.len == 0) {
        HL_CLEANUP(buf_deinit) struct buf bytes = {0};
        value_canonical(&bytes, v);
        text = buf_str(&bytes);
        return arena_dup(m->b->a, text);
    }
    if (v->kind == VALUE_FLOAT)
        build_note(m->b, STR_NONE, value_pos_of(v),
                   "addon " STR_FMT ": %s " STR_FMT " is a number to YAML; read as written, but "
                   "quote it for other tools",
                   STR_ARG(m->addon->name), key, STR_ARG(text));
    return arena_dup(m->b->a, text);
}

static void set_value(struct making *m, const char *key, struct str text)
{
    if (text.len > 0)
        value_map_set_str(m->b->a, m->values, key, text);
}

/* Extra generator values, whose placeholders know the cluster but no other values. */
static int merge_values(struct making *m, const struct value *extra, struct err *err)
{
    struct value *expanded;
    if (!extra || extra->kind != VALUE_MAP)
        return 0;
    int rc = expand_value(m->b->a, extra, m->cluster, NULL, &expanded, err);
    for (size_t i = 0; rc == 0 && i < expanded->map.count; i++) {
        const struct member *member = &expanded->map.member[i];
        (void)value_map_set(m->b->a, m->values, member->key,
                            value_string(m->b->a, scalar_text(m, member->value, "a value")));
    }
    return rc;
}

/* environments[]: further generators for the same cluster, each overrides the ones before. */
static int merge_environments(struct making *m, struct err *err)
{
    const struct value *list = value_get(m->addon->entry, STR("environments"));
    int rc = 0;

    for (size_t i = 0; rc == 0 && list && list->kind == VALUE_LIST && i < list->list.count; i++) {
        const struct value *e = list->list.item[i];
        const struct value *version = value_get(e, STR("chartVersion"));
        struct selector s = {0};
        if (e->kind != VALUE_MAP)
            return value_err(err, HL_EINVAL, e, "an entry of environments must be a map");
        rc = selector_add_labels(&s, m->b->scratch, value_get(e, STR("selector")), err);
        if (rc == 0)
            rc = selector_add_expressions(&s, m->b->scratch, value_get(e, STR("matchExpressions")),
                                          err);
        if (rc < 0 || !selector_matches(&s, m->cluster->labels))
            continue;
        set_value(m, "addonChartVersion",
                  scalar_text(m,
                              version ? version : value_get(m->addon->entry, STR("defaultVersion")),
                              "chartVersion"));
        rc = merge_values(m, value_get(e, STR("values")), err);
    }
    return rc;
}

static int make_values(struct making *m, struct err *err)
{
    const struct value *entry = m->addon->entry;
    struct str chart = value_get_str(entry, "chartName");
    struct str space = value_get_str(entry, "chartNamespace");

    m->values = value_map(m->b->a);
    if (value_get(entry, STR("resourceGroup")))
        return 0;
    if (chart.len == 0)
        chart = m->addon->name;
    set_value(m, "addonChart", chart);
    set_value(m, "addonChartVersion",
              scalar_text(m, value_get(entry, STR("defaultVersion")), "defaultVersion"));
    set_value(m, "addonChartRepository", value_get_str(entry, "chartRepository"));
    set_value(m, "addonChartRepositoryNamespace", space);
    set_value(m, "chart",
              space.len > 0
                  ? arena_printf(m->b->a, STR_FMT "/" STR_FMT, STR_ARG(space), STR_ARG(chart))
                  : chart);
    int rc = merge_values(m, value_get(entry, STR("generatorValues")), err);
    return rc < 0 ? rc : merge_environments(m, err);
}

/* RFC 1123 names as Kubernetes checks them: a label, or labels with dots between. */
static bool is_dns_name(struct str s, size_t max, bool with_dots)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_inner = i > 0 && i + 1 < s.len;
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && !(is_inner && (c == '-' || (with_dots && c == '.'))))
            return false;
    }
    return s.len > 0 && s.len <= max;
}

static int make_name(struct making *m, struct err *err)
{
    struct str name;
    int rc = making_text(m, m->addon->entry, "appSetName", &name, err);

    if (rc == 0 && name.len > 0)
        m->app->name = name;
    if (rc == 0 && !is_dns_name(m->app->name, DESIRED_APP_NAME_MAX, true))
        rc = err_set(err, HL_EINVAL,
                     "\"" STR_FMT "\" cannot be the name of an application: lower "
                     "case letters, digits, \"-\" and \".\", at most %d of them",
                     STR_ARG(m->app->name), DESIRED_APP_NAME_MAX);
    return rc;
}

static int make_destination(struct making *m, struct err *err)
{
    const struct value *v = value_get(m->addon->entry, STR("namespace"));
    struct str namespace;
    int rc = making_text(m, m->addon->entry, "namespace", &namespace, err);

    if (rc == 0 && namespace.len > 0 && !is_dns_name(namespace, 63, false))
        rc = value_err(err, HL_EINVAL, v, "\"" STR_FMT "\" is no name of a namespace",
                       STR_ARG(namespace));
    if (rc == 0)
        m->app->namespace = namespace;
    if (rc == 0)
        rc = making_text(m, m->addon->entry, "project", &m->app->project, err);
    if (rc == 0 && m->app->project.len == 0)
        m->app->project = STR("default");
    return rc;
}

static int make_labels(struct making *m, struct err *err)
{
    struct arena *a = m->b->a;
    struct value *labels = value_map(a);
    struct str version = value_get_str(m->values, "addonChartVersion");
    struct str environment = value_get_str(m->cluster->labels, "environment");
    struct str kubernetes = value_get_str(m->cluster->labels, "kubernetesVersion");

    m->app->labels = labels;
    if (value_get(m->addon->entry, STR("path"))) {
        struct str text = value_get_str(m->addon->layering->merged, "repoURLGitRevision");
        int rc = expand_text(a, text, m->cluster, m->values, &version, err);
        if (rc < 0)
            return rc;
    } else if (version.len == 0) {
        return err_set(err, HL_EABSENT, "no defaultVersion, which the label addonVersion needs");
    }
    if (environment.len == 0)
        return err_set(err, HL_EABSENT,
                       "cluster \"" STR_FMT "\" has no metadata.labels.environment",
                       STR_ARG(m->cluster->name));
    value_map_set_str(a, labels, "addon", STR("true"));
    value_map_set_str(a, labels, "addonName", m->addon->name);
    value_map_set_str(a, labels, "addonVersion", version);
    value_map_set_str(a, labels, "clusterName", m->cluster->name);
    value_map_set_str(a, labels, "environment", environment);
    value_map_set_str(a, labels, "kubernetesVersion",
                      kubernetes.len > 0 ? kubernetes : STR("v1.32.0"));
    return 0;
}

static int make_annotations(struct making *m, struct err *err)
{
    const struct value *given = value_get(m->addon->entry, STR("annotationsApp"));
    struct value *annotations;
    int64_t wave = 0;

    if (!given || given->kind != VALUE_MAP)
        return 0;
    int rc = expand_value(m->b->a, given, m->cluster, m->values, &annotations, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < annotations->map.count; i++)
        if (annotations->map.member[i].value->kind != VALUE_STRING)
            return value_err(err, HL_EINVAL, annotations->map.member[i].value,
                             "an annotation must be a string, here is a %s",
                             value_kind_name(annotations->map.member[i].value->kind));
    const struct value *text = value_get(annotations, str_from(WAVE));
    if (text && (!str_to_i64(text->string, &wave) || wave < INT32_MIN || wave > INT32_MAX))
        return value_err(err, HL_EINVAL, text, "%s must be a whole number", WAVE);
    m->app->annotations = annotations;
    m->app->sync_wave = (int32_t)wave;
    return 0;
}

static int make_sync(struct making *m, struct err *err)
{
    struct arena *a = m->b->a;
    const struct value *merged = m->addon->layering->merged;
    struct value *own = value_get(m->addon->entry, STR("syncPolicy"));
    struct value *own_set = value_get(m->addon->entry, STR("syncPolicyAppSet"));
    struct value *policy = value_merge(a, value_get(merged, STR("syncPolicy")), own);
    const struct value *unknown = NULL;
    struct value *expanded = NULL;
    int rc = 0;

    if (policy)
        rc = expand_value(a, policy, m->cluster, m->values, &expanded, err);
    if (rc == 0)
        rc = sync_options_read(&m->app->sync, expanded,
                               own_set ? own_set : value_get(merged, STR("syncPolicyAppSet")),
                               &unknown, err);
    if (rc == 0 && unknown)
        build_note(m->b, STR_NONE, value_pos_of(unknown),
                   "addon " STR_FMT ": an option of syncPolicy that nothing here knows",
                   STR_ARG(m->addon->name));

    const struct value *ignore = value_get(m->addon->entry, STR("ignoreDifferences"));
    if (rc == 0 && ignore && ignore->kind == VALUE_LIST) {
        struct value *list;
        rc = expand_value(a, ignore, m->cluster, m->values, &list, err);
        if (rc == 0)
            m->app->ignore_differences = list;
    }
    return rc;
}

static int make_type(struct making *m, struct err *err)
{
    const struct value *v = value_get(m->addon->entry, STR("type"));
    struct str type = value_str(v);

    m->app->kind = str_eq(type, STR("manifest")) ? DESIRED_MANIFEST : DESIRED_HELM;
    if (type.len > 0 && m->app->kind == DESIRED_HELM && !str_eq(type, STR("helm")))
        return value_err(err, HL_EINVAL, v,
                         "type must be \"manifest\" or absent (a chart), here is \"" STR_FMT "\"",
                         STR_ARG(type));
    return 0;
}

typedef int (*make_step)(struct making *m, struct err *err);

static int run_steps(struct making *m, const make_step *step, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int rc = step[i](m, err);
        if (rc < 0)
            return build_place(err, m->addon->where);
    }
    return 0;
}

/* What the name hangs on. */
static int make_head(struct making *m, struct err *err)
{
    static const make_step steps[] = {make_type, make_values, make_name};
    return run_steps(m, steps, HL_COUNT(steps), err);
}

/* An entry with mistakes is shown as far as it goes, but its content is not looked at. */
static int make_rest(struct making *m, struct err *err)
{
    static const make_step steps[] = {make_destination, make_labels, make_annotations, make_sync,
                                      content_resolve};
    return run_steps(m, steps, HL_COUNT(steps) - (m->addon->errors.count > 0 ? 1 : 0), err);
}

static void settle_status(struct making *m, int rc, const struct err *err)
{
    struct desired_app *app = m->app;
    char line[ERR_LINE_MAX];

    app->status = DESIRED_APPLICABLE;
    if (m->addon->errors.count > 0) {
        for (size_t i = 0; i < m->addon->errors.count; i++)
            build_error(m->b, app->name, &m->addon->errors.error[i]);
        app->status = DESIRED_ERROR;
        app->reason = build_text(m->b, str_from(err_line(&m->addon->errors.error[0], line)));
    }
    if (rc < 0 && rc != HL_EUNSUPPORTED)
        build_error(m->b, app->name, err);
    if (rc < 0 && app->status == DESIRED_APPLICABLE) {
        app->status = rc == HL_EUNSUPPORTED ? DESIRED_UNSUPPORTED : DESIRED_ERROR;
        /* What an app waits for is a sentence of its own; what is wrong with it has a place. */
        app->reason = build_text(m->b, rc == HL_EUNSUPPORTED ? str_from(err->text)
                                                             : str_from(err_line(err, line)));
    }
    if (app->status != DESIRED_APPLICABLE) {
        app->bundle = STR_NONE;
        app->bundle_digest = app->input = (struct digest){0};
        app->file_count = app->object_count = 0;
    }
}

static void list_layers(struct making *m)
{
    const struct layering *l = m->addon->layering;
    m->app->layer = arena_array(m->b->a, struct str, l->layer_count);
    for (size_t i = 0; i < l->layer_count; i++)
        if (value_get(l->layer[i].tree, m->addon->key))
            m->app->layer[m->app->layer_count++] = l->layer[i].path;
}

/* Whether two layerings say the same of an application: its entry, and the settings behind it. */
static bool says_the_same(const struct addon *one, const struct addon *two)
{
    static const char *const settings[] = {"syncPolicy", "syncPolicyAppSet", "repoURLGitRevision",
                                           "repoURLGitBasePath"};
    bool is_same = value_eq(one->entry, two->entry);

    for (size_t i = 0; is_same && i < HL_COUNT(settings); i++) {
        const struct value *l = value_get(one->layering->merged, str_from(settings[i]));
        const struct value *r = value_get(two->layering->merged, str_from(settings[i]));
        is_same = l && r ? value_eq(l, r) : l == r;
    }
    return is_same;
}

/* Two layerings make the application and neither is its cluster's own of that kind: the first
 * stays, and a difference is an error because nothing says whose word counts. */
static void settle_twins(struct build *b, const struct addon *addon, const struct built_app *first)
{
    struct desired_app *old = &b->plan->app[first->index];
    struct value_pos w = old->where;
    struct err err;

    if (says_the_same(addon, first->addon)) {
        build_note(b, STR_NONE, addon->where,
                   "addon " STR_FMT ": the layering of cluster " STR_FMT
                   " repeats applications that the one of " STR_FMT " makes",
                   STR_ARG(addon->name), STR_ARG(addon->layering->cluster->name),
                   STR_ARG(old->layering));
        return;
    }
    (void)err_at(&err, HL_EINVAL, addon->where.file, addon->where.line, addon->where.column,
                 "application " STR_FMT
                 " is also made, differently, by the layering of cluster " STR_FMT " (" STR_FMT
                 ":%u)",
                 STR_ARG(old->name), STR_ARG(old->layering), STR_ARG(w.file),
                 w.line); /* becomes an error of the plan */
    build_error(b, old->name, &err);
    old->status = DESIRED_ERROR;
    old->reason = build_text(b, str_from(err.text));
    old->bundle = STR_NONE;
    old->bundle_digest = old->input = (struct digest){0};
    old->file_count = old->object_count = 0;
}

static int keep(struct build *b, const struct addon *addon, const struct desired_app *app,
                struct err *err)
{
    struct built_app *built = arena_one(b->scratch, struct built_app);

    if (b->plan->app_count == DESIRED_APPS_MAX)
        return err_set(err, HL_ELIMIT, "more than %d applications", DESIRED_APPS_MAX);
    *built = (struct built_app){b->plan->app_count, addon};
    (void)map_set(b->app, app->name, built); /* was absent */
    ARENA_PUSH(b->a, b->plan->app, b->plan->app_count, b->app_cap, *app);
    return 0;
}

void app_add(struct build *b, const struct addon *addon, const struct cluster_record *cluster)
{
    struct desired_app *app = arena_one(b->a, struct desired_app);
    struct making m = {.b = b, .addon = addon, .cluster = cluster, .app = app};
    struct err err;

    *app = (struct desired_app){
        .name =
            arena_printf(b->a, STR_FMT "-" STR_FMT, STR_ARG(addon->name), STR_ARG(cluster->name)),
        .addon = addon->name,
        .cluster = cluster->name,
        .server = cluster->server,
        .layering = addon->layering->cluster->name,
        .where = addon->where,
        .sync = sync_defaults(),
        .labels = value_map(b->a),
        .annotations = value_map(b->a),
    };
    int rc = make_head(&m, &err);
    const struct built_app *first = map_get(b->app, app->name);
    if (first) {
        settle_twins(b, addon, first);
        return;
    }
    if (rc == 0)
        rc = make_rest(&m, &err);
    settle_status(&m, rc, &err);
    list_layers(&m);
    if (keep(b, addon, app, &err) < 0)
        build_error(b, STR_NONE, &err);
}
