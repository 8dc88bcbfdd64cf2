/*
 * The health of one live object, from what it says itself, in Argo CD's words.
 *
 * Known kinds: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Pod, PersistentVolumeClaim,
 * Namespace, CustomResourceDefinition, APIService. Kinds of Kubernetes' own groups that have no
 * such notion (ConfigMap, Role, ...) are Healthy by being there. Of foreign kinds, conditions
 * Stalled, Reconciling and Ready count (kstatus); without them they are Healthy as well. A live
 * object whose controller has not seen its last change is Progressing.
 *
 * Threads: pure functions.
 */
#ifndef HL_ROLES_KUBERNETES_HEALTH_H
#define HL_ROLES_KUBERNETES_HEALTH_H

#include "core/value/value.h"

/* In order of badness: an application is as well as the worst of its objects. */
enum health {
    HEALTH_HEALTHY,
    HEALTH_SUSPENDED,
    HEALTH_PROGRESSING,
    HEALTH_MISSING,
    HEALTH_DEGRADED,
    HEALTH_UNKNOWN,
};

enum health health_of(const struct value *live);
const char *health_name(enum health h);

#endif
