/*
 *   request ──401──► challenge ──basic──► request with a password
 *                        └──────bearer──► token service ──► request with a token
 *
 * A second 401 is the answer: nobody is asked three times.
 */
#include "edge/registry/oci.h"

#include <stdlib.h>
#include <string.h>

enum { ERROR_BODY_MAX = 64 << 10 };

static const char MANIFEST_TYPES[] = "application/vnd.oci.image.manifest.v1+json, "
                                     "application/vnd.oci.image.index.v1+json, "
                                     "application/vnd.docker.distribution.manifest.v2+json";

struct oci {
    struct web *web;
    const struct logins *logins;
    struct str token; /* of token_place; empty: none */
    struct str token_place;
};

struct oci *oci_new(struct web *web, const struct logins *logins)
{
    struct oci *o = hl_calloc(1, sizeof(*o));

    o->web = web;
    o->logins = logins;
    return o;
}

static void forget_token(struct oci *o)
{
    if (o->token.ptr)
        explicit_bzero((void *)(uintptr_t)o->token.ptr, o->token.len);
    str_free(o->token);
    str_free(o->token_place);
    o->token = o->token_place = STR_NONE;
}

void oci_free(struct oci *o)
{
    if (!o)
        return;
    forget_token(o);
    free(o);
}

int oci_place(struct arena *a, struct str repository, struct str name, bool is_plain,
              struct oci_place *out, struct err *err)
{
    struct weburl u;

    int rc = weburl_parse(repository, &u, err);
    if (rc < 0)
        return rc;
    struct str folder = str_starts(u.path, STR("/")) ? str_sub(u.path, 1, u.path.len) : u.path;
    while (str_ends(folder, STR("/")))
        folder.len--;
    const char *slash = folder.len > 0 && name.len > 0 ? "/" : "";
    struct str path = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(folder), slash, STR_ARG(name));
    if (!str_eq(u.scheme, STR("oci")) || u.query.len > 0 || !oci_is_path(path))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "/" STR_FMT "\" is no repository of a registry",
                       STR_ARG(repository), STR_ARG(str_sub(name, 0, 100)));
    *out =
        (struct oci_place){{.scheme = is_plain ? STR("http") : STR("https"), .host = u.host}, path};
    return 0;
}

/* ---- credentials ---- */

static struct str place_key(struct arena *a, const struct oci_place *place)
{
    return arena_concat(a, weburl_origin(a, &place->origin), place->path);
}

static void escape(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_word = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') ||
                       (c != '\0' && strchr("-._~:/,", c));
        if (is_word)
            buf_add_byte(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

static struct str token_url(struct arena *a, const struct oci_challenge *c)
{
    HL_CLEANUP(buf_deinit) struct buf url = {0};

    buf_add(&url, c->realm);
    buf_add_cstr(&url, str_has_byte(c->realm, '?') ? "&service=" : "?service=");
    escape(&url, c->service);
    if (c->scope.len > 0) {
        buf_add_cstr(&url, "&scope=");
        escape(&url, c->scope);
    }
    return arena_dup(a, buf_str(&url));
}

static int check_realm(const struct oci_place *place, const struct weburl *realm, struct err *err)
{
    bool is_step_back =
        str_eq(place->origin.scheme, STR("https")) && !str_eq(realm->scheme, STR("https"));

    if (!is_step_back && !str_eq(realm->scheme, STR("oci")))
        return 0;
    return err_set(err, HL_EDENIED, "the token service of " STR_FMT " is not asked: it has no TLS",
                   STR_ARG(place->origin.host));
}

/* Passwords of the registry's origin are good for a token service there; another one has its own.
 */
static int get_token(struct oci *o, const struct oci_place *place, const struct oci_challenge *c,
                     struct arena *a, struct err *err)
{
    struct web_ask ask = {.url = token_url(a, c), .body_max = ERROR_BODY_MAX};
    struct http_reply reply;
    struct weburl realm;
    struct str token;

    int rc = weburl_parse(ask.url, &realm, err);
    if (rc == 0)
        rc = check_realm(place, &realm, err);
    if (rc < 0)
        return rc;
    ask.basic = logins_find(o->logins, &realm);
    rc = web_get(o->web, &ask, a, &reply, err);
    if (rc == 0)
        rc = web_judge(&reply, ask.url, err);
    if (rc == 0)
        rc = oci_read_token(a, reply.body, &token, err);
    if (rc < 0)
        return err_wrap(err, "token for " STR_FMT, STR_ARG(place->origin.host));
    forget_token(o);
    o->token = str_dup(token);
    o->token_place = str_dup(place_key(a, place));
    return 0;
}

/* Adds to `ask` what the challenge wants. */
static int answer(struct oci *o, const struct oci_place *place, const struct http_reply *refusal,
                  struct arena *a, struct web_ask *ask, struct err *err)
{
    struct str header = http_reply_field(refusal, "WWW-Authenticate");
    struct oci_challenge c;

    int rc = oci_read_challenge(a, header, &c, err);
    if (rc < 0)
        return err_wrap(err, STR_FMT, STR_ARG(place->origin.host));
    ask->bearer = ask->basic = STR_NONE;
    if (!c.is_bearer) {
        ask->basic = logins_find(o->logins, &place->origin);
        return ask->basic.len > 0 ? 0
                                  : err_set(err, HL_EDENIED,
                                            STR_FMT " wants a password, and there "
                                                    "is none for it",
                                            STR_ARG(place->origin.host));
    }
    rc = get_token(o, place, &c, a, err);
    ask->bearer = o->token;
    return rc;
}

static int get(struct oci *o, const struct oci_place *place, struct str url, const char *accept,
               size_t body_max, struct arena *a, struct http_reply *out, struct err *err)
{
    struct web_ask ask = {.url = url, .accept = str_from(accept), .body_max = body_max};

    if (str_eq(o->token_place, place_key(a, place)))
        ask.bearer = o->token;
    int rc = web_get(o->web, &ask, a, out, err);
    if (rc == 0 && out->status == 401) {
        rc = answer(o, place, out, a, &ask, err);
        if (rc == 0)
            rc = web_get(o->web, &ask, a, out, err);
    }
    return rc < 0 ? rc : web_judge(out, url, err);
}

/* ---- questions ---- */

static struct str url_of(struct arena *a, const struct oci_place *place, const char *kind,
                         struct str what)
{
    return arena_printf(a, STR_FMT "/v2/" STR_FMT "/%s/" STR_FMT,
                        STR_ARG(weburl_origin(a, &place->origin)), STR_ARG(place->path), kind,
                        STR_ARG(what));
}

/* The next page is the registry's own, or there is none. */
static int next_page(const struct oci_place *place, const struct http_reply *reply, struct arena *a,
                     struct str *url, struct err *err)
{
    struct str link = oci_next_link(http_reply_field(reply, "Link"));
    struct weburl from;
    struct weburl to;

    if (link.len == 0) {
        *url = STR_NONE;
        return 0;
    }
    int rc = weburl_parse(*url, &from, err);
    if (rc == 0)
        rc = weburl_follow(a, &from, link, url, err);
    if (rc == 0)
        rc = weburl_parse(*url, &to, err);
    if (rc < 0)
        return rc;
    return weburl_same_origin(&to, &place->origin)
               ? 0
               : err_set(err, HL_EDENIED, STR_FMT " continues its list of tags elsewhere",
                         STR_ARG(place->origin.host));
}

int oci_list_tags(struct oci *o, const struct oci_place *place, struct arena *a,
                  struct oci_tags *out, struct err *err)
{
    struct str url = url_of(a, place, "tags", STR("list?n=1000"));
    struct oci_tags tags = {0};
    struct http_reply reply;

    for (int i = 0; i < OCI_PAGES_MAX; i++) {
        int rc = get(o, place, url, "application/json", OCI_MANIFEST_MAX, a, &reply, err);
        if (rc == 0)
            rc = oci_read_tags(a, reply.body, &tags, err);
        if (rc == 0)
            rc = next_page(place, &reply, a, &url, err);
        if (rc < 0)
            return rc;
        if (url.len == 0) {
            *out = tags;
            return 0;
        }
    }
    return err_set(err, HL_ELIMIT, "more than %d pages of tags", OCI_PAGES_MAX);
}

static int check_digest(struct str bytes, const struct digest *wanted, struct str url,
                        struct err *err)
{
    struct digest found = sha256_of(bytes);
    char hex[DIGEST_HEX + 1];

    if (digest_eq(&found, wanted))
        return 0;
    return err_set(err, HL_ECORRUPT, STR_FMT ": what came has the digest sha256:%s", STR_ARG(url),
                   digest_hex(&found, hex));
}

int oci_get_manifest(struct oci *o, const struct oci_place *place, struct str reference,
                     struct arena *a, struct oci_manifest *out, struct err *err)
{
    struct str url = url_of(a, place, "manifests", reference);
    struct digest wanted;
    struct http_reply reply;

    int rc = get(o, place, url, MANIFEST_TYPES, OCI_MANIFEST_MAX, a, &reply, err);
    if (rc == 0 && oci_digest(reference, &wanted))
        rc = check_digest(reply.body, &wanted, url, err);
    if (rc < 0)
        return rc;
    rc = oci_read_manifest(reply.body, out, err);
    return rc < 0 ? err_wrap(err, STR_FMT, STR_ARG(url)) : 0;
}

int oci_get_blob(struct oci *o, const struct oci_place *place, const struct digest *digest,
                 size_t bytes_max, struct arena *a, struct str *out, struct err *err)
{
    char hex[DIGEST_HEX + 1];
    struct str name = arena_printf(a, "sha256:%s", digest_hex(digest, hex));
    struct str url = url_of(a, place, "blobs", name);
    struct http_reply reply;

    int rc = get(o, place, url, "", bytes_max, a, &reply, err);
    if (rc == 0)
        rc = check_digest(reply.body, digest, url, err);
    if (rc == 0)
        *out = reply.body;
    return rc;
}
