/*
 * The base: log compaction, and what a follower gets whose next entry is gone (paper, section 7;
 * thesis, chapter 5).
 *
 *   leader                              follower                     its caller
 *     │ SNAPSHOT without data ─────────────► │ install, empty piece ────► how far had we come?
 *     │ ◄───────────────── REPLY, cursor c   │ ◄──────────────── INSTALLED, stored up to c
 *     │ SNAPSHOT, the piece at c ──────────► │ install, that piece ─────► written
 *     │ ◄──────────────── REPLY, cursor c'   │ ◄─────────────── INSTALLED, stored up to c'
 *     │  ... the last piece ───────────────► │  ... ────────────────────► verified, durable, in use
 *     │ ◄───────────────── REPLY, all is in  │ ◄─────────────── INSTALLED, the base
 *
 * One piece is under way at a time, in each direction of this picture. The leader asks again when a
 * heartbeat period passed without an answer, and goes on wherever the follower says that it stands.
 * A follower that reaches the snapshot's index by its log first needs it no more; but once the last
 * piece is with the caller nothing is applied until that has ended, for the state machine is about
 * to be replaced.
 */
#include "core/raft/raft_internal.h"

#include <string.h>

enum { KEEP_AT_MOST = 4 }; /* times keep_bytes below the base */

static struct str cursor_str(const struct raft_cursor *c)
{
    return (struct str){c->bytes, c->len};
}

static void cursor_set(struct raft_cursor *c, struct str to)
{
    HL_ASSERT(to.len <= sizeof(c->bytes));
    c->len = to.len;
    if (to.len > 0)
        memcpy(c->bytes, to.ptr, to.len);
}

/* ---- compaction */

/* What a peer that is heard may still be sent: it would need the whole base otherwise. */
static uint64_t needed_behind(const struct raft *r, uint64_t index)
{
    for (size_t i = 0; i < r->peer_count && r->role == RAFT_LEADER; i++) {
        const struct raft_peer *p = &r->peer[i];
        uint64_t has = p->flow == RAFT_FLOW_SNAPSHOT ? p->sending.index : p->match;

        if (r->now_ms - p->heard_ms < r->config.election_ms && has < index)
            index = has;
    }
    return index;
}

static void drop_up_to(struct raft *r, uint64_t to)
{
    if (to < r->log.first_index)
        return;
    entries_compact(&r->log, to);
    r->fx.compact_to = to;
}

static void compact(struct raft *r)
{
    uint64_t keep = r->config.keep_bytes;
    uint64_t base = r->base.index;
    uint64_t wanted = needed_behind(r, entries_tail_before(&r->log, base, keep));
    uint64_t bound = entries_tail_before(&r->log, base, KEEP_AT_MOST * keep);

    drop_up_to(r, wanted > bound ? wanted : bound);
}

void snapshot_on_base(struct raft *r, const struct raft_snapshot *base)
{
    if (base->index <= r->base.index)
        return; /* a newer one was installed meanwhile */
    HL_ASSERT(base->index <= r->handed && base->term == entries_term(&r->log, base->index));
    HL_ASSERT(members_are_equal(&base->members, members_at(r, base->index)));
    r->base = *base;
    members_rebase(r, base->index, &base->members);
    compact(r);
}

/* ---- the leader */

void snapshot_begin(struct raft *r, struct raft_peer *p)
{
    HL_ASSERT(r->base.index > 0); /* else nothing could have been compacted */
    p->flow = RAFT_FLOW_SNAPSHOT;
    p->sending = r->base;
    p->piece = RAFT_PIECE_ASK;
    p->cursor.len = 0;
}

/* Figure 13: InstallSnapshot arguments. */
static void send_piece(struct raft *r, struct raft_peer *p, struct raft_message m)
{
    m.kind = RAFT_MSG_SNAPSHOT;
    m.to = p->id;
    m.index = p->sending.index;
    m.log_term = p->sending.term;
    m.round = p->sending.id;
    m.members = p->sending.members;
    p->asked_ms = r->now_ms;
    raft_emit(r, m);
}

static void ask(struct raft *r, struct raft_peer *p)
{
    p->piece = RAFT_PIECE_ASKED;
    send_piece(r, p, (struct raft_message){.is_rejected = false});
}

/* It names a place that our base does not have: nothing that it stored is of use. */
static void begin_again(struct raft *r, struct raft_peer *p)
{
    p->cursor.len = 0;
    p->piece = RAFT_PIECE_ASKED;
    send_piece(r, p, (struct raft_message){.is_rejected = true});
}

static void read_and_send(struct raft *r, struct raft_peer *p)
{
    const struct raft_storage *storage = &r->config.storage;
    struct raft_message m = {.cursor = arena_dup(r->fx.arena, cursor_str(&p->cursor))};
    struct str next = STR_NONE;
    bool is_last = false;
    int result =
        (storage->read_piece)(storage->context, p->sending.id, m.cursor, RAFT_PIECE_BYTES_MAX,
                              r->fx.arena, &m.data, &next, &is_last, NULL);

    if (result == 0 && m.data.len <= RAFT_PIECE_BYTES_MAX && (m.data.len > 0 || is_last)) {
        m.commit = is_last;
        p->piece = RAFT_PIECE_OUT;
        send_piece(r, p, m);
    } else if (result == HL_EABSENT && p->sending.id != r->base.id) {
        snapshot_begin(r, p);
        ask(r, p);
    } else if (result == HL_EABSENT) {
        p->piece = RAFT_PIECE_ASKED; /* the newer base is about to be reported */
        p->asked_ms = r->now_ms;
    } else if (result == HL_EINVAL && p->cursor.len > 0) {
        begin_again(r, p);
    } else {
        raft_fail_disk(r);
    }
}

void snapshot_pay(struct raft *r, struct raft_peer *p)
{
    if (p->piece == RAFT_PIECE_ASK)
        ask(r, p);
    else if (p->piece == RAFT_PIECE_DUE)
        read_and_send(r, p);
}

void snapshot_nudge(const struct raft *r, struct raft_peer *p)
{
    bool is_waiting = p->piece == RAFT_PIECE_ASKED || p->piece == RAFT_PIECE_OUT;

    if (is_waiting && r->now_ms - p->asked_ms >= r->config.heartbeat_ms)
        p->piece = RAFT_PIECE_ASK;
}

void snapshot_on_reply(struct raft *r, const struct raft_message *m)
{
    struct raft_peer *p = members_peer(r, m->from);

    if (r->role != RAFT_LEADER)
        return;
    p->heard_ms = r->now_ms;
    if (p->flow != RAFT_FLOW_SNAPSHOT || m->round != p->sending.id || m->index != p->sending.index)
        return;
    if (m->commit == 1) {
        replicate_probe(p, p->sending.index + 1, false);
        return;
    }
    if (m->is_rejected) {
        p->piece = RAFT_PIECE_ASKED; /* the next heartbeat's answer asks where it stands now */
        p->asked_ms = r->now_ms;
        return;
    }
    if (p->piece == RAFT_PIECE_OUT && str_eq(m->cursor, cursor_str(&p->cursor)))
        return; /* said before that piece was sent */
    cursor_set(&p->cursor, m->cursor);
    p->piece = RAFT_PIECE_DUE;
}

/* ---- the follower */

static void forget_incoming(struct raft *r)
{
    r->incoming.snapshot = (struct raft_snapshot){0};
    r->incoming.is_cursor_known = false;
}

/* Figure 13: InstallSnapshot results. */
static void reply(struct raft *r, const struct raft_snapshot *s, struct raft_message m)
{
    if (r->role != RAFT_FOLLOWER || r->leader == 0)
        return;
    m.kind = RAFT_MSG_SNAPSHOT_REPLY;
    m.to = r->leader;
    m.index = s->index;
    m.round = s->id;
    raft_emit(r, m);
}

static void reply_installed(struct raft *r, const struct raft_snapshot *s)
{
    reply(r, s, (struct raft_message){.commit = 1});
}

static void reply_cursor(struct raft *r, bool is_rejected)
{
    const struct raft_incoming *in = &r->incoming;

    reply(r, &in->snapshot,
          (struct raft_message){.cursor = arena_dup(r->fx.arena, cursor_str(&in->cursor)),
                                .is_rejected = is_rejected});
}

/* Figure 13: InstallSnapshot receiver 2, InstallSnapshot receiver 3: the caller begins a new file
 * for a new id, and writes at the cursor. */
static void hand_piece(struct raft *r, struct str data, bool is_last)
{
    struct raft_incoming *in = &r->incoming;

    in->is_out = true;
    in->is_adopting = is_last;
    in->out_id = in->snapshot.id;
    struct raft_install *install = arena_one(r->fx.arena, struct raft_install);
    *install = (struct raft_install){
        .is_set = true,
        .is_last = is_last,
        .snapshot = in->snapshot,
        .cursor = arena_dup(r->fx.arena, cursor_str(&in->cursor)),
        .data = arena_dup(r->fx.arena, data),
    };
    r->fx.install = install;
}

/* Figure 13: InstallSnapshot receiver 5: a newer one replaces what is coming in. False for what was
 * sent before that: messages overtake each other. */
static bool turn_to(struct raft *r, const struct raft_message *m)
{
    struct raft_incoming *in = &r->incoming;

    if (in->snapshot.index == m->index && in->snapshot.id == m->round) {
        in->term = m->term;
        return true;
    }
    if (in->term == m->term && m->index <= in->snapshot.index)
        return false;
    in->snapshot = (struct raft_snapshot){
        .index = m->index, .term = m->log_term, .members = m->members, .id = m->round};
    in->term = m->term;
    in->is_cursor_known = false;
    in->cursor.len = 0;
    return true;
}

/* Figure 13: InstallSnapshot receiver 6. The entry is committed (it is in a snapshot), and so are,
 * by log matching, all those before it. */
static bool has_entry(const struct raft *r, const struct raft_snapshot *s)
{
    return s->index <= r->commit || entries_term(&r->log, s->index) == s->term;
}

static void reach(struct raft *r, uint64_t index)
{
    if (r->verified < index)
        r->verified = index;
    if (r->commit < index)
        r->commit = index;
}

void snapshot_on_piece(struct raft *r, const struct raft_message *m)
{
    struct raft_incoming *in = &r->incoming;
    struct raft_snapshot s = {.index = m->index, .term = m->log_term, .id = m->round};

    if (!follow_hear(r, m->from) || in->is_adopting)
        return;
    if (has_entry(r, &s)) {
        reach(r, s.index);
        forget_incoming(r);
        reply_installed(r, &s);
        return;
    }
    if (!turn_to(r, m) || in->is_out)
        return;
    /* A base never names a term that a restart would not know; the leader will ask again. */
    if (m->commit == 1 && !raft_is_hard_durable(r))
        return;
    bool is_question = m->data.len == 0 && m->commit == 0;
    if (m->is_rejected) {
        in->is_cursor_known = true;
        in->cursor.len = 0;
    }
    if (!in->is_cursor_known)
        hand_piece(r, STR_NONE, false);
    else if (is_question || !str_eq(m->cursor, cursor_str(&in->cursor)))
        reply_cursor(r, false);
    else
        hand_piece(r, m->data, m->commit == 1);
}

/* Figure 13: InstallSnapshot receiver 7. The base is durable, so the log is as durable as it up to
 * here, even where what stands in it was not flushed yet. */
static void discard_log(struct raft *r, const struct raft_snapshot *s)
{
    HL_ASSERT(r->role != RAFT_LEADER && r->commit < s->index);
    election_follow(r, r->term, r->leader);
    members_cut(r, s->index + 1);
    entries_reset(&r->log, s->index, s->term);
    r->fx.reset_index = s->index;
    r->durable = s->index;
}

/* The entries behind the snapshot stay. Those before it may not be written yet, and are as good as
 * durable all the same; so that nobody looks for them in the storage, they go. */
static void keep_tail(struct raft *r, const struct raft_snapshot *s)
{
    if (r->durable >= s->index)
        return;
    r->durable = s->index;
    drop_up_to(r, s->index);
}

/* Figure 13: InstallSnapshot receiver 8. */
static void adopt(struct raft *r)
{
    struct raft_snapshot s = r->incoming.snapshot;

    HL_ASSERT(s.index > r->handed); /* nothing was handed out meanwhile */
    if (has_entry(r, &s))
        keep_tail(r, &s);
    else
        discard_log(r, &s);
    reach(r, s.index);
    r->handed = r->applied = s.index;
    r->base = s;
    members_rebase(r, s.index, &s.members);
    compact(r);
    forget_incoming(r);
    reply_installed(r, &s);
}

/* Figure 13: InstallSnapshot receiver 4. */
void snapshot_on_installed(struct raft *r, const struct raft_installed *installed)
{
    struct raft_incoming *in = &r->incoming;

    if (in->is_out && installed->id == in->out_id)
        in->is_out = in->is_adopting = false;
    if (in->snapshot.index == 0 || installed->id != in->snapshot.id)
        return;
    switch (installed->outcome) {
    case RAFT_PIECE_STORED:
        in->is_cursor_known = true;
        cursor_set(&in->cursor, installed->cursor);
        break;
    case RAFT_PIECE_REFUSED:
        in->is_cursor_known = true;
        in->cursor.len = 0;
        break;
    case RAFT_BASE_INSTALLED:
        adopt(r);
        return;
    }
    if (has_entry(r, &in->snapshot))
        forget_incoming(r); /* overtaken by the log */
    else
        reply_cursor(r, installed->outcome == RAFT_PIECE_REFUSED);
}
