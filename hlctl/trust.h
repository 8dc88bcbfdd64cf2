/*
 * What hlctl trusts: the context, its roster (verified against the pinned fingerprint) and the
 * secret key it speaks with. Read before a socket is opened.
 *
 * Threads: one. Strings live in the arena of the run.
 */
#ifndef HL_HLCTL_TRUST_H
#define HL_HLCTL_TRUST_H

#include "edge/keys/keys.h"
#include "hlctl/config.h"
#include "hlctl/hlctl.h"

struct trust {
    struct context context;
    struct roster roster;
    struct identity identity;
};

/* From --config, --context and their variables. 0, or the exit code with t filled. */
int trust_load(struct hlctl *h, struct trust *out, struct trouble *t);

/* The configuration of this run; an absent file is HL-CFG-01. */
int trust_config(struct hlctl *h, struct config *out, struct trouble *t);

/* Checks roster and identity of `context` and pins the mesh if it is not pinned yet. */
int trust_check(struct hlctl *h, struct context *context, struct roster *roster,
                struct identity *identity, struct trouble *t);

#endif
