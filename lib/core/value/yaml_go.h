/*
 * For the files of this folder only: what goyaml.v2 and sigs.k8s.io/yaml say about documents that
 * they refuse.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_VALUE_YAML_GO_H
#define HL_CORE_VALUE_YAML_GO_H

#include "core/value/value.h"

/* What every message of Unmarshal begins with. */
#define YAML_GO_PREFIX "error converting YAML to JSON: "

/* Appends v as %#v shows what goyaml.v2 makes of it; stops soon after ERR_TEXT_MAX bytes. Keys are
 * shown as strings. */
void yaml_go_value(struct buf *out, const struct value *v);

/* 0, or HL_EINVAL where encoding/json has no form for a number in v. */
HL_MUST int yaml_go_check(const struct value *v, struct err *err);

#endif
