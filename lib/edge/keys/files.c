/* Small files: read whole, written whole or not at all, secrets only with a narrow mode. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/keys/keys.h"

enum { FILE_BYTES_MAX = 1 << 20, PATH_BYTES_MAX = 4096 };

static int to_path(struct str path, char out[PATH_BYTES_MAX], const char *suffix, struct err *err)
{
    if (path.len == 0 || path.len + 16 > PATH_BYTES_MAX || str_has_byte(path, '\0'))
        return err_set(err, HL_EINVAL, "a path of %zu bytes", path.len);
    snprintf(out, PATH_BYTES_MAX, STR_FMT "%s", STR_ARG(path), suffix);
    return 0;
}

/* The room is taken at once, so that no copy of a secret stays behind in a block that grew. */
static int read_open_file(int fd, const char *name, size_t size, struct arena *a, struct str *out,
                          struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_reserve(&text, (size < FILE_BYTES_MAX ? size : FILE_BYTES_MAX) + 2 * 4096);
    for (;;) {
        ssize_t got = read(fd, buf_reserve(&text, 4096), 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, HL_EIO, "cannot read %s", name);
        if (got == 0)
            break;
        buf_commit(&text, (size_t)got);
        if (text.len > FILE_BYTES_MAX)
            return err_set(err, HL_ELIMIT, "%s is larger than %d bytes", name, FILE_BYTES_MAX);
    }
    *out = arena_dup(a, buf_str(&text));
    keys_wipe(text.ptr, text.len);
    return 0;
}

static int read_checked(struct str path, bool is_secret, struct arena *a, struct str *out,
                        struct err *err)
{
    char name[PATH_BYTES_MAX];
    struct stat st;

    int r = to_path(path, name, "", err);
    if (r < 0)
        return r;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "cannot open %s", name);
    if (fstat(fd, &st) != 0)
        r = err_errno(err, HL_EIO, "cannot look at %s", name);
    else if (!S_ISREG(st.st_mode))
        r = err_set(err, HL_EINVAL, "%s is not a file", name);
    else if (is_secret && (st.st_mode & 077) != 0)
        r = err_set(err, HL_EDENIED,
                    "%s holds a secret and has mode %04o: others could read it; run: chmod 600 %s",
                    name, st.st_mode & 07777, name);
    else
        r = read_open_file(fd, name, (size_t)st.st_size, a, out, err);
    close(fd);
    return r;
}

int file_read(struct str path, struct arena *a, struct str *out, struct err *err)
{
    return read_checked(path, false, a, out, err);
}

int secret_read(struct str path, struct arena *a, struct str *out, struct err *err)
{
    return read_checked(path, true, a, out, err);
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return fsync(fd);
}

/* The rename is durable once the folder is (raft.md 2.5, trap 15). */
static int sync_folder_of(struct str path)
{
    char name[PATH_BYTES_MAX];
    size_t end = path.len;

    while (end > 0 && path.ptr[end - 1] != '/')
        end--;
    snprintf(name, sizeof(name), STR_FMT ".", STR_ARG(str_sub(path, 0, end)));
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    close(fd);
    return r;
}

int file_write(struct str path, struct str bytes, unsigned mode, struct err *err)
{
    char name[PATH_BYTES_MAX];
    char temporary[PATH_BYTES_MAX];

    int r = to_path(path, name, "", err);
    if (r == 0)
        r = to_path(path, temporary, ".new", err);
    if (r < 0)
        return r;
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot create %s", temporary);
    r = write_all(fd, bytes);
    if (close(fd) != 0 || r != 0 || rename(temporary, name) != 0 || sync_folder_of(path) != 0) {
        r = err_errno(err, HL_EIO, "cannot write %s", name);
        unlink(temporary);
        return r;
    }
    return 0;
}
