/* Descriptors are polled; only a socket that gave a sign is asked. */
#include "edge/wire/ready.h"

#include <poll.h>

#include <zmq.h>

size_t ready_add(struct ready *r, void *socket)
{
    size_t number = 0;
    size_t len = sizeof(int);
    int fd = -1;

    while (number < r->count && r->watch[number].socket)
        number++;
    HL_ASSERT(number < READY_MAX);
    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &len) != 0)
        hl_die("a ZeroMQ socket without a descriptor");
    r->watch[number].socket = socket;
    r->watch[number].fd = fd;
    r->watch[number].is_touched = true;
    r->watch[number].is_readable = false;
    r->watch[number].is_resting = false;
    if (number == r->count)
        r->count++;
    return number;
}

void ready_remove(struct ready *r, size_t number)
{
    r->watch[number].socket = NULL;
    r->watch[number].is_readable = false;
}

bool ready_is_readable(const struct ready *r, size_t number)
{
    return r->watch[number].is_readable;
}

void ready_touch(struct ready *r, size_t number)
{
    r->watch[number].is_touched = true;
}

/* Reading it to its end has taken in every sign until then. */
void ready_drained(struct ready *r, size_t number)
{
    r->watch[number].is_readable = false;
    r->watch[number].is_touched = false;
}

void ready_rest(struct ready *r, size_t number, bool is_resting)
{
    r->watch[number].is_resting = is_resting;
}

static void ask(struct ready *r, size_t number)
{
    size_t len = sizeof(int);
    int events = 0;

    r->watch[number].is_touched = false;
    if (zmq_getsockopt(r->watch[number].socket, ZMQ_EVENTS, &events, &len) == 0)
        r->watch[number].is_readable = (events & ZMQ_POLLIN) != 0;
}

void ready_wait(struct ready *r, int extra_fd, int64_t timeout_ms)
{
    struct pollfd fds[READY_MAX + 1];
    nfds_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        bool is_watched = r->watch[i].socket && !r->watch[i].is_resting;
        if (is_watched && r->watch[i].is_touched && !r->watch[i].is_readable)
            ask(r, i);
        if (is_watched && r->watch[i].is_readable)
            timeout_ms = 0;
        /* What is left out keeps its number: poll ignores what is negative. */
        fds[count++] = (struct pollfd){is_watched ? r->watch[i].fd : -1, POLLIN, 0};
    }
    fds[count] = (struct pollfd){extra_fd, POLLIN, 0};
    if (poll(fds, count + 1, timeout_ms < 0 ? -1 : (int)timeout_ms) <= 0)
        return;
    for (size_t i = 0; i < r->count; i++) {
        if (fds[i].revents != 0)
            ask(r, i);
    }
}
