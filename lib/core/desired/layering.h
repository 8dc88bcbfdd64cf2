/*
 * Which value files say what addons a cluster gets, and what they say together. Private to
 * core/desired.
 */
#ifndef HL_CORE_DESIRED_LAYERING_H
#define HL_CORE_DESIRED_LAYERING_H

#include "core/desired/build.h"

enum { LAYER_COUNT_MAX = 6 };

struct addon;

struct layer {
    struct str path;
    struct value *tree; /* a map */
};

struct layering {
    const struct cluster_record *cluster;
    bool is_vcluster;
    struct str base;                     /* "addons" */
    struct layer layer[LAYER_COUNT_MAX]; /* those that exist, weakest first */
    size_t layer_count;
    struct value *merged;
    struct addon *addon; /* the enabled ones, by key (desired.c) */
    size_t addon_count;
};

/*
 * The layering of a cluster. 0, or 1 if it has none: its cluster_role is neither control-plane nor
 * vcluster (noted), or one of its files is broken (an error of the plan).
 */
int layering_build(struct build *b, const struct cluster_record *cluster, struct layering *out);

/* "addons" for a cluster without annotation; HL_EDENIED and so on as path_clean. */
HL_MUST int layering_base(struct arena *a, const struct cluster_record *cluster, struct str *out,
                          struct err *err);

#endif
