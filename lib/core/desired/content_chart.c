/*
 * The chart, its values, and what additionalResources puts beside it; after the application-sets
 * chart's templates application-set.yaml and _application_set.tpl.
 */
#include "core/chart/release.h"
#include "core/desired/chart_folder.h"
#include "core/desired/content.h"
#include "core/desired/expand.h"
#include "core/desired/path.h"

/* ---- values ---- */

static struct str file_name_of(const struct value *entry)
{
    struct str name = value_get_str(entry, "valuesFileName");
    return name.len > 0 ? name : STR("values.yaml");
}

/* What the layers' folders lie in. */
static int base_of(struct making *m, struct str *out, struct err *err)
{
    int rc = making_text(m, m->addon->layering->merged, "repoURLGitBasePath", out, err);

    if (out->len == 0)
        *out = m->addon->layering->base;
    return rc;
}

/* One file of values, if it is there; `path` is not clean yet. */
static int add_values_file(struct making *m, struct str path, struct bundle_chart *chart,
                           size_t *cap, struct err *err)
{
    struct arena *a = m->b->scratch;
    struct str text;
    int rc = path_clean(m->b->a, path, &path, err);

    if (rc < 0)
        return rc;
    size_t slash = path.len - path_base(path).len;
    (void)map_set(m->b->used_path, str_sub(path, 0, slash > 0 ? slash - 1 : 0), m->b); /* a set */
    rc = build_read(m->b, path, &text, err);
    if (rc == SOURCE_FOUND)
        ARENA_PUSH(a, chart->values, chart->values_count, *cap, ((struct bundle_file){path, text}));
    return rc < 0 ? rc : 0;
}

/* "<base>/<layer>/<folder>/<file>", and the same under a tenant's prefix. */
static int add_values_layer(struct making *m, const struct value *layer, struct str folder,
                            struct bundle_chart *chart, size_t *cap, struct err *err)
{
    const struct value *merged = m->addon->layering->merged;
    const struct value *uses_prefix = value_get(merged, STR("useValuesFilePrefix"));
    struct arena *a = m->b->scratch;
    struct str base;
    struct str prefix;
    struct str name;

    int rc = expand_text(a, value_str(layer), m->cluster, m->values, &name, err);
    if (rc == 0)
        rc = base_of(m, &base, err);
    if (rc == 0)
        rc = making_text(m, merged, "valuesFilePrefix", &prefix, err);
    if (rc < 0)
        return build_place(err, value_pos_of(layer));
    name = arena_printf(a, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(name), STR_ARG(folder),
                        STR_ARG(file_name_of(m->addon->entry)));
    rc = add_values_file(m, path_join(a, base, name), chart, cap, err);
    if (rc == 0 && uses_prefix && uses_prefix->kind == VALUE_BOOL && uses_prefix->boolean)
        rc = add_values_file(m, path_join(a, base, arena_concat(a, prefix, name)), chart, cap, err);
    return rc < 0 ? build_place(err, value_pos_of(layer)) : 0;
}

static int add_values_object(struct making *m, const struct value *map, struct bundle_chart *chart,
                             size_t *cap, struct err *err)
{
    const struct value *given = value_get(map, STR("valuesObject"));
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *expanded;

    if (!given || given->kind != VALUE_MAP || given->map.count == 0)
        return 0;
    int rc = expand_value(m->b->scratch, given, m->cluster, m->values, &expanded, err);
    if (rc < 0)
        return rc;
    value_canonical(&text, expanded);
    ARENA_PUSH(
        m->b->scratch, chart->values, chart->values_count, *cap,
        ((struct bundle_file){STR("valuesObject"), arena_dup(m->b->scratch, buf_str(&text))}));
    return 0;
}

/* Every layer's file that is there, then the values written in place: `map` has those. */
static int add_values(struct making *m, const struct value *map, struct str folder,
                      struct bundle_chart *chart, struct err *err)
{
    const struct value *layers = value_get(m->addon->layering->merged, STR("valueFiles"));
    size_t cap = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && layers && i < layers->list.count; i++)
        rc = add_values_layer(m, layers->list.item[i], folder, chart, &cap, err);
    return rc == 0 ? add_values_object(m, map, chart, &cap, err) : rc;
}

static int values_folder(struct making *m, struct str *out, struct err *err)
{
    const struct value *by_name =
        value_get(m->addon->layering->merged, STR("useAddonNameForValues"));
    int rc = making_text(m, m->addon->entry, "valuesFolderName", out, err);

    if (rc < 0 || out->len > 0)
        return rc;
    *out = m->addon->name;
    if (by_name && by_name->kind == VALUE_BOOL && by_name->boolean)
        return 0;
    struct str chart = value_get_str(m->addon->entry, "chartName");
    *out = chart.len > 0 ? chart : m->addon->name;
    return 0;
}

/* ---- the chart ---- */

/* Without a scheme it is an OCI registry, as in Argo CD. */
static struct str with_scheme(struct arena *a, struct str repository)
{
    return str_find(repository, STR("://"), 0) == SIZE_MAX
               ? arena_concat(a, STR("oci://"), repository)
               : repository;
}

/* "oci://host/path/name" with chartName "name": the last part is the chart, here and in Argo CD. */
static struct str without_name(struct str repository, struct str name)
{
    while (str_ends(repository, STR("/")))
        repository.len--;
    if (str_starts(repository, STR("oci://")) && repository.len > name.len + 1 &&
        str_ends(repository, name) && repository.ptr[repository.len - name.len - 1] == '/')
        repository.len -= name.len + 1;
    return repository;
}

static int use_archive(struct making *m, struct str repository, struct str name, struct str range,
                       struct bundle_chart *chart, struct err *err)
{
    repository = without_name(with_scheme(m->b->scratch, repository), name);
    chart->archive = arena_one(m->b->scratch, struct chart_pin);
    int rc = build_chart(m->b, repository, name, range, chart->archive, err);

    chart->archive_count = rc == 0 ? 1 : 0;
    return rc;
}

static int use_repository(struct making *m, struct bundle_chart *chart, struct err *err)
{
    struct desired_app *app = m->app;

    app->source_chart = value_get_str(m->values, "chart");
    app->source_url = value_get_str(m->values, "addonChartRepository");
    app->source_revision = value_get_str(m->values, "addonChartVersion");
    if (app->source_url.len == 0)
        return err_set(err, HL_EINVAL, "a chart needs a chartRepository (or type: manifest)");
    int rc = use_archive(m, app->source_url, app->source_chart, app->source_revision, chart, err);
    return rc < 0 ? build_place(err, making_place(m, m->addon->entry, "defaultVersion")) : 0;
}

static int use_folder(struct making *m, struct bundle_chart *chart, struct err *err)
{
    struct chart_folder folder;
    struct str path;
    int rc = content_path(m, m->addon->entry, &path, err);

    if (rc < 0)
        return rc;
    (void)map_set(m->b->used_path, path, m->b); /* a set */
    rc = chart_folder_load(m->b, path, &folder, err);
    if (rc < 0)
        return build_place(err, making_place(m, m->addon->entry, "path"));
    chart->file = folder.file;
    chart->file_count = folder.file_count;
    chart->archive = folder.archive;
    chart->archive_count = folder.archive_count;
    return 0;
}

static bool is_true(const struct value *v)
{
    return v && ((v->kind == VALUE_BOOL && v->boolean) || str_eq(value_str(v), STR("true")));
}

static int add_chart(struct making *m, struct content *out, struct err *err)
{
    const struct value *entry = m->addon->entry;
    struct bundle_chart *chart = &out->chart[out->chart_count++];
    struct str folder;

    int rc = making_text(m, entry, "releaseName", &chart->release, err);
    if (chart->release.len == 0)
        chart->release = value_get_str(m->values, "addonChart");
    if (rc == 0 && (rc = release_name_check(chart->release, err)) < 0)
        return build_place(err, making_place(m, entry, "releaseName"));
    chart->skips_crds = is_true(value_get(entry, STR("helmSkipCrds")));
    if (rc == 0)
        rc = values_folder(m, &folder, err);
    if (rc == 0)
        rc = add_values(m, entry, folder, chart, err);
    if (rc < 0)
        return rc;
    return value_get(entry, STR("path")) ? use_folder(m, chart, err)
                                         : use_repository(m, chart, err);
}

/* ---- beside it ---- */

static int additional_path(struct making *m, const struct value *more, struct str *out,
                           struct err *err)
{
    bool is_per_cluster = str_eq(value_get_str(more, "type"), STR("manifests"));
    struct str base;
    int rc = making_text(m, more, is_per_cluster ? "manifestPath" : "path", out, err);

    if (rc == 0 && is_per_cluster) {
        rc = base_of(m, &base, err);
        if (rc == 0)
            *out = arena_printf(m->b->a, STR_FMT "/clusters/" STR_FMT "/" STR_FMT, STR_ARG(base),
                                STR_ARG(m->cluster->name_normalized), STR_ARG(*out));
    }
    if (rc == 0)
        rc = path_clean(m->b->a, *out, out, err);
    return rc;
}

static int add_folder(struct making *m, const struct value *more, struct content *out,
                      struct err *err)
{
    const struct folder_options options = {0};
    struct str path;
    int rc = additional_path(m, more, &path, err);

    if (rc < 0)
        return build_place(err, value_pos_of(more));
    rc = content_folder(m, path, &options, NULL, value_pos_of(more), out, err);
    return rc < 0 ? err_wrap(err, "additionalResources") : 0;
}

static int add_second_chart(struct making *m, const struct value *more, struct content *out,
                            struct err *err)
{
    const struct value *helm = value_get(more, STR("helm"));
    struct bundle_chart *chart = &out->chart[out->chart_count++];
    struct str suffix = STR_NONE;
    struct str repository;
    struct str version;
    struct str name;

    int rc = making_text(m, more, "chart", &name, err);
    if (rc == 0)
        rc = making_text(m, more, "repoURL", &repository, err);
    if (rc == 0)
        rc = making_text(m, more, "chartVersion", &version, err);
    if (rc == 0 && helm)
        rc = making_text(m, helm, "releaseName", &suffix, err);
    chart->release = helm ? arena_printf(m->b->a, STR_FMT "-" STR_FMT, STR_ARG(m->cluster->name),
                                         STR_ARG(suffix))
                          : m->app->name;
    if (rc == 0)
        rc = release_name_check(chart->release, err);
    if (rc == 0 && helm)
        rc = add_values(m, helm,
                        path_join(m->b->scratch, value_get_str(m->values, "addonChart"),
                                  value_get_str(more, "type")),
                        chart, err);
    if (rc == 0)
        rc = use_archive(m, repository, name, version, chart, err);
    return rc < 0 ? build_place(err, value_pos_of(more)) : 0;
}

int content_charts(struct making *m, struct content *out, struct err *err)
{
    const struct value *more = value_get(m->addon->entry, STR("additionalResources"));
    int rc = 0;

    /* First what lies in this repository: it counts as used, and is judged, whatever the chart. */
    if (value_get(more, STR("path")))
        rc = add_folder(m, more, out, err);
    if (rc == 0)
        rc = add_chart(m, out, err);
    if (rc == 0 && value_get(more, STR("chart")))
        rc = add_second_chart(m, more, out, err);
    return rc;
}
