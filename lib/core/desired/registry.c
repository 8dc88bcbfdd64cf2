/*
 * One file is read whole before the first record enters the registry, so a broken file changes
 * nothing. Records stay sorted by insertion: registries are small and read once a compile.
 */
#include "core/desired/registry.h"

#include <string.h>

#include "base/base64.h"
#include "core/value/yaml.h"

static const char SECRET_TYPE[] = "argocd.argoproj.io/secret-type";

struct str cluster_name_normalized(struct arena *a, struct str name)
{
    char *out = arena_alloc(a, name.len + 1);
    size_t len = 0;
    size_t from = 0;

    for (size_t i = 0; i < name.len && len < CLUSTER_NAME_MAX; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if ((c & 0xc0) == 0x80) /* one "-" per character, not per byte */
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        bool keeps = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        out[len++] = keeps ? (char)c : '-';
    }
    while (len > 0 && (out[len - 1] == '-' || out[len - 1] == '.'))
        len--;
    while (from < len && (out[from] == '-' || out[from] == '.'))
        from++;
    return (struct str){out + from, len - from};
}

/* A copy of a map of scalars with every value a string, or an empty map. */
static int string_map(struct arena *a, const struct value *v, const char *what, struct value **out,
                      struct err *err)
{
    *out = value_map(a);
    if (!v || v->kind == VALUE_NULL)
        return 0;
    if (v->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, v, "%s must be a map, here is a %s", what,
                         value_kind_name(v->kind));
    for (size_t i = 0; i < v->map.count; i++) {
        const struct member *m = &v->map.member[i];
        struct str text;
        if (m->value->kind == VALUE_STRING)
            text = m->value->string;
        else if (m->value->kind == VALUE_BOOL)
            text = m->value->boolean ? STR("true") : STR("false");
        else if (m->value->kind == VALUE_INT)
            text = arena_printf(a, "%lld", (long long)m->value->integer);
        else
            return value_err(err, HL_EINVAL, m->value,
                             "%s." STR_FMT " must be a string, here is a %s", what, STR_ARG(m->key),
                             value_kind_name(m->value->kind));
        value_map_set(a, *out, arena_dup(a, m->key), value_string(a, arena_dup(a, text)));
    }
    return 0;
}

static int finish(struct arena *a, const struct value *v, struct cluster_record *c, struct err *err)
{
    if (c->name.len == 0)
        return value_err(err, HL_EINVAL, v, "cluster record without a name");
    if (c->name.len > CLUSTER_NAME_MAX)
        return value_err(err, HL_ELIMIT, v, "cluster name of %zu bytes, at most %d are allowed",
                         c->name.len, CLUSTER_NAME_MAX);
    if (c->server.len == 0)
        return value_err(err, HL_EINVAL, v, "cluster \"" STR_FMT "\" has no server",
                         STR_ARG(c->name));
    c->name = arena_dup(a, c->name);
    c->server = arena_dup(a, c->server);
    c->name_normalized = cluster_name_normalized(a, c->name);
    if (c->name_normalized.len == 0)
        return value_err(err, HL_EINVAL, v,
                         "cluster name \"" STR_FMT "\" holds neither a letter nor a digit",
                         STR_ARG(c->name));
    c->where = value_pos_of(v);
    c->where.file = arena_dup(a, c->where.file);
    return 0;
}

static int read_plain(struct arena *a, const struct value *v, struct cluster_record *c,
                      struct err *err)
{
    static const char *const keys[] = {"name", "server", "labels", "annotations"};

    for (size_t i = 0; i < v->map.count; i++) {
        const struct member *m = &v->map.member[i];
        size_t k = 0;
        while (k < HL_COUNT(keys) && !str_eq(m->key, str_from(keys[k])))
            k++;
        if (k == HL_COUNT(keys))
            return err_at(
                err, HL_EINVAL, value_pos_of(v).file, m->key_line, m->key_column,
                "a cluster record has name, server, labels and annotations, not \"" STR_FMT "\"",
                STR_ARG(m->key));
        if (k < 2 && m->value->kind != VALUE_STRING)
            return value_err(err, HL_EINVAL, m->value, "%s must be a string, here is a %s", keys[k],
                             value_kind_name(m->value->kind));
    }
    c->name = value_get_str(v, "name");
    c->server = value_get_str(v, "server");
    int rc = string_map(a, value_get(v, STR("labels")), "labels", &c->labels, err);
    if (rc == 0)
        rc = string_map(a, value_get(v, STR("annotations")), "annotations", &c->annotations, err);
    if (rc < 0)
        return rc;
    if (!value_get(c->labels, str_from(SECRET_TYPE)))
        value_map_set(a, c->labels, str_from(SECRET_TYPE), value_string(a, STR("cluster")));
    return finish(a, v, c, err);
}

/* stringData wins over data, as in the API server. */
static int secret_field(struct arena *a, const struct value *secret, const char *key,
                        struct str *out, struct err *err)
{
    const struct value *plain = value_path(secret, "stringData", key, NULL);
    const struct value *coded = value_path(secret, "data", key, NULL);

    *out = value_str(plain);
    if (plain || !coded)
        return 0;
    if (!base64_decode(a, value_str(coded), out, NULL) || !str_is_utf8(*out))
        return value_err(err, HL_EINVAL, coded, "data.%s of a cluster Secret is not base64 text",
                         key);
    return 0;
}

static int read_secret(struct arena *a, const struct value *v, struct cluster_record *c,
                       struct err *err)
{
    const struct value *meta = value_get(v, STR("metadata"));
    int rc = string_map(a, value_get(meta, STR("labels")), "labels", &c->labels, err);
    if (rc == 0)
        rc =
            string_map(a, value_get(meta, STR("annotations")), "annotations", &c->annotations, err);
    if (rc == 0 && !str_eq(value_get_str(c->labels, SECRET_TYPE), STR("cluster")))
        rc = value_err(err, HL_EINVAL, v,
                       "a Secret among the cluster records must have the label "
                       "%s: cluster",
                       SECRET_TYPE);
    if (rc == 0)
        rc = secret_field(a, v, "name", &c->name, err);
    if (rc == 0)
        rc = secret_field(a, v, "server", &c->server, err);
    return rc < 0 ? rc : finish(a, v, c, err);
}

static int read_record(struct arena *a, const struct value *v, struct cluster_record *c,
                       struct err *err)
{
    if (v->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, v, "a cluster record must be a map, here is a %s",
                         value_kind_name(v->kind));
    if (str_eq(value_get_str(v, "kind"), STR("Secret")) && value_get(v, STR("apiVersion")))
        return read_secret(a, v, c, err);
    return read_plain(a, v, c, err);
}

/* Where the name is or belongs. */
static size_t position(const struct registry *r, struct str name, bool *is_there)
{
    size_t low = 0;
    size_t high = r->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (str_cmp(r->cluster[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *is_there = low < r->count && str_eq(r->cluster[low].name, name);
    return low;
}

static int insert(struct registry *r, struct arena *a, const struct cluster_record *c,
                  struct err *err)
{
    bool is_there;
    size_t at = position(r, c->name, &is_there);

    if (is_there) {
        struct value_pos first = r->cluster[at].where;
        return err_at(err, HL_EINVAL, c->where.file, c->where.line, c->where.column,
                      "cluster \"" STR_FMT "\" is already defined at " STR_FMT ":%u:%u",
                      STR_ARG(c->name), STR_ARG(first.file), first.line, first.column);
    }
    if (r->count == CLUSTER_COUNT_MAX)
        return err_at(err, HL_ELIMIT, c->where.file, c->where.line, c->where.column,
                      "more than %d clusters", CLUSTER_COUNT_MAX);
    ARENA_PUSH(a, r->cluster, r->count, r->cap, *c);
    memmove(&r->cluster[at + 1], &r->cluster[at], (r->count - 1 - at) * sizeof(*c));
    r->cluster[at] = *c;
    return 0;
}

static int add_value(struct registry *r, struct arena *a, const struct value *v, struct err *err)
{
    struct cluster_record c = {0};

    if (v->kind == VALUE_LIST) {
        for (size_t i = 0; i < v->list.count; i++) {
            int rc = add_value(r, a, v->list.item[i], err);
            if (rc < 0)
                return rc;
        }
        return 0;
    }
    int rc = read_record(a, v, &c, err);
    return rc < 0 ? rc : insert(r, a, &c, err);
}

int registry_add(struct registry *r, struct arena *a, struct str text, struct str file,
                 struct err *err)
{
    struct value **document;
    size_t count;
    int rc = yaml_read_all(a, text, file, &document, &count, err);
    if (rc < 0)
        return rc;

    struct registry grown = {arena_array(a, struct cluster_record, r->count + 1), r->count,
                             r->count + 1};
    if (r->count > 0)
        memcpy(grown.cluster, r->cluster, r->count * sizeof(*r->cluster));
    for (size_t i = 0; i < count; i++) {
        if (document[i]->kind == VALUE_NULL)
            continue;
        rc = add_value(&grown, a, document[i], err);
        if (rc < 0)
            return rc;
    }
    *r = grown;
    return 0;
}

const struct cluster_record *registry_find(const struct registry *r, struct str name)
{
    bool is_there;
    size_t at = position(r, name, &is_there);
    return is_there ? &r->cluster[at] : NULL;
}
