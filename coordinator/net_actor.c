/* The net actor owns every ZeroMQ socket: what comes in is handed on, what others want out goes
 * out. */
#include "coordinator/actors.h"
#include "edge/actor/log.h"

enum { HANDSHAKE_TURN_MS = 1000, INBOUND_A_TURN = 256 };

static void hand_on(struct net_context *net, const struct wire_inbound *in, struct arena *a)
{
    /* The message keeps the arena that the inbound was decoded into. */
    struct msg *m = msg_new(MSG_INBOUND, false);
    struct mailbox *to = net->boxes->fleet;

    m->arena = a;
    if (in->kind == WIRE_IN_PEER_LOST) {
        m->kind = MSG_PEER_LOST;
        m->number = in->member;
        to = net->boxes->consensus;
    } else if (in->message.kind == WIRE_RAFT) {
        struct raft_message *raft = arena_one(a, struct raft_message);
        *raft = in->message.raft;
        m->kind = MSG_RAFT;
        m->body = raft;
        to = net->boxes->consensus;
    } else if (in->message.kind == WIRE_REFRESH) {
        m->kind = MSG_REFRESH;
        to = net->boxes->source;
    } else {
        struct wire_inbound *copy = arena_one(a, struct wire_inbound);
        *copy = *in;
        /* Names are borrowed from the admission table, which may change. */
        copy->name = arena_dup(a, in->name);
        copy->role = arena_dup(a, in->role);
        m->body = copy;
    }
    /* All senders repeat what was lost: a full mailbox may drop. */
    mailbox_post_or_drop(to, m);
}

static void receive_all(struct net_context *net)
{
    struct wire_inbound in;

    for (int i = 0; i < INBOUND_A_TURN; i++) {
        struct arena *a = arena_new();

        if (!hub_next(net->hub, clock_now_ms(), a, &in)) {
            arena_free(a);
            return;
        }
        if (in.kind == WIRE_IN_CLONE)
            log_warn("two live connections use one key", "door=%s name=" STR_FMT " address=%s",
                     door_name(in.door), STR_ARG(in.name), in.address);
        hand_on(net, &in, a);
    }
}

static void send_peers(struct net_context *net, const struct raft_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct wire_message m = {.kind = WIRE_RAFT, .raft = batch->message[i]};
        hub_send_peer(net->hub, batch->message[i].to, &m);
    }
}

static void obey(struct net_context *net, const struct msg *m)
{
    const struct to_agent *agent = m->body;
    const struct answer *answer = m->body;
    const struct admit *admit = m->body;

    switch (m->kind) {
    case MSG_SEND_PEER:
        send_peers(net, m->body);
        break;
    case MSG_SEND_AGENT:
        hub_send_agent(net->hub, agent->name, &agent->message);
        break;
    case MSG_ANSWER:
        hub_answer(net->hub, &answer->to, &answer->message);
        break;
    case MSG_ADMIT:
        hub_admit(net->hub, admit->door, &admit->key, admit->name, admit->role);
        break;
    case MSG_EXPEL:
        hub_expel(net->hub, admit->door, &admit->key);
        break;
    case MSG_HINT_PEERS:
        for (uint64_t member = 1; member <= KEYS_MEMBERS_MAX; member++) {
            struct wire_message hint = {.kind = WIRE_REFRESH};
            hub_send_peer(net->hub, member, &hint);
        }
        break;
    default:
        break;
    }
}

void *net_run(void *context)
{
    struct net_context *net = context;

    for (;;) {
        struct msg *m;

        hub_wait(net->hub, mailbox_fd(net->boxes->net), HANDSHAKE_TURN_MS);
        while ((m = mailbox_take(net->boxes->net))) {
            if (m->kind == MSG_STOP) {
                msg_free(m);
                return NULL;
            }
            obey(net, m);
            msg_free(m);
        }
        receive_all(net);
    }
}
