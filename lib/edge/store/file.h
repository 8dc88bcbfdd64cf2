/*
 * The few things that every file here needs from the file system. For this folder only.
 *
 * Threads: any.
 */
#ifndef HL_EDGE_STORE_FILE_H
#define HL_EDGE_STORE_FILE_H

#include "base/base.h"

/* Makes names in the folder durable. HL_EIO. */
HL_MUST int file_sync_dir(const char *dir, struct err *err);
/* Through a temporary name, durably. HL_EIO, HL_ENOSPACE: the old one is still there. */
HL_MUST int file_replace(const char *path, const char *dir, struct str bytes, struct err *err);
/* All of the bytes: 0, or an errno. */
HL_MUST int file_fill(int fd, uint64_t offset, struct str bytes);
/* Of an errno: there is no room, which can change. */
bool file_is_full(int error);
/* Whether a file that is open for writing could grow by so much. To be asked after a library said
 * EIO: LMDB takes the short write with which a disk fills up for a failure. */
bool file_has_room(int fd, uint64_t bytes);
/* At most max_bytes: HL_EABSENT, HL_ELIMIT, HL_EIO. */
HL_MUST int file_take(const char *path, size_t max_bytes, struct arena *a, struct str *out,
                      struct err *err);
/* Creates the folder if it is not there, and makes its name durable. */
HL_MUST int file_make_dir(const char *path, struct err *err);

#endif
