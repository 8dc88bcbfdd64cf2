/*
 * Golden fleets: every folder of tests/golden/desired holds a small fleet repository in `fleet` and
 * the plan that it must compile to in `plan.yaml`. HL_GOLDEN_UPDATE=1 writes the plans anew; what
 * changed is then to be read in the diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/desired.h"
#include "core/value/yaml.h"
#include "support/fleet.h"

#define GOLDEN HL_TESTS_DIR "/golden/desired"

static void write_file(const char *path, struct str text)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(text.ptr, 1, text.len, out), text.len);
    assert_int_equal(fclose(out), 0);
}

/* The first line that differs, so that a failure can be read. */
static void show_difference(struct str expected, struct str found)
{
    for (uint32_t line = 1; expected.len > 0 || found.len > 0; line++) {
        struct str e = str_cut(&expected, '\n');
        struct str f = str_cut(&found, '\n');
        if (str_eq(e, f))
            continue;
        print_message("line %u:\n  expected: " STR_FMT "\n  found:    " STR_FMT "\n", line,
                      STR_ARG(e), STR_ARG(f));
        return;
    }
}

static void check_case(struct str name)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str root = arena_printf(a, GOLDEN "/" STR_FMT "/fleet", STR_ARG(name));
    struct str plan_path = arena_printf(a, GOLDEN "/" STR_FMT "/plan.yaml", STR_ARG(name));
    struct source source = fleet_of_folder(a, root.ptr);
    const struct desired_input input = {.commit = STR("0123abc"), .revision = STR("main")};
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct desired_plan plan = {0};
    struct err err;

    if (desired_compile(&source, &input, a, &plan, &err) < 0)
        fail_msg(STR_FMT ": %s", STR_ARG(name), err.text);
    yaml_write(&text, desired_plan_value(a, &plan));
    if (getenv("HL_GOLDEN_UPDATE"))
        write_file(plan_path.ptr, buf_str(&text));
    struct str expected = fleet_slurp(a, plan_path.ptr);
    if (!str_eq(expected, buf_str(&text))) {
        show_difference(expected, buf_str(&text));
        fail_msg("the plan of " STR_FMT " is not the expected one", STR_ARG(name));
    }
}

static void every_golden_fleet_compiles_to_its_plan(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct source source = fleet_of_folder(a, GOLDEN);
    struct source_entry *entry;
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(source.list(source.context, STR(""), a, &entry, &count, &err), SOURCE_FOUND);
    size_t case_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (entry[i].kind != SOURCE_FOLDER)
            continue;
        print_message("golden fleet: " STR_FMT "\n", STR_ARG(entry[i].name));
        check_case(entry[i].name);
        case_count++;
    }
    assert_true(case_count >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_fleet_compiles_to_its_plan),
    };
    return cmocka_run_group_tests_name("core/desired: golden fleets", tests, NULL, NULL);
}
