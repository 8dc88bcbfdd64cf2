/* Mode schema: a JSON schema and the values that it judges; remote documents lie in "remote". */
#include "conformance/vectors.h"
#include "core/schema/schema.h"
#include "core/value/json.h"

static int load(void *context, struct arena *a, struct str url, const struct value **out,
                struct err *err)
{
    const struct vector *v = context;
    struct str text = value_str(value_get(value_get(v->json, STR("remote")), url));
    struct value *document;

    if (text.len == 0)
        return err_set(err, HL_EABSENT, "absent");
    int rc = json_read(a, text, url, &document, err);
    *out = rc == 0 ? document : NULL;
    return rc;
}

static int run_schema(struct arena *a, const struct vector *v, struct outcome *out)
{
    const struct schema_options options = {load, (void *)v};
    const struct schema *schema;
    struct value *document;
    struct err err;

    int rc = json_read(a, vector_text(v, "template"), STR(""), &document, &err);
    if (rc == 0)
        rc = schema_compile(a, document, &options, &schema, &out->error, &err);
    if (rc == 0)
        rc = schema_check(schema, v->data ? v->data : value_null(a), a, &out->error, &err);
    out->out = STR("ok");
    if (rc < 0)
        out->error = arena_dup(a, str_from(err.text));
    return rc == SCHEMA_INVALID ? HL_EINVAL : rc;
}

const struct mode schema_modes[] = {{"schema", run_schema}, {NULL, NULL}};
