/*
 * For the files of this folder only: what is wrong with an instance, and how it is printed.
 *
 * A fault is one line of the report; its causes are printed below it. Faults keep what the message
 * needs and become text only if they are printed: most are dropped when another branch of an anyOf
 * matches.
 *
 * Ownership: everything lives in the arena of the check.
 */
#ifndef HL_CORE_SCHEMA_FAULT_H
#define HL_CORE_SCHEMA_FAULT_H

#include "core/schema/node.h"

enum fault_kind {
    FAULT_GROUP, /* several at one place */
    FAULT_REFERENCE,
    FAULT_FALSE,
    FAULT_CYCLE,
    FAULT_TYPE,
    FAULT_CONST,
    FAULT_ENUM,
    FAULT_FORMAT,
    FAULT_MIN_PROPERTIES,
    FAULT_MAX_PROPERTIES,
    FAULT_REQUIRED,
    FAULT_DEPENDENCY,
    FAULT_ADDITIONAL_PROPERTIES,
    FAULT_PROPERTY_NAME,
    FAULT_MIN_ITEMS,
    FAULT_MAX_ITEMS,
    FAULT_UNIQUE_ITEMS,
    FAULT_ADDITIONAL_ITEMS,
    FAULT_CONTAINS,
    FAULT_MIN_CONTAINS,
    FAULT_MAX_CONTAINS,
    FAULT_MIN_LENGTH,
    FAULT_MAX_LENGTH,
    FAULT_PATTERN,
    FAULT_MINIMUM,
    FAULT_MAXIMUM,
    FAULT_EXCLUSIVE_MINIMUM,
    FAULT_EXCLUSIVE_MAXIMUM,
    FAULT_MULTIPLE_OF,
    FAULT_NOT,
    FAULT_ALL_OF,
    FAULT_ANY_OF,
    FAULT_ONE_OF_NONE,
    FAULT_ONE_OF_TWO,
};

/* A place in the instance: the way to the root. */
struct spot {
    const struct spot *parent; /* NULL: below the instance itself */
    struct str name;           /* a member's key; of an item NULL */
    size_t index;
};

struct fault;

struct faults {
    struct fault *first;
    struct fault *last;
    size_t count;
};

struct fault {
    enum fault_kind kind;
    const struct node *node;
    const struct spot *spot;   /* NULL: the instance itself */
    const struct value *value; /* what was there */
    struct str text;           /* names and reasons */
    struct strings names;      /* properties that are missing or too many */
    int64_t got;               /* counts, indexes */
    int64_t want;
    struct faults causes;
    struct fault *next;
};

void faults_add(struct faults *list, struct fault *f);

/*
 * Appends the report: "jsonschema validation failed with 'LOCATION'" unless `location` is NULL, and
 * the faults. False if it gets longer than SCHEMA_TEXT_MAX.
 */
HL_MUST bool fault_print(struct buf *out, const struct node *location, const struct fault *f);

#endif
