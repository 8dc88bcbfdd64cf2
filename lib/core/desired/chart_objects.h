/* What a chart of a bundle renders to. Private to core/desired. */
#ifndef HL_CORE_DESIRED_CHART_OBJECTS_H
#define HL_CORE_DESIRED_CHART_OBJECTS_H

#include "core/desired/manifest.h"
#include "core/desired/objects.h"

/* Adds the chart's CRDs, objects and hooks to the list. 0, HL_EINVAL or HL_ELIMIT with Helm's text,
 * or what the world's archive function says. */
HL_MUST int chart_objects(struct arena *a, const struct bundle *b, const struct bundle_chart *c,
                          const struct objects_world *world, struct manifest_objects *out,
                          struct err *err);

#endif
