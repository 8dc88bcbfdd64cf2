/* sprig's encodings, digests, paths, URLs, and JSON in sprig's own form. */
#include <string.h>

#include "base/base64.h"
#include "core/template/func.h"
#include "core/template/json_go.h"
#include "core/gostd/url.h"

/* ---- base64, base32 ---- */

static int call_b64enc(struct call *c)
{
    int rc = call_room(c, call_str(c, 0).len * 2);

    return rc < 0 ? rc : call_return_str(c, base64_encode(c->a, call_str(c, 0)));
}

static int call_b64dec(struct call *c)
{
    struct str bytes;
    size_t bad;

    if (base64_decode(c->a, call_str(c, 0), &bytes, &bad))
        return call_return_str(c, bytes);
    return call_return_str(c, arena_printf(c->a, "illegal base64 data at input byte %zu", bad));
}

static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static int call_b32enc(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    uint32_t bits = 0;
    unsigned bit_count = 0;

    for (size_t i = 0; i < s.len; i++) {
        bits = (bits << 8 | (unsigned char)s.ptr[i]) & 0xfff;
        for (bit_count += 8; bit_count >= 5; bit_count -= 5)
            buf_add_byte(&out, base32_digits[bits >> (bit_count - 5) & 31]);
    }
    if (bit_count > 0)
        buf_add_byte(&out, base32_digits[bits << (5 - bit_count) & 31]);
    while (out.len % 8 != 0)
        buf_add_byte(&out, '=');
    return call_return_buf(c, &out);
}

static struct str without_line_ends(struct arena *a, struct str s)
{
    char *text = arena_alloc(a, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\n' && s.ptr[i] != '\r')
            text[len++] = s.ptr[i];
    }
    return (struct str){text, len};
}

/* The padding that begins at `at`: right length, right place, nothing behind. */
static bool base32_end_ok(struct str s, size_t at, size_t *out_bad)
{
    size_t have = at % 8;

    for (size_t i = at; i < at - have + 8; i++) {
        *out_bad = i < s.len ? i : s.len;
        if (i >= s.len || s.ptr[i] != '=')
            return false;
    }
    *out_bad = at;
    return have != 0 && have != 1 && have != 3 && have != 6 && s.len == at - have + 8;
}

static bool base32_decode(struct call *c, struct str s, struct str *out, size_t *out_bad)
{
    char *bytes = arena_alloc(c->a, s.len + 1);
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t at = 0;

    *out = (struct str){bytes, 0};
    for (; at < s.len && s.ptr[at] != '='; at++) {
        const char *digit = s.ptr[at] ? strchr(base32_digits, s.ptr[at]) : NULL;
        *out_bad = at;
        if (!digit)
            return false;
        bits = (bits << 5 | (uint32_t)(digit - base32_digits)) & 0xfff;
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[out->len++] = (char)(bits >> bit_count & 0xff);
        }
    }
    if (at == s.len) {
        *out_bad = s.len - s.len % 8;
        return s.len % 8 == 0;
    }
    return base32_end_ok(s, at, out_bad);
}

static int call_b32dec(struct call *c)
{
    struct str s = without_line_ends(c->a, call_str(c, 0));
    struct str bytes;
    size_t bad = 0;

    if (base32_decode(c, s, &bytes, &bad))
        return call_return_str(c, bytes);
    return call_return_str(c, arena_printf(c->a, "illegal base32 data at input byte %zu", bad));
}

/* ---- digests ---- */

static int return_digest(struct call *c, enum crypto_digest kind)
{
    const struct template_crypto *crypto = call_crypto(c);

    if (!crypto)
        return HL_EUNSUPPORTED;
    struct str digest = crypto->digest(c->a, kind, call_str(c, 0));
    char *text = arena_alloc(c->a, 2 * digest.len + 1);
    hex_encode((const unsigned char *)digest.ptr, digest.len, text);
    return call_return_str(c, (struct str){text, digest.len * 2});
}

static int call_sha1sum(struct call *c)
{
    return return_digest(c, CRYPTO_SHA1);
}

static int call_sha256sum(struct call *c)
{
    struct digest d = sha256_of(call_str(c, 0));
    char hex[DIGEST_HEX + 1];

    return call_return_str(c, arena_dup(c->a, str_from(digest_hex(&d, hex))));
}

static int call_sha512sum(struct call *c)
{
    return return_digest(c, CRYPTO_SHA512);
}

static int call_adler32sum(struct call *c)
{
    struct str s = call_str(c, 0);
    uint32_t a = 1;
    uint32_t b = 0;

    for (size_t i = 0; i < s.len; i++) {
        a = (a + (unsigned char)s.ptr[i]) % 65521;
        b = (b + a) % 65521;
    }
    return call_return_str(c, arena_printf(c->a, "%u", b << 16 | a));
}

/* ---- paths: Go's path package; os* are the same on Unix ---- */

static struct str cleaned(struct arena *a, struct str s)
{
    char *text = arena_alloc(a, s.len + 2);
    bool is_rooted = str_starts(s, STR("/"));
    size_t len = 0;
    size_t floor = 0; /* what ".." cannot take back */

    if (s.len == 0)
        return STR(".");
    if (is_rooted)
        text[len++] = '/';
    floor = len;
    for (struct str rest = s; rest.len > 0;) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR("..")) && len > floor) {
            while (len > floor && text[--len] != '/')
                ;
            continue;
        }
        bool is_up = str_eq(part, STR(".."));
        if (is_up && is_rooted)
            continue;
        if (len > (is_rooted ? 1 : 0))
            text[len++] = '/';
        memcpy(text + len, part.ptr, part.len);
        len += part.len;
        if (is_up)
            floor = len;
    }
    return len > 0 ? (struct str){text, len} : STR(".");
}

static size_t last_slash(struct str s)
{
    size_t at = s.len;

    while (at > 0 && s.ptr[at - 1] != '/')
        at--;
    return at; /* behind it; 0: none */
}

static int call_base(struct call *c)
{
    struct str s = call_str(c, 0);

    if (s.len == 0)
        return call_return_str(c, STR("."));
    while (s.len > 0 && s.ptr[s.len - 1] == '/')
        s.len--;
    if (s.len == 0)
        return call_return_str(c, STR("/"));
    return call_return_str(c, str_sub(s, last_slash(s), s.len));
}

static int call_dir(struct call *c)
{
    struct str s = call_str(c, 0);

    return call_return_str(c, cleaned(c->a, str_sub(s, 0, last_slash(s))));
}

static int call_clean(struct call *c)
{
    return call_return_str(c, cleaned(c->a, call_str(c, 0)));
}

static int call_ext(struct call *c)
{
    struct str s = call_str(c, 0);

    for (size_t i = s.len; i-- > 0 && s.ptr[i] != '/';) {
        if (s.ptr[i] == '.')
            return call_return_str(c, str_sub(s, i, s.len));
    }
    return call_return_str(c, STR(""));
}

static int call_is_abs(struct call *c)
{
    return call_return(c, datum_bool(str_starts(call_str(c, 0), STR("/"))));
}

/* ---- URLs ---- */

static void put(struct call *c, struct datum_map *m, const char *key, struct str s)
{
    datum_map_set(c->a, m, str_from(key), datum_string(s));
}

static int call_url_parse(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf user = {0};
    struct datum_map *m = datum_map_new(c->a);
    struct str why;
    struct url u;

    if (!url_parse(c->a, call_str(c, 0), &u, &why))
        return call_fail(c, "unable to parse url: " STR_FMT, STR_ARG(why));
    url_write_user(&user, &u);
    put(c, m, "scheme", u.scheme);
    put(c, m, "host", u.host);
    put(c, m, "hostname", url_hostname(&u));
    put(c, m, "path", u.path);
    put(c, m, "query", u.query);
    put(c, m, "opaque", u.opaque);
    put(c, m, "fragment", u.fragment);
    put(c, m, "userinfo", arena_dup(c->a, buf_str(&user)));
    return call_return(c, datum_of_map(m));
}

/* A string of the map; what is no string ends the call as in Go. */
static int text_of(struct call *c, const char *key, struct str *out)
{
    struct datum_entry *e = datum_map_find(c->arg[0].map, str_from(key));

    *out = STR("");
    if (!e)
        return 0;
    if (e->value.type != DATUM_STRING)
        return call_fail(c, "unable to parse %s key, must be of type string, but " STR_FMT " found",
                         key, STR_ARG(datum_type_name(c->a, e->value)));
    *out = datum_str(e->value);
    return 0;
}

static int call_url_join(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct url u = {0};
    struct url other;
    struct str user;
    struct str why;

    if (text_of(c, "scheme", &u.scheme) < 0 || text_of(c, "host", &u.host) < 0 ||
        text_of(c, "path", &u.path) < 0 || text_of(c, "query", &u.query) < 0 ||
        text_of(c, "opaque", &u.opaque) < 0 || text_of(c, "fragment", &u.fragment) < 0 ||
        text_of(c, "userinfo", &user) < 0)
        return HL_EINVAL;
    if (user.len > 0) {
        struct str whole = arena_printf(c->a, "proto://" STR_FMT "@host", STR_ARG(user));
        if (!url_parse(c->a, whole, &other, &why))
            return call_fail(c, "unable to parse userinfo in dict: " STR_FMT, STR_ARG(why));
        u.has_user = other.has_user;
        u.has_password = other.has_password;
        u.user_name = other.user_name;
        u.password = other.password;
    }
    url_write(&out, &u);
    return call_return_buf(c, &out);
}

/* ---- JSON ---- */

static int return_json(struct call *c, enum json_go_form form, bool is_must)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct err err;
    int rc = call_walk(c, c->arg[0]);

    if (rc < 0)
        return rc;
    if (json_go_write(c->a, &out, c->arg[0], form, &err) < 0)
        return is_must ? call_fail(c, "%s", err.text) : call_return_str(c, STR(""));
    return call_return_buf(c, &out);
}

static int call_to_json(struct call *c)
{
    return return_json(c, JSON_GO_COMPACT, false);
}

static int call_must_to_json(struct call *c)
{
    return return_json(c, JSON_GO_COMPACT, true);
}

static int call_to_pretty_json(struct call *c)
{
    return return_json(c, JSON_GO_PRETTY, false);
}

static int call_must_to_pretty_json(struct call *c)
{
    return return_json(c, JSON_GO_PRETTY, true);
}

static int call_to_raw_json(struct call *c)
{
    return return_json(c, JSON_GO_RAW, true);
}

static int call_from_json(struct call *c)
{
    struct datum d;
    struct err err;

    if (json_go_read(c->a, call_str(c, 0), JSON_GO_ANY, &d, &err) < 0)
        return call_return(c, datum_nil());
    return call_return(c, d);
}

static int call_must_from_json(struct call *c)
{
    struct datum d;
    struct err err;

    if (json_go_read(c->a, call_str(c, 0), JSON_GO_ANY, &d, &err) < 0)
        return call_fail(c, "%s", err.text);
    return call_return(c, d);
}

const struct function functions_encode[] = {
    {"b64enc", "s", call_b64enc},
    {"b64dec", "s", call_b64dec},
    {"b32enc", "s", call_b32enc},
    {"b32dec", "s", call_b32dec},
    {"sha1sum", "s", call_sha1sum},
    {"sha256sum", "s", call_sha256sum},
    {"sha512sum", "s", call_sha512sum},
    {"adler32sum", "s", call_adler32sum},
    {"base", "s", call_base},
    {"dir", "s", call_dir},
    {"clean", "s", call_clean},
    {"ext", "s", call_ext},
    {"isAbs", "s", call_is_abs},
    {"osBase", "s", call_base},
    {"osDir", "s", call_dir},
    {"osClean", "s", call_clean},
    {"osExt", "s", call_ext},
    {"osIsAbs", "s", call_is_abs},
    {"urlParse", "s", call_url_parse},
    {"urlJoin", "m", call_url_join},
    {"toJson", "a", call_to_json},
    {"mustToJson", "a", call_must_to_json},
    {"toPrettyJson", "a", call_to_pretty_json},
    {"mustToPrettyJson", "a", call_must_to_pretty_json},
    {"toRawJson", "a", call_to_raw_json},
    {"mustToRawJson", "a", call_to_raw_json},
    {"fromJson", "s", call_from_json},
    {"mustFromJson", "s", call_must_from_json},
    {NULL, NULL, NULL},
};
