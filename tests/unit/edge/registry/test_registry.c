/*
 * The door against web servers in the test's hand: repositories and registries as they should be,
 * and as they should not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/chart/chart.h"
#include "edge/registry/archive.h"
#include "edge/registry/dependencies.h"
#include "support/corpus.h"
#include "support/fake_web.h"
#include "support/folder.h"
#include "support/tgz.h"

enum { PAGES_MAX = 16, TIMEOUT_MS = 3000 };

struct page {
    const char *path;
    unsigned status;
    const char *headers;
    struct str body;
    const char *wanted; /* an Authorization header that must be there; "": must not be */
    bool is_silent;
    bool is_cut;
};

struct site {
    struct fake_web *web;
    struct page page[PAGES_MAX];
    size_t count;
    bool was_wrong; /* an Authorization header was not what the page wants */
};

static struct arena *a;
static struct folder *folder;
static struct site site;
static struct site other;
static struct registry *registry;
static struct registry_chart chart;
static struct str bytes;
static struct err err;

static enum fake_outcome serve(void *context, const struct fake_request *request, struct buf *out)
{
    struct site *s = context;

    for (size_t i = 0; i < s->count; i++) {
        const struct page *p = &s->page[i];
        if (!str_eq(request->path, str_from(p->path)))
            continue;
        if (p->is_silent)
            return FAKE_SILENT;
        struct str authorization = fake_header(request, "Authorization");
        if (p->wanted && !str_eq(authorization, str_from(p->wanted)))
            s->was_wrong = true;
        fake_answer(out, p->status, p->headers ? p->headers : "", p->body);
        if (p->is_cut)
            out->len -= p->body.len / 2;
        return FAKE_ANSWERED;
    }
    fake_answer(out, 404, "", STR("nothing here"));
    return FAKE_ANSWERED;
}

static void add(struct site *s, struct page page)
{
    assert_true(s->count < PAGES_MAX);
    s->page[s->count++] = page;
}

static void add_body(struct site *s, const char *path, struct str body)
{
    add(s, (struct page){.path = path, .status = 200, .body = body});
}

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    folder = folder_new();
    memset(&site, 0, sizeof(site));
    memset(&other, 0, sizeof(other));
    err = (struct err){0};
    site.web = fake_web_new(serve, &site);
    other.web = fake_web_new(serve, &other);
    registry = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    registry_close(registry);
    fake_web_free(site.web);
    fake_web_free(other.web);
    folder_free(folder);
    arena_free(a);
    return 0;
}

static struct registry_config config_here(void)
{
    return (struct registry_config){
        .cache_dir = folder_path(folder, a, "cache"),
        .cache_bytes_max = REGISTRY_CACHE_BYTES,
        .lock_path = folder_path(folder, a, "charts.lock"),
        .base_dir = folder_path(folder, a, "."),
        .timeout_ms = TIMEOUT_MS,
        .is_oci_plain = true,
    };
}

static void open_with(const struct registry_config *config)
{
    registry_close(registry);
    registry = NULL;
    assert_int_equal(registry_open(config, &registry, &err), 0);
}

static void open_here(void)
{
    struct registry_config config = config_here();

    open_with(&config);
}

static void open_offline(void)
{
    struct registry_config config = config_here();

    config.is_offline = true;
    open_with(&config);
}

static struct str site_url(const struct site *s, const char *scheme, const char *path)
{
    return arena_printf(a, "%s://127.0.0.1:%u%s", scheme, fake_web_port(s->web), path);
}

static const char *hex_of(struct str s)
{
    char *hex = arena_alloc(a, DIGEST_HEX + 1);
    struct digest d = sha256_of(s);

    return digest_hex(&d, hex);
}

/* An index of demo 1.0.0 and 1.1.0, at these URLs. */
static struct str index_of(const char *old_url, const char *new_url, const char *new_digest)
{
    return arena_printf(a,
                        "apiVersion: v1\nentries:\n  demo:\n"
                        "  - name: demo\n    version: 1.0.0\n    urls: ['%s']\n"
                        "  - name: demo\n    version: 1.1.0\n    urls: ['%s']\n    digest: %s\n",
                        old_url, new_url, new_digest);
}

static struct str repository_here(void)
{
    struct str new_chart = tgz_chart(a, "demo", "1.1.0");

    add_body(&site, "/charts/demo-1.0.0.tgz", tgz_chart(a, "demo", "1.0.0"));
    add_body(&site, "/charts/demo-1.1.0.tgz", new_chart);
    add_body(&site, "/charts/index.yaml",
             index_of("demo-1.0.0.tgz", "demo-1.1.0.tgz", hex_of(new_chart)));
    return site_url(&site, "http", "/charts/");
}

static int resolve(struct str repository, const char *name, const char *range)
{
    return registry_resolve(registry, repository, str_from(name), str_from(range), a, &chart, &err);
}

static int fetch(void)
{
    return registry_fetch(registry, &chart, a, &bytes, &err);
}

/* ---- repositories ---- */

static void a_range_becomes_a_version_a_digest_and_an_archive(void **state)
{
    struct str repository = repository_here();
    struct chart_file *file;
    size_t count;

    (void)state;
    open_here();
    assert_int_equal(resolve(repository, "demo", "^1"), 0);
    assert_true(str_eq(chart.version, STR("1.1.0")));
    assert_int_equal(chart.kind, REGISTRY_ARCHIVE);
    assert_int_equal(fetch(), 0);
    struct digest digest = sha256_of(bytes);
    assert_true(digest_eq(&digest, &chart.digest));
    assert_int_equal(archive_unpack(NULL, a, STR("x"), bytes, &file, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(resolve(repository, "demo", "1.0.0"), 0); /* its index says no digest */
    assert_int_equal(fetch(), 0);
    assert_int_equal(resolve(repository, "demo", "^2"), HL_EABSENT);
    assert_int_equal(resolve(repository, "absent", ""), HL_EABSENT);
    assert_int_equal(resolve(repository, "demo", "!!"), HL_EINVAL);
    assert_int_equal(resolve(repository, "", ""), HL_EINVAL);
    assert_int_equal(fake_web_count(site.web), 3); /* one index, two archives */
}

static void the_lock_and_the_cache_answer_without_a_network(void **state)
{
    struct str repository = repository_here();

    (void)state;
    open_here();
    assert_int_equal(resolve(repository, "demo", ""), 0);
    assert_int_equal(fetch(), 0);
    struct digest digest = chart.digest;
    struct str lock = corpus_file(a, folder_path(folder, a, "charts.lock").ptr);
    assert_true(str_eq(lock, arena_printf(a, "%s demo 1.1.0 sha256:%s\n",
                                          site_url(&site, "http", "/charts").ptr, hex_of(bytes))));
    unsigned asked = fake_web_count(site.web);
    open_offline();
    assert_int_equal(resolve(repository, "demo", "~1.1"), 0);
    assert_true(digest_eq(&digest, &chart.digest));
    assert_int_equal(fetch(), 0);
    assert_int_equal(resolve(repository, "demo", "1.0.0"), HL_EABSENT);
    chart.digest.bytes[0] ^= 1;
    assert_int_equal(fetch(), HL_EABSENT);
    assert_non_null(strstr(err.text, "offline"));
    open_here();
    assert_int_equal(resolve(repository, "demo", "1.1.0"), 0); /* exact and locked */
    assert_int_equal(fake_web_count(site.web), asked);
}

static void a_version_that_changed_is_an_alarm_not_an_update(void **state)
{
    struct str repository = repository_here();
    struct str evil = tgz_chart(a, "demo", "1.1.0-evil");

    (void)state;
    open_here();
    assert_int_equal(resolve(repository, "demo", ""), 0);
    struct registry_chart locked = chart;
    site.page[1].body = evil;
    assert_int_equal(fetch(), HL_ECONFLICT);
    assert_non_null(strstr(err.text, hex_of(evil)));
    open_here(); /* asks for the index again */
    site.page[2].body = index_of("demo-1.0.0.tgz", "demo-1.1.0.tgz", hex_of(evil));
    chart = (struct registry_chart){0};
    assert_int_equal(resolve(repository, "demo", ""), HL_ECONFLICT);
    assert_true(digest_eq(&chart.digest, &locked.digest));
    char hex[DIGEST_HEX + 1];
    assert_non_null(strstr(err.text, hex_of(evil)));
    assert_non_null(strstr(err.text, digest_hex(&locked.digest, hex)));
}

static void what_others_have_locked_counts_more(void **state)
{
    struct registry_config config = config_here();
    struct str repository = repository_here();
    char hex[DIGEST_HEX + 1];
    struct digest another = sha256_of(STR("another archive"));

    (void)state;
    config.lock_path = STR_NONE;
    open_with(&config);
    assert_int_equal(resolve(repository, "demo", "1.1.0"), 0);
    struct str same = arena_printf(a, STR_FMT " demo 1.1.0 sha256:%s\n", STR_ARG(chart.repository),
                                   digest_hex(&chart.digest, hex));
    struct str others = arena_printf(a, STR_FMT " demo 1.1.0 sha256:%s\n",
                                     STR_ARG(chart.repository), digest_hex(&another, hex));
    assert_int_equal(registry_adopt(registry, same, &err), REGISTRY_AGREED);
    assert_int_equal(registry_adopt(registry, others, &err), REGISTRY_CORRECTED);
    assert_int_equal(registry_adopt(registry, STR("nonsense\n"), &err), HL_EINVAL);
    assert_int_equal(resolve(repository, "demo", "1.1.0"), 0);
    assert_true(digest_eq(&chart.digest, &another));
    struct registry_chart in_force = {0};
    assert_int_equal(
        registry_resolve_locked(registry, repository, STR("demo"), STR("^1"), a, &in_force, &err),
        0);
    assert_true(digest_eq(&in_force.digest, &another));
    assert_int_equal(
        registry_resolve_locked(registry, repository, STR("demo"), STR("^2"), a, &in_force, &err),
        HL_EABSENT);
    assert_int_equal(fetch(), HL_ECONFLICT);
}

static void content_that_its_index_does_not_name_is_refused(void **state)
{
    struct registry_config config = config_here();
    struct str repository = repository_here();

    (void)state;
    config.lock_path = STR_NONE;
    open_with(&config);
    assert_int_equal(resolve(repository, "demo", ""), 0);
    site.page[1].body = STR("something else");
    assert_int_equal(fetch(), HL_ECONFLICT);
}

static void faults_of_the_way_are_told_apart(void **state)
{
    struct str repository = repository_here();
    struct registry_config config = config_here();

    (void)state;
    config.timeout_ms = 300;
    open_with(&config);
    site.page[2].status = 503;
    assert_int_equal(resolve(repository, "demo", ""), HL_ETEMP);
    site.page[2].status = 403;
    assert_int_equal(resolve(repository, "demo", ""), HL_EDENIED);
    site.page[2].status = 200;
    site.page[2].is_cut = true;
    assert_int_equal(resolve(repository, "demo", ""), HL_ETEMP);
    site.page[2].is_silent = true;
    assert_int_equal(resolve(repository, "demo", ""), HL_ETIMEOUT);
    site.page[2] = (struct page){.path = "/charts/index.yaml", .status = 200, .body = STR("{")};
    assert_int_equal(resolve(repository, "demo", ""), HL_EINVAL);
    assert_int_equal(resolve(site_url(&site, "http", "/nothing"), "demo", ""), HL_EABSENT);
}

static void an_archive_that_is_too_large_is_refused(void **state)
{
    struct str repository = repository_here();

    (void)state;
    open_here();
    site.page[1].body =
        (struct str){arena_alloc(a, ARCHIVE_PACKED_MAX + 1), ARCHIVE_PACKED_MAX + 1};
    assert_int_equal(resolve(repository, "demo", ""), 0);
    assert_int_equal(fetch(), HL_ELIMIT);
}

/* ---- redirects and credentials ---- */

static void redirects_are_followed_but_not_for_ever(void **state)
{
    struct str repository = repository_here();

    (void)state;
    open_here();
    site.page[1] = (struct page){.path = "/charts/demo-1.1.0.tgz",
                                 .status = 302,
                                 .headers = "Location: ../moved?to=here\r\n"};
    add_body(&site, "/moved?to=here", tgz_chart(a, "demo", "1.1.0"));
    assert_int_equal(resolve(repository, "demo", ""), 0);
    assert_int_equal(fetch(), 0);
    open_here();
    add(&site, (struct page){.path = "/loop/index.yaml",
                             .status = 301,
                             .headers = "Location: index.yaml\r\n"});
    assert_int_equal(resolve(site_url(&site, "http", "/loop"), "demo", ""), HL_EDENIED);
    assert_non_null(strstr(err.text, "more than 5 redirects"));
    add(&site, (struct page){.path = "/out/index.yaml",
                             .status = 307,
                             .headers = "Location: file:///etc/passwd\r\n"});
    assert_true(resolve(site_url(&site, "http", "/out"), "demo", "") < 0);
    add(&site, (struct page){.path = "/near/index.yaml",
                             .status = 307,
                             .headers = "Location: http://169.254.169.254/latest\r\n"});
    assert_int_equal(resolve(site_url(&site, "http", "/near"), "demo", ""), HL_EDENIED);
    assert_non_null(strstr(err.text, "may not be connected to"));
}

static void credentials_go_to_their_own_origin_alone(void **state)
{
    struct str new_chart = tgz_chart(a, "demo", "1.1.0");
    struct registry_login login = {site_url(&site, "http", ""), STR("me"), STR("secret")};
    struct registry_config config = config_here();
    const char *back =
        arena_printf(a, "Location: %s\r\n", site_url(&site, "http", "/back.tgz").ptr).ptr;
    const char *away =
        arena_printf(a, "Location: %s\r\n", site_url(&other, "http", "/away.tgz").ptr).ptr;

    (void)state;
    config.login = &login;
    config.login_count = 1;
    open_with(&config);
    struct page index = {.path = "/index.yaml",
                         .status = 200,
                         .body = index_of("x", "demo-1.1.0.tgz", hex_of(new_chart)),
                         .wanted = "Basic bWU6c2VjcmV0"};
    add(&site, index);
    add(&site, (struct page){.path = "/demo-1.1.0.tgz",
                             .status = 302,
                             .headers = away,
                             .wanted = "Basic bWU6c2VjcmV0"});
    add(&other, (struct page){.path = "/away.tgz", .status = 302, .headers = back, .wanted = ""});
    add(&site, (struct page){.path = "/back.tgz", .status = 200, .body = new_chart, .wanted = ""});
    assert_int_equal(resolve(site_url(&site, "http", ""), "demo", ""), 0);
    assert_int_equal(fetch(), 0);
    assert_false(site.was_wrong);
    assert_false(other.was_wrong);
}

/* ---- registries ---- */

#define CONFIG_TYPE "application/vnd.cncf.helm.config.v1+json"
#define CHART_TYPE "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

static struct str manifest_of(struct str config, struct str archive)
{
    return arena_printf(a,
                        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" CONFIG_TYPE
                        "\",\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
                        "\"" CHART_TYPE "\",\"digest\":\"sha256:%s\",\"size\":%zu}]}",
                        hex_of(config), config.len, hex_of(archive), archive.len);
}

static struct str push(struct str archive, const char *version, const char *tag)
{
    struct str config = arena_printf(a, "{\"name\":\"demo\",\"version\":\"%s\"}", version);
    struct str manifest = manifest_of(config, archive);
    const char *base = "/v2/charts/demo";

    add_body(&site, arena_printf(a, "%s/manifests/%s", base, tag).ptr, manifest);
    add_body(&site, arena_printf(a, "%s/manifests/sha256:%s", base, hex_of(manifest)).ptr,
             manifest);
    add_body(&site, arena_printf(a, "%s/blobs/sha256:%s", base, hex_of(config)).ptr, config);
    add_body(&site, arena_printf(a, "%s/blobs/sha256:%s", base, hex_of(archive)).ptr, archive);
    return manifest;
}

static void a_registry_lists_tags_on_pages_and_gives_the_newest(void **state)
{
    struct str archive = tgz_chart(a, "demo", "1.2.0+b.1");

    (void)state;
    open_here();
    add(&site, (struct page){
                   .path = "/v2/charts/demo/tags/list?n=1000",
                   .status = 200,
                   .headers = "Link: </v2/charts/demo/tags/list?n=1000&last=x>; rel=\"next\"\r\n",
                   .body = STR("{\"tags\":[\"latest\",\"1.0.0\",\"2.0.0-rc.1\"]}")});
    add_body(&site, "/v2/charts/demo/tags/list?n=1000&last=x",
             STR("{\"tags\":[\"1.2.0_b.1\",\"1.1.0\",\"v9\"]}"));
    struct str manifest = push(archive, "1.2.0+b.1", "1.2.0_b.1");
    struct str repository = site_url(&site, "oci", "/charts");
    assert_int_equal(resolve(repository, "demo", ""), 0);
    assert_true(str_eq(chart.version, STR("1.2.0+b.1")));
    assert_int_equal(fetch(), 0);
    assert_true(str_eq(bytes, archive));
    open_here();
    const char *pinned = arena_printf(a, "demo@sha256:%s", hex_of(manifest)).ptr;
    assert_int_equal(resolve(repository, pinned, ""), 0);
    assert_true(str_eq(chart.version, STR("1.2.0+b.1")));
    assert_true(str_eq(chart.name, STR("demo")));
    assert_int_equal(resolve(repository, pinned, ">2"), HL_EABSENT);
    assert_int_equal(resolve(repository, "demo@sha256:12", ""), HL_EINVAL);
    assert_int_equal(resolve(repository, "demo", "7.0.0"), HL_EABSENT);
    assert_int_equal(resolve(repository, "../demo", ""), HL_EINVAL);
}

static void content_with_another_digest_is_refused(void **state)
{
    struct str archive = tgz_chart(a, "demo", "1.0.0");
    struct str manifest = push(archive, "1.0.0", "1.0.0");
    struct str repository = site_url(&site, "oci", "/charts");

    (void)state;
    open_here();
    site.page[1].body = STR("{}");
    assert_int_equal(
        resolve(repository, arena_printf(a, "demo@sha256:%s", hex_of(manifest)).ptr, ""),
        HL_ECORRUPT);
    assert_int_equal(resolve(repository, "demo", "1.0.0"), 0);
    site.page[3].body = STR("no archive");
    assert_int_equal(fetch(), HL_ECORRUPT);
    site.page[0].body = STR("{\"config\":{\"mediaType\":\"application/vnd.oci.image.config\"}}");
    assert_int_equal(resolve(repository, "demo", "v1.0.0"), HL_EABSENT); /* another tag */
}

static void a_token_service_is_asked_with_its_own_credentials(void **state)
{
    struct str archive = tgz_chart(a, "demo", "1.0.0");
    struct registry_config config = config_here();
    struct str token_origin = site_url(&other, "http", "");
    struct registry_login logins[] = {{site_url(&site, "http", ""), STR("never"), STR("sent")},
                                      {token_origin, STR("me"), STR("secret")}};

    (void)state;
    config.login = logins;
    config.login_count = 2;
    open_with(&config);
    const char *challenge =
        arena_printf(a,
                     "WWW-Authenticate: Bearer realm=\"%s/token\",service=\"the registry\","
                     "scope=\"repository:charts/demo:pull\"\r\n",
                     token_origin.ptr)
            .ptr;
    add(&site, (struct page){.path = "/v2/charts/demo/manifests/1.0.0",
                             .status = 401,
                             .headers = challenge,
                             .wanted = ""});
    add(&other,
        (struct page){.path = "/token?service=the%20registry&scope=repository:charts/demo:pull",
                      .status = 200,
                      .body = STR("{\"access_token\":\"abc\"}"),
                      .wanted = "Basic bWU6c2VjcmV0"});
    struct str repository = site_url(&site, "oci", "/charts");
    assert_int_equal(resolve(repository, "demo", "1.0.0"), HL_EDENIED); /* the token is no good */
    assert_false(other.was_wrong);
    assert_true(site.was_wrong); /* it came with the token the second time */
    site.count = 0;
    site.was_wrong = false;
    (void)push(archive, "1.0.0", "1.0.0");
    for (size_t i = 0; i < site.count; i++)
        site.page[i].wanted = "Bearer abc";
    assert_int_equal(resolve(repository, "demo", "1.0.0"), 0);
    assert_int_equal(fetch(), 0);
    assert_false(site.was_wrong);
    assert_int_equal(fake_web_count(other.web), 1); /* the token is kept */
}

static void a_registry_may_want_a_password(void **state)
{
    struct registry_config config = config_here();
    struct registry_login login = {site_url(&site, "http", ""), STR("me"), STR("secret")};
    struct page refusal = {.path = "/v2/charts/demo/manifests/1.0.0",
                           .status = 401,
                           .headers = "WWW-Authenticate: Basic realm=\"r\"\r\n"};

    (void)state;
    open_with(&config);
    add(&site, refusal);
    struct str repository = site_url(&site, "oci", "/charts");
    assert_int_equal(resolve(repository, "demo", "1.0.0"), HL_EDENIED);
    assert_non_null(strstr(err.text, "wants a password"));
    config.login = &login;
    config.login_count = 1;
    open_with(&config);
    assert_int_equal(resolve(repository, "demo", "1.0.0"), HL_EDENIED);
    assert_non_null(strstr(err.text, "status 401")); /* it was given, and not taken */
    assert_null(strstr(err.text, "secret"));
}

static void tags_that_never_end_are_cut(void **state)
{
    (void)state;
    open_here();
    add(&site,
        (struct page){.path = "/v2/charts/demo/tags/list?n=1000",
                      .status = 200,
                      .headers = "Link: </v2/charts/demo/tags/list?n=1000>; rel=\"next\"\r\n",
                      .body = STR("{\"tags\":[\"1.0.0\"]}")});
    assert_int_equal(resolve(site_url(&site, "oci", "/charts"), "demo", ""), HL_ELIMIT);
    site.page[0].headers = "Link: <http://127.0.0.1:1/x>; rel=\"next\"\r\n";
    assert_int_equal(resolve(site_url(&site, "oci", "/charts"), "demo", ""), HL_EDENIED);
}

static void an_index_may_point_into_a_registry(void **state)
{
    struct str archive = tgz_chart(a, "demo", "1.1.0");

    (void)state;
    open_here();
    (void)push(archive, "1.1.0", "1.1.0");
    add_body(&site, "/index.yaml",
             index_of("x", site_url(&site, "oci", "/charts/demo:1.1.0").ptr, "0"));
    assert_int_equal(resolve(site_url(&site, "http", ""), "demo", ""), 0);
    assert_int_equal(fetch(), 0);
    assert_true(str_eq(bytes, archive));
}

/* ---- this machine ---- */

static void write_file(const char *name, struct str text)
{
    FILE *f = fopen(folder_path(folder, a, name).ptr, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

static void folders_and_archives_of_this_machine_are_sources_too(void **state)
{
    (void)state;
    open_here();
    write_file("Chart.yaml", STR("apiVersion: v2\nname: own\nversion: 0.3.0\n"));
    write_file("a.tgz", tgz_chart(a, "packed", "2.0.0"));
    assert_int_equal(resolve(STR("file://."), "own", "^0.3"), 0);
    assert_int_equal(chart.kind, REGISTRY_FOLDER);
    assert_true(str_eq(chart.version, STR("0.3.0")));
    assert_int_equal(fetch(), HL_EINVAL);
    assert_int_equal(resolve(STR("file://."), "own", "^1"), HL_EABSENT);
    assert_int_equal(resolve(STR("file://."), "else", ""), HL_EABSENT);
    assert_int_equal(resolve(folder_path(folder, a, "a.tgz"), "", ""), 0);
    assert_int_equal(chart.kind, REGISTRY_ARCHIVE);
    assert_true(str_eq(chart.name, STR("packed")));
    assert_int_equal(fetch(), 0);
    assert_int_equal(resolve(STR("file://nowhere"), "", ""), HL_EABSENT);
    assert_int_equal(resolve(STR("ftp://e.com/x"), "x", ""), HL_EABSENT);
}

static void a_chart_is_pulled_as_a_whole_file(void **state)
{
    struct str repository = repository_here();
    struct str path;

    (void)state;
    open_here();
    assert_int_equal(resolve(repository, "demo", "1.0.0"), 0);
    struct str into = folder_path(folder, a, "cache");
    assert_int_equal(registry_pull(registry, &chart, into, a, &path, &err), 0);
    assert_true(str_ends(path, STR("/cache/demo-1.0.0.tgz")));
    assert_true(str_eq(corpus_file(a, path.ptr), tgz_chart(a, "demo", "1.0.0")));
    assert_int_equal(registry_pull(registry, &chart, into, a, &path, &err), 0);
    assert_int_equal(registry_pull(registry, &chart, STR("/nowhere"), a, &path, &err), HL_EIO);
    chart.version = STR("../../1");
    assert_int_equal(registry_pull(registry, &chart, into, a, &path, &err), HL_EINVAL);
}

/* ---- dependencies ---- */

static struct chart *loaded(const char *dependencies, const char *lock)
{
    struct chart_file file[] = {
        {STR("Chart.yaml"), arena_printf(a,
                                         "apiVersion: v2\nname: top\nversion: 1.0.0\n"
                                         "dependencies:\n%s",
                                         dependencies)},
        {STR("Chart.lock"), str_from(lock)},
    };
    struct chart *c;

    assert_int_equal(chart_load(a, file, lock ? 2 : 1, NULL, NULL, &c, &err), 0);
    return c;
}

static int depend(const struct chart *c, struct registry_dependency **out)
{
    size_t count = 0;

    int rc = registry_dependencies(registry, c, folder_path(folder, a, ""), a, out, &count, &err);
    assert_true(rc < 0 || count == c->metadata.dependency_count);
    return rc;
}

static void dependencies_resolve_by_the_lock_of_their_chart(void **state)
{
    struct str repository = repository_here();
    struct registry_dependency *d;

    (void)state;
    open_here();
    write_file("Chart.yaml", STR("apiVersion: v2\nname: own\nversion: 0.3.0\n"));
    const char *three = arena_printf(a,
                                     "- {name: demo, version: ^1, repository: '%s'}\n"
                                     "- {name: own, version: '*', repository: 'file://.'}\n"
                                     "- {name: bundled, version: 1.x, repository: ''}\n",
                                     repository.ptr)
                            .ptr;
    assert_int_equal(depend(loaded(three, NULL), &d), 0);
    assert_true(str_eq(d[0].chart.version, STR("1.1.0")));
    assert_int_equal(d[1].chart.kind, REGISTRY_FOLDER);
    assert_true(d[2].is_bundled);
    const char *lock = arena_printf(a,
                                    "dependencies:\n"
                                    "- {name: demo, version: 1.0.0, repository: '%s'}\n"
                                    "- {name: own, version: 0.3.0, repository: 'file://.'}\n"
                                    "- {name: bundled, version: 1.x, repository: ''}\n",
                                    repository.ptr)
                           .ptr;
    assert_int_equal(depend(loaded(three, lock), &d), 0);
    assert_true(str_eq(d[0].chart.version, STR("1.0.0")));
    const char *narrow = arena_printf(a,
                                      "- {name: demo, version: ^2, repository: '%s'}\n"
                                      "- {name: own, version: '*', repository: 'file://.'}\n"
                                      "- {name: bundled, version: 1.x, repository: ''}\n",
                                      repository.ptr)
                             .ptr;
    assert_int_equal(depend(loaded(narrow, lock), &d), HL_EINVAL);
    assert_string_equal(err.text, "the lock file (Chart.lock) is out of sync with the dependencies "
                                  "file (Chart.yaml). Please update the dependencies");
    assert_int_equal(depend(loaded("- {name: x, version: 1, repository: '@stable'}\n", NULL), &d),
                     HL_EUNSUPPORTED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_range_becomes_a_version_a_digest_and_an_archive),
        TEST(the_lock_and_the_cache_answer_without_a_network),
        TEST(a_version_that_changed_is_an_alarm_not_an_update),
        TEST(what_others_have_locked_counts_more),
        TEST(content_that_its_index_does_not_name_is_refused),
        TEST(faults_of_the_way_are_told_apart),
        TEST(an_archive_that_is_too_large_is_refused),
        TEST(redirects_are_followed_but_not_for_ever),
        TEST(credentials_go_to_their_own_origin_alone),
        TEST(a_registry_lists_tags_on_pages_and_gives_the_newest),
        TEST(content_with_another_digest_is_refused),
        TEST(a_token_service_is_asked_with_its_own_credentials),
        TEST(a_registry_may_want_a_password),
        TEST(tags_that_never_end_are_cut),
        TEST(an_index_may_point_into_a_registry),
        TEST(folders_and_archives_of_this_machine_are_sources_too),
        TEST(a_chart_is_pulled_as_a_whole_file),
        TEST(dependencies_resolve_by_the_lock_of_their_chart),
    };
    return cmocka_run_group_tests_name("edge/registry", tests, NULL, NULL);
}
