/*
 * A real fleet repository that was written for Argo CD compiles unmodified. The repository is not
 * part of this project: HL_HOMELAB names a clone of it, HL_HOMELAB_CLUSTERS its cluster records;
 * without them the test is skipped and says so. With HL_HOMELAB_PLAN the plan is written there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "core/desired/desired.h"
#include "core/value/yaml.h"
#include "support/fleet.h"

static void print_issues(const char *what, const struct desired_issue *issue, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_message("%s: " STR_FMT ":%u:%u: [" STR_FMT "] " STR_FMT "\n", what,
                      STR_ARG(issue[i].file), issue[i].line, issue[i].column, STR_ARG(issue[i].app),
                      STR_ARG(issue[i].text));
}

static size_t count_sets(const struct desired_plan *plan, const char *layering)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->set_count; i++)
        count += str_eq(plan->set[i].layering, str_from(layering)) ? 1 : 0;
    return count;
}

static void a_repository_written_for_argo_cd_compiles_unmodified(void **state)
{
    const char *root = getenv("HL_HOMELAB");
    const char *clusters = getenv("HL_HOMELAB_CLUSTERS");
    const char *dump = getenv("HL_HOMELAB_PLAN");
    struct desired_plan plan = {0};
    struct err err;

    (void)state;
    if (!root || !clusters) {
        print_message("skipped: HL_HOMELAB names no clone of the repository, or "
                      "HL_HOMELAB_CLUSTERS no file with its cluster records\n");
        skip();
    }
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct source source = fleet_of_folder(a, root);
    struct desired_input input = {.commit = STR("0"),
                                  .clusters_text = fleet_slurp(a, clusters),
                                  .clusters_file = STR("clusters.yaml")};
    clock_t start = clock();
    assert_int_equal(desired_compile(&source, &input, a, &plan, &err), 0);
    print_message("compiled %zu applications in %.1f ms\n", plan.app_count,
                  1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC);

    size_t by_status[3] = {0};
    size_t object_count = 0;
    for (size_t i = 0; i < plan.app_count; i++) {
        by_status[plan.app[i].status]++;
        object_count += plan.app[i].object_count;
    }
    print_message("%zu applicable with %zu objects, %zu unsupported, %zu errors\n", by_status[0],
                  object_count, by_status[1], by_status[2]);
    print_issues("error", plan.error, plan.error_count);
    print_issues("note", plan.note, plan.note_count);
    if (dump) {
        HL_CLEANUP(buf_deinit) struct buf text = {0};
        yaml_write(&text, desired_plan_value(a, &plan));
        FILE *out = fopen(dump, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(text.ptr, 1, text.len, out), text.len);
        assert_int_equal(fclose(out), 0);
    }
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(count_sets(&plan, "the-cluster"), 49);
    assert_int_equal(count_sets(&plan, "vcluster-media.integratn-tech"), 7);
    assert_true(by_status[DESIRED_APPLICABLE] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repository_written_for_argo_cd_compiles_unmodified),
    };
    return cmocka_run_group_tests_name("core/desired: a real repository", tests, NULL, NULL);
}
