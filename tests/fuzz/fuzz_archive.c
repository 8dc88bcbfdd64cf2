/*
 * Whatever an archive holds, names come out clean and sizes within their limits. The input is taken
 * as an archive, and as a tar whose checksums are mended and which is packed without compressing.
 */
#include "edge/registry/archive.h"
#include "edge/registry/tar.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int from_memory(void *context, void *out, size_t len, size_t *out_len, struct err *err)
{
    struct str *rest = context;
    size_t n = rest->len < len ? rest->len : len;

    (void)err;
    if (n > 0)
        memcpy(out, rest->ptr, n);
    *rest = str_sub(*rest, n, rest->len);
    *out_len = n;
    return 0;
}

static void check_name(struct str name)
{
    struct str rest = name;

    HL_ASSERT(name.len > 0 && name.ptr[0] != '/' && !str_has_byte(name, '\0'));
    HL_ASSERT(!str_starts(name, STR("..")));
    while (rest.len > 0) {
        struct str part = str_cut(&rest, '/');
        HL_ASSERT(part.len > 0 && !str_eq(part, STR(".")) && !str_eq(part, STR("..")));
    }
}

static void check_tar(struct arena *a, struct str bytes)
{
    HL_CLEANUP(tar_deinit) struct tar t;
    struct str rest = bytes;
    struct tar_entry e;
    struct str content;
    struct err err;

    tar_init(&t, from_memory, &rest);
    while (tar_next(&t, a, &e, &err) == TAR_ENTRY) {
        HL_ASSERT(!str_has_byte(e.name, '\0'));
        if (e.kind != TAR_FILE || e.size_bytes > 4096)
            continue;
        if (tar_content(&t, a, &content, &err) < 0)
            break;
        HL_ASSERT(content.len == e.size_bytes);
    }
}

/* A fuzzer finds no checksums: every block gets the one it would need as a header. */
static struct str with_sums(struct arena *a, struct str bytes)
{
    char *out = arena_cstr(a, bytes);

    for (size_t at = 0; at + TAR_BLOCK_BYTES <= bytes.len; at += TAR_BLOCK_BYTES) {
        unsigned sum = 0;
        char digits[8];

        memset(out + at + 148, ' ', 8);
        for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
            sum += (unsigned char)out[at + i];
        snprintf(digits, sizeof(digits), "%06o", sum);
        if (sum != 8 * ' ') /* a block of zeros stays one */
            memcpy(out + at + 148, digits, 7);
        else
            memset(out + at + 148, 0, 8);
    }
    return (struct str){out, bytes.len};
}

/* gzip that compresses nothing (RFC 1951, 3.2.4). */
static struct str stored(struct arena *a, struct str bytes)
{
    static const char head[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    size_t at = 0;

    buf_add_bytes(&out, head, sizeof(head));
    do {
        size_t len = bytes.len - at < 0xffff ? bytes.len - at : 0xffff;
        buf_add_byte(&out, at + len == bytes.len);
        buf_add_byte(&out, (char)(len & 0xff));
        buf_add_byte(&out, (char)(len >> 8));
        buf_add_byte(&out, (char)(~len & 0xff));
        buf_add_byte(&out, (char)(~len >> 8 & 0xff));
        buf_add(&out, str_sub(bytes, at, at + len));
        at += len;
    } while (at < bytes.len);
    buf_add_u64(&out, 0);
    return arena_dup(a, buf_str(&out));
}

static void check_archive(struct arena *a, struct str bytes)
{
    struct chart_file *file = NULL;
    size_t count = 0;
    struct err err = {0};

    int rc = archive_unpack(NULL, a, STR("a.tgz"), bytes, &file, &count, &err);
    HL_ASSERT((rc == 0) == (count > 0) && (rc == 0 || err.code == rc));
    for (size_t i = 0; i < count; i++) {
        check_name(file[i].name);
        HL_ASSERT(file[i].bytes.len <= ARCHIVE_FILE_BYTES_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str bytes = {(const char *)data, size};
    struct str summed = with_sums(a, bytes);

    check_tar(a, bytes);
    check_tar(a, summed);
    check_archive(a, bytes);
    check_archive(a, stored(a, summed));
    return 0;
}
