/*
 * TOML as BurntSushi/toml v1.6.0 writes and reads it (TOML 1.1), for toToml and fromToml.
 *
 * Integers are int64, floats float64, tables map[string]interface {}, arrays []interface {}, arrays
 * of tables []map[string]interface {}, dates and times time.Time: what has no zone is in a zone of
 * that library's, "datetime-local", "date-local" or "time-local", and is written back without one.
 *
 * Error texts are that library's, word for word; limits speak for themselves.
 *
 * Threads: pure functions. Limits: TOML_DEPTH_MAX parts of a key and values in one another where it
 * reads, DATUM_DEPTH_MAX where it writes.
 */
#ifndef HL_CORE_TEMPLATE_TOML_H
#define HL_CORE_TEMPLATE_TOML_H

#include "core/template/func.h"

enum { TOML_DEPTH_MAX = 100 };

/* 0 with the document, or HL_EINVAL or HL_ELIMIT with the error's text. The world tells zones. */
HL_MUST int toml_read(const struct template_world *world, struct arena *a, struct str text,
                      struct datum_map **out, struct str *out_error);

/* Appends the document, which ends early once it has more than `bytes_max` (HL_ELIMIT). 0, or
 * HL_EINVAL with the error's text: the document is then of no use. */
HL_MUST int toml_write(struct buf *out, struct arena *a, struct datum d, size_t bytes_max,
                       struct str *out_error);

/* A key of these parts as it is written: "a.\"b c\"". */
void toml_write_key(struct buf *out, const struct str *part, size_t count);

#endif
