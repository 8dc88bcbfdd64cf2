/*
 * For yaml_read.c only: passes on those events of a document that belong to a few members of its
 * map, and sees to it that the others are nothing that the readers would refuse.
 *
 * What it cannot be sure of (a document that is no map, numbers that JSON lacks, keys of odd kinds,
 * limits) ends it: the caller then reads everything.
 *
 * Threads: pure. Ownership: borrows all it is given.
 */
#ifndef HL_CORE_VALUE_YAML_MEMBERS_H
#define HL_CORE_VALUE_YAML_MEMBERS_H

#include "core/value/value.h"
#include "core/value/yaml_simple.h"

struct yaml_members {
    const struct str *key; /* wanted */
    size_t key_count;
    yaml_sink sink; /* takes what is wanted */
    void *context;
    size_t node_count;
    int depth;                      /* open collections */
    bool is_wanted;                 /* the member of the outermost map that is being read */
    uint8_t place[VALUE_DEPTH_MAX]; /* of the next node, by the collection it lies in */
};

/* The yaml_sink of a struct yaml_members; < 0 also if everything must be read. */
HL_MUST int yaml_members_take(void *context, const yaml_event_t *event);

#endif
