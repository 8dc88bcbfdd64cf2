/*
 * Changes that need nothing but the log to be judged: sound ones of settings, by somebody who may
 * make them. A leader's mesh actor proposes them itself, while the fleet actor only notes who waits
 * for their entry, which spares each of them two ways between threads.
 *
 * Threads: any.
 */
#ifndef HL_COORDINATOR_DIRECT_H
#define HL_COORDINATOR_DIRECT_H

#include "core/state/command.h"
#include "edge/wire/hub.h"

/* The command that the request asks for; false: the fleet actor has to look at it. Borrows from
 * `in`. */
bool direct_command(const struct wire_inbound *in, struct command *out);

#endif
