/*
 * Datums as yaml.v3's encoder writes them with an indent of two: toYamlPretty. Unlike toYaml it
 * does not go through JSON: floats look as Go prints them, structs keep their fields' names in
 * lower case and their order, lists below a key are indented, lines are not folded.
 *
 * Threads: pure functions. Limits: DATUM_DEPTH_MAX.
 */
#ifndef HL_CORE_TEMPLATE_YAML_PRETTY_H
#define HL_CORE_TEMPLATE_YAML_PRETTY_H

#include "core/template/datum.h"

/* Appends d with a newline behind it. */
void yaml_pretty_write(struct arena *a, struct buf *out, struct datum d);

#endif
