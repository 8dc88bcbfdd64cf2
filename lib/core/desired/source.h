/*
 * What the compiler reads a fleet repository through: read a file, list a folder, at one commit.
 *
 * Paths are relative to the root of the repository, with "/" between names, no leading "/", no
 * empty, "." or ".." part ("" is the root itself): path_clean (core/desired/path.h) makes them so
 * and implementations refuse others with HL_EINVAL. Symbolic links and submodules are listed as
 * what they are and never followed: reading through one is HL_EDENIED and names it.
 *
 * edge/gitsrc implements it over a commit, tests over an array.
 * Threads: as the implementation says. Limits: the implementation's; a file over its size limit is
 * HL_ELIMIT and names path and size.
 */
#ifndef HL_CORE_DESIRED_SOURCE_H
#define HL_CORE_DESIRED_SOURCE_H

#include "base/base.h"

enum source_outcome { SOURCE_FOUND = 0, SOURCE_ABSENT = 1 };
enum source_kind { SOURCE_FILE, SOURCE_FOLDER, SOURCE_LINK, SOURCE_SUBMODULE };

struct source_entry {
    struct str name; /* without the folder */
    enum source_kind kind;
    uint64_t size_bytes; /* files only */
};

struct source {
    void *context;
    /* The whole file, in `a`. SOURCE_FOUND, SOURCE_ABSENT (also when it is a folder), or failure.
     */
    int (*read)(void *context, struct str path, struct arena *a, struct str *out, struct err *err);
    /* Entries of a folder, sorted by name. SOURCE_FOUND, SOURCE_ABSENT, or failure. */
    int (*list)(void *context, struct str path, struct arena *a, struct source_entry **out,
                size_t *out_count, struct err *err);
};

#endif
