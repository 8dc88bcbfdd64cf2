/* Contexts are built chart by chart, templates sorted once, parsed and executed in that order. */
#include "core/chart/render.h"

#include <stdlib.h>
#include <string.h>

#include "core/chart/objects.h"
#include "core/semver/semver.h"

/* One template of the chart or of a subchart. */
struct source {
    struct str path;
    struct str base_path;
    struct str text;
    struct datum_map *context; /* of its chart */
    size_t slashes;
};

struct rendering {
    struct arena *a;
    struct source *source;
    size_t count;
    size_t cap;
    struct datum release;
    struct datum capabilities;
};

static void put(struct rendering *r, struct datum_map *m, const char *key, struct datum v)
{
    datum_map_set(r->a, m, str_from(key), v);
}

static struct str base_of(struct str path)
{
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return str_sub(path, at, path.len);
}

static bool is_partial(struct str path)
{
    return str_starts(base_of(path), STR("_"));
}

static struct datum as_values(struct datum_map *m)
{
    return (struct datum){.type = DATUM_VALUES, .map = m};
}

static size_t count_slashes(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == '/';
    return count;
}

static void add_templates(struct rendering *r, const struct chart *c, struct datum_map *context)
{
    struct str path = chart_path(r->a, c);
    struct str base_path = arena_concat(r->a, path, STR("/templates"));

    for (size_t i = 0; i < c->template_count; i++) {
        const struct chart_file *f = &c->template[i];
        if (chart_is_library(c) && !is_partial(f->name))
            continue;
        struct source s = {
            .path = arena_printf(r->a, STR_FMT "/" STR_FMT, STR_ARG(path), STR_ARG(f->name)),
            .base_path = base_path,
            .text = f->bytes,
            .context = context,
        };
        s.slashes = count_slashes(s.path);
        ARENA_PUSH(r->a, r->source, r->count, r->cap, s);
    }
}

/* The context of a chart, those of its subcharts within it, and its templates. */
static struct datum_map *add_chart(struct rendering *r, const struct chart *c,
                                   struct datum_map *values)
{
    struct datum_map *context = datum_map_new(r->a);
    struct datum_map *subcharts = datum_map_new(r->a);

    put(r, context, "Chart", objects_chart(r->a, c));
    put(r, context, "Files", objects_files(r->a, c));
    put(r, context, "Release", r->release);
    put(r, context, "Capabilities", r->capabilities);
    put(r, context, "Values", as_values(values));
    put(r, context, "Subcharts", datum_of_map(subcharts));
    for (size_t i = 0; i < c->subchart_count; i++) {
        struct str name = c->subchart[i]->metadata.name;
        struct datum_entry *e = datum_map_find(values, name);
        bool is_table = e && (e->value.type == DATUM_MAP || e->value.type == DATUM_VALUES);
        struct datum_map *below = is_table ? e->value.map : datum_map_new(r->a);
        if (e)
            e->is_read = true;
        datum_map_set(r->a, subcharts, name, datum_of_map(add_chart(r, c->subchart[i], below)));
    }
    add_templates(r, c, context);
    return context;
}

/* Deepest first, and backwards by name: whoever comes last defines a name for good. */
static int by_depth(const void *a, const void *b)
{
    const struct source *x = a;
    const struct source *y = b;

    if (x->slashes != y->slashes)
        return x->slashes > y->slashes ? -1 : 1;
    return str_cmp(y->path, x->path);
}

static int by_path(const void *a, const void *b)
{
    return str_cmp(((const struct chart_file *)a)->name, ((const struct chart_file *)b)->name);
}

/* ---- Helm's texts ---- */

/* The second of the parts between ": ", and what stands behind the last ": ". */
static struct str second_part(struct str text)
{
    size_t from = str_find(text, STR(": "), 0);

    if (from == SIZE_MAX)
        return STR("");
    size_t to = str_find(text, STR(": "), from + 2);
    return str_sub(text, from + 2, to);
}

static struct str last_part(struct str text)
{
    size_t at = text.len;

    while (at >= 2 && memcmp(text.ptr + at - 2, ": ", 2) != 0)
        at--;
    return str_sub(text, at >= 2 ? at : 0, text.len);
}

static int clean_parse_fault(struct rendering *r, struct template_fault *fault)
{
    fault->text = arena_printf(r->a, "parse error at (" STR_FMT "): " STR_FMT,
                               STR_ARG(second_part(fault->text)), STR_ARG(last_part(fault->text)));
    return fault->code;
}

static int clean_run_fault(struct rendering *r, struct template_fault *fault)
{
    if (fault->has_message)
        fault->text = arena_printf(r->a, "execution error at (" STR_FMT "): " STR_FMT,
                                   STR_ARG(second_part(fault->text)), STR_ARG(fault->message));
    return fault->code;
}

/* ---- parsing and executing ---- */

struct kept_tree {
    const char *text; /* which one it is of */
    struct template_tree *tree;
};

struct chart_trees {
    struct arena *arena;
    struct map *by_path;
};

struct chart_trees *chart_trees_new(void)
{
    struct chart_trees *t = hl_calloc(1, sizeof(*t));

    t->arena = arena_new();
    t->by_path = map_new(0);
    return t;
}

void chart_trees_free(struct chart_trees *t)
{
    if (!t)
        return;
    map_free(t->by_path);
    arena_free(t->arena);
    free(t);
}

/* The same path may belong to two charts, one after the other. */
static int parse_kept(struct chart_trees *t, const struct source *s, struct template_tree **out,
                      struct template_fault *fault)
{
    struct kept_tree *kept = map_get(t->by_path, s->path);

    if (kept && kept->text == s->text.ptr) {
        *out = kept->tree;
        return 0;
    }
    struct str path = arena_dup(t->arena, s->path);
    int rc = template_parse(t->arena, path, s->text, TEMPLATE_HELM, out, fault);
    if (rc < 0)
        return rc;
    kept = arena_one(t->arena, struct kept_tree);
    *kept = (struct kept_tree){s->text.ptr, *out};
    map_set(t->by_path, path, kept);
    return 0;
}

static int parse_all(struct rendering *r, struct template_set *set, struct chart_trees *trees,
                     struct template_fault *fault)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct source *s = &r->source[i];
        struct template_tree *tree;
        int rc = trees ? parse_kept(trees, s, &tree, fault)
                       : template_parse(r->a, s->path, s->text, TEMPLATE_HELM, &tree, fault);
        if (rc < 0)
            return clean_parse_fault(r, fault);
        template_set_add(set, tree);
    }
    return 0;
}

static struct str without_no_value(struct arena *a, struct str s)
{
    static const struct str mark = {"<no value>", 10};
    char *text = arena_alloc(a, s.len + 1);
    size_t len = 0;

    while (s.len > 0) {
        const char *angle = memchr(s.ptr + 1, '<', s.len - 1);
        size_t piece = angle ? (size_t)(angle - s.ptr) : s.len;
        size_t skipped = str_starts(s, mark) ? mark.len : 0;
        if (piece > skipped)
            memcpy(text + len, s.ptr + skipped, piece - skipped);
        len += piece - skipped;
        s = str_sub(s, piece, s.len);
    }
    return (struct str){text, len};
}

static int run_all(struct rendering *r, const struct template_set *set, struct template_run *run,
                   struct chart_file *out, size_t *out_count, struct template_fault *fault)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    *out_count = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct source *s = &r->source[i];
        struct datum_map *about = datum_map_new(r->a);
        if (is_partial(s->path))
            continue;
        put(r, about, "Name", datum_string(s->path));
        put(r, about, "BasePath", datum_string(s->base_path));
        put(r, s->context, "Template", as_values(about));
        buf_reset(&text);
        int rc = template_execute(run, set, s->path, as_values(s->context), &text, fault);
        if (rc < 0)
            return clean_run_fault(r, fault);
        out[(*out_count)++] = (struct chart_file){s->path, without_no_value(r->a, buf_str(&text))};
    }
    if (*out_count > 1)
        qsort(out, *out_count, sizeof(*out), by_path);
    return 0;
}

static struct datum release_map(struct arena *a, const struct chart_release *release)
{
    struct datum_map *m = datum_map_new(a);

    datum_map_set(a, m, STR("Name"), datum_string(release->name));
    datum_map_set(a, m, STR("Namespace"), datum_string(release->namespace));
    datum_map_set(a, m, STR("IsUpgrade"), datum_bool(release->is_upgrade));
    datum_map_set(a, m, STR("IsInstall"), datum_bool(!release->is_upgrade));
    datum_map_set(a, m, STR("Revision"), datum_int(release->revision));
    datum_map_set(a, m, STR("Service"), datum_string(STR("Helm")));
    return datum_of_map(m);
}

int chart_render(struct arena *a, const struct chart *c, struct datum_map *values,
                 const struct chart_release *release, const struct chart_capabilities *capabilities,
                 const struct template_world *world, const struct template_limits *limits,
                 struct chart_trees *trees, struct chart_file **out, size_t *out_count,
                 struct template_fault *fault)
{
    struct rendering r = {.a = a,
                          .release = release_map(a, release),
                          .capabilities = objects_capabilities(a, capabilities)};
    struct template_set *set = template_set_new(a, NULL);

    add_chart(&r, c, values);
    if (r.count > 1)
        qsort(r.source, r.count, sizeof(*r.source), by_depth);
    int rc = parse_all(&r, set, trees, fault);
    if (rc < 0)
        return rc;
    *out = arena_array(a, struct chart_file, r.count + 1);
    struct template_run *run = template_run_new(a, limits, TEMPLATE_MISSING_ZERO, world);
    return run_all(&r, set, run, *out, out_count, fault);
}

/* ---- capabilities ---- */

/* chartutil's DefaultVersionSet with client-go of Kubernetes 1.36. */
static const struct str offline_api[] = {
#define API(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    API("v1"),
    API("admissionregistration.k8s.io/v1"),
    API("admissionregistration.k8s.io/v1alpha1"),
    API("admissionregistration.k8s.io/v1beta1"),
    API("internal.apiserver.k8s.io/v1alpha1"),
    API("apps/v1"),
    API("apps/v1beta1"),
    API("apps/v1beta2"),
    API("authentication.k8s.io/v1"),
    API("authentication.k8s.io/v1alpha1"),
    API("authentication.k8s.io/v1beta1"),
    API("authorization.k8s.io/v1"),
    API("authorization.k8s.io/v1beta1"),
    API("autoscaling/v1"),
    API("autoscaling/v2"),
    API("batch/v1"),
    API("batch/v1beta1"),
    API("certificates.k8s.io/v1"),
    API("certificates.k8s.io/v1beta1"),
    API("certificates.k8s.io/v1alpha1"),
    API("coordination.k8s.io/v1alpha2"),
    API("coordination.k8s.io/v1beta1"),
    API("coordination.k8s.io/v1"),
    API("discovery.k8s.io/v1"),
    API("discovery.k8s.io/v1beta1"),
    API("events.k8s.io/v1"),
    API("events.k8s.io/v1beta1"),
    API("extensions/v1beta1"),
    API("flowcontrol.apiserver.k8s.io/v1"),
    API("flowcontrol.apiserver.k8s.io/v1beta1"),
    API("flowcontrol.apiserver.k8s.io/v1beta2"),
    API("flowcontrol.apiserver.k8s.io/v1beta3"),
    API("networking.k8s.io/v1"),
    API("networking.k8s.io/v1beta1"),
    API("node.k8s.io/v1"),
    API("node.k8s.io/v1alpha1"),
    API("node.k8s.io/v1beta1"),
    API("policy/v1"),
    API("policy/v1beta1"),
    API("rbac.authorization.k8s.io/v1"),
    API("rbac.authorization.k8s.io/v1beta1"),
    API("rbac.authorization.k8s.io/v1alpha1"),
    API("resource.k8s.io/v1"),
    API("resource.k8s.io/v1beta2"),
    API("resource.k8s.io/v1beta1"),
    API("resource.k8s.io/v1alpha3"),
    API("scheduling.k8s.io/v1alpha2"),
    API("scheduling.k8s.io/v1beta1"),
    API("scheduling.k8s.io/v1"),
    API("storage.k8s.io/v1beta1"),
    API("storage.k8s.io/v1"),
    API("storage.k8s.io/v1alpha1"),
    API("storagemigration.k8s.io/v1beta1"),
    API("apiextensions.k8s.io/v1beta1"),
    API("apiextensions.k8s.io/v1"),
#undef API
};

const struct chart_capabilities chart_capabilities_offline = {
    .kube_version = {"v1.36.0", 7},
    .kube_major = {"1", 1},
    .kube_minor = {"36", 2},
    .helm_version = {"v3.21.4", 7},
    .api = offline_api,
    .api_count = HL_COUNT(offline_api),
};

int chart_kube_version(struct arena *a, struct str text, struct chart_capabilities *out,
                       struct err *err)
{
    struct semver v;
    int rc = semver_parse(a, text, &v, err);

    if (rc < 0)
        return err_wrap(err, "invalid kube version '" STR_FMT "'", STR_ARG(text));
    out->kube_version = arena_printf(a, "v%llu.%llu.%llu", (unsigned long long)v.major,
                                     (unsigned long long)v.minor, (unsigned long long)v.patch);
    out->kube_major = arena_printf(a, "%llu", (unsigned long long)v.major);
    out->kube_minor = arena_printf(a, "%llu", (unsigned long long)v.minor);
    return 0;
}
