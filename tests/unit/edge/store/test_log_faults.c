/*
 * The log on a disk that fails: full, broken, or gone with the process in the middle of an append.
 * pwrite and fdatasync are wrapped by the linker for this test alone (tests/CMakeLists.txt).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/store/log.h"
#include "support/folder.h"

enum { KILLS = 30 };

static const struct store_identity me = {.mesh = {"mesh-a", 6}, .member = 2};

/* What the wrapped calls do next: `after` calls succeed, then one fails with `error`. */
static struct {
    int write_after;
    int write_error;
    bool is_write_short;
    int sync_after;
    int sync_error;
    int calls_after_failure;
} fault;

ssize_t __real_pwrite(int fd, const void *p, size_t len, off_t offset);
int __real_fdatasync(int fd);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t offset);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t offset)
{
    if (fault.write_error == 0)
        return __real_pwrite(fd, p, len, offset);
    if (fault.write_after-- > 0)
        return __real_pwrite(fd, p, fault.is_write_short && len > 1 ? len / 2 : len, offset);
    fault.calls_after_failure++;
    errno = fault.write_error;
    return -1;
}

int __wrap_fdatasync(int fd)
{
    if (fault.sync_error == 0)
        return __real_fdatasync(fd);
    if (fault.sync_after-- > 0)
        return __real_fdatasync(fd);
    fault.calls_after_failure++;
    errno = fault.sync_error;
    return -1;
}

static int set_up(void **state)
{
    memset(&fault, 0, sizeof(fault));
    *state = folder_new();
    return 0;
}

static int tear_down(void **state)
{
    memset(&fault, 0, sizeof(fault));
    folder_free(*state);
    return 0;
}

static struct store_log *open_log(struct folder *f, struct raft_recovered *recovered)
{
    struct store_log *log = NULL;
    struct err err = {0};

    if (log_open(str_from(f->path), &me, &log, recovered, &err) != 0)
        fail_msg("log_open: %s", err.text);
    return log;
}

static int append_one(struct store_log *log, uint64_t index, struct str data, struct err *err)
{
    struct raft_entry e = {.index = index, .term = 1, .kind = RAFT_ENTRY_COMMAND, .data = data};
    struct raft_persist p = {.sequence = index,
                             .has_hard_state = index == 1,
                             .hard = {.term = 1},
                             .entry = &e,
                             .entry_count = 1};

    return log_append(log, &p, err);
}

/* Trap 6. */
static void after_a_failed_flush_the_log_is_closed_for_good(void **state)
{
    struct raft_recovered d;
    struct store_log *log = open_log(*state, &d);
    struct err err = {0};

    assert_int_equal(append_one(log, 1, STR("kept"), &err), 0);
    fault.sync_error = EIO;
    assert_int_equal(append_one(log, 2, STR("lost"), &err), HL_EIO);
    assert_non_null(strstr(err.text, "closed for good"));
    assert_int_equal(fault.calls_after_failure, 1);
    fault.sync_error = 0; /* the disk "recovers": the page cache may have dropped our bytes */
    assert_int_equal(append_one(log, 2, STR("lost"), &err), HL_EIO);
    assert_int_equal(append_one(log, 3, STR("lost"), &err), HL_EIO);
    log_close(log);
    log = open_log(*state, &d);
    assert_true(d.last_index == 1 || d.last_index == 2); /* never acknowledged: either is right */
    log_close(log);
}

static void after_a_failed_write_the_log_is_closed_for_good(void **state)
{
    struct raft_recovered d;
    struct store_log *log = open_log(*state, &d);
    struct err err = {0};

    assert_int_equal(append_one(log, 1, STR("kept"), &err), 0);
    fault.write_error = EIO;
    fault.write_after = 1;
    fault.is_write_short = true; /* half of it gets through */
    assert_int_equal(append_one(log, 2, STR("a longer piece of data"), &err), HL_EIO);
    fault.write_error = 0;
    assert_int_equal(append_one(log, 2, STR("x"), &err), HL_EIO);
    log_close(log);
    log = open_log(*state, &d);
    assert_int_equal(d.last_index, 1);
    assert_int_equal(append_one(log, 2, STR("y"), &err), 0);
    log_close(log);
    log = open_log(*state, &d);
    assert_int_equal(d.last_index, 2);
    log_close(log);
}

static void a_disk_that_fills_up_refuses_the_append_and_goes_on_later(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str big = {arena_alloc(a, 100000), 100000};
    struct raft_recovered d;
    struct store_log *log = open_log(*state, &d);
    struct log_stats before;
    struct log_stats after;
    struct raft_entry *e;
    size_t count;
    struct err err = {0};

    assert_int_equal(append_one(log, 1, STR("kept"), &err), 0);
    log_stats_get(log, &before);
    fault.write_error = ENOSPC; /* preparing room is what meets the full disk */
    assert_int_equal(append_one(log, 2, big, &err), HL_ENOSPACE);
    assert_non_null(strstr(err.text, "the disk is full"));
    log_stats_get(log, &after);
    assert_int_equal(after.file_bytes, before.file_bytes);
    assert_int_equal(log_read(log, 1, 1, 0, a, &e, &count, &err), 0);
    fault.write_error = 0;
    assert_int_equal(append_one(log, 2, STR("small enough for the room there is"), &err), 0);
    assert_int_equal(append_one(log, 3, big, &err), 0);
    log_close(log);
    log = open_log(*state, &d);
    assert_int_equal(d.last_index, 3);
    log_close(log);
}

/* The same with a limit of the kernel instead of ours. */
static void a_limit_on_the_size_of_files_counts_as_a_full_disk(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str big = {arena_alloc(a, 1000), 1000};
    struct rlimit old;
    struct rlimit low;
    struct raft_recovered d;
    struct store_log *log = open_log(*state, &d);
    struct err err = {0};
    uint64_t index = 1;
    int result;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = old;
    low.rlim_cur = 200000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    while ((result = append_one(log, index, big, &err)) == 0)
        index++;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(result, HL_ENOSPACE);
    assert_in_range(index, 170, 200); /* the last step was a small one, to use what there is */
    assert_int_equal(append_one(log, index, big, &err), 0);
    log_close(log);
    log = open_log(*state, &d);
    assert_int_equal(d.last_index, index);
    log_close(log);
}

static void a_failed_flush_while_preparing_room_is_final_too(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str big = {arena_alloc(a, 100000), 100000};
    struct raft_recovered d;
    struct store_log *log = open_log(*state, &d);
    struct err err = {0};

    fault.sync_error = EIO;
    assert_int_equal(append_one(log, 1, big, &err), HL_EIO);
    fault.sync_error = 0;
    assert_int_equal(append_one(log, 1, STR("x"), &err), HL_EIO);
    log_close(log);
}

static void a_log_that_cannot_be_created_leaves_nothing_behind(void **state)
{
    struct folder *f = *state;
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct store_log *log = NULL;
    struct raft_recovered d;
    struct err err = {0};

    fault.write_error = ENOSPC;
    assert_int_equal(log_open(str_from(f->path), &me, &log, &d, &err), HL_ENOSPACE);
    assert_int_equal(access(folder_path(f, a, "raft.log").ptr, F_OK), -1);
    assert_int_equal(access(folder_path(f, a, "raft.log.new").ptr, F_OK), -1);
    fault.write_error = 0;
    log_close(open_log(f, &d));
}

static struct str data_of(struct arena *a, uint64_t index)
{
    struct str s = arena_printf(a, "entry %llu ", (unsigned long long)index);
    char *p = arena_alloc(a, s.len + (size_t)(index * 37 % 3000));

    memcpy(p, s.ptr, s.len);
    return (struct str){p, s.len + (size_t)(index * 37 % 3000)};
}

/* Appends until it is killed; each index goes down the pipe when, and only when, it is durable. */
static void append_for_ever(struct folder *f, int acknowledged)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct raft_recovered d;
    struct store_log *log = open_log(f, &d);
    struct err err;

    for (uint64_t index = d.last_index + 1;; index++) {
        if (append_one(log, index, data_of(a, index), &err) != 0)
            _exit(2);
        if (write(acknowledged, &index, sizeof(index)) != (ssize_t)sizeof(index))
            _exit(3);
        arena_reset(a);
    }
}

/* The highest index that a child acknowledged before it was killed, after a time that differs. */
static uint64_t append_and_kill(struct folder *f, int round)
{
    uint64_t last = 0;
    uint64_t index;
    int pipe_fd[2];
    int status;

    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipe_fd[0]);
        append_for_ever(f, pipe_fd[1]);
        _exit(4);
    }
    close(pipe_fd[1]);
    for (int n = 0; n < 3 + round * 7 % 40; n++) {
        assert_int_equal(read(pipe_fd[0], &index, sizeof(index)), (ssize_t)sizeof(index));
        last = index;
    }
    kill(child, SIGKILL);
    while (read(pipe_fd[0], &index, sizeof(index)) == (ssize_t)sizeof(index))
        last = index; /* said before the signal arrived */
    close(pipe_fd[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static void every_acknowledged_entry_survives_kill_9(void **state)
{
    struct folder *f = *state;

    for (int round = 0; round < KILLS; round++) {
        HL_CLEANUP(arena_freep) struct arena *a = arena_new();
        uint64_t acknowledged = append_and_kill(f, round);
        struct raft_recovered d;
        struct store_log *log = open_log(f, &d);
        struct raft_entry *e;
        size_t count;
        struct err err;

        assert_in_range(d.last_index, acknowledged, acknowledged + 1);
        for (uint64_t index = 1; index <= d.last_index; index += count) {
            assert_int_equal(log_read(log, index, 1000, 1 << 20, a, &e, &count, &err), 0);
            for (size_t i = 0; i < count; i++)
                assert_true(str_eq(e[i].data, data_of(a, index + i)));
        }
        log_close(log);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(after_a_failed_flush_the_log_is_closed_for_good),
        T(after_a_failed_write_the_log_is_closed_for_good),
        T(a_disk_that_fills_up_refuses_the_append_and_goes_on_later),
        T(a_limit_on_the_size_of_files_counts_as_a_full_disk),
        T(a_failed_flush_while_preparing_room_is_final_too),
        T(a_log_that_cannot_be_created_leaves_nothing_behind),
        T(every_acknowledged_entry_survives_kill_9),
    };
    return cmocka_run_group_tests_name("edge/store: faults", tests, NULL, NULL);
}
