/* A DEALER for each coordinator: which one an answer came from is which socket it came from. */
#include "edge/wire/link.h"

#include <stdlib.h>
#include <time.h>

#include <zmq.h>

#include "edge/wire/socket.h"

enum { LINK_QUEUE = 1024 };

struct end {
    const struct roster_member *member;
    void *socket;
    int64_t silent_since_ms; /* asked then, and nothing came since; -1: not waiting */
};

struct wire_link {
    void *context;
    enum door door;
    struct key_pair pair;
    struct end end[KEYS_MEMBERS_MAX];
    size_t count;
    size_t next; /* round robin */
    struct buf out;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int open_end(struct wire_link *link, struct end *end, struct err *err)
{
    end->socket = socket_client(link->context, &link->pair, &end->member->key[link->door],
                                end->member->endpoint[link->door], SOCKET_GUEST, LINK_QUEUE, err);
    end->silent_since_ms = -1;
    return end->socket ? 0 : err->code;
}

int link_open(const struct roster *roster, enum door door, const struct key_pair *pair,
              struct wire_link **out, struct err *err)
{
    struct wire_link *link = hl_calloc(1, sizeof(*link));
    struct err local;

    err = err ? err : &local;
    link->door = door;
    link->pair = *pair;
    link->context = zmq_ctx_new();
    if (!link->context)
        hl_die("no ZeroMQ context");
    for (size_t i = 0; i < roster->member_count; i++) {
        link->end[link->count].member = &roster->member[i];
        if (open_end(link, &link->end[link->count++], err) < 0) {
            int code = err->code;
            link_close(link);
            return code;
        }
    }
    *out = link;
    return 0;
}

/*
 * libzmq's client takes a refused handshake for good and never tries again, but a refusal may be
 * over: a coordinator learns of a new key a moment after the leader. Who is asked and stays silent
 * gets a new socket.
 */
static void mend_silent(struct wire_link *link, struct end *end)
{
    struct err ignored;
    int64_t now = now_ms();

    if (end->silent_since_ms < 0)
        end->silent_since_ms = now;
    if (end->socket && now - end->silent_since_ms < LINK_SILENT_MS)
        return;
    socket_close(end->socket);
    if (open_end(link, end, &ignored) == 0)
        end->silent_since_ms = now;
}

void link_close(struct wire_link *link)
{
    if (!link)
        return;
    for (size_t i = 0; i < link->count; i++)
        socket_close(link->end[i].socket);
    zmq_ctx_term(link->context);
    keys_wipe(&link->pair, sizeof(link->pair));
    buf_deinit(&link->out);
    free(link);
}

bool link_send(struct wire_link *link, uint64_t member, const struct wire_message *m)
{
    buf_reset(&link->out);
    if (wire_encode(&link->out, m, NULL) < 0)
        return false;
    for (size_t i = 0; i < link->count; i++) {
        struct end *end = &link->end[i];

        if (end->member->id != member)
            continue;
        mend_silent(link, end);
        return end->socket &&
               zmq_send(end->socket, link->out.ptr, link->out.len, ZMQ_DONTWAIT) >= 0;
    }
    return false;
}

void link_wait(struct wire_link *link, int extra_fd, int64_t timeout_ms)
{
    zmq_pollitem_t items[KEYS_MEMBERS_MAX + 1];
    int count = 0;

    for (size_t i = 0; i < link->count; i++) {
        if (link->end[i].socket)
            items[count++] = (zmq_pollitem_t){link->end[i].socket, 0, ZMQ_POLLIN, 0};
    }
    if (extra_fd >= 0)
        items[count++] = (zmq_pollitem_t){NULL, extra_fd, ZMQ_POLLIN, 0};
    zmq_poll(items, count, timeout_ms < 0 ? -1 : (long)timeout_ms);
}

/* One message read; false for one that is no good. */
static bool read_one(zmq_msg_t *payload, struct arena *a, struct wire_message *out)
{
    struct str bytes = {zmq_msg_data(payload), zmq_msg_size(payload)};

    return wire_decode(bytes, a, out, NULL) == 0 && wire_may_send(WIRE_ROLE_COORDINATOR, out->kind);
}

static bool take_from(void *socket, struct arena *a, struct wire_message *out)
{
    enum { TRIES = 64 };
    bool is_taken = false;
    bool is_rest = false; /* of a message of several frames, which none of ours has */
    int n = 0;

    for (int i = 0; i < TRIES && n >= 0 && !is_taken; i++) {
        zmq_msg_t payload;

        zmq_msg_init(&payload);
        n = zmq_msg_recv(&payload, socket, ZMQ_DONTWAIT);
        bool has_more = n >= 0 && zmq_msg_more(&payload);
        if (n >= 0 && !has_more && !is_rest)
            is_taken = read_one(&payload, a, out);
        is_rest = has_more;
        zmq_msg_close(&payload);
    }
    return is_taken;
}

bool link_next(struct wire_link *link, struct arena *a, uint64_t *out_member,
               struct wire_message *out)
{
    for (size_t i = 0; i < link->count; i++) {
        size_t at = link->next++ % link->count;

        if (link->end[at].socket && take_from(link->end[at].socket, a, out)) {
            link->end[at].silent_since_ms = -1;
            *out_member = link->end[at].member->id;
            return true;
        }
    }
    return false;
}
