/*
 * .helmignore: which files of a chart folder are not part of the chart, as Helm's pkg/ignore has
 * it.
 *
 * A rule is a line, without the blanks around it; empty lines and those that begin with "#" are
 * none. A pattern is one of Go's filepath.Match: * and ? stop at "/", [a-z] and [^a-z], \ takes the
 * next character as it is; ** is an error. With a "/" in it, it stands for the whole path below the
 * chart, otherwise for the name of a file or folder anywhere; at its end a "/" wants a folder, at
 * its beginning it is dropped. "!" turns a rule round, not back: what it does not match is ignored.
 * Rules are asked in order, the first that ignores decides.
 *
 * Of several "/" at the beginning Helm drops another one each time it asks; here all are dropped.
 *
 * Ownership: rules live in the arena they were made in. Threads: rules may be asked by many.
 * Limits: IGNORE_BYTES_MAX a file, IGNORE_RULES_MAX rules of IGNORE_RULE_MAX bytes; paths of more
 * than IGNORE_PATH_MAX bytes are not ignored. A question looks at 32 million characters at worst.
 */
#ifndef HL_CORE_CHART_IGNORE_H
#define HL_CORE_CHART_IGNORE_H

#include "base/base.h"

enum {
    IGNORE_BYTES_MAX = 1 << 20,
    IGNORE_RULES_MAX = 256,
    IGNORE_RULE_MAX = 256,
    IGNORE_PATH_MAX = 512,
};

struct ignore_rules;

/* The rules of a file and, behind them, Helm's own (hidden files right below templates/). 0,
 * HL_EINVAL with Helm's text, or HL_ELIMIT. */
HL_MUST int ignore_parse(struct arena *a, struct str text, const struct ignore_rules **out,
                         struct err *err);

/* `path` is relative to the chart, with "/" between its parts and none at its end. */
bool ignore_has(const struct ignore_rules *rules, struct str path, bool is_dir);

/* Go's filepath.Match on Unix: 0 with *out, or HL_EINVAL ("syntax error in pattern") where it comes
 * to look at what is malformed. */
HL_MUST int ignore_match(struct str pattern, struct str name, bool *out, struct err *err);

#endif
