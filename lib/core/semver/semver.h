/*
 * Versions and constraints on them, as Masterminds/semver v3.5.0 reads them, which is what Helm
 * asks.
 *
 * A version is what https://semver.org says, or, read leniently, what people write: "v1.2", "1",
 * "01.2.3". Order is that of SemVer 2, 11: a prerelease stands before its release, numbers before
 * words, build metadata counts for nothing.
 *
 * A range is alternatives ("||") of clauses that must all hold (comma or blanks): an operator, one
 * of nothing = != > < >= => <= =< ~ ~> ^, and a version that may end early or have x, X or * for a
 * part; "1.2 - 2.3" stands for ">= 1.2, <= 2.3". What differs from what one might expect is
 * upstream's: a version with a prerelease is in no alternative none of whose clauses names a
 * prerelease;
 * "~0.0.0" and "*" hold for every version; "!=*" for all but 0.0.0; "<=1.2" holds for 1.2.9.
 *
 * Ownership: everything lives in the arena given to the parser, texts included.
 * Threads: pure functions; parsed things may be read by many.
 * Limits: upstream's: SEMVER_BYTES_MAX a version, SEMVER_RANGE_BYTES_MAX a range and
 * SEMVER_RANGE_ALTERNATIVES_MAX in it. Errors are upstream's word for word, but that a quoted text
 * keeps unprintable characters beyond Latin-1.
 */
#ifndef HL_CORE_SEMVER_SEMVER_H
#define HL_CORE_SEMVER_SEMVER_H

#include "base/base.h"

enum {
    SEMVER_BYTES_MAX = 256,
    SEMVER_RANGE_BYTES_MAX = 512,
    SEMVER_RANGE_ALTERNATIVES_MAX = 32,
};

struct semver {
    uint64_t major;
    uint64_t minor;
    uint64_t patch;
    struct str pre;      /* behind "-"; empty: a release */
    struct str meta;     /* behind "+" */
    struct str original; /* the text as it was given */
};

/* NewVersion: one to three numbers, a leading "v" and leading zeros are fine. 0, HL_EINVAL or, too
 * long, HL_ELIMIT. */
HL_MUST int semver_parse(struct arena *a, struct str text, struct semver *out, struct err *err);
/* StrictNewVersion: SemVer 2 and nothing else. The same results. */
HL_MUST int semver_parse_strict(struct arena *a, struct str text, struct semver *out,
                                struct err *err);

/* -1, 0 or 1. */
int semver_cmp(const struct semver *a, const struct semver *b);
/* "1.2.3-pre+meta", whatever the original looked like. */
struct str semver_text(struct arena *a, const struct semver *v);

struct semver_range;

/* NewConstraint. 0, HL_EINVAL or HL_ELIMIT. */
HL_MUST int semver_range_parse(struct arena *a, struct str text, const struct semver_range **out,
                               struct err *err);
/* Check. */
bool semver_range_has(const struct semver_range *range, const struct semver *v);

#endif
