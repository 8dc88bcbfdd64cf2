/*
 * A struct kv for the simulated members: a sorted array of pairs that copies share, so that an
 * image of the whole state costs an array of pointers. `hash` says what is in it, whatever the
 * order in which it came.
 *
 * Threads: none. Reads are borrowed until the pair is replaced.
 */
#ifndef HL_TESTS_SIM_STORE_H
#define HL_TESTS_SIM_STORE_H

#include "core/state/kv.h"

struct pair {
    size_t refs;
    uint64_t hash;
    struct str key;
    struct str value;
};

struct store {
    struct kv kv;
    struct pair **pair;
    size_t count;
    size_t cap;
    uint64_t hash; /* sum of the pairs' */
};

/* For a caller's struct that stays where it is. */
void store_init(struct store *s);
void store_deinit(struct store *s);
void store_clear(struct store *s);
void store_copy(struct store *to, const struct store *from);
void store_put(struct store *s, struct str key, struct str value);
/* The place of the first key greater than `after` (empty: 0). */
size_t store_behind(const struct store *s, struct str after);

uint64_t sim_mix(uint64_t h, uint64_t v);
uint64_t sim_hash(uint64_t h, struct str s);

#endif
