/* printf of libc gives exact digits; the shortest that read back the same are found by trying. */
#include "core/gostd/float_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next digits up, of a %e text; what ends in nines has been found shorter. */
static void increment_digits(char *text)
{
    char *last = strchr(text, 'e') - 1;

    if (*last != '9')
        (*last)++;
}

/*
 * Shortest digits that read back the same, in the form of %e. Normal numbers keep 15 digits, so
 * that what is shorter ends in zeros. Above a power of two numbers are farther apart than below:
 * there the digits next above may read back where the nearest ones, which are below, do not.
 */
static void shortest(double d, char *text, size_t size)
{
    bool is_normal = d >= 0x1p-1022;

    for (int precision = is_normal ? 14 : 0; precision < 17; precision++) {
        snprintf(text, size, "%.*e", precision, d);
        if (strtod(text, NULL) == d)
            break;
        increment_digits(text);
        if (strtod(text, NULL) == d)
            break;
    }
}

static void shortest_single(double d, char *text, size_t size)
{
    for (int precision = 0; precision < 9; precision++) {
        snprintf(text, size, "%.*e", precision, d);
        if ((double)strtof(text, NULL) == d)
            break;
    }
}

/* Removes zeros behind the point of a %e text's digits. */
static size_t significant(const char *text, char *digits, int *exponent)
{
    const char *e = strchr(text, 'e');
    size_t count = 0;

    for (const char *c = text; c < e; c++) {
        if (*c >= '0' && *c <= '9')
            digits[count++] = *c;
    }
    while (count > 1 && digits[count - 1] == '0')
        count--;
    *exponent = (int)strtol(e + 1, NULL, 10);
    return count;
}

static void add_exponent(struct buf *out, char mark, int exponent)
{
    buf_printf(out, "%c%c%02d", mark, exponent < 0 ? '-' : '+', abs(exponent));
}

static void add_scientific(struct buf *out, const char *digits, size_t count, int exponent, char e)
{
    buf_add_byte(out, digits[0]);
    if (count > 1) {
        buf_add_byte(out, '.');
        buf_add_bytes(out, digits + 1, count - 1);
    }
    add_exponent(out, e, exponent);
}

static void add_plain(struct buf *out, const char *digits, size_t count, int exponent)
{
    int whole = exponent + 1; /* digits before the point */

    if (whole <= 0)
        buf_add_byte(out, '0');
    for (int i = 0; i < whole; i++)
        buf_add_byte(out, (size_t)i < count ? digits[i] : '0');
    if ((int)count <= whole)
        return;
    buf_add_byte(out, '.');
    for (int i = whole; i < 0; i++)
        buf_add_byte(out, '0');
    size_t from = whole > 0 ? (size_t)whole : 0;
    buf_add_bytes(out, digits + from, count - from);
}

static void add_shortest(struct buf *out, double d, char verb, bool is_single)
{
    char text[64];
    char digits[32];
    int exponent;

    (is_single ? shortest_single : shortest)(d, text, sizeof(text));
    size_t count = significant(text, digits, &exponent);
    char e = verb == 'E' || verb == 'G' ? 'E' : 'e';
    if (verb == 'e' || verb == 'E' ||
        ((verb == 'g' || verb == 'G') && (exponent < -4 || exponent >= 6)))
        add_scientific(out, digits, count, exponent, e);
    else
        add_plain(out, digits, count, exponent);
}

/* C's %a with Go's exponent of at least two digits; small numbers are scaled so that the first
 * digit is a one. */
static void add_hexadecimal(struct buf *out, double d, char verb, int precision)
{
    char text[512];
    int shift = d > 0.0 && d < 0x1p-1022 ? 200 : 0;

    d = ldexp(d, shift);
    if (precision < 0)
        snprintf(text, sizeof(text), verb == 'x' ? "%a" : "%A", d);
    else
        snprintf(text, sizeof(text), verb == 'x' ? "%.*a" : "%.*A",
                 precision > 400 ? 400 : precision, d);
    char *p = strpbrk(text, "pP");
    bool is_carried = text[2] == '2'; /* rounded up to the next power, the rest is zeros */
    if (is_carried)
        text[2] = '1';
    buf_add_bytes(out, text, (size_t)(p - text));
    add_exponent(out, *p, (int)strtol(p + 1, NULL, 10) - shift + is_carried);
}

static void add_binary(struct buf *out, double d)
{
    int exponent = 0;
    double mantissa = ldexp(frexp(d, &exponent), 53);

    if (d < 0x1p-1022) { /* what is smaller has fewer digits, zero none */
        exponent = -1074 + 53;
        mantissa = ldexp(d, 1074);
    }
    buf_printf(out, "%.0fp%+d", mantissa, exponent - 53);
}

/* A finite number without its sign. */
static void add_positive(struct buf *out, double d, char verb, int precision)
{
    char form[8];

    if (verb == 'x' || verb == 'X') {
        add_hexadecimal(out, d, verb, precision);
    } else if (verb == 'b') {
        add_binary(out, d);
    } else if (precision < 0) {
        add_shortest(out, d, verb, false);
    } else {
        char c = verb == 'F' ? 'f' : verb;
        snprintf(form, sizeof(form), "%%.*%c", c);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int len = snprintf(NULL, 0, form, precision, d);
        char *room = buf_reserve(out, (size_t)len + 1);
        snprintf(room, (size_t)len + 1, form, precision, d);
#pragma GCC diagnostic pop
        buf_commit(out, (size_t)len);
    }
}

void format_float(struct buf *out, double d, char verb, int precision)
{
    if (isnan(d)) {
        buf_add_cstr(out, "NaN");
        return;
    }
    if (isinf(d)) {
        buf_add_cstr(out, d > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (signbit(d))
        buf_add_byte(out, '-');
    add_positive(out, fabs(d), verb, precision);
}

void format_float_single(struct buf *out, double d)
{
    d = (double)(float)d;
    if (!isfinite(d)) {
        format_float(out, d, 'g', -1);
        return;
    }
    if (signbit(d))
        buf_add_byte(out, '-');
    add_shortest(out, fabs(d), 'g', true);
}
