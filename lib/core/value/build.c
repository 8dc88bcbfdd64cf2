/* Sorting members and filling maps. */
#include "core/value/build.h"

#include <string.h>

static void merge_halves(const struct member *member, uint32_t *order, uint32_t *scratch,
                         size_t middle, size_t count, int (*cmp)(struct str, struct str))
{
    size_t left = 0;
    size_t right = middle;

    memcpy(scratch, order, middle * sizeof(*order));
    for (size_t out = 0; left < middle; out++) {
        if (right < count && cmp(member[order[right]].key, member[scratch[left]].key) < 0)
            order[out] = order[right++];
        else
            order[out] = scratch[left++];
    }
}

static void sort_range(const struct member *member, uint32_t *order, uint32_t *scratch,
                       size_t count, int (*cmp)(struct str, struct str))
{
    if (count < 2)
        return;
    size_t middle = count / 2;
    sort_range(member, order, scratch, middle, cmp);
    sort_range(member, order + middle, scratch, count - middle, cmp);
    if (cmp(member[order[middle]].key, member[order[middle - 1]].key) < 0)
        merge_halves(member, order, scratch, middle, count, cmp);
}

void members_resort(const struct member *member, uint32_t *order, uint32_t *scratch, size_t count,
                    int (*cmp)(struct str, struct str))
{
    sort_range(member, order, scratch, count, cmp);
}

void members_sort(const struct member *member, uint32_t *order, uint32_t *scratch, size_t count,
                  int (*cmp)(struct str, struct str))
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    sort_range(member, order, scratch, count, cmp);
}

bool map_fill(struct arena *a, struct value *map, struct member *member, size_t count,
              size_t *out_first, size_t *out_second)
{
    uint32_t room[INDEX_FREE];
    uint32_t scratch_room[INDEX_FREE];
    bool is_small = count <= INDEX_FREE;
    uint32_t *order = is_small ? room : arena_array(a, uint32_t, count);
    uint32_t *scratch = is_small ? scratch_room : arena_array(a, uint32_t, count);
    bool is_unique = true;

    HL_ASSERT(count < UINT32_MAX);
    members_sort(member, order, scratch, count, str_cmp);
    for (size_t i = 1; i < count; i++) {
        if (!str_eq(member[order[i - 1]].key, member[order[i]].key))
            continue;
        if (is_unique || order[i] < *out_second) {
            *out_first = order[i - 1];
            *out_second = order[i];
        }
        is_unique = false;
    }
    if (!is_unique)
        return false;
    map->map.member = count ? member : NULL;
    map->map.count = count;
    map->map.cap = count;
    map->map.sorted = is_small ? NULL : order;
    return true;
}

const uint32_t *map_sorted(const struct value *map, uint32_t room[INDEX_FREE])
{
    uint32_t scratch[INDEX_FREE];

    if (map->map.sorted)
        return map->map.sorted;
    members_sort(map->map.member, room, scratch, map->map.count, str_cmp);
    return room;
}
