/*
 * A chart as Helm's loader has it: metadata, default values, templates, other files, subcharts.
 *
 * Charts come as a list of files, whoever read them: a folder, an archive, blobs. Names are
 * relative to the chart's root and use '/'; whoever read a folder or an archive has taken byte
 * order marks off. The list is Helm's own form of a chart, so the rules for what a file means are
 * here (chart/loader/load.go): Chart.yaml, values.yaml, values.schema.json, Chart.lock, templates/,
 * charts/, crds/, and requirements.yaml of old.
 *
 * Ownership: a chart lives in the arena it was loaded in and borrows the files' bytes; a render
 * works on a copy (chart_copy), because resolving dependencies renames and removes subcharts.
 * Threads: a loaded chart is read by many; copies are confined to their render.
 * Limits: CHART_FILES_MAX files with those of subcharts, CHART_BYTES_MAX in total,
 * CHART_FILE_BYTES_MAX a file, CHART_DEPTH_MAX subcharts in one another.
 */
#ifndef HL_CORE_CHART_CHART_H
#define HL_CORE_CHART_CHART_H

#include "core/template/datum.h"

enum {
    CHART_FILES_MAX = 20000,
    CHART_BYTES_MAX = 100 << 20,
    CHART_FILE_BYTES_MAX = 5 << 20,
    CHART_DEPTH_MAX = 20,
};

struct chart_file {
    struct str name;
    struct str bytes;
};

struct chart_import { /* of import-values: a table of the child put into the parent's values */
    struct str child;
    struct str parent; /* "." is the root */
};

struct chart_dependency {
    struct str name;    /* the alias once dependencies are resolved */
    struct str version; /* a range */
    struct str repository;
    struct str condition; /* paths, separated by commas */
    struct str alias;
    struct str *tag;
    size_t tag_count;
    struct chart_import *import;
    size_t import_count;
    struct datum import_values; /* as written, for .Chart.Dependencies */
    bool is_enabled;
};

struct chart_maintainer {
    struct str name;
    struct str email;
    struct str url;
};

struct chart_metadata {
    struct str api_version; /* "v1" if absent */
    struct str name;
    struct str version;
    struct str kube_version; /* a range, or empty */
    struct str description;
    struct str type;
    struct str home;
    struct str icon;
    struct str app_version;
    struct str condition;
    struct str tags;
    bool is_deprecated;
    struct str *keyword;
    size_t keyword_count;
    struct str *source;
    size_t source_count;
    struct chart_maintainer *maintainer;
    size_t maintainer_count;
    struct datum_map *annotations; /* strings; NULL: none */
    struct chart_dependency *dependency;
    size_t dependency_count;
};

struct chart {
    struct chart_metadata metadata;
    struct datum_map *values; /* defaults; NULL without values.yaml */
    struct str schema;        /* values.schema.json; empty: none */
    const struct value *lock; /* Chart.lock; NULL: none */
    struct chart_file *template;
    size_t template_count;
    struct chart_file *file; /* neither metadata, values, templates nor charts */
    size_t file_count;
    struct chart **subchart; /* in the order of their names */
    size_t subchart_count;
    struct chart *parent; /* NULL: the root */
};

/* Unpacks an archive found in charts/. NULL where archives cannot occur: they are then refused. */
typedef int (*chart_unpack)(void *context, struct arena *a, struct str name, struct str bytes,
                            struct chart_file **out, size_t *out_count, struct err *err);

/*
 * 0, or HL_EINVAL with Helm's text ("Chart.yaml file is missing", "validation: chart.metadata.name
 * is required", YAML faults with file and line), or HL_ELIMIT.
 */
HL_MUST int chart_load(struct arena *a, const struct chart_file *file, size_t count,
                       chart_unpack unpack, void *context, struct chart **out, struct err *err);

/* A chart that resolving dependencies may change; files, values and texts are shared. */
struct chart *chart_copy(struct arena *a, const struct chart *c);

/* "parent/charts/child": where Helm says that a chart's files lie. */
struct str chart_path(struct arena *a, const struct chart *c);
bool chart_is_library(const struct chart *c);

/* Dependencies of Chart.yaml that are not in charts/, separated by ", "; empty if none are missing:
 * Helm renders no chart with missing ones. */
struct str chart_missing(struct arena *a, const struct chart *c);

#endif
