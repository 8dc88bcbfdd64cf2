/* What is known about kinds without asking a cluster. Private to core/desired. */
#ifndef HL_CORE_DESIRED_KINDS_H
#define HL_CORE_DESIRED_KINDS_H

#include "core/desired/objects.h"

/* True for a kind that is named like one of Kubernetes' own but belongs to another group. */
bool kind_name_is_taken(struct str group, struct str kind);

#endif
