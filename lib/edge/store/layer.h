/*
 * Changes of the state in memory: nodes that say "this key has this value" or "this key is gone",
 * found by a hash table and, in order of their keys, by a skip list (Pugh 1990) that new ones enter
 * when somebody asks for the order. For this folder only.
 *
 * Nodes and values lie in an arena that ends with the layer. A put writes over the value that the
 * key had here, so what was borrowed from it is void, as struct kv says. A transaction's puts are
 * noted in a journal, with what they replaced, so that they can be undone.
 *
 * Threads: its owner's; when nobody writes any more, another one may call layer_sorted meanwhile.
 * Cost: O(1) put and find; O(log n) seek, and as much for each key that is new since the last one.
 */
#ifndef HL_EDGE_STORE_LAYER_H
#define HL_EDGE_STORE_LAYER_H

#include "base/base.h"

struct node {
    struct node *chain;   /* of the hash table */
    struct node *earlier; /* new before this one, and not in the skip list either */
    char *value;
    uint64_t hash;
    uint32_t value_len;
    uint32_t value_cap;
    uint32_t key_len;
    bool is_gone; /* the key was deleted */
    bool is_linked;
    uint8_t height;
    struct node *next[]; /* `height` of them; the key follows */
};

struct layer;

struct layer *layer_new(void);
void layer_free(struct layer *l);
HL_DEFINE_FREEP(layer_free, struct layer)

struct str node_key(const struct node *n);
struct str node_value(const struct node *n);
/* Memory of the nodes, keys and values, what was outgrown or undone included. */
size_t layer_bytes(const struct layer *l);

/* NULL if the key is not in this layer. */
const struct node *layer_find(const struct layer *l, struct str key);
/* The first node whose key is >= `key`, or > `key` when is_behind; NULL at the end. */
const struct node *layer_seek(struct layer *l, struct str key, bool is_behind);

/* All nodes in order of their keys, for the caller to free; *out_count of them. */
const struct node **layer_sorted(const struct layer *l, size_t *out_count);

/* ---- one transaction at a time ---- */

struct journal {
    struct change *change;
    size_t count;
    size_t cap;
    struct buf old; /* the values that were replaced, one behind the other */
};

/* The bytes are copied; `is_gone` notes a deletion. */
void layer_put(struct layer *l, struct journal *j, struct str key, struct str value, bool is_gone);
/* Undoes what the journal notes, last first, and clears it. */
void layer_undo(struct layer *l, struct journal *j);
/* What it notes stays. */
void journal_clear(struct journal *j);
void journal_deinit(struct journal *j);

/* Everything of `newer` over what `older` says; `newer` is freed. */
void layer_merge(struct layer *older, struct layer *newer);

#endif
