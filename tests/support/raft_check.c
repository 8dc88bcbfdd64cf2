/* The checker behind raft_cluster; each rule names what it is in the paper. */
#include "support/raft_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ (h >> 32);
}

static HL_PRINTF(2, 3) void violate(struct check *k, const char *fmt, ...)
{
    va_list args;

    if (k->violation[0] != '\0')
        return;
    va_start(args, fmt);
    vsnprintf(k->violation, sizeof(k->violation), fmt, args);
    va_end(args);
}

static void conf_push(struct check *k, uint64_t index, const struct raft_members *members)
{
    if (k->conf_count == k->conf_cap) {
        k->conf_cap = k->conf_cap ? k->conf_cap * 2 : 16;
        k->conf = hl_realloc(k->conf, k->conf_cap * sizeof(*k->conf));
    }
    k->conf[k->conf_count++] = (struct committed_members){index, *members};
}

void check_init(struct check *k, size_t member_count, const struct raft_members *founders)
{
    *k = (struct check){.member_count = member_count};
    conf_push(k, 0, founders);
    k->seen_cap = 1024;
    k->seen = hl_calloc(k->seen_cap, sizeof(*k->seen));
}

static void history_deinit(struct history *h)
{
    free(h->term);
    free(h->hash);
}

void check_deinit(struct check *k)
{
    for (size_t i = 0; i < CLUSTER_MAX; i++) {
        history_deinit(&k->member[i].log);
        history_deinit(&k->member[i].durable);
    }
    history_deinit(&k->committed);
    free(k->committed_in);
    free(k->conf);
    free(k->leader_of);
    free(k->vote_of);
    free(k->seen);
}

uint64_t history_hash(const struct history *h, uint64_t index)
{
    return index == 0 || index > h->count ? 0 : h->hash[index - 1];
}

void history_cut(struct history *h, uint64_t from)
{
    if (from <= h->count)
        h->count = (size_t)from - 1;
}

static void history_put(struct history *h, uint64_t term, uint64_t hash)
{
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->term = hl_realloc(h->term, h->cap * sizeof(*h->term));
        h->hash = hl_realloc(h->hash, h->cap * sizeof(*h->hash));
    }
    h->term[h->count] = term;
    h->hash[h->count++] = hash;
}

static uint64_t entry_hash(uint64_t before, const struct raft_entry *e)
{
    uint64_t h = mix(mix(mix(before, e->term), (uint64_t)e->kind + 1), e->data.len);

    for (size_t at = 0; at < e->data.len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t rest = e->data.len - at;
        memcpy(&word, e->data.ptr + at, rest < sizeof(word) ? rest : sizeof(word));
        h = mix(h, word);
    }
    return h;
}

void history_add(struct history *h, const struct raft_entry *e)
{
    HL_ASSERT(e->index == h->count + 1);
    history_put(h, e->term, entry_hash(history_hash(h, h->count), e));
}

void history_copy(struct history *to, const struct history *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        history_put(to, from->term[i], from->hash[i]);
}

static void grow_terms(struct check *k, uint64_t term)
{
    size_t cap = k->term_cap ? k->term_cap : 256;

    if (term < k->term_cap)
        return;
    while (cap <= term)
        cap *= 2;
    k->leader_of = hl_realloc(k->leader_of, cap * sizeof(uint64_t));
    k->vote_of = hl_realloc(k->vote_of, cap * CLUSTER_MAX * sizeof(uint64_t));
    memset(k->leader_of + k->term_cap, 0, (cap - k->term_cap) * sizeof(uint64_t));
    memset(k->vote_of + k->term_cap * CLUSTER_MAX, 0,
           (cap - k->term_cap) * CLUSTER_MAX * sizeof(uint64_t));
    k->term_cap = cap;
}

static struct seen *seen_slot(struct seen *table, size_t cap, uint64_t index, uint64_t term)
{
    size_t at = (size_t)mix(index, term) & (cap - 1);

    while (table[at].index != 0 && (table[at].index != index || table[at].term != term))
        at = (at + 1) & (cap - 1);
    return &table[at];
}

/* Log Matching: equal index and term, equal history. */
static void check_seen(struct check *k, uint64_t index, uint64_t term, uint64_t hash)
{
    if (k->seen_count * 2 >= k->seen_cap) {
        struct seen *table = hl_calloc(k->seen_cap * 2, sizeof(*table));
        for (size_t i = 0; i < k->seen_cap; i++) {
            if (k->seen[i].index != 0)
                *seen_slot(table, k->seen_cap * 2, k->seen[i].index, k->seen[i].term) = k->seen[i];
        }
        free(k->seen);
        k->seen = table;
        k->seen_cap *= 2;
    }
    struct seen *s = seen_slot(k->seen, k->seen_cap, index, term);
    if (s->index == 0) {
        *s = (struct seen){index, term, hash};
        k->seen_count++;
    } else if (s->hash != hash) {
        violate(k, "log matching: two histories end in entry %llu of term %llu",
                (unsigned long long)index, (unsigned long long)term);
    }
}

const struct committed_members *check_members_at(const struct check *k, uint64_t index)
{
    size_t n = k->conf_count;

    while (n > 1 && k->conf[n - 1].index > index)
        n--;
    return &k->conf[n - 1];
}

static bool has_voter(const struct raft_members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            return members->member[i].is_voter;
    }
    return false;
}

static size_t count_voters(const struct raft_members *members)
{
    size_t count = 0;

    for (size_t i = 0; i < members->count; i++)
        count += members->member[i].is_voter;
    return count;
}

/* Ids that are voters in one and not in the other. */
static size_t count_differing_voters(const struct raft_members *a, const struct raft_members *b)
{
    size_t count = 0;

    for (uint64_t id = 1; id <= CLUSTER_MAX; id++)
        count += has_voter(a, id) != has_voter(b, id);
    return count;
}

/* Thesis 4.1 and Ongaro's correction: one voter at a time, one change at a time, and none before
 * the leader has committed in its own term. */
static void check_change(struct check *k, size_t i, const struct raft_entry *e,
                         const struct raft_status *old)
{
    struct raft_members members;

    if (!raft_members_decode(e->data, &members)) {
        violate(k, "member %zu appends members that cannot be read", i + 1);
        return;
    }
    if (count_differing_voters(&old->members, &members) > 1)
        violate(k, "member %zu changes more than one voter in entry %llu", i + 1,
                (unsigned long long)e->index);
    if (old->members_index > k->committed.count)
        violate(k, "member %zu changes members while entry %llu is not committed", i + 1,
                (unsigned long long)old->members_index);
    size_t known = k->committed.count;
    if (known == 0 || k->committed.term[known - 1] < e->term)
        violate(k, "member %zu changes members before its own term has committed", i + 1);
}

static void check_kept(struct check *k, size_t i, const struct raft_persist *p)
{
    struct check_member *m = &k->member[i];

    if (p->compact_to > m->base)
        violate(k, "member %zu drops entry %llu, its base is %llu", i + 1,
                (unsigned long long)p->compact_to, (unsigned long long)m->base);
    if (p->reset_index == 0)
        return;
    if (p->reset_index > m->base || p->reset_index > k->committed.count ||
        p->reset_term != k->committed.term[p->reset_index - 1])
        violate(k, "member %zu begins its log behind entry %llu of term %llu, which it lacks",
                i + 1, (unsigned long long)p->reset_index, (unsigned long long)p->reset_term);
}

/* The log begins again behind the committed entry `index`. */
static void history_reset(struct history *h, const struct history *committed, uint64_t index)
{
    h->count = 0;
    for (size_t i = 0; i < index; i++)
        history_put(h, committed->term[i], committed->hash[i]);
}

static void check_persist(struct check *k, size_t i, bool was_leader, const struct raft_persist *p)
{
    struct check_member *m = &k->member[i];

    check_kept(k, i, p);
    if (k->violation[0] != '\0')
        return;
    if (p->reset_index != 0)
        history_reset(&m->log, &k->committed, p->reset_index);
    if (p->truncate_from != 0) {
        if (was_leader)
            violate(k, "leader append-only: member %zu led and cut its log", i + 1);
        history_cut(&m->log, p->truncate_from);
    }
    for (size_t n = 0; n < p->entry_count; n++) {
        history_add(&m->log, &p->entry[n]);
        if (was_leader && p->entry[n].kind == RAFT_ENTRY_MEMBERS)
            check_change(k, i, &p->entry[n], &m->status);
        check_seen(k, p->entry[n].index, p->entry[n].term, history_hash(&m->log, m->log.count));
    }
}

static void check_vote(struct check *k, size_t i, uint64_t term, uint64_t to)
{
    const struct check_member *m = &k->member[i];
    uint64_t *vote;

    grow_terms(k, term);
    vote = &k->vote_of[term * CLUSTER_MAX + i];
    if (*vote != 0 && *vote != to)
        violate(k, "member %zu votes twice in term %llu", i + 1, (unsigned long long)term);
    *vote = to;
    if (m->durable_hard.term != term || m->durable_hard.vote != to)
        violate(k, "member %zu promises a vote in term %llu that its disk does not hold", i + 1,
                (unsigned long long)term);
}

/* What a restart would find: the base and, if it has that entry, the log behind it. */
static uint64_t durable_hash(const struct check *k, const struct check_member *m, uint64_t index)
{
    if (index <= m->base)
        return history_hash(&k->committed, index);
    if (history_hash(&m->durable, m->base) != history_hash(&k->committed, m->base))
        return 0;
    return history_hash(&m->durable, index);
}

static void check_sent(struct check *k, size_t i, const struct raft_message *s)
{
    const struct check_member *m = &k->member[i];
    bool is_campaign = s->kind == RAFT_MSG_VOTE || s->kind == RAFT_MSG_PRE_VOTE;

    if (is_campaign && m->has_status && !has_voter(&m->status.members, i + 1) &&
        m->status.members_index <= m->status.commit_index)
        violate(k, "member %zu campaigns and is no voter", i + 1);
    if (s->kind == RAFT_MSG_VOTE)
        check_vote(k, i, s->term, i + 1);
    if (s->kind == RAFT_MSG_VOTE_REPLY && !s->is_rejected)
        check_vote(k, i, s->term, s->to);
    if (s->kind != RAFT_MSG_APPEND_REPLY || s->is_rejected)
        return;
    if (m->durable_hard.term != s->term)
        violate(k, "member %zu acknowledges in term %llu that its disk does not hold", i + 1,
                (unsigned long long)s->term);
    if (s->index > 0 && durable_hash(k, m, s->index) != history_hash(&m->log, s->index))
        violate(k, "member %zu acknowledges entry %llu that its disk does not hold", i + 1,
                (unsigned long long)s->index);
}

/* Leader Completeness, at the moment of election; also Election Safety. */
static void check_elected(struct check *k, size_t i, const struct raft_status *s)
{
    uint64_t *leader;
    size_t known = k->committed.count;

    grow_terms(k, s->term);
    leader = &k->leader_of[s->term];
    if (*leader != 0 && *leader != i + 1)
        violate(k, "election safety: members %llu and %zu both lead term %llu",
                (unsigned long long)*leader, i + 1, (unsigned long long)s->term);
    *leader = i + 1;
    while (known > 0 && k->committed_in[known - 1] >= s->term)
        known--;
    if (known > 0 && history_hash(&k->member[i].log, known) != history_hash(&k->committed, known))
        violate(k, "leader completeness: member %zu leads term %llu without committed entry %zu",
                i + 1, (unsigned long long)s->term, known);
}

/* Entries of the committed history that name members, from the log of who commits first. */
static void note_members(struct check *k, const struct raft_status *s)
{
    if (s->members_index != 0 && s->members_index <= s->commit_index &&
        s->members_index > k->conf[k->conf_count - 1].index)
        conf_push(k, s->members_index, &s->members);
}

static void check_commit(struct check *k, size_t i, const struct raft_status *s)
{
    const struct history *log = &k->member[i].log;
    size_t copies = 0;

    if (s->commit_index <= k->committed.count)
        return;
    for (size_t m = 0; m < k->member_count; m++)
        copies +=
            has_voter(&s->members, m + 1) &&
            durable_hash(k, &k->member[m], s->commit_index) == history_hash(log, s->commit_index);
    if (copies < count_voters(&s->members) / 2 + 1)
        violate(k, "commit durability: member %zu committed entry %llu with %zu durable copies",
                i + 1, (unsigned long long)s->commit_index, copies);
    while (k->committed.count < s->commit_index) {
        size_t at = k->committed.count;
        if (at == k->committed_cap) {
            k->committed_cap = at ? at * 2 : 64;
            k->committed_in = hl_realloc(k->committed_in, k->committed_cap * sizeof(uint64_t));
        }
        k->committed_in[at] = s->term;
        history_put(&k->committed, log->term[at], log->hash[at]);
    }
    note_members(k, s);
}

static void check_applied(struct check *k, size_t i, const struct raft_output *out)
{
    struct check_member *m = &k->member[i];

    for (size_t n = 0; n < out->apply_count; n++) {
        const struct raft_entry *e = &out->apply[n];
        uint64_t before = history_hash(&k->committed, e->index - 1);

        if (e->index != m->applied + 1)
            violate(k, "member %zu applies entry %llu after %llu", i + 1,
                    (unsigned long long)e->index, (unsigned long long)m->applied);
        m->applied = e->index;
        if (e->index > k->committed.count ||
            entry_hash(before, e) != history_hash(&k->committed, e->index))
            violate(k, "state machine safety: member %zu applies another entry %llu", i + 1,
                    (unsigned long long)e->index);
        if (durable_hash(k, m, e->index) != history_hash(&k->committed, e->index))
            violate(k, "member %zu applies entry %llu before its own disk has it", i + 1,
                    (unsigned long long)e->index);
    }
}

void check_output(struct check *k, size_t i, const struct raft *r, const struct raft_output *out)
{
    struct check_member *m = &k->member[i];
    struct raft_status old = m->status;
    bool was_leader = m->has_status && old.role == RAFT_LEADER;
    struct raft_status s;

    raft_status_get(r, &s);
    check_persist(k, i, was_leader && old.term == s.term, &out->persist);
    if (k->violation[0] != '\0')
        return;
    for (size_t n = 0; n < out->send_count; n++)
        check_sent(k, i, &out->send[n]);
    if (s.role == RAFT_LEADER && (!was_leader || old.term != s.term))
        check_elected(k, i, &s);
    check_commit(k, i, &s);
    check_applied(k, i, out);
    if (m->has_status && (s.term < old.term || s.commit_index < old.commit_index))
        violate(k, "member %zu went back in term or commit", i + 1);
    if (s.last_index != m->log.count && !s.has_disk_failed)
        violate(k, "member %zu has %llu entries, %zu were written", i + 1,
                (unsigned long long)s.last_index, m->log.count);
    m->status = s;
    m->has_status = true;
}

void check_durable(struct check *k, size_t i, const struct raft_persist *p)
{
    struct check_member *m = &k->member[i];

    if (p->has_hard_state)
        m->durable_hard = p->hard;
    if (p->reset_index != 0)
        history_reset(&m->durable, &k->committed, p->reset_index);
    if (p->truncate_from != 0)
        history_cut(&m->durable, p->truncate_from);
    for (size_t n = 0; n < p->entry_count; n++)
        history_add(&m->durable, &p->entry[n]);
}

void check_base(struct check *k, size_t i, uint64_t index)
{
    HL_ASSERT(index <= k->committed.count);
    if (k->member[i].base < index)
        k->member[i].base = index;
}

void check_installed(struct check *k, size_t i, uint64_t index)
{
    struct check_member *m = &k->member[i];

    if (index <= m->applied)
        violate(k, "member %zu installs a snapshot at %llu over a state at %llu", i + 1,
                (unsigned long long)index, (unsigned long long)m->applied);
    m->applied = index;
}

void check_restart(struct check *k, size_t i, uint64_t applied_index)
{
    struct check_member *m = &k->member[i];

    /* A log that does not hold the base's last entry is dropped at open. */
    if (durable_hash(k, m, m->base) != history_hash(&m->durable, m->base))
        history_reset(&m->durable, &k->committed, m->base);
    history_copy(&m->log, &m->durable);
    m->applied = applied_index;
    m->has_status = false;
}

void check_read(struct check *k, uint64_t tag, uint64_t index, uint64_t committed_when_asked)
{
    if (index < committed_when_asked)
        violate(k, "stale read %llu: index %llu, but %llu was committed when it was asked",
                (unsigned long long)tag, (unsigned long long)index,
                (unsigned long long)committed_when_asked);
}
