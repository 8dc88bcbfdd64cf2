/*
 * Who takes part (thesis, chapter 4).
 *
 * A configuration holds from the moment its entry is in the log, committed or not, and ends when
 * that entry is cut off: so the configurations of the log above the base are kept, in a stack, and
 * the last one is in force. Any two that follow one another differ by one server, so each majority
 * of one meets each majority of the other, provided that a change begins only when the one before
 * it is committed, and an entry of the leader's own term as well (Ongaro, raft-dev, July 2015:
 * otherwise two leaders of different terms can change the same configuration in two ways).
 *
 * A leader keeps a removed peer among those it sends to until the removal is committed, so that it
 * hears of it; it counts for nothing from the moment the entry is in the log.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ENCODING_VERSION = 1, MEMBER_BYTES = 9 };

size_t raft_members_encode(const struct raft_members *members, char out[RAFT_MEMBERS_BYTES_MAX])
{
    size_t at = 0;

    HL_ASSERT(members->count <= RAFT_MEMBERS_MAX);
    out[at++] = ENCODING_VERSION;
    out[at++] = (char)members->count;
    for (size_t i = 0; i < members->count; i++) {
        for (unsigned bit = 0; bit < 64; bit += 8)
            out[at++] = (char)(members->member[i].id >> bit & 0xff);
        out[at++] = (char)members->member[i].is_voter;
    }
    return at;
}

bool raft_members_decode(struct str data, struct raft_members *out)
{
    const unsigned char *byte = (const unsigned char *)data.ptr;

    *out = (struct raft_members){0};
    if (data.len < 2 || byte[0] != ENCODING_VERSION || byte[1] > RAFT_MEMBERS_MAX ||
        data.len != 2 + (size_t)MEMBER_BYTES * byte[1])
        return false;
    out->count = byte[1];
    byte += 2;
    for (size_t i = 0; i < out->count; i++, byte += MEMBER_BYTES) {
        for (unsigned k = 0; k < 8; k++)
            out->member[i].id |= (uint64_t)byte[k] << 8 * k;
        if (byte[8] > 1)
            return false;
        out->member[i].is_voter = byte[8] == 1;
    }
    return members_are_sound(out);
}

static size_t count_voters(const struct raft_members *members)
{
    size_t count = 0;

    for (size_t i = 0; i < members->count; i++)
        count += members->member[i].is_voter;
    return count;
}

bool members_are_sound(const struct raft_members *members)
{
    uint64_t before = 0;

    if (members->count > RAFT_MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < members->count; i++) {
        if (members->member[i].id <= before)
            return false;
        before = members->member[i].id;
    }
    size_t voters = count_voters(members);
    return voters > 0 && voters <= RAFT_VOTERS_MAX;
}

bool members_are_equal(const struct raft_members *a, const struct raft_members *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->member[i].id != b->member[i].id || a->member[i].is_voter != b->member[i].is_voter)
            return false;
    }
    return true;
}

static const struct raft_member *find(const struct raft_members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            return &members->member[i];
    }
    return NULL;
}

/* ---- the configurations of the log */

static struct raft_conf *conf_now(const struct raft *r)
{
    return &r->conf[r->conf_count - 1];
}

const struct raft_members *members_now(const struct raft *r)
{
    return &conf_now(r)->members;
}

uint64_t members_index(const struct raft *r)
{
    return conf_now(r)->index;
}

const struct raft_members *members_at(const struct raft *r, uint64_t index)
{
    size_t n = r->conf_count;

    while (n > 1 && r->conf[n - 1].index > index)
        n--;
    return &r->conf[n - 1].members;
}

static void push(struct raft *r, uint64_t index, const struct raft_members *members)
{
    if (r->conf_count == r->conf_cap) {
        r->conf_cap = r->conf_cap ? r->conf_cap * 2 : 4;
        r->conf = hl_realloc(r->conf, r->conf_cap * sizeof(*r->conf));
    }
    r->conf[r->conf_count++] = (struct raft_conf){.index = index, .members = *members};
}

void members_init(struct raft *r, const struct raft_recovered *recovered)
{
    struct raft_members members;

    push(r, 0, recovered->base.index > 0 ? &recovered->base.members : &r->config.founders);
    for (size_t i = 0; i < recovered->members_count; i++) {
        const struct raft_entry *e = &recovered->members[i];

        if (e->index <= recovered->base.index)
            continue;
        bool is_sound = raft_members_decode(e->data, &members);
        HL_ASSERT(is_sound);
        push(r, e->index, &members);
    }
    members_apply(r);
}

void members_take(struct raft *r, uint64_t index, struct str data)
{
    struct raft_members members;
    bool is_sound = raft_members_decode(data, &members);

    HL_ASSERT(is_sound && index > members_index(r)); /* judged at the door */
    push(r, index, &members);
    members_apply(r);
}

void members_cut(struct raft *r, uint64_t from)
{
    size_t before = r->conf_count;

    while (r->conf_count > 1 && conf_now(r)->index >= from)
        r->conf_count--;
    if (r->conf_count != before)
        members_apply(r);
}

void members_rebase(struct raft *r, uint64_t index, const struct raft_members *members)
{
    size_t gone = 1;

    while (gone < r->conf_count && r->conf[gone].index <= index)
        gone++;
    r->conf[0] = (struct raft_conf){.index = 0, .members = *members};
    memmove(r->conf + 1, r->conf + gone, (r->conf_count - gone) * sizeof(*r->conf));
    r->conf_count -= gone - 1;
    members_apply(r);
}

/* ---- peers and quorums */

bool members_has(const struct raft *r, uint64_t id)
{
    return find(members_now(r), id) != NULL;
}

/* Thesis 4.2.2: until its removal is committed a server may still be needed to lead, although it
 * counts for nothing: those who lack that entry cannot win against one that has it. */
bool members_may_lead(const struct raft *r)
{
    if (r->is_voter)
        return true;
    if (members_index(r) <= r->commit)
        return false;
    const struct raft_member *self = find(&r->conf[r->conf_count - 2].members, r->config.id);
    return self && self->is_voter && !members_has(r, r->config.id);
}

bool members_is_alone(const struct raft *r)
{
    return r->is_voter && r->voter_count == 1;
}

struct raft_peer *members_peer(struct raft *r, uint64_t id)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peer[i].id == id)
            return &r->peer[i];
    }
    return NULL;
}

size_t members_quorum(const struct raft *r)
{
    return r->voter_count / 2 + 1;
}

static size_t insert_descending(uint64_t *value, size_t count, uint64_t v)
{
    size_t at = count;

    for (; at > 0 && value[at - 1] < v; at--)
        value[at] = value[at - 1];
    value[at] = v;
    return count + 1;
}

uint64_t members_quorum_value(const struct raft *r, uint64_t own,
                              uint64_t (*of)(const struct raft_peer *p))
{
    uint64_t value[RAFT_VOTERS_MAX];
    size_t count = 0;

    if (r->is_voter)
        count = insert_descending(value, count, own);
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peer[i].is_voter)
            count = insert_descending(value, count, of(&r->peer[i]));
    }
    HL_ASSERT(count == r->voter_count && count > 0); /* who has no voters does not lead */
    return value[members_quorum(r) - 1];
}

/* The members in force and, while a leader's removal of one is not committed, that one. */
static void list_peers(const struct raft *r, struct raft_members *out)
{
    const struct raft_conf *now = conf_now(r);

    *out = now->members;
    if (r->role != RAFT_LEADER || now->index <= r->commit)
        return;
    const struct raft_members *before = &r->conf[r->conf_count - 2].members;
    for (size_t i = 0; i < before->count && out->count < RAFT_MEMBERS_MAX; i++) {
        struct raft_member gone = {.id = before->member[i].id, .is_voter = false};
        size_t at = out->count;

        if (find(&now->members, gone.id))
            continue;
        for (; at > 0 && out->member[at - 1].id > gone.id; at--)
            out->member[at] = out->member[at - 1];
        out->member[at] = gone;
        out->count++;
    }
}

void members_apply(struct raft *r)
{
    struct raft_peer old[RAFT_MEMBERS_MAX];
    size_t old_count = r->peer_count;
    struct raft_members list;
    const struct raft_member *self = find(members_now(r), r->config.id);

    r->is_voter = self && self->is_voter;
    r->voter_count = count_voters(members_now(r));
    memcpy(old, r->peer, old_count * sizeof(*old));
    list_peers(r, &list);
    r->peer_count = 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct raft_member *m = &list.member[i];
        struct raft_peer *p = &r->peer[r->peer_count];
        size_t k = 0;

        if (m->id == r->config.id)
            continue;
        while (k < old_count && old[k].id != m->id)
            k++;
        *p = k < old_count ? old[k] : (struct raft_peer){.id = m->id};
        p->is_voter = m->is_voter;
        if (k == old_count)
            replicate_peer_init(r, p);
        r->peer_count++;
    }
}

/* ---- changes */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* It must also know that it takes part, from an entry or from the base: a voter that knows of no
 * members votes for nobody, and may be the one whose vote is needed. */
static bool has_caught_up(const struct raft *r, const struct raft_peer *p)
{
    uint64_t needed = larger(r->commit_older, r->term_first);

    needed = larger(needed, members_index(r) != 0 ? members_index(r) : r->base.index);
    return p->match >= needed && r->now_ms - p->heard_ms < r->config.election_ms;
}

/* Without `id`, would enough of the voters be alive to agree on anything? Else the change could
 * never be undone, and nothing else be done. */
static bool is_quorum_alive_without(const struct raft *r, uint64_t id)
{
    size_t needed = (r->voter_count - 1) / 2 + 1;
    size_t alive = r->is_voter && r->config.id != id;

    for (size_t i = 0; i < r->peer_count; i++) {
        const struct raft_peer *p = &r->peer[i];
        alive += p->is_voter && p->id != id && r->now_ms - p->heard_ms < r->config.election_ms;
    }
    return alive >= needed;
}

/* Fills `next` with the members after the change, or says why it cannot be. */
static enum raft_refusal derive(struct raft *r, enum raft_change change, uint64_t id,
                                struct raft_members *next)
{
    const struct raft_member *known = find(members_now(r), id);
    const struct raft_peer *p = members_peer(r, id);
    size_t at = 0;

    *next = *members_now(r);
    while (at < next->count && next->member[at].id < id)
        at++;
    switch (change) {
    case RAFT_ADD_LEARNER:
        if (id == 0 || known || next->count == RAFT_MEMBERS_MAX)
            return RAFT_REFUSED_MEMBER;
        for (size_t i = next->count++; i > at; i--)
            next->member[i] = next->member[i - 1];
        next->member[at] = (struct raft_member){.id = id};
        return 0;
    case RAFT_PROMOTE:
        if (!known || known->is_voter || r->voter_count == RAFT_VOTERS_MAX)
            return RAFT_REFUSED_MEMBER;
        if (!has_caught_up(r, p))
            return RAFT_REFUSED_BEHIND;
        next->member[at].is_voter = true;
        return 0;
    case RAFT_REMOVE:
        if (!known || (known->is_voter && r->voter_count == 1))
            return RAFT_REFUSED_MEMBER;
        if (known->is_voter && !is_quorum_alive_without(r, id))
            return RAFT_REFUSED_QUORUM;
        for (size_t i = at + 1; i < next->count; i++)
            next->member[i - 1] = next->member[i];
        next->count--;
        return 0;
    }
    return RAFT_REFUSED_MEMBER;
}

void members_change(struct raft *r, const struct raft_event *e)
{
    struct raft_members next;
    char data[RAFT_MEMBERS_BYTES_MAX];
    enum raft_refusal why = 0;

    if (r->role != RAFT_LEADER || r->transfer_to != 0)
        why = RAFT_REFUSED_NO_LEADER;
    else if (r->commit < r->term_first || members_index(r) > r->commit)
        why = RAFT_REFUSED_CHANGING;
    else
        why = derive(r, e->change, e->peer, &next);
    if (why != 0) {
        raft_emit_refused(r, e->tag, false, why);
        return;
    }
    raft_append(r, RAFT_ENTRY_MEMBERS, r->term,
                (struct str){data, raft_members_encode(&next, data)});
}
