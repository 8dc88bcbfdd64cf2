/* See raft_one.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/raft_one.h"

static int read_stored(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                       struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err)
{
    struct one *o = context;

    (void)max_bytes;
    if (o->is_storage_broken || first < o->stored_first || first > o->stored_last)
        return err_set(err, HL_EIO, "broken");
    *out_count = o->is_storage_silent ? 0 : max_count < 2 ? max_count : 2;
    *out = arena_array(a, struct raft_entry, 2);
    memcpy(*out, &o->stored[first], *out_count * sizeof(**out));
    return 0;
}

static int read_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                      struct arena *a, struct str *out_data, struct str *out_next,
                      bool *out_is_last, struct err *err)
{
    static const struct str cursors[] = {STR_NONE, {"c1", 2}, {"c2", 2}, {"c3", 2}};
    static const struct str pieces[] = {{"p0", 2}, {"p1", 2}, {"p2", 2}};
    const struct one *o = context;

    (void)a;
    assert_int_equal(max_bytes, RAFT_PIECE_BYTES_MAX);
    if (o->piece_result != 0)
        return err_set(err, o->piece_result, "as the test says");
    if (id != o->piece_id)
        return err_set(err, HL_EABSENT, "gone");
    for (size_t i = 0; i < HL_COUNT(pieces); i++) {
        if (!str_eq(cursor, cursors[i]))
            continue;
        *out_data = o->is_storage_silent ? STR_NONE : pieces[i];
        *out_next = cursors[i + 1];
        *out_is_last = i + 1 == HL_COUNT(pieces) && !o->is_storage_silent;
        return 0;
    }
    return err_set(err, HL_EINVAL, "no such cursor");
}

struct raft_members one_members(const char *text)
{
    struct raft_members m = {0};

    for (; *text; text += text[2] == ' ' ? 3 : 2)
        m.member[m.count++] =
            (struct raft_member){.id = (uint64_t)(text[0] - '0'), .is_voter = text[1] == 'v'};
    return m;
}

static void store_entries(struct one *o, const struct one_setup *s, struct raft_recovered *d,
                          struct raft_term_run *run)
{
    static char named[RAFT_MEMBERS_BYTES_MAX];

    for (const char *t = s->terms; *t; t++) {
        uint64_t index = ++d->last_index;
        uint64_t term = (uint64_t)(*t - '0');

        o->stored[index] = (struct raft_entry){
            .index = index, .term = term, .kind = RAFT_ENTRY_COMMAND, .data = STR("old")};
        if (index == s->members_at) {
            o->stored[index].kind = RAFT_ENTRY_MEMBERS;
            o->stored[index].data = (struct str){named, raft_members_encode(&s->members, named)};
            d->members = &o->stored[index];
            d->members_count = 1;
        }
        if (term != d->last_term)
            run[d->run_count++] = (struct raft_term_run){index, term};
        d->last_term = term;
    }
    o->stored_first = d->first_index;
    o->stored_last = d->last_index;
}

struct raft_storage one_storage(struct one *o)
{
    return (struct raft_storage){.context = o, .read = read_stored, .read_piece = read_piece};
}

struct one *one_start_with(void **state, const struct one_setup *setup)
{
    struct one *o = hl_calloc(1, sizeof(*o));
    struct raft_term_run run[ONE_STORED_MAX];
    uint64_t first = setup->first_index ? setup->first_index : 1;
    struct raft_recovered d = {.hard = setup->hard,
                               .first_index = first,
                               .last_index = first - 1,
                               .before_term = first > 1 ? setup->base.term : 0,
                               .run = run,
                               .base = setup->base,
                               .applied_index = setup->applied_index};
    struct raft_config c = {
        .id = 1,
        .founders = setup->founders,
        .seed = 7,
        .heartbeat_ms = ONE_HEARTBEAT,
        .election_ms = ONE_ELECTION,
        .keep_bytes = setup->keep_bytes,
        .stall_ms = setup->stall_ms,
        .news_ms = setup->news_ms,
        .storage = one_storage(o),
    };
    struct err err;

    *state = o;
    o->a = arena_new();
    o->now_ms = 1000;
    for (size_t i = 0; i < setup->voters; i++)
        c.founders.member[c.founders.count++] = (struct raft_member){i + 1, true};
    if (d.base.members.count == 0)
        d.base.members = c.founders;
    if (d.applied_index == 0)
        d.applied_index = d.base.index;
    o->piece_id = d.base.id;
    store_entries(o, setup, &d, run);
    if (raft_new(&c, &d, o->now_ms, &o->r, &err) != 0)
        fail_msg("raft_new: %s", err.text);
    return o;
}

struct one *one_start(void **state, size_t voters, const char *terms, uint64_t term, uint64_t vote)
{
    return one_start_with(
        state, &(struct one_setup){.voters = voters, .terms = terms, .hard = {term, vote}});
}

int one_stop(void **state)
{
    struct one *o = *state;

    raft_free(o->r);
    arena_free(o->a);
    free(o);
    return 0;
}

void one_feed(struct one *o, struct raft_event e)
{
    raft_step(o->r, &e, o->now_ms, o->a, &o->out);
    if (o->out.persist.sequence != 0) {
        assert_int_equal(o->out.persist.sequence, o->sequence + 1);
        o->sequence = o->out.persist.sequence;
    }
}

void one_hear(struct one *o, struct raft_message m)
{
    m.to = 1;
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = &m});
}

void one_persisted(struct one *o)
{
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = o->sequence});
}

void one_tick(struct one *o, int64_t after_ms)
{
    o->now_ms += after_ms;
    one_feed(o, (struct raft_event){.kind = RAFT_EVENT_TICK});
}

void one_propose(struct one *o, struct str data)
{
    one_feed(o, (struct raft_event){
                    .kind = RAFT_EVENT_PROPOSE, .data = &data, .data_count = 1, .tag = 5});
}

void one_change(struct one *o, enum raft_change change, uint64_t peer)
{
    one_feed(o, (struct raft_event){
                    .kind = RAFT_EVENT_CHANGE, .change = change, .peer = peer, .tag = 6});
}

static void append(struct one *o, uint64_t from, uint64_t term, uint64_t prev, uint64_t prev_term,
                   uint64_t commit, const struct raft_entry *e, size_t count)
{
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND,
                                      .from = from,
                                      .term = term,
                                      .index = prev,
                                      .log_term = prev_term,
                                      .commit = commit,
                                      .entry = e,
                                      .entry_count = count});
}

void one_append(struct one *o, uint64_t from, uint64_t term, uint64_t prev, uint64_t prev_term,
                uint64_t commit, size_t count)
{
    struct raft_entry e[8];

    HL_ASSERT(count <= HL_COUNT(e));
    for (size_t i = 0; i < count; i++)
        e[i] = (struct raft_entry){
            .index = prev + 1 + i, .term = term, .kind = RAFT_ENTRY_COMMAND, .data = STR("new")};
    append(o, from, term, prev, prev_term, commit, e, count);
}

void one_append_members(struct one *o, uint64_t from, uint64_t term, uint64_t prev,
                        uint64_t prev_term, const struct raft_members *members)
{
    char data[RAFT_MEMBERS_BYTES_MAX];
    struct raft_entry e = {.index = prev + 1,
                           .term = term,
                           .kind = RAFT_ENTRY_MEMBERS,
                           .data = {data, raft_members_encode(members, data)}};

    append(o, from, term, prev, prev_term, 0, &e, 1);
}

void one_acknowledge(struct one *o, uint64_t from, uint64_t index)
{
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                      .from = from,
                                      .term = one_status(o).term,
                                      .index = index,
                                      .commit = index});
}

void one_beat(struct one *o, uint64_t from, uint64_t term)
{
    one_hear(o, (struct raft_message){.kind = RAFT_MSG_HEARTBEAT, .from = from, .term = term});
}

void one_beat_reply(struct one *o, uint64_t from, uint64_t term)
{
    one_hear(o,
             (struct raft_message){.kind = RAFT_MSG_HEARTBEAT_REPLY, .from = from, .term = term});
}

void one_lead(struct one *o)
{
    one_tick(o, 2 * ONE_ELECTION);
    uint64_t term = one_status(o).term + 1;
    for (uint64_t from = 2; from <= 3; from++)
        one_hear(
            o, (struct raft_message){.kind = RAFT_MSG_PRE_VOTE_REPLY, .from = from, .term = term});
    one_persisted(o);
    for (uint64_t from = 2; from <= 3 && one_status(o).role != RAFT_LEADER; from++)
        one_hear(o, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .from = from, .term = term});
    assert_int_equal(one_status(o).role, RAFT_LEADER);
}

void one_lead_settled(struct one *o)
{
    one_lead(o);
    one_persisted(o);
    uint64_t last = one_status(o).last_index;
    for (uint64_t from = 2; from <= 3; from++)
        one_acknowledge(o, from, last);
    assert_int_equal(one_status(o).commit_index, last);
    one_tick(o, 0);
}

struct raft_status one_status(const struct one *o)
{
    struct raft_status s;

    raft_status_get(o->r, &s);
    return s;
}

struct raft_message one_sent(const struct one *o, enum raft_message_kind kind, uint64_t to)
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

bool one_has_sent(const struct one *o, enum raft_message_kind kind, uint64_t to)
{
    return one_sent(o, kind, to).kind == kind;
}
