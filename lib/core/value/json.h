/*
 * JSON in and out (RFC 8259).
 *
 * Reading: numbers without fraction and exponent that fit become int64, else uint64, everything
 * else, "-0" too, float64 (out of float64's range is an error). Strings must be UTF-8; \u escapes
 * with surrogate pairs are joined, lone surrogates become U+FFFD as in Go; NUL is legal. Duplicate
 * keys are an error that names both places.
 *
 * Writing: the form of Go's encoding/json: sorted keys, floats as Go prints them (1e+21, 3, 0.1),
 * "<", ">", "&", U+2028 and U+2029 escaped; indented form with two blanks like MarshalIndent.
 *
 * Threads: pure functions.
 * Limits: JSON_BYTES_MAX and JSON_NODES_MAX values (64 bytes each) a document, VALUE_DEPTH_MAX
 * nested collections; the answer comes in time linear in the bytes read.
 */
#ifndef HL_CORE_VALUE_JSON_H
#define HL_CORE_VALUE_JSON_H

#include "core/value/value.h"

enum { JSON_BYTES_MAX = 64 << 20, JSON_NODES_MAX = 4 << 20 };

/* One document, nothing but blanks behind it. 0, HL_EINVAL (with position) or HL_ELIMIT. */
HL_MUST int json_read(struct arena *a, struct str text, struct str file, struct value **out,
                      struct err *err);

enum json_style { JSON_COMPACT, JSON_INDENTED };
/* Appends v; JSON_INDENTED ends with a newline, JSON_COMPACT does not. NaN and infinities, which
 * JSON cannot hold, are written as null. */
void json_write(struct buf *out, const struct value *v, enum json_style style);

/* Whether v is free of NaN and infinities; Go's Marshal fails on them. */
bool json_can_hold(const struct value *v);

#endif
