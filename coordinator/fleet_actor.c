/* The loop: one message, what follows from it, then whatever is due. */
#include "coordinator/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "edge/actor/log.h"

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

static void handle_inbound(struct fleet *f, struct msg **m)
{
    const struct wire_inbound *in = (*m)->body;

    switch (in->door) {
    case DOOR_AGENT:
        handle_agent(f, in);
        break;
    case DOOR_CLIENT:
        handle_request(f, m);
        break;
    case DOOR_ENROL:
        handle_enrol(f, m);
        break;
    default:
        break;
    }
}

/* May take the message over by setting *m to NULL. */
static void handle(struct fleet *f, struct msg **m)
{
    switch ((*m)->kind) {
    case MSG_COMMITTED:
        f->committed = (*m)->number;
        break;
    case MSG_STATUS:
        take_status(f, (*m)->body);
        break;
    case MSG_INBOUND:
        handle_inbound(f, m);
        break;
    case MSG_REFUSED:
        pending_refused(f, (*m)->number, *(const enum raft_refusal *)(*m)->body);
        break;
    case MSG_READ_READY:
        pending_read_ready(f, (*m)->number, *(const uint64_t *)(*m)->body);
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
    default:
        break;
    }
}

static void do_what_is_due(struct fleet *f)
{
    int64_t now_ms = fleet_now();

    if (f->applied < f->committed && !f->is_stopped)
        apply_committed(f);
    settle_office(f);
    pending_serve_reads(f);
    pending_expire(f, now_ms);
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
        return f->disk_alarm.len > 0 ? 1000 : 0;
    if (f->is_leader && f->sched_due_ms - now_ms < wait)
        wait = f->sched_due_ms - now_ms;
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
    while (f->pending_count > 0)
        pending_drop(f, &f->pending[f->pending_count - 1]);
    msg_free(f->plan);
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
    struct fleet *f = hl_calloc(1, sizeof(*f));

    f->c = c;
    f->scratch = arena_new();
    f->applied = f->committed = c->applied_index;
    f->sched = sched_new(LOST_HEARTBEATS * c->config->agent_heartbeat_ms);
    f->heard = map_new(0x68656172);
    f->sent = map_new(0x73656e74);
    f->source_ms = -1;
    f->plan_asked_ms = -1;
    f->status_ms = fleet_now();
    return f;
}

void *fleet_run(void *context)
{
    struct fleet *f = fleet_new(context);

    admit_everybody(f);
    for (;;) {
        struct msg *m = mailbox_wait(f->c->boxes->fleet, wait_ms(f));

        if (m && m->kind == MSG_STOP) {
            msg_free(m);
            fleet_deinit(f);
            return NULL;
        }
        if (m)
            handle(f, &m);
        msg_free(m);
        do_what_is_due(f);
        arena_reset(f->scratch);
    }
}
