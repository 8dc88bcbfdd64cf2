/*
 * How often an address may try to enrol; internal to edge/wire.
 *
 * Every question counts against STRANGER_ASKS a minute. Every refusal counts against
 * STRANGER_REFUSALS a minute and silences its address for STRANGER_PAUSE_MS, so that guessing
 * tokens is slow whoever does it, while a machine that waits for a leader may ask once a second.
 *
 * Threads: confined to the hub's. Limits: STRANGERS_MAX addresses; the one unheard for longest is
 * forgotten for a new one.
 */
#ifndef HL_EDGE_WIRE_STRANGER_H
#define HL_EDGE_WIRE_STRANGER_H

#include "base/base.h"

enum {
    STRANGERS_MAX = 256,
    STRANGER_ADDRESS_MAX = 64,
    STRANGER_ASKS = 300,
    STRANGER_REFUSALS = 10,
    STRANGER_PAUSE_MS = 1000,
};

struct strangers;

struct strangers *strangers_new(void);
void strangers_free(struct strangers *t);
HL_DEFINE_FREEP(strangers_free, struct strangers)

/* *out_slot (not 0) names the address in stranger_was_refused, until it is forgotten. */
HL_MUST bool stranger_may_ask(struct strangers *t, const char *address, int64_t now_ms,
                              uint32_t *out_slot);
void stranger_was_refused(struct strangers *t, uint32_t slot, int64_t now_ms);

#endif
