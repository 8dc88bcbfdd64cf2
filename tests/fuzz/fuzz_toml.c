/* What is read can be written, and reads back to the same document. */
#include "core/template/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf one = {0};
    HL_CLEANUP(buf_deinit) struct buf two = {0};
    const struct template_world utc = {.now_s = 0};
    struct datum_map *m;
    struct str error = STR_NONE;

    int rc = toml_read(&utc, a, (struct str){(const char *)data, size}, &m, &error);
    HL_ASSERT((rc == 0) == (error.len == 0));
    if (rc < 0 || toml_write(&one, a, datum_of_map(m), 1 << 22, &error) < 0)
        return 0;
    HL_ASSERT(toml_read(&utc, a, buf_str(&one), &m, &error) == 0);
    HL_ASSERT(toml_write(&two, a, datum_of_map(m), 1 << 22, &error) == 0);
    HL_ASSERT(str_eq(buf_str(&one), buf_str(&two)));
    return 0;
}
