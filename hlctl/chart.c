/* `hlctl chart ...`: looking at charts without a cluster or the network. */
#include "core/chart/lint.h"
#include "core/semver/semver.h"
#include "hlctl/chart_input.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

/* ---- show ---- */

static const struct chart_file *file_named(const struct chart_file *file, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(file[i].name, str_from(name)))
            return &file[i];
    return NULL;
}

static void put_document(struct hlctl *h, const struct chart_file *f)
{
    if (!f)
        return;
    if (h->out.len > 0)
        buf_add_cstr(&h->out, "---\n");
    buf_add(&h->out, f->bytes);
    if (f->bytes.len > 0 && f->bytes.ptr[f->bytes.len - 1] != '\n')
        buf_add_byte(&h->out, '\n');
}

static void put_crds(struct hlctl *h, const struct chart_file *file, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_starts(file[i].name, STR("crds/")))
            put_document(h, &file[i]);
}

int chart_show_run(struct hlctl *h, struct trouble *t)
{
    struct str what = flag_text(h->in, "only");
    bool is_all = what.len == 0;
    struct chart_file *file;
    size_t count;
    struct chart *c;

    int rc = chart_input_files(h, invocation_arg(h->in, 0), &file, &count, t);
    if (rc == 0)
        rc = chart_input_assemble(h, invocation_arg(h->in, 0), file, count, &c, t);
    if (rc != 0)
        return rc;
    if (is_all || str_eq(what, STR("chart")))
        put_document(h, file_named(file, count, "Chart.yaml"));
    if (is_all || str_eq(what, STR("values")))
        put_document(h, file_named(file, count, "values.yaml"));
    if (is_all || str_eq(what, STR("readme")))
        put_document(h, file_named(file, count, "README.md"));
    if (is_all || str_eq(what, STR("crds")))
        put_crds(h, file, count);
    return 0;
}

/* ---- deps ---- */

static const struct chart *subchart_named(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->subchart_count; i++)
        if (str_eq(c->subchart[i]->metadata.name, name))
            return c->subchart[i];
    return NULL;
}

static const char *dependency_status(struct arena *a, const struct chart *c,
                                     const struct chart_dependency *d)
{
    const struct chart *found = subchart_named(c, d->name);
    const struct semver_range *range;
    struct semver v;
    struct err ignored;

    if (!found)
        return "missing";
    if (str_eq(found->metadata.version, d->version))
        return "ok";
    if (semver_range_parse(a, d->version, &range, &ignored) < 0 ||
        semver_parse(a, found->metadata.version, &v, &ignored) < 0)
        return "invalid version";
    return semver_range_has(range, &v) ? "ok" : "wrong version";
}

int chart_deps_list(struct hlctl *h, const struct chart *c)
{
    static const struct column columns[] = {{"NAME", "name", CELL_TEXT, false},
                                            {"RANGE", "range", CELL_TEXT, false},
                                            {"VERSION", "version", CELL_TEXT, false},
                                            {"REPOSITORY", "repository", CELL_TEXT, false},
                                            {"STATUS", "status", CELL_STATE, false}};
    struct value *items = value_list(h->arena);

    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        const struct chart_dependency *d = &c->metadata.dependency[i];
        const struct chart *found = subchart_named(c, d->name);
        struct value *item = value_map(h->arena);
        value_map_set_str(h->arena, item, "name", d->name);
        value_map_set_str(h->arena, item, "range", d->version);
        value_map_set_str(h->arena, item, "version", found ? found->metadata.version : STR_NONE);
        value_map_set_str(h->arena, item, "repository", d->repository);
        value_map_set_str(h->arena, item, "status", str_from(dependency_status(h->arena, c, d)));
        value_list_add(h->arena, items, item);
    }
    output_list(h, NULL, "ChartDependencyList", "dependency", items, columns, HL_COUNT(columns));
    return 0;
}

/* ---- lint ---- */

static int lint(struct hlctl *h, struct str place, const struct datum_map *values, size_t *failed,
                struct trouble *t)
{
    static const char *const words[] = {"INFO", "WARNING", "ERROR"};
    struct template_world world = chart_input_world();
    struct chart_capabilities capabilities;
    struct lint_messages messages = {0};
    struct chart *c;
    bool has_error = false;

    int rc = chart_input_load(h, place, &c, t);
    if (rc == 0)
        rc = chart_input_capabilities(h, &capabilities, t);
    if (rc != 0)
        return rc;
    struct release_request request = {
        .chart = c,
        .values = values,
        .release = {.name = STR("test-release"), .namespace = STR("default"), .revision = 1},
        .capabilities = &capabilities,
        .world = &world,
        .limits = &template_limits_default};
    lint_chart(h->arena, &request, &messages);
    buf_printf(&h->out, "==> Linting " STR_FMT "\n", STR_ARG(place));
    for (size_t i = 0; i < messages.count; i++) {
        const struct lint_message *m = &messages.item[i];
        buf_printf(&h->out, "[%s] " STR_FMT ": " STR_FMT "\n", words[m->severity], STR_ARG(m->path),
                   STR_ARG(safe_lines(h->arena, m->text)));
        has_error = has_error || m->severity == LINT_ERROR;
    }
    buf_add_byte(&h->out, '\n');
    *failed += has_error;
    return 0;
}

int chart_lint_run(struct hlctl *h, struct trouble *t)
{
    size_t count = invocation_arg_count(h->in);
    struct datum_map *values;
    size_t failed = 0;

    int rc = chart_input_values(h, &values, t);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = lint(h, invocation_arg(h->in, i), values, &failed, t);
    if (rc != 0)
        return rc;
    buf_printf(&h->out, "%zu chart(s) linted, %zu chart(s) failed\n", count, failed);
    return failed > 0 ? EXIT_FAILED : 0;
}
