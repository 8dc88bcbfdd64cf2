/*
 * The mesh actor: every ZeroMQ socket, and raft_step between them. Consensus lives where its
 * messages come in and go out, so an append crosses no other thread on its way; it never touches
 * the disk but to read entries and pieces back for members that lag.
 *
 * One turn takes what the other actors and the sockets have, steps the core for each, and at its
 * end posts what the turn asks of others: one message to each.
 *
 * Proposals go out in rounds, one at a time: while one is under way, what comes is held and becomes
 * the next. A round that was answered brings about as many changes as it held, so the next waits
 * for that many, or HOLD_US: all of them share a message, a flush and a wake-up of everybody on the
 * way, and who comes alone waits for nobody.
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/actors.h"
#include "coordinator/direct.h"
#include "edge/actor/log.h"

enum {
    HANDSHAKE_TURN_MS = 1000, /* even without traffic, handshakes are looked after */
    STATUS_PERIOD_MS = 500,
    INBOUND_A_TURN = 512,
    TURN_BYTES = 4 << 20,
    HOLD_US = 1000,
    HELD_MAX = 512, /* messages, each of one turn of the fleet actor or of this one */
    HELD_TAG = 0,   /* of all that is held, and of what did not come from the fleet actor, whose
                       tags begin at 1 */
};

struct mesh {
    struct mesh_context *c;
    struct arena *scratch;      /* of one step */
    struct msg *inbound;        /* what this turn hands to the fleet actor */
    struct msg *direct;         /* MSG_PROPOSE of what clients asked in this turn; NULL: nothing */
    struct msg *persist;        /* what this turn hands to the disk actor; NULL: nothing */
    uint64_t committed;         /* handed out by raft */
    uint64_t told;              /* posted to the fleet actor */
    uint64_t round;             /* the last entry of the round under way; 0: none is */
    size_t round_entries;       /* of it, or of the last one */
    int64_t hold_us;            /* when that was over */
    struct msg *held[HELD_MAX]; /* MSG_PROPOSE */
    size_t held_count;
    size_t held_entries;
    int64_t wake_ms;
    int64_t status_ms;
    bool is_status_due;
    bool is_leader;
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

/* `held`: what is refused, or NULL when a tag says it. */
static void post_refused(struct mesh *s, uint64_t tag, const struct proposals *held,
                         enum raft_refusal why)
{
    struct msg *m = msg_new(MSG_REFUSED, true);
    struct refusal *refusal = arena_one(m->arena, struct refusal);
    size_t count = held ? held->asked_count : 0;
    struct asked *asked = arena_array(m->arena, struct asked, count);

    for (size_t i = 0; i < count; i++)
        asked[i] =
            (struct asked){arena_dup(m->arena, held->asked[i].client_id), held->asked[i].sequence};
    *refusal = (struct refusal){why, asked, count};
    m->number = tag;
    m->body = refusal;
    mailbox_post_or_drop(s->c->boxes->fleet, m);
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
        const struct raft_refused *refused = &out->refused[i];

        if (refused->tag != HELD_TAG)
            post_refused(s, refused->tag, NULL, refused->why);
        for (size_t k = 0; refused->tag == HELD_TAG && k < s->held_count; k++)
            post_refused(s, s->held[k]->number, s->held[k]->body, refused->why);
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
    s->is_leader = s->is_news_wanted = status.role == RAFT_LEADER;
    s->round = s->round_entries = 0;
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

/* ---- rounds ---- */

/* Everything that is held becomes one round. */
static void propose_held(struct mesh *s)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct raft_event e = {.kind = RAFT_EVENT_PROPOSE, .tag = HELD_TAG};
    struct str *data = NULL;
    size_t cap = 0;

    for (size_t i = 0; i < s->held_count; i++) {
        const struct proposals *p = s->held[i]->body;
        for (size_t k = 0; k < p->count; k++)
            ARENA_PUSH(a, data, e.data_count, cap, p->data[k]);
    }
    e.data = data;
    step(s, &e);
    for (size_t i = 0; i < s->held_count; i++)
        msg_free(s->held[i]);
    s->held_count = s->held_entries = 0;
}

static void begin_round(struct mesh *s)
{
    bool is_full = s->held_count == HELD_MAX;
    struct raft_status status;

    if (s->round != 0 && s->round <= s->committed) {
        s->round = 0;
        s->hold_us = clock_now_us();
    }
    if (s->held_count == 0 || (s->round != 0 && !is_full))
        return;
    if (s->held_entries < s->round_entries && clock_now_us() < s->hold_us + HOLD_US && !is_full)
        return;
    s->round_entries = s->held_entries;
    propose_held(s);
    raft_status_get(s->c->raft, &status);
    s->round = status.role == RAFT_LEADER ? status.last_index : 0;
}

static void hold(struct mesh *s, struct msg *m)
{
    s->held[s->held_count++] = m;
    s->held_entries += ((const struct proposals *)m->body)->count;
    if (s->held_count == HELD_MAX)
        begin_round(s);
}

/* True if the change is on its way. */
static bool take_directly(struct mesh *s, const struct wire_inbound *in)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct command command;

    if (!s->is_leader || !direct_command(in, &command))
        return false;
    wire_command_encode(&bytes, &command);
    if (!s->direct) {
        s->direct = msg_new(MSG_PROPOSE, true);
        s->direct->body = arena_one(s->direct->arena, struct proposals);
        s->direct->number = HELD_TAG;
    }
    struct arena *a = s->direct->arena;
    struct proposals *all = s->direct->body;
    struct asked asked = {arena_dup(a, command.client_id), command.sequence};
    ARENA_PUSH(a, all->data, all->count, all->cap, arena_dup(a, buf_str(&bytes)));
    ARENA_PUSH(a, all->asked, all->asked_count, all->asked_cap, asked);
    return true;
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
    } else if (take_directly(s, in)) {
        ARENA_PUSH(s->inbound->arena, batch->proposed, batch->proposed_count, batch->proposed_cap,
                   *in);
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
    if (batch->count == 0 && batch->proposed_count == 0) {
        arena_reset(s->inbound->arena);
        s->inbound->body = arena_one(s->inbound->arena, struct inbound_batch);
        return;
    }
    /* All senders repeat what was lost: a full mailbox may drop. */
    mailbox_post_or_drop(s->c->boxes->fleet, s->inbound);
    renew_inbound(s);
    if (s->direct)
        hold(s, s->direct);
    s->direct = NULL;
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
        [MSG_READ] = RAFT_EVENT_READ,           [MSG_PERSISTED] = RAFT_EVENT_PERSISTED,
        [MSG_APPLIED] = RAFT_EVENT_APPLIED,     [MSG_CHANGE] = RAFT_EVENT_CHANGE,
        [MSG_TRANSFER] = RAFT_EVENT_TRANSFER,   [MSG_SNAPSHOT] = RAFT_EVENT_SNAPSHOT,
        [MSG_INSTALLED] = RAFT_EVENT_INSTALLED, [MSG_DISK_FULL] = RAFT_EVENT_DISK_FULL,
    };
    const struct member_change *change = m->body;

    if ((size_t)m->kind >= HL_COUNT(kinds) || kinds[m->kind] == RAFT_EVENT_TICK)
        return false;
    *out = (struct raft_event){.kind = kinds[m->kind], .tag = m->number};
    if (m->kind == MSG_PERSISTED) {
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

/* May keep the message by setting *message to NULL. */
static void obey(struct mesh *s, struct msg **message)
{
    struct msg *m = *message;
    struct raft_event e;

    if (m->kind == MSG_PROPOSE) {
        hold(s, m);
        *message = NULL;
    } else if (is_event(m, &e)) {
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

    if (s->held_count > 0 && s->round == 0)
        return HOLD_US / 1000;
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
            obey(s, &m);
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
    begin_round(s);
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
    for (size_t i = 0; i < s.held_count; i++)
        msg_free(s.held[i]);
    msg_free(s.inbound);
    msg_free(s.persist);
    return NULL;
}
