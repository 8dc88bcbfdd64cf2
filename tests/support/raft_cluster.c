/*
 * The simulation: a heap of events in virtual microseconds. A crash can happen between any two
 * events, so also between a step and the completion of what it asked for.
 */
#include "support/raft_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "support/raft_check.h"

enum { PAST_COUNT = 64, READS_CAP = 1 << 16 };

enum what { DELIVER, SYNCED, WAKE, RESTART, RESUME, JOIN, BASE, REPORT, INSTALLED, ROOM };

/* Of a base: taken, reported; or of a piece that a follower's disk was given. */
struct news {
    struct raft_snapshot snapshot;
    uint64_t from; /* where the piece begins */
    uint64_t hash; /* of all that it and those before it cover */
    bool is_last;
    bool is_damaged;
};

struct happening {
    int64_t at_us;
    uint64_t order;
    enum what what;
    size_t member;
    size_t other;
    uint64_t life;
    struct raft_message *message; /* owned, one block */
    struct news *news;            /* owned */
};

/* What a follower's disk holds of a snapshot: everything up to `to`. */
struct partial {
    uint64_t id;
    uint64_t to;
};

/* A persist effect on its way to the disk. */
struct write {
    struct raft_persist persist; /* entries owned, one block */
    struct raft_entry *entry;
};

struct member {
    struct raft *r;
    struct raft_cluster *cluster;
    uint64_t life;
    bool is_up;
    bool is_paused;
    int64_t wake_us;
    int64_t sync_us; /* 0: by chance */
    struct write *queue;
    size_t queue_count;
    size_t queue_cap;
    size_t syncing_count; /* the first of the queue, under one sync */
    struct raft_hard_state hard;
    uint64_t log_first;
    uint64_t before_term;
    struct raft_entry **log; /* durable entries, each one block */
    size_t log_count;
    size_t log_cap;
    struct raft_snapshot base;
    struct partial partial;
    bool is_taking_base;
    bool is_adopting;
    bool has_failed_disk;
    bool is_full;
};

struct raft_cluster {
    struct raft_cluster_config config;
    struct rng net;
    struct rng disk;
    struct rng fault;
    struct rng load;
    int64_t now_us;
    uint64_t order;
    struct raft_members founders;
    struct happening *heap;
    size_t heap_count;
    size_t heap_cap;
    struct member member[CLUSTER_MAX];
    bool is_cut[CLUSTER_MAX][CLUSTER_MAX];
    struct raft_message *past[PAST_COUNT];
    size_t past_next;
    uint64_t *read_floor; /* by tag: committed when asked */
    uint64_t read_tag;
    uint64_t proposal;
    bool is_calm;
    struct arena *arena;
    struct check check;
    struct raft_cluster_counts counts;
};

static bool chance(struct rng *r, unsigned permille)
{
    return permille > 0 && rng_below(r, 1000) < permille;
}

/* ---- messages and entries as single blocks */

static void *copy_entries(const struct raft_entry *entry, size_t count, size_t head_bytes)
{
    size_t bytes = head_bytes + count * sizeof(*entry);

    for (size_t i = 0; i < count; i++)
        bytes += entry[i].data.len;
    char *block = hl_alloc(bytes);
    struct raft_entry *out = (struct raft_entry *)(void *)(block + head_bytes);
    char *data = (char *)(out + count);
    for (size_t i = 0; i < count; i++) {
        out[i] = entry[i];
        out[i].data.ptr = data;
        if (entry[i].data.len)
            memcpy(data, entry[i].data.ptr, entry[i].data.len);
        data += entry[i].data.len;
    }
    return block;
}

static struct str copy_str(char *to, struct str s)
{
    if (s.len)
        memcpy(to, s.ptr, s.len);
    return (struct str){to, s.len};
}

static struct raft_message *copy_message(const struct raft_message *m)
{
    size_t head = sizeof(struct raft_message) + ((m->cursor.len + m->data.len + 15) & ~(size_t)15);
    struct raft_message *copy = copy_entries(m->entry, m->entry_count, head);
    char *bytes = (char *)(copy + 1);

    *copy = *m;
    copy->cursor = copy_str(bytes, m->cursor);
    copy->data = copy_str(bytes + m->cursor.len, m->data);
    copy->entry = (struct raft_entry *)(void *)((char *)copy + head);
    return copy;
}

/* ---- the heap */

static bool is_before(const struct happening *a, const struct happening *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void push(struct raft_cluster *c, struct happening h)
{
    size_t at = c->heap_count++;

    if (c->heap_count > c->heap_cap) {
        c->heap_cap = c->heap_cap ? c->heap_cap * 2 : 256;
        c->heap = hl_realloc(c->heap, c->heap_cap * sizeof(*c->heap));
    }
    h.order = c->order++;
    while (at > 0 && is_before(&h, &c->heap[(at - 1) / 2])) {
        c->heap[at] = c->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    c->heap[at] = h;
}

static struct happening pop(struct raft_cluster *c)
{
    struct happening top = c->heap[0];
    struct happening last = c->heap[--c->heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= c->heap_count)
            break;
        if (child + 1 < c->heap_count && is_before(&c->heap[child + 1], &c->heap[child]))
            child++;
        if (!is_before(&c->heap[child], &last))
            break;
        c->heap[at] = c->heap[child];
        at = child;
    }
    c->heap[at] = last;
    return top;
}

/* ---- the network */

static void deliver_later(struct raft_cluster *c, const struct raft_message *m, int64_t extra_us)
{
    int64_t latency_us =
        rng_between(&c->net, c->config.latency_min_us, c->config.latency_max_us) + extra_us;

    push(c, (struct happening){.at_us = c->now_us + latency_us,
                               .what = DELIVER,
                               .member = (size_t)m->to - 1,
                               .message = copy_message(m)});
}

static void transmit(struct raft_cluster *c, const struct raft_message *m)
{
    bool is_cut = c->is_cut[m->from - 1][m->to - 1];

    if (is_cut || (!c->is_calm && chance(&c->net, c->config.drop_permille)))
        return;
    deliver_later(c, m, 0);
    if (c->is_calm)
        return;
    if (chance(&c->net, c->config.repeat_permille))
        deliver_later(c, m, rng_between(&c->net, 0, 20000));
    if (c->config.old_permille == 0)
        return;
    struct raft_message **slot = &c->past[c->past_next++ % PAST_COUNT];
    if (*slot && chance(&c->net, c->config.old_permille))
        deliver_later(c, *slot, 0);
    free(*slot);
    *slot = copy_message(m);
}

/* ---- disks */

static int read_stored(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                       struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err)
{
    struct member *m = context;
    size_t bytes = 0;
    size_t count = 0;

    m->cluster->counts.stored_reads++;
    if (first < m->log_first || first >= m->log_first + m->log_count)
        return err_set(err, HL_EINVAL, "no entry %llu", (unsigned long long)first);
    first -= m->log_first; /* from here on a place in the array */
    while (count < max_count && first + count < m->log_count) {
        bytes += m->log[first + count]->data.len + RAFT_ENTRY_COST;
        if (count > 0 && bytes > max_bytes)
            break;
        count++;
    }
    *out = arena_array(a, struct raft_entry, count);
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = *m->log[first + i];
        (*out)[i].data = arena_dup(a, (*out)[i].data);
    }
    *out_count = count;
    return 0;
}

static struct str number(struct arena *a, uint64_t n)
{
    return arena_dup(a, (struct str){(const char *)&n, sizeof(n)});
}

static uint64_t number_of(struct str s)
{
    uint64_t n = 0;

    if (s.len == sizeof(n))
        memcpy(&n, s.ptr, sizeof(n));
    return n;
}

/* The state is its history; a piece covers some of it and carries the hash of all up to its end. A
 * cursor is how far the pieces before it go. */
static int read_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                      struct arena *a, struct str *out_data, struct str *out_next,
                      bool *out_is_last, struct err *err)
{
    const struct member *m = context;
    const struct raft_cluster *c = m->cluster;
    size_t pieces = c->config.piece_count ? c->config.piece_count : 3;
    uint64_t to = number_of(cursor) + m->base.index / pieces + 1;

    (void)max_bytes;
    if (id != m->base.id)
        return err_set(err, HL_EABSENT, "no base %llx", (unsigned long long)id);
    if (number_of(cursor) > m->base.index)
        return err_set(err, HL_EINVAL, "no such place");
    if (to > m->base.index)
        to = m->base.index;
    *out_data = number(a, history_hash(&c->check.committed, to));
    *out_next = number(a, to);
    *out_is_last = to == m->base.index;
    return 0;
}

static void start_sync(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];
    int64_t us = m->sync_us;

    if (m->syncing_count > 0 || m->queue_count == 0 || m->is_full)
        return;
    if (us == 0) {
        us = rng_between(&c->disk, c->config.sync_min_us, c->config.sync_max_us);
        if (!c->is_calm && chance(&c->disk, c->config.slow_sync_permille))
            us *= 50;
    }
    m->syncing_count = m->queue_count; /* group commit: all that waits */
    push(c,
         (struct happening){.at_us = c->now_us + us, .what = SYNCED, .member = i, .life = m->life});
}

static void enqueue(struct raft_cluster *c, size_t i, const struct raft_persist *p)
{
    struct member *m = &c->member[i];
    struct write w = {.persist = *p};

    w.entry = copy_entries(p->entry, p->entry_count, 0);
    w.persist.entry = w.entry;
    if (m->queue_count == m->queue_cap) {
        m->queue_cap = m->queue_cap ? m->queue_cap * 2 : 16;
        m->queue = hl_realloc(m->queue, m->queue_cap * sizeof(*m->queue));
    }
    m->queue[m->queue_count++] = w;
    start_sync(c, i);
}

static void cut_log(struct member *m, uint64_t from)
{
    while (m->log_count > 0 && m->log_first + m->log_count > from)
        free(m->log[--m->log_count]);
}

static void drop_log_up_to(struct member *m, uint64_t to)
{
    size_t count = 0;

    while (count < m->log_count && m->log_first + count <= to)
        m->before_term = m->log[count]->term, free(m->log[count++]);
    if (count > 0)
        memmove(m->log, m->log + count, (m->log_count - count) * sizeof(struct raft_entry *));
    m->log_count -= count;
    m->log_first += count;
}

static void reset_log(struct member *m, uint64_t index, uint64_t term)
{
    cut_log(m, 0);
    m->log_first = index + 1;
    m->before_term = term;
}

static void settle(struct raft_cluster *c, size_t i, const struct raft_persist *p)
{
    struct member *m = &c->member[i];

    if (p->has_hard_state)
        m->hard = p->hard;
    if (p->reset_index != 0)
        reset_log(m, p->reset_index, p->reset_term);
    if (p->truncate_from != 0) {
        cut_log(m, p->truncate_from);
        c->counts.truncations++;
    }
    if (p->compact_to != 0) {
        drop_log_up_to(m, p->compact_to);
        c->counts.compactions++;
    }
    for (size_t n = 0; n < p->entry_count; n++) {
        if (m->log_count == m->log_cap) {
            m->log_cap = m->log_cap ? m->log_cap * 2 : 64;
            m->log = hl_realloc(m->log, m->log_cap * sizeof(struct raft_entry *));
        }
        m->log[m->log_count++] = copy_entries(&p->entry[n], 1, 0);
    }
    check_durable(&c->check, i, p);
}

/* The first `count` writes reach the disk, or, lost in a crash, do not. */
static void drop_writes(struct member *m, size_t count)
{
    for (size_t n = 0; n < count; n++)
        free(m->queue[n].entry);
    if (count > 0)
        memmove(m->queue, m->queue + count, (m->queue_count - count) * sizeof(*m->queue));
    m->queue_count -= count;
}

/* ---- steps */

static uint64_t fold(uint64_t h, uint64_t v)
{
    return (h ^ v) * UINT64_C(0x100000001b3) ^ (h >> 29);
}

static void trace(struct raft_cluster *c, size_t i, const struct raft_output *out)
{
    uint64_t h = fold(fold(c->counts.trace_hash, i), (uint64_t)c->now_us);

    h = fold(fold(h, out->persist.sequence), out->persist.entry_count);
    for (size_t n = 0; n < out->send_count; n++) {
        const struct raft_message *m = &out->send[n];
        h = fold(fold(fold(h, m->kind), m->to), m->term);
        h = fold(fold(fold(h, m->index), m->commit), m->entry_count);
    }
    c->counts.trace_hash = fold(fold(h, out->apply_count), (uint64_t)out->wake_ms);
}

static void strike(struct raft_cluster *c, size_t i);

static void later(struct raft_cluster *c, size_t i, enum what what, const struct news *news)
{
    int64_t us = rng_between(&c->disk, c->config.sync_min_us, c->config.sync_max_us);
    struct news *copy = hl_alloc(sizeof(*copy));

    if (!c->is_calm && chance(&c->disk, c->config.slow_sync_permille))
        us *= 50;
    if (!c->is_calm && c->config.has_nemesis && news->is_last)
        us += rng_between(&c->disk, 0, 2000000); /* time for another leader to send its log */
    *copy = *news;
    push(c, (struct happening){.at_us = c->now_us + us,
                               .what = what,
                               .member = i,
                               .life = c->member[i].life,
                               .news = copy});
}

/* ---- bases */

static void take_base(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];
    const struct check_member *k = &c->check.member[i];
    const struct committed_members *conf = check_members_at(&c->check, k->applied);
    bool knows_members = i < c->config.founder_count || conf->index > 0 || m->base.index > 0;

    if (!m->is_up || m->is_taking_base || m->is_adopting || !knows_members ||
        k->applied <= m->base.index)
        return;
    m->is_taking_base = true;
    later(c, i, BASE,
          &(struct news){.snapshot = {.index = k->applied,
                                      .term = c->check.committed.term[k->applied - 1],
                                      .members = conf->members,
                                      .id = history_hash(&c->check.committed, k->applied)}});
}

/* The base becomes durable, the old one is gone, and a little later the core hears of it. */
static void on_base(struct raft_cluster *c, size_t i, const struct news *news)
{
    struct member *m = &c->member[i];

    if (news->snapshot.index > m->base.index) {
        m->base = news->snapshot;
        check_base(&c->check, i, m->base.index);
        c->counts.bases++;
    }
    later(c, i, REPORT, news);
}

static void on_install(struct raft_cluster *c, size_t i, const struct raft_install *in)
{
    struct member *m = &c->member[i];

    if (m->partial.id != in->snapshot.id)
        m->partial = (struct partial){.id = in->snapshot.id};
    m->is_adopting = in->is_last;
    c->counts.pieces++;
    later(c, i, INSTALLED,
          &(struct news){
              .snapshot = in->snapshot,
              .from = number_of(in->cursor),
              .hash = number_of(in->data),
              .is_last = in->is_last,
              .is_damaged = !c->is_calm && chance(&c->disk, c->config.damage_permille),
          });
}

static void step(struct raft_cluster *c, size_t i, const struct raft_event *e)
{
    struct member *m = &c->member[i];
    struct raft_output out;

    if (!m->is_up)
        return;
    enum raft_role role = c->check.member[i].status.role;
    uint64_t committed = c->check.committed.count;
    bool was_adopting = m->is_adopting;
    raft_step(m->r, e, c->now_us / 1000, c->arena, &out);
    c->counts.steps++;
    trace(c, i, &out);
    check_output(&c->check, i, m->r, &out);
    if (c->check.member[i].status.role == RAFT_LEADER && role != RAFT_LEADER)
        c->counts.elections++;
    if (out.persist.sequence != 0)
        enqueue(c, i, &out.persist);
    if (m->is_adopting && out.apply_count > 0)
        hl_die("member %zu applies while a snapshot is being installed", i + 1);
    c->counts.resets += out.persist.reset_index != 0;
    if (out.install.is_set)
        on_install(c, i, &out.install);
    for (size_t n = 0; n < out.send_count; n++)
        transmit(c, &out.send[n]);
    for (size_t n = 0; n < out.read_count; n++) {
        check_read(&c->check, out.read[n].tag, out.read[n].index,
                   c->read_floor[out.read[n].tag % READS_CAP]);
        c->counts.reads_served++;
    }
    c->counts.refused += out.refused_count;
    int64_t wake_us = out.wake_ms * 1000 > c->now_us ? out.wake_ms * 1000 : c->now_us + 1;
    if (wake_us != m->wake_us) {
        m->wake_us = wake_us;
        push(c, (struct happening){.at_us = wake_us, .what = WAKE, .member = i, .life = m->life});
    }
    uint64_t applied = out.apply_count ? out.apply[out.apply_count - 1].index : 0;
    arena_reset(c->arena);
    if (applied != 0)
        step(c, i, &(struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = applied});
    bool is_adopting = m->is_adopting && !was_adopting;
    bool is_news = c->check.committed.count > committed || is_adopting ||
                   (c->check.member[i].status.role == RAFT_LEADER && role != RAFT_LEADER);
    bool is_nemesis_due = c->config.has_nemesis && !c->is_calm;
    if (is_nemesis_due && is_news && chance(&c->fault, 100))
        strike(c, i);
    if (is_nemesis_due && is_adopting && raft_cluster_leader(c) != 0 && chance(&c->fault, 500))
        strike(c, (size_t)raft_cluster_leader(c) - 1);
}

static void boot(struct raft_cluster *c, size_t i, uint64_t applied_index)
{
    struct member *m = &c->member[i];
    struct raft_config config = {
        .id = i + 1,
        .founders = c->founders,
        .stall_ms = c->config.stall_ms,
        .keep_bytes = c->config.keep_bytes,
        .seed = c->config.seed ^ (m->life << 32),
        .heartbeat_ms = c->config.heartbeat_ms,
        .election_ms = c->config.election_ms,
        .cache_bytes_max = c->config.cache_bytes_max,
        .inflight_bytes_max = c->config.inflight_bytes_max,
        .uncommitted_bytes_max = c->config.uncommitted_bytes_max,
        .storage = {.context = m, .read = read_stored, .read_piece = read_piece},
    };
    if (i >= c->config.founder_count)
        config.founders.count = 0; /* it joins */
    struct raft_term_run *run = hl_calloc(m->log_count + 1, sizeof(*run));
    struct raft_entry *members = hl_calloc(m->log_count + 1, sizeof(*members));
    struct raft_recovered recovered = {.hard = m->hard,
                                       .first_index = m->log_first,
                                       .last_index = m->log_first + m->log_count - 1,
                                       .before_term = m->before_term,
                                       .run = run,
                                       .members = members,
                                       .base = m->base,
                                       .applied_index = applied_index};
    struct err err;

    for (size_t n = 0; n < m->log_count; n++) {
        if (m->log[n]->term != recovered.last_term)
            run[recovered.run_count++] = (struct raft_term_run){m->log[n]->index, m->log[n]->term};
        if (m->log[n]->kind == RAFT_ENTRY_MEMBERS)
            members[recovered.members_count++] = *m->log[n];
        recovered.last_term = m->log[n]->term;
    }
    check_restart(&c->check, i, applied_index);
    if (raft_new(&config, &recovered, c->now_us / 1000, &m->r, &err) != 0)
        hl_die("member %zu: %s", i + 1, err.text);
    free(run);
    free(members);
    m->is_up = true;
    m->wake_us = -1;
    step(c, i, &(struct raft_event){.kind = RAFT_EVENT_TICK});
}

static void crash(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];

    if (!m->is_up)
        return;
    size_t survive = (size_t)rng_below(&c->disk, m->queue_count + 1);
    for (size_t n = 0; n < survive; n++)
        settle(c, i, &m->queue[n].persist);
    for (size_t n = survive; n < m->queue_count; n++)
        c->counts.entries_lost += m->queue[n].persist.entry_count;
    drop_writes(m, m->queue_count);
    m->syncing_count = 0;
    raft_free(m->r);
    m->r = NULL;
    m->is_up = false;
    m->is_paused = false;
    m->is_taking_base = false;
    m->is_adopting = false;
    m->is_full = false;
    m->life++;
    c->counts.crashes++;
}

/* A log that does not hold the base's last entry is of no more use. */
static void open_log(struct member *m)
{
    uint64_t last = m->log_first + m->log_count - 1;
    uint64_t term = m->base.index + 1 == m->log_first ? m->before_term : 0;

    if (m->base.index >= m->log_first && m->base.index <= last)
        term = m->log[m->base.index - m->log_first]->term;
    if (term != m->base.term)
        reset_log(m, m->base.index, m->base.term);
}

static void restart(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];

    if (m->is_up)
        return;
    m->has_failed_disk = false;
    open_log(m);
    /* Changes since the base are redone from the log; a state that keeps them is allowed, too. */
    uint64_t applied = c->check.member[i].applied;
    uint64_t last = m->log_first + m->log_count - 1;
    bool is_kept = chance(&c->disk, 500) && applied >= m->base.index && applied <= last;
    boot(c, i, is_kept ? applied : m->base.index);
}

static void restart_later(struct raft_cluster *c, size_t i)
{
    bool is_quick = rng_below(&c->fault, 100) < c->config.restart_quick_percent;
    int64_t ms = is_quick ? rng_between(&c->fault, 1, 30) : rng_between(&c->fault, 30, 2000);

    push(c, (struct happening){.at_us = c->now_us + ms * 1000,
                               .what = RESTART,
                               .member = i,
                               .life = c->member[i].life});
}

static void cut_for_a_while(struct raft_cluster *c, size_t from, size_t to)
{
    c->is_cut[from][to] = true;
    push(c, (struct happening){.at_us = c->now_us + rng_between(&c->fault, 1000, 3000000),
                               .what = JOIN,
                               .member = from,
                               .other = to});
}

static void strike(struct raft_cluster *c, size_t i)
{
    if (chance(&c->fault, 500)) {
        crash(c, i);
        restart_later(c, i);
        return;
    }
    for (size_t n = 0; n < c->config.member_count; n++) {
        if (n != i && chance(&c->fault, 800))
            cut_for_a_while(c, i, n);
    }
}

/* ---- random faults and load */

static uint64_t new_read(struct raft_cluster *c)
{
    uint64_t tag = ++c->read_tag;

    c->read_floor[tag % READS_CAP] = c->check.committed.count;
    return tag;
}

static void propose_something(struct raft_cluster *c, size_t i)
{
    char data[3000];
    size_t len = (size_t)(chance(&c->load, 30) ? rng_between(&c->load, 1000, 3000)
                                               : rng_between(&c->load, 8, 100));
    struct str several[3];
    size_t count = 1 + (size_t)rng_below(&c->load, HL_COUNT(several));

    memset(data, 'a', sizeof(data));
    memcpy(data, &c->proposal, sizeof(c->proposal));
    c->proposal++;
    for (size_t n = 0; n < count; n++)
        several[n] = (struct str){data, len - n};
    step(c, i,
         &(struct raft_event){
             .kind = RAFT_EVENT_PROPOSE, .data = several, .data_count = count, .tag = 1});
}

/* Something that the operator might do, right or wrong; the leader refuses what cannot be. */
static void change_something(struct raft_cluster *c)
{
    static const enum raft_change kinds[] = {RAFT_ADD_LEARNER, RAFT_PROMOTE, RAFT_PROMOTE,
                                             RAFT_REMOVE};
    uint64_t leader = raft_cluster_leader(c);
    uint64_t id = 1 + rng_below(&c->fault, c->config.member_count);
    enum raft_change kind = kinds[rng_below(&c->fault, HL_COUNT(kinds))];

    if (leader != 0)
        raft_cluster_change(c, leader, kind, id);
}

static void fill_disk(struct raft_cluster *c, size_t i)
{
    if (!c->member[i].is_up || c->member[i].is_full)
        return;
    raft_cluster_set_full(c, i + 1, true);
    push(c, (struct happening){.at_us = c->now_us + rng_between(&c->fault, 10000, 5000000),
                               .what = ROOM,
                               .member = i,
                               .life = c->member[i].life});
}

static void disturb(struct raft_cluster *c)
{
    const struct raft_cluster_config *f = &c->config;
    size_t count = f->member_count;
    size_t i = (size_t)rng_below(&c->fault, count);
    size_t other = (size_t)rng_below(&c->fault, count);

    if (chance(&c->fault, f->crash_permille) && c->member[i].is_up) {
        crash(c, i);
        restart_later(c, i);
    }
    if (chance(&c->fault, f->cut_permille) && i != other)
        cut_for_a_while(c, i, other);
    if (chance(&c->fault, f->pause_permille) && c->member[i].is_up && !c->member[i].is_paused) {
        c->member[i].is_paused = true;
        push(c, (struct happening){.at_us = c->now_us + rng_between(&c->fault, 10000, 3000000),
                                   .what = RESUME,
                                   .member = i,
                                   .life = c->member[i].life});
    }
    if (chance(&c->fault, f->hint_permille) && i != other)
        raft_cluster_peer_lost(c, i + 1, other + 1);
    if (chance(&c->fault, f->transfer_permille))
        raft_cluster_transfer(c, i + 1, other + 1);
    if (chance(&c->fault, f->change_permille))
        change_something(c);
    if (chance(&c->fault, f->base_permille))
        take_base(c, i);
    if (chance(&c->fault, f->full_permille))
        fill_disk(c, i);
}

static void load(struct raft_cluster *c)
{
    size_t i = (size_t)rng_below(&c->load, c->config.member_count);

    if (chance(&c->load, c->config.propose_permille))
        propose_something(c, i);
    if (chance(&c->load, c->config.read_permille))
        raft_cluster_read(c, i + 1);
}

/* ---- running */

static void on_synced(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];
    size_t count = m->syncing_count;

    if (m->has_failed_disk)
        return;
    uint64_t sequence = m->queue[count - 1].persist.sequence;
    for (size_t n = 0; n < count; n++)
        settle(c, i, &m->queue[n].persist);
    drop_writes(m, count);
    m->syncing_count = 0;
    start_sync(c, i);
    step(c, i, &(struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = sequence});
}

static void on_report(struct raft_cluster *c, size_t i, const struct news *news)
{
    c->member[i].is_taking_base = false;
    step(c, i, &(struct raft_event){.kind = RAFT_EVENT_SNAPSHOT, .snapshot = &news->snapshot});
}

/* The last piece: the snapshot is the state now. */
static void adopt(struct raft_cluster *c, size_t i, const struct raft_snapshot *s)
{
    struct member *m = &c->member[i];

    check_installed(&c->check, i, s->index);
    m->base = *s;
    m->partial = (struct partial){0};
    check_base(&c->check, i, s->index);
    c->counts.installs++;
}

/* False: it does not begin where the last one ended, or is not what it should be. */
static bool store_piece(struct raft_cluster *c, struct partial *partial, const struct news *news)
{
    if (news->is_damaged || news->from != partial->to) {
        partial->to = 0;
        return false;
    }
    while (history_hash(&c->check.committed, ++partial->to) != news->hash)
        HL_ASSERT(partial->to < news->snapshot.index);
    return true;
}

static void on_stored(struct raft_cluster *c, size_t i, const struct news *news)
{
    struct member *m = &c->member[i];
    bool is_question = news->hash == 0;
    struct raft_installed in = {.outcome = RAFT_PIECE_STORED, .id = news->snapshot.id};

    m->is_adopting = false;
    if (!is_question && !store_piece(c, &m->partial, news))
        in.outcome = RAFT_PIECE_REFUSED;
    else if (news->is_last)
        in.outcome = RAFT_BASE_INSTALLED;
    if (in.outcome == RAFT_BASE_INSTALLED)
        adopt(c, i, &news->snapshot);
    else if (m->partial.to > 0)
        in.cursor = (struct str){(const char *)&m->partial.to, sizeof(m->partial.to)};
    step(c, i, &(struct raft_event){.kind = RAFT_EVENT_INSTALLED, .installed = &in});
}

static void happen_to_base(struct raft_cluster *c, const struct happening *h)
{
    struct member *m = &c->member[h->member];

    if (!m->is_up || m->life != h->life)
        return;
    switch (h->what) {
    case BASE:
        on_base(c, h->member, h->news);
        break;
    case REPORT:
        on_report(c, h->member, h->news);
        break;
    case INSTALLED:
        on_stored(c, h->member, h->news);
        break;
    default:
        raft_cluster_set_full(c, h->member + 1, false);
    }
}

static void happen(struct raft_cluster *c, struct happening *h)
{
    struct member *m = &c->member[h->member];

    switch (h->what) {
    case DELIVER:
        if (!c->is_cut[h->message->from - 1][h->member])
            step(c, h->member,
                 &(struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = h->message});
        break;
    case SYNCED:
        if (m->is_up && m->life == h->life)
            on_synced(c, h->member);
        break;
    case WAKE:
        if (m->is_up && m->life == h->life && m->wake_us == h->at_us)
            step(c, h->member, &(struct raft_event){.kind = RAFT_EVENT_TICK});
        break;
    case RESTART:
        if (m->life == h->life)
            restart(c, h->member);
        break;
    case RESUME:
        if (m->life == h->life)
            m->is_paused = false;
        break;
    case JOIN:
        c->is_cut[h->member][h->other] = false;
        break;
    default:
        happen_to_base(c, h);
    }
}

/* A member that is stopped sees everything later, in the order in which it came. */
static bool is_for_later(struct raft_cluster *c, struct happening *h)
{
    enum { LOOK_AGAIN_US = 1000 };
    bool is_own = h->what == DELIVER || h->what == SYNCED || h->what == WAKE;

    if (!is_own || !c->member[h->member].is_paused)
        return false;
    if (h->what == WAKE && c->member[h->member].wake_us == h->at_us)
        c->member[h->member].wake_us = c->now_us + LOOK_AGAIN_US;
    h->at_us = c->now_us + LOOK_AGAIN_US;
    push(c, *h);
    return true;
}

static void advance(struct raft_cluster *c)
{
    struct happening h = pop(c);

    HL_ASSERT(h.at_us >= c->now_us);
    c->now_us = h.at_us;
    if (is_for_later(c, &h))
        return;
    happen(c, &h);
    free(h.message);
    free(h.news);
}

bool raft_cluster_run(struct raft_cluster *c, size_t steps)
{
    c->is_calm = false;
    for (size_t n = 0; n < steps && c->heap_count > 0 && c->check.violation[0] == '\0'; n++) {
        advance(c);
        disturb(c);
        load(c);
    }
    return c->check.violation[0] == '\0';
}

bool raft_cluster_calm(struct raft_cluster *c, int64_t for_ms)
{
    int64_t until_us = c->now_us + for_ms * 1000;

    c->is_calm = true;
    while (c->heap_count > 0 && c->heap[0].at_us <= until_us && c->check.violation[0] == '\0')
        advance(c);
    if (c->now_us < until_us)
        c->now_us = until_us;
    return c->check.violation[0] == '\0';
}

void raft_cluster_heal(struct raft_cluster *c)
{
    memset(c->is_cut, 0, sizeof(c->is_cut));
    for (size_t i = 0; i < c->config.member_count; i++) {
        c->member[i].is_paused = false;
        raft_cluster_set_full(c, i + 1, false);
        restart(c, i);
    }
}

static void take_defaults(struct raft_cluster_config *f)
{
    if (f->founder_count == 0)
        f->founder_count = f->member_count;
    if (f->latency_max_us == 0) {
        f->latency_min_us = 100;
        f->latency_max_us = 300;
    }
    if (f->sync_max_us == 0) {
        f->sync_min_us = 100;
        f->sync_max_us = 400;
    }
}

/* Equal index and term, equal entry. */
static void preset_log(struct raft_cluster *c, size_t i, const char *terms)
{
    struct raft_persist p = {.has_hard_state = true};
    struct raft_entry e = {.kind = RAFT_ENTRY_COMMAND, .data = STR("preset")};

    for (; *terms; terms++) {
        e.index++;
        e.term = (uint64_t)(*terms - '0');
        p.hard.term = e.term;
        p.entry = &e;
        p.entry_count = 1;
        settle(c, i, &p);
    }
}

struct raft_cluster *raft_cluster_new(const struct raft_cluster_config *config)
{
    struct raft_cluster *c = hl_calloc(1, sizeof(*c));

    HL_ASSERT(config->member_count > 0 && config->member_count <= CLUSTER_MAX);
    c->config = *config;
    take_defaults(&c->config);
    /* One stream for each concern: a draw more in one does not move the others. */
    rng_seed(&c->net, config->seed ^ 1);
    rng_seed(&c->disk, config->seed ^ 2);
    rng_seed(&c->fault, config->seed ^ 3);
    rng_seed(&c->load, config->seed ^ 4);
    c->now_us = 1000000;
    c->arena = arena_new();
    c->read_floor = hl_calloc(READS_CAP, sizeof(*c->read_floor));
    c->founders.count = c->config.founder_count;
    for (size_t i = 0; i < c->founders.count; i++)
        c->founders.member[i] = (struct raft_member){.id = i + 1, .is_voter = true};
    check_init(&c->check, config->member_count, &c->founders);
    for (size_t i = 0; i < config->member_count; i++) {
        c->member[i].cluster = c;
        c->member[i].log_first = 1;
        if (config->logs[i])
            preset_log(c, i, config->logs[i]);
    }
    for (size_t i = 0; i < config->member_count; i++)
        boot(c, i, 0);
    return c;
}

void raft_cluster_free(struct raft_cluster *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->config.member_count; i++) {
        struct member *m = &c->member[i];
        raft_free(m->r);
        drop_writes(m, m->queue_count);
        free(m->queue);
        cut_log(m, 0);
        free(m->log);
    }
    for (size_t n = 0; n < c->heap_count; n++) {
        free(c->heap[n].message);
        free(c->heap[n].news);
    }
    for (size_t n = 0; n < PAST_COUNT; n++)
        free(c->past[n]);
    check_deinit(&c->check);
    free(c->read_floor);
    free(c->heap);
    arena_free(c->arena);
    free(c);
}

/* ---- scripts */

const char *raft_cluster_violation(const struct raft_cluster *c)
{
    return c->check.violation;
}

int64_t raft_cluster_now_ms(const struct raft_cluster *c)
{
    return c->now_us / 1000;
}

uint64_t raft_cluster_leader(const struct raft_cluster *c)
{
    uint64_t leader = 0;
    uint64_t term = 0;

    for (size_t i = 0; i < c->config.member_count; i++) {
        const struct raft_status *s = &c->check.member[i].status;
        if (c->member[i].is_up && s->role == RAFT_LEADER && s->term > term) {
            leader = i + 1;
            term = s->term;
        }
    }
    return leader;
}

void raft_cluster_status(const struct raft_cluster *c, uint64_t member, struct raft_status *out)
{
    HL_ASSERT(c->member[member - 1].is_up);
    raft_status_get(c->member[member - 1].r, out);
}

bool raft_cluster_is_up(const struct raft_cluster *c, uint64_t member)
{
    return c->member[member - 1].is_up;
}

void raft_cluster_propose(struct raft_cluster *c, uint64_t member, struct str data)
{
    step(c, (size_t)member - 1,
         &(struct raft_event){.kind = RAFT_EVENT_PROPOSE, .data = &data, .data_count = 1});
}

void raft_cluster_read(struct raft_cluster *c, uint64_t member)
{
    step(c, (size_t)member - 1, &(struct raft_event){.kind = RAFT_EVENT_READ, .tag = new_read(c)});
}

void raft_cluster_transfer(struct raft_cluster *c, uint64_t member, uint64_t to)
{
    step(c, (size_t)member - 1, &(struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = to});
}

void raft_cluster_peer_lost(struct raft_cluster *c, uint64_t member, uint64_t peer)
{
    step(c, (size_t)member - 1, &(struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = peer});
}

void raft_cluster_change(struct raft_cluster *c, uint64_t member, enum raft_change change,
                         uint64_t id)
{
    step(c, (size_t)member - 1,
         &(struct raft_event){.kind = RAFT_EVENT_CHANGE, .change = change, .peer = id});
}

void raft_cluster_base(struct raft_cluster *c, uint64_t member)
{
    take_base(c, (size_t)member - 1);
}

void raft_cluster_set_full(struct raft_cluster *c, uint64_t member, bool is_full)
{
    struct member *m = &c->member[member - 1];

    if (!m->is_up || m->is_full == is_full)
        return;
    m->is_full = is_full;
    c->counts.full_disks += is_full;
    step(c, (size_t)member - 1,
         &(struct raft_event){.kind = RAFT_EVENT_DISK_FULL, .index = is_full});
    start_sync(c, (size_t)member - 1);
}

void raft_cluster_fail_disk(struct raft_cluster *c, uint64_t member)
{
    c->member[member - 1].has_failed_disk = true;
    step(c, (size_t)member - 1, &(struct raft_event){.kind = RAFT_EVENT_DISK_FAILED});
}

void raft_cluster_crash(struct raft_cluster *c, uint64_t member)
{
    crash(c, (size_t)member - 1);
}

void raft_cluster_restart(struct raft_cluster *c, uint64_t member)
{
    restart(c, (size_t)member - 1);
}

void raft_cluster_cut(struct raft_cluster *c, uint64_t from, uint64_t to, bool is_cut)
{
    c->is_cut[from - 1][to - 1] = is_cut;
}

void raft_cluster_isolate(struct raft_cluster *c, uint64_t member, bool is_cut)
{
    for (uint64_t other = 1; other <= c->config.member_count; other++) {
        if (other == member)
            continue;
        raft_cluster_cut(c, member, other, is_cut);
        raft_cluster_cut(c, other, member, is_cut);
    }
}

void raft_cluster_set_sync_us(struct raft_cluster *c, uint64_t member, int64_t us)
{
    c->member[member - 1].sync_us = us;
}

void raft_cluster_counts_get(const struct raft_cluster *c, struct raft_cluster_counts *out)
{
    *out = c->counts;
    out->committed = c->check.committed.count;
    out->changes = c->check.conf_count - 1;
    out->applied_hash = history_hash(&c->check.committed, c->check.committed.count);
}
