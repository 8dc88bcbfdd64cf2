/* net/url's parser and writer, with its modes of escaping; IPv6 literals are not looked into. */
#include "core/gostd/url.h"

#include <string.h>

#include "core/gostd/literal.h"

enum part { PART_PATH, PART_HOST, PART_ZONE, PART_USER, PART_FRAGMENT };

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool must_escape(char c, enum part part)
{
    if (is_alphanumeric(c) || is_one_of(c, "-_.~"))
        return false;
    switch (part) {
    case PART_HOST:
    case PART_ZONE:
        return !is_one_of(c, "!$&'()*+,;=:[]<>\"");
    case PART_PATH:
        return !is_one_of(c, "$&+,/:;=@");
    case PART_USER:
        return !is_one_of(c, "$&+,;=");
    case PART_FRAGMENT:
        return !is_one_of(c, "$&+,/:;=?@!()*");
    }
    return true;
}

static void escape(struct buf *out, struct str s, enum part part)
{
    for (size_t i = 0; i < s.len; i++) {
        if (must_escape(s.ptr[i], part))
            buf_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
        else
            buf_add_byte(out, s.ptr[i]);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int refuse_quoted(struct err *err, const char *before, struct str s, const char *behind)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    literal_quote(&text, s, false);
    return err_set(err, HL_EINVAL, "%s" STR_FMT "%s", before, STR_ARG(buf_str(&text)), behind);
}

static int unescape(struct arena *a, struct str s, enum part part, struct str *out, struct err *err)
{
    bool is_host = part == PART_HOST || part == PART_ZONE;
    char *text = arena_alloc(a, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c != '%') {
            if (is_host && (unsigned char)c < 0x80 && must_escape(c, part))
                return refuse_quoted(err, "invalid character ", str_sub(s, i, i + 1),
                                     " in host name");
            text[len++] = c;
            continue;
        }
        int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
        int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
        struct str shown = str_sub(s, i, i + 3);
        bool is_percent = str_eq(shown, STR("%25"));
        char byte = (char)(high << 4 | low);
        if (high < 0 || low < 0 || (part == PART_HOST && high < 8 && !is_percent) ||
            (part == PART_ZONE && !is_percent && byte != ' ' && must_escape(byte, PART_HOST)))
            return refuse_quoted(err, "invalid URL escape ", shown, "");
        text[len++] = byte;
        i += 2;
    }
    *out = (struct str){text, len};
    return 0;
}

static size_t last_of(struct str s, char c)
{
    for (size_t i = s.len; i-- > 0;) {
        if (s.ptr[i] == c)
            return i;
    }
    return SIZE_MAX;
}

static size_t first_of(struct str s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

static int check_port(struct str port, struct err *err)
{
    bool is_ok = port.len == 0 || port.ptr[0] == ':';

    for (size_t i = 1; i < port.len; i++)
        is_ok = is_ok && port.ptr[i] >= '0' && port.ptr[i] <= '9';
    return is_ok ? 0 : refuse_quoted(err, "invalid port ", port, " after host");
}

static int parse_host(struct arena *a, struct str scheme, struct str host, struct str *out,
                      struct err *err)
{
    size_t open = last_of(host, '[');
    size_t colon = first_of(host, ':');
    int rc = 0;

    if (open != SIZE_MAX && open > 0)
        return err_set(err, HL_EINVAL, "invalid IP-literal");
    if (open == 0) {
        size_t close = last_of(host, ']');
        if (close == SIZE_MAX)
            return err_set(err, HL_EINVAL, "missing ']' in host");
        rc = check_port(str_sub(host, close + 1, host.len), err);
    } else if (colon != SIZE_MAX) {
        bool is_web = str_eq(scheme, STR("http")) || str_eq(scheme, STR("https"));
        size_t from = is_web ? colon : last_of(host, ':');
        rc = check_port(str_sub(host, from, host.len), err);
    }
    return rc < 0 ? rc : unescape(a, host, PART_HOST, out, err);
}

static bool user_ok(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alphanumeric(s.ptr[i]) && !is_one_of(s.ptr[i], "-._:~!$&'()*+,;=%@"))
            return false;
    }
    return true;
}

static int parse_authority(struct arena *a, struct str s, struct url *u, struct err *err)
{
    size_t at = last_of(s, '@');
    struct str host = at == SIZE_MAX ? s : str_sub(s, at + 1, s.len);
    int rc = parse_host(a, u->scheme, host, &u->host, err);

    if (rc < 0 || at == SIZE_MAX)
        return rc;
    struct str user = str_sub(s, 0, at);
    if (!user_ok(user))
        return err_set(err, HL_EINVAL, "net/url: invalid userinfo");
    size_t colon = first_of(user, ':');
    u->has_user = true;
    u->has_password = colon != SIZE_MAX;
    rc = unescape(a, str_sub(user, 0, colon == SIZE_MAX ? user.len : colon), PART_USER,
                  &u->user_name, err);
    if (rc == 0 && u->has_password)
        rc = unescape(a, str_sub(user, colon + 1, user.len), PART_USER, &u->password, err);
    return rc;
}

/* Cuts "scheme:" off *rest. */
static int cut_scheme(struct arena *a, struct str *rest, struct str *out, struct err *err)
{
    *out = STR("");
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == ':') {
            if (i == 0)
                return err_set(err, HL_EINVAL, "missing protocol scheme");
            char *lower = arena_cstr(a, str_sub(*rest, 0, i));
            for (size_t k = 0; k < i; k++) {
                if (lower[k] >= 'A' && lower[k] <= 'Z')
                    lower[k] = (char)(lower[k] | 0x20);
            }
            *out = (struct str){lower, i};
            *rest = str_sub(*rest, i + 1, rest->len);
            return 0;
        }
        bool is_inner = (c >= '0' && c <= '9') || is_one_of(c, "+-.");
        if (!is_alphanumeric(c) && !is_inner)
            return 0;
        if (is_inner && i == 0)
            return 0;
    }
    return 0;
}

static void cut_query(struct str *rest, struct url *u)
{
    size_t question = first_of(*rest, '?');

    if (question == SIZE_MAX)
        return;
    u->has_question = question + 1 == rest->len;
    u->query = str_sub(*rest, question + 1, rest->len);
    *rest = str_sub(*rest, 0, question);
}

static int parse_rest(struct arena *a, struct str rest, struct url *u, struct err *err)
{
    if (!str_starts(rest, STR("/"))) {
        if (u->scheme.len > 0) {
            u->opaque = rest;
            return 0;
        }
        size_t slash = first_of(rest, '/');
        size_t colon = first_of(rest, ':');
        if (colon != SIZE_MAX && (slash == SIZE_MAX || colon < slash))
            return err_set(err, HL_EINVAL, "first path segment in URL cannot contain colon");
    }
    bool has_authority =
        str_starts(rest, STR("//")) && (u->scheme.len > 0 || !str_starts(rest, STR("///")));
    if (has_authority) {
        rest = str_sub(rest, 2, rest.len);
        size_t slash = first_of(rest, '/');
        size_t end = slash == SIZE_MAX ? rest.len : slash;
        int rc = parse_authority(a, str_sub(rest, 0, end), u, err);
        if (rc < 0)
            return rc;
        rest = str_sub(rest, end, rest.len);
    } else if (u->scheme.len > 0 && str_starts(rest, STR("/"))) {
        u->omits_host = true;
    }
    u->raw_path = rest;
    return unescape(a, rest, PART_PATH, &u->path, err);
}

int url_parse(struct arena *a, struct str text, struct url *out, struct err *err)
{
    size_t hash = first_of(text, '#');
    struct str rest = str_sub(text, 0, hash == SIZE_MAX ? text.len : hash);
    struct str shown = rest;
    int rc = 0;

    *out = (struct url){0};
    for (size_t i = 0; i < rest.len && rc == 0; i++) {
        if ((unsigned char)rest.ptr[i] < ' ' || rest.ptr[i] == 0x7f)
            rc = err_set(err, HL_EINVAL, "net/url: invalid control character in URL");
    }
    if (rc == 0 && str_eq(rest, STR("*"))) {
        out->path = rest;
    } else if (rc == 0) {
        rc = cut_scheme(a, &rest, &out->scheme, err);
        if (rc == 0) {
            cut_query(&rest, out);
            rc = parse_rest(a, rest, out, err);
        }
    }
    if (rc == 0 && hash != SIZE_MAX) {
        shown = text;
        out->raw_fragment = str_sub(text, hash + 1, text.len);
        rc = unescape(a, out->raw_fragment, PART_FRAGMENT, &out->fragment, err);
    }
    if (rc < 0) {
        HL_CLEANUP(buf_deinit) struct buf quoted = {0};
        literal_quote(&quoted, shown, false);
        return err_wrap(err, "parse " STR_FMT, STR_ARG(buf_str(&quoted)));
    }
    return 0;
}

/* ---- writing ---- */

void url_write_user(struct buf *out, const struct url *u)
{
    escape(out, u->user_name, PART_USER);
    if (!u->has_password)
        return;
    buf_add_byte(out, ':');
    escape(out, u->password, PART_USER);
}

static bool is_encoded(struct str raw, enum part part)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (!is_one_of(raw.ptr[i], "!$&'()*+,;=:@[]%") && must_escape(raw.ptr[i], part))
            return false;
    }
    return true;
}

static void write_path(struct buf *out, const struct url *u)
{
    HL_CLEANUP(buf_deinit) struct buf path = {0};

    if (u->raw_path.len > 0 && is_encoded(u->raw_path, PART_PATH))
        buf_add(&path, u->raw_path);
    else if (str_eq(u->path, STR("*")))
        buf_add(&path, u->path);
    else
        escape(&path, u->path, PART_PATH);
    struct str text = buf_str(&path);
    if (text.len > 0 && text.ptr[0] != '/' && u->host.len > 0)
        buf_add_byte(out, '/');
    size_t slash = first_of(text, '/');
    size_t colon = first_of(text, ':');
    if (out->len == 0 && colon != SIZE_MAX && (slash == SIZE_MAX || colon < slash))
        buf_add_cstr(out, "./");
    buf_add(out, text);
}

void url_write(struct buf *out, const struct url *u)
{
    bool has_authority = u->scheme.len > 0 || u->host.len > 0 || u->has_user;

    if (u->scheme.len > 0) {
        buf_add(out, u->scheme);
        buf_add_byte(out, ':');
    }
    if (u->opaque.len > 0) {
        buf_add(out, u->opaque);
    } else {
        bool is_omitted = u->omits_host && u->host.len == 0 && !u->has_user;
        if (has_authority && !is_omitted) {
            if (u->host.len > 0 || u->path.len > 0 || u->has_user)
                buf_add_cstr(out, "//");
            if (u->has_user) {
                url_write_user(out, u);
                buf_add_byte(out, '@');
            }
            escape(out, u->host, PART_HOST);
        }
        write_path(out, u);
    }
    if (u->has_question || u->query.len > 0) {
        buf_add_byte(out, '?');
        buf_add(out, u->query);
    }
    if (u->fragment.len > 0) {
        buf_add_byte(out, '#');
        if (u->raw_fragment.len > 0 && is_encoded(u->raw_fragment, PART_FRAGMENT))
            buf_add(out, u->raw_fragment);
        else
            escape(out, u->fragment, PART_FRAGMENT);
    }
}

struct str url_hostname(const struct url *u)
{
    struct str host = u->host;
    size_t close = last_of(host, ']');

    if (str_starts(host, STR("[")) && close != SIZE_MAX)
        return str_sub(host, 1, close);
    size_t colon = first_of(host, ':');
    return colon == SIZE_MAX ? host : str_sub(host, 0, colon);
}
