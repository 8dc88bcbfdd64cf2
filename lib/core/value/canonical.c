/*
 * Canonical bytes: like RFC 8785 (JCS) in strings and order of UTF-8 bytes, unlike it in numbers,
 * whose three kinds stay apart.
 */
#include <math.h>
#include <stdio.h>

#include "core/value/build.h"
#include "core/value/number.h"

/* JCS section 3.2.2.2 */
static void put_string(struct buf *out, struct str s)
{
    static const char *const names[32] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    size_t done = 0;

    buf_add_byte(out, '"');
    if (s.len > 0 && s.ptr[0] == '\0')
        buf_add(out, STR("\\u0000")); /* keeps strings apart from NaN and the infinities */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add_bytes(out, s.ptr + done, i - done);
        done = i + 1;
        if (c >= 0x20) {
            buf_add_byte(out, '\\');
            buf_add_byte(out, (char)c);
        } else if (names[c]) {
            buf_add_cstr(out, names[c]);
        } else {
            buf_printf(out, "\\u%04x", c);
        }
    }
    buf_add_bytes(out, s.ptr + done, s.len - done);
    buf_add_byte(out, '"');
}

static void put_float(struct buf *out, double d)
{
    char room[NUMBER_TEXT_MAX];

    if (!isfinite(d)) {
        buf_add(out, STR("\"\\u0000"));
        buf_add(out, number_go(d, 64, room));
        buf_add_byte(out, '"');
        return;
    }
    struct str text = number_json(d, room);
    buf_add(out, text);
    if (!str_has_byte(text, '.') && !str_has_byte(text, 'e'))
        buf_add(out, STR(".0"));
}

static void put_map(struct buf *out, const struct value *v)
{
    uint32_t room[INDEX_FREE];
    const uint32_t *order = map_sorted(v, room);

    buf_add_byte(out, '{');
    for (size_t i = 0; i < v->map.count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        put_string(out, v->map.member[order[i]].key);
        buf_add_byte(out, ':');
        value_canonical(out, v->map.member[order[i]].value);
    }
    buf_add_byte(out, '}');
}

void value_canonical(struct buf *out, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_add(out, STR("null"));
        break;
    case VALUE_BOOL:
        buf_add_cstr(out, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)v->integer);
        break;
    case VALUE_UINT:
        buf_printf(out, "%llu", (unsigned long long)v->unsigned_integer);
        break;
    case VALUE_FLOAT:
        put_float(out, v->number);
        break;
    case VALUE_STRING:
        put_string(out, v->string);
        break;
    case VALUE_LIST:
        buf_add_byte(out, '[');
        for (size_t i = 0; i < v->list.count; i++) {
            if (i > 0)
                buf_add_byte(out, ',');
            value_canonical(out, v->list.item[i]);
        }
        buf_add_byte(out, ']');
        break;
    case VALUE_MAP:
        put_map(out, v);
        break;
    }
}

struct digest value_digest(const struct value *v)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    value_canonical(&bytes, v);
    return sha256_of(buf_str(&bytes));
}
