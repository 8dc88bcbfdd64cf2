/* What the command files of core/state share. Not for others. */
#ifndef HL_CORE_STATE_STATE_INTERNAL_H
#define HL_CORE_STATE_STATE_INTERNAL_H

#include "core/state/state.h"

struct verb;

struct apply {
    struct kv *kv;
    uint64_t index; /* of the log entry */
    const struct command *command;
    const struct verb *verb;
    const struct value *body; /* a map; NULL where the body is bytes */
    struct arena *arena;
    struct state_result *result;
    struct err *err;
};

struct str key_of(struct arena *a, const char *prefix, struct str name);
void note_change(struct apply *x, enum state_change_kind kind, struct str name);
/* Sets the result's refusal; returns 0, because a refusal is no failure. */
int refuse(struct apply *x, int code, const char *fmt, ...) HL_PRINTF(3, 4);
HL_MUST int add_event(struct apply *x, const char *type, struct str object, const char *fmt, ...)
    HL_PRINTF(4, 5);
/* An epoch that no lease had before. */
HL_MUST int take_epoch(struct apply *x, int64_t *out);
/* At most STATE_TEXT_MAX bytes of s, not cut inside a character. */
struct str shorten(struct str s);
HL_MUST int put_app(struct apply *x, const struct state_app *app);
HL_MUST int drop_app(struct apply *x, struct str name);

/* session.c: runs it unless its answer is remembered, and remembers the answer. */
HL_MUST int run_in_session(struct apply *x, int (*run)(struct apply *x));
/* Counts a new session, or says that there are STATE_SESSIONS_MAX already. */
HL_MUST int count_session(struct apply *x, bool *out_is_full);

int apply_setting_put(struct apply *x);
int apply_setting_delete(struct apply *x);
int apply_desired_put(struct apply *x);
int apply_desired_reject(struct apply *x);
int apply_work_assign(struct apply *x);
int apply_work_report(struct apply *x);
int apply_app_sync(struct apply *x);
int apply_agent_enroll(struct apply *x);
int apply_agent_revoke(struct apply *x);
int apply_agent_state(struct apply *x);
int apply_token_create(struct apply *x);
int apply_token_strike(struct apply *x);
int apply_token_revoke(struct apply *x);
int apply_alarm_set(struct apply *x);
int apply_alarm_clear(struct apply *x);

#endif
