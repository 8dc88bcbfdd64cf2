/* Paths that stay inside, and Argo CD's globs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/path.h"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void assert_clean(const char *path, const char *expected)
{
    struct str out;
    assert_int_equal(path_clean(arena, str_from(path), &out, NULL), 0);
    assert_string_equal(arena_cstr(arena, out), expected);
}

static void a_path_is_cleaned_of_empty_parts_and_dots(void **state)
{
    (void)state;
    assert_clean("a/b/c", "a/b/c");
    assert_clean("a//b/./c/", "a/b/c");
    assert_clean("./a", "a");
    assert_clean("", "");
    assert_clean(".", "");
    assert_clean("a/..b/c..", "a/..b/c..");
}

static void a_path_that_would_leave_the_repository_is_denied(void **state)
{
    struct str out;
    struct err err;

    (void)state;
    assert_int_equal(path_clean(arena, STR("/etc/passwd"), &out, &err), HL_EDENIED);
    assert_int_equal(path_clean(arena, STR("../x"), &out, &err), HL_EDENIED);
    assert_int_equal(path_clean(arena, STR("a/../b"), &out, &err), HL_EDENIED);
    assert_non_null(strstr(err.text, "\"a/../b\""));
    assert_int_equal(path_clean(arena, STR("a/.."), &out, &err), HL_EDENIED);
}

static void a_path_of_bad_bytes_or_too_long_is_refused(void **state)
{
    char text[PATH_BYTES_MAX + 2];
    struct str out;
    struct err err;

    (void)state;
    assert_int_equal(path_clean(arena, STR("a\0b"), &out, &err), HL_EINVAL);
    assert_int_equal(path_clean(arena, STR("a\\b"), &out, &err), HL_EINVAL);
    assert_int_equal(path_clean(arena, STR("a\nb"), &out, &err), HL_EINVAL);
    assert_int_equal(path_clean(arena, STR("\xff"), &out, &err), HL_EINVAL);
    memset(text, 'a', sizeof(text));
    assert_int_equal(path_clean(arena, (struct str){text, PATH_BYTES_MAX}, &out, &err), 0);
    assert_int_equal(path_clean(arena, (struct str){text, PATH_BYTES_MAX + 1}, &out, &err),
                     HL_ELIMIT);
    for (size_t i = 1; i < sizeof(text); i += 2)
        text[i] = '/';
    assert_int_equal(path_clean(arena, (struct str){text, 2 * PATH_PARTS_MAX}, &out, &err), 0);
    assert_int_equal(path_clean(arena, (struct str){text, 2 * PATH_PARTS_MAX + 1}, &out, &err),
                     HL_ELIMIT);
}

static void paths_are_joined_and_taken_apart(void **state)
{
    (void)state;
    assert_true(str_eq(path_join(arena, STR("a"), STR("b/c")), STR("a/b/c")));
    assert_true(str_eq(path_join(arena, STR(""), STR("b")), STR("b")));
    assert_true(str_eq(path_join(arena, STR("a"), STR("")), STR("a")));
    /* a NUL in a name may not make it another name */
    assert_true(str_eq(path_join(arena, STR("a\0b"), STR("c\0d")), STR("a\0b/c\0d")));
    assert_true(str_eq(path_base(STR("a/b.yaml")), STR("b.yaml")));
    assert_true(str_eq(path_base(STR("b")), STR("b")));
}

static bool hits(const char *pattern, const char *path)
{
    return glob_match(str_from(pattern), str_from(path));
}

static void stars_match_across_slashes(void **state)
{
    (void)state;
    assert_true(hits("*", "a/b/c.yaml"));
    assert_true(hits("*.yaml", "a/b/c.yaml"));
    assert_true(hits("**/c.yaml", "a/b/c.yaml"));
    assert_false(hits("**/c.yaml", "c.yaml"));
    assert_true(hits("a*c", "abbbc"));
    assert_false(hits("a*c", "abbb"));
    assert_true(hits("", ""));
    assert_false(hits("", "a"));
}

static void question_marks_and_classes_match_one_character(void **state)
{
    (void)state;
    assert_true(hits("a?c", "a/c"));
    assert_true(hits("a?c", "a\xc3\xa4"
                            "c"));
    assert_false(hits("a?c", "ac"));
    assert_true(hits("[a-c]x", "bx"));
    assert_false(hits("[!a-c]x", "bx"));
    assert_true(hits("[!a-c]x", "dx"));
    assert_true(hits("[abc]", "c"));
    assert_true(hits("\\*", "*"));
    assert_false(hits("\\*", "a"));
}

static void braces_hold_alternatives_and_bare_commas_are_commas(void **state)
{
    (void)state;
    assert_true(hits("{a,b}.yaml", "b.yaml"));
    assert_false(hits("{a,b}.yaml", "c.yaml"));
    assert_true(hits("{a,b{c,d}}x", "bdx"));
    assert_true(hits("{*.yml,test/**}", "test/a/b"));
    assert_true(hits("a{,b}c", "ac"));
    assert_false(hits("_archived/**,**/workflows/**", "_archived/x.yaml"));
    assert_true(hits("a,b", "a,b"));
}

static void malformed_patterns_are_named_and_match_nothing(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(glob_check(STR("a[b"), &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "byte 2"));
    assert_int_equal(glob_check(STR("{a,b"), &err), HL_EINVAL);
    assert_false(hits("{a,b", "a"));
    assert_int_equal(glob_check(STR("a}b"), &err), 0);
}

static void a_pattern_made_to_explode_runs_out_of_budget(void **state)
{
    char text[512];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_false(hits("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
    assert_false(hits("{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}"
                      "{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}b",
                      text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_cleaned_of_empty_parts_and_dots),
        cmocka_unit_test(a_path_that_would_leave_the_repository_is_denied),
        cmocka_unit_test(a_path_of_bad_bytes_or_too_long_is_refused),
        cmocka_unit_test(paths_are_joined_and_taken_apart),
        cmocka_unit_test(stars_match_across_slashes),
        cmocka_unit_test(question_marks_and_classes_match_one_character),
        cmocka_unit_test(braces_hold_alternatives_and_bare_commas_are_commas),
        cmocka_unit_test(malformed_patterns_are_named_and_match_nothing),
        cmocka_unit_test(a_pattern_made_to_explode_runs_out_of_budget),
    };
    return cmocka_run_group_tests_name("core/desired/path", tests, setup, teardown);
}
