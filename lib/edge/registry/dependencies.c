/* Chart.lock against Chart.yaml, then one question to the registry a dependency. */
#include "edge/registry/dependencies.h"

#include "core/semver/semver.h"

static int out_of_step(const struct chart *chart, struct err *err)
{
    bool is_v1 = str_eq(chart->metadata.api_version, STR("v1"));
    const char *lock = is_v1 ? "requirements.lock" : "Chart.lock";
    const char *yaml = is_v1 ? "requirements.yaml" : "Chart.yaml";

    return err_set(err, HL_EINVAL,
                   "the lock file (%s) is out of sync with the dependencies file (%s). Please "
                   "update the dependencies",
                   lock, yaml);
}

/* The version that Chart.lock has for the dependency at that place; empty without Chart.lock. */
static int locked_version(const struct chart *chart, size_t at, struct arena *a, struct str *out,
                          struct err *err)
{
    const struct chart_dependency *d = &chart->metadata.dependency[at];
    const struct value *list = value_get(chart->lock, STR("dependencies"));
    const struct semver_range *range;
    struct semver v;

    *out = STR_NONE;
    if (!chart->lock)
        return 0;
    if (!list || list->kind != VALUE_LIST || list->list.count != chart->metadata.dependency_count)
        return out_of_step(chart, err);
    const struct value *entry = list->list.item[at];
    struct str version = value_get_str(entry, "version");
    if (!str_eq(value_get_str(entry, "name"), d->name) ||
        !str_eq(value_get_str(entry, "repository"), d->repository))
        return out_of_step(chart, err);
    int rc = semver_range_parse(a, d->version.len > 0 ? d->version : STR("*"), &range, err);
    if (rc < 0)
        return err_wrap(err, "dependency \"" STR_FMT "\" has an invalid version/constraint format",
                        STR_ARG(d->name));
    bool is_range_itself = str_eq(version, d->version);
    if (!is_range_itself &&
        (semver_parse(a, version, &v, NULL) < 0 || !semver_range_has(range, &v)))
        return out_of_step(chart, err);
    *out = version;
    return 0;
}

/* "file://../x" from the chart's folder. */
static struct str place_of(struct str repository, struct str chart_dir, struct arena *a)
{
    struct str path = str_sub(repository, 7, repository.len);

    if (!str_starts(repository, STR("file://")) || str_starts(path, STR("/")))
        return repository;
    return arena_printf(a, "file://" STR_FMT "/" STR_FMT, STR_ARG(chart_dir), STR_ARG(path));
}

static bool is_alias(struct str repository)
{
    return str_starts(repository, STR("@")) || str_starts(repository, STR("alias:"));
}

static int resolve_one(struct registry *r, const struct chart *chart, size_t at,
                       struct str chart_dir, struct arena *a, struct registry_dependency *out,
                       struct err *err)
{
    const struct chart_dependency *d = &chart->metadata.dependency[at];
    struct str version;

    out->declared = d;
    out->chart.name = d->name;
    out->is_bundled = d->repository.len == 0;
    int rc = locked_version(chart, at, a, &version, err);
    if (rc < 0 || out->is_bundled)
        return rc;
    if (is_alias(d->repository))
        return err_set(err, HL_EUNSUPPORTED,
                       "dependency \"" STR_FMT "\": repository \"" STR_FMT "\" is a name of a Helm "
                       "installation; write its URL",
                       STR_ARG(d->name), STR_ARG(d->repository));
    rc = registry_resolve(r, place_of(d->repository, chart_dir, a), d->name,
                          version.len > 0 ? version : d->version, a, &out->chart, err);
    return rc < 0 ? err_wrap(err, "dependency \"" STR_FMT "\"", STR_ARG(d->name)) : 0;
}

int registry_dependencies(struct registry *r, const struct chart *chart, struct str chart_dir,
                          struct arena *a, struct registry_dependency **out, size_t *out_count,
                          struct err *err)
{
    size_t count = chart->metadata.dependency_count;
    struct registry_dependency *found = arena_array(a, struct registry_dependency, count);

    for (size_t i = 0; i < count; i++) {
        int rc = resolve_one(r, chart, i, chart_dir, a, &found[i], err);
        if (rc < 0)
            return rc;
    }
    *out = found;
    *out_count = count;
    return 0;
}
