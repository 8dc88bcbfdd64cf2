/* Renders the charts of a bundle, reads its files, gives every object its canonical bytes. */
#include "core/desired/objects.h"

#include "core/desired/chart_objects.h"
#include "core/desired/render.h"
#include "core/value/yaml.h"

static int read_files(struct arena *a, const struct bundle *b, struct manifest_objects *d,
                      struct err *err)
{
    for (size_t i = 0; i < b->file_count; i++) {
        struct value **document = NULL;
        size_t count = 0;
        int rc = manifest_read(a, b->file[i].path, b->file[i].text, &document, &count, NULL, err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < count; k++)
            ARENA_PUSH(a, d->item, d->count, d->cap, document[k]);
        if (d->count > OBJECT_COUNT_MAX)
            return err_set(err, HL_ELIMIT, "more than %d objects", OBJECT_COUNT_MAX);
    }
    return 0;
}

static int seal(struct arena *a, struct object *o, struct buf *scratch, struct err *err)
{
    buf_reset(scratch);
    value_canonical(scratch, o->tree);
    if (scratch->len > OBJECT_BYTES_MAX)
        return value_err(err, HL_ELIMIT, o->tree,
                         STR_FMT " \"" STR_FMT "\" has %zu bytes, at most %d are allowed",
                         STR_ARG(o->kind), STR_ARG(o->name), scratch->len, OBJECT_BYTES_MAX);
    o->canonical = arena_dup(a, buf_str(scratch));
    o->digest = sha256_of(o->canonical);
    return 0;
}

int objects_render(struct arena *a, const struct bundle *b, const struct objects_world *world,
                   struct object **out, size_t *out_count, struct err *err)
{
    const struct render_target target = {b->cluster, b->namespace, &b->sync};
    HL_CLEANUP(buf_deinit) struct buf scratch = {0};
    struct manifest_objects d = {0};
    struct object *object = NULL;
    size_t count = 0;

    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->chart_count; i++)
        rc = chart_objects(a, b, &b->chart[i], world, &d, err);
    if (rc == 0)
        rc = read_files(a, b, &d, err);
    if (rc == 0)
        rc = render_documents(a, d.item, d.count, &target, &object, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = seal(a, &object[i], &scratch, err);
    if (rc < 0)
        return rc;
    *out = object;
    *out_count = count;
    return 0;
}

void object_yaml(struct buf *out, const struct object *o)
{
    yaml_write(out, o->tree);
}
