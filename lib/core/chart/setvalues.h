/*
 * --set and its kin: values on a command line, as Helm's pkg/strvals reads them.
 *
 *   a.b=1,c[0].d=x,list={1,2}     "." and "[n]" lead down, "," ends a value, "{}" holds a list;
 *                                 a backslash takes the next character as it is
 *
 * What is written goes into a map that may hold values already, over what stands at the same place.
 * Lists grow with nulls in between. A path that leads through something else than a map or a list
 * is an error, and so is what ends in the middle. Errors are Helm's word for word, but for those of
 * JSON.
 *
 * Ownership: what is set lives in the arena given; the map and the maps and lists in it are changed
 * in place, and belong to the caller alone. Threads: confined to the caller's. Limits:
 * SETVALUES_BYTES_MAX a text, SETVALUES_ASSIGNMENTS_MAX entries of maps set by it,
 * SETVALUES_ITEMS_MAX list items made (a list that grows is made anew), SETVALUES_DEPTH_MAX parts
 * of a path; and Helm's own, an index of SETVALUES_INDEX_MAX and SETVALUES_NESTING_MAX dots in a
 * path. Helm takes the last of equal keys in JSON, here they are an error.
 */
#ifndef HL_CORE_CHART_SETVALUES_H
#define HL_CORE_CHART_SETVALUES_H

#include "core/template/datum.h"

enum {
    SETVALUES_BYTES_MAX = 1 << 20,
    SETVALUES_ASSIGNMENTS_MAX = 4096,
    SETVALUES_ITEMS_MAX = 1048576,
    SETVALUES_DEPTH_MAX = 256,
    SETVALUES_INDEX_MAX = 65536,
    SETVALUES_NESTING_MAX = 30,
};

enum setvalues_kind {
    SETVALUES_TYPED,   /* --set: true, false, null and integers without leading zeros are such */
    SETVALUES_STRING,  /* --set-string: every value is a string */
    SETVALUES_JSON,    /* --set-json: values are JSON, its numbers float64; none is null */
    SETVALUES_LITERAL, /* --set-literal: one value, all behind the "="; no backslashes, no lists */
    SETVALUES_FILE,    /* --set-file: values are names of files whose content is the value */
};

/* Reads a file that SETVALUES_FILE names; the content lives in `a`. 0 or a code < 0 with err. */
typedef int (*setvalues_read)(void *context, struct arena *a, struct str path, struct str *out,
                              struct err *err);

struct setvalues_files {
    setvalues_read read;
    void *context;
};

/*
 * Sets what `text` says in `map`. `files` is for SETVALUES_FILE, else NULL. 0, HL_EINVAL, HL_ELIMIT
 * or what reading a file failed with; the map may then hold the part of the text before the error.
 */
HL_MUST int setvalues_apply(struct arena *a, enum setvalues_kind kind, struct str text,
                            const struct setvalues_files *files, struct datum_map *map,
                            struct err *err);

#endif
