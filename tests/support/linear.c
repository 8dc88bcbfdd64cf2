/*
 * Calls and returns stand in one doubly linked list by time. The search takes the first call that
 * the state allows and lifts it and its return out; at a return that was not lifted it takes the
 * last choice back. A configuration (what was lifted, state) that failed once is not tried again.
 */
#include "support/linear.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = LINEAR_OPS_MAX / 64 };

struct node {
    const struct linear_op *op;
    size_t number;      /* of the operation */
    struct node *match; /* of a call: its return; of a return: NULL */
    struct node *previous;
    struct node *next;
    int64_t at;
};

struct seen {
    uint64_t state;
    uint64_t lifted[WORDS];
    bool is_used;
};

struct choice {
    struct node *call;
    uint64_t state;
};

struct search {
    struct node *node; /* [0] is the head */
    size_t count;      /* operations */
    size_t open_count; /* operations that return and are not lifted */
    size_t words;
    uint64_t state;
    uint64_t lifted[WORDS];
    struct choice *choice;
    size_t choice_count;
    struct seen *seen;
    size_t seen_count;
    size_t seen_cap;
};

/* False if the operation cannot have given its answer in this state. */
static bool take_effect(const struct linear_op *op, uint64_t *state)
{
    bool is_known = op->back != LINEAR_NEVER;

    switch (op->kind) {
    case LINEAR_READ:
        return !is_known || *state == op->value;
    case LINEAR_WRITE:
        *state = op->value;
        return true;
    case LINEAR_SWAP:
        if (is_known && op->is_done != (*state == op->expected))
            return false;
        if (*state == op->expected)
            *state = op->value;
        return true;
    case LINEAR_DELETE:
        if (is_known && op->is_done != (*state != 0))
            return false;
        *state = 0;
        return true;
    }
    return false;
}

static uint64_t hash_of(const struct search *s, uint64_t state)
{
    uint64_t h = state * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < s->words; i++)
        h = (h ^ s->lifted[i] ^ (h >> 29)) * UINT64_C(0xff51afd7ed558ccd);
    return h ^ (h >> 32);
}

static struct seen *seen_slot(struct search *s, const uint64_t *lifted, uint64_t state, uint64_t h)
{
    size_t at = (size_t)h & (s->seen_cap - 1);

    while (s->seen[at].is_used &&
           (s->seen[at].state != state ||
            memcmp(s->seen[at].lifted, lifted, s->words * sizeof(*lifted)) != 0))
        at = (at + 1) & (s->seen_cap - 1);
    return &s->seen[at];
}

static void grow_seen(struct search *s)
{
    struct seen *old = s->seen;
    size_t old_cap = s->seen_cap;
    uint64_t now[WORDS];

    memcpy(now, s->lifted, sizeof(now));
    s->seen_cap = old_cap ? old_cap * 2 : 256;
    s->seen = hl_calloc(s->seen_cap, sizeof(*s->seen));
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].is_used)
            continue;
        memcpy(s->lifted, old[i].lifted, sizeof(s->lifted));
        *seen_slot(s, old[i].lifted, old[i].state, hash_of(s, old[i].state)) = old[i];
    }
    memcpy(s->lifted, now, sizeof(now));
    free(old);
}

/* True if this configuration is new. */
static bool remember(struct search *s, uint64_t state)
{
    if (2 * s->seen_count >= s->seen_cap)
        grow_seen(s);
    struct seen *slot = seen_slot(s, s->lifted, state, hash_of(s, state));
    if (slot->is_used)
        return false;
    slot->is_used = true;
    slot->state = state;
    memcpy(slot->lifted, s->lifted, sizeof(s->lifted));
    s->seen_count++;
    return true;
}

static void unlink_node(struct node *n)
{
    n->previous->next = n->next;
    if (n->next)
        n->next->previous = n->previous;
}

static void relink_node(struct node *n)
{
    n->previous->next = n;
    if (n->next)
        n->next->previous = n;
}

static void flip(struct search *s, size_t number)
{
    s->lifted[number / 64] ^= UINT64_C(1) << (number % 64);
}

static void lift(struct search *s, struct node *call, uint64_t state)
{
    s->choice[s->choice_count++] = (struct choice){call, s->state};
    s->state = state;
    unlink_node(call);
    if (call->match) {
        unlink_node(call->match);
        s->open_count--;
    }
}

static struct node *take_back(struct search *s)
{
    struct choice *c = &s->choice[--s->choice_count];

    s->state = c->state;
    flip(s, c->call->number);
    if (c->call->match) {
        relink_node(c->call->match);
        s->open_count++;
    }
    relink_node(c->call);
    return c->call->next;
}

static enum linear_verdict run(struct search *s, uint64_t steps_max)
{
    struct node *at = s->node[0].next;

    for (uint64_t steps = 0; s->open_count > 0; steps++) {
        if (steps == steps_max)
            return LINEAR_TOO_LONG;
        bool is_call = at && at->op;
        if (is_call) {
            uint64_t state = s->state;
            bool is_possible = take_effect(at->op, &state);
            flip(s, at->number);
            if (is_possible && remember(s, state)) {
                lift(s, at, state);
                at = s->node[0].next;
            } else {
                flip(s, at->number);
                at = at->next;
            }
        } else if (s->choice_count == 0) {
            return LINEAR_WRONG;
        } else {
            at = take_back(s);
        }
    }
    return LINEAR_RIGHT;
}

static int by_time(const void *a, const void *b)
{
    const struct node *const *left = a;
    const struct node *const *right = b;

    if ((*left)->at != (*right)->at)
        return (*left)->at < (*right)->at ? -1 : 1;
    bool is_left_call = (*left)->op;
    bool is_right_call = (*right)->op;
    if (is_left_call != is_right_call)
        return is_left_call ? -1 : 1;
    return (*left)->number < (*right)->number ? -1 : (*left)->number > (*right)->number;
}

static void build(struct search *s, const struct linear_op *op, size_t count, uint64_t key)
{
    struct node **order = hl_calloc(2 * count + 1, sizeof(struct node *));
    size_t used = 1;

    for (size_t i = 0; i < count; i++) {
        if (op[i].key != key)
            continue;
        struct node *call = &s->node[used++];
        *call = (struct node){.op = &op[i], .number = s->count++, .at = op[i].call};
        if (op[i].back == LINEAR_NEVER)
            continue;
        HL_ASSERT(op[i].back > op[i].call);
        call->match = &s->node[used++];
        *call->match = (struct node){.number = call->number, .at = op[i].back};
        s->open_count++;
    }
    for (size_t i = 1; i < used; i++)
        order[i - 1] = &s->node[i];
    qsort(order, used - 1, sizeof(struct node *), by_time);
    struct node *last = &s->node[0];
    for (size_t i = 0; i + 1 < used; i++) {
        order[i]->previous = last;
        last->next = order[i];
        last = order[i];
    }
    free(order);
}

static size_t count_key(const struct linear_op *op, size_t count, uint64_t key)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += op[i].key == key;
    return n;
}

static enum linear_verdict check_key(const struct linear_op *op, size_t count, uint64_t key,
                                     uint64_t steps_max)
{
    size_t own_count = count_key(op, count, key);
    struct search s = {0};

    if (own_count > LINEAR_OPS_MAX)
        return LINEAR_TOO_LONG;
    s.words = (own_count + 63) / 64;
    s.node = hl_calloc(2 * own_count + 1, sizeof(*s.node));
    s.choice = hl_calloc(own_count + 1, sizeof(*s.choice));
    build(&s, op, count, key);
    enum linear_verdict verdict = run(&s, steps_max);
    free(s.node);
    free(s.choice);
    free(s.seen);
    return verdict;
}

enum linear_verdict linear_check(const struct linear_op *op, size_t count, uint64_t steps_max,
                                 uint64_t *out_key)
{
    enum linear_verdict worst = LINEAR_RIGHT;

    for (size_t i = 0; i < count && worst != LINEAR_WRONG; i++) {
        if (count_key(op, i, op[i].key) > 0)
            continue;
        enum linear_verdict v = check_key(op, count, op[i].key, steps_max);
        if (v == LINEAR_RIGHT)
            continue;
        worst = v;
        if (out_key)
            *out_key = op[i].key;
    }
    return worst;
}
