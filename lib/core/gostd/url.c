/*
 * net/url's parser and writer, with its modes of escaping. Reasons are collected in a buffer, in
 * which url_parse has written before what was parsed.
 */
#include "core/gostd/url.h"

#include <string.h>

#include "core/gostd/address.h"
#include "core/gostd/literal.h"

enum part { PART_PATH, PART_SEGMENT, PART_HOST, PART_ZONE, PART_USER, PART_FRAGMENT };

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
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

/* Whether a ":" stands in what would be the first segment of a path. */
static bool has_colon_first(struct str path)
{
    return str_has_byte(str_sub(path, 0, first_of(path, '/')), ':');
}

/* ---- escapes ---- */

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
    case PART_SEGMENT:
        return !is_one_of(c, "$&+:=@");
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

static bool refuse(struct buf *why, const char *reason)
{
    buf_add_cstr(why, reason);
    return false;
}

static bool refuse_quoted(struct buf *why, const char *before, struct str s, const char *behind)
{
    buf_add_cstr(why, before);
    literal_quote(why, s, false);
    return refuse(why, behind);
}

/* The byte that the escape at s[at] means; -1 if it may not stand there. */
static int escaped_byte(struct str s, size_t at, enum part part)
{
    int high = at + 2 < s.len ? hex_value(s.ptr[at + 1]) : -1;
    int low = at + 2 < s.len ? hex_value(s.ptr[at + 2]) : -1;
    int byte = high << 4 | low;

    if (high < 0 || low < 0)
        return -1;
    if (byte == '%')
        return byte;
    if (part == PART_HOST && byte < 0x80)
        return -1;
    if (part == PART_ZONE && byte != ' ' && must_escape((char)byte, PART_HOST))
        return -1;
    return byte;
}

static bool unescape(struct arena *a, struct str s, enum part part, struct str *out,
                     struct buf *why)
{
    bool is_host = part == PART_HOST || part == PART_ZONE;
    char *text = arena_alloc(a, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int byte = escaped_byte(s, i, part);
            if (byte < 0)
                return refuse_quoted(why, "invalid URL escape ", str_sub(s, i, i + 3), "");
            c = (char)byte;
            i += 2;
        } else if (is_host && (unsigned char)c < 0x80 && must_escape(c, part)) {
            return refuse_quoted(why, "invalid character ", str_sub(s, i, i + 1), " in host name");
        }
        text[len++] = c;
    }
    *out = (struct str){text, len};
    return true;
}

/* The same with *out_raw empty where escaping leads back to s. */
static bool unescape_keeping(struct arena *a, struct str s, enum part part, struct str *out,
                             struct str *out_raw, struct buf *why)
{
    HL_CLEANUP(buf_deinit) struct buf usual = {0};

    if (!unescape(a, s, part, out, why))
        return false;
    escape(&usual, *out, part);
    *out_raw = str_eq(buf_str(&usual), s) ? STR_NONE : s;
    return true;
}

bool url_unescape(struct arena *a, struct str s, struct str *out, struct str *out_why)
{
    HL_CLEANUP(buf_deinit) struct buf why = {0};

    if (unescape(a, s, PART_SEGMENT, out, &why))
        return true;
    *out_why = arena_dup(a, buf_str(&why));
    return false;
}

void url_escape_segments(struct buf *out, struct str path)
{
    while (path.len > 0) {
        size_t slash = first_of(path, '/');
        escape(out, str_sub(path, 0, slash), PART_SEGMENT);
        if (slash == SIZE_MAX)
            return;
        buf_add_byte(out, '/');
        path = str_sub(path, slash + 1, path.len);
    }
}

/* ---- parsing ---- */

void url_split(struct str text, struct str *out_url, struct str *out_fragment)
{
    size_t hash = first_of(text, '#');

    *out_url = str_sub(text, 0, hash);
    *out_fragment = hash == SIZE_MAX ? STR_NONE : str_sub(text, hash + 1, text.len);
}

static bool is_port(struct str port)
{
    if (port.len > 0 && port.ptr[0] != ':')
        return false;
    for (size_t i = 1; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
    }
    return true;
}

static bool check_port(struct str port, struct buf *why)
{
    return is_port(port) || refuse_quoted(why, "invalid port ", port, " after host");
}

/* "[fe80::1%25en0]:80" */
static bool parse_literal(struct arena *a, struct str host, struct str *out, struct buf *why)
{
    size_t close = last_of(host, ']');
    struct str zone = STR_NONE;
    struct address address;
    struct str name;

    if (close == SIZE_MAX)
        return refuse(why, "missing ']' in host");
    struct str port = str_sub(host, close + 1, host.len);
    if (!check_port(port, why))
        return false;
    struct str inner = str_sub(host, 1, close);
    size_t percent = str_find(inner, STR("%25"), 0);
    if (!unescape(a, str_sub(inner, 0, percent), PART_HOST, &name, why))
        return false;
    if (percent != SIZE_MAX &&
        !unescape(a, str_sub(inner, percent, inner.len), PART_ZONE, &zone, why))
        return false;
    name = arena_concat(a, name, zone);
    size_t start = why->len;
    buf_add(why, STR("invalid host: "));
    if (!address_parse(name, &address, why))
        return false;
    why->len = start;
    if (address.is_v4)
        return refuse(why, "invalid IP-literal");
    *out = arena_printf(a, "[" STR_FMT "]" STR_FMT, STR_ARG(name), STR_ARG(port));
    return true;
}

static bool parse_host(struct arena *a, struct str scheme, struct str host, struct str *out,
                       struct buf *why)
{
    bool is_strict = str_eq(scheme, STR("http")) || str_eq(scheme, STR("https"));
    size_t open = last_of(host, '[');
    size_t colon = is_strict ? first_of(host, ':') : last_of(host, ':');

    if (open == 0)
        return parse_literal(a, host, out, why);
    if (open != SIZE_MAX)
        return refuse(why, "invalid IP-literal");
    if (colon != SIZE_MAX && !check_port(str_sub(host, colon, host.len), why))
        return false;
    return unescape(a, host, PART_HOST, out, why);
}

static bool parse_user(struct arena *a, struct str user, struct url *u, struct buf *why)
{
    size_t colon = first_of(user, ':');

    for (size_t i = 0; i < user.len; i++) {
        if (!is_alphanumeric(user.ptr[i]) && !is_one_of(user.ptr[i], "-._:~!$&'()*+,;=%@"))
            return refuse(why, "net/url: invalid userinfo");
    }
    u->has_user = true;
    u->has_password = colon != SIZE_MAX;
    return unescape(a, str_sub(user, 0, colon), PART_USER, &u->user_name, why) &&
           (!u->has_password ||
            unescape(a, str_sub(user, colon + 1, user.len), PART_USER, &u->password, why));
}

static bool parse_authority(struct arena *a, struct str s, struct url *u, struct buf *why)
{
    size_t at = last_of(s, '@');
    struct str host = at == SIZE_MAX ? s : str_sub(s, at + 1, s.len);

    return parse_host(a, u->scheme, host, &u->host, why) &&
           (at == SIZE_MAX || parse_user(a, str_sub(s, 0, at), u, why));
}

/* Cuts "scheme:" off *rest. */
static bool cut_scheme(struct arena *a, struct str *rest, struct str *out, struct buf *why)
{
    size_t len = 0;

    while (len < rest->len && (is_alphanumeric(rest->ptr[len]) || is_one_of(rest->ptr[len], "+-.")))
        len++;
    if (len == rest->len || rest->ptr[len] != ':')
        return true;
    if (len == 0)
        return refuse(why, "missing protocol scheme");
    if (is_one_of(rest->ptr[0], "0123456789+-."))
        return true;
    char *lower = arena_cstr(a, str_sub(*rest, 0, len));
    for (size_t i = 0; i < len; i++) {
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] | 0x20);
    }
    *out = (struct str){lower, len};
    *rest = str_sub(*rest, len + 1, rest->len);
    return true;
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

/* What stands between scheme and query. */
static bool parse_rest(struct arena *a, struct str rest, struct url *u, struct buf *why)
{
    if (!str_starts(rest, STR("/"))) {
        if (u->scheme.len > 0) {
            u->opaque = rest;
            return true;
        }
        if (has_colon_first(rest))
            return refuse(why, "first path segment in URL cannot contain colon");
    }
    if (str_starts(rest, STR("//")) && (u->scheme.len > 0 || !str_starts(rest, STR("///")))) {
        size_t slash = str_find(rest, STR("/"), 2);
        if (!parse_authority(a, str_sub(rest, 2, slash), u, why))
            return false;
        rest = slash == SIZE_MAX ? STR_NONE : str_sub(rest, slash, rest.len);
    } else if (u->scheme.len > 0) {
        u->omits_host = true;
    }
    return unescape_keeping(a, rest, PART_PATH, &u->path, &u->raw_path, why);
}

static bool parse_unfragmented(struct arena *a, struct str text, struct url *u, struct buf *why)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return refuse(why, "net/url: invalid control character in URL");
    }
    if (str_eq(text, STR("*"))) {
        u->path = text;
        return true;
    }
    if (!cut_scheme(a, &text, &u->scheme, why))
        return false;
    cut_query(&text, u);
    return parse_rest(a, text, u, why);
}

static void begin_reason(struct buf *why, struct str text)
{
    buf_reset(why);
    buf_add(why, STR("parse "));
    literal_quote(why, text, false);
    buf_add(why, STR(": "));
}

bool url_parse(struct arena *a, struct str text, struct url *out, struct str *out_why)
{
    HL_CLEANUP(buf_deinit) struct buf why = {0};
    struct str fragment;
    struct str rest;

    *out = (struct url){0};
    url_split(text, &rest, &fragment);
    begin_reason(&why, rest);
    bool is_good = parse_unfragmented(a, rest, out, &why);
    if (is_good && fragment.len > 0) {
        begin_reason(&why, text);
        is_good =
            unescape_keeping(a, fragment, PART_FRAGMENT, &out->fragment, &out->raw_fragment, &why);
    }
    if (!is_good)
        *out_why = arena_dup(a, buf_str(&why));
    return is_good;
}

struct str url_hostname(const struct url *u)
{
    struct str host = u->host;
    size_t colon = last_of(host, ':');

    if (colon != SIZE_MAX && is_port(str_sub(host, colon, host.len)))
        host = str_sub(host, 0, colon);
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_sub(host, 1, host.len - 1);
    return host;
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

/* validEncoded */
static bool is_encoded(struct str raw, enum part part)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (!is_one_of(raw.ptr[i], "!$&'()*+,;=:@[]%") && must_escape(raw.ptr[i], part))
            return false;
    }
    return true;
}

static void write_escaped(struct buf *out, struct str plain, struct str raw, enum part part)
{
    if (raw.len > 0 && is_encoded(raw, part))
        buf_add(out, raw);
    else
        escape(out, plain, part);
}

static void write_escaped_path(struct buf *out, const struct url *u)
{
    if (u->raw_path.len == 0 && str_eq(u->path, STR("*")))
        buf_add(out, u->path);
    else
        write_escaped(out, u->path, u->raw_path, PART_PATH);
}

static void write_path(struct buf *out, const struct url *u)
{
    HL_CLEANUP(buf_deinit) struct buf path = {0};

    write_escaped_path(&path, u);
    struct str text = buf_str(&path);
    if (text.len > 0 && text.ptr[0] != '/' && u->host.len > 0)
        buf_add_byte(out, '/');
    if (out->len == 0 && has_colon_first(text))
        buf_add_cstr(out, "./");
    buf_add(out, text);
}

static void write_authority(struct buf *out, const struct url *u)
{
    bool is_there = u->host.len > 0 || u->has_user;

    if (!is_there && (u->scheme.len == 0 || u->omits_host || u->path.len == 0))
        return;
    buf_add_cstr(out, "//");
    if (u->has_user) {
        url_write_user(out, u);
        buf_add_byte(out, '@');
    }
    escape(out, u->host, PART_HOST);
}

void url_write(struct buf *out, const struct url *u)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (u->scheme.len > 0) {
        buf_add(&text, u->scheme);
        buf_add_byte(&text, ':');
    }
    if (u->opaque.len > 0) {
        buf_add(&text, u->opaque);
    } else {
        write_authority(&text, u);
        write_path(&text, u);
    }
    if (u->has_question || u->query.len > 0) {
        buf_add_byte(&text, '?');
        buf_add(&text, u->query);
    }
    if (u->fragment.len > 0) {
        buf_add_byte(&text, '#');
        write_escaped(&text, u->fragment, u->raw_fragment, PART_FRAGMENT);
    }
    buf_add(out, buf_str(&text));
}

/* ---- resolving ---- */

static void drop_last_segment(struct buf *path)
{
    size_t slash = path->len - 1;

    while (slash > 0 && path->ptr[slash] != '/')
        slash--;
    path->len = slash > 0 ? slash : 1;
}

/* RFC 3986, 5.2.4, as resolvePath does it: a path without its dot segments. */
static struct str without_dots(struct arena *a, struct str full)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    bool is_first = true;
    bool has_more = full.len > 0;
    bool ends_with_dots = false;

    if (full.len == 0)
        return full;
    buf_add_byte(&out, '/');
    while (has_more) {
        size_t slash = first_of(full, '/');
        struct str segment = str_sub(full, 0, slash);
        has_more = slash != SIZE_MAX;
        full = has_more ? str_sub(full, slash + 1, full.len) : STR_NONE;
        bool is_up = str_eq(segment, STR(".."));
        ends_with_dots = is_up || str_eq(segment, STR("."));
        if (is_up)
            drop_last_segment(&out);
        if (!ends_with_dots && !is_first)
            buf_add_byte(&out, '/');
        if (!ends_with_dots)
            buf_add(&out, segment);
        is_first = is_up && out.len == 1;
    }
    if (ends_with_dots)
        buf_add_byte(&out, '/');
    bool is_doubled = out.len > 1 && out.ptr[1] == '/';
    return arena_dup(a, str_sub(buf_str(&out), is_doubled, out.len));
}

static void set_resolved_path(struct arena *a, struct url *u, const struct url *base,
                              const struct url *ref)
{
    HL_CLEANUP(buf_deinit) struct buf full = {0};
    HL_CLEANUP(buf_deinit) struct buf tail = {0};
    HL_CLEANUP(buf_deinit) struct buf why = {0};

    write_escaped_path(&tail, ref);
    if (base)
        write_escaped_path(&full, base);
    if (tail.len > 0 && tail.ptr[0] == '/')
        buf_reset(&full);
    while (tail.len > 0 && full.len > 0 && full.ptr[full.len - 1] != '/')
        full.len--;
    buf_add(&full, buf_str(&tail));
    bool is_good = unescape_keeping(a, without_dots(a, buf_str(&full)), PART_PATH, &u->path,
                                    &u->raw_path, &why);
    HL_ASSERT(is_good); /* it was written by write_escaped_path */
}

struct url url_resolve(struct arena *a, const struct url *base, const struct url *ref)
{
    struct url u = *ref;

    if (ref->scheme.len == 0)
        u.scheme = base->scheme;
    if (ref->scheme.len > 0 || ref->host.len > 0 || ref->has_user) {
        set_resolved_path(a, &u, NULL, ref);
        return u;
    }
    bool is_pathless = ref->path.len == 0;
    if (is_pathless && !ref->has_question && ref->query.len == 0) {
        u.query = base->query;
        if (ref->fragment.len == 0) {
            u.fragment = base->fragment;
            u.raw_fragment = base->raw_fragment;
        }
    }
    if (is_pathless && base->opaque.len > 0) {
        u.opaque = base->opaque;
        return u;
    }
    u.host = base->host;
    u.has_user = base->has_user;
    u.has_password = base->has_password;
    u.user_name = base->user_name;
    u.password = base->password;
    set_resolved_path(a, &u, base, ref);
    return u;
}

bool url_join(struct arena *a, struct str base, struct str ref, struct str *out,
              struct str *out_why)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct url base_url;
    struct url ref_url;

    if (!url_parse(a, base, &base_url, out_why) || !url_parse(a, ref, &ref_url, out_why))
        return false;
    struct url joined = url_resolve(a, &base_url, &ref_url);
    url_write(&text, &joined);
    *out = arena_dup(a, buf_str(&text));
    return true;
}
