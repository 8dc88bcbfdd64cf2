/*
 * For the files of this folder only: how messages show strings and numbers.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_SCHEMA_TEXT_H
#define HL_CORE_SCHEMA_TEXT_H

#include "core/value/value.h"

/* jsonschema's form: 'text' with Go's escapes, but " as it is and ' escaped. */
void text_single(struct buf *out, struct str s);
/* The parts in jsonschema's form, ", " between them. */
void text_join(struct buf *out, const struct str *part, size_t count);

/* As golang.org/x/text prints %d and %v for English readers: 1,234; 12,345.5; 1.5×10⁰⁶. */
void text_int(struct buf *out, int64_t i);
void text_number(struct buf *out, const struct value *number);

#endif
