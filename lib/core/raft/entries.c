/*
 * The log in memory. Terms are kept as runs, one per leader that ever wrote: finding the term of
 * any entry, or the last entry not above a term (the conflict hint), is a binary search and never
 * reads the disk. The newest entries stand in a ring; each knows how many bytes were cached up to
 * it, so the bytes between two entries are a subtraction and there is no counter that could leak.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

void entries_init(struct raft_entries *l, const struct raft_recovered *recovered)
{
    *l = (struct raft_entries){
        .first_index = recovered->first_index,
        .last_index = recovered->last_index,
        .run_count = recovered->run_count,
        .run_cap = recovered->run_count + 4,
        .cache_first = recovered->last_index + 1,
    };
    l->run = hl_calloc(l->run_cap, sizeof(*l->run));
    if (l->run_count)
        memcpy(l->run, recovered->run, l->run_count * sizeof(*l->run));
}

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

void entries_deinit(struct raft_entries *l)
{
    for (size_t i = 0; i < l->count; i++)
        str_free(slot_at(l, i)->entry.data);
    free(l->ring);
    free(l->run);
}

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
    return n == 0 ? 0 : l->run[n - 1].term;
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
    return index < l->first_index ? 0 : index;
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
    s->entry.data = entry->data.len ? str_dup(entry->data) : STR_NONE;
    l->last_index = entry->index;
}

void entries_truncate(struct raft_entries *l, uint64_t from)
{
    HL_ASSERT(from >= l->first_index && from <= l->last_index);
    while (l->count > 0 && l->last_index >= from) {
        str_free(slot_at(l, --l->count)->entry.data);
        l->last_index--;
    }
    l->last_index = from - 1;
    if (l->cache_first > from)
        l->cache_first = from;
    while (l->run_count > 0 && l->run[l->run_count - 1].first_index >= from)
        l->run_count--;
}

void entries_evict(struct raft_entries *l, uint64_t up_to, size_t max_bytes)
{
    while (l->count > 0 && l->cache_first <= up_to &&
           slot_at(l, l->count - 1)->end_bytes - l->base_bytes > max_bytes) {
        struct raft_slot *s = slot_at(l, 0);

        l->base_bytes = s->end_bytes;
        str_free(s->entry.data);
        l->head = (l->head + 1) & (l->cap - 1);
        l->count--;
        l->cache_first++;
    }
}

static uint64_t end_bytes(const struct raft_entries *l, uint64_t index)
{
    const struct raft_slot *s = entries_slot(l, index);

    return s ? s->end_bytes : l->base_bytes;
}

uint64_t entries_bytes(const struct raft_entries *l, uint64_t from, uint64_t to)
{
    HL_ASSERT(to <= l->last_index);
    return from >= to ? 0 : end_bytes(l, to) - end_bytes(l, from);
}
