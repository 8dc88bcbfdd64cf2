/*
 * After parse.go: tables grow in a tree of their own, because keys may add to them until the end
 * ("[a.b]" behind "[a]"); sets of key texts remember which tables were only implied.
 */
#include <stdlib.h>

#include "core/template/toml.h"
#include "core/template/toml_scan.h"

enum node_kind { NODE_VALUE, NODE_TABLE, NODE_TABLES };

/* A value, a table, or an array of tables made by [[...]]. */
struct node {
    enum node_kind kind;
    struct datum value;
    struct map *child; /* of a table: name -> struct node; owned by the reader */
    struct node **table;
    size_t count;
    size_t cap;
};

struct key {
    struct str part[TOML_DEPTH_MAX];
    size_t count;
};

struct reader {
    struct toml_scan s;
    struct node *root;
    struct key context;     /* the table that keys go into */
    struct str current_key; /* the one that is read; empty: none */
    uint32_t line;          /* of the first part of the last key */
    size_t nested;
    struct map *implied; /* key texts of tables that nobody wrote down */
    struct map *kind;    /* key text -> is_array, or another mark */
    struct map **child;  /* all of the tree's, to be freed */
    size_t child_count;
    size_t child_cap;
};

static char is_array; /* marks in `kind` */
static char is_other;

/* ---- keys ---- */

static struct str key_text(struct reader *r, const struct key *k)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    toml_write_key(&text, k->part, k->count);
    return arena_dup(r->s.a, buf_str(&text));
}

static bool is_fine(const struct reader *r)
{
    return r->s.code == 0;
}

static void too_deep(struct reader *r)
{
    toml_fault(&r->s, r->s.line, "more than 100 values or parts of a key in one another", STR_NONE,
               "");
    r->s.code = HL_ELIMIT;
}

static void add_part(struct reader *r, struct key *k, struct str part)
{
    if (k->count < TOML_DEPTH_MAX)
        k->part[k->count++] = part;
    else if (is_fine(r))
        too_deep(r);
}

static void fault_at_key(struct reader *r, const struct key *k, const char *behind)
{
    toml_fault(&r->s, r->line, "Key '", key_text(r, k), behind);
}

/* ---- the tree ---- */

static struct node *node_new(struct reader *r, enum node_kind kind)
{
    struct node *n = arena_one(r->s.a, struct node);

    n->kind = kind;
    if (kind == NODE_TABLE) {
        n->child = map_new(0x746f6d6cu); /* names are bounded by the text */
        ARENA_PUSH(r->s.a, r->child, r->child_count, r->child_cap, n->child);
    }
    return n;
}

static struct node *value_node(struct reader *r, struct datum d)
{
    struct node *n = node_new(r, NODE_VALUE);

    n->value = d;
    return n;
}

/* The table that a name leads into; NULL if it is none. */
static struct node *table_of(struct node *n)
{
    if (n->kind == NODE_TABLES)
        return n->table[n->count - 1];
    return n->kind == NODE_TABLE ? n : NULL;
}

static struct datum datum_of(struct reader *r, const struct node *n);

struct named {
    struct str key;
    struct node *node;
};

static int by_key(const void *l, const void *r)
{
    return str_cmp(((const struct named *)l)->key, ((const struct named *)r)->key);
}

/* In the order of the keys, so that each goes to the end. */
static struct datum_map *map_of(struct reader *r, const struct node *n)
{
    size_t count = map_count(n->child);
    struct named *named = arena_array(r->s.a, struct named, count);
    struct datum_map *m = datum_map_new(r->s.a);

    for (size_t i = 0; i < count; i++)
        named[i] =
            (struct named){arena_dup(r->s.a, map_key_at(n->child, i)), map_value_at(n->child, i)};
    if (count > 1)
        qsort(named, count, sizeof(*named), by_key);
    for (size_t i = 0; i < count; i++)
        datum_map_set(r->s.a, m, named[i].key, datum_of(r, named[i].node));
    return m;
}

static struct datum datum_of(struct reader *r, const struct node *n)
{
    if (n->kind == NODE_VALUE)
        return n->value;
    if (n->kind == NODE_TABLE)
        return datum_of_map(map_of(r, n));
    struct datum_list *list = datum_list_new(r->s.a, n->count);
    for (size_t i = 0; i < n->count; i++)
        list->item[i] = datum_of_map(map_of(r, n->table[i]));
    return datum_of_list(DATUM_MAPS, list);
}

/* ---- what is defined ---- */

static void imply(struct reader *r, const struct key *k)
{
    (void)map_set(r->implied, key_text(r, k), r); /* a set */
}

/* setType: `name` in the context; empty: the context itself. */
static void set_kind(struct reader *r, struct str name, bool array)
{
    struct key k = r->context;

    if (name.len > 0)
        add_part(r, &k, name);
    else if (k.count == 0)
        add_part(r, &k, STR_NONE);                                          /* a key that is "" */
    (void)map_set(r->kind, key_text(r, &k), array ? &is_array : &is_other); /* or replaces */
}

/* Whether the name is taken for good; one that was implied is written down now. */
static void set_again(struct reader *r, struct node *table, const struct key *k, struct node *value)
{
    struct str text = key_text(r, k);
    bool was_implied = map_remove(r->implied, text) != NULL;

    if (!was_implied)
        fault_at_key(r, k, "' has already been defined.");
    else if (map_get(r->kind, text) == &is_array)
        (void)map_set(table->child, k->part[k->count - 1], value); /* replaces */
}

/* setValue: in the table of the context. */
static void set_value(struct reader *r, struct str name, struct node *value)
{
    struct node *table = r->root;
    struct key k = {0};

    for (size_t i = 0; i < r->context.count; i++) {
        add_part(r, &k, r->context.part[i]);
        struct node *next = map_get(table->child, r->context.part[i]);
        HL_ASSERT(next); /* add_context has made it */
        table = table_of(next);
        if (!table) {
            fault_at_key(r, &k, "' has already been defined.");
            return;
        }
    }
    add_part(r, &k, name);
    if (!is_fine(r))
        return;
    if (map_get(table->child, name))
        set_again(r, table, &k, value);
    else
        (void)map_set(table->child, name, value); /* was absent */
}

static void add_table(struct reader *r, struct node *table, const struct key *k)
{
    struct str name = k->part[k->count - 1];
    struct node *tables = map_get(table->child, name);

    if (!tables) {
        tables = node_new(r, NODE_TABLES);
        (void)map_set(table->child, name, tables); /* was absent */
    }
    if (tables->kind == NODE_TABLES)
        ARENA_PUSH(r->s.a, tables->table, tables->count, tables->cap, node_new(r, NODE_TABLE));
    else
        fault_at_key(r, k, "' was already created and cannot be used as an array.");
}

/* addContext: keys go into the table `k` from now on, which becomes another one of an array. */
static void add_context(struct reader *r, const struct key *k, bool array)
{
    struct node *table = r->root;
    struct key parent = {0};

    for (size_t i = 0; i + 1 < k->count; i++) {
        add_part(r, &parent, k->part[i]);
        struct node *next = map_get(table->child, k->part[i]);
        if (!next) {
            imply(r, &parent);
            next = node_new(r, NODE_TABLE);
            (void)map_set(table->child, k->part[i], next); /* was absent */
        }
        table = table_of(next);
        if (!table) {
            fault_at_key(r, &parent, "' was already created as a hash.");
            return;
        }
    }
    r->context = parent;
    if (array)
        add_table(r, table, k);
    else
        set_value(r, k->part[k->count - 1], node_new(r, NODE_TABLE));
    if (is_fine(r))
        add_part(r, &r->context, k->part[k->count - 1]);
}

/* ---- keys as they are read ---- */

/* All parts up to and over '='. */
static void read_key(struct reader *r, struct key *out)
{
    struct toml_scan *s = &r->s;

    out->count = 0;
    toml_skip_blanks(s);
    uint32_t c = toml_peek(s);
    if (c == '=' || c == TOML_END)
        toml_fault(s, toml_line(s), "unexpected '=': key name appears blank", STR_NONE, "");
    else if (c == '.')
        toml_fault(s, toml_line(s), "unexpected '.': keys cannot start with a '.'", STR_NONE, "");
    while (is_fine(r)) {
        toml_skip_blanks(s);
        c = toml_peek(s);
        if (c == '=' || c == TOML_END || c == '.')
            toml_fault(s, toml_line(s), c == '.' ? "unexpected '.'" : "unexpected '='", STR_NONE,
                       "");
        struct str part = toml_scan_name(s);
        if (out->count == 0)
            r->line = s->line;
        add_part(r, out, part);
        toml_skip_blanks(s);
        c = toml_next(s);
        s->start = s->pos;
        if (c == '=')
            return;
        if (c == TOML_END)
            toml_fault(s, toml_line(s), "unexpected EOF; expected key separator '='", STR_NONE, "");
        else if (c != '.')
            toml_fault(s, c == '\n' ? s->line - 1 : toml_line(s), "expected '.' or '=', but got ",
                       toml_quoted_rune(s, c), " instead");
    }
}

/* All parts up to and over ']'. */
static void read_table_name(struct reader *r, struct key *out)
{
    struct toml_scan *s = &r->s;

    out->count = 0;
    while (is_fine(r)) {
        toml_skip_blanks(s);
        uint32_t c = toml_peek(s);
        if (c == ']' || c == TOML_END)
            toml_fault(s, toml_line(s),
                       "unexpected end of table name (table names cannot be empty)", STR_NONE, "");
        else if (c == '.')
            toml_fault(s, toml_line(s), "unexpected table separator (table names cannot be empty)",
                       STR_NONE, "");
        struct str part = toml_scan_name(s);
        if (out->count == 0)
            r->line = s->line;
        add_part(r, out, part);
        toml_skip_blanks(s);
        c = toml_next(s);
        s->start = s->pos;
        if (c == ']')
            return;
        if (c != '.')
            toml_fault(s, toml_line(s), "expected '.' or ']' to end table name, but got ",
                       toml_quoted_rune(s, c), " instead");
    }
}

static struct node *read_value(struct reader *r, bool is_in_array, bool *out_is_array);

/* "a.b.c = VALUE": a and b are implied in the context. *out_key has all parts. */
static struct node *read_pair(struct reader *r, struct key *out_key)
{
    struct node *value = NULL;
    bool array = false;

    read_key(r, out_key);
    if (!is_fine(r))
        return NULL;
    r->current_key = out_key->part[out_key->count - 1];
    for (size_t i = 0; i + 1 < out_key->count && is_fine(r); i++) {
        struct key k = r->context;
        add_part(r, &k, out_key->part[i]);
        imply(r, &k);
        add_context(r, &k, false);
    }
    if (is_fine(r))
        value = read_value(r, false, &array);
    if (is_fine(r))
        set_value(r, r->current_key, value);
    if (is_fine(r))
        set_kind(r, r->current_key, array);
    return value;
}

/* ---- values ---- */

static void skip_comments_and_blanks(struct reader *r, uint32_t *out)
{
    struct toml_scan *s = &r->s;

    for (;;) {
        *out = toml_next(s);
        if (*out == '#')
            toml_skip_comment(s);
        else if (!is_fine(r) || !(toml_is_blank(*out) || toml_is_line_end(*out)))
            return;
        s->start = s->pos;
    }
}

static struct str rune_or_end(struct reader *r, uint32_t c)
{
    if (c == TOML_END)
        return STR("end of file");
    return arena_concat(r->s.a, arena_concat(r->s.a, STR("'"), toml_rune_text(&r->s, c)), STR("'"));
}

struct items {
    struct datum *item;
    size_t count;
    size_t cap;
};

static struct datum list_of(struct reader *r, const struct items *items)
{
    struct datum_list *list = datum_list_new(r->s.a, items->count);

    for (size_t i = 0; i < items->count; i++) {
        list->item[i] = items->item[i];
        list->item[i].is_interface = true;
    }
    return datum_of_list(DATUM_LIST, list);
}

static struct datum read_array(struct reader *r)
{
    struct items items = {0};
    bool ignored;
    uint32_t c;

    set_kind(r, r->current_key, true);
    while (is_fine(r)) {
        skip_comments_and_blanks(r, &c);
        if (c == ']')
            break;
        if (c == ',')
            toml_fault(&r->s, toml_line(&r->s), "unexpected comma", STR_NONE, "");
        toml_back(&r->s);
        struct node *value = read_value(r, true, &ignored);
        if (!is_fine(r))
            break;
        ARENA_PUSH(r->s.a, items.item, items.count, items.cap, datum_of(r, value));
        skip_comments_and_blanks(r, &c);
        if (c == ']')
            break;
        if (c != ',')
            toml_fault(&r->s, toml_line(&r->s),
                       "expected a comma (',') or array terminator (']'), but got ",
                       rune_or_end(r, c), "");
        r->s.start = r->s.pos;
    }
    r->s.start = r->s.pos;
    return list_of(r, &items);
}

/* Into the inline table's own tree, which is what an array of such tables holds. */
static void set_inline(struct reader *r, struct node *table, const struct key *k,
                       struct node *value)
{
    for (size_t i = 0; i + 1 < k->count; i++) {
        struct node *next = map_get(table->child, k->part[i]);
        if (!next) {
            next = node_new(r, NODE_TABLE);
            (void)map_set(table->child, k->part[i], next); /* was absent */
        }
        table = table_of(next);
        if (!table) {
            toml_fault(&r->s, r->line, "", toml_quoted(&r->s, key_text(r, &r->context)),
                       " is not a table");
            return;
        }
    }
    (void)map_set(table->child, k->part[k->count - 1], value); /* or replaces */
}

/* Behind a pair: true at the table's end. */
static bool is_inline_over(struct reader *r)
{
    uint32_t c;

    skip_comments_and_blanks(r, &c);
    if (c == ',') {
        r->s.start = r->s.pos;
        toml_skip_blanks(&r->s);
        if (toml_peek(&r->s) != '}')
            return false;
        c = toml_next(&r->s);
    }
    if (c != '}')
        toml_fault(&r->s, toml_line(&r->s),
                   "expected a comma or an inline table terminator '}', but got ",
                   rune_or_end(r, c), " instead");
    return true;
}

static void read_pairs(struct reader *r, struct node *table)
{
    const struct key context = r->context;
    uint32_t c;

    while (is_fine(r)) {
        struct key k;
        skip_comments_and_blanks(r, &c);
        if (c == '}')
            break;
        if (c == ',')
            toml_fault(&r->s, toml_line(&r->s), "unexpected comma", STR_NONE, "");
        toml_back(&r->s);
        struct node *value = read_pair(r, &k);
        if (!is_fine(r))
            break;
        set_inline(r, table, &k, value);
        if (!is_fine(r))
            break;
        r->context = context;
        if (is_inline_over(r))
            break;
    }
    r->s.start = r->s.pos;
}

static struct node *read_inline_table(struct reader *r, bool is_in_array)
{
    const struct key outer = r->context;
    struct str outer_key = r->current_key;
    struct node *table = node_new(r, NODE_TABLE);
    struct key k = outer;

    add_part(r, &k, outer_key);
    r->context = k;
    r->current_key = STR_NONE;
    imply(r, &k);
    add_context(r, &k, is_in_array);
    read_pairs(r, table);
    if (!is_fine(r))
        return NULL;
    r->context = outer;
    r->current_key = outer_key;
    return table;
}

/* NULL: a fault. */
static struct node *read_value(struct reader *r, bool is_in_array, bool *out_is_array)
{
    struct node *value;
    struct str text;

    enum toml_word word = toml_scan_value(&r->s, &text);
    *out_is_array = word == TOML_ARRAY;
    if (is_fine(r) && r->nested == TOML_DEPTH_MAX)
        too_deep(r);
    if (!is_fine(r))
        return NULL;
    r->nested++;
    if (word == TOML_INLINE_TABLE)
        value = read_inline_table(r, is_in_array);
    else if (word == TOML_ARRAY)
        value = value_node(r, read_array(r));
    else
        value = value_node(r, toml_value_of(&r->s, word, text, r->s.line));
    r->nested--;
    return value;
}

/* ---- the document ---- */

static void read_table(struct reader *r)
{
    bool array = toml_peek(&r->s) == '[';
    struct key k;

    if (array)
        (void)toml_next(&r->s);
    r->s.start = r->s.pos;
    read_table_name(r, &k);
    if (is_fine(r) && array) {
        uint32_t c = toml_next(&r->s);
        if (c != ']')
            toml_fault(&r->s, toml_line(&r->s),
                       "expected end of table array name delimiter ']', but got ",
                       toml_quoted_rune(&r->s, c), " instead");
    }
    if (!is_fine(r))
        return;
    add_context(r, &k, array);
    set_kind(r, STR_NONE, false);
}

static void read_top_pair(struct reader *r)
{
    const struct key outer = r->context;
    struct key k;

    (void)read_pair(r, &k);
    if (!is_fine(r))
        return;
    r->context = outer;
    r->current_key = STR_NONE;
}

/* Behind a table's name or a pair: nothing more in the line. */
static void end_line(struct reader *r)
{
    uint32_t c;

    do
        c = toml_next(&r->s);
    while (toml_is_blank(c));
    if (c == '#')
        toml_skip_comment(&r->s);
    else if (c != TOML_END && !toml_is_line_end(c))
        toml_fault(&r->s, toml_line(&r->s),
                   "expected a top-level item to end with a newline, comment, or EOF, but got ",
                   toml_quoted_rune(&r->s, c), " instead");
    else if (c == TOML_END)
        toml_back(&r->s);
    r->s.start = r->s.pos;
}

static void read_document(struct reader *r)
{
    while (is_fine(r)) {
        uint32_t c;
        skip_comments_and_blanks(r, &c);
        if (c == TOML_END || !is_fine(r))
            return;
        if (c == '[') {
            read_table(r);
        } else {
            toml_back(&r->s);
            read_top_pair(r);
        }
        if (is_fine(r))
            end_line(r);
    }
}

/* ParseError.Error: the key that was read last is named. */
static struct str error_text(struct reader *r)
{
    HL_CLEANUP(buf_deinit) struct buf last = {0};
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    toml_write_key(&last, r->context.part, r->context.count);
    if (r->current_key.len > 0 && r->context.count > 0)
        buf_add_byte(&last, '.');
    buf_add(&last, r->current_key);
    buf_printf(&out, "toml: line %u", r->s.fault_line);
    if (last.len > 0) {
        buf_add_cstr(&out, " (last key ");
        buf_add(&out, toml_quoted(&r->s, buf_str(&last)));
        buf_add_byte(&out, ')');
    }
    buf_add_cstr(&out, ": ");
    buf_add(&out, r->s.fault);
    return arena_dup(r->s.a, buf_str(&out));
}

/* Byte order marks, and what looks like another encoding. False: refused. */
static bool check_start(struct str *text)
{
    if (str_starts(*text, STR("\xff\xfe")) || str_starts(*text, STR("\xfe\xff")))
        *text = str_sub(*text, 2, text->len);
    else if (str_starts(*text, STR("\xef\xbb\xbf")))
        *text = str_sub(*text, 3, text->len);
    return !str_has_byte(str_sub(*text, 0, 6), '\0');
}

int toml_read(const struct template_world *world, struct arena *a, struct str text,
              struct datum_map **out, struct str *out_error)
{
    HL_CLEANUP(map_freep) struct map *implied = map_new(0x746f6d6c31u);
    HL_CLEANUP(map_freep) struct map *kind = map_new(0x746f6d6c32u);

    if (!check_start(&text)) {
        *out_error = STR("toml: line 1: files cannot contain NULL bytes; probably using UTF-16; "
                         "TOML files must be UTF-8");
        return HL_EINVAL;
    }
    struct reader r = {
        .s = {.world = world, .a = a, .text = text, .line = 1}, .implied = implied, .kind = kind};
    r.root = node_new(&r, NODE_TABLE);
    read_document(&r);
    if (is_fine(&r))
        *out = map_of(&r, r.root);
    else
        *out_error = error_text(&r);
    for (size_t i = 0; i < r.child_count; i++)
        map_free(r.child[i]);
    return r.s.code;
}
