/*
 * The table. Order is the order of help and docs. Nothing about a command's form is written
 * anywhere else: not in the parser, not in the shell scripts, not in docs/cli.md.
 */
#include "hlctl/verb.h"
#include "edge/cipher/cipher.h"
#include "hlctl/chart_input.h"
#include "hlctl/run.h"

/*
 * hlctl itself starts in a millisecond: it renders charts and explains itself. What talks to a mesh
 * or handles keys needs libraries that take longer to load than most charts to render, and is done
 * by hlctl-mesh, the same program with all of its commands; hlctl becomes it (main.c), also in the
 * middle of a chart whose templates make keys (template.c).
 */
#ifdef HL_WITHOUT_MESH
#define IN_MESH(function) NULL
const struct template_crypto *const hlctl_crypto = NULL;
#else
#define IN_MESH(function) function
const struct template_crypto *const hlctl_crypto = &cipher_openssl;
#endif

#define FLAGS(array) .flags = (array), .flag_count = HL_COUNT(array)
#define EXAMPLES(array) .examples = (array), .example_count = HL_COUNT(array)
#define EXITS_READ "3 no coordinator or no leader, 4 timed out, 5 not allowed"
#define EXITS_CHANGE EXITS_READ ", 6 changed meanwhile"

const char *const group_titles[GROUP_COUNT] = {
    [GROUP_EVERYDAY] = "Everyday",
    [GROUP_INFRASTRUCTURE] = "Infrastructure",
    [GROUP_OPERATIONS] = "Operations",
    [GROUP_META] = "About hlctl",
};

const struct flag global_flags[] = {
    {"context", 'c', FLAG_TEXT, "NAME", "context", "context of the configuration file to use",
     "HLCTL_CONTEXT"},
    {"server", 0, FLAG_TEXT, "NAME", NULL,
     "ask only this coordinator of the roster (name or address)", "HLCTL_SERVER"},
    {"output", 'o', FLAG_CHOICE, "FORMAT", "table|wide|json|yaml|name",
     "table, wide (more columns), json, yaml, or name (one kind/name a line)", "HLCTL_OUTPUT"},
    {"timeout", 0, FLAG_DURATION, "TIME", NULL, "give up after this long (30s)", "HLCTL_TIMEOUT"},
    {"stale", 0, FLAG_SWITCH, NULL, NULL,
     "accept an answer from a coordinator that has no leader; its age is shown", NULL},
    {"no-headers", 0, FLAG_SWITCH, NULL, NULL, "tables without the line of titles", NULL},
    {"color", 0, FLAG_CHOICE, "WHEN", "auto|always|never", "colours; auto: only on a terminal",
     NULL},
    {"quiet", 'q', FLAG_SWITCH, NULL, NULL, "no remarks on stderr, errors only", NULL},
    {"verbose", 'v', FLAG_SWITCH, NULL, NULL, "say on stderr which coordinator is asked", NULL},
    {"config", 0, FLAG_TEXT, "FILE", "file", "configuration file", "HLCTL_CONFIG"},
};
const size_t global_flag_count = HL_COUNT(global_flags);

static const struct flag status_flags[] = {
    {"exit-code", 0, FLAG_SWITCH, NULL, NULL, "end with 7 when something needs you", NULL},
};
static const struct example status_examples[] = {
    {"status", "one screen for people", WHERE_MESH, 0},
    {"status -o json", "the same for programs", WHERE_MESH, 0},
};

static const struct flag app_list_flags[] = {
    {"faults", 0, FLAG_SWITCH, NULL, NULL, "only applications that are not in order", NULL},
    {"cluster", 0, FLAG_TEXT, "NAME", NULL, "only those of this cluster", NULL},
    {"sync", 0, FLAG_CHOICE, "STATE", "Synced|OutOfSync|Unknown", "only those in this state", NULL},
    {"health", 0, FLAG_CHOICE, "STATE", "Healthy|Progressing|Degraded|Missing|Suspended|Unknown",
     "only those of this health", NULL},
};
static const struct example app_list_examples[] = {
    {"apps", "every application", WHERE_MESH, 0},
    {"apps --faults -o wide", "what is not in order, with addon, agent and reason", WHERE_MESH, 0},
    {"app list --sync OutOfSync -o name", "names for a script", WHERE_MESH, 0},
};
static const struct example app_get_examples[] = {
    {"app get my-app", "state, errors, objects and last events", WHERE_MESH, 0},
    {"app get my-app -o yaml", "the same as YAML", WHERE_MESH, 0},
};
static const struct flag app_sync_flags[] = {
    {"all", 0, FLAG_SWITCH, NULL, NULL, "every application", NULL},
    {"watch", 'w', FLAG_SWITCH, NULL, NULL, "wait until they are Synced; one line per change",
     NULL},
};
static const struct example app_sync_examples[] = {
    {"sync my-app --watch", "apply again now and wait", WHERE_MESH, 0},
    {"app sync --all", "read Git and apply everything again", WHERE_MESH, 0},
};
static const struct flag event_flags[] = {
    {"watch", 'w', FLAG_SWITCH, NULL, NULL, "go on with events as they come, until interrupted",
     NULL},
    {"limit", 'n', FLAG_COUNT, "COUNT", NULL, "the last COUNT events (50)", NULL},
    {"after", 0, FLAG_COUNT, "INDEX", NULL, "only events behind this index", NULL},
};
static const struct example event_examples[] = {
    {"events", "the last 50", WHERE_MESH, 0},
    {"events -n 5 -o json", "the last 5 for a program", WHERE_MESH, 0},
};

static const struct example node_list_examples[] = {
    {"nodes", "every node with its agent", WHERE_MESH, 0},
};

static const struct example raft_members_examples[] = {
    {"raft members", "who leads, who lags", WHERE_MESH, 0},
    {"raft members --stale -o json", "works without a leader", WHERE_MESH, 0},
};
static const struct example raft_status_examples[] = {
    {"raft status", "role, indices, log and state of whoever answers first", WHERE_MESH, 0},
    {"raft status --server c2 -o json", "those of one coordinator", WHERE_MESH, 0},
};
static const struct example raft_transfer_examples[] = {
    {"raft transfer", "whoever is most up to date leads", WHERE_MESH, 0},
};
static const struct example raft_compact_examples[] = {
    {"raft compact", "write the state out now", WHERE_MESH, 0},
};
static const struct example raft_add_examples[] = {
    {"raft add c4", "behind `keygen coordinator` and the start of c4", WHERE_BY_HAND, 0},
};
static const struct example raft_promote_examples[] = {
    {"raft promote c4 --timeout 5m", "as soon as it has caught up", WHERE_BY_HAND, 0},
};
static const struct example raft_remove_examples[] = {
    {"raft remove c2", "before its machine is taken away", WHERE_BY_HAND, 0},
    {"raft remove 2", "by id, when it is no longer in the roster", WHERE_BY_HAND, 0},
};
static const struct example snapshot_save_examples[] = {
    {"snapshot save mesh.snapshot", "everything that was acknowledged until now", WHERE_BY_HAND, 0},
};
static const struct example snapshot_restore_examples[] = {
    {"snapshot restore mesh.snapshot --roster mesh.json --member c1 --dir /var/lib/hl",
     "once for each coordinator", WHERE_BY_HAND, 0},
};
static const struct example kv_watch_examples[] = {
    {"kv watch hold/", "a line per change below a prefix", WHERE_BY_HAND, 0},
};
static const struct flag chart_template_flags[] = {
    CHART_VALUE_FLAGS,
    {"namespace", 'n', FLAG_TEXT, "NAME", NULL, "namespace of the release (default)", NULL},
    {"name-template", 0, FLAG_TEXT, "TEMPLATE", NULL, "a template that gives the release's name",
     NULL},
    {"include-crds", 0, FLAG_SWITCH, NULL, NULL, "the files below crds/, too", NULL},
    {"no-hooks", 0, FLAG_SWITCH, NULL, NULL, "without hooks", NULL},
    {"skip-tests", 0, FLAG_SWITCH, NULL, NULL, "without hooks that are tests", NULL},
    {"show-only", 's', FLAG_LIST, "PATH", NULL, "only what this file of the chart gives", NULL},
    {"is-upgrade", 0, FLAG_SWITCH, NULL, NULL, ".Release.IsUpgrade instead of .Release.IsInstall",
     NULL},
    {"kube-version", 0, FLAG_TEXT, "VERSION", NULL, "Kubernetes version to render for (1.36)",
     NULL},
    {"api-versions", 'a', FLAG_LIST, "API", NULL, "an API that the cluster has: GROUP/VERSION/KIND",
     NULL},
    {"skip-schema-validation", 0, FLAG_SWITCH, NULL, NULL,
     "do not hold the values against values.schema.json", NULL},
};
static const struct example chart_template_examples[] = {
    {"template my-release ./chart -f values.yaml --set image.tag=1.2", "as helm template prints it",
     WHERE_BY_HAND, 0},
    {"template ./chart -s templates/deployment.yaml", "what one file gives", WHERE_BY_HAND, 0},
};
static const struct flag chart_show_flags[] = {
    {"only", 0, FLAG_CHOICE, "PART", "chart|values|readme|crds", "only this part", NULL},
};
static const struct example chart_show_examples[] = {
    {"chart show ./chart --only values", "the values that can be set, with their comments",
     WHERE_BY_HAND, 0},
};
#define REGISTRY_FLAGS                                                                             \
    {"ca-file", 0, FLAG_TEXT, "FILE", "file", "authorities to believe instead of the system's",    \
     NULL},                                                                                        \
        {"plain-http", 0, FLAG_SWITCH, NULL, NULL, "speak http to OCI registries", NULL},          \
    {                                                                                              \
        "lock", 0, FLAG_TEXT, "FILE", "file", "charts.lock: digests that versions have for good",  \
            NULL                                                                                   \
    }
static const struct flag chart_deps_flags[] = {
    {"build", 0, FLAG_SWITCH, NULL, NULL, "fetch those that are missing into charts/", NULL},
    REGISTRY_FLAGS,
};
static const struct example chart_deps_examples[] = {
    {"chart deps ./chart", "which subcharts are there, and which version", WHERE_BY_HAND, 0},
    {"chart deps ./chart --build --lock charts.lock", "fetch what Chart.yaml asks for",
     WHERE_BY_HAND, 0},
};
static const struct flag chart_pull_flags[] = {
    {"repo", 0, FLAG_TEXT, "URL", NULL, "the repository that has the chart", NULL},
    {"version", 0, FLAG_TEXT, "RANGE", NULL, "the newest of these (every release)", NULL},
    {"destination", 'd', FLAG_TEXT, "FOLDER", "file", "where the archive is put (.)", NULL},
    REGISTRY_FLAGS,
};
static const struct example chart_pull_examples[] = {
    {"chart pull grafana --repo https://grafana.github.io/helm-charts --version ^8",
     "the newest 8.x", WHERE_BY_HAND, 0},
    {"chart pull oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack",
     "from a registry", WHERE_BY_HAND, 0},
};
static const struct flag chart_lint_flags[] = {
    CHART_VALUE_FLAGS,
    {"kube-version", 0, FLAG_TEXT, "VERSION", NULL, "Kubernetes version to render for (1.36)",
     NULL},
    {"api-versions", 'a', FLAG_LIST, "API", NULL, "an API that the cluster has: GROUP/VERSION/KIND",
     NULL},
};
static const struct example chart_lint_examples[] = {
    {"chart lint ./chart -f values.yaml", "ends with 1 if something is wrong", WHERE_BY_HAND, 0},
};
static const struct flag explain_flags[] = {
    CHART_VALUE_FLAGS,
    {"unread", 0, FLAG_SWITCH, NULL, NULL, "values of yours that no template looks at", NULL},
};
static const struct example explain_examples[] = {
    {"explain ./chart image.tag -f values.yaml", "the line that sets it, and those it beats",
     WHERE_BY_HAND, 0},
    {"explain ./chart --unread -f values.yaml", "misspelt and left-over values", WHERE_BY_HAND, 7},
};
static const struct flag kv_put_flags[] = {
    {"value-file", 0, FLAG_TEXT, "FILE", "file", "the value is what is in FILE; - is stdin", NULL},
};
static const struct flag kv_cas_flags[] = {
    {"value-file", 0, FLAG_TEXT, "FILE", "file", "the value is what is in FILE; - is stdin", NULL},
    {"revision", 0, FLAG_TEXT, "REVISION", NULL,
     "only if the setting has this revision; 0: only if there is none", NULL},
};
static const struct flag kv_delete_flags[] = {
    {"revision", 0, FLAG_TEXT, "REVISION", NULL, "only if the setting has this revision", NULL},
};
static const struct flag kv_watch_flags[] = {
    {"after", 0, FLAG_COUNT, "REVISION", NULL, "changes behind this revision, not only new ones",
     NULL},
};
static const struct example kv_put_examples[] = {
    {"kv put hold/monitoring \"until the disks are replaced\"", "a note that all see", WHERE_MESH,
     0},
};
static const struct example kv_get_examples[] = {
    {"kv get hold/monitoring", "the value alone", WHERE_MESH, 0},
    {"kv get hold/monitoring -o json", "with revision and version", WHERE_MESH, 0},
};
static const struct example kv_cas_examples[] = {
    {"kv cas lease/backup node-1 --revision 0", "only who comes first gets it", WHERE_MESH, 0},
};
static const struct example kv_list_examples[] = {
    {"kv list", "all settings", WHERE_MESH, 0},
    {"kv list hold/ -o name", "keys below a prefix", WHERE_MESH, 0},
};
static const struct example kv_delete_examples[] = {
    {"kv delete hold/monitoring", "it is over", WHERE_MESH, 0},
};
static const struct flag snapshot_restore_flags[] = {
    {"roster", 0, FLAG_TEXT, "FILE", "file", "mesh.json; its coordinators become the voters", NULL},
    {"member", 0, FLAG_TEXT, "NAME", NULL, "which of them the folder is for", NULL},
    {"dir", 0, FLAG_TEXT, "FOLDER", "file", "`dir` of its configuration; must hold nothing yet",
     NULL},
};
static const struct example snapshot_inspect_examples[] = {
    {"snapshot inspect no-such.snapshot", "says what is wrong with a file", WHERE_OFFLINE, 1},
};
static const struct example agent_list_examples[] = {
    {"agents", "every agent", WHERE_MESH, 0},
    {"agent list -o name", "names for a script", WHERE_MESH, 0},
};
static const struct flag agent_revoke_flags[] = {
    {"reason", 0, FLAG_TEXT, "TEXT", NULL, "why; goes into the audit log", NULL},
};
static const struct example agent_revoke_examples[] = {
    {"agent revoke my-agent --reason \"node was stolen\"", "cut it off within a second", WHERE_MESH,
     0},
};
static const struct flag token_create_flags[] = {
    {"role", 0, FLAG_LIST, "ROLE", "agent", "what the newcomer may do; may be repeated (agent)",
     NULL},
    {"node", 0, FLAG_TEXT, "NAME", NULL, "only a node of this name may use it", NULL},
    {"ttl", 0, FLAG_DURATION, "TIME", NULL, "valid for this long (10m, at most 24h)", NULL},
    {"uses", 0, FLAG_COUNT, "COUNT", NULL, "how many may join with it (1)", NULL},
};
static const struct example token_create_examples[] = {
    {"token create --role agent --node node-9 --ttl 10m", "let one node join", WHERE_MESH, 0},
};
static const struct example token_list_examples[] = {
    {"token list", "tokens that can still be used", WHERE_MESH, 0},
};
static const struct example token_revoke_examples[] = {
    {"token revoke my-token", "before it expires by itself", WHERE_MESH, 0},
};

static const struct flag keygen_mesh_flags[] = {
    {"coordinator", 0, FLAG_LIST, "NAME=HOST:PORT", NULL,
     "one coordinator; give it once for each. It listens on PORT (other coordinators), PORT+1 "
     "(agents), PORT+2 (hlctl) and PORT+3 (enrolment)",
     NULL},
    {"admin", 0, FLAG_TEXT, "NAME", NULL, "name of the first administrator (admin)", NULL},
};
static const struct example keygen_mesh_examples[] = {
    {"keygen mesh keys --coordinator c1=127.0.0.1:7401 --coordinator c2=127.0.0.1:7411 "
     "--coordinator c3=127.0.0.1:7421",
     "keys for three coordinators on one machine", WHERE_OFFLINE, 0},
    {"keygen mesh small --coordinator only=10.0.4.101:7400", "a mesh of one", WHERE_OFFLINE, 0},
};
static const struct flag keygen_coordinator_flags[] = {
    {"add", 0, FLAG_TEXT, "NAME=HOST:PORT", NULL, "a coordinator that is to join", NULL},
    {"drop", 0, FLAG_TEXT, "NAME", NULL, "one that has left, or has lost its disk", NULL},
};
static const struct example keygen_coordinator_examples[] = {
    {"keygen coordinator keys --add c4=127.0.0.1:7431", "a fourth coordinator", WHERE_OFFLINE, 0},
    {"keygen coordinator keys --drop c2 --add c2b=127.0.0.1:7411",
     "a new one in the place of one whose disk is lost", WHERE_OFFLINE, 0},
};
static const struct example keygen_identity_examples[] = {
    {"keygen identity me.key", "a key for a person", WHERE_OFFLINE, 0},
};

static const struct example context_list_examples[] = {
    {"context list", "the contexts of the configuration file", WHERE_OFFLINE, 0},
};
static const struct example context_use_examples[] = {
    {"context use lab", "work with this mesh from now on", WHERE_OFFLINE, 0},
};
static const struct flag context_add_flags[] = {
    {"roster", 0, FLAG_TEXT, "FILE", "file", "mesh.json: the signed list of coordinators", NULL},
    {"identity", 0, FLAG_TEXT, "FILE", "file", "your secret key, mode 0600", NULL},
    {"mesh", 0, FLAG_TEXT, "FINGERPRINT", NULL,
     "hl-mesh:... that the roster must have; without it the roster's own is pinned now", NULL},
};
static const struct example context_add_examples[] = {
    {"context add lab --roster small/mesh.json --identity small/admin.key",
     "a context for the mesh made by keygen", WHERE_OFFLINE, 0},
};
static const struct example context_rm_examples[] = {
    {"context rm lab", "forget it; keys and roster stay", WHERE_OFFLINE, 0},
};
static const struct example context_current_examples[] = {
    {"context current", "the name alone", WHERE_OFFLINE, 0},
};
static const struct example completion_examples[] = {
    {"completion bash", "for: source <(hlctl completion bash)", WHERE_OFFLINE, 0},
    {"completion zsh", "write it to a folder of $fpath as _hlctl", WHERE_OFFLINE, 0},
    {"completion fish", "for: hlctl completion fish | source", WHERE_OFFLINE, 0},
};
static const struct example version_examples[] = {
    {"version", "of this program", WHERE_OFFLINE, 0},
    {"version -o json", "for programs", WHERE_OFFLINE, 0},
};
static const struct example help_examples[] = {
    {"help app sync", "about a command", WHERE_OFFLINE, 0},
    {"help exit-codes", "about a topic", WHERE_OFFLINE, 0},
    {"help HL-NET-01", "about an error code", WHERE_OFFLINE, 0},
};

const struct verb verbs[] = {
    {.path = "status",
     .group = GROUP_EVERYDAY,
     .args = "",
     .summary = "one screen: is it fine, and if not, what first",
     .about = "Coordinators, the commit that is in force, what needs you with the reason and the "
              "next command, and counts of the rest. What is not known is never shown as fine; "
              "what waits for a feature is counted as waiting.",
     FLAGS(status_flags),
     EXAMPLES(status_examples),
     .exits = EXITS_READ ", 7 something needs you (with --exit-code)",
     .kind = "Status",
     .role = "viewer",
     .run = IN_MESH(status_run)},
    {.path = "app list",
     .aliases = "apps|app ls",
     .group = GROUP_EVERYDAY,
     .args = "",
     .summary = "every application: one addon on one cluster",
     .about = "DESIRED is the commit that Git asks for, APPLIED the one that runs; two facts, two "
              "names. AGE is how old the knowledge is. Unsupported applications wait for a feature "
              "of hlmesh; REASON says which.",
     FLAGS(app_list_flags),
     EXAMPLES(app_list_examples),
     .exits = EXITS_READ,
     .kind = "AppList",
     .role = "viewer",
     .run = IN_MESH(app_list_run)},
    {.path = "app get",
     .group = GROUP_EVERYDAY,
     .args = "NAME",
     .arg_kind = "app",
     .min_args = 1,
     .max_args = 1,
     .summary = "all about one application",
     .about = "State, errors with file and line, objects, last events.",
     EXAMPLES(app_get_examples),
     .exits = EXITS_READ,
     .kind = "App",
     .role = "viewer",
     .run = IN_MESH(app_get_run)},
    {.path = "app sync",
     .aliases = "sync",
     .group = GROUP_EVERYDAY,
     .args = "[NAME...]",
     .arg_kind = "app",
     .max_args = VERB_ARGS_MAX,
     .summary = "read Git and apply now",
     .about = "The request is stored by the mesh; it goes on if hlctl is interrupted. A newer "
              "commit supersedes it at once. With --watch, hlctl waits until each application is "
              "Synced and prints one line per change of state. Applications that cannot be applied "
              "yet are named and left out of --all.",
     FLAGS(app_sync_flags),
     EXAMPLES(app_sync_examples),
     .exits = EXITS_CHANGE,
     .kind = "Sync",
     .role = "operator",
     .run = IN_MESH(app_sync_run)},
    {.path = "events",
     .aliases = "event list",
     .group = GROUP_EVERYDAY,
     .args = "",
     .summary = "what happened, newest last",
     .about = "Changes of the mesh's replicated state with their author. With -w, -o json prints "
              "one object a line.",
     FLAGS(event_flags),
     EXAMPLES(event_examples),
     .exits = EXITS_READ ", 130 interrupted",
     .kind = "EventList",
     .role = "viewer",
     .run = IN_MESH(events_run)},

    {.path = "node list",
     .aliases = "nodes|node ls",
     .group = GROUP_INFRASTRUCTURE,
     .args = "",
     .summary = "every node with its agent",
     .about = "A node whose agent has not been heard of for three heartbeats is Lost; its work is "
              "given to others.",
     EXAMPLES(node_list_examples),
     .exits = EXITS_READ,
     .kind = "AgentList",
     .role = "viewer",
     .run = IN_MESH(node_list_run)},

    {.path = "raft members",
     .group = GROUP_OPERATIONS,
     .args = "",
     .summary = "the coordinators and how far each is",
     .about = "LAG is how many log entries a coordinator has yet to apply.",
     EXAMPLES(raft_members_examples),
     .exits = EXITS_READ,
     .kind = "RaftMemberList",
     .role = "viewer",
     .run = IN_MESH(raft_members_run)},
    {.path = "raft status",
     .group = GROUP_OPERATIONS,
     .args = "",
     .summary = "what one coordinator holds: indices, log, state",
     .about = "Any coordinator answers for itself; --server names one.",
     EXAMPLES(raft_status_examples),
     .exits = EXITS_READ,
     .kind = "RaftStatus",
     .role = "viewer",
     .run = IN_MESH(raft_status_run)},
    {.path = "raft add",
     .group = GROUP_OPERATIONS,
     .args = "MEMBER",
     .min_args = 1,
     .max_args = 1,
     .summary = "let a coordinator take part, as a learner",
     .about = "MEMBER is a name of the roster or an id. A learner gets everything and counts for "
              "nothing; `raft promote` makes it a voter. The coordinators must have the roster "
              "with the newcomer already (`hlctl keygen coordinator`).",
     .exits = EXITS_CHANGE,
     .kind = "RaftChange",
     .role = "admin",
     EXAMPLES(raft_add_examples),
     .run = IN_MESH(raft_add_run)},
    {.path = "raft promote",
     .group = GROUP_OPERATIONS,
     .args = "MEMBER",
     .min_args = 1,
     .max_args = 1,
     .summary = "make a learner a voter",
     .about = "Waits, within --timeout, until the learner has caught up.",
     .exits = EXITS_CHANGE,
     .kind = "RaftChange",
     .role = "admin",
     EXAMPLES(raft_promote_examples),
     .run = IN_MESH(raft_promote_run)},
    {.path = "raft remove",
     .group = GROUP_OPERATIONS,
     .args = "MEMBER",
     .min_args = 1,
     .max_args = 1,
     .summary = "let a coordinator take part no longer",
     .about = "A leader that is removed hands over first. The last voter cannot go.",
     .exits = EXITS_CHANGE,
     .kind = "RaftChange",
     .role = "admin",
     EXAMPLES(raft_remove_examples),
     .run = IN_MESH(raft_remove_run)},
    {.path = "raft transfer",
     .group = GROUP_OPERATIONS,
     .args = "[MEMBER]",
     .max_args = 1,
     .summary = "hand the leadership over",
     .about =
         "To MEMBER, or to whoever is most up to date: before a machine goes down, for instance.",
     EXAMPLES(raft_transfer_examples),
     .exits = EXITS_CHANGE,
     .kind = "RaftTransfer",
     .role = "admin",
     .run = IN_MESH(raft_transfer_run)},
    {.path = "raft compact",
     .group = GROUP_OPERATIONS,
     .args = "",
     .summary = "write the state out and drop the log below it",
     .about = "It happens by itself when enough has changed; this does it now, on the leader.",
     EXAMPLES(raft_compact_examples),
     .exits = EXITS_CHANGE,
     .kind = "RaftCompaction",
     .role = "admin",
     .run = IN_MESH(raft_compact_run)},
    {.path = "snapshot save",
     .group = GROUP_OPERATIONS,
     .args = "FILE",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "the state of the mesh as one file",
     .about = "Holds everything that was acknowledged before; FILE appears when it is whole and "
              "verified.",
     .exits = EXITS_CHANGE,
     .kind = "Snapshot",
     .role = "admin",
     EXAMPLES(snapshot_save_examples),
     .run = IN_MESH(snapshot_save_run)},
    {.path = "snapshot inspect",
     .group = GROUP_OPERATIONS,
     .args = "FILE",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "what a snapshot holds, and that it is whole",
     .about = "Reads all of it and proves every checksum. Needs no network.",
     EXAMPLES(snapshot_inspect_examples),
     .kind = "Snapshot",
     .run = IN_MESH(snapshot_inspect_run)},
    {.path = "snapshot restore",
     .group = GROUP_OPERATIONS,
     .args = "FILE",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "make a coordinator's folder begin from a snapshot",
     .about = "For a mesh that lost its majority for good: with all coordinators stopped and their "
              "folders moved aside, restore the same file for each of them, then start them "
              "together. Needs no network.",
     FLAGS(snapshot_restore_flags),
     .kind = "Snapshot",
     EXAMPLES(snapshot_restore_examples),
     .run = IN_MESH(snapshot_restore_run)},
    {.path = "kv put",
     .group = GROUP_OPERATIONS,
     .args = "KEY [VALUE]",
     .min_args = 1,
     .max_args = 2,
     .summary = "write a setting",
     .about = "A small replicated key-value space: holds, silences, feature flags. Keys have at "
              "most 256 bytes, values 64 KiB.",
     FLAGS(kv_put_flags),
     EXAMPLES(kv_put_examples),
     .exits = EXITS_CHANGE,
     .kind = "SettingChange",
     .role = "operator",
     .run = IN_MESH(kv_put_run)},
    {.path = "kv get",
     .group = GROUP_OPERATIONS,
     .args = "KEY",
     .min_args = 1,
     .max_args = 1,
     .summary = "read a setting",
     .about =
         "Shows everything that was acknowledged before; with --stale, what whoever answers knows.",
     EXAMPLES(kv_get_examples),
     .exits = EXITS_READ,
     .kind = "Setting",
     .role = "viewer",
     .run = IN_MESH(kv_get_run)},
    {.path = "kv cas",
     .group = GROUP_OPERATIONS,
     .args = "KEY [VALUE]",
     .min_args = 1,
     .max_args = 2,
     .summary = "write a setting if nobody else did",
     .about = "Compare-and-set on the revision that you saw. A revision only grows and is never "
              "used twice: pass it on as a fencing token to whatever you protect; a lock without "
              "one protects nothing.",
     FLAGS(kv_cas_flags),
     EXAMPLES(kv_cas_examples),
     .exits = EXITS_CHANGE,
     .kind = "SettingChange",
     .role = "operator",
     .run = IN_MESH(kv_cas_run)},
    {.path = "kv list",
     .aliases = "kv ls",
     .group = GROUP_OPERATIONS,
     .args = "[PREFIX]",
     .max_args = 1,
     .summary = "settings in order of their keys",
     .about = "All, or those that begin with PREFIX.",
     EXAMPLES(kv_list_examples),
     .exits = EXITS_READ,
     .kind = "SettingList",
     .role = "viewer",
     .run = IN_MESH(kv_list_run)},
    {.path = "kv delete",
     .aliases = "kv rm",
     .group = GROUP_OPERATIONS,
     .args = "KEY",
     .min_args = 1,
     .max_args = 1,
     .summary = "remove a setting",
     .about = "With --revision only if nobody wrote it since.",
     FLAGS(kv_delete_flags),
     EXAMPLES(kv_delete_examples),
     .exits = EXITS_CHANGE,
     .kind = "SettingChange",
     .role = "operator",
     .run = IN_MESH(kv_delete_run)},
    {.path = "kv watch",
     .group = GROUP_OPERATIONS,
     .args = "[PREFIX]",
     .max_args = 1,
     .summary = "changes of settings as they come",
     .about = "A line per change, until it is interrupted; goes on with the next leader. The "
              "latest changes are kept for whoever comes back with --after; when they are not "
              "there any more, it ends and says so.",
     FLAGS(kv_watch_flags),
     .exits = EXITS_READ,
     .kind = "Setting",
     .role = "viewer",
     EXAMPLES(kv_watch_examples),
     .run = IN_MESH(kv_watch_run)},
    {.path = "agent list",
     .aliases = "agents|agent ls",
     .group = GROUP_OPERATIONS,
     .args = "",
     .summary = "every agent: state, roles, leases",
     .about = "LEASES counts the work items that the agent holds now.",
     EXAMPLES(agent_list_examples),
     .exits = EXITS_READ,
     .kind = "AgentList",
     .role = "viewer",
     .run = IN_MESH(agent_list_run)},
    {.path = "agent revoke",
     .group = GROUP_OPERATIONS,
     .args = "NAME",
     .arg_kind = "agent",
     .min_args = 1,
     .max_args = 1,
     .summary = "cut an agent off for ever",
     .about = "Its key is refused from now on, a live session is cut within a second, its leases "
              "go to others. A revoked key is never admitted again: to bring the node back, create "
              "a token and let it join with a new key. The name that you type is the confirmation.",
     FLAGS(agent_revoke_flags),
     EXAMPLES(agent_revoke_examples),
     .exits = EXITS_CHANGE,
     .kind = "AgentRevocation",
     .role = "admin",
     .run = IN_MESH(agent_revoke_run)},
    {.path = "token create",
     .group = GROUP_OPERATIONS,
     .args = "",
     .summary = "a join token for a new agent",
     .about = "The secret is made here and only its hash is sent. The token is printed once, on "
              "stdout; the fingerprint that the newcomer must be given beside it is on stderr.",
     FLAGS(token_create_flags),
     EXAMPLES(token_create_examples),
     .exits = EXITS_CHANGE,
     .kind = "Token",
     .role = "admin",
     .run = IN_MESH(token_create_run)},
    {.path = "token list",
     .aliases = "tokens|token ls",
     .group = GROUP_OPERATIONS,
     .args = "",
     .summary = "join tokens that can still be used",
     .about = "The secrets are not stored anywhere and cannot be shown again.",
     EXAMPLES(token_list_examples),
     .exits = EXITS_READ,
     .kind = "TokenList",
     .role = "admin",
     .run = IN_MESH(token_list_run)},
    {.path = "token revoke",
     .group = GROUP_OPERATIONS,
     .args = "ID",
     .arg_kind = "token",
     .min_args = 1,
     .max_args = 1,
     .summary = "make a join token useless",
     .about = "Agents that have joined with it stay.",
     EXAMPLES(token_revoke_examples),
     .exits = EXITS_CHANGE,
     .kind = "TokenRevocation",
     .role = "admin",
     .run = IN_MESH(token_revoke_run)},
    {.path = "template",
     .group = GROUP_OPERATIONS,
     .args = "[NAME] CHART",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 2,
     .summary = "render a chart, as helm template does",
     .about = "CHART is a folder or a .tgz. Prints what `helm template` prints, byte for byte, "
              "without Helm, a cluster or the network; docs/helm-differences.md lists what "
              "differs. Values come from the chart, then from --values, --set-json, --set, "
              "--set-string, --set-file and --set-literal, in this order.",
     FLAGS(chart_template_flags),
     EXAMPLES(chart_template_examples),
     .run = chart_template_run},
    {.path = "explain",
     .group = GROUP_OPERATIONS,
     .args = "CHART [PATH]",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 2,
     .summary = "which line sets a value of a chart, and which lost",
     .about = "Lists every source that sets the value at PATH (a.b.c; a backslash before a dot "
              "that is part of a key), the one that counts first, with file, line and column. With "
              "--unread, lists the values given by --values and --set that no template, condition "
              "or tag looked at: most of them are misspelt.",
     FLAGS(explain_flags),
     EXAMPLES(explain_examples),
     .exits = "7 --unread found some",
     .run = IN_MESH(explain_run)},
    {.path = "chart show",
     .group = GROUP_OPERATIONS,
     .args = "CHART",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "what a chart says of itself",
     .about = "Prints Chart.yaml, values.yaml, README.md and the files below crds/ as they are, "
              "with --- between them.",
     FLAGS(chart_show_flags),
     EXAMPLES(chart_show_examples),
     .run = chart_show_run},
    {.path = "chart deps",
     .group = GROUP_OPERATIONS,
     .args = "CHART",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "the subcharts that a chart names, and those it has",
     .about =
         "STATUS is ok, missing, wrong version (what lies in charts/ is not in the range), or "
         "invalid version. With --build, what Chart.lock or the ranges of Chart.yaml ask for is "
         "fetched first.",
     FLAGS(chart_deps_flags),
     EXAMPLES(chart_deps_examples),
     .exits = "6 a version has another content than the lock says",
     .kind = "ChartDependencyList",
     .run = IN_MESH(chart_deps_run)},
    {.path = "chart pull",
     .group = GROUP_OPERATIONS,
     .args = "CHART",
     .min_args = 1,
     .max_args = 1,
     .summary = "fetch a chart's archive",
     .about =
         "CHART is oci://HOST/PATH/NAME, or a name in --repo. The archive is what the repository "
         "says by its digest; with --lock, a version whose content has changed is refused. "
         "Passwords come from Docker's config.json.",
     FLAGS(chart_pull_flags),
     EXAMPLES(chart_pull_examples),
     .exits = "6 a version has another content than the lock says",
     .run = IN_MESH(chart_pull_run)},
    {.path = "chart lint",
     .group = GROUP_OPERATIONS,
     .args = "CHART...",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = VERB_ARGS_MAX,
     .summary = "what is wrong with charts",
     .about = "The rules of `helm lint`: Chart.yaml, values and their schema, every template with "
              "the values given, names of objects, dependencies.",
     FLAGS(chart_lint_flags),
     EXAMPLES(chart_lint_examples),
     .run = IN_MESH(chart_lint_run)},
    {.path = "keygen mesh",
     .aliases = "keygen",
     .group = GROUP_OPERATIONS,
     .args = "FOLDER",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "the keys of a new mesh",
     .about = "Makes FOLDER with the root key (keep it offline), one folder of keys per "
              "coordinator, the signed roster mesh.json, the first administrator's identity and a "
              "configuration file for hlctl. Needs no network. Refuses a folder that exists.",
     FLAGS(keygen_mesh_flags),
     EXAMPLES(keygen_mesh_examples),
     .kind = "Mesh",
     .run = IN_MESH(keygen_mesh_run)},
    {.path = "keygen coordinator",
     .group = GROUP_OPERATIONS,
     .args = "FOLDER",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "the keys of a coordinator that comes or goes",
     .about = "Signs FOLDER/mesh.json anew and makes the keys of whoever is added. FOLDER is that "
              "of `keygen mesh`, with root.key back in it. Give the new mesh.json to every "
              "coordinator, restart them one by one, then let the change take effect with "
              "`hlctl raft add`, `promote` and `remove`. A coordinator that lost its disk must not "
              "come back under its old id: drop it and add a new one.",
     FLAGS(keygen_coordinator_flags),
     EXAMPLES(keygen_coordinator_examples),
     .kind = "MeshRevision",
     .run = IN_MESH(keygen_coordinator_run)},
    {.path = "keygen identity",
     .group = GROUP_OPERATIONS,
     .args = "FILE",
     .arg_kind = "file",
     .min_args = 1,
     .max_args = 1,
     .summary = "a key for a person or a program",
     .about = "Writes the secret key to FILE (mode 0600) and prints the public key, which an "
              "administrator adds to the mesh. Refuses a file that exists.",
     EXAMPLES(keygen_identity_examples),
     .kind = "Identity",
     .run = IN_MESH(keygen_identity_run)},

    {.path = "context list",
     .aliases = "contexts|context ls",
     .group = GROUP_META,
     .args = "",
     .summary = "the meshes that hlctl knows",
     .about = "From the configuration file alone; nothing is asked over the network.",
     EXAMPLES(context_list_examples),
     .kind = "ContextList",
     .run = IN_MESH(context_list_run)},
    {.path = "context add",
     .group = GROUP_META,
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "add a mesh",
     .about = "Checks the roster's signature and the identity first, then adds the context and "
              "pins the mesh's fingerprint. Makes the configuration file (mode 0600) if there is "
              "none; the first context becomes the current one.",
     FLAGS(context_add_flags),
     EXAMPLES(context_add_examples),
     .run = IN_MESH(context_add_run)},
    {.path = "context use",
     .group = GROUP_META,
     .args = "NAME",
     .arg_kind = "context",
     .min_args = 1,
     .max_args = 1,
     .summary = "select the context that counts without --context",
     .about = "Changes one line of the configuration file; comments and order stay.",
     EXAMPLES(context_use_examples),
     .run = IN_MESH(context_use_run)},
    {.path = "context current",
     .group = GROUP_META,
     .args = "",
     .summary = "the name of the current context",
     .about = "What --context, HLCTL_CONTEXT or the configuration file say.",
     EXAMPLES(context_current_examples),
     .run = IN_MESH(context_current_run)},
    {.path = "context rm",
     .group = GROUP_META,
     .args = "NAME",
     .arg_kind = "context",
     .min_args = 1,
     .max_args = 1,
     .summary = "forget a mesh",
     .about = "Removes the context from the configuration file; keys and roster stay where they "
              "are.",
     EXAMPLES(context_rm_examples),
     .run = IN_MESH(context_rm_run)},
    {.path = "completion",
     .group = GROUP_META,
     .args = "bash|zsh|fish",
     .arg_kind = "bash|zsh|fish",
     .min_args = 1,
     .max_args = 1,
     .summary = "completion script for a shell",
     .about = "The script asks hlctl for every word, so it never is out of date; names of "
              "applications, agents and contexts are completed too. It is silent when the mesh "
              "does not answer within 300 ms.",
     EXAMPLES(completion_examples),
     .run = IN_MESH(completion_run)},
    {.path = "version",
     .group = GROUP_META,
     .args = "",
     .summary = "version of this program",
     .about = "Offline; the agents' versions are in hlctl agents.",
     EXAMPLES(version_examples),
     .kind = "Version",
     .run = version_run},
    {.path = "help",
     .group = GROUP_META,
     .args = "[COMMAND|TOPIC|CODE]",
     .arg_kind = "topic",
     .max_args = 2,
     .summary = "about a command, a topic or an error code",
     .about = "Topics: environment, configuration, formatting, exit-codes, errors.",
     EXAMPLES(help_examples),
     .run = help_run},

    {.path = "__complete",
     .group = GROUP_HIDDEN,
     .args = "[WORD...]",
     .max_args = VERB_ARGS_MAX,
     .summary = "what could stand in place of the last word; for shells",
     .about = "",
     .run = IN_MESH(complete_run)},
    {.path = "__docs",
     .group = GROUP_HIDDEN,
     .args = "FOLDER",
     .min_args = 1,
     .max_args = 1,
     .summary = "write cli.md and errors/ to a folder",
     .about = "",
     .run = docs_run},
    {.path = "__examples",
     .group = GROUP_HIDDEN,
     .args = "offline|mesh [WORD=NAME...]",
     .min_args = 1,
     .max_args = VERB_ARGS_MAX,
     .summary = "every example as exit code, tab, command line; for tests",
     .about = "",
     .run = examples_run},
};
const size_t verb_count = HL_COUNT(verbs);
