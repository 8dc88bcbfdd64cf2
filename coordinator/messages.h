/*
 * What the coordinator's actors say to each other. A body lies in the message's arena.
 *
 *   net ──RAFT, PEER_LOST──► consensus ──PERSIST──► disk
 *    │                          │  ▲◄──PERSISTED──────┘
 *    │◄──────SEND_PEER──────────┘  │ PROPOSE, READ, APPLIED
 *    ├──INBOUND──────────────────► fleet ◄──COMMITTED, STATUS, REFUSED, READ_READY── consensus
 *    │◄──SEND_AGENT, ANSWER, ADMIT, EXPEL──┘  ▲──HEAD──► source ──PLAN, SOURCE──► fleet
 *    └──REFRESH──► source ◄──REFRESH── web
 */
#ifndef HL_COORDINATOR_MESSAGES_H
#define HL_COORDINATOR_MESSAGES_H

#include "core/desired/desired.h"
#include "edge/actor/actor.h"
#include "edge/wire/hub.h"

enum message_kind {
    MSG_STOP,
    /* to net */
    MSG_SEND_PEER,  /* body: struct raft_batch */
    MSG_SEND_AGENT, /* body: struct to_agent */
    MSG_ANSWER,     /* body: struct answer */
    MSG_ADMIT,      /* body: struct admit */
    MSG_EXPEL,      /* body: struct admit */
    MSG_HINT_PEERS, /* tell the other coordinators to look at Git */
    /* to consensus */
    MSG_RAFT,      /* body: struct raft_message */
    MSG_PEER_LOST, /* number: member */
    MSG_PROPOSE,   /* number: tag; body: struct str, the entry's data */
    MSG_READ,      /* number: tag */
    MSG_PERSISTED, /* number: sequence */
    MSG_APPLIED,   /* number: index */
    /* to disk */
    MSG_PERSIST, /* body: struct raft_persist */
    /* to fleet */
    MSG_INBOUND,    /* body: struct wire_inbound from the agent, client or enrolment door */
    MSG_COMMITTED,  /* number: index: committed and durable here */
    MSG_STATUS,     /* body: struct raft_status */
    MSG_REFUSED,    /* number: tag; body: enum raft_refusal */
    MSG_READ_READY, /* number: tag; body: uint64_t, the index to wait for */
    MSG_PLAN,       /* body: struct plan */
    MSG_SOURCE,     /* body: struct source_state */
    MSG_DISK,       /* body: struct str: why the disk takes nothing; empty: it does again */
    /* to source */
    MSG_REFRESH, /* a webhook came */
    MSG_HEAD,    /* body: struct str: the commit in force */
};

struct raft_batch {
    struct raft_message *message;
    size_t count;
};

struct to_agent {
    struct str name;
    struct wire_message message;
};

struct answer {
    struct wire_connection to;
    struct wire_message message;
};

struct admit {
    enum door door;
    struct key key;
    struct str name;
    struct str role;
};

/* A compiled commit. */
struct plan {
    struct str subject;
    struct str author;
    int64_t time_ms;
    bool is_rewound;
    struct desired_plan desired;
};

/* How the last look at Git went. */
struct source_state {
    struct str commit; /* of the remote's branch; empty when it could not be read */
    struct str error;  /* empty when it could */
};

/* The mailboxes of all actors; a post to one that is closed is dropped. */
struct boxes {
    struct mailbox *net;
    struct mailbox *consensus;
    struct mailbox *disk;
    struct mailbox *fleet;
    struct mailbox *source;
};

#endif
