/*
 * The value tree: what YAML and JSON documents become, and what they are written from.
 *
 * A value is null, bool, int64, uint64 (only above INT64_MAX), float64, string, list or map. The
 * three number kinds stay apart because Go templates and canonical bytes tell them apart. A map
 * keeps its keys in the order of the document and finds them by binary search over a sorted index;
 * keys are strings and unique. Every value read from a document remembers file, line and column
 * (1-based; 0 = made by a program).
 *
 * Ownership: every tree lives in the arena it was made in. Trees are treated as immutable once
 * built: merge and edit functions return new nodes and share the unchanged ones.
 *
 * Threads: pure; a tree may be read from several threads once nobody writes to it.
 * Limits:  depth VALUE_DEPTH_MAX everywhere, so recursion over a tree is bounded.
 */
#ifndef HL_CORE_VALUE_VALUE_H
#define HL_CORE_VALUE_VALUE_H

#include "base/base.h"

enum { VALUE_DEPTH_MAX = 64 };

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,   /* int64 */
    VALUE_UINT,  /* above INT64_MAX */
    VALUE_FLOAT, /* float64 */
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
};

struct value;

struct value_pos {
    struct str file; /* as given to the reader; shared by all values of a document */
    uint32_t line;
    uint32_t column;
};

struct member {
    struct str key;
    struct value *value;
    uint32_t key_line; /* where the key itself stands; the file is the value's */
    uint32_t key_column;
};

struct value {
    enum value_kind kind;
    uint32_t line;
    uint32_t column;
    const struct str *file; /* NULL when made by a program */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        struct str string;
        struct {
            struct value **item;
            size_t count;
            size_t cap;
        } list;
        struct {
            struct member *member; /* document order */
            uint32_t *sorted;      /* member numbers by key; NULL for maps of a few members */
            size_t count;
            size_t cap;
        } map;
    };
};

/* Builders; strings are borrowed, not copied (use arena_dup where they must be). */
struct value *value_null(struct arena *a);
struct value *value_bool(struct arena *a, bool b);
struct value *value_int(struct arena *a, int64_t i);
struct value *value_uint(struct arena *a, uint64_t u); /* VALUE_INT when it fits */
struct value *value_float(struct arena *a, double d);
struct value *value_string(struct arena *a, struct str s);
struct value *value_list(struct arena *a);
struct value *value_map(struct arena *a);
void value_list_add(struct arena *a, struct value *list, struct value *item);
/* Sets or replaces a member of a map under construction. Returns true if the key was there. Moves
 * up to four bytes per member already there: meant for maps of up to some ten thousand. */
bool value_map_set(struct arena *a, struct value *map, struct str key, struct value *item);
/* Shorthands for building answers. */
void value_map_set_str(struct arena *a, struct value *map, const char *key, struct str s);
void value_map_set_int(struct arena *a, struct value *map, const char *key, int64_t i);
void value_map_set_bool(struct arena *a, struct value *map, const char *key, bool b);

/* The member's value, or NULL if `map` is NULL, not a map, or has no such key. */
struct value *value_get(const struct value *map, struct str key);
const struct member *value_find(const struct value *map, struct str key);
/* value_get along the path, which ends with NULL: value_path(v, "metadata", "name", NULL). */
struct value *value_path(const struct value *v, ...) __attribute__((sentinel));
/* The string, or STR_NONE if v is NULL or no string. */
struct str value_str(const struct value *v);
/* value_str(value_get(map, key)) */
struct str value_get_str(const struct value *map, const char *key);
int64_t value_get_int(const struct value *map, const char *key, int64_t otherwise);
bool value_get_bool(const struct value *map, const char *key, bool otherwise);

/* Go's kind name as users know it from errors: "null", "bool", "int", "uint64", "float64",
 * "string", "list", "map". */
const char *value_kind_name(enum value_kind kind);
struct value_pos value_pos_of(const struct value *v);
/* err_at with the value's position. */
int value_err(struct err *err, int code, const struct value *v, const char *fmt, ...)
    HL_PRINTF(4, 5);

/* Same kind, same content, maps regardless of order; 1, 1.0 and "1" are three different values, and
 * so are 0.0 and -0.0; NaN equals NaN. */
bool value_eq(const struct value *a, const struct value *b);
/* A deep copy in `a`, strings included, so that it outlives the original's arena. */
struct value *value_copy(struct arena *a, const struct value *v);

/*
 * Helm's coalescing, `over` wins: maps merge member by member, everything else (lists too)
 * replaces, and a null in `over` deletes the key, also where `base` does not have it. Either side
 * may be NULL (absent); NULL comes back if nothing is left (over is null). Members of `base` come
 * first in the result, then what `over` adds; positions stay those of the winner.
 */
struct value *value_merge(struct arena *a, struct value *base, struct value *over);

/*
 * Canonical bytes: JSON with sorted keys and no blanks, strings escaped minimally, int64 and
 * uint64 in decimal, float64 with a fraction or exponent always ("1.0", shortest form that reads
 * back the same). Equal values have equal bytes and the reverse. NaN and infinities, which only
 * YAML can bring in, are written as the strings ".nan", ".inf", "-.inf" with a leading NUL escape;
 * a string that starts with NUL itself gets one more.
 */
void value_canonical(struct buf *out, const struct value *v);
struct digest value_digest(const struct value *v);

/* RFC 6901 pointer ("/a/0/b~1c"); NULL if it leads nowhere or is malformed. "" is v itself. */
struct value *value_pointer(struct value *v, struct str pointer);

#endif
