/*
 * gzip by zlib, tar by tar.c, names judged as pkg/chart/loader/archive.go does. The
 * decompressed stream is never whole in memory, and ends with an error where its budget ends: small
 * archives may not grow more than RATIO_MAX times.
 */
#include "edge/registry/archive.h"

#include <string.h>

#include <zlib.h>

#include "core/gostd/literal.h"
#include "edge/registry/tar.h"

enum {
    GZIP_BYTES_MIN = 18, /* its header and trailer */
    GZIP_ONLY = 16,      /* for inflateInit2 */
    PIECE_BYTES = 1 << 20,
    RATIO_MAX = 200,
    RATIO_FREE_BYTES = 8 << 20,                        /* allowed whatever the ratio */
    STREAM_BYTES_MAX = ARCHIVE_BYTES_MAX + (32 << 20), /* with headers and padding */
};

struct gunzip {
    z_stream stream;
    size_t left; /* of the budget */
    bool is_over;
};

struct unpacking {
    struct arena *a;
    struct chart_file *file;
    size_t count;
    size_t cap;
    size_t entries;
    uint64_t left; /* of ARCHIVE_BYTES_MAX */
    struct err *err;
};

/* ---- gzip ---- */

static int gunzip_failed(int code, struct err *err)
{
    bool is_cut = code == Z_BUF_ERROR || code == Z_OK;

    return err_set(err, HL_EINVAL, "%s", is_cut ? "unexpected EOF" : "flate: corrupt input");
}

static void gunzip_open(struct gunzip *g, struct str bytes)
{
    g->stream.next_in = (z_const Bytef *)(uintptr_t)bytes.ptr;
    g->stream.avail_in = (uInt)bytes.len;
    if (inflateInit2(&g->stream, MAX_WBITS + GZIP_ONLY) != Z_OK)
        hl_die("out of memory");
}

/* Behind a stream there may be another one, whose content follows; zeros are padding. */
static void end_stream(struct gunzip *g)
{
    while (g->stream.avail_in > 0 && *g->stream.next_in == 0) {
        g->stream.next_in++;
        g->stream.avail_in--;
    }
    g->is_over = g->stream.avail_in == 0 || inflateReset(&g->stream) != Z_OK;
}

static int gunzip_read(void *context, void *out, size_t len, size_t *out_len, struct err *err)
{
    struct gunzip *g = context;
    size_t done = 0;

    while (done < len && !g->is_over) {
        size_t room = len - done < PIECE_BYTES ? len - done : PIECE_BYTES;
        g->stream.next_out = (Bytef *)out + done;
        g->stream.avail_out = (uInt)room;
        int code = inflate(&g->stream, Z_NO_FLUSH);
        size_t got = room - g->stream.avail_out;
        if (code == Z_STREAM_END)
            end_stream(g);
        else if (code != Z_OK || (got == 0 && g->stream.avail_in == 0))
            return gunzip_failed(code, err);
        if (got > g->left)
            return err_set(
                err, HL_ELIMIT,
                "decompressed chart is larger than %d times its archive and than %d bytes",
                RATIO_MAX, RATIO_FREE_BYTES);
        g->left -= got;
        done += got;
    }
    *out_len = done;
    return 0;
}

static size_t budget_of(size_t packed)
{
    size_t budget = RATIO_FREE_BYTES + packed * RATIO_MAX;

    return budget < STREAM_BYTES_MAX ? budget : STREAM_BYTES_MAX;
}

/* ---- names ---- */

static int refuse(struct unpacking *u, int code, const char *what, struct str entry)
{
    HL_CLEANUP(buf_deinit) struct buf quoted = {0};

    literal_quote(&quoted, str_sub(entry, 0, 200), false);
    return err_set(u->err, code, "%s: " STR_FMT, what, STR_ARG(buf_str(&quoted)));
}

/* path.Clean of a relative path; empty where that is ".". */
static struct str clean(struct arena *a, struct str path)
{
    char *out = arena_alloc(a, path.len + 1);
    size_t len = 0;
    size_t kept = 0; /* bytes of ".." at the front, which nothing takes back */

    while (path.len > 0) {
        struct str part = str_cut(&path, '/');
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR("..")) && len > kept) {
            while (len > kept && out[len - 1] != '/')
                len--;
            len -= len > kept;
            continue;
        }
        if (len > 0)
            out[len++] = '/';
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
        if (str_eq(part, STR("..")))
            kept = len;
    }
    return (struct str){out, len};
}

static bool has_drive(struct str name)
{
    char letter = name.len > 2 ? (char)(name.ptr[0] | 0x20) : 0;

    return letter >= 'a' && letter <= 'z' && name.ptr[1] == ':' && name.ptr[2] == '/';
}

/* The entry's name below the top folder. Windows' separators become ours. */
static int chart_name(struct unpacking *u, struct str entry, struct str *out)
{
    char separator = str_has_byte(entry, '\\') ? '\\' : '/';
    struct str rest = entry;
    struct str top = str_cut(&rest, separator);
    struct str below = arena_dup(u->a, rest);

    for (size_t i = 0; separator == '\\' && i < below.len; i++) {
        if (below.ptr[i] == separator)
            ((char *)(uintptr_t)below.ptr)[i] = '/';
    }
    if (str_starts(below, STR("/")))
        return refuse(u, HL_EINVAL, "chart illegally contains absolute paths", entry);
    struct str name = clean(u->a, below);
    if (name.len == 0)
        return refuse(u, HL_EINVAL, "chart illegally contains content outside the base directory",
                      entry);
    if (str_starts(name, STR("..")))
        return refuse(u, HL_EINVAL, "chart illegally references parent directory", entry);
    if (has_drive(name))
        return refuse(u, HL_EINVAL, "chart contains illegally named files", entry);
    if (str_eq(top, STR("Chart.yaml")))
        return refuse(u, HL_EINVAL, "chart yaml not in base directory", entry);
    *out = name;
    return 0;
}

/* ---- entries ---- */

static int too_large(struct unpacking *u)
{
    return err_set(u->err, HL_ELIMIT, "decompressed chart is larger than the maximum file size %d",
                   ARCHIVE_BYTES_MAX);
}

static int check_size(struct unpacking *u, const struct tar_entry *e)
{
    HL_CLEANUP(buf_deinit) struct buf quoted = {0};

    if (e->size_bytes > u->left)
        return too_large(u);
    if (e->size_bytes <= ARCHIVE_FILE_BYTES_MAX)
        return 0;
    literal_quote(&quoted, str_sub(e->name, 0, 200), false);
    return err_set(u->err, HL_ELIMIT,
                   "decompressed chart file " STR_FMT " is larger than the maximum file size %d",
                   STR_ARG(buf_str(&quoted)), ARCHIVE_FILE_BYTES_MAX);
}

static int take_file(struct unpacking *u, struct tar *t, const struct tar_entry *e)
{
    struct chart_file f;

    int rc = chart_name(u, e->name, &f.name);
    if (rc == 0)
        rc = check_size(u, e);
    if (rc == 0)
        rc = tar_content(t, u->a, &f.bytes, u->err);
    if (rc < 0)
        return rc;
    u->left -= f.bytes.len;
    if (u->left == 0)
        return too_large(u);
    if (str_starts(f.bytes, STR("\xef\xbb\xbf")))
        f.bytes = str_sub(f.bytes, 3, f.bytes.len);
    ARENA_PUSH(u->a, u->file, u->count, u->cap, f);
    return 0;
}

static int take_entry(struct unpacking *u, struct tar *t, const struct tar_entry *e)
{
    if (++u->entries > ARCHIVE_ENTRIES_MAX)
        return err_set(u->err, HL_ELIMIT, "chart archive holds more than %d entries",
                       ARCHIVE_ENTRIES_MAX);
    switch (e->kind) {
    case TAR_FOLDER:
    case TAR_GLOBAL:
        return 0;
    case TAR_SPECIAL:
        return refuse(u, HL_EINVAL, "chart archive holds a link or device", e->name);
    case TAR_FILE:
        break;
    }
    return take_file(u, t, e);
}

static int take_all(struct unpacking *u, struct gunzip *g)
{
    HL_CLEANUP(tar_deinit) struct tar t;
    struct tar_entry e;
    int rc;

    tar_init(&t, gunzip_read, g);
    while ((rc = tar_next(&t, u->a, &e, u->err)) == TAR_ENTRY) {
        rc = take_entry(u, &t, &e);
        if (rc < 0)
            break;
    }
    if (rc == TAR_END && u->count == 0)
        return err_set(u->err, HL_EINVAL, "no files in chart archive");
    return rc == TAR_END ? 0 : rc;
}

int archive_unpack(void *context, struct arena *a, struct str name, struct str bytes,
                   struct chart_file **out, size_t *out_count, struct err *err)
{
    struct unpacking u = {.a = a, .left = ARCHIVE_BYTES_MAX, .err = err};
    struct gunzip g = {.left = budget_of(bytes.len)};

    (void)context;
    if (bytes.len > ARCHIVE_PACKED_MAX)
        return err_set(err, HL_ELIMIT, "chart archive " STR_FMT " is larger than %d bytes",
                       STR_ARG(name), ARCHIVE_PACKED_MAX);
    if (!str_starts(bytes, STR("\x1f\x8b\x08")))
        return err_set(err, HL_EINVAL, "file '" STR_FMT "' does not appear to be a gzipped archive",
                       STR_ARG(name));
    if (bytes.len < GZIP_BYTES_MIN)
        return err_set(err, HL_EINVAL, "unexpected EOF");
    gunzip_open(&g, bytes);
    int rc = take_all(&u, &g);
    inflateEnd(&g.stream);
    if (rc < 0)
        return rc;
    *out = u.file;
    *out_count = u.count;
    return 0;
}
