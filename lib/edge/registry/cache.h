/*
 * Content by SHA-256 in a folder that several processes share.
 *
 *   <folder>/<64 hex digits>   the bytes with that digest
 *   <folder>/.new-<...>        being written; left behind by a crash, removed after an hour
 *
 * A file appears whole, by rename; it is verified whenever it is read, and removed if it is not
 * what its name says. Reading one makes it young; when the folder holds more than its bound, the
 * files not read for longest go. Nobody waits for anybody: a file that another process removes is
 * absent, one that two write is the same.
 *
 * Threads: one owner a handle; any number of handles and processes.
 * Limits: CACHE_BLOB_MAX bytes a file; bytes_max in all, passed for a moment by what is being
 * added.
 */
#ifndef HL_EDGE_REGISTRY_CACHE_H
#define HL_EDGE_REGISTRY_CACHE_H

#include "base/base.h"

enum { CACHE_BLOB_MAX = 20 << 20 };

struct cache;

/* Opens or creates the folder (its parent must exist), mode 0700. HL_EIO. */
HL_MUST int cache_open(struct str folder, uint64_t bytes_max, struct cache **out, struct err *err);
void cache_close(struct cache *c);
HL_DEFINE_FREEP(cache_close, struct cache)

/* HL_EABSENT: not there, or damaged and removed; HL_EIO. */
HL_MUST int cache_get(struct cache *c, const struct digest *digest, struct arena *a,
                      struct str *out, struct err *err);
/* Keeps the bytes under their digest. HL_ELIMIT, HL_ENOSPACE, HL_EIO: nothing is kept. */
HL_MUST int cache_put(struct cache *c, struct str bytes, struct digest *out, struct err *err);

#endif
