/*
 * What an agent is told at start: one YAML file, read once.
 *
 *   apiVersion: hlmesh/v1
 *   kind: Agent
 *   dir: /var/lib/hl                  # its key, and clones; this process alone uses it
 *   node: node1
 *   roster: mesh.json
 *   mesh: hl-mesh:...
 *   roles: [kubernetes]
 *   tokenFile: join.token             # needed until it has enrolled; 0600
 *   destination:                      # exactly one of
 *     stateRepository: {url: ..., branch: main, sshKey, knownHosts, username, tokenFile, caFile}
 *     kubeconfig: /path               # a Kubernetes API
 *     inCluster: true                 # the API of the cluster we run in
 *   cluster: home                     # with a Kubernetes API: which cluster of the registry it is
 *
 * Relative paths start at the folder of the file. An unknown key is an error with its line.
 * Ownership: everything lives in the arena given.
 */
#ifndef HL_AGENT_CONFIG_H
#define HL_AGENT_CONFIG_H

#include "roles/kubernetes/destination.h"

struct agent_config {
    struct str dir;
    struct str node;
    struct str roster_path;
    struct str mesh;
    struct str token_path;
    struct str *role;
    size_t role_count;
    bool is_git; /* else a Kubernetes API */
    struct git_destination_config git;
    struct str kubeconfig; /* empty: in-cluster */
    struct str cluster;    /* empty with a state repository, which takes all */
};

HL_MUST int agent_config_load(struct str path, struct arena *a, struct agent_config *out,
                              struct err *err);

#endif
