/* What lies in the repository and reaches no cluster (decision D14). Private to core/desired. */
#ifndef HL_CORE_DESIRED_LINT_H
#define HL_CORE_DESIRED_LINT_H

#include "core/desired/build.h"

/* Notes layer folders that no cluster of the registry leads to. Call when all apps are made. */
void lint_layer_folders(struct build *b, struct str base);

#endif
