/* The open log: what it holds, appending, reading. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/store/file.h"
#include "edge/store/log_internal.h"

enum {
    PLACES_MIN = 1024,
    OUT_KEEP_BYTES = 1 << 20, /* a larger write buffer is given back */
    SEGMENT_BYTES_MIN = 64 << 10,
};

static int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what it holds ---- */

static struct log_place *place_of(const struct log_view *v, uint64_t index)
{
    return &v->place[index & (v->cap - 1)];
}

uint64_t view_term(const struct log_view *v, uint64_t index)
{
    size_t n = v->run_count;

    if (index < v->first || index > v->last)
        return index + 1 == v->first ? v->before_term : 0;
    while (n > 1 && v->run[n - 1].first_index > index)
        n--;
    return v->run[n - 1].term;
}

static void grow(struct log_view *v)
{
    size_t cap = v->cap ? 2 * v->cap : PLACES_MIN;
    struct log_place *place = hl_calloc(cap, sizeof(*place));

    for (uint64_t i = v->first; i <= v->last; i++)
        place[i & (cap - 1)] = *place_of(v, i);
    free(v->place);
    v->place = place;
    v->cap = cap;
}

static void push_run(struct log_view *v, uint64_t index, uint64_t term)
{
    if (v->run_count == v->run_cap) {
        v->run_cap = v->run_cap ? 2 * v->run_cap : 8;
        v->run = hl_realloc(v->run, v->run_cap * sizeof(*v->run));
    }
    v->run[v->run_count++] = (struct raft_term_run){index, term};
}

static void push_members(struct log_view *v, const struct log_record *record)
{
    if (v->members_count == v->members_cap) {
        v->members_cap = v->members_cap ? 2 * v->members_cap : 4;
        v->members = hl_realloc(v->members, v->members_cap * sizeof(*v->members));
    }
    v->members[v->members_count++] =
        (struct log_members){record->index, record->term, str_dup(record->payload)};
}

void view_append(struct log_view *v, const struct log_record *record, uint32_t segment,
                 uint32_t offset)
{
    if (v->last + 1 - v->first == v->cap)
        grow(v);
    v->last = record->index;
    *place_of(v, record->index) =
        (struct log_place){segment, offset, (uint32_t)record->payload.len, record->kind};
    v->live_bytes += log_record_size(record->payload.len);
    if (v->run_count == 0 || v->run[v->run_count - 1].term != record->term)
        push_run(v, record->index, record->term);
    if (record->kind == LOG_MEMBERS)
        push_members(v, record);
}

void view_truncate(struct log_view *v, uint64_t from, uint64_t before_term)
{
    if (from < v->first) {
        view_reset(v, from - 1, before_term);
        return;
    }
    for (uint64_t i = from; i <= v->last; i++)
        v->live_bytes -= log_record_size(place_of(v, i)->length);
    v->last = from - 1;
    while (v->run_count > 0 && v->run[v->run_count - 1].first_index >= from)
        v->run_count--;
    while (v->members_count > 0 && v->members[v->members_count - 1].index >= from)
        str_free(v->members[--v->members_count].data);
}

void view_reset(struct log_view *v, uint64_t index, uint64_t term)
{
    while (v->members_count > 0)
        str_free(v->members[--v->members_count].data);
    v->first = index + 1;
    v->last = index;
    v->before_term = term;
    v->run_count = 0;
    v->live_bytes = 0;
}

static void view_compact(struct log_view *v, uint64_t to)
{
    size_t gone = 0;

    if (to > v->last)
        to = v->last;
    if (to < v->first)
        return;
    uint64_t term = view_term(v, to);
    for (uint64_t i = v->first; i <= to; i++)
        v->live_bytes -= log_record_size(place_of(v, i)->length);
    while (gone + 1 < v->run_count && v->run[gone + 1].first_index <= to + 1)
        gone++;
    memmove(v->run, v->run + gone, (v->run_count - gone) * sizeof(*v->run));
    v->run_count -= gone;
    v->first = to + 1;
    v->before_term = term;
    if (v->last < v->first)
        v->run_count = 0;
    else
        v->run[0].first_index = v->first;
    for (gone = 0; gone < v->members_count && v->members[gone].index <= to; gone++)
        str_free(v->members[gone].data);
    if (gone > 0)
        memmove(v->members, v->members + gone, (v->members_count - gone) * sizeof(*v->members));
    v->members_count -= gone;
}

static void view_deinit(struct log_view *v)
{
    while (v->members_count > 0)
        str_free(v->members[--v->members_count].data);
    free(v->members);
    free(v->place);
    free(v->run);
}

/* ---- opening ---- */

static void list_members(struct store_log *log)
{
    const struct log_view *v = &log->view;

    log->recovered_members = hl_calloc(v->members_count + 1, sizeof(struct raft_entry));
    for (size_t i = 0; i < v->members_count; i++)
        log->recovered_members[i] = (struct raft_entry){v->members[i].index, v->members[i].term,
                                                        RAFT_ENTRY_MEMBERS, v->members[i].data};
}

/* A log that does not reach the base, or went another way there, is of no more use. */
static int continue_base(struct store_log *log, const struct raft_snapshot *base, struct err *err)
{
    const struct log_view *v = &log->view;
    struct raft_persist reset = {.reset_index = base->index, .reset_term = base->term};
    const struct raft_persist *list = &reset;

    if (v->first > base->index + 1)
        return err_set(err, HL_ECORRUPT,
                       STR_FMT ": the log begins at %llu, but the state ends at %llu: replace "
                               "this coordinator (docs/operations.md)",
                       STR_ARG(log->dir), (unsigned long long)v->first,
                       (unsigned long long)base->index);
    if (v->last >= base->index && view_term(v, base->index) == base->term)
        return 0;
    if (log->hard.term < base->term) { /* a folder that begins from a snapshot file */
        reset.has_hard_state = true;
        reset.hard = (struct raft_hard_state){.term = base->term};
    }
    return log_append(log, &list, 1, err);
}

/* A state without a log is one that was restored from a file, once; else the log was lost. */
static int check_beginning(struct store_dir *dir, const struct store_log *log,
                           const struct raft_snapshot *base, struct str *out_mark, struct arena *a,
                           struct err *err)
{
    *out_mark = arena_concat(a, store_dir_path(dir), STR("/restored"));
    if (log->segment_count > 0 || base->index == 0 || access(out_mark->ptr, F_OK) == 0)
        return 0;
    return err_set(err, HL_ECORRUPT,
                   STR_FMT " is gone, and with it what this coordinator promised: replace it "
                           "(docs/operations.md)",
                   STR_ARG(log->dir));
}

int log_open(struct store_dir *dir, const struct log_options *options,
             const struct raft_snapshot *base, struct store_log **out,
             struct raft_recovered *recovered, struct err *err)
{
    HL_CLEANUP(log_closep) struct store_log *log = hl_calloc(1, sizeof(*log));
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    pthread_rwlock_init(&log->lock, NULL);
    log->dir = str_dup(arena_concat(a, store_dir_path(dir), STR("/log")));
    log->segment_bytes = options ? options->segment_bytes : LOG_SEGMENT_BYTES;
    log->view.first = 1;
    if (log->segment_bytes < SEGMENT_BYTES_MIN)
        return err_set(err, HL_EINVAL, "a segment has at least %d bytes", SEGMENT_BYTES_MIN);
    struct str mark = STR_NONE;
    int r = segments_open(log, err);
    if (r == 0)
        r = check_beginning(dir, log, base, &mark, a, err);
    if (r == 0)
        r = log_recover(log, err);
    if (r == 0)
        r = continue_base(log, base, err);
    if (r < 0)
        return r;
    unlink(mark.ptr);
    list_members(log);
    const struct log_view *v = &log->view;
    *recovered = (struct raft_recovered){
        .hard = log->hard,
        .first_index = v->first,
        .last_index = v->last,
        .last_term = v->last >= v->first ? view_term(v, v->last) : 0,
        .before_term = v->before_term,
        .run = v->run,
        .run_count = v->run_count,
        .members = log->recovered_members,
        .members_count = v->members_count,
    };
    *out = log;
    log = NULL;
    return 0;
}

void log_close(struct store_log *log)
{
    if (!log)
        return;
    segments_close(log);
    view_deinit(&log->view);
    free(log->recovered_members);
    buf_deinit(&log->out);
    str_free(log->dir);
    pthread_rwlock_destroy(&log->lock);
    free(log);
}

/* ---- appending ---- */

static enum log_record_kind kind_of(enum raft_entry_kind kind)
{
    static const enum log_record_kind kinds[] = {[RAFT_ENTRY_NOOP] = LOG_NOOP,
                                                 [RAFT_ENTRY_COMMAND] = LOG_COMMAND,
                                                 [RAFT_ENTRY_MEMBERS] = LOG_MEMBERS};

    return kinds[kind];
}

static size_t records_of(const struct raft_persist *p)
{
    return (p->has_hard_state ? 1u : 0u) + (p->reset_index != 0 ? 1u : 0u) +
           (p->truncate_from != 0 ? 1u : 0u) + p->entry_count;
}

/* The effects as records, one after the other. */
struct batch {
    struct store_log *log;
    size_t left; /* records still to come */
};

static void add_record(struct batch *b, enum log_record_kind kind, uint64_t index, uint64_t term,
                       struct str payload)
{
    const struct segment *s = &b->log->segment[b->log->segment_count - 1];
    struct log_record record = {.kind = kind,
                                .is_last = --b->left == 0,
                                .batch = b->log->batch + 1,
                                .index = index,
                                .term = term,
                                .payload = payload};

    log_record_add(&b->log->out, s->salt, &record);
}

static uint64_t term_before(const struct store_log *log, const struct raft_persist *const *persist,
                            size_t at)
{
    uint64_t index = persist[at]->truncate_from - 1;

    /* An earlier effect of the same batch may have written it. */
    for (size_t i = at; i-- > 0;) {
        const struct raft_persist *p = persist[i];

        if (p->entry_count > 0 && p->entry[0].index <= index &&
            index < p->entry[0].index + p->entry_count)
            return p->entry[index - p->entry[0].index].term;
        if (p->reset_index == index && p->reset_index != 0)
            return p->reset_term;
    }
    return view_term(&log->view, index);
}

static void encode(struct store_log *log, const struct raft_persist *const *persist, size_t count,
                   size_t records)
{
    struct batch b = {.log = log, .left = records};

    buf_reset(&log->out);
    for (size_t i = 0; i < count; i++) {
        const struct raft_persist *p = persist[i];

        if (p->has_hard_state)
            add_record(&b, LOG_HARD_STATE, p->hard.vote, p->hard.term, STR_NONE);
        if (p->reset_index != 0)
            add_record(&b, LOG_RESET, p->reset_index, p->reset_term, STR_NONE);
        if (p->truncate_from != 0)
            add_record(&b, LOG_TRUNCATE, p->truncate_from, term_before(log, persist, i), STR_NONE);
        for (size_t k = 0; k < p->entry_count; k++) {
            const struct raft_entry *e = &p->entry[k];

            HL_ASSERT(e->data.len <= RAFT_ENTRY_BYTES_MAX);
            add_record(&b, kind_of(e->kind), e->index, e->term, e->data);
        }
    }
}

static size_t bytes_of(const struct raft_persist *const *persist, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += (records_of(persist[i]) - persist[i]->entry_count) * log_record_size(0);
        for (size_t k = 0; k < persist[i]->entry_count; k++)
            bytes += log_record_size(persist[i]->entry[k].data.len);
    }
    return bytes;
}

/* What was written, taken over: the same steps as recovery takes, without reading it back. */
static void publish(struct store_log *log, const struct raft_persist *const *persist, size_t count)
{
    /* None yet: then nothing was written either. */
    uint32_t segment =
        log->segment_count > 0 ? (uint32_t)log->segment[log->segment_count - 1].number : 0;
    uint64_t offset = log->end;

    pthread_rwlock_wrlock(&log->lock);
    for (size_t i = 0; i < count; i++) {
        const struct raft_persist *p = persist[i];

        if (p->has_hard_state) {
            log->hard = p->hard;
            offset += log_record_size(0);
        }
        if (p->reset_index != 0) {
            view_reset(&log->view, p->reset_index, p->reset_term);
            offset += log_record_size(0);
        }
        if (p->truncate_from != 0) {
            HL_ASSERT(p->truncate_from >= log->view.first && p->truncate_from <= log->view.last);
            view_truncate(&log->view, p->truncate_from, 0);
            offset += log_record_size(0);
        }
        for (size_t k = 0; k < p->entry_count; k++) {
            const struct raft_entry *e = &p->entry[k];
            struct log_record record = {
                .kind = kind_of(e->kind), .index = e->index, .term = e->term, .payload = e->data};

            HL_ASSERT(e->index == log->view.last + 1 && e->term > 0);
            view_append(&log->view, &record, segment, (uint32_t)offset);
            offset += log_record_size(e->data.len);
        }
        if (p->compact_to != 0)
            view_compact(&log->view, p->compact_to);
    }
    pthread_rwlock_unlock(&log->lock);
}

static int fail(struct store_log *log, struct err *err, const char *what)
{
    log->has_failed = true;
    err_errno(err, HL_EIO, "%s " STR_FMT " failed: this log is closed for good until a restart",
              what, STR_ARG(log->dir));
    if (err)
        err->code = HL_EIO; /* whatever errno was, nothing here can be tried again */
    return HL_EIO;
}

static void count_flush(struct store_log *log, int64_t took_us)
{
    struct log_stats *s = &log->stats;

    pthread_rwlock_wrlock(&log->lock);
    s->sync_last_us = took_us;
    if (took_us > s->sync_max_us)
        s->sync_max_us = took_us;
    s->batch_count++;
    s->appended_bytes += log->out.len;
    pthread_rwlock_unlock(&log->lock);
}

static int write_out(struct store_log *log, struct err *err)
{
    int fd = log->segment[log->segment_count - 1].fd;
    int64_t start_us = clock_us();

    errno = file_fill(fd, log->end, buf_str(&log->out));
    if (errno != 0)
        return fail(log, err, "writing");
    if (fdatasync(fd) != 0)
        return fail(log, err, "flushing");
    count_flush(log, clock_us() - start_us);
    return 0;
}

static int make_room(struct store_log *log, size_t bytes, struct err *err)
{
    bool fits = log->segment_count > 0 && !log->is_end_dirty &&
                log->end + bytes <= log->segment[log->segment_count - 1].bytes;
    int r = fits ? 0 : segments_switch(log, bytes, err);

    if (r < 0 && r != HL_ENOSPACE)
        log->has_failed = true;
    return r;
}

/* Segments in front of the first live entry hold nothing that is needed: the header of the next
 * one says how things stood. */
static void drop_segments(struct store_log *log)
{
    const struct log_view *v = &log->view;

    if (log->segment_count == 0)
        return;
    uint64_t last = log->segment[log->segment_count - 1].number;

    segments_drop_before(log, v->last < v->first ? last : place_of(v, v->first)->segment);
}

int log_append(struct store_log *log, const struct raft_persist *const *persist, size_t count,
               struct err *err)
{
    size_t records = 0;

    if (log->has_failed)
        return err_set(err, HL_EIO, STR_FMT ": a write failed earlier; restart this member",
                       STR_ARG(log->dir));
    for (size_t i = 0; i < count; i++)
        records += records_of(persist[i]);
    int r = records > 0 ? make_room(log, bytes_of(persist, count), err) : 0;
    if (r == 0 && records > 0) {
        encode(log, persist, count, records);
        r = write_out(log, err);
    }
    if (r < 0)
        return r;
    publish(log, persist, count);
    if (records > 0) {
        log->batch++;
        log->end += log->out.len;
    }
    drop_segments(log);
    if (log->out.cap > OUT_KEEP_BYTES)
        buf_deinit(&log->out);
    return 0;
}

void log_trim(struct store_log *log)
{
    segments_trim(log);
}

void log_prepare(struct store_log *log)
{
    enum { FILL_STEP = 128 << 10, DUE_AT = 4 }; /* a quarter into the last one */
    bool is_due = log->segment_count > 0 && log->spare_count == 0 &&
                  log->end > log->segment[log->segment_count - 1].bytes / DUE_AT;
    struct err ignored;

    if (log->has_failed)
        return;
    if (segments_settle(log, &ignored) < 0) {
        log->has_failed = true;
        return;
    }
    if (is_due && segments_fill(log, log->segment_bytes, FILL_STEP, &ignored) < 0)
        return; /* log_append will say so, if it is still so */
}

/* ---- reading ---- */

/* Entries [first, first + count) lie one behind the other in one segment: how many of them? */
static size_t run_length(const struct log_view *v, uint64_t first, size_t count)
{
    const struct log_place *p = place_of(v, first);
    uint64_t end = p->offset + log_record_size(p->length);
    size_t n = 1;

    for (; n < count; n++) {
        const struct log_place *next = place_of(v, first + n);
        if (next->segment != p->segment || next->offset != end)
            break;
        end += log_record_size(next->length);
    }
    return n;
}

static const struct segment *segment_of(const struct store_log *log, uint32_t number)
{
    return &log->segment[number - log->segment[0].number];
}

static int read_run(const struct store_log *log, uint64_t first, size_t count, struct arena *a,
                    struct raft_entry *out, struct err *err)
{
    static const enum raft_entry_kind kinds[] = {[LOG_NOOP] = RAFT_ENTRY_NOOP,
                                                 [LOG_COMMAND] = RAFT_ENTRY_COMMAND,
                                                 [LOG_MEMBERS] = RAFT_ENTRY_MEMBERS};
    const struct log_place *p = place_of(&log->view, first);
    const struct log_place *last = place_of(&log->view, first + count - 1);
    const struct segment *s = segment_of(log, p->segment);
    size_t size = last->offset + log_record_size(last->length) - p->offset;
    char *bytes = arena_alloc(a, size);
    size_t at = 0;

    for (size_t done = 0; done < size;) {
        ssize_t n = pread(s->fd, bytes + done, size - done, (off_t)(p->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(err, HL_EIO, "cannot read segment %u of " STR_FMT, p->segment,
                             STR_ARG(log->dir));
        done += (size_t)n;
    }
    for (size_t i = 0; i < count; i++) {
        struct log_record record;

        if (log_record_read(bytes + at, size - at, s->salt, &record) != LOG_RECORD ||
            record.index != first + i || record.kind < LOG_NOOP || record.kind > LOG_MEMBERS)
            return err_set(err, HL_ECORRUPT,
                           "segment %u of " STR_FMT ", byte %zu: entry %llu is damaged: replace "
                           "this coordinator (docs/operations.md)",
                           p->segment, STR_ARG(log->dir), p->offset + at,
                           (unsigned long long)(first + i));
        out[i] = (struct raft_entry){first + i, record.term, kinds[record.kind], record.payload};
        at += log_record_size(record.payload.len);
    }
    return 0;
}

static size_t count_to_read(const struct log_view *v, uint64_t first, size_t max_count,
                            size_t max_bytes)
{
    size_t bytes = 0;
    size_t count = 0;

    if (max_count > v->last - first + 1)
        max_count = (size_t)(v->last - first + 1);
    for (; count < max_count; count++) {
        bytes += place_of(v, first + count)->length + RAFT_ENTRY_COST;
        if (count > 0 && bytes > max_bytes)
            break;
    }
    return count;
}

static int read_locked(const struct store_log *log, uint64_t first, size_t max_count,
                       size_t max_bytes, struct arena *a, struct raft_entry **out,
                       size_t *out_count, struct err *err)
{
    const struct log_view *v = &log->view;
    int r = 0;

    if (first < v->first || first > v->last || max_count == 0)
        return err_set(err, HL_EABSENT, STR_FMT ": no entry %llu, it has %llu to %llu",
                       STR_ARG(log->dir), (unsigned long long)first, (unsigned long long)v->first,
                       (unsigned long long)v->last);
    size_t count = count_to_read(v, first, max_count, max_bytes);
    struct raft_entry *entry = arena_array(a, struct raft_entry, count);
    for (size_t done = 0; r == 0 && done < count;) {
        size_t n = run_length(v, first + done, count - done);
        r = read_run(log, first + done, n, a, entry + done, err);
        done += n;
    }
    *out = entry;
    *out_count = count;
    return r;
}

int log_read(struct store_log *log, uint64_t first, size_t max_count, size_t max_bytes,
             struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err)
{
    pthread_rwlock_rdlock(&log->lock);
    int r = read_locked(log, first, max_count, max_bytes, a, out, out_count, err);
    pthread_rwlock_unlock(&log->lock);
    return r;
}

void log_stats_get(struct store_log *log, struct log_stats *out)
{
    pthread_rwlock_rdlock(&log->lock);
    *out = log->stats;
    out->first_index = log->view.first;
    out->last_index = log->view.last;
    out->live_bytes = log->view.live_bytes;
    out->file_bytes = (uint64_t)log->spare_count * log->segment_bytes;
    for (size_t i = 0; i < log->segment_count; i++)
        out->file_bytes += log->segment[i].bytes;
    pthread_rwlock_unlock(&log->lock);
}
