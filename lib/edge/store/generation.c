/*
 * LMDB 0.9 without locks (nobody writes what is read), without sync until the end (the file gets
 * its name after that), read transactions tied to objects instead of threads (MDB_NOTLS).
 */
#include "edge/store/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "edge/store/file.h"

enum {
    SUM_BYTES = 4,
    META_VERSION = 1,
    META_NUMBERS_BYTES = 28, /* version, index, term, id */
    BATCH_BYTES = 256 << 10, /* one LMDB transaction of a writer */
    ROOM_BYTES = 8 << 20,    /* with less than that, a failure to write is taken for a full disk */
};
#define MAP_BYTES ((size_t)16 << 30) /* of address space, while a file is written */

static const char meta_key[] = "snapshot";

static int fail(const char *path, struct err *err, int code, const char *what)
{
    bool is_full = code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT;
    bool is_broken = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
                     code == MDB_NOTFOUND || code == MDB_VERSION_MISMATCH;

    return err_set(err,
                   is_full     ? HL_ENOSPACE
                   : is_broken ? HL_ECORRUPT
                               : HL_EIO,
                   "%s: %s: %s%s", path, what, mdb_strerror(code),
                   is_broken ? "; replace this coordinator (docs/operations.md)" : "");
}

static MDB_val val_of(struct str s)
{
    return (MDB_val){.mv_size = s.len, .mv_data = (void *)(uintptr_t)s.ptr};
}

static struct str str_of(MDB_val v)
{
    return (struct str){v.mv_data, v.mv_size};
}

static MDB_val meta_val(void)
{
    return (MDB_val){.mv_size = sizeof(meta_key), .mv_data = (void *)(uintptr_t)meta_key};
}

static uint32_t sum_of(struct str key, struct str value)
{
    return crc32c(crc32c(0, key.ptr, key.len), value.ptr, value.len);
}

/* ---- ids ---- */

static void chain_step(struct chain *c, struct str bytes)
{
    uint64_t hash = siphash(c->key, bytes);

    c->key[1] = c->key[0] + bytes.len;
    c->key[0] = hash;
}

void chain_begin(struct chain *c, uint64_t index, uint64_t term)
{
    *c = (struct chain){{index, term}};
}

void chain_add(struct chain *c, struct str key, struct str value)
{
    chain_step(c, key);
    chain_step(c, value);
}

uint64_t chain_end(const struct chain *c)
{
    return c->key[0] ? c->key[0] : 1;
}

/* ---- reading ---- */

struct generation {
    MDB_env *env;
    MDB_dbi kv;
    struct str path; /* heap, with a NUL behind */
    struct raft_snapshot snapshot;
    uint64_t bytes;
    atomic_int references;
};

struct reader {
    struct generation *g;
    MDB_txn *txn;
    MDB_cursor *cursor;
};

static int read_meta(struct generation *g, struct str stored, struct err *err)
{
    struct str bytes = str_sub(stored, SUM_BYTES, stored.len);
    struct raft_snapshot *s = &g->snapshot;

    if (stored.len < SUM_BYTES + META_NUMBERS_BYTES ||
        bytes_u32(stored.ptr) != crc32c(0, bytes.ptr, bytes.len))
        return fail(g->path.ptr, err, MDB_CORRUPTED, "its numbers are damaged");
    if (bytes_u32(bytes.ptr) != META_VERSION)
        return err_set(err, HL_EUNSUPPORTED, "%s was written by another version of hlmesh",
                       g->path.ptr);
    s->index = bytes_u64(bytes.ptr + 4);
    s->term = bytes_u64(bytes.ptr + 12);
    s->id = bytes_u64(bytes.ptr + 20);
    if (!raft_members_decode(str_sub(bytes, META_NUMBERS_BYTES, bytes.len), &s->members))
        return fail(g->path.ptr, err, MDB_CORRUPTED, "its members are damaged");
    return 0;
}

static int open_tables(struct generation *g, struct err *err)
{
    MDB_val k = meta_val();
    MDB_dbi meta;
    MDB_txn *t;
    MDB_val v;
    int code = mdb_txn_begin(g->env, NULL, MDB_RDONLY, &t);

    if (code != 0)
        return fail(g->path.ptr, err, code, "cannot begin reading");
    code = mdb_dbi_open(t, "kv", 0, &g->kv);
    if (code == 0)
        code = mdb_dbi_open(t, "meta", 0, &meta);
    if (code == 0)
        code = mdb_get(t, meta, &k, &v);
    int r = code == 0 ? read_meta(g, str_of(v), err)
                      : fail(g->path.ptr, err, code, "not a finished state");
    if (r < 0)
        mdb_txn_abort(t);
    else if ((code = mdb_txn_commit(t)) != 0) /* keeps the handles */
        r = fail(g->path.ptr, err, code, "cannot open");
    return r;
}

int generation_open(const char *path, struct generation **out, struct err *err)
{
    HL_CLEANUP(generation_unrefp) struct generation *g = hl_calloc(1, sizeof(*g));
    struct stat about;

    g->references = 1;
    g->path = str_dup(str_from(path));
    if (stat(path, &about) != 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "cannot open %s", path);
    g->bytes = (uint64_t)about.st_size;
    int code = mdb_env_create(&g->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(g->env, 2);
    if (code == 0)
        code = mdb_env_set_mapsize(g->env, (size_t)about.st_size);
    if (code == 0)
        code = mdb_env_open(g->env, path,
                            MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | MDB_NORDAHEAD, 0);
    int r = code == 0 ? open_tables(g, err) : fail(path, err, code, "cannot open");
    if (r < 0)
        return r;
    *out = g;
    g = NULL;
    return 0;
}

struct generation *generation_ref(struct generation *g)
{
    if (g)
        atomic_fetch_add(&g->references, 1);
    return g;
}

void generation_unref(struct generation *g)
{
    if (!g || atomic_fetch_sub(&g->references, 1) > 1)
        return;
    if (g->env)
        mdb_env_close(g->env);
    str_free(g->path);
    free(g);
}

const struct raft_snapshot *generation_snapshot(const struct generation *g)
{
    return &g->snapshot;
}

const char *generation_path(const struct generation *g)
{
    return g->path.ptr;
}

uint64_t generation_bytes(const struct generation *g)
{
    return g->bytes;
}

int reader_open(struct generation *g, struct reader **out, struct err *err)
{
    struct reader *r = hl_calloc(1, sizeof(*r));
    int code = mdb_txn_begin(g->env, NULL, MDB_RDONLY, &r->txn);

    r->g = generation_ref(g);
    if (code == 0)
        code = mdb_cursor_open(r->txn, g->kv, &r->cursor);
    if (code != 0) {
        reader_close(r);
        return fail(generation_path(g), err, code, "cannot begin reading");
    }
    *out = r;
    return 0;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    if (r->cursor)
        mdb_cursor_close(r->cursor);
    if (r->txn)
        mdb_txn_abort(r->txn);
    generation_unref(r->g);
    free(r);
}

static int check_value(const struct reader *r, struct str key, MDB_val stored, struct str *out,
                       struct err *err)
{
    struct str all = str_of(stored);
    struct str value = str_sub(all, SUM_BYTES, all.len);

    if (all.len < SUM_BYTES || bytes_u32(all.ptr) != sum_of(key, value))
        return fail(r->g->path.ptr, err, MDB_CORRUPTED, "a value is damaged");
    *out = value;
    return KV_FOUND;
}

int reader_get(struct reader *r, struct str key, struct str *out, struct err *err)
{
    MDB_val k = val_of(key);
    MDB_val v;
    int code = mdb_get(r->txn, r->g->kv, &k, &v);

    if (code == MDB_NOTFOUND)
        return KV_ABSENT;
    return code == 0 ? check_value(r, key, v, out, err)
                     : fail(r->g->path.ptr, err, code, "cannot read");
}

static int found(const struct reader *r, int code, MDB_val k, MDB_val v, struct str *out_key,
                 struct str *out_value, struct err *err)
{
    if (code == MDB_NOTFOUND)
        return KV_ABSENT;
    if (code != 0)
        return fail(r->g->path.ptr, err, code, "cannot read");
    *out_key = str_of(k);
    return check_value(r, *out_key, v, out_value, err);
}

int reader_seek(struct reader *r, struct str key, bool is_behind, struct str *out_key,
                struct str *out_value, struct err *err)
{
    MDB_val k = val_of(key);
    MDB_val v;
    int code = mdb_cursor_get(r->cursor, &k, &v, key.len > 0 ? MDB_SET_RANGE : MDB_FIRST);

    if (code == 0 && is_behind && str_eq(str_of(k), key))
        code = mdb_cursor_get(r->cursor, &k, &v, MDB_NEXT);
    return found(r, code, k, v, out_key, out_value, err);
}

int reader_next(struct reader *r, struct str *out_key, struct str *out_value, struct err *err)
{
    MDB_val k;
    MDB_val v;
    int code = mdb_cursor_get(r->cursor, &k, &v, MDB_NEXT);

    return found(r, code, k, v, out_key, out_value, err);
}

/* ---- writing ---- */

struct writer {
    MDB_env *env;
    MDB_dbi kv;
    MDB_txn *txn;
    struct str path; /* heap, with a NUL behind */
    size_t batch_bytes;
    struct buf value;
};

static int writer_fail(const struct writer *w, struct err *err, int code, const char *what)
{
    int fd;

    if (code == EIO && mdb_env_get_fd(w->env, &fd) == 0 && !file_has_room(fd, ROOM_BYTES))
        code = ENOSPC;
    return fail(w->path.ptr, err, code, what);
}

static int begin_batch(struct writer *w, struct err *err)
{
    int code = mdb_txn_begin(w->env, NULL, 0, &w->txn);

    w->batch_bytes = 0;
    if (code == 0)
        return 0;
    w->txn = NULL;
    return fail(w->path.ptr, err, code, "cannot begin writing");
}

/* The log's flushes share the device: they shall find one batch before them there, not a whole
 * base. Only mdb_env_sync makes anything durable, but it might not hear of this failure again. */
static int send_to_device(const struct writer *w)
{
    enum { FLAGS = SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER, PAUSE_NS = 1000000 };
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int fd;

    int code = mdb_env_get_fd(w->env, &fd);
    if (code == 0 && sync_file_range(fd, 0, 0, FLAGS) != 0)
        code = errno == ENOSYS ? 0 : errno;
    nanosleep(&pause, NULL);
    return code;
}

int writer_commit(struct writer *w, struct err *err)
{
    MDB_txn *t = w->txn;

    if (!t)
        return 0;
    w->txn = NULL;
    int code = mdb_txn_commit(t);
    if (code == 0)
        code = send_to_device(w);
    return code == 0 ? 0 : writer_fail(w, err, code, "cannot write");
}

int writer_open(const char *path, bool goes_on, struct writer **out, struct err *err)
{
    HL_CLEANUP(writer_closep) struct writer *w = hl_calloc(1, sizeof(*w));

    w->path = str_dup(str_from(path));
    if (!goes_on && unlink(path) != 0 && errno != ENOENT)
        return err_errno(err, HL_EIO, "cannot remove %s", path);
    int code = mdb_env_create(&w->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(w->env, 2);
    if (code == 0)
        code = mdb_env_set_mapsize(w->env, MAP_BYTES);
    if (code == 0)
        code = mdb_env_open(w->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | MDB_NOSYNC, 0600);
    if (code != 0)
        return fail(path, err, code, "cannot create");
    int r = begin_batch(w, err);
    if (r == 0 && (code = mdb_dbi_open(w->txn, "kv", MDB_CREATE, &w->kv)) != 0)
        r = fail(path, err, code, "cannot create");
    if (r == 0)
        r = writer_commit(w, err);
    if (r < 0)
        return r;
    *out = w;
    w = NULL;
    return 0;
}

int writer_add(struct writer *w, struct str key, struct str value, struct err *err)
{
    int r = 0;

    if (w->batch_bytes > BATCH_BYTES)
        r = writer_commit(w, err);
    if (r == 0 && !w->txn)
        r = begin_batch(w, err);
    if (r < 0)
        return r;
    buf_reset(&w->value);
    buf_add_u32(&w->value, sum_of(key, value));
    buf_add(&w->value, value);
    MDB_val k = val_of(key);
    MDB_val v = val_of(buf_str(&w->value));
    int code = mdb_put(w->txn, w->kv, &k, &v, MDB_APPEND);
    w->batch_bytes += key.len + value.len;
    if (code == MDB_KEYEXIST)
        return err_set(err, HL_EINVAL, "%s: keys that do not ascend", w->path.ptr);
    return code == 0 ? 0 : writer_fail(w, err, code, "cannot write");
}

int writer_last_key(struct writer *w, struct arena *a, struct str *out, struct err *err)
{
    MDB_cursor *cursor;
    MDB_txn *t;
    MDB_val k;
    MDB_val v;

    *out = STR_NONE;
    int r = writer_commit(w, err);
    if (r < 0)
        return r;
    int code = mdb_txn_begin(w->env, NULL, MDB_RDONLY, &t);
    if (code != 0)
        return fail(w->path.ptr, err, code, "cannot begin reading");
    code = mdb_cursor_open(t, w->kv, &cursor);
    if (code == 0) {
        code = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
        if (code == 0)
            *out = arena_dup(a, str_of(k));
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(t);
    return code == 0 || code == MDB_NOTFOUND ? 0 : fail(w->path.ptr, err, code, "cannot read");
}

static void encode_meta(struct buf *out, const struct raft_snapshot *s)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    char members[RAFT_MEMBERS_BYTES_MAX];
    size_t len = raft_members_encode(&s->members, members);

    buf_add_u32(&bytes, META_VERSION);
    buf_add_u64(&bytes, s->index);
    buf_add_u64(&bytes, s->term);
    buf_add_u64(&bytes, s->id);
    buf_add(&bytes, (struct str){members, len});
    buf_add_u32(out, crc32c(0, bytes.ptr, bytes.len));
    buf_add(out, buf_str(&bytes));
}

int writer_finish(struct writer *w, const struct raft_snapshot *snapshot, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    MDB_val k = meta_val();
    MDB_dbi meta;

    encode_meta(&bytes, snapshot);
    MDB_val v = val_of(buf_str(&bytes));
    int r = w->txn ? 0 : begin_batch(w, err);
    if (r < 0)
        return r;
    int code = mdb_dbi_open(w->txn, "meta", MDB_CREATE, &meta);
    if (code == 0)
        code = mdb_put(w->txn, meta, &k, &v, 0);
    if (code != 0)
        return fail(w->path.ptr, err, code, "cannot write");
    r = writer_commit(w, err);
    if (r == 0 && (code = mdb_env_sync(w->env, 1)) != 0)
        r = fail(w->path.ptr, err, code, "cannot flush");
    return r;
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    if (w->txn)
        mdb_txn_abort(w->txn);
    if (w->env)
        mdb_env_close(w->env);
    buf_deinit(&w->value);
    str_free(w->path);
    free(w);
}
