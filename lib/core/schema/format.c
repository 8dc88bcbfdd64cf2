/* The table of formats, and those that are neither about networks nor about time. */
#include "core/schema/format.h"

#include "core/gostd/regex.h"
#include "core/gostd/literal.h"

bool format_fail(struct buf *why, const char *reason)
{
    buf_add_cstr(why, reason);
    return false;
}

bool format_fail_rune(struct buf *why, const char *reason, uint32_t rune, const char *after)
{
    buf_add_cstr(why, reason);
    literal_quote_rune(why, rune, false);
    return format_fail(why, after);
}

size_t format_digits(struct str s)
{
    size_t n = 0;

    while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
        n++;
    return n;
}

bool format_is_letter(uint32_t rune)
{
    return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z');
}

uint32_t format_rune(struct str s, size_t *at)
{
    uint32_t rune = 0xFFFD;
    size_t len = str_rune(s, *at, &rune);

    *at += len > 0 ? len : 1;
    return rune;
}

static bool json_pointer(struct arena *scratch, struct str s, struct buf *why)
{
    (void)scratch;
    if (s.len == 0)
        return true;
    if (s.ptr[0] != '/')
        return format_fail(why, "not starting with /");
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '~' && (i + 1 == s.len || (s.ptr[i + 1] != '0' && s.ptr[i + 1] != '1')))
            return format_fail(why, "~ must be followed by 0 or 1");
    }
    return true;
}

static bool relative_json_pointer(struct arena *scratch, struct str s, struct buf *why)
{
    size_t digits = format_digits(s);

    if (digits == 0)
        return format_fail(why, "must start with non-negative integer");
    if (digits > 1 && s.ptr[0] == '0')
        return format_fail(why, "starts with zero");
    s = str_sub(s, digits, s.len);
    return str_eq(s, STR("#")) || json_pointer(scratch, s, why);
}

static bool is_hex(uint32_t rune)
{
    return (rune >= '0' && rune <= '9') || (rune >= 'a' && rune <= 'f') ||
           (rune >= 'A' && rune <= 'F');
}

static size_t count_byte(struct str s, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == c;
    return n;
}

static bool uuid(struct arena *scratch, struct str s, struct buf *why)
{
    static const size_t lengths[] = {8, 4, 4, 4, 12};

    (void)scratch;
    if (count_byte(s, '-') != 4)
        return format_fail(why, "must have 5 elements");
    for (size_t i = 0; i < HL_COUNT(lengths); i++) {
        struct str group = str_cut(&s, '-');
        if (group.len != lengths[i]) {
            buf_printf(why, "element %zu must be %zu characters long", i + 1, lengths[i]);
            return false;
        }
        for (size_t at = 0; at < group.len;) {
            uint32_t rune = format_rune(group, &at);
            if (!is_hex(rune))
                return format_fail_rune(why, "non-hex character ", rune, "");
        }
    }
    return true;
}

static bool is_identifier_rune(uint32_t rune)
{
    return (rune >= '0' && rune <= '9') || format_is_letter(rune) || rune == '-';
}

static bool semver_build(struct str build, struct buf *why)
{
    if (build.len == 0)
        return format_fail(why, "build is empty");
    size_t parts = count_byte(build, '.') + 1;
    for (; parts > 0; parts--) {
        struct str part = str_cut(&build, '.');
        if (part.len == 0)
            return format_fail(why, "build identifier is empty");
        for (size_t at = 0; at < part.len;) {
            uint32_t rune = format_rune(part, &at);
            if (!is_identifier_rune(rune))
                return format_fail_rune(why, "invalid character ", rune, " in build identifier");
        }
    }
    return true;
}

static bool semver_pre_release(struct str pre, struct buf *why)
{
    size_t parts = count_byte(pre, '.') + 1;

    for (; parts > 0; parts--) {
        struct str part = str_cut(&pre, '.');
        if (part.len == 0)
            return format_fail(why, "pre-release identifier is empty");
        for (size_t at = 0; at < part.len;) {
            uint32_t rune = format_rune(part, &at);
            if (!is_identifier_rune(rune))
                return format_fail_rune(why, "invalid character ", rune,
                                        " in pre-release identifier");
        }
        if (part.len > 1 && part.ptr[0] == '0' && format_digits(part) == part.len)
            return format_fail(why, "pre-release numeric identifier starts with zero");
    }
    return true;
}

static bool semver_core(struct str core, struct buf *why)
{
    static const char *const names[] = {"major", "minor", "patch"};

    if (count_byte(core, '.') != 2)
        return format_fail(why, "versionCore must have 3 numbers separated by dot");
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        struct str number = str_cut(&core, '.');
        const char *wrong = NULL;
        if (number.len == 0)
            wrong = " is empty";
        else if (number.len > 1 && number.ptr[0] == '0')
            wrong = " starts with zero";
        else if (format_digits(number) < number.len)
            wrong = " contains non-digit";
        if (!wrong)
            continue;
        buf_add_cstr(why, names[i]);
        return format_fail(why, wrong);
    }
    return true;
}

static bool semver(struct arena *scratch, struct str s, struct buf *why)
{
    size_t plus = str_find(s, STR("+"), 0);

    (void)scratch;
    if (plus != SIZE_MAX && !semver_build(str_sub(s, plus + 1, s.len), why))
        return false;
    s = str_sub(s, 0, plus);
    size_t hyphen = str_find(s, STR("-"), 0);
    if (hyphen != SIZE_MAX && !semver_pre_release(str_sub(s, hyphen + 1, s.len), why))
        return false;
    return semver_core(str_sub(s, 0, hyphen), why);
}

static bool regex(struct arena *scratch, struct str s, struct buf *why)
{
    struct str reason;

    if (regex_new(scratch, s, REGEX_TEST, &reason))
        return true;
    buf_add(why, reason);
    return false;
}

static const struct format formats[] = {
    {"json-pointer", json_pointer},
    {"relative-json-pointer", relative_json_pointer},
    {"uuid", uuid},
    {"duration", format_duration},
    {"period", format_period},
    {"ipv4", format_ipv4},
    {"ipv6", format_ipv6},
    {"hostname", format_hostname},
    {"email", format_email},
    {"date", format_date},
    {"time", format_time},
    {"date-time", format_date_time},
    {"uri", format_uri},
    {"iri", format_uri},
    {"uri-reference", format_uri_reference},
    {"iri-reference", format_uri_reference},
    {"uri-template", format_uri_template},
    {"semver", semver},
    {"regex", regex},
};

const struct format *format_find(struct str name)
{
    for (size_t i = 0; i < HL_COUNT(formats); i++) {
        if (str_eq(name, str_from(formats[i].name)))
            return &formats[i];
    }
    return NULL;
}
