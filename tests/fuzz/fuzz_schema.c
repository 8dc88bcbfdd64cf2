/*
 * The first line is a schema, the rest an instance, both JSON. Whatever they are, compiling and
 * checking end; a refusal has words; and the same schema says the same thing twice.
 */
#include "core/schema/schema.h"
#include "core/value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(const struct schema *schema, const struct value *instance, struct arena *a,
                 struct str *text)
{
    struct err err = {0};
    int rc = schema_check(schema, instance, a, text, &err);

    HL_ASSERT(rc >= 0 || err.code == rc);
    if (rc == SCHEMA_INVALID)
        HL_ASSERT(str_starts(*text, STR("- at '")) && str_ends(*text, STR("\n")));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data, size};
    struct value *document;
    struct value *instance;
    const struct schema *schema;
    struct str reason = STR_NONE;
    struct str first = STR_NONE;
    struct str second = STR_NONE;
    struct err err = {0};

    if (json_read(a, str_cut(&text, '\n'), STR("schema"), &document, NULL) != 0 ||
        json_read(a, text, STR("instance"), &instance, NULL) != 0)
        return 0;
    int rc = schema_compile(a, document, NULL, &schema, &reason, &err);
    HL_ASSERT(rc >= 0 || err.code == rc);
    HL_ASSERT(rc != SCHEMA_INVALID || reason.len > 0);
    if (rc != 0)
        return 0;
    rc = check(schema, instance, a, &first);
    HL_ASSERT(check(schema, instance, a, &second) == rc && str_eq(first, second));
    return 0;
}
