/*
 * Block style as goyaml.v2's emitter writes it (libyaml's rules plus its own choices of style), on
 * what sigs.k8s.io/yaml gives it: the value after a trip through JSON. That trip is why floats
 * without a fraction come out as integers and why NEL, a line break to YAML, is folded.
 *
 * `column`, `is_after_blank` and `is_at_indent` are the emitter's whole memory: where the next byte
 * lands, whether a blank stands before it, and whether the line holds nothing but indentation and
 * indicators so far.
 */
#include "core/value/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/value/build.h"
#include "core/value/number.h"
#include "core/value/yaml_order.h"
#include "core/value/yaml_scalar.h"

enum { INDENT = 2, FOLD_COLUMN = 80, SIMPLE_KEY_MAX = 128, SORT_ROOM = 32, INSERTION_MAX = 12 };

struct yaml_writer {
    struct buf *out;
    int column; /* in characters */
    int indent; /* -1 outside everything */
    bool is_after_blank;
    bool is_at_indent;
};

enum context { IN_ROOT, IN_LIST, IN_MAP, IN_SIMPLE_KEY };

enum style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_LITERAL };

/* What the text allows. */
struct shape {
    bool is_multiline;
    bool allows_plain;
    bool allows_single;
    bool allows_literal;
};

/* Bytes --------------------------------------------------------------------------------------- */

static void put(struct yaml_writer *w, char c)
{
    buf_add_byte(w->out, c);
    w->column++;
}

static void put_break(struct yaml_writer *w)
{
    buf_add_byte(w->out, '\n');
    w->column = 0;
}

/* Invalid bytes never get here: width is by the lead byte alone. */
static size_t width_of(char c)
{
    unsigned char u = (unsigned char)c;

    return u < 0x80 ? 1 : u < 0xE0 ? 2 : u < 0xF0 ? 3 : 4;
}

static size_t put_rune(struct yaml_writer *w, struct str s, size_t i)
{
    size_t width = width_of(s.ptr[i]);

    buf_add_bytes(w->out, s.ptr + i, width);
    w->column++;
    return width;
}

static bool has_bytes(struct str s, size_t i, struct str bytes)
{
    return s.len - i >= bytes.len && memcmp(s.ptr + i, bytes.ptr, bytes.len) == 0;
}

/* YAML 1.1 line breaks: LF, CR, NEL, LS, PS. */
static bool is_break(struct str s, size_t i)
{
    if (i >= s.len)
        return false;
    char c = s.ptr[i];
    return c == '\n' || c == '\r' || (c == '\xC2' && has_bytes(s, i, STR("\xC2\x85"))) ||
           (c == '\xE2' &&
            (has_bytes(s, i, STR("\xE2\x80\xA8")) || has_bytes(s, i, STR("\xE2\x80\xA9"))));
}

static bool is_space(struct str s, size_t i)
{
    return i < s.len && s.ptr[i] == ' ';
}

static bool is_blank(struct str s, size_t i)
{
    return i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\t');
}

/* As the emitter has it: nothing above the basic plane, no tab, no CR. */
static bool is_printable(struct str s, size_t i)
{
    uint32_t rune = 0;

    if (str_rune(s, i, &rune) == 0)
        return false;
    return rune == '\n' || (rune >= 0x20 && rune <= 0x7E) ||
           (rune >= 0xA0 && rune <= 0xFFFD && rune != 0xFEFF);
}

static void put_break_of(struct yaml_writer *w, struct str s, size_t *i)
{
    size_t width = put_rune(w, s, *i);

    *i += width;
    w->column = 0;
}

static void put_indent(struct yaml_writer *w)
{
    int indent = w->indent < 0 ? 0 : w->indent;

    if (!w->is_at_indent || w->column > indent || (w->column == indent && !w->is_after_blank))
        put_break(w);
    while (w->column < indent)
        put(w, ' ');
    w->is_after_blank = true;
    w->is_at_indent = true;
}

static void put_indicator(struct yaml_writer *w, const char *text, bool needs_blank,
                          bool keeps_indent)
{
    if (needs_blank && !w->is_after_blank)
        put(w, ' ');
    for (; *text; text++)
        put(w, *text);
    w->is_after_blank = false;
    w->is_at_indent = w->is_at_indent && keeps_indent;
}

/* Style --------------------------------------------------------------------------------------- */

static bool starts_with_indicator(struct str s)
{
    bool is_followed_by_blank = s.len == width_of(s.ptr[0]) || is_blank(s, width_of(s.ptr[0]));

    if (str_starts(s, STR("---")) || str_starts(s, STR("...")))
        return true;
    if (strchr("#,[]{}&*!|>'\"%@`", s.ptr[0]))
        return s.ptr[0] != '\0';
    return strchr("?:-", s.ptr[0]) && s.ptr[0] && is_followed_by_blank;
}

static bool holds_indicator(struct str s, size_t i, bool is_after_blank)
{
    if (s.ptr[i] == ':')
        return i + 1 >= s.len || is_blank(s, i + 1);
    return s.ptr[i] == '#' && is_after_blank;
}

static struct shape analyze(struct str s)
{
    struct shape shape = {false, true, true, true};
    bool was_space = false;
    bool was_break = false;
    bool is_after_blank = true;

    if (s.len == 0)
        return (struct shape){false, true, true, false};
    if (starts_with_indicator(s))
        shape.allows_plain = false;
    for (size_t i = 0; i < s.len; i += width_of(s.ptr[i])) {
        bool is_last = i + width_of(s.ptr[i]) == s.len;
        bool breaks = is_break(s, i);
        if (i > 0 && holds_indicator(s, i, is_after_blank))
            shape.allows_plain = false;
        if (!is_printable(s, i))
            shape.allows_plain = shape.allows_single = shape.allows_literal = false;
        if (is_space(s, i)) {
            if (i == 0 || is_last)
                shape.allows_plain = false;
            if (is_last)
                shape.allows_literal = false;
            if (was_break)
                shape.allows_plain = shape.allows_single = false;
        }
        if (breaks) {
            shape.is_multiline = true;
            shape.allows_plain = false;
            if (was_space)
                shape.allows_single = shape.allows_literal = false;
        }
        was_space = is_space(s, i);
        was_break = breaks;
        is_after_blank = is_blank(s, i) || breaks || s.ptr[i] == '\0';
    }
    return shape;
}

static enum style style_of(struct str s, const struct shape *shape, enum context context)
{
    bool is_key = context == IN_SIMPLE_KEY;
    enum style style = STYLE_DOUBLE;

    if (str_has_byte(s, '\n'))
        style = STYLE_LITERAL;
    else if (scalar_resolve(s).kind == VALUE_STRING && !scalar_is_timestamp(s) &&
             !scalar_is_base60(s))
        style = STYLE_PLAIN;
    if (is_key && shape->is_multiline)
        style = STYLE_DOUBLE;
    if (style == STYLE_PLAIN && (!shape->allows_plain || (is_key && s.len == 0)))
        style = STYLE_SINGLE;
    if (style == STYLE_SINGLE && !shape->allows_single)
        style = STYLE_DOUBLE;
    if (style == STYLE_LITERAL && (!shape->allows_literal || is_key))
        style = STYLE_DOUBLE;
    return style;
}

/* Scalars ------------------------------------------------------------------------------------- */

/* Plain and single quoted text: a single space past the margin becomes a line break. */
static void put_flowing(struct yaml_writer *w, struct str s, enum style style, bool may_fold)
{
    bool was_space = false;
    bool was_break = false;

    for (size_t i = 0; i < s.len;) {
        bool is_inside = style == STYLE_PLAIN || (i > 0 && i < s.len - 1);
        if (is_space(s, i)) {
            if (may_fold && !was_space && w->column > FOLD_COLUMN && is_inside &&
                !is_space(s, i + 1)) {
                put_indent(w);
                i++;
            } else {
                i += put_rune(w, s, i);
            }
            was_space = true;
        } else if (is_break(s, i)) {
            if (!was_break && s.ptr[i] == '\n')
                put_break(w);
            put_break_of(w, s, &i);
            w->is_at_indent = true;
            was_break = true;
        } else {
            if (was_break)
                put_indent(w);
            if (style == STYLE_SINGLE && s.ptr[i] == '\'')
                put(w, '\'');
            i += put_rune(w, s, i);
            w->is_at_indent = false;
            was_space = was_break = false;
        }
    }
}

static void put_plain(struct yaml_writer *w, struct str s, bool may_fold)
{
    if (!w->is_after_blank)
        put(w, ' ');
    put_flowing(w, s, STYLE_PLAIN, may_fold);
    w->is_after_blank = false;
    w->is_at_indent = false;
}

static void put_single(struct yaml_writer *w, struct str s, bool may_fold)
{
    put_indicator(w, "'", true, false);
    put_flowing(w, s, STYLE_SINGLE, may_fold);
    put_indicator(w, "'", false, false);
    w->is_at_indent = false;
}

static void put_escape(struct yaml_writer *w, uint32_t rune)
{
    static const struct {
        uint32_t rune;
        char name;
    } named[] = {{0x00, '0'},  {0x07, 'a'}, {0x08, 'b'}, {0x09, 't'},   {0x0A, 'n'},
                 {0x0B, 'v'},  {0x0C, 'f'}, {0x0D, 'r'}, {0x1B, 'e'},   {'"', '"'},
                 {'\\', '\\'}, {0x85, 'N'}, {0xA0, '_'}, {0x2028, 'L'}, {0x2029, 'P'}};
    static const char hex[] = "0123456789ABCDEF";

    put(w, '\\');
    for (size_t i = 0; i < HL_COUNT(named); i++) {
        if (named[i].rune == rune) {
            put(w, named[i].name);
            return;
        }
    }
    int digits = rune <= 0xFF ? 2 : rune <= 0xFFFF ? 4 : 8;
    put(w, digits == 2 ? 'x' : digits == 4 ? 'u' : 'U');
    while (digits-- > 0)
        put(w, hex[rune >> (4 * digits) & 0xF]);
}

static void put_double(struct yaml_writer *w, struct str s, bool may_fold)
{
    /* The emitter looks for a byte order mark at the start for every character: then all are
     * escaped. */
    bool escapes_all = str_starts(s, STR("\xEF\xBB\xBF"));
    bool was_space = false;

    put_indicator(w, "\"", true, false);
    for (size_t i = 0; i < s.len;) {
        uint32_t rune = 0;
        size_t width = str_rune(s, i, &rune);
        bool folds = may_fold && !was_space && w->column > FOLD_COLUMN && i > 0 && i < s.len - 1;
        if (escapes_all || rune == '"' || rune == '\\' || is_break(s, i) || !is_printable(s, i)) {
            put_escape(w, rune);
            was_space = false;
        } else if (rune == ' ' && folds) {
            put_indent(w);
            if (is_space(s, i + 1))
                put(w, '\\');
            was_space = true;
        } else {
            put_rune(w, s, i);
            was_space = rune == ' ';
        }
        i += width;
    }
    put_indicator(w, "\"", false, false);
    w->is_at_indent = false;
}

/* Where the last character before `end` starts. */
static size_t rune_before(struct str s, size_t end)
{
    size_t i = end - 1;

    while (i > 0 && ((unsigned char)s.ptr[i] & 0xC0) == 0x80)
        i--;
    return i;
}

static void put_literal_hints(struct yaml_writer *w, struct str s)
{
    size_t last = rune_before(s, s.len);

    if (is_space(s, 0) || is_break(s, 0))
        put_indicator(w, "2", false, false);
    if (!is_break(s, last))
        put_indicator(w, "-", false, false);
    else if (last == 0 || is_break(s, rune_before(s, last)))
        put_indicator(w, "+", false, false);
}

static void put_literal(struct yaml_writer *w, struct str s)
{
    bool was_break = true;

    put_indicator(w, "|", true, false);
    put_literal_hints(w, s);
    put_break(w);
    w->is_at_indent = true;
    w->is_after_blank = true;
    for (size_t i = 0; i < s.len;) {
        if (is_break(s, i)) {
            put_break_of(w, s, &i);
            w->is_at_indent = true;
            was_break = true;
            continue;
        }
        if (was_break)
            put_indent(w);
        i += put_rune(w, s, i);
        w->is_at_indent = false;
        was_break = false;
    }
}

static void put_scalar(struct yaml_writer *w, struct str s, enum style style, enum context context)
{
    bool may_fold = context != IN_SIMPLE_KEY;
    int outer = w->indent;

    w->indent = outer < 0 ? INDENT : outer + INDENT;
    if (style == STYLE_PLAIN)
        put_plain(w, s, may_fold);
    else if (style == STYLE_SINGLE)
        put_single(w, s, may_fold);
    else if (style == STYLE_DOUBLE)
        put_double(w, s, may_fold);
    else
        put_literal(w, s);
    w->indent = outer;
}

/*
 * What the trip through JSON makes of a string: bytes that are no UTF-8 become U+FFFD; NEL stands
 * raw in the JSON and is folded by YAML's flow scalar rules, with the blanks around it. Borrows s
 * where nothing changes, otherwise fills `room`.
 */
static struct str through_json(struct str s, struct buf *room)
{
    if (str_find(s, STR("\xC2\x85"), 0) == SIZE_MAX && str_is_utf8(s))
        return s;
    buf_reset(room);
    for (size_t i = 0; i < s.len;) {
        uint32_t rune = 0;
        size_t width = str_rune(s, i, &rune);
        if (rune != 0x85) {
            buf_add(room, width ? str_sub(s, i, i + width) : STR("\xEF\xBF\xBD"));
            i += width ? width : 1;
            continue;
        }
        while (room->len > 0 && room->ptr[room->len - 1] == ' ')
            room->len--;
        size_t break_count = 0;
        while (i < s.len && (is_space(s, i) || has_bytes(s, i, STR("\xC2\x85")))) {
            break_count += s.ptr[i] == ' ' ? 0 : 1;
            i += width_of(s.ptr[i]);
        }
        if (break_count == 1)
            buf_add_byte(room, ' ');
        for (size_t k = 1; k < break_count; k++)
            buf_add_byte(room, '\n');
    }
    return buf_str(room);
}

static void put_string(struct yaml_writer *w, struct str s, enum context context)
{
    HL_CLEANUP(buf_deinit) struct buf room = {0};

    s = through_json(s, &room);
    struct shape shape = analyze(s);
    put_scalar(w, s, style_of(s, &shape, context), context);
}

static void put_float(struct yaml_writer *w, double d, enum context context)
{
    char room[NUMBER_TEXT_MAX];
    struct str text = isfinite(d) ? number_json(d, room) : number_go(d, 64, room);
    struct scalar again = scalar_resolve(text);

    if (d == 0)
        text = STR("0");
    else if (again.kind == VALUE_FLOAT)
        text = number_go(d, 64, room);
    put_scalar(w, text, STYLE_PLAIN, context);
}

/* Collections --------------------------------------------------------------------------------- */

static void put_value(struct yaml_writer *w, const struct value *v, enum context context);

static void put_list(struct yaml_writer *w, const struct value *v, enum context context)
{
    int outer = w->indent;

    if (v->list.count == 0) {
        put_indicator(w, "[", true, false);
        put_indicator(w, "]", false, false);
        return;
    }
    if (outer < 0)
        w->indent = 0;
    else if (context != IN_MAP || w->is_at_indent)
        w->indent += INDENT;
    for (size_t i = 0; i < v->list.count; i++) {
        put_indent(w);
        put_indicator(w, "-", true, true);
        put_value(w, v->list.item[i], IN_LIST);
    }
    w->indent = outer;
}

static void put_member(struct yaml_writer *w, const struct member *m)
{
    struct shape shape = analyze(m->key);

    put_indent(w);
    if (m->key.len <= SIMPLE_KEY_MAX && !shape.is_multiline) {
        put_string(w, m->key, IN_SIMPLE_KEY);
        put_indicator(w, ":", false, false);
    } else {
        put_indicator(w, "?", true, true);
        put_string(w, m->key, IN_MAP);
        put_indent(w);
        put_indicator(w, ":", true, true);
    }
    put_value(w, m->value, IN_MAP);
}

/*
 * yaml_key_cmp has cycles ("1a" < "9-" < "11B" < "1a"), so the way of sorting shows: upstream
 * starts from the bytewise order of the JSON and, up to 12 keys, sorts by insertion. Above that its
 * own result differs from run to run where there is a cycle.
 */
static void sort_keys(const struct member *member, uint32_t *order, uint32_t *scratch, size_t count)
{
    if (count > INSERTION_MAX) {
        members_resort(member, order, scratch, count, yaml_key_cmp);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t k = i; k > 0; k--) {
            uint32_t moved = order[k];
            if (yaml_key_cmp(member[moved].key, member[order[k - 1]].key) >= 0)
                break;
            order[k] = order[k - 1];
            order[k - 1] = moved;
        }
    }
}

static void put_map(struct yaml_writer *w, const struct value *v)
{
    uint32_t sorted_room[INDEX_FREE];
    uint32_t room[2 * SORT_ROOM];
    size_t count = v->map.count;
    uint32_t *order = count <= SORT_ROOM ? room : hl_alloc(2 * count * sizeof(*order));
    int outer = w->indent;

    memcpy(order, map_sorted(v, sorted_room), count * sizeof(*order));
    sort_keys(v->map.member, order, order + count, count);
    w->indent = outer < 0 ? 0 : outer + INDENT;
    for (size_t i = 0; i < count; i++)
        put_member(w, &v->map.member[order[i]]);
    w->indent = outer;
    if (order != room)
        free(order);
}

static void put_value(struct yaml_writer *w, const struct value *v, enum context context)
{
    char room[NUMBER_TEXT_MAX];
    struct buf text = {room, 0, sizeof(room)};

    switch (v->kind) {
    case VALUE_NULL:
        put_scalar(w, STR("null"), STYLE_PLAIN, context);
        break;
    case VALUE_BOOL:
        put_scalar(w, v->boolean ? STR("true") : STR("false"), STYLE_PLAIN, context);
        break;
    case VALUE_INT:
        buf_printf(&text, "%lld", (long long)v->integer);
        put_scalar(w, buf_str(&text), STYLE_PLAIN, context);
        break;
    case VALUE_UINT:
        buf_printf(&text, "%llu", (unsigned long long)v->unsigned_integer);
        put_scalar(w, buf_str(&text), STYLE_PLAIN, context);
        break;
    case VALUE_FLOAT:
        put_float(w, v->number, context);
        break;
    case VALUE_STRING:
        put_string(w, v->string, context);
        break;
    case VALUE_LIST:
        put_list(w, v, context);
        break;
    case VALUE_MAP:
        if (v->map.count) {
            put_map(w, v);
        } else {
            put_indicator(w, "{", true, false);
            put_indicator(w, "}", false, false);
        }
        break;
    }
}

int yaml_key_order(struct str a, struct str b)
{
    return yaml_key_cmp(a, b);
}

void yaml_write(struct buf *out, const struct value *v)
{
    struct yaml_writer w = {.out = out, .indent = -1, .is_after_blank = true, .is_at_indent = true};

    put_value(&w, v, IN_ROOT);
    put_indent(&w);
}
