/*
 * What the coordinator's actors say to each other. A body lies in the message's arena.
 *
 *   mesh ──PERSIST──► disk ──PERSISTED, DISK_FULL──► mesh
 *    │ ▲───PROPOSE, READ, APPLIED, CHANGE, TRANSFER, SNAPSHOT, OUT, ADMIT, EXPEL── fleet
 *    ├─┴──INBOUND, COMMITTED, STATUS, REFUSED, READ_READY──► fleet ──HEAD──► source ──PLAN──► fleet
 *    └──INSTALL──► keeper ──INSTALLED──► mesh   fleet ──CHECKPOINT, OVER──► keeper ──DONE──► fleet
 */
#ifndef HL_COORDINATOR_MESSAGES_H
#define HL_COORDINATOR_MESSAGES_H

#include "coordinator/charts.h"
#include "core/desired/desired.h"
#include "edge/actor/actor.h"
#include "edge/store/statedb.h"
#include "edge/wire/hub.h"

enum message_kind {
    MSG_STOP,
    /* to mesh: sockets */
    MSG_OUT,        /* body: struct out_batch */
    MSG_ADMIT,      /* body: struct admit */
    MSG_EXPEL,      /* body: struct admit */
    MSG_HINT_PEERS, /* tell the other coordinators to look at Git */
    /* to mesh: consensus */
    MSG_PROPOSE,   /* number: tag of all; body: struct proposals */
    MSG_READ,      /* number: tag */
    MSG_PERSISTED, /* number: sequence */
    MSG_APPLIED,   /* number: index */
    MSG_CHANGE,    /* number: tag; body: struct member_change */
    MSG_TRANSFER,  /* number: member, 0 for the best one */
    MSG_SNAPSHOT,  /* body: struct raft_snapshot, the new base */
    MSG_INSTALLED, /* body: struct raft_installed */
    MSG_DISK_FULL, /* number: 1 nothing can be written, 0 it can again */
    /* to disk */
    MSG_PERSIST, /* body: struct persist_batch */
    /* to keeper */
    MSG_CHECKPOINT,      /* body: struct checkpoint, whose turn it is to be written */
    MSG_CHECKPOINT_OVER, /* body: struct checkpoint, to be given back */
    MSG_INSTALL,         /* body: struct raft_install */
    /* to fleet */
    MSG_INBOUND,         /* body: struct inbound_batch from the agent, client and enrolment doors */
    MSG_COMMITTED,       /* number: index: committed and durable here */
    MSG_STATUS,          /* body: struct raft_status */
    MSG_REFUSED,         /* number: tag; body: struct refusal */
    MSG_READ_READY,      /* number: tag; body: uint64_t, the index to wait for */
    MSG_PLAN,            /* body: struct plan */
    MSG_SOURCE,          /* body: struct source_state */
    MSG_DISK,            /* body: struct str: why the disk takes nothing; empty: it does again */
    MSG_CHECKPOINT_DONE, /* body: struct str: what went wrong; empty: nothing */
    MSG_INSTALL_DONE,    /* number: id of the snapshot; body: struct install, verified and durable,
                            the receiver's now */
    /* to source */
    MSG_REFRESH, /* a webhook came */
    MSG_HEAD,    /* body: struct source_head */
};

struct inbound_batch {
    struct wire_inbound *item;
    size_t count;
    size_t cap;
    struct wire_inbound *proposed; /* changes that are on their way already (direct.h) */
    size_t proposed_count;
    size_t proposed_cap;
};

/* One change of a client. */
struct asked {
    struct str client_id;
    uint64_t sequence;
};

/* Either of what has the tag of the message, or of those who asked. */
struct refusal {
    enum raft_refusal why;
    const struct asked *asked;
    size_t asked_count;
};

/* To an agent by its name, or to whoever asked. */
struct out {
    struct str agent; /* empty: to */
    struct wire_connection to;
    struct wire_message message;
};

struct out_batch {
    struct out *item;
    size_t count;
    size_t cap;
};

struct proposals {
    struct str *data;
    size_t count;
    size_t cap;
    struct asked *asked; /* by the mesh actor for these; NULL: by the fleet actor */
    size_t asked_count;
    size_t asked_cap;
};

struct persist_batch {
    struct raft_persist *item; /* in order */
    size_t count;
    size_t cap;
};

struct member_change {
    enum raft_change op;
    uint64_t member;
};

struct admit {
    enum door door;
    struct key key;
    struct str name;
    struct str role;
};

/* What is in force. */
struct source_head {
    struct str commit;
    struct str charts; /* lines of a charts.lock: archives that applications are made of */
};

/* A compiled commit. */
struct plan {
    struct arena *archives; /* holds `archive`; owned, freed once they are stored */
    const struct archive *archive;
    size_t archive_count;
    struct str subject;
    struct str author;
    int64_t time_ms;
    bool is_rewound;
    struct str republished; /* charts_alarm */
    struct desired_plan desired;
};

/* How the last look at Git went. */
struct source_state {
    struct str commit; /* of the remote's branch; empty when it could not be read */
    struct str error;  /* empty when it could */
};

/* The mailboxes of all actors; a post to one that is closed is dropped. */
struct boxes {
    struct mailbox *mesh;
    struct mailbox *disk;
    struct mailbox *keeper;
    struct mailbox *fleet;
    struct mailbox *source;
};

/* Posts what must not be lost: waits for room, and frees m when the receiver is gone (then
 * false). */
bool post_surely(struct mailbox *box, struct msg *m);

#endif
