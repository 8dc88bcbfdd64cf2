/* The forms of Go's encoding/json Marshal and MarshalIndent(v, "", "  "). */
#include "core/value/json.h"

#include <math.h>

#include "core/value/build.h"
#include "core/value/number.h"

struct json_writer {
    struct buf *out;
    bool is_indented;
};

/* The length of what must be escaped at s[i], 0 if the byte may stand as it is. */
static size_t escape_at(struct str s, size_t i, uint32_t *rune)
{
    unsigned char c = (unsigned char)s.ptr[i];

    *rune = c;
    if (c < 0x80)
        return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
    size_t len = str_rune(s, i, rune);
    if (len == 0) {
        *rune = 0xFFFD;
        return 1;
    }
    return *rune == 0x2028 || *rune == 0x2029 ? len : 0;
}

static void put_escape(struct buf *out, uint32_t rune)
{
    static const char *const names[128] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};

    if (rune < HL_COUNT(names) && names[rune])
        buf_add_cstr(out, names[rune]);
    else
        buf_printf(out, "\\u%04x", (unsigned)rune);
}

static void put_string(struct buf *out, struct str s)
{
    size_t done = 0;
    uint32_t rune = 0;

    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.len;) {
        size_t len = escape_at(s, i, &rune);
        if (len == 0) {
            i++;
            while (i < s.len && ((unsigned char)s.ptr[i] & 0xC0) == 0x80)
                i++;
            continue;
        }
        buf_add_bytes(out, s.ptr + done, i - done);
        put_escape(out, rune);
        i += len;
        done = i;
    }
    buf_add_bytes(out, s.ptr + done, s.len - done);
    buf_add_byte(out, '"');
}

static void new_line(const struct json_writer *w, int depth)
{
    if (!w->is_indented)
        return;
    buf_add_byte(w->out, '\n');
    for (int i = 0; i < depth; i++)
        buf_add(w->out, STR("  "));
}

static void put_value(const struct json_writer *w, const struct value *v, int depth);

static void put_list(const struct json_writer *w, const struct value *v, int depth)
{
    buf_add_byte(w->out, '[');
    for (size_t i = 0; i < v->list.count; i++) {
        if (i > 0)
            buf_add_byte(w->out, ',');
        new_line(w, depth + 1);
        put_value(w, v->list.item[i], depth + 1);
    }
    if (v->list.count)
        new_line(w, depth);
    buf_add_byte(w->out, ']');
}

static void put_map(const struct json_writer *w, const struct value *v, int depth)
{
    uint32_t room[INDEX_FREE];
    const uint32_t *order = map_sorted(v, room);

    buf_add_byte(w->out, '{');
    for (size_t i = 0; i < v->map.count; i++) {
        if (i > 0)
            buf_add_byte(w->out, ',');
        new_line(w, depth + 1);
        put_string(w->out, v->map.member[order[i]].key);
        buf_add_cstr(w->out, w->is_indented ? ": " : ":");
        put_value(w, v->map.member[order[i]].value, depth + 1);
    }
    if (v->map.count)
        new_line(w, depth);
    buf_add_byte(w->out, '}');
}

static void put_value(const struct json_writer *w, const struct value *v, int depth)
{
    char room[NUMBER_TEXT_MAX];

    switch (v->kind) {
    case VALUE_NULL:
        buf_add(w->out, STR("null"));
        break;
    case VALUE_BOOL:
        buf_add_cstr(w->out, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(w->out, "%lld", (long long)v->integer);
        break;
    case VALUE_UINT:
        buf_printf(w->out, "%llu", (unsigned long long)v->unsigned_integer);
        break;
    case VALUE_FLOAT:
        buf_add(w->out, isfinite(v->number) ? number_json(v->number, room) : STR("null"));
        break;
    case VALUE_STRING:
        put_string(w->out, v->string);
        break;
    case VALUE_LIST:
        put_list(w, v, depth);
        break;
    case VALUE_MAP:
        put_map(w, v, depth);
        break;
    }
}

void json_write(struct buf *out, const struct value *v, enum json_style style)
{
    struct json_writer w = {.out = out, .is_indented = style == JSON_INDENTED};

    put_value(&w, v, 0);
    if (w.is_indented)
        buf_add_byte(out, '\n');
}

bool json_can_hold(const struct value *v)
{
    if (v->kind == VALUE_FLOAT)
        return isfinite(v->number) != 0;
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list.count; i++) {
        if (!json_can_hold(v->list.item[i]))
            return false;
    }
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++) {
        if (!json_can_hold(v->map.member[i].value))
            return false;
    }
    return true;
}
