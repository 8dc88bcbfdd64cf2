/*
 * Dense entries in insertion order plus an open-addressed index of entry numbers; tombstone-free
 * by backward shift deletion.
 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct entry {
    struct str key;
    void *value;
    uint64_t hash;
};

struct map {
    uint64_t seed[2];
    struct entry *entry;
    size_t count;
    size_t entry_cap;
    uint32_t *slot;  /* entry number + 1; 0 is free */
    size_t slot_cap; /* a power of two, at most half full */
};

struct map *map_new(uint64_t seed)
{
    struct map *m = hl_calloc(1, sizeof(*m));

    m->seed[0] = seed;
    m->seed[1] = seed ^ 0x9e3779b97f4a7c15u;
    m->slot_cap = 16;
    m->slot = hl_calloc(m->slot_cap, sizeof(*m->slot));
    return m;
}

void map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        str_free(m->entry[i].key);
    free(m->entry);
    free(m->slot);
    free(m);
}

size_t map_count(const struct map *m)
{
    return m->count;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct map *m, uint64_t hash, struct str key)
{
    size_t mask = m->slot_cap - 1;
    size_t i = hash & mask;

    while (m->slot[i] != 0) {
        const struct entry *e = &m->entry[m->slot[i] - 1];
        if (e->hash == hash && str_eq(e->key, key))
            return i;
        i = (i + 1) & mask;
    }
    return i;
}

static size_t slot_of_entry(const struct map *m, size_t number)
{
    size_t mask = m->slot_cap - 1;
    size_t i = m->entry[number].hash & mask;

    while (m->slot[i] != number + 1)
        i = (i + 1) & mask;
    return i;
}

static void grow_slots(struct map *m)
{
    free(m->slot);
    m->slot_cap *= 2;
    m->slot = hl_calloc(m->slot_cap, sizeof(*m->slot));
    for (size_t n = 0; n < m->count; n++)
        m->slot[find_slot(m, m->entry[n].hash, m->entry[n].key)] = (uint32_t)n + 1;
}

void *map_get(const struct map *m, struct str key)
{
    uint32_t number = m->slot[find_slot(m, siphash(m->seed, key), key)];

    return number ? m->entry[number - 1].value : NULL;
}

void *map_set(struct map *m, struct str key, void *value)
{
    HL_ASSERT(value != NULL);
    uint64_t hash = siphash(m->seed, key);
    size_t i = find_slot(m, hash, key);

    if (m->slot[i] != 0) {
        struct entry *e = &m->entry[m->slot[i] - 1];
        void *old = e->value;
        e->value = value;
        return old;
    }
    HL_ASSERT(m->count < UINT32_MAX - 1);
    if (m->count == m->entry_cap) {
        m->entry_cap = m->entry_cap ? m->entry_cap * 2 : 8;
        m->entry = hl_realloc(m->entry, m->entry_cap * sizeof(*m->entry));
    }
    m->entry[m->count++] = (struct entry){str_dup(key), value, hash};
    m->slot[i] = (uint32_t)m->count;
    if (m->count * 2 > m->slot_cap)
        grow_slots(m);
    return NULL;
}

/* Closes the hole at i: entries of the run behind it move forward if that shortens their probe. */
static void free_slot(struct map *m, size_t i)
{
    size_t mask = m->slot_cap - 1;
    size_t hole = i;

    for (size_t j = (i + 1) & mask; m->slot[j] != 0; j = (j + 1) & mask) {
        size_t home = m->entry[m->slot[j] - 1].hash & mask;
        if (((j - home) & mask) >= ((j - hole) & mask)) {
            m->slot[hole] = m->slot[j];
            hole = j;
        }
    }
    m->slot[hole] = 0;
}

void *map_remove(struct map *m, struct str key)
{
    size_t i = find_slot(m, siphash(m->seed, key), key);

    if (m->slot[i] == 0)
        return NULL;
    size_t number = m->slot[i] - 1;
    void *old = m->entry[number].value;
    free_slot(m, i);
    str_free(m->entry[number].key);
    size_t last = m->count - 1;
    if (number != last) {
        size_t last_slot = slot_of_entry(m, last);
        m->entry[number] = m->entry[last];
        m->slot[last_slot] = (uint32_t)number + 1;
    }
    m->count--;
    return old;
}

struct str map_key_at(const struct map *m, size_t i)
{
    HL_ASSERT(i < m->count);
    return m->entry[i].key;
}

void *map_value_at(const struct map *m, size_t i)
{
    HL_ASSERT(i < m->count);
    return m->entry[i].value;
}
