/* A walk that indents by itself and asks core/value for the style of each string. */
#include "core/template/yaml_pretty.h"

#include <stdlib.h>
#include <string.h>

#include "core/template/format.h"
#include "core/gostd/unicode.h"
#include "core/value/yaml.h"

struct pretty {
    struct arena *a;
    struct buf *out;
};

static void write_block(struct pretty *p, struct datum d, int depth, int indent);

static void add_indent(struct pretty *p, int indent)
{
    for (int i = 0; i < indent; i++)
        buf_add_cstr(p->out, "  ");
}

/* A string in the style that YAML gives it; literal blocks are moved in. */
static void write_string(struct pretty *p, struct str s, int indent)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    yaml_write(&text, value_string(p->a, s));
    struct str rest = buf_str(&text);
    rest.len -= str_ends(rest, STR("\n"));
    bool is_block = str_starts(rest, STR("|"));
    for (size_t i = 0; i < rest.len; i++) {
        buf_add_byte(p->out, rest.ptr[i] == '\n' && !is_block ? ' ' : rest.ptr[i]);
        if (rest.ptr[i] == '\n' && is_block && i + 1 < rest.len && rest.ptr[i + 1] != '\n')
            add_indent(p, indent > 0 ? indent - 1 : 0);
    }
}

static void write_scalar(struct pretty *p, struct datum d, int indent)
{
    if (datum_is_absent(d))
        buf_add_cstr(p->out, "null");
    else if (d.type == DATUM_STRING)
        write_string(p, datum_str(d), indent);
    else
        format_value(p->out, d);
}

/* Whether it takes lines of its own. */
static bool is_block(struct datum d)
{
    if (d.type == DATUM_OBJECT)
        return d.object->class->member != NULL;
    return (datum_is_slice(d) || datum_is_map(d)) && datum_count(d) > 0;
}

static void write_inline(struct pretty *p, struct datum d, int indent)
{
    if (datum_is_slice(d))
        buf_add_cstr(p->out, "[]");
    else if (datum_is_map(d))
        buf_add_cstr(p->out, "{}");
    else if (d.type == DATUM_OBJECT && d.object->class->plain)
        write_scalar(p, d.object->class->plain(d.object, p->a), indent);
    else
        write_scalar(p, d, indent);
    buf_add_byte(p->out, '\n');
}

static void write_member(struct pretty *p, struct str key, struct datum d, bool is_first, int depth,
                         int indent)
{
    if (!is_first)
        add_indent(p, indent);
    write_string(p, key, 0);
    buf_add_byte(p->out, ':');
    if (is_block(d)) {
        buf_add_byte(p->out, '\n');
        add_indent(p, indent + 1);
        write_block(p, d, depth + 1, indent + 1);
        return;
    }
    buf_add_byte(p->out, ' ');
    write_inline(p, d, indent + 1);
}

static int by_key(const void *a, const void *b)
{
    return yaml_key_order((*(const struct datum_entry *const *)a)->key,
                          (*(const struct datum_entry *const *)b)->key);
}

static void write_map(struct pretty *p, struct datum d, int depth, int indent)
{
    struct datum_entry **e = datum_map_inserted(p->a, d.map);

    qsort(e, d.map->count, sizeof(struct datum_entry *), by_key);
    for (size_t i = 0; i < d.map->count; i++)
        write_member(p, e[i]->key, e[i]->value, i == 0, depth, indent);
}

static struct str lowered(struct arena *a, struct str name)
{
    char *text = arena_cstr(a, name);

    for (size_t i = 0; i < name.len; i++)
        text[i] = (char)rune_to_lower((unsigned char)text[i]);
    return (struct str){text, name.len};
}

static void write_object(struct pretty *p, const struct datum_object *o, int depth, int indent)
{
    struct datum_member m;

    for (size_t i = 0; o->class->member(o, i, &m); i++)
        write_member(p, lowered(p->a, m.name), m.value, i == 0, depth, indent);
}

static void write_list(struct pretty *p, struct datum d, int depth, int indent)
{
    for (size_t i = 0; i < datum_count(d); i++) {
        struct datum item = datum_item(d, i);
        if (i > 0)
            add_indent(p, indent);
        buf_add_cstr(p->out, "- ");
        if (is_block(item))
            write_block(p, item, depth + 1, indent + 1);
        else
            write_inline(p, item, indent + 1);
    }
}

/* The first line's indent is there already. */
static void write_block(struct pretty *p, struct datum d, int depth, int indent)
{
    if (depth > DATUM_DEPTH_MAX)
        buf_add_cstr(p->out, "null\n");
    else if (d.type == DATUM_OBJECT)
        write_object(p, d.object, depth, indent);
    else if (datum_is_map(d))
        write_map(p, d, depth, indent);
    else
        write_list(p, d, depth, indent);
}

void yaml_pretty_write(struct arena *a, struct buf *out, struct datum d)
{
    struct pretty p = {a, out};

    if (is_block(d))
        write_block(&p, d, 0, 0);
    else
        write_inline(&p, d, 0);
}
