/*
 * The fleet actor: applies the log to the state, and acts on what the state says. Internal to the
 * coordinator; its files:
 *
 *   fleet_actor.c  the loop, messages, office (becoming leader, ceasing to be)
 *   apply.c        log entries to state; what follows from each change
 *   propose.c      commands, and who waits for their outcome
 *   plan.c         a compiled commit against the plan in force
 *   agents.c       the agents' door: heartbeats, work, reports, blobs; enrolment
 *   api.c          the clients' door: methods, roles, reads that wait for the log
 *   documents.c    the JSON documents that hlctl shows
 *
 * Everybody applies; only the leader proposes, schedules, sends work and answers reads that are not
 * `is_stale_ok`. All state here is soft: a new process or leader rebuilds it.
 */
#ifndef HL_COORDINATOR_FLEET_H
#define HL_COORDINATOR_FLEET_H

#include "coordinator/actors.h"
#include "core/state/state.h"

enum {
    PENDING_MAX = 4096,
    PENDING_MS = 10000, /* who waited this long is told that the outcome is unknown */
    ENTRIES_A_TURN = 256,
    LOST_HEARTBEATS = 3,
};

/* Somebody waits for a command to be applied, or for a read index. */
struct pending {
    uint64_t tag;
    int64_t since_ms;
    struct msg *inbound;  /* owned: the request or enrolment */
    struct str client_id; /* of the command, in inbound's arena; empty for a read */
    uint64_t sequence;
    uint64_t read_index; /* 0: not known yet */
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
    struct kv kv;          /* of the view or transaction that is open now */
    uint64_t applied;
    uint64_t committed;
    bool is_stopped; /* an entry cannot be applied; see alarm */
    struct str stop_reason;
    struct str disk_alarm;

    struct raft_status status;
    int64_t status_ms;
    bool is_leader;

    struct sched *sched;
    int64_t sched_due_ms;
    bool is_sched_due;

    struct pending pending[PENDING_MAX];
    size_t pending_count;
    uint64_t next_tag;

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

/* apply.c */
void apply_committed(struct fleet *f);
void admit_everybody(struct fleet *f);
void load_schedule(struct fleet *f);

/* propose.c */
/* Hands a command to consensus; body is a map. client_id empty: nobody waits. */
void propose_command(struct fleet *f, const char *name, struct str author, struct str client_id,
                     uint64_t sequence, const struct value *body, uint64_t tag);
struct pending *pending_add(struct fleet *f, struct msg **inbound, struct str client_id,
                            uint64_t sequence);
void pending_drop(struct fleet *f, struct pending *p);
void pending_refused(struct fleet *f, uint64_t tag, enum raft_refusal why);
void pending_applied(struct fleet *f, const struct command *c, const struct state_result *result);
void pending_read_ready(struct fleet *f, uint64_t tag, uint64_t index);
void pending_serve_reads(struct fleet *f);
void pending_expire(struct fleet *f, int64_t now_ms);
void step_schedule(struct fleet *f, int64_t now_ms);

/* plan.c */
void plan_take(struct fleet *f, struct msg *m);
void plan_propose(struct fleet *f, int64_t now_ms);

/* agents.c */
void handle_agent(struct fleet *f, const struct wire_inbound *in);
void handle_enrol(struct fleet *f, struct msg **m);
void answer_enrol(struct fleet *f, const struct wire_inbound *in, enum wire_enrol_status status,
                  struct str text);
void send_work(struct fleet *f, const struct state_app *app);
void call_off_work(struct fleet *f, struct str key, const struct state_app *now);
void send_report_ack(struct fleet *f, struct str node, struct str key, uint64_t epoch,
                     const struct state_result *result);

/* api.c */
void handle_request(struct fleet *f, struct msg **m);
void answer_read(struct fleet *f, const struct wire_inbound *in);
void answer_result(struct fleet *f, const struct wire_inbound *in, int code, struct str text,
                   struct str body);
void answer_error(struct fleet *f, const struct wire_inbound *in, int code, const char *error_id,
                  struct str text);

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
