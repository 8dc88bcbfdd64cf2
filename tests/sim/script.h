/*
 * Scenarios: a world and what happens in it, as text. A trace of a seed is one, and so can be
 * trimmed by hand and kept.
 *
 *   # what this is about
 *   config NAME NUMBER      a field of struct world_config; before the first action
 *   AT VERB NUMBER...       an action (action.h); AT 0 means now
 *   calm MS                 time passes, disks and links are healthy
 *   cut FROM TO             slots, from 1: from now on `calm` loses messages on this link
 *   join FROM TO
 *   leader MEMBER           it must lead now (0: nobody)
 *   value KEY NUMBER        what every member has for this key now
 *   mark NAME COUNT         a rare path (marks.h, its constant) was taken that often at least
 */
#ifndef HL_TESTS_SIM_SCRIPT_H
#define HL_TESTS_SIM_SCRIPT_H

#include "sim/world.h"

void script_print_config(struct buf *out, const struct world_config *config);
/* 0; HL_EINVAL for a line that is none, HL_ECONFLICT for what is not as the scenario says or for a
 * violation: `err` has the line. */
HL_MUST int script_run(struct str text, struct str file, struct err *err);

#endif
