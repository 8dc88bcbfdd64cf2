/*
 * What the dependencies of a chart resolve to, as helm dependency build has it.
 *
 * Chart.lock decides where there is one: its versions must satisfy the ranges of Chart.yaml, or the
 * two are out of step (HL_EINVAL with Helm's text). Without one the newest versions in the ranges
 * are taken. A dependency without a repository lies in charts/ already. Repositories written
 * "@name" or "alias:name" belong to an installation of Helm, which there is none of here:
 * HL_EUNSUPPORTED.
 *
 * Ownership: answers live in the arena and borrow from the chart. Threads: the registry's owner.
 */
#ifndef HL_EDGE_REGISTRY_DEPENDENCIES_H
#define HL_EDGE_REGISTRY_DEPENDENCIES_H

#include "core/chart/chart.h"
#include "edge/registry/registry.h"

struct registry_dependency {
    const struct chart_dependency *declared;
    bool is_bundled;             /* in charts/ already: `chart` holds its name alone */
    struct registry_chart chart; /* to be fetched, pulled or read as a folder */
};

/* One answer for each dependency of Chart.yaml, in its order. `chart_dir` is what "file://../x" is
 * relative to. Errors name the dependency. */
HL_MUST int registry_dependencies(struct registry *r, const struct chart *chart,
                                  struct str chart_dir, struct arena *a,
                                  struct registry_dependency **out, size_t *out_count,
                                  struct err *err);

#endif
