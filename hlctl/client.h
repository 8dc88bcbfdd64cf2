/*
 * The connection to the mesh: one request, one answer, whoever leads.
 *
 * The coordinators of the context's roster are tried in turn, a short time each, until one answers
 * as leader or --timeout is over. A follower names the leader in its reply; that one is tried next.
 * Without a leader a read fails (HL-NET-02) unless --stale is given; then the freshest answer that
 * a follower gave counts, and its age is told. A change is sent again with the same client id and
 * sequence, so the mesh applies it once (decision D1); what is no command of the state machine has
 * no such session, and must say what shall be instead of what shall be done (raft.transfer names
 * its target).
 *
 * Who is silent is given up on: when nobody answers, or nobody leads, for 5 seconds, and the
 * leader when --timeout is over. Slow work (struct question) is waited for as long as a coordinator
 * that took the question may need, CLIENT_SLOW_MS, or --timeout if one is given; and nobody is
 * asked for it twice in that time.
 *
 * Threads: one. A client has one request under way at most.
 */
#ifndef HL_HLCTL_CLIENT_H
#define HL_HLCTL_CLIENT_H

#include "edge/keys/keys.h"
#include "hlctl/hlctl.h"

enum {
    CLIENT_TRY_MS = 1500,      /* how long one coordinator has to answer */
    CLIENT_SLOW_MS = 130000,   /* the same for slow work: it ends by itself after 120 s */
    CLIENT_AGE_TOLD_MS = 2000, /* answers older than this are remarked upon */
};

enum call_kind {
    CALL_READ,
    CALL_FRESH_READ, /* never from a follower, --stale or not */
    CALL_CHANGE,
};

/* What is asked, where client_call's form does not fit. */
struct question {
    enum call_kind kind;
    const char *method;
    struct str body; /* JSON, or the bytes that the method takes */
    bool is_bytes;   /* the answer's body is no JSON: it is in answer.bytes */
    bool is_slow;    /* the coordinator has to write much before it can answer */
};

struct answer {
    struct value *body; /* a map; NULL where bytes were asked for */
    struct str bytes;   /* where question.is_bytes */
    struct str next;    /* where the rest begins, if the method has one */
    uint64_t revision;  /* index of the last applied command the answer knows of */
    int64_t age_ms;     /* how old the knowledge is; 0 from a leader */
    bool is_from_leader;
    bool is_one_of_several; /* the question was sent more often than it was answered: an earlier one
                               may have been obeyed, too */
    struct str from;        /* name of the coordinator that answered */
    struct str leader;      /* name; empty if it knows none */
};

/*
 * Connects if needed, asks, and fills *out. `body` may be NULL for {}. Returns 0, or the exit code
 * with t filled; *out then has what the refusal says of its sender, and nothing if none came.
 * Remarks on stderr when the answer is old or not the leader's.
 */
int client_call(struct hlctl *h, enum call_kind kind, const char *method, struct value *body,
                struct answer *out, struct trouble *t);

/* The same for a question of any form. */
int client_ask(struct hlctl *h, const struct question *question, struct answer *out,
               struct trouble *t);

/* Starts the time of --timeout anew; for commands that go on for ever. */
void client_restart_clock(struct hlctl *h);
/* Milliseconds of --timeout that are left; 0 when over. */
int64_t client_left_ms(const struct hlctl *h);

/* Fingerprint of the mesh that the context trusts; connects if needed. */
int client_mesh_fingerprint(struct hlctl *h, struct str *out, struct trouble *t);

/* NULL with t filled when there is none to be trusted; connects if needed. */
const struct roster *client_roster(struct hlctl *h, struct trouble *t);

void client_free(struct client *c);

#endif
