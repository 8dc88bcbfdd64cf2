/* ustar headers by hand, gzip by libarchive. */
#include "support/tgz.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>

enum { BLOCK = 512, GZIP_ONLY = 16 };

void tgz_add_header(struct buf *tar, const char *name, char type, uint64_t size_bytes)
{
    char block[BLOCK] = {0};
    unsigned sum = 0;

    snprintf(block, 100, "%s", name);
    snprintf(block + 100, 8, "0000644");
    snprintf(block + 108, 8, "0000000");
    snprintf(block + 116, 8, "0000000");
    snprintf(block + 124, 12, "%011llo", (unsigned long long)size_bytes);
    snprintf(block + 136, 12, "%011o", 0U);
    memset(block + 148, ' ', 8);
    block[156] = type;
    memcpy(block + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    buf_add_bytes(tar, block, BLOCK);
}

static void fill(struct buf *tar)
{
    while (tar->len % BLOCK != 0)
        buf_add_byte(tar, '\0');
}

void tgz_add(struct buf *tar, const char *name, char type, struct str bytes)
{
    tgz_add_header(tar, name, type, bytes.len);
    buf_add(tar, bytes);
    fill(tar);
}

void tgz_add_record(struct buf *pax, const char *key, struct str value)
{
    size_t rest = strlen(key) + value.len + 3;
    size_t size = rest + 1;
    char digits[24];

    while (size != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", size))
        size++;
    buf_printf(pax, "%zu %s=", size, key);
    buf_add(pax, value);
    buf_add_byte(pax, '\n');
}

void tgz_end(struct buf *tar)
{
    static const char zeros[2 * BLOCK];

    buf_add_bytes(tar, zeros, sizeof(zeros));
}

struct str tgz_pack(struct arena *a, struct str bytes)
{
    z_stream z = {0};

    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP_ONLY, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        hl_die("out of memory");
    size_t room = deflateBound(&z, bytes.len);
    char *out = arena_alloc(a, room);
    z.next_in = (z_const Bytef *)(uintptr_t)bytes.ptr;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        hl_die("cannot pack");
    deflateEnd(&z);
    return (struct str){out, room - z.avail_out};
}

struct str tgz_chart(struct arena *a, const char *name, const char *version)
{
    HL_CLEANUP(buf_deinit) struct buf tar = {0};
    const char *path = arena_printf(a, "%s/Chart.yaml", name).ptr;
    struct str yaml = arena_printf(a, "apiVersion: v2\nname: %s\nversion: %s\n", name, version);

    tgz_add(&tar, path, '0', yaml);
    tgz_add(&tar, arena_printf(a, "%s/templates/a.yaml", name).ptr, '0', STR("a: 1\n"));
    tgz_end(&tar);
    return tgz_pack(a, buf_str(&tar));
}
