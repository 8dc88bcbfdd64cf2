/*
 * The sockets of http and https: pinned to the configured host and port.
 *
 * libgit2 follows redirects to any port of the same host even when told not to, and would take
 * our token along; its own sockets also have no timeout for connecting. libgit2's TLS runs on top
 * of these. (ssh keeps libgit2's sockets: its transport reaches into them; it knows no redirects.)
 */
#include "edge/gitsrc/child/child.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <git2/sys/stream.h>

enum { CONNECT_TIMEOUT_MS = 10000, PORT_TEXT_MAX = 8 };

/* libgit2's constructor has no argument for a context; one child serves one URL. */
static const struct git_url *pinned;

struct stream {
    git_stream base;
    int fd;
    char port[PORT_TEXT_MAX];
};

static struct stream *stream_of(git_stream *base)
{
    return (struct stream *)(void *)base; /* base is its first member */
}

static int fail(const char *what, const char *why)
{
    char text[400];

    snprintf(text, sizeof(text), "%s %s: %s", what, pinned->host, why);
    git_error_set_str(GIT_ERROR_NET, text);
    return -1;
}

/* One address; returns the socket or -1 with errno. */
static int connect_to(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int problem = 0;
    socklen_t len = sizeof(problem);

    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS) {
        int n = poll(&wait, 1, CONNECT_TIMEOUT_MS);
        if (n == 0)
            problem = ETIMEDOUT;
        else if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) < 0)
            problem = errno;
        if (problem == 0)
            return fd;
        errno = problem;
    }
    problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static int stream_connect(git_stream *base)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct stream *s = stream_of(base);
    struct addrinfo *all = NULL;

    int rc = getaddrinfo(pinned->host, s->port, &hints, &all);
    if (rc != 0)
        return fail("cannot resolve", gai_strerror(rc));
    for (struct addrinfo *one = all; one && s->fd < 0; one = one->ai_next)
        s->fd = connect_to(one);
    rc = errno;
    freeaddrinfo(all);
    if (s->fd < 0)
        return fail("cannot connect to", strerror(rc));
    return 0;
}

/* The socket does not block; waiting is bounded by the parent, which kills us when it is late. */
static int wait_for(struct stream *s, short events)
{
    struct pollfd wait = {.fd = s->fd, .events = events};

    while (poll(&wait, 1, -1) < 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

static ssize_t stream_read(git_stream *base, void *out, size_t len)
{
    struct stream *s = stream_of(base);

    for (;;) {
        ssize_t n = recv(s->fd, out, len, 0);
        if (n >= 0)
            return n;
        if (errno != EINTR && (errno != EAGAIN || wait_for(s, POLLIN) < 0))
            return fail("reading from", strerror(errno));
    }
}

static ssize_t stream_write(git_stream *base, const char *data, size_t len, int flags)
{
    struct stream *s = stream_of(base);

    (void)flags;
    for (;;) {
        ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);
        if (n >= 0)
            return n;
        if (errno != EINTR && (errno != EAGAIN || wait_for(s, POLLOUT) < 0))
            return fail("writing to", strerror(errno));
    }
}

static int stream_close(git_stream *base)
{
    struct stream *s = stream_of(base);

    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    return 0;
}

static void stream_free(git_stream *base)
{
    stream_close(base);
    free(stream_of(base));
}

static int stream_new(git_stream **out, const char *host, const char *port)
{
    char want[PORT_TEXT_MAX];
    unsigned number = pinned->port ? pinned->port : pinned->kind == GIT_URL_HTTPS ? 443 : 80;

    snprintf(want, sizeof(want), "%u", number);
    if (strcasecmp(host, pinned->host) != 0 || strcmp(port, want) != 0)
        return fail("cannot redirect from", "to another host or port");
    struct stream *s = hl_calloc(1, sizeof(*s));
    s->fd = -1;
    snprintf(s->port, sizeof(s->port), "%s", want);
    s->base.version = GIT_STREAM_VERSION;
    s->base.connect = stream_connect;
    s->base.read = stream_read;
    s->base.write = stream_write;
    s->base.close = stream_close;
    s->base.free = stream_free;
    *out = &s->base;
    return 0;
}

int stream_pin(const struct git_url *url)
{
    git_stream_registration ours = {.version = GIT_STREAM_VERSION, .init = stream_new};

    if (url->kind != GIT_URL_HTTP && url->kind != GIT_URL_HTTPS)
        return 0;
    pinned = url;
    return git_stream_register(GIT_STREAM_STANDARD, &ours);
}
