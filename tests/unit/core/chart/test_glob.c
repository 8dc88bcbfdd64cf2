/* File patterns: what they match, upstream's mistakes that charts live with, refusals and limits;
 * the fuzz corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/chart/glob.h"
#include "support/corpus.h"

#include "fuzz/fuzz_glob.c"

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

static int match(struct str pattern, struct str name, bool *out, struct err *err)
{
    const struct chart_glob *g;
    int rc = chart_glob_parse(a, pattern, &g, err);

    return rc < 0 ? rc : chart_glob_match(g, name, out, err);
}

static bool matches(const char *pattern, const char *name)
{
    bool is_match;
    struct err err;

    if (match(str_from(pattern), str_from(name), &is_match, &err) < 0)
        fail_msg("%s: %s", pattern, err.text);
    return is_match;
}

static void refuses(const char *pattern, const char *why)
{
    const struct chart_glob *g = NULL;
    struct err err;

    assert_int_equal(chart_glob_parse(a, str_from(pattern), &g, &err), HL_EINVAL);
    assert_string_equal(err.text, why);
    assert_null(g);
}

static void one_star_stays_in_its_folder_and_two_do_not(void **state)
{
    (void)state;
    assert_true(matches("files/*", "files/x") && !matches("files/*", "files/x/y"));
    assert_true(matches("files/**", "files/x/y") && !matches("files/**", "file/x"));
    assert_true(matches("**.yaml", "conf/a/b.yaml") && !matches("*.yaml", "conf/b.yaml"));
    assert_true(matches("**/*.json", "a/b.json") && !matches("**/*.json", "b.json"));
    assert_true(matches("a*b*c", "axxbyc") && !matches("a*b*c", "axxb/yc"));
}

static void sets_and_marks_take_one_character(void **state)
{
    (void)state;
    assert_true(matches("?.txt", "a.txt") && !matches("?.txt", "/.txt"));
    assert_true(matches("[ab]x", "bx") && !matches("[ab]x", "cx"));
    assert_true(matches("[!ab]x", "cx") && !matches("[!ab]x", "bx"));
    assert_true(matches("[a-c]", "b") && !matches("[!a-c]", "b") && matches("[!a-c]", "d"));
    assert_true(matches("[^a]", "^") && matches("[\\]]", "]") && matches("[--0]", "."));
    assert_true(matches("\\*\\{", "*{") && !matches("\\*", "x"));
}

static void braces_hold_patterns(void **state)
{
    (void)state;
    assert_true(matches("{a,b}.txt", "b.txt") && !matches("{a,b}.txt", "c.txt"));
    assert_true(matches("a/{b/{c,d},*.y{a,}ml}", "a/b/d"));
    assert_true(matches("a/{b/{c,d},*.y{a,}ml}", "a/x.yml"));
    assert_true(matches("x{ab,ac,ad}y", "xady") && !matches("x{ab,ac}y", "xay"));
    assert_true(matches("{a", "a") && matches("a}", "a}") && matches("a,b", "a,b"));
}

static void upstreams_mistakes_are_kept(void **state)
{
    struct err err;
    bool is_match;

    (void)state;
    assert_true(matches("?", "") && matches("[!a]", ""));
    assert_false(matches("?.txt", "\xc3\xa9.txt"));
    assert_true(matches("b**b", "b"));
    assert_false(matches("a***", "a"));
    assert_false(matches("{*.a,b}?", "x.ay"));
    assert_true(matches("[!ab][!ab]", "ba") && !matches("[!ab][!ab]", "ab"));
    assert_int_equal(match(STR("a{,}"), STR("a"), &is_match, &err), HL_EINVAL);
    assert_string_equal(err.text, "runtime error: slice bounds out of range [:2] with length 1");
}

static void malformed_patterns_are_refused_in_upstreams_words(void **state)
{
    (void)state;
    refuses("[", "unexpected end of input");
    refuses("a[b", "unexpected end of input");
    refuses("[a-", "unexpected end of input");
    refuses("[]", "could not parse range");
    refuses("[a-cd]", "expected close range character");
    refuses("[b-a]", "hi character 'a' should be greater than lo 'b'");
    refuses("a\xff", "could not read rune");
}

static void a_nul_ends_a_pattern_or_a_text(void **state)
{
    bool is_match = false;
    struct err err;

    (void)state;
    assert_int_equal(match(STR("a*\0b"), STR("ab"), &is_match, &err), 0);
    assert_true(is_match);
    assert_int_equal(match(STR("a\0b"), STR("ab"), &is_match, &err), 0);
    assert_true(is_match);
}

static void limits_are_errors(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    static char name[CHART_GLOB_NAME_MAX + 1];
    bool is_match;
    struct err err;

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_int_equal(match(STR("*"), (struct str){name, sizeof(name)}, &is_match, &err), HL_ELIMIT);
    assert_int_equal(match((struct str){name, CHART_GLOB_PATTERN_MAX}, STR("a"), &is_match, &err),
                     0);
    assert_int_equal(
        match((struct str){name, CHART_GLOB_PATTERN_MAX + 1}, STR("a"), &is_match, &err),
        HL_ELIMIT);
    for (size_t i = 0; i <= CHART_GLOB_SEQUENCE_MAX; i++)
        buf_add_cstr(&b, "?");
    assert_int_equal(match(buf_str(&b), STR("a"), &is_match, &err), HL_ELIMIT);
    buf_reset(&b);
    for (size_t i = 0; i <= CHART_GLOB_DEPTH_MAX; i++)
        buf_add_cstr(&b, "{");
    assert_int_equal(match(buf_str(&b), STR("a"), &is_match, &err), HL_ELIMIT);
    buf_reset(&b);
    buf_add_byte(&b, '{');
    for (size_t i = 0; i < CHART_GLOB_NODES_MAX / 2; i++)
        buf_add_cstr(&b, "a,");
    assert_int_equal(match(buf_str(&b), STR("a"), &is_match, &err), HL_ELIMIT);
}

static void a_pattern_that_would_take_for_ever_is_stopped(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    static char name[CHART_GLOB_NAME_MAX];
    bool is_match;
    struct err err;

    (void)state;
    memset(name, 'a', sizeof(name));
    for (size_t i = 0; i < 20; i++)
        buf_add_cstr(&b, "*a");
    buf_add_cstr(&b, "b");
    assert_int_equal(match(buf_str(&b), (struct str){name, 200}, &is_match, &err), 0);
    assert_false(is_match);
    assert_int_equal(
        match(STR("*a*a*a*a*a*a*a"), (struct str){name, sizeof(name)}, &is_match, &err), HL_ELIMIT);
    assert_string_equal(err.text, "pattern needs more than 2000000 steps");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_glob", run_corpus_file, NULL) >= 8);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_star_stays_in_its_folder_and_two_do_not),
        TEST(sets_and_marks_take_one_character),
        TEST(braces_hold_patterns),
        TEST(upstreams_mistakes_are_kept),
        TEST(malformed_patterns_are_refused_in_upstreams_words),
        TEST(a_nul_ends_a_pattern_or_a_text),
        TEST(limits_are_errors),
        TEST(a_pattern_that_would_take_for_ever_is_stopped),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/chart glob", tests, NULL, NULL);
}
