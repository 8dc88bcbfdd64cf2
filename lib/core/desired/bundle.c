/* The tree of a bundle in both directions; the bytes are core/value's canonical form. */
#include "core/desired/bundle.h"

#include <stdlib.h>

#include "core/value/json.h"

static int by_path(const void *l, const void *r)
{
    return str_cmp(((const struct bundle_file *)l)->path, ((const struct bundle_file *)r)->path);
}

static struct value *files_value(struct arena *a, const struct bundle *b)
{
    struct bundle_file *sorted = arena_array(a, struct bundle_file, b->file_count);
    struct value *files = value_list(a);

    for (size_t i = 0; i < b->file_count; i++)
        sorted[i] = b->file[i];
    if (b->file_count > 1)
        qsort(sorted, b->file_count, sizeof(*sorted), by_path);
    for (size_t i = 0; i < b->file_count; i++) {
        struct value *file = value_map(a);
        value_map_set_str(a, file, "path", sorted[i].path);
        value_map_set_str(a, file, "text", sorted[i].text);
        value_list_add(a, files, file);
    }
    return files;
}

int bundle_write(struct buf *out, struct arena *scratch, const struct bundle *b, struct err *err)
{
    uint64_t text_bytes = 0;
    size_t before = out->len;

    if (b->file_count > BUNDLE_FILES_MAX)
        return err_set(err, HL_ELIMIT, "%zu files, at most %d are allowed", b->file_count,
                       BUNDLE_FILES_MAX);
    for (size_t i = 0; i < b->file_count; i++)
        text_bytes += b->file[i].text.len;
    if (text_bytes > BUNDLE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "files of %llu bytes, at most %d are allowed",
                       (unsigned long long)text_bytes, BUNDLE_BYTES_MAX);

    struct value *v = value_map(scratch);
    value_map_set_int(scratch, v, "format", BUNDLE_FORMAT);
    value_map_set_str(scratch, v, "app", b->app);
    value_map_set_str(scratch, v, "cluster", b->cluster);
    value_map_set_str(scratch, v, "server", b->server);
    value_map_set_str(scratch, v, "namespace", b->namespace);
    value_map_set(scratch, v, STR("sync"), sync_options_value(scratch, &b->sync));
    if (b->ignore_differences)
        value_map_set(scratch, v, STR("ignoreDifferences"),
                      value_copy(scratch, b->ignore_differences));
    value_map_set(scratch, v, STR("files"), files_value(scratch, b));
    value_canonical(out, v);
    if (out->len - before > BUNDLE_BYTES_MAX) {
        out->len = before;
        return err_set(err, HL_ELIMIT, "a bundle of more than %d bytes", BUNDLE_BYTES_MAX);
    }
    return 0;
}

static int read_files(struct arena *a, const struct value *files, struct bundle *b, struct err *err)
{
    if (!files || files->kind != VALUE_LIST)
        return err_set(err, HL_ECORRUPT, "a bundle without a list of files");
    if (files->list.count > BUNDLE_FILES_MAX)
        return err_set(err, HL_ELIMIT, "a bundle of %zu files, at most %d are allowed",
                       files->list.count, BUNDLE_FILES_MAX);

    b->file_count = files->list.count;
    b->file = arena_array(a, struct bundle_file, b->file_count);
    for (size_t i = 0; i < b->file_count; i++) {
        const struct value *path = value_get(files->list.item[i], STR("path"));
        const struct value *text = value_get(files->list.item[i], STR("text"));
        if (!path || path->kind != VALUE_STRING || !text || text->kind != VALUE_STRING)
            return err_set(err, HL_ECORRUPT, "file %zu of a bundle has no path or no text", i + 1);
        b->file[i] = (struct bundle_file){path->string, text->string};
    }
    return 0;
}

int bundle_open(struct arena *a, struct str bytes, struct bundle *out, struct err *err)
{
    struct bundle b = {0};
    struct value *v;

    if (bytes.len > BUNDLE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "a bundle of %zu bytes, at most %d are allowed", bytes.len,
                       BUNDLE_BYTES_MAX);
    int rc = json_read(a, bytes, STR("bundle"), &v, err);
    if (rc < 0)
        return rc == HL_ELIMIT ? rc : err_set(err, HL_ECORRUPT, "a bundle that is not JSON");
    if (v->kind != VALUE_MAP || value_get_int(v, "format", 0) < 1)
        return err_set(err, HL_ECORRUPT, "a bundle without a format");
    if (value_get_int(v, "format", 0) != BUNDLE_FORMAT)
        return err_set(err, HL_EUNSUPPORTED, "a bundle of format %lld, this program reads %d",
                       (long long)value_get_int(v, "format", 0), BUNDLE_FORMAT);

    b.app = value_get_str(v, "app");
    b.cluster = value_get_str(v, "cluster");
    b.server = value_get_str(v, "server");
    b.namespace = value_get_str(v, "namespace");
    b.ignore_differences = value_get(v, STR("ignoreDifferences"));
    if (b.app.len == 0 || b.cluster.len == 0)
        return err_set(err, HL_ECORRUPT, "a bundle that names no application or no cluster");
    rc = sync_options_open(&b.sync, value_get(v, STR("sync")), err);
    if (rc == 0)
        rc = read_files(a, value_get(v, STR("files")), &b, err);
    if (rc == 0)
        *out = b;
    return rc;
}
