/*
 * HTTP repositories: index.yaml says versions, URLs and, mostly, digests. The last index is kept
 * for a while, because one plan asks many questions of few repositories.
 */
#include <stdlib.h>
#include <time.h>

#include "edge/registry/archive.h"
#include "edge/registry/source.h"

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int get_index(struct registry *r, const struct weburl *base, struct arena *a,
                     struct err *err)
{
    struct web_ask ask = {
        .url = weburl_below(a, base, STR("index.yaml")),
        .basic = logins_find(r->logins, base),
        .body_max = INDEX_BYTES_MAX,
    };
    struct http_reply reply;
    struct arena *fresh;

    if (str_eq(r->index_url, ask.url) && now_ms() - r->index_ms < REGISTRY_INDEX_MS)
        return 0;
    fresh = arena_new();
    int rc = web_get(r->web, &ask, fresh, &reply, err);
    if (rc == 0)
        rc = web_judge(&reply, ask.url, err);
    if (rc < 0) {
        arena_free(fresh);
        return rc;
    }
    arena_free(r->index_arena);
    r->index_arena = fresh;
    r->index_url = arena_dup(fresh, ask.url);
    r->index_bytes = reply.body;
    r->index_ms = now_ms();
    return 0;
}

/* The entry of a version, and where its archive is. */
static int find_entry(struct registry *r, const struct registry_chart *chart, struct str range,
                      struct arena *a, const struct index_entry **entry, struct str *url,
                      struct err *err)
{
    struct index index;
    struct weburl base;

    int rc = weburl_parse(chart->repository, &base, err);
    if (rc == 0)
        rc = get_index(r, &base, a, err);
    if (rc == 0)
        rc = index_read(a, r->index_bytes, r->index_url, chart->name, &index, err);
    if (rc < 0)
        return rc;
    rc = index_pick(a, &index, range, entry, err);
    if (rc == 0 && (*entry)->url_count == 0)
        rc = err_set(err, HL_EINVAL, "version " STR_FMT " has no downloadable URLs",
                     STR_ARG((*entry)->version));
    if (rc == 0)
        rc = weburl_join(a, &base, (*entry)->url[0], url, err);
    return rc < 0 ? err_wrap(err, "chart " STR_FMT " of " STR_FMT, STR_ARG(chart->name),
                             STR_ARG(chart->repository))
                  : 0;
}

static bool is_oci(struct str url)
{
    return str_starts(url, STR("oci://"));
}

/* Credentials of a repository are for its own origin; what lies elsewhere has its own. */
static int download(struct registry *r, struct str url, struct arena *a, struct str *out,
                    struct err *err)
{
    struct web_ask ask = {
        .url = url,
        .accept = STR("application/gzip,application/octet-stream"),
        .body_max = ARCHIVE_PACKED_MAX,
    };
    struct http_reply reply;
    struct weburl u;

    int rc = weburl_parse(url, &u, err);
    if (rc < 0)
        return rc;
    ask.basic = logins_find(r->logins, &u);
    rc = web_get(r->web, &ask, a, &reply, err);
    if (rc == 0)
        rc = web_judge(&reply, url, err);
    if (rc == 0)
        *out = reply.body;
    return rc;
}

/* What an index says without or with "sha256:". */
static bool said_digest(const struct index_entry *entry, struct digest *out)
{
    struct str text = entry->digest;

    return oci_digest(text, out) || digest_parse(text, out);
}

/* An archive that nobody named a digest for: it is what comes now. */
static int resolve_content(struct registry *r, struct str url, struct arena *a, struct digest *out,
                           struct err *err)
{
    struct str bytes;

    int rc = download(r, url, a, &bytes, err);
    return rc < 0 ? rc : cache_put(r->cache, bytes, out, err);
}

int repo_resolve(struct registry *r, struct str range, struct arena *a, struct registry_chart *out,
                 struct err *err)
{
    const struct index_entry *entry;
    struct str url;

    int rc = find_entry(r, out, range, a, &entry, &url, err);
    if (rc < 0)
        return rc;
    out->version = entry->version;
    if (is_oci(url))
        return oci_find(r, url, a, &out->digest, err);
    return said_digest(entry, &out->digest) ? 0 : resolve_content(r, url, a, &out->digest, err);
}

int repo_fetch(struct registry *r, const struct registry_chart *chart, struct arena *a,
               struct str *out, struct err *err)
{
    const struct index_entry *entry;
    struct str url;

    int rc = find_entry(r, chart, chart->version, a, &entry, &url, err);
    if (rc < 0)
        return rc;
    return is_oci(url) ? oci_fetch_url(r, url, &chart->digest, a, out, err)
                       : download(r, url, a, out, err);
}
