/*
 * For yaml_read.c and yaml_tree.c only: a YAML stream on its way to becoming trees.
 *
 * Ownership: yaml_read.c makes the reader and frees its heap arrays; values live in the arena.
 */
#ifndef HL_CORE_VALUE_YAML_TREE_H
#define HL_CORE_VALUE_YAML_TREE_H

#include <yaml.h>

#include "core/value/value.h"

struct anchor {
    struct str name;
    struct value *value;
    uint64_t weight;
    int height;
};

struct entry {
    struct member member; /* items have no key */
    bool is_merged;       /* came in through "<<" */
};

struct frame {
    struct value *value;
    struct str anchor;
    size_t waiting_start;
    uint64_t weight;
    int height;
    struct member key; /* of the member whose value comes next */
    const struct value
        *bad_key; /* instead of it, where Go's reader goes on: the value is dropped */
    bool has_key;
    bool is_merge_key;
    bool has_merged;
};

struct go_faults;

struct yaml_reader {
    struct arena *a;
    struct err *err;
    const struct str *file;
    yaml_parser_t parser;
    struct frame frame[VALUE_DEPTH_MAX];
    int depth;
    struct value *root;
    struct entry *waiting;
    size_t waiting_count;
    size_t waiting_cap;
    struct anchor *anchor; /* sorted by name */
    size_t anchor_count;
    size_t anchor_cap;
    uint64_t alias_weight;
    uint64_t alias_weight_max;
    uint64_t merged_count;
    size_t node_count;
    struct value_pos *twin; /* NULL: a key given twice is an error even with equal values */
    size_t twin_count;
    struct go_faults *go; /* NULL: duplicate keys are an error, messages are ours */
};

/* What goyaml.v2 (first) and sigs.k8s.io/yaml (after it) find when all of the text is read. */
struct go_faults {
    struct err decoding;
    struct err converting;
};

/* err_at with the mark's position. */
int yaml_fail_at(struct yaml_reader *r, int code, const yaml_mark_t *mark, const char *text);

/* The same with a message in Go's words, whose usual beginning is put before it. */
int yaml_go_fail(struct err *err, const struct yaml_reader *r, const yaml_mark_t *mark,
                 const char *fmt, ...) HL_PRINTF(4, 5);

/* An event inside a document; r->root is set by the last one. */
HL_MUST int yaml_take_event(struct yaml_reader *r, const yaml_event_t *event);

#endif
