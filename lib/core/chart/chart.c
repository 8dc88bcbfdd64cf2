/* Loading: what each file of a chart means, after chart/loader/load.go; subcharts by recursion. */
#include "core/chart/chart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/chart/metadata.h"
#include "core/chart/values.h"
#include "core/value/yaml.h"

struct loading {
    struct arena *a;
    chart_unpack unpack;
    void *context;
    size_t file_count;
    size_t byte_count;
};

static int load(struct loading *l, const struct chart_file *file, size_t count, int depth,
                struct chart **out, struct err *err);

static bool has_suffix(struct str s, const char *suffix)
{
    return str_ends(s, str_from(suffix));
}

static int read_document(struct loading *l, const struct chart_file *f, struct value **out,
                         struct err *err)
{
    int rc = yaml_read_first(l->a, f->bytes, f->name, out, err);

    return rc < 0 ? err_wrap(err, "cannot load " STR_FMT, STR_ARG(f->name)) : 0;
}

static int read_metadata(struct loading *l, const struct chart_file *f, struct chart *c,
                         struct err *err)
{
    struct value *v;
    int rc = read_document(l, f, &v, err);

    if (rc < 0)
        return rc;
    rc = metadata_read(l->a, v, &c->metadata, err);
    return rc < 0 ? err_wrap(err, "cannot load " STR_FMT, STR_ARG(f->name)) : 0;
}

static int read_values(struct loading *l, const struct chart_file *f, struct chart *c,
                       struct err *err)
{
    int rc = values_read(l->a, f->bytes, f->name, &c->values, err);

    return rc < 0 ? err_wrap(err, "cannot load values.yaml") : 0;
}

static int read_lock(struct loading *l, const struct chart_file *f, struct chart *c,
                     struct err *err)
{
    struct value *v;
    int rc = read_document(l, f, &v, err);

    if (rc == 0)
        c->lock = v;
    return rc;
}

/* A file of the chart itself; those below charts/ are sorted out by the caller. */
static int take_file(struct loading *l, const struct chart_file *f, struct chart *c, size_t caps[2],
                     struct err *err)
{
    bool is_v1 = str_eq(c->metadata.api_version, STR("v1"));
    int rc = 0;

    if (str_eq(f->name, STR("Chart.yaml")))
        return 0;
    if (str_eq(f->name, STR("Chart.lock")))
        return read_lock(l, f, c, err);
    if (str_eq(f->name, STR("values.yaml")))
        return read_values(l, f, c, err);
    if (str_eq(f->name, STR("values.schema.json"))) {
        c->schema = f->bytes;
        return 0;
    }
    if (str_starts(f->name, STR("templates/"))) {
        ARENA_PUSH(l->a, c->template, c->template_count, caps[0], *f);
        return 0;
    }
    if (str_eq(f->name, STR("requirements.yaml")))
        rc = read_metadata(l, f, c, err);
    else if (str_eq(f->name, STR("requirements.lock")))
        rc = read_lock(l, f, c, err);
    else
        is_v1 = true; /* any other file is kept whatever the version */
    if (rc == 0 && is_v1)
        ARENA_PUSH(l->a, c->file, c->file_count, caps[1], *f);
    return rc;
}

/* ---- subcharts ---- */

struct group { /* the files below charts/NAME */
    struct str name;
    struct chart_file *file;
    size_t count;
    size_t cap;
};

static struct group *group_of(struct loading *l, struct map *groups, struct str name)
{
    struct group *g = map_get(groups, name);

    if (g)
        return g;
    g = arena_one(l->a, struct group);
    g->name = name;
    map_set(groups, name, g);
    return g;
}

static int load_group(struct loading *l, struct chart *c, struct group *g, int depth,
                      struct chart **out, struct err *err)
{
    struct chart_file *file = NULL;
    size_t count = 0;
    int rc = 0;

    if (has_suffix(g->name, ".tgz")) {
        if (!str_eq(g->file[0].name, g->name))
            return err_set(err, HL_EINVAL,
                           "error unpacking subchart tar in " STR_FMT ": expected " STR_FMT
                           ", got " STR_FMT,
                           STR_ARG(c->metadata.name), STR_ARG(g->name), STR_ARG(g->file[0].name));
        if (!l->unpack)
            rc = err_set(err, HL_EUNSUPPORTED, "archives cannot be read here");
        else
            rc = l->unpack(l->context, l->a, g->name, g->file[0].bytes, &file, &count, err);
    } else {
        file = arena_array(l->a, struct chart_file, g->count);
        for (size_t i = 0; i < g->count; i++) {
            size_t slash = str_find(g->file[i].name, STR("/"), 0);
            if (slash == SIZE_MAX)
                continue;
            file[count] = g->file[i];
            file[count++].name = str_sub(g->file[i].name, slash + 1, g->file[i].name.len);
        }
    }
    if (rc == 0)
        rc = load(l, file, count, depth + 1, out, err);
    return rc < 0 ? err_wrap(err, "error unpacking subchart " STR_FMT " in " STR_FMT,
                             STR_ARG(g->name), STR_ARG(c->metadata.name))
                  : 0;
}

static int by_name(const void *a, const void *b)
{
    const struct group *const *x = a;
    const struct group *const *y = b;

    return str_cmp((*x)->name, (*y)->name);
}

static int load_subcharts(struct loading *l, struct chart *c, struct map *groups, int depth,
                          struct err *err)
{
    size_t count = map_count(groups);
    struct group **order = arena_array(l->a, struct group *, count + 1);

    for (size_t i = 0; i < count; i++)
        order[i] = map_value_at(groups, i);
    if (count > 1)
        qsort(order, count, sizeof(struct group *), by_name);
    c->subchart = arena_array(l->a, struct chart *, count + 1);
    for (size_t i = 0; i < count; i++) {
        char first = order[i]->name.len > 0 ? order[i]->name.ptr[0] : '.';
        if (first == '_' || first == '.')
            continue;
        struct chart *sub;
        int rc = load_group(l, c, order[i], depth, &sub, err);
        if (rc < 0)
            return rc;
        sub->parent = c;
        c->subchart[c->subchart_count++] = sub;
    }
    return 0;
}

/* ---- loading ---- */

static int count_file(struct loading *l, const struct chart_file *f, struct err *err)
{
    if (f->bytes.len > CHART_FILE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "chart file \"" STR_FMT "\" is larger than %d bytes",
                       STR_ARG(f->name), CHART_FILE_BYTES_MAX);
    l->byte_count += f->bytes.len;
    if (++l->file_count > CHART_FILES_MAX || l->byte_count > CHART_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "more than %d files or %d bytes in a chart", CHART_FILES_MAX,
                       CHART_BYTES_MAX);
    return 0;
}

static int find_metadata(struct loading *l, const struct chart_file *file, size_t count,
                         struct chart *c, bool *has_metadata, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int rc = count_file(l, &file[i], err);
        if (rc == 0 && str_eq(file[i].name, STR("Chart.yaml"))) {
            rc = read_metadata(l, &file[i], c, err);
            *has_metadata = true;
        }
        if (rc < 0)
            return rc;
    }
    if (c->metadata.api_version.len == 0)
        c->metadata.api_version = STR("v1");
    return 0;
}

static int load(struct loading *l, const struct chart_file *file, size_t count, int depth,
                struct chart **out, struct err *err)
{
    HL_CLEANUP(map_freep) struct map *groups = map_new(0);
    struct chart *c = arena_one(l->a, struct chart);
    bool has_metadata = false;
    size_t caps[2] = {0};

    if (depth > CHART_DEPTH_MAX)
        return err_set(err, HL_ELIMIT, "more than %d charts in one another", CHART_DEPTH_MAX);
    int rc = find_metadata(l, file, count, c, &has_metadata, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct chart_file f = file[i];
        if (!str_starts(f.name, STR("charts/")) || has_suffix(f.name, ".prov")) {
            rc = take_file(l, &f, c, caps, err);
            continue;
        }
        f.name = str_sub(f.name, strlen("charts/"), f.name.len);
        size_t slash = str_find(f.name, STR("/"), 0);
        struct group *g = group_of(l, groups, str_sub(f.name, 0, slash));
        ARENA_PUSH(l->a, g->file, g->count, g->cap, f);
    }
    if (rc < 0)
        return rc;
    if (!has_metadata)
        return err_set(err, HL_EINVAL, "Chart.yaml file is missing");
    rc = metadata_validate(l->a, &c->metadata, err);
    if (rc == 0)
        rc = load_subcharts(l, c, groups, depth, err);
    if (rc == 0)
        *out = c;
    return rc;
}

int chart_load(struct arena *a, const struct chart_file *file, size_t count, chart_unpack unpack,
               void *context, struct chart **out, struct err *err)
{
    struct loading l = {.a = a, .unpack = unpack, .context = context};

    return load(&l, file, count, 0, out, err);
}

struct chart *chart_copy(struct arena *a, const struct chart *c)
{
    struct chart *copy = arena_one(a, struct chart);
    size_t count = c->metadata.dependency_count;

    *copy = *c;
    copy->metadata.dependency = arena_array(a, struct chart_dependency, count + 1);
    if (count > 0)
        memcpy(copy->metadata.dependency, c->metadata.dependency,
               count * sizeof(struct chart_dependency));
    copy->subchart = arena_array(a, struct chart *, c->subchart_count + 1);
    for (size_t i = 0; i < c->subchart_count; i++) {
        copy->subchart[i] = chart_copy(a, c->subchart[i]);
        copy->subchart[i]->parent = copy;
    }
    return copy;
}

struct str chart_path(struct arena *a, const struct chart *c)
{
    if (!c->parent)
        return c->metadata.name;
    return arena_printf(a, STR_FMT "/charts/" STR_FMT, STR_ARG(chart_path(a, c->parent)),
                        STR_ARG(c->metadata.name));
}

bool chart_is_library(const struct chart *c)
{
    return c->metadata.type.len == strlen("library") &&
           strncasecmp(c->metadata.type.ptr, "library", c->metadata.type.len) == 0;
}

struct str chart_missing(struct arena *a, const struct chart *c)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        struct str name = c->metadata.dependency[i].name;
        bool is_there = false;
        for (size_t k = 0; k < c->subchart_count && !is_there; k++)
            is_there = str_eq(c->subchart[k]->metadata.name, name);
        if (is_there)
            continue;
        if (text.len > 0)
            buf_add_cstr(&text, ", ");
        buf_add(&text, name);
    }
    return arena_dup(a, buf_str(&text));
}
