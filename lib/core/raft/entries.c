/*
 * The log as the core sees it. Entries that are not durable or not applied yet are always cached;
 * others are as long as the cache has room, and come from the storage after that.
 */
#include "core/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

static struct raft_entry *cached(struct raft *r, uint64_t index)
{
    return index >= r->cache_first && index <= r->last_index ? &r->cache[index - r->cache_first]
                                                             : NULL;
}

/* What the disk cannot give back any more ends this member's part in everything. */
static bool broken(struct raft *r)
{
    r->is_broken = true;
    if (r->role != RAFT_FOLLOWER)
        become_follower(r, r->hard.term, 0);
    return false;
}

static bool read_stored(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
                        struct raft_entry **out, size_t *out_count)
{
    struct err err;

    if (!r->config.storage.read ||
        r->config.storage.read(r->config.storage.context, first, max_count, max_bytes, r->arena,
                               out, out_count, &err) < 0 ||
        *out_count == 0 || (*out)[0].index != first)
        return broken(r);
    return true;
}

bool log_term_of(struct raft *r, uint64_t index, uint64_t *out)
{
    const struct raft_entry *e = cached(r, index);
    struct raft_entry *stored;
    size_t count;

    *out = 0;
    if (index == 0)
        return true;
    HL_ASSERT(index <= r->last_index);
    if (e) {
        *out = e->term;
        return true;
    }
    if (index == r->start_last_index) {
        *out = r->start_last_term;
        return true;
    }
    if (!read_stored(r, index, 1, 1, &stored, &count))
        return false;
    *out = stored[0].term;
    return true;
}

bool log_get(struct raft *r, uint64_t first, size_t max_count, size_t max_bytes,
             const struct raft_entry **out, size_t *out_count)
{
    size_t bytes = 0;
    size_t count = 0;

    *out_count = 0;
    if (first > r->last_index || max_count == 0)
        return true;
    if (first < r->cache_first) {
        struct raft_entry *stored;
        uint64_t gap = r->cache_first - first;

        if (!read_stored(r, first, gap < max_count ? (size_t)gap : max_count, max_bytes, &stored,
                         out_count))
            return false;
        *out = stored;
        return true;
    }
    const struct raft_entry *e = cached(r, first);
    while (count < max_count && first + count <= r->last_index) {
        bytes += e[count].data.len;
        if (count > 0 && bytes > max_bytes)
            break;
        count++;
    }
    *out = e;
    *out_count = count;
    return true;
}

void log_append_entry(struct raft *r, uint64_t term, enum raft_entry_kind kind, struct str data)
{
    size_t count = (size_t)(r->last_index + 1 - r->cache_first);

    if (count == r->cache_cap) {
        r->cache_cap = r->cache_cap ? r->cache_cap * 2 : 64;
        r->cache = hl_realloc(r->cache, r->cache_cap * sizeof(*r->cache));
    }
    r->cache[count] = (struct raft_entry){
        .index = ++r->last_index,
        .term = term,
        .kind = kind,
        .data = data.len ? str_dup(data) : STR_NONE,
    };
    r->cache_bytes += data.len;
}

static void drop_cached(struct raft *r, struct raft_entry *e)
{
    r->cache_bytes -= e->data.len;
    str_free(e->data);
}

/* Paper, section 5.3: a follower removes what conflicts with its leader. Never what is committed.
 */
void log_truncate(struct raft *r, uint64_t from)
{
    HL_ASSERT(from > r->commit);
    HL_ASSERT(from > r->handed);
    while (r->last_index >= from && r->last_index >= r->cache_first) {
        drop_cached(r, cached(r, r->last_index));
        r->last_index--;
    }
    if (r->last_index >= from) {
        r->last_index = from - 1;
        r->cache_first = from;
    }
    if (r->start_last_index >= from)
        r->start_last_index = 0;
    if (r->truncate_from == 0 || from < r->truncate_from)
        r->truncate_from = from;
    if (r->durable_index >= from)
        r->durable_index = from - 1;
    if (r->asked_index >= from)
        r->asked_index = from - 1;
    for (size_t i = 0; i < r->pending_count; i++) {
        if (r->pending[i].last_index >= from)
            r->pending[i].last_index = from - 1;
    }
}

void log_evict(struct raft *r)
{
    uint64_t keep_from = r->durable_index < r->applied ? r->durable_index : r->applied;
    size_t count = (size_t)(r->last_index + 1 - r->cache_first);
    size_t dropped = 0;

    while (r->cache_bytes + (count - dropped) * sizeof(*r->cache) > r->config.cache_bytes_max &&
           dropped < count && r->cache[dropped].index <= keep_from)
        drop_cached(r, &r->cache[dropped++]);
    if (dropped == 0)
        return;
    /* Remember the term in front of the cache: it is asked for with every append. */
    r->start_last_index = r->cache[dropped - 1].index;
    r->start_last_term = r->cache[dropped - 1].term;
    memmove(r->cache, r->cache + dropped, (count - dropped) * sizeof(*r->cache));
    r->cache_first += dropped;
}

bool log_find_by_term(struct raft *r, uint64_t from, uint64_t term, uint64_t *out_index)
{
    uint64_t found;

    for (uint64_t i = from; i > 0; i--) {
        if (i < r->first_index || i <= r->commit) {
            *out_index = i; /* below the commit both logs agree */
            return true;
        }
        if (!log_term_of(r, i, &found))
            return false;
        if (found <= term) {
            *out_index = i;
            return true;
        }
    }
    *out_index = 0;
    return true;
}

/* Paper, section 5.4.1: later term wins, then the longer log. */
bool log_is_up_to_date(struct raft *r, uint64_t last_index, uint64_t last_term)
{
    uint64_t our_term;

    if (!log_term_of(r, r->last_index, &our_term))
        return false;
    return last_term > our_term || (last_term == our_term && last_index >= r->last_index);
}
