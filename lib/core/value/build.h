/*
 * For the files of this folder only: making maps in one go and putting members in order.
 *
 * Maps of up to INDEX_FREE members are searched one by one and carry no index; larger ones carry
 * the numbers of their members sorted by key. Sorting is a merge sort: n log n comparisons whatever
 * a stranger sends, and no table to flood.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_VALUE_BUILD_H
#define HL_CORE_VALUE_BUILD_H

#include "core/value/value.h"

enum { INDEX_FREE = 8 };

/* Fills order[0..count) with member numbers sorted by `cmp`; equal keys keep their order. `scratch`
 * has room for count numbers. */
void members_sort(const struct member *member, uint32_t *order, uint32_t *scratch, size_t count,
                  int (*cmp)(struct str, struct str));

/* The same for an order that is filled already. */
void members_resort(const struct member *member, uint32_t *order, uint32_t *scratch, size_t count,
                    int (*cmp)(struct str, struct str));

/*
 * Gives an empty map its members, which lie in the arena for good. Returns true; or false if two
 * keys are equal, with the numbers of the earliest second one and of the first before it.
 */
HL_MUST bool map_fill(struct arena *a, struct value *map, struct member *member, size_t count,
                      size_t *out_first, size_t *out_second);

/* The members of a map in order of their keys' bytes: returns map.sorted or fills `room`. */
const uint32_t *map_sorted(const struct value *map, uint32_t room[INDEX_FREE]);

#endif
