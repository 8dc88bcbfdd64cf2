/*
 * Objects: what an application's bundle renders to, ready to be compared, applied or written to a
 * state repository.
 *
 * Rendering a bundle: manifests are read by manifest_read (Argo CD's directory rules), charts are
 * rendered as `helm template --include-crds` does it (core/chart), values of the bundle over the
 * chart's; lists are expanded, an object of a namespaced kind without namespace gets the bundle's,
 * an object of a cluster-wide kind loses one. Which kinds are cluster-wide: a built-in table, and
 * the CRDs of the same bundle; every other kind counts as namespaced (an agent that knows the live
 * API may pass what it knows). With CreateNamespace the Namespace object is added unless the files
 * hold it; such an object is never pruned. Several applications may imply the same Namespace, and
 * one may hold it in its files: what a file says counts, an implied one only has to exist.
 *
 * Hooks, Argo CD's and Helm's, are objects that say so: whoever applies them knows when. Left out
 * are those that no sync runs: Skip, tests, and what Helm does before or after a deletion or
 * rollback.
 *
 * Order: sync-wave annotation, then Helm's install order by kind (namespaces, quotas, ..., CRDs,
 * ..., roles, services, workloads, ..., the unknown last), then namespace and name. Pruning goes
 * the other way round.
 *
 * Threads: pure functions but for what the world's archive function does; everything lives in the
 * arena.
 * Limits:  those of core/chart and core/template a chart; OBJECT_COUNT_MAX objects an application,
 * OBJECT_BYTES_MAX canonical bytes an object (etcd's own bound is 1.5 MiB).
 */
#ifndef HL_CORE_DESIRED_OBJECTS_H
#define HL_CORE_DESIRED_OBJECTS_H

#include "core/chart/render.h"
#include "core/chart/render_cache.h"
#include "core/desired/bundle.h"

enum { OBJECT_COUNT_MAX = 10000, OBJECT_BYTES_MAX = 2 << 20, OBJECT_ID_MAX = 700 };

struct object {
    struct str id; /* "group/Kind/namespace/name", group and namespace may be empty */
    struct str group;
    struct str version;
    struct str kind;
    struct str namespace; /* empty for cluster-wide kinds */
    struct str name;
    struct value *tree;
    struct str canonical; /* value_canonical of tree */
    struct digest digest; /* SHA-256 of canonical */
    struct str path;      /* in a state repository, see objects_render */
    struct value_pos where;

    struct str hook; /* as annotated ("PreSync", "pre-install,pre-upgrade"); empty: no hook */
    int32_t wave;    /* argocd.argoproj.io/sync-wave, 0 if not given */
    int32_t order;   /* position of the kind in the install order */
    bool prune;      /* false: sync-options Prune=false, or added by CreateNamespace */
    bool replace;    /* sync-options Replace=true */
    bool force;      /* sync-options Force=true */
    bool implied;    /* added by CreateNamespace, in no file */
};

enum object_scope { OBJECT_NAMESPACED, OBJECT_CLUSTER_WIDE, OBJECT_SCOPE_UNKNOWN };
/* The built-in table alone. */
enum object_scope object_scope_of(struct str group, struct str kind);
/* Helm's install order: small numbers first. */
int32_t object_install_order(struct str group, struct str kind);

/* What charts need beside the bundle. */
struct objects_world {
    const struct chart_capabilities *capabilities; /* of the cluster */
    const struct template_world *world;
    chart_unpack unpack;
    struct render_cache *cache; /* NULL: every chart is rendered anew */
    void *context;
    /* The archive with that digest, which the implementation has checked. */
    int (*archive)(void *context, const struct digest *digest, struct arena *a, struct str *out,
                   struct err *err);
};

/*
 * Renders all objects of the bundle in apply order. Each gets the path
 * "clusters/<cluster>/<namespace or _cluster>/<kind>-<name>.yaml", kind in lower case; where a kind
 * has the name of a built-in kind, or of another kind in the bundle, but another group, its part is
 * "<kind>.<group>"; bytes outside [A-Za-z0-9._-] become "_" and such or overlong names end with 8
 * hex digits of their hash, so paths of different objects of a bundle differ always.
 *
 * `world` may be NULL for bundles without charts. Returns 0; HL_EINVAL (a file is broken, a chart
 * does not render, an object lacks apiVersion, kind or a name, two places define the same object:
 * both are named); HL_EUNSUPPORTED (generateName; a chart without a world); HL_ELIMIT; or what the
 * world's archive function says. Positions in what a chart renders to are lines of the rendered
 * document. No objects at all is 0 with a count of 0: whether that is allowed is in the bundle's
 * sync options.
 */
HL_MUST int objects_render(struct arena *a, const struct bundle *b,
                           const struct objects_world *world, struct object **out,
                           size_t *out_count, struct err *err);

/* The file of the object in a state repository: its YAML as yaml_write gives it. */
void object_yaml(struct buf *out, const struct object *o);

#endif
