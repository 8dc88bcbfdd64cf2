/*
 * A Kubernetes API: read, apply and delete single objects.
 *
 * kube_open reads a kubeconfig (kube_config.h says what of it is understood) or the service account
 * of the pod; it does not connect. A handle knows which resource a kind is by discovery, one group
 * and version at a time, cached, asked again when a kind is not in what is cached: a CRD may have
 * come.
 *
 * In-sync test (decision D9), pure, to be asked with what kube_get gave before kube_apply:
 *
 *   every field of the object that we want is in the live one: maps by key, lists of equal length
 *   element by element, numbers by value, null equals absent;
 *   and the live object's managedFields say that our last apply was made at this apiVersion and
 *   set no field that we do not want any more (server-side apply then removes it).
 *
 * kube_apply is server-side apply: fieldManager KUBE_MANAGER, force, so that fields that somebody
 * else took come back to us. What we send never holds status, managedFields or what the server
 * fills in (uid, resourceVersion, generation, creationTimestamp), nor a namespace for a
 * cluster-wide kind.
 *
 * Failures, beside those of edge/http/client.h that mean the server gave no answer:
 *
 *   HL_ETEMP    409, 429, 5xx, a webhook that fails, a namespace that is missing or terminating,
 *               a kind that is not served (yet): the same call may work later
 *   HL_EDENIED  401 (after the token file was read again), 403
 *   HL_EINVAL   400, 413, 415, 422 and other refusals: the same object is refused again
 *
 * The text holds method, kind, namespace and name, the server's reason, message and causes. Of a
 * Secret it holds reason and field names alone: messages quote values. Nothing is tried twice in
 * here: whoever schedules the work backs off.
 *
 * Threads: one owner; calls block, up to KUBE_TIMEOUT_MS each.
 * Limits:  HTTP_REPLY_MAX bytes an answer, KUBE_GROUPS_MAX groups and versions cached.
 */
#ifndef HL_EDGE_KUBE_KUBE_H
#define HL_EDGE_KUBE_KUBE_H

#include "core/value/value.h"

#define KUBE_MANAGER "hlmesh"
enum { KUBE_TIMEOUT_MS = 30000, KUBE_GROUPS_MAX = 256 };

/* Which object. `version` may be empty: then the group's preferred one that serves the kind.
 * `namespace` is ignored for cluster-wide kinds and must be given for others. */
struct kube_ref {
    struct str group; /* empty: the core group */
    struct str version;
    struct str kind;
    struct str namespace;
    struct str name;
};

enum kube_outcome { KUBE_FOUND = 0, KUBE_ABSENT = 1 };

struct kube;

/* `kubeconfig`: a path, or empty for the service account of the pod we run in. HL_EABSENT (no such
 * file, not in a pod), HL_EINVAL (says what is wrong), HL_EUNSUPPORTED (names what we do not do).
 */
HL_MUST int kube_open(struct str kubeconfig, struct kube **out, struct err *err);
void kube_close(struct kube *k);
HL_DEFINE_FREEP(kube_close, struct kube)
/* Closes the connection and forgets what discovery said. */
void kube_rest(struct kube *k);

/*
 * The live object: KUBE_FOUND, or KUBE_ABSENT when the server serves the kind and has no object of
 * that name. A kind that is not served is HL_ETEMP.
 */
HL_MUST int kube_get(struct kube *k, const struct kube_ref *ref, struct arena *a,
                     struct value **out_live, struct err *err);

/* Server-side apply of `wanted`; *out_live is the object as it is then. */
HL_MUST int kube_apply(struct kube *k, const struct kube_ref *ref, struct value *wanted,
                       struct arena *a, struct value **out_live, struct err *err);

/*
 * Deletes the object if it still has this uid (not empty); what hangs below it goes in the
 * background. 0: the server took it, finalizers may still hold the object; KUBE_ABSENT: it, or its
 * kind, is gone, or the name belongs to another object now.
 */
HL_MUST int kube_delete(struct kube *k, const struct kube_ref *ref, struct str uid, struct arena *a,
                        struct err *err);

/* What the server is and serves: /version, and every kind of every group and version. */
struct kube_apis {
    struct str version; /* "v1.34.1" */
    struct str major;
    struct str minor;
    struct str *api; /* "apps/v1", "apps/v1/Deployment" */
    size_t count;
};

/* Of a group whose own server does not answer the versions alone are listed. Asked for anew, apart
 * from the kinds of groups that are cached. */
HL_MUST int kube_list_apis(struct kube *k, struct arena *a, struct kube_apis *out, struct err *err);

/* Whether nothing would change if `wanted` was applied over `live` (the test above). */
bool kube_is_in_sync(const struct value *live, const struct value *wanted);

#endif
