/*
 * Versions: a cursor over the text takes numbers, then "-" and "+" with their identifiers. No part
 * of the grammar is ambiguous, so nothing is ever tried twice.
 */
#include "core/semver/scan.h"

#include <inttypes.h>

bool scan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_identifier_byte(char c)
{
    return scan_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static size_t skip_identifier(struct str s, size_t at)
{
    while (at < s.len && is_identifier_byte(s.ptr[at]))
        at++;
    return at;
}

size_t scan_identifiers(struct str s, size_t at, char mark)
{
    if (at >= s.len || s.ptr[at] != mark)
        return at;
    size_t end = skip_identifier(s, at + 1);
    if (end == at + 1)
        return at;
    while (end < s.len && s.ptr[end] == '.') {
        size_t next = skip_identifier(s, end + 1);
        if (next == end + 1)
            break;
        end = next;
    }
    return end;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!scan_is_digit(s.ptr[i]))
            return false;
    }
    return true;
}

/* A numeric identifier has no leading zero; nothing is empty or has other bytes. */
static int check_prerelease(struct str pre, struct err *err)
{
    for (size_t from = 0; from <= pre.len;) {
        size_t to = str_find(pre, STR("."), from);
        struct str part = str_sub(pre, from, to);
        if (part.len == 0 || skip_identifier(part, 0) != part.len)
            return err_set(err, HL_EINVAL, "invalid prerelease string");
        if (part.len > 1 && part.ptr[0] == '0' && all_digits(part))
            return err_set(err, HL_EINVAL, "version segment starts with 0");
        from += part.len + 1;
    }
    return 0;
}

static int check_meta(struct str meta, struct err *err)
{
    for (size_t from = 0; from <= meta.len;) {
        size_t to = str_find(meta, STR("."), from);
        struct str part = str_sub(meta, from, to);
        if (part.len == 0 || skip_identifier(part, 0) != part.len)
            return err_set(err, HL_EINVAL, "invalid metadata string");
        from += part.len + 1;
    }
    return 0;
}

/* ParseUint's errors; `s` holds nothing but digits. */
static int read_number(struct str s, uint64_t *out, struct err *err)
{
    if (s.len > 0 && str_to_u64(s, out))
        return 0;
    return err_set(err, HL_EINVAL, "strconv.ParseUint: parsing \"" STR_FMT "\": %s", STR_ARG(s),
                   s.len == 0 ? "invalid syntax" : "value out of range");
}

static int check_length(struct str text, struct err *err)
{
    if (text.len > SEMVER_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "version string is too long (max %d bytes)",
                       SEMVER_BYTES_MAX);
    return 0;
}

/* ".1" at *at: the digits, and *at behind them; empty if there is no such thing. */
static struct str take_part(struct str s, size_t *at)
{
    size_t end = *at + 1;

    if (*at >= s.len || s.ptr[*at] != '.')
        return STR_NONE;
    while (end < s.len && scan_is_digit(s.ptr[end]))
        end++;
    struct str digits = str_sub(s, *at + 1, end);
    if (digits.len > 0)
        *at = end;
    return digits;
}

/* What stands behind the mark at *at, which moves behind it. */
static struct str take_identifiers(struct str s, size_t *at, char mark)
{
    size_t end = scan_identifiers(s, *at, mark);
    struct str taken = str_sub(s, *at + 1, end);

    if (end == *at)
        return STR_NONE;
    *at = end;
    return taken;
}

static int read_numbers(const struct str part[3], struct semver *v, struct err *err)
{
    uint64_t *number[3] = {&v->major, &v->minor, &v->patch};

    for (size_t i = 0; i < 3; i++) {
        if (part[i].len > 0 && read_number(part[i], number[i], err) < 0)
            return err_wrap(err, "error parsing version segment");
    }
    return 0;
}

int semver_parse(struct arena *a, struct str text, struct semver *out, struct err *err)
{
    int rc = check_length(text, err);

    if (rc < 0)
        return rc;
    struct semver v = {.original = arena_dup(a, text)};
    struct str s = v.original;
    size_t at = str_starts(s, STR("v"));
    size_t first = at;
    struct str part[3] = {STR_NONE, STR_NONE, STR_NONE};
    while (at < s.len && scan_is_digit(s.ptr[at]))
        at++;
    part[0] = str_sub(s, first, at);
    part[1] = take_part(s, &at);
    if (part[1].len > 0)
        part[2] = take_part(s, &at);
    v.pre = take_identifiers(s, &at, '-');
    v.meta = take_identifiers(s, &at, '+');
    if (part[0].len == 0 || at != s.len)
        return err_set(err, HL_EINVAL, "invalid semantic version");
    rc = read_numbers(part, &v, err);
    if (rc == 0 && v.pre.len > 0)
        rc = check_prerelease(v.pre, err);
    if (rc == 0)
        *out = v;
    return rc;
}

/* Cuts *s at the first `mark`: what is behind it, for the rest of the check. False: no mark. */
static bool cut_behind(struct str *s, struct str mark, struct str *out)
{
    size_t at = str_find(*s, mark, 0);

    if (at == SIZE_MAX)
        return false;
    *out = str_sub(*s, at + 1, s->len);
    *s = str_sub(*s, 0, at);
    return true;
}

static int read_strict_numbers(const struct str part[3], struct semver *v, struct err *err)
{
    uint64_t *number[3] = {&v->major, &v->minor, &v->patch};

    for (size_t i = 0; i < 3; i++) {
        if (!all_digits(part[i]))
            return err_set(err, HL_EINVAL, "invalid characters in version");
        if (part[i].len > 1 && part[i].ptr[0] == '0')
            return err_set(err, HL_EINVAL, "version segment starts with 0");
    }
    for (size_t i = 0; i < 3; i++) {
        int rc = read_number(part[i], number[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int semver_parse_strict(struct arena *a, struct str text, struct semver *out, struct err *err)
{
    struct str part[3];
    int rc = check_length(text, err);

    if (rc < 0)
        return rc;
    if (text.len == 0)
        return err_set(err, HL_EINVAL, "version string empty");
    struct semver v = {.original = arena_dup(a, text)};
    part[0] = v.original;
    if (!cut_behind(&part[0], STR("."), &part[1]) || !cut_behind(&part[1], STR("."), &part[2]))
        return err_set(err, HL_EINVAL, "invalid semantic version");
    if (cut_behind(&part[2], STR("+"), &v.meta))
        rc = check_meta(v.meta, err);
    if (rc == 0 && cut_behind(&part[2], STR("-"), &v.pre))
        rc = check_prerelease(v.pre, err);
    if (rc == 0)
        rc = read_strict_numbers(part, &v, err);
    if (rc == 0)
        *out = v;
    return rc;
}

static int cmp_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Numbers before words; a number that does not fit counts as a word, as upstream has it. */
static int cmp_identifier(struct str a, struct str b)
{
    uint64_t number_a;
    uint64_t number_b;
    bool is_a = str_to_u64(a, &number_a);
    bool is_b = str_to_u64(b, &number_b);

    if (is_a && is_b)
        return cmp_number(number_a, number_b);
    if (is_a != is_b)
        return is_a ? -1 : 1;
    int cmp = str_cmp(a, b);
    return (cmp > 0) - (cmp < 0);
}

static int cmp_prerelease(struct str a, struct str b)
{
    if (a.len == 0 || b.len == 0)
        return (a.len == 0) - (b.len == 0);
    while (a.len > 0 && b.len > 0) {
        int cmp = cmp_identifier(str_cut(&a, '.'), str_cut(&b, '.'));
        if (cmp != 0)
            return cmp;
    }
    return (a.len > 0) - (b.len > 0);
}

int semver_cmp(const struct semver *a, const struct semver *b)
{
    int cmp = cmp_number(a->major, b->major);

    if (cmp == 0)
        cmp = cmp_number(a->minor, b->minor);
    if (cmp == 0)
        cmp = cmp_number(a->patch, b->patch);
    if (cmp == 0)
        cmp = cmp_prerelease(a->pre, b->pre);
    return cmp;
}

struct str semver_text(struct arena *a, const struct semver *v)
{
    return arena_printf(a, "%" PRIu64 ".%" PRIu64 ".%" PRIu64 "%s" STR_FMT "%s" STR_FMT, v->major,
                        v->minor, v->patch, v->pre.len > 0 ? "-" : "", STR_ARG(v->pre),
                        v->meta.len > 0 ? "+" : "", STR_ARG(v->meta));
}
