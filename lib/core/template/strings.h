/*
 * What several groups of functions make of their arguments, after sprig's strings.go and
 * spf13/cast. For this folder only. Threads: pure functions.
 */
#ifndef HL_CORE_TEMPLATE_STRINGS_H
#define HL_CORE_TEMPLATE_STRINGS_H

#include "core/template/func.h"

/* strval: a string as it is, bytes as text, anything else as %v. Marks it read. */
struct str string_of(struct arena *a, struct datum d);
/* strslice: the strings of a list without its nils; a scalar is a list of itself, nil of nothing.
 */
struct str *strings_of(struct arena *a, struct datum d, size_t *out_count);
/* []string of these. */
struct datum strings_datum(struct arena *a, const struct str *s, size_t count);

/* cast.ToInt64, ToInt, ToFloat64: what cannot be a number is 0. */
int64_t int64_of(struct datum d);
double float_of(struct datum d);

#endif
