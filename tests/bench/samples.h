/*
 * What the loads of this folder and of tests/peers have in common: the time each operation took,
 * and the one line that says it all.
 *
 * Threads: one. Limits: SAMPLES_MAX; what comes after is not counted.
 */
#ifndef HL_TESTS_BENCH_SAMPLES_H
#define HL_TESTS_BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

enum { SAMPLES_MAX = 20000000, SAMPLES_WARM_NS = 2000000000 };

int64_t samples_now_ns(void);
/* Counts from SAMPLES_WARM_NS after now, for that long. */
void samples_begin(double seconds);
int64_t samples_end_ns(void);
/* An operation that was sent then is answered now. */
void samples_add(int64_t sent_ns);
/* Prints "ops=… p50=… p90=… p99=… p999=… max=… errors=… cpu=…" in operations a second, milliseconds
 * and percent of a core; returns 1 if nothing was answered. */
int samples_print(size_t errors);

#endif
