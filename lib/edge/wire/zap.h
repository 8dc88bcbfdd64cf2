/*
 * The ZAP handler (ZeroMQ RFC 27): libzmq asks it about each CURVE handshake. Internal to
 * edge/wire; served by the thread that owns the hub, so it cannot be dead while the hub lives.
 *
 * A key is accepted at a door when the admission table has it there; at the enrolment door every
 * key is. The User-Id of an accepted session is the key's text. Other domains and mechanisms are
 * refused.
 */
#ifndef HL_EDGE_WIRE_ZAP_H
#define HL_EDGE_WIRE_ZAP_H

#include "edge/wire/admission.h"

/* Binds the handler's endpoint in `context`; NULL with err when it is taken. */
void *zap_open(void *context, struct err *err);
/* Answers every waiting request; returns how many were refused. */
size_t zap_serve(void *zap, struct admission *table);

/*
 * Proves with real CURVE handshakes on scratch sockets that this libzmq and this handler do what
 * everything rests on (S-1, S-2): without a handler nobody gets in; with it a stranger is refused,
 * and a key that is admitted gets in under its name. HL_EDENIED if not, or if no answer came in 2
 * s.
 */
HL_MUST int zap_prove(void *context, void *zap, struct admission *table, struct err *err);

#endif
