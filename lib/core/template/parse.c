/* Errors and statements: what a text is made of, after text/template/parse/parse.go. */
#include "core/template/parser.h"

#include <string.h>

#include "core/gostd/literal.h"

static struct node *parse_text_or_action(struct parser *p);

/* ---- errors ---- */

void parser_refuse(struct parser *p, const char *fmt, ...)
{
    va_list args;

    if (p->failed)
        return;
    p->failed = true;
    va_start(args, fmt);
    struct str what = arena_vprintf(p->a, fmt, args);
    va_end(args);
    uint32_t line = lexer_line(&p->lexer, p->token[0].pos);
    *p->fault = (struct template_fault){
        .code = HL_EINVAL,
        .text = arena_printf(p->a, "template: " STR_FMT ":%u: " STR_FMT, STR_ARG(p->tree->name),
                             line, STR_ARG(what)),
        .file = p->tree->name,
        .line = line,
    };
}

struct str parser_quoted(struct parser *p, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    literal_quote(&text, s, false);
    return arena_dup(p->a, buf_str(&text));
}

/* A token as Go's item.String shows it in errors. */
static struct str token_text(struct parser *p, struct token t)
{
    if (t.kind == TOKEN_EOF)
        return STR("EOF");
    if (t.kind == TOKEN_ERROR)
        return p->lexer.message;
    struct str shown = parser_text(p, t);
    if (t.kind >= TOKEN_DOT)
        return arena_printf(p->a, "<" STR_FMT ">", STR_ARG(shown));
    if (shown.len > 10) {
        size_t end = 0; /* %.10q: ten runes */
        for (int i = 0; i < 10 && end < shown.len; i++) {
            uint32_t r;
            size_t len = str_rune(shown, end, &r);
            end += len > 0 ? len : 1;
        }
        return arena_printf(p->a, STR_FMT "...", STR_ARG(parser_quoted(p, str_sub(shown, 0, end))));
    }
    return parser_quoted(p, shown);
}

void parser_unexpected(struct parser *p, struct token t, const char *context)
{
    struct str text = token_text(p, t);

    if (t.kind != TOKEN_ERROR) {
        parser_refuse(p, "unexpected " STR_FMT " in %s", STR_ARG(text), context);
        return;
    }
    struct str extra = STR("");
    uint32_t action_line = lexer_line(&p->lexer, p->action_pos);
    if (p->is_in_action && action_line != lexer_line(&p->lexer, t.pos))
        extra = arena_printf(p->a, "%s started at " STR_FMT ":%u",
                             str_ends(text, STR(" action")) ? "" : " in action",
                             STR_ARG(p->tree->name), action_line);
    parser_refuse(p, STR_FMT STR_FMT, STR_ARG(text), STR_ARG(extra));
}

static struct token expect(struct parser *p, enum token_kind kind, const char *context)
{
    struct token t = parser_next(p);

    if (t.kind != kind)
        parser_unexpected(p, t, context);
    return t;
}

bool parser_enter(struct parser *p)
{
    if (p->nesting == TEMPLATE_NESTING_MAX) {
        parser_refuse(p, "max expression depth exceeded");
        p->fault->code = HL_ELIMIT;
        return false;
    }
    p->nesting++;
    return !p->failed;
}

uint32_t parser_name_number(struct parser *p, struct str name)
{
    for (size_t i = 0; i < p->known_count; i++) {
        if (str_eq(p->known[i], name))
            return (uint32_t)i;
    }
    ARENA_PUSH(p->scratch, p->known, p->known_count, p->known_cap, name);
    return (uint32_t)p->known_count - 1;
}

/* What the stack holds above the mark, with room of its own. */
static struct node **pop_nodes(struct parser *p, size_t mark, uint32_t *out_count)
{
    size_t count = p->node_count - mark;
    struct node **node = arena_array(p->a, struct node *, count > 0 ? count : 1);

    if (count > 0)
        memcpy(node, p->node + mark, count * sizeof(struct node *));
    p->node_count = mark;
    *out_count = (uint32_t)count;
    return node;
}

static struct node *plain_node(struct parser *p, enum node_kind kind, uint32_t pos, bool is_true)
{
    struct node *n = arena_one(p->a, struct node);

    *n = (struct node){.kind = (uint8_t)kind, .is_true = is_true, .pos = pos};
    return n;
}

/* ---- statements ---- */

static const char *end_text(const struct node *n)
{
    return n->kind == NODE_END ? "{{end}}" : "{{else}}";
}

/* Until {{end}} or {{else}}, which is returned. */
static struct node *parse_list(struct parser *p, struct node_list *list)
{
    size_t mark = p->node_count;

    list->pos = parser_peek(p).pos;
    while (!p->failed && parser_peek(p).kind != TOKEN_EOF) {
        struct node *n = parse_text_or_action(p);
        if (p->failed)
            return NULL;
        if (n->kind == NODE_END || n->kind == NODE_ELSE) {
            list->node = pop_nodes(p, mark, &list->count);
            return n;
        }
        parser_push(p, n);
    }
    parser_refuse(p, "unexpected EOF");
    return NULL;
}

static struct node *parse_control(struct parser *p, enum node_kind kind);

static void parse_else(struct parser *p, struct node_branch *b, const struct node *next_node)
{
    enum node_kind kind = b->head.kind;
    enum token_kind again = kind == NODE_IF ? TOKEN_IF : kind == NODE_WITH ? TOKEN_WITH : TOKEN_EOF;

    b->otherwise = arena_one(p->a, struct node_list);
    b->otherwise->pos = next_node->pos;
    if (again != TOKEN_EOF && parser_peek(p).kind == again) {
        parser_next(p);
        struct node *inner = parse_control(p, kind);
        size_t mark = p->node_count;
        if (inner)
            parser_push(p, inner);
        b->otherwise->node = pop_nodes(p, mark, &b->otherwise->count);
        return;
    }
    struct node *end = parse_list(p, b->otherwise);
    if (end && end->kind != NODE_END)
        parser_refuse(p, "expected end; found %s", end_text(end));
}

static struct node *parse_control(struct parser *p, enum node_kind kind)
{
    const char *context = kind == NODE_IF ? "if" : kind == NODE_WITH ? "with" : "range";
    struct node_branch *b = arena_one(p->a, struct node_branch);
    size_t mark = p->var_count;

    if (!parser_enter(p))
        return NULL;
    b->pipe = parser_pipe(p, context, TOKEN_RIGHT);
    if (p->failed)
        return NULL;
    b->head = (struct node){.kind = (uint8_t)kind, .pos = b->pipe->head.pos};
    p->range_depth += kind == NODE_RANGE;
    struct node *end = parse_list(p, &b->list);
    p->range_depth -= kind == NODE_RANGE;
    if (end && end->kind == NODE_ELSE)
        parse_else(p, b, end);
    p->var_count = mark;
    parser_leave(p);
    return p->failed ? NULL : &b->head;
}

static struct node *parse_jump(struct parser *p, enum node_kind kind, uint32_t pos)
{
    const char *text = kind == NODE_BREAK ? "{{break}}" : "{{continue}}";
    struct token t = parser_next(p);

    if (t.kind != TOKEN_RIGHT)
        parser_unexpected(p, t, text);
    else if (p->range_depth == 0)
        parser_refuse(p, "%s outside {{range}}", text);
    return plain_node(p, kind, pos, false);
}

static bool list_is_empty(const struct node_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->node[i]->kind != NODE_TEXT ||
            str_trim(((struct node_text *)list->node[i])->text).len > 0)
            return false;
    }
    return true;
}

/* Puts a body among those of the tree; the same name twice is an error unless one is empty. */
static void add_body(struct parser *p, struct body *b)
{
    b->tree = p->tree;
    b->is_empty = list_is_empty(&b->list);
    for (struct body **at = &p->tree->body; *at; at = &(*at)->next) {
        struct body *old = *at;
        if (!str_eq(old->name, b->name))
            continue;
        if (!old->is_empty && !b->is_empty) {
            parser_refuse(p, "template: multiple definition of template " STR_FMT,
                          STR_ARG(parser_quoted(p, b->name)));
            return;
        }
        if (!old->is_empty)
            return;
        old->list = b->list;
        old->is_empty = b->is_empty;
        return;
    }
    *p->body_end = b;
    p->body_end = &b->next;
}

/* A body of its own within the text: a fresh scope that holds $ alone. */
static void parse_body(struct parser *p, struct str name, const char *context)
{
    struct body *b = arena_one(p->a, struct body);
    struct node_variable *outer = p->var;
    size_t outer_count = p->var_count;
    size_t outer_cap = p->var_cap;
    uint32_t outer_depth = p->range_depth;

    b->name = name;
    p->var = NULL;
    p->var_count = p->var_cap = 0;
    p->range_depth = 0;
    ARENA_PUSH(p->scratch, p->var, p->var_count, p->var_cap, ((struct node_variable){0, STR("$")}));
    struct node *end = parse_list(p, &b->list);
    if (end && end->kind != NODE_END)
        parser_refuse(p, "unexpected %s in %s", end_text(end), context);
    if (!p->failed)
        add_body(p, b);
    p->var = outer;
    p->var_count = outer_count;
    p->var_cap = outer_cap;
    p->range_depth = outer_depth;
}

static struct str name_of(struct parser *p, struct token t, const char *context)
{
    struct str name = STR_NONE;

    if (t.kind != TOKEN_STRING && t.kind != TOKEN_RAW_STRING)
        parser_unexpected(p, t, context);
    else if (!literal_unquote(p->a, parser_text(p, t), &name))
        parser_refuse(p, "invalid syntax");
    return name;
}

static void parse_definition(struct parser *p)
{
    bool is_in_action = p->is_in_action;

    p->is_in_action = false;
    struct str name = name_of(p, parser_next(p), "define clause");
    if (!p->failed)
        expect(p, TOKEN_RIGHT, "define clause");
    if (!p->failed)
        parse_body(p, name, "define clause");
    p->is_in_action = is_in_action;
}

static struct node *template_node(struct parser *p, uint32_t pos, struct str name,
                                  struct node_pipe *pipe)
{
    struct node_template *n = arena_one(p->a, struct node_template);

    n->head = (struct node){.kind = NODE_TEMPLATE, .pos = pos};
    n->name = name;
    n->pipe = pipe;
    return &n->head;
}

static struct node *parse_block(struct parser *p)
{
    struct token t = parser_next(p);
    struct str name = name_of(p, t, "block clause");

    if (p->failed || !parser_enter(p))
        return NULL;
    struct node_pipe *pipe = parser_pipe(p, "block clause", TOKEN_RIGHT);
    if (!p->failed)
        parse_body(p, name, "block clause");
    parser_leave(p);
    return template_node(p, t.pos, name, pipe);
}

static struct node *parse_template_call(struct parser *p)
{
    struct token t = parser_next(p);
    struct str name = name_of(p, t, "template clause");
    struct node_pipe *pipe = NULL;

    if (!p->failed && parser_next(p).kind != TOKEN_RIGHT) {
        parser_backup(p);
        pipe = parser_pipe(p, "template clause", TOKEN_RIGHT);
    }
    return template_node(p, t.pos, name, pipe);
}

static struct node *parse_else_mark(struct parser *p)
{
    struct token t = parser_peek(p);

    if (t.kind != TOKEN_IF && t.kind != TOKEN_WITH)
        t = expect(p, TOKEN_RIGHT, "else");
    return plain_node(p, NODE_ELSE, t.pos, false);
}

static struct node *parse_action(struct parser *p)
{
    struct token t = parser_next(p);

    switch (t.kind) {
    case TOKEN_BLOCK:
        return parse_block(p);
    case TOKEN_BREAK:
        return parse_jump(p, NODE_BREAK, t.pos);
    case TOKEN_CONTINUE:
        return parse_jump(p, NODE_CONTINUE, t.pos);
    case TOKEN_ELSE:
        return parse_else_mark(p);
    case TOKEN_END:
        return plain_node(p, NODE_END, expect(p, TOKEN_RIGHT, "end").pos, false);
    case TOKEN_IF:
        return parse_control(p, NODE_IF);
    case TOKEN_RANGE:
        return parse_control(p, NODE_RANGE);
    case TOKEN_TEMPLATE:
        return parse_template_call(p);
    case TOKEN_WITH:
        return parse_control(p, NODE_WITH);
    default:
        break;
    }
    parser_backup(p);
    struct node_action *n = arena_one(p->a, struct node_action);
    n->head = (struct node){.kind = NODE_ACTION, .pos = parser_peek(p).pos};
    n->pipe = parser_pipe(p, "command", TOKEN_RIGHT);
    return &n->head;
}

static struct node *parse_text_or_action(struct parser *p)
{
    struct token t = parser_next(p);

    if (t.kind == TOKEN_TEXT) {
        struct node_text *n = arena_one(p->a, struct node_text);
        n->head = (struct node){.kind = NODE_TEXT, .pos = t.pos};
        n->text = parser_text(p, t);
        return &n->head;
    }
    if (t.kind != TOKEN_LEFT) {
        parser_unexpected(p, t, "input");
        return NULL;
    }
    p->is_in_action = true;
    p->action_pos = t.pos;
    struct node *n = parse_action(p);
    p->is_in_action = false;
    return n;
}

static void parse_file(struct parser *p)
{
    struct body *root = arena_one(p->a, struct body);

    root->name = p->tree->name;
    root->tree = p->tree;
    p->tree->root = root;
    root->list.pos = parser_peek(p).pos;
    ARENA_PUSH(p->scratch, p->var, p->var_count, p->var_cap, ((struct node_variable){0, STR("$")}));
    parser_name_number(p, STR("$"));
    while (!p->failed && parser_peek(p).kind != TOKEN_EOF) {
        if (parser_peek(p).kind == TOKEN_LEFT) {
            struct token left = parser_next(p);
            if (parser_next(p).kind == TOKEN_DEFINE) {
                parse_definition(p);
                continue;
            }
            p->token[1] = left;
            p->peek_count = 2;
        }
        struct node *n = parse_text_or_action(p);
        if (p->failed)
            return;
        if (n->kind == NODE_END || n->kind == NODE_ELSE)
            parser_refuse(p, "unexpected %s", end_text(n));
        else
            parser_push(p, n);
    }
    root->list.node = pop_nodes(p, 0, &root->list.count);
    if (!p->failed)
        add_body(p, root);
}

int template_parse(struct arena *a, struct str name, struct str text,
                   enum template_functions functions, struct template_tree **out,
                   struct template_fault *fault)
{
    if (text.len > TEMPLATE_TEXT_MAX) {
        *fault = (struct template_fault){
            .code = HL_ELIMIT,
            .text = arena_printf(a, "template: " STR_FMT ": more than %d bytes", STR_ARG(name),
                                 TEMPLATE_TEXT_MAX),
            .file = name};
        return HL_ELIMIT;
    }
    struct template_tree *tree = arena_one(a, struct template_tree);
    *tree = (struct template_tree){.name = name, .text = text, .functions = functions};
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct parser p = {
        .a = a, .scratch = scratch, .tree = tree, .fault = fault, .body_end = &tree->body};
    lexer_init(&p.lexer, a, text);
    parse_file(&p);
    if (p.failed)
        return fault->code;
    *out = tree;
    return 0;
}
