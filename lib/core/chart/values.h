/*
 * Values: how a chart's defaults, its parents' and the user's become what templates see.
 *
 * Helm's rules (chartutil/coalesce.go, dependencies.go): maps merge, all else replaces; a null of
 * the user deletes a default; a parent overrides its children's defaults under their name; globals
 * go down, the outermost wins. Conditions and tags switch subcharts off, import-values lift tables
 * of children into the parent's defaults.
 *
 * Ownership: results live in `a`; the user's map is copied, the charts' defaults are not changed.
 * Threads: pure functions of their arguments.
 */
#ifndef HL_CORE_CHART_VALUES_H
#define HL_CORE_CHART_VALUES_H

#include "core/chart/chart.h"

/* Said on the way, as Helm logs it ("warning: cannot overwrite table with non table for ..."). */
struct values_warnings {
    struct str *text;
    size_t count;
    size_t cap;
};

/*
 * A values file as Helm reads it: the first document, a map (empty for none), every number a
 * float64. `file` is for positions. 0, or HL_EINVAL or HL_ELIMIT with Go's text.
 */
HL_MUST int values_read(struct arena *a, struct str text, struct str file, struct datum_map **out,
                        struct err *err);

/*
 * ProcessDependenciesWithMerge: takes out the subcharts that conditions and tags switch off, gives
 * aliases their names, and imports values. Changes the chart. 0, or HL_EINVAL.
 */
HL_MUST int values_resolve_dependencies(struct arena *a, struct chart *c,
                                        const struct datum_map *user, struct values_warnings *w,
                                        struct err *err);

/* CoalesceValues: 0 with the root's final .Values, or HL_EINVAL ("type mismatch on sub: ..."). */
HL_MUST int values_coalesce(struct arena *a, const struct chart *c, const struct datum_map *user,
                            struct datum_map **out, struct values_warnings *w, struct err *err);

/* Merges the values of a later file over an earlier one's: maps merge, all else replaces, nulls
 * stay. Changes `base` and shares with `over`. */
void values_overlay(struct arena *a, struct datum_map *base, const struct datum_map *over);

/* The table at a dotted path; NULL if there is none. */
struct datum_map *values_table(const struct datum_map *v, struct str path);

#endif
