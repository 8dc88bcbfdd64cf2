/* Formats of RFC 3339: dates, times, durations, periods. */
#include <string.h>

#include "core/schema/format.h"

enum { DATE_BYTES = 10 };

/* package time's own quoting: what is not printable ASCII is \x and hex. */
static void time_quote(struct buf *out, struct str s)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c >= 0x80) {
            buf_printf(out, "\\x%02x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

static bool date_fail(struct buf *why, struct str s, const char *reason)
{
    buf_add(why, STR("parsing time "));
    time_quote(why, s);
    return format_fail(why, reason);
}

static bool date_fail_at(struct buf *why, struct str s, struct str rest, const char *element)
{
    date_fail(why, s, " as \"2006-01-02\": cannot parse ");
    time_quote(why, rest);
    buf_printf(why, " as \"%s\"", element);
    return false;
}

static int days_in(int month, int64_t year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Takes "-" and two digits. */
static bool date_part(struct str s, struct str *rest, const char *element, struct buf *why,
                      int *out)
{
    if (!str_starts(*rest, STR("-")))
        return date_fail_at(why, s, *rest, "-");
    *rest = str_sub(*rest, 1, rest->len);
    if (format_digits(str_sub(*rest, 0, 2)) < 2)
        return date_fail_at(why, s, *rest, element);
    *out = (rest->ptr[0] - '0') * 10 + (rest->ptr[1] - '0');
    *rest = str_sub(*rest, 2, rest->len);
    return true;
}

bool format_date(struct arena *scratch, struct str s, struct buf *why)
{
    struct str rest = s;
    int64_t year = 0;
    int month = 0;
    int day = 0;

    (void)scratch;
    if (s.len < 4 || format_digits(str_sub(s, 0, 4)) < 4 || !str_to_i64(str_sub(s, 0, 4), &year))
        return date_fail_at(why, s, s, "2006");
    rest = str_sub(s, 4, s.len);
    if (!date_part(s, &rest, "01", why, &month))
        return false;
    if (month < 1 || month > 12)
        return date_fail(why, s, ": month out of range");
    if (!date_part(s, &rest, "02", why, &day))
        return false;
    if (rest.len > 0) {
        date_fail(why, s, ": extra text: ");
        time_quote(why, rest);
        return false;
    }
    if (day < 1 || day > days_in(month, year))
        return date_fail(why, s, ": day out of range");
    return true;
}

/* Two bytes as strconv.Atoi reads them: digits, or a sign and a digit. False: no number. */
static bool two_bytes(struct str s, int *out)
{
    int sign = s.ptr[0] == '-' ? -1 : 1;

    if (s.ptr[0] == '-' || s.ptr[0] == '+')
        s = str_sub(s, 1, 2);
    if (format_digits(s) < s.len)
        return false;
    *out = 0;
    for (size_t i = 0; i < s.len; i++)
        *out = *out * 10 + (s.ptr[i] - '0');
    *out *= sign;
    return true;
}

static bool clock_fail(struct buf *why, const char *before, const char *where, const char *after)
{
    buf_printf(why, "%s%s%s", before, where, after);
    return false;
}

/* `count` numbers of two bytes, three bytes apart. */
static bool clock_numbers(struct str s, int count, const char *where, struct buf *why, int *out)
{
    for (int i = 0; i < count; i++) {
        if (!two_bytes(str_sub(s, 3 * (size_t)i, 3 * (size_t)i + 2), &out[i]))
            return clock_fail(why, "invalid ", where, "");
        if (out[i] < 0)
            return clock_fail(why, "non-positive ", where, "");
    }
    return true;
}

/* "+hh:mm" or "-hh:mm": the minutes to add for UTC. */
static bool clock_offset(struct str s, struct buf *why, int *out_minutes)
{
    static const char where[] = "hour/min in offset";
    int hm[2];

    if (s.len != 6)
        return format_fail(why, "offset must be 6 characters long");
    if (s.ptr[0] != '+' && s.ptr[0] != '-')
        return format_fail(why, "offset must begin with plus/minus");
    if (s.ptr[3] != ':')
        return format_fail(why, "missing colon in offset in correct place");
    if (!clock_numbers(str_sub(s, 1, 6), 2, where, why, hm))
        return false;
    if (hm[0] > 23 || hm[1] > 59)
        return clock_fail(why, "", where, " out of range");
    *out_minutes = (hm[0] * 60 + hm[1]) * (s.ptr[0] == '+' ? -1 : 1);
    return true;
}

static bool clock_fraction(struct str *rest, struct buf *why)
{
    if (!str_starts(*rest, STR(".")))
        return true;
    size_t digits = format_digits(str_sub(*rest, 1, rest->len));
    if (digits == 0)
        return format_fail(why, "no digits in second fraction");
    *rest = str_sub(*rest, 1 + digits, rest->len);
    return true;
}

bool format_time(struct arena *scratch, struct str s, struct buf *why)
{
    static const char where[] = "hour/min/sec";
    int hms[3];
    int offset = 0;

    (void)scratch;
    if (s.len < 9)
        return format_fail(why, "less than 9 characters long");
    if (s.ptr[2] != ':' || s.ptr[5] != ':')
        return format_fail(why, "missing colon in correct place");
    if (!clock_numbers(s, 3, where, why, hms))
        return false;
    if (hms[0] > 23 || hms[1] > 59 || hms[2] > 60)
        return clock_fail(why, "", where, " out of range");
    struct str rest = str_sub(s, 8, s.len);
    if (!clock_fraction(&rest, why))
        return false;
    if (!str_eq(rest, STR("z")) && !str_eq(rest, STR("Z")) && !clock_offset(rest, why, &offset))
        return false;
    int minutes = hms[0] * 60 + hms[1] + offset;
    if (minutes < 0)
        minutes += 24 * 60;
    if (hms[2] >= 60 && minutes != 23 * 60 + 59)
        return format_fail(why, "invalid leap second");
    return true;
}

static bool named(struct arena *scratch, struct str s, const char *name, format_check check,
                  struct buf *why)
{
    size_t start = why->len;

    buf_add_cstr(why, name);
    if (!check(scratch, s, why))
        return false;
    why->len = start;
    return true;
}

bool format_date_time(struct arena *scratch, struct str s, struct buf *why)
{
    if (s.len < 20)
        return format_fail(why, "less than 20 characters long");
    if (s.ptr[DATE_BYTES] != 't' && s.ptr[DATE_BYTES] != 'T')
        return format_fail(why, "11th character must be t or T");
    return named(scratch, str_sub(s, 0, DATE_BYTES), "invalid date element: ", format_date, why) &&
           named(scratch, str_sub(s, DATE_BYTES + 1, s.len), "invalid time element: ", format_time,
                 why);
}

/* Numbers with units of `all`, in its order. */
static bool duration_part(struct str s, const char *all, struct buf *why)
{
    const char *units = all;

    while (s.len > 0) {
        size_t digits = format_digits(s);
        if (digits == 0)
            return format_fail(why, "missing number");
        if (digits == s.len)
            return format_fail(why, "missing unit");
        char unit = s.ptr[digits];
        const char *found = unit ? strchr(units, unit) : NULL;
        if (!found) {
            if (unit && strchr(all, unit))
                return format_fail_rune(why, "unit ", (unsigned char)unit, " out of order");
            return format_fail_rune(why, "invalid unit ", (unsigned char)unit, "");
        }
        units = found + 1;
        s = str_sub(s, digits + 1, s.len);
    }
    return true;
}

bool format_duration(struct arena *scratch, struct str s, struct buf *why)
{
    (void)scratch;
    if (!str_starts(s, STR("P")))
        return format_fail(why, "must start with P");
    s = str_sub(s, 1, s.len);
    if (s.len == 0)
        return format_fail(why, "nothing after P");
    if (str_ends(s, STR("W"))) {
        if (s.len == 1)
            return format_fail(why, "no number in week");
        return format_digits(s) == s.len - 1 || format_fail(why, "invalid week");
    }
    bool has_time = str_has_byte(s, 'T');
    if (!duration_part(str_cut(&s, 'T'), "YMD", why))
        return false;
    if (!has_time)
        return true;
    bool has_more = str_has_byte(s, 'T');
    struct str part = str_cut(&s, 'T');
    if (part.len == 0)
        return format_fail(why, "no time elements");
    if (!duration_part(part, "HMS", why))
        return false;
    if (!has_more)
        return true;
    return format_fail(why, s.len == 0 || s.ptr[0] == 'T' ? "no time elements" : "more than one T");
}

bool format_period(struct arena *scratch, struct str s, struct buf *why)
{
    size_t slash = str_find(s, STR("/"), 0);

    if (slash == SIZE_MAX)
        return format_fail(why, "missing slash");
    struct str start = str_sub(s, 0, slash);
    struct str end = str_sub(s, slash + 1, s.len);
    if (str_starts(start, STR("P")))
        return named(scratch, start, "invalid start duration: ", format_duration, why) &&
               named(scratch, end, "invalid end date-time: ", format_date_time, why);
    if (!named(scratch, start, "invalid start date-time: ", format_date_time, why))
        return false;
    if (str_starts(end, STR("P")))
        return named(scratch, end, "invalid end duration: ", format_duration, why);
    return named(scratch, end, "invalid end date-time: ", format_date_time, why);
}
