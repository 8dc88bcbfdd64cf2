/*
 * Go's regular expressions (RE2's syntax, leftmost-first) on PCRE2.
 *
 * A pattern is read by Go's rules and written anew in PCRE2's syntax, so that both mean the same:
 * no backreferences, no looking around, repeats of at most 1000, `$` only at the end of the text,
 * \s without \v, ASCII \b \d \w, (?P<name>...), (?i) folding as in regexp/syntax, and Go's error
 * texts. Texts that are no UTF-8 match as in Go: each bad byte is one U+FFFD.
 *
 * PCRE2 backtracks and Go does not: a pattern that would take long here is ended by REGEX_STEPS_MAX
 * with HL_ELIMIT, where Go would find an answer. Known differences beyond that: (?i)\p{Lu}, \p{Ll}
 * and \p{Lt} take every cased letter; scripts are those of Unicode 14.
 *
 * Ownership: a regex has a life of its own; what it hands out lies in the arena it was made with or
 * in the text. Threads: pure functions; a regex is confined to one thread.
 * Limits: REGEX_PATTERN_MAX bytes a pattern, REGEX_TEXT_MAX a text (REGEX_BAD_TEXT_MAX if it is no
 * UTF-8), REGEX_STEPS_MAX for all searches with one regex, REGEX_HEAP_KIB_MAX for backtracking.
 */
#ifndef HL_CORE_GOSTD_REGEX_H
#define HL_CORE_GOSTD_REGEX_H

#include "base/base.h"

enum {
    REGEX_PATTERN_MAX = 64 << 10,
    REGEX_TEXT_MAX = 4 << 20,
    REGEX_BAD_TEXT_MAX = 1 << 20,
    REGEX_STEPS_MAX = 2000000,
    REGEX_HEAP_KIB_MAX = 40 << 10,
    REGEX_NESTING_MAX = 1000,
};

struct regex;

/* NULL with Go's text in *out_error ("error parsing regexp: ..."). */
struct regex *regex_new(struct arena *a, struct str pattern, struct str *out_error);
void regex_free(struct regex *re);
HL_DEFINE_FREEP(regex_free, struct regex)

/* What a regex is matched against: the text with U+FFFD for what is no UTF-8. */
struct regex_text {
    struct str text;
    struct str original;
    const uint32_t *place; /* of every byte of text in the original; NULL: they are the same */
};

/* 0, or HL_ELIMIT for a text that is too long. */
HL_MUST int regex_text_init(struct regex_text *t, struct arena *a, struct str s, struct err *err);
/* The original's bytes of [from, to) of the text. */
struct str regex_text_sub(const struct regex_text *t, size_t from, size_t to);

struct regex_span {
    size_t from; /* SIZE_MAX: the group did not take part */
    size_t to;
};

/*
 * The first match that begins at or after `from` (<= the text's length): 1 with the spans of the
 * match and of all groups (regex_group_count + 1) until the next call, 0 if there is none,
 * HL_ELIMIT.
 */
HL_MUST int regex_match(struct regex *re, const struct regex_text *t, size_t from,
                        const struct regex_span **out, struct err *err);

size_t regex_group_count(const struct regex *re);
/* The first group of that name; 0: none. */
size_t regex_group_named(const struct regex *re, struct str name);

/* ---- for regex.c: the pattern in PCRE2's syntax ---- */

struct regex_pattern {
    struct buf text;  /* for PCRE2_UTF, newline LF, "." for every character; (?C1) where an attempt
                         begins, (?C) where backtracking comes by */
    struct str *name; /* of group i + 1; STR_NONE if it has none; in the arena */
    size_t group_count;
    size_t name_cap;
    uint64_t width; /* characters that an attempt looks at without passing a callout */
};

/* 0 or HL_EINVAL with Go's text. The caller calls buf_deinit on out->text either way. */
HL_MUST int regex_translate(struct arena *a, struct str pattern, struct regex_pattern *out,
                            struct str *out_error);

#endif
