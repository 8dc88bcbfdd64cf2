/*
 * What an OCI registry says, read: challenges, links, lists of tags, manifests, tokens
 * (distribution specification 1.1, RFC 9110 section 11, RFC 8288).
 *
 * Ownership: results borrow the text or live in the arena, as said. Threads: pure functions.
 * Limits: OCI_TAGS_MAX tags, OCI_LAYERS_MAX layers, OCI_TOKEN_MAX bytes a token.
 */
#ifndef HL_EDGE_REGISTRY_OCI_TEXT_H
#define HL_EDGE_REGISTRY_OCI_TEXT_H

#include "base/base.h"

enum { OCI_TAGS_MAX = 50000, OCI_LAYERS_MAX = 64, OCI_TOKEN_MAX = 32768 };

struct oci_challenge {
    bool is_bearer; /* else basic */
    struct str realm;
    struct str service;
    struct str scope;
};

/* A WWW-Authenticate header; strings live in the arena. HL_EUNSUPPORTED: neither bearer nor basic;
 * HL_EINVAL. */
HL_MUST int oci_read_challenge(struct arena *a, struct str header, struct oci_challenge *out,
                               struct err *err);

/* The target of rel="next" in a Link header, borrowed; STR_NONE: there is none. */
struct str oci_next_link(struct str header);

/* The token of a token service's answer, in the arena. HL_EINVAL, HL_ELIMIT. */
HL_MUST int oci_read_token(struct arena *a, struct str json, struct str *out, struct err *err);

struct oci_tags {
    struct str *tag;
    size_t count;
    size_t cap;
};

/* Appends a page's tags, in the arena. HL_EINVAL, HL_ELIMIT. */
HL_MUST int oci_read_tags(struct arena *a, struct str json, struct oci_tags *out, struct err *err);

struct oci_manifest {
    struct digest config;
    uint64_t config_bytes;
    struct digest chart; /* of the archive */
    uint64_t chart_bytes;
};

/* A chart's manifest. HL_EINVAL: it is none of a chart; HL_EUNSUPPORTED: a list of manifests, or
 * digests other than SHA-256. */
HL_MUST int oci_read_manifest(struct str json, struct oci_manifest *out, struct err *err);

/* "sha256:<64 hex digits>" */
HL_MUST bool oci_digest(struct str text, struct digest *out);

/* Whether a repository's path or a chart's name can be part of a reference: lower case, digits,
 * separators. */
bool oci_is_path(struct str path);
/* A version as a tag: '+' becomes '_'. In the arena. */
struct str oci_tag(struct arena *a, struct str version);
/* The reverse. */
struct str oci_version(struct arena *a, struct str tag);

#endif
