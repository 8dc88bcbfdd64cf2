/*
 * Making sockets with the options of the recipe; internal to edge/wire.
 *
 * Threads: as the sockets. Every option that matters for safety is read back.
 */
#ifndef HL_EDGE_WIRE_SOCKET_H
#define HL_EDGE_WIRE_SOCKET_H

#include "edge/wire/messages.h"

enum socket_use { SOCKET_PEER, SOCKET_GUEST };
/* A ROUTER that is a CURVE server of `domain`, not bound yet. NULL with err on failure. */
void *socket_server(void *context, const struct key_pair *pair, const char *domain,
                    enum socket_use use, int queue, struct err *err);
/* A DEALER that is a CURVE client of the server with that key, connecting. NULL on failure. */
void *socket_client(void *context, const struct key_pair *pair, const struct key *server,
                    struct str endpoint, enum socket_use use, int queue, struct err *err);
/* Binds; HL_ECONFLICT names an endpoint that is taken. */
HL_MUST int socket_bind(void *socket, struct str endpoint, struct err *err);
HL_MUST int socket_unbind(void *socket, struct str endpoint, struct err *err);
/* A socket that gives the ZMQ_EVENT_* of `events` happening to `socket`, by way of `endpoint` (a
 * name of its own, "inproc://..."). NULL on failure. */
void *socket_watch(void *context, void *socket, const char *endpoint, int events, struct err *err);
/* The next event; 0 if none waits. */
int socket_take_event(void *monitor);
void socket_close(void *socket);

#endif
