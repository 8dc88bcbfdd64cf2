/*
 * One decoder, strict as RFC 3629 asks, and a short list of code points that are never shown.
 * Widths follow East Asian Width (Unicode UAX 11) by block, not by character: close enough to
 * align a table, and a wrong guess only shifts a column.
 */
#include "hlctl/safe.h"

enum { NOT_UTF8 = 0 }; /* length of a sequence that is none */

static bool is_tail(unsigned char c)
{
    return (c & 0xc0u) == 0x80u;
}

/* Decodes the code point at s[at]; returns its length in bytes, NOT_UTF8 if there is none. */
static size_t decode(struct str s, size_t at, uint32_t *out)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    size_t left = s.len - at;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (len == 1) {
        *out = p[0];
        return 1;
    }
    if (len == 0 || p[0] > 0xf4 || left < len)
        return NOT_UTF8;
    uint32_t c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (!is_tail(p[i]))
            return NOT_UTF8;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff)) ||
        (c >= 0xd800 && c <= 0xdfff))
        return NOT_UTF8;
    *out = c;
    return len;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

static bool is_deceptive(uint32_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0x061c || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           (c >= 0xe0000 && c <= 0xe007f);
}

static bool is_layout(uint32_t c)
{
    return c == '\n' || c == '\t';
}

static bool is_clean(struct str s, bool has_lines)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;
        size_t len = decode(s, i, &c);
        bool is_kept = has_lines && is_layout(c);
        if (len == NOT_UTF8 || (is_control(c) && !is_kept) || is_deceptive(c))
            return false;
        i += len;
    }
    return true;
}

static struct str escape(struct arena *a, struct str s, bool has_lines)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    if (is_clean(s, has_lines))
        return s;
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;
        size_t len = decode(s, i, &c);
        bool is_kept = has_lines && is_layout(c);
        if (len == NOT_UTF8) {
            buf_printf(&out, "\\x%02x", (unsigned char)s.ptr[i]);
            len = 1;
        } else if (is_control(c) && !is_kept) {
            buf_printf(&out, "\\x%02x", c);
        } else if (is_deceptive(c)) {
            buf_printf(&out, "\u2039U+%04X\u203a", c);
        } else {
            buf_add_bytes(&out, s.ptr + i, len);
        }
        i += len;
    }
    return arena_dup(a, buf_str(&out));
}

struct str safe_text(struct arena *a, struct str s)
{
    return escape(a, s, false);
}

struct str safe_lines(struct arena *a, struct str s)
{
    return escape(a, s, true);
}

bool safe_is_text(struct str s)
{
    return is_clean(s, true);
}

struct str safe_utf8(struct arena *a, struct str s)
{
    if (str_is_utf8(s))
        return s;
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t len = decode(s, i, &c);
        if (len == NOT_UTF8) {
            buf_add_cstr(&out, "\uFFFD");
            len = 1;
        } else {
            buf_add_bytes(&out, s.ptr + i, len);
        }
        i += len;
    }
    return arena_dup(a, buf_str(&out));
}

void safe_json(struct buf *out, struct str json)
{
    for (size_t i = 0; i < json.len;) {
        uint32_t c = 0;
        size_t len = decode(json, i, &c);
        HL_ASSERT(len != NOT_UTF8);
        /* Newlines of the layout stay; inside strings JSON has none. */
        if (c > 0xffff && is_deceptive(c))
            buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                       0xdc00 + ((c - 0x10000) & 0x3ffu));
        else if ((c >= 0x7f && is_control(c)) || is_deceptive(c))
            buf_printf(out, "\\u%04x", c);
        else
            buf_add_bytes(out, json.ptr + i, len);
        i += len;
    }
}

static size_t width_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } wide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},  {0xac00, 0xd7a3}, {0xf900, 0xfaff},
                {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
                {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

    if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f))
        return 0; /* combining marks, joiners, variation selectors */
    for (size_t i = 0; i < HL_COUNT(wide); i++)
        if (c >= wide[i].first && c <= wide[i].last)
            return 2;
    return 1;
}

size_t safe_width(struct str s)
{
    size_t columns = 0;

    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;
        size_t len = decode(s, i, &c);
        if (len == NOT_UTF8)
            return columns + s.len - i;
        columns += width_of(c);
        i += len;
    }
    return columns;
}

struct str safe_cut(struct str s, size_t columns)
{
    size_t used = 0;
    size_t i = 0;

    while (i < s.len) {
        uint32_t c = 0;
        size_t len = decode(s, i, &c);
        size_t width = len == NOT_UTF8 ? 1 : width_of(c);
        if (used + width > columns)
            break;
        used += width;
        i += len == NOT_UTF8 ? 1 : len;
    }
    return str_sub(s, 0, i);
}
