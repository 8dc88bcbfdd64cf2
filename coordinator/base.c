/*
 * The base of the state: checkpoints, which the keeper actor writes and which let the log be
 * dropped, and bases that came from the leader because we lagged behind its log.
 */
#include "coordinator/fleet.h"

#include "edge/actor/log.h"

enum {
    QUIET_MS = 1000, /* without a change: memory is given back */
    FAILED_PAUSE_MS = 10000,
    FETCH_PAUSE_MS = 5000, /* after a piece, the base of a client that fetches it stays ... */
    FETCH_FACTOR = 4,      /* ... until there are so many times more changes */
};

/* ---- our own ---- */

static bool is_worth_it(const struct fleet *f, int64_t now_ms)
{
    bool is_quiet = now_ms - f->applied_ms > QUIET_MS;
    bool is_fetched = now_ms - f->piece_asked_ms < FETCH_PAUSE_MS;
    unsigned need = statedb_checkpoint_need(f->c->db, f->redo_bytes, is_quiet);

    return need >= (is_fetched ? FETCH_FACTOR * 100 : 100);
}

/* A joiner does not know the members before it has applied an entry that names them. */
static void start_checkpoint(struct fleet *f)
{
    if (f->members.count == 0)
        return;
    f->checkpoint = statedb_freeze(f->c->db, f->applied_term, &f->members);
    if (!f->checkpoint)
        return;
    f->redo_bytes = 0;
    struct msg *m = msg_new(MSG_CHECKPOINT, false);
    m->body = f->checkpoint;
    if (!post_surely(f->c->boxes->keeper, m)) {
        statedb_adopt(f->c->db, f->checkpoint); /* it did not run */
        checkpoint_free(f->checkpoint);
        f->checkpoint = NULL;
    }
}

/* The keeper gives it back: nobody waits for that actor. */
static void end_checkpoint(struct fleet *f)
{
    struct msg *m = msg_new(MSG_CHECKPOINT_OVER, false);

    m->body = f->checkpoint;
    if (!post_surely(f->c->boxes->keeper, m))
        checkpoint_free(f->checkpoint);
    f->checkpoint = NULL;
}

void base_checkpoint_done(struct fleet *f, struct str why)
{
    statedb_adopt(f->c->db, f->checkpoint);
    end_checkpoint(f);
    fleet_replace(&f->checkpoint_error, why);
    if (why.len > 0) {
        f->checkpoint_failed_ms = fleet_now();
        return;
    }
    struct msg *m = msg_new(MSG_SNAPSHOT, true);
    struct raft_snapshot *base = arena_one(m->arena, struct raft_snapshot);
    *base = *statedb_base(f->c->db);
    m->body = base;
    post_surely(f->c->boxes->mesh, m);
}

/* ---- a leader's ---- */

void base_take_install(struct fleet *f, struct install *install, uint64_t id)
{
    install_close(f->install); /* an older one, overtaken */
    f->install = install;
    f->install_id = id;
}

static void tell_consensus(struct fleet *f, enum raft_install_outcome outcome, uint64_t id)
{
    struct msg *m = msg_new(MSG_INSTALLED, true);
    struct raft_installed *installed = arena_one(m->arena, struct raft_installed);

    *installed = (struct raft_installed){.outcome = outcome, .id = id};
    m->body = installed;
    post_surely(f->c->boxes->mesh, m);
}

static void adopt_install(struct fleet *f)
{
    struct install *install = f->install;
    uint64_t id = f->install_id;
    struct err err;

    f->install = NULL;
    if (statedb_adopt_install(f->c->db, install, &err) < 0) {
        log_error("the leader's state cannot be taken over", "error=\"%s\"", err.text);
        tell_consensus(f, RAFT_PIECE_REFUSED, id);
        return;
    }
    const struct raft_snapshot *base = statedb_base(f->c->db);
    log_info("the leader's state is in force", "index=%llu", (unsigned long long)base->index);
    f->applied = f->told = base->index;
    f->applied_term = base->term;
    f->members = base->members;
    if (f->committed < f->applied)
        f->committed = f->applied;
    feed_reset(f, f->applied);
    admit_everybody(f);
    tell_consensus(f, RAFT_BASE_INSTALLED, id);
}

/* ---- what is due ---- */

void base_step(struct fleet *f, int64_t now_ms)
{
    if (f->checkpoint)
        return;
    if (f->install)
        adopt_install(f);
    if (f->checkpoint_error.len > 0 && now_ms - f->checkpoint_failed_ms < FAILED_PAUSE_MS)
        return;
    if (statedb_base(f->c->db)->index < f->base_wanted || is_worth_it(f, now_ms))
        start_checkpoint(f);
}

void base_deinit(struct fleet *f)
{
    if (f->checkpoint)
        statedb_adopt(f->c->db, f->checkpoint);
    checkpoint_free(f->checkpoint);
    install_close(f->install);
    str_free(f->checkpoint_error);
}
