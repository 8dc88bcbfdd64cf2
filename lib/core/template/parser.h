/*
 * The parser's state and what its files share, for parse.c, parse_pipe.c and parse_number.c only.
 *
 * Recursive descent over the lexer's tokens with up to two tokens of look-ahead, after
 * text/template/parse/parse.go. The first error ends it by a long way round: every function returns
 * false or NULL once `failed` is set.
 */
#ifndef HL_CORE_TEMPLATE_PARSER_H
#define HL_CORE_TEMPLATE_PARSER_H

#include "core/template/func.h"
#include "core/template/lex.h"
#include "core/template/node.h"

enum { PARSER_CACHE_SIZE = 64 };

struct parser {
    struct arena *a;
    struct arena *scratch;
    struct lexer lexer;
    struct template_tree *tree;
    struct template_fault *fault;
    struct token token[2];
    int peek_count;
    bool failed;
    bool is_in_action;
    uint32_t action_pos;
    uint32_t nesting;
    uint32_t range_depth;
    struct node_variable *var; /* declared so far; [0] is $ */
    size_t var_count;
    size_t var_cap;
    struct str *known; /* names by number, of the file */
    size_t known_count;
    size_t known_cap;
    struct body **body_end;
    struct node **node; /* a stack: what the lists and commands being parsed have so far */
    size_t node_count;
    size_t node_cap;
    struct command **command; /* the same for pipelines */
    size_t command_count;
    size_t command_cap;
    struct str *field; /* and for chains of fields */
    size_t field_count;
    size_t field_cap;
    const struct function *function[PARSER_CACHE_SIZE]; /* those called last, by their names */
};

/* ---- parse.c ---- */

void parser_refuse(struct parser *p, const char *fmt, ...) HL_PRINTF(2, 3);
/* What `t` is instead of what it should be. */
void parser_unexpected(struct parser *p, struct token t, const char *context);
/* In double quotes, as Go's %q. */
struct str parser_quoted(struct parser *p, struct str s);
/* Counts what is within one another; false behind the limit. parser_leave takes it back. */
bool parser_enter(struct parser *p);

static inline void parser_leave(struct parser *p)
{
    p->nesting--;
}

static inline struct token parser_next(struct parser *p)
{
    if (p->peek_count > 0)
        p->peek_count--;
    else
        p->token[0] = lexer_next(&p->lexer);
    return p->token[p->peek_count];
}

static inline void parser_backup(struct parser *p)
{
    p->peek_count++;
}

static inline struct token parser_peek(struct parser *p)
{
    if (p->peek_count == 0) {
        p->peek_count = 1;
        p->token[0] = lexer_next(&p->lexer);
    }
    return p->token[p->peek_count - 1];
}

/* Puts back the one before the token that has been peeked at. */
static inline void parser_backup2(struct parser *p, struct token before)
{
    p->token[1] = before;
    p->peek_count = 2;
}

static inline struct str parser_text(const struct parser *p, struct token t)
{
    return lexer_text(&p->lexer, t);
}

static inline void parser_push(struct parser *p, struct node *n)
{
    ARENA_PUSH(p->scratch, p->node, p->node_count, p->node_cap, n);
}

uint32_t parser_name_number(struct parser *p, struct str name);

/* ---- parse_pipe.c ---- */

/* Up to the token `end`, which is consumed. NULL on failure. */
struct node_pipe *parser_pipe(struct parser *p, const char *context, enum token_kind end);

/* ---- parse_number.c ---- */

struct node *parser_number(struct parser *p, struct token t);

#endif
