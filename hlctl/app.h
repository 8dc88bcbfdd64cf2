/*
 * What the members of an application mean: one place for "is this fine?".
 *
 * sync is Synced, OutOfSync or Unknown; health is Healthy, Progressing, Degraded, Missing,
 * Suspended or Unknown; operation is Pending, Running, Waiting (for a retry), Blocked (not repeated
 * until the input changes), Succeeded, Failed or Cancelled; where it is absent, `phase` of the
 * state machine tells it. An application that waits for a feature has status "unsupported", or a
 * reason that begins with "Unsupported: ". A word that is not known here counts as not fine.
 *
 * Threads: pure, but for items_of, which answers from the arena of the run.
 */
#ifndef HL_HLCTL_APP_H
#define HL_HLCTL_APP_H

#include "hlctl/client.h"

struct str app_operation(const struct value *app); /* empty: nothing is going on */
bool app_is_waiting(const struct value *app);      /* for a feature */
bool app_is_blocked(const struct value *app);      /* for a new input */
bool app_is_under_way(const struct value *app);
bool app_is_synced(const struct value *app); /* runs what is desired, and nothing is under way */
bool app_is_healthy(const struct value *app);

/* The list answer.body[key]; an empty one if it is not there. */
struct value *items_of(struct hlctl *h, const struct answer *answer, const char *key);

#endif
