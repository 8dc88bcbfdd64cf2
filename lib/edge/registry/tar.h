/*
 * The entries of a tar stream, one after the other, as Go's archive/tar reads them.
 *
 * Formats: v7, ustar, pax, GNU (long names), star. What is not an entry of its own (pax headers of
 * one entry, GNU long names) is folded into the entry that follows it. Of pax records the path and
 * the size count; everything else is checked and passed over: what a chart cannot use costs
 * nothing. Sparse files are refused.
 *
 * It is ours and not libarchive's because that one keeps access lists and attributes, and looks
 * through all before it adds one: 220 kB of archive kept it busy for 15 s.
 *
 * Ownership: a name lives in the arena given to tar_next; the source is borrowed.
 * Threads: confined to the owner's.
 * Limits: TAR_SPECIAL_MAX bytes a pax header or long name. How many bytes come in all, the source
 * bounds; the time is linear in them.
 */
#ifndef HL_EDGE_REGISTRY_TAR_H
#define HL_EDGE_REGISTRY_TAR_H

#include "base/base.h"

enum { TAR_BLOCK_BYTES = 512, TAR_SPECIAL_MAX = 1 << 20 };

/* Fills `out` with `len` bytes, fewer only where the stream ends: *out_len says how many. A failure
 * fills err. */
typedef int (*tar_source)(void *context, void *out, size_t len, size_t *out_len, struct err *err);

enum tar_kind {
    TAR_FILE,
    TAR_FOLDER,
    TAR_GLOBAL,  /* a pax header for the whole archive */
    TAR_SPECIAL, /* a link, device or pipe */
};

struct tar_entry {
    enum tar_kind kind;
    struct str name; /* as written */
    uint64_t size_bytes;
};

struct tar { /* for the caller's stack; the members are tar.c's */
    tar_source source;
    void *context;
    uint64_t left;    /* of the present entry's content, not read yet */
    uint64_t padding; /* behind it */
    struct buf special;
};

enum tar_outcome { TAR_ENTRY = 0, TAR_END = 1 };

void tar_init(struct tar *t, tar_source source, void *context);
void tar_deinit(struct tar *t);

/* Passes over what is left of the entry before. A tar_outcome; HL_EINVAL ("archive/tar: invalid tar
 * header", "unexpected EOF"); HL_ELIMIT; HL_EUNSUPPORTED (sparse); or the source's failure. */
HL_MUST int tar_next(struct tar *t, struct arena *a, struct tar_entry *out, struct err *err);

/* The whole content of the present entry, whose size the caller has judged. */
HL_MUST int tar_content(struct tar *t, struct arena *a, struct str *out, struct err *err);

#endif
