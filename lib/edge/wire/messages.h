/*
 * What processes say to each other, as plain structs. proto/ holds the bytes; proto/README.md says
 * how they may change. Decoded messages live in the arena of the call and are validated: strings
 * are UTF-8 without NUL and within their limits (bodies and pieces: bytes of any kind), digests
 * have 32 bytes, enums are known values.
 */
#ifndef HL_EDGE_WIRE_MESSAGES_H
#define HL_EDGE_WIRE_MESSAGES_H

#include "core/raft/raft.h"
#include "core/state/command.h"
#include "edge/keys/keys.h"

enum {
    WIRE_NAME_MAX = 253,
    WIRE_TEXT_MAX = 4096,
    WIRE_LIST_MAX = 10000, /* entries, leases, objects */
    WIRE_ROLES_MAX = 64,
    WIRE_BLOB_CHUNK_MAX = 256 << 10,
    WIRE_KNOWN_MAX = 64, /* pairs */
};

enum wire_kind {
    WIRE_NONE = 0,
    /* peer door */
    WIRE_RAFT,
    WIRE_REFRESH, /* a webhook came: look at Git now */
    WIRE_STANDING,
    /* agent door, up */
    WIRE_HELLO,
    WIRE_HEARTBEAT,
    WIRE_REPORT,
    WIRE_BLOB_GET,
    /* agent door, down */
    WIRE_WELCOME,
    WIRE_WORK,
    WIRE_CANCEL,
    WIRE_REPORT_ACK,
    WIRE_BLOB_CHUNK,
    /* client door */
    WIRE_REQUEST,
    WIRE_REPLY,
    /* enrolment door */
    WIRE_ENROL,
    WIRE_ENROL_REPLY,
    WIRE_KIND_COUNT,
};
const char *wire_kind_name(enum wire_kind kind);

/* Between coordinators: coordinator/standing.h says what for. */
struct wire_standing {
    uint64_t store; /* number of the sender's store; in an answer, the one that was asked about */
    bool is_answer;
    bool is_refused;
    struct str known; /* what the sender remembers: (member u64, store u64) pairs, little-endian */
};

struct wire_hello {
    struct str node;
    struct str version;
    struct str boot_id;
    struct str *role;
    size_t role_count;
};

struct wire_lease {
    struct str key;
    uint64_t epoch;
};

struct wire_heartbeat {
    uint64_t sequence;
    uint32_t free_slots;
    uint64_t rss_bytes;
    struct wire_lease *lease; /* what the agent holds, running or waiting */
    size_t lease_count;
};

struct wire_object {
    struct str id;
    struct str digest;
    struct str handle;
};

enum wire_outcome { WIRE_OK = 1, WIRE_TRANSIENT, WIRE_PERMANENT, WIRE_SUPERSEDED };

struct wire_report {
    struct str key;
    uint64_t epoch;
    struct digest input;
    enum wire_outcome outcome;
    struct str message;
    struct str file; /* of the error, with line and column; empty if none */
    uint32_t line;
    uint32_t column;
    struct str commit;
    struct str health;
    struct wire_object *object; /* the ledger after this run */
    size_t object_count;
    int64_t took_ms;
    uint32_t changed_count;
    uint32_t pruned_count;
};

struct wire_blob_get {
    struct digest digest;
    uint64_t offset;
};

struct wire_welcome {
    uint64_t member;
    bool is_leader;
    uint64_t leader; /* 0 = unknown */
    uint64_t term;
    int64_t heartbeat_ms;
    int64_t lost_after_ms;
    uint64_t sequence; /* of the heartbeat that this answers; 0 for a hello */
};

struct wire_work {
    struct str key;
    uint64_t epoch;
    uint64_t term; /* of the leader that sends it */
    struct digest input;
    struct digest bundle;
    uint64_t bundle_bytes;
    struct str cluster;
    struct str commit;
    struct wire_object *ledger;
    size_t ledger_count;
    bool is_takeover;
    bool is_deletion;
    bool is_forced;
};

struct wire_cancel {
    struct str key;
    uint64_t epoch;
    struct str reason;
};

struct wire_report_ack {
    struct str key;
    uint64_t epoch;
    bool is_accepted;
    struct str reason;
};

struct wire_blob_chunk {
    struct digest digest;
    uint64_t offset;
    uint64_t total;
    struct str bytes;
    bool is_absent;
};

struct wire_request {
    uint64_t id;
    struct str client_id;
    uint64_t sequence;
    struct str method;
    struct str body; /* JSON; of some methods bytes, as proto/README.md says */
    bool is_stale_ok;
};

struct wire_reply {
    uint64_t id;
    int32_t code;        /* 0, or an enum hl_code */
    struct str error_id; /* "HL-NET-02"; empty if none */
    struct str error;
    struct str next; /* what to do */
    struct str file;
    uint32_t line;
    uint32_t column;
    struct str body; /* as the method says */
    uint64_t revision;
    int64_t age_ms;
    uint64_t leader; /* 0 = unknown */
    bool is_leader;
};

struct wire_enrol {
    struct str token_id;
    struct key agent_key;
    struct str node;
    struct digest proof;
};

enum wire_enrol_status { WIRE_ENROL_APPROVED = 1, WIRE_ENROL_REFUSED, WIRE_ENROL_RETRY };

struct wire_enrol_reply {
    enum wire_enrol_status status;
    struct str text;
};

struct wire_message {
    enum wire_kind kind;
    union {
        struct raft_message raft;
        struct wire_standing standing;
        struct wire_hello hello;
        struct wire_heartbeat heartbeat;
        struct wire_report report;
        struct wire_blob_get blob_get;
        struct wire_welcome welcome;
        struct wire_work work;
        struct wire_cancel cancel;
        struct wire_report_ack report_ack;
        struct wire_blob_chunk blob_chunk;
        struct wire_request request;
        struct wire_reply reply;
        struct wire_enrol enrol;
        struct wire_enrol_reply enrol_reply;
    };
};

/*
 * Appends the bytes of m; HL_ELIMIT for more than 1 MiB or WIRE_LIST_MAX elements. Two things are
 * mended instead of refused, because their sender would only repeat them: sentences for people are
 * cut to WIRE_TEXT_MAX and made UTF-8, and a Raft append of too many entries is cut to a head that
 * fits, which is a valid append too.
 */
HL_MUST int wire_encode(struct buf *out, const struct wire_message *m, struct err *err);

/*
 * The walk in front of the parser, over the wire format: HL_ELIMIT or HL_EINVAL when the bytes are
 * over 1 MiB, hold more than WIRE_FIELDS_MAX fields, are not well-formed or hold two bodies. The
 * schema nests three messages deep and no message contains itself, so that is also the deepest the
 * parser can go. Linear, without allocation. The flat form is for a message without messages in it
 * (Command).
 */
enum { WIRE_BYTES_MAX = 1 << 20, WIRE_FIELDS_MAX = 100000 };
HL_MUST int wire_prescan(struct str bytes, struct err *err);
HL_MUST int wire_prescan_flat(struct str bytes, struct err *err);

/* Pre-scan, parse, validate. HL_EINVAL or HL_ELIMIT; the message is then WIRE_NONE. Costs at most
 * 16 MiB of the arena beside the structs, for the worst message of 1 MiB. */
HL_MUST int wire_decode(struct str bytes, struct arena *a, struct wire_message *out,
                        struct err *err);

/* Log commands (core/state/command.h), the data of Raft entries. */
void wire_command_encode(struct buf *out, const struct command *c);
HL_MUST int wire_command_decode(struct str bytes, struct arena *a, struct command *out,
                                struct err *err);

/* Who may send what: a bit per role of the sender's key (decision D15). */
enum wire_role {
    WIRE_ROLE_PEER = 1,
    WIRE_ROLE_AGENT = 2,
    WIRE_ROLE_VIEWER = 4,
    WIRE_ROLE_OPERATOR = 8,
    WIRE_ROLE_ADMIN = 16,
    WIRE_ROLE_STRANGER = 32,    /* at the enrolment door: any key */
    WIRE_ROLE_COORDINATOR = 64, /* the other end of a link, known by the key of its door */
    WIRE_ROLE_ALL = 127,
};
bool wire_may_send(unsigned role, enum wire_kind kind);
/* WIRE_ROLE_* of "viewer", "operator", "admin", "agent"; 0 if unknown. */
unsigned wire_role_of(struct str name);

#endif
