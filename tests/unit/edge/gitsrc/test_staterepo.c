/* Writing state repositories through the real child; the git command is the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "edge/gitsrc/staterepo.h"
#include "git_fixture.h"

static struct staterepo *open_repo(struct fixture *f, struct staterepo_config c)
{
    struct staterepo *repo = NULL;
    struct err err;

    c.program = STR(HL_BIN_DIR "/hl-git");
    if (c.url.len == 0)
        c.url = path_in(f, "state.git");
    if (c.agent.len == 0)
        c.agent = STR("agent-1");
    if (staterepo_open(&c, &repo, &err) < 0)
        fail_msg("%s", err.text);
    return repo;
}

static void make_state(struct fixture *f)
{
    sh(f, "git init -q --bare -b main state.git");
}

static struct staterepo_change change_of(const char *app, uint64_t epoch)
{
    return (struct staterepo_change){
        .app = str_from(app), .epoch = epoch, .subject = STR("Update it"), .revision = STR("abc")};
}

static int apply(struct staterepo *repo, const struct staterepo_change *c,
                 struct staterepo_result *out)
{
    struct err err = {0};
    int rc = staterepo_apply(repo, c, out, &err);

    if (rc < 0)
        print_message("apply: %s\n", err.text);
    return rc;
}

static int put_one(struct staterepo *repo, const char *app, uint64_t epoch, const char *path,
                   const char *bytes, struct staterepo_result *out)
{
    struct staterepo_put put = {str_from(path), str_from(bytes)};
    struct staterepo_change c = change_of(app, epoch);

    c.puts = &put;
    c.put_count = 1;
    return apply(repo, &c, out);
}

static void the_first_commit_makes_the_branch_with_all_trailers(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    assert_int_equal(put_one(repo, "host/grafana", 17, "clusters/host/ns/a.yaml", "a: 1\n", &r),
                     STATEREPO_COMMITTED);
    assert_int_equal(r.attempt_count, 1);
    assert_string_equal(r.oid, sh_word(f, "git -C state.git rev-parse main").ptr);
    sh(f, "test \"$(git -C state.git show main:clusters/host/ns/a.yaml)\" = 'a: 1'");
    sh(f, "printf 'Update it\\n\\nHlmesh-App: host/grafana\\nHlmesh-Lease: 17\\n"
          "Hlmesh-Agent: agent-1\\nHlmesh-Revision: abc\\n' > want && "
          "git -C state.git log -1 --format=%%B main | sed '$d' > have && cmp want have");
    sh(f, "test \"$(git -C state.git log -1 --format='%%an %%ae')\" = 'hlmesh hlmesh@localhost'");
    sh(f, "git -C state.git fsck --strict");
}

static void puts_and_deletes_are_exact_and_leave_no_empty_folder(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_put put[] = {
        {STR("clusters/host/ns/b.yaml"), STR("b")},
        {STR("clusters/host/ns/a.yaml"), STR("a")},
        {STR("clusters/host/ns-2/c.yaml"), STR("")},
        {STR("clusters/host/ns/sub/deep/d.yaml"), STR("d")},
    };
    struct str gone[] = {STR("clusters/host/ns/sub/deep/d.yaml"), STR("clusters/host/ns-2/c.yaml"),
                         STR("clusters/host/never/was.yaml"),
                         STR("clusters/host/ns/a.yaml/below-a-file")};
    struct staterepo_change c = change_of("host/x", 1);

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    c.puts = put;
    c.put_count = HL_COUNT(put);
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    sh(f, "git -C state.git ls-tree -r --name-only main | sort > have; printf '%%s\\n' "
          "clusters/host/ns-2/c.yaml clusters/host/ns/a.yaml clusters/host/ns/b.yaml "
          "clusters/host/ns/sub/deep/d.yaml | sort > want; cmp want have");
    put[0].bytes = STR("b2");
    c.put_count = 1;
    c.deletes = gone;
    c.delete_count = HL_COUNT(gone);
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    sh(f, "git -C state.git ls-tree -r -t --name-only main | sort > have; printf '%%s\\n' clusters "
          "clusters/host clusters/host/ns clusters/host/ns/a.yaml clusters/host/ns/b.yaml "
          "| sort > want; cmp want have");
    sh(f, "test \"$(git -C state.git show main:clusters/host/ns/b.yaml)\" = b2");
    struct str rest[] = {STR("clusters/host/ns/a.yaml"), STR("clusters/host/ns/b.yaml")};
    c = change_of("host/x", 1);
    c.deletes = rest;
    c.delete_count = 2;
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    sh(f, "test -z \"$(git -C state.git ls-tree main)\" && git -C state.git fsck --strict");
}

static void nothing_different_makes_no_commit_unless_it_is_a_takeover(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result first, r;
    struct staterepo_put put = {STR("clusters/h/a"), STR("1")};
    struct staterepo_change c = change_of("h/x", 4);

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    assert_int_equal(apply(repo, &c, &r), STATEREPO_UNCHANGED);
    assert_string_equal(r.oid, "");
    c.puts = &put;
    c.put_count = 1;
    assert_int_equal(apply(repo, &c, &first), STATEREPO_COMMITTED);
    assert_int_equal(apply(repo, &c, &r), STATEREPO_UNCHANGED);
    assert_string_equal(r.oid, first.oid);
    c.epoch = 5;
    c.is_takeover = true;
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    assert_string_not_equal(r.oid, first.oid);
    sh(f, "test -z \"$(git -C state.git diff main~1 main)\"");
}

static void a_superseded_lease_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_put put = {STR("clusters/h/a"), STR("stale")};
    struct staterepo_change c = change_of("h/x", 7);
    struct err err;

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *old = open_repo(f, (struct staterepo_config){0});
    HL_CLEANUP(staterepo_freep)
    struct staterepo *new = open_repo(f, (struct staterepo_config){.agent = STR("agent-2")});
    assert_int_equal(put_one(old, "h/x", 7, "clusters/h/a", "1", &r), STATEREPO_COMMITTED);
    assert_int_equal(put_one(new, "h/x", 8, "clusters/h/a", "2", &r), STATEREPO_COMMITTED);
    /* Another application at a lower epoch is nobody's business. */
    assert_int_equal(put_one(old, "h/y", 3, "clusters/h/y", "1", &r), STATEREPO_COMMITTED);
    struct str head = sh_word(f, "git -C state.git rev-parse main");
    c.puts = &put;
    c.put_count = 1;
    assert_int_equal(staterepo_apply(old, &c, &r, &err), HL_ECONFLICT);
    assert_non_null(strstr(err.text, "lease superseded"));
    assert_non_null(strstr(err.text, "lease 8, ours is 7"));
    c.is_takeover = true;
    assert_int_equal(staterepo_apply(old, &c, &r, &err), HL_ECONFLICT);
    assert_string_equal(head.ptr, sh_word(f, "git -C state.git rev-parse main").ptr);
    /* A child that has just started reads history and comes to the same verdict. */
    staterepo_idle(old);
    assert_int_equal(staterepo_apply(old, &c, &r, &err), HL_ECONFLICT);
}

static void fencing_looks_back_a_thousand_commits_and_no_further(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct err err;
    struct staterepo_put put = {STR("clusters/h/a"), STR("stale")};
    struct staterepo_change c = change_of("h/x", 1);

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    assert_int_equal(put_one(repo, "h/x", 9, "clusters/h/a", "1", &r), STATEREPO_COMMITTED);
    sh(f, "cat > grow.sh <<'END'\n"
          "p=$(git -C state.git rev-parse main)\n"
          "{ i=0; while [ $i -lt $1 ]; do i=$((i+1)); echo commit refs/heads/main; "
          "echo \"committer A <a@b> $((1900000000+$2+i)) +0000\"; echo data 1; echo n; "
          "[ $i = 1 ] && echo from $p; echo; done; echo done; } | "
          "git -C state.git fast-import --quiet --done\nEND\nsh grow.sh 999 0");
    c.puts = &put;
    c.put_count = 1;
    staterepo_idle(repo);
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_ECONFLICT);
    sh(f, "sh grow.sh 1 2000");
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_ECONFLICT); /* remembered */
    staterepo_idle(repo);
    assert_int_equal(apply(repo, &c, &r),
                     STATEREPO_COMMITTED); /* forgotten: the documented bound */
}

struct lease {
    bool is_valid;
    int asked;
};

static bool ask_lease(void *context)
{
    struct lease *l = context;

    l->asked++;
    return l->is_valid;
}

static void a_lease_lost_at_the_last_moment_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_put put = {STR("clusters/h/a"), STR("1")};
    struct staterepo_change c = change_of("h/x", 1);
    struct lease lease = {0};
    struct err err;

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    c.puts = &put;
    c.put_count = 1;
    c.lease_valid = ask_lease;
    c.context = &lease;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_ECONFLICT);
    assert_int_equal(lease.asked, 1);
    sh(f, "test -z \"$(git -C state.git for-each-ref)\"");
    lease.is_valid = true;
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    assert_int_equal(lease.asked, 2);
}

static void changes_that_break_the_rules_are_refused_before_the_child(void **state)
{
    static const char *const bad[] = {"README",
                                      "clusters",
                                      "clusters/",
                                      "/clusters/a",
                                      "clusters/../a",
                                      "clusters/a//b",
                                      "clusters/.git/config",
                                      "clusters/a/./b",
                                      "clustersx/a",
                                      "clusters/a\\b"};
    struct fixture *f = *state;
    struct staterepo_result r;
    struct err err;
    struct staterepo_put twice[] = {{STR("clusters/h/a"), STR("1")},
                                    {STR("clusters/h/a"), STR("2")}};

    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        struct staterepo_put put = {str_from(bad[i]), STR("x")};
        struct str gone = str_from(bad[i]);
        struct staterepo_change c = change_of("h/x", 1);
        c.puts = &put;
        c.put_count = 1;
        assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
        c = change_of("h/x", 1);
        c.deletes = &gone;
        c.delete_count = 1;
        assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    }
    struct staterepo_change c = change_of("h/x", 1);
    c.puts = twice;
    c.put_count = 2;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "twice"));
    c.put_count = 1;
    c.app = STR("h/x\nHlmesh-Lease: 99");
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    c.app = STR("no-cluster");
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    c.app = STR("h/x");
    c.epoch = 0;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    c.epoch = 1;
    c.put_count = STATEREPO_CHANGE_MAX + 1;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_ELIMIT);
    twice[0].bytes = (struct str){arena_alloc(f->a, STATEREPO_CHANGE_BYTES_MAX + 1),
                                  STATEREPO_CHANGE_BYTES_MAX + 1};
    c.put_count = 1;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_ELIMIT);
    assert_int_equal(staterepo_pid(repo), 0);
}

static void a_subject_cannot_forge_a_trailer(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_put put = {STR("clusters/h/a"), STR("1")};
    struct staterepo_change c = change_of("h/x", 1);

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    c.subject = STR("x\n\nHlmesh-App: h/victim\nHlmesh-Lease: 99999\n\n");
    c.puts = &put;
    c.put_count = 1;
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    staterepo_idle(repo);
    assert_int_equal(put_one(repo, "h/victim", 2, "clusters/h/v", "1", &r), STATEREPO_COMMITTED);
}

static void foreign_links_are_replaced_as_files_and_never_followed(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_put put = {STR("clusters/h/dir/a"), STR("1")};
    struct staterepo_change c = change_of("h/x", 1);
    struct str text;
    struct err err;

    make_state(f);
    sh(f, "git clone -q state.git w && cd w && git checkout -q -B main && mkdir -p clusters/h && "
          "ln -s /etc clusters/h/dir && ln -s /etc/passwd clusters/h/file && git add -A && "
          "git commit -qm links && git push -q origin main");
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    c.puts = &put;
    c.put_count = 1;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "'clusters/h/dir' is not a folder"));
    assert_int_equal(staterepo_read(repo, STR("clusters/h/file"), f->a, &text, &err), HL_EDENIED);
    assert_int_equal(put_one(repo, "h/x", 1, "clusters/h/file", "mine", &r), STATEREPO_COMMITTED);
    assert_int_equal(staterepo_read(repo, STR("clusters/h/file"), f->a, &text, &err), 0);
    assert_true(str_eq(text, STR("mine")));
}

static void listing_tells_what_the_repository_holds_in_gits_own_names(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_file *file;
    size_t count;
    char head[GIT_OID_TEXT_MAX], blob[GIT_OID_TEXT_MAX];
    struct str text;
    struct err err;

    make_state(f);
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    assert_int_equal(staterepo_list(repo, STR("clusters"), f->a, &file, &count, head, &err),
                     STATEREPO_ABSENT);
    assert_string_equal(head, "");
    assert_int_equal(staterepo_read(repo, STR("clusters/h/a"), f->a, &text, &err),
                     STATEREPO_ABSENT);
    assert_int_equal(put_one(repo, "h/x", 1, "clusters/h/b/x", "two", &r), STATEREPO_COMMITTED);
    assert_int_equal(put_one(repo, "h/x", 1, "clusters/h/b.x", "one", &r), STATEREPO_COMMITTED);
    assert_int_equal(put_one(repo, "h/x", 1, "clusters/i/c", "three", &r), STATEREPO_COMMITTED);
    assert_int_equal(staterepo_list(repo, STR("clusters/h"), f->a, &file, &count, head, &err),
                     STATEREPO_FOUND);
    assert_string_equal(head, r.oid);
    assert_int_equal(count, 2);
    assert_true(str_eq(file[0].path, STR("clusters/h/b.x")));
    assert_true(str_eq(file[1].path, STR("clusters/h/b/x")));
    assert_string_equal(file[0].blob, staterepo_blob_id(STR("one"), blob));
    assert_string_equal(blob, sh_word(f, "printf one | git hash-object --stdin").ptr);
    assert_int_equal(file[1].mode, 0100644);
    /* Somebody edits by hand: the next listing shows it. */
    sh(f, "git clone -q state.git w && cd w && echo drift > clusters/h/b.x && "
          "git commit -qam drift && git push -q origin main");
    assert_int_equal(staterepo_list(repo, STR("clusters"), f->a, &file, &count, head, &err),
                     STATEREPO_FOUND);
    assert_int_equal(count, 3);
    assert_string_not_equal(file[0].blob, blob);
    assert_int_equal(staterepo_read(repo, STR("clusters/h/b.x"), f->a, &text, &err), 0);
    assert_true(str_eq(text, STR("drift\n")));
}

static void blob_ids_agree_with_git_at_every_block_boundary(void **state)
{
    static const size_t length[] = {0, 1, 46, 47, 55, 56, 63, 64, 65, 119, 128, 1000, 100000};
    struct fixture *f = *state;
    char blob[GIT_OID_TEXT_MAX];

    sh(f, "git init -q x");
    for (size_t i = 0; i < HL_COUNT(length); i++) {
        char *bytes = arena_alloc(f->a, length[i] + 1);
        memset(bytes, 'x', length[i]);
        struct str want = sh_word(
            f, arena_printf(f->a, "head -c %zu /dev/zero | tr '\\0' x | git hash-object --stdin",
                            length[i])
                   .ptr);
        assert_string_equal(staterepo_blob_id((struct str){bytes, length[i]}, blob), want.ptr);
    }
}

/* ---- many writers ---- */

enum { WRITERS = 2, COMMITS_EACH = 25 };

static int write_many(struct fixture *f, int writer)
{
    struct staterepo_config config = {.agent = arena_printf(f->a, "agent-%d", writer)};
    struct staterepo *repo = open_repo(f, config);
    struct staterepo_result r;
    int failures = 0;

    for (int i = 0; i < COMMITS_EACH; i++) {
        struct str path = arena_printf(f->a, "clusters/c%d/ns/file-%d", writer, i);
        struct str app = arena_printf(f->a, "c%d/app-%d", writer, i % 5);
        failures += put_one(repo, app.ptr, 1, path.ptr, path.ptr, &r) != STATEREPO_COMMITTED;
    }
    staterepo_free(repo);
    return failures;
}

static void concurrent_writers_lose_nothing(void **state)
{
    struct fixture *f = *state;
    pid_t pid[WRITERS];
    int status;

    make_state(f);
    for (int i = 0; i < WRITERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(write_many(f, i));
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    sh(f, "test $(git -C state.git rev-list --count main) = %d", WRITERS * COMMITS_EACH);
    sh(f, "test $(git -C state.git ls-tree -r main | wc -l) = %d", WRITERS * COMMITS_EACH);
    sh(f, "git -C state.git fsck --strict");
}

static void writers_and_git_pushes_lose_nothing_of_each_other(void **state)
{
    struct fixture *f = *state;
    int status;

    make_state(f);
    sh(f, "git clone -q state.git w && cd w && git checkout -q -B main && git commit -q "
          "--allow-empty -m start && git push -q origin main");
    pid_t pid = fork();
    if (pid == 0)
        _exit(write_many(f, 0));
    sh(f, "cd w && for i in 1 2 3 4 5 6 7 8; do until git pull -q --rebase origin main && "
          "echo $i > hand-$i && git add hand-$i && git commit -qm hand-$i && "
          "git push -q origin main; do git reset -q --hard origin/main; done; done");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    sh(f, "test $(git -C state.git ls-tree -r main | wc -l) = %d", COMMITS_EACH + 8);
}

/* ---- faults ---- */

static void a_lock_left_by_a_killed_writer_is_removed_when_it_is_old(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct err err;
    struct staterepo_put put = {STR("clusters/h/a"), STR("1")};
    struct staterepo_change c = change_of("h/x", 1);

    make_state(f);
    sh(f, "touch state.git/refs/heads/main.lock");
    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){.timeout_ms = 4000});
    c.puts = &put;
    c.put_count = 1;
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_ETEMP);
    assert_non_null(strstr(err.text, "main.lock"));
    sh(f, "test -e state.git/refs/heads/main.lock"); /* a young lock may be in use */
    sh(f, "touch -d '40 seconds ago' state.git/refs/heads/main.lock");
    assert_int_equal(apply(repo, &c, &r), STATEREPO_COMMITTED);
    assert_int_equal(r.attempt_count, 2);
}

static void children_killed_at_any_moment_leave_a_sound_repository(void **state)
{
    struct fixture *f = *state;
    int killed = 0;

    make_state(f);
    for (int round = 0; round < 12; round++) {
        int pipe_fd[2];
        assert_int_equal(pipe(pipe_fd), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
            struct staterepo_result r;
            struct str name = arena_printf(f->a, "clusters/h/first-%d", round);
            put_one(repo, "h/x", 1, name.ptr, "x", &r);
            int64_t child = staterepo_pid(repo);
            if (write(pipe_fd[1], &child, sizeof(child)) != sizeof(child))
                _exit(1);
            for (int i = 0; i < 1000; i++) {
                name = arena_printf(f->a, "clusters/h/%d-%d", round, i);
                if (put_one(repo, "h/x", 1, name.ptr, name.ptr, &r) < 0)
                    _exit(0);
            }
            _exit(1);
        }
        int64_t child = 0;
        assert_int_equal(read(pipe_fd[0], &child, sizeof(child)), sizeof(child));
        usleep((useconds_t)(3000 + 1700 * round)); /* the kill must land in the middle of work */
        killed += kill((pid_t)child, SIGKILL) == 0;
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0); /* it got an error, not a hang */
        close(pipe_fd[0]);
        close(pipe_fd[1]);
        sh(f, "git -C state.git fsck --strict --no-dangling");
        sh(f, "rm -f state.git/refs/heads/main.lock");
    }
    assert_int_equal(killed, 12);
}

static void a_repository_with_a_work_tree_or_none_at_all_is_explained(void **state)
{
    struct fixture *f = *state;
    struct staterepo_result r;
    struct staterepo_change c = change_of("h/x", 1);
    struct err err;

    HL_CLEANUP(staterepo_freep)
    struct staterepo *repo = open_repo(f, (struct staterepo_config){0});
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EABSENT);
    assert_non_null(strstr(err.text, "git init --bare"));
    sh(f, "git init -q state.git");
    assert_int_equal(staterepo_apply(repo, &c, &r, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "work tree"));
    sh(f, "rm -rf state.git && git init -q --bare state.git");
    assert_int_equal(apply(repo, &c, &r), STATEREPO_UNCHANGED);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(the_first_commit_makes_the_branch_with_all_trailers),
        WITH_FOLDER(puts_and_deletes_are_exact_and_leave_no_empty_folder),
        WITH_FOLDER(nothing_different_makes_no_commit_unless_it_is_a_takeover),
        WITH_FOLDER(a_superseded_lease_writes_nothing),
        WITH_FOLDER(fencing_looks_back_a_thousand_commits_and_no_further),
        WITH_FOLDER(a_lease_lost_at_the_last_moment_writes_nothing),
        WITH_FOLDER(changes_that_break_the_rules_are_refused_before_the_child),
        WITH_FOLDER(a_subject_cannot_forge_a_trailer),
        WITH_FOLDER(foreign_links_are_replaced_as_files_and_never_followed),
        WITH_FOLDER(listing_tells_what_the_repository_holds_in_gits_own_names),
        WITH_FOLDER(blob_ids_agree_with_git_at_every_block_boundary),
        WITH_FOLDER(concurrent_writers_lose_nothing),
        WITH_FOLDER(writers_and_git_pushes_lose_nothing_of_each_other),
        WITH_FOLDER(a_lock_left_by_a_killed_writer_is_removed_when_it_is_old),
        WITH_FOLDER(children_killed_at_any_moment_leave_a_sound_repository),
        WITH_FOLDER(a_repository_with_a_work_tree_or_none_at_all_is_explained),
    };
    return cmocka_run_group_tests_name("edge/gitsrc staterepo", tests, NULL, NULL);
}
