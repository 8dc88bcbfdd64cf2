/*
 * What the state machine should say: a second, tiny implementation of settings, sessions and
 * leases, fed with every committed command once, in order, by whichever member applies it first.
 * All others must then have the same state and the same answer at that index (digest of both).
 *
 *   13 a command takes effect at most once · 15 a state rebuilt equals the one before
 *   a compare-and-set compares · revisions are log indexes · an epoch is given once · a report is
 *   accepted only from the agent and under the epoch that hold the lease, and only once
 */
#ifndef HL_TESTS_SIM_MODEL_H
#define HL_TESTS_SIM_MODEL_H

#include "core/state/state.h"
#include "sim/check.h"
#include "sim/command.h"

enum { MODEL_CLIENTS = 8, MODEL_KEYS = 8, MODEL_AGENTS = 8, MODEL_APPS = 8 };

struct model_setting {
    uint64_t value; /* number_bytes; 0: there is no such key */
    uint64_t revision;
    uint64_t created;
    uint64_t version;
};

struct model_session {
    uint64_t sequence;
    uint64_t index; /* of the entry that took effect */
    int code;
};

struct model_app {
    bool is_leased;
    uint64_t agent;
    int64_t epoch;
    uint64_t input_hash;
};

struct model {
    struct model_setting setting[MODEL_KEYS + 1]; /* the last: FUTURE_KEY */
    struct model_session session[MODEL_CLIENTS];
    struct model_app app[MODEL_APPS];
    bool is_agent_active[MODEL_AGENTS];
    bool is_agent_alive[MODEL_AGENTS];
    int64_t epoch;    /* the last that was given */
    uint64_t *digest; /* of state and answer behind entry i, at i - 1 */
    uint64_t *state;  /* of the state alone */
    size_t count;
    size_t cap;
};

void model_deinit(struct model *m);

/* Entry `index` was applied with this result (NULL: it was no command); `state` is the hash of the
 * store behind it, which `kv` reads. */
void model_applied(struct model *m, struct check *k, uint64_t index, const struct command *c,
                   const struct state_result *result, uint64_t state, struct kv *kv,
                   struct arena *a);
/* A member stands at `index` with this state, by restart or snapshot. */
void model_stands(const struct model *m, struct check *k, uint64_t index, uint64_t state);

#endif
