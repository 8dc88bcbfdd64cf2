/* Clusters by script: elections, failover, hand-over, slow disks, Figure 8. No random faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_cluster.h"

enum { HEARTBEAT = 50, ELECTION = 300 };

static struct raft_cluster *cluster(size_t members, uint64_t seed)
{
    struct raft_cluster_config f = {
        .member_count = members, .seed = seed, .heartbeat_ms = HEARTBEAT, .election_ms = ELECTION};

    return raft_cluster_new(&f);
}

static void calm(struct raft_cluster *c, int64_t ms)
{
    if (!raft_cluster_calm(c, ms))
        fail_msg("%s", raft_cluster_violation(c));
}

static uint64_t settled_leader(struct raft_cluster *c)
{
    calm(c, 4 * ELECTION);
    uint64_t leader = raft_cluster_leader(c);
    assert_true(leader != 0);
    return leader;
}

static struct raft_status status(const struct raft_cluster *c, uint64_t member)
{
    struct raft_status s;

    raft_cluster_status(c, member, &s);
    return s;
}

static uint64_t elections(const struct raft_cluster *c)
{
    struct raft_cluster_counts n;

    raft_cluster_counts_get(c, &n);
    return n.elections;
}

/* Milliseconds until somebody else leads. */
static int64_t failover(struct raft_cluster *c, uint64_t old)
{
    int64_t start_ms = raft_cluster_now_ms(c);

    while (raft_cluster_leader(c) == 0 || raft_cluster_leader(c) == old) {
        calm(c, 1);
        assert_true(raft_cluster_now_ms(c) - start_ms < 20 * ELECTION);
    }
    return raft_cluster_now_ms(c) - start_ms;
}

static void three_members_commit_and_all_apply(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 1);
    uint64_t leader = settled_leader(c);

    (void)state;
    for (int i = 0; i < 100; i++)
        raft_cluster_propose(c, (uint64_t)(i % 3) + 1, STR("value")); /* followers forward */
    calm(c, HEARTBEAT);
    for (uint64_t m = 1; m <= 3; m++)
        assert_int_equal(status(c, m).applied_index, 101);
    assert_int_equal(status(c, leader).leader, leader);
}

static void a_commit_takes_one_round_trip_and_one_flush_and_followers_hear_of_it(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 1);
    uint64_t leader = settled_leader(c);

    (void)state;
    raft_cluster_propose(c, leader, STR("value"));
    calm(c, 2); /* at most 2 x 0.3 ms latency and 0.4 ms flush, and the way of the news */
    for (uint64_t m = 1; m <= 3; m++)
        assert_int_equal(status(c, m).applied_index, 2);
}

static void a_day_of_idleness_elects_once_and_writes_nothing(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 2);
    uint64_t leader = settled_leader(c);

    (void)state;
    calm(c, 24 * 3600 * 1000);
    assert_int_equal(raft_cluster_leader(c), leader);
    assert_int_equal(elections(c), 1);
    assert_int_equal(status(c, leader).last_index, 1);
}

static void a_restarted_cluster_knows_what_it_acknowledged(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);

    (void)state;
    uint64_t leader = settled_leader(c);
    for (int i = 0; i < 50; i++)
        raft_cluster_propose(c, leader, STR("value"));
    calm(c, HEARTBEAT);
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_crash(c, m);
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_restart(c, m);
    leader = settled_leader(c);
    assert_true(status(c, leader).applied_index >= 52);
}

static void silent_loss_of_the_leader_costs_an_election_timeout(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, seed);
        uint64_t leader = settled_leader(c);

        raft_cluster_isolate(c, leader, true);
        assert_true(failover(c, leader) <= 4 * ELECTION);
        calm(c, 2 * ELECTION);
        assert_int_equal(status(c, leader).role != RAFT_LEADER, 1); /* check-quorum */
    }
}

static void a_killed_leader_is_replaced_in_milliseconds_when_its_connections_break(void **state)
{
    size_t slow_count = 0;
    int64_t worst_ms = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, seed);
        uint64_t leader = settled_leader(c);

        raft_cluster_crash(c, leader);
        for (uint64_t m = 1; m <= 3; m++) {
            if (m != leader)
                raft_cluster_peer_lost(c, m, leader);
        }
        int64_t ms = failover(c, leader);
        worst_ms = ms > worst_ms ? ms : worst_ms;
        slow_count += ms > 20;
    }
    print_message("worst of 200: %lld ms, %zu over 20 ms\n", (long long)worst_ms, slow_count);
    assert_true(worst_ms <= 2 * ELECTION + 50); /* two candidates of one term, at the worst */
    assert_true(slow_count <= 4);
}

static void connections_that_flap_disturb_nobody(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 5);
    uint64_t leader = settled_leader(c);
    uint64_t term = status(c, leader).term;

    (void)state;
    for (int i = 0; i < 200; i++) {
        raft_cluster_peer_lost(c, leader % 3 + 1, leader);
        calm(c, 37);
    }
    assert_int_equal(raft_cluster_leader(c), leader);
    assert_int_equal(status(c, leader).term, term);
}

static void a_member_cut_off_for_long_comes_back_without_an_election(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 6);
    uint64_t leader = settled_leader(c);
    uint64_t other = leader % 3 + 1;
    uint64_t term = status(c, leader).term;

    (void)state;
    raft_cluster_isolate(c, other, true);
    calm(c, 100 * ELECTION);
    assert_int_equal(status(c, other).term, term); /* pre-vote: it counted no terms alone */
    raft_cluster_isolate(c, other, false);
    calm(c, 4 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), leader);
    assert_int_equal(status(c, leader).term, term);
    assert_int_equal(status(c, other).leader, leader);
}

/* A link cut in one direction: who hears nothing must not unseat a leader whom others hear. */
static void a_one_way_cut_does_not_make_leaders_change_for_ever(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 7);
    uint64_t leader = settled_leader(c);

    (void)state;
    raft_cluster_cut(c, leader, leader % 3 + 1, true);
    calm(c, 100 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), leader);
    assert_int_equal(elections(c), 1);
}

/* Decision D3. */
static void disks_of_200_ms_cause_no_election(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 8);
    uint64_t leader = settled_leader(c);

    (void)state;
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_set_sync_us(c, m, 200000);
    for (int i = 0; i < 100; i++) {
        raft_cluster_propose(c, leader, STR("value"));
        calm(c, 20);
    }
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_set_sync_us(c, m, 2500000); /* and less than stall_ms neither */
    raft_cluster_propose(c, leader, STR("value"));
    calm(c, 20000);
    assert_int_equal(elections(c), 1);
    assert_int_equal(status(c, leader).applied_index, 102);
}

static void disks_slower_than_the_election_timeout_still_elect(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 9);

    (void)state;
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_set_sync_us(c, m, 250000);
    calm(c, 20 * ELECTION);
    assert_true(raft_cluster_leader(c) != 0);
}

static void leadership_can_be_handed_to_everybody_in_turn(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(5, 10);
    uint64_t leader = settled_leader(c);

    (void)state;
    for (int i = 0; i < 10; i++) {
        uint64_t next = leader % 5 + 1;
        raft_cluster_propose(c, leader, STR("value"));
        raft_cluster_transfer(c, leader, next);
        calm(c, 10); /* no timeout is involved */
        assert_int_equal(raft_cluster_leader(c), next);
        leader = next;
    }
}

static void a_leader_whose_disk_fails_is_replaced_at_once(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 11);
    uint64_t leader = settled_leader(c);

    (void)state;
    raft_cluster_fail_disk(c, leader);
    assert_true(failover(c, leader) <= 10);
    raft_cluster_propose(c, raft_cluster_leader(c), STR("value"));
    calm(c, HEARTBEAT);
    assert_int_equal(status(c, raft_cluster_leader(c)).commit_index, 3);
}

static void reads_are_served_by_every_member(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 12);
    struct raft_cluster_counts n;

    (void)state;
    settled_leader(c);
    for (int i = 0; i < 90; i++)
        raft_cluster_read(c, (uint64_t)(i % 3) + 1);
    calm(c, 5);
    raft_cluster_counts_get(c, &n);
    assert_int_equal(n.reads_served, 90);
    assert_int_equal(n.refused, 0);
}

/* A leader that was cut off does not answer reads: somebody else may have committed since. */
static void a_deposed_leader_serves_no_reads(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 13);
    uint64_t old = settled_leader(c);
    struct raft_cluster_counts n;

    (void)state;
    raft_cluster_isolate(c, old, true);
    raft_cluster_read(c, old);
    failover(c, old);
    raft_cluster_propose(c, raft_cluster_leader(c), STR("newer"));
    calm(c, 2 * ELECTION);
    raft_cluster_read(c, old);
    raft_cluster_isolate(c, old, false);
    calm(c, 2 * ELECTION);
    raft_cluster_counts_get(c, &n);
    assert_int_equal(n.reads_served, 0);
    assert_int_equal(n.refused, 2);
}

/* Figure 8 of the paper, step by step; the letters are those of the figure. One entry a message, so
 * that the old entry reaches the majority before anything of the new term does. */
static void figure_8_commits_nothing_that_is_overwritten_later(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct raft_cluster_config f = {.member_count = 5,
                                        .seed = seed,
                                        .heartbeat_ms = HEARTBEAT,
                                        .election_ms = ELECTION,
                                        .inflight_bytes_max = 1,
                                        .latency_min_us = 5000,
                                        .latency_max_us = 5000};
        HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = raft_cluster_new(&f);

        /* (a) s1 leads and writes entry 2 to itself and to s2. */
        uint64_t s1 = settled_leader(c);
        uint64_t s2 = s1 % 5 + 1;
        for (uint64_t m = 1; m <= 5; m++) {
            if (m != s1 && m != s2)
                raft_cluster_cut(c, s1, m, true);
        }
        raft_cluster_propose(c, s1, STR("2"));
        calm(c, 12);
        assert_int_equal(status(c, s2).last_index, 2);
        raft_cluster_crash(c, s1);
        raft_cluster_crash(c, s2);
        /* (b) s5 leads by the others, writes entry 2 of its term to itself alone. */
        failover(c, s1);
        uint64_t s5 = raft_cluster_leader(c);
        raft_cluster_isolate(c, s5, true);
        calm(c, 12);
        assert_int_equal(status(c, s5).durable_index, 2);
        raft_cluster_crash(c, s5);
        /* (c) s1 leads again and copies its entry 2 to a majority, but nothing of its new term. */
        for (uint64_t m = 1; m <= 5; m++)
            raft_cluster_isolate(c, m, false);
        raft_cluster_restart(c, s1);
        uint64_t copies = 0;
        for (int ms = 0; copies < 3; ms++) {
            assert_true(ms < 20 * ELECTION);
            calm(c, 1);
            copies = 0;
            for (uint64_t m = 1; m <= 5; m++)
                copies += raft_cluster_is_up(c, m) && status(c, m).durable_index >= 2;
        }
        calm(c, 6); /* s1 knows */
        assert_int_equal(raft_cluster_leader(c), s1);
        raft_cluster_isolate(c, s1, true);
        assert_true(status(c, s1).commit_index <= 1);
        raft_cluster_crash(c, s1);
        /* (d) s5 leads by the same majority and overwrites it everywhere. */
        raft_cluster_restart(c, s5);
        assert_int_equal(settled_leader(c), s5);
        raft_cluster_heal(c);
        calm(c, 4 * ELECTION);
        assert_int_equal(raft_cluster_leader(c), s5);
        assert_true(status(c, s1).applied_index >= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_members_commit_and_all_apply),
        cmocka_unit_test(a_commit_takes_one_round_trip_and_one_flush_and_followers_hear_of_it),
        cmocka_unit_test(a_day_of_idleness_elects_once_and_writes_nothing),
        cmocka_unit_test(a_restarted_cluster_knows_what_it_acknowledged),
        cmocka_unit_test(silent_loss_of_the_leader_costs_an_election_timeout),
        cmocka_unit_test(a_killed_leader_is_replaced_in_milliseconds_when_its_connections_break),
        cmocka_unit_test(connections_that_flap_disturb_nobody),
        cmocka_unit_test(a_member_cut_off_for_long_comes_back_without_an_election),
        cmocka_unit_test(a_one_way_cut_does_not_make_leaders_change_for_ever),
        cmocka_unit_test(disks_of_200_ms_cause_no_election),
        cmocka_unit_test(disks_slower_than_the_election_timeout_still_elect),
        cmocka_unit_test(leadership_can_be_handed_to_everybody_in_turn),
        cmocka_unit_test(a_leader_whose_disk_fails_is_replaced_at_once),
        cmocka_unit_test(reads_are_served_by_every_member),
        cmocka_unit_test(a_deposed_leader_serves_no_reads),
        cmocka_unit_test(figure_8_commits_nothing_that_is_overwritten_later),
    };
    return cmocka_run_group_tests_name("core/raft: clusters", tests, NULL, NULL);
}
