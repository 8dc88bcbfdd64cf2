/* Versions and ranges: what is read, what is refused and how, order, and the quirks that charts
 * see; the fuzz corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/semver/semver.h"
#include "support/corpus.h"

#include "fuzz/fuzz_semver.c"

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

static struct semver read_version(const char *text)
{
    struct semver v;
    struct err err;

    if (semver_parse(a, str_from(text), &v, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return v;
}

static bool has(const char *range_text, const char *version_text)
{
    const struct semver_range *range;
    struct semver v = read_version(version_text);
    struct err err;

    if (semver_range_parse(a, str_from(range_text), &range, &err) < 0)
        fail_msg("%s: %s", range_text, err.text);
    return semver_range_has(range, &v);
}

static void refuses(const char *text, const char *why)
{
    struct semver v = {.major = 77};
    struct err err;

    assert_true(semver_parse(a, str_from(text), &v, &err) < 0);
    assert_string_equal(err.text, why);
    assert_int_equal(v.major, 77);
}

static void strictly_refuses(const char *text, const char *why)
{
    struct semver v = {.major = 77};
    struct err err;

    assert_true(semver_parse_strict(a, str_from(text), &v, &err) < 0);
    assert_string_equal(err.text, why);
    assert_int_equal(v.major, 77);
}

static void refuses_range(const char *text, const char *why)
{
    const struct semver_range *range = NULL;
    struct err err;

    assert_true(semver_range_parse(a, str_from(text), &range, &err) < 0);
    assert_string_equal(err.text, why);
    assert_null(range);
}

static void a_lenient_version_fills_what_is_missing(void **state)
{
    struct semver v = read_version("v01.2-rc.1+build.5");

    (void)state;
    assert_int_equal(v.major, 1);
    assert_int_equal(v.minor, 2);
    assert_int_equal(v.patch, 0);
    assert_true(str_eq(v.pre, STR("rc.1")));
    assert_true(str_eq(v.meta, STR("build.5")));
    assert_true(str_eq(v.original, STR("v01.2-rc.1+build.5")));
    assert_true(str_eq(semver_text(a, &v), STR("1.2.0-rc.1+build.5")));
    v = read_version("18446744073709551615");
    assert_true(v.major == UINT64_MAX);
}

static void a_lenient_version_is_refused_in_upstreams_words(void **state)
{
    (void)state;
    refuses("", "invalid semantic version");
    refuses("V1.2.3", "invalid semantic version");
    refuses("1.2.3.4", "invalid semantic version");
    refuses("1.", "invalid semantic version");
    refuses("1.2.3-", "invalid semantic version");
    refuses("1.2.3-a..b", "invalid semantic version");
    refuses("1.2.3\n", "invalid semantic version");
    refuses("1.2.3-01", "version segment starts with 0");
    refuses("1.18446744073709551616",
            "error parsing version segment: strconv.ParseUint: parsing \"18446744073709551616\": "
            "value out of range");
}

static void a_strict_version_has_three_numbers_and_no_more(void **state)
{
    struct semver v;
    struct err err;

    (void)state;
    assert_int_equal(semver_parse_strict(a, STR("1.2.3-a.0-1+x.01"), &v, &err), 0);
    assert_true(str_eq(v.pre, STR("a.0-1")));
    assert_true(str_eq(v.meta, STR("x.01")));
    strictly_refuses("", "version string empty");
    strictly_refuses("1.2", "invalid semantic version");
    strictly_refuses("v1.2.3", "invalid characters in version");
    strictly_refuses("1.2.3.4", "invalid characters in version");
    strictly_refuses("1.02.3", "version segment starts with 0");
    strictly_refuses("1.2.3-", "invalid prerelease string");
    strictly_refuses("1.2.3-a_b", "invalid prerelease string");
    strictly_refuses("1.2.3-1.00", "version segment starts with 0");
    strictly_refuses("1.2.3+a..b", "invalid metadata string");
    strictly_refuses("1..3", "strconv.ParseUint: parsing \"\": invalid syntax");
}

static void versions_stand_in_the_order_of_the_paper(void **state)
{
    /* SemVer 2, 11.4, and the releases around it */
    const char *const ordered[] = {
        "0.9.9",      "1.0.0-1",      "1.0.0-2",       "1.0.0-10",
        "1.0.0--",    "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        "1.0.0",      "1.0.1",        "1.1.0",         "2.0.0"};

    (void)state;
    for (size_t i = 0; i < HL_COUNT(ordered); i++) {
        struct semver left = read_version(ordered[i]);
        for (size_t j = 0; j < HL_COUNT(ordered); j++) {
            struct semver right = read_version(ordered[j]);
            assert_int_equal(semver_cmp(&left, &right), (i > j) - (i < j));
        }
    }
    struct semver plain = read_version("1.0.0");
    struct semver built = read_version("1.0.0+5");
    assert_int_equal(semver_cmp(&plain, &built), 0);
}

static void operators_hold_for_what_they_say(void **state)
{
    (void)state;
    assert_true(has("=1.2.3", "1.2.3") && !has("1.2.3", "1.2.4"));
    assert_true(has("!=1.2.3", "1.2.4") && !has("!=1.2.3", "1.2.3"));
    assert_true(has(">1.2.3", "1.2.4") && !has(">1.2.3", "1.2.3"));
    assert_true(has("<1.2.3", "1.2.2") && !has("<1.2.3", "1.2.3"));
    assert_true(has("=>1.2.3", "1.2.3") && !has(">=1.2.3", "1.2.2"));
    assert_true(has("=<1.2.3", "1.2.3") && !has("<=1.2.3", "1.2.4"));
    assert_true(has("~1.2.3", "1.2.9") && !has("~>1.2.3", "1.3.0"));
    assert_true(has("^1.2.3", "1.9.0") && !has("^1.2.3", "2.0.0"));
    assert_true(has("^0.2.3", "0.2.9") && !has("^0.2.3", "0.3.0"));
    assert_true(has("^0.0.3", "0.0.3") && !has("^0.0.3", "0.0.4"));
    assert_true(has(">=1, <2 || 3.x", "3.7.1") && !has(">=1 <2||3", "2.5.0"));
    assert_true(has("1.2 - 2.3", "2.3.9") && !has("1.2 - 2.3", "2.4.0"));
}

static void partial_versions_mean_all_that_they_begin(void **state)
{
    (void)state;
    assert_true(has("1.2", "1.2.9") && !has("1.2.x", "1.3.0"));
    assert_true(has(">1.2", "1.3.0") && !has(">1.2", "1.2.9"));
    assert_true(has("<=1.2", "1.2.9") && !has("<=1.2", "1.3.0"));
    assert_true(has("!=1", "2.0.0") && !has("!=1", "1.5.0"));
    assert_true(has("^0", "0.9.0") && has("^0.0", "0.0.9") && !has("^0.0", "0.1.0"));
    assert_true(has("*", "7.0.0") && has("~0.0.0", "7.0.0") && has("x.1.2", "9.9.9"));
    assert_true(has("!=*", "0.0.1") && !has("!=*", "0.0.0"));
}

static void prereleases_need_a_clause_that_names_one(void **state)
{
    (void)state;
    assert_false(has(">=1.19", "1.28.3-gke.100"));
    assert_true(has(">=1.19-0", "1.28.3-gke.100"));
    assert_true(has(">=1.19-0 <2", "1.28.3-gke.100"));
    assert_false(has(">=1.19-0 <2 || *", "3.0.0-rc.1"));
    assert_true(has("!=1.2-a", "1.2.0-b") && !has("!=1.2-a", "1.2.5-a"));
}

static void an_improper_range_is_quoted(void **state)
{
    (void)state;
    refuses_range("", "improper constraint: \"\"");
    refuses_range("1 ||", "improper constraint: \"\"");
    refuses_range(">>1", "improper constraint: \">>1\"");
    refuses_range(">=1 ,", "improper constraint: \">=1 ,\"");
    refuses_range("1 -2", "improper constraint: \"1 -2\"");
    refuses_range("\"\t\xc3\xa4\xff\"", "improper constraint: \"\\\"\\t\xc3\xa4\\xff\\\"\"");
    refuses_range("1.2|3", "constraint parser error");
    refuses_range("1.2|3 x y", "improper constraint: \"1.2|3 x y\"");
    refuses_range("1.2.3-01", "constraint parser error");
}

static void limits_are_upstreams(void **state)
{
    char text[700];
    const struct semver_range *range;
    struct semver v;
    struct err err;

    (void)state;
    memset(text, '0', sizeof(text));
    assert_int_equal(semver_parse(a, (struct str){text, SEMVER_BYTES_MAX}, &v, &err), 0);
    assert_int_equal(semver_parse(a, (struct str){text, SEMVER_BYTES_MAX + 1}, &v, &err),
                     HL_ELIMIT);
    assert_string_equal(err.text, "version string is too long (max 256 bytes)");
    struct str too_long = {text, SEMVER_RANGE_BYTES_MAX + 1};
    assert_int_equal(semver_range_parse(a, too_long, &range, &err), HL_ELIMIT);
    assert_string_equal(err.text, "constraint string is too long (max 512 bytes)");
    for (size_t i = 0; i < 33; i++)
        memcpy(text + 3 * i, "1||", 3);
    assert_int_equal(semver_range_parse(a, (struct str){text, 3 * 31 + 1}, &range, &err), 0);
    assert_int_equal(semver_range_parse(a, (struct str){text, 3 * 32 + 1}, &range, &err),
                     HL_ELIMIT);
    assert_string_equal(err.text, "too many constraint groups (max 32)");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_semver", run_corpus_file, NULL) >= 6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lenient_version_fills_what_is_missing),
        TEST(a_lenient_version_is_refused_in_upstreams_words),
        TEST(a_strict_version_has_three_numbers_and_no_more),
        TEST(versions_stand_in_the_order_of_the_paper),
        TEST(operators_hold_for_what_they_say),
        TEST(partial_versions_mean_all_that_they_begin),
        TEST(prereleases_need_a_clause_that_names_one),
        TEST(an_improper_range_is_quoted),
        TEST(limits_are_upstreams),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/semver", tests, NULL, NULL);
}
