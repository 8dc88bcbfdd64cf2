/* One pass finds the CRDs, a second identifies every document, a sort puts them in apply order. */
#include "core/desired/render.h"

#include <stdlib.h>

static const struct str CRD_GROUP = {"apiextensions.k8s.io", 20};
static const char WAVE[] = "argocd.argoproj.io/sync-wave";
static const char SYNC_OPTIONS[] = "argocd.argoproj.io/sync-options";
static const char HOOK[] = "argocd.argoproj.io/hook";
static const char HELM_HOOK[] = "helm.sh/hook";

struct render {
    struct arena *a;
    const struct render_target *target;
    struct object *object;
    size_t count;
    size_t cap;
    struct map *by_id;
    struct map *crd_scope; /* "group/Kind" -> its spec.scope */
};

static struct str group_of(struct str api_version)
{
    struct str rest = api_version;
    struct str group = str_cut(&rest, '/');
    return group.len == api_version.len ? STR_NONE : group;
}

static struct str version_of(struct str api_version)
{
    size_t slash = str_find(api_version, STR("/"), 0);
    return slash == SIZE_MAX ? api_version : str_sub(api_version, slash + 1, api_version.len);
}

/* The scopes of the custom kinds that these very documents define. */
static void learn_crds(struct render *r, struct value *const *document, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(value_get_str(document[i], "kind"), STR("CustomResourceDefinition")) ||
            !str_eq(group_of(value_get_str(document[i], "apiVersion")), CRD_GROUP))
            continue;
        struct value *spec = value_get(document[i], STR("spec"));
        struct value *scope = value_get(spec, STR("scope"));
        struct str kind = value_get_str(value_get(spec, STR("names")), "kind");
        struct str group = value_get_str(spec, "group");
        if (scope)
            (void)map_set(r->crd_scope,
                          arena_printf(r->a, STR_FMT "/" STR_FMT, STR_ARG(group), STR_ARG(kind)),
                          scope); /* a CRD given twice is refused when it is identified */
    }
}

static bool is_cluster_wide(const struct render *r, struct str group, struct str kind)
{
    struct value *scope = map_get(
        r->crd_scope, arena_printf(r->a, STR_FMT "/" STR_FMT, STR_ARG(group), STR_ARG(kind)));
    if (scope)
        return str_eq(value_str(scope), STR("Cluster"));
    return object_scope_of(group, kind) == OBJECT_CLUSTER_WIDE;
}

/* The tree with metadata.namespace set, or without it if `namespace` is empty. */
static struct value *with_namespace(struct arena *a, struct value *tree, struct str namespace)
{
    struct value *metadata = value_map(a);
    struct value *over = value_map(a);
    value_map_set(a, metadata, STR("namespace"),
                  namespace.len > 0 ? value_string(a, namespace) : value_null(a));
    value_map_set(a, over, STR("metadata"), metadata);

    struct value *merged = value_merge(a, tree, over);
    merged->line = tree->line;
    merged->column = tree->column;
    merged->file = tree->file;
    return merged;
}

/* What would make two ids one. */
static bool holds_separator(struct str part)
{
    return str_has_byte(part, '/') || str_has_byte(part, '\0');
}

static int check_name(const struct object *o, struct err *err)
{
    if (o->name.len == 0 && value_path(o->tree, "metadata", "generateName", NULL))
        return value_err(err, HL_EUNSUPPORTED, o->tree,
                         STR_FMT " with generateName: objects need a name of their own",
                         STR_ARG(o->kind));
    if (o->name.len == 0)
        return value_err(err, HL_EINVAL, o->tree, STR_FMT " without metadata.name",
                         STR_ARG(o->kind));
    if (o->name.len > 253 || o->namespace.len > 253 || o->kind.len > 63 || o->group.len > 253)
        return value_err(err, HL_ELIMIT, o->tree,
                         STR_FMT ": kind, group, namespace or name is too long", STR_ARG(o->kind));
    if (holds_separator(o->name) || holds_separator(o->namespace) || holds_separator(o->kind) ||
        holds_separator(o->group))
        return value_err(err, HL_EINVAL, o->tree,
                         STR_FMT " \"" STR_FMT "\": a name holds no \"/\" and no NUL",
                         STR_ARG(o->kind), STR_ARG(o->name));
    return 0;
}

/* Whether a sync runs any of Helm's events; a test or a deletion is none. */
static bool is_run_by_sync(struct str events)
{
    static const char *const run[] = {"pre-install", "pre-upgrade", "post-install", "post-upgrade"};

    while (events.len > 0) {
        struct str event = str_trim(str_cut(&events, ','));
        for (size_t i = 0; i < HL_COUNT(run); i++)
            if (str_eq(event, str_from(run[i])))
                return true;
    }
    return false;
}

/* Sets o->hook; false: to be left out, because no sync runs it. */
static bool take_hook(struct object *o, const struct value *annotations)
{
    struct str hook = str_trim(value_get_str(annotations, HOOK));

    if (hook.len == 0) {
        hook = str_trim(value_get_str(annotations, HELM_HOOK));
        if (hook.len == 0 || str_eq(hook, STR("crd-install")))
            return true;
        if (!is_run_by_sync(hook))
            return false;
    }
    o->hook = hook;
    return !str_eq(hook, STR("Skip"));
}

static int read_annotations(struct object *o, const struct value *annotations, struct err *err)
{
    const struct value *wave = value_get(annotations, str_from(WAVE));
    struct str options = value_get_str(annotations, SYNC_OPTIONS);
    int64_t number = 0;

    if (wave && (!str_to_i64(value_str(wave), &number) || number < INT32_MIN || number > INT32_MAX))
        return value_err(err, HL_EINVAL, wave, "%s must be a whole number in quotes", WAVE);
    o->wave = (int32_t)number;
    o->prune = true;
    while (options.len > 0) {
        struct str option = str_trim(str_cut(&options, ','));
        if (str_eq(option, STR("Prune=false")))
            o->prune = false;
        else if (str_eq(option, STR("Replace=true")))
            o->replace = true;
        else if (str_eq(option, STR("Force=true")))
            o->force = true;
    }
    return 0;
}

static int settle_namespace(const struct render *r, struct object *o, struct err *err)
{
    struct str own = value_str(value_path(o->tree, "metadata", "namespace", NULL));

    if (is_cluster_wide(r, o->group, o->kind)) {
        if (own.len > 0)
            o->tree = with_namespace(r->a, o->tree, STR_NONE);
        return 0;
    }
    o->namespace = own.len > 0 ? own : r->target->namespace;
    if (o->namespace.len == 0)
        return value_err(err, HL_EINVAL, o->tree,
                         STR_FMT " \"" STR_FMT "\" names no namespace and neither does its addon",
                         STR_ARG(o->kind), STR_ARG(o->name));
    if (own.len == 0)
        o->tree = with_namespace(r->a, o->tree, o->namespace);
    return 0;
}

static int refuse_twin(const struct object *first, const struct object *second, struct err *err)
{
    return value_err(err, HL_EINVAL, second->tree,
                     STR_FMT " \"" STR_FMT "\"%s" STR_FMT " is already defined at " STR_FMT
                             ":%u:%u",
                     STR_ARG(second->kind), STR_ARG(second->name),
                     second->namespace.len > 0 ? " in namespace " : "", STR_ARG(second->namespace),
                     STR_ARG(first->where.file), first->where.line, first->where.column);
}

static int add(struct render *r, const struct object *o, struct err *err)
{
    if (r->count == OBJECT_COUNT_MAX)
        return value_err(err, HL_ELIMIT, o->tree, "more than %d objects", OBJECT_COUNT_MAX);
    ARENA_PUSH(r->a, r->object, r->count, r->cap, *o);
    struct object *stays = arena_one(r->a, struct object); /* the array may move */
    *stays = *o;
    struct object *twin = map_set(r->by_id, o->id, stays);
    return twin ? refuse_twin(twin, o, err) : 0;
}

static void set_id(struct arena *a, struct object *o)
{
    o->id = arena_printf(a, STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(o->group),
                         STR_ARG(o->kind), STR_ARG(o->namespace), STR_ARG(o->name));
    o->order = object_install_order(o->group, o->kind);
}

static int identify(struct render *r, struct value *document, struct err *err)
{
    struct str api_version = value_get_str(document, "apiVersion");
    struct value *metadata = value_get(document, STR("metadata"));
    struct value *annotations = value_get(metadata, STR("annotations"));
    struct object o = {
        .group = group_of(api_version),
        .version = version_of(api_version),
        .kind = value_get_str(document, "kind"),
        .name = value_get_str(metadata, "name"),
        .tree = document,
        .where = value_pos_of(document),
    };

    if (!take_hook(&o, annotations))
        return 0;
    int rc = read_annotations(&o, annotations, err);
    if (rc == 0)
        rc = settle_namespace(r, &o, err);
    if (rc == 0)
        rc = check_name(&o, err);
    if (rc < 0)
        return rc;
    set_id(r->a, &o);
    return add(r, &o, err);
}

static bool is_always_there(struct str namespace)
{
    return str_eq(namespace, STR("default")) || str_eq(namespace, STR("kube-system")) ||
           str_eq(namespace, STR("kube-public")) || str_eq(namespace, STR("kube-node-lease"));
}

/* CreateNamespace=true: the destination's Namespace, unless the files bring it themselves. */
static int add_namespace(struct render *r, struct err *err)
{
    const struct sync_options *sync = r->target->sync;
    struct str name = r->target->namespace;
    bool has_metadata = sync->namespace_labels || sync->namespace_annotations;
    struct object o = {.version = STR("v1"),
                       .kind = STR("Namespace"),
                       .name = name,
                       .wave = INT32_MIN,
                       .implied = true};

    if (!sync->create_namespace || name.len == 0 || (is_always_there(name) && !has_metadata))
        return 0;
    set_id(r->a, &o);
    if (map_get(r->by_id, o.id))
        return 0;

    struct value *metadata = value_map(r->a);
    value_map_set_str(r->a, metadata, "name", name);
    if (sync->namespace_labels)
        value_map_set(r->a, metadata, STR("labels"), value_copy(r->a, sync->namespace_labels));
    if (sync->namespace_annotations)
        value_map_set(r->a, metadata, STR("annotations"),
                      value_copy(r->a, sync->namespace_annotations));
    o.tree = value_map(r->a);
    value_map_set_str(r->a, o.tree, "apiVersion", STR("v1"));
    value_map_set_str(r->a, o.tree, "kind", STR("Namespace"));
    value_map_set(r->a, o.tree, STR("metadata"), metadata);
    return add(r, &o, err);
}

static int in_apply_order(const void *left, const void *right)
{
    const struct object *l = left;
    const struct object *r = right;
    if (l->wave != r->wave)
        return l->wave < r->wave ? -1 : 1;
    if (l->order != r->order)
        return l->order < r->order ? -1 : 1;
    int order = str_cmp(l->kind, r->kind);
    if (order == 0)
        order = str_cmp(l->namespace, r->namespace);
    if (order == 0)
        order = str_cmp(l->name, r->name);
    return order != 0 ? order : str_cmp(l->group, r->group);
}

int render_documents(struct arena *a, struct value *const *document, size_t count,
                     const struct render_target *target, struct object **out, size_t *out_count,
                     struct err *err)
{
    HL_CLEANUP(map_freep) struct map *by_id = map_new(0x6f626a6563747321u);
    HL_CLEANUP(map_freep) struct map *crd_scope = map_new(0x7363706573637264u);
    struct render r = {.a = a, .target = target, .by_id = by_id, .crd_scope = crd_scope};
    int rc = 0;

    learn_crds(&r, document, count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = identify(&r, document[i], err);
    if (rc == 0)
        rc = add_namespace(&r, err);
    if (rc < 0)
        return rc;

    if (r.count > 1)
        qsort(r.object, r.count, sizeof(*r.object), in_apply_order);
    render_paths(a, target->cluster, r.object, r.count);
    *out = r.object;
    *out_count = r.count;
    return 0;
}
