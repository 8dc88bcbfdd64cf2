/* Render, guard, apply, classify. */
#include "roles/kubernetes/kubernetes.h"

static enum work_outcome classify(int code)
{
    switch (code) {
    case HL_ECONFLICT:
        return WORK_SUPERSEDED;
    case HL_ETEMP:
    case HL_ETIMEOUT:
    case HL_EIO:
    case HL_ENOSPACE:
        return WORK_TRANSIENT;
    default:
        return WORK_PERMANENT;
    }
}

static void give_up(struct work_result *out, int code)
{
    out->outcome = classify(code);
}

static size_t count_pruned(const struct work_item *item, const struct object *object,
                           size_t object_count)
{
    HL_CLEANUP(map_freep) struct map *kept = map_new(0);
    size_t pruned = 0;

    for (size_t i = 0; i < object_count; i++)
        map_set(kept, object[i].id, (void *)(uintptr_t)&object[i]);
    for (size_t i = 0; i < item->ledger_count; i++)
        pruned += map_get(kept, item->ledger[i].id) == NULL;
    return pruned;
}

static int check_prune(const struct work_item *item, const struct sync_options *sync,
                       const struct object *object, size_t object_count, struct err *err)
{
    if (item->ledger_count == 0 || item->is_deletion)
        return 0;
    if (object_count == 0 && !sync->allow_empty)
        return err_set(
            err, HL_EINVAL,
            "renders to nothing, but %zu objects are applied: refusing to delete them all "
            "(allowEmpty is false)",
            item->ledger_count);
    size_t pruned = count_pruned(item, object, object_count);
    if (!item->is_forced && pruned > PRUNE_FREE &&
        pruned * 100 > item->ledger_count * PRUNE_SHARE_MAX)
        return err_set(err, HL_EINVAL,
                       "would prune %zu of %zu objects: confirm with `hlctl sync " STR_FMT "`",
                       pruned, item->ledger_count, STR_ARG(item->key));
    return 0;
}

static int know_cluster(const struct destination *d, struct arena *a,
                        struct chart_capabilities *out, struct err *err)
{
    *out = chart_capabilities_offline;
    return d->capabilities ? d->capabilities(d->context, a, out, err) : 0;
}

static int render(const struct destination *destination, const struct work_item *item,
                  struct arena *a, struct bundle *bundle, struct object **object,
                  size_t *object_count, struct err *err)
{
    struct objects_world world = item->world;
    struct chart_capabilities capabilities;

    *object = NULL;
    *object_count = 0;
    if (item->is_deletion)
        return 0;
    int r = bundle_open(a, item->bundle, bundle, err);
    if (r < 0)
        return r;
    if (!str_eq(bundle->app, item->key))
        return err_set(err, HL_ECORRUPT, "the bundle is of app \"" STR_FMT "\"",
                       STR_ARG(bundle->app));
    if (bundle->chart_count > 0 && (r = know_cluster(destination, a, &capabilities, err)) < 0)
        return r;
    world.capabilities = &capabilities;
    return objects_render(a, bundle, &world, object, object_count, err);
}

/*
 * What is in the ledger but may not be pruned (prune: false) stays in what we hand on as ledger for
 * deletion only when pruning is allowed at all.
 */
static size_t prunable(const struct work_item *item, const struct sync_options *sync)
{
    return item->is_deletion || sync->prune ? item->ledger_count : 0;
}

void kubernetes_apply(struct destination *destination, struct str only_cluster,
                      const struct work_item *item, struct arena *a, struct work_result *out)
{
    struct bundle bundle = {0};
    struct object *object;
    size_t object_count;

    *out = (struct work_result){.outcome = WORK_OK};
    if (only_cluster.len > 0 && !str_eq(only_cluster, item->cluster)) {
        out->outcome = WORK_PERMANENT;
        err_set(&out->err, HL_EUNSUPPORTED,
                "Unsupported: the agents' destination is cluster " STR_FMT
                ", and there is none for "
                "cluster " STR_FMT " yet",
                STR_ARG(only_cluster), STR_ARG(item->cluster));
        return;
    }
    int r = render(destination, item, a, &bundle, &object, &object_count, &out->err);
    if (r == 0)
        r = check_prune(item, &bundle.sync, object, object_count, &out->err);
    if (r < 0) {
        give_up(out, r);
        return;
    }
    struct apply_request request = {
        .app = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(item->cluster), STR_ARG(item->key)),
        .cluster = item->cluster,
        .revision = item->revision,
        .epoch = item->epoch,
        .is_takeover = item->is_takeover,
        .object = object,
        .object_count = object_count,
        .ledger = item->ledger,
        .ledger_count = prunable(item, &bundle.sync),
        .lease_valid = item->lease_valid,
        .context = item->context,
    };
    r = destination->apply(destination->context, &request, a, &out->applied, &out->err);
    if (r < 0)
        give_up(out, r);
}
