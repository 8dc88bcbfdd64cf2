/*
 * A state that comes in pieces, into a file `<index>-<id>.part` whose name also says in which boot
 * it was written: LMDB without sync survives a killed process, but not a power cut, and what may be
 * torn must not be opened at all.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/store/file.h"
#include "edge/store/piece.h"
#include "edge/store/statedb_internal.h"

enum { BOOT_ID_MAX = 64 };

struct install {
    struct str dir;  /* heap */
    struct str path; /* heap, with a NUL behind */
    struct raft_snapshot snapshot;
    struct piece_taker taker;
    struct generation *result; /* when it is finished */
};

static int boot_id(struct arena *a, struct str *out, struct err *err)
{
    int r = file_take("/proc/sys/kernel/random/boot_id", BOOT_ID_MAX, a, out, err);

    *out = r == 0 ? str_trim(*out) : STR_NONE;
    return r;
}

static int part_path(struct arena *a, struct str dir, const struct raft_snapshot *s,
                     struct str *out, struct err *err)
{
    struct str boot;

    int r = boot_id(a, &boot, err);
    if (r == 0)
        *out = arena_printf(a, STR_FMT "/%020llu-%016llx-" STR_FMT ".part", STR_ARG(dir),
                            (unsigned long long)s->index, (unsigned long long)s->id, STR_ARG(boot));
    return r;
}

/* Everything that is a part, but `keep`. */
static int remove_others(struct str dir, struct str keep, struct arena *a, struct err *err)
{
    DIR *d = opendir(arena_cstr(a, dir));
    struct dirent *e;

    if (!d)
        return err_errno(err, HL_EIO, "cannot open folder " STR_FMT, STR_ARG(dir));
    while ((e = readdir(d)) != NULL) {
        struct str path = arena_printf(a, STR_FMT "/%s", STR_ARG(dir), e->d_name);
        if (str_ends(path, STR(".part")) && !str_eq(path, keep))
            unlink(path.ptr);
    }
    closedir(d);
    return 0;
}

void install_sweep(struct str dir, uint64_t base_index)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    DIR *d = opendir(arena_cstr(a, dir));
    struct dirent *e;
    struct str boot;
    uint64_t index;

    if (boot_id(a, &boot, NULL) < 0)
        boot = STR_NONE;
    while (d && (e = readdir(d)) != NULL) {
        struct str name = str_from(e->d_name);
        bool is_useful = str_ends(name, arena_printf(a, "-" STR_FMT ".part", STR_ARG(boot))) &&
                         str_to_u64(str_sub(name, 0, 20), &index) && index > base_index;

        if (str_ends(name, STR(".part")) && !is_useful)
            unlink(arena_printf(a, STR_FMT "/%s", STR_ARG(dir), e->d_name).ptr);
    }
    if (d)
        closedir(d);
}

int install_open(struct store_dir *dir, const struct raft_snapshot *snapshot, struct install **out,
                 struct arena *a, struct str *out_cursor, struct err *err)
{
    HL_CLEANUP(install_closep) struct install *i = hl_calloc(1, sizeof(*i));
    struct str path;
    struct str last;

    i->dir = str_dup(statedb_dir(a, dir));
    i->snapshot = *snapshot;
    int r = part_path(a, i->dir, snapshot, &path, err);
    if (r == 0)
        r = remove_others(i->dir, path, a, err);
    if (r < 0)
        return r;
    i->path = str_dup(path);
    r = writer_open(i->path.ptr, true, &i->taker.writer, err);
    if (r == 0)
        r = writer_last_key(i->taker.writer, a, &last, err);
    if (r < 0)
        return r;
    buf_add(&i->taker.last, last);
    *out_cursor = piece_cursor(&i->taker, a);
    *out = i;
    i = NULL;
    return 0;
}

int install_piece(struct install *i, struct str cursor, struct str data, struct arena *a,
                  struct str *out_next, struct err *err)
{
    if (!str_eq(cursor, piece_cursor(&i->taker, a)))
        return err_set(err, HL_EINVAL, "a piece of a state begins where the last did not end");
    int r = piece_take(&i->taker, data, err);
    if (r == 0)
        r = writer_commit(i->taker.writer, err);
    if (r == 0)
        *out_next = piece_cursor(&i->taker, a);
    return r;
}

int generation_verify(struct generation *g, uint64_t *out_count, struct err *err)
{
    HL_CLEANUP(reader_closep) struct reader *reader = NULL;
    const struct raft_snapshot *s = generation_snapshot(g);
    struct chain chain;
    struct str key;
    struct str value;

    *out_count = 0;
    chain_begin(&chain, s->index, s->term);
    int r = reader_open(g, &reader, err);
    if (r == 0)
        r = reader_seek(reader, STR_NONE, false, &key, &value, err);
    while (r == KV_FOUND) {
        chain_add(&chain, key, value);
        (*out_count)++;
        r = reader_next(reader, &key, &value, err);
    }
    if (r < 0)
        return r;
    if (chain_end(&chain) != s->id)
        return err_set(err, HL_ECORRUPT, "%s: the content is not what its id says",
                       generation_path(g));
    return 0;
}

/* Ends the writing; the file stays, whole or not. */
static void stop_writing(struct install *i)
{
    writer_close(i->taker.writer);
    i->taker.writer = NULL;
}

int install_finish(struct install *i, struct err *err)
{
    uint64_t count;

    int r = i->taker.key.len > 0
                ? err_set(err, HL_ECORRUPT, "the last piece of a state ends within a value")
                : writer_finish(i->taker.writer, &i->snapshot, err);
    stop_writing(i);
    if (r == 0)
        r = generation_open(i->path.ptr, &i->result, err);
    if (r == 0)
        r = generation_verify(i->result, &count, err);
    if (r == HL_ECORRUPT || r == HL_EINVAL) {
        generation_unref(i->result);
        i->result = NULL;
        unlink(i->path.ptr);
        return HL_ECORRUPT;
    }
    return r;
}

int statedb_adopt_install(struct statedb *db, struct install *i, struct err *err)
{
    HL_CLEANUP(install_closep) struct install *owned = i;
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(generation_unrefp) struct generation *g = NULL;
    const char *path = statedb_base_path(a, i->dir, i->snapshot.index).ptr;

    HL_ASSERT(i->result);
    int r = statedb_publish(i->path.ptr, path, i->dir, err);
    if (r == 0)
        r = generation_open(path, &g, err); /* under its final name */
    if (r == 0)
        r = statedb_set_base(db, g, err);
    if (r < 0)
        return r;
    g = NULL;
    statedb_reset(db, owned->snapshot.index);
    return 0;
}

void install_close(struct install *i)
{
    if (!i)
        return;
    stop_writing(i);
    generation_unref(i->result);
    piece_taker_deinit(&i->taker);
    str_free(i->path);
    str_free(i->dir);
    free(i);
}
