/*
 * Chart archives (.tgz) taken apart in memory, by the rules of Helm's loader.
 *
 * A chart archive is a gzipped tar with one folder at its top. Links, devices, absolute names,
 * drive letters, ".." and names without that folder are refused; folders and pax headers are
 * passed over. What comes out are the files below the top folder, in the order of the archive,
 * without byte order marks. Errors are Helm's texts, the entry's name behind them.
 *
 * Ownership: files live in the arena. Threads: pure functions.
 * Limits: ARCHIVE_PACKED_MAX bytes in, less than ARCHIVE_BYTES_MAX out, ARCHIVE_FILE_BYTES_MAX a
 * file, ARCHIVE_ENTRIES_MAX entries; a stream beyond 8 MiB is at most 200 times its archive. The
 * stream is never whole in memory, the decompressor's own is bounded by its format.
 */
#ifndef HL_EDGE_REGISTRY_ARCHIVE_H
#define HL_EDGE_REGISTRY_ARCHIVE_H

#include "core/chart/chart.h"

enum {
    ARCHIVE_PACKED_MAX = 20 << 20,
    ARCHIVE_BYTES_MAX = CHART_BYTES_MAX,
    ARCHIVE_FILE_BYTES_MAX = CHART_FILE_BYTES_MAX,
    ARCHIVE_ENTRIES_MAX = 10000,
};

/*
 * The files of an archive; `name` is what errors call it. A chart_unpack of core/chart: `context`
 * is not used. 0, HL_EINVAL naming the entry, or HL_ELIMIT naming the limit.
 */
HL_MUST int archive_unpack(void *context, struct arena *a, struct str name, struct str bytes,
                           struct chart_file **out, size_t *out_count, struct err *err);

#endif
