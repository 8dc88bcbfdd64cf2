/*
 * The structs and named types that Helm gives to templates: .Chart, .Capabilities, .Files.
 * For render.c only. Threads: pure functions; everything lives in the arena.
 */
#ifndef HL_CORE_CHART_OBJECTS_H
#define HL_CORE_CHART_OBJECTS_H

#include "core/chart/render.h"

struct datum objects_chart(struct arena *a, const struct chart *c);
struct datum objects_capabilities(struct arena *a, const struct chart_capabilities *k);
struct datum objects_files(struct arena *a, const struct chart *c);

#endif
