/* Maps are sorted arrays: templates' maps are small, are ranged over in order, and seldom grow. */
#include "core/template/datum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core/value/json.h"

struct datum_list *datum_list_new(struct arena *a, size_t count)
{
    struct datum_list *list =
        arena_alloc(a, sizeof(struct datum_list) + count * sizeof(struct datum));

    list->count = count;
    for (size_t i = 0; i < count; i++)
        list->item[i] = datum_nil();
    return list;
}

struct datum_map *datum_map_new(struct arena *a)
{
    return arena_one(a, struct datum_map);
}

/* Where key is or belongs. */
static uint32_t place_of(const struct datum_map *m, struct str key, bool *is_there)
{
    uint32_t low = 0;
    uint32_t high = m->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_cmp(m->entry[middle].key, key);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = false;
    return low;
}

struct datum_entry *datum_map_find(const struct datum_map *m, struct str key)
{
    bool is_there;

    if (!m)
        return NULL;
    uint32_t at = place_of(m, key, &is_there);
    return is_there ? &m->entry[at] : NULL;
}

struct datum_entry *datum_map_set(struct arena *a, struct datum_map *m, struct str key,
                                  struct datum v)
{
    bool is_there;
    uint32_t at;

    if (m->count > 0 && str_cmp(m->entry[m->count - 1].key, key) < 0) { /* keys often come sorted */
        at = m->count;
        is_there = false;
    } else {
        at = place_of(m, key, &is_there);
    }
    v.is_interface = false;
    m->is_all_read = false;
    if (v.type == DATUM_INVALID)
        v = datum_nil();
    if (is_there) {
        m->entry[at].value = v;
        return &m->entry[at];
    }
    if (m->count == m->cap) {
        size_t cap = m->cap;
        m->entry = arena_grow(a, m->entry, m->count, &cap, m->count + 1, sizeof(*m->entry));
        m->cap = (uint32_t)cap;
    }
    memmove(m->entry + at + 1, m->entry + at, (m->count - at) * sizeof(*m->entry));
    m->entry[at] = (struct datum_entry){.key = key, .value = v, .order = m->next_order++};
    m->count++;
    return &m->entry[at];
}

void datum_map_remove(struct datum_map *m, struct str key)
{
    bool is_there;
    uint32_t at = place_of(m, key, &is_there);

    if (!is_there)
        return;
    m->count--;
    memmove(m->entry + at, m->entry + at + 1, (m->count - at) * sizeof(*m->entry));
}

static int by_order(const void *a, const void *b)
{
    const struct datum_entry *const *x = a;
    const struct datum_entry *const *y = b;

    return (*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order;
}

struct datum_entry **datum_map_inserted(struct arena *a, const struct datum_map *m)
{
    size_t count = m ? m->count : 0;
    struct datum_entry **e = arena_array(a, struct datum_entry *, count + 1);

    for (size_t i = 0; i < count; i++)
        e[i] = &m->entry[i];
    if (count > 1)
        qsort(e, count, sizeof(struct datum_entry *), by_order);
    return e;
}

struct datum datum_item(struct datum d, size_t i)
{
    struct datum item;

    if (d.type == DATUM_BYTES)
        return (struct datum){.type = DATUM_UINT8, .unsigned_integer = (unsigned char)d.bytes[i]};
    if (datum_is_map(d)) {
        item = d.map->entry[i].value;
        item.is_interface = d.type != DATUM_STRING_MAP;
        return item;
    }
    item = d.list->item[i];
    item.is_interface = d.type == DATUM_LIST;
    return item;
}

bool datum_truth(struct datum d)
{
    switch ((enum datum_type)d.type) {
    case DATUM_INVALID:
    case DATUM_NIL:
        return false;
    case DATUM_BOOL:
        return d.boolean;
    case DATUM_INT:
    case DATUM_INT64:
    case DATUM_DURATION:
        return d.integer != 0;
    case DATUM_UINT8:
    case DATUM_UINT64:
        return d.unsigned_integer != 0;
    case DATUM_FLOAT64:
        return d.number != 0.0;
    case DATUM_COMPLEX:
        return d.complex[0] != 0.0 || d.complex[1] != 0.0;
    case DATUM_OBJECT:
        return true;
    default:
        return datum_count(d) > 0;
    }
}

struct str datum_type_name(struct arena *a, struct datum d)
{
    static const char *const name[] = {
        [DATUM_INVALID] = "<nil>",
        [DATUM_NIL] = "<nil>",
        [DATUM_BOOL] = "bool",
        [DATUM_STRING] = "string",
        [DATUM_INT] = "int",
        [DATUM_INT64] = "int64",
        [DATUM_UINT8] = "uint8",
        [DATUM_UINT64] = "uint64",
        [DATUM_FLOAT64] = "float64",
        [DATUM_COMPLEX] = "complex128",
        [DATUM_DURATION] = "time.Duration",
        [DATUM_BYTES] = "[]uint8",
        [DATUM_LIST] = "[]interface {}",
        [DATUM_STRINGS] = "[]string",
        [DATUM_INTS] = "[]int",
        [DATUM_LISTS] = "[][]interface {}",
        [DATUM_MAPS] = "[]map[string]interface {}",
        [DATUM_OBJECTS] = "[]interface {}",
        [DATUM_MAP] = "map[string]interface {}",
        [DATUM_VALUES] = "chartutil.Values",
        [DATUM_STRING_MAP] = "map[string]string",
    };

    if (d.type == DATUM_OBJECT)
        return str_from(d.object->class->type_name);
    if (datum_is_map(d) && d.map && d.map->class)
        return str_from(d.map->class->type_name);
    if (datum_is_slice(d) && d.list && d.list->class)
        return str_from(d.list->class->type_name);
    if (d.type == DATUM_OBJECTS && datum_count(d) > 0)
        return arena_printf(a, "[]%s", d.list->item[0].object->class->type_name);
    return str_from(name[d.type]);
}

const char *datum_kind_name(struct datum d)
{
    switch ((enum datum_type)d.type) {
    case DATUM_INVALID:
    case DATUM_NIL:
        return "invalid";
    case DATUM_BOOL:
        return "bool";
    case DATUM_STRING:
        return "string";
    case DATUM_INT:
        return "int";
    case DATUM_INT64:
    case DATUM_DURATION:
        return "int64";
    case DATUM_UINT8:
        return "uint8";
    case DATUM_UINT64:
        return "uint64";
    case DATUM_FLOAT64:
        return "float64";
    case DATUM_COMPLEX:
        return "complex128";
    case DATUM_MAP:
    case DATUM_VALUES:
    case DATUM_STRING_MAP:
        return "map";
    case DATUM_OBJECT:
        return d.object->class->kind_name;
    default:
        return "slice";
    }
}

/* ---- comparing and copying ---- */

static bool same(struct datum a, struct datum b, int depth);

static bool same_items(struct datum a, struct datum b, int depth)
{
    size_t count = datum_count(a);

    if (count != datum_count(b) || (!a.list) != (!b.list))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (datum_is_map(a) && !str_eq(a.map->entry[i].key, b.map->entry[i].key))
            return false;
        if (!same(datum_item(a, i), datum_item(b, i), depth + 1))
            return false;
    }
    return true;
}

static bool same(struct datum a, struct datum b, int depth)
{
    if (datum_is_absent(a) || datum_is_absent(b))
        return datum_is_absent(a) == datum_is_absent(b);
    if (a.type != b.type || depth > DATUM_DEPTH_MAX)
        return false;
    switch ((enum datum_type)a.type) {
    case DATUM_BOOL:
        return a.boolean == b.boolean;
    case DATUM_STRING:
    case DATUM_BYTES:
        return str_eq(datum_str(a), datum_str(b));
    case DATUM_FLOAT64:
        return a.number == b.number;
    case DATUM_COMPLEX:
        return a.complex[0] == b.complex[0] && a.complex[1] == b.complex[1];
    case DATUM_OBJECT:
        return a.object == b.object;
    case DATUM_INT:
    case DATUM_INT64:
    case DATUM_DURATION:
    case DATUM_UINT8:
    case DATUM_UINT64:
        return a.integer == b.integer;
    default:
        return a.map == b.map || same_items(a, b, depth);
    }
}

bool datum_deep_equal(struct datum a, struct datum b)
{
    return same(a, b, 0);
}

static struct datum copied(struct arena *a, struct datum d, int depth)
{
    if (depth > DATUM_DEPTH_MAX)
        return d;
    if (datum_is_slice(d) && d.list) {
        struct datum_list *list = datum_list_new(a, d.list->count);
        for (size_t i = 0; i < list->count; i++)
            list->item[i] = copied(a, d.list->item[i], depth + 1);
        d.list = list;
    } else if (datum_is_map(d) && d.map) {
        struct datum_map *m = datum_map_new(a);
        m->class = d.map->class;
        m->next_order = d.map->next_order;
        m->count = m->cap = d.map->count;
        m->entry = arena_array(a, struct datum_entry, m->count);
        for (uint32_t i = 0; i < m->count; i++) {
            m->entry[i] = d.map->entry[i];
            m->entry[i].value = copied(a, m->entry[i].value, depth + 1);
        }
        d.map = m;
    }
    return d;
}

struct datum datum_deep_copy(struct arena *a, struct datum d)
{
    return copied(a, d, 0);
}

static void count_nodes(struct datum d, size_t *left, int depth)
{
    if (*left > 0)
        --*left;
    if ((!datum_is_slice(d) && !datum_is_map(d)) || depth > DATUM_DEPTH_MAX)
        return;
    for (size_t i = 0; i < datum_count(d) && *left > 0; i++)
        count_nodes(datum_item(d, i), left, depth + 1);
}

size_t datum_nodes(struct datum d, size_t max)
{
    size_t left = max;

    count_nodes(d, &left, 0);
    return max - left;
}

static void mark_read(struct datum d, int depth)
{
    if ((!datum_is_slice(d) && !datum_is_map(d)) || !d.map || depth > DATUM_DEPTH_MAX)
        return;
    bool *is_done = datum_is_map(d) ? &d.map->is_all_read : &d.list->is_all_read;
    if (*is_done)
        return;
    *is_done = true; /* first: it may hold itself */
    for (size_t i = 0; i < datum_count(d); i++) {
        if (datum_is_map(d))
            d.map->entry[i].is_read = true;
        mark_read(datum_item(d, i), depth + 1);
    }
}

void datum_mark_read(struct datum d)
{
    mark_read(d, 0);
}

/* ---- documents ---- */

struct datum datum_from_value(struct arena *a, const struct value *v, enum datum_numbers numbers)
{
    bool is_float = numbers == DATUM_FLOATS;

    switch (v->kind) {
    case VALUE_NULL:
        return datum_nil();
    case VALUE_BOOL:
        return datum_bool(v->boolean);
    case VALUE_INT:
        return is_float ? datum_float((double)v->integer) : datum_int64(v->integer);
    case VALUE_UINT:
        return datum_float((double)v->unsigned_integer);
    case VALUE_FLOAT:
        return datum_float(v->number);
    case VALUE_STRING:
        return datum_string(v->string);
    case VALUE_LIST: {
        struct datum_list *list = datum_list_new(a, v->list.count);
        for (size_t i = 0; i < list->count; i++)
            list->item[i] = datum_from_value(a, v->list.item[i], numbers);
        return datum_of_list(DATUM_LIST, list);
    }
    case VALUE_MAP: {
        struct datum_map *m = datum_map_new(a);
        for (size_t i = 0; i < v->map.count; i++) {
            const struct member *member = &v->map.member[i];
            struct datum item = datum_from_value(a, member->value, numbers);
            datum_map_set(a, m, member->key, item)->origin = member->value;
        }
        return datum_of_map(m);
    }
    }
    return datum_nil();
}

/* What is no UTF-8 becomes U+FFFD, as encoding/json writes it. */
static struct str as_utf8(struct arena *a, struct str s)
{
    if (str_is_utf8(s))
        return s;
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    for (size_t at = 0; at < s.len;) {
        uint32_t r;
        size_t len = str_rune(s, at, &r);
        if (len > 0)
            buf_add(&text, str_sub(s, at, at + len));
        else
            buf_add(&text, STR("\xef\xbf\xbd"));
        at += len > 0 ? len : 1;
    }
    return arena_dup(a, buf_str(&text));
}

/*
 * A float that encoding/json writes without point or exponent is an integer to whoever reads it:
 * the one that its shortest digits, filled up with zeros, spell. -0 stays, for its sign is written.
 */
static struct value *number_value(struct arena *a, double d)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *v = value_float(a, d);
    int64_t integer;
    uint64_t large;

    if (d != trunc(d) || (d == 0.0 && signbit(d)))
        return v;
    if (fabs(d) <= 0x1p53)
        return value_int(a, (int64_t)d);
    json_write(&text, v, JSON_COMPACT);
    if (str_to_i64(buf_str(&text), &integer))
        return value_int(a, integer);
    if (str_to_u64(buf_str(&text), &large))
        return value_uint(a, large);
    return v;
}

static int to_value(struct arena *a, struct datum d, struct value **out, int depth,
                    struct err *err);

static int list_value(struct arena *a, struct datum d, struct value **out, int depth,
                      struct err *err)
{
    struct value *list = value_list(a);

    if (!d.list) {
        *out = value_null(a);
        return 0;
    }
    for (size_t i = 0; i < d.list->count; i++) {
        struct value *item;
        int rc = to_value(a, d.list->item[i], &item, depth + 1, err);
        if (rc < 0)
            return rc;
        value_list_add(a, list, item);
    }
    *out = list;
    return 0;
}

static int map_value(struct arena *a, struct datum d, struct value **out, int depth,
                     struct err *err)
{
    struct value *map = value_map(a);

    if (!d.map) {
        *out = value_null(a);
        return 0;
    }
    for (size_t i = 0; i < d.map->count; i++) {
        struct value *item;
        int rc = to_value(a, d.map->entry[i].value, &item, depth + 1, err);
        if (rc < 0)
            return rc;
        value_map_set(a, map, as_utf8(a, d.map->entry[i].key), item);
    }
    *out = map;
    return 0;
}

static int add_members(struct arena *a, const struct datum_object *o, struct value *map, int depth,
                       struct err *err)
{
    struct datum_member m;

    for (size_t i = 0; o->class->member && o->class->member(o, i, &m); i++) {
        struct value *item;
        int rc = 0;
        if (m.is_embedded) {
            rc = add_members(a, m.value.object, map, depth + 1, err);
        } else if (!m.is_left_out) {
            rc = to_value(a, m.value, &item, depth + 1, err);
            if (rc == 0)
                value_map_set(a, map, m.json, item);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int object_value(struct arena *a, const struct datum_object *o, struct value **out,
                        int depth, struct err *err)
{
    struct value *map = value_map(a);
    int rc = 0;

    if (o->class->plain)
        return to_value(a, o->class->plain(o, a), out, depth + 1, err);
    rc = add_members(a, o, map, depth, err);
    if (rc == 0)
        *out = map;
    return rc;
}

static int to_value(struct arena *a, struct datum d, struct value **out, int depth, struct err *err)
{
    if (depth > DATUM_DEPTH_MAX)
        return err_set(err, HL_ELIMIT, "more than %d collections in one another", DATUM_DEPTH_MAX);
    switch ((enum datum_type)d.type) {
    case DATUM_INVALID:
    case DATUM_NIL:
        *out = value_null(a);
        return 0;
    case DATUM_BOOL:
        *out = value_bool(a, d.boolean);
        return 0;
    case DATUM_STRING:
        *out = value_string(a, as_utf8(a, datum_str(d)));
        return 0;
    case DATUM_BYTES:
        *out = value_string(a, base64_encode(a, datum_str(d)));
        return 0;
    case DATUM_INT:
    case DATUM_INT64:
    case DATUM_DURATION:
        *out = value_int(a, d.integer);
        return 0;
    case DATUM_UINT8:
    case DATUM_UINT64:
        *out = value_uint(a, d.unsigned_integer);
        return 0;
    case DATUM_FLOAT64:
        if (!isfinite(d.number))
            return err_set(err, HL_EINVAL, "json: unsupported value: %s",
                           isnan(d.number) ? "NaN"
                           : d.number > 0  ? "+Inf"
                                           : "-Inf");
        *out = number_value(a, d.number);
        return 0;
    case DATUM_COMPLEX:
        return err_set(err, HL_EINVAL, "json: unsupported type: complex128");
    case DATUM_OBJECT:
        return object_value(a, d.object, out, depth, err);
    case DATUM_MAP:
    case DATUM_VALUES:
    case DATUM_STRING_MAP:
        return map_value(a, d, out, depth, err);
    default:
        return list_value(a, d, out, depth, err);
    }
}

int datum_to_value(struct arena *a, struct datum d, struct value **out, struct err *err)
{
    return to_value(a, d, out, 0, err);
}
