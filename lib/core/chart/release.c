/* After pkg/action's Install.RunWithContext and renderResources, chartutil/jsonschema.go. */
#include "core/chart/release.h"

#include "core/chart/space.h"
#include "core/schema/schema.h"
#include "core/semver/semver.h"
#include "core/value/json.h"

static int fail(struct template_fault *fault, int code, struct str text)
{
    *fault = (struct template_fault){.code = code, .text = text};
    return code;
}

static int fail_err(struct arena *a, struct template_fault *fault, const struct err *err)
{
    fail(fault, err->code, arena_dup(a, str_from(err->text)));
    fault->file = arena_dup(a, str_from(err->file));
    fault->line = err->line;
    fault->column = err->column;
    return err->code;
}

/* ---- what can be told beforehand ---- */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Parts between dots begin and end with a letter or digit. */
static bool is_name(struct str name)
{
    char before = '.';

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_edge = before == '.' || c == '.';
        if (!(is_alnum(c) || c == '-' || c == '.') || (c == '.' && !is_alnum(before)) ||
            (is_edge && c == '-'))
            return false;
        before = c;
    }
    return is_alnum(before);
}

int release_name_check(struct str name, struct err *err)
{
    if (name.len == 0)
        return err_set(err, HL_EINVAL, "release name \"\": no name provided");
    if (name.len <= RELEASE_NAME_MAX && is_name(name))
        return 0;
    return err_set(err, HL_EINVAL,
                   "release name \"" STR_FMT "\": invalid release name, must match regex "
                   "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the "
                   "length must not be longer than %d",
                   STR_ARG(str_sub(name, 0, 100)), RELEASE_NAME_MAX);
}

int release_chart_check(struct arena *a, const struct chart *c, struct err *err)
{
    struct str type = c->metadata.type;

    if (type.len > 0 && !str_eq(type, STR("application")))
        return err_set(err, HL_EINVAL, STR_FMT " charts are not installable", STR_ARG(type));
    struct str missing = chart_missing(a, c);
    if (missing.len > 0)
        return err_set(err, HL_EINVAL,
                       "An error occurred while checking for chart dependencies. You may need to "
                       "run `helm dependency build` to fetch missing dependencies: found in "
                       "Chart.yaml, but missing in charts/ directory: " STR_FMT,
                       STR_ARG(missing));
    return 0;
}

/* chartutil.IsCompatibleRange: what is no range or version is not compatible. */
static bool has_kube_version(struct arena *a, struct str range_text, struct str version_text)
{
    const struct semver_range *range;
    struct semver version;
    struct err ignored;

    return semver_parse(a, version_text, &version, &ignored) == 0 &&
           semver_range_parse(a, range_text, &range, &ignored) == 0 &&
           semver_range_has(range, &version);
}

/* ---- schemas ---- */

/* What is wrong with the values of one chart in Helm's words; empty: nothing. 0 or HL_ELIMIT. */
static int check_one(struct arena *a, struct str schema_text, const struct value *values,
                     struct str *out_text)
{
    const struct schema *schema;
    struct value *document;
    struct err err;

    *out_text = STR_NONE;
    int rc = json_read(a, schema_text, STR("values.schema.json"), &document, &err);
    if (rc == 0)
        rc = schema_compile(a, document, NULL, &schema, out_text, &err);
    if (rc == 0)
        rc = schema_check(schema, values, a, out_text, &err);
    if (rc < 0)
        *out_text = arena_dup(a, str_from(err.text));
    return rc == HL_ELIMIT ? HL_ELIMIT : 0;
}

static int check_tree(struct arena *a, const struct chart *c, const struct value *values,
                      struct buf *out)
{
    struct str text = STR_NONE;
    int rc = c->schema.len > 0 ? check_one(a, c->schema, values, &text) : 0;

    if (text.len > 0)
        buf_printf(out, STR_FMT ":\n" STR_FMT, STR_ARG(c->metadata.name), STR_ARG(text));
    for (size_t i = 0; i < c->subchart_count && rc == 0; i++) {
        const struct chart *child = c->subchart[i];
        const struct value *v = value_get(values, child->metadata.name);
        if (!v || v->kind == VALUE_NULL)
            continue;
        if (v->kind == VALUE_MAP)
            rc = check_tree(a, child, v, out);
        else
            buf_printf(out, STR_FMT ":\ninvalid type for values: expected object (map), got %s\n",
                       STR_ARG(child->metadata.name), value_kind_name(v->kind));
    }
    return rc;
}

static bool has_schema(const struct chart *c)
{
    bool has = c->schema.len > 0;

    for (size_t i = 0; i < c->subchart_count && !has; i++)
        has = has_schema(c->subchart[i]);
    return has;
}

int release_schema_check(struct arena *a, const struct chart *c, const struct datum_map *values,
                         struct str *out_text)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct datum d = {.type = DATUM_MAP, .map = (struct datum_map *)values};
    struct value *plain;
    struct err err;

    if (!has_schema(c))
        return 0;
    int rc = datum_to_value(scratch, d, &plain, &err);
    if (rc < 0) {
        *out_text = arena_dup(a, str_from(err.text));
        return rc;
    }
    rc = check_tree(scratch, c, plain, &text);
    if (text.len == 0)
        return 0;
    *out_text = arena_printf(a,
                             "values don't meet the specifications of the schema(s) in the "
                             "following chart(s):\n" STR_FMT,
                             STR_ARG(buf_str(&text)));
    return rc < 0 ? rc : HL_EINVAL;
}

/* ---- what is rendered ---- */

static bool is_manifest_name(struct str name)
{
    return str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")) ||
           str_ends(name, STR(".json"));
}

static void collect_crds(struct arena *a, const struct chart *c, struct release *out, size_t *cap)
{
    for (size_t i = 0; i < c->file_count; i++) {
        const struct chart_file *f = &c->file[i];
        if (!str_starts(f->name, STR("crds/")) || !is_manifest_name(f->name))
            continue;
        struct str path =
            arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(chart_path(a, c)), STR_ARG(f->name));
        ARENA_PUSH(a, out->crd, out->crd_count, *cap, ((struct chart_file){path, f->bytes}));
    }
    for (size_t i = 0; i < c->subchart_count; i++)
        collect_crds(a, c->subchart[i], out, cap);
}

/* Takes every NOTES.txt out of the files; the root's are the notes. */
static void take_notes(struct arena *a, const struct chart *c, struct chart_file *file,
                       size_t *count, struct release *out)
{
    struct str own = arena_printf(a, STR_FMT "/templates/NOTES.txt", STR_ARG(c->metadata.name));
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (str_eq(file[i].name, own))
            out->notes = file[i].bytes;
        if (!str_ends(file[i].name, STR("NOTES.txt")))
            file[kept++] = file[i];
    }
    *count = kept;
}

static int render(struct arena *a, const struct release_request *request, const struct chart *c,
                  struct release *out, struct template_fault *fault)
{
    struct chart_file *file;
    size_t count;
    size_t cap = 0;
    struct err err;

    int rc = chart_render(a, c, out->values, &request->release, request->capabilities,
                          request->world, request->limits, request->trees, &file, &count, fault);
    if (rc < 0)
        return rc;
    take_notes(a, c, file, &count, out);
    if (manifest_sort(a, file, count, &out->object, &out->object_count, &out->hook,
                      &out->hook_count, &err) < 0)
        return fail_err(a, fault, &err);
    collect_crds(a, c, out, &cap);
    return 0;
}

int release_render(struct arena *a, const struct release_request *request, struct release *out,
                   struct template_fault *fault)
{
    struct chart *c = chart_copy(a, request->chart);
    struct str range = c->metadata.kube_version;
    struct str kube_version = request->capabilities->kube_version;
    struct str why;
    struct err err;

    *out = (struct release){0};
    if (values_resolve_dependencies(a, c, request->values, &out->warnings, &err) < 0 ||
        values_coalesce(a, c, request->values, &out->values, &out->warnings, &err) < 0)
        return fail_err(a, fault, &err);
    int rc = request->skips_schema ? 0 : release_schema_check(a, c, out->values, &why);
    if (rc < 0)
        return fail(fault, rc, why);
    if (range.len > 0 && !has_kube_version(a, range, kube_version))
        return fail(fault, HL_EINVAL,
                    arena_printf(a,
                                 "chart requires kubeVersion: " STR_FMT
                                 " which is incompatible with Kubernetes " STR_FMT,
                                 STR_ARG(range), STR_ARG(kube_version)));
    return render(a, request, c, out, fault);
}

void release_write(struct buf *out, const struct release *r, unsigned parts)
{
    size_t start = out->len;

    for (size_t i = 0; i < r->crd_count && (parts & RELEASE_CRDS); i++)
        manifest_write(out, &(struct manifest){.path = r->crd[i].name, .text = r->crd[i].bytes});
    for (size_t i = 0; i < r->object_count; i++)
        manifest_write(out, &r->object[i]);
    struct str written = {out->ptr + start, out->len - start};
    out->len = start + space_trim(written).len; /* begins with "---" or is empty */
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < r->hook_count && (parts & RELEASE_HOOKS); i++)
        if (!(r->hook[i].events & EVENT_TEST) || (parts & RELEASE_TESTS))
            manifest_write(out, &r->hook[i]);
}
