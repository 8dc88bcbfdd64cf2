/* From value trees to what people and programs read. */
#include "hlctl/output.h"

#include <stdio.h>
#include <string.h>

#include "core/value/json.h"
#include "core/value/yaml.h"
#include "hlctl/safe.h"

enum tone state_tone(struct str state)
{
    static const struct {
        const char *word;
        enum tone tone;
    } tones[] = {
        {"Synced", TONE_GOOD},       {"Healthy", TONE_GOOD},    {"Ready", TONE_GOOD},
        {"leader", TONE_GOOD},       {"follower", TONE_PLAIN},  {"Succeeded", TONE_GOOD},
        {"OutOfSync", TONE_WARN},    {"Unknown", TONE_WARN},    {"Progressing", TONE_WARN},
        {"Suspended", TONE_WARN},    {"candidate", TONE_WARN},  {"Waiting", TONE_WARN},
        {"Unsupported", TONE_FAINT}, {"Degraded", TONE_BAD},    {"Missing", TONE_BAD},
        {"Blocked", TONE_BAD},       {"Failed", TONE_BAD},      {"Lost", TONE_BAD},
        {"Revoked", TONE_BAD},       {"unreachable", TONE_BAD}, {"unknown", TONE_WARN},
    };

    for (size_t i = 0; i < HL_COUNT(tones); i++)
        if (str_eq(state, str_from(tones[i].word)))
            return tones[i].tone;
    return TONE_PLAIN;
}

struct str text_age(struct arena *a, int64_t age_ms)
{
    char text[TIME_AGE_MAX];

    if (age_ms < 0)
        return STR("-");
    return arena_dup(a, str_from(time_age(age_ms, text)));
}

struct str text_bytes(struct arena *a, int64_t size_bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)size_bytes;
    size_t u = 0;

    while (size >= 1024 && u + 1 < HL_COUNT(unit)) {
        size /= 1024;
        u++;
    }
    return arena_printf(a, size < 10 && u > 0 ? "%.1f %s" : "%.0f %s", size, unit[u]);
}

struct str text_count(struct arena *a, size_t count, const char *one)
{
    return arena_printf(a, "%zu %s%s", count, one, count == 1 ? "" : "s");
}

static struct str plain_text(struct arena *a, const struct value *v)
{
    switch (v->kind) {
    case VALUE_STRING:
        return v->string.len > 0 ? v->string : STR("-");
    case VALUE_INT:
        return arena_printf(a, "%lld", (long long)v->integer);
    case VALUE_UINT:
        return arena_printf(a, "%llu", (unsigned long long)v->unsigned_integer);
    case VALUE_BOOL:
        return v->boolean ? STR("yes") : STR("no");
    case VALUE_FLOAT:
        return arena_printf(a, "%g", v->number);
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return STR("-");
}

static struct str joined(struct arena *a, const struct value *list)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (size_t i = 0; i < list->list.count; i++) {
        if (i > 0)
            buf_add_byte(&text, ',');
        buf_add(&text, plain_text(a, list->list.item[i]));
    }
    return text.len > 0 ? arena_dup(a, buf_str(&text)) : STR("-");
}

struct str cell_text(struct arena *a, const struct value *item, const struct column *column)
{
    const struct value *v = value_get(item, str_from(column->key));
    char when[TIME_RFC3339_MAX];
    bool is_number = v && v->kind == VALUE_INT;

    if (!v || v->kind == VALUE_NULL)
        return column->kind == CELL_STATE ? STR("Unknown") : STR("-");
    switch (column->kind) {
    case CELL_COMMIT:
        return v->kind == VALUE_STRING && v->string.len > 7 ? str_sub(v->string, 0, 7)
                                                            : plain_text(a, v);
    case CELL_AGE:
    case CELL_DURATION:
        return is_number ? text_age(a, v->integer) : STR("-");
    case CELL_BYTES:
        return is_number ? text_bytes(a, v->integer) : STR("-");
    case CELL_LIST:
        return v->kind == VALUE_LIST ? joined(a, v) : plain_text(a, v);
    case CELL_STATE:
        return value_str(v).len > 0 ? value_str(v) : STR("Unknown");
    case CELL_WHEN:
        if (is_number)
            return arena_dup(a, str_from(time_rfc3339(v->integer, when)));
        return plain_text(a, v);
    case CELL_TEXT:
        break;
    }
    return plain_text(a, v);
}

static struct str name_of(struct arena *a, const struct value *item)
{
    const struct value *name = value_get(item, STR("name"));

    if (!name)
        name = value_get(item, STR("id"));
    return name ? plain_text(a, name) : STR("-");
}

static void write_names(struct hlctl *h, const char *noun, const struct value *items)
{
    for (size_t i = 0; i < items->list.count; i++) {
        struct str name = safe_text(h->arena, name_of(h->arena, items->list.item[i]));
        buf_printf(&h->out, "%s/" STR_FMT "\n", noun, STR_ARG(name));
    }
}

static void write_table(struct hlctl *h, const struct value *items, const struct column *columns,
                        size_t column_count)
{
    const char **title = arena_array(h->arena, const char *, column_count);
    const struct column **shown = arena_array(h->arena, const struct column *, column_count);
    size_t count = 0;

    for (size_t c = 0; c < column_count; c++) {
        if (columns[c].is_wide && h->format != FORMAT_WIDE)
            continue;
        shown[count] = &columns[c];
        title[count++] = columns[c].title;
    }
    struct table *t = table_new(h->arena, title, count);
    for (size_t i = 0; i < items->list.count; i++) {
        table_row(t);
        for (size_t c = 0; c < count; c++) {
            struct str text = cell_text(h->arena, items->list.item[i], shown[c]);
            table_cell(t, text, shown[c]->kind == CELL_STATE ? state_tone(text) : TONE_PLAIN);
        }
    }
    table_write(&h->out, t, &h->style);
}

/* YAML has no way to escape a character of a plain scalar, so they are replaced in the tree. */
static struct value *safe_tree(struct arena *a, struct value *v)
{
    if (v->kind == VALUE_LIST) {
        struct value *copy = value_list(a);
        for (size_t i = 0; i < v->list.count; i++)
            value_list_add(a, copy, safe_tree(a, v->list.item[i]));
        return copy;
    }
    if (v->kind == VALUE_MAP) {
        struct value *copy = value_map(a);
        for (size_t i = 0; i < v->map.count; i++) {
            const struct member *m = &v->map.member[i];
            value_map_set(a, copy, safe_text(a, m->key), safe_tree(a, m->value));
        }
        return copy;
    }
    if (v->kind != VALUE_STRING)
        return v;
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct str rest = v->string;
    while (rest.len > 0) { /* line breaks stay: the writer has block scalars for them */
        struct str all = rest;
        struct str line = str_cut(&rest, '\n');
        buf_add(&text, safe_text(a, line));
        if (line.len < all.len)
            buf_add_byte(&text, '\n');
    }
    return value_string(a, arena_dup(a, buf_str(&text)));
}

static void write_document(struct hlctl *h, struct value *v, enum json_style style)
{
    if (h->format == FORMAT_YAML) {
        yaml_write(&h->out, safe_tree(h->arena, v));
        return;
    }
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    json_write(&text, v, style);
    safe_json(&h->out, buf_str(&text));
    if (style == JSON_COMPACT)
        buf_add_byte(&h->out, '\n');
}

void output_stream(struct hlctl *h, struct value *v)
{
    if (h->format == FORMAT_YAML)
        buf_add_cstr(&h->out, "---\n");
    write_document(h, v, JSON_COMPACT);
}

void output_document(struct hlctl *h, const struct answer *answer, const char *kind,
                     struct value *body)
{
    struct arena *a = h->arena;
    struct value *whole = value_map(a);

    value_map_set_str(a, whole, "apiVersion", STR("hlctl/v1"));
    value_map_set_str(a, whole, "kind", str_from(kind));
    if (answer) {
        value_map_set(a, whole, STR("revision"), value_uint(a, answer->revision));
        value_map_set_int(a, whole, "age_ms", answer->age_ms);
    }
    for (size_t i = 0; i < body->map.count; i++)
        value_map_set(a, whole, body->map.member[i].key, body->map.member[i].value);
    write_document(h, whole, JSON_INDENTED);
}

void output_list(struct hlctl *h, const struct answer *answer, const char *kind, const char *noun,
                 struct value *items, const struct column *columns, size_t column_count)
{
    if (h->format == FORMAT_NAME) {
        write_names(h, noun, items);
    } else if (hlctl_is_document(h)) {
        struct value *body = value_map(h->arena);
        value_map_set(h->arena, body, STR("items"), items);
        output_document(h, answer, kind, body);
    } else {
        write_table(h, items, columns, column_count);
    }
}

void output_done(struct hlctl *h, const struct answer *answer, const char *kind, const char *noun,
                 struct str name, const char *done)
{
    struct str shown = safe_text(h->arena, name);
    bool is_name = h->format == FORMAT_NAME;

    if (hlctl_is_document(h))
        output_document(h, answer, kind, answer->body);
    else
        buf_printf(&h->out, "%s/" STR_FMT "%s%s\n", noun, STR_ARG(shown), is_name ? "" : " ",
                   is_name ? "" : done);
}
