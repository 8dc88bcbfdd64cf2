/*
 * The first byte picks a kind, every line behind it is set in the same map. Whether that ends well
 * or not, what is in the map is a tree that can be written.
 */
#include "core/chart/setvalues.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files hold their own names; those that begin with "!" cannot be read. */
static int read_name(void *context, struct arena *a, struct str path, struct str *out,
                     struct err *err)
{
    (void)context;
    if (str_starts(path, STR("!")))
        return err_set(err, HL_EABSENT, "no such file");
    *out = arena_dup(a, path);
    return 0;
}

static void check_writable(struct arena *a, struct datum_map *map)
{
    struct value *v;
    struct err err;
    int rc = datum_to_value(a, datum_of_map(map), &v, &err);

    HL_ASSERT(rc == 0);
    for (uint32_t i = 0; i < map->count; i++)
        HL_ASSERT(map->entry[i].key.len > 0 && str_is_utf8(map->entry[i].key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct setvalues_files files = {.read = read_name};
    struct datum_map *map = datum_map_new(a);
    struct str text = {(const char *)data, size};
    int rc = 0;

    if (size == 0)
        return 0;
    enum setvalues_kind kind = (enum setvalues_kind)(data[0] % (SETVALUES_FILE + 1));
    text = str_sub(text, 1, text.len);
    while (rc == 0 && text.len > 0) {
        struct err err = {0};
        rc = setvalues_apply(a, kind, str_cut(&text, '\n'), &files, map, &err);
        HL_ASSERT(rc <= 0 && err.code == rc);
    }
    check_writable(a, map);
    return 0;
}
