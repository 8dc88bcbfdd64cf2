/* sprig's functions of types and defaults, after its reflect.go and defaults.go. JSON in sprig's
 * own form lies in func_encode.c. */
#include "core/template/func.h"

/* empty: as truth, but a typed nothing counts as nothing. */
static bool is_empty(struct datum d)
{
    return !datum_truth(d);
}

static int call_default(struct call *c)
{
    if (c->count < 2 || is_empty(c->arg[1]))
        return call_return(c, c->arg[0]);
    return call_return(c, c->arg[1]);
}

static int call_empty(struct call *c)
{
    return call_return(c, datum_bool(is_empty(c->arg[0])));
}

static int call_coalesce(struct call *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!is_empty(c->arg[i]))
            return call_return(c, c->arg[i]);
    }
    return call_return(c, datum_nil());
}

static int call_all(struct call *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (is_empty(c->arg[i]))
            return call_return(c, datum_bool(false));
    }
    return call_return(c, datum_bool(true));
}

static int call_any(struct call *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!is_empty(c->arg[i]))
            return call_return(c, datum_bool(true));
    }
    return call_return(c, datum_bool(false));
}

static int call_ternary(struct call *c)
{
    return call_return(c, c->arg[2].boolean ? c->arg[0] : c->arg[1]);
}

static int call_type_of(struct call *c)
{
    return call_return_str(c, datum_type_name(c->a, c->arg[0]));
}

static int call_type_is(struct call *c)
{
    return call_return(c, datum_bool(str_eq(call_str(c, 0), datum_type_name(c->a, c->arg[1]))));
}

static int call_type_is_like(struct call *c)
{
    struct str want = call_str(c, 0);
    struct str type = datum_type_name(c->a, c->arg[1]);
    bool is_pointer = type.len > 0 && type.ptr[0] == '*';

    return call_return(c, datum_bool(str_eq(want, type) ||
                                     (is_pointer && str_eq(want, str_sub(type, 1, type.len)))));
}

static int call_kind_of(struct call *c)
{
    return call_return_str(c, str_from(datum_kind_name(c->arg[0])));
}

static int call_kind_is(struct call *c)
{
    return call_return(c, datum_bool(str_eq(call_str(c, 0), str_from(datum_kind_name(c->arg[1])))));
}

static int call_deep_equal(struct call *c)
{
    int rc = call_walk(c, c->arg[0]);

    if (rc < 0)
        return rc;
    datum_mark_read(c->arg[0]);
    datum_mark_read(c->arg[1]);
    return call_return(c, datum_bool(datum_deep_equal(c->arg[0], c->arg[1])));
}

static int call_fail_with(struct call *c)
{
    c->error = call_str(c, 0);
    return HL_EINVAL;
}

/* What would make a result depend on more than chart and values. */
static int refuse_outside(struct call *c)
{
    (void)!call_fail(c,
                     "%s is not available: templates see neither the environment nor the network",
                     c->function->name);
    return HL_EUNSUPPORTED;
}

const struct function functions_reflect[] = {
    {"default", "aa*", call_default},
    {"empty", "a", call_empty},
    {"coalesce", "a*", call_coalesce},
    {"all", "a*", call_all},
    {"any", "a*", call_any},
    {"ternary", "aab", call_ternary},
    {"typeOf", "a", call_type_of},
    {"typeIs", "sa", call_type_is},
    {"typeIsLike", "sa", call_type_is_like},
    {"kindOf", "a", call_kind_of},
    {"kindIs", "sa", call_kind_is},
    {"deepEqual", "aa", call_deep_equal},
    {"fail", "s", call_fail_with},
    {"env", "s", refuse_outside},
    {"expandenv", "s", refuse_outside},
    {"getHostByName", "s", refuse_outside},
    {NULL, NULL, NULL},
};
