/*
 * hl-git, the child process: everything that touches libgit2. Single-threaded; serves one parent
 * over descriptor 3 (edge/gitsrc/message.h) and leaves when that closes.
 *
 * Functions follow the project's convention for results; git_* below are libgit2's own.
 */
#ifndef HL_EDGE_GITSRC_CHILD_CHILD_H
#define HL_EDGE_GITSRC_CHILD_CHILD_H

#include <git2.h>

#include "base/base.h"
#include "edge/gitsrc/message.h"
#include "edge/gitsrc/remote.h"
#include "edge/gitsrc/url.h"

struct child {
    uint32_t mode; /* enum gitmsg_mode */
    struct arena *config;
    char *dir;
    char *url_text;
    struct git_url url;
    char branch[GIT_REF_MAX]; /* refs/heads/...; "" = the remote's HEAD */
    struct git_auth auth;
    uint64_t max_fetch_bytes;
    struct str agent;
    char *author_name;
    char *author_email;
    int64_t timeout_ms;

    git_repository *repo; /* the clone; for a writer at a local path that repository itself */
    uint32_t sequence;    /* of the request being served */
    bool has_certificates;

    /* Fencing: highest epoch per application seen so far, and the commit up to which we looked. */
    struct map *epochs;
    git_oid scanned;
    struct rng rng;
};

/* ---- main.c: answers ---- */
/* Asks the parent whether to go on; false also if it is gone. */
bool child_ask(struct child *c);

/* ---- sandbox.c ---- */
void sandbox_early(long parent_pid); /* before the first byte is read */
void sandbox_enter(const struct child *c, char *text, size_t size); /* after libgit2's init */

/* ---- stream.c ---- */
/* Makes http and https sockets go to this url's host and port only; borrowed for ever. 0 or < 0. */
HL_MUST int stream_pin(const struct git_url *url);

/* ---- repository.c ---- */
HL_MUST int repository_open(struct child *c, struct err *err);
/* An error from libgit2's last one: `rc` is what the call returned. Returns the code. */
int repository_error(int rc, struct err *err, const char *fmt, ...) HL_PRINTF(3, 4);
/* Makes pack building frugal: no delta search over large files. */
void repository_tune(const struct child *c, git_repository *repo);
/* The tree at a commit; HL_EABSENT if the commit is not in the repository. */
HL_MUST int repository_tree(git_repository *repo, const git_oid *commit, git_tree **out,
                            struct err *err);

/* ---- remote.c: the other side ---- */
struct far {
    struct child *child;
    git_remote *remote;   /* network */
    git_repository *near; /* a local path */
    unsigned attempt_count;
    struct err why;      /* what a callback refused; code 0 if nothing */
    char rejection[200]; /* what the remote said to a push */
    const git_oid *base; /* push: what the branch must be at, zero = absent */
    bool is_raced;
};
HL_MUST int far_open(struct child *c, git_direction direction, struct far *out, struct err *err);
void far_close(struct far *f);
enum far_outcome { FAR_FOUND = 0, FAR_EMPTY = 1 };
/*
 * The commit of child->branch (or of HEAD) and the branch's full name. FAR_EMPTY: the remote has
 * no branch at all. With may_be_absent also: it has others but not this one.
 */
HL_MUST int far_head(struct far *f, bool may_be_absent, char ref[GIT_REF_MAX], git_oid *oid,
                     struct err *err);
HL_MUST int far_download(struct far *f, const char *ref, const git_oid *oid, struct err *err);
enum far_pushed { FAR_PUSHED = 0, FAR_RACED = 1 };
/* Pushes local reference `from` to `ref`, which must be at `base`. FAR_RACED: it is not, or the
 * remote rejected it (f->rejection says why). */
HL_MUST int far_push(struct far *f, const char *from, const char *ref, const git_oid *base,
                     struct err *err);
/* Fails, with far->why, if that much was more than a fetch may receive. For libgit2's callbacks. */
int far_limit(struct far *f, uint64_t received_bytes);
/* copy.c: brings what `head` needs from the path to the clone; libgit2's return codes. */
int far_copy(struct far *f, const git_oid *head);
/* copy.c: makes one pack of a clone that has gathered many; keeps what `head` reaches. */
HL_MUST int copy_compact(struct child *c, const git_oid *head, struct err *err);
/* The name under which a branch is kept in our clone. */
void far_tracking(const char *ref, char out[GIT_REF_MAX + 16]);

/* ---- auth.c: libgit2's callbacks; payload is a struct far ---- */
int auth_credentials(git_credential **out, const char *url, const char *user, unsigned allowed,
                     void *payload);
int auth_certificate(git_cert *cert, int is_valid, const char *host, void *payload);
HL_MUST int auth_prepare(struct child *c, struct err *err);

/* ---- read.c, fetch.c, write.c: the requests; each fills `answer` for DONE ---- */
HL_MUST int serve_fetch(struct child *c, struct gitmsg_reader *r, struct buf *answer,
                        struct err *err);
HL_MUST int serve_read(struct child *c, struct gitmsg_reader *r, struct buf *answer,
                       struct err *err);
HL_MUST int serve_list(struct child *c, struct gitmsg_reader *r, struct buf *answer,
                       struct err *err);
HL_MUST int serve_apply(struct child *c, struct gitmsg_reader *r, struct buf *answer,
                        struct err *err);
HL_MUST int serve_read_head(struct child *c, struct gitmsg_reader *r, struct buf *answer,
                            struct err *err);
HL_MUST int serve_walk(struct child *c, struct gitmsg_reader *r, struct buf *answer,
                       struct err *err);

/* ---- read.c ---- */
/* Adds found|absent and the bytes of a file at `path`. */
HL_MUST int read_blob(git_repository *repo, git_tree *root, struct str path, uint64_t max_bytes,
                      struct buf *answer, struct err *err);
/* The folder at `path`: 0, or 1 if there is none. "" is the root. */
HL_MUST int read_folder(git_repository *repo, git_tree *root, struct str path, git_tree **out,
                        struct err *err);

/* ---- fence.c ---- */
/* HL_ECONFLICT if history up to `head` has a higher epoch for `app`. */
HL_MUST int fence_check(struct child *c, const git_oid *head, struct str app, uint64_t epoch,
                        struct err *err);

/* ---- tree.c ---- */
struct tree_edit {
    struct str path;
    bool is_delete;
    git_oid blob;
};
/* Applies edits (sorted by path, each once) to `base` (NULL = empty); *out is the new root. */
HL_MUST int tree_apply(git_repository *repo, git_tree *base, const struct tree_edit *edits,
                       size_t count, git_oid *out, struct err *err);

static inline void hl_tree_free(git_tree **t)
{
    git_tree_free(*t);
}
static inline void hl_commit_free(git_commit **commit)
{
    git_commit_free(*commit);
}

#endif
