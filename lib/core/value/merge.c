/* Helm's coalescing (helm.sh/docs: "Deleting a default key", pkg/chartutil/coalesce.go). */
#include "core/value/build.h"

#include <string.h>

/* A null deletes wherever it stands in `over`, also where `base` has nothing to merge with. */
static struct value *without_nulls(struct arena *a, struct value *over)
{
    return over && over->kind == VALUE_MAP ? value_merge(a, NULL, over) : over;
}

static size_t merge_members(struct arena *a, const struct value *base, const struct value *over,
                            struct member *out)
{
    size_t count = 0;

    for (size_t i = 0; base && i < base->map.count; i++) {
        struct member m = base->map.member[i];
        const struct member *winner = value_find(over, m.key);
        if (winner && winner->value->kind == VALUE_NULL)
            continue;
        if (winner) {
            m.key_line = winner->key_line;
            m.key_column = winner->key_column;
            m.value = value_merge(a, m.value, winner->value);
        }
        out[count++] = m;
    }
    for (size_t i = 0; i < over->map.count; i++) {
        struct member m = over->map.member[i];
        if (m.value->kind == VALUE_NULL || value_find(base, m.key))
            continue;
        m.value = without_nulls(a, m.value);
        out[count++] = m;
    }
    return count;
}

static bool has_nulls(const struct value *map)
{
    for (size_t i = 0; i < map->map.count; i++) {
        const struct value *v = map->map.member[i].value;
        if (v->kind == VALUE_NULL || (v->kind == VALUE_MAP && has_nulls(v)))
            return true;
    }
    return false;
}

struct value *value_merge(struct arena *a, struct value *base, struct value *over)
{
    size_t first;
    size_t second;

    if (!over)
        return base;
    if (over->kind == VALUE_NULL)
        return NULL;
    if (over->kind != VALUE_MAP)
        return over;
    if (base && base->kind != VALUE_MAP)
        base = NULL;
    if (!base && !has_nulls(over))
        return over;

    size_t most = (base ? base->map.count : 0) + over->map.count;
    struct member *member = arena_array(a, struct member, most);
    struct value *merged = arena_one(a, struct value);
    *merged = (struct value){
        .kind = VALUE_MAP, .line = over->line, .column = over->column, .file = over->file};
    size_t count = merge_members(a, base, over, member);
    bool is_unique = map_fill(a, merged, member, count, &first, &second);
    HL_ASSERT(is_unique);
    return merged;
}
