/* Manifests, sync options, bundles, and the objects they render to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/desired/manifest.h"
#include "core/desired/objects.h"
#include "core/value/yaml.h"
#include "support/corpus.h"

#include "fuzz/fuzz_bundle.c"

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

/* --- manifests --- */

static int read_manifest(const char *path, const char *text, size_t *count, struct err *err)
{
    struct value **document;
    return manifest_read(arena, str_from(path), str_from(text), &document, count, NULL, err);
}

static void streams_and_lists_give_their_objects_and_empty_documents_none(void **state)
{
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(
        read_manifest("a.yaml",
                      "# nothing\n---\napiVersion: v1\nkind: A\n---\n---\n"
                      "apiVersion: v1\nkind: List\nitems:\n"
                      "- {apiVersion: v1, kind: B}\n"
                      "- {apiVersion: v1, kind: CList, items: [{apiVersion: v1, kind: C}]}\n",
                      &count, &err),
        MANIFEST_OBJECTS);
    assert_int_equal(count, 3);
    assert_int_equal(read_manifest("a.yaml", "", &count, &err), MANIFEST_OBJECTS);
    assert_int_equal(count, 0);
    assert_int_equal(
        read_manifest("a.json", "{\"apiVersion\": \"v1\", \"kind\": \"A\"}", &count, &err),
        MANIFEST_OBJECTS);
    assert_int_equal(count, 1);
}

static void a_values_file_among_manifests_is_ignored(void **state)
{
    size_t count;
    (void)state;
    assert_int_equal(read_manifest("values.yaml", "replicas: 3\n", &count, NULL), MANIFEST_IGNORED);
    assert_int_equal(read_manifest("values.yaml", "- a\n- b\n", &count, NULL), MANIFEST_IGNORED);
}

static void what_was_meant_as_a_manifest_and_is_none_is_an_error(void **state)
{
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(read_manifest("a.yaml", "# apiVersion: kind: metadata:\nx: 1\n", &count, &err),
                     HL_EINVAL);
    assert_int_equal(read_manifest("a.yaml", "apiVersion: v1\nkind: A\n---\nx: 1\n", &count, &err),
                     HL_EINVAL);
    assert_int_equal(err.line, 4);
    assert_int_equal(read_manifest("a.yaml", "kind: A\n", &count, &err), HL_EINVAL);
    assert_non_null(strstr(err.text, "without an apiVersion"));
    assert_int_equal(read_manifest("a.json", "{\"x\": 1}", &count, &err), HL_EINVAL);
    assert_int_equal(read_manifest("a.json", "[]", &count, &err), HL_EINVAL);
}

static void a_broken_file_is_an_error_even_if_nothing_looks_like_a_manifest(void **state)
{
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(read_manifest("a.yaml", "x: [1\ny: 2\n", &count, &err), HL_EINVAL);
    assert_string_equal(err.file, "a.yaml");
    assert_true(err.line > 0);
    assert_int_equal(read_manifest("a.yaml", "a: 1\na: 2\n", &count, &err), HL_EINVAL);
    assert_int_equal(err.line, 2);
}

static void a_key_repeated_with_the_same_value_is_taken_once_and_its_place_told(void **state)
{
    struct value **document;
    struct value_pos twin;
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(manifest_read(arena, STR("a.yaml"),
                                   STR("apiVersion: v1\nkind: A\nspec:\n  x: {y: 1}\n  z: 2\n"
                                       "  x: {y: 1}\n"),
                                   &document, &count, &twin, &err),
                     MANIFEST_OBJECTS);
    assert_int_equal(twin.line, 6);
    assert_int_equal(twin.column, 3);
    assert_int_equal(value_get(document[0], STR("spec"))->map.count, 2);
}

static void file_names_decide_what_is_a_candidate(void **state)
{
    (void)state;
    assert_int_equal(manifest_format_of(STR("a.yaml")), MANIFEST_YAML);
    assert_int_equal(manifest_format_of(STR("a.yml")), MANIFEST_YAML);
    assert_int_equal(manifest_format_of(STR("a.json")), MANIFEST_JSON);
    assert_int_equal(manifest_format_of(STR("a.jsonnet")), MANIFEST_JSONNET);
    assert_int_equal(manifest_format_of(STR("a.yaml.example")), MANIFEST_NONE);
    assert_int_equal(manifest_format_of(STR("README.md")), MANIFEST_NONE);
}

/* --- sync options --- */

static int read_sync(const char *text, struct sync_options *out, const struct value **unknown,
                     struct err *err)
{
    struct value *tree;
    assert_int_equal(yaml_read(arena, str_from(text), STR("p.yaml"), &tree, err), 0);
    return sync_options_read(out, tree, NULL, unknown, err);
}

static void a_sync_policy_is_read_and_survives_the_bundle(void **state)
{
    const struct value *unknown = NULL;
    struct sync_options s;
    struct sync_options back;
    struct err err;

    (void)state;
    assert_int_equal(read_sync("automated: {prune: true, selfHeal: true}\n"
                               "syncOptions: [CreateNamespace=true, ' Replace = true',"
                               " PrunePropagationPolicy=background, New=1]\n"
                               "retry: {limit: -1, backoff: {duration: 1m30s, factor: 3,"
                               " maxDuration: 10}}\n"
                               "managedNamespaceMetadata: {labels: {a: b}}\n",
                               &s, &unknown, &err),
                     0);
    assert_true(s.automated && s.prune && s.self_heal && s.create_namespace && s.replace);
    assert_false(s.allow_empty || s.server_side_apply);
    assert_int_equal(s.retry_limit, -1);
    assert_int_equal(s.retry_base_ms, 90000);
    assert_int_equal(s.retry_max_ms, 10000);
    assert_true(str_eq(value_str(unknown), STR("New=1")));

    assert_int_equal(sync_options_open(&back, sync_options_value(arena, &s), &err), 0);
    assert_true(value_eq(sync_options_value(arena, &s), sync_options_value(arena, &back)));
    assert_true(back.create_namespace && back.replace && back.validate);
    assert_true(str_eq(value_get_str(back.namespace_labels, "a"), STR("b")));
}

static void a_policy_without_automated_waits_for_a_person(void **state)
{
    struct sync_options s;
    struct err err;

    (void)state;
    assert_int_equal(read_sync("syncOptions: [ServerSideApply=true]\n", &s, NULL, &err), 0);
    assert_false(s.automated);
    assert_int_equal(s.retry_limit, 5);
    assert_int_equal(read_sync("automated: {enabled: false}\n", &s, NULL, &err), 0);
    assert_false(s.automated);
}

static void sync_policy_mistakes_are_refused(void **state)
{
    static const char *const bad[] = {
        "automated: {prune: 'yes'}",
        "syncOptions: [CreateNamespace=yes]",
        "syncOptions: {a: b}",
        "retry: {limit: many}",
        "retry: {backoff: {duration: 5 parsecs}}",
        "retry: {backoff: {duration: 900h}}",
        "retry: {backoff: {factor: 0}}",
        "automated: true",
        "managedNamespaceMetadata: {labels: {a: 1}}",
        "retry: {backoff: {duration: ''}}",
    };
    struct sync_options s;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        if (read_sync(bad[i], &s, NULL, &err) != HL_EINVAL)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.line, 1);
    }
}

/* --- bundles and objects --- */

static struct bundle one_file(const char *text)
{
    struct bundle_file *file = arena_one(arena, struct bundle_file);
    *file = (struct bundle_file){STR("f/a.yaml"), str_from(text)};
    return (struct bundle){.app = STR("app"),
                           .cluster = STR("home"),
                           .server = STR("https://home"),
                           .namespace = STR("apps"),
                           .sync = sync_defaults(),
                           .file = file,
                           .file_count = 1};
}

static void a_bundle_survives_the_journey_and_equal_bundles_have_equal_bytes(void **state)
{
    struct bundle_file file[] = {{STR("b.yaml"), STR("x: \"\n\"")},
                                 {STR("a.yaml"), STR("\xc3\xa4")}};
    struct bundle_file other[] = {file[1], file[0]};
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    HL_CLEANUP(buf_deinit) struct buf again = {0};
    struct bundle b = one_file("");
    struct bundle back;
    struct err err;

    (void)state;
    b.file = file;
    b.file_count = 2;
    b.sync.prune = true;
    assert_int_equal(bundle_write(&bytes, arena, &b, &err), 0);
    b.file = other;
    assert_int_equal(bundle_write(&again, arena, &b, &err), 0);
    assert_true(str_eq(buf_str(&bytes), buf_str(&again)));

    assert_int_equal(bundle_open(arena, buf_str(&bytes), &back, &err), 0);
    assert_true(str_eq(back.app, STR("app")) && str_eq(back.namespace, STR("apps")));
    assert_true(str_eq(back.server, STR("https://home")));
    assert_int_equal(back.file_count, 2);
    assert_true(str_eq(back.file[0].path, STR("a.yaml")));
    assert_true(str_eq(back.file[1].text, file[0].text));
    assert_true(back.sync.prune && !back.sync.self_heal);
}

static void bytes_that_are_no_bundle_are_refused(void **state)
{
    struct bundle back;
    struct err err;

    (void)state;
    assert_int_equal(bundle_open(arena, STR(""), &back, &err), HL_ECORRUPT);
    assert_int_equal(bundle_open(arena, STR("[]"), &back, &err), HL_ECORRUPT);
    assert_int_equal(bundle_open(arena, STR("{\"format\":3}"), &back, &err), HL_EUNSUPPORTED);
    assert_int_equal(bundle_open(arena, STR("{\"format\":2}"), &back, &err), HL_ECORRUPT);
    assert_int_equal(bundle_open(arena,
                                 STR("{\"format\":2,\"app\":\"a\",\"cluster\":\"c\","
                                     "\"sync\":{},\"files\":[{\"path\":\"x\"}]}"),
                                 &back, &err),
                     HL_ECORRUPT);
    assert_non_null(strstr(err.text, "file 1"));
}

static struct object *rendered(const struct bundle *b, size_t *count)
{
    struct object *object = NULL;
    struct err err;
    if (objects_render(arena, b, NULL, &object, count, &err) < 0)
        fail_msg("%s", err.text);
    return object;
}

static const struct object *find(const struct object *object, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(object[i].id, str_from(id)))
            return &object[i];
    fail_msg("no object %s", id);
    return NULL;
}

static void namespaces_follow_the_scope_of_the_kind(void **state)
{
    struct bundle b =
        one_file("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n"
                 "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: other}}\n---\n"
                 "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "
                 "r, namespace: x}}\n---\n"
                 "{apiVersion: x.io/v1, kind: Wide, metadata: {name: w}}\n---\n"
                 "{apiVersion: x.io/v1, kind: Narrow, metadata: {name: nn}}\n---\n"
                 "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: "
                 "{name: ws.x.io},"
                 " spec: {group: x.io, scope: Cluster, names: {kind: Wide}}}\n");
    size_t count;
    struct object *o = rendered(&b, &count);

    (void)state;
    assert_int_equal(count, 6);
    const struct object *a = find(o, count, "/ConfigMap/apps/a");
    assert_string_equal(arena_cstr(arena, a->canonical),
                        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
                        "{\"name\":\"a\",\"namespace\":\"apps\"}}");
    (void)find(o, count, "/ConfigMap/other/a");
    (void)find(o, count, "x.io/Wide//w");
    (void)find(o, count, "x.io/Narrow/apps/nn");
    const struct object *r = find(o, count, "rbac.authorization.k8s.io/ClusterRole//r");
    assert_null(value_path(r->tree, "metadata", "namespace", NULL));
    assert_true(str_eq(r->path, STR("clusters/home/_cluster/clusterrole-r.yaml")));
    assert_true(str_eq(a->path, STR("clusters/home/apps/configmap-a.yaml")));
}

static void objects_come_in_the_order_of_waves_then_kinds(void **state)
{
    struct bundle b = one_file("{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}\n---\n"
                               "{apiVersion: x.io/v1, kind: Custom, metadata: {name: c}}\n---\n"
                               "{apiVersion: v1, kind: Service, metadata: {name: s}}\n---\n"
                               "{apiVersion: v1, kind: Namespace, metadata: {name: ns}}\n---\n"
                               "{apiVersion: apiextensions.k8s.io/v1, kind: "
                               "CustomResourceDefinition, metadata: {name: k}}\n---\n"
                               "{apiVersion: v1, kind: Secret, metadata: {name: last, annotations: "
                               "{argocd.argoproj.io/sync-wave: '2'}}}\n---\n"
                               "{apiVersion: v1, kind: Pod, metadata: {name: first, annotations: "
                               "{argocd.argoproj.io/sync-wave: '-1'}}}\n");
    static const char *const expected[] = {"first", "ns", "k", "s", "d", "c", "last"};
    size_t count;
    struct object *o = rendered(&b, &count);

    (void)state;
    assert_int_equal(count, HL_COUNT(expected));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(arena_cstr(arena, o[i].name), expected[i]);
    assert_int_equal(o[0].wave, -1);
}

static void create_namespace_adds_one_that_is_never_pruned(void **state)
{
    struct bundle b = one_file("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n");
    size_t count;

    (void)state;
    b.sync.create_namespace = true;
    b.sync.namespace_labels = value_map(arena);
    value_map_set_str(arena, (struct value *)b.sync.namespace_labels, "l", STR("v"));
    struct object *o = rendered(&b, &count);
    assert_int_equal(count, 2);
    assert_true(str_eq(o[0].id, STR("/Namespace//apps")));
    assert_true(o[0].implied && !o[0].prune);
    assert_true(
        str_eq(value_get_str(value_path(o[0].tree, "metadata", "labels", NULL), "l"), STR("v")));
    assert_true(!o[1].implied && o[1].prune);

    b = one_file("{apiVersion: v1, kind: Namespace, metadata: {name: apps}}\n");
    b.sync.create_namespace = true;
    o = rendered(&b, &count);
    assert_int_equal(count, 1);
    assert_false(o[0].implied);

    b = one_file("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n");
    b.sync.create_namespace = true;
    b.namespace = STR("default");
    (void)rendered(&b, &count);
    assert_int_equal(count, 1);
}

static void annotations_of_an_object_are_honoured(void **state)
{
    struct bundle b =
        one_file("apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\n  annotations:\n"
                 "    argocd.argoproj.io/sync-options: Force=true,Replace=true, Prune=false\n"
                 "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, annotations:"
                 " {argocd.argoproj.io/hook: Skip}}}\n");
    size_t count;
    struct object *o = rendered(&b, &count);

    (void)state;
    assert_int_equal(count, 1);
    assert_true(o[0].force && o[0].replace && !o[0].prune);
}

static void hooks_say_what_they_are_and_those_that_no_sync_runs_are_left_out(void **state)
{
#define POD(name, hook)                                                                            \
    "{apiVersion: v1, kind: Pod, metadata: {name: " name ", annotations: {" hook "}}}\n---\n"
    struct bundle b = one_file(POD("a", "argocd.argoproj.io/hook: PreSync")          /**/
                               POD("b", "helm.sh/hook: 'post-install,test'")         /**/
                               POD("c", "helm.sh/hook: test")                        /**/
                               POD("d", "helm.sh/hook: 'pre-delete, post-rollback'") /**/
                               POD("e", "helm.sh/hook: crd-install")                 /**/
                               POD("f", "argocd.argoproj.io/hook: Skip"));
    size_t count;
    struct object *o = rendered(&b, &count);

    (void)state;
    assert_int_equal(count, 3);
    assert_true(str_eq(o[0].name, STR("a")) && str_eq(o[0].hook, STR("PreSync")));
    assert_true(str_eq(o[1].name, STR("b")) && str_eq(o[1].hook, STR("post-install,test")));
    assert_true(str_eq(o[2].name, STR("e")) && o[2].hook.len == 0);
}

static void assert_render_fails(const struct bundle *b, int code, const char *why)
{
    struct object *object;
    size_t count;
    struct err err;
    assert_int_equal(objects_render(arena, b, NULL, &object, &count, &err), code);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void what_cannot_be_applied_is_refused_with_the_reason(void **state)
{
    struct bundle b;

    (void)state;
    b = one_file("{apiVersion: v1, kind: Pod, metadata: {generateName: p-}}");
    assert_render_fails(&b, HL_EUNSUPPORTED, "generateName");
    b = one_file("{apiVersion: v1, kind: Pod}");
    assert_render_fails(&b, HL_EINVAL, "without metadata.name");
    b = one_file("{apiVersion: v1, kind: Pod, metadata: {name: a/b}}");
    assert_render_fails(&b, HL_EINVAL, "no \"/\"");
    b = one_file("{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: b/c}}");
    assert_render_fails(&b, HL_EINVAL, "no \"/\"");
    b = one_file("{apiVersion: v1, kind: Pod, metadata: {name: \"a\\0b\"}}");
    assert_render_fails(&b, HL_EINVAL, "no NUL");
    b = one_file("{apiVersion: v1, kind: Pod, metadata: {name: p, annotations: "
                 "{argocd.argoproj.io/sync-wave: soon}}}");
    assert_render_fails(&b, HL_EINVAL, "whole number");
    b = one_file("{apiVersion: v1, kind: Pod, metadata: {name: p}}");
    b.namespace = STR_NONE;
    assert_render_fails(&b, HL_EINVAL, "names no namespace");
}

static void the_same_object_twice_is_an_error_that_names_both_places(void **state)
{
    struct bundle b =
        one_file("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n"
                 "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: apps}}\n");
    struct object *object;
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(objects_render(arena, &b, NULL, &object, &count, &err), HL_EINVAL);
    assert_int_equal(err.line, 3);
    assert_non_null(strstr(err.text, "f/a.yaml:1:1"));
}

static void an_application_of_too_many_objects_is_refused(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct bundle b;

    (void)state;
    buf_add_cstr(&text, "apiVersion: v1\nkind: List\nitems:\n");
    for (int i = 0; i <= OBJECT_COUNT_MAX; i++)
        buf_printf(&text, "- {apiVersion: v1, kind: ConfigMap, metadata: {name: c%d}}\n", i);
    buf_add_byte(&text, '\0');
    b = one_file(text.ptr);
    assert_render_fails(&b, HL_ELIMIT, "more than 10000 objects");
}

static void an_object_too_large_for_any_cluster_is_refused(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct bundle b;

    (void)state;
    buf_add_cstr(&text, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n  a: \"");
    for (int i = 0; i < OBJECT_BYTES_MAX / 8; i++)
        buf_add_cstr(&text, "01234567");
    buf_add_cstr(&text, "\"\n");
    buf_add_byte(&text, '\0');
    b = one_file(text.ptr);
    assert_render_fails(&b, HL_ELIMIT, "\"big\"");
}

static void paths_in_a_state_repository_are_safe_and_differ(void **state)
{
    struct bundle b = one_file(
        "{apiVersion: v1, kind: Service, metadata: {name: s}}\n---\n"
        "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: s}}\n---\n"
        "{apiVersion: a.io/v1, kind: Widget, metadata: {name: w}}\n---\n"
        "{apiVersion: b.io/v1, kind: Widget, metadata: {name: w}}\n---\n"
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "
        "'system:x'}}\n---\n"
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "
        "'system?x'}}\n---\n"
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: '..'}}\n");
    size_t count;
    struct object *o = rendered(&b, &count);

    (void)state;
    assert_true(
        str_eq(find(o, count, "/Service/apps/s")->path, STR("clusters/home/apps/service-s.yaml")));
    assert_true(str_eq(find(o, count, "serving.knative.dev/Service/apps/s")->path,
                       STR("clusters/home/apps/service.serving.knative.dev-s.yaml")));
    assert_true(str_eq(find(o, count, "a.io/Widget/apps/w")->path,
                       STR("clusters/home/apps/widget.a.io-w.yaml")));
    assert_true(str_eq(find(o, count, "b.io/Widget/apps/w")->path,
                       STR("clusters/home/apps/widget.b.io-w.yaml")));
    for (size_t i = 0; i < count; i++) {
        assert_true(str_starts(o[i].path, STR("clusters/home/")));
        assert_true(str_find(o[i].path, STR(".."), 0) == SIZE_MAX);
        assert_false(str_has_byte(o[i].path, ':') || str_has_byte(o[i].path, '?'));
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(o[i].path, o[k].path));
    }
}

static void known_kinds_have_their_scope_and_place(void **state)
{
    static const struct {
        const char *group;
        const char *kind;
        enum object_scope scope;
    } known[] = {
        {"", "Namespace", OBJECT_CLUSTER_WIDE},
        {"", "Node", OBJECT_CLUSTER_WIDE},
        {"", "PersistentVolume", OBJECT_CLUSTER_WIDE},
        {"", "PersistentVolumeClaim", OBJECT_NAMESPACED},
        {"", "Secret", OBJECT_NAMESPACED},
        {"", "ServiceAccount", OBJECT_NAMESPACED},
        {"", "Endpoints", OBJECT_NAMESPACED},
        {"apiregistration.k8s.io", "APIService", OBJECT_CLUSTER_WIDE},
        {"storage.k8s.io", "CSIStorageCapacity", OBJECT_NAMESPACED},
        {"storage.k8s.io", "VolumeAttributesClass", OBJECT_CLUSTER_WIDE},
        {"storage.k8s.io", "StorageClass", OBJECT_CLUSTER_WIDE},
        {"certificates.k8s.io", "CertificateSigningRequest", OBJECT_CLUSTER_WIDE},
        {"rbac.authorization.k8s.io", "Role", OBJECT_NAMESPACED},
        {"rbac.authorization.k8s.io", "ClusterRoleBinding", OBJECT_CLUSTER_WIDE},
        {"discovery.k8s.io", "EndpointSlice", OBJECT_NAMESPACED},
        {"networking.k8s.io", "IPAddress", OBJECT_CLUSTER_WIDE},
        {"networking.k8s.io", "IngressClass", OBJECT_CLUSTER_WIDE},
        {"networking.k8s.io", "NetworkPolicy", OBJECT_NAMESPACED},
        {"networking.k8s.io", "ServiceCIDR", OBJECT_CLUSTER_WIDE},
        {"resource.k8s.io", "DeviceClass", OBJECT_CLUSTER_WIDE},
        {"apps", "ReplicaSet", OBJECT_NAMESPACED},
        {"cert-manager.io", "ClusterIssuer", OBJECT_CLUSTER_WIDE},
        {"cert-manager.io", "Issuer", OBJECT_SCOPE_UNKNOWN},
        {"talos.dev", "ServiceAccount", OBJECT_SCOPE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < HL_COUNT(known); i++)
        if (object_scope_of(str_from(known[i].group), str_from(known[i].kind)) != known[i].scope)
            fail_msg("scope of %s", known[i].kind);
    assert_true(object_install_order(STR(""), STR("Namespace")) <
                object_install_order(STR(""), STR("Secret")));
    assert_true(object_install_order(STR("x.io"), STR("Namespace")) >
                object_install_order(STR("apps"), STR("Deployment")));
}

static void the_file_of_an_object_is_its_yaml(void **state)
{
    struct bundle b =
        one_file("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {x: '1'}\n");
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    size_t count;
    struct object *o = rendered(&b, &count);

    (void)state;
    object_yaml(&text, &o[0]);
    buf_add_byte(&text, '\0');
    assert_string_equal(text.ptr, "apiVersion: v1\ndata:\n  x: \"1\"\nkind: ConfigMap\nmetadata:\n"
                                  "  name: a\n  namespace: apps\n");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_bundle", run_corpus_file, NULL) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_and_lists_give_their_objects_and_empty_documents_none),
        cmocka_unit_test(a_values_file_among_manifests_is_ignored),
        cmocka_unit_test(what_was_meant_as_a_manifest_and_is_none_is_an_error),
        cmocka_unit_test(a_broken_file_is_an_error_even_if_nothing_looks_like_a_manifest),
        cmocka_unit_test(a_key_repeated_with_the_same_value_is_taken_once_and_its_place_told),
        cmocka_unit_test(file_names_decide_what_is_a_candidate),
        cmocka_unit_test(a_sync_policy_is_read_and_survives_the_bundle),
        cmocka_unit_test(a_policy_without_automated_waits_for_a_person),
        cmocka_unit_test(sync_policy_mistakes_are_refused),
        cmocka_unit_test(a_bundle_survives_the_journey_and_equal_bundles_have_equal_bytes),
        cmocka_unit_test(bytes_that_are_no_bundle_are_refused),
        cmocka_unit_test(namespaces_follow_the_scope_of_the_kind),
        cmocka_unit_test(objects_come_in_the_order_of_waves_then_kinds),
        cmocka_unit_test(create_namespace_adds_one_that_is_never_pruned),
        cmocka_unit_test(annotations_of_an_object_are_honoured),
        cmocka_unit_test(hooks_say_what_they_are_and_those_that_no_sync_runs_are_left_out),
        cmocka_unit_test(what_cannot_be_applied_is_refused_with_the_reason),
        cmocka_unit_test(the_same_object_twice_is_an_error_that_names_both_places),
        cmocka_unit_test(an_application_of_too_many_objects_is_refused),
        cmocka_unit_test(an_object_too_large_for_any_cluster_is_refused),
        cmocka_unit_test(paths_in_a_state_repository_are_safe_and_differ),
        cmocka_unit_test(known_kinds_have_their_scope_and_place),
        cmocka_unit_test(the_file_of_an_object_is_its_yaml),
        cmocka_unit_test(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/desired/objects", tests, setup, teardown);
}
