/* The tree itself: building, finding, merging, canonical bytes, pointers, copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/value/json.h"
#include "core/value/value.h"

static struct arena *a;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct value *json(const char *text)
{
    struct value *v = NULL;
    struct err err;

    if (json_read(a, str_from(text), STR("test.json"), &v, &err) != 0)
        fail_msg("%s", err.text);
    return v;
}

static void assert_json(const struct value *v, const char *expected)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    value_canonical(&out, v);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.ptr, expected);
}

static void a_map_keeps_the_order_of_its_members(void **state)
{
    (void)state;
    struct value *m = value_map(a);

    assert_false(value_map_set(a, m, STR("b"), value_int(a, 1)));
    assert_false(value_map_set(a, m, STR("a"), value_int(a, 2)));
    assert_true(value_map_set(a, m, STR("b"), value_int(a, 3)));
    assert_int_equal(m->map.count, 2);
    assert_true(str_eq(m->map.member[0].key, STR("b")));
    assert_int_equal(value_get_int(m, "b", 0), 3);
    assert_null(value_get(m, STR("c")));
    assert_null(value_get(NULL, STR("c")));
    assert_null(value_get(value_int(a, 1), STR("c")));
}

static void a_large_map_finds_every_key_while_it_grows(void **state)
{
    (void)state;
    struct value *m = value_map(a);
    struct rng rng;

    rng_seed(&rng, 7);
    for (int i = 0; i < 2000; i++) {
        int64_t n = rng_between(&rng, 0, 1500);
        struct str key = arena_printf(a, "key-%lld", (long long)n);
        bool was_there = value_get(m, key) != NULL;
        assert_int_equal(value_map_set(a, m, key, value_int(a, n)), was_there);
        assert_int_equal(value_get(m, key)->integer, n);
    }
    for (size_t i = 0; i < m->map.count; i++)
        assert_ptr_equal(value_find(m, m->map.member[i].key), &m->map.member[i]);
    for (size_t i = 1; i < m->map.count; i++)
        assert_true(str_cmp(m->map.member[m->map.sorted[i - 1]].key,
                            m->map.member[m->map.sorted[i]].key) < 0);
}

static void shorthands_fall_back_when_the_kind_is_another(void **state)
{
    (void)state;
    struct value *v = json("{\"s\":\"x\",\"i\":5,\"b\":true,\"m\":{\"k\":{\"d\":1}}}");

    assert_true(str_eq(value_get_str(v, "s"), STR("x")));
    assert_null(value_get_str(v, "i").ptr);
    assert_int_equal(value_get_int(v, "i", 9), 5);
    assert_int_equal(value_get_int(v, "s", 9), 9);
    assert_true(value_get_bool(v, "b", false));
    assert_true(value_get_bool(v, "i", true));
    assert_int_equal(value_path(v, "m", "k", "d", NULL)->integer, 1);
    assert_null(value_path(v, "m", "x", "d", NULL));
    assert_ptr_equal(value_path(v, NULL), v);
}

static void the_three_number_kinds_are_three_values(void **state)
{
    (void)state;
    assert_false(value_eq(value_int(a, 1), value_float(a, 1)));
    assert_false(value_eq(value_int(a, 1), value_string(a, STR("1"))));
    assert_false(value_eq(value_float(a, 0.0), value_float(a, -0.0)));
    assert_true(value_eq(value_float(a, NAN), value_float(a, -NAN)));
    assert_int_equal(value_uint(a, INT64_MAX)->kind, VALUE_INT);
    assert_int_equal(value_uint(a, (uint64_t)INT64_MAX + 1)->kind, VALUE_UINT);
    assert_true(value_eq(json("{\"a\":1,\"b\":[2]}"), json("{\"b\":[2],\"a\":1}")));
    assert_false(value_eq(json("[1,2]"), json("[2,1]")));
    assert_false(value_eq(json("{\"a\":1}"), json("{\"b\":1}")));
}

static void merging_recurses_into_maps_and_replaces_the_rest(void **state)
{
    (void)state;
    struct value *base = json("{\"a\":{\"x\":1,\"y\":2},\"l\":[1,2],\"n\":1,\"k\":3}");
    struct value *over = json("{\"z\":9,\"a\":{\"y\":null,\"w\":4},\"l\":[3],\"n\":{\"m\":null}}");
    struct value *merged = value_merge(a, base, over);

    assert_json(merged, "{\"a\":{\"w\":4,\"x\":1},\"k\":3,\"l\":[3],\"n\":{},\"z\":9}");
    assert_true(str_eq(merged->map.member[0].key, STR("a")));
    assert_true(str_eq(merged->map.member[4].key, STR("z")));
    /* neither side has changed */
    assert_json(base, "{\"a\":{\"x\":1,\"y\":2},\"k\":3,\"l\":[1,2],\"n\":1}");
    assert_json(over, "{\"a\":{\"w\":4,\"y\":null},\"l\":[3],\"n\":{\"m\":null},\"z\":9}");
}

static void merging_with_nothing_gives_the_other_side(void **state)
{
    (void)state;
    struct value *v = json("{\"a\":1}");

    assert_ptr_equal(value_merge(a, v, NULL), v);
    assert_ptr_equal(value_merge(a, NULL, v), v);
    assert_null(value_merge(a, NULL, NULL));
    assert_json(value_merge(a, NULL, json("{\"a\":null,\"b\":{\"c\":null}}")), "{\"b\":{}}");
    assert_json(value_merge(a, json("{\"a\":null}"), json("{}")), "{\"a\":null}");
}

static void a_merged_value_remembers_where_the_winner_stands(void **state)
{
    (void)state;
    struct value *base = json("{\"a\":1,\n\"b\":2}");
    struct value *over = json("\n\n{\"b\":3}");
    struct value *merged = value_merge(a, base, over);
    struct err err;

    assert_int_equal(value_get(merged, STR("a"))->line, 1);
    assert_int_equal(value_get(merged, STR("b"))->line, 3);
    assert_int_equal(value_find(merged, STR("b"))->key_line, 3);
    assert_int_equal(value_err(&err, HL_EINVAL, value_get(merged, STR("b")), "bad %d", 5),
                     HL_EINVAL);
    assert_string_equal(err.text, "bad 5");
    assert_string_equal(err.file, "test.json");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 6);
}

static void canonical_bytes_tell_all_values_apart(void **state)
{
    (void)state;
    struct value *list = value_list(a);
    const char *expected = "[1,18446744073709551615,1.0,-0.0,1e+21,0.1,\"\\u0000.nan\","
                           "\"\\u0000\\u0000.nan\",\"\\u0000-.inf\",\"\\\"\\\\\\n\\u001f<\"]";

    value_list_add(a, list, value_int(a, 1));
    value_list_add(a, list, value_uint(a, UINT64_MAX));
    value_list_add(a, list, value_float(a, 1));
    value_list_add(a, list, value_float(a, -0.0));
    value_list_add(a, list, value_float(a, 1e21));
    value_list_add(a, list, value_float(a, 0.1));
    value_list_add(a, list, value_float(a, NAN));
    value_list_add(a, list, value_string(a, STR("\0.nan")));
    value_list_add(a, list, value_float(a, -INFINITY));
    value_list_add(a, list, value_string(a, STR("\"\\\n\x1f<")));
    assert_json(list, expected);
}

static void the_digest_does_not_see_the_order_of_keys(void **state)
{
    (void)state;
    struct digest one = value_digest(json("{\"a\":1,\"b\":{\"c\":2,\"d\":3}}"));
    struct digest two = value_digest(json("{\"b\":{\"d\":3,\"c\":2},\"a\":1}"));
    struct digest other = value_digest(json("{\"a\":1.0,\"b\":{\"c\":2,\"d\":3}}"));

    assert_true(digest_eq(&one, &two));
    assert_false(digest_eq(&one, &other));
}

static void pointers_follow_rfc_6901(void **state)
{
    (void)state;
    struct value *v = json("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"m~n\":8,\"~1\":2}");

    assert_ptr_equal(value_pointer(v, STR("")), v);
    assert_true(str_eq(value_str(value_pointer(v, STR("/foo/1"))), STR("baz")));
    assert_int_equal(value_pointer(v, STR("/"))->integer, 0);
    assert_int_equal(value_pointer(v, STR("/a~1b"))->integer, 1);
    assert_int_equal(value_pointer(v, STR("/m~0n"))->integer, 8);
    assert_int_equal(value_pointer(v, STR("/~01"))->integer, 2);
    assert_null(value_pointer(v, STR("/foo/01")));
    assert_null(value_pointer(v, STR("/foo/2")));
    assert_null(value_pointer(v, STR("/foo/-")));
    assert_null(value_pointer(v, STR("/foo/99999999999999999999")));
    assert_null(value_pointer(v, STR("/m~n")));
    assert_null(value_pointer(v, STR("/m~")));
    assert_null(value_pointer(v, STR("foo")));
    assert_null(value_pointer(v, STR("//")));
}

static void a_copy_outlives_the_arena_of_the_original(void **state)
{
    (void)state;
    struct arena *mine = arena_new();
    struct value *v = json("{\"a\":[\"x\",{\"b\":1.5}],\"c\":{\"1\":1,\"2\":2,\"3\":3,\"4\":4,"
                           "\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9,\"10\":10}}");
    struct value *copy = value_copy(mine, v);

    assert_true(value_eq(v, copy));
    arena_free(a);
    a = arena_new();
    assert_int_equal(value_get_int(value_get(copy, STR("c")), "10", 0), 10);
    assert_true(str_eq(value_pos_of(copy).file, STR("test.json")));
    assert_true(str_eq(value_str(value_pointer(copy, STR("/a/0"))), STR("x")));
    arena_free(mine);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_map_keeps_the_order_of_its_members),
        TEST(a_large_map_finds_every_key_while_it_grows),
        TEST(shorthands_fall_back_when_the_kind_is_another),
        TEST(the_three_number_kinds_are_three_values),
        TEST(merging_recurses_into_maps_and_replaces_the_rest),
        TEST(merging_with_nothing_gives_the_other_side),
        TEST(a_merged_value_remembers_where_the_winner_stands),
        TEST(canonical_bytes_tell_all_values_apart),
        TEST(the_digest_does_not_see_the_order_of_keys),
        TEST(pointers_follow_rfc_6901),
        TEST(a_copy_outlives_the_arena_of_the_original),
    };
    return cmocka_run_group_tests_name("core/value", tests, NULL, NULL);
}
