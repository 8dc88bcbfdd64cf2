/*
 * A disk under the test's control. A test program that is linked with disk.c calls its versions of
 * open, pwrite, fsync, rename and so on, and so does every library in the process: below the
 * watched folder they are passed on, recorded, and fail when the test says so.
 *
 * From the record disk_cut makes what a power cut may have left. What was flushed is there; what
 * was not may be there or not, in any order, sector by sector. Names belong to folders: what
 * happened to the names of a folder since its last fsync is there up to some point, whatever became
 * of the files that they name. No file system is that careless in every respect at once.
 *
 * Threads: one. Limits: DISK_FD_MAX descriptors; regular files and folders only. What cannot be
 * done ends the test.
 */
#ifndef HL_TESTS_SUPPORT_DISK_DISK_H
#define HL_TESTS_SUPPORT_DISK_DISK_H

#include "base/base.h"

enum { DISK_FD_MAX = 1024 };

/* Begins to watch the folder with a new record; what is in it already counts as durable. */
void disk_watch(const char *root);
/* Ends it; nothing fails any more. */
void disk_unwatch(void);

/* ---- faults ---- */

/* Calls below the root that could have failed, since disk_watch. */
uint64_t disk_calls(void);
/* The call of this number, from 0, fails with `error`, as do `more` ones behind it. */
void disk_fail_at(uint64_t call, uint64_t more, int error);
void disk_fail_never(void);
/* Whether a call failed since the last disk_fail_at. */
bool disk_has_failed(void);
/* From the call of this number on, nothing new finds room; UINT64_MAX: there is room. */
void disk_set_full_from(uint64_t call);
/* While true: every write writes half of what it is given. */
void disk_set_short(bool is_short);

/* ---- power cuts ---- */

/* Changes recorded so far, what was found by disk_watch included; a cut comes before the change of
 * that number. */
size_t disk_changes(void);
/* Flushes recorded so far. */
size_t disk_flushes(void);

enum disk_mood {
    DISK_LOSES_ALL, /* that was not flushed */
    DISK_KEEPS_ALL, /* as if the process had been killed */
    DISK_ANY,       /* drawn for every file, sector and folder */
};
/* Makes the tree that a cut leaves below `target`, a folder that is there and empty. */
void disk_cut(size_t change, enum disk_mood mood, struct rng *rng, const char *target);

#endif
