/* Groups of four digits; a last group with padding is looked at apart. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct str base64_encode(struct arena *a, struct str bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    char *text = arena_alloc(a, len + 1);
    char *to = text;

    for (size_t i = 0; i < bytes.len; i += 3) {
        bool has_second = i + 1 < bytes.len;
        bool has_third = i + 2 < bytes.len;
        uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        group |= has_second ? (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8 : 0;
        group |= has_third ? (unsigned char)bytes.ptr[i + 2] : 0;
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = has_second ? digits[group >> 6 & 63] : '=';
        *to++ = has_third ? digits[group & 63] : '=';
    }
    return (struct str){text, len};
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t skip_line_ends(struct str text, size_t at)
{
    while (at < text.len && (text.ptr[at] == '\n' || text.ptr[at] == '\r'))
        at++;
    return at;
}

/* The padding of the last group, whose first '=' stands at `at`; `have` digits came before it. */
static bool padding_ok(struct str text, size_t at, int have, size_t *out_bad)
{
    size_t next = at + 1;

    *out_bad = at;
    if (have < 2)
        return false;
    if (have == 2) {
        next = skip_line_ends(text, next);
        *out_bad = next == text.len ? next : next - 1;
        if (next == text.len || text.ptr[next] != '=')
            return false;
        next++;
    }
    *out_bad = skip_line_ends(text, next);
    return *out_bad == text.len;
}

bool base64_decode(struct arena *a, struct str text, struct str *out, size_t *out_bad)
{
    char *bytes = arena_alloc(a, text.len / 4 * 3 + 4);
    size_t len = 0;
    size_t bad = 0;
    uint32_t group = 0;
    int have = 0;
    bool is_ok = true;

    for (size_t at = skip_line_ends(text, 0); at < text.len && is_ok;
         at = skip_line_ends(text, at + 1)) {
        int value = digit_value(text.ptr[at]);
        if (text.ptr[at] == '=') {
            is_ok = padding_ok(text, at, have, &bad);
            if (!is_ok)
                break;
            group <<= 6 * (4 - have);
            bytes[len++] = (char)(group >> 16);
            if (have == 3)
                bytes[len++] = (char)(group >> 8 & 0xff);
            have = 0;
            break;
        }
        bad = at;
        is_ok = value >= 0;
        group = group << 6 | (uint32_t)value;
        if (is_ok && ++have == 4) {
            bytes[len++] = (char)(group >> 16 & 0xff);
            bytes[len++] = (char)(group >> 8 & 0xff);
            bytes[len++] = (char)(group & 0xff);
            group = 0;
            have = 0;
        }
    }
    if (is_ok && have > 0) {
        is_ok = false;
        bad = text.len - (size_t)have;
    }
    if (out_bad)
        *out_bad = bad;
    *out = (struct str){bytes, len};
    return is_ok;
}
