/*
 * What the members of an application mean: one place for "is this fine?".
 *
 * sync is Synced, OutOfSync, Unknown or Unsupported (it waits for a feature); health is Healthy,
 * Progressing, Degraded, Missing, Suspended or Unknown; operation, when present, is Pending,
 * Running, Waiting, Blocked (not repeated until the input changes), Succeeded, Failed or Cancelled.
 * A word that is not known here counts as not fine.
 *
 * Threads: pure, but for items_of, which answers from the arena of the run.
 */
#ifndef HL_HLCTL_APP_H
#define HL_HLCTL_APP_H

#include "hlctl/client.h"

bool app_is_waiting(const struct value *app); /* Unsupported */
bool app_is_blocked(const struct value *app);
bool app_is_synced(const struct value *app); /* runs what is desired, and nothing is under way */
bool app_is_healthy(const struct value *app);

/* The list answer.body[key]; an empty one if it is not there. */
struct value *items_of(struct hlctl *h, const struct answer *answer, const char *key);

#endif
