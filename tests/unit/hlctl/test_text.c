/* What leaves hlctl: safe text, tables, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/value/json.h"
#include "hlctl/safe.h"
#include "hlctl/table.h"
#include "hlctl/trouble.h"

static void expect_safe(const char *bytes, size_t len, const char *wanted)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str got = safe_text(a, (struct str){bytes, len});

    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr, wanted, got.len);
}

static void control_characters_are_shown_and_never_sent(void **state)
{
    (void)state;
    expect_safe("plain ü 漢", strlen("plain ü 漢"), "plain ü 漢");
    expect_safe("a\033[2Jb", 6, "a\\x1b[2Jb");
    expect_safe("tab\tnewline\n", 12, "tab\\x09newline\\x0a");
    expect_safe("nul\0x", 5, "nul\\x00x");
    expect_safe("\x7f", 1, "\\x7f");
    expect_safe("\xc2\x9b"
                "31m",
                5, "\\x9b31m"); /* CSI as a C1 character */
    expect_safe("\xe2\x80\xae", 3, "‹U+202E›");
    expect_safe("\xe2\x81\xa6", 3, "‹U+2066›");
    expect_safe("\xf3\xa0\x81\x81", 4, "‹U+E0041›"); /* a tag: invisible text */
}

static void lines_and_tabs_are_text_and_nothing_else_that_moves_the_cursor_is(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    static const char *const unsafe[] = {
        "a\rb", "\033[2J", "\x7f", "\b", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xa8", "\xff",
    };

    (void)state;
    assert_true(safe_is_text(STR("")));
    assert_true(safe_is_text(STR("\ta ü\n\n漢\n")));
    for (size_t i = 0; i < HL_COUNT(unsafe); i++)
        assert_false(safe_is_text(str_from(unsafe[i])));
    assert_false(safe_is_text((struct str){"\0", 1}));
    assert_true(str_eq(safe_lines(a, STR("\ta\r\n\033b\n")), STR("\ta\\x0d\n\\x1bb\n")));
}

static void bytes_that_are_no_utf8_are_shown_one_by_one(void **state)
{
    (void)state;
    expect_safe("\xff", 1, "\\xff");
    expect_safe("\xc0\x80", 2, "\\xc0\\x80");          /* overlong NUL */
    expect_safe("\xe0\x9f\xbf", 3, "\\xe0\\x9f\\xbf"); /* overlong */
    expect_safe("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
    expect_safe("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
    expect_safe("\xe2\x80", 2, "\\xe2\\x80"); /* cut short */
}

static void every_single_byte_and_pair_comes_out_without_controls(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        char pair[2] = {(char)(i >> 8), (char)(i & 0xff)};
        struct str got = safe_text(a, (struct str){pair, 2});
        assert_true(str_is_utf8(got));
        for (size_t k = 0; k < got.len; k++)
            assert_true((unsigned char)got.ptr[k] >= 0x20 && got.ptr[k] != 0x7f);
        arena_reset(a);
    }
}

static void json_stays_the_same_value_with_its_controls_escaped(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf plain = {0};
    HL_CLEANUP(buf_deinit) struct buf safe = {0};
    struct str nasty = STR("\x1b[1m\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81 fine ü");
    struct value *v = value_map(a);
    struct value *back;
    struct err err;

    (void)state;
    value_map_set_str(a, v, "text", nasty);
    json_write(&plain, v, JSON_INDENTED);
    safe_json(&safe, buf_str(&plain));
    for (size_t i = 0; i < safe.len; i++)
        assert_true(safe.ptr[i] == '\n' || (unsigned char)safe.ptr[i] >= 0x20);
    assert_int_equal(str_find(buf_str(&safe), STR("\x7f"), 0), SIZE_MAX);
    assert_int_equal(str_find(buf_str(&safe), STR("\xc2\x9b"), 0), SIZE_MAX);
    assert_int_equal(str_find(buf_str(&safe), STR("\xe2\x80\xae"), 0), SIZE_MAX);
    assert_int_equal(json_read(a, buf_str(&safe), STR("x"), &back, &err), 0);
    assert_true(value_eq(v, back));
}

static void widths_are_columns_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(safe_width(STR("abc")), 3);
    assert_int_equal(safe_width(STR("üß")), 2);
    assert_int_equal(safe_width(STR("漢字")), 4);
    assert_int_equal(safe_width(STR("e\xcc\x81")), 1);
    assert_int_equal(safe_cut(STR("漢字"), 3).len, 3);
    assert_int_equal(safe_cut(STR("abc"), 10).len, 3);
    assert_int_equal(safe_cut(STR("abc"), 0).len, 0);
}

static struct table *sample(struct arena *a)
{
    static const char *const titles[] = {"NAME", "STATE", "REASON"};
    struct table *t = table_new(a, titles, 3);

    table_row(t);
    table_cell(t, STR("ä-long-name"), TONE_PLAIN);
    table_cell(t, STR("Synced"), TONE_GOOD);
    table_cell(t, STR(""), TONE_PLAIN);
    table_row(t);
    table_cell(t, STR("b"), TONE_PLAIN);
    table_cell(t, STR("OutOfSync"), TONE_WARN);
    table_cell(t, STR("a reason\twith a tab that is rather long"), TONE_PLAIN);
    return t;
}

static void expect_table(struct table_style style, const char *wanted)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    table_write(&out, sample(a), &style);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.ptr, wanted);
}

static void off_a_terminal_cells_stand_between_tabs_and_nothing_is_cut(void **state)
{
    (void)state;
    expect_table((struct table_style){.has_header = true},
                 "NAME\tSTATE\tREASON\n"
                 "ä-long-name\tSynced\t\n"
                 "b\tOutOfSync\ta reason\\x09with a tab that is rather long\n");
    expect_table((struct table_style){0},
                 "ä-long-name\tSynced\t\n"
                 "b\tOutOfSync\ta reason\\x09with a tab that is rather long\n");
}

static void on_a_terminal_columns_are_aligned_and_the_last_is_cut(void **state)
{
    (void)state;
    expect_table((struct table_style){.has_header = true, .is_terminal = true, .width = 40},
                 "NAME         STATE      REASON\n"
                 "ä-long-name  Synced\n"
                 "b            OutOfSync  a reason\\x09wit…\n");
    expect_table((struct table_style){.is_terminal = true, .has_color = true, .width = 40},
                 "ä-long-name  \033[32mSynced\033[0m\n"
                 "b            \033[33mOutOfSync\033[0m  a reason\\x09wit…\n");
}

static void an_error_says_what_why_and_what_next(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct trouble t;
    struct err err;

    (void)state;
    assert_int_equal(trouble_set(&t, "HL-CFG-01", "file %s is wrong", "x\033"), EXIT_MISUSED);
    err_at(&err, HL_EINVAL, STR("x"), 3, 7, "no such key");
    trouble_err(&t, &err);
    trouble_next(&t, "correct it");
    trouble_print(&out, a, &t, false);
    buf_add_byte(&out, '\0');
    assert_non_null(strstr(out.ptr, "error: file x\\x1b is wrong "));
    assert_non_null(
        strstr(out.ptr, " HL-CFG-01\n  why   x:3:7: no such key\n  next  correct it\n"));
}

static void the_same_error_is_one_line_of_json(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct trouble t;
    struct value *v;
    struct err err;

    (void)state;
    trouble_set(&t, "HL-NET-02", "no leader \xff");
    trouble_print(&out, a, &t, true);
    assert_int_equal(str_find(buf_str(&out), STR("\n"), 0), out.len - 1);
    assert_int_equal(json_read(a, buf_str(&out), STR("x"), &v, &err), 0);
    assert_true(str_eq(value_get_str(v, "code"), STR("HL-NET-02")));
    assert_int_equal(value_get_int(v, "exit", 0), EXIT_UNREACHABLE);
    assert_true(str_eq(value_get_str(v, "kind"), STR("Error")));
    assert_true(value_get_str(v, "next").len > 0); /* the page's cure stands in */
    assert_null(value_get(v, STR("line")));
}

static void every_code_is_once_in_the_table_and_has_a_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < trouble_page_count; i++) {
        const struct trouble_page *p = &trouble_pages[i];
        assert_ptr_equal(trouble_find(str_from(p->id)), p);
        assert_true(strncmp(p->id, "HL-", 3) == 0 && p->exit > 0 && p->exit <= EXIT_FOUND);
        assert_true(strlen(p->title) > 5 && strlen(p->cause) > 20 && strlen(p->cure) > 20);
    }
    assert_ptr_equal(trouble_find(STR("hl-net-01")), trouble_find(STR("HL-NET-01")));
    assert_null(trouble_find(STR("HL-NET")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_are_shown_and_never_sent),
        cmocka_unit_test(lines_and_tabs_are_text_and_nothing_else_that_moves_the_cursor_is),
        cmocka_unit_test(bytes_that_are_no_utf8_are_shown_one_by_one),
        cmocka_unit_test(every_single_byte_and_pair_comes_out_without_controls),
        cmocka_unit_test(json_stays_the_same_value_with_its_controls_escaped),
        cmocka_unit_test(widths_are_columns_not_bytes),
        cmocka_unit_test(off_a_terminal_cells_stand_between_tabs_and_nothing_is_cut),
        cmocka_unit_test(on_a_terminal_columns_are_aligned_and_the_last_is_cut),
        cmocka_unit_test(an_error_says_what_why_and_what_next),
        cmocka_unit_test(the_same_error_is_one_line_of_json),
        cmocka_unit_test(every_code_is_once_in_the_table_and_has_a_page),
    };
    return cmocka_run_group_tests_name("hlctl/text", tests, NULL, NULL);
}
