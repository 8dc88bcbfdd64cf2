/*
 * What a coordinator is told at start: one YAML file, read once.
 *
 *   apiVersion: hlmesh/v1
 *   kind: Coordinator
 *   dir: /var/lib/hl                  # log, state, Git clone; this process alone uses it
 *   member: 1                         # its id in the roster
 *   secret: coordinator.key           # four key pairs, mode 0600
 *   roster: mesh.json                 # signed list of coordinators
 *   mesh: hl-mesh:...                 # fingerprint that the roster's signature must have
 *   git:
 *     url: https://git.example.net/fleet.git
 *     ref: main                       # default: the remote's HEAD
 *     poll: 30s
 *     sshKey, knownHosts, usernameFile, tokenFile, caFile: paths, all optional
 *   webhook:                          # optional; also serves /livez and /readyz
 *     listen: 127.0.0.1:7480
 *     secretFile: webhook.secret
 *   charts: {caFile, dockerConfig}    # optional paths: authorities and logins of chart
 * repositories clusters: clusters.yaml           # optional: cluster records beside those of the
 * repository timers: {heartbeat: 50ms, election: 200ms, agentHeartbeat: 1s}   # optional
 *
 * Relative paths start at the folder of the file. An unknown key is an error with its line, as is a
 * wrong kind of value; nothing else is touched before the whole file was understood.
 *
 * Ownership: everything lives in the arena given. Threads: read-only after loading.
 */
#ifndef HL_COORDINATOR_CONFIG_H
#define HL_COORDINATOR_CONFIG_H

#include "base/base.h"

struct coordinator_config {
    struct str dir;
    uint64_t member;
    struct str secret_path;
    struct str roster_path;
    struct str mesh;
    struct {
        struct str url;
        struct str ref;
        int64_t poll_ms; /* at least 1 s */
        struct str ssh_key_path;
        struct str known_hosts_path;
        struct str username_path;
        struct str token_path;
        struct str ca_path;
    } git;
    struct {
        struct str listen; /* empty: no web door */
        struct str secret_path;
    } webhook;
    struct {
        struct str ca_path;
        struct str docker_config_path;
    } charts;
    struct str clusters_path;
    int64_t heartbeat_ms;       /* Raft, 10 to 10 000 */
    int64_t election_ms;        /* at least 3 heartbeats */
    int64_t agent_heartbeat_ms; /* lost after three */
};

/* 0, or HL_EINVAL, HL_EABSENT, HL_EIO with file, line and column. */
HL_MUST int coordinator_config_load(struct str path, struct arena *a,
                                    struct coordinator_config *out, struct err *err);

#endif
