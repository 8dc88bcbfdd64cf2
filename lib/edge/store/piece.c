/* Pieces: cutting records into parts, and putting them together. */
#include "edge/store/piece.h"

enum { HEAD_BYTES = 20, SUM_AT = 16, PART_MIN_BYTES = 1024 };

/* ---- reading ---- */

struct place {
    struct str key;
    struct str value;
    uint32_t offset;
};

static int seek(struct reader *r, struct str cursor, struct place *out, struct err *err)
{
    *out = (struct place){0};
    if (cursor.len == 0)
        return reader_seek(r, STR_NONE, false, &out->key, &out->value, err);
    if (cursor.len <= 4)
        return err_set(err, HL_EINVAL, "no such place in the state");
    struct str key = str_sub(cursor, 4, cursor.len);
    out->offset = bytes_u32(cursor.ptr);
    int found = reader_seek(r, key, out->offset == 0, &out->key, &out->value, err);
    if (found < 0 || out->offset == 0)
        return found;
    if (found == KV_ABSENT || !str_eq(out->key, key) || out->offset >= out->value.len)
        return err_set(err, HL_EINVAL, "no such place in the state");
    return KV_FOUND;
}

static void add_part(struct buf *out, const struct place *p, size_t part_len)
{
    struct str part = str_sub(p->value, p->offset, p->offset + part_len);
    size_t at = out->len;

    buf_add_u32(out, (uint32_t)p->key.len);
    buf_add_u32(out, (uint32_t)p->value.len);
    buf_add_u32(out, p->offset);
    buf_add_u32(out, (uint32_t)part_len);
    uint32_t sum = crc32c(0, out->ptr + at, SUM_AT);
    sum = crc32c(crc32c(sum, p->key.ptr, p->key.len), part.ptr, part.len);
    buf_add_u32(out, sum);
    buf_add(out, p->key);
    buf_add(out, part);
}

static struct str cursor_of(struct arena *a, struct str key, uint32_t offset)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};

    buf_add_u32(&b, offset);
    buf_add(&b, key);
    return arena_dup(a, buf_str(&b));
}

int piece_read(struct reader *r, struct str cursor, size_t max_bytes, struct arena *a,
               struct str *out_data, struct str *out_next, bool *out_is_last, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct place p;

    int found = seek(r, cursor, &p, err);
    *out_next = cursor;
    while (found == KV_FOUND) {
        size_t around = HEAD_BYTES + p.key.len;
        size_t left = p.value.len - p.offset;
        size_t room = max_bytes - out.len;
        bool is_cut = around + left > room;

        if (is_cut && (room < around + PART_MIN_BYTES))
            break;
        size_t part_len = is_cut ? room - around : left;
        add_part(&out, &p, part_len);
        *out_next = cursor_of(a, p.key, is_cut ? p.offset + (uint32_t)part_len : 0);
        if (is_cut)
            break;
        p.offset = 0;
        found = reader_next(r, &p.key, &p.value, err);
    }
    if (found < 0)
        return found;
    *out_is_last = found == KV_ABSENT;
    *out_data = arena_dup(a, buf_str(&out));
    return 0;
}

/* ---- taking ---- */

static int malformed(struct err *err, const char *why)
{
    return err_set(err, HL_EINVAL, "a piece of a state is of no use: %s", why);
}

struct part {
    struct str key;
    uint32_t value_len;
    uint32_t offset;
    struct str bytes;
};

static int cut_part(struct str *data, struct part *out, struct err *err)
{
    if (data->len < HEAD_BYTES)
        return malformed(err, "it ends too early");
    uint32_t key_len = bytes_u32(data->ptr);
    uint32_t part_len = bytes_u32(data->ptr + 12);
    uint32_t sum = crc32c(0, data->ptr, SUM_AT);

    out->value_len = bytes_u32(data->ptr + 4);
    out->offset = bytes_u32(data->ptr + 8);
    if (key_len == 0 || key_len > KV_KEY_MAX || out->value_len > KV_VALUE_MAX ||
        out->offset > out->value_len || part_len > out->value_len - out->offset)
        return malformed(err, "impossible lengths");
    if (data->len - HEAD_BYTES < (size_t)key_len + part_len)
        return malformed(err, "it ends too early");
    size_t end = HEAD_BYTES + (size_t)key_len + part_len;
    out->key = str_sub(*data, HEAD_BYTES, HEAD_BYTES + key_len);
    out->bytes = str_sub(*data, HEAD_BYTES + key_len, end);
    sum = crc32c(sum, data->ptr + HEAD_BYTES, end - HEAD_BYTES);
    if (sum != bytes_u32(data->ptr + SUM_AT))
        return malformed(err, "its checksum is wrong");
    *data = str_sub(*data, end, data->len);
    return 0;
}

static int end_record(struct piece_taker *t, struct str key, struct str value, struct err *err)
{
    int r = writer_add(t->writer, key, value, err);

    if (r < 0)
        return r;
    buf_reset(&t->last);
    buf_add(&t->last, key);
    buf_reset(&t->key);
    buf_reset(&t->value);
    return 0;
}

static int take_part(struct piece_taker *t, const struct part *p, struct err *err)
{
    bool is_next = t->key.len == 0 ? p->offset == 0
                                   : str_eq(buf_str(&t->key), p->key) &&
                                         p->offset == t->value.len && p->value_len == t->value_len;

    if (!is_next)
        return malformed(err, "it is not what comes next");
    if (p->offset == 0 && p->bytes.len == p->value_len)
        return end_record(t, p->key, p->bytes, err);
    if (p->offset == 0)
        buf_add(&t->key, p->key);
    t->value_len = p->value_len;
    buf_add(&t->value, p->bytes);
    if (t->value.len < t->value_len)
        return 0;
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    return end_record(t, arena_dup(a, buf_str(&t->key)), buf_str(&t->value), err);
}

int piece_take(struct piece_taker *t, struct str data, struct err *err)
{
    int r = 0;

    while (r == 0 && data.len > 0) {
        struct part p = {0};

        r = cut_part(&data, &p, err);
        if (r == 0)
            r = take_part(t, &p, err);
    }
    return r;
}

struct str piece_cursor(const struct piece_taker *t, struct arena *a)
{
    if (t->key.len > 0)
        return cursor_of(a, buf_str(&t->key), (uint32_t)t->value.len);
    return t->last.len > 0 ? cursor_of(a, buf_str(&t->last), 0) : STR_NONE;
}

void piece_taker_deinit(struct piece_taker *t)
{
    buf_deinit(&t->key);
    buf_deinit(&t->value);
    buf_deinit(&t->last);
}
