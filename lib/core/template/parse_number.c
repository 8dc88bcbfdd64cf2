/* Numbers and characters of templates, with every kind that each is one of (parse/node.go). */
#include "core/template/parser.h"

#include <string.h>

#include "core/gostd/literal.h"

static bool has_float_mark(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(".eEpP", text.ptr[i]))
            return true;
    }
    return false;
}

/* A float, and every integer that it is. */
static void set_float(struct node_number *n, double number)
{
    n->number = number;
    n->is_float = true;
    if (n->number >= -0x1p63 && n->number < 0x1p63 && (double)(int64_t)n->number == n->number) {
        n->is_int = true;
        n->integer = (int64_t)n->number;
    }
    if (n->number >= 0 && n->number < 0x1p64 && (double)(uint64_t)n->number == n->number) {
        n->is_uint = true;
        n->unsigned_integer = (uint64_t)n->number;
    }
}

static void read_number(struct parser *p, struct node_number *n)
{
    n->is_uint = literal_uint(n->text, 0, &n->unsigned_integer);
    n->is_int = literal_int(n->text, 0, &n->integer);
    if (n->is_int && n->integer == 0)
        n->is_uint = true; /* -0 */
    if (n->is_int || n->is_uint) {
        n->is_float = true;
        n->number = n->is_int ? (double)n->integer : (double)n->unsigned_integer;
        return;
    }
    double number;
    if (!literal_float(n->text, &number)) {
        parser_refuse(p, "illegal number syntax: " STR_FMT, STR_ARG(parser_quoted(p, n->text)));
        return;
    }
    set_float(n, number);
    if (!has_float_mark(n->text))
        parser_refuse(p, "integer overflow: " STR_FMT, STR_ARG(parser_quoted(p, n->text)));
}

static void read_char(struct parser *p, struct node_number *n)
{
    uint32_t r = 0;

    if (!literal_char(n->text, &r)) {
        parser_refuse(p, "malformed character constant: " STR_FMT, STR_ARG(n->text));
        return;
    }
    n->is_int = n->is_uint = n->is_float = true;
    n->integer = r;
    n->unsigned_integer = r;
    n->number = r;
}

/* "2i" or "1+2i"; without an imaginary part it is a float, too. */
static void read_complex(struct parser *p, struct node_number *n)
{
    struct str text = str_sub(n->text, 0, n->text.len - 1);
    size_t cut = text.len;

    while (cut > 0 && text.ptr[cut - 1] != '+' && text.ptr[cut - 1] != '-')
        cut--;
    bool has_sign =
        cut > 1 && (text.ptr[cut - 2] | 0x20) != 'e' && (text.ptr[cut - 2] | 0x20) != 'p';
    size_t from = has_sign ? cut - 1 : 0;
    if ((from > 0 && !literal_float(str_sub(text, 0, from), &n->complex[0])) ||
        !literal_float(str_sub(text, from, text.len), &n->complex[1])) {
        parser_refuse(p, "illegal number syntax: " STR_FMT, STR_ARG(parser_quoted(p, n->text)));
        return;
    }
    n->is_complex = true;
    if (n->complex[1] == 0.0)
        set_float(n, n->complex[0]);
}

struct node *parser_number(struct parser *p, struct token t)
{
    struct node_number *n = arena_one(p->a, struct node_number);

    n->head = (struct node){.kind = NODE_NUMBER, .pos = t.pos};
    n->text = parser_text(p, t);
    if (t.kind == TOKEN_CHAR_CONSTANT)
        read_char(p, n);
    else if (t.kind == TOKEN_COMPLEX || (str_ends(n->text, STR("i")) && t.len > 1))
        read_complex(p, n);
    else
        read_number(p, n);
    return &n->head;
}
