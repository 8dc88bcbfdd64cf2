/* Linearizable reads (thesis 6.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

/* Trap 9. */
static void a_read_waits_for_an_entry_of_our_term_and_for_its_own_round(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 1);
    struct raft_message reply = {.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 2, .term = 2};

    one_lead(o);
    one_persisted(o);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    assert_false(one_has_sent(o, RAFT_MSG_HEARTBEAT, 2)); /* nothing of our term committed yet */
    one_acknowledge(o, 2, 2);
    assert_int_equal(one_sent(o, RAFT_MSG_HEARTBEAT, 3).round, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 9}); /* too late for round 1 */
    assert_int_equal(o->out.read_count, 0);
    one_hear(o, reply); /* of round 0: delayed */
    assert_int_equal(o->out.read_count, 0);
    reply.round = 7; /* a round that never was */
    one_hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    reply.round = 1;
    one_hear(o, reply);
    assert_int_equal(o->out.read_count, 1);
    assert_int_equal(o->out.read[0].tag, 8);
    assert_int_equal(o->out.read[0].index, 2);
    assert_int_equal(one_sent(o, RAFT_MSG_HEARTBEAT, 3).round, 2); /* the next round at once */
    one_hear(o, reply); /* round 1 again, from the same member or another: confirms no later one */
    reply.from = 3;
    one_hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    reply.round = 2;
    one_hear(o, reply);
    assert_int_equal(o->out.read[0].tag, 9);
}

static void reads_are_refused_when_leadership_ends(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead(o);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 3, .term = 9});
    assert_int_equal(o->out.refused_count, 1);
    assert_true(o->out.refused[0].is_read);
    assert_int_equal(o->out.refused[0].tag, 8);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    assert_true(o->out.is_role_changed);
}

static void a_followers_read_goes_to_the_leader_and_expires(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 7});
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    uint64_t id = one_sent(o, RAFT_MSG_READ, 2).round;
    struct raft_message reply = {
        .kind = RAFT_MSG_READ_REPLY, .from = 2, .term = 1, .index = 33, .round = id - 1};
    one_hear(o, reply); /* of an earlier question */
    assert_int_equal(o->out.read_count, 0);
    reply.round = id;
    one_hear(o, reply);
    assert_int_equal(o->out.read_count, 1);
    assert_int_equal(o->out.read[0].index, 33);
    one_hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 9});
    assert_true(one_sent(o, RAFT_MSG_READ, 2).round > id);
    for (int i = 0; i < 10; i++) { /* the leader is alive, the answer never comes */
        o->now_ms += ONE_ELECTION / 10;
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    }
    assert_int_equal(o->out.refused_count, 1);
    assert_int_equal(o->out.refused[0].tag, 9);
}

static void reads_are_bounded(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead(o);
    for (int i = 0; i < RAFT_READS_MAX; i++)
        one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 1});
    assert_int_equal(o->out.refused_count, 0);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 2});
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_FULL);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_READ, .from = 2, .term = 1, .round = 7});
    one_persisted(o);
    one_acknowledge(o, 3, 1);
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 3, .term = 1, .round = 1});
    assert_int_equal(o->out.read_count, RAFT_READS_MAX);
    assert_false(one_has_sent(o, RAFT_MSG_READ_REPLY, 2)); /* it was not taken */
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(a_read_waits_for_an_entry_of_our_term_and_for_its_own_round),
        T(reads_are_refused_when_leadership_ends),
        T(a_followers_read_goes_to_the_leader_and_expires),
        T(reads_are_bounded),
    };
    return cmocka_run_group_tests_name("core/raft: reads", tests, NULL, NULL);
}
