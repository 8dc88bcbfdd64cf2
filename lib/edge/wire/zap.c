/* Requests and answers of ZAP 1.0, and the proof at start. */
#include "edge/wire/zap.h"

#include <stdio.h>
#include <string.h>

#include <zmq.h>

#include "edge/wire/socket.h"

enum { FRAMES = 7, FRAME_MAX = 256, PROOF_MS = 2000 };

void *zap_open(void *context, struct err *err)
{
    int no_linger = 0;
    void *zap = zmq_socket(context, ZMQ_REP);

    if (!zap || zmq_setsockopt(zap, ZMQ_LINGER, &no_linger, sizeof(no_linger)) != 0 ||
        zmq_bind(zap, "inproc://zeromq.zap.01") != 0) {
        err_set(err, HL_EIO, "cannot answer for authentication: %s", zmq_strerror(zmq_errno()));
        if (zap)
            zmq_close(zap);
        return NULL;
    }
    return zap;
}

struct request {
    char frame[FRAMES][FRAME_MAX];
    int len[FRAMES];
    int count;
};

/* All frames of one request; what is too long or too much is read and makes it invalid. */
static bool receive(void *zap, struct request *r)
{
    bool is_valid = true;
    int more = 1;
    size_t len = sizeof(more);

    memset(r, 0, sizeof(*r));
    while (more) {
        char scratch[FRAME_MAX];
        int slot = r->count < FRAMES ? r->count : -1;
        int n = zmq_recv(zap, slot >= 0 ? r->frame[slot] : scratch, FRAME_MAX, ZMQ_DONTWAIT);

        if (n < 0)
            return false;
        if (slot < 0 || n > FRAME_MAX)
            is_valid = false;
        else
            r->len[slot] = n;
        r->count++;
        zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &len);
    }
    if (!is_valid || r->count != FRAMES)
        r->count = -1;
    return true;
}

static bool frame_is(const struct request *r, int i, const char *text)
{
    return r->len[i] == (int)strlen(text) && memcmp(r->frame[i], text, (size_t)r->len[i]) == 0;
}

static bool is_admitted(const struct request *r, struct admission *table)
{
    struct key key;

    if (r->count != FRAMES || !frame_is(r, 0, "1.0") || !frame_is(r, 5, "CURVE") ||
        r->len[6] != KEY_BYTES)
        return false;
    memcpy(key.bytes, r->frame[6], KEY_BYTES);
    if (frame_is(r, 2, door_name(DOOR_ENROL)))
        return true;
    for (int d = 0; d < DOOR_COUNT; d++) {
        if (frame_is(r, 2, door_name((enum door)d)))
            return admission_find(table, (enum door)d, &key) != NULL;
    }
    return false;
}

static void answer(void *zap, const struct request *r, bool is_accepted)
{
    char user[KEY_TEXT + 1] = "";
    struct key key;

    if (is_accepted) {
        memcpy(key.bytes, r->frame[6], KEY_BYTES);
        key_text(&key, user);
    }
    zmq_send(zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(zap, r->frame[1], (size_t)r->len[1], ZMQ_SNDMORE);
    zmq_send(zap, is_accepted ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(zap, is_accepted ? "OK" : "NO", 2, ZMQ_SNDMORE);
    zmq_send(zap, user, strlen(user), ZMQ_SNDMORE);
    zmq_send(zap, "", 0, 0);
}

size_t zap_serve(void *zap, struct admission *table)
{
    struct request r;
    size_t refused = 0;

    while (receive(zap, &r)) {
        bool is_accepted = is_admitted(&r, table);

        answer(zap, &r, is_accepted);
        refused += !is_accepted;
    }
    return refused;
}

/* ---- the proof ---- */

static void *open_monitor(void *context, void *socket, struct err *err)
{
    static const char endpoint[] = "inproc://proof";
    void *monitor = NULL;

    if (zmq_socket_monitor(socket, endpoint,
                           ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == 0)
        monitor = zmq_socket(context, ZMQ_PAIR);
    if (!monitor || zmq_connect(monitor, endpoint) != 0) {
        err_set(err, HL_EIO, "cannot watch a handshake: %s", zmq_strerror(zmq_errno()));
        if (monitor)
            zmq_close(monitor);
        return NULL;
    }
    return monitor;
}

/* The event of the next monitor message, 0 if none waits. */
static int take_event(void *monitor)
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

static int watch(void *zap, void *monitor, struct admission *table, struct err *err)
{
    for (int waited_ms = 0; waited_ms < PROOF_MS; waited_ms += 10) {
        zmq_pollitem_t items[] = {{zap, 0, ZMQ_POLLIN, 0}, {monitor, 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, 2, 10);
        zap_serve(zap, table);
        int event = take_event(monitor);
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            return 0;
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            return err_set(err, HL_EDENIED,
                           "this libzmq lets unknown keys in: refusing to open any door");
    }
    return err_set(err, HL_EDENIED,
                   "no answer to a test handshake in %d ms: refusing to open any door", PROOF_MS);
}

int zap_prove(void *context, void *zap, struct admission *table, struct err *err)
{
    struct key_pair server_pair = key_pair_new();
    struct key_pair stranger = key_pair_new();
    char endpoint[256];
    size_t len = sizeof(endpoint);
    int r = HL_EIO;

    void *server = socket_server(context, &server_pair, door_name(DOOR_PEER), 4, err);
    if (!server)
        return err->code;
    void *monitor = open_monitor(context, server, err);
    void *client = NULL;
    if (monitor && socket_bind(server, STR("tcp://127.0.0.1:*"), err) == 0 &&
        zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0)
        client =
            socket_client(context, &stranger, &server_pair.public_key, str_from(endpoint), 4, err);
    if (client)
        r = watch(zap, monitor, table, err);
    socket_close(client);
    socket_close(server);
    socket_close(monitor);
    keys_wipe(&server_pair, sizeof(server_pair));
    keys_wipe(&stranger, sizeof(stranger));
    return r;
}
