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

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(a_failed_disk_ends_leading_voting_and_acknowledging),
        T(an_old_entry_that_cannot_be_read_is_a_failed_disk),
    };
    return cmocka_run_group_tests_name("core/raft: disks", tests, NULL, NULL);
}
