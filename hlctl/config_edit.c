/*
 * Edits of the configuration text, line by line, so that comments survive. Each result is read
 * again and compared with what was meant; a form that this does not understand gives false.
 */
#include "hlctl/config.h"

#include <string.h>

struct lines {
    struct str *line; /* with their newline */
    size_t count;
    size_t cap;
};

static struct lines split(struct arena *a, struct str text)
{
    struct lines all = {0};
    size_t from = 0;

    while (from < text.len) {
        size_t end = str_find(text, STR("\n"), from);
        end = end == SIZE_MAX ? text.len : end + 1;
        struct str line = str_sub(text, from, end);
        if (!str_ends(line, STR("\n")))
            line = arena_concat(a, line, STR("\n"));
        ARENA_PUSH(a, all.line, all.count, all.cap, line);
        from = end;
    }
    return all;
}

static struct str join(struct arena *a, const struct lines *all)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (size_t i = 0; i < all->count; i++)
        buf_add(&text, all->line[i]);
    return arena_dup(a, buf_str(&text));
}

static size_t indent_of(struct str line)
{
    size_t n = 0;

    while (n < line.len && line.ptr[n] == ' ')
        n++;
    return n;
}

static bool is_content(struct str line)
{
    struct str text = str_trim(line);

    return text.len > 0 && text.ptr[0] != '#';
}

/* Number of the line that starts with the top-level key; count if there is none. */
static size_t find_key(const struct lines *all, struct str key)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_starts(all->line[i], key))
            return i;
    return all->count;
}

static void insert(struct arena *a, struct lines *all, size_t at, struct str line)
{
    ARENA_PUSH(a, all->line, all->count, all->cap, line);
    memmove(&all->line[at + 1], &all->line[at], (all->count - 1 - at) * sizeof *all->line);
    all->line[at] = line;
}

static bool is_same(const struct context *a, const struct context *b)
{
    return str_eq(a->name, b->name) && str_eq(a->roster, b->roster) &&
           str_eq(a->identity, b->identity) && str_eq(a->mesh, b->mesh) &&
           a->server_count == b->server_count;
}

/* True if `text` reads as the contexts of c without `skip` and with `add` behind them. */
static bool reads_as(struct arena *a, const struct config *c, struct str text, struct str current,
                     struct str skip, const struct context *add)
{
    struct config got;
    struct trouble t;
    size_t at = 0;

    if (config_parse(a, c->path, text, &got, &t) != 0 || !str_eq(got.current, current))
        return false;
    for (size_t i = 0; i < c->context_count; i++) {
        if (skip.len > 0 && str_eq(c->context[i].name, skip))
            continue;
        if (at == got.context_count || !is_same(&c->context[i], &got.context[at++]))
            return false;
    }
    if (add && (at == got.context_count || !str_eq(got.context[at++].name, add->name)))
        return false;
    return at == got.context_count;
}

/* A YAML scalar that reads back as this string whatever it holds. */
static struct str quoted(struct arena *a, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'')
            buf_add_byte(&out, '\'');
        buf_add_byte(&out, s.ptr[i]);
    }
    return arena_printf(a, "'" STR_FMT "'", STR_ARG(buf_str(&out)));
}

static void set_current(struct arena *a, struct lines *all, struct str name)
{
    struct str line = arena_printf(a, "current-context: " STR_FMT "\n", STR_ARG(quoted(a, name)));
    size_t at = find_key(all, STR("current-context:"));
    size_t version_at = find_key(all, STR("apiVersion:"));

    if (at < all->count) {
        size_t hash = str_find(all->line[at], STR(" #"), 0); /* a comment behind it stays */
        if (hash != SIZE_MAX)
            line = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(str_sub(line, 0, line.len - 1)),
                                STR_ARG(str_sub(all->line[at], hash, all->line[at].len)));
        all->line[at] = line;
    } else {
        insert(a, all, version_at < all->count ? version_at + 1 : 0, line);
    }
}

bool config_text_use(struct arena *a, const struct config *c, struct str name, struct str *out)
{
    struct lines all = split(a, c->text);

    set_current(a, &all, name);
    *out = join(a, &all);
    return reads_as(a, c, *out, name, STR_NONE, NULL);
}

/* First line behind the block that starts at `at`: the next one not indented deeper than it. */
static size_t block_end(const struct lines *all, size_t at, size_t indent)
{
    size_t end = at + 1;

    for (size_t i = at + 1; i < all->count; i++) {
        if (!is_content(all->line[i]))
            continue;
        if (indent_of(all->line[i]) <= indent)
            break;
        end = i + 1;
    }
    return end;
}

/* First line behind the list of contexts, whose items may stand at the indentation of the key. */
static size_t list_end(const struct lines *all, size_t key_at)
{
    size_t end = key_at + 1;

    for (size_t i = key_at + 1; i < all->count; i++) {
        struct str line = all->line[i];
        if (!is_content(line))
            continue;
        if (indent_of(line) == 0 && line.ptr[0] != '-')
            break;
        end = i + 1;
    }
    return end;
}

static struct str item_text(struct arena *a, const struct context *c, size_t indent)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_printf(&text, "%*s- name: " STR_FMT "\n", (int)indent, "", STR_ARG(quoted(a, c->name)));
    buf_printf(&text, "%*s  roster: " STR_FMT "\n", (int)indent, "", STR_ARG(quoted(a, c->roster)));
    if (c->mesh.len > 0)
        buf_printf(&text, "%*s  mesh: " STR_FMT "\n", (int)indent, "", STR_ARG(quoted(a, c->mesh)));
    buf_printf(&text, "%*s  identity: " STR_FMT "\n", (int)indent, "",
               STR_ARG(quoted(a, c->identity)));
    return arena_dup(a, buf_str(&text));
}

bool config_text_add(struct arena *a, const struct config *c, const struct context *add,
                     struct str *out)
{
    struct lines all = split(a, c->text);
    struct str current = c->current;

    if (find_key(&all, STR("apiVersion:")) == all.count)
        insert(a, &all, 0, STR("apiVersion: hlctl/v1\n"));
    if (current.len == 0) {
        current = add->name;
        set_current(a, &all, current);
    }
    size_t key_at = find_key(&all, STR("contexts:"));
    if (key_at == all.count)
        insert(a, &all, all.count, STR("contexts:\n"));
    else if (c->context_count == 0) /* "contexts: []" or nothing behind it */
        all.line[key_at] = STR("contexts:\n");
    size_t indent = 0;
    for (size_t i = key_at + 1; c->context_count > 0 && i < all.count; i++) {
        if (is_content(all.line[i])) {
            indent = indent_of(all.line[i]);
            break;
        }
    }
    insert(a, &all, list_end(&all, key_at), item_text(a, add, indent));
    *out = join(a, &all);
    return reads_as(a, c, *out, current, STR_NONE, add);
}

bool config_text_remove(struct arena *a, const struct config *c, struct str name, struct str *out)
{
    struct lines all = split(a, c->text);
    bool is_current = str_eq(c->current, name);
    size_t at = all.count;

    for (size_t i = 0; i < c->context_count; i++)
        if (str_eq(c->context[i].name, name) && c->context[i].line > 0)
            at = c->context[i].line - 1;
    if (at >= all.count || !str_starts(str_trim(all.line[at]), STR("-")))
        return false;
    size_t end = block_end(&all, at, indent_of(all.line[at]));
    memmove(&all.line[at], &all.line[end], (all.count - end) * sizeof *all.line);
    all.count -= end - at;
    size_t current_at = find_key(&all, STR("current-context:"));
    if (is_current && current_at < all.count) {
        memmove(&all.line[current_at], &all.line[current_at + 1],
                (all.count - current_at - 1) * sizeof *all.line);
        all.count--;
    }
    *out = join(a, &all);
    return reads_as(a, c, *out, is_current ? STR_NONE : c->current, name, NULL);
}
