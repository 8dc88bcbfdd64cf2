/* RFC 3986, sections 3 and 5.2, as far as repositories need it. */
#include "edge/registry/weburl.h"

#include <string.h>

static struct str scheme_of(struct str text)
{
    static const char *const known[] = {"https", "http", "oci"};

    for (size_t i = 0; i < HL_COUNT(known); i++) {
        size_t len = strlen(known[i]);
        if (text.len > len + 3 && strncasecmp(text.ptr, known[i], len) == 0 &&
            memcmp(text.ptr + len, "://", 3) == 0)
            return str_from(known[i]);
    }
    return STR_NONE;
}

static int check_bytes(struct str text, struct err *err)
{
    if (text.len > WEBURL_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "a URL of more than %d bytes", WEBURL_BYTES_MAX);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("\"\\<>^`{|}", c))
            return err_set(err, HL_EINVAL, "a URL holds no blank, control character or quote");
    }
    return 0;
}

static size_t find_any(struct str s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr(set, s.ptr[i]))
            return i;
    }
    return s.len;
}

/* Names, addresses, ports: nothing that any two parsers would take apart differently. */
static bool is_host(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && !(c >= '0' && c <= '9') && !strchr("-._:[]", c))
            return false;
    }
    return s.len > 0 && s.ptr[0] != ':'; /* a port alone is no host */
}

int weburl_parse(struct str text, struct weburl *out, struct err *err)
{
    int rc = check_bytes(text, err);
    if (rc < 0)
        return rc;
    struct str scheme = scheme_of(text);
    struct str rest = str_sub(text, scheme.len + 3, text.len);
    rest = str_sub(rest, 0, find_any(rest, "#"));
    size_t host_end = find_any(rest, "/?");
    struct str host = str_sub(rest, 0, host_end);

    if (scheme.len > 0 && str_has_byte(host, '@'))
        return err_set(err, HL_EINVAL, "a URL holds no user or password");
    if (scheme.len == 0 || !is_host(host))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no http, https or oci URL",
                       STR_ARG(str_sub(text, 0, 200)));
    rest = str_sub(rest, host_end, rest.len);
    size_t path_end = find_any(rest, "?");
    *out = (struct weburl){scheme, host, str_sub(rest, 0, path_end),
                           str_sub(rest, path_end + 1, rest.len)};
    return 0;
}

struct str weburl_origin(struct arena *a, const struct weburl *u)
{
    return arena_printf(a, STR_FMT "://" STR_FMT, STR_ARG(u->scheme), STR_ARG(u->host));
}

struct str weburl_target(struct arena *a, const struct weburl *u)
{
    return arena_printf(a, "%s" STR_FMT "%s" STR_FMT, u->path.len > 0 ? "" : "/", STR_ARG(u->path),
                        u->query.len > 0 ? "?" : "", STR_ARG(u->query));
}

static struct str without_default_port(const struct weburl *u)
{
    struct str port = str_eq(u->scheme, STR("http")) ? STR(":80") : STR(":443");

    return str_ends(u->host, port) ? str_sub(u->host, 0, u->host.len - port.len) : u->host;
}

bool weburl_same_origin(const struct weburl *a, const struct weburl *b)
{
    struct str x = without_default_port(a);
    struct str y = without_default_port(b);

    return str_eq(a->scheme, b->scheme) && x.len == y.len && strncasecmp(x.ptr, y.ptr, x.len) == 0;
}

bool weburl_is_loopback(const struct weburl *u)
{
    static const char *const names[] = {"localhost", "[::1]", "127.0.0.1"};

    for (size_t i = 0; i < HL_COUNT(names); i++) {
        size_t len = strlen(names[i]);
        if (u->host.len >= len && strncasecmp(u->host.ptr, names[i], len) == 0 &&
            (u->host.len == len || u->host.ptr[len] == ':'))
            return true;
    }
    return false;
}

static struct str whole(struct arena *a, const struct weburl *u, struct str path, struct str query)
{
    return arena_printf(a, STR_FMT "://" STR_FMT STR_FMT "%s" STR_FMT, STR_ARG(u->scheme),
                        STR_ARG(u->host), STR_ARG(path), query.len > 0 ? "?" : "", STR_ARG(query));
}

static struct str as_folder(struct str path)
{
    return str_ends(path, STR("/")) ? str_sub(path, 0, path.len - 1) : path;
}

struct str weburl_below(struct arena *a, const struct weburl *base, struct str name)
{
    struct str folder = as_folder(base->path);

    return whole(a, base, arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(folder), STR_ARG(name)),
                 base->query);
}

/* Section 5.2.4: "." and ".." resolved, never above the root. The path starts with '/'. */
static struct str without_dots(struct arena *a, struct str path)
{
    char *out = arena_alloc(a, path.len + 2);
    struct str rest = str_sub(path, 1, path.len);
    size_t len = 0;
    bool is_folder = true;

    while (rest.len > 0) {
        bool has_slash = str_has_byte(rest, '/');
        struct str part = str_cut(&rest, '/');
        bool is_up = str_eq(part, STR(".."));
        is_folder = has_slash || is_up || str_eq(part, STR("."));
        while (is_up && len > 0 && out[--len] != '/')
            continue;
        if (is_up || str_eq(part, STR(".")))
            continue;
        out[len++] = '/';
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
    }
    if (is_folder)
        out[len++] = '/';
    return (struct str){out, len};
}

/* Whether the reference says its own scheme: letters before the first ':', no '/' in between. */
static bool has_scheme(struct str reference)
{
    size_t at = find_any(reference, ":/?#");

    return at > 0 && at < reference.len && reference.ptr[at] == ':';
}

/* `folder` is what a relative path starts from, without its last slash. */
static int resolve(struct arena *a, const struct weburl *base, struct str folder,
                   struct str reference, struct weburl *out, struct err *err)
{
    int rc = check_bytes(reference, err);
    if (rc < 0)
        return rc;
    if (has_scheme(reference))
        return weburl_parse(reference, out, err);
    if (str_starts(reference, STR("//")))
        return weburl_parse(
            arena_printf(a, STR_FMT ":" STR_FMT, STR_ARG(base->scheme), STR_ARG(reference)), out,
            err);
    reference = str_sub(reference, 0, find_any(reference, "#"));
    size_t path_end = find_any(reference, "?");
    struct str path = str_sub(reference, 0, path_end);
    if (!str_starts(path, STR("/")))
        path = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(folder), STR_ARG(path));
    *out = (struct weburl){base->scheme, base->host, without_dots(a, path),
                           str_sub(reference, path_end + 1, reference.len)};
    return 0;
}

int weburl_join(struct arena *a, const struct weburl *base, struct str reference, struct str *out,
                struct err *err)
{
    struct weburl u;

    int rc = resolve(a, base, as_folder(base->path), reference, &u, err);
    if (rc == 0)
        *out = has_scheme(reference) ? arena_dup(a, reference) : whole(a, &u, u.path, base->query);
    return rc;
}

int weburl_follow(struct arena *a, const struct weburl *base, struct str location, struct str *out,
                  struct err *err)
{
    size_t end = base->path.len;
    struct weburl u;

    while (end > 0 && base->path.ptr[end - 1] != '/')
        end--;
    int rc = resolve(a, base, as_folder(str_sub(base->path, 0, end)), location, &u, err);
    if (rc == 0)
        *out = whole(a, &u, u.path, u.query);
    return rc;
}
