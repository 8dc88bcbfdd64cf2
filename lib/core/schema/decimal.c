/* Digits come from the number's JSON text, which is its shortest; divisions are done modulo. */
#include "core/schema/decimal.h"

#include <string.h>

#include "core/value/json.h"

static void add_digit(struct decimal *d, char digit)
{
    HL_ASSERT(d->count < DECIMAL_DIGITS_MAX);
    d->digit[d->count++] = digit;
}

static void trim(struct decimal *d)
{
    while (d->count > 0 && d->digit[d->count - 1] == '0')
        d->count--;
    if (d->count == 0)
        *d = (struct decimal){0};
}

/* [-]digits[.digits][e[+-]digits] */
static struct decimal parse(struct str text)
{
    struct decimal d = {0};
    int pending_zeros = 0;
    bool is_fraction = false;
    size_t i = 0;

    d.is_negative = text.ptr[0] == '-';
    for (i = d.is_negative; i < text.len && text.ptr[i] != 'e'; i++) {
        char c = text.ptr[i];
        if (c == '.') {
            is_fraction = true;
            continue;
        }
        if (!is_fraction && (d.count > 0 || c != '0'))
            d.point++;
        else if (is_fraction && d.count == 0 && c == '0')
            d.point--;
        if (c == '0') {
            pending_zeros += d.count > 0;
            continue;
        }
        for (; pending_zeros > 0; pending_zeros--)
            add_digit(&d, '0');
        add_digit(&d, c);
    }
    if (i < text.len) {
        int64_t exponent = 0;
        size_t digits = i + 1 + (text.ptr[i + 1] == '+');
        bool is_number = str_to_i64(str_sub(text, digits, text.len), &exponent);
        HL_ASSERT(is_number);
        d.point += (int)exponent;
    }
    trim(&d);
    return d;
}

static struct decimal of_unsigned(uint64_t u, bool is_negative)
{
    char digit[DECIMAL_DIGITS_MAX];
    int at = DECIMAL_DIGITS_MAX;
    struct decimal d = {.is_negative = is_negative};

    for (; u > 0; u /= 10)
        digit[--at] = (char)('0' + u % 10);
    d.count = (uint8_t)(DECIMAL_DIGITS_MAX - at);
    d.point = d.count;
    memcpy(d.digit, digit + at, d.count);
    trim(&d);
    return d;
}

static struct decimal of_float(const struct value *number)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    double f = number->number;

    if (f > -1e15 && f < 1e15 && f == (double)(int64_t)f)
        return of_unsigned((uint64_t)(f < 0 ? -f : f), f < 0);
    json_write(&text, number, JSON_COMPACT);
    return parse(buf_str(&text));
}

struct decimal decimal_of(const struct value *number)
{
    if (number->kind == VALUE_UINT)
        return of_unsigned(number->unsigned_integer, false);
    if (number->kind == VALUE_FLOAT)
        return of_float(number);
    HL_ASSERT(number->kind == VALUE_INT);
    int64_t i = number->integer;
    return of_unsigned(i < 0 ? 0 - (uint64_t)i : (uint64_t)i, i < 0);
}

static int cmp_magnitude(const struct decimal *a, const struct decimal *b)
{
    uint8_t common = a->count < b->count ? a->count : b->count;

    if (a->count == 0 || b->count == 0)
        return (a->count > 0) - (b->count > 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    int order = memcmp(a->digit, b->digit, common);
    if (order != 0)
        return order;
    return (a->count > b->count) - (a->count < b->count);
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    return a->is_negative ? -cmp_magnitude(a, b) : cmp_magnitude(a, b);
}

bool decimal_is_integer(const struct decimal *d)
{
    return d->count <= d->point || d->count == 0;
}

static uint64_t digits_of(const struct decimal *d)
{
    uint64_t u = 0;

    for (int i = 0; i < d->count; i++)
        u = u * 10 + (uint64_t)(d->digit[i] - '0');
    return u;
}

/* a = x * 10^k, b = y * 10^l: y must divide x * 10^(k-l), or y * 10^(l-k) must divide x. */
bool decimal_is_multiple(const struct decimal *a, const struct decimal *b)
{
    HL_ASSERT(b->count > 0);
    uint64_t x = digits_of(a);
    uint64_t y = digits_of(b);
    int shift = (a->point - a->count) - (b->point - b->count);

    if (x == 0)
        return true;
    for (; shift < 0; shift++) {
        if (y > x / 10)
            return false;
        y *= 10;
    }
    x %= y;
    for (; shift > 0 && x != 0; shift--)
        x = (uint64_t)((unsigned __int128)x * 10 % y);
    return x == 0;
}
