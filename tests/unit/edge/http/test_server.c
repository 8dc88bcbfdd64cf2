/* The server over real sockets of the loopback, spoken to in plain bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/http/server.h"

enum { SMALL = 16, LARGE = 4096 };

static void echo(void *context, const struct http_request *request, struct arena *a,
                 struct http_answer *out)
{
    atomic_fetch_add((atomic_int *)context, 1);
    out->status = 200;
    out->content_type = "application/json";
    out->body = arena_printf(a, "%s %s %zu " STR_FMT, request->method, request->path,
                             request->body.len, STR_ARG(http_header(request, "X-Test")));
}

struct rig {
    struct http_server *server;
    struct http_route route[3];
    struct str listen;
    struct arena *a;
    uint16_t port;
    atomic_int calls;
};

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void rig_open(struct rig *g)
{
    struct err err = {0};

    *g = (struct rig){.a = arena_new(), .port = free_port()};
    g->route[0] = (struct http_route){"GET", "/state", 0, echo, &g->calls};
    g->route[1] = (struct http_route){"POST", "/small", SMALL, echo, &g->calls};
    g->route[2] = (struct http_route){"POST", "/large", LARGE, echo, &g->calls};
    g->listen = arena_printf(g->a, "127.0.0.1:%u", g->port);
    if (http_server_open(g->listen, g->route, HL_COUNT(g->route), &g->server, &err) != 0)
        fail_msg("%s", err.text);
}

static void rig_close(struct rig *g)
{
    http_server_close(g->server);
    arena_free(g->a);
}

#define RIG                                                                                        \
    HL_CLEANUP(rig_close) struct rig g;                                                            \
    (void)state;                                                                                   \
    rig_open(&g)

static int dial(const struct rig *g)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(g->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static bool send_all(int fd, struct str s)
{
    while (s.len > 0) {
        ssize_t sent = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        s = str_sub(s, (size_t)sent, s.len);
    }
    return true;
}

static struct str receive_all(struct rig *g, int fd)
{
    HL_CLEANUP(buf_deinit) struct buf got = {0};
    char block[4096];
    ssize_t n;

    while ((n = recv(fd, block, sizeof(block), 0)) > 0)
        buf_add_bytes(&got, block, (size_t)n);
    return arena_dup(g->a, buf_str(&got));
}

static struct str ask(struct rig *g, const char *line, const char *headers, struct str body)
{
    int fd = dial(g);
    struct str head = arena_printf(g->a,
                                   "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
                                   "Content-Length: %zu\r\n\r\n",
                                   line, headers, body.len);

    assert_true(send_all(fd, head));
    assert_true(send_all(fd, body));
    struct str answer = receive_all(g, fd);
    close(fd);
    return answer;
}

static struct str filled(struct rig *g, size_t len)
{
    char *bytes = arena_alloc(g->a, len + 1);

    memset(bytes, 'x', len);
    return (struct str){bytes, len};
}

static void assert_status(struct str answer, const char *status)
{
    struct str wanted = str_from(status);

    if (!str_eq(str_sub(answer, 9, 9 + wanted.len), wanted))
        fail_msg("not %s: " STR_FMT, status, STR_ARG(answer));
}

static bool holds(struct str s, const char *part)
{
    return str_find(s, str_from(part), 0) != SIZE_MAX;
}

static void a_get_is_answered_with_its_headers(void **state)
{
    RIG;
    struct str answer = ask(&g, "GET /state", "x-tEst: yes\r\n", STR_NONE);
    assert_status(answer, "200");
    assert_true(str_ends(answer, STR("\r\n\r\nGET /state 0 yes")));
    assert_true(holds(answer, "Content-Type: application/json\r\n"));
    assert_true(holds(answer, "X-Content-Type-Options: nosniff\r\n"));
    assert_true(holds(answer, "X-Frame-Options: DENY\r\n"));
    assert_true(holds(answer, "Cache-Control: no-store\r\n"));
}

static void a_header_that_is_not_there_is_empty(void **state)
{
    RIG;
    struct str answer = ask(&g, "GET /state?query=is+not+path", "", STR_NONE);
    assert_true(str_ends(answer, STR("\r\n\r\nGET /state 0 ")));
}

static void head_is_get_without_the_body(void **state)
{
    RIG;
    struct str answer = ask(&g, "HEAD /state", "", STR_NONE);
    assert_status(answer, "200");
    assert_true(str_ends(answer, STR("\r\n\r\n")));
    assert_true(holds(answer, "Content-Length: 14\r\n")); /* "HEAD /state 0 " */
    assert_status(ask(&g, "HEAD /small", "", STR_NONE), "405");
}

static void an_unknown_path_is_404(void **state)
{
    static const char *const lines[] = {"GET /",         "GET /state/",         "GET /STATE",
                                        "POST /nowhere", "GET /state/../state", "GET //state"};
    RIG;
    for (size_t i = 0; i < HL_COUNT(lines); i++)
        assert_status(ask(&g, lines[i], "", STR_NONE), "404");
    assert_int_equal(g.calls, 0);
}

static void another_method_is_405_and_says_which_there_are(void **state)
{
    RIG;
    struct str answer = ask(&g, "GET /small", "", STR_NONE);
    assert_status(answer, "405");
    assert_true(holds(answer, "Allow: POST\r\n"));
    answer = ask(&g, "DELETE /state", "", STR_NONE);
    assert_status(answer, "405");
    assert_true(holds(answer, "Allow: GET, HEAD\r\n"));
    assert_int_equal(g.calls, 0);
}

static void every_path_has_its_own_limit(void **state)
{
    RIG;
    struct str answer = ask(&g, "POST /small", "", filled(&g, SMALL));
    assert_status(answer, "200");
    assert_true(str_ends(answer, STR("POST /small 16 ")));
    assert_status(ask(&g, "POST /small", "", filled(&g, SMALL + 1)), "413");
    assert_status(ask(&g, "POST /large", "", filled(&g, LARGE)), "200");
    assert_status(ask(&g, "POST /large", "", filled(&g, LARGE + 1)), "413");
    assert_status(ask(&g, "GET /state", "", filled(&g, 1)), "413");
    assert_int_equal(g.calls, 2);
}

static void a_body_in_chunks_is_gathered_and_limited(void **state)
{
    static const char head[] = "POST /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    RIG;
    int fd = dial(&g);
    assert_true(send_all(fd, str_from(head)));
    assert_true(send_all(fd, STR("4\r\nabcd\r\n")));
    assert_true(send_all(fd, STR("4\r\nefgh\r\n0\r\n\r\n")));
    assert_true(str_ends(receive_all(&g, fd), STR("POST /small 8 ")));
    close(fd);
    fd = dial(&g);
    assert_true(send_all(fd, str_from(head)));
    for (int i = 0; i < 5; i++)
        assert_true(send_all(fd, STR("4\r\nabcd\r\n")));
    assert_true(send_all(fd, STR("0\r\n\r\n")));
    assert_status(receive_all(&g, fd), "413");
    close(fd);
}

static void a_body_announced_as_huge_is_refused_before_it_comes(void **state)
{
    RIG;
    int fd = dial(&g);
    assert_true(send_all(fd, STR("POST /small HTTP/1.1\r\nHost: x\r\n"
                                 "Content-Length: 99999999999\r\n\r\n")));
    assert_status(receive_all(&g, fd), "413");
    close(fd);
}

static void who_sends_chunks_without_end_is_cut_off(void **state)
{
    size_t sent = 0;
    RIG;
    struct str chunk = arena_concat(g.a, STR("1000\r\n"), filled(&g, 0x1000));
    chunk = arena_concat(g.a, chunk, STR("\r\n"));
    int fd = dial(&g);
    assert_true(send_all(fd, STR("POST /small HTTP/1.1\r\nHost: x\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n")));
    while (sent < ((size_t)64 << 20) && send_all(fd, chunk))
        sent += chunk.len;
    assert_true(sent < (size_t)64 << 20);
    close(fd);
    assert_status(ask(&g, "GET /state", "", STR_NONE), "200");
}

static void a_taken_port_is_a_conflict_that_names_it(void **state)
{
    struct http_server *second = NULL;
    struct err err = {0};
    RIG;
    assert_int_equal(http_server_open(g.listen, g.route, 1, &second, &err), HL_ECONFLICT);
    assert_true(holds(str_from(err.text), arena_cstr(g.a, g.listen)));
    assert_null(second);
    /* given back, it can be had again */
    http_server_close(g.server);
    g.server = NULL;
    assert_int_equal(http_server_open(g.listen, g.route, 1, &g.server, &err), 0);
}

static void a_bad_address_is_refused_with_its_text(void **state)
{
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        ":80",
        "127.0.0.1:",
        "127.0.0.1:x",
        "1.2.3.4.5:1",
        "127.0.0.1:65536",
        "localhost:80",
        "[127.0.0.1]:8080",
        "::1:8080",
        "[::1]",
        "[::1:80",
        "[]:80",
        "127.0.0.1:-1",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee]:80",
    };
    struct http_server *server = NULL;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        struct err err = {0};

        assert_int_equal(http_server_open(str_from(bad[i]), NULL, 0, &server, &err), HL_EINVAL);
        assert_true(holds(str_from(err.text), bad[i]));
        assert_null(server);
    }
}

static void a_foreign_address_is_a_failure(void **state)
{
    struct http_server *server = NULL;
    struct err err = {0};

    (void)state;
    /* TEST-NET-1 (RFC 5737) is nobody's own address */
    assert_int_equal(http_server_open(STR("192.0.2.1:7480"), NULL, 0, &server, &err), HL_EIO);
}

static void many_requests_one_after_another_leak_nothing(void **state)
{
    RIG;
    for (int i = 0; i < 100; i++)
        assert_status(ask(&g, "POST /large", "", filled(&g, (size_t)i * 10)), "200");
    assert_int_equal(g.calls, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_answered_with_its_headers),
        cmocka_unit_test(a_header_that_is_not_there_is_empty),
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(an_unknown_path_is_404),
        cmocka_unit_test(another_method_is_405_and_says_which_there_are),
        cmocka_unit_test(every_path_has_its_own_limit),
        cmocka_unit_test(a_body_in_chunks_is_gathered_and_limited),
        cmocka_unit_test(a_body_announced_as_huge_is_refused_before_it_comes),
        cmocka_unit_test(who_sends_chunks_without_end_is_cut_off),
        cmocka_unit_test(a_taken_port_is_a_conflict_that_names_it),
        cmocka_unit_test(a_bad_address_is_refused_with_its_text),
        cmocka_unit_test(a_foreign_address_is_a_failure),
        cmocka_unit_test(many_requests_one_after_another_leak_nothing),
    };
    return cmocka_run_group_tests_name("edge/http/server", tests, NULL, NULL);
}
