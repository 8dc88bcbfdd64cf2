/*
 * The first line is a URL, the rest another one to resolve under it. What is parsed and written
 * does not change any more if it is a URL again, which it need not be, here as in Go: a path may
 * begin with two slashes, as a host does, and the zone of an address holds any bytes. A refusal has
 * words.
 */
#include "core/gostd/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stable(struct arena *a, const struct url *u)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf text_again = {0};
    struct str why = STR_NONE;
    struct url again;

    url_write(&text, u);
    if (u->host.len == 0 && str_starts(u->path, STR("//")))
        return;
    if (!url_parse(a, buf_str(&text), &again, &why))
        return;
    url_write(&text_again, &again);
    HL_ASSERT(str_eq(buf_str(&text), buf_str(&text_again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str ref = {(const char *)data, size};
    struct str base = str_cut(&ref, '\n');
    struct str why = STR_NONE;
    struct str joined;
    struct url u;

    if (url_parse(a, base, &u, &why))
        check_stable(a, &u);
    else
        HL_ASSERT(str_starts(why, STR("parse \"")));
    if (!url_join(a, base, ref, &joined, &why))
        HL_ASSERT(why.len > 0);
    return 0;
}
