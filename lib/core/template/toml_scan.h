/*
 * TOML's words: runes, blanks, strings, numbers and dates as BurntSushi/toml's lexer finds them
 * (lex.go), with its idea of the line that an error is in. For toml_read.c only.
 *
 * The first fault stays; what is asked for afterwards is of no use. Threads: confined to a read.
 */
#ifndef HL_CORE_TEMPLATE_TOML_SCAN_H
#define HL_CORE_TEMPLATE_TOML_SCAN_H

#include "core/template/time.h"

enum { TOML_BACK_MAX = 4 };
#define TOML_END 0u /* of the text */

struct toml_scan {
    const struct template_world *world;
    struct arena *a;
    struct str text;
    size_t start; /* of the word */
    size_t pos;
    uint32_t line;
    size_t width[TOML_BACK_MAX]; /* of the last runes, the last one first */
    bool is_at_end;
    int code; /* < 0: the first fault */
    uint32_t fault_line;
    struct str fault;
};

enum toml_word {
    TOML_NONE,
    TOML_STRING, /* as it is */
    TOML_STRING_ESCAPED,
    TOML_STRING_LINES,     /* """ */
    TOML_STRING_RAW_LINES, /* ''' */
    TOML_BOOL,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_TIME,
    TOML_ARRAY, /* its bracket; what is in it follows */
    TOML_INLINE_TABLE,
};

/* A fault in `line`; the first one stays. Its text is before, about and behind. */
void toml_fault(struct toml_scan *s, uint32_t line, const char *before, struct str about,
                const char *behind);
/* The line of a fault here. */
uint32_t toml_line(const struct toml_scan *s);
/* Go's %q, %q of a rune, %c. */
struct str toml_quoted(struct toml_scan *s, struct str text);
struct str toml_quoted_rune(struct toml_scan *s, uint32_t r);
struct str toml_rune_text(struct toml_scan *s, uint32_t r);

uint32_t toml_next(struct toml_scan *s);
void toml_back(struct toml_scan *s); /* TOML_BACK_MAX times between calls of toml_next */
uint32_t toml_peek(struct toml_scan *s);
void toml_skip_blanks(struct toml_scan *s);
/* The rest of the line, behind its '#'. */
void toml_skip_comment(struct toml_scan *s);

static inline bool toml_is_blank(uint32_t r)
{
    return r == ' ' || r == '\t';
}

static inline bool toml_is_line_end(uint32_t r)
{
    return r == '\n' || r == '\r';
}

/* One part of a key: bare (perhaps empty) or quoted. */
struct str toml_scan_name(struct toml_scan *s);
/* A value's word up to its end; *out is its text. TOML_NONE: a fault. */
enum toml_word toml_scan_value(struct toml_scan *s, struct str *out);
/* What the word means; not for TOML_ARRAY and TOML_INLINE_TABLE. `line`: where its text ended. */
struct datum toml_value_of(struct toml_scan *s, enum toml_word word, struct str text,
                           uint32_t line);

#endif
