/*
 * The web door: POST /webhook (signed), GET /livez and /readyz. Plain HTTP on the address that the
 * configuration names; put TLS in front of it where the network is not yours.
 *
 * A webhook is believed only as far as its signature goes, and then it is a hint: Git is looked at
 * by this coordinator and, told through the peer door, by the others. Hints are limited to one look
 * a second by the source actor.
 *
 * Threads: callbacks run in the HTTP server's thread and only post messages.
 */
#ifndef HL_COORDINATOR_WEB_H
#define HL_COORDINATOR_WEB_H

#include "coordinator/config.h"
#include "coordinator/messages.h"

struct web;

/* HL_ECONFLICT when the address is taken; HL_EDENIED when the secret file is too open. */
HL_MUST int web_open(const struct coordinator_config *config, struct boxes *boxes, struct web **out,
                     struct err *err);
void web_close(struct web *web);

#endif
