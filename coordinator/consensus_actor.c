/*
 * The consensus actor: raft_step in a loop. Its effects are messages to the disk, net and fleet
 * actors; it never touches a disk or a socket itself, so a heartbeat waits for nothing.
 */
#include <string.h>

#include "coordinator/actors.h"
#include "edge/actor/log.h"

struct consensus {
    struct consensus_context *c;
    struct arena *scratch;
    uint64_t committed; /* handed out by raft */
    uint64_t told;      /* posted to the fleet actor */
    int64_t wake_ms;
    int64_t status_ms;
    bool is_status_due;
    bool is_news_wanted; /* elected: the fleet actor waits for the first commit of this term */
};

enum { STATUS_PERIOD_MS = 500 };

static struct raft_entry *copy_entries(struct arena *a, const struct raft_entry *entry,
                                       size_t count)
{
    struct raft_entry *copy = arena_array(a, struct raft_entry, count);

    for (size_t i = 0; i < count; i++) {
        copy[i] = entry[i];
        copy[i].data = arena_dup(a, entry[i].data);
    }
    return copy;
}

static void post_persist(struct consensus *s, const struct raft_persist *persist)
{
    struct msg *m = msg_new(MSG_PERSIST, true);
    struct raft_persist *copy = arena_one(m->arena, struct raft_persist);

    *copy = *persist;
    copy->entry = copy_entries(m->arena, persist->entry, persist->entry_count);
    m->body = copy;
    /* Order and completeness matter here: wait for room rather than drop. */
    enum mailbox_outcome outcome;
    while ((outcome = mailbox_post(s->c->boxes->disk, m)) == MAILBOX_FULL)
        clock_sleep_ms(1);
    if (outcome == MAILBOX_CLOSED)
        msg_free(m);
}

static void post_sends(struct consensus *s, const struct raft_output *out)
{
    if (out->send_count == 0)
        return;
    struct msg *m = msg_new(MSG_SEND_PEER, true);
    struct raft_batch *batch = arena_one(m->arena, struct raft_batch);

    batch->message = arena_array(m->arena, struct raft_message, out->send_count);
    batch->count = out->send_count;
    for (size_t i = 0; i < out->send_count; i++) {
        batch->message[i] = out->send[i];
        batch->message[i].entry =
            copy_entries(m->arena, out->send[i].entry, out->send[i].entry_count);
    }
    m->body = batch;
    mailbox_post_or_drop(s->c->boxes->net, m); /* the network may lose things anyway */
}

static void post_reads(struct consensus *s, const struct raft_output *out)
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

/* Said again until there was room: the fleet actor reads the entries from the log itself. */
static void post_committed(struct consensus *s)
{
    if (s->told == s->committed)
        return;
    struct msg *m = msg_new(MSG_COMMITTED, false);
    m->number = s->committed;
    if (mailbox_post_or_drop(s->c->boxes->fleet, m))
        s->told = s->committed;
}

static void post_status(struct consensus *s, int64_t now_ms)
{
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

static void step(struct consensus *s, const struct raft_event *event)
{
    struct raft_output out;
    int64_t now_ms = clock_now_ms();

    raft_step(s->c->raft, event, now_ms, s->scratch, &out);
    if (out.persist.sequence != 0)
        post_persist(s, &out.persist);
    post_sends(s, &out);
    post_reads(s, &out);
    if (out.apply_count > 0) {
        s->committed = out.apply[out.apply_count - 1].index;
        s->is_status_due = s->is_status_due || s->is_news_wanted;
        s->is_news_wanted = false;
    }
    if (out.is_role_changed) {
        struct raft_status status;

        raft_status_get(s->c->raft, &status);
        log_info("role", "role=%s term=%llu leader=%llu", raft_role_name(status.role),
                 (unsigned long long)status.term, (unsigned long long)status.leader);
        s->is_status_due = true;
        s->is_news_wanted = status.role == RAFT_LEADER;
    }
    post_committed(s);
    post_status(s, now_ms);
    s->wake_ms = out.wake_ms;
    arena_reset(s->scratch);
}

static void handle(struct consensus *s, const struct msg *m)
{
    struct raft_event e = {.kind = RAFT_EVENT_TICK};

    switch (m->kind) {
    case MSG_RAFT:
        e.kind = RAFT_EVENT_MESSAGE;
        e.message = m->body;
        break;
    case MSG_PEER_LOST:
        e.kind = RAFT_EVENT_PEER_LOST;
        e.peer = m->number;
        break;
    case MSG_PROPOSE:
        e.kind = RAFT_EVENT_PROPOSE;
        e.data = m->body;
        e.data_count = 1;
        e.tag = m->number;
        break;
    case MSG_READ:
        e.kind = RAFT_EVENT_READ;
        e.tag = m->number;
        break;
    case MSG_PERSISTED:
        e.kind = RAFT_EVENT_PERSISTED;
        e.sequence = m->number;
        break;
    case MSG_APPLIED:
        e.kind = RAFT_EVENT_APPLIED;
        e.index = m->number;
        break;
    default:
        break;
    }
    step(s, &e);
}

void *consensus_run(void *context)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct consensus s = {.c = context, .scratch = scratch, .is_status_due = true};
    struct raft_status status;

    raft_status_get(s.c->raft, &status);
    s.committed = s.told = status.applied_index;
    for (;;) {
        int64_t left_ms = s.wake_ms - clock_now_ms();
        HL_CLEANUP(msg_freep)
        struct msg *m = mailbox_wait(s.c->boxes->consensus, left_ms > 0 ? left_ms : 0);

        if (m && m->kind == MSG_STOP)
            return NULL;
        struct raft_event tick = {.kind = RAFT_EVENT_TICK};
        if (m)
            handle(&s, m);
        else
            step(&s, &tick);
    }
}
