/*
 * For the files of this folder only: a compiled schema.
 *
 * A node is one subschema: a place in a document. What most subschemas do not have lies behind
 * pointers, NULL where none of its keywords is used. Nodes refer to each other as references do, so
 * they form a graph with cycles. Everything lives in one arena and is not written to after
 * compiling.
 */
#ifndef HL_CORE_SCHEMA_NODE_H
#define HL_CORE_SCHEMA_NODE_H

#include "core/schema/decimal.h"
#include "core/schema/schema.h"

struct node;
struct regex;
struct format;

/* The type names of JSON Schema, in the order in which messages list them. */
enum type {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_NUMBER = 4,
    TYPE_INTEGER = 8,
    TYPE_STRING = 16,
    TYPE_ARRAY = 32,
    TYPE_OBJECT = 64,
};

struct nodes {
    struct node **item;
    size_t count;
};

struct strings {
    struct str *item;
    size_t count;
};

/* A member of an object keyword. */
struct named {
    struct str name;
    struct node *node;         /* NULL where `needs` is meant */
    struct strings needs;      /* of dependencies and dependentRequired */
    const struct regex *regex; /* of patternProperties */
};

/* Sorted by name. */
struct table {
    struct named *item;
    size_t count;
};

/* additionalProperties, additionalItems */
enum rest { REST_ABSENT, REST_ALLOWED, REST_REFUSED, REST_CHECKED };

enum { UNBOUNDED = -1 };

struct object_rules {
    int64_t min; /* UNBOUNDED: absent */
    int64_t max;
    struct strings required;
    struct table dependencies;
    struct table properties;
    struct table patterns;
    enum rest rest;
    struct node *rest_node;
    struct node *names;
    struct table dependent_schemas;
    struct table dependent_required;
    struct node *unevaluated;
};

struct array_rules {
    int64_t min;
    int64_t max;
    bool is_unique;
    struct node *each;      /* "items" of before 2020-12, when it is one schema */
    struct nodes prefix;    /* "items" of before 2020-12, when it is a list; "prefixItems" */
    enum rest rest;         /* "additionalItems" */
    struct node *rest_node; /* of it, and "items" of 2020-12 */
    struct node *contains;
    int64_t min_contains;
    int64_t max_contains;
    struct node *unevaluated;
};

struct string_rules {
    int64_t min;
    int64_t max;
    const struct regex *regex;
    struct str pattern;
};

struct bound {
    const struct value *number; /* NULL: absent */
    struct decimal decimal;
};

struct number_rules {
    struct bound min;
    struct bound max;
    struct bound above;
    struct bound below;
    struct bound multiple_of;
};

struct logic_rules {
    struct node *none; /* "not" */
    struct nodes all;
    struct nodes any;
    struct nodes one;
    struct node *condition;
    struct node *then;
    struct node *otherwise;
};

struct dynamic_anchor {
    struct str name;
    struct node *node;
    struct dynamic_anchor *next;
};

/* $ref, $recursiveRef, $dynamicRef and their anchors. */
struct reference_rules {
    struct node *ref;
    struct node *recursive;
    bool is_recursive_anchor;
    struct node *dynamic;
    struct str dynamic_ref_anchor; /* the fragment of $dynamicRef if it is a name */
    struct str dynamic_anchor;
};

enum verdict { VERDICT_OPEN, VERDICT_TRUE, VERDICT_FALSE };

struct node {
    struct str url; /* of the document */
    struct str pointer;
    bool is_made_up;      /* it lies in no document: its location is the URL alone */
    int version;          /* of the draft: 4, 6, 7, 2019, 2020 */
    enum verdict verdict; /* of boolean schemas and {} */
    struct node *resource;
    struct dynamic_anchor *dynamic_anchors; /* of a resource */
    unsigned types;                         /* 0: all */
    const struct value *enumeration;
    const struct value *constant;
    const struct format *format;
    struct reference_rules *references;
    struct object_rules *object;
    struct array_rules *array;
    struct string_rules *string;
    struct number_rules *number;
    struct logic_rules *logic;
    size_t prefix_count; /* items that it evaluates by itself */
    bool evaluates_all_properties;
    bool evaluates_all_items;
};

struct schema {
    const struct node *root;
};

/* URL, "#", and the pointer escaped; the URL alone if it is made up. */
void node_location(struct buf *out, const struct node *node);

/* NULL if absent. */
const struct named *table_find(const struct table *table, struct str name);

#endif
