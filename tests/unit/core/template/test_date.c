/* Times by Go's layouts, out and in; durations. What sprig prints is in the conformance vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/template/time.h"

static struct arena *a;
static const struct template_world utc_world = {.now_s = 0};

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

static struct str shown(const struct moment *m, const char *layout)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    moment_format(&text, m, str_from(layout));
    return arena_dup(a, buf_str(&text));
}

static void prints(int64_t s, uint32_t ns, const char *layout, const char *wanted)
{
    struct moment m = moment_utc(s, ns);

    assert_string_equal(shown(&m, layout).ptr, wanted);
}

/* Read by one layout, written by RFC 3339's. */
static void reads(const char *layout, const char *text, const char *wanted)
{
    struct moment m;
    struct str error;

    if (moment_parse(&utc_world, a, str_from(layout), str_from(text), &m, &error) < 0)
        fail_msg(STR_FMT, STR_ARG(error));
    assert_string_equal(shown(&m, "2006-01-02T15:04:05.999999999Z07:00").ptr, wanted);
}

static void refuses(const char *layout, const char *text, const char *why)
{
    struct moment m;
    struct str error = STR_NONE;

    assert_int_equal(moment_parse(&utc_world, a, str_from(layout), str_from(text), &m, &error),
                     HL_EINVAL);
    assert_string_equal(error.ptr, why);
}

static void layouts_write_every_part(void **state)
{
    (void)state;
    prints(0, 0, "Mon Jan _2 15:04:05 MST 2006", "Thu Jan  1 00:00:00 UTC 1970");
    prints(1233810057, 12345678, "2006-01-02 03:04:05.000 PM -0700 Z07:00 __2 002",
           "2009-02-05 05:00:57.012 AM +0000 Z  36 036");
    prints(1233810057, 100000000, ".999999 ,000 January Monday 1 2 06 _2006 pm",
           ".1 ,100 February Thursday 2 5 09 _2009 am");
    prints(-62135596800, 0, "2006-01-02", "0001-01-01");
    prints(253402300800, 0, "2006 Januaryx Janx", "10000 Januaryx Janx");
}

static void layouts_read_what_they_write(void **state)
{
    (void)state;
    reads("2006-01-02T15:04:05Z07:00", "2020-02-29T23:59:58.25+01:30",
          "2020-02-29T23:59:58.25+01:30");
    reads("Mon, 02 Jan 2006 15:04:05 MST", "Thu, 05 Feb 2009 05:00:57 UTC", "2009-02-05T05:00:57Z");
    reads("3:04PM", "12:05AM", "0000-01-01T00:05:00Z");
    reads("Jan _2 06", "feb  3 70", "1970-02-03T00:00:00Z");
    reads("2006-002", "2024-060", "2024-02-29T00:00:00Z");
    reads("15:04:05,000", "01:02:03,456", "0000-01-01T01:02:03.456Z");
}

static void what_is_no_time_is_refused_in_gos_words(void **state)
{
    (void)state;
    refuses("2006-01-02", "2020-13-01", "parsing time \"2020-13-01\": month out of range");
    refuses("2006-01-02", "2021-02-29", "parsing time \"2021-02-29\": day out of range");
    refuses("2006-01-02", "x",
            "parsing time \"x\" as \"2006-01-02\": cannot parse \"x\" as \"2006\"");
    refuses("2006-01-02", "2020-01-01 x", "parsing time \"2020-01-01 x\": extra text: \" x\"");
    refuses("2006-01-02", "2020/01/01",
            "parsing time \"2020/01/01\" as \"2006-01-02\": cannot parse \"/01/01\" as \"-\"");
}

static void durations_are_sums_of_units(void **state)
{
    struct str error;
    int64_t ns;

    (void)state;
    assert_int_equal(duration_parse(a, STR("-1h2.5m3s4ms5us6ns"), &ns, &error), 0);
    assert_true(ns == -(3600000000000 + 150000000000 + 3004005006));
    assert_int_equal(duration_parse(a, STR("1"), &ns, &error), HL_EINVAL);
    assert_string_equal(error.ptr, "time: missing unit in duration \"1\"");
    assert_int_equal(duration_parse(a, STR("1d"), &ns, &error), HL_EINVAL);
    assert_string_equal(error.ptr, "time: unknown unit \"d\" in duration \"1d\"");
    assert_int_equal(duration_parse(a, STR("9999999999h"), &ns, &error), HL_EINVAL);
    assert_true(duration_round(1500000000, 1000000000) == 2000000000);
}

static void months_that_overflow_are_later_ones(void **state)
{
    struct moment m = moment_utc(1580428800, 0); /* 2020-01-31 */
    struct civil civil = moment_civil(&m);

    (void)state;
    civil.month += 1;
    m = moment_of_civil(&utc_world, &m, &civil, 0);
    assert_string_equal(shown(&m, "2006-01-02").ptr, "2020-03-02");
    m = moment_add(&utc_world, &m, -86400000000000);
    assert_string_equal(shown(&m, "2006-01-02").ptr, "2020-03-01");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(layouts_write_every_part),
        TEST(layouts_read_what_they_write),
        TEST(what_is_no_time_is_refused_in_gos_words),
        TEST(durations_are_sums_of_units),
        TEST(months_that_overflow_are_later_ones),
    };
    return cmocka_run_group_tests_name("core/template time", tests, NULL, NULL);
}
