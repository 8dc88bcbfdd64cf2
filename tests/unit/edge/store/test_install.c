/* A state on its way to another member, in pieces or as a file; and what is no such thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/store/statedb.h"
#include "support/folder.h"

static const struct raft_members members = {.member = {{1, true}, {2, true}}, .count = 2};
static const struct raft_members others = {.member = {{7, true}}, .count = 1};

struct store {
    struct store_dir *dir;
    struct statedb *db;
};

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct store from;
    struct store to;
    uint64_t index;
    struct err err;
};

static int open_dir(struct fixture *f, const char *name, const char *mesh, struct store *out)
{
    struct store_identity identity = {str_from(mesh), 1};

    return store_dir_open(folder_path(f->folder, f->arena, name), &identity, &out->dir, &f->err);
}

static void open_store(struct fixture *f, const char *name, struct store *out)
{
    assert_int_equal(open_dir(f, name, "hl-mesh:test", out), 0);
    assert_int_equal(statedb_open(out->dir, &out->db, &f->err), 0);
}

static void close_store(struct store *s)
{
    statedb_close(s->db);
    store_dir_close(s->dir);
    *s = (struct store){0};
}

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    f->folder = folder_new();
    f->arena = arena_new();
    open_store(f, "from", &f->from);
    open_store(f, "to", &f->to);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_store(&f->from);
    close_store(&f->to);
    folder_free(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

/* Many small values, and some that no piece can hold. */
static void fill(struct fixture *f, int count, size_t large_bytes)
{
    struct kv *kv = statedb_begin(f->from.db);
    char *large = hl_calloc(1, large_bytes + 1);
    char key[32];

    memset(large, 'x', large_bytes);
    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "key/%06d", i);
        struct str value = i % 97 == 5 ? (struct str){large, large_bytes} : str_from(key);
        assert_int_equal(kv->put(kv->context, str_from(key), value, &f->err), 0);
    }
    free(large);
    statedb_commit(f->from.db, ++f->index);
    struct checkpoint *c = statedb_freeze(f->from.db, 3, &members);
    assert_int_equal(checkpoint_run(c, &f->err), 0);
    statedb_adopt(f->from.db, c);
    checkpoint_free(c);
}

static struct digest digest_of(struct fixture *f, struct statedb *db)
{
    struct kv *kv = statedb_reader(db);
    struct str key = STR_NONE;
    struct str value;
    struct sha256 h;

    sha256_init(&h);
    while (kv->next(kv->context, STR_NONE, key, &key, &value, &f->err) == KV_FOUND) {
        sha256_add_field(&h, key);
        sha256_add_field(&h, value);
    }
    return sha256_end(&h);
}

static void assert_same(struct fixture *f)
{
    struct digest a = digest_of(f, f->from.db);
    struct digest b = digest_of(f, f->to.db);

    assert_true(digest_eq(&a, &b));
}

struct piece {
    struct str data;
    struct str next;
    bool is_last;
};

static struct piece read_piece(struct fixture *f, struct str cursor, size_t max_bytes)
{
    struct piece p;

    assert_int_equal(statedb_read_piece(f->from.db, statedb_base(f->from.db)->id, cursor, max_bytes,
                                        f->arena, &p.data, &p.next, &p.is_last, &f->err),
                     0);
    assert_true(p.data.len <= max_bytes);
    return p;
}

static struct install *begin(struct fixture *f, struct str *cursor)
{
    struct install *i;

    assert_int_equal(
        install_open(f->to.dir, statedb_base(f->from.db), &i, f->arena, cursor, &f->err), 0);
    return i;
}

/* Sends pieces until the last or `limit` of them; true at the end. */
static bool send_pieces(struct fixture *f, struct install *i, struct str *cursor, size_t max_bytes,
                        int limit)
{
    for (int n = 0; n < limit; n++) {
        struct piece p = read_piece(f, *cursor, max_bytes);
        struct str next;

        assert_int_equal(install_piece(i, *cursor, p.data, f->arena, &next, &f->err), 0);
        assert_true(str_eq(next, p.next));
        *cursor = next;
        if (p.is_last)
            return true;
    }
    return false;
}

static void a_state_arrives_whole_whatever_the_size_of_pieces(void **state)
{
    static const size_t sizes[] = {2048, 5000, RAFT_PIECE_BYTES_MAX};
    struct fixture *f = *state;

    for (size_t n = 0; n < HL_COUNT(sizes); n++) {
        struct str cursor;

        fill(f, 400, 20000);
        struct install *i = begin(f, &cursor);
        assert_int_equal(cursor.len, 0);
        assert_true(send_pieces(f, i, &cursor, sizes[n], 1000000));
        assert_int_equal(install_finish(i, &f->err), 0);
        assert_int_equal(statedb_adopt_install(f->to.db, i, &f->err), 0);
        assert_int_equal(statedb_applied(f->to.db), f->index);
        assert_int_equal(statedb_base(f->to.db)->id, statedb_base(f->from.db)->id);
        assert_int_equal(statedb_base(f->to.db)->members.count, 2);
        assert_same(f);
        close_store(&f->to);
        open_store(f, "to", &f->to);
        assert_same(f);
    }
}

static void an_interrupted_transfer_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct str cursor;
    size_t lives = 0;
    bool is_over = false;

    fill(f, 1000, 9000);
    while (!is_over) {
        struct install *i = begin(f, &cursor);
        assert_int_equal(cursor.len > 0, lives++ > 0);
        is_over = send_pieces(f, i, &cursor, 4096, 4);
        if (!is_over) {
            install_close(i);
            close_store(&f->to); /* the process ends here */
            open_store(f, "to", &f->to);
            continue;
        }
        assert_int_equal(install_finish(i, &f->err), 0);
        assert_int_equal(statedb_adopt_install(f->to.db, i, &f->err), 0);
    }
    assert_true(lives > 5);
    assert_same(f);
}

static bool is_there(struct fixture *f, const char *name)
{
    return access(folder_path(f->folder, f->arena, name).ptr, F_OK) == 0;
}

static void make_file(struct fixture *f, const char *name)
{
    FILE *file = fopen(folder_path(f->folder, f->arena, name).ptr, "w");

    assert_non_null(file);
    fclose(file);
}

static void what_a_transfer_left_goes_when_it_is_of_no_use(void **state)
{
    static const char other_boot[] = "to/state/00000000000000000900-00000000000000aa-b00t.part";
    struct fixture *f = *state;
    char boot[64] = "";
    struct str cursor;

    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(file);
    assert_non_null(fgets(boot, sizeof(boot), file));
    fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    const char *overtaken =
        arena_printf(f->arena, "to/state/%020d-00000000000000aa-%s.part", 1, boot).ptr;
    const char *useful =
        arena_printf(f->arena, "to/state/%020d-00000000000000aa-%s.part", 900, boot).ptr;

    fill(f, 10, 100);
    struct install *i = begin(f, &cursor);
    assert_true(send_pieces(f, i, &cursor, 4096, 1000));
    assert_int_equal(install_finish(i, &f->err), 0);
    assert_int_equal(statedb_adopt_install(f->to.db, i, &f->err), 0);
    close_store(&f->to);
    make_file(f, other_boot);
    make_file(f, overtaken);
    make_file(f, useful);
    open_store(f, "to", &f->to);
    assert_false(is_there(f, other_boot));
    assert_false(is_there(f, overtaken));
    assert_true(is_there(f, useful));
}

static void pieces_out_of_order_or_damaged_are_refused(void **state)
{
    struct fixture *f = *state;
    struct str cursor;
    struct str next;

    fill(f, 300, 3000);
    struct install *i = begin(f, &cursor);
    struct piece first = read_piece(f, STR_NONE, 4096);
    struct piece second = read_piece(f, first.next, 4096);
    assert_int_equal(install_piece(i, first.next, second.data, f->arena, &next, &f->err),
                     HL_EINVAL);
    assert_int_equal(install_piece(i, STR_NONE, second.data, f->arena, &next, &f->err), 0);
    install_close(i);
    for (size_t at = 0; at < first.data.len; at += 37) {
        char *bytes = arena_cstr(f->arena, first.data);
        bytes[at] ^= 4;
        i = begin(f, &cursor);
        if (cursor.len == 0)
            assert_int_equal(install_piece(i, STR_NONE, (struct str){bytes, first.data.len},
                                           f->arena, &next, &f->err),
                             HL_EINVAL);
        install_close(i);
    }
}

static void a_state_that_is_not_the_snapshots_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct str cursor;

    fill(f, 50, 100);
    struct install *i = begin(f, &cursor);
    (void)send_pieces(f, i, &cursor, 2048, 1); /* and the rest never comes */
    assert_int_equal(install_finish(i, &f->err), HL_ECORRUPT);
    install_close(i);
    i = begin(f, &cursor);
    assert_int_equal(cursor.len, 0);
    install_close(i);
    assert_int_equal(statedb_applied(f->to.db), 0);
}

static void a_base_that_is_gone_is_absent_and_a_strange_place_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str data;
    struct str next;
    bool is_last;

    fill(f, 10, 10);
    uint64_t id = statedb_base(f->from.db)->id;
    fill(f, 11, 10);
    assert_true(id != statedb_base(f->from.db)->id);
    assert_int_equal(statedb_read_piece(f->from.db, id, STR_NONE, 4096, f->arena, &data, &next,
                                        &is_last, &f->err),
                     HL_EABSENT);
    id = statedb_base(f->from.db)->id;
    static const char cursors[][12] = {"\1\0\0\0key/x", "\377\377\377\377key", "\1\0"};
    for (size_t i = 0; i < HL_COUNT(cursors); i++)
        assert_int_equal(statedb_read_piece(f->from.db, id,
                                            (struct str){cursors[i], i == 2 ? 2 : 8}, 4096,
                                            f->arena, &data, &next, &is_last, &f->err),
                         HL_EINVAL);
}

/* ---- files ---- */

static struct str save(struct fixture *f, const char *name)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct snapshot_header header = {STR("hl-mesh:test"), *statedb_base(f->from.db), 1234567};
    struct str path = folder_path(f->folder, f->arena, name);
    struct piece p = {0};

    snapshot_file_header(&out, &header);
    do {
        p = read_piece(f, p.next, 3000);
        snapshot_file_piece(&out, p.data);
    } while (!p.is_last);
    snapshot_file_end(&out);
    FILE *file = fopen(path.ptr, "wb");
    assert_int_equal(fwrite(out.ptr, 1, out.len, file), out.len);
    fclose(file);
    return path;
}

static void a_file_says_what_it_holds(void **state)
{
    struct fixture *f = *state;
    struct snapshot_facts facts;

    fill(f, 200, 8000);
    struct str path = save(f, "a.snapshot");
    assert_int_equal(snapshot_file_inspect(path.ptr, f->arena, &facts, &f->err), 0);
    assert_int_equal(facts.record_count, 200);
    assert_int_equal(facts.header.snapshot.index, f->index);
    assert_int_equal(facts.header.snapshot.term, 3);
    assert_int_equal(facts.header.time_ms, 1234567);
    assert_true(str_eq(facts.header.mesh, STR("hl-mesh:test")));
    assert_int_equal(access(arena_printf(f->arena, "%s.check", path.ptr).ptr, F_OK), -1);
}

static void any_damage_to_a_file_is_found(void **state)
{
    struct fixture *f = *state;
    struct snapshot_facts facts;

    fill(f, 40, 500);
    struct str path = save(f, "a.snapshot");
    FILE *file = fopen(path.ptr, "rb");
    char bytes[65536];
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    for (size_t at = 0; at <= len; at += at < 200 ? 1 : 41) {
        struct str bad = folder_path(f->folder, f->arena, "bad.snapshot");
        file = fopen(bad.ptr, "wb");
        size_t kept = at % 2 ? at : len; /* cut short, or one bit flipped */
        if (kept == len && at < len)
            bytes[at] ^= 32;
        assert_int_equal(fwrite(bytes, 1, kept, file), kept);
        if (kept == len && at == len)
            fputc('!', file); /* something behind the end */
        fclose(file);
        if (kept == len && at < len)
            bytes[at] ^= 32;
        int r = snapshot_file_inspect(bad.ptr, f->arena, &facts, &f->err);
        assert_true(r == HL_ECORRUPT || r == HL_EUNSUPPORTED);
        assert_non_null(strstr(f->err.text, "bad.snapshot"));
    }
}

static void a_mesh_begins_again_from_a_file_with_other_members(void **state)
{
    struct fixture *f = *state;

    fill(f, 300, 4000);
    struct str path = save(f, "a.snapshot");
    close_store(&f->to);
    assert_int_equal(open_dir(f, "restored", "hl-mesh:test", &f->to), 0);
    assert_int_equal(snapshot_file_restore(path.ptr, f->to.dir, &others, &f->err), 0);
    assert_int_equal(statedb_open(f->to.dir, &f->to.db, &f->err), 0);
    assert_int_equal(statedb_applied(f->to.db), f->index);
    assert_int_equal(statedb_base(f->to.db)->members.member[0].id, 7);
    assert_same(f);
    assert_int_equal(snapshot_file_restore(path.ptr, f->to.dir, &others, &f->err), HL_ECONFLICT);
}

static void a_file_of_another_mesh_is_not_restored(void **state)
{
    struct fixture *f = *state;

    fill(f, 3, 4);
    struct str path = save(f, "a.snapshot");
    close_store(&f->to);
    assert_int_equal(open_dir(f, "foreign", "hl-mesh:other", &f->to), 0);
    assert_int_equal(snapshot_file_restore(path.ptr, f->to.dir, &others, &f->err), HL_EDENIED);
    assert_int_equal(statedb_open(f->to.dir, &f->to.db, &f->err), 0);
    assert_int_equal(statedb_applied(f->to.db), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_state_arrives_whole_whatever_the_size_of_pieces, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_transfer_goes_on_where_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_transfer_left_goes_when_it_is_of_no_use, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pieces_out_of_order_or_damaged_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_state_that_is_not_the_snapshots_is_dropped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_base_that_is_gone_is_absent_and_a_strange_place_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_says_what_it_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_damage_to_a_file_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mesh_begins_again_from_a_file_with_other_members, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_another_mesh_is_not_restored, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
