/*
 * A small HTTP server: exact routes, whole bodies, one thread (libmicrohttpd's own).
 *
 * A request is answered by the handler of its route after the whole body has come, at most
 * `body_max` bytes; a larger one gets 413, an unknown path 404, another method 405 with Allow. HEAD
 * is GET without the body. Who sends a MiB beyond the limit is cut off. Every answer carries
 * headers that forbid sniffing, framing and caching.
 *
 * Threads: handlers run in the server's thread. Ownership: a request lives for the call; what a
 * handler answers is copied.
 * Limits:  HTTP_CONNECTIONS_MAX connections, 8 an address, 10 s without progress.
 */
#ifndef HL_EDGE_HTTP_SERVER_H
#define HL_EDGE_HTTP_SERVER_H

#include "base/base.h"

enum { HTTP_CONNECTIONS_MAX = 64, HTTP_PER_ADDRESS_MAX = 8, HTTP_TIMEOUT_S = 10 };

struct http_request {
    const char *method;
    const char *path;
    struct str body;
    void *connection; /* for http_header */
};

struct http_answer {
    unsigned status;
    const char *content_type; /* NULL: text/plain */
    struct str body;
};

struct http_route {
    const char *method;
    const char *path;
    size_t body_max;
    /* Builds in `a`, which is freed after the answer was copied. */
    void (*handle)(void *context, const struct http_request *request, struct arena *a,
                   struct http_answer *out);
    void *context;
};

struct http_server;

/* `listen`: "127.0.0.1:7480" or "[::1]:7480". The routes are borrowed. HL_ECONFLICT: the
 * address is taken; HL_EINVAL: it is none; HL_EIO. */
HL_MUST int http_server_open(struct str listen, const struct http_route *route, size_t route_count,
                             struct http_server **out, struct err *err);
void http_server_close(struct http_server *server);
HL_DEFINE_FREEP(http_server_close, struct http_server)

/* A request header's value, borrowed for the call; STR_NONE if absent. */
struct str http_header(const struct http_request *request, const char *name);

#endif
