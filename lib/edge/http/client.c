/*
 * One easy handle, made when first needed and kept for its connection. Options that never change
 * are set with it; each request sets the rest. Keys are given to libcurl as blobs, so that no file
 * of ours holds them.
 */
#include "edge/http/client.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/base64.h"

struct http_client {
    struct str base_url; /* heap, without a slash at the end */
    struct str ca_pem;
    struct str cert_pem;
    struct str key_pem;
    bool is_insecure;
    enum http_reach reach;
    bool is_out_of_reach; /* the last connection asked for was refused */
    CURL *curl;           /* NULL while it rests */
};

struct intake {
    struct buf body;
    size_t max;
    bool is_too_large;
};

static void wipe(struct str s)
{
    if (s.ptr)
        explicit_bzero((void *)(uintptr_t)s.ptr, s.len);
    str_free(s);
}

static void wipe_list(struct curl_slist *list)
{
    for (struct curl_slist *l = list; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(list);
}

static int check_url(struct str url, struct err *err)
{
    struct str rest = STR_NONE;

    if (str_starts(url, STR("https://")))
        rest = str_sub(url, 8, url.len);
    else if (str_starts(url, STR("http://")))
        rest = str_sub(url, 7, url.len);
    if (rest.len == 0 || rest.ptr[0] == '/')
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no http or https URL", STR_ARG(url));
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];

        if (c <= ' ' || c >= 0x7f || strchr("@?#\"\\", c))
            return err_set(err, HL_EINVAL,
                           "a base URL holds no user, query, fragment, blank or quote");
    }
    return 0;
}

int http_client_open(const struct http_client_config *config, struct http_client **out,
                     struct err *err)
{
    struct str url = config->base_url;

    int r = check_url(url, err);
    if (r < 0)
        return r;
    if ((config->cert_pem.len == 0) != (config->key_pem.len == 0))
        return err_set(err, HL_EINVAL, "a client certificate needs its key, and the reverse");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, HL_EIO, "libcurl does not start");
    struct http_client *c = hl_calloc(1, sizeof(*c));
    while (url.ptr[url.len - 1] == '/')
        url.len--;
    c->base_url = str_dup(url);
    c->ca_pem = str_dup(config->ca_pem);
    c->cert_pem = str_dup(config->cert_pem);
    c->key_pem = str_dup(config->key_pem);
    c->is_insecure = config->is_insecure;
    c->reach = config->reach;
    *out = c;
    return 0;
}

void http_client_rest(struct http_client *client)
{
    curl_easy_cleanup(client->curl);
    client->curl = NULL;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    http_client_rest(client);
    str_free(client->base_url);
    str_free(client->ca_pem);
    wipe(client->cert_pem);
    wipe(client->key_pem);
    free(client);
    curl_global_cleanup();
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct intake *in = context;
    size_t len = size * count;

    if (len > in->max - in->body.len) {
        in->is_too_large = true;
        return 0; /* not what came: libcurl gives up */
    }
    buf_add_bytes(&in->body, bytes, len);
    return len;
}

static bool reaches_v4(enum http_reach reach, uint32_t ip)
{
    bool is_loopback = ip >> 24 == 127;
    bool is_near = ip >> 16 == 0xa9fe || ip >> 28 >= 14 || ip >> 24 == 0;

    return !is_near && (reach != HTTP_REACH_OUTWARD || !is_loopback);
}

/* An address of IPv4 within IPv6 (mapped, compatible, NAT64, 6to4) is judged as what it holds. */
static bool reaches_v6(enum http_reach reach, const unsigned char ip[16])
{
    static const unsigned char zeros[12];
    static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};
    bool is_mapped = memcmp(ip, zeros, 10) == 0 && ip[10] == 0xff && ip[11] == 0xff;
    bool is_loopback = memcmp(ip, zeros, 12) == 0 && bytes_u32(ip + 12) == 1U << 24;
    uint32_t v4;

    if (is_loopback)
        return reach != HTTP_REACH_OUTWARD;
    if (ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80))
        return false;
    bool holds_v4 = is_mapped || memcmp(ip, zeros, 12) == 0 || memcmp(ip, nat64, 12) == 0;
    bool is_6to4 = ip[0] == 0x20 && ip[1] == 0x02;
    if (!holds_v4 && !is_6to4)
        return true;
    memcpy(&v4, is_6to4 ? ip + 2 : ip + 12, sizeof(v4));
    return reaches_v4(reach, ntohl(v4));
}

/* Asked with the address that is about to be connected to, whatever name led there. */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct http_client *c = context;
    struct sockaddr_storage to = {0};
    bool is_reached = at->family == AF_INET || at->family == AF_INET6;

    (void)purpose;
    memcpy(&to, &at->addr, at->addrlen < sizeof(to) ? at->addrlen : sizeof(to));
    if (c->reach != HTTP_REACH_ANY && at->family == AF_INET)
        is_reached = reaches_v4(c->reach, ntohl(((struct sockaddr_in *)&to)->sin_addr.s_addr));
    if (c->reach != HTTP_REACH_ANY && at->family == AF_INET6)
        is_reached = reaches_v6(c->reach, ((struct sockaddr_in6 *)&to)->sin6_addr.s6_addr);
    if (!is_reached) {
        c->is_out_of_reach = true;
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static void set_blob(CURL *curl, CURLoption option, struct str pem)
{
    struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};

    if (pem.len > 0)
        curl_easy_setopt(curl, option, &blob);
}

/* What holds for every request of this client. */
static int wake(struct http_client *c, struct err *err)
{
    if (c->curl)
        return 0;
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, HL_EIO, "libcurl gives no handle");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, c->is_insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, c->is_insecure ? 0L : 2L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "hlmesh");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, c);
    if (c->ca_pem.len > 0) {
        /* These authorities alone, not the system's besides. */
        curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    set_blob(curl, CURLOPT_CAINFO_BLOB, c->ca_pem);
    set_blob(curl, CURLOPT_SSLCERT_BLOB, c->cert_pem);
    set_blob(curl, CURLOPT_SSLKEY_BLOB, c->key_pem);
    c->curl = curl;
    return 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

static void add_header(struct curl_slist **list, const char *name, struct str value)
{
    HL_CLEANUP(buf_deinit) struct buf line = {0};

    if (value.len == 0)
        return;
    buf_printf(&line, "%s" STR_FMT, name, STR_ARG(value));
    buf_add_byte(&line, '\0');
    struct curl_slist *longer = curl_slist_append(*list, line.ptr);
    if (!longer)
        hl_die("out of memory");
    *list = longer;
    explicit_bzero(line.ptr, line.len);
}

static void add_basic(struct curl_slist **list, struct str basic)
{
    HL_CLEANUP(arena_freep) struct arena *own = arena_new();

    if (basic.len == 0)
        return;
    struct str text = base64_encode(own, basic);
    add_header(list, "Authorization: Basic ", text);
    explicit_bzero((void *)(uintptr_t)text.ptr, text.len);
}

static int make_headers(const struct http_send *r, struct curl_slist **out, struct err *err)
{
    struct curl_slist *list = NULL;

    if (has_control(r->accept) || has_control(r->content_type) || has_control(r->bearer) ||
        has_control(r->basic))
        return err_set(err, HL_EINVAL, "%s " STR_FMT ": a header holds a control character",
                       r->method, STR_ARG(r->path));
    add_header(&list, "Accept: ", r->accept);
    add_header(&list, "Content-Type: ", r->content_type);
    add_header(&list, "Authorization: Bearer ", r->bearer);
    add_basic(&list, r->basic);
    /* A body goes at once; libcurl would wait a second for leave to send it. */
    struct curl_slist *longer = curl_slist_append(list, "Expect:");
    if (!longer)
        hl_die("out of memory");
    *out = longer;
    return 0;
}

static int kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return HL_ETIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return HL_EDENIED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return HL_EINVAL;
    default:
        return HL_ETEMP;
    }
}

/* A query may be a secret: signed URLs are. */
static int judge(const struct http_client *c, CURLcode code, const char *text,
                 const struct intake *in, const char *method, const char *url, struct err *err)
{
    struct str shown = str_sub(str_from(url), 0, strcspn(url, "?"));

    if (code == CURLE_OK)
        return 0;
    if (in->is_too_large)
        return err_set(err, HL_ELIMIT, "%s " STR_FMT ": the answer is larger than %zu bytes",
                       method, STR_ARG(shown), in->max);
    if (c->is_out_of_reach)
        return err_set(err, HL_EDENIED, "%s " STR_FMT ": that address may not be connected to",
                       method, STR_ARG(shown));
    return err_set(err, kind_of(code), "%s " STR_FMT ": %s", method, STR_ARG(shown),
                   text[0] ? text : curl_easy_strerror(code));
}

static void set_request(CURL *curl, const struct http_send *r, const char *url,
                        struct curl_slist *headers, struct intake *in, char *text)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (r->body.len > 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body.ptr);
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, in);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
}

/* Nothing of a request may be reachable from the handle once its memory is gone. */
static void unset_request(CURL *curl)
{
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, NULL);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
}

static void take_fields(CURL *curl, struct arena *a, struct http_reply *out)
{
    struct curl_header *h = NULL;

    out->field = arena_array(a, struct http_field, HTTP_FIELDS_MAX);
    while (out->field_count < HTTP_FIELDS_MAX &&
           (h = curl_easy_nextheader(curl, CURLH_HEADER, -1, h)))
        out->field[out->field_count++] =
            (struct http_field){arena_dup(a, str_from(h->name)), arena_dup(a, str_from(h->value))};
}

struct str http_reply_field(const struct http_reply *reply, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < reply->field_count; i++) {
        struct str own = reply->field[i].name;
        if (own.len == len && strncasecmp(own.ptr, name, len) == 0)
            return reply->field[i].value;
    }
    return STR_NONE;
}

static void take_reply(CURL *curl, const struct intake *in, struct arena *a, struct http_reply *out)
{
    curl_off_t wait_s = 0;
    char *type = NULL;
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait_s); /* 0: not said */
    *out = (struct http_reply){
        .status = (unsigned)status,
        .content_type = arena_dup(a, str_from(type)),
        .body = arena_dup(a, buf_str(&in->body)),
        .retry_after_ms = -1,
    };
    if (wait_s > 0)
        out->retry_after_ms =
            wait_s > HTTP_RETRY_AFTER_MAX_MS / 1000 ? HTTP_RETRY_AFTER_MAX_MS : wait_s * 1000;
    take_fields(curl, a, out);
}

int http_client_send(struct http_client *client, const struct http_send *request, struct arena *a,
                     struct http_reply *out, struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    struct intake in = {.max = request->body_max > 0 ? request->body_max : HTTP_REPLY_MAX};

    HL_ASSERT(request->timeout_ms > 0);
    if (request->path.len == 0 || request->path.ptr[0] != '/' || has_control(request->path))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no path", STR_ARG(request->path));
    int r = wake(client, err);
    if (r == 0)
        r = make_headers(request, &headers, err);
    if (r < 0)
        return r;
    const char *url = arena_concat(a, client->base_url, request->path).ptr;
    set_request(client->curl, request, url, headers, &in, text);
    client->is_out_of_reach = false;
    CURLcode code = curl_easy_perform(client->curl);
    r = judge(client, code, text, &in, request->method, url, err);
    if (r == 0)
        take_reply(client->curl, &in, a, out);
    unset_request(client->curl);
    wipe_list(headers);
    if (in.body.ptr)
        explicit_bzero(in.body.ptr, in.body.len);
    buf_deinit(&in.body);
    return r;
}
