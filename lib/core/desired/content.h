/*
 * Where an application's content lies, and its bundle if that is in reach. Private to core/desired.
 *
 *   content.c        which kind of content; manifests of this repository; the bundle
 *   content_chart.c  charts: which one, its values, what comes beside it
 */
#ifndef HL_CORE_DESIRED_CONTENT_H
#define HL_CORE_DESIRED_CONTENT_H

#include "core/desired/app.h"
#include "core/desired/folder.h"

/* An application in the making: what its fields are computed from. */
struct making {
    struct build *b;
    const struct addon *addon;
    const struct cluster_record *cluster;
    struct value *values; /* the generator's `.values` */
    struct desired_app *app;
};

/* What the bundle will hold, in the order of the application's sources; all in b->scratch. */
struct content {
    struct bundle_file *file;
    size_t file_count;
    size_t file_cap;
    struct bundle_chart chart[BUNDLE_CHARTS_MAX];
    size_t chart_count;
};

/* The entry's string `key` with placeholders replaced; empty if absent. Errors carry its place. */
HL_MUST int making_text(const struct making *m, const struct value *map, const char *key,
                        struct str *out, struct err *err);
/* Where `key` stands in the map, or else the entry. */
struct value_pos making_place(const struct making *m, const struct value *map, const char *key);

/*
 * Fills source_*, kind and, unless it is UNSUPPORTED, bundle, digests and counts. 0,
 * HL_EUNSUPPORTED (what it waits for), or a failure of the commit.
 */
HL_MUST int content_resolve(struct making *m, struct err *err);

/* content.c, for content_chart.c. */
/* The entry's path into source_path and, cleaned, *out. */
HL_MUST int content_path(struct making *m, const struct value *map, struct str *out,
                         struct err *err);
/* Adds a folder of manifests of this repository and claims its objects; errors get `where`. */
HL_MUST int content_folder(struct making *m, struct str path, const struct folder_options *options,
                           const struct value *directory, struct value_pos where,
                           struct content *out, struct err *err);

/* content_chart.c: an application of charts. */
HL_MUST int content_charts(struct making *m, struct content *out, struct err *err);

#endif
