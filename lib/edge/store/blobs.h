/*
 * Content by SHA-256, beside the state and not part of it: each coordinator fills its own from Git.
 * One LMDB environment, `blobs/`, written rarely and durably; the key checks the content.
 *
 * Threads: writes from one; reads from any.
 * Limits:  BLOBS_MAP_BYTES of address space; HL_ENOSPACE when it or the disk is full: nothing
 * changed.
 */
#ifndef HL_EDGE_STORE_BLOBS_H
#define HL_EDGE_STORE_BLOBS_H

#include "edge/store/dir.h"

#define BLOBS_MAP_BYTES ((size_t)4 << 30)

struct blobs;

HL_MUST int blobs_open(struct store_dir *dir, struct blobs **out, struct err *err);
void blobs_close(struct blobs *b);
HL_DEFINE_FREEP(blobs_close, struct blobs)

/* Checks nothing: the caller hashed it. */
HL_MUST int blobs_put(struct blobs *b, const struct digest *digest, struct str bytes,
                      struct err *err);
/* HL_EABSENT; HL_ECORRUPT if the content is not the digest's. */
HL_MUST int blobs_get(struct blobs *b, const struct digest *digest, struct arena *a,
                      struct str *out, struct err *err);
/* At most `max` bytes from `offset` on, empty behind the end, and how many there are in all. The
 * content is checked with its first piece only: who puts pieces together checks the whole. */
HL_MUST int blobs_read(struct blobs *b, const struct digest *digest, uint64_t offset, size_t max,
                       struct arena *a, struct str *out, uint64_t *out_total, struct err *err);
HL_MUST int blobs_has(struct blobs *b, const struct digest *digest, bool *out, struct err *err);
/* Drops what is not listed. */
HL_MUST int blobs_keep_only(struct blobs *b, const struct digest *keep, size_t count,
                            struct err *err);

#endif
