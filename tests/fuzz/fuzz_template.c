/*
 * A text is parsed with all functions and executed under small limits: it ends, within them, the
 * same way every time, and a fault names its place.
 */
#include "core/template/node.h"
#include "core/value/json.h"
#include "edge/cipher/cipher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct template_limits fuzz_limits = {
    .steps = 20000, .output_bytes = 1 << 20, .memory_bytes = 8 << 20, .depth = 200};

static const char fuzz_values[] = "{\"a\":1,\"b\":\"text\",\"c\":[1,\"x\",null,{\"d\":true}],\"m\":"
                                  "{\"k\":\"v\",\"n\":{\"o\":2.5}},"
                                  "\"e\":\"\",\"z\":null,\"t\":\"{{ .a }}\"}";

static struct datum fuzz_data(struct arena *a)
{
    struct value *v;
    struct err err;

    HL_ASSERT(json_read(a, str_from(fuzz_values), STR("values"), &v, &err) == 0);
    return datum_from_value(a, v, DATUM_FLOATS);
}

static int fuzz_run(struct arena *a, const struct template_tree *tree, struct buf *out,
                    struct template_fault *fault)
{
    const struct template_world world = {
        .is_fake = true, .crypto = &cipher_openssl, .now_s = 1767323045};
    struct template_set *set = template_set_new(a, NULL);
    size_t used = arena_used_bytes(a);

    template_set_add(set, tree);
    struct template_run *run = template_run_new(a, &fuzz_limits, TEMPLATE_MISSING_ZERO, &world);
    int rc = template_execute(run, set, STR("fuzz"), fuzz_data(a), out, fault);
    HL_ASSERT(arena_used_bytes(a) - used < 4 * fuzz_limits.memory_bytes);
    HL_ASSERT(rc == 0 || (rc < 0 && fault->code == rc && fault->text.len > 0));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf first = {0};
    HL_CLEANUP(buf_deinit) struct buf second = {0};
    struct str text = {(const char *)data, size};
    struct template_tree *tree = NULL;
    struct template_fault fault = {0};
    struct template_fault again = {0};

    if (template_parse(a, STR("fuzz"), text, TEMPLATE_HELM, &tree, &fault) < 0) {
        HL_ASSERT(!tree && str_starts(fault.text, STR("template: fuzz:")) && fault.line > 0);
        return 0;
    }
    int rc = fuzz_run(a, tree, &first, &fault);
    HL_ASSERT(rc == fuzz_run(a, tree, &second, &again));
    HL_ASSERT(str_eq(buf_str(&first), buf_str(&second)) && str_eq(fault.text, again.text));
    return 0;
}
