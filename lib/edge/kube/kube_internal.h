/*
 * What the files of this folder share: the handle, its requests, discovery. Private to edge/kube.
 */
#ifndef HL_EDGE_KUBE_KUBE_INTERNAL_H
#define HL_EDGE_KUBE_KUBE_INTERNAL_H

#include "edge/http/client.h"
#include "edge/kube/kube.h"
#include "edge/kube/kube_config.h"
#include "edge/kube/kube_status.h"

struct kube_resource {
    struct str kind;
    struct str plural;
    bool is_namespaced;
};

/* What one group serves at one version. */
struct kube_group {
    struct arena *arena;
    struct kube_resource *resource;
    size_t count;
};

struct kube {
    struct http_client *http;
    struct arena *config_arena;
    struct kube_config config;
    struct str token;      /* what is sent now; heap */
    int64_t token_read_ms; /* 0: not read yet */
    struct map *group;     /* "group/version" -> struct kube_group, owned */
};

struct kube_request {
    const char *method;
    struct str path;
    struct str content_type;
    struct str body;
};

/* One exchange. 0 with any status; a 401 is asked once more with the token file read again. */
HL_MUST int kube_send(struct kube *k, const struct kube_request *request, struct arena *a,
                      struct http_reply *out, struct err *err);

/* What the server answers to a GET of `path`: 0 with a JSON document, KUBE_ABSENT for 404. */
HL_MUST int kube_read(struct kube *k, struct str path, struct arena *a, struct value **out,
                      struct err *err);

/*
 * Which resource the kind is; fills ref->version if it was empty. KUBE_FOUND, KUBE_ABSENT (not
 * served, also after asking again), or a failure. *out is borrowed until the next call.
 */
HL_MUST int kube_discover(struct kube *k, struct kube_ref *ref, struct arena *a,
                          const struct kube_resource **out, struct err *err);
void kube_forget(struct kube *k, struct str group, struct str version);
void kube_forget_all(struct kube *k);

/* `wanted` without what only the server writes; shares the rest. */
struct value *kube_sendable(struct arena *a, const struct value *wanted, bool is_namespaced);

#endif
