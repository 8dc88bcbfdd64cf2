/*
 * File: one header, then records, then zeros (preallocated).
 *
 *   header  "HLRAFT01" | u64 member | 32 bytes SHA-256 of the mesh | u32 crc      (padded to 64)
 *   record  u32 length of payload | u32 crc of (batch, flags, payload) | u64 batch | u64 flags |
 * payload padded to 8. Flags: 1 = last record of its batch. payload u8 type, then   hard: u64 term,
 * vote   truncate: u64 from   entry: u64 index, term, u8 kind, data
 *
 * A batch is what one log_append wrote; at most one batch is not flushed at any time. So a record
 * that cannot be read is a torn tail exactly when nothing behind it belongs to a later batch than
 * the one it would be in; otherwise something that was acknowledged is damaged.
 */
#include "edge/store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 64,
    RECORD_HEAD = 24,
    GROW_BYTES = 1 << 20,
    PAYLOAD_MAX = RAFT_ENTRY_BYTES_MAX + 64,
    FLAG_LAST = 1,
    TYPE_HARD = 1,
    TYPE_TRUNCATE = 2,
    TYPE_ENTRY = 3,
    ENTRY_HEAD = 18,
};

static const char magic[8] = "HLRAFT01";

struct slot {
    uint64_t offset; /* of the payload */
    uint32_t len;
    uint32_t unused;
};

struct store_log {
    int fd;
    char path[4096];
    pthread_mutex_t mutex; /* guards the index, which a reader may use while a batch is appended */
    struct slot *slot;     /* of entries first_index .. */
    size_t slot_count;
    size_t slot_cap;
    uint64_t first_index;
    struct raft_hard_state hard;
    uint64_t last_term;
    uint64_t end;       /* where the next record goes */
    uint64_t allocated; /* zeros up to here */
    uint64_t batch;
    bool is_broken;
    struct buf out;
    struct log_stats stats;
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- reading and writing whole pieces ---- */

static int pread_all(int fd, void *out, size_t len, uint64_t offset)
{
    char *p = out;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int pwrite_all(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* ---- the index ---- */

static void index_set(struct store_log *log, uint64_t index, uint64_t offset, uint32_t len)
{
    HL_ASSERT(index == log->first_index + log->slot_count);
    if (log->slot_count == log->slot_cap) {
        log->slot_cap = log->slot_cap ? log->slot_cap * 2 : 256;
        log->slot = hl_realloc(log->slot, log->slot_cap * sizeof(*log->slot));
    }
    log->slot[log->slot_count++] = (struct slot){offset, len, 0};
}

static void index_truncate(struct store_log *log, uint64_t from)
{
    if (from < log->first_index + log->slot_count)
        log->slot_count = from > log->first_index ? (size_t)(from - log->first_index) : 0;
}

/* ---- recovery ---- */

struct record {
    uint64_t batch;
    uint64_t flags;
    uint64_t offset; /* of the payload */
    uint32_t len;
    const unsigned char *payload;
};

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

static uint32_t record_crc(const unsigned char *head, const unsigned char *payload, size_t len)
{
    return crc32c(crc32c(0, head + 8, 16), payload, len);
}

/* The record at `offset` of the mapped file, or false if there is no valid one. */
static bool parse_record(const unsigned char *file, uint64_t size, uint64_t offset,
                         struct record *out)
{
    if (offset + RECORD_HEAD > size)
        return false;
    const unsigned char *head = file + offset;
    uint32_t len = bytes_u32(head);
    if (len == 0 || len > PAYLOAD_MAX || offset + RECORD_HEAD + len > size ||
        bytes_u32(head + 4) != record_crc(head, head + RECORD_HEAD, len))
        return false;
    *out = (struct record){
        .batch = bytes_u64(head + 8),
        .flags = bytes_u64(head + 16),
        .offset = offset + RECORD_HEAD,
        .len = len,
        .payload = head + RECORD_HEAD,
    };
    return true;
}

static int corrupt(const struct store_log *log, uint64_t offset, const char *what, struct err *err)
{
    return err_set(err, HL_ECORRUPT,
                   "%s is damaged at byte %llu: %s. Nothing was changed. Move the folder aside and "
                   "start again: this member then gets everything back from the others",
                   log->path, (unsigned long long)offset, what);
}

static int replay_entry(struct store_log *log, const struct record *rec, struct err *err)
{
    uint64_t index = bytes_u64(rec->payload + 1);

    if (rec->len < ENTRY_HEAD)
        return corrupt(log, rec->offset, "an entry without a head", err);
    if (log->slot_count == 0 && log->first_index == 0)
        log->first_index = index;
    if (index != log->first_index + log->slot_count)
        return corrupt(log, rec->offset, "an entry out of order", err);
    index_set(log, index, rec->offset, rec->len);
    log->last_term = bytes_u64(rec->payload + 9);
    return 0;
}

static int replay(struct store_log *log, const struct record *rec, struct err *err)
{
    switch (rec->payload[0]) {
    case TYPE_HARD:
        if (rec->len != 17)
            return corrupt(log, rec->offset, "a hard state of a wrong length", err);
        log->hard.term = bytes_u64(rec->payload + 1);
        log->hard.vote = bytes_u64(rec->payload + 9);
        return 0;
    case TYPE_TRUNCATE:
        if (rec->len != 9)
            return corrupt(log, rec->offset, "a truncation of a wrong length", err);
        index_truncate(log, bytes_u64(rec->payload + 1));
        return 0;
    case TYPE_ENTRY:
        return replay_entry(log, rec, err);
    default:
        return corrupt(log, rec->offset, "a record of an unknown type", err);
    }
}

/* Is there anything behind `offset` that belongs to a later batch than `batch`? */
static bool has_later_batch(const unsigned char *file, uint64_t size, uint64_t offset,
                            uint64_t batch)
{
    struct record rec;

    for (uint64_t o = offset + 8; o + RECORD_HEAD <= size; o += 8) {
        if (bytes_u32(file + o) != 0 && parse_record(file, size, o, &rec) && rec.batch > batch)
            return true;
    }
    return false;
}

static int replay_all(struct store_log *log, const unsigned char *file, uint64_t size,
                      struct err *err)
{
    uint64_t offset = HEADER_BYTES;
    uint64_t batch_start = HEADER_BYTES;
    uint64_t torn_batch = 1;
    struct record rec;

    /* First find where the last whole batch ends, then replay only whole batches. */
    while (parse_record(file, size, offset, &rec)) {
        offset += RECORD_HEAD + padded(rec.len);
        log->batch = rec.batch;
        torn_batch = rec.flags & FLAG_LAST ? rec.batch + 1 : rec.batch;
        if (rec.flags & FLAG_LAST)
            batch_start = offset;
    }
    if (has_later_batch(file, size, offset, torn_batch))
        return corrupt(log, offset, "a record is unreadable and later ones are not", err);
    for (offset = HEADER_BYTES; offset < batch_start;) {
        HL_ASSERT(parse_record(file, size, offset, &rec));
        int r = replay(log, &rec, err);
        if (r < 0)
            return r;
        offset += RECORD_HEAD + padded(rec.len);
    }
    log->end = batch_start;
    return 0;
}

static int check_header(struct store_log *log, const unsigned char *head,
                        const struct store_identity *identity, struct err *err)
{
    struct digest mesh = sha256_of(identity->mesh);

    if (memcmp(head, magic, sizeof(magic)) != 0 || bytes_u32(head + 48) != crc32c(0, head, 48))
        return corrupt(log, 0, "it does not begin as a Raft log of this version", err);
    if (memcmp(head + 16, mesh.bytes, DIGEST_BYTES) != 0)
        return err_set(err, HL_ECORRUPT,
                       "%s belongs to another mesh; give this coordinator a folder of its own",
                       log->path);
    if (bytes_u64(head + 8) != identity->member)
        return err_set(
            err, HL_ECORRUPT,
            "%s belongs to member %llu, not %llu: two coordinators must not swap folders",
            log->path, (unsigned long long)bytes_u64(head + 8),
            (unsigned long long)identity->member);
    return 0;
}

static int sync_folder(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0) {
        int r = err_errno(err, HL_EIO, "cannot flush the folder %s", path);
        if (fd >= 0)
            close(fd);
        return r;
    }
    close(fd);
    return 0;
}

static int create_file(struct store_log *log, const struct store_identity *identity,
                       const char *dir, struct err *err)
{
    struct digest mesh = sha256_of(identity->mesh);
    struct buf head = {0};

    buf_add_bytes(&head, magic, sizeof(magic));
    buf_add_u64(&head, identity->member);
    buf_add_bytes(&head, mesh.bytes, DIGEST_BYTES);
    buf_add_u32(&head, crc32c(0, head.ptr, head.len));
    while (head.len < HEADER_BYTES)
        buf_add_byte(&head, 0);
    int failed = pwrite_all(log->fd, head.ptr, head.len, 0) != 0 || fdatasync(log->fd) != 0;
    buf_deinit(&head);
    if (failed)
        return err_errno(err, HL_EIO, "cannot write %s", log->path);
    log->end = log->allocated = HEADER_BYTES;
    return sync_folder(dir, err);
}

static int recover(struct store_log *log, const struct store_identity *identity, uint64_t size,
                   struct err *err)
{
    unsigned char *file = hl_alloc((size_t)size);
    int r = 0;

    if (pread_all(log->fd, file, (size_t)size, 0) != 0)
        r = err_errno(err, HL_EIO, "cannot read %s", log->path);
    if (r == 0)
        r = check_header(log, file, identity, err);
    if (r == 0)
        r = replay_all(log, file, size, err);
    log->allocated = size;
    free(file);
    return r;
}

/* What is behind the last whole batch was never acknowledged: it becomes zeros again, so that the
 * next batch does not meet its remains. */
static int clear_tail(struct store_log *log, struct err *err)
{
    if (ftruncate(log->fd, (off_t)log->end) != 0 || fdatasync(log->fd) != 0)
        return err_errno(err, HL_EIO, "cannot cut the torn end of %s", log->path);
    log->allocated = log->end;
    return 0;
}

static int open_file(struct store_log *log, const char *dir, const struct store_identity *identity,
                     struct err *err)
{
    struct stat st;

    log->fd = open(log->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log->fd < 0)
        return err_errno(err, HL_EIO, "cannot open %s", log->path);
    if (flock(log->fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, HL_ECONFLICT,
                       "%s is in use by another process: a coordinator is running on this folder",
                       log->path);
    if (fstat(log->fd, &st) != 0)
        return err_errno(err, HL_EIO, "cannot look at %s", log->path);
    if (st.st_size == 0)
        return create_file(log, identity, dir, err);
    if (st.st_size < HEADER_BYTES)
        return corrupt(log, 0, "it is too short to be a Raft log", err);
    int r = recover(log, identity, (uint64_t)st.st_size, err);
    return r < 0 ? r : clear_tail(log, err);
}

static void last_term_of(struct store_log *log)
{
    unsigned char head[ENTRY_HEAD];

    log->last_term = 0;
    if (log->slot_count > 0 &&
        pread_all(log->fd, head, sizeof(head), log->slot[log->slot_count - 1].offset) == 0)
        log->last_term = bytes_u64(head + 9);
}

int log_open(struct str dir, const struct store_identity *identity, struct store_log **out,
             struct raft_recovered *recovered, struct err *err)
{
    struct store_log *log = hl_calloc(1, sizeof(*log));
    char folder[4000];

    snprintf(folder, sizeof(folder), STR_FMT, STR_ARG(dir));
    snprintf(log->path, sizeof(log->path), "%s/raft.log", folder);
    pthread_mutex_init(&log->mutex, NULL);
    log->fd = -1;
    int r = open_file(log, folder, identity, err);
    if (r < 0) {
        log_close(log);
        return r;
    }
    if (log->first_index == 0)
        log->first_index = 1;
    last_term_of(log);
    *recovered = (struct raft_recovered){
        .hard = log->hard,
        .first_index = log->first_index,
        .last_index = log->first_index + log->slot_count - 1,
        .last_term = log->last_term,
    };
    *out = log;
    return 0;
}

void log_close(struct store_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    pthread_mutex_destroy(&log->mutex);
    free(log->slot);
    buf_deinit(&log->out);
    free(log);
}

/* ---- appending ---- */

/* Starts a record; the head is filled by end_record. Returns where it began. */
static size_t start_record(struct store_log *log)
{
    size_t at = log->out.len;

    for (int i = 0; i < RECORD_HEAD; i++)
        buf_add_byte(&log->out, 0);
    return at;
}

static void end_record(struct store_log *log, size_t at, bool is_last)
{
    struct buf *b = &log->out;
    uint32_t len = (uint32_t)(b->len - at - RECORD_HEAD);
    struct buf head = {0};

    buf_add_u64(&head, log->batch + 1);
    buf_add_u64(&head, is_last ? FLAG_LAST : 0);
    memcpy(b->ptr + at + 8, head.ptr, 16);
    uint32_t crc =
        record_crc((unsigned char *)b->ptr + at, (unsigned char *)b->ptr + at + RECORD_HEAD, len);
    buf_reset(&head);
    buf_add_u32(&head, len);
    buf_add_u32(&head, crc);
    memcpy(b->ptr + at, head.ptr, 8);
    buf_deinit(&head);
    while (b->len % 8 != 0)
        buf_add_byte(b, 0);
}

static void add_hard(struct store_log *log, const struct raft_persist *p, bool is_last)
{
    size_t at = start_record(log);

    buf_add_byte(&log->out, TYPE_HARD);
    buf_add_u64(&log->out, p->hard.term);
    buf_add_u64(&log->out, p->hard.vote);
    end_record(log, at, is_last);
}

static void add_truncate(struct store_log *log, const struct raft_persist *p, bool is_last)
{
    size_t at = start_record(log);

    buf_add_byte(&log->out, TYPE_TRUNCATE);
    buf_add_u64(&log->out, p->truncate_from);
    end_record(log, at, is_last);
}

static void add_entry(struct store_log *log, const struct raft_entry *e, bool is_last)
{
    size_t at = start_record(log);

    buf_add_byte(&log->out, TYPE_ENTRY);
    buf_add_u64(&log->out, e->index);
    buf_add_u64(&log->out, e->term);
    buf_add_byte(&log->out, (char)e->kind);
    buf_add(&log->out, e->data);
    end_record(log, at, is_last);
}

/* Zeros are written ahead, so that a flush of the records changes no metadata of the file system
 * and cannot meet a full disk. */
static int make_room(struct store_log *log, size_t need, struct err *err)
{
    static const char zeros[1 << 16];

    while (log->allocated < log->end + need) {
        uint64_t to = log->allocated + GROW_BYTES;
        for (uint64_t o = log->allocated; o < to; o += sizeof(zeros)) {
            if (pwrite_all(log->fd, zeros, sizeof(zeros), o) != 0)
                return err_errno(err, HL_EIO, "cannot enlarge %s", log->path);
        }
        log->allocated = to;
    }
    return 0;
}

static void index_batch(struct store_log *log, const struct raft_persist *p, uint64_t end)
{
    uint64_t offset = end;

    pthread_mutex_lock(&log->mutex);
    if (p->truncate_from != 0)
        index_truncate(log, p->truncate_from);
    /* Entries stand last in the batch: walk them from the back to find where they begin. */
    for (size_t i = p->entry_count; i-- > 0;)
        offset -= RECORD_HEAD + padded(ENTRY_HEAD + p->entry[i].data.len);
    for (size_t i = 0; i < p->entry_count; i++) {
        uint32_t len = (uint32_t)(ENTRY_HEAD + p->entry[i].data.len);
        index_set(log, p->entry[i].index, offset + RECORD_HEAD, len);
        offset += RECORD_HEAD + padded(len);
    }
    pthread_mutex_unlock(&log->mutex);
}

int log_append(struct store_log *log, const struct raft_persist *p, struct err *err)
{
    if (log->is_broken)
        return err_set(err, HL_EIO, "%s failed before; it is not written to any more", log->path);
    buf_reset(&log->out);
    if (p->has_hard_state)
        add_hard(log, p, p->truncate_from == 0 && p->entry_count == 0);
    if (p->truncate_from != 0)
        add_truncate(log, p, p->entry_count == 0);
    for (size_t i = 0; i < p->entry_count; i++)
        add_entry(log, &p->entry[i], i + 1 == p->entry_count);
    if (log->out.len == 0)
        return 0;

    int r = make_room(log, log->out.len, err);
    if (r == HL_ENOSPACE)
        return r;
    int64_t start_us = now_us();
    if (r < 0 || pwrite_all(log->fd, log->out.ptr, log->out.len, log->end) != 0 ||
        fdatasync(log->fd) != 0) {
        log->is_broken = true; /* what is in the page cache now cannot be known (trap 6) */
        return r < 0 ? r : err_errno(err, HL_EIO, "cannot write %s", log->path);
    }
    log->stats.sync_last_us = now_us() - start_us;
    if (log->stats.sync_last_us > log->stats.sync_max_us)
        log->stats.sync_max_us = log->stats.sync_last_us;
    log->stats.sync_count++;
    log->stats.appended_bytes += log->out.len;
    log->batch++;
    log->end += log->out.len;
    index_batch(log, p, log->end);
    return 0;
}

/* ---- reading back ---- */

static int read_entry(struct store_log *log, struct slot slot, uint64_t index, struct arena *a,
                      struct raft_entry *out, struct err *err)
{
    unsigned char *whole = arena_alloc(a, RECORD_HEAD + slot.len);
    const unsigned char *payload = whole + RECORD_HEAD;

    if (pread_all(log->fd, whole, RECORD_HEAD + slot.len, slot.offset - RECORD_HEAD) != 0)
        return err_errno(err, HL_EIO, "cannot read %s", log->path);
    if (bytes_u32(whole) != slot.len ||
        bytes_u32(whole + 4) != record_crc(whole, payload, slot.len) ||
        bytes_u64(payload + 1) != index)
        return corrupt(log, slot.offset, "an entry does not match its checksum", err);
    *out = (struct raft_entry){
        .index = index,
        .term = bytes_u64(payload + 9),
        .kind = (enum raft_entry_kind)payload[17],
        .data = {(const char *)payload + ENTRY_HEAD, slot.len - ENTRY_HEAD},
    };
    return 0;
}

int log_read(void *context, uint64_t first, size_t max_count, size_t max_bytes, struct arena *a,
             struct raft_entry **out, size_t *out_count, struct err *err)
{
    struct store_log *log = context;
    struct slot *slot = NULL;
    size_t bytes = 0;
    size_t count = 0;

    pthread_mutex_lock(&log->mutex);
    if (first >= log->first_index && first < log->first_index + log->slot_count) {
        size_t at = (size_t)(first - log->first_index);

        while (at + count < log->slot_count && count < max_count) {
            bytes += log->slot[at + count].len;
            if (count > 0 && bytes > max_bytes)
                break;
            count++;
        }
        slot = arena_array(a, struct slot, count);
        memcpy(slot, log->slot + at, count * sizeof(*slot));
    }
    pthread_mutex_unlock(&log->mutex);
    if (count == 0)
        return err_set(err, HL_EABSENT, "%s has no entry %llu", log->path,
                       (unsigned long long)first);
    struct raft_entry *entry = arena_array(a, struct raft_entry, count);
    for (size_t i = 0; i < count; i++) {
        int r = read_entry(log, slot[i], first + i, a, &entry[i], err);
        if (r < 0)
            return r;
    }
    *out = entry;
    *out_count = count;
    return 0;
}

void log_stats_get(const struct store_log *log, struct log_stats *out)
{
    *out = log->stats;
    out->file_bytes = log->allocated;
}
