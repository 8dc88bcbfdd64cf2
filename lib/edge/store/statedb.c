/*
 * LMDB without flushes: safe against a killed process, not against a power cut, which is why the
 * boot id of the machine stands in `meta` (raft.md, decisions). Values are <crc32c><bytes>: LMDB's
 * pages carry no checksums.
 */
#include "edge/store/statedb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

enum { CRC_BYTES = 4, READERS_MAX = 32, PATH_SIZE = 4096, META_SIZE = 256 };

static const char format[] = "hlmesh state 1";

struct statedb {
    MDB_env *env;
    MDB_dbi kv;
    MDB_dbi blob;
    MDB_dbi meta;
    MDB_txn *txn; /* the write transaction, if one is open */
    MDB_cursor *cursor;
    char path[PATH_SIZE];
};

struct statedb_view {
    struct statedb *db;
    MDB_txn *txn;
    MDB_cursor *cursor;
};

static int lmdb_err(const struct statedb *db, int code, const char *what, struct err *err)
{
    bool is_full = code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT;

    return err_set(err, is_full ? HL_ENOSPACE : HL_EIO, "%s: cannot %s: %s", db->path, what,
                   mdb_strerror(code));
}

static MDB_val val_of(struct str s)
{
    return (MDB_val){s.len, (void *)(uintptr_t)s.ptr};
}

/* ---- get, put, del, next over one transaction ---- */

static int checked(const struct statedb *db, struct str key, MDB_val v, struct str *out,
                   struct err *err)
{
    const char *bytes = v.mv_data;

    if (v.mv_size < CRC_BYTES ||
        bytes_u32(bytes) != crc32c(0, bytes + CRC_BYTES, v.mv_size - CRC_BYTES))
        return err_set(err, HL_ECORRUPT, "%s: the value of " STR_FMT " is damaged", db->path,
                       STR_ARG(key));
    *out = (struct str){bytes + CRC_BYTES, v.mv_size - CRC_BYTES};
    return KV_FOUND;
}

static int get_in(const struct statedb *db, MDB_txn *txn, struct str key, struct str *out,
                  struct err *err)
{
    MDB_val k = val_of(key);
    MDB_val v;

    int r = mdb_get(txn, db->kv, &k, &v);
    if (r == MDB_NOTFOUND)
        return KV_ABSENT;
    return r != 0 ? lmdb_err(db, r, "read", err) : checked(db, key, v, out, err);
}

static int seek(MDB_cursor *cursor, struct str prefix, struct str after, MDB_val *k, MDB_val *v)
{
    struct str start = after.len > 0 ? after : prefix;

    if (start.len == 0)
        return mdb_cursor_get(cursor, k, v, MDB_FIRST);
    *k = val_of(start);
    int r = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    if (r == 0 && after.len > 0 && k->mv_size == after.len &&
        memcmp(k->mv_data, after.ptr, after.len) == 0)
        r = mdb_cursor_get(cursor, k, v, MDB_NEXT);
    return r;
}

static int next_in(const struct statedb *db, MDB_txn *txn, MDB_cursor **cursor, struct str prefix,
                   struct str after, struct str *out_key, struct str *out_value, struct err *err)
{
    MDB_val k = {0};
    MDB_val v = {0};
    int r = *cursor ? 0 : mdb_cursor_open(txn, db->kv, cursor);

    if (r == 0)
        r = seek(*cursor, prefix, after, &k, &v);
    if (r == MDB_NOTFOUND)
        return KV_ABSENT;
    if (r != 0)
        return lmdb_err(db, r, "read", err);
    struct str key = {k.mv_data, k.mv_size};
    if (!str_starts(key, prefix))
        return KV_ABSENT;
    *out_key = key;
    return checked(db, key, v, out_value, err);
}

static int write_get(void *context, struct str key, struct str *out, struct err *err)
{
    struct statedb *db = context;

    return get_in(db, db->txn, key, out, err);
}

static int write_next(void *context, struct str prefix, struct str after, struct str *out_key,
                      struct str *out_value, struct err *err)
{
    struct statedb *db = context;

    return next_in(db, db->txn, &db->cursor, prefix, after, out_key, out_value, err);
}

static int write_put(void *context, struct str key, struct str value, struct err *err)
{
    struct statedb *db = context;
    MDB_val k = val_of(key);
    MDB_val v = {CRC_BYTES + value.len, NULL};
    uint32_t crc = crc32c(0, value.ptr, value.len);
    unsigned char head[CRC_BYTES] = {(unsigned char)crc, (unsigned char)(crc >> 8),
                                     (unsigned char)(crc >> 16), (unsigned char)(crc >> 24)};

    HL_ASSERT(key.len > 0 && key.len <= KV_KEY_MAX);
    if (value.len > KV_VALUE_MAX)
        return err_set(err, HL_ELIMIT, "a value of %zu bytes", value.len);
    int r = mdb_put(db->txn, db->kv, &k, &v, MDB_RESERVE);
    if (r != 0)
        return lmdb_err(db, r, "write", err);
    memcpy(v.mv_data, head, CRC_BYTES);
    if (value.len)
        memcpy((char *)v.mv_data + CRC_BYTES, value.ptr, value.len);
    return 0;
}

static int write_del(void *context, struct str key, struct err *err)
{
    struct statedb *db = context;
    MDB_val k = val_of(key);

    int r = mdb_del(db->txn, db->kv, &k, NULL);
    if (r == MDB_NOTFOUND)
        return KV_ABSENT;
    return r != 0 ? lmdb_err(db, r, "delete", err) : KV_FOUND;
}

static int view_get(void *context, struct str key, struct str *out, struct err *err)
{
    struct statedb_view *view = context;

    return get_in(view->db, view->txn, key, out, err);
}

static int view_next(void *context, struct str prefix, struct str after, struct str *out_key,
                     struct str *out_value, struct err *err)
{
    struct statedb_view *view = context;

    return next_in(view->db, view->txn, &view->cursor, prefix, after, out_key, out_value, err);
}

static int view_put(void *context, struct str key, struct str value, struct err *err)
{
    (void)context;
    (void)value;
    return err_set(err, HL_EINVAL, "a view cannot write " STR_FMT, STR_ARG(key));
}

static int view_del(void *context, struct str key, struct err *err)
{
    return view_put(context, key, STR_NONE, err);
}

/* ---- meta ---- */

static int meta_get(struct statedb *db, MDB_txn *txn, const char *key, char out[META_SIZE],
                    struct err *err)
{
    MDB_val k = val_of(str_from(key));
    MDB_val v;

    out[0] = '\0';
    int r = mdb_get(txn, db->meta, &k, &v);
    if (r == MDB_NOTFOUND)
        return 0;
    if (r != 0 || v.mv_size >= META_SIZE)
        return lmdb_err(db, r, "read", err);
    memcpy(out, v.mv_data, v.mv_size);
    out[v.mv_size] = '\0';
    return 0;
}

static int meta_put(struct statedb *db, MDB_txn *txn, const char *key, const char *value,
                    struct err *err)
{
    MDB_val k = val_of(str_from(key));
    MDB_val v = val_of(str_from(value));

    int r = mdb_put(txn, db->meta, &k, &v, 0);
    return r != 0 ? lmdb_err(db, r, "write", err) : 0;
}

static int applied_get(struct statedb *db, MDB_txn *txn, uint64_t *out, struct err *err)
{
    char text[META_SIZE];

    int r = meta_get(db, txn, "applied", text, err);
    if (r == 0 && !str_to_u64(str_from(text), out))
        *out = 0;
    return r;
}

static void read_boot_id(char out[META_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, META_SIZE - 1) : -1;

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* ---- opening ---- */

static int open_env(struct statedb *db, struct err *err)
{
    int dead;

    if (mkdir(db->path, 0700) != 0 && errno != EEXIST)
        return err_errno(err, HL_EIO, "cannot make %s", db->path);
    int r = mdb_env_create(&db->env);
    if (r == 0)
        r = mdb_env_set_mapsize(db->env, STATEDB_MAP_BYTES);
    if (r == 0)
        r = mdb_env_set_maxdbs(db->env, 3);
    if (r == 0)
        r = mdb_env_set_maxreaders(db->env, READERS_MAX);
    if (r == 0)
        r = mdb_env_open(db->env, db->path, MDB_NOTLS | MDB_NOSYNC | MDB_NORDAHEAD, 0600);
    if (r == 0)
        r = mdb_reader_check(db->env, &dead);
    if (r != 0)
        return err_set(err, r == MDB_INVALID || r == MDB_VERSION_MISMATCH ? HL_ECORRUPT : HL_EIO,
                       "%s cannot be opened: %s. It can be rebuilt from the log: move it aside",
                       db->path, mdb_strerror(r));
    return 0;
}

static int open_tables(struct statedb *db, MDB_txn *txn, struct err *err)
{
    int r = mdb_dbi_open(txn, "kv", MDB_CREATE, &db->kv);

    if (r == 0)
        r = mdb_dbi_open(txn, "blob", MDB_CREATE, &db->blob);
    if (r == 0)
        r = mdb_dbi_open(txn, "meta", MDB_CREATE, &db->meta);
    return r != 0 ? lmdb_err(db, r, "open its tables", err) : 0;
}

/* A foreign store is refused; one of another boot is wiped, for the log to fill it again. */
static int check_meta(struct statedb *db, MDB_txn *txn, const struct store_identity *identity,
                      struct err *err)
{
    char wanted[META_SIZE];
    char found[META_SIZE];
    char boot_now[META_SIZE];
    char boot_then[META_SIZE];

    snprintf(wanted, sizeof(wanted), "%s, " STR_FMT ", member %llu", format,
             STR_ARG(identity->mesh), (unsigned long long)identity->member);
    read_boot_id(boot_now);
    int r = meta_get(db, txn, "identity", found, err);
    if (r == 0)
        r = meta_get(db, txn, "boot", boot_then, err);
    if (r < 0)
        return r;
    if (found[0] != '\0' && strcmp(found, wanted) != 0)
        return err_set(err, HL_ECORRUPT, "%s belongs to \"%s\", not to \"%s\"", db->path, found,
                       wanted);
    if (found[0] != '\0' && boot_now[0] != '\0' && strcmp(boot_now, boot_then) == 0)
        return 0;
    int e = mdb_drop(txn, db->kv, 0);
    if (e != 0)
        return lmdb_err(db, e, "empty", err);
    r = meta_put(db, txn, "identity", wanted, err);
    if (r == 0)
        r = meta_put(db, txn, "boot", boot_now, err);
    if (r == 0)
        r = meta_put(db, txn, "applied", "0", err);
    return r;
}

static int prepare(struct statedb *db, const struct store_identity *identity, uint64_t *out_applied,
                   struct err *err)
{
    MDB_txn *txn;

    int e = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (e != 0)
        return lmdb_err(db, e, "begin", err);
    int r = open_tables(db, txn, err);
    if (r == 0)
        r = check_meta(db, txn, identity, err);
    if (r == 0)
        r = applied_get(db, txn, out_applied, err);
    if (r < 0) {
        mdb_txn_abort(txn);
        return r;
    }
    e = mdb_txn_commit(txn);
    return e != 0 ? lmdb_err(db, e, "commit", err) : 0;
}

int statedb_open(struct str dir, const struct store_identity *identity, struct statedb **out,
                 uint64_t *out_applied_index, struct err *err)
{
    struct statedb *db = hl_calloc(1, sizeof(*db));

    snprintf(db->path, sizeof(db->path), STR_FMT "/state", STR_ARG(dir));
    int r = open_env(db, err);
    if (r == 0)
        r = prepare(db, identity, out_applied_index, err);
    if (r < 0) {
        statedb_close(db);
        return r;
    }
    *out = db;
    return 0;
}

void statedb_close(struct statedb *db)
{
    if (!db)
        return;
    statedb_abort(db);
    if (db->env)
        mdb_env_close(db->env);
    free(db);
}

/* ---- transactions ---- */

int statedb_begin(struct statedb *db, struct kv *kv, struct err *err)
{
    HL_ASSERT(!db->txn);
    int e = mdb_txn_begin(db->env, NULL, 0, &db->txn);
    if (e != 0)
        return lmdb_err(db, e, "begin", err);
    *kv = (struct kv){db, write_get, write_put, write_del, write_next};
    return 0;
}

static void drop_cursor(MDB_cursor **cursor)
{
    if (*cursor)
        mdb_cursor_close(*cursor);
    *cursor = NULL;
}

int statedb_commit(struct statedb *db, uint64_t applied_index, struct err *err)
{
    char text[META_SIZE];

    HL_ASSERT(db->txn);
    drop_cursor(&db->cursor);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)applied_index);
    int r = meta_put(db, db->txn, "applied", text, err);
    if (r < 0) {
        statedb_abort(db);
        return r;
    }
    int e = mdb_txn_commit(db->txn);
    db->txn = NULL;
    return e != 0 ? lmdb_err(db, e, "commit", err) : 0;
}

void statedb_abort(struct statedb *db)
{
    drop_cursor(&db->cursor);
    if (db->txn)
        mdb_txn_abort(db->txn);
    db->txn = NULL;
}

int statedb_view_begin(struct statedb *db, struct statedb_view **out, struct kv *kv,
                       uint64_t *out_applied_index, struct err *err)
{
    struct statedb_view *view = hl_calloc(1, sizeof(*view));

    view->db = db;
    int e = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &view->txn);
    if (e != 0) {
        free(view);
        return lmdb_err(db, e, "read", err);
    }
    int r = applied_get(db, view->txn, out_applied_index, err);
    if (r < 0) {
        statedb_view_end(view);
        return r;
    }
    *kv = (struct kv){view, view_get, view_put, view_del, view_next};
    *out = view;
    return 0;
}

void statedb_view_end(struct statedb_view *view)
{
    if (!view)
        return;
    drop_cursor(&view->cursor);
    mdb_txn_abort(view->txn);
    free(view);
}

/* ---- blobs ---- */

/* Runs in the open write transaction if there is one, else in one of its own. */
static int blob_write(struct statedb *db, int (*write)(struct statedb *, MDB_txn *, const void *),
                      const void *context, struct err *err)
{
    MDB_txn *txn = db->txn;
    int e = txn ? 0 : mdb_txn_begin(db->env, NULL, 0, &txn);

    if (e == 0)
        e = write(db, txn, context);
    if (txn && txn != db->txn) {
        if (e == 0)
            e = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    return e != 0 ? lmdb_err(db, e, "write a blob", err) : 0;
}

struct blob_put {
    const struct digest *digest;
    struct str bytes;
};

static int do_put(struct statedb *db, MDB_txn *txn, const void *context)
{
    const struct blob_put *put = context;
    MDB_val k = {DIGEST_BYTES, (void *)(uintptr_t)put->digest->bytes};
    MDB_val v = val_of(put->bytes);

    int e = mdb_put(txn, db->blob, &k, &v, MDB_NOOVERWRITE);
    return e == MDB_KEYEXIST ? 0 : e;
}

int statedb_blob_put(struct statedb *db, const struct digest *digest, struct str bytes,
                     struct err *err)
{
    struct blob_put put = {digest, bytes};

    return blob_write(db, do_put, &put, err);
}

struct blob_keep {
    struct map *kept;
};

static int do_keep(struct statedb *db, MDB_txn *txn, const void *context)
{
    const struct blob_keep *keep = context;
    MDB_cursor *cursor;
    MDB_val k;
    MDB_val v;

    int e = mdb_cursor_open(txn, db->blob, &cursor);
    if (e != 0)
        return e;
    while ((e = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        if (!map_get(keep->kept, (struct str){k.mv_data, k.mv_size}) &&
            (e = mdb_cursor_del(cursor, 0)) != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return e == MDB_NOTFOUND ? 0 : e;
}

int statedb_blob_keep_only(struct statedb *db, const struct digest *digests, size_t count,
                           struct err *err)
{
    HL_CLEANUP(map_freep) struct map *kept = map_new(0);
    struct blob_keep keep = {kept};

    for (size_t i = 0; i < count; i++)
        map_set(kept, (struct str){(const char *)digests[i].bytes, DIGEST_BYTES},
                (void *)(uintptr_t)&digests[i]);
    return blob_write(db, do_keep, &keep, err);
}

static int blob_read(struct statedb *db, const struct digest *digest, struct arena *a,
                     struct str *out, bool *out_found, struct err *err)
{
    MDB_val k = {DIGEST_BYTES, (void *)(uintptr_t)digest->bytes};
    MDB_txn *txn = db->txn;
    MDB_val v;

    int e = txn ? 0 : mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (e != 0)
        return lmdb_err(db, e, "read a blob", err);
    e = mdb_get(txn, db->blob, &k, &v);
    *out_found = e == 0;
    if (e == 0 && a)
        *out = arena_dup(a, (struct str){v.mv_data, v.mv_size});
    if (txn != db->txn)
        mdb_txn_abort(txn);
    return e != 0 && e != MDB_NOTFOUND ? lmdb_err(db, e, "read a blob", err) : 0;
}

int statedb_blob_get(struct statedb *db, const struct digest *digest, struct arena *a,
                     struct str *out, struct err *err)
{
    char hex[DIGEST_HEX + 1];
    struct str bytes = STR_NONE;
    bool is_found;

    int r = blob_read(db, digest, a, &bytes, &is_found, err);
    if (r < 0)
        return r;
    if (!is_found)
        return err_set(err, HL_EABSENT, "no blob %s here", digest_hex(digest, hex));
    struct digest actual = sha256_of(bytes);
    if (!digest_eq(&actual, digest))
        return err_set(err, HL_ECORRUPT, "the blob %s is damaged", digest_hex(digest, hex));
    *out = bytes;
    return 0;
}

int statedb_blob_has(struct statedb *db, const struct digest *digest, bool *out, struct err *err)
{
    struct str unused;

    return blob_read(db, digest, NULL, &unused, out, err);
}
