/*
 * Blocks of 512 bytes: a header, then content filled up to whole blocks. archive/tar/reader.go is
 * the measure: which numbers must be readable, what a pax record looks like, where the end is.
 */
#include "edge/registry/tar.h"

#include <string.h>

enum { SKIP_BYTES = 16384 };

struct field {
    size_t at;
    size_t len;
};

static const struct field NAME = {0, 100};
static const struct field MODE = {100, 8};
static const struct field SIZE = {124, 12};
static const struct field CHECKSUM = {148, 8};
static const struct field MAGIC = {257, 6};
static const struct field VERSION = {263, 2};
static const struct field PREFIX = {345, 155};
static const struct field STAR_PREFIX = {345, 131};
static const struct field STAR_TRAILER = {508, 4};
enum { TYPE_AT = 156, MODE_FOLDER = 040000 };

/* What special headers say of the entry behind them. */
struct pending {
    struct str pax_name;
    struct str long_name;
    bool has_size;
    int64_t size;
};

struct header {
    char type;
    struct str name;
    int64_t mode;
    int64_t size;
};

void tar_init(struct tar *t, tar_source source, void *context)
{
    *t = (struct tar){.source = source, .context = context};
}

void tar_deinit(struct tar *t)
{
    buf_deinit(&t->special);
}

static int invalid(struct err *err)
{
    return err_set(err, HL_EINVAL, "archive/tar: invalid tar header");
}

static int cut_short(struct err *err)
{
    return err_set(err, HL_EINVAL, "unexpected EOF");
}

static int take(struct tar *t, void *out, size_t len, struct err *err)
{
    size_t got = 0;
    int rc = t->source(t->context, out, len, &got, err);

    if (rc < 0)
        return rc;
    return got < len ? cut_short(err) : 0;
}

/* Content must be there; what fills its last block need not. */
static int pass_over(struct tar *t, struct err *err)
{
    char scrap[SKIP_BYTES];
    size_t got;
    int rc = 0;

    while (t->left > 0 && rc == 0) {
        size_t len = t->left < sizeof(scrap) ? (size_t)t->left : sizeof(scrap);
        rc = take(t, scrap, len, err);
        t->left -= len;
    }
    if (rc == 0 && t->padding > 0)
        rc = t->source(t->context, scrap, (size_t)t->padding, &got, err);
    t->padding = 0;
    return rc;
}

static struct str field_of(const char *block, struct field f)
{
    return (struct str){block + f.at, f.len};
}

static struct str text_of(const char *block, struct field f)
{
    return (struct str){block + f.at, strnlen(block + f.at, f.len)};
}

static bool octal(struct str s, int64_t *out)
{
    uint64_t v = 0;

    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\0'))
        s = str_sub(s, 1, s.len);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0'))
        s.len--;
    s.len = s.len > 0 ? strnlen(s.ptr, s.len) : 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7' || v >> 61 != 0)
            return false;
        v = v << 3 | (uint64_t)(s.ptr[i] - '0');
    }
    *out = (int64_t)v;
    return true;
}

/* Octal, or, with the first bit set, a big-endian two's complement with that bit taken off. */
static bool number(struct str s, int64_t *out)
{
    unsigned char first = (unsigned char)s.ptr[0];
    unsigned char flip = (first & 0x40) != 0 ? 0xff : 0;
    uint64_t v = 0;

    if ((first & 0x80) == 0)
        return octal(s, out);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)((unsigned char)s.ptr[i] ^ flip);
        if (i == 0)
            c &= 0x7f;
        if (v >> 56 != 0)
            return false;
        v = v << 8 | c;
    }
    if (v >> 63 != 0)
        return false;
    *out = flip ? (int64_t)~v : (int64_t)v;
    return true;
}

static bool numbers_are_readable(const char *block, const struct field *f, size_t count)
{
    int64_t n;

    for (size_t i = 0; i < count; i++) {
        if (!number(field_of(block, f[i]), &n))
            return false;
    }
    return true;
}

/* The sum over the block with blanks for the sum itself, of bytes without or with sign. */
static bool sum_is_right(const char *block)
{
    int64_t plain = 0;
    int64_t with_sign = 0;
    int64_t said;

    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        bool is_sum = i >= CHECKSUM.at && i < CHECKSUM.at + CHECKSUM.len;
        char c = is_sum ? ' ' : block[i];
        plain += (unsigned char)c;
        with_sign += (signed char)c;
    }
    return octal(field_of(block, CHECKSUM), &said) && (said == plain || said == with_sign);
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

static bool gnu_times_are_readable(const char *block)
{
    static const struct field times[] = {{345, 12}, {357, 12}};

    for (size_t i = 0; i < HL_COUNT(times); i++) {
        if (block[times[i].at] != '\0' && !numbers_are_readable(block, &times[i], 1))
            return false;
    }
    return true;
}

/* What stands in front of the name. False: a number of that format cannot be read. */
static bool prefix_of(const char *block, struct str *out)
{
    static const struct field devices[] = {{329, 8}, {337, 8}};
    static const struct field star_times[] = {{476, 12}, {488, 12}};
    bool is_gnu = str_eq(field_of(block, MAGIC), STR("ustar ")) &&
                  str_eq(field_of(block, VERSION), STR(" \0"));

    *out = STR_NONE;
    if (!is_gnu && !str_eq(field_of(block, MAGIC), STR("ustar\0")))
        return true; /* v7 */
    if (!numbers_are_readable(block, devices, HL_COUNT(devices)))
        return false;
    if (is_gnu) {
        /* Early Go wrote a prefix where GNU has times. */
        struct str prefix = text_of(block, PREFIX);
        if (is_ascii(prefix) && !gnu_times_are_readable(block))
            *out = prefix;
        return true;
    }
    if (!str_eq(field_of(block, STAR_TRAILER), STR("tar\0"))) {
        *out = text_of(block, PREFIX);
        return true;
    }
    *out = text_of(block, STAR_PREFIX);
    return numbers_are_readable(block, star_times, HL_COUNT(star_times));
}

static bool parse_header(struct arena *a, const char *block, struct header *out)
{
    static const struct field others[] = {{108, 8}, {116, 8}, {136, 12}}; /* user, group, time */
    struct str prefix;

    if (!sum_is_right(block) || !number(field_of(block, SIZE), &out->size) ||
        !number(field_of(block, MODE), &out->mode) ||
        !numbers_are_readable(block, others, HL_COUNT(others)) || !prefix_of(block, &prefix))
        return false;
    struct str name = text_of(block, NAME);
    out->type = block[TYPE_AT];
    out->name = prefix.len > 0
                    ? arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(prefix), STR_ARG(name))
                    : arena_dup(a, name);
    return true;
}

static bool is_zero(const char *block)
{
    static const char zero[TAR_BLOCK_BYTES];

    return memcmp(block, zero, TAR_BLOCK_BYTES) == 0;
}

/* A block; TAR_END where the stream ends in front of it. */
static int take_block(struct tar *t, char *block, struct err *err)
{
    size_t got = 0;
    int rc = t->source(t->context, block, TAR_BLOCK_BYTES, &got, err);

    if (rc < 0)
        return rc;
    if (got == 0)
        return TAR_END;
    return got < TAR_BLOCK_BYTES ? cut_short(err) : 0;
}

static bool has_content(char type)
{
    return type < '1' || type > '6';
}

static int set_content(struct tar *t, char type, int64_t size, struct err *err)
{
    uint64_t len = has_content(type) ? (uint64_t)size : 0;

    if (has_content(type) && size < 0)
        return invalid(err);
    t->left = len;
    t->padding = -len & (TAR_BLOCK_BYTES - 1);
    return 0;
}

/* Two blocks of zeros, or the end of the stream, end an archive. */
static int next_header(struct tar *t, struct arena *a, struct header *out, struct err *err)
{
    char block[TAR_BLOCK_BYTES];

    int rc = pass_over(t, err);
    if (rc == 0)
        rc = take_block(t, block, err);
    if (rc == 0 && is_zero(block)) {
        rc = take_block(t, block, err);
        if (rc == 0)
            rc = is_zero(block) ? TAR_END : invalid(err);
    }
    if (rc != 0)
        return rc;
    if (!parse_header(a, block, out))
        return invalid(err);
    return set_content(t, out->type, out->size, err);
}

/* ---- headers about headers ---- */

static int take_special(struct tar *t, struct err *err)
{
    buf_reset(&t->special);
    if (t->left > TAR_SPECIAL_MAX)
        return err_set(err, HL_ELIMIT, "archive/tar: header field too long");
    size_t len = (size_t)t->left;
    int rc = take(t, buf_reserve(&t->special, len), len, err);
    t->left = 0;
    if (rc == 0)
        buf_commit(&t->special, len);
    return rc;
}

/* "SIZE KEY=VALUE\n", the size being that of all of it. */
static bool take_record(struct str *rest, struct str *key, struct str *value)
{
    struct str record = *rest;
    struct str size_text;
    uint64_t size;

    size_t blank = str_find(record, STR(" "), 0);
    if (blank == SIZE_MAX)
        return false;
    size_text = str_sub(record, 0, blank);
    if (str_starts(size_text, STR("+")))
        size_text = str_sub(size_text, 1, blank);
    if (!str_to_u64(size_text, &size) || size < 5 || size > record.len || size <= blank + 1)
        return false;
    *rest = str_sub(record, size, record.len);
    if (record.ptr[size - 1] != '\n')
        return false;
    record = str_sub(record, blank + 1, size - 1);
    size_t equals = str_find(record, STR("="), 0);
    if (equals == SIZE_MAX || equals == 0)
        return false;
    *key = str_sub(record, 0, equals);
    *value = str_sub(record, equals + 1, record.len);
    return true;
}

static bool is_pax_text(struct str key)
{
    return str_eq(key, STR("path")) || str_eq(key, STR("linkpath")) || str_eq(key, STR("uname")) ||
           str_eq(key, STR("gname"));
}

static bool is_pax_number(struct str key)
{
    return str_eq(key, STR("uid")) || str_eq(key, STR("gid")) || str_eq(key, STR("size"));
}

static bool is_pax_time(struct str key)
{
    return str_eq(key, STR("atime")) || str_eq(key, STR("mtime")) || str_eq(key, STR("ctime"));
}

/* As strconv.ParseInt: a plus is fine. */
static bool integer(struct str s, int64_t *out)
{
    bool has_plus = s.len > 1 && s.ptr[0] == '+' && s.ptr[1] != '-';

    return str_to_i64(has_plus ? str_sub(s, 1, s.len) : s, out);
}

/* Seconds, and digits of a fraction. */
static bool time_is_readable(struct str s)
{
    int64_t seconds;
    struct str whole = str_cut(&s, '.');

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return integer(whole, &seconds);
}

static int note_record(struct arena *a, struct str key, struct str value, struct pending *p,
                       struct err *err)
{
    int64_t n;

    if (str_has_byte(is_pax_text(key) ? value : key, '\0'))
        return invalid(err);
    if (str_starts(key, STR("GNU.sparse.")))
        return err_set(err, HL_EUNSUPPORTED, "sparse files are not taken from archives");
    if (str_eq(key, STR("path")))
        p->pax_name = arena_dup(a, value);
    if (value.len == 0)
        return 0;
    if ((is_pax_number(key) && !integer(value, &n)) ||
        (is_pax_time(key) && !time_is_readable(value)))
        return invalid(err);
    if (str_eq(key, STR("size"))) {
        p->has_size = true;
        p->size = n;
    }
    return 0;
}

static int read_pax(struct tar *t, struct arena *a, struct pending *p, struct err *err)
{
    struct str key;
    struct str value;

    int rc = take_special(t, err);
    struct str rest = buf_str(&t->special);
    p->pax_name = STR_NONE; /* a second header replaces the first */
    p->has_size = false;
    while (rc == 0 && rest.len > 0)
        rc = take_record(&rest, &key, &value) ? note_record(a, key, value, p, err) : invalid(err);
    return rc;
}

static int read_long_name(struct tar *t, struct arena *a, bool is_name, struct pending *p,
                          struct err *err)
{
    int rc = take_special(t, err);

    if (rc == 0 && is_name) {
        struct str s = buf_str(&t->special);
        p->long_name = s.len > 0 ? arena_dup(a, str_sub(s, 0, strnlen(s.ptr, s.len))) : s;
    }
    return rc;
}

/* ---- entries ---- */

static enum tar_kind kind_of(const struct header *h)
{
    if (h->type == 'g')
        return TAR_GLOBAL;
    if (h->type == '5' || (h->mode & ~(int64_t)07777) == MODE_FOLDER)
        return TAR_FOLDER;
    return has_content(h->type) ? TAR_FILE : TAR_SPECIAL;
}

static int finish(struct tar *t, struct header *h, const struct pending *p, struct tar_entry *out,
                  struct err *err)
{
    if (h->type == 'S')
        return err_set(err, HL_EUNSUPPORTED, "sparse files are not taken from archives");
    if (p->pax_name.len > 0)
        h->name = p->pax_name;
    if (p->long_name.len > 0)
        h->name = p->long_name;
    if (p->has_size)
        h->size = p->size;
    if (h->type == '\0' && str_ends(h->name, STR("/")))
        h->type = '5';
    int rc = set_content(t, h->type, h->size, err);
    if (rc == 0)
        *out = (struct tar_entry){kind_of(h), h->name, t->left};
    return rc;
}

int tar_next(struct tar *t, struct arena *a, struct tar_entry *out, struct err *err)
{
    struct pending p = {0};
    struct header h;

    for (;;) {
        int rc = next_header(t, a, &h, err);
        if (rc != 0)
            return rc;
        if (h.type == 'x' || h.type == 'g')
            rc = read_pax(t, a, &p, err);
        else if (h.type == 'L' || h.type == 'K')
            rc = read_long_name(t, a, h.type == 'L', &p, err);
        else
            return finish(t, &h, &p, out, err);
        if (rc < 0)
            return rc;
        if (h.type == 'g') {
            *out = (struct tar_entry){kind_of(&h), h.name, 0};
            return TAR_ENTRY;
        }
    }
}

int tar_content(struct tar *t, struct arena *a, struct str *out, struct err *err)
{
    size_t len = (size_t)t->left;
    char *bytes = arena_alloc(a, len + 1);

    int rc = take(t, bytes, len, err);
    if (rc < 0)
        return rc;
    t->left = 0;
    *out = (struct str){bytes, len};
    return 0;
}
