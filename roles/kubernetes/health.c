/* One function a kind; the rules are those of Argo CD's and kstatus, the stricter one chosen. */
#include "roles/kubernetes/health.h"

static const struct value *condition(const struct value *live, const char *type)
{
    const struct value *list = value_path(live, "status", "conditions", NULL);

    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (str_eq(value_get_str(list->list.item[i], "type"), str_from(type)))
            return list->list.item[i];
    }
    return NULL;
}

static bool is_condition(const struct value *live, const char *type, const char *status)
{
    return str_eq(value_get_str(condition(live, type), "status"), str_from(status));
}

static int64_t spec_int(const struct value *live, const char *key, int64_t otherwise)
{
    return value_get_int(value_get(live, STR("spec")), key, otherwise);
}

static int64_t status_int(const struct value *live, const char *key)
{
    return value_get_int(value_get(live, STR("status")), key, 0);
}

static enum health deployment(const struct value *live)
{
    int64_t replicas = spec_int(live, "replicas", 1);
    int64_t updated = status_int(live, "updatedReplicas");

    if (value_get_bool(value_get(live, STR("spec")), "paused", false))
        return HEALTH_SUSPENDED;
    if (str_eq(value_get_str(condition(live, "Progressing"), "reason"),
               STR("ProgressDeadlineExceeded")) ||
        is_condition(live, "ReplicaFailure", "True"))
        return HEALTH_DEGRADED;
    if (!value_path(live, "status", "observedGeneration", NULL))
        return HEALTH_PROGRESSING;
    bool is_done = updated >= replicas && status_int(live, "replicas") <= updated &&
                   status_int(live, "availableReplicas") >= updated;
    return is_done ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

static enum health stateful_set(const struct value *live)
{
    const struct value *strategy = value_path(live, "spec", "updateStrategy", NULL);
    int64_t replicas = spec_int(live, "replicas", 1);
    int64_t partition = value_get_int(value_get(strategy, STR("rollingUpdate")), "partition", 0);
    const struct value *status = value_get(live, STR("status"));

    if (!value_get(status, STR("observedGeneration")))
        return HEALTH_PROGRESSING;
    if (str_eq(value_get_str(strategy, "type"), STR("OnDelete")))
        return HEALTH_HEALTHY;
    if (status_int(live, "readyReplicas") < replicas)
        return HEALTH_PROGRESSING;
    if (partition > 0)
        return status_int(live, "updatedReplicas") >= replicas - partition ? HEALTH_HEALTHY
                                                                           : HEALTH_PROGRESSING;
    return str_eq(value_get_str(status, "updateRevision"), value_get_str(status, "currentRevision"))
               ? HEALTH_HEALTHY
               : HEALTH_PROGRESSING;
}

static enum health daemon_set(const struct value *live)
{
    int64_t wanted = status_int(live, "desiredNumberScheduled");

    if (!value_path(live, "status", "observedGeneration", NULL))
        return HEALTH_PROGRESSING;
    if (str_eq(value_str(value_path(live, "spec", "updateStrategy", "type", NULL)),
               STR("OnDelete")))
        return HEALTH_HEALTHY;
    bool is_done = status_int(live, "updatedNumberScheduled") >= wanted &&
                   status_int(live, "numberAvailable") >= wanted;
    return is_done ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

static enum health replica_set(const struct value *live)
{
    if (is_condition(live, "ReplicaFailure", "True"))
        return HEALTH_DEGRADED;
    return status_int(live, "availableReplicas") >= spec_int(live, "replicas", 1)
               ? HEALTH_HEALTHY
               : HEALTH_PROGRESSING;
}

static enum health job(const struct value *live)
{
    if (is_condition(live, "Failed", "True"))
        return HEALTH_DEGRADED;
    if (is_condition(live, "Suspended", "True"))
        return HEALTH_SUSPENDED;
    return is_condition(live, "Complete", "True") ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

static enum health pod(const struct value *live)
{
    struct str phase = value_str(value_path(live, "status", "phase", NULL));

    if (str_eq(phase, STR("Succeeded")))
        return HEALTH_HEALTHY;
    if (str_eq(phase, STR("Failed")))
        return HEALTH_DEGRADED;
    return is_condition(live, "Ready", "True") ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

static enum health claim(const struct value *live)
{
    struct str phase = value_str(value_path(live, "status", "phase", NULL));

    if (str_eq(phase, STR("Bound")))
        return HEALTH_HEALTHY;
    return str_eq(phase, STR("Lost")) ? HEALTH_DEGRADED : HEALTH_PROGRESSING;
}

static enum health definition(const struct value *live)
{
    if (is_condition(live, "NamesAccepted", "False") ||
        is_condition(live, "NonStructuralSchema", "True"))
        return HEALTH_DEGRADED;
    return is_condition(live, "Established", "True") ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

static enum health api_service(const struct value *live)
{
    return is_condition(live, "Available", "True") ? HEALTH_HEALTHY : HEALTH_PROGRESSING;
}

/* kstatus' conditions, for kinds that nobody here knows. */
static enum health generic(const struct value *live)
{
    if (is_condition(live, "Stalled", "True"))
        return HEALTH_DEGRADED;
    if (is_condition(live, "Reconciling", "True"))
        return HEALTH_PROGRESSING;
    return !condition(live, "Ready") || is_condition(live, "Ready", "True") ? HEALTH_HEALTHY
                                                                            : HEALTH_PROGRESSING;
}

static struct str group_of(const struct value *live)
{
    struct str version = value_get_str(live, "apiVersion");
    struct str group = str_cut(&version, '/');

    return version.len > 0 ? group : STR_NONE;
}

enum health health_of(const struct value *live)
{
    static const struct {
        struct str group;
        struct str kind;
        enum health (*judge)(const struct value *live);
    } rules[] = {
        {STR("apps"), STR("Deployment"), deployment},
        {STR("apps"), STR("StatefulSet"), stateful_set},
        {STR("apps"), STR("DaemonSet"), daemon_set},
        {STR("apps"), STR("ReplicaSet"), replica_set},
        {STR("batch"), STR("Job"), job},
        {STR(""), STR("Pod"), pod},
        {STR(""), STR("PersistentVolumeClaim"), claim},
        {STR("apiextensions.k8s.io"), STR("CustomResourceDefinition"), definition},
        {STR("apiregistration.k8s.io"), STR("APIService"), api_service},
    };
    const struct value *metadata = value_get(live, STR("metadata"));
    const struct value *status = value_get(live, STR("status"));
    struct str kind = value_get_str(live, "kind");

    if (!metadata || kind.len == 0)
        return HEALTH_UNKNOWN;
    if (value_get_str(metadata, "deletionTimestamp").len > 0)
        return HEALTH_PROGRESSING;
    if (value_get(status, STR("observedGeneration")) &&
        value_get_int(status, "observedGeneration", 0) < value_get_int(metadata, "generation", 0))
        return HEALTH_PROGRESSING;
    for (size_t i = 0; i < HL_COUNT(rules); i++) {
        if (str_eq(rules[i].kind, kind) && str_eq(rules[i].group, group_of(live)))
            return rules[i].judge(live);
    }
    return generic(live);
}

const char *health_name(enum health h)
{
    static const char *const names[] = {"Healthy", "Suspended", "Progressing",
                                        "Missing", "Degraded",  "Unknown"};

    return names[h];
}
