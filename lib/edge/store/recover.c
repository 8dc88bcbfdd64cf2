/*
 * What a log says at start. Batches are taken one by one; the first that is not whole ends the log.
 * Behind it nothing may be a record of another batch: a later batch was written only after this one
 * was durable, so its presence means that acknowledged bytes were damaged, and cutting there would
 * forget promises (FAST'18, "Protocol-Aware Recovery"). Without it, the remains are those of an
 * append that a crash interrupted and nobody was told of. One case looks the same and cannot be
 * told apart: damage to the very last batch of the file.
 */
#include "edge/store/log_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1 << 20, BLOCK_BYTES = 4096 };

/* A window of the file that moves forward. */
struct reader {
    const struct store_log *log;
    uint64_t file_bytes;
    char *bytes;
    uint64_t start;
    size_t len;
};

static void reader_deinit(struct reader *r)
{
    free(r->bytes);
}

/* At least min(need, rest of the file) bytes at `offset`; need <= WINDOW_BYTES. */
static int reader_at(struct reader *r, uint64_t offset, size_t need, const char **out,
                     size_t *out_len, struct err *err)
{
    uint64_t rest = r->file_bytes - offset;

    if (need > rest)
        need = (size_t)rest;
    if (offset < r->start || offset + need > r->start + r->len) {
        r->start = offset;
        r->len = 0;
        while (r->len < need) {
            ssize_t n = pread(r->log->fd, r->bytes + r->len, WINDOW_BYTES - r->len,
                              (off_t)(offset + r->len));
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return err_errno(err, HL_EIO, "cannot read " STR_FMT " at byte %llu",
                                 STR_ARG(r->log->path), (unsigned long long)offset);
            r->len += (size_t)n;
        }
    }
    *out = r->bytes + (offset - r->start);
    *out_len = (size_t)(r->start + r->len - offset);
    return 0;
}

static int read_record(struct reader *r, uint64_t offset, struct log_record *out,
                       enum log_read_outcome *outcome, struct err *err)
{
    const char *p;
    size_t len;
    int result = reader_at(r, offset, log_record_size(RAFT_ENTRY_BYTES_MAX), &p, &len, err);

    if (result == 0)
        *outcome = log_record_read(p, len, r->log->salt, out);
    return result;
}

static int refuse(const struct store_log *log, uint64_t offset, struct err *err, const char *what)
{
    return err_set(err, HL_ECORRUPT,
                   STR_FMT ": byte %llu: %s. Acknowledged entries may be lost here, so this member "
                           "must not go on with this file: move the folder away and let the member "
                           "rejoin empty under a new id, or restore the disk",
                   STR_ARG(log->path), (unsigned long long)offset, what);
}

struct log_place *log_place_of(const struct log_index *index, uint64_t entry)
{
    size_t chunk = (size_t)((entry - 1) / PLACE_CHUNK);

    HL_ASSERT(entry > 0 && chunk < PLACE_CHUNKS);
    if (!index->chunk[chunk])
        index->chunk[chunk] = hl_calloc(PLACE_CHUNK, sizeof(struct log_place));
    return &index->chunk[chunk][(entry - 1) % PLACE_CHUNK];
}

static int take_hard_state(struct store_log *log, const struct log_record *record, uint64_t offset,
                           struct err *err)
{
    const struct raft_hard_state *old = &log->hard;

    if (record->term < old->term ||
        (record->term == old->term && old->vote != 0 && record->index != old->vote))
        return refuse(log, offset, err, "a term or vote that takes back an earlier one");
    log->hard = (struct raft_hard_state){record->term, record->index};
    return 0;
}

static int take_entry(struct store_log *log, const struct log_record *record, uint64_t offset,
                      uint64_t *last_index, struct err *err)
{
    uint64_t term = log->run_count ? log->run[log->run_count - 1].term : 0;

    if (record->index != *last_index + 1 || record->term < term || record->term == 0 ||
        record->term > log->hard.term)
        return refuse(log, offset, err, "an entry that does not follow the one before it");
    if (record->index > (uint64_t)PLACE_CHUNK * PLACE_CHUNKS)
        return err_set(err, HL_ELIMIT, STR_FMT ": more than %llu entries", STR_ARG(log->path),
                       (unsigned long long)PLACE_CHUNK * PLACE_CHUNKS);
    if (record->term != term) {
        if (log->run_count == log->run_cap) {
            log->run_cap = log->run_cap ? log->run_cap * 2 : 8;
            log->run = hl_realloc(log->run, log->run_cap * sizeof(*log->run));
        }
        log->run[log->run_count++] = (struct raft_term_run){record->index, record->term};
    }
    *log_place_of(&log->index, record->index) = (struct log_place){
        .offset = offset, .length = (uint32_t)record->payload.len, .kind = record->kind};
    *last_index = record->index;
    return 0;
}

int log_take(struct store_log *log, const struct log_record *record, uint64_t offset,
             uint64_t *last_index, struct err *err)
{
    switch (record->kind) {
    case LOG_HARD_STATE:
        return take_hard_state(log, record, offset, err);
    case LOG_TRUNCATE:
        if (record->index == 0 || record->index > *last_index)
            return refuse(log, offset, err, "a cut behind the end");
        *last_index = record->index - 1;
        while (log->run_count > 0 && log->run[log->run_count - 1].first_index >= record->index)
            log->run_count--;
        return 0;
    case LOG_NOOP:
    case LOG_COMMAND:
        return take_entry(log, record, offset, last_index, err);
    }
    return refuse(log, offset, err, "an unknown record");
}

struct batch {
    struct arena *arena;
    struct log_record *record; /* payloads: only the length is meant */
    uint64_t *offset;
    size_t count;
    size_t cap;
    size_t offset_count;
    size_t offset_cap;
    uint64_t end;
};

/* *out_is_whole is false when the log ends here. */
static int read_batch(struct reader *r, uint64_t offset, uint64_t number, struct batch *b,
                      bool *out_is_whole, struct err *err)
{
    *out_is_whole = false;
    while (offset < r->file_bytes) {
        enum log_read_outcome outcome;
        struct log_record record;
        int result = read_record(r, offset, &record, &outcome, err);

        if (result != 0)
            return result;
        if (outcome != LOG_RECORD || record.batch != number)
            return 0;
        ARENA_PUSH(b->arena, b->record, b->count, b->cap, record);
        ARENA_PUSH(b->arena, b->offset, b->offset_count, b->offset_cap, offset);
        offset += log_record_size(record.payload.len);
        if (record.is_last) {
            b->end = offset;
            *out_is_whole = true;
            return 0;
        }
    }
    return 0;
}

static int take_batches(struct store_log *log, struct reader *r, struct arena *scratch,
                        struct err *err)
{
    uint64_t last_index = 0;

    for (;;) {
        struct batch b = {.arena = scratch};
        bool is_whole;
        int result = read_batch(r, log->end, log->batch + 1, &b, &is_whole, err);

        for (size_t i = 0; result == 0 && is_whole && i < b.count; i++)
            result = log_take(log, &b.record[i], b.offset[i], &last_index, err);
        if (result != 0)
            return result;
        if (!is_whole)
            break;
        log->end = b.end;
        log->batch++;
        arena_reset(scratch);
    }
    atomic_store_explicit(&log->index.last_index, last_index, memory_order_release);
    return 0;
}

static bool is_zero_block(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

/* Looks for records behind the end; see the head of this file. */
static int check_tail(struct store_log *log, struct reader *r, uint64_t *out_dirty_to,
                      struct err *err)
{
    uint64_t offset = log->end;

    *out_dirty_to = log->end;
    while (offset < r->file_bytes) {
        const char *p;
        size_t len;
        int result = reader_at(r, offset, BLOCK_BYTES, &p, &len, err);

        if (result != 0)
            return result;
        if (len > BLOCK_BYTES - offset % BLOCK_BYTES)
            len = BLOCK_BYTES - offset % BLOCK_BYTES;
        uint64_t block_end = offset + len;
        if (is_zero_block(p, len)) {
            offset = block_end;
            continue;
        }
        *out_dirty_to = block_end;
        for (; offset < block_end; offset += LOG_ALIGN) {
            enum log_read_outcome outcome;
            struct log_record record;

            result = read_record(r, offset, &record, &outcome, err);
            if (result != 0)
                return result;
            if (outcome == LOG_RECORD && record.batch != log->batch + 1)
                return refuse(log, log->end, err, "a damaged record with whole ones behind it");
        }
    }
    return 0;
}

static int check_header(struct store_log *log, const struct store_identity *identity, const char *p,
                        struct err *err)
{
    struct log_header h;

    if (!log_header_read(p, &h))
        return err_set(err, HL_ECORRUPT,
                       STR_FMT ": byte 0: not a Raft log, or its head is damaged. Check the "
                               "folder given in the configuration; a damaged log needs the member "
                               "to rejoin empty under a new id",
                       STR_ARG(log->path));
    if (h.version != LOG_VERSION)
        return err_set(err, HL_ECORRUPT, STR_FMT ": format %u, this program writes and reads %d",
                       STR_ARG(log->path), h.version, LOG_VERSION);
    if (!str_eq(h.mesh, identity->mesh) || h.member != identity->member)
        return err_set(err, HL_ECORRUPT,
                       STR_FMT ": belongs to member %llu of mesh " STR_FMT
                               ", not to member %llu of mesh " STR_FMT
                               ". Give this member a folder of its own",
                       STR_ARG(log->path), (unsigned long long)h.member, STR_ARG(h.mesh),
                       (unsigned long long)identity->member, STR_ARG(identity->mesh));
    log->salt = h.salt;
    return 0;
}

int log_recover(struct store_log *log, const struct store_identity *identity,
                uint64_t *out_dirty_to, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    HL_CLEANUP(reader_deinit)
    struct reader r = {.log = log, .bytes = hl_alloc(WINDOW_BYTES)};
    struct stat st;
    const char *p;
    size_t len;

    if (fstat(log->fd, &st) != 0)
        return err_errno(err, HL_EIO, "cannot look at " STR_FMT, STR_ARG(log->path));
    r.file_bytes = (uint64_t)st.st_size;
    if (r.file_bytes < LOG_HEADER_BYTES)
        return err_set(err, HL_ECORRUPT, STR_FMT ": cut to %llu bytes, shorter than its head",
                       STR_ARG(log->path), (unsigned long long)r.file_bytes);
    int result = reader_at(&r, 0, LOG_HEADER_BYTES, &p, &len, err);
    if (result == 0)
        result = check_header(log, identity, p, err);
    if (result != 0)
        return result;
    log->end = LOG_HEADER_BYTES;
    log->file_bytes = r.file_bytes;
    result = take_batches(log, &r, scratch, err);
    return result != 0 ? result : check_tail(log, &r, out_dirty_to, err);
}
