/* The white space of Unicode 15 is short enough to be written down. */
#include "core/chart/space.h"

static bool is_space(uint32_t rune)
{
    return (rune >= '\t' && rune <= '\r') || rune == ' ' || rune == 0x85 || rune == 0xa0 ||
           rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 ||
           rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

size_t space_len(struct str s, size_t at)
{
    uint32_t rune;
    size_t len = at < s.len ? str_rune(s, at, &rune) : 0;

    return len > 0 && is_space(rune) ? len : 0;
}

struct str space_trim(struct str s)
{
    size_t len;

    while ((len = space_len(s, 0)) > 0)
        s = str_sub(s, len, s.len);
    while (s.len > 0) {
        size_t from = s.len - 1;
        while (from > 0 && s.len - from < 3 && ((unsigned char)s.ptr[from] & 0xc0) == 0x80)
            from--;
        len = space_len(s, from);
        if (len == 0 || from + len != s.len)
            break;
        s.len = from;
    }
    return s;
}
