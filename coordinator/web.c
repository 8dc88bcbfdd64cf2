/* Three routes; handlers verify, post and answer. */
#include "coordinator/web.h"

#include <stdlib.h>

#include "edge/actor/log.h"
#include "edge/http/server.h"
#include "edge/http/webhook.h"
#include "edge/keys/keys.h"

struct web {
    struct boxes *boxes;
    struct arena *arena;
    struct str secret;
    struct str branch; /* refs/heads/...; empty: any */
    struct http_route route[3];
    struct http_server *server;
};

static void look_at_git(struct web *web)
{
    mailbox_post_or_drop(web->boxes->source, msg_new(MSG_REFRESH, false));
    mailbox_post_or_drop(web->boxes->mesh, msg_new(MSG_HINT_PEERS, false));
}

static void handle_webhook(void *context, const struct http_request *request, struct arena *a,
                           struct http_answer *out)
{
    struct web *web = context;
    struct webhook_headers headers = {
        .hub_signature = http_header(request, "X-Hub-Signature-256"),
        .gitea_signature = http_header(request, "X-Gitea-Signature"),
        .gitlab_token = http_header(request, "X-Gitlab-Token"),
    };

    switch (webhook_verify(web->secret, &headers, request->body)) {
    case WEBHOOK_UNSIGNED:
        *out = (struct http_answer){.status = 401, .body = STR("a signature is needed\n")};
        return;
    case WEBHOOK_FORGED:
        log_warn("webhook refused", "reason=signature");
        *out = (struct http_answer){.status = 403, .body = STR("the signature does not match\n")};
        return;
    case WEBHOOK_GENUINE:
        break;
    }
    struct str ref = webhook_ref(request->body, a);
    if (ref.len == 0 || web->branch.len == 0 || str_eq(ref, web->branch))
        look_at_git(web);
    *out = (struct http_answer){.status = 202, .body = STR("looking\n")};
}

/* The process answers: that is all that /livez may depend on. */
static void handle_livez(void *context, const struct http_request *request, struct arena *a,
                         struct http_answer *out)
{
    (void)context;
    (void)request;
    (void)a;
    *out = (struct http_answer){.status = 200, .body = STR("ok\n")};
}

/* Ready: the actors keep up with what is posted to them. */
static void handle_readyz(void *context, const struct http_request *request, struct arena *a,
                          struct http_answer *out)
{
    struct web *web = context;
    size_t waiting = mailbox_count(web->boxes->fleet) + mailbox_count(web->boxes->mesh);

    (void)request;
    out->status = waiting < 1000 ? 200 : 503;
    out->body =
        arena_printf(a, "%s: %zu messages waiting\n", waiting < 1000 ? "ok" : "busy", waiting);
}

static int read_secret(const struct coordinator_config *config, struct web *web, struct err *err)
{
    struct str text;

    int r = secret_read(config->webhook.secret_path, web->arena, &text, err);
    if (r < 0)
        return r;
    web->secret = str_trim(text);
    if (web->secret.len < 16)
        return err_set(err, HL_EINVAL, "the webhook secret in " STR_FMT " is shorter than 16 bytes",
                       STR_ARG(config->webhook.secret_path));
    return 0;
}

int web_open(const struct coordinator_config *config, struct boxes *boxes, struct web **out,
             struct err *err)
{
    struct web *web = hl_calloc(1, sizeof(*web));

    web->boxes = boxes;
    web->arena = arena_new();
    if (config->git.ref.len > 0)
        web->branch = str_starts(config->git.ref, STR("refs/"))
                          ? config->git.ref
                          : arena_concat(web->arena, STR("refs/heads/"), config->git.ref);
    web->route[0] = (struct http_route){"POST", "/webhook", WEBHOOK_BODY_MAX, handle_webhook, web};
    web->route[1] = (struct http_route){"GET", "/livez", 0, handle_livez, web};
    web->route[2] = (struct http_route){"GET", "/readyz", 0, handle_readyz, web};
    int r = read_secret(config, web, err);
    if (r == 0)
        r = http_server_open(config->webhook.listen, web->route, HL_COUNT(web->route), &web->server,
                             err);
    if (r < 0) {
        web_close(web);
        return r;
    }
    *out = web;
    return 0;
}

void web_close(struct web *web)
{
    if (!web)
        return;
    http_server_close(web->server);
    arena_free(web->arena);
    free(web);
}
