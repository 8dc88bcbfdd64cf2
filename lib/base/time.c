/* Civil calendar arithmetic after Hinnant's days_from_civil; no libc time zone code. */
#include "base/time.h"

#include <stdio.h>

static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

const char *time_rfc3339(int64_t wall_ms, char out[TIME_RFC3339_MAX])
{
    int64_t seconds = wall_ms >= 0 ? wall_ms / 1000 : -((-wall_ms + 999) / 1000);
    int64_t days = seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400);
    int64_t rest = seconds - days * 86400;

    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t d = doy - (153 * mp + 2) / 5 + 1;
    int64_t m = mp + (mp < 10 ? 3 : -9);
    int64_t y = yoe + era * 400 + (m <= 2);

    snprintf(out, TIME_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)(y % 10000), (int)m,
             (int)d, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    return out;
}

static bool digits(struct str s, size_t at, size_t count, int64_t *out)
{
    return at + count <= s.len && str_to_i64(str_sub(s, at, at + count), out) && *out >= 0;
}

bool time_parse_rfc3339(struct str s, int64_t *wall_ms)
{
    int64_t y;
    int64_t mo;
    int64_t d;
    int64_t h;
    int64_t mi;
    int64_t sec;
    int64_t ms = 0;
    int64_t offset_min = 0;
    size_t i = 19;

    if (!digits(s, 0, 4, &y) || !digits(s, 5, 2, &mo) || !digits(s, 8, 2, &d) ||
        !digits(s, 11, 2, &h) || !digits(s, 14, 2, &mi) || !digits(s, 17, 2, &sec))
        return false;
    if (s.ptr[4] != '-' || s.ptr[7] != '-' || (s.ptr[10] != 'T' && s.ptr[10] != 't') ||
        s.ptr[13] != ':' || s.ptr[16] != ':')
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
        return false;
    if (i < s.len && s.ptr[i] == '.') {
        int64_t scale = 100;
        for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++, scale /= 10)
            ms += (s.ptr[i] - '0') * scale;
    }
    struct str zone = str_sub(s, i, s.len);
    if (!str_eq(zone, STR("Z")) && !str_eq(zone, STR("z"))) {
        int64_t zh;
        int64_t zm;
        if (zone.len != 6 || (zone.ptr[0] != '+' && zone.ptr[0] != '-') || zone.ptr[3] != ':' ||
            !digits(zone, 1, 2, &zh) || !digits(zone, 4, 2, &zm))
            return false;
        offset_min = (zh * 60 + zm) * (zone.ptr[0] == '-' ? -1 : 1);
    }
    int64_t seconds = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
    *wall_ms = (seconds - offset_min * 60) * 1000 + ms;
    return true;
}

static bool unit_of(struct str *s, int64_t *unit_ms)
{
    static const struct {
        struct str name;
        int64_t ms;
    } units[] = {{STR("ms"), 1},
                 {STR("s"), 1000},
                 {STR("m"), 60000},
                 {STR("h"), 3600000},
                 {STR("d"), 86400000}};

    for (size_t i = 0; i < HL_COUNT(units); i++) {
        if (str_starts(*s, units[i].name)) {
            *s = str_sub(*s, units[i].name.len, s->len);
            *unit_ms = units[i].ms;
            return true;
        }
    }
    return false;
}

bool time_parse_duration(struct str s, int64_t *out_ms)
{
    int64_t total = 0;

    if (str_eq(s, STR("0"))) {
        *out_ms = 0;
        return true;
    }
    if (s.len == 0)
        return false;
    while (s.len > 0) {
        size_t n = 0;
        int64_t count;
        int64_t unit_ms;
        int64_t part;

        while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
            n++;
        if (!str_to_i64(str_sub(s, 0, n), &count))
            return false;
        s = str_sub(s, n, s.len);
        if (!unit_of(&s, &unit_ms) || __builtin_mul_overflow(count, unit_ms, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
    }
    *out_ms = total;
    return true;
}

const char *time_age(int64_t age_ms, char out[TIME_AGE_MAX])
{
    int64_t s = age_ms > 0 ? age_ms / 1000 : 0;

    if (s < 60)
        snprintf(out, TIME_AGE_MAX, "%ds", (int)s);
    else if (s < 3600)
        snprintf(out, TIME_AGE_MAX, "%dm", (int)(s / 60));
    else if (s < 86400)
        snprintf(out, TIME_AGE_MAX, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
    else
        snprintf(out, TIME_AGE_MAX, "%lldd", (long long)(s / 86400));
    return out;
}
