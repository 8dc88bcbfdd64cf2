/*
 * What yaml_read_all takes must survive being written: the text reads back, is stable after that,
 * and says the same but for what upstream's own writing loses (see is_lossy). yaml_read_first
 * agrees, and yaml_read_members with it.
 */
#include "core/value/json.h"
#include "core/value/yaml.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Marshal folds NEL, leaves the key "<<" plain, and writes -0.0 as 0. */
static bool is_lossy_string(struct str s)
{
    return str_find(s, STR("\xC2\x85"), 0) != SIZE_MAX || str_eq(s, STR("<<"));
}

static bool is_lossy(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        return is_lossy_string(v->string);
    if (v->kind == VALUE_FLOAT)
        return v->number == 0 && signbit(v->number);
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list.count; i++) {
        if (is_lossy(v->list.item[i]))
            return true;
    }
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++) {
        if (is_lossy_string(v->map.member[i].key) || is_lossy(v->map.member[i].value))
            return true;
    }
    return false;
}

static void check_document(struct arena *a, struct value *v)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf text_again = {0};
    HL_CLEANUP(buf_deinit) struct buf json = {0};
    HL_CLEANUP(buf_deinit) struct buf json_again = {0};
    struct digest digest = value_digest(v);
    struct digest copied = value_digest(value_copy(a, v));
    struct value *again = NULL;
    struct err err;

    HL_ASSERT(digest_eq(&digest, &copied));
    int refused = yaml_check(v, &err);
    HL_ASSERT(refused == 0 || refused == HL_EINVAL);
    yaml_write(&text, v);
    if (text.len > YAML_BYTES_MAX || is_lossy(v))
        return;
    HL_ASSERT(yaml_read(a, buf_str(&text), STR("written"), &again, &err) == 0);
    yaml_write(&text_again, again);
    HL_ASSERT(str_eq(buf_str(&text), buf_str(&text_again)));
    json_write(&json, v, JSON_COMPACT);
    json_write(&json_again, again, JSON_COMPACT);
    HL_ASSERT(str_eq(buf_str(&json), buf_str(&json_again)));
}

/* Of some members as of all, the same errors included. */
static void check_members(struct arena *a, struct str text, const struct value *whole,
                          const struct err *refusal)
{
    static const struct str key[] = {{"a", 1}, {"kind", 4}, {"metadata", 8}};
    struct value *v = NULL;
    struct err err = {0};
    int result = yaml_read_members(a, text, STR("input"), key, HL_COUNT(key), &v, &err);

    HL_ASSERT(result == refusal->code && strcmp(err.text, refusal->text) == 0);
    if (!whole)
        return;
    HL_ASSERT(v && v->kind == whole->kind);
    for (size_t i = 0; whole->kind == VALUE_MAP && i < HL_COUNT(key); i++) {
        const struct value *member = value_get(whole, key[i]);
        const struct value *got = value_get(v, key[i]);
        HL_ASSERT(member ? got && value_eq(member, got) : !got);
    }
}

/* The reader for Helm takes what the strict one takes and JSON can hold, and reads it the same. */
static void check_first(struct arena *a, struct str text, const struct value *strict)
{
    struct value *v = NULL;
    struct err err = {0};
    int result = yaml_read_first(a, text, STR("input"), &v, &err);

    HL_ASSERT((result == 0) == (v != NULL) && err.code == result);
    if (strict && json_can_hold(strict))
        HL_ASSERT(v && value_eq(v, strict));
    check_members(a, text, v, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data, size};
    struct value **document = NULL;
    size_t count = 0;
    struct err err = {0};
    int result = yaml_read_all(a, text, STR("input"), &document, &count, &err);

    check_first(a, text, result == 0 && count > 0 ? document[0] : NULL);
    if (result != 0) {
        HL_ASSERT(document == NULL && count == 0 && err.code == result);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        check_document(a, document[i]);
    return 0;
}
