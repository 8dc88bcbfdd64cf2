/*
 * The lexer of templates, after text/template/parse/lex.go: text until "{{", then the tokens of the
 * action. For parse.c only.
 *
 * Threads: a lexer belongs to one thread. It borrows the text.
 */
#ifndef HL_CORE_TEMPLATE_LEX_H
#define HL_CORE_TEMPLATE_LEX_H

#include "base/base.h"

enum token_kind {
    TOKEN_ERROR, /* the message is the lexer's */
    TOKEN_EOF,
    TOKEN_TEXT,
    TOKEN_LEFT,
    TOKEN_RIGHT,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_PIPE,
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_CHAR, /* other printable ASCII, as "," */
    TOKEN_BOOL,
    TOKEN_CHAR_CONSTANT,
    TOKEN_COMPLEX,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_RAW_STRING,
    TOKEN_FIELD,    /* .x */
    TOKEN_VARIABLE, /* $ or $x */
    TOKEN_IDENTIFIER,
    /* keywords */
    TOKEN_DOT,
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
};

struct token {        /* small enough to be passed in registers */
    uint8_t kind;     /* enum token_kind */
    bool after_space; /* blanks stand before it, within an action */
    uint32_t pos;     /* in the text */
    uint32_t len;
};

struct lexer {
    struct arena *a; /* for messages */
    struct str text;
    size_t pos;
    size_t start;
    struct str message; /* of TOKEN_ERROR */
    uint32_t paren_depth;
    bool is_inside;
    bool after_space; /* what the next token is told */
    bool is_over;     /* after an error: only EOF follows */
};

void lexer_init(struct lexer *l, struct arena *a, struct str text);
struct token lexer_next(struct lexer *l);

static inline struct str lexer_text(const struct lexer *l, struct token t)
{
    return (struct str){l->text.ptr + t.pos, t.len};
}

/* The line that an offset lies in, from 1. */
uint32_t lexer_line(const struct lexer *l, uint32_t pos);

#endif
