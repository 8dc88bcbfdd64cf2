/* Doors: messages, configurations and recovered numbers that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

static void strangers_and_malformed_messages_change_nothing(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);
    struct raft_entry gap = {.index = 5, .term = 9};
    struct raft_message bad[] = {
        {.kind = RAFT_MSG_VOTE_REPLY, .from = 9, .term = 9},
        {.kind = RAFT_MSG_APPEND_REPLY, .from = 9, .term = 9},
        {.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 9, .term = 9},
        {.kind = RAFT_MSG_VOTE, .from = 1, .term = 9},
        {.kind = (enum raft_message_kind)99, .from = 2, .term = 9},
        {.kind = RAFT_MSG_VOTE, .from = 2, .term = 0},
        {.kind = RAFT_MSG_VOTE, .from = 2, .term = UINT64_MAX},
        {.kind = RAFT_MSG_APPEND, .from = 2, .term = 9, .entry = &gap, .entry_count = 1},
        {.kind = RAFT_MSG_APPEND, .from = 2, .term = 9, .index = 1, .log_term = 10},
        {.kind = RAFT_MSG_APPEND, .from = 2, .term = 9, .log_term = 3},
    };

    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        one_hear(o, bad[i]);
        assert_int_equal(o->out.send_count, 0);
        assert_int_equal(o->out.persist.sequence, 0);
        assert_int_equal(one_status(o).term, 1);
    }
}

static void bad_configurations_and_contradictions_are_named(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);
    struct raft_config c = {.id = 1,
                            .founders = {.member = {{1, true}, {2, true}}, .count = 2},
                            .storage = one_storage(o)};
    struct raft_recovered d = {.first_index = 1};
    struct raft_term_run run = {1, 3};
    struct raft *r = NULL;
    struct err err;

    struct raft_config bad = c;
    bad.id = 0;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad = c;
    bad.founders.member[1].id = 1;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad = c;
    bad.founders.count = RAFT_MEMBERS_MAX + 1;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad = c;
    bad.heartbeat_ms = 100;
    bad.election_ms = 150;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);

    d = (struct raft_recovered){.first_index = 1, .applied_index = 4};
    assert_int_equal(raft_new(&c, &d, 0, &r, &err), HL_ECORRUPT);
    assert_string_equal(err.text, "raft: the state has applied entry 4, but the log ends at 0");
    d = (struct raft_recovered){
        .first_index = 1, .last_index = 2, .last_term = 3, .run = &run, .run_count = 1};
    assert_int_equal(raft_new(&c, &d, 0, &r, &err), HL_ECORRUPT); /* hard term 0 < 3 */
    d.hard.term = 3;
    d.last_term = 2;
    assert_int_equal(raft_new(&c, &d, 0, &r, &err), HL_ECORRUPT);
    d.last_term = 3;
    assert_int_equal(raft_new(&c, &d, 0, &r, &err), 0);
    raft_free(r);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(strangers_and_malformed_messages_change_nothing),
        T(bad_configurations_and_contradictions_are_named),
    };
    return cmocka_run_group_tests_name("core/raft: doors", tests, NULL, NULL);
}
