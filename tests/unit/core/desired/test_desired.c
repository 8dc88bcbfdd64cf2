/* The compiler on fleets of a few files: bad input, decisions about it, and what must not change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/desired.h"
#include "core/desired/objects.h"
#include "core/desired/path.h"
#include "core/value/yaml.h"
#include "support/corpus.h"
#include "support/fleet.h"

#include "fuzz/fuzz_fleet.c"

#define CLUSTERS                                                                                   \
    "- name: home\n"                                                                               \
    "  server: https://home\n"                                                                     \
    "  labels: {cluster_name: home, environment: prod, cluster_role: control-plane}\n"             \
    "  annotations: {addons_repo_url: 'https://git.example.net/a/fleet.git'}\n"
#define ADDON                                                                                      \
    "web:\n"                                                                                       \
    "  enabled: true\n"                                                                            \
    "  type: manifest\n"                                                                           \
    "  namespace: web\n"                                                                           \
    "  path: apps/web\n"
#define CONFIG_MAP "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
#define ROLE_LIST "addons/cluster-roles/control-plane/addons/addons.yaml"
#define PLACEHOLDER_LAYERS                                                                         \
    {"addons/environments/prod/addons/addons.yaml", ""},                                           \
        {"addons/environments/prod/addons/common.yaml", ""},                                       \
        {"addons/cluster-roles/control-plane/addons/common.yaml", ""},                             \
    {                                                                                              \
        "addons/charts/application-sets/values.yaml",                                              \
            "syncPolicy: {automated: {prune: true, selfHeal: true}}\nuseSelectors: true\n"         \
            "repoURLGitRevision: HEAD\n"                                                           \
    }

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct desired_plan compile_with(const struct fleet_file *file, size_t count,
                                        const struct desired_input *input)
{
    struct source source = fleet_of_array(arena, file, count);
    struct desired_plan plan = {0};
    struct err err;
    if (desired_compile(&source, input, arena, &plan, &err) < 0)
        fail_msg("%s", err.text);
    return plan;
}

/* The fleet of one addon; `list` and `manifest` replace its list and its one file. */
static struct desired_plan compile_one(const char *list, const char *manifest)
{
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", CLUSTERS},
        {ROLE_LIST, list},
        {"apps/web/a.yaml", manifest},
        PLACEHOLDER_LAYERS,
    };
    const struct desired_input input = {.commit = STR("c1")};
    return compile_with(file, HL_COUNT(file), &input);
}

static const struct desired_issue *only_error(const struct desired_plan *plan)
{
    for (size_t i = 1; i < plan->error_count; i++)
        print_message("error: " STR_FMT "\n", STR_ARG(plan->error[i].text));
    assert_int_equal(plan->error_count, 1);
    return &plan->error[0];
}

static void assert_error(const struct desired_plan *plan, const char *app, const char *file,
                         uint32_t line, uint32_t column, const char *why)
{
    const struct desired_issue *e = only_error(plan);
    assert_string_equal(arena_cstr(arena, e->app), app);
    assert_string_equal(arena_cstr(arena, e->file), file);
    assert_int_equal(e->line, line);
    assert_int_equal(e->column, column);
    if (str_find(e->text, str_from(why), 0) == SIZE_MAX)
        fail_msg("\"%s\" does not say \"%s\"", arena_cstr(arena, e->text), why);
}

static const struct desired_issue *note_with(const struct desired_plan *plan, const char *text)
{
    for (size_t i = 0; i < plan->note_count; i++)
        if (str_find(plan->note[i].text, str_from(text), 0) != SIZE_MAX)
            return &plan->note[i];
    return NULL;
}

static void a_sound_fleet_gives_an_application_with_its_bundle(void **state)
{
    struct desired_plan plan = compile_one(ADDON, CONFIG_MAP);
    struct object *object;
    struct bundle bundle;
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(plan.note_count, 0);
    assert_int_equal(plan.app_count, 1);
    assert_true(str_eq(plan.app[0].name, STR("web-home")));
    assert_int_equal(plan.app[0].status, DESIRED_APPLICABLE);
    assert_int_equal(plan.app[0].object_count, 1);
    assert_false(digest_is_zero(&plan.app[0].input));
    assert_int_equal(plan.app[0].where.line, 2);

    assert_int_equal(bundle_open(arena, plan.app[0].bundle, &bundle, &err), 0);
    assert_int_equal(objects_render(arena, &bundle, NULL, &object, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_true(str_eq(object[0].path, STR("clusters/home/web/configmap-a.yaml")));
}

static void broken_yaml_in_a_layer_is_an_error_of_the_whole(void **state)
{
    struct desired_plan plan = compile_one("web:\n  enabled: true\n  x: [1\n", CONFIG_MAP);
    (void)state;
    const struct desired_issue *e = only_error(&plan);
    assert_int_equal(e->app.len, 0);
    assert_true(str_eq(e->file, STR(ROLE_LIST)));
    assert_true(e->line >= 3 && e->column > 0);
    assert_int_equal(plan.app_count, 0);
}

static void a_duplicate_key_in_a_layer_is_an_error_of_the_whole(void **state)
{
    struct desired_plan plan = compile_one(ADDON "  path: apps/web\n", CONFIG_MAP);
    (void)state;
    assert_error(&plan, "", ROLE_LIST, 6, 3, "duplicate key \"path\"");
}

static void an_unknown_addon_key_is_an_error_with_a_suggestion(void **state)
{
    struct desired_plan plan = compile_one(ADDON "  namespase: x\n", CONFIG_MAP);
    (void)state;
    assert_error(&plan, "web-home", ROLE_LIST, 6, 3,
                 "unknown key \"namespase\", did you mean \"namespace\"?");
    assert_int_equal(plan.app[0].status, DESIRED_ERROR);
    assert_int_equal(plan.app[0].bundle.len, 0);
    assert_true(digest_is_zero(&plan.app[0].input));
}

static void a_key_unlike_any_other_gets_no_suggestion(void **state)
{
    struct desired_plan plan = compile_one(ADDON "  quuxification: x\n", CONFIG_MAP);
    (void)state;
    assert_true(str_find(only_error(&plan)->text, STR("did you mean"), 0) == SIZE_MAX);
}

static void a_value_of_the_wrong_kind_is_an_error_at_its_key(void **state)
{
    struct desired_plan plan = compile_one(ADDON "  selector: [a]\n", CONFIG_MAP);
    (void)state;
    assert_error(&plan, "web", ROLE_LIST, 6, 13, "selector must be a map");
}

static void a_path_that_does_not_exist_names_the_place_of_the_path(void **state)
{
    struct desired_plan plan =
        compile_one("web:\n  enabled: true\n  type: manifest\n  path: apps/wbe\n", CONFIG_MAP);
    (void)state;
    assert_error(&plan, "web-home", ROLE_LIST, 4, 9, "\"apps/wbe\" is no folder");
}

static void a_path_that_escapes_is_denied(void **state)
{
    static const char *const paths[] = {"../other", "apps/../../etc", "/etc"};
    (void)state;
    for (size_t i = 0; i < HL_COUNT(paths); i++) {
        struct str list =
            arena_printf(arena, "web:\n  enabled: true\n  type: manifest\n  path: %s\n", paths[i]);
        struct desired_plan plan = compile_one(list.ptr, CONFIG_MAP);
        assert_error(&plan, "web-home", ROLE_LIST, 4, 9, paths[i]);
        assert_int_equal(plan.error[0].code, HL_EDENIED);
    }
}

static void symbolic_links_are_refused_as_file_as_folder_and_on_the_way(void **state)
{
    static const char *const links[] = {"apps/web/b.yaml", "apps/web", "apps"};
    const struct desired_input input = {.commit = STR("c1")};

    (void)state;
    for (size_t i = 0; i < HL_COUNT(links); i++) {
        const struct fleet_file file[] = {
            {"platform/clusters.yaml", CLUSTERS},
            {ROLE_LIST, ADDON},
            {links[i], NULL},
            {i == 0 ? "apps/web/a.yaml" : "other/a.yaml", CONFIG_MAP},
            PLACEHOLDER_LAYERS,
        };
        struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);
        assert_error(&plan, "web-home", ROLE_LIST, 5, 9, "symbolic link");
        assert_int_equal(plan.error[0].code, HL_EDENIED);
    }
}

static void links_that_are_no_manifests_are_left_alone(void **state)
{
    const struct desired_input input = {.commit = STR("c1")};
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", CLUSTERS}, {ROLE_LIST, ADDON}, {"apps/web/README.md", NULL},
        {"apps/web/a.yaml", CONFIG_MAP},      PLACEHOLDER_LAYERS,
    };
    (void)state;
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);
    assert_int_equal(plan.error_count, 0);
}

static void a_huge_manifest_is_refused_by_its_size_before_it_is_read(void **state)
{
    char *huge = hl_calloc(1, YAML_BYTES_MAX + 2);
    (void)state;
    memset(huge, '#', YAML_BYTES_MAX + 1);
    struct desired_plan plan = compile_one(ADDON, huge);
    free(huge); /* the plan must not point into the input */
    assert_error(&plan, "web-home", "apps/web/a.yaml", 0, 0, "4194305 bytes");
    assert_int_equal(plan.error[0].code, HL_ELIMIT);
}

static void broken_manifests_are_errors_of_their_application_at_their_place(void **state)
{
    struct desired_plan plan = compile_one(ADDON, "apiVersion: v1\nkind: [\nmetadata: {}\n");
    (void)state;
    assert_true(str_eq(only_error(&plan)->file, STR("apps/web/a.yaml")));
    assert_true(plan.error[0].line >= 2);
    assert_true(str_eq(plan.error[0].app, STR("web-home")));

    plan = compile_one(ADDON, CONFIG_MAP "data:\n  x: a\n  x: b\n");
    assert_error(&plan, "web-home", "apps/web/a.yaml", 7, 3, "duplicate key \"x\"");

    plan = compile_one(ADDON, CONFIG_MAP "---\n" CONFIG_MAP);
    assert_error(&plan, "web-home", "apps/web/a.yaml", 6, 1,
                 "already defined at apps/web/a.yaml:1");
}

static void an_application_without_objects_is_refused_unless_it_may_be_empty(void **state)
{
    struct desired_plan plan = compile_one(ADDON, "# nothing\n");
    (void)state;
    assert_error(&plan, "web-home", ROLE_LIST, 5, 9, "no Kubernetes object");
    plan = compile_one(ADDON "  syncPolicy: {automated: {allowEmpty: true}}\n", "# nothing\n");
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(plan.app[0].object_count, 0);
}

static void a_name_that_is_no_utf8_is_refused_and_its_error_can_be_printed(void **state)
{
    const struct desired_input input = {.commit = STR("c1")};
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", CLUSTERS},     {ROLE_LIST, ADDON},
        {"apps/web/a.yaml", CONFIG_MAP},          {"apps/web/\xff.yaml", CONFIG_MAP},
        {"addons/clusters/\xff/addons.yaml", ""}, PLACEHOLDER_LAYERS,
    };
    (void)state;
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);
    assert_error(&plan, "web-home", ROLE_LIST, 5, 9, "not UTF-8");
    assert_int_equal(plan.note_count, 1);
    assert_true(str_eq(plan.note[0].file, STR("addons/clusters/?")));
}

static void folders_nested_too_deep_are_refused(void **state)
{
    static const char list[] =
        "web: {enabled: true, type: manifest, namespace: web, defaultVersion: x,"
        " manifestSource: {repoURL: 'https://git.example.net/a/fleet',"
        " path: apps, directory: {recurse: true}}}\n";
    HL_CLEANUP(buf_deinit) struct buf path = {0};
    const struct desired_input input = {.commit = STR("c1")};

    (void)state;
    buf_add_cstr(&path, "apps");
    for (int i = 0; i < PATH_PARTS_MAX; i++)
        buf_add_cstr(&path, "/d");
    buf_add(&path, (struct str){"/a.yaml", 8});
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", CLUSTERS},
        {ROLE_LIST, list},
        {path.ptr, CONFIG_MAP},
        PLACEHOLDER_LAYERS,
    };
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);
    assert_int_equal(only_error(&plan)->code, HL_ELIMIT);
}

static void without_any_cluster_there_is_no_plan_to_adopt(void **state)
{
    const struct fleet_file file[] = {{ROLE_LIST, ADDON}};
    const struct desired_input input = {.commit = STR("c1")};
    struct desired_plan plan = compile_with(file, 1, &input);
    (void)state;
    assert_error(&plan, "", "platform/clusters.yaml", 0, 0, "no cluster is known");
}

static void clusters_may_come_from_outside_the_repository(void **state)
{
    const struct fleet_file file[] = {
        {ROLE_LIST, ADDON}, {"apps/web/a.yaml", CONFIG_MAP}, PLACEHOLDER_LAYERS};
    struct desired_input input = {.commit = STR("c1"),
                                  .clusters_text = STR(CLUSTERS),
                                  .clusters_file = STR("/etc/clusters.yaml")};
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);

    (void)state;
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(plan.app_count, 1);
    assert_true(str_eq(plan.registry.cluster[0].where.file, STR("/etc/clusters.yaml")));

    input.clusters_text = STR(CLUSTERS CLUSTERS);
    plan = compile_with(file, HL_COUNT(file), &input);
    assert_error(&plan, "", "/etc/clusters.yaml", 5, 3,
                 "already defined at /etc/clusters.yaml:1:3");
}

static void the_same_input_gives_the_same_plan(void **state)
{
    struct desired_plan one = compile_one(ADDON, CONFIG_MAP);
    struct desired_plan two = compile_one(ADDON, CONFIG_MAP);
    (void)state;
    assert_true(value_eq(desired_plan_value(arena, &one), desired_plan_value(arena, &two)));
    assert_true(str_eq(one.app[0].bundle, two.app[0].bundle));
}

static struct digest input_of(const char *list, const char *manifest, const char *commit,
                              const char *unrelated)
{
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", CLUSTERS},
        {ROLE_LIST, list},
        {"apps/web/a.yaml", manifest},
        {"docs/x.md", unrelated},
        PLACEHOLDER_LAYERS,
    };
    const struct desired_input input = {.commit = str_from(commit)};
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);
    assert_int_equal(plan.error_count, 0);
    return plan.app[0].input;
}

static void an_input_changes_exactly_when_there_is_work(void **state)
{
    struct digest first = input_of(ADDON, CONFIG_MAP, "c1", "a");
    struct digest other_commit = input_of(ADDON "# remark\n", CONFIG_MAP, "c2", "b");
    struct digest other_text = input_of(ADDON, CONFIG_MAP "data: {x: new}\n", "c1", "a");
    struct digest other_sync =
        input_of(ADDON "  syncPolicy: {automated: {prune: false}}\n", CONFIG_MAP, "c1", "a");

    (void)state;
    assert_true(digest_eq(&first, &other_commit));
    assert_false(digest_eq(&first, &other_text));
    assert_false(digest_eq(&first, &other_sync));
}

static void two_layerings_that_differ_about_an_application_are_an_error(void **state)
{
    static const char clusters[] =
        CLUSTERS "- name: t\n  server: https://t\n"
                 "  labels: {cluster_name: t, environment: prod, cluster_role: vcluster}\n";
    static const char tenant[] =
        "web: {enabled: true, type: manifest, namespace: other, path: apps/web}\n";
    struct fleet_file file[] = {
        {"platform/clusters.yaml", clusters},
        {ROLE_LIST, ADDON},
        {"addons/cluster-roles/vcluster/addons/addons.yaml", tenant},
        {"addons/cluster-roles/vcluster/addons/common.yaml", ""},
        {"apps/web/a.yaml", CONFIG_MAP},
        PLACEHOLDER_LAYERS,
    };
    const struct desired_input input = {.commit = STR("c1")};
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);

    (void)state;
    assert_int_equal(plan.app_count, 2);
    assert_int_equal(plan.error_count, 2); /* web-home and web-t */
    assert_true(str_find(plan.error[0].text, STR("also made, differently"), 0) != SIZE_MAX);

    file[2].text = ADDON;
    plan = compile_with(file, HL_COUNT(file), &input);
    assert_int_equal(plan.error_count, 0);
    assert_non_null(note_with(&plan, "repeats applications"));
}

static void a_control_planes_own_layering_decides_about_it(void **state)
{
    static const char clusters[] =
        CLUSTERS "- name: b\n  server: https://b\n"
                 "  labels: {cluster_name: b, environment: prod, cluster_role: control-plane}\n";
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", clusters},
        {ROLE_LIST, ADDON},
        {"addons/clusters/home/addons.yaml", "web: {namespace: at-home}\n"},
        {"addons/clusters/b/addons.yaml", "web: {namespace: at-b}\n"},
        {"apps/web/a.yaml", CONFIG_MAP},
        PLACEHOLDER_LAYERS,
    };
    const struct desired_input input = {.commit = STR("c1")};
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);

    (void)state;
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(plan.app_count, 2);
    assert_true(str_eq(plan.app[0].namespace, STR("at-b")));
    assert_true(str_eq(plan.app[1].namespace, STR("at-home")));
}

static void tenants_that_select_each_other_are_each_made_once_by_their_own_layering(void **state)
{
    static const char clusters[] =
        "- name: a\n  server: https://a\n"
        "  labels: {cluster_name: a, environment: prod, cluster_role: vcluster}\n"
        "- name: b\n  server: https://b\n"
        "  labels: {cluster_name: b, environment: prod, cluster_role: vcluster}\n";
    const struct fleet_file file[] = {
        {"platform/clusters.yaml", clusters},
        {"addons/cluster-roles/vcluster/addons/addons.yaml", ADDON},
        {"addons/cluster-roles/vcluster/addons/common.yaml", ""},
        {"addons/clusters/b/addons.yaml", "web: {namespace: at-b}\n"},
        {"apps/web/a.yaml", CONFIG_MAP},
        {"addons/environments/prod/addons/common.yaml", ""},
        {"addons/charts/application-sets/values.yaml",
         "syncPolicy: {automated: {prune: true}}\nrepoURLGitRevision: HEAD\n"},
    };
    const struct desired_input input = {.commit = STR("c1")};
    struct desired_plan plan = compile_with(file, HL_COUNT(file), &input);

    (void)state;
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(plan.note_count, 0);
    assert_int_equal(plan.app_count, 2);
    assert_true(str_eq(plan.app[0].namespace, STR("web")));
    assert_true(str_eq(plan.app[1].namespace, STR("at-b")));
    assert_true(str_eq(plan.app[1].layering, STR("b")));
    assert_int_equal(plan.set_count, 2);
    assert_int_equal(plan.set[0].app_count, 2);
}

static int failing_read(void *context, struct str path, struct arena *a, struct str *out,
                        struct err *err)
{
    (void)context;
    (void)a;
    (void)out;
    return err_set(err, HL_EIO, "cannot read " STR_FMT ": disk on fire", STR_ARG(path));
}

static int empty_list(void *context, struct str path, struct arena *a, struct source_entry **out,
                      size_t *out_count, struct err *err)
{
    (void)context;
    (void)path;
    (void)a;
    (void)out;
    (void)out_count;
    (void)err;
    return SOURCE_ABSENT;
}

static void a_source_that_fails_gives_no_plan_at_all(void **state)
{
    const struct source source = {NULL, failing_read, empty_list};
    const struct desired_input input = {.clusters_text = STR(CLUSTERS)};
    struct desired_plan plan = {.app_count = 7};
    struct err err;

    (void)state;
    assert_int_equal(desired_compile(&source, &input, arena, &plan, &err), HL_EIO);
    assert_non_null(strstr(err.text, "disk on fire"));
    assert_int_equal(plan.app_count, 7);
}

static void a_first_plan_leaves_only_broken_applications_behind(void **state)
{
    struct desired_plan plan = compile_one(ADDON "  namespase: x\n", CONFIG_MAP);
    const struct desired_issue *why = NULL;

    (void)state;
    assert_int_equal(desired_accepts(NULL, &plan, &why), DESIRED_ACCEPTED);
    assert_null(why);
    plan = compile_one("web: [\n", CONFIG_MAP);
    assert_int_equal(desired_accepts(NULL, &plan, &why), DESIRED_REJECTED);
    assert_ptr_equal(why, &plan.error[0]);
}

static void a_later_plan_with_a_new_error_is_rejected_and_an_old_error_is_not(void **state)
{
    const struct str failed[] = {STR("web-home")};
    const struct desired_before sound = {NULL, 0};
    const struct desired_before failing = {failed, 1};
    const struct desired_issue *why = NULL;
    struct desired_plan broken = compile_one(ADDON "  namespase: x\n", CONFIG_MAP);
    struct desired_plan fine = compile_one(ADDON, CONFIG_MAP);
    struct desired_plan both = compile_one(
        ADDON "  namespase: x\nnew: {enabled: true, type: manifest, path: no}\n", CONFIG_MAP);

    (void)state;
    assert_int_equal(desired_accepts(&sound, &broken, &why), DESIRED_REJECTED);
    assert_true(str_eq(why->app, STR("web-home")));
    assert_int_equal(desired_accepts(&failing, &broken, &why), DESIRED_ACCEPTED);
    assert_int_equal(desired_accepts(&failing, &fine, &why), DESIRED_ACCEPTED);
    assert_int_equal(desired_accepts(&failing, &both, &why), DESIRED_REJECTED);
    assert_true(str_eq(why->app, STR("new-home")));
}

static void issues_beyond_the_bound_are_counted_not_kept(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf list = {0};
    (void)state;
    for (int i = 0; i < DESIRED_ISSUES_MAX + 5; i++)
        buf_printf(&list, "a%d: {enabled: true, nonsens: 1}\n", i);
    buf_add_byte(&list, '\0');
    struct desired_plan plan = compile_one(list.ptr, CONFIG_MAP);
    assert_int_equal(plan.error_count, DESIRED_ISSUES_MAX);
    assert_true(plan.issues_dropped >= 5);
}

static void a_version_that_yaml_takes_for_a_number_is_read_as_written(void **state)
{
    struct desired_plan plan = compile_one("c:\n  enabled: true\n  namespace: x\n"
                                           "  chartRepository: https://charts.example.net\n"
                                           "  defaultVersion: 1.10 # not 1.1\n",
                                           CONFIG_MAP);
    (void)state;
    assert_int_equal(plan.error_count, 0);
    assert_int_equal(plan.app[0].status, DESIRED_UNSUPPORTED);
    assert_true(str_eq(plan.app[0].source_revision, STR("1.10")));
    assert_true(str_eq(plan.app[0].source_chart, STR("c")));
    assert_non_null(note_with(&plan, "number to YAML"));
}

static void two_applications_with_the_same_object_are_noted(void **state)
{
    struct desired_plan plan =
        compile_one(ADDON "web2: {enabled: true, type: manifest, namespace: web, path: apps/web}\n",
                    CONFIG_MAP);
    (void)state;
    assert_int_equal(plan.error_count, 0);
    assert_non_null(
        note_with(&plan, "1 objects of application web2-home also come from application web-home"));
}

static void a_repository_recognises_itself_by_any_spelling_of_its_url(void **state)
{
    static const char *const urls[] = {
        "https://git.example.net/a/fleet",
        "git@git.example.net:a/fleet.git",
        "ssh://git@git.example.net/A/fleet.git/",
    };
    (void)state;
    for (size_t i = 0; i < HL_COUNT(urls); i++) {
        struct str list =
            arena_printf(arena,
                         "web: {enabled: true, type: manifest, namespace: web, defaultVersion: x,"
                         " manifestSource: {repoURL: '%s', path: apps/web}}\n",
                         urls[i]);
        struct desired_plan plan = compile_one(list.ptr, CONFIG_MAP);
        assert_int_equal(plan.app[0].status, DESIRED_APPLICABLE);
    }
    struct desired_plan plan = compile_one(
        "web: {enabled: true, type: manifest, namespace: web, defaultVersion: x,"
        " manifestSource: {repoURL: 'https://git.example.net/b/fleet', path: apps/web}}\n",
        CONFIG_MAP);
    assert_int_equal(plan.app[0].status, DESIRED_UNSUPPORTED);
}

static void run_corpus_file(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
}

static void the_fuzz_corpus_holds_its_properties(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_fleet", run_corpus_file, NULL) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_fleet_gives_an_application_with_its_bundle),
        cmocka_unit_test(broken_yaml_in_a_layer_is_an_error_of_the_whole),
        cmocka_unit_test(a_duplicate_key_in_a_layer_is_an_error_of_the_whole),
        cmocka_unit_test(an_unknown_addon_key_is_an_error_with_a_suggestion),
        cmocka_unit_test(a_key_unlike_any_other_gets_no_suggestion),
        cmocka_unit_test(a_value_of_the_wrong_kind_is_an_error_at_its_key),
        cmocka_unit_test(a_path_that_does_not_exist_names_the_place_of_the_path),
        cmocka_unit_test(a_path_that_escapes_is_denied),
        cmocka_unit_test(symbolic_links_are_refused_as_file_as_folder_and_on_the_way),
        cmocka_unit_test(links_that_are_no_manifests_are_left_alone),
        cmocka_unit_test(a_huge_manifest_is_refused_by_its_size_before_it_is_read),
        cmocka_unit_test(broken_manifests_are_errors_of_their_application_at_their_place),
        cmocka_unit_test(an_application_without_objects_is_refused_unless_it_may_be_empty),
        cmocka_unit_test(a_name_that_is_no_utf8_is_refused_and_its_error_can_be_printed),
        cmocka_unit_test(folders_nested_too_deep_are_refused),
        cmocka_unit_test(without_any_cluster_there_is_no_plan_to_adopt),
        cmocka_unit_test(clusters_may_come_from_outside_the_repository),
        cmocka_unit_test(the_same_input_gives_the_same_plan),
        cmocka_unit_test(an_input_changes_exactly_when_there_is_work),
        cmocka_unit_test(two_layerings_that_differ_about_an_application_are_an_error),
        cmocka_unit_test(a_control_planes_own_layering_decides_about_it),
        cmocka_unit_test(tenants_that_select_each_other_are_each_made_once_by_their_own_layering),
        cmocka_unit_test(a_source_that_fails_gives_no_plan_at_all),
        cmocka_unit_test(a_first_plan_leaves_only_broken_applications_behind),
        cmocka_unit_test(a_later_plan_with_a_new_error_is_rejected_and_an_old_error_is_not),
        cmocka_unit_test(issues_beyond_the_bound_are_counted_not_kept),
        cmocka_unit_test(a_version_that_yaml_takes_for_a_number_is_read_as_written),
        cmocka_unit_test(two_applications_with_the_same_object_are_noted),
        cmocka_unit_test(a_repository_recognises_itself_by_any_spelling_of_its_url),
        cmocka_unit_test(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/desired", tests, setup, teardown);
}
