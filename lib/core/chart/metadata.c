/* Chart.yaml, member by member, since encoding/json and sigs.k8s.io/yaml convert by the target's
 * type. */
#include "core/chart/metadata.h"

#include <string.h>
#include <strings.h>

#include "core/semver/semver.h"
#include "core/gostd/float_text.h"
#include "core/gostd/literal.h"
#include "core/gostd/unicode.h"

/* encoding/json finds members in any case; the exact one first. */
static const struct value *member(const struct value *v, const char *name)
{
    const struct value *exact = value_get(v, str_from(name));

    for (size_t i = 0; !exact && v->kind == VALUE_MAP && i < v->map.count; i++) {
        struct str key = v->map.member[i].key;
        if (key.len == strlen(name) && strncasecmp(key.ptr, name, key.len) == 0)
            exact = v->map.member[i].value;
    }
    return exact && exact->kind != VALUE_NULL ? exact : NULL;
}

static int refuse(const struct value *v, const char *name, const char *want, struct err *err)
{
    return value_err(err, HL_EINVAL, v,
                     "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into "
                     "Go struct field Metadata.%s of type %s",
                     v->kind == VALUE_LIST     ? "array"
                     : v->kind == VALUE_MAP    ? "object"
                     : v->kind == VALUE_BOOL   ? "bool"
                     : v->kind == VALUE_STRING ? "string"
                                               : "number",
                     name, want);
}

static int read_text(struct arena *a, const struct value *v, const char *name, struct str *out,
                     struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf number = {0};
    const struct value *text = member(v, name);

    if (!text)
        return 0;
    switch (text->kind) {
    case VALUE_STRING:
        *out = text->string;
        return 0;
    case VALUE_BOOL:
        *out = text->boolean ? STR("true") : STR("false");
        return 0;
    case VALUE_INT:
        *out = arena_printf(a, "%lld", (long long)text->integer);
        return 0;
    case VALUE_UINT:
        *out = arena_printf(a, "%llu", (unsigned long long)text->unsigned_integer);
        return 0;
    case VALUE_FLOAT:
        /* as sigs.k8s.io/yaml writes a number for a string: with 32 bits of precision */
        format_float_single(&number, text->number);
        *out = arena_dup(a, buf_str(&number));
        return 0;
    default:
        return refuse(text, name, "string", err);
    }
}

static int read_texts(struct arena *a, const struct value *v, const char *name, struct str **out,
                      size_t *out_count, struct err *err)
{
    const struct value *list = member(v, name);

    if (!list)
        return 0;
    if (list->kind != VALUE_LIST)
        return refuse(list, name, "[]string", err);
    *out = arena_array(a, struct str, list->list.count + 1);
    *out_count = list->list.count;
    for (size_t i = 0; i < list->list.count; i++) {
        struct value *one = value_map(a);
        value_map_set(a, one, str_from(name), list->list.item[i]);
        int rc = read_text(a, one, name, &(*out)[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_maintainers(struct arena *a, const struct value *v, struct chart_metadata *m,
                            struct err *err)
{
    const struct value *list = member(v, "maintainers");

    if (!list)
        return 0;
    if (list->kind != VALUE_LIST)
        return refuse(list, "maintainers", "[]*chart.Maintainer", err);
    m->maintainer = arena_array(a, struct chart_maintainer, list->list.count + 1);
    m->maintainer_count = list->list.count;
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *one = list->list.item[i];
        struct chart_maintainer *to = &m->maintainer[i];
        if (one->kind == VALUE_NULL)
            return value_err(err, HL_EINVAL, one,
                             "validation: maintainers must not contain empty or null nodes");
        if (one->kind != VALUE_MAP)
            return refuse(one, "maintainers", "chart.Maintainer", err);
        if (read_text(a, one, "name", &to->name, err) < 0 ||
            read_text(a, one, "email", &to->email, err) < 0 ||
            read_text(a, one, "url", &to->url, err) < 0)
            return err->code;
    }
    return 0;
}

static int read_annotations(struct arena *a, const struct value *v, struct chart_metadata *m,
                            struct err *err)
{
    const struct value *map = member(v, "annotations");

    if (!map)
        return 0;
    if (map->kind != VALUE_MAP)
        return refuse(map, "annotations", "map[string]string", err);
    m->annotations = datum_map_new(a);
    for (size_t i = 0; i < map->map.count; i++) {
        struct str text = STR("");
        struct value *one = value_map(a);
        value_map_set(a, one, STR("annotations"), map->map.member[i].value);
        int rc = read_text(a, one, "annotations", &text, err);
        if (rc < 0)
            return rc;
        datum_map_set(a, m->annotations, map->map.member[i].key, datum_string(text));
    }
    return 0;
}

/* What fmt's %v makes of a member that should be text. */
static struct str loose_text(const struct value *v)
{
    return v && v->kind == VALUE_STRING ? v->string : STR("<nil>");
}

static void read_imports(struct arena *a, const struct value *v, struct chart_dependency *d)
{
    const struct value *list = member(v, "import-values");

    if (!list || list->kind != VALUE_LIST)
        return;
    d->import = arena_array(a, struct chart_import, list->list.count + 1);
    d->import_values = datum_from_value(a, list, DATUM_FLOATS);
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *one = list->list.item[i];
        struct chart_import *to = &d->import[d->import_count];
        if (one->kind == VALUE_STRING)
            *to = (struct chart_import){arena_concat(a, STR("exports."), one->string), STR(".")};
        else if (one->kind == VALUE_MAP)
            *to = (struct chart_import){loose_text(value_get(one, STR("child"))),
                                        loose_text(value_get(one, STR("parent")))};
        else
            continue;
        d->import_count++;
    }
}

static int read_dependencies(struct arena *a, const struct value *v, struct chart_metadata *m,
                             struct err *err)
{
    const struct value *list = member(v, "dependencies");

    if (!list)
        return 0;
    if (list->kind != VALUE_LIST)
        return refuse(list, "dependencies", "[]*chart.Dependency", err);
    m->dependency = arena_array(a, struct chart_dependency, list->list.count + 1);
    m->dependency_count = list->list.count;
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *one = list->list.item[i];
        struct chart_dependency *d = &m->dependency[i];
        if (one->kind == VALUE_NULL)
            return value_err(err, HL_EINVAL, one,
                             "validation: dependencies must not contain empty or null nodes");
        if (one->kind != VALUE_MAP)
            return refuse(one, "dependencies", "chart.Dependency", err);
        if (read_text(a, one, "name", &d->name, err) < 0 ||
            read_text(a, one, "version", &d->version, err) < 0 ||
            read_text(a, one, "repository", &d->repository, err) < 0 ||
            read_text(a, one, "condition", &d->condition, err) < 0 ||
            read_text(a, one, "alias", &d->alias, err) < 0 ||
            read_texts(a, one, "tags", &d->tag, &d->tag_count, err) < 0)
            return err->code;
        read_imports(a, one, d);
    }
    return 0;
}

int metadata_read(struct arena *a, const struct value *v, struct chart_metadata *m, struct err *err)
{
    const struct {
        const char *name;
        struct str *to;
    } texts[] = {
        {"apiVersion", &m->api_version},
        {"name", &m->name},
        {"version", &m->version},
        {"kubeVersion", &m->kube_version},
        {"description", &m->description},
        {"type", &m->type},
        {"home", &m->home},
        {"icon", &m->icon},
        {"appVersion", &m->app_version},
        {"condition", &m->condition},
        {"tags", &m->tags},
    };

    if (v->kind == VALUE_NULL)
        return 0;
    if (v->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, v,
                         "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s "
                         "into Go value of type chart.Metadata",
                         v->kind == VALUE_LIST ? "array" : value_kind_name(v->kind));
    for (size_t i = 0; i < HL_COUNT(texts); i++) {
        int rc = read_text(a, v, texts[i].name, texts[i].to, err);
        if (rc < 0)
            return rc;
    }
    const struct value *deprecated = member(v, "deprecated");
    if (deprecated && deprecated->kind != VALUE_BOOL)
        return refuse(deprecated, "deprecated", "bool", err);
    m->is_deprecated = deprecated && deprecated->boolean;
    if (read_texts(a, v, "keywords", &m->keyword, &m->keyword_count, err) < 0 ||
        read_texts(a, v, "sources", &m->source, &m->source_count, err) < 0 ||
        read_maintainers(a, v, m, err) < 0 || read_annotations(a, v, m, err) < 0)
        return err->code;
    return read_dependencies(a, v, m, err);
}

/* ---- validation ---- */

/* sanitizeString: blanks become spaces, what cannot be printed goes. */
static void clean(struct arena *a, struct str *s)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    bool is_clean = true;
    size_t len;

    for (size_t i = 0; i < s->len && is_clean; i++)
        is_clean = s->ptr[i] >= ' ' && s->ptr[i] < 0x7f;
    if (is_clean)
        return;
    for (size_t at = 0; at < s->len; at += len) {
        uint32_t r = rune_at(*s, at, &len);
        if (rune_is_space(r))
            buf_add_byte(&out, ' ');
        else if (rune_is_print(r))
            buf_add_rune(&out, r);
    }
    *s = arena_dup(a, buf_str(&out));
}

static void clean_all(struct arena *a, struct chart_metadata *m)
{
    struct str *const texts[] = {&m->name,      &m->description, &m->home,        &m->icon,
                                 &m->condition, &m->tags,        &m->app_version, &m->kube_version};

    for (size_t i = 0; i < HL_COUNT(texts); i++)
        clean(a, texts[i]);
    for (size_t i = 0; i < m->source_count; i++)
        clean(a, &m->source[i]);
    for (size_t i = 0; i < m->keyword_count; i++)
        clean(a, &m->keyword[i]);
    for (size_t i = 0; i < m->maintainer_count; i++) {
        clean(a, &m->maintainer[i].name);
        clean(a, &m->maintainer[i].email);
        clean(a, &m->maintainer[i].url);
    }
}

static int refuse_named(struct err *err, const char *before, struct str s, const char *behind)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    literal_quote(&text, s, false);
    return err_set(err, HL_EINVAL, "validation: %s" STR_FMT "%s", before, STR_ARG(buf_str(&text)),
                   behind);
}

static bool alias_ok(struct str alias)
{
    for (size_t i = 0; i < alias.len; i++) {
        char c = alias.ptr[i];
        if (!rune_is_letter((unsigned char)c) && !rune_is_digit((unsigned char)c) && c != '_' &&
            c != '-')
            return false;
    }
    return true;
}

static struct str effective_name(const struct chart_dependency *d)
{
    return d->alias.len > 0 ? d->alias : d->name;
}

static int validate_dependencies(struct arena *a, struct chart_metadata *m, struct err *err)
{
    HL_CLEANUP(map_freep) struct map *seen = map_new(0);

    for (size_t i = 0; i < m->dependency_count; i++) {
        struct chart_dependency *d = &m->dependency[i];
        clean(a, &d->name);
        clean(a, &d->version);
        clean(a, &d->repository);
        clean(a, &d->condition);
        for (size_t k = 0; k < d->tag_count; k++)
            clean(a, &d->tag[k]);
        if (!alias_ok(d->alias))
            return refuse_named(err, "dependency ", d->name,
                                " has disallowed characters in the alias");
        if (map_set(seen, effective_name(d), d))
            return refuse_named(err, "more than one dependency with name or alias ",
                                effective_name(d), "");
    }
    return 0;
}

int metadata_validate(struct arena *a, struct chart_metadata *m, struct err *err)
{
    struct semver version;
    struct err ignored;

    clean_all(a, m);
    if (m->name.len == 0)
        return err_set(err, HL_EINVAL, "validation: chart.metadata.name is required");
    if (str_eq(m->name, STR(".")) || str_eq(m->name, STR("..")))
        return refuse_named(err, "chart.metadata.name ", m->name, " is not allowed");
    if (str_has_byte(m->name, '/'))
        return refuse_named(err, "chart.metadata.name ", m->name, " is invalid");
    if (m->version.len == 0)
        return err_set(err, HL_EINVAL, "validation: chart.metadata.version is required");
    if (semver_parse(a, m->version, &version, &ignored) < 0)
        return refuse_named(err, "chart.metadata.version ", m->version, " is invalid");
    if (m->type.len > 0 && !str_eq(m->type, STR("application")) && !str_eq(m->type, STR("library")))
        return err_set(err, HL_EINVAL,
                       "validation: chart.metadata.type must be application or library");
    return validate_dependencies(a, m, err);
}
