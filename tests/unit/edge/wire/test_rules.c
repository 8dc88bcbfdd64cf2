/* Who may send what, pair by pair; and what proto/hlmesh.proto must be for the pre-scan to hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "edge/wire/prescan.h"
#include "edge/wire/stranger.h"
#include "support/corpus.h"

/* ---- the matrix: kinds down, senders across; what is blank is denied ---- */

static const struct {
    const char *kind;
    const char *senders;
} matrix[] = {
    {"none", ""},
    {"raft", "peer"},
    {"refresh", "peer"},
    {"standing", "peer"},
    {"hello", "agent"},
    {"heartbeat", "agent"},
    {"report", "agent"},
    {"blob_get", "agent"},
    {"welcome", "coordinator"},
    {"work", "coordinator"},
    {"cancel", "coordinator"},
    {"report_ack", "coordinator"},
    {"blob_chunk", "coordinator"},
    {"request", "viewer operator admin"},
    {"reply", "coordinator"},
    {"enrol", "stranger"},
    {"enrol_reply", "coordinator"},
};

static const struct {
    const char *name;
    unsigned bit;
} roles[] = {
    {"peer", WIRE_ROLE_PEER},
    {"agent", WIRE_ROLE_AGENT},
    {"viewer", WIRE_ROLE_VIEWER},
    {"operator", WIRE_ROLE_OPERATOR},
    {"admin", WIRE_ROLE_ADMIN},
    {"stranger", WIRE_ROLE_STRANGER},
    {"coordinator", WIRE_ROLE_COORDINATOR},
};

static bool is_listed(const char *senders, const char *role)
{
    struct str rest = str_from(senders);

    while (rest.len > 0) {
        if (str_eq(str_cut(&rest, ' '), str_from(role)))
            return true;
    }
    return false;
}

static void every_pair_of_kind_and_role_is_as_the_matrix_says(void **state)
{
    unsigned all = 0;

    (void)state;
    assert_int_equal(HL_COUNT(matrix), WIRE_KIND_COUNT);
    for (size_t k = 0; k < HL_COUNT(matrix); k++) {
        assert_string_equal(wire_kind_name((enum wire_kind)k), matrix[k].kind);
        for (size_t r = 0; r < HL_COUNT(roles); r++) {
            bool is_allowed = wire_may_send(roles[r].bit, (enum wire_kind)k);
            if (is_allowed != is_listed(matrix[k].senders, roles[r].name))
                fail_msg("%s from %s is %s", matrix[k].kind, roles[r].name,
                         is_allowed ? "allowed" : "denied");
            all |= roles[r].bit;
        }
        assert_false(wire_may_send(0, (enum wire_kind)k));
    }
    assert_int_equal(all, WIRE_ROLE_ALL);
    assert_false(wire_may_send(WIRE_ROLE_ALL, WIRE_KIND_COUNT));
    assert_false(wire_may_send(WIRE_ROLE_ALL, (enum wire_kind) - 1));
}

static void no_name_gives_the_role_of_a_coordinator(void **state)
{
    static const char *const names[] = {"coordinator", "root", "", "Admin", "admin ", "none"};

    (void)state;
    for (size_t r = 0; r + 1 < HL_COUNT(roles); r++)
        assert_int_equal(wire_role_of(str_from(roles[r].name)), roles[r].bit);
    for (size_t i = 0; i < HL_COUNT(names); i++)
        assert_int_equal(wire_role_of(str_from(names[i])), 0);
}

/* ---- the schema ---- */

enum { MESSAGES_MAX = 64, FIELDS_MAX = 256 };

struct field {
    struct str message;
    struct str type;
    uint32_t number;
    bool is_repeated;
};

struct schema {
    struct arena *arena;
    struct str message[MESSAGES_MAX];
    size_t message_count;
    struct field field[FIELDS_MAX];
    size_t field_count;
};

static bool is_scalar(struct str type)
{
    static const char *const scalars[] = {"bytes", "bool",   "uint32", "uint64",  "int32",
                                          "int64", "sint32", "sint64", "fixed32", "fixed64"};

    for (size_t i = 0; i < HL_COUNT(scalars); i++) {
        if (str_eq(type, str_from(scalars[i])))
            return true;
    }
    return false;
}

/* "[repeated] TYPE NAME = NUMBER;" */
static void read_field(struct schema *s, struct str line)
{
    struct field *f = &s->field[s->field_count++];
    struct str rest = line;
    struct str word = str_cut(&rest, ' ');
    uint64_t number;

    assert_true(s->field_count < FIELDS_MAX);
    f->message = s->message[s->message_count - 1];
    f->is_repeated = str_eq(word, STR("repeated"));
    f->type = f->is_repeated ? str_cut(&rest, ' ') : word;
    str_cut(&rest, '=');
    assert_true(str_to_u64(str_trim(str_cut(&rest, ';')), &number));
    f->number = (uint32_t)number;
}

static struct schema *read_schema(void)
{
    struct schema *s = hl_calloc(1, sizeof(*s));

    s->arena = arena_new();
    struct str text = corpus_file(s->arena, HL_TESTS_DIR "/../proto/hlmesh.proto");
    while (text.len > 0) {
        struct str line = str_trim(str_cut(&text, '\n'));
        if (str_starts(line, STR("message "))) {
            struct str rest = str_sub(line, 8, line.len);
            s->message[s->message_count++] = str_cut(&rest, ' ');
        } else if (s->message_count > 0 && str_has_byte(line, '=') &&
                   !str_starts(line, STR("//"))) {
            read_field(s, line);
        }
    }
    return s;
}

static void schema_free(struct schema *s)
{
    arena_free(s->arena);
    free(s);
}
HL_DEFINE_FREEP(schema_free, struct schema)

/* Depth of messages below `message`; fails when it comes by itself again. */
static int depth_of(const struct schema *s, struct str message, int above)
{
    int deepest = 0;

    if (above > 8)
        fail_msg("message " STR_FMT " contains itself", STR_ARG(message));
    for (size_t i = 0; i < s->field_count; i++) {
        if (!str_eq(s->field[i].message, message) || is_scalar(s->field[i].type))
            continue;
        int below = 1 + depth_of(s, s->field[i].type, above + 1);
        deepest = below > deepest ? below : deepest;
    }
    return deepest;
}

static void no_message_contains_itself_and_none_nests_deeper_than_three(void **state)
{
    HL_CLEANUP(schema_freep) struct schema *s = read_schema();

    (void)state;
    assert_true(s->message_count >= 20 && s->field_count >= 100);
    for (size_t i = 0; i < s->message_count; i++)
        assert_true(depth_of(s, s->message[i], 0) <= 2);
    assert_int_equal(depth_of(s, STR("Envelope"), 0), 2);
    assert_int_equal(depth_of(s, STR("Command"), 0), 0);
}

static void text_is_bytes_and_numbers_are_never_used_twice(void **state)
{
    HL_CLEANUP(schema_freep) struct schema *s = read_schema();

    (void)state;
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->field[i];
        assert_false(str_eq(f->type, STR("string")));
        assert_true(f->number > 0);
        bool is_known = is_scalar(f->type);
        for (size_t m = 0; m < s->message_count; m++)
            is_known = is_known || str_eq(s->message[m], f->type);
        if (!is_known)
            fail_msg("type " STR_FMT " is no message and no scalar we know", STR_ARG(f->type));
        for (size_t j = 0; j < i; j++) {
            if (str_eq(f->message, s->field[j].message))
                assert_int_not_equal(f->number, s->field[j].number);
        }
    }
}

static const struct prescan_body *body_of(uint32_t number)
{
    for (size_t i = 0; i < prescan_body_count; i++) {
        if (prescan_bodies[i].field == number)
            return &prescan_bodies[i];
    }
    return NULL;
}

/* What the walk does not know to be a message it does not walk, but the parser would. */
static void the_walk_knows_every_message_within_an_envelope(void **state)
{
    HL_CLEANUP(schema_freep) struct schema *s = read_schema();
    size_t body_count = 0;

    (void)state;
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *body = &s->field[i];
        if (!str_eq(body->message, STR("Envelope")))
            continue;
        const struct prescan_body *known = body_of(body->number);
        uint32_t element = 0;
        assert_non_null(known);
        body_count++;
        for (size_t j = 0; j < s->field_count; j++) {
            if (!str_eq(s->field[j].message, body->type) || is_scalar(s->field[j].type))
                continue;
            assert_int_equal(element, 0); /* one list of messages a body */
            assert_true(s->field[j].is_repeated);
            element = s->field[j].number;
        }
        assert_int_equal(known->element, element);
    }
    assert_int_equal(body_count, prescan_body_count);
    assert_int_equal(body_count, WIRE_KIND_COUNT - 1);
}

/* ---- addresses at the enrolment door ---- */

static void a_refusal_silences_its_address_for_a_second(void **state)
{
    HL_CLEANUP(strangers_freep) struct strangers *t = strangers_new();
    uint32_t slot;
    uint32_t other;

    (void)state;
    assert_true(stranger_may_ask(t, "192.0.2.1", 1000, &slot));
    stranger_was_refused(t, slot, 1000);
    assert_false(stranger_may_ask(t, "192.0.2.1", 1999, &slot));
    assert_true(stranger_may_ask(t, "192.0.2.2", 1999, &other));
    assert_int_not_equal(slot, other);
    assert_true(stranger_may_ask(t, "192.0.2.1", 2000, &slot));
}

static void ten_refusals_a_minute_are_the_end_of_it(void **state)
{
    HL_CLEANUP(strangers_freep) struct strangers *t = strangers_new();
    uint32_t slot;

    (void)state;
    for (int i = 0; i < STRANGER_REFUSALS; i++) {
        assert_true(stranger_may_ask(t, "192.0.2.1", 2000 * i, &slot));
        stranger_was_refused(t, slot, 2000 * i);
    }
    assert_false(stranger_may_ask(t, "192.0.2.1", 59999, &slot));
    assert_true(stranger_may_ask(t, "192.0.2.1", 60000, &slot));
}

static void questions_have_their_limit_too(void **state)
{
    HL_CLEANUP(strangers_freep) struct strangers *t = strangers_new();
    uint32_t slot;

    (void)state;
    for (int i = 0; i < STRANGER_ASKS; i++)
        assert_true(stranger_may_ask(t, "192.0.2.1", i, &slot));
    assert_false(stranger_may_ask(t, "192.0.2.1", 500, &slot));
    assert_true(stranger_may_ask(t, "", 500, &slot)); /* no address is an address, too */
}

static void the_table_of_addresses_forgets_the_one_unheard_for_longest(void **state)
{
    HL_CLEANUP(strangers_freep) struct strangers *t = strangers_new();
    char address[32];
    uint32_t slot;

    (void)state;
    for (int i = 0; i < STRANGERS_MAX; i++) {
        snprintf(address, sizeof(address), "192.0.2.%d", i);
        assert_true(stranger_may_ask(t, address, i, &slot));
        stranger_was_refused(t, slot, i);
    }
    assert_true(stranger_may_ask(t, "198.51.100.1", 500, &slot)); /* in the place of 192.0.2.0 */
    assert_false(stranger_may_ask(t, "192.0.2.1", 500, &slot));
    assert_true(stranger_may_ask(t, "192.0.2.0", 500, &slot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_kind_and_role_is_as_the_matrix_says),
        cmocka_unit_test(no_name_gives_the_role_of_a_coordinator),
        cmocka_unit_test(no_message_contains_itself_and_none_nests_deeper_than_three),
        cmocka_unit_test(text_is_bytes_and_numbers_are_never_used_twice),
        cmocka_unit_test(the_walk_knows_every_message_within_an_envelope),
        cmocka_unit_test(a_refusal_silences_its_address_for_a_second),
        cmocka_unit_test(ten_refusals_a_minute_are_the_end_of_it),
        cmocka_unit_test(questions_have_their_limit_too),
        cmocka_unit_test(the_table_of_addresses_forgets_the_one_unheard_for_longest),
    };
    return cmocka_run_group_tests_name("edge/wire/rules", tests, NULL, NULL);
}
