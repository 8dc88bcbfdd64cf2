/*
 * One loop's worth of sockets. Everything inbound passes the same questions in the same order: two
 * frames over a connection that libzmq named? a key still admitted? within its quota? well-formed?
 * allowed to its role? speaking for itself?
 */
#include "edge/wire/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "edge/wire/admission.h"
#include "edge/wire/ready.h"
#include "edge/wire/socket.h"
#include "edge/wire/stranger.h"
#include "edge/wire/zap.h"

enum {
    PEER_QUEUE = 256,
    GUEST_QUEUE = 64,
    CLIENT_QUEUE = 1024, /* many clients may share a connection */
    ALIVE_MS = 10000,
    IO_THREADS = 2,                /* guests', peers' */
    ROUTING_ID_BYTES = 5,          /* of those that libzmq makes: a zero and 32 bits */
    TURN_MESSAGES = 64,            /* refused ones that one turn may read away ... */
    TURN_BYTES = 1 << 20,          /* ... and what they may leave in the arena */
    REPLY_AROUND_BYTES = 32 << 10, /* what a reply has beside its body: texts and numbers */
    REST_GUESTS = 200,             /* with so many admitted the agents' door is looked at ... */
    REST_MS = 25,                  /* ... no sooner after it was found empty */
};

struct peer_link {
    uint64_t member;
    struct key key;
    void *socket;
    void *monitor;
    size_t monitor_number;
};

struct wire_hub {
    void *context;
    void *zap;
    size_t zap_number;
    struct ready ready;
    struct admission *table;
    struct {
        void *socket;
        size_t number; /* in `ready` */
        void *monitor;
        size_t monitor_number;
        char endpoint[256];
        bool must_unbind; /* a key was expelled: cut all sessions of the door */
        bool must_bind;
    } door[DOOR_COUNT];
    struct peer_link peer[KEYS_MEMBERS_MAX];
    size_t peer_count;
    size_t next_door; /* round robin, so that no door starves another */
    struct strangers *strangers;
    uint64_t member;       /* who we are */
    int64_t now_ms;        /* of the last hub_next */
    int64_t rest_until_ms; /* until then the door of agents is left alone */
    struct wire_hub_stats stats;
    struct buf out;
};

static void *watch(struct wire_hub *hub, void *socket, const char *what, uint64_t number,
                   int events, struct err *err)
{
    char endpoint[64];

    snprintf(endpoint, sizeof(endpoint), "inproc://%s-%llu", what, (unsigned long long)number);
    return socket_watch(hub->context, socket, endpoint, events, err);
}

static int queue_of(enum door d)
{
    return d == DOOR_PEER ? PEER_QUEUE : d == DOOR_CLIENT ? CLIENT_QUEUE : GUEST_QUEUE;
}

static int open_door(struct wire_hub *hub, enum door d, const struct roster_member *self,
                     const struct coordinator_keys *keys, struct err *err)
{
    size_t len = sizeof(hub->door[d].endpoint);

    hub->door[d].socket =
        socket_server(hub->context, &keys->pair[d], door_name(d),
                      d == DOOR_PEER ? SOCKET_PEER : SOCKET_GUEST, queue_of(d), err);
    if (!hub->door[d].socket)
        return err->code;
    hub->door[d].monitor =
        watch(hub, hub->door[d].socket, "door", d,
              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, err);
    if (!hub->door[d].monitor)
        return err->code;
    int r = socket_bind(hub->door[d].socket, self->endpoint[d], err);
    if (r < 0)
        return r;
    /* A port of 0 or "*" has become a real one. */
    if (zmq_getsockopt(hub->door[d].socket, ZMQ_LAST_ENDPOINT, hub->door[d].endpoint, &len) != 0)
        return err_set(err, HL_EIO, "no endpoint: %s", zmq_strerror(zmq_errno()));
    return 0;
}

static int open_peers(struct wire_hub *hub, const struct wire_hub_config *c, struct err *err)
{
    for (size_t i = 0; i < c->roster->member_count; i++) {
        const struct roster_member *m = &c->roster->member[i];
        struct peer_link *p = &hub->peer[hub->peer_count];

        if (m->id == c->member)
            continue;
        admission_set(hub->table, DOOR_PEER, &m->key[DOOR_PEER], m->name, STR("peer"));
        p->member = m->id;
        p->key = m->key[DOOR_PEER];
        p->socket = socket_client(hub->context, &c->keys->pair[DOOR_PEER], &m->key[DOOR_PEER],
                                  m->endpoint[DOOR_PEER], SOCKET_PEER, PEER_QUEUE, err);
        if (!p->socket)
            return err->code;
        p->monitor = watch(hub, p->socket, "peer", m->id, ZMQ_EVENT_DISCONNECTED, err);
        if (!p->monitor)
            return err->code;
        hub->peer_count++;
    }
    return 0;
}

/* Peers are only written to: their answers come in at our door. */
static void watch_all(struct wire_hub *hub)
{
    hub->zap_number = ready_add(&hub->ready, hub->zap);
    for (int d = 0; d < DOOR_COUNT; d++) {
        hub->door[d].number = ready_add(&hub->ready, hub->door[d].socket);
        hub->door[d].monitor_number = ready_add(&hub->ready, hub->door[d].monitor);
    }
    for (size_t i = 0; i < hub->peer_count; i++)
        hub->peer[i].monitor_number = ready_add(&hub->ready, hub->peer[i].monitor);
}

static int open_all(struct wire_hub *hub, const struct wire_hub_config *c, struct err *err)
{
    const struct roster_member *self = roster_find(c->roster, c->member);

    if (!self)
        return err_set(err, HL_EINVAL, "member %llu is not in the roster",
                       (unsigned long long)c->member);
    hub->zap = zap_open(hub->context, err);
    if (!hub->zap)
        return err->code;
    int r = zap_prove(hub->context, hub->zap, hub->table, err);
    for (int d = 0; r == 0 && d < DOOR_COUNT; d++)
        r = open_door(hub, (enum door)d, self, c->keys, err);
    if (r == 0)
        r = open_peers(hub, c, err);
    for (size_t i = 0; r == 0 && i < c->roster->person_count; i++) {
        const struct roster_person *p = &c->roster->person[i];
        admission_set(hub->table, DOOR_CLIENT, &p->key, p->name, p->role);
    }
    if (r == 0)
        watch_all(hub);
    return r;
}

int hub_open(const struct wire_hub_config *config, struct wire_hub **out, struct err *err)
{
    struct err local;
    struct wire_hub *hub = hl_calloc(1, sizeof(*hub));

    hub->context = zmq_ctx_new();
    if (!hub->context || zmq_ctx_set(hub->context, ZMQ_IO_THREADS, IO_THREADS) != 0)
        hl_die("no ZeroMQ context");
    hub->table = admission_new(keys_random_u64());
    hub->strangers = strangers_new();
    hub->member = config->member;
    int r = open_all(hub, config, err ? err : &local);
    if (r < 0) {
        hub_close(hub);
        return r;
    }
    *out = hub;
    return 0;
}

void hub_close(struct wire_hub *hub)
{
    if (!hub)
        return;
    for (size_t i = 0; i < KEYS_MEMBERS_MAX; i++) {
        socket_close(hub->peer[i].socket);
        socket_close(hub->peer[i].monitor);
    }
    for (int d = 0; d < DOOR_COUNT; d++) {
        socket_close(hub->door[d].socket);
        socket_close(hub->door[d].monitor);
    }
    socket_close(hub->zap);
    zmq_ctx_term(hub->context);
    admission_free(hub->table);
    strangers_free(hub->strangers);
    buf_deinit(&hub->out);
    free(hub);
}

struct str hub_endpoint(const struct wire_hub *hub, enum door door)
{
    return str_from(hub->door[door].endpoint);
}

void hub_admit(struct wire_hub *hub, enum door door, const struct key *key, struct str name,
               struct str role)
{
    const struct guest *old = admission_find_name(hub->table, door, name);

    if (old && !key_eq(&old->key, key))
        hub->door[door].must_unbind = true;
    admission_set(hub->table, door, key, name, role);
}

void hub_expel(struct wire_hub *hub, enum door door, const struct key *key)
{
    if (admission_drop(hub->table, door, key))
        hub->door[door].must_unbind = true;
}

/* Unbinding cuts live sessions (S-3). The port may be busy for a moment after it: then the next
 * turn tries again. */
static void serve_rebinds(struct wire_hub *hub)
{
    for (int d = 0; d < DOOR_COUNT; d++) {
        struct str endpoint = str_from(hub->door[d].endpoint);
        struct err ignored;

        if (hub->door[d].must_unbind) {
            (void)!socket_unbind(hub->door[d].socket, endpoint, &ignored);
            ready_touch(&hub->ready, hub->door[d].number);
            hub->door[d].must_unbind = false;
            hub->door[d].must_bind = true;
        }
        if (hub->door[d].must_bind && socket_bind(hub->door[d].socket, endpoint, &ignored) == 0)
            hub->door[d].must_bind = false;
    }
}

void hub_wait(struct wire_hub *hub, int extra_fd, int64_t timeout_ms)
{
    for (int d = 0; d < DOOR_COUNT; d++) {
        if (hub->door[d].must_unbind || hub->door[d].must_bind)
            timeout_ms = timeout_ms > 10 || timeout_ms < 0 ? 10 : timeout_ms;
    }
    int64_t rest_ms = hub->rest_until_ms - hub->now_ms;
    bool is_resting = rest_ms > 0 && rest_ms <= REST_MS;
    ready_rest(&hub->ready, hub->door[DOOR_AGENT].number, is_resting);
    if (is_resting && (timeout_ms < 0 || timeout_ms > rest_ms))
        timeout_ms = rest_ms;
    ready_wait(&hub->ready, extra_fd, timeout_ms);
}

/* ---- inbound ---- */

/* Thousands of agents say something at any time: taken one by one, each would cost every thread on
 * the way its wake-up. */
static void rest_agents(struct wire_hub *hub)
{
    if (admission_count(hub->table) >= REST_GUESTS)
        hub->rest_until_ms = hub->now_ms + REST_MS;
}

static bool take_lost_peer(struct wire_hub *hub, struct wire_inbound *out)
{
    for (size_t i = 0; i < hub->peer_count; i++) {
        if (!ready_is_readable(&hub->ready, hub->peer[i].monitor_number))
            continue;
        if (socket_take_event(hub->peer[i].monitor) == 0) {
            ready_drained(&hub->ready, hub->peer[i].monitor_number);
            continue;
        }
        *out = (struct wire_inbound){
            .kind = WIRE_IN_PEER_LOST, .door = DOOR_PEER, .member = hub->peer[i].member};
        return true;
    }
    return false;
}

static void count_broken_handshakes(struct wire_hub *hub)
{
    for (int d = 0; d < DOOR_COUNT; d++) {
        if (!ready_is_readable(&hub->ready, hub->door[d].monitor_number))
            continue;
        while (socket_take_event(hub->door[d].monitor) != 0) {
            hub->stats.handshakes_failed++;
            hub->stats.handshakes_broken++;
        }
        ready_drained(&hub->ready, hub->door[d].monitor_number);
    }
}

static bool has_more(void *socket)
{
    int more = 0;
    size_t len = sizeof(more);

    return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &len) == 0 && more != 0;
}

/*
 * Reads [connection][payload] into from and *payload (initialised). False if nothing waits;
 * *out_is_framed is false for any other shape, which was read to its end, and for a connection that
 * chose its own name: none of ours does (S-4).
 */
static bool receive(void *socket, struct wire_connection *from, zmq_msg_t *payload,
                    bool *out_is_framed)
{
    int n = zmq_recv(socket, from->id, sizeof(from->id), ZMQ_DONTWAIT);

    if (n < 0)
        return false;
    bool is_ours = n == ROUTING_ID_BYTES && from->id[0] == 0;
    from->id_len = is_ours ? (size_t)n : 0;
    *out_is_framed =
        has_more(socket) && zmq_msg_recv(payload, socket, ZMQ_DONTWAIT) >= 0 && is_ours;
    while (has_more(socket)) {
        zmq_msg_t rest;

        *out_is_framed = false;
        zmq_msg_init(&rest);
        int r = zmq_msg_recv(&rest, socket, ZMQ_DONTWAIT);
        zmq_msg_close(&rest);
        if (r < 0)
            break;
    }
    return true;
}

static bool read_sender(zmq_msg_t *payload, struct wire_inbound *in)
{
    const char *user = zmq_msg_gets(payload, "User-Id");
    const char *address = zmq_msg_gets(payload, "Peer-Address");

    snprintf(in->address, sizeof(in->address), "%s", address ? address : "");
    return user && key_parse(str_from(user), &in->key);
}

/* Whose message is it, and may it send now? Fills name, role and member. */
static bool judge_sender(struct wire_hub *hub, struct wire_inbound *in, size_t bytes,
                         struct guest **out_guest)
{
    *out_guest = NULL;
    if (in->door == DOOR_ENROL) {
        in->role = STR("stranger");
        if (stranger_may_ask(hub->strangers, in->address, hub->now_ms, &in->from.stranger))
            return true;
        hub->stats.refused_rate++;
        return false;
    }
    struct guest *g = admission_find(hub->table, in->door, &in->key);
    if (!g) {
        hub->stats.refused_key++;
        return false;
    }
    if (!guest_may_spend(g, bytes, hub->now_ms)) {
        hub->stats.refused_rate++;
        return false;
    }
    *out_guest = g;
    return true;
}

static uint64_t member_of(const struct wire_hub *hub, const struct key *key)
{
    for (size_t i = 0; i < hub->peer_count; i++) {
        if (key_eq(&hub->peer[i].key, key))
            return hub->peer[i].member;
    }
    return 0;
}

/* What a message says about its sender must be what its key says (S-4). */
static bool speaks_for_itself(const struct wire_hub *hub, const struct wire_inbound *in)
{
    const struct wire_message *m = &in->message;

    switch (m->kind) {
    case WIRE_RAFT:
        return m->raft.from == in->member && m->raft.to == hub->member;
    case WIRE_HELLO:
        return str_eq(m->hello.node, in->name);
    case WIRE_ENROL:
        return key_eq(&m->enrol.agent_key, &in->key);
    default:
        return true;
    }
}

static bool judge(struct wire_hub *hub, zmq_msg_t *payload, struct arena *a,
                  struct wire_inbound *in)
{
    struct str bytes = {zmq_msg_data(payload), zmq_msg_size(payload)};
    struct guest *g;

    if (!read_sender(payload, in)) {
        hub->stats.refused_key++;
        return false;
    }
    if (!judge_sender(hub, in, bytes.len, &g))
        return false;
    if (wire_decode(bytes, a, &in->message, NULL) < 0) {
        hub->stats.refused_bytes++;
        return false;
    }
    /* Copies: the guest may be expelled while the message is still in use. */
    in->name = g ? arena_dup(a, g->name) : STR_NONE;
    in->role = g ? arena_dup(a, g->role) : in->role;
    in->member = in->door == DOOR_PEER ? member_of(hub, &in->key) : 0;
    if (!wire_may_send(g ? g->role_bits : WIRE_ROLE_STRANGER, in->message.kind) ||
        !speaks_for_itself(hub, in)) {
        hub->stats.refused_role++;
        return false;
    }
    if (g && guest_heard(g, in->from.id, in->from.id_len, hub->now_ms))
        in->kind = WIRE_IN_CLONE;
    return true;
}

/* The next good message of a door. A turn ends early when what it refused has cost enough: the
 * caller comes back with an empty arena, because the socket is still readable. */
static bool take_from(struct wire_hub *hub, enum door d, struct arena *a, struct wire_inbound *out)
{
    size_t used_max = arena_used_bytes(a) + TURN_BYTES;

    for (int tries = 0; tries < TURN_MESSAGES && arena_used_bytes(a) < used_max; tries++) {
        struct wire_inbound in = {.kind = WIRE_IN_MESSAGE, .door = d, .from = {.door = d}};
        bool is_framed = false;
        bool is_good = false;
        zmq_msg_t payload;

        zmq_msg_init(&payload);
        bool is_there = receive(hub->door[d].socket, &in.from, &payload, &is_framed);
        if (is_there && !is_framed)
            hub->stats.refused_bytes++;
        if (is_there && is_framed)
            is_good = judge(hub, &payload, a, &in);
        zmq_msg_close(&payload);
        if (!is_there) {
            ready_drained(&hub->ready, hub->door[d].number);
            if (d == DOOR_AGENT)
                rest_agents(hub);
            return false;
        }
        if (is_good) {
            hub->stats.messages_in++;
            *out = in;
            return true;
        }
    }
    return false;
}

bool hub_next(struct wire_hub *hub, int64_t now_ms, struct arena *a, struct wire_inbound *out)
{
    hub->now_ms = now_ms;
    if (ready_is_readable(&hub->ready, hub->zap_number)) {
        hub->stats.handshakes_failed += zap_serve(hub->zap, hub->table);
        ready_drained(&hub->ready, hub->zap_number);
    }
    count_broken_handshakes(hub);
    serve_rebinds(hub);
    if (take_lost_peer(hub, out))
        return true;
    for (size_t i = 0; i < DOOR_COUNT; i++) {
        enum door d = (enum door)(hub->next_door++ % DOOR_COUNT);

        if (ready_is_readable(&hub->ready, hub->door[d].number) && take_from(hub, d, a, out))
            return true;
    }
    return false;
}

/* ---- outbound ---- */

static bool encode(struct wire_hub *hub, const struct wire_message *m)
{
    buf_reset(&hub->out);
    if (wire_encode(&hub->out, m, NULL) == 0)
        return true;
    hub->stats.dropped_out++;
    return false;
}

void hub_send_peer(struct wire_hub *hub, uint64_t member, const struct wire_message *m)
{
    for (size_t i = 0; i < hub->peer_count; i++) {
        if (hub->peer[i].member != member || !encode(hub, m))
            continue;
        if (zmq_send(hub->peer[i].socket, hub->out.ptr, hub->out.len, ZMQ_DONTWAIT) < 0)
            hub->stats.dropped_out++;
        return;
    }
}

static bool send_to(struct wire_hub *hub, enum door d, const unsigned char *id, size_t id_len,
                    const struct wire_message *m)
{
    if (!encode(hub, m))
        return false;
    ready_touch(&hub->ready, hub->door[d].number);
    if (zmq_send(hub->door[d].socket, id, id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(hub->door[d].socket, hub->out.ptr, hub->out.len, ZMQ_DONTWAIT) < 0) {
        hub->stats.dropped_out++;
        return false;
    }
    return true;
}

bool hub_send_agent(struct wire_hub *hub, struct str name, const struct wire_message *m)
{
    const struct guest *g = admission_find_name(hub->table, DOOR_AGENT, name);

    return g && g->connection_len > 0 &&
           send_to(hub, DOOR_AGENT, g->connection, g->connection_len, m);
}

/* An answer that is too large would leave its asker waiting for nothing. */
static bool answer_too_large(struct wire_hub *hub, const struct wire_connection *to,
                             const struct wire_reply *reply)
{
    const struct wire_message m = {
        .kind = WIRE_REPLY,
        .reply = {.id = reply->id,
                  .code = HL_ELIMIT,
                  .error_id = STR("HL-NET-LIMIT"),
                  .error = STR("the answer is larger than a message may be (1 MiB)"),
                  .next = STR("ask for less: name one object, or page with after and limit"),
                  .revision = reply->revision,
                  .leader = reply->leader,
                  .is_leader = reply->is_leader}};

    return send_to(hub, to->door, to->id, to->id_len, &m);
}

void hub_answer(struct wire_hub *hub, const struct wire_connection *to,
                const struct wire_message *m)
{
    if (m->kind == WIRE_ENROL_REPLY && m->enrol_reply.status == WIRE_ENROL_REFUSED)
        stranger_was_refused(hub->strangers, to->stranger, hub->now_ms);
    if (m->kind == WIRE_REPLY && m->reply.body.len >= WIRE_BYTES_MAX - REPLY_AROUND_BYTES)
        answer_too_large(hub, to, &m->reply);
    else
        send_to(hub, to->door, to->id, to->id_len, m);
}

void hub_stats_get(const struct wire_hub *hub, int64_t now_ms, struct wire_hub_stats *out)
{
    *out = hub->stats;
    for (size_t i = 0; i < admission_count(hub->table); i++) {
        const struct guest *g = admission_at(hub->table, i);

        if (g->heard_ms >= 0 && now_ms - g->heard_ms < ALIVE_MS)
            out->connections[g->door]++;
    }
    for (int d = 0; d < DOOR_COUNT; d++)
        out->doors_closed += hub->door[d].must_bind;
}
