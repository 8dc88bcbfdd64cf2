/*
 * Whatever an archive holds, names come out clean and sizes within their limits. The input is the
 * tar, since a fuzzer finds no checksums of gzip's; if it starts as gzip does, it is the archive.
 */
#include "edge/registry/archive.h"
#include "edge/registry/tar.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str bytes = {(const char *)data, size};
    struct chart_file *file = NULL;
    size_t count = 0;
    struct err err = {0};

    check_tar(a, bytes);
    int rc = archive_unpack(NULL, a, STR("a.tgz"), bytes, &file, &count, &err);
    HL_ASSERT((rc == 0) == (count > 0) && (rc == 0 || err.code == rc));
    for (size_t i = 0; i < count; i++) {
        check_name(file[i].name);
        HL_ASSERT(file[i].bytes.len <= ARCHIVE_FILE_BYTES_MAX);
    }
    return 0;
}
