/*
 * The first line is a version, the rest a range. A version that is read must read back from its own
 * text, be equal to itself, and be strict if that text is; "=" it must have it.
 */
#include "core/semver/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_version(struct arena *a, const struct semver *v)
{
    struct str text = semver_text(a, v);
    const struct semver_range *range;
    struct semver again;
    struct err err;

    if (text.len > SEMVER_BYTES_MAX)
        return;
    HL_ASSERT(semver_parse_strict(a, text, &again, &err) == 0);
    HL_ASSERT(semver_cmp(v, &again) == 0 && str_eq(v->pre, again.pre) &&
              str_eq(v->meta, again.meta));
    HL_ASSERT(semver_range_parse(a, arena_concat(a, STR("="), text), &range, &err) == 0);
    HL_ASSERT(semver_range_has(range, v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str range_text = {(const char *)data, size};
    struct str version_text = str_cut(&range_text, '\n');
    const struct semver_range *range = NULL;
    struct semver v;
    struct err err = {0};
    bool is_version = semver_parse(a, version_text, &v, &err) == 0;

    if (is_version)
        check_version(a, &v);
    int rc = semver_range_parse(a, range_text, &range, &err);
    HL_ASSERT((rc == 0) == (range != NULL) && (rc == 0 || err.code == rc));
    if (is_version && range)
        (void)semver_range_has(range, &v);
    return 0;
}
