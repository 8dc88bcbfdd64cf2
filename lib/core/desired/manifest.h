/*
 * One file of a folder of manifests, read by Argo CD's rules (reposerver, findManifests):
 *
 * - a name that ends with .yaml, .yml or .json is a candidate, .jsonnet needs an evaluator;
 * - YAML streams may hold several documents, empty ones are skipped; a JSON file holds one object;
 * - anything with an `items` list is a list and stands for its items;
 * - a YAML file whose first document is no object is ignored (a Helm values file lies beside
 *   manifests), unless its text holds all of "apiVersion:", "kind:" and "metadata:": then it was
 *   meant as one and is an error. A broken document behind a good one is always an error.
 *
 * Threads: pure functions. Limits: those of the readers (core/value), MANIFEST_DOCUMENTS_MAX.
 */
#ifndef HL_CORE_DESIRED_MANIFEST_H
#define HL_CORE_DESIRED_MANIFEST_H

#include "core/value/value.h"

enum { MANIFEST_DOCUMENTS_MAX = 10000 };
enum manifest_outcome { MANIFEST_OBJECTS = 0, MANIFEST_IGNORED = 1 };
enum manifest_format { MANIFEST_NONE, MANIFEST_YAML, MANIFEST_JSON, MANIFEST_JSONNET };

enum manifest_format manifest_format_of(struct str file_name);

/*
 * Reads the objects of a file in their order (each is a map with string members apiVersion, kind).
 * MANIFEST_OBJECTS (perhaps none), MANIFEST_IGNORED, or HL_EINVAL, HL_ELIMIT with position.
 * *out_twin (may be NULL) is where a key first stands a second time with an equal value; with
 * another value it is an error.
 */
HL_MUST int manifest_read(struct arena *a, struct str path, struct str text, struct value ***out,
                          size_t *out_count, struct value_pos *out_twin, struct err *err);

/*
 * Adds the objects of one document that a chart rendered to the list. Of a key written several
 * times the last value counts, as Helm has it: nobody here can mend somebody else's chart. 0,
 * HL_EINVAL or HL_ELIMIT with position.
 */
struct manifest_objects {
    struct value **item;
    size_t count;
    size_t cap;
};
HL_MUST int manifest_read_rendered(struct arena *a, struct str path, struct str text,
                                   struct manifest_objects *out, struct err *err);

#endif
