/*
 * The walk in front of the parser. protobuf-c recurses without a limit and allocates more than it
 * reads, so what it gets was walked before: every field of every message is counted, and only the
 * fields that the schema says are messages are walked into. What the schema does not know is
 * skipped whole, as the parser does: a later version may put anything there.
 */
#include "edge/wire/prescan.h"

const struct prescan_body prescan_bodies[] = {
    {1, 10}, {2, 0},  {3, 0},  {10, 0}, {11, 4}, {12, 11}, {13, 0}, {20, 0},
    {21, 9}, {22, 0}, {23, 0}, {24, 0}, {30, 0}, {31, 0},  {40, 0}, {41, 0},
};
const size_t prescan_body_count = HL_COUNT(prescan_bodies);

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

static const struct prescan_body *find_body(uint32_t field)
{
    for (size_t i = 0; i < prescan_body_count; i++) {
        if (prescan_bodies[i].field == field)
            return &prescan_bodies[i];
    }
    return NULL;
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

static enum verdict walk_body(struct scan *s, const struct prescan_body *body, struct str in)
{
    enum verdict v = WELL_FORMED;
    struct str inner;
    uint32_t field;

    while (in.len > 0 && v == WELL_FORMED) {
        v = walk_field(s, &in, &field, &inner);
        if (v == WELL_FORMED && body->element != 0 && field == body->element)
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

/* Two bodies in one envelope would be merged by the parser, at a price: nobody sends them. */
static enum verdict walk_envelope(struct scan *s, struct str in)
{
    enum verdict v = WELL_FORMED;
    unsigned body_count = 0;
    struct str inner;
    uint32_t field;

    while (in.len > 0 && v == WELL_FORMED) {
        v = walk_field(s, &in, &field, &inner);
        const struct prescan_body *body = v == WELL_FORMED ? find_body(field) : NULL;
        if (body && ++body_count > 1)
            return MALFORMED;
        if (body)
            v = walk_body(s, body, inner);
    }
    return v;
}

int wire_prescan(struct str bytes, struct err *err)
{
    struct scan s = {0};

    int r = check_size(bytes, err);
    if (r < 0)
        return r;
    enum verdict v = walk_envelope(&s, bytes);
    return v == WELL_FORMED ? 0 : refuse(v, err);
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
