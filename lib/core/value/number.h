/*
 * For the files of this folder only: float64 as text, the way Go's strconv does it.
 *
 * Both directions go through libc, which rounds correctly in glibc and musl; the process must stay
 * in the "C" numeric locale, which is where every program starts.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_VALUE_NUMBER_H
#define HL_CORE_VALUE_NUMBER_H

#include "core/value/value.h"

enum { NUMBER_TEXT_MAX = 40 };

/* Reads a decimal float literal whose grammar the caller has checked. False if out of range. */
HL_MUST bool number_parse(struct str text, double *out);

/* FormatFloat(d, 'g', -1, bits) with ".inf", "-.inf", ".nan"; bits is 32 or 64. */
struct str number_go(double d, int bits, char out[NUMBER_TEXT_MAX]);

/* As encoding/json writes it: 3, 0.1, 1e+21, 1e-7. `d` is finite. */
struct str number_json(double d, char out[NUMBER_TEXT_MAX]);

#endif
