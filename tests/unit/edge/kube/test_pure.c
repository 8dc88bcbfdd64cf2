/* What edge/kube decides without a server: in-sync test, refusals, kubeconfigs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/value/yaml.h"
#include "edge/kube/kube.h"
#include "edge/kube/kube_config.h"
#include "edge/kube/kube_status.h"

static struct value *yaml(struct arena *a, const char *text)
{
    struct value *v;
    struct err err = {0};

    if (yaml_read(a, str_from(text), STR("test"), &v, &err) < 0)
        fail_msg("%u: %s", err.line, err.text);
    return v;
}

/* ---- in sync ---- */

#define WANTED                                                                                     \
    "apiVersion: v1\nkind: Thing\nmetadata: {name: x, namespace: ns, creationTimestamp: null}\n"
#define LIVE_HEAD                                                                                  \
    "apiVersion: v1\nkind: Thing\nmetadata:\n  name: x\n  namespace: ns\n  uid: u\n"               \
    "  managedFields:\n  - manager: hlmesh\n    operation: Apply\n    apiVersion: v1\n"
#define OWNS "    fieldsV1: "

static void the_in_sync_test_finds_what_differs_and_nothing_else(void **state)
{
    static const struct {
        const char *name;
        const char *wanted;
        const char *live;
        bool is_in_sync;
    } cases[] = {
        {"equal", WANTED "spec: {a: 1, b: [x]}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}, 'f:b': {}}}\nspec: {a: 1, b: [x]}\n", true},
        {"defaulted fields are not ours", WANTED "spec: {a: 1}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1, d: 2}\nstatus: {s: 1}\n", true},
        {"a status that we would not send", WANTED "spec: {a: 1}\nstatus: {s: 2}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1}\nstatus: {s: 1}\n", true},
        {"numbers by value", WANTED "spec: {a: 1.0}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1}\n", true},
        {"a number is no string", WANTED "spec: {a: 1}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: '1'}\n", false},
        {"null is absent", WANTED "spec: {a: 1, n: null}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1}\n", true},
        {"null is not what is there", WANTED "spec: {a: 1, n: null}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1, n: 2}\n", false},
        {"a changed value", WANTED "spec: {a: 2}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1}\n", false},
        {"a missing field", WANTED "spec: {a: 1, b: 2}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}}}\nspec: {a: 1}\n", false},
        {"a list that is longer", WANTED "spec: {b: [x]}",
         LIVE_HEAD OWNS "{'f:spec': {'f:b': {}}}\nspec: {b: [x, y]}\n", false},
        {"a map where a list was wanted", WANTED "spec: {b: [x]}",
         LIVE_HEAD OWNS "{'f:spec': {'f:b': {}}}\nspec: {b: {x: 1}}\n", false},
        {"an element with defaults", WANTED "spec: {p: [{port: 1}]}",
         LIVE_HEAD OWNS
         "{'f:spec': {'f:p': {'k:{\"port\":1,\"protocol\":\"TCP\"}': {'.': {}, 'f:port': {}}}}}\n"
         "spec: {p: [{port: 1, protocol: TCP}]}\n",
         true},
        {"a field of ours that is not wanted any more", WANTED "spec: {a: 1}",
         LIVE_HEAD OWNS "{'f:spec': {'f:a': {}, 'f:old': {}}}\nspec: {a: 1, old: 2}\n", false},
        {"a field of an element that left", WANTED "spec: {p: [{port: 1}]}",
         LIVE_HEAD OWNS
         "{'f:spec': {'f:p': {'k:{\"port\":1}': {'.': {}, 'f:port': {}, 'f:name': {}}}}}\n"
         "spec: {p: [{port: 1, name: n}]}\n",
         false},
        {"a member of a set", WANTED "metadata2: {f: [a]}",
         LIVE_HEAD OWNS "{'f:metadata2': {'f:f': {'v:\"a\"': {}}}}\nmetadata2: {f: [a]}\n", true},
        {"a member of a set that left", WANTED "metadata2: {f: [a]}",
         LIVE_HEAD OWNS "{'f:metadata2': {'f:f': {'v:\"a\"': {}, 'v:\"b\"': {}}}}\n"
                        "metadata2: {f: [a]}\n",
         false},
        {"an object that others made", WANTED "spec: {a: 1}",
         "apiVersion: v1\nkind: Thing\nmetadata: {name: x, namespace: ns}\nspec: {a: 1}\n", false},
        {"a bare object that others made", WANTED,
         "apiVersion: v1\nkind: Thing\nmetadata: {name: x, namespace: ns}\nspec: {a: 1}\n", true},
        {"a namespace on a cluster-wide kind", WANTED,
         "apiVersion: v1\nkind: Thing\nmetadata: {name: x}\n", true},
        {"applied at another version", "apiVersion: v2\nkind: Thing\nmetadata: {name: x}\na: 1\n",
         "apiVersion: v2\nkind: Thing\nmetadata:\n  name: x\n  managedFields:\n  - {manager: "
         "hlmesh, "
         "operation: Apply, apiVersion: v1, fieldsV1: {'f:a': {}}}\na: 1\n",
         false},
    };
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        if (kube_is_in_sync(yaml(a, cases[i].live), yaml(a, cases[i].wanted)) !=
            cases[i].is_in_sync)
            fail_msg("%s", cases[i].name);
    }
}

/* ---- refusals ---- */

#define STATUS(rest) "{\"kind\":\"Status\",\"status\":\"Failure\"," rest "}"

static void refusals_are_sorted_into_those_that_pass_and_those_that_stay(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        int code;
        const char *text;
    } cases[] = {
        {400, STATUS("\"reason\":\"BadRequest\",\"message\":\"no\""), HL_EINVAL, "no"},
        {401, STATUS("\"reason\":\"Unauthorized\""), HL_EDENIED, "401 Unauthorized"},
        {403, STATUS("\"reason\":\"Forbidden\",\"message\":\"cannot patch\""), HL_EDENIED,
         "cannot patch"},
        {403,
         STATUS("\"reason\":\"Forbidden\",\"details\":{\"causes\":[{\"reason\":"
                "\"NamespaceTerminating\",\"message\":\"goes away\"}]}"),
         HL_ETEMP, "goes away"},
        {404, "404 page not found\n", HL_ETEMP, "404: 404 page not found"},
        {409, STATUS("\"reason\":\"Conflict\""), HL_ETEMP, "Conflict"},
        {410, STATUS("\"reason\":\"Expired\""), HL_ETEMP, "Expired"},
        {413, "<html>", HL_EINVAL, "what: 413"},
        {415, "", HL_EINVAL, "415"},
        {422,
         STATUS("\"reason\":\"Invalid\",\"message\":\"wrong\",\"details\":{\"causes\":["
                "{\"field\":\"spec.a\",\"message\":\"Required value\"}]}"),
         HL_EINVAL, "422 Invalid: wrong (spec.a: Required value)"},
        {429, STATUS("\"reason\":\"TooManyRequests\""), HL_ETEMP, "429"},
        {500,
         STATUS("\"reason\":\"InternalError\",\"message\":\"failed calling webhook \\\"x.y\\\"\""),
         HL_ETEMP, "failed calling webhook \"x.y\""},
        {502, "bad gateway", HL_ETEMP, "bad gateway"},
        {503, "{\"kind\":\"Status\"", HL_ETEMP, "what: 503"},
        {504, "", HL_ETEMP, "504"},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        struct kube_answer answer = {cases[i].status, str_from(cases[i].body), -1, false};

        if (kube_refusal(&answer, STR("what"), &err) != cases[i].code ||
            !strstr(err.text, cases[i].text))
            fail_msg("%u: %s %s", cases[i].status, err_code_name(err.code), err.text);
    }
}

static void a_refused_secret_keeps_its_values_out_of_the_text(void **state)
{
    const char *body =
        STATUS("\"reason\":\"Invalid\",\"message\":\"hunter2\",\"details\":{\"causes\":"
               "[{\"field\":\"data.a\",\"message\":\"hunter2\"}]}");
    struct kube_answer answer = {422, str_from(body), 3000, true};
    struct err err;

    (void)state;
    assert_int_equal(kube_refusal(&answer, STR("w"), &err), HL_EINVAL);
    assert_string_equal(err.text, "w: 422 Invalid (data.a); asks to wait 3 s");
}

static void a_404_of_an_object_is_told_from_one_of_its_kind(void **state)
{
    struct kube_answer answer = {404, STR("404 page not found"), -1, false};

    (void)state;
    assert_false(kube_is_object_absent(&answer));
    answer.body = STR(STATUS("\"reason\":\"NotFound\",\"details\":{}"));
    assert_false(kube_is_object_absent(&answer));
    answer.body = STR(STATUS("\"reason\":\"NotFound\",\"details\":{\"name\":\"x\"}"));
    assert_true(kube_is_object_absent(&answer));
    answer.status = 409;
    assert_false(kube_is_object_absent(&answer));
    assert_false(kube_is_other_uid(&answer));
    answer.body = STR(STATUS("\"message\":\"the UID in the precondition (a) does not match\""));
    assert_true(kube_is_other_uid(&answer));
}

/* ---- kubeconfig ---- */

static char folder[] = "/tmp/hl-kube-XXXXXX";

static struct str put(struct arena *a, const char *name, const char *text)
{
    struct str path = arena_printf(a, "%s/%s", folder, name);
    FILE *f = fopen(path.ptr, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

#define CONFIG(cluster, user)                                                                      \
    "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"                  \
    "clusters: [{name: other, cluster: {server: 'x'}}, {name: k, cluster: {" cluster "}}]\n"       \
    "users: [{name: u, user: {" user "}}]\n"
#define SERVER "server: 'https://h:6443'"

static void a_kubeconfig_is_read_with_data_and_with_files(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct kube_config c;

    (void)state;
    put(a, "crt", "CERT");
    put(a, "key", "KEY");
    struct str path = put(a, "config",
                          CONFIG(SERVER ", certificate-authority-data: Q0EK",
                                 "client-certificate: crt, client-key: key, tokenFile: tok"));
    assert_int_equal(kube_config_read(path, a, &c, NULL), 0);
    assert_true(str_eq(c.server, STR("https://h:6443")));
    assert_true(str_eq(c.ca_pem, STR("CA\n")));
    assert_true(str_eq(c.cert_pem, STR("CERT")));
    assert_true(str_eq(c.key_pem, STR("KEY")));
    assert_true(str_eq(c.token_path, arena_printf(a, "%s/tok", folder)));
    assert_false(c.is_insecure);
}

static void a_kubeconfig_that_cannot_be_used_says_why(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *say;
    } cases[] = {
        {CONFIG(SERVER, "exec: {command: aws}"), HL_EUNSUPPORTED, "\"exec\""},
        {CONFIG(SERVER, "auth-provider: {name: gcp}"), HL_EUNSUPPORTED, "\"auth-provider\""},
        {CONFIG(SERVER, "username: u, password: p"), HL_EUNSUPPORTED, "\"username\""},
        {CONFIG(SERVER, "as: x"), HL_EUNSUPPORTED, "\"as\""},
        {CONFIG(SERVER ", proxy-url: x", ""), HL_EUNSUPPORTED, "\"proxy-url\""},
        {CONFIG(SERVER ", tls-server-name: x", ""), HL_EUNSUPPORTED, "\"tls-server-name\""},
        {CONFIG("", ""), HL_EINVAL, "no server"},
        {CONFIG(SERVER ", certificate-authority-data: '*'", ""), HL_EINVAL, "no base64"},
        {CONFIG(SERVER, "client-key-data: QQ=="), HL_EINVAL, "belong together"},
        {CONFIG(SERVER, "client-certificate: none"), HL_EABSENT, "client-certificate: cannot open"},
        {"current-context: c\n", HL_EINVAL, "no entry \"c\" in contexts"},
        {"{}", HL_EINVAL, "current-context"},
        {"[", HL_EINVAL, ""},
    };
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct kube_config c;
    struct kube *k;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        int r = kube_config_read(put(a, "config", cases[i].text), a, &c, &err);
        if (r != cases[i].code || !strstr(err.text, cases[i].say))
            fail_msg("%zu: %s %s", i, err_code_name(err.code), err.text);
    }
    assert_int_equal(kube_open(STR("/nonexistent/config"), &k, &err), HL_EABSENT);
}

static void a_pod_finds_its_api_by_environment_and_service_account(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str dir = str_from(folder);
    struct kube_config c;

    (void)state;
    assert_int_equal(kube_config_in_cluster(STR_NONE, STR_NONE, dir, a, &c, NULL), HL_EABSENT);
    assert_int_equal(kube_config_in_cluster(STR("fd00::1"), STR("443"), dir, a, &c, NULL),
                     HL_EABSENT);
    put(a, "ca.crt", "CA");
    assert_int_equal(kube_config_in_cluster(STR("fd00::1"), STR("443"), dir, a, &c, NULL), 0);
    assert_true(str_eq(c.server, STR("https://[fd00::1]:443")));
    assert_true(str_eq(c.token_path, arena_printf(a, "%s/token", folder)));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"crt", "key", "config", "ca.crt"};
    char path[64];

    (void)state;
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_in_sync_test_finds_what_differs_and_nothing_else),
        cmocka_unit_test(refusals_are_sorted_into_those_that_pass_and_those_that_stay),
        cmocka_unit_test(a_refused_secret_keeps_its_values_out_of_the_text),
        cmocka_unit_test(a_404_of_an_object_is_told_from_one_of_its_kind),
        cmocka_unit_test(a_kubeconfig_is_read_with_data_and_with_files),
        cmocka_unit_test(a_kubeconfig_that_cannot_be_used_says_why),
        cmocka_unit_test(a_pod_finds_its_api_by_environment_and_service_account),
    };
    return cmocka_run_group_tests_name("edge/kube", tests, make_folder, remove_folder);
}
