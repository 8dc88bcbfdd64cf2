/*
 * A state machine in a test's hand: commands as one-line JSON, answers as codes.
 *
 * Threads: none.
 */
#ifndef HL_TESTS_SUPPORT_FLEET_STATE_H
#define HL_TESTS_SUPPORT_FLEET_STATE_H

#include "core/state/state.h"
#include "support/kv_array.h"

struct fleet_state {
    struct kv_array store;
    struct arena *arena; /* grows until the end of the test */
    int64_t wall_ms;
    uint64_t index;             /* of the last log entry */
    struct state_result result; /* of the last command */
};

void fleet_state_init(struct fleet_state *f);
void fleet_state_deinit(struct fleet_state *f);

/* Applies; returns the refusal's code or 0. A failure of the state machine ends the test. The body
 * may use ' for ". */
int fleet_apply(struct fleet_state *f, const char *name, const char *body_fmt, ...) HL_PRINTF(3, 4);
/* The same, and a refusal must not have changed the store. */
int fleet_refused(struct fleet_state *f, const char *name, const char *body_fmt, ...)
    HL_PRINTF(3, 4);
/* The app; `name` is empty if there is none. */
struct state_app fleet_app(struct fleet_state *f, const char *name);
struct state_agent fleet_agent(struct fleet_state *f, const char *node);
struct digest fleet_digest(struct fleet_state *f);
/* The type of the newest event, "" if there is none. */
const char *fleet_last_event(struct fleet_state *f);

/* An enrolled, living agent. */
void fleet_add_agent(struct fleet_state *f, const char *node);
/* An applicable app with this input, put on top of what is in force. */
void fleet_put_app(struct fleet_state *f, const char *name, const char *input);
/* Assigns the app's present input; returns the epoch of the lease. */
int64_t fleet_lease(struct fleet_state *f, const char *name, const char *node);
/* A good report of one object under the present lease; returns the code. */
int fleet_report_ok(struct fleet_state *f, const char *name);

#endif
