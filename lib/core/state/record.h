/*
 * Records: plain structs kept as JSON with sorted keys in the store, one table of fields each.
 *
 * The table drives reading and writing, so a field is named once. A field that a record lacks is
 * zero; one that the table lacks is dropped (an older version read a newer one's record, which the
 * upgrade rule of proto/README.md forbids).
 *
 * Threads: pure. Ownership: strings of a record read live in the arena.
 */
#ifndef HL_CORE_STATE_RECORD_H
#define HL_CORE_STATE_RECORD_H

#include "core/state/kv.h"
#include "core/value/value.h"

enum field_kind { FIELD_STR, FIELD_INT, FIELD_BOOL }; /* struct str, int64_t, bool */

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset;
};

struct record_type {
    const struct field *field;
    size_t field_count;
    size_t size;
};

void record_from_value(const struct record_type *type, const struct value *v, void *out);
struct value *record_to_value(const struct record_type *type, const void *record, struct arena *a);

/* KV_FOUND, KV_ABSENT or the store's failure; HL_ECORRUPT if the bytes are no record. */
HL_MUST int record_get(struct kv *kv, const struct record_type *type, struct str key,
                       struct arena *a, void *out, struct err *err);
HL_MUST int record_put(struct kv *kv, const struct record_type *type, struct str key,
                       struct arena *a, const void *record, struct err *err);
/* The next record behind *cursor (a key; empty at first) under `prefix`; moves the cursor. */
HL_MUST int record_next(struct kv *kv, const struct record_type *type, struct str prefix,
                        struct str *cursor, struct arena *a, void *out, struct err *err);

#endif
