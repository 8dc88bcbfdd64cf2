/*
 * Which of many ZeroMQ sockets have something to read, for one system call a turn. Internal to
 * edge/wire.
 *
 * Asking a libzmq socket costs system calls even when it has nothing, and zmq_poll asks every one
 * twice. So each socket's descriptor is polled, and only a socket that gave a sign is asked
 * (ZMQ_EVENTS). The descriptor tells of changes, not of states, and whatever is done with a socket
 * may swallow the sign: who sends calls ready_touch, and who finds a socket empty ready_drained.
 *
 * Threads: that of the sockets. Limits: READY_MAX sockets.
 */
#ifndef HL_EDGE_WIRE_READY_H
#define HL_EDGE_WIRE_READY_H

#include "base/base.h"

enum { READY_MAX = 48 };

struct ready {
    struct {
        void *socket; /* NULL: free */
        int fd;
        bool is_touched;  /* a sign may have been swallowed: ask before waiting */
        bool is_readable; /* until ready_drained */
        bool is_resting;  /* not looked at, whatever came */
    } watch[READY_MAX];
    size_t count;
};

/* Returns the socket's number; never fails but for READY_MAX, which is asserted. */
size_t ready_add(struct ready *r, void *socket);
void ready_remove(struct ready *r, size_t number);
bool ready_is_readable(const struct ready *r, size_t number);
void ready_touch(struct ready *r, size_t number);
void ready_drained(struct ready *r, size_t number);
/* Leaves the socket alone until told otherwise; signs wait. */
void ready_rest(struct ready *r, size_t number, bool is_resting);
/* Waits until a socket or extra_fd (-1: none) is readable, or timeout_ms (-1: for ever) is over. */
void ready_wait(struct ready *r, int extra_fd, int64_t timeout_ms);

#endif
