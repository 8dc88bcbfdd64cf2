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

struct trial {
    void *context;
    void *zap; /* NULL: nobody answers */
    struct admission *table;
    const struct key_pair *pair; /* the client's */
    void *server;
    void *monitor;
    void *client;
};

enum verdict { IN, OUT, SILENT };

static int open_trial(struct trial *t, const char *name, struct err *err)
{
    struct key_pair pair = key_pair_new();
    char endpoint[256];
    size_t len = sizeof(endpoint);

    t->server = socket_server(t->context, &pair, door_name(DOOR_PEER), SOCKET_GUEST, 4, err);
    keys_wipe(&pair.secret_key, sizeof(pair.secret_key));
    if (!t->server)
        return HL_EIO;
    t->monitor = socket_watch(t->context, t->server, name,
                              ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                              err);
    if (!t->monitor || socket_bind(t->server, STR("tcp://127.0.0.1:*"), err) < 0)
        return HL_EIO;
    if (zmq_getsockopt(t->server, ZMQ_LAST_ENDPOINT, endpoint, &len) != 0)
        return err_set(err, HL_EIO, "no endpoint: %s", zmq_strerror(zmq_errno()));
    t->client = socket_client(t->context, t->pair, &pair.public_key, str_from(endpoint),
                              SOCKET_GUEST, 4, err);
    return t->client ? 0 : HL_EIO;
}

/* A message in the server that carries the client's key as its User-Id. */
static bool is_delivered(struct trial *t)
{
    char user[KEY_TEXT + 1];
    bool is_known = false;
    int more = 1;

    zmq_send(t->client, "?", 1, ZMQ_DONTWAIT);
    while (more) {
        zmq_msg_t m;

        zmq_msg_init(&m);
        more = zmq_msg_recv(&m, t->server, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&m);
        const char *id = zmq_msg_size(&m) == 1 ? zmq_msg_gets(&m, "User-Id") : NULL;
        is_known = id && strcmp(id, key_text(&t->pair->public_key, user)) == 0;
        zmq_msg_close(&m);
    }
    return is_known;
}

static enum verdict watch(struct trial *t)
{
    for (int waited_ms = 0; waited_ms < PROOF_MS; waited_ms += 5) {
        zmq_pollitem_t items[] = {{t->monitor, 0, ZMQ_POLLIN, 0}, {t->zap, 0, ZMQ_POLLIN, 0}};

        zmq_poll(items, t->zap ? 2 : 1, 5);
        if (t->zap)
            zap_serve(t->zap, t->table);
        int event = socket_take_event(t->monitor);
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ||
            event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            return OUT;
        if (is_delivered(t) || (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && !t->zap))
            return IN;
    }
    return SILENT;
}

/* Lets `pair` knock; *out says what became of it. */
static int try_key(void *context, void *zap, struct admission *table, const struct key_pair *pair,
                   const char *name, enum verdict *out, struct err *err)
{
    struct trial t = {.context = context, .zap = zap, .table = table, .pair = pair};

    int r = open_trial(&t, name, err);
    if (r == 0)
        *out = watch(&t);
    socket_close(t.client);
    socket_close(t.server);
    socket_close(t.monitor);
    return r;
}

/* S-2: a domain whose handler is dead must let nobody in. */
static int prove_closed_without_handler(const struct key_pair *pair, struct err *err)
{
    enum verdict v = SILENT;
    void *context = zmq_ctx_new();

    if (!context)
        hl_die("no ZeroMQ context");
    int r = try_key(context, NULL, NULL, pair, "inproc://proof-1", &v, err);
    zmq_ctx_term(context);
    if (r == 0 && v != OUT)
        r = err_set(err, HL_EDENIED,
                    "this libzmq lets keys in that nobody vouched for: refusing to open any door");
    return r;
}

/* S-1: the handler is asked, refuses a stranger, and names a key that it knows. */
static int prove_handler(void *context, void *zap, struct admission *table,
                         const struct key_pair *pair, struct err *err)
{
    enum verdict v = SILENT;

    int r = try_key(context, zap, table, pair, "inproc://proof-2", &v, err);
    if (r == 0 && v != OUT)
        return err_set(err, HL_EDENIED, "a stranger's test handshake %s: refusing to open any door",
                       v == IN ? "was accepted" : "had no answer");
    if (r < 0)
        return r;
    admission_set(table, DOOR_PEER, &pair->public_key, STR("proof"), STR("peer"));
    r = try_key(context, zap, table, pair, "inproc://proof-3", &v, err);
    admission_drop(table, DOOR_PEER, &pair->public_key);
    if (r == 0 && v != IN)
        r = err_set(err, HL_EDENIED,
                    "an admitted key's test handshake %s: refusing to open any door",
                    v == OUT ? "was refused" : "had no answer");
    return r;
}

int zap_prove(void *context, void *zap, struct admission *table, struct err *err)
{
    struct key_pair pair = key_pair_new();

    int r = prove_closed_without_handler(&pair, err);
    if (r == 0)
        r = prove_handler(context, zap, table, &pair, err);
    keys_wipe(&pair, sizeof(pair));
    return r;
}
