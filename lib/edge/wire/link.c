/* A DEALER for each coordinator: which one an answer came from is which socket it came from. */
#include "edge/wire/link.h"

#include <stdlib.h>

#include <zmq.h>

#include "edge/wire/socket.h"

enum { LINK_QUEUE = 256 };

struct wire_link {
    void *context;
    struct {
        uint64_t member;
        void *socket;
    } end[KEYS_MEMBERS_MAX];
    size_t count;
    size_t next; /* round robin */
    struct buf out;
};

int link_open(const struct roster *roster, enum door door, const struct key_pair *pair,
              struct wire_link **out, struct err *err)
{
    struct wire_link *link = hl_calloc(1, sizeof(*link));
    struct err local;

    err = err ? err : &local;
    link->context = zmq_ctx_new();
    if (!link->context)
        hl_die("no ZeroMQ context");
    for (size_t i = 0; i < roster->member_count; i++) {
        const struct roster_member *m = &roster->member[i];
        void *socket = socket_client(link->context, pair, &m->key[door], m->endpoint[door],
                                     SOCKET_GUEST, LINK_QUEUE, err);
        if (!socket) {
            link_close(link);
            return err->code;
        }
        link->end[link->count].member = m->id;
        link->end[link->count++].socket = socket;
    }
    *out = link;
    return 0;
}

void link_close(struct wire_link *link)
{
    if (!link)
        return;
    for (size_t i = 0; i < link->count; i++)
        socket_close(link->end[i].socket);
    zmq_ctx_term(link->context);
    buf_deinit(&link->out);
    free(link);
}

bool link_send(struct wire_link *link, uint64_t member, const struct wire_message *m)
{
    buf_reset(&link->out);
    if (wire_encode(&link->out, m, NULL) < 0)
        return false;
    for (size_t i = 0; i < link->count; i++) {
        if (link->end[i].member == member)
            return zmq_send(link->end[i].socket, link->out.ptr, link->out.len, ZMQ_DONTWAIT) >= 0;
    }
    return false;
}

void link_wait(struct wire_link *link, int extra_fd, int64_t timeout_ms)
{
    zmq_pollitem_t items[KEYS_MEMBERS_MAX + 1];
    int count = 0;

    for (size_t i = 0; i < link->count; i++)
        items[count++] = (zmq_pollitem_t){link->end[i].socket, 0, ZMQ_POLLIN, 0};
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

        if (take_from(link->end[at].socket, a, out)) {
            *out_member = link->end[at].member;
            return true;
        }
    }
    return false;
}
