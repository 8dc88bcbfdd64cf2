/* Values by type and verb, after fmt/print.go and fmt/format.go; the directives lie in printf.c. */
#include "core/template/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gostd/float_text.h"
#include "core/gostd/literal.h"
#include "core/template/printer.h"
#include "core/gostd/unicode.h"

static void print_datum(struct printer *p, struct datum d, uint32_t verb, int depth);

static bool is_over(const struct printer *p)
{
    return p->out->len - p->start > FORMAT_BYTES_MAX;
}

/* ---- padding ---- */

static void write_padding(struct printer *p, int64_t count)
{
    if (count <= 0 || is_over(p))
        return;
    memset(buf_reserve(p->out, (size_t)count), p->zero && !p->minus ? '0' : ' ', (size_t)count);
    buf_commit(p->out, (size_t)count);
}

static void pad(struct printer *p, struct str s)
{
    if (!p->has_width || p->width == 0) {
        buf_add(p->out, s);
        return;
    }
    int64_t missing = p->width - (int64_t)rune_count(s);
    if (!p->minus)
        write_padding(p, missing);
    buf_add(p->out, s);
    if (p->minus)
        write_padding(p, missing);
}

static void pad_without_zero(struct printer *p, struct str s)
{
    bool zero = p->zero;

    p->zero = false;
    pad(p, s);
    p->zero = zero;
}

/* ---- integers ---- */

static void add_digits(struct buf *b, uint64_t u, unsigned base, bool is_upper)
{
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[65];
    size_t at = sizeof(text);

    do {
        text[--at] = digits[u % base];
        u /= base;
    } while (u > 0);
    buf_add_bytes(b, text + at, sizeof(text) - at);
}

static void format_integer(struct printer *p, uint64_t u, unsigned base, bool is_signed,
                           uint32_t verb)
{
    HL_CLEANUP(buf_deinit) struct buf digits = {0};
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    bool is_negative = is_signed && (int64_t)u < 0;
    bool is_plain = !p->has_width && !p->has_precision && !p->plus && !p->space && !p->sharp;
    int precision = 0;

    if (is_negative)
        u = 0 - u;
    if (is_plain && verb != 'O') {
        if (is_negative)
            buf_add_byte(p->out, '-');
        add_digits(p->out, u, base, verb == 'X');
        return;
    }
    if (p->has_precision) {
        precision = p->precision;
        if (precision == 0 && u == 0) {
            bool zero = p->zero;
            p->zero = false;
            write_padding(p, p->has_width ? p->width : 0);
            p->zero = zero;
            return;
        }
    } else if (p->zero && !p->minus && p->has_width) {
        precision = p->width - (is_negative || p->plus || p->space ? 1 : 0);
    }
    for (int i = 0; i < precision; i++)
        buf_add_byte(&digits, '0');
    size_t zeros = digits.len;
    add_digits(&digits, u, base, verb == 'X');
    size_t own = digits.len - zeros;
    size_t keep = own < zeros ? zeros : own; /* at least `precision` digits */
    struct str number = {digits.ptr + digits.len - keep, keep};

    if (is_negative)
        buf_add_byte(&text, '-');
    else if (p->plus)
        buf_add_byte(&text, '+');
    else if (p->space)
        buf_add_byte(&text, ' ');
    if (verb == 'O')
        buf_add_cstr(&text, "0o");
    if (p->sharp && base == 2)
        buf_add_cstr(&text, "0b");
    if (p->sharp && base == 8 && number.ptr[0] != '0')
        buf_add_byte(&text, '0');
    if (p->sharp && base == 16)
        buf_add_cstr(&text, verb == 'X' ? "0X" : "0x");
    buf_add(&text, number);
    pad_without_zero(p, buf_str(&text));
}

static void format_hex0x(struct printer *p, uint64_t u)
{
    bool sharp = p->sharp;

    p->sharp = true;
    format_integer(p, u, 16, false, 'v');
    p->sharp = sharp;
}

static void format_unicode(struct printer *p, uint64_t u)
{
    HL_CLEANUP(buf_deinit) struct buf digits = {0};
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    size_t precision = p->has_precision && p->precision > 4 ? (size_t)p->precision : 4;

    add_digits(&digits, u, 16, true);
    buf_add_cstr(&text, "U+");
    for (size_t i = digits.len; i < precision; i++)
        buf_add_byte(&text, '0');
    buf_add(&text, buf_str(&digits));
    if (p->sharp && u <= RUNE_MAX && rune_is_print((uint32_t)u)) {
        buf_add_cstr(&text, " '");
        buf_add_rune(&text, (uint32_t)u);
        buf_add_byte(&text, '\'');
    }
    pad_without_zero(p, buf_str(&text));
}

/* ---- floats ---- */

/* '#': a decimal point always, and for %g all digits of the precision. */
static void add_sharp(struct buf *num, char verb, int precision)
{
    HL_CLEANUP(buf_deinit) struct buf tail = {0};
    int digits = 0;
    bool has_point = false;
    bool saw_nonzero = false;
    size_t len = num->len;

    if (strchr("vgGx", verb))
        digits = precision == -1 ? 6 : precision;
    for (size_t i = 1; i < len; i++) {
        char c = num->ptr[i];
        if (c == '.') {
            has_point = true;
            continue;
        }
        if (c == 'p' || c == 'P' || ((c == 'e' || c == 'E') && verb != 'x' && verb != 'X')) {
            buf_add_bytes(&tail, num->ptr + i, len - i);
            len = i;
            break;
        }
        saw_nonzero |= c != '0';
        digits -= saw_nonzero;
    }
    num->len = len;
    if (!has_point) {
        if (num->len == 2 && num->ptr[1] == '0')
            digits--;
        buf_add_byte(num, '.');
    }
    while (digits-- > 0)
        buf_add_byte(num, '0');
    buf_add(num, buf_str(&tail));
}

static void pad_float(struct printer *p, double d, char verb, int precision)
{
    HL_CLEANUP(buf_deinit) struct buf num = {0};

    if (p->has_precision)
        precision = p->precision;
    bool is_value = isnan(d) || !signbit(d);
    if (is_value && !isinf(d))
        buf_add_byte(&num, '+');
    format_float(&num, d, verb, precision);
    if (p->space && num.ptr[0] == '+' && !p->plus)
        num.ptr[0] = ' ';
    if (isnan(d) || isinf(d)) {
        bool cut = isnan(d) ? !p->space && !p->plus : false;
        struct str text = str_sub(buf_str(&num), cut ? 1 : 0, num.len);
        pad_without_zero(p, text);
        return;
    }
    if (p->sharp && verb != 'b')
        add_sharp(&num, verb, precision);
    struct str text = buf_str(&num);
    if (!p->plus && num.ptr[0] == '+') {
        pad(p, str_sub(text, 1, text.len));
        return;
    }
    if (p->zero && !p->minus && p->has_width && p->width > (int)text.len) {
        buf_add_byte(p->out, text.ptr[0]);
        write_padding(p, p->width - (int)text.len);
        buf_add(p->out, str_sub(text, 1, text.len));
        return;
    }
    pad(p, text);
}

/* ---- strings ---- */

static struct str truncated(const struct printer *p, struct str s)
{
    size_t at = 0;
    size_t len;

    if (!p->has_precision)
        return s;
    for (int n = p->precision; n > 0 && at < s.len; n--, at += len)
        rune_at(s, at, &len);
    return str_sub(s, 0, at);
}

static void add_hex_bytes(struct printer *p, struct str s, bool is_upper)
{
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    const char *prefix = is_upper ? "0X" : "0x";
    int64_t len = (int64_t)s.len;

    if (p->has_precision && p->precision < len)
        len = p->precision;
    if (len == 0) {
        write_padding(p, p->has_width ? p->width : 0);
        return;
    }
    int64_t width = 2 * len;
    if (p->space)
        width = width * (p->sharp ? 2 : 1) + len - 1;
    else if (p->sharp)
        width += 2;
    if (p->has_width && !p->minus)
        write_padding(p, p->width - width);
    if (p->sharp)
        buf_add_cstr(p->out, prefix);
    for (int64_t i = 0; i < len; i++) {
        if (p->space && i > 0) {
            buf_add_byte(p->out, ' ');
            if (p->sharp)
                buf_add_cstr(p->out, prefix);
        }
        unsigned char c = (unsigned char)s.ptr[i];
        buf_add_byte(p->out, digits[c >> 4]);
        buf_add_byte(p->out, digits[c & 15]);
    }
    if (p->has_width && p->minus)
        write_padding(p, p->width - width);
}

/* strconv.CanBackquote */
static bool can_backquote(struct str s)
{
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        uint32_t r = rune_at(s, at, &len);
        if ((r == RUNE_ERROR && len == 1) || r == 0xfeff || (r < ' ' && r != '\t') || r == '`' ||
            r == 0x7f)
            return false;
    }
    return true;
}

static void pad_quoted(struct printer *p, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    s = truncated(p, s);
    if (p->sharp && can_backquote(s))
        buf_printf(&text, "`" STR_FMT "`", STR_ARG(s));
    else
        literal_quote(&text, s, p->plus);
    pad(p, buf_str(&text));
}

static void pad_rune(struct printer *p, uint64_t u, bool is_quoted)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    uint32_t r = u > RUNE_MAX ? RUNE_ERROR : (uint32_t)u;

    if (is_quoted)
        literal_quote_rune(&text, r, p->plus);
    else
        buf_add_rune(&text, r);
    pad(p, buf_str(&text));
}

/* ---- by type ---- */

static void bad_verb(struct printer *p, struct datum d, uint32_t verb)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    buf_add_cstr(p->out, "%!");
    buf_add_rune(p->out, verb);
    buf_add_byte(p->out, '(');
    if (datum_is_absent(d)) {
        buf_add_cstr(p->out, "<nil>");
    } else {
        buf_add(p->out, datum_type_name(a, d));
        buf_add_byte(p->out, '=');
        print_datum(p, d, 'v', 0);
    }
    buf_add_byte(p->out, ')');
}

static void print_int(struct printer *p, struct datum d, uint64_t u, bool is_signed, uint32_t verb)
{
    switch (verb) {
    case 'v':
        if (p->sharp_v && !is_signed) {
            format_hex0x(p, u);
            return;
        }
        format_integer(p, u, 10, is_signed, verb);
        return;
    case 'd':
        format_integer(p, u, 10, is_signed, verb);
        return;
    case 'b':
        format_integer(p, u, 2, is_signed, verb);
        return;
    case 'o':
    case 'O':
        format_integer(p, u, 8, is_signed, verb);
        return;
    case 'x':
    case 'X':
        format_integer(p, u, 16, is_signed, verb);
        return;
    case 'c':
    case 'q':
        pad_rune(p, u, verb == 'q');
        return;
    case 'U':
        format_unicode(p, u);
        return;
    default:
        bad_verb(p, d, verb);
    }
}

static void print_float(struct printer *p, struct datum d, uint32_t verb)
{
    switch (verb) {
    case 'v':
        pad_float(p, d.number, 'g', -1);
        return;
    case 'b':
    case 'g':
    case 'G':
    case 'x':
    case 'X':
        pad_float(p, d.number, (char)verb, -1);
        return;
    case 'f':
    case 'F':
    case 'e':
    case 'E':
        pad_float(p, d.number, verb == 'F' ? 'f' : (char)verb, 6);
        return;
    default:
        bad_verb(p, d, verb);
    }
}

static void print_complex(struct printer *p, struct datum d, uint32_t verb)
{
    bool plus = p->plus;

    if (verb >= 0x80 || !strchr("vbgGxXfFeE", (int)verb)) {
        bad_verb(p, d, verb);
        return;
    }
    buf_add_byte(p->out, '(');
    print_float(p, datum_float(d.complex[0]), verb);
    p->plus = true;
    print_float(p, datum_float(d.complex[1]), verb);
    p->plus = plus;
    buf_add_cstr(p->out, "i)");
}

static void print_string(struct printer *p, struct datum d, uint32_t verb)
{
    struct str s = datum_str(d);

    switch (verb) {
    case 'v':
        if (p->sharp_v) {
            pad_quoted(p, s);
            return;
        }
        pad(p, truncated(p, s));
        return;
    case 's':
        pad(p, truncated(p, s));
        return;
    case 'x':
    case 'X':
        add_hex_bytes(p, s, verb == 'X');
        return;
    case 'q':
        pad_quoted(p, s);
        return;
    default:
        bad_verb(p, d, verb);
    }
}

static void print_bytes(struct printer *p, struct datum d, uint32_t verb)
{
    struct str s = datum_str(d);

    if (verb == 's' || verb == 'x' || verb == 'X' || verb == 'q') {
        print_string(p, datum_string(s), verb);
        return;
    }
    if (verb == 'v' && p->sharp_v) {
        buf_add_cstr(p->out, "[]byte{");
        for (size_t i = 0; i < s.len; i++) {
            buf_add_cstr(p->out, i > 0 ? ", " : "");
            format_hex0x(p, (unsigned char)s.ptr[i]);
        }
        buf_add_byte(p->out, '}');
        return;
    }
    buf_add_byte(p->out, '[');
    for (size_t i = 0; i < s.len; i++) {
        if (i > 0)
            buf_add_byte(p->out, ' ');
        print_int(p,
                  (struct datum){.type = DATUM_UINT8, .unsigned_integer = (unsigned char)s.ptr[i]},
                  (unsigned char)s.ptr[i], false, verb == 'v' ? 'd' : verb);
    }
    buf_add_byte(p->out, ']');
}

static void add_type(struct buf *out, struct datum d)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    buf_add(out, datum_type_name(a, d));
}

static void print_collection(struct printer *p, struct datum d, uint32_t verb, int depth)
{
    bool is_map = datum_is_map(d);
    size_t count = datum_count(d);

    if (p->sharp_v) {
        add_type(p->out, d);
        if (!d.map) {
            buf_add_cstr(p->out, "(nil)");
            return;
        }
        buf_add_byte(p->out, '{');
    } else {
        buf_add_cstr(p->out, is_map ? "map[" : "[");
    }
    for (size_t i = 0; i < count && !is_over(p); i++) {
        if (i > 0)
            buf_add_cstr(p->out, p->sharp_v ? ", " : " ");
        if (is_map) {
            print_datum(p, datum_string(d.map->entry[i].key), verb, depth + 1);
            buf_add_byte(p->out, ':');
        }
        print_datum(p, datum_item(d, i), verb, depth + 1);
    }
    buf_add_byte(p->out, p->sharp_v ? '}' : ']');
}

/* time.Duration's String: 1h2m3.5s, 1.5ms, 0s. */
static void add_duration(struct buf *out, int64_t ns)
{
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    char text[64];

    if (u == 0) {
        buf_add_cstr(out, "0s");
        return;
    }
    if (ns < 0)
        buf_add_byte(out, '-');
    if (u < 1000000000) {
        uint64_t unit = u < 1000 ? 1 : u < 1000000 ? 1000 : 1000000;
        const char *name = u < 1000 ? "ns" : u < 1000000 ? "\xc2\xb5s" : "ms";
        snprintf(text, sizeof(text), "%.6f", (double)(u % unit) / (double)unit);
        char *end = text + strlen(text);
        while (end > text && (end[-1] == '0' || end[-1] == '.')) {
            bool is_point = end[-1] == '.';
            *--end = '\0';
            if (is_point)
                break;
        }
        buf_printf(out, "%llu%s%s", (unsigned long long)(u / unit), end > text ? text + 1 : "",
                   name);
        return;
    }
    uint64_t s = u / 1000000000;
    if (s >= 3600)
        buf_printf(out, "%lluh", (unsigned long long)(s / 3600));
    if (s >= 60)
        buf_printf(out, "%llum", (unsigned long long)(s / 60 % 60));
    snprintf(text, sizeof(text), ".%09llu", (unsigned long long)(u % 1000000000));
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '0' || text[len - 1] == '.')) {
        bool is_point = text[len - 1] == '.';
        len--;
        if (is_point)
            break;
    }
    buf_printf(out, "%llu%.*ss", (unsigned long long)(s % 60), (int)len, text);
}

static void print_object(struct printer *p, struct datum d, uint32_t verb, int depth)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct datum_class *class = d.object->class;
    bool is_pointer = strcmp(class->kind_name, "ptr") == 0 && !class->has_text;

    if (is_pointer && depth > 0) {
        buf_add_cstr(p->out, class->address ? class->address : "0x0");
        return;
    }
    if (is_pointer && !p->is_direct)
        buf_add_byte(&text, '&');
    if (class->print)
        class->print(d.object, p->is_direct && depth == 0, &text);
    else
        buf_add_cstr(&text, "{}");
    print_string(p, datum_string(buf_str(&text)), verb == 'd' ? 's' : verb);
}

static void print_datum(struct printer *p, struct datum d, uint32_t verb, int depth)
{
    if (is_over(p) || depth > DATUM_DEPTH_MAX)
        return;
    switch ((enum datum_type)d.type) {
    case DATUM_INVALID:
    case DATUM_NIL:
        if (p->sharp_v && depth > 0)
            buf_add_cstr(p->out, "interface {}(nil)");
        else if (depth > 0)
            buf_add_cstr(p->out, "<nil>");
        else if (verb == 'v' || verb == 'T')
            pad(p, STR("<nil>"));
        else
            bad_verb(p, d, verb);
        return;
    case DATUM_BOOL:
        if (verb == 't' || verb == 'v')
            pad(p, d.boolean ? STR("true") : STR("false"));
        else
            bad_verb(p, d, verb);
        return;
    case DATUM_STRING:
        print_string(p, d, verb);
        return;
    case DATUM_INT:
    case DATUM_INT64:
        print_int(p, d, (uint64_t)d.integer, true, verb);
        return;
    case DATUM_DURATION:
        if (verb == 'v' || verb == 's' || verb == 'q') {
            HL_CLEANUP(buf_deinit) struct buf text = {0};
            add_duration(&text, d.integer);
            print_string(p, datum_string(buf_str(&text)), verb);
            return;
        }
        print_int(p, d, (uint64_t)d.integer, true, verb);
        return;
    case DATUM_UINT8:
    case DATUM_UINT64:
        print_int(p, d, d.unsigned_integer, false, verb);
        return;
    case DATUM_FLOAT64:
        print_float(p, d, verb);
        return;
    case DATUM_COMPLEX:
        print_complex(p, d, verb);
        return;
    case DATUM_BYTES:
        print_bytes(p, d, verb);
        return;
    case DATUM_LIST:
    case DATUM_STRINGS:
    case DATUM_INTS:
    case DATUM_LISTS:
    case DATUM_MAPS:
    case DATUM_OBJECTS:
    case DATUM_MAP:
    case DATUM_VALUES:
    case DATUM_STRING_MAP:
        print_collection(p, d, verb, depth);
        return;
    case DATUM_OBJECT:
        print_object(p, d, verb, depth);
        return;
    }
}

void printer_arg(struct printer *p, struct datum d, uint32_t verb)
{
    if (verb == 'T') {
        HL_CLEANUP(arena_freep) struct arena *a = arena_new();
        pad(p, truncated(p, datum_type_name(a, d)));
        return;
    }
    if (verb == 'p') {
        if (datum_is_slice(d) || datum_is_map(d))
            pad(p, STR("0x0"));
        else
            bad_verb(p, d, verb);
        return;
    }
    print_datum(p, d, verb, 0);
}

/* ---- Print ---- */

void format_value(struct buf *out, struct datum d)
{
    if (d.type == DATUM_STRING) {
        buf_add(out, datum_str(d));
        return;
    }
    struct printer p = {.out = out, .start = out->len};
    print_datum(&p, d, 'v', 0);
}

void format_action(struct buf *out, struct datum d)
{
    if (d.type == DATUM_STRING) {
        buf_add(out, datum_str(d));
        return;
    }
    if (d.type == DATUM_INVALID) {
        buf_add_cstr(out, "<no value>");
        return;
    }
    struct printer p = {.out = out, .start = out->len, .is_direct = true};
    print_datum(&p, d, 'v', 0);
}

void format_print(struct buf *out, const struct datum *arg, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && arg[i].type != DATUM_STRING && arg[i - 1].type != DATUM_STRING)
            buf_add_byte(out, ' ');
        format_value(out, arg[i]);
    }
}

void format_println(struct buf *out, const struct datum *arg, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(out, ' ');
        format_value(out, arg[i]);
    }
    buf_add_byte(out, '\n');
}
