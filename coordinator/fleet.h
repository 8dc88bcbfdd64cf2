/*
 * The fleet actor: applies the log to the state, and acts on what the state says. Internal to the
 * coordinator; its files:
 *
 *   fleet_actor.c  the loop, messages, office (becoming leader, ceasing to be)
 *   apply.c        log entries to state; what follows from each change
 *   base.c         checkpoints of the state, and states that a leader sent
 *   propose.c      commands on their way into the log
 *   wait.c         those who wait for an outcome
 *   plan.c         a compiled commit against the plan in force
 *   agents.c       the agents' door: heartbeats, work, reports, blobs; enrolment
 *   api.c          the clients' door: methods, roles, answers
 *   settings.c     kv.*: settings, and those who watch them
 *   members.c      raft.* and snapshot.*
 *   documents.c    the JSON documents that hlctl shows
 *
 * Everybody applies; only the leader proposes, schedules, sends work and answers reads that are not
 * `is_stale_ok`. All state here is soft: a new process or leader rebuilds it.
 *
 * A turn takes the messages that wait, then does what is due; what it says to agents, clients and
 * consensus leaves together at its end.
 */
#ifndef HL_COORDINATOR_FLEET_H
#define HL_COORDINATOR_FLEET_H

#include "coordinator/actors.h"
#include "core/state/state.h"
#include "edge/registry/lock.h"

enum {
    PENDING_MAX = 8192,
    PENDING_MS = 10000, /* who waited this long is told that the outcome is unknown */
    ENTRIES_A_TURN = 4096,
    MESSAGES_A_TURN = 64,
    LOST_HEARTBEATS = 3,
};

struct fleet;
struct pending;

/* One method of the clients' door. */
struct method {
    struct str name;
    unsigned roles;
    bool is_local; /* any coordinator answers for itself */
    bool is_read;  /* any coordinator answers who asks for an answer that may be stale */
    /* Answers, or makes somebody wait. */
    void (*start)(struct fleet *f, const struct method *method, const struct wire_inbound *in);
    const char *command; /* of a change */
    /* Answers a read once the state is new enough. */
    void (*serve)(struct fleet *f, const struct pending *p);
    /* Of most reads: the document that `serve` sends. */
    int (*document)(struct fleet *f, const struct value *body, struct value **out, struct err *err);
};

/* Answers p if it can be answered now, and then returns true: p is over. */
typedef bool (*wait_check)(struct fleet *f, struct pending *p);

/* Somebody waits: for a command to be applied, or for what `check` looks for. */
struct pending {
    struct pending *next;        /* in fleet.waiting */
    wait_check check;            /* NULL: a command, found by client id and sequence */
    const struct method *method; /* NULL: an enrolment */
    struct wire_connection to;
    uint64_t request_id;
    int64_t since_ms;
    int64_t lasts_ms;
    bool is_stale_ok;
    uint64_t tag;      /* what it was proposed or asked under; 0: never refused */
    uint64_t sequence; /* of the command */
    uint64_t wanted;   /* index, revision or member that `check` compares; 0: not known yet */
    struct str client_id;
    struct str body; /* of the request */
};

/* An agent as this coordinator hears it. */
struct heard {
    struct str node;
    int64_t at_ms;
    struct str version;
    char address[64];
    uint64_t rss_bytes;
    size_t lease_count;
};

/* Work that was sent, so that it can be sent again or called off. */
struct sent {
    struct str key;
    struct str node;
    uint64_t epoch;
    int64_t at_ms;
};

struct fleet {
    struct fleet_context *c;
    struct arena *scratch; /* of one turn */
    struct kv *kv;         /* of the state, or of the transaction that is open now */
    uint64_t applied;
    uint64_t applied_term;       /* of that entry */
    int64_t applied_ms;          /* when */
    uint64_t redo_bytes;         /* of the log, applied since the last checkpoint began */
    uint64_t told;               /* applied, and consensus knows */
    int64_t told_ms;             /* when it was told */
    struct raft_members members; /* in force there */
    uint64_t committed;
    bool is_current; /* everything that was committed before we came is applied */
    bool is_stopped; /* an entry cannot be applied; see alarm */
    struct str stop_reason;
    struct str disk_alarm;

    struct raft_status status;
    int64_t status_ms;
    bool is_leader;

    struct sched *sched;
    int64_t sched_due_ms;
    bool is_sched_due;

    struct map *commands;    /* client id -> struct pending */
    struct pending *waiting; /* for anything else */
    size_t waiting_count;
    bool is_read_asked;  /* this turn's reads need an index */
    int64_t expired_ms;  /* last look for those who waited too long */
    uint64_t turn_tag;   /* of all that is proposed or asked in this turn */
    uint64_t change_tag; /* of changes of members, each its own */

    struct msg *proposals; /* of this turn; NULL: none */
    struct msg *out;

    struct checkpoint *checkpoint; /* at the keeper's */
    struct str checkpoint_error;   /* of the last one; empty: it succeeded */
    int64_t checkpoint_failed_ms;  /* when */
    uint64_t base_wanted;          /* somebody waits for a base of this index or later */
    int64_t piece_asked_ms;        /* when a client last fetched a piece of the base */
    struct install *install;       /* to become the state when no checkpoint is out */
    uint64_t install_id;           /* of its snapshot */

    struct settings_feed *feed; /* the latest changes of settings */

    struct map *heard; /* node -> struct heard */
    struct map *sent;  /* key -> struct sent */

    struct msg *plan;      /* owned: the newest compiled commit, bundles stored already */
    int64_t plan_asked_ms; /* when its put or rejection was proposed; -1 */
    bool is_plan_settled;  /* in force, or rejected */
    struct str source_commit;
    struct str source_error;
    int64_t source_ms; /* last look that succeeded; -1 */

    struct str head_commit;
};

/* fleet_actor.c */
int64_t fleet_now(void);
void fleet_replace(struct str *field, struct str value); /* heap strings */
/* A place in what this turn sends; fill message (strings in fleet_out_arena). */
struct out *fleet_out(struct fleet *f);
struct arena *fleet_out_arena(struct fleet *f);

/* apply.c */
void apply_committed(struct fleet *f);
void admit_everybody(struct fleet *f);
/* What is in force, to the source actor. */
void tell_source(struct fleet *f);
void load_schedule(struct fleet *f);

/* base.c */
void base_step(struct fleet *f, int64_t now_ms);
void base_checkpoint_done(struct fleet *f, struct str why);
void base_take_install(struct fleet *f, struct install *install, uint64_t id);
void base_deinit(struct fleet *f);

/* propose.c */
/* Hands a command to consensus. client_id empty: nobody waits. */
void propose_bytes(struct fleet *f, const char *name, struct str author, struct str client_id,
                   uint64_t sequence, struct str body);
void propose_command(struct fleet *f, const char *name, struct str author, struct str client_id,
                     uint64_t sequence, const struct value *body);
void propose_flush(struct fleet *f);
void step_schedule(struct fleet *f, int64_t now_ms);

/* wait.c */
/* Who sent `in` waits from now on; NULL, and it was told so, if too many do. */
struct pending *wait_command(struct fleet *f, const struct method *method,
                             const struct wire_inbound *in, struct str client_id,
                             uint64_t sequence);
struct pending *wait_for(struct fleet *f, const struct method *method,
                         const struct wire_inbound *in, wait_check check);
/* As wait_for; `wanted` becomes the index at which everything acknowledged until now is applied. */
struct pending *wait_read(struct fleet *f, const struct method *method,
                          const struct wire_inbound *in, wait_check check);
/* For one that is proposed already; it may even be applied. */
void wait_proposed(struct fleet *f, const struct wire_inbound *in);
void wait_refused_command(struct fleet *f, const struct asked *asked, enum raft_refusal why);
void wait_refused(struct fleet *f, uint64_t tag, enum raft_refusal why);
void wait_applied(struct fleet *f, const struct command *c, const struct state_result *result);
void wait_read_ready(struct fleet *f, uint64_t tag, uint64_t index);
void wait_serve(struct fleet *f);
void wait_expire(struct fleet *f, int64_t now_ms);
void wait_deinit(struct fleet *f);

/* plan.c */
/* The archives that applications in force are made of. */
struct lock *charts_in_force(struct fleet *f);
void plan_take(struct fleet *f, struct msg *m);
void plan_propose(struct fleet *f, int64_t now_ms);

/* agents.c */
void handle_agent(struct fleet *f, const struct wire_inbound *in);
void handle_enrol(struct fleet *f, const struct wire_inbound *in);
void answer_enrol(struct fleet *f, const struct wire_connection *to, enum wire_enrol_status status,
                  struct str text);
void send_work(struct fleet *f, const struct state_app *app);
void call_off_work(struct fleet *f, struct str key, const struct state_app *now);
void send_report_ack(struct fleet *f, struct str node, struct str key, uint64_t epoch,
                     const struct state_result *result);

/* api.c */
void handle_request(struct fleet *f, const struct wire_inbound *in);
/* To whoever waits or just asked. Empty error_id: the usual one of the code. */
void answer_request(struct fleet *f, const struct wire_inbound *in, int code, const char *error_id,
                    struct str text);
void answer_error(struct fleet *f, const struct pending *p, int code, struct str text);
/* `reply` as filled; id, revision (unless set) and leader are added. */
void answer(struct fleet *f, const struct pending *p, const struct wire_reply *reply);
void answer_document(struct fleet *f, const struct pending *p, const struct value *document);
/* The request's JSON in f->scratch; a refusal is answered and returns NULL. */
struct value *request_body(struct fleet *f, const struct wire_inbound *in);
/* How old what we know is: nothing when we lead, else since the leader was last heard of. */
int64_t age_of_state(const struct fleet *f);

/* settings.c */
struct settings_feed *feed_new(void);
void feed_free(struct settings_feed *feed);
/* Remembers the change of `key` by the entry just applied, still inside its transaction. */
void feed_add(struct fleet *f, struct str key, uint64_t revision);
/* The state jumped to `index`: what happened in between is not known. */
void feed_reset(struct fleet *f, uint64_t index);
void kv_change_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);
void kv_get_serve(struct fleet *f, const struct pending *p);
void kv_list_serve(struct fleet *f, const struct pending *p);
void kv_watch_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);

/* members.c */
void raft_change_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);
void raft_transfer_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);
void base_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);
void raft_compact_serve(struct fleet *f, const struct pending *p);
void raft_status_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);
void snapshot_begin_serve(struct fleet *f, const struct pending *p);
void snapshot_piece_start(struct fleet *f, const struct method *m, const struct wire_inbound *in);

/* documents.c: 0 with a document, or HL_EABSENT, HL_EINVAL, or the store's failure */
HL_MUST int document_status(struct fleet *f, struct value **out, struct err *err);
HL_MUST int document_apps(struct fleet *f, struct value **out, struct err *err);
HL_MUST int document_app(struct fleet *f, struct str name, struct value **out, struct err *err);
HL_MUST int document_agents(struct fleet *f, struct value **out, struct err *err);
HL_MUST int document_events(struct fleet *f, int64_t after, int64_t limit, struct value **out,
                            struct err *err);
HL_MUST int document_members(struct fleet *f, struct value **out, struct err *err);
HL_MUST int document_tokens(struct fleet *f, struct value **out, struct err *err);

#endif
