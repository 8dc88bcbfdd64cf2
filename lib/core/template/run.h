/*
 * A run and its stack, for this folder only: what the evaluator keeps, and what functions that
 * execute templates themselves (include, tpl) need of it.
 */
#ifndef HL_CORE_TEMPLATE_RUN_H
#define HL_CORE_TEMPLATE_RUN_H

#include "core/template/func.h"
#include "core/template/node.h"

struct variable {
    uint32_t number; /* of its name, within the file of the body that runs */
    struct datum value;
};

struct active_name { /* an include that is not finished */
    struct str name;
    uint32_t count;
};

struct template_run {
    struct arena *a;
    struct template_limits limits;
    enum template_missing missing;
    struct template_world world;
    uint64_t steps;
    size_t memory_start;
    uint32_t depth;
    struct variable *variable; /* a stack for all bodies that run */
    size_t variable_count;
    size_t variable_cap;
    struct buf *out; /* where the current execution writes; includes write behind it */
    size_t out_start;
    struct active_name *active;
    size_t active_count;
    size_t active_cap;
    struct template_set *parsed; /* what tpl has parsed, by the text */
};

/* Executes a body with `data` as its dot and $. Output goes behind what run->out holds. */
HL_MUST int run_body(struct template_run *run, const struct template_set *set,
                     const struct body *body, struct datum data, struct template_fault *fault);

#endif
