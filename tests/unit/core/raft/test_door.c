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
        {.kind = (enum raft_message_kind)0, .from = 2, .term = 9},
        {.kind = RAFT_MSG_VOTE, .from = 0, .term = 9},
        {.kind = RAFT_MSG_VOTE, .from = 2, .term = 9, .index = UINT64_MAX / 2},
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
    struct raft_message elsewhere = {.kind = RAFT_MSG_VOTE, .from = 2, .to = 3, .term = 9};
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = &elsewhere});
    assert_int_equal(one_status(o).term, 1);
}

static void assert_nothing_happens(struct one *o, struct raft_message m)
{
    struct raft_status before = one_status(o);

    m.from = m.from ? m.from : 2;
    one_hear(o, m);
    assert_int_equal(o->out.send_count, 0);
    assert_int_equal(o->out.persist.sequence, 0);
    assert_false(o->out.install.is_set);
    assert_int_equal(one_status(o).term, before.term);
    assert_int_equal(one_status(o).leader, before.leader);
}

static void malformed_entries_change_nothing(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 0);
    struct raft_entry good = {.index = 2, .term = 2, .kind = RAFT_ENTRY_COMMAND, .data = STR("x")};
    struct raft_entry bad[8];
    struct raft_entry *many = arena_array(o->a, struct raft_entry, RAFT_MESSAGE_ENTRIES_MAX + 1);
    char *big = arena_alloc(o->a, RAFT_ENTRY_BYTES_MAX + 1);
    struct raft_message m = {
        .kind = RAFT_MSG_APPEND, .term = 2, .index = 1, .log_term = 1, .entry_count = 1};

    for (size_t i = 0; i < HL_COUNT(bad); i++)
        bad[i] = good;
    bad[0].index = 3;
    bad[1].term = 0;
    bad[2].term = 3; /* of a later term than its leader */
    bad[3].kind = (enum raft_entry_kind)3;
    bad[4].kind = RAFT_ENTRY_MEMBERS; /* "x" are no members */
    bad[5].data = (struct str){big, RAFT_ENTRY_BYTES_MAX + 1};
    bad[6].kind = (enum raft_entry_kind) - 1;
    for (size_t i = 0; i < 7; i++) {
        m.entry = &bad[i];
        assert_nothing_happens(o, m);
    }
    for (size_t i = 0; i <= RAFT_MESSAGE_ENTRIES_MAX; i++)
        many[i] = (struct raft_entry){.index = 2 + i, .term = 2};
    m.entry = many;
    m.entry_count = RAFT_MESSAGE_ENTRIES_MAX + 1;
    assert_nothing_happens(o, m);
    for (size_t i = 0; i < 2; i++) {
        many[i].kind = RAFT_ENTRY_COMMAND;
        many[i].data = (struct str){big, RAFT_ENTRY_BYTES_MAX};
    }
    m.entry_count = 2; /* more bytes than a message may have */
    assert_nothing_happens(o, m);
    many[0].data = many[1].data = STR_NONE;
    many[0].term = 2;
    many[1].term = 1; /* terms never fall */
    assert_nothing_happens(o, m);
    one_lead(o);
    bad[7].kind = RAFT_ENTRY_MEMBERS; /* a proposal is a command */
    m = (struct raft_message){
        .kind = RAFT_MSG_PROPOSE, .term = 2, .entry = &bad[7], .entry_count = 1};
    assert_nothing_happens(o, m);
}

static void malformed_pieces_change_nothing(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 0);
    char *big = arena_alloc(o->a, RAFT_PIECE_BYTES_MAX + 1);
    struct raft_message good = {.kind = RAFT_MSG_SNAPSHOT,
                                .from = 2,
                                .term = 2,
                                .index = 9,
                                .log_term = 1,
                                .round = 5,
                                .members = one_members("1v 2v")};
    struct raft_message bad[8];

    for (size_t i = 0; i < HL_COUNT(bad); i++)
        bad[i] = good;
    bad[0].index = 0;
    bad[1].log_term = 0;
    bad[2].log_term = 3;
    bad[3].commit = 2;
    bad[4].data = (struct str){big, RAFT_PIECE_BYTES_MAX + 1};
    bad[5].cursor = (struct str){big, RAFT_CURSOR_BYTES_MAX + 1};
    bad[6].members.count = 0;
    bad[7].members.count = RAFT_MEMBERS_MAX + 1;
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        assert_nothing_happens(o, bad[i]);
    one_hear(o, good);
    assert_true(o->out.install.is_set);
}

/* Who leads, and somebody else of the same term who says that it does. */
static void a_second_leader_of_a_term_is_not_heard(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_beat(o, 2, 1);
    assert_nothing_happens(o,
                           (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 3, .term = 1});
    assert_nothing_happens(o, (struct raft_message){.kind = RAFT_MSG_APPEND, .from = 3, .term = 1});
    assert_nothing_happens(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT,
                                                    .from = 3,
                                                    .term = 1,
                                                    .index = 9,
                                                    .log_term = 1,
                                                    .members = one_members("1v 2v")});
    one_lead(o);
    assert_nothing_happens(o,
                           (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 3, .term = 2});
}

/* Answers to what was asked in another role. */
static void late_answers_change_nothing(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 0);
    const enum raft_message_kind kinds[] = {
        RAFT_MSG_VOTE_REPLY,     RAFT_MSG_PRE_VOTE_REPLY, RAFT_MSG_APPEND_REPLY,
        RAFT_MSG_SNAPSHOT_REPLY, RAFT_MSG_READ_REPLY,     RAFT_MSG_HEARTBEAT_REPLY,
        RAFT_MSG_READ,           RAFT_MSG_TIMEOUT_NOW,    RAFT_MSG_PROPOSE};

    for (size_t i = 0; i < HL_COUNT(kinds); i++)
        assert_nothing_happens(o, (struct raft_message){.kind = kinds[i], .term = 1});
    one_tick(o, 2 * ONE_ELECTION);
    assert_nothing_happens(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .term = 1});
    assert_nothing_happens(o, /* of another pre-vote than this */
                           (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .term = 5});
    assert_nothing_happens(
        o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .term = 1, .is_rejected = true});
    one_lead(o);
    assert_nothing_happens(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .term = 3});
    assert_nothing_happens(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .term = 2});
    assert_nothing_happens(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT_REPLY, .term = 2});
    assert_nothing_happens(
        o, /* nobody can hold what we never wrote */
        (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY, .term = 2, .index = 9, .commit = 9});
    assert_int_equal(one_status(o).peer[0].match_index, 0);
}

static int try_start(struct one *o, const struct raft_recovered *d, struct err *err)
{
    struct raft_config c = {.id = 1, .founders = one_members("1v 2v"), .storage = one_storage(o)};
    struct raft *r = NULL;
    int result = raft_new(&c, d, 0, &r, err);

    raft_free(r);
    return result;
}

static void a_log_and_a_base_that_contradict_each_other_are_refused(void **state)
{
    struct one *o = one_start(state, 1, "", 0, 0);
    struct raft_term_run run[] = {{11, 3}, {15, 4}};
    struct raft_entry named[2] = {{.index = 12, .term = 3, .kind = RAFT_ENTRY_MEMBERS},
                                  {.index = 13, .term = 3, .kind = RAFT_ENTRY_MEMBERS}};
    char bytes[RAFT_MEMBERS_BYTES_MAX];
    struct raft_members members = one_members("1v 3v");
    struct raft_recovered good = {
        .hard = {5, 0},
        .first_index = 11,
        .last_index = 20,
        .last_term = 4,
        .before_term = 2,
        .run = run,
        .run_count = 2,
        .members = named,
        .members_count = 2,
        .base = {.index = 12, .term = 3, .members = one_members("1v 2v"), .id = 1},
        .applied_index = 14,
    };
    struct raft_recovered d;
    struct err err;

    named[0].data = named[1].data = (struct str){bytes, raft_members_encode(&members, bytes)};
    assert_int_equal(try_start(o, &good, &err), 0);
#define REFUSED(change)                                                                            \
    d = good;                                                                                      \
    change;                                                                                        \
    assert_int_equal(try_start(o, &d, &err), HL_ECORRUPT)
    REFUSED(d.first_index = 0);
    REFUSED(d.last_index = 9);
    REFUSED(d.last_index = UINT64_MAX);
    REFUSED(d.before_term = 0);
    REFUSED(d.before_term = 4); /* terms never fall */
    REFUSED(d.run_count = 0);
    REFUSED(d.last_term = 3);
    REFUSED(d.last_index = 14);
    REFUSED((d.last_index = 10, d.last_term = 0));
    REFUSED(d.hard.term = 3);
    REFUSED(d.applied_index = 11);
    REFUSED(d.applied_index = 21);
    REFUSED(d.base.index = 9);
    REFUSED(d.base.term = 4);
    REFUSED(d.base.members.count = 0);
    REFUSED((named[1].index = 12));
    REFUSED((named[1].index = 21));
    named[1].index = 13;
    REFUSED((named[0].kind = RAFT_ENTRY_COMMAND));
    named[0].kind = RAFT_ENTRY_MEMBERS;
    REFUSED((named[0].data.len--));
    named[0].data.len++;
    REFUSED((run[0].first_index = 12));
    run[0].first_index = 11;
    REFUSED((run[1].first_index = 11));
    REFUSED((run[1].first_index = 21));
    run[1].first_index = 15;
    REFUSED((run[1].term = 3));
    REFUSED((run[0].term = 0));
#undef REFUSED
    run[0].term = 3;
    run[1].term = 4;
    assert_int_equal(try_start(o, &good, &err), 0);
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
    bad.election_ms = INT64_MAX;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad.heartbeat_ms = -1;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad = c;
    bad.stall_ms = 1;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad = c;
    bad.news_ms = -1;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad.news_ms = 101; /* a heartbeat comes sooner */
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad = c;
    bad.storage.read_piece = NULL;
    assert_int_equal(raft_new(&bad, &d, 0, &r, &err), HL_EINVAL);
    bad.storage.read = NULL;
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
        T(malformed_entries_change_nothing),
        T(malformed_pieces_change_nothing),
        T(a_second_leader_of_a_term_is_not_heard),
        T(late_answers_change_nothing),
        T(a_log_and_a_base_that_contradict_each_other_are_refused),
        T(bad_configurations_and_contradictions_are_named),
    };
    return cmocka_run_group_tests_name("core/raft: doors", tests, NULL, NULL);
}
