/*
 * The kinds that Kubernetes itself serves: their group, whether they live in a namespace, and their
 * place in Helm's install order (helm.sh/helm, pkg/release/util, InstallOrder). Sorted by kind.
 */
#include "core/desired/kinds.h"

enum { NAMESPACED = OBJECT_NAMESPACED, CLUSTER = OBJECT_CLUSTER_WIDE };

static const struct {
    const char *kind;
    const char *group;
    int scope;
    int32_t order; /* 0: not in Helm's list, comes behind it */
} kinds[] = {
    {"APIService", "apiregistration.k8s.io", CLUSTER, 34},
    {"CSIDriver", "storage.k8s.io", CLUSTER, 0},
    {"CSINode", "storage.k8s.io", CLUSTER, 0},
    {"CSIStorageCapacity", "storage.k8s.io", NAMESPACED, 0},
    {"CertificateSigningRequest", "certificates.k8s.io", CLUSTER, 0},
    {"ClusterRole", "rbac.authorization.k8s.io", CLUSTER, 15},
    {"ClusterRoleBinding", "rbac.authorization.k8s.io", CLUSTER, 16},
    {"ClusterTrustBundle", "certificates.k8s.io", CLUSTER, 0},
    {"ConfigMap", "", NAMESPACED, 10},
    {"ControllerRevision", "apps", NAMESPACED, 0},
    {"CronJob", "batch", NAMESPACED, 31},
    {"CustomResourceDefinition", "apiextensions.k8s.io", CLUSTER, 14},
    {"DaemonSet", "apps", NAMESPACED, 20},
    {"Deployment", "apps", NAMESPACED, 26},
    {"DeviceClass", "resource.k8s.io", CLUSTER, 0},
    {"EndpointSlice", "discovery.k8s.io", NAMESPACED, 0},
    {"Endpoints", "", NAMESPACED, 0},
    {"FlowSchema", "flowcontrol.apiserver.k8s.io", CLUSTER, 0},
    {"HorizontalPodAutoscaler", "autoscaling", NAMESPACED, 27},
    {"IPAddress", "networking.k8s.io", CLUSTER, 0},
    {"Ingress", "networking.k8s.io", NAMESPACED, 33},
    {"IngressClass", "networking.k8s.io", CLUSTER, 32},
    {"Job", "batch", NAMESPACED, 30},
    {"Lease", "coordination.k8s.io", NAMESPACED, 0},
    {"LimitRange", "", NAMESPACED, 5},
    {"MutatingAdmissionPolicy", "admissionregistration.k8s.io", CLUSTER, 0},
    {"MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io", CLUSTER, 0},
    {"MutatingWebhookConfiguration", "admissionregistration.k8s.io", CLUSTER, 35},
    {"Namespace", "", CLUSTER, 2},
    {"NetworkPolicy", "networking.k8s.io", NAMESPACED, 3},
    {"Node", "", CLUSTER, 0},
    {"PersistentVolume", "", CLUSTER, 12},
    {"PersistentVolumeClaim", "", NAMESPACED, 13},
    {"Pod", "", NAMESPACED, 21},
    {"PodDisruptionBudget", "policy", NAMESPACED, 7},
    {"PodTemplate", "", NAMESPACED, 0},
    {"PriorityClass", "scheduling.k8s.io", CLUSTER, 1},
    {"PriorityLevelConfiguration", "flowcontrol.apiserver.k8s.io", CLUSTER, 0},
    {"ReplicaSet", "apps", NAMESPACED, 25},
    {"ReplicationController", "", NAMESPACED, 24},
    {"ResourceClaim", "resource.k8s.io", NAMESPACED, 0},
    {"ResourceClaimTemplate", "resource.k8s.io", NAMESPACED, 0},
    {"ResourceQuota", "", NAMESPACED, 4},
    {"ResourceSlice", "resource.k8s.io", CLUSTER, 0},
    {"Role", "rbac.authorization.k8s.io", NAMESPACED, 17},
    {"RoleBinding", "rbac.authorization.k8s.io", NAMESPACED, 18},
    {"RuntimeClass", "node.k8s.io", CLUSTER, 0},
    {"Secret", "", NAMESPACED, 9},
    {"Service", "", NAMESPACED, 19},
    {"ServiceAccount", "", NAMESPACED, 8},
    {"ServiceCIDR", "networking.k8s.io", CLUSTER, 0},
    {"StatefulSet", "apps", NAMESPACED, 28},
    {"StorageClass", "storage.k8s.io", CLUSTER, 11},
    {"ValidatingAdmissionPolicy", "admissionregistration.k8s.io", CLUSTER, 0},
    {"ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io", CLUSTER, 0},
    {"ValidatingWebhookConfiguration", "admissionregistration.k8s.io", CLUSTER, 36},
    {"VolumeAttachment", "storage.k8s.io", CLUSTER, 0},
    {"VolumeAttributesClass", "storage.k8s.io", CLUSTER, 0},
};

/* Kinds of widespread operators that are cluster-wide although their CRD comes with another app. */
static const struct {
    const char *kind;
    const char *group;
} cluster_wide[] = {
    {"CiliumClusterwideNetworkPolicy", "cilium.io"},
    {"CiliumLoadBalancerIPPool", "cilium.io"},
    {"CiliumL2AnnouncementPolicy", "cilium.io"},
    {"ClusterCleanupPolicy", "kyverno.io"},
    {"ClusterExternalSecret", "external-secrets.io"},
    {"ClusterIssuer", "cert-manager.io"},
    {"ClusterPolicy", "kyverno.io"},
    {"ClusterPushSecret", "external-secrets.io"},
    {"ClusterSecretStore", "external-secrets.io"},
    {"ClusterTracingPolicy", "cilium.io"},
    {"Destination", "platform.kratix.io"},
    {"GatewayClass", "gateway.networking.k8s.io"},
    {"GitStateStore", "platform.kratix.io"},
    {"BucketStateStore", "platform.kratix.io"},
    {"Promise", "platform.kratix.io"},
    {"VolumeSnapshotClass", "snapshot.storage.k8s.io"},
    {"VolumeSnapshotContent", "snapshot.storage.k8s.io"},
};

enum { ORDER_REST = 1000 };

static size_t find(struct str kind)
{
    size_t low = 0;
    size_t high = HL_COUNT(kinds);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = str_cmp(str_from(kinds[mid].kind), kind);
        if (order == 0)
            return mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

static bool is_builtin(size_t at, struct str group)
{
    /* Ingress and HorizontalPodAutoscaler have lived in other groups of the same family. */
    return at != SIZE_MAX && (str_eq(group, str_from(kinds[at].group)) ||
                              (str_eq(group, STR("extensions")) && kinds[at].scope == NAMESPACED));
}

enum object_scope object_scope_of(struct str group, struct str kind)
{
    size_t at = find(kind);
    if (is_builtin(at, group))
        return (enum object_scope)kinds[at].scope;
    for (size_t i = 0; i < HL_COUNT(cluster_wide); i++)
        if (str_eq(kind, str_from(cluster_wide[i].kind)) &&
            str_eq(group, str_from(cluster_wide[i].group)))
            return OBJECT_CLUSTER_WIDE;
    return OBJECT_SCOPE_UNKNOWN;
}

int32_t object_install_order(struct str group, struct str kind)
{
    size_t at = find(kind);
    return is_builtin(at, group) && kinds[at].order > 0 ? kinds[at].order : ORDER_REST;
}

bool kind_name_is_taken(struct str group, struct str kind)
{
    size_t at = find(kind);
    return at != SIZE_MAX && !is_builtin(at, group);
}
