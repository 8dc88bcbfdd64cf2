/*
 * Many agents that do nothing but live: each joins with a key of its own, says hello to every
 * coordinator, and sends each a heartbeat a second.
 *
 *     agentload ROSTER MESH TOKEN AGENTS SECONDS
 *         TOKEN is a file with a join token for so many; prints "ready" when all have joined and
 *         been heard, and after SECONDS more "sent=… answered=…"
 *
 * Agents come from many loopback addresses, because a coordinator bounds what one may ask when
 * joining.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "edge/actor/actor.h"
#include "edge/wire/messages.h"
#include "edge/wire/socket.h"

enum {
    AGENTS_MAX = 5000,
    AN_ADDRESS = 100, /* agents */
    AT_ONCE = 50,     /* that join */
    JOIN_MS = 2000,
    JOIN_TRIES = 20,
    CONNECT_MS = 60000,
    PERIOD_MS = 1000,
    SILENT_MS = 20000,
    QUEUE = 64,
};

struct agent {
    struct key_pair pair;
    char name[24];
    void *join;
    void *socket[KEYS_MEMBERS_MAX];
    bool is_joined;
    bool is_heard[KEYS_MEMBERS_MAX];
    int64_t opened_ms[KEYS_MEMBERS_MAX];
    uint64_t sequence;
    int64_t due_ms;
};

static struct agent agent[AGENTS_MAX];
static size_t agent_count;
static struct roster roster;
static struct join_token token;
static void *context;
static struct arena *scratch;
static struct buf bytes;
static uint64_t sent;
static uint64_t answered;

static void fail(const char *what)
{
    fprintf(stderr, "agentload: %s\n", what);
    exit(1);
}

static void *connect_to(const struct roster_member *m, enum door door, size_t number)
{
    struct str server = str_sub(m->endpoint[door], strlen("tcp://"), m->endpoint[door].len);
    size_t address = number / AN_ADDRESS;
    struct str from_to = arena_printf(scratch, "tcp://127.1.%zu.%zu:0;" STR_FMT, address / 200,
                                      1 + address % 200, STR_ARG(server));
    struct err err;

    void *socket = socket_client(context, &agent[number].pair, &m->key[door], from_to, SOCKET_GUEST,
                                 QUEUE, &err);
    if (!socket)
        fail(err.text);
    return socket;
}

static bool send_message(void *socket, const struct wire_message *m)
{
    buf_reset(&bytes);
    if (wire_encode(&bytes, m, NULL) < 0)
        fail("a message that cannot be encoded");
    return zmq_send(socket, bytes.ptr, bytes.len, ZMQ_DONTWAIT) >= 0;
}

static bool take_message(void *socket, struct wire_message *out)
{
    zmq_msg_t payload;

    zmq_msg_init(&payload);
    bool is_there = zmq_msg_recv(&payload, socket, ZMQ_DONTWAIT) >= 0;
    if (is_there && wire_decode((struct str){zmq_msg_data(&payload), zmq_msg_size(&payload)},
                                scratch, out, NULL) < 0)
        fail("a message that cannot be decoded");
    zmq_msg_close(&payload);
    return is_there;
}

/* ---- joining ---- */

static void ask_to_join(size_t number, const struct roster_member *m, struct str mesh)
{
    struct agent *a = &agent[number];
    struct wire_message ask = {.kind = WIRE_ENROL};

    ask.enrol = (struct wire_enrol){
        .token_id = str_from(token.id),
        .agent_key = a->pair.public_key,
        .node = str_from(a->name),
        .proof = token_proof(&token.secret_hash, &m->key[DOOR_ENROL], &a->pair.public_key,
                             str_from(a->name), mesh),
    };
    send_message(a->join, &ask);
}

/* True if all of [from, to) have joined. */
static bool try_to_join(size_t from, size_t to, const struct roster_member *m, struct str mesh)
{
    size_t joined = 0;

    for (size_t i = from; i < to; i++) {
        if (!agent[i].is_joined)
            agent[i].join = connect_to(m, DOOR_ENROL, i);
    }
    clock_sleep_ms(200); /* what is sent before there is a connection is lost */
    for (size_t i = from; i < to; i++) {
        if (!agent[i].is_joined)
            ask_to_join(i, m, mesh);
    }
    for (int64_t due_ms = clock_now_ms() + JOIN_MS; clock_now_ms() < due_ms && joined < to - from;
         clock_sleep_ms(5)) {
        joined = 0;
        for (size_t i = from; i < to; i++) {
            struct wire_message reply;
            while (agent[i].join && !agent[i].is_joined && take_message(agent[i].join, &reply))
                agent[i].is_joined = reply.kind == WIRE_ENROL_REPLY &&
                                     reply.enrol_reply.status == WIRE_ENROL_APPROVED;
            joined += agent[i].is_joined;
        }
    }
    for (size_t i = from; i < to; i++) {
        socket_close(agent[i].join);
        agent[i].join = NULL;
    }
    arena_reset(scratch);
    return joined == to - from;
}

static void join_all(struct str mesh)
{
    for (size_t from = 0; from < agent_count; from += AT_ONCE) {
        size_t to = from + AT_ONCE < agent_count ? from + AT_ONCE : agent_count;
        size_t tries = 0;

        while (!try_to_join(from, to, &roster.member[tries % roster.member_count], mesh)) {
            if (++tries == JOIN_TRIES)
                fail("agents cannot join");
        }
    }
}

/* ---- living ---- */

static void open_socket(size_t number, size_t k)
{
    struct agent *a = &agent[number];

    socket_close(a->socket[k]);
    a->socket[k] = connect_to(&roster.member[k], DOOR_AGENT, number);
    a->opened_ms[k] = clock_now_ms();
}

/* A refused handshake is never tried again by libzmq: the coordinator may not have known the key.
 */
static void reopen_silent(size_t number)
{
    for (size_t k = 0; k < roster.member_count; k++) {
        if (!agent[number].is_heard[k] && clock_now_ms() - agent[number].opened_ms[k] > SILENT_MS)
            open_socket(number, k);
    }
}

static void say(struct agent *a, const struct wire_message *m)
{
    for (size_t k = 0; k < roster.member_count; k++)
        sent += send_message(a->socket[k], m);
}

static void hear(struct agent *a)
{
    for (size_t k = 0; k < roster.member_count; k++) {
        struct wire_message m;
        while (take_message(a->socket[k], &m)) {
            answered += m.kind == WIRE_WELCOME;
            a->is_heard[k] = true;
        }
    }
}

static size_t heard_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < agent_count; i++) {
        for (size_t k = 0; k < roster.member_count; k++)
            count += agent[i].is_heard[k];
    }
    return count;
}

/* Each in its turn, spread over the period. */
static void live_until(int64_t end_ms, bool is_heard_enough)
{
    struct wire_message hello = {.kind = WIRE_HELLO};
    struct wire_message beat = {.kind = WIRE_HEARTBEAT};

    while (clock_now_ms() < end_ms) {
        for (size_t i = 0; i < agent_count; i++) {
            struct agent *a = &agent[i];
            if (clock_now_ms() < a->due_ms)
                continue;
            hear(a);
            reopen_silent(i);
            hello.hello = (struct wire_hello){.node = str_from(a->name), .version = STR("bench")};
            if (a->sequence % 10 == 0) /* as agents do, lest a coordinator has not heard it */
                say(a, &hello);
            beat.heartbeat = (struct wire_heartbeat){.sequence = ++a->sequence, .free_slots = 1};
            say(a, &beat);
            a->due_ms += PERIOD_MS;
        }
        arena_reset(scratch);
        if (is_heard_enough && heard_count() == agent_count * roster.member_count)
            return;
        clock_sleep_ms(2);
    }
    if (is_heard_enough)
        fail("not every agent is heard by every coordinator");
}

int main(int argc, char **argv)
{
    enum { SOCKETS_MAX = 20000 };
    struct str text;
    struct err err;

    if (argc != 6) {
        fprintf(stderr, "usage: agentload ROSTER MESH TOKEN AGENTS SECONDS\n");
        return 2;
    }
    keys_init();
    struct arena *a = arena_new();
    scratch = arena_new();
    context = zmq_ctx_new();
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    if (roster_load(str_from(argv[1]), str_from(argv[2]), a, &roster, &err) < 0 ||
        secret_read(str_from(argv[3]), a, &text, &err) < 0)
        fail(err.text);
    agent_count = strtoull(argv[4], NULL, 10);
    if (!token_parse(str_trim(text), &token) || agent_count == 0 || agent_count > AGENTS_MAX)
        fail("no token, or too many agents");
    for (size_t i = 0; i < agent_count; i++) {
        agent[i].pair = key_pair_new();
        snprintf(agent[i].name, sizeof(agent[i].name), "load-%zu", i);
    }
    join_all(str_from(argv[2]));
    for (size_t i = 0; i < agent_count; i++) {
        for (size_t k = 0; k < roster.member_count; k++)
            open_socket(i, k);
        agent[i].due_ms = clock_now_ms() + PERIOD_MS + (int64_t)(i * PERIOD_MS / agent_count);
        if (i % AT_ONCE == 0)
            clock_sleep_ms(250); /* handshakes take the coordinators' time */
    }
    live_until(clock_now_ms() + CONNECT_MS, true);
    printf("ready\n");
    fflush(stdout);
    sent = answered = 0;
    live_until(clock_now_ms() + (int64_t)(strtod(argv[5], NULL) * 1000), false);
    printf("sent=%llu answered=%llu\n", (unsigned long long)sent, (unsigned long long)answered);
    return 0;
}
