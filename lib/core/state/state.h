/*
 * The replicated state: what the log means (decision D1).
 *
 * state_apply is a deterministic function of store and command; every coordinator runs it on every
 * committed entry, in order. It uses no clock but the command's, no randomness, no order but the
 * store's. What it refuses, it refuses everywhere alike: a refusal is a result, not a failure.
 *
 * Applications and their work
 *
 *            desired.put (new input), app.sync
 *     ┌───────────────────────────────────────────────┐
 *     │                    ▼                          │
 *   idle ◄── ok ── leased ◄── work.assign ── pending ──┘
 *     ▲              │ transient: waiting (back-off), then as pending
 *     │              │ permanent: failed, until a new input or app.sync
 *     └ not applicable (unsupported, error)
 *
 * A lease is (agent, epoch); each work.assign takes an epoch that no lease of the mesh ever had, so
 * an application that is removed and comes back never meets an old one. A report is accepted only
 * from the agent and under the epoch of the present lease: the fence of D5. A
 * newer input takes the lease away at once; an agent that is lost loses all of its leases; whoever
 * gets such work next is told (`takeover`), because the former holder may still be writing.
 *
 * Keys: app/<name> ledger/<name> agent/<node> key/<key> token/<id> event/<number> alarm/<name>
 * setting/<key> session/<client> sessionlru/<index> meta/desired meta/rejected meta/counters
 * stage/<part>. Values: JSON with sorted keys; of settings and sessions, which are written often,
 * the bytes of setting.h and session.c.
 *
 * A client's session remembers its last command and the answer; STATE_SESSIONS_MAX clients are
 * remembered, those that were silent longest (in steps of SESSION_MARK_ENTRIES entries) go first. A
 * client keeps one command at a time in flight.
 *
 * Threads: pure apart from the store. Limits: as in command.h; STATE_EVENTS_MAX events are kept,
 * STATE_SESSIONS_MAX client sessions; names of STATE_NAME_MAX bytes, client ids of
 * STATE_CLIENT_MAX. Texts of events and failures are cut at STATE_TEXT_MAX bytes.
 */
#ifndef HL_CORE_STATE_STATE_H
#define HL_CORE_STATE_STATE_H

#include "core/state/command.h"
#include "core/state/record.h"

enum { STATE_EVENTS_MAX = 2000, STATE_SESSIONS_MAX = 10000, STATE_TOKEN_STRIKES = 3 };
#define STATE_TOKEN_TTL_MAX_MS ((int64_t)366 * 24 * 3600 * 1000)
enum {
    STATE_NAME_MAX = KV_KEY_MAX - 16,
    STATE_CLIENT_MAX = 128,
    STATE_TEXT_MAX = 1000,
    STATE_PARTS_MAX = 10000
};
enum { STATE_BACKOFF_BASE_MS = 5000, STATE_BACKOFF_MAX_MS = 600000 };

struct state_app {
    /* from desired.put */
    struct str name;
    struct str addon;
    struct str cluster;
    struct str namespace;
    struct str project;
    struct str kind;   /* "manifest", "helm" */
    struct str status; /* "applicable", "unsupported", "error" */
    struct str reason; /* why it is not applicable, or the error */
    struct str input;  /* hex digest of what shall be true */
    struct str bundle; /* hex digest of the bytes to render */
    int64_t bundle_bytes;
    struct str charts; /* archives that the bundle names: lines of a charts.lock */
    struct str commit; /* that brought this input */
    struct str file;   /* of an error */
    int64_t line;
    int64_t column;
    bool preserve; /* leaving the plan leaves its objects */
    bool deleting; /* left the plan: its objects are being pruned */
    /* the work */
    struct str phase; /* "idle", "pending", "leased", "waiting", "failed" */
    struct str agent; /* holder, or the last one */
    int64_t epoch;    /* of the last lease; 0: there was none */
    bool takeover;
    bool forced;
    int64_t attempt;
    int64_t not_before_ms; /* wall clock; of "waiting" */
    /* the last report */
    struct str applied_input;
    struct str applied_commit;
    int64_t
        applied_epoch; /* of the lease that applied it; a later lease may have begun other work */
    struct str health;
    struct str message; /* of the last failure */
    int64_t since_ms;   /* wall clock of the last change of phase or input */
    int64_t took_ms;
    int64_t changed;
    int64_t pruned;
    int64_t object_count;
};

struct state_agent {
    struct str node;
    struct str key;    /* Z85 */
    struct str roles;  /* comma-separated */
    struct str status; /* "active", "revoked" */
    struct str state;  /* "alive", "lost"; only transitions are replicated (D2) */
    int64_t enrolled_ms;
    int64_t since_ms;
    struct str reason;
};

struct state_token {
    struct str id;
    struct str hash; /* hex */
    struct str roles;
    struct str node; /* empty: any */
    int64_t expires_ms;
    int64_t uses; /* left */
    int64_t strikes;
    struct str author;
};

struct state_event {
    int64_t index;
    int64_t time_ms;
    struct str author;
    struct str type; /* "app.synced", "agent.lost", ... */
    struct str object;
    struct str text;
};

struct state_head {
    struct str commit;
    struct str subject;
    struct str author;
    int64_t commit_time_ms;
    int64_t put_ms;
    int64_t app_count;
    struct str failed; /* names of the apps in error, comma-separated */
};

struct state_rejected {
    struct str commit;
    struct str subject;
    int64_t time_ms;
    struct str errors; /* JSON list of {app, text, file, line, column} */
};

struct state_alarm {
    struct str name;
    struct str text;
    int64_t since_ms;
};

extern const struct record_type state_app_type;
extern const struct record_type state_agent_type;
extern const struct record_type state_token_type;
extern const struct record_type state_event_type;
extern const struct record_type state_head_type;
extern const struct record_type state_rejected_type;
extern const struct record_type state_alarm_type;

enum state_change_kind {
    STATE_APP_CHANGED, /* name: look at app/<name>; it may be gone */
    STATE_AGENT_CHANGED,
    STATE_DESIRED_CHANGED,
    STATE_EVENT_ADDED,
    STATE_SETTING_CHANGED, /* name: the key; look at it, it may be gone */
};

struct state_change {
    enum state_change_kind kind;
    struct str name;
};

struct state_result {
    int code;          /* 0, or the hl_code of a refusal */
    struct str text;   /* of a refusal */
    struct str body;   /* JSON answer, may be empty */
    uint64_t revision; /* index of the entry that was applied: of a retry, that of the first time */
    struct state_change *change;
    size_t change_count;
    size_t change_cap;
};

/*
 * Applies the command of log entry `index`. 0 with a result, and after a refusal nothing has
 * changed but the client's session; HL_EUNSUPPORTED for a command that this version does not know
 * (the caller stops applying, loudly); or the store's failure (the transaction is given up).
 */
HL_MUST int state_apply(struct kv *kv, uint64_t index, const struct command *c, struct arena *a,
                        struct state_result *out, struct err *err);

/* ---- reading ---- */

HL_MUST int state_app_get(struct kv *kv, struct str name, struct arena *a, struct state_app *out,
                          struct err *err);
HL_MUST int state_agent_get(struct kv *kv, struct str node, struct arena *a,
                            struct state_agent *out, struct err *err);
HL_MUST int state_token_get(struct kv *kv, struct str id, struct arena *a, struct state_token *out,
                            struct err *err);
HL_MUST int state_head_get(struct kv *kv, struct arena *a, struct state_head *out, struct err *err);
HL_MUST int state_rejected_get(struct kv *kv, struct arena *a, struct state_rejected *out,
                               struct err *err);
/* The ledger of an app as a JSON list of {id, digest, handle}; KV_ABSENT when there is none. */
HL_MUST int state_ledger_get(struct kv *kv, struct str name, struct arena *a, struct value **out,
                             struct err *err);
/* Iteration: cursor empty at first; KV_FOUND or KV_ABSENT at the end. */
HL_MUST int state_app_next(struct kv *kv, struct str *cursor, struct arena *a,
                           struct state_app *out, struct err *err);
HL_MUST int state_agent_next(struct kv *kv, struct str *cursor, struct arena *a,
                             struct state_agent *out, struct err *err);
HL_MUST int state_token_next(struct kv *kv, struct str *cursor, struct arena *a,
                             struct state_token *out, struct err *err);
HL_MUST int state_alarm_next(struct kv *kv, struct str *cursor, struct arena *a,
                             struct state_alarm *out, struct err *err);
HL_MUST int state_event_next(struct kv *kv, struct str *cursor, struct arena *a,
                             struct state_event *out, struct err *err);
/* The cursor behind event `index`. */
struct str state_event_cursor(struct arena *a, int64_t index);

/* Argo CD's words, and why: an app that is not applicable is never Synced (D11). */
const char *state_app_sync(const struct state_app *app); /* "Synced", "OutOfSync", "Unknown" */
struct str state_app_reason(const struct state_app *app, struct arena *a);
/* True if the key was revoked and may never enrol again. */
HL_MUST int state_key_is_revoked(struct kv *kv, struct str key, struct err *err);

/* SHA-256 over all keys and values in order: equal on members that applied the same log. */
HL_MUST int state_digest(struct kv *kv, struct digest *out, struct err *err);

#endif
