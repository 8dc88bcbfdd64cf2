/* The rules of check.h by their numbers. */
#include "sim/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/store.h"

#define U(x) ((unsigned long long)(x))

void check_violate(struct check *k, const char *fmt, ...)
{
    va_list args;

    if (k->violation[0] != '\0')
        return;
    va_start(args, fmt);
    vsnprintf(k->violation, sizeof(k->violation), fmt, args);
    va_end(args);
}

void check_init(struct check *k)
{
    *k = (struct check){.seen_cap = 1024};
    k->seen = hl_calloc(k->seen_cap, sizeof(*k->seen));
}

void check_deinit(struct check *k)
{
    for (size_t s = 0; s < SLOTS; s++) {
        free(k->slot[s].log.past);
        free(k->slot[s].durable.past);
    }
    free(k->committed.past);
    free(k->committed_in);
    free(k->leader_of);
    free(k->vote_of);
    free(k->seen);
}

/* ---- histories */

static uint64_t hash_at(const struct history *h, uint64_t index)
{
    return index == 0 || index > h->count ? 0 : h->past[index - 1].hash;
}

static uint64_t bytes_at(const struct history *h, uint64_t index)
{
    return index == 0 || index > h->count ? 0 : h->past[index - 1].end_bytes;
}

/* What the member would come back with: its base stands for the entries that it covers. */
static uint64_t durable_hash(const struct check *k, const struct check_slot *c, uint64_t index)
{
    return hash_at(index <= c->base_index ? &k->committed : &c->durable, index);
}

static uint64_t durable_index(const struct check_slot *c)
{
    return c->base_index > c->durable.count ? c->base_index : c->durable.count;
}

static void cut(struct history *h, uint64_t from)
{
    if (from <= h->count)
        h->count = (size_t)from - 1;
}

static void push(struct history *h, struct past p)
{
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 256;
        h->past = hl_realloc(h->past, h->cap * sizeof(*h->past));
    }
    h->past[h->count++] = p;
}

static void copy(struct history *to, const struct history *from, size_t count)
{
    if (to->cap < count) {
        to->cap = count;
        to->past = hl_realloc(to->past, to->cap * sizeof(*to->past));
    }
    if (count > 0)
        memcpy(to->past, from->past, count * sizeof(*to->past));
    to->count = count;
}

static struct past next_past(const struct history *h, const struct raft_entry *e)
{
    uint64_t hash = sim_mix(sim_mix(hash_at(h, e->index - 1), e->term), (uint64_t)e->kind + 1);

    return (struct past){e->term, sim_hash(hash, e->data),
                         bytes_at(h, e->index - 1) + e->data.len + RAFT_ENTRY_COST};
}

static bool add(struct check *k, size_t s, struct history *h, const struct raft_entry *e)
{
    if (e->index != h->count + 1) {
        check_violate(k, "member %zu writes entry %llu behind entry %zu", s + 1, U(e->index),
                      h->count);
        return false;
    }
    push(h, next_past(h, e));
    return true;
}

static struct seen_entry *seen_slot(struct seen_entry *table, size_t cap, uint64_t index,
                                    uint64_t term)
{
    size_t at = (size_t)sim_mix(sim_mix(1, index), term) & (cap - 1);

    while (table[at].index != 0 && (table[at].index != index || table[at].term != term))
        at = (at + 1) & (cap - 1);
    return &table[at];
}

static void grow_seen(struct check *k)
{
    struct seen_entry *table = hl_calloc(k->seen_cap * 2, sizeof(*table));

    for (size_t i = 0; i < k->seen_cap; i++) {
        if (k->seen[i].index != 0)
            *seen_slot(table, k->seen_cap * 2, k->seen[i].index, k->seen[i].term) = k->seen[i];
    }
    free(k->seen);
    k->seen = table;
    k->seen_cap *= 2;
}

/* 3: Log Matching. */
static void check_seen(struct check *k, uint64_t index, uint64_t term, uint64_t hash)
{
    if (k->seen_count * 2 >= k->seen_cap)
        grow_seen(k);
    struct seen_entry *e = seen_slot(k->seen, k->seen_cap, index, term);
    if (e->index == 0) {
        *e = (struct seen_entry){index, term, hash};
        k->seen_count++;
    } else if (e->hash != hash) {
        check_violate(k, "log matching: two histories end in entry %llu of term %llu", U(index),
                      U(term));
    }
}

/* ---- terms and votes */

static void grow_terms(struct check *k, uint64_t term)
{
    size_t cap = k->term_cap ? k->term_cap : 256;

    if (term < k->term_cap)
        return;
    while (cap <= term)
        cap *= 2;
    k->leader_of = hl_realloc(k->leader_of, cap);
    k->vote_of = hl_realloc(k->vote_of, cap * ID_LIMIT);
    memset(k->leader_of + k->term_cap, 0, cap - k->term_cap);
    memset(k->vote_of + k->term_cap * ID_LIMIT, 0, (cap - k->term_cap) * ID_LIMIT);
    k->term_cap = cap;
}

/* 8 and 9 */
static void check_vote(struct check *k, size_t s, uint64_t term, uint64_t to)
{
    const struct check_slot *m = &k->slot[s];

    grow_terms(k, term);
    uint8_t *vote = &k->vote_of[term * ID_LIMIT + m->id];
    if (*vote != 0 && *vote != to)
        check_violate(k, "member %llu votes twice in term %llu", U(m->id), U(term));
    *vote = (uint8_t)to;
    if (m->hard.term != term || m->hard.vote != to)
        check_violate(k, "member %llu promises a vote in term %llu that its disk does not hold",
                      U(m->id), U(term));
}

static void check_acknowledged(struct check *k, size_t s, const struct raft_message *m)
{
    const struct check_slot *c = &k->slot[s];

    if (c->hard.term != m->term)
        check_violate(k, "member %llu acknowledges in term %llu that its disk does not hold",
                      U(c->id), U(m->term));
    if (m->index > durable_index(c) || durable_hash(k, c, m->index) != hash_at(&c->log, m->index))
        check_violate(k, "member %llu acknowledges entry %llu that its disk does not hold",
                      U(c->id), U(m->index));
}

/* 12 */
static void check_size(struct check *k, size_t s, const struct raft_message *m)
{
    size_t bytes = 0;

    for (size_t i = 0; i < m->entry_count; i++)
        bytes += m->entry[i].data.len + RAFT_ENTRY_COST;
    if (m->entry_count > RAFT_MESSAGE_ENTRIES_MAX ||
        (m->entry_count > 1 && bytes > RAFT_MESSAGE_BYTES_MAX) ||
        m->cursor.len > RAFT_CURSOR_BYTES_MAX || m->data.len > RAFT_PIECE_BYTES_MAX)
        check_violate(k, "member %llu sends a message over its limits", U(k->slot[s].id));
}

void check_message(struct check *k, size_t s, const struct raft_message *m)
{
    check_size(k, s, m);
    switch (m->kind) {
    case RAFT_MSG_VOTE:
        check_vote(k, s, m->term, m->from);
        break;
    case RAFT_MSG_VOTE_REPLY:
        if (!m->is_rejected)
            check_vote(k, s, m->term, m->to);
        break;
    case RAFT_MSG_APPEND_REPLY:
        if (!m->is_rejected)
            check_acknowledged(k, s, m);
        break;
    case RAFT_MSG_SNAPSHOT_REPLY:
        if (m->commit == 1 &&
            hash_at(&k->slot[s].log, m->index) != hash_at(&k->committed, m->index))
            check_violate(k, "member %llu says that it has snapshot %llu, and it has not",
                          U(k->slot[s].id), U(m->index));
        break;
    default:
        break;
    }
}

/* ---- effects */

static size_t voters(const struct raft_members *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++)
        n += m->member[i].is_voter;
    return n;
}

static bool has_voter(const struct raft_members *m, uint64_t id)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->member[i].id == id)
            return m->member[i].is_voter;
    }
    return false;
}

static size_t voters_not_in(const struct raft_members *a, const struct raft_members *b)
{
    size_t n = 0;

    for (size_t i = 0; i < a->count; i++)
        n += a->member[i].is_voter && !has_voter(b, a->member[i].id);
    return n;
}

/* 10 */
static void check_change(struct check *k, size_t s, const struct raft_entry *e,
                         const struct raft_status *now)
{
    const struct check_slot *c = &k->slot[s];
    struct raft_members next;

    if (!raft_members_decode(e->data, &next)) {
        check_violate(k, "member %llu appends members that cannot be read", U(c->id));
        return;
    }
    if (now->role != RAFT_LEADER || e->term != now->term)
        return;
    k->mark[MARK_REMOVED_LEADER] += !has_voter(&next, c->id);
    if (c->status.members_index > now->commit_index)
        check_violate(k, "leader %llu begins a change while entry %llu is not committed", U(c->id),
                      U(c->status.members_index));
    if (voters_not_in(&next, &c->status.members) + voters_not_in(&c->status.members, &next) > 1)
        check_violate(k, "leader %llu changes two voters at once", U(c->id));
    if (now->commit_index == 0 || now->commit_index > c->log.count ||
        c->log.past[now->commit_index - 1].term != now->term)
        check_violate(k, "leader %llu begins a change before an entry of term %llu is committed",
                      U(c->id), U(now->term));
}

static void check_persist(struct check *k, size_t s, bool was_leader, const struct raft_persist *p,
                          const struct raft_status *now)
{
    struct check_slot *c = &k->slot[s];
    uint64_t settled = now->commit_index > c->led_from ? now->commit_index : c->led_from;
    uint64_t uncommitted = bytes_at(&c->log, c->log.count) - bytes_at(&c->log, settled);

    if (p->reset_index != 0) {
        k->mark[p->reset_index < c->log.count ? MARK_INSTALL_CONFLICT : MARK_INSTALLED]++;
        if (p->reset_index > k->committed.count ||
            k->committed.past[p->reset_index - 1].term != p->reset_term) {
            check_violate(k, "member %llu begins its log anew behind what was never committed",
                          U(c->id));
            return;
        }
        copy(&c->log, &k->committed, (size_t)p->reset_index);
    }
    if (p->truncate_from != 0) {
        k->mark[MARK_TRUNCATED]++;
        if (was_leader)
            check_violate(k, "leader append-only: member %llu led and cut its log", U(c->id));
        if (p->truncate_from <= c->status.commit_index)
            check_violate(k, "member %llu cuts entry %llu, which it held for committed", U(c->id),
                          U(p->truncate_from));
        if (c->status.members_index >= p->truncate_from)
            k->mark[MARK_CHANGE_ROLLED_BACK]++;
        cut(&c->log, p->truncate_from);
    }
    if (was_leader && p->entry_count > 0 && uncommitted > k->uncommitted_bytes_max)
        check_violate(k, "leader %llu takes more with %llu bytes uncommitted", U(c->id),
                      U(uncommitted));
    for (size_t i = 0; i < p->entry_count && k->violation[0] == '\0'; i++) {
        const struct raft_entry *e = &p->entry[i];
        if (e->kind == RAFT_ENTRY_MEMBERS)
            check_change(k, s, e, now);
        if (!add(k, s, &c->log, e))
            return;
        check_seen(k, e->index, e->term, hash_at(&c->log, e->index));
    }
    if (p->compact_to > c->base_index)
        check_violate(k, "member %llu drops entries up to %llu, its base ends at %llu", U(c->id),
                      U(p->compact_to), U(c->base_index));
    k->mark[MARK_COMPACTED] += p->compact_to != 0;
}

/* 1 and 4 */
static void check_elected(struct check *k, size_t s, const struct raft_status *now)
{
    struct check_slot *c = &k->slot[s];
    size_t known = k->committed.count;

    k->mark[MARK_ELECTION]++;
    c->led_from = c->log.count;
    grow_terms(k, now->term);
    uint8_t *leader = &k->leader_of[now->term];
    if (*leader != 0 && *leader != c->id)
        check_violate(k, "election safety: members %u and %llu both lead term %llu", *leader,
                      U(c->id), U(now->term));
    *leader = (uint8_t)c->id;
    /* Thesis 4.2.2: whose removal is not committed may still be needed. */
    if (!has_voter(&now->members, c->id) && now->members_index <= now->commit_index)
        check_violate(k, "member %llu leads term %llu and is no voter", U(c->id), U(now->term));
    while (known > 0 && k->committed_in[known - 1] >= now->term)
        known--;
    if (known > 0 && hash_at(&c->log, known) != hash_at(&k->committed, known))
        check_violate(k,
                      "leader completeness: member %llu leads term %llu without committed entry "
                      "%zu",
                      U(c->id), U(now->term), known);
    if (c->log.count > now->commit_index + 1)
        k->mark[MARK_OLD_TERM_TAIL]++;
}

/* 6 */
static void check_commit(struct check *k, size_t s, const struct raft_status *now)
{
    const struct check_slot *c = &k->slot[s];
    uint64_t hash = hash_at(&c->log, now->commit_index);
    size_t copies = 0;

    if (now->commit_index <= k->committed.count) {
        if (hash != hash_at(&k->committed, now->commit_index))
            check_violate(k, "state machine safety: member %llu committed another entry %llu",
                          U(c->id), U(now->commit_index));
        return;
    }
    if (now->commit_index > c->log.count) {
        check_violate(k, "member %llu committed entry %llu, its log ends at %zu", U(c->id),
                      U(now->commit_index), c->log.count);
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (has_voter(&now->members, k->slot[i].id))
            copies += durable_hash(k, &k->slot[i], now->commit_index) == hash;
    }
    /* Whose store was refused since it acknowledged is gone with all that it promised. */
    for (size_t i = 0; i < now->peer_count; i++)
        copies += now->peer[i].is_voter && !check_slot_of(k, now->peer[i].id) &&
                  now->peer[i].match_index >= now->commit_index;
    if (copies < voters(&now->members) / 2 + 1)
        check_violate(k,
                      "commit durability: member %llu committed entry %llu with %zu durable "
                      "copies among %zu voters",
                      U(c->id), U(now->commit_index), copies, voters(&now->members));
    if (hash_at(&k->committed, k->committed.count) != hash_at(&c->log, k->committed.count))
        check_violate(k, "leader completeness: member %llu commits over another history", U(c->id));
    while (k->committed.count < now->commit_index) {
        size_t at = k->committed.count;
        if (at == k->committed_cap) {
            k->committed_cap = at ? at * 2 : 256;
            k->committed_in = hl_realloc(k->committed_in, k->committed_cap * sizeof(uint64_t));
        }
        k->committed_in[at] = now->term;
        push(&k->committed, c->log.past[at]);
    }
}

/* 5 */
static void check_applied(struct check *k, size_t s, const struct raft_output *out)
{
    struct check_slot *c = &k->slot[s];

    for (size_t i = 0; i < out->apply_count; i++) {
        const struct raft_entry *e = &out->apply[i];
        if (e->index != c->handed + 1)
            check_violate(k, "member %llu applies entry %llu after %llu", U(c->id), U(e->index),
                          U(c->handed));
        c->handed = e->index;
        if (e->index > k->committed.count ||
            next_past(&k->committed, e).hash != hash_at(&k->committed, e->index))
            check_violate(k, "state machine safety: member %llu applies another entry %llu",
                          U(c->id), U(e->index));
        if (durable_hash(k, c, e->index) != hash_at(&k->committed, e->index))
            check_violate(k, "member %llu applies entry %llu before its own disk has it", U(c->id),
                          U(e->index));
    }
}

/* 7 */
static void check_progress(struct check *k, size_t s, const struct raft_status *now)
{
    const struct check_slot *c = &k->slot[s];

    if (c->has_status && (now->term < c->status.term || now->commit_index < c->status.commit_index))
        check_violate(k, "member %llu went back in term or commit", U(c->id));
    if (now->last_index != c->log.count && !now->has_disk_failed)
        check_violate(k, "member %llu has %llu entries, %zu were written", U(c->id),
                      U(now->last_index), c->log.count);
    for (size_t i = 0; now->role == RAFT_LEADER && i < now->peer_count; i++) {
        const struct check_slot *peer = check_slot_of(k, now->peer[i].id);
        if (!peer || peer->hard.term > now->term)
            continue;
        if (now->peer[i].match_index > durable_index(peer))
            check_violate(k, "leader %llu counts entry %llu of member %llu, which has %zu",
                          U(c->id), U(now->peer[i].match_index), U(peer->id),
                          (size_t)durable_index(peer));
    }
}

static void mark_roles(struct check *k, const struct check_slot *c, const struct raft_status *now)
{
    if (!c->has_status)
        return;
    if (c->status.role == RAFT_LEADER && now->role != RAFT_LEADER)
        k->mark[now->term > c->status.term ? MARK_DEPOSED : MARK_STEPPED_DOWN]++;
    if (c->status.role == RAFT_CANDIDATE && now->role == RAFT_FOLLOWER &&
        now->term == c->status.term)
        k->mark[MARK_SPLIT_VOTE]++;
}

void check_output(struct check *k, size_t s, const struct raft *r, const struct raft_output *out)
{
    struct check_slot *c = &k->slot[s];
    bool was_leader = c->has_status && c->status.role == RAFT_LEADER;
    struct raft_status now;

    raft_status_get(r, &now);
    was_leader = was_leader && c->status.term == now.term;
    mark_roles(k, c, &now);
    check_persist(k, s, was_leader, &out->persist, &now);
    for (size_t i = 0; i < out->send_count; i++)
        check_message(k, s, &out->send[i]);
    if (now.role == RAFT_LEADER && !was_leader)
        check_elected(k, s, &now);
    check_commit(k, s, &now);
    check_applied(k, s, out);
    check_progress(k, s, &now);
    if (out->install.is_set && out->install.snapshot.index <= c->handed)
        check_violate(k, "member %llu installs snapshot %llu over newer state %llu", U(c->id),
                      U(out->install.snapshot.index), U(c->handed));
    c->status = now;
    c->has_status = true;
}

/* 11 */
void check_read(struct check *k, uint64_t index, uint64_t committed_when_asked)
{
    if (index < committed_when_asked)
        check_violate(k, "stale read: index %llu, but %llu was committed when it was asked",
                      U(index), U(committed_when_asked));
}

/* ---- disks */

void check_hard(struct check *k, size_t s, const struct raft_hard_state *hard)
{
    if (hard->term < k->slot[s].hard.term)
        check_violate(k, "member %llu writes a lower term", U(k->slot[s].id));
    k->slot[s].hard = *hard;
}

void check_reset(struct check *k, size_t s, uint64_t index, uint64_t term)
{
    (void)term;
    copy(&k->slot[s].durable, &k->committed, (size_t)index);
}

void check_truncate(struct check *k, size_t s, uint64_t from)
{
    cut(&k->slot[s].durable, from);
}

void check_entry(struct check *k, size_t s, const struct raft_entry *e)
{
    (void)add(k, s, &k->slot[s].durable, e); /* a gap is a violation, noted there */
}

void check_base(struct check *k, size_t s, const struct raft_snapshot *base)
{
    struct check_slot *c = &k->slot[s];

    if (base->index > k->committed.count || k->committed.past[base->index - 1].term != base->term)
        check_violate(k, "member %llu holds a base at %llu that was never committed", U(c->id),
                      U(base->index));
    c->base_index = base->index;
}

void check_start(struct check *k, size_t s, uint64_t applied_index)
{
    struct check_slot *c = &k->slot[s];

    /* A base beyond the log, or against it, stands for the entries that it covers. */
    if (c->base_index > 0 &&
        hash_at(&c->durable, c->base_index) != k->committed.past[c->base_index - 1].hash) {
        k->mark[MARK_INSTALL_CRASH]++;
        copy(&c->durable, &k->committed, (size_t)c->base_index);
    }
    copy(&c->log, &c->durable, c->durable.count);
    c->handed = applied_index;
    c->has_status = false;
}

void check_wipe(struct check *k, size_t s, uint64_t id)
{
    struct check_slot *c = &k->slot[s];

    c->id = id;
    c->log.count = 0;
    c->durable.count = 0;
    c->hard = (struct raft_hard_state){0};
    c->base_index = 0;
    c->handed = 0;
    c->has_status = false;
    c->status = (struct raft_status){0};
}

/* ---- questions */

struct check_slot *check_slot_of(struct check *k, uint64_t id)
{
    for (size_t s = 0; s < SLOTS; s++) {
        if (k->slot[s].id == id)
            return &k->slot[s];
    }
    return NULL;
}

static bool is_majority_left(const struct check *k, const struct raft_members *m,
                             const bool is_gone[SLOTS])
{
    size_t left = 0;

    for (size_t s = 0; s < SLOTS; s++)
        left += !is_gone[s] && k->slot[s].id != 0 && has_voter(m, k->slot[s].id);
    return left > voters(m) / 2;
}

bool check_is_majority_without(const struct check *k, const bool is_gone[SLOTS])
{
    for (size_t s = 0; s < SLOTS; s++) {
        const struct raft_status *now = &k->slot[s].status;
        if (k->slot[s].id == 0 || now->members.count == 0)
            continue;
        if (now->members_index > k->committed.count || !is_majority_left(k, &now->members, is_gone))
            return false;
    }
    return true;
}
