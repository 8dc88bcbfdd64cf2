/* Disks that fail, stall or are full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

/* Trap 6. */
static void a_failed_disk_ends_leading_voting_and_acknowledging(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead(o);
    one_propose(o, STR("x"));
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    one_acknowledge(o, 2, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_DISK_FAILED});
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_true(one_status(o).has_disk_failed);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2)); /* the most up to date goes first */
    assert_int_equal(o->out.refused_count, 1);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_DISK);
    one_propose(o, STR("y"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_DISK);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 9, .index = 9});
    assert_int_equal(o->out.send_count, 0);
    one_append(o, 2, 9, 0, 0, 0, 1);
    assert_int_equal(o->out.send_count + o->out.persist.sequence, 0);
    one_persisted(o);
    one_tick(o, 10 * ONE_ELECTION);
    assert_int_equal(o->out.send_count + o->out.persist.sequence, 0);
}

static void an_old_entry_that_cannot_be_read_is_a_failed_disk(void **state)
{
    struct one *o = one_start(state, 3, "11", 1, 1);

    one_lead(o);
    o->is_storage_broken = true;
    one_hear(
        o,
        (struct raft_message){
            .kind = RAFT_MSG_APPEND_REPLY, .from = 2, .term = 2, .is_rejected = true, .round = 2});
    assert_true(one_status(o).has_disk_failed);
    assert_int_equal(o->out.persist.sequence, 0);
}

static void disk_full(struct one *o, bool is_full)
{
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_DISK_FULL, .index = is_full});
}

static void a_disk_that_stores_what_no_version_wrote_is_a_failed_disk(void **state)
{
    struct one *o = one_start(state, 3, "11", 1, 1);

    o->stored[2].kind = (enum raft_entry_kind)9;
    one_lead(o);
    one_hear(
        o,
        (struct raft_message){
            .kind = RAFT_MSG_APPEND_REPLY, .from = 2, .term = 2, .is_rejected = true, .round = 2});
    assert_true(one_status(o).has_disk_failed);
}

static void after_a_failure_nothing_but_what_was_applied_is_taken(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);

    one_tick(o, 0);
    one_persisted(o);
    one_persisted(o);
    assert_int_equal(o->out.apply_count, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_DISK_FAILED});
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = 1});
    assert_int_equal(one_status(o).applied_index, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = 9}); /* an install ended */
    assert_int_equal(one_status(o).applied_index, 1);
    one_change(o, RAFT_ADD_LEARNER, 4);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_DISK);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 3});
    assert_true(o->out.refused[0].is_read);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_DISK_FAILED});
    assert_int_equal(o->out.send_count, 0);
}

static void a_leader_with_a_full_disk_hands_over_at_once(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    disk_full(o, true);
    assert_true(one_status(o).is_disk_full);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2) !=
                one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 3));
    assert_int_equal(one_status(o).role, RAFT_LEADER); /* until the other has won */
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 2, .term = 1, .round = 1});
    assert_int_equal(o->out.read_count, 1);
}

static void the_next_successor_is_asked_if_the_first_does_not_take_over(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);
    size_t told[4] = {0};

    one_lead_settled(o);
    disk_full(o, true);
    for (int i = 0; i < 25; i++) {
        for (uint64_t id = 2; id <= 3; id++)
            told[id] += one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, id);
        one_beat_reply(o, 2, 1);
        one_beat_reply(o, 3, 1);
        one_tick(o, ONE_HEARTBEAT);
    }
    assert_true(told[2] >= 1 && told[3] >= 1);
    assert_int_equal(one_status(o).role, RAFT_LEADER);
}

static void a_full_leader_takes_nothing_new_and_waits_for_a_successor_that_has_all(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_propose(o, STR("x"));
    disk_full(o, true);
    assert_false(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
    one_propose(o, STR("y"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_FULL);
    one_acknowledge(o, 2, 2);
    one_beat_reply(o, 2, 1);
    one_tick(o, ONE_HEARTBEAT);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
}

static void a_disk_with_room_again_takes_proposals_again(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_propose(o, STR("x"));
    disk_full(o, true);
    disk_full(o, false);
    assert_false(one_status(o).is_disk_full);
    one_propose(o, STR("y"));
    assert_int_equal(o->out.refused_count, 0);
}

static void a_full_disk_lets_three_timeouts_pass(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    disk_full(o, true);
    one_beat(o, 2, 1);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 2, .term = 1});
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    for (int i = 0; i < 3; i++) {
        one_tick(o, 2 * ONE_ELECTION);
        assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
        assert_int_equal(one_status(o).leader, 0);
    }
    one_tick(o, 2 * ONE_ELECTION); /* nobody else came: somebody must lead, be it for reads */
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    one_beat(o, 2, 1);
    one_tick(o, 2 * ONE_ELECTION); /* a leader was heard: the count begins again */
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
}

static void the_only_voter_leads_with_a_full_disk(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);

    disk_full(o, true);
    one_tick(o, 0);
    assert_int_equal(one_status(o).role, RAFT_CANDIDATE);
}

static void a_leader_whose_disk_stalls_hands_over_and_steps_down(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.voters = 3, .terms = "", .stall_ms = 3 * ONE_ELECTION});
    int beats = 0;

    one_lead(o); /* the no-op never reaches our disk; the others have it */
    one_acknowledge(o, 2, 1);
    one_acknowledge(o, 3, 1);
    assert_int_equal(one_status(o).commit_index, 1);
    while (one_status(o).role == RAFT_LEADER) {
        one_beat_reply(o, 2, 1);
        one_beat_reply(o, 3, 1);
        one_tick(o, ONE_HEARTBEAT);
        beats++;
    }
    assert_int_equal(beats, 30);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2) ||
                one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 3));
}

static void a_leader_that_can_commit_nothing_hands_over(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.voters = 3, .terms = "", .stall_ms = 3 * ONE_ELECTION});
    int beats = 0;

    one_lead_settled(o);
    for (int i = 0; i < 100; i++) { /* nothing to do is not standing still */
        one_beat_reply(o, 2, 1);
        one_tick(o, ONE_HEARTBEAT);
    }
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    one_propose(o, STR("x"));
    one_persisted(o);
    while (one_status(o).role == RAFT_LEADER) { /* heard, but their disks do nothing */
        one_beat_reply(o, 2, 1);
        one_beat_reply(o, 3, 1);
        one_tick(o, ONE_HEARTBEAT);
        beats++;
    }
    assert_int_equal(beats, 30);
}

static void who_has_nobody_to_hand_over_to_goes_on(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);

    one_tick(o, 0);
    one_persisted(o);
    for (int i = 0; i < 200; i++) /* the no-op is never durable */
        one_tick(o, ONE_HEARTBEAT);
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    disk_full(o, true);
    assert_int_equal(one_status(o).role, RAFT_LEADER);
}

/* Trap 14: what others commit while our own disk stands still must stay in memory, so it counts. */
static void what_our_own_disk_lacks_is_bounded_too(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);
    char data[400000] = {0};
    size_t taken = 0;

    one_lead_settled(o);
    for (; taken < 1000; taken++) {
        one_propose(o, (struct str){data, sizeof(data)});
        if (o->out.refused_count > 0)
            break;
        one_acknowledge(o, 2, 2 + taken);
        one_acknowledge(o, 3, 2 + taken);
        assert_int_equal(one_status(o).commit_index, 2 + taken);
        arena_reset(o->a);
    }
    assert_true(taken * sizeof(data) <= (size_t)64 << 20);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_FULL);
}

/* Member 2 has acknowledged nothing but entry 1: the rest has to be read. */
static void stream_from_storage(struct one *o)
{
    one_lead(o);
    one_acknowledge(o, 2, 1);
}

static void answers_of_the_storage_that_contradict_the_log_are_a_failed_disk(void **state)
{
    struct one *o = one_start(state, 3, "1111", 1, 1);

    stream_from_storage(o);
    assert_false(one_status(o).has_disk_failed);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 2).entry_count, 2);
    one_stop(state);
    o = one_start(state, 3, "1111", 1, 1);
    o->is_storage_broken = true;
    stream_from_storage(o);
    assert_true(one_status(o).has_disk_failed);
    one_stop(state);
    o = one_start(state, 3, "1111", 1, 1);
    o->is_storage_silent = true;
    stream_from_storage(o);
    assert_true(one_status(o).has_disk_failed);
    one_stop(state);
    o = one_start(state, 3, "1111", 1, 1);
    o->stored[2].term = 2;
    stream_from_storage(o);
    assert_true(one_status(o).has_disk_failed);
    one_stop(state);
    o = one_start(state, 3, "1111", 1, 1);
    o->stored[3].index = 9;
    stream_from_storage(o);
    assert_true(one_status(o).has_disk_failed);
}

static void a_follower_that_cannot_read_what_it_must_apply_has_a_failed_disk(void **state)
{
    struct one *o = one_start(state, 3, "1111", 1, 0);

    o->is_storage_broken = true;
    one_hear(o,
             (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1, .commit = 3});
    assert_true(one_status(o).has_disk_failed);
    assert_int_equal(o->out.apply_count, 0);
    one_tick(o, 1);
    assert_int_equal(o->out.apply_count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(a_failed_disk_ends_leading_voting_and_acknowledging),
        T(an_old_entry_that_cannot_be_read_is_a_failed_disk),
        T(a_disk_that_stores_what_no_version_wrote_is_a_failed_disk),
        T(after_a_failure_nothing_but_what_was_applied_is_taken),
        T(a_leader_with_a_full_disk_hands_over_at_once),
        T(the_next_successor_is_asked_if_the_first_does_not_take_over),
        T(a_full_leader_takes_nothing_new_and_waits_for_a_successor_that_has_all),
        T(a_disk_with_room_again_takes_proposals_again),
        T(a_full_disk_lets_three_timeouts_pass),
        T(the_only_voter_leads_with_a_full_disk),
        T(a_leader_whose_disk_stalls_hands_over_and_steps_down),
        T(a_leader_that_can_commit_nothing_hands_over),
        T(who_has_nobody_to_hand_over_to_goes_on),
        T(what_our_own_disk_lacks_is_bounded_too),
        T(answers_of_the_storage_that_contradict_the_log_are_a_failed_disk),
        T(a_follower_that_cannot_read_what_it_must_apply_has_a_failed_disk),
    };
    return cmocka_run_group_tests_name("core/raft: disks", tests, NULL, NULL);
}
