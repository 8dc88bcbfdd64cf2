/*
 * Scalar resolution of goyaml.v2: YAML 1.1 words, Go's integer literals (ParseInt with base 0), its
 * decimal floats. The first byte decides what is tried at all, so most strings cost one look.
 */
#include "core/value/yaml_scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core/value/number.h"

static const struct {
    struct str text;
    struct scalar meaning;
} words[] = {
    {STR("y"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("Y"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("yes"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("Yes"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("YES"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("true"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("True"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("TRUE"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("on"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("On"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("ON"), {.kind = VALUE_BOOL, .boolean = true}},
    {STR("n"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("N"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("no"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("No"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("NO"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("false"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("False"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("FALSE"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("off"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("Off"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("OFF"), {.kind = VALUE_BOOL, .boolean = false}},
    {STR("~"), {.kind = VALUE_NULL}},
    {STR("null"), {.kind = VALUE_NULL}},
    {STR("Null"), {.kind = VALUE_NULL}},
    {STR("NULL"), {.kind = VALUE_NULL}},
    {STR(".nan"), {.kind = VALUE_FLOAT, .number = NAN}},
    {STR(".NaN"), {.kind = VALUE_FLOAT, .number = NAN}},
    {STR(".NAN"), {.kind = VALUE_FLOAT, .number = NAN}},
    {STR(".inf"), {.kind = VALUE_FLOAT, .number = INFINITY}},
    {STR(".Inf"), {.kind = VALUE_FLOAT, .number = INFINITY}},
    {STR(".INF"), {.kind = VALUE_FLOAT, .number = INFINITY}},
    {STR("+.inf"), {.kind = VALUE_FLOAT, .number = INFINITY}},
    {STR("+.Inf"), {.kind = VALUE_FLOAT, .number = INFINITY}},
    {STR("+.INF"), {.kind = VALUE_FLOAT, .number = INFINITY}},
    {STR("-.inf"), {.kind = VALUE_FLOAT, .number = -INFINITY}},
    {STR("-.Inf"), {.kind = VALUE_FLOAT, .number = -INFINITY}},
    {STR("-.INF"), {.kind = VALUE_FLOAT, .number = -INFINITY}},
};

enum { WORD_MAX = 5, NUMBER_ROOM = 64 };

static const struct scalar is_string = {.kind = VALUE_STRING};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool find_word(struct str text, struct scalar *out)
{
    if (text.len > WORD_MAX)
        return false;
    for (size_t i = 0; i < HL_COUNT(words); i++) {
        if (str_eq(words[i].text, text)) {
            *out = words[i].meaning;
            return true;
        }
    }
    return false;
}

static size_t skip_digits(struct str s, size_t i)
{
    while (i < s.len && is_digit(s.ptr[i]))
        i++;
    return i;
}

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$ */
static bool is_float_literal(struct str s)
{
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t whole = skip_digits(s, i);
    bool has_whole = whole > i;

    i = whole;
    if (i < s.len && s.ptr[i] == '.') {
        size_t fraction = skip_digits(s, i + 1);
        if (!has_whole && fraction == i + 1)
            return false;
        i = fraction;
    } else if (!has_whole) {
        return false;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
            i++;
        size_t exponent = skip_digits(s, i);
        if (exponent == i)
            return false;
        i = exponent;
    }
    return i == s.len;
}

static bool parse_float(struct str s, struct scalar *out)
{
    out->kind = VALUE_FLOAT;
    return is_float_literal(s) && number_parse(s, &out->number);
}

static unsigned digit_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : 99;
}

static bool parse_magnitude(struct str s, unsigned base, uint64_t *out)
{
    uint64_t n = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = digit_value(s.ptr[i]);
        if (d >= base || __builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, d, &n))
            return false;
    }
    *out = n;
    return true;
}

/* Cuts strconv's base prefix: 0b, 0o, 0x in either case, or a leading zero for octal. */
static unsigned cut_base(struct str *s)
{
    if (s->len < 2 || s->ptr[0] != '0')
        return 10;
    char c = (char)(s->ptr[1] | 0x20);
    unsigned base = c == 'b' ? 2 : c == 'o' ? 8 : c == 'x' ? 16 : 0;
    *s = str_sub(*s, base ? 2 : 1, s->len);
    return base ? base : 8;
}

/* ParseInt, then ParseUint, which takes no sign. base 0 looks for a prefix. */
static bool parse_integer(struct str s, unsigned base, struct scalar *out)
{
    bool has_sign = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    bool is_negative = has_sign && s.ptr[0] == '-';
    uint64_t n;

    if (has_sign)
        s = str_sub(s, 1, s.len);
    if (base == 0)
        base = cut_base(&s);
    if (!parse_magnitude(s, base, &n))
        return false;
    if (n <= (uint64_t)INT64_MAX + (is_negative ? 1u : 0u)) {
        out->kind = VALUE_INT;
        out->integer = is_negative ? (int64_t)(0 - n) : (int64_t)n;
        return true;
    }
    if (has_sign)
        return false;
    out->kind = VALUE_UINT;
    out->unsigned_integer = n;
    return true;
}

/* The extra try of resolve.go behind "0b": digits that may carry a sign of their own. */
static bool parse_binary(struct str s, struct scalar *out)
{
    if (str_starts(s, STR("0b")))
        return parse_integer(str_sub(s, 2, s.len), 2, out);
    return false;
}

static struct scalar resolve_number(struct str text)
{
    char room[NUMBER_ROOM];
    char *plain = text.len <= sizeof(room) ? room : hl_alloc(text.len);
    struct str s = {plain, 0};
    struct scalar out = {.kind = VALUE_STRING};

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '_')
            plain[s.len++] = text.ptr[i];
    }
    if (!parse_integer(s, 0, &out) && !parse_float(s, &out) && !parse_binary(s, &out))
        out = is_string;
    if (plain != room)
        free(plain);
    return out;
}

/* Text that starts with a dot goes to ParseFloat as it is, which takes underscores between digits
 * only; elsewhere all of them are dropped. */
static bool has_stray_underscore(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_' &&
            (i == 0 || i + 1 == s.len || !is_digit(s.ptr[i + 1]) || !is_digit(s.ptr[i - 1])))
            return true;
    }
    return false;
}

struct scalar scalar_resolve(struct str text)
{
    struct scalar out = {.kind = VALUE_STRING};
    char first = text.len > 0 ? text.ptr[0] : '~';

    if (text.len == 0)
        return (struct scalar){.kind = VALUE_NULL};
    if (is_digit(first))
        return resolve_number(text);
    if (first == '-' || first == '+')
        return find_word(text, &out) ? out : resolve_number(text);
    if (first == '.') {
        if (find_word(text, &out))
            return out;
        return has_stray_underscore(text) ? is_string : resolve_number(text);
    }
    if (memchr("yYnNtTfFoO~", first, 11) && find_word(text, &out))
        return out;
    return is_string;
}

/* [0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? with an optional sign */
bool scalar_is_base60(struct str s)
{
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t groups = 0;

    if (i >= s.len || !is_digit(s.ptr[i]))
        return false;
    while (i < s.len && (is_digit(s.ptr[i]) || s.ptr[i] == '_'))
        i++;
    while (i < s.len && s.ptr[i] == ':') {
        size_t end = skip_digits(s, i + 1);
        if (end == i + 1 || end > i + 3 || (end == i + 3 && s.ptr[i + 1] > '5'))
            return false;
        i = end;
        groups++;
    }
    if (i < s.len && s.ptr[i] == '.') {
        i++;
        while (i < s.len && (is_digit(s.ptr[i]) || s.ptr[i] == '_'))
            i++;
    }
    return groups > 0 && i == s.len;
}

/* One or two digits, as time.Parse reads "1", "2", "15", "4" and "5" of a layout. */
static bool cut_number(struct str *s, int *out)
{
    if (s->len == 0 || !is_digit(s->ptr[0]))
        return false;
    size_t len = s->len > 1 && is_digit(s->ptr[1]) ? 2 : 1;
    *out = len == 2 ? (s->ptr[0] - '0') * 10 + s->ptr[1] - '0' : s->ptr[0] - '0';
    *s = str_sub(*s, len, s->len);
    return true;
}

static bool cut_byte(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* 15:4:5.999999999 */
static bool cut_clock(struct str *s)
{
    int hour;
    int minute;
    int second;

    if (!cut_number(s, &hour) || !cut_byte(s, ':') || !cut_number(s, &minute) ||
        !cut_byte(s, ':') || !cut_number(s, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    if (s->len > 1 && (s->ptr[0] == '.' || s->ptr[0] == ',') && is_digit(s->ptr[1]))
        *s = str_sub(*s, skip_digits(*s, 1), s->len);
    return true;
}

/* Z07:00 */
static bool cut_zone(struct str *s)
{
    if (cut_byte(s, 'Z'))
        return true;
    if (s->len < 6 || (s->ptr[0] != '+' && s->ptr[0] != '-') || s->ptr[3] != ':')
        return false;
    struct str hours = str_sub(*s, 1, 3);
    struct str minutes = str_sub(*s, 4, 6);
    uint64_t hour;
    uint64_t minute;
    *s = str_sub(*s, 6, s->len);
    return str_to_u64(hours, &hour) && str_to_u64(minutes, &minute) && hour <= 24 && minute <= 60;
}

bool scalar_is_timestamp(struct str s)
{
    int month;
    int day;

    if (s.len < 5 || skip_digits(s, 0) != 4 || s.ptr[4] != '-')
        return false;
    int year =
        (s.ptr[0] - '0') * 1000 + (s.ptr[1] - '0') * 100 + (s.ptr[2] - '0') * 10 + (s.ptr[3] - '0');
    s = str_sub(s, 5, s.len);
    if (!cut_number(&s, &month) || !cut_byte(&s, '-') || !cut_number(&s, &day) ||
        !is_day(year, month, day))
        return false;
    if (s.len == 0)
        return true;
    if (cut_byte(&s, 'T') || cut_byte(&s, 't'))
        return cut_clock(&s) && cut_zone(&s) && s.len == 0;
    if (!cut_byte(&s, ' '))
        return false;
    while (cut_byte(&s, ' ')) {
    }
    return cut_clock(&s) && s.len == 0;
}

/* JSON has no bytes: what is not UTF-8 becomes U+FFFD, one per byte, as encoding/json has it. */
static struct str as_utf8(struct arena *a, struct str bytes)
{
    if (str_is_utf8(bytes))
        return bytes;
    char *text = arena_alloc(a, bytes.len * 3);
    size_t len = 0;
    uint32_t rune = 0;
    for (size_t i = 0; i < bytes.len;) {
        size_t n = str_rune(bytes, i, &rune);
        memcpy(text + len, n ? bytes.ptr + i : "\xEF\xBF\xBD", n ? n : 3);
        len += n ? n : 3;
        i += n ? n : 1;
    }
    return (struct str){text, len};
}

static void set(struct value *v, struct scalar s, struct str text)
{
    v->kind = s.kind;
    if (s.kind == VALUE_BOOL)
        v->boolean = s.boolean;
    else if (s.kind == VALUE_INT)
        v->integer = s.integer;
    else if (s.kind == VALUE_UINT)
        v->unsigned_integer = s.unsigned_integer;
    else if (s.kind == VALUE_FLOAT)
        v->number = s.number;
    else if (s.kind == VALUE_STRING)
        v->string = text;
}

/* The tags that promise a kind; everything else leaves the text a string. */
static bool tag_agrees(struct str name, struct str text, struct scalar *s)
{
    if (str_eq(name, STR("float")) && s->kind == VALUE_INT)
        *s = (struct scalar){.kind = VALUE_FLOAT, .number = (double)s->integer};
    if (str_eq(name, STR("null")))
        return s->kind == VALUE_NULL;
    if (str_eq(name, STR("bool")))
        return s->kind == VALUE_BOOL;
    if (str_eq(name, STR("int")))
        return s->kind == VALUE_INT || s->kind == VALUE_UINT;
    if (str_eq(name, STR("float")))
        return s->kind == VALUE_FLOAT;
    if (str_eq(name, STR("timestamp")))
        return scalar_is_timestamp(text);
    *s = is_string;
    return true;
}

int scalar_read(struct arena *a, struct str tag, bool is_plain, struct str text, struct value *v,
                struct err *err)
{
    struct str prefix = STR("tag:yaml.org,2002:");

    if (tag.len == 0) {
        set(v, is_plain ? scalar_resolve(text) : is_string, text);
        return 0;
    }
    if (!str_starts(tag, prefix)) {
        set(v, is_string, text);
        return 0;
    }
    struct str name = str_sub(tag, prefix.len, tag.len);
    if (str_eq(name, STR("binary"))) {
        struct str bytes;
        if (!base64_decode(a, text, &bytes, NULL))
            return value_err(err, HL_EINVAL, v, "!!binary is not valid base64");
        set(v, is_string, as_utf8(a, bytes));
        return 0;
    }
    struct scalar s = scalar_resolve(text);
    if (!tag_agrees(name, text, &s))
        return value_err(err, HL_EINVAL, v, "\"" STR_FMT "\" is no !!" STR_FMT,
                         (int)(text.len < 80 ? text.len : 80), text.ptr,
                         (int)(name.len < 80 ? name.len : 80), name.ptr);
    set(v, s, text);
    return 0;
}
