/*
 *   change  version u8 | flags u8 | expected u64 | key_len u16 | key | value
 *   stored  version u8 | created u64 | revision u64 | writes u64 | value
 *   listed  key_len u16 | created u64 | revision u64 | writes u64 | value_len u32 | key | value
 */
#include "core/state/setting.h"

#include <string.h>

#include "core/state/state_internal.h"

enum {
    CODEC_VERSION = 1,
    FLAG_EXPECTED = 1,
    CHANGE_BYTES = 12,
    STORED_BYTES = 25,
    LISTED_BYTES = 30,
};

static const char prefix[] = "setting/";
enum { PREFIX_LEN = sizeof(prefix) - 1 };

static void add_u16(struct buf *out, size_t n)
{
    buf_add_byte(out, (char)(n & 0xff));
    buf_add_byte(out, (char)(n >> 8 & 0xff));
}

static size_t take_u16(const char *p)
{
    return (unsigned char)p[0] | (size_t)(unsigned char)p[1] << 8;
}

/* ---- changes ---- */

void setting_change_encode(struct buf *out, const struct setting_change *change)
{
    HL_ASSERT(change->key.len <= UINT16_MAX);
    buf_add_byte(out, CODEC_VERSION);
    buf_add_byte(out, change->has_expected ? FLAG_EXPECTED : 0);
    buf_add_u64(out, change->expected);
    add_u16(out, change->key.len);
    buf_add(out, change->key);
    buf_add(out, change->value);
}

static bool is_key(struct str key)
{
    if (key.len == 0 || key.len > SETTING_KEY_MAX || !str_is_utf8(key))
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if ((unsigned char)key.ptr[i] < ' ' || key.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

int setting_change_decode(struct str bytes, struct setting_change *out, struct err *err)
{
    if (bytes.len < CHANGE_BYTES || bytes.ptr[0] != CODEC_VERSION ||
        (bytes.ptr[1] & ~FLAG_EXPECTED) != 0)
        return err_set(err, HL_EINVAL, "not a change of a setting: hlctl may be newer");
    size_t key_len = take_u16(bytes.ptr + 10);
    if (key_len > bytes.len - CHANGE_BYTES)
        return err_set(err, HL_EINVAL, "a change of a setting that ends within its key");
    *out = (struct setting_change){
        .key = str_sub(bytes, CHANGE_BYTES, CHANGE_BYTES + key_len),
        .value = str_sub(bytes, CHANGE_BYTES + key_len, bytes.len),
        .has_expected = bytes.ptr[1] & FLAG_EXPECTED,
        .expected = bytes_u64(bytes.ptr + 2),
    };
    if (!is_key(out->key))
        return err_set(err, HL_EINVAL, "a key is 1 to %d bytes of UTF-8 without control characters",
                       SETTING_KEY_MAX);
    if (out->value.len > SETTING_VALUE_MAX)
        return err_set(err, HL_ELIMIT, "a value of %zu bytes: %d at most", out->value.len,
                       SETTING_VALUE_MAX);
    return 0;
}

/* ---- the stored ones ---- */

struct stored_key {
    char bytes[PREFIX_LEN + SETTING_KEY_MAX];
    size_t len;
};

static struct str stored_key(struct stored_key *k, struct str key)
{
    HL_ASSERT(key.len <= SETTING_KEY_MAX);
    memcpy(k->bytes, prefix, PREFIX_LEN);
    if (key.len > 0)
        memcpy(k->bytes + PREFIX_LEN, key.ptr, key.len);
    return (struct str){k->bytes, PREFIX_LEN + key.len};
}

static int read_stored(struct str key, struct str bytes, struct setting *out, struct err *err)
{
    if (bytes.len < STORED_BYTES || bytes.ptr[0] != CODEC_VERSION)
        return err_set(err, HL_ECORRUPT, "setting " STR_FMT " is damaged", STR_ARG(key));
    *out = (struct setting){
        .key = key,
        .value = str_sub(bytes, STORED_BYTES, bytes.len),
        .created = bytes_u64(bytes.ptr + 1),
        .revision = bytes_u64(bytes.ptr + 9),
        .version = bytes_u64(bytes.ptr + 17),
    };
    return KV_FOUND;
}

int setting_get(struct kv *kv, struct str key, struct setting *out, struct err *err)
{
    struct stored_key k;
    struct str bytes;

    if (!is_key(key))
        return KV_ABSENT;
    int r = kv->get(kv->context, stored_key(&k, key), &bytes, err);
    return r == KV_FOUND ? read_stored(key, bytes, out, err) : r;
}

int setting_next(struct kv *kv, struct str wanted, struct str *cursor, struct arena *a,
                 struct setting *out, struct err *err)
{
    struct stored_key from;
    struct stored_key after;
    struct str bytes;
    struct str key;

    if (wanted.len > SETTING_KEY_MAX || cursor->len > SETTING_KEY_MAX)
        return KV_ABSENT;
    int r = kv->next(kv->context, stored_key(&from, wanted),
                     cursor->len > 0 ? stored_key(&after, *cursor) : STR_NONE, &key, &bytes, err);
    if (r != KV_FOUND)
        return r;
    *cursor = arena_dup(a, str_sub(key, PREFIX_LEN, key.len));
    return read_stored(*cursor, bytes, out, err);
}

/* ---- commands ---- */

/* The change, and what is there now (version 0: nothing). 1: refused. */
static int begin(struct apply *x, struct setting_change *change, struct setting *now)
{
    int r = setting_change_decode(x->command->body, change, x->err);

    if (r < 0) {
        refuse(x, r, "%s", x->err->text);
        return 1;
    }
    *now = (struct setting){0};
    r = setting_get(x->kv, change->key, now, x->err);
    if (r < 0)
        return r;
    if (change->has_expected && change->expected != now->revision) {
        refuse(x, HL_ECONFLICT, "setting " STR_FMT " has revision %llu, not %llu",
               STR_ARG(change->key), (unsigned long long)now->revision,
               (unsigned long long)change->expected);
        return 1;
    }
    return 0;
}

int apply_setting_put(struct apply *x)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct setting_change change;
    struct setting now;
    struct stored_key k;

    int r = begin(x, &change, &now);
    if (r != 0)
        return r < 0 ? r : 0;
    buf_add_byte(&bytes, CODEC_VERSION);
    buf_add_u64(&bytes, now.version > 0 ? now.created : x->index);
    buf_add_u64(&bytes, x->index);
    buf_add_u64(&bytes, now.version + 1);
    buf_add(&bytes, change.value);
    note_change(x, STATE_SETTING_CHANGED, change.key);
    return x->kv->put(x->kv->context, stored_key(&k, change.key), buf_str(&bytes), x->err);
}

int apply_setting_delete(struct apply *x)
{
    struct setting_change change;
    struct setting now;
    struct stored_key k;

    int r = begin(x, &change, &now);
    if (r != 0)
        return r < 0 ? r : 0;
    if (now.version == 0)
        return refuse(x, HL_EABSENT, "no setting " STR_FMT, STR_ARG(change.key));
    note_change(x, STATE_SETTING_CHANGED, change.key);
    r = x->kv->del(x->kv->context, stored_key(&k, change.key), x->err);
    return r < 0 ? r : 0;
}

/* ---- lists ---- */

void setting_list_add(struct buf *out, const struct setting *s)
{
    add_u16(out, s->key.len);
    buf_add_u64(out, s->created);
    buf_add_u64(out, s->revision);
    buf_add_u64(out, s->version);
    buf_add_u32(out, (uint32_t)s->value.len);
    buf_add(out, s->key);
    buf_add(out, s->value);
}

int setting_list_take(struct str *bytes, struct setting *out, struct err *err)
{
    if (bytes->len == 0)
        return KV_ABSENT;
    if (bytes->len < LISTED_BYTES)
        return err_set(err, HL_EINVAL, "a list of settings that ends too early");
    size_t key_len = take_u16(bytes->ptr);
    size_t value_len = bytes_u32(bytes->ptr + 26);
    if (bytes->len - LISTED_BYTES < key_len + value_len)
        return err_set(err, HL_EINVAL, "a list of settings that ends too early");
    *out = (struct setting){
        .key = str_sub(*bytes, LISTED_BYTES, LISTED_BYTES + key_len),
        .value = str_sub(*bytes, LISTED_BYTES + key_len, LISTED_BYTES + key_len + value_len),
        .created = bytes_u64(bytes->ptr + 2),
        .revision = bytes_u64(bytes->ptr + 10),
        .version = bytes_u64(bytes->ptr + 18),
    };
    *bytes = str_sub(*bytes, LISTED_BYTES + key_len + value_len, bytes->len);
    return KV_FOUND;
}
