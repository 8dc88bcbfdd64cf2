/* The grammar of net/netip's ParseAddr; the value of an address is of no interest here. */
#include "core/gostd/address.h"

#include "core/gostd/literal.h"

enum { V6_BYTES = 16 };

static bool fail(struct buf *why, struct str in, const char *message, struct str at)
{
    buf_add(why, STR("ParseAddr("));
    literal_quote(why, in, false);
    buf_printf(why, "): %s", message);
    if (at.len > 0) {
        buf_add(why, STR(" (at "));
        literal_quote(why, at, false);
        buf_add_byte(why, ')');
    }
    return false;
}

static bool parse_v4(struct str in, struct str s, struct buf *why)
{
    int value = 0;
    int dots = 0;
    int digits = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c >= '0' && c <= '9') {
            if (digits == 1 && value == 0)
                return fail(why, in, "IPv4 field has octet with leading zero", STR_NONE);
            value = value * 10 + (c - '0');
            digits++;
            if (value > 255)
                return fail(why, in, "IPv4 field has value >255", STR_NONE);
        } else if (c == '.') {
            if (i == 0 || i == s.len - 1 || s.ptr[i - 1] == '.')
                return fail(why, in, "IPv4 field must have at least one digit",
                            str_sub(s, i, s.len));
            if (dots == 3)
                return fail(why, in, "IPv4 address too long", STR_NONE);
            dots++;
            value = 0;
            digits = 0;
        } else {
            return fail(why, in, "unexpected character", str_sub(s, i, s.len));
        }
    }
    return dots == 3 || fail(why, in, "IPv4 address too short", STR_NONE);
}

static size_t count_hex(struct str s)
{
    size_t n = 0;

    while (n < s.len && ((s.ptr[n] >= '0' && s.ptr[n] <= '9') ||
                         ((s.ptr[n] | 0x20) >= 'a' && (s.ptr[n] | 0x20) <= 'f')))
        n++;
    return n;
}

struct v6 {
    struct str in;
    struct str s; /* what is left */
    int bytes;
    int ellipsis; /* -1: none */
    struct buf *why;
};

static bool v6_tail_v4(struct v6 *p)
{
    if (p->ellipsis < 0 && p->bytes != V6_BYTES - 4)
        return fail(p->why, p->in,
                    "embedded IPv4 address must replace the final 2 fields of the address", p->s);
    if (p->bytes + 4 > V6_BYTES)
        return fail(p->why, p->in,
                    "too many hex fields to fit an embedded IPv4 at the end of the address", p->s);
    if (!parse_v4(p->in, p->s, p->why))
        return false;
    p->s = STR_NONE;
    p->bytes += 4;
    return true;
}

/* One group and the colon behind it; an empty rest ends the address. */
static bool v6_group(struct v6 *p)
{
    size_t digits = count_hex(p->s);

    if (digits > 4)
        return fail(p->why, p->in, "each group must have 4 or less digits", p->s);
    if (digits == 0)
        return fail(p->why, p->in, "each colon-separated field must have at least one digit", p->s);
    if (digits < p->s.len && p->s.ptr[digits] == '.')
        return v6_tail_v4(p);
    p->bytes += 2;
    p->s = str_sub(p->s, digits, p->s.len);
    if (p->s.len == 0)
        return true;
    if (p->s.ptr[0] != ':')
        return fail(p->why, p->in, "unexpected character, want colon", p->s);
    if (p->s.len == 1)
        return fail(p->why, p->in, "colon must be followed by more characters", p->s);
    p->s = str_sub(p->s, 1, p->s.len);
    if (p->s.ptr[0] != ':')
        return true;
    if (p->ellipsis >= 0)
        return fail(p->why, p->in, "multiple :: in address", p->s);
    p->ellipsis = p->bytes;
    p->s = str_sub(p->s, 1, p->s.len);
    return true;
}

static bool parse_v6(struct str in, struct address *out, struct buf *why)
{
    struct v6 p = {.in = in, .s = in, .ellipsis = -1, .why = why};
    size_t percent = str_find(in, STR("%"), 0);

    if (percent != SIZE_MAX) {
        if (percent + 1 == in.len)
            return fail(why, in, "zone must be a non-empty string", STR_NONE);
        out->has_zone = true;
        p.s = str_sub(in, 0, percent);
    }
    if (str_starts(p.s, STR("::"))) {
        p.ellipsis = 0;
        p.s = str_sub(p.s, 2, p.s.len);
        if (p.s.len == 0)
            return true;
    }
    do {
        if (!v6_group(&p))
            return false;
    } while (p.bytes < V6_BYTES && p.s.len > 0);
    if (p.s.len > 0)
        return fail(why, in, "trailing garbage after address", p.s);
    if (p.bytes < V6_BYTES && p.ellipsis < 0)
        return fail(why, in, "address string too short", STR_NONE);
    if (p.bytes == V6_BYTES && p.ellipsis >= 0)
        return fail(why, in, "the :: must expand to at least one field of zeros", STR_NONE);
    return true;
}

bool address_parse(struct str text, struct address *out, struct buf *why)
{
    *out = (struct address){0};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.') {
            out->is_v4 = true;
            return parse_v4(text, text, why);
        }
        if (text.ptr[i] == ':')
            return parse_v6(text, out, why);
        if (text.ptr[i] == '%')
            return fail(why, text, "missing IPv6 address", STR_NONE);
    }
    return fail(why, text, "unable to parse IP", STR_NONE);
}
