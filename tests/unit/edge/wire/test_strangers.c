/*
 * Whoever is not admitted delivers nothing and costs little: raw TCP, ZMTP without CURVE, unknown
 * keys, keys of another door, routing ids that somebody else has (security.md 5.3 and 5.8). The
 * attackers use libzmq and sockets directly: what they send is what our own side never would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zmq.h>

#include "edge/actor/actor.h"
#include "support/wire_mesh.h"
#include "support/wire_samples.h"

static size_t rss_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int tcp_to(const struct mesh *m, enum door d)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct str endpoint = hub_endpoint(m->hub[0], d);
    uint64_t port;
    size_t colon = str_find(endpoint, STR(":"), 6);

    assert_true(str_to_u64(str_sub(endpoint, colon + 1, endpoint.len), &port));
    at.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static bool is_closed(int fd)
{
    char bytes[512];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        continue;
    return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* A socket of libzmq as an attacker sets it up; keys may be NULL (no CURVE). */
struct attacker {
    void *context;
    void *socket;
};

static struct attacker attack(const struct mesh *m, enum door d, const struct key_pair *pair,
                              const struct key *server, const void *routing_id, size_t id_len)
{
    struct attacker a = {.context = zmq_ctx_new()};
    int none = 0;

    a.socket = zmq_socket(a.context, ZMQ_DEALER);
    zmq_setsockopt(a.socket, ZMQ_LINGER, &none, sizeof(none));
    if (pair) {
        zmq_setsockopt(a.socket, ZMQ_CURVE_PUBLICKEY, pair->public_key.bytes, KEY_BYTES);
        zmq_setsockopt(a.socket, ZMQ_CURVE_SECRETKEY, pair->secret_key.bytes, KEY_BYTES);
        zmq_setsockopt(a.socket, ZMQ_CURVE_SERVERKEY, server->bytes, KEY_BYTES);
    }
    if (id_len > 0)
        assert_int_equal(zmq_setsockopt(a.socket, ZMQ_ROUTING_ID, routing_id, id_len), 0);
    assert_int_equal(zmq_connect(a.socket, hub_endpoint(m->hub[0], d).ptr), 0);
    return a;
}

static void attacker_close(struct attacker *a)
{
    zmq_close(a->socket);
    zmq_ctx_term(a->context);
}

static void attacker_says(struct attacker *a, const struct wire_message *message, int flags)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    assert_int_equal(wire_encode(&out, message, NULL), 0);
    zmq_send(a->socket, out.ptr, out.len, ZMQ_DONTWAIT | flags);
}

static const struct wire_message *first_kind_of(enum door d)
{
    static const enum wire_kind kinds[] = {WIRE_REFRESH, WIRE_HEARTBEAT, WIRE_REQUEST, WIRE_ENROL};

    return wire_sample(kinds[d]);
}

static void an_unknown_key_delivers_nothing_at_any_door(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);

    (void)state;
    for (int d = 0; d < DOOR_ENROL; d++) {
        struct key_pair pair = key_pair_new();
        size_t link = mesh_link(m, (enum door)d, &pair);
        uint64_t before = mesh_stats(m, 0).handshakes_failed;
        for (int i = 0; i < 100; i++) {
            (void)!link_send(m->link[link], 1, first_kind_of((enum door)d));
            mesh_pump(m, 2, NULL);
        }
        assert_true(mesh_stats(m, 0).handshakes_failed > before);
    }
    assert_int_equal(m->seen_count, 0);
}

static void a_key_of_one_door_opens_no_other(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);

    (void)state;
    for (int at = 0; at < DOOR_ENROL; at++) {
        struct key_pair pair = key_pair_new();
        char name[8];
        snprintf(name, sizeof(name), "n%d", at);
        hub_admit(m->hub[0], (enum door)at, &pair.public_key, str_from(name), STR("admin"));
        for (int d = 0; d < DOOR_ENROL; d++) {
            if (d == at)
                continue;
            size_t link = mesh_link(m, (enum door)d, &pair);
            for (int i = 0; i < 50; i++) {
                assert_false(link_send(m->link[link], 1, first_kind_of((enum door)d)));
                mesh_pump(m, 2, NULL);
            }
        }
    }
    assert_int_equal(m->seen_count, 0);
}

static void zmtp_without_curve_delivers_nothing(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);

    (void)state;
    for (int d = 0; d < DOOR_COUNT; d++) {
        struct attacker a = attack(m, (enum door)d, NULL, NULL, NULL, 0);
        for (int i = 0; i < 100; i++)
            attacker_says(&a, first_kind_of((enum door)d), 0);
        mesh_pump(m, 200, NULL);
        attacker_close(&a);
    }
    assert_int_equal(m->seen_count, 0);
    assert_true(mesh_stats(m, 0).handshakes_broken >= DOOR_COUNT);
}

static void a_client_that_expects_another_server_gets_nowhere(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    struct key_pair pair = key_pair_new();
    struct roster real = m->roster;

    (void)state;
    hub_admit(m->hub[0], DOOR_AGENT, &pair.public_key, STR("node1"), STR("agent"));
    m->roster.member[0].key[DOOR_AGENT] = key_pair_new().public_key;
    size_t link = mesh_link(m, DOOR_AGENT, &pair);
    for (int i = 0; i < 100; i++) {
        assert_false(link_send(m->link[link], 1, wire_sample(WIRE_HEARTBEAT)));
        mesh_pump(m, 2, NULL);
    }
    m->roster = real;
    assert_int_equal(m->seen_count, 0);
    assert_true(mesh_stats(m, 0).handshakes_broken > 0);
}

static void raw_bytes_deliver_nothing_and_the_door_stays_open(void **state)
{
    enum { CONNECTIONS = 400 };
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    struct rng rng;
    struct key_pair pair;
    size_t before = rss_bytes();

    (void)state;
    rng_seed(&rng, 7);
    for (int i = 0; i < CONNECTIONS; i++) {
        unsigned char bytes[1024];
        int fd = tcp_to(m, (enum door)(i % DOOR_COUNT));
        for (size_t n = 0; n < sizeof(bytes); n++)
            bytes[n] = (unsigned char)rng_next(&rng);
        if (i % 3 == 0) /* what a ZMTP greeting starts with */
            memcpy(bytes, "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0CURVE\0\0\0", 20);
        (void)!send(fd, bytes, 1 + rng_below(&rng, sizeof(bytes)), MSG_NOSIGNAL);
        mesh_pump(m, 0, NULL);
        close(fd);
    }
    mesh_pump(m, 100, NULL);
    assert_int_equal(m->seen_count, 0);
    assert_true(rss_bytes() < before + (32 << 20));
    mesh_agent(m, "node1", &pair);
}

/* More failures than a monitor's queue holds (2000), while nobody takes them out. */
static void a_hub_that_looked_away_during_a_flood_goes_on_and_closes(void **state)
{
    enum { CONNECTIONS = 2500 };
    static const unsigned char greeting[64] = {0xff, 0,    0, 0, 0,   0,   0,   0,
                                               1,    0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    struct key_pair pair;

    (void)state;
    for (int round = 0; round < 2; round++) {
        HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
        for (int i = 0; i < CONNECTIONS; i++) {
            struct pollfd end = {.events = POLLIN};
            end.fd = tcp_to(m, DOOR_CLIENT);
            (void)!send(end.fd, greeting, sizeof(greeting), MSG_NOSIGNAL);
            (void)!poll(&end, 1, i < 1990 ? 100 : 0); /* the server's greeting, or its end */
            close(end.fd);
        }
        if (round == 0) /* the second one closes with its queues full */
            mesh_agent(m, "node1", &pair);
        assert_true(round == 1 || mesh_stats(m, 0).handshakes_broken > 1000);
    }
}

/* A greeting of ZMTP 3.0 as a CURVE client, then a command frame that claims `claimed` bytes. */
static int claim_frame(const struct mesh *m, uint64_t claimed)
{
    unsigned char bytes[64 + 9] = {0xff, 0, 0, 0,   0,   0,   0,   0,  1,
                                   0x7f, 3, 0, 'C', 'U', 'R', 'V', 'E'};
    int fd = tcp_to(m, DOOR_AGENT);

    bytes[64] = 0x06; /* long command */
    for (int i = 0; i < 8; i++)
        bytes[65 + i] = (unsigned char)(claimed >> (56 - 8 * i));
    assert_int_equal(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
    return fd;
}

static void a_frame_that_claims_too_much_is_cut_off_before_it_is_stored(void **state)
{
    static char chunk[1 << 16];
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    static const uint64_t claims[] = {(1 << 20) + 1, 1 << 30, UINT64_C(1) << 40, UINT64_MAX};

    (void)state;
    for (size_t c = 0; c < HL_COUNT(claims); c++) {
        size_t before = rss_bytes();
        int fd = claim_frame(m, claims[c]);
        size_t sent = 0;
        int64_t due_ms = clock_now_ms() + 1500;
        while (!is_closed(fd) && clock_now_ms() < due_ms && sent < 600 << 20) {
            ssize_t n = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            mesh_pump(m, 0, NULL);
        }
        assert_true(is_closed(fd)); /* well before the 2 s of the handshake */
        close(fd);
        assert_true(rss_bytes() < before + (16 << 20));
    }
    assert_int_equal(m->seen_count, 0);
}

static void idle_connections_are_freed_after_two_seconds(void **state)
{
    enum { CONNECTIONS = 200 };
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    int fd[CONNECTIONS];
    int closed = 0;
    struct key_pair pair;

    (void)state;
    for (int i = 0; i < CONNECTIONS; i++) {
        fd[i] = tcp_to(m, DOOR_AGENT);
        if (i % 2)
            (void)!send(fd[i], "\xff\0\0\0", 4, MSG_NOSIGNAL); /* slow rather than silent */
    }
    int64_t start_ms = clock_now_ms();
    mesh_agent(m, "node1", &pair); /* in spite of them */
    assert_true(clock_now_ms() - start_ms < 1000);
    while (closed < CONNECTIONS && clock_now_ms() - start_ms < 6000) {
        mesh_pump(m, 50, NULL);
        closed = 0;
        for (int i = 0; i < CONNECTIONS; i++)
            closed += is_closed(fd[i]);
    }
    int64_t took_ms = clock_now_ms() - start_ms;
    for (int i = 0; i < CONNECTIONS; i++)
        close(fd[i]);
    assert_int_equal(closed, CONNECTIONS);
    assert_true(took_ms >= 1500 && took_ms < 4000);
}

static void another_ones_routing_id_gains_nothing(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    struct key_pair one;
    struct key_pair two = key_pair_new();
    struct key server = m->roster.member[0].key[DOOR_AGENT];
    size_t link = mesh_agent(m, "node1", &one);
    struct wire_connection of_one = m->seen[0].in.from;
    struct wire_message hello = mesh_hello(STR("node2"));

    (void)state;
    hub_admit(m->hub[0], DOOR_AGENT, &two.public_key, STR("node2"), STR("agent"));
    const struct {
        const void *id;
        size_t len;
    } ids[] = {{"node1", 5}, {of_one.id, of_one.id_len}, {"\0\0\0\0\0\0\0\0\0", 9}};
    for (size_t i = 0; i < HL_COUNT(ids); i++) {
        struct attacker a = attack(m, DOOR_AGENT, &two, &server, ids[i].id, ids[i].len);
        mesh_forget(m);
        for (int k = 0; k < 20; k++) {
            attacker_says(&a, &hello, 0);
            mesh_pump(m, 10, NULL);
        }
        assert_int_equal(m->seen_count, 0);
        /* What is meant for node1 reaches node1. */
        assert_true(hub_send_agent(m->hub[0], STR("node1"), wire_sample(WIRE_CANCEL)));
        assert_true(mesh_await_answers(m, 1, 3000));
        assert_int_equal(m->answer[0].link, link);
        char bytes[64];
        assert_int_equal(zmq_recv(a.socket, bytes, sizeof(bytes), ZMQ_DONTWAIT), -1);
        attacker_close(&a);
    }
    assert_true(mesh_stats(m, 0).refused_bytes > 0);
}

static void an_admitted_key_that_sends_nonsense_is_counted_and_harmless(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    struct key_pair pair = key_pair_new();
    struct key server = m->roster.member[0].key[DOOR_AGENT];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 11);
    hub_admit(m->hub[0], DOOR_AGENT, &pair.public_key, STR("node1"), STR("agent"));
    struct attacker a = attack(m, DOOR_AGENT, &pair, &server, NULL, 0);
    for (int i = 0; i < 300; i++) {
        unsigned char bytes[300];
        for (size_t n = 0; n < sizeof(bytes); n++)
            bytes[n] = (unsigned char)rng_next(&rng);
        zmq_send(a.socket, bytes, 1 + rng_below(&rng, sizeof(bytes)), ZMQ_DONTWAIT);
        mesh_pump(m, 0, NULL);
    }
    attacker_says(&a, wire_sample(WIRE_HEARTBEAT), ZMQ_SNDMORE); /* two frames */
    attacker_says(&a, wire_sample(WIRE_HEARTBEAT), 0);
    mesh_pump(m, 200, NULL);
    assert_int_equal(m->seen_count, 0);
    assert_int_equal(mesh_stats(m, 0).refused_bytes, 301);
    attacker_says(&a, wire_sample(WIRE_HEARTBEAT), 0);
    assert_true(mesh_await_seen(m, 1, 3000));
    attacker_close(&a);
}

static void a_message_over_one_mebibyte_ends_its_session(void **state)
{
    HL_CLEANUP(mesh_freep) struct mesh *m = mesh_new(1);
    struct key_pair pair = key_pair_new();
    struct key server = m->roster.member[0].key[DOOR_AGENT];
    char *bytes = hl_calloc(1, 8 << 20);

    (void)state;
    hub_admit(m->hub[0], DOOR_AGENT, &pair.public_key, STR("node1"), STR("agent"));
    struct attacker a = attack(m, DOOR_AGENT, &pair, &server, NULL, 0);
    for (int i = 0; i < 5; i++) {
        zmq_send(a.socket, bytes, 8 << 20, ZMQ_DONTWAIT);
        mesh_pump(m, 100, NULL);
    }
    assert_int_equal(m->seen_count, 0);
    attacker_close(&a);
    free(bytes);
    struct key_pair other;
    mesh_agent(m, "node2", &other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_key_delivers_nothing_at_any_door),
        cmocka_unit_test(a_key_of_one_door_opens_no_other),
        cmocka_unit_test(zmtp_without_curve_delivers_nothing),
        cmocka_unit_test(a_client_that_expects_another_server_gets_nowhere),
        cmocka_unit_test(raw_bytes_deliver_nothing_and_the_door_stays_open),
        cmocka_unit_test(a_hub_that_looked_away_during_a_flood_goes_on_and_closes),
        cmocka_unit_test(a_frame_that_claims_too_much_is_cut_off_before_it_is_stored),
        cmocka_unit_test(idle_connections_are_freed_after_two_seconds),
        cmocka_unit_test(another_ones_routing_id_gains_nothing),
        cmocka_unit_test(an_admitted_key_that_sends_nonsense_is_counted_and_harmless),
        cmocka_unit_test(a_message_over_one_mebibyte_ends_its_session),
    };
    return cmocka_run_group_tests_name("edge/wire/strangers", tests, NULL, NULL);
}
