/* Formats of networks: addresses, hosts, mail, URLs. */
#include <string.h>

#include "core/gostd/address.h"
#include "core/schema/format.h"
#include "core/gostd/literal.h"
#include "core/gostd/url.h"

enum { HOST_BYTES_MAX = 253, LABEL_BYTES_MAX = 63, MAIL_BYTES_MAX = 254, LOCAL_BYTES_MAX = 64 };

static bool number_fail(struct buf *why, struct str number, const char *reason)
{
    buf_add(why, STR("strconv.Atoi: parsing "));
    literal_quote(why, number, false);
    return format_fail(why, reason);
}

/* strconv.Atoi takes a sign. */
static bool decimal_byte(struct str group, struct buf *why)
{
    size_t sign = group.len > 0 && (group.ptr[0] == '-' || group.ptr[0] == '+');
    struct str digits = str_sub(group, sign, group.len);
    int64_t n;

    if (group.len > 1 && group.ptr[0] == '0')
        return format_fail(why, "leading zeros");
    if (digits.len == 0 || format_digits(digits) < digits.len)
        return number_fail(why, group, ": invalid syntax");
    if (!str_to_i64(digits, &n))
        return number_fail(why, group, ": value out of range");
    if (n > 255 || (n > 0 && group.ptr[0] == '-'))
        return format_fail(why, "decimal must be between 0 and 255");
    return true;
}

bool format_ipv4(struct arena *scratch, struct str s, struct buf *why)
{
    size_t dots = 0;

    (void)scratch;
    for (size_t i = 0; i < s.len; i++)
        dots += s.ptr[i] == '.';
    if (dots != 3)
        return format_fail(why, "expected four decimals");
    for (int i = 0; i < 4; i++) {
        if (!decimal_byte(str_cut(&s, '.'), why))
            return false;
    }
    return true;
}

bool format_ipv6(struct arena *scratch, struct str s, struct buf *why)
{
    struct address address;

    (void)scratch;
    if (!str_has_byte(s, ':'))
        return format_fail(why, "missing colon");
    if (!address_parse(s, &address, why))
        return false;
    return !address.has_zone || format_fail(why, "zone id is not a part of ipv6 address");
}

static bool check_label(struct str label, struct buf *why)
{
    if (label.len < 1 || label.len > LABEL_BYTES_MAX)
        return format_fail(why, "label must be 1 to 63 characters long");
    if (label.ptr[0] == '-')
        return format_fail(why, "label starts with hyphen");
    if (label.ptr[label.len - 1] == '-')
        return format_fail(why, "label ends with hyphen");
    for (size_t at = 0; at < label.len;) {
        uint32_t rune = format_rune(label, &at);
        if (!format_is_letter(rune) && !(rune >= '0' && rune <= '9') && rune != '-')
            return format_fail_rune(why, "invalid character ", rune, "");
    }
    return true;
}

bool format_hostname(struct arena *scratch, struct str s, struct buf *why)
{
    bool is_last;

    (void)scratch;
    if (str_ends(s, STR(".")))
        s.len--;
    if (s.len > HOST_BYTES_MAX)
        return format_fail(why, "more than 253 characters long");
    do {
        is_last = !str_has_byte(s, '.');
        if (!check_label(str_cut(&s, '.'), why))
            return false;
    } while (!is_last);
    return true;
}

static bool check_plain_local(struct str local, struct buf *why)
{
    if (str_starts(local, STR(".")))
        return format_fail(why, "starts with dot");
    if (str_ends(local, STR(".")))
        return format_fail(why, "ends with dot");
    if (str_find(local, STR(".."), 0) != SIZE_MAX)
        return format_fail(why, "consecutive dots");
    for (size_t at = 0; at < local.len;) {
        uint32_t rune = format_rune(local, &at);
        if (format_is_letter(rune) || (rune >= '0' && rune <= '9') ||
            (rune > 0 && rune < 0x80 && strchr(".!#$%&'*+-/=?^_`{|}~", (int)rune)))
            continue;
        return format_fail_rune(why, "invalid character ", rune, "");
    }
    return true;
}

static bool check_local(struct str local, struct buf *why)
{
    if (local.len > LOCAL_BYTES_MAX)
        return format_fail(why, "local part more than 64 characters long");
    if (local.len < 2 || local.ptr[0] != '"')
        return check_plain_local(local, why);
    struct str quoted = str_sub(local, 1, local.len - 1);
    if (str_has_byte(quoted, '\\') || str_has_byte(quoted, '"'))
        return format_fail(why, "backslash and quote are not allowed within quoted local part");
    return true;
}

static bool check_domain(struct arena *scratch, struct str domain, struct buf *why)
{
    if (!str_starts(domain, STR("[")) || !str_ends(domain, STR("]"))) {
        size_t start = why->len;
        buf_add(why, STR("invalid domain: "));
        if (!format_hostname(scratch, domain, why))
            return false;
        why->len = start;
        return true;
    }
    domain = str_sub(domain, 1, domain.len - 1);
    bool is_v6 = str_starts(domain, STR("IPv6:"));
    size_t start = why->len;
    buf_add_cstr(why, is_v6 ? "invalid ipv6 address: " : "invalid ipv4 address: ");
    if (is_v6 ? !format_ipv6(scratch, str_sub(domain, 5, domain.len), why)
              : !format_ipv4(scratch, domain, why))
        return false;
    why->len = start;
    return true;
}

bool format_email(struct arena *scratch, struct str s, struct buf *why)
{
    size_t at = s.len;

    if (s.len > MAIL_BYTES_MAX)
        return format_fail(why, "more than 255 characters long");
    while (at > 0 && s.ptr[at - 1] != '@')
        at--;
    if (at == 0)
        return format_fail(why, "missing @");
    return check_local(str_sub(s, 0, at - 1), why) &&
           check_domain(scratch, str_sub(s, at, s.len), why);
}

static bool parse_uri(struct arena *scratch, struct str s, struct url *out, struct buf *why)
{
    struct str reason;

    if (!url_parse(scratch, s, out, &reason)) {
        buf_add(why, reason);
        return false;
    }
    struct str host = url_hostname(out);
    if (!str_has_byte(host, ':'))
        return true;
    if (!str_has_byte(out->host, '[') || !str_has_byte(out->host, ']'))
        return format_fail(why, "ipv6 address not enclosed in brackets");
    size_t start = why->len;
    buf_add(why, STR("invalid ipv6 address: "));
    if (!format_ipv6(scratch, host, why))
        return false;
    why->len = start;
    return true;
}

bool format_uri(struct arena *scratch, struct str s, struct buf *why)
{
    struct url u;

    if (!parse_uri(scratch, s, &u, why))
        return false;
    return u.scheme.len > 0 || format_fail(why, "relative url");
}

bool format_uri_reference(struct arena *scratch, struct str s, struct buf *why)
{
    struct url u;

    if (str_has_byte(s, '\\'))
        return format_fail(why, "contains \\");
    return parse_uri(scratch, s, &u, why);
}

static bool check_braces(struct str segment, struct buf *why)
{
    bool is_open = false;

    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.ptr[i];
        if (c != '{' && c != '}')
            continue;
        if ((c == '{') == is_open)
            return format_fail(why, "nested curly braces");
        is_open = !is_open;
    }
    return !is_open || format_fail(why, "no matching closing brace");
}

bool format_uri_template(struct arena *scratch, struct str s, struct buf *why)
{
    struct url u;
    struct str reason;

    if (!parse_uri(scratch, s, &u, why))
        return false;
    struct str path = u.raw_path;
    while (path.len > 0) {
        struct str segment = str_cut(&path, '/');
        bool is_good = url_unescape(scratch, segment, &segment, &reason);
        HL_ASSERT(is_good); /* the parser has seen it */
        if (!check_braces(segment, why))
            return false;
    }
    return true;
}
