/*
 * Datums as encoding/json writes and reads them, byte for byte and with its error texts.
 *
 * Reading: numbers become float64, of a key written twice the last counts, what is no UTF-8 in a
 * string becomes U+FFFD. Writing: maps in the order of their keys, structs in Go's.
 *
 * Threads: pure functions. Limits: DATUM_DEPTH_MAX collections in one another; time and memory are
 * linear in the text.
 */
#ifndef HL_CORE_TEMPLATE_JSON_GO_H
#define HL_CORE_TEMPLATE_JSON_GO_H

#include "core/template/datum.h"

enum json_go_form {
    JSON_GO_COMPACT, /* Marshal */
    JSON_GO_PRETTY,  /* MarshalIndent by two blanks */
    JSON_GO_RAW,     /* an Encoder that does not escape < > & */
};

/* Appends. 0, or HL_EINVAL (NaN, infinity) or HL_ELIMIT; then out holds what it held. Marks d as
 * read. */
HL_MUST int json_go_write(struct arena *a, struct buf *out, struct datum d, enum json_go_form form,
                          struct err *err);

enum json_go_target { JSON_GO_ANY, JSON_GO_MAP, JSON_GO_LIST };
/* Unmarshal. 0, or HL_EINVAL with Go's text: bad JSON, or a value that is not what the target holds
 * (null is, and gives nil). */
HL_MUST int json_go_read(struct arena *a, struct str text, enum json_go_target target,
                         struct datum *out, struct err *err);

/* What Unmarshal says of a document's value that the target cannot hold; false if it can. */
bool json_go_mismatch(const struct value *v, enum json_go_target target, struct err *err);

#endif
