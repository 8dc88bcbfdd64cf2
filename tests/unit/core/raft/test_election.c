/* Elections: votes, pre-votes, stickiness, hand-over (paper 5.2, 5.4.1; thesis 3.10, 4.2.3, 9.6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

static void a_candidate_asks_first_and_only_after_its_own_vote_is_durable(void **state)
{
    struct one *o = one_start(state, 3, "", 4, 2);

    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    assert_int_equal(one_status(o).term, 4); /* thesis 9.6: pre-vote raises no term */
    assert_int_equal(one_sent(o, RAFT_MSG_PRE_VOTE, 2).term, 5);
    assert_int_equal(o->out.persist.sequence, 0);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 2, .term = 5});
    assert_int_equal(one_status(o).role, RAFT_CANDIDATE);
    assert_true(o->out.persist.has_hard_state);
    assert_int_equal(o->out.persist.hard.term, 5);
    assert_int_equal(o->out.persist.hard.vote, 1);
    assert_false(one_has_sent(o, RAFT_MSG_VOTE, 2));
    one_persisted(o);
    assert_true(one_has_sent(o, RAFT_MSG_VOTE, 2) && one_has_sent(o, RAFT_MSG_VOTE, 3));
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .from = 3, .term = 5});
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    assert_int_equal(o->out.persist.entry_count, 1);
    assert_int_equal(o->out.persist.entry[0].kind, RAFT_ENTRY_NOOP);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 2).entry_count,
                     1); /* before its own disk has it */
}

static void a_vote_of_an_older_term_is_not_told_any_more(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 5});
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 3, .term = 6});
    one_persisted(o);
    assert_false(one_has_sent(o, RAFT_MSG_VOTE_REPLY, 2));
    assert_int_equal(one_sent(o, RAFT_MSG_VOTE_REPLY, 3).term, 6);
}

static void one_vote_in_a_term_even_after_a_restart(void **state)
{
    struct one *o = one_start(state, 3, "", 5, 2);

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 3, .term = 5});
    assert_true(one_sent(o, RAFT_MSG_VOTE_REPLY, 3).is_rejected);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 5});
    assert_false(one_sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
}

/* Paper 5.4.1. */
static void no_vote_for_a_log_that_is_behind(void **state)
{
    struct one *o = one_start(state, 3, "1122", 2, 0);

    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_VOTE, .from = 2, .term = 3, .index = 9, .log_term = 1});
    assert_true(one_sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_VOTE, .from = 2, .term = 4, .index = 3, .log_term = 2});
    assert_true(one_sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_VOTE, .from = 2, .term = 5, .index = 4, .log_term = 2});
    one_persisted(o);
    assert_false(one_sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
}

/* Trap 8, and thesis 4.2.3. */
static void while_a_leader_is_heard_nobody_gets_a_vote(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);
    struct raft_message pre = {.kind = RAFT_MSG_PRE_VOTE, .from = 3, .term = 9};
    struct raft_message vote = {.kind = RAFT_MSG_VOTE, .from = 3, .term = 9};
    struct raft_message beat = {.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1};

    one_hear(o, beat);
    int64_t wake_ms = o->out.wake_ms;
    o->now_ms += ONE_ELECTION - 1;
    one_hear(o, pre);
    assert_true(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected);
    one_hear(o, vote);
    assert_int_equal(o->out.send_count, 0);
    assert_int_equal(one_status(o).term, 1); /* its term is not even taken */
    assert_int_equal(o->out.wake_ms, wake_ms);
    o->now_ms += 1; /* a minimum election timeout without the leader */
    one_hear(o, pre);
    assert_false(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected);
    assert_int_equal(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).term, 9);
    assert_int_equal(o->out.wake_ms, wake_ms); /* granting does not touch the timer */
    assert_int_equal(one_status(o).term, 1);
    one_hear(o, beat);
    vote.round = 1; /* the leader itself handed over */
    one_hear(o, vote);
    one_persisted(o);
    assert_false(one_sent(o, RAFT_MSG_VOTE_REPLY, 3).is_rejected);
}

/* Trap 8, hashicorp's case: our leader restarted and asks. */
static void the_leader_we_follow_may_ask_for_votes_itself(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 2, .term = 2});
    assert_false(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 2).is_rejected);
}

static void a_broken_connection_to_the_leader_starts_a_pre_vote_soon(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 3}); /* not the leader */
    assert_true(o->out.wake_ms >= o->now_ms + ONE_ELECTION);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 2});
    assert_in_range(o->out.wake_ms - o->now_ms, 5, 15);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 3, .term = 2});
    assert_false(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected); /* we lost it too */
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    assert_in_range(o->out.wake_ms - o->now_ms, 5, 15); /* was under way when it broke */
    one_tick(o, 15);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    one_hear(o,
             (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1}); /* alive */
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_int_equal(one_status(o).term, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 2}); /* damped */
    assert_true(o->out.wake_ms >= o->now_ms + ONE_ELECTION);
}

static void a_leader_hands_over_when_the_successor_has_everything(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead(o);
    one_persisted(o);
    one_acknowledge(o, 2, 1);
    one_propose(o, STR("x"));
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = 2});
    assert_false(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
    one_propose(o, STR("y"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    one_acknowledge(o, 2, 2);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
    for (int i = 0; i < 10; i++) { /* it does not come: go on */
        one_tick(o, ONE_HEARTBEAT);
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 3, .term = 1});
    }
    one_propose(o, STR("y"));
    assert_int_equal(o->out.refused_count, 0);
}

static void the_successor_campaigns_at_once(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 3, .term = 1});
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER); /* not from the leader */
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 2, .term = 1});
    assert_int_equal(one_status(o).role, RAFT_CANDIDATE);
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_VOTE, 2).round, 1);
}

/* Check-quorum, thesis 6.2; and heartbeats with a disk that never answers. */
static void a_leader_without_a_majority_steps_down_but_not_for_a_slow_disk(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead(o); /* the no-op is never persisted */
    for (int i = 0; i < 30; i++) {
        one_tick(o, ONE_HEARTBEAT);
        assert_true(one_has_sent(o, RAFT_MSG_HEARTBEAT, 3));
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 3, .term = 1});
    }
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    for (int i = 0; i < 9; i++)
        one_tick(o, ONE_HEARTBEAT);
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    one_tick(o, ONE_HEARTBEAT);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_int_equal(one_status(o).leader, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(a_candidate_asks_first_and_only_after_its_own_vote_is_durable),
        T(a_vote_of_an_older_term_is_not_told_any_more),
        T(one_vote_in_a_term_even_after_a_restart),
        T(no_vote_for_a_log_that_is_behind),
        T(while_a_leader_is_heard_nobody_gets_a_vote),
        T(the_leader_we_follow_may_ask_for_votes_itself),
        T(a_broken_connection_to_the_leader_starts_a_pre_vote_soon),
        T(a_leader_hands_over_when_the_successor_has_everything),
        T(the_successor_campaigns_at_once),
        T(a_leader_without_a_majority_steps_down_but_not_for_a_slow_disk),
    };
    return cmocka_run_group_tests_name("core/raft: elections", tests, NULL, NULL);
}
