/* net/url's Parse, ResolveReference and String, without fragments. */
#include "core/schema/url.h"

#include <string.h>

#include "core/schema/address.h"
#include "core/value/quote.h"

enum mode { MODE_HOST, MODE_ZONE, MODE_PATH, MODE_SEGMENT, MODE_USER };

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool must_escape(char c, enum mode mode)
{
    if (is_alnum(c) || (c && strchr("-_.~", c)))
        return false;
    if (c == '\0')
        return true;
    switch (mode) {
    case MODE_HOST:
    case MODE_ZONE:
        return !strchr("!$&'()*+,;=:[]<>\"", c);
    case MODE_PATH:
        return !strchr("$&+,/:;=@", c);
    case MODE_SEGMENT:
        return !strchr("$&+:=@", c);
    case MODE_USER:
        return !strchr("$&+,;=", c);
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool bad_escape(struct buf *why, struct str s, size_t at)
{
    buf_add(why, STR("invalid URL escape "));
    quote_go(why, str_sub(s, at, at + 3));
    return false;
}

/* Whether the escape at s[at] may stand there. */
static bool is_escape_allowed(struct str s, size_t at, enum mode mode)
{
    if (at + 2 >= s.len || hex_digit(s.ptr[at + 1]) < 0 || hex_digit(s.ptr[at + 2]) < 0)
        return false;
    int byte = hex_digit(s.ptr[at + 1]) * 16 + hex_digit(s.ptr[at + 2]);
    if (byte == '%')
        return true;
    if (mode == MODE_HOST)
        return byte >= 0x80;
    return mode != MODE_ZONE || byte == ' ' || !must_escape((char)byte, MODE_HOST);
}

static bool unescape(struct arena *a, struct str s, enum mode mode, struct str *out,
                     struct buf *why)
{
    char *room = arena_alloc(a, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (!is_escape_allowed(s, i, mode))
                return bad_escape(why, s, i);
            room[len++] = (char)(hex_digit(s.ptr[i + 1]) * 16 + hex_digit(s.ptr[i + 2]));
            i += 2;
            continue;
        }
        if ((mode == MODE_HOST || mode == MODE_ZONE) && (unsigned char)c < 0x80 &&
            must_escape(c, mode)) {
            buf_add(why, STR("invalid character "));
            quote_go(why, str_sub(s, i, i + 1));
            buf_add(why, STR(" in host name"));
            return false;
        }
        room[len++] = c;
    }
    *out = (struct str){room, len};
    return true;
}

static void escape(struct buf *out, struct str s, enum mode mode)
{
    for (size_t i = 0; i < s.len; i++) {
        if (must_escape(s.ptr[i], mode))
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
        else
            buf_add_byte(out, s.ptr[i]);
    }
}

bool schema_url_unescape(struct arena *a, struct str s, struct str *out, struct str *why)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (unescape(a, s, MODE_SEGMENT, out, &text))
        return true;
    *why = arena_dup(a, buf_str(&text));
    return false;
}

void url_escape_pointer(struct buf *out, struct str pointer)
{
    for (size_t i = 0; i < pointer.len; i++) {
        if (pointer.ptr[i] == '/')
            buf_add_byte(out, '/');
        else
            escape(out, str_sub(pointer, i, i + 1), MODE_SEGMENT);
    }
}

void schema_url_split(struct str text, struct str *out_url, struct str *out_fragment)
{
    size_t hash = str_find(text, STR("#"), 0);

    *out_url = str_sub(text, 0, hash);
    *out_fragment = hash == SIZE_MAX ? STR_NONE : str_sub(text, hash + 1, text.len);
}

/* Parsing ------------------------------------------------------------------------------------ */

static bool reason(struct buf *why, const char *text)
{
    buf_add_cstr(why, text);
    return false;
}

static bool is_port(struct str s)
{
    if (s.len > 0 && s.ptr[0] != ':')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

static bool check_port(struct str port, struct buf *why)
{
    if (is_port(port))
        return true;
    buf_add(why, STR("invalid port "));
    quote_go(why, port);
    return reason(why, " after host");
}

/* "[fe80::1%25en0]:80" */
static bool check_ip_literal(struct arena *a, struct str host, struct buf *why)
{
    size_t end = host.len;
    struct str name;
    struct str zone = STR_NONE;
    struct address address;

    while (end > 0 && host.ptr[end - 1] != ']')
        end--;
    if (end == 0)
        return reason(why, "missing ']' in host");
    if (!check_port(str_sub(host, end, host.len), why))
        return false;
    struct str inner = str_sub(host, 1, end - 1);
    size_t percent = str_find(inner, STR("%25"), 0);
    if (!unescape(a, str_sub(inner, 0, percent), MODE_HOST, &name, why))
        return false;
    if (percent != SIZE_MAX &&
        !unescape(a, str_sub(inner, percent, inner.len), MODE_ZONE, &zone, why))
        return false;
    size_t start = why->len;
    buf_add(why, STR("invalid host: "));
    if (!address_parse(arena_concat(a, name, zone), &address, why))
        return false;
    why->len = start;
    return !address.is_v4 || reason(why, "invalid IP-literal");
}

static bool check_host(struct arena *a, const struct schema_url *u, struct buf *why)
{
    struct str host = u->host;
    size_t first = str_find(host, STR(":"), 0);
    size_t colon = first;
    struct str ignored;

    for (size_t i = host.len; i-- > 1;) {
        if (host.ptr[i] == '[')
            return reason(why, "invalid IP-literal");
    }
    if (host.len > 0 && host.ptr[0] == '[')
        return check_ip_literal(a, host, why);
    if (first != SIZE_MAX) {
        bool is_strict = str_eq(u->scheme, STR("http")) || str_eq(u->scheme, STR("https"));
        for (size_t i = host.len; !is_strict && i-- > first;) {
            if (host.ptr[i] == ':') {
                colon = i;
                break;
            }
        }
        if (!check_port(str_sub(host, colon, host.len), why))
            return false;
    }
    return unescape(a, host, MODE_HOST, &ignored, why);
}

static bool check_user(struct arena *a, struct str user, struct buf *why)
{
    size_t colon = str_find(user, STR(":"), 0);
    struct str ignored;

    for (size_t i = 0; i < user.len; i++) {
        char c = user.ptr[i];
        if (!is_alnum(c) && (!c || !strchr("-._:~!$&'()*+,;=%@", c)))
            return reason(why, "net/url: invalid userinfo");
    }
    return unescape(a, str_sub(user, 0, colon), MODE_USER, &ignored, why) &&
           (colon == SIZE_MAX ||
            unescape(a, str_sub(user, colon + 1, user.len), MODE_USER, &ignored, why));
}

static bool parse_authority(struct arena *a, struct str authority, struct schema_url *u,
                            struct buf *why)
{
    size_t at = authority.len;

    while (at > 0 && authority.ptr[at - 1] != '@')
        at--;
    u->host = str_sub(authority, at, authority.len);
    if (!check_host(a, u, why))
        return false;
    if (at == 0)
        return true;
    u->has_user = true;
    u->user = str_sub(authority, 0, at - 1);
    return check_user(a, u->user, why);
}

static bool take_scheme(struct arena *a, struct str *rest, struct schema_url *u, struct buf *why)
{
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (is_letter || (i > 0 && (is_alnum(c) || c == '+' || c == '-' || c == '.')))
            continue;
        if (c != ':')
            return true;
        if (i == 0)
            return reason(why, "missing protocol scheme");
        char *lower = arena_cstr(a, str_sub(*rest, 0, i));
        for (char *p = lower; *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
        u->scheme = (struct str){lower, i};
        *rest = str_sub(*rest, i + 1, rest->len);
        return true;
    }
    return true;
}

static void take_query(struct str *rest, struct schema_url *u)
{
    size_t mark = str_find(*rest, STR("?"), 0);

    if (mark == SIZE_MAX)
        return;
    u->has_empty_query = mark + 1 == rest->len;
    u->query = str_sub(*rest, mark + 1, rest->len);
    *rest = str_sub(*rest, 0, mark);
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F)
            return true;
    }
    return false;
}

static bool parse_parts(struct arena *a, struct str rest, struct schema_url *u, struct buf *why)
{
    struct str ignored;

    if (has_control(rest))
        return reason(why, "net/url: invalid control character in URL");
    if (!take_scheme(a, &rest, u, why))
        return false;
    take_query(&rest, u);
    if (!str_starts(rest, STR("/"))) {
        if (u->scheme.len > 0) {
            u->opaque = rest;
            return true;
        }
        if (str_has_byte(str_sub(rest, 0, str_find(rest, STR("/"), 0)), ':'))
            return reason(why, "first path segment in URL cannot contain colon");
    }
    if (str_starts(rest, STR("//")) && (u->scheme.len > 0 || !str_starts(rest, STR("///")))) {
        size_t slash = str_find(rest, STR("/"), 2);
        struct str authority = str_sub(rest, 2, slash);
        rest = slash == SIZE_MAX ? STR_NONE : str_sub(rest, slash, rest.len);
        if (!parse_authority(a, authority, u, why))
            return false;
    } else if (u->scheme.len > 0) {
        u->omits_host = true;
    }
    u->path = rest;
    return unescape(a, rest, MODE_PATH, &ignored, why);
}

bool schema_url_parse(struct arena *a, struct str text, struct schema_url *out, struct str *why)
{
    HL_CLEANUP(buf_deinit) struct buf message = {0};

    *out = (struct schema_url){0};
    buf_add(&message, STR("parse "));
    quote_go(&message, text);
    buf_add(&message, STR(": "));
    if (parse_parts(a, text, out, &message))
        return true;
    *why = arena_dup(a, buf_str(&message));
    return false;
}

struct str url_host_name(const struct schema_url *u)
{
    struct str host = u->host;

    for (size_t i = host.len; i-- > 0;) {
        if (host.ptr[i] != ':')
            continue;
        if (is_port(str_sub(host, i, host.len)))
            host = str_sub(host, 0, i);
        break;
    }
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_sub(host, 1, host.len - 1);
    return host;
}

struct str url_raw_path(struct arena *a, const struct schema_url *u)
{
    HL_CLEANUP(buf_deinit) struct buf usual = {0};
    struct str plain;

    if (!unescape(a, u->path, MODE_PATH, &plain, &usual))
        return STR_NONE;
    escape(&usual, plain, MODE_PATH);
    return str_eq(buf_str(&usual), u->path) ? STR_NONE : u->path;
}

/* Joining ------------------------------------------------------------------------------------ */

static void drop_last_segment(struct buf *out, size_t start)
{
    size_t slash = out->len;

    while (slash > start + 1 && out->ptr[slash - 1] != '/')
        slash--;
    out->len = slash > start + 1 ? slash - 1 : start + 1;
}

/* RFC 3986, 5.2.4: appends the path without its dot segments. */
static void put_path(struct buf *out, struct str full)
{
    size_t start = out->len;
    bool is_first = true;
    bool is_last = full.len == 0;
    bool ends_with_dots = false;

    if (is_last)
        return;
    buf_add_byte(out, '/');
    while (!is_last) {
        size_t slash = str_find(full, STR("/"), 0);
        struct str segment = str_sub(full, 0, slash);
        is_last = slash == SIZE_MAX;
        full = is_last ? STR_NONE : str_sub(full, slash + 1, full.len);
        bool is_up = str_eq(segment, STR(".."));
        ends_with_dots = is_up || str_eq(segment, STR("."));
        if (is_up) {
            drop_last_segment(out, start);
            is_first = out->len == start + 1;
        } else if (ends_with_dots) {
            is_first = false;
        } else {
            if (!is_first)
                buf_add_byte(out, '/');
            buf_add(out, segment);
            is_first = false;
        }
    }
    if (ends_with_dots)
        buf_add_byte(out, '/');
    if (out->len > start + 1 && out->ptr[start + 1] == '/') {
        memmove(out->ptr + start, out->ptr + start + 1, out->len - start - 1);
        out->len--;
    }
}

static struct str resolve_path(struct arena *a, struct str base, struct str ref)
{
    HL_CLEANUP(buf_deinit) struct buf path = {0};
    HL_CLEANUP(buf_deinit) struct buf full = {0};
    size_t keep = base.len;

    if (ref.len > 0 && ref.ptr[0] == '/')
        keep = 0;
    while (ref.len > 0 && keep > 0 && base.ptr[keep - 1] != '/')
        keep--;
    buf_add(&full, str_sub(base, 0, keep));
    buf_add(&full, ref);
    put_path(&path, buf_str(&full));
    return arena_dup(a, buf_str(&path));
}

/* As it is written if Go would leave it so, else escaped anew. */
static struct str escaped_path(struct arena *a, struct str path)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str plain;
    size_t i = 0;

    while (i < path.len && (!must_escape(path.ptr[i], MODE_PATH) ||
                            (path.ptr[i] && strchr("!'()*[]%", path.ptr[i]))))
        i++;
    if (i == path.len || !unescape(a, path, MODE_PATH, &plain, &out))
        return path;
    escape(&out, plain, MODE_PATH);
    return arena_dup(a, buf_str(&out));
}

static struct str to_text(struct arena *a, const struct schema_url *u)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    if (u->scheme.len > 0) {
        buf_add(&out, u->scheme);
        buf_add_byte(&out, ':');
    }
    if (u->opaque.len > 0) {
        buf_add(&out, u->opaque);
    } else {
        bool has_host = u->host.len > 0 || u->has_user;
        if (has_host || (u->scheme.len > 0 && u->path.len > 0 && !u->omits_host))
            buf_add(&out, STR("//"));
        if (u->has_user) {
            buf_add(&out, u->user);
            buf_add_byte(&out, '@');
        }
        buf_add(&out, u->host);
        if (u->path.len > 0 && u->path.ptr[0] != '/' && u->host.len > 0)
            buf_add_byte(&out, '/');
        if (out.len == 0 && str_has_byte(str_sub(u->path, 0, str_find(u->path, STR("/"), 0)), ':'))
            buf_add(&out, STR("./"));
        buf_add(&out, u->path);
    }
    if (u->has_empty_query || u->query.len > 0)
        buf_add_byte(&out, '?');
    buf_add(&out, u->query);
    return arena_dup(a, buf_str(&out));
}

static struct schema_url resolve(struct arena *a, const struct schema_url *base,
                                 const struct schema_url *ref)
{
    struct schema_url u = *ref;

    if (ref->scheme.len == 0)
        u.scheme = base->scheme;
    if (ref->scheme.len > 0 || ref->host.len > 0 || ref->has_user) {
        u.path = resolve_path(a, escaped_path(a, ref->path), STR_NONE);
        return u;
    }
    if (ref->path.len == 0 && !ref->has_empty_query && ref->query.len == 0)
        u.query = base->query;
    if (base->opaque.len > 0)
        u.opaque = base->opaque;
    u.host = base->host;
    u.user = base->user;
    u.has_user = base->has_user;
    u.path = resolve_path(a, escaped_path(a, base->path), escaped_path(a, ref->path));
    return u;
}

bool schema_url_join(struct arena *a, struct str base, struct str ref, struct str *out,
                     struct str *why)
{
    struct schema_url base_url;
    struct schema_url ref_url;

    if (!schema_url_parse(a, base, &base_url, why) || !schema_url_parse(a, ref, &ref_url, why))
        return false;
    struct schema_url joined = resolve(a, &base_url, &ref_url);
    *out = to_text(a, &joined);
    return true;
}
