/* Log lines as they reach the file descriptor: nothing from outside ends a field or a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <string.h>
#include <unistd.h>

#include "edge/actor/actor.h"
#include "edge/actor/log.h"

enum { STAMP = 31 }; /* "2026-11-22T10:03:11.123Z info  " */

static int capture_fd;
static char captured[4 * LOG_LINE_MAX];

/* Everything written to stderr while `log` ran, in `captured`. */
#define CAPTURE(...)                                                                               \
    do {                                                                                           \
        int stderr_before_ = begin_capture();                                                      \
        __VA_ARGS__;                                                                               \
        end_capture(stderr_before_);                                                               \
    } while (0)

static int begin_capture(void)
{
    int before = dup(STDERR_FILENO);

    capture_fd = memfd_create("stderr", MFD_CLOEXEC);
    dup2(capture_fd, STDERR_FILENO);
    return before;
}

static void end_capture(int before)
{
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t n = pread(capture_fd, captured, sizeof(captured) - 1, 0);
    captured[n > 0 ? n : 0] = '\0';
    close(capture_fd);
}

static void a_line_has_time_level_message_and_fields(void **state)
{
    (void)state;
    CAPTURE(log_warn("agent lost", "agent=%s after_ms=%" PRId64, "node2", INT64_C(3012)));
    assert_string_equal(captured + STAMP, "agent lost agent=node2 after_ms=3012\n");
    assert_memory_equal(captured + 24, " warn ", 6);
    assert_true(captured[10] == 'T' && captured[23] == 'Z');
}

static void values_with_blanks_are_quoted_and_plain_ones_are_not(void **state)
{
    (void)state;
    CAPTURE(log_info("q1", "a=%s b=%s c=%s d=%s", "plain", "two words", "", "k=v"));
    assert_string_equal(captured + STAMP, "q1 a=plain b=\"two words\" c=\"\" d=\"k=v\"\n");
    CAPTURE(log_info("q2", "a=%s:%d b=\"%s\"", "host", 7400, "say \"hi\" \\o/"));
    assert_string_equal(captured + STAMP, "q2 a=host:7400 b=\"say \\\"hi\\\" \\\\o/\"\n");
}

static void a_value_cannot_forge_a_field_or_a_line(void **state)
{
    (void)state;
    CAPTURE(log_info("f1", "name=%s role=%s", "x role=admin", "viewer"));
    assert_string_equal(captured + STAMP, "f1 name=\"x role=admin\" role=viewer\n");
    CAPTURE(log_info("f2", "name=%s", "a\n2026-01-01T00:00:00.000Z error fake"));
    assert_null(strchr(captured + STAMP, '\n')[1] ? "second line" : NULL);
    assert_non_null(strstr(captured, "a\\x0a2026"));
    CAPTURE(log_info("f3", "name=%s",
                     "\x1b[2J\xc2\x9b"
                     "31m\xff\x7f"));
    assert_string_equal(captured + STAMP, "f3 name=\\x1b[2J\\xc2\\x9b31m\\xff\\x7f\n");
}

static void text_in_any_language_stays_readable(void **state)
{
    (void)state;
    CAPTURE(log_info("u1", "name=%s", "knöterich-日本"));
    assert_string_equal(captured + STAMP, "u1 name=knöterich-日本\n");
}

static void every_conversion_that_lines_have_prints_as_printf_does(void **state)
{
    (void)state;
    CAPTURE(log_info("c1", "d=%d u=%u x=%x zu=%zu ld=%ld lld=%lld c=%c p=%d%%", -3, 4U, 255U,
                     (size_t)9, -5L, -6LL, 'z', 80));
    assert_string_equal(captured + STAMP, "c1 d=-3 u=4 x=ff zu=9 ld=-5 lld=-6 c=z p=80%\n");
    CAPTURE(log_info("c2", "s=" STR_FMT " cut=%.3s f=%.2f w=%04d", STR_ARG(STR("abcdef")), "abcdef",
                     1.5, 7));
    assert_string_equal(captured + STAMP, "c2 s=abcdef cut=abc f=1.50 w=0007\n");
    CAPTURE(log_info("c3", "p=%p behind=%d", (void *)captured, 1));
    assert_string_equal(captured + STAMP, "c3 p=(?)\n");
}

static void a_line_that_is_too_long_is_cut_and_ends(void **state)
{
    static char huge[3 * LOG_LINE_MAX];

    (void)state;
    memset(huge, 'x', sizeof(huge) - 1);
    CAPTURE(log_info("long", "text=%s behind=1", huge));
    assert_true(strlen(captured) <= LOG_LINE_MAX);
    assert_int_equal(captured[strlen(captured) - 1], '\n');
    assert_null(strstr(captured, "behind"));
}

static void levels_below_the_lowest_are_counted_but_not_written(void **state)
{
    uint64_t before = log_count(LOG_DEBUG);

    (void)state;
    CAPTURE(log_line(LOG_DEBUG, "quiet", "%s", ""));
    assert_string_equal(captured, "");
    assert_int_equal(log_count(LOG_DEBUG), before + 1);
    log_set_level(LOG_DEBUG);
    CAPTURE(log_line(LOG_DEBUG, "quiet", "n=%d", 1));
    assert_string_equal(captured + STAMP, "quiet n=1\n");
    log_set_level(LOG_INFO);
}

static void the_same_line_again_is_held_back_and_counted(void **state)
{
    (void)state;
    CAPTURE(for (int i = 0; i < 500; i++) log_error("cannot reach", "host=%s", "a"));
    char *end = strchr(captured, '\n');
    assert_non_null(end);
    assert_int_equal(end[1], '\0');
    CAPTURE(log_error("cannot reach", "host=%s", "b"));
    assert_non_null(strstr(captured, "host=b"));
    for (int64_t until_ms = clock_now_ms() + LOG_REPEAT_MS; clock_now_ms() < until_ms;)
        usleep(20000);
    CAPTURE(log_error("cannot reach", "host=%s", "a"));
    assert_string_equal(captured + STAMP, "cannot reach host=a repeated=499\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_message_and_fields),
        cmocka_unit_test(values_with_blanks_are_quoted_and_plain_ones_are_not),
        cmocka_unit_test(a_value_cannot_forge_a_field_or_a_line),
        cmocka_unit_test(text_in_any_language_stays_readable),
        cmocka_unit_test(every_conversion_that_lines_have_prints_as_printf_does),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_ends),
        cmocka_unit_test(levels_below_the_lowest_are_counted_but_not_written),
        cmocka_unit_test(the_same_line_again_is_held_back_and_counted),
    };
    return cmocka_run_group_tests_name("edge/actor/log", tests, NULL, NULL);
}
