/* .helmignore: how patterns meet paths, what negation means, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/chart/ignore.h"

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

static bool ignores_kind(const char *text, const char *path, bool is_dir)
{
    const struct ignore_rules *rules;
    struct err err;

    if (ignore_parse(a, str_from(text), &rules, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return ignore_has(rules, str_from(path), is_dir);
}

static bool ignores(const char *text, const char *path)
{
    return ignores_kind(text, path, false);
}

static bool matches(const char *pattern, const char *name)
{
    bool is_match;
    struct err err;

    if (ignore_match(str_from(pattern), str_from(name), &is_match, &err) < 0)
        fail_msg("%s: %s", pattern, err.text);
    return is_match;
}

static void a_bare_pattern_is_for_names_anywhere(void **state)
{
    (void)state;
    assert_true(ignores("*.txt", "a.txt") && ignores("*.txt", "a/b/c.txt"));
    assert_false(ignores("*.txt", "a.md"));
    assert_true(ignores("b", "a/b") && !ignores("a", "a/b"));
}

static void a_slash_makes_it_the_whole_path(void **state)
{
    (void)state;
    assert_true(ignores("a/b", "a/b") && !ignores("a/b", "x/a/b"));
    assert_true(ignores("/a", "a") && !ignores("/a", "b/a"));
    assert_true(ignores("//a", "a"));
    assert_true(ignores("a/*", "a/b") && !ignores("a/*", "a/b/c"));
}

static void a_slash_at_the_end_wants_a_folder(void **state)
{
    (void)state;
    assert_true(ignores_kind("a/", "a", true) && !ignores_kind("a/", "a", false));
    assert_true(ignores_kind("a/b/", "a/b", true) && !ignores_kind("a/b/", "b", true));
}

static void negation_ignores_what_it_does_not_match(void **state)
{
    (void)state;
    assert_true(ignores("!keep", "other") && !ignores("!keep", "keep"));
    assert_true(ignores("*.txt\n!a.txt", "a.txt"));
    assert_true(ignores_kind("!a/", "a", false) && !ignores_kind("!a/", "a", true));
}

static void comments_blanks_and_a_byte_order_mark_are_no_rules(void **state)
{
    (void)state;
    assert_true(ignores("\xEF\xBB\xBF# c\r\n\n \xc2\xa0*.md \t\r\n", "x.md"));
    assert_false(ignores("#a\n\xe3\x80\x80\n", "#a"));
}

static void hidden_files_of_templates_are_ignored_without_a_rule(void **state)
{
    (void)state;
    assert_true(ignores("", "templates/.foo") && !ignores("", "templates/."));
    assert_false(ignores("", "templates/a/.foo"));
}

static void the_chart_itself_is_never_ignored(void **state)
{
    (void)state;
    assert_false(ignores("!x", "") || ignores("!x", ".") || ignores("!x", "./"));
}

static void patterns_are_gos(void **state)
{
    (void)state;
    assert_true(matches("a*c", "abbc") && !matches("a*c", "ab/c"));
    assert_true(matches("*a*ab", "xaaab") && matches("*x", "xxx"));
    assert_true(matches("[^a-c]?", "d\xc3\xa9") && !matches("[^a-c]", "b"));
    assert_true(matches("[\\]-a]", "^") && matches("\\*", "*") && !matches("\\*", "x"));
    assert_true(matches("[a*]b", "*b"));
}

static void malformed_patterns_are_refused(void **state)
{
    const struct ignore_rules *rules = NULL;
    const char *const malformed[] = {"[", "a[", "[]a]", "[a-]", "[-a]", "\\", "[a\xff]", "x[\\"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(malformed); i++) {
        assert_int_equal(ignore_parse(a, str_from(malformed[i]), &rules, &err), HL_EINVAL);
        assert_string_equal(err.text, "syntax error in pattern");
    }
    assert_int_equal(ignore_parse(a, STR("a/**/b"), &rules, &err), HL_EINVAL);
    assert_string_equal(err.text, "double-star (**) syntax is not supported");
    assert_null(rules);
}

static void limits_are_errors(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    const struct ignore_rules *rules = NULL;
    static char long_rule[IGNORE_RULE_MAX + 1];
    struct err err;

    (void)state;
    memset(long_rule, 'a', sizeof(long_rule));
    assert_int_equal(ignore_parse(a, (struct str){long_rule, sizeof(long_rule)}, &rules, &err),
                     HL_ELIMIT);
    for (size_t i = 0; i < IGNORE_RULES_MAX; i++)
        buf_add_cstr(&b, "a\n");
    assert_int_equal(ignore_parse(a, buf_str(&b), &rules, &err), HL_ELIMIT);
    assert_null(rules);
    assert_int_equal(ignore_parse(a, str_sub(buf_str(&b), 2, b.len), &rules, &err), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bare_pattern_is_for_names_anywhere),
        TEST(a_slash_makes_it_the_whole_path),
        TEST(a_slash_at_the_end_wants_a_folder),
        TEST(negation_ignores_what_it_does_not_match),
        TEST(comments_blanks_and_a_byte_order_mark_are_no_rules),
        TEST(hidden_files_of_templates_are_ignored_without_a_rule),
        TEST(the_chart_itself_is_never_ignored),
        TEST(patterns_are_gos),
        TEST(malformed_patterns_are_refused),
        TEST(limits_are_errors),
    };
    return cmocka_run_group_tests_name("core/chart ignore", tests, NULL, NULL);
}
