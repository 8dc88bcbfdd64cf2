/* Schoolbook arithmetic on digits: numbers in templates have few. */
#include "core/template/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gostd/float_text.h"

enum { QUOTIENT_DIGITS = 16 /* behind the point */ };

static void trim(struct decimal *d)
{
    while (d->count > 0 && d->digit[d->count - 1] == 0)
        d->count--;
    if (d->count == 0)
        d->is_negative = false;
}

int decimal_from_float(struct arena *a, double d, struct decimal *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (!isfinite(d))
        return HL_EINVAL;
    format_float(&text, fabs(d), 'e', -1);
    buf_add_byte(&text, '\0');
    const char *e = strchr(text.ptr, 'e');
    *out = (struct decimal){.digit = arena_alloc(a, 32), .is_negative = signbit(d) != 0};
    int behind = 0; /* digits behind the point */
    for (const char *c = e - 1; c >= text.ptr; c--) {
        if (*c == '.')
            behind = (int)out->count;
        else
            out->digit[out->count++] = (unsigned char)(*c - '0');
    }
    out->exponent = (int32_t)strtol(e + 1, NULL, 10) - behind;
    trim(out);
    return 0;
}

double decimal_to_float(const struct decimal *d)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (d->count == 0)
        return 0.0;
    if (d->is_negative)
        buf_add_byte(&text, '-');
    for (size_t i = d->count; i-- > 0;)
        buf_add_byte(&text, (char)('0' + d->digit[i]));
    buf_printf(&text, "e%d", d->exponent);
    buf_add_byte(&text, '\0');
    return strtod(text.ptr, NULL);
}

/* The same number with a smaller exponent. */
static int scaled(struct arena *a, const struct decimal *d, int32_t exponent, struct decimal *out)
{
    size_t zeros = d->count == 0 ? 0 : (size_t)(d->exponent - exponent);

    if (d->count + zeros > DECIMAL_DIGITS_MAX)
        return HL_ELIMIT;
    unsigned char *digit = arena_alloc(a, d->count + zeros + 1);
    memcpy(digit + zeros, d->digit, d->count);
    *out = (struct decimal){digit, d->count + zeros, exponent, d->is_negative};
    return 0;
}

static int compare(const struct decimal *x, const struct decimal *y) /* of the same exponent */
{
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    for (size_t i = x->count; i-- > 0;) {
        if (x->digit[i] != y->digit[i])
            return x->digit[i] < y->digit[i] ? -1 : 1;
    }
    return 0;
}

static unsigned digit_at(const struct decimal *d, size_t i)
{
    return i < d->count ? d->digit[i] : 0;
}

static void add_digits(struct arena *a, const struct decimal *x, const struct decimal *y,
                       struct decimal *out)
{
    size_t count = (x->count > y->count ? x->count : y->count) + 1;
    unsigned carry = 0;

    out->digit = arena_alloc(a, count);
    for (size_t i = 0; i < count; i++) {
        unsigned sum = digit_at(x, i) + digit_at(y, i) + carry;
        out->digit[i] = (unsigned char)(sum % 10);
        carry = sum / 10;
    }
    out->count = count;
}

/* x - y for x >= y */
static void sub_digits(struct arena *a, const struct decimal *x, const struct decimal *y,
                       struct decimal *out)
{
    unsigned borrow = 0;

    out->digit = arena_alloc(a, x->count + 1);
    for (size_t i = 0; i < x->count; i++) {
        unsigned take = digit_at(y, i) + borrow;
        borrow = x->digit[i] < take;
        out->digit[i] = (unsigned char)(x->digit[i] + 10 * borrow - take);
    }
    out->count = x->count;
}

int decimal_add(struct arena *a, const struct decimal *x, const struct decimal *y,
                struct decimal *out)
{
    int32_t exponent = x->exponent < y->exponent ? x->exponent : y->exponent;
    struct decimal left;
    struct decimal right;

    if (scaled(a, x, exponent, &left) < 0 || scaled(a, y, exponent, &right) < 0)
        return HL_ELIMIT;
    *out = (struct decimal){.exponent = exponent, .is_negative = left.is_negative};
    if (left.is_negative == right.is_negative) {
        add_digits(a, &left, &right, out);
    } else if (compare(&left, &right) >= 0) {
        sub_digits(a, &left, &right, out);
    } else {
        sub_digits(a, &right, &left, out);
        out->is_negative = right.is_negative;
    }
    trim(out);
    return 0;
}

int decimal_sub(struct arena *a, const struct decimal *x, const struct decimal *y,
                struct decimal *out)
{
    struct decimal minus = *y;

    minus.is_negative = !y->is_negative && y->count > 0;
    return decimal_add(a, x, &minus, out);
}

int decimal_mul(struct arena *a, const struct decimal *x, const struct decimal *y,
                struct decimal *out)
{
    size_t count = x->count + y->count;

    if (count > DECIMAL_DIGITS_MAX)
        return HL_ELIMIT;
    *out = (struct decimal){.digit = arena_alloc(a, count + 1),
                            .count = count,
                            .exponent = x->exponent + y->exponent,
                            .is_negative = x->is_negative != y->is_negative};
    for (size_t i = 0; i < x->count; i++) {
        unsigned carry = 0;
        for (size_t k = 0; k < y->count || carry > 0; k++) {
            unsigned sum = out->digit[i + k] + carry + x->digit[i] * digit_at(y, k);
            out->digit[i + k] = (unsigned char)(sum % 10);
            carry = sum / 10;
        }
    }
    trim(out);
    return 0;
}

/* Long division: digits of `x` (most significant first) by y, into out; the rest in *rest. */
static void divide(struct arena *a, const struct decimal *x, const struct decimal *y,
                   struct decimal *out, struct decimal *rest)
{
    out->digit = arena_alloc(a, x->count + 1);
    out->count = x->count;
    *rest = (struct decimal){.digit = arena_alloc(a, y->count + 2)};
    for (size_t i = x->count; i-- > 0;) {
        memmove(rest->digit + 1, rest->digit, rest->count);
        rest->digit[0] = x->digit[i];
        rest->count++;
        trim(rest);
        while (compare(rest, y) >= 0) {
            struct decimal less = {.digit = rest->digit, .count = rest->count};
            unsigned borrow = 0;
            for (size_t k = 0; k < less.count; k++) {
                unsigned take = digit_at(y, k) + borrow;
                borrow = less.digit[k] < take;
                less.digit[k] = (unsigned char)(less.digit[k] + 10 * borrow - take);
            }
            trim(rest);
            out->digit[i]++;
        }
    }
    trim(out);
}

int decimal_div(struct arena *a, const struct decimal *x, const struct decimal *y,
                struct decimal *out)
{
    struct decimal numerator = *x;
    struct decimal denominator = *y;
    struct decimal rest;
    int32_t shift = x->exponent - y->exponent + QUOTIENT_DIGITS;

    if (y->count == 0)
        return HL_EINVAL;
    numerator.exponent = denominator.exponent = 0;
    if (shift >= 0)
        numerator.exponent = shift;
    else
        denominator.exponent = -shift;
    if (scaled(a, &numerator, 0, &numerator) < 0 || scaled(a, &denominator, 0, &denominator) < 0)
        return HL_ELIMIT;
    *out = (struct decimal){.exponent = -QUOTIENT_DIGITS,
                            .is_negative = x->is_negative != y->is_negative};
    divide(a, &numerator, &denominator, out, &rest);
    struct decimal twice;
    add_digits(a, &rest, &rest, &twice);
    trim(&twice);
    if (compare(&twice, &denominator) >= 0) { /* half and more away from zero */
        unsigned char one = 1;
        struct decimal unit = {.digit = &one, .count = 1};
        struct decimal rounded = *out;
        add_digits(a, out, &unit, &rounded);
        *out = rounded;
    }
    trim(out);
    out->is_negative = out->count > 0 && x->is_negative != y->is_negative;
    return 0;
}
