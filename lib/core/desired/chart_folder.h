/*
 * A chart that lies in this repository: its files, and the dependencies that its charts/ lacks.
 * Private to core/desired.
 */
#ifndef HL_CORE_DESIRED_CHART_FOLDER_H
#define HL_CORE_DESIRED_CHART_FOLDER_H

#include "core/desired/build.h"
#include "core/desired/bundle.h"

struct chart_folder {
    struct bundle_file *file; /* without what .helmignore names */
    size_t file_count;
    size_t file_cap;
    uint64_t bytes;
    struct chart_pin *archive; /* dependencies, to be put in charts/ */
    size_t archive_count;
};

/*
 * Reads it, in b->scratch. 0, HL_EABSENT (no such folder, no Chart.yaml), HL_EDENIED (a symbolic
 * link, which is not followed), HL_EUNSUPPORTED (a submodule, a dependency by path), HL_EINVAL,
 * HL_ELIMIT, or what build_chart says of a dependency.
 */
HL_MUST int chart_folder_load(struct build *b, struct str path, struct chart_folder *out,
                              struct err *err);

#endif
