/*
 * The open log: creating, appending, reading.
 *
 * Appends go into blocks that were written with zeros before: an fdatasync then writes data only
 * and no change of size or extents, which halves its time against a growing file. Room grows with
 * the file, from STEP_MIN to STEP_MAX, so that an idle member's folder stays small.
 */
#include "edge/store/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    STEP_MIN = 64 << 10,
    STEP_MAX = 4 << 20,
    BLOCK = 4096,
    OUT_KEEP_BYTES = 256 << 10, /* a larger write buffer is given back */
};

static int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int write_all(int fd, const char *p, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EIO;
            return -1;
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int write_zeros(int fd, uint64_t from, uint64_t to)
{
    static const char zero[64 << 10];

    while (from < to) {
        size_t len = to - from < sizeof(zero) ? (size_t)(to - from) : sizeof(zero);

        if (write_all(fd, zero, len, from) != 0)
            return -1;
        from += len;
    }
    return 0;
}

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static int fail(struct store_log *log, struct err *err, const char *what)
{
    log->has_failed = true;
    err_errno(err, HL_EIO, "%s " STR_FMT " failed: this log is closed for good until a restart",
              what, STR_ARG(log->path));
    if (err)
        err->code = HL_EIO; /* whatever errno was, nothing here can be tried again */
    return HL_EIO;
}

/* 0, 1 = no room for so much, < 0 failed. */
static int grow_to(struct store_log *log, uint64_t file_bytes, struct err *err)
{
    uint64_t old = log->file_bytes;
    int error = posix_fallocate(log->fd, (off_t)old, (off_t)(file_bytes - old));

    if (error == 0 && write_zeros(log->fd, old, file_bytes) != 0)
        error = errno;
    if (is_full(error)) {
        if (ftruncate(log->fd, (off_t)old) != 0)
            return fail(log, err, "giving back room in");
        return 1;
    }
    errno = error;
    if (error != 0 || fdatasync(log->fd) != 0)
        return fail(log, err, "preparing room in");
    log->file_bytes = file_bytes;
    return 0;
}

static uint64_t round_up(uint64_t n)
{
    return (n + BLOCK - 1) / BLOCK * BLOCK;
}

static int make_room(struct store_log *log, uint64_t need_bytes, struct err *err)
{
    uint64_t need = round_up(log->end + need_bytes);
    uint64_t step = round_up(log->file_bytes / 2);

    if (need <= log->file_bytes)
        return 0;
    step = step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step;
    uint64_t generous = log->file_bytes + step;
    int result = grow_to(log, generous > need ? generous : need, err);
    if (result == 1 && generous > need)
        result = grow_to(log, need, err); /* the last bytes of the disk, then */
    if (result == 1)
        return err_set(err, HL_ENOSPACE,
                       "no room for %llu more bytes in " STR_FMT ": the disk is full",
                       (unsigned long long)need_bytes, STR_ARG(log->path));
    return result;
}

static int sync_dir(struct str dir, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    int fd = open(arena_cstr(a, dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;

    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot open folder " STR_FMT, STR_ARG(dir));
    if (fsync(fd) != 0)
        result = err_errno(err, HL_EIO, "cannot sync folder " STR_FMT, STR_ARG(dir));
    close(fd);
    return result;
}

/* Under another name until it is whole and durable, so that there is never half a head. */
static int create(struct store_log *log, struct str dir, const struct store_identity *identity,
                  struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    struct log_header h = {.version = LOG_VERSION, .member = identity->member};
    char *temporary = arena_cstr(a, arena_concat(a, log->path, STR(".new")));

    h.mesh = identity->mesh;
    if (getrandom(&h.salt, sizeof(h.salt), 0) != (ssize_t)sizeof(h.salt))
        return err_errno(err, HL_EIO, "no random bytes for " STR_FMT, STR_ARG(log->path));
    log_header_add(&b, &h);
    int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot create %s", temporary);
    if (write_all(fd, b.ptr, b.len, 0) != 0 || write_zeros(fd, b.len, STEP_MIN) != 0 ||
        fsync(fd) != 0 || rename(temporary, arena_cstr(a, log->path)) != 0) {
        int result = err_errno(err, HL_EIO, "cannot write %s", temporary);
        close(fd);
        unlink(temporary);
        return result;
    }
    log->fd = fd;
    return sync_dir(dir, err);
}

static int take_lock(struct store_log *log, struct str dir, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str path = arena_concat(a, dir, STR("/raft.lock"));

    log->lock_fd = open(arena_cstr(a, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (log->lock_fd < 0)
        return err_errno(err, HL_EIO, "cannot open " STR_FMT, STR_ARG(path));
    if (flock(log->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return err_set(err, HL_ECONFLICT,
                       "folder " STR_FMT " is in use by another process (it holds " STR_FMT ")",
                       STR_ARG(dir), STR_ARG(path));
    return err_errno(err, HL_EIO, "cannot lock " STR_FMT, STR_ARG(path));
}

static int open_file(struct store_log *log, struct str dir, const struct store_identity *identity,
                     struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    log->fd = open(arena_cstr(a, log->path), O_RDWR | O_CLOEXEC);
    if (log->fd >= 0)
        return 0;
    if (errno != ENOENT)
        return err_errno(err, HL_EIO, "cannot open " STR_FMT, STR_ARG(log->path));
    return create(log, dir, identity, err);
}

/* The remains of an unfinished append must not be found behind what is written next. What was read
 * may also have been in the page cache only, written by a process that was killed before its sync:
 * from here on it counts as durable, so it has to be. */
static int settle(struct store_log *log, uint64_t dirty_to, struct err *err)
{
    if (dirty_to > log->end && write_zeros(log->fd, log->end, dirty_to) != 0)
        return err_errno(err, HL_EIO, "cannot clear the torn end of " STR_FMT, STR_ARG(log->path));
    if (fsync(log->fd) != 0)
        return err_errno(err, HL_EIO, "cannot sync " STR_FMT, STR_ARG(log->path));
    return 0;
}

int log_open(struct str dir, const struct store_identity *identity, struct store_log **out,
             struct raft_recovered *recovered, struct err *err)
{
    HL_CLEANUP(log_closep) struct store_log *log = hl_calloc(1, sizeof(*log));
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    uint64_t dirty_to = 0;

    log->lock_fd = log->fd = -1;
    log->path = str_dup(arena_concat(a, dir, STR("/raft.log")));
    log->index.chunk = hl_calloc(PLACE_CHUNKS, sizeof(struct log_place *));
    if (identity->mesh.len == 0 || identity->mesh.len > LOG_MESH_MAX || identity->member == 0)
        return err_set(err, HL_EINVAL, "a log needs a member and a mesh of 1 to %d bytes",
                       LOG_MESH_MAX);
    int result = take_lock(log, dir, err);
    if (result == 0)
        result = open_file(log, dir, identity, err);
    if (result == 0)
        result = log_recover(log, identity, &dirty_to, err);
    if (result == 0)
        result = settle(log, dirty_to, err);
    if (result != 0)
        return result;

    uint64_t last_index = log->index.last_index;
    *recovered = (struct raft_recovered){
        .hard = log->hard,
        .first_index = 1,
        .last_index = last_index,
        .last_term = log->run_count ? log->run[log->run_count - 1].term : 0,
        .run = log->run,
        .run_count = log->run_count,
    };
    *out = log;
    log = NULL;
    return 0;
}

void log_close(struct store_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    if (log->lock_fd >= 0)
        close(log->lock_fd);
    for (size_t i = 0; log->index.chunk && i < PLACE_CHUNKS && log->index.chunk[i]; i++)
        free(log->index.chunk[i]);
    free(log->index.chunk);
    free(log->run);
    buf_deinit(&log->out);
    str_free(log->path);
    free(log);
}

static size_t encode(struct store_log *log, const struct raft_persist *p)
{
    size_t count =
        p->entry_count + (p->has_hard_state ? 1u : 0u) + (p->truncate_from != 0 ? 1u : 0u);
    size_t done = 0;
    struct log_record record = {.batch = log->batch + 1};

    buf_reset(&log->out);
    if (p->has_hard_state) {
        record.kind = LOG_HARD_STATE;
        record.term = p->hard.term;
        record.index = p->hard.vote;
        record.is_last = ++done == count;
        log_record_add(&log->out, log->salt, &record);
    }
    if (p->truncate_from != 0) {
        record.kind = LOG_TRUNCATE;
        record.term = 0;
        record.index = p->truncate_from;
        record.is_last = ++done == count;
        log_record_add(&log->out, log->salt, &record);
    }
    for (size_t i = 0; i < p->entry_count; i++) {
        const struct raft_entry *e = &p->entry[i];

        HL_ASSERT(e->data.len <= RAFT_ENTRY_BYTES_MAX);
        record.kind = e->kind == RAFT_ENTRY_NOOP ? LOG_NOOP : LOG_COMMAND;
        record.term = e->term;
        record.index = e->index;
        record.payload = e->data;
        record.is_last = ++done == count;
        log_record_add(&log->out, log->salt, &record);
    }
    return count;
}

/* The written batch, as recovery would read it: one truth about what the bytes mean. */
static int take_written(struct store_log *log, uint64_t offset, struct err *err)
{
    uint64_t last_index = log->index.last_index;
    size_t at = 0;

    while (at < log->out.len) {
        struct log_record record;
        enum log_read_outcome outcome =
            log_record_read(log->out.ptr + at, log->out.len - at, log->salt, &record);

        HL_ASSERT(outcome == LOG_RECORD);
        int result = log_take(log, &record, offset + at, &last_index, err);
        if (result != 0)
            return result;
        at += log_record_size(record.payload.len);
    }
    atomic_store_explicit(&log->index.last_index, last_index, memory_order_release);
    return 0;
}

/* What recovery would refuse must not be written; the core never asks for it. */
static void check_persist(const struct store_log *log, const struct raft_persist *p)
{
    uint64_t last_index = log->index.last_index;

    HL_ASSERT(p->truncate_from <= last_index);
    if (p->truncate_from != 0)
        last_index = p->truncate_from - 1;
    for (size_t i = 0; i < p->entry_count; i++)
        HL_ASSERT(p->entry[i].index == last_index + 1 + i && p->entry[i].term > 0);
}

static int sync_file(struct store_log *log, struct err *err)
{
    int64_t start_us = clock_us();

    if (fdatasync(log->fd) != 0)
        return fail(log, err, "syncing");
    log->stats.sync_last_us = clock_us() - start_us;
    if (log->stats.sync_last_us > log->stats.sync_max_us)
        log->stats.sync_max_us = log->stats.sync_last_us;
    log->stats.sync_count++;
    return 0;
}

int log_append(struct store_log *log, const struct raft_persist *persist, struct err *err)
{
    if (log->has_failed)
        return err_set(err, HL_EIO, STR_FMT ": a write failed earlier; restart this member",
                       STR_ARG(log->path));
    check_persist(log, persist);
    if (encode(log, persist) == 0)
        return 0;
    int result = make_room(log, log->out.len, err);
    if (result != 0)
        return result;
    if (write_all(log->fd, log->out.ptr, log->out.len, log->end) != 0)
        return fail(log, err, "writing");
    result = sync_file(log, err);
    if (result != 0)
        return result;
    result = take_written(log, log->end, err);
    if (result != 0) {
        log->has_failed = true;
        return result;
    }
    log->batch++;
    log->end += log->out.len;
    log->stats.appended_bytes += log->out.len;
    if (log->out.cap > OUT_KEEP_BYTES)
        buf_deinit(&log->out);
    return 0;
}

static int read_entry(const struct store_log *log, uint64_t index, struct arena *a,
                      struct raft_entry *out, struct err *err)
{
    const struct log_place *place = log_place_of(&log->index, index);
    size_t size = log_record_size(place->length);
    char *p = arena_alloc(a, size);
    struct log_record record;

    for (size_t done = 0; done < size;) {
        ssize_t n = pread(log->fd, p + done, size - done, (off_t)(place->offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(err, HL_EIO, "cannot read " STR_FMT " at byte %llu",
                             STR_ARG(log->path), (unsigned long long)place->offset);
        done += (size_t)n;
    }
    if (log_record_read(p, size, log->salt, &record) != LOG_RECORD || record.index != index ||
        record.kind != place->kind)
        return err_set(err, HL_ECORRUPT, STR_FMT ": byte %llu: entry %llu is damaged",
                       STR_ARG(log->path), (unsigned long long)place->offset,
                       (unsigned long long)index);
    *out = (struct raft_entry){
        .index = record.index,
        .term = record.term,
        .kind = record.kind == LOG_NOOP ? RAFT_ENTRY_NOOP : RAFT_ENTRY_COMMAND,
        .data = record.payload,
    };
    return 0;
}

int log_read(void *context, uint64_t first, size_t max_count, size_t max_bytes, struct arena *a,
             struct raft_entry **out, size_t *out_count, struct err *err)
{
    struct store_log *log = context;
    uint64_t last = atomic_load_explicit(&log->index.last_index, memory_order_acquire);
    size_t count = 0;
    size_t bytes = 0;

    if (first == 0 || first > last || max_count == 0)
        return err_set(err, HL_EINVAL, STR_FMT ": no entry %llu, the log ends at %llu",
                       STR_ARG(log->path), (unsigned long long)first, (unsigned long long)last);
    if (max_count > last - first + 1)
        max_count = (size_t)(last - first + 1);
    for (; count < max_count; count++) {
        bytes += log_place_of(&log->index, first + count)->length + RAFT_ENTRY_COST;
        if (count > 0 && bytes > max_bytes)
            break;
    }
    struct raft_entry *entry = arena_array(a, struct raft_entry, count);
    for (size_t i = 0; i < count; i++) {
        int result = read_entry(log, first + i, a, &entry[i], err);
        if (result != 0)
            return result;
    }
    *out = entry;
    *out_count = count;
    return 0;
}

void log_stats_get(const struct store_log *log, struct log_stats *out)
{
    *out = log->stats;
    out->file_bytes = log->file_bytes;
}
