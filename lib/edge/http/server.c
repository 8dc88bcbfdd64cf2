/* libmicrohttpd calls back several times for one request: a struct upload gathers its body. */
#include "edge/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

struct http_server {
    struct MHD_Daemon *daemon;
    const struct http_route *route;
    size_t route_count;
};

/* What a refused request may still send before it is cut off: enough for a polite client to end
 * and read why. */
enum { DISCARD_MAX = 1 << 20 };

struct upload {
    struct buf body;
    size_t body_max;
    size_t discarded;
    bool is_too_large;
};

static const struct http_route *find_route(const struct http_server *s, const char *method,
                                           const char *path, bool *out_is_path_known)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

    *out_is_path_known = false;
    for (size_t i = 0; i < s->route_count; i++) {
        if (strcmp(s->route[i].path, path) != 0)
            continue;
        *out_is_path_known = true;
        if (strcmp(s->route[i].method, wanted) == 0)
            return &s->route[i];
    }
    return NULL;
}

/* RFC 9110 15.5.6: a 405 says which methods there are. */
static struct str allowed_methods(const struct http_server *s, const char *path, struct arena *a)
{
    struct str list = STR_NONE;

    for (size_t i = 0; i < s->route_count; i++) {
        const struct http_route *route = &s->route[i];

        if (strcmp(route->path, path) != 0)
            continue;
        list = arena_printf(a, STR_FMT "%s%s%s", STR_ARG(list), list.len ? ", " : "", route->method,
                            strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return list;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct http_answer *a,
                              const char *allow)
{
    static const struct {
        const char *name;
        const char *value;
    } headers[] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Cache-Control", "no-store"},
    };
    struct MHD_Response *response = MHD_create_response_from_buffer(
        a->body.len, (void *)(uintptr_t)a->body.ptr, MHD_RESPMEM_MUST_COPY);

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            a->content_type ? a->content_type : "text/plain; charset=utf-8");
    for (size_t i = 0; i < HL_COUNT(headers); i++)
        MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (allow)
        MHD_add_response_header(response, "Allow", allow);
    enum MHD_Result r = MHD_queue_response(connection, a->status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result answer_status(struct MHD_Connection *connection, unsigned status,
                                     const char *allow)
{
    static const struct {
        unsigned status;
        struct str text;
    } texts[] = {
        {404, STR("not found\n")},
        {405, STR("method not allowed\n")},
        {413, STR("too large\n")},
    };
    struct http_answer a = {.status = status};

    for (size_t i = 0; i < HL_COUNT(texts); i++) {
        if (texts[i].status == status)
            a.body = texts[i].text;
    }
    return answer(connection, &a, allow);
}

static enum MHD_Result answer_unrouted(const struct http_server *s,
                                       struct MHD_Connection *connection, const char *path,
                                       bool is_path_known)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    if (!is_path_known)
        return answer_status(connection, 404, NULL);
    return answer_status(connection, 405, arena_cstr(a, allowed_methods(s, path, a)));
}

/* Keeps what belongs to the body; false for who goes on sending what nobody wants. */
static bool take_data(struct upload *up, const char *data, size_t len)
{
    if (!up->is_too_large && len <= up->body_max - up->body.len) {
        buf_add_bytes(&up->body, data, len);
        return true;
    }
    up->is_too_large = true;
    up->discarded += len;
    return up->discarded <= DISCARD_MAX;
}

/* True if the request says beforehand that its body is too large. */
static bool announces_too_much(struct MHD_Connection *connection, size_t body_max)
{
    struct str length = str_from(
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH));
    uint64_t bytes;

    return length.len > 0 && str_to_u64(length, &bytes) && bytes > body_max + DISCARD_MAX;
}

static enum MHD_Result run_handler(const struct http_route *route,
                                   struct MHD_Connection *connection, const char *method,
                                   const char *path, const struct upload *up)
{
    struct http_request request = {method, path, buf_str(&up->body), connection};
    struct http_answer out = {.status = 500};
    struct arena *a = arena_new();

    route->handle(route->context, &request, a, &out);
    enum MHD_Result r = answer(connection, &out, NULL);
    arena_free(a);
    return r;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *data_len, void **state)
{
    const struct http_server *s = context;
    struct upload *up = *state;
    bool is_path_known;
    const struct http_route *route = find_route(s, method, path, &is_path_known);

    (void)version;
    if (!up) {
        up = hl_calloc(1, sizeof(*up));
        up->body_max = route ? route->body_max : 0;
        *state = up;
        if (announces_too_much(connection, up->body_max))
            return answer_status(connection, 413, NULL);
        return MHD_YES; /* the headers are there; the body comes with the next calls */
    }
    if (*data_len > 0) {
        bool goes_on = take_data(up, data, *data_len);

        *data_len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (!route)
        return answer_unrouted(s, connection, path, is_path_known);
    if (up->is_too_large)
        return answer_status(connection, 413, NULL);
    return run_handler(route, connection, method, path, up);
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct upload *up = *state;

    (void)context;
    (void)connection;
    (void)code;
    if (!up)
        return;
    buf_deinit(&up->body);
    free(up);
    *state = NULL;
}

/* "host:port" or "[host]:port"; numeric addresses only, so that nothing needs DNS. */
static bool parse_listen(struct str listen, struct sockaddr_storage *out, socklen_t *out_len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    char host[64];
    uint64_t port;
    size_t colon = listen.len;

    while (colon > 0 && listen.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_u64(str_sub(listen, colon, listen.len), &port) || port > 65535)
        return false;
    struct str name = str_sub(listen, 0, colon - 1);
    bool is_bracketed = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (is_bracketed)
        name = str_sub(name, 1, name.len - 1);
    if (name.len >= sizeof(host))
        return false;
    snprintf(host, sizeof(host), STR_FMT, STR_ARG(name));
    memset(out, 0, sizeof(*out));
    if (!is_bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *out_len = sizeof(*v4);
        return true;
    }
    if (is_bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *out_len = sizeof(*v6);
        return true;
    }
    return false;
}

static int open_socket(struct str listen_at, int *out_fd, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    int on = 1;

    if (!parse_listen(listen_at, &address, &len))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is not ADDRESS:PORT", STR_ARG(listen_at));
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, HL_EIO, "no socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 64) != 0) {
        int code = errno == EADDRINUSE ? HL_ECONFLICT : HL_EIO;
        code = err_errno(err, code, "cannot listen on " STR_FMT, STR_ARG(listen_at));
        close(fd);
        return code;
    }
    *out_fd = fd;
    return 0;
}

int http_server_open(struct str listen, const struct http_route *route, size_t route_count,
                     struct http_server **out, struct err *err)
{
    struct http_server *s = hl_calloc(1, sizeof(*s));
    int fd = -1;

    s->route = route;
    s->route_count = route_count;
    int r = open_socket(listen, &fd, err);
    if (r < 0) {
        free(s);
        return r;
    }
    s->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, s,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_PER_ADDRESS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_END);
    if (!s->daemon) {
        close(fd);
        free(s);
        return err_set(err, HL_EIO, "the HTTP server does not start");
    }
    *out = s;
    return 0;
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}

struct str http_header(const struct http_request *request, const char *name)
{
    return str_from(MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name));
}
