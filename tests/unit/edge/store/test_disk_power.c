/* Power cuts: whatever a disk keeps of what was not flushed, nothing acknowledged is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/disk/course.h"
#include "support/disk/disk.h"
#include "support/folder.h"

#ifdef __SANITIZE_THREAD__ /* slow, and there is one thread here */
enum { STEPS = 220, COURSES = 2, CUTS_A_COURSE = 40, EVERY_CHANGE_STEPS = 10, SECOND_COURSES = 3 };
#else
enum {
    STEPS = 220,
    COURSES = 5,
    CUTS_A_COURSE = 200,
    EVERY_CHANGE_STEPS = 40,
    SECOND_COURSES = 40
};
#endif
enum { SECOND_STEPS = 50, SECOND_CUTS = 8 };

struct fixture {
    struct folder *watched;
    struct folder *other; /* of the leader, and of what a cut leaves */
    struct arena *arena;
    struct course *course;
    uint64_t seed;
    unsigned cut_count;
};

/* Nothing here needs a real disk, and memory is faster. */
static int in_memory(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    return 0;
}

static void begin(struct fixture *f, uint64_t seed, int steps)
{
    struct err err;

    *f = (struct fixture){folder_new(), folder_new(), arena_new(), NULL, seed, 0};
    disk_watch(f->watched->path);
    f->course = course_new(folder_path(f->watched, f->arena, "store").ptr,
                           folder_path(f->other, f->arena, "leader").ptr, seed, false);
    for (int i = 0; i < steps; i++) {
        if (course_step(f->course, &err) != 0)
            fail_msg("seed %llu, step %d, %s: %s", (unsigned long long)seed, i,
                     course_step_name(f->course), err.text);
    }
}

static void end(struct fixture *f)
{
    course_free(f->course);
    disk_unwatch();
    folder_free(f->watched);
    folder_free(f->other);
    arena_free(f->arena);
}

/* What was acknowledged before the change; the step behind it may have happened. */
static const struct course_mark *acknowledged(const struct fixture *f, size_t change,
                                              const struct course_mark **out_next)
{
    size_t count;
    const struct course_mark *mark = course_marks(f->course, &count);
    size_t done = 0;

    while (done + 1 < count && mark[done + 1].change_count <= change)
        done++;
    *out_next = &mark[done + 1 < count ? done + 1 : done];
    return &mark[done];
}

static void cut_and_check(struct fixture *f, size_t change, enum disk_mood mood, struct rng *rng)
{
    HL_CLEANUP(folder_freep) struct folder *target = folder_new();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct course_mark *next;
    const struct course_mark *mark = acknowledged(f, change, &next);

    const char *where =
        arena_printf(a, "seed %llu, cut %u before change %zu of %zu, mood %d",
                     (unsigned long long)f->seed, f->cut_count, change, disk_changes(), mood)
            .ptr;
    disk_cut(change, mood, rng, target->path);
    course_check(where, folder_path(target, a, "store").ptr, &mark->model, &next->model);
    f->cut_count++;
}

static void nothing_acknowledged_is_lost_wherever_the_power_goes(void **state)
{
    struct fixture f;
    struct rng rng;

    (void)state;
    begin(&f, 77, EVERY_CHANGE_STEPS);
    rng_seed(&rng, 77);
    for (size_t change = 0; change <= disk_changes(); change++) {
        cut_and_check(&f, change, DISK_LOSES_ALL, &rng);
        cut_and_check(&f, change, DISK_KEEPS_ALL, &rng);
        cut_and_check(&f, change, DISK_ANY, &rng);
    }
    print_message("every change: %u cuts over %zu changes and %zu flushes\n", f.cut_count,
                  disk_changes(), disk_flushes());
    end(&f);
}

static void nothing_acknowledged_is_lost_whatever_order_the_disk_takes(void **state)
{
    unsigned cuts = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= COURSES; seed++) {
        struct fixture f;
        struct rng rng;

        begin(&f, seed, STEPS);
        rng_seed(&rng, seed);
        assert_int_equal(course_kinds(f.course), COURSE_KINDS);
        for (int i = 0; i < CUTS_A_COURSE; i++)
            cut_and_check(&f, (size_t)rng_below(&rng, disk_changes() + 1), DISK_ANY, &rng);
        cuts += f.cut_count;
        end(&f);
    }
    assert_int_equal(cuts, COURSES * CUTS_A_COURSE);
}

/* The first cut leaves a store in which a second course begins, and is cut in turn: at its start
 * above all, while the first cut is being recovered from. */
static void nothing_acknowledged_is_lost_when_the_power_goes_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SECOND_COURSES; seed++) {
        HL_CLEANUP(folder_freep) struct folder *target = folder_new();
        struct course_model before;
        struct course_model after;
        const struct course_mark *next;
        struct fixture f;
        struct rng rng;
        struct err err;

        begin(&f, seed, SECOND_STEPS);
        rng_seed(&rng, seed);
        size_t change = (size_t)rng_below(&rng, disk_changes() + 1);
        before = acknowledged(&f, change, &next)->model;
        after = next->model;
        disk_cut(change, DISK_ANY, &rng, target->path);
        course_free(f.course);
        disk_watch(target->path);
        size_t found = disk_changes();
        f.course =
            course_resume("the second course", folder_path(target, f.arena, "store").ptr,
                          folder_path(f.other, f.arena, "leader2").ptr, seed, &before, &after);
        size_t recovered = disk_changes();
        for (int i = 0; i < SECOND_STEPS; i++)
            assert_int_equal(course_step(f.course, &err), 0);
        for (size_t at = found; at <= recovered; at++)
            cut_and_check(&f, at, DISK_ANY, &rng);
        for (int i = 0; i < SECOND_CUTS; i++)
            cut_and_check(&f, found + (size_t)rng_below(&rng, disk_changes() - found + 1), DISK_ANY,
                          &rng);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_wherever_the_power_goes),
        cmocka_unit_test(nothing_acknowledged_is_lost_whatever_order_the_disk_takes),
        cmocka_unit_test(nothing_acknowledged_is_lost_when_the_power_goes_again),
    };
    return cmocka_run_group_tests_name("edge/store: power", tests, in_memory, NULL);
}
