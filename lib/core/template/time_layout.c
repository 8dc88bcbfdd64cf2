/* Go's layouts: a text in which the parts of Mon Jan 2 15:04:05 MST 2006 stand for those of the
 * time that is written or read. After time/format.go. */
#include <stdio.h>
#include <string.h>

#include "core/template/time.h"
#include "core/template/time_layout.h"

static const struct {
    const char *text;
    enum layout_part part;
} parts[] = {
    /* of those that begin alike, the first that fits counts */
    {"January", PART_LONG_MONTH},
    {"Jan", PART_MONTH},
    {"Monday", PART_LONG_WEEKDAY},
    {"Mon", PART_WEEKDAY},
    {"MST", PART_ZONE_NAME},
    {"01", PART_ZERO_MONTH},
    {"02", PART_ZERO_DAY},
    {"03", PART_ZERO_HOUR12},
    {"04", PART_ZERO_MINUTE},
    {"05", PART_ZERO_SECOND},
    {"06", PART_YEAR},
    {"002", PART_ZERO_YEAR_DAY},
    {"15", PART_HOUR},
    {"1", PART_NUMBER_MONTH},
    {"2006", PART_LONG_YEAR},
    {"2", PART_DAY},
    {"_2006", PART_NONE}, /* an underscore and the year */
    {"_2", PART_BLANK_DAY},
    {"__2", PART_BLANK_YEAR_DAY},
    {"3", PART_HOUR12},
    {"4", PART_MINUTE},
    {"5", PART_SECOND},
    {"PM", PART_UPPER_PM},
    {"pm", PART_LOWER_PM},
    {"-070000", PART_ZONE},
    {"-07:00:00", PART_ZONE},
    {"-0700", PART_ZONE},
    {"-07:00", PART_ZONE},
    {"-07", PART_ZONE},
    {"Z070000", PART_ZONE},
    {"Z07:00:00", PART_ZONE},
    {"Z0700", PART_ZONE},
    {"Z07:00", PART_ZONE},
    {"Z07", PART_ZONE},
};

static bool is_digit(struct str s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

/* .000 or ,999 that no digit follows: its length, or 0. */
static size_t fraction_len(struct str s)
{
    size_t len = 2;

    if (s.len < 2 || (s.ptr[0] != '.' && s.ptr[0] != ',') || (s.ptr[1] != '0' && s.ptr[1] != '9'))
        return 0;
    while (len < s.len && s.ptr[len] == s.ptr[1])
        len++;
    return is_digit(s, len) ? 0 : len;
}

/* The part at the start of s. */
static enum layout_part part_at(struct str s, size_t *out_len)
{
    *out_len = fraction_len(s);
    if (*out_len > 0)
        return s.ptr[1] == '0' ? PART_FRACTION0 : PART_FRACTION9;
    for (size_t i = 0; i < HL_COUNT(parts); i++) {
        struct str text = str_from(parts[i].text);
        if (text.ptr[0] != s.ptr[0] || !str_starts(s, text))
            continue;
        bool is_abbreviated = parts[i].part == PART_MONTH || parts[i].part == PART_WEEKDAY;
        bool is_word = s.len > text.len && s.ptr[text.len] >= 'a' && s.ptr[text.len] <= 'z';
        if (is_abbreviated && is_word)
            continue;
        *out_len = text.len;
        return parts[i].part;
    }
    return PART_NONE;
}

struct layout_chunk layout_next(struct str *layout)
{
    struct str s = *layout;
    size_t len;

    for (size_t at = 0; at < s.len; at++) {
        enum layout_part part = part_at(str_sub(s, at, s.len), &len);
        if (part == PART_NONE)
            continue;
        *layout = str_sub(s, at + len, s.len);
        return (struct layout_chunk){part, str_sub(s, 0, at), str_sub(s, at, at + len)};
    }
    *layout = STR_NONE;
    return (struct layout_chunk){PART_NONE, s, STR_NONE};
}

/* ---- writing ---- */

static void add_number(struct buf *out, int64_t n, int width)
{
    uint64_t u = n < 0 ? -(uint64_t)n : (uint64_t)n;

    buf_printf(out, "%s%0*llu", n < 0 ? "-" : "", width, (unsigned long long)u);
}

static void format_zone(struct buf *out, int32_t offset_s, struct str form)
{
    bool has_seconds = form.len == 7 || form.len == 9;
    bool has_colons = str_has_byte(form, ':');
    int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

    if (offset_s == 0 && form.ptr[0] == 'Z') {
        buf_add_byte(out, 'Z');
        return;
    }
    /* as in Go the sign is that of the minutes */
    buf_printf(out, "%c%02d", offset_s / 60 < 0 ? '-' : '+', minutes / 60);
    if (form.len > 3)
        buf_printf(out, "%s%02d", has_colons ? ":" : "", minutes % 60);
    if (has_seconds)
        buf_printf(out, "%s%02d", has_colons ? ":" : "",
                   (offset_s < 0 ? -offset_s : offset_s) % 60);
}

static void format_fraction(struct buf *out, uint32_t ns, struct layout_chunk c)
{
    char digits[16];
    size_t count = c.text.len - 1 < 9 ? c.text.len - 1 : 9;

    if (c.part == PART_FRACTION9 && ns == 0)
        return;
    snprintf(digits, sizeof(digits), "%09u", ns);
    while (c.part == PART_FRACTION9 && count > 0 && digits[count - 1] == '0')
        count--;
    if (count == 0)
        return;
    buf_add_byte(out, c.text.ptr[0]);
    buf_add_bytes(out, digits, count);
}

static void format_date(struct buf *out, const struct civil *c, enum layout_part part)
{
    switch (part) {
    case PART_YEAR:
        add_number(out, (c->year < 0 ? -c->year : c->year) % 100, 2);
        return;
    case PART_LONG_YEAR:
        add_number(out, c->year, 4);
        return;
    case PART_MONTH:
        buf_add_bytes(out, moment_month_name(c->month), 3);
        return;
    case PART_LONG_MONTH:
        buf_add_cstr(out, moment_month_name(c->month));
        return;
    case PART_NUMBER_MONTH:
    case PART_ZERO_MONTH:
        add_number(out, c->month, part == PART_ZERO_MONTH ? 2 : 0);
        return;
    case PART_WEEKDAY:
        buf_add_bytes(out, moment_day_name(c->weekday), 3);
        return;
    case PART_LONG_WEEKDAY:
        buf_add_cstr(out, moment_day_name(c->weekday));
        return;
    case PART_DAY:
    case PART_ZERO_DAY:
        add_number(out, c->day, part == PART_ZERO_DAY ? 2 : 0);
        return;
    case PART_BLANK_DAY:
        buf_printf(out, "%2d", c->day);
        return;
    case PART_BLANK_YEAR_DAY:
        buf_printf(out, "%3d", c->year_day);
        return;
    default:
        add_number(out, c->year_day, 3);
    }
}

static void format_clock(struct buf *out, const struct civil *c, enum layout_part part)
{
    int hour = c->hour % 12 == 0 ? 12 : c->hour % 12;

    switch (part) {
    case PART_HOUR:
        add_number(out, c->hour, 2);
        return;
    case PART_HOUR12:
    case PART_ZERO_HOUR12:
        add_number(out, hour, part == PART_ZERO_HOUR12 ? 2 : 0);
        return;
    case PART_MINUTE:
    case PART_ZERO_MINUTE:
        add_number(out, c->minute, part == PART_ZERO_MINUTE ? 2 : 0);
        return;
    case PART_SECOND:
    case PART_ZERO_SECOND:
        add_number(out, c->second, part == PART_ZERO_SECOND ? 2 : 0);
        return;
    case PART_UPPER_PM:
        buf_add_cstr(out, c->hour >= 12 ? "PM" : "AM");
        return;
    default:
        buf_add_cstr(out, c->hour >= 12 ? "pm" : "am");
    }
}

void moment_format(struct buf *out, const struct moment *m, struct str layout)
{
    struct civil civil = moment_civil(m);

    while (layout.len > 0) {
        struct layout_chunk c = layout_next(&layout);
        buf_add(out, c.prefix);
        if (c.part == PART_NONE)
            return;
        if (c.part == PART_ZONE)
            format_zone(out, m->offset_s, c.text);
        else if (c.part == PART_ZONE_NAME && m->abbreviation[0])
            buf_add_cstr(out, m->abbreviation);
        else if (c.part == PART_ZONE_NAME)
            format_zone(out, m->offset_s, STR("-0700"));
        else if (c.part == PART_FRACTION0 || c.part == PART_FRACTION9)
            format_fraction(out, m->ns, c);
        else if (c.part < PART_HOUR)
            format_date(out, &civil, c.part);
        else
            format_clock(out, &civil, c.part);
    }
}
