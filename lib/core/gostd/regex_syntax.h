/*
 * For regex*.c only: Go's pattern syntax read by Go's rules and written for PCRE2. regex_class.c
 * has characters and classes (\n, \x{2a}, \pL, [a-z[:digit:]]), regex_translate.c the rest.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_GOSTD_REGEX_SYNTAX_H
#define HL_CORE_GOSTD_REGEX_SYNTAX_H

#include "core/gostd/regex.h"

struct regex_pattern {
    struct buf text;  /* for PCRE2_UTF and PCRE2_DOTALL; the caller's to deinit */
    struct str *name; /* of group i + 1; STR_NONE if it has none; in the arena */
    size_t group_count;
    size_t name_cap;
    uint64_t width;   /* characters that an attempt looks at without passing a callout */
    size_t class_max; /* most items that PCRE2 looks at for one character */
};

/*
 * 0 or HL_EINVAL with Go's text. REGEX_SEARCH: (?C1) stands where an attempt begins, (?C) where
 * backtracking comes by. REGEX_TEST: the text matches from the start of the subject on, and what
 * PCRE2's breadth first matcher would count ("x+") is written so that it does not.
 */
HL_MUST int regex_translate(struct arena *a, struct str pattern, enum regex_use use,
                            struct regex_pattern *out, struct str *out_error);

/* A pattern being read; errors are Go's and lie in the arena. */
struct regex_class_reader {
    struct arena *a;
    struct str whole;
    struct str rest; /* what has not been read yet */
    struct str *error;
    size_t fold_count; /* runes whose other cases were looked up */
};

struct regex_class {
    struct buf items;  /* what stands between the brackets; the caller's to deinit */
    size_t item_count; /* those beyond Latin-1, for which PCRE2 has no bits */
    bool is_negated;
    bool is_folding; /* other cases are added here: it is written to stand under (?-i) */
};

/* Sets the error "error parsing regexp: CODE: `EXPRESSION`"; returns HL_EINVAL. */
HL_MUST int regex_fail(struct regex_class_reader *in, const char *code, struct str expression);
HL_MUST int regex_check_utf8(struct regex_class_reader *in, struct str s);
bool regex_is_alnum(uint32_t r);

/* Each takes what it reads off in->rest: 0 or HL_EINVAL. */
HL_MUST int regex_next_rune(struct regex_class_reader *in, uint32_t *out);
/* A rune as it is or escaped. */
HL_MUST int regex_read_rune(struct regex_class_reader *in, uint32_t *out);
/* \d \D \s \S \w \W \pN \p{Name} \P... */
HL_MUST int regex_read_escape(struct regex_class_reader *in, struct regex_class *out);
/* [...] */
HL_MUST int regex_read_class(struct regex_class_reader *in, struct regex_class *out);

void regex_put_rune(struct buf *out, uint32_t r);
void regex_put_class(struct buf *out, const struct regex_class *class);

#endif
