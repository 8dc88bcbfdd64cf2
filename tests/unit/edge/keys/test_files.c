/* Files of a mesh: made, loaded, and refused when anything about them is not right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/value/json.h"
#include "edge/keys/keys.h"
#include "support/folder.h"

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct mesh_spec spec;
    char mesh[MESH_TEXT_MAX];
    struct err err;
};

static struct str at(struct fixture *f, const char *name)
{
    return folder_path(f->folder, f->arena, name);
}

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    f->folder = folder_new();
    f->arena = arena_new();
    f->spec.dir = at(f, "keys");
    f->spec.admin = STR("operator");
    f->spec.member_count = 3;
    for (size_t i = 0; i < 3; i++) {
        f->spec.member[i].name = arena_printf(f->arena, "c%zu", i + 1);
        for (int d = 0; d < DOOR_COUNT; d++)
            f->spec.member[i].endpoint[d] =
                arena_printf(f->arena, "tcp://192.0.2.%zu:%d", i + 1, 7400 + d);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    folder_free(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void make(struct fixture *f)
{
    assert_int_equal(mesh_create(&f->spec, f->mesh, &f->err), 0);
}

static int load(struct fixture *f, struct roster *out)
{
    return roster_load(at(f, "keys/mesh.json"), str_from(f->mesh), f->arena, out, &f->err);
}

static unsigned mode_of(struct fixture *f, const char *name)
{
    struct stat st;

    assert_int_equal(stat(at(f, name).ptr, &st), 0);
    return st.st_mode & 07777;
}

static void a_new_mesh_loads_with_all_its_keys(void **state)
{
    struct fixture *f = *state;
    struct coordinator_keys keys;
    struct identity admin;
    struct roster r;

    make(f);
    assert_int_equal(load(f, &r), 0);
    assert_string_equal(r.mesh, f->mesh);
    assert_int_equal(strlen(f->mesh), 8 + 43);
    assert_int_equal(r.epoch, 1);
    assert_int_equal(r.member_count, 3);
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        assert_int_equal(r.member[i].id, i + 1);
        assert_true(str_eq(r.member[i].endpoint[DOOR_ENROL], f->spec.member[i].endpoint[3]));
        snprintf(name, sizeof(name), "keys/c%zu/coordinator.key", i + 1);
        assert_int_equal(coordinator_keys_load(at(f, name), &r.member[i], &keys, &f->err), 0);
        for (int d = 0; d < DOOR_COUNT; d++)
            assert_true(key_eq(&keys.pair[d].public_key, &r.member[i].key[d]));
    }
    assert_int_equal(identity_load(at(f, "keys/operator.key"), f->arena, &admin, &f->err), 0);
    assert_int_equal(r.person_count, 1);
    assert_true(str_eq(admin.role, STR("admin")) && str_eq(r.person[0].role, STR("admin")));
    assert_true(key_eq(&admin.pair.public_key, &r.person[0].key));
    assert_ptr_equal(roster_find(&r, 2), &r.member[1]);
    assert_ptr_equal(roster_find_name(&r, STR("c3")), &r.member[2]);
    assert_null(roster_find(&r, 4));
    assert_null(roster_find_name(&r, STR("c4")));
}

static void no_two_of_its_keys_are_the_same(void **state)
{
    struct fixture *f = *state;
    struct roster r;

    make(f);
    assert_int_equal(load(f, &r), 0);
    for (size_t i = 0; i < 12; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(key_eq(&r.member[i / 4].key[i % 4], &r.member[j / 4].key[j % 4]));
    }
}

static void secrets_have_mode_0600_and_the_roster_0644(void **state)
{
    struct fixture *f = *state;
    mode_t before = umask(0);

    make(f);
    umask(before);
    assert_int_equal(mode_of(f, "keys/root.key"), 0600);
    assert_int_equal(mode_of(f, "keys/operator.key"), 0600);
    assert_int_equal(mode_of(f, "keys/c1/coordinator.key"), 0600);
    assert_int_equal(mode_of(f, "keys/c1"), 0700);
    assert_int_equal(mode_of(f, "keys/mesh.json"), 0644);
}

static void a_secret_that_others_could_read_is_refused_with_the_remedy(void **state)
{
    static const mode_t wide[] = {0640, 0604, 0660, 0666, 0610, 0602, 0777};
    struct fixture *f = *state;
    struct coordinator_keys keys;
    struct identity id;
    struct roster r;

    make(f);
    assert_int_equal(load(f, &r), 0);
    for (size_t i = 0; i < HL_COUNT(wide); i++) {
        char mode[16];
        chmod(at(f, "keys/operator.key").ptr, wide[i]);
        assert_int_equal(identity_load(at(f, "keys/operator.key"), f->arena, &id, &f->err),
                         HL_EDENIED);
        snprintf(mode, sizeof(mode), "mode %04o", wide[i]);
        assert_non_null(strstr(f->err.text, mode));
        assert_non_null(strstr(f->err.text, "chmod 600"));
    }
    chmod(at(f, "keys/operator.key").ptr, 0400);
    assert_int_equal(identity_load(at(f, "keys/operator.key"), f->arena, &id, &f->err), 0);
    chmod(at(f, "keys/c1/coordinator.key").ptr, 0644);
    assert_int_equal(
        coordinator_keys_load(at(f, "keys/c1/coordinator.key"), &r.member[0], &keys, &f->err),
        HL_EDENIED);
}

static void a_mesh_is_never_made_over_files_that_are_there(void **state)
{
    static const char *const names[] = {"keys/mesh.json", "keys/root.key", "keys/operator.key",
                                        "keys/c2/coordinator.key"};
    struct fixture *f = *state;

    mkdir(at(f, "keys").ptr, 0700);
    mkdir(at(f, "keys/c2").ptr, 0700);
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        struct str text;
        assert_int_equal(file_write(at(f, names[i]), STR("precious"), 0600, &f->err), 0);
        assert_int_equal(mesh_create(&f->spec, f->mesh, &f->err), HL_ECONFLICT);
        assert_non_null(strstr(f->err.text, names[i]));
        assert_int_equal(file_read(at(f, names[i]), f->arena, &text, &f->err), 0);
        assert_true(str_eq(text, STR("precious")));
        unlink(at(f, names[i]).ptr);
        assert_int_equal(access(at(f, "keys/c1").ptr, F_OK), -1);
    }
    make(f);
}

static void a_mesh_that_cannot_be_finished_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;

    /* A folder stands where the last file has to go. */
    mkdir(at(f, "keys").ptr, 0700);
    mkdir(at(f, "keys/mesh.json.new").ptr, 0700);
    mkdir(at(f, "keys/mesh.json.new/x").ptr, 0700);
    assert_true(mesh_create(&f->spec, f->mesh, &f->err) < 0);
    assert_int_equal(access(at(f, "keys/root.key").ptr, F_OK), -1);
    assert_int_equal(access(at(f, "keys/operator.key").ptr, F_OK), -1);
    assert_int_equal(access(at(f, "keys/c1").ptr, F_OK), -1);
}

static void names_and_endpoints_that_cannot_work_are_refused(void **state)
{
    static const char *const bad_names[] = {"", "../c1", "a/b", ".hidden", "two words", "operator"};
    static const char *const bad_endpoints[] = {"",
                                                "192.0.2.1:7400",
                                                "tcp://192.0.2.1",
                                                "tcp://:7400",
                                                "udp://a:1",
                                                "tcp://192.0.2.1:-1",
                                                "tcp://192.0.2.1:65536",
                                                "tcp://192.0.2.1:x",
                                                "tcp://a b:1",
                                                "tcp://192.0.2.1:\n1",
                                                "ipc:///tmp/x"};
    struct fixture *f = *state;

    for (size_t i = 0; i < HL_COUNT(bad_names); i++) {
        struct mesh_spec spec = f->spec;
        spec.member[1].name = str_from(bad_names[i]);
        assert_int_equal(mesh_create(&spec, f->mesh, &f->err), HL_EINVAL);
    }
    for (size_t i = 0; i < HL_COUNT(bad_endpoints); i++) {
        struct mesh_spec spec = f->spec;
        spec.member[1].endpoint[2] = str_from(bad_endpoints[i]);
        assert_int_equal(mesh_create(&spec, f->mesh, &f->err), HL_EINVAL);
    }
    struct mesh_spec twice = f->spec;
    twice.member[2].name = STR("c1");
    assert_int_equal(mesh_create(&twice, f->mesh, &f->err), HL_EINVAL);
    struct mesh_spec none = f->spec;
    none.member_count = 0;
    assert_int_equal(mesh_create(&none, f->mesh, &f->err), HL_EINVAL);
    none.member_count = KEYS_MEMBERS_MAX + 1;
    assert_int_equal(mesh_create(&none, f->mesh, &f->err), HL_EINVAL);
    assert_int_equal(access(at(f, "keys").ptr, F_OK), -1);
    struct mesh_spec v6 = f->spec;
    v6.member[0].endpoint[0] = STR("tcp://[2001:db8::1]:7400");
    assert_int_equal(mesh_create(&v6, f->mesh, &f->err), 0);
}

/* ---- the roster ---- */

static struct str read_roster(struct fixture *f)
{
    struct str text;

    make(f);
    assert_int_equal(file_read(at(f, "keys/mesh.json"), f->arena, &text, &f->err), 0);
    return text;
}

static void a_roster_of_another_mesh_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str text = read_roster(f);
    char other[MESH_TEXT_MAX];
    struct roster r;

    memcpy(other, f->mesh, sizeof(other));
    other[20] = other[20] == 'A' ? 'B' : 'A';
    const char *const pins[] = {other, "", "hl-mesh:"};
    for (size_t i = 0; i < HL_COUNT(pins); i++) {
        assert_int_equal(
            roster_parse(text, STR("mesh.json"), str_from(pins[i]), f->arena, &r, &f->err),
            HL_EDENIED);
    }
    assert_non_null(strstr(f->err.text, f->mesh));
}

/* Whatever single byte changes, the roster is refused, or it says the same (a blank). */
static void no_changed_byte_of_a_roster_gets_through(void **state)
{
    struct fixture *f = *state;
    struct str text = read_roster(f);
    struct roster good;
    size_t refused = 0;

    assert_int_equal(load(f, &good), 0);
    for (size_t i = 0; i < text.len; i++) {
        HL_CLEANUP(arena_freep) struct arena *a = arena_new();
        char *changed = arena_cstr(a, text);
        struct roster r;

        changed[i] = (char)(changed[i] ^ 1);
        int result = roster_parse((struct str){changed, text.len}, STR("mesh.json"),
                                  str_from(f->mesh), a, &r, &f->err);
        refused += result < 0;
        if (result < 0)
            continue;
        assert_int_equal(r.member_count, good.member_count);
        for (size_t m = 0; m < r.member_count; m++)
            assert_memory_equal(r.member[m].key, good.member[m].key, sizeof(good.member[m].key));
    }
    assert_true(refused > text.len * 3 / 4);
}

static void a_roster_signed_by_another_root_is_refused(void **state)
{
    struct fixture *f = *state;
    struct str text = read_roster(f);
    struct str other_text;
    struct value *ours;
    struct value *theirs;
    char mesh[MESH_TEXT_MAX];
    struct roster r;

    f->spec.dir = at(f, "other");
    assert_int_equal(mesh_create(&f->spec, mesh, &f->err), 0);
    assert_int_equal(file_read(at(f, "other/mesh.json"), f->arena, &other_text, &f->err), 0);
    assert_int_equal(json_read(f->arena, text, STR("a"), &ours, &f->err), 0);
    assert_int_equal(json_read(f->arena, other_text, STR("b"), &theirs, &f->err), 0);

    /* Their coordinators under our root key, with either signature. */
    static const char *const signatures[] = {"ours", "theirs"};
    for (size_t i = 0; i < HL_COUNT(signatures); i++) {
        HL_CLEANUP(buf_deinit) struct buf mixed = {0};
        struct value *from = i == 0 ? ours : theirs;

        value_map_set(f->arena, ours, STR("coordinators"), value_get(theirs, STR("coordinators")));
        value_map_set(f->arena, ours, STR("signature"), value_get(from, STR("signature")));
        json_write(&mixed, ours, JSON_COMPACT);
        assert_int_equal(
            roster_parse(buf_str(&mixed), STR("mixed"), str_from(f->mesh), f->arena, &r, &f->err),
            HL_EDENIED);
        assert_non_null(strstr(f->err.text, "signature"));
    }
}

static void a_roster_that_is_no_roster_is_an_error_with_its_place(void **state)
{
    static const char *const texts[] = {
        "", "[]", "{}", "nonsense", "{\"root\": 1}", "{\"root\": \"00\", \"signature\": \"00\"}"};
    struct fixture *f = *state;
    struct roster r;

    for (size_t i = 0; i < HL_COUNT(texts); i++) {
        assert_int_equal(roster_parse(str_from(texts[i]), STR("mesh.json"), STR("hl-mesh:x"),
                                      f->arena, &r, &f->err),
                         HL_EINVAL);
        assert_string_equal(f->err.file, "mesh.json");
    }
    assert_int_equal(roster_load(at(f, "absent"), STR("hl-mesh:x"), f->arena, &r, &f->err),
                     HL_EABSENT);
}

static void keys_of_another_coordinator_are_refused(void **state)
{
    struct fixture *f = *state;
    struct coordinator_keys keys;
    struct roster r;

    make(f);
    assert_int_equal(load(f, &r), 0);
    assert_int_equal(
        coordinator_keys_load(at(f, "keys/c2/coordinator.key"), &r.member[0], &keys, &f->err),
        HL_EDENIED);
    assert_non_null(strstr(f->err.text, "c1"));
    assert_int_equal(
        coordinator_keys_load(at(f, "keys/operator.key"), &r.member[0], &keys, &f->err), HL_EINVAL);
}

/* ---- identities and files ---- */

static void an_identity_whose_halves_do_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct identity id = {.name = STR("n1"), .role = STR("agent"), .pair = key_pair_new()};
    struct identity back;

    assert_int_equal(identity_save(at(f, "id"), &id, &f->err), 0);
    assert_int_equal(identity_load(at(f, "id"), f->arena, &back, &f->err), 0);
    assert_true(str_eq(back.name, STR("n1")) && str_eq(back.role, STR("agent")));
    assert_memory_equal(&back.pair, &id.pair, sizeof(id.pair));

    id.pair.secret_key = key_pair_new().secret_key;
    assert_int_equal(identity_save(at(f, "id"), &id, &f->err), 0);
    assert_int_equal(identity_load(at(f, "id"), f->arena, &back, &f->err), HL_EINVAL);
}

/* The arena is the caller's and lives on: what was read must not stay in it. */
static void a_loaded_secret_stays_in_its_struct_only(void **state)
{
    struct fixture *f = *state;
    struct identity id = {.name = STR("n1"), .role = STR("agent"), .pair = key_pair_new()};
    struct identity back;
    char text[KEY_TEXT + 1];

    assert_int_equal(identity_save(at(f, "id"), &id, &f->err), 0);
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *start = arena_alloc(a, 1);
    assert_int_equal(identity_load(at(f, "id"), a, &back, &f->err), 0);
    assert_true(arena_used_bytes(a) < 4000); /* all of it in the first chunk, behind start */
    struct str used = {start, arena_used_bytes(a)};
    assert_true(str_find(used, str_from(key_text(&id.pair.public_key, text)), 0) != SIZE_MAX);
    assert_true(str_find(used, str_from(key_text(&id.pair.secret_key, text)), 0) == SIZE_MAX);
    assert_true(str_eq(back.name, STR("n1")));
}

static void only_regular_files_of_a_bounded_size_are_read(void **state)
{
    struct fixture *f = *state;
    struct str text;

    assert_int_equal(file_read(at(f, "absent"), f->arena, &text, &f->err), HL_EABSENT);
    assert_int_equal(file_read(str_from(f->folder->path), f->arena, &text, &f->err), HL_EINVAL);
    assert_int_equal(mkfifo(at(f, "fifo").ptr, 0600), 0);
    assert_int_equal(secret_read(at(f, "fifo"), f->arena, &text, &f->err), HL_EINVAL);
    assert_int_equal(file_write(at(f, "large"), STR("x"), 0600, &f->err), 0);
    assert_int_equal(truncate(at(f, "large").ptr, (1 << 20) + 1), 0);
    assert_int_equal(file_read(at(f, "large"), f->arena, &text, &f->err), HL_ELIMIT);
    assert_int_equal(truncate(at(f, "large").ptr, 1 << 20), 0);
    assert_int_equal(file_read(at(f, "large"), f->arena, &text, &f->err), 0);
    assert_int_equal(text.len, 1 << 20);
    assert_int_equal(file_read(STR(""), f->arena, &text, &f->err), HL_EINVAL);
    assert_int_equal(file_read(STR("a\0b"), f->arena, &text, &f->err), HL_EINVAL);
}

static void a_file_is_replaced_whole_and_keeps_its_old_content_on_failure(void **state)
{
    struct fixture *f = *state;
    struct str text;

    assert_int_equal(file_write(at(f, "a"), STR("one"), 0600, &f->err), 0);
    assert_int_equal(file_write(at(f, "a"), STR("two"), 0600, &f->err), 0);
    assert_int_equal(file_read(at(f, "a"), f->arena, &text, &f->err), 0);
    assert_true(str_eq(text, STR("two")));
    assert_int_equal(access(at(f, "a.new").ptr, F_OK), -1);
    /* What a crash left behind is in nobody's way. */
    assert_int_equal(file_write(at(f, "a.new"), STR("half"), 0600, &f->err), 0);
    assert_int_equal(file_write(at(f, "a"), STR("three"), 0600, &f->err), 0);
    mkdir(at(f, "a.new").ptr, 0700);
    assert_int_equal(file_write(at(f, "a"), STR("four"), 0600, &f->err), HL_EIO);
    assert_int_equal(file_read(at(f, "a"), f->arena, &text, &f->err), 0);
    assert_true(str_eq(text, STR("three")));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_new_mesh_loads_with_all_its_keys),
        WITH_FIXTURE(no_two_of_its_keys_are_the_same),
        WITH_FIXTURE(secrets_have_mode_0600_and_the_roster_0644),
        WITH_FIXTURE(a_secret_that_others_could_read_is_refused_with_the_remedy),
        WITH_FIXTURE(a_mesh_is_never_made_over_files_that_are_there),
        WITH_FIXTURE(a_mesh_that_cannot_be_finished_leaves_nothing_behind),
        WITH_FIXTURE(names_and_endpoints_that_cannot_work_are_refused),
        WITH_FIXTURE(a_roster_of_another_mesh_is_refused),
        WITH_FIXTURE(no_changed_byte_of_a_roster_gets_through),
        WITH_FIXTURE(a_roster_signed_by_another_root_is_refused),
        WITH_FIXTURE(a_roster_that_is_no_roster_is_an_error_with_its_place),
        WITH_FIXTURE(keys_of_another_coordinator_are_refused),
        WITH_FIXTURE(an_identity_whose_halves_do_not_fit_is_refused),
        WITH_FIXTURE(a_loaded_secret_stays_in_its_struct_only),
        WITH_FIXTURE(only_regular_files_of_a_bounded_size_are_read),
        WITH_FIXTURE(a_file_is_replaced_whole_and_keeps_its_old_content_on_failure),
    };
    keys_init();
    return cmocka_run_group_tests_name("edge/keys/files", tests, NULL, NULL);
}
