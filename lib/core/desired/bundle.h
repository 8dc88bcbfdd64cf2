/*
 * A bundle: all that an agent needs to render one application, without Git and without the
 * coordinator.
 *
 * Its bytes are canonical JSON: {format, app, cluster, server, namespace, sync,
 * ignoreDifferences, files: [{path, text}]} with files sorted by path. The commit is not in it, so
 * a commit that does not touch an application leaves its bundle, its digest and therefore its input
 * as they were.
 *
 * Threads: pure functions; strings of an opened bundle live in the arena.
 * Limits:  BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX; a bundle read is judged like any outside input.
 */
#ifndef HL_CORE_DESIRED_BUNDLE_H
#define HL_CORE_DESIRED_BUNDLE_H

#include "core/desired/sync.h"

enum { BUNDLE_FORMAT = 1, BUNDLE_BYTES_MAX = 64 << 20, BUNDLE_FILES_MAX = 10000 };

struct bundle_file {
    struct str path; /* in the fleet repository */
    struct str text;
};

struct bundle {
    struct str app;
    struct str cluster;
    struct str server;
    struct str namespace; /* destination of objects that name none; may be empty */
    struct sync_options sync;
    const struct value *ignore_differences; /* Argo CD's list, or NULL */
    struct bundle_file *file;
    size_t file_count;
};

/* Appends the canonical bytes. HL_ELIMIT if they would pass a limit; `out` is then as before. */
HL_MUST int bundle_write(struct buf *out, struct arena *scratch, const struct bundle *b,
                         struct err *err);

/* 0, HL_ECORRUPT (not a bundle), HL_EUNSUPPORTED (a later format) or HL_ELIMIT. */
HL_MUST int bundle_open(struct arena *a, struct str bytes, struct bundle *out, struct err *err);

#endif
