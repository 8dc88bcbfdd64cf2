/* strconv's number and string syntax by hand; only rounding is libc's. */
#include "core/gostd/literal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/gostd/unicode.h"

enum { FLOAT_TEXT_MAX = 400 };

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return (c | 0x20) - 'a' + 10;
    return 99;
}

/* Underscores stand between digits, or between the base prefix and a digit. */
static bool underscores_ok(struct str s)
{
    char before = '^';
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    bool is_hex = false;

    if (s.len - i >= 2 && s.ptr[i] == '0' && strchr("box", s.ptr[i + 1] | 0x20)) {
        is_hex = (s.ptr[i + 1] | 0x20) == 'x';
        before = '0';
        i += 2;
    }
    for (; i < s.len; i++) {
        bool is_digit = digit_of(s.ptr[i]) < (is_hex ? 16 : 10);
        if (s.ptr[i] == '_' ? before != '0' : before == '_' && !is_digit)
            return false;
        before = is_digit ? '0' : s.ptr[i] == '_' ? '_' : '!';
    }
    return before != '_';
}

static int cut_prefix(struct str *s)
{
    char kind = s->len > 1 ? (char)(s->ptr[1] | 0x20) : '\0';

    if (s->len == 0 || s->ptr[0] != '0')
        return 10;
    if (s->len >= 3 && (kind == 'x' || kind == 'o' || kind == 'b')) {
        *s = str_sub(*s, 2, s->len);
        return kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
    }
    *s = str_sub(*s, 1, s->len);
    return 8;
}

bool literal_uint(struct str s, int base, uint64_t *out)
{
    uint64_t sum = 0;
    bool is_free = base == 0; /* base and underscores are the text's */
    bool has_prefix = false;

    if (s.len == 0)
        return false;
    if (is_free) {
        struct str rest = s;
        if (!underscores_ok(s))
            return false;
        base = cut_prefix(&rest);
        has_prefix = rest.len < s.len;
        if (has_prefix && rest.len == 0) { /* "0" alone */
            *out = 0;
            return true;
        }
        s = rest;
    }
    bool has_digit = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_' && is_free)
            continue;
        int d = digit_of(s.ptr[i]);
        if (d >= base || __builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)d, &sum))
            return false;
        has_digit = true;
    }
    *out = sum;
    return has_digit;
}

bool literal_int(struct str s, int base, int64_t *out)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t sum;

    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = str_sub(s, 1, s.len);
    if (!literal_uint(s, base, &sum) || sum > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return false;
    *out = is_negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

static bool is_word(struct str s, const char *lower)
{
    size_t len = strlen(lower);

    for (size_t i = 0; i < s.len && i < len; i++) {
        if (tolower((unsigned char)s.ptr[i]) != lower[i])
            return false;
    }
    return s.len == len;
}

static bool special_float(struct str s, double *out)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    bool has_sign = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    struct str word = str_sub(s, has_sign ? 1 : 0, s.len);

    if (is_word(word, "nan") && !has_sign) {
        *out = (double)NAN;
        return true;
    }
    if (!is_word(word, "inf") && !is_word(word, "infinity"))
        return false;
    *out = is_negative ? -(double)INFINITY : (double)INFINITY;
    return true;
}

static size_t skip_digits(const char *text, size_t at, bool is_hex, size_t *count)
{
    while (isdigit((unsigned char)text[at]) || (is_hex && isxdigit((unsigned char)text[at]))) {
        at++;
        ++*count;
    }
    return at;
}

/* [sign] digits [. digits] [e|p [sign] digits], at least one digit; a hexadecimal one needs its p.
 */
static bool float_form_ok(const char *text)
{
    size_t at = text[0] == '+' || text[0] == '-' ? 1 : 0;
    bool is_hex = text[at] == '0' && (text[at + 1] | 0x20) == 'x';
    size_t count = 0;
    size_t exponent_count = 0;

    if (is_hex)
        at += 2;
    at = skip_digits(text, at, is_hex, &count);
    if (text[at] == '.')
        at = skip_digits(text, at + 1, is_hex, &count);
    if (count == 0)
        return false;
    if ((text[at] | 0x20) != (is_hex ? 'p' : 'e'))
        return text[at] == '\0' && !is_hex;
    at++;
    if (text[at] == '+' || text[at] == '-')
        at++;
    at = skip_digits(text, at, false, &exponent_count);
    return exponent_count > 0 && text[at] == '\0';
}

bool literal_float(struct str s, double *out)
{
    char text[FLOAT_TEXT_MAX];
    size_t len = 0;

    if (special_float(s, out))
        return true;
    if (str_has_byte(s, '_') && !underscores_ok(s))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_')
            continue;
        if (len == sizeof(text) - 1)
            return false;
        text[len++] = s.ptr[i];
    }
    text[len] = '\0';
    if (strlen(text) != len || !float_form_ok(text))
        return false;
    errno = 0;
    double d = strtod(text, NULL);
    if (isinf(d))
        return false;
    *out = d;
    return true;
}

/* ---- quoted strings ---- */

static bool hex_digits(struct str s, size_t *at, size_t count, uint32_t *out)
{
    uint32_t sum = 0;

    if (s.len - *at < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int d = digit_of(s.ptr[(*at)++]);
        if (d > 15)
            return false;
        sum = sum << 4 | (uint32_t)d;
    }
    *out = sum;
    return true;
}

static bool octal_digits(struct str s, size_t *at, uint32_t *out)
{
    uint32_t sum = 0;

    for (int i = 0; i < 3; i++, (*at)++) {
        if (*at == s.len || s.ptr[*at] < '0' || s.ptr[*at] > '7')
            return false;
        sum = sum << 3 | (uint32_t)(s.ptr[*at] - '0');
    }
    *out = sum;
    return sum < 256;
}

/* UnquoteChar: one character or escape at *at. *is_byte: \x and octal escapes stand for bytes. */
static bool unquote_one(struct str s, size_t *at, char quote, uint32_t *out, bool *is_byte)
{
    static const char named[] = "a\ab\bf\fn\nr\rt\tv\v\\\\";
    size_t len;

    *is_byte = false;
    if (s.ptr[*at] == quote)
        return false;
    if (s.ptr[*at] != '\\') {
        *out = rune_at(s, *at, &len);
        *is_byte = len == 1;
        if (*is_byte)
            *out = (unsigned char)s.ptr[*at];
        *at += len;
        return true;
    }
    if (++*at == s.len)
        return false;
    char c = s.ptr[(*at)++];
    for (const char *n = named; *n; n += 2) {
        if (*n == c) {
            *out = (unsigned char)n[1];
            return true;
        }
    }
    switch (c) {
    case '\'':
    case '"':
        *out = (unsigned char)c;
        return c == quote;
    case 'x':
        *is_byte = true;
        return hex_digits(s, at, 2, out);
    case 'u':
    case 'U':
        return hex_digits(s, at, c == 'u' ? 4 : 8, out) && *out <= RUNE_MAX &&
               (*out < 0xd800 || *out > 0xdfff);
    default:
        --*at;
        *is_byte = true;
        return octal_digits(s, at, out);
    }
}

static bool unquote_raw(struct arena *a, struct str inner, struct str *out)
{
    char *text = arena_alloc(a, inner.len + 1);
    size_t len = 0;

    if (str_has_byte(inner, '`'))
        return false;
    for (size_t i = 0; i < inner.len; i++) {
        if (inner.ptr[i] != '\r')
            text[len++] = inner.ptr[i];
    }
    *out = (struct str){text, len};
    return true;
}

bool literal_unquote(struct arena *a, struct str quoted, struct str *out)
{
    if (quoted.len < 2 || quoted.ptr[0] != quoted.ptr[quoted.len - 1])
        return false;
    char quote = quoted.ptr[0];
    struct str inner = str_sub(quoted, 1, quoted.len - 1);
    if (quote == '`') {
        if (str_has_byte(inner, '\r'))
            return unquote_raw(a, inner, out);
        *out = inner;
        return !str_has_byte(inner, '`');
    }
    if (quote != '"' || str_has_byte(inner, '\n'))
        return false;
    if (!str_has_byte(inner, '\\') && !str_has_byte(inner, '"')) {
        *out = inner;
        return true;
    }
    char *text = arena_alloc(a, inner.len + RUNE_BYTES_MAX);
    size_t len = 0;
    for (size_t at = 0; at < inner.len;) {
        uint32_t r = 0;
        bool is_byte;
        if (!unquote_one(inner, &at, '"', &r, &is_byte))
            return false;
        if (is_byte)
            text[len++] = (char)r;
        else
            len += rune_put(r, text + len);
    }
    *out = (struct str){text, len};
    return true;
}

bool literal_char(struct str quoted, uint32_t *out)
{
    size_t at = 0;
    bool is_byte;
    struct str inner = str_sub(quoted, 1, quoted.len - 1);

    if (quoted.len < 3 || inner.ptr[0] == '\n' || !unquote_one(inner, &at, '\'', out, &is_byte))
        return false;
    if (is_byte && *out >= 0x80 && inner.ptr[0] != '\\')
        *out = RUNE_ERROR;
    return at == inner.len;
}

static void quote_one(struct buf *out, uint32_t r, char quote, bool is_ascii)
{
    static const char named[] = "\aa\bb\ff\nn\rr\tt\vv";

    if (r == (unsigned char)quote || r == '\\') {
        buf_add_byte(out, '\\');
        buf_add_byte(out, (char)r);
        return;
    }
    if (rune_is_print(r) && (r < 0x80 || !is_ascii)) {
        buf_add_rune(out, r);
        return;
    }
    for (const char *n = named; *n; n += 2) {
        if ((unsigned char)*n == r) {
            buf_add_byte(out, '\\');
            buf_add_byte(out, n[1]);
            return;
        }
    }
    if (r < ' ' || r == 0x7f)
        buf_printf(out, "\\x%02x", r);
    else if (r < 0x10000)
        buf_printf(out, "\\u%04x", r);
    else
        buf_printf(out, "\\U%08x", r);
}

void literal_quote(struct buf *out, struct str s, bool is_ascii)
{
    size_t len;

    buf_add_byte(out, '"');
    for (size_t at = 0; at < s.len; at += len) {
        size_t plain = at; /* most text needs nothing */
        while (plain < s.len && s.ptr[plain] >= ' ' && s.ptr[plain] < 0x7f && s.ptr[plain] != '"' &&
               s.ptr[plain] != '\\')
            plain++;
        buf_add_bytes(out, s.ptr + at, plain - at);
        at = plain;
        len = 0;
        if (at == s.len)
            break;
        uint32_t r = rune_at(s, at, &len);
        if (r == RUNE_ERROR && len == 1)
            buf_printf(out, "\\x%02x", (unsigned char)s.ptr[at]);
        else
            quote_one(out, r, '"', is_ascii);
    }
    buf_add_byte(out, '"');
}

void literal_quote_rune(struct buf *out, uint32_t r, bool is_ascii)
{
    if (r > RUNE_MAX || (r >= 0xd800 && r <= 0xdfff))
        r = RUNE_ERROR;
    buf_add_byte(out, '\'');
    quote_one(out, r, '\'', is_ascii);
    buf_add_byte(out, '\'');
}
