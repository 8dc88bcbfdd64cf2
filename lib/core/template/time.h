/*
 * Go's time.Time as templates see it: an instant and the zone it is shown in, with Go's layouts
 * ("2006-01-02 15:04:05 MST") out and in, durations in, and civil dates (proleptic Gregorian).
 *
 * Zones come from struct template_world. A zone is asked for one instant at a time, so that the
 * abbreviation in a text ("CEST") is looked for at that instant and half a year around it, where Go
 * looks at all of the zone's history. Seconds wrap around at the ends of int64 as in Go. There is
 * no monotonic clock reading: `now` prints without Go's "m=+0.1".
 *
 * Ownership: a moment borrows the name of its zone. Threads: pure functions.
 */
#ifndef HL_CORE_TEMPLATE_TIME_H
#define HL_CORE_TEMPLATE_TIME_H

#include "core/template/func.h"

enum { MOMENT_ABBREVIATION_MAX = 16 };
#define MOMENT_ZERO_S (-62135596800) /* 0001-01-01, Go's zero time, since 1970 */

struct moment {
    int64_t s; /* since 1970 */
    uint32_t ns;
    int32_t offset_s; /* east of Greenwich, at this instant */
    struct str zone;  /* "UTC", "" (local) or a name that the world knows */
    bool is_fixed;    /* offset and abbreviation are those of a text and do not change */
    char abbreviation[MOMENT_ABBREVIATION_MAX]; /* "" where a text gave an offset alone */
};

struct civil {
    int64_t year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
    int weekday;  /* 0: Sunday */
    int year_day; /* from 1 */
};

/* The instant in a zone: "" and "UTC" are UTC, "Local" is local. False: no such zone. */
HL_MUST bool moment_in(const struct template_world *world, struct str zone, int64_t s, uint32_t ns,
                       struct moment *out);
/* Another instant in the zone of m. */
struct moment moment_at(const struct template_world *world, const struct moment *m, int64_t s,
                        uint32_t ns);
struct moment moment_local(const struct template_world *world, int64_t s, uint32_t ns);
struct moment moment_now(const struct template_world *world);
struct moment moment_utc(int64_t s, uint32_t ns);

struct civil moment_civil(const struct moment *m);
/* Date(): month and day may be out of range; weekday and year_day are not looked at. The zone is
 * that of m. */
struct moment moment_of_civil(const struct template_world *world, const struct moment *m,
                              const struct civil *c, uint32_t ns);
struct moment moment_add(const struct template_world *world, const struct moment *m, int64_t ns);
/* a - b in nanoseconds, at most what an int64 holds. */
int64_t moment_sub(const struct moment *a, const struct moment *b);
/* -1, 0, 1 */
int moment_compare(const struct moment *a, const struct moment *b);
/* Down to (or to the nearest) multiple of `ns` since the zero time; ns <= 0: m itself. */
struct moment moment_truncate(const struct template_world *world, const struct moment *m,
                              int64_t ns);
struct moment moment_round(const struct template_world *world, const struct moment *m, int64_t ns);

int moment_days_in(int month, int64_t year);
const char *moment_month_name(int month); /* "January" */
const char *moment_day_name(int weekday); /* "Sunday" */

/* ---- time_layout.c ---- */

void moment_format(struct buf *out, const struct moment *m, struct str layout);
/* ---- time_parse.c ---- */

/* ParseInLocation(layout, text, Local). 0, or HL_EINVAL with Go's text. */
HL_MUST int moment_parse(const struct template_world *world, struct arena *a, struct str layout,
                         struct str text, struct moment *out, struct str *out_error);

/* ParseDuration: "1h2.5m". 0, or HL_EINVAL with Go's text. */
HL_MUST int duration_parse(struct arena *a, struct str text, int64_t *out_ns,
                           struct str *out_error);
/* Duration.Round */
int64_t duration_round(int64_t d, int64_t unit);

/* ---- func_date.c ---- */

/* A datum of the class time.Time; the zone's name is copied. */
struct datum datum_of_moment(struct arena *a, const struct moment *m);
/* NULL if d is no time. */
const struct moment *moment_of(struct datum d);

#endif
