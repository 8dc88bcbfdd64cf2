/* text/template's own functions, after funcs.go. `and` and `or` are the evaluator's. */
#include "core/template/func.h"

#include <string.h>

#include "core/template/format.h"
#include "core/gostd/unicode.h"

static struct str type_of(struct call *c, struct datum d)
{
    return datum_type_name(c->a, d);
}

/* ---- index, slice, len ---- */

static int index_of(struct call *c, struct datum i, size_t cap, size_t *out)
{
    if (datum_is_absent(i))
        return call_fail(c, "cannot index slice/array with nil");
    if (!datum_is_int(i) && !datum_is_uint(i))
        return call_fail(c, "cannot index slice/array with type " STR_FMT, STR_ARG(type_of(c, i)));
    if (i.integer < 0 || (uint64_t)i.integer > cap)
        return call_fail(c, "index out of range: %lld", (long long)i.integer);
    *out = (size_t)i.integer;
    return 0;
}

static int index_sequence(struct call *c, struct datum i, struct datum *item)
{
    size_t count = datum_count(*item);
    size_t at;
    int rc = index_of(c, i, count, &at);

    if (rc < 0)
        return rc;
    if (at == count)
        return call_fail(c, item->type == DATUM_STRING ? "reflect: string index out of range"
                                                       : "reflect: slice index out of range");
    if (item->type == DATUM_STRING)
        item->type = DATUM_BYTES;
    *item = datum_item(*item, at);
    return 0;
}

static int index_map(struct call *c, struct datum key, struct datum *item)
{
    if (datum_is_absent(key))
        return call_fail(c, "value is nil; should be of type string");
    if (key.type != DATUM_STRING)
        return call_fail(c, "value has type " STR_FMT "; should be string",
                         STR_ARG(type_of(c, key)));
    struct datum_entry *e = datum_map_find(item->map, datum_str(key));
    bool is_text = item->type == DATUM_STRING_MAP;
    if (e) {
        e->is_read = true;
        *item = e->value;
        item->is_interface = !is_text;
        return 0;
    }
    *item = is_text ? datum_string(STR("")) : datum_nil();
    return 0;
}

static int call_index(struct call *c)
{
    struct datum item = c->arg[0];

    if (datum_is_absent(item))
        return call_fail(c, "index of untyped nil");
    for (size_t i = 1; i < c->count; i++) {
        int rc;
        if (datum_is_absent(item))
            return call_fail(c, "index of nil pointer");
        if (datum_is_map(item))
            rc = index_map(c, c->arg[i], &item);
        else if (datum_is_slice(item) || item.type == DATUM_STRING || item.type == DATUM_BYTES)
            rc = index_sequence(c, c->arg[i], &item);
        else
            rc = call_fail(c, "can't index item of type " STR_FMT, STR_ARG(type_of(c, item)));
        if (rc < 0)
            return rc;
    }
    return call_return(c, item);
}

static int call_slice(struct call *c)
{
    struct datum item = c->arg[0];
    size_t at[3] = {0};

    if (datum_is_absent(item))
        return call_fail(c, "slice of untyped nil");
    if (c->count > 4)
        return call_fail(c, "too many slice indexes: %zu", c->count - 1);
    if (item.type == DATUM_STRING && c->count == 4)
        return call_fail(c, "cannot 3-index slice a string");
    if (!datum_is_slice(item) && item.type != DATUM_STRING && item.type != DATUM_BYTES)
        return call_fail(c, "can't slice item of type " STR_FMT, STR_ARG(type_of(c, item)));
    at[1] = datum_count(item);
    for (size_t i = 1; i < c->count; i++) {
        int rc = index_of(c, c->arg[i], datum_count(item), &at[i - 1]);
        if (rc < 0)
            return rc;
    }
    if (at[0] > at[1])
        return call_fail(c, "invalid slice index: %zu > %zu", at[0], at[1]);
    if (c->count == 4 && at[1] > at[2])
        return call_fail(c, "invalid slice index: %zu > %zu", at[1], at[2]);
    if (!datum_is_slice(item)) {
        item.bytes += at[0];
        item.len = (uint32_t)(at[1] - at[0]);
        return call_return(c, item);
    }
    struct datum_list *list = datum_list_new(c->a, at[1] - at[0]);
    for (size_t i = 0; i < list->count; i++)
        list->item[i] = item.list->item[at[0] + i];
    return call_return(c, datum_of_list(item.type, list));
}

static int call_len(struct call *c)
{
    struct datum d = c->arg[0];

    if (d.type == DATUM_NIL)
        return call_fail(c, "len of nil pointer");
    if (d.type == DATUM_INVALID)
        return call_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    if (!datum_is_slice(d) && !datum_is_map(d) && d.type != DATUM_STRING && d.type != DATUM_BYTES)
        return call_fail(c, "len of type " STR_FMT, STR_ARG(type_of(c, d)));
    return call_return(c, datum_int((int64_t)datum_count(d)));
}

/* ---- truth and comparison ---- */

static int call_not(struct call *c)
{
    return call_return(c, datum_bool(!datum_truth(c->arg[0])));
}

enum basic { BASIC_NONE, BASIC_BOOL, BASIC_INT, BASIC_UINT, BASIC_FLOAT, BASIC_STRING };

static enum basic basic_kind(struct datum d)
{
    if (datum_is_int(d))
        return BASIC_INT;
    if (datum_is_uint(d))
        return BASIC_UINT;
    switch (d.type) {
    case DATUM_BOOL:
        return BASIC_BOOL;
    case DATUM_FLOAT64:
        return BASIC_FLOAT;
    case DATUM_STRING:
        return BASIC_STRING;
    default:
        return BASIC_NONE;
    }
}

static bool same_int_uint(int64_t i, uint64_t u)
{
    return i >= 0 && (uint64_t)i == u;
}

static int incompatible(struct call *c, struct datum a, struct datum b)
{
    return call_fail(c, "incompatible types for comparison: " STR_FMT " and " STR_FMT,
                     STR_ARG(type_of(c, a)), STR_ARG(type_of(c, b)));
}

static bool is_nil(struct datum d)
{
    return datum_is_absent(d) || ((datum_is_slice(d) || datum_is_map(d)) && !d.map);
}

static int same_others(struct call *c, struct datum a, struct datum b, bool *out)
{
    bool has_kinds = !datum_is_absent(a) && !datum_is_absent(b);

    if (has_kinds && strcmp(datum_kind_name(a), datum_kind_name(b)) != 0)
        return call_fail(c, "non-comparable types: " STR_FMT ", " STR_FMT, STR_ARG(type_of(c, a)),
                         STR_ARG(type_of(c, b)));
    if (is_nil(a) || is_nil(b)) {
        *out = is_nil(a) == is_nil(b);
        return 0;
    }
    if (b.type != DATUM_OBJECT)
        return call_fail(c, "non-comparable type: " STR_FMT, STR_ARG(type_of(c, b)));
    *out = a.object == b.object;
    return 0;
}

static int same(struct call *c, struct datum a, struct datum b, bool *out)
{
    enum basic kind = basic_kind(a);
    enum basic other = basic_kind(b);

    *out = false;
    if (kind == BASIC_INT && other == BASIC_UINT)
        *out = same_int_uint(a.integer, b.unsigned_integer);
    else if (kind == BASIC_UINT && other == BASIC_INT)
        *out = same_int_uint(b.integer, a.unsigned_integer);
    else if (kind != other)
        return datum_is_absent(a) || datum_is_absent(b) ? 0 : incompatible(c, a, b);
    else if (kind == BASIC_NONE)
        return same_others(c, a, b, out);
    else if (kind == BASIC_BOOL)
        *out = a.boolean == b.boolean;
    else if (kind == BASIC_FLOAT)
        *out = a.number == b.number;
    else if (kind == BASIC_STRING)
        *out = str_eq(datum_str(a), datum_str(b));
    else
        *out = a.integer == b.integer;
    return 0;
}

static int call_eq(struct call *c)
{
    bool is_same = false;

    if (c->count == 1)
        return call_fail(c, "missing argument for comparison");
    for (size_t i = 1; i < c->count && !is_same; i++) {
        int rc = same(c, c->arg[0], c->arg[i], &is_same);
        if (rc < 0)
            return rc;
    }
    return call_return(c, datum_bool(is_same));
}

static int call_ne(struct call *c)
{
    bool is_same;
    int rc = same(c, c->arg[0], c->arg[1], &is_same);

    return rc < 0 ? rc : call_return(c, datum_bool(!is_same));
}

static int is_less(struct call *c, bool *out)
{
    struct datum a = c->arg[0];
    struct datum b = c->arg[1];
    enum basic kind = basic_kind(a);
    enum basic other = basic_kind(b);

    if (kind == BASIC_NONE || other == BASIC_NONE)
        return call_fail(c, "invalid type for comparison");
    if (kind == BASIC_INT && other == BASIC_UINT)
        *out = a.integer < 0 || (uint64_t)a.integer < b.unsigned_integer;
    else if (kind == BASIC_UINT && other == BASIC_INT)
        *out = b.integer >= 0 && a.unsigned_integer < (uint64_t)b.integer;
    else if (kind != other)
        return incompatible(c, a, b);
    else if (kind == BASIC_BOOL)
        return call_fail(c, "invalid type for comparison");
    else if (kind == BASIC_FLOAT)
        *out = a.number < b.number;
    else if (kind == BASIC_INT)
        *out = a.integer < b.integer;
    else if (kind == BASIC_UINT)
        *out = a.unsigned_integer < b.unsigned_integer;
    else
        *out = str_cmp(datum_str(a), datum_str(b)) < 0;
    return 0;
}

static int is_less_or_same(struct call *c, bool *out)
{
    int rc = is_less(c, out);

    return rc < 0 || *out ? rc : same(c, c->arg[0], c->arg[1], out);
}

static int call_lt(struct call *c)
{
    bool is_true;
    int rc = is_less(c, &is_true);

    return rc < 0 ? rc : call_return(c, datum_bool(is_true));
}

static int call_le(struct call *c)
{
    bool is_true;
    int rc = is_less_or_same(c, &is_true);

    return rc < 0 ? rc : call_return(c, datum_bool(is_true));
}

static int call_gt(struct call *c)
{
    bool is_true;
    int rc = is_less_or_same(c, &is_true);

    return rc < 0 ? rc : call_return(c, datum_bool(!is_true));
}

static int call_ge(struct call *c)
{
    bool is_true;
    int rc = is_less(c, &is_true);

    return rc < 0 ? rc : call_return(c, datum_bool(!is_true));
}

/* ---- printing and escaping ---- */

static void mark_all_read(struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        datum_mark_read(c->arg[i]);
}

static int call_print(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    mark_all_read(c);
    format_print(&text, c->arg, c->count);
    return call_return_buf(c, &text);
}

static int call_println(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    mark_all_read(c);
    format_println(&text, c->arg, c->count);
    return call_return_buf(c, &text);
}

static int call_printf(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    mark_all_read(c);
    format_printf(&text, call_str(c, 0), c->arg + 1, c->count - 1);
    return call_return_buf(c, &text);
}

/* evalArgs: a lone string as it is, anything else as print has it. */
static struct str text_of_args(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (c->count == 1 && c->arg[0].type == DATUM_STRING)
        return call_str(c, 0);
    struct datum *arg = arena_array(c->a, struct datum, c->count + 1);
    for (size_t i = 0; i < c->count; i++)
        arg[i] = datum_is_absent(c->arg[i]) ? datum_string(STR("<no value>")) : c->arg[i];
    format_print(&text, arg, c->count);
    return arena_dup(c->a, buf_str(&text));
}

static int call_html(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = text_of_args(c);

    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '\0':
            buf_add_cstr(&out, "\xef\xbf\xbd");
            break;
        case '"':
            buf_add_cstr(&out, "&#34;");
            break;
        case '\'':
            buf_add_cstr(&out, "&#39;");
            break;
        case '&':
            buf_add_cstr(&out, "&amp;");
            break;
        case '<':
            buf_add_cstr(&out, "&lt;");
            break;
        case '>':
            buf_add_cstr(&out, "&gt;");
            break;
        default:
            buf_add_byte(&out, s.ptr[i]);
        }
    }
    return call_return_buf(c, &out);
}

static void escape_js(struct buf *out, uint32_t r)
{
    if (r == '\\' || r == '\'' || r == '"')
        buf_printf(out, "\\%c", (char)r);
    else if (r == '<' || r == '>' || r == '&' || r == '=' || r < ' ')
        buf_printf(out, "\\u%04X", r);
    else if (r >= 0x80 && !rune_is_print(r))
        buf_printf(out, "\\u%04X", r);
    else
        buf_add_rune(out, r);
}

static int call_js(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = text_of_args(c);
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        uint32_t r = rune_at(s, at, &len);
        if (r == RUNE_ERROR && len == 1)
            buf_add_byte(&out, s.ptr[at]);
        else
            escape_js(&out, r);
    }
    return call_return_buf(c, &out);
}

static int call_urlquery(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = text_of_args(c);

    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.ptr[i];
        if (b == ' ')
            buf_add_byte(&out, '+');
        else if (b < 0x80 && (rune_is_letter(b) || rune_is_digit(b) || strchr("-_.~", b)) && b)
            buf_add_byte(&out, (char)b);
        else
            buf_printf(&out, "%%%02X", b);
    }
    return call_return_buf(c, &out);
}

static int call_call(struct call *c)
{
    if (datum_is_absent(c->arg[0]))
        return call_fail(c, "call of nil");
    return call_fail(c, "non-function of type " STR_FMT, STR_ARG(type_of(c, c->arg[0])));
}

const struct function functions_go[] = {
    {"and", "vv*", NULL},           {"or", "vv*", NULL},
    {"not", "v", call_not},         {"index", "vv*", call_index},
    {"slice", "vv*", call_slice},   {"len", "v", call_len},
    {"eq", "vv*", call_eq},         {"ne", "vv", call_ne},
    {"lt", "vv", call_lt},          {"le", "vv", call_le},
    {"gt", "vv", call_gt},          {"ge", "vv", call_ge},
    {"print", "a*", call_print},    {"println", "a*", call_println},
    {"printf", "sa*", call_printf}, {"html", "a*", call_html},
    {"js", "a*", call_js},          {"urlquery", "a*", call_urlquery},
    {"call", "vv*", call_call},     {NULL, NULL, NULL},
};
