/* Reading repositories through the real child, against repositories that the git command made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>

#include "edge/gitsrc/gitsrc.h"
#include "git_fixture.h"

/* A bare repository remote.git and a work tree w with a first commit. */
static void make_remote(struct fixture *f)
{
    sh(f, "git init -q --bare -b main remote.git && git init -q -b main w && cd w && "
          "git remote add origin ../remote.git && mkdir -p addons/a addons/b.d && "
          "echo 'one: 1' > addons/a/values.yaml && echo x > addons/b.d/f && echo r > README && "
          "git add -A && git commit -qm 'first commit' && git push -q origin main");
}

static void push_change(struct fixture *f, const char *message)
{
    sh(f, "cd w && echo '%s' >> README && git commit -qam '%s' && git push -q origin main", message,
       message);
}

static struct gitsrc *open_source(struct fixture *f, struct gitsrc_config c)
{
    struct gitsrc *src = NULL;
    struct err err;

    c.program = STR(HL_BIN_DIR "/hl-git");
    if (c.dir.len == 0)
        c.dir = path_in(f, "clone");
    if (c.url.len == 0)
        c.url = path_in(f, "remote.git");
    if (gitsrc_open(&c, &src, &err) < 0)
        fail_msg("%s", err.text);
    return src;
}

static int fetch(struct fixture *f, struct gitsrc *src, struct str known, struct gitsrc_commit *out)
{
    struct err err = {0};
    int rc = gitsrc_fetch(src, known, f->a, out, &err);

    if (rc < 0)
        print_message("fetch: %s\n", err.text);
    return rc;
}

static void a_first_fetch_tells_commit_author_subject_and_branch(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    struct str head = sh_word(f, "git -C w rev-parse HEAD");
    assert_string_equal(c.oid, head.ptr);
    assert_string_equal(c.branch, "main");
    assert_string_equal(c.subject.ptr, "first commit");
    assert_string_equal(c.author.ptr, "Ada <ada@example.org>");
    assert_int_equal(c.depth, 1);
    assert_false(c.is_rewound);
    int64_t time_s;
    assert_true(str_to_i64(sh_word(f, "git -C w log -1 --format=%ct"), &time_s));
    assert_int_equal(c.time_wall_ms, time_s * 1000);
}

static void an_unchanged_branch_is_unchanged_and_a_push_is_a_change(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c, d;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    assert_int_equal(fetch(f, src, str_from(c.oid), &d), GITSRC_UNCHANGED);
    assert_string_equal(c.oid, d.oid);
    push_change(f, "second");
    assert_int_equal(fetch(f, src, str_from(c.oid), &d), GITSRC_CHANGED);
    assert_string_equal(d.subject.ptr, "second");
    assert_int_equal(d.depth, 2);
    assert_false(d.is_rewound);
}

static void a_new_leader_without_a_clone_learns_that_nothing_changed(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct str text;
    struct err err;

    make_remote(f);
    struct str head = sh_word(f, "git -C w rev-parse HEAD");
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, head, &c), GITSRC_UNCHANGED);
    struct source s = gitsrc_source(&tree, src, head);
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), SOURCE_FOUND);
}

static void a_rewritten_branch_is_an_alarm_once_told_what_was_known(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit first, second, third;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &first), GITSRC_CHANGED);
    push_change(f, "to be lost");
    assert_int_equal(fetch(f, src, str_from(first.oid), &second), GITSRC_CHANGED);
    assert_false(second.is_rewound);
    sh(f, "cd w && git reset -q --hard HEAD~1 && echo n > N && git add N && "
          "git commit -qm 'another history' && git push -qf origin main");
    assert_int_equal(fetch(f, src, str_from(second.oid), &third), GITSRC_CHANGED);
    assert_true(third.is_rewound);
    assert_int_equal(fetch(f, src, str_from(third.oid), &third), GITSRC_UNCHANGED);
    assert_false(third.is_rewound);
    /* A commit nobody has ever seen cannot be an ancestor either. */
    assert_int_equal(fetch(f, src, STR("1234567890123456789012345678901234567890"), &third),
                     GITSRC_CHANGED);
    assert_true(third.is_rewound);
}

static void an_empty_repository_is_an_outcome_and_a_missing_branch_an_error(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct err err;

    sh(f, "git init -q --bare -b main remote.git");
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_EMPTY);
    assert_string_equal(c.oid, "");
    sh(f, "rm -rf remote.git");
    make_remote(f);
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *other =
        open_source(f, (struct gitsrc_config){.branch = STR("prod"), .dir = path_in(f, "c2")});
    assert_int_equal(gitsrc_fetch(other, STR_NONE, f->a, &c, &err), HL_EABSENT);
    assert_non_null(strstr(err.text, "no branch 'prod'"));
    assert_non_null(strstr(err.text, "main"));
    sh(f, "git -C remote.git symbolic-ref HEAD refs/heads/gone");
    assert_int_equal(gitsrc_fetch(src, STR_NONE, f->a, &c, &err), HL_EABSENT);
    assert_non_null(strstr(err.text, "HEAD points to no branch"));
}

static void only_the_followed_branch_is_copied(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;

    make_remote(f);
    sh(f, "cd w && git tag v1 && git checkout -qb side && echo s > S && git add S && "
          "git commit -qm side && git push -q origin side v1");
    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *src = open_source(f, (struct gitsrc_config){.branch = STR("main")});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    gitsrc_idle(src);
    sh(f, "test $(git -C clone for-each-ref | wc -l) = 1");
    sh(f, "! git -C clone cat-file -e $(git -C w rev-parse side)");
    sh(f, "git -C clone fsck --full");
}

static void files_and_folders_are_read_without_a_work_tree(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct source_entry *entry;
    size_t count;
    struct str text;
    struct err err;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    struct source s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.read(s.context, STR("addons/a/values.yaml"), f->a, &text, &err), 0);
    assert_true(str_eq(text, STR("one: 1\n")));
    assert_int_equal(s.read(s.context, STR("addons/a"), f->a, &text, &err), SOURCE_ABSENT);
    assert_int_equal(s.read(s.context, STR("addons/none"), f->a, &text, &err), SOURCE_ABSENT);
    assert_int_equal(s.read(s.context, STR("README/x"), f->a, &text, &err), SOURCE_ABSENT);
    assert_int_equal(s.list(s.context, STR(""), f->a, &entry, &count, &err), SOURCE_FOUND);
    assert_int_equal(count, 2);
    assert_true(str_eq(entry[0].name, STR("README")));
    assert_int_equal(entry[0].kind, SOURCE_FILE);
    assert_int_equal(entry[0].size_bytes, 2);
    assert_true(str_eq(entry[1].name, STR("addons")));
    assert_int_equal(entry[1].kind, SOURCE_FOLDER);
    assert_int_equal(s.list(s.context, STR("addons/a/values.yaml"), f->a, &entry, &count, &err),
                     SOURCE_ABSENT);
    assert_int_equal(s.list(s.context, STR("nowhere"), f->a, &entry, &count, &err), SOURCE_ABSENT);
    sh(f, "test ! -e clone/README");
}

static void an_older_commit_stays_readable_after_a_fetch(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c, d;
    struct gitsrc_tree tree;
    struct str text;
    struct err err;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    push_change(f, "second");
    assert_int_equal(fetch(f, src, str_from(c.oid), &d), GITSRC_CHANGED);
    struct source s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), SOURCE_FOUND);
    assert_true(str_eq(text, STR("r\n")));
    s = gitsrc_source(&tree, src, STR("1234567890123456789012345678901234567890"));
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), HL_EABSENT);
    s = gitsrc_source(&tree, src, STR("HEAD"));
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), HL_EINVAL);
}

static void links_and_submodules_are_listed_but_refused_by_name(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct source_entry *entry;
    size_t count;
    struct str text;
    struct err err;

    make_remote(f);
    sh(f, "cd w && ln -s /etc/passwd evil && ln -s addons dirlink && "
          "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub && "
          "git add evil dirlink && git commit -qm links && git push -q origin main");
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    struct source s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.list(s.context, STR(""), f->a, &entry, &count, &err), SOURCE_FOUND);
    assert_int_equal(count, 5);
    assert_int_equal(entry[2].kind, SOURCE_LINK);
    assert_int_equal(entry[3].kind, SOURCE_LINK);
    assert_int_equal(entry[4].kind, SOURCE_SUBMODULE);
    assert_int_equal(s.read(s.context, STR("evil"), f->a, &text, &err), HL_EDENIED);
    assert_non_null(strstr(err.text, "'evil' is a symbolic link"));
    assert_int_equal(s.read(s.context, STR("dirlink/a/values.yaml"), f->a, &text, &err),
                     HL_EDENIED);
    assert_non_null(strstr(err.text, "'dirlink' is a symbolic link"));
    assert_int_equal(s.list(s.context, STR("sub"), f->a, &entry, &count, &err), HL_EDENIED);
    assert_non_null(strstr(err.text, "'sub' is a submodule"));
    assert_int_equal(s.read(s.context, STR("sub/x"), f->a, &text, &err), HL_EDENIED);
}

static void paths_that_could_escape_are_refused(void **state)
{
    static const char *const bad[] = {"../x", "a/../b", "/etc/passwd", "a//b",
                                      "a/",   "./a",    ".git/config", "a/.GIT/x",
                                      "a\\b", "a\nb",   "a/..",        ""};
    struct fixture *f = *state;
    struct gitsrc_tree tree;
    struct str text;
    struct err err;

    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *src = open_source(f, (struct gitsrc_config){.url = STR("/none")});
    struct source s = gitsrc_source(&tree, src, STR("1234567890123456789012345678901234567890"));
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        if (s.read(s.context, str_from(bad[i]), f->a, &text, &err) != HL_EINVAL)
            fail_msg("'%s' was not refused", bad[i]);
    assert_int_equal(gitsrc_pid(src), 0); /* nothing of it reached the child */
}

static void a_huge_file_fails_alone(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct source_entry *entry;
    size_t count;
    struct str text;
    struct err err;

    make_remote(f);
    sh(f, "cd w && head -c 104857600 /dev/zero > huge && git add huge && git commit -qm huge && "
          "git push -q origin main");
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    struct source s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.read(s.context, STR("huge"), f->a, &text, &err), HL_ELIMIT);
    assert_non_null(strstr(err.text, "'huge' has 104857600 bytes"));
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), SOURCE_FOUND);
    assert_int_equal(s.list(s.context, STR(""), f->a, &entry, &count, &err), SOURCE_FOUND);
    assert_int_equal(entry[2].size_bytes, 104857600);
}

static void a_file_whose_content_the_remote_lacks_fails_alone(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct source_entry *entry;
    size_t count;
    struct str text;
    struct err err;

    make_remote(f);
    sh(f, "b=$(git -C w rev-parse HEAD:addons/b.d/f) && "
          "rm -f remote.git/objects/$(echo $b | cut -c1-2)/$(echo $b | cut -c3-)");
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    struct source s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.list(s.context, STR("addons/b.d"), f->a, &entry, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(s.read(s.context, STR("addons/b.d/f"), f->a, &text, &err), HL_EABSENT);
    assert_non_null(strstr(err.text, "lacks its content"));
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), SOURCE_FOUND);
}

static void a_clone_that_gathered_many_packs_is_compacted_and_stays_whole(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct str text, first;
    struct err err;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    first = arena_dup(f->a, str_from(c.oid));
    for (int i = 0; i < 55; i++) {
        push_change(f, "more");
        assert_int_equal(fetch(f, src, str_from(c.oid), &c), GITSRC_CHANGED);
    }
    sh(f, "test $(ls clone/objects/pack/*.pack | wc -l) -lt 10");
    struct source s = gitsrc_source(&tree, src, first);
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), SOURCE_FOUND);
    s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.read(s.context, STR("README"), f->a, &text, &err), SOURCE_FOUND);
    assert_int_equal(text.len, 2 + 55 * 5);
    assert_int_equal(fetch(f, src, str_from(c.oid), &c), GITSRC_UNCHANGED);
    sh(f, "git -C clone fsck --full --strict");
}

static void every_limit_is_enforced(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct gitsrc_tree tree;
    struct source_entry *entry;
    size_t count;
    struct str text;
    struct err err;
    struct gitsrc_limits tight = {.max_file_bytes = 6, .max_entries = 2};

    make_remote(f);
    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *src = open_source(f, (struct gitsrc_config){.limits = tight});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    struct source s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.read(s.context, STR("addons/a/values.yaml"), f->a, &text, &err), HL_ELIMIT);
    assert_int_equal(s.list(s.context, STR(""), f->a, &entry, &count, &err), SOURCE_FOUND);
    sh(f, "cd w && echo t > third && git add third && git commit -qm t && git push -q origin main");
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    s = gitsrc_source(&tree, src, str_from(c.oid));
    assert_int_equal(s.list(s.context, STR(""), f->a, &entry, &count, &err), HL_ELIMIT);
    assert_non_null(strstr(err.text, "3 entries, at most 2"));

    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *small = open_source(
        f, (struct gitsrc_config){.dir = path_in(f, "c2"), .limits = {.max_fetch_bytes = 100}});
    assert_int_equal(gitsrc_fetch(small, STR_NONE, f->a, &c, &err), HL_ELIMIT);
    assert_non_null(strstr(err.text, "more than 100 bytes to fetch"));
}

static void a_missing_remote_and_a_foreign_folder_are_explained(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct err err;

    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(gitsrc_fetch(src, STR_NONE, f->a, &c, &err), HL_EABSENT);
    assert_non_null(strstr(err.text, "no Git repository at"));
    sh(f, "mkdir other && echo mine > other/file");
    HL_CLEANUP(gitsrc_freep)
    struct gitsrc *foreign = open_source(f, (struct gitsrc_config){.dir = path_in(f, "other")});
    assert_int_equal(gitsrc_fetch(foreign, STR_NONE, f->a, &c, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "not a Git repository"));
    sh(f, "test \"$(ls other)\" = file");
}

static void a_damaged_clone_says_that_deleting_it_is_safe(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct err err;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    gitsrc_idle(src);
    sh(f, "chmod u+w clone/objects/pack/*.pack; for p in clone/objects/pack/*.pack; do "
          "head -c 40 $p > t && mv t $p; done");
    assert_true(gitsrc_fetch(src, str_from(c.oid), f->a, &c, &err) < 0);
    assert_non_null(strstr(err.text, "clone"));
    gitsrc_idle(src);
    sh(f, "rm -rf clone");
    assert_int_equal(fetch(f, src, str_from(c.oid), &c), GITSRC_UNCHANGED);
}

static void the_clone_is_private_and_holds_no_hooks_that_run(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;
    struct stat st;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    assert_int_equal(stat(path_in(f, "clone").ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    sh(f,
       "mkdir -p clone/hooks && printf '#!/bin/sh\\ntouch %s/ran\\n' > "
       "clone/hooks/reference-transaction && chmod +x clone/hooks/reference-transaction",
       f->dir);
    push_change(f, "second");
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    sh(f, "test ! -e ran");
}

static void idle_ends_the_child_and_the_next_call_starts_another(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(gitsrc_pid(src), 0);
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    int64_t pid = gitsrc_pid(src);
    assert_true(pid > 0);
    assert_true(gitsrc_sandbox(src).len > 0);
    print_message("sandbox: " STR_FMT "\n", STR_ARG(gitsrc_sandbox(src)));
    gitsrc_idle(src);
    assert_int_equal(gitsrc_pid(src), 0);
    assert_int_equal(kill((pid_t)pid, 0), -1);
    assert_int_equal(fetch(f, src, str_from(c.oid), &c), GITSRC_UNCHANGED);
}

static void a_child_killed_between_calls_is_replaced_unnoticed(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    for (int i = 0; i < 3; i++) {
        kill((pid_t)gitsrc_pid(src), SIGKILL);
        while (access(arena_printf(f->a, "/proc/%lld/fd/3", (long long)gitsrc_pid(src)).ptr,
                      F_OK) == 0)
            usleep(1000); /* until the kernel has taken the socket from it */
        assert_int_equal(fetch(f, src, str_from(c.oid), &c), GITSRC_UNCHANGED);
    }
}

static void the_child_holds_nothing_of_ours(void **state)
{
    struct fixture *f = *state;
    struct gitsrc_commit c;

    make_remote(f);
    HL_CLEANUP(gitsrc_freep) struct gitsrc *src = open_source(f, (struct gitsrc_config){0});
    FILE *open_file = fopen(path_in(f, "ours").ptr, "w"); /* without O_CLOEXEC */
    assert_non_null(open_file);
    setenv("HL_SECRET_IN_ENVIRONMENT", "canary", 1);
    assert_int_equal(fetch(f, src, STR_NONE, &c), GITSRC_CHANGED);
    int pid = (int)gitsrc_pid(src);
    sh(f, "! ls -l /proc/%d/fd | grep -q ours", pid);
    sh(f, "! tr '\\0' '\\n' < /proc/%d/environ | grep -q canary", pid);
    sh(f, "test $(cut -d' ' -f5 /proc/%d/stat) = %d", pid, pid); /* its own process group */
    sh(f, "grep -q 'NoNewPrivs:.1' /proc/%d/status", pid);
    sh(f, "grep 'Max core file size' /proc/%d/limits | grep -q ' 0 '", pid);
    fclose(open_file);
}

static void configurations_that_cannot_work_are_refused_before_anything_starts(void **state)
{
    static const struct {
        const char *url, *branch, *dir, *says;
    } bad[] = {
        {"", "", "/d", "no repository url"},
        {"https://u:secret@host/r", "", "/d", "carries a password"},
        {"git://host/r", "", "/d", "only file, http, https and ssh"},
        {"ext::sh -c id", "", "/d", "blank"},
        {"-oProxyCommand=x:y", "", "/d", "starts with '-'"},
        {"relative/path", "", "/d", "neither"},
        {"ssh://host:0/r", "", "/d", "port"},
        {"/r", "a..b", "/d", "branch name"},
        {"/r", "@{1}", "/d", "branch name"},
        {"/r", "", "rel", "absolute"},
    };
    struct gitsrc *src = NULL;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        struct gitsrc_config c = {.url = str_from(bad[i].url),
                                  .branch = str_from(bad[i].branch),
                                  .dir = str_from(bad[i].dir)};
        assert_int_equal(gitsrc_open(&c, &src, &err), HL_EINVAL);
        assert_null(src);
        if (!strstr(err.text, bad[i].says))
            fail_msg("'%s' said: %s", bad[i].url, err.text);
        assert_null(strstr(err.text, "secret"));
    }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_first_fetch_tells_commit_author_subject_and_branch),
        WITH_FOLDER(an_unchanged_branch_is_unchanged_and_a_push_is_a_change),
        WITH_FOLDER(a_new_leader_without_a_clone_learns_that_nothing_changed),
        WITH_FOLDER(a_rewritten_branch_is_an_alarm_once_told_what_was_known),
        WITH_FOLDER(an_empty_repository_is_an_outcome_and_a_missing_branch_an_error),
        WITH_FOLDER(only_the_followed_branch_is_copied),
        WITH_FOLDER(files_and_folders_are_read_without_a_work_tree),
        WITH_FOLDER(an_older_commit_stays_readable_after_a_fetch),
        WITH_FOLDER(links_and_submodules_are_listed_but_refused_by_name),
        WITH_FOLDER(paths_that_could_escape_are_refused),
        WITH_FOLDER(a_huge_file_fails_alone),
        WITH_FOLDER(a_file_whose_content_the_remote_lacks_fails_alone),
        WITH_FOLDER(a_clone_that_gathered_many_packs_is_compacted_and_stays_whole),
        WITH_FOLDER(every_limit_is_enforced),
        WITH_FOLDER(a_missing_remote_and_a_foreign_folder_are_explained),
        WITH_FOLDER(a_damaged_clone_says_that_deleting_it_is_safe),
        WITH_FOLDER(the_clone_is_private_and_holds_no_hooks_that_run),
        WITH_FOLDER(idle_ends_the_child_and_the_next_call_starts_another),
        WITH_FOLDER(a_child_killed_between_calls_is_replaced_unnoticed),
        WITH_FOLDER(the_child_holds_nothing_of_ours),
        cmocka_unit_test(configurations_that_cannot_work_are_refused_before_anything_starts),
    };
    return cmocka_run_group_tests_name("edge/gitsrc", tests, NULL, NULL);
}
