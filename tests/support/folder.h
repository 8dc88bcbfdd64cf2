/*
 * A folder of its own for a test that writes files: made below $TMPDIR or /tmp, removed with all
 * that is in it.
 *
 * Threads: none. What cannot be done ends the test.
 */
#ifndef HL_TESTS_SUPPORT_FOLDER_H
#define HL_TESTS_SUPPORT_FOLDER_H

#include "base/base.h"

enum { FOLDER_PATH_MAX = 128 };

struct folder {
    char path[FOLDER_PATH_MAX];
};

struct folder *folder_new(void);
void folder_free(struct folder *f);
HL_DEFINE_FREEP(folder_free, struct folder)

/* "<folder>/<name>", in `a`, NUL behind it. */
struct str folder_path(const struct folder *f, struct arena *a, const char *name);

#endif
