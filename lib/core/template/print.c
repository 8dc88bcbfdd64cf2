/* Nodes as Go prints them: what errors show between angle brackets. */
#include "core/template/node.h"

#include "core/template/func.h"
#include "core/gostd/literal.h"

static void print_fields(struct buf *out, const struct node_chain *n)
{
    for (size_t i = 0; i < n->count; i++) {
        buf_add_byte(out, '.');
        buf_add(out, n->field[i]);
    }
}

static void print_in_parentheses(struct buf *out, const struct node *n)
{
    bool is_pipe = n->kind == NODE_PIPE;

    if (is_pipe)
        buf_add_byte(out, '(');
    node_print(out, n);
    if (is_pipe)
        buf_add_byte(out, ')');
}

static void print_command(struct buf *out, const struct command *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (i > 0)
            buf_add_byte(out, ' ');
        print_in_parentheses(out, c->arg[i]);
    }
}

static void print_pipe(struct buf *out, const struct node_pipe *p)
{
    for (size_t i = 0; i < p->decl_count; i++) {
        if (i > 0)
            buf_add_cstr(out, ", ");
        buf_add(out, p->decl[i].name);
    }
    if (p->decl_count > 0)
        buf_add_cstr(out, p->head.is_true ? " = " : " := ");
    for (size_t i = 0; i < p->count; i++) {
        if (i > 0)
            buf_add_cstr(out, " | ");
        print_command(out, p->command[i]);
    }
}

static void print_list(struct buf *out, const struct node_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        node_print(out, list->node[i]);
}

static void print_branch(struct buf *out, const struct node_branch *b)
{
    static const char *const word[] = {
        [NODE_IF] = "if", [NODE_WITH] = "with", [NODE_RANGE] = "range"};

    buf_printf(out, "{{%s ", word[b->head.kind]);
    print_pipe(out, b->pipe);
    buf_add_cstr(out, "}}");
    print_list(out, &b->list);
    if (b->otherwise) {
        buf_add_cstr(out, "{{else}}");
        print_list(out, b->otherwise);
    }
    buf_add_cstr(out, "{{end}}");
}

static void print_template(struct buf *out, const struct node_template *n)
{
    buf_add_cstr(out, "{{template ");
    literal_quote(out, n->name, false);
    if (n->pipe) {
        buf_add_byte(out, ' ');
        print_pipe(out, n->pipe);
    }
    buf_add_cstr(out, "}}");
}

void node_print(struct buf *out, const struct node *n)
{
    switch ((enum node_kind)n->kind) {
    case NODE_TEXT:
        buf_add(out, ((const struct node_text *)n)->text);
        return;
    case NODE_ACTION:
        buf_add_cstr(out, "{{");
        print_pipe(out, ((const struct node_action *)n)->pipe);
        buf_add_cstr(out, "}}");
        return;
    case NODE_IF:
    case NODE_WITH:
    case NODE_RANGE:
        print_branch(out, (const struct node_branch *)n);
        return;
    case NODE_TEMPLATE:
        print_template(out, (const struct node_template *)n);
        return;
    case NODE_BREAK:
        buf_add_cstr(out, "{{break}}");
        return;
    case NODE_CONTINUE:
        buf_add_cstr(out, "{{continue}}");
        return;
    case NODE_COMMAND:
        print_command(out, (const struct command *)n);
        return;
    case NODE_PIPE:
        print_pipe(out, (const struct node_pipe *)n);
        return;
    case NODE_CHAIN:
        print_in_parentheses(out, ((const struct node_chain *)n)->inner);
        print_fields(out, (const struct node_chain *)n);
        return;
    case NODE_VARIABLE:
        buf_add(out, ((const struct node_chain *)n)->variable.name);
        print_fields(out, (const struct node_chain *)n);
        return;
    case NODE_FIELD:
        print_fields(out, (const struct node_chain *)n);
        return;
    case NODE_FUNCTION:
        buf_add_cstr(out, ((const struct node_function *)n)->function->name);
        return;
    case NODE_DOT:
        buf_add_byte(out, '.');
        return;
    case NODE_NIL:
        buf_add_cstr(out, "nil");
        return;
    case NODE_BOOL:
        buf_add_cstr(out, n->is_true ? "true" : "false");
        return;
    case NODE_NUMBER:
        buf_add(out, ((const struct node_number *)n)->text);
        return;
    case NODE_STRING:
        buf_add(out, ((const struct node_string *)n)->quoted);
        return;
    case NODE_END:
        buf_add_cstr(out, "{{end}}");
        return;
    case NODE_ELSE:
        buf_add_cstr(out, "{{else}}");
        return;
    }
}

void tree_place(const struct template_tree *t, uint32_t pos, uint32_t *out_line, uint32_t *out_byte)
{
    uint32_t line_start = 0;

    *out_line = 1;
    for (uint32_t i = 0; i < pos && i < t->text.len; i++) {
        if (t->text.ptr[i] != '\n')
            continue;
        ++*out_line;
        line_start = i + 1;
    }
    *out_byte = pos - line_start;
}
