/* Health from live objects, a line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/value/yaml.h"
#include "roles/kubernetes/health.h"

static void each_kind_is_judged_by_its_own_rule(void **state)
{
    static const struct {
        const char *live;
        enum health health;
    } cases[] = {
        {"{}", HEALTH_UNKNOWN},
        {"{apiVersion: v1, kind: ConfigMap, metadata: {}}", HEALTH_HEALTHY},
        {"{apiVersion: v1, kind: ConfigMap, metadata: {deletionTimestamp: now}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: Deployment, metadata: {}}", HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 2}, "
         "status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 2}, "
         "status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1}}",
         HEALTH_HEALTHY},
        {"{apiVersion: apps/v1, kind: Deployment, metadata: {}, spec: {replicas: 2}, "
         "status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: Deployment, metadata: {}, spec: {paused: true}}",
         HEALTH_SUSPENDED},
        {"{apiVersion: apps/v1, kind: Deployment, metadata: {}, status: {conditions: [{type: "
         "Progressing, reason: ProgressDeadlineExceeded}]}}",
         HEALTH_DEGRADED},
        {"{apiVersion: example.net/v1, kind: Deployment, metadata: {}}", HEALTH_HEALTHY},
        {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {}, spec: {replicas: 2}, status: "
         "{observedGeneration: 1, readyReplicas: 1}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {}, status: {observedGeneration: 1, "
         "readyReplicas: 1, updateRevision: b, currentRevision: a}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {}, status: {observedGeneration: 1, "
         "readyReplicas: 1, updateRevision: b, currentRevision: b}}",
         HEALTH_HEALTHY},
        {"{apiVersion: apps/v1, kind: DaemonSet, metadata: {}, status: {observedGeneration: 1, "
         "desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: apps/v1, kind: DaemonSet, metadata: {}, status: {observedGeneration: 1, "
         "desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3}}",
         HEALTH_HEALTHY},
        {"{apiVersion: batch/v1, kind: Job, metadata: {}}", HEALTH_PROGRESSING},
        {"{apiVersion: batch/v1, kind: Job, metadata: {}, status: {conditions: [{type: Complete, "
         "status: 'True'}]}}",
         HEALTH_HEALTHY},
        {"{apiVersion: batch/v1, kind: Job, metadata: {}, status: {conditions: [{type: Failed, "
         "status: 'True'}]}}",
         HEALTH_DEGRADED},
        {"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {}, status: {phase: Lost}}",
         HEALTH_DEGRADED},
        {"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {}, status: {phase: Bound}}",
         HEALTH_HEALTHY},
        {"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: x.y/v1, kind: Z, metadata: {}, status: {conditions: [{type: Ready, status: "
         "'False'}]}}",
         HEALTH_PROGRESSING},
        {"{apiVersion: x.y/v1, kind: Z, metadata: {}, status: {conditions: [{type: Stalled, "
         "status: 'True'}]}}",
         HEALTH_DEGRADED},
    };
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *v;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        assert_int_equal(yaml_read(a, str_from(cases[i].live), STR("t"), &v, NULL), 0);
        if (health_of(v) != cases[i].health)
            fail_msg("%s is %s", cases[i].live, health_name(health_of(v)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_is_judged_by_its_own_rule)};

    return cmocka_run_group_tests_name("roles/kubernetes health", tests, NULL, NULL);
}
