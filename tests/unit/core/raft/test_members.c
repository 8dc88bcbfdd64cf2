/* Who takes part: learners, changes of one server, members that come and go (thesis, chapter 4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "support/raft_one.h"

static void assert_members(const struct one *o, const char *text)
{
    struct raft_members expected = one_members(text);
    struct raft_status s = one_status(o);

    assert_int_equal(s.members.count, expected.count);
    for (size_t i = 0; i < expected.count; i++) {
        assert_int_equal(s.members.member[i].id, expected.member[i].id);
        assert_int_equal(s.members.member[i].is_voter, expected.member[i].is_voter);
    }
}

static void assert_refused(const struct one *o, enum raft_refusal why)
{
    assert_int_equal(o->out.refused_count, 1);
    assert_int_equal(o->out.refused[0].why, why);
    assert_int_equal(o->out.refused[0].tag, 6);
    assert_int_equal(o->out.persist.entry_count, 0);
}

/* The change that was taken last is durable here and on these. */
static void commit(struct one *o, const char *ids)
{
    uint64_t last = one_status(o).last_index;

    one_persisted(o);
    for (; *ids; ids++)
        one_acknowledge(o, (uint64_t)(*ids - '0'), last);
    assert_int_equal(one_status(o).commit_index, last);
}

static void members_survive_their_encoding_and_nothing_else_does(void **state)
{
    struct raft_members m = one_members("1v 2l 7v");
    struct raft_members back;
    char bytes[RAFT_MEMBERS_BYTES_MAX];
    size_t len = raft_members_encode(&m, bytes);
    struct str all = {bytes, len};

    (void)state;
    assert_true(raft_members_decode(all, &back));
    assert_memory_equal(&back, &m, sizeof(m));
    assert_false(raft_members_decode((struct str){bytes, len - 1}, &back));
    assert_false(raft_members_decode((struct str){bytes, 1}, &back));
    bytes[0] = 2; /* a version that is not known */
    assert_false(raft_members_decode(all, &back));
    bytes[0] = 1;
    bytes[len - 1] = 2; /* a role that is not known */
    assert_false(raft_members_decode(all, &back));
    bytes[len - 1] = 1;
    bytes[2] = 3; /* out of order */
    assert_false(raft_members_decode(all, &back));
    bytes[2] = 0; /* nobody's id */
    assert_false(raft_members_decode(all, &back));
    bytes[1] = RAFT_MEMBERS_MAX + 1;
    assert_false(raft_members_decode(all, &back));
    m = one_members("1l 2l"); /* nobody who votes */
    assert_false(raft_members_decode((struct str){bytes, raft_members_encode(&m, bytes)}, &back));
    m = (struct raft_members){.count = RAFT_VOTERS_MAX + 1};
    for (size_t i = 0; i < m.count; i++)
        m.member[i] = (struct raft_member){i + 1, true};
    assert_false(raft_members_decode((struct str){bytes, raft_members_encode(&m, bytes)}, &back));
}

/* Trap 7: the members are those of the last entry in the log, committed or not. */
static void a_change_holds_from_the_moment_it_is_appended(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_change(o, RAFT_ADD_LEARNER, 4);
    assert_int_equal(o->out.persist.entry_count, 1);
    assert_int_equal(o->out.persist.entry[0].kind, RAFT_ENTRY_MEMBERS);
    assert_members(o, "1v 2v 3v 4l");
    assert_int_equal(one_status(o).members_index, 2);
    assert_true(one_has_sent(o, RAFT_MSG_APPEND, 4)); /* at once, probing */
    commit(o, "2");
    one_acknowledge(o, 4, 2);
    one_tick(o, ONE_HEARTBEAT);
    one_change(o, RAFT_PROMOTE, 4);
    assert_members(o, "1v 2v 3v 4v");
    one_persisted(o);
    one_acknowledge(o, 2, 3); /* two of four are not enough any more */
    assert_int_equal(one_status(o).commit_index, 2);
    one_acknowledge(o, 4, 3);
    assert_int_equal(one_status(o).commit_index, 3);
}

/* Trap 7. */
static void one_change_at_a_time(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_change(o, RAFT_ADD_LEARNER, 4);
    one_change(o, RAFT_ADD_LEARNER, 5);
    assert_refused(o, RAFT_REFUSED_CHANGING);
    commit(o, "2");
    one_change(o, RAFT_ADD_LEARNER, 5);
    assert_int_equal(o->out.refused_count, 0);
    assert_members(o, "1v 2v 3v 4l 5l");
}

/* Trap 7: Ongaro, raft-dev, 2015. */
static void no_change_before_an_entry_of_our_own_term_is_committed(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 1);

    one_lead(o);
    one_change(o, RAFT_REMOVE, 3);
    assert_refused(o, RAFT_REFUSED_CHANGING);
    one_persisted(o);
    one_acknowledge(o, 2, 2);
    one_change(o, RAFT_REMOVE, 3);
    assert_members(o, "1v 2v");
}

static void a_change_is_for_the_leader_and_must_make_sense(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_beat(o, 2, 1);
    one_change(o, RAFT_REMOVE, 3);
    assert_refused(o, RAFT_REFUSED_NO_LEADER);
    one_tick(o, 2 * ONE_ELECTION);
    one_lead_settled(o);
    one_change(o, RAFT_ADD_LEARNER, 3); /* one already */
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_ADD_LEARNER, 0);
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_PROMOTE, 3); /* a voter already */
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_PROMOTE, 4); /* unknown */
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_REMOVE, 4);
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, (enum raft_change)9, 3);
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_propose(o, STR("x"));
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = 2});
    one_change(o, RAFT_REMOVE, 3); /* it is handing over */
    assert_refused(o, RAFT_REFUSED_NO_LEADER);
}

static void members_are_limited(void **state)
{
    struct one_setup s = {.terms = "", .founders = {.count = RAFT_MEMBERS_MAX}};
    struct one *o;

    for (size_t i = 0; i < RAFT_MEMBERS_MAX; i++)
        s.founders.member[i] = (struct raft_member){i + 1, i < RAFT_VOTERS_MAX};
    o = one_start_with(state, &s);
    one_tick(o, 2 * ONE_ELECTION);
    for (uint64_t id = 2; id <= 5; id++)
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = id, .term = 1});
    one_persisted(o);
    for (uint64_t id = 2; id <= 5; id++)
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .from = id, .term = 1});
    commit(o, "2345");
    one_change(o, RAFT_ADD_LEARNER, 20);
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_PROMOTE, RAFT_MEMBERS_MAX);
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_REMOVE, RAFT_MEMBERS_MAX); /* full, and one is leaving */
    assert_int_equal(o->out.refused_count, 0);
    assert_int_equal(one_status(o).peer_count, RAFT_MEMBERS_MAX - 2);
}

static void a_removal_that_leaves_no_living_majority_is_refused(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_tick(o, ONE_ELECTION - 100);
    one_beat_reply(o, 2, one_status(o).term);
    one_tick(o, 200); /* 3 was heard longer than an election timeout ago */
    one_change(o, RAFT_REMOVE, 2);
    assert_refused(o, RAFT_REFUSED_QUORUM);
    one_change(o, RAFT_REMOVE, 3);
    assert_members(o, "1v 2v");
}

static void the_last_voter_cannot_be_removed(void **state)
{
    struct one *o =
        one_start_with(state, &(struct one_setup){.terms = "", .founders = one_members("1v 2l")});

    one_tick(o, ONE_ELECTION * 2);
    one_persisted(o);
    one_persisted(o);
    assert_int_equal(one_status(o).commit_index, 1); /* a learner's copy is not needed */
    one_change(o, RAFT_REMOVE, 1);
    assert_refused(o, RAFT_REFUSED_MEMBER);
    one_change(o, RAFT_REMOVE, 2);
    assert_members(o, "1v");
}

static void a_learner_counts_for_nothing(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.terms = "", .founders = one_members("1v 2v 3v 4l 5l")});

    one_tick(o, 2 * ONE_ELECTION);
    assert_true(one_has_sent(o, RAFT_MSG_PRE_VOTE, 2));
    assert_false(one_has_sent(o, RAFT_MSG_PRE_VOTE, 4)); /* not even asked */
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 4, .term = 1});
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 5, .term = 1});
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    one_lead(o);
    one_persisted(o);
    one_acknowledge(o, 4, 1);
    one_acknowledge(o, 5, 1);
    assert_int_equal(one_status(o).commit_index, 0);
    for (int i = 0; i < 10; i++) { /* heard by learners alone: check-quorum */
        one_beat_reply(o, 4, 1);
        one_beat_reply(o, 5, 1);
        one_tick(o, ONE_HEARTBEAT);
    }
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
}

static void reads_need_voters(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.terms = "", .founders = one_members("1v 2v 3v 4l 5l")});
    struct raft_message reply = {.kind = RAFT_MSG_HEARTBEAT_REPLY, .term = 1, .round = 1};

    one_lead_settled(o);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    for (reply.from = 4; reply.from <= 5; reply.from++)
        one_hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    reply.from = 3;
    one_hear(o, reply);
    assert_int_equal(o->out.read_count, 1);
}

static void a_learner_never_campaigns(void **state)
{
    struct one *o = one_start_with(
        state,
        &(struct one_setup){.terms = "", .founders = one_members("1l 2v 3v"), .hard = {1, 0}});

    one_beat(o, 2, 1);
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_int_equal(one_status(o).leader, 0);
    assert_int_equal(o->out.send_count, 0);
    one_beat(o, 2, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 2});
    assert_true(o->out.wake_ms >= o->now_ms + ONE_ELECTION);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 2, .term = 1});
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
}

/* etcd-io/etcd#10998: whoever asks may know that we are a voter by now. */
static void a_learner_answers_when_it_is_asked_for_its_vote(void **state)
{
    struct one *o = one_start_with(
        state,
        &(struct one_setup){.terms = "", .founders = one_members("1l 2v 3v"), .hard = {1, 0}});

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 2, .term = 2});
    assert_false(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 2).is_rejected);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 2});
    one_persisted(o);
    assert_true(one_has_sent(o, RAFT_MSG_VOTE_REPLY, 2));
}

static void who_knows_no_members_waits_for_a_leader_and_grants_nothing(void **state)
{
    struct one *o = one_start_with(state, &(struct one_setup){.terms = ""});
    struct raft_members members = one_members("1l 2v 3v");

    one_tick(o, 10 * ONE_ELECTION);
    assert_int_equal(o->out.send_count, 0);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 2, .term = 2});
    assert_true(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 2).kind == 0 ||
                one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 2).is_rejected);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 2});
    assert_true(one_sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    one_append(o, 3, 3, 0, 0, 0, 1);
    one_append_members(o, 3, 3, 1, 3, &members);
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 3).index, 2);
    assert_members(o, "1l 2v 3v");
    one_tick(o, 10 * ONE_ELECTION);
    assert_int_equal(o->out.send_count, 0);
}

/* Thesis 4.1: a member that lags may be asked by one that it does not know. */
static void a_candidate_and_a_leader_that_we_do_not_know_are_heard(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 7, .term = 2});
    assert_false(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 7).is_rejected);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 7, .term = 2});
    one_persisted(o);
    assert_true(one_has_sent(o, RAFT_MSG_VOTE_REPLY, 7));
    one_append(o, 7, 2, 0, 0, 0, 1);
    assert_int_equal(one_status(o).leader, 7);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 4});
    uint64_t round = one_sent(o, RAFT_MSG_READ, 7).round;
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_READ_REPLY, .from = 7, .term = 2, .index = 1, .round = round});
    assert_int_equal(o->out.read_count, 1);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 7, .term = 2});
    assert_int_equal(one_status(o).role, RAFT_CANDIDATE);
}

/* Trap 7: rolled back with the log. */
static void a_change_that_is_cut_off_never_was(void **state)
{
    struct one *o = one_start(state, 3, "1", 1, 0);
    struct raft_members first = one_members("1v 2v 3v 4l");
    struct raft_members second = one_members("1v 2v 3v 4v");

    one_append_members(o, 2, 2, 1, 1, &first);
    one_append_members(o, 2, 2, 2, 2, &second);
    assert_members(o, "1v 2v 3v 4v");
    assert_int_equal(one_status(o).members_index, 3);
    one_append(o, 3, 3, 2, 2, 0, 1);
    assert_members(o, "1v 2v 3v 4l");
    assert_int_equal(one_status(o).members_index, 2);
    one_append(o, 2, 4, 1, 1, 0, 1);
    assert_members(o, "1v 2v 3v");
    assert_int_equal(one_status(o).members_index, 0);
}

static void members_come_from_the_recovered_log(void **state)
{
    struct one *o = one_start_with(state, &(struct one_setup){.voters = 3,
                                                              .terms = "111",
                                                              .hard = {1, 0},
                                                              .members_at = 2,
                                                              .members = one_members("1v 2v")});

    assert_members(o, "1v 2v");
    assert_int_equal(one_status(o).members_index, 2);
}

/* A voter that a cut makes a learner again holds still. */
static void who_is_demoted_by_a_cut_does_not_campaign(void **state)
{
    struct one *o = one_start_with(
        state,
        &(struct one_setup){.terms = "", .founders = one_members("1l 2v 3v"), .hard = {1, 0}});
    struct raft_members promoted = one_members("1v 2v 3v");

    one_append_members(o, 2, 1, 0, 0, &promoted);
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    one_append(o, 3, 2, 0, 0, 0, 1);
    assert_members(o, "1l 2v 3v");
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_int_equal(o->out.send_count, 0);
}

static void a_learner_is_promoted_when_it_has_caught_up_and_is_heard(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.terms = "", .founders = one_members("1v 2v 3v 4l")});

    one_lead_settled(o);
    one_change(o, RAFT_PROMOTE, 4);
    assert_refused(o, RAFT_REFUSED_BEHIND);
    one_acknowledge(o, 4, 1);
    for (int i = 0; i < 30; i++) { /* what was committed meanwhile it must have as well */
        if (i == 5) {
            one_propose(o, STR("x"));
            commit(o, "2");
        }
        one_beat_reply(o, 2, 1);
        one_beat_reply(o, 4, 1);
        one_tick(o, ONE_HEARTBEAT);
    }
    one_change(o, RAFT_PROMOTE, 4);
    assert_refused(o, RAFT_REFUSED_BEHIND);
    one_acknowledge(o, 4, 2);
    for (int i = 0; i < 10; i++) { /* silent */
        one_beat_reply(o, 2, 1);
        one_tick(o, ONE_HEARTBEAT);
    }
    one_change(o, RAFT_PROMOTE, 4);
    assert_refused(o, RAFT_REFUSED_BEHIND);
    one_beat_reply(o, 4, 1);
    one_change(o, RAFT_PROMOTE, 4);
    assert_members(o, "1v 2v 3v 4v");
}

/* Thesis 4.2.2. */
static void a_leader_that_removes_itself_leads_until_that_is_committed(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_change(o, RAFT_REMOVE, 1);
    assert_members(o, "2v 3v");
    one_persisted(o);
    one_acknowledge(o, 2, 2); /* two of three once, but we do not count any more */
    assert_int_equal(one_status(o).commit_index, 1);
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    one_acknowledge(o, 3, 2);
    assert_int_equal(one_status(o).commit_index, 2);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2) ||
                one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 3));
    one_tick(o, 10 * ONE_ELECTION);
    assert_int_equal(o->out.send_count, 0);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
}

/* Thesis 4.2.2, Figure 4.6: those who lack the entry cannot win against who has it. */
static void who_is_removed_may_lead_until_that_is_committed(void **state)
{
    struct one *o = one_start_with(state, &(struct one_setup){.voters = 2,
                                                              .terms = "11",
                                                              .hard = {1, 0},
                                                              .members_at = 2,
                                                              .members = one_members("2v")});

    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 2, .term = 2});
    one_persisted(o);
    assert_int_equal(one_status(o).role, RAFT_CANDIDATE); /* its own vote does not count */
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .from = 2, .term = 2});
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    one_persisted(o);
    assert_int_equal(one_status(o).commit_index, 0);
    one_acknowledge(o, 2, 3);
    assert_int_equal(one_status(o).commit_index, 3);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
}

static void who_is_removed_is_told_and_then_left_alone(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    one_change(o, RAFT_REMOVE, 3);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 3).entry_count, 1);
    assert_int_equal(one_status(o).peer_count, 1);
    one_acknowledge(o, 3, 2);
    one_persisted(o);
    assert_int_equal(one_status(o).commit_index, 1); /* its copy does not count */
    one_acknowledge(o, 2, 2);
    assert_int_equal(one_status(o).commit_index, 2);
    assert_int_equal(one_sent(o, RAFT_MSG_HEARTBEAT, 3).commit, 2);
    one_tick(o, ONE_HEARTBEAT);
    assert_true(one_has_sent(o, RAFT_MSG_HEARTBEAT, 2));
    assert_false(one_has_sent(o, RAFT_MSG_HEARTBEAT, 3));
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_APPEND_REPLY, .from = 3, .term = 9, .is_rejected = true});
    assert_int_equal(one_status(o).term, 1); /* a stranger by now */
}

/* Trap 8: with pre-vote and stickiness it disturbs nobody. */
static void a_removed_member_that_did_not_hear_of_it_disturbs_nobody(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.terms = "", .founders = one_members("1v 2v"), .hard = {1, 0}});

    one_beat(o, 2, 1);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 3, .term = 9, .index = 5});
    assert_true(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 3, .term = 9, .index = 5});
    assert_int_equal(o->out.send_count, 0);
    assert_int_equal(one_status(o).term, 1);
}

static void a_learner_is_no_successor(void **state)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.terms = "", .founders = one_members("1v 2v 3v 4l")});

    one_lead_settled(o);
    one_acknowledge(o, 4, 1);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = 4});
    assert_int_equal(o->out.send_count, 0);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = 9});
    assert_int_equal(o->out.send_count, 0);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_TRANSFER}); /* the best one */
    assert_false(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 4));
    assert_int_equal(o->out.send_count, 1);
}

/* No honest leader changes so much at once; what it says must not lead us out of our arrays. */
static void members_that_are_all_others_fit_beside_those_that_leave(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);
    struct raft_members all = {.count = RAFT_MEMBERS_MAX};
    struct raft_members others = {.count = RAFT_MEMBERS_MAX};

    for (size_t i = 0; i < RAFT_MEMBERS_MAX; i++) {
        all.member[i] = (struct raft_member){1 + i, i < 3};
        others.member[i] = (struct raft_member){i == 0 ? 1 : 20 + i, i == 0};
    }
    one_append_members(o, 2, 1, 0, 0, &all);
    one_append_members(o, 2, 1, 1, 1, &others);
    one_tick(o, 2 * ONE_ELECTION);
    one_persisted(o); /* alone by now, with all the others leaving */
    assert_int_equal(one_status(o).role, RAFT_LEADER);
    assert_int_equal(one_status(o).peer_count, RAFT_MEMBERS_MAX - 1);
}

static void a_learner_that_is_removed_before_that_is_committed_does_not_lead(void **state)
{
    struct one *o = one_start_with(
        state,
        &(struct one_setup){.terms = "", .founders = one_members("1l 2v 3v"), .hard = {1, 0}});
    struct raft_members members = one_members("2v 3v");

    one_append_members(o, 2, 1, 0, 0, &members);
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
}

/* Else it would know of no members and vote for nobody, and its vote may be needed. */
static void a_learner_is_promoted_only_when_it_knows_that_it_takes_part(void **state)
{
    struct one *o = one_start(state, 3, "", 0, 0);

    one_lead_settled(o);
    for (int i = 0; i < 5; i++)
        one_propose(o, STR("x"));
    commit(o, "2");
    one_change(o, RAFT_ADD_LEARNER, 4); /* at 7 */
    commit(o, "2");
    one_acknowledge(o, 4, 6); /* all that was committed one election timeout ago, and more */
    one_change(o, RAFT_PROMOTE, 4);
    assert_refused(o, RAFT_REFUSED_BEHIND);
    one_acknowledge(o, 4, 7);
    one_change(o, RAFT_PROMOTE, 4);
    assert_members(o, "1v 2v 3v 4v");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_survive_their_encoding_and_nothing_else_does),
        T(a_change_holds_from_the_moment_it_is_appended),
        T(one_change_at_a_time),
        T(no_change_before_an_entry_of_our_own_term_is_committed),
        T(a_change_is_for_the_leader_and_must_make_sense),
        T(members_are_limited),
        T(a_removal_that_leaves_no_living_majority_is_refused),
        T(the_last_voter_cannot_be_removed),
        T(a_learner_counts_for_nothing),
        T(reads_need_voters),
        T(a_learner_never_campaigns),
        T(a_learner_answers_when_it_is_asked_for_its_vote),
        T(who_knows_no_members_waits_for_a_leader_and_grants_nothing),
        T(a_candidate_and_a_leader_that_we_do_not_know_are_heard),
        T(a_change_that_is_cut_off_never_was),
        T(members_come_from_the_recovered_log),
        T(who_is_demoted_by_a_cut_does_not_campaign),
        T(a_learner_is_promoted_when_it_has_caught_up_and_is_heard),
        T(a_leader_that_removes_itself_leads_until_that_is_committed),
        T(who_is_removed_may_lead_until_that_is_committed),
        T(who_is_removed_is_told_and_then_left_alone),
        T(a_removed_member_that_did_not_hear_of_it_disturbs_nobody),
        T(a_learner_is_no_successor),
        T(members_that_are_all_others_fit_beside_those_that_leave),
        T(a_learner_that_is_removed_before_that_is_committed_does_not_lead),
        T(a_learner_is_promoted_only_when_it_knows_that_it_takes_part),
    };
    return cmocka_run_group_tests_name("core/raft: members", tests, NULL, NULL);
}
