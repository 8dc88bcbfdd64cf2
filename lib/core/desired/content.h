/*
 * Where an application's content lies, and its bundle if that is in reach. Private to core/desired.
 */
#ifndef HL_CORE_DESIRED_CONTENT_H
#define HL_CORE_DESIRED_CONTENT_H

#include "core/desired/app.h"

/* An application in the making: what its fields are computed from. */
struct making {
    struct build *b;
    const struct addon *addon;
    const struct cluster_record *cluster;
    struct value *values; /* the generator's `.values` */
    struct desired_app *app;
};

/* The entry's string `key` with placeholders replaced; empty if absent. Errors carry its place. */
HL_MUST int making_text(const struct making *m, const struct value *map, const char *key,
                        struct str *out, struct err *err);

/*
 * Fills source_*, kind and, for manifests of this repository, bundle, digests and counts. 0,
 * HL_EUNSUPPORTED (what it waits for), or a failure of the commit.
 */
HL_MUST int content_resolve(struct making *m, struct err *err);

#endif
