/*
 * For this folder only: what the kinds of sources share, and the questions that each answers.
 *
 * Threads: confined to the registry's owner.
 */
#ifndef HL_EDGE_REGISTRY_SOURCE_H
#define HL_EDGE_REGISTRY_SOURCE_H

#include "edge/registry/cache.h"
#include "edge/registry/index.h"
#include "edge/registry/lock.h"
#include "edge/registry/oci.h"
#include "edge/registry/registry.h"

struct registry {
    struct web *web;
    struct logins *logins;
    struct oci *oci;
    struct cache *cache;
    struct lock *lock;
    struct str lock_path;
    struct str base_dir;
    bool is_offline;
    bool is_oci_plain;
    struct arena *index_arena; /* of the index below */
    struct str index_url;      /* of the index kept; empty: none */
    struct str index_bytes;
    int64_t index_ms; /* when it came */
};

/* HTTP repositories: fills name, version and digest of *out, fetching an archive whose index says
 * no digest. */
HL_MUST int repo_resolve(struct registry *r, struct str range, struct arena *a,
                         struct registry_chart *out, struct err *err);
HL_MUST int repo_fetch(struct registry *r, const struct registry_chart *chart, struct arena *a,
                       struct str *out, struct err *err);

/* OCI registries. */
HL_MUST int oci_resolve(struct registry *r, struct str range, struct arena *a,
                        struct registry_chart *out, struct err *err);
HL_MUST int oci_fetch(struct registry *r, const struct registry_chart *chart, struct arena *a,
                      struct str *out, struct err *err);
/* The archive behind an index's URL that is "oci://host/path:tag". */
HL_MUST int oci_find(struct registry *r, struct str url, struct arena *a, struct digest *out,
                     struct err *err);
HL_MUST int oci_fetch_url(struct registry *r, struct str url, const struct digest *digest,
                          struct arena *a, struct str *out, struct err *err);

/* This machine. */
HL_MUST int local_resolve(struct registry *r, struct str range, struct arena *a,
                          struct registry_chart *out, struct err *err);
HL_MUST int local_fetch(const struct registry_chart *chart, struct arena *a, struct str *out,
                        struct err *err);

/* Whether the text is an exact version, as far as the lenient reader goes. */
bool is_exact(struct arena *a, struct str range);

#endif
