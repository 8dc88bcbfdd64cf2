/*
 * Exact decimal numbers, as shopspring/decimal computes with them: what addf, mulf and their like
 * do, so that 0.1 + 0.2 is 0.3.
 *
 * A number is the shortest decimal text of a float64, or a sum, difference or product of such,
 * exact; or a quotient, rounded to 16 digits behind the point. Results live in the arena.
 *
 * Threads: pure functions. Limits: DECIMAL_DIGITS_MAX digits; more is HL_ELIMIT.
 */
#ifndef HL_CORE_TEMPLATE_DECIMAL_H
#define HL_CORE_TEMPLATE_DECIMAL_H

#include "base/base.h"

enum { DECIMAL_DIGITS_MAX = 4000 };

struct decimal {
    unsigned char *digit; /* 0 to 9, the least significant first */
    size_t count;         /* no leading zeros; 0 digits is 0 */
    int32_t exponent;     /* value = digits x 10^exponent */
    bool is_negative;
};

/* HL_EINVAL for NaN and infinities. */
HL_MUST int decimal_from_float(struct arena *a, double d, struct decimal *out);
double decimal_to_float(const struct decimal *d);

HL_MUST int decimal_add(struct arena *a, const struct decimal *x, const struct decimal *y,
                        struct decimal *out);
HL_MUST int decimal_sub(struct arena *a, const struct decimal *x, const struct decimal *y,
                        struct decimal *out);
HL_MUST int decimal_mul(struct arena *a, const struct decimal *x, const struct decimal *y,
                        struct decimal *out);
/* HL_EINVAL for a division by 0. */
HL_MUST int decimal_div(struct arena *a, const struct decimal *x, const struct decimal *y,
                        struct decimal *out);

#endif
