/*
 * The role `kubernetes`: make one application be what its bundle says, at a destination.
 *
 * kubernetes_apply renders the bundle (pure), checks what pruning would do, applies through the
 * destination, and says what happened. It never fails as a function: every outcome is a result that
 * can be reported. Errors are classified (decision D5): transient ones are worth the same attempt
 * again, permanent ones wait for a new input.
 *
 * Charts are rendered with the capabilities of the destination; what they make at random is made
 * anew whenever they are rendered. Their hooks are objects like others in a state repository; for a
 * Kubernetes API they are refused.
 *
 * Prune guard (decision D10): an empty render of an application that has objects is permanent
 * unless the application allows to be empty or is being deleted; a render that would prune more
 * than PRUNE_SHARE_MAX percent of more than PRUNE_FREE objects waits until a person syncs that
 * application by hand (`is_forced`).
 *
 * Threads: one owner, the role's actor; kubernetes_apply blocks.
 */
#ifndef HL_ROLES_KUBERNETES_KUBERNETES_H
#define HL_ROLES_KUBERNETES_KUBERNETES_H

#include "roles/kubernetes/destination.h"

enum { PRUNE_FREE = 10, PRUNE_SHARE_MAX = 50 };

enum work_outcome { WORK_OK, WORK_TRANSIENT, WORK_PERMANENT, WORK_SUPERSEDED };

struct work_item {
    struct str key; /* the application's name */
    struct str cluster;
    struct str revision;
    uint64_t epoch;
    bool is_takeover;
    bool is_deletion;  /* the application is gone: prune all that the ledger lists */
    bool is_forced;    /* a person asked for this run */
    struct str bundle; /* bytes whose digest was checked; empty for deletions */
    /* Charts: the world they are rendered in, but for what the destination knows itself. */
    struct objects_world world;
    const struct ledger_object *ledger;
    size_t ledger_count;
    bool (*lease_valid)(void *context);
    void *context;
};

struct work_result {
    enum work_outcome outcome;
    struct err err;              /* set unless WORK_OK */
    struct apply_result applied; /* set when WORK_OK; in the arena */
};

/*
 * `only_cluster`: the one cluster that the destination is, for a Kubernetes API; work for another
 * is refused (permanent, "Unsupported: ..."), because two clusters' objects in one API would fight.
 * Empty: the destination takes all clusters, as a state repository does.
 */
void kubernetes_apply(struct destination *destination, struct str only_cluster,
                      const struct work_item *item, struct arena *a, struct work_result *out);

#endif
