/*
 * For the files of this folder only: the order in which keys are written to YAML.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_VALUE_YAML_ORDER_H
#define HL_CORE_VALUE_YAML_ORDER_H

#include "core/value/value.h"

/* Below, equal or above 0, as goyaml.v2 orders two string keys. */
int yaml_key_cmp(struct str a, struct str b);

#endif
