/*
 * The disk of a coordinator, as edge/store promises it: writes in order, durable when told, a
 * checksum that tells a torn write from a whole one; an image of the state that is replaced
 * atomically, and a place where the pieces of another's image are gathered.
 */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

struct raft_entry *copy_entries(struct arena *a, const struct raft_entry *entry, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += entry[i].data.len;
    struct raft_entry *copy = arena_array(a, struct raft_entry, count + 1);
    char *data = arena_alloc(a, bytes + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = entry[i];
        copy[i].data.ptr = data;
        if (entry[i].data.len > 0)
            memcpy(data, entry[i].data.ptr, entry[i].data.len);
        data += entry[i].data.len;
    }
    return copy;
}

static void image_free(struct image *i)
{
    if (!i)
        return;
    store_deinit(&i->store);
    free(i);
}

static uint64_t last_index(const struct coordinator *n)
{
    return n->log_first + n->log_count - 1;
}

/* ---- the log */

static void add_entry(struct coordinator *n, const struct raft_entry *e)
{
    if (n->log_count == n->log_cap) {
        n->log_cap = n->log_cap ? n->log_cap * 2 : 128;
        n->log = hl_realloc(n->log, n->log_cap * sizeof(*n->log));
    }
    n->log[n->log_count++] = *e;
    check_entry(&n->world->check, n->slot, e);
}

static void truncate_log(struct coordinator *n, uint64_t from)
{
    if (from <= last_index(n))
        n->log_count = from > n->log_first ? (size_t)(from - n->log_first) : 0;
    check_truncate(&n->world->check, n->slot, from);
}

static void reset_log(struct coordinator *n, uint64_t index, uint64_t term)
{
    n->log_count = 0;
    n->log_first = index + 1;
    n->before_term = term;
    check_reset(&n->world->check, n->slot, index, term);
}

static void compact(struct coordinator *n, uint64_t to)
{
    if (to < n->log_first || to > last_index(n))
        return;
    size_t gone = (size_t)(to + 1 - n->log_first);
    n->before_term = n->log[gone - 1].term;
    memmove(n->log, n->log + gone, (n->log_count - gone) * sizeof(*n->log));
    n->log_count -= gone;
    n->log_first = to + 1;
}

/* The first `parts` records of the write; all of them if it is whole. */
static void settle(struct coordinator *n, const struct raft_persist *p, int64_t parts)
{
    if (p->has_hard_state && parts-- > 0) {
        n->hard = p->hard;
        check_hard(&n->world->check, n->slot, &p->hard);
    }
    if (p->reset_index != 0 && parts-- > 0)
        reset_log(n, p->reset_index, p->reset_term);
    if (p->truncate_from != 0 && parts-- > 0)
        truncate_log(n, p->truncate_from);
    for (size_t i = 0; i < p->entry_count && parts-- > 0; i++)
        add_entry(n, &p->entry[i]);
    if (p->compact_to != 0 && parts > 0)
        compact(n, p->compact_to);
}

static void drop_writes(struct coordinator *n, size_t count)
{
    memmove(n->queue, n->queue + count, (n->queue_count - count) * sizeof(*n->queue));
    n->queue_count -= count;
}

void disk_write(struct coordinator *n, const struct raft_persist *p)
{
    struct raft_persist copy = *p;

    if (n->queue_count == n->queue_cap) {
        n->queue_cap = n->queue_cap ? n->queue_cap * 2 : 16;
        n->queue = hl_realloc(n->queue, n->queue_cap * sizeof(*n->queue));
    }
    copy.entry = copy_entries(n->world->arena, p->entry, p->entry_count);
    n->queue[n->queue_count++] = copy;
}

void disk_sync(struct coordinator *n, size_t count)
{
    uint64_t sequence = 0;

    if (!n->is_up || n->is_full)
        return;
    if (count > n->queue_count)
        count = n->queue_count;
    for (size_t i = 0; i < count; i++) {
        settle(n, &n->queue[i], INT64_MAX);
        if (n->queue[i].sequence != 0)
            sequence = n->queue[i].sequence;
    }
    if (count > 0)
        drop_writes(n, count);
    if (sequence != 0)
        node_step(n, &(struct raft_event){.kind = RAFT_EVENT_PERSISTED, .sequence = sequence});
}

void disk_crash(struct coordinator *n, int64_t kept, int64_t parts)
{
    size_t count = kept < (int64_t)n->queue_count ? (size_t)kept : n->queue_count;
    size_t entries = n->world->check.slot[n->slot].durable.count;

    for (size_t i = 0; i < count; i++)
        settle(n, &n->queue[i], INT64_MAX);
    if (count < n->queue_count && parts > 0) {
        n->world->check.mark[MARK_TORN_WRITE]++;
        settle(n, &n->queue[count], parts);
    }
    n->world->check.mark[MARK_LOST_TAIL] +=
        n->queue_count > count && entries < n->world->check.slot[n->slot].log.count;
    n->queue_count = 0;
    image_free(n->saving);
    n->saving = NULL;
}

/* ---- images */

static struct image *image_new(void)
{
    struct image *i = hl_calloc(1, sizeof(*i));

    store_init(&i->store);
    return i;
}

static uint64_t image_id(const struct image *i)
{
    return sim_mix(sim_mix(1, i->meta.index), i->store.hash) | 1;
}

static void set_base(struct coordinator *n, struct image *base)
{
    image_free(n->base);
    n->base = base;
    check_base(&n->world->check, n->slot, &base->meta);
}

void disk_checkpoint(struct coordinator *n)
{
    uint64_t before = n->base ? n->base->meta.index : 0;

    if (!n->is_up || n->saving || n->state.applied <= before)
        return;
    if (n->state.members.count == 0)
        return; /* a newcomer that has not reached the entry that names the members yet */
    n->saving = image_new();
    store_copy(&n->saving->store, &n->state.store);
    n->saving->meta = (struct raft_snapshot){
        .index = n->state.applied, .term = n->state.term, .members = n->state.members};
    n->saving->meta.id = image_id(n->saving);
}

void disk_saved(struct coordinator *n)
{
    struct image *saved = n->saving;

    if (!n->is_up || n->is_full || !saved)
        return;
    n->saving = NULL;
    if (n->base && n->base->meta.index >= saved->meta.index) { /* one was installed meanwhile */
        image_free(saved);
        return;
    }
    set_base(n, saved);
    node_step(n, &(struct raft_event){.kind = RAFT_EVENT_SNAPSHOT, .snapshot = &saved->meta});
}

/* A piece: key and value of as many pairs as fit, each with its lengths. */
static int read_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                      struct arena *a, struct str *out_data, struct str *out_next,
                      bool *out_is_last, struct err *err)
{
    struct coordinator *n = context;
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    if (!n->base || n->base->meta.id != id) {
        n->world->check.mark[MARK_BASE_GONE]++;
        return err_set(err, HL_EABSENT, "base %llu is gone", (unsigned long long)id);
    }
    if (max_bytes > n->world->config.piece_bytes_max)
        max_bytes = n->world->config.piece_bytes_max;
    const struct store *s = &n->base->store;
    size_t at = store_behind(s, cursor);
    struct str last = cursor;
    while (at < s->count) {
        const struct pair *p = s->pair[at];
        if (out.len > 0 && out.len + p->key.len + p->value.len + 8 > max_bytes)
            break;
        buf_add_u32(&out, (uint32_t)p->key.len);
        buf_add_u32(&out, (uint32_t)p->value.len);
        buf_add(&out, p->key);
        buf_add(&out, p->value);
        last = p->key;
        at++;
    }
    *out_is_last = at == s->count;
    *out_next = arena_dup(a, last);
    *out_data = arena_dup(a, buf_str(&out));
    return 0;
}

static void drop_stage(struct coordinator *n)
{
    image_free(n->staged);
    n->staged = NULL;
    n->staged_cursor = STR_NONE;
}

void disk_spoil(struct coordinator *n)
{
    drop_stage(n);
}

void disk_applied(struct coordinator *n)
{
    if (!n->staged || n->staged->meta.index > n->state.applied)
        return;
    n->world->check.mark[MARK_INSTALL_OVERTAKEN]++;
    drop_stage(n);
}

static void stage(struct coordinator *n, struct str data)
{
    while (data.len > 0) {
        size_t key_len = bytes_u32(data.ptr);
        size_t value_len = bytes_u32(data.ptr + 4);
        struct str key = str_sub(data, 8, 8 + key_len);
        store_put(&n->staged->store, key, str_sub(data, 8 + key_len, 8 + key_len + value_len));
        n->staged_cursor = arena_dup(n->world->arena, key);
        data = str_sub(data, 8 + key_len + value_len, data.len);
    }
}

static void tell(struct coordinator *n, enum raft_install_outcome outcome, uint64_t id)
{
    struct raft_installed done = {outcome, id, n->staged_cursor};

    node_step(n, &(struct raft_event){.kind = RAFT_EVENT_INSTALLED, .installed = &done});
}

static void install_base(struct coordinator *n)
{
    const uint64_t *mark = n->world->check.mark;
    uint64_t resets = mark[MARK_INSTALLED] + mark[MARK_INSTALL_CONFLICT];
    struct image *image = n->staged;
    size_t kept = 0;

    n->staged = NULL;
    n->staged_cursor = STR_NONE;
    set_base(n, image);
    model_stands(&n->world->model, &n->world->check, image->meta.index, image->store.hash);
    store_copy(&n->state.store, &image->store);
    n->state.applied = image->meta.index;
    n->state.term = image->meta.term;
    n->state.members = image->meta.members;
    for (size_t i = 0; i < n->committed_count; i++) {
        if (n->committed[i].index > image->meta.index)
            n->committed[kept++] = n->committed[i];
    }
    n->committed_count = kept;
    n->world->check.slot[n->slot].handed = image->meta.index;
    n->is_stopped = false;
    tell(n, RAFT_BASE_INSTALLED, image->meta.id);
    n->world->check.mark[MARK_INSTALL_TAIL] +=
        resets == mark[MARK_INSTALLED] + mark[MARK_INSTALL_CONFLICT];
    shell_serve(n);
}

void disk_installed(struct coordinator *n)
{
    struct raft_install piece = n->install;
    uint64_t *mark = n->world->check.mark;

    if (!n->is_up || n->is_full || !piece.is_set)
        return;
    n->install = (struct raft_install){0};
    if (!n->staged || n->staged->meta.id != piece.snapshot.id) {
        drop_stage(n);
        n->staged = image_new();
        n->staged->meta = piece.snapshot;
        n->life_of_stage = n->life;
    }
    if (piece.data.len == 0 && !piece.is_last) {
        mark[MARK_PIECE_RESUMED] += n->staged_cursor.len > 0 && n->life_of_stage != n->life;
        tell(n, RAFT_PIECE_STORED, piece.snapshot.id);
        return;
    }
    if (!str_eq(piece.cursor, n->staged_cursor)) {
        mark[MARK_PIECE_REFUSED]++;
        drop_stage(n);
        tell(n, RAFT_PIECE_REFUSED, piece.snapshot.id);
        return;
    }
    mark[MARK_PIECE]++;
    stage(n, piece.data);
    if (!piece.is_last) {
        tell(n, RAFT_PIECE_STORED, piece.snapshot.id);
    } else if (image_id(n->staged) != piece.snapshot.id) {
        check_violate(&n->world->check, "member %llu put together another snapshot than was sent",
                      (unsigned long long)n->id);
    } else {
        install_base(n);
    }
}

/* ---- reading back */

static int read_log(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                    struct arena *a, struct raft_entry **out, size_t *out_count, struct err *err)
{
    struct coordinator *n = context;
    size_t bytes = 0;
    size_t count = 0;

    n->world->check.mark[MARK_OLD_READ]++;
    if (first < n->log_first || first > last_index(n)) {
        check_violate(&n->world->check, "member %llu reads entry %llu, its log holds %llu to %llu",
                      (unsigned long long)n->id, (unsigned long long)first,
                      (unsigned long long)n->log_first, (unsigned long long)last_index(n));
        return err_set(err, HL_EINVAL, "no entry %llu", (unsigned long long)first);
    }
    const struct raft_entry *entry = &n->log[first - n->log_first];
    while (count < max_count && first + count <= last_index(n)) {
        bytes += entry[count].data.len + RAFT_ENTRY_COST;
        if (count > 0 && bytes > max_bytes)
            break;
        count++;
    }
    *out = copy_entries(a, entry, count);
    *out_count = count;
    return 0;
}

struct raft_storage disk_storage(struct coordinator *n)
{
    return (struct raft_storage){n, read_log, read_piece};
}

/* A base beyond the log, or one that the log contradicts, is all there is (as edge/store does). */
static void trust_base(struct coordinator *n)
{
    uint64_t index = n->base ? n->base->meta.index : 0;

    if (index < n->log_first)
        return;
    if (index <= last_index(n) && n->log[index - n->log_first].term == n->base->meta.term)
        return;
    n->log_count = 0;
    n->log_first = index + 1;
    n->before_term = n->base->meta.term;
}

void disk_start(struct coordinator *n, struct raft_recovered *out)
{
    struct arena *a = n->world->scratch;
    struct raft_term_run *run = arena_array(a, struct raft_term_run, n->log_count + 1);
    struct raft_entry *members = arena_array(a, struct raft_entry, n->log_count + 1);
    uint64_t term = 0;

    trust_base(n);
    for (size_t i = 0; i < n->log_count; i++) {
        if (n->log[i].kind == RAFT_ENTRY_MEMBERS)
            members[out->members_count++] = n->log[i];
        if (n->log[i].term != term)
            run[out->run_count++] = (struct raft_term_run){n->log[i].index, n->log[i].term};
        term = n->log[i].term;
    }
    out->hard = n->hard;
    out->first_index = n->log_first;
    out->last_index = last_index(n);
    out->last_term = term;
    out->before_term = n->before_term;
    out->run = run;
    out->members = members;
    out->applied_index = n->state.applied;
    if (n->base)
        out->base = n->base->meta;
}

void disk_wipe(struct coordinator *n)
{
    n->hard = (struct raft_hard_state){0};
    n->log_count = 0;
    n->log_first = 1;
    n->before_term = 0;
    n->queue_count = 0;
    drop_stage(n);
    image_free(n->base);
    image_free(n->saving);
    n->base = NULL;
    n->saving = NULL;
}

void disk_deinit(struct coordinator *n)
{
    disk_wipe(n);
    free(n->log);
    free(n->queue);
}
