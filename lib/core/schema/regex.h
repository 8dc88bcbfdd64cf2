/*
 * For the files of this folder only: the regular expressions of "pattern" and "patternProperties".
 *
 * The language is Go's (RE2 with Perl's classes): no lookaround, no backreferences, and what Go
 * refuses is refused with Go's words. An accepted expression is rewritten for PCRE2, which matches
 * it breadth first: no backtracking; the cost is linear in the text and quadratic in the number of
 * states that are alive at the same time. Only whether there is a match is asked, so that
 * greediness and groups are dropped.
 *
 * Ownership: everything lives in the arena. Threads: a compiled expression is not written to.
 * Limits: REGEX_BYTES_MAX a pattern, REGEX_DEPTH_MAX nested groups; what PCRE2 holds too large.
 */
#ifndef HL_CORE_SCHEMA_REGEX_H
#define HL_CORE_SCHEMA_REGEX_H

#include "base/base.h"

enum { REGEX_BYTES_MAX = 16384, REGEX_DEPTH_MAX = 200 };

struct schema_regex;

/* Go's syntax to PCRE2's. False: *reason is "error parsing regexp: ...". */
HL_MUST bool schema_regex_translate(struct arena *a, struct str pattern, struct str *out,
                                    struct str *reason);

/* NULL: *reason says why, in Go's words where Go refuses it, too. */
struct schema_regex *schema_regex_compile(struct arena *a, struct str pattern, struct str *reason);

/*
 * 1 if it matches anywhere in s, 0 if not, HL_ELIMIT if that takes more than *steps_left, of which
 * what it may have taken is subtracted (a step is some 100 ns).
 */
HL_MUST int schema_regex_match(const struct schema_regex *re, struct str s, uint64_t *steps_left,
                               struct err *err);

#endif
