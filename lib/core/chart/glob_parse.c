/*
 * Patterns into trees. The lexer is upstream's, with its ideas of what an end is: a NUL ends a
 * pattern, or only the text it stands in. U+FFFD cannot be told from bytes that are no UTF-8 there,
 * and is refused.
 */
#include "core/chart/glob_tree.h"

#include <string.h>

enum { END = 0 };

struct parser {
    struct arena *a;
    struct str s;
    size_t at;
    struct glob_node *in; /* the pattern that nodes are added to */
    size_t depth;
    size_t node_count;
    int rc;
    struct err *err;
};

uint32_t glob_rune(struct str s, size_t at, size_t *out_len)
{
    uint32_t rune;

    *out_len = str_rune(s, at, &rune);
    if (*out_len > 0)
        return rune;
    *out_len = 1;
    return 0xfffd;
}

int glob_rune_count(struct str s)
{
    int count = 0;

    for (size_t at = 0, len; at < s.len; at += len, count++)
        glob_rune(s, at, &len);
    return count;
}

struct glob_node *glob_node_new(struct arena *a, enum glob_node_kind kind)
{
    struct glob_node *n = arena_one(a, struct glob_node);

    n->kind = kind;
    return n;
}

void glob_node_add(struct arena *a, struct glob_node *parent, struct glob_node *child)
{
    ARENA_PUSH(a, parent->child, parent->count, parent->cap, child);
    child->parent = parent;
}

static void fail(struct parser *p, const char *why)
{
    p->rc = err_set(p->err, HL_EINVAL, "%s", why);
}

/* The next character without taking it; END at the end and after a failure. */
static uint32_t peek(struct parser *p, size_t *out_len)
{
    *out_len = 0;
    if (p->at == p->s.len)
        return END;
    uint32_t rune = glob_rune(p->s, p->at, out_len);
    if (rune != 0xfffd)
        return rune;
    fail(p, "could not read rune");
    *out_len = 0;
    return END;
}

static uint32_t take(struct parser *p)
{
    size_t len;
    uint32_t rune = peek(p, &len);

    p->at += len;
    return rune;
}

static struct glob_node *add(struct parser *p, struct glob_node *parent, enum glob_node_kind kind)
{
    struct glob_node *n = glob_node_new(p->a, kind);

    if (++p->node_count > CHART_GLOB_NODES_MAX)
        p->rc = err_set(p->err, HL_ELIMIT, "pattern of more than %d parts", CHART_GLOB_NODES_MAX);
    else if (kind != NODE_PATTERN && parent->count == CHART_GLOB_SEQUENCE_MAX)
        p->rc = err_set(p->err, HL_ELIMIT, "pattern of more than %d parts in a row",
                        CHART_GLOB_SEQUENCE_MAX);
    else
        glob_node_add(p->a, parent, n);
    return n;
}

/* Text up to a character in `breakers` that no backslash stands before. */
static struct str take_text(struct parser *p, const char *breakers)
{
    char *text = arena_alloc(p->a, p->s.len - p->at + 1);
    size_t text_len = 0;
    bool is_escaped = false;
    size_t len;

    for (;;) {
        uint32_t rune = peek(p, &len);
        bool breaks = rune < 0x80 && rune != END && strchr(breakers, (int)rune) && !is_escaped;
        if (!breaks)
            p->at += len;
        if (breaks || rune == END)
            return (struct str){text, text_len};
        is_escaped = !is_escaped && rune == '\\';
        if (is_escaped)
            continue;
        memcpy(text + text_len, p->s.ptr + p->at - len, len);
        text_len += len;
    }
}

/* "a-z" behind "["; `low` was taken, the "-" is next. Returns the upper end as it stands. */
static struct str take_range(struct parser *p, uint32_t low, struct glob_node *out)
{
    size_t from = ++p->at;

    out->kind = NODE_RANGE;
    out->low = low;
    out->high = take(p);
    return str_sub(p->s, from, p->at);
}

/* The "]" behind `last`, which was taken before it. */
static void take_close(struct parser *p, uint32_t last)
{
    uint32_t rune = last == END ? END : take(p);

    if (rune == END)
        fail(p, "unexpected end of input");
    else if (rune != ']')
        fail(p, "expected close range character");
}

/* What stands behind "[" up to its "]". */
static void take_set(struct parser *p, struct glob_node *out)
{
    size_t len;
    size_t from = p->at;
    struct str high = STR_NONE;
    uint32_t rune = take(p);

    out->is_not = rune == '!';
    if (out->is_not) {
        from = p->at;
        rune = take(p);
    }
    struct str low = str_sub(p->s, from, p->at);
    if (rune != END && peek(p, &len) == '-') {
        high = take_range(p, rune, out);
        rune = out->high;
    } else if (rune != END) {
        p->at = from;
        out->text = take_text(p, "]");
    }
    take_close(p, rune);
    if (p->rc < 0)
        return;
    if (out->kind == NODE_LIST && out->text.len == 0)
        fail(p, "could not parse range");
    if (out->kind == NODE_RANGE && out->high < out->low)
        p->rc = err_set(p->err, HL_EINVAL,
                        "hi character '" STR_FMT "' should be greater than lo '" STR_FMT "'",
                        STR_ARG(high), STR_ARG(low));
}

static void open_braces(struct parser *p)
{
    if (++p->depth > CHART_GLOB_DEPTH_MAX) {
        p->rc = err_set(p->err, HL_ELIMIT, "pattern with braces nested more than %d deep",
                        CHART_GLOB_DEPTH_MAX);
        return;
    }
    struct glob_node *any_of = add(p, p->in, NODE_ANY_OF);
    if (p->rc == 0)
        p->in = add(p, any_of, NODE_PATTERN);
}

/* One part of the pattern; false at the end and after a failure. */
static bool take_part(struct parser *p)
{
    size_t len;
    size_t from = p->at;

    switch (take(p)) {
    case END:
        return false;
    case '{':
        open_braces(p);
        return p->rc == 0;
    case '[':
        take_set(p, add(p, p->in, NODE_LIST));
        return p->rc == 0;
    case '?':
        add(p, p->in, NODE_SINGLE);
        return p->rc == 0;
    case '*':
        add(p, p->in, peek(p, &len) == '*' ? NODE_SUPER : NODE_ANY);
        if (p->rc == 0 && peek(p, &len) == '*')
            p->at += len;
        return p->rc == 0;
    case ',':
        if (p->depth == 0)
            break;
        p->in = add(p, p->in->parent, NODE_PATTERN);
        return p->rc == 0;
    case '}':
        if (p->depth == 0)
            break;
        p->depth--;
        p->in = p->in->parent->parent;
        return true;
    default:
        break;
    }
    p->at = from;
    struct str text = take_text(p, p->depth > 0 ? "?*[{}," : "?*[{");
    if (text.len > 0 && p->rc == 0)
        add(p, p->in, NODE_TEXT)->text = text;
    return p->rc == 0;
}

int chart_glob_parse(struct arena *a, struct str pattern, const struct chart_glob **out,
                     struct err *err)
{
    if (pattern.len > CHART_GLOB_PATTERN_MAX)
        return err_set(err, HL_ELIMIT, "pattern of more than %d bytes", CHART_GLOB_PATTERN_MAX);
    struct glob_node *root = glob_node_new(a, NODE_PATTERN);
    struct parser p = {.a = a, .s = arena_dup(a, pattern), .in = root, .err = err};
    while (take_part(&p))
        continue;
    if (p.rc < 0)
        return p.rc;
    struct chart_glob *g = arena_one(a, struct chart_glob);
    g->root = glob_compile(a, root);
    *out = g;
    return 0;
}
