/* Every case of tests/golden/value against our reader and writer; see the README there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "core/value/json.h"
#include "core/value/yaml.h"
#include "support/corpus.h"

struct tally {
    size_t passed_count;
    size_t failed_count;
};

static struct arena *cases_arena;

static int tear_down(void **state)
{
    (void)state;
    arena_free(cases_arena);
    cases_arena = NULL;
    return 0;
}

static struct value *load_cases(const char *file)
{
    struct value *cases = NULL;
    struct err err;

    cases_arena = arena_new();
    struct str path = arena_printf(cases_arena, "%s/golden/value/%s", HL_TESTS_DIR, file);
    struct str text = corpus_file(cases_arena, path.ptr);
    if (json_read(cases_arena, text, str_from(file), &cases, &err) != 0)
        fail_msg("%s", err.text);
    return cases;
}

/* What the other side had in its hands: float64 for every number, or for what int64 cannot hold. */
static void to_floats(struct value *v, bool ints_too)
{
    if (v->kind == VALUE_UINT) {
        v->kind = VALUE_FLOAT;
        v->number = (double)v->unsigned_integer;
    } else if (v->kind == VALUE_INT && ints_too) {
        v->kind = VALUE_FLOAT;
        v->number = (double)v->integer;
    }
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list.count; i++)
        to_floats(v->list.item[i], ints_too);
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++)
        to_floats(v->map.member[i].value, ints_too);
}

/* `expected` NULL: must fail. */
static void count_write(struct tally *tally, const struct value *v, const struct value *expected)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct err err;
    bool is_refused = yaml_check(v, &err) != 0;

    yaml_write(&out, v);
    if (expected ? !is_refused && str_eq(buf_str(&out), expected->string) : is_refused) {
        tally->passed_count++;
        return;
    }
    tally->failed_count++;
    print_error("line %u: wrote [" STR_FMT "]%s\n", v->line, STR_ARG(buf_str(&out)),
                expected ? "" : ", not refused");
}

static void count_read(struct tally *tally, struct str text, bool as_floats,
                       const struct value *expected)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct value *v = NULL;
    struct err err = {0};
    int result = yaml_read_first(a, text, STR("case"), &v, &err);

    if (result == 0 && as_floats)
        to_floats(v, true);
    if (result == 0 && json_can_hold(v))
        json_write(&out, v, JSON_COMPACT);
    if (expected ? str_eq(buf_str(&out), expected->string) : out.len == 0) {
        tally->passed_count++;
        return;
    }
    tally->failed_count++;
    print_error("[" STR_FMT "]: got [" STR_FMT "] %s\n", STR_ARG(text), STR_ARG(buf_str(&out)),
                err.text);
}

static void assert_tally(const struct tally *tally, size_t expected_count)
{
    assert_int_equal(tally->failed_count, 0);
    assert_int_equal(tally->passed_count, expected_count);
}

static void helm_to_yaml_is_written_to_the_byte(void **state)
{
    (void)state;
    struct value *cases = load_cases("toyaml.json");
    struct tally tally = {0};

    for (size_t i = 0; i < cases->list.count; i++) {
        struct value *c = cases->list.item[i];
        struct value *data = value_get(c, STR("data"));
        if (!data)
            data = value_null(cases_arena);
        to_floats(data, !value_get_bool(c, "ints", false));
        count_write(&tally, data, value_get(c, STR("expected")));
    }
    assert_tally(&tally, 2888);
}

static void marshal_is_written_to_the_byte(void **state)
{
    (void)state;
    struct value *cases = load_cases("marshal.json");
    struct tally tally = {0};

    for (size_t i = 0; i < cases->list.count; i++) {
        struct value *c = cases->list.item[i];
        count_write(&tally, c->list.item[0], c->list.count > 1 ? c->list.item[1] : NULL);
    }
    assert_tally(&tally, 769);
}

static void helm_from_yaml_reads_alike(void **state)
{
    (void)state;
    struct value *cases = load_cases("fromyaml.json");
    struct tally tally = {0};

    for (size_t i = 0; i < cases->list.count; i++) {
        struct value *c = cases->list.item[i];
        count_read(&tally, value_get_str(c, "text"), true, value_get(c, STR("expected")));
    }
    assert_tally(&tally, 1103);
}

static void yaml_to_json_reads_alike(void **state)
{
    (void)state;
    struct value *cases = load_cases("unmarshal.json");
    struct tally tally = {0};

    for (size_t i = 0; i < cases->list.count; i++) {
        struct value *c = cases->list.item[i];
        count_read(&tally, value_str(c->list.item[0]), false,
                   c->list.count > 1 ? c->list.item[1] : NULL);
    }
    assert_tally(&tally, 625);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(helm_to_yaml_is_written_to_the_byte),
        TEST(marshal_is_written_to_the_byte),
        TEST(helm_from_yaml_reads_alike),
        TEST(yaml_to_json_reads_alike),
    };
    return cmocka_run_group_tests_name("core/value/yaml golden", tests, NULL, NULL);
}
