/*
 * The walk in front of the parser. protobuf-c recurses without a limit and allocates more than it
 * reads, so what it gets was walked before: every field of every message is counted, and only the
 * fields that the schema says are messages are walked into (the table below; a test compares it
 * with the .proto).
 */
#include "edge/wire/messages.h"

struct scan {
    size_t field_count;
};

static bool take_varint(struct str *in, uint64_t *out)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 10 && i < in->len; i++) {
        unsigned char c = (unsigned char)in->ptr[i];

        n |= (uint64_t)(c & 127) << (7 * i);
        if (c < 128) {
            *in = str_sub(*in, i + 1, in->len);
            *out = n;
            return true;
        }
    }
    return false;
}

static bool skip(struct str *in, uint64_t count)
{
    if (count > in->len)
        return false;
    *in = str_sub(*in, (size_t)count, in->len);
    return true;
}

enum verdict { WELL_FORMED, MALFORMED, TOO_MANY };

/* One field: its number; *out_inner is the bytes of a length-delimited one. */
static enum verdict walk_field(struct scan *s, struct str *in, uint32_t *out_field,
                               struct str *out_inner)
{
    uint64_t tag;
    uint64_t n;

    *out_inner = STR_NONE;
    if (!take_varint(in, &tag) || tag >> 3 == 0 || tag >> 3 > (1u << 29) - 1)
        return MALFORMED;
    *out_field = (uint32_t)(tag >> 3);
    if (++s->field_count > WIRE_FIELDS_MAX)
        return TOO_MANY;
    switch (tag & 7) {
    case 0:
        return take_varint(in, &n) ? WELL_FORMED : MALFORMED;
    case 1:
        return skip(in, 8) ? WELL_FORMED : MALFORMED;
    case 5:
        return skip(in, 4) ? WELL_FORMED : MALFORMED;
    case 2:
        if (!take_varint(in, &n) || n > in->len)
            return MALFORMED;
        *out_inner = str_sub(*in, 0, (size_t)n);
        *in = str_sub(*in, (size_t)n, in->len);
        return WELL_FORMED;
    default:
        return MALFORMED; /* groups are not used */
    }
}

/* Elements inside the bodies of an envelope that are messages themselves: body, field. */
static const struct {
    uint32_t body;
    uint32_t field;
} elements[] = {{1, 10}, {11, 4}, {12, 11}, {21, 9}};

static bool is_element(uint32_t body, uint32_t field)
{
    for (size_t i = 0; i < HL_COUNT(elements); i++) {
        if (elements[i].body == body && elements[i].field == field)
            return true;
    }
    return false;
}

static int refuse(enum verdict v, struct err *err)
{
    if (v == TOO_MANY)
        return err_set(err, HL_ELIMIT, "message of more than %d fields", WIRE_FIELDS_MAX);
    return err_set(err, HL_EINVAL, "message is not well-formed");
}

static enum verdict walk_flat(struct scan *s, struct str in)
{
    enum verdict v = WELL_FORMED;
    struct str inner;
    uint32_t field;

    while (in.len > 0 && v == WELL_FORMED)
        v = walk_field(s, &in, &field, &inner);
    return v;
}

static enum verdict walk_body(struct scan *s, uint32_t body, struct str in)
{
    enum verdict v = WELL_FORMED;
    struct str inner;
    uint32_t field;

    while (in.len > 0 && v == WELL_FORMED) {
        v = walk_field(s, &in, &field, &inner);
        if (v == WELL_FORMED && is_element(body, field))
            v = walk_flat(s, inner);
    }
    return v;
}

static int check_size(struct str bytes, struct err *err)
{
    if (bytes.len > WIRE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "message of %zu bytes, at most %d", bytes.len,
                       WIRE_BYTES_MAX);
    return 0;
}

int wire_prescan(struct str bytes, struct err *err)
{
    struct scan s = {0};
    struct str inner;
    uint32_t field;

    int r = check_size(bytes, err);
    while (r == 0 && bytes.len > 0) {
        enum verdict v = walk_field(&s, &bytes, &field, &inner);
        if (v == WELL_FORMED)
            v = walk_body(&s, field, inner);
        if (v != WELL_FORMED)
            r = refuse(v, err);
    }
    return r;
}

int wire_prescan_flat(struct str bytes, struct err *err)
{
    struct scan s = {0};

    int r = check_size(bytes, err);
    if (r < 0)
        return r;
    enum verdict v = walk_flat(&s, bytes);
    return v == WELL_FORMED ? 0 : refuse(v, err);
}
