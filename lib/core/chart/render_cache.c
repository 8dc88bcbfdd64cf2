/* A table by digest; each render in an arena of its own, so that forgetting one is one call. */
#include "core/chart/render_cache.h"

#include <stdlib.h>

struct kept {
    struct arena *arena; /* holds this, too */
    struct digest key;
    struct chart_file *document;
    size_t count;
    size_t bytes;
    uint64_t asked; /* when, in questions */
};

struct render_cache {
    struct map *by_key;
    size_t bytes;
    size_t bytes_max;
    uint64_t questions;
};

struct render_cache *render_cache_new(size_t bytes_max)
{
    struct render_cache *c = hl_calloc(1, sizeof(*c));

    c->by_key = map_new(0x72656e6465727321u); /* keys are digests */
    c->bytes_max = bytes_max;
    return c;
}

static struct str key_of(const struct digest *key)
{
    return (struct str){(const char *)key->bytes, DIGEST_BYTES};
}

static void forget(struct render_cache *c, struct kept *k)
{
    (void)map_remove(c->by_key, key_of(&k->key)); /* was there */
    c->bytes -= k->bytes;
    arena_free(k->arena);
}

void render_cache_clear(struct render_cache *c)
{
    while (map_count(c->by_key) > 0)
        forget(c, map_value_at(c->by_key, 0));
}

void render_cache_free(struct render_cache *c)
{
    if (!c)
        return;
    render_cache_clear(c);
    map_free(c->by_key);
    free(c);
}

const struct chart_file *render_cache_get(struct render_cache *c, const struct digest *key,
                                          size_t *out_count)
{
    struct kept *k = map_get(c->by_key, key_of(key));

    if (!k)
        return NULL;
    k->asked = ++c->questions;
    *out_count = k->count;
    return k->document;
}

static struct kept *oldest(const struct render_cache *c)
{
    struct kept *found = map_value_at(c->by_key, 0);

    for (size_t i = 1; i < map_count(c->by_key); i++) {
        struct kept *k = map_value_at(c->by_key, i);
        found = k->asked < found->asked ? k : found;
    }
    return found;
}

static size_t bytes_of(const struct chart_file *document, size_t count)
{
    size_t bytes = count * sizeof(*document);

    for (size_t i = 0; i < count; i++)
        bytes += document[i].name.len + document[i].bytes.len;
    return bytes;
}

void render_cache_put(struct render_cache *c, const struct digest *key,
                      const struct chart_file *document, size_t count)
{
    struct kept *before = map_get(c->by_key, key_of(key));
    size_t bytes = bytes_of(document, count);

    if (before)
        forget(c, before);
    if (bytes > c->bytes_max)
        return;
    while (c->bytes + bytes > c->bytes_max || map_count(c->by_key) == RENDER_CACHE_COUNT)
        forget(c, oldest(c));

    struct arena *a = arena_new();
    struct kept *k = arena_one(a, struct kept);
    *k = (struct kept){.arena = a,
                       .key = *key,
                       .document = arena_array(a, struct chart_file, count),
                       .count = count,
                       .bytes = bytes,
                       .asked = ++c->questions};
    for (size_t i = 0; i < count; i++)
        k->document[i] =
            (struct chart_file){arena_dup(a, document[i].name), arena_dup(a, document[i].bytes)};
    c->bytes += bytes;
    (void)map_set(c->by_key, key_of(key), k); /* was absent */
}
