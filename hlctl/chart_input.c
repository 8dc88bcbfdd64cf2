/* Places of charts, files of values, the world. */
#include "hlctl/chart_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "edge/registry/archive.h"
#include "edge/registry/folder.h"
#include "hlctl/input.h"

enum { VALUES_BYTES_MAX = 4 << 20 };

/* ---- charts ---- */

static int read_files(struct hlctl *h, struct str place, struct chart_file **file, size_t *count,
                      struct err *err)
{
    struct stat st;
    struct str bytes;
    const char *path = arena_printf(h->arena, STR_FMT, STR_ARG(place)).ptr;

    if (stat(path, &st) < 0)
        return err_errno(err, HL_EABSENT, "path \"%s\" not found", path);
    if (S_ISDIR(st.st_mode))
        return folder_read(h->arena, place, file, count, err);
    int rc = input_read(h->arena, place, ARCHIVE_PACKED_MAX, &bytes, err);
    return rc < 0 ? rc : archive_unpack(NULL, h->arena, place, bytes, file, count, err);
}

static int cannot_load(struct trouble *t, struct str place, const struct err *err)
{
    trouble_set(t, "HL-CHART-01", "cannot load the chart " STR_FMT, STR_ARG(place));
    return trouble_err(t, err);
}

int chart_input_files(struct hlctl *h, struct str place, struct chart_file **out, size_t *out_count,
                      struct trouble *t)
{
    struct err err;

    if (read_files(h, place, out, out_count, &err) < 0)
        return cannot_load(t, place, &err);
    return 0;
}

int chart_input_assemble(struct hlctl *h, struct str place, const struct chart_file *file,
                         size_t count, struct chart **out, struct trouble *t)
{
    struct err err;

    if (chart_load(h->arena, file, count, archive_unpack, NULL, out, &err) < 0)
        return cannot_load(t, place, &err);
    return 0;
}

int chart_input_load(struct hlctl *h, struct str place, struct chart **out, struct trouble *t)
{
    struct chart_file *file;
    size_t count;
    int rc = chart_input_files(h, place, &file, &count, t);

    return rc != 0 ? rc : chart_input_assemble(h, place, file, count, out, t);
}

/* ---- values ---- */

static int bad_values(struct trouble *t, const struct err *err)
{
    trouble_set(t, "HL-CHART-02", "cannot use the values");
    return trouble_err(t, err);
}

int chart_input_file(struct hlctl *h, struct str path, struct datum_map **out, struct trouble *t)
{
    struct str text;
    struct err err;

    if (input_read(h->arena, path, VALUES_BYTES_MAX, &text, &err) < 0)
        return bad_values(t, &err);
    if (values_read(h->arena, text, path, out, &err) == 0)
        return 0;
    err_wrap(&err, "failed to parse " STR_FMT, STR_ARG(path));
    return bad_values(t, &err);
}

static int read_set_file(void *context, struct arena *a, struct str path, struct str *out,
                         struct err *err)
{
    (void)context;
    return input_read(a, path, VALUES_BYTES_MAX, out, err);
}

const struct chart_set chart_sets[] = {{"set-json", SETVALUES_JSON},
                                       {"set", SETVALUES_TYPED},
                                       {"set-string", SETVALUES_STRING},
                                       {"set-file", SETVALUES_FILE},
                                       {"set-literal", SETVALUES_LITERAL}};
const size_t chart_set_count = HL_COUNT(chart_sets);

int chart_input_set(struct hlctl *h, const struct chart_set *set, struct str text,
                    struct datum_map *values, struct trouble *t)
{
    const struct setvalues_files files = {.read = read_set_file};
    struct err err;

    if (setvalues_apply(h->arena, set->kind, text, &files, values, &err) == 0)
        return 0;
    err_wrap(&err, "failed parsing --%s data", set->flag);
    return bad_values(t, &err);
}

int chart_input_values(struct hlctl *h, struct datum_map **out, struct trouble *t)
{
    struct datum_map *values = datum_map_new(h->arena);
    struct str *text;
    size_t count = flag_list(h->in, "values", &text);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        struct datum_map *more;
        rc = chart_input_file(h, text[i], &more, t);
        if (rc == 0)
            values_overlay(h->arena, values, more);
    }
    for (size_t k = 0; k < chart_set_count; k++) {
        count = flag_list(h->in, chart_sets[k].flag, &text);
        for (size_t i = 0; i < count && rc == 0; i++)
            rc = chart_input_set(h, &chart_sets[k], text[i], values, t);
    }
    *out = values;
    return rc;
}

/* ---- the cluster and the world ---- */

int chart_input_capabilities(struct hlctl *h, struct chart_capabilities *out, struct trouble *t)
{
    struct str kube_version = flag_text(h->in, "kube-version");
    struct str *list;
    size_t list_count = flag_list(h->in, "api-versions", &list);
    struct str *api = NULL;
    size_t count = 0;
    size_t cap = 0;
    struct err err;

    *out = chart_capabilities_offline;
    for (size_t i = 0; i < out->api_count; i++)
        ARENA_PUSH(h->arena, api, count, cap, out->api[i]);
    for (size_t i = 0; i < list_count; i++)
        while (list[i].len > 0)
            ARENA_PUSH(h->arena, api, count, cap, str_cut(&list[i], ','));
    out->api = api;
    out->api_count = count;
    if (kube_version.len == 0 || chart_kube_version(h->arena, kube_version, out, &err) == 0)
        return 0;
    trouble_set(t, "HL-USE-02", "--kube-version cannot be \"" STR_FMT "\"", STR_ARG(kube_version));
    return trouble_err(t, &err);
}

static void kernel_random(void *context, void *out, size_t len)
{
    char *bytes = out;

    (void)context;
    while (len > 0) {
        ssize_t n = getrandom(bytes, len, 0);
        if (n < 0 && errno != EINTR)
            hl_die("getrandom: %s", strerror(errno));
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
}

struct template_world chart_input_world(void)
{
    int64_t now = now_wall_ms();
    struct template_world world = {.now_s = now / 1000,
                                   .now_ns = (uint32_t)(now % 1000) * 1000000,
                                   .fill_random = kernel_random,
                                   .crypto = hlctl_crypto};

#ifdef HL_TEST_SWITCHES
    const char *fake = getenv("HLMESH_TEMPLATE_FAKE");
    if (fake && strcmp(fake, "1") == 0) {
        world.is_fake = true;
        world.now_s = 1767323045; /* 2026-01-02T03:04:05Z */
        world.now_ns = 0;
    }
#endif
    return world;
}
