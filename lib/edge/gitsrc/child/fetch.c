/* FETCH: where is the branch, get what is missing, tell what is there. */
#include "edge/gitsrc/child/child.h"

#include <stdio.h>
#include <string.h>

#include "edge/gitsrc/gitsrc.h"

enum { DEPTH_MAX = 100000 };

static uint32_t depth_of(git_commit *head)
{
    git_commit *commit = NULL;
    uint32_t depth = 1;

    if (git_commit_dup(&commit, head) < 0)
        return 0;
    while (depth < DEPTH_MAX && git_commit_parentcount(commit) > 0) {
        git_commit *parent = NULL;
        if (git_commit_parent(&parent, commit, 0) < 0)
            break; /* a history cut off at the remote */
        git_commit_free(commit);
        commit = parent;
        depth++;
    }
    git_commit_free(commit);
    return depth;
}

/* The whole branch is in the clone, so a commit that is not an ancestor was taken out of it. */
static bool is_rewound(struct child *c, const git_oid *known, const git_oid *head)
{
    git_commit *old = NULL;

    if (git_oid_is_zero(known) || git_oid_equal(known, head))
        return false;
    int rc = git_commit_lookup(&old, c->repo, known);
    git_commit_free(old);
    return rc < 0 || git_graph_descendant_of(c->repo, head, known) != 1;
}

static int add_commit(struct child *c, const char *ref, const git_oid *head, const git_oid *known,
                      struct buf *answer, struct err *err)
{
    HL_CLEANUP(hl_commit_free) git_commit *commit = NULL;
    char oid[GIT_OID_HEXSZ + 1], author[512];

    int rc = git_commit_lookup(&commit, c->repo, head);
    git_oid_tostr(oid, sizeof(oid), head);
    if (rc < 0)
        return repository_error(rc, err, "commit %s (deleting %s is safe)", oid, c->dir);
    const git_signature *sig = git_commit_author(commit);
    const char *subject = git_commit_summary(commit);
    snprintf(author, sizeof(author), "%s <%s>", sig ? sig->name : "", sig ? sig->email : "");
    buf_add_u32(answer, git_oid_equal(head, known) ? GITSRC_UNCHANGED : GITSRC_CHANGED);
    gitmsg_add(answer, str_from(oid));
    gitmsg_add(answer, str_from(ref + strlen("refs/heads/")));
    gitmsg_add(answer, str_from(author));
    gitmsg_add(answer, str_sub(str_from(subject), 0, 1000));
    buf_add_u64(answer, (uint64_t)(git_commit_time(commit) * 1000));
    buf_add_u32(answer, depth_of(commit));
    bool has_lost_known = is_rewound(c, known, head);
    buf_add_u32(answer, has_lost_known ? 1 : 0);
    /* While the caller may still act on a commit that was taken out, its objects stay. */
    return has_lost_known ? 0 : copy_compact(c, head, err);
}

int serve_fetch(struct child *c, struct gitmsg_reader *r, struct buf *answer, struct err *err)
{
    struct str known_text = gitmsg_str(r);
    git_oid known = {{0}}, head;
    char ref[GIT_REF_MAX];
    struct far far;

    if (!gitmsg_end(r) ||
        (known_text.len > 0 && (!git_oid_text_ok(known_text) ||
                                git_oid_fromstrn(&known, known_text.ptr, known_text.len) < 0)))
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    int rc = far_open(c, GIT_DIRECTION_FETCH, &far, err);
    if (rc < 0)
        return rc;
    rc = far_head(&far, false, ref, &head, err);
    if (rc == FAR_FOUND)
        rc = far_download(&far, ref, &head, err);
    far_close(&far);
    if (rc == FAR_EMPTY) {
        buf_add_u32(answer, GITSRC_EMPTY);
        return 0;
    }
    return rc < 0 ? rc : add_commit(c, ref, &head, &known, answer, err);
}
