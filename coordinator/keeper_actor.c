/*
 * The keeper actor writes the state to disk while everybody else goes on: checkpoints of our own
 * state, and the pieces of a leader's when we lag too far behind. Nobody waits for it, so the
 * others go before it when the processor is short.
 */
#include <errno.h>
#include <sys/resource.h>

#include "coordinator/actors.h"
#include "edge/actor/log.h"

struct keeper {
    struct keeper_context *c;
    struct install *install; /* under way; NULL: none */
    uint64_t install_id;     /* of its snapshot */
    struct str cursor;       /* heap: where its next piece begins */
};

static void run_checkpoint(struct keeper *k, struct checkpoint *checkpoint)
{
    struct msg *done = msg_new(MSG_CHECKPOINT_DONE, true);
    struct str *why = arena_one(done->arena, struct str);
    int64_t start_ms = clock_now_ms();
    struct err err;

    int r = checkpoint_run(checkpoint, &err);
    if (r < 0)
        log_error("the state cannot be written; it stays in memory and the log", "error=\"%s\"",
                  err.text);
    else
        log_info("checkpoint", "took_ms=%lld", (long long)(clock_now_ms() - start_ms));
    *why = r < 0 ? arena_dup(done->arena, str_from(err.text)) : STR_NONE;
    done->body = why;
    post_surely(k->c->boxes->fleet, done);
}

/* ---- pieces ---- */

static void say(struct keeper *k, enum raft_install_outcome outcome, uint64_t id)
{
    struct msg *m = msg_new(MSG_INSTALLED, true);
    struct raft_installed *installed = arena_one(m->arena, struct raft_installed);

    *installed = (struct raft_installed){outcome, id, arena_dup(m->arena, k->cursor)};
    m->body = installed;
    post_surely(k->c->boxes->mesh, m);
}

static void move_cursor(struct keeper *k, struct str cursor)
{
    struct str copy = cursor.len > 0 ? str_dup(cursor) : STR_NONE;

    str_free(k->cursor);
    k->cursor = copy;
}

static void let_go(struct keeper *k)
{
    install_close(k->install);
    k->install = NULL;
    move_cursor(k, STR_NONE);
}

/* Begins with the snapshot of this piece, unless it is under way already. */
static int begin(struct keeper *k, const struct raft_snapshot *snapshot, struct arena *a,
                 struct err *err)
{
    struct str cursor;

    if (k->install && k->install_id == snapshot->id)
        return 0;
    let_go(k);
    int r = install_open(k->c->dir, snapshot, &k->install, a, &cursor, err);
    if (r < 0)
        return r;
    k->install_id = snapshot->id;
    move_cursor(k, cursor);
    log_info("installing the leader's state", "index=%llu", (unsigned long long)snapshot->index);
    return 0;
}

static int store(struct keeper *k, const struct raft_install *piece, struct arena *a,
                 struct err *err)
{
    struct str next;

    int r = install_piece(k->install, piece->cursor, piece->data, a, &next, err);
    if (r == 0)
        move_cursor(k, next);
    if (r == 0 && piece->is_last)
        r = install_finish(k->install, err);
    return r;
}

static void hand_over(struct keeper *k)
{
    struct msg *m = msg_new(MSG_INSTALL_DONE, false);

    m->number = k->install_id;
    m->body = k->install;
    /* What a later life finds is whole, taken or not. */
    if (post_surely(k->c->boxes->fleet, m))
        k->install = NULL;
    let_go(k);
}

static void take_piece(struct keeper *k, const struct raft_install *piece, struct arena *a)
{
    bool is_question = piece->data.len == 0 && !piece->is_last;
    struct err err;

    int r = begin(k, &piece->snapshot, a, &err);
    if (r == 0 && !is_question)
        r = store(k, piece, a, &err);
    if (r < 0) {
        log_warn("a piece of the leader's state is refused", "error=\"%s\"", err.text);
        let_go(k);
        say(k, RAFT_PIECE_REFUSED, piece->snapshot.id);
    } else if (piece->is_last) {
        hand_over(k);
    } else {
        say(k, RAFT_PIECE_STORED, piece->snapshot.id);
    }
}

void *keeper_run(void *context)
{
    enum { KEEPER_NICE = 10 };
    struct keeper k = {.c = context};

    if (setpriority(PRIO_PROCESS, 0, KEEPER_NICE) != 0) /* on Linux: of this thread */
        log_warn("the keeper has the priority of the others", "errno=%d", errno);
    for (;;) {
        HL_CLEANUP(msg_freep) struct msg *m = mailbox_wait(k.c->boxes->keeper, -1);

        if (m->kind == MSG_STOP)
            break;
        if (m->kind == MSG_CHECKPOINT)
            run_checkpoint(&k, m->body);
        else if (m->kind == MSG_CHECKPOINT_OVER)
            checkpoint_free(m->body);
        else if (m->kind == MSG_INSTALL)
            take_piece(&k, m->body, m->arena);
    }
    let_go(&k);
    return NULL;
}
