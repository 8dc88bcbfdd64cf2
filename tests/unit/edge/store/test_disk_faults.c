/* Every call of the file system fails once, and the disk is full from every moment on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/disk/course.h"
#include "support/disk/disk.h"
#include "support/folder.h"

#ifdef __SANITIZE_THREAD__ /* slow, and there is one thread here */
enum { EACH_CALL = 11 };
#else
enum { EACH_CALL = 1 };
#endif
enum { SEED = 527, STEPS = 36, STEPS_AFTER = 3, LONG_STEPS = 200 };

struct fixture {
    struct folder *watched;
    struct folder *other; /* of the leader */
    struct arena *arena;
    struct course *course;
    const char *where; /* for messages */
    int steps;
};

/* Nothing here needs a real disk, and memory is faster. */
static int in_memory(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    return 0;
}

static void begin(struct fixture *f, bool log_only)
{
    *f = (struct fixture){folder_new(), folder_new(), arena_new(), NULL, "", 0};
    disk_watch(f->watched->path);
    f->course = course_new(folder_path(f->watched, f->arena, "store").ptr,
                           folder_path(f->other, f->arena, "leader").ptr, SEED, log_only);
}

static void end(struct fixture *f)
{
    course_free(f->course);
    disk_unwatch();
    folder_free(f->watched);
    folder_free(f->other);
    arena_free(f->arena);
}

/* Steps until one fails: its result, and 0 when all are taken. */
static int run(struct fixture *f, int steps, struct err *err)
{
    int r = 0;

    while (r == 0 && f->steps < steps) {
        r = course_step(f->course, err);
        f->steps += r == 0;
    }
    return r;
}

static void check(struct fixture *f, enum disk_mood mood)
{
    HL_CLEANUP(folder_freep) struct folder *target = folder_new();
    size_t count;
    const struct course_mark *mark = course_marks(f->course, &count);
    struct rng rng;

    rng_seed(&rng, disk_calls());
    disk_cut(disk_changes(), mood, &rng, target->path);
    course_check(f->where, folder_path(target, f->arena, "store").ptr, &mark[count - 1].model,
                 course_attempt(f->course));
}

/* The process ends, another one finds what the first could not flush and goes on a little, and then
 * the power goes: what counted at that start is there, and what followed. */
static void restart_and_lose_power(struct fixture *f)
{
    size_t count;
    const struct course_mark *mark = course_marks(f->course, &count);
    struct course_model before = mark[count - 1].model;
    struct course_model after = *course_attempt(f->course);
    struct err err;

    disk_fail_never();
    course_free(f->course);
    f->course =
        course_resume(f->where, folder_path(f->watched, f->arena, "store").ptr,
                      folder_path(f->other, f->arena, "leader2").ptr, SEED, &before, &after);
    check(f, DISK_LOSES_ALL);
    for (int i = 0; i < STEPS_AFTER; i++) {
        if (course_step(f->course, &err) != 0)
            fail_msg("%s: after a restart %s", f->where, err.text);
    }
    check(f, DISK_LOSES_ALL);
}

static bool is_step(const struct fixture *f, const char *name)
{
    return strcmp(course_step_name(f->course), name) == 0;
}

/* True once there is no such call any more. */
static bool fail_once(uint64_t call, int error)
{
    struct fixture f;
    struct err err;

    begin(&f, false);
    disk_fail_at(call, 0, error);
    int r = run(&f, STEPS, &err);
    bool is_over = !disk_has_failed();
    f.where = arena_printf(f.arena, "call %llu, error %d, step %d (%s)", (unsigned long long)call,
                           error, f.steps, course_step_name(f.course))
                  .ptr;
    if (r != 0 && (is_over || (r != HL_EIO && r != HL_ENOSPACE) || err.text[0] == '\0'))
        fail_msg("%s: %d, %s", f.where, r, err.text);
    if (r == HL_EIO && is_step(&f, "append") && course_step(f.course, &err) != HL_EIO)
        fail_msg("%s: the log takes more after a failure", f.where);
    if (r == HL_ENOSPACE || (r == HL_EIO && is_step(&f, "checkpoint"))) {
        r = run(&f, STEPS, &err);
        if (r != 0)
            fail_msg("%s: and again %s", f.where, err.text);
    }
    if (is_over)
        assert_int_equal(course_kinds(f.course), COURSE_KINDS);
    check(&f, DISK_KEEPS_ALL);
    check(&f, DISK_ANY);
    if (r == HL_EIO)
        restart_and_lose_power(&f);
    end(&f);
    return is_over;
}

static void after_any_failure_all_that_was_acknowledged_is_there(void **state)
{
    uint64_t call = 0;

    (void)state;
    while (!fail_once(call, EIO))
        call += EACH_CALL;
    assert_true(call > 200);
    print_message("%llu calls failed once\n", (unsigned long long)call / EACH_CALL);
}

static void a_call_without_room_is_taken_again_or_final(void **state)
{
    uint64_t call = 0;

    (void)state;
    while (!fail_once(call, ENOSPC))
        call += EACH_CALL;
    assert_true(call > 200);
}

/* True once the disk is not full before the end of the course. */
static bool fill_up(uint64_t call, unsigned *full_count)
{
    struct fixture f;
    struct err err;

    begin(&f, false);
    disk_set_full_from(call);
    int r = run(&f, STEPS, &err);
    bool is_over = disk_calls() <= call;
    f.where = arena_printf(f.arena, "full from call %llu, step %d (%s)", (unsigned long long)call,
                           f.steps, course_step_name(f.course))
                  .ptr;
    if (r != 0 && (r != HL_ENOSPACE || is_over))
        fail_msg("%s: %d, %s", f.where, r, err.text);
    if (r != 0) {
        (*full_count)++;
        check(&f, DISK_ANY);
        if (course_step(f.course, &err) != HL_ENOSPACE)
            fail_msg("%s: there is room without room: %s", f.where, err.text);
        disk_set_full_from(UINT64_MAX);
        if (run(&f, STEPS, &err) != 0)
            fail_msg("%s: no room although there is: %s", f.where, err.text);
    }
    check(&f, DISK_ANY);
    end(&f);
    return is_over;
}

static void a_full_disk_loses_nothing_and_is_forgotten_when_there_is_room(void **state)
{
    unsigned full_count = 0;
    uint64_t call = 0;

    (void)state;
    while (!fill_up(call, &full_count))
        call += EACH_CALL;
    assert_true(full_count > 100 / EACH_CALL);
}

static void writes_that_are_cut_short_are_completed(void **state)
{
    struct fixture f;
    struct err err;

    (void)state;
    begin(&f, true);
    disk_set_short(true);
    assert_int_equal(run(&f, LONG_STEPS, &err), 0);
    check(&f, DISK_LOSES_ALL);
    end(&f);
}

/* ---- a disk that is really full ---- */

enum { DISK_BYTES = 4 << 20, BALLAST_BYTES = 3 << 20, DATA_BYTES = 10000 };

static void fill_ballast(const char *path)
{
    static const char zero[BALLAST_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, zero, sizeof(zero)), sizeof(zero));
    close(fd);
}

static int append_one(struct store_log *log, uint64_t index, struct err *err)
{
    static char data[DATA_BYTES];
    struct raft_entry e = {index, 1, RAFT_ENTRY_COMMAND, {data, sizeof(data)}};
    struct raft_persist p = {.has_hard_state = true, .hard = {1, 1}, .entry = &e, .entry_count = 1};
    const struct raft_persist *list = &p;

    return log_append(log, &list, 1, err);
}

static void put_in_state(struct statedb *db, uint64_t index)
{
    static char value[DATA_BYTES];
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct kv *kv = statedb_begin(db);

    assert_true(kv->put(kv->context, arena_printf(a, "%llu", (unsigned long long)index),
                        (struct str){value, sizeof(value)}, NULL) >= 0);
    statedb_commit(db, index);
}

static int run_checkpoint(struct statedb *db, struct err *err)
{
    struct raft_members members = {.member = {{1, true}}, .count = 1};
    struct checkpoint *c = statedb_freeze(db, 1, &members);

    assert_non_null(c);
    int r = checkpoint_run(c, err);
    statedb_adopt(db, c);
    checkpoint_free(c);
    return r;
}

static void use_small_disk(struct folder *folder, struct arena *a)
{
    struct store_identity identity = {STR("hl-mesh:test"), 1};
    struct log_options options = {COURSE_SEGMENT_BYTES};
    struct str path = folder_path(folder, a, "store");
    const char *ballast = folder_path(folder, a, "ballast").ptr;
    struct raft_recovered recovered;
    struct store_dir *dir;
    struct store_log *log;
    struct statedb *db;
    uint64_t index = 0;
    struct err err;

    fill_ballast(ballast);
    assert_int_equal(store_dir_open(path, &identity, &dir, &err), 0);
    assert_int_equal(statedb_open(dir, &db, &err), 0);
    assert_int_equal(log_open(dir, &options, statedb_base(db), &log, &recovered, &err), 0);
    while (append_one(log, index + 1, &err) == 0)
        put_in_state(db, ++index);
    assert_int_equal(err.code, HL_ENOSPACE);
    assert_int_equal(append_one(log, index + 1, &err), HL_ENOSPACE);
    assert_int_equal(run_checkpoint(db, &err), HL_ENOSPACE);
    assert_true(index > 20);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(append_one(log, index + 1, &err), 0);
    put_in_state(db, ++index);
    assert_int_equal(run_checkpoint(db, &err), 0);
    log_close(log);
    statedb_close(db);
    assert_int_equal(statedb_open(dir, &db, &err), 0);
    assert_int_equal(statedb_base(db)->index, index);
    assert_int_equal(log_open(dir, &options, statedb_base(db), &log, &recovered, &err), 0);
    assert_int_equal(recovered.last_index, index);
    log_close(log);
    statedb_close(db);
    store_dir_close(dir);
}

struct small_disk {
    struct folder *folder;
    bool is_mounted;
};

static int mount_small_disk(void **state)
{
    struct small_disk *d = hl_calloc(1, sizeof(*d));
    char size[32];

    snprintf(size, sizeof(size), "size=%d", DISK_BYTES);
    d->folder = folder_new();
    d->is_mounted = mount("tmpfs", d->folder->path, "tmpfs", 0, size) == 0;
    *state = d;
    return 0;
}

static int unmount_small_disk(void **state)
{
    struct small_disk *d = *state;
    int r = d->is_mounted ? umount2(d->folder->path, MNT_DETACH) : 0;

    folder_free(d->folder);
    free(d);
    return r;
}

static void a_small_disk_fills_up_and_is_emptied(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct small_disk *d = *state;

    if (!d->is_mounted) {
        print_message("not allowed to mount a small disk: skipped\n");
        skip();
    }
    use_small_disk(d->folder, a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_any_failure_all_that_was_acknowledged_is_there),
        cmocka_unit_test(a_call_without_room_is_taken_again_or_final),
        cmocka_unit_test(a_full_disk_loses_nothing_and_is_forgotten_when_there_is_room),
        cmocka_unit_test(writes_that_are_cut_short_are_completed),
        cmocka_unit_test_setup_teardown(a_small_disk_fills_up_and_is_emptied, mount_small_disk,
                                        unmount_small_disk),
    };
    return cmocka_run_group_tests_name("edge/store: faults", tests, in_memory, NULL);
}
