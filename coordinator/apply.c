/*
 * Entries from the log into the state, in batches of one transaction; afterwards each change is
 * looked at once, in a view of the new state.
 */
#include "coordinator/fleet.h"

#include "core/value/json.h"
#include "edge/actor/log.h"

static void no_view(struct fleet *f)
{
    f->kv = (struct kv){0};
}

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
    /* Nobody repeats this one. */
    enum mailbox_outcome outcome;
    while ((outcome = mailbox_post(f->c->boxes->net, m)) == MAILBOX_FULL)
        clock_sleep_ms(1);
    if (outcome == MAILBOX_CLOSED)
        msg_free(m);
}

static void agent_changed(struct fleet *f, struct str node)
{
    struct state_agent agent;
    struct err err;

    if (state_agent_get(&f->kv, node, f->scratch, &agent, &err) != KV_FOUND)
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
    int r = state_app_get(&f->kv, name, f->scratch, &app, &err);
    if (r < 0)
        return;
    app.name = name; /* also when it is gone */
    call_off_work(f, name, r == KV_FOUND ? &app : NULL);
    schedule_app(f, &app);
    if (r == KV_FOUND && str_eq(app.phase, STR("leased")))
        send_work(f, &app);
}

static void tell_source(struct fleet *f)
{
    struct msg *m = msg_new(MSG_HEAD, true);
    struct str *head = arena_one(m->arena, struct str);

    *head = arena_dup(m->arena, f->head_commit);
    m->body = head;
    mailbox_post_or_drop(f->c->boxes->source, m);
}

static void drop_unused_blobs(struct fleet *f)
{
    const struct plan *plan = f->plan ? f->plan->body : NULL;
    struct digest *keep = NULL;
    struct str cursor = STR_NONE;
    struct state_app app;
    struct digest d;
    size_t count = 0;
    size_t cap = 0;
    struct err err;

    while (state_app_next(&f->kv, &cursor, f->scratch, &app, &err) == KV_FOUND) {
        if (digest_parse(app.bundle, &d))
            ARENA_PUSH(f->scratch, keep, count, cap, d);
    }
    for (size_t i = 0; plan && i < plan->desired.app_count; i++)
        ARENA_PUSH(f->scratch, keep, count, cap, plan->desired.app[i].bundle_digest);
    if (statedb_blob_keep_only(f->c->db, keep, count, &err) < 0)
        log_warn("old bundles stay", "error=\"%s\"", err.text);
}

static void desired_changed(struct fleet *f)
{
    struct state_head head;
    struct err err;

    if (state_head_get(&f->kv, f->scratch, &head, &err) != KV_FOUND)
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

static int apply_entry(struct fleet *f, const struct raft_entry *entry, struct batch *batch,
                       struct err *err)
{
    struct applied_command done = {0};

    if (entry->kind != RAFT_ENTRY_COMMAND)
        return 0;
    int r = wire_command_decode(entry->data, f->scratch, &done.command, err);
    if (r < 0)
        return err_wrap(err, "log entry %llu", (unsigned long long)entry->index);
    r = state_apply(&f->kv, &done.command, f->scratch, &done.result, err);
    if (r == 0)
        ARENA_PUSH(f->scratch, batch->item, batch->count, batch->cap, done);
    return r;
}

static int apply_entries(struct fleet *f, const struct raft_entry *entry, size_t count,
                         struct batch *batch, struct err *err)
{
    int r = statedb_begin(f->c->db, &f->kv, err);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = apply_entry(f, &entry[i], batch, err);
    if (r == 0)
        r = statedb_commit(f->c->db, entry[count - 1].index, err);
    else
        statedb_abort(f->c->db);
    no_view(f);
    return r;
}

static void report_outcome(struct fleet *f, const struct applied_command *done)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *body;

    pending_applied(f, &done->command, &done->result);
    if (!f->is_leader || !str_eq(done->command.name, STR("work.report")) ||
        json_read(a, done->command.body, STR("report"), &body, NULL) < 0)
        return;
    send_report_ack(f, value_get_str(body, "agent"), value_get_str(body, "key"),
                    (uint64_t)value_get_int(body, "epoch", 0), &done->result);
}

static void follow(struct fleet *f, const struct batch *batch)
{
    struct statedb_view *view;
    uint64_t applied;
    struct err err;

    if (statedb_view_begin(f->c->db, &view, &f->kv, &applied, &err) < 0) {
        log_error("the state cannot be read", "error=\"%s\"", err.text);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        follow_changes(f, batch->item[i].result.change, batch->item[i].result.change_count);
        report_outcome(f, &batch->item[i]);
    }
    statedb_view_end(view);
    no_view(f);
}

static void cannot_apply(struct fleet *f, int code, const struct err *err)
{
    if (code == HL_ENOSPACE) {
        if (f->disk_alarm.len == 0)
            log_error("the state cannot grow; reads go on", "error=\"%s\"", err->text);
        fleet_replace(&f->disk_alarm, str_from(err->text));
        return;
    }
    /* Going on would make this member differ from the others. */
    f->is_stopped = true;
    fleet_replace(&f->stop_reason, str_from(err->text));
    log_error("application of the log has stopped here", "error=\"%s\"", err->text);
}

void apply_committed(struct fleet *f)
{
    struct batch batch = {0};
    struct raft_entry *entry;
    size_t count;
    struct err err;

    uint64_t left = f->committed - f->applied;
    int r =
        log_read(f->c->log, f->applied + 1, left < ENTRIES_A_TURN ? (size_t)left : ENTRIES_A_TURN,
                 4 << 20, f->scratch, &entry, &count, &err);
    if (r == 0)
        r = apply_entries(f, entry, count, &batch, &err);
    if (r < 0) {
        cannot_apply(f, r, &err);
        return;
    }
    f->applied = entry[count - 1].index;
    if (f->disk_alarm.len > 0)
        fleet_replace(&f->disk_alarm, STR_NONE);
    follow(f, &batch);
    struct msg *m = msg_new(MSG_APPLIED, false);
    m->number = f->applied;
    mailbox_post_or_drop(f->c->boxes->consensus, m);
}

/* ---- from the whole state: at start, and when taking office ---- */

void admit_everybody(struct fleet *f)
{
    struct str cursor = STR_NONE;
    struct statedb_view *view;
    struct state_agent agent;
    struct state_head head;
    uint64_t applied;
    struct err err;

    if (statedb_view_begin(f->c->db, &view, &f->kv, &applied, &err) < 0)
        return;
    while (state_agent_next(&f->kv, &cursor, f->scratch, &agent, &err) == KV_FOUND)
        admit(f, &agent);
    if (state_head_get(&f->kv, f->scratch, &head, &err) == KV_FOUND)
        fleet_replace(&f->head_commit, head.commit);
    statedb_view_end(view);
    no_view(f);
    tell_source(f);
}

void load_schedule(struct fleet *f)
{
    struct str cursor = STR_NONE;
    struct statedb_view *view;
    struct state_agent agent;
    struct state_app app;
    uint64_t applied;
    struct err err;

    sched_reset(f->sched, fleet_now());
    if (statedb_view_begin(f->c->db, &view, &f->kv, &applied, &err) < 0)
        return;
    while (state_agent_next(&f->kv, &cursor, f->scratch, &agent, &err) == KV_FOUND)
        sched_agent(f->sched, agent.node, str_eq(agent.status, STR("active")),
                    str_eq(agent.state, STR("alive")));
    cursor = STR_NONE;
    while (state_app_next(&f->kv, &cursor, f->scratch, &app, &err) == KV_FOUND) {
        if (str_eq(app.phase, STR("idle")) || str_eq(app.phase, STR("failed")))
            continue;
        schedule_app(f, &app);
        if (str_eq(app.phase, STR("leased")))
            send_work(f, &app);
    }
    statedb_view_end(view);
    no_view(f);
}
