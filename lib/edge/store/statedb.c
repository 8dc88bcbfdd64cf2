/*
 * Three layers under one struct kv. What is read comes from the newest layer that knows the key;
 * what is written goes to the recent one. The base is swapped under a mutex, for readers in other
 * threads take a reference to it there.
 */
#include "edge/store/statedb.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/store/file.h"
#include "edge/store/layer.h"
#include "edge/store/piece.h"
#include "edge/store/statedb_internal.h"

struct statedb {
    struct str dir; /* of the state */
    struct layer *recent;
    struct layer *frozen;    /* NULL unless a checkpoint is under way */
    pthread_mutex_t lock;    /* of `base` alone */
    struct generation *base; /* NULL: an empty state */
    struct reader *reader;   /* the owner's */
    uint64_t applied;
    struct journal journal;
    struct buf scratch;
    bool is_writing;
    struct kv read_kv;
    struct kv write_kv;
};

static const struct raft_snapshot no_snapshot;

/* ---- one key ---- */

static int check_key(struct str key, struct err *err)
{
    if (key.len == 0 || key.len > KV_KEY_MAX)
        return err_set(err, HL_EINVAL, "a key of %zu bytes, must be 1 to %d", key.len, KV_KEY_MAX);
    return 0;
}

static const struct node *find_changed(const struct statedb *db, struct str key)
{
    const struct node *n = layer_find(db->recent, key);

    return n || !db->frozen ? n : layer_find(db->frozen, key);
}

static int kv_get(void *context, struct str key, struct str *out, struct err *err)
{
    struct statedb *db = context;
    int r = check_key(key, err);

    if (r < 0)
        return r;
    const struct node *n = find_changed(db, key);
    if (n) {
        *out = node_value(n);
        return n->is_gone ? KV_ABSENT : KV_FOUND;
    }
    return db->reader ? reader_get(db->reader, key, out, err) : KV_ABSENT;
}

static int kv_put(void *context, struct str key, struct str value, struct err *err)
{
    struct statedb *db = context;
    int r = check_key(key, err);

    if (r < 0)
        return r;
    if (value.len > KV_VALUE_MAX)
        return err_set(err, HL_ELIMIT, "a value of %zu bytes, at most %d", value.len, KV_VALUE_MAX);
    layer_put(db->recent, &db->journal, key, value, false);
    return 0;
}

static int kv_del(void *context, struct str key, struct err *err)
{
    struct statedb *db = context;
    struct str value;

    int r = kv_get(context, key, &value, err);
    if (r == KV_FOUND)
        layer_put(db->recent, &db->journal, key, STR_NONE, true);
    return r;
}

/* ---- in order ---- */

struct candidate {
    bool is_there;
    bool is_gone;
    struct str key;
    struct str value;
};

static void offer(struct candidate *best, struct layer *l, struct str from, bool is_behind)
{
    const struct node *n = l ? layer_seek(l, from, is_behind) : NULL;

    /* The newest layer is asked first, and keeps a key that others have too. */
    if (!n || (best->is_there && str_cmp(best->key, node_key(n)) <= 0))
        return;
    *best = (struct candidate){true, n->is_gone, node_key(n), node_value(n)};
}

static int offer_base(struct candidate *best, struct statedb *db, struct str from, bool is_behind,
                      struct err *err)
{
    struct candidate c = {.is_there = true};

    if (!db->reader)
        return 0;
    int r = reader_seek(db->reader, from, is_behind, &c.key, &c.value, err);
    if (r == KV_FOUND && (!best->is_there || str_cmp(c.key, best->key) < 0))
        *best = c;
    return r < 0 ? r : 0;
}

static int kv_next(void *context, struct str prefix, struct str after, struct str *out_key,
                   struct str *out_value, struct err *err)
{
    struct statedb *db = context;
    bool is_behind = after.len > 0 && str_cmp(after, prefix) >= 0;
    struct str from = is_behind ? after : prefix;

    if (prefix.len > KV_KEY_MAX || after.len > KV_KEY_MAX)
        return err_set(err, HL_EINVAL, "a key of over %d bytes", KV_KEY_MAX);
    for (;;) {
        struct candidate best = {0};

        offer(&best, db->recent, from, is_behind);
        offer(&best, db->frozen, from, is_behind);
        int r = offer_base(&best, db, from, is_behind, err);
        if (r < 0)
            return r;
        if (!best.is_there || !str_starts(best.key, prefix))
            return KV_ABSENT;
        if (!best.is_gone) {
            *out_key = best.key;
            *out_value = best.value;
            return KV_FOUND;
        }
        from = best.key;
        is_behind = true;
    }
}

/* ---- opening ---- */

static int no_put(void *context, struct str key, struct str value, struct err *err)
{
    (void)context;
    (void)key;
    (void)value;
    return err_set(err, HL_EINVAL, "the state is written in transactions only");
}

static int no_del(void *context, struct str key, struct err *err)
{
    return no_put(context, key, STR_NONE, err);
}

/* "<20 digits>.mdb" */
static bool is_base_name(const char *name, uint64_t *out_index)
{
    struct str s = str_from(name);

    return s.len == 24 && str_ends(s, STR(".mdb")) && str_to_u64(str_sub(s, 0, 20), out_index);
}

static bool is_remains(const char *name)
{
    return str_ends(str_from(name), STR(".new"));
}

struct str statedb_base_path(struct arena *a, struct str dir, uint64_t index)
{
    return arena_printf(a, STR_FMT "/%020llu.mdb", STR_ARG(dir), (unsigned long long)index);
}

/* Removes what has no final name; *out_newest is the highest base, 0 if there is none. Older ones
 * go when the newest is open. */
static int look_around(struct str dir, struct arena *a, uint64_t *out_newest, struct err *err)
{
    DIR *d = opendir(arena_cstr(a, dir));
    struct dirent *e;

    *out_newest = 0;
    if (!d)
        return err_errno(err, HL_EIO, "cannot open folder " STR_FMT, STR_ARG(dir));
    while ((e = readdir(d)) != NULL) {
        uint64_t index;

        if (is_base_name(e->d_name, &index) && index > *out_newest)
            *out_newest = index;
        if (is_remains(e->d_name))
            unlink(arena_printf(a, STR_FMT "/%s", STR_ARG(dir), e->d_name).ptr);
    }
    closedir(d);
    return 0;
}

static void remove_older(struct str dir, struct arena *a, uint64_t newest)
{
    DIR *d = opendir(arena_cstr(a, dir));
    struct dirent *e;
    uint64_t index;

    while (d && (e = readdir(d)) != NULL) {
        if (is_base_name(e->d_name, &index) && index < newest)
            unlink(arena_printf(a, STR_FMT "/%s", STR_ARG(dir), e->d_name).ptr);
    }
    if (d)
        closedir(d);
}

struct str statedb_dir(struct arena *a, const struct store_dir *dir)
{
    return arena_concat(a, store_dir_path(dir), STR("/state"));
}

static int open_base(struct statedb *db, struct arena *a, struct err *err)
{
    uint64_t newest;

    int r = look_around(db->dir, a, &newest, err);
    if (r < 0 || newest == 0)
        return r;
    /* The name may be in the page cache only, given by a process that was killed before its flush:
     * the log is dropped below this base, so from here on it has to be durable. */
    r = file_sync_dir(arena_cstr(a, db->dir), err);
    if (r < 0)
        return r;
    r = generation_open(statedb_base_path(a, db->dir, newest).ptr, &db->base, err);
    if (r == 0 && generation_snapshot(db->base)->index != newest)
        r = err_set(err, HL_ECORRUPT, "%s says that it is of another index",
                    generation_path(db->base));
    if (r == 0)
        r = reader_open(db->base, &db->reader, err);
    if (r < 0)
        return r;
    db->applied = newest;
    remove_older(db->dir, a, newest);
    return 0;
}

int statedb_open(struct store_dir *dir, struct statedb **out, struct err *err)
{
    HL_CLEANUP(statedb_closep) struct statedb *db = hl_calloc(1, sizeof(*db));
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    pthread_mutex_init(&db->lock, NULL);
    db->dir = str_dup(statedb_dir(a, dir));
    db->recent = layer_new();
    db->read_kv = (struct kv){db, kv_get, no_put, no_del, kv_next};
    db->write_kv = (struct kv){db, kv_get, kv_put, kv_del, kv_next};
    int r = file_make_dir(arena_cstr(a, db->dir), err);
    if (r == 0)
        r = open_base(db, a, err);
    if (r < 0)
        return r;
    install_sweep(db->dir, db->applied);
    *out = db;
    db = NULL;
    return 0;
}

void statedb_close(struct statedb *db)
{
    if (!db)
        return;
    reader_close(db->reader);
    generation_unref(db->base);
    journal_deinit(&db->journal);
    layer_free(db->recent);
    layer_free(db->frozen);
    pthread_mutex_destroy(&db->lock);
    str_free(db->dir);
    free(db);
}

const struct raft_snapshot *statedb_base(const struct statedb *db)
{
    return db->base ? generation_snapshot(db->base) : &no_snapshot;
}

uint64_t statedb_applied(const struct statedb *db)
{
    return db->applied;
}

/* ---- transactions ---- */

struct kv *statedb_reader(struct statedb *db)
{
    return &db->read_kv;
}

struct kv *statedb_begin(struct statedb *db)
{
    HL_ASSERT(!db->is_writing);
    journal_clear(&db->journal);
    db->is_writing = true;
    return &db->write_kv;
}

void statedb_commit(struct statedb *db, uint64_t applied_index)
{
    HL_ASSERT(db->is_writing && applied_index > db->applied);
    db->is_writing = false;
    db->applied = applied_index;
}

void statedb_abort(struct statedb *db)
{
    HL_ASSERT(db->is_writing);
    db->is_writing = false;
    layer_undo(db->recent, &db->journal);
}

size_t statedb_changed_bytes(const struct statedb *db)
{
    return layer_bytes(db->recent) + (db->frozen ? layer_bytes(db->frozen) : 0);
}

uint64_t statedb_base_bytes(const struct statedb *db)
{
    return db->base ? generation_bytes(db->base) : 0;
}

/* ---- checkpoints ---- */

struct checkpoint {
    struct str dir; /* heap */
    struct layer *frozen;
    struct generation *base; /* NULL: none yet */
    struct raft_snapshot snapshot;
    struct generation *result; /* NULL: it did not run, or was adopted */
    bool is_base_over;         /* the base's file is of no use any more */
    bool is_frozen_over;       /* the layer is ours to free */
};

static unsigned percent(uint64_t part, uint64_t whole, uint64_t whole_min)
{
    if (whole < whole_min)
        whole = whole_min;
    return part > 100 * whole ? 100 * 100 : (unsigned)(part * 100 / whole);
}

unsigned statedb_checkpoint_need(const struct statedb *db, uint64_t redo_bytes, bool is_quiet)
{
    enum { CHANGED_MIN = 24 << 20, QUIET_MIN = 1 << 20, REDO_MIN = 16 << 20 };
    uint64_t base = statedb_base_bytes(db);
    uint64_t changed = statedb_changed_bytes(db);

    unsigned need =
        is_quiet ? percent(changed, base / 8, QUIET_MIN) : percent(changed, base / 2, CHANGED_MIN);
    /* Two bases and the log are on the disk at once: four times what lives at most (test_size). */
    unsigned redo = percent(redo_bytes, base + base / 2, REDO_MIN);
    return redo > need ? redo : need;
}

struct checkpoint *statedb_freeze(struct statedb *db, uint64_t term,
                                  const struct raft_members *members)
{
    HL_ASSERT(!db->is_writing);
    if (db->frozen || db->applied == statedb_base(db)->index)
        return NULL;
    struct checkpoint *c = hl_calloc(1, sizeof(*c));
    db->frozen = db->recent;
    db->recent = layer_new();
    c->dir = str_dup(db->dir);
    c->frozen = db->frozen;
    c->base = generation_ref(db->base);
    c->snapshot = (struct raft_snapshot){.index = db->applied, .term = term, .members = *members};
    return c;
}

/* The frozen changes over the base, in order. */
struct merge {
    const struct node **node; /* the next first */
    const struct node **node_end;
    const struct node **all; /* what `node` points into */
    struct reader *reader;   /* NULL: no base */
    struct str key;          /* of the base; empty at its end */
    struct str value;
};

static int merge_advance_base(struct merge *m, struct err *err)
{
    int r = reader_next(m->reader, &m->key, &m->value, err);

    if (r == KV_ABSENT)
        m->key = STR_NONE;
    return r < 0 ? r : 0;
}

static int merge_begin(struct merge *m, const struct checkpoint *c, struct err *err)
{
    size_t count;

    *m = (struct merge){.all = layer_sorted(c->frozen, &count)};
    m->node = m->all;
    m->node_end = m->all + count;
    if (!c->base)
        return 0;
    int r = reader_open(c->base, &m->reader, err);
    if (r == 0)
        r = reader_seek(m->reader, STR_NONE, false, &m->key, &m->value, err);
    if (r == KV_ABSENT)
        m->key = STR_NONE;
    return r < 0 ? r : 0;
}

/* The next record; KV_ABSENT at the end. */
static int merge_next(struct merge *m, struct str *out_key, struct str *out_value, struct err *err)
{
    while (m->node < m->node_end || m->key.len > 0) {
        const struct node *n = m->node < m->node_end ? *m->node : NULL;
        int order = !n ? 1 : m->key.len == 0 ? -1 : str_cmp(node_key(n), m->key);
        int r = 0;

        if (order > 0) {
            *out_key = m->key;
            *out_value = m->value;
        }
        if (order >= 0)
            r = merge_advance_base(m, err);
        if (order <= 0)
            m->node++;
        if (r < 0)
            return r;
        if (order > 0)
            return KV_FOUND;
        if (!n->is_gone) {
            *out_key = node_key(n);
            *out_value = node_value(n);
            return KV_FOUND;
        }
    }
    return KV_ABSENT;
}

static int write_all(struct checkpoint *c, struct writer *w, struct err *err)
{
    struct merge m;
    struct chain chain;
    struct str key;
    struct str value;

    int r = merge_begin(&m, c, err);
    chain_begin(&chain, c->snapshot.index, c->snapshot.term);
    while (r == 0 && (r = merge_next(&m, &key, &value, err)) == KV_FOUND) {
        chain_add(&chain, key, value);
        r = writer_add(w, key, value, err);
    }
    reader_close(m.reader);
    free(m.all);
    if (r < 0)
        return r;
    c->snapshot.id = chain_end(&chain);
    return writer_finish(w, &c->snapshot, err);
}

int statedb_publish(const char *from, const char *to, struct str dir, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    if (rename(from, to) != 0)
        return err_errno(err, HL_EIO, "cannot rename %s", from);
    return file_sync_dir(arena_cstr(a, dir), err);
}

int checkpoint_run(struct checkpoint *c, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *path = statedb_base_path(a, c->dir, c->snapshot.index).ptr;
    const char *temporary = arena_printf(a, "%s.new", path).ptr;
    struct writer *w = NULL;

    int r = writer_open(temporary, false, &w, err);
    if (r == 0)
        r = write_all(c, w, err);
    writer_close(w);
    if (r == 0)
        r = statedb_publish(temporary, path, c->dir, err);
    if (r == 0)
        r = generation_open(path, &c->result, err);
    if (r < 0)
        unlink(temporary);
    return r;
}

/* The owner's reference to the old base is the caller's now, in *out_old. */
static int replace_base(struct statedb *db, struct generation *g, struct generation **out_old,
                        struct err *err)
{
    struct reader *reader = NULL;

    int r = reader_open(g, &reader, err);
    if (r < 0)
        return r;
    reader_close(db->reader);
    db->reader = reader;
    *out_old = db->base;
    pthread_mutex_lock(&db->lock);
    db->base = g;
    pthread_mutex_unlock(&db->lock);
    return 0;
}

/* The old base's file goes: who still reads it has it open. */
int statedb_set_base(struct statedb *db, struct generation *g, struct err *err)
{
    struct generation *old;

    int r = replace_base(db, g, &old, err);
    if (r == 0 && old)
        unlink(generation_path(old));
    if (r == 0)
        generation_unref(old);
    return r;
}

void checkpoint_free(struct checkpoint *c)
{
    if (!c)
        return;
    if (c->is_base_over)
        unlink(generation_path(c->base));
    if (c->is_frozen_over)
        layer_free(c->frozen);
    generation_unref(c->base);
    generation_unref(c->result);
    str_free(c->dir);
    free(c);
}

void statedb_adopt(struct statedb *db, struct checkpoint *c)
{
    struct layer *frozen = db->frozen;
    struct generation *old;
    struct err err;

    HL_ASSERT(!db->is_writing && frozen == c->frozen);
    journal_clear(&db->journal);
    db->frozen = NULL;
    if (c->result && replace_base(db, c->result, &old, &err) == 0) {
        c->result = NULL;
        c->is_frozen_over = true;
        c->is_base_over = old != NULL;
        generation_unref(old); /* c has another reference */
    } else {
        layer_merge(frozen, db->recent);
        db->recent = frozen;
    }
}

void statedb_reset(struct statedb *db, uint64_t applied)
{
    HL_ASSERT(!db->is_writing && !db->frozen);
    journal_clear(&db->journal);
    layer_free(db->recent);
    db->recent = layer_new();
    db->applied = applied;
}

struct str statedb_folder(const struct statedb *db)
{
    return db->dir;
}

/* ---- sending ---- */

int statedb_read_piece(struct statedb *db, uint64_t id, struct str cursor, size_t max_bytes,
                       struct arena *a, struct str *out_data, struct str *out_next,
                       bool *out_is_last, struct err *err)
{
    HL_CLEANUP(generation_unrefp) struct generation *g = NULL;
    HL_CLEANUP(reader_closep) struct reader *reader = NULL;

    pthread_mutex_lock(&db->lock);
    g = generation_ref(db->base);
    pthread_mutex_unlock(&db->lock);
    if (!g || generation_snapshot(g)->id != id)
        return err_set(err, HL_EABSENT, "that state is no longer kept; begin again");
    int r = reader_open(g, &reader, err);
    if (r < 0)
        return r;
    return piece_read(reader, cursor, max_bytes, a, out_data, out_next, out_is_last, err);
}
