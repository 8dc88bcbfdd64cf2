/* Go's quoting, and the number formats of golang.org/x/text for English. */
#include "core/schema/text.h"

#include <stdio.h>
#include <string.h>

#include "core/schema/decimal.h"
#include "core/gostd/literal.h"

/* Upstream replaces in the quoted text, its last quote included: a final backslash is halved. */
void text_single(struct buf *out, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf room = {0};
    size_t start = out->len;

    literal_quote(&room, s, false);
    for (size_t i = 0; i < room.len; i++) {
        if (room.ptr[i] == '\\' && i + 1 < room.len && room.ptr[i + 1] == '"')
            continue;
        if (room.ptr[i] == '\'')
            buf_add_byte(out, '\\');
        buf_add_byte(out, room.ptr[i]);
    }
    out->ptr[start] = '\'';
    out->ptr[out->len - 1] = '\'';
}

void text_join(struct buf *out, const struct str *part, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(out, STR(", "));
        text_single(out, part[i]);
    }
}

static void put_grouped(struct buf *out, const char *digit, int count)
{
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            buf_add_byte(out, ',');
        buf_add_byte(out, digit[i]);
    }
}

void text_int(struct buf *out, int64_t i)
{
    char room[24];
    int len = snprintf(room, sizeof(room), "%lld", (long long)i);
    int sign = i < 0;

    buf_add_bytes(out, room, (size_t)sign);
    put_grouped(out, room + sign, len - sign);
}

static void put_scientific(struct buf *out, const struct decimal *d)
{
    static const char *const superscript[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    int exponent = d->point - 1;
    char room[12];

    buf_add_byte(out, d->digit[0]);
    if (d->count > 1) {
        buf_add_byte(out, '.');
        buf_add_bytes(out, d->digit + 1, d->count - 1U);
    }
    buf_add(out, STR("×10"));
    if (exponent < 0)
        buf_add(out, STR("⁻"));
    snprintf(room, sizeof(room), "%02d", exponent < 0 ? -exponent : exponent);
    for (const char *p = room; *p; p++)
        buf_add_cstr(out, superscript[*p - '0']);
}

static void put_plain(struct buf *out, const struct decimal *d)
{
    char whole[8] = "0000000";
    int whole_count = d->point > 0 ? d->point : 0;
    int taken = d->count < whole_count ? d->count : whole_count;

    memcpy(whole, d->digit, (size_t)taken);
    put_grouped(out, whole, whole_count > 0 ? whole_count : 1);
    if (d->count <= taken)
        return;
    buf_add_byte(out, '.');
    for (int i = d->point; i < 0; i++)
        buf_add_byte(out, '0');
    buf_add_bytes(out, d->digit + taken, (size_t)(d->count - taken));
}

/* Upstream prints what is left of the number as a float64. */
void text_number(struct buf *out, const struct value *number)
{
    struct value as_float = *number;

    if (number->kind == VALUE_INT) {
        as_float.kind = VALUE_FLOAT;
        as_float.number = (double)number->integer;
    } else if (number->kind == VALUE_UINT) {
        as_float.kind = VALUE_FLOAT;
        as_float.number = (double)number->unsigned_integer;
    }
    struct decimal d = decimal_of(&as_float);
    int exponent = d.point - 1;
    if (d.is_negative)
        buf_add_byte(out, '-');
    if (d.count > 0 && (exponent < -4 || exponent >= 6))
        put_scientific(out, &d);
    else
        put_plain(out, &d);
}
