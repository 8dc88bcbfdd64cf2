/* Texts to times by Go's layouts, and durations; after time/format.go. */
#include "core/template/time.h"

#include <string.h>

#include "core/gostd/literal.h"
#include "core/template/time_layout.h"

enum { NO_OFFSET = INT32_MIN, SECOND_NS = 1000000000 };

/* What has been read so far; -1: nothing. */
struct reading {
    struct arena *a;
    struct str layout; /* the whole */
    struct str text;
    struct str rest;
    struct civil civil;
    uint32_t ns;
    int32_t offset_s;
    struct str zone_name;
    bool is_utc;
    bool is_pm;
    bool is_am;
    const char *out_of_range; /* "month", "day", ... */
};

static bool is_digit(struct str s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

static void drop(struct reading *r, size_t len)
{
    r->rest = str_sub(r->rest, len, r->rest.len);
}

/* One or two digits; exactly two if is_fixed. */
static bool read_number(struct reading *r, bool is_fixed, int *out)
{
    size_t len = is_digit(r->rest, 1) ? 2 : 1;

    if (!is_digit(r->rest, 0) || (len == 1 && is_fixed))
        return false;
    *out = r->rest.ptr[0] - '0';
    if (len == 2)
        *out = *out * 10 + r->rest.ptr[1] - '0';
    drop(r, len);
    return true;
}

static bool read_digits(struct reading *r, size_t count, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(r->rest, i))
            return false;
        *out = *out * 10 + r->rest.ptr[i] - '0';
    }
    drop(r, count);
    return true;
}

static bool starts_alike(struct str s, struct str prefix)
{
    if (s.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if ((s.ptr[i] | 0x20) != (prefix.ptr[i] | 0x20))
            return false;
    return true;
}

/* The number of the name (from 0) of which at most `cut` letters count. */
static bool read_name(struct reading *r, const char *(*name)(int), int from, int count, size_t cut,
                      int *out)
{
    for (int i = 0; i < count; i++) {
        struct str n = str_from(name(from + i));
        n = str_sub(n, 0, cut < n.len ? cut : n.len);
        if (!starts_alike(r->rest, n))
            continue;
        *out = from + i;
        drop(r, n.len);
        return true;
    }
    return false;
}

static bool check_range(struct reading *r, int n, int from, int to, const char *what)
{
    if (n < from || n > to)
        r->out_of_range = what;
    return true;
}

/* ---- parts ---- */

static bool read_fraction(struct reading *r, size_t digits)
{
    uint32_t unit = SECOND_NS / 10;

    r->ns = 0;
    for (size_t i = 1; i <= digits; i++) {
        if (!is_digit(r->rest, i))
            return false;
        r->ns += (uint32_t)(r->rest.ptr[i] - '0') * unit;
        unit /= 10;
    }
    drop(r, digits + 1);
    return true;
}

static size_t count_digits(struct str s, size_t from)
{
    size_t at = from;

    while (is_digit(s, at))
        at++;
    return at - from;
}

static bool has_fraction(struct str s)
{
    return s.len >= 2 && (s.ptr[0] == '.' || s.ptr[0] == ',') && is_digit(s, 1);
}

/* Seconds may have a fraction that the layout does not tell. */
static bool read_second(struct reading *r, bool is_fixed, struct str layout)
{
    if (!read_number(r, is_fixed, &r->civil.second))
        return false;
    check_range(r, r->civil.second, 0, 59, "second");
    if (!has_fraction(r->rest))
        return true;
    enum layout_part next = layout_next(&layout).part;
    if (next == PART_FRACTION0 || next == PART_FRACTION9)
        return true;
    return read_fraction(r, count_digits(r->rest, 1));
}

static bool read_offset(struct reading *r, struct str form)
{
    bool has_colons = str_has_byte(form, ':');
    int64_t part[3] = {0};
    size_t parts = form.len == 3 ? 1 : form.len == 5 || form.len == 6 ? 2 : 3;

    if (form.ptr[0] == 'Z' && str_starts(r->rest, STR("Z"))) {
        r->is_utc = true;
        drop(r, 1);
        return true;
    }
    if (r->rest.len == 0 || (r->rest.ptr[0] != '+' && r->rest.ptr[0] != '-'))
        return false;
    bool is_west = r->rest.ptr[0] == '-';
    drop(r, 1);
    for (size_t i = 0; i < parts; i++) {
        if (i > 0 && has_colons) {
            if (!str_starts(r->rest, STR(":")))
                return false;
            drop(r, 1);
        }
        if (!read_digits(r, 2, &part[i]))
            return false;
    }
    check_range(r, (int)part[0], 0, 24, "time zone offset hour");
    check_range(r, (int)part[1], 0, 60, "time zone offset minute");
    check_range(r, (int)part[2], 0, 60, "time zone offset second");
    int32_t offset_s = (int32_t)(part[0] * 3600 + part[1] * 60 + part[2]);
    r->offset_s = is_west ? -offset_s : offset_s;
    return true;
}

/* Three or four capitals, "GMT-3", "+03": how many bytes of s are a zone's name; 0: none. */
static size_t zone_name_len(struct str s)
{
    size_t capitals = 0;
    size_t digits;

    if (str_starts(s, STR("ChST")) || str_starts(s, STR("MeST")))
        return 4;
    if (str_starts(s, STR("GMT"))) {
        digits = s.len > 4 && (s.ptr[3] == '+' || s.ptr[3] == '-') ? count_digits(s, 4) : 0;
        return digits > 0 && digits < 3 ? 4 + digits : 3;
    }
    if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-')) {
        digits = count_digits(s, 1);
        return digits == 2 ? 3 : 0;
    }
    while (capitals < 6 && capitals < s.len && s.ptr[capitals] >= 'A' && s.ptr[capitals] <= 'Z')
        capitals++;
    if (capitals == 5)
        return s.ptr[4] == 'T' ? 5 : 0;
    if (capitals == 4)
        return s.ptr[3] == 'T' || str_starts(s, STR("WITA")) ? 4 : 0;
    return capitals == 3 ? 3 : 0;
}

static bool read_zone_name(struct reading *r)
{
    if (str_starts(r->rest, STR("UTC"))) {
        r->is_utc = true;
        drop(r, 3);
        return true;
    }
    size_t len = zone_name_len(r->rest);
    if (len == 0)
        return false;
    r->zone_name = str_sub(r->rest, 0, len);
    drop(r, len);
    return true;
}

static bool read_half(struct reading *r, bool is_upper)
{
    bool is_pm = str_starts(r->rest, is_upper ? STR("PM") : STR("pm"));

    if (!is_pm && !str_starts(r->rest, is_upper ? STR("AM") : STR("am")))
        return false;
    r->is_pm = is_pm;
    r->is_am = !is_pm;
    drop(r, 2);
    return true;
}

static bool read_date_part(struct reading *r, enum layout_part part)
{
    int64_t number;
    int ignored;

    switch (part) {
    case PART_YEAR:
        if (!read_digits(r, 2, &number))
            return false;
        r->civil.year = number + (number >= 69 ? 1900 : 2000);
        return true;
    case PART_LONG_YEAR:
        return read_digits(r, 4, &r->civil.year);
    case PART_MONTH:
        return read_name(r, moment_month_name, 1, 12, 3, &r->civil.month);
    case PART_LONG_MONTH:
        return read_name(r, moment_month_name, 1, 12, SIZE_MAX, &r->civil.month);
    case PART_NUMBER_MONTH:
    case PART_ZERO_MONTH:
        return read_number(r, part == PART_ZERO_MONTH, &r->civil.month) &&
               check_range(r, r->civil.month, 1, 12, "month");
    case PART_WEEKDAY:
        return read_name(r, moment_day_name, 0, 7, 3, &ignored);
    case PART_LONG_WEEKDAY:
        return read_name(r, moment_day_name, 0, 7, SIZE_MAX, &ignored);
    case PART_BLANK_DAY:
    case PART_DAY:
    case PART_ZERO_DAY:
        if (part == PART_BLANK_DAY && str_starts(r->rest, STR(" ")))
            drop(r, 1);
        return read_number(r, part == PART_ZERO_DAY, &r->civil.day);
    default: /* a day of the year */
        for (int i = 0; i < 2 && part == PART_BLANK_YEAR_DAY && str_starts(r->rest, STR(" ")); i++)
            drop(r, 1);
        if (!read_digits(r, part == PART_ZERO_YEAR_DAY ? 3 : count_digits(r->rest, 0), &number))
            return false;
        r->civil.year_day = (int)number;
        return true;
    }
}

static bool read_part(struct reading *r, struct layout_chunk c, struct str layout)
{
    switch (c.part) {
    case PART_HOUR:
        return read_number(r, false, &r->civil.hour) &&
               check_range(r, r->civil.hour, 0, 23, "hour");
    case PART_HOUR12:
    case PART_ZERO_HOUR12:
        return read_number(r, c.part == PART_ZERO_HOUR12, &r->civil.hour) &&
               check_range(r, r->civil.hour, 0, 12, "hour");
    case PART_MINUTE:
    case PART_ZERO_MINUTE:
        return read_number(r, c.part == PART_ZERO_MINUTE, &r->civil.minute) &&
               check_range(r, r->civil.minute, 0, 59, "minute");
    case PART_SECOND:
    case PART_ZERO_SECOND:
        return read_second(r, c.part == PART_ZERO_SECOND, layout);
    case PART_UPPER_PM:
    case PART_LOWER_PM:
        return read_half(r, c.part == PART_UPPER_PM);
    case PART_ZONE_NAME:
        return read_zone_name(r);
    case PART_ZONE:
        return read_offset(r, c.text);
    case PART_FRACTION0:
        return r->rest.len > 0 && (r->rest.ptr[0] == '.' || r->rest.ptr[0] == ',') &&
               read_fraction(r, c.text.len - 1);
    case PART_FRACTION9:
        return !has_fraction(r->rest) || read_fraction(r, count_digits(r->rest, 1));
    default:
        return read_date_part(r, c.part);
    }
}

/* What stands between parts; a blank of the layout stands for any number of them. */
static bool skip_prefix(struct reading *r, struct str prefix)
{
    while (prefix.len > 0) {
        char c = prefix.ptr[0];
        if (c == ' ') {
            if (r->rest.len > 0 && r->rest.ptr[0] != ' ')
                return false;
            while (str_starts(prefix, STR(" ")))
                prefix = str_sub(prefix, 1, prefix.len);
            while (str_starts(r->rest, STR(" ")))
                drop(r, 1);
            continue;
        }
        if (r->rest.len == 0 || r->rest.ptr[0] != c)
            return false;
        prefix = str_sub(prefix, 1, prefix.len);
        drop(r, 1);
    }
    return true;
}

/* ---- the whole ---- */

static struct str quoted(struct arena *a, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    literal_quote(&text, s, false);
    return arena_dup(a, buf_str(&text));
}

static int refuse(struct reading *r, struct str part, struct str *out_error)
{
    struct arena *a = r->a;

    if (r->out_of_range)
        *out_error = arena_printf(a, "parsing time " STR_FMT ": %s out of range",
                                  STR_ARG(quoted(a, r->text)), r->out_of_range);
    else if (part.len == 0)
        *out_error = arena_printf(a, "parsing time " STR_FMT ": extra text: " STR_FMT,
                                  STR_ARG(quoted(a, r->text)), STR_ARG(quoted(a, r->rest)));
    else
        *out_error = arena_printf(
            a, "parsing time " STR_FMT " as " STR_FMT ": cannot parse " STR_FMT " as " STR_FMT,
            STR_ARG(quoted(a, r->text)), STR_ARG(quoted(a, r->layout)), STR_ARG(quoted(a, r->rest)),
            STR_ARG(quoted(a, part)));
    return HL_EINVAL;
}

static int read_all(struct reading *r, struct str *out_error)
{
    struct str layout = r->layout;

    for (;;) {
        struct layout_chunk c = layout_next(&layout);
        struct str here = r->rest;
        if (!skip_prefix(r, c.prefix)) {
            r->rest = here;
            return refuse(r, c.prefix, out_error);
        }
        if (c.part == PART_NONE)
            return r->rest.len > 0 ? refuse(r, STR_NONE, out_error) : 0;
        here = r->rest;
        bool is_read = read_part(r, c, layout);
        if (!is_read)
            r->rest = here;
        if (!is_read || r->out_of_range)
            return refuse(r, c.text, out_error);
    }
}

/* A day of the year is one of a month, and both exist. */
static void settle_day(struct reading *r)
{
    struct civil *c = &r->civil;

    if (c->year_day > 0) {
        int month = 1;
        int day = c->year_day;
        while (month < 12 && day > moment_days_in(month, c->year))
            day -= moment_days_in(month++, c->year);
        bool is_other = (c->month > 0 && c->month != month) || (c->day > 0 && c->day != day);
        if (day > moment_days_in(month, c->year) || is_other)
            r->out_of_range = "day-of-year";
        c->month = month;
        c->day = day;
    } else {
        c->month = c->month > 0 ? c->month : 1;
        c->day = c->day >= 0 ? c->day : 1;
    }
    if (!r->out_of_range && (c->day < 1 || c->day > moment_days_in(c->month, c->year)))
        r->out_of_range = "day";
}

/* "GMT-3" is three hours west; other names say nothing about where. */
static int32_t offset_of_name(struct str name)
{
    int64_t hours = 0;

    if (name.len > 3 && str_starts(name, STR("GMT")) &&
        str_to_i64(str_sub(name, name.ptr[3] == '+' ? 4 : 3, name.len), &hours))
        return (int32_t)hours * 3600;
    return 0;
}

static struct moment fixed(const struct template_world *world, struct reading *r, int32_t offset_s)
{
    struct moment utc = moment_utc(0, 0);
    struct moment m = moment_of_civil(world, &utc, &r->civil, r->ns);

    m.s -= offset_s;
    struct moment local = moment_local(world, m.s, m.ns);
    bool is_local = local.offset_s == offset_s &&
                    (r->zone_name.len == 0 || str_eq(r->zone_name, str_from(local.abbreviation)));
    if (is_local)
        return local;
    m.is_fixed = true;
    m.zone = r->zone_name;
    m.offset_s = offset_s;
    memset(m.abbreviation, 0, sizeof(m.abbreviation));
    if (r->zone_name.len > 0 && r->zone_name.len < sizeof(m.abbreviation))
        memcpy(m.abbreviation, r->zone_name.ptr, r->zone_name.len);
    return m;
}

int moment_parse(const struct template_world *world, struct arena *a, struct str layout,
                 struct str text, struct moment *out, struct str *out_error)
{
    struct reading r = {.a = a,
                        .layout = layout,
                        .text = text,
                        .rest = text,
                        .civil = {.day = -1},
                        .offset_s = NO_OFFSET};
    int rc = read_all(&r, out_error);

    if (rc < 0)
        return rc;
    if (r.is_pm && r.civil.hour < 12)
        r.civil.hour += 12;
    else if (r.is_am && r.civil.hour == 12)
        r.civil.hour = 0;
    settle_day(&r);
    if (r.out_of_range)
        return refuse(&r, STR_NONE, out_error);
    struct moment base = r.is_utc ? moment_utc(0, 0) : moment_local(world, 0, 0);
    if (r.is_utc || (r.offset_s == NO_OFFSET && r.zone_name.len == 0))
        *out = moment_of_civil(world, &base, &r.civil, r.ns);
    else
        *out = fixed(world, &r, r.offset_s != NO_OFFSET ? r.offset_s : offset_of_name(r.zone_name));
    return 0;
}

/* ---- durations ---- */

static int bad_duration(struct arena *a, const char *what, struct str text, struct str *out_error)
{
    *out_error = arena_printf(a, "time: %s duration " STR_FMT, what, STR_ARG(quoted(a, text)));
    return HL_EINVAL;
}

/* Nanoseconds of the unit at the start of s, and its length. */
static uint64_t unit_at(struct str s, size_t *out_len)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
                 {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000}};

    *out_len = 0;
    while (*out_len < s.len && s.ptr[*out_len] != '.' && !is_digit(s, *out_len))
        ++*out_len;
    for (size_t i = 0; i < HL_COUNT(units); i++)
        if (str_eq(str_sub(s, 0, *out_len), str_from(units[i].name)))
            return units[i].ns;
    return 0;
}

/* One number and its unit, added to *sum; 0, or the code with the error. */
static int add_term(struct arena *a, struct str text, struct str *rest, uint64_t *sum,
                    struct str *out_error)
{
    size_t digits = count_digits(*rest, 0);
    uint64_t whole = 0;
    double fraction = 0;
    double scale = 1;
    size_t at = digits;
    size_t unit_len;

    for (size_t i = 0; i < digits; i++)
        if (__builtin_mul_overflow(whole, 10U, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(rest->ptr[i] - '0'), &whole) ||
            whole > (uint64_t)1 << 63)
            return bad_duration(a, "invalid", text, out_error);
    if (at < rest->len && rest->ptr[at] == '.') {
        size_t decimals = count_digits(*rest, at + 1);
        for (size_t i = 0; i < decimals && i < 18; i++) {
            fraction = fraction * 10 + (rest->ptr[at + 1 + i] - '0');
            scale *= 10;
        }
        at += 1 + decimals;
        digits += decimals;
    }
    if (digits == 0)
        return bad_duration(a, "invalid", text, out_error);
    struct str behind = str_sub(*rest, at, rest->len);
    uint64_t unit = unit_at(behind, &unit_len);
    if (unit_len == 0)
        return bad_duration(a, "missing unit in", text, out_error);
    if (unit == 0) {
        *out_error = arena_printf(a, "time: unknown unit " STR_FMT " in duration " STR_FMT,
                                  STR_ARG(quoted(a, str_sub(behind, 0, unit_len))),
                                  STR_ARG(quoted(a, text)));
        return HL_EINVAL;
    }
    uint64_t term;
    if (__builtin_mul_overflow(whole, unit, &term) ||
        __builtin_add_overflow(term, (uint64_t)(fraction * ((double)unit / scale)), &term) ||
        __builtin_add_overflow(*sum, term, sum) || *sum > (uint64_t)1 << 63)
        return bad_duration(a, "invalid", text, out_error);
    *rest = str_sub(behind, unit_len, behind.len);
    return 0;
}

int duration_parse(struct arena *a, struct str text, int64_t *out_ns, struct str *out_error)
{
    struct str rest = text;
    bool is_negative = str_starts(rest, STR("-"));
    uint64_t sum = 0;

    if (is_negative || str_starts(rest, STR("+")))
        rest = str_sub(rest, 1, rest.len);
    *out_ns = 0;
    if (str_eq(rest, STR("0")))
        return 0;
    if (rest.len == 0)
        return bad_duration(a, "invalid", text, out_error);
    while (rest.len > 0) {
        if (rest.ptr[0] != '.' && !is_digit(rest, 0))
            return bad_duration(a, "invalid", text, out_error);
        int rc = add_term(a, text, &rest, &sum, out_error);
        if (rc < 0)
            return rc;
    }
    if (!is_negative && sum > INT64_MAX)
        return bad_duration(a, "invalid", text, out_error);
    *out_ns = is_negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 0;
}
