/* Sets: a hash table of bodies by name over the set below. */
#include "core/template/node.h"

struct template_set {
    struct arena *a;
    const struct template_set *below;
    const struct body **slot; /* open addressing; a power of two, at most half full */
    size_t cap;
    size_t count;
};

struct template_set *template_set_new(struct arena *a, const struct template_set *below)
{
    struct template_set *set = arena_one(a, struct template_set);

    set->a = a;
    set->below = below;
    return set;
}

/* The table's address is the key: strangers who choose names do not know it. */
static uint64_t set_hash(const struct template_set *set, struct str name)
{
    const uint64_t key[2] = {(uint64_t)(uintptr_t)set, 0};

    return siphash(key, name);
}

static const struct body **slot_of(const struct template_set *set, struct str name)
{
    for (size_t at = set_hash(set, name) & (set->cap - 1);; at = (at + 1) & (set->cap - 1)) {
        if (!set->slot[at] || str_eq(set->slot[at]->name, name))
            return &set->slot[at];
    }
}

static void grow(struct template_set *set)
{
    const struct body **old = set->slot;
    size_t old_cap = set->cap;

    set->cap = old_cap > 0 ? old_cap * 2 : 16;
    set->slot = arena_array(set->a, const struct body *, set->cap);
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i])
            *slot_of(set, old[i]->name) = old[i];
    }
}

void template_set_put(struct template_set *set, const struct body *body)
{
    if (set->count * 2 >= set->cap)
        grow(set);
    const struct body **slot = slot_of(set, body->name);
    set->count += !*slot;
    *slot = body;
}

void template_set_add(struct template_set *set, const struct template_tree *tree)
{
    for (const struct body *b = tree->body; b; b = b->next) {
        if (!b->is_empty || !template_set_find(set, b->name)) /* an empty one replaces nothing */
            template_set_put(set, b);
    }
}

const struct body *template_set_find(const struct template_set *set, struct str name)
{
    for (; set; set = set->below) {
        if (set->cap == 0)
            continue;
        const struct body *b = *slot_of(set, name);
        if (b)
            return b;
    }
    return NULL;
}

bool template_set_has(const struct template_set *set, struct str name)
{
    return template_set_find(set, name) != NULL;
}
