/* Manifests of other repositories are named and left; those of this repository are bundled. */
#include "core/desired/content.h"

#include "core/desired/expand.h"
#include "core/desired/folder.h"
#include "core/desired/path.h"
#include "core/desired/render.h"

int making_text(const struct making *m, const struct value *map, const char *key, struct str *out,
                struct err *err)
{
    const struct value *v = value_get(map, str_from(key));

    *out = STR_NONE;
    if (!v || v->kind != VALUE_STRING)
        return 0;
    int rc = expand_text(m->b->a, v->string, m->cluster, m->values, out, err);
    return rc < 0 ? build_place(err, value_pos_of(v)) : 0;
}

struct value_pos making_place(const struct making *m, const struct value *map, const char *key)
{
    const struct value *v = value_get(map, str_from(key));
    return v ? value_pos_of(v) : m->addon->where;
}

/* "git@host:a/b.git", "https://host/a/b" and "ssh://git@host/a/b/" name the same repository. */
static struct str repository_key(struct arena *a, struct str url)
{
    struct str copy = arena_dup(a, str_trim(url));
    char *p = (char *)copy.ptr;
    size_t scheme = str_find(copy, STR("://"), 0);
    size_t from = scheme == SIZE_MAX ? 0 : scheme + 3;

    for (size_t i = 0; i < copy.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
    size_t slash = str_find(copy, STR("/"), from);
    size_t at = str_find(copy, STR("@"), from);
    if (at != SIZE_MAX && at < slash)
        from = at + 1;
    size_t colon = str_find(copy, STR(":"), from);
    if (scheme == SIZE_MAX && colon != SIZE_MAX && colon < slash)
        p[colon] = '/';
    struct str key = str_sub(copy, from, copy.len);
    while (str_ends(key, STR("/")))
        key.len--;
    if (str_ends(key, STR(".git")))
        key.len -= 4;
    return key;
}

static bool is_this_repository(const struct making *m, struct str url)
{
    struct arena *a = m->b->scratch;
    struct str key = repository_key(a, url);
    struct str own = value_get_str(m->addon->layering->cluster->annotations, "addons_repo_url");

    return (m->b->input->repo_url.len > 0 &&
            str_eq(key, repository_key(a, m->b->input->repo_url))) ||
           (own.len > 0 && str_eq(key, repository_key(a, own)));
}

/* Whether a revision of this repository is the one being compiled. */
static bool is_this_revision(const struct making *m, struct str revision)
{
    const struct cluster_record *c = m->addon->layering->cluster;
    const struct value *merged = m->addon->layering->merged;
    return revision.len == 0 || str_eq(revision, STR("HEAD")) ||
           str_eq(revision, m->b->input->revision) || str_eq(revision, m->b->input->commit) ||
           str_eq(revision, value_get_str(c->annotations, "addons_repo_revision")) ||
           str_eq(revision, value_get_str(merged, "repoURLGitRevision"));
}

static int bool_of(const struct value *map, const char *key, bool *out, struct err *err)
{
    const struct value *v = value_get(map, str_from(key));
    if (!v || v->kind == VALUE_NULL)
        return 0;
    if (v->kind != VALUE_BOOL)
        return value_err(err, HL_EINVAL, v, "directory.%s must be true or false, here is a %s", key,
                         value_kind_name(v->kind));
    *out = v->boolean;
    return 0;
}

static int read_directory(const struct making *m, const struct value *directory,
                          struct folder_options *out, struct err *err)
{
    static const char *const keys[] = {"recurse", "include", "exclude", "jsonnet"};

    if (!directory || directory->kind == VALUE_NULL)
        return 0;
    if (directory->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, directory, "directory must be a map, here is a %s",
                         value_kind_name(directory->kind));
    for (size_t i = 0; i < directory->map.count; i++) {
        const struct member *member = &directory->map.member[i];
        size_t k = 0;
        while (k < HL_COUNT(keys) && !str_eq(member->key, str_from(keys[k])))
            k++;
        if (k == HL_COUNT(keys))
            return value_err(err, HL_EINVAL, member->value,
                             "directory has recurse, include, "
                             "exclude and jsonnet, not \"" STR_FMT "\"",
                             STR_ARG(member->key));
    }
    out->is_explicit = directory->map.count > 0;
    int rc = bool_of(directory, "recurse", &out->recurse, err);
    if (rc == 0)
        rc = making_text(m, directory, "include", &out->include, err);
    if (rc == 0 && out->include.len > 0 && (rc = glob_check(out->include, err)) < 0)
        return build_place(err, making_place(m, directory, "include"));
    if (rc == 0)
        rc = making_text(m, directory, "exclude", &out->exclude, err);
    if (rc == 0 && out->exclude.len > 0 && (rc = glob_check(out->exclude, err)) < 0)
        return build_place(err, making_place(m, directory, "exclude"));
    return rc;
}

static void note_idle_patterns(const struct making *m, const struct value *directory,
                               const struct folder_options *o, const struct folder *f)
{
    bool has_comma = str_has_byte(o->exclude, ',') && !str_has_byte(o->exclude, '{');
    if (o->exclude.len > 0 && f->exclude_hits == 0)
        build_note(m->b, STR_NONE, making_place(m, directory, "exclude"),
                   "addon " STR_FMT ": exclude matches no file%s", STR_ARG(m->addon->name),
                   has_comma ? "; a list of patterns is written {a,b}" : "");
    if (o->include.len > 0 && f->include_hits == 0)
        build_note(m->b, STR_NONE, making_place(m, directory, "include"),
                   "addon " STR_FMT ": include matches no file", STR_ARG(m->addon->name));
}

/* Objects of an application that another one on the cluster has too. */
struct shared {
    const struct object *first;
    size_t count;
};

/* Two applications with the same object fight over it for ever: one note for each pair of them. */
static void note_shared(const struct making *m, const struct map *by_owner)
{
    for (size_t i = 0; i < map_count(by_owner); i++) {
        const struct shared *s = map_value_at(by_owner, i);
        struct str owner = map_key_at(by_owner, i);
        build_note(m->b, m->app->name, s->first->where,
                   "%zu objects of application " STR_FMT " also come from application " STR_FMT
                   ", the first is " STR_FMT " \"" STR_FMT "\"",
                   s->count, STR_ARG(m->app->name), STR_ARG(owner), STR_ARG(s->first->kind),
                   STR_ARG(s->first->name));
    }
}

static void claim_objects(const struct making *m, const struct object *object, size_t count)
{
    HL_CLEANUP(map_freep) struct map *by_owner = map_new(0x6f776e6572736861u);

    for (size_t i = 0; i < count; i++) {
        if (object[i].implied)
            continue;
        struct str key = arena_printf(m->b->scratch, STR_FMT " " STR_FMT, STR_ARG(m->cluster->name),
                                      STR_ARG(object[i].id));
        struct str *owner = map_get(m->b->owner, key);
        if (!owner) {
            (void)map_set(m->b->owner, key, &m->app->name); /* was absent */
            continue;
        }
        struct shared *s = map_get(by_owner, *owner);
        if (!s) {
            s = arena_one(m->b->scratch, struct shared);
            s->first = &object[i];
            (void)map_set(by_owner, *owner, s); /* was absent */
        }
        s->count++;
    }
    note_shared(m, by_owner);
}

/* Every archive that the bundle names, once. */
static void list_archives(struct making *m, const struct content *c)
{
    struct desired_app *app = m->app;
    size_t cap = 0;

    for (size_t i = 0; i < c->chart_count; i++)
        for (size_t k = 0; k < c->chart[i].archive_count; k++)
            ARENA_PUSH(m->b->a, app->chart, app->chart_count, cap, c->chart[i].archive[k]);
}

static int pack(struct making *m, struct content *c, struct err *err)
{
    struct desired_app *app = m->app;
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    const struct bundle bundle = {
        .app = app->name,
        .cluster = app->cluster,
        .server = app->server,
        .namespace = app->namespace,
        .sync = app->sync,
        .ignore_differences = app->ignore_differences,
        .file = c->file,
        .file_count = c->file_count,
        .chart = c->chart,
        .chart_count = c->chart_count,
    };
    int rc = bundle_write(&bytes, m->b->scratch, &bundle, err);
    if (rc == 0 && m->b->bundle_bytes + bytes.len > DESIRED_BUNDLES_BYTES_MAX)
        rc = err_set(err, HL_ELIMIT, "the bundles of all applications pass %d bytes",
                     DESIRED_BUNDLES_BYTES_MAX);
    if (rc < 0)
        return rc;

    m->b->bundle_bytes += bytes.len;
    app->bundle = arena_dup(m->b->a, buf_str(&bytes));
    app->bundle_digest = sha256_of(app->bundle);
    app->file_count = c->file_count;
    list_archives(m, c);

    struct sha256 h;
    sha256_init(&h);
    sha256_add_field(&h, STR("application input 1"));
    sha256_add_field(&h, app->name);
    sha256_add_field(&h, app->cluster);
    sha256_add_field(&h, app->server);
    sha256_add(&h, app->bundle_digest.bytes, DIGEST_BYTES);
    app->input = sha256_end(&h);
    return 0;
}

/* Hooks among manifests: of a chart's, whoever applies them has to know. */
static int check_hooks(const struct object *object, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (object[i].hook.len > 0)
            return value_err(
                err, HL_EUNSUPPORTED, object[i].tree,
                STR_FMT " \"" STR_FMT "\" is a " STR_FMT " hook: hooks are not run yet",
                STR_ARG(object[i].kind), STR_ARG(object[i].name), STR_ARG(object[i].hook));
    return 0;
}

int content_folder(struct making *m, struct str path, const struct folder_options *options,
                   const struct value *directory, struct value_pos where, struct content *out,
                   struct err *err)
{
    const struct render_target target = {m->cluster->name, m->app->namespace, &m->app->sync};
    const struct folder *f;
    struct object *object = NULL;
    size_t count = 0;

    (void)map_set(m->b->used_path, path, m->b); /* a set */
    if (folder_load(m->b, path, options, &f) < 0) {
        *err = f->err;
        return build_place(err, where);
    }
    note_idle_patterns(m, directory, options, f);
    int rc = render_documents(m->b->scratch, f->document, f->document_count, &target, &object,
                              &count, err);
    if (rc == 0)
        rc = check_hooks(object, count, err);
    if (rc < 0)
        return build_place(err, where);
    for (size_t i = 0; i < count; i++)
        m->app->object_count += object[i].implied ? 0 : 1;
    for (size_t i = 0; i < f->file_count; i++)
        ARENA_PUSH(m->b->scratch, out->file, out->file_count, out->file_cap, f->file[i]);
    claim_objects(m, object, count);
    return 0;
}

/* An application of manifests alone. */
static int bundle_folder(struct making *m, struct str path, const struct folder_options *options,
                         const struct value *directory, struct value_pos where, struct content *out,
                         struct err *err)
{
    int rc = content_folder(m, path, options, directory, where, out, err);

    if (rc == 0 && m->app->object_count == 0 && !m->app->sync.allow_empty)
        rc = err_set(err, HL_EINVAL,
                     "path \"" STR_FMT "\" holds no Kubernetes object; an empty "
                     "application needs syncPolicy.automated.allowEmpty",
                     STR_ARG(path));
    return rc < 0 ? build_place(err, where) : 0;
}

int content_path(struct making *m, const struct value *map, struct str *out, struct err *err)
{
    int rc = making_text(m, map, "path", &m->app->source_path, err);
    if (rc < 0)
        return rc;
    rc = path_clean(m->b->a, m->app->source_path, out, err);
    return rc < 0 ? build_place(err, making_place(m, map, "path")) : 0;
}

static int check_source_keys(const struct value *source, struct err *err)
{
    static const char *const keys[] = {"repoURL", "targetRevision", "targetRevisionFromValue",
                                       "path", "directory"};
    for (size_t i = 0; i < source->map.count; i++) {
        const struct member *member = &source->map.member[i];
        size_t k = 0;
        while (k < HL_COUNT(keys) && !str_eq(member->key, str_from(keys[k])))
            k++;
        if (k == HL_COUNT(keys))
            return value_err(err, HL_EINVAL, member->value,
                             "manifestSource has no key \"" STR_FMT "\"", STR_ARG(member->key));
    }
    return 0;
}

static int read_source(struct making *m, const struct value *source, struct err *err)
{
    struct str from_value;
    int rc = check_source_keys(source, err);

    if (rc == 0)
        rc = making_text(m, source, "repoURL", &m->app->source_url, err);
    if (rc == 0)
        rc = making_text(m, source, "targetRevision", &m->app->source_revision, err);
    if (rc == 0)
        rc = making_text(m, source, "targetRevisionFromValue", &from_value, err);
    if (rc == 0 && from_value.len > 0) {
        m->app->source_revision = value_str(value_get(m->values, from_value));
        if (m->app->source_revision.len == 0)
            rc = value_err(err, HL_EABSENT, value_get(source, STR("targetRevisionFromValue")),
                           "generatorValues has no string " STR_FMT, STR_ARG(from_value));
    }
    if (rc == 0 && m->app->source_url.len == 0)
        rc = value_err(err, HL_EINVAL, source, "manifestSource without repoURL");
    return rc;
}

static int resolve_source(struct making *m, const struct value *source, struct content *out,
                          struct err *err)
{
    const struct value *directory = value_get(source, STR("directory"));
    struct folder_options options = {0};
    struct str path = STR_NONE;

    int rc = read_source(m, source, err);
    if (rc == 0)
        rc = read_directory(m, directory, &options, err);
    if (rc == 0)
        rc = content_path(m, source, &path, err);
    if (rc < 0)
        return rc;
    if (!is_this_repository(m, m->app->source_url))
        return value_err(err, HL_EUNSUPPORTED, source,
                         "manifests from the remote repository " STR_FMT
                         ": other repositories are not fetched yet",
                         STR_ARG(m->app->source_url));
    if (!is_this_revision(m, m->app->source_revision))
        return value_err(err, HL_EUNSUPPORTED, source,
                         "manifests of this repository at revision " STR_FMT
                         ": only the followed revision is read",
                         STR_ARG(m->app->source_revision));
    if (value_get(directory, STR("jsonnet")))
        return value_err(err, HL_EUNSUPPORTED, directory, "directory.jsonnet: not evaluated yet");
    return bundle_folder(m, path, &options, directory, making_place(m, source, "path"), out, err);
}

static int resolve_manifests(struct making *m, struct content *out, struct err *err)
{
    const struct value *entry = m->addon->entry;
    const struct value *source = value_get(entry, STR("manifestSource"));
    const struct folder_options options = {0};
    struct str path;

    if (value_get(entry, STR("additionalResources")))
        build_note(m->b, STR_NONE, making_place(m, entry, "additionalResources"),
                   "addon " STR_FMT
                   ": additionalResources has no effect: only charts have further sources",
                   STR_ARG(m->addon->name));
    if (source && source->kind == VALUE_MAP && source->map.count > 0)
        return resolve_source(m, source, out, err);
    if (!value_get(entry, STR("path")))
        return err_set(err, HL_EINVAL, "type: manifest needs a path or a manifestSource");
    int rc = content_path(m, entry, &path, err);
    if (rc < 0)
        return rc;
    return bundle_folder(m, path, &options, NULL, making_place(m, entry, "path"), out, err);
}

int content_resolve(struct making *m, struct err *err)
{
    const struct value *entry = m->addon->entry;
    const struct value *pod_identity = value_get(entry, STR("enableAckPodIdentity"));
    struct content *content = arena_one(m->b->scratch, struct content);

    if (value_get(entry, STR("gitMatrix")))
        return err_set(err, HL_EUNSUPPORTED, "gitMatrix: file generators are not built yet");
    if (pod_identity && ((pod_identity->kind == VALUE_BOOL && pod_identity->boolean) ||
                         str_eq(value_str(pod_identity), STR("true"))))
        return err_set(err, HL_EUNSUPPORTED,
                       "enableAckPodIdentity: the pod identity chart is not rendered yet");
    int rc = m->app->kind == DESIRED_MANIFEST ? resolve_manifests(m, content, err)
                                              : content_charts(m, content, err);
    return rc < 0 ? rc : pack(m, content, err);
}
