/* One addon entry on one cluster becomes one application. Private to core/desired. */
#ifndef HL_CORE_DESIRED_APP_H
#define HL_CORE_DESIRED_APP_H

#include "core/desired/entry.h"
#include "core/desired/layering.h"
#include "core/desired/selector.h"

struct addon {
    const struct layering *layering;
    struct str key;            /* as written */
    struct str name;           /* normalised */
    const struct value *entry; /* merged */
    struct value_pos where;
    struct selector selector;
    struct entry_errors errors;
};

/* Adds the application to the plan, or settles with the one of that name which is there. */
void app_add(struct build *b, const struct addon *addon, const struct cluster_record *cluster);

#endif
