/*
 * One member, event by event: what each known trap of Raft implementations looks like here. The
 * numbers are those of the literature: Figure 2 and 8 of the paper, sections of the thesis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/raft/raft.h"

enum { HEARTBEAT = 100, ELECTION = 1000 };

/* A member with a disk of its own that the test lets run or not. */
struct one {
    struct raft *r;
    struct arena *a; /* of the test: outputs stay until its end */
    struct raft_output out;
    int64_t now_ms;
    uint64_t sequence; /* last asked to persist */
    struct raft_entry stored[64];
    uint64_t stored_last;
    bool is_storage_broken;
};

static int read_stored(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                       struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err)
{
    struct one *o = context;

    (void)max_bytes;
    if (o->is_storage_broken || first > o->stored_last)
        return err_set(err, HL_EIO, "broken");
    *out_count = max_count < 2 ? max_count : 2;
    *out = arena_array(a, struct raft_entry, 2);
    memcpy(*out, &o->stored[first], *out_count * sizeof(**out));
    return 0;
}

static int read_no_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                         struct arena *a, struct str *out_data, struct str *out_next,
                         bool *out_is_last, struct err *err)
{
    (void)context, (void)id, (void)cursor, (void)max_bytes, (void)a;
    (void)out_data, (void)out_next, (void)out_is_last;
    return err_set(err, HL_EABSENT, "no base");
}

static int tear_down(void **state)
{
    struct one *o = *state;

    raft_free(o->r);
    arena_free(o->a);
    free(o);
    return 0;
}

/* `terms`: of the entries that the disk holds, e.g. "112"; hard term as given. */
static struct one *start(void **state, size_t voters, const char *terms, uint64_t term,
                         uint64_t vote)
{
    struct one *o = hl_calloc(1, sizeof(*o));
    struct raft_term_run run[64];
    struct raft_recovered d = {.hard = {term, vote}, .first_index = 1, .run = run};
    struct raft_config c = {
        .id = 1,
        .founders = {.count = voters},
        .seed = 7,
        .heartbeat_ms = HEARTBEAT,
        .election_ms = ELECTION,
        .storage = {.context = o, .read = read_stored, .read_piece = read_no_piece},
    };
    struct err err;

    *state = o;
    o->a = arena_new();
    o->now_ms = 1000;
    for (size_t i = 0; i < voters; i++)
        c.founders.member[i] = (struct raft_member){.id = i + 1, .is_voter = true};
    for (; terms[d.last_index]; d.last_index++) {
        uint64_t t = (uint64_t)(terms[d.last_index] - '0');
        o->stored[d.last_index + 1] = (struct raft_entry){
            .index = d.last_index + 1, .term = t, .kind = RAFT_ENTRY_COMMAND, .data = STR("old")};
        if (t != d.last_term)
            run[d.run_count++] = (struct raft_term_run){d.last_index + 1, t};
        d.last_term = t;
    }
    o->stored_last = d.last_index;
    if (raft_new(&c, &d, o->now_ms, &o->r, &err) != 0)
        fail_msg("raft_new: %s", err.text);
    return o;
}

static void feed(struct one *o, struct raft_event e)
{
    raft_step(o->r, &e, o->now_ms, o->a, &o->out);
    if (o->out.persist.sequence != 0) {
        assert_int_equal(o->out.persist.sequence, o->sequence + 1);
        o->sequence = o->out.persist.sequence;
    }
}

static void hear(struct one *o, struct raft_message m)
{
    m.to = 1;
    feed(o, (struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = &m});
}

static void persisted(struct one *o)
{
    feed(o, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = o->sequence});
}

static void tick_after(struct one *o, int64_t ms)
{
    o->now_ms += ms;
    feed(o, (struct raft_event){.kind = RAFT_EVENT_TICK});
}

static struct raft_status status(const struct one *o)
{
    struct raft_status s;

    raft_status_get(o->r, &s);
    return s;
}

/* The only message of that kind to that member in the last step; kind 0 if there is none. */
static struct raft_message sent(const struct one *o, enum raft_message_kind kind, uint64_t to)
{
    struct raft_message found = {0};

    for (size_t i = 0; i < o->out.send_count; i++) {
        if (o->out.send[i].kind != kind || o->out.send[i].to != to)
            continue;
        assert_int_equal(found.kind, 0);
        found = o->out.send[i];
    }
    return found;
}

static bool has_sent(const struct one *o, enum raft_message_kind kind, uint64_t to)
{
    return sent(o, kind, to).kind == kind;
}

static void append_from(struct one *o, uint64_t from, uint64_t term, uint64_t prev,
                        uint64_t prev_term, uint64_t commit, size_t count)
{
    struct raft_entry e[8];

    for (size_t i = 0; i < count; i++)
        e[i] = (struct raft_entry){
            .index = prev + 1 + i, .term = term, .kind = RAFT_ENTRY_COMMAND, .data = STR("new")};
    hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND,
                                  .from = from,
                                  .term = term,
                                  .index = prev,
                                  .log_term = prev_term,
                                  .commit = commit,
                                  .entry = e,
                                  .entry_count = count});
}

static void acknowledge(struct one *o, uint64_t from, uint64_t index)
{
    hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                  .from = from,
                                  .term = status(o).term,
                                  .index = index,
                                  .commit = index});
}

static void propose(struct one *o, struct str data)
{
    feed(o,
         (struct raft_event){.kind = RAFT_EVENT_PROPOSE, .data = &data, .data_count = 1, .tag = 5});
}

/* Elected by member 2 in the next term; the no-op is not durable yet. */
static void lead(struct one *o)
{
    tick_after(o, 2 * ELECTION);
    uint64_t term = status(o).term + 1;
    hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 2, .term = term});
    persisted(o);
    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .from = 2, .term = term});
    assert_int_equal(status(o).role, RAFT_LEADER);
}

static void a_candidate_asks_first_and_only_after_its_own_vote_is_durable(void **state)
{
    struct one *o = start(state, 3, "", 4, 2);

    tick_after(o, 2 * ELECTION);
    assert_int_equal(status(o).role, RAFT_PRE_CANDIDATE);
    assert_int_equal(status(o).term, 4); /* thesis 9.6: pre-vote raises no term */
    assert_int_equal(sent(o, RAFT_MSG_PRE_VOTE, 2).term, 5);
    assert_int_equal(o->out.persist.sequence, 0);
    hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = 2, .term = 5});
    assert_int_equal(status(o).role, RAFT_CANDIDATE);
    assert_true(o->out.persist.has_hard_state);
    assert_int_equal(o->out.persist.hard.term, 5);
    assert_int_equal(o->out.persist.hard.vote, 1);
    assert_false(has_sent(o, RAFT_MSG_VOTE, 2));
    persisted(o);
    assert_true(has_sent(o, RAFT_MSG_VOTE, 2) && has_sent(o, RAFT_MSG_VOTE, 3));
    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .from = 3, .term = 5});
    assert_int_equal(status(o).role, RAFT_LEADER);
    assert_int_equal(o->out.persist.entry_count, 1);
    assert_int_equal(o->out.persist.entry[0].kind, RAFT_ENTRY_NOOP);
    assert_int_equal(sent(o, RAFT_MSG_APPEND, 2).entry_count, 1); /* before its own disk has it */
}

/* Trap 1, Figure 8 (c): an old entry on a majority is not committed by counting. */
static void an_entry_of_an_older_term_is_committed_only_with_one_of_our_own(void **state)
{
    struct one *o = start(state, 3, "12", 2, 1);

    lead(o); /* term 3, no-op at 3 */
    persisted(o);
    acknowledge(o, 2, 2); /* entry 2 of term 2 is on members 1 and 2 */
    assert_int_equal(status(o).commit_index, 0);
    acknowledge(o, 2, 3);
    assert_int_equal(status(o).commit_index, 3);
    assert_int_equal(o->out.apply_count, 2); /* two at a time from this storage */
    assert_int_equal(o->out.wake_ms, o->now_ms);
    tick_after(o, 0);
    assert_int_equal(o->out.apply[0].index, 3);
}

/* Trap 2. */
static void the_leaders_own_copy_counts_only_when_durable(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    lead(o);
    assert_int_equal(status(o).durable_index, 0);
    acknowledge(o, 2, 1);
    assert_int_equal(status(o).commit_index, 0);
    acknowledge(o, 3, 1); /* a majority without us */
    assert_int_equal(status(o).commit_index, 1);
    assert_int_equal(o->out.apply_count, 0); /* but our own disk lacks it */
    persisted(o);
    assert_int_equal(o->out.apply_count, 1);
}

/* Trap 2, etcd's case: a majority of one. */
static void a_single_voter_commits_after_its_own_flush(void **state)
{
    struct one *o = start(state, 1, "", 0, 0);

    tick_after(o, 0);
    persisted(o); /* the vote */
    assert_int_equal(status(o).role, RAFT_LEADER);
    propose(o, STR("x"));
    assert_int_equal(status(o).commit_index, 0);
    persisted(o);
    assert_int_equal(status(o).commit_index, 2);
    assert_int_equal(o->out.apply_count, 2);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 9});
    assert_int_equal(o->out.read_count, 1);
    assert_int_equal(o->out.read[0].index, 2);
}

/* Trap 3. */
static void votes_and_acknowledgements_wait_for_the_disk(void **state)
{
    struct one *o = start(state, 3, "1", 1, 0);
    struct raft_message vote = {
        .kind = RAFT_MSG_VOTE, .from = 2, .term = 5, .index = 1, .log_term = 1};

    hear(o, vote);
    assert_int_equal(o->out.persist.hard.vote, 2);
    assert_int_equal(o->out.send_count, 0);
    hear(o, vote); /* asked again meanwhile: still no answer */
    assert_int_equal(o->out.send_count, 0);
    persisted(o);
    assert_false(sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    assert_true(has_sent(o, RAFT_MSG_VOTE_REPLY, 2));
    hear(o, vote); /* durable by now: answered at once */
    assert_true(has_sent(o, RAFT_MSG_VOTE_REPLY, 2));

    append_from(o, 2, 5, 1, 1, 0, 2);
    assert_int_equal(o->out.persist.entry_count, 2);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1); /* the old entry, verified now */
    append_from(o, 2, 5, 1, 1, 0, 2); /* repeated: what is durable of it, not more */
    assert_int_equal(o->out.persist.sequence, 0);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).commit, 3); /* received */
    append_from(o, 2, 5, 3, 5, 0, 0); /* empty, behind what is not durable */
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1);
    persisted(o);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 3);
}

static void an_acknowledgement_waits_for_its_term_too(void **state)
{
    struct one *o = start(state, 3, "1", 1, 0);

    append_from(o, 2, 7, 1, 1, 0, 0); /* nothing to write but the term */
    assert_true(o->out.persist.has_hard_state);
    assert_false(has_sent(o, RAFT_MSG_APPEND_REPLY, 2));
    persisted(o);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 1);
}

static void a_vote_of_an_older_term_is_not_told_any_more(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);

    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 5});
    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 3, .term = 6});
    persisted(o);
    assert_false(has_sent(o, RAFT_MSG_VOTE_REPLY, 2));
    assert_int_equal(sent(o, RAFT_MSG_VOTE_REPLY, 3).term, 6);
}

static void one_vote_in_a_term_even_after_a_restart(void **state)
{
    struct one *o = start(state, 3, "", 5, 2);

    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 3, .term = 5});
    assert_true(sent(o, RAFT_MSG_VOTE_REPLY, 3).is_rejected);
    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 5});
    assert_false(sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
}

/* Paper 5.4.1. */
static void no_vote_for_a_log_that_is_behind(void **state)
{
    struct one *o = start(state, 3, "1122", 2, 0);

    hear(o, (struct raft_message){
                .kind = RAFT_MSG_VOTE, .from = 2, .term = 3, .index = 9, .log_term = 1});
    assert_true(sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    hear(o, (struct raft_message){
                .kind = RAFT_MSG_VOTE, .from = 2, .term = 4, .index = 3, .log_term = 2});
    assert_true(sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
    hear(o, (struct raft_message){
                .kind = RAFT_MSG_VOTE, .from = 2, .term = 5, .index = 4, .log_term = 2});
    persisted(o);
    assert_false(sent(o, RAFT_MSG_VOTE_REPLY, 2).is_rejected);
}

/* Trap 4. */
static void the_log_is_cut_only_where_terms_differ(void **state)
{
    struct one *o = start(state, 3, "1122", 2, 0);

    append_from(o, 2, 3, 2, 1, 0, 0); /* a shorter leader cuts nothing */
    assert_int_equal(o->out.persist.truncate_from, 0);
    assert_int_equal(status(o).last_index, 4);
    append_from(o, 2, 3, 2, 1, 0, 1);
    assert_int_equal(o->out.persist.truncate_from, 3);
    assert_int_equal(o->out.persist.entry_count, 1);
    assert_int_equal(status(o).last_index, 3);
    assert_int_equal(status(o).durable_index, 2);
    append_from(o, 2, 3, 2, 1, 0, 1); /* repeated: not cut again */
    assert_int_equal(o->out.persist.sequence, 0);
}

/* A flush that was under way when the log was cut must not make the new entries durable. */
static void a_flush_of_what_was_cut_says_nothing_about_what_replaced_it(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);

    append_from(o, 2, 2, 0, 0, 0, 3);
    uint64_t first = o->sequence;
    append_from(o, 3, 4, 0, 0, 0, 2);
    assert_int_equal(o->out.persist.truncate_from, 1);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = first});
    assert_int_equal(status(o).durable_index, 0);
    assert_false(has_sent(o, RAFT_MSG_APPEND_REPLY, 3));
    persisted(o);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 3).index, 2);
}

/* Trap 5. */
static void an_acknowledgement_covers_what_the_message_verified_not_our_last_entry(void **state)
{
    struct one *o = start(state, 3, "1111", 1, 0);

    append_from(o, 2, 2, 2, 1, 4, 0);
    persisted(o);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 2);
    assert_int_equal(status(o).commit_index, 2); /* not 4: entries 3 and 4 may be others */
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 2, .commit = 2});
    assert_int_equal(status(o).commit_index, 2);
}

/* Trap 13. */
static void appends_at_the_start_and_below_the_commit_index_are_handled(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    append_from(o, 2, 1, 0, 0, 2, 3);
    persisted(o);
    assert_int_equal(status(o).commit_index, 2);
    append_from(o, 2, 1, 0, 0, 2, 1); /* wholly below: acknowledged again, nothing changed */
    assert_int_equal(o->out.persist.sequence, 0);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).index, 3);
    append_from(o, 2, 1, 1, 1, 2, 4); /* reaches over it: begins behind it */
    assert_int_equal(o->out.persist.entry_count, 2);
    assert_int_equal(o->out.persist.entry[0].index, 4);
}

static void a_gap_is_refused_with_a_hint(void **state)
{
    struct one *o = start(state, 3, "1133", 3, 0);

    append_from(o, 2, 4, 9, 4, 0, 1);
    struct raft_message m = sent(o, RAFT_MSG_APPEND_REPLY, 2);
    assert_true(m.is_rejected);
    assert_int_equal(m.round, 9);
    assert_int_equal(m.index, 4);
    assert_int_equal(m.log_term, 3);
    append_from(o, 2, 4, 4, 2, 0, 1); /* nothing of term 3 can agree with a log of term 2 here */
    m = sent(o, RAFT_MSG_APPEND_REPLY, 2);
    assert_int_equal(m.index, 2);
    assert_int_equal(m.log_term, 1);
}

static void a_refusal_steps_back_over_whole_terms(void **state)
{
    struct one *o = start(state, 3, "1222222222", 2, 1);

    lead(o); /* term 3, no-op at 11, prev 10 */
    hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                  .from = 3,
                                  .term = 3,
                                  .is_rejected = true,
                                  .round = 10,
                                  .index = 8,
                                  .log_term = 1});
    assert_int_equal(sent(o, RAFT_MSG_APPEND, 3).index, 1);
    hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY, /* late and old: ignored */
                                  .from = 3,
                                  .term = 3,
                                  .is_rejected = true,
                                  .round = 10});
    assert_false(has_sent(o, RAFT_MSG_APPEND, 3));
}

/* Trap 6. */
static void a_failed_disk_ends_leading_voting_and_acknowledging(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    lead(o);
    propose(o, STR("x"));
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    acknowledge(o, 2, 1);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_DISK_FAILED});
    assert_int_equal(status(o).role, RAFT_FOLLOWER);
    assert_true(status(o).has_disk_failed);
    assert_true(has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2)); /* the most up to date goes first */
    assert_int_equal(o->out.refused_count, 1);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_DISK);
    propose(o, STR("y"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_DISK);
    hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE, .from = 2, .term = 9, .index = 9});
    assert_int_equal(o->out.send_count, 0);
    append_from(o, 2, 9, 0, 0, 0, 1);
    assert_int_equal(o->out.send_count + o->out.persist.sequence, 0);
    persisted(o);
    tick_after(o, 10 * ELECTION);
    assert_int_equal(o->out.send_count + o->out.persist.sequence, 0);
}

static void an_old_entry_that_cannot_be_read_is_a_failed_disk(void **state)
{
    struct one *o = start(state, 3, "11", 1, 1);

    lead(o);
    o->is_storage_broken = true;
    hear(o,
         (struct raft_message){
             .kind = RAFT_MSG_APPEND_REPLY, .from = 2, .term = 2, .is_rejected = true, .round = 2});
    assert_true(status(o).has_disk_failed);
    assert_int_equal(o->out.persist.sequence, 0);
}

/* Trap 8, and thesis 4.2.3. */
static void while_a_leader_is_heard_nobody_gets_a_vote(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);
    struct raft_message pre = {.kind = RAFT_MSG_PRE_VOTE, .from = 3, .term = 9};
    struct raft_message vote = {.kind = RAFT_MSG_VOTE, .from = 3, .term = 9};
    struct raft_message beat = {.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1};

    hear(o, beat);
    int64_t wake_ms = o->out.wake_ms;
    o->now_ms += ELECTION - 1;
    hear(o, pre);
    assert_true(sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected);
    hear(o, vote);
    assert_int_equal(o->out.send_count, 0);
    assert_int_equal(status(o).term, 1); /* its term is not even taken */
    assert_int_equal(o->out.wake_ms, wake_ms);
    o->now_ms += 1; /* a minimum election timeout without the leader */
    hear(o, pre);
    assert_false(sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected);
    assert_int_equal(sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).term, 9);
    assert_int_equal(o->out.wake_ms, wake_ms); /* granting does not touch the timer */
    assert_int_equal(status(o).term, 1);
    hear(o, beat);
    vote.round = 1; /* the leader itself handed over */
    hear(o, vote);
    persisted(o);
    assert_false(sent(o, RAFT_MSG_VOTE_REPLY, 3).is_rejected);
}

/* Trap 8, hashicorp's case: our leader restarted and asks. */
static void the_leader_we_follow_may_ask_for_votes_itself(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);

    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 2, .term = 2});
    assert_false(sent(o, RAFT_MSG_PRE_VOTE_REPLY, 2).is_rejected);
}

static void strangers_and_malformed_messages_change_nothing(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);
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
        hear(o, bad[i]);
        assert_int_equal(o->out.send_count, 0);
        assert_int_equal(o->out.persist.sequence, 0);
        assert_int_equal(status(o).term, 1);
    }
}

/* Trap 9. */
static void a_read_waits_for_an_entry_of_our_term_and_for_its_own_round(void **state)
{
    struct one *o = start(state, 3, "1", 1, 1);
    struct raft_message reply = {.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 2, .term = 2};

    lead(o);
    persisted(o);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    assert_false(has_sent(o, RAFT_MSG_HEARTBEAT, 2)); /* nothing of our term committed yet */
    acknowledge(o, 2, 2);
    assert_int_equal(sent(o, RAFT_MSG_HEARTBEAT, 3).round, 1);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 9}); /* too late for round 1 */
    assert_int_equal(o->out.read_count, 0);
    hear(o, reply); /* of round 0: delayed */
    assert_int_equal(o->out.read_count, 0);
    reply.round = 7; /* a round that never was */
    hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    reply.round = 1;
    hear(o, reply);
    assert_int_equal(o->out.read_count, 1);
    assert_int_equal(o->out.read[0].tag, 8);
    assert_int_equal(o->out.read[0].index, 2);
    assert_int_equal(sent(o, RAFT_MSG_HEARTBEAT, 3).round, 2); /* the next round at once */
    hear(o, reply); /* round 1 again, from the same member or another: confirms no later one */
    reply.from = 3;
    hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    reply.round = 2;
    hear(o, reply);
    assert_int_equal(o->out.read[0].tag, 9);
}

static void reads_are_refused_when_leadership_ends(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    lead(o);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 3, .term = 9});
    assert_int_equal(o->out.refused_count, 1);
    assert_true(o->out.refused[0].is_read);
    assert_int_equal(o->out.refused[0].tag, 8);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    assert_true(o->out.is_role_changed);
}

static void a_followers_read_goes_to_the_leader_and_expires(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);

    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 7});
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 8});
    uint64_t id = sent(o, RAFT_MSG_READ, 2).round;
    struct raft_message reply = {
        .kind = RAFT_MSG_READ_REPLY, .from = 2, .term = 1, .index = 33, .round = id - 1};
    hear(o, reply); /* of an earlier question */
    assert_int_equal(o->out.read_count, 0);
    reply.round = id;
    hear(o, reply);
    assert_int_equal(o->out.read_count, 1);
    assert_int_equal(o->out.read[0].index, 33);
    hear(o, reply);
    assert_int_equal(o->out.read_count, 0);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 9});
    assert_true(sent(o, RAFT_MSG_READ, 2).round > id);
    for (int i = 0; i < 10; i++) { /* the leader is alive, the answer never comes */
        o->now_ms += ELECTION / 10;
        hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    }
    assert_int_equal(o->out.refused_count, 1);
    assert_int_equal(o->out.refused[0].tag, 9);
}

static void reads_are_bounded(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    lead(o);
    for (int i = 0; i < RAFT_READS_MAX; i++)
        feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 1});
    assert_int_equal(o->out.refused_count, 0);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_READ, .tag = 2});
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_FULL);
}

/* Trap 14. */
static void uncommitted_and_inflight_bytes_are_bounded(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);
    char *big = arena_alloc(o->a, RAFT_ENTRY_BYTES_MAX + 1);
    struct str data = {big, RAFT_ENTRY_BYTES_MAX};
    size_t inflight = 0;
    size_t taken = 0;

    lead(o);
    persisted(o);
    acknowledge(o, 2, 1);
    for (;; taken++) {
        propose(o, data);
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
    persisted(o);
    acknowledge(o, 2, 1 + taken);
    propose(o, data);
    assert_int_equal(o->out.refused_count, 0);
    data.len++;
    propose(o, data);
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_TOO_LARGE);
}

static void the_cache_is_bounded_once_entries_are_applied(void **state)
{
    struct one *o = start(state, 1, "", 0, 0);
    char *big = arena_alloc(o->a, 100000);

    tick_after(o, 0);
    persisted(o);
    for (int i = 0; i < 200; i++) {
        propose(o, (struct str){big, 100000});
        persisted(o);
    }
    tick_after(o, 0);
    assert_int_equal(status(o).commit_index, 201);
    assert_true(status(o).cached_bytes <= (size_t)4 << 20);
}

static void a_follower_hands_proposals_to_the_leader(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);
    struct raft_entry given = {.kind = RAFT_ENTRY_COMMAND, .data = STR("x")};

    propose(o, STR("x"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    propose(o, STR("x"));
    assert_int_equal(o->out.refused_count, 0);
    struct raft_message m = sent(o, RAFT_MSG_PROPOSE, 2);
    assert_int_equal(m.entry_count, 1);
    assert_true(str_eq(m.entry[0].data, STR("x")));
    struct raft_message wrong = {
        .kind = RAFT_MSG_PROPOSE, .from = 3, .term = 1, .entry = &given, .entry_count = 1};
    hear(o, wrong); /* not the leader: dropped, not passed round */
    assert_int_equal(o->out.send_count + o->out.persist.sequence, 0);
    lead(o);
    hear(o, wrong);
    assert_int_equal(o->out.persist.entry_count, 1);
}

/* Check-quorum, thesis 6.2; and heartbeats with a disk that never answers. */
static void a_leader_without_a_majority_steps_down_but_not_for_a_slow_disk(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    lead(o); /* the no-op is never persisted */
    for (int i = 0; i < 30; i++) {
        tick_after(o, HEARTBEAT);
        assert_true(has_sent(o, RAFT_MSG_HEARTBEAT, 3));
        hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 3, .term = 1});
    }
    assert_int_equal(status(o).role, RAFT_LEADER);
    for (int i = 0; i < 9; i++)
        tick_after(o, HEARTBEAT);
    assert_int_equal(status(o).role, RAFT_LEADER);
    tick_after(o, HEARTBEAT);
    assert_int_equal(status(o).role, RAFT_FOLLOWER);
    assert_int_equal(status(o).leader, 0);
}

static void a_broken_connection_to_the_leader_starts_a_pre_vote_soon(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);

    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 3}); /* not the leader */
    assert_true(o->out.wake_ms >= o->now_ms + ELECTION);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 2});
    assert_in_range(o->out.wake_ms - o->now_ms, 5, 15);
    hear(o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE, .from = 3, .term = 2});
    assert_false(sent(o, RAFT_MSG_PRE_VOTE_REPLY, 3).is_rejected); /* we lost it too */
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    assert_in_range(o->out.wake_ms - o->now_ms, 5, 15); /* was under way when it broke */
    tick_after(o, 15);
    assert_int_equal(status(o).role, RAFT_PRE_CANDIDATE);
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1}); /* alive */
    assert_int_equal(status(o).role, RAFT_FOLLOWER);
    assert_int_equal(status(o).term, 1);
    feed(o, (struct raft_event){.kind = RAFT_EVENT_PEER_LOST, .peer = 2}); /* damped */
    assert_true(o->out.wake_ms >= o->now_ms + ELECTION);
}

static void a_leader_hands_over_when_the_successor_has_everything(void **state)
{
    struct one *o = start(state, 3, "", 0, 0);

    lead(o);
    persisted(o);
    acknowledge(o, 2, 1);
    propose(o, STR("x"));
    feed(o, (struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = 2});
    assert_false(has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
    propose(o, STR("y"));
    assert_int_equal(o->out.refused[0].why, RAFT_REFUSED_NO_LEADER);
    acknowledge(o, 2, 2);
    assert_true(has_sent(o, RAFT_MSG_TIMEOUT_NOW, 2));
    for (int i = 0; i < 10; i++) { /* it does not come: go on */
        tick_after(o, HEARTBEAT);
        hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = 3, .term = 1});
    }
    propose(o, STR("y"));
    assert_int_equal(o->out.refused_count, 0);
}

static void the_successor_campaigns_at_once(void **state)
{
    struct one *o = start(state, 3, "", 1, 0);

    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 1});
    hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 3, .term = 1});
    assert_int_equal(status(o).role, RAFT_FOLLOWER); /* not from the leader */
    hear(o, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .from = 2, .term = 1});
    assert_int_equal(status(o).role, RAFT_CANDIDATE);
    persisted(o);
    assert_int_equal(sent(o, RAFT_MSG_VOTE, 2).round, 1);
}

static void a_leader_of_an_older_term_is_told(void **state)
{
    struct one *o = start(state, 3, "", 5, 0);

    append_from(o, 2, 3, 0, 0, 0, 1);
    assert_int_equal(sent(o, RAFT_MSG_APPEND_REPLY, 2).term, 5);
    assert_int_equal(status(o).last_index, 0);
    hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = 2, .term = 4});
    assert_int_equal(sent(o, RAFT_MSG_HEARTBEAT_REPLY, 2).term, 5);
}

static void bad_configurations_and_contradictions_are_named(void **state)
{
    struct one *o = start(state, 1, "", 0, 0);
    struct raft_config c = {
        .id = 1,
        .founders = {.member = {{1, true}, {2, true}}, .count = 2},
        .storage = {.context = o, .read = read_stored, .read_piece = read_no_piece}};
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
#define T(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_candidate_asks_first_and_only_after_its_own_vote_is_durable),
        T(an_entry_of_an_older_term_is_committed_only_with_one_of_our_own),
        T(the_leaders_own_copy_counts_only_when_durable),
        T(a_single_voter_commits_after_its_own_flush),
        T(votes_and_acknowledgements_wait_for_the_disk),
        T(an_acknowledgement_waits_for_its_term_too),
        T(a_vote_of_an_older_term_is_not_told_any_more),
        T(one_vote_in_a_term_even_after_a_restart),
        T(no_vote_for_a_log_that_is_behind),
        T(the_log_is_cut_only_where_terms_differ),
        T(a_flush_of_what_was_cut_says_nothing_about_what_replaced_it),
        T(an_acknowledgement_covers_what_the_message_verified_not_our_last_entry),
        T(appends_at_the_start_and_below_the_commit_index_are_handled),
        T(a_gap_is_refused_with_a_hint),
        T(a_refusal_steps_back_over_whole_terms),
        T(a_failed_disk_ends_leading_voting_and_acknowledging),
        T(an_old_entry_that_cannot_be_read_is_a_failed_disk),
        T(while_a_leader_is_heard_nobody_gets_a_vote),
        T(the_leader_we_follow_may_ask_for_votes_itself),
        T(strangers_and_malformed_messages_change_nothing),
        T(a_read_waits_for_an_entry_of_our_term_and_for_its_own_round),
        T(reads_are_refused_when_leadership_ends),
        T(a_followers_read_goes_to_the_leader_and_expires),
        T(reads_are_bounded),
        T(uncommitted_and_inflight_bytes_are_bounded),
        T(the_cache_is_bounded_once_entries_are_applied),
        T(a_follower_hands_proposals_to_the_leader),
        T(a_leader_without_a_majority_steps_down_but_not_for_a_slow_disk),
        T(a_broken_connection_to_the_leader_starts_a_pre_vote_soon),
        T(a_leader_hands_over_when_the_successor_has_everything),
        T(the_successor_campaigns_at_once),
        T(a_leader_of_an_older_term_is_told),
        T(bad_configurations_and_contradictions_are_named),
    };
    return cmocka_run_group_tests_name("core/raft", tests, NULL, NULL);
}
