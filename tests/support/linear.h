/*
 * Linearizability of a history of operations on independent keys (Herlihy and Wing 1990).
 *
 * The search is Wing and Gong's with Lowe's memory of configurations seen before: an operation may
 * take effect at any moment between its call and its return; is there an order of such moments in
 * which every answer is right? Each key is searched for itself, which is enough (Horn and Kroening
 * 2015). An operation whose outcome nobody knows returns never, and may have had no effect at all.
 *
 * A key holds a number, 0 for none. Histories whose writes write different numbers are the sharpest
 * and the cheapest to check.
 *
 * Threads: pure. Limits: LINEAR_OPS_MAX operations for one key; `steps_max` bounds the search.
 */
#ifndef HL_TESTS_SUPPORT_LINEAR_H
#define HL_TESTS_SUPPORT_LINEAR_H

#include "base/base.h"

enum { LINEAR_OPS_MAX = 1024 };
#define LINEAR_NEVER INT64_MAX

enum linear_kind {
    LINEAR_READ,   /* value: what was seen */
    LINEAR_WRITE,  /* value: what was written */
    LINEAR_SWAP,   /* compare-and-set from `expected` to `value`; is_done: it was equal */
    LINEAR_DELETE, /* is_done: there was something */
};

struct linear_op {
    enum linear_kind kind;
    uint64_t key;
    int64_t call;
    int64_t back; /* behind call, or LINEAR_NEVER; at equal times calls come first */
    uint64_t value;
    uint64_t expected;
    bool is_done;
};

enum linear_verdict { LINEAR_RIGHT = 0, LINEAR_WRONG = 1, LINEAR_TOO_LONG = 2 };

/* *out_key (may be NULL): the key that is wrong, or too long to search. */
enum linear_verdict linear_check(const struct linear_op *op, size_t count, uint64_t steps_max,
                                 uint64_t *out_key);

#endif
