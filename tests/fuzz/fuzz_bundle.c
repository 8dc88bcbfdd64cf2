/* A bundle's bytes come over the wire: whatever they are, opening and rendering them ends well. */
#include "core/desired/objects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Charts whose files are in the bundle are rendered, archives are nowhere. */
static int no_archive(void *context, const struct digest *digest, struct arena *a, struct str *out,
                      struct err *err)
{
    (void)context;
    (void)digest;
    (void)a;
    (void)out;
    return err_set(err, HL_EABSENT, "no archives here");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct template_world plain = {.now_s = 1};
    const struct objects_world world = {
        .capabilities = &chart_capabilities_offline, .world = &plain, .archive = no_archive};
    struct bundle bundle;
    struct object *object;
    size_t count = 0;
    struct err err;

    if (bundle_open(a, (struct str){(const char *)data, size}, &bundle, &err) < 0)
        return 0;
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    if (objects_render(a, &bundle, &world, &object, &count, &err) == 0) {
        for (size_t i = 0; i < count; i++) {
            HL_ASSERT(str_starts(object[i].path, STR("clusters/")));
            HL_ASSERT(str_find(object[i].path, STR("/../"), 0) == SIZE_MAX);
            object_yaml(&bytes, &object[i]);
        }
    }
    /* What was opened can be written, and opens again to the same bytes. */
    HL_CLEANUP(buf_deinit) struct buf one = {0};
    HL_CLEANUP(buf_deinit) struct buf two = {0};
    struct bundle again;
    if (bundle_write(&one, a, &bundle, &err) < 0)
        return 0;
    HL_ASSERT(bundle_open(a, buf_str(&one), &again, &err) == 0);
    HL_ASSERT(bundle_write(&two, a, &again, &err) == 0);
    HL_ASSERT(str_eq(buf_str(&one), buf_str(&two)));
    return 0;
}
