/*
 * A chart that lies in a folder, by the rules of Helm's loader (chart/loader/directory.go).
 *
 * Files come in the order of their names, folder by folder; .helmignore takes out what it names;
 * symbolic links are followed wherever they lead, as Helm does: a folder is somebody's own, not
 * something fetched. Sockets, pipes and devices are refused. Byte order marks are taken off.
 *
 * Ownership: files live in the arena; large ones are mapped into it (arena_map_file). Threads: pure
 * but for reading files.
 * Limits: CHART_FILES_MAX files, CHART_FILE_BYTES_MAX a file, CHART_BYTES_MAX in total,
 * FOLDER_DEPTH_MAX folders in one another.
 */
#ifndef HL_EDGE_REGISTRY_FOLDER_H
#define HL_EDGE_REGISTRY_FOLDER_H

#include "core/chart/chart.h"

enum { FOLDER_DEPTH_MAX = 64 };

/* 0; HL_EABSENT if there is no such folder; HL_EINVAL, HL_ELIMIT or HL_EIO naming the file. */
HL_MUST int folder_read(struct arena *a, struct str path, struct chart_file **out,
                        size_t *out_count, struct err *err);

#endif
