/*
 * Kinds to resources, one group and version at a time: /api/v1 or /apis/<group>/<version> lists
 * them. The aggregated form (/apis as APIGroupDiscoveryList) would bring all groups at once; an
 * application touches few, and their documents are small.
 */
#include <stdlib.h>

#include "edge/kube/kube_internal.h"

static void group_free(struct kube_group *g)
{
    if (!g)
        return;
    arena_free(g->arena);
    free(g);
}

static struct str key_of(struct arena *a, struct str group, struct str version)
{
    return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(group), STR_ARG(version));
}

void kube_forget(struct kube *k, struct str group, struct str version)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();

    group_free(map_remove(k->group, key_of(scratch, group, version)));
}

void kube_forget_all(struct kube *k)
{
    for (size_t i = 0; i < map_count(k->group); i++)
        group_free(map_value_at(k->group, i));
    map_free(k->group);
    k->group = map_new(0);
}

static struct kube_group *read_group(const struct value *document)
{
    struct kube_group *g = hl_calloc(1, sizeof(*g));
    const struct value *list = value_get(document, STR("resources"));
    size_t count = list && list->kind == VALUE_LIST ? list->list.count : 0;

    g->arena = arena_new();
    g->resource = arena_array(g->arena, struct kube_resource, count);
    for (size_t i = 0; i < count; i++) {
        const struct value *v = list->list.item[i];
        struct str plural = value_get_str(v, "name");

        if (plural.len == 0 || str_has_byte(plural, '/'))
            continue; /* a subresource */
        g->resource[g->count++] = (struct kube_resource){
            .kind = arena_dup(g->arena, value_get_str(v, "kind")),
            .plural = arena_dup(g->arena, plural),
            .is_namespaced = value_get_bool(v, "namespaced", false),
        };
    }
    return g;
}

/* KUBE_FOUND with the group, from the cache unless is_fresh; KUBE_ABSENT if it is not served. */
static int get_group(struct kube *k, const struct kube_ref *ref, bool is_fresh, struct arena *a,
                     struct kube_group **out, struct err *err)
{
    struct str key = key_of(a, ref->group, ref->version);
    struct value *document;

    *out = is_fresh ? NULL : map_get(k->group, key);
    if (*out)
        return KUBE_FOUND;
    struct str path = ref->group.len == 0
                          ? arena_printf(a, "/api/" STR_FMT, STR_ARG(ref->version))
                          : arena_printf(a, "/apis/" STR_FMT "/" STR_FMT, STR_ARG(ref->group),
                                         STR_ARG(ref->version));
    int r = kube_read(k, path, a, &document, err);
    if (r < 0)
        return r;
    if (map_count(k->group) >= KUBE_GROUPS_MAX)
        kube_forget_all(k);
    kube_forget(k, ref->group, ref->version);
    if (r == KUBE_ABSENT)
        return r;
    *out = read_group(document);
    map_set(k->group, key, *out);
    return KUBE_FOUND;
}

static const struct kube_resource *find_kind(const struct kube_group *g, struct str kind)
{
    for (size_t i = 0; i < g->count; i++) {
        if (str_eq(g->resource[i].kind, kind))
            return &g->resource[i];
    }
    return NULL;
}

static int discover_at(struct kube *k, const struct kube_ref *ref, struct arena *a,
                       const struct kube_resource **out, struct err *err)
{
    struct kube_group *g;
    bool was_cached = map_get(k->group, key_of(a, ref->group, ref->version)) != NULL;

    int r = get_group(k, ref, false, a, &g, err);
    if (r != KUBE_FOUND)
        return r;
    *out = find_kind(g, ref->kind);
    if (!*out && was_cached) {
        r = get_group(k, ref, true, a, &g, err);
        if (r != KUBE_FOUND)
            return r;
        *out = find_kind(g, ref->kind);
    }
    return *out ? KUBE_FOUND : KUBE_ABSENT;
}

/* The group's versions, the preferred one first. */
static int list_versions(struct kube *k, struct str group, struct arena *a, struct str **out,
                         size_t *out_count, struct err *err)
{
    struct value *document;

    if (group.len == 0) {
        *out = arena_one(a, struct str);
        **out = STR("v1");
        *out_count = 1;
        return KUBE_FOUND;
    }
    int r = kube_read(k, arena_printf(a, "/apis/" STR_FMT, STR_ARG(group)), a, &document, err);
    if (r != KUBE_FOUND)
        return r;
    struct str first = value_str(value_path(document, "preferredVersion", "version", NULL));
    const struct value *list = value_get(document, STR("versions"));
    size_t count = list && list->kind == VALUE_LIST ? list->list.count : 0;
    *out = arena_array(a, struct str, count + 1);
    *out_count = 0;
    if (first.len > 0)
        (*out)[(*out_count)++] = first;
    for (size_t i = 0; i < count; i++) {
        struct str version = value_get_str(list->list.item[i], "version");

        if (version.len > 0 && !str_eq(version, first))
            (*out)[(*out_count)++] = version;
    }
    return KUBE_FOUND;
}

int kube_discover(struct kube *k, struct kube_ref *ref, struct arena *a,
                  const struct kube_resource **out, struct err *err)
{
    struct str *version;
    size_t count;

    if (ref->version.len > 0)
        return discover_at(k, ref, a, out, err);
    int r = list_versions(k, ref->group, a, &version, &count, err);
    if (r != KUBE_FOUND)
        return r;
    for (size_t i = 0; i < count; i++) {
        struct kube_ref at = *ref;

        at.version = version[i];
        r = discover_at(k, &at, a, out, err);
        if (r == KUBE_FOUND)
            *ref = at;
        if (r != KUBE_ABSENT)
            return r;
    }
    return KUBE_ABSENT;
}

/* ---- everything that is served ---- */

static void add_api(struct arena *a, struct kube_apis *out, size_t *cap, struct str api)
{
    ARENA_PUSH(a, out->api, out->count, *cap, api);
}

static void add_version(struct kube *k, struct str group, struct str version, struct arena *a,
                        struct kube_apis *out, size_t *cap)
{
    const struct kube_ref ref = {.group = group, .version = version};
    struct str api = group.len > 0 ? key_of(a, group, version) : version;
    struct kube_group *g;
    struct err silent;

    add_api(a, out, cap, api);
    if (get_group(k, &ref, false, a, &g, &silent) != KUBE_FOUND)
        return;
    for (size_t i = 0; i < g->count; i++)
        add_api(a, out, cap, key_of(a, api, g->resource[i].kind));
}

static void add_group(struct kube *k, const struct value *group, struct arena *a,
                      struct kube_apis *out, size_t *cap)
{
    const struct value *list = value_get(group, STR("versions"));
    struct str name = value_get_str(group, "name");

    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count; i++)
        add_version(k, name, value_get_str(list->list.item[i], "version"), a, out, cap);
}

/* As kube_read, for what every server has. */
static int read_there(struct kube *k, struct str path, struct arena *a, struct value **out,
                      struct err *err)
{
    int r = kube_read(k, path, a, out, err);

    return r == KUBE_ABSENT
               ? err_set(err, HL_EINVAL, "GET " STR_FMT ": 404: no Kubernetes API?", STR_ARG(path))
               : r;
}

int kube_list_apis(struct kube *k, struct arena *a, struct kube_apis *out, struct err *err)
{
    struct kube_apis apis = {0};
    struct value *document;
    size_t cap = 0;

    int r = read_there(k, STR("/version"), a, &document, err);
    if (r < 0)
        return r;
    apis.version = value_get_str(document, "gitVersion");
    apis.major = value_get_str(document, "major");
    apis.minor = value_get_str(document, "minor");
    r = read_there(k, STR("/apis"), a, &document, err);
    if (r < 0)
        return r;
    add_version(k, STR_NONE, STR("v1"), a, &apis, &cap);
    const struct value *groups = value_get(document, STR("groups"));
    for (size_t i = 0; groups && groups->kind == VALUE_LIST && i < groups->list.count; i++)
        add_group(k, groups->list.item[i], a, &apis, &cap);
    *out = apis;
    return 0;
}
