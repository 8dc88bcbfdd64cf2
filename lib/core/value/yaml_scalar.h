/*
 * For the files of this folder only: what a YAML scalar means, as goyaml.v2's resolve.go has it.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_VALUE_YAML_SCALAR_H
#define HL_CORE_VALUE_YAML_SCALAR_H

#include "core/value/value.h"

struct scalar {
    enum value_kind kind; /* no list, no map */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
    };
};

/* What plain text without a tag means; VALUE_STRING if nothing special. */
struct scalar scalar_resolve(struct str text);

/* Whether goyaml.v2 takes the text for a timestamp: such text is a string, but written quoted. */
bool scalar_is_timestamp(struct str text);

/* YAML 1.1 base 60 ("1:30"): a string, but written quoted. */
bool scalar_is_base60(struct str text);

/*
 * Gives v (its position is set) the meaning of a scalar. `tag` is the full tag or empty; `is_plain`
 * is libyaml's plain_implicit; `text` lies in the arena. Returns 0, or HL_EINVAL if the text is not
 * what the tag says.
 */
HL_MUST int scalar_read(struct arena *a, struct str tag, bool is_plain, struct str text,
                        struct value *v, struct err *err);

#endif
