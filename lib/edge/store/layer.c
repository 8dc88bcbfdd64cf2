/* A hash table and a skip list over the same nodes, and their journal. */
#include "edge/store/layer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"

enum { HEIGHT_MAX = 16, SLOTS_MIN = 256, VALUE_GRAIN = 16 };

struct layer {
    struct node *first[HEIGHT_MAX]; /* of the skip list */
    struct node *newest;            /* of those that are not in it yet */
    struct node **slot;             /* a power of two of them, at least twice as many as nodes */
    size_t slot_count;
    size_t node_count;
    struct arena *arena;
    uint64_t seed[2];
    struct rng rng;
};

/* One put: the node, and what it said before, which ends journal.old. */
struct change {
    struct node *node;
    uint32_t old_len;
    bool was_gone;
    bool is_new;
};

struct layer *layer_new(void)
{
    struct layer *l = hl_calloc(1, sizeof(*l));

    /* Keys come from people: whoever could guess the seed could make them collide. */
    if (getrandom(l->seed, sizeof(l->seed), 0) != sizeof(l->seed))
        hl_die("no randomness");
    rng_seed(&l->rng, l->seed[0]);
    l->arena = arena_new();
    l->slot_count = SLOTS_MIN;
    l->slot = hl_calloc(l->slot_count, sizeof(struct node *));
    return l;
}

void layer_free(struct layer *l)
{
    if (!l)
        return;
    arena_free(l->arena);
    free(l->slot);
    free(l);
}

struct str node_key(const struct node *n)
{
    return (struct str){(const char *)&n->next[n->height], n->key_len};
}

struct str node_value(const struct node *n)
{
    return (struct str){n->value, n->value_len};
}

size_t layer_bytes(const struct layer *l)
{
    return arena_used_bytes(l->arena) + l->node_count * sizeof(*l->slot);
}

/* ---- finding ---- */

static struct node *find_hashed(const struct layer *l, struct str key, uint64_t hash)
{
    struct node *n = l->slot[hash & (l->slot_count - 1)];

    while (n && (n->hash != hash || !str_eq(node_key(n), key)))
        n = n->chain;
    return n;
}

const struct node *layer_find(const struct layer *l, struct str key)
{
    return find_hashed(l, key, siphash(l->seed, key));
}

/* Links that lead to the first node whose key is >= key (or > key); returns that node. */
static struct node *find_links(const struct layer *l, struct str key, bool is_behind,
                               struct node *const **link)
{
    struct node *const *at = l->first;

    for (int level = HEIGHT_MAX; level-- > 0;) {
        struct node *n;

        while ((n = at[level]) != NULL) {
            int order = str_cmp(node_key(n), key);
            if (order > 0 || (order == 0 && !is_behind))
                break;
            at = n->next;
        }
        if (link)
            link[level] = &at[level];
    }
    return at[0];
}

/* ---- nodes ---- */

static void chain_in(struct layer *l, struct node *n)
{
    struct node **slot = &l->slot[n->hash & (l->slot_count - 1)];

    n->chain = *slot;
    *slot = n;
}

static void grow_table(struct layer *l)
{
    struct node **old = l->slot;
    size_t old_count = l->slot_count;

    l->slot_count *= 2;
    l->slot = hl_calloc(l->slot_count, sizeof(struct node *));
    for (size_t i = 0; i < old_count; i++) {
        for (struct node *n = old[i]; n;) {
            struct node *next = n->chain;
            chain_in(l, n);
            n = next;
        }
    }
    free(old);
}

/* A quarter of the nodes of each level reach the next. */
static uint8_t draw_height(struct layer *l)
{
    uint64_t bits = rng_next(&l->rng);
    uint8_t height = 1;

    for (; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2)
        height++;
    return height;
}

static struct node *insert(struct layer *l, struct str key, uint64_t hash)
{
    uint8_t height = draw_height(l);
    struct node *n = arena_alloc(l->arena, sizeof(*n) + height * sizeof(n->next[0]) + key.len);

    n->hash = hash;
    n->height = height;
    n->key_len = (uint32_t)key.len;
    memcpy(&n->next[height], key.ptr, key.len);
    n->earlier = l->newest;
    l->newest = n;
    if (2 * ++l->node_count > l->slot_count)
        grow_table(l);
    chain_in(l, n);
    return n;
}

static void link_in(struct layer *l, struct node *n)
{
    struct node *const *link[HEIGHT_MAX];

    find_links(l, node_key(n), false, link);
    for (int level = 0; level < n->height; level++) {
        struct node **slot = (struct node **)(uintptr_t)link[level];
        n->next[level] = *slot;
        *slot = n;
    }
    n->is_linked = true;
}

static void link_out(struct layer *l, struct node *n)
{
    struct node *const *link[HEIGHT_MAX];

    find_links(l, node_key(n), false, link);
    for (int level = 0; level < n->height; level++)
        *(struct node **)(uintptr_t)link[level] = n->next[level];
}

/* Undone last first: what is not linked is the newest. */
static void drop(struct layer *l, struct node *n)
{
    struct node **at = &l->slot[n->hash & (l->slot_count - 1)];

    HL_ASSERT(n->is_linked || l->newest == n);
    if (n->is_linked)
        link_out(l, n);
    else
        l->newest = n->earlier;
    while (*at != n)
        at = &(*at)->chain;
    *at = n->chain;
    l->node_count--;
}

const struct node *layer_seek(struct layer *l, struct str key, bool is_behind)
{
    for (; l->newest; l->newest = l->newest->earlier)
        link_in(l, l->newest);
    return find_links(l, key, is_behind, NULL);
}

static int compare(const void *a, const void *b)
{
    return str_cmp(node_key(*(struct node *const *)a), node_key(*(struct node *const *)b));
}

const struct node **layer_sorted(const struct layer *l, size_t *out_count)
{
    const struct node **all = hl_calloc(l->node_count + 1, sizeof(*all));
    size_t count = 0;

    for (size_t i = 0; i < l->slot_count; i++) {
        for (const struct node *n = l->slot[i]; n; n = n->chain)
            all[count++] = n;
    }
    qsort(all, count, sizeof(*all), compare);
    *out_count = count;
    return all;
}

/* Room that was outgrown is lost until the layer ends; doubling bounds it by what is in use. */
static void set_value(struct layer *l, struct node *n, struct str value, bool is_gone)
{
    if (value.len > n->value_cap) {
        size_t cap = (value.len + VALUE_GRAIN - 1) / VALUE_GRAIN * VALUE_GRAIN;

        if (n->value_cap > 0 && cap < 2 * (size_t)n->value_cap)
            cap = 2 * (size_t)n->value_cap;
        n->value = arena_alloc(l->arena, cap);
        n->value_cap = (uint32_t)cap;
    }
    if (value.len > 0)
        memmove(n->value, value.ptr, value.len); /* it may be borrowed from here */
    n->value_len = (uint32_t)value.len;
    n->is_gone = is_gone;
}

/* ---- changing ---- */

static void note(struct journal *j, struct node *n, bool is_new)
{
    if (j->count == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 64;
        j->change = hl_realloc(j->change, j->cap * sizeof(*j->change));
    }
    j->change[j->count++] = (struct change){
        .node = n, .old_len = n->value_len, .was_gone = n->is_gone, .is_new = is_new};
    buf_add(&j->old, node_value(n));
}

void layer_put(struct layer *l, struct journal *j, struct str key, struct str value, bool is_gone)
{
    uint64_t hash = siphash(l->seed, key);
    struct node *n = find_hashed(l, key, hash);
    bool is_new = !n;

    if (is_new)
        n = insert(l, key, hash);
    note(j, n, is_new);
    set_value(l, n, value, is_gone);
}

void layer_undo(struct layer *l, struct journal *j)
{
    size_t end = j->old.len;

    for (size_t i = j->count; i-- > 0;) {
        const struct change *c = &j->change[i];

        end -= c->old_len;
        if (c->is_new)
            drop(l, c->node);
        else
            set_value(l, c->node, (struct str){j->old.ptr + end, c->old_len}, c->was_gone);
    }
    journal_clear(j);
}

void journal_clear(struct journal *j)
{
    j->count = 0;
    buf_reset(&j->old);
}

void journal_deinit(struct journal *j)
{
    free(j->change);
    buf_deinit(&j->old);
    *j = (struct journal){0};
}

void layer_merge(struct layer *older, struct layer *newer)
{
    struct journal j = {0};

    for (size_t i = 0; i < newer->slot_count; i++) {
        for (const struct node *n = newer->slot[i]; n; n = n->chain) {
            layer_put(older, &j, node_key(n), node_value(n), n->is_gone);
            journal_clear(&j);
        }
    }
    journal_deinit(&j);
    layer_free(newer);
}
