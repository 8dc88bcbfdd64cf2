/*
 * From parsed documents to identified objects: what the compiler checks and the agent goes on from.
 * Private to core/desired.
 */
#ifndef HL_CORE_DESIRED_RENDER_H
#define HL_CORE_DESIRED_RENDER_H

#include "core/desired/objects.h"

struct render_target {
    struct str cluster;
    struct str namespace;
    const struct sync_options *sync;
};

/*
 * Everything of objects_render except canonical bytes and digests: scope, namespace, identity,
 * duplicates, hooks, waves, the implied Namespace, order, paths. The documents stay as they are.
 */
HL_MUST int render_documents(struct arena *a, struct value *const *document, size_t count,
                             const struct render_target *target, struct object **out,
                             size_t *out_count, struct err *err);

/* Gives every object its path in a state repository. */
void render_paths(struct arena *a, struct str cluster, struct object *object, size_t count);

#endif
