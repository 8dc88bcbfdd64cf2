/* The base: compaction, snapshots by piece, what becomes of the log (paper, section 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/raft_one.h"

enum { BASE_ID = 77 };

/* ---- compaction */

static void report_base(struct one *o, uint64_t index, uint64_t term)
{
    struct raft_snapshot base = {
        .index = index, .term = term, .members = one_status(o).members, .id = BASE_ID + index};

    o->piece_id = base.id;
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_SNAPSHOT, .snapshot = &base});
}

/* A leader of three with `count` entries of 100 bytes behind its no-op, all committed and applied
 * here; members 2 and 3 are known to hold `held`. */
static struct one *leader_with(void **state, uint64_t keep_bytes, size_t count, uint64_t held)
{
    struct one *o = one_start_with(
        state, &(struct one_setup){.voters = 3, .terms = "", .keep_bytes = keep_bytes});
    char data[100 - RAFT_ENTRY_COST] = {0};

    one_lead_settled(o);
    for (size_t i = 0; i < count; i++)
        one_propose(o, (struct str){data, sizeof(data)});
    one_persisted(o);
    one_acknowledge(o, 2, one_status(o).last_index);
    one_acknowledge(o, 3, held);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = count + 1});
    assert_int_equal(one_status(o).applied_index, count + 1);
    return o;
}

static void the_log_below_the_base_is_dropped_but_for_what_is_kept(void **state)
{
    struct one *o = leader_with(state, 1000, 50, 51);

    report_base(o, 41, 1);
    assert_int_equal(o->out.persist.compact_to, 32); /* 900 bytes stay; marks are 125 apart */
    assert_int_equal(one_status(o).first_index, 33);
    assert_int_equal(one_status(o).base_index, 41);
    assert_int_equal(one_status(o).last_index, 51);
    report_base(o, 40, 1); /* an older one, late */
    assert_int_equal(o->out.persist.sequence, 0);
    assert_int_equal(one_status(o).base_index, 41);
    report_base(o, 51, 1);
    assert_int_equal(o->out.persist.compact_to, 42);
}

static void what_a_live_follower_needs_is_kept_within_bounds(void **state)
{
    struct one *o = leader_with(state, 1000, 50, 20);

    report_base(o, 41, 1);
    assert_int_equal(o->out.persist.compact_to, 20);
    report_base(o, 51, 1); /* 31 entries of 100 bytes are less than 4 x 1000 */
    assert_int_equal(o->out.persist.compact_to, 0);
    one_propose(o, STR("x"));
    one_persisted(o);
    for (int i = 0; i < 11; i++) { /* member 3 is silent */
        one_beat_reply(o, 2, 1);
        one_tick(o, ONE_HEARTBEAT);
    }
    one_acknowledge(o, 2, 52);
    report_base(o, 52, 1);
    assert_true(o->out.persist.compact_to > 40);
}

static void a_follower_that_needs_too_much_is_not_waited_for(void **state)
{
    struct one *o = leader_with(state, 500, 50, 1);

    report_base(o, 41, 1);
    assert_int_equal(o->out.persist.compact_to, 21); /* 4 x 500 below the base */
}

static void a_follower_keeps_no_more_than_keep_bytes(void **state)
{
    struct one *o =
        one_start_with(state, &(struct one_setup){.voters = 3, .terms = "", .keep_bytes = 70});

    one_append(o, 2, 1, 0, 0, 8, 8);
    one_persisted(o);
    report_base(o, 8, 1);
    assert_int_equal(o->out.persist.compact_to, 6); /* 35 bytes each */
}

/* What an earlier life wrote has no known size: it goes with the first new base. */
static void after_a_restart_nothing_old_is_kept(void **state)
{
    struct one *o = one_start_with(
        state,
        &(struct one_setup){.voters = 1, .terms = "1111", .hard = {1, 0}, .applied_index = 4});

    report_base(o, 3, 1);
    assert_int_equal(o->out.persist.compact_to, 3);
    report_base(o, 4, 1);
    assert_int_equal(o->out.persist.compact_to, 4);
    assert_int_equal(one_status(o).first_index, 5);
    assert_int_equal(one_status(o).last_index, 4);
}

static void members_below_the_base_are_part_of_it(void **state)
{
    struct one *o = one_start_with(state, &(struct one_setup){.voters = 3,
                                                              .terms = "1111",
                                                              .hard = {1, 0},
                                                              .applied_index = 4,
                                                              .members_at = 2,
                                                              .members = one_members("1v 2v")});

    report_base(o, 4, 1);
    assert_int_equal(one_status(o).members_index, 0);
    assert_int_equal(one_status(o).members.count, 2);
}

/* Traps 12 and 13: the entry just before the log has a term, those before it have none. */
static void a_log_that_begins_late_agrees_and_votes_like_any_other(void **state)
{
    struct one_setup s = {.voters = 3,
                          .terms = "",
                          .first_index = 11,
                          .hard = {3, 0},
                          .base = {.index = 10, .term = 3, .id = BASE_ID}};
    struct one *o = one_start_with(state, &s);

    assert_int_equal(one_status(o).last_index, 10);
    assert_int_equal(one_status(o).commit_index, 10);
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_PRE_VOTE, .from = 2, .term = 5, .index = 9, .log_term = 3});
    assert_true(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 2).is_rejected);
    one_append(o, 2, 4, 4, 1, 0, 3); /* long applied */
    one_persisted(o);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 10);
    one_append(o, 2, 4, 8, 3, 0, 4); /* reaches over the base */
    assert_int_equal(o->out.persist.entry[0].index, 11);
    assert_int_equal(o->out.persist.entry_count, 2);
    one_append(o, 2, 4, 20, 4, 0, 1); /* a gap: the hint is never below the base */
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 12);
    one_append(o, 3, 5, 11, 5, 0, 1);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 3).index, 10);
}

/* ---- the leader sends */

/* A leader whose log begins at 11; member 2 agrees, member 3 is empty. */
static struct one *leader_with_base(void **state)
{
    struct one_setup s = {.voters = 3,
                          .terms = "",
                          .first_index = 11,
                          .hard = {3, 0},
                          .base = {.index = 10, .term = 3, .id = BASE_ID}};
    struct one *o = one_start_with(state, &s);

    one_lead(o); /* term 4, no-op at 11 */
    one_persisted(o);
    one_acknowledge(o, 2, 11);
    return o;
}

static void refuse_from_3(struct one *o)
{
    one_hear(
        o,
        (struct raft_message){
            .kind = RAFT_MSG_APPEND_REPLY, .from = 3, .term = 4, .is_rejected = true, .round = 10});
}

static void reply_from_3(struct one *o, const char *cursor)
{
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT_REPLY,
                                      .from = 3,
                                      .term = 4,
                                      .index = 10,
                                      .round = BASE_ID,
                                      .cursor = str_from(cursor)});
}

static void assert_piece(const struct one *o, const char *cursor, const char *data, bool is_last)
{
    struct raft_message m = one_sent(o, RAFT_MSG_SNAPSHOT, 3);

    assert_int_equal(m.index, 10);
    assert_int_equal(m.log_term, 3);
    assert_int_equal(m.round, BASE_ID);
    assert_int_equal(m.members.count, 3);
    assert_true(str_eq(m.cursor, str_from(cursor)));
    assert_true(str_eq(m.data, str_from(data)));
    assert_int_equal(m.commit, is_last);
}

static void who_needs_what_is_gone_gets_the_base_piece_by_piece(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    assert_piece(o, "", "", false); /* where do you stand? */
    assert_true(one_status(o).peer[1].is_sent_snapshot);
    reply_from_3(o, "");
    assert_piece(o, "", "p0", false);
    reply_from_3(o, ""); /* said before that piece came: one is under way at a time */
    assert_int_equal(o->out.send_count, 0);
    reply_from_3(o, "c1");
    assert_piece(o, "c1", "p1", false);
    reply_from_3(o, "c2");
    assert_piece(o, "c2", "p2", true);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT_REPLY,
                                      .from = 3,
                                      .term = 4,
                                      .index = 10,
                                      .round = BASE_ID,
                                      .commit = 1});
    assert_false(one_status(o).peer[1].is_sent_snapshot);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 3).index, 10); /* the log goes on from there */
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 3).entry_count, 1);
}

static void a_transfer_goes_on_where_the_follower_stands(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    reply_from_3(o, "c2"); /* another leader had sent it the same base */
    assert_piece(o, "c2", "p2", true);
}

static void a_lost_piece_is_asked_for_after_a_heartbeat(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    reply_from_3(o, "c1");
    one_tick(o, ONE_HEARTBEAT - 1);
    one_beat_reply(o, 3, 4);
    assert_false(one_has_sent(o, RAFT_MSG_SNAPSHOT, 3));
    one_tick(o, 1);
    one_beat_reply(o, 3, 4);
    assert_piece(o, "", "", false);
    one_beat_reply(o, 3, 4);
    assert_false(one_has_sent(o, RAFT_MSG_SNAPSHOT, 3));
    reply_from_3(o, "c1"); /* the piece was lost: the same again */
    assert_piece(o, "c1", "p1", false);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 3});
    assert_true(one_status(o).peer[1].is_sent_snapshot);
}

static void a_refused_piece_begins_the_transfer_again_after_a_heartbeat(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    reply_from_3(o, "c1");
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT_REPLY,
                                      .from = 3,
                                      .term = 4,
                                      .index = 10,
                                      .round = BASE_ID,
                                      .is_rejected = true});
    assert_int_equal(o->out.send_count, 0); /* not in a tight circle */
    one_tick(o, ONE_HEARTBEAT);
    one_beat_reply(o, 3, 4);
    assert_piece(o, "", "", false);
    reply_from_3(o, "");
    assert_piece(o, "", "p0", false);
}

static void a_base_that_is_gone_is_replaced_by_the_newer_one(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    o->piece_id = BASE_ID + 11; /* the caller has it, the report is still to come */
    reply_from_3(o, "");
    assert_false(one_has_sent(o, RAFT_MSG_SNAPSHOT, 3));
    assert_false(one_status(o).has_disk_failed);
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = 11});
    report_base(o, 11, 4);
    one_tick(o, ONE_HEARTBEAT);
    one_beat_reply(o, 3, 4);
    reply_from_3(o, "");
    struct raft_message m = one_sent(o, RAFT_MSG_SNAPSHOT, 3);
    assert_int_equal(m.round, BASE_ID + 11);
    assert_int_equal(m.index, 11);
    assert_int_equal(m.data.len, 0);
    reply_from_3(o, "c1"); /* of the old one */
    assert_int_equal(o->out.send_count, 0);
}

static void a_cursor_that_nobody_knows_begins_the_transfer_again(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    reply_from_3(o, "nonsense");
    struct raft_message m = one_sent(o, RAFT_MSG_SNAPSHOT, 3);
    assert_true(m.is_rejected);
    assert_int_equal(m.data.len, 0);
    reply_from_3(o, "");
    assert_piece(o, "", "p0", false);
}

static void a_base_that_cannot_be_read_is_a_failed_disk(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    o->piece_result = HL_EIO;
    reply_from_3(o, "");
    assert_true(one_status(o).has_disk_failed);
    assert_true(one_has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
}

static void a_base_that_does_not_know_its_own_beginning_is_a_failed_disk(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    o->piece_result = HL_EINVAL;
    reply_from_3(o, "");
    assert_true(one_status(o).has_disk_failed);
}

static void an_append_that_is_acknowledged_ends_a_transfer(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    one_acknowledge(o, 3, 9); /* that it once had this does not help */
    assert_true(one_status(o).peer[1].is_sent_snapshot);
    refuse_from_3(o); /* nor does an old refusal */
    assert_true(one_status(o).peer[1].is_sent_snapshot);
    one_acknowledge(o, 3, 10);
    assert_false(one_status(o).peer[1].is_sent_snapshot);
    assert_int_equal(one_status(o).peer[1].match_index, 10);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND, 3).index, 10);
}

static void a_leader_of_another_term_goes_on_with_nothing_old(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    one_beat(o, 2, 9);
    reply_from_3(o, "c1");
    assert_int_equal(o->out.send_count, 0);
    one_hear(
        o,
        (struct raft_message){
            .kind = RAFT_MSG_SNAPSHOT_REPLY, .from = 3, .term = 9, .index = 10, .round = BASE_ID});
    assert_int_equal(o->out.send_count, 0);
}

/* ---- the follower receives */

static void piece_at(struct one *o, uint64_t index, const char *cursor, const char *data,
                     bool is_last)
{
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT,
                                      .from = 2,
                                      .term = 5,
                                      .index = index,
                                      .log_term = 4,
                                      .commit = is_last,
                                      .round = BASE_ID + index,
                                      .members = one_members("1v 2v 3v 4l"),
                                      .cursor = str_from(cursor),
                                      .data = str_from(data)});
}

static void piece(struct one *o, const char *cursor, const char *data, bool is_last)
{
    piece_at(o, 20, cursor, data, is_last);
}

static void installed(struct one *o, enum raft_install_outcome outcome, const char *cursor)
{
    struct raft_installed in = {.outcome = outcome, .id = BASE_ID + 20, .cursor = str_from(cursor)};

    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_INSTALLED, .installed = &in});
}

static void assert_handed(const struct one *o, const char *cursor, const char *data, bool is_last)
{
    assert_true(o->out.install.is_set);
    assert_int_equal(o->out.install.snapshot.index, 20);
    assert_int_equal(o->out.install.snapshot.id, BASE_ID + 20);
    assert_true(str_eq(o->out.install.cursor, str_from(cursor)));
    assert_true(str_eq(o->out.install.data, str_from(data)));
    assert_int_equal(o->out.install.is_last, is_last);
}

static void assert_stands(const struct one *o, const char *cursor)
{
    struct raft_message m = one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2);

    assert_int_equal(m.kind, RAFT_MSG_SNAPSHOT_REPLY);
    assert_int_equal(m.index, 20);
    assert_int_equal(m.round, BASE_ID + 20);
    assert_int_equal(m.commit, 0);
    assert_true(str_eq(m.cursor, str_from(cursor)));
}

/* It has asked its caller, which had nothing, and told the leader. */
static struct one *receiver(void **state, const char *terms)
{
    struct one *o = one_start(state, 3, terms, 5, 0);

    piece(o, "", "", false);
    assert_handed(o, "", "", false);
    installed(o, RAFT_PIECE_STORED, "");
    assert_stands(o, "");
    return o;
}

static void pieces_are_stored_one_at_a_time_and_then_are_the_state(void **state)
{
    struct one *o = receiver(state, "113");

    piece(o, "", "p0", false);
    assert_handed(o, "", "p0", false);
    piece(o, "", "p0", false); /* repeated while the first is being written */
    assert_false(o->out.install.is_set);
    piece(o, "", "", false);
    assert_int_equal(o->out.send_count, 0); /* the answer comes with the event */
    installed(o, RAFT_PIECE_STORED, "c1");
    assert_stands(o, "c1");
    piece(o, "", "p0", false); /* late */
    assert_false(o->out.install.is_set);
    assert_stands(o, "c1");
    piece(o, "c1", "p1", true);
    assert_handed(o, "c1", "p1", true);
    assert_int_equal(one_status(o).commit_index, 0); /* not before it is all durable */
    installed(o, RAFT_BASE_INSTALLED, "");
    assert_int_equal(o->out.persist.reset_index, 20);
    assert_int_equal(o->out.persist.reset_term, 4);
    assert_int_equal(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).commit, 1);
    assert_int_equal(one_sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 20);
    struct raft_status s = one_status(o);
    assert_int_equal(s.first_index, 21);
    assert_int_equal(s.last_index, 20);
    assert_int_equal(s.durable_index, 20);
    assert_int_equal(s.commit_index, 20);
    assert_int_equal(s.applied_index, 20);
    assert_int_equal(s.base_index, 20);
    assert_int_equal(s.members.count, 4);
    one_append(o, 2, 5, 20, 4, 21, 1); /* the log goes on behind it */
    one_persisted(o);
    assert_int_equal(o->out.apply[0].index, 21);
    piece(o, "", "p0", false); /* of the past */
    assert_int_equal(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).commit, 1);
    assert_false(o->out.install.is_set);
}

static void an_earlier_life_may_have_come_further(void **state)
{
    struct one *o = one_start(state, 3, "", 5, 0);

    piece(o, "", "p0", false); /* data or not: first the disk is asked */
    assert_handed(o, "", "", false);
    installed(o, RAFT_PIECE_STORED, "c2");
    assert_stands(o, "c2");
    piece(o, "c2", "p2", true);
    assert_handed(o, "c2", "p2", true);
}

static void a_refused_piece_begins_again(void **state)
{
    struct one *o = receiver(state, "");

    piece(o, "", "p0", false);
    installed(o, RAFT_PIECE_STORED, "c1");
    piece(o, "c1", "damaged", false);
    installed(o, RAFT_PIECE_REFUSED, "");
    assert_true(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).is_rejected);
    piece(o, "c1", "p1", false);
    assert_stands(o, "");
    piece(o, "", "p0", false);
    assert_handed(o, "", "p0", false);
}

static void a_leader_that_does_not_know_our_cursor_makes_us_begin_again(void **state)
{
    struct one *o = receiver(state, "");

    piece(o, "", "p0", false);
    installed(o, RAFT_PIECE_STORED, "old");
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_SNAPSHOT,
                                      .from = 2,
                                      .term = 5,
                                      .index = 20,
                                      .log_term = 4,
                                      .round = BASE_ID + 20,
                                      .members = one_members("1v 2v 3v 4l"),
                                      .is_rejected = true});
    assert_stands(o, "");
}

/* Figure 13, receiver 6: entries that follow the snapshot stay. */
static void a_log_that_holds_the_snapshots_last_entry_keeps_its_tail(void **state)
{
    struct one *o = receiver(state, "");

    piece(o, "", "p0", true);
    assert_handed(o, "", "p0", true);
    one_append(o, 2, 4 + 1, 0, 0, 0, 0);
    for (uint64_t i = 0; i < 3; i++) { /* meanwhile the log itself gets that far, and further */
        struct raft_entry e[8];
        for (uint64_t n = 0; n < HL_COUNT(e); n++)
            e[n] = (struct raft_entry){
                .index = 8 * i + n + 1, .term = 4, .kind = RAFT_ENTRY_COMMAND, .data = STR("x")};
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND,
                                          .from = 2,
                                          .term = 5,
                                          .index = 8 * i,
                                          .log_term = i == 0 ? 0 : 4,
                                          .commit = 22,
                                          .entry = e,
                                          .entry_count = HL_COUNT(e)});
    }
    one_persisted(o);
    assert_int_equal(one_status(o).commit_index, 22);
    assert_int_equal(o->out.apply_count, 0); /* the state is about to be replaced */
    installed(o, RAFT_BASE_INSTALLED, "");
    assert_int_equal(o->out.persist.reset_index, 0);
    assert_int_equal(one_status(o).last_index, 24);
    assert_int_equal(one_status(o).applied_index, 20);
    assert_int_equal(one_status(o).members.count, 4);
    assert_int_equal(o->out.apply_count, 2);
    assert_int_equal(o->out.apply[0].index, 21);
}

/* The base makes durable what stands in the log before it, flushed or not. */
static void a_tail_that_is_not_durable_is_kept_and_still_waits_for_the_disk(void **state)
{
    struct one *o = receiver(state, "4444444444444444444");
    struct raft_entry e[] = {
        {.index = 20, .term = 4, .kind = RAFT_ENTRY_COMMAND, .data = STR("x")},
        {.index = 21, .term = 5, .kind = RAFT_ENTRY_COMMAND, .data = STR("y")},
    };

    piece(o, "", "p0", true);
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND,
                                      .from = 2,
                                      .term = 5,
                                      .index = 19,
                                      .log_term = 4,
                                      .commit = 21,
                                      .entry = e,
                                      .entry_count = 2});
    assert_int_equal(one_status(o).durable_index, 19);
    installed(o, RAFT_BASE_INSTALLED, "");
    assert_int_equal(one_status(o).durable_index, 20);
    assert_int_equal(o->out.persist.compact_to, 20); /* nobody may look for entry 20 there */
    assert_int_equal(o->out.apply_count, 0);
    one_persisted(o);
    assert_int_equal(o->out.apply_count, 1);
    assert_int_equal(o->out.apply[0].index, 21);
}

static void an_install_that_the_log_overtakes_is_dropped(void **state)
{
    struct one *o = receiver(state, "4444444444444444444");

    piece(o, "", "p0", false);
    struct raft_entry e = {.index = 20, .term = 4, .kind = RAFT_ENTRY_COMMAND};
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND,
                                      .from = 2,
                                      .term = 5,
                                      .index = 19,
                                      .log_term = 4,
                                      .entry = &e,
                                      .entry_count = 1});
    installed(o, RAFT_PIECE_STORED, "c1");
    assert_int_equal(o->out.send_count, 0);
    piece(o, "c1", "p1", true);
    assert_false(o->out.install.is_set);
    assert_int_equal(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).commit, 1);
    assert_int_equal(one_status(o).commit_index, 20); /* what is in a snapshot is committed */
}

/* Figure 13, receiver 7: an entry of another term, or none, and the log goes, members and all. */
static void a_log_that_contradicts_the_snapshot_is_discarded(void **state)
{
    struct one *o = one_start_with(state, &(struct one_setup){.voters = 3,
                                                              .terms = "111111111111111111111111",
                                                              .hard = {5, 0},
                                                              .members_at = 22,
                                                              .members = one_members("2v 3v")});

    assert_int_equal(one_status(o).members_index, 22);
    piece(o, "", "", false);
    installed(o, RAFT_PIECE_STORED, "");
    piece(o, "", "p0", true);
    installed(o, RAFT_BASE_INSTALLED, "");
    assert_int_equal(o->out.persist.reset_index, 20);
    assert_int_equal(one_status(o).last_index, 20);
    assert_int_equal(one_status(o).members_index, 0);
    assert_int_equal(one_status(o).members.count, 4);
}

static void a_newer_snapshot_replaces_the_one_that_comes_in(void **state)
{
    struct one *o = receiver(state, "");

    piece(o, "", "p0", false);
    piece_at(o, 30, "", "", false); /* while a piece of the old one is being written */
    assert_false(o->out.install.is_set);
    installed(o, RAFT_PIECE_STORED, "c1");
    assert_int_equal(o->out.send_count, 0); /* says nothing about the new one */
    piece_at(o, 30, "", "", false);
    assert_int_equal(o->out.install.snapshot.index, 30);
    piece(o, "c1", "p1", false); /* late, of the old one: no way back */
    assert_false(o->out.install.is_set);
    installed(o, RAFT_PIECE_STORED, "c1"); /* of nobody */
    assert_int_equal(o->out.send_count, 0);
}

static void while_the_last_piece_is_installed_nothing_else_is(void **state)
{
    struct one *o = receiver(state, "");

    piece(o, "", "p0", true);
    piece_at(o, 30, "", "", false);
    assert_int_equal(o->out.send_count, 0);
    assert_false(o->out.install.is_set);
    installed(o, RAFT_PIECE_REFUSED, ""); /* it was not what it claimed to be */
    assert_true(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).is_rejected);
}

static void the_last_piece_waits_for_a_term_that_is_durable(void **state)
{
    struct one *o = one_start(state, 3, "", 1, 0);

    piece(o, "", "", false); /* term 5 is new here */
    installed(o, RAFT_PIECE_STORED, "");
    piece(o, "", "p0", true);
    assert_false(o->out.install.is_set);
    one_persisted(o);
    piece(o, "", "p0", true);
    assert_handed(o, "", "p0", true);
}

static void a_member_under_installation_keeps_voting_and_campaigning(void **state)
{
    struct one *o = receiver(state, "1");

    piece(o, "", "p0", true);
    one_beat(o, 2, 5);
    assert_true(one_has_sent(o, RAFT_MSG_HEARTBEAT_REPLY, 2));
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    one_hear(o, (struct raft_message){
                    .kind = RAFT_MSG_PRE_VOTE, .from = 3, .term = 6, .index = 21, .log_term = 5});
    assert_false(one_sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected);
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE);
    installed(o, RAFT_BASE_INSTALLED, ""); /* its log and members are others now */
    assert_int_equal(one_status(o).role, RAFT_FOLLOWER);
    assert_false(one_has_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2)); /* nobody to tell */
    assert_int_equal(one_status(o).commit_index, 20);
}

static void a_joiner_learns_the_members_from_the_snapshot(void **state)
{
    struct one *o = one_start_with(state, &(struct one_setup){.terms = "", .hard = {5, 0}});

    piece(o, "", "", false);
    installed(o, RAFT_PIECE_STORED, "");
    piece(o, "", "p0", true);
    installed(o, RAFT_BASE_INSTALLED, "");
    assert_int_equal(one_status(o).members.count, 4);
    one_tick(o, 2 * ONE_ELECTION);
    assert_int_equal(one_status(o).role, RAFT_PRE_CANDIDATE); /* a voter, as it turned out */
}

static void a_leader_of_an_older_term_is_told_when_it_sends_pieces(void **state)
{
    struct one *o = one_start(state, 3, "", 9, 0);

    piece(o, "", "p0", false);
    assert_int_equal(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).term, 9);
    assert_true(one_sent(o, RAFT_MSG_SNAPSHOT_REPLY, 2).is_rejected);
}

static void an_empty_piece_that_is_not_the_last_is_a_failed_disk(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    o->is_storage_silent = true; /* it would be taken for a question */
    reply_from_3(o, "");
    assert_true(one_status(o).has_disk_failed);
}

static void who_was_removed_while_it_is_sent_the_base_is_forgotten(void **state)
{
    struct one *o = leader_with_base(state);

    refuse_from_3(o);
    one_change(o, RAFT_REMOVE, 3);
    reply_from_3(o, "");
    assert_piece(o, "", "p0", false); /* until that is committed */
    one_persisted(o);
    one_acknowledge(o, 2, one_status(o).last_index);
    reply_from_3(o, "c1");
    assert_int_equal(o->out.send_count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, one_stop)
    const struct CMUnitTest tests[] = {
        T(the_log_below_the_base_is_dropped_but_for_what_is_kept),
        T(what_a_live_follower_needs_is_kept_within_bounds),
        T(a_follower_that_needs_too_much_is_not_waited_for),
        T(a_follower_keeps_no_more_than_keep_bytes),
        T(after_a_restart_nothing_old_is_kept),
        T(members_below_the_base_are_part_of_it),
        T(a_log_that_begins_late_agrees_and_votes_like_any_other),
        T(who_needs_what_is_gone_gets_the_base_piece_by_piece),
        T(a_transfer_goes_on_where_the_follower_stands),
        T(a_lost_piece_is_asked_for_after_a_heartbeat),
        T(a_refused_piece_begins_the_transfer_again_after_a_heartbeat),
        T(a_base_that_is_gone_is_replaced_by_the_newer_one),
        T(a_cursor_that_nobody_knows_begins_the_transfer_again),
        T(a_base_that_cannot_be_read_is_a_failed_disk),
        T(a_base_that_does_not_know_its_own_beginning_is_a_failed_disk),
        T(an_append_that_is_acknowledged_ends_a_transfer),
        T(a_leader_of_another_term_goes_on_with_nothing_old),
        T(pieces_are_stored_one_at_a_time_and_then_are_the_state),
        T(an_earlier_life_may_have_come_further),
        T(a_refused_piece_begins_again),
        T(a_leader_that_does_not_know_our_cursor_makes_us_begin_again),
        T(a_log_that_holds_the_snapshots_last_entry_keeps_its_tail),
        T(a_tail_that_is_not_durable_is_kept_and_still_waits_for_the_disk),
        T(an_install_that_the_log_overtakes_is_dropped),
        T(a_log_that_contradicts_the_snapshot_is_discarded),
        T(a_newer_snapshot_replaces_the_one_that_comes_in),
        T(while_the_last_piece_is_installed_nothing_else_is),
        T(the_last_piece_waits_for_a_term_that_is_durable),
        T(a_member_under_installation_keeps_voting_and_campaigning),
        T(a_joiner_learns_the_members_from_the_snapshot),
        T(a_leader_of_an_older_term_is_told_when_it_sends_pieces),
        T(an_empty_piece_that_is_not_the_last_is_a_failed_disk),
        T(who_was_removed_while_it_is_sent_the_base_is_forgotten),
    };
    return cmocka_run_group_tests_name("core/raft: snapshots", tests, NULL, NULL);
}
