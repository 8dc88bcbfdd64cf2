/*
 * The hub: all sockets of a coordinator, used from one thread (the mesh actor).
 *
 * Four ROUTER doors (peers, agents, clients, enrolment), each with its own key pair, ZAP domain and
 * limits, and one DEALER to each other coordinator. The recipe is security.md 5.3, S-1 to S-7:
 *
 * - CURVE always. The ZAP handler lives in this very thread: if it dies, all dies. A domain is set
 *   on every door and enforced (option 93, read back); before a public socket is bound, hub_open
 *   proves with a real client of an unknown key on a scratch socket that strangers are refused.
 * - Who sends is the `User-Id` that ZAP attached to each message, looked up in the admission table
 *   for every message. Routing ids are libzmq's own and mean nothing beyond the connection.
 * - hub_expel forgets a key (its messages are dropped from then on) and rebinds the door within the
 *   next hub_next, which cuts its live sessions; the others reconnect by themselves.
 * - A message speaks for its sender only: a Raft message for the member whose key it came with, a
 *   hello for the node that the key was admitted as, an enrolment for the key of its connection.
 * - Limits: messages of 1 MiB, short queues, 2 s for a handshake, a quota of bytes and messages for
 *   each key; at the enrolment door 300 questions a minute from one address, and after each refusal
 *   a second of silence, 10 refusals a minute.
 * - Ends that went without a word are found by ZMTP's heartbeats among coordinators, by TCP's
 *   keepalive at the other doors (some 11 s), which may have thousands of guests.
 * - With 200 keys or more admitted, what agents say waits up to 25 ms and is taken together.
 *
 * An agent is reached by its name, over the connection that its last message came from; a client by
 * the connection handle of its request. Sending never blocks: what does not fit is dropped and
 * counted, because everything here is repeated by its sender.
 *
 * Threads: one. Ownership: strings of inbound messages live in the arena of hub_next.
 */
#ifndef HL_EDGE_WIRE_HUB_H
#define HL_EDGE_WIRE_HUB_H

#include "edge/wire/messages.h"

struct wire_hub;

struct wire_hub_config {
    const struct roster *roster;         /* must outlive the hub */
    uint64_t member;                     /* which of the roster's members we are */
    const struct coordinator_keys *keys; /* copied */
};

enum wire_inbound_kind {
    WIRE_IN_MESSAGE,
    WIRE_IN_PEER_LOST, /* the connection to coordinator `member` broke */
    WIRE_IN_CLONE, /* two live connections use the key of `name`; the message is one of theirs */
};

struct wire_connection {
    unsigned char id[32]; /* libzmq's routing id */
    size_t id_len;
    enum door door;
    uint32_t stranger; /* enrolment: whose refusals are counted; 0 = nobody's */
};

struct wire_inbound {
    enum wire_inbound_kind kind;
    enum door door;
    struct wire_connection from; /* valid while it lives; to answer */
    struct key key;              /* of the sender, authenticated */
    struct str name;             /* from the admission table; empty at the enrolment door */
    struct str role;             /* "agent", "admin", ...; "stranger" at the enrolment door */
    uint64_t member;             /* peers: their id */
    char address[64];            /* "10.0.4.17" */
    struct wire_message message;
};

struct wire_hub_stats {
    uint64_t handshakes_failed; /* all: unknown key, wrong server key, no CURVE */
    uint64_t handshakes_broken; /* those among them that never got as far as naming a key */
    uint64_t messages_in;
    uint64_t refused_key;             /* key not or no longer admitted */
    uint64_t refused_role;            /* kind not allowed to this role, or speaking for another */
    uint64_t refused_bytes;           /* malformed, too deep, too long */
    uint64_t refused_rate;            /* over the sender's quota */
    uint64_t dropped_out;             /* no connection, or its queue was full */
    uint32_t connections[DOOR_COUNT]; /* keys seen in the last 10 s */
    uint32_t doors_closed; /* being rebound; more than a moment means the port was taken */
};

/* Opens everything or nothing. HL_ECONFLICT: an endpoint is taken (named); HL_EDENIED: the proof
 * that strangers are refused failed. */
HL_MUST int hub_open(const struct wire_hub_config *config, struct wire_hub **out, struct err *err);
void hub_close(struct wire_hub *hub);
HL_DEFINE_FREEP(hub_close, struct wire_hub)

/* Lets `key` in at `door` as `name` with `role`. A name replaces its former key there. */
void hub_admit(struct wire_hub *hub, enum door door, const struct key *key, struct str name,
               struct str role);
/* Forgets the key and cuts its sessions. Unknown keys are fine. */
void hub_expel(struct wire_hub *hub, enum door door, const struct key *key);

/* Waits until a message is there, extra_fd is readable, or timeout_ms has passed. */
void hub_wait(struct wire_hub *hub, int extra_fd, int64_t timeout_ms);
/*
 * The next inbound; true if there was one. Serves ZAP and pending rebinds. Never waits. False means
 * that this turn is over: reset the arena and hub_wait again (which returns at once if more waits).
 */
bool hub_next(struct wire_hub *hub, int64_t now_ms, struct arena *a, struct wire_inbound *out);

void hub_send_peer(struct wire_hub *hub, uint64_t member, const struct wire_message *m);
/* False if the agent has no connection here. */
bool hub_send_agent(struct wire_hub *hub, struct str name, const struct wire_message *m);
/* A reply over 1 MiB goes out as the error HL_ELIMIT instead. Refusing an enrolment here is what
 * counts against its address. */
void hub_answer(struct wire_hub *hub, const struct wire_connection *to,
                const struct wire_message *m);

void hub_stats_get(const struct wire_hub *hub, int64_t now_ms, struct wire_hub_stats *out);
/* Where a door listens, with the port that "*" became. */
struct str hub_endpoint(const struct wire_hub *hub, enum door door);

#endif
