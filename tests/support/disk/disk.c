/*
 * The record is a list of changes; files and folders are numbered by their first appearance, so
 * that a renamed file stays the same. A cut replays the list into memory and writes the result.
 */
#include "support/disk/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NAME_BYTES_MAX = 128, SECTOR = 512, SHORT_MIN = 2 };

enum change_kind {
    CHANGE_NAME,   /* folder: name is now thing */
    CHANGE_UNNAME, /* folder: name is gone */
    CHANGE_RENAME, /* folder: name is called other now */
    CHANGE_WRITE,  /* thing: bytes at offset */
    CHANGE_SIZE,   /* thing: offset is its size */
    CHANGE_FLUSH,  /* thing, a file or a folder */
};

struct change {
    enum change_kind kind;
    int folder;
    int thing;
    char *name;
    char *other;
    uint64_t offset;
    struct str bytes; /* heap */
};

/* A file or a folder. */
struct thing {
    bool is_folder;
    int folder; /* where it has its name now; -1: it has none */
    char name[NAME_BYTES_MAX];
};

static struct {
    char root[NAME_BYTES_MAX];
    struct thing *thing; /* the root is the first */
    size_t thing_count;
    size_t thing_cap;
    struct change *change;
    size_t change_count;
    size_t change_cap;
    size_t flush_count;
    int at_fd[DISK_FD_MAX]; /* thing + 1; 0: not ours */
    uint64_t calls;
    uint64_t fail_from;
    uint64_t fail_to;
    int fail_error;
    bool has_failed;
    uint64_t full_from;
    bool is_short;
} disk;

/* ---- things and names ---- */

static int add_thing(int folder, const char *name, bool is_folder)
{
    if (disk.thing_count == disk.thing_cap) {
        disk.thing_cap = disk.thing_cap ? 2 * disk.thing_cap : 16;
        disk.thing = hl_realloc(disk.thing, disk.thing_cap * sizeof(*disk.thing));
    }
    struct thing *t = &disk.thing[disk.thing_count];
    *t = (struct thing){.is_folder = is_folder, .folder = folder};
    snprintf(t->name, sizeof(t->name), "%s", name);
    return (int)disk.thing_count++;
}

static int find_thing(int folder, const char *name, size_t name_len)
{
    for (size_t i = 1; i < disk.thing_count; i++) {
        const struct thing *t = &disk.thing[i];
        if (t->folder == folder && strlen(t->name) == name_len &&
            memcmp(t->name, name, name_len) == 0)
            return (int)i;
    }
    return -1;
}

/* The folder of a path below the root, and its last name; -1: not below the root. */
static int locate(const char *path, const char **out_name)
{
    size_t root_len = strlen(disk.root);
    int folder = 0;

    if (root_len == 0 || strncmp(path, disk.root, root_len) != 0 || path[root_len] != '/')
        return -1;
    path += root_len + 1;
    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        folder = find_thing(folder, path, (size_t)(slash - path));
        if (folder < 0)
            return -1;
    }
    *out_name = path;
    return folder;
}

static int thing_at(int fd)
{
    return fd >= 0 && fd < DISK_FD_MAX ? disk.at_fd[fd] - 1 : -1;
}

static struct change *record(enum change_kind kind)
{
    if (disk.change_count == disk.change_cap) {
        disk.change_cap = disk.change_cap ? 2 * disk.change_cap : 256;
        disk.change = hl_realloc(disk.change, disk.change_cap * sizeof(*disk.change));
    }
    struct change *c = &disk.change[disk.change_count++];
    *c = (struct change){.kind = kind, .folder = -1, .thing = -1};
    return c;
}

static void record_name(enum change_kind kind, int folder, int thing, const char *name,
                        const char *other)
{
    struct change *c = record(kind);

    c->folder = folder;
    c->thing = thing;
    c->name = strdup(name);
    c->other = other ? strdup(other) : NULL;
}

static void record_write(int thing, const void *bytes, size_t len, uint64_t offset)
{
    struct change *c = record(CHANGE_WRITE);

    c->thing = thing;
    c->offset = offset;
    c->bytes = str_dup((struct str){bytes, len});
}

static void record_size(int thing, uint64_t size)
{
    struct change *c = record(CHANGE_SIZE);

    c->thing = thing;
    c->offset = size;
}

/* ---- control ---- */

static void forget(void)
{
    for (size_t i = 0; i < disk.change_count; i++) {
        free(disk.change[i].name);
        free(disk.change[i].other);
        str_free(disk.change[i].bytes);
    }
    free(disk.change);
    free(disk.thing);
    memset(&disk, 0, sizeof(disk));
}

static void import_file(int thing, const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat about;

    HL_ASSERT(fd >= 0 && fstat(fd, &about) == 0);
    char *bytes = hl_calloc(1, (size_t)about.st_size + 1);
    HL_ASSERT(pread(fd, bytes, (size_t)about.st_size, 0) == about.st_size);
    if (about.st_size > 0)
        record_write(thing, bytes, (size_t)about.st_size, 0);
    record(CHANGE_FLUSH)->thing = thing;
    free(bytes);
    close(fd);
}

static void import_folder(int folder, const char *path)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    DIR *d = opendir(path);
    struct dirent *e;

    HL_ASSERT(d);
    while ((e = readdir(d)) != NULL) {
        const char *inner = arena_printf(a, "%s/%s", path, e->d_name).ptr;
        struct stat about;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        HL_ASSERT(stat(inner, &about) == 0);
        int thing = add_thing(folder, e->d_name, S_ISDIR(about.st_mode));
        record_name(CHANGE_NAME, folder, thing, e->d_name, NULL);
        if (S_ISDIR(about.st_mode))
            import_folder(thing, inner);
        else
            import_file(thing, inner);
    }
    closedir(d);
    record(CHANGE_FLUSH)->thing = folder;
}

void disk_watch(const char *root)
{
    forget();
    HL_ASSERT(strlen(root) < sizeof(disk.root));
    import_folder(add_thing(-1, "", true), root);
    disk_fail_never();
    disk_set_full_from(UINT64_MAX);
    snprintf(disk.root, sizeof(disk.root), "%s", root); /* from here on */
}

void disk_unwatch(void)
{
    forget();
}

uint64_t disk_calls(void)
{
    return disk.calls;
}

void disk_fail_at(uint64_t call, uint64_t more, int error)
{
    disk.fail_from = call;
    disk.fail_to = call + more;
    disk.fail_error = error;
    disk.has_failed = false;
}

void disk_fail_never(void)
{
    disk_fail_at(UINT64_MAX, 0, 0);
}

bool disk_has_failed(void)
{
    return disk.has_failed;
}

void disk_set_full_from(uint64_t call)
{
    disk.full_from = call;
}

void disk_set_short(bool is_short)
{
    disk.is_short = is_short;
}

size_t disk_changes(void)
{
    return disk.change_count;
}

size_t disk_flushes(void)
{
    return disk.flush_count;
}

/* 0, or what this call fails with. `is_growing`: it needs room. */
static int judge(bool is_growing)
{
    uint64_t call = disk.calls++;
    bool is_hit = call >= disk.fail_from && call <= disk.fail_to;

    if (!is_hit && !(call >= disk.full_from && is_growing))
        return 0;
    disk.has_failed = true;
    return is_hit ? disk.fail_error : ENOSPC;
}

static bool is_past_end(int fd, uint64_t end)
{
    struct stat about;

    return fstat(fd, &about) == 0 && end > (uint64_t)about.st_size;
}

/* ---- what stands in front of the C library ---- */

int open(const char *path, int flags, ...)
{
    const char *name = NULL;
    int folder = locate(path, &name);
    mode_t mode = 0;
    va_list args;

    va_start(args, flags);
    if (flags & O_CREAT)
        mode = va_arg(args, mode_t);
    va_end(args);
    bool is_root = disk.root[0] != '\0' && strcmp(path, disk.root) == 0;
    int thing = is_root ? 0 : folder >= 0 ? find_thing(folder, name, strlen(name)) : -1;
    bool is_new = folder >= 0 && thing < 0 && (flags & O_CREAT);
    int error = folder >= 0 || is_root ? judge(is_new) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd < 0 || (folder < 0 && !is_root))
        return fd;
    HL_ASSERT(fd < DISK_FD_MAX);
    if (is_new) {
        thing = add_thing(folder, name, false);
        record_name(CHANGE_NAME, folder, thing, name, NULL);
    } else if (thing > 0 && (flags & O_TRUNC)) {
        record_size(thing, 0);
    }
    disk.at_fd[fd] = thing + 1;
    return fd;
}

int close(int fd)
{
    if (fd >= 0 && fd < DISK_FD_MAX)
        disk.at_fd[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

int mkdir(const char *path, mode_t mode)
{
    const char *name = NULL;
    int folder = locate(path, &name);
    int error = folder >= 0 ? judge(true) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    int r = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (r == 0 && folder >= 0)
        record_name(CHANGE_NAME, folder, add_thing(folder, name, true), name, NULL);
    return r;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    int thing = thing_at(fd);
    int error = thing >= 0 ? judge(is_past_end(fd, (uint64_t)offset + len)) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    if (thing >= 0 && disk.is_short && len >= SHORT_MIN)
        len /= 2;
    ssize_t n = syscall(SYS_pwrite64, fd, bytes, len, offset);
    if (n > 0 && thing >= 0)
        record_write(thing, bytes, (size_t)n, (uint64_t)offset);
    return n;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    if (thing_at(fd) < 0)
        return syscall(SYS_write, fd, bytes, len);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = pwrite(fd, bytes, len, at);
    if (n > 0)
        lseek(fd, at + n, SEEK_SET);
    return n;
}

/* LMDB takes a short writev for a failure, as it may. */
ssize_t writev(int fd, const struct iovec *piece, int count)
{
    ssize_t all = 0;
    off_t at = lseek(fd, 0, SEEK_CUR);

    if (thing_at(fd) < 0)
        return syscall(SYS_writev, fd, piece, count);
    for (int i = 0; i < count; i++)
        all += (ssize_t)piece[i].iov_len;
    int error = judge(is_past_end(fd, (uint64_t)(at + all)));
    if (error) {
        errno = error;
        return -1;
    }
    ssize_t n = syscall(SYS_writev, fd, piece, count);
    HL_ASSERT(n == all);
    for (int i = 0; i < count; i++) {
        record_write(thing_at(fd), piece[i].iov_base, piece[i].iov_len, (uint64_t)at);
        at += (off_t)piece[i].iov_len;
    }
    return n;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    int error = thing_at(fd) >= 0 ? judge(false) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    return syscall(SYS_pread64, fd, bytes, len, offset);
}

int ftruncate(int fd, off_t size)
{
    int thing = thing_at(fd);
    int error = thing >= 0 ? judge(is_past_end(fd, (uint64_t)size)) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    int r = (int)syscall(SYS_ftruncate, fd, size);
    if (r == 0 && thing >= 0)
        record_size(thing, (uint64_t)size);
    return r;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    int thing = thing_at(fd);
    bool is_growing = is_past_end(fd, (uint64_t)(offset + len));
    int error = thing >= 0 ? judge(is_growing) : 0;

    if (error)
        return error;
    if (syscall(SYS_fallocate, fd, 0, offset, len) != 0)
        return errno;
    if (thing >= 0 && is_growing)
        record_size(thing, (uint64_t)(offset + len));
    return 0;
}

static int flush(int fd, long number)
{
    int thing = thing_at(fd);
    int error = thing >= 0 ? judge(false) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    int r = thing >= 0 ? 0 : (int)syscall(number, fd);
    if (r == 0 && thing >= 0) {
        record(CHANGE_FLUSH)->thing = thing;
        disk.flush_count++;
    }
    return r;
}

int fsync(int fd)
{
    return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return flush(fd, SYS_fdatasync);
}

int rename(const char *from, const char *to)
{
    const char *old_name = NULL;
    const char *new_name = NULL;
    int folder = locate(from, &old_name);
    int error = folder >= 0 ? judge(false) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    int r = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (r != 0 || folder < 0)
        return r;
    HL_ASSERT(locate(to, &new_name) == folder);
    int thing = find_thing(folder, old_name, strlen(old_name));
    int replaced = find_thing(folder, new_name, strlen(new_name));
    if (replaced >= 0)
        disk.thing[replaced].folder = -1;
    record_name(CHANGE_RENAME, folder, thing, old_name, new_name);
    snprintf(disk.thing[thing].name, NAME_BYTES_MAX, "%s", new_name);
    return 0;
}

int unlink(const char *path)
{
    const char *name = NULL;
    int folder = locate(path, &name);
    int error = folder >= 0 ? judge(false) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    int r = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (r != 0 || folder < 0)
        return r;
    int thing = find_thing(folder, name, strlen(name));
    disk.thing[thing].folder = -1;
    record_name(CHANGE_UNNAME, folder, thing, name, NULL);
    return 0;
}

/* ---- what a cut leaves ---- */

struct cut {
    size_t change;
    enum disk_mood mood;
    struct rng *rng;
    struct arena *arena;
};

/* Changes behind the last flush of the thing are in doubt. */
static size_t durable_to(const struct cut *c, int thing)
{
    for (size_t i = c->change; i > 0; i--) {
        const struct change *change = &disk.change[i - 1];
        if (change->kind == CHANGE_FLUSH && change->thing == thing)
            return i;
    }
    return 0;
}

struct image {
    char *bytes;
    size_t len;
    size_t cap;
};

static void resize(struct image *image, size_t len)
{
    if (len > image->cap) {
        image->cap = len + len / 2;
        image->bytes = hl_realloc(image->bytes, image->cap);
    }
    if (len > image->len)
        memset(image->bytes + image->len, 0, len - image->len);
    image->len = len;
}

static void put(struct image *image, size_t at, const char *bytes, size_t len)
{
    if (at + len > image->len)
        resize(image, at + len);
    memcpy(image->bytes + at, bytes, len);
}

/* Some of the sectors of a write; a sector is whole or not at all. */
static void put_some(struct image *image, const struct change *w, struct rng *rng)
{
    for (size_t done = 0; done < w->bytes.len;) {
        size_t at = w->offset + done;
        size_t len = SECTOR - at % SECTOR;

        if (len > w->bytes.len - done)
            len = w->bytes.len - done;
        if (rng_below(rng, 2) == 0)
            put(image, at, w->bytes.ptr + done, len);
        done += len;
    }
}

static struct image file_after(const struct cut *c, int thing)
{
    size_t durable = durable_to(c, thing);
    struct image image = {0};
    /* 0: nothing in doubt is there, 1: all of it, 2: some writes, 3: some sectors */
    uint64_t fate = c->mood == DISK_ANY ? rng_below(c->rng, 4) : c->mood == DISK_KEEPS_ALL;

    for (size_t i = 0; i < c->change; i++) {
        const struct change *change = &disk.change[i];
        bool is_doubtful = i >= durable;

        if (change->thing != thing || change->kind < CHANGE_WRITE || change->kind == CHANGE_FLUSH)
            continue;
        if (is_doubtful && (fate == 0 || (fate == 2 && rng_below(c->rng, 2) == 0)))
            continue;
        if (change->kind == CHANGE_SIZE)
            resize(&image, change->offset);
        else if (is_doubtful && fate == 3)
            put_some(&image, change, c->rng);
        else
            put(&image, change->offset, change->bytes.ptr, change->bytes.len);
    }
    return image;
}

struct entry {
    int thing;
    const char *name;
};

static void apply_to_names(struct entry *entry, size_t *count, const struct change *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        bool is_replaced = c->kind == CHANGE_RENAME && strcmp(entry[i].name, c->other) == 0;
        bool is_named = strcmp(entry[i].name, c->name) == 0;

        if (!is_replaced && !is_named)
            entry[kept++] = entry[i];
    }
    if (c->kind != CHANGE_UNNAME)
        entry[kept++] = (struct entry){c->thing, c->kind == CHANGE_RENAME ? c->other : c->name};
    *count = kept;
}

static struct entry *names_after(const struct cut *c, int folder, size_t *out_count)
{
    struct entry *entry = arena_array(c->arena, struct entry, disk.thing_count + 1);
    size_t durable = durable_to(c, folder);
    size_t doubtful = 0;

    *out_count = 0;
    for (size_t i = durable; i < c->change; i++)
        doubtful += disk.change[i].folder == folder;
    size_t left = c->mood == DISK_LOSES_ALL   ? 0
                  : c->mood == DISK_KEEPS_ALL ? doubtful
                                              : (size_t)rng_below(c->rng, doubtful + 1);
    for (size_t i = 0; i < c->change; i++) {
        if (disk.change[i].folder != folder || (i >= durable && left == 0))
            continue;
        if (i >= durable)
            left--;
        apply_to_names(entry, out_count, &disk.change[i]);
    }
    return entry;
}

static void write_image(const char *path, const struct image *image)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    HL_ASSERT(fd >= 0 && pwrite(fd, image->bytes, image->len, 0) == (ssize_t)image->len);
    close(fd);
}

static void write_folder(const struct cut *c, int folder, const char *path)
{
    size_t count;
    const struct entry *entry = names_after(c, folder, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = arena_printf(c->arena, "%s/%s", path, entry[i].name).ptr;

        if (disk.thing[entry[i].thing].is_folder) {
            HL_ASSERT(mkdir(name, 0700) == 0);
            write_folder(c, entry[i].thing, name);
            continue;
        }
        struct image image = file_after(c, entry[i].thing);
        write_image(name, &image);
        free(image.bytes);
    }
}

void disk_cut(size_t change, enum disk_mood mood, struct rng *rng, const char *target)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct cut c = {change, mood, rng, a};

    HL_ASSERT(change <= disk.change_count);
    write_folder(&c, 0, target);
}
