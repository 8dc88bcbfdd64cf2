/*
 * The beginning of a member: what a configuration may say, and what a disk may have kept. Numbers
 * that contradict each other are refused here, so that nothing behind this door has to doubt them.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>

enum {
    HEARTBEAT_DEFAULT_MS = 100,
    ELECTION_DEFAULT_HEARTBEATS = 10,
    STALL_DEFAULT_ELECTIONS = 10,
    MARKS_PER_KEEP = 8,
};
#define UNCOMMITTED_DEFAULT ((size_t)64 << 20)
#define INFLIGHT_DEFAULT ((size_t)4 << 20)
#define CACHE_DEFAULT ((size_t)4 << 20)
#define KEEP_DEFAULT ((uint64_t)4 << 20)
#define DAY_MS INT64_C(86400000)

/* What is longer is refused anyway. */
static int64_t at_most_a_day(int64_t ms)
{
    return ms < DAY_MS ? ms : DAY_MS;
}

static void take_defaults(struct raft_config *c)
{
    if (c->heartbeat_ms == 0)
        c->heartbeat_ms = HEARTBEAT_DEFAULT_MS;
    if (c->election_ms == 0)
        c->election_ms = ELECTION_DEFAULT_HEARTBEATS * at_most_a_day(c->heartbeat_ms);
    if (c->uncommitted_bytes_max == 0)
        c->uncommitted_bytes_max = UNCOMMITTED_DEFAULT;
    if (c->inflight_bytes_max == 0)
        c->inflight_bytes_max = INFLIGHT_DEFAULT;
    if (c->cache_bytes_max == 0)
        c->cache_bytes_max = CACHE_DEFAULT;
    if (c->keep_bytes == 0)
        c->keep_bytes = KEEP_DEFAULT;
    if (c->stall_ms == 0)
        c->stall_ms = STALL_DEFAULT_ELECTIONS * at_most_a_day(c->election_ms);
}

static int check_config(const struct raft_config *c, struct err *err)
{
    if (c->id == 0)
        return err_set(err, HL_EINVAL, "raft: a member needs an id other than 0");
    if (c->founders.count > 0 && !members_are_sound(&c->founders))
        return err_set(err, HL_EINVAL,
                       "raft: founders must be at most %d, 1 to %d of them voters, in order of "
                       "their ids, each once",
                       RAFT_MEMBERS_MAX, RAFT_VOTERS_MAX);
    if (c->heartbeat_ms < 1 || c->election_ms < 2 * c->heartbeat_ms || c->election_ms > DAY_MS)
        return err_set(err, HL_EINVAL,
                       "raft: election_ms %lld must be at least twice heartbeat_ms %lld",
                       (long long)c->election_ms, (long long)c->heartbeat_ms);
    if (c->news_ms < 0 || c->news_ms > c->heartbeat_ms)
        return err_set(err, HL_EINVAL, "raft: news_ms %lld is not between 0 and heartbeat_ms %lld",
                       (long long)c->news_ms, (long long)c->heartbeat_ms);
    if (c->stall_ms < c->election_ms)
        return err_set(err, HL_EINVAL, "raft: stall_ms %lld is less than election_ms %lld",
                       (long long)c->stall_ms, (long long)c->election_ms);
    if (!c->storage.read || !c->storage.read_piece)
        return err_set(err, HL_EINVAL, "raft: no storage to read old entries and pieces from");
    return 0;
}

static bool are_runs_sound(const struct raft_recovered *d)
{
    uint64_t term = d->before_term;

    if ((d->first_index == 1) != (d->before_term == 0))
        return false;
    if (d->last_index < d->first_index)
        return d->run_count == 0 && d->last_term == 0;
    if (d->run_count == 0 || d->run[0].first_index != d->first_index || d->run[0].term == 0)
        return false;
    for (size_t i = 0; i < d->run_count; i++) {
        bool is_risen = i == 0 ? d->run[i].term >= term : d->run[i].term > term;

        if (!is_risen || (i > 0 && d->run[i].first_index <= d->run[i - 1].first_index))
            return false;
        term = d->run[i].term;
    }
    return d->run[d->run_count - 1].first_index <= d->last_index && term == d->last_term;
}

static int check_log(const struct raft_recovered *d, struct err *err)
{
    uint64_t last_term = d->last_term > d->before_term ? d->last_term : d->before_term;

    if (d->first_index == 0 || d->last_index >= UINT64_MAX / 2 ||
        d->last_index + 1 < d->first_index)
        return err_set(err, HL_ECORRUPT, "raft: a log from %llu to %llu cannot be",
                       (unsigned long long)d->first_index, (unsigned long long)d->last_index);
    if (!are_runs_sound(d))
        return err_set(err, HL_ECORRUPT, "raft: the terms of the log contradict each other");
    if (last_term > d->hard.term)
        return err_set(err, HL_ECORRUPT,
                       "raft: the log ends in term %llu, but the hard state knows only term %llu",
                       (unsigned long long)last_term, (unsigned long long)d->hard.term);
    return 0;
}

static int check_members(const struct raft_recovered *d, struct err *err)
{
    struct raft_members members;
    uint64_t before = d->first_index - 1;

    for (size_t i = 0; i < d->members_count; i++) {
        const struct raft_entry *e = &d->members[i];

        if (e->kind != RAFT_ENTRY_MEMBERS || e->index <= before || e->index > d->last_index ||
            !raft_members_decode(e->data, &members))
            return err_set(err, HL_ECORRUPT, "raft: entry %llu does not name the members",
                           (unsigned long long)e->index);
        before = e->index;
    }
    return 0;
}

static int check_applied(const struct raft_recovered *d, struct err *err)
{
    if (d->applied_index < d->base.index)
        return err_set(err, HL_ECORRUPT, "raft: the state has applied entry %llu, its base %llu",
                       (unsigned long long)d->applied_index, (unsigned long long)d->base.index);
    if (d->applied_index > d->last_index)
        return err_set(err, HL_ECORRUPT,
                       "raft: the state has applied entry %llu, but the log ends at %llu",
                       (unsigned long long)d->applied_index, (unsigned long long)d->last_index);
    if (d->first_index > d->base.index + 1)
        return err_set(err, HL_ECORRUPT,
                       "raft: the log begins with entry %llu, but the state's base is %llu",
                       (unsigned long long)d->first_index, (unsigned long long)d->base.index);
    return 0;
}

static int check_base(const struct raft *r, struct err *err)
{
    const struct raft_snapshot *base = &r->base;

    if (base->index == 0)
        return 0;
    if (!members_are_sound(&base->members))
        return err_set(err, HL_ECORRUPT, "raft: the base at entry %llu names no sound members",
                       (unsigned long long)base->index);
    if (base->index + 1 >= r->log.first_index && base->term != entries_term(&r->log, base->index))
        return err_set(
            err, HL_ECORRUPT, "raft: entry %llu has term %llu in the log, %llu in the base",
            (unsigned long long)base->index, (unsigned long long)entries_term(&r->log, base->index),
            (unsigned long long)base->term);
    return 0;
}

static int check_recovered(const struct raft_recovered *d, struct err *err)
{
    int result = check_log(d, err);

    if (result == 0)
        result = check_members(d, err);
    if (result == 0)
        result = check_applied(d, err);
    return result;
}

int raft_new(const struct raft_config *config, const struct raft_recovered *recovered,
             int64_t now_ms, struct raft **out, struct err *err)
{
    struct raft_config c = *config;

    take_defaults(&c);
    int result = check_config(&c, err);
    if (result == 0)
        result = check_recovered(recovered, err);
    if (result != 0)
        return result;

    struct raft *r = hl_calloc(1, sizeof(*r));
    r->config = c;
    r->now_ms = now_ms;
    r->base = recovered->base;
    entries_init(&r->log, recovered, c.keep_bytes / MARKS_PER_KEEP);
    result = check_base(r, err);
    if (result != 0) {
        raft_free(r);
        return result;
    }
    rng_seed(&r->rng, c.seed ^ (c.id * UINT64_C(0x9e3779b97f4a7c15)) ^ (uint64_t)now_ms << 20);
    r->term = recovered->hard.term;
    r->vote = recovered->hard.vote;
    r->commit = r->handed = r->applied = r->verified = recovered->applied_index;
    r->durable = recovered->last_index;
    r->read_id = rng_next(&r->rng);
    r->hinted_ms = INT64_MIN / 2;
    r->role = RAFT_FOLLOWER;
    members_init(r, recovered);
    election_reset_timer(r);
    if (members_is_alone(r))
        r->election_due_ms = now_ms; /* nobody to wait for */
    *out = r;
    return 0;
}

void raft_free(struct raft *r)
{
    if (!r)
        return;
    entries_deinit(&r->log);
    free(r->conf);
    free(r->read);
    free(r);
}
