/*
 * A table from strings to pointers that remembers the order of insertion.
 *
 * Keys are copied; values are the caller's. Iteration by index 0..map_count-1 is in order of
 * insertion (removal moves the last entry into the hole), so the same operations give the same
 * order in every process: code in lib/core may iterate. Hashing is SipHash under the seed given
 * to map_new; where strangers choose keys, give a seed they cannot know.
 *
 * Threads: confined to the owner's thread. Cost: O(1) get, set, remove.
 */
#ifndef HL_BASE_MAP_H
#define HL_BASE_MAP_H

#include "base/attr.h"
#include "base/str.h"

struct map;

struct map *map_new(uint64_t seed);
void map_free(struct map *m);
HL_DEFINE_FREEP(map_free, struct map)

size_t map_count(const struct map *m);
/* NULL if absent. */
void *map_get(const struct map *m, struct str key);
/* Sets or replaces; value is not NULL. Returns the value replaced, or NULL. */
void *map_set(struct map *m, struct str key, void *value);
/* Returns the value removed, or NULL if absent. */
void *map_remove(struct map *m, struct str key);
/* Entry i; the key is borrowed until that entry is removed. */
struct str map_key_at(const struct map *m, size_t i);
void *map_value_at(const struct map *m, size_t i);

#endif
