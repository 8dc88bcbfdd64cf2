/*
 * Where objects go: one interface, two kinds of destination.
 *
 *   state repository   a Git repository; one file per object, one commit per application
 *   Kubernetes API     server-side apply, object by object; prune by ledger
 *
 * apply makes the destination hold exactly `object` for this application: what the ledger lists and
 * `object` does not is pruned, in reverse order; what is there already is not written (decision
 * D9). It asks lease_valid before each write that could be a step too far and stops with
 * HL_ECONFLICT when it says no.
 *
 * Threads: one owner; apply blocks.
 */
#ifndef HL_ROLES_KUBERNETES_DESTINATION_H
#define HL_ROLES_KUBERNETES_DESTINATION_H

#include "core/desired/objects.h"

/* An object that we applied: what the ledger in the replicated state holds. */
struct ledger_object {
    struct str id;     /* "group/Kind/namespace/name" */
    struct str digest; /* hex SHA-256 of its canonical bytes as applied */
    /* How the destination finds it again to prune it: uid in Kubernetes, path in a repository.
     * Empty for what must never be pruned (Prune=false, a namespace that CreateNamespace added). */
    struct str handle;
};

struct apply_request {
    struct str app; /* "<cluster>/<app>" */
    struct str cluster;
    struct str revision; /* fleet commit */
    uint64_t epoch;
    bool is_takeover;
    const struct object *object; /* in apply order */
    size_t object_count;
    const struct ledger_object *ledger; /* as of the last report */
    size_t ledger_count;
    bool (*lease_valid)(void *context);
    void *context;
};

struct apply_result {
    struct ledger_object *ledger; /* what is applied now; in the arena */
    size_t ledger_count;
    size_t changed_count;
    size_t pruned_count;
    struct str note;    /* "commit 3f2a…" or "12 objects"; for people */
    const char *health; /* Argo CD's words: what was seen, "Unknown" when nothing can be seen */
};

struct destination {
    void *context;
    /*
     * 0 with the result; HL_ECONFLICT (lease no longer ours), HL_ETEMP, HL_ETIMEOUT, HL_EIO (try
     * again later), anything else: the same input fails again. After a failure part of the objects
     * may be applied in Kubernetes (the next attempt goes on), nothing in a repository.
     */
    int (*apply)(void *context, const struct apply_request *request, struct arena *a,
                 struct apply_result *out, struct err *err);
    /* What charts are told about the cluster; NULL: nothing is known, Helm's assumptions hold. As
     * apply fails. */
    int (*capabilities)(void *context, struct arena *a, struct chart_capabilities *out,
                        struct err *err);
    void (*idle)(void *context); /* nothing to do for a while: give memory back */
    void (*free)(void *context);
};

struct git_destination_config {
    struct str dir;
    struct str url;
    struct str branch;
    struct str node;
    struct str ssh_key_path;
    struct str known_hosts_path;
    struct str token_path;
    struct str username;
    struct str ca_path;
};

HL_MUST int destination_open_git(const struct git_destination_config *config,
                                 struct destination *out, struct err *err);

/* kubeconfig: a path, or empty for the service account of the pod we run in. */
HL_MUST int destination_open_kube(struct str kubeconfig, struct str node, struct destination *out,
                                  struct err *err);

#endif
