/*
 * The configuration file: which meshes there are and with which key to speak to each.
 *
 *     apiVersion: hlctl/v1
 *     current-context: home
 *     contexts:
 *     - name: home
 *       roster: home/mesh.json         # coordinators and their keys, signed by the mesh's root key
 *       mesh: hl-mesh:Jm4...k2         # fingerprint of that root key, checked before anything is
 * sent identity: home/admin.key       # secret key, mode 0600 servers: [10.0.4.101:7402]     #
 * optional: ask only these coordinators of the roster
 *
 * Paths are relative to the file's folder; "~/" is the home folder. Keys that nothing understands
 * are errors with line and column. The file must belong to nobody else (mode 0600).
 *
 * Changes are edits of text: comments, order and blank lines stay. A file in a form that cannot be
 * edited so (contexts in one line, anchors) is refused, not rewritten. Files are replaced by
 * rename, so a crash leaves the old or the new one.
 *
 * Ownership: everything lives in the arena given to config_load.
 * Threads: one. Limits: 1 MiB a file, CONFIG_CONTEXTS_MAX contexts.
 */
#ifndef HL_HLCTL_CONFIG_H
#define HL_HLCTL_CONFIG_H

#include "hlctl/trouble.h"

enum { CONFIG_CONTEXTS_MAX = 256, CONFIG_BYTES_MAX = 1 << 20 };

struct context {
    struct str name;
    struct str roster;   /* absolute path */
    struct str identity; /* absolute path */
    struct str mesh;     /* fingerprint; empty = not pinned */
    struct str *server;
    size_t server_count;
    uint32_t line; /* where "- name" stands */
};

struct config {
    struct str path;
    struct str text; /* as read */
    struct str current;
    struct context *context;
    size_t context_count;
};

/* The path by --config (may be empty), else HLCTL_CONFIG through it, else below XDG_CONFIG_HOME. */
struct str config_path(struct arena *a, struct str flag);

/* Reads and checks. 0; 1 when there is no such file (then *out is an empty configuration); or < 0
 * with t filled. */
int config_load(struct arena *a, struct str path, struct config *out, struct trouble *t);
/* The pure part: text as if read from `path`. 0, or < 0 with t filled. */
int config_parse(struct arena *a, struct str path, struct str text, struct config *out,
                 struct trouble *t);

/* The context of that name, or the current one if name is empty. NULL with t filled. */
const struct context *config_pick(const struct config *c, struct str name, struct trouble *t);

/*
 * The text of the file after the change; pure. false if the file's form does not allow it. The
 * result of each reads back as what was meant (checked).
 */
HL_MUST bool config_text_use(struct arena *a, const struct config *c, struct str name,
                             struct str *out);
HL_MUST bool config_text_add(struct arena *a, const struct config *c, const struct context *add,
                             struct str *out);
HL_MUST bool config_text_remove(struct arena *a, const struct config *c, struct str name,
                                struct str *out);

/* Replaces the file, mode 0600, making its folder (0700) if needed. 0, or the exit code. */
int config_write(const struct config *c, struct str text, struct trouble *t);

#endif
