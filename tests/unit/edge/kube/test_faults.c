/*
 * What kube.h promises when the API misbehaves: a server of ours answers as told. That a well API
 * is understood is shown against a real one (tests/e2e/test_kube.py), not here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/value/yaml.h"
#include "edge/http/server.h"
#include "edge/kube/kube.h"

#define MAP "/api/v1/namespaces/ns/configmaps/x"

struct fake {
    unsigned status;
    struct str body;
    char token[32]; /* the one that is let in; empty: all */
    unsigned refused_count;
    unsigned discovery_count;
    bool is_lamp_served;
    char last_body_text[512];
};

static struct fake fake;
static struct http_server *server;
static char folder[] = "/tmp/hl-kube-XXXXXX";
static char kubeconfig[64];
static char token_file[64];

static bool is_let_in(const struct http_request *request, struct http_answer *out)
{
    char want[64];

    snprintf(want, sizeof(want), "Bearer %s", fake.token);
    if (!fake.token[0] || str_eq(http_header(request, "Authorization"), str_from(want)))
        return true;
    fake.refused_count++;
    *out = (struct http_answer){401, "application/json",
                                STR("{\"kind\":\"Status\",\"reason\":\"Unauthorized\"}")};
    return false;
}

static void serve_discovery(void *context, const struct http_request *request, struct arena *a,
                            struct http_answer *out)
{
    (void)context;
    if (!is_let_in(request, out))
        return;
    fake.discovery_count++;
    out->status = 200;
    out->body = arena_printf(
        a,
        "{\"resources\":[{\"name\":\"configmaps\",\"kind\":\"ConfigMap\",\"namespaced\":true},"
        "{\"name\":\"configmaps/status\",\"kind\":\"Wrong\",\"namespaced\":true}%s]}",
        fake.is_lamp_served ? ",{\"name\":\"lamps\",\"kind\":\"Lamp\",\"namespaced\":false}" : "");
}

static void serve_object(void *context, const struct http_request *request, struct arena *a,
                         struct http_answer *out)
{
    (void)context;
    (void)a;
    if (!is_let_in(request, out))
        return;
    snprintf(fake.last_body_text, sizeof(fake.last_body_text), STR_FMT, STR_ARG(request->body));
    *out = (struct http_answer){fake.status, "application/json", fake.body};
}

static struct value *wanted(struct arena *a)
{
    struct value *v;

    assert_int_equal(
        yaml_read(a,
                  STR("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: ns, "
                      "uid: u, managedFields: []}\ndata: {a: b}\nstatus: {s: 1}\n"),
                  STR("t"), &v, NULL),
        0);
    return v;
}

static const struct kube_ref config_map = {STR(""), STR("v1"), STR("ConfigMap"), STR("ns"),
                                           STR("x")};

static struct kube *open_kube(void)
{
    struct kube *k;
    struct err err;

    if (kube_open(str_from(kubeconfig), &k, &err) < 0)
        fail_msg("%s", err.text);
    return k;
}

static void write_token(const char *token)
{
    FILE *f = fopen(token_file, "w");

    assert_non_null(f);
    fprintf(f, "%s\n", token);
    assert_int_equal(fclose(f), 0);
}

static void each_refusal_has_its_code_and_its_text(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        int code;
        const char *text;
    } cases[] = {
        {429, "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\"}", HL_ETEMP,
         "apply ConfigMap ns/x: 429 TooManyRequests"},
        {500,
         "{\"kind\":\"Status\",\"reason\":\"InternalError\",\"message\":\"failed calling webhook "
         "w.example.net\"}",
         HL_ETEMP, "failed calling webhook w.example.net"},
        {422, "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"field is immutable\"}",
         HL_EINVAL, "field is immutable"},
        {409, "{\"kind\":\"Status\",\"reason\":\"Conflict\"}", HL_ETEMP, "409 Conflict"},
        {403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}", HL_EDENIED, "403 Forbidden"},
        {404,
         "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"namespaces \\\"n\\\" not "
         "found\"}",
         HL_ETEMP, "namespaces \"n\" not found"},
        {200, "{\"kind\":\"ConfigMap\",\"meta", HL_ETEMP, "no JSON document"},
        {200, "[]", HL_ETEMP, "no object"},
    };
    HL_CLEANUP(kube_closep) struct kube *k = open_kube();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *live;
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        fake.status = cases[i].status;
        fake.body = str_from(cases[i].body);
        int r = kube_apply(k, &config_map, wanted(a), a, &live, &err);
        if (r != cases[i].code || !strstr(err.text, cases[i].text))
            fail_msg("%u: %s %s", cases[i].status, err_code_name(r), err.text);
    }
}

static void what_only_the_server_writes_is_not_sent(void **state)
{
    HL_CLEANUP(kube_closep) struct kube *k = open_kube();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *live;

    (void)state;
    fake.status = 201;
    fake.body = STR("{\"kind\":\"ConfigMap\"}");
    assert_int_equal(kube_apply(k, &config_map, wanted(a), a, &live, NULL), 0);
    assert_string_equal(fake.last_body_text,
                        "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"b\"},\"kind\":\"ConfigMap\","
                        "\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\"}}");
}

static void a_delete_names_the_uid_and_takes_gone_for_an_answer(void **state)
{
    HL_CLEANUP(kube_closep) struct kube *k = open_kube();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct kube_ref ref = config_map;

    (void)state;
    ref.version = STR_NONE; /* a ledger does not know it */
    fake.status = 200;
    fake.body = STR("{\"kind\":\"Status\"}");
    assert_int_equal(kube_delete(k, &ref, STR("u1"), a, NULL), 0);
    assert_non_null(strstr(fake.last_body_text, "\"preconditions\":{\"uid\":\"u1\"}"));
    assert_non_null(strstr(fake.last_body_text, "\"propagationPolicy\":\"Background\""));
    fake.status = 404;
    fake.body = STR("{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":{\"name\":\"x\"}}");
    assert_int_equal(kube_delete(k, &ref, STR("u1"), a, NULL), KUBE_ABSENT);
    fake.status = 409;
    fake.body = STR("{\"kind\":\"Status\",\"message\":\"Precondition failed: UID in "
                    "precondition: u1, UID in object meta: u2\"}");
    assert_int_equal(kube_delete(k, &ref, STR("u1"), a, NULL), KUBE_ABSENT);
    fake.body = STR("{\"kind\":\"Status\",\"message\":\"somebody was faster\"}");
    assert_int_equal(kube_delete(k, &ref, STR("u1"), a, NULL), HL_ETEMP);
    ref.group = STR("gone.example.net");
    assert_int_equal(kube_delete(k, &ref, STR("u1"), a, NULL), KUBE_ABSENT);
}

static void a_kind_that_comes_later_is_found_and_discovery_is_cached(void **state)
{
    const struct kube_ref lamp = {STR(""), STR("v1"), STR("Lamp"), STR("ns"), STR("x")};
    HL_CLEANUP(kube_closep) struct kube *k = open_kube();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *live;
    struct err err;

    (void)state;
    fake.discovery_count = 0;
    fake.status = 200;
    fake.body = STR("{\"kind\":\"ConfigMap\"}");
    for (int i = 0; i < 5; i++)
        assert_int_equal(kube_get(k, &config_map, a, &live, NULL), KUBE_FOUND);
    assert_int_equal(fake.discovery_count, 1);
    assert_int_equal(kube_get(k, &lamp, a, &live, &err), HL_ETEMP);
    assert_string_equal(err.text, "Lamp ns/x: kind not served yet (v1)");
    fake.is_lamp_served = true;
    assert_int_equal(kube_get(k, &lamp, a, &live, &err), KUBE_FOUND);
    fake.is_lamp_served = false;
}

static void a_rotated_token_is_read_again_when_the_old_one_is_refused(void **state)
{
    HL_CLEANUP(kube_closep) struct kube *k = open_kube();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *live;

    (void)state;
    fake.status = 200;
    fake.body = STR("{\"kind\":\"ConfigMap\"}");
    snprintf(fake.token, sizeof(fake.token), "first");
    assert_int_equal(kube_get(k, &config_map, a, &live, NULL), KUBE_FOUND);
    snprintf(fake.token, sizeof(fake.token), "second");
    fake.refused_count = 0;
    assert_int_equal(kube_get(k, &config_map, a, &live, NULL), HL_EDENIED);
    assert_int_equal(fake.refused_count, 2);
    write_token("second");
    assert_int_equal(kube_get(k, &config_map, a, &live, NULL), KUBE_FOUND);
    fake.token[0] = '\0';
    write_token("first");
}

static void names_cannot_leave_their_place_in_the_path(void **state)
{
    static const struct str names[] = {STR(".."), STR("."), STR("a/b"), STR("a%2fb"), STR("")};
    HL_CLEANUP(kube_closep) struct kube *k = open_kube();
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct kube_ref ref = config_map;
    struct value *live;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        ref.name = names[i];
        assert_int_equal(kube_get(k, &ref, a, &live, NULL), HL_EINVAL);
    }
    ref.name = STR("x");
    ref.namespace = STR("");
    assert_int_equal(kube_get(k, &ref, a, &live, NULL), HL_EINVAL);
}

static int start(void **state)
{
    static const struct http_route routes[] = {
        {"GET", "/api/v1", 0, serve_discovery, NULL},
        {"GET", MAP, 0, serve_object, NULL},
        {"PATCH", MAP, 4096, serve_object, NULL},
        {"DELETE", MAP, 4096, serve_object, NULL},
        {"GET", "/api/v1/lamps/x", 0, serve_object, NULL},
    };
    unsigned port = 22000 + (unsigned)getpid() % 20000;
    char listen[32];
    struct err err;

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    do {
        snprintf(listen, sizeof(listen), "127.0.0.1:%u", ++port);
    } while (http_server_open(str_from(listen), routes, HL_COUNT(routes), &server, &err) < 0);
    snprintf(kubeconfig, sizeof(kubeconfig), "%s/config", folder);
    snprintf(token_file, sizeof(token_file), "%s/token", folder);
    write_token("first");
    FILE *f = fopen(kubeconfig, "w");
    if (!f)
        return -1;
    fprintf(f,
            "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
            "clusters: [{name: k, cluster: {server: 'http://%s'}}]\n"
            "users: [{name: u, user: {tokenFile: token}}]\n",
            listen);
    return fclose(f);
}

static int stop(void **state)
{
    (void)state;
    http_server_close(server);
    unlink(kubeconfig);
    unlink(token_file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_has_its_code_and_its_text),
        cmocka_unit_test(what_only_the_server_writes_is_not_sent),
        cmocka_unit_test(a_delete_names_the_uid_and_takes_gone_for_an_answer),
        cmocka_unit_test(a_kind_that_comes_later_is_found_and_discovery_is_cached),
        cmocka_unit_test(a_rotated_token_is_read_again_when_the_old_one_is_refused),
        cmocka_unit_test(names_cannot_leave_their_place_in_the_path),
    };
    return cmocka_run_group_tests_name("edge/kube faults", tests, start, stop);
}
