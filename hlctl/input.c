/* open, read to the end, close. */
#include "hlctl/input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

static int read_all(int fd, const char *name, size_t max, struct buf *bytes, struct err *err)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(bytes, PIECE_BYTES), PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, HL_EIO, "cannot read %s", name);
        if (n == 0)
            return 0;
        buf_commit(bytes, (size_t)n);
        if (bytes->len > max)
            return err_set(err, HL_ELIMIT, "%s is larger than %zu bytes", name, max);
    }
}

int input_read(struct arena *a, struct str path, size_t max, struct str *out, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    bool is_stdin = str_eq(path, STR("-"));
    const char *name = is_stdin ? "stdin" : arena_printf(a, STR_FMT, STR_ARG(path)).ptr;
    int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "open %s", name);
    int rc = read_all(fd, name, max, &bytes, err);
    if (!is_stdin)
        close(fd);
    *out = arena_dup(a, buf_str(&bytes));
    return rc;
}
