/* sprig's functions of times, and the methods of a time.Time. */
#include "core/template/format.h"
#include "core/template/func.h"
#include "core/template/time.h"

#define SECOND_NS 1000000000LL
#define HOUR_NS (3600 * SECOND_NS)

struct time_object {
    struct datum_object head;
    struct moment moment;
};

static const struct datum_class time_class;

struct datum datum_of_moment(struct arena *a, const struct moment *m)
{
    struct time_object *o = arena_one(a, struct time_object);

    o->head.class = &time_class;
    o->moment = *m;
    o->moment.zone = arena_dup(a, m->zone);
    return datum_of_object(&o->head);
}

const struct moment *moment_of(struct datum d)
{
    if (d.type != DATUM_OBJECT || d.object->class != &time_class)
        return NULL;
    return &((const struct time_object *)d.object)->moment;
}

static struct str format(struct arena *a, const struct moment *m, struct str layout)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    moment_format(&text, m, layout);
    return arena_dup(a, buf_str(&text));
}

static struct str duration_text(struct arena *a, int64_t ns)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    format_print(&text, &(struct datum){.type = DATUM_DURATION, .integer = ns}, 1);
    return arena_dup(a, buf_str(&text));
}

/* ---- functions ---- */

/* Times are taken as they are, integers as seconds since 1970, all else is now. */
static struct moment moment_arg(const struct call *c, size_t i)
{
    const struct moment *m = moment_of(c->arg[i]);

    if (m)
        return *m;
    if (c->arg[i].type == DATUM_INT || c->arg[i].type == DATUM_INT64)
        return moment_local(call_world(c), c->arg[i].integer, 0);
    return moment_now(call_world(c));
}

/* A parameter of type time.Time. */
static int time_arg(struct call *c, size_t i, struct moment *out)
{
    const struct moment *m = moment_of(c->arg[i]);

    if (!m)
        return call_fail(c, "wrong type for value; expected time.Time; got " STR_FMT,
                         STR_ARG(datum_type_name(c->a, c->arg[i])));
    *out = *m;
    return 0;
}

static int return_moment(struct call *c, const struct moment *m)
{
    return call_return(c, datum_of_moment(c->a, m));
}

static int return_date(struct call *c, struct str layout, size_t i, struct str zone)
{
    struct moment m = moment_arg(c, i);
    struct moment in;

    if (!moment_in(call_world(c), zone, m.s, m.ns, &in))
        in = moment_utc(m.s, m.ns);
    return call_return_str(c, format(c->a, &in, layout));
}

static int call_now(struct call *c)
{
    struct moment m = moment_now(call_world(c));

    return return_moment(c, &m);
}

static int call_date(struct call *c)
{
    return return_date(c, call_str(c, 0), 1, STR("Local"));
}

static int call_date_in_zone(struct call *c)
{
    return return_date(c, call_str(c, 0), 1, call_str(c, 2));
}

static int call_html_date(struct call *c)
{
    return return_date(c, STR("2006-01-02"), 0, STR("Local"));
}

static int call_html_date_in_zone(struct call *c)
{
    return return_date(c, STR("2006-01-02"), 0, call_str(c, 1));
}

static int modify(struct call *c, bool is_must)
{
    struct str error;
    struct moment m;
    int64_t ns;
    int rc = time_arg(c, 1, &m);

    if (rc < 0)
        return rc;
    if (duration_parse(c->a, call_str(c, 0), &ns, &error) < 0)
        return is_must ? call_fail(c, STR_FMT, STR_ARG(error)) : return_moment(c, &m);
    m = moment_add(call_world(c), &m, ns);
    return return_moment(c, &m);
}

static int call_date_modify(struct call *c)
{
    return modify(c, false);
}

static int call_must_date_modify(struct call *c)
{
    return modify(c, true);
}

static int64_t since(const struct call *c, const struct moment *m)
{
    struct moment now = moment_now(call_world(c));

    return moment_sub(&now, m);
}

static int call_ago(struct call *c)
{
    struct moment m = moment_arg(c, 0);

    return call_return_str(c, duration_text(c->a, duration_round(since(c, &m), SECOND_NS)));
}

static int call_duration(struct call *c)
{
    int64_t seconds = 0;

    if (c->arg[0].type == DATUM_INT64)
        seconds = c->arg[0].integer;
    else if (c->arg[0].type == DATUM_STRING && !str_to_i64(datum_str(c->arg[0]), &seconds))
        seconds = 0;
    return call_return_str(c,
                           duration_text(c->a, (int64_t)((uint64_t)seconds * (uint64_t)SECOND_NS)));
}

static int call_duration_round(struct call *c)
{
    static const struct {
        uint64_t ns;
        const char *unit;
    } units[] = {{HOUR_NS * 24 * 365, "y"}, {HOUR_NS * 24 * 30, "mo"},
                 {HOUR_NS * 24, "d"},       {HOUR_NS, "h"},
                 {60 * SECOND_NS, "m"},     {SECOND_NS, "s"}};
    const struct moment *m = moment_of(c->arg[0]);
    struct str ignored;
    int64_t ns = 0;

    if (m)
        ns = since(c, m);
    else if (c->arg[0].type == DATUM_INT64)
        ns = c->arg[0].integer;
    else if (c->arg[0].type == DATUM_STRING &&
             duration_parse(c->a, datum_str(c->arg[0]), &ns, &ignored) < 0)
        ns = 0;
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    for (size_t i = 0; i < HL_COUNT(units); i++)
        if (size > units[i].ns)
            return call_return_str(c, arena_printf(c->a, "%llu%s",
                                                   (unsigned long long)(size / units[i].ns),
                                                   units[i].unit));
    return call_return_str(c, STR("0s"));
}

static int to_date(struct call *c, bool is_must)
{
    struct moment m = moment_utc(MOMENT_ZERO_S, 0);
    struct str error;
    int rc = moment_parse(call_world(c), c->a, call_str(c, 0), call_str(c, 1), &m, &error);

    if (rc < 0 && is_must)
        return call_fail(c, STR_FMT, STR_ARG(error));
    return return_moment(c, &m);
}

static int call_to_date(struct call *c)
{
    return to_date(c, false);
}

static int call_must_to_date(struct call *c)
{
    return to_date(c, true);
}

static int call_unix_epoch(struct call *c)
{
    struct moment m;
    int rc = time_arg(c, 0, &m);

    return rc < 0 ? rc : call_return_str(c, arena_printf(c->a, "%lld", (long long)m.s));
}

/* ---- methods ---- */

static const struct moment *receiver(const struct call *c)
{
    return moment_of(c->receiver);
}

static struct civil civil_of(const struct call *c)
{
    return moment_civil(receiver(c));
}

static int time_format(struct call *c)
{
    return call_return_str(c, format(c->a, receiver(c), call_str(c, 0)));
}

static int time_unix(struct call *c)
{
    return call_return(c, datum_int64(receiver(c)->s));
}

static int time_unix_milli(struct call *c)
{
    return call_return(c, datum_int64(receiver(c)->s * 1000 + receiver(c)->ns / 1000000));
}

static int time_unix_nano(struct call *c)
{
    uint64_t ns = (uint64_t)receiver(c)->s * (uint64_t)SECOND_NS + receiver(c)->ns;

    return call_return(c, datum_int64((int64_t)ns));
}

static int time_year(struct call *c)
{
    return call_return(c, datum_int(civil_of(c).year));
}

static int time_month(struct call *c)
{
    return call_return_str(c, str_from(moment_month_name(civil_of(c).month)));
}

static int time_day(struct call *c)
{
    return call_return(c, datum_int(civil_of(c).day));
}

static int time_hour(struct call *c)
{
    return call_return(c, datum_int(civil_of(c).hour));
}

static int time_minute(struct call *c)
{
    return call_return(c, datum_int(civil_of(c).minute));
}

static int time_second(struct call *c)
{
    return call_return(c, datum_int(civil_of(c).second));
}

static int time_nanosecond(struct call *c)
{
    return call_return(c, datum_int(receiver(c)->ns));
}

static int time_weekday(struct call *c)
{
    return call_return_str(c, str_from(moment_day_name(civil_of(c).weekday)));
}

static int time_year_day(struct call *c)
{
    return call_return(c, datum_int(civil_of(c).year_day));
}

static int time_add_date(struct call *c)
{
    struct civil civil = civil_of(c);
    int64_t part[3] = {c->arg[0].integer, c->arg[1].integer, c->arg[2].integer};

    for (size_t i = 0; i < HL_COUNT(part); i++)
        if (part[i] > 1000000000 || part[i] < -1000000000)
            return call_fail(c, "a date that far away");
    civil.year += part[0];
    civil.month += (int)part[1];
    civil.day += (int)part[2];
    struct moment m = moment_of_civil(call_world(c), receiver(c), &civil, receiver(c)->ns);
    return return_moment(c, &m);
}

static int time_add(struct call *c)
{
    struct moment m = moment_add(call_world(c), receiver(c), c->arg[0].integer);

    return return_moment(c, &m);
}

static int time_sub(struct call *c)
{
    struct moment other;
    int rc = time_arg(c, 0, &other);

    if (rc < 0)
        return rc;
    int64_t ns = moment_sub(receiver(c), &other);
    return call_return(c, (struct datum){.type = DATUM_DURATION, .integer = ns});
}

static int time_compare(struct call *c, int wanted)
{
    struct moment other;
    int rc = time_arg(c, 0, &other);

    return rc < 0 ? rc : call_return(c, datum_bool(moment_compare(receiver(c), &other) == wanted));
}

static int time_before(struct call *c)
{
    return time_compare(c, -1);
}

static int time_after(struct call *c)
{
    return time_compare(c, 1);
}

static int time_equal(struct call *c)
{
    return time_compare(c, 0);
}

static int time_is_zero(struct call *c)
{
    return call_return(c, datum_bool(receiver(c)->s == MOMENT_ZERO_S && receiver(c)->ns == 0));
}

static int time_utc(struct call *c)
{
    struct moment m = moment_utc(receiver(c)->s, receiver(c)->ns);

    return return_moment(c, &m);
}

static int time_local(struct call *c)
{
    struct moment m = moment_local(call_world(c), receiver(c)->s, receiver(c)->ns);

    return return_moment(c, &m);
}

static int time_truncate(struct call *c)
{
    struct moment m = moment_truncate(call_world(c), receiver(c), c->arg[0].integer);

    return return_moment(c, &m);
}

static int time_round(struct call *c)
{
    struct moment m = moment_round(call_world(c), receiver(c), c->arg[0].integer);

    return return_moment(c, &m);
}

static void time_print(const struct datum_object *o, bool is_direct, struct buf *out)
{
    (void)is_direct;
    moment_format(out, &((const struct time_object *)o)->moment,
                  STR("2006-01-02 15:04:05.999999999 -0700 MST"));
}

static int time_string(struct call *c)
{
    return call_return_str(
        c, format(c->a, receiver(c), STR("2006-01-02 15:04:05.999999999 -0700 MST")));
}

/* RFC 3339, as encoding/json writes a time. */
static struct datum time_plain(const struct datum_object *o, struct arena *a)
{
    return datum_string(format(a, &((const struct time_object *)o)->moment,
                               STR("2006-01-02T15:04:05.999999999Z07:00")));
}

static const struct datum_method time_methods[] = {
    {{"Format", "s", time_format}},
    {{"Unix", "", time_unix}},
    {{"UnixMilli", "", time_unix_milli}},
    {{"UnixNano", "", time_unix_nano}},
    {{"Year", "", time_year}},
    {{"Month", "", time_month}},
    {{"Day", "", time_day}},
    {{"Hour", "", time_hour}},
    {{"Minute", "", time_minute}},
    {{"Second", "", time_second}},
    {{"Nanosecond", "", time_nanosecond}},
    {{"Weekday", "", time_weekday}},
    {{"YearDay", "", time_year_day}},
    {{"AddDate", "iii", time_add_date}},
    {{"Add", "d", time_add}},
    {{"Sub", "t", time_sub}},
    {{"Before", "t", time_before}},
    {{"After", "t", time_after}},
    {{"Equal", "t", time_equal}},
    {{"IsZero", "", time_is_zero}},
    {{"UTC", "", time_utc}},
    {{"Local", "", time_local}},
    {{"Truncate", "d", time_truncate}},
    {{"Round", "d", time_round}},
    {{"String", "", time_string}},
    {{NULL, NULL, NULL}},
};

static const struct datum_class time_class = {.type_name = "time.Time",
                                              .kind_name = "struct",
                                              .method = time_methods,
                                              .print = time_print,
                                              .plain = time_plain,
                                              .has_text = true};

const struct function functions_date[] = {
    {"now", "", call_now},
    {"date", "sa", call_date},
    {"dateInZone", "sas", call_date_in_zone},
    {"date_in_zone", "sas", call_date_in_zone},
    {"htmlDate", "a", call_html_date},
    {"htmlDateInZone", "as", call_html_date_in_zone},
    {"dateModify", "st", call_date_modify},
    {"date_modify", "st", call_date_modify},
    {"mustDateModify", "st", call_must_date_modify},
    {"must_date_modify", "st", call_must_date_modify},
    {"ago", "a", call_ago},
    {"duration", "a", call_duration},
    {"durationRound", "a", call_duration_round},
    {"toDate", "ss", call_to_date},
    {"mustToDate", "ss", call_must_to_date},
    {"unixEpoch", "t", call_unix_epoch},
    {NULL, NULL, NULL},
};
