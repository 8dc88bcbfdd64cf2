/* The leader's log: proposals, copies, commit, limits (paper 5.3, 5.4.2; thesis 10.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

/* Trap 1, Figure 8 (c): an old entry on a majority is not committed by counting. */
static void an_entry_of_an_older_term_is_committed_only_with_one_of_our_own(void **state)
{
    struct one *o = one_start(state, 3, "12", 2, 1);

    one_lead(o); /* term 3, no-op at 3 */
    one_persisted(o);
    one_acknowledge(o, 2, 2); /* entry 2 of term 2 is on members 1 and 2 */
    assert_int_equal(one_status(o).commit_index, 0);
    one_acknowledge(o, 2, 3);
    assert_int_equal(one_status(o).commit_index, 3);
    assert_int_equal(o->out.apply_count, 2); /* two at a time from this storage */
    assert_int_equal(o->out.wake_ms, o->now_ms);
    one_tick(o, 0);
    assert_int_equal(o->out.apply[0].index, 3);
}

/* Trap 2. */
static void the_leaders_own_copy_counts_only_when_durable(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead(o);
    assert_int_equal(one_status(o).durable_index, 0);
    one_acknowledge(o, 2, 1);
    assert_int_equal(one_status(o).commit_index, 0);
    one_acknowledge(o, 3, 1); /* a majority without us */
    assert_int_equal(one_status(o).commit_index, 1);
    assert_int_equal(o->out.apply_count, 0); /* but our own disk lacks it */
    one_persisted(o);
    assert_int_equal(o->out.apply_count, 1);
}

/* Trap 2, etcd's case: a majority of one. */
static void a_single_voter_commits_after_its_own_flush(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);

    one_tick(o, 0);
    one_persisted(o); /* the vote */
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    one_propose(o, STR("x"));
    assert_int_equal(one_status(o).commit_index, 0);
    one_persisted(o);
    assert_int_equal(one_status(o).commit_index, 2);
    assert_int_equal(o->out.apply_count, 2);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 9});
    assert_int_equal(o->out.read_count, 1);
    assert_int_equal(o->out.read[0].index, 2);
}

static void a_refusal_steps_back_over_whole_terms(void **state)
{
    struct one *o = one_start(state, 3, "1222222222", 2, 1);

    one_lead(o); /* term 3, no-op at 11, prev 10 */
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                      .from = 3,
                                      .term = 3,
                                      .is_rejected = true,
                                      .round = 10,
                                      .index = 8,
                                      .log_term = 1});
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 3).index, 1);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY, /* late and old: ignored */
                                      .from = 3,
                                      .term = 3,
                                      .is_rejected = true,
                                      .round = 10});
    assert_false(one_has_sent(o, RAFT_MSG_APPEND, 3));
}

/* Trap 14. */
static void uncommitted_and_inflight_bytes_are_bounded(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);
    char *big = arena_alloc(o->a, RAFT_ENTRY_BYTES_MAX + 1);
    struct str data = {big, RAFT_ENTRY_BYTES_MAX};
    size_t inflight = 0;
    size_t taken = 0;

    one_lead(o);
    one_persisted(o);
    one_acknowledge(o, 2, 1);
    for (;; taken++) {
        one_propose(o, data);
        for (size_t i = 0; i < o->out.send_count; i++) {
            size_t bytes = 0;
            for (size_t n = 0; n < o->out.send[i].entry_count; n++)
                bytes += o->out.send[i].entry[n].data.len + RAFT_ENTRY_COST;
            assert_true(bytes <= RAFT_MESSAGE_BYTES_MAX);
            inflight += o->out.send[i].to == 2 ? bytes : 0;
        }
        if (o->out.refused_count > 0)
            break;
        arena_reset(o->a);
        big = arena_alloc(o->a, RAFT_ENTRY_BYTES_MAX + 1);
        data.ptr = big;
    }
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_FULL);
    assert_int_equal(o->out.refused[0].tag, 5);
    assert_true(taken * (size_t)RAFT_ENTRY_BYTES_MAX <= (size_t)64 << 20 && taken >= 127);
    assert_true(inflight <= (size_t)4 << 20 && inflight > (size_t)3 << 20);
    one_persisted(o);
    one_acknowledge(o, 2, 1 + taken);
    one_propose(o, data);
    assert_int_equal(o->out.refused_count, 0);
    data.len++;
    one_propose(o, data);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_TOO_LARGE);
}

static void the_cache_is_bounded_once_entries_are_applied(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);
    char *big = arena_alloc(o->a, 100000);

    one_tick(o, 0);
    one_persisted(o);
    for (int i = 0; i < 200; i++) {
        one_propose(o, (struct str){big, 100000});
        one_persisted(o);
    }
    one_tick(o, 0);
    assert_int_equal(one_status(o).commit_index, 201);
    assert_true(one_status(o).cached_bytes <= (size_t)4 << 20);
}

static void appends_go_out_and_commit_while_our_own_disk_is_busy(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    for (uint64_t i = 0; i < 3; i++) {
        one_propose(o, STR("x"));
        assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 2).index, 1 + i);
        assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 2).entry_count, 1);
    }
    one_acknowledge(o, 2, 4);
    assert_int_equal(one_status(o).commit_index, 1);
    one_acknowledge(o, 3, 3);
    assert_int_equal(one_status(o).commit_index, 3);
    assert_int_equal(o->out.apply_count, 0);
    one_persisted(o); /* of all three */
    assert_int_equal(one_status(o).commit_index, 4);
    assert_int_equal(o->out.apply_count, 3);
}

static void a_hint_that_makes_no_sense_steps_back_by_one(void **state)
{
    struct one *o = one_start(state, 3, "1111", 1, 1);

    one_lead(o); /* no-op at 5, prev 4 */
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                      .from = 3,
                                      .term = 2,
                                      .is_rejected = true,
                                      .round = 4,
                                      .index = 7,
                                      .log_term = 1});
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 3).index, 3);
}

static void a_second_leader_is_never_made_of_repeated_votes(void **state)
{
    struct one *o = one_start(state, 5, "", 0, 0);
    struct raft_message pre = {.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 2, .term = 1};

    one_tick(o, 2 * ONE_ELECTION);
    one_hear(o, pre);
    one_hear(o, pre); /* the same member twice */
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    pre.from = 3;
    one_hear(o, pre);
    assert_int_equal(one_status(o).role, RAFT_CANDIDATE);
}

/* With news_ms, an append that follows at once carries the commit index; else a heartbeat does. */
static void a_new_commit_index_waits_for_an_append(void **state)
{
    struct one *o =
        one_start_with(state, &(struct one_setup){.voters = 3, .terms = "", .news_ms = 5});

    one_lead_settled(o);
    one_tick(o, 5);
    one_propose(o, STR("x"));
    uint64_t index = one_sent(o, RAFT_MSG_APPEND, 2).index + 1;
    one_persisted(o);
    one_acknowledge(o, 2, index);
    one_acknowledge(o, 3, index);
    assert_int_equal(one_status(o).commit_index, index);
    assert_false(one_has_sent(o, RAFT_MSG_HEARTBEAT, 2));
    assert_int_equal(o->out.wake_ms, o->now_ms + 5);
    one_propose(o, STR("y"));
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 2).commit, index);
    one_persisted(o);
    one_acknowledge(o, 2, index + 1);
    one_acknowledge(o, 3, index + 1);
    one_tick(o, 4);
    assert_false(one_has_sent(o, RAFT_MSG_HEARTBEAT, 2));
    one_tick(o, 1);
    assert_int_equal(one_sent(o, RAFT_MSG_HEARTBEAT, 2).commit, index + 1);
    assert_int_equal(one_sent(o, RAFT_MSG_HEARTBEAT, 3).commit, index + 1);
    assert_true(o->out.wake_ms > o->now_ms + 5);
}

static void roles_have_names(void **state)
{
    (void)state;
    assert_string_equal(raft_role_name(RAFT_FOLLOWER), "follower");
    assert_string_equal(raft_role_name(RAFT_PRE_CANDIDATE), "pre-candidate");
    assert_string_equal(raft_role_name(RAFT_CANDIDATE), "candidate");
    assert_string_equal(raft_role_name(RAFT_LEADER), "leader");
    assert_string_equal(raft_role_name((enum raft_role)9), "unknown");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(an_entry_of_an_older_term_is_committed_only_with_one_of_our_own),
        T(the_leaders_own_copy_counts_only_when_durable),
        T(a_single_voter_commits_after_its_own_flush),
        T(a_refusal_steps_back_over_whole_terms),
        T(uncommitted_and_inflight_bytes_are_bounded),
        T(the_cache_is_bounded_once_entries_are_applied),
        T(appends_go_out_and_commit_while_our_own_disk_is_busy),
        T(a_hint_that_makes_no_sense_steps_back_by_one),
        T(a_second_leader_is_never_made_of_repeated_votes),
        T(a_new_commit_index_waits_for_an_append),
        cmocka_unit_test(roles_have_names),
    };
    return cmocka_run_group_tests_name("core/raft: leaders", tests, NULL, NULL);
}
