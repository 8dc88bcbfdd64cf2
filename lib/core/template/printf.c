/* Directives of Printf: flags, width, precision, argument indexes, and what fmt says of misuse. */
#include "core/template/printer.h"

#include <string.h>

#include "core/template/format.h"
#include "core/gostd/unicode.h"

enum { NUMBER_LIMIT = 1000000 /* of widths, precisions and indexes, as in fmt */ };

struct directive {
    struct str format;
    size_t at;
    const struct datum *arg;
    size_t arg_count;
    size_t arg_next;
    bool is_reordered;
    bool is_good; /* argument indexes were in range */
    bool after_index;
};

static bool read_number(struct str s, size_t *at, size_t end, int *out)
{
    int sum = 0;
    bool is_number = false;

    for (; *at < end && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; ++*at) {
        if (sum > NUMBER_LIMIT) {
            *at = end;
            *out = 0;
            return false;
        }
        sum = sum * 10 + (s.ptr[*at] - '0');
        is_number = true;
    }
    *out = sum;
    return is_number;
}

/* "[n]": the argument that comes next. */
static void read_index(struct directive *d)
{
    struct str f = d->format;
    size_t close = d->at;
    size_t at = d->at + 1;
    int n = 0;

    d->after_index = false;
    if (d->at >= f.len || f.ptr[d->at] != '[')
        return;
    d->is_reordered = true;
    while (close < f.len && f.ptr[close] != ']')
        close++;
    if (f.len - d->at < 3 || close == f.len) {
        d->is_good = false;
        d->at++;
        return;
    }
    bool is_ok = read_number(f, &at, close, &n) && at == close;
    d->at = close + 1;
    d->after_index = is_ok && n >= 1;
    if (d->after_index && (size_t)n <= d->arg_count)
        d->arg_next = (size_t)n - 1;
    else
        d->is_good = false;
    d->after_index = is_ok;
}

static bool int_from_arg(struct directive *d, int *out)
{
    *out = 0;
    if (d->arg_next >= d->arg_count)
        return false;
    struct datum v = d->arg[d->arg_next++];
    int64_t n = v.integer;
    if ((!datum_is_int(v) && !datum_is_uint(v)) || n > NUMBER_LIMIT || n < -NUMBER_LIMIT)
        return false;
    *out = (int)n;
    return true;
}

static bool read_flag(struct printer *p, char c)
{
    switch (c) {
    case '#':
        p->sharp = true;
        return true;
    case '0':
        p->zero = true;
        return true;
    case '+':
        p->plus = true;
        return true;
    case '-':
        p->minus = true;
        return true;
    case ' ':
        p->space = true;
        return true;
    default:
        return false;
    }
}

static void read_width(struct directive *d, struct printer *p)
{
    if (d->at < d->format.len && d->format.ptr[d->at] == '*') {
        d->at++;
        p->has_width = int_from_arg(d, &p->width);
        if (!p->has_width)
            buf_add_cstr(p->out, "%!(BADWIDTH)");
        if (p->width < 0) {
            p->width = -p->width;
            p->minus = true;
            p->zero = false;
        }
        d->after_index = false;
        return;
    }
    p->has_width = read_number(d->format, &d->at, d->format.len, &p->width);
    if (d->after_index && p->has_width)
        d->is_good = false;
}

static void read_precision(struct directive *d, struct printer *p)
{
    if (d->at + 1 >= d->format.len || d->format.ptr[d->at] != '.')
        return;
    d->at++;
    if (d->after_index)
        d->is_good = false;
    read_index(d);
    if (d->at < d->format.len && d->format.ptr[d->at] == '*') {
        d->at++;
        p->has_precision = int_from_arg(d, &p->precision);
        if (p->precision < 0) {
            p->precision = 0;
            p->has_precision = false;
        }
        if (!p->has_precision)
            buf_add_cstr(p->out, "%!(BADPREC)");
        d->after_index = false;
        return;
    }
    read_number(d->format, &d->at, d->format.len, &p->precision);
    p->has_precision = true;
}

static void print_verb(struct directive *d, struct printer *p, uint32_t verb)
{
    if (verb == '%') {
        buf_add_byte(p->out, '%');
        return;
    }
    if (!d->is_good || d->arg_next >= d->arg_count) {
        buf_add_cstr(p->out, "%!");
        buf_add_rune(p->out, verb);
        buf_add_cstr(p->out, d->is_good ? "(MISSING)" : "(BADINDEX)");
        return;
    }
    if (verb == 'v' || verb == 'w') {
        p->sharp_v = p->sharp;
        p->sharp = false;
        p->plus_v = p->plus;
        p->plus = false;
    }
    printer_arg(p, d->arg[d->arg_next++], verb);
}

static void print_directive(struct directive *d, struct printer *p)
{
    d->is_good = true;
    d->at++; /* the % */
    while (d->at < d->format.len && read_flag(p, d->format.ptr[d->at]))
        d->at++;
    if (d->at < d->format.len && d->format.ptr[d->at] >= 'a' && d->format.ptr[d->at] <= 'z' &&
        d->arg_next < d->arg_count) { /* the plain case, also where an index would be wrong */
        print_verb(d, p, (unsigned char)d->format.ptr[d->at++]);
        return;
    }
    read_index(d);
    read_width(d, p);
    read_precision(d, p);
    if (!d->after_index)
        read_index(d);
    if (d->at >= d->format.len) {
        buf_add_cstr(p->out, "%!(NOVERB)");
        return;
    }
    size_t len;
    uint32_t verb = rune_at(d->format, d->at, &len);
    d->at += len;
    print_verb(d, p, verb);
}

static void print_extra(const struct directive *d, struct buf *out)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    buf_add_cstr(out, "%!(EXTRA ");
    for (size_t i = d->arg_next; i < d->arg_count; i++) {
        buf_add_cstr(out, i > d->arg_next ? ", " : "");
        if (datum_is_absent(d->arg[i])) {
            buf_add_cstr(out, "<nil>");
            continue;
        }
        buf_add(out, datum_type_name(a, d->arg[i]));
        buf_add_byte(out, '=');
        format_value(out, d->arg[i]);
    }
    buf_add_byte(out, ')');
}

void format_printf(struct buf *out, struct str format, const struct datum *arg, size_t count)
{
    struct directive d = {.format = format, .arg = arg, .arg_count = count};
    size_t start = out->len;

    while (d.at < format.len && out->len - start <= FORMAT_BYTES_MAX) {
        const char *percent = memchr(format.ptr + d.at, '%', format.len - d.at);
        size_t end = percent ? (size_t)(percent - format.ptr) : format.len;
        buf_add(out, str_sub(format, d.at, end));
        d.at = end;
        if (end == format.len)
            break;
        struct printer p = {.out = out, .start = start};
        print_directive(&d, &p);
    }
    if (!d.is_reordered && d.arg_next < count)
        print_extra(&d, out);
}
