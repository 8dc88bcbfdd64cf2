/* Content by SHA-256: kept, found again, checked, and dropped when nobody lists it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/store/blobs.h"
#include "support/folder.h"

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct store_dir *dir;
    struct blobs *blobs;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));
    struct store_identity identity = {STR("hl-mesh:test"), 1};

    f->folder = folder_new();
    f->arena = arena_new();
    *state = f;
    int r = store_dir_open(folder_path(f->folder, f->arena, "store"), &identity, &f->dir, &f->err);
    return r < 0 ? r : blobs_open(f->dir, &f->blobs, &f->err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    blobs_close(f->blobs);
    store_dir_close(f->dir);
    folder_free(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    blobs_close(f->blobs);
    assert_int_equal(blobs_open(f->dir, &f->blobs, &f->err), 0);
}

static struct digest put(struct fixture *f, struct str bytes)
{
    struct digest digest = sha256_of(bytes);

    assert_int_equal(blobs_put(f->blobs, &digest, bytes, &f->err), 0);
    return digest;
}

static bool has(struct fixture *f, const struct digest *digest)
{
    bool is_there;

    assert_int_equal(blobs_has(f->blobs, digest, &is_there, &f->err), 0);
    return is_there;
}

static void content_is_there_after_a_restart(void **state)
{
    struct fixture *f = *state;
    char *large = arena_alloc(f->arena, 3 << 20);
    struct str out;

    memset(large, 'x', 3 << 20);
    struct digest small = put(f, STR("small"));
    struct digest empty = put(f, STR_NONE);
    struct digest big = put(f, (struct str){large, 3 << 20});
    put(f, STR("small")); /* again */
    reopen(f);
    assert_int_equal(blobs_get(f->blobs, &small, f->arena, &out, &f->err), 0);
    assert_true(str_eq(out, STR("small")));
    assert_int_equal(blobs_get(f->blobs, &empty, f->arena, &out, &f->err), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(blobs_get(f->blobs, &big, f->arena, &out, &f->err), 0);
    assert_true(str_eq(out, (struct str){large, 3 << 20}));
}

static void what_is_not_there_is_absent(void **state)
{
    struct fixture *f = *state;
    struct digest digest = sha256_of(STR("never"));
    struct str out;

    assert_false(has(f, &digest));
    assert_int_equal(blobs_get(f->blobs, &digest, f->arena, &out, &f->err), HL_EABSENT);
    assert_non_null(strstr(f->err.text, "no blob"));
}

static void content_that_is_not_its_digests_is_damaged(void **state)
{
    struct fixture *f = *state;
    struct digest digest = sha256_of(STR("what it should be"));
    struct str out;

    assert_int_equal(blobs_put(f->blobs, &digest, STR("something else"), &f->err), 0);
    assert_int_equal(blobs_get(f->blobs, &digest, f->arena, &out, &f->err), HL_ECORRUPT);
}

static void only_what_is_listed_stays(void **state)
{
    struct fixture *f = *state;
    struct digest a = put(f, STR("a"));
    struct digest b = put(f, STR("b"));
    struct digest c = put(f, STR("c"));
    struct digest keep[] = {c, sha256_of(STR("unknown")), a};

    assert_int_equal(blobs_keep_only(f->blobs, keep, HL_COUNT(keep), &f->err), 0);
    assert_true(has(f, &a) && has(f, &c));
    assert_false(has(f, &b));
    assert_int_equal(blobs_keep_only(f->blobs, NULL, 0, &f->err), 0);
    assert_false(has(f, &a) || has(f, &c));
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    static const char nonsense[8192] = "not a database";
    struct fixture *f = *state;

    blobs_close(f->blobs);
    f->blobs = NULL;
    int fd = open(folder_path(f->folder, f->arena, "store/blobs/data.mdb").ptr, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, nonsense, sizeof(nonsense), 0), sizeof(nonsense));
    close(fd);
    assert_int_equal(blobs_open(f->dir, &f->blobs, &f->err), HL_ECORRUPT);
    assert_non_null(strstr(f->err.text, "remove that folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_is_there_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(content_that_is_not_its_digests_is_damaged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_what_is_listed_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("edge/store: blobs", tests, NULL, NULL);
}
