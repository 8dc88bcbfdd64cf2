/*
 * LMDB 0.9 as docs and experience say to use it: no DUPSORT, no nested transactions, no sync, read
 * transactions tied to objects instead of threads (MDB_NOTLS), stale readers cleared at open, map
 * of a fixed generous size that costs address space only.
 *
 * Two named databases: `kv` (value = CRC-32C of key and value, then the value) and `blob` (key =
 * SHA-256, value = the content, which its key checks). The applied index lives in `meta`.
 */
#include "edge/store/statedb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <lmdb.h>

#include "edge/store/owner.h"

enum { MAX_READERS = 64, SUM_BYTES = 4, SCRATCH_KEEP_BYTES = 64 << 10 };
#define FLAGS (MDB_NOTLS | MDB_NOSYNC | MDB_NORDAHEAD)

static const char applied_key[] = "applied";

/* One transaction with a cursor on kv; `db` gives the handles. */
struct txn {
    struct statedb *db;
    MDB_txn *mdb;
    MDB_cursor *cursor;
    bool is_read_only;
};

struct statedb {
    MDB_env *env;
    MDB_dbi kv;
    MDB_dbi blob;
    MDB_dbi meta;
    struct str dir;
    struct str mesh;
    uint64_t member;
    struct txn write;
    struct buf scratch; /* of the writer */
};

struct statedb_view {
    struct txn txn;
};

static int fail(const struct statedb *db, struct err *err, int code, const char *what)
{
    int hl = HL_EIO;

    if (code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT)
        hl = HL_ENOSPACE;
    else if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID)
        hl = HL_ECORRUPT;
    if (hl == HL_ECORRUPT)
        owner_mark_damaged(db->dir);
    return err_set(err, hl, "state in " STR_FMT ": %s: %s%s", STR_ARG(db->dir), what,
                   mdb_strerror(code),
                   hl == HL_ECORRUPT ? "; it is rebuilt from the log at the next start" : "");
}

static MDB_val val_of(struct str s)
{
    return (MDB_val){.mv_size = s.len, .mv_data = (void *)(uintptr_t)s.ptr};
}

static struct str str_of(MDB_val v)
{
    return (struct str){v.mv_data, v.mv_size};
}

static int check_key(struct str key, struct err *err)
{
    if (key.len == 0 || key.len > KV_KEY_MAX)
        return err_set(err, HL_EINVAL, "a key of %zu bytes, must be 1 to %d", key.len, KV_KEY_MAX);
    return 0;
}

static uint32_t sum_of(struct str key, struct str value)
{
    return crc32c(crc32c(0, key.ptr, key.len), value.ptr, value.len);
}

static int open_value(const struct statedb *db, struct str key, MDB_val stored, struct str *out,
                      struct err *err)
{
    struct str all = str_of(stored);
    struct str value = str_sub(all, SUM_BYTES, all.len);

    if (all.len < SUM_BYTES || bytes_u32(all.ptr) != sum_of(key, value)) {
        owner_mark_damaged(db->dir);
        return err_set(err, HL_ECORRUPT,
                       "state in " STR_FMT ": the value of a key of %zu bytes is damaged; the "
                       "state is rebuilt from the log at the next start",
                       STR_ARG(db->dir), key.len);
    }
    *out = value;
    return 0;
}

static int kv_get(void *context, struct str key, struct str *out, struct err *err)
{
    struct txn *t = context;
    MDB_val k = val_of(key);
    MDB_val v;
    int result = check_key(key, err);

    if (result != 0)
        return result;
    int code = mdb_get(t->mdb, t->db->kv, &k, &v);
    if (code == MDB_NOTFOUND)
        return KV_ABSENT;
    if (code != 0)
        return fail(t->db, err, code, "cannot read");
    result = open_value(t->db, key, v, out, err);
    return result != 0 ? result : KV_FOUND;
}

static int check_write(const struct txn *t, struct str key, struct err *err)
{
    if (t->is_read_only)
        return err_set(err, HL_EINVAL, "a read view cannot be written");
    return check_key(key, err);
}

/* Key and value may be ones that get or next lent out of this very transaction, and the put moves
 * its pages: so it works on copies. */
static int kv_put(void *context, struct str key, struct str value, struct err *err)
{
    struct txn *t = context;
    char key_copy[KV_KEY_MAX];
    int result = check_write(t, key, err);

    if (result != 0)
        return result;
    if (value.len > KV_VALUE_MAX)
        return err_set(err, HL_ELIMIT, "a value of %zu bytes, at most %d", value.len, KV_VALUE_MAX);
    memcpy(key_copy, key.ptr, key.len);
    buf_reset(&t->db->scratch);
    buf_add_u32(&t->db->scratch, sum_of(key, value));
    buf_add(&t->db->scratch, value);
    MDB_val k = {.mv_size = key.len, .mv_data = key_copy};
    MDB_val v = val_of(buf_str(&t->db->scratch));
    int code = mdb_put(t->mdb, t->db->kv, &k, &v, 0);
    if (t->db->scratch.cap > SCRATCH_KEEP_BYTES)
        buf_deinit(&t->db->scratch);
    return code == 0 ? 0 : fail(t->db, err, code, "cannot write");
}

static int kv_del(void *context, struct str key, struct err *err)
{
    struct txn *t = context;
    MDB_val k = val_of(key);
    int result = check_write(t, key, err);

    if (result != 0)
        return result;
    int code = mdb_del(t->mdb, t->db->kv, &k, NULL);
    if (code == MDB_NOTFOUND)
        return KV_ABSENT;
    return code == 0 ? KV_FOUND : fail(t->db, err, code, "cannot delete");
}

/* The first key >= from (or > from), any prefix; MDB's code. */
static int seek(struct txn *t, struct str from, bool is_behind, MDB_val *k, MDB_val *v)
{
    *k = val_of(from);
    if (from.len == 0)
        return mdb_cursor_get(t->cursor, k, v, MDB_FIRST);
    int code = mdb_cursor_get(t->cursor, k, v, MDB_SET_RANGE);
    if (code == 0 && is_behind && str_eq(str_of(*k), from))
        code = mdb_cursor_get(t->cursor, k, v, MDB_NEXT);
    return code;
}

static int kv_next(void *context, struct str prefix, struct str after, struct str *out_key,
                   struct str *out_value, struct err *err)
{
    struct txn *t = context;
    bool is_behind = str_cmp(after, prefix) >= 0 && after.len > 0;
    MDB_val k;
    MDB_val v;

    if (prefix.len > KV_KEY_MAX || after.len > KV_KEY_MAX)
        return err_set(err, HL_EINVAL, "a key of over %d bytes", KV_KEY_MAX);
    if (!t->cursor) {
        int code = mdb_cursor_open(t->mdb, t->db->kv, &t->cursor);
        if (code != 0)
            return fail(t->db, err, code, "cannot open a cursor");
    }
    int code = seek(t, is_behind ? after : prefix, is_behind, &k, &v);
    if (code == MDB_NOTFOUND || (code == 0 && !str_starts(str_of(k), prefix)))
        return KV_ABSENT;
    if (code != 0)
        return fail(t->db, err, code, "cannot read");
    *out_key = str_of(k);
    int result = open_value(t->db, *out_key, v, out_value, err);
    return result != 0 ? result : KV_FOUND;
}

static void kv_of(struct txn *t, struct kv *out)
{
    *out = (struct kv){.context = t, .get = kv_get, .put = kv_put, .del = kv_del, .next = kv_next};
}

static void close_cursor(struct txn *t)
{
    if (t->cursor)
        mdb_cursor_close(t->cursor);
    t->cursor = NULL;
}

static void txn_end(struct txn *t)
{
    close_cursor(t);
    if (t->mdb)
        mdb_txn_abort(t->mdb);
    *t = (struct txn){0};
}

static int read_applied(const struct txn *t, uint64_t *out, struct err *err)
{
    MDB_val k = {.mv_size = sizeof(applied_key), .mv_data = (void *)(uintptr_t)applied_key};
    MDB_val v;
    struct str value;
    int code = mdb_get(t->mdb, t->db->meta, &k, &v);

    *out = 0;
    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return fail(t->db, err, code, "cannot read the applied index");
    int result = open_value(t->db, str_of(k), v, &value, err);
    if (result == 0 && value.len == 8)
        *out = bytes_u64(value.ptr);
    return result;
}

static int check_filesystem(struct str dir, const char *path, struct err *err)
{
    enum { NFS = 0x6969, SMB = 0x517b, PLAN9 = 0x01021997 };
    struct statfs fs;

    if (statfs(path, &fs) != 0)
        return err_errno(err, HL_EIO, "cannot look at the file system of " STR_FMT, STR_ARG(dir));
    if (fs.f_type == NFS || fs.f_type == SMB || fs.f_type == PLAN9 ||
        (uint32_t)fs.f_type == 0xff534d42u || (uint32_t)fs.f_type == 0xfe534d42u)
        return err_set(err, HL_EUNSUPPORTED,
                       STR_FMT " is on a network file system; the state needs a local disk",
                       STR_ARG(dir));
    return 0;
}

/* The owner file is written before there is a database, so a database always has one. */
static int prepare_dir(struct statedb *db, const struct store_identity *identity, struct arena *a,
                       struct err *err)
{
    static const char *const wiped[] = {"data.mdb", "lock.mdb", "damaged"};
    char *path = arena_cstr(a, db->dir);

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_errno(err, HL_EIO, "cannot create " STR_FMT, STR_ARG(db->dir));
    int result = check_filesystem(db->dir, path, err);
    if (result != 0)
        return result;
    result = owner_judge(db->dir, identity, err);
    if (result < 0)
        return result;
    for (size_t i = 0; result == OWNER_STALE && i < HL_COUNT(wiped); i++) {
        char *file = arena_cstr(a, arena_printf(a, "%s/%s", path, wiped[i]));
        if (unlink(file) != 0 && errno != ENOENT)
            return err_errno(err, HL_EIO, "cannot remove %s", file);
    }
    return owner_write(db->dir, identity, false, err);
}

static int open_databases(struct statedb *db, struct err *err)
{
    MDB_txn *t;
    int code = mdb_txn_begin(db->env, NULL, 0, &t);

    if (code != 0)
        return fail(db, err, code, "cannot begin");
    code = mdb_dbi_open(t, "kv", MDB_CREATE, &db->kv);
    if (code == 0)
        code = mdb_dbi_open(t, "blob", MDB_CREATE, &db->blob);
    if (code == 0)
        code = mdb_dbi_open(t, "meta", MDB_CREATE, &db->meta);
    if (code != 0) {
        mdb_txn_abort(t);
        return fail(db, err, code, "cannot open its tables");
    }
    code = mdb_txn_commit(t);
    return code == 0 ? 0 : fail(db, err, code, "cannot create its tables");
}

static int open_env(struct statedb *db, struct arena *a, size_t map_bytes, struct err *err)
{
    int dead;
    int code = mdb_env_create(&db->env);

    if (code == 0)
        code = mdb_env_set_maxdbs(db->env, 3);
    if (code == 0)
        code = mdb_env_set_maxreaders(db->env, MAX_READERS);
    if (code == 0)
        code = mdb_env_set_mapsize(db->env, map_bytes);
    if (code == 0)
        code = mdb_env_open(db->env, arena_cstr(a, db->dir), FLAGS, 0600);
    if (code == 0)
        code = mdb_reader_check(db->env, &dead);
    return code == 0 ? open_databases(db, err) : fail(db, err, code, "cannot open");
}

int statedb_open(struct str dir, const struct store_identity *identity, struct statedb **out,
                 uint64_t *out_applied_index, struct err *err)
{
    return statedb_open_sized(dir, identity, STATEDB_MAP_BYTES, out, out_applied_index, err);
}

int statedb_open_sized(struct str dir, const struct store_identity *identity, size_t map_bytes,
                       struct statedb **out, uint64_t *out_applied_index, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct statedb *db = hl_calloc(1, sizeof(*db));
    struct statedb_view *view = NULL;
    struct kv kv;

    db->dir = str_dup(arena_concat(a, dir, STR("/state")));
    int result = prepare_dir(db, identity, a, err);
    if (result == 0)
        result = open_env(db, a, map_bytes, err);
    if (result == 0)
        result = statedb_view_begin(db, &view, &kv, out_applied_index, err);
    statedb_view_end(view);
    if (result != 0) {
        statedb_close(db); /* without a mesh: does not vouch for it */
        return result;
    }
    db->mesh = str_dup(identity->mesh);
    db->member = identity->member;
    *out = db;
    return 0;
}

void statedb_close(struct statedb *db)
{
    if (!db)
        return;
    txn_end(&db->write);
    /* If it cannot be flushed, or that not be noted, another boot rebuilds it. */
    if (db->env && db->mesh.len > 0 && mdb_env_sync(db->env, 1) == 0) {
        struct store_identity identity = {.mesh = db->mesh, .member = db->member};
        struct err ignored;
        int result = owner_write(db->dir, &identity, true, &ignored);
        (void)result;
    }
    if (db->env)
        mdb_env_close(db->env);
    buf_deinit(&db->scratch);
    str_free(db->mesh);
    str_free(db->dir);
    free(db);
}

int statedb_begin(struct statedb *db, struct kv *kv, struct err *err)
{
    HL_ASSERT(!db->write.mdb);
    int code = mdb_txn_begin(db->env, NULL, 0, &db->write.mdb);
    if (code != 0) {
        db->write.mdb = NULL;
        return fail(db, err, code, "cannot begin");
    }
    db->write.db = db;
    kv_of(&db->write, kv);
    return 0;
}

int statedb_commit(struct statedb *db, uint64_t applied_index, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf stored = {0};
    HL_CLEANUP(buf_deinit) struct buf number = {0};
    MDB_val k = {.mv_size = sizeof(applied_key), .mv_data = (void *)(uintptr_t)applied_key};
    MDB_txn *mdb = db->write.mdb;

    HL_ASSERT(mdb);
    close_cursor(&db->write);
    buf_add_u64(&number, applied_index);
    buf_add_u32(&stored, sum_of(str_of(k), buf_str(&number)));
    buf_add(&stored, buf_str(&number));
    MDB_val v = val_of(buf_str(&stored));
    int code = mdb_put(mdb, db->meta, &k, &v, 0);
    if (code != 0) {
        statedb_abort(db);
        return fail(db, err, code, "cannot write the applied index");
    }
    db->write = (struct txn){0};
    code = mdb_txn_commit(mdb); /* ends it either way */
    return code == 0 ? 0 : fail(db, err, code, "cannot commit");
}

void statedb_abort(struct statedb *db)
{
    txn_end(&db->write);
}

int statedb_view_begin(struct statedb *db, struct statedb_view **out, struct kv *kv,
                       uint64_t *out_applied_index, struct err *err)
{
    struct statedb_view *view = hl_calloc(1, sizeof(*view));
    int code = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &view->txn.mdb);

    if (code != 0) {
        free(view);
        return fail(db, err, code, "cannot begin reading");
    }
    view->txn.db = db;
    view->txn.is_read_only = true;
    int result = read_applied(&view->txn, out_applied_index, err);
    if (result != 0) {
        statedb_view_end(view);
        return result;
    }
    kv_of(&view->txn, kv);
    *out = view;
    return 0;
}

void statedb_view_end(struct statedb_view *view)
{
    if (!view)
        return;
    txn_end(&view->txn);
    free(view);
}

/* Blobs take part in the writer's transaction if there is one, else in one of their own. */
static int blob_begin(struct statedb *db, MDB_txn **out, struct err *err)
{
    *out = db->write.mdb;
    if (*out)
        return 0;
    int code = mdb_txn_begin(db->env, NULL, 0, out);
    return code == 0 ? 0 : fail(db, err, code, "cannot begin");
}

static int blob_end(struct statedb *db, MDB_txn *t, int code, const char *what, struct err *err)
{
    if (t != db->write.mdb) {
        if (code == 0)
            code = mdb_txn_commit(t);
        else
            mdb_txn_abort(t);
    }
    return code == 0 ? 0 : fail(db, err, code, what);
}

static MDB_val blob_key(const struct digest *digest)
{
    return (MDB_val){.mv_size = DIGEST_BYTES, .mv_data = (void *)(uintptr_t)digest->bytes};
}

int statedb_blob_put(struct statedb *db, const struct digest *digest, struct str bytes,
                     struct err *err)
{
    MDB_val k = blob_key(digest);
    MDB_val v = val_of(bytes);
    MDB_txn *t;
    int result = blob_begin(db, &t, err);

    if (result != 0)
        return result;
    int code = mdb_put(t, db->blob, &k, &v, 0);
    return blob_end(db, t, code, "cannot store a blob", err);
}

/* Calls for one blob in a read transaction of its own: any thread may. */
static int blob_find(struct statedb *db, const struct digest *digest, MDB_txn **out_txn,
                     MDB_val *out, struct err *err)
{
    MDB_val k = blob_key(digest);
    int code = mdb_txn_begin(db->env, NULL, MDB_RDONLY, out_txn);

    if (code != 0)
        return fail(db, err, code, "cannot begin reading");
    code = mdb_get(*out_txn, db->blob, &k, out);
    if (code == 0)
        return 0;
    mdb_txn_abort(*out_txn);
    if (code != MDB_NOTFOUND)
        return fail(db, err, code, "cannot read a blob");
    char hex[DIGEST_HEX + 1];
    return err_set(err, HL_EABSENT, "no blob %s here", digest_hex(digest, hex));
}

int statedb_blob_get(struct statedb *db, const struct digest *digest, struct arena *a,
                     struct str *out, struct err *err)
{
    MDB_txn *t;
    MDB_val v;
    int result = blob_find(db, digest, &t, &v, err);

    if (result != 0)
        return result;
    struct str copy = arena_dup(a, str_of(v));
    mdb_txn_abort(t);
    struct digest found = sha256_of(copy);
    if (!digest_eq(&found, digest)) {
        char hex[DIGEST_HEX + 1];
        owner_mark_damaged(db->dir);
        return err_set(err, HL_ECORRUPT, "state in " STR_FMT ": blob %s is damaged",
                       STR_ARG(db->dir), digest_hex(digest, hex));
    }
    *out = copy;
    return 0;
}

int statedb_blob_has(struct statedb *db, const struct digest *digest, bool *out, struct err *err)
{
    MDB_txn *t;
    MDB_val v;
    int result = blob_find(db, digest, &t, &v, err);

    *out = result == 0;
    if (result == 0)
        mdb_txn_abort(t);
    return result == HL_EABSENT ? 0 : result;
}

static int digest_order(const void *a, const void *b)
{
    return memcmp(a, b, DIGEST_BYTES);
}

static int drop_unlisted(MDB_txn *t, MDB_dbi blob, const struct digest *sorted, size_t count)
{
    MDB_cursor *cursor;
    MDB_val k;
    MDB_val v;
    int code = mdb_cursor_open(t, blob, &cursor);

    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    while (code == 0) {
        if (count == 0 || !bsearch(k.mv_data, sorted, count, sizeof(*sorted), digest_order))
            code = mdb_cursor_del(cursor, 0);
        if (code == 0)
            code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int statedb_blob_keep_only(struct statedb *db, const struct digest *keep, size_t count,
                           struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct digest *sorted = arena_array(a, struct digest, count);
    MDB_txn *t;

    if (count > 0)
        memcpy(sorted, keep, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), digest_order);
    int result = blob_begin(db, &t, err);
    if (result != 0)
        return result;
    int code = drop_unlisted(t, db->blob, sorted, count);
    return blob_end(db, t, code, "cannot drop blobs", err);
}
