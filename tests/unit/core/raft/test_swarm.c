/*
 * Random clusters: each seed draws which faults there are and how often; the checker of
 * support/raft_check.h looks at every effect. Then the faults end and the cluster has to recover:
 * a leader, a new entry committed, everybody at the same applied index.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "support/raft_cluster.h"

enum { SEEDS = 300, STEPS = 4000, REPLAYS = 10 };

static unsigned some(struct rng *r, unsigned max)
{
    return rng_below(r, 3) == 0 ? 0 : (unsigned)rng_below(r, max + 1);
}

/* One seed in ten has no faults at all, one in ten only one kind. */
static struct raft_cluster_config draw(uint64_t seed)
{
    static const size_t sizes[] = {1, 2, 3, 3, 3, 3, 4, 5, 5, 7};
    struct rng r;

    rng_seed(&r, seed);
    struct raft_cluster_config f = {
        .member_count = sizes[rng_below(&r, HL_COUNT(sizes))],
        .seed = seed,
        .heartbeat_ms = rng_between(&r, 20, 100),
        .latency_min_us = 50,
        .latency_max_us = rng_between(&r, 100, 20000),
        .sync_min_us = 50,
        .sync_max_us = rng_between(&r, 100, 30000),
        .propose_permille = (unsigned)rng_below(&r, 300),
        .read_permille = (unsigned)rng_below(&r, 100),
    };
    f.election_ms = f.heartbeat_ms * rng_between(&r, 3, 10);
    if (rng_below(&r, 2) == 0) {
        f.cache_bytes_max = (size_t)rng_between(&r, 1, 5000);
        f.inflight_bytes_max = (size_t)rng_between(&r, 1, 5000);
        f.uncommitted_bytes_max = (size_t)rng_between(&r, 5000, 50000);
    }
    if (seed % 10 == 0)
        return f;
    if (rng_below(&r, 2) == 0) {
        f.founder_count = (size_t)rng_between(&r, 1, (int64_t)f.member_count);
        f.change_permille = some(&r, rng_below(&r, 3) == 0 ? 200 : 20);
    }
    if (rng_below(&r, 2) == 0) {
        f.base_permille = some(&r, rng_below(&r, 3) == 0 ? 300 : 50);
        f.keep_bytes = (uint64_t)rng_between(&r, 1, 5000);
        f.piece_count = (size_t)rng_between(&r, 1, 10);
        f.damage_permille = some(&r, 300);
    }
    f.full_permille = some(&r, 5);
    f.drop_permille = some(&r, 200);
    f.repeat_permille = some(&r, 100);
    f.old_permille = some(&r, 50);
    f.slow_sync_permille = some(&r, 100);
    f.crash_permille = some(&r, 20);
    f.restart_quick_percent = (unsigned)rng_below(&r, 101);
    f.cut_permille = some(&r, 20);
    f.pause_permille = some(&r, 5);
    f.hint_permille = some(&r, 20);
    f.transfer_permille = some(&r, 5);
    f.has_nemesis = rng_below(&r, 3) == 0;
    return f;
}

/* Everybody who is a member, as the leader sees it. */
static bool has_converged(const struct raft_cluster *c, uint64_t *out_index)
{
    struct raft_status l;

    if (raft_cluster_leader(c) == 0)
        return false;
    raft_cluster_status(c, raft_cluster_leader(c), &l);
    for (size_t i = 0; i < l.members.count; i++) {
        struct raft_status s;
        raft_cluster_status(c, l.members.member[i].id, &s);
        if (s.applied_index != l.applied_index || s.last_index != s.applied_index ||
            s.leader != l.id || s.term != l.term || s.members_index > s.commit_index ||
            s.members.count != l.members.count)
            return false;
    }
    *out_index = l.applied_index;
    return true;
}

static void fail_not_converged(const struct raft_cluster *c, const struct raft_cluster_config *f)
{
    for (uint64_t m = 1; m <= f->member_count; m++) {
        struct raft_status s;
        raft_cluster_status(c, m, &s);
        print_message("member %llu: %s, term %llu, leader %llu, members %zu, first %llu, last "
                      "%llu, durable %llu, commit %llu, applied %llu\n",
                      (unsigned long long)m, raft_role_name(s.role), (unsigned long long)s.term,
                      (unsigned long long)s.leader, s.members.count,
                      (unsigned long long)s.first_index, (unsigned long long)s.last_index,
                      (unsigned long long)s.durable_index, (unsigned long long)s.commit_index,
                      (unsigned long long)s.applied_index);
    }
    fail_msg("seed %llu: no convergence after the faults ended", (unsigned long long)f->seed);
}

static void recover(struct raft_cluster *c, const struct raft_cluster_config *f)
{
    uint64_t before = 0;
    uint64_t after = 0;

    raft_cluster_heal(c);
    for (int patience = 10; patience > 0; patience--) { /* one entry a round trip takes its time */
        if (!raft_cluster_calm(c, 20 * f->election_ms + 20000))
            fail_msg("seed %llu: %s", (unsigned long long)f->seed, raft_cluster_violation(c));
        if (has_converged(c, &before))
            break;
    }
    if (before == 0)
        fail_not_converged(c, f);
    raft_cluster_propose(c, raft_cluster_leader(c), STR("the last word"));
    raft_cluster_read(c, raft_cluster_leader(c));
    if (!raft_cluster_calm(c, f->election_ms + 5000))
        fail_msg("seed %llu: %s", (unsigned long long)f->seed, raft_cluster_violation(c));
    if (!has_converged(c, &after) || after != before + 1)
        fail_msg("seed %llu: a healthy cluster did not take an entry", (unsigned long long)f->seed);
}

static void run_seed(uint64_t seed, size_t steps, struct raft_cluster_counts *out)
{
    struct raft_cluster_config f = draw(seed);
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = raft_cluster_new(&f);

    if (!raft_cluster_run(c, steps))
        fail_msg("seed %llu: %s", (unsigned long long)seed, raft_cluster_violation(c));
    raft_cluster_counts_get(c, out);
    if (seed % 10 == 0 && out->elections > 1)
        fail_msg("seed %llu: %llu elections without a fault", (unsigned long long)seed,
                 (unsigned long long)out->elections);
    recover(c, &f);
    raft_cluster_counts_get(c, out);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value;

    return text && str_to_u64(str_from(text), &value) ? value : otherwise;
}

/* SEED=n runs one seed; SEEDS=n that many; STEPS=n events for each. */
static void every_promise_holds_under_random_faults(void **state)
{
    struct raft_cluster_counts all = {0};
    uint64_t first = from_environment("SEED", 1);
    uint64_t count = from_environment("SEED", 0) ? 1 : from_environment("SEEDS", SEEDS);
    size_t steps = (size_t)from_environment("STEPS", STEPS);

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct raft_cluster_counts n;
        run_seed(seed, steps, &n);
        all.steps += n.steps;
        all.elections += n.elections;
        all.crashes += n.crashes;
        all.entries_lost += n.entries_lost;
        all.truncations += n.truncations;
        all.stored_reads += n.stored_reads;
        all.reads_served += n.reads_served;
        all.committed += n.committed;
        all.changes += n.changes;
        all.bases += n.bases;
        all.compactions += n.compactions;
        all.pieces += n.pieces;
        all.installs += n.installs;
        all.resets += n.resets;
        all.full_disks += n.full_disks;
    }
    print_message("%llu steps, %llu elections, %llu crashes, %llu entries lost unsynced, %llu "
                  "truncations, %llu reads of old entries, %llu reads served, %llu committed\n",
                  (unsigned long long)all.steps, (unsigned long long)all.elections,
                  (unsigned long long)all.crashes, (unsigned long long)all.entries_lost,
                  (unsigned long long)all.truncations, (unsigned long long)all.stored_reads,
                  (unsigned long long)all.reads_served, (unsigned long long)all.committed);
    print_message("%llu changes of members, %llu bases, %llu compactions, %llu pieces, %llu "
                  "snapshots installed, %llu logs begun again, %llu full disks\n",
                  (unsigned long long)all.changes, (unsigned long long)all.bases,
                  (unsigned long long)all.compactions, (unsigned long long)all.pieces,
                  (unsigned long long)all.installs, (unsigned long long)all.resets,
                  (unsigned long long)all.full_disks);
    if (count < SEEDS)
        return;
    /* A swarm that misses the rare paths proves nothing. */
    assert_true(all.elections > 500 && all.crashes > 500 && all.entries_lost > 100);
    assert_true(all.truncations > 50 && all.stored_reads > 100 && all.reads_served > 1000);
    assert_true(all.changes > 200 && all.compactions > 500 && all.full_disks > 500);
    assert_true(all.pieces > 500 && all.installs > 50 && all.resets > 50);
}

static void a_seed_replays_exactly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= REPLAYS; seed++) {
        struct raft_cluster_counts a;
        struct raft_cluster_counts b;
        run_seed(seed, 1000, &a);
        run_seed(seed, 1000, &b);
        assert_true(a.trace_hash == b.trace_hash && a.applied_hash == b.applied_hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_promise_holds_under_random_faults),
        cmocka_unit_test(a_seed_replays_exactly),
    };
    return cmocka_run_group_tests_name("core/raft: swarm", tests, NULL, NULL);
}
