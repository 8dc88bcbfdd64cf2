/*
 * The file `owner` beside an LMDB environment: whose state it is and whether its bytes can be
 * trusted. For this folder only.
 *
 * LMDB without sync survives a killed process, because the page cache does, but not a power cut:
 * the file may then be broken in ways that LMDB does not notice. So the decision to open it at all
 * must come from outside of it.
 */
#ifndef HL_EDGE_STORE_OWNER_H
#define HL_EDGE_STORE_OWNER_H

#include "edge/store/log.h"

enum owner_verdict {
    OWNER_TRUSTED = 0,
    OWNER_NEW,   /* nothing there yet */
    OWNER_STALE, /* ours, but to be wiped: another boot, another format, marked as damaged */
};

/* An owner_verdict; HL_ECORRUPT (foreign or unreadable), HL_EIO. */
HL_MUST int owner_judge(struct str dir, const struct store_identity *identity, struct err *err);

/* Writes it durably: for this boot, or, after a flush of the environment, for any. */
HL_MUST int owner_write(struct str dir, const struct store_identity *identity, bool is_flushed,
                        struct err *err);

/* A value was found damaged: the next owner_judge says OWNER_STALE. Best effort, any thread. */
void owner_mark_damaged(struct str dir);

#endif
