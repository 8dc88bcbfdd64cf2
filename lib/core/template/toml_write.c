/* After encode.go: members that are no tables first, then tables, each in the order of its names.
 */
#include <math.h>

#include "core/gostd/float_text.h"
#include "core/template/format.h"
#include "core/template/time.h"
#include "core/template/toml.h"

enum { PATH_MAX_PARTS = DATUM_DEPTH_MAX };

struct writer {
    struct buf *out;
    struct arena *a;
    size_t start;
    size_t bytes_max;
    struct str *error;
    struct str *path; /* of the table that is being written */
    size_t depth;     /* parts of it */
    size_t nested;    /* values in one another */
};

/* What the encoder makes of a Go value. */
enum toml_type { TOML_NIL, TOML_PLAIN, TOML_ARRAY, TOML_TABLES, TOML_TABLE };

static int fail(struct writer *w, struct str text)
{
    *w->error = text;
    return HL_EINVAL;
}

static int check_room(struct writer *w)
{
    if (w->out->len - w->start <= w->bytes_max && w->nested < DATUM_DEPTH_MAX)
        return 0;
    *w->error = STR("toml: too large a document");
    return HL_ELIMIT;
}

/* ---- words ---- */

static void write_quoted(struct buf *out, struct str s)
{
    static const char names[] = "btn\0fr";

    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c >= '\b' && c <= '\r' && c != '\v')
            buf_printf(out, "\\%c", names[c - '\b']);
        else if (c < ' ' || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

static bool is_bare(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return s.len > 0;
}

void toml_write_key(struct buf *out, const struct str *part, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(out, '.');
        if (is_bare(part[i]))
            buf_add(out, part[i]);
        else
            write_quoted(out, part[i]);
    }
}

static void write_float(struct buf *out, double d)
{
    size_t before = out->len;

    if (isnan(d) || isinf(d)) {
        buf_add_cstr(out, signbit(d) ? "-" : "");
        buf_add_cstr(out, isnan(d) ? "nan" : "inf");
        return;
    }
    format_float(out, d, 'g', -1);
    struct str text = {out->ptr + before, out->len - before};
    if (!str_has_byte(text, 'e') && !str_has_byte(text, '.'))
        buf_add_cstr(out, ".0");
}

static void write_time(struct buf *out, const struct moment *m)
{
    static const struct {
        const char *zone;
        const char *layout;
    } local[] = {
        {"datetime-local", "2006-01-02T15:04:05.999999999"},
        {"date-local", "2006-01-02"},
        {"time-local", "15:04:05.999999999"},
    };
    const char *layout = "2006-01-02T15:04:05.999999999Z07:00";

    for (size_t i = 0; i < HL_COUNT(local) && m->is_fixed; i++)
        if (str_eq(str_from(m->abbreviation), str_from(local[i].zone)))
            layout = local[i].layout;
    moment_format(out, m, str_from(layout));
}

/* ---- types ---- */

/* What stands for an object that is no struct; the object itself otherwise. */
static struct datum resolve(struct writer *w, struct datum d)
{
    while (d.type == DATUM_OBJECT && !moment_of(d) && !d.object->class->member &&
           d.object->class->plain)
        d = d.object->class->plain(d.object, w->a);
    return d;
}

static bool is_nil(struct datum d)
{
    return datum_is_absent(d) || (datum_is_slice(d) && !d.list) || (datum_is_map(d) && !d.map);
}

static int type_of(struct writer *w, struct datum d, enum toml_type *out);

static int type_of_slice(struct writer *w, struct datum d, enum toml_type *out)
{
    bool is_tables = datum_count(d) > 0;

    for (size_t i = 0; i < datum_count(d); i++) {
        enum toml_type type;
        int rc = type_of(w, resolve(w, datum_item(d, i)), &type);
        if (rc < 0)
            return rc;
        if (type == TOML_NIL)
            return fail(w, STR("toml: cannot encode array with nil element"));
        is_tables = is_tables && type == TOML_TABLE;
    }
    *out = is_tables ? TOML_TABLES : TOML_ARRAY;
    return 0;
}

static int type_of(struct writer *w, struct datum d, enum toml_type *out)
{
    if (is_nil(d)) {
        *out = TOML_NIL;
        return 0;
    }
    if (d.type == DATUM_COMPLEX)
        return fail(w, STR("unsupported type: complex128"));
    if (datum_is_slice(d)) {
        w->nested++;
        int rc = check_room(w);
        if (rc == 0)
            rc = type_of_slice(w, d, out);
        w->nested--;
        return rc;
    }
    *out = d.type == DATUM_BYTES                                          ? TOML_ARRAY
           : datum_is_map(d) || (d.type == DATUM_OBJECT && !moment_of(d)) ? TOML_TABLE
                                                                          : TOML_PLAIN;
    return 0;
}

/* ---- members of maps and structs ---- */

struct entry {
    struct str key;
    struct datum value;
    bool is_table;
    size_t index; /* of the outermost field */
};

struct entries {
    struct entry *item;
    size_t count;
    size_t cap;
};

static int add_entry(struct writer *w, struct entries *e, struct str key, struct datum value,
                     size_t index)
{
    enum toml_type type;
    struct datum d = resolve(w, value);
    int rc = type_of(w, d, &type);

    if (rc == 0)
        ARENA_PUSH(w->a, e->item, e->count, e->cap,
                   ((struct entry){key, d, type == TOML_TABLE || type == TOML_TABLES, index}));
    return rc;
}

static int add_members(struct writer *w, struct entries *e, const struct datum_object *o,
                       size_t outer)
{
    struct datum_member m;
    int rc = 0;

    for (size_t i = 0; rc == 0 && o->class->member && o->class->member(o, i, &m); i++) {
        size_t index = outer == SIZE_MAX ? i : outer;
        if (m.is_embedded && m.value.type == DATUM_OBJECT)
            rc = add_members(w, e, m.value.object, index);
        else
            rc = add_entry(w, e, m.name, m.value, index);
    }
    return rc;
}

static int list_entries(struct writer *w, struct datum d, struct entries *out)
{
    int rc = 0;

    if (d.type == DATUM_OBJECT)
        return add_members(w, out, d.object, SIZE_MAX);
    for (size_t i = 0; rc == 0 && i < datum_count(d); i++)
        rc = add_entry(w, out, d.map->entry[i].key, d.map->entry[i].value, i);
    return rc;
}

/* ---- values on one line ---- */

static int write_element(struct writer *w, struct datum d);

static int write_array(struct writer *w, struct datum d)
{
    int rc = 0;

    buf_add_byte(w->out, '[');
    for (size_t i = 0; rc == 0 && i < datum_count(d); i++) {
        if (i > 0)
            buf_add_cstr(w->out, ", ");
        rc = write_element(w, resolve(w, datum_item(d, i)));
    }
    buf_add_byte(w->out, ']');
    return rc;
}

/* The library's own idea of where commas go: behind a map's value unless it is the last of all (or
 * the last that is no table when there are tables), even if what follows is nil; behind a struct's
 * unless its field is the last by number. */
static int write_inline(struct writer *w, struct datum d)
{
    struct entries e = {0};
    size_t table_count = 0;
    size_t seen[2] = {0};
    int rc = list_entries(w, d, &e);

    for (size_t i = 0; i < e.count; i++)
        table_count += e.item[i].is_table;
    buf_add_byte(w->out, '{');
    for (int tables = 0; tables < 2; tables++) {
        size_t of_kind = tables ? table_count : e.count - table_count;
        for (size_t i = 0; rc == 0 && i < e.count; i++) {
            const struct entry *entry = &e.item[i];
            if (entry->is_table != (tables == 1))
                continue;
            seen[tables]++;
            if (is_nil(entry->value))
                continue;
            toml_write_key(w->out, &entry->key, 1);
            buf_add_cstr(w->out, " = ");
            rc = write_element(w, entry->value);
            bool is_last = d.type == DATUM_OBJECT
                               ? entry->index == e.count - 1
                               : seen[tables] == of_kind && (tables || table_count == 0);
            buf_add_cstr(w->out, is_last ? "" : ", ");
        }
    }
    buf_add_byte(w->out, '}');
    return rc;
}

static int write_nested(struct writer *w, struct datum d)
{
    int rc;

    w->nested++;
    rc = check_room(w);
    if (rc == 0)
        rc = datum_is_slice(d) || d.type == DATUM_BYTES ? write_array(w, d) : write_inline(w, d);
    w->nested--;
    return rc;
}

static int write_element(struct writer *w, struct datum d)
{
    switch ((enum datum_type)d.type) {
    case DATUM_STRING:
        write_quoted(w->out, datum_str(d));
        return check_room(w);
    case DATUM_BOOL:
        buf_add_cstr(w->out, d.boolean ? "true" : "false");
        return 0;
    case DATUM_INT:
    case DATUM_INT64:
        buf_printf(w->out, "%lld", (long long)d.integer);
        return 0;
    case DATUM_UINT8:
    case DATUM_UINT64:
        buf_printf(w->out, "%llu", (unsigned long long)d.unsigned_integer);
        return 0;
    case DATUM_FLOAT64:
        write_float(w->out, d.number);
        return 0;
    case DATUM_DURATION: {
        HL_CLEANUP(buf_deinit) struct buf text = {0};
        format_print(&text, &d, 1);
        write_quoted(w->out, buf_str(&text));
        return 0;
    }
    case DATUM_COMPLEX:
        return fail(w, STR("unexpected type: complex128"));
    default:
        break;
    }
    if (d.type == DATUM_OBJECT && moment_of(d)) {
        write_time(w->out, moment_of(d));
        return 0;
    }
    return write_nested(w, d);
}

/* ---- tables ---- */

static void new_line(struct writer *w)
{
    if (w->out->len > w->start)
        buf_add_byte(w->out, '\n');
}

static void indent(struct writer *w)
{
    for (size_t i = 1; i < w->depth; i++)
        buf_add_cstr(w->out, "  ");
}

static int write_value(struct writer *w, struct datum d);

static int write_entries(struct writer *w, const struct entries *e, bool tables)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < e->count; i++) {
        if (e->item[i].is_table != tables || is_nil(e->item[i].value))
            continue;
        w->path[w->depth++] = e->item[i].key;
        rc = check_room(w);
        if (rc == 0)
            rc = write_value(w, e->item[i].value);
        w->depth--;
    }
    return rc;
}

static int write_members(struct writer *w, struct datum d)
{
    struct entries e = {0};
    int rc = list_entries(w, d, &e);

    if (rc == 0)
        rc = write_entries(w, &e, false);
    return rc == 0 ? write_entries(w, &e, true) : rc;
}

static void write_head(struct writer *w, const char *open, const char *close)
{
    indent(w);
    buf_add_cstr(w->out, open);
    toml_write_key(w->out, w->path, w->depth);
    buf_add_cstr(w->out, close);
    new_line(w);
}

static int write_table(struct writer *w, struct datum d)
{
    if (w->depth == 1)
        new_line(w);
    if (w->depth > 0)
        write_head(w, "[", "]");
    return write_members(w, d);
}

static int write_tables(struct writer *w, struct datum d)
{
    int rc = 0;

    if (w->depth == 0)
        return fail(w, STR("toml: top-level values must be Go maps or structs"));
    for (size_t i = 0; rc == 0 && i < datum_count(d); i++) {
        new_line(w);
        write_head(w, "[[", "]]");
        rc = write_members(w, resolve(w, datum_item(d, i)));
    }
    return rc;
}

static int write_value(struct writer *w, struct datum d)
{
    enum toml_type type;

    if (w->depth == 0 && d.type == DATUM_COMPLEX)
        return fail(w, STR("unsupported type for key '': complex128"));
    int rc = type_of(w, d, &type);
    if (rc < 0 || (type == TOML_NIL && !datum_is_slice(d)))
        return rc;
    if (type == TOML_TABLES || type == TOML_TABLE) {
        if (w->depth == PATH_MAX_PARTS)
            return HL_ELIMIT;
        w->nested++;
        rc = type == TOML_TABLE ? write_table(w, d) : write_tables(w, d);
        w->nested--;
        return rc;
    }
    if (w->depth > 0) {
        indent(w);
        toml_write_key(w->out, &w->path[w->depth - 1], 1);
        buf_add_cstr(w->out, " = ");
    }
    rc = write_element(w, d);
    if (w->depth > 0)
        new_line(w);
    return rc;
}

int toml_write(struct buf *out, struct arena *a, struct datum d, size_t bytes_max,
               struct str *out_error)
{
    struct writer w = {.out = out,
                       .a = a,
                       .start = out->len,
                       .bytes_max = bytes_max,
                       .error = out_error,
                       .path = arena_array(a, struct str, PATH_MAX_PARTS + 1)};

    int rc = write_value(&w, resolve(&w, d));
    return rc == 0 ? check_room(&w) : rc;
}
