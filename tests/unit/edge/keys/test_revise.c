/* A roster revised: who comes gets a new id, who goes leaves none behind, founders stay founders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/keys/keys.h"
#include "support/folder.h"

struct fixture {
    struct folder *folder;
    struct arena *arena;
    struct str dir;
    char mesh[MESH_TEXT_MAX];
    uint64_t id;
    uint64_t epoch;
    struct err err;
};

static struct roster_member member(struct fixture *f, const char *name, int host)
{
    struct roster_member m = {.name = str_from(name)};

    for (int d = 0; d < DOOR_COUNT; d++)
        m.endpoint[d] = arena_printf(f->arena, "tcp://192.0.2.%d:%d", host, 7400 + d);
    return m;
}

static int set_up(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    f->folder = folder_new();
    f->arena = arena_new();
    f->dir = folder_path(f->folder, f->arena, "keys");
    struct mesh_spec spec = {.dir = f->dir, .admin = STR("operator"), .member_count = 1};
    spec.member[0] = member(f, "c1", 1);
    *state = f;
    return mesh_create(&spec, f->mesh, &f->err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    folder_free(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

static int revise(struct fixture *f, const struct roster_member *add, const char *drop)
{
    struct mesh_revision revision = {.dir = f->dir, .add = add, .drop = str_from(drop)};

    return mesh_revise(&revision, &f->id, &f->epoch, &f->err);
}

static struct roster load(struct fixture *f)
{
    struct roster r;

    assert_int_equal(roster_load(arena_concat(f->arena, f->dir, STR("/mesh.json")),
                                 str_from(f->mesh), f->arena, &r, &f->err),
                     0);
    return r;
}

static struct str keys_of(struct fixture *f, const char *name)
{
    return arena_printf(f->arena, STR_FMT "/%s/coordinator.key", STR_ARG(f->dir), name);
}

static void who_comes_gets_an_id_that_nobody_had(void **state)
{
    struct fixture *f = *state;
    struct roster_member c2 = member(f, "c2", 2);
    struct roster_member c3 = member(f, "c3", 3);
    struct coordinator_keys keys;

    assert_int_equal(revise(f, &c2, ""), 0);
    assert_int_equal(f->id, 2);
    assert_int_equal(f->epoch, 2);
    assert_int_equal(revise(f, NULL, "c2"), 0);
    assert_int_equal(revise(f, &c3, ""), 0);
    assert_int_equal(f->id, 3); /* 2 was somebody, with a disk of its own */
    struct roster r = load(f);
    assert_int_equal(r.epoch, 4);
    assert_int_equal(r.member_count, 2);
    assert_int_equal(r.next_id, 4);
    assert_null(roster_find(&r, 2));
    assert_int_equal(coordinator_keys_load(keys_of(f, "c3"), roster_find(&r, 3), &keys, &f->err),
                     0);
}

static void founders_stay_founders(void **state)
{
    struct fixture *f = *state;
    struct roster_member c2 = member(f, "c2", 2);

    assert_int_equal(revise(f, &c2, ""), 0);
    assert_int_equal(revise(f, NULL, "c1"), 0);
    struct roster r = load(f);
    assert_int_equal(r.founder_count, 1);
    assert_true(roster_is_founder(&r, 1));
    assert_false(roster_is_founder(&r, 2));
}

static void a_place_can_be_taken_over_in_one_step(void **state)
{
    struct fixture *f = *state;
    struct roster_member again = member(f, "c1b", 1);

    assert_int_equal(revise(f, &again, "c1"), 0);
    struct roster r = load(f);
    assert_int_equal(r.member_count, 1);
    assert_int_equal(r.member[0].id, 2);
}

static void what_makes_no_sense_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct roster_member same_name = member(f, "c1", 9);
    struct roster_member same_place = member(f, "c9", 1);
    struct roster_member bad_name = member(f, "../c9", 9);
    struct roster_member bad_place = member(f, "c9", 9);

    bad_place.endpoint[2] = STR("192.0.2.9:7402");
    assert_int_equal(revise(f, &same_name, ""), HL_ECONFLICT);
    assert_int_equal(revise(f, &same_place, ""), HL_ECONFLICT);
    assert_int_equal(revise(f, &bad_name, ""), HL_EINVAL);
    assert_int_equal(revise(f, &bad_place, ""), HL_EINVAL);
    assert_int_equal(revise(f, NULL, "c9"), HL_EABSENT);
    assert_int_equal(revise(f, NULL, "c1"), HL_ELIMIT);
    assert_int_equal(load(f).epoch, 1);
    assert_int_equal(access(keys_of(f, "c9").ptr, F_OK), -1);
}

static void keys_that_are_there_are_not_replaced(void **state)
{
    struct fixture *f = *state;
    struct roster_member c2 = member(f, "c2", 2);

    mkdir(arena_concat(f->arena, f->dir, STR("/c2")).ptr, 0700);
    assert_int_equal(file_write(keys_of(f, "c2"), STR("precious"), 0600, &f->err), 0);
    assert_int_equal(revise(f, &c2, ""), HL_ECONFLICT);
    assert_int_equal(load(f).epoch, 1);
}

static void without_the_root_key_nothing_is_signed(void **state)
{
    struct fixture *f = *state;
    struct roster_member c2 = member(f, "c2", 2);

    assert_int_equal(unlink(arena_concat(f->arena, f->dir, STR("/root.key")).ptr), 0);
    assert_int_equal(revise(f, &c2, ""), HL_EABSENT);
    assert_int_equal(access(keys_of(f, "c2").ptr, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_comes_gets_an_id_that_nobody_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(founders_stay_founders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_can_be_taken_over_in_one_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_are_there_are_not_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_root_key_nothing_is_signed, set_up, tear_down),
    };

    keys_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
