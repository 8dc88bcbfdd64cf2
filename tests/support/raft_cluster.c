/*
 * The simulation: a heap of events in virtual microseconds. A crash can happen between any two
 * events, so also between a step and the completion of what it asked for.
 */
#include "support/raft_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "support/raft_check.h"

enum { PAST_COUNT = 64, READS_CAP = 1 << 16 };

enum what { DELIVER, SYNCED, WAKE, RESTART, RESUME, JOIN };

struct happening {
    int64_t at_us;
    uint64_t order;
    enum what what;
    size_t member;
    size_t other;
    uint64_t life;
    struct raft_message *message; /* owned, one block */
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
    struct raft_entry **log; /* durable entries, each one block */
    size_t log_count;
    size_t log_cap;
    bool has_failed_disk;
};

struct raft_cluster {
    struct raft_cluster_config config;
    struct rng net;
    struct rng disk;
    struct rng fault;
    struct rng load;
    int64_t now_us;
    uint64_t order;
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

static struct raft_message *copy_message(const struct raft_message *m)
{
    struct raft_message *copy = copy_entries(m->entry, m->entry_count, sizeof(*copy));

    *copy = *m;
    copy->entry = (struct raft_entry *)(copy + 1);
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
    if (first == 0 || first > m->log_count)
        return err_set(err, HL_EINVAL, "no entry %llu", (unsigned long long)first);
    while (count < max_count && first + count <= m->log_count) {
        bytes += m->log[first + count - 1]->data.len + RAFT_ENTRY_COST;
        if (count > 0 && bytes > max_bytes)
            break;
        count++;
    }
    *out = arena_array(a, struct raft_entry, count);
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = *m->log[first + i - 1];
        (*out)[i].data = arena_dup(a, (*out)[i].data);
    }
    *out_count = count;
    return 0;
}

static int read_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                      struct arena *a, struct str *out_data, struct str *out_next,
                      bool *out_is_last, struct err *err)
{
    (void)context, (void)id, (void)cursor, (void)max_bytes, (void)a;
    (void)out_data, (void)out_next, (void)out_is_last;
    return err_set(err, HL_EABSENT, "no base");
}

static void start_sync(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];
    int64_t us = m->sync_us;

    if (m->syncing_count > 0 || m->queue_count == 0)
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
    while (m->log_count >= from)
        free(m->log[--m->log_count]);
}

static void settle(struct raft_cluster *c, size_t i, const struct raft_persist *p)
{
    struct member *m = &c->member[i];

    if (p->has_hard_state)
        m->hard = p->hard;
    if (p->truncate_from != 0) {
        cut_log(m, p->truncate_from);
        c->counts.truncations++;
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

static void step(struct raft_cluster *c, size_t i, const struct raft_event *e)
{
    struct member *m = &c->member[i];
    struct raft_output out;

    if (!m->is_up)
        return;
    enum raft_role role = c->check.member[i].status.role;
    uint64_t committed = c->check.committed.count;
    raft_step(m->r, e, c->now_us / 1000, c->arena, &out);
    c->counts.steps++;
    trace(c, i, &out);
    check_output(&c->check, i, m->r, &out);
    if (c->check.member[i].status.role == RAFT_LEADER && role != RAFT_LEADER)
        c->counts.elections++;
    if (out.persist.sequence != 0)
        enqueue(c, i, &out.persist);
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
    bool is_news = c->check.committed.count > committed ||
                   (c->check.member[i].status.role == RAFT_LEADER && role != RAFT_LEADER);
    if (c->config.has_nemesis && !c->is_calm && is_news && chance(&c->fault, 100))
        strike(c, i);
}

static void boot(struct raft_cluster *c, size_t i, uint64_t applied_index)
{
    struct member *m = &c->member[i];
    struct raft_config config = {
        .id = i + 1,
        .founders = {.count = c->config.member_count},
        .stall_ms = c->config.stall_ms,
        .seed = c->config.seed ^ (m->life << 32),
        .heartbeat_ms = c->config.heartbeat_ms,
        .election_ms = c->config.election_ms,
        .cache_bytes_max = c->config.cache_bytes_max,
        .inflight_bytes_max = c->config.inflight_bytes_max,
        .uncommitted_bytes_max = c->config.uncommitted_bytes_max,
        .storage = {.context = m, .read = read_stored, .read_piece = read_piece},
    };
    struct raft_term_run *run = hl_calloc(m->log_count + 1, sizeof(*run));
    struct raft_recovered recovered = {.hard = m->hard,
                                       .first_index = 1,
                                       .last_index = m->log_count,
                                       .run = run,
                                       .applied_index = applied_index};
    struct err err;

    for (size_t n = 0; n < c->config.member_count; n++)
        config.founders.member[n] = (struct raft_member){.id = n + 1, .is_voter = true};
    for (size_t n = 0; n < m->log_count; n++) {
        if (m->log[n]->term != recovered.last_term)
            run[recovered.run_count++] = (struct raft_term_run){n + 1, m->log[n]->term};
        recovered.last_term = m->log[n]->term;
    }
    check_restart(&c->check, i, applied_index);
    if (raft_new(&config, &recovered, c->now_us / 1000, &m->r, &err) != 0)
        hl_die("member %zu: %s", i + 1, err.text);
    free(run);
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
    m->life++;
    c->counts.crashes++;
}

static void restart(struct raft_cluster *c, size_t i)
{
    struct member *m = &c->member[i];

    if (m->is_up)
        return;
    m->has_failed_disk = false;
    /* The applied state survives a killed process and is rebuilt after a power cut. */
    boot(c, i, chance(&c->disk, 500) ? c->check.member[i].applied : 0);
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
        restart(c, i);
    }
}

static void take_defaults(struct raft_cluster_config *f)
{
    if (f->latency_max_us == 0) {
        f->latency_min_us = 100;
        f->latency_max_us = 300;
    }
    if (f->sync_max_us == 0) {
        f->sync_min_us = 100;
        f->sync_max_us = 400;
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
    check_init(&c->check, config->member_count);
    for (size_t i = 0; i < config->member_count; i++)
        c->member[i].cluster = c;
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
        cut_log(m, 1);
        free(m->log);
    }
    for (size_t n = 0; n < c->heap_count; n++)
        free(c->heap[n].message);
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
    out->applied_hash = history_hash(&c->check.committed, c->check.committed.count);
}
