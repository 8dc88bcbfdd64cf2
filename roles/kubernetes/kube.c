/*
 * The Kubernetes API as destination.
 *
 * Objects are applied one by one in the order given: read, compare, and only what differs is
 * written (decision D9). The ledger's handle is the uid that the object had; pruning deletes by
 * that uid, in reverse order, so an object that somebody made anew under the same name stays. An
 * object without a handle is never deleted: namespaces and CRDs go like everything else, but only
 * if the ledger lists them with a handle, which is when a file of the application held them.
 *
 * `seen` remembers, an object each, the resourceVersion after our last write or comparison and the
 * digest that it was for: while both stay, the object is in sync without a comparison. Some values
 * never compare equal ("1000m" is stored as "1"); without it they would be sent each time.
 *
 * An implied namespace only has to exist: one that is there is left as it is.
 *
 * Health is what the objects said when they were read or written; nothing is watched. Replace=true
 * and Force=true are applied like everything else: what the server then refuses is reported.
 *
 * Limits: one API is one cluster: the cluster's name in the request is not checked against it.
 * SEEN_MAX objects are remembered.
 */
#include <stdlib.h>
#include <time.h>

#include "edge/kube/kube.h"
#include "roles/kubernetes/destination.h"
#include "roles/kubernetes/health.h"

enum { SEEN_MAX = 20000, CRD_WAIT_MS = 5000, CRD_ASK_MS = 100 };

struct seen {
    struct digest digest;
    struct str version; /* heap */
};

struct kube_destination {
    struct kube *kube;
    struct map *seen; /* object id -> struct seen, owned */
};

/* One apply call. */
struct run {
    struct kube_destination *d;
    const struct apply_request *request;
    struct arena *arena;
    struct arena *scratch; /* an object's documents; reset after each */
    struct apply_result *result;
    enum health worst;
    struct err *err;
};

/* ---- what was seen ---- */

static void seen_free(struct seen *s)
{
    if (!s)
        return;
    str_free(s->version);
    free(s);
}

static void forget_all(struct kube_destination *d)
{
    for (size_t i = 0; i < map_count(d->seen); i++)
        seen_free(map_value_at(d->seen, i));
    map_free(d->seen);
    d->seen = map_new(0);
}

static struct str metadata_str(const struct value *live, const char *key)
{
    return value_get_str(value_get(live, STR("metadata")), key);
}

static void remember(struct kube_destination *d, const struct object *o, const struct value *live)
{
    struct seen *s = hl_calloc(1, sizeof(*s));

    if (map_count(d->seen) >= SEEN_MAX)
        forget_all(d);
    s->digest = o->digest;
    s->version = str_dup(metadata_str(live, "resourceVersion"));
    seen_free(map_set(d->seen, o->id, s));
}

static bool is_as_seen(const struct kube_destination *d, const struct object *o,
                       const struct value *live)
{
    const struct seen *s = map_get(d->seen, o->id);

    return s && digest_eq(&s->digest, &o->digest) && s->version.len > 0 &&
           str_eq(s->version, metadata_str(live, "resourceVersion"));
}

/* ---- one object ---- */

static int check_lease(struct run *run)
{
    if (run->request->lease_valid(run->request->context))
        return 0;
    return err_set(run->err, HL_ECONFLICT, "the lease is no longer ours");
}

static struct kube_ref ref_of(const struct object *o)
{
    return (struct kube_ref){o->group, o->version, o->kind, o->namespace, o->name};
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* Whether a CRD of this very application defines the kind: then it is about to be served. */
static bool is_defined_here(const struct apply_request *r, const struct object *o)
{
    for (size_t i = 0; i < r->object_count; i++) {
        const struct value *spec = value_get(r->object[i].tree, STR("spec"));

        if (str_eq(r->object[i].kind, STR("CustomResourceDefinition")) &&
            str_eq(value_get_str(spec, "group"), o->group) &&
            str_eq(value_str(value_path(spec, "names", "kind", NULL)), o->kind))
            return true;
    }
    return false;
}

/* kube_get; an own CRD that was just written gets a moment to be served. */
static int get_live(struct run *run, const struct object *o, struct value **live)
{
    bool is_awaited = is_defined_here(run->request, o);
    struct kube_ref ref = ref_of(o);

    for (int64_t waited_ms = 0;; waited_ms += CRD_ASK_MS) {
        int r = kube_get(run->d->kube, &ref, run->scratch, live, run->err);
        if (r != HL_ETEMP || !is_awaited || waited_ms >= CRD_WAIT_MS)
            return r;
        if (check_lease(run) < 0)
            return HL_ECONFLICT;
        pause_ms(CRD_ASK_MS);
    }
}

static int write_object(struct run *run, const struct object *o, const struct value *before,
                        struct value **live)
{
    struct kube_ref ref = ref_of(o);

    int r = check_lease(run);
    if (r == 0)
        r = kube_apply(run->d->kube, &ref, o->tree, run->scratch, live, run->err);
    if (r < 0)
        return r;
    /* The server knows better than our comparison whether this changed anything. */
    if (!before ||
        !str_eq(metadata_str(before, "resourceVersion"), metadata_str(*live, "resourceVersion")))
        run->result->changed_count++;
    return 0;
}

static void note_health(struct run *run, const struct value *live)
{
    enum health h = health_of(live);

    if (h > run->worst)
        run->worst = h;
}

static int apply_object(struct run *run, const struct object *o, struct ledger_object *out)
{
    char hex[DIGEST_HEX + 1];
    struct value *before = NULL;

    int r = get_live(run, o, &before);
    if (r < 0)
        return r;
    if (r == KUBE_ABSENT)
        before = NULL;
    struct value *live = before;
    bool is_settled =
        before && (o->implied || is_as_seen(run->d, o, before) || kube_is_in_sync(before, o->tree));
    if (!is_settled)
        r = write_object(run, o, before, &live);
    if (r < 0)
        return r;
    remember(run->d, o, live);
    note_health(run, live);
    *out = (struct ledger_object){
        .id = o->id,
        .digest = arena_dup(run->arena, str_from(digest_hex(&o->digest, hex))),
        .handle = o->prune ? arena_dup(run->arena, metadata_str(live, "uid")) : STR_NONE,
    };
    return 0;
}

static int apply_all(struct run *run)
{
    const struct apply_request *r = run->request;

    run->result->ledger = arena_array(run->arena, struct ledger_object, r->object_count);
    for (size_t i = 0; i < r->object_count; i++) {
        int e = apply_object(run, &r->object[i], &run->result->ledger[i]);
        arena_reset(run->scratch);
        if (e < 0 && e != HL_ECONFLICT && r->object[i].where.file.len > 0)
            err_wrap(run->err, STR_FMT, STR_ARG(r->object[i].where.file));
        if (e < 0)
            return e;
        run->result->ledger_count++;
    }
    return 0;
}

/* ---- pruning ---- */

/* "group/Kind/namespace/name"; a name may not hold '/'. */
static bool parse_id(struct str id, struct kube_ref *out)
{
    out->group = str_cut(&id, '/');
    out->kind = str_cut(&id, '/');
    out->namespace = str_cut(&id, '/');
    out->name = id;
    out->version = STR_NONE;
    return out->kind.len > 0 && out->name.len > 0 && !str_has_byte(out->name, '/');
}

static int prune_object(struct run *run, const struct ledger_object *l)
{
    struct kube_ref ref;

    if (!parse_id(l->id, &ref))
        return err_set(run->err, HL_EINVAL, "\"" STR_FMT "\" in the ledger is no object",
                       STR_ARG(l->id));
    int r = check_lease(run);
    if (r == 0)
        r = kube_delete(run->d->kube, &ref, l->handle, run->scratch, run->err);
    if (r < 0)
        return r;
    run->result->pruned_count += r == 0;
    seen_free(map_remove(run->d->seen, l->id));
    return 0;
}

static int prune_all(struct run *run)
{
    HL_CLEANUP(map_freep) struct map *kept = map_new(0);
    const struct apply_request *r = run->request;

    for (size_t i = 0; i < r->object_count; i++)
        map_set(kept, r->object[i].id, (void *)(uintptr_t)&r->object[i]);
    for (size_t i = r->ledger_count; i-- > 0;) {
        if (r->ledger[i].handle.len == 0 || map_get(kept, r->ledger[i].id))
            continue;
        int e = prune_object(run, &r->ledger[i]);
        arena_reset(run->scratch);
        if (e < 0)
            return e;
    }
    return 0;
}

/* ---- the destination ---- */

/* Before anything is written: half an application without its hooks would be worse than none. */
static int refuse_hooks(const struct apply_request *r, struct err *err)
{
    for (size_t i = 0; i < r->object_count; i++)
        if (r->object[i].hook.len > 0)
            return err_set(err, HL_EUNSUPPORTED,
                           STR_FMT " \"" STR_FMT "\" is a " STR_FMT " hook: hooks are not run yet",
                           STR_ARG(r->object[i].kind), STR_ARG(r->object[i].name),
                           STR_ARG(r->object[i].hook));
    return 0;
}

static int kube_destination_apply(void *context, const struct apply_request *r, struct arena *a,
                                  struct apply_result *out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct apply_result result = {0};
    struct run run = {context, r, a, scratch, &result, HEALTH_HEALTHY, err};

    int e = refuse_hooks(r, err);
    if (e == 0)
        e = apply_all(&run);
    if (e == 0)
        e = prune_all(&run);
    if (e < 0)
        return e;
    result.note = arena_printf(a, "%zu object%s", r->object_count, r->object_count == 1 ? "" : "s");
    result.health = health_name(run.worst);
    *out = result;
    return 0;
}

static int kube_destination_capabilities(void *context, struct arena *a,
                                         struct chart_capabilities *out, struct err *err)
{
    struct kube_destination *d = context;
    struct kube_apis apis;

    int r = kube_list_apis(d->kube, a, &apis, err);
    if (r < 0)
        return r;
    *out = (struct chart_capabilities){.kube_version = apis.version,
                                       .kube_major = apis.major,
                                       .kube_minor = apis.minor,
                                       .helm_version = chart_capabilities_offline.helm_version,
                                       .api = apis.api,
                                       .api_count = apis.count};
    return 0;
}

static void kube_destination_idle(void *context)
{
    struct kube_destination *d = context;

    kube_rest(d->kube);
}

static void kube_destination_free(void *context)
{
    struct kube_destination *d = context;

    kube_close(d->kube);
    forget_all(d);
    map_free(d->seen);
    free(d);
}

int destination_open_kube(struct str kubeconfig, struct str node, struct destination *out,
                          struct err *err)
{
    struct kube *kube;

    (void)node; /* who wrote is in managedFields as "hlmesh": the same for all agents, on purpose */
    int r = kube_open(kubeconfig, &kube, err);
    if (r < 0)
        return r;
    struct kube_destination *d = hl_calloc(1, sizeof(*d));
    d->kube = kube;
    d->seen = map_new(0);
    *out = (struct destination){.context = d,
                                .apply = kube_destination_apply,
                                .capabilities = kube_destination_capabilities,
                                .idle = kube_destination_idle,
                                .free = kube_destination_free};
    return 0;
}
