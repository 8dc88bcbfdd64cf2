/*
 * Where we are stricter than Argo CD: a YAML file that is not well-formed, or gives a key two
 * different values, is an error even when nothing in it looks like a manifest. There it would be
 * skipped, and with pruning on, skipping a half-written file deletes what it used to define.
 */
#include "core/desired/manifest.h"

#include "core/value/json.h"
#include "core/value/yaml.h"

enum manifest_format manifest_format_of(struct str file_name)
{
    if (str_ends(file_name, STR(".yaml")) || str_ends(file_name, STR(".yml")))
        return MANIFEST_YAML;
    if (str_ends(file_name, STR(".json")))
        return MANIFEST_JSON;
    return str_ends(file_name, STR(".jsonnet")) ? MANIFEST_JSONNET : MANIFEST_NONE;
}

static bool is_object(const struct value *v)
{
    return v->kind == VALUE_MAP && value_get_str(v, "kind").len > 0;
}

static int not_an_object(const struct value *v, struct err *err)
{
    if (v->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, v, "a Kubernetes object must be a map, here is a %s",
                         value_kind_name(v->kind));
    return value_err(err, HL_EINVAL, v, "a Kubernetes object without a kind");
}

static int collect(struct arena *a, struct manifest_objects *c, struct value *v, struct err *err)
{
    const struct value *items;

    if (!is_object(v))
        return not_an_object(v, err);
    items = value_get(v, STR("items"));
    if (items && items->kind == VALUE_LIST) {
        for (size_t i = 0; i < items->list.count; i++) {
            int rc = collect(a, c, items->list.item[i], err);
            if (rc < 0)
                return rc;
        }
        return 0;
    }
    if (value_get_str(v, "apiVersion").len == 0)
        return value_err(err, HL_EINVAL, v, "a " STR_FMT " without an apiVersion",
                         STR_ARG(value_get_str(v, "kind")));
    if (c->count == MANIFEST_DOCUMENTS_MAX)
        return value_err(err, HL_ELIMIT, v, "more than %d objects in one file",
                         MANIFEST_DOCUMENTS_MAX);
    ARENA_PUSH(a, c->item, c->count, c->cap, v);
    return 0;
}

static bool looks_like_a_manifest(struct str text)
{
    return str_find(text, STR("apiVersion:"), 0) != SIZE_MAX &&
           str_find(text, STR("kind:"), 0) != SIZE_MAX &&
           str_find(text, STR("metadata:"), 0) != SIZE_MAX;
}

static int read_yaml(struct arena *a, struct str path, struct str text, struct manifest_objects *c,
                     struct value_pos *twin, struct err *err)
{
    struct value **document;
    size_t count;
    int rc = yaml_read_manifests(a, text, path, &document, &count, twin, err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (document[i]->kind == VALUE_NULL)
            continue;
        if (c->count == 0 && !is_object(document[i]) && !looks_like_a_manifest(text))
            return MANIFEST_IGNORED;
        rc = collect(a, c, document[i], err);
    }
    return rc;
}

int manifest_read(struct arena *a, struct str path, struct str text, struct value ***out,
                  size_t *out_count, struct value_pos *out_twin, struct err *err)
{
    struct value_pos twin = {0};
    struct manifest_objects c = {0};
    int rc;

    if (manifest_format_of(path) == MANIFEST_JSON) {
        struct value *v;
        rc = json_read(a, text, path, &v, err);
        if (rc == 0)
            rc = collect(a, &c, v, err);
    } else {
        rc = read_yaml(a, path, text, &c, &twin, err);
    }
    if (rc == MANIFEST_OBJECTS) {
        *out = c.item;
        *out_count = c.count;
        if (out_twin)
            *out_twin = twin;
    }
    return rc;
}

int manifest_read_rendered(struct arena *a, struct str path, struct str text,
                           struct manifest_objects *out, struct err *err)
{
    struct value *document;
    int rc = yaml_read_first(a, text, path, &document, err);

    if (rc < 0 || document->kind == VALUE_NULL)
        return rc;
    return collect(a, out, document, err);
}
