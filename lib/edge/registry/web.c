/* One client a host, the one unused for longest making room. */
#include "edge/registry/web.h"

#include <stdlib.h>
#include <time.h>

#include "edge/registry/weburl.h"

struct origin {
    struct str text; /* "https://host" */
    enum http_reach reach;
    struct http_client *client;
    uint64_t used; /* a tick of web.tick */
};

struct web {
    struct str ca_pem;
    int64_t timeout_ms;
    struct origin origin[WEB_ORIGINS_MAX];
    uint64_t tick;
};

struct web *web_new(struct str ca_pem, int64_t timeout_ms)
{
    struct web *w = hl_calloc(1, sizeof(*w));

    HL_ASSERT(timeout_ms > 0);
    w->ca_pem = str_dup(ca_pem);
    w->timeout_ms = timeout_ms;
    return w;
}

static void close_origin(struct origin *o)
{
    http_client_close(o->client);
    str_free(o->text);
    *o = (struct origin){0};
}

void web_free(struct web *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < WEB_ORIGINS_MAX; i++)
        close_origin(&w->origin[i]);
    str_free(w->ca_pem);
    free(w);
}

static int client_for(struct web *w, struct str origin, enum http_reach reach,
                      struct http_client **out, struct err *err)
{
    struct http_client_config config = {.base_url = origin, .ca_pem = w->ca_pem, .reach = reach};
    struct origin *free_one = &w->origin[0];

    for (size_t i = 0; i < WEB_ORIGINS_MAX; i++) {
        struct origin *o = &w->origin[i];
        if (o->client && str_eq(o->text, origin) && o->reach == reach) {
            o->used = ++w->tick;
            *out = o->client;
            return 0;
        }
        if (o->used < free_one->used)
            free_one = o;
    }
    int rc = http_client_open(&config, out, err);
    if (rc < 0)
        return rc;
    close_origin(free_one);
    *free_one = (struct origin){str_dup(origin), reach, *out, ++w->tick};
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_redirect(const struct http_reply *r)
{
    return (r->status >= 301 && r->status <= 303) || r->status == 307 || r->status == 308;
}

static struct str shown(struct str url)
{
    size_t query = str_find(url, STR("?"), 0);

    return str_sub(url, 0, query < 300 ? query : 300);
}

/* Where the answer sends us; the same rules as for the first URL and no step back from TLS. */
static int next_url(struct arena *a, const struct weburl *from, const struct http_reply *r,
                    struct str *out, struct weburl *to, struct err *err)
{
    struct str location = http_reply_field(r, "Location");

    if (location.len == 0)
        return err_set(err, HL_EIO, STR_FMT "://" STR_FMT " answers %u without a Location",
                       STR_ARG(from->scheme), STR_ARG(from->host), r->status);
    int rc = weburl_follow(a, from, location, out, err);
    if (rc == 0)
        rc = weburl_parse(*out, to, err);
    if (rc < 0)
        return err_wrap(err, "redirect of " STR_FMT, STR_ARG(from->host));
    bool is_known = str_eq(to->scheme, STR("https")) || str_eq(to->scheme, STR("http"));
    if (!is_known || (str_eq(from->scheme, STR("https")) && !str_eq(to->scheme, STR("https"))))
        return err_set(
            err, HL_EDENIED,
            "redirect from " STR_FMT "://" STR_FMT " to " STR_FMT "://" STR_FMT " is not followed",
            STR_ARG(from->scheme), STR_ARG(from->host), STR_ARG(to->scheme), STR_ARG(to->host));
    return 0;
}

static int send_one(struct web *w, const struct web_ask *ask, const struct weburl *to, bool is_own,
                    int64_t left_ms, enum http_reach reach, struct arena *a, struct http_reply *out,
                    struct err *err)
{
    struct http_send send = {
        .method = "GET",
        .path = weburl_target(a, to),
        .accept = ask->accept,
        .bearer = is_own ? ask->bearer : STR_NONE,
        .basic = is_own ? ask->basic : STR_NONE,
        .body_max = ask->body_max,
        .timeout_ms = left_ms,
    };
    struct http_client *client;

    if (left_ms <= 0)
        return err_set(err, HL_ETIMEOUT, "GET " STR_FMT ": redirects took all of the time",
                       STR_ARG(shown(ask->url)));
    int rc = client_for(w, weburl_origin(a, to), reach, &client, err);
    return rc < 0 ? rc : http_client_send(client, &send, a, out, err);
}

int web_get(struct web *w, const struct web_ask *ask, struct arena *a, struct http_reply *out,
            struct err *err)
{
    int64_t until = now_ms() + w->timeout_ms;
    struct str place = ask->url;
    struct weburl first;

    int rc = weburl_parse(place, &first, err);
    if (rc < 0)
        return rc;
    enum http_reach reach = weburl_is_loopback(&first) ? HTTP_REACH_NEAR : HTTP_REACH_OUTWARD;
    struct weburl to = first;
    bool is_own = true; /* once elsewhere, credentials stay behind, even on the way back */
    for (int i = 0; i <= WEB_REDIRECTS_MAX; i++) {
        is_own = is_own && weburl_same_origin(&first, &to);
        rc = send_one(w, ask, &to, is_own, until - now_ms(), reach, a, out, err);
        if (rc < 0 || !is_redirect(out))
            return rc;
        struct weburl from = to;
        rc = next_url(a, &from, out, &place, &to, err);
        if (rc < 0)
            return rc;
    }
    return err_set(err, HL_EDENIED, "GET " STR_FMT ": more than %d redirects",
                   STR_ARG(shown(ask->url)), WEB_REDIRECTS_MAX);
}

int web_judge(const struct http_reply *reply, struct str url, struct err *err)
{
    unsigned s = reply->status;
    int code = HL_EIO;

    if (s == 200)
        return 0;
    if (s == 404 || s == 410)
        code = HL_EABSENT;
    if (s == 401 || s == 403)
        code = HL_EDENIED;
    if (s == 408 || s == 429 || s >= 500)
        code = HL_ETEMP;
    return err_set(err, code, "GET " STR_FMT ": status %u", STR_ARG(shown(url)), s);
}
