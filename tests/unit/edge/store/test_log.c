/* The durable log: what was appended is there after any end, bounded, and damage is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/log.h"
#include "support/folder.h"

enum { SEGMENT = 64 << 10 };

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct store_dir *dir;
    struct store_log *log;
    struct raft_recovered recovered;
    struct raft_snapshot base;
    uint64_t sequence;
    struct err err;
};

static int open_log(struct fixture *f)
{
    struct store_identity identity = {STR("hl-mesh:test"), 1};
    struct log_options options = {SEGMENT};

    assert_int_equal(
        store_dir_open(folder_path(f->folder, f->arena, "store"), &identity, &f->dir, &f->err), 0);
    return log_open(f->dir, &options, &f->base, &f->log, &f->recovered, &f->err);
}

static void close_log(struct fixture *f)
{
    log_close(f->log);
    store_dir_close(f->dir);
    f->log = NULL;
    f->dir = NULL;
}

static void reopen(struct fixture *f)
{
    close_log(f);
    if (open_log(f) != 0)
        fail_msg("%s", f->err.text);
}

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    f->folder = folder_new();
    f->arena = arena_new();
    *state = f;
    return open_log(f);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_log(f);
    folder_free(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

static int append_one(struct fixture *f, const struct raft_persist *p)
{
    return log_append(f->log, &p, 1, &f->err);
}

static struct raft_entry entry(struct fixture *f, uint64_t index, uint64_t term, size_t len)
{
    char *data = arena_alloc(f->arena, len + 1);

    for (size_t i = 0; i < len; i++)
        data[i] = (char)(index * 31 + term * 7 + i);
    return (struct raft_entry){index, term, RAFT_ENTRY_COMMAND, {data, len}};
}

/* Entries [first, last] of `term`, which becomes the hard state's, as one effect. */
static void append(struct fixture *f, uint64_t first, uint64_t last, uint64_t term, size_t len)
{
    struct raft_entry *e = arena_array(f->arena, struct raft_entry, last - first + 1);
    struct raft_persist p = {
        .has_hard_state = true, .hard = {term, 1}, .entry = e, .entry_count = last - first + 1};

    for (uint64_t i = first; i <= last; i++)
        e[i - first] = entry(f, i, term, len);
    assert_int_equal(append_one(f, &p), 0);
}

static void assert_entries(struct fixture *f, uint64_t first, uint64_t last, uint64_t term,
                           size_t len)
{
    struct raft_entry *e;
    size_t count;

    for (uint64_t at = first; at <= last; at += count) {
        assert_int_equal(
            log_read(f->log, at, last - at + 1, 1 << 20, f->arena, &e, &count, &f->err), 0);
        for (size_t i = 0; i < count; i++) {
            struct raft_entry want = entry(f, at + i, term, len);
            assert_int_equal(e[i].index, at + i);
            assert_int_equal(e[i].term, term);
            assert_true(str_eq(e[i].data, want.data));
        }
    }
}

/* The base is there before the log is dropped below it. */
static void compact(struct fixture *f, uint64_t to, uint64_t term)
{
    struct raft_persist p = {.compact_to = to};

    f->base = (struct raft_snapshot){.index = to, .term = term};
    assert_int_equal(append_one(f, &p), 0);
}

static struct str segment(struct fixture *f, int number)
{
    return arena_printf(f->arena, "%s/log/%010d.seg", folder_path(f->folder, f->arena, "store").ptr,
                        number);
}

static void overwrite(struct str path, long offset, const char *bytes, size_t len)
{
    int fd = open(path.ptr, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, offset), len);
    close(fd);
}

/* ---- what stays ---- */

static void what_was_appended_is_there_again(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 5, 1, 100);
    append(f, 6, 9, 3, 0);
    reopen(f);
    assert_int_equal(f->recovered.first_index, 1);
    assert_int_equal(f->recovered.last_index, 9);
    assert_int_equal(f->recovered.last_term, 3);
    assert_int_equal(f->recovered.hard.term, 3);
    assert_int_equal(f->recovered.hard.vote, 1);
    assert_int_equal(f->recovered.run_count, 2);
    assert_int_equal(f->recovered.run[1].first_index, 6);
    assert_entries(f, 1, 5, 1, 100);
    assert_entries(f, 6, 9, 3, 0);
}

static void many_effects_are_one_batch_and_one_flush(void **state)
{
    struct fixture *f = *state;
    struct raft_entry e[6];
    struct raft_persist p[4] = {
        {.has_hard_state = true, .hard = {2, 0}, .entry = e, .entry_count = 3},
        {.truncate_from = 2, .entry = e + 3, .entry_count = 2},
        {.truncate_from = 3, .entry = e + 5, .entry_count = 1},
        {.has_hard_state = true, .hard = {4, 9}},
    };
    const struct raft_persist *list[] = {&p[0], &p[1], &p[2], &p[3]};
    struct log_stats stats;

    for (uint64_t i = 0; i < 3; i++)
        e[i] = entry(f, i + 1, 1, 10);
    e[3] = entry(f, 2, 2, 10);
    e[4] = entry(f, 3, 2, 10);
    e[5] = entry(f, 3, 2, 77);
    assert_int_equal(log_append(f->log, list, 4, &f->err), 0);
    log_stats_get(f->log, &stats);
    assert_int_equal(stats.batch_count, 1);
    for (int life = 0; life < 2; life++) {
        assert_entries(f, 1, 1, 1, 10);
        assert_entries(f, 2, 2, 2, 10);
        assert_entries(f, 3, 3, 2, 77);
        reopen(f);
        assert_int_equal(f->recovered.hard.term, 4);
        assert_int_equal(f->recovered.hard.vote, 9);
        assert_int_equal(f->recovered.last_index, 3);
    }
}

static void members_are_told_at_start(void **state)
{
    struct fixture *f = *state;
    struct raft_members members = {.member = {{1, true}, {4, false}}, .count = 2};
    char bytes[RAFT_MEMBERS_BYTES_MAX];
    struct str data = {bytes, raft_members_encode(&members, bytes)};
    struct raft_entry e = {11, 1, RAFT_ENTRY_MEMBERS, data};
    struct raft_persist p = {.entry = &e, .entry_count = 1};
    struct raft_entry *read;
    size_t count;

    append(f, 1, 10, 1, 10);
    assert_int_equal(append_one(f, &p), 0);
    append(f, 12, 12, 1, 10);
    reopen(f);
    assert_int_equal(f->recovered.members_count, 1);
    assert_int_equal(f->recovered.members[0].index, 11);
    assert_true(str_eq(f->recovered.members[0].data, data));
    assert_int_equal(log_read(f->log, 11, 1, 1000, f->arena, &read, &count, &f->err), 0);
    assert_int_equal(read[0].kind, RAFT_ENTRY_MEMBERS);
    struct raft_persist cut = {.truncate_from = 11};
    assert_int_equal(append_one(f, &cut), 0);
    reopen(f);
    assert_int_equal(f->recovered.members_count, 0);
}

static void a_read_stops_at_its_limits(void **state)
{
    struct fixture *f = *state;
    struct raft_entry *e;
    size_t count;

    append(f, 1, 20, 1, 100);
    assert_int_equal(log_read(f->log, 3, 5, 1 << 20, f->arena, &e, &count, &f->err), 0);
    assert_int_equal(count, 5);
    assert_int_equal(
        log_read(f->log, 3, 50, 3 * (100 + RAFT_ENTRY_COST), f->arena, &e, &count, &f->err), 0);
    assert_int_equal(count, 3);
    assert_int_equal(log_read(f->log, 3, 50, 1, f->arena, &e, &count, &f->err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(log_read(f->log, 21, 1, 1, f->arena, &e, &count, &f->err), HL_EABSENT);
    assert_int_equal(log_read(f->log, 0, 1, 1, f->arena, &e, &count, &f->err), HL_EABSENT);
}

/* ---- segments ---- */

static void the_log_goes_over_many_segments_and_stays_bounded(void **state)
{
    struct fixture *f = *state;
    struct log_stats stats;

    for (uint64_t i = 0; i < 400; i++) {
        append(f, i * 10 + 1, i * 10 + 10, 1 + i / 50, 200);
        log_prepare(f->log);
        if (i * 10 > 300)
            compact(f, i * 10 - 300, 1 + (i * 10 - 301) / 500);
        log_stats_get(f->log, &stats);
        assert_true(stats.file_bytes <= 5 * SEGMENT);
        assert_true(stats.live_bytes <= stats.file_bytes);
        if (i % 37 == 0)
            reopen(f);
    }
    reopen(f);
    assert_true(f->recovered.first_index <= 3691 && f->recovered.first_index > 3000);
    assert_int_equal(f->recovered.before_term, 1 + (f->recovered.first_index - 2) / 500);
    assert_int_equal(f->recovered.last_index, 4000);
    assert_entries(f, 3691, 4000, 8, 200);
}

static void a_batch_larger_than_a_segment_gets_one_of_its_own(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 3, 1, 10);
    append(f, 4, 6, 1, RAFT_ENTRY_BYTES_MAX);
    append(f, 7, 9, 1, 10);
    reopen(f);
    assert_entries(f, 1, 3, 1, 10);
    assert_entries(f, 4, 6, 1, RAFT_ENTRY_BYTES_MAX);
    assert_entries(f, 7, 9, 1, 10);
}

static void a_cut_reaches_into_earlier_segments(void **state)
{
    struct fixture *f = *state;
    struct raft_persist cut = {.truncate_from = 5};

    for (uint64_t i = 0; i < 100; i++)
        append(f, i * 10 + 1, i * 10 + 10, 1, 200);
    assert_int_equal(append_one(f, &cut), 0);
    append(f, 5, 8, 2, 30);
    compact(f, 6, 2); /* what the cut went back to is gone as well */
    for (int life = 0; life < 3; life++) {
        assert_entries(f, 7, 8, 2, 30);
        reopen(f);
        assert_int_equal(f->recovered.last_index, 8);
        assert_int_equal(f->recovered.last_term, 2);
        assert_true(f->recovered.first_index <= 7);
        append(f, 9, 9, 2, 30);
        struct raft_persist again = {.truncate_from = 9};
        assert_int_equal(append_one(f, &again), 0);
    }
}

static void an_empty_log_can_be_compacted_and_given_nothing(void **state)
{
    struct fixture *f = *state;
    struct raft_persist p = {.compact_to = 7};

    assert_int_equal(append_one(f, &p), 0);
    assert_int_equal(log_append(f->log, NULL, 0, &f->err), 0);
    append(f, 1, 2, 1, 10);
    reopen(f);
    assert_entries(f, 1, 2, 1, 10);
}

static void a_reset_forgets_everything(void **state)
{
    struct fixture *f = *state;
    struct raft_persist reset = {
        .reset_index = 500, .reset_term = 2, .has_hard_state = true, .hard = {2, 0}};

    append(f, 1, 100, 1, 300);
    assert_int_equal(append_one(f, &reset), 0);
    append(f, 501, 502, 2, 10);
    f->base = (struct raft_snapshot){.index = 500, .term = 2};
    reopen(f);
    assert_int_equal(f->recovered.first_index, 501);
    assert_int_equal(f->recovered.before_term, 2);
    assert_int_equal(f->recovered.last_index, 502);
    assert_entries(f, 501, 502, 2, 10);
}

/* ---- the base ---- */

static void a_log_that_does_not_reach_the_base_is_dropped(void **state)
{
    static const struct raft_snapshot bases[] = {
        {.index = 700, .term = 2}, {.index = 40, .term = 1}, {.index = 100, .term = 2}};
    struct fixture *f = *state;

    append(f, 1, 100, 1, 10);
    append(f, 101, 101, 2, 10);
    for (size_t i = 0; i < HL_COUNT(bases); i++) {
        bool is_used = bases[i].index == 40;

        if (i > 0) { /* as it was */
            tear_down(state);
            set_up(state);
            f = *state;
            append(f, 1, 100, 1, 10);
            append(f, 101, 101, 2, 10);
        }
        f->base = bases[i];
        reopen(f);
        assert_int_equal(f->recovered.last_index, is_used ? 101 : bases[i].index);
        assert_int_equal(f->recovered.first_index, is_used ? 1 : bases[i].index + 1);
        assert_int_equal(f->recovered.hard.term, 2);
    }
}

static void a_log_that_begins_behind_the_base_is_refused(void **state)
{
    struct fixture *f = *state;

    for (uint64_t i = 0; i < 100; i++)
        append(f, i * 10 + 1, i * 10 + 10, 1, 200);
    compact(f, 900, 1);
    close_log(f);
    f->base = (struct raft_snapshot){.index = 5, .term = 1};
    assert_int_equal(open_log(f), HL_ECORRUPT);
}

static void a_state_without_its_log_is_refused(void **state)
{
    struct fixture *f = *state;

    f->base = (struct raft_snapshot){.index = 5, .term = 1};
    close_log(f);
    assert_int_equal(open_log(f), HL_ECORRUPT);
    assert_non_null(strstr(f->err.text, "replace"));
}

/* ---- torn and damaged ---- */

static uint64_t end_of_data(struct fixture *f)
{
    struct log_stats stats;

    log_stats_get(f->log, &stats);
    return 4096 + stats.appended_bytes;
}

static void a_torn_tail_is_cut_wherever_it_is_torn(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 3, 1, 50);
    uint64_t good = end_of_data(f);
    append(f, 4, 6, 1, 50);
    uint64_t all = end_of_data(f);
    struct str path = segment(f, 1);
    char *bytes = arena_alloc(f->arena, all);
    int fd = open(path.ptr, O_RDWR);
    assert_int_equal(pread(fd, bytes, all, 0), all);
    for (uint64_t cut = good; cut < all - 8; cut++) { /* padding is zero anyway */
        static const char zero[4096];
        close_log(f);
        /* Only that segment, as it was, with zeros from `cut` on. */
        for (int n = 2; n < 300; n++)
            unlink(segment(f, n).ptr);
        assert_int_equal(pwrite(fd, bytes, cut, 0), cut);
        assert_int_equal(pwrite(fd, zero, all - cut, (off_t)cut), all - cut);
        assert_int_equal(open_log(f), 0);
        assert_int_equal(f->recovered.last_index, 3);
        append(f, 4, 4, 2, 20);
        reopen(f);
        assert_int_equal(f->recovered.last_index, 4);
        assert_entries(f, 1, 3, 1, 50);
        assert_entries(f, 4, 4, 2, 20);
    }
    close(fd);
}

static void damage_before_acknowledged_entries_is_refused_and_named(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 3, 1, 50);
    uint64_t second = end_of_data(f);
    append(f, 4, 6, 1, 50);
    append(f, 7, 9, 1, 50);
    close_log(f);
    overwrite(segment(f, 1), (long)second + 60, "!!", 2);
    assert_int_equal(open_log(f), HL_ECORRUPT);
    assert_non_null(strstr(f->err.text, "0000000001.seg"));
    assert_non_null(strstr(f->err.text, "docs/operations.md"));
}

static void a_flipped_bit_is_refused_wherever_it_is(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 2, 1, 50);
    append(f, 3, 4, 1, 50);
    uint64_t acknowledged = end_of_data(f);
    append(f, 5, 5, 1, 50); /* the very last batch may be a torn tail */
    close_log(f);
    int fd = open(segment(f, 1).ptr, O_RDWR);
    assert_true(fd >= 0);
    for (uint64_t at = 0; at < acknowledged; at++) {
        char byte;

        if (at >= 68 && at < 4096) /* nothing stands there */
            continue;
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= (char)(1 << at % 8);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        assert_int_equal(open_log(f), HL_ECORRUPT);
        close_log(f);
        byte ^= (char)(1 << at % 8);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    close(fd);
    assert_int_equal(open_log(f), 0);
    assert_int_equal(f->recovered.last_index, 5);
}

static void damage_to_an_earlier_segment_or_to_a_head_is_refused(void **state)
{
    struct fixture *f = *state;

    for (uint64_t i = 0; i < 60; i++)
        append(f, i * 10 + 1, i * 10 + 10, 1, 200);
    close_log(f);
    char saved[2];
    int fd = open(segment(f, 1).ptr, O_RDONLY);
    assert_int_equal(pread(fd, saved, 2, 5000), 2);
    close(fd);
    overwrite(segment(f, 1), 5000, "!!", 2);
    assert_int_equal(open_log(f), HL_ECORRUPT);
    close_log(f);
    overwrite(segment(f, 1), 5000, saved, 2);
    overwrite(segment(f, 2), 20, "!!", 2);
    assert_int_equal(open_log(f), HL_ECORRUPT);
    close_log(f);
    assert_int_equal(unlink(segment(f, 2).ptr), 0);
    assert_int_equal(open_log(f), HL_ECORRUPT);
    assert_non_null(strstr(f->err.text, "missing"));
}

static void damage_found_when_reading_is_told(void **state)
{
    struct fixture *f = *state;
    struct raft_entry *e;
    size_t count;

    append(f, 1, 3, 1, 50);
    overwrite(segment(f, 1), 4096 + 40 + 8 + 60, "!!", 2);
    assert_int_equal(log_read(f->log, 1, 3, 1 << 20, f->arena, &e, &count, &f->err), HL_ECORRUPT);
}

/* ---- readers in other threads ---- */

enum { READ_ENTRIES = 20000 };

struct watcher {
    struct store_log *log;
    uint64_t seen; /* the last entry that it read */
};

static void *follow(void *context)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct watcher *w = context;

    while (w->seen < READ_ENTRIES) {
        struct log_stats stats;
        struct raft_entry *e;
        size_t count;

        log_stats_get(w->log, &stats);
        uint64_t first = w->seen + 1 > stats.first_index ? w->seen + 1 : stats.first_index;
        int r = log_read(w->log, first, 50, 1 << 20, a, &e, &count, NULL);
        if (r == 0) {
            HL_ASSERT(count > 0 && e[0].index == first && e[count - 1].index == first + count - 1);
            w->seen = first + count - 1;
        } else {
            HL_ASSERT(r == HL_EABSENT); /* not there yet, or dropped meanwhile */
        }
        arena_reset(a);
    }
    return NULL;
}

static void a_thread_reads_while_another_appends_and_compacts(void **state)
{
    struct fixture *f = *state;
    struct watcher w = {.log = f->log};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, follow, &w), 0);
    for (uint64_t i = 1; i <= READ_ENTRIES; i += 100) {
        append(f, i, i + 99, 1, 60);
        log_prepare(f->log);
        if (i > 2000)
            compact(f, i - 2000, 1);
        arena_reset(f->arena);
    }
    pthread_join(thread, NULL);
    assert_int_equal(w.seen, READ_ENTRIES);
}

/* ---- against a model ---- */

static void a_random_course_agrees_with_a_model(void **state)
{
    enum { MODEL = 4096 };
    struct fixture *f = *state;
    uint64_t term_of[MODEL] = {0};
    size_t len_of[MODEL] = {0};
    uint64_t first = 1;
    uint64_t last = 0;
    uint64_t term = 1;
    struct rng rng;

    rng_seed(&rng, 5);
    for (int round = 0; round < 1500 && last < MODEL - 50; round++) {
        struct raft_entry e[20];
        struct raft_persist p = {.has_hard_state = true, .entry = e};
        uint64_t from = last + 1;

        if (rng_below(&rng, 10) == 0)
            term++;
        p.hard = (struct raft_hard_state){term, 0};
        if (last > first + 5 && rng_below(&rng, 8) == 0)
            p.truncate_from = from = last - rng_below(&rng, 5);
        last = from - 1;
        if (p.truncate_from && term_of[last] == term)
            p.hard.term = ++term;
        for (uint64_t n = rng_below(&rng, 12); n > 0; n--) {
            last++;
            term_of[last] = term;
            len_of[last] = rng_below(&rng, 700);
            e[p.entry_count++] = entry(f, last, term, len_of[last]);
        }
        if (rng_below(&rng, 6) == 0 && last > first + 40)
            p.compact_to = first = last - 20 - rng_below(&rng, 10);
        if (p.compact_to)
            f->base = (struct raft_snapshot){.index = first++, .term = term_of[p.compact_to]};
        assert_int_equal(append_one(f, &p), 0);
        if (rng_below(&rng, 20) == 0) {
            reopen(f);
            assert_int_equal(f->recovered.last_index, last);
            assert_true(f->recovered.first_index <= first);
        }
        if (last >= first) {
            uint64_t at = first + rng_below(&rng, last - first + 1);
            assert_entries(f, at, at, term_of[at], len_of[at]);
        }
        arena_reset(f->arena);
    }
    assert_true(last > 2000);
}

/* Nothing here needs a real disk, and memory is faster. */
static int in_memory(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_appended_is_there_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_effects_are_one_batch_and_one_flush, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(members_are_told_at_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_stops_at_its_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_goes_over_many_segments_and_stays_bounded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_larger_than_a_segment_gets_one_of_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cut_reaches_into_earlier_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_log_can_be_compacted_and_given_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reset_forgets_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_does_not_reach_the_base_is_dropped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_begins_behind_the_base_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_state_without_its_log_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_wherever_it_is_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_before_acknowledged_entries_is_refused_and_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_refused_wherever_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_to_an_earlier_segment_or_to_a_head_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_found_when_reading_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thread_reads_while_another_appends_and_compacts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_random_course_agrees_with_a_model, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("edge/store: log", tests, in_memory, NULL);
}
