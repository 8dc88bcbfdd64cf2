/*
 * Seeded randomness for jitter, sampling and simulation: xoshiro256** 1.0 (Blackman and Vigna),
 * seeded through SplitMix64. The same seed gives the same numbers everywhere. Not for keys or
 * tokens: those come from edge/keys.
 *
 * Threads: a struct rng belongs to one owner.
 */
#ifndef HL_BASE_RNG_H
#define HL_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* Uniform in [low, high]; low <= high. */
int64_t rng_between(struct rng *r, int64_t low, int64_t high);

#endif
