/*
 * For the files of this folder only: one check at work.
 *
 * A frame is one node applied to one value; frames lie on the C stack and point to the frame that
 * applied them, which is the "dynamic scope" of the specification. check.c drives, check_object.c
 * and check_array.c have the keywords of those values, check_logic.c what applies to all values.
 *
 * Keywords add faults to their frame. Where only the verdict counts (below "not", "if"), all faults
 * are one and the same object, which is not linked into lists, only counted.
 *
 * A limit that is reached sets `failed`; everything then returns as fast as it can, and what it
 * returns no longer matters.
 */
#ifndef HL_CORE_SCHEMA_CHECK_H
#define HL_CORE_SCHEMA_CHECK_H

#include "core/schema/fault.h"

/* Members or items that nothing has evaluated yet; NULL: all are, or nobody wants to know. */
struct open_set {
    uint64_t *bit;
    size_t words;
    size_t left;
};

/* Checking a schema against its metaschema: embedded resources have dialects of their own. */
struct dialects {
    /* The metaschema of the resource at that place of the document, or NULL if none begins there.
     */
    const struct node *(*find)(void *context, struct str pointer);
    void *context;
};

struct check {
    struct arena *a; /* for faults; gone when the check is over */
    struct err *err;
    int failed; /* 0, or the code of a failure */
    int depth;
    uint64_t steps_left;
    const struct dialects *dialects; /* NULL: of an ordinary check */
    struct fault *blank;
};

struct frame {
    const struct value *value;
    const struct spot *spot;
    const struct node *node;
    const struct node *scope; /* the node as it was referred to, before a dialect took its place */
    const struct frame *parent;
    const char *keyword;     /* "$ref" or the like if a reference led here, else NULL */
    uint32_t value_depth;    /* the same for frames on the same value */
    bool is_silent;          /* only the verdict counts */
    const struct node *meta; /* the metaschema in force here */
    struct open_set open;
    struct faults faults;
};

/* Pays for work done; false if the check is over its limit. */
bool check_spend(struct check *c, uint64_t steps);

/* A fault of the frame's node at the frame's value, not yet in any list. */
struct fault *check_fault(struct check *c, const struct frame *f, enum fault_kind kind);
/* The same, added to the frame's faults and returned. */
struct fault *check_report(struct check *c, struct frame *f, enum fault_kind kind);
/* Adds what a subschema reported; NULL is nothing. */
void check_add(struct check *c, struct frame *f, struct fault *fault);
void check_collect(struct check *c, struct faults *list, struct fault *fault);
void check_report_counts(struct check *c, struct frame *f, enum fault_kind kind, size_t got,
                         int64_t want);

/* Another node on the frame's value. NULL: valid. What it evaluated counts for the frame, too. */
struct fault *check_self(struct check *c, struct frame *f, const struct node *node,
                         const char *keyword, bool is_silent);
/* A node on a member (`name`) or an item of the frame's value. */
struct fault *check_member(struct check *c, const struct frame *f, const struct node *node,
                           const struct value *v, struct str name);
struct fault *check_item(struct check *c, const struct frame *f, const struct node *node,
                         const struct value *v, size_t index);
/* A node on a property's name, as a document of its own. */
struct fault *check_name(struct check *c, const struct frame *f, const struct node *node,
                         struct str name);

/* The same with what a check needs around it: 0 or SCHEMA_INVALID with *out_fault, or < 0. */
HL_MUST int check_run(struct check *c, const struct node *node, const struct value *v,
                      struct fault **out_fault);

void open_remove(struct open_set *set, size_t index);
bool open_has(const struct open_set *set, size_t index);

void check_object(struct check *c, struct frame *f);
void check_array(struct check *c, struct frame *f);
void check_logic(struct check *c, struct frame *f);
void check_unevaluated(struct check *c, struct frame *f);

/* Whether the expression matches; a failure of the matcher ends the check. */
bool check_matches(struct check *c, const struct regex *regex, struct str s);

/* What JSON Schema calls equal: numbers by their worth, maps regardless of order. */
bool check_equal(struct check *c, const struct value *a, const struct value *b);
/* The first item that is equal to an earlier one, and that one. */
bool check_duplicates(struct check *c, const struct value *list, size_t *out_first,
                      size_t *out_second);
/* Member numbers in the order of their keys' bytes. */
const uint32_t *check_order(struct check *c, const struct value *map);

/* Of any value; integers are TYPE_NUMBER. */
enum type check_type(const struct value *v);

#endif
