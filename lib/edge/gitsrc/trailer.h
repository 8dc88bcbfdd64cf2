/*
 * The trailers of our commits in a state repository: written by the holder of a lease, read back
 * to fence off former holders. Pure. Format: staterepo.h.
 */
#ifndef HL_EDGE_GITSRC_TRAILER_H
#define HL_EDGE_GITSRC_TRAILER_H

#include "base/base.h"

struct trailer {
    struct str app;
    uint64_t epoch;
    struct str agent;
    struct str revision; /* "" leaves it out */
};

void trailer_write(struct buf *message, struct str subject, const struct trailer *t);

/* Reads app and epoch from the last paragraph of a commit message, borrowed from it. False if the
 * commit is not one of ours: exactly one of each, a decimal epoch above 0. */
HL_MUST bool trailer_read(struct str message, struct trailer *out);

#endif
