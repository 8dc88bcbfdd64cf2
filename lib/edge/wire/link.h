/*
 * A link: the other end of a hub's door, for agents, people and enrolment. One DEALER for each
 * coordinator of the roster, whose key it must have; reconnecting by itself, with jitter.
 *
 * A coordinator that was asked and has said nothing for LINK_SILENT_MS gets a new connection with
 * the next question, also when it had refused this key before.
 *
 * Threads: one. Sending never blocks: a message to a coordinator that is not connected is dropped.
 */
#ifndef HL_EDGE_WIRE_LINK_H
#define HL_EDGE_WIRE_LINK_H

#include "edge/wire/messages.h"

struct wire_link;

enum { LINK_SILENT_MS = 3000 };

/* `door`: DOOR_AGENT, DOOR_CLIENT or DOOR_ENROL; the roster must outlive the link. */
HL_MUST int link_open(const struct roster *roster, enum door door, const struct key_pair *pair,
                      struct wire_link **out, struct err *err);
void link_close(struct wire_link *link);
HL_DEFINE_FREEP(link_close, struct wire_link)

/* True if it was handed to a live or forming connection. */
bool link_send(struct wire_link *link, uint64_t member, const struct wire_message *m);
void link_wait(struct wire_link *link, int extra_fd, int64_t timeout_ms);
/* The next message from any coordinator. Malformed ones, and kinds that coordinators do not send,
 * are skipped. */
bool link_next(struct wire_link *link, struct arena *a, uint64_t *out_member,
               struct wire_message *out);

#endif
