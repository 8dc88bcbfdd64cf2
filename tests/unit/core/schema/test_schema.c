/* The door of core/schema: options, order, exactness, every limit; the fuzz corpus as plain cases.
 * What keywords mean and say is in test_schema_golden.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "core/schema/schema.h"
#include "core/value/json.h"
#include "support/corpus.h"

#include "fuzz/fuzz_schema.c"

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

static struct value *json(struct str text)
{
    struct value *v = NULL;
    struct err err;

    if (json_read(a, text, STR("t"), &v, &err) != 0)
        fail_msg("%s", err.text);
    return v;
}

static const struct schema *compiled(struct str schema)
{
    const struct schema *s = NULL;
    struct str text = STR_NONE;
    struct err err = {0};

    if (schema_compile(a, json(schema), NULL, &s, &text, &err) != 0)
        fail_msg(STR_FMT "%s", STR_ARG(text), err.text);
    return s;
}

static void assert_says(const struct schema *schema, const char *instance, const char *want)
{
    struct str text = STR_NONE;
    struct err err;
    int rc = schema_check(schema, json(str_from(instance)), a, &text, &err);

    assert_int_equal(rc, *want ? SCHEMA_INVALID : SCHEMA_VALID);
    assert_string_equal(arena_cstr(a, text), want);
}

/* prefix, `count` times part, suffix */
static struct str repeat(const char *prefix, const char *part, size_t count, const char *suffix)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    buf_add_cstr(&out, prefix);
    for (size_t i = 0; i < count; i++)
        buf_add_cstr(&out, part);
    buf_add_cstr(&out, suffix);
    return arena_dup(a, buf_str(&out));
}

static void a_schema_is_compiled_once_and_checks_many_values(void **state)
{
    const struct schema *s = compiled(STR("{\"type\":\"integer\",\"maximum\":3}"));

    (void)state;
    assert_says(s, "3", "");
    assert_says(s, "3.0", "");
    assert_says(s, "4", "- at '': maximum: got 4, want 3\n");
    assert_says(s, "\"x\"", "- at '': got string, want integer\n");
}

static void members_are_reported_in_the_order_of_their_keys(void **state)
{
    const struct schema *s = compiled(STR("{\"additionalProperties\":{\"type\":\"null\"}}"));

    (void)state;
    assert_says(s, "{\"z\":1,\"B\":2,\"a\":3}",
                "- at '/B': got number, want null\n- at '/a': got number, want null\n"
                "- at '/z': got number, want null\n");
}

static void numbers_are_the_decimals_they_were_written_as(void **state)
{
    const struct schema *tenth = compiled(STR("{\"multipleOf\":0.1}"));
    const struct schema *big = compiled(STR("{\"const\":9007199254740993}"));

    (void)state;
    assert_says(tenth, "0.3", "");
    assert_says(tenth, "1e22", "");
    assert_says(tenth, "0.35", "- at '': multipleOf: got 0.35, want 0.1\n");
    assert_says(big, "9007199254740993", "");
    assert_says(big, "9007199254740992", "- at '': value must be 9007199254740993\n");
    assert_says(compiled(STR("{\"maximum\":1}")), "18446744073709551615",
                "- at '': maximum: got 1.8446744073709552×10¹⁹, want 1\n");
}

static void a_bad_schema_is_refused_with_its_place(void **state)
{
    const struct schema *s = NULL;
    struct str text = STR_NONE;
    struct err err;

    (void)state;
    int rc = schema_compile(a,
                            json(STR("{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
                                     "\"properties\":{\"a\":{\"minLength\":-1}}}")),
                            NULL, &s, &text, &err);
    assert_int_equal(rc, SCHEMA_INVALID);
    assert_null(s);
    assert_string_equal(
        arena_cstr(a, text),
        "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation "
        "failed with 'http://json-schema.org/draft-07/schema#'\n"
        "- at '/properties/a/minLength': 'allOf' failed\n"
        "  - at '/properties/a/minLength': minimum: got -1, want 0");
}

static int load_integer(void *context, struct arena *into, struct str url, const struct value **out,
                        struct err *err)
{
    if (!str_eq(url, STR("http://example.com/int.json")))
        return err_set(err, HL_ETEMP, "no route");
    ++*(int *)context;
    *out = value_map(into);
    value_map_set_str(into, (struct value *)*out, "type", STR("integer"));
    return 0;
}

static void remote_documents_come_from_the_caller_once_each(void **state)
{
    int calls = 0;
    const struct schema_options options = {load_integer, &calls};
    const struct schema *s = NULL;
    struct str text;
    struct err err;

    (void)state;
    assert_int_equal(
        schema_compile(a,
                       json(STR("{\"allOf\":[{\"$ref\":\"http://example.com/int.json\"},"
                                "{\"$ref\":\"http://example.com/int.json#\"}]}")),
                       &options, &s, &text, &err),
        0);
    assert_int_equal(calls, 1);
    assert_int_equal(schema_compile(a, json(STR("{\"$ref\":\"http://example.com/x\"}")), &options,
                                    &s, &text, &err),
                     HL_ETEMP);
    assert_string_equal(err.text, "failing loading \"http://example.com/x\": no route");
}

static void remote_documents_are_refused_without_a_loader_but_for_urns(void **state)
{
    const struct schema *s = NULL;
    struct str text = STR_NONE;
    struct err err;

    (void)state;
    assert_int_equal(schema_compile(a, json(STR("{\"$ref\":\"http://example.com/x#/a\"}")), NULL,
                                    &s, &text, &err),
                     SCHEMA_INVALID);
    assert_string_equal(arena_cstr(a, text), "failing loading \"http://example.com/x\": remote "
                                             "schemas are not loaded here");
    assert_says(compiled(STR("{\"$ref\":\"urn:example:x\"}")), "1", "");
}

static void numbers_that_json_cannot_hold_are_refused(void **state)
{
    const struct schema *s = compiled(STR("{}"));
    struct str text;
    struct err err;

    (void)state;
    assert_int_equal(schema_check(s, value_float(a, NAN), a, &text, &err), HL_EINVAL);
    assert_int_equal(schema_compile(a, value_float(a, INFINITY), NULL, &s, &text, &err), HL_EINVAL);
}

static void assert_too_much(const struct schema *schema, struct str instance, const char *want)
{
    struct str text;
    struct err err;

    assert_int_equal(schema_check(schema, json(instance), a, &text, &err), HL_ELIMIT);
    assert_string_equal(err.text, want);
}

/* Each definition asks twice for the next one: 2^60 ways. */
static void exponential_references_end_at_the_limit_of_steps(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    (void)state;
    buf_add_cstr(&out, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 60; i++)
        buf_printf(&out,
                   "\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},",
                   i, i + 1, i + 1);
    buf_add_cstr(&out, "\"d60\":{\"type\":\"integer\"}}}");
    assert_too_much(compiled(arena_dup(a, buf_str(&out))), STR("1"),
                    "the schema asks for too many steps");
}

static void long_chains_of_references_end_at_the_limit_of_depth(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    (void)state;
    buf_add_cstr(&out, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 1000; i++)
        buf_printf(&out, "\"d%d\":{\"$ref\":\"#/$defs/d%d\"},", i, i + 1);
    buf_add_cstr(&out, "\"d1000\":true}}");
    assert_too_much(compiled(arena_dup(a, buf_str(&out))), STR("1"),
                    "more than 400 subschemas in one another at work");
}

static void patterns_cost_time_that_is_linear_in_the_text(void **state)
{
    const struct schema *s = compiled(STR("{\"items\":{\"pattern\":\"^(a+)+$|(a|aa)+$|x*y\"}}"));
    struct str text = repeat("[\"", "a", 20000, "b\"]");
    struct str reason = STR_NONE;
    struct err err;

    (void)state;
    assert_int_equal(schema_check(s, json(text), a, &reason, &err), SCHEMA_INVALID);
    assert_too_much(s, repeat("[\"", "a", (4 << 20) - 1, "b\"]"),
                    "the pattern \"^(a+)+$|(a|aa)+$|x*y\" takes too many steps on 4194304 bytes");
}

static void a_pattern_that_is_too_large_is_refused(void **state)
{
    const struct schema *s = NULL;
    struct str text = STR_NONE;
    struct err err;

    (void)state;
    assert_int_equal(schema_compile(a, json(repeat("{\"pattern\":\"", "a", 70000, "\"}")), NULL, &s,
                                    &text, &err),
                     SCHEMA_INVALID);
    assert_true(str_find(text, STR("error parsing regexp: expression too large"), 0) != SIZE_MAX);
}

static void unique_items_are_found_without_comparing_all_pairs(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    const struct schema *s = compiled(STR("{\"uniqueItems\":true}"));

    (void)state;
    buf_add_byte(&out, '[');
    for (int i = 0; i < 20000; i++)
        buf_printf(&out, "{\"k\":%d},", i);
    buf_add_cstr(&out, "{\"k\":7.0},{\"k\":3}]");
    assert_says(s, arena_cstr(a, buf_str(&out)), "- at '': items at 7 and 20,000 are equal\n");
}

static void subschemas_have_a_limit(void **state)
{
    const struct schema *s = NULL;
    struct str text;
    struct err err;

    (void)state;
    assert_int_equal(
        schema_compile(a, json(repeat("{\"anyOf\":[", "true,", SCHEMA_PLACES_MAX, "true]}")), NULL,
                       &s, &text, &err),
        HL_ELIMIT);
    assert_string_equal(err.text, "more than 30000 subschemas");
    assert_int_equal(
        schema_compile(a, json(repeat("{\"properties\":{\"", "k", SCHEMA_POINTER_MAX, "\":{}}}")),
                       NULL, &s, &text, &err),
        HL_ELIMIT);
    assert_string_equal(err.text, "a subschema's place takes more than 32768 bytes to name");
}

static void reports_have_a_limit(void **state)
{
    const struct schema *s =
        compiled(STR("{\"items\":{\"allOf\":[{\"pattern\":\"x\"},{\"minLength\":100}]}}"));

    (void)state;
    assert_too_much(s, repeat("[", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",", 9000, "1]"),
                    "the values have too many mistakes to list");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_schema", run_corpus_file, NULL) >= 12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_schema_is_compiled_once_and_checks_many_values),
        TEST(members_are_reported_in_the_order_of_their_keys),
        TEST(numbers_are_the_decimals_they_were_written_as),
        TEST(a_bad_schema_is_refused_with_its_place),
        TEST(remote_documents_come_from_the_caller_once_each),
        TEST(remote_documents_are_refused_without_a_loader_but_for_urns),
        TEST(numbers_that_json_cannot_hold_are_refused),
        TEST(exponential_references_end_at_the_limit_of_steps),
        TEST(long_chains_of_references_end_at_the_limit_of_depth),
        TEST(patterns_cost_time_that_is_linear_in_the_text),
        TEST(a_pattern_that_is_too_large_is_refused),
        TEST(unique_items_are_found_without_comparing_all_pairs),
        TEST(subschemas_have_a_limit),
        TEST(reports_have_a_limit),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/schema", tests, NULL, NULL);
}
