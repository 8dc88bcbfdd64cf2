/*
 * From a chart and values to what is installed: the whole road of `helm template`.
 *
 * Dependencies are resolved, values coalesced and held against the schemas of the chart and its
 * subcharts, the chart's range of Kubernetes versions is checked, templates are rendered, notes are
 * taken out, the rest is sorted into objects and hooks (action/install.go, action.go).
 *
 * Ownership: results live in `a` and borrow from the chart, which is not changed and may serve many
 * releases at a time. Threads: confined to the caller's.
 * Limits: those of core/template, core/schema and core/value; RELEASE_SCHEMA_BYTES_MAX a schema.
 */
#ifndef HL_CORE_CHART_RELEASE_H
#define HL_CORE_CHART_RELEASE_H

#include "core/chart/manifest.h"
#include "core/chart/render.h"
#include "core/chart/values.h"

enum { RELEASE_NAME_MAX = 53, RELEASE_SCHEMA_BYTES_MAX = CHART_FILE_BYTES_MAX };

struct release_request {
    const struct chart *chart;
    const struct datum_map *values; /* the user's */
    struct chart_release release;
    const struct chart_capabilities *capabilities;
    const struct template_world *world;
    const struct template_limits *limits;
    struct chart_trees *trees; /* NULL: templates are parsed for this render alone */
    bool skips_schema;
};

struct release {
    struct manifest *object;
    size_t object_count;
    struct manifest *hook;
    size_t hook_count;
    struct chart_file *crd; /* files below crds/, named by their path from the root chart */
    size_t crd_count;
    struct str notes;
    struct datum_map *values; /* what templates saw, with what they read marked */
    struct values_warnings warnings;
};

/* 0, or a code < 0 with the fault: Helm's text, and the place where it is known. */
HL_MUST int release_render(struct arena *a, const struct release_request *request,
                           struct release *out, struct template_fault *fault);

/* What `helm template` prints beside the objects. */
enum release_part { RELEASE_CRDS = 1, RELEASE_HOOKS = 2, RELEASE_TESTS = 4 };

/* Appends the text of `helm template`: objects in the order of their installation, behind the CRDs
 * if `parts` (enum release_part) has them, then hooks; RELEASE_TESTS are among those. */
void release_write(struct buf *out, const struct release *r, unsigned parts);

/* Whether `helm install` would take this name. 0, or HL_EINVAL with Helm's text. */
HL_MUST int release_name_check(struct str name, struct err *err);

/* What `helm template` refuses of a loaded chart: libraries, and dependencies that are missing in
 * charts/. 0, or HL_EINVAL with Helm's text. */
HL_MUST int release_chart_check(struct arena *a, const struct chart *c, struct err *err);

/* Holds coalesced values against values.schema.json of a chart and its subcharts. 0, or HL_EINVAL
 * or HL_ELIMIT with Helm's text in *out_text. */
HL_MUST int release_schema_check(struct arena *a, const struct chart *c,
                                 const struct datum_map *values, struct str *out_text);

#endif
