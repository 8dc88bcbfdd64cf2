/* sprig's casts and arithmetic, after its numeric.go; integers wrap around as Go's do. */
#include <math.h>

#include "core/template/decimal.h"
#include "core/template/format.h"
#include "core/template/func.h"
#include "core/gostd/literal.h"
#include "core/template/strings.h"

static int return_int64(struct call *c, uint64_t bits)
{
    return call_return(c, datum_int64((int64_t)bits));
}

static uint64_t operand(const struct call *c, size_t i)
{
    return (uint64_t)int64_of(c->arg[i]);
}

static int call_int(struct call *c)
{
    return call_return(c, datum_int(int64_of(c->arg[0])));
}

static int call_int64(struct call *c)
{
    return return_int64(c, operand(c, 0));
}

static int call_float64(struct call *c)
{
    return call_return(c, datum_float(float_of(c->arg[0])));
}

static int call_atoi(struct call *c)
{
    int64_t i;

    return call_return(c, datum_int(literal_int(call_str(c, 0), 10, &i) ? i : 0));
}

static int call_to_decimal(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    int64_t i;

    format_value(&text, c->arg[0]);
    return call_return(c, datum_int64(literal_int(buf_str(&text), 8, &i) ? i : 0));
}

/* ---- integers ---- */

static int call_add(struct call *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->count; i++)
        sum += operand(c, i);
    return return_int64(c, sum);
}

static int call_add1(struct call *c)
{
    return return_int64(c, operand(c, 0) + 1);
}

static int call_sub(struct call *c)
{
    return return_int64(c, operand(c, 0) - operand(c, 1));
}

static int call_mul(struct call *c)
{
    uint64_t product = operand(c, 0);

    for (size_t i = 1; i < c->count; i++)
        product *= operand(c, i);
    return return_int64(c, product);
}

static int divided(struct call *c, bool is_rest)
{
    int64_t a = int64_of(c->arg[0]);
    int64_t b = int64_of(c->arg[1]);

    if (b == 0)
        return call_fail(c, "runtime error: integer divide by zero");
    if (b == -1) /* the smallest integer has no opposite */
        return return_int64(c, is_rest ? 0 : 0 - (uint64_t)a);
    return call_return(c, datum_int64(is_rest ? a % b : a / b));
}

static int call_div(struct call *c)
{
    return divided(c, false);
}

static int call_mod(struct call *c)
{
    return divided(c, true);
}

static int call_max(struct call *c)
{
    int64_t most = int64_of(c->arg[0]);

    for (size_t i = 1; i < c->count; i++) {
        int64_t v = int64_of(c->arg[i]);
        most = v > most ? v : most;
    }
    return call_return(c, datum_int64(most));
}

static int call_min(struct call *c)
{
    int64_t least = int64_of(c->arg[0]);

    for (size_t i = 1; i < c->count; i++) {
        int64_t v = int64_of(c->arg[i]);
        least = v < least ? v : least;
    }
    return call_return(c, datum_int64(least));
}

/* ---- floats ---- */

/* math.Max and math.Min: NaN wins, and so does the zero of the right sign. */
static double larger(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (double)NAN;
    if (a == 0.0 && b == 0.0)
        return signbit(a) ? b : a;
    return a > b ? a : b;
}

static int call_maxf(struct call *c)
{
    double most = float_of(c->arg[0]);

    for (size_t i = 1; i < c->count; i++)
        most = larger(most, float_of(c->arg[i]));
    return call_return(c, datum_float(most));
}

static int call_minf(struct call *c)
{
    double least = float_of(c->arg[0]);

    for (size_t i = 1; i < c->count; i++)
        least = -larger(-least, -float_of(c->arg[i]));
    return call_return(c, datum_float(least));
}

static int call_floor(struct call *c)
{
    return call_return(c, datum_float(floor(float_of(c->arg[0]))));
}

static int call_ceil(struct call *c)
{
    return call_return(c, datum_float(ceil(float_of(c->arg[0]))));
}

static int call_round(struct call *c)
{
    double on = c->count > 2 ? c->arg[2].number : 0.5;
    double scale = pow(10, (double)c->arg[1].integer);
    double digit = scale * float_of(c->arg[0]);
    double whole;
    double fraction = modf(digit, &whole);

    return call_return(c, datum_float((fraction >= on ? ceil(digit) : floor(digit)) / scale));
}

typedef int (*decimal_op)(struct arena *a, const struct decimal *x, const struct decimal *y,
                          struct decimal *out);

/* start op arg[from] op arg[from + 1] ... */
static int computed(struct call *c, double start, size_t from, decimal_op op)
{
    struct decimal sum;
    struct decimal next;

    if (decimal_from_float(c->a, start, &sum) < 0)
        return call_fail(c, "Cannot create a Decimal from %s", isnan(start) ? "NaN" : "Inf");
    for (size_t i = from; i < c->count; i++) {
        double d = float_of(c->arg[i]);
        if (decimal_from_float(c->a, d, &next) < 0)
            return call_fail(c, "Cannot create a Decimal from %s", isnan(d) ? "NaN" : "Inf");
        struct decimal before = sum;
        int rc = op(c->a, &before, &next, &sum);
        if (rc == HL_EINVAL)
            return call_fail(c, "decimal division by 0");
        if (rc < 0)
            return call_fail(c, "more than %d digits", DECIMAL_DIGITS_MAX);
    }
    return call_return(c, datum_float(decimal_to_float(&sum)));
}

static int call_addf(struct call *c)
{
    return computed(c, 0.0, 0, decimal_add);
}

static int call_add1f(struct call *c)
{
    return computed(c, 1.0, 0, decimal_add);
}

static int call_subf(struct call *c)
{
    return computed(c, float_of(c->arg[0]), 1, decimal_sub);
}

static int call_mulf(struct call *c)
{
    return computed(c, float_of(c->arg[0]), 1, decimal_mul);
}

static int call_divf(struct call *c)
{
    return computed(c, float_of(c->arg[0]), 1, decimal_div);
}

/* ---- sequences ---- */

/* How many integers from `start` towards `stop`, which is not reached; 0 if the step leads away. */
static uint64_t step_count(int64_t start, int64_t stop, int64_t step)
{
    uint64_t distance;
    uint64_t stride;

    if (stop < start) {
        if (step >= 0)
            return 0;
        distance = (uint64_t)start - (uint64_t)stop;
        stride = 0 - (uint64_t)step;
    } else {
        if (step <= 0)
            return 0;
        distance = (uint64_t)stop - (uint64_t)start;
        stride = (uint64_t)step;
    }
    return distance / stride + (distance % stride != 0);
}

static int steps_list(struct call *c, int64_t start, int64_t stop, int64_t step,
                      struct datum_list **out)
{
    uint64_t count = step_count(start, stop, step);
    size_t bytes;

    if (__builtin_mul_overflow(count, sizeof(struct datum), &bytes))
        bytes = SIZE_MAX;
    int rc = call_room(c, bytes);
    if (rc == 0)
        rc = call_steps(c, count);
    if (rc < 0)
        return rc;
    struct datum_list *list = datum_list_new(c->a, count);
    for (uint64_t i = 0; i < count; i++)
        list->item[i] = datum_int((int64_t)((uint64_t)start + i * (uint64_t)step));
    *out = list;
    return 0;
}

static int return_steps(struct call *c, int64_t start, int64_t stop, int64_t step)
{
    struct datum_list *list;
    int rc = steps_list(c, start, stop, step, &list);

    return rc < 0 ? rc : call_return(c, datum_of_list(DATUM_INTS, list));
}

static int call_until(struct call *c)
{
    int64_t count = c->arg[0].integer;

    return return_steps(c, 0, count, count < 0 ? -1 : 1);
}

static int call_until_step(struct call *c)
{
    return return_steps(c, c->arg[0].integer, c->arg[1].integer, c->arg[2].integer);
}

static int call_seq(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    int64_t start = 1;
    int64_t step = 1;
    struct datum_list *list;

    if (c->count == 0 || c->count > 3)
        return call_return_str(c, STR(""));
    int64_t end = c->arg[c->count - 1].integer;
    if (c->count > 1)
        start = c->arg[0].integer;
    int64_t increment = end < start ? -1 : 1;
    step = c->count == 3 ? c->arg[1].integer : increment;
    if (c->count == 3 && end < start && step > 0)
        return call_return_str(c, STR(""));
    int rc = steps_list(c, start, (int64_t)((uint64_t)end + (uint64_t)increment), step, &list);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list->count; i++)
        buf_printf(&text, "%s%lld", i > 0 ? " " : "", (long long)list->item[i].integer);
    return call_return_buf(c, &text);
}

const struct function functions_number[] = {
    {"int", "a", call_int},
    {"int64", "a", call_int64},
    {"float64", "a", call_float64},
    {"atoi", "s", call_atoi},
    {"toDecimal", "a", call_to_decimal},
    {"add", "a*", call_add},
    {"add1", "a", call_add1},
    {"sub", "aa", call_sub},
    {"mul", "aa*", call_mul},
    {"div", "aa", call_div},
    {"mod", "aa", call_mod},
    {"max", "aa*", call_max},
    {"biggest", "aa*", call_max},
    {"min", "aa*", call_min},
    {"maxf", "aa*", call_maxf},
    {"minf", "aa*", call_minf},
    {"floor", "a", call_floor},
    {"ceil", "a", call_ceil},
    {"round", "aif*", call_round},
    {"addf", "a*", call_addf},
    {"add1f", "a", call_add1f},
    {"subf", "aa*", call_subf},
    {"mulf", "aa*", call_mulf},
    {"divf", "aa*", call_divf},
    {"until", "i", call_until},
    {"untilStep", "iii", call_until_step},
    {"seq", "i*", call_seq},
    {NULL, NULL, NULL},
};
