/*
 * What json_read takes must survive: canonical bytes read back as the same tree, Go's form is
 * stable after one trip, the indented form says the same, a copy is equal.
 */
#include "core/value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Canonical bytes spend a leading NUL on telling strings from NaN. */
static bool has_leading_nul(struct str s)
{
    return s.len > 0 && s.ptr[0] == '\0';
}

static bool reads_back_exactly(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        return !has_leading_nul(v->string);
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list.count; i++) {
        if (!reads_back_exactly(v->list.item[i]))
            return false;
    }
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++) {
        if (has_leading_nul(v->map.member[i].key) || !reads_back_exactly(v->map.member[i].value))
            return false;
    }
    return true;
}

static void check_canonical(struct arena *a, const struct value *v)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct value *again;

    value_canonical(&bytes, v);
    HL_ASSERT(json_read(a, buf_str(&bytes), STR("canonical"), &again, NULL) == 0);
    HL_ASSERT(value_eq(v, again) || !reads_back_exactly(v));
}

static void check_forms(struct arena *a, const struct value *v)
{
    HL_CLEANUP(buf_deinit) struct buf once = {0};
    HL_CLEANUP(buf_deinit) struct buf twice = {0};
    HL_CLEANUP(buf_deinit) struct buf indented = {0};
    HL_CLEANUP(buf_deinit) struct buf back = {0};
    struct value *again;

    json_write(&once, v, JSON_COMPACT);
    HL_ASSERT(json_read(a, buf_str(&once), STR("once"), &again, NULL) == 0);
    json_write(&twice, again, JSON_COMPACT);
    HL_ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    json_write(&indented, v, JSON_INDENTED);
    HL_ASSERT(json_read(a, buf_str(&indented), STR("indented"), &again, NULL) == 0);
    json_write(&back, again, JSON_COMPACT);
    HL_ASSERT(str_eq(buf_str(&once), buf_str(&back)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data, size};
    struct value *v = NULL;
    struct err err = {0};
    int result = json_read(a, text, STR("input"), &v, &err);

    if (result != 0) {
        HL_ASSERT(v == NULL && err.code == result && err.line > 0);
        return 0;
    }
    HL_ASSERT(value_eq(v, value_copy(a, v)));
    check_canonical(a, v);
    check_forms(a, v);
    return 0;
}
