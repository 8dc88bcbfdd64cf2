/*
 * File patterns as gobwas/glob v0.2.3 takes them with the separator "/": what .Files.Glob asks.
 *
 *   *  anything but "/"       [abc]  [!abc]  [a-z]  [!a-z]  one character in the set, or not in it
 *   ** anything               {a,b*,}                       one of the patterns
 *   ?  one character but "/"  \c                            the character itself
 *
 * A pattern must match the whole name. What matches is what upstream's matchers say, its mistakes
 * included, since charts were tested against them: "?.txt" is not for names with a character of
 * several bytes, "b**b" is for "b", "a***" not for "a". A name that is no UTF-8 counts byte by
 * byte.
 *
 * Ownership: a glob lives in the arena it was made in. Threads: a glob may be matched by many.
 * Limits: CHART_GLOB_PATTERN_MAX bytes, CHART_GLOB_NODES_MAX parts, CHART_GLOB_SEQUENCE_MAX of them
 * in a row, CHART_GLOB_DEPTH_MAX braces within one another; a name has CHART_GLOB_NAME_MAX bytes,
 * and matching stops with an error after CHART_GLOB_STEPS_MAX characters looked at, some 10 ms.
 */
#ifndef HL_CORE_CHART_GLOB_H
#define HL_CORE_CHART_GLOB_H

#include "base/base.h"

enum {
    CHART_GLOB_PATTERN_MAX = 1024,
    CHART_GLOB_NODES_MAX = 512,
    CHART_GLOB_SEQUENCE_MAX = 48,
    CHART_GLOB_DEPTH_MAX = 16,
    CHART_GLOB_NAME_MAX = 4096,
    CHART_GLOB_STEPS_MAX = 2000000,
};

struct chart_glob;

/* 0, HL_EINVAL with upstream's text (Helm then takes every file), or HL_ELIMIT. */
HL_MUST int chart_glob_parse(struct arena *a, struct str pattern, const struct chart_glob **out,
                             struct err *err);

/* 0, HL_ELIMIT, or HL_EINVAL where upstream panics: on some names a row with an empty part in it.
 */
HL_MUST int chart_glob_match(const struct chart_glob *g, struct str name, bool *out,
                             struct err *err);

#endif
