/*
 * The in-sync test. `is_within` asks whether each field that we want is there; `owns_only` walks
 * the FieldsV1 set of our last apply (kubernetes-sigs/structured-merge-diff: "f:<field>" a map's
 * member, "k:{...}" the element of a list with these keys, "v:<json>" an element by its value,
 * "i:<n>" by its place, "." the node itself) and asks whether we still want each.
 */
#include "core/value/json.h"
#include "edge/kube/kube_internal.h"

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_UINT || v->kind == VALUE_FLOAT;
}

static double number_of(const struct value *v)
{
    switch (v->kind) {
    case VALUE_INT:
        return (double)v->integer;
    case VALUE_UINT:
        return (double)v->unsigned_integer;
    default:
        return v->number;
    }
}

static bool is_same_scalar(const struct value *live, const struct value *wanted)
{
    /* Doubles hold integers to 2^53 only: two of one kind are compared as what they are. */
    if (is_number(live) && is_number(wanted) && live->kind != wanted->kind)
        return number_of(live) == number_of(wanted);
    return value_eq(live, wanted);
}

static bool is_within(const struct value *live, const struct value *wanted)
{
    if (wanted->kind == VALUE_NULL)
        return !live || live->kind == VALUE_NULL;
    if (!live)
        return false;
    if (wanted->kind == VALUE_MAP) {
        for (size_t i = 0; i < wanted->map.count; i++) {
            const struct member *m = &wanted->map.member[i];

            if (!is_within(value_get(live, m->key), m->value))
                return false;
        }
        return live->kind == VALUE_MAP;
    }
    if (wanted->kind == VALUE_LIST) {
        if (live->kind != VALUE_LIST || live->list.count != wanted->list.count)
            return false;
        for (size_t i = 0; i < wanted->list.count; i++) {
            if (!is_within(live->list.item[i], wanted->list.item[i]))
                return false;
        }
        return true;
    }
    return is_same_scalar(live, wanted);
}

/* A key of an associative list may be missing in what we want: the server defaulted it (protocol
 * of a port). One that is there must be equal. */
static bool has_keys(const struct value *item, const struct value *keys)
{
    size_t found_count = 0;

    for (size_t i = 0; i < keys->map.count; i++) {
        const struct value *v = value_get(item, keys->map.member[i].key);

        if (v && !is_same_scalar(keys->map.member[i].value, v))
            return false;
        found_count += v != NULL;
    }
    return found_count > 0;
}

static const struct value *find_element(struct arena *a, const struct value *list, struct str step)
{
    char kind = step.ptr[0];
    struct value *key;

    if (!list || list->kind != VALUE_LIST ||
        json_read(a, str_sub(step, 2, step.len), STR("managedFields"), &key, NULL) < 0)
        return NULL;
    if (kind == 'i')
        return key->kind == VALUE_INT && key->integer >= 0 &&
                       (uint64_t)key->integer < list->list.count
                   ? list->list.item[key->integer]
                   : NULL;
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *item = list->list.item[i];
        bool is_it =
            kind == 'v' ? is_same_scalar(item, key) : key->kind == VALUE_MAP && has_keys(item, key);
        if (is_it)
            return item;
    }
    return NULL;
}

static bool owns_only(struct arena *a, const struct value *fields, const struct value *wanted)
{
    if (!fields || fields->kind != VALUE_MAP)
        return true;
    for (size_t i = 0; i < fields->map.count; i++) {
        const struct member *m = &fields->map.member[i];
        const struct value *next;

        if (m->key.len < 2 || m->key.ptr[1] != ':')
            continue; /* "." */
        if (m->key.ptr[0] == 'f')
            next = value_get(wanted, str_sub(m->key, 2, m->key.len));
        else
            next = find_element(a, wanted, m->key);
        if (!next || !owns_only(a, m->value, next))
            return false;
    }
    return true;
}

/* The entry of managedFields that our applies left, or NULL. */
static const struct value *our_entry(const struct value *live)
{
    const struct value *entries = value_path(live, "metadata", "managedFields", NULL);

    if (!entries || entries->kind != VALUE_LIST)
        return NULL;
    for (size_t i = 0; i < entries->list.count; i++) {
        const struct value *e = entries->list.item[i];

        if (str_eq(value_get_str(e, "manager"), STR(KUBE_MANAGER)) &&
            str_eq(value_get_str(e, "operation"), STR("Apply")) &&
            value_get_str(e, "subresource").len == 0)
            return e;
    }
    return NULL;
}

static bool is_filled_in_by_server(struct str key)
{
    static const struct str keys[] = {
        STR("managedFields"),     STR("uid"),      STR("resourceVersion"),  STR("generation"),
        STR("creationTimestamp"), STR("selfLink"), STR("deletionTimestamp")};

    for (size_t i = 0; i < HL_COUNT(keys); i++) {
        if (str_eq(key, keys[i]))
            return true;
    }
    return false;
}

static struct value *clean_metadata(struct arena *a, const struct value *metadata,
                                    bool is_namespaced)
{
    struct value *out = value_map(a);

    for (size_t i = 0; i < metadata->map.count; i++) {
        const struct member *m = &metadata->map.member[i];

        if (is_filled_in_by_server(m->key) || m->value->kind == VALUE_NULL ||
            (!is_namespaced && str_eq(m->key, STR("namespace"))))
            continue;
        value_map_set(a, out, m->key, m->value);
    }
    return out;
}

struct value *kube_sendable(struct arena *a, const struct value *wanted, bool is_namespaced)
{
    struct value *out = value_map(a);

    HL_ASSERT(wanted->kind == VALUE_MAP);
    for (size_t i = 0; i < wanted->map.count; i++) {
        const struct member *m = &wanted->map.member[i];

        if (str_eq(m->key, STR("status")))
            continue;
        if (str_eq(m->key, STR("metadata")) && m->value->kind == VALUE_MAP)
            value_map_set(a, out, m->key, clean_metadata(a, m->value, is_namespaced));
        else
            value_map_set(a, out, m->key, m->value);
    }
    return out;
}

/* Whether there is nothing in it but the name: the server then notes no owner. */
static bool is_bare(const struct value *sent)
{
    const struct value *metadata = value_get(sent, STR("metadata"));

    for (size_t i = 0; i < sent->map.count; i++) {
        struct str key = sent->map.member[i].key;

        if (!str_eq(key, STR("apiVersion")) && !str_eq(key, STR("kind")) &&
            !str_eq(key, STR("metadata")))
            return false;
    }
    for (size_t i = 0; metadata && metadata->kind == VALUE_MAP && i < metadata->map.count; i++) {
        struct str key = metadata->map.member[i].key;

        if (!str_eq(key, STR("name")) && !str_eq(key, STR("namespace")))
            return false;
    }
    return true;
}

bool kube_is_in_sync(const struct value *live, const struct value *wanted)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    const struct value *entry = our_entry(live);
    struct str version = value_get_str(entry, "apiVersion");
    bool is_namespaced = value_path(live, "metadata", "namespace", NULL) != NULL;
    const struct value *sent = kube_sendable(scratch, wanted, is_namespaced);

    if (!entry)
        return is_bare(sent) && is_within(live, sent);
    return str_eq(version, value_get_str(wanted, "apiVersion")) && is_within(live, sent) &&
           owns_only(scratch, value_get(entry, STR("fieldsV1")), sent);
}
