/* Chart.yaml names dependencies; those without a folder or archive in charts/ become archives. */
#include "core/desired/chart_folder.h"

#include "core/chart/ignore.h"
#include "core/desired/path.h"
#include "core/value/yaml.h"

struct walk {
    struct build *b;
    struct str root;
    const struct ignore_rules *ignore;
    struct chart_folder *out;
    struct err *err;
};

/* ---- files ---- */

static int read_rules(struct walk *w)
{
    struct str path = path_join(w->b->scratch, w->root, STR(".helmignore"));
    struct str text = STR_NONE;
    int rc = build_read(w->b, path, &text, w->err);

    if (rc < 0)
        return rc;
    rc = ignore_parse(w->b->scratch, text, &w->ignore, w->err);
    return rc < 0 ? build_place(w->err, (struct value_pos){path, 0, 0}) : 0;
}

static int read_file(struct walk *w, struct str path, struct str name)
{
    struct chart_folder *out = w->out;
    struct str text;
    int rc = build_read(w->b, path, &text, w->err);

    if (rc == SOURCE_ABSENT)
        return err_at(w->err, HL_EINVAL, path, 0, 0, "is listed but cannot be read");
    if (rc < 0)
        return rc;
    out->bytes += text.len;
    if (out->bytes > BUNDLE_BYTES_MAX || out->file_count == BUNDLE_FILES_MAX)
        return err_set(w->err, HL_ELIMIT, "a chart of more than %d files or %d bytes",
                       BUNDLE_FILES_MAX, BUNDLE_BYTES_MAX);
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_sub(text, 3, text.len);
    ARENA_PUSH(w->b->scratch, out->file, out->file_count, out->file_cap,
               ((struct bundle_file){name, text}));
    return 0;
}

static int walk_folder(struct walk *w, struct str path);

static int walk_entry(struct walk *w, struct str folder, const struct source_entry *e)
{
    struct str path = path_join(w->b->a, folder, e->name);
    size_t skipped = w->root.len > 0 ? w->root.len + 1 : 0;
    struct str name = str_sub(path, skipped, path.len);

    if (ignore_has(w->ignore, name, e->kind == SOURCE_FOLDER))
        return 0;
    int rc = path_clean(w->b->a, path, &path, w->err); /* bounds the depth, too */
    if (rc < 0)
        return rc;
    switch (e->kind) {
    case SOURCE_FOLDER:
        return walk_folder(w, path);
    case SOURCE_LINK:
        return err_set(w->err, HL_EDENIED, STR_FMT " is a symbolic link, which is not followed",
                       STR_ARG(path));
    case SOURCE_SUBMODULE:
        return err_set(w->err, HL_EUNSUPPORTED, "the submodule " STR_FMT ": not fetched",
                       STR_ARG(path));
    case SOURCE_FILE:
        break;
    }
    return read_file(w, path, name);
}

static int walk_folder(struct walk *w, struct str path)
{
    struct source_entry *entry;
    size_t count;
    int rc = build_list(w->b, path, &entry, &count, w->err);

    if (rc == SOURCE_ABSENT)
        return err_set(w->err, HL_EABSENT, "path \"" STR_FMT "\" is no folder of this repository",
                       STR_ARG(path));
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = walk_entry(w, path, &entry[i]);
    return rc;
}

/* ---- dependencies ---- */

static const struct bundle_file *find_file(const struct chart_folder *c, struct str name)
{
    for (size_t i = 0; i < c->file_count; i++)
        if (str_eq(c->file[i].path, name))
            return &c->file[i];
    return NULL;
}

/* "charts/NAME/Chart.yaml" or "charts/NAME-VERSION.tgz". */
static bool is_vendored(struct walk *w, struct str name)
{
    struct str stem = arena_concat(w->b->scratch, STR("charts/"), name);

    for (size_t i = 0; i < w->out->file_count; i++) {
        struct str path = w->out->file[i].path;
        if (!str_starts(path, stem) || path.len == stem.len)
            continue;
        bool is_archive = path.ptr[stem.len] == '-' && str_ends(path, STR(".tgz"));
        if (is_archive || path.ptr[stem.len] == '/')
            return true;
    }
    return false;
}

static int read_yaml(struct walk *w, const char *name, const struct value **out)
{
    const struct bundle_file *f = find_file(w->out, str_from(name));
    struct str path = path_join(w->b->scratch, w->root, str_from(name));
    struct value *v = NULL;
    int rc = f ? yaml_read_first(w->b->scratch, f->text, path, &v, w->err) : 0;

    *out = v;
    return rc;
}

/* The version that Chart.lock has; empty if it does not know the dependency. */
static struct str locked_version(const struct value *lock, struct str name, struct str repository)
{
    const struct value *list = value_get(lock, STR("dependencies"));

    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count; i++) {
        const struct value *d = list->list.item[i];
        if (str_eq(value_get_str(d, "name"), name) &&
            str_eq(value_get_str(d, "repository"), repository))
            return value_get_str(d, "version");
    }
    return STR_NONE;
}

static int add_dependency(struct walk *w, const struct value *d, const struct value *lock,
                          size_t *cap)
{
    struct str repository = value_get_str(d, "repository");
    struct str name = value_get_str(d, "name");
    struct str version = locked_version(lock, name, repository);
    struct chart_pin pin;

    if (name.len == 0 || repository.len == 0 || is_vendored(w, name))
        return 0; /* what is wrong then, Helm's rules say when it is rendered */
    if (str_find(repository, STR("://"), 0) == SIZE_MAX || str_starts(repository, STR("file://")))
        return value_err(w->err, HL_EUNSUPPORTED, d,
                         "the dependency " STR_FMT " of a chart by path (" STR_FMT
                         "): put it in the chart's charts/",
                         STR_ARG(name), STR_ARG(repository));
    int rc = build_chart(w->b, repository, name,
                         version.len > 0 ? version : value_get_str(d, "version"), &pin, w->err);
    if (rc < 0)
        return build_place(w->err, value_pos_of(d));
    if (w->out->archive_count == BUNDLE_ARCHIVES_MAX)
        return value_err(w->err, HL_ELIMIT, d, "more than %d dependencies", BUNDLE_ARCHIVES_MAX);
    ARENA_PUSH(w->b->scratch, w->out->archive, w->out->archive_count, *cap, pin);
    return 0;
}

static int add_dependencies(struct walk *w)
{
    const struct value *yaml;
    const struct value *lock = NULL;
    size_t cap = 0;
    int rc = read_yaml(w, "Chart.yaml", &yaml);

    if (rc == 0)
        rc = read_yaml(w, "Chart.lock", &lock);
    const struct value *list = rc == 0 ? value_get(yaml, STR("dependencies")) : NULL;
    for (size_t i = 0; rc == 0 && list && list->kind == VALUE_LIST && i < list->list.count; i++)
        rc = add_dependency(w, list->list.item[i], lock, &cap);
    return rc;
}

int chart_folder_load(struct build *b, struct str path, struct chart_folder *out, struct err *err)
{
    struct walk w = {.b = b, .root = path, .out = out, .err = err};

    *out = (struct chart_folder){0};
    int rc = read_rules(&w);
    if (rc == 0)
        rc = walk_folder(&w, path);
    if (rc == 0 && !find_file(out, STR("Chart.yaml")))
        rc = err_set(err, HL_EABSENT, "path \"" STR_FMT "\" has no Chart.yaml", STR_ARG(path));
    return rc == 0 ? add_dependencies(&w) : rc;
}
