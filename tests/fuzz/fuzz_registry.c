/*
 * What registries and users say, the first byte choosing who: challenges, links, tags, manifests,
 * tokens, config.json, charts.lock, URLs. A lock that is read is written the same; a URL that is
 * joined can be read.
 */
#include "edge/registry/lock.h"
#include "edge/registry/logins.h"
#include "edge/registry/oci_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_headers(struct arena *a, struct str text)
{
    struct oci_challenge c = {0};
    struct str next = oci_next_link(text);

    if (oci_read_challenge(a, text, &c, NULL) == 0 && c.is_bearer)
        HL_ASSERT(c.realm.len > 0 && c.realm.len <= text.len);
    HL_ASSERT(next.len == 0 ||
              (next.ptr >= text.ptr && next.ptr + next.len <= text.ptr + text.len));
}

static void check_bodies(struct arena *a, struct str text)
{
    struct oci_manifest manifest;
    struct oci_tags tags = {0};
    struct err err = {0};
    struct str token;

    if (oci_read_token(a, text, &token, NULL) == 0)
        HL_ASSERT(token.len > 0 && token.len <= OCI_TOKEN_MAX);
    (void)!oci_read_tags(a, text, &tags, NULL);
    HL_ASSERT(tags.count <= OCI_TAGS_MAX);
    int rc = oci_read_manifest(text, &manifest, &err);
    HL_ASSERT(rc == 0 || err.code == rc);
}

static void check_logins(struct str text)
{
    HL_CLEANUP(logins_freep) struct logins *l = logins_new();
    struct weburl hub = {.scheme = STR("https"), .host = STR("index.docker.io")};

    if (logins_add_docker(l, text, NULL) == 0) {
        struct str secret = logins_find(l, &hub);
        HL_ASSERT(secret.len == 0 || str_has_byte(secret, ':'));
    }
}

static void check_lock(struct str text)
{
    HL_CLEANUP(lock_freep) struct lock *l = lock_new();
    HL_CLEANUP(lock_freep) struct lock *again = lock_new();
    HL_CLEANUP(buf_deinit) struct buf first = {0};
    HL_CLEANUP(buf_deinit) struct buf second = {0};

    (void)!lock_parse(l, text, STR("charts.lock"), NULL);
    lock_write(l, &first);
    HL_ASSERT(lock_parse(again, buf_str(&first), STR("written"), NULL) == 0);
    lock_write(again, &second);
    HL_ASSERT(str_eq(buf_str(&first), buf_str(&second)));
}

static void check_url(struct arena *a, struct str text)
{
    struct str reference = text;
    struct str base = str_cut(&reference, '\n');
    struct str joined;
    struct weburl u;
    struct weburl v;

    if (weburl_parse(base, &u, NULL) < 0)
        return;
    HL_ASSERT(u.host.len > 0 && weburl_same_origin(&u, &u));
    if (weburl_follow(a, &u, reference, &joined, NULL) == 0 && joined.len <= WEBURL_BYTES_MAX)
        HL_ASSERT(weburl_parse(joined, &v, NULL) == 0);
    if (weburl_join(a, &u, reference, &joined, NULL) == 0 && joined.len <= WEBURL_BYTES_MAX)
        HL_ASSERT(weburl_parse(joined, &v, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data + 1, size - 1};

    if (size == 0)
        return 0;
    switch (data[0] % 5) {
    case 0:
        check_headers(a, text);
        break;
    case 1:
        check_bodies(a, text);
        break;
    case 2:
        check_logins(text);
        break;
    case 3:
        check_lock(text);
        break;
    default:
        check_url(a, text);
        break;
    }
    return 0;
}
