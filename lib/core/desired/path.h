/*
 * Paths of a fleet repository, and the glob patterns that pick files by them.
 *
 * Threads: pure functions.
 * Limits:  PATH_BYTES_MAX a path, PATH_PARTS_MAX names in it; GLOB_BYTES_MAX a pattern.
 */
#ifndef HL_CORE_DESIRED_PATH_H
#define HL_CORE_DESIRED_PATH_H

#include "base/base.h"

enum { PATH_BYTES_MAX = 1024, PATH_PARTS_MAX = 64, GLOB_BYTES_MAX = 1024 };

/*
 * The form struct source wants: "a//b/./c/" -> "a/b/c", "" and "." -> "". Returns 0, HL_EDENIED for
 * what leaves the repository (a leading "/" or any ".." part, also one that would come back), or
 * HL_EINVAL (NUL, backslash, control bytes, not UTF-8) or HL_ELIMIT.
 */
HL_MUST int path_clean(struct arena *a, struct str path, struct str *out, struct err *err);

/* "a/b" + "c" -> "a/b/c"; either side may be empty. Both sides are clean. */
struct str path_join(struct arena *a, struct str folder, struct str name);
/* The part behind the last "/". */
struct str path_base(struct str path);

/*
 * The globs of directory.include and directory.exclude (gobwas/glob without separators, which is
 * what Argo CD compiles them with): "*" and "**" both match any bytes, "/" included, "?" one
 * character, "[a-z]" and "[!a-z]" one of a class, "{a,b}" one of several patterns (nestable), "\"
 * takes the next byte literally. A comma outside braces is a comma. glob_check answers 0, HL_EINVAL
 * (malformed: says where) or HL_ELIMIT; glob_match of a malformed pattern is false. Time is at most
 * GLOB_STEPS_MAX comparisons; a pattern that needs more does not match.
 */
enum { GLOB_STEPS_MAX = 1 << 20 };
HL_MUST int glob_check(struct str pattern, struct err *err);
bool glob_match(struct str pattern, struct str path);

#endif
