/*
 * Settings: a small key-value space that operators and the mesh itself keep in the replicated
 * state: holds, silences, maintenance windows, feature flags.
 *
 * A revision is the index of the log entry that wrote: it only grows, no two writes share one, and
 * it may serve as a fencing token. There are no locks here: a lock without a fence is unsafe in any
 * store of this kind; compare-and-set on a revision, and passing that revision on, is safe.
 *
 * The bodies of the commands `setting.put` and `setting.delete` are bytes of this file's codec, not
 * JSON; so are the stored values of the keys setting/<key>. The same bytes travel from hlctl to the
 * log: nobody on the way takes them apart.
 *
 * Threads: pure. Limits: SETTING_KEY_MAX bytes of UTF-8 without control characters, at least one;
 * SETTING_VALUE_MAX bytes of any kind.
 */
#ifndef HL_CORE_STATE_SETTING_H
#define HL_CORE_STATE_SETTING_H

#include "core/state/kv.h"

enum { SETTING_KEY_MAX = 256, SETTING_VALUE_MAX = 64 << 10 };

struct setting {
    struct str key;
    struct str value;
    uint64_t created;  /* revision that brought the key to life */
    uint64_t revision; /* of the last write */
    uint64_t version;  /* writes since, from 1 */
};

struct setting_change {
    struct str key;
    struct str value;  /* of a put */
    bool has_expected; /* compare-and-set: refused with HL_ECONFLICT unless the key has this */
    uint64_t expected; /* revision; 0: unless there is no such key */
};

/* The key has at most UINT16_MAX bytes; decode judges the rest. */
void setting_change_encode(struct buf *out, const struct setting_change *change);
/* Borrows from `bytes`. HL_EINVAL or HL_ELIMIT: names what is wrong. */
HL_MUST int setting_change_decode(struct str bytes, struct setting_change *out, struct err *err);

/* KV_FOUND, KV_ABSENT or the store's failure. Strings are borrowed from the store. */
HL_MUST int setting_get(struct kv *kv, struct str key, struct setting *out, struct err *err);
/* The first setting behind *cursor (empty at first) whose key starts with `prefix`; moves the
 * cursor, which lives in `a`. */
HL_MUST int setting_next(struct kv *kv, struct str prefix, struct str *cursor, struct arena *a,
                         struct setting *out, struct err *err);

/* Any number of settings, one behind the other, as replies carry them; a deleted one (in a watch)
 * has version 0 and no value. */
void setting_list_add(struct buf *out, const struct setting *setting);
/* Takes the first off *bytes: KV_FOUND, KV_ABSENT at the end, HL_EINVAL. Borrows. */
HL_MUST int setting_list_take(struct str *bytes, struct setting *out, struct err *err);

#endif
