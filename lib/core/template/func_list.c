/* sprig's functions of lists, after its list.go. A must* form and its plain one differ in Go by how
 * they fail, not in what the user sees. */
#include <math.h>

#include "core/template/func.h"
#include "core/template/strings.h"

static bool is_list(struct datum d)
{
    return datum_is_slice(d) || d.type == DATUM_BYTES;
}

/* Lists only; nil is what reflect.TypeOf(nil).Kind() makes of it. */
static int check_list(struct call *c, struct datum d, const char *what)
{
    if (is_list(d))
        return 0;
    if (datum_is_absent(d))
        return call_fail(c, "runtime error: invalid memory address or nil pointer dereference");
    return call_fail(c, "%s type %s", what, datum_kind_name(d));
}

/* Items [from, to) of d, and room for `more` behind them, as []interface {}. */
static struct datum_list *copied(struct call *c, struct datum d, size_t from, size_t to,
                                 size_t before, size_t behind)
{
    struct datum_list *list = datum_list_new(c->a, before + (to - from) + behind);

    for (size_t i = from; i < to; i++) {
        list->item[before + i - from] = datum_item(d, i);
        list->item[before + i - from].is_interface = false;
    }
    return list;
}

static int return_list(struct call *c, struct datum_list *list)
{
    return call_return(c, datum_of_list(DATUM_LIST, list));
}

/* Nothing as a nil []interface {}. */
static int return_nil_list(struct call *c)
{
    return call_return(c, datum_of_list(DATUM_LIST, NULL));
}

static struct datum as_item(struct datum d)
{
    d.is_interface = false;
    return d.type == DATUM_INVALID ? datum_nil() : d;
}

static int call_list(struct call *c)
{
    struct datum_list *list = datum_list_new(c->a, c->count);

    for (size_t i = 0; i < c->count; i++)
        list->item[i] = as_item(c->arg[i]);
    return return_list(c, list);
}

static int call_append(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot push on");

    if (rc < 0)
        return rc;
    size_t count = datum_count(c->arg[0]);
    struct datum_list *list = copied(c, c->arg[0], 0, count, 0, 1);
    list->item[count] = as_item(c->arg[1]);
    return return_list(c, list);
}

static int call_prepend(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot prepend on");

    if (rc < 0)
        return rc;
    struct datum_list *list = copied(c, c->arg[0], 0, datum_count(c->arg[0]), 1, 0);
    list->item[0] = as_item(c->arg[1]);
    return return_list(c, list);
}

static int return_item(struct call *c, size_t i)
{
    return call_return(c, datum_item(c->arg[0], i));
}

static int call_first(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find first on");

    if (rc < 0)
        return rc;
    return datum_count(c->arg[0]) == 0 ? call_return(c, datum_nil()) : return_item(c, 0);
}

static int call_last(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find last on");

    if (rc < 0)
        return rc;
    size_t count = datum_count(c->arg[0]);
    return count == 0 ? call_return(c, datum_nil()) : return_item(c, count - 1);
}

static int call_rest(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find rest on");
    size_t count = datum_count(c->arg[0]);

    if (rc < 0)
        return rc;
    return count == 0 ? return_nil_list(c) : return_list(c, copied(c, c->arg[0], 1, count, 0, 0));
}

static int call_initial(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find initial on");
    size_t count = datum_count(c->arg[0]);

    if (rc < 0)
        return rc;
    return count == 0 ? return_nil_list(c)
                      : return_list(c, copied(c, c->arg[0], 0, count - 1, 0, 0));
}

static int call_reverse(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find reverse on");
    size_t count = datum_count(c->arg[0]);

    if (rc < 0)
        return rc;
    struct datum_list *list = datum_list_new(c->a, count);
    for (size_t i = 0; i < count; i++)
        list->item[count - 1 - i] = as_item(datum_item(c->arg[0], i));
    return return_list(c, list);
}

static int call_compact(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot compact on");
    size_t count = datum_count(c->arg[0]);

    if (rc < 0)
        return rc;
    struct datum_list *list = datum_list_new(c->a, count);
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct datum item = datum_item(c->arg[0], i);
        if (datum_truth(item))
            list->item[list->count++] = as_item(item);
    }
    return return_list(c, list);
}

/* Comparing every item with every other is what sprig does; steps bound it. */
static int is_among(struct call *c, struct datum needle, const struct datum *item, size_t count,
                    bool *out)
{
    int rc = call_walk(c, needle);

    if (rc == 0)
        rc = call_steps(c, 1 + count / 8);
    *out = false;
    for (size_t i = 0; rc == 0 && i < count && !*out; i++)
        *out = datum_deep_equal(needle, item[i]);
    return rc;
}

static int call_uniq(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find uniq on");
    size_t count = datum_count(c->arg[0]);

    if (rc < 0)
        return rc;
    struct datum_list *list = datum_list_new(c->a, count);
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct datum item = as_item(datum_item(c->arg[0], i));
        bool is_there;
        rc = is_among(c, item, list->item, list->count, &is_there);
        if (rc < 0)
            return rc;
        if (!is_there)
            list->item[list->count++] = item;
    }
    return return_list(c, list);
}

static int call_without(struct call *c)
{
    int rc = check_list(c, c->arg[0], "Cannot find without on");
    size_t count = datum_count(c->arg[0]);

    if (rc < 0)
        return rc;
    struct datum_list *list = datum_list_new(c->a, count);
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct datum item = as_item(datum_item(c->arg[0], i));
        bool is_omitted;
        rc = is_among(c, item, c->arg + 1, c->count - 1, &is_omitted);
        if (rc < 0)
            return rc;
        if (!is_omitted)
            list->item[list->count++] = item;
    }
    return return_list(c, list);
}

static int call_has(struct call *c)
{
    struct datum d = c->arg[1];

    if (datum_is_absent(d))
        return call_return(c, datum_bool(false));
    int rc = check_list(c, d, "Cannot find has on");
    if (rc == 0)
        rc = call_walk(c, c->arg[0]);
    if (rc == 0)
        rc = call_steps(c, 1 + datum_count(d) / 8);
    if (rc < 0)
        return rc;
    datum_mark_read(d);
    for (size_t i = 0; i < datum_count(d); i++) {
        if (datum_deep_equal(c->arg[0], datum_item(d, i)))
            return call_return(c, datum_bool(true));
    }
    return call_return(c, datum_bool(false));
}

static int call_slice(struct call *c)
{
    struct datum d = c->arg[0];
    int rc = check_list(c, d, "list should be type of slice or array but");
    int64_t count = (int64_t)datum_count(d);

    if (rc < 0)
        return datum_is_absent(d) ? rc
                                  : call_fail(c, "list should be type of slice or array but %s",
                                              datum_kind_name(d));
    if (count == 0)
        return call_return(c, datum_nil());
    int64_t from = c->count > 1 ? int64_of(c->arg[1]) : 0;
    int64_t to = c->count > 2 ? int64_of(c->arg[2]) : count;
    if (from < 0 || to < from || to > count)
        return call_fail(c, "reflect.Value.Slice: slice index out of bounds");
    if (d.type == DATUM_BYTES) {
        d.bytes += from;
        d.len = (uint32_t)(to - from);
        return call_return(c, d);
    }
    struct datum_list *list = copied(c, d, (size_t)from, (size_t)to, 0, 0);
    return call_return(c, datum_of_list(d.type, list));
}

static int call_concat(struct call *c)
{
    struct datum_list *list;
    size_t count = 0;
    size_t at = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (datum_is_absent(c->arg[i]))
            return call_fail(c, "runtime error: invalid memory address or nil pointer dereference");
        if (!is_list(c->arg[i]))
            return call_fail(c, "Cannot concat type %s as list", datum_kind_name(c->arg[i]));
        count += datum_count(c->arg[i]);
    }
    if (count == 0)
        return return_nil_list(c);
    list = datum_list_new(c->a, count);
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = 0; k < datum_count(c->arg[i]); k++)
            list->item[at++] = as_item(datum_item(c->arg[i], k));
    }
    return return_list(c, list);
}

static int call_chunk(struct call *c)
{
    int64_t size = c->arg[0].integer;
    struct datum d = c->arg[1];
    int rc = check_list(c, d, "Cannot chunk");
    size_t count = datum_count(d);

    if (rc < 0)
        return rc;
    double exact = size == 0 ? -1.0 : floor(((double)count - 1.0) / (double)size) + 1.0;
    if (exact < 0.0)
        return call_fail(c, "runtime error: makeslice: len out of range");
    size_t parts = (size_t)exact;
    struct datum_list *list = datum_list_new(c->a, parts);
    for (size_t i = 0; i < parts; i++) {
        size_t from = i * (size_t)size;
        size_t to = count - from < (size_t)size ? count : from + (size_t)size;
        list->item[i] = datum_of_list(DATUM_LIST, copied(c, d, from, to, 0, 0));
    }
    return call_return(c, datum_of_list(DATUM_LISTS, list));
}

const struct function functions_list[] = {
    {"list", "a*", call_list},         {"tuple", "a*", call_list},
    {"append", "aa", call_append},     {"push", "aa", call_append},
    {"mustAppend", "aa", call_append}, {"mustPush", "aa", call_append},
    {"prepend", "aa", call_prepend},   {"mustPrepend", "aa", call_prepend},
    {"first", "a", call_first},        {"mustFirst", "a", call_first},
    {"last", "a", call_last},          {"mustLast", "a", call_last},
    {"rest", "a", call_rest},          {"mustRest", "a", call_rest},
    {"initial", "a", call_initial},    {"mustInitial", "a", call_initial},
    {"reverse", "a", call_reverse},    {"mustReverse", "a", call_reverse},
    {"compact", "a", call_compact},    {"mustCompact", "a", call_compact},
    {"uniq", "a", call_uniq},          {"mustUniq", "a", call_uniq},
    {"without", "aa*", call_without},  {"mustWithout", "aa*", call_without},
    {"has", "aa", call_has},           {"mustHas", "aa", call_has},
    {"slice", "aa*", call_slice},      {"mustSlice", "aa*", call_slice},
    {"concat", "a*", call_concat},     {"chunk", "ia", call_chunk},
    {"mustChunk", "ia", call_chunk},   {NULL, NULL, NULL},
};
