/* Modes go and sprig: a text and its data. */
#include "conformance/vectors.h"
#include "core/template/template.h"
#include "edge/cipher/cipher.h"

static int run_text(struct arena *a, const struct vector *v, enum template_functions functions,
                    struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct template_world world = {
        .is_fake = true, .crypto = &cipher_openssl, .now_s = VECTORS_NOW_S};
    struct template_fault fault;
    struct template_tree *tree;
    struct datum data = {0};

    if (v->data)
        data = datum_from_value(a, v->data, vector_numbers(v));
    if (data.type == DATUM_NIL)
        data.type = DATUM_INVALID;
    int rc = template_parse(a, STR("t"), vector_text(v, "template"), functions, &tree, &fault);
    if (rc == 0) {
        struct template_set *set = template_set_new(a, NULL);
        template_set_add(set, tree);
        struct template_run *run =
            template_run_new(a, &template_limits_default, TEMPLATE_MISSING_INVALID, &world);
        rc = template_execute(run, set, STR("t"), data, &text, &fault);
    }
    if (rc < 0)
        out->error = fault.text;
    else
        out->out = arena_dup(a, buf_str(&text));
    return rc;
}

static int run_go(struct arena *a, const struct vector *v, struct outcome *out)
{
    return run_text(a, v, TEMPLATE_GO, out);
}

static int run_sprig(struct arena *a, const struct vector *v, struct outcome *out)
{
    return run_text(a, v, TEMPLATE_SPRIG, out);
}

const struct mode template_modes[] = {{"go", run_go}, {"sprig", run_sprig}, {NULL, NULL}};
