/*
 * URLs of chart repositories: taken apart, joined, compared (RFC 3986).
 *
 * Known schemes are http, https and oci. User information, control characters and blanks are
 * refused; a fragment is dropped.
 *
 * Ownership: parts borrow the text; what is joined lives in the arena. Threads: pure functions.
 * Limits: WEBURL_BYTES_MAX.
 */
#ifndef HL_EDGE_REGISTRY_WEBURL_H
#define HL_EDGE_REGISTRY_WEBURL_H

#include "base/base.h"

enum { WEBURL_BYTES_MAX = 4096 };

struct weburl {
    struct str scheme; /* in lower case */
    struct str host;   /* with the port, if one is written */
    struct str path;   /* starts with '/' or is empty */
    struct str query;  /* without the '?' */
};

/* HL_EINVAL, HL_ELIMIT. */
HL_MUST int weburl_parse(struct str text, struct weburl *out, struct err *err);

/* "https://host" of a URL, or "http://host" */
struct str weburl_origin(struct arena *a, const struct weburl *u);
/* "/path?query" */
struct str weburl_target(struct arena *a, const struct weburl *u);

/* Same scheme, host and port, a default port counting as none. */
bool weburl_same_origin(const struct weburl *a, const struct weburl *b);
/* The host is written as a loopback address or "localhost". */
bool weburl_is_loopback(const struct weburl *u);

/* `name` below the base's path, with the base's query: where Helm asks for index.yaml. */
struct str weburl_below(struct arena *a, const struct weburl *base, struct str name);
/* Helm's ResolveReferenceURL: an absolute reference as it is; another one relative to the folder
 * `base`, with the base's query instead of its own. */
HL_MUST int weburl_join(struct arena *a, const struct weburl *base, struct str reference,
                        struct str *out, struct err *err);
/* The same for a Location header: relative to the document `base`, with its own query. */
HL_MUST int weburl_follow(struct arena *a, const struct weburl *base, struct str location,
                          struct str *out, struct err *err);

#endif
