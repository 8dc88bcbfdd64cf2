/*
 * Go's regular expressions (RE2's syntax, leftmost-first) on PCRE2.
 *
 * A pattern is read by Go's rules and written anew in PCRE2's syntax, so that both mean the same:
 * no backreferences, no looking around, repeats of at most 1000, `$` only at the end of the text,
 * \s without \v, ASCII \b \d \w, (?P<name>...), (?i) folding as in regexp/syntax, and Go's error
 * texts. Texts that are no UTF-8 match as in Go: each bad byte is one U+FFFD.
 *
 * There are two ways to use a pattern, and it is compiled for one of them:
 * - REGEX_TEST asks whether it matches at all. PCRE2 goes breadth first, as Go does: the time is
 *   linear in the text, whatever the pattern is, times the square of the states alive at once.
 * - REGEX_SEARCH asks where, with groups. PCRE2 backtracks, and Go does not: a pattern that would
 *   take long here is ended with HL_ELIMIT where Go would find an answer.
 * Known differences beyond that: \p{...} is that of Unicode 14 (Go: 15) and does not fold, but
 * (?i)\p{Lu}, \p{Ll} and \p{Lt} take every cased letter; and where what is repeated may match
 * nothing, as in `(a|)+`, PCRE2 may go round once more at the end, which shows in the groups.
 *
 * Steps are what a match may cost, some 100 ns each at most; callers keep the count, so that
 * several matches can share it.
 *
 * Ownership: a regex lives in its arena. Threads: a regex is not written to once it is made; a
 * search is confined to one thread.
 * Limits: REGEX_PATTERN_MAX bytes a pattern, REGEX_NESTING_MAX groups in one another,
 * REGEX_TEXT_MAX bytes a text (REGEX_BAD_TEXT_MAX if it is no UTF-8), REGEX_HEAP_KIB_MAX for
 * backtracking, and the caller's steps.
 */
#ifndef HL_CORE_GOSTD_REGEX_H
#define HL_CORE_GOSTD_REGEX_H

#include "base/base.h"

enum {
    REGEX_PATTERN_MAX = 64 << 10,
    REGEX_TEXT_MAX = 4 << 20,
    REGEX_BAD_TEXT_MAX = 1 << 20,
    REGEX_HEAP_KIB_MAX = 40 << 10,
    REGEX_NESTING_MAX = 1000,
};

enum regex_use { REGEX_TEST, REGEX_SEARCH };

struct regex;

/* NULL with Go's text in *out_error ("error parsing regexp: ..."). */
const struct regex *regex_new(struct arena *a, struct str pattern, enum regex_use use,
                              struct str *out_error);

/*
 * 1 if the pattern (REGEX_TEST) matches anywhere in the text, 0 if not, HL_ELIMIT for a text that
 * is too long or where that takes more than *steps_left, of which what it took is subtracted.
 */
HL_MUST int regex_test(const struct regex *re, struct str text, uint64_t *steps_left,
                       struct err *err);

struct regex_span { /* bytes of the text */
    size_t from;    /* SIZE_MAX: the group did not take part */
    size_t to;
};

struct regex_search;

/* For a pattern of REGEX_SEARCH; regex and text are borrowed. NULL: HL_ELIMIT, a text too long. */
struct regex_search *regex_search_new(const struct regex *re, struct str text, struct err *err);
void regex_search_free(struct regex_search *s);
HL_DEFINE_FREEP(regex_search_free, struct regex_search)

/*
 * The first match that begins at or after `from` (<= the text's length, where a character begins):
 * 1 with the spans of the match and of all groups (regex_group_count + 1) until the next call, 0 if
 * there is none, HL_ELIMIT. Takes from *steps_left.
 */
HL_MUST int regex_search_next(struct regex_search *s, size_t from, uint64_t *steps_left,
                              const struct regex_span **out, struct err *err);

size_t regex_group_count(const struct regex *re);
/* The first group of that name; 0: none. */
size_t regex_group_named(const struct regex *re, struct str name);

#endif
