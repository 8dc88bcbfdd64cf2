/*
 * A temporary folder for a test: made, named, removed with everything in it.
 *
 * Threads: none. A folder that cannot be made or removed ends the test.
 */
#ifndef HL_TESTS_SUPPORT_FOLDER_H
#define HL_TESTS_SUPPORT_FOLDER_H

#include "base/base.h"

/* Below the build folder, so on a real disk. The name lives in the arena. */
struct str folder_make(struct arena *a);
void folder_remove(struct str folder);

#endif
