/* The handle and its requests: paths, the token, one exchange, what the answer means. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/value/json.h"
#include "edge/kube/kube_internal.h"

enum { TOKEN_FRESH_MS = 60000, NAME_MAX_BYTES = 253 };

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the handle ---- */

static int read_config(struct str kubeconfig, struct arena *a, struct kube_config *out,
                       struct err *err)
{
    if (kubeconfig.len > 0)
        return kube_config_read(kubeconfig, a, out, err);
    return kube_config_in_cluster(str_from(getenv("KUBERNETES_SERVICE_HOST")),
                                  str_from(getenv("KUBERNETES_SERVICE_PORT")), STR_NONE, a, out,
                                  err);
}

int kube_open(struct str kubeconfig, struct kube **out, struct err *err)
{
    struct kube *k = hl_calloc(1, sizeof(*k));

    k->config_arena = arena_new();
    k->group = map_new(0);
    int r = read_config(kubeconfig, k->config_arena, &k->config, err);
    if (r == 0) {
        struct http_client_config config = {
            .base_url = k->config.server,
            .ca_pem = k->config.ca_pem,
            .cert_pem = k->config.cert_pem,
            .key_pem = k->config.key_pem,
            .is_insecure = k->config.is_insecure,
        };
        r = http_client_open(&config, &k->http, err);
    }
    if (r < 0) {
        kube_close(k);
        return r;
    }
    *out = k;
    return 0;
}

static void wipe_token(struct kube *k)
{
    if (k->token.ptr)
        explicit_bzero((void *)(uintptr_t)k->token.ptr, k->token.len);
    str_free(k->token);
    k->token = STR_NONE;
    k->token_read_ms = 0;
}

void kube_close(struct kube *k)
{
    if (!k)
        return;
    kube_forget_all(k);
    map_free(k->group);
    http_client_close(k->http);
    wipe_token(k);
    arena_free(k->config_arena);
    free(k);
}

void kube_rest(struct kube *k)
{
    http_client_rest(k->http);
    kube_forget_all(k);
}

/* ---- one exchange ---- */

/* A pod's token is replaced in its file before it expires: it is read again every minute. */
static int refresh_token(struct kube *k, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct str text;

    if (k->config.token_path.len == 0)
        return 0;
    if (k->token_read_ms != 0 && now_ms() - k->token_read_ms < TOKEN_FRESH_MS)
        return 0;
    int r = kube_file_read(k->config.token_path, scratch, &text, err);
    if (r < 0) {
        err_wrap(err, "token");
        return r;
    }
    wipe_token(k);
    k->token = str_dup(str_trim(text));
    k->token_read_ms = now_ms();
    explicit_bzero((void *)(uintptr_t)text.ptr, text.len);
    return 0;
}

static int send_once(struct kube *k, const struct kube_request *request, struct arena *a,
                     struct http_reply *out, struct err *err)
{
    int r = refresh_token(k, err);
    if (r < 0)
        return r;
    struct http_send send = {
        .method = request->method,
        .path = request->path,
        .accept = STR("application/json"),
        .content_type = request->content_type,
        .body = request->body,
        .bearer = k->config.token_path.len > 0 ? k->token : k->config.token,
        .timeout_ms = KUBE_TIMEOUT_MS,
    };
    return http_client_send(k->http, &send, a, out, err);
}

int kube_send(struct kube *k, const struct kube_request *request, struct arena *a,
              struct http_reply *out, struct err *err)
{
    int r = send_once(k, request, a, out, err);

    if (r < 0 || out->status != 401 || k->config.token_path.len == 0)
        return r;
    k->token_read_ms = 0;
    return send_once(k, request, a, out, err);
}

static bool is_done(const struct http_reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

static struct kube_answer answer_of(const struct http_reply *reply, bool is_secret)
{
    return (struct kube_answer){reply->status, reply->body, reply->retry_after_ms, is_secret};
}

/* The body of a 2xx. A 2xx that is no JSON document is no API server's. */
static int read_body(const struct http_reply *reply, struct str what, struct arena *a,
                     struct value **out, struct err *err)
{
    struct err inner;

    if (json_read(a, reply->body, STR("answer"), out, &inner) < 0)
        return err_set(err, HL_ETEMP,
                       STR_FMT ": the answer is no JSON document: line %u, column %u",
                       STR_ARG(what), inner.line, inner.column);
    if ((*out)->kind != VALUE_MAP)
        return err_set(err, HL_ETEMP, STR_FMT ": the answer is no object", STR_ARG(what));
    return 0;
}

int kube_read(struct kube *k, struct str path, struct arena *a, struct value **out, struct err *err)
{
    struct kube_request request = {.method = "GET", .path = path};
    struct str what = arena_concat(a, STR("GET "), path);
    struct http_reply reply;

    int r = kube_send(k, &request, a, &reply, err);
    if (r < 0)
        return r;
    if (reply.status == 404)
        return KUBE_ABSENT;
    if (!is_done(&reply)) {
        struct kube_answer answer = answer_of(&reply, false);

        return kube_refusal(&answer, what, err);
    }
    return read_body(&reply, what, a, out, err);
}

/* ---- one object ---- */

/* A target: where the object is, and how messages call it. */
struct target {
    struct kube_ref ref;
    bool is_namespaced;
    bool is_secret;
    struct str path;
};

static struct str name_of(const struct kube_ref *r, struct arena *a)
{
    return arena_printf(a, STR_FMT "%s" STR_FMT " " STR_FMT "%s" STR_FMT, STR_ARG(r->kind),
                        r->group.len > 0 ? "." : "", STR_ARG(r->group), STR_ARG(r->namespace),
                        r->namespace.len > 0 ? "/" : "", STR_ARG(r->name));
}

/* A path segment: API names are unreserved characters and ':'; everything else is encoded. */
static bool add_segment(struct buf *path, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";

    if (s.len == 0 || s.len > NAME_MAX_BYTES || str_eq(s, STR(".")) || str_eq(s, STR("..")) ||
        str_has_byte(s, '/') || str_has_byte(s, '%'))
        return false;
    buf_add_byte(path, '/');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != 0 && strchr("-._~:", c));

        if (is_plain) {
            buf_add_byte(path, (char)c);
        } else {
            buf_add_byte(path, '%');
            buf_add_byte(path, hex[c >> 4]);
            buf_add_byte(path, hex[c & 15]);
        }
    }
    return true;
}

static int make_path(struct target *t, const struct kube_resource *resource, struct arena *a,
                     struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf path = {0};
    const struct kube_ref *r = &t->ref;
    bool is_good = true;

    if (resource->is_namespaced && r->namespace.len == 0)
        return err_set(err, HL_EINVAL, STR_FMT ": needs a namespace", STR_ARG(name_of(r, a)));
    buf_add_cstr(&path, r->group.len > 0 ? "/apis" : "/api");
    if (r->group.len > 0)
        is_good &= add_segment(&path, r->group);
    is_good &= add_segment(&path, r->version);
    if (resource->is_namespaced) {
        buf_add_cstr(&path, "/namespaces");
        is_good &= add_segment(&path, r->namespace);
    }
    is_good &= add_segment(&path, resource->plural);
    is_good &= add_segment(&path, r->name);
    if (!is_good)
        return err_set(err, HL_EINVAL, STR_FMT ": cannot be part of a path",
                       STR_ARG(name_of(r, a)));
    t->path = arena_dup(a, buf_str(&path));
    return KUBE_FOUND;
}

/* KUBE_FOUND, KUBE_ABSENT (the kind is not served) or a failure. */
static int aim(struct kube *k, const struct kube_ref *ref, struct arena *a, struct target *out,
               struct err *err)
{
    const struct kube_resource *resource;
    struct target t = {.ref = *ref};

    t.is_secret = ref->group.len == 0 && str_eq(ref->kind, STR("Secret"));
    int r = kube_discover(k, &t.ref, a, &resource, err);
    if (r < 0)
        err_wrap(err, STR_FMT, STR_ARG(name_of(ref, a)));
    if (r != KUBE_FOUND)
        return r;
    t.is_namespaced = resource->is_namespaced;
    if (!t.is_namespaced)
        t.ref.namespace = STR_NONE;
    r = make_path(&t, resource, a, err);
    if (r == KUBE_FOUND)
        *out = t;
    return r;
}

static int not_served(const struct kube_ref *ref, struct arena *a, struct err *err)
{
    return err_set(err, HL_ETEMP, STR_FMT ": kind not served yet (" STR_FMT "%s" STR_FMT ")",
                   STR_ARG(name_of(ref, a)), STR_ARG(ref->group), ref->group.len > 0 ? "/" : "",
                   STR_ARG(ref->version));
}

static int refused(struct kube *k, const struct target *t, const char *method,
                   const struct http_reply *reply, struct arena *a, struct err *err)
{
    struct kube_answer answer = answer_of(reply, t->is_secret);
    struct str what = arena_printf(a, "%s " STR_FMT, method, STR_ARG(name_of(&t->ref, a)));

    if (reply->status == 404) /* perhaps the kind went: ask discovery next time */
        kube_forget(k, t->ref.group, t->ref.version);
    return kube_refusal(&answer, what, err);
}

int kube_get(struct kube *k, const struct kube_ref *ref, struct arena *a, struct value **out_live,
             struct err *err)
{
    struct http_reply reply;
    struct target t;

    int r = aim(k, ref, a, &t, err);
    if (r != KUBE_FOUND)
        return r < 0 ? r : not_served(ref, a, err);
    struct kube_request request = {.method = "GET", .path = t.path};
    r = kube_send(k, &request, a, &reply, err);
    if (r < 0)
        return r;
    struct kube_answer answer = answer_of(&reply, t.is_secret);
    if (kube_is_object_absent(&answer))
        return KUBE_ABSENT;
    if (!is_done(&reply))
        return refused(k, &t, "GET", &reply, a, err);
    return read_body(&reply, name_of(&t.ref, a), a, out_live, err);
}

int kube_apply(struct kube *k, const struct kube_ref *ref, struct value *wanted, struct arena *a,
               struct value **out_live, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf body = {0};
    struct http_reply reply;
    struct target t;

    if (!json_can_hold(wanted))
        return value_err(err, HL_EINVAL, wanted, STR_FMT ": JSON has no NaN and no infinity",
                         STR_ARG(name_of(ref, a)));
    int r = aim(k, ref, a, &t, err);
    if (r != KUBE_FOUND)
        return r < 0 ? r : not_served(ref, a, err);
    json_write(&body, kube_sendable(a, wanted, t.is_namespaced), JSON_COMPACT);
    struct kube_request request = {
        .method = "PATCH",
        .path = arena_concat(a, t.path, STR("?fieldManager=" KUBE_MANAGER "&force=true")),
        .content_type = STR("application/apply-patch+yaml"), /* JSON is YAML */
        .body = buf_str(&body),
    };
    r = kube_send(k, &request, a, &reply, err);
    if (t.is_secret && body.ptr)
        explicit_bzero(body.ptr, body.len);
    if (r < 0)
        return r;
    if (!is_done(&reply))
        return refused(k, &t, "apply", &reply, a, err);
    return read_body(&reply, name_of(&t.ref, a), a, out_live, err);
}

int kube_delete(struct kube *k, const struct kube_ref *ref, struct str uid, struct arena *a,
                struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf body = {0};
    struct value *options = value_map(a);
    struct value *preconditions = value_map(a);
    struct http_reply reply;
    struct target t;

    HL_ASSERT(uid.len > 0);
    int r = aim(k, ref, a, &t, err);
    if (r != KUBE_FOUND)
        return r;
    value_map_set_str(a, options, "kind", STR("DeleteOptions"));
    value_map_set_str(a, options, "apiVersion", STR("v1"));
    value_map_set_str(a, options, "propagationPolicy", STR("Background"));
    value_map_set_str(a, preconditions, "uid", uid);
    value_map_set(a, options, STR("preconditions"), preconditions);
    json_write(&body, options, JSON_COMPACT);
    struct kube_request request = {
        .method = "DELETE",
        .path = t.path,
        .content_type = STR("application/json"),
        .body = buf_str(&body),
    };
    r = kube_send(k, &request, a, &reply, err);
    if (r < 0)
        return r;
    struct kube_answer answer = answer_of(&reply, t.is_secret);
    if (is_done(&reply))
        return 0;
    if (kube_is_object_absent(&answer) || kube_is_other_uid(&answer))
        return KUBE_ABSENT;
    return refused(k, &t, "delete", &reply, a, err);
}
