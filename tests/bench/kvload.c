/*
 * A load on the settings of a running mesh, in a closed loop: each client has one change or read
 * under way and sends the next when it is answered. All clients live in one thread, so that what is
 * measured is the mesh.
 *
 *     kvload ROSTER MESH IDENTITY put|get CLIENTS CONNECTIONS VALUE_BYTES SECONDS
 *         prints "ops=… p50=… p90=… p99=… p999=… max=… errors=… cpu=…", milliseconds, operations a
 *         second, and percent of a core that this program took; two seconds before count for
 * nothing kvload ROSTER MESH IDENTITY lose MEMBER SIGNAL PID a put to each other coordinator every
 * 5 ms; a second later sends SIGNAL to PID, which is MEMBER; prints "lost=…": milliseconds to the
 * first acknowledgement of a put that was sent after the signal
 *
 * Load goes to the leader, whom a read finds out.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "bench/samples.h"
#include "core/state/setting.h"
#include "edge/actor/actor.h"
#include "edge/wire/messages.h"
#include "edge/wire/ready.h"
#include "edge/wire/socket.h"

enum {
    CLIENTS_MAX = 4096,
    QUEUE = 4096,
    KEYS_USED = 100000,
    PROBE_NS = 5000000,
    PROBES_MAX = 1 << 16,
    LOSE_AFTER_NS = 1000000000,
    LOSE_WITHIN_S = 30,
    CONNECT_TRIES = 5000,
};

struct load {
    struct roster roster;
    struct identity identity;
    void *context;
    void *socket[READY_MAX];
    uint64_t member[READY_MAX]; /* who is at the other end */
    struct ready ready;
    struct arena *scratch;
    struct buf body;
    struct buf bytes;
    struct rng rng;
    char value[SETTING_VALUE_MAX];
    size_t value_bytes;
    bool is_get;
    size_t clients;
    char name[CLIENTS_MAX][24];
    uint64_t sequence[CLIENTS_MAX];
    int64_t sent_ns[CLIENTS_MAX];
    size_t errors;
};

static struct load load;

static void fail(const char *what)
{
    fprintf(stderr, "kvload: %s\n", what);
    exit(1);
}

static size_t connect_to(const struct roster_member *m)
{
    struct err err;
    void *socket = socket_client(load.context, &load.identity.pair, &m->key[DOOR_CLIENT],
                                 m->endpoint[DOOR_CLIENT], SOCKET_GUEST, QUEUE, &err);
    if (!socket)
        fail(err.text);
    size_t at = ready_add(&load.ready, socket);
    load.socket[at] = socket;
    load.member[at] = m->id;
    return at;
}

static void disconnect_all(void)
{
    for (size_t i = load.ready.count; i-- > 0;) {
        ready_remove(&load.ready, i);
        socket_close(load.socket[i]);
    }
    load.ready.count = 0;
}

/* False if nobody is connected there. */
static bool send_message(size_t at, const struct wire_message *m)
{
    buf_reset(&load.bytes);
    if (wire_encode(&load.bytes, m, NULL) < 0)
        fail("a message that cannot be encoded");
    ready_touch(&load.ready, at);
    return zmq_send(load.socket[at], load.bytes.ptr, load.bytes.len, ZMQ_DONTWAIT) >= 0;
}

static bool send_change(size_t at, size_t client, uint64_t id)
{
    char key[32];
    struct wire_message m = {.kind = WIRE_REQUEST};
    struct setting_change change = {.value = {load.value, load.value_bytes}};

    snprintf(key, sizeof(key), "key/%012u", (unsigned)rng_below(&load.rng, KEYS_USED));
    change.key = str_from(key);
    buf_reset(&load.body);
    if (load.is_get)
        buf_printf(&load.body, "{\"key\":\"%s\"}", key);
    else
        setting_change_encode(&load.body, &change);
    m.request = (struct wire_request){
        .id = id,
        .client_id = str_from(load.name[client]),
        .sequence = ++load.sequence[client],
        .method = load.is_get ? STR("kv.get") : STR("kv.put"),
        .body = buf_str(&load.body),
    };
    return send_message(at, &m);
}

/* The next reply that waits at connection `at`. */
static bool take_reply(size_t at, struct wire_reply *out)
{
    for (;;) {
        zmq_msg_t payload;
        struct wire_message m;

        zmq_msg_init(&payload);
        bool is_there = zmq_msg_recv(&payload, load.socket[at], ZMQ_DONTWAIT) >= 0;
        bool is_good =
            is_there && wire_decode((struct str){zmq_msg_data(&payload), zmq_msg_size(&payload)},
                                    load.scratch, &m, NULL) == 0;
        zmq_msg_close(&payload);
        if (!is_there) {
            ready_drained(&load.ready, at);
            return false;
        }
        if (is_good && m.kind == WIRE_REPLY) {
            *out = m.reply;
            return true;
        }
    }
}

/* Asks everybody until one says that it leads. */
static uint64_t find_leader(void)
{
    struct wire_message ask = {.kind = WIRE_REQUEST};
    uint64_t leader = 0;

    ask.request = (struct wire_request){
        .id = 1, .client_id = STR("who"), .method = STR("raft.status"), .body = STR("{}")};
    for (size_t i = 0; i < load.roster.member_count; i++)
        connect_to(&load.roster.member[i]);
    for (int round = 0; round < 100 && leader == 0; round++) {
        for (size_t i = 0; i < load.ready.count; i++)
            send_message(i, &ask);
        ready_wait(&load.ready, -1, 100);
        for (size_t i = 0; i < load.ready.count; i++) {
            struct wire_reply reply;
            while (take_reply(i, &reply))
                leader = reply.is_leader ? load.member[i] : leader;
        }
        arena_reset(load.scratch);
    }
    disconnect_all();
    if (leader == 0)
        fail("nobody leads");
    return leader;
}

static void note(const struct wire_reply *reply, size_t client)
{
    /* Nobody has written every key. */
    if (reply->code != 0 && !(load.is_get && reply->code == HL_EABSENT)) {
        if (load.errors++ == 0)
            fprintf(stderr, "kvload: " STR_FMT "\n", STR_ARG(reply->error));
    } else {
        samples_add(load.sent_ns[client]);
    }
}

static void take_all(size_t at, size_t connections)
{
    struct wire_reply reply;

    while (take_reply(at, &reply)) {
        size_t client = reply.id - 1;
        if (client >= load.clients || client % connections != at)
            fail("an answer to nobody");
        note(&reply, client);
        load.sent_ns[client] = samples_now_ns();
        load.errors += !send_change(at, client, reply.id);
    }
    arena_reset(load.scratch);
}

static int run_load(size_t connections, double seconds)
{
    const struct roster_member *leader = roster_find(&load.roster, find_leader());

    for (size_t i = 0; i < connections; i++)
        connect_to(leader);
    samples_begin(seconds);
    for (size_t c = 0; c < load.clients; c++) {
        load.sent_ns[c] = samples_now_ns();
        for (int tries = 0; !send_change(c % connections, c, c + 1); tries++) {
            if (tries == CONNECT_TRIES)
                fail("the leader cannot be reached");
            clock_sleep_ms(1);
        }
    }
    while (samples_now_ns() < samples_end_ns()) {
        ready_wait(&load.ready, -1, 50);
        for (size_t i = 0; i < connections; i++) {
            if (ready_is_readable(&load.ready, i))
                take_all(i, connections);
        }
    }
    if (samples_print(load.errors) != 0)
        fail("nothing was answered");
    return 0;
}

/* ---- losing a coordinator ---- */

/* True if a put that was sent at `since_ns` or later is acknowledged. */
static bool is_acknowledged(const int64_t *sent_ns, int64_t since_ns)
{
    bool is_found = false;

    for (size_t i = 0; i < load.ready.count; i++) {
        struct wire_reply reply;
        while (ready_is_readable(&load.ready, i) && take_reply(i, &reply))
            is_found =
                is_found || (reply.code == 0 && since_ns > 0 && sent_ns[reply.id] >= since_ns);
    }
    arena_reset(load.scratch);
    return is_found;
}

static int run_loss(uint64_t member, int number, pid_t pid)
{
    static int64_t sent_ns[PROBES_MAX];
    int64_t start_ns = samples_now_ns();
    int64_t probe_ns = start_ns;
    int64_t lost_ns = 0;
    uint64_t id = 0;

    for (size_t i = 0; i < load.roster.member_count; i++) {
        if (load.roster.member[i].id != member)
            connect_to(&load.roster.member[i]);
    }
    while (samples_now_ns() - start_ns < LOSE_WITHIN_S * INT64_C(1000000000)) {
        int64_t now = samples_now_ns();
        if (lost_ns == 0 && now - start_ns > LOSE_AFTER_NS) {
            lost_ns = now;
            if (kill(pid, number) != 0)
                fail("no such process");
        }
        for (size_t i = 0; now >= probe_ns && i < load.ready.count; i++) {
            /* Each probe is a client of its own: it does not wait for the one before. */
            size_t client = ++id % CLIENTS_MAX;
            snprintf(load.name[client], sizeof(load.name[client]), "l%x-%x", (unsigned)getpid(),
                     (unsigned)id % CLIENTS_MAX);
            sent_ns[id % PROBES_MAX] = samples_now_ns();
            send_change(i, client, id % PROBES_MAX);
        }
        probe_ns += now >= probe_ns ? PROBE_NS : 0;
        ready_wait(&load.ready, -1, 1);
        if (is_acknowledged(sent_ns, lost_ns)) {
            printf("lost=%.1f\n", (double)(samples_now_ns() - lost_ns) * 1e-6);
            return 0;
        }
    }
    fail("nobody acknowledged anything for 30 s");
    return 1;
}

int main(int argc, char **argv)
{
    struct err err;

    bool is_loss = argc == 8 && strcmp(argv[4], "lose") == 0;
    if (!is_loss && argc != 9) {
        fprintf(stderr, "usage: kvload ROSTER MESH IDENTITY put|get CLIENTS CONNECTIONS "
                        "VALUE_BYTES SECONDS | lose MEMBER SIGNAL PID\n");
        return 2;
    }
    keys_init();
    load.scratch = arena_new();
    load.context = zmq_ctx_new();
    if (roster_load(str_from(argv[1]), str_from(argv[2]), load.scratch, &load.roster, &err) < 0 ||
        identity_load(str_from(argv[3]), load.scratch, &load.identity, &err) < 0)
        fail(err.text);
    load.scratch = arena_new();
    rng_seed(&load.rng, keys_random_u64());
    memset(load.value, 'v', sizeof(load.value));
    load.value_bytes = 128;
    if (is_loss)
        return run_loss(strtoull(argv[5], NULL, 10), atoi(argv[6]), atoi(argv[7]));
    load.is_get = strcmp(argv[4], "get") == 0;
    load.clients = strtoull(argv[5], NULL, 10);
    load.value_bytes = strtoull(argv[7], NULL, 10);
    size_t connections = strtoull(argv[6], NULL, 10);
    if (load.clients == 0 || load.clients > CLIENTS_MAX || connections == 0 ||
        connections > READY_MAX || load.value_bytes > SETTING_VALUE_MAX)
        fail("too many, or too few");
    uint64_t salt = keys_random_u64();
    for (size_t c = 0; c < load.clients; c++)
        snprintf(load.name[c], sizeof(load.name[c]), "b%llx-%zu",
                 (unsigned long long)(salt & 0xffffff), c);
    return run_load(connections, strtod(argv[8], NULL));
}
