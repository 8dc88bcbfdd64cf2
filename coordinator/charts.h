/*
 * Charts for the compiler: which version, which digest (edge/registry), and the archives on their
 * way to the blob store.
 *
 * What the mesh has agreed on counts: the lines of the state in force (state_app.charts) are taken
 * over, so that a version keeps its digest whoever leads and however often a repository serves
 * another one. What is in force needs no network.
 *
 * Threads: the source actor's; it blocks. Limits: CHARTS_TIMEOUT_MS an exchange; a compile asks for
 * CHARTS_COMPILE_MS, what is unknown then fails (HL_ETIMEOUT) until the next one; a repository that
 * did not answer is asked again after CHARTS_REST_MS.
 */
#ifndef HL_COORDINATOR_CHARTS_H
#define HL_COORDINATOR_CHARTS_H

#include "coordinator/config.h"
#include "core/desired/charts.h"
#include "edge/store/blobs.h"

enum {
    CHARTS_TIMEOUT_MS = 30000,
    CHARTS_COMPILE_MS = 20000,
    CHARTS_REST_MS = 60000,
    CHARTS_CACHE_BYTES = 64 << 20,
};

struct archive {
    struct digest digest;
    struct str bytes;
};

struct charts;

HL_MUST int charts_open(const struct coordinator_config *config, struct blobs *blobs,
                        struct charts **out, struct err *err);
void charts_close(struct charts *c);
HL_DEFINE_FREEP(charts_close, struct charts)

/* For one compile; archives that the blob store lacks are fetched into `a`. */
struct chart_source charts_begin(struct charts *c, struct arena *a);
const struct archive *charts_archives(const struct charts *c, size_t *out_count);
/* Which versions their repositories have published again with other content, for people; empty:
 * none. What was compiled has the content that is in force. */
struct str charts_alarm(const struct charts *c);

/* Lines of a charts.lock that are in force. True if one says something else than was believed:
 * what was compiled before is to be compiled again. */
bool charts_adopt(struct charts *c, struct str lines);

#endif
