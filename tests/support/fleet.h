/*
 * Sources for the compiler's tests: a fleet in an array, and a folder on disk read as git would
 * hand it out (symbolic links are listed and never followed, .git is left out).
 */
#ifndef HL_TESTS_SUPPORT_FLEET_H
#define HL_TESTS_SUPPORT_FLEET_H

#include "core/desired/source.h"

struct fleet_file {
    const char *path;
    const char *text; /* NULL: a symbolic link */
};

/* Both live in the arena; every folder that a file's path names exists. */
struct source fleet_of_array(struct arena *a, const struct fleet_file *file, size_t count);
struct source fleet_of_folder(struct arena *a, const char *root);

/* A whole file on disk, or STR_NONE. */
struct str fleet_slurp(struct arena *a, const char *path);

#endif
