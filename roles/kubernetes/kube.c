/* The Kubernetes API as destination. */
#include "roles/kubernetes/destination.h"

int destination_open_kube(struct str kubeconfig, struct str node, struct destination *out,
                          struct err *err)
{
    (void)kubeconfig;
    (void)node;
    (void)out;
    return err_set(err, HL_EUNSUPPORTED, "a Kubernetes API as destination is not built in yet");
}
