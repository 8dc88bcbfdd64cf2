/* As Argo CD calls `helm template`: release name and namespace, value files in order, CRDs in. */
#include "core/desired/chart_objects.h"

#include "core/chart/release.h"

struct documents {
    struct chart_file *item;
    size_t count;
    size_t cap;
};

/* ---- what a render depends on ---- */

static void add_files(struct sha256 *h, const struct bundle_file *file, size_t count)
{
    sha256_add_field(h, STR("files"));
    for (size_t i = 0; i < count; i++) {
        sha256_add_field(h, file[i].path);
        sha256_add_field(h, file[i].text);
    }
}

static struct digest key_of(const struct bundle *b, const struct bundle_chart *c,
                            const struct chart_capabilities *k)
{
    struct sha256 h;

    sha256_init(&h);
    sha256_add_field(&h, STR("render 1"));
    sha256_add_field(&h, c->release);
    sha256_add_field(&h, b->namespace);
    sha256_add_field(&h, c->skips_crds ? STR("skips CRDs") : STR("with CRDs"));
    add_files(&h, c->values, c->values_count);
    add_files(&h, c->file, c->file_count);
    for (size_t i = 0; i < c->archive_count; i++)
        sha256_add(&h, c->archive[i].digest.bytes, DIGEST_BYTES);
    sha256_add_field(&h, k->kube_version);
    sha256_add_field(&h, k->helm_version);
    for (size_t i = 0; i < k->api_count; i++)
        sha256_add_field(&h, k->api[i]);
    return sha256_end(&h);
}

/* ---- the chart ---- */

static int add_dependency(struct arena *a, const struct chart_pin *pin,
                          const struct objects_world *world, struct documents *files,
                          struct err *err)
{
    struct chart_file file = {.name = arena_printf(a, "charts/" STR_FMT "-" STR_FMT ".tgz",
                                                   STR_ARG(pin->name), STR_ARG(pin->version))};
    int rc = world->archive(world->context, &pin->digest, a, &file.bytes, err);

    if (rc == 0)
        ARENA_PUSH(a, files->item, files->count, files->cap, file);
    return rc;
}

/* The files of a chart that lies in the fleet repository, with its dependencies put in charts/. */
static int files_of_repository(struct arena *a, const struct bundle_chart *c,
                               const struct objects_world *world, struct documents *files,
                               struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < c->file_count; i++)
        ARENA_PUSH(a, files->item, files->count, files->cap,
                   ((struct chart_file){c->file[i].path, c->file[i].text}));
    for (size_t i = 0; rc == 0 && i < c->archive_count; i++)
        rc = add_dependency(a, &c->archive[i], world, files, err);
    return rc;
}

static int files_of_archive(struct arena *a, const struct chart_pin *pin,
                            const struct objects_world *world, struct documents *files,
                            struct err *err)
{
    struct str bytes;
    int rc = world->archive(world->context, &pin->digest, a, &bytes, err);

    return rc < 0 ? rc
                  : world->unpack(world->context, a, pin->name, bytes, &files->item, &files->count,
                                  err);
}

static int load(struct arena *a, const struct bundle_chart *c, const struct objects_world *world,
                struct chart **out, struct err *err)
{
    struct documents files = {0};
    int rc = c->file_count > 0 ? files_of_repository(a, c, world, &files, err)
                               : files_of_archive(a, &c->archive[0], world, &files, err);

    if (rc == 0)
        rc = chart_load(a, files.item, files.count, world->unpack, world->context, out, err);
    return rc == 0 ? release_chart_check(a, *out, err) : rc;
}

static int merge_values(struct arena *a, const struct bundle_chart *c, struct datum_map **out,
                        struct err *err)
{
    *out = datum_map_new(a);
    for (size_t i = 0; i < c->values_count; i++) {
        struct datum_map *more;
        int rc = values_read(a, c->values[i].text, c->values[i].path, &more, err);
        if (rc < 0)
            return err_wrap(err, "failed to parse " STR_FMT, STR_ARG(c->values[i].path));
        values_overlay(a, *out, more);
    }
    return 0;
}

/* ---- what it renders to ---- */

static void take_manifests(struct arena *a, const struct manifest *m, size_t count,
                           struct documents *out)
{
    for (size_t i = 0; i < count; i++)
        ARENA_PUSH(a, out->item, out->count, out->cap, ((struct chart_file){m[i].path, m[i].text}));
}

static void take_crds(struct arena *a, const struct release *r, struct documents *out)
{
    for (size_t i = 0; i < r->crd_count; i++) {
        size_t count;
        struct str *text = manifest_split(a, r->crd[i].bytes, &count);
        for (size_t k = 0; k < count; k++)
            ARENA_PUSH(a, out->item, out->count, out->cap,
                       ((struct chart_file){r->crd[i].name, text[k]}));
    }
}

static int render(struct arena *a, const struct bundle *b, const struct bundle_chart *c,
                  const struct objects_world *world, struct documents *out, struct err *err)
{
    struct release_request request = {
        .release = {.name = c->release, .namespace = b->namespace, .revision = 1},
        .capabilities = world->capabilities,
        .world = world->world,
        .limits = &template_limits_default,
    };
    struct template_fault fault;
    struct datum_map *values;
    struct release release;
    struct chart *chart;

    int rc = load(a, c, world, &chart, err);
    if (rc == 0)
        rc = merge_values(a, c, &values, err);
    if (rc < 0)
        return rc;
    request.chart = chart;
    request.values = values;
    rc = release_render(a, &request, &release, &fault);
    if (rc < 0)
        return err_at(err, rc, fault.file, fault.line, fault.column, STR_FMT, STR_ARG(fault.text));
    if (!c->skips_crds)
        take_crds(a, &release, out);
    take_manifests(a, release.object, release.object_count, out);
    take_manifests(a, release.hook, release.hook_count, out);
    return 0;
}

/* The documents, from the cache if they are there: copies, since objects will point into them. */
static int find_documents(struct arena *a, const struct bundle *b, const struct bundle_chart *c,
                          const struct objects_world *world, struct documents *out, struct err *err)
{
    struct digest key = key_of(b, c, world->capabilities);
    const struct chart_file *kept = render_cache_get(world->cache, &key, &out->count);

    if (kept) {
        out->item = arena_array(a, struct chart_file, out->count);
        for (size_t i = 0; i < out->count; i++)
            out->item[i] =
                (struct chart_file){arena_dup(a, kept[i].name), arena_dup(a, kept[i].bytes)};
        return 0;
    }
    int rc = render(a, b, c, world, out, err);
    if (rc == 0)
        render_cache_put(world->cache, &key, out->item, out->count);
    return rc;
}

int chart_objects(struct arena *a, const struct bundle *b, const struct bundle_chart *c,
                  const struct objects_world *world, struct manifest_objects *out, struct err *err)
{
    struct documents found = {0};
    int rc;

    if (!world)
        return err_set(err, HL_EUNSUPPORTED, "charts are not rendered here");
    rc = world->cache ? find_documents(a, b, c, world, &found, err)
                      : render(a, b, c, world, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++)
        rc = manifest_read_rendered(a, found.item[i].name, found.item[i].bytes, out, err);
    return rc;
}
