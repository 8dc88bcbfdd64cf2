/*
 * Where a Kubernetes API is and how to be let in: kubeconfig files and service accounts.
 *
 * Of a kubeconfig the current context counts: server, certificate-authority(-data),
 * insecure-skip-tls-verify; client-certificate(-data), client-key(-data), token, tokenFile.
 * Relative paths start at the file's folder. What would run a program or is not done here is
 * refused by name (HL_EUNSUPPORTED): exec, auth-provider, username and password, as (impersonate),
 * proxy-url, tls-server-name. tokenFile wins over token, -data over a path, as in client-go.
 *
 * In a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, and the files token and ca.crt of
 * the service account's folder.
 *
 * Ownership: everything lies in the arena. Error texts hold no key and no token.
 * Limits: KUBE_CONFIG_FILE_MAX bytes a file.
 */
#ifndef HL_EDGE_KUBE_KUBE_CONFIG_H
#define HL_EDGE_KUBE_KUBE_CONFIG_H

#include "core/value/value.h"

enum { KUBE_CONFIG_FILE_MAX = 1 << 20 };

struct kube_config {
    struct str server;
    struct str ca_pem;
    struct str cert_pem;
    struct str key_pem;
    struct str token;
    struct str token_path; /* read again from time to time: tokens of pods rotate */
    bool is_insecure;
};

/* HL_EABSENT: no such file; HL_EINVAL with file and line; HL_EUNSUPPORTED. */
HL_MUST int kube_config_read(struct str path, struct arena *a, struct kube_config *out,
                             struct err *err);

/* `folder`: where the service account is mounted, empty for the usual place. */
HL_MUST int kube_config_in_cluster(struct str host, struct str port, struct str folder,
                                   struct arena *a, struct kube_config *out, struct err *err);

/* A whole file; HL_EABSENT, HL_EDENIED, HL_ELIMIT or HL_EIO. */
HL_MUST int kube_file_read(struct str path, struct arena *a, struct str *out, struct err *err);

#endif
