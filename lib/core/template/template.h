/*
 * Go's text/template, as Helm v3.21 uses it (Go 1.26, sprig v3.3).
 *
 * Parse a text once into a tree, put trees into a set under their names, execute a name with data.
 * A tree and a set do not change while they are executed and may serve many runs; a run belongs to
 * one render, holds its limits, its clock and its randomness, and sees every change that templates
 * make to the data.
 *
 * Pure: time, randomness, zones and lookups come in through struct template_world; functions that
 * would reach for the environment, the network or a file (env, expandenv, getHostByName) fail and
 * say so.
 *
 * Faults carry Go's text word for word ("template: NAME:LINE:COL: executing ... at <...>: ..."),
 * since users match on it, and the position apart from it.
 *
 * Ownership: trees and sets live in the arena given to them, and borrow the texts they were parsed
 * from. Threads: a run is confined to one thread.
 * Limits: struct template_limits, TEMPLATE_TEXT_MAX bytes a text, TEMPLATE_NESTING_MAX actions or
 * parentheses in one another.
 */
#ifndef HL_CORE_TEMPLATE_TEMPLATE_H
#define HL_CORE_TEMPLATE_TEMPLATE_H

#include "core/template/crypto.h"

enum {
    TEMPLATE_TEXT_MAX = 64 << 20,
    TEMPLATE_NESTING_MAX = 1000,
    TEMPLATE_INCLUDE_MAX = 1000, /* of one name within itself: Helm's bound */
};

/* Which functions a text may call; each contains the one before. */
enum template_functions { TEMPLATE_GO, TEMPLATE_SPRIG, TEMPLATE_HELM };

struct template_fault {
    int code;         /* HL_EINVAL, HL_ELIMIT, HL_EUNSUPPORTED */
    struct str text;  /* Go's error text, in the arena of the call */
    bool has_message; /* fail or required ended it, with this message */
    struct str message;
    struct str file; /* the outermost place: the template file, */
    uint32_t line;   /* its line (1-based) */
    uint32_t column; /* and byte in the line (1-based; 0: unknown) */
};

/* ---- parsing ---- */

struct template_tree;

/*
 * Parses `text`, which errors call `name`, with everything that it defines. 0, or HL_EINVAL or
 * HL_ELIMIT with the fault ("template: NAME:LINE: ..."), and nothing but memory in `a` used.
 */
HL_MUST int template_parse(struct arena *a, struct str name, struct str text,
                           enum template_functions functions, struct template_tree **out,
                           struct template_fault *fault);

/* Names that execution can be asked for. Sets may lie over one another: a name that is not in the
 * upper one is looked up below. */
struct template_set;
struct template_set *template_set_new(struct arena *a, const struct template_set *below);
/* Adds what a tree defines and its body under its own name. As in Go the last of a name counts, but
 * an empty body never replaces one that is not empty. */
void template_set_add(struct template_set *set, const struct template_tree *tree);
bool template_set_has(const struct template_set *set, struct str name);

/* ---- executing ---- */

struct template_limits {
    uint64_t steps;      /* nodes executed and items that functions walk */
    size_t output_bytes; /* of one execution */
    size_t memory_bytes; /* of the run's arena */
    uint32_t depth;      /* templates, includes and tpl within one another */
};
extern const struct template_limits template_limits_default;

enum template_missing {
    TEMPLATE_MISSING_INVALID, /* text/template's default */
    TEMPLATE_MISSING_ZERO,    /* Helm's missingkey=zero */
    TEMPLATE_MISSING_ERROR,   /* lint's missingkey=error */
};

struct template_world {
    void *context; /* for the functions below */
    int64_t now_s; /* since 1970 */
    uint32_t now_ns;
    bool is_fake; /* random functions give fixed results; test builds only */
    /* Fills out with unpredictable bytes. NULL: functions that need them fail. */
    void (*fill_random)(void *context, void *out, size_t len);
    /* NULL: functions that need it fail with HL_EUNSUPPORTED. */
    const struct template_crypto *crypto;
    /* Offset and abbreviation of a zone ("" = local) at a time; false: unknown. NULL: UTC alone. */
    bool (*zone)(void *context, struct str name, int64_t at_s, int32_t *out_offset_s,
                 char out_abbreviation[16]);
    /* Kubernetes objects; NULL: there are none, as in `helm template`. 0 with *out a map. */
    int (*lookup)(void *context, struct str api_version, struct str kind, struct str namespace,
                  struct str name, struct arena *a, struct datum *out, struct err *err);
};

struct template_run;

/* `a` takes everything that executions make; limits count what it gains from here on. */
struct template_run *template_run_new(struct arena *a, const struct template_limits *limits,
                                      enum template_missing missing,
                                      const struct template_world *world);

/* Appends the result of executing `name` with `data` as dot. On a fault what was appended stays. */
HL_MUST int template_execute(struct template_run *run, const struct template_set *set,
                             struct str name, struct datum data, struct buf *out,
                             struct template_fault *fault);

#endif
