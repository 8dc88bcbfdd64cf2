/* Messages to bytes and back, what the door refuses, and the rules that proto/README.md gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "edge/wire/messages.h"
#include "support/corpus.h"
#include "support/wire_samples.h"

#define SAME(field) assert_true(a->field == b->field)
#define SAME_STR(field) assert_true(str_eq(a->field, b->field))
#define SAME_DIGEST(field) assert_true(digest_eq(&a->field, &b->field))

static struct str encoded(struct arena *a, const struct wire_message *m)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    assert_int_equal(wire_encode(&out, m, NULL), 0);
    return arena_dup(a, buf_str(&out));
}

static struct wire_message trip(struct arena *arena, const struct wire_message *m)
{
    struct wire_message back;
    struct err err;

    if (wire_decode(encoded(arena, m), arena, &back, &err) != 0)
        fail_msg("%s: %s", wire_kind_name(m->kind), err.text);
    assert_int_equal(back.kind, m->kind);
    return back;
}

static void same_objects(const struct wire_object *a, const struct wire_object *b, size_t count)
{
    for (size_t i = 0; i < count; i++, a++, b++) {
        SAME_STR(id);
        SAME_STR(digest);
        SAME_STR(handle);
    }
}

static void a_raft_message_keeps_every_field(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct wire_message back = trip(arena, wire_sample(WIRE_RAFT));
    const struct raft_message *a = &wire_sample(WIRE_RAFT)->raft;
    const struct raft_message *b = &back.raft;

    (void)state;
    SAME(kind);
    SAME(from);
    SAME(to);
    SAME(term);
    SAME(index);
    SAME(log_term);
    SAME(commit);
    SAME(round);
    SAME(is_rejected);
    SAME(entry_count);
    for (size_t i = 0; i < a->entry_count; i++) {
        SAME(entry[i].index);
        SAME(entry[i].term);
        SAME(entry[i].kind);
        SAME_STR(entry[i].data);
    }
}

static void a_piece_of_a_snapshot_keeps_every_field(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *arena = arena_new();
    const struct wire_message m = {
        .kind = WIRE_RAFT,
        .raft = {.kind = RAFT_MSG_SNAPSHOT,
                 .from = 1,
                 .to = 2,
                 .term = 7,
                 .cursor = {"\0\1key", 5},
                 .data = {"\0\xff piece", 8},
                 .members = {.member = {{3, true}, {9, false}}, .count = 2}}};
    struct wire_message back = trip(arena, &m);
    const struct raft_message *a = &m.raft;
    const struct raft_message *b = &back.raft;

    (void)state;
    SAME_STR(cursor);
    SAME_STR(data);
    SAME(members.count);
    for (size_t i = 0; i < 2; i++) {
        SAME(members.member[i].id);
        SAME(members.member[i].is_voter);
    }
}

static void agent_messages_keep_every_field(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *arena = arena_new();

    (void)state;
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_HELLO));
        const struct wire_hello *a = &wire_sample(WIRE_HELLO)->hello;
        const struct wire_hello *b = &back.hello;
        SAME_STR(node);
        SAME_STR(version);
        SAME_STR(boot_id);
        SAME(role_count);
        SAME_STR(role[0]);
        SAME_STR(role[1]);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_HEARTBEAT));
        const struct wire_heartbeat *a = &wire_sample(WIRE_HEARTBEAT)->heartbeat;
        const struct wire_heartbeat *b = &back.heartbeat;
        SAME(sequence);
        SAME(free_slots);
        SAME(rss_bytes);
        SAME(lease_count);
        SAME_STR(lease[1].key);
        SAME(lease[1].epoch);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_REPORT));
        const struct wire_report *a = &wire_sample(WIRE_REPORT)->report;
        const struct wire_report *b = &back.report;
        SAME_STR(key);
        SAME(epoch);
        SAME_DIGEST(input);
        SAME(outcome);
        SAME_STR(message);
        SAME_STR(file);
        SAME(line);
        SAME(column);
        SAME_STR(commit);
        SAME_STR(health);
        SAME(object_count);
        same_objects(a->object, b->object, 2);
        SAME(took_ms);
        SAME(changed_count);
        SAME(pruned_count);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_BLOB_GET));
        const struct wire_blob_get *a = &wire_sample(WIRE_BLOB_GET)->blob_get;
        const struct wire_blob_get *b = &back.blob_get;
        SAME_DIGEST(digest);
        SAME(offset);
    }
}

static void coordinator_messages_keep_every_field(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *arena = arena_new();

    (void)state;
    trip(arena, wire_sample(WIRE_REFRESH));
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_STANDING));
        const struct wire_standing *a = &wire_sample(WIRE_STANDING)->standing;
        const struct wire_standing *b = &back.standing;
        SAME(store);
        SAME(is_answer);
        SAME(is_refused);
        SAME_STR(known);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_WELCOME));
        const struct wire_welcome *a = &wire_sample(WIRE_WELCOME)->welcome;
        const struct wire_welcome *b = &back.welcome;
        SAME(member);
        SAME(is_leader);
        SAME(leader);
        SAME(term);
        SAME(heartbeat_ms);
        SAME(lost_after_ms);
        SAME(sequence);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_WORK));
        const struct wire_work *a = &wire_sample(WIRE_WORK)->work;
        const struct wire_work *b = &back.work;
        SAME_STR(key);
        SAME(epoch);
        SAME(term);
        SAME_DIGEST(input);
        SAME_DIGEST(bundle);
        SAME(bundle_bytes);
        SAME_STR(cluster);
        SAME_STR(commit);
        SAME(ledger_count);
        same_objects(a->ledger, b->ledger, 2);
        SAME(is_takeover);
        SAME(is_deletion);
        SAME(is_forced);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_CANCEL));
        const struct wire_cancel *a = &wire_sample(WIRE_CANCEL)->cancel;
        const struct wire_cancel *b = &back.cancel;
        SAME_STR(key);
        SAME(epoch);
        SAME_STR(reason);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_REPORT_ACK));
        const struct wire_report_ack *a = &wire_sample(WIRE_REPORT_ACK)->report_ack;
        const struct wire_report_ack *b = &back.report_ack;
        SAME_STR(key);
        SAME(epoch);
        SAME(is_accepted);
        SAME_STR(reason);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_BLOB_CHUNK));
        const struct wire_blob_chunk *a = &wire_sample(WIRE_BLOB_CHUNK)->blob_chunk;
        const struct wire_blob_chunk *b = &back.blob_chunk;
        SAME_DIGEST(digest);
        SAME(offset);
        SAME(total);
        SAME_STR(bytes);
        SAME(is_absent);
    }
}

static void client_and_enrolment_messages_keep_every_field(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *arena = arena_new();

    (void)state;
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_REQUEST));
        const struct wire_request *a = &wire_sample(WIRE_REQUEST)->request;
        const struct wire_request *b = &back.request;
        SAME(id);
        SAME_STR(client_id);
        SAME(sequence);
        SAME_STR(method);
        SAME_STR(body);
        SAME(is_stale_ok);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_REPLY));
        const struct wire_reply *a = &wire_sample(WIRE_REPLY)->reply;
        const struct wire_reply *b = &back.reply;
        SAME(id);
        SAME(code);
        SAME_STR(error_id);
        SAME_STR(error);
        SAME_STR(next);
        SAME_STR(file);
        SAME(line);
        SAME(column);
        SAME_STR(body);
        SAME(revision);
        SAME(age_ms);
        SAME(leader);
        SAME(is_leader);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_ENROL));
        const struct wire_enrol *a = &wire_sample(WIRE_ENROL)->enrol;
        const struct wire_enrol *b = &back.enrol;
        SAME_STR(token_id);
        assert_true(key_eq(&a->agent_key, &b->agent_key));
        SAME_STR(node);
        SAME_DIGEST(proof);
    }
    {
        struct wire_message back = trip(arena, wire_sample(WIRE_ENROL_REPLY));
        const struct wire_enrol_reply *a = &wire_sample(WIRE_ENROL_REPLY)->enrol_reply;
        const struct wire_enrol_reply *b = &back.enrol_reply;
        SAME(status);
        SAME_STR(text);
    }
}

static void a_command_keeps_every_field(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *arena = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    const struct command sample = {STR("work.report"), STR("c1"), 7,
                                   STR("node1"),       -5,        STR("{\"a\":1}")};
    const struct command *a = &sample;
    struct command back;
    const struct command *b = &back;

    (void)state;
    wire_command_encode(&out, a);
    assert_int_equal(wire_command_decode(buf_str(&out), arena, &back, NULL), 0);
    SAME_STR(name);
    SAME_STR(client_id);
    SAME(sequence);
    SAME_STR(author);
    SAME(wall_ms);
    SAME_STR(body);
    assert_int_equal(wire_command_decode(STR("\x0a\x02\xff\xfe"), arena, &back, NULL), HL_EINVAL);
    assert_int_equal(wire_command_decode(STR("\x0a\x7f"), arena, &back, NULL), HL_EINVAL);
}

/* Version N reads what N-1 wrote: the bytes of each kind as they were when they were first written.
 */
static void the_bytes_of_every_kind_are_what_they_always_were(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (int k = WIRE_NONE + 1; k < WIRE_KIND_COUNT; k++) {
        struct str path = arena_printf(a, HL_TESTS_DIR "/fuzz/corpus/fuzz_wire/%s",
                                       wire_kind_name((enum wire_kind)k));
        struct str golden = corpus_file(a, path.ptr);
        struct str now = encoded(a, wire_sample((enum wire_kind)k));
        assert_int_equal(now.len, golden.len);
        assert_memory_equal(now.ptr, golden.ptr, now.len);
    }
}

/* ---- what the door refuses ---- */

static int decode(struct arena *a, struct str bytes)
{
    struct wire_message m = {.kind = WIRE_RAFT};
    int r = wire_decode(bytes, a, &m, NULL);

    assert_true(r == 0 || m.kind == WIRE_NONE);
    return r;
}

static void put_varint(struct buf *b, uint64_t n)
{
    for (; n >= 128; n >>= 7)
        buf_add_byte(b, (char)(n | 128));
    buf_add_byte(b, (char)n);
}

static void put_field(struct buf *b, uint32_t field, struct str bytes)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, bytes.len);
    buf_add(b, bytes);
}

static void no_cut_of_any_message_crashes_or_passes_for_another(void **state)
{
    (void)state;
    for (int k = WIRE_NONE + 1; k < WIRE_KIND_COUNT; k++) {
        HL_CLEANUP(arena_freep) struct arena *a = arena_new();
        struct str whole = encoded(a, wire_sample((enum wire_kind)k));

        for (size_t len = 0; len < whole.len; len++) {
            char *exact = hl_alloc(len ? len : 1);
            memcpy(exact, whole.ptr, len);
            assert_true(decode(a, (struct str){exact, len}) < 0);
            free(exact);
        }
    }
}

static void no_body_an_unknown_body_and_two_bodies_are_refused(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf b = {0};

    (void)state;
    assert_int_equal(decode(a, STR("")), HL_EINVAL);
    put_field(&b, 99, STR("\x08\x01"));
    assert_int_equal(decode(a, buf_str(&b)), HL_EINVAL);
    buf_reset(&b);
    put_field(&b, 2, STR(""));
    assert_int_equal(decode(a, buf_str(&b)), 0);
    put_field(&b, 2, STR(""));
    assert_int_equal(decode(a, buf_str(&b)), HL_EINVAL);
}

/* proto/README.md: "Unknown fields are dropped by a reader". */
static void fields_of_a_later_version_are_dropped(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf body = {0};
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    struct wire_message m;

    (void)state;
    put_field(&body, 1, STR("loki-host"));
    put_field(&body, 3, STR("why"));
    put_field(&body, 77, STR("\xff\xff not a message"));
    put_varint(&body, 78 << 3);
    put_varint(&body, UINT64_MAX);
    put_field(&b, 22, buf_str(&body));
    put_field(&b, 90, STR("\xff\xff trace context, say"));
    assert_int_equal(wire_decode(buf_str(&b), a, &m, NULL), 0);
    assert_int_equal(m.kind, WIRE_CANCEL);
    assert_true(str_eq(m.cancel.key, STR("loki-host")) && str_eq(m.cancel.reason, STR("why")));

    HL_CLEANUP(buf_deinit) struct buf again = {0};
    assert_int_equal(wire_encode(&again, &m, NULL), 0);
    assert_int_equal(again.len, 3 + 11 + 5);
}

static void text_that_is_no_utf8_or_holds_nul_is_refused(void **state)
{
    static const struct str bad[] = {STR("a\0b"), STR("\xff"), STR("\xc3"), STR("\xed\xa0\x80"),
                                     STR("\xc0\x80")};
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        HL_CLEANUP(buf_deinit) struct buf b = {0};
        HL_CLEANUP(buf_deinit) struct buf body = {0};
        put_field(&body, 1, bad[i]);
        put_field(&b, 10, buf_str(&body));
        assert_int_equal(decode(a, buf_str(&b)), HL_EINVAL);
    }
}

static void names_have_at_most_253_bytes(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char name[WIRE_NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof(name));
    for (size_t extra = 0; extra < 2; extra++) {
        const struct wire_message m = {.kind = WIRE_HELLO,
                                       .hello = {.node = {name, WIRE_NAME_MAX + extra}}};
        assert_int_equal(decode(a, encoded(a, &m)), extra == 0 ? 0 : HL_EINVAL);
    }
}

static void numbers_out_of_their_range_are_refused(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    struct wire_message m = *wire_sample(WIRE_REPORT);
    m.report.outcome = (enum wire_outcome)(WIRE_SUPERSEDED + 1);
    assert_int_equal(decode(a, encoded(a, &m)), HL_EINVAL);
    m.report.outcome = (enum wire_outcome)0;
    assert_int_equal(decode(a, encoded(a, &m)), HL_EINVAL);
    m = *wire_sample(WIRE_ENROL_REPLY);
    m.enrol_reply.status = (enum wire_enrol_status)(WIRE_ENROL_RETRY + 1);
    assert_int_equal(decode(a, encoded(a, &m)), HL_EINVAL);
    m = *wire_sample(WIRE_RAFT);
    m.raft.kind = (enum raft_message_kind)(RAFT_MSG_KIND_MAX + 1);
    assert_int_equal(decode(a, encoded(a, &m)), HL_EINVAL);
    m.raft.kind = (enum raft_message_kind)0;
    assert_int_equal(decode(a, encoded(a, &m)), HL_EINVAL);
}

static void a_message_over_one_mebibyte_is_refused_both_ways(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    char *body = hl_calloc(1, WIRE_BYTES_MAX + 1);
    struct wire_message m = {.kind = WIRE_REQUEST};

    (void)state;
    memset(body, 'x', WIRE_BYTES_MAX + 1);
    m.request.body = (struct str){body, WIRE_BYTES_MAX - 100};
    assert_int_equal(decode(a, encoded(a, &m)), 0);
    m.request.body.len = WIRE_BYTES_MAX;
    assert_int_equal(wire_encode(&out, &m, NULL), HL_ELIMIT);
    assert_int_equal(out.len, 0);
    assert_int_equal(decode(a, (struct str){body, WIRE_BYTES_MAX + 1}), HL_ELIMIT);
    free(body);
}

static void a_blob_chunk_has_at_most_256_kibibytes(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char *bytes = hl_calloc(1, WIRE_BLOB_CHUNK_MAX + 1);
    struct wire_message m = *wire_sample(WIRE_BLOB_CHUNK);

    (void)state;
    m.blob_chunk.bytes = (struct str){bytes, WIRE_BLOB_CHUNK_MAX};
    assert_int_equal(decode(a, encoded(a, &m)), 0);
    m.blob_chunk.bytes.len++;
    assert_int_equal(decode(a, encoded(a, &m)), HL_EINVAL);
    free(bytes);
}

/* The elements of two bytes each that amplify most (raft.md 4.3): `count` empty ones in a body. */
static struct str empty_elements(struct buf *b, uint32_t body, uint32_t field, size_t count)
{
    HL_CLEANUP(buf_deinit) struct buf inner = {0};

    for (size_t i = 0; i < count; i++)
        put_field(&inner, field, STR_NONE);
    buf_reset(b);
    put_field(b, body, buf_str(&inner));
    return buf_str(b);
}

static void a_bomb_of_empty_elements_is_refused_at_a_bounded_price(void **state)
{
    static const uint32_t lists[][2] = {{1, 10}, {11, 4}, {12, 11}, {21, 9}, {10, 4}};

    (void)state;
    for (size_t i = 0; i < HL_COUNT(lists); i++) {
        HL_CLEANUP(arena_freep) struct arena *a = arena_new();
        HL_CLEANUP(buf_deinit) struct buf b = {0};

        /* Above the count of fields: refused by the walk, without a byte of memory. */
        assert_int_equal(
            decode(a, empty_elements(&b, lists[i][0], lists[i][1], WIRE_FIELDS_MAX + 1)),
            HL_ELIMIT);
        assert_int_equal(arena_used_bytes(a), 0);
        /* Below it, above the list's own limit: parsed, then refused. */
        assert_int_equal(
            decode(a, empty_elements(&b, lists[i][0], lists[i][1], WIRE_FIELDS_MAX - 1)),
            HL_EINVAL);
        assert_true(arena_used_bytes(a) <= 17 << 20);
    }
}

/* The deepest nesting that a message has room for, made from its inside out, read on a stack that a
 * recursion per level would leave at once. */
static void *decode_nested(void *result)
{
    enum { ROOM = WIRE_BYTES_MAX };
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    unsigned char *bytes = hl_alloc(ROOM);
    size_t start = ROOM;
    int *out = result;

    while (start > 8) {
        size_t len = ROOM - start;
        unsigned char head[8];
        size_t n = 0;

        head[n++] = 12 << 3 | 2; /* Report in Envelope, and nothing at all in Report */
        if (start == ROOM - 2)
            head[0] = 11 << 3 | 2;
        for (; len >= 128; len >>= 7)
            head[n++] = (unsigned char)(len | 128);
        head[n++] = (unsigned char)len;
        memcpy(bytes + start - n, head, n);
        start -= n;
    }
    *out = decode(a, (struct str){(char *)bytes + start, ROOM - start});
    free(bytes);
    return result;
}

static void nesting_of_any_depth_takes_no_stack(void **state)
{
    pthread_attr_t attr;
    pthread_t thread;
    int result = 1;

    (void)state;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    assert_int_equal(pthread_create(&thread, &attr, decode_nested, &result), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    assert_int_equal(result, HL_EINVAL);
}

static void many_messages_share_an_arena(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char *body = hl_alloc(900000);
    struct wire_message m = {.kind = WIRE_REQUEST, .request.body = {body, 900000}};

    (void)state;
    memset(body, 'x', 900000);
    struct str bytes = encoded(a, &m);
    for (int i = 0; i < 40; i++)
        assert_int_equal(decode(a, bytes), 0);
    free(body);
}

/* ---- what the sender mends ---- */

static void sentences_for_people_are_made_fit_to_read(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char text[WIRE_TEXT_MAX + 10];
    struct wire_message m = *wire_sample(WIRE_REPORT);

    (void)state;
    m.report.message = STR("cannot read caf\xe9\0.yaml: \xe6\x97\xa5");
    struct wire_message back = trip(a, &m);
    assert_true(str_eq(back.report.message, STR("cannot read caf??.yaml: \xe6\x97\xa5")));

    memset(text, 'x', sizeof(text));
    memcpy(text + WIRE_TEXT_MAX - 1, "\xc3\xa9", 2); /* the cut falls into a character */
    m.report.message = (struct str){text, sizeof(text)};
    back = trip(a, &m);
    assert_int_equal(back.report.message.len, WIRE_TEXT_MAX - 1);
}

static void an_append_that_is_too_long_is_sent_as_its_head(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    enum { MANY = 12000 };
    struct raft_entry *entry = arena_array(a, struct raft_entry, MANY);
    struct wire_message m = *wire_sample(WIRE_RAFT);
    char *data = hl_calloc(1, RAFT_ENTRY_BYTES_MAX);

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        entry[i] = (struct raft_entry){UINT64_MAX - MANY + i, UINT64_MAX, RAFT_ENTRY_COMMAND,
                                       STR("12345678901234567890123456789012345678901234567890")};
    m.raft.entry = entry;
    m.raft.entry_count = MANY;
    struct wire_message back = trip(a, &m);
    assert_int_equal(back.raft.entry_count, WIRE_LIST_MAX);
    assert_int_equal(back.raft.entry[9999].index, entry[9999].index);

    for (size_t i = 0; i < 4; i++)
        entry[i].data = (struct str){data, RAFT_ENTRY_BYTES_MAX - 1000};
    m.raft.entry_count = 4;
    back = trip(a, &m);
    assert_int_equal(back.raft.entry_count, 2);
    free(data);
}

static void lists_that_no_reader_takes_are_not_sent(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct wire_message m = *wire_sample(WIRE_REPORT);

    (void)state;
    m.report.object = arena_array(a, struct wire_object, WIRE_LIST_MAX + 1);
    m.report.object_count = WIRE_LIST_MAX;
    assert_int_equal(trip(a, &m).report.object_count, WIRE_LIST_MAX);
    m.report.object_count++;
    assert_int_equal(wire_encode(&out, &m, NULL), HL_ELIMIT);
    const struct wire_message none = {.kind = WIRE_NONE};
    assert_int_equal(wire_encode(&out, &none, NULL), HL_EINVAL);
}

/* ---- fuzz inputs, as far as the corpus goes ---- */

static void decode_one(struct str name, struct str bytes, void *context)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct wire_message m;
    struct command c;

    (void)name;
    (void)context;
    if (wire_decode(bytes, a, &m, NULL) == 0)
        trip(a, &m);
    (void)!wire_command_decode(bytes, a, &c, NULL);
}

static void the_fuzz_corpus_decodes_or_is_refused(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_wire", decode_one, NULL) >= 20);
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_enrol", decode_one, NULL) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raft_message_keeps_every_field),
        cmocka_unit_test(a_piece_of_a_snapshot_keeps_every_field),
        cmocka_unit_test(agent_messages_keep_every_field),
        cmocka_unit_test(coordinator_messages_keep_every_field),
        cmocka_unit_test(client_and_enrolment_messages_keep_every_field),
        cmocka_unit_test(a_command_keeps_every_field),
        cmocka_unit_test(the_bytes_of_every_kind_are_what_they_always_were),
        cmocka_unit_test(no_cut_of_any_message_crashes_or_passes_for_another),
        cmocka_unit_test(no_body_an_unknown_body_and_two_bodies_are_refused),
        cmocka_unit_test(fields_of_a_later_version_are_dropped),
        cmocka_unit_test(text_that_is_no_utf8_or_holds_nul_is_refused),
        cmocka_unit_test(names_have_at_most_253_bytes),
        cmocka_unit_test(numbers_out_of_their_range_are_refused),
        cmocka_unit_test(a_message_over_one_mebibyte_is_refused_both_ways),
        cmocka_unit_test(a_blob_chunk_has_at_most_256_kibibytes),
        cmocka_unit_test(a_bomb_of_empty_elements_is_refused_at_a_bounded_price),
        cmocka_unit_test(nesting_of_any_depth_takes_no_stack),
        cmocka_unit_test(many_messages_share_an_arena),
        cmocka_unit_test(sentences_for_people_are_made_fit_to_read),
        cmocka_unit_test(an_append_that_is_too_long_is_sent_as_its_head),
        cmocka_unit_test(lists_that_no_reader_takes_are_not_sent),
        cmocka_unit_test(the_fuzz_corpus_decodes_or_is_refused),
    };
    return cmocka_run_group_tests_name("edge/wire/codec", tests, NULL, NULL);
}
