/* A skip list and its journal. */
#include "edge/store/layer.h"

#include <stdlib.h>
#include <string.h>

enum { HEIGHT_MAX = 16, MALLOC_COST = 16 };

struct layer {
    struct node *first[HEIGHT_MAX];
    struct rng rng;
    size_t bytes;
};

/* One put: what the node said before. An undone one holds what the put said, or the node itself. */
struct change {
    struct node *node;
    char *value;
    uint32_t value_len;
    bool was_gone;
    bool is_new;
    bool is_dropped; /* the node is out of the list and ours to free */
};

struct layer *layer_new(void)
{
    struct layer *l = hl_calloc(1, sizeof(*l));

    rng_seed(&l->rng, 1);
    return l;
}

static void node_free(struct node *n)
{
    free(n->value);
    free(n);
}

void layer_free(struct layer *l)
{
    if (!l)
        return;
    for (struct node *n = l->first[0]; n;) {
        struct node *next = n->next[0];
        node_free(n);
        n = next;
    }
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
    return l->bytes;
}

/* ---- finding ---- */

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

const struct node *layer_find(const struct layer *l, struct str key)
{
    const struct node *n = find_links(l, key, false, NULL);

    return n && str_eq(node_key(n), key) ? n : NULL;
}

const struct node *layer_seek(const struct layer *l, struct str key, bool is_behind)
{
    return find_links(l, key, is_behind, NULL);
}

/* ---- changing ---- */

static size_t cost_of_node(const struct node *n)
{
    return sizeof(*n) + n->height * sizeof(n->next[0]) + n->key_len + MALLOC_COST;
}

static size_t cost_of_value(size_t len)
{
    return len > 0 ? len + MALLOC_COST : 0;
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

static struct node *insert(struct layer *l, struct str key, struct node *const **link)
{
    uint8_t height = draw_height(l);
    struct node *n = hl_calloc(1, sizeof(*n) + height * sizeof(n->next[0]) + key.len);

    n->height = height;
    n->key_len = (uint32_t)key.len;
    memcpy(&n->next[height], key.ptr, key.len);
    for (int level = 0; level < height; level++) {
        struct node **slot = (struct node **)(uintptr_t)link[level];
        n->next[level] = *slot;
        *slot = n;
    }
    l->bytes += cost_of_node(n);
    return n;
}

static void unlink_node(struct layer *l, struct node *n)
{
    struct node *const *link[HEIGHT_MAX];

    find_links(l, node_key(n), false, link);
    for (int level = 0; level < n->height; level++)
        *(struct node **)(uintptr_t)link[level] = n->next[level];
    l->bytes -= cost_of_node(n) + cost_of_value(n->value_len);
}

static void note(struct journal *j, const struct change *change)
{
    if (j->count == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 64;
        j->change = hl_realloc(j->change, j->cap * sizeof(*j->change));
    }
    j->change[j->count++] = *change;
}

static void set_value(struct layer *l, struct node *n, char *value, uint32_t len, bool is_gone)
{
    l->bytes += cost_of_value(len);
    l->bytes -= cost_of_value(n->value_len);
    n->value = value;
    n->value_len = len;
    n->is_gone = is_gone;
}

static char *copy_of(struct str value)
{
    if (value.len == 0)
        return NULL;
    char *copy = hl_realloc(NULL, value.len);
    memcpy(copy, value.ptr, value.len);
    return copy;
}

void layer_put(struct layer *l, struct journal *j, struct str key, struct str value, bool is_gone)
{
    struct node *const *link[HEIGHT_MAX];
    struct node *n = find_links(l, key, false, link);
    bool is_new = !n || !str_eq(node_key(n), key);

    if (is_new)
        n = insert(l, key, link);
    note(j, &(struct change){.node = n,
                             .value = n->value,
                             .value_len = n->value_len,
                             .was_gone = n->is_gone,
                             .is_new = is_new});
    set_value(l, n, copy_of(value), (uint32_t)value.len, is_gone);
}

void layer_undo(struct layer *l, struct journal *j)
{
    for (size_t i = j->count; i-- > 0;) {
        struct change *c = &j->change[i];
        struct node *n = c->node;
        char *value = n->value;

        if (c->is_new) {
            unlink_node(l, n);
            c->is_dropped = true;
            c->value = NULL;
            continue;
        }
        set_value(l, n, c->value, c->value_len, c->was_gone);
        c->value = value;
    }
}

void journal_clear(struct journal *j)
{
    for (size_t i = 0; i < j->count; i++) {
        free(j->change[i].value);
        if (j->change[i].is_dropped)
            node_free(j->change[i].node);
    }
    j->count = 0;
}

void journal_deinit(struct journal *j)
{
    journal_clear(j);
    free(j->change);
    *j = (struct journal){0};
}

void layer_merge(struct layer *older, struct layer *newer)
{
    struct journal j = {0};

    for (const struct node *n = newer->first[0]; n; n = n->next[0])
        layer_put(older, &j, node_key(n), node_value(n), n->is_gone);
    journal_deinit(&j);
    layer_free(newer);
}
