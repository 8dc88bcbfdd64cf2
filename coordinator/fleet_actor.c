/* The loop: the messages that wait, what follows from them, then whatever is due. */
#include "coordinator/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "edge/actor/log.h"

enum { OUT_BYTES = 1 << 20, TELL_MS = 50 };

int64_t fleet_now(void)
{
    return clock_now_ms();
}

void fleet_replace(struct str *field, struct str value)
{
    struct str copy = value.len ? str_dup(value) : STR_NONE;

    str_free(*field);
    *field = copy;
}

static void forget_sent(struct fleet *f)
{
    while (map_count(f->sent) > 0) {
        struct sent *s = map_remove(f->sent, map_key_at(f->sent, 0));
        str_free(s->key);
        str_free(s->node);
        free(s);
    }
}

/* ---- what a turn sends ---- */

struct arena *fleet_out_arena(struct fleet *f)
{
    if (!f->out) {
        f->out = msg_new(MSG_OUT, true);
        f->out->body = arena_one(f->out->arena, struct out_batch);
    }
    return f->out->arena;
}

struct out *fleet_out(struct fleet *f)
{
    struct arena *a = fleet_out_arena(f);
    struct out_batch *batch = f->out->body;

    ARENA_PUSH(a, batch->item, batch->count, batch->cap, (struct out){0});
    return &batch->item[batch->count - 1];
}

static void flush_out(struct fleet *f)
{
    if (f->out)
        mailbox_post_or_drop(f->c->boxes->mesh, f->out); /* everybody repeats what was lost */
    f->out = NULL;
}

static void flush_read(struct fleet *f)
{
    if (!f->is_read_asked)
        return;
    struct msg *m = msg_new(MSG_READ, false);
    m->number = f->turn_tag;
    f->is_read_asked = false;
    if (!mailbox_post_or_drop(f->c->boxes->mesh, m))
        wait_refused(f, f->turn_tag, RAFT_REFUSED_FULL);
}

/* For the status alone: it wakes nobody for every entry. */
static void tell_applied(struct fleet *f)
{
    if (f->told == f->applied || fleet_now() - f->told_ms < TELL_MS)
        return;
    struct msg *m = msg_new(MSG_APPLIED, false);
    m->number = f->applied;
    if (mailbox_post_or_drop(f->c->boxes->mesh, m))
        f->told = f->applied;
    f->told_ms = fleet_now();
}

/* Those who wait come first: the mesh actor may wake at the first of these. */
static void end_turn(struct fleet *f)
{
    flush_out(f);
    propose_flush(f);
    flush_read(f);
    tell_applied(f);
    f->turn_tag++;
    arena_reset(f->scratch);
}

/* ---- office ---- */

static void take_office(struct fleet *f)
{
    log_info("leading", "term=%llu applied=%llu", (unsigned long long)f->status.term,
             (unsigned long long)f->applied);
    forget_sent(f);
    load_schedule(f);
    f->plan_asked_ms = -1;
    f->is_plan_settled = false;
    f->is_sched_due = true;
}

static void leave_office(struct fleet *f)
{
    log_info("no longer leading", "term=%llu", (unsigned long long)f->status.term);
    forget_sent(f);
}

/* Office is taken once everything that earlier leaders committed is applied here: the schedule
 * must not start from an old state. The no-op of our own term stands behind all of it. */
static void settle_office(struct fleet *f)
{
    bool is_elected = f->status.role == RAFT_LEADER && f->status.leader == f->status.id;
    bool is_caught_up =
        f->applied >= f->status.commit_index && f->applied >= f->status.applied_index;

    if (is_elected && !f->is_leader && is_caught_up && f->status.commit_index > 0) {
        f->is_leader = true;
        take_office(f);
    } else if (!is_elected && f->is_leader) {
        f->is_leader = false;
        leave_office(f);
    }
}

static void take_status(struct fleet *f, const struct raft_status *status)
{
    f->status = *status;
    f->status_ms = fleet_now();
    settle_office(f);
}

static void take_source(struct fleet *f, const struct source_state *state)
{
    fleet_replace(&f->source_error, state->error);
    if (state->error.len == 0) {
        fleet_replace(&f->source_commit, state->commit);
        f->source_ms = fleet_now();
    }
}

static void handle_inbound(struct fleet *f, const struct inbound_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct wire_inbound *in = &batch->item[i];

        if (in->door == DOOR_AGENT)
            handle_agent(f, in);
        else if (in->door == DOOR_CLIENT)
            handle_request(f, in);
        else if (in->door == DOOR_ENROL)
            handle_enrol(f, in);
        if (f->out && arena_used_bytes(f->out->arena) > OUT_BYTES)
            flush_out(f);
    }
    for (size_t i = 0; i < batch->proposed_count; i++)
        wait_proposed(f, &batch->proposed[i]);
}

static void take_refusal(struct fleet *f, uint64_t tag, const struct refusal *refusal)
{
    for (size_t i = 0; i < refusal->asked_count; i++)
        wait_refused_command(f, &refusal->asked[i], refusal->why);
    if (refusal->asked_count == 0)
        wait_refused(f, tag, refusal->why);
}

/* May take the message over by setting *m to NULL. */
static void handle(struct fleet *f, struct msg **m)
{
    switch ((*m)->kind) {
    case MSG_COMMITTED:
        if (f->committed < (*m)->number)
            f->committed = (*m)->number;
        break;
    case MSG_STATUS:
        take_status(f, (*m)->body);
        break;
    case MSG_INBOUND:
        handle_inbound(f, (*m)->body);
        break;
    case MSG_REFUSED:
        take_refusal(f, (*m)->number, (*m)->body);
        break;
    case MSG_READ_READY:
        wait_read_ready(f, (*m)->number, *(const uint64_t *)(*m)->body);
        break;
    case MSG_PLAN:
        plan_take(f, *m);
        *m = NULL;
        break;
    case MSG_SOURCE:
        take_source(f, (*m)->body);
        break;
    case MSG_DISK:
        fleet_replace(&f->disk_alarm, *(const struct str *)(*m)->body);
        break;
    case MSG_CHECKPOINT_DONE:
        base_checkpoint_done(f, *(const struct str *)(*m)->body);
        break;
    case MSG_INSTALL_DONE:
        base_take_install(f, (*m)->body, (*m)->number);
        break;
    default:
        break;
    }
}

/* What was committed before us: the log behind the base, which a restart applies again. */
static void settle_currency(struct fleet *f)
{
    f->is_current = f->is_current || (f->status.leader != 0 && f->status.commit_index > 0 &&
                                      f->applied >= f->status.commit_index);
}

static void do_what_is_due(struct fleet *f)
{
    int64_t now_ms = fleet_now();

    if (f->applied < f->committed && !f->is_stopped)
        apply_committed(f);
    settle_currency(f);
    settle_office(f);
    base_step(f, now_ms);
    wait_serve(f);
    wait_expire(f, now_ms);
    if (!f->is_leader)
        return;
    if (f->is_sched_due || now_ms >= f->sched_due_ms)
        step_schedule(f, now_ms);
    plan_propose(f, now_ms);
}

static int64_t wait_ms(const struct fleet *f)
{
    int64_t now_ms = fleet_now();
    int64_t wait = 1000;

    if (f->applied < f->committed && !f->is_stopped)
        return 0;
    if (f->is_leader && f->sched_due_ms - now_ms < wait)
        wait = f->sched_due_ms - now_ms;
    if (f->told != f->applied && wait > TELL_MS)
        wait = TELL_MS;
    return wait > 0 ? wait : 0;
}

static void free_heard(struct map *heard)
{
    for (size_t i = 0; i < map_count(heard); i++) {
        struct heard *h = map_value_at(heard, i);
        str_free(h->node);
        str_free(h->version);
        free(h);
    }
    map_free(heard);
}

static void fleet_deinit(struct fleet *f)
{
    forget_sent(f);
    map_free(f->sent);
    free_heard(f->heard);
    sched_free(f->sched);
    wait_deinit(f);
    feed_free(f->feed);
    base_deinit(f);
    msg_free(f->plan);
    msg_free(f->proposals);
    msg_free(f->out);
    str_free(f->stop_reason);
    str_free(f->disk_alarm);
    str_free(f->source_commit);
    str_free(f->source_error);
    str_free(f->head_commit);
    arena_free(f->scratch);
    free(f);
}

static struct fleet *fleet_new(struct fleet_context *c)
{
    const struct raft_snapshot *base = statedb_base(c->db);
    struct fleet *f = hl_calloc(1, sizeof(*f));

    f->c = c;
    f->scratch = arena_new();
    f->kv = statedb_reader(c->db);
    f->applied = f->committed = f->told = base->index;
    f->applied_term = base->term;
    f->members = base->index > 0 ? base->members : c->founders;
    f->sched = sched_new(LOST_HEARTBEATS * c->config->agent_heartbeat_ms);
    f->heard = map_new(0x68656172);
    f->sent = map_new(0x73656e74);
    f->commands = map_new(keys_random_u64());
    f->feed = feed_new();
    feed_reset(f, f->applied);
    f->turn_tag = 1;
    f->source_ms = -1;
    f->plan_asked_ms = -1;
    f->piece_asked_ms = -3600 * 1000;
    f->status_ms = fleet_now();
    return f;
}

/* False for the end. */
static bool take_messages(struct fleet *f)
{
    struct msg *m = mailbox_wait(f->c->boxes->fleet, wait_ms(f));

    for (int i = 0; m && i < MESSAGES_A_TURN; i++) {
        bool is_end = m->kind == MSG_STOP;
        if (!is_end)
            handle(f, &m);
        msg_free(m);
        if (is_end)
            return false;
        m = i + 1 < MESSAGES_A_TURN ? mailbox_take(f->c->boxes->fleet) : NULL;
    }
    return true;
}

void *fleet_run(void *context)
{
    struct fleet *f = fleet_new(context);

    admit_everybody(f);
    while (take_messages(f)) {
        do_what_is_due(f);
        end_turn(f);
    }
    fleet_deinit(f);
    return NULL;
}
