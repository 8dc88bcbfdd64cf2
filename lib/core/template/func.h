/*
 * Functions and methods that templates call, for this folder and for whoever has classes of
 * objects.
 *
 * A signature is a string with a letter a parameter; the evaluator converts and checks arguments
 * against it as Go's reflection does, so that an implementation finds what it asked for:
 *
 *   a interface{}        s string      i int             l int64        u uint32 (a literal)
 *   v reflect.Value      b bool        f float64         m map[string]interface {} (may be NULL)
 *   L []interface {}     t time.Time   d time.Duration   o an object of any class
 *
 * A last letter followed by '*' takes any number of arguments. 'v' differs from 'a' in that an
 * argument keeps its `is_interface` mark.
 *
 * Threads: a call belongs to its run's thread.
 */
#ifndef HL_CORE_TEMPLATE_FUNC_H
#define HL_CORE_TEMPLATE_FUNC_H

#include "core/template/template.h"

struct call {
    struct template_run *run;
    const struct template_set *set; /* what include and tpl look names up in */
    const struct function *function;
    struct arena *a;
    struct datum receiver; /* of a method */
    const struct datum *arg;
    size_t count;
    struct datum result;
    struct str error; /* Go's text of the error that the function returns */
    bool has_message; /* of fail and required, kept through all that wraps it */
    struct str message;
};

/* 0 with c->result, or a code < 0 with c->error. */
typedef int (*function_call)(struct call *c);

struct function {
    const char *name;
    const char *params;
    function_call call;
};

struct datum_method {
    struct function function; /* name NULL: the end */
};

/* Sets c->error; returns HL_EINVAL. */
HL_MUST int call_fail(struct call *c, const char *fmt, ...) HL_PRINTF(2, 3);
/* Before making `bytes` of memory or walking `steps` items: 0, or HL_ELIMIT with c->error. */
HL_MUST int call_room(struct call *c, size_t bytes);
HL_MUST int call_steps(struct call *c, uint64_t steps);
/* Before walking all of d: values that hang in several places count each time. */
HL_MUST int call_walk(struct call *c, struct datum d);
const struct template_world *call_world(const struct call *c);
/* The world's cryptographic library. NULL, with c->error: there is none (HL_EUNSUPPORTED). */
const struct template_crypto *call_crypto(struct call *c);

/* String argument i; its datum is DATUM_STRING. */
static inline struct str call_str(const struct call *c, size_t i)
{
    return datum_str(c->arg[i]);
}

/* Sets the result, which is borrowed; returns 0. */
static inline int call_return_str(struct call *c, struct str s)
{
    c->result = datum_string(s);
    return 0;
}

/* The same for what a buffer holds: copied to the arena if there is room. */
HL_MUST int call_return_buf(struct call *c, const struct buf *b);

static inline int call_return(struct call *c, struct datum d)
{
    c->result = d;
    return 0;
}

/* What a template calls by this name, if the texts's functions have it; NULL otherwise. */
const struct function *function_find(struct str name, enum template_functions functions);

/* The tables, each ending with a NULL name; func.c searches them. */
extern const struct function functions_go[];     /* func_go.c: text/template's own */
extern const struct function functions_text[];   /* func_text.c: strings */
extern const struct function functions_list[];   /* func_list.c: lists */
extern const struct function functions_map[];    /* func_map.c: maps, merging */
extern const struct function functions_number[]; /* func_number.c: casts and arithmetic */
extern const struct function functions_regex[];  /* func_regex.c: RE2 */
extern const struct function functions_date[];   /* func_date.c: times */
extern const struct function functions_encode[]; /* func_encode.c: base64, digests, URLs, paths */
extern const struct function functions_crypto[]; /* func_crypto.c: randomness, keys, certificates */
extern const struct function functions_reflect[]; /* func_reflect.c: types, defaults, comparing */
extern const struct function functions_version[]; /* func_version.c: semver */
extern const struct function functions_helm[]; /* func_helm.c: include, tpl, toYaml, lookup ... */

#endif
