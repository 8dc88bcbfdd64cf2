/*
 * Rendering a chart: which contexts its templates get, in which order they run, what comes out.
 *
 * After Helm's engine: all templates of the chart and its subcharts are parsed into one set,
 * deepest paths first, so that a parent's definition beats its child's; then they are executed in
 * the same order, each with the context of its chart. A context is one map for all files of a
 * chart: what one file sets in it, those after it see.
 *
 * Ownership: results live in `a`. Threads: confined to the caller's.
 * Limits: those of core/template for the whole render.
 */
#ifndef HL_CORE_CHART_RENDER_H
#define HL_CORE_CHART_RENDER_H

#include "core/chart/chart.h"
#include "core/template/template.h"

struct chart_release {
    struct str name;
    struct str namespace;
    int64_t revision;
    bool is_upgrade; /* else it is an install */
};

struct chart_capabilities {
    struct str kube_version; /* "v1.36.0" */
    struct str kube_major;
    struct str kube_minor;
    struct str helm_version; /* "v3.21.4" */
    const struct str *api;   /* "apps/v1", and of a cluster "apps/v1/Deployment", too */
    size_t api_count;
};

/* What Helm v3.21 assumes without a cluster. */
extern const struct chart_capabilities chart_capabilities_offline;
/* "1.29", "v1.29.3+k3s1" as Helm reads --kube-version. 0, or HL_EINVAL. */
HL_MUST int chart_kube_version(struct arena *a, struct str text, struct chart_capabilities *out,
                               struct err *err);

/*
 * Parsed templates, for those who render a chart more than once: they are parsed in the first
 * render and read in the others. The charts whose texts they hold must live as long. Threads:
 * confined to the owner's.
 */
struct chart_trees;
struct chart_trees *chart_trees_new(void);
void chart_trees_free(struct chart_trees *t);
HL_DEFINE_FREEP(chart_trees_free, struct chart_trees)

/*
 * Renders every template that is no partial. `c` has its dependencies resolved, `values` are the
 * coalesced ones of the root (templates may change them); `trees` may be NULL. 0 with files by path
 * ("chart/templates/x.yaml"), in the order of their bytes, or the fault with Helm's text ("parse
 * error at (...): ...", "execution error at (...): ...", or Go's).
 */
HL_MUST int chart_render(struct arena *a, const struct chart *c, struct datum_map *values,
                         const struct chart_release *release,
                         const struct chart_capabilities *capabilities,
                         const struct template_world *world, const struct template_limits *limits,
                         struct chart_trees *trees, struct chart_file **out, size_t *out_count,
                         struct template_fault *fault);

#endif
