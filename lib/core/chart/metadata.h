/* Chart.yaml into struct chart_metadata; for chart.c only. Threads: pure functions. */
#ifndef HL_CORE_CHART_METADATA_H
#define HL_CORE_CHART_METADATA_H

#include "core/chart/chart.h"

/* Fills what the document has; what it lacks stays (requirements.yaml comes over Chart.yaml). */
HL_MUST int metadata_read(struct arena *a, const struct value *v, struct chart_metadata *m,
                          struct err *err);
/* Metadata.Validate: cleans the strings, refuses what Helm refuses, in its words. */
HL_MUST int metadata_validate(struct arena *a, struct chart_metadata *m, struct err *err);

#endif
