/* Structs as records of named fields; named maps and slices as classes with methods. */
#include "core/chart/objects.h"

#include <string.h>

#include "base/base64.h"
#include "core/chart/glob.h"
#include "core/template/format.h"
#include "core/template/func.h"
#include "core/value/yaml.h"

/* ---- records: Go's structs ---- */

struct record_field {
    const char *name;
    const char *json; /* NULL: a struct embedded, whose fields count as ours */
    struct datum value;
};

struct record {
    struct datum_object head;
    struct record_field *field;
    size_t count;
    bool omits_empty; /* JSON leaves out what is empty */
};

static bool record_get(const struct datum_object *o, struct str name, struct arena *a,
                       struct datum *out)
{
    const struct record *r = (const struct record *)o;

    for (size_t i = 0; i < r->count; i++) {
        const struct record_field *f = &r->field[i];
        if (str_eq(name, str_from(f->name))) {
            *out = f->value;
            return true;
        }
        if (!f->json && record_get(f->value.object, name, a, out))
            return true;
    }
    return false;
}

static void record_print(const struct datum_object *o, bool is_direct, struct buf *out)
{
    const struct record *r = (const struct record *)o;

    (void)is_direct;
    buf_add_byte(out, '{');
    for (size_t i = 0; i < r->count; i++) {
        struct datum one = r->field[i].value;
        buf_add_cstr(out, i > 0 ? " " : "");
        if (one.type == DATUM_OBJECT)
            one.object->class->print(one.object, false, out);
        else
            format_value(out, one);
    }
    buf_add_byte(out, '}');
}

static bool record_member(const struct datum_object *o, size_t i, struct datum_member *out)
{
    const struct record *r = (const struct record *)o;

    if (i == r->count)
        return false;
    const struct record_field *f = &r->field[i];
    *out = (struct datum_member){.name = str_from(f->name),
                                 .json = str_from(f->json),
                                 .is_embedded = !f->json,
                                 .is_left_out = r->omits_empty && !datum_truth(f->value),
                                 .value = f->value};
    return true;
}

#define RECORD_CLASS(go_type, go_kind)                                                             \
    {                                                                                              \
        .type_name = go_type, .kind_name = go_kind, .field = record_get, .print = record_print,    \
        .member = record_member                                                                    \
    }

static struct datum record(struct arena *a, const struct datum_class *class, bool omits_empty,
                           const struct record_field *field, size_t count)
{
    struct record *r = arena_one(a, struct record);

    r->head.class = class;
    r->omits_empty = omits_empty;
    r->count = count;
    r->field = arena_array(a, struct record_field, count);
    memcpy(r->field, field, count * sizeof(*field));
    return datum_of_object(&r->head);
}

/* ---- .Chart ---- */

static const struct datum_class chart_class =
    RECORD_CLASS("struct { chart.Metadata; IsRoot bool }", "struct");
static const struct datum_class metadata_class = RECORD_CLASS("chart.Metadata", "struct");
static const struct datum_class maintainer_class = RECORD_CLASS("*chart.Maintainer", "ptr");
static const struct datum_class dependency_class = RECORD_CLASS("*chart.Dependency", "ptr");

static struct datum texts(struct arena *a, const struct str *s, size_t count)
{
    struct datum_list *list = count > 0 ? datum_list_new(a, count) : NULL;

    for (size_t i = 0; i < count; i++)
        list->item[i] = datum_string(s[i]);
    return datum_of_list(DATUM_STRINGS, list);
}

static struct datum maintainers(struct arena *a, const struct chart_metadata *m)
{
    struct datum_list *list =
        m->maintainer_count > 0 ? datum_list_new(a, m->maintainer_count) : NULL;

    for (size_t i = 0; i < m->maintainer_count; i++) {
        const struct chart_maintainer *one = &m->maintainer[i];
        const struct record_field field[] = {{"Name", "name", datum_string(one->name)},
                                             {"Email", "email", datum_string(one->email)},
                                             {"URL", "url", datum_string(one->url)}};
        list->item[i] = record(a, &maintainer_class, true, field, HL_COUNT(field));
    }
    return datum_of_list(DATUM_OBJECTS, list);
}

static struct datum dependencies(struct arena *a, const struct chart_metadata *m)
{
    struct datum_list *list =
        m->dependency_count > 0 ? datum_list_new(a, m->dependency_count) : NULL;

    for (size_t i = 0; i < m->dependency_count; i++) {
        const struct chart_dependency *d = &m->dependency[i];
        const struct record_field field[] = {
            {"Name", "name", datum_string(d->name)},
            {"Version", "version", datum_string(d->version)},
            {"Repository", "repository", datum_string(d->repository)},
            {"Condition", "condition", datum_string(d->condition)},
            {"Tags", "tags", texts(a, d->tag, d->tag_count)},
            {"Enabled", "enabled", datum_bool(d->is_enabled)},
            {"ImportValues", "import-values",
             d->import_count > 0 ? d->import_values : datum_of_list(DATUM_LIST, NULL)},
            {"Alias", "alias", datum_string(d->alias)}};
        list->item[i] = record(a, &dependency_class, true, field, HL_COUNT(field));
    }
    return datum_of_list(DATUM_OBJECTS, list);
}

struct datum objects_chart(struct arena *a, const struct chart *c)
{
    const struct chart_metadata *m = &c->metadata;
    const struct record_field field[] = {
        {"Name", "name", datum_string(m->name)},
        {"Home", "home", datum_string(m->home)},
        {"Sources", "sources", texts(a, m->source, m->source_count)},
        {"Version", "version", datum_string(m->version)},
        {"Description", "description", datum_string(m->description)},
        {"Keywords", "keywords", texts(a, m->keyword, m->keyword_count)},
        {"Maintainers", "maintainers", maintainers(a, m)},
        {"Icon", "icon", datum_string(m->icon)},
        {"APIVersion", "apiVersion", datum_string(m->api_version)},
        {"Condition", "condition", datum_string(m->condition)},
        {"Tags", "tags", datum_string(m->tags)},
        {"AppVersion", "appVersion", datum_string(m->app_version)},
        {"Deprecated", "deprecated", datum_bool(m->is_deprecated)},
        {"Annotations", "annotations",
         (struct datum){.type = DATUM_STRING_MAP, .map = m->annotations}},
        {"KubeVersion", "kubeVersion", datum_string(m->kube_version)},
        {"Dependencies", "dependencies", dependencies(a, m)},
        {"Type", "type", datum_string(m->type)}};
    const struct record_field chart[] = {
        {"Metadata", NULL, record(a, &metadata_class, true, field, HL_COUNT(field))},
        {"IsRoot", "IsRoot", datum_bool(c->parent == NULL)}};

    return record(a, &chart_class, false, chart, HL_COUNT(chart));
}

/* ---- .Capabilities ---- */

static int kube_version_text(struct call *c)
{
    struct datum version;

    if (!record_get(c->receiver.object, STR("Version"), c->a, &version))
        return call_fail(c, "no version");
    return call_return(c, version);
}

static const struct datum_method kube_version_methods[] = {
    {{"String", "", kube_version_text}},
    {{"GitVersion", "", kube_version_text}},
    {{NULL, NULL, NULL}},
};

/* String belongs to the pointer: only an action itself finds it. */
static void kube_version_print(const struct datum_object *o, bool is_direct, struct buf *out)
{
    const struct record *r = (const struct record *)o;

    if (is_direct)
        buf_add(out, datum_str(r->field[0].value));
    else
        record_print(o, false, out);
}

static const struct datum_class kube_version_class = {.type_name = "chartutil.KubeVersion",
                                                      .kind_name = "struct",
                                                      .field = record_get,
                                                      .method = kube_version_methods,
                                                      .print = kube_version_print,
                                                      .member = record_member};
static const struct datum_class build_info_class = RECORD_CLASS("version.BuildInfo", "struct");

static int version_set_has(struct call *c)
{
    for (size_t i = 0; i < datum_count(c->receiver); i++) {
        if (str_eq(datum_str(datum_item(c->receiver, i)), call_str(c, 0)))
            return call_return(c, datum_bool(true));
    }
    return call_return(c, datum_bool(false));
}

static const struct datum_method version_set_methods[] = {
    {{"Has", "s", version_set_has}},
    {{NULL, NULL, NULL}},
};

static const struct datum_class version_set_class = {
    .type_name = "chartutil.VersionSet", .kind_name = "slice", .method = version_set_methods};
/* The address is that of Helm's static defaults, where a template prints its whole context. */
static const struct datum_class capabilities_class = {.type_name = "*chartutil.Capabilities",
                                                      .kind_name = "ptr",
                                                      .field = record_get,
                                                      .print = record_print,
                                                      .member = record_member,
                                                      .address = "0x267aa00"};

struct datum objects_capabilities(struct arena *a, const struct chart_capabilities *k)
{
    const struct record_field kube[] = {{"Version", "Version", datum_string(k->kube_version)},
                                        {"Major", "Major", datum_string(k->kube_major)},
                                        {"Minor", "Minor", datum_string(k->kube_minor)}};
    const struct record_field helm[] = {
        {"Version", "version", datum_string(k->helm_version)},
        {"GitCommit", "git_commit", datum_string(STR(""))},
        {"GitTreeState", "git_tree_state", datum_string(STR(""))},
        {"GoVersion", "go_version", datum_string(STR("go1.26.10"))}};
    struct datum api = texts(a, k->api, k->api_count);
    if (api.list)
        api.list->class = &version_set_class;
    const struct record_field field[] = {
        {"KubeVersion", "KubeVersion", record(a, &kube_version_class, false, kube, HL_COUNT(kube))},
        {"APIVersions", "APIVersions", api},
        {"HelmVersion", "HelmVersion", record(a, &build_info_class, true, helm, HL_COUNT(helm))}};

    return record(a, &capabilities_class, false, field, HL_COUNT(field));
}

/* ---- .Files ---- */

static const struct datum_class files_class;

static struct str file_bytes(const struct call *c)
{
    struct datum_entry *e = datum_map_find(c->receiver.map, call_str(c, 0));

    return e ? datum_str(e->value) : STR("");
}

static int files_get(struct call *c)
{
    return call_return_str(c, file_bytes(c));
}

static int files_get_bytes(struct call *c)
{
    struct str bytes = file_bytes(c);

    return call_return(
        c, (struct datum){.type = DATUM_BYTES, .len = (uint32_t)bytes.len, .bytes = bytes.ptr});
}

static int files_glob(struct call *c)
{
    struct datum_map *m = datum_map_new(c->a);
    const struct chart_glob *pattern = NULL;
    struct err err;
    bool has_all = chart_glob_parse(c->a, call_str(c, 0), &pattern, &err) < 0; /* as Helm has it */

    m->class = &files_class;
    for (size_t i = 0; i < datum_count(c->receiver); i++) {
        const struct datum_entry *e = &c->receiver.map->entry[i];
        bool is_match = has_all;
        if (!has_all && chart_glob_match(pattern, e->key, &is_match, &err) < 0)
            return call_fail(c, "%s", err.text);
        if (is_match)
            datum_map_set(c->a, m, e->key, e->value);
    }
    return call_return(c, (struct datum){.type = DATUM_STRING_MAP, .map = m});
}

static struct str base_of(struct str path)
{
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return str_sub(path, at, path.len);
}

/* A map from base names to texts as YAML, without the last newline. */
static int files_as_yaml(struct call *c, bool is_secret)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct datum_map *m = datum_map_new(c->a);
    struct value *v;
    struct err err;

    for (size_t i = 0; i < datum_count(c->receiver); i++) {
        const struct datum_entry *e = &c->receiver.map->entry[i];
        struct str bytes = datum_str(e->value);
        if (is_secret)
            bytes = base64_encode(c->a, bytes);
        datum_map_set(c->a, m, base_of(e->key), datum_string(bytes));
    }
    if (datum_to_value(c->a, datum_of_map(m), &v, &err) < 0 || yaml_check(v, &err) < 0)
        return call_return_str(c, STR(""));
    yaml_write(&out, v);
    out.len -= str_ends(buf_str(&out), STR("\n"));
    return call_return_buf(c, &out);
}

static int files_as_config(struct call *c)
{
    return files_as_yaml(c, false);
}

static int files_as_secrets(struct call *c)
{
    return files_as_yaml(c, true);
}

static int files_lines(struct call *c)
{
    struct datum_entry *e = datum_map_find(c->receiver.map, call_str(c, 0));
    struct str rest = file_bytes(c);
    struct str *line = NULL;
    size_t count = 0;
    size_t cap = 0;

    if (!e)
        return call_return(c, datum_of_list(DATUM_STRINGS, datum_list_new(c->a, 0)));
    if (rest.len == 0)
        return call_fail(c, "runtime error: index out of range [-1]");
    rest.len -= rest.ptr[rest.len - 1] == '\n';
    for (;;) {
        size_t end = str_find(rest, STR("\n"), 0);
        ARENA_PUSH(c->a, line, count, cap, str_sub(rest, 0, end));
        if (end == SIZE_MAX)
            break;
        rest = str_sub(rest, end + 1, rest.len);
    }
    struct datum lines = texts(c->a, line, count);
    return call_return(c, lines);
}

static const struct datum_method files_methods[] = {
    {{"Get", "s", files_get}},
    {{"GetBytes", "s", files_get_bytes}},
    {{"Glob", "s", files_glob}},
    {{"AsConfig", "", files_as_config}},
    {{"AsSecrets", "", files_as_secrets}},
    {{"Lines", "s", files_lines}},
    {{NULL, NULL, NULL}},
};

static const struct datum_class files_class = {
    .type_name = "engine.files", .kind_name = "map", .method = files_methods};

struct datum objects_files(struct arena *a, const struct chart *c)
{
    struct datum_map *m = datum_map_new(a);

    m->class = &files_class;
    for (size_t i = 0; i < c->file_count; i++) {
        struct str bytes = c->file[i].bytes;
        datum_map_set(
            a, m, c->file[i].name,
            (struct datum){.type = DATUM_BYTES, .len = (uint32_t)bytes.len, .bytes = bytes.ptr});
    }
    return (struct datum){.type = DATUM_STRING_MAP, .map = m};
}
