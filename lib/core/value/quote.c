/* strconv.Quote and QuoteRune, rune by rune. */
#include "core/value/quote.h"

#include <string.h>

struct rune_range {
    uint32_t first;
    uint32_t last;
};

/* Above ASCII: blanks, controls, formats, private use and noncharacters. */
static const struct rune_range unprintable[] = {
    {0x80, 0xA0},          {0xAD, 0xAD},       {0x1680, 0x1680},   {0x180E, 0x180E},
    {0x2000, 0x200F},      {0x2028, 0x202F},   {0x205F, 0x206F},   {0x3000, 0x3000},
    {0xD800, 0xF8FF},      {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},
    {0xFFFE, 0xFFFF},      {0x1FFFE, 0x1FFFF}, {0x2FFFE, 0x2FFFF}, {0x323B0, 0xE00FF},
    {0xE01F0, UINT32_MAX},
};

static bool is_printable(uint32_t rune)
{
    if (rune < 0x80)
        return rune >= 0x20 && rune != 0x7F;
    for (size_t i = 0; i < HL_COUNT(unprintable); i++) {
        if (rune <= unprintable[i].last)
            return rune < unprintable[i].first;
    }
    return true;
}

static void put_rune(struct buf *out, struct str bytes, uint32_t rune, char quote)
{
    static const char *const names = "\a\b\t\n\v\f\r";
    static const char *const letters = "abtnvfr";

    if (rune == (unsigned char)quote || rune == '\\') {
        buf_add_byte(out, '\\');
        buf_add_byte(out, (char)rune);
    } else if (is_printable(rune)) {
        buf_add(out, bytes);
    } else if (rune > 0 && rune < 0x20 && strchr(names, (int)rune)) {
        buf_add_byte(out, '\\');
        buf_add_byte(out, letters[strchr(names, (int)rune) - names]);
    } else if (rune < 0x80) {
        buf_printf(out, "\\x%02x", (unsigned)rune);
    } else {
        buf_printf(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)rune);
    }
}

void quote_go(struct buf *out, struct str s)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.len;) {
        uint32_t rune;
        size_t len = str_rune(s, i, &rune);
        if (len == 0) {
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i++]);
            continue;
        }
        put_rune(out, str_sub(s, i, i + len), rune, '"');
        i += len;
    }
    buf_add_byte(out, '"');
}

static size_t encode(uint32_t rune, char out[4])
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t len = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, rune >>= 6)
        out[i] = (char)(0x80 | (rune & 0x3F));
    out[0] = (char)((0xF0U << (4 - len)) | rune);
    return len;
}

void quote_go_rune(struct buf *out, uint32_t rune)
{
    char bytes[4];
    struct str s = {bytes, encode(rune, bytes)};

    buf_add_byte(out, '\'');
    put_rune(out, s, rune, '\'');
    buf_add_byte(out, '\'');
}
