/* One LMDB environment, one writer at a time, each write flushed. */
#include "edge/store/blobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "edge/store/file.h"

enum { READERS_MAX = 64, PROBE_BYTES = 8 << 20 };

struct blobs {
    MDB_env *env;
    MDB_dbi dbi;
    struct str path;
};

static int fail(const struct blobs *b, struct err *err, int code, const char *what)
{
    int fd;
    bool is_short =
        code == EIO && mdb_env_get_fd(b->env, &fd) == 0 && !file_has_room(fd, PROBE_BYTES);
    bool is_full = code == MDB_MAP_FULL || is_short || file_is_full(code);
    bool is_broken = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID;

    return err_set(err,
                   is_full     ? HL_ENOSPACE
                   : is_broken ? HL_ECORRUPT
                               : HL_EIO,
                   "%s in " STR_FMT ": %s%s", what, STR_ARG(b->path), mdb_strerror(code),
                   is_broken ? "; remove that folder: it is filled again from Git" : "");
}

static int open_env(struct blobs *b, const char *path, struct err *err)
{
    MDB_txn *t;
    int dead;
    int code = mdb_env_create(&b->env);

    if (code == 0)
        code = mdb_env_set_maxreaders(b->env, READERS_MAX);
    if (code == 0)
        code = mdb_env_set_mapsize(b->env, BLOBS_MAP_BYTES);
    if (code == 0)
        code = mdb_env_open(b->env, path, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (code == 0)
        code = mdb_reader_check(b->env, &dead);
    if (code == 0)
        code = mdb_txn_begin(b->env, NULL, 0, &t);
    if (code != 0)
        return fail(b, err, code, "cannot open the blobs");
    code = mdb_dbi_open(t, NULL, 0, &b->dbi);
    if (code != 0)
        mdb_txn_abort(t);
    else
        code = mdb_txn_commit(t);
    return code == 0 ? 0 : fail(b, err, code, "cannot open the blobs");
}

int blobs_open(struct store_dir *dir, struct blobs **out, struct err *err)
{
    HL_CLEANUP(blobs_closep) struct blobs *b = hl_calloc(1, sizeof(*b));
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    b->path = str_dup(arena_concat(a, store_dir_path(dir), STR("/blobs")));
    const char *path = arena_cstr(a, b->path);
    int r = file_make_dir(path, err);
    if (r == 0)
        r = open_env(b, path, err);
    if (r < 0)
        return r;
    *out = b;
    b = NULL;
    return 0;
}

void blobs_close(struct blobs *b)
{
    if (!b)
        return;
    if (b->env)
        mdb_env_close(b->env);
    str_free(b->path);
    free(b);
}

static MDB_val key_of(const struct digest *digest)
{
    return (MDB_val){.mv_size = DIGEST_BYTES, .mv_data = (void *)(uintptr_t)digest->bytes};
}

int blobs_put(struct blobs *b, const struct digest *digest, struct str bytes, struct err *err)
{
    MDB_val v = {.mv_size = bytes.len, .mv_data = (void *)(uintptr_t)bytes.ptr};
    MDB_val k = key_of(digest);
    MDB_txn *t;
    int code = mdb_txn_begin(b->env, NULL, 0, &t);

    if (code != 0)
        return fail(b, err, code, "cannot store a blob");
    code = mdb_put(t, b->dbi, &k, &v, 0);
    if (code != 0)
        mdb_txn_abort(t);
    else
        code = mdb_txn_commit(t);
    return code == 0 ? 0 : fail(b, err, code, "cannot store a blob");
}

/* The reader must abort *out_txn when it is done with *out. */
static int find(struct blobs *b, const struct digest *digest, MDB_txn **out_txn, struct str *out,
                struct err *err)
{
    char hex[DIGEST_HEX + 1];
    MDB_val k = key_of(digest);
    MDB_val v;
    int code = mdb_txn_begin(b->env, NULL, MDB_RDONLY, out_txn);

    if (code != 0)
        return fail(b, err, code, "cannot read a blob");
    code = mdb_get(*out_txn, b->dbi, &k, &v);
    if (code == 0) {
        *out = (struct str){v.mv_data, v.mv_size};
        return 0;
    }
    mdb_txn_abort(*out_txn);
    if (code != MDB_NOTFOUND)
        return fail(b, err, code, "cannot read a blob");
    return err_set(err, HL_EABSENT, "no blob %s here", digest_hex(digest, hex));
}

static int check(const struct blobs *b, const struct digest *digest, struct str stored,
                 struct err *err)
{
    struct digest found = sha256_of(stored);
    char hex[DIGEST_HEX + 1];

    return digest_eq(&found, digest)
               ? 0
               : err_set(err, HL_ECORRUPT,
                         "blob %s in " STR_FMT " is damaged; remove that folder: it is filled "
                         "again from Git",
                         digest_hex(digest, hex), STR_ARG(b->path));
}

int blobs_read(struct blobs *b, const struct digest *digest, uint64_t offset, size_t max,
               struct arena *a, struct str *out, uint64_t *out_total, struct err *err)
{
    struct str stored;
    MDB_txn *t;

    int r = find(b, digest, &t, &stored, err);
    if (r < 0)
        return r;
    if (offset == 0)
        r = check(b, digest, stored, err);
    if (r == 0) {
        size_t from = offset < stored.len ? (size_t)offset : stored.len;
        size_t to = stored.len - from > max ? from + max : stored.len;
        *out = arena_dup(a, str_sub(stored, from, to));
        *out_total = stored.len;
    }
    mdb_txn_abort(t);
    return r;
}

int blobs_get(struct blobs *b, const struct digest *digest, struct arena *a, struct str *out,
              struct err *err)
{
    uint64_t total;

    return blobs_read(b, digest, 0, SIZE_MAX, a, out, &total, err);
}

int blobs_has(struct blobs *b, const struct digest *digest, bool *out, struct err *err)
{
    struct str stored;
    MDB_txn *t;

    int r = find(b, digest, &t, &stored, err);
    *out = r == 0;
    if (r == 0)
        mdb_txn_abort(t);
    return r == HL_EABSENT ? 0 : r;
}

static int digest_order(const void *x, const void *y)
{
    return memcmp(x, y, DIGEST_BYTES);
}

static int drop_unlisted(MDB_txn *t, MDB_dbi dbi, const struct digest *sorted, size_t count,
                         size_t *out_dropped)
{
    MDB_cursor *cursor;
    MDB_val k;
    MDB_val v;
    int code = mdb_cursor_open(t, dbi, &cursor);

    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    while (code == 0) {
        if (count == 0 || !bsearch(k.mv_data, sorted, count, sizeof(*sorted), digest_order)) {
            code = mdb_cursor_del(cursor, 0);
            (*out_dropped)++;
        }
        if (code == 0)
            code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int blobs_keep_only(struct blobs *b, const struct digest *keep, size_t count, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct digest *sorted = arena_array(a, struct digest, count);
    size_t dropped = 0;
    MDB_txn *t;

    if (count > 0)
        memcpy(sorted, keep, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), digest_order);
    int code = mdb_txn_begin(b->env, NULL, 0, &t);
    if (code != 0)
        return fail(b, err, code, "cannot drop blobs");
    code = drop_unlisted(t, b->dbi, sorted, count, &dropped);
    if (code != 0 || dropped == 0)
        mdb_txn_abort(t);
    else
        code = mdb_txn_commit(t);
    return code == 0 ? 0 : fail(b, err, code, "cannot drop blobs");
}
