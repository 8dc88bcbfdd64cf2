/* Applications of charts: which chart and which values the compiler packs, and what they render to.
 * Archives are texts here: files that begin with "@ NAME" lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/desired.h"
#include "core/desired/objects.h"
#include "support/fleet.h"

#define CLUSTERS                                                                                   \
    "- name: home\n"                                                                               \
    "  server: https://home\n"                                                                     \
    "  labels: {cluster_name: home, environment: prod, cluster_role: control-plane}\n"
#define SETTINGS                                                                                   \
    "syncPolicy: {syncOptions: [CreateNamespace=true]}\nuseSelectors: true\n"                      \
    "repoURLGitRevision: HEAD\nrepoURLGitBasePath: addons\nvalueFiles:\n"                          \
    "- environments/{{.metadata.labels.environment}}/addons\n"                                     \
    "- cluster-roles/{{.metadata.labels.cluster_role}}/addons\n"                                   \
    "- clusters/{{.nameNormalized}}/addons\n"
#define ROLE "addons/cluster-roles/control-plane/addons/"
#define WEB                                                                                        \
    "web:\n  enabled: true\n  namespace: apps\n  chartRepository: https://charts.example.net\n"    \
    "  defaultVersion: 1.2.3\n"
#define CHART_YAML "apiVersion: v2\nname: web\nversion: 1.2.3\n"
#define TEMPLATE                                                                                   \
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"                    \
    "data:\n  color: {{ .Values.color }}\n  cluster: {{ .Values.cluster | quote }}\n"
#define ARCHIVE                                                                                    \
    "@ Chart.yaml\n" CHART_YAML "@ values.yaml\ncolor: grey\ncluster: none\n"                      \
    "@ templates/a.yaml\n" TEMPLATE

static struct arena *arena;
static const char *archive = ARCHIVE; /* the one chart there is */
static size_t asked_count;            /* for archives */
static int resolve_code;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    asked_count = 0;
    resolve_code = 0;
    archive = ARCHIVE;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int resolve(void *context, struct str repository, struct str name, struct str range,
                   struct arena *a, struct chart_pin *out, struct err *err)
{
    (void)context;
    if (resolve_code < 0)
        return err_set(err, resolve_code, "not today");
    *out = (struct chart_pin){arena_dup(a, repository), arena_dup(a, name), arena_dup(a, range),
                              sha256_of(str_from(archive))};
    return 0;
}

static int fetch_archive(void *context, const struct digest *digest, struct arena *a,
                         struct str *out, struct err *err)
{
    struct digest own = sha256_of(str_from(archive));

    (void)context;
    (void)a;
    asked_count++;
    *out = str_from(archive);
    return digest_eq(digest, &own) ? 0 : err_set(err, HL_EABSENT, "no such archive");
}

static int unpack(void *context, struct arena *a, struct str name, struct str bytes,
                  struct chart_file **out, size_t *out_count, struct err *err)
{
    size_t cap = 0;

    (void)context;
    (void)name;
    (void)err;
    *out = NULL;
    *out_count = 0;
    while (bytes.len > 0) {
        struct str line = str_cut(&bytes, '\n');
        if (str_starts(line, STR("@ "))) {
            struct chart_file file = {str_sub(line, 2, line.len), {bytes.ptr, 0}};
            ARENA_PUSH(a, *out, *out_count, cap, file);
        } else {
            (*out)[*out_count - 1].bytes.len += line.len + 1;
        }
    }
    return 0;
}

static struct desired_plan compile(const struct fleet_file *file, size_t count)
{
    const struct chart_source charts = {NULL, resolve};
    const struct desired_input input = {.commit = STR("c1"), .charts = &charts};
    struct source source = fleet_of_array(arena, file, count);
    struct desired_plan plan = {0};
    struct err err;

    if (desired_compile(&source, &input, arena, &plan, &err) < 0)
        fail_msg("%s", err.text);
    return plan;
}

/* The fleet of one list of addons, and further files. */
#define COMPILE(list, ...)                                                                         \
    compile((const struct fleet_file[]){{"platform/clusters.yaml", CLUSTERS},                      \
                                        {"addons/charts/application-sets/values.yaml", SETTINGS},  \
                                        {ROLE "addons.yaml", list},                                \
                                        __VA_ARGS__},                                              \
            sizeof((const struct fleet_file[]){                                                    \
                {NULL, NULL}, {NULL, NULL}, {NULL, NULL}, __VA_ARGS__}) /                          \
                sizeof(struct fleet_file))
#define NOTHING                                                                                    \
    {                                                                                              \
        "README.md", ""                                                                            \
    }

static const struct desired_app *only_app(const struct desired_plan *plan)
{
    for (size_t i = 0; i < plan->error_count; i++)
        print_message("error: " STR_FMT "\n", STR_ARG(plan->error[i].text));
    assert_int_equal(plan->error_count, 0);
    assert_int_equal(plan->app_count, 1);
    assert_int_equal(plan->app[0].status, DESIRED_APPLICABLE);
    return &plan->app[0];
}

static struct bundle bundle_of(const struct desired_app *app)
{
    struct bundle bundle;
    struct err err;

    if (bundle_open(arena, app->bundle, &bundle, &err) < 0)
        fail_msg("%s", err.text);
    return bundle;
}

static int render(const struct desired_app *app, struct render_cache *cache, struct object **out,
                  size_t *count, struct err *err)
{
    const struct template_world world = {.now_s = 1};
    const struct objects_world objects = {.capabilities = &chart_capabilities_offline,
                                          .world = &world,
                                          .unpack = unpack,
                                          .cache = cache,
                                          .archive = fetch_archive};
    struct bundle bundle = bundle_of(app);

    return objects_render(arena, &bundle, &objects, out, count, err);
}

static struct object *rendered(const struct desired_app *app, size_t *count)
{
    struct object *object;
    struct err err;

    if (render(app, NULL, &object, count, &err) < 0)
        fail_msg("%s", err.text);
    return object;
}

static const char *canonical(const struct object *o)
{
    return arena_cstr(arena, o->canonical);
}

static void a_chart_is_named_by_digest_and_rendered_from_its_archive(void **state)
{
    struct desired_plan plan = COMPILE(WEB, NOTHING);
    const struct desired_app *app = only_app(&plan);
    struct digest digest = sha256_of(STR(ARCHIVE));
    struct bundle bundle = bundle_of(app);
    size_t count;

    (void)state;
    assert_int_equal(app->chart_count, 1);
    assert_true(str_eq(app->chart[0].repository, STR("https://charts.example.net")));
    assert_true(str_eq(app->chart[0].version, STR("1.2.3")));
    assert_true(digest_eq(&app->chart[0].digest, &digest));
    assert_int_equal(bundle.chart_count, 1);
    assert_int_equal(bundle.chart[0].archive_count, 1);
    struct object *o = rendered(app, &count);
    assert_int_equal(count, 2); /* and the namespace, which syncOptions ask for by default */
    assert_string_equal(canonical(&o[1]),
                        "{\"apiVersion\":\"v1\",\"data\":{\"cluster\":\"none\",\"color\":\"grey\"},"
                        "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"web\","
                        "\"namespace\":\"apps\"}}");
    assert_true(str_eq(o[1].where.file, STR("web/templates/a.yaml")));
}

static void values_come_from_the_layers_in_order_and_from_the_entry_last(void **state)
{
    struct desired_plan plan =
        COMPILE(WEB "  releaseName: site\n  valuesObject: {cluster: '{{.name}}'}\n",
                {"addons/environments/prod/addons/web/values.yaml", "color: red\ncluster: e\n"},
                {ROLE "web/values.yaml", "color: green\n"},
                {"addons/clusters/home/addons/web/values.yaml", "color: blue\n"},
                {"addons/clusters/other/addons/web/values.yaml", "color: never\n"});
    const struct desired_app *app = only_app(&plan);
    struct bundle bundle = bundle_of(app);
    size_t count;

    (void)state;
    assert_int_equal(bundle.chart[0].values_count, 4);
    assert_true(str_eq(bundle.chart[0].values[1].path, STR(ROLE "web/values.yaml")));
    struct object *o = rendered(app, &count);
    assert_non_null(strstr(canonical(&o[1]), "\"color\":\"blue\""));
    assert_non_null(strstr(canonical(&o[1]), "\"cluster\":\"home\""));
    assert_non_null(strstr(canonical(&o[1]), "\"name\":\"site\""));
}

static void a_change_of_chart_or_values_is_new_work_and_nothing_else_is(void **state)
{
    struct digest input = only_app(&(struct desired_plan[]){COMPILE(WEB, NOTHING)}[0])->input;
    struct desired_plan again = COMPILE(WEB, {"docs/a.md", "something else"});
    struct desired_plan valued = COMPILE(WEB, {ROLE "web/values.yaml", "color: green\n"});

    (void)state;
    assert_true(digest_eq(&input, &only_app(&again)->input));
    assert_false(digest_eq(&input, &only_app(&valued)->input));
    archive = ARCHIVE "# another\n";
    struct desired_plan republished = COMPILE(WEB, NOTHING);
    assert_false(digest_eq(&input, &only_app(&republished)->input));
}

static void the_folder_of_values_can_be_named(void **state)
{
    struct desired_plan named = COMPILE(WEB "  valuesFolderName: special\n",
                                        {ROLE "special/values.yaml", "color: green\n"});
    struct desired_plan chart = COMPILE(WEB "  chartName: nginx\n  valuesFileName: v.yaml\n",
                                        {ROLE "nginx/v.yaml", "color: green\n"});

    (void)state;
    struct bundle b = bundle_of(only_app(&named));
    assert_int_equal(b.chart[0].values_count, 1);
    b = bundle_of(only_app(&chart));
    assert_int_equal(b.chart[0].values_count, 1);
    assert_true(str_eq(b.chart[0].release, STR("nginx")));
    assert_true(str_eq(b.chart[0].archive[0].name, STR("nginx")));
}

static void a_registry_needs_no_scheme_and_its_path_may_end_with_the_chart(void **state)
{
#define REGISTRY(repository)                                                                       \
    "web: {enabled: true, namespace: x, defaultVersion: '1', chartRepository: '" repository "'}\n"
    struct desired_plan full = COMPILE(REGISTRY("oci://r.example.net/charts/web"), NOTHING);
    struct desired_plan bare = COMPILE(REGISTRY("r.example.net/charts"), NOTHING);

    (void)state;
    assert_true(str_eq(only_app(&full)->chart[0].repository, STR("oci://r.example.net/charts")));
    assert_true(str_eq(only_app(&bare)->chart[0].repository, STR("oci://r.example.net/charts")));
}

static void additional_manifests_lie_beside_the_chart(void **state)
{
    struct desired_plan plan = COMPILE(
        WEB "  additionalResources: {type: manifests, path: x, manifestPath: addons/more}\n",
        {"addons/clusters/home/addons/more/m.yaml",
         "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n"});
    size_t count;

    (void)state;
    struct object *o = rendered(only_app(&plan), &count);
    assert_int_equal(only_app(&plan)->object_count, 1);
    assert_int_equal(count, 3);
    assert_true(str_eq(o[1].kind, STR("Secret")) && str_eq(o[2].kind, STR("ConfigMap")));
}

static void a_second_chart_has_a_release_of_its_own(void **state)
{
    struct desired_plan plan =
        COMPILE(WEB "  additionalResources:\n    type: extra\n    chart: more\n"
                    "    repoURL: https://charts.example.net\n    chartVersion: 2.0.0\n"
                    "    helm: {releaseName: more, valuesObject: {color: black}}\n",
                {ROLE "web/extra/values.yaml", "cluster: seen\n"});
    size_t count;

    (void)state;
    struct object *o = rendered(only_app(&plan), &count);
    assert_int_equal(count, 3);
    assert_non_null(strstr(canonical(&o[1]), "\"name\":\"home-more\""));
    assert_non_null(strstr(canonical(&o[1]), "\"color\":\"black\""));
    assert_non_null(strstr(canonical(&o[1]), "\"cluster\":\"seen\""));
}

#define OWN "own: {enabled: true, namespace: x, path: charts/own, defaultVersion: '1'}\n"

static void a_chart_of_this_repository_travels_in_the_bundle(void **state)
{
    struct desired_plan plan = COMPILE(
        OWN,
        {"charts/own/Chart.yaml",
         "apiVersion: v2\nname: own\nversion: 0.1.0\ndependencies:\n"
         "- {name: web, version: 1.x, repository: 'https://charts.example.net'}\n"},
        {"charts/own/Chart.lock",
         "dependencies:\n"
         "- {name: web, version: 1.2.3, repository: 'https://charts.example.net'}\n"},
        {"charts/own/values.yaml", "web: {color: pink}\n"}, {"charts/own/.helmignore", "*.bak\n"},
        {"charts/own/x.bak", "secret"}, {"charts/own/logo.png", "\xff\xfe\x01"},
        {"charts/own/templates/logo.yaml",
         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: logo}\n"
         "data: {bytes: {{ .Files.Get \"logo.png\" | b64enc }}}\n"});
    const struct desired_app *app = only_app(&plan);
    struct bundle bundle = bundle_of(app);
    size_t count;

    (void)state;
    assert_int_equal(bundle.chart[0].archive_count, 1);
    assert_true(str_eq(bundle.chart[0].archive[0].version, STR("1.2.3")));
    for (size_t i = 0; i < bundle.chart[0].file_count; i++)
        assert_false(str_eq(bundle.chart[0].file[i].path, STR("x.bak")));
    struct object *o = rendered(app, &count);
    assert_int_equal(count, 3);
    assert_non_null(strstr(canonical(&o[1]), "\"bytes\":\"//4B\""));
    assert_non_null(strstr(canonical(&o[2]), "\"color\":\"pink\""));
}

static void what_a_chart_of_this_repository_may_not_be_is_told(void **state)
{
    struct desired_plan link =
        COMPILE(OWN, {"charts/own/Chart.yaml", CHART_YAML}, {"charts/own/templates/a.yaml", NULL});
    struct desired_plan none = COMPILE(OWN, {"charts/own/values.yaml", "a: 1\n"});
    struct desired_plan path =
        COMPILE(OWN, {"charts/own/Chart.yaml", CHART_YAML
                      "dependencies:\n- {name: x, version: '1', repository: 'file://../x'}\n"});

    (void)state;
    assert_int_equal(link.error[0].code, HL_EDENIED);
    assert_int_equal(none.error[0].code, HL_EABSENT);
    assert_int_equal(path.app[0].status, DESIRED_UNSUPPORTED);
    assert_non_null(strstr(arena_cstr(arena, path.app[0].reason), "file://../x"));
}

static void a_chart_that_cannot_be_had_is_an_error_with_its_place(void **state)
{
    (void)state;
    resolve_code = HL_EABSENT;
    struct desired_plan plan = COMPILE(WEB, NOTHING);
    assert_int_equal(plan.error_count, 1);
    assert_int_equal(plan.app[0].status, DESIRED_ERROR);
    assert_true(str_eq(plan.error[0].file, STR(ROLE "addons.yaml")));
    assert_int_equal(plan.error[0].line, 5);
    assert_true(plan.is_incomplete); /* it may be published later */
}

static void a_name_that_helm_refuses_is_refused_at_once(void **state)
{
    struct desired_plan plan = COMPILE(WEB "  releaseName: Not_A_Name\n", NOTHING);

    (void)state;
    assert_int_equal(plan.error_count, 1);
    assert_int_equal(plan.error[0].line, 6);
    assert_non_null(strstr(arena_cstr(arena, plan.error[0].text), "invalid release name"));
}

static void hooks_of_a_chart_come_with_it_but_not_its_tests(void **state)
{
    archive = "@ Chart.yaml\n" CHART_YAML "@ crds/c.yaml\n"
              "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
              "metadata: {name: k}\nspec: {group: g, names: {kind: K}, scope: Cluster}\n"
              "@ templates/h.yaml\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: before\n"
              "  annotations: {helm.sh/hook: 'pre-install,pre-upgrade'}\n"
              "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: try\n"
              "  annotations: {helm.sh/hook: test}\n"
              "---\napiVersion: g/v1\nkind: K\nmetadata: {name: k, name: wide}\n";
    struct desired_plan with = COMPILE(WEB, NOTHING);
    struct desired_plan without = COMPILE(WEB "  helmSkipCrds: true\n", NOTHING);
    size_t count;

    (void)state;
    struct object *o = rendered(only_app(&with), &count);
    assert_int_equal(count, 4);
    assert_true(str_eq(o[1].kind, STR("CustomResourceDefinition")));
    assert_true(str_eq(o[2].hook, STR("pre-install,pre-upgrade")));
    assert_true(str_eq(o[3].id, STR("g/K//wide"))); /* its CRD says that it has no namespace */
    (void)rendered(only_app(&without), &count);
    assert_int_equal(count, 3);
}

static void faults_of_a_chart_have_helms_text(void **state)
{
    struct object *object;
    size_t count;
    struct err err;

    (void)state;
    archive = "@ Chart.yaml\n" CHART_YAML "@ templates/a.yaml\n\n{{ fail \"no\" }}\n";
    struct desired_plan plan = COMPILE(WEB, NOTHING);
    assert_int_equal(render(only_app(&plan), NULL, &object, &count, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "execution error at (web/templates/a.yaml:2:3): no"));
    assert_int_equal(err.line, 2);
    plan = COMPILE(WEB, {ROLE "web/values.yaml", "color: [\n"});
    assert_int_equal(render(only_app(&plan), NULL, &object, &count, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "failed to parse " ROLE "web/values.yaml"));
}

static void what_was_rendered_is_not_rendered_again(void **state)
{
    HL_CLEANUP(render_cache_freep) struct render_cache *cache = render_cache_new(1 << 20);
    struct desired_plan plan = COMPILE(WEB, NOTHING);
    struct desired_plan valued = COMPILE(WEB, {ROLE "web/values.yaml", "color: green\n"});
    struct object *one;
    struct object *two;
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(render(only_app(&plan), cache, &one, &count, &err), 0);
    assert_int_equal(asked_count, 1);
    assert_int_equal(render(only_app(&plan), cache, &two, &count, &err), 0);
    assert_int_equal(asked_count, 1);
    assert_int_equal(count, 2);
    assert_true(digest_eq(&one[1].digest, &two[1].digest));
    assert_int_equal(render(only_app(&valued), cache, &two, &count, &err), 0);
    assert_int_equal(asked_count, 2);
    assert_false(digest_eq(&one[1].digest, &two[1].digest));
    render_cache_clear(cache);
    assert_int_equal(render(only_app(&plan), cache, &two, &count, &err), 0);
    assert_int_equal(asked_count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chart_is_named_by_digest_and_rendered_from_its_archive),
        TEST(values_come_from_the_layers_in_order_and_from_the_entry_last),
        TEST(a_change_of_chart_or_values_is_new_work_and_nothing_else_is),
        TEST(the_folder_of_values_can_be_named),
        TEST(a_registry_needs_no_scheme_and_its_path_may_end_with_the_chart),
        TEST(additional_manifests_lie_beside_the_chart),
        TEST(a_second_chart_has_a_release_of_its_own),
        TEST(a_chart_of_this_repository_travels_in_the_bundle),
        TEST(what_a_chart_of_this_repository_may_not_be_is_told),
        TEST(a_chart_that_cannot_be_had_is_an_error_with_its_place),
        TEST(a_name_that_helm_refuses_is_refused_at_once),
        TEST(hooks_of_a_chart_come_with_it_but_not_its_tests),
        TEST(faults_of_a_chart_have_helms_text),
        TEST(what_was_rendered_is_not_rendered_again),
    };
    return cmocka_run_group_tests_name("core/desired: charts", tests, NULL, NULL);
}
