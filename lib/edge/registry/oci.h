/*
 * A chart in an OCI registry: which versions there are, its manifest, its archive.
 *
 * Requests are made without credentials first and answered challenges after that: basic, or a token
 * from the service that the registry names. Credentials go to the registry's own origin; a token
 * service elsewhere is given those that belong to its own, or none. A token is kept for the next
 * request to the same repository.
 *
 * Ownership: answers live in the caller's arena. Threads: confined to the owner's.
 * Limits: OCI_PAGES_MAX pages of tags, OCI_MANIFEST_MAX bytes a manifest.
 */
#ifndef HL_EDGE_REGISTRY_OCI_H
#define HL_EDGE_REGISTRY_OCI_H

#include "edge/registry/logins.h"
#include "edge/registry/oci_text.h"
#include "edge/registry/web.h"

enum { OCI_PAGES_MAX = 200, OCI_MANIFEST_MAX = 4 << 20 };

/* One repository of one registry; strings are borrowed. */
struct oci_place {
    struct weburl origin; /* scheme and host */
    struct str path;      /* "charts/nginx" */
};

/* "oci://host/path" and a chart's name below it (may be empty). `is_plain`: by http. HL_EINVAL. */
HL_MUST int oci_place(struct arena *a, struct str repository, struct str name, bool is_plain,
                      struct oci_place *out, struct err *err);

struct oci;

/* Both are borrowed. */
struct oci *oci_new(struct web *web, const struct logins *logins);
void oci_free(struct oci *o);
HL_DEFINE_FREEP(oci_free, struct oci)

/* All tags. HL_EABSENT: no such repository. */
HL_MUST int oci_list_tags(struct oci *o, const struct oci_place *place, struct arena *a,
                          struct oci_tags *out, struct err *err);
/* `reference`: a tag, or a digest, which the bytes are then checked against (HL_ECORRUPT). */
HL_MUST int oci_get_manifest(struct oci *o, const struct oci_place *place, struct str reference,
                             struct arena *a, struct oci_manifest *out, struct err *err);
/* Content, checked. HL_ECORRUPT: it is another; HL_ELIMIT. */
HL_MUST int oci_get_blob(struct oci *o, const struct oci_place *place, const struct digest *digest,
                         size_t bytes_max, struct arena *a, struct str *out, struct err *err);

#endif
