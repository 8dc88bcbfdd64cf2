/*
 * Writing a state repository: rendered objects committed to a branch, one commit per change.
 *
 * Each staterepo_apply makes one commit that has exactly the given puts and deletes, built from
 * tree edits without a work tree, and moves the branch by compare-and-swap: over the network the
 * push is refused unless it is a fast-forward; for a local path the commit is written straight into
 * that repository and the reference moved under its lock. A lost race is retried on the new head
 * with jitter, so any number of writers of different paths lose nothing.
 *
 * Fencing: a commit names its application and lease epoch in trailers. Before building, and again
 * after every lost race, the last STATEREPO_FENCE_DEPTH commits are searched for the application:
 * an epoch above ours means that somebody else holds the lease now, and nothing is written.
 * `lease_valid` is asked once more right before the branch moves.
 *
 *     Update grafana on host
 *
 *     Hlmesh-App: host/grafana
 *     Hlmesh-Lease: 17
 *     Hlmesh-Agent: agent-2
 *     Hlmesh-Revision: 2f6c0d9f0d0c2ab0ff3b8d8ab0d0f6d1d8f0a8c3
 *
 * Runs in the same kind of child as gitsrc.h; process model, threads and errors are described
 * there. In addition HL_ECONFLICT: the lease is superseded or no longer valid, nothing was written;
 * and HL_ETEMP: too many races lost (STATEREPO_ATTEMPTS).
 *
 * A local reference lock that a killed writer left behind is removed when it is older than 30 s.
 *
 * Limits: STATEREPO_* below; paths start with "clusters/", at most 1024 bytes, parts at most 255,
 *         no empty, ".", ".." or ".git" part, no control bytes or backslash (HL_EINVAL).
 */
#ifndef HL_EDGE_GITSRC_STATEREPO_H
#define HL_EDGE_GITSRC_STATEREPO_H

#include "edge/gitsrc/remote.h"

enum {
    STATEREPO_FENCE_DEPTH = 1000,
    STATEREPO_ATTEMPTS = 100,
    STATEREPO_CHANGE_MAX = 20000,                  /* puts plus deletes of one change */
    STATEREPO_CHANGE_BYTES_MAX = 48 * 1024 * 1024, /* all put bytes and paths of one change */
    STATEREPO_LIST_MAX = 100000,                   /* files below a listed folder */
    STATEREPO_FILE_BYTES_MAX = 16 * 1024 * 1024,   /* one file that is read back */
};

struct staterepo_config {
    struct str dir; /* absolute; a bare clone for remote URLs, made if absent; local ones need it
                       for nothing but may not share it */
    struct str url;
    struct str branch; /* "" = "main"; created by the first commit */
    struct git_auth auth;
    struct str agent;        /* our name, for the trailer */
    struct str author_name;  /* "" = "hlmesh" */
    struct str author_email; /* "" = "hlmesh@localhost" */
    int64_t timeout_ms;      /* of one call; 0 = 60 000 */
    struct str program;      /* path of hl-git; "" = beside our executable, else libexec */
};

struct staterepo_put {
    struct str path;
    struct str bytes;
};

struct staterepo_change {
    struct str app;     /* "cluster/name" */
    uint64_t epoch;     /* of our lease, > 0 */
    bool is_takeover;   /* first apply under a new lease: commits even without a difference, so that
                           the previous holder is fenced off */
    struct str subject; /* one line, UTF-8; cut at 200 bytes */
    struct str revision;              /* fleet commit; "" leaves the trailer out */
    const struct staterepo_put *puts; /* files to hold exactly these bytes; each path once */
    size_t put_count;
    const struct str
        *deletes; /* files to be absent; absent already is fine; leaves no empty tree */
    size_t delete_count;
    /* Asked on the caller's thread right before the branch moves; NULL = always valid. */
    bool (*lease_valid)(void *context);
    void *context;
};

enum staterepo_outcome {
    STATEREPO_COMMITTED = 0, /* a new commit; out->oid names it */
    STATEREPO_UNCHANGED = 1, /* the branch holds all this already; out->oid is its head ("" if the
                                branch has no commit) */
};

struct staterepo_result {
    char oid[GIT_OID_TEXT_MAX];
    uint32_t attempt_count; /* 1 = no race lost */
};

/* A file of the branch; blob is what staterepo_blob_id gives for its bytes. */
struct staterepo_file {
    struct str path; /* whole path from the root */
    char blob[GIT_OID_TEXT_MAX];
    uint32_t mode; /* 0100644, 0100755; 0120000 a link, 0160000 a submodule: never ours */
};

struct staterepo;

/* Checks the configuration; starts nothing and touches no file. 0, or HL_EINVAL. */
HL_MUST int staterepo_open(const struct staterepo_config *config, struct staterepo **out,
                           struct err *err);
void staterepo_free(struct staterepo *repo);
HL_DEFINE_FREEP(staterepo_free, struct staterepo)

/* Returns a staterepo_outcome or a failure; after a failure other than HL_ETIMEOUT, HL_EIO and
 * HL_ECORRUPT nothing was written; after those ask staterepo_list. */
HL_MUST int staterepo_apply(struct staterepo *repo, const struct staterepo_change *change,
                            struct staterepo_result *out, struct err *err);

enum staterepo_found { STATEREPO_FOUND = 0, STATEREPO_ABSENT = 1 };

/* One file at the branch's present head at the remote, in `a`. STATEREPO_FOUND, STATEREPO_ABSENT,
 * or a failure (a link is HL_EDENIED). */
HL_MUST int staterepo_read(struct staterepo *repo, struct str path, struct arena *a,
                           struct str *out, struct err *err);

/*
 * Every file below `folder` ("clusters/host" or "clusters") at the branch's present head at the
 * remote, sorted by path, in `a`; *head (may be NULL) gets the commit, "" without one.
 * STATEREPO_FOUND, STATEREPO_ABSENT (no such folder), or a failure.
 */
HL_MUST int staterepo_list(struct staterepo *repo, struct str folder, struct arena *a,
                           struct staterepo_file **out, size_t *out_count,
                           char head[GIT_OID_TEXT_MAX], struct err *err);

/* The name Git gives to these bytes as a file: SHA-1 of "blob <length>\0<bytes>", in hex. */
const char *staterepo_blob_id(struct str bytes, char out[GIT_OID_TEXT_MAX]);

/* As gitsrc_idle, gitsrc_sandbox and gitsrc_pid. */
void staterepo_idle(struct staterepo *repo);
struct str staterepo_sandbox(const struct staterepo *repo);
int64_t staterepo_pid(const struct staterepo *repo);

#endif
