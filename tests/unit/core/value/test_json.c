/* JSON in and out: kinds, positions, refusals, limits, Go's form; the fuzz corpus as plain cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "core/value/json.h"
#include "support/corpus.h"

#include "fuzz/fuzz_json.c"

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

static struct value *read_ok(struct str text)
{
    struct value *v = NULL;
    struct err err;

    if (json_read(a, text, STR("t.json"), &v, &err) != 0)
        fail_msg("%s", err.text);
    return v;
}

static void assert_refused(struct str text, int code, uint32_t line, uint32_t column,
                           const char *what)
{
    struct value *v = NULL;
    struct err err;

    assert_int_equal(json_read(a, text, STR("t.json"), &v, &err), code);
    assert_null(v);
    assert_string_equal(err.text, what);
    assert_string_equal(err.file, "t.json");
    assert_int_equal(err.line, line);
    assert_int_equal(err.column, column);
}

static void assert_form(const struct value *v, enum json_style style, const char *expected)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    json_write(&out, v, style);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.ptr, expected);
}

static void numbers_become_the_narrowest_kind_that_holds_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_kind kind;
    } cases[] = {{"0", VALUE_INT},
                 {"-1", VALUE_INT},
                 {"9223372036854775807", VALUE_INT},
                 {"-9223372036854775808", VALUE_INT},
                 {"9223372036854775808", VALUE_UINT},
                 {"18446744073709551615", VALUE_UINT},
                 {"18446744073709551616", VALUE_FLOAT},
                 {"-9223372036854775809", VALUE_FLOAT},
                 {"1.0", VALUE_FLOAT},
                 {"1e2", VALUE_FLOAT},
                 {"-0", VALUE_FLOAT}};

    for (size_t i = 0; i < HL_COUNT(cases); i++)
        assert_int_equal(read_ok(str_from(cases[i].text))->kind, cases[i].kind);
    assert_true(read_ok(STR("5e-324"))->number > 0);
    assert_true(signbit(read_ok(STR("-0"))->number));
}

static void escapes_are_joined_and_lone_surrogates_replaced(void **state)
{
    (void)state;
    struct value *v = read_ok(STR("[\"\\u0000\\ud83d\\ude00\\/\",\"\\ud800\",\"\\udc00\\ud800a\","
                                  "\"\\ud800\\u0041\"]"));

    assert_true(str_eq(v->list.item[0]->string, STR("\0\xF0\x9F\x98\x80/")));
    assert_true(str_eq(v->list.item[1]->string, STR("\xEF\xBF\xBD")));
    assert_true(str_eq(v->list.item[2]->string, STR("\xEF\xBF\xBD\xEF\xBF\xBD"
                                                    "a")));
    assert_true(str_eq(v->list.item[3]->string, STR("\xEF\xBF\xBD"
                                                    "A")));
}

static void every_value_knows_line_and_column_in_characters(void **state)
{
    (void)state;
    struct value *v = read_ok(STR("{\"\xC3\xA9\": 1,\n  \"b\": [\n    true]}"));
    const struct member *b = value_find(v, STR("b"));

    assert_int_equal(value_get(v, STR("\xC3\xA9"))->column, 7);
    assert_int_equal(b->key_line, 2);
    assert_int_equal(b->key_column, 3);
    assert_int_equal(b->value->column, 8);
    assert_int_equal(b->value->list.item[0]->line, 3);
    assert_int_equal(b->value->list.item[0]->column, 5);
}

static void what_is_no_json_is_refused_where_it_stands(void **state)
{
    (void)state;
    assert_refused(STR(""), HL_EINVAL, 1, 1, "expected a value, found the end");
    assert_refused(STR("[1,\n]"), HL_EINVAL, 2, 1, "expected a value, found ']'");
    assert_refused(STR("{\"a\":1,}"), HL_EINVAL, 1, 8, "expected a string as key, found '}'");
    assert_refused(STR("{\"a\" 1}"), HL_EINVAL, 1, 6, "expected ':', found '1'");
    assert_refused(STR("01"), HL_EINVAL, 1, 2, "expected nothing behind the document, found '1'");
    assert_refused(STR("1."), HL_EINVAL, 1, 3, "expected a digit, found the end");
    assert_refused(STR("-"), HL_EINVAL, 1, 2, "expected a digit, found the end");
    assert_refused(STR("\"\\x\""), HL_EINVAL, 1, 3, "expected an escape, found 'x'");
    assert_refused(STR("\"\\u12g4\""), HL_EINVAL, 1, 4, "expected four hex digits, found '1'");
    assert_refused(STR("\"a\nb\""), HL_EINVAL, 1, 3,
                   "expected the end of a string, found byte 0x0a");
    assert_refused(STR("\"\xC0\x80\""), HL_EINVAL, 1, 2, "expected UTF-8, found byte 0xc0");
    assert_refused(STR("1\0"), HL_EINVAL, 1, 2,
                   "expected nothing behind the document, found byte 0x00");
    assert_refused(STR("nul"), HL_EINVAL, 1, 1, "expected a value, found 'n'");
    assert_refused(STR("[1e999]"), HL_EINVAL, 1, 2, "number 1e999 is out of float64's range");
}

static void a_duplicate_key_names_both_places(void **state)
{
    (void)state;
    assert_refused(STR("{\"a\":1,\n \"b\":2,\n \"a\":3, \"a\":4}"), HL_EINVAL, 3, 2,
                   "duplicate key \"a\", first on line 1, column 2");
}

static struct str repeat(const char *text, size_t count)
{
    struct buf b = {0};

    for (size_t i = 0; i < count; i++)
        buf_add_cstr(&b, text);
    struct str s = arena_dup(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static void nesting_ends_at_the_limit_and_quickly(void **state)
{
    (void)state;
    struct str fits = arena_concat(a, repeat("[", VALUE_DEPTH_MAX), repeat("]", VALUE_DEPTH_MAX));
    struct str hostile = repeat("[", 160000);

    assert_int_equal(read_ok(fits)->kind, VALUE_LIST);
    clock_t start = clock();
    assert_refused(hostile, HL_ELIMIT, 1, VALUE_DEPTH_MAX + 1, "more than 64 nested collections");
    assert_true((clock() - start) * 1000 / CLOCKS_PER_SEC < 100); /* sanitizers included */
}

static void too_many_bytes_are_refused_before_they_are_copied(void **state)
{
    (void)state;
    struct str text = repeat(" ", (size_t)JSON_BYTES_MAX + 1);
    size_t before = arena_used_bytes(a);
    struct value *v = NULL;
    struct err err;

    assert_int_equal(json_read(a, text, STR("t.json"), &v, &err), HL_ELIMIT);
    assert_int_equal(arena_used_bytes(a), before);
    assert_string_equal(err.text, "67108865 bytes of JSON, at most 67108864 are read");
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    assert_refused(arena_concat(a, STR("["), repeat("1,", JSON_NODES_MAX)), HL_ELIMIT, 1,
                   2 * JSON_NODES_MAX, "more than 4194304 values");
}

static void writing_has_the_form_of_encoding_json(void **state)
{
    (void)state;
    struct value *v = read_ok(STR("{\"b\":[],\"a\":{},\"c\":[1.0,1e21,1e-7,0.000001,123456789.5,"
                                  "1e20,-0],\"\\u2028<&>\":\"\\b\\f\\u0001\\u007f\\\"\"}"));

    assert_form(v, JSON_COMPACT,
                "{\"a\":{},\"b\":[],\"c\":[1,1e+21,1e-7,0.000001,123456789.5,"
                "100000000000000000000,-0],"
                "\"\\u2028\\u003c\\u0026\\u003e\":\"\\b\\f\\u0001\x7f\\\"\"}");
    assert_form(read_ok(STR("{\"a\":[1,{\"b\":[]}],\"c\":{}}")), JSON_INDENTED,
                "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}\n");
    assert_form(value_float(a, NAN), JSON_COMPACT, "null");
    assert_form(value_string(a, STR("a\xFFz")), JSON_COMPACT, "\"a\\ufffdz\"");
    assert_false(json_can_hold(value_float(a, INFINITY)));
    assert_true(json_can_hold(v));
}

static void run_corpus_file(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
}

static void the_fuzz_corpus_holds_its_properties(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_json", run_corpus_file, NULL) >= 12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_become_the_narrowest_kind_that_holds_them),
        TEST(escapes_are_joined_and_lone_surrogates_replaced),
        TEST(every_value_knows_line_and_column_in_characters),
        TEST(what_is_no_json_is_refused_where_it_stands),
        TEST(a_duplicate_key_names_both_places),
        TEST(nesting_ends_at_the_limit_and_quickly),
        TEST(too_many_bytes_are_refused_before_they_are_copied),
        TEST(too_many_values_are_refused),
        TEST(writing_has_the_form_of_encoding_json),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/value/json", tests, NULL, NULL);
}
