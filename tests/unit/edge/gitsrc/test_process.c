/* What we do with a child that is late, dies, or lies: shell scripts play the child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>

#include "edge/gitsrc/gitsrc.h"
#include "edge/gitsrc/message.h"
#include "edge/gitsrc/process.h"
#include "edge/gitsrc/staterepo.h"
#include "git_fixture.h"

#define READY_FRAME "printf '\\003\\0\\0\\0\\001\\0\\0\\0\\002\\0\\0\\0odd' >&3;"
/* Header of an answer to request 2: length n (octal), kind DONE. */
#define DONE_HEAD(n) "printf '" n "\\0\\0\\0\\002\\0\\0\\0\\004\\0\\0\\0' >&3;"

/* A program that runs `body`; the socket is descriptor 3. */
static struct str fake(struct fixture *f, const char *body)
{
    struct str path = path_in(f, "fake");
    FILE *out = fopen(path.ptr, "w");

    assert_non_null(out);
    fprintf(out, "#!/bin/sh\ncd \"${0%%/*}\"\n%s\n", body);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path.ptr, 0700), 0);
    return path;
}

static struct gitsrc *source_with(struct fixture *f, const char *body, int64_t timeout_ms)
{
    struct gitsrc_config c = {.program = fake(f, body),
                              .dir = path_in(f, "clone"),
                              .url = STR("/remote.git"),
                              .limits = {.fetch_timeout_ms = timeout_ms,
                                         .read_timeout_ms = timeout_ms,
                                         .max_entries = 2,
                                         .max_file_bytes = 8}};
    struct gitsrc *src = NULL;
    struct err err;

    assert_int_equal(gitsrc_open(&c, &src, &err), 0);
    return src;
}

static int fetch_from(struct fixture *f, const char *body, int64_t timeout_ms, struct err *err)
{
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = source_with(f, body, timeout_ms);
    struct gitsrc_commit c = {.subject = STR("untouched")};

    int rc = gitsrc_fetch(src, STR_NONE, f->a, &c, err);
    if (rc < 0)
        assert_true(str_eq(c.subject, STR("untouched")));
    if (rc == HL_ETIMEOUT || rc == HL_EIO || rc == HL_ECORRUPT)
        assert_int_equal(gitsrc_pid(src), 0);
    return rc;
}

static void a_program_that_cannot_be_started_is_named(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_config c = {
        .program = STR("/no/hl-git"), .dir = path_in(f, "clone"), .url = STR("/r")};
    struct gitsrc *src = NULL;
    struct gitsrc_commit commit;
    struct err err;

    assert_int_equal(gitsrc_open(&c, &src, &err), 0);
    assert_int_equal(gitsrc_fetch(src, STR_NONE, f->a, &commit, &err), HL_EIO);
    assert_non_null(strstr(err.text, "/no/hl-git: No such file"));
    gitsrc_free(src);
}

static void a_child_that_never_answers_is_killed_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct err err;

    int64_t start_ms = gitmsg_now_ms();
    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *src = source_with(f, READY_FRAME "echo $$ > pid; exec sleep 100", 150);
    struct gitsrc_commit c;
    assert_int_equal(gitsrc_fetch(src, STR_NONE, f->a, &c, &err), HL_ETIMEOUT);
    assert_non_null(strstr(err.text, "150 ms"));
    assert_true(gitmsg_now_ms() - start_ms < 5000);
    int64_t pid = 0;
    assert_true(str_to_i64(sh_word(f, "cat pid"), &pid));
    assert_int_equal(kill((pid_t)pid, 0), -1); /* killed and reaped */
}

static void a_crash_is_told_with_its_signal_and_the_next_call_starts_anew(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct err err;

    /* The first life crashes; the second answers EMPTY to the request with number 4. */
    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *src =
        source_with(f,
                    "if [ -e lived ]; then printf '\\003\\0\\0\\0\\003\\0\\0\\0\\002\\0\\0\\0odd'"
                    ">&3; printf '\\004\\0\\0\\0\\004\\0\\0\\0\\004\\0\\0\\0\\002\\0\\0\\0' >&3; "
                    "exec sleep 100; fi; touch lived; " READY_FRAME "kill -SEGV $$",
                    5000);
    assert_int_equal(gitsrc_fetch(src, STR_NONE, f->a, &c, &err), HL_EIO);
    assert_non_null(strstr(err.text, "signal 11"));
    assert_int_equal(gitsrc_pid(src), 0);
    assert_int_equal(gitsrc_fetch(src, STR_NONE, f->a, &c, &err), GITSRC_EMPTY);
    assert_true(str_eq(gitsrc_sandbox(src), STR("odd")));
}

static void a_child_killed_by_its_sandbox_is_told_so(void **state)
{
    struct fixture *f = *state;
    struct err err;

    assert_int_equal(fetch_from(f, READY_FRAME "kill -SYS $$", 5000, &err), HL_EIO);
    assert_non_null(strstr(err.text, "allow-list"));
}

static void a_child_that_leaves_is_told_with_its_status(void **state)
{
    struct fixture *f = *state;
    struct err err;

    assert_int_equal(fetch_from(f, "exit 3", 5000, &err), HL_EIO);
    assert_non_null(strstr(err.text, "status 3"));
}

static void nonsense_of_every_kind_ends_the_child(void **state)
{
    static const struct {
        const char *body, *says;
    } lie[] = {
        {"printf '\\377\\377\\377\\377\\001\\0\\0\\0\\002\\0\\0\\0' >&3;", "size limit"},
        {"printf '\\0\\0\\0\\0\\011\\0\\0\\0\\002\\0\\0\\0' >&3;", "another request"},
        {"printf '\\0\\0\\0\\0\\001\\0\\0\\0\\143\\0\\0\\0' >&3;", "wrong kind"},
        {"printf '\\0\\0\\0\\0\\001\\0\\0\\0\\003\\0\\0\\0' >&3;", "malformed error"},
        {READY_FRAME DONE_HEAD("\\0"), "malformed commit"},
        {READY_FRAME DONE_HEAD("\\004") "printf '\\011\\0\\0\\0' >&3;", "malformed commit"},
        {READY_FRAME DONE_HEAD("\\010") "printf '\\0\\0\\0\\0\\377\\377\\377\\377' >&3;",
         "malformed commit"},
        {READY_FRAME DONE_HEAD("\\014") "printf '\\0\\0\\0\\0\\004\\0\\0\\0evil' >&3;",
         "malformed commit"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < HL_COUNT(lie); i++) {
        struct err err = {0};
        struct str body = arena_printf(f->a, "%s exec sleep 100", lie[i].body);
        assert_int_equal(fetch_from(f, body.ptr, 5000, &err), HL_ECORRUPT);
        if (!strstr(err.text, lie[i].says))
            fail_msg("lie %zu said: %s", i, err.text);
    }
}

static void a_frame_cut_short_is_a_dead_child_not_a_short_answer(void **state)
{
    struct fixture *f = *state;
    struct err err;

    assert_int_equal(
        fetch_from(f, READY_FRAME DONE_HEAD("\\004") "printf '\\002\\0' >&3", 5000, &err), HL_EIO);
    assert_int_equal(fetch_from(f, READY_FRAME "printf '\\004\\0' >&3", 5000, &err), HL_EIO);
}

static void files_and_listings_beyond_their_limits_are_not_believed(void **state)
{
    static const struct {
        const char *answer;
        bool is_list;
    } lie[] = {
        /* nine bytes where eight are the limit */
        {DONE_HEAD("\\021") "printf '\\0\\0\\0\\0\\011\\0\\0\\000123456789' >&3;", false},
        {DONE_HEAD("\\010") "printf '\\003\\0\\0\\0\\0\\0\\0\\0' >&3;", false},
        /* three entries where two are the limit; a name with a slash; names out of order */
        {DONE_HEAD("\\010") "printf '\\0\\0\\0\\0\\003\\0\\0\\0' >&3;", true},
        {DONE_HEAD("\\033") "printf '\\0\\0\\0\\0\\001\\0\\0\\0\\0\\0\\0\\0"
                            "\\0\\0\\0\\0\\0\\0\\0\\0\\003\\0\\0\\0a/b' >&3;",
         true},
        {DONE_HEAD("\\032") "printf '\\0\\0\\0\\0\\001\\0\\0\\0\\0\\0\\0\\0"
                            "\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\0\\0..' >&3;",
         true},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < HL_COUNT(lie); i++) {
        struct str body = arena_printf(f->a, READY_FRAME "%s exec sleep 100", lie[i].answer);
        HL_CLEANUP(gitsrc_freep) struct gitsrc *src = source_with(f, body.ptr, 5000);
        struct gitsrc_tree tree;
        struct source s =
            gitsrc_source(&tree, src, STR("1234567890123456789012345678901234567890"));
        struct source_entry *entry;
        size_t count;
        struct str text;
        struct err err;
        int rc = lie[i].is_list ? s.list(s.context, STR("d"), f->a, &entry, &count, &err)
                                : s.read(s.context, STR("d"), f->a, &text, &err);
        if (rc != HL_ECORRUPT)
            fail_msg("lie %zu: %d %s", i, rc, err.text);
    }
}

static void errors_of_the_child_are_cleaned_before_anybody_sees_them(void **state)
{
    struct fixture *f = *state;
    struct err err;

    assert_int_equal(fetch_from(f,
                                READY_FRAME
                                "printf '\\016\\0\\0\\0\\002\\0\\0\\0\\003\\0\\0\\0"
                                "\\005\\0\\0\\0\\006\\0\\0\\0a\\033[2J\\n' >&3; exec sleep 100",
                                5000, &err),
                     HL_EDENIED);
    assert_string_equal(err.text, "a?[2J?");
}

static void clean_text_keeps_utf8_and_drops_what_terminals_obey(void **state)
{
    struct fixture *f = *state;

    assert_true(
        str_eq(git_clean_text(f->a, STR("Gr\xc3\xbc\xc3\x9f"), 100), STR("Gr\xc3\xbc\xc3\x9f")));
    assert_true(str_eq(git_clean_text(f->a, STR("ab\xc3\xbc"), 3), STR("ab")));
    assert_true(str_eq(git_clean_text(f->a, STR("a\x1b\x7f\t"), 9), STR("a???")));
    assert_true(str_eq(git_clean_text(f->a,
                                      STR("a\xc2\x9b"
                                          "b"),
                                      9),
                       STR("a??b")));
    assert_true(str_eq(git_clean_text(f->a,
                                      STR("\xff"
                                          "a"),
                                      9),
                       STR("?a")));
    assert_int_equal(git_clean_text(f->a, STR(""), 9).len, 0);
}

static void a_reader_of_messages_never_runs_over_its_end(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};

    (void)state;
    buf_add_u32(&b, 7);
    gitmsg_add(&b, STR("text"));
    buf_add_u64(&b, 1ULL << 40);
    for (size_t len = 0; len < b.len; len++) {
        struct gitmsg_reader r = {.rest = {b.ptr, len}};
        gitmsg_u32(&r);
        gitmsg_str(&r);
        gitmsg_u64(&r);
        assert_false(gitmsg_end(&r));
    }
    struct gitmsg_reader r = {.rest = buf_str(&b)};
    assert_int_equal(gitmsg_u32(&r), 7);
    assert_true(str_eq(gitmsg_str(&r), STR("text")));
    assert_false(gitmsg_end(&r)); /* something is left over */
    assert_true(gitmsg_u64(&r) == 1ULL << 40);
    assert_true(gitmsg_end(&r));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_program_that_cannot_be_started_is_named),
        WITH_FOLDER(a_child_that_never_answers_is_killed_at_its_deadline),
        WITH_FOLDER(a_crash_is_told_with_its_signal_and_the_next_call_starts_anew),
        WITH_FOLDER(a_child_killed_by_its_sandbox_is_told_so),
        WITH_FOLDER(a_child_that_leaves_is_told_with_its_status),
        WITH_FOLDER(nonsense_of_every_kind_ends_the_child),
        WITH_FOLDER(a_frame_cut_short_is_a_dead_child_not_a_short_answer),
        WITH_FOLDER(files_and_listings_beyond_their_limits_are_not_believed),
        WITH_FOLDER(errors_of_the_child_are_cleaned_before_anybody_sees_them),
        WITH_FOLDER(clean_text_keeps_utf8_and_drops_what_terminals_obey),
        cmocka_unit_test(a_reader_of_messages_never_runs_over_its_end),
    };
    return cmocka_run_group_tests_name("edge/gitsrc process", tests, NULL, NULL);
}
