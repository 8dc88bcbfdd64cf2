/*
 * Three readers for one question. Block YAML: lines with their indentation; JSON: brackets; any
 * other YAML: the tree. The first two hand each version of the chart to a reader of its own and
 * forget it at once.
 */
#include "edge/registry/index.h"

#include <stdlib.h>
#include <string.h>

#include "core/value/json.h"
#include "core/value/yaml.h"
#include "edge/registry/index_json.h"

enum { SHAPE_ODD = 1 }; /* an outcome of the first two readers: not in their form */

struct reading {
    struct arena *a;
    struct arena *scratch; /* a version at a time */
    struct str name;
    struct str chart;
    struct index *out;
    size_t cap;
    bool has_api_version;
    bool has_chart;
    struct err *err;
};

/* ---- versions ---- */

static bool is_skipped(const struct value *v, struct str version)
{
    struct str name = value_get_str(v, "name");
    struct str type = value_get_str(v, "type");
    bool is_type =
        type.len == 0 || str_eq(type, STR("application")) || str_eq(type, STR("library"));

    return name.len == 0 || str_has_byte(name, '/') || version.len == 0 || !is_type;
}

static void take_urls(struct reading *r, const struct value *v, struct index_entry *e)
{
    const struct value *urls = value_get(v, STR("urls"));

    if (!urls || urls->kind != VALUE_LIST)
        return;
    size_t count = urls->list.count < INDEX_URLS_MAX ? urls->list.count : INDEX_URLS_MAX;
    e->url = arena_array(r->a, struct str, count);
    for (size_t i = 0; i < count; i++)
        e->url[e->url_count++] = arena_dup(r->a, value_str(urls->list.item[i]));
}

static int take_version(struct reading *r, const struct value *v)
{
    struct str version = value_get_str(v, "version");
    struct index_entry e = {0};

    if (is_skipped(v, version) || semver_parse(r->scratch, version, &e.semver, NULL) < 0)
        return 0;
    if (r->out->count == INDEX_VERSIONS_MAX)
        return err_set(r->err, HL_ELIMIT, STR_FMT ": more than %d versions of chart " STR_FMT,
                       STR_ARG(r->name), INDEX_VERSIONS_MAX, STR_ARG(r->chart));
    e.version = arena_dup(r->a, version);
    int rc = semver_parse(r->a, e.version, &e.semver, r->err);
    if (rc < 0)
        return rc;
    e.digest = arena_dup(r->a, value_get_str(v, "digest"));
    e.place = r->out->count;
    take_urls(r, v, &e);
    ARENA_PUSH(r->a, r->out->entry, r->out->count, r->cap, e);
    return 0;
}

static int take_versions(struct reading *r, const struct value *list)
{
    int rc = 0;

    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count && rc == 0; i++)
        rc = take_version(r, list->list.item[i]);
    return rc;
}

/* One version as text: a list of one in YAML, or a JSON object. */
static int take_text(struct reading *r, struct str text, size_t line, bool is_json)
{
    struct value *v = NULL;

    if (text.len > INDEX_ENTRY_BYTES_MAX)
        return err_set(r->err, HL_ELIMIT,
                       STR_FMT ": an entry of chart " STR_FMT " has more than %d bytes",
                       STR_ARG(r->name), STR_ARG(r->chart), INDEX_ENTRY_BYTES_MAX);
    arena_reset(r->scratch);
    int rc = is_json ? json_read(r->scratch, text, r->name, &v, r->err)
                     : yaml_read(r->scratch, text, r->name, &v, r->err);
    if (rc < 0 && r->err && r->err->line > 0)
        r->err->line += (uint32_t)(line - 1);
    if (rc < 0)
        return rc;
    return is_json ? take_version(r, v) : take_versions(r, v);
}

static int note_chart(struct reading *r)
{
    if (r->has_chart)
        return err_set(r->err, HL_EINVAL, STR_FMT ": chart " STR_FMT " is listed twice",
                       STR_ARG(r->name), STR_ARG(r->chart));
    r->has_chart = true;
    return 0;
}

/* ---- block YAML by its lines ---- */

struct lines {
    struct str text;
    size_t next;   /* where the line after the present one starts */
    size_t number; /* of the present line */
    struct str line;
    size_t start;
    size_t indent;
    bool is_over;
};

/* Goes to the next line that is neither blank nor a comment. */
static void advance(struct lines *l)
{
    while (l->next < l->text.len) {
        const char *start = l->text.ptr + l->next;
        const char *end = memchr(start, '\n', l->text.len - l->next);
        size_t len = end ? (size_t)(end - start) : l->text.len - l->next;

        l->start = l->next;
        l->next += len + (end ? 1 : 0);
        l->number++;
        l->line = (struct str){start, len};
        for (l->indent = 0; l->indent < len && start[l->indent] == ' ';)
            l->indent++;
        if (l->indent < len && !strchr("#\r", start[l->indent]))
            return;
    }
    l->start = l->text.len;
    l->line = STR_NONE;
    l->is_over = true;
}

static bool is_item(const struct lines *l)
{
    struct str rest = str_sub(l->line, l->indent, l->line.len);

    return str_eq(rest, STR("-")) || str_eq(rest, STR("-\r")) || str_starts(rest, STR("- "));
}

/* "key: value" apart; false for every other line. A comment is no value. */
static bool key_value(const struct lines *l, struct str *key, struct str *value)
{
    struct str rest = str_sub(l->line, l->indent, l->line.len);
    char quote = rest.len > 0 && (rest.ptr[0] == '"' || rest.ptr[0] == '\'') ? rest.ptr[0] : 0;
    size_t colon = 0;

    if (quote) {
        struct str closing = quote == '"' ? STR("\":") : STR("':");
        colon = str_find(rest, closing, 1);
        *key = str_sub(rest, 1, colon);
        if (colon == SIZE_MAX || str_has_byte(*key, quote) || str_has_byte(*key, '\\'))
            return false;
        colon++;
    } else {
        for (colon = 0; colon < rest.len && rest.ptr[colon] != ':';)
            colon++;
        *key = str_sub(rest, 0, colon);
        if (colon == rest.len || strchr("?&*!|>%@`{[,]}\t-", rest.ptr[0]))
            return false;
    }
    *value = str_trim(str_sub(rest, colon + 1, rest.len));
    bool is_separate = colon + 1 == rest.len || strchr(" \t\r", rest.ptr[colon + 1]);
    if (str_starts(*value, STR("#")))
        *value = STR_NONE;
    return is_separate;
}

static bool is_nothing(struct str value)
{
    return value.len == 0 || str_eq(value, STR("~")) || str_eq(value, STR("null")) ||
           str_eq(value, STR("\"\"")) || str_eq(value, STR("''"));
}

/* To the next line that does not belong to the one at this indentation. */
static void pass_over(struct lines *l, size_t indent)
{
    do
        advance(l);
    while (!l->is_over && (l->indent > indent || (l->indent == indent && is_item(l))));
}

/* The list below "chart:", whose lines are indented by `indent`. */
static int take_chart_lines(struct reading *r, struct lines *l, size_t indent)
{
    advance(l);
    if (l->is_over || l->indent < indent || !is_item(l))
        return l->is_over || l->indent <= indent ? 0 : SHAPE_ODD;
    size_t dash = l->indent;
    while (!l->is_over && l->indent == dash && is_item(l)) {
        size_t start = l->start;
        size_t number = l->number;

        do
            advance(l);
        while (!l->is_over && l->indent > dash);
        int rc = take_text(r, str_sub(l->text, start, l->start), number, false);
        if (rc < 0)
            return rc;
    }
    return l->is_over || l->indent <= indent ? 0 : SHAPE_ODD;
}

static int take_entries_lines(struct reading *r, struct lines *l)
{
    struct str key;
    struct str value;

    advance(l);
    size_t indent = l->indent;
    if (!l->is_over && indent == 0)
        return is_item(l) ? SHAPE_ODD : 0;
    while (!l->is_over && l->indent == indent) {
        if (!key_value(l, &key, &value))
            return SHAPE_ODD;
        if (!str_eq(key, r->chart)) {
            pass_over(l, indent);
            continue;
        }
        int rc = note_chart(r);
        if (rc == 0 && value.len > 0 && !is_nothing(value) && !str_eq(value, STR("[]")))
            rc = SHAPE_ODD;
        if (rc == 0)
            rc = take_chart_lines(r, l, indent);
        if (rc != 0)
            return rc;
    }
    return l->is_over || l->indent == 0 ? 0 : SHAPE_ODD;
}

static bool is_document_mark(const struct lines *l, struct str mark)
{
    return str_starts(l->line, mark) && (l->line.len == 3 || strchr(" \r\t", l->line.ptr[3]));
}

static int read_lines(struct reading *r, struct str bytes)
{
    struct lines l = {.text = bytes};
    struct str key;
    struct str value;
    bool is_first = true;

    for (advance(&l); !l.is_over; is_first = false) {
        if (is_document_mark(&l, STR("---")) && is_first && l.line.len == 3) {
            advance(&l);
            continue;
        }
        if (is_document_mark(&l, STR("---")) || is_document_mark(&l, STR("...")))
            return 0;
        if (l.indent > 0 || !key_value(&l, &key, &value))
            return SHAPE_ODD;
        bool is_entries = str_eq(key, STR("entries"));
        if (str_eq(key, STR("apiVersion")))
            r->has_api_version = !is_nothing(value);
        if (is_entries && value.len > 0 && !is_nothing(value) && !str_eq(value, STR("{}")))
            return SHAPE_ODD;
        if (!is_entries) {
            pass_over(&l, 0);
            continue;
        }
        int rc = take_entries_lines(r, &l);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- JSON by its brackets ---- */

static int take_chart_json(struct reading *r, struct str list)
{
    enum json_step step = JSON_STEP_END;
    struct str rest;
    struct str item;

    int rc = note_chart(r);
    if (rc < 0 || str_eq(list, STR("null")))
        return rc;
    if (!json_enter(list, '[', &rest))
        return SHAPE_ODD;
    while (rc == 0 && (step = json_next(&rest, NULL, &item)) == JSON_STEP_ITEM)
        rc = take_text(r, item, 1, true);
    return rc == 0 && step == JSON_STEP_BROKEN ? SHAPE_ODD : rc;
}

static int take_entries_json(struct reading *r, struct str entries)
{
    enum json_step step = JSON_STEP_END;
    struct str rest;
    struct str key;
    struct str value;
    int rc = 0;

    if (str_eq(entries, STR("null")))
        return 0;
    if (!json_enter(entries, '{', &rest))
        return SHAPE_ODD;
    while (rc == 0 && (step = json_next(&rest, &key, &value)) == JSON_STEP_ITEM) {
        if (str_eq(key, r->chart))
            rc = take_chart_json(r, value);
    }
    return rc == 0 && step == JSON_STEP_BROKEN ? SHAPE_ODD : rc;
}

static int read_json(struct reading *r, struct str bytes)
{
    enum json_step step = JSON_STEP_END;
    struct str rest;
    struct str key;
    struct str value;
    int rc = 0;

    if (!json_enter(bytes, '{', &rest))
        return SHAPE_ODD;
    while (rc == 0 && (step = json_next(&rest, &key, &value)) == JSON_STEP_ITEM) {
        if (str_eq(key, STR("apiVersion")))
            r->has_api_version = !is_nothing(value);
        if (str_eq(key, STR("entries")))
            rc = take_entries_json(r, value);
    }
    return rc == 0 && step == JSON_STEP_BROKEN ? SHAPE_ODD : rc;
}

/* ---- any YAML ---- */

static int read_tree(struct reading *r, struct str bytes)
{
    HL_CLEANUP(arena_freep) struct arena *tree = arena_new();
    struct value *v;

    int rc = yaml_read(tree, bytes, r->name, &v, r->err);
    if (rc < 0)
        return rc;
    const struct member *chart = value_find(value_get(v, STR("entries")), r->chart);
    r->has_api_version = value_get_str(v, "apiVersion").len > 0;
    r->has_chart = chart != NULL;
    return chart ? take_versions(r, chart->value) : 0;
}

static int newest_first(const void *x, const void *y)
{
    const struct index_entry *a = x;
    const struct index_entry *b = y;
    int order = semver_cmp(&b->semver, &a->semver);

    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int read_any(struct reading *r, struct str bytes)
{
    struct index empty = {0};

    int rc = str_starts(str_trim(bytes), STR("{")) ? read_json(r, bytes) : read_lines(r, bytes);
    if (rc != SHAPE_ODD)
        return rc;
    *r->out = empty;
    r->cap = 0;
    r->has_chart = false;
    return read_tree(r, bytes);
}

int index_read(struct arena *a, struct str bytes, struct str name, struct str chart,
               struct index *out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct index found = {0};
    struct reading r = {a, scratch, name, chart, &found, .err = err};

    if (bytes.len > INDEX_BYTES_MAX)
        return err_set(err, HL_ELIMIT, STR_FMT ": larger than %d bytes", STR_ARG(name),
                       INDEX_BYTES_MAX);
    if (str_starts(bytes, STR("\xef\xbb\xbf")))
        bytes = str_sub(bytes, 3, bytes.len);
    if (bytes.len == 0)
        return err_set(err, HL_EINVAL, STR_FMT ": empty index.yaml file", STR_ARG(name));
    int rc = read_any(&r, bytes);
    if (rc < 0)
        return rc;
    if (!r.has_api_version)
        return err_set(err, HL_EINVAL, STR_FMT ": no API version specified", STR_ARG(name));
    if (!r.has_chart)
        return err_set(err, HL_EABSENT, "chart \"" STR_FMT "\" not found in " STR_FMT,
                       STR_ARG(chart), STR_ARG(name));
    if (found.count > 1)
        qsort(found.entry, found.count, sizeof(*found.entry), newest_first);
    *out = found;
    return 0;
}

int index_pick(struct arena *a, const struct index *index, struct str range,
               const struct index_entry **out, struct err *err)
{
    const struct semver_range *wanted;

    int rc = semver_range_parse(a, range.len > 0 ? range : STR("*"), &wanted, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; range.len > 0 && i < index->count; i++) {
        if (str_eq(index->entry[i].version, range)) {
            *out = &index->entry[i];
            return 0;
        }
    }
    for (size_t i = 0; i < index->count; i++) {
        if (semver_range_has(wanted, &index->entry[i].semver)) {
            *out = &index->entry[i];
            return 0;
        }
    }
    return err_set(err, HL_EABSENT, "no version of it satisfies \"" STR_FMT "\"", STR_ARG(range));
}
