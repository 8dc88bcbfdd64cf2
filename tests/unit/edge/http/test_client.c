/* The client against our own server and against sockets that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/http/client.h"
#include "edge/http/server.h"

/* A server for one connection that answers with these bytes and hangs up, or not at all. */
struct raw {
    int fd;
    unsigned port;
    struct str answer; /* empty: accepts and stays silent until it is closed */
    char request[4096];
    pthread_t thread;
};

static void *raw_run(void *context)
{
    struct raw *raw = context;
    int fd = accept(raw->fd, NULL, NULL);

    if (fd < 0)
        return NULL;
    ssize_t n = recv(fd, raw->request, sizeof(raw->request) - 1, 0);
    raw->request[n > 0 ? n : 0] = '\0';
    if (raw->answer.len > 0)
        (void)send(fd, raw->answer.ptr, raw->answer.len, MSG_NOSIGNAL);
    else
        (void)recv(fd, raw->request, 1, 0);
    close(fd);
    return NULL;
}

static void raw_open(struct raw *raw, struct str answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    memset(raw, 0, sizeof(*raw));
    raw->answer = answer;
    raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(raw->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(raw->fd, 4), 0);
    assert_int_equal(getsockname(raw->fd, (struct sockaddr *)&at, &len), 0);
    raw->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&raw->thread, NULL, raw_run, raw), 0);
}

static void raw_close(struct raw *raw)
{
    pthread_join(raw->thread, NULL);
    close(raw->fd);
}

static struct http_client *client_to(unsigned port, struct arena *a)
{
    struct http_client_config config = {.base_url = arena_printf(a, "http://127.0.0.1:%u", port)};
    struct http_client *c;

    assert_int_equal(http_client_open(&config, &c, NULL), 0);
    return c;
}

static int exchange(struct str answer, struct arena *a, struct http_reply *out, struct err *err,
                    char request[4096])
{
    struct http_send send = {.method = "PATCH",
                             .path = STR("/x%20y?a=b"),
                             .accept = STR("application/json"),
                             .content_type = STR("text/odd"),
                             .body = STR("body"),
                             .bearer = STR("t0ken"),
                             .timeout_ms = answer.len > 0 ? 5000 : 50};
    struct raw raw;

    raw_open(&raw, answer);
    struct http_client *c = client_to(raw.port, a);
    int r = http_client_send(c, &send, a, out, err);
    http_client_close(c);
    raw_close(&raw);
    if (request)
        memcpy(request, raw.request, sizeof(raw.request));
    return r;
}

static void a_request_carries_what_was_given_and_nothing_from_the_environment(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct http_reply reply;
    char request[4096];

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    struct str answer =
        STR("HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(exchange(answer, a, &reply, NULL, request), 0);
    unsetenv("http_proxy");
    assert_int_equal(reply.status, 201);
    assert_true(str_eq(reply.body, STR("ok")));
    assert_true(str_eq(reply.content_type, STR("a/b")));
    assert_int_equal(reply.retry_after_ms, -1);
    assert_ptr_equal(strstr(request, "PATCH /x%20y?a=b HTTP/1.1\r\n"), request);
    assert_non_null(strstr(request, "Authorization: Bearer t0ken\r\n"));
    assert_non_null(strstr(request, "Content-Type: text/odd\r\n"));
    assert_null(strstr(request, "Expect:"));
}

static void a_status_is_an_answer_and_a_redirect_is_not_followed(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct http_reply reply;

    (void)state;
    assert_int_equal(exchange(STR("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                  "Content-Length: 0\r\n\r\n"),
                              a, &reply, NULL, NULL),
                     0);
    assert_int_equal(reply.status, 302);
    assert_int_equal(
        exchange(STR("HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"), a, &reply,
                 NULL, NULL),
        0);
    assert_int_equal(reply.status, 429);
    assert_int_equal(reply.retry_after_ms, 7000);
    assert_int_equal(
        exchange(STR("HTTP/1.1 503 No\r\nRetry-After: 999999\r\nContent-Length: 0\r\n\r\n"), a,
                 &reply, NULL, NULL),
        0);
    assert_int_equal(reply.retry_after_ms, HTTP_RETRY_AFTER_MAX_MS);
}

static void a_transport_that_fails_is_said_without_secrets(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct http_reply reply;
    struct err err;

    (void)state;
    assert_int_equal(
        exchange(STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"), a, &reply, &err, NULL),
        HL_ETEMP);
    assert_non_null(strstr(err.text, "PATCH http://127.0.0.1:"));
    assert_null(strstr(err.text, "t0ken"));
    assert_int_equal(exchange(STR_NONE, a, &reply, &err, NULL), HL_ETIMEOUT);
    assert_int_equal(
        exchange(STR("HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n"), a, &reply, &err, NULL),
        HL_ETEMP);
}

static void serve_large(void *context, const struct http_request *request, struct arena *a,
                        struct http_answer *out)
{
    size_t size = *(const size_t *)context;

    (void)request;
    out->status = 200;
    out->body = (struct str){arena_alloc(a, size), size};
}

static void a_body_above_the_limit_is_refused_and_one_at_it_is_not(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    size_t size = HTTP_REPLY_MAX;
    const struct http_route route = {"GET", "/", 0, serve_large, &size};
    struct http_send send = {.method = "GET", .path = STR("/"), .timeout_ms = 20000};
    struct http_server *server = NULL;
    struct http_reply reply;
    struct err err;
    unsigned port = 21000 + (unsigned)getpid() % 20000;

    (void)state;
    while (http_server_open(arena_printf(a, "127.0.0.1:%u", port), &route, 1, &server, &err) < 0)
        port++;
    struct http_client *c = client_to(port, a);
    assert_int_equal(http_client_send(c, &send, a, &reply, &err), 0);
    assert_int_equal(reply.body.len, HTTP_REPLY_MAX);
    size = HTTP_REPLY_MAX + 1;
    assert_int_equal(http_client_send(c, &send, a, &reply, &err), HL_ELIMIT);
    size = 3;
    http_client_rest(c);
    assert_int_equal(http_client_send(c, &send, a, &reply, &err), 0);
    assert_int_equal(reply.body.len, 3);
    http_client_close(c);
    http_server_close(server);
}

static void what_cannot_be_sent_is_refused_before_it_is(void **state)
{
    static const struct str urls[] = {
        STR(""),           STR("ftp://x"),      STR("file:///etc/passwd"),
        STR("https://"),   STR("http://u:p@x"), STR("http://x?a"),
        STR("http://x y"), STR("http:///x")};
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct http_client_config config = {.base_url = STR("http://127.0.0.1:1/")};
    struct http_send send = {.method = "GET", .path = STR("/"), .timeout_ms = 1000};
    struct http_client *c;
    struct http_reply reply;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(urls); i++) {
        struct http_client_config bad = {.base_url = urls[i]};
        assert_int_equal(http_client_open(&bad, &c, NULL), HL_EINVAL);
    }
    config.cert_pem = STR("x");
    assert_int_equal(http_client_open(&config, &c, NULL), HL_EINVAL);
    config.cert_pem = STR_NONE;
    assert_int_equal(http_client_open(&config, &c, NULL), 0);
    assert_int_equal(http_client_send(c, &send, a, &reply, NULL), HL_ETEMP); /* refused */
    send.bearer = STR("a\r\nX: y");
    assert_int_equal(http_client_send(c, &send, a, &reply, NULL), HL_EINVAL);
    send.bearer = STR_NONE;
    send.path = STR("x");
    assert_int_equal(http_client_send(c, &send, a, &reply, NULL), HL_EINVAL);
    http_client_close(c);
}

static void headers_of_an_answer_are_found_in_any_case(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct http_send send = {.method = "GET", .path = STR("/a?secret=b"), .timeout_ms = 20000};
    struct http_reply reply;
    struct err err;
    struct raw raw;

    (void)state;
    raw_open(&raw, STR("HTTP/1.1 302 Found\r\nLOCATION: /there\r\nX: 1\r\nx: 2\r\n"
                       "Content-Length: 5\r\n\r\nhello"));
    struct http_client *c = client_to(raw.port, a);
    send.basic = STR("me:secret");
    assert_int_equal(http_client_send(c, &send, a, &reply, &err), 0);
    assert_true(str_eq(http_reply_field(&reply, "Location"), STR("/there")));
    assert_true(str_eq(http_reply_field(&reply, "X"), STR("1")));
    assert_int_equal(http_reply_field(&reply, "Link").len, 0);
    assert_non_null(strstr(raw.request, "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
    raw_close(&raw);
    http_client_close(c);
    raw_open(&raw, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    c = client_to(raw.port, a);
    send.body_max = 4;
    assert_int_equal(http_client_send(c, &send, a, &reply, &err), HL_ELIMIT);
    assert_non_null(strstr(err.text, "/a: the answer is larger than 4 bytes"));
    assert_null(strstr(err.text, "secret"));
    raw_close(&raw);
    http_client_close(c);
}

static int connect_to(const char *host, enum http_reach reach, struct arena *a)
{
    struct http_client_config config = {.base_url = arena_printf(a, "http://%s:1", host),
                                        .reach = reach};
    struct http_send send = {.method = "GET", .path = STR("/"), .timeout_ms = 5000};
    struct http_reply reply;
    struct http_client *c;

    assert_int_equal(http_client_open(&config, &c, NULL), 0);
    int rc = http_client_send(c, &send, a, &reply, NULL);
    http_client_close(c);
    return rc;
}

static void addresses_out_of_reach_are_not_connected_to(void **state)
{
    static const char *const never[] = {
        "169.254.169.254",
        "169.254.1.1",
        "0.0.0.0",
        "0",
        "224.0.0.1",
        "255.255.255.255",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[fe80::1]",
        "[ff02::1]",
        "[::]",
        "[::ffff:169.254.1.1]",
        "[::ffff:0.0.0.0]",
        "[::169.254.1.1]",
        "[64:ff9b::a9fe:1]",
        "[2002:a9fe:101::]",
    };
    static const char *const loopback[] = {
        "127.0.0.1", "127.1", "127.9.9.9",          "localhost",         "2130706433",
        "0x7f.1",    "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    };
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < HL_COUNT(never); i++) {
        assert_int_equal(connect_to(never[i], HTTP_REACH_NEAR, a), HL_EDENIED);
        assert_int_equal(connect_to(never[i], HTTP_REACH_OUTWARD, a), HL_EDENIED);
    }
    for (size_t i = 0; i < HL_COUNT(loopback); i++)
        assert_int_equal(connect_to(loopback[i], HTTP_REACH_OUTWARD, a), HL_EDENIED);
    assert_int_equal(connect_to("127.0.0.1", HTTP_REACH_NEAR, a), HL_ETEMP); /* refused */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_what_was_given_and_nothing_from_the_environment),
        cmocka_unit_test(a_status_is_an_answer_and_a_redirect_is_not_followed),
        cmocka_unit_test(a_transport_that_fails_is_said_without_secrets),
        cmocka_unit_test(a_body_above_the_limit_is_refused_and_one_at_it_is_not),
        cmocka_unit_test(what_cannot_be_sent_is_refused_before_it_is),
        cmocka_unit_test(headers_of_an_answer_are_found_in_any_case),
        cmocka_unit_test(addresses_out_of_reach_are_not_connected_to),
    };
    return cmocka_run_group_tests_name("edge/http client", tests, NULL, NULL);
}
