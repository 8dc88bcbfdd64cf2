/* Strings as pointer and length; nothing here allocates except str_dup. */
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct str str_from(const char *c)
{
    return c ? (struct str){c, strlen(c)} : STR_NONE;
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

bool str_has_byte(struct str s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

size_t str_find(struct str s, struct str needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from)
        return SIZE_MAX;
    if (needle.len == 0)
        return from;
    const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    size_t from = 0;
    size_t to = s.len;

    while (from < to && is_blank(s.ptr[from]))
        from++;
    while (to > from && is_blank(s.ptr[to - 1]))
        to--;
    return str_sub(s, from, to);
}

struct str str_cut(struct str *rest, char sep)
{
    const char *hit = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    struct str part = *rest;

    if (!hit) {
        *rest = STR_NONE;
        return part;
    }
    part.len = (size_t)(hit - rest->ptr);
    *rest = (struct str){hit + 1, rest->len - part.len - 1};
    return part;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t n = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(n, 10u, &n) ||
            __builtin_add_overflow(n, (uint64_t)(s.ptr[i] - '0'), &n))
            return false;
    }
    *out = n;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (is_negative ? 1u : 0u);
    uint64_t magnitude;

    if (is_negative)
        s = str_sub(s, 1, s.len);
    if (!str_to_u64(s, &magnitude) || magnitude > limit)
        return false;
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* Length of the sequence at p with n bytes left, 0 if malformed. RFC 3629 section 4, the table. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char lead = p[0];
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t len;

    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF) {
        len = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        len = 3;
        if (lead == 0xE0)
            low = 0xA0;
        if (lead == 0xED)
            high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        len = 4;
        if (lead == 0xF0)
            low = 0x90;
        if (lead == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    }
    return len;
}

size_t str_rune(struct str s, size_t at, uint32_t *out_rune)
{
    static const unsigned char lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    size_t len = utf8_sequence(p, s.len - at);

    if (len == 0)
        return 0;
    uint32_t rune = p[0] & lead_mask[len];
    for (size_t i = 1; i < len; i++)
        rune = rune << 6 | (p[i] & 0x3Fu);
    *out_rune = rune;
    return len;
}

bool str_is_utf8(struct str s)
{
    size_t i = 0;

    while (i < s.len) {
        uint64_t eight;
        if (s.len - i >= sizeof(eight)) { /* eight ASCII bytes at once */
            memcpy(&eight, s.ptr + i, sizeof(eight));
            if ((eight & 0x8080808080808080u) == 0) {
                i += sizeof(eight);
                continue;
            }
        }
        size_t n = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

struct str str_dup(struct str s)
{
    char *copy = hl_alloc(s.len + 1);

    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

void str_free(struct str s)
{
    free((void *)(uintptr_t)s.ptr);
}
