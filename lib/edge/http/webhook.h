/*
 * Webhooks of Git servers: is this really from somebody who knows the secret?
 *
 * GitHub and Forgejo send X-Hub-Signature-256: "sha256=<hex>", Gitea X-Gitea-Signature: "<hex>",
 * both HMAC-SHA256 of the raw body under the secret; GitLab sends the secret itself as
 * X-Gitlab-Token. The body is not looked at before the signature was found right; then it is a
 * hint, and only its branch is read.
 *
 * Threads: pure functions. Limits: WEBHOOK_BODY_MAX bytes of body.
 */
#ifndef HL_EDGE_HTTP_WEBHOOK_H
#define HL_EDGE_HTTP_WEBHOOK_H

#include "base/base.h"

enum { WEBHOOK_BODY_MAX = 1 << 20 };

struct webhook_headers {
    struct str hub_signature;   /* X-Hub-Signature-256 */
    struct str gitea_signature; /* X-Gitea-Signature */
    struct str gitlab_token;    /* X-Gitlab-Token */
};

enum webhook_verdict { WEBHOOK_GENUINE, WEBHOOK_UNSIGNED, WEBHOOK_FORGED };

enum webhook_verdict webhook_verify(struct str secret, const struct webhook_headers *headers,
                                    struct str body);

/* The branch that a genuine push event is about ("refs/heads/main"), in `a`; STR_NONE when the body
 * does not say: then it could be any. */
struct str webhook_ref(struct str body, struct arena *a);

#endif
