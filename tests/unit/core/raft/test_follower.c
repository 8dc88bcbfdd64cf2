/* The follower's log: what it takes, cuts, refuses and acknowledges (paper 5.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

/* Trap 3. */
static void votes_and_acknowledgements_wait_for_the_disk(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 0);
    struct raft_message vote = {
        .kind = RAFT_MSG_VOTE, .from = 2, .term = 5, .index = 1, .log_term = 1};

    one_hear(o, vote);
    assert_int_equal(o->out.persist.hard.vote, 2);
    assert_int_equal(o->out.send_count, 0);
    one_hear(o, vote); /* asked again meanwhile: still no answer */
    assert_int_equal(o->out.send_count, 0);
    one_persisted(o);
    assert_false(one_sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    assert_true(one_has_sent(o, RAFT_MSG_VOTE_REPLY, 2));
    one_hear(o, vote); /* durable by now: answered at once */
    assert_true(one_has_sent(o, RAFT_MSG_VOTE_REPLY, 2));

    one_append(o, 2, 5, 1, 1, 0, 2);
    assert_int_equal(o->out.persist.entry_count, 2);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index,
                     1);             /* the old entry, verified now */
    one_append(o, 2, 5, 1, 1, 0, 2); /* repeated: what is durable of it, not more */
    assert_int_equal(o->out.persist.sequence, 0);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).commit, 3); /* received */
    one_append(o, 2, 5, 3, 5, 0, 0); /* empty, behind what is not durable */
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1);
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 3);
}

static void an_acknowledgement_waits_for_its_term_too(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 0);

    one_append(o, 2, 7, 1, 1, 0, 0); /* nothing to write but the term */
    assert_true(o->out.persist.has_hard_state);
    assert_false(one_has_sent(o, RAFT_MSG_APPEND_REPLY, 2));
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1);
}

/* Trap 4. */
static void the_log_is_cut_only_where_terms_differ(void **state)
{
    struct one *o = one_start(state, 3, "1122", 2, 0);

    one_append(o, 2, 3, 2, 1, 0, 0); /* a shorter leader cuts nothing */
    assert_int_equal(o->out.persist.truncate_from, 0);
    assert_int_equal(one_status(o).last_index, 4);
    one_append(o, 2, 3, 2, 1, 0, 1);
    assert_int_equal(o->out.persist.truncate_from, 3);
    assert_int_equal(o->out.persist.entry_count, 1);
    assert_int_equal(one_status(o).last_index, 3);
    assert_int_equal(one_status(o).durable_index, 2);
    one_append(o, 2, 3, 2, 1, 0, 1); /* repeated: not cut again */
    assert_int_equal(o->out.persist.sequence, 0);
}

/* A flush that was under way when the log was cut must not make the new entries durable. */
static void a_flush_of_what_was_cut_says_nothing_about_what_replaced_it(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_append(o, 2, 2, 0, 0, 0, 3);
    uint64_t first = o->sequence;
    one_append(o, 3, 4, 0, 0, 0, 2);
    assert_int_equal(o->out.persist.truncate_from, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = first});
    assert_int_equal(one_status(o).durable_index, 0);
    assert_false(one_has_sent(o, RAFT_MSG_APPEND_REPLY, 3));
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 3).index, 2);
}

/* Trap 5. */
static void an_acknowledgement_covers_what_the_message_verified_not_our_last_entry(void **state)
{
    struct one *o = one_start(state, 3, "1111", 1, 0);

    one_append(o, 2, 2, 2, 1, 4, 0);
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 2);
    assert_int_equal(one_status(o).commit_index, 2); /* not 4: entries 3 and 4 may be others */
    one_hear(o,
             (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 2, .commit = 2});
    assert_int_equal(one_status(o).commit_index, 2);
}

/* Trap 13. */
static void appends_at_the_start_and_below_the_commit_index_are_handled(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_append(o, 2, 1, 0, 0, 2, 3);
    one_persisted(o);
    assert_int_equal(one_status(o).commit_index, 2);
    one_append(o, 2, 1, 0, 0, 2, 1); /* wholly below: acknowledged again, nothing changed */
    assert_int_equal(o->out.persist.sequence, 0);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 3);
    one_append(o, 2, 1, 1, 1, 2, 4); /* reaches over it: begins behind it */
    assert_int_equal(o->out.persist.entry_count, 2);
    assert_int_equal(o->out.persist.entry[0].index, 4);
}

static void a_gap_is_refused_with_a_hint(void **state)
{
    struct one *o = one_start(state, 3, "1133", 3, 0);

    one_append(o, 2, 4, 9, 4, 0, 1);
    struct raft_message m = one_sent(o, RAFT_MSG_APPEND_REPLY, 2);
    assert_true(m.is_rejected);
    assert_int_equal(m.round, 9);
    assert_int_equal(m.index, 4);
    assert_int_equal(m.log_term, 3);
    one_append(o, 2, 4, 4, 2, 0, 1); /* nothing of term 3 can agree with a log of term 2 here */
    m = one_sent(o, RAFT_MSG_APPEND_REPLY, 2);
    assert_int_equal(m.index, 2);
    assert_int_equal(m.log_term, 1);
}

static void a_leader_of_an_older_term_is_told(void **state)
{
    struct one *o = one_start(state, 3, "", 5, 0);

    one_append(o, 2, 3, 0, 0, 0, 1);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).term, 5);
    assert_int_equal(one_status(o).last_index, 0);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 4});
    assert_int_equal(one_sent(o, RAFT_MSG_HEARTBEAT_REPLY, 2).term, 5);
}

static void a_follower_hands_proposals_to_the_leader(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);
    struct raft_entry given = {.kind = RAFT_ENTRY_COMMAND, .data = STR("x")};

    one_propose(o, STR("x"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    one_propose(o, STR("x"));
    assert_int_equal(o->out.refused_count, 0);
    struct raft_message m = one_sent(o, RAFT_MSG_PROPOSE, 2);
    assert_int_equal(m.entry_count, 1);
    assert_true(str_eq(m.entry[0].data, STR("x")));
    struct raft_message wrong = {
        .kind = RAFT_MSG_PROPOSE, .from = 3, .term = 1, .entry = &given, .entry_count = 1};
    one_hear(o, wrong); /* not the leader: dropped, not passed round */
    assert_int_equal(o->out.send_count + o->out.persist.sequence, 0);
    one_lead(o);
    one_hear(o, wrong);
    assert_int_equal(o->out.persist.entry_count, 1);
}

/* The writes of three leaders for the same indexes, all under way at once. */
static void entries_replaced_twice_are_durable_only_with_the_last_write(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);
    uint64_t write[3];

    for (uint64_t i = 0; i < 3; i++) {
        one_append(o, 2 + i % 2, 2 + i, 0, 0, 0, 2);
        write[i] = o->out.persist.sequence;
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(one_status(o).durable_index, 0);
        one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = write[i]});
    }
    assert_int_equal(one_status(o).durable_index, 2);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 2);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = write[0]}); /* late */
    assert_int_equal(one_status(o).durable_index, 2);
}

static void proposals_are_forwarded_in_messages_of_a_bounded_size(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);
    struct str *many = arena_array(o->a, struct str, RAFT_MESSAGE_ENTRIES_MAX + 1);
    struct str big = {arena_alloc(o->a, RAFT_ENTRY_BYTES_MAX), RAFT_ENTRY_BYTES_MAX};
    struct str three[] = {big, big, STR("x")};
    struct raft_event e = {.kind = RAFT_EVENT_PROPOSE, .data = three, .data_count = 3};

    one_beat(o, 2, 1);
    one_feed(o, e);
    assert_int_equal(o->out.send_count, 2);
    assert_int_equal(o->out.send[0].entry_count, 1);
    assert_int_equal(o->out.send[1].entry_count, 2);
    e.data = many;
    e.data_count = RAFT_MESSAGE_ENTRIES_MAX + 1;
    one_feed(o, e);
    assert_int_equal(o->out.send_count, 2);
    assert_int_equal(o->out.send[0].entry_count, RAFT_MESSAGE_ENTRIES_MAX);
    e.data_count = 0; /* nothing proposed, nothing sent */
    one_feed(o, e);
    assert_int_equal(o->out.send_count, 0);
}

/* A restart with a state that lags behind its log: what is committed is applied from the disk. */
static void a_heartbeat_alone_tells_what_is_committed_of_what_is_durable(void **state)
{
    struct one *o = one_start(state, 3, "1111", 1, 0);

    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1, .commit = 9}); /* nonsense */
    assert_int_equal(one_status(o).commit_index, 0);
    one_hear(o,
             (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1, .commit = 3});
    assert_int_equal(one_status(o).commit_index, 3);
    assert_int_equal(o->out.apply_count, 2);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = 2});
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = 1}); /* no step back */
    assert_int_equal(one_status(o).applied_index, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(votes_and_acknowledgements_wait_for_the_disk),
        T(an_acknowledgement_waits_for_its_term_too),
        T(the_log_is_cut_only_where_terms_differ),
        T(a_flush_of_what_was_cut_says_nothing_about_what_replaced_it),
        T(an_acknowledgement_covers_what_the_message_verified_not_our_last_entry),
        T(appends_at_the_start_and_below_the_commit_index_are_handled),
        T(a_gap_is_refused_with_a_hint),
        T(a_leader_of_an_older_term_is_told),
        T(a_follower_hands_proposals_to_the_leader),
        T(entries_replaced_twice_are_durable_only_with_the_last_write),
        T(proposals_are_forwarded_in_messages_of_a_bounded_size),
        T(a_heartbeat_alone_tells_what_is_committed_of_what_is_durable),
    };
    return cmocka_run_group_tests_name("core/raft: followers", tests, NULL, NULL);
}
