/*
 * The parsed form of a template, for this folder only.
 *
 * One node kind a construct, as in text/template/parse. Positions are byte offsets into the text;
 * lines are counted when an error wants them. Names of variables are numbered within a file, so
 * that finding a variable compares numbers.
 */
#ifndef HL_CORE_TEMPLATE_NODE_H
#define HL_CORE_TEMPLATE_NODE_H

#include "core/template/template.h"

enum node_kind {
    /* statements */
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
    /* operands */
    NODE_PIPE,
    NODE_FIELD,    /* .a.b */
    NODE_VARIABLE, /* $x.a.b */
    NODE_CHAIN,    /* (pipe).a.b */
    NODE_FUNCTION,
    NODE_DOT,
    NODE_NIL,
    NODE_BOOL,
    NODE_NUMBER,
    NODE_STRING,
    NODE_COMMAND,
    /* only within the parser */
    NODE_END,
    NODE_ELSE,
};

struct function; /* core/template/func.h */

struct node {
    uint8_t kind;
    bool is_true; /* NODE_BOOL; NODE_PIPE: assigns instead of declaring */
    uint32_t pos;
};

struct node_list {
    struct node **node;
    uint32_t count;
    uint32_t pos;
};

struct command {
    struct node head;
    size_t count;
    struct node *arg[];
};

struct node_variable {
    uint32_t number;
    struct str name;
};

struct node_pipe {
    struct node head;
    uint32_t count;
    uint32_t decl_count;
    struct node_variable *decl; /* at most two */
    struct command *command[];
};

struct node_text {
    struct node head;
    struct str text;
};

struct node_action {
    struct node head;
    struct node_pipe *pipe;
};

struct node_branch { /* IF, WITH, RANGE */
    struct node head;
    struct node_pipe *pipe;
    struct node_list list;
    struct node_list *otherwise; /* NULL: no else */
};

struct node_template {
    struct node head;
    struct str name;
    struct node_pipe *pipe; /* or NULL */
};

struct node_chain { /* FIELD, VARIABLE, CHAIN */
    struct node head;
    uint32_t count;
    struct node_variable variable; /* VARIABLE; number 0 is $ */
    struct node *inner;            /* CHAIN */
    struct str field[];
};

struct node_function {
    struct node head;
    const struct function *function;
};

struct node_number {
    struct node head;
    bool is_int;
    bool is_uint;
    bool is_float;
    bool is_complex;
    double complex[2]; /* the real and the imaginary part */
    int64_t integer;
    uint64_t unsigned_integer;
    double number;
    struct str text;
};

struct node_string {
    struct node head;
    struct str quoted;
    struct str text;
};

/* One definition: the file itself, a define or a block. */
struct body {
    struct str name;
    const struct template_tree *tree;
    struct node_list list;
    bool is_empty;     /* blanks and comments */
    struct body *next; /* of the same tree */
};

struct template_tree {
    struct str name;
    struct str text;
    enum template_functions functions;
    struct body *body; /* all that the file defines */
    struct body *root; /* the file itself */
};

/* Appends the node as Go prints it in errors. */
void node_print(struct buf *out, const struct node *n);

/* Line and byte in the line (both from Go's count: line from 1, byte from 0) of an offset. */
void tree_place(const struct template_tree *t, uint32_t pos, uint32_t *out_line,
                uint32_t *out_byte);

/* Under the body's name, whatever was there. */
void template_set_put(struct template_set *set, const struct body *body);
/* NULL if no set of the pile has the name. */
const struct body *template_set_find(const struct template_set *set, struct str name);

#endif
