/*
 * Two tables say everything: the flags under `automated`, and the "Name=true" entries of
 * `syncOptions`. The bundle's tree is written from and read by the same tables.
 */
#include "core/desired/sync.h"

#include <stddef.h>

enum { DURATION_MS_MAX = 31 * 24 * 3600 * 1000LL };

struct flag {
    const char *name;
    size_t offset;
};

#define FLAG(name, member)                                                                         \
    {                                                                                              \
        name, offsetof(struct sync_options, member)                                                \
    }

static const struct flag automated_flags[] = {
    FLAG("prune", prune),
    FLAG("selfHeal", self_heal),
    FLAG("allowEmpty", allow_empty),
    FLAG("enabled", automated),
};

static const struct flag option_flags[] = {
    FLAG("CreateNamespace", create_namespace),
    FLAG("ServerSideApply", server_side_apply),
    FLAG("Replace", replace),
    FLAG("Force", force),
    FLAG("Validate", validate),
    FLAG("PruneLast", prune_last),
    FLAG("ApplyOutOfSyncOnly", apply_out_of_sync_only),
    FLAG("RespectIgnoreDifferences", respect_ignore_differences),
    FLAG("SkipDryRunOnMissingResource", skip_dry_run_on_missing_resource),
    FLAG("FailOnSharedResource", fail_on_shared_resource),
};

static bool *flag_at(struct sync_options *s, const struct flag *f)
{
    return (bool *)((char *)s + f->offset);
}

struct sync_options sync_defaults(void)
{
    return (struct sync_options){
        .validate = true,
        .prune_propagation = STR("foreground"),
        .retry_limit = 5,
        .retry_base_ms = 5000,
        .retry_factor = 2,
        .retry_max_ms = 180000,
    };
}

static int wants_kind(const struct value *v, enum value_kind kind, const char *what,
                      struct err *err)
{
    if (v->kind == kind)
        return 0;
    return value_err(err, HL_EINVAL, v, "%s must be a %s, here is a %s", what,
                     value_kind_name(kind), value_kind_name(v->kind));
}

static int read_automated(struct sync_options *s, const struct value *v,
                          const struct value **unknown, struct err *err)
{
    if (!v || v->kind == VALUE_NULL)
        return 0;
    int rc = wants_kind(v, VALUE_MAP, "syncPolicy.automated", err);
    s->automated = true;
    for (size_t i = 0; rc == 0 && i < v->map.count; i++) {
        const struct member *m = &v->map.member[i];
        size_t f = 0;
        while (f < HL_COUNT(automated_flags) && !str_eq(m->key, str_from(automated_flags[f].name)))
            f++;
        if (f == HL_COUNT(automated_flags)) {
            *unknown = m->value;
            continue;
        }
        rc = wants_kind(m->value, VALUE_BOOL, automated_flags[f].name, err);
        if (rc == 0)
            *flag_at(s, &automated_flags[f]) = m->value->boolean;
    }
    return rc;
}

static int read_option(struct sync_options *s, const struct value *v, const struct value **unknown,
                       struct err *err)
{
    int rc = wants_kind(v, VALUE_STRING, "an entry of syncOptions", err);
    if (rc < 0)
        return rc;

    struct str value = v->string;
    struct str name = str_trim(str_cut(&value, '='));
    value = str_trim(value);
    if (str_eq(name, STR("PrunePropagationPolicy"))) {
        s->prune_propagation = value;
        return 0;
    }
    for (size_t f = 0; f < HL_COUNT(option_flags); f++) {
        if (!str_eq(name, str_from(option_flags[f].name)))
            continue;
        if (!str_eq(value, STR("true")) && !str_eq(value, STR("false")))
            return value_err(err, HL_EINVAL, v, "%s must be true or false, here is \"" STR_FMT "\"",
                             option_flags[f].name, STR_ARG(value));
        *flag_at(s, &option_flags[f]) = str_eq(value, STR("true"));
        return 0;
    }
    *unknown = v;
    return 0;
}

static int64_t unit_ms(struct str unit)
{
    if (str_eq(unit, STR("ms")))
        return 1;
    if (unit.len == 0 || str_eq(unit, STR("s")))
        return 1000;
    if (str_eq(unit, STR("m")))
        return 60000;
    return str_eq(unit, STR("h")) ? 3600000 : 0;
}

/* Go's durations without fractions ("5s", "1m30s"); a bare number is seconds, as in Argo CD. */
static int read_duration(const struct value *v, int64_t *out, struct err *err)
{
    int64_t total = 0;
    struct str text = value_str(v);

    if (v->kind == VALUE_INT && v->integer >= 0 && v->integer <= DURATION_MS_MAX / 1000) {
        *out = v->integer * 1000;
        return 0;
    }
    for (size_t i = 0; i < text.len;) {
        size_t digits = i;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
            i++;
        size_t unit = i;
        while (i < text.len && (text.ptr[i] < '0' || text.ptr[i] > '9'))
            i++;
        int64_t number;
        int64_t scale = unit_ms(str_sub(text, unit, i));
        if (!str_to_i64(str_sub(text, digits, unit), &number) || scale == 0 ||
            number > DURATION_MS_MAX / scale || total + number * scale > DURATION_MS_MAX)
            return value_err(err, HL_EINVAL, v,
                             "\"" STR_FMT "\" is no duration up to 31 days such as 5s, 1m30s or 2h",
                             STR_ARG(text));
        total += number * scale;
    }
    if (text.len == 0)
        return value_err(err, HL_EINVAL, v, "a duration such as 5s, 1m30s or 2h is missing");
    *out = total;
    return 0;
}

static int read_int(const struct value *v, const char *what, int64_t *out, struct err *err)
{
    int rc = wants_kind(v, VALUE_INT, what, err);
    if (rc == 0)
        *out = v->integer;
    return rc;
}

static int read_retry(struct sync_options *s, const struct value *v, struct err *err)
{
    if (!v || v->kind == VALUE_NULL)
        return 0;
    int rc = wants_kind(v, VALUE_MAP, "syncPolicy.retry", err);
    const struct value *limit = value_get(v, STR("limit"));
    const struct value *base = value_path(v, "backoff", "duration", NULL);
    const struct value *factor = value_path(v, "backoff", "factor", NULL);
    const struct value *max = value_path(v, "backoff", "maxDuration", NULL);

    if (rc == 0 && limit)
        rc = read_int(limit, "retry.limit", &s->retry_limit, err);
    if (rc == 0 && factor)
        rc = read_int(factor, "retry.backoff.factor", &s->retry_factor, err);
    if (rc == 0 && base)
        rc = read_duration(base, &s->retry_base_ms, err);
    if (rc == 0 && max)
        rc = read_duration(max, &s->retry_max_ms, err);
    if (rc == 0 && (s->retry_factor < 1 || s->retry_factor > 100))
        rc = value_err(err, HL_EINVAL, factor ? factor : v,
                       "retry.backoff.factor must be 1 to 100, here is %lld",
                       (long long)s->retry_factor);
    return rc;
}

static int read_metadata(const struct value *m, const char *key, const struct value **out,
                         struct err *err)
{
    const struct value *v = value_get(m, str_from(key));
    if (!v || v->kind == VALUE_NULL)
        return 0;
    int rc = wants_kind(v, VALUE_MAP, key, err);
    for (size_t i = 0; rc == 0 && i < v->map.count; i++)
        rc = wants_kind(v->map.member[i].value, VALUE_STRING, "a label or annotation", err);
    if (rc == 0 && v->map.count > 0)
        *out = v;
    return rc;
}

static int read_policy(struct sync_options *s, const struct value *policy,
                       const struct value **unknown, struct err *err)
{
    static const char *const keys[] = {"automated", "syncOptions", "retry",
                                       "managedNamespaceMetadata"};
    int rc = wants_kind(policy, VALUE_MAP, "syncPolicy", err);

    for (size_t i = 0; rc == 0 && i < policy->map.count; i++) {
        size_t k = 0;
        while (k < HL_COUNT(keys) && !str_eq(policy->map.member[i].key, str_from(keys[k])))
            k++;
        if (k == HL_COUNT(keys))
            *unknown = policy->map.member[i].value;
    }
    if (rc == 0)
        rc = read_automated(s, value_get(policy, STR("automated")), unknown, err);

    const struct value *options = value_get(policy, STR("syncOptions"));
    if (rc == 0 && options && options->kind != VALUE_NULL)
        rc = wants_kind(options, VALUE_LIST, "syncPolicy.syncOptions", err);
    for (size_t i = 0; rc == 0 && options && options->kind == VALUE_LIST && i < options->list.count;
         i++)
        rc = read_option(s, options->list.item[i], unknown, err);
    if (rc == 0)
        rc = read_retry(s, value_get(policy, STR("retry")), err);

    const struct value *metadata = value_get(policy, STR("managedNamespaceMetadata"));
    if (rc == 0)
        rc = read_metadata(metadata, "labels", &s->namespace_labels, err);
    if (rc == 0)
        rc = read_metadata(metadata, "annotations", &s->namespace_annotations, err);
    return rc;
}

int sync_options_read(struct sync_options *out, const struct value *policy,
                      const struct value *set_policy, const struct value **out_unknown,
                      struct err *err)
{
    struct sync_options s = sync_defaults();
    const struct value *unknown = NULL;
    int rc = 0;

    if (policy && policy->kind != VALUE_NULL)
        rc = read_policy(&s, policy, &unknown, err);
    const struct value *keep = value_get(set_policy, STR("preserveResourcesOnDeletion"));
    if (rc == 0 && keep) {
        rc = wants_kind(keep, VALUE_BOOL, "preserveResourcesOnDeletion", err);
        s.preserve_resources_on_deletion = rc == 0 && keep->boolean;
    }
    if (rc < 0)
        return rc;
    *out = s;
    if (out_unknown)
        *out_unknown = unknown;
    return 0;
}

struct value *sync_options_value(struct arena *a, const struct sync_options *s)
{
    struct sync_options copy = *s;
    struct value *v = value_map(a);

    for (size_t f = 0; f < HL_COUNT(automated_flags); f++)
        value_map_set_bool(a, v, automated_flags[f].name, *flag_at(&copy, &automated_flags[f]));
    for (size_t f = 0; f < HL_COUNT(option_flags); f++)
        value_map_set_bool(a, v, option_flags[f].name, *flag_at(&copy, &option_flags[f]));
    value_map_set_bool(a, v, "preserveResourcesOnDeletion", s->preserve_resources_on_deletion);
    value_map_set_str(a, v, "PrunePropagationPolicy", s->prune_propagation);
    value_map_set_int(a, v, "retryLimit", s->retry_limit);
    value_map_set_int(a, v, "retryBaseMs", s->retry_base_ms);
    value_map_set_int(a, v, "retryFactor", s->retry_factor);
    value_map_set_int(a, v, "retryMaxMs", s->retry_max_ms);
    if (s->namespace_labels)
        value_map_set(a, v, STR("namespaceLabels"), value_copy(a, s->namespace_labels));
    if (s->namespace_annotations)
        value_map_set(a, v, STR("namespaceAnnotations"), value_copy(a, s->namespace_annotations));
    return v;
}

int sync_options_open(struct sync_options *out, const struct value *tree, struct err *err)
{
    struct sync_options s = sync_defaults();

    if (!tree || tree->kind != VALUE_MAP)
        return err_set(err, HL_ECORRUPT, "sync options are no map");
    for (size_t f = 0; f < HL_COUNT(automated_flags); f++)
        *flag_at(&s, &automated_flags[f]) = value_get_bool(tree, automated_flags[f].name, false);
    for (size_t f = 0; f < HL_COUNT(option_flags); f++)
        *flag_at(&s, &option_flags[f]) = value_get_bool(tree, option_flags[f].name, false);
    s.preserve_resources_on_deletion = value_get_bool(tree, "preserveResourcesOnDeletion", false);
    s.prune_propagation = value_get_str(tree, "PrunePropagationPolicy");
    s.retry_limit = value_get_int(tree, "retryLimit", s.retry_limit);
    s.retry_base_ms = value_get_int(tree, "retryBaseMs", s.retry_base_ms);
    s.retry_factor = value_get_int(tree, "retryFactor", s.retry_factor);
    s.retry_max_ms = value_get_int(tree, "retryMaxMs", s.retry_max_ms);

    const struct value *unwanted;
    int rc = 0;
    struct {
        const char *key;
        const struct value **to;
    } maps[] = {
        {"namespaceLabels", &s.namespace_labels},
        {"namespaceAnnotations", &s.namespace_annotations},
    };
    for (size_t i = 0; rc == 0 && i < HL_COUNT(maps); i++) {
        unwanted = NULL;
        rc = read_metadata(tree, maps[i].key, &unwanted, err);
        *maps[i].to = unwanted;
    }
    if (rc == 0)
        *out = s;
    return rc < 0 ? HL_ECORRUPT : 0;
}
