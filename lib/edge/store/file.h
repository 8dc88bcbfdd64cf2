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
/* At most max_bytes: HL_EABSENT, HL_ELIMIT, HL_EIO. */
HL_MUST int file_take(const char *path, size_t max_bytes, struct arena *a, struct str *out,
                      struct err *err);
/* Creates the folder if it is not there, and makes its name durable. */
HL_MUST int file_make_dir(const char *path, struct err *err);

#endif
