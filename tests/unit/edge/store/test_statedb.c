/* The applied state: layers against a model, checkpoints beside writers, files found at open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/statedb.h"
#include "support/folder.h"
#include "support/kv_array.h"

static const struct raft_members members = {.member = {{1, true}, {2, true}, {3, false}},
                                            .count = 3};

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct store_dir *dir;
    struct statedb *db;
    uint64_t index;
    struct err err;
};

static void open_store(struct fixture *f, const char *name)
{
    struct store_identity identity = {STR("hl-mesh:test"), 1};

    assert_int_equal(
        store_dir_open(folder_path(f->folder, f->arena, name), &identity, &f->dir, &f->err), 0);
    assert_int_equal(statedb_open(f->dir, &f->db, &f->err), 0);
    f->index = statedb_applied(f->db);
}

static void close_store(struct fixture *f)
{
    statedb_close(f->db);
    store_dir_close(f->dir);
    f->db = NULL;
    f->dir = NULL;
}

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    f->folder = folder_new();
    f->arena = arena_new();
    open_store(f, "store");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_store(f);
    folder_free(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *key, const char *value)
{
    struct kv *kv = statedb_begin(f->db);

    assert_int_equal(kv->put(kv->context, str_from(key), str_from(value), &f->err), 0);
    statedb_commit(f->db, ++f->index);
}

static void del(struct fixture *f, const char *key)
{
    struct kv *kv = statedb_begin(f->db);

    assert_int_equal(kv->del(kv->context, str_from(key), &f->err), KV_FOUND);
    statedb_commit(f->db, ++f->index);
}

static void assert_holds(struct fixture *f, const char *key, const char *value)
{
    struct kv *kv = statedb_reader(f->db);
    struct str found;

    int r = kv->get(kv->context, str_from(key), &found, &f->err);
    assert_int_equal(r, value ? KV_FOUND : KV_ABSENT);
    if (value)
        assert_true(str_eq(found, str_from(value)));
}

static void checkpoint(struct fixture *f)
{
    struct checkpoint *c = statedb_freeze(f->db, 7, &members);

    assert_non_null(c);
    assert_int_equal(checkpoint_run(c, &f->err), 0);
    statedb_adopt(f->db, c);
    checkpoint_free(c);
}

/* Reads everything in order. */
static struct str dump(struct fixture *f, struct statedb *db)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct kv *kv = statedb_reader(db);
    struct str after = STR_NONE;
    struct str value;

    while (kv->next(kv->context, STR_NONE, after, &after, &value, &f->err) == KV_FOUND)
        buf_printf(&out, STR_FMT "=" STR_FMT ";", STR_ARG(after), STR_ARG(value));
    return arena_dup(f->arena, buf_str(&out));
}

static size_t count_files(struct fixture *f, const char *folder)
{
    DIR *d = opendir(folder_path(f->folder, f->arena, folder).ptr);
    size_t count = 0;
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* ---- reading and writing ---- */

static void what_was_committed_is_read_from_whatever_layer_it_is_in(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "base");
    put(f, "b", "base");
    put(f, "c", "base");
    checkpoint(f);
    put(f, "b", "frozen");
    del(f, "c");
    struct checkpoint *c = statedb_freeze(f->db, 7, &members);
    assert_non_null(c);
    put(f, "d", "recent");
    assert_holds(f, "a", "base");
    assert_holds(f, "b", "frozen");
    assert_holds(f, "c", NULL);
    assert_holds(f, "d", "recent");
    assert_true(str_eq(dump(f, f->db), STR("a=base;b=frozen;d=recent;")));
    assert_int_equal(checkpoint_run(c, &f->err), 0);
    statedb_adopt(f->db, c);
    checkpoint_free(c);
    assert_true(str_eq(dump(f, f->db), STR("a=base;b=frozen;d=recent;")));
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "1");
    put(f, "b", "2");
    size_t bytes = statedb_changed_bytes(f->db);
    struct kv *kv = statedb_begin(f->db);
    assert_int_equal(kv->put(kv->context, STR("a"), STR("x"), &f->err), 0);
    assert_int_equal(kv->put(kv->context, STR("a"), STR("y"), &f->err), 0);
    assert_int_equal(kv->del(kv->context, STR("b"), &f->err), KV_FOUND);
    assert_int_equal(kv->put(kv->context, STR("c"), STR("z"), &f->err), 0);
    statedb_abort(f->db);
    assert_true(str_eq(dump(f, f->db), STR("a=1;b=2;")));
    assert_int_equal(statedb_applied(f->db), 2);
    put(f, "d", "4");
    assert_true(str_eq(dump(f, f->db), STR("a=1;b=2;d=4;")));
    assert_true(statedb_changed_bytes(f->db) > bytes);
}

static void the_reader_does_not_write(void **state)
{
    struct fixture *f = *state;
    struct kv *kv = statedb_reader(f->db);

    assert_int_equal(kv->put(kv->context, STR("a"), STR("1"), &f->err), HL_EINVAL);
    assert_int_equal(kv->del(kv->context, STR("a"), &f->err), HL_EINVAL);
    kv = statedb_begin(f->db);
    assert_int_equal(kv->put(kv->context, STR_NONE, STR("1"), &f->err), HL_EINVAL);
    char long_key[KV_KEY_MAX + 1] = {0};
    assert_int_equal(
        kv->put(kv->context, (struct str){long_key, sizeof(long_key)}, STR("1"), &f->err),
        HL_EINVAL);
    statedb_abort(f->db);
}

/* A random course of everything, against a sorted array. */
static void layers_agree_with_a_model(void **state)
{
    struct fixture *f = *state;
    HL_CLEANUP(kv_array_deinit) struct kv_array model;
    struct checkpoint *c = NULL;
    struct rng rng;

    kv_array_init(&model);
    struct kv m = model.kv;
    rng_seed(&rng, 11);
    for (int round = 0; round < 3000; round++) {
        struct kv *kv = statedb_begin(f->db);
        bool is_kept = rng_below(&rng, 8) != 0;

        for (uint64_t n = rng_below(&rng, 4) + 1; n > 0; n--) {
            char key[16];
            char value[64];
            snprintf(key, sizeof(key), "%s/%u", rng_below(&rng, 2) ? "k" : "ka",
                     (unsigned)rng_below(&rng, 60));
            snprintf(value, sizeof(value), "%.*s", (int)rng_below(&rng, 60),
                     "a value that has some length or other, as values have it");
            if (rng_below(&rng, 3) == 0) {
                int r = kv->del(kv->context, str_from(key), &f->err);
                if (is_kept)
                    assert_int_equal(m.del(m.context, str_from(key), &f->err), r);
            } else {
                assert_int_equal(kv->put(kv->context, str_from(key), str_from(value), &f->err), 0);
                if (is_kept)
                    assert_int_equal(m.put(m.context, str_from(key), str_from(value), &f->err), 0);
            }
        }
        if (is_kept)
            statedb_commit(f->db, ++f->index);
        else
            statedb_abort(f->db);
        switch (rng_below(&rng, 40)) {
        case 0:
            if (!c)
                c = statedb_freeze(f->db, 7, &members);
            break;
        case 1:
            if (c && rng_below(&rng, 3) != 0) /* else it is dropped */
                assert_int_equal(checkpoint_run(c, &f->err), 0);
            if (c)
                statedb_adopt(f->db, c);
            checkpoint_free(c);
            c = NULL;
            break;
        case 2:
            if (!c && statedb_base(f->db)->index == f->index) {
                close_store(f);
                open_store(f, "store");
            }
            break;
        default:
            break;
        }
        for (int prefix = 0; prefix < 3; prefix++) {
            static const char *const prefixes[] = {"", "k/", "ka"};
            struct kv *ours = statedb_reader(f->db);
            struct str key = STR_NONE;
            struct str their_key = STR_NONE;
            struct str value;
            struct str their_value;
            int r;
            do {
                r = ours->next(ours->context, str_from(prefixes[prefix]), key, &key, &value,
                               &f->err);
                assert_int_equal(m.next(m.context, str_from(prefixes[prefix]), their_key,
                                        &their_key, &their_value, &f->err),
                                 r);
                if (r == KV_FOUND)
                    assert_true(str_eq(key, their_key) && str_eq(value, their_value));
            } while (r == KV_FOUND && round % 20 == 0);
        }
    }
    if (c)
        statedb_adopt(f->db, c);
    checkpoint_free(c);
}

/* ---- checkpoints ---- */

static void a_checkpoint_is_what_a_restart_begins_from(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "1");
    put(f, "b", "2");
    checkpoint(f);
    put(f, "c", "lost, and redone from the log");
    const struct raft_snapshot *base = statedb_base(f->db);
    assert_int_equal(base->index, 2);
    assert_int_equal(base->term, 7);
    assert_int_equal(base->members.count, 3);
    assert_true(base->id != 0);
    close_store(f);
    open_store(f, "store");
    assert_int_equal(statedb_applied(f->db), 2);
    assert_int_equal(statedb_base(f->db)->term, 7);
    assert_false(statedb_base(f->db)->members.member[2].is_voter);
    assert_true(str_eq(dump(f, f->db), STR("a=1;b=2;")));
    assert_int_equal(statedb_changed_bytes(f->db), 0);
}

static void there_is_one_base_and_nothing_else_on_disk(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++) {
        put(f, "a", "1");
        checkpoint(f);
        assert_int_equal(count_files(f, "store/state"), 1);
    }
    assert_null(statedb_freeze(f->db, 7, &members)); /* nothing happened since */
    FILE *remains = fopen(folder_path(f->folder, f->arena, "store/state/9.mdb.new").ptr, "w");
    fclose(remains);
    close_store(f);
    open_store(f, "store");
    assert_int_equal(count_files(f, "store/state"), 1);
}

static void a_checkpoint_that_did_not_run_loses_nothing(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "1");
    put(f, "b", "1");
    struct checkpoint *c = statedb_freeze(f->db, 7, &members);
    assert_null(statedb_freeze(f->db, 7, &members));
    put(f, "a", "2");
    del(f, "b");
    statedb_adopt(f->db, c);
    checkpoint_free(c);
    assert_true(str_eq(dump(f, f->db), STR("a=2;")));
    assert_int_equal(statedb_base(f->db)->index, 0);
}

struct runner {
    struct checkpoint *c;
    struct err err;
    int result;
};

static void *run(void *context)
{
    struct runner *r = context;

    r->result = checkpoint_run(r->c, &r->err);
    return NULL;
}

static void a_checkpoint_runs_beside_reads_and_writes(void **state)
{
    struct fixture *f = *state;
    char key[16];

    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "k%04d", i);
        put(f, key, "before");
    }
    for (int turn = 0; turn < 4; turn++) {
        struct runner r = {.c = statedb_freeze(f->db, 7, &members)};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run, &r), 0);
        for (int i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "k%04d", turn * 500 + i);
            put(f, key, "after");
            assert_holds(f, key, "after");
        }
        pthread_join(thread, NULL);
        assert_int_equal(r.result, 0);
        statedb_adopt(f->db, r.c);
        checkpoint_free(r.c);
    }
    assert_holds(f, "k0000", "after");
    assert_holds(f, "k1999", "after");
}

static void damage_is_noticed_and_the_way_out_is_named(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "some value that can be found in the file");
    checkpoint(f);
    close_store(f);
    struct str path = folder_path(f->folder, f->arena, "store/state/00000000000000000001.mdb");
    FILE *file = fopen(path.ptr, "r+b");
    assert_non_null(file);
    char block[65536];
    size_t len = fread(block, 1, sizeof(block), file);
    char *at = memmem(block, len, "can be found", 12);
    assert_non_null(at);
    assert_int_equal(fseek(file, at - block, SEEK_SET), 0);
    fputc('C', file);
    fclose(file);
    open_store(f, "store");
    struct kv *kv = statedb_reader(f->db);
    struct str found;
    assert_int_equal(kv->get(kv->context, STR("a"), &found, &f->err), HL_ECORRUPT);
    assert_non_null(strstr(f->err.text, "docs/operations.md"));
}

static void a_truncated_base_is_refused(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "1");
    checkpoint(f);
    close_store(f);
    struct str path = folder_path(f->folder, f->arena, "store/state/00000000000000000001.mdb");
    struct store_identity identity = {STR("hl-mesh:test"), 1};
    assert_int_equal(truncate(path.ptr, 100), 0);
    assert_int_equal(
        store_dir_open(folder_path(f->folder, f->arena, "store"), &identity, &f->dir, &f->err), 0);
    assert_true(statedb_open(f->dir, &f->db, &f->err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_committed_is_read_from_whatever_layer_it_is_in,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_aborted_transaction_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_reader_does_not_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(layers_agree_with_a_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_is_what_a_restart_begins_from, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(there_is_one_base_and_nothing_else_on_disk, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_that_did_not_run_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_runs_beside_reads_and_writes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(damage_is_noticed_and_the_way_out_is_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_truncated_base_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
