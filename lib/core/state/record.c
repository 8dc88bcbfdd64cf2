/* One table walk each way. */
#include "core/state/record.h"

#include <string.h>

#include "core/value/json.h"

void record_from_value(const struct record_type *type, const struct value *v, void *out)
{
    memset(out, 0, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *f = &type->field[i];
        char *at = (char *)out + f->offset;

        switch (f->kind) {
        case FIELD_STR:
            *(struct str *)(void *)at = value_get_str(v, f->key);
            break;
        case FIELD_INT:
            *(int64_t *)(void *)at = value_get_int(v, f->key, 0);
            break;
        case FIELD_BOOL:
            *(bool *)at = value_get_bool(v, f->key, false);
            break;
        }
    }
}

struct value *record_to_value(const struct record_type *type, const void *record, struct arena *a)
{
    struct value *v = value_map(a);

    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *f = &type->field[i];
        const char *at = (const char *)record + f->offset;

        switch (f->kind) {
        case FIELD_STR:
            if (((const struct str *)(const void *)at)->len > 0)
                value_map_set_str(a, v, f->key, *(const struct str *)(const void *)at);
            break;
        case FIELD_INT:
            if (*(const int64_t *)(const void *)at != 0)
                value_map_set_int(a, v, f->key, *(const int64_t *)(const void *)at);
            break;
        case FIELD_BOOL:
            if (*(const bool *)at)
                value_map_set_bool(a, v, f->key, true);
            break;
        }
    }
    return v;
}

static int parse(const struct record_type *type, struct str key, struct str bytes, struct arena *a,
                 void *out, struct err *err)
{
    struct value *v;

    /* The bytes are borrowed from the store until its next write: the tree gets its own. */
    int r = json_read(a, arena_dup(a, bytes), STR("state"), &v, err);
    if (r < 0 || v->kind != VALUE_MAP)
        return err_set(err, HL_ECORRUPT, "the record " STR_FMT " is not readable", STR_ARG(key));
    record_from_value(type, v, out);
    return KV_FOUND;
}

int record_get(struct kv *kv, const struct record_type *type, struct str key, struct arena *a,
               void *out, struct err *err)
{
    struct str bytes;

    /* What cannot be stored is not there: names come from strangers. */
    int r = key.len > KV_KEY_MAX ? KV_ABSENT : kv->get(kv->context, key, &bytes, err);
    if (r != KV_FOUND) {
        memset(out, 0, type->size);
        return r;
    }
    return parse(type, key, bytes, a, out, err);
}

int record_put(struct kv *kv, const struct record_type *type, struct str key, struct arena *a,
               const void *record, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    /* Not the canonical form: that one spends a leading NUL, which would grow with every rewrite.
     */
    json_write(&bytes, record_to_value(type, record, a), JSON_COMPACT);
    return kv->put(kv->context, key, buf_str(&bytes), err);
}

int record_next(struct kv *kv, const struct record_type *type, struct str prefix,
                struct str *cursor, struct arena *a, void *out, struct err *err)
{
    struct str key;
    struct str bytes;

    int r = kv->next(kv->context, prefix, *cursor, &key, &bytes, err);
    if (r != KV_FOUND)
        return r;
    *cursor = arena_dup(a, key);
    return parse(type, *cursor, bytes, a, out, err);
}
