/* Modes helm, values, split, sort: charts given as files. */
#include <stdlib.h>

#include "conformance/vectors.h"
#include "core/chart/manifest.h"
#include "core/chart/release.h"
#include "core/chart/values.h"
#include "core/value/json.h"
#include "edge/cipher/cipher.h"

static const char plain_chart[] = "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: \"1.0\"\n";

static int refuse(struct arena *a, struct outcome *out, const struct err *err)
{
    out->error = arena_dup(a, str_from(err->text));
    return err->code;
}

/* The files of the vector, or the chart c around its template. */
static struct chart_file *files_of(struct arena *a, const struct vector *v, size_t *count)
{
    const struct value *files = value_get(v->json, STR("files"));
    struct chart_file *file;

    if (!files) {
        file = arena_array(a, struct chart_file, 2);
        file[0] = (struct chart_file){STR("Chart.yaml"), str_from(plain_chart)};
        file[1] = (struct chart_file){STR("templates/t.yaml"), vector_text(v, "template")};
        *count = 2;
        return file;
    }
    *count = files->map.count;
    file = arena_array(a, struct chart_file, *count + 1);
    for (size_t i = 0; i < *count; i++)
        file[i] =
            (struct chart_file){files->map.member[i].key, value_str(files->map.member[i].value)};
    return file;
}

static struct datum_map *user_values(struct arena *a, const struct vector *v)
{
    if (!v->data || v->data->kind != VALUE_MAP)
        return datum_map_new(a);
    return datum_from_value(a, v->data, vector_numbers(v)).map;
}

/* Loaded, dependencies resolved, values coalesced. */
static int prepare(struct arena *a, const struct vector *v, struct chart **c,
                   struct datum_map **values, struct err *err)
{
    struct values_warnings warnings = {0};
    size_t count;
    struct chart_file *file = files_of(a, v, &count);
    struct datum_map *user = user_values(a, v);

    int rc = chart_load(a, file, count, NULL, NULL, c, err);
    if (rc == 0)
        rc = values_resolve_dependencies(a, *c, user, &warnings, err);
    if (rc == 0)
        rc = values_coalesce(a, *c, user, values, &warnings, err);
    return rc;
}

/* Empty, or what the schemas have against the values. */
static int check(struct arena *a, const struct chart *c, const struct datum_map *values,
                 struct outcome *out)
{
    return release_schema_check(a, c, values, &out->error);
}

static int run_helm(struct arena *a, const struct vector *v, struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct template_world world = {
        .is_fake = true, .crypto = &cipher_openssl, .now_s = VECTORS_NOW_S};
    const struct chart_release release = {STR("rel"), STR("ns"), 1, false};
    struct chart_capabilities capabilities = chart_capabilities_offline;
    struct template_fault fault;
    struct chart_file *file;
    struct datum_map *values;
    struct chart *c;
    size_t count;
    struct err err;

    if (prepare(a, v, &c, &values, &err) < 0 ||
        chart_kube_version(a, STR("v1.20.0"), &capabilities, &err) < 0)
        return refuse(a, out, &err);
    capabilities.helm_version = STR("v3.21"); /* of the build that made the vectors */
    int rc = check(a, c, values, out);
    if (rc < 0)
        return rc;
    rc = chart_render(a, c, values, &release, &capabilities, &world, &template_limits_default, NULL,
                      &file, &count, &fault);
    if (rc < 0) {
        out->error = fault.text;
        return rc;
    }
    if (value_get(v->json, STR("template"))) {
        for (size_t i = 0; i < count; i++) {
            if (str_eq(file[i].name, STR("c/templates/t.yaml")))
                out->out = file[i].bytes;
        }
        return 0;
    }
    struct value *all = value_map(a);
    for (size_t i = 0; i < count; i++)
        value_map_set(a, all, file[i].name, value_string(a, file[i].bytes));
    json_write(&text, all, JSON_COMPACT);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

static void list_charts(struct arena *a, const struct chart *c, struct value *list)
{
    value_list_add(a, list, value_string(a, chart_path(a, c)));
    for (size_t i = 0; i < c->subchart_count; i++)
        list_charts(a, c->subchart[i], list);
}

static int by_text(const void *x, const void *y)
{
    return str_cmp((*(struct value *const *)x)->string, (*(struct value *const *)y)->string);
}

static int run_values(struct arena *a, const struct vector *v, struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *answer = value_map(a);
    struct value *charts = value_list(a);
    struct datum_map *values;
    struct value *plain;
    struct chart *c;
    struct err err;

    if (prepare(a, v, &c, &values, &err) < 0 ||
        datum_to_value(a, datum_of_map(values), &plain, &err) < 0)
        return refuse(a, out, &err);
    int rc = check(a, c, values, out);
    if (rc < 0)
        return rc;
    list_charts(a, c, charts);
    qsort(charts->list.item, charts->list.count, sizeof(*charts->list.item), by_text);
    value_map_set(a, answer, STR("charts"), charts);
    value_map_set(a, answer, STR("values"), plain);
    json_write(&text, answer, JSON_COMPACT);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

static int run_split(struct arena *a, const struct vector *v, struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *answer = value_map(a);
    size_t count;
    struct str *part = manifest_split(a, vector_text(v, "template"), &count);

    for (size_t i = 0; i < count; i++)
        value_map_set(a, answer, arena_printf(a, "manifest-%zu", i), value_string(a, part[i]));
    json_write(&text, answer, JSON_COMPACT);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

static struct str hook_line(struct arena *a, const struct manifest *m)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    bool is_first = true;

    buf_printf(&text, "H " STR_FMT " " STR_FMT " " STR_FMT " w=%lld ev=[", STR_ARG(m->path),
               STR_ARG(m->kind), STR_ARG(m->name), (long long)m->weight);
    for (unsigned bit = 1; bit <= EVENT_TEST; bit <<= 1) {
        if ((m->events & bit) == 0)
            continue;
        buf_printf(&text, "%s%s", is_first ? "" : " ", manifest_event_name(bit));
        is_first = false;
    }
    buf_add_cstr(&text, "] del=[");
    for (size_t i = 0; i < m->delete_policy_count; i++)
        buf_printf(&text, "%s" STR_FMT, i > 0 ? " " : "", STR_ARG(m->delete_policy[i]));
    buf_printf(&text, "]\n" STR_FMT, STR_ARG(m->text));
    return arena_dup(a, buf_str(&text));
}

static int run_sort(struct arena *a, const struct vector *v, struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *answer = value_list(a);
    struct manifest *object;
    struct manifest *hook;
    size_t object_count;
    size_t hook_count;
    size_t count;
    struct chart_file *file = files_of(a, v, &count);
    struct err err;

    if (!value_get(v->json, STR("files")))
        count = 0;
    if (manifest_sort(a, file, count, &object, &object_count, &hook, &hook_count, &err) < 0)
        return refuse(a, out, &err);
    for (size_t i = 0; i < object_count; i++)
        value_list_add(
            a, answer,
            value_string(a, arena_printf(a, "M " STR_FMT " " STR_FMT "\n" STR_FMT,
                                         STR_ARG(object[i].path), STR_ARG(object[i].kind),
                                         STR_ARG(object[i].text))));
    for (size_t i = 0; i < hook_count; i++)
        value_list_add(a, answer, value_string(a, hook_line(a, &hook[i])));
    if (object_count + hook_count == 0)
        answer = value_null(a); /* Go's list of nothing */
    json_write(&text, answer, JSON_COMPACT);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

const struct mode chart_modes[] = {{"helm", run_helm},
                                   {"values", run_values},
                                   {"split", run_split},
                                   {"sort", run_sort},
                                   {NULL, NULL}};
