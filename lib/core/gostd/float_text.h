/*
 * Floats as strconv's FormatFloat writes them. The digits come from libc, which rounds correctly in
 * glibc and musl; the process must stay in the "C" numeric locale.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_GOSTD_FLOAT_TEXT_H
#define HL_CORE_GOSTD_FLOAT_TEXT_H

#include "base/base.h"

/* strconv's FormatFloat(d, verb, precision, 64): verbs e E f F g G x X b; precision -1: the
 * shortest text that reads back the same. */
void format_float(struct buf *out, double d, char verb, int precision);
/* FormatFloat(float32(d), 'g', -1, 32): the shortest text that reads back as the same float32. */
void format_float_single(struct buf *out, double d);

#endif
