/*
 * One compile in progress: the plan so far, and everything read once and used often. Private to
 * core/desired.
 *
 * `a` is the caller's arena and holds the plan; `scratch` dies with the compile and holds manifests
 * and their trees. Failures of the source that are not the commit's fault are kept in `outside`
 * and end the compile; all other failures become errors of the plan.
 */
#ifndef HL_CORE_DESIRED_BUILD_H
#define HL_CORE_DESIRED_BUILD_H

#include "core/desired/desired.h"

struct build {
    const struct source *source;
    const struct desired_input *input;
    struct arena *a;
    struct arena *scratch;
    struct desired_plan *plan;
    size_t app_cap;
    size_t set_cap;
    size_t error_cap;
    size_t note_cap;
    size_t file_cap;
    struct map *text;      /* path -> struct cached_text */
    struct map *listing;   /* path -> struct cached_listing */
    struct map *layer;     /* path -> struct layer_file (layering.c) */
    struct map *folder;    /* path and options -> struct folder (folder.c) */
    struct map *chart;     /* repository, name, range -> struct found_chart */
    struct map *issue;     /* issues that are there already */
    struct map *app;       /* name -> struct built_app (app.c) */
    struct map *owner;     /* "cluster object-id" -> name of the app (app.c) */
    struct map *used_path; /* folders that an entry points to */
    size_t bundle_bytes;
    struct err outside;
    int outside_code; /* 0: none */
};

void build_init(struct build *b, const struct source *source, const struct desired_input *input,
                struct arena *a, struct desired_plan *plan);
void build_deinit(struct build *b);

/* As struct source, cached; every path asked for is remembered in the plan. */
int build_read(struct build *b, struct str path, struct str *out, struct err *err);
int build_list(struct build *b, struct str path, struct source_entry **out, size_t *out_count,
               struct err *err);

/* Which archive the chart is, asked once. As struct chart_source, and
 * HL_EUNSUPPORTED if nobody can be asked. */
HL_MUST int build_chart(struct build *b, struct str repository, struct str name, struct str range,
                        struct chart_pin *out, struct err *err);

/* A copy for people: at most ERR_TEXT_MAX bytes, and UTF-8 whatever the cause of it all was. */
struct str build_text(struct build *b, struct str text);

/* Gives the error a position unless it has a more exact one. Returns its code. */
int build_place(struct err *err, struct value_pos where);
/* The same issue (place, app and text) is kept once. `app` is empty for errors of the whole. */
void build_error(struct build *b, struct str app, const struct err *err);
void build_note(struct build *b, struct str app, struct value_pos where, const char *fmt, ...)
    HL_PRINTF(4, 5);

/* What stands in the file at a scalar's position: "1.10" where the tree has a number. */
struct str build_scalar_text(struct build *b, const struct value *v);

/* Sorts what the plan promises to have sorted. */
void build_finish(struct build *b);

#endif
