/*
 * A sorted store of bytes, as the state machine needs it: its user defines it here, edge/store
 * implements it over LMDB and tests over a sorted array.
 *
 * Keys are 1 to KV_KEY_MAX bytes, values 0 to KV_VALUE_MAX. Outputs are borrowed until the next
 * write through the same struct kv, or until the read view that gave them ends.
 * Threads: as the implementation says. Failures are those of the implementation (HL_EIO,
 * HL_ENOSPACE, HL_ECORRUPT); after one, the transaction must be given up.
 */
#ifndef HL_CORE_STATE_KV_H
#define HL_CORE_STATE_KV_H

#include "base/base.h"

enum { KV_KEY_MAX = 400, KV_VALUE_MAX = 4 << 20 };
enum kv_outcome { KV_FOUND = 0, KV_ABSENT = 1 };

struct kv {
    void *context;
    /* KV_FOUND or KV_ABSENT. */
    int (*get)(void *context, struct str key, struct str *out, struct err *err);
    int (*put)(void *context, struct str key, struct str value, struct err *err);
    /* KV_FOUND (removed) or KV_ABSENT. */
    int (*del)(void *context, struct str key, struct err *err);
    /* The first key that starts with `prefix` and is greater than `after` (empty: from the start of
     * the prefix). KV_FOUND or KV_ABSENT. */
    int (*next)(void *context, struct str prefix, struct str after, struct str *out_key,
                struct str *out_value, struct err *err);
};

#endif
