/*
 * For the files of this folder only: numbers of documents as exact decimals.
 *
 * JSON Schema compares 0.1 with 0.1, not the binary floats next to it. The shortest text of a float
 * is the decimal that somebody wrote, as long as it had 15 digits or fewer.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_SCHEMA_DECIMAL_H
#define HL_CORE_SCHEMA_DECIMAL_H

#include "core/value/value.h"

enum { DECIMAL_DIGITS_MAX = 20 };

/* 0.digits * 10^point; no zeros at either end of the digits; zero has none, and point 0. */
struct decimal {
    int point;
    uint8_t count;
    bool is_negative;
    char digit[DECIMAL_DIGITS_MAX];
};

/* Of VALUE_INT, VALUE_UINT and finite VALUE_FLOAT. */
struct decimal decimal_of(const struct value *number);

/* Below, equal or above 0. */
int decimal_cmp(const struct decimal *a, const struct decimal *b);
bool decimal_is_integer(const struct decimal *d);
/* Whether a / b is an integer; b is not zero. */
bool decimal_is_multiple(const struct decimal *a, const struct decimal *b);

#endif
