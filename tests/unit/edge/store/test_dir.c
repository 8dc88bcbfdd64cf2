/* The folder: one process, one owner, one format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/dir.h"
#include "support/folder.h"

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    f->folder = folder_new();
    f->arena = arena_new();
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

static int open_as(struct fixture *f, const char *mesh, uint64_t member, struct store_dir **out)
{
    struct store_identity identity = {str_from(mesh), member};

    *out = NULL;
    return store_dir_open(folder_path(f->folder, f->arena, "store"), &identity, out, &f->err);
}

static void open_and_close(struct fixture *f)
{
    struct store_dir *dir;

    assert_int_equal(open_as(f, "mesh-a", 1, &dir), 0);
    assert_int_equal(store_dir_identity(dir)->member, 1);
    assert_true(str_eq(store_dir_identity(dir)->mesh, STR("mesh-a")));
    assert_true(str_eq(store_dir_path(dir), folder_path(f->folder, f->arena, "store")));
    store_dir_close(dir);
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
    int fd = open(folder_path(f->folder, f->arena, name).ptr, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void a_folder_is_made_and_found_again(void **state)
{
    open_and_close(*state);
    open_and_close(*state);
}

static void a_second_process_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_dir *first;
    struct store_dir *second;

    assert_int_equal(open_as(f, "mesh-a", 1, &first), 0);
    assert_int_equal(open_as(f, "mesh-a", 1, &second), HL_ECONFLICT);
    assert_non_null(strstr(f->err.text, "in use by another process"));
    store_dir_close(first);
    open_and_close(f);
}

static void a_folder_of_somebody_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_dir *dir;

    open_and_close(f);
    assert_int_equal(open_as(f, "mesh-a", 2, &dir), HL_ECORRUPT);
    assert_non_null(strstr(f->err.text, "belongs to member 1 of mesh mesh-a"));
    assert_int_equal(open_as(f, "mesh-b", 1, &dir), HL_ECORRUPT);
    open_and_close(f); /* nothing was changed */
}

static void an_owner_that_is_damaged_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_dir *dir;

    open_and_close(f);
    write_file(f, "store/owner", "format 2\nmember 1 of mesh mesh-a\ncrc 00000000\n");
    assert_int_equal(open_as(f, "mesh-a", 1, &dir), HL_ECORRUPT);
    write_file(f, "store/owner", "");
    assert_int_equal(open_as(f, "mesh-a", 1, &dir), HL_ECORRUPT);
}

static void another_format_is_refused(void **state)
{
    static const char body[] = "format 3\nmember 1 of mesh mesh-a\n";
    struct fixture *f = *state;
    struct store_dir *dir;

    open_and_close(f);
    write_file(f, "store/owner",
               arena_printf(f->arena, "%scrc %08x\n", body, crc32c(0, body, strlen(body))).ptr);
    assert_int_equal(open_as(f, "mesh-a", 1, &dir), HL_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "format 3"));
}

static void a_store_without_an_owner_is_not_taken_over(void **state)
{
    static const char *const names[] = {"log", "state", "raft.log"};
    struct fixture *f = *state;
    struct store_dir *dir;

    assert_int_equal(mkdir(folder_path(f->folder, f->arena, "store").ptr, 0700), 0);
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        const char *name = arena_printf(f->arena, "store/%s", names[i]).ptr;

        write_file(f, name, "");
        assert_int_equal(open_as(f, "mesh-a", 1, &dir), HL_EUNSUPPORTED);
        assert_int_equal(unlink(folder_path(f->folder, f->arena, name).ptr), 0);
    }
    open_and_close(f);
}

static void who_is_nobody_has_no_folder(void **state)
{
    struct fixture *f = *state;
    char mesh[STORE_MESH_MAX + 2];
    struct store_dir *dir;

    memset(mesh, 'm', sizeof(mesh) - 1);
    mesh[STORE_MESH_MAX + 1] = '\0';
    assert_int_equal(open_as(f, "", 1, &dir), HL_EINVAL);
    assert_int_equal(open_as(f, "mesh-a", 0, &dir), HL_EINVAL);
    assert_int_equal(open_as(f, mesh, 1, &dir), HL_EINVAL);
    mesh[STORE_MESH_MAX] = '\0';
    assert_int_equal(open_as(f, mesh, 1, &dir), 0);
    store_dir_close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_made_and_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_process_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_of_somebody_else_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_owner_that_is_damaged_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_format_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_without_an_owner_is_not_taken_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_nobody_has_no_folder, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("edge/store: folder", tests, NULL, NULL);
}
