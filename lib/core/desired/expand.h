/*
 * Placeholders in addon entries: the part of an ApplicationSet's templates that needs no template
 * engine, namely plain look-ups about the cluster.
 *
 *   {{.name}} {{.nameNormalized}} {{.server}}          Go template form, blanks inside are free
 *   {{.metadata.labels.x}} {{.metadata.annotations.x}} {{.values.x}}
 *   {{index .metadata.labels "a/b"}}                   also annotations and values
 *   {{name}} {{metadata.labels.a/b}} {{values.x}}      the older form, without a leading dot
 *
 * A look-up that finds nothing is an error (missingkey=error). Any other expression is
 * HL_EUNSUPPORTED and named. The result is not looked at again.
 *
 * Threads: pure functions. Limits: EXPAND_BYTES_MAX a result.
 */
#ifndef HL_CORE_DESIRED_EXPAND_H
#define HL_CORE_DESIRED_EXPAND_H

#include "core/desired/registry.h"

enum { EXPAND_BYTES_MAX = 64 << 10 };

/* `values` is the generator's `.values` map (may be NULL). 0, HL_EABSENT (names the look-up),
 * HL_EUNSUPPORTED, HL_EINVAL ("{{" without "}}") or HL_ELIMIT. */
HL_MUST int expand_text(struct arena *a, struct str text, const struct cluster_record *cluster,
                        const struct value *values, struct str *out, struct err *err);

/* The same for every string in a tree (keys too); errors carry the position of the string. */
HL_MUST int expand_value(struct arena *a, const struct value *v,
                         const struct cluster_record *cluster, const struct value *values,
                         struct value **out, struct err *err);

#endif
