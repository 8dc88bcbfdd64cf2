/*
 * Entries from the log into the state, many in a turn; afterwards each change is looked at once, in
 * the new state.
 */
#include "coordinator/fleet.h"

#include "core/value/json.h"
#include "edge/actor/log.h"

enum { BYTES_A_TURN = 4 << 20 };

/* ---- what follows from a change ---- */

static void admit(struct fleet *f, const struct state_agent *agent)
{
    bool is_active = str_eq(agent->status, STR("active"));
    struct msg *m = msg_new(is_active ? MSG_ADMIT : MSG_EXPEL, true);
    struct admit *a = arena_one(m->arena, struct admit);

    *a = (struct admit){
        .door = DOOR_AGENT,
        .name = arena_dup(m->arena, agent->node),
        .role = STR("agent"),
    };
    m->body = a;
    if (!key_parse(agent->key, &a->key)) {
        msg_free(m);
        return;
    }
    post_surely(f->c->boxes->mesh, m); /* nobody repeats this one */
}

static void agent_changed(struct fleet *f, struct str node)
{
    struct state_agent agent;
    struct err err;

    if (state_agent_get(f->kv, node, f->scratch, &agent, &err) != KV_FOUND)
        return;
    admit(f, &agent);
    if (!f->is_leader)
        return;
    sched_agent(f->sched, node, str_eq(agent.status, STR("active")),
                str_eq(agent.state, STR("alive")));
    f->is_sched_due = true;
}

static void schedule_app(struct fleet *f, const struct state_app *app)
{
    bool is_waiting = str_eq(app->phase, STR("waiting"));
    int64_t now_ms = fleet_now();
    int64_t left_ms = app->not_before_ms - clock_wall_ms();
    struct sched_work w = {
        .key = app->name,
        .input = app->input,
        .phase = SCHED_DONE,
        .agent = app->agent,
        .due_ms = is_waiting && left_ms > 0 ? now_ms + left_ms : now_ms,
    };

    if (str_eq(app->phase, STR("leased")))
        w.phase = SCHED_LEASED;
    else if (is_waiting || str_eq(app->phase, STR("pending")))
        w.phase = SCHED_DUE;
    sched_work(f->sched, &w);
    f->is_sched_due = true;
}

static void app_changed(struct fleet *f, struct str name)
{
    struct state_app app;
    struct err err;

    if (!f->is_leader)
        return;
    int r = state_app_get(f->kv, name, f->scratch, &app, &err);
    if (r < 0)
        return;
    app.name = name; /* also when it is gone */
    call_off_work(f, name, r == KV_FOUND ? &app : NULL);
    schedule_app(f, &app);
    if (r == KV_FOUND && str_eq(app.phase, STR("leased")))
        send_work(f, &app);
}

void tell_source(struct fleet *f)
{
    HL_CLEANUP(lock_freep) struct lock *charts = charts_in_force(f);
    HL_CLEANUP(buf_deinit) struct buf lines = {0};
    struct msg *m = msg_new(MSG_HEAD, true);
    struct source_head *head = arena_one(m->arena, struct source_head);

    lock_write(charts, &lines);
    head->commit = arena_dup(m->arena, f->head_commit);
    head->charts = arena_dup(m->arena, buf_str(&lines));
    m->body = head;
    mailbox_post_or_drop(f->c->boxes->source, m);
}

static void drop_unused_blobs(struct fleet *f)
{
    HL_CLEANUP(lock_freep) struct lock *charts = charts_in_force(f);
    const struct plan *plan = f->plan ? f->plan->body : NULL;
    struct digest *keep = NULL;
    struct str cursor = STR_NONE;
    struct state_app app;
    struct digest d;
    size_t count = 0;
    size_t cap = 0;
    struct err err;

    while (state_app_next(f->kv, &cursor, f->scratch, &app, &err) == KV_FOUND) {
        if (digest_parse(app.bundle, &d))
            ARENA_PUSH(f->scratch, keep, count, cap, d);
    }
    for (size_t i = 0; i < lock_count(charts); i++)
        ARENA_PUSH(f->scratch, keep, count, cap, lock_at(charts, i)->digest);
    for (size_t i = 0; plan && i < plan->desired.app_count; i++) {
        const struct desired_app *planned = &plan->desired.app[i];
        ARENA_PUSH(f->scratch, keep, count, cap, planned->bundle_digest);
        for (size_t k = 0; k < planned->chart_count; k++)
            ARENA_PUSH(f->scratch, keep, count, cap, planned->chart[k].digest);
    }
    if (blobs_keep_only(f->c->blobs, keep, count, &err) < 0)
        log_warn("old bundles stay", "error=\"%s\"", err.text);
}

static void desired_changed(struct fleet *f)
{
    struct state_head head;
    struct err err;

    if (state_head_get(f->kv, f->scratch, &head, &err) != KV_FOUND)
        return;
    f->plan_asked_ms = -1;
    f->is_plan_settled = false;
    if (str_eq(head.commit, f->head_commit))
        return;
    fleet_replace(&f->head_commit, head.commit);
    log_info("in force", "commit=%.12s subject=\"" STR_FMT "\"", f->head_commit.ptr,
             STR_ARG(head.subject));
    tell_source(f);
    drop_unused_blobs(f);
}

static void follow_changes(struct fleet *f, const struct state_change *change, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        switch (change[i].kind) {
        case STATE_APP_CHANGED:
            app_changed(f, change[i].name);
            break;
        case STATE_AGENT_CHANGED:
            agent_changed(f, change[i].name);
            break;
        case STATE_DESIRED_CHANGED:
            desired_changed(f);
            break;
        case STATE_EVENT_ADDED:
        case STATE_SETTING_CHANGED: /* seen by feed_add */
            break;
        }
    }
}

/* ---- entries ---- */

struct applied_command {
    struct command command;
    struct state_result result;
};

struct batch {
    struct applied_command *item;
    size_t count;
    size_t cap;
};

static void feed_settings(struct fleet *f, const struct state_result *result, uint64_t index)
{
    for (size_t i = 0; i < result->change_count; i++) {
        if (result->change[i].kind == STATE_SETTING_CHANGED)
            feed_add(f, result->change[i].name, index);
    }
}

static int apply_command(struct fleet *f, const struct raft_entry *entry, struct batch *batch,
                         struct err *err)
{
    struct applied_command done = {0};

    int r = wire_command_decode(entry->data, f->scratch, &done.command, err);
    if (r == 0)
        r = state_apply(f->kv, entry->index, &done.command, f->scratch, &done.result, err);
    if (r < 0)
        return r;
    feed_settings(f, &done.result, entry->index);
    ARENA_PUSH(f->scratch, batch->item, batch->count, batch->cap, done);
    return 0;
}

static int apply_entry(struct fleet *f, const struct raft_entry *entry, struct batch *batch,
                       struct err *err)
{
    int r = 0;

    f->kv = statedb_begin(f->c->db);
    if (entry->kind == RAFT_ENTRY_COMMAND)
        r = apply_command(f, entry, batch, err);
    else if (entry->kind == RAFT_ENTRY_MEMBERS && !raft_members_decode(entry->data, &f->members))
        r = err_set(err, HL_ECORRUPT, "not a list of members");
    if (r == 0)
        statedb_commit(f->c->db, entry->index);
    else
        statedb_abort(f->c->db);
    f->kv = statedb_reader(f->c->db);
    if (r < 0)
        return err_wrap(err, "log entry %llu", (unsigned long long)entry->index);
    f->applied = entry->index;
    f->applied_term = entry->term;
    f->redo_bytes += entry->data.len + RAFT_ENTRY_COST;
    return 0;
}

static void report_outcome(struct fleet *f, const struct applied_command *done)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *body;

    wait_applied(f, &done->command, &done->result);
    if (!f->is_leader || !str_eq(done->command.name, STR("work.report")) ||
        json_read(a, done->command.body, STR("report"), &body, NULL) < 0)
        return;
    send_report_ack(f, value_get_str(body, "agent"), value_get_str(body, "key"),
                    (uint64_t)value_get_int(body, "epoch", 0), &done->result);
}

static void follow(struct fleet *f, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        follow_changes(f, batch->item[i].result.change, batch->item[i].result.change_count);
        report_outcome(f, &batch->item[i]);
    }
}

/* Going on would make this member differ from the others. */
static void cannot_apply(struct fleet *f, const struct err *err)
{
    f->is_stopped = true;
    fleet_replace(&f->stop_reason, str_from(err->text));
    log_error("application of the log has stopped here", "error=\"%s\"", err->text);
}

void apply_committed(struct fleet *f)
{
    uint64_t left = f->committed - f->applied;
    size_t count_max = left < ENTRIES_A_TURN ? (size_t)left : ENTRIES_A_TURN;
    struct batch batch = {0};
    struct raft_entry *entry;
    size_t count = 0;
    struct err err;

    int r = log_read(f->c->log, f->applied + 1, count_max, BYTES_A_TURN, f->scratch, &entry, &count,
                     &err);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = apply_entry(f, &entry[i], &batch, &err);
    follow(f, &batch);
    f->applied_ms = fleet_now();
    if (r < 0)
        cannot_apply(f, &err);
}

/* ---- from the whole state: at start, and when taking office ---- */

void admit_everybody(struct fleet *f)
{
    struct str cursor = STR_NONE;
    struct state_agent agent;
    struct state_head head;
    struct err err;

    while (state_agent_next(f->kv, &cursor, f->scratch, &agent, &err) == KV_FOUND)
        admit(f, &agent);
    if (state_head_get(f->kv, f->scratch, &head, &err) == KV_FOUND)
        fleet_replace(&f->head_commit, head.commit);
    tell_source(f);
}

void load_schedule(struct fleet *f)
{
    struct str cursor = STR_NONE;
    struct state_agent agent;
    struct state_app app;
    struct err err;

    sched_reset(f->sched, fleet_now());
    while (state_agent_next(f->kv, &cursor, f->scratch, &agent, &err) == KV_FOUND)
        sched_agent(f->sched, agent.node, str_eq(agent.status, STR("active")),
                    str_eq(agent.state, STR("alive")));
    cursor = STR_NONE;
    while (state_app_next(f->kv, &cursor, f->scratch, &app, &err) == KV_FOUND) {
        if (str_eq(app.phase, STR("idle")) || str_eq(app.phase, STR("failed")))
            continue;
        schedule_app(f, &app);
        if (str_eq(app.phase, STR("leased")))
            send_work(f, &app);
    }
}
