/*
 * The agent's actors and what they say to each other. Internal to the agent.
 *
 *   session   the links to all coordinators: heartbeats, leases, reports until acknowledged
 *   role      the work itself, one item at a time; it may block for seconds
 *
 *   coordinators ◄──ZeroMQ──► session ──WORK, CANCEL, CHUNK, LEASE──► role
 *                                ▲◄─────────────SEND──────────────────┘
 *
 * The agent obeys the coordinator that says it leads in the highest term it has heard of. Its
 * leases are good while that one answers: for lost_after_ms from the sending of the heartbeat that
 * was answered, which is never later than when the coordinator begins to count.
 */
#ifndef HL_AGENT_AGENT_H
#define HL_AGENT_AGENT_H

#include "agent/config.h"
#include "edge/actor/actor.h"
#include "edge/wire/link.h"
#include "edge/registry/cache.h"
#include "roles/kubernetes/kubernetes.h"

enum agent_message_kind {
    AGENT_STOP,
    /* to role; body: struct wire_message */
    AGENT_WORK,
    AGENT_CANCEL,
    AGENT_CHUNK,
    AGENT_LEASE, /* number: good until this time (monotonic milliseconds) */
    /* to session; body: struct wire_message for the leader */
    AGENT_SEND,
};

enum { AGENT_SLOTS = 8 };

struct session_context {
    const struct agent_config *config;
    const struct roster *roster;
    struct wire_link *link;
    struct mailbox *inbox;
    struct mailbox *role;
};
void *session_run(void *context);

struct role_context {
    struct destination destination;
    struct cache *charts;
    struct str cluster;
    struct mailbox *inbox;
    struct mailbox *session;
};
void *role_run(void *context);

/* A message of that kind holding a deep copy of m. */
struct msg *agent_message(int kind, const struct wire_message *m);

/*
 * The identity in dir/agent.key: loaded, or made and enrolled with the token. Blocks until a
 * coordinator has approved it; HL_EDENIED when it was refused, with the reason.
 */
HL_MUST int enrol(const struct agent_config *config, const struct roster *roster, struct arena *a,
                  struct identity *out, struct err *err);

#endif
