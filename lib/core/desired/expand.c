/*
 * A look-up is a root (.metadata.labels, .values, .name, ...) and a key behind it. The key may
 * itself hold dots in the older form, so roots are matched by prefix, longest first.
 */
#include "core/desired/expand.h"

struct scope {
    const struct cluster_record *cluster;
    const struct value *values;
};

static const char *const maps[] = {"metadata.labels", "metadata.annotations", "values"};

static const struct value *map_of(const struct scope *s, size_t which)
{
    return which == 0 ? s->cluster->labels : which == 1 ? s->cluster->annotations : s->values;
}

/* Looks `path` up ("metadata.labels.x", "name"). 0, 1: no such root, or HL_EABSENT. */
static int look_up(const struct scope *s, struct str path, struct str *out, struct err *err)
{
    if (str_eq(path, STR("name"))) {
        *out = s->cluster->name;
        return 0;
    }
    if (str_eq(path, STR("nameNormalized"))) {
        *out = s->cluster->name_normalized;
        return 0;
    }
    if (str_eq(path, STR("server"))) {
        *out = s->cluster->server;
        return 0;
    }
    for (size_t i = 0; i < HL_COUNT(maps); i++) {
        struct str root = str_from(maps[i]);
        if (!str_starts(path, root) || path.len < root.len + 2 || path.ptr[root.len] != '.')
            continue;
        struct str key = str_sub(path, root.len + 1, path.len);
        const struct value *v = value_get(map_of(s, i), key);
        if (!v || v->kind != VALUE_STRING)
            return err_set(err, HL_EABSENT, "cluster \"" STR_FMT "\" has no %s." STR_FMT,
                           STR_ARG(s->cluster->name), maps[i], STR_ARG(key));
        *out = v->string;
        return 0;
    }
    return 1;
}

/* A Go identifier path such as ".metadata.labels.x": the bytes between its dots. */
static bool is_field_path(struct str e)
{
    for (size_t i = 0; i < e.len; i++) {
        char c = e.ptr[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
        if (!is_word && (c != '.' || (i > 0 && e.ptr[i - 1] == '.')))
            return false;
    }
    return e.len > 1 && e.ptr[0] == '.' && e.ptr[e.len - 1] != '.';
}

/* index .metadata.labels "x" */
static bool index_path(struct arena *a, struct str e, struct str *out)
{
    struct str rest = e;
    if (!str_eq(str_cut(&rest, ' '), STR("index")))
        return false;
    rest = str_trim(rest);
    struct str root = str_cut(&rest, ' ');
    rest = str_trim(rest);
    if (!is_field_path(root) || rest.len < 3)
        return false;
    char quote = rest.ptr[0];
    struct str key = str_sub(rest, 1, rest.len - 1);
    if ((quote != '"' && quote != '`') || rest.ptr[rest.len - 1] != quote ||
        str_has_byte(key, quote) || str_has_byte(key, '\\'))
        return false;
    *out = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(str_sub(root, 1, root.len)), STR_ARG(key));
    return true;
}

static bool is_plain_path(struct str e)
{
    for (size_t i = 0; i < e.len; i++) {
        char c = e.ptr[i];
        if (c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '(' || c == '|' || c == '$')
            return false;
    }
    return e.len > 0 && e.ptr[0] != '.';
}

static int evaluate(struct arena *a, const struct scope *s, struct str expression, struct str *out,
                    struct err *err)
{
    struct str e = str_trim(expression);
    struct str path;
    int rc = 1;

    /* "{{-" and "-}}" trim around the action; what that does to the text is not ours to guess. */
    if (is_field_path(e))
        rc = look_up(s, str_sub(e, 1, e.len), out, err);
    else if (index_path(a, e, &path) || (is_plain_path(e) && (path = e, true)))
        rc = look_up(s, path, out, err);
    if (rc <= 0)
        return rc;
    return err_set(err, HL_EUNSUPPORTED, "the template {{" STR_FMT "}}, which is no plain look-up",
                   STR_ARG(expression));
}

int expand_text(struct arena *a, struct str text, const struct cluster_record *cluster,
                const struct value *values, struct str *out, struct err *err)
{
    const struct scope s = {cluster, values};
    HL_CLEANUP(buf_deinit) struct buf done = {0};
    size_t at = 0;

    if (str_find(text, STR("{{"), 0) == SIZE_MAX) {
        *out = text;
        return 0;
    }
    for (;;) {
        size_t open = str_find(text, STR("{{"), at);
        buf_add(&done, str_sub(text, at, open));
        if (open == SIZE_MAX)
            break;
        size_t close = str_find(text, STR("}}"), open + 2);
        if (close == SIZE_MAX)
            return err_set(err, HL_EINVAL, "\"{{\" without \"}}\" in \"" STR_FMT "\"",
                           STR_ARG(text));
        struct str found;
        int rc = evaluate(a, &s, str_sub(text, open + 2, close), &found, err);
        if (rc < 0)
            return rc;
        if (done.len + found.len > EXPAND_BYTES_MAX)
            return err_set(err, HL_ELIMIT, "a value of more than %d bytes", EXPAND_BYTES_MAX);
        buf_add(&done, found);
        at = close + 2;
    }
    *out = arena_dup(a, buf_str(&done));
    return 0;
}

static int expand_string(struct arena *a, const struct value *v,
                         const struct cluster_record *cluster, const struct value *values,
                         struct value **out, struct err *err)
{
    struct err inner;
    struct str text;
    int rc = expand_text(a, v->string, cluster, values, &text, &inner);
    if (rc < 0)
        return value_err(err, rc, v, "%s", inner.text);

    struct value *copy = value_string(a, text);
    copy->line = v->line;
    copy->column = v->column;
    copy->file = v->file;
    *out = copy;
    return 0;
}

int expand_value(struct arena *a, const struct value *v, const struct cluster_record *cluster,
                 const struct value *values, struct value **out, struct err *err)
{
    struct value *copy;
    int rc = 0;

    if (v->kind == VALUE_STRING)
        return expand_string(a, v, cluster, values, out, err);
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP) {
        copy = arena_one(a, struct value);
        *copy = *v;
        *out = copy;
        return 0;
    }
    copy = v->kind == VALUE_LIST ? value_list(a) : value_map(a);
    copy->line = v->line;
    copy->column = v->column;
    copy->file = v->file;
    for (size_t i = 0; rc == 0 && v->kind == VALUE_LIST && i < v->list.count; i++) {
        struct value *item;
        rc = expand_value(a, v->list.item[i], cluster, values, &item, err);
        if (rc == 0)
            value_list_add(a, copy, item);
    }
    for (size_t i = 0; rc == 0 && v->kind == VALUE_MAP && i < v->map.count; i++) {
        struct value *item;
        struct str key;
        rc = expand_text(a, v->map.member[i].key, cluster, values, &key, err);
        if (rc == 0)
            rc = expand_value(a, v->map.member[i].value, cluster, values, &item, err);
        if (rc == 0)
            value_map_set(a, copy, key, item);
    }
    if (rc == 0)
        *out = copy;
    return rc;
}
