/*
 * JSON Schema, as santhosh-tekuri/jsonschema v6.0.2 does it for Helm's values.schema.json.
 *
 * Drafts 4, 6, 7, 2019-09 and 2020-12, told by "$schema"; without it 2020-12. A schema is compiled
 * once and checks any number of instances. Messages are upstream's, byte for byte, in the form in
 * which Helm prints them; where upstream walks a map in random order, ours is that of the bytes of
 * the keys. Numbers compare as the decimals they were written as: 0.3 is a multiple of 0.1, and 2.0
 * is an integer. "format" is asserted in drafts 4 to 7 only; content... keywords are not. Patterns
 * are Go's regular expressions.
 *
 * The document that is compiled has the URL SCHEMA_URL; "$id" changes what references are resolved
 * against. References to the metaschemas work; other remote documents come from options.load.
 *
 * Ownership: a schema lives in its arena and refers to the documents it was compiled from.
 * Threads: pure; a compiled schema may be used from several threads at once.
 * Limits, each HL_ELIMIT: SCHEMA_PLACES_MAX subschemas; SCHEMA_POINTER_MAX bytes of a JSON pointer
 * to one; SCHEMA_ROOM_BYTES of memory a compilation or check; SCHEMA_STEPS_MAX steps a check (a
 * step is some 100 ns: a subschema applied to a value, two values compared, three characters
 * matched with a simple pattern), and SCHEMA_META_STEPS_MAX for checking the schema itself against
 * its metaschema; SCHEMA_DEPTH_MAX subschemas in one another at work; SCHEMA_TEXT_MAX bytes of
 * messages; those of core/gostd/regex.h for patterns.
 */
#ifndef HL_CORE_SCHEMA_SCHEMA_H
#define HL_CORE_SCHEMA_SCHEMA_H

#include "core/value/value.h"

#define SCHEMA_URL "file:///values.schema.json"

enum {
    SCHEMA_PLACES_MAX = 30000,
    SCHEMA_POINTER_MAX = 32768,
    SCHEMA_ROOM_BYTES = 48 << 20,
    SCHEMA_STEPS_MAX = 1000000,
    SCHEMA_META_STEPS_MAX = 4000000,
    SCHEMA_DEPTH_MAX = 400,
    SCHEMA_TEXT_MAX = 1 << 20,
};

enum schema_outcome { SCHEMA_VALID = 0, SCHEMA_INVALID = 1 };

struct schema;

struct schema_options {
    /*
     * Gives the document of an absolute URL without fragment: 0 with *out in `a`, or < 0 with `err`
     * filled, which ends the compilation with that code. NULL: remote references are refused.
     * Not asked for "urn:" (everything is allowed there, as Helm has it) and metaschemas.
     */
    int (*load)(void *context, struct arena *a, struct str url, const struct value **out,
                struct err *err);
    void *context;
};

/*
 * `options` may be NULL. 0; or SCHEMA_INVALID where upstream refuses the schema, with *out_text in
 * `a`, without a final newline; or HL_EINVAL (not finite numbers), HL_ELIMIT, or what options.load
 * returned.
 */
HL_MUST int schema_compile(struct arena *a, const struct value *document,
                           const struct schema_options *options, const struct schema **out,
                           struct str *out_text, struct err *err);

/*
 * 0 if the instance is valid; or SCHEMA_INVALID with what is wrong in *out_text, in `a`: lines that
 * begin with "- at '/pointer': ", causes indented below, a final newline. Or HL_EINVAL (the
 * instance has numbers that are not finite) or HL_ELIMIT.
 */
HL_MUST int schema_check(const struct schema *schema, const struct value *instance, struct arena *a,
                         struct str *out_text, struct err *err);

#endif
