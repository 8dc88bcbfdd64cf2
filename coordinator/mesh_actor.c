/*
 * The mesh actor: every ZeroMQ socket, and raft_step between them. Consensus lives where its
 * messages come in and go out, so an append crosses no other thread on its way; it never touches
 * the disk but to read entries and pieces back for members that lag.
 *
 * One turn takes what the other actors and the sockets have, steps the core for each, and at its
 * end posts what the turn asks of others: one message to each.
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/actors.h"
#include "edge/actor/log.h"

enum {
    HANDSHAKE_TURN_MS = 1000, /* even without traffic, handshakes are looked after */
    STATUS_PERIOD_MS = 500,
    INBOUND_A_TURN = 512,
    TURN_BYTES = 4 << 20,
};

struct mesh {
    struct mesh_context *c;
    struct arena *scratch; /* of one step */
    struct msg *inbound;   /* what this turn hands to the fleet actor */
    struct msg *persist;   /* what this turn hands to the disk actor; NULL: nothing */
    uint64_t committed;    /* handed out by raft */
    uint64_t told;         /* posted to the fleet actor */
    int64_t wake_ms;
    int64_t status_ms;
    bool is_status_due;
    bool is_news_wanted; /* elected: the fleet actor waits for the first commit of this term */
};

/* ---- effects ---- */

static void add_persist(struct mesh *s, const struct raft_persist *persist)
{
    if (!s->persist) {
        s->persist = msg_new(MSG_PERSIST, true);
        s->persist->body = arena_one(s->persist->arena, struct persist_batch);
    }
    struct arena *a = s->persist->arena;
    struct persist_batch *batch = s->persist->body;
    struct raft_entry *entry = arena_array(a, struct raft_entry, persist->entry_count);
    struct raft_persist copy = *persist;

    for (size_t i = 0; i < persist->entry_count; i++) {
        entry[i] = persist->entry[i];
        entry[i].data = arena_dup(a, entry[i].data);
    }
    copy.entry = entry;
    ARENA_PUSH(a, batch->item, batch->count, batch->cap, copy);
}

static void send_peers(struct mesh *s, const struct raft_output *out)
{
    for (size_t i = 0; i < out->send_count; i++) {
        struct wire_message m = {.kind = WIRE_RAFT, .raft = out->send[i]};
        hub_send_peer(s->c->hub, m.raft.to, &m);
    }
}

static void post_reads(struct mesh *s, const struct raft_output *out)
{
    for (size_t i = 0; i < out->read_count; i++) {
        struct msg *m = msg_new(MSG_READ_READY, true);
        uint64_t *index = arena_one(m->arena, uint64_t);

        *index = out->read[i].index;
        m->number = out->read[i].tag;
        m->body = index;
        mailbox_post_or_drop(s->c->boxes->fleet, m);
    }
    for (size_t i = 0; i < out->refused_count; i++) {
        struct msg *m = msg_new(MSG_REFUSED, true);
        enum raft_refusal *why = arena_one(m->arena, enum raft_refusal);

        *why = out->refused[i].why;
        m->number = out->refused[i].tag;
        m->body = why;
        mailbox_post_or_drop(s->c->boxes->fleet, m);
    }
}

static void post_install(struct mesh *s, const struct raft_install *install)
{
    struct msg *m = msg_new(MSG_INSTALL, true);
    struct raft_install *copy = arena_one(m->arena, struct raft_install);

    *copy = *install;
    copy->cursor = arena_dup(m->arena, install->cursor);
    copy->data = arena_dup(m->arena, install->data);
    m->body = copy;
    post_surely(s->c->boxes->keeper, m);
}

static void note_apply(struct mesh *s, const struct raft_output *out)
{
    if (out->apply_count == 0)
        return;
    s->committed = out->apply[out->apply_count - 1].index;
    s->is_status_due = s->is_status_due || s->is_news_wanted;
    s->is_news_wanted = false;
    for (size_t i = 0; i < out->apply_count; i++) {
        if (out->apply[i].kind == RAFT_ENTRY_MEMBERS)
            s->is_status_due = true;
    }
}

static void note_role(struct mesh *s)
{
    struct raft_status status;

    raft_status_get(s->c->raft, &status);
    log_info("role", "role=%s term=%llu leader=%llu", raft_role_name(status.role),
             (unsigned long long)status.term, (unsigned long long)status.leader);
    s->is_status_due = true;
    s->is_news_wanted = status.role == RAFT_LEADER;
}

/* A coordinator that is not clear yet hears nothing and says nothing. */
static void step(struct mesh *s, const struct raft_event *event)
{
    struct raft_output out;

    if (!standing_is_clear(s->c->standing))
        return;
    raft_step(s->c->raft, event, clock_now_ms(), s->scratch, &out);
    if (out.persist.sequence != 0)
        add_persist(s, &out.persist);
    send_peers(s, &out);
    post_reads(s, &out);
    note_apply(s, &out);
    if (out.install.is_set)
        post_install(s, &out.install);
    if (out.is_role_changed)
        note_role(s);
    s->wake_ms = out.wake_ms;
    arena_reset(s->scratch);
}

/* ---- the sockets ---- */

static void take_standing(struct mesh *s, const struct wire_inbound *in)
{
    if (standing_take(s->c->standing, s->c->hub, in->member, &in->message.standing))
        return;
    log_error("the others know this coordinator by another disk; it must not come back under its "
              "old id",
              "next=\"docs/operations.md, A coordinator has lost its disk\"");
    exit(1);
}

static void hand_on(struct mesh *s, const struct wire_inbound *in)
{
    struct inbound_batch *batch = s->inbound->body;
    struct raft_event e = {.kind = RAFT_EVENT_MESSAGE, .message = &in->message.raft};

    if (in->kind == WIRE_IN_CLONE)
        log_warn("two live connections use one key", "door=%s name=" STR_FMT " address=%s",
                 door_name(in->door), STR_ARG(in->name), in->address);
    if (in->kind == WIRE_IN_PEER_LOST) {
        e = (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = in->member};
        step(s, &e);
    } else if (in->message.kind == WIRE_STANDING) {
        take_standing(s, in);
    } else if (in->message.kind == WIRE_RAFT) {
        step(s, &e);
    } else if (in->message.kind == WIRE_REFRESH) {
        mailbox_post_or_drop(s->c->boxes->source, msg_new(MSG_REFRESH, false));
    } else {
        ARENA_PUSH(s->inbound->arena, batch->item, batch->count, batch->cap, *in);
    }
}

static void renew_inbound(struct mesh *s)
{
    s->inbound = msg_new(MSG_INBOUND, true);
    s->inbound->body = arena_one(s->inbound->arena, struct inbound_batch);
}

static void receive_all(struct mesh *s)
{
    struct wire_inbound in;

    for (int i = 0; i < INBOUND_A_TURN && arena_used_bytes(s->inbound->arena) < TURN_BYTES; i++) {
        if (!hub_next(s->c->hub, clock_now_ms(), s->inbound->arena, &in))
            break;
        hand_on(s, &in);
    }
    const struct inbound_batch *batch = s->inbound->body;
    if (batch->count == 0) {
        arena_reset(s->inbound->arena);
        s->inbound->body = arena_one(s->inbound->arena, struct inbound_batch);
        return;
    }
    /* All senders repeat what was lost: a full mailbox may drop. */
    mailbox_post_or_drop(s->c->boxes->fleet, s->inbound);
    renew_inbound(s);
}

static void send_out(struct mesh *s, const struct out_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct out *o = &batch->item[i];

        if (o->agent.len > 0)
            hub_send_agent(s->c->hub, o->agent, &o->message);
        else
            hub_answer(s->c->hub, &o->to, &o->message);
    }
}

static void hint_peers(struct mesh *s)
{
    struct wire_message hint = {.kind = WIRE_REFRESH};

    for (size_t i = 0; i < s->c->roster->member_count; i++)
        hub_send_peer(s->c->hub, s->c->roster->member[i].id, &hint);
}

/* ---- the other actors ---- */

static void obey_fleet(struct mesh *s, const struct msg *m)
{
    const struct admit *admit = m->body;

    switch (m->kind) {
    case MSG_OUT:
        send_out(s, m->body);
        break;
    case MSG_ADMIT:
        hub_admit(s->c->hub, admit->door, &admit->key, admit->name, admit->role);
        break;
    case MSG_EXPEL:
        hub_expel(s->c->hub, admit->door, &admit->key);
        break;
    case MSG_HINT_PEERS:
        hint_peers(s);
        break;
    default:
        break;
    }
}

/* The message as an event of the core; false if it is none. */
static bool is_event(const struct msg *m, struct raft_event *out)
{
    static const enum raft_event_kind kinds[] = {
        [MSG_PROPOSE] = RAFT_EVENT_PROPOSE,     [MSG_READ] = RAFT_EVENT_READ,
        [MSG_PERSISTED] = RAFT_EVENT_PERSISTED, [MSG_APPLIED] = RAFT_EVENT_APPLIED,
        [MSG_CHANGE] = RAFT_EVENT_CHANGE,       [MSG_TRANSFER] = RAFT_EVENT_TRANSFER,
        [MSG_SNAPSHOT] = RAFT_EVENT_SNAPSHOT,   [MSG_INSTALLED] = RAFT_EVENT_INSTALLED,
        [MSG_DISK_FULL] = RAFT_EVENT_DISK_FULL,
    };
    const struct proposals *proposals = m->body;
    const struct member_change *change = m->body;

    if ((size_t)m->kind >= HL_COUNT(kinds) || kinds[m->kind] == RAFT_EVENT_TICK)
        return false;
    *out = (struct raft_event){.kind = kinds[m->kind], .tag = m->number};
    if (m->kind == MSG_PROPOSE) {
        out->data = proposals->data;
        out->data_count = proposals->count;
    } else if (m->kind == MSG_PERSISTED) {
        out->sequence = m->number;
    } else if (m->kind == MSG_APPLIED || m->kind == MSG_DISK_FULL) {
        out->index = m->number;
    } else if (m->kind == MSG_TRANSFER) {
        out->peer = m->number;
    } else if (m->kind == MSG_CHANGE) {
        out->change = change->op;
        out->peer = change->member;
    } else if (m->kind == MSG_SNAPSHOT) {
        out->snapshot = m->body;
    } else if (m->kind == MSG_INSTALLED) {
        out->installed = m->body;
    }
    return true;
}

static void obey(struct mesh *s, const struct msg *m)
{
    struct raft_event e;

    if (is_event(m, &e)) {
        step(s, &e);
        s->is_status_due = s->is_status_due || m->kind == MSG_SNAPSHOT || m->kind == MSG_DISK_FULL;
    } else {
        obey_fleet(s, m);
    }
}

/* ---- the end of a turn ---- */

static void post_status(struct mesh *s)
{
    int64_t now_ms = clock_now_ms();

    if (!s->is_status_due && now_ms - s->status_ms < STATUS_PERIOD_MS)
        return;
    struct msg *m = msg_new(MSG_STATUS, true);
    struct raft_status *status = arena_one(m->arena, struct raft_status);

    raft_status_get(s->c->raft, status);
    m->body = status;
    if (mailbox_post_or_drop(s->c->boxes->fleet, m)) {
        s->is_status_due = false;
        s->status_ms = now_ms;
    }
}

static void end_turn(struct mesh *s)
{
    if (s->persist)
        post_surely(s->c->boxes->disk, s->persist);
    s->persist = NULL;
    if (s->told != s->committed) {
        /* Said again until there was room: the fleet actor reads the entries from the log. */
        struct msg *m = msg_new(MSG_COMMITTED, false);
        m->number = s->committed;
        if (mailbox_post_or_drop(s->c->boxes->fleet, m))
            s->told = s->committed;
    }
    post_status(s);
}

static int64_t wait_ms(const struct mesh *s)
{
    int64_t due_ms = standing_due(s->c->standing);
    int64_t left_ms = (due_ms < s->wake_ms ? due_ms : s->wake_ms) - clock_now_ms();

    if (left_ms > HANDSHAKE_TURN_MS)
        return HANDSHAKE_TURN_MS;
    return left_ms > 0 ? left_ms : 0;
}

/* False for the end. */
static bool take_turn(struct mesh *s)
{
    const struct raft_event tick = {.kind = RAFT_EVENT_TICK};
    struct msg *m;

    hub_wait(s->c->hub, mailbox_fd(s->c->boxes->mesh), wait_ms(s));
    while ((m = mailbox_take(s->c->boxes->mesh))) {
        bool is_end = m->kind == MSG_STOP;
        if (!is_end)
            obey(s, m);
        msg_free(m);
        if (is_end)
            return false;
    }
    receive_all(s);
    standing_ask(s->c->standing, s->c->hub, clock_now_ms());
    if (!standing_is_clear(s->c->standing))
        s->wake_ms = standing_due(s->c->standing);
    else if (clock_now_ms() >= s->wake_ms)
        step(s, &tick);
    end_turn(s);
    return true;
}

void *mesh_run(void *context)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct mesh s = {.c = context, .scratch = scratch, .is_status_due = true};
    struct raft_status status;

    raft_status_get(s.c->raft, &status);
    s.committed = s.told = status.applied_index;
    renew_inbound(&s);
    while (take_turn(&s))
        ;
    msg_free(s.inbound);
    msg_free(s.persist);
    return NULL;
}
