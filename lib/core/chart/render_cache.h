/*
 * Renders by what went into them: a chart that is rendered again from the same inputs costs a
 * look-up.
 *
 * The caller makes the key: a digest of everything that its render depends on. What was not asked
 * for longest goes when all texts together pass the bound; a render larger than the bound is not
 * kept.
 *
 * Ownership: the cache copies what it keeps; answers are borrowed until the next put. Threads:
 * confined to the owner's. Limits: bytes_max of text, RENDER_CACHE_COUNT renders.
 */
#ifndef HL_CORE_CHART_RENDER_CACHE_H
#define HL_CORE_CHART_RENDER_CACHE_H

#include "core/chart/chart.h"

enum { RENDER_CACHE_COUNT = 4096 };

struct render_cache;

struct render_cache *render_cache_new(size_t bytes_max);
void render_cache_free(struct render_cache *c);
/* Forgets everything. */
void render_cache_clear(struct render_cache *c);
HL_DEFINE_FREEP(render_cache_free, struct render_cache)

/* The documents by path, in order; NULL if they are not there. */
const struct chart_file *render_cache_get(struct render_cache *c, const struct digest *key,
                                          size_t *out_count);
void render_cache_put(struct render_cache *c, const struct digest *key,
                      const struct chart_file *document, size_t count);

#endif
