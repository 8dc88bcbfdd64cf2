/*
 * index.yaml of a chart repository: the versions of one chart.
 *
 * An index lists every version of every chart, 20 MiB of YAML in large ones, and a question is
 * about one chart. So nobody builds a tree of it: the lines of that chart are found by their
 * indentation, which is how every tool writes an index, and only they are read as YAML, one version
 * at a time. An index in JSON (some servers answer that) is walked the same way. An index in any
 * other form of YAML is read whole if it is no larger than YAML_BYTES_MAX.
 *
 * What stands elsewhere in the index is not judged: Helm would refuse an index for the sake of
 * another chart's entry. Entries that Helm skips (no name, no or no valid version) are skipped.
 *
 * Ownership: entries live in the arena. Threads: pure functions.
 * Limits: INDEX_BYTES_MAX, INDEX_VERSIONS_MAX of a chart, INDEX_ENTRY_BYTES_MAX a version.
 */
#ifndef HL_EDGE_REGISTRY_INDEX_H
#define HL_EDGE_REGISTRY_INDEX_H

#include "core/semver/semver.h"

enum {
    INDEX_BYTES_MAX = 64 << 20,
    INDEX_VERSIONS_MAX = 20000,
    INDEX_ENTRY_BYTES_MAX = 1 << 20,
    INDEX_URLS_MAX = 16,
};

struct index_entry {
    struct str version; /* as written */
    struct semver semver;
    struct str *url; /* may be relative to the repository */
    size_t url_count;
    struct str digest; /* as written, hex; empty: not said */
    size_t place;      /* in the document */
};

struct index {
    struct index_entry *entry; /* newest first; equal versions in the order of the document */
    size_t count;
};

/*
 * The versions of `chart` in an index; `name` is what errors call the index. HL_EABSENT: it does
 * not list the chart; HL_EINVAL: it is no index; HL_ELIMIT.
 */
HL_MUST int index_read(struct arena *a, struct str bytes, struct str name, struct str chart,
                       struct index *out, struct err *err);

/*
 * Helm's choice: the version that is written exactly so, else the newest that the range has; empty
 * is "*". HL_EABSENT: none; HL_EINVAL: the range is none.
 */
HL_MUST int index_pick(struct arena *a, const struct index *index, struct str range,
                       const struct index_entry **out, struct err *err);

#endif
