/*
 * For regex_syntax.c and regex_class.c only: a translation at work.
 *
 * Ownership: the buffers are the caller's.
 */
#ifndef HL_CORE_SCHEMA_REGEX_SYNTAX_H
#define HL_CORE_SCHEMA_REGEX_SYNTAX_H

#include "base/base.h"

struct translator {
    struct str pattern;
    size_t at;
    struct buf *out;
    struct buf *reason;
    int depth;
    bool is_multiline;
    bool has_dot_newline;
    bool ignores_case;
    bool was_assertion; /* the atom just written */
};

/* Writes Go's message about pattern[from..to) and returns false. */
bool translate_fail(struct translator *t, const char *code, size_t from, size_t to);

static inline bool translate_at_end(const struct translator *t)
{
    return t->at >= t->pattern.len;
}

/* The byte `ahead` of the place, NUL behind the end. */
static inline char translate_peek(const struct translator *t, size_t ahead)
{
    return t->at + ahead < t->pattern.len ? t->pattern.ptr[t->at + ahead] : '\0';
}

bool translate_looking_at(const struct translator *t, const char *text);
HL_MUST bool translate_rune(struct translator *t, uint32_t *out);
/* [0-9A-Za-z_] */
bool translate_is_word(uint32_t c);

/* regex_class.c: a backslash and what follows, meaning one character. */
HL_MUST bool translate_escape(struct translator *t, uint32_t *out);
/* \d \S ...: writes what stands for it inside a class; false if the place is not at one. */
bool translate_perl_class(struct translator *t);
/* \pN, \p{Greek}, \P{^Greek} */
HL_MUST bool translate_unicode_class(struct translator *t);
/* [...] */
HL_MUST bool translate_bracket(struct translator *t);

#endif
