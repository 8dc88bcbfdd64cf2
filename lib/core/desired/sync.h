/*
 * Sync options: how an application's objects are to be applied, in Argo CD's words.
 *
 * Read from a merged `syncPolicy` and `syncPolicyAppSet`; written into the bundle and read back by
 * the agent. What is not named keeps the value of SYNC_DEFAULTS, which is Argo CD's.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_DESIRED_SYNC_H
#define HL_CORE_DESIRED_SYNC_H

#include "core/value/value.h"

struct sync_options {
    bool automated; /* false: only when a person asks */
    bool prune;
    bool self_heal;
    bool allow_empty; /* an empty render may delete everything */

    bool create_namespace;
    bool server_side_apply;
    bool replace;
    bool force;
    bool validate;
    bool prune_last;
    bool apply_out_of_sync_only;
    bool respect_ignore_differences;
    bool skip_dry_run_on_missing_resource;
    bool fail_on_shared_resource;
    bool preserve_resources_on_deletion; /* the app leaving the plan leaves its objects */
    struct str prune_propagation;        /* "foreground", "background" or "orphan" */

    int64_t retry_limit; /* < 0: for ever */
    int64_t retry_base_ms;
    int64_t retry_factor;
    int64_t retry_max_ms;

    const struct value *namespace_labels;      /* managedNamespaceMetadata; NULL if none */
    const struct value *namespace_annotations; /* NULL if none */
};

struct sync_options sync_defaults(void);

/*
 * `policy` is an Application's spec.syncPolicy, `set_policy` an ApplicationSet's; both may be NULL.
 * An option this version does not know goes to *out_unknown (borrowed value, NULL if none): a
 * remark, not an error. HL_EINVAL with position for a wrong type or a duration that is none.
 */
HL_MUST int sync_options_read(struct sync_options *out, const struct value *policy,
                              const struct value *set_policy, const struct value **out_unknown,
                              struct err *err);

/* The tree that a bundle holds, and back. */
struct value *sync_options_value(struct arena *a, const struct sync_options *s);
HL_MUST int sync_options_open(struct sync_options *out, const struct value *tree, struct err *err);

#endif
