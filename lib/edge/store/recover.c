/*
 * What the segments say at start. Batches are taken one by one; the first that is not whole ends a
 * segment. In the last one nothing of a later batch may stand behind it: a later batch was written
 * only after this one was durable, so its presence means that acknowledged bytes were damaged, and
 * cutting there would forget promises (Alagappan et al., "Protocol-Aware Recovery", FAST '18).
 * Without it, the remains are those of an append that a crash interrupted and nobody was told of.
 * One case looks the same and cannot be told apart: damage to the very last batch. An earlier
 * segment must end where the next one says that it begins.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge/store/file.h"
#include "edge/store/log_internal.h"

struct reading {
    struct store_log *log;
    const struct segment *segment;
    const char *bytes;
    size_t len;
    struct err *err;
};

static int refuse(const struct reading *r, uint64_t offset, const char *what)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    return err_set(r->err, HL_ECORRUPT,
                   STR_FMT ": byte %llu: %s. Acknowledged entries may be lost here, so this "
                           "coordinator must not go on with its log: replace it "
                           "(docs/operations.md)",
                   STR_ARG(segment_path(a, r->log, r->segment->number)), (unsigned long long)offset,
                   what);
}

static int read_file(const struct segment *s, char *bytes, struct err *err)
{
    for (size_t done = 0; done < s->bytes;) {
        ssize_t n = pread(s->fd, bytes + done, s->bytes - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(err, HL_EIO, "cannot read segment %llu of the log",
                             (unsigned long long)s->number);
        done += (size_t)n;
    }
    return 0;
}

/* ---- records ---- */

static int take_hard_state(struct reading *r, const struct log_record *record, uint64_t offset)
{
    const struct raft_hard_state *old = &r->log->hard;

    if (record->term < old->term ||
        (record->term == old->term && old->vote != 0 && record->index != old->vote))
        return refuse(r, offset, "a term or vote that takes back an earlier one");
    r->log->hard = (struct raft_hard_state){record->term, record->index};
    return 0;
}

static int take_entry(struct reading *r, const struct log_record *record, uint64_t offset)
{
    struct log_view *v = &r->log->view;
    struct raft_members members;

    if (record->index != v->last + 1 || record->term == 0 || record->term > r->log->hard.term ||
        record->term < view_term(v, v->last))
        return refuse(r, offset, "an entry that does not follow the one before it");
    if (record->kind == LOG_MEMBERS && !raft_members_decode(record->payload, &members))
        return refuse(r, offset, "members that cannot be");
    view_append(v, record, (uint32_t)r->segment->number, (uint32_t)offset);
    return 0;
}

static int take_cut(struct reading *r, const struct log_record *record, uint64_t offset)
{
    struct log_view *v = &r->log->view;

    if (record->index == 0 || record->index > v->last + 1)
        return refuse(r, offset, "a cut behind the end");
    bool is_known = record->index >= v->first;
    bool fits = is_known
                    ? record->term == view_term(v, record->index - 1)
                    : (record->index == 1) == (record->term == 0) && record->term <= v->before_term;
    if (!fits)
        return refuse(r, offset, "a cut behind an entry of another term");
    view_truncate(v, record->index, record->term);
    return 0;
}

static int take(struct reading *r, const struct log_record *record, uint64_t offset)
{
    switch (record->kind) {
    case LOG_HARD_STATE:
        return take_hard_state(r, record, offset);
    case LOG_TRUNCATE:
        return take_cut(r, record, offset);
    case LOG_NOOP:
    case LOG_COMMAND:
    case LOG_MEMBERS:
        return take_entry(r, record, offset);
    case LOG_RESET:
        if (record->index == 0 || record->term == 0 || record->term > r->log->hard.term)
            return refuse(r, offset, "a reset to nothing that can be");
        view_reset(&r->log->view, record->index, record->term);
        return 0;
    }
    return refuse(r, offset, "an unknown record");
}

/* ---- batches ---- */

static enum log_read_outcome record_at(const struct reading *r, size_t offset,
                                       struct log_record *out)
{
    return log_record_read(r->bytes + offset, r->len - offset, r->segment->salt, out);
}

/* The end of the whole batch that begins here, 0 if there is none. */
static size_t batch_end(const struct reading *r, size_t offset, uint64_t number)
{
    struct log_record record;

    while (offset < r->len && record_at(r, offset, &record) == LOG_RECORD &&
           record.batch == number) {
        offset += log_record_size(record.payload.len);
        if (record.is_last)
            return offset;
    }
    return 0;
}

static int take_batches(struct reading *r)
{
    struct store_log *log = r->log;
    size_t end;

    log->end = LOG_HEADER_BYTES;
    while ((end = batch_end(r, (size_t)log->end, log->batch + 1)) != 0) {
        while (log->end < end) {
            struct log_record record;
            enum log_read_outcome outcome = record_at(r, (size_t)log->end, &record);

            HL_ASSERT(outcome == LOG_RECORD);
            int result = take(r, &record, log->end);
            if (result < 0)
                return result;
            log->end += log_record_size(record.payload.len);
        }
        log->batch++;
    }
    return 0;
}

/* Looks for records behind the end of the last segment; see the head of this file. */
static int check_tail(struct reading *r)
{
    struct store_log *log = r->log;
    struct log_record record;

    log->is_end_dirty = false;
    for (size_t at = (size_t)log->end; at + LOG_RECORD_BYTES <= r->len; at += LOG_ALIGN) {
        if (record_at(r, at, &record) != LOG_RECORD)
            continue;
        if (record.batch != log->batch + 1)
            return refuse(r, log->end, "a damaged record with whole ones behind it");
        log->is_end_dirty = true;
    }
    /* A torn record at the very end has no whole one behind it, and may look like anything. */
    if (log->end < r->len && record_at(r, (size_t)log->end, &record) != LOG_ZERO)
        log->is_end_dirty = true;
    return 0;
}

/* ---- segments ---- */

static int check_header(struct reading *r, struct segment *s, bool is_first)
{
    struct store_log *log = r->log;
    struct log_header h;

    if (r->len < LOG_HEADER_BYTES || !log_header_read(r->bytes, &h))
        return refuse(r, 0, "the head of a segment is damaged");
    if (h.version != LOG_VERSION)
        return err_set(r->err, HL_EUNSUPPORTED,
                       "segment %llu of " STR_FMT " has format %u, this program knows %d",
                       (unsigned long long)s->number, STR_ARG(log->dir), h.version, LOG_VERSION);
    if (h.number != s->number)
        return refuse(r, 0, "this is another segment under a wrong name");
    s->salt = h.salt;
    if (is_first && ((h.before_index == 0) != (h.before_term == 0) || h.first_batch == 0 ||
                     h.before_term > h.hard.term))
        return refuse(r, 0, "the head of a segment contradicts itself");
    if (is_first) {
        log->batch = h.first_batch - 1;
        log->hard = h.hard;
        view_reset(&log->view, h.before_index, h.before_term);
        return 0;
    }
    bool follows = h.first_batch == log->batch + 1 && h.hard.term == log->hard.term &&
                   h.hard.vote == log->hard.vote && h.before_index == log->view.last &&
                   h.before_term == view_term(&log->view, log->view.last);
    return follows ? 0 : refuse(r, 0, "the segment before it ends too early");
}

static int read_segment(struct store_log *log, size_t i, struct err *err)
{
    struct segment *s = &log->segment[i];
    char *bytes = hl_calloc(1, s->bytes + 1);
    struct reading r = {log, s, bytes, s->bytes, err};

    int result = read_file(s, bytes, err);
    if (result == 0)
        result = check_header(&r, s, i == 0);
    if (result == 0)
        result = take_batches(&r);
    if (result == 0 && i + 1 == log->segment_count)
        result = check_tail(&r);
    free(bytes);
    return result;
}

int log_recover(struct store_log *log, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct err local;
    int r = 0;

    err = err ? err : &local;
    for (size_t i = 0; r == 0 && i < log->segment_count; i++)
        r = read_segment(log, i, err);
    if (r < 0 || log->segment_count == 0)
        return r;
    /* What was read, names included, may have been in the page cache only, written by a process
     * that was killed before its flush: from here on it counts as durable, so it has to be. */
    if (fsync(log->segment[log->segment_count - 1].fd) != 0)
        return err_errno(err, HL_EIO, "cannot flush " STR_FMT, STR_ARG(log->dir));
    return file_sync_dir(arena_cstr(a, log->dir), err);
}
