/* Charts from files to objects: loading and its refusals, values over values, schemas, versions of
 * Kubernetes, notes, hooks and CRDs, limits. What Helm prints is held by tests/conformance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/chart/lint.h"
#include "core/value/yaml.h"

#define METADATA "apiVersion: v2\nname: web\nversion: 1.0.0\n"
#define FILES(...)                                                                                 \
    (const struct chart_file[])                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define FILE_OF(name, text)                                                                        \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }

static struct arena *a;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct chart *load(const struct chart_file *file, size_t count)
{
    struct chart *c = NULL;
    struct err err;

    if (chart_load(a, file, count, NULL, NULL, &c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

static void refuses(const struct chart_file *file, size_t count, const char *why)
{
    struct chart *c = NULL;
    struct err err;

    assert_int_equal(chart_load(a, file, count, NULL, NULL, &c, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, why));
    assert_null(c);
}

static struct datum_map *values(const char *yaml)
{
    struct datum_map *m = NULL;
    struct err err;

    if (values_read(a, str_from(yaml), STR("mine.yaml"), &m, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static int render(const struct chart *c, const char *yaml, struct release *out,
                  struct template_fault *fault)
{
    const struct template_world world = {.now_s = 0};
    const struct release_request request = {
        .chart = c,
        .values = values(yaml),
        .release = {.name = STR("r"), .namespace = STR("ns"), .revision = 1},
        .capabilities = &chart_capabilities_offline,
        .world = &world,
        .limits = &template_limits_default};

    return release_render(a, &request, out, fault);
}

static struct str text_of(const struct chart *c, const char *yaml, unsigned parts)
{
    struct buf text = {0};
    struct template_fault fault;
    struct release r;

    if (render(c, yaml, &r, &fault) < 0)
        fail_msg(STR_FMT, STR_ARG(fault.text));
    release_write(&text, &r, parts);
    struct str s = arena_dup(a, buf_str(&text));
    buf_deinit(&text);
    return s;
}

static void a_chart_is_what_its_files_say(void **state)
{
    const struct chart_file *file = FILES(
        FILE_OF("Chart.yaml", METADATA "keywords: [a, b]\n"), FILE_OF("values.yaml", "x: 1\n"),
        FILE_OF("templates/a.yaml", "kind: A\n"), FILE_OF("README.md", "read"),
        FILE_OF("charts/sub/Chart.yaml", "name: sub\nversion: 2.0.0\n"),
        FILE_OF("charts/sub/templates/b.yaml", "kind: B\n"));
    const struct chart *c = load(file, 6);

    (void)state;
    assert_int_equal(c->metadata.keyword_count, 2);
    assert_int_equal(c->template_count, 1);
    assert_int_equal(c->file_count, 1);
    assert_int_equal(c->subchart_count, 1);
    assert_ptr_equal(c->subchart[0]->parent, c);
    assert_true(str_eq(chart_path(a, c->subchart[0]), STR("web/charts/sub")));
}

static void what_is_no_chart_is_refused(void **state)
{
    (void)state;
    refuses(FILES(FILE_OF("values.yaml", "x: 1\n")), 1, "Chart.yaml file is missing");
    refuses(FILES(FILE_OF("Chart.yaml", "version: 1.0.0\n")), 1, "chart.metadata.name is required");
    refuses(FILES(FILE_OF("Chart.yaml", "name: x\nversion: one\n")), 1,
            "chart.metadata.version \"one\" is invalid");
    refuses(FILES(FILE_OF("Chart.yaml", METADATA), FILE_OF("values.yaml", "- x\n")), 2,
            "cannot unmarshal array into Go value of type map[string]interface {}");
}

static void a_render_leaves_the_chart_as_it_was(void **state)
{
    const struct chart_file *file =
        FILES(FILE_OF("Chart.yaml",
                      METADATA "dependencies:\n- name: sub\n  version: '*'\n  alias: other\n"
                               "  condition: other.enabled\n"),
              FILE_OF("values.yaml", "other: {enabled: true}\nlist: [1]\n"),
              FILE_OF("templates/a.yaml", "{{ $_ := set .Values \"list\" 2 }}kind: A\n"),
              FILE_OF("charts/sub/Chart.yaml", "name: sub\nversion: 2.0.0\n"),
              FILE_OF("charts/sub/templates/b.yaml", "kind: B\nname: {{ .Chart.Name }}\n"));
    const struct chart *c = load(file, 5);
    struct str first = text_of(c, "", 0);

    (void)state;
    assert_non_null(strstr(first.ptr, "# Source: web/charts/other/templates/b.yaml"));
    assert_true(str_eq(text_of(c, "", 0), first));
    assert_null(strstr(text_of(c, "other: {enabled: false}\n", 0).ptr, "kind: B"));
    assert_true(str_eq(text_of(c, "", 0), first));
}

static void parts_are_printed_as_asked(void **state)
{
    const struct chart_file *file =
        FILES(FILE_OF("Chart.yaml", METADATA), FILE_OF("crds/c.yaml", "kind: C\n"),
              FILE_OF("templates/NOTES.txt", "Hello {{ .Release.Name }}\n"),
              FILE_OF("templates/a.yaml", "kind: A\n---\nkind: B\nmetadata:\n  annotations:\n    "
                                          "helm.sh/hook: pre-install\n---\nkind: T\nmetadata:\n  "
                                          "annotations:\n    helm.sh/hook: test\n"));
    const struct chart *c = load(file, 4);
    struct template_fault fault;
    struct release r;

    (void)state;
    assert_true(str_eq(text_of(c, "", 0), STR("---\n# Source: web/templates/a.yaml\nkind: A\n")));
    struct str hooks = text_of(c, "", RELEASE_HOOKS);
    assert_true(strstr(hooks.ptr, "kind: B") && !strstr(hooks.ptr, "kind: T"));
    assert_non_null(strstr(text_of(c, "", RELEASE_HOOKS | RELEASE_TESTS).ptr, "kind: T"));
    assert_true(str_starts(text_of(c, "", RELEASE_CRDS), STR("---\n# Source: web/crds/c.yaml\n")));
    assert_int_equal(render(c, "", &r, &fault), 0);
    assert_true(str_eq(r.notes, STR("Hello r\n")));
}

static void values_are_held_against_every_schema(void **state)
{
    const struct chart_file *file =
        FILES(FILE_OF("Chart.yaml", METADATA),
              FILE_OF("values.schema.json", "{\"properties\": {\"x\": {\"type\": \"string\"}}}"),
              FILE_OF("charts/sub/Chart.yaml", "name: sub\nversion: 2.0.0\n"),
              FILE_OF("charts/sub/values.schema.json", "{\"required\": [\"k\"]}"));
    const struct chart *c = load(file, 4);
    struct template_fault fault;
    struct release r;

    (void)state;
    assert_int_equal(render(c, "x: a\nsub: {k: 1}\n", &r, &fault), 0);
    assert_int_equal(render(c, "x: 1\n", &r, &fault), HL_EINVAL);
    assert_true(str_eq(fault.text,
                       STR("values don't meet the specifications of the schema(s) in the following "
                           "chart(s):\nweb:\n- at '/x': got number, want string\nsub:\n- at '': "
                           "missing property 'k'\n")));
}

static void an_object_that_is_no_yaml_is_named_with_its_file(void **state)
{
    const struct chart *c = load(
        FILES(FILE_OF("Chart.yaml", METADATA), FILE_OF("templates/a.yaml", "kind: A\nb: c: d\n")),
        2);
    struct template_fault fault;
    struct release r;

    (void)state;
    assert_int_equal(render(c, "", &r, &fault), HL_EINVAL);
    assert_true(str_eq(fault.text,
                       STR("YAML parse error on web/templates/a.yaml: error converting YAML to "
                           "JSON: yaml: line 2: mapping values are not allowed in this context")));
}

static void versions_of_kubernetes_are_checked(void **state)
{
    const struct chart *old =
        load(FILES(FILE_OF("Chart.yaml", METADATA "kubeVersion: '< 1.30'\n")), 1);
    const struct chart *new =
        load(FILES(FILE_OF("Chart.yaml", METADATA "kubeVersion: '>=1.30-0'\n")), 1);
    struct template_fault fault;
    struct release r;

    (void)state;
    assert_int_equal(render(new, "", &r, &fault), 0);
    assert_int_equal(render(old, "", &r, &fault), HL_EINVAL);
    assert_true(str_eq(fault.text, STR("chart requires kubeVersion: < 1.30 which is incompatible "
                                       "with Kubernetes v1.36.0")));
}

static void names_of_releases_are_those_of_dns(void **state)
{
    static const char *const good[] = {"a", "a-b.c-1", "1"};
    static const char *const bad[] = {
        "",   "A",    "a_b",
        "-a", "a-",   "a..b",
        ".a", "a.-b", "a12345678901234567890123456789012345678901234567890123"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(good); i++)
        assert_int_equal(release_name_check(str_from(good[i]), &err), 0);
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        assert_int_equal(release_name_check(str_from(bad[i]), &err), HL_EINVAL);
}

static void reads_of_values_are_recorded(void **state)
{
    const struct chart_file *file =
        FILES(FILE_OF("Chart.yaml", METADATA),
              FILE_OF("templates/a.yaml", "kind: A\nx: {{ .Values.x.p }}\nz: {{ toJson .Values.z "
                                          "}}\n"));
    struct template_fault fault;
    struct release r;

    (void)state;
    assert_int_equal(render(load(file, 2), "x: {p: 1, q: 2}\nz: {k: 1}\nq: 3\n", &r, &fault), 0);
    const struct datum_entry *x = datum_map_find(r.values, STR("x"));
    assert_true(datum_map_find(x->value.map, STR("p"))->is_read);
    assert_false(datum_map_find(x->value.map, STR("q"))->is_read);
    assert_true(datum_map_find(r.values, STR("z"))->value.map->is_all_read);
    assert_false(datum_map_find(r.values, STR("q"))->is_read);
    assert_int_equal(datum_map_find(r.values, STR("q"))->origin->line, 3);
}

static void lint_says_what_helm_would(void **state)
{
    const struct template_world world = {.now_s = 0};
    struct lint_messages messages = {0};
    const struct chart *c =
        load(FILES(FILE_OF("Chart.yaml", METADATA), FILE_OF("templates/a.md", ""),
                   FILE_OF("templates/b.yaml", "kind: A\nmetadata:\n  name: Not_Good\n")),
             3);
    const struct release_request request = {
        .chart = c,
        .values = datum_map_new(a),
        .release = {.name = STR("r"), .namespace = STR("ns"), .revision = 1},
        .capabilities = &chart_capabilities_offline,
        .world = &world,
        .limits = &template_limits_default};

    (void)state;
    lint_chart(a, &request, &messages);
    assert_int_equal(messages.count, 4);
    assert_true(str_eq(messages.item[0].text, STR("icon is recommended")));
    assert_true(str_eq(messages.item[1].path, STR("values.yaml")));
    assert_int_equal(messages.item[2].severity, LINT_ERROR);
    assert_true(str_starts(messages.item[2].text, STR("file extension '.md' not valid")));
    assert_int_equal(messages.item[3].severity, LINT_WARNING);
    assert_true(str_ends(messages.item[3].text, STR("naming requirements: \"Not_Good\"")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chart_is_what_its_files_say),
        TEST(what_is_no_chart_is_refused),
        TEST(a_render_leaves_the_chart_as_it_was),
        TEST(parts_are_printed_as_asked),
        TEST(values_are_held_against_every_schema),
        TEST(an_object_that_is_no_yaml_is_named_with_its_file),
        TEST(versions_of_kubernetes_are_checked),
        TEST(names_of_releases_are_those_of_dns),
        TEST(reads_of_values_are_recorded),
        TEST(lint_says_what_helm_would),
    };
    return cmocka_run_group_tests_name("core/chart release", tests, NULL, NULL);
}
