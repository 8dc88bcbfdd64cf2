/*
 * Scenarios of etcd-io/raft's interaction tests, told again with our own clusters; README.md says
 * which of its scripts each one stands for. No random faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_cluster.h"

enum { HEARTBEAT = 50, ELECTION = 300 };

static struct raft_cluster *cluster(size_t members, size_t founders)
{
    struct raft_cluster_config f = {.member_count = members,
                                    .founder_count = founders,
                                    .seed = 1,
                                    .heartbeat_ms = HEARTBEAT,
                                    .election_ms = ELECTION,
                                    .keep_bytes = 100,
                                    .cache_bytes_max = 1000};

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

static struct raft_cluster_counts counts(const struct raft_cluster *c)
{
    struct raft_cluster_counts n;

    raft_cluster_counts_get(c, &n);
    return n;
}

static void propose(struct raft_cluster *c, uint64_t member, int count)
{
    for (int i = 0; i < count; i++)
        raft_cluster_propose(c, member, STR("value"));
    calm(c, HEARTBEAT);
}

static void change(struct raft_cluster *c, enum raft_change kind, uint64_t id)
{
    uint64_t refused = counts(c).refused;

    raft_cluster_change(c, raft_cluster_leader(c), kind, id);
    assert_int_equal(counts(c).refused, refused);
    calm(c, HEARTBEAT);
}

static void assert_is_caught_up(const struct raft_cluster *c, uint64_t member)
{
    struct raft_status l = status(c, raft_cluster_leader(c));
    struct raft_status s = status(c, member);

    assert_int_equal(s.applied_index, l.last_index);
    assert_int_equal(s.leader, l.id);
    for (size_t i = 0; i < l.peer_count; i++) {
        if (l.peer[i].id == member) {
            assert_int_equal(l.peer[i].match_index, l.last_index);
            assert_false(l.peer[i].is_sent_snapshot);
        }
    }
}

static void a_cluster_of_one_grows_to_three_and_its_founder_leaves(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 1);

    (void)state;
    assert_int_equal(settled_leader(c), 1);
    for (uint64_t id = 2; id <= 3; id++) {
        change(c, RAFT_ADD_LEARNER, id);
        calm(c, 3 * ELECTION);
        assert_is_caught_up(c, id);
        change(c, RAFT_PROMOTE, id);
    }
    propose(c, 1, 10);
    change(c, RAFT_REMOVE, 1);
    calm(c, 4 * ELECTION);
    uint64_t leader = raft_cluster_leader(c);
    assert_true(leader == 2 || leader == 3);
    propose(c, leader, 1);
    assert_is_caught_up(c, 2);
    assert_is_caught_up(c, 3);
    assert_int_equal(status(c, 1).role, RAFT_FOLLOWER);
    calm(c, 100 * ELECTION); /* it knows, and never campaigns */
    assert_int_equal(raft_cluster_leader(c), leader);
    assert_int_equal(status(c, 1).role, RAFT_FOLLOWER);
}

static void a_removed_leader_is_followed_by_another_without_a_timeout(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t old = settled_leader(c);

    (void)state;
    raft_cluster_change(c, old, RAFT_REMOVE, old);
    calm(c, 10);
    assert_true(raft_cluster_leader(c) != 0 && raft_cluster_leader(c) != old);
}

static void a_voter_is_replaced_one_step_at_a_time(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(4, 3);
    uint64_t leader = settled_leader(c);
    uint64_t dead = leader % 3 + 1;

    (void)state;
    propose(c, leader, 20);
    raft_cluster_crash(c, dead);
    change(c, RAFT_ADD_LEARNER, 4);
    calm(c, 3 * ELECTION);
    change(c, RAFT_PROMOTE, 4);
    change(c, RAFT_REMOVE, dead);
    raft_cluster_transfer(c, leader, 4); /* the new one can do everything */
    calm(c, 10);
    assert_int_equal(raft_cluster_leader(c), 4);
    propose(c, 4, 1);
    assert_is_caught_up(c, leader);
    raft_cluster_restart(c, dead); /* it has not heard of its removal and disturbs nobody */
    calm(c, 50 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), 4);
    assert_int_equal(counts(c).elections, 2);
}

/* The promotion is in the log of the candidate, not yet in that of the one it promotes. */
static void a_learner_that_does_not_know_of_its_promotion_votes(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(4, 3);
    uint64_t leader = settled_leader(c);
    uint64_t second = leader % 3 + 1;
    uint64_t third = second % 3 + 1;

    (void)state;
    change(c, RAFT_ADD_LEARNER, 4);
    calm(c, 3 * ELECTION);
    for (uint64_t m = 1; m <= 3; m++) { /* 4 hears nothing of what follows */
        raft_cluster_cut(c, m, 4, true);
        raft_cluster_cut(c, 4, m, m != leader);
    }
    raft_cluster_change(c, leader, RAFT_PROMOTE, 4);
    calm(c, HEARTBEAT);
    assert_int_equal(status(c, second).members_index, status(c, leader).members_index);
    raft_cluster_crash(c, leader);
    raft_cluster_crash(c, third); /* two of four are left, and a third comes back ... */
    calm(c, 4 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), 0);
    raft_cluster_cut(c, second, 4, false);
    raft_cluster_cut(c, 4, second, false);
    raft_cluster_restart(c, third);
    raft_cluster_isolate(c, third, true);
    calm(c, 4 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), 0); /* ... but is cut off */
    raft_cluster_cut(c, third, second, false);
    raft_cluster_cut(c, second, third, false);
    calm(c, 10 * ELECTION);
    assert_true(raft_cluster_leader(c) == second || raft_cluster_leader(c) == third);
    assert_true(status(c, 4).members.count == 4 && status(c, 4).leader != 0);
}

/* Figure 7 of the paper: who leads makes all logs equal to its own. */
static void the_seven_logs_of_figure_7_become_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct raft_cluster_config f = {
            .member_count = 7,
            .seed = seed,
            .heartbeat_ms = HEARTBEAT,
            .election_ms = ELECTION,
            .logs = {"1114455666", "111445566", "1114", "11144556666", "111445567777", "1114444",
                     "11122233333"},
        };
        HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = raft_cluster_new(&f);
        uint64_t leader = settled_leader(c);

        calm(c, 2 * ELECTION);
        for (uint64_t m = 1; m <= 7; m++) {
            assert_is_caught_up(c, m);
            assert_int_equal(status(c, m).commit_index, status(c, leader).last_index);
        }
    }
}

static void a_follower_behind_the_compacted_log_gets_a_snapshot_and_then_the_log(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t leader = settled_leader(c);
    uint64_t slow = leader % 3 + 1;

    (void)state;
    propose(c, leader, 10);
    raft_cluster_isolate(c, slow, true);
    propose(c, leader, 50);
    calm(c, 2 * ELECTION); /* silent: it is not waited for */
    raft_cluster_base(c, leader);
    calm(c, HEARTBEAT);
    propose(c, leader, 10); /* behind the base */
    assert_true(status(c, leader).first_index > status(c, slow).last_index + 1);
    raft_cluster_isolate(c, slow, false);
    calm(c, 4 * ELECTION);
    assert_int_equal(counts(c).installs, 1);
    assert_is_caught_up(c, slow);
    assert_int_equal(status(c, slow).base_index, status(c, leader).base_index);
}

/* The snapshot brings it exactly to the leader's last entry: that ends the transfer by itself. */
static void a_snapshot_of_everything_needs_no_further_entry_to_end(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 2);
    uint64_t leader = settled_leader(c);

    (void)state;
    propose(c, leader, 50);
    raft_cluster_base(c, leader);
    calm(c, HEARTBEAT);
    assert_true(status(c, leader).first_index > 1);
    raft_cluster_change(c, leader, RAFT_ADD_LEARNER, 3);
    calm(c, HEARTBEAT);
    raft_cluster_base(c, leader);
    calm(c, 4 * ELECTION);
    assert_int_equal(counts(c).installs, 1);
    assert_is_caught_up(c, 3);
}

/* The follower stands before the snapshot, the leader's log has moved on behind it meanwhile. */
static void a_snapshot_that_is_behind_by_now_is_good_enough(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 2);
    uint64_t leader = settled_leader(c);

    (void)state;
    propose(c, leader, 50);
    raft_cluster_base(c, leader);
    calm(c, HEARTBEAT);
    raft_cluster_change(c, leader, RAFT_ADD_LEARNER, 3);
    for (int i = 0; i < 20; i++) { /* with each piece some more entries */
        raft_cluster_propose(c, leader, STR("value"));
        if (i % 5 == 0)
            raft_cluster_base(c, leader);
        calm(c, 1);
    }
    calm(c, 4 * ELECTION);
    assert_true(counts(c).installs >= 1);
    assert_is_caught_up(c, 3);
}

static void a_transfer_survives_a_crash_of_the_follower_and_a_change_of_leader(void **state)
{
    struct raft_cluster_config f = {.member_count = 4,
                                    .founder_count = 3,
                                    .seed = 3,
                                    .heartbeat_ms = HEARTBEAT,
                                    .election_ms = ELECTION,
                                    .keep_bytes = 100,
                                    .piece_count = 20};
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = raft_cluster_new(&f);
    uint64_t leader = settled_leader(c);

    (void)state;
    propose(c, leader, 100);
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_base(c, m);
    calm(c, HEARTBEAT);
    raft_cluster_change(c, leader, RAFT_ADD_LEARNER, 4);
    calm(c, 5);
    uint64_t pieces = counts(c).pieces;
    assert_true(pieces > 2 && counts(c).installs == 0);
    raft_cluster_crash(c, 4);
    raft_cluster_restart(c, 4);
    calm(c, 4);
    raft_cluster_transfer(c, leader, leader % 3 + 1); /* it has the same base */
    calm(c, 4 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), leader % 3 + 1);
    assert_is_caught_up(c, 4);
    assert_true(counts(c).pieces < 20 + 6); /* and the questions; not all over again */
}

static void a_stream_pauses_at_its_limit_and_goes_on_after_a_loss(void **state)
{
    struct raft_cluster_config f = {.member_count = 3,
                                    .seed = 1,
                                    .heartbeat_ms = HEARTBEAT,
                                    .election_ms = ELECTION,
                                    .inflight_bytes_max = 150};
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = raft_cluster_new(&f);
    uint64_t leader = settled_leader(c);
    uint64_t slow = leader % 3 + 1;

    (void)state;
    raft_cluster_cut(c, leader, slow, true);
    for (int i = 0; i < 20; i++)
        raft_cluster_propose(c, leader, STR("value"));
    calm(c, HEARTBEAT);
    assert_int_equal(status(c, leader).commit_index, 21); /* the other one went on */
    assert_int_equal(status(c, slow).last_index, 1);
    raft_cluster_cut(c, leader, slow, false);
    calm(c, 3 * HEARTBEAT);
    assert_is_caught_up(c, slow);
}

/* A follower's acknowledgements and the news of a commit get lost; a heartbeat repairs both. */
static void a_lagging_commit_index_catches_up_with_the_next_heartbeats(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t leader = settled_leader(c);
    uint64_t slow = leader % 3 + 1;

    (void)state;
    raft_cluster_cut(c, slow, leader, true);
    raft_cluster_propose(c, leader, STR("value"));
    calm(c, 1);
    raft_cluster_cut(c, leader, slow, true);
    calm(c, 5);
    assert_int_equal(status(c, leader).commit_index, 2);
    assert_true(status(c, slow).commit_index < 2);
    raft_cluster_cut(c, slow, leader, false);
    raft_cluster_cut(c, leader, slow, false);
    calm(c, 2 * HEARTBEAT + 10);
    assert_int_equal(status(c, slow).commit_index, 2);
}

static void a_member_whose_connection_broke_is_streamed_to_again(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t leader = settled_leader(c);

    (void)state;
    raft_cluster_peer_lost(c, leader, leader % 3 + 1);
    calm(c, 2 * HEARTBEAT);
    raft_cluster_propose(c, leader, STR("value"));
    calm(c, 2); /* at once, without a probe before it */
    assert_is_caught_up(c, leader % 3 + 1);
}

static void disks_that_are_full_do_not_end_reads(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t leader = settled_leader(c);

    (void)state;
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_set_full(c, m, true);
    calm(c, 100 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), leader);
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_read(c, m);
    calm(c, 10);
    assert_int_equal(counts(c).reads_served, 3);
    for (uint64_t m = 1; m <= 3; m++)
        raft_cluster_set_full(c, m, false);
    calm(c, 4 * ELECTION);
    propose(c, raft_cluster_leader(c), 3);
    assert_int_equal(status(c, raft_cluster_leader(c)).commit_index,
                     status(c, raft_cluster_leader(c)).last_index);
}

static void a_leader_with_a_full_disk_is_replaced_and_nothing_is_lost(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t old = settled_leader(c);

    (void)state;
    propose(c, old, 10);
    raft_cluster_set_full(c, old, true);
    calm(c, 2 * HEARTBEAT);
    uint64_t leader = raft_cluster_leader(c);
    assert_true(leader != 0 && leader != old);
    propose(c, leader, 10);
    assert_int_equal(status(c, leader).commit_index, status(c, leader).last_index);
    calm(c, 20 * ELECTION);
    assert_int_equal(raft_cluster_leader(c), leader); /* it does not want it back */
    raft_cluster_set_full(c, old, false);
    calm(c, 2 * HEARTBEAT);
    assert_is_caught_up(c, old);
}

static void a_leader_with_a_dead_disk_that_does_not_say_so_is_replaced(void **state)
{
    HL_CLEANUP(raft_cluster_freep) struct raft_cluster *c = cluster(3, 3);
    uint64_t old = settled_leader(c);

    (void)state;
    raft_cluster_set_sync_us(c, old, INT64_C(3600) * 1000000);
    propose(c, old, 1);
    calm(c, 10 * ELECTION - 2 * HEARTBEAT);
    assert_int_equal(raft_cluster_leader(c), old);
    calm(c, 4 * HEARTBEAT);
    assert_true(raft_cluster_leader(c) != 0 && raft_cluster_leader(c) != old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_of_one_grows_to_three_and_its_founder_leaves),
        cmocka_unit_test(a_removed_leader_is_followed_by_another_without_a_timeout),
        cmocka_unit_test(a_voter_is_replaced_one_step_at_a_time),
        cmocka_unit_test(a_learner_that_does_not_know_of_its_promotion_votes),
        cmocka_unit_test(the_seven_logs_of_figure_7_become_one),
        cmocka_unit_test(a_follower_behind_the_compacted_log_gets_a_snapshot_and_then_the_log),
        cmocka_unit_test(a_snapshot_of_everything_needs_no_further_entry_to_end),
        cmocka_unit_test(a_snapshot_that_is_behind_by_now_is_good_enough),
        cmocka_unit_test(a_transfer_survives_a_crash_of_the_follower_and_a_change_of_leader),
        cmocka_unit_test(a_stream_pauses_at_its_limit_and_goes_on_after_a_loss),
        cmocka_unit_test(a_lagging_commit_index_catches_up_with_the_next_heartbeats),
        cmocka_unit_test(a_member_whose_connection_broke_is_streamed_to_again),
        cmocka_unit_test(disks_that_are_full_do_not_end_reads),
        cmocka_unit_test(a_leader_with_a_full_disk_is_replaced_and_nothing_is_lost),
        cmocka_unit_test(a_leader_with_a_dead_disk_that_does_not_say_so_is_replaced),
    };
    return cmocka_run_group_tests_name("core/raft: scenarios", tests, NULL, NULL);
}
