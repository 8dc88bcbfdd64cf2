/* One pass over the text; whatever is not recognised is refused, nothing is guessed. */
#include "edge/gitsrc/url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_graph(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] >= 0x7f)
            return false;
    return true;
}

static int set_part(char out[GIT_URL_PART_MAX], struct str s, const char *what, struct err *err)
{
    if (s.len >= GIT_URL_PART_MAX)
        return err_set(err, HL_EINVAL, "repository url: the %s is too long", what);
    snprintf(out, GIT_URL_PART_MAX, STR_FMT, STR_ARG(s));
    return 0;
}

static int set_path(struct git_url *out, struct str path, struct err *err)
{
    if (path.len == 0 || path.ptr[0] != '/')
        return err_set(err, HL_EINVAL, "repository url: the path must be absolute");
    if (str_has_byte(path, '%') && out->kind == GIT_URL_PATH)
        return err_set(err, HL_EINVAL, "repository url: write file paths without %%-escapes");
    snprintf(out->path, sizeof(out->path), STR_FMT, STR_ARG(path));
    return 0;
}

/* [user@]host[:port], host perhaps an [IPv6] literal. */
static int set_authority(struct git_url *out, struct str authority, struct err *err)
{
    struct str host = authority;
    struct str port = STR_NONE;

    for (size_t i = authority.len; i-- > 0;) {
        if (authority.ptr[i] != '@')
            continue;
        struct str user = str_sub(authority, 0, i);
        if (str_has_byte(user, ':'))
            return err_set(err, HL_EINVAL,
                           "repository url carries a password: put it into a token file");
        int rc = set_part(out->user, user, "user", err);
        if (rc < 0)
            return rc;
        host = str_sub(authority, i + 1, authority.len);
        break;
    }
    if (host.len > 0 && host.ptr[0] == '[') {
        size_t end = str_find(host, STR("]"), 0);
        if (end == SIZE_MAX)
            return err_set(err, HL_EINVAL, "repository url: [ without ] in the host");
        port = str_sub(host, end + 1, host.len);
        host = str_sub(host, 1, end);
        if (port.len > 0 && port.ptr[0] != ':')
            return err_set(err, HL_EINVAL, "repository url: text behind the host's ]");
    } else {
        size_t colon = str_find(host, STR(":"), 0);
        port = colon == SIZE_MAX ? STR_NONE : str_sub(host, colon, host.len);
        host = str_sub(host, 0, colon);
    }
    if (host.len == 0 || host.ptr[0] == '-')
        return err_set(err, HL_EINVAL, "repository url: no host, or one that starts with '-'");
    if (port.len > 0) {
        uint64_t number;
        if (!str_to_u64(str_sub(port, 1, port.len), &number) || number == 0 || number > 65535)
            return err_set(err, HL_EINVAL, "repository url: the port must be 1 to 65535");
        out->port = (uint16_t)number;
    }
    return set_part(out->host, host, "host", err);
}

static int parse_scheme(struct str rest, struct git_url *out, struct err *err)
{
    size_t slash = str_find(rest, STR("/"), 0);

    if (slash == SIZE_MAX)
        return err_set(err, HL_EINVAL, "repository url: nothing behind the host");
    int rc = set_authority(out, str_sub(rest, 0, slash), err);
    return rc < 0 ? rc : set_path(out, str_sub(rest, slash, rest.len), err);
}

/* user@host:path, as scp writes it. The path may be relative to the user's home. */
static int parse_scp(struct str text, struct git_url *out, struct err *err)
{
    size_t colon = str_find(text, STR(":"), 0);

    if (colon == SIZE_MAX || str_has_byte(str_sub(text, 0, colon), '/') || colon + 1 == text.len)
        return err_set(err, HL_EINVAL,
                       "repository url '" STR_FMT "': neither an absolute path, file://, http://, "
                       "https://, ssh:// nor user@host:path",
                       STR_ARG(text));
    out->kind = GIT_URL_SSH;
    snprintf(out->path, sizeof(out->path), STR_FMT, STR_ARG(str_sub(text, colon + 1, text.len)));
    return set_authority(out, str_sub(text, 0, colon), err);
}

int git_url_parse(struct str text, struct git_url *out, struct err *err)
{
    static const struct {
        struct str prefix;
        enum git_url_kind kind;
    } scheme[] = {
        {{"http://", 7}, GIT_URL_HTTP},
        {{"https://", 8}, GIT_URL_HTTPS},
        {{"ssh://", 6}, GIT_URL_SSH},
    };

    *out = (struct git_url){.kind = GIT_URL_PATH};
    if (text.len == 0)
        return err_set(err, HL_EINVAL, "no repository url");
    if (text.len > GIT_URL_MAX)
        return err_set(err, HL_EINVAL, "repository url: longer than %d bytes", GIT_URL_MAX);
    if (text.ptr[0] == '/' || str_starts(text, STR("file://"))) {
        if (text.ptr[0] != '/')
            text = str_sub(text, 7, text.len);
        for (size_t i = 0; i < text.len; i++)
            if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
                return err_set(err, HL_EINVAL, "repository url: control byte in the path");
        return set_path(out, text, err);
    }
    if (!is_graph(text))
        return err_set(err, HL_EINVAL, "repository url: blank, control or non-ASCII byte");
    for (size_t i = 0; i < HL_COUNT(scheme); i++) {
        if (!str_starts(text, scheme[i].prefix))
            continue;
        out->kind = scheme[i].kind;
        return parse_scheme(str_sub(text, scheme[i].prefix.len, text.len), out, err);
    }
    if (str_find(text, STR("://"), 0) != SIZE_MAX)
        return err_set(err, HL_EINVAL, "repository url: only file, http, https and ssh are spoken");
    return parse_scp(text, out, err);
}

bool git_url_is_loopback(const struct git_url *url)
{
    unsigned a, b, c, d;
    char more;

    if (strcasecmp(url->host, "localhost") == 0 || strcmp(url->host, "::1") == 0)
        return true;
    return sscanf(url->host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &more) == 4 && a == 127 &&
           b < 256 && c < 256 && d < 256;
}

static bool part_ok(struct str part)
{
    if (part.len == 0 || part.len > REPO_PATH_PART_MAX)
        return false;
    if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
        return false;
    return part.len != 4 || strncasecmp(part.ptr, ".git", 4) != 0;
}

int git_path_check(struct str path, bool allow_root, struct err *err)
{
    struct str rest = path;

    if (path.len == 0 && allow_root)
        return 0;
    if (path.len == 0 || path.len > REPO_PATH_MAX)
        return err_set(err, HL_EINVAL, "path of %zu bytes in a repository: 1 to %d are allowed",
                       path.len, REPO_PATH_MAX);
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] < ' ' || path.ptr[i] == 0x7f || path.ptr[i] == '\\')
            return err_set(err, HL_EINVAL, "path in a repository: control byte or backslash");
    if (path.ptr[path.len - 1] == '/')
        return err_set(err, HL_EINVAL, "path '" STR_FMT "' ends in '/'", STR_ARG(path));
    while (rest.len > 0) {
        if (!part_ok(str_cut(&rest, '/')))
            return err_set(err, HL_EINVAL,
                           "path '" STR_FMT "' is absolute or has an empty, '.', '..', '.git' or "
                           "overlong part",
                           STR_ARG(path));
    }
    return 0;
}

/* The subset of git-check-ref-format(1) that matters: nothing that is an expression or a path. */
int git_branch_ref(struct str branch, char out[GIT_REF_MAX], struct err *err)
{
    struct str name = branch;

    if (str_starts(name, STR("refs/heads/")))
        name = str_sub(name, 11, name.len);
    bool is_ok = name.len > 0 && name.len < GIT_REF_MAX - 12 && name.ptr[0] != '-' &&
                 str_find(name, STR(".."), 0) == SIZE_MAX &&
                 str_find(name, STR("@{"), 0) == SIZE_MAX;
    for (size_t i = 0; is_ok && i < name.len; i++)
        is_ok = (unsigned char)name.ptr[i] > ' ' && !strchr("~^:?*[\\\x7f", name.ptr[i]);
    for (struct str rest = name; is_ok && rest.len > 0;) {
        struct str part = str_cut(&rest, '/');
        is_ok = part.len > 0 && part.ptr[0] != '.' && !str_ends(part, STR(".lock")) &&
                !str_ends(part, STR("."));
    }
    if (!is_ok || str_ends(name, STR("/")))
        return err_set(err, HL_EINVAL, "'" STR_FMT "' cannot be a branch name", STR_ARG(branch));
    snprintf(out, GIT_REF_MAX, "refs/heads/" STR_FMT, STR_ARG(name));
    return 0;
}

bool git_oid_text_ok(struct str oid)
{
    if (oid.len != 40)
        return false;
    for (size_t i = 0; i < oid.len; i++)
        if (!strchr("0123456789abcdef", oid.ptr[i]) || oid.ptr[i] == '\0')
            return false;
    return true;
}
