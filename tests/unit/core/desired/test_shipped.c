/* The fleet that ships with hlmesh compiles without an error and without an accidental note. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/desired.h"
#include "core/desired/objects.h"
#include "support/fleet.h"

static void the_shipped_fleet_compiles_and_renders(void **state)
{
    /* The two environments that wait for their first cluster, and nothing else. */
    static const char *const expected_notes[] = {"addons/environments/development",
                                                 "addons/environments/staging"};
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct source source = fleet_of_folder(a, HL_TESTS_DIR "/..");
    const struct desired_input input = {.commit = STR("0")};
    struct desired_plan plan = {0};
    size_t applicable_count = 0;
    size_t object_count = 0;
    struct err err;

    (void)state;
    assert_int_equal(desired_compile(&source, &input, a, &plan, &err), 0);
    for (size_t i = 0; i < plan.error_count; i++)
        print_message("error: " STR_FMT ":%u: " STR_FMT "\n", STR_ARG(plan.error[i].file),
                      plan.error[i].line, STR_ARG(plan.error[i].text));
    assert_int_equal(plan.error_count, 0);
    for (size_t i = 0; i < plan.note_count; i++)
        if (i >= HL_COUNT(expected_notes) ||
            !str_eq(plan.note[i].file, str_from(expected_notes[i])))
            fail_msg("note: " STR_FMT ":%u: " STR_FMT, STR_ARG(plan.note[i].file),
                     plan.note[i].line, STR_ARG(plan.note[i].text));
    assert_int_equal(plan.note_count, HL_COUNT(expected_notes));

    for (size_t i = 0; i < plan.app_count; i++) {
        struct object *object;
        struct bundle bundle;
        size_t count;
        if (plan.app[i].status == DESIRED_UNSUPPORTED) {
            assert_int_equal(plan.app[i].kind, DESIRED_HELM);
            continue;
        }
        assert_int_equal(plan.app[i].status, DESIRED_APPLICABLE);
        assert_int_equal(bundle_open(a, plan.app[i].bundle, &bundle, &err), 0);
        assert_int_equal(objects_render(a, &bundle, NULL, &object, &count, &err), 0);
        assert_int_equal(count, plan.app[i].object_count);
        applicable_count++;
        object_count += count;
    }
    print_message("%zu applications of manifests, %zu objects\n", applicable_count, object_count);
    assert_true(applicable_count >= 8);
    assert_true(object_count >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_fleet_compiles_and_renders),
    };
    return cmocka_run_group_tests_name("core/desired: the shipped fleet", tests, NULL, NULL);
}
