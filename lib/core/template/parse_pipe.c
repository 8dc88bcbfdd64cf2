/* Operands, commands and pipelines of templates. What has several parts is collected on a stack and
 * made in one piece when their number is known. */
#include "core/template/parser.h"

#include <string.h>

#include "core/gostd/literal.h"

/* ---- operands ---- */

static struct node *plain_node(struct parser *p, enum node_kind kind, struct token t)
{
    struct node *n = arena_one(p->a, struct node);

    *n = (struct node){.kind = (uint8_t)kind, .is_true = t.len == 4, .pos = t.pos};
    return n;
}

static struct node *string_node(struct parser *p, struct token t)
{
    struct node_string *n = arena_one(p->a, struct node_string);

    n->head = (struct node){.kind = NODE_STRING, .pos = t.pos};
    n->quoted = parser_text(p, t);
    if (!literal_unquote(p->a, n->quoted, &n->text))
        parser_refuse(p, "invalid syntax");
    return &n->head;
}

/* Few functions are called again and again. */
static const struct function *find_function(struct parser *p, struct str name)
{
    unsigned char first = (unsigned char)name.ptr[0];
    unsigned char last = (unsigned char)name.ptr[name.len - 1];
    size_t place = (first * 5U + last * 3U + name.len) % PARSER_CACHE_SIZE;
    const struct function *known = p->function[place];

    if (!known || strncmp(known->name, name.ptr, name.len) != 0 || known->name[name.len] != '\0')
        p->function[place] = known = function_find(name, p->tree->functions);
    return known;
}

static struct node *function_node(struct parser *p, struct token t)
{
    struct node_function *n = arena_one(p->a, struct node_function);

    n->head = (struct node){.kind = NODE_FUNCTION, .pos = t.pos};
    n->function = find_function(p, parser_text(p, t));
    if (!n->function)
        parser_refuse(p, "function " STR_FMT " not defined",
                      STR_ARG(parser_quoted(p, parser_text(p, t))));
    return &n->head;
}

static void push_field(struct parser *p, struct token t)
{
    ARENA_PUSH(p->scratch, p->field, p->field_count, p->field_cap,
               str_sub(parser_text(p, t), 1, t.len));
}

static bool is_field_next(struct parser *p)
{
    struct token t = parser_peek(p);

    return t.kind == TOKEN_FIELD && !t.after_space;
}

/* A chain of the fields on the stack and those that follow. It lies where the first of the latter
 * lies, or at `pos`. */
static struct node_chain *chain_node(struct parser *p, enum node_kind kind, uint32_t pos)
{
    if (is_field_next(p))
        pos = parser_peek(p).pos;
    while (is_field_next(p))
        push_field(p, parser_next(p));
    size_t size = p->field_count * sizeof(struct str);
    struct node_chain *n = arena_alloc(p->a, sizeof(*n) + size);
    n->head = (struct node){.kind = (uint8_t)kind, .pos = pos};
    n->count = (uint32_t)p->field_count;
    if (size > 0)
        memcpy(n->field, p->field, size);
    p->field_count = 0;
    return n;
}

static struct node *field_node(struct parser *p, struct token t)
{
    push_field(p, t);
    return &chain_node(p, NODE_FIELD, t.pos)->head;
}

static struct node *use_variable(struct parser *p, struct token t)
{
    struct str name = parser_text(p, t);

    for (size_t i = p->var_count; i-- > 0;) {
        if (!str_eq(p->var[i].name, name))
            continue;
        struct node_variable variable = {p->var[i].number, name};
        struct node_chain *n = chain_node(p, NODE_VARIABLE, t.pos);
        n->variable = variable;
        return &n->head;
    }
    parser_refuse(p, "undefined variable " STR_FMT, STR_ARG(parser_quoted(p, name)));
    return NULL;
}

static struct node *parenthesis(struct parser *p)
{
    if (!parser_enter(p))
        return NULL;
    struct node_pipe *pipe = parser_pipe(p, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
    parser_leave(p);
    return pipe ? &pipe->head : NULL;
}

/* NULL without an error: what follows is no term. */
static struct node *parse_term(struct parser *p)
{
    struct token t = parser_next(p);

    switch (t.kind) {
    case TOKEN_IDENTIFIER:
        return function_node(p, t);
    case TOKEN_DOT:
        return plain_node(p, NODE_DOT, t);
    case TOKEN_NIL:
        return plain_node(p, NODE_NIL, t);
    case TOKEN_VARIABLE:
        return use_variable(p, t);
    case TOKEN_FIELD:
        return field_node(p, t);
    case TOKEN_BOOL:
        return plain_node(p, NODE_BOOL, t);
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parser_number(p, t);
    case TOKEN_LEFT_PAREN:
        return parenthesis(p);
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        return string_node(p, t);
    default:
        parser_backup(p);
        return NULL;
    }
}

static void refuse_field(struct parser *p, const struct node *n)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    chain_node(p, NODE_CHAIN, n->pos); /* the error's line is that of what comes behind them */
    node_print(&text, n);
    parser_refuse(p, "unexpected . after term " STR_FMT, STR_ARG(parser_quoted(p, buf_str(&text))));
}

static struct node *parse_operand(struct parser *p)
{
    struct node *n = parse_term(p);

    if (!n || p->failed)
        return NULL;
    if (n->kind == NODE_FIELD || n->kind == NODE_VARIABLE || !is_field_next(p))
        return n;
    if (n->kind != NODE_FUNCTION && n->kind != NODE_PIPE) {
        refuse_field(p, n);
        return NULL;
    }
    struct node_chain *chain = chain_node(p, NODE_CHAIN, n->pos);
    chain->inner = n;
    return &chain->head;
}

/* ---- commands ---- */

static struct command *pop_command(struct parser *p, size_t mark, uint32_t pos)
{
    size_t count = p->node_count - mark;
    struct command *c = arena_alloc(p->a, sizeof(*c) + count * sizeof(struct node *));

    c->head = (struct node){.kind = NODE_COMMAND, .pos = pos};
    c->count = count;
    if (count > 0)
        memcpy(c->arg, p->node + mark, count * sizeof(struct node *));
    p->node_count = mark;
    return c;
}

/* Operands with blanks between them, up to a "|", which is consumed, or what ends the pipeline. */
static struct command *parse_command(struct parser *p)
{
    size_t mark = p->node_count;
    uint32_t pos = parser_peek(p).pos;
    struct node *operand;

    for (;;) {
        operand = parse_operand(p);
        if (p->failed)
            return NULL;
        if (operand)
            parser_push(p, operand);
        struct token t = parser_peek(p);
        if (t.kind == TOKEN_RIGHT || t.kind == TOKEN_RIGHT_PAREN)
            break;
        if (operand && t.after_space && t.kind != TOKEN_PIPE)
            continue;
        parser_next(p);
        if (t.kind != TOKEN_PIPE)
            parser_unexpected(p, t, "operand");
        break;
    }
    struct command *c = pop_command(p, mark, pos);
    if (c->count == 0)
        parser_refuse(p, "empty command");
    return p->failed ? NULL : c;
}

/* ---- pipelines ---- */

struct declarations {
    struct node_variable item[2];
    uint32_t count;
    bool is_assignment;
};

static void declare(struct parser *p, struct declarations *d, struct token v)
{
    struct str name = parser_text(p, v);
    struct node_variable variable = {parser_name_number(p, name), name};

    d->item[d->count++] = variable;
    ARENA_PUSH(p->scratch, p->var, p->var_count, p->var_cap, variable);
}

/* "$x :=", "$x =", "$k, $v :="; puts back what it looked at otherwise. */
static void parse_declarations(struct parser *p, struct declarations *d, const char *context)
{
    bool is_range = strcmp(context, "range") == 0;

    while (!p->failed) {
        struct token v = parser_peek(p);
        if (v.kind != TOKEN_VARIABLE)
            return;
        parser_next(p);
        struct token t = parser_peek(p);
        if (t.kind == TOKEN_ASSIGN || t.kind == TOKEN_DECLARE) {
            d->is_assignment = t.kind == TOKEN_ASSIGN;
            parser_next(p);
            declare(p, d, v);
            return;
        }
        if (t.kind != TOKEN_CHAR || !str_eq(parser_text(p, t), STR(","))) {
            parser_backup2(p, v);
            return;
        }
        parser_next(p);
        if (!is_range || d->count == 1) {
            parser_refuse(p, "too many declarations in %s", context);
            return;
        }
        declare(p, d, v);
        uint8_t kind = parser_peek(p).kind;
        if (kind != TOKEN_VARIABLE && kind != TOKEN_RIGHT && kind != TOKEN_RIGHT_PAREN)
            parser_refuse(p, "range can only initialize variables");
    }
}

static void check_pipe(struct parser *p, const struct node_pipe *pipe, const char *context)
{
    if (pipe->count == 0) {
        parser_refuse(p, "missing value for %s", context);
        return;
    }
    for (uint32_t i = 1; i < pipe->count; i++) {
        switch (pipe->command[i]->arg[0]->kind) {
        case NODE_BOOL:
        case NODE_DOT:
        case NODE_NIL:
        case NODE_NUMBER:
        case NODE_STRING:
            parser_refuse(p, "non executable command in pipeline stage %u", i + 1);
            return;
        default:
            break;
        }
    }
}

static bool starts_operand(uint8_t kind)
{
    switch (kind) {
    case TOKEN_BOOL:
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_DOT:
    case TOKEN_FIELD:
    case TOKEN_IDENTIFIER:
    case TOKEN_NUMBER:
    case TOKEN_NIL:
    case TOKEN_RAW_STRING:
    case TOKEN_STRING:
    case TOKEN_VARIABLE:
    case TOKEN_LEFT_PAREN:
        return true;
    default:
        return false;
    }
}

static struct node_pipe *pop_pipe(struct parser *p, size_t mark, uint32_t pos,
                                  const struct declarations *d)
{
    size_t size = (p->command_count - mark) * sizeof(struct command *);
    struct node_pipe *pipe = arena_alloc(p->a, sizeof(*pipe) + size);

    pipe->head = (struct node){.kind = NODE_PIPE, .is_true = d->is_assignment, .pos = pos};
    pipe->count = (uint32_t)(p->command_count - mark);
    if (size > 0)
        memcpy(pipe->command, p->command + mark, size);
    pipe->decl_count = d->count;
    if (d->count > 0) {
        pipe->decl = arena_array(p->a, struct node_variable, d->count);
        memcpy(pipe->decl, d->item, d->count * sizeof(*pipe->decl));
    }
    p->command_count = mark;
    return pipe;
}

struct node_pipe *parser_pipe(struct parser *p, const char *context, enum token_kind end)
{
    struct declarations declared = {.count = 0};
    size_t mark = p->command_count;
    uint32_t pos = parser_peek(p).pos;

    parse_declarations(p, &declared, context);
    while (!p->failed) {
        struct token t = parser_peek(p);
        if (t.kind == end) {
            parser_next(p);
            struct node_pipe *pipe = pop_pipe(p, mark, pos, &declared);
            check_pipe(p, pipe, context);
            return p->failed ? NULL : pipe;
        }
        if (!starts_operand(t.kind)) {
            parser_next(p);
            parser_unexpected(p, t, context);
            break;
        }
        struct command *c = parse_command(p);
        if (c)
            ARENA_PUSH(p->scratch, p->command, p->command_count, p->command_cap, c);
    }
    return NULL;
}
