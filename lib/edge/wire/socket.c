/* The table of options: raft.md 4.2 and security.md 5.3 give the reasons. */
#include "edge/wire/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

/* The header hides it behind the draft macro; the library has it since 4.3.2 (S-2). */
enum { OPTION_ZAP_ENFORCE_DOMAIN = 93 };

struct option {
    int name;
    int value;
};

/* For every socket. */
static const struct option common_options[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_HANDSHAKE_IVL, 2000},
};

/* How a connection is found dead whose other end went without a word: peers by the pings of ZMTP;
 * guests, who are thousands, by the kernel, since libzmq looks through all timers of a thread
 * whenever a message answers one. Who waits for an answer has a time limit of its own besides. */
static const struct option peer_options[] = {
    {ZMQ_HEARTBEAT_IVL, 2000},
    {ZMQ_HEARTBEAT_TIMEOUT, 6000},
    {ZMQ_HEARTBEAT_TTL, 6000},
};
static const struct option guest_options[] = {
    {ZMQ_TCP_KEEPALIVE, 1},     {ZMQ_TCP_KEEPALIVE_IDLE, 5}, {ZMQ_TCP_KEEPALIVE_INTVL, 2},
    {ZMQ_TCP_KEEPALIVE_CNT, 3}, {ZMQ_TCP_MAXRT, 10000},
};

static const struct option server_options[] = {
    {ZMQ_BACKLOG, 512},
    {ZMQ_CURVE_SERVER, 1},
    {OPTION_ZAP_ENFORCE_DOMAIN, 1},
};

static const struct option client_options[] = {
    {ZMQ_IMMEDIATE, 1},
    {ZMQ_CONNECT_TIMEOUT, 2000},
    {ZMQ_TCP_MAXRT, 10000},
};

/* How soon a broken connection is tried again, and how slowly at last. Coordinators are few and an
 * election may wait for them; agents and people are many. */
static const struct option reconnect_options[][2] = {
    [SOCKET_PEER] = {{ZMQ_RECONNECT_IVL, 20}, {ZMQ_RECONNECT_IVL_MAX, 100}},
    [SOCKET_GUEST] = {{ZMQ_RECONNECT_IVL, 50}, {ZMQ_RECONNECT_IVL_MAX, 1000}},
};

static int set_options(void *socket, const struct option *option, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int read_back = -1;
        size_t len = sizeof(read_back);

        if (zmq_setsockopt(socket, option[i].name, &option[i].value, sizeof(int)) != 0 ||
            zmq_getsockopt(socket, option[i].name, &read_back, &len) != 0 ||
            read_back != option[i].value)
            return err_set(err, HL_EIO, "libzmq refuses option %d: %s", option[i].name,
                           zmq_strerror(zmq_errno()));
    }
    return 0;
}

static int set_key(void *socket, int option, const struct key *key, struct err *err)
{
    if (zmq_setsockopt(socket, option, key->bytes, KEY_BYTES) != 0)
        return err_set(err, HL_EIO, "libzmq refuses a CURVE key: %s", zmq_strerror(zmq_errno()));
    return 0;
}

static int set_limits(void *socket, int queue, struct err *err)
{
    int64_t max_bytes = WIRE_BYTES_MAX;
    int64_t read_back = -1;
    size_t len = sizeof(read_back);
    const struct option queues[] = {{ZMQ_SNDHWM, queue}, {ZMQ_RCVHWM, queue}};

    /* S-5: without it a stranger fills the memory before authentication. */
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes)) != 0 ||
        zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, &read_back, &len) != 0 || read_back != max_bytes)
        return err_set(err, HL_EIO, "libzmq refuses a message limit");
    return set_options(socket, queues, HL_COUNT(queues), err);
}

/* Where there is more than one I/O thread, peers have the second for themselves: no crowd of guests
 * shaking hands, half a millisecond each, comes between a leader and its followers. */
static int choose_thread(void *context, void *socket, enum socket_use use, struct err *err)
{
    uint64_t mask = use == SOCKET_PEER ? 2 : 1;

    if (zmq_ctx_get(context, ZMQ_IO_THREADS) > 1 &&
        zmq_setsockopt(socket, ZMQ_AFFINITY, &mask, sizeof(mask)) != 0)
        return err_set(err, HL_EIO, "libzmq refuses a thread: %s", zmq_strerror(zmq_errno()));
    return 0;
}

static void *open_socket(void *context, int type, enum socket_use use, int queue, struct err *err)
{
    void *socket = zmq_socket(context, type);

    if (!socket) {
        err_set(err, HL_EIO, "no ZeroMQ socket: %s", zmq_strerror(zmq_errno()));
        return NULL;
    }
    bool is_peer = use == SOCKET_PEER;
    if (choose_thread(context, socket, use, err) < 0 ||
        set_options(socket, common_options, HL_COUNT(common_options), err) < 0 ||
        set_options(socket, is_peer ? peer_options : guest_options,
                    is_peer ? HL_COUNT(peer_options) : HL_COUNT(guest_options), err) < 0 ||
        set_limits(socket, queue, err) < 0) {
        zmq_close(socket);
        return NULL;
    }
    return socket;
}

void *socket_server(void *context, const struct key_pair *pair, const char *domain,
                    enum socket_use use, int queue, struct err *err)
{
    const int is_mandatory = 1; /* libzmq does not tell this one back */
    void *socket = open_socket(context, ZMQ_ROUTER, use, queue, err);

    if (!socket)
        return NULL;
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0 ||
        zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &is_mandatory, sizeof(is_mandatory)) != 0)
        err_set(err, HL_EIO, "libzmq refuses an option: %s", zmq_strerror(zmq_errno()));
    else if (set_options(socket, server_options, HL_COUNT(server_options), err) == 0 &&
             set_key(socket, ZMQ_CURVE_SECRETKEY, &pair->secret_key, err) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}

/* Only where it is asked for: with it on, IPv4 addresses would show as mapped ones. */
static int allow_ipv6(void *socket, struct str endpoint, struct err *err)
{
    const struct option ipv6 = {ZMQ_IPV6, 1};

    return str_has_byte(endpoint, '[') ? set_options(socket, &ipv6, 1, err) : 0;
}

static int connect_to(void *socket, struct str endpoint, struct err *err)
{
    char text[256];

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(endpoint));
    int r = allow_ipv6(socket, endpoint, err);
    if (r < 0)
        return r;
    if (zmq_connect(socket, text) != 0)
        return err_set(err, HL_EINVAL, "cannot connect to %s: %s", text, zmq_strerror(zmq_errno()));
    return 0;
}

void *socket_client(void *context, const struct key_pair *pair, const struct key *server,
                    struct str endpoint, enum socket_use use, int queue, struct err *err)
{
    void *socket = open_socket(context, ZMQ_DEALER, use, queue, err);

    if (!socket)
        return NULL;
    if (set_options(socket, client_options, HL_COUNT(client_options), err) == 0 &&
        set_options(socket, reconnect_options[use], 2, err) == 0 &&
        set_key(socket, ZMQ_CURVE_PUBLICKEY, &pair->public_key, err) == 0 &&
        set_key(socket, ZMQ_CURVE_SECRETKEY, &pair->secret_key, err) == 0 &&
        set_key(socket, ZMQ_CURVE_SERVERKEY, server, err) == 0 &&
        connect_to(socket, endpoint, err) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}

int socket_bind(void *socket, struct str endpoint, struct err *err)
{
    char text[256];

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(endpoint));
    int r = allow_ipv6(socket, endpoint, err);
    if (r < 0 || zmq_bind(socket, text) == 0)
        return r;
    if (zmq_errno() == EADDRINUSE)
        return err_set(err, HL_ECONFLICT,
                       "%s is taken by another process: stop it, or change the roster", text);
    return err_set(err, HL_EIO, "cannot listen on %s: %s", text, zmq_strerror(zmq_errno()));
}

int socket_unbind(void *socket, struct str endpoint, struct err *err)
{
    char text[256];

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(endpoint));
    if (zmq_unbind(socket, text) != 0)
        return err_set(err, HL_EIO, "cannot unbind %s: %s", text, zmq_strerror(zmq_errno()));
    return 0;
}

void *socket_watch(void *context, void *socket, const char *endpoint, int events, struct err *err)
{
    void *monitor = NULL;

    if (zmq_socket_monitor(socket, endpoint, events) == 0)
        monitor = zmq_socket(context, ZMQ_PAIR);
    if (!monitor || zmq_connect(monitor, endpoint) != 0) {
        err_set(err, HL_EIO, "cannot watch a socket: %s", zmq_strerror(zmq_errno()));
        if (monitor)
            zmq_close(monitor);
        return NULL;
    }
    return monitor;
}

int socket_take_event(void *monitor)
{
    unsigned char head[16];
    char address[256];
    uint16_t event;

    if (zmq_recv(monitor, head, sizeof(head), ZMQ_DONTWAIT) < (int)sizeof(event))
        return 0;
    memcpy(&event, head, sizeof(event));
    zmq_recv(monitor, address, sizeof(address), ZMQ_DONTWAIT);
    return event;
}

void socket_close(void *socket)
{
    if (socket)
        zmq_close(socket);
}
