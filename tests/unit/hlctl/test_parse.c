/* The command line against the real table: what is understood, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hlctl/parse.h"

enum { WORDS_MAX = 300 };

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static const char *json_environment(const char *name)
{
    return strcmp(name, "HLCTL_OUTPUT") == 0 ? "json" : NULL;
}

static const char *broken_environment(const char *name)
{
    return strcmp(name, "HLCTL_TIMEOUT") == 0 ? "soon" : NULL;
}

struct line {
    struct arena *arena;
    struct invocation *in;
    struct trouble t;
    int rc;
};

/* Parses `text`, split at blanks; "_" stands for an empty word. */
static struct line parse_with(const char *text, parse_env_fn env)
{
    struct line l = {.arena = arena_new()};
    const char *argv[WORDS_MAX] = {"hlctl"};
    struct str rest = str_from(text);
    int argc = 1;

    while (rest.len > 0 && argc < WORDS_MAX) {
        struct str word = str_cut(&rest, ' ');
        argv[argc++] = str_eq(word, STR("_")) ? "" : arena_cstr(l.arena, word);
    }
    l.rc = parse_line(l.arena, argc, argv, env, &l.in, &l.t);
    return l;
}

static struct line parse(const char *text)
{
    return parse_with(text, no_environment);
}

static const char *path(const struct line *l)
{
    const struct verb *v = invocation_verb(l->in);

    return v ? v->path : "";
}

static void expect_command(const char *text, const char *wanted)
{
    struct line l = parse(text);

    assert_int_equal(l.rc, 0);
    assert_string_equal(path(&l), wanted);
    arena_free(l.arena);
}

static void expect_trouble(const char *text, const char *id, const char *what, const char *next)
{
    struct line l = parse(text);

    assert_int_equal(l.rc, EXIT_MISUSED);
    assert_non_null(l.t.page);
    assert_string_equal(l.t.page->id, id);
    assert_string_equal(l.t.what, what);
    if (next)
        assert_string_equal(l.t.next, next);
    arena_free(l.arena);
}

static void a_plural_alone_lists_and_aliases_lead_to_one_command(void **state)
{
    (void)state;
    expect_command("apps", "app list");
    expect_command("app ls", "app list");
    expect_command("app list", "app list");
    expect_command("nodes", "node list");
    expect_command("sync a b c", "app sync");
    expect_command("keygen folder --coordinator c=h:1", "keygen mesh");
    expect_command("keygen identity me.key", "keygen identity");
    expect_command("", "");
    expect_trouble("_", "HL-USE-01", "\"hlctl \" is not a command", "hlctl help");
}

static void flags_may_stand_anywhere_even_between_the_words(void **state)
{
    struct line l = parse("-o json app --timeout 3s get -q name");
    const char *const forms[] = {"events -n 5", "events -n5", "events -n=5", "events --limit=5",
                                 "--color never events --limit 5"};

    (void)state;
    assert_int_equal(l.rc, 0);
    assert_string_equal(path(&l), "app get");
    assert_int_equal(invocation_arg_count(l.in), 1);
    assert_true(str_eq(invocation_arg(l.in, 0), STR("name")));
    assert_true(str_eq(flag_text(l.in, "output"), STR("json")));
    assert_int_equal(flag_number(l.in, "timeout", 0), 3000);
    assert_true(flag_is_set(l.in, "quiet"));
    assert_false(flag_is_set(l.in, "stale"));
    arena_free(l.arena);
    for (size_t i = 0; i < HL_COUNT(forms); i++) {
        l = parse(forms[i]);
        assert_int_equal(l.rc, 0);
        assert_int_equal(flag_number(l.in, "limit", 0), 5);
        arena_free(l.arena);
    }
}

static void switches_are_bundled_and_two_dashes_end_the_flags(void **state)
{
    struct line l = parse("events -qvw");

    (void)state;
    assert_int_equal(l.rc, 0);
    assert_true(flag_is_set(l.in, "quiet") && flag_is_set(l.in, "verbose") &&
                flag_is_set(l.in, "watch"));
    arena_free(l.arena);
    l = parse("app get -- -strange");
    assert_int_equal(l.rc, 0);
    assert_true(str_eq(invocation_arg(l.in, 0), STR("-strange")));
    arena_free(l.arena);
}

static void a_list_flag_is_repeated_in_order_and_others_may_not(void **state)
{
    struct line l = parse("keygen mesh d --coordinator a=h:1 --coordinator b=h:9");
    struct str *list;

    (void)state;
    assert_int_equal(l.rc, 0);
    assert_int_equal(flag_list(l.in, "coordinator", &list), 2);
    assert_true(str_eq(list[0], STR("a=h:1")) && str_eq(list[1], STR("b=h:9")));
    arena_free(l.arena);
    expect_trouble("events -n 1 --limit 2", "HL-USE-02", "--limit is given twice", NULL);
}

static void what_was_meant_is_suggested(void **state)
{
    (void)state;
    expect_trouble("snyc", "HL-USE-01", "\"hlctl snyc\" is not a command",
                   "did you mean: hlctl sync");
    expect_trouble("app lits", "HL-USE-01", "\"hlctl app lits\" is not a command",
                   "did you mean: hlctl app list");
    expect_trouble("tokn create", "HL-USE-01", "\"hlctl tokn\" is not a command", NULL);
    expect_trouble("app", "HL-USE-01", "\"hlctl app\" needs a verb", "hlctl help app");
    expect_trouble("xyzzyx", "HL-USE-01", "\"hlctl xyzzyx\" is not a command", "hlctl help");
    expect_trouble("events --limt 3", "HL-USE-02", "events has no flag --limt",
                   "did you mean: --limit");
    expect_trouble("__complet", "HL-USE-01", "\"hlctl __complet\" is not a command",
                   "hlctl help"); /* hidden ones are not suggested */
}

static void values_are_checked_before_anything_runs(void **state)
{
    (void)state;
    expect_trouble("apps -o xml", "HL-USE-02", "--output cannot be \"xml\"", NULL);
    expect_trouble("events -n 0", "HL-USE-02", "--limit cannot be \"0\"", NULL);
    expect_trouble("events -n 1000000001", "HL-USE-02", "--limit cannot be \"1000000001\"", NULL);
    expect_trouble("status --timeout soon", "HL-USE-02", "--timeout cannot be \"soon\"", NULL);
    expect_trouble("status --timeout 0", "HL-USE-02", "--timeout cannot be \"0\"", NULL);
    expect_trouble("status --timeout", "HL-USE-02", "--timeout needs a value (TIME)", NULL);
    expect_trouble("status --context=", "HL-USE-02", "--context cannot be \"\"", NULL);
    expect_trouble("status --stale=yes", "HL-USE-02", "--stale takes no value", NULL);
    expect_trouble("status -x", "HL-USE-02", "status has no flag -x", NULL);
}

static void arguments_are_counted(void **state)
{
    char many[3 * 260] = "sync";

    (void)state;
    expect_trouble("app get", "HL-USE-03", "hlctl app get needs NAME", "hlctl help app get");
    expect_trouble("app get a b", "HL-USE-03", "hlctl app get: \"b\" is one argument too many",
                   NULL);
    expect_trouble("status now", "HL-USE-03", "hlctl status: \"now\" is one argument too many",
                   NULL);
    for (int i = 0; i < VERB_ARGS_MAX; i++)
        strcat(many, " a");
    expect_command(many, "app sync");
    strcat(many, " a");
    expect_trouble(many, "HL-USE-03", "more than 256 arguments", NULL);
}

static void help_is_given_whatever_else_is_wrong_with_the_arguments(void **state)
{
    struct line l = parse("app get -h");

    (void)state;
    assert_int_equal(l.rc, 0);
    assert_true(invocation_wants_help(l.in));
    arena_free(l.arena);
    l = parse("app --help");
    assert_int_equal(l.rc, 0);
    assert_true(invocation_wants_help(l.in));
    arena_free(l.arena);
}

static void a_flag_wins_over_its_variable_and_a_broken_variable_is_named(void **state)
{
    struct line l = parse_with("apps", json_environment);

    (void)state;
    assert_true(str_eq(flag_text(l.in, "output"), STR("json")));
    arena_free(l.arena);
    l = parse_with("apps -o yaml", json_environment);
    assert_true(str_eq(flag_text(l.in, "output"), STR("yaml")));
    arena_free(l.arena);
    l = parse_with("apps", broken_environment);
    assert_int_equal(l.rc, EXIT_MISUSED);
    assert_string_equal(l.t.next, "correct the environment variable HLCTL_TIMEOUT");
    arena_free(l.arena);
}

static void the_format_is_known_even_when_the_line_is_wrong(void **state)
{
    struct line l = parse("nonsense -o json");

    (void)state;
    assert_int_equal(l.rc, EXIT_MISUSED);
    assert_string_equal(l.t.page->id, "HL-USE-01");
    assert_true(str_eq(flag_text(l.in, "output"), STR("json")));
    arena_free(l.arena);
}

static void every_command_of_the_table_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *v = &verbs[i];
        assert_non_null(v->run);
        assert_true(v->flag_count <= VERB_FLAGS_MAX && v->max_args <= VERB_ARGS_MAX);
        if (v->group == GROUP_HIDDEN)
            continue;
        assert_true(strlen(v->about) > 20 && v->example_count > 0);
        for (size_t k = 0; k < v->example_count; k++) { /* each example is one of this command */
            struct line l = parse(v->examples[k].line);
            if (!strchr(v->examples[k].line, '"')) {
                assert_int_equal(l.rc, 0);
                assert_ptr_equal(invocation_verb(l.in), v);
            }
            arena_free(l.arena);
        }
    }
}

static void edits_are_counted_as_damerau_did(void **state)
{
    (void)state;
    assert_int_equal(edit_distance(STR("sync"), STR("sync")), 0);
    assert_int_equal(edit_distance(STR("snyc"), STR("sync")), 1);
    assert_int_equal(edit_distance(STR("syn"), STR("sync")), 1);
    assert_int_equal(edit_distance(STR("synck"), STR("sync")), 1);
    assert_int_equal(edit_distance(STR(""), STR("abc")), 3);
    assert_int_equal(edit_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(edit_distance(STR("0123456789012345678901234567890123456789x"), STR("a")),
                     SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plural_alone_lists_and_aliases_lead_to_one_command),
        cmocka_unit_test(flags_may_stand_anywhere_even_between_the_words),
        cmocka_unit_test(switches_are_bundled_and_two_dashes_end_the_flags),
        cmocka_unit_test(a_list_flag_is_repeated_in_order_and_others_may_not),
        cmocka_unit_test(what_was_meant_is_suggested),
        cmocka_unit_test(values_are_checked_before_anything_runs),
        cmocka_unit_test(arguments_are_counted),
        cmocka_unit_test(help_is_given_whatever_else_is_wrong_with_the_arguments),
        cmocka_unit_test(a_flag_wins_over_its_variable_and_a_broken_variable_is_named),
        cmocka_unit_test(the_format_is_known_even_when_the_line_is_wrong),
        cmocka_unit_test(every_command_of_the_table_is_whole),
        cmocka_unit_test(edits_are_counted_as_damerau_did),
    };
    return cmocka_run_group_tests_name("hlctl/parse", tests, NULL, NULL);
}
