/*
 * For yaml_read.c and yaml_members.c only: the YAML that nearly all files are written in, read ten
 * times faster than by libyaml.
 *
 * Block collections, comments, plain scalars of one line, quoted ones of one line, literal and
 * folded blocks, [] and {} and lists of scalars in brackets, "---" between documents. What is
 * anything else (anchors, tags, tabs, scalars over several lines, errors of any kind) is not read
 * at all: the caller then begins again with libyaml, which alone decides what is wrong. So the only
 * thing that must hold is that what is read here comes out as libyaml's events do, positions
 * included; fuzz_yaml compares them.
 *
 * Threads: pure. Cost: linear in the text.
 */
#ifndef HL_CORE_VALUE_YAML_SIMPLE_H
#define HL_CORE_VALUE_YAML_SIMPLE_H

#include <yaml.h>

#include "base/base.h"

/* Takes an event, whose strings are borrowed: 0 to go on, 1 for enough, < 0 for an error. */
typedef int (*yaml_sink)(void *context, const yaml_event_t *event);

/* 0 when the sink had enough or all was read; 1 if this is no text for here; or the sink's error.
 */
HL_MUST int yaml_simple_read(struct str text, yaml_sink sink, void *context);

#endif
