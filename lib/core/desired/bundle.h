/*
 * A bundle: all that an agent needs to render one application, without Git and without the
 * coordinator.
 *
 * Its bytes are canonical JSON: {format, app, cluster, server, namespace, sync,
 * ignoreDifferences, files: [{path, text}], charts: [{release, skipCrds, values: [{path, text}],
 * and what the chart is: archive: {repository, name, version, digest} for one of a repository,
 * files and archives for one that lies in the fleet repository}]} with files sorted by path, but
 * values weakest first. A file that is no UTF-8 has base64 in text's place. Archives are not in it:
 * they are content of their own, found by digest. The commit is not in it, so a commit that does
 * not touch an application leaves its bundle, its digest and therefore its input as they were.
 *
 * Threads: pure functions; strings of an opened bundle live in the arena.
 * Limits:  BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX; a bundle read is judged like any outside input.
 */
#ifndef HL_CORE_DESIRED_BUNDLE_H
#define HL_CORE_DESIRED_BUNDLE_H

#include "core/desired/charts.h"
#include "core/desired/sync.h"

enum {
    BUNDLE_FORMAT = 2,
    BUNDLE_BYTES_MAX = 64 << 20,
    BUNDLE_FILES_MAX = 10000,
    BUNDLE_CHARTS_MAX = 16,
    BUNDLE_ARCHIVES_MAX = 100, /* of one chart */
};

struct bundle_file {
    struct str path; /* in the fleet repository; of a chart's file: in the chart's folder */
    struct str text;
};

/* One chart to render. */
struct bundle_chart {
    struct str release;
    bool skips_crds;
    struct bundle_file *values; /* the last one counts most */
    size_t values_count;
    /* With `file` the chart lies in the fleet repository and `archive` are its dependencies that
     * are not in its charts/; without it `archive` is the chart, alone. */
    struct bundle_file *file;
    size_t file_count;
    struct chart_pin *archive;
    size_t archive_count;
};

struct bundle {
    struct str app;
    struct str cluster;
    struct str server;
    struct str namespace; /* destination of objects that name none; may be empty */
    struct sync_options sync;
    const struct value *ignore_differences; /* Argo CD's list, or NULL */
    struct bundle_file *file;               /* of manifests */
    size_t file_count;
    struct bundle_chart *chart;
    size_t chart_count;
};

/* Appends the canonical bytes. HL_ELIMIT if they would pass a limit; `out` is then as before. */
HL_MUST int bundle_write(struct buf *out, struct arena *scratch, const struct bundle *b,
                         struct err *err);

/* 0, HL_ECORRUPT (not a bundle), HL_EUNSUPPORTED (a later format) or HL_ELIMIT. */
HL_MUST int bundle_open(struct arena *a, struct str bytes, struct bundle *out, struct err *err);

#endif
