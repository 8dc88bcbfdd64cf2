/* How much disk a busy store takes: many updates of the same keys, as a coordinator runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/log.h"
#include "edge/store/statedb.h"
#include "support/folder.h"

enum {
    UPDATES = 1000000,
    KEYS = 100000,
    BATCH = 100,
    VALUE_BYTES = 100,
    LOG_KEEP_BYTES = 4 << 20, /* as raft.h has it */
};

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct store_dir *dir;
    struct statedb *db;
    struct store_log *log;
    struct rng rng;
    uint64_t index;
    uint64_t peak_bytes;
    uint64_t redo_bytes; /* of the log, since the last checkpoint */
    unsigned checkpoints;
};

static const struct raft_members members = {.member = {{1, true}}, .count = 1};

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));
    struct store_identity identity = {STR("hl-mesh:test"), 1};
    struct raft_recovered recovered;
    struct err err;

    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    f->folder = folder_new();
    f->arena = arena_new();
    rng_seed(&f->rng, 1);
    *state = f;
    int r = store_dir_open(folder_path(f->folder, f->arena, "store"), &identity, &f->dir, &err);
    if (r == 0)
        r = statedb_open(f->dir, &f->db, &err);
    if (r == 0)
        r = log_open(f->dir, NULL, statedb_base(f->db), &f->log, &recovered, &err);
    return r;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    log_close(f->log);
    statedb_close(f->db);
    store_dir_close(f->dir);
    arena_free(f->arena);
    folder_free(f->folder);
    free(f);
    return 0;
}

static uint64_t bytes_below(const char *folder)
{
    DIR *d = opendir(folder);
    uint64_t bytes = 0;
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        char path[512];
        struct stat about;

        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && stat(path, &about) == 0)
            bytes += (uint64_t)about.st_blocks * 512;
    }
    closedir(d);
    return bytes;
}

static uint64_t disk_bytes(struct fixture *f)
{
    uint64_t bytes = bytes_below(folder_path(f->folder, f->arena, "store/log").ptr) +
                     bytes_below(folder_path(f->folder, f->arena, "store/state").ptr);

    if (bytes > f->peak_bytes)
        f->peak_bytes = bytes;
    return bytes;
}

/* ---- the course ---- */

static void update(struct fixture *f)
{
    struct raft_entry entry[BATCH];
    struct raft_persist p = {
        .has_hard_state = true, .hard = {1, 1}, .entry = entry, .entry_count = BATCH};
    const struct raft_persist *list = &p;
    struct err err;

    for (size_t i = 0; i < BATCH; i++) {
        char *value = arena_alloc(f->arena, VALUE_BYTES);
        struct str key = arena_printf(f->arena, "setting/%08u", (unsigned)rng_below(&f->rng, KEYS));
        struct kv *kv = statedb_begin(f->db);

        memset(value, 'a' + (int)(f->index % 26), VALUE_BYTES);
        entry[i] = (struct raft_entry){++f->index, 1, RAFT_ENTRY_COMMAND, {value, VALUE_BYTES}};
        assert_int_equal(kv->put(kv->context, key, entry[i].data, &err), 0);
        statedb_commit(f->db, f->index);
    }
    assert_int_equal(log_append(f->log, &list, 1, &err), 0);
    f->redo_bytes += BATCH * (VALUE_BYTES + RAFT_ENTRY_COST);
    log_prepare(f->log);
    arena_reset(f->arena);
}

/* Keeps LOG_KEEP_BYTES below the base, as consensus does. */
static void compact(struct fixture *f)
{
    uint64_t kept = LOG_KEEP_BYTES / (VALUE_BYTES + RAFT_ENTRY_COST);
    uint64_t base = statedb_base(f->db)->index;
    struct raft_persist p = {.compact_to = base > kept ? base - kept : 0};
    const struct raft_persist *list = &p;
    struct err err;

    assert_int_equal(log_append(f->log, &list, 1, &err), 0);
}

static void checkpoint(struct fixture *f)
{
    struct checkpoint *c = statedb_freeze(f->db, 1, &members);
    struct err err;

    assert_non_null(c);
    assert_int_equal(checkpoint_run(c, &err), 0);
    disk_bytes(f); /* the old base and the new one */
    statedb_adopt(f->db, c);
    checkpoint_free(c);
    compact(f);
    f->checkpoints++;
    f->redo_bytes = 0;
}

/* Keys and values of the state and records of the log. */
static uint64_t live_bytes(struct fixture *f)
{
    struct kv *kv = statedb_reader(f->db);
    char after_bytes[KV_KEY_MAX];
    struct str after = STR_NONE;
    struct log_stats stats;
    uint64_t bytes = 0;
    struct str key;
    struct str value;

    while (kv->next(kv->context, STR_NONE, after, &key, &value, NULL) == KV_FOUND) {
        bytes += key.len + value.len;
        memcpy(after_bytes, key.ptr, key.len);
        after = (struct str){after_bytes, key.len};
    }
    log_stats_get(f->log, &stats);
    return bytes + stats.live_bytes;
}

static void figure(const char *name, uint64_t bytes, uint64_t live)
{
    print_message("figure %s ours=%.3g peer=none ratio=none unit=x\n", name,
                  (double)bytes / (double)live);
}

static void disk_is_at_most_twice_what_lives(void **state)
{
    struct fixture *f = *state;

    for (int done = 0; done < UPDATES; done += BATCH) {
        update(f);
        if (statedb_checkpoint_need(f->db, f->redo_bytes, false) >= 100)
            checkpoint(f);
    }
    disk_bytes(f);
    assert_true(f->checkpoints > 3);
    checkpoint(f);
    log_trim(f->log);
    uint64_t settled = disk_bytes(f);
    uint64_t live = live_bytes(f);
    print_message("%d updates of %d keys, %u checkpoints: %.1f MB live, %.1f MB on disk, at most "
                  "%.1f MB\n",
                  UPDATES, KEYS, f->checkpoints, (double)live / 1e6, (double)settled / 1e6,
                  (double)f->peak_bytes / 1e6);
    figure("store_disk_per_live_settled", settled, live);
    figure("store_disk_per_live_peak", f->peak_bytes, live);
    assert_true(settled <= 2 * live);
    assert_true(f->peak_bytes <= 4 * live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(disk_is_at_most_twice_what_lives, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("edge/store: size", tests, NULL, NULL);
}
