/* The applied state: together with its index or not at all; whose it is; when it is rebuilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/store/statedb.h"
#include "support/folder.h"

static const struct store_identity me = {.mesh = {"mesh-a", 6}, .member = 2};

struct place {
    struct arena *a;
    struct folder *folder;
    struct str dir;
};

static int set_up(void **state)
{
    struct place *p = hl_calloc(1, sizeof(*p));

    p->a = arena_new();
    p->folder = folder_new();
    p->dir = str_from(p->folder->path);
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

static struct statedb *open_db(const struct place *p, uint64_t *applied)
{
    struct statedb *db = NULL;
    struct err err = {0};

    if (statedb_open(p->dir, &me, &db, applied, &err) != 0)
        fail_msg("statedb_open: %s", err.text);
    return db;
}

static void put(struct statedb *db, const char *key, struct str value, uint64_t applied)
{
    struct kv kv;
    struct err err = {0};

    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    if (kv.put(kv.context, str_from(key), value, &err) != 0)
        fail_msg("put: %s", err.text);
    assert_int_equal(statedb_commit(db, applied, &err), 0);
}

/* The value in the arena; ptr NULL if absent. */
static struct str get(struct place *p, struct statedb *db, const char *key)
{
    HL_CLEANUP(statedb_view_endp) struct statedb_view *view = NULL;
    uint64_t applied;
    struct kv kv;
    struct str value = STR_NONE;
    struct err err = {0};

    assert_int_equal(statedb_view_begin(db, &view, &kv, &applied, &err), 0);
    int result = kv.get(kv.context, str_from(key), &value, &err);
    if (result < 0)
        fail_msg("get: %s", err.text);
    return result == KV_FOUND ? arena_dup(p->a, value) : STR_NONE;
}

static char *path_in(struct place *p, const char *name)
{
    return arena_cstr(p->a, arena_printf(p->a, STR_FMT "/state/%s", STR_ARG(p->dir), name));
}

static struct str read_text(struct place *p, const char *path)
{
    char *text = arena_alloc(p->a, 4096);
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    ssize_t n = read(fd, text, 4096);
    close(fd);
    assert_true(n > 0);
    return (struct str){text, (size_t)n};
}

static void write_text(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    close(fd);
}

/* An owner file as another boot, format or member would have left it. */
static void write_owner(struct place *p, const char *format, const char *who, const char *boot)
{
    struct str body = arena_printf(p->a, "format %s\n%s\nboot %s\n", format, who, boot);
    struct str text =
        arena_printf(p->a, STR_FMT "crc %08x\n", STR_ARG(body), crc32c(0, body.ptr, body.len));

    write_text(path_in(p, "owner"), text);
}

static void state_and_index_are_committed_together(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = open_db(p, &applied);
    struct kv kv;
    struct err err = {0};

    assert_int_equal(applied, 0);
    put(db, "a", STR("1"), 7);
    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    assert_int_equal(kv.put(kv.context, STR("a"), STR("2"), &err), 0);
    statedb_abort(db);
    statedb_close(db);
    db = open_db(p, &applied);
    assert_int_equal(applied, 7);
    assert_true(str_eq(get(p, db, "a"), STR("1")));
    statedb_close(db);
}

static void a_view_sees_one_moment(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = open_db(p, &applied);
    HL_CLEANUP(statedb_view_endp) struct statedb_view *view = NULL;
    struct kv kv;
    struct str value;
    struct err err = {0};

    put(db, "a", STR("old"), 1);
    assert_int_equal(statedb_view_begin(db, &view, &kv, &applied, &err), 0);
    put(db, "a", STR("new"), 2);
    assert_int_equal(applied, 1);
    assert_int_equal(kv.get(kv.context, STR("a"), &value, &err), KV_FOUND);
    assert_true(str_eq(value, STR("old")));
    assert_true(str_eq(get(p, db, "a"), STR("new")));
    assert_int_equal(kv.put(kv.context, STR("a"), STR("x"), &err), HL_EINVAL);
    assert_int_equal(kv.del(kv.context, STR("a"), &err), HL_EINVAL);
    statedb_view_endp(&view);
    view = NULL;
    statedb_close(db);
}

static void next_walks_a_prefix_in_order(void **state)
{
    static const char *const keys[] = {"a", "b/", "b/1", "b/2", "b/22", "b0", "c"};
    struct place *p = *state;
    uint64_t applied;
    HL_CLEANUP(statedb_closep) struct statedb *db = open_db(p, &applied);
    struct str key = STR_NONE;
    struct str value;
    struct kv kv;
    struct err err = {0};

    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    assert_int_equal(kv.next(kv.context, STR_NONE, STR_NONE, &key, &value, &err), KV_ABSENT);
    for (size_t i = HL_COUNT(keys); i > 0; i--)
        assert_int_equal(kv.put(kv.context, str_from(keys[i - 1]), str_from(keys[i - 1]), &err), 0);
    key = STR_NONE;
    for (size_t i = 1; i <= 4; i++) {
        assert_int_equal(kv.next(kv.context, STR("b/"), key, &key, &value, &err), KV_FOUND);
        assert_true(str_eq(key, str_from(keys[i])) && str_eq(value, key));
    }
    assert_int_equal(kv.next(kv.context, STR("b/"), key, &key, &value, &err), KV_ABSENT);
    assert_int_equal(kv.next(kv.context, STR("b/"), STR("a"), &key, &value, &err), KV_FOUND);
    assert_true(str_eq(key, STR("b/")));
    assert_int_equal(kv.next(kv.context, STR("b/"), STR("b/1x"), &key, &value, &err), KV_FOUND);
    assert_true(str_eq(key, STR("b/2")));
    assert_int_equal(kv.next(kv.context, STR_NONE, STR("b0"), &key, &value, &err), KV_FOUND);
    assert_true(str_eq(key, STR("c")));
    assert_int_equal(kv.del(kv.context, STR("b/1"), &err), KV_FOUND);
    assert_int_equal(kv.del(kv.context, STR("b/1"), &err), KV_ABSENT);
    assert_int_equal(kv.next(kv.context, STR("b/"), STR("b/"), &key, &value, &err), KV_FOUND);
    assert_true(str_eq(key, STR("b/2")));
    assert_int_equal(statedb_commit(db, 1, &err), 0);
}

static void keys_and_values_have_limits(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    HL_CLEANUP(statedb_closep) struct statedb *db = open_db(p, &applied);
    char *big = arena_alloc(p->a, KV_VALUE_MAX + 1);
    struct str key = {big, KV_KEY_MAX};
    struct str value = {big, KV_VALUE_MAX};
    struct str found;
    struct kv kv;
    struct err err = {0};

    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    assert_int_equal(kv.put(kv.context, key, value, &err), 0);
    assert_int_equal(kv.get(kv.context, key, &found, &err), KV_FOUND);
    assert_int_equal(found.len, KV_VALUE_MAX);
    assert_int_equal(kv.put(kv.context, STR("empty"), STR_NONE, &err), 0);
    assert_int_equal(kv.get(kv.context, STR("empty"), &found, &err), KV_FOUND);
    assert_int_equal(found.len, 0);
    key.len++;
    assert_int_equal(kv.put(kv.context, key, STR("x"), &err), HL_EINVAL);
    assert_int_equal(kv.get(kv.context, STR_NONE, &found, &err), HL_EINVAL);
    value.len++;
    assert_int_equal(kv.put(kv.context, STR("k"), value, &err), HL_ELIMIT);
    statedb_abort(db);
}

static void a_value_lent_out_may_be_put_again(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    HL_CLEANUP(statedb_closep) struct statedb *db = open_db(p, &applied);
    struct str key;
    struct str value;
    struct kv kv;
    struct err err = {0};

    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%03d", i);
        assert_int_equal(kv.put(kv.context, str_from(name), str_from(name), &err), 0);
    }
    key = STR_NONE;
    while (kv.next(kv.context, STR_NONE, key, &key, &value, &err) == KV_FOUND) {
        struct str kept = arena_dup(p->a, key);
        assert_int_equal(kv.put(kv.context, key, value, &err), 0);
        key = kept;
    }
    assert_int_equal(kv.get(kv.context, STR("123"), &value, &err), KV_FOUND);
    assert_true(str_eq(value, STR("123")));
    assert_int_equal(statedb_commit(db, 1, &err), 0);
}

/* Trap 11, with a real process. */
static void a_killed_process_loses_no_commit(void **state)
{
    struct place *p = *state;
    uint64_t applied = 0;
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct statedb *db = open_db(p, &applied);
        for (uint64_t i = 1; i <= 50; i++) {
            char name[24];
            snprintf(name, sizeof(name), "%llu", (unsigned long long)i);
            put(db, "count", str_from(name), i);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    HL_CLEANUP(statedb_closep) struct statedb *db = open_db(p, &applied);
    assert_int_equal(applied, 50);
    assert_true(str_eq(get(p, db, "count"), STR("50")));
}

static void a_state_of_another_boot_is_rebuilt_unless_closed_cleanly(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = open_db(p, &applied);

    put(db, "a", STR("1"), 5);
    statedb_close(db); /* notes that any boot may trust it */
    assert_true(str_find(read_text(p, path_in(p, "owner")), STR("boot any"), 0) != SIZE_MAX);
    db = open_db(p, &applied);
    assert_int_equal(applied, 5);
    assert_true(str_find(read_text(p, path_in(p, "owner")), STR("boot any"), 0) == SIZE_MAX);
    statedb_close(db);

    write_owner(p, "1", "member 2 of mesh mesh-a", "00000000-0000-0000-0000-000000000000");
    db = open_db(p, &applied);
    assert_int_equal(applied, 0);
    assert_null(get(p, db, "a").ptr);
    statedb_close(db);
}

static void a_state_of_another_format_is_rebuilt(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = open_db(p, &applied);

    put(db, "a", STR("1"), 5);
    statedb_close(db);
    write_owner(p, "0", "member 2 of mesh mesh-a", "any");
    db = open_db(p, &applied);
    assert_int_equal(applied, 0);
    statedb_close(db);
}

static void a_foreign_state_is_refused_and_not_wiped(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = open_db(p, &applied);
    struct store_identity other = {.mesh = STR("mesh-b"), .member = 2};
    struct statedb *none = NULL;
    struct err err = {0};

    put(db, "a", STR("1"), 5);
    statedb_close(db);
    assert_int_equal(statedb_open(p->dir, &other, &none, &applied, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "belongs to member 2 of mesh mesh-a"));
    db = open_db(p, &applied);
    assert_int_equal(applied, 5);
    statedb_close(db);

    write_text(path_in(p, "owner"), STR("format 1\nmember 2 of mesh mesh-a\nboot any\ncrc 0\n"));
    assert_int_equal(statedb_open(p->dir, &me, &none, &applied, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "owner is damaged"));
    assert_int_equal(unlink(path_in(p, "owner")), 0);
    assert_int_equal(statedb_open(p->dir, &me, &none, &applied, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "nobody owns"));
}

static void flip_in_database(struct place *p, struct str needle)
{
    char *file = path_in(p, "data.mdb");
    char block[65536];
    int fd = open(file, O_RDWR);
    ssize_t n = pread(fd, block, sizeof(block), 0);
    bool is_found = false;

    assert_true(n > 0);
    for (size_t at = 0;; at++) {
        at = str_find((struct str){block, (size_t)n}, needle, at);
        if (at == SIZE_MAX)
            break;
        is_found = true;
        block[at] ^= 1;
        assert_int_equal(pwrite(fd, block + at, 1, (off_t)at), 1);
    }
    assert_true(is_found);
    close(fd);
}

static void a_flipped_bit_is_found_and_the_state_rebuilt_at_the_next_start(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    HL_CLEANUP(statedb_view_endp) struct statedb_view *view = NULL;
    struct statedb *db = open_db(p, &applied);
    struct str value;
    struct kv kv;
    struct err err = {0};

    put(db, "a", STR("unmistakable value"), 5);
    statedb_close(db);
    flip_in_database(p, STR("unmistakable"));
    db = open_db(p, &applied);
    assert_int_equal(applied, 5);
    assert_int_equal(statedb_view_begin(db, &view, &kv, &applied, &err), 0);
    assert_int_equal(kv.get(kv.context, STR("a"), &value, &err), HL_ECORRUPT);
    assert_non_null(strstr(err.text, "rebuilt from the log"));
    statedb_view_end(view);
    view = NULL;
    statedb_close(db);
    db = open_db(p, &applied);
    assert_int_equal(applied, 0);
    statedb_close(db);
}

static void blobs_go_by_their_digest(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = open_db(p, &applied);
    char *bytes = arena_alloc(p->a, 300000);
    struct str one = {bytes, 300000};
    struct digest d1 = sha256_of(one);
    struct digest d2 = sha256_of(STR("two"));
    struct str out;
    bool has;
    struct err err = {0};

    assert_int_equal(statedb_blob_get(db, &d1, p->a, &out, &err), HL_EABSENT);
    assert_int_equal(statedb_blob_put(db, &d1, one, &err), 0);
    assert_int_equal(statedb_blob_put(db, &d2, STR("two"), &err), 0);
    assert_int_equal(statedb_blob_get(db, &d1, p->a, &out, &err), 0);
    assert_true(str_eq(out, one));
    assert_int_equal(statedb_blob_keep_only(db, &d2, 1, &err), 0);
    assert_int_equal(statedb_blob_has(db, &d1, &has, &err), 0);
    assert_false(has);
    assert_int_equal(statedb_blob_has(db, &d2, &has, &err), 0);
    assert_true(has);
    assert_int_equal(statedb_blob_put(db, &d1, STR("not what it says"), &err), 0);
    assert_int_equal(statedb_blob_get(db, &d1, p->a, &out, &err), HL_ECORRUPT);
    statedb_close(db);
    db = open_db(p, &applied); /* a lying blob marks the store: rebuilt, without it */
    assert_int_equal(statedb_blob_has(db, &d2, &has, &err), 0);
    assert_false(has);
    assert_int_equal(statedb_blob_keep_only(db, NULL, 0, &err), 0);
    statedb_close(db);
}

static void a_blob_put_inside_a_transaction_belongs_to_it(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    HL_CLEANUP(statedb_closep) struct statedb *db = open_db(p, &applied);
    struct digest d = sha256_of(STR("two"));
    struct kv kv;
    bool has;
    struct err err = {0};

    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    assert_int_equal(statedb_blob_put(db, &d, STR("two"), &err), 0);
    statedb_abort(db);
    assert_int_equal(statedb_blob_has(db, &d, &has, &err), 0);
    assert_false(has);
}

static void a_full_map_undoes_the_transaction_and_reading_goes_on(void **state)
{
    struct place *p = *state;
    uint64_t applied;
    struct statedb *db = NULL;
    char *big = arena_alloc(p->a, KV_VALUE_MAX);
    struct kv kv;
    struct err err = {0};
    int result = 0;

    assert_int_equal(statedb_open_sized(p->dir, &me, 16 << 20, &db, &applied, &err), 0);
    put(db, "kept", STR("1"), 9);
    assert_int_equal(statedb_begin(db, &kv, &err), 0);
    for (int i = 0; i < 10 && result == 0; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        result = kv.put(kv.context, str_from(name), (struct str){big, KV_VALUE_MAX}, &err);
    }
    assert_int_equal(result, HL_ENOSPACE);
    statedb_abort(db);
    assert_true(str_eq(get(p, db, "kept"), STR("1")));
    assert_null(get(p, db, "0").ptr);
    put(db, "kept", STR("2"), 10); /* what fits still goes in */
    statedb_close(db);
    db = open_db(p, &applied);
    assert_int_equal(applied, 10);
    statedb_close(db);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(state_and_index_are_committed_together),
        T(a_view_sees_one_moment),
        T(next_walks_a_prefix_in_order),
        T(keys_and_values_have_limits),
        T(a_value_lent_out_may_be_put_again),
        T(a_killed_process_loses_no_commit),
        T(a_state_of_another_boot_is_rebuilt_unless_closed_cleanly),
        T(a_state_of_another_format_is_rebuilt),
        T(a_foreign_state_is_refused_and_not_wiped),
        T(a_flipped_bit_is_found_and_the_state_rebuilt_at_the_next_start),
        T(blobs_go_by_their_digest),
        T(a_blob_put_inside_a_transaction_belongs_to_it),
        T(a_full_map_undoes_the_transaction_and_reading_goes_on),
    };
    return cmocka_run_group_tests_name("edge/store: statedb", tests, NULL, NULL);
}
