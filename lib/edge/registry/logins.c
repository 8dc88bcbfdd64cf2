/* A short list; every secret in a heap block of its own. */
#include "edge/registry/logins.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core/value/json.h"

struct login {
    struct str origin;
    struct str secret; /* "user:password" */
};

struct logins {
    struct login login[LOGINS_MAX];
    size_t count;
};

static void wipe(struct str s)
{
    if (s.ptr)
        explicit_bzero((void *)(uintptr_t)s.ptr, s.len);
}

struct logins *logins_new(void)
{
    return hl_calloc(1, sizeof(struct logins));
}

void logins_free(struct logins *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        wipe(l->login[i].secret);
        str_free(l->login[i].secret);
        str_free(l->login[i].origin);
    }
    free(l);
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

static int add(struct logins *l, struct str origin, struct str secret, struct err *err)
{
    struct weburl u;

    int rc = weburl_parse(origin, &u, err);
    if (rc < 0)
        return rc;
    if (u.path.len > 1 || u.query.len > 0)
        return err_set(err, HL_EINVAL, "a login is for a host, not for a path");
    if (has_control(secret))
        return err_set(err, HL_EINVAL, "login for " STR_FMT ": a control character",
                       STR_ARG(u.host));
    if (l->count == LOGINS_MAX)
        return err_set(err, HL_ELIMIT, "more than %d logins", LOGINS_MAX);
    l->login[l->count++] = (struct login){str_dup(origin), str_dup(secret)};
    return 0;
}

int logins_add(struct logins *l, struct str origin, struct str user, struct str password,
               struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf secret = {0};

    if (str_has_byte(user, ':'))
        return err_set(err, HL_EINVAL, "login for " STR_FMT ": the user holds a colon",
                       STR_ARG(origin));
    (void)buf_reserve(&secret, user.len + password.len + 1); /* once: no copies stay behind */
    buf_add(&secret, user);
    buf_add_byte(&secret, ':');
    buf_add(&secret, password);
    int rc = add(l, origin, buf_str(&secret), err);
    wipe(buf_str(&secret));
    return rc;
}

/* "https://index.docker.io/v1/" and "registry.example.com:5000" to their origins. */
static struct str origin_of(struct arena *a, struct str key)
{
    size_t at = str_find(key, STR("://"), 0);
    struct str host = at == SIZE_MAX ? key : str_sub(key, at + 3, key.len);
    struct str scheme = str_starts(key, STR("http://")) ? STR("http://") : STR("https://");

    return arena_concat(a, scheme, str_cut(&host, '/'));
}

static int add_docker_entry(struct logins *l, struct arena *a, const struct member *m,
                            struct err *err)
{
    struct str origin = origin_of(a, m->key);
    struct str user = value_get_str(m->value, "username");
    struct str password = value_get_str(m->value, "password");
    struct str auth = value_get_str(m->value, "auth");
    struct str secret;

    if (user.len > 0)
        return logins_add(l, origin, user, password, err);
    if (auth.len == 0)
        return 0;
    if (!base64_decode(a, auth, &secret, NULL) || !str_has_byte(secret, ':'))
        return err_set(err, HL_EINVAL,
                       "login for " STR_FMT ": \"auth\" is no base64 of "
                       "user:password",
                       STR_ARG(str_sub(m->key, 0, 200)));
    int rc = add(l, origin, secret, err);
    wipe(secret);
    return rc;
}

/* The caller's text still holds them; memory given back should not. */
static void wipe_tree(const struct value *auths)
{
    for (size_t i = 0; auths && auths->kind == VALUE_MAP && i < auths->map.count; i++) {
        wipe(value_get_str(auths->map.member[i].value, "auth"));
        wipe(value_get_str(auths->map.member[i].value, "password"));
    }
}

int logins_add_docker(struct logins *l, struct str json, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *v;

    if (json.len > LOGINS_CONFIG_MAX)
        return err_set(err, HL_ELIMIT, "config.json has more than %d bytes", LOGINS_CONFIG_MAX);
    if (json_read(a, json, STR("config.json"), &v, NULL) < 0)
        return err_set(err, HL_EINVAL, "config.json is no JSON");
    const struct value *auths = value_get(v, STR("auths"));
    int rc = 0;
    for (size_t i = 0; auths && auths->kind == VALUE_MAP && i < auths->map.count && rc == 0; i++)
        rc = add_docker_entry(l, a, &auths->map.member[i], err);
    wipe_tree(auths);
    return rc < 0 ? err_wrap(err, "config.json") : 0;
}

static bool is_docker_hub(struct str host)
{
    return str_eq(host, STR("registry-1.docker.io")) || str_eq(host, STR("docker.io")) ||
           str_eq(host, STR("auth.docker.io"));
}

struct str logins_find(const struct logins *l, const struct weburl *url)
{
    struct weburl wanted = *url;
    struct weburl own;

    if (str_eq(wanted.scheme, STR("https")) && is_docker_hub(wanted.host))
        wanted.host = STR("index.docker.io");
    for (size_t i = l->count; i > 0; i--) {
        bool is_url = weburl_parse(l->login[i - 1].origin, &own, NULL) == 0;
        if (is_url && is_docker_hub(own.host))
            own.host = STR("index.docker.io");
        if (is_url && weburl_same_origin(&own, &wanted))
            return l->login[i - 1].secret;
    }
    return STR_NONE;
}
