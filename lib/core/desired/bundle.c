/* The tree of a bundle in both directions; the bytes are core/value's canonical form. */
#include "core/desired/bundle.h"

#include <stdlib.h>

#include "base/base64.h"
#include "core/value/json.h"

static int by_path(const void *l, const void *r)
{
    return str_cmp(((const struct bundle_file *)l)->path, ((const struct bundle_file *)r)->path);
}

/* ---- writing ---- */

static struct value *file_value(struct arena *a, const struct bundle_file *f)
{
    struct value *file = value_map(a);
    bool is_text = str_is_utf8(f->text);

    value_map_set_str(a, file, "path", f->path);
    value_map_set_str(a, file, is_text ? "text" : "base64",
                      is_text ? f->text : base64_encode(a, f->text));
    return file;
}

static struct value *files_value(struct arena *a, const struct bundle_file *file, size_t count,
                                 bool is_sorted)
{
    struct bundle_file *copy = arena_array(a, struct bundle_file, count);
    struct value *files = value_list(a);

    for (size_t i = 0; i < count; i++)
        copy[i] = file[i];
    if (is_sorted && count > 1)
        qsort(copy, count, sizeof(*copy), by_path);
    for (size_t i = 0; i < count; i++)
        value_list_add(a, files, file_value(a, &copy[i]));
    return files;
}

static struct value *archive_value(struct arena *a, const struct chart_pin *pin)
{
    struct value *v = value_map(a);
    char hex[DIGEST_HEX + 1];

    value_map_set_str(a, v, "repository", pin->repository);
    value_map_set_str(a, v, "name", pin->name);
    value_map_set_str(a, v, "version", pin->version);
    value_map_set_str(a, v, "digest", arena_dup(a, str_from(digest_hex(&pin->digest, hex))));
    return v;
}

static struct value *charts_value(struct arena *a, const struct bundle *b)
{
    struct value *charts = value_list(a);

    for (size_t i = 0; i < b->chart_count; i++) {
        const struct bundle_chart *c = &b->chart[i];
        struct value *archives = value_list(a);
        struct value *v = value_map(a);

        for (size_t k = 0; k < c->archive_count; k++)
            value_list_add(a, archives, archive_value(a, &c->archive[k]));
        value_map_set_str(a, v, "release", c->release);
        value_map_set(a, v, STR("skipCrds"), value_bool(a, c->skips_crds));
        value_map_set(a, v, STR("values"), files_value(a, c->values, c->values_count, false));
        value_map_set(a, v, STR("files"), files_value(a, c->file, c->file_count, true));
        value_map_set(a, v, STR("archives"), archives);
        value_list_add(a, charts, v);
    }
    return charts;
}

struct size {
    size_t files;
    uint64_t bytes;
};

static void measure(const struct bundle_file *file, size_t count, struct size *size)
{
    size->files += count;
    for (size_t i = 0; i < count; i++)
        size->bytes += file[i].text.len;
}

static int check_size(const struct bundle *b, struct err *err)
{
    struct size size = {0};

    measure(b->file, b->file_count, &size);
    for (size_t i = 0; i < b->chart_count; i++) {
        measure(b->chart[i].values, b->chart[i].values_count, &size);
        measure(b->chart[i].file, b->chart[i].file_count, &size);
    }
    if (size.files > BUNDLE_FILES_MAX)
        return err_set(err, HL_ELIMIT, "%zu files, at most %d are allowed", size.files,
                       BUNDLE_FILES_MAX);
    if (size.bytes > BUNDLE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "files of %llu bytes, at most %d are allowed",
                       (unsigned long long)size.bytes, BUNDLE_BYTES_MAX);
    return 0;
}

int bundle_write(struct buf *out, struct arena *scratch, const struct bundle *b, struct err *err)
{
    size_t before = out->len;
    int rc = check_size(b, err);

    if (rc < 0)
        return rc;
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
    value_map_set(scratch, v, STR("files"), files_value(scratch, b->file, b->file_count, true));
    value_map_set(scratch, v, STR("charts"), charts_value(scratch, b));
    value_canonical(out, v);
    if (out->len - before > BUNDLE_BYTES_MAX) {
        out->len = before;
        return err_set(err, HL_ELIMIT, "a bundle of more than %d bytes", BUNDLE_BYTES_MAX);
    }
    return 0;
}

/* ---- reading ---- */

/* The list at `key`, or an error: every bundle has all its lists. */
static int list_of(const struct value *map, const char *key, size_t max, const struct value **out,
                   struct err *err)
{
    const struct value *v = value_get(map, str_from(key));

    if (!v || v->kind != VALUE_LIST)
        return err_set(err, HL_ECORRUPT, "a bundle without a list of %s", key);
    if (v->list.count > max)
        return err_set(err, HL_ELIMIT, "a bundle with %zu %s, at most %zu are allowed",
                       v->list.count, key, max);
    *out = v;
    return 0;
}

static bool read_file(struct arena *a, const struct value *v, struct bundle_file *out)
{
    const struct value *path = value_get(v, STR("path"));
    const struct value *text = value_get(v, STR("text"));
    const struct value *coded = value_get(v, STR("base64"));

    if (!path || path->kind != VALUE_STRING)
        return false;
    *out = (struct bundle_file){path->string, value_str(text)};
    if (text)
        return text->kind == VALUE_STRING;
    return coded && coded->kind == VALUE_STRING &&
           base64_decode(a, coded->string, &out->text, NULL);
}

static int read_files(struct arena *a, const struct value *map, const char *key,
                      struct bundle_file **out, size_t *out_count, struct err *err)
{
    const struct value *list;
    int rc = list_of(map, key, BUNDLE_FILES_MAX, &list, err);

    if (rc < 0)
        return rc;
    *out = arena_array(a, struct bundle_file, list->list.count);
    *out_count = list->list.count;
    for (size_t i = 0; i < list->list.count; i++)
        if (!read_file(a, list->list.item[i], &(*out)[i]))
            return err_set(err, HL_ECORRUPT, "file %zu of a bundle has no path or no text", i + 1);
    return 0;
}

static int read_archives(struct arena *a, const struct value *map, struct bundle_chart *out,
                         struct err *err)
{
    const struct value *list;
    int rc = list_of(map, "archives", BUNDLE_ARCHIVES_MAX, &list, err);

    if (rc < 0)
        return rc;
    out->archive_count = list->list.count;
    out->archive = arena_array(a, struct chart_pin, list->list.count);
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *v = list->list.item[i];
        out->archive[i] = (struct chart_pin){.repository = value_get_str(v, "repository"),
                                             .name = value_get_str(v, "name"),
                                             .version = value_get_str(v, "version")};
        if (!digest_parse(value_get_str(v, "digest"), &out->archive[i].digest))
            return err_set(err, HL_ECORRUPT, "archive %zu of a chart has no digest", i + 1);
    }
    return 0;
}

static int read_chart(struct arena *a, const struct value *v, struct bundle_chart *out,
                      struct err *err)
{
    const struct value *skips = value_get(v, STR("skipCrds"));
    struct bundle_chart c = {.release = value_get_str(v, "release"),
                             .skips_crds = skips && skips->kind == VALUE_BOOL && skips->boolean};
    int rc = read_files(a, v, "values", &c.values, &c.values_count, err);

    if (rc == 0)
        rc = read_files(a, v, "files", &c.file, &c.file_count, err);
    if (rc == 0)
        rc = read_archives(a, v, &c, err);
    if (rc == 0 && c.file_count == 0 && c.archive_count != 1)
        rc = err_set(err, HL_ECORRUPT, "a chart that is neither files nor one archive");
    *out = c;
    return rc;
}

static int read_charts(struct arena *a, const struct value *map, struct bundle *b, struct err *err)
{
    const struct value *list;
    int rc = list_of(map, "charts", BUNDLE_CHARTS_MAX, &list, err);

    if (rc < 0)
        return rc;
    b->chart_count = list->list.count;
    b->chart = arena_array(a, struct bundle_chart, list->list.count);
    for (size_t i = 0; rc == 0 && i < list->list.count; i++)
        rc = read_chart(a, list->list.item[i], &b->chart[i], err);
    return rc;
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
        rc = read_files(a, v, "files", &b.file, &b.file_count, err);
    if (rc == 0)
        rc = read_charts(a, v, &b, err);
    if (rc == 0)
        *out = b;
    return rc;
}
