/*
 * Symbolic links are refused where a manifest is expected: following them would make what is
 * applied depend on something that no review of the folder shows.
 */
#include "core/desired/folder.h"

#include "core/desired/manifest.h"
#include "core/desired/path.h"
#include "core/value/yaml.h"

struct walk {
    struct build *b;
    const struct folder_options *options;
    struct str root;
    struct folder *folder;
};

static int refuse_generators(const struct source_entry *entry, size_t count, struct err *err)
{
    static const struct {
        const char *name;
        const char *what;
    } generators[] = {
        {"kustomization.yaml", "a kustomization"},
        {"kustomization.yml", "a kustomization"},
        {"Kustomization", "a kustomization"},
        {"Chart.yaml", "a Helm chart"},
    };
    for (size_t i = 0; i < count; i++)
        for (size_t g = 0; g < HL_COUNT(generators); g++)
            if (str_eq(entry[i].name, str_from(generators[g].name)))
                return err_set(err, HL_EUNSUPPORTED, "%s (%s): not rendered yet",
                               generators[g].what, generators[g].name);
    return 0;
}

/* Whether the patterns leave the file in. */
static bool is_picked(struct walk *w, struct str path)
{
    struct str relative = w->root.len > 0 ? str_sub(path, w->root.len + 1, path.len) : path;

    if (w->options->exclude.len > 0 && glob_match(w->options->exclude, relative)) {
        w->folder->exclude_hits++;
        return false;
    }
    if (w->options->include.len > 0 && !glob_match(w->options->include, relative))
        return false;
    w->folder->include_hits++;
    return true;
}

static int check_limits(const struct walk *w, struct str path, uint64_t size_bytes, struct err *err)
{
    if (size_bytes > YAML_BYTES_MAX)
        return err_at(err, HL_ELIMIT, path, 0, 0,
                      "a manifest of %llu bytes, at most %d are allowed",
                      (unsigned long long)size_bytes, YAML_BYTES_MAX);
    if (w->folder->bytes + size_bytes > BUNDLE_BYTES_MAX)
        return err_at(err, HL_ELIMIT, path, 0, 0, "manifests of more than %d bytes in one folder",
                      BUNDLE_BYTES_MAX);
    if (w->folder->file_count == BUNDLE_FILES_MAX)
        return err_at(err, HL_ELIMIT, path, 0, 0, "more than %d manifests in one folder",
                      BUNDLE_FILES_MAX);
    return 0;
}

static int read_file(struct walk *w, struct str path, uint64_t size_bytes, struct err *err)
{
    struct folder *f = w->folder;
    struct arena *a = w->b->scratch;
    struct value **document = NULL;
    struct str text = STR_NONE;
    struct value_pos twin = {0};
    size_t count = 0;

    int rc = check_limits(w, path, size_bytes, err);
    if (rc == 0)
        rc = build_read(w->b, path, &text, err);
    if (rc == SOURCE_ABSENT)
        rc = err_at(err, HL_EINVAL, path, 0, 0, "is listed but cannot be read");
    if (rc == 0)
        rc = check_limits(w, path, text.len, err);
    if (rc == 0)
        rc = manifest_read(a, path, text, &document, &count, &twin, err);
    if (rc < 0)
        return build_place(err, (struct value_pos){path, 0, 0});
    if (rc == MANIFEST_IGNORED) {
        build_note(w->b, STR_NONE, (struct value_pos){path, 1, 1},
                   "ignored: lies among manifests but holds no Kubernetes object");
        return 0;
    }
    if (twin.line > 0)
        build_note(w->b, STR_NONE, twin,
                   "a key that is here for the second time, with the same value");
    if (count == 0)
        return 0;
    struct bundle_file file = {path, text};
    ARENA_PUSH(a, f->file, f->file_count, f->file_cap, file);
    f->bytes += text.len;
    for (size_t i = 0; i < count; i++)
        ARENA_PUSH(a, f->document, f->document_count, f->document_cap, document[i]);
    return 0;
}

static int walk_folder(struct walk *w, struct str path, struct err *err);

static int walk_entry(struct walk *w, struct str folder, const struct source_entry *e,
                      struct err *err)
{
    struct str path = path_join(w->b->a, folder, e->name);
    enum manifest_format format = manifest_format_of(e->name);

    if (e->kind == SOURCE_FOLDER) {
        if (!w->options->recurse)
            return 0;
        int rc = path_clean(w->b->a, path, &path, err); /* bounds the depth, too */
        return rc < 0 ? rc : walk_folder(w, path, err);
    }
    if (e->kind == SOURCE_SUBMODULE)
        return w->options->recurse
                   ? err_set(err, HL_EUNSUPPORTED, "the submodule " STR_FMT ": not fetched",
                             STR_ARG(path))
                   : 0;
    if (format == MANIFEST_NONE || !is_picked(w, path))
        return 0;
    int rc = path_clean(w->b->a, path, &path, err);
    if (rc < 0)
        return rc;
    if (e->kind == SOURCE_LINK)
        return err_set(err, HL_EDENIED, STR_FMT " is a symbolic link, which is not followed",
                       STR_ARG(path));
    if (format == MANIFEST_JSONNET)
        return err_set(err, HL_EUNSUPPORTED, "the jsonnet file " STR_FMT ": not evaluated yet",
                       STR_ARG(path));
    return read_file(w, path, e->size_bytes, err);
}

static int walk_folder(struct walk *w, struct str path, struct err *err)
{
    struct source_entry *entry;
    size_t count;
    int rc = build_list(w->b, path, &entry, &count, err);

    if (rc == SOURCE_ABSENT)
        return err_set(err, HL_EABSENT, "path \"" STR_FMT "\" is no folder of this repository",
                       STR_ARG(path));
    if (rc == 0 && !w->options->is_explicit && str_eq(path, w->root))
        rc = refuse_generators(entry, count, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = walk_entry(w, path, &entry[i], err);
    return rc;
}

int folder_load(struct build *b, struct str path, const struct folder_options *options,
                const struct folder **out)
{
    struct str key = arena_printf(b->scratch, "%d%d " STR_FMT " " STR_FMT " " STR_FMT,
                                  options->is_explicit, options->recurse, STR_ARG(path),
                                  STR_ARG(options->include), STR_ARG(options->exclude));
    struct folder *f = map_get(b->folder, key);

    if (!f) {
        f = arena_one(b->scratch, struct folder);
        struct walk w = {.b = b, .options = options, .root = path, .folder = f};
        f->code = walk_folder(&w, path, &f->err);
        (void)map_set(b->folder, key, f); /* was absent */
    }
    *out = f;
    return f->code;
}
