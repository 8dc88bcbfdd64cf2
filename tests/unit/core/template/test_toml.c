/* TOML in and out, where the vectors of helm do not go: every kind of value, the library's error
 * texts, what a key may still define, and limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/template/time.h"
#include "core/template/toml.h"
#include "support/corpus.h"

#include "fuzz/fuzz_toml.c"

static struct arena *arena;
static const struct template_world world = {.now_s = 0};

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct str written(struct datum d)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str error = STR_NONE;

    if (toml_write(&out, arena, d, 1 << 20, &error) < 0)
        return error;
    return arena_dup(arena, buf_str(&out));
}

/* What is read comes out as `wanted`, an error as its text. */
static void gives(const char *text, const char *wanted)
{
    struct datum_map *m;
    struct str result;

    if (toml_read(&world, arena, str_from(text), &m, &result) == 0)
        result = written(datum_of_map(m));
    assert_string_equal(arena_cstr(arena, result), wanted);
}

static struct datum value(const char *text)
{
    struct datum_map *m;
    struct str error;

    if (toml_read(&world, arena, str_from(text), &m, &error) < 0)
        fail_msg(STR_FMT, STR_ARG(error));
    return datum_map_find(m, STR("a"))->value;
}

static void values_have_gos_types(void **state)
{
    (void)state;
    assert_int_equal(value("a = 0xDEAD_BEEF").type, DATUM_INT64);
    assert_int_equal(value("a = 0xDEAD_BEEF").integer, 0xdeadbeef);
    assert_int_equal(value("a = 1.0").type, DATUM_FLOAT64);
    assert_int_equal(value("a = []").type, DATUM_LIST);
    assert_int_equal(value("a = {}").type, DATUM_MAP);
    assert_int_equal(value("[[a]]").type, DATUM_MAPS);
    assert_int_equal(value("a = true").type, DATUM_BOOL);
}

static void numbers_are_read_in_every_form(void **state)
{
    (void)state;
    gives("a = +1_000\nb = 0o17\nc = 0b101\nd = -0\n", "a = 1000\nb = 15\nc = 5\nd = 0\n");
    gives("a = 1e3\nb = -1.5E-2\nc = inf\nd = -nan\ne = 6.626e-34\n",
          "a = 1000.0\nb = -0.015\nc = inf\nd = -nan\ne = 6.626e-34\n");
    assert_true(signbit(value("a = -nan").number));
    gives("a = 01",
          "toml: line 1 (last key \"a\"): Invalid integer \"01\": cannot have leading zeroes");
    gives("a = 1__0",
          "toml: line 1 (last key \"a\"): Invalid integer \"1__0\": underscores must be "
          "surrounded by digits");
    gives("a = 9223372036854775808",
          "toml: line 1 (last key \"a\"): 9223372036854775808 is out of range for int64");
    gives("a = 1e400", "toml: line 1 (last key \"a\"): 1e400 is out of range for float64");
    gives("a = 1.e2",
          "toml: line 1 (last key \"a\"): Invalid float \"1.e2\": '.' must be followed by "
          "one or more digits");
    gives("a = 1.2.3", "toml: line 1 (last key \"a\"): Invalid float value: \"1.2.3\"");
    gives("a = +0x1",
          "toml: line 1 (last key \"a\"): cannot use sign with non-decimal numbers: '+0x'");
    gives("a = 0b2", "toml: line 1 (last key \"a\"): not a binary number: '0b2'");
    gives("a = intx", "toml: line 1 (last key \"a\"): expected value but found \"ntx\" instead");
}

static void strings_are_read_in_every_form(void **state)
{
    (void)state;
    gives("a = \"x\\t\\u00e9\\x41\\e\"", "a = \"x\\t\xc3\xa9"
                                         "A\\u001b\"\n");
    gives("a = 'C:\\x'", "a = \"C:\\\\x\"\n");
    gives("a = \"\"\"\none \\\n   two\"\"\"\"\"", "a = \"one two\\\"\\\"\"\n");
    gives("a = '''\nx'y'''", "a = \"x'y\"\n");
    gives("a = \"x\n\"", "toml: line 1 (last key \"a\"): strings cannot contain newlines");
    gives("a = \"\\q\"", "toml: line 1 (last key \"a\"): invalid escape in string '\\q'");
    gives("a = \"\\ud800\"",
          "toml: line 1 (last key \"a\"): Escaped character '\\ud800' is not valid "
          "UTF-8.");
    gives("a = \"\"\"x\"\"\"\"\"\"", "toml: line 1 (last key \"a\"): unexpected '\"\"\"\"\"\"'");
    gives("a = \"\xff\"", "toml: line 1 (last key \"a\"): invalid UTF-8 byte: 0xff");
    gives("a = \"\x01\"", "toml: line 1 (last key \"a\"): TOML files cannot contain control "
                          "characters: '0x01'");
}

static void times_keep_what_they_were(void **state)
{
    (void)state;
    gives("a = 1979-05-27T07:32:00.5Z\nb = 1979-05-27 07:32\nc = 1979-05-27\nd = 07:32:01.25\n",
          "a = 1979-05-27T07:32:00.5Z\nb = 1979-05-27T07:32:00\nc = 1979-05-27\nd = 07:32:01.25\n");
    gives("a = 1979-05-27t07:32:00+02:00", "a = 1979-05-27T07:32:00+02:00\n");
    assert_non_null(moment_of(value("a = 07:32")));
    gives("a = 1979-13-27", "toml: line 1 (last key \"a\"): invalid datetime: \"1979-13-27\"");
}

static void tables_are_written_behind_values_in_order(void **state)
{
    (void)state;
    gives("[b]\nx = 1\n[a.c]\ny = [1, 'z']\n[[l]]\ni = 1\n[[l]]\n[l.m]\nj = {k = 2}\n",
          "[a]\n  [a.c]\n    y = [1, \"z\"]\n\n[b]\n  x = 1\n\n[[l]]\n  i = 1\n\n[[l]]\n  [l.m]\n"
          "    [l.m.j]\n      k = 2\n");
    gives("\"a b\".\"\" = 1", "[\"a b\"]\n  \"\" = 1\n");
    gives("a = [{x = 1, y = {z = 2}}, 3]", "a = [{x = 1, y = {z = 2}}, 3]\n");
}

static void a_key_is_defined_once(void **state)
{
    (void)state;
    gives("a = 1\na = 2\n", "toml: line 2 (last key \"a\"): Key 'a' has already been defined.");
    gives("[a]\n[a]\n", "toml: line 2: Key 'a' has already been defined.");
    gives("[a.b]\n[a]\nx = 1\n", "[a]\n  x = 1\n  [a.b]\n");
    gives("a.b = 1\n[a]\n", "[a]\n  b = 1\n"); /* the library is lenient here */
    gives("a = [1]\n[[a]]\n",
          "toml: line 2: Key 'a' was already created and cannot be used as an array.");
    gives("a = {b = 1}\na.c = 2\n", "[a]\n  b = 1\n  c = 2\n"); /* and here */
}

static void what_is_missing_or_too_much_is_named_with_its_line(void **state)
{
    (void)state;
    gives("\n\na\n", "toml: line 3: expected '.' or '=', but got '\\n' instead");
    gives("a = \n", "toml: line 1 (last key \"a\"): expected value but found '\\n' instead");
    gives("a = 1 b",
          "toml: line 1: expected a top-level item to end with a newline, comment, or EOF, "
          "but got 'b' instead");
    gives("a = [1, 2", "toml: line 1 (last key \"a\"): expected a comma (',') or array terminator "
                       "(']'), but got end of file");
    gives("a = {b = 1", "toml: line 1 (last key \"a.b\"): expected a comma or an inline table "
                        "terminator '}', but got end of file instead");
    gives("a = [,]", "toml: line 1 (last key \"a\"): unexpected comma");
    gives("[]", "toml: line 1: unexpected end of table name (table names cannot be empty)");
    gives("[a.]", "toml: line 1: unexpected end of table name (table names cannot be empty)");
    gives(".a = 1", "toml: line 1: unexpected '.': keys cannot start with a '.'");
}

static void what_has_no_toml_is_refused(void **state)
{
    struct datum_list *list = datum_list_new(arena, 1);
    struct datum_map *m = datum_map_new(arena);

    (void)state;
    datum_map_set(arena, m, STR("l"), datum_of_list(DATUM_LIST, list));
    assert_string_equal(written(datum_of_map(m)).ptr, "toml: cannot encode array with nil element");
    list->item[0] = datum_of_map(datum_map_new(arena));
    assert_string_equal(written(datum_of_list(DATUM_LIST, list)).ptr,
                        "toml: top-level values must be Go maps or structs");
    datum_map_set(arena, m, STR("l"), datum_nil()); /* a nil is left out */
    assert_int_equal(written(datum_of_map(m)).len, 0);
    datum_map_set(arena, m, STR("l"),
                  (struct datum){.type = DATUM_DURATION, .integer = 5000000000});
    assert_string_equal(arena_cstr(arena, written(datum_of_map(m))), "l = \"5s\"\n");
}

static void nesting_and_size_are_bounded(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct datum_map *m = datum_map_new(arena);
    struct str error;

    (void)state;
    buf_add_cstr(&text, "a = ");
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, '[');
    assert_int_equal(toml_read(&world, arena, buf_str(&text), &m, &error), HL_ELIMIT);
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_cstr(&text, "a.");
    buf_add_cstr(&text, "a = 1");
    assert_int_equal(toml_read(&world, arena, buf_str(&text), &m, &error), HL_ELIMIT);
    /* A map in itself ends by the depth, one long name in many tables by the size. */
    datum_map_set(arena, m, STR("m"), datum_of_map(m));
    assert_int_equal(toml_write(&out, arena, datum_of_map(m), 1 << 20, &error), HL_ELIMIT);
    assert_true(out.len < 4 << 20);
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_toml", run_corpus_file, NULL) >= 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_have_gos_types),
        TEST(numbers_are_read_in_every_form),
        TEST(strings_are_read_in_every_form),
        TEST(times_keep_what_they_were),
        TEST(tables_are_written_behind_values_in_order),
        TEST(a_key_is_defined_once),
        TEST(what_is_missing_or_too_much_is_named_with_its_line),
        TEST(what_has_no_toml_is_refused),
        TEST(nesting_and_size_are_bounded),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/template: TOML", tests, NULL, NULL);
}
