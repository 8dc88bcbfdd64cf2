/*
 * The first line is a chart's name, the rest an index. What comes out is in order, and
 * every version can be found by its own text.
 */
#include "edge/registry/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(struct arena *a, const struct index *index)
{
    const struct index_entry *found;

    for (size_t i = 0; i < index->count; i++) {
        const struct index_entry *e = &index->entry[i];

        HL_ASSERT(e->version.len > 0 && e->url_count <= INDEX_URLS_MAX);
        HL_ASSERT(i == 0 || semver_cmp(&e[-1].semver, &e->semver) >= 0);
        if (index_pick(a, index, e->version, &found, NULL) == 0)
            HL_ASSERT(semver_cmp(&found->semver, &e->semver) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data, size};
    struct str chart = str_cut(&text, '\n');
    const struct index_entry *newest;
    struct index index = {0};
    struct err err = {0};

    int rc = index_read(a, text, STR("index.yaml"), chart, &index, &err);
    if (rc < 0) {
        HL_ASSERT(index.count == 0 && err.code == rc);
        return 0;
    }
    check_entries(a, &index);
    rc = index_pick(a, &index, STR_NONE, &newest, &err);
    HL_ASSERT(rc == 0 || rc == HL_EABSENT);
    return 0;
}
