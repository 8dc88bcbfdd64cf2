/* Cluster records, selectors over their labels, and placeholders over all of a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/expand.h"
#include "core/desired/selector.h"
#include "core/value/yaml.h"

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

static struct registry read_records(const char *text)
{
    struct registry r = {0};
    struct err err;
    if (registry_add(&r, arena, str_from(text), STR("clusters.yaml"), &err) < 0)
        fail_msg("%s", err.text);
    return r;
}

static void assert_refused(const char *text, uint32_t line, const char *why)
{
    struct registry r = {0};
    struct err err;
    assert_true(registry_add(&r, arena, str_from(text), STR("c.yaml"), &err) < 0);
    assert_int_equal(r.count, 0);
    assert_int_equal(err.line, line);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void records_of_a_list_are_kept_by_name_and_count_as_clusters(void **state)
{
    struct registry r =
        read_records("- {name: b, server: https://b, labels: {enable_x: true, num: 3}}\n"
                     "- name: A.Ex_ample\n"
                     "  server: https://a\n"
                     "  annotations: {where: here}\n");
    (void)state;
    assert_int_equal(r.count, 2);
    assert_true(str_eq(r.cluster[0].name, STR("A.Ex_ample")));
    assert_true(str_eq(r.cluster[0].name_normalized, STR("a.ex-ample")));
    assert_true(str_eq(value_get_str(r.cluster[0].annotations, "where"), STR("here")));
    assert_true(str_eq(value_get_str(r.cluster[1].labels, "enable_x"), STR("true")));
    assert_true(str_eq(value_get_str(r.cluster[1].labels, "num"), STR("3")));
    assert_true(str_eq(value_get_str(r.cluster[1].labels, "argocd.argoproj.io/secret-type"),
                       STR("cluster")));
    assert_int_equal(r.cluster[0].where.line, 2);
    assert_non_null(registry_find(&r, STR("b")));
    assert_null(registry_find(&r, STR("c")));
}

static void a_cluster_secret_gives_name_and_server_and_keeps_its_config(void **state)
{
    struct registry r = read_records("apiVersion: v1\n"
                                     "kind: Secret\n"
                                     "metadata:\n"
                                     "  name: cluster-x\n"
                                     "  labels: {argocd.argoproj.io/secret-type: cluster, env: p}\n"
                                     "data:\n"
                                     "  name: eA==\n"
                                     "  server: aHR0cHM6Ly94\n"
                                     "  config: eyJiZWFyZXJUb2tlbiI6InNlY3JldCJ9\n"
                                     "---\n"
                                     "apiVersion: v1\n"
                                     "kind: Secret\n"
                                     "metadata:\n"
                                     "  labels: {argocd.argoproj.io/secret-type: cluster}\n"
                                     "data: {name: '!!'}\n"
                                     "stringData: {name: yy, server: https://y, config: secret}\n");
    (void)state;
    assert_int_equal(r.count, 2);
    assert_true(str_eq(r.cluster[0].name, STR("x")));
    assert_true(str_eq(r.cluster[0].server, STR("https://x")));
    assert_true(str_eq(value_get_str(r.cluster[0].labels, "env"), STR("p")));
    assert_true(str_eq(r.cluster[1].server, STR("https://y")));
    assert_null(value_get(r.cluster[0].annotations, STR("config")));
}

static void records_that_are_none_are_refused_with_their_place(void **state)
{
    (void)state;
    assert_refused("- {name: a}\n", 1, "no server");
    assert_refused("- {server: https://a}\n", 1, "without a name");
    assert_refused("- name: a\n  server: https://a\n  label: {}\n", 3, "not \"label\"");
    assert_refused("- name: a\n  server: https://a\n  labels: [x]\n", 3, "must be a map");
    assert_refused("- name: a\n  server: https://a\n  labels: {x: [1]}\n", 3, "labels.x");
    assert_refused("- name: 12\n  server: https://a\n", 1, "must be a string");
    assert_refused("- name: '...'\n  server: https://a\n", 1, "neither a letter");
    assert_refused("\"text\"\n", 1, "must be a map");
    assert_refused("apiVersion: v1\nkind: Secret\nstringData: {name: a, server: b}\n", 1, "label");
    assert_refused("apiVersion: v1\nkind: Secret\n"
                   "metadata: {labels: {argocd.argoproj.io/secret-type: cluster}}\n"
                   "data: {name: 'a', server: eA==}\n",
                   4, "base64");
    assert_refused("- name: a\n  name: b\n", 2, "duplicate key");
}

static void a_name_given_twice_is_an_error_that_names_both_places(void **state)
{
    struct registry r = read_records("- {name: a, server: https://a}\n");
    struct err err;

    (void)state;
    assert_int_equal(registry_add(&r, arena,
                                  STR("\n- {name: z, server: s}\n- {name: a, server: s}\n"),
                                  STR("more.yaml"), &err),
                     HL_EINVAL);
    assert_string_equal(err.file, "more.yaml");
    assert_int_equal(err.line, 3);
    assert_non_null(strstr(err.text, "clusters.yaml:1:3"));
    assert_int_equal(r.count, 1);
}

static void names_are_normalised_as_argo_cd_does(void **state)
{
    char longer[300];

    (void)state;
    memset(longer, 'x', sizeof(longer));
    assert_true(str_eq(cluster_name_normalized(arena, STR("vcluster-media.example.net")),
                       STR("vcluster-media.example.net")));
    assert_true(str_eq(cluster_name_normalized(arena, STR("-My Cluster_1.")), STR("my-cluster-1")));
    assert_true(str_eq(cluster_name_normalized(arena, STR("a\xc3\xa4z")), STR("a-z")));
    assert_int_equal(cluster_name_normalized(arena, (struct str){longer, sizeof(longer)}).len, 253);
}

static bool selects(const char *selector, const char *labels)
{
    struct selector s = {0};
    struct value *tree;
    struct value *map;
    struct err err;

    assert_int_equal(yaml_read(arena, str_from(selector), STR("s"), &tree, &err), 0);
    assert_int_equal(yaml_read(arena, str_from(labels), STR("l"), &map, &err), 0);
    if (selector_add(&s, arena, tree, &err) < 0)
        fail_msg("%s", err.text);
    return selector_matches(&s, map);
}

static void the_four_operators_mean_what_they_mean_in_kubernetes(void **state)
{
    (void)state;
    assert_true(selects("matchExpressions: [{key: a, operator: In, values: [x, z]}]", "{a: z}"));
    assert_false(selects("matchExpressions: [{key: a, operator: In, values: [x]}]", "{b: x}"));
    assert_false(selects("matchExpressions: [{key: a, operator: NotIn, values: [x]}]", "{a: x}"));
    assert_true(selects("matchExpressions: [{key: a, operator: NotIn, values: [x]}]", "{b: x}"));
    assert_true(selects("matchExpressions: [{key: a, operator: Exists}]", "{a: x}"));
    assert_false(selects("matchExpressions: [{key: a, operator: Exists}]", "{b: x}"));
    assert_true(selects("matchExpressions: [{key: a, operator: DoesNotExist}]", "{b: x}"));
    assert_false(selects("matchExpressions: [{key: a, operator: DoesNotExist}]", "{a: x}"));
}

static void every_term_must_hold_also_for_the_same_key(void **state)
{
    const char *both = "matchLabels: {c: 'true'}\n"
                       "matchExpressions:\n"
                       "- {key: a, operator: In, values: [x, z]}\n"
                       "- {key: a, operator: NotIn, values: [z]}\n";
    (void)state;
    assert_true(selects(both, "{a: x, c: 'true'}"));
    assert_false(selects(both, "{a: z, c: 'true'}"));
    assert_false(selects(both, "{a: x}"));
    assert_true(selects("{}", "{}"));
    assert_true(selects("matchLabels: {c: true}", "{c: 'true'}"));
}

static void selector_mistakes_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        {"matchExpressions: [{key: a, operator: Is, values: [x]}]", "\"Is\" is none of"},
        {"matchExpressions: [{key: a, operator: In}]", "need values"},
        {"matchExpressions: [{key: a, operator: Exists, values: [x]}]", "take no values"},
        {"matchExpressions: [{operator: Exists}]", "needs a key"},
        {"matchExpressions: [{key: a, op: In}]", "not \"op\""},
        {"matchExpressions: {a: b}", "must be a list"},
        {"matchLabel: {a: b}", "not \"matchLabel\""},
        {"matchLabels: {a: [b]}", "must be a string"},
        {"matchLabels: x", "must be a map"},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        struct selector s = {0};
        struct value *tree;
        assert_int_equal(yaml_read(arena, str_from(bad[i].text), STR("s"), &tree, &err), 0);
        assert_int_equal(selector_add(&s, arena, tree, &err), HL_EINVAL);
        assert_int_equal(err.line, 1);
        if (!strstr(err.text, bad[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].why);
    }
}

static void a_selector_of_too_many_terms_is_refused(void **state)
{
    struct value *map = value_map(arena);
    struct selector s = {0};
    struct err err;

    (void)state;
    for (int i = 0; i <= SELECTOR_TERMS_MAX; i++)
        (void)value_map_set(arena, map, arena_printf(arena, "k%d", i),
                            value_string(arena, STR("v")));
    assert_int_equal(selector_add_labels(&s, arena, map, &err), HL_ELIMIT);
}

static const char RECORD[] = "- name: the.cluster\n"
                             "  server: https://c:443\n"
                             "  labels: {env: prod, 'x.io/y': dotted}\n"
                             "  annotations: {ns: apps}\n";

static int expanded(const char *text, struct str *out, struct err *err)
{
    struct registry r = read_records(RECORD);
    struct value *values = value_map(arena);
    value_map_set_str(arena, values, "v", STR("1.10"));
    return expand_text(arena, str_from(text), &r.cluster[0], values, out, err);
}

static void placeholders_of_both_dialects_look_things_up(void **state)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"{{.name}}", "the.cluster"},
        {"{{ .nameNormalized }}-x", "the.cluster-x"},
        {"{{.server}}", "https://c:443"},
        {"{{.metadata.labels.env}}/{{ .metadata.annotations.ns }}", "prod/apps"},
        {"{{index .metadata.labels \"x.io/y\"}}", "dotted"},
        {"{{ index .metadata.annotations `ns` }}", "apps"},
        {"{{.values.v}}", "1.10"},
        {"{{name}} {{metadata.labels.x.io/y}} {{ values.v }}", "the.cluster dotted 1.10"},
        {"}} is text", "}} is text"},
    };
    struct str out;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        if (expanded(cases[i][0], &out, &err) < 0)
            fail_msg("%s: %s", cases[i][0], err.text);
        assert_string_equal(arena_cstr(arena, out), cases[i][1]);
    }
}

static void a_lookup_that_finds_nothing_is_an_error(void **state)
{
    struct str out;
    struct err err;

    (void)state;
    assert_int_equal(expanded("{{.metadata.labels.nope}}", &out, &err), HL_EABSENT);
    assert_string_equal(err.text, "cluster \"the.cluster\" has no metadata.labels.nope");
    assert_int_equal(expanded("{{.values.nope}}", &out, &err), HL_EABSENT);
    assert_int_equal(expanded("{{.name", &out, &err), HL_EINVAL);
}

static void other_expressions_are_unsupported_and_named(void **state)
{
    static const char *const cases[] = {
        "{{default \"x\" .name}}",
        "{{ .name | upper }}",
        "{{if .name}}x{{end}}",
        "{{.Name}}",
        "{{}}",
        "{{ printf \"%s\" .name }}",
        "{{- .name -}}",
        "{{index .metadata.labels .name}}",
        "{{.metadata..labels}}",
    };
    struct str out;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++)
        assert_int_equal(expanded(cases[i], &out, &err), HL_EUNSUPPORTED);
    assert_int_equal(expanded("a {{ .name | upper }}", &out, &err), HL_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "{{ .name | upper }}"));
}

static void whole_trees_are_expanded_with_places_kept(void **state)
{
    struct registry r = read_records(RECORD);
    struct value *tree;
    struct value *out;
    struct err err;

    (void)state;
    assert_int_equal(yaml_read(arena, STR("a: ['{{.name}}', 3]\n'{{.server}}': x\n"), STR("t.yaml"),
                               &tree, &err),
                     0);
    assert_int_equal(expand_value(arena, tree, &r.cluster[0], NULL, &out, &err), 0);
    assert_true(str_eq(value_get_str(out, "https://c:443"), STR("x")));
    struct value *list = value_get(out, STR("a"));
    assert_true(str_eq(value_str(list->list.item[0]), STR("the.cluster")));
    assert_int_equal(list->list.item[1]->integer, 3);
    assert_int_equal(list->list.item[0]->column, 5);

    assert_int_equal(yaml_read(arena, STR("a:\n- '{{.values.q}}'\n"), STR("t.yaml"), &tree, &err),
                     0);
    assert_int_equal(expand_value(arena, tree, &r.cluster[0], NULL, &out, &err), HL_EABSENT);
    assert_int_equal(err.line, 2);
    assert_string_equal(err.file, "t.yaml");
}

static void a_result_that_grows_beyond_its_bound_is_refused(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct str out;
    struct err err;

    (void)state;
    for (int i = 0; i < EXPAND_BYTES_MAX / 11 + 1; i++)
        buf_add_cstr(&text, "{{.name}}");
    buf_add_byte(&text, '\0');
    assert_int_equal(expanded(text.ptr, &out, &err), HL_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_a_list_are_kept_by_name_and_count_as_clusters),
        cmocka_unit_test(a_cluster_secret_gives_name_and_server_and_keeps_its_config),
        cmocka_unit_test(records_that_are_none_are_refused_with_their_place),
        cmocka_unit_test(a_name_given_twice_is_an_error_that_names_both_places),
        cmocka_unit_test(names_are_normalised_as_argo_cd_does),
        cmocka_unit_test(the_four_operators_mean_what_they_mean_in_kubernetes),
        cmocka_unit_test(every_term_must_hold_also_for_the_same_key),
        cmocka_unit_test(selector_mistakes_are_refused_with_their_line),
        cmocka_unit_test(a_selector_of_too_many_terms_is_refused),
        cmocka_unit_test(placeholders_of_both_dialects_look_things_up),
        cmocka_unit_test(a_lookup_that_finds_nothing_is_an_error),
        cmocka_unit_test(other_expressions_are_unsupported_and_named),
        cmocka_unit_test(whole_trees_are_expanded_with_places_kept),
        cmocka_unit_test(a_result_that_grows_beyond_its_bound_is_refused),
    };
    return cmocka_run_group_tests_name("core/desired/registry", tests, setup, teardown);
}
