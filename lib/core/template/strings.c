/* sprig's strval and strslice, spf13/cast's numbers. */
#include "core/template/strings.h"

#include <math.h>

#include "core/template/format.h"
#include "core/gostd/literal.h"

struct str string_of(struct arena *a, struct datum d)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (d.type == DATUM_STRING || d.type == DATUM_BYTES)
        return datum_str(d);
    datum_mark_read(d);
    format_value(&text, d);
    return arena_dup(a, buf_str(&text));
}

struct str *strings_of(struct arena *a, struct datum d, size_t *out_count)
{
    *out_count = 0;
    if (datum_is_absent(d))
        return NULL;
    if (!datum_is_slice(d) && d.type != DATUM_BYTES) {
        struct str *one = arena_one(a, struct str);
        *one = string_of(a, d);
        *out_count = 1;
        return one;
    }
    size_t count = datum_count(d);
    struct str *s = arena_array(a, struct str, count > 0 ? count : 1);
    for (size_t i = 0; i < count; i++) {
        struct datum item = datum_item(d, i);
        if (!datum_is_absent(item))
            s[(*out_count)++] = string_of(a, item);
    }
    return s;
}

struct datum strings_datum(struct arena *a, const struct str *s, size_t count)
{
    struct datum_list *list = datum_list_new(a, count);

    for (size_t i = 0; i < count; i++)
        list->item[i] = datum_string(s[i]);
    return datum_of_list(DATUM_STRINGS, list);
}

/* cast cuts ".000" so that whole floats in strings count as integers. */
static struct str without_zero_decimals(struct str s)
{
    size_t end = s.len;

    while (end > 0 && s.ptr[end - 1] == '0')
        end--;
    return end > 0 && end < s.len && s.ptr[end - 1] == '.' ? str_sub(s, 0, end - 1) : s;
}

/* Go's conversion on amd64: what does not fit becomes the smallest integer. */
static int64_t truncated(double d)
{
    if (!(d >= -0x1p63 && d < 0x1p63))
        return INT64_MIN;
    return (int64_t)d;
}

int64_t int64_of(struct datum d)
{
    int64_t i = 0;

    switch ((enum datum_type)d.type) {
    case DATUM_BOOL:
        return d.boolean;
    case DATUM_INT:
    case DATUM_INT64:
        return d.integer;
    case DATUM_UINT8:
    case DATUM_UINT64:
        return (int64_t)d.unsigned_integer;
    case DATUM_FLOAT64:
        return truncated(d.number);
    case DATUM_STRING:
        return literal_int(without_zero_decimals(datum_str(d)), 0, &i) ? i : 0;
    default:
        return 0;
    }
}

double float_of(struct datum d)
{
    double f = 0.0;

    switch ((enum datum_type)d.type) {
    case DATUM_BOOL:
        return d.boolean ? 1.0 : 0.0;
    case DATUM_INT:
    case DATUM_INT64:
        return (double)d.integer;
    case DATUM_UINT8:
    case DATUM_UINT64:
        return (double)d.unsigned_integer;
    case DATUM_FLOAT64:
        return d.number;
    case DATUM_STRING:
        return literal_float(datum_str(d), &f) ? f : 0.0;
    default:
        return 0.0;
    }
}
