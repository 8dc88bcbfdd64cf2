/*
 * Changes of the state in memory, in order of their keys: a skip list (Pugh 1990) whose nodes say
 * "this key has this value" or "this key is gone". For this folder only.
 *
 * A transaction's puts are noted in a journal, so that they can be undone; what a put replaced
 * stays valid until the journal is cleared. Within one height sequence a layer is deterministic in
 * content, not in shape, which nobody can see.
 *
 * Threads: one writer; a layer that nobody writes may be read by many.
 * Cost: O(log n) find and put, O(1) next.
 */
#ifndef HL_EDGE_STORE_LAYER_H
#define HL_EDGE_STORE_LAYER_H

#include "base/base.h"

struct node {
    char *value; /* heap; NULL when empty */
    uint32_t value_len;
    uint32_t key_len;
    bool is_gone; /* the key was deleted */
    uint8_t height;
    struct node *next[]; /* `height` of them; the key follows */
};

struct layer;

struct layer *layer_new(void);
void layer_free(struct layer *l);
HL_DEFINE_FREEP(layer_free, struct layer)

struct str node_key(const struct node *n);
struct str node_value(const struct node *n);
/* Memory of the nodes, keys and values. */
size_t layer_bytes(const struct layer *l);

/* NULL if the key is not in this layer. */
const struct node *layer_find(const struct layer *l, struct str key);
/* The first node whose key is >= `key`, or > `key` when is_behind; NULL at the end. */
const struct node *layer_seek(const struct layer *l, struct str key, bool is_behind);

/* ---- one transaction at a time ---- */

struct journal {
    struct change *change;
    size_t count;
    size_t cap;
};

/* The bytes are copied; `is_gone` notes a deletion. */
void layer_put(struct layer *l, struct journal *j, struct str key, struct str value, bool is_gone);
/* Undoes what the journal notes, last first. */
void layer_undo(struct layer *l, struct journal *j);
/* Frees what was replaced or undone: nothing may be borrowed from it any more. */
void journal_clear(struct journal *j);
void journal_deinit(struct journal *j);

/* Everything of `newer` over what `older` says; `newer` is freed. */
void layer_merge(struct layer *older, struct layer *newer);

#endif
