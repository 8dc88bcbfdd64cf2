/*
 * What the store costs: appends with their flush, and the state in memory and in its base.
 *
 *     bench_store [FOLDER]     a folder on the disk that is meant, /var/tmp by default
 *
 * Prints `figure NAME ours=… peer=none ratio=none unit=…`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edge/store/log.h"
#include "edge/store/statedb.h"
#include "support/folder.h"

enum {
    DATA_BYTES = 200,
    KEYS = 100000,
    GETS = 1000000,
    PUTS = 1000000,
    ROUNDS_MAX = 4000,
    GROUP_MAX = 1024,
    READ_ENTRIES = 200000,
    READ_AT_ONCE = 256,
};

struct bench {
    struct folder *folder;
    struct arena *arena;
    struct store_dir *dir;
    struct store_log *log;
    struct statedb *db;
    uint64_t index;
    struct rng rng;
};

static const struct raft_members members = {.member = {{1, true}}, .count = 1};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void figure(const char *name, double ours, const char *unit)
{
    printf("figure %s ours=%.4g peer=none ratio=none unit=%s\n", name, ours, unit);
    fflush(stdout);
}

static double per_second(double count, int64_t took_ns)
{
    return count * 1e9 / (double)took_ns;
}

static void must(int r, const struct err *err)
{
    if (r < 0)
        hl_die("bench_store: %s", err->text);
}

static void open_store(struct bench *b)
{
    struct store_identity identity = {STR("hl-mesh:bench"), 1};
    struct raft_recovered recovered;
    struct err err = {0};

    b->folder = folder_new();
    b->arena = arena_new();
    rng_seed(&b->rng, 1);
    must(store_dir_open(folder_path(b->folder, b->arena, "store"), &identity, &b->dir, &err), &err);
    must(statedb_open(b->dir, &b->db, &err), &err);
    must(log_open(b->dir, NULL, statedb_base(b->db), &b->log, &recovered, &err), &err);
}

static void close_store(struct bench *b)
{
    log_close(b->log);
    statedb_close(b->db);
    store_dir_close(b->dir);
    arena_free(b->arena);
    folder_free(b->folder);
}

/* ---- the log ---- */

static void append(struct bench *b, size_t count)
{
    static const char data[DATA_BYTES] = {1};
    static struct raft_entry entry[GROUP_MAX];
    struct raft_persist p = {
        .has_hard_state = b->index == 0, .hard = {1, 1}, .entry = entry, .entry_count = count};
    const struct raft_persist *list = &p;
    struct err err = {0};

    for (size_t i = 0; i < count; i++)
        entry[i] = (struct raft_entry){++b->index, 1, RAFT_ENTRY_COMMAND, {data, sizeof(data)}};
    must(log_append(b->log, &list, 1, &err), &err);
}

static int order(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x;
    int64_t b = *(const int64_t *)y;

    return a < b ? -1 : a > b;
}

static void measure_append(struct bench *b, size_t group, size_t rounds, const char *name)
{
    static int64_t took_ns[ROUNDS_MAX];
    int64_t all_ns = 0;
    char full[64];

    for (size_t i = 0; i < rounds; i++) {
        int64_t start = now_ns();
        append(b, group);
        took_ns[i] = now_ns() - start;
        all_ns += took_ns[i];
        log_prepare(b->log);
    }
    qsort(took_ns, rounds, sizeof(took_ns[0]), order);
    snprintf(full, sizeof(full), "%s_p50", name);
    figure(full, (double)took_ns[rounds / 2] / 1e3, "us");
    snprintf(full, sizeof(full), "%s_p99", name);
    figure(full, (double)took_ns[rounds * 99 / 100] / 1e3, "us");
    snprintf(full, sizeof(full), "%s_rate", name);
    figure(full, per_second((double)(group * rounds), all_ns), "entries/s");
}

static void measure_read(struct bench *b)
{
    struct err err = {0};
    int64_t start = now_ns();
    size_t done = 0;

    while (done < READ_ENTRIES) {
        struct raft_entry *e;
        size_t count;

        must(log_read(b->log, done + 1, READ_AT_ONCE, 1 << 20, b->arena, &e, &count, &err), &err);
        done += count;
        arena_reset(b->arena);
    }
    figure("store_log_read", per_second((double)done, now_ns() - start), "entries/s");
}

/* ---- the state ---- */

static struct str key_of(char out[32], uint64_t i)
{
    return (struct str){out, (size_t)snprintf(out, 32, "setting/%08u", (unsigned)i)};
}

static void measure_put(struct bench *b, const char *name)
{
    static const char value[DATA_BYTES] = {1};
    int64_t start = now_ns();
    struct err err = {0};

    for (size_t i = 0; i < PUTS; i++) {
        char key[32];
        struct kv *kv = statedb_begin(b->db);

        must(kv->put(kv->context, key_of(key, rng_below(&b->rng, KEYS)),
                     (struct str){value, sizeof(value)}, &err),
             &err);
        statedb_commit(b->db, statedb_applied(b->db) + 1);
    }
    figure(name, per_second(PUTS, now_ns() - start), "puts/s");
}

static void measure_get(struct bench *b, const char *name)
{
    struct kv *kv = statedb_reader(b->db);
    int64_t start = now_ns();
    struct err err = {0};

    for (size_t i = 0; i < GETS; i++) {
        char key[32];
        struct str value;

        must(kv->get(kv->context, key_of(key, rng_below(&b->rng, KEYS)), &value, &err), &err);
    }
    figure(name, per_second(GETS, now_ns() - start), "gets/s");
}

static void measure_checkpoint(struct bench *b, const char *name)
{
    struct checkpoint *c = statedb_freeze(b->db, 1, &members);
    struct err err = {0};
    int64_t start = now_ns();

    must(checkpoint_run(c, &err), &err);
    figure(name, per_second(KEYS, now_ns() - start), "records/s");
    statedb_adopt(b->db, c);
    checkpoint_free(c);
}

int main(int argc, char **argv)
{
    struct bench b = {0};

    setenv("TMPDIR", argc > 1 ? argv[1] : "/var/tmp", 1);
    open_store(&b);
    measure_append(&b, 1, 4000, "store_append_1");
    measure_append(&b, 64, 2000, "store_append_64");
    measure_append(&b, 1024, 300, "store_append_1024");
    measure_read(&b);
    measure_put(&b, "store_state_put");
    measure_get(&b, "store_state_get_changed");
    measure_checkpoint(&b, "store_checkpoint");
    measure_get(&b, "store_state_get_base");
    measure_put(&b, "store_state_put_over_base");
    measure_checkpoint(&b, "store_checkpoint_over_base");
    close_store(&b);
    return 0;
}
