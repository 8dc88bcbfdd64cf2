/* Small files and folders, durably. */
#include "edge/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int file_sync_dir(const char *dir, struct err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot open folder %s", dir);
    if (fsync(fd) != 0)
        r = err_errno(err, HL_EIO, "cannot sync folder %s", dir);
    close(fd);
    return r;
}

int file_fill(int fd, uint64_t offset, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        bytes = str_sub(bytes, (size_t)n, bytes.len);
        offset += (uint64_t)n;
    }
    return 0;
}

bool file_is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

bool file_has_room(int fd, uint64_t bytes)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return true;
    int error = posix_fallocate(fd, about.st_size, (off_t)bytes);
    if (error == 0 && ftruncate(fd, about.st_size) != 0)
        return true; /* longer than it was, which nobody minds */
    return !file_is_full(error);
}

int file_replace(const char *path, const char *dir, struct str bytes, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *temporary = arena_printf(a, "%s.new", path).ptr;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = 0;

    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot create %s", temporary);
    errno = file_fill(fd, 0, bytes);
    if (errno != 0 || fsync(fd) != 0)
        r = err_errno(err, HL_EIO, "cannot write %s", temporary);
    close(fd);
    if (r == 0 && rename(temporary, path) != 0)
        r = err_errno(err, HL_EIO, "cannot replace %s", path);
    if (r < 0) {
        unlink(temporary);
        return r;
    }
    return file_sync_dir(dir, err);
}

int file_take(const char *path, size_t max_bytes, struct arena *a, struct str *out, struct err *err)
{
    char *text = arena_alloc(a, max_bytes + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    if (fd < 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "cannot open %s", path);
    while (len <= max_bytes && (n = read(fd, text + len, max_bytes + 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            close(fd);
            return err_errno(err, HL_EIO, "cannot read %s", path);
        }
        len += (size_t)n;
    }
    close(fd);
    if (len > max_bytes)
        return err_set(err, HL_ELIMIT, "%s is larger than %zu bytes", path, max_bytes);
    *out = (struct str){text, len};
    return 0;
}

static const char *parent_of(struct arena *a, const char *path)
{
    struct str s = str_from(path);

    while (s.len > 1 && s.ptr[s.len - 1] == '/')
        s.len--;
    while (s.len > 0 && s.ptr[s.len - 1] != '/')
        s.len--;
    while (s.len > 1 && s.ptr[s.len - 1] == '/')
        s.len--;
    return s.len > 0 ? arena_cstr(a, s) : ".";
}

/* Also when it was there: a process that was killed may have made it just before. A parent that is
 * closed to us was prepared by somebody else, with the folder in it. */
int file_make_dir(const char *path, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *parent = parent_of(a, path);
    bool was_there = mkdir(path, 0700) != 0;

    if (was_there && errno != EEXIST)
        return err_errno(err, HL_EIO, "cannot create %s", path);
    if (was_there && access(parent, R_OK) != 0)
        return 0;
    return file_sync_dir(parent, err);
}
