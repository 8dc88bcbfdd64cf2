/*
 * Shortest decimal digits: the smallest precision at which the text reads back as the same float.
 * Correctly rounded digits are the nearest of their length, so the first length that reads back
 * is the shortest; below a power of two the next digit up may read back where the nearest does not.
 */
#include "core/value/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 17 };

struct decimal {
    char digit[DIGITS_MAX + 1];
    int count;
    int point; /* the value is 0.digits * 10^point */
    bool is_negative;
};

static bool reads_back(const char *text, double d, int bits)
{
    return bits == 32 ? strtof(text, NULL) == (float)d : strtod(text, NULL) == d;
}

/* Formats at this many digits into text; true if it reads back, if need be one unit higher. */
static bool format_at(double d, int bits, int digits, char text[NUMBER_TEXT_MAX])
{
    snprintf(text, NUMBER_TEXT_MAX, "%.*e", digits - 1, d);
    if (reads_back(text, d, bits))
        return true;

    char up[NUMBER_TEXT_MAX];
    memcpy(up, text, sizeof(up));
    char *exponent = strchr(up, 'e');
    if (exponent == up + 1 || exponent[-1] >= '9')
        return false;
    exponent[-1]++;
    if (!reads_back(up, d, bits))
        return false;
    memcpy(text, up, sizeof(up));
    return true;
}

static struct decimal shortest(double d, int bits)
{
    struct decimal out = {.is_negative = signbit(d) != 0};
    char text[NUMBER_TEXT_MAX];
    int most = bits == 32 ? 9 : DIGITS_MAX;
    int least = bits == 32 ? 6 : 15; /* so many digits survive any normal float */

    d = fabs(d);
    if (d == 0) {
        out.digit[0] = '0';
        out.count = 1;
        out.point = 1;
        return out;
    }
    if (d < (bits == 32 ? (double)FLT_MIN : DBL_MIN))
        least = 1;
    for (int digits = least; digits <= most; digits++) {
        if (format_at(d, bits, digits, text))
            break;
    }
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p != '.')
            out.digit[out.count++] = *p;
    }
    while (out.count > 1 && out.digit[out.count - 1] == '0')
        out.count--;
    out.point = (int)strtol(p + 1, NULL, 10) + 1;
    return out;
}

static char *put_digits(char *p, const struct decimal *d, int from, int to)
{
    for (int i = from; i < to; i++)
        *p++ = i < d->count ? d->digit[i] : '0';
    return p;
}

/* d.ddde+XX with one or two digits of exponent at least. */
static char *put_exponential(char *p, const struct decimal *d, int least_digits)
{
    int exponent = d->point - 1;

    *p++ = d->digit[0];
    if (d->count > 1) {
        *p++ = '.';
        p = put_digits(p, d, 1, d->count);
    }
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    exponent = abs(exponent);
    if (exponent >= 100)
        *p++ = (char)('0' + exponent / 100);
    if (exponent >= 10 || least_digits > 1)
        *p++ = (char)('0' + exponent / 10 % 10);
    *p++ = (char)('0' + exponent % 10);
    return p;
}

static char *put_fixed(char *p, const struct decimal *d)
{
    if (d->point > 0) {
        p = put_digits(p, d, 0, d->point);
    } else {
        *p++ = '0';
    }
    if (d->count > d->point) {
        *p++ = '.';
        for (int i = d->point; i < 0; i++)
            *p++ = '0';
        p = put_digits(p, d, d->point > 0 ? d->point : 0, d->count);
    }
    return p;
}

bool number_parse(struct str text, double *out)
{
    char room[64];
    char *copy = text.len < sizeof(room) ? room : hl_alloc(text.len + 1);

    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double d = strtod(copy, NULL);
    if (copy != room)
        free(copy);
    if (!isfinite(d))
        return false;
    *out = d;
    return true;
}

struct str number_go(double d, int bits, char out[NUMBER_TEXT_MAX])
{
    if (bits == 32 && isfinite(d))
        d = (double)(float)d;
    if (isnan(d))
        return STR(".nan");
    if (isinf(d))
        return d > 0 ? STR(".inf") : STR("-.inf");

    struct decimal dec = shortest(d, bits);
    int exponent = dec.point - 1;
    char *p = out;
    if (dec.is_negative)
        *p++ = '-';
    /* strconv's 'g' at shortest precision turns to an exponent at 1e6 */
    if (exponent < -4 || exponent >= 6)
        p = put_exponential(p, &dec, 2);
    else
        p = put_fixed(p, &dec);
    return (struct str){out, (size_t)(p - out)};
}

struct str number_json(double d, char out[NUMBER_TEXT_MAX])
{
    struct decimal dec = shortest(d, 64);
    char *p = out;

    if (dec.is_negative)
        *p++ = '-';
    if (d != 0 && (fabs(d) < 1e-6 || fabs(d) >= 1e21))
        p = put_exponential(p, &dec, 1);
    else
        p = put_fixed(p, &dec);
    return (struct str){out, (size_t)(p - out)};
}
