/*
 * The load of tests/bench/kvload.c for etcd: Put and linearizable Range of etcd v3 over gRPC, which
 * is HTTP/2 with a frame of five bytes before each protobuf message. One thread, one epoll, a
 * closed loop.
 *
 *     etcdload ENDPOINT put|get CLIENTS CONNECTIONS VALUE_BYTES SECONDS [CA]
 *     etcdload ENDPOINT,ENDPOINT lose SIGNAL PID [CA]
 *         as kvload; ENDPOINT is an IPv4 address and a port; with CA (a file) over TLS
 *
 * Not part of the build: tests/bench/consensus compiles it where libnghttp2 and OpenSSL are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench/samples.h"

enum {
    CONNECTIONS_MAX = 64,
    VALUE_MAX = 64 << 10,
    KEYS_USED = 100000,
    KEY_LEN = 16,
    PROBE_NS = 5000000,
    LOSE_AFTER_NS = 1000000000,
    LOSE_WITHIN_S = 30,
    WINDOW = 1 << 24,
    OUT_MAX = 1 << 20,
};

struct connection {
    int fd; /* -1: broken */
    SSL *tls;
    nghttp2_session *session;
    uint8_t out[OUT_MAX + WINDOW / 16];
    size_t out_len;
};

struct request {
    int64_t sent_ns;
    bool is_good;
    size_t len;
    size_t read;
    uint8_t body[];
};

static struct connection *connection[CONNECTIONS_MAX];
static size_t connection_count;
static SSL_CTX *tls;
static bool is_get;
static size_t value_bytes = 128;
static size_t errors;
static bool is_loss, is_found;
static int64_t lost_ns; /* 0: not yet */

static void fail(const char *what)
{
    fprintf(stderr, "etcdload: %s\n", what);
    exit(1);
}

/* ---- requests ---- */

static uint8_t *add_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        *p++ = (uint8_t)(v | 128);
    *p++ = (uint8_t)v;
    return p;
}

/* PutRequest{key = 1, value = 2} or RangeRequest{key = 1}; Range is linearizable unless it asks not
 * to be. */
static struct request *request_new(void)
{
    struct request *r = calloc(1, sizeof(*r) + value_bytes + 64);
    uint8_t *p = r->body + 5;
    char key[32];

    snprintf(key, sizeof(key), "key/%012u", (unsigned)(random() % KEYS_USED));
    *p++ = 0x0a;
    p = add_varint(p, KEY_LEN);
    memcpy(p, key, KEY_LEN);
    p += KEY_LEN;
    if (!is_get) {
        *p++ = 0x12;
        p = add_varint(p, value_bytes);
        memset(p, 'v', value_bytes);
        p += value_bytes;
    }
    r->len = (size_t)(p - r->body);
    uint32_t length = htonl((uint32_t)(r->len - 5));
    memcpy(r->body + 1, &length, sizeof(length));
    return r;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct request *r = source->ptr;
    size_t n = r->len - r->read < room ? r->len - r->read : room;

    (void)session, (void)stream, (void)context;
    memcpy(out, r->body + r->read, n);
    r->read += n;
    if (r->read == r->len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

#define HEADER(name, value)                                                                        \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value),  \
            NGHTTP2_NV_FLAG_NONE                                                                   \
    }

static void submit(struct connection *c)
{
    struct request *r = request_new();
    const nghttp2_nv headers[] = {
        HEADER(":method", "POST"),
        HEADER(":scheme", tls ? "https" : "http"),
        HEADER(":path", is_get ? "/etcdserverpb.KV/Range" : "/etcdserverpb.KV/Put"),
        HEADER(":authority", "127.0.0.1"),
        HEADER("content-type", "application/grpc"),
        HEADER("te", "trailers"),
    };
    const nghttp2_data_provider body = {.source.ptr = r, .read_callback = read_body};

    r->sent_ns = samples_now_ns();
    if (c->fd < 0 || nghttp2_submit_request(c->session, NULL, headers, 6, &body, r) < 0) {
        errors++;
        free(r);
    }
}

/* ---- answers ---- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *context)
{
    struct request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags, (void)context;
    if (r && name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
        r->is_good = value_len == 1 && value[0] == '0';
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
    struct request *r = nghttp2_session_get_stream_user_data(session, stream);

    (void)code;
    if (!r)
        return 0;
    if (!r->is_good)
        errors++;
    else if (is_loss)
        is_found = is_found || (lost_ns > 0 && r->sent_ns >= lost_ns);
    else
        samples_add(r->sent_ns);
    free(r);
    if (!is_loss && samples_now_ns() < samples_end_ns())
        submit(context);
    return 0;
}

/* ---- connections ---- */

static void hang_up(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
}

static void flush(struct connection *c)
{
    while (c->fd >= 0) {
        const uint8_t *bytes;
        ssize_t n;

        while (c->out_len < OUT_MAX && (n = nghttp2_session_mem_send(c->session, &bytes)) > 0) {
            memcpy(c->out + c->out_len, bytes, (size_t)n);
            c->out_len += (size_t)n;
        }
        if (c->out_len == 0)
            return;
        n = c->tls ? SSL_write(c->tls, c->out, (int)c->out_len) : write(c->fd, c->out, c->out_len);
        if (n <= 0) {
            if (!c->tls && errno != EAGAIN)
                hang_up(c);
            return;
        }
        c->out_len -= (size_t)n;
        memmove(c->out, c->out + n, c->out_len);
    }
}

static void receive(struct connection *c)
{
    static uint8_t bytes[256 << 10];

    for (;;) {
        ssize_t n =
            c->tls ? SSL_read(c->tls, bytes, sizeof(bytes)) : read(c->fd, bytes, sizeof(bytes));
        if (n <= 0 && c->tls) {
            if (SSL_get_error(c->tls, (int)n) != SSL_ERROR_WANT_READ)
                hang_up(c);
            return;
        }
        if (n <= 0) {
            if (n == 0 || errno != EAGAIN)
                hang_up(c);
            return;
        }
        if (nghttp2_session_mem_recv(c->session, bytes, (size_t)n) < 0) {
            hang_up(c);
            return;
        }
    }
}

static void greet(struct connection *c)
{
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
    nghttp2_session_callbacks *callbacks;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 1);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 1 << 28);
}

static void dial(const char *endpoint, int poller)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    const int one = 1;
    char host[64];

    snprintf(host, sizeof(host), "%s", endpoint);
    char *port = strchr(host, ':');
    if (!port || connection_count == CONNECTIONS_MAX)
        fail("an endpoint is ADDRESS:PORT");
    *port++ = '\0';
    to.sin_port = htons((uint16_t)atoi(port));
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        fail("cannot connect");
    if (tls) {
        c->tls = SSL_new(tls);
        SSL_set_fd(c->tls, c->fd);
        if (SSL_connect(c->tls) != 1)
            fail(ERR_error_string(ERR_get_error(), NULL));
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
    greet(c);
    connection[connection_count++] = c;
}

static void take_turn(int poller, int timeout_ms)
{
    struct epoll_event event[CONNECTIONS_MAX];
    int count = epoll_wait(poller, event, CONNECTIONS_MAX, timeout_ms);

    for (int i = 0; i < count; i++) {
        struct connection *c = event[i].data.ptr;

        if (c->fd >= 0)
            receive(c);
        flush(c);
    }
}

/* ---- the two kinds of load ---- */

static int run_load(size_t clients, double seconds, int poller)
{
    samples_begin(seconds);
    for (size_t i = 0; i < clients; i++)
        submit(connection[i % connection_count]);
    for (size_t i = 0; i < connection_count; i++)
        flush(connection[i]);
    while (samples_now_ns() < samples_end_ns())
        take_turn(poller, 50);
    if (samples_print(errors) != 0)
        fail("nothing was answered");
    return 0;
}

static int run_loss(int number, pid_t pid, int poller)
{
    int64_t start_ns = samples_now_ns();
    int64_t probe_ns = start_ns;

    while (samples_now_ns() - start_ns < LOSE_WITHIN_S * INT64_C(1000000000)) {
        int64_t now = samples_now_ns();
        if (lost_ns == 0 && now - start_ns > LOSE_AFTER_NS) {
            lost_ns = now;
            if (kill(pid, number) != 0)
                fail("no such process");
        }
        if (now >= probe_ns) {
            probe_ns += PROBE_NS;
            for (size_t i = 0; i < connection_count; i++) {
                submit(connection[i]);
                flush(connection[i]);
            }
        }
        take_turn(poller, 1);
        if (is_found) {
            printf("lost=%.1f\n", (double)(samples_now_ns() - lost_ns) * 1e-6);
            return 0;
        }
    }
    fail("nobody acknowledged anything for 30 s");
    return 1;
}

static void use_tls(const char *ca)
{
    static const unsigned char http2[] = "\2h2";

    tls = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1)
        fail("that is no certificate");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_protos(tls, http2, 3);
}

int main(int argc, char **argv)
{
    int poller = epoll_create1(EPOLL_CLOEXEC);

    is_loss = argc >= 5 && strcmp(argv[2], "lose") == 0;
    int words = is_loss ? 5 : 7;
    if (argc != words && argc != words + 1) {
        fprintf(stderr,
                "usage: etcdload ENDPOINT put|get CLIENTS CONNECTIONS VALUE_BYTES SECONDS [CA]\n"
                "       etcdload ENDPOINT,ENDPOINT lose SIGNAL PID [CA]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    srandom((unsigned)getpid());
    if (argc == words + 1)
        use_tls(argv[words]);
    if (is_loss) {
        for (char *e = strtok(argv[1], ","); e; e = strtok(NULL, ","))
            dial(e, poller);
        return run_loss(atoi(argv[3]), atoi(argv[4]), poller);
    }
    is_get = strcmp(argv[2], "get") == 0;
    value_bytes = strtoul(argv[5], NULL, 10);
    if (value_bytes > VALUE_MAX)
        fail("a value is 64 KiB at most");
    for (unsigned long i = strtoul(argv[4], NULL, 10); i > 0; i--)
        dial(argv[1], poller);
    return run_load(strtoul(argv[3], NULL, 10), strtod(argv[6], NULL), poller);
}
