/*
 * Reading a fleet repository: follow one branch of a remote, read trees at a commit.
 *
 * All work with Git happens in a child process (the program hl-git), started on first use and
 * ended by gitsrc_idle: hostile bytes meet libgit2 there, behind seccomp, resource limits and no
 * file descriptors but one socket. The child keeps a bare clone of the one branch in `dir`; there
 * is no work tree, no hook, filter, submodule, LFS, credential helper or Git configuration of the
 * user or system. Deleting `dir` is always safe: the next fetch fetches everything again.
 *
 * Host keys are checked against our known_hosts file, TLS against ca_file or the system's.
 *
 * Threads: one owner; the child dies with the thread that started it (PDEATHSIG). Every call
 *          blocks, at most its timeout: run a gitsrc in an actor of its own.
 * Limits:  struct gitsrc_limits, each with a default; a listing has at most max_entries names.
 * Errors:  HL_EINVAL     the configuration or a path is malformed
 *          HL_EDENIED    credentials refused, host key or certificate not trusted, link or
 *                        submodule in a path; the text says what to do
 *          HL_EABSENT    no such repository or branch at the remote, no such commit in the clone
 *          HL_ETEMP      remote not reachable now
 *          HL_ETIMEOUT   deadline passed; the child was killed and the next call starts anew
 *          HL_EIO        the child died (its signal is in the text; the next call starts anew),
 *                        or it cannot be started
 *          HL_ECORRUPT   the child or the clone is not trustworthy (child killed); names `dir`
 *          HL_ELIMIT, HL_ENOSPACE
 */
#ifndef HL_EDGE_GITSRC_GITSRC_H
#define HL_EDGE_GITSRC_GITSRC_H

#include "core/desired/source.h"
#include "edge/gitsrc/remote.h"

struct gitsrc_limits {        /* 0 = the default in brackets */
    uint64_t max_file_bytes;  /* [16 MiB] a larger file fails its own read with HL_ELIMIT */
    uint64_t max_entries;     /* [10 000] names in one folder */
    uint64_t max_fetch_bytes; /* [1 GiB] received in one fetch */
    int64_t fetch_timeout_ms; /* [60 000] */
    int64_t read_timeout_ms;  /* [10 000] */
};

struct gitsrc_config {
    struct str dir; /* absolute; the bare clone, made (0700) if absent; one owner at a time */
    struct str url;
    struct str branch; /* "main" or "refs/heads/main"; "" = what the remote's HEAD points to */
    struct git_auth auth;
    struct gitsrc_limits limits;
    struct str program; /* path of hl-git; "" = beside our executable, else libexec */
};

/* Text fields live in the arena of the call; subject and author are UTF-8 without control bytes. */
struct gitsrc_commit {
    char oid[GIT_OID_TEXT_MAX];
    char branch[256];     /* short name, resolved from HEAD if none was configured */
    struct str author;    /* "Name <address>" */
    struct str subject;   /* first line, at most 200 bytes */
    int64_t time_wall_ms; /* committer time */
    uint32_t depth;       /* commits along first parents to the root; counting stops at 100 000 */
    bool is_rewound;      /* `known` is not an ancestor: history was rewritten. An alarm. */
};

enum gitsrc_outcome {
    GITSRC_CHANGED = 0,   /* the branch is at another commit than `known`; *out is filled */
    GITSRC_UNCHANGED = 1, /* it is at `known`, which is in the clone; *out is filled */
    GITSRC_EMPTY = 2,     /* the remote repository has no commit yet; *out is zero */
};

struct gitsrc;

/* Checks the configuration; starts nothing and touches no file. 0, or HL_EINVAL. */
HL_MUST int gitsrc_open(const struct gitsrc_config *config, struct gitsrc **out, struct err *err);
void gitsrc_free(struct gitsrc *src);
HL_DEFINE_FREEP(gitsrc_free, struct gitsrc)

/*
 * Asks the remote for the branch and fetches what is missing. `known` is the oid (40 hex) that the
 * caller acts on, "" for none: the answer is relative to it, not to what the clone holds, so it is
 * right on a coordinator that has just become leader. Returns a gitsrc_outcome or a failure.
 */
HL_MUST int gitsrc_fetch(struct gitsrc *src, struct str known, struct arena *a,
                         struct gitsrc_commit *out, struct err *err);

/*
 * A struct source (core/desired/source.h) over one commit of the clone. `tree` is the caller's and
 * must outlive the source, as must `src`. Reading goes to the clone only, never to the remote; a
 * commit that is not in the clone makes read and list return HL_EABSENT.
 */
struct gitsrc_tree {
    struct gitsrc *src;
    char oid[GIT_OID_TEXT_MAX];
};
struct source gitsrc_source(struct gitsrc_tree *tree, struct gitsrc *src, struct str oid);

/* Ends the child to give its memory back; the next call starts another. Does not block long. */
void gitsrc_idle(struct gitsrc *src);

/* How the running child is confined, for status pages: "seccomp, landlock 3, rlimits"; "" if no
 * child runs. Borrowed until the next call. */
struct str gitsrc_sandbox(const struct gitsrc *src);
/* Process id of the running child, 0 if none runs. */
int64_t gitsrc_pid(const struct gitsrc *src);

#endif
