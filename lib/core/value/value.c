/* Nodes and maps: building, finding, comparing, copying. */
#include "core/value/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/value/build.h"

static struct value *node(struct arena *a, enum value_kind kind)
{
    struct value *v = arena_one(a, struct value);

    v->kind = kind;
    return v;
}

struct value *value_null(struct arena *a)
{
    return node(a, VALUE_NULL);
}

struct value *value_bool(struct arena *a, bool b)
{
    struct value *v = node(a, VALUE_BOOL);

    v->boolean = b;
    return v;
}

struct value *value_int(struct arena *a, int64_t i)
{
    struct value *v = node(a, VALUE_INT);

    v->integer = i;
    return v;
}

struct value *value_uint(struct arena *a, uint64_t u)
{
    if (u <= INT64_MAX)
        return value_int(a, (int64_t)u);
    struct value *v = node(a, VALUE_UINT);
    v->unsigned_integer = u;
    return v;
}

struct value *value_float(struct arena *a, double d)
{
    struct value *v = node(a, VALUE_FLOAT);

    v->number = d;
    return v;
}

struct value *value_string(struct arena *a, struct str s)
{
    struct value *v = node(a, VALUE_STRING);

    v->string = s;
    return v;
}

struct value *value_list(struct arena *a)
{
    return node(a, VALUE_LIST);
}

struct value *value_map(struct arena *a)
{
    return node(a, VALUE_MAP);
}

void value_list_add(struct arena *a, struct value *list, struct value *item)
{
    HL_ASSERT(list->kind == VALUE_LIST);
    ARENA_PUSH(a, list->list.item, list->list.count, list->list.cap, item);
}

/* Where in the index `key` stands or would stand; *out_found says which. */
static size_t index_place(const struct value *map, struct str key, bool *out_found)
{
    size_t low = 0;
    size_t high = map->map.count;

    *out_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(map->map.member[map->map.sorted[middle]].key, key);
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct member *value_find(const struct value *map, struct str key)
{
    if (!map || map->kind != VALUE_MAP)
        return NULL;
    if (map->map.sorted) {
        bool is_found;
        size_t place = index_place(map, key, &is_found);
        return is_found ? &map->map.member[map->map.sorted[place]] : NULL;
    }
    for (size_t i = 0; i < map->map.count; i++) {
        if (str_eq(map->map.member[i].key, key))
            return &map->map.member[i];
    }
    return NULL;
}

/* The index is as large as the members' array and grows with it. */
static void index_insert(struct arena *a, struct value *map, size_t old_cap)
{
    size_t count = map->map.count - 1; /* the last member is not in the index yet */
    bool is_found;

    if (old_cap != map->map.cap) {
        uint32_t *grown = arena_array(a, uint32_t, map->map.cap);
        if (count)
            memcpy(grown, map->map.sorted, count * sizeof(*grown));
        map->map.sorted = grown;
    }
    map->map.count = count;
    size_t place = index_place(map, map->map.member[count].key, &is_found);
    map->map.count = count + 1;
    memmove(map->map.sorted + place + 1, map->map.sorted + place,
            (count - place) * sizeof(*map->map.sorted));
    map->map.sorted[place] = (uint32_t)count;
}

bool value_map_set(struct arena *a, struct value *map, struct str key, struct value *item)
{
    HL_ASSERT(map->kind == VALUE_MAP);
    struct member *known = (struct member *)(uintptr_t)value_find(map, key);

    if (known) {
        known->value = item;
        return true;
    }
    HL_ASSERT(map->map.count < UINT32_MAX);
    size_t old_cap = map->map.sorted ? map->map.cap : 0;
    struct member added = {.key = key, .value = item};
    ARENA_PUSH(a, map->map.member, map->map.count, map->map.cap, added);
    if (map->map.sorted) {
        index_insert(a, map, old_cap);
    } else if (map->map.count > INDEX_FREE) {
        uint32_t *scratch = arena_array(a, uint32_t, map->map.count);
        map->map.sorted = arena_array(a, uint32_t, map->map.cap);
        members_sort(map->map.member, map->map.sorted, scratch, map->map.count, str_cmp);
    }
    return false;
}

void value_map_set_str(struct arena *a, struct value *map, const char *key, struct str s)
{
    value_map_set(a, map, str_from(key), value_string(a, s));
}

void value_map_set_int(struct arena *a, struct value *map, const char *key, int64_t i)
{
    value_map_set(a, map, str_from(key), value_int(a, i));
}

void value_map_set_bool(struct arena *a, struct value *map, const char *key, bool b)
{
    value_map_set(a, map, str_from(key), value_bool(a, b));
}

struct value *value_get(const struct value *map, struct str key)
{
    const struct member *m = value_find(map, key);

    return m ? m->value : NULL;
}

struct value *value_path(const struct value *v, ...)
{
    struct value *at = (struct value *)(uintptr_t)v;
    va_list keys;
    const char *key;

    va_start(keys, v);
    while (at && (key = va_arg(keys, const char *)))
        at = value_get(at, str_from(key));
    va_end(keys);
    return at;
}

struct str value_str(const struct value *v)
{
    return v && v->kind == VALUE_STRING ? v->string : STR_NONE;
}

struct str value_get_str(const struct value *map, const char *key)
{
    return value_str(value_get(map, str_from(key)));
}

int64_t value_get_int(const struct value *map, const char *key, int64_t otherwise)
{
    const struct value *v = value_get(map, str_from(key));

    return v && v->kind == VALUE_INT ? v->integer : otherwise;
}

bool value_get_bool(const struct value *map, const char *key, bool otherwise)
{
    const struct value *v = value_get(map, str_from(key));

    return v && v->kind == VALUE_BOOL ? v->boolean : otherwise;
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {"null",    "bool",   "int",  "uint64",
                                        "float64", "string", "list", "map"};

    return (size_t)kind < HL_COUNT(names) ? names[kind] : "?";
}

struct value_pos value_pos_of(const struct value *v)
{
    if (!v)
        return (struct value_pos){0};
    return (struct value_pos){v->file ? *v->file : STR_NONE, v->line, v->column};
}

int value_err(struct err *err, int code, const struct value *v, const char *fmt, ...)
{
    struct value_pos pos = value_pos_of(v);
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return err_at(err, code, pos.file, pos.line, pos.column, "%s", text);
}

static bool float_eq(double a, double b)
{
    if (a != a || b != b)
        return a != a && b != b;
    return memcmp(&a, &b, sizeof(a)) == 0; /* 0.0 and -0.0 are written differently */
}

static bool list_eq(const struct value *a, const struct value *b)
{
    if (a->list.count != b->list.count)
        return false;
    for (size_t i = 0; i < a->list.count; i++) {
        if (!value_eq(a->list.item[i], b->list.item[i]))
            return false;
    }
    return true;
}

static bool map_eq(const struct value *a, const struct value *b)
{
    if (a->map.count != b->map.count)
        return false;
    for (size_t i = 0; i < a->map.count; i++) {
        const struct member *m = value_find(b, a->map.member[i].key);
        if (!m || !value_eq(a->map.member[i].value, m->value))
            return false;
    }
    return true;
}

bool value_eq(const struct value *a, const struct value *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_INT:
        return a->integer == b->integer;
    case VALUE_UINT:
        return a->unsigned_integer == b->unsigned_integer;
    case VALUE_FLOAT:
        return float_eq(a->number, b->number);
    case VALUE_STRING:
        return str_eq(a->string, b->string);
    case VALUE_LIST:
        return list_eq(a, b);
    case VALUE_MAP:
        return map_eq(a, b);
    }
    return false;
}

/* Trees of one document share one file name: it is copied once per change. */
struct copier {
    struct arena *a;
    const struct str *from_file;
    const struct str *to_file;
};

static struct value *copy_node(struct copier *c, const struct value *v)
{
    struct value *copy = arena_one(c->a, struct value);

    *copy = *v;
    if (v->file != c->from_file) {
        struct str *file = arena_one(c->a, struct str);
        *file = v->file ? arena_dup(c->a, *v->file) : STR_NONE;
        c->from_file = v->file;
        c->to_file = v->file ? file : NULL;
    }
    copy->file = c->to_file;
    if (v->kind == VALUE_STRING) {
        copy->string = arena_dup(c->a, v->string);
    } else if (v->kind == VALUE_LIST && v->list.count) {
        copy->list.cap = v->list.count;
        copy->list.item = arena_array(c->a, struct value *, v->list.count);
        for (size_t i = 0; i < v->list.count; i++)
            copy->list.item[i] = copy_node(c, v->list.item[i]);
    } else if (v->kind == VALUE_MAP && v->map.count) {
        copy->map.cap = v->map.count;
        copy->map.member = arena_array(c->a, struct member, v->map.count);
        for (size_t i = 0; i < v->map.count; i++) {
            copy->map.member[i] = v->map.member[i];
            copy->map.member[i].key = arena_dup(c->a, v->map.member[i].key);
            copy->map.member[i].value = copy_node(c, v->map.member[i].value);
        }
        if (v->map.sorted) {
            copy->map.sorted = arena_array(c->a, uint32_t, v->map.count);
            memcpy(copy->map.sorted, v->map.sorted, v->map.count * sizeof(uint32_t));
        }
    }
    return copy;
}

struct value *value_copy(struct arena *a, const struct value *v)
{
    struct copier c = {.a = a};

    return v ? copy_node(&c, v) : NULL;
}
