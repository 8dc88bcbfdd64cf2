/* What is read and written without a network: URLs, the lock, logins, what registries say; the fuzz
 * corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "edge/registry/lock.h"
#include "edge/registry/logins.h"
#include "edge/registry/oci_text.h"
#include "support/corpus.h"
#include "support/folder.h"

#include "fuzz/fuzz_registry.c"

static struct arena *a;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    err = (struct err){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

/* ---- URLs ---- */

static struct weburl parsed(const char *text)
{
    struct weburl u;

    assert_int_equal(weburl_parse(str_from(text), &u, &err), 0);
    return u;
}

static const char *joined(const char *base, const char *reference)
{
    struct weburl u = parsed(base);
    struct str out;

    return weburl_join(a, &u, str_from(reference), &out, &err) == 0 ? arena_cstr(a, out) : err.text;
}

static const char *followed(const char *base, const char *location)
{
    struct weburl u = parsed(base);
    struct str out;

    return weburl_follow(a, &u, str_from(location), &out, &err) == 0 ? arena_cstr(a, out)
                                                                     : err.text;
}

static void chart_urls_are_joined_as_helm_joins_them(void **state)
{
    (void)state;
    assert_string_equal(joined("https://e.com/charts", "a-1.tgz"), "https://e.com/charts/a-1.tgz");
    assert_string_equal(joined("https://e.com/charts/", "x/a-1.tgz"),
                        "https://e.com/charts/x/a-1.tgz");
    assert_string_equal(joined("https://e.com", "a.tgz"), "https://e.com/a.tgz");
    assert_string_equal(joined("https://e.com/c?key=1", "a.tgz?other=2"),
                        "https://e.com/c/a.tgz?key=1");
    assert_string_equal(joined("https://e.com/c/d", "../a.tgz"), "https://e.com/c/a.tgz");
    assert_string_equal(joined("https://e.com/c", "../../../a.tgz"), "https://e.com/a.tgz");
    assert_string_equal(joined("https://e.com/c", "/a.tgz"), "https://e.com/a.tgz");
    assert_string_equal(joined("https://e.com/c", "//f.com/a.tgz"), "https://f.com/a.tgz");
    assert_string_equal(joined("https://e.com/c", "https://f.com/a.tgz?x=y"),
                        "https://f.com/a.tgz?x=y");
    assert_string_equal(joined("https://e.com/c", "oci://f.com/a:1.0.0"), "oci://f.com/a:1.0.0");
    assert_string_equal(joined("https://e.com/c", "ftp://f.com/a"),
                        "\"ftp://f.com/a\" is no http, https or oci URL");
    struct weburl u = parsed("https://e.com/c/?key=1");
    assert_true(
        str_eq(weburl_below(a, &u, STR("index.yaml")), STR("https://e.com/c/index.yaml?key=1")));
}

static void locations_are_relative_to_the_document(void **state)
{
    (void)state;
    assert_string_equal(followed("https://e.com/a/b", "c?d=e#f"), "https://e.com/a/c?d=e");
    assert_string_equal(followed("https://e.com/a/b/", "."), "https://e.com/a/b/");
    assert_string_equal(followed("https://e.com", "c"), "https://e.com/c");
    assert_string_equal(followed("https://e.com/a/b", "/x/./y/../z"), "https://e.com/x/z");
}

static void urls_that_two_parsers_might_read_differently_are_refused(void **state)
{
    static const char *const bad[] = {
        "",        "x",           "https://",           "https:///path",     "https://u:p@host/",
        "ftp://a", "http://a b",  "http://a\r\nHost:b", "http://a\\b/",      "http://h%2e/",
        "http://", "file:///etc", "http://a/\"",        "https://\xc3\xbc/", "http://a/b|c",
    };
    struct weburl u;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        assert_int_equal(weburl_parse(str_from(bad[i]), &u, &err), HL_EINVAL);
    struct str long_one = {arena_alloc(a, WEBURL_BYTES_MAX + 1), WEBURL_BYTES_MAX + 1};
    assert_int_equal(weburl_parse(long_one, &u, &err), HL_ELIMIT);
}

static void an_origin_is_scheme_host_and_port(void **state)
{
    struct weburl x = parsed("https://Example.com/a");

    (void)state;
    struct weburl same = parsed("HTTPS://example.COM:443?b");
    struct weburl port = parsed("https://example.com:8443/a");
    struct weburl scheme = parsed("http://example.com/a");
    struct weburl longer = parsed("https://example.com.evil/a");
    assert_true(weburl_same_origin(&x, &same));
    assert_false(weburl_same_origin(&x, &port));
    assert_false(weburl_same_origin(&x, &scheme));
    assert_false(weburl_same_origin(&x, &longer));
    struct weburl near = parsed("http://127.0.0.1:80/");
    struct weburl far = parsed("http://127.0.0.1.evil/");
    assert_true(weburl_is_loopback(&near));
    assert_false(weburl_is_loopback(&far));
}

/* ---- the lock ---- */

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void a_lock_is_sorted_and_reads_back(void **state)
{
    HL_CLEANUP(lock_freep) struct lock *l = lock_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    (void)state;
    assert_int_equal(lock_parse(l,
                                STR("# charts\r\n\noci://b/c d 1.0.0 sha256:" HEX_B "\r\n"
                                    "https://a x 2.0.0 sha256:" HEX_A "\n"
                                    "https://a x 10.0.0 sha256:" HEX_A),
                                STR("charts.lock"), &err),
                     0);
    lock_write(l, &text);
    assert_true(str_eq(buf_str(&text), STR("https://a x 10.0.0 sha256:" HEX_A "\n"
                                           "https://a x 2.0.0 sha256:" HEX_A "\n"
                                           "oci://b/c d 1.0.0 sha256:" HEX_B "\n")));
    assert_non_null(lock_find(l, STR("https://a"), STR("x"), STR("2.0.0")));
    assert_null(lock_find(l, STR("https://a"), STR("x"), STR("2.0")));
}

static void a_version_with_another_digest_is_an_alarm(void **state)
{
    HL_CLEANUP(lock_freep) struct lock *l = lock_new();
    struct lock_line line = {STR("https://a"), STR("x"), STR("1.0.0"), {{0}}};

    (void)state;
    assert_int_equal(lock_parse(l, STR("https://a x 1.0.0 sha256:" HEX_A "\n"), STR("f"), &err), 0);
    assert_true(digest_parse(STR(HEX_A), &line.digest));
    assert_int_equal(lock_add(l, &line, &err), LOCK_SAME);
    assert_true(digest_parse(STR(HEX_B), &line.digest));
    assert_int_equal(lock_add(l, &line, &err), HL_ECONFLICT);
    assert_string_equal(err.text, "x 1.0.0 of https://a is locked to sha256:" HEX_A
                                  ", now it is sha256:" HEX_B);
    assert_int_equal(lock_parse(l, STR("\nhttps://a x 1.0.0 sha256:" HEX_B "\n"), STR("f"), &err),
                     HL_ECONFLICT);
    assert_non_null(strstr(err.text, "f:2: "));
}

static void lines_of_another_form_are_refused_with_their_place(void **state)
{
    static const char *const bad[] = {
        "a b 1.0.0",
        "a b 1.0.0 sha256:" HEX_A "0",
        "a b 1.0.0 sha512:" HEX_A,
        "a  b 1.0.0 sha256:" HEX_A,
        "a b 1.0.0  sha256:" HEX_A,
        "a b 1.0.0 sha256:" HEX_A " c",
        "a b \x01 sha256:" HEX_A,
    };

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        HL_CLEANUP(lock_freep) struct lock *l = lock_new();
        assert_int_equal(lock_parse(l, str_from(bad[i]), STR("f"), &err), HL_EINVAL);
        assert_int_equal(lock_count(l), 0);
    }
}

static void two_writers_of_a_lock_keep_what_both_added(void **state)
{
    HL_CLEANUP(folder_freep) struct folder *folder = folder_new();
    HL_CLEANUP(lock_freep) struct lock *one = lock_new();
    HL_CLEANUP(lock_freep) struct lock *two = lock_new();
    HL_CLEANUP(lock_freep) struct lock *late = lock_new();
    struct str path = folder_path(folder, a, "charts.lock");

    (void)state;
    assert_int_equal(lock_load(one, path, &err), 0);
    assert_int_equal(lock_parse(one, STR("a x 1.0.0 sha256:" HEX_A), STR("f"), &err), 0);
    assert_int_equal(lock_parse(two, STR("a y 1.0.0 sha256:" HEX_A), STR("f"), &err), 0);
    assert_int_equal(lock_parse(late, STR("a x 1.0.0 sha256:" HEX_B), STR("f"), &err), 0);
    assert_int_equal(lock_save(one, path, &err), 0);
    assert_int_equal(lock_save(two, path, &err), 0);
    assert_int_equal(lock_count(two), 2);
    assert_int_equal(lock_save(late, path, &err), HL_ECONFLICT);
    assert_true(str_eq(corpus_file(a, path.ptr),
                       STR("a x 1.0.0 sha256:" HEX_A "\na y 1.0.0 sha256:" HEX_A "\n")));
    assert_int_equal(lock_save(one, STR("/nowhere/charts.lock"), &err), HL_EIO);
}

static void a_lock_has_its_limits(void **state)
{
    HL_CLEANUP(lock_freep) struct lock *l = lock_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    (void)state;
    for (unsigned i = LOCK_LINES_MAX + 1; i > 0; i--) /* the slowest order */
        buf_printf(&text, "a x%05u 1.0.0 sha256:" HEX_A "\n", i);
    assert_int_equal(lock_parse(l, buf_str(&text), STR("f"), &err), HL_ELIMIT);
    assert_int_equal(lock_count(l), LOCK_LINES_MAX);
}

/* ---- logins ---- */

static void a_login_is_for_its_origin_alone(void **state)
{
    HL_CLEANUP(logins_freep) struct logins *l = logins_new();
    struct weburl same = parsed("https://e.com:443/charts");
    struct weburl plain = parsed("http://e.com/charts");
    struct weburl other = parsed("https://e.com.evil/charts");

    (void)state;
    assert_int_equal(logins_add(l, STR("https://e.com"), STR("u"), STR("old"), &err), 0);
    assert_int_equal(logins_add(l, STR("https://e.com"), STR("u"), STR("p:w"), &err), 0);
    assert_true(str_eq(logins_find(l, &same), STR("u:p:w")));
    assert_int_equal(logins_find(l, &plain).len, 0);
    assert_int_equal(logins_find(l, &other).len, 0);
    assert_int_equal(logins_add(l, STR("https://e.com"), STR("u:"), STR("p"), &err), HL_EINVAL);
    assert_int_equal(logins_add(l, STR("https://e.com"), STR("u"), STR("a\nb"), &err), HL_EINVAL);
    assert_int_equal(logins_add(l, STR("https://e.com/x"), STR("u"), STR("p"), &err), HL_EINVAL);
    assert_int_equal(logins_add(l, STR("e.com"), STR("u"), STR("p"), &err), HL_EINVAL);
}

static void dockers_configuration_is_read_without_its_helpers(void **state)
{
    HL_CLEANUP(logins_freep) struct logins *l = logins_new();
    struct weburl hub = parsed("https://registry-1.docker.io/v2/");
    struct weburl hub_tokens = parsed("https://auth.docker.io/token");
    struct weburl own = parsed("https://r.example.com:5000/v2/");
    struct weburl empty = parsed("https://empty/");

    (void)state;
    assert_int_equal(
        logins_add_docker(l,
                          STR("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"},"
                              "\"r.example.com:5000\":{\"username\":\"x\",\"password\":\"y\"},"
                              "\"empty\":{}},\"credsStore\":\"pass\"}"),
                          &err),
        0);
    assert_true(str_eq(logins_find(l, &hub), STR("u:p")));
    assert_true(str_eq(logins_find(l, &hub_tokens), STR("u:p")));
    assert_true(str_eq(logins_find(l, &own), STR("x:y")));
    assert_int_equal(logins_find(l, &empty).len, 0);
    assert_int_equal(logins_add_docker(l, STR("{\"auths\":{\"a\":{\"auth\":\"c2VjcmV0\"}}}"), &err),
                     HL_EINVAL);
    assert_null(strstr(err.text, "c2VjcmV0"));
    assert_int_equal(logins_add_docker(l, STR("secret"), &err), HL_EINVAL);
    assert_string_equal(err.text, "config.json is no JSON");
}

/* ---- registries ---- */

static void challenges_are_read_in_every_spelling(void **state)
{
    struct oci_challenge c;

    (void)state;
    assert_int_equal(oci_read_challenge(a,
                                        STR("bearer realm=\"https://a/t?x=\\\"y\", service = r , "
                                            "SCOPE=\"repository:a/b:pull,push\",error=x"),
                                        &c, &err),
                     0);
    assert_true(c.is_bearer);
    assert_true(str_eq(c.realm, STR("https://a/t?x=\"y")));
    assert_true(str_eq(c.service, STR("r")));
    assert_true(str_eq(c.scope, STR("repository:a/b:pull,push")));
    assert_int_equal(oci_read_challenge(a, STR("Basic realm=x"), &c, &err), 0);
    assert_false(c.is_bearer);
    assert_int_equal(oci_read_challenge(a, STR("Negotiate"), &c, &err), HL_EUNSUPPORTED);
    assert_int_equal(oci_read_challenge(a, STR(""), &c, &err), HL_EUNSUPPORTED);
    assert_int_equal(oci_read_challenge(a, STR("Bearer realm=\"x"), &c, &err), HL_EINVAL);
}

static void only_the_next_page_is_a_link_to_follow(void **state)
{
    (void)state;
    assert_true(str_eq(oci_next_link(STR("</p>; rel=\"prev\", </n?a=b,c>; rel=\"next\"")),
                       STR("/n?a=b,c")));
    assert_int_equal(oci_next_link(STR("</p>; rel=\"prev\"")).len, 0);
    assert_int_equal(oci_next_link(STR("</p; rel=\"next\"")).len, 0);
}

static int manifest_of(const char *config, const char *layers, struct oci_manifest *out)
{
    return oci_read_manifest(arena_printf(a, "{\"config\":%s,\"layers\":%s}", config, layers), out,
                             &err);
}

#define CONFIG                                                                                     \
    "{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\",\"digest\":\"sha256:" HEX_A       \
    "\",\"size\":2}"
#define LAYER(type, hex) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" hex "\",\"size\":3}"
#define CHART_TYPE "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

static void a_manifest_is_of_a_chart_or_refused(void **state)
{
    struct oci_manifest m;
    char hex[DIGEST_HEX + 1];

    (void)state;
    assert_int_equal(manifest_of(CONFIG,
                                 "[" LAYER("application/vnd.cncf.helm.chart.provenance.v1.prov",
                                           HEX_A) "," LAYER(CHART_TYPE, HEX_B) "]",
                                 &m),
                     0);
    assert_string_equal(digest_hex(&m.chart, hex), HEX_B);
    assert_int_equal(m.chart_bytes, 3);
    assert_int_equal(manifest_of(CONFIG, "[" LAYER("application/tar+gzip", HEX_B) "]", &m), 0);
    assert_int_equal(manifest_of(CONFIG, "[]", &m), HL_EINVAL);
    assert_int_equal(manifest_of("{\"mediaType\":\"application/vnd.oci.image.config.v1+json\"}",
                                 "[" LAYER(CHART_TYPE, HEX_B) "]", &m),
                     HL_EINVAL);
    assert_int_equal(
        manifest_of(CONFIG,
                    "[{\"mediaType\":\"" CHART_TYPE "\",\"digest\":\"sha512:x\",\"size\":1}]", &m),
        HL_EUNSUPPORTED);
    assert_int_equal(
        manifest_of(CONFIG, "[{\"mediaType\":\"" CHART_TYPE "\",\"digest\":\"sha256:" HEX_A "\"}]",
                    &m),
        HL_EINVAL);
    assert_int_equal(oci_read_manifest(STR("{\"manifests\":[]}"), &m, &err), HL_EUNSUPPORTED);
    assert_int_equal(oci_read_manifest(STR("<html>"), &m, &err), HL_EINVAL);
}

static void names_of_repositories_cannot_leave_their_path(void **state)
{
    static const char *const bad[] = {"",    "/a",  "a/",  "a//b", "../a", "a/../b", "A",    "a b",
                                      "a?b", "a:1", "a@b", "-a",   "a/.b", "a%2f",   "a..b", "a-"};

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++)
        assert_false(oci_is_path(str_from(bad[i])));
    assert_true(oci_is_path(STR("a/b.c/d_e__f-g--h/0")));
    assert_true(str_eq(oci_tag(a, STR("1.0.0+b.1")), STR("1.0.0_b.1")));
    assert_true(str_eq(oci_version(a, STR("1.0.0_b.1")), STR("1.0.0+b.1")));
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_registry", run_corpus_file, NULL) >=
                10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chart_urls_are_joined_as_helm_joins_them),
        TEST(locations_are_relative_to_the_document),
        TEST(urls_that_two_parsers_might_read_differently_are_refused),
        TEST(an_origin_is_scheme_host_and_port),
        TEST(a_lock_is_sorted_and_reads_back),
        TEST(a_version_with_another_digest_is_an_alarm),
        TEST(lines_of_another_form_are_refused_with_their_place),
        TEST(two_writers_of_a_lock_keep_what_both_added),
        TEST(a_lock_has_its_limits),
        TEST(a_login_is_for_its_origin_alone),
        TEST(dockers_configuration_is_read_without_its_helpers),
        TEST(challenges_are_read_in_every_spelling),
        TEST(only_the_next_page_is_a_link_to_follow),
        TEST(a_manifest_is_of_a_chart_or_refused),
        TEST(names_of_repositories_cannot_leave_their_path),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("edge/registry/texts", tests, NULL, NULL);
}
