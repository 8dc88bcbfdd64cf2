/*
 * The log in memory. Terms are kept as runs, one per leader that ever wrote: finding the term of
 * any entry, or the last entry not above a term (the conflict hint), is a binary search and never
 * reads the disk. The newest entries stand in a ring; each knows how many bytes were cached up to
 * it, so the bytes between two entries are a subtraction and there is no counter that could leak.
 *
 *   1 ... first - 1 | first ...        | cache_first ... last
 *   compacted away  | terms, marks     | terms, marks and entries
 *
 * Data of cached entries is packed into chunks, in order: what is appended goes to the newest, what
 * is evicted leaves the oldest, so a log that moves on allocates nothing. Marks remember, every so
 * many bytes, how much had been written up to an index: enough to say where to cut, without the
 * sizes of entries that are in memory no more. What an earlier life wrote has no marks.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 << 10, SPARES_MAX = 4 };

struct raft_chunk {
    struct raft_chunk *older;
    struct raft_chunk *newer;
    size_t cap;
    size_t used;
    size_t entry_count;
    char bytes[];
};

void entries_init(struct raft_entries *l, const struct raft_recovered *recovered,
                  uint64_t mark_bytes)
{
    *l = (struct raft_entries){
        .first_index = recovered->first_index,
        .last_index = recovered->last_index,
        .before_term = recovered->before_term,
        .run_count = recovered->run_count,
        .run_cap = recovered->run_count + 4,
        .cache_first = recovered->last_index + 1,
        .mark_bytes = mark_bytes,
    };
    l->run = hl_calloc(l->run_cap, sizeof(*l->run));
    if (l->run_count)
        memcpy(l->run, recovered->run, l->run_count * sizeof(*l->run));
}

/* ---- data, first in first out, cut at both ends */

static struct raft_chunk *chunk_new(struct raft_entries *l, size_t need)
{
    struct raft_chunk *c = l->spare;

    if (need <= CHUNK_BYTES && c) {
        l->spare = c->newer;
        l->spare_count--;
    } else {
        size_t cap = need > CHUNK_BYTES ? need : CHUNK_BYTES;
        c = hl_alloc(sizeof(*c) + cap);
        c->cap = cap;
    }
    c->newer = NULL;
    c->older = l->newest;
    c->used = 0;
    c->entry_count = 0;
    if (l->newest)
        l->newest->newer = c;
    else
        l->oldest = c;
    l->newest = c;
    return c;
}

/* One entry less in the chunk; an empty one goes to the spares. */
static void chunk_release(struct raft_entries *l, struct raft_chunk *c)
{
    if (--c->entry_count > 0)
        return;
    if (c->older)
        c->older->newer = c->newer;
    else
        l->oldest = c->newer;
    if (c->newer)
        c->newer->older = c->older;
    else
        l->newest = c->older;
    if (c->cap > CHUNK_BYTES || l->spare_count == SPARES_MAX) {
        free(c);
        return;
    }
    c->newer = l->spare;
    l->spare = c;
    l->spare_count++;
}

static struct str data_put(struct raft_entries *l, struct str data)
{
    struct raft_chunk *c = l->newest;

    if (data.len == 0)
        return STR_NONE;
    if (!c || c->cap - c->used < data.len)
        c = chunk_new(l, data.len);
    char *at = c->bytes + c->used;
    memcpy(at, data.ptr, data.len);
    c->used += data.len;
    c->entry_count++;
    return (struct str){at, data.len};
}

static void data_drop_oldest(struct raft_entries *l, struct str data)
{
    if (data.len > 0)
        chunk_release(l, l->oldest);
}

static void data_drop_newest(struct raft_entries *l, struct str data)
{
    if (data.len == 0)
        return;
    l->newest->used -= data.len;
    chunk_release(l, l->newest);
}

/* ---- the ring */

static struct raft_slot *slot_at(const struct raft_entries *l, size_t offset)
{
    return &l->ring[(l->head + offset) & (l->cap - 1)];
}

struct raft_slot *entries_slot(const struct raft_entries *l, uint64_t index)
{
    if (index < l->cache_first || index > l->last_index)
        return NULL;
    return slot_at(l, (size_t)(index - l->cache_first));
}

static void ring_grow(struct raft_entries *l)
{
    size_t cap = l->cap ? l->cap * 2 : 64;
    struct raft_slot *ring = hl_calloc(cap, sizeof(*ring));

    for (size_t i = 0; i < l->count; i++)
        ring[i] = *slot_at(l, i);
    free(l->ring);
    l->ring = ring;
    l->cap = cap;
    l->head = 0;
}

static void drop_oldest(struct raft_entries *l)
{
    struct raft_slot *s = slot_at(l, 0);

    l->base_bytes = s->end_bytes;
    data_drop_oldest(l, s->entry.data);
    l->head = (l->head + 1) & (l->cap - 1);
    l->count--;
    l->cache_first++;
}

void entries_deinit(struct raft_entries *l)
{
    while (l->count > 0)
        drop_oldest(l);
    for (struct raft_chunk *c = l->spare; c;) {
        struct raft_chunk *next = c->newer;
        free(c);
        c = next;
    }
    free(l->ring);
    free(l->run);
    free(l->mark);
}

/* Of what is not in memory any more, an upper bound. */
static uint64_t end_bytes(const struct raft_entries *l, uint64_t index)
{
    const struct raft_slot *s = entries_slot(l, index);

    return s ? s->end_bytes : l->base_bytes;
}

/* ---- terms */

/* How many runs begin at or before `index`. */
static size_t runs_up_to(const struct raft_entries *l, uint64_t index)
{
    size_t low = 0;
    size_t high = l->run_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->run[middle].first_index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t entries_term(const struct raft_entries *l, uint64_t index)
{
    if (index > l->last_index)
        return 0;
    size_t n = l->run_count;
    if (n > 0 && l->run[n - 1].first_index <= index)
        return l->run[n - 1].term; /* by far the most frequent question */
    n = runs_up_to(l, index);
    if (n > 0)
        return l->run[n - 1].term;
    return index + 1 == l->first_index ? l->before_term : 0;
}

uint64_t entries_last_below(const struct raft_entries *l, uint64_t index, uint64_t term)
{
    if (index > l->last_index)
        index = l->last_index;
    for (size_t n = runs_up_to(l, index); n > 0; n--) {
        if (l->run[n - 1].term <= term)
            return index;
        index = l->run[n - 1].first_index - 1;
    }
    if (index > 0 && index + 1 == l->first_index && l->before_term > term)
        index--;
    return index;
}

static void run_add(struct raft_entries *l, uint64_t index, uint64_t term)
{
    if (l->run_count > 0 && l->run[l->run_count - 1].term == term)
        return;
    HL_ASSERT(l->run_count == 0 || l->run[l->run_count - 1].term < term);
    if (l->run_count == l->run_cap) {
        l->run_cap *= 2;
        l->run = hl_realloc(l->run, l->run_cap * sizeof(*l->run));
    }
    l->run[l->run_count++] = (struct raft_term_run){index, term};
}

static void runs_cut_front(struct raft_entries *l, uint64_t first)
{
    size_t gone = runs_up_to(l, first) - 1; /* the run that `first` belongs to stays */

    memmove(l->run, l->run + gone, (l->run_count - gone) * sizeof(*l->run));
    l->run_count -= gone;
    l->run[0].first_index = first;
}

/* ---- marks */

static void mark_add(struct raft_entries *l, uint64_t index, uint64_t end_bytes)
{
    if (l->mark_count > 0 && end_bytes - l->mark[l->mark_count - 1].end_bytes < l->mark_bytes)
        return;
    if (l->mark_count == l->mark_cap) {
        l->mark_cap = l->mark_cap ? l->mark_cap * 2 : 64;
        l->mark = hl_realloc(l->mark, l->mark_cap * sizeof(*l->mark));
    }
    l->mark[l->mark_count++] = (struct raft_mark){index, end_bytes};
}

static void marks_cut_front(struct raft_entries *l, uint64_t first)
{
    size_t gone = 0;

    while (gone < l->mark_count && l->mark[gone].index + 1 < first)
        gone++;
    if (gone == 0)
        return;
    memmove(l->mark, l->mark + gone, (l->mark_count - gone) * sizeof(*l->mark));
    l->mark_count -= gone;
}

uint64_t entries_tail_before(const struct raft_entries *l, uint64_t index, uint64_t max_bytes)
{
    uint64_t end = end_bytes(l, index);
    uint64_t before = index;

    for (size_t n = l->mark_count; n > 0; n--) {
        const struct raft_mark *mark = &l->mark[n - 1];

        if (mark->index > index)
            end = mark->end_bytes < end ? mark->end_bytes : end;
        else if (end - mark->end_bytes <= max_bytes)
            before = mark->index;
        else
            break;
    }
    return before;
}

/* ---- changes */

void entries_append(struct raft_entries *l, const struct raft_entry *entry)
{
    HL_ASSERT(entry->index == l->last_index + 1);
    run_add(l, entry->index, entry->term);
    if (l->count == l->cap)
        ring_grow(l);

    uint64_t before = l->count ? slot_at(l, l->count - 1)->end_bytes : l->base_bytes;
    struct raft_slot *s = slot_at(l, l->count++);
    *s = (struct raft_slot){
        .entry = *entry,
        .end_bytes = before + entry->data.len + RAFT_ENTRY_COST,
    };
    s->entry.data = data_put(l, entry->data);
    l->last_index = entry->index;
    if (l->mark_count == 0)
        mark_add(l, entry->index - 1, before);
    mark_add(l, entry->index, s->end_bytes);
}

void entries_truncate(struct raft_entries *l, uint64_t from)
{
    HL_ASSERT(from >= l->first_index && from <= l->last_index);
    while (l->count > 0 && l->last_index >= from) {
        data_drop_newest(l, slot_at(l, --l->count)->entry.data);
        l->last_index--;
    }
    l->last_index = from - 1;
    if (l->cache_first > from)
        l->cache_first = from;
    while (l->run_count > 0 && l->run[l->run_count - 1].first_index >= from)
        l->run_count--;
    while (l->mark_count > 0 && l->mark[l->mark_count - 1].index >= from)
        l->mark_count--;
}

void entries_compact(struct raft_entries *l, uint64_t to)
{
    HL_ASSERT(to >= l->first_index && to <= l->last_index);
    uint64_t before_term = entries_term(l, to);

    while (l->count > 0 && l->cache_first <= to)
        drop_oldest(l);
    if (to == l->last_index)
        l->run_count = 0;
    else
        runs_cut_front(l, to + 1);
    l->first_index = to + 1;
    l->before_term = before_term;
    marks_cut_front(l, l->first_index);
}

void entries_reset(struct raft_entries *l, uint64_t index, uint64_t term)
{
    while (l->count > 0)
        drop_oldest(l);
    l->first_index = l->cache_first = index + 1;
    l->last_index = index;
    l->before_term = term;
    l->run_count = 0;
    l->mark_count = 0;
}

void entries_evict(struct raft_entries *l, uint64_t up_to, size_t max_bytes)
{
    while (l->count > 0 && l->cache_first <= up_to &&
           slot_at(l, l->count - 1)->end_bytes - l->base_bytes > max_bytes)
        drop_oldest(l);
}

uint64_t entries_bytes(const struct raft_entries *l, uint64_t from, uint64_t to)
{
    HL_ASSERT(to <= l->last_index);
    return from >= to ? 0 : end_bytes(l, to) - end_bytes(l, from);
}
