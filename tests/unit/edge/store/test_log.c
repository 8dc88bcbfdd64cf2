/* The log on a real disk: what was acknowledged is there, what was torn is cut, damage is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/log.h"
#include "edge/store/log_format.h"
#include "support/corpus.h"
#include "support/folder.h"

static const struct store_identity me = {.mesh = {"mesh-a", 6}, .member = 2};

struct place {
    struct arena *a;
    struct folder *folder;
    struct str dir;
    char *file;
};

static int set_up(void **state)
{
    struct place *p = hl_calloc(1, sizeof(*p));

    p->a = arena_new();
    p->folder = folder_new();
    p->dir = str_from(p->folder->path);
    p->file = arena_cstr(p->a, arena_concat(p->a, p->dir, STR("/raft.log")));
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    folder_free(p->folder);
    arena_free(p->a);
    free(p);
    return 0;
}

static struct store_log *open_log(const struct place *p, struct raft_recovered *recovered)
{
    struct store_log *log = NULL;
    struct err err = {0};

    if (log_open(p->dir, &me, &log, recovered, &err) != 0)
        fail_msg("log_open: %s", err.text);
    return log;
}

/* Entries first..last of one term, data "entry <index>". */
static struct raft_persist entries(struct arena *a, uint64_t first, uint64_t last, uint64_t term)
{
    size_t count = (size_t)(last - first + 1);
    struct raft_entry *e = arena_array(a, struct raft_entry, count);

    for (size_t i = 0; i < count; i++)
        e[i] = (struct raft_entry){
            .index = first + i,
            .term = term,
            .kind = RAFT_ENTRY_COMMAND,
            .data = arena_printf(a, "entry %llu", (unsigned long long)(first + i)),
        };
    return (struct raft_persist){.sequence = 1, .entry = e, .entry_count = count};
}

static struct raft_persist hard(uint64_t term, uint64_t vote)
{
    return (struct raft_persist){
        .sequence = 1, .has_hard_state = true, .hard = {.term = term, .vote = vote}};
}

static void append(struct store_log *log, struct raft_persist p)
{
    struct err err = {0};

    if (log_append(log, &p, &err) != 0)
        fail_msg("log_append: %s", err.text);
}

/* Behind the last whole record. */
static off_t end_of_records(const char *file)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str all = corpus_file(a, file);
    size_t at = LOG_HEADER_BYTES;
    struct log_header h;
    struct log_record r;

    assert_true(log_header_read(all.ptr, &h));
    while (log_record_read(all.ptr + at, all.len - at, h.salt, &r) == LOG_RECORD)
        at += log_record_size(r.payload.len);
    return (off_t)at;
}

static void overwrite(const char *file, off_t offset, const void *bytes, size_t len)
{
    int fd = open(file, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, offset), (ssize_t)len);
    close(fd);
}

static void flip(const char *file, off_t offset)
{
    unsigned char byte;
    int fd = open(file, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static int open_fails(const struct place *p, struct err *err)
{
    struct store_log *log = NULL;
    struct raft_recovered recovered;
    int result = log_open(p->dir, &me, &log, &recovered, err);

    log_close(log);
    return result;
}

static void a_new_log_is_empty_and_small(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct stat st;
    HL_CLEANUP(log_closep) struct store_log *log = open_log(p, &d);

    assert_int_equal(d.first_index, 1);
    assert_int_equal(d.last_index, 0);
    assert_int_equal(d.last_term, 0);
    assert_int_equal(d.hard.term, 0);
    assert_int_equal(d.run_count, 0);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_size, 64 << 10);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void everything_appended_is_there_after_reopening(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    struct raft_entry *e;
    size_t count;
    struct err err;

    append(log, hard(3, 2));
    append(log, entries(p->a, 1, 5, 3));
    struct raft_persist both = entries(p->a, 6, 8, 4);
    both.has_hard_state = true;
    both.hard = (struct raft_hard_state){4, 1};
    append(log, both);
    log_close(log);

    log = open_log(p, &d);
    assert_int_equal(d.hard.term, 4);
    assert_int_equal(d.hard.vote, 1);
    assert_int_equal(d.last_index, 8);
    assert_int_equal(d.last_term, 4);
    assert_int_equal(d.run_count, 2);
    assert_int_equal(d.run[1].first_index, 6);
    assert_int_equal(d.run[1].term, 4);
    assert_int_equal(log_read(log, 1, 100, 1 << 20, p->a, &e, &count, &err), 0);
    assert_int_equal(count, 8);
    assert_true(str_eq(e[7].data, STR("entry 8")));
    assert_int_equal(e[7].term, 4);
    log_close(log);
}

static void a_cut_is_a_record_and_survives_reopening(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    struct raft_entry *e;
    size_t count;
    struct err err;

    append(log, hard(9, 0));
    append(log, entries(p->a, 1, 10, 5));
    struct raft_persist cut = entries(p->a, 4, 5, 9);
    cut.truncate_from = 4;
    append(log, cut);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(log_read(log, 3, 100, 1 << 20, p->a, &e, &count, &err), 0);
        assert_int_equal(count, 3);
        assert_int_equal(e[0].term, 5);
        assert_int_equal(e[1].term, 9);
        assert_int_equal(log_read(log, 6, 1, 100, p->a, &e, &count, &err), HL_EINVAL);
        log_close(log);
        log = open_log(p, &d);
        assert_int_equal(d.last_index, 5);
        assert_int_equal(d.run_count, 2);
    }
    log_close(log);
}

static void reading_stops_before_the_limits_but_gives_one_entry(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    HL_CLEANUP(log_closep) struct store_log *log = open_log(p, &d);
    struct raft_entry *e;
    size_t count;
    struct err err;

    append(log, hard(1, 0));
    append(log, entries(p->a, 1, 20, 1));
    assert_int_equal(log_read(log, 1, 7, 1 << 20, p->a, &e, &count, &err), 0);
    assert_int_equal(count, 7);
    assert_int_equal(log_read(log, 1, 100, 2 * (7 + RAFT_ENTRY_COST), p->a, &e, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(log_read(log, 1, 100, 0, p->a, &e, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(log_read(log, 0, 1, 0, p->a, &e, &count, &err), HL_EINVAL);
    assert_int_equal(log_read(log, 21, 1, 0, p->a, &e, &count, &err), HL_EINVAL);
}

static void the_largest_entry_goes_in_and_comes_back(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    char *big = arena_alloc(p->a, RAFT_ENTRY_BYTES_MAX);
    struct raft_entry *e;
    size_t count;
    struct err err;

    memset(big, 'x', RAFT_ENTRY_BYTES_MAX);
    append(log, hard(1, 0));
    struct raft_persist one = entries(p->a, 1, 1, 1);
    struct raft_entry entry = one.entry[0];
    entry.data = (struct str){big, RAFT_ENTRY_BYTES_MAX};
    one.entry = &entry;
    append(log, one);
    log_close(log);
    log = open_log(p, &d);
    assert_int_equal(log_read(log, 1, 1, 0, p->a, &e, &count, &err), 0);
    assert_true(str_eq(e[0].data, entry.data));
    log_close(log);
}

/* Trap 16, first half. Every prefix of the last batch is what a crash may leave. */
static void a_torn_tail_of_any_length_is_cut(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);

    append(log, hard(1, 2));
    append(log, entries(p->a, 1, 3, 1));
    off_t good = end_of_records(p->file);
    append(log, entries(p->a, 4, 6, 1));
    log_close(log);
    off_t end = end_of_records(p->file);
    size_t len = (size_t)(end - good);
    char *batch = arena_alloc(p->a, len);
    char *part = arena_alloc(p->a, len);
    int fd = open(p->file, O_RDONLY);
    assert_int_equal(pread(fd, batch, len, good), (ssize_t)len);
    close(fd);

    for (size_t keep = 0; keep + 8 < len; keep += 4) { /* the last bytes are padding */
        memset(part, 0, len);
        memcpy(part, batch, keep);
        overwrite(p->file, good, part, len);
        log = open_log(p, &d);
        assert_int_equal(d.last_index, 3);
        assert_int_equal(d.hard.vote, 2);
        log_close(log);
        assert_int_equal(end_of_records(p->file), good);
    }
    overwrite(p->file, good, batch, len);
    log = open_log(p, &d);
    assert_int_equal(d.last_index, 6);
    log_close(log);
}

/* The pages of one unfinished append may reach the disk in any order. */
static void a_torn_batch_whose_end_was_written_first_is_cut(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    static const char zero[4096] = {0};

    append(log, hard(1, 2));
    off_t good = end_of_records(p->file);
    append(log, entries(p->a, 1, 500, 1));
    log_close(log);
    overwrite(p->file, good, zero, sizeof(zero)); /* the first page is missing */
    log = open_log(p, &d);
    assert_int_equal(d.last_index, 0);
    append(log, entries(p->a, 1, 2, 1));
    log_close(log);
    log = open_log(p, &d);
    assert_int_equal(d.last_index, 2);
    log_close(log);
}

/* Trap 16, second half. */
static void damage_with_later_batches_behind_is_refused_and_left_alone(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    struct err err = {0};

    append(log, hard(1, 2));
    append(log, entries(p->a, 1, 3, 1));
    off_t middle = end_of_records(p->file);
    append(log, entries(p->a, 4, 6, 1));
    append(log, entries(p->a, 7, 7, 1));
    log_close(log);
    struct str before = corpus_file(p->a, p->file);

    for (off_t at = LOG_HEADER_BYTES; at < middle; at += 8) {
        flip(p->file, at);
        assert_int_equal(open_fails(p, &err), HL_ECORRUPT);
        assert_non_null(strstr(err.text, p->file));
        assert_non_null(strstr(err.text, "byte "));
        assert_non_null(strstr(err.text, "rejoin"));
        flip(p->file, at);
        assert_true(str_eq(corpus_file(p->a, p->file), before));
    }
    static const char zero[64] = {0};
    overwrite(p->file, middle, zero, sizeof(zero)); /* a lost write in the middle */
    assert_int_equal(open_fails(p, &err), HL_ECORRUPT);
}

static void a_damaged_old_entry_is_found_when_it_is_read(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    HL_CLEANUP(log_closep) struct store_log *log = open_log(p, &d);
    struct raft_entry *e;
    size_t count;
    struct err err = {0};

    append(log, hard(1, 2));
    off_t at = end_of_records(p->file);
    append(log, entries(p->a, 1, 1, 1));
    flip(p->file, at + LOG_RECORD_BYTES);
    assert_int_equal(log_read(log, 1, 1, 0, p->a, &e, &count, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "entry 1 is damaged"));
}

static void a_foreign_store_is_refused_by_name(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_identity other_mesh = {.mesh = STR("mesh-b"), .member = 2};
    struct store_identity other_member = {.mesh = STR("mesh-a"), .member = 3};
    struct store_log *log = open_log(p, &d);
    struct err err = {0};

    log_close(log);
    log = NULL;
    assert_int_equal(log_open(p->dir, &other_mesh, &log, &d, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "belongs to member 2 of mesh mesh-a"));
    assert_int_equal(log_open(p->dir, &other_member, &log, &d, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "not to member 3 of mesh mesh-a"));
}

static void another_format_or_a_damaged_head_is_refused(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    HL_CLEANUP(buf_deinit) struct buf head = {0};
    struct log_header h = {.version = 2, .salt = 1, .member = 2, .mesh = STR("mesh-a")};
    struct err err = {0};

    log_close(open_log(p, &d));
    log_header_add(&head, &h);
    overwrite(p->file, 0, head.ptr, head.len);
    assert_int_equal(open_fails(p, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "format 2"));
    flip(p->file, 12);
    assert_int_equal(open_fails(p, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "head is damaged"));
    assert_int_equal(truncate(p->file, 100), 0);
    assert_int_equal(open_fails(p, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "cut to 100 bytes"));
}

static void a_second_opener_is_turned_away(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    struct err err = {0};

    assert_int_equal(open_fails(p, &err), HL_ECONFLICT);
    assert_non_null(strstr(err.text, "in use by another process"));
    log_close(log);
    log_close(open_log(p, &d));
}

static void a_folder_that_does_not_exist_is_named(void **state)
{
    struct place *p = *state;
    struct place nowhere = *p;
    struct err err = {0};

    nowhere.dir = arena_concat(p->a, p->dir, STR("/no"));
    assert_int_equal(open_fails(&nowhere, &err), HL_EIO);
    assert_non_null(strstr(err.text, "/no/raft.lock"));
}

static void a_payload_that_looks_like_a_record_is_none(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    HL_CLEANUP(buf_deinit) struct buf fake = {0};
    struct log_record record = {
        .kind = LOG_HARD_STATE, .is_last = true, .batch = 99, .term = 9, .index = 9};
    struct err err;

    log_record_add(&fake, 12345, &record); /* another salt than that of any file */
    append(log, hard(1, 0));
    struct raft_persist one = entries(p->a, 1, 1, 1);
    struct raft_entry entry = one.entry[0];
    entry.data = buf_str(&fake);
    one.entry = &entry;
    off_t at = end_of_records(p->file);
    append(log, one);
    log_close(log);
    flip(p->file, at); /* torn, as far as anybody can tell */
    assert_int_equal(open_fails(p, &err), 0);
}

static void statistics_count_what_was_done(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    HL_CLEANUP(log_closep) struct store_log *log = open_log(p, &d);
    struct log_stats s;

    append(log, hard(1, 0));
    append(log, entries(p->a, 1, 3, 1));
    append(log, (struct raft_persist){0}); /* nothing to do, nothing written */
    log_stats_get(log, &s);
    assert_int_equal(s.sync_count, 2);
    assert_int_equal(s.appended_bytes, log_record_size(0) + 3 * log_record_size(7));
    assert_int_equal(s.file_bytes, 64 << 10);
    assert_true(s.sync_max_us >= s.sync_last_us && s.sync_last_us >= 0);
}

static void room_grows_ahead_of_the_records(void **state)
{
    struct place *p = *state;
    struct raft_recovered d;
    struct store_log *log = open_log(p, &d);
    struct log_stats s;
    uint64_t index = 1;

    append(log, hard(1, 0));
    for (int i = 0; i < 40; i++, index += 100)
        append(log, entries(p->a, index, index + 99, 1));
    log_stats_get(log, &s);
    assert_true(s.file_bytes > s.appended_bytes && s.file_bytes < 2 * s.appended_bytes + 131072);
    log_close(log);
    log = open_log(p, &d);
    assert_int_equal(d.last_index, index - 1);
    log_close(log);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_new_log_is_empty_and_small),
        T(everything_appended_is_there_after_reopening),
        T(a_cut_is_a_record_and_survives_reopening),
        T(reading_stops_before_the_limits_but_gives_one_entry),
        T(the_largest_entry_goes_in_and_comes_back),
        T(a_torn_tail_of_any_length_is_cut),
        T(a_torn_batch_whose_end_was_written_first_is_cut),
        T(damage_with_later_batches_behind_is_refused_and_left_alone),
        T(a_damaged_old_entry_is_found_when_it_is_read),
        T(a_foreign_store_is_refused_by_name),
        T(another_format_or_a_damaged_head_is_refused),
        T(a_second_opener_is_turned_away),
        T(a_folder_that_does_not_exist_is_named),
        T(a_payload_that_looks_like_a_record_is_none),
        T(statistics_count_what_was_done),
        T(room_grows_ahead_of_the_records),
    };
    return cmocka_run_group_tests_name("edge/store: log", tests, NULL, NULL);
}
