/* sprig's functions of maps, after its dict.go, and mergo's merging as far as maps of values can
 * tell. Go gives keys and values in a random order, we in that of their insertion. */
#include "core/template/func.h"
#include "core/template/strings.h"

enum { MERGE_DEPTH_MAX = 200 };

static struct datum as_value(struct datum d)
{
    d.is_interface = false;
    return d.type == DATUM_INVALID ? datum_nil() : d;
}

static int assign_to_nil(struct call *c)
{
    return call_fail(c, "assignment to entry in nil map");
}

static int call_dict(struct call *c)
{
    struct datum_map *m = datum_map_new(c->a);

    for (size_t i = 0; i < c->count; i += 2) {
        struct datum v = i + 1 < c->count ? as_value(c->arg[i + 1]) : datum_string(STR(""));
        datum_map_set(c->a, m, string_of(c->a, c->arg[i]), v);
    }
    return call_return(c, datum_of_map(m));
}

static int call_get(struct call *c)
{
    struct datum_entry *e = datum_map_find(c->arg[0].map, call_str(c, 1));

    if (!e)
        return call_return(c, datum_string(STR("")));
    e->is_read = true;
    return call_return(c, e->value);
}

static int call_set(struct call *c)
{
    if (!c->arg[0].map)
        return assign_to_nil(c);
    struct datum_entry *e = datum_map_set(c->a, c->arg[0].map, call_str(c, 1), as_value(c->arg[2]));
    e->origin = NULL;
    return call_return(c, datum_of_map(c->arg[0].map));
}

static int call_unset(struct call *c)
{
    if (c->arg[0].map)
        datum_map_remove(c->arg[0].map, call_str(c, 1));
    return call_return(c, datum_of_map(c->arg[0].map));
}

static int call_has_key(struct call *c)
{
    struct datum_entry *e = datum_map_find(c->arg[0].map, call_str(c, 1));

    if (e)
        e->is_read = true;
    return call_return(c, datum_bool(e != NULL));
}

static int call_pluck(struct call *c)
{
    struct datum_list *list = datum_list_new(c->a, c->count - 1);

    list->count = 0;
    for (size_t i = 1; i < c->count; i++) {
        struct datum_entry *e = datum_map_find(c->arg[i].map, call_str(c, 0));
        if (!e)
            continue;
        e->is_read = true;
        list->item[list->count++] = e->value;
    }
    return call_return(c, datum_of_list(DATUM_LIST, list));
}

static int call_keys(struct call *c)
{
    struct str *key = NULL;
    size_t count = 0;
    size_t cap = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct datum_entry **e = datum_map_inserted(c->a, c->arg[i].map);
        for (size_t k = 0; k < datum_count(c->arg[i]); k++) {
            e[k]->is_read = true;
            ARENA_PUSH(c->a, key, count, cap, e[k]->key);
        }
    }
    return call_return(c, strings_datum(c->a, key, count));
}

static int call_values(struct call *c)
{
    size_t count = datum_count(c->arg[0]);
    struct datum_list *list = datum_list_new(c->a, count);
    struct datum_entry **e = datum_map_inserted(c->a, c->arg[0].map);

    for (size_t i = 0; i < count; i++) {
        e[i]->is_read = true;
        list->item[i] = e[i]->value;
    }
    return call_return(c, datum_of_list(DATUM_LIST, list));
}

/* A copy of the entry in another map, with where it came from. */
static void take_entry(struct call *c, struct datum_map *to, struct datum_entry *e)
{
    e->is_read = true;
    datum_map_set(c->a, to, e->key, e->value)->origin = e->origin;
}

static int call_pick(struct call *c)
{
    struct datum_map *m = datum_map_new(c->a);

    for (size_t i = 1; i < c->count; i++) {
        struct datum_entry *e = datum_map_find(c->arg[0].map, call_str(c, i));
        if (e)
            take_entry(c, m, e);
    }
    return call_return(c, datum_of_map(m));
}

static bool is_named(struct call *c, struct str key)
{
    for (size_t i = 1; i < c->count; i++) {
        if (str_eq(call_str(c, i), key))
            return true;
    }
    return false;
}

static int call_omit(struct call *c)
{
    struct datum_map *m = datum_map_new(c->a);

    for (size_t i = 0; i < datum_count(c->arg[0]); i++) {
        struct datum_entry *e = &c->arg[0].map->entry[i];
        if (!is_named(c, e->key))
            take_entry(c, m, e);
    }
    return call_return(c, datum_of_map(m));
}

static int wrong_conversion(struct call *c, struct datum d, const char *to)
{
    struct str got = datum_is_absent(d) ? STR("nil") : datum_type_name(c->a, d);

    return call_fail(c, "interface conversion: interface {} is " STR_FMT ", not %s", STR_ARG(got),
                     to);
}

static int call_dig(struct call *c)
{
    struct datum d;

    if (c->count < 3)
        return call_fail(c, "dig needs at least three arguments");
    d = c->arg[c->count - 1];
    for (size_t i = 0; i + 2 < c->count; i++) {
        if (c->arg[i].type != DATUM_STRING && d.type == DATUM_MAP)
            return wrong_conversion(c, c->arg[i], "string");
    }
    for (size_t i = 0; i + 2 < c->count; i++) {
        if (d.type != DATUM_MAP)
            return wrong_conversion(c, d, "map[string]interface {}");
        struct datum_entry *e = datum_map_find(d.map, call_str(c, i));
        if (!e)
            return call_return(c, c->arg[c->count - 2]);
        e->is_read = true;
        d = e->value;
    }
    return call_return(c, d);
}

/* ---- merging: mergo.Merge and MergeWithOverwrite ---- */

static int merge_into(struct call *c, struct datum_map *dst, const struct datum_map *src,
                      bool is_overwriting, int depth)
{
    int rc = call_steps(c, 1 + src->count);

    if (depth > MERGE_DEPTH_MAX)
        return call_fail(c, "more than %d maps in one another", MERGE_DEPTH_MAX);
    for (uint32_t i = 0; rc == 0 && i < src->count; i++) {
        struct datum_entry from = src->entry[i];
        struct datum_entry *to = datum_map_find(dst, from.key);
        bool is_set;
        if (from.value.type == DATUM_NIL) {
            is_set = is_overwriting;
        } else if (to && datum_is_map(from.value) && datum_is_map(to->value) && to->value.map &&
                   from.value.map) {
            rc = merge_into(c, to->value.map, from.value.map, is_overwriting, depth + 1);
            is_set = datum_count(to->value) == 0 && from.value.map->count == 0 && is_overwriting;
        } else {
            is_set = is_overwriting || !to || !datum_truth(to->value);
        }
        if (is_set)
            datum_map_set(c->a, dst, from.key, from.value)->origin = from.origin;
    }
    return rc;
}

static int merged(struct call *c, bool is_overwriting)
{
    struct datum_map *dst = c->arg[0].map;

    if (!dst)
        dst = datum_map_new(c->a);
    for (size_t i = 1; i < c->count; i++) {
        const struct datum_map *src = c->arg[i].map;
        if (!src || src == dst)
            continue;
        int rc = merge_into(c, dst, src, is_overwriting, 0);
        if (rc < 0)
            return rc;
    }
    return call_return(c, (struct datum){.type = c->arg[0].type, .map = dst});
}

static int call_merge(struct call *c)
{
    return merged(c, false);
}

static int call_merge_overwrite(struct call *c)
{
    return merged(c, true);
}

static int call_deep_copy(struct call *c)
{
    if (datum_is_absent(c->arg[0]))
        return call_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    int rc = call_walk(c, c->arg[0]);
    if (rc < 0)
        return rc;
    return call_return(c, datum_deep_copy(c->a, c->arg[0]));
}

const struct function functions_map[] = {
    {"dict", "a*", call_dict},
    {"get", "ms", call_get},
    {"set", "msa", call_set},
    {"unset", "ms", call_unset},
    {"hasKey", "ms", call_has_key},
    {"pluck", "sm*", call_pluck},
    {"keys", "m*", call_keys},
    {"values", "m", call_values},
    {"pick", "ms*", call_pick},
    {"omit", "ms*", call_omit},
    {"dig", "a*", call_dig},
    {"merge", "mm*", call_merge},
    {"mustMerge", "mm*", call_merge},
    {"mergeOverwrite", "mm*", call_merge_overwrite},
    {"mustMergeOverwrite", "mm*", call_merge_overwrite},
    {"deepCopy", "a", call_deep_copy},
    {"mustDeepCopy", "a", call_deep_copy},
    {NULL, NULL, NULL},
};
