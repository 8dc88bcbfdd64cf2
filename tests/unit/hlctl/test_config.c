/* The configuration file: what is accepted, what is refused where, and edits that keep comments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hlctl/config.h"

#define PATH STR("/etc/hlctl/config.yaml")

static const char sample[] = "# my meshes\n"
                             "apiVersion: hlctl/v1\n"
                             "current-context: home   # the usual one\n"
                             "contexts:\n"
                             "# at home\n"
                             "- name: home\n"
                             "  roster: home/mesh.json   # from the wiki\n"
                             "  mesh: hl-mesh:abc\n"
                             "  identity: /keys/home.key\n"
                             "  servers:\n"
                             "  - tcp://10.0.4.101:7402\n"
                             "  - 10.0.4.102:7402\n"
                             "\n"
                             "- name: lab\n"
                             "  roster: lab.json\n"
                             "  identity: lab.key\n";

struct parsed {
    struct arena *arena;
    struct config config;
    struct trouble t;
    int rc;
};

static struct parsed parse(const char *text)
{
    struct parsed p = {.arena = arena_new()};

    p.rc = config_parse(p.arena, PATH, str_from(text), &p.config, &p.t);
    return p;
}

static void contexts_are_read_and_paths_start_at_the_file(void **state)
{
    struct parsed p = parse(sample);
    const struct context *home;
    struct trouble t;

    (void)state;
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.config.context_count, 2);
    home = config_pick(&p.config, STR_NONE, &t);
    assert_non_null(home);
    assert_true(str_eq(home->name, STR("home")));
    assert_true(str_eq(home->roster, STR("/etc/hlctl/home/mesh.json")));
    assert_true(str_eq(home->identity, STR("/keys/home.key")));
    assert_int_equal(home->server_count, 2);
    assert_true(str_eq(home->server[0], STR("10.0.4.101:7402")));
    assert_true(str_eq(config_pick(&p.config, STR("lab"), &t)->name, STR("lab")));
    assert_null(config_pick(&p.config, STR("moon"), &t));
    assert_string_equal(t.page->id, "HL-CFG-03");
    arena_free(p.arena);
}

static void an_empty_file_is_an_empty_configuration(void **state)
{
    struct parsed p = parse("# nothing yet\n");
    struct trouble t;

    (void)state;
    assert_int_equal(p.rc, 0);
    assert_null(config_pick(&p.config, STR_NONE, &t));
    assert_string_equal(t.what, "no context is selected");
    arena_free(p.arena);
}

static void expect_wrong(const char *text, uint32_t line, const char *why)
{
    struct parsed p = parse(text);

    assert_true(p.rc < 0);
    assert_string_equal(p.t.page->id, "HL-CFG-01");
    assert_int_equal(p.t.at.line, line);
    if (!strstr(p.t.why, why))
        fail_msg("\"%s\" does not say \"%s\"", p.t.why, why);
    arena_free(p.arena);
}

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    expect_wrong("a: b: c\n", 1, "");
    expect_wrong("apiVersion: hlctl/v2\n", 1, "apiVersion must be hlctl/v1");
    expect_wrong("apiVersion: hlctl/v1\ncontext: x\n", 2, "key \"context\" is not understood");
    expect_wrong("contexts: {}\n", 1, "contexts must be a list");
    expect_wrong("contexts:\n- home\n", 2, "a context must be a mapping");
    expect_wrong("contexts:\n- roster: a\n", 2, "a context needs a name");
    expect_wrong("contexts:\n- name: a\n  roster: b\n", 2, "needs the files roster and identity");
    expect_wrong("contexts:\n- name: a\n  roster: b\n  identity: c\n  mash: d\n", 5,
                 "key \"mash\" is not understood");
    expect_wrong("contexts:\n- {name: a, roster: b, identity: c}\n- {name: a, roster: b, identity: "
                 "c}\n",
                 3, "taken by an earlier");
    expect_wrong("contexts:\n- {name: a, roster: b, identity: c, servers: x}\n", 2,
                 "servers must be a list");
    expect_wrong("- a\n", 1, "must be a mapping");
}

static void expect_text(struct str got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr, wanted, got.len);
}

static void selecting_changes_one_line_and_keeps_its_comment(void **state)
{
    struct parsed p = parse(sample);
    struct str text;

    (void)state;
    assert_true(config_text_use(p.arena, &p.config, STR("lab"), &text));
    HL_CLEANUP(buf_deinit) struct buf wanted = {0};
    struct str rest = str_from(sample);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, STR("current-context")))
            line = STR("current-context: 'lab'  # the usual one");
        buf_add(&wanted, line);
        buf_add_byte(&wanted, '\n');
    }
    buf_add_byte(&wanted, '\0');
    expect_text(text, wanted.ptr);
    arena_free(p.arena);
}

static void removing_takes_exactly_the_lines_of_the_context(void **state)
{
    struct parsed p = parse(sample);
    struct str text;

    (void)state;
    assert_true(config_text_remove(p.arena, &p.config, STR("home"), &text));
    expect_text(text, "# my meshes\n"
                      "apiVersion: hlctl/v1\n"
                      "contexts:\n"
                      "# at home\n"
                      "\n"
                      "- name: lab\n"
                      "  roster: lab.json\n"
                      "  identity: lab.key\n");
    arena_free(p.arena);
}

static void adding_starts_a_file_or_goes_behind_the_last_context(void **state)
{
    struct context moon = {.name = STR("it's"),
                           .roster = STR("/m.json"),
                           .identity = STR("/m.key"),
                           .mesh = STR("hl-mesh:x")};
    const char *const item = "- name: 'it''s'\n  roster: '/m.json'\n  mesh: 'hl-mesh:x'\n"
                             "  identity: '/m.key'\n";
    struct parsed p = parse("");
    struct str text;
    char wanted[2000];

    (void)state;
    assert_true(config_text_add(p.arena, &p.config, &moon, &text));
    snprintf(wanted, sizeof wanted, "apiVersion: hlctl/v1\ncurrent-context: 'it''s'\ncontexts:\n%s",
             item);
    expect_text(text, wanted);
    arena_free(p.arena);

    p = parse(sample);
    assert_true(config_text_add(p.arena, &p.config, &moon, &text));
    snprintf(wanted, sizeof wanted, "%s%s", sample, item);
    expect_text(text, wanted);
    arena_free(p.arena);

    p = parse("contexts: []\n# end\n");
    assert_true(config_text_add(p.arena, &p.config, &moon, &text));
    snprintf(wanted, sizeof wanted,
             "apiVersion: hlctl/v1\ncurrent-context: 'it''s'\ncontexts:\n%s# end\n", item);
    expect_text(text, wanted);
    arena_free(p.arena);
}

static void a_form_that_cannot_be_edited_is_refused_not_rewritten(void **state)
{
    struct parsed p = parse("contexts: [{name: a, roster: b, identity: c}]\n");
    struct context moon = {.name = STR("moon"), .roster = STR("/m"), .identity = STR("/k")};
    struct str text;

    (void)state;
    assert_int_equal(p.rc, 0);
    assert_false(config_text_add(p.arena, &p.config, &moon, &text));
    assert_false(config_text_remove(p.arena, &p.config, STR("a"), &text));
    arena_free(p.arena);
}

static void a_file_open_to_others_is_refused_and_the_cure_named(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char path[] = "/tmp/hlctl-config-XXXXXX";
    struct config c = {0};
    struct trouble t;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    c.path = str_from(path);
    assert_int_equal(config_write(&c, str_from(sample), &t), 0);
    assert_int_equal(config_load(a, str_from(path), &c, &t), 0);
    assert_int_equal(c.context_count, 2);
    for (unsigned bit = 1; bit < 0100; bit <<= 1) {
        assert_int_equal(chmod(path, 0600 | bit), 0);
        assert_int_equal(config_load(a, str_from(path), &c, &t), HL_EDENIED);
        assert_string_equal(t.page->id, "HL-CFG-02");
        assert_non_null(strstr(t.next, "chmod 600 /tmp/hlctl-config-"));
    }
    unlink(path);
    assert_int_equal(config_load(a, str_from(path), &c, &t), 1);
}

static void a_write_leaves_mode_0600_and_no_other_file(void **state)
{
    char dir[] = "/tmp/hlctl-dir-XXXXXX";
    char path[200];
    struct trouble t;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/deep/er/config.yaml", dir);
    struct config c = {.path = str_from(path)};
    assert_int_equal(config_write(&c, STR("contexts:\n"), &t), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/deep/er", dir);
    assert_int_equal(rmdir(path), 0); /* nothing else was in it */
    snprintf(path, sizeof path, "%s/deep", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_are_read_and_paths_start_at_the_file),
        cmocka_unit_test(an_empty_file_is_an_empty_configuration),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(selecting_changes_one_line_and_keeps_its_comment),
        cmocka_unit_test(removing_takes_exactly_the_lines_of_the_context),
        cmocka_unit_test(adding_starts_a_file_or_goes_behind_the_last_context),
        cmocka_unit_test(a_form_that_cannot_be_edited_is_refused_not_rewritten),
        cmocka_unit_test(a_file_open_to_others_is_refused_and_the_cure_named),
        cmocka_unit_test(a_write_leaves_mode_0600_and_no_other_file),
    };
    return cmocka_run_group_tests_name("hlctl/config", tests, NULL, NULL);
}
