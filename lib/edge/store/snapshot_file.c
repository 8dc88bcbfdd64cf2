/*
 * The portable form of a state.
 *
 *   head   "hlmesh state 1\n" | header_len u32 | header | crc u32
 *   header mesh_len u32 | mesh | index u64 | term u64 | id u64 | time_ms u64 | members
 *   piece  length u32 | crc u32 | bytes        any number, none of length 0 or END
 *   end    END u32 | crc of the id u32
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/file.h"
#include "edge/store/piece.h"
#include "edge/store/statedb_internal.h"

enum { HEADER_BYTES_MAX = 4 + STORE_MESH_MAX + 32 + RAFT_MEMBERS_BYTES_MAX, NUMBERS_BYTES = 32 };
#define END 0xffffffffu

static const char magic[] = "hlmesh state 1\n";
static const char any_magic[] = "hlmesh state ";

/* ---- writing ---- */

static void add_summed(struct buf *out, struct str bytes)
{
    buf_add_u32(out, (uint32_t)bytes.len);
    buf_add_u32(out, crc32c(0, bytes.ptr, bytes.len));
    buf_add(out, bytes);
}

void snapshot_file_header(struct buf *out, const struct snapshot_header *header)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    char members[RAFT_MEMBERS_BYTES_MAX];
    size_t len = raft_members_encode(&header->snapshot.members, members);

    buf_add_u32(&b, (uint32_t)header->mesh.len);
    buf_add(&b, header->mesh);
    buf_add_u64(&b, header->snapshot.index);
    buf_add_u64(&b, header->snapshot.term);
    buf_add_u64(&b, header->snapshot.id);
    buf_add_u64(&b, (uint64_t)header->time_ms);
    buf_add(&b, (struct str){members, len});
    buf_add_cstr(out, magic);
    add_summed(out, buf_str(&b));
}

void snapshot_file_piece(struct buf *out, struct str data)
{
    if (data.len > 0)
        add_summed(out, data);
}

void snapshot_file_end(struct buf *out)
{
    buf_add_u32(out, END);
}

/* ---- reading ---- */

struct file {
    const char *path;
    int fd;
    uint64_t at;
    struct arena *arena; /* of one piece */
};

static int damaged(const struct file *f, struct err *err, const char *why)
{
    return err_set(err, HL_ECORRUPT, "%s: byte %llu: %s", f->path, (unsigned long long)f->at, why);
}

static int read_bytes(struct file *f, void *out, size_t len, struct err *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(f->fd, (char *)out + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, HL_EIO, "cannot read %s", f->path);
        if (n == 0)
            return damaged(f, err, "the file ends too early");
        done += (size_t)n;
    }
    f->at += len;
    return 0;
}

/* KV_FOUND with bytes in the file's arena, KV_ABSENT for the end mark. */
static int read_summed(struct file *f, size_t max_bytes, struct str *out, struct err *err)
{
    char head[8];

    arena_reset(f->arena);
    int r = read_bytes(f, head, 4, err);
    if (r < 0)
        return r;
    uint32_t len = bytes_u32(head);
    if (len == END)
        return KV_ABSENT;
    if (len == 0 || len > max_bytes)
        return damaged(f, err, "a piece of an impossible length");
    char *bytes = arena_alloc(f->arena, len);
    r = read_bytes(f, head + 4, 4, err);
    if (r == 0)
        r = read_bytes(f, bytes, len, err);
    if (r < 0)
        return r;
    if (crc32c(0, bytes, len) != bytes_u32(head + 4))
        return damaged(f, err, "a checksum is wrong");
    *out = (struct str){bytes, len};
    return KV_FOUND;
}

static int parse_header(struct file *f, struct str bytes, struct arena *a,
                        struct snapshot_header *out, struct err *err)
{
    uint32_t mesh_len = bytes.len < 4 ? UINT32_MAX : bytes_u32(bytes.ptr);

    if (mesh_len > STORE_MESH_MAX || bytes.len < 4 + mesh_len + NUMBERS_BYTES)
        return damaged(f, err, "the header is malformed");
    out->mesh = arena_dup(a, str_sub(bytes, 4, 4 + mesh_len));
    const char *numbers = bytes.ptr + 4 + mesh_len;
    out->snapshot = (struct raft_snapshot){
        .index = bytes_u64(numbers), .term = bytes_u64(numbers + 8), .id = bytes_u64(numbers + 16)};
    out->time_ms = (int64_t)bytes_u64(numbers + 24);
    struct str members = str_sub(bytes, 4 + mesh_len + NUMBERS_BYTES, bytes.len);
    if (out->snapshot.index == 0 || !raft_members_decode(members, &out->snapshot.members))
        return damaged(f, err, "the header is malformed");
    return 0;
}

static int open_snapshot(struct file *f, const char *path, struct arena *a,
                         struct snapshot_header *out, struct err *err)
{
    char head[sizeof(magic) - 1];
    struct str bytes;

    *f = (struct file){.path = path, .arena = arena_new()};
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "cannot open %s", path);
    int r = read_bytes(f, head, sizeof(head), err);
    if (r < 0)
        return r;
    if (memcmp(head, magic, sizeof(head)) != 0)
        return memcmp(head, any_magic, sizeof(any_magic) - 1) == 0
                   ? err_set(err, HL_EUNSUPPORTED, "%s was written by a newer version of hlmesh",
                             path)
                   : damaged(f, err, "this is no snapshot of a mesh");
    r = read_summed(f, HEADER_BYTES_MAX, &bytes, err);
    if (r == KV_ABSENT)
        return damaged(f, err, "there is no header");
    return r < 0 ? r : parse_header(f, bytes, a, out, err);
}

static void close_snapshot(struct file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    arena_free(f->arena);
}

/* All pieces into the writer, whose file is then finished with `snapshot`. */
static int unpack(struct file *f, struct writer *w, const struct raft_snapshot *snapshot,
                  struct err *err)
{
    struct piece_taker taker = {.writer = w};
    struct str bytes;
    char more;

    int r = KV_FOUND;
    while (r == KV_FOUND && (r = read_summed(f, RAFT_PIECE_BYTES_MAX, &bytes, err)) == KV_FOUND) {
        if (piece_take(&taker, bytes, err) < 0)
            r = err->code == HL_EINVAL ? damaged(f, err, "a malformed piece") : err->code;
    }
    if (r == KV_ABSENT)
        r = taker.key.len > 0 || read(f->fd, &more, 1) != 0
                ? damaged(f, err, "something follows the end")
                : 0;
    piece_taker_deinit(&taker);
    return r < 0 ? r : writer_finish(w, snapshot, err);
}

/* Into `path`, whose id must be the content's. */
static int unpack_to(struct file *f, const char *path, const struct raft_snapshot *snapshot,
                     uint64_t *out_count, struct err *err)
{
    HL_CLEANUP(generation_unrefp) struct generation *g = NULL;
    struct writer *w = NULL;

    int r = writer_open(path, false, &w, err);
    if (r == 0)
        r = unpack(f, w, snapshot, err);
    writer_close(w);
    if (r == 0)
        r = generation_open(path, &g, err);
    return r == 0 ? generation_verify(g, out_count, err) : r;
}

/* Unpacked beside the file, since there is no other way to know that all of it is good. */
int snapshot_file_inspect(const char *path, struct arena *a, struct snapshot_facts *out,
                          struct err *err)
{
    const char *scratch = arena_printf(a, "%s.check", path).ptr;
    struct file f;
    struct err local;

    err = err ? err : &local;
    *out = (struct snapshot_facts){0};
    int r = open_snapshot(&f, path, a, &out->header, err);
    if (r == 0)
        r = unpack_to(&f, scratch, &out->header.snapshot, &out->record_count, err);
    out->bytes = f.at;
    close_snapshot(&f);
    unlink(scratch);
    return r;
}

static bool holds_something(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    bool found = false;

    while (d && (e = readdir(d)) != NULL)
        found = found || e->d_name[0] != '.';
    if (d)
        closedir(d);
    return found;
}

static int check_empty(struct store_dir *dir, struct arena *a, struct err *err)
{
    static const char *const names[] = {"state", "log"};

    for (size_t i = 0; i < HL_COUNT(names); i++) {
        const char *path =
            arena_printf(a, STR_FMT "/%s", STR_ARG(store_dir_path(dir)), names[i]).ptr;
        if (holds_something(path))
            return err_set(err, HL_ECONFLICT,
                           "%s is not empty: a state is restored into a new folder only", path);
    }
    return 0;
}

int snapshot_file_restore(const char *path, struct store_dir *dir,
                          const struct raft_members *members, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str folder = statedb_dir(a, dir);
    struct snapshot_header header;
    uint64_t count;
    struct file f;
    struct err local;

    err = err ? err : &local;
    int r = open_snapshot(&f, path, a, &header, err);
    if (r == 0 && !str_eq(header.mesh, store_dir_identity(dir)->mesh))
        r = err_set(err, HL_EDENIED, "%s is of mesh " STR_FMT ", not of " STR_FMT, path,
                    STR_ARG(header.mesh), STR_ARG(store_dir_identity(dir)->mesh));
    if (r == 0)
        r = check_empty(dir, a, err);
    if (r == 0)
        r = file_make_dir(arena_cstr(a, folder), err);
    if (r == 0) {
        const char *final = statedb_base_path(a, folder, header.snapshot.index).ptr;
        const char *temporary = arena_printf(a, "%s.new", final).ptr;

        header.snapshot.members = *members;
        r = unpack_to(&f, temporary, &header.snapshot, &count, err);
        if (r == 0)
            r = statedb_publish(temporary, final, folder, err);
        if (r < 0)
            unlink(temporary);
    }
    close_snapshot(&f);
    return r;
}
