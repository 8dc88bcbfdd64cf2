/* One pass in, one pass out; errors are those that Go's scanner would give first. */
#include "core/template/json_go.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "core/gostd/float_text.h"
#include "core/gostd/literal.h"
#include "core/gostd/unicode.h"

/* ---- writing ---- */

struct writer {
    struct arena *a;
    struct buf *out;
    enum json_go_form form;
    struct err *err;
};

static int write_datum(struct writer *w, struct datum d, int depth);

static void write_rune(struct writer *w, uint32_t r)
{
    static const char named[] = "\b\b\f\f\n\n\r\r\t\t\"\"\\\\";
    bool is_html = r == '<' || r == '>' || r == '&';

    if (r == '\b' || r == '\f' || r == '\n' || r == '\r' || r == '\t' || r == '"' || r == '\\') {
        const char *letters = "bfnrt\"\\";
        size_t at = (size_t)(strchr(named, (int)r) - named) / 2;
        buf_add_byte(w->out, '\\');
        buf_add_byte(w->out, letters[at]);
        return;
    }
    if (r < ' ' || r == 0x2028 || r == 0x2029 || (is_html && w->form != JSON_GO_RAW))
        buf_printf(w->out, "\\u%04x", r);
    else
        buf_add_rune(w->out, r);
}

static bool is_plain(char c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void write_string(struct writer *w, struct str s)
{
    buf_add_byte(w->out, '"');
    for (size_t at = 0; at < s.len;) {
        size_t end = at;
        size_t len;
        while (end < s.len && is_plain(s.ptr[end]))
            end++;
        buf_add(w->out, str_sub(s, at, end));
        at = end;
        if (at == s.len)
            break;
        uint32_t r = rune_at(s, at, &len);
        if (r == RUNE_ERROR && len == 1)
            buf_add_cstr(w->out, "\\ufffd");
        else
            write_rune(w, r);
        at += len;
    }
    buf_add_byte(w->out, '"');
}

/* 'f' unless the exponent is below -6 or above 20; then 'e', without a zero before one digit. */
static int write_float(struct writer *w, double d)
{
    double size = fabs(d);

    if (!isfinite(d))
        return err_set(w->err, HL_EINVAL, "json: unsupported value: %s",
                       isnan(d) ? "NaN"
                       : d > 0  ? "+Inf"
                                : "-Inf");
    if (d == 0.0 || (size >= 1e-6 && size < 1e21)) {
        format_float(w->out, d, 'f', -1);
        return 0;
    }
    format_float(w->out, d, 'e', -1);
    size_t len = w->out->len;
    if (len >= 4 && w->out->ptr[len - 2] == '0' && w->out->ptr[len - 3] == '-') {
        w->out->ptr[len - 2] = w->out->ptr[len - 1];
        w->out->len--;
    }
    return 0;
}

static void new_line(struct writer *w, int depth)
{
    if (w->form != JSON_GO_PRETTY)
        return;
    buf_add_byte(w->out, '\n');
    for (int i = 0; i < depth; i++)
        buf_add_cstr(w->out, "  ");
}

static void write_key(struct writer *w, struct str key, bool is_first, int depth)
{
    if (!is_first)
        buf_add_byte(w->out, ',');
    new_line(w, depth);
    write_string(w, key);
    buf_add_cstr(w->out, w->form == JSON_GO_PRETTY ? ": " : ":");
}

static int write_list(struct writer *w, struct datum d, int depth)
{
    size_t count = datum_count(d);

    buf_add_byte(w->out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(w->out, ',');
        new_line(w, depth + 1);
        int rc = write_datum(w, datum_item(d, i), depth + 1);
        if (rc < 0)
            return rc;
    }
    if (count > 0)
        new_line(w, depth);
    buf_add_byte(w->out, ']');
    return 0;
}

static int write_map(struct writer *w, struct datum d, int depth)
{
    size_t count = datum_count(d);

    buf_add_byte(w->out, '{');
    for (size_t i = 0; i < count; i++) {
        write_key(w, d.map->entry[i].key, i == 0, depth + 1);
        int rc = write_datum(w, d.map->entry[i].value, depth + 1);
        if (rc < 0)
            return rc;
    }
    if (count > 0)
        new_line(w, depth);
    buf_add_byte(w->out, '}');
    return 0;
}

static int write_members(struct writer *w, const struct datum_object *o, bool *is_first, int depth)
{
    struct datum_member m;

    for (size_t i = 0; o->class->member && o->class->member(o, i, &m); i++) {
        int rc = 0;
        if (m.is_embedded) {
            rc = write_members(w, m.value.object, is_first, depth);
        } else if (!m.is_left_out) {
            write_key(w, m.json, *is_first, depth + 1);
            *is_first = false;
            rc = write_datum(w, m.value, depth + 1);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_object(struct writer *w, const struct datum_object *o, int depth)
{
    bool is_first = true;

    if (o->class->plain)
        return write_datum(w, o->class->plain(o, w->a), depth);
    buf_add_byte(w->out, '{');
    int rc = write_members(w, o, &is_first, depth);
    if (rc < 0)
        return rc;
    if (!is_first)
        new_line(w, depth);
    buf_add_byte(w->out, '}');
    return 0;
}

static int write_datum(struct writer *w, struct datum d, int depth)
{
    if (depth > DATUM_DEPTH_MAX)
        return err_set(w->err, HL_ELIMIT, "more than %d collections in one another",
                       DATUM_DEPTH_MAX);
    switch ((enum datum_type)d.type) {
    case DATUM_INVALID:
    case DATUM_NIL:
        buf_add_cstr(w->out, "null");
        return 0;
    case DATUM_BOOL:
        buf_add_cstr(w->out, d.boolean ? "true" : "false");
        return 0;
    case DATUM_STRING:
        write_string(w, datum_str(d));
        return 0;
    case DATUM_BYTES:
        write_string(w, base64_encode(w->a, datum_str(d)));
        return 0;
    case DATUM_INT:
    case DATUM_INT64:
    case DATUM_DURATION:
        buf_printf(w->out, "%lld", (long long)d.integer);
        return 0;
    case DATUM_UINT8:
    case DATUM_UINT64:
        buf_printf(w->out, "%llu", (unsigned long long)d.unsigned_integer);
        return 0;
    case DATUM_FLOAT64:
        return write_float(w, d.number);
    case DATUM_COMPLEX:
        return err_set(w->err, HL_EINVAL, "json: unsupported type: complex128");
    case DATUM_OBJECT:
        return write_object(w, d.object, depth);
    default:
        break;
    }
    if (!d.map) {
        buf_add_cstr(w->out, "null");
        return 0;
    }
    return datum_is_map(d) ? write_map(w, d, depth) : write_list(w, d, depth);
}

int json_go_write(struct arena *a, struct buf *out, struct datum d, enum json_go_form form,
                  struct err *err)
{
    struct writer w = {a, out, form, err};
    size_t mark = out->len;
    int rc = write_datum(&w, d, 0);

    if (rc < 0)
        out->len = mark;
    else
        datum_mark_read(d);
    return rc;
}

/* ---- reading ---- */

struct reader {
    struct arena *a;
    struct str text;
    size_t at;
    struct err *err;
    struct str too_large; /* the first number that float64 cannot hold */
};

static int read_datum(struct reader *r, struct datum *out, int depth);

/* "invalid character 'x' CONTEXT", or the end of the text. */
static int refuse(struct reader *r, const char *context)
{
    HL_CLEANUP(buf_deinit) struct buf shown = {0};
    char c = r->at < r->text.len ? r->text.ptr[r->at] : '\0';

    if (r->at >= r->text.len)
        return err_set(r->err, HL_EINVAL, "unexpected end of JSON input");
    if (c == '\'') {
        buf_add_cstr(&shown, "'\\''");
    } else if (c == '"') {
        buf_add_cstr(&shown, "'\"'");
    } else {
        char rune[RUNE_BYTES_MAX]; /* Go takes the byte for a rune */
        size_t len = rune_put((unsigned char)c, rune);
        literal_quote(&shown, (struct str){rune, len}, false);
        shown.ptr[0] = shown.ptr[shown.len - 1] = '\'';
    }
    return err_set(r->err, HL_EINVAL, "invalid character " STR_FMT " %s", STR_ARG(buf_str(&shown)),
                   context);
}

static char skip_blanks(struct reader *r)
{
    while (r->at < r->text.len && r->text.ptr[r->at] && strchr(" \t\r\n", r->text.ptr[r->at]))
        r->at++;
    return r->at < r->text.len ? r->text.ptr[r->at] : '\0';
}

static char byte_at(const struct reader *r)
{
    return r->at < r->text.len ? r->text.ptr[r->at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \u; the reader stands on the first. */
static int read_unit(struct reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int value = r->at < r->text.len ? hex_value(r->text.ptr[r->at]) : -1;
        if (value < 0)
            return refuse(r, "in \\u hexadecimal character escape");
        *out = *out << 4 | (uint32_t)value;
    }
    return 0;
}

static int read_unicode(struct reader *r, struct buf *out)
{
    uint32_t unit;
    uint32_t low;
    int rc = read_unit(r, &unit);

    if (rc < 0)
        return rc;
    bool has_second = unit >= 0xd800 && unit < 0xdc00 && r->text.len - r->at >= 6 &&
                      r->text.ptr[r->at] == '\\' && r->text.ptr[r->at + 1] == 'u';
    if (has_second) {
        size_t before = r->at;
        r->at += 2;
        rc = read_unit(r, &low);
        if (rc < 0)
            return rc;
        if (low >= 0xdc00 && low < 0xe000)
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        else
            r->at = before;
    }
    buf_add_rune(out, unit); /* a surrogate becomes U+FFFD */
    return 0;
}

static int read_escape(struct reader *r, struct buf *out)
{
    static const char named[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
    char c = byte_at(r);

    if (c == 'u') {
        r->at++;
        return read_unicode(r, out);
    }
    for (const char *n = named; *n; n += 2) {
        if (*n == c && r->at < r->text.len) {
            buf_add_byte(out, n[1]);
            r->at++;
            return 0;
        }
    }
    return refuse(r, "in string escape code");
}

/* The reader stands behind the quote. */
static int read_string(struct reader *r, struct str *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (;;) {
        size_t from = r->at;
        while (r->at < r->text.len && is_plain(r->text.ptr[r->at]))
            r->at++;
        buf_add(&text, str_sub(r->text, from, r->at));
        if (r->at >= r->text.len)
            return refuse(r, "in string literal");
        char c = r->text.ptr[r->at];
        size_t len = 1;
        int rc = 0;
        if (c == '"')
            break;
        if (c == '\\') {
            r->at++;
            rc = read_escape(r, &text);
        } else if ((unsigned char)c < ' ') {
            rc = refuse(r, "in string literal");
        } else {
            buf_add_rune(&text, rune_at(r->text, r->at, &len));
            r->at += len;
        }
        if (rc < 0)
            return rc;
    }
    r->at++;
    *out = arena_dup(r->a, buf_str(&text));
    return 0;
}

static int read_digits(struct reader *r, const char *context)
{
    if (!is_digit(byte_at(r)))
        return refuse(r, context);
    while (is_digit(byte_at(r)))
        r->at++;
    return 0;
}

static int read_number(struct reader *r, struct datum *out)
{
    size_t from = r->at;
    int rc = 0;

    r->at += byte_at(r) == '-';
    if (byte_at(r) == '0')
        r->at++;
    else
        rc = read_digits(r, "in numeric literal");
    if (rc == 0 && byte_at(r) == '.') {
        r->at++;
        rc = read_digits(r, "after decimal point in numeric literal");
    }
    if (rc == 0 && (byte_at(r) | 0x20) == 'e') {
        r->at++;
        r->at += byte_at(r) == '+' || byte_at(r) == '-';
        rc = read_digits(r, "in exponent of numeric literal");
    }
    if (rc < 0)
        return rc;
    struct str text = str_sub(r->text, from, r->at);
    double d = 0.0;
    if (!literal_float(text, &d) && r->too_large.len == 0)
        r->too_large = text;
    *out = datum_float(d);
    return 0;
}

static int read_word(struct reader *r, const char *word, struct datum value, struct datum *out)
{
    char context[64];

    for (const char *c = word; *c; c++, r->at++) {
        if (byte_at(r) != *c || r->at >= r->text.len) {
            snprintf(context, sizeof(context), "in literal %s (expecting '%c')", word, *c);
            return refuse(r, context);
        }
    }
    *out = value;
    return 0;
}

static int read_list(struct reader *r, struct datum *out, int depth)
{
    struct datum *item = NULL;
    size_t count = 0;
    size_t cap = 0;

    if (skip_blanks(r) == ']') {
        r->at++;
        *out = datum_of_list(DATUM_LIST, datum_list_new(r->a, 0));
        return 0;
    }
    for (;;) {
        struct datum d;
        int rc = read_datum(r, &d, depth + 1);
        if (rc < 0)
            return rc;
        ARENA_PUSH(r->a, item, count, cap, d);
        char c = skip_blanks(r);
        if (c != ',' && c != ']')
            return refuse(r, "after array element");
        r->at++;
        if (c == ']')
            break;
    }
    struct datum_list *list = datum_list_new(r->a, count);
    memcpy(list->item, item, count * sizeof(*item));
    *out = datum_of_list(DATUM_LIST, list);
    return 0;
}

static int read_map(struct reader *r, struct datum *out, int depth)
{
    struct datum_map *m = datum_map_new(r->a);

    *out = datum_of_map(m);
    if (skip_blanks(r) == '}') {
        r->at++;
        return 0;
    }
    for (;;) {
        struct str key;
        struct datum d;
        if (skip_blanks(r) != '"')
            return refuse(r, "looking for beginning of object key string");
        r->at++;
        int rc = read_string(r, &key);
        if (rc < 0)
            return rc;
        if (skip_blanks(r) != ':')
            return refuse(r, "after object key");
        r->at++;
        rc = read_datum(r, &d, depth + 1);
        if (rc < 0)
            return rc;
        datum_map_set(r->a, m, key, d);
        char c = skip_blanks(r);
        if (c != ',' && c != '}')
            return refuse(r, "after object key:value pair");
        r->at++;
        if (c == '}')
            return 0;
    }
}

static int read_datum(struct reader *r, struct datum *out, int depth)
{
    char c = skip_blanks(r);
    struct str s;

    if (depth > DATUM_DEPTH_MAX)
        return err_set(r->err, HL_ELIMIT, "exceeded max depth");
    if (c == '-' || is_digit(c))
        return read_number(r, out);
    switch (c) {
    case '{':
        r->at++;
        return read_map(r, out, depth);
    case '[':
        r->at++;
        return read_list(r, out, depth);
    case '"': {
        r->at++;
        int rc = read_string(r, &s);
        if (rc == 0)
            *out = datum_string(s);
        return rc;
    }
    case 't':
        return read_word(r, "true", datum_bool(true), out);
    case 'f':
        return read_word(r, "false", datum_bool(false), out);
    case 'n':
        return read_word(r, "null", datum_nil(), out);
    default:
        return refuse(r, "looking for beginning of value");
    }
}

static bool is_mismatch(const char *what, enum json_go_target target, struct err *err)
{
    const char *fit = target == JSON_GO_MAP ? "object" : "array";

    if (target == JSON_GO_ANY || !what || strcmp(what, fit) == 0)
        return false;
    err_set(err, HL_EINVAL, "json: cannot unmarshal %s into Go value of type %s", what,
            target == JSON_GO_MAP ? "map[string]interface {}" : "[]interface {}");
    return true;
}

bool json_go_mismatch(const struct value *v, enum json_go_target target, struct err *err)
{
    static const char *const what[] = {
        [VALUE_NULL] = NULL,     [VALUE_BOOL] = "bool",    [VALUE_INT] = "number",
        [VALUE_UINT] = "number", [VALUE_FLOAT] = "number", [VALUE_STRING] = "string",
        [VALUE_LIST] = "array",  [VALUE_MAP] = "object"};

    return is_mismatch(what[v->kind], target, err);
}

static const char *json_name(struct datum d)
{
    switch (d.type) {
    case DATUM_NIL:
        return NULL;
    case DATUM_BOOL:
        return "bool";
    case DATUM_STRING:
        return "string";
    case DATUM_LIST:
        return "array";
    case DATUM_MAP:
        return "object";
    default:
        return "number";
    }
}

int json_go_read(struct arena *a, struct str text, enum json_go_target target, struct datum *out,
                 struct err *err)
{
    struct reader r = {.a = a, .text = text, .err = err};
    struct datum d;
    int rc = read_datum(&r, &d, 0);

    if (rc < 0)
        return rc;
    skip_blanks(&r);
    if (r.at < text.len)
        return refuse(&r, "after top-level value");
    if (is_mismatch(json_name(d), target, err))
        return HL_EINVAL;
    if (r.too_large.len > 0)
        return err_set(err, HL_EINVAL,
                       "json: cannot unmarshal number " STR_FMT " into Go value of type float64",
                       STR_ARG(str_sub(r.too_large, 0, 100)));
    *out = d;
    return 0;
}
