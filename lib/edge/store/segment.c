/*
 * The files of the log: `<number>.seg` in use, `<n>.spare` prepared. A spare file gets its header,
 * then its number by rename, and both are durable before the first record: so every numbered file
 * has a whole header.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/file.h"
#include "edge/store/log_internal.h"

enum { BLOCK = 4096 };

struct str segment_path(struct arena *a, const struct store_log *log, uint64_t number)
{
    return arena_printf(a, STR_FMT "/%010llu.seg", STR_ARG(log->dir), (unsigned long long)number);
}

static struct str spare_path(struct arena *a, const struct store_log *log, uint64_t number)
{
    return arena_printf(a, STR_FMT "/%llu.spare", STR_ARG(log->dir), (unsigned long long)number);
}

/* "<digits><suffix>" */
static bool is_numbered(const char *name, const char *suffix, uint64_t *out)
{
    struct str s = str_from(name);
    struct str end = str_from(suffix);

    return str_ends(s, end) && str_to_u64(str_sub(s, 0, s.len - end.len), out) && *out > 0;
}

/* ---- opening ---- */

static int number_order(const void *a, const void *b)
{
    uint64_t x = ((const struct segment *)a)->number;
    uint64_t y = ((const struct segment *)b)->number;

    return x < y ? -1 : x > y;
}

static struct segment *add_segment(struct store_log *log, uint64_t number)
{
    if (log->segment_count == log->segment_cap) {
        log->segment_cap = log->segment_cap ? 2 * log->segment_cap : 8;
        log->segment = hl_realloc(log->segment, log->segment_cap * sizeof(*log->segment));
    }
    struct segment *s = &log->segment[log->segment_count++];
    *s = (struct segment){.number = number, .fd = -1};
    return s;
}

static int open_file(struct store_log *log, struct segment *s, struct arena *a, struct err *err)
{
    struct str path = segment_path(a, log, s->number);
    struct stat about;

    s->fd = open(path.ptr, O_RDWR | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &about) != 0)
        return err_errno(err, HL_EIO, "cannot open " STR_FMT, STR_ARG(path));
    s->bytes = (uint64_t)about.st_size;
    return 0;
}

int segments_open(struct store_log *log, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct dirent *e;
    uint64_t number;

    int r = file_make_dir(arena_cstr(a, log->dir), err);
    DIR *d = r == 0 ? opendir(arena_cstr(a, log->dir)) : NULL;
    if (!d)
        return r < 0 ? r : err_errno(err, HL_EIO, "cannot open " STR_FMT, STR_ARG(log->dir));
    while ((e = readdir(d)) != NULL) {
        if (is_numbered(e->d_name, ".seg", &number))
            add_segment(log, number);
        else if (is_numbered(e->d_name, ".spare", &number)) /* may be half prepared */
            unlink(spare_path(a, log, number).ptr);
    }
    closedir(d);
    if (log->segment_count > 0)
        qsort(log->segment, log->segment_count, sizeof(*log->segment), number_order);
    for (size_t i = 0; r == 0 && i < log->segment_count; i++) {
        if (log->segment[i].number != log->segment[0].number + i)
            return err_set(err, HL_ECORRUPT,
                           "segment %llu of " STR_FMT " is missing: replace this coordinator "
                           "(docs/operations.md)",
                           (unsigned long long)(log->segment[0].number + i), STR_ARG(log->dir));
        r = open_file(log, &log->segment[i], a, err);
    }
    return r;
}

void segments_close(struct store_log *log)
{
    segments_fill_end(log);
    for (size_t i = 0; i < log->segment_count; i++) {
        if (log->segment[i].fd >= 0)
            close(log->segment[i].fd);
    }
    free(log->segment);
}

/* ---- preparing ---- */

/* The number of the file that is being filled. */
enum { FILLING = 0 };

static int write_zeros(int fd, uint64_t from, uint64_t to)
{
    static const char zero[64 << 10];
    int error = 0;

    for (uint64_t at = from; error == 0 && at < to; at += sizeof(zero)) {
        size_t len = to - at < sizeof(zero) ? (size_t)(to - at) : sizeof(zero);
        error = file_fill(fd, at, (struct str){zero, len});
    }
    return error;
}

/* Written to the device at once, so that the flush at the end finds little to do. */
static int fill_some(struct store_log *log, const char *path, uint64_t step)
{
    int error = 0;

    if (log->filled == 0) {
        log->filling_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (log->filling_fd < 0)
            return errno;
        error = posix_fallocate(log->filling_fd, 0, (off_t)log->filling_bytes);
    }
    uint64_t left = log->filling_bytes - log->filled;
    uint64_t to = log->filled + (left < step ? left : step);
    if (error == 0)
        error = write_zeros(log->filling_fd, log->filled, to);
    if (error == 0 && sync_file_range(log->filling_fd, (off_t)log->filled,
                                      (off_t)(to - log->filled), SYNC_FILE_RANGE_WRITE) != 0)
        error = errno == ENOSYS ? 0 : errno;
    log->filled = to;
    if (error == 0 && to == log->filling_bytes && fsync(log->filling_fd) != 0)
        error = errno;
    return error;
}

void segments_fill_end(struct store_log *log)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    if (log->filled == 0)
        return;
    close(log->filling_fd);
    unlink(spare_path(a, log, FILLING).ptr);
    log->filled = 0;
}

/* The file has got all its blocks, durably; its name is not, and need not be. */
static int make_spare(struct store_log *log, const char *path, struct arena *a)
{
    close(log->filling_fd);
    log->filled = 0;
    if (rename(path, spare_path(a, log, log->spare_next + 1).ptr) != 0)
        return errno;
    pthread_rwlock_wrlock(&log->lock);
    log->spare_next++;
    log->spare_count++;
    pthread_rwlock_unlock(&log->lock);
    return 0;
}

int segments_fill(struct store_log *log, uint64_t bytes, uint64_t step, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *path = spare_path(a, log, FILLING).ptr;

    if (log->filled == 0)
        log->filling_bytes = bytes;
    int error = fill_some(log, path, step);
    if (error != 0)
        segments_fill_end(log);
    else if (log->filled == log->filling_bytes)
        error = make_spare(log, path, a);
    if (file_is_full(error))
        return err_set(err, HL_ENOSPACE, "no room for a segment of " STR_FMT ": the disk is full",
                       STR_ARG(log->dir));
    errno = error;
    return error == 0 ? 0 : err_errno(err, HL_EIO, "cannot prepare %s", path);
}

/* At once, with room for `bytes`; what was begun is of no use if that is not the usual size. */
static int prepare(struct store_log *log, uint64_t bytes, struct err *err)
{
    uint64_t whole = (bytes + BLOCK - 1) / BLOCK * BLOCK;
    size_t count = log->spare_count;
    int r = 0;

    if (whole > log->segment_bytes)
        segments_fill_end(log);
    else
        whole = log->segment_bytes;
    while (r == 0 && log->spare_count == count)
        r = segments_fill(log, whole, whole, err);
    return r;
}

/* ---- switching ---- */

int segments_settle(struct store_log *log, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    int r = log->is_renamed ? file_sync_dir(arena_cstr(a, log->dir), err) : 0;

    if (r == 0)
        log->is_renamed = false;
    return r;
}

static int write_header(const struct store_log *log, struct segment *s, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    struct log_header h = {
        .version = LOG_VERSION,
        .number = s->number,
        .first_batch = log->batch + 1,
        .hard = log->hard,
        .before_index = log->view.last,
        .before_term = view_term(&log->view, log->view.last),
    };

    if (getrandom(&s->salt, sizeof(s->salt), 0) != (ssize_t)sizeof(s->salt))
        return err_errno(err, HL_EIO, "no random bytes for a segment");
    h.salt = s->salt;
    log_header_add(&b, &h);
    errno = file_fill(s->fd, 0, buf_str(&b));
    if (errno != 0 || fdatasync(s->fd) != 0)
        return err_errno(err, HL_EIO, "cannot write a segment of " STR_FMT, STR_ARG(log->dir));
    return 0;
}

static int make_ready(struct store_log *log, uint64_t bytes, struct segment *s, struct str path,
                      struct err *err)
{
    struct stat about;

    s->fd = open(path.ptr, O_RDWR | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &about) != 0)
        return err_errno(err, HL_EIO, "cannot open " STR_FMT, STR_ARG(path));
    s->bytes = (uint64_t)about.st_size;
    HL_ASSERT(s->bytes >= bytes);
    return write_header(log, s, err);
}

int segments_switch(struct store_log *log, uint64_t bytes, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct segment s = {.fd = -1};
    int r = 0;

    bytes += LOG_HEADER_BYTES;
    if (log->spare_count == 0 || bytes > log->segment_bytes)
        r = prepare(log, bytes, err);
    if (r < 0)
        return r;
    r = segments_settle(log, err);
    if (r < 0)
        return HL_EIO;
    struct str spare = spare_path(a, log, log->spare_next);
    s.number = log->segment_count ? log->segment[log->segment_count - 1].number + 1 : 1;
    r = make_ready(log, bytes, &s, spare, err);
    if (r == 0 && rename(spare.ptr, segment_path(a, log, s.number).ptr) != 0)
        r = err_errno(err, HL_EIO, "cannot rename " STR_FMT, STR_ARG(spare));
    if (r == 0)
        r = file_sync_dir(arena_cstr(a, log->dir), err);
    if (r < 0) {
        if (s.fd >= 0)
            close(s.fd);
        return HL_EIO; /* what stands on the disk now is not known */
    }
    pthread_rwlock_wrlock(&log->lock);
    log->spare_next--;
    log->spare_count--;
    *add_segment(log, s.number) = s;
    pthread_rwlock_unlock(&log->lock);
    log->end = LOG_HEADER_BYTES;
    log->is_end_dirty = false;
    return 0;
}

/* ---- dropping ---- */

void segments_trim(struct store_log *log)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    while (log->spare_count > 1 && unlink(spare_path(a, log, log->spare_next).ptr) == 0) {
        pthread_rwlock_wrlock(&log->lock);
        log->spare_next--;
        log->spare_count--;
        pthread_rwlock_unlock(&log->lock);
    }
}

/* Its blocks exist already: the next segment needs no preparing. False: it cannot be removed. */
static bool retire(struct store_log *log, struct segment *s)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const char *path = segment_path(a, log, s->number).ptr;
    bool is_wanted = s->bytes == log->segment_bytes && log->spare_count < LOG_SPARE_MAX;

    if (is_wanted && rename(path, spare_path(a, log, log->spare_next + 1).ptr) == 0) {
        log->spare_next++;
        log->spare_count++;
        log->is_renamed = true;
    } else if (unlink(path) != 0) {
        return false;
    }
    close(s->fd);
    return true;
}

void segments_drop_before(struct store_log *log, uint64_t number)
{
    size_t gone = 0;

    if (log->segment_count < 2 || log->segment[0].number >= number)
        return;
    pthread_rwlock_wrlock(&log->lock);
    /* In order, and one that stays keeps those behind it: numbers have no gaps. */
    while (gone + 1 < log->segment_count && log->segment[gone].number < number &&
           retire(log, &log->segment[gone]))
        gone++;
    memmove(log->segment, log->segment + gone, (log->segment_count - gone) * sizeof(*log->segment));
    log->segment_count -= gone;
    pthread_rwlock_unlock(&log->lock);
}
