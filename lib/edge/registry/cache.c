/* A folder opened once and worked in by openat: nobody renames it in between. */
#include "edge/registry/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 96, ABANDONED_S = 3600 };

struct cache {
    struct str folder; /* for messages */
    int fd;
    uint64_t bytes_max;
    unsigned written; /* by this handle, for names */
};

struct aged {
    char name[DIGEST_HEX + 1];
    uint64_t size;
    struct timespec read;
};

int cache_open(struct str folder, uint64_t bytes_max, struct cache **out, struct err *err)
{
    struct str path = str_dup(folder);
    int fd = -1;

    if (mkdir(path.ptr, 0700) == 0 || errno == EEXIST)
        fd = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int rc = err_errno(err, HL_EIO, "cannot open the cache %s", path.ptr);
        str_free(path);
        return rc;
    }
    struct cache *c = hl_calloc(1, sizeof(*c));
    c->folder = path;
    c->fd = fd;
    c->bytes_max = bytes_max;
    *out = c;
    return 0;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    close(c->fd);
    str_free(c->folder);
    free(c);
}

/* ---- reading ---- */

static int absent(const char *name, struct err *err)
{
    return err_set(err, HL_EABSENT, "no blob %s in the cache", name);
}

static int read_whole(struct cache *c, int fd, const char *name, struct arena *a, struct str *out,
                      struct err *err)
{
    struct stat st;
    size_t len = 0;

    if (fstat(fd, &st) < 0)
        return err_errno(err, HL_EIO, "cannot read " STR_FMT "/%s", STR_ARG(c->folder), name);
    if (!S_ISREG(st.st_mode) || st.st_size > CACHE_BLOB_MAX)
        return absent(name, err);
    size_t size = (size_t)st.st_size;
    char *bytes = arena_alloc(a, size + 1);
    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, HL_EIO, "cannot read " STR_FMT "/%s", STR_ARG(c->folder), name);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *out = (struct str){bytes, len};
    return 0;
}

int cache_get(struct cache *c, const struct digest *digest, struct arena *a, struct str *out,
              struct err *err)
{
    char name[DIGEST_HEX + 1];
    struct str bytes;

    digest_hex(digest, name);
    int fd = openat(c->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool is_link = fd < 0 && errno == ELOOP;
    if (is_link)
        (void)unlinkat(c->fd, name, 0); /* nobody here makes links */
    if (is_link || (fd < 0 && errno == ENOENT))
        return absent(name, err);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot open " STR_FMT "/%s", STR_ARG(c->folder), name);
    int rc = read_whole(c, fd, name, a, &bytes, err);
    (void)futimens(fd, NULL); /* young again; where that cannot be, it goes earlier */
    close(fd);
    if (rc < 0)
        return rc;
    struct digest found = sha256_of(bytes);
    if (!digest_eq(&found, digest)) {
        (void)unlinkat(c->fd, name, 0); /* who finds it gone fetches it again */
        return absent(name, err);
    }
    *out = bytes;
    return 0;
}

/* ---- making room ---- */

static bool is_abandoned(const char *name, const struct stat *st, time_t now)
{
    return strncmp(name, ".new-", 5) == 0 && st->st_mtime < now - ABANDONED_S;
}

/* Lists the blobs, and drops what crashes left behind. */
static struct aged *list(struct cache *c, DIR *dir, struct arena *a, size_t *out_count)
{
    struct aged *found = NULL;
    time_t now = time(NULL);
    struct dirent *entry;
    size_t count = 0;
    size_t cap = 0;
    struct stat st;

    while ((entry = readdir(dir))) {
        struct digest digest;
        struct aged f = {.size = 0};

        if (fstatat(c->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (is_abandoned(entry->d_name, &st, now))
            (void)unlinkat(c->fd, entry->d_name, 0);
        if (!digest_parse(str_from(entry->d_name), &digest))
            continue;
        digest_hex(&digest, f.name);
        f.size = (uint64_t)st.st_size;
        f.read = st.st_mtim;
        ARENA_PUSH(a, found, count, cap, f);
    }
    *out_count = count;
    return found;
}

static int oldest_first(const void *x, const void *y)
{
    const struct aged *a = x;
    const struct aged *b = y;

    if (a->read.tv_sec != b->read.tv_sec)
        return a->read.tv_sec < b->read.tv_sec ? -1 : 1;
    if (a->read.tv_nsec != b->read.tv_nsec)
        return a->read.tv_nsec < b->read.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Best effort: what cannot be removed now is tried again with the next blob. */
static void make_room(struct cache *c, const char *keep)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t total = 0;
    size_t count = 0;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    struct aged *f = list(c, dir, a, &count);
    closedir(dir);
    for (size_t i = 0; i < count; i++)
        total += f[i].size;
    if (total <= c->bytes_max)
        return;
    qsort(f, count, sizeof(*f), oldest_first);
    for (size_t i = 0; i < count && total > c->bytes_max; i++) {
        if (strcmp(f[i].name, keep) != 0 && unlinkat(c->fd, f[i].name, 0) == 0)
            total -= f[i].size;
    }
}

/* ---- writing ---- */

static int write_whole(int fd, struct str bytes)
{
    size_t done = 0;

    while (done < bytes.len) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

static int write_file(struct cache *c, const char *name, struct str bytes, struct err *err)
{
    char fresh[NAME_MAX_BYTES];

    snprintf(fresh, sizeof(fresh), ".new-%ld-%p-%u", (long)getpid(), (void *)c, c->written++);
    int fd = openat(c->fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot write to the cache " STR_FMT, STR_ARG(c->folder));
    bool is_written = write_whole(fd, bytes) == 0;
    int error = errno;
    close(fd);
    if (is_written && renameat(c->fd, fresh, c->fd, name) == 0)
        return 0;
    errno = is_written ? errno : error;
    int rc = err_errno(err, HL_EIO, "cannot write to the cache " STR_FMT, STR_ARG(c->folder));
    (void)unlinkat(c->fd, fresh, 0);
    return rc;
}

int cache_put(struct cache *c, struct str bytes, struct digest *out, struct err *err)
{
    struct digest digest = sha256_of(bytes);
    char name[DIGEST_HEX + 1];

    if (bytes.len > CACHE_BLOB_MAX)
        return err_set(err, HL_ELIMIT, "a blob of more than %d bytes", CACHE_BLOB_MAX);
    digest_hex(&digest, name);
    int rc = write_file(c, name, bytes, err);
    if (rc < 0)
        return rc;
    make_room(c, name);
    *out = digest;
    return 0;
}
