/*
 * An HTTP client for APIs: one server, one blocking request at a time (libcurl).
 *
 * A client is bound to one base URL, http or https. It follows no redirect, reads no proxy from the
 * environment and no netrc, resumes no cookie; it speaks HTTP/1.1 and keeps its connection open for
 * the next request. TLS 1.2 is the least; the server's certificate and its name are checked against
 * `ca_pem`, or the system's authorities if none are given, unless `is_insecure`.
 *
 * An HTTP status is an answer, whatever it is: the caller judges it. A failure is a transport that
 * gave none:
 *
 *   HL_ETIMEOUT  timeout_ms are over
 *   HL_EDENIED   the server's certificate is not trusted or not for this name
 *   HL_ELIMIT    the body is larger than body_max
 *   HL_EINVAL    the path, a header or the certificate given cannot be used
 *   HL_ETEMP     everything else: refused, reset, cut short, no such host
 *
 *
 * `reach` says which addresses may be connected to, judged when the name has been resolved; others
 * are HL_EDENIED.
 *
 * Error texts name method and URL without its query; they never hold a header or a body.
 *
 * Ownership: the configuration is copied; keys and tokens are overwritten before their memory goes.
 * What a reply points to lies in the caller's arena.
 * Threads: one owner; http_client_send blocks up to timeout_ms.
 * Limits:  HTTP_REPLY_MAX bytes a body if the request names no other, HTTP_FIELDS_MAX headers kept,
 * HTTP_RETRY_AFTER_MAX_MS of waiting believed.
 */
#ifndef HL_EDGE_HTTP_CLIENT_H
#define HL_EDGE_HTTP_CLIENT_H

#include "base/base.h"

enum {
    HTTP_REPLY_MAX = 16 << 20,
    HTTP_FIELDS_MAX = 64,
    HTTP_RETRY_AFTER_MAX_MS = 3600 * 1000,
    HTTP_CONNECT_MS = 10000,
};

enum http_reach {
    HTTP_REACH_ANY,
    HTTP_REACH_NEAR,    /* no link-local, multicast or unspecified address */
    HTTP_REACH_OUTWARD, /* and no loopback: for URLs that strangers write */
};

struct http_client_config {
    struct str base_url; /* "https://10.0.0.1:6443", or with a path in front of all paths */
    struct str ca_pem;   /* authorities; empty: the system's */
    struct str cert_pem; /* our certificate and key, both or none */
    struct str key_pem;
    bool is_insecure; /* take any certificate; for tests */
    enum http_reach reach;
};

struct http_send {
    const char *method;      /* "GET", "PATCH", ... */
    struct str path;         /* "/api/v1?limit=1", percent-encoded, starts with '/' */
    struct str accept;       /* empty: anything */
    struct str content_type; /* with a body */
    struct str body;         /* none: {0} */
    struct str bearer;       /* Authorization: Bearer, empty: none */
    struct str basic;        /* "user:password", empty: none */
    size_t body_max;         /* of the answer; 0: HTTP_REPLY_MAX */
    int64_t timeout_ms;      /* > 0, for the whole exchange */
};

struct http_field {
    struct str name;
    struct str value;
};

struct http_reply {
    unsigned status;
    struct str content_type;
    struct str body;
    int64_t retry_after_ms; /* Retry-After, both its forms; -1: not said */
    struct http_field *field;
    size_t field_count;
};

struct http_client;

/* HL_EINVAL: the base URL is no http or https URL, or holds user, query or fragment. */
HL_MUST int http_client_open(const struct http_client_config *config, struct http_client **out,
                             struct err *err);
void http_client_close(struct http_client *client);
HL_DEFINE_FREEP(http_client_close, struct http_client)

/* 0 with a whole answer in *out, or a failure as above. */
HL_MUST int http_client_send(struct http_client *client, const struct http_send *request,
                             struct arena *a, struct http_reply *out, struct err *err);

/* The first header of that name, in any case; STR_NONE if absent. */
struct str http_reply_field(const struct http_reply *reply, const char *name);

/* Closes connections and gives memory back; the next request connects again. */
void http_client_rest(struct http_client *client);

#endif
