/*
 * The cluster registry: which clusters exist, and what selectors and templates know about them.
 *
 * Records come from three places: `platform/clusters.yaml` (a list of {name, server, labels,
 * annotations}, or several such documents), every .yaml and .yml file of the folder
 * `platform/clusters`, and text from outside the repository (the operator's file). A record may
 * also be an Argo CD cluster Secret: label argocd.argoproj.io/secret-type=cluster, `name` and
 * `server` from stringData or from base64 in data, labels and annotations from its metadata; its
 * `config`, which holds credentials, is never read. A record of the plain form counts as having
 * that label.
 *
 * Order: by name, so that the same set of records gives the same plan whatever file they are in.
 * Threads: pure functions. Limits: CLUSTER_COUNT_MAX records, 253 bytes a name.
 */
#ifndef HL_CORE_DESIRED_REGISTRY_H
#define HL_CORE_DESIRED_REGISTRY_H

#include "core/value/value.h"

enum { CLUSTER_COUNT_MAX = 10000, CLUSTER_NAME_MAX = 253 };

struct cluster_record {
    struct str name;
    struct str name_normalized; /* cluster_name_normalized(name) */
    struct str server;
    struct value *labels;      /* maps of strings; never NULL */
    struct value *annotations; /* never NULL */
    struct value_pos where;    /* the record in its file */
};

struct registry {
    struct cluster_record *cluster; /* by name */
    size_t count;
    size_t cap;
};

/*
 * Adds the records of one file. Returns 0, HL_EINVAL (not a record, unknown key, missing name or
 * server, a name that is there already: both places are named) or HL_ELIMIT, with the position; the
 * registry then keeps what it held before.
 */
HL_MUST int registry_add(struct registry *r, struct arena *a, struct str text, struct str file,
                         struct err *err);

/* NULL if unknown. */
const struct cluster_record *registry_find(const struct registry *r, struct str name);

/* Argo CD's SanitizeName: lower case, bytes other than [a-z0-9.-] become "-", at most 253 bytes,
 * no "-" or "." at either end. */
struct str cluster_name_normalized(struct arena *a, struct str name);

#endif
