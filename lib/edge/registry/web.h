/*
 * GET with redirects, for repositories: any number of hosts behind one door.
 *
 * Redirects are followed up to WEB_REDIRECTS_MAX times, never from https to http and never to
 * another scheme; credentials go with them only to the same scheme, host and port. Addresses are
 * judged when a name has been resolved: nothing link-local or multicast, and no loopback but where
 * the first URL says loopback itself. An answer is whatever status it has; web_judge says what that
 * means.
 *
 * Ownership: an answer lives in the caller's arena. Threads: confined to the owner's; web_get
 * blocks up to timeout_ms, redirects included. Limits: body_max bytes an answer, WEB_ORIGINS_MAX
 * connections kept.
 */
#ifndef HL_EDGE_REGISTRY_WEB_H
#define HL_EDGE_REGISTRY_WEB_H

#include "edge/http/client.h"

enum { WEB_REDIRECTS_MAX = 5, WEB_ORIGINS_MAX = 4 };

struct web_ask {
    struct str url; /* http or https */
    struct str accept;
    struct str bearer; /* empty: none */
    struct str basic;  /* "user:password", empty: none */
    size_t body_max;
};

struct web;

/* `ca_pem` empty: the system's authorities. */
struct web *web_new(struct str ca_pem, int64_t timeout_ms);
void web_free(struct web *w);
HL_DEFINE_FREEP(web_free, struct web)

/* 0 with an answer; http_client_send's failures; HL_EDENIED: a redirect that is not followed. */
HL_MUST int web_get(struct web *w, const struct web_ask *ask, struct arena *a,
                    struct http_reply *out, struct err *err);

/* 0 for 200; HL_EABSENT, HL_EDENIED (401, 403), HL_ETEMP (408, 429, 5xx) or HL_EIO. */
HL_MUST int web_judge(const struct http_reply *reply, struct str url, struct err *err);

#endif
