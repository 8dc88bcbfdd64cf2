/*
 * Conformance vectors: what real programs printed for an input, and whether ours print the same.
 *
 * A file is a JSON list of {name, mode, template?, data? | data_ref?, ints?, files?, values_yaml?,
 * set?, args?, expected | error}; data_ref names a member of a _shared_*.json beside it. Each mode
 * has one function that gives the text to compare. An error vector passes when ours fails, too;
 * texts that Helm's users match on (see error_must_match) must be equal byte for byte.
 */
#ifndef HL_TESTS_CONFORMANCE_VECTORS_H
#define HL_TESTS_CONFORMANCE_VECTORS_H

#include "core/template/datum.h"

struct vector {
    struct str name;
    struct str mode;
    const struct value *json; /* the whole vector */
    const struct value *data; /* NULL: none */
    bool has_data;
};

/* What ours made of it: 0 with out, < 0 with error. Everything lives in `a`. */
struct outcome {
    struct str out;
    struct str error;
};

typedef int (*vector_run)(struct arena *a, const struct vector *v, struct outcome *out);

/* 2026-11-23T00:45:00Z: when upstream printed what the vectors expect, "now" included. */
#define VECTORS_NOW_S 1795394700

struct mode {
    const char *name;
    vector_run run;
};

extern const struct mode template_modes[]; /* go, sprig */
extern const struct mode document_modes[]; /* toyaml, fromyaml */
extern const struct mode chart_modes[];    /* helm, values, split, sort */
extern const struct mode schema_modes[];   /* schema */
extern const struct mode semver_modes[];   /* semver, semverparse, semvercmp */
extern const struct mode
    chart_text_modes[]; /* glob, helmignore, set, setstring, setjson, setliteral */

/* A member as text; STR_NONE if absent. */
struct str vector_text(const struct vector *v, const char *member);
/* Item i of the vector's args; STR_NONE if there are fewer. */
struct str vector_arg(const struct vector *v, size_t i);
enum datum_numbers vector_numbers(const struct vector *v);

#endif
