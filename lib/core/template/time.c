/* Instants, zones and civil dates. Days are turned into dates by Howard Hinnant's algorithm, with
 * years that begin in March. */
#include "core/template/time.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_NS = 1000000000, DAY_S = 86400, ERA_DAYS = 146097, ERA_YEARS = 400 };

/* Go's sums wrap around. */
static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- zones ---- */

struct moment moment_utc(int64_t s, uint32_t ns)
{
    return (struct moment){.s = s, .ns = ns, .zone = STR("UTC"), .abbreviation = "UTC"};
}

static bool ask(const struct template_world *world, struct str zone, int64_t s, uint32_t ns,
                struct moment *out)
{
    *out = moment_utc(s, ns);
    if (!world->zone)
        return false;
    if (!world->zone(world->context, zone, s, &out->offset_s, out->abbreviation)) {
        *out = moment_utc(s, ns);
        return false;
    }
    out->zone = zone;
    return true;
}

struct moment moment_local(const struct template_world *world, int64_t s, uint32_t ns)
{
    struct moment m;

    if (!ask(world, STR(""), s, ns, &m))
        m.zone = STR(""); /* UTC is the local zone, then */
    return m;
}

struct moment moment_now(const struct template_world *world)
{
    return moment_local(world, world->now_s, world->now_ns);
}

bool moment_in(const struct template_world *world, struct str zone, int64_t s, uint32_t ns,
               struct moment *out)
{
    bool is_path = str_starts(zone, STR("/")) || str_starts(zone, STR("\\")) ||
                   str_find(zone, STR(".."), 0) != SIZE_MAX;

    if (str_eq(zone, STR("Local"))) {
        *out = moment_local(world, s, ns);
        return true;
    }
    *out = moment_utc(s, ns);
    if (zone.len == 0 || str_eq(zone, STR("UTC")))
        return true;
    return !is_path && ask(world, zone, s, ns, out);
}

struct moment moment_at(const struct template_world *world, const struct moment *m, int64_t s,
                        uint32_t ns)
{
    struct moment to = *m;

    if (m->is_fixed || str_eq(m->zone, STR("UTC"))) {
        to.s = s;
        to.ns = ns;
        return to;
    }
    if (m->zone.len == 0)
        return moment_local(world, s, ns);
    if (!ask(world, m->zone, s, ns, &to))
        to.zone = m->zone;
    return to;
}

/* ---- dates ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int moment_days_in(int month, int64_t year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970 of the first of a month. */
static int64_t days_of(int64_t year, int month)
{
    year -= month <= 2;
    int64_t era = floor_div(year, ERA_YEARS);
    int64_t of_era = year - era * ERA_YEARS;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;

    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void set_date(struct civil *c, int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = floor_div(shifted, ERA_DAYS);
    int64_t of_era = shifted - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;

    c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    c->month = (int)(month < 10 ? month + 3 : month - 9);
    c->year = year + era * ERA_YEARS + (c->month <= 2);
    c->year_day = (int)(days - days_of(c->year, 1)) + 1;
    c->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

struct civil moment_civil(const struct moment *m)
{
    int64_t local = sum(m->s, m->offset_s);
    int64_t days = floor_div(local, DAY_S);
    int second = (int)(local - days * DAY_S);
    struct civil c = {.hour = second / 3600, .minute = second / 60 % 60, .second = second % 60};

    set_date(&c, days);
    return c;
}

struct moment moment_of_civil(const struct template_world *world, const struct moment *m,
                              const struct civil *c, uint32_t ns)
{
    int64_t months = (int64_t)c->month - 1;
    int64_t year = sum(c->year, floor_div(months, 12));
    int month = (int)(months - floor_div(months, 12) * 12) + 1;
    int64_t clock = (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;

    /* far years wrap around, as they do in Go */
    year = floor_div(year, ERA_YEARS) % (INT64_MAX / ERA_DAYS / DAY_S / 2) * ERA_YEARS +
           (year - floor_div(year, ERA_YEARS) * ERA_YEARS);
    int64_t s = (days_of(year, month) + c->day - 1) * DAY_S + clock;
    struct moment at = moment_at(world, m, s, ns);
    if (at.offset_s == 0)
        return at;
    at = moment_at(world, m, s - at.offset_s, ns);
    return moment_at(world, m, s - at.offset_s, ns);
}

const char *moment_month_name(int month)
{
    static const char *const name[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};

    return name[month - 1];
}

const char *moment_day_name(int weekday)
{
    static const char *const name[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

    return name[weekday];
}

/* ---- arithmetic ---- */

struct moment moment_add(const struct template_world *world, const struct moment *m, int64_t ns)
{
    int64_t s = sum(m->s, ns / SECOND_NS);
    int64_t rest = (int64_t)m->ns + ns % SECOND_NS;

    if (rest < 0) {
        s = sum(s, -1);
        rest += SECOND_NS;
    } else if (rest >= SECOND_NS) {
        s = sum(s, 1);
        rest -= SECOND_NS;
    }
    return moment_at(world, m, s, (uint32_t)rest);
}

static __int128 nanoseconds(const struct moment *m)
{
    return (__int128)m->s * SECOND_NS + m->ns;
}

int64_t moment_sub(const struct moment *a, const struct moment *b)
{
    __int128 d = nanoseconds(a) - nanoseconds(b);

    if (d > INT64_MAX)
        return INT64_MAX;
    return d < INT64_MIN ? INT64_MIN : (int64_t)d;
}

int moment_compare(const struct moment *a, const struct moment *b)
{
    __int128 d = nanoseconds(a) - nanoseconds(b);

    return (d > 0) - (d < 0);
}

/* What is over a multiple of `ns` since the zero time. */
static int64_t over(const struct moment *m, int64_t ns)
{
    __int128 since = nanoseconds(m) - (__int128)MOMENT_ZERO_S * SECOND_NS;
    int64_t rest = (int64_t)(since % ns);

    return rest < 0 ? rest + ns : rest;
}

struct moment moment_truncate(const struct template_world *world, const struct moment *m,
                              int64_t ns)
{
    return ns <= 0 ? *m : moment_add(world, m, -over(m, ns));
}

struct moment moment_round(const struct template_world *world, const struct moment *m, int64_t ns)
{
    if (ns <= 0)
        return *m;
    int64_t rest = over(m, ns);
    return moment_add(world, m, rest < ns - rest ? -rest : ns - rest);
}

int64_t duration_round(int64_t d, int64_t unit)
{
    if (unit <= 0)
        return d;
    int64_t rest = d % unit;
    int64_t size = rest < 0 ? -rest : rest;
    __int128 to = (__int128)d - rest;
    if (size >= unit - size)
        to += d < 0 ? -(__int128)unit : unit;
    if (to > INT64_MAX)
        return INT64_MAX;
    return to < INT64_MIN ? INT64_MIN : (int64_t)to;
}
