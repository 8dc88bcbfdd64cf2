/*
 * A folder of manifests in this repository, read by Argo CD's rules for directory sources. Private
 * to core/desired.
 */
#ifndef HL_CORE_DESIRED_FOLDER_H
#define HL_CORE_DESIRED_FOLDER_H

#include "core/desired/build.h"
#include "core/desired/bundle.h"

struct folder_options {
    bool is_explicit; /* a `directory:` was given: no guessing at chart or kustomization */
    bool recurse;
    struct str include; /* empty: everything */
    struct str exclude; /* empty: nothing */
};

struct folder {
    struct bundle_file *file; /* those that hold objects, by path */
    size_t file_count;
    size_t file_cap;
    struct value **document;
    size_t document_count;
    size_t document_cap;
    uint64_t bytes;
    size_t include_hits; /* candidates the patterns picked */
    size_t exclude_hits;

    int code; /* < 0: `err` says why there is nothing */
    struct err err;
};

/*
 * Reads a folder once per set of options. Returns its code: 0, HL_EABSENT (no such folder),
 * HL_EUNSUPPORTED (kustomization, chart, jsonnet, submodule), or what reading a file gave. An error
 * without a position concerns the folder itself. The folder lives in b->scratch.
 */
int folder_load(struct build *b, struct str path, const struct folder_options *options,
                const struct folder **out);

#endif
