/* xoshiro256**; bounded numbers by rejection, so they are exactly uniform. */
#include "base/rng.h"

#include "base/attr.h"

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->state[i] = z ^ (z >> 31);
    }
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    HL_ASSERT(bound > 0);
    uint64_t unfair = (0 - bound) % bound;

    for (;;) {
        uint64_t x = rng_next(r);
        if (x >= unfair)
            return x % bound;
    }
}

int64_t rng_between(struct rng *r, int64_t low, int64_t high)
{
    HL_ASSERT(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;

    if (span == 0)
        return (int64_t)rng_next(r);
    return (int64_t)((uint64_t)low + rng_below(r, span));
}
