/*
 * A struct kv over a sorted array, for tests of the state machine.
 *
 * fail_at makes the n-th call (1-based, counted by `calls`) and all later ones fail with HL_EIO, as
 * a store does whose disk is gone; 0 never. Every write moves the bytes that reads gave out, so a
 * borrow kept too long shows under ASan.
 *
 * Threads: none. A key out of range ends the process, as in edge/store.
 */
#ifndef HL_TESTS_SUPPORT_KV_ARRAY_H
#define HL_TESTS_SUPPORT_KV_ARRAY_H

#include "core/state/kv.h"

struct kv_pair {
    struct str key;
    struct str value;
};

struct kv_array {
    struct kv kv;
    struct kv_pair *pair;
    size_t count;
    size_t cap;
    size_t calls;
    size_t fail_at;
};

/* For a caller's struct that stays where it is; kv_array_deinit fits HL_CLEANUP. */
void kv_array_init(struct kv_array *s);
void kv_array_deinit(struct kv_array *s);
/* All pairs of `from` instead of those of `to`, counters at zero. */
void kv_array_copy(struct kv_array *to, const struct kv_array *from);

#endif
