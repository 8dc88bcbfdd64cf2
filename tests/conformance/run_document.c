/* Modes toyaml and fromyaml: one document out, one in. */
#include "conformance/vectors.h"
#include "core/value/json.h"
#include "core/value/yaml.h"

static struct str error_text(struct arena *a, const struct err *err)
{
    return arena_dup(a, str_from(err->text));
}

static int run_toyaml(struct arena *a, const struct vector *v, struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct datum d = v->data ? datum_from_value(a, v->data, vector_numbers(v)) : datum_nil();
    struct value *plain;
    struct err err;

    int rc = datum_to_value(a, d, &plain, &err);
    if (rc == 0)
        rc = yaml_check(plain, &err);
    if (rc < 0) {
        out->error = error_text(a, &err);
        return rc;
    }
    yaml_write(&text, plain);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

static int run_fromyaml(struct arena *a, const struct vector *v, struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *read;
    struct value *plain;
    struct err err;

    int rc = yaml_read_first(a, vector_text(v, "template"), STR(""), &read, &err);
    if (rc == 0)
        rc = datum_to_value(a, datum_from_value(a, read, DATUM_FLOATS), &plain, &err);
    if (rc < 0) {
        out->error = error_text(a, &err);
        return rc;
    }
    json_write(&text, plain, JSON_COMPACT);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

const struct mode document_modes[] = {
    {"toyaml", run_toyaml}, {"fromyaml", run_fromyaml}, {NULL, NULL}};
