/*
 * What templates compute with: Go's values, as far as templates can tell them apart.
 *
 * Helm shows templates a closed set of Go types, and its texts and functions observe the type: 80
 * from values.yaml is a float64, 80 in a template an int, and `eq` refuses to compare the two. A
 * datum is such a value with its type, 16 bytes, passed by value.
 *
 * "No value" has two forms. DATUM_INVALID is Go's zero reflect.Value: nothing was there, and a
 * field of it is nothing again. DATUM_NIL is an interface that holds nil, as a map or a list gives
 * it out: a field of it is an error. Evaluating a pipeline turns the second into the first;
 * `is_interface` marks values that came out of a map, list or struct and were not unwrapped yet,
 * which errors show as "interface {}".
 *
 * Maps are references: whoever holds one sees every change. Their entries are sorted by the bytes
 * of the key, which is the order in which Go ranges over them. Lists do not change once built.
 * Objects are the structs and named types of Helm (.Chart, .Capabilities, times): a class says what
 * they are called, which fields and methods they have, and how they are printed.
 *
 * Ownership: everything lives in the arena it was made in. Threads: confined to a render; trees
 * that nobody changes any more may be read by many. Limits: DATUM_DEPTH_MAX nested collections
 * where a function walks a tree.
 */
#ifndef HL_CORE_TEMPLATE_DATUM_H
#define HL_CORE_TEMPLATE_DATUM_H

#include "core/value/value.h"

enum { DATUM_DEPTH_MAX = 1000 };

enum datum_type {
    DATUM_INVALID, /* kind invalid */
    DATUM_NIL,     /* an interface that holds nil */
    DATUM_BOOL,
    DATUM_STRING,
    DATUM_INT,
    DATUM_INT64,
    DATUM_UINT8,
    DATUM_UINT64,
    DATUM_FLOAT64,
    DATUM_COMPLEX,    /* complex128, which only a template's own text can bring in */
    DATUM_DURATION,   /* time.Duration: an int64 of nanoseconds that prints as 1h2m */
    DATUM_BYTES,      /* []uint8; the bytes lie where a string's would */
    DATUM_LIST,       /* []interface {} */
    DATUM_STRINGS,    /* []string */
    DATUM_INTS,       /* []int */
    DATUM_LISTS,      /* [][]interface {} */
    DATUM_MAPS,       /* []map[string]interface {} */
    DATUM_OBJECTS,    /* a slice of objects; its type is the class's with [] in front */
    DATUM_MAP,        /* map[string]interface {} */
    DATUM_VALUES,     /* chartutil.Values: the same by another name, and with methods */
    DATUM_STRING_MAP, /* map[string]string */
    DATUM_OBJECT,
};

struct datum_list;
struct datum_map;
struct datum_object;

struct datum {
    uint8_t type; /* enum datum_type */
    bool is_interface;
    uint32_t len; /* bytes of DATUM_STRING and DATUM_BYTES */
    union {
        bool boolean;
        int64_t integer;           /* INT, INT64, DURATION */
        uint64_t unsigned_integer; /* UINT8, UINT64 */
        double number;
        const double *complex; /* the real and the imaginary part */
        const char *bytes;
        struct datum_list *list;     /* NULL: a nil slice */
        struct datum_map *map;       /* NULL: a nil map */
        struct datum_object *object; /* NULL only inside a typed nil pointer's place: never */
    };
};

struct datum_list {
    const struct datum_class *class; /* NULL, or a named slice type with methods */
    bool is_all_read;                /* with all below */
    size_t count;
    struct datum item[];
};

struct datum_entry {
    struct str key;
    struct datum value;
    const struct value *origin; /* where a document set it; NULL for what templates made */
    uint32_t order;             /* of insertion, within its map */
    bool is_read;               /* a template looked at it, or at all of what holds it */
};

struct datum_map {
    struct datum_entry *entry; /* sorted by key */
    uint32_t count;
    uint32_t cap;
    uint32_t next_order;
    bool is_all_read;                /* with all below */
    const struct datum_class *class; /* NULL, or a named map type with methods */
};

/* ---- objects ---- */

struct datum_method; /* core/template/func.h */

struct datum_member {
    struct str name; /* of Go's field */
    struct str json;
    bool is_embedded; /* its members count as those of the struct around it */
    bool is_left_out; /* by JSON: empty, with omitempty */
    struct datum value;
};

struct datum_class {
    const char *type_name; /* as %T prints it: "chartutil.KubeVersion", "*semver.Version" */
    const char *kind_name; /* "struct", "ptr", "map", "slice" */
    /* The field, or false if there is none. NULL: no fields. */
    bool (*field)(const struct datum_object *o, struct str name, struct arena *a,
                  struct datum *out);
    const struct datum_method *method; /* ends with a NULL name; NULL: none */
    /* What %v prints; is_direct: by an action itself, where Go finds methods of the pointer, too.
     */
    void (*print)(const struct datum_object *o, bool is_direct, struct buf *out);
    /* Member i of a struct in Go's order, false behind the last: what encoders write ... */
    bool (*member)(const struct datum_object *o, size_t i, struct datum_member *out);
    /* ... or another value in its place. Both NULL: an empty map. */
    struct datum (*plain)(const struct datum_object *o, struct arena *a);
    bool has_text;       /* print is a String method: a pointer prints as its text */
    const char *address; /* what a pointer among other values prints; NULL: 0x0 */
};

/* Embedded at the start of the owner's struct. */
struct datum_object {
    const struct datum_class *class;
};

/* That of every DATUM_VALUES. */
extern const struct datum_class datum_values_class;

/* ---- making ---- */

static inline struct datum datum_bool(bool b)
{
    return (struct datum){.type = DATUM_BOOL, .boolean = b};
}

static inline struct datum datum_int(int64_t i)
{
    return (struct datum){.type = DATUM_INT, .integer = i};
}

static inline struct datum datum_int64(int64_t i)
{
    return (struct datum){.type = DATUM_INT64, .integer = i};
}

static inline struct datum datum_float(double d)
{
    return (struct datum){.type = DATUM_FLOAT64, .number = d};
}

/* The bytes are borrowed. */
static inline struct datum datum_string(struct str s)
{
    return (struct datum){.type = DATUM_STRING, .len = (uint32_t)s.len, .bytes = s.ptr};
}

static inline struct datum datum_nil(void)
{
    return (struct datum){.type = DATUM_NIL, .is_interface = true};
}

static inline struct datum datum_of_map(struct datum_map *m)
{
    return (struct datum){.type = DATUM_MAP, .map = m};
}

static inline struct datum datum_of_object(struct datum_object *o)
{
    return (struct datum){.type = DATUM_OBJECT, .object = o};
}

/* `type` is one of the slice types; NULL is a nil slice. */
static inline struct datum datum_of_list(enum datum_type type, struct datum_list *list)
{
    return (struct datum){.type = (uint8_t)type, .list = list};
}

static inline struct str datum_str(struct datum d) /* of DATUM_STRING and DATUM_BYTES */
{
    return (struct str){d.bytes, d.len};
}

/* Room for `count` items, all DATUM_NIL. */
struct datum_list *datum_list_new(struct arena *a, size_t count);
struct datum_map *datum_map_new(struct arena *a);

/* NULL if absent or the map is nil. Does not mark the entry read. */
struct datum_entry *datum_map_find(const struct datum_map *m, struct str key);
/* Sets or replaces; key and value are borrowed. The entry is valid until the next change. */
struct datum_entry *datum_map_set(struct arena *a, struct datum_map *m, struct str key,
                                  struct datum v);
void datum_map_remove(struct datum_map *m, struct str key);
/* The entries in the order of their insertion. */
struct datum_entry **datum_map_inserted(struct arena *a, const struct datum_map *m);

/* ---- asking ---- */

static inline bool datum_is_absent(struct datum d) /* invalid or nil */
{
    return d.type == DATUM_INVALID || d.type == DATUM_NIL;
}

static inline bool datum_is_slice(struct datum d) /* every list; not bytes */
{
    return d.type >= DATUM_LIST && d.type <= DATUM_OBJECTS;
}

static inline bool datum_is_map(struct datum d)
{
    return d.type == DATUM_MAP || d.type == DATUM_VALUES || d.type == DATUM_STRING_MAP;
}

static inline bool datum_is_int(struct datum d) /* Go's signed kinds */
{
    return d.type == DATUM_INT || d.type == DATUM_INT64 || d.type == DATUM_DURATION;
}

static inline bool datum_is_uint(struct datum d)
{
    return d.type == DATUM_UINT8 || d.type == DATUM_UINT64;
}

/* What ranging over d gives, or the elements of any slice: 0 for nil. */
static inline size_t datum_count(struct datum d)
{
    if (datum_is_slice(d))
        return d.list ? d.list->count : 0;
    if (datum_is_map(d))
        return d.map ? d.map->count : 0;
    return d.len;
}

/* Element i of a slice or of bytes; the value of entry i of a map. */
struct datum datum_item(struct datum d, size_t i);

/* Go's truth: no value, false, 0 and what is empty are false; objects are true. */
bool datum_truth(struct datum d);
/* As %T prints it; "<nil>" for no value. */
struct str datum_type_name(struct arena *a, struct datum d);
/* reflect.Kind's text; "invalid" for no value. */
const char *datum_kind_name(struct datum d);
/* reflect.DeepEqual: types differ, values differ. */
bool datum_deep_equal(struct datum a, struct datum b);
/* Maps and lists anew, what they hold, too; objects are shared. Origins and read marks stay. */
struct datum datum_deep_copy(struct arena *a, struct datum d);

/* How many values a walk over d and all below it meets, those that hang in several places several
 * times; stops counting at `max`. */
size_t datum_nodes(struct datum d, size_t max);

/* Marks everything below d as read, as printing it does. */
void datum_mark_read(struct datum d);

/* ---- documents ---- */

enum datum_numbers {
    DATUM_FLOATS,   /* every number becomes float64, as in values files and fromYaml */
    DATUM_INTEGERS, /* integers become int64, as --set makes them */
};

/* Strings are shared with v, which must live as long. Origins are v's nodes. */
struct datum datum_from_value(struct arena *a, const struct value *v, enum datum_numbers numbers);

/*
 * The tree that encoding/json writes and reads back: bytes in base64, times in RFC 3339, integral
 * floats as integers as far as Go's text of them is one. 0, or HL_EINVAL (NaN, infinity) or
 * HL_ELIMIT (DATUM_DEPTH_MAX).
 */
HL_MUST int datum_to_value(struct arena *a, struct datum d, struct value **out, struct err *err);

#endif
