/*
 * Fencing: what is the highest lease epoch that history shows for an application?
 *
 * The first look walks STATEREPO_FENCE_DEPTH commits; later ones only what came since. Epochs only
 * grow in the memory: a rewritten history cannot make a superseded lease valid again.
 */
#include "edge/gitsrc/child/child.h"

#include <stdlib.h>

#include "edge/gitsrc/staterepo.h"
#include "edge/gitsrc/trailer.h"

enum { REMEMBERED_MAX = 20000, APP_MAX_BYTES = 253 };

static void remember(struct child *c, const char *message)
{
    struct trailer t;

    if (!message || !trailer_read(str_from(message), &t) || t.app.len > APP_MAX_BYTES)
        return;
    uint64_t *epoch = map_get(c->epochs, t.app);
    if (!epoch) {
        if (map_count(c->epochs) == REMEMBERED_MAX)
            return; /* bounded; the applications of one fleet are hundreds */
        epoch = hl_calloc(1, sizeof(*epoch));
        map_set(c->epochs, t.app, epoch);
    }
    if (t.epoch > *epoch)
        *epoch = t.epoch;
}

static int scan(struct child *c, const git_oid *head)
{
    git_revwalk *walk = NULL;
    git_oid oid;
    unsigned count = 0;

    int rc = git_revwalk_new(&walk, c->repo);
    if (rc == 0)
        rc = git_revwalk_push(walk, head);
    if (rc == 0 && !git_oid_is_zero(&c->scanned)) {
        rc = git_revwalk_hide(walk, &c->scanned);
        if (rc == GIT_ENOTFOUND)
            rc = 0; /* rewritten and collected: look at everything again */
    }
    while (rc == 0 && count++ < STATEREPO_FENCE_DEPTH && (rc = git_revwalk_next(&oid, walk)) == 0) {
        git_commit *commit = NULL;
        rc = git_commit_lookup(&commit, c->repo, &oid);
        if (rc == 0)
            remember(c, git_commit_message(commit));
        git_commit_free(commit);
    }
    git_revwalk_free(walk);
    return rc == GIT_ITEROVER ? 0 : rc;
}

int fence_check(struct child *c, const git_oid *head, struct str app, uint64_t epoch,
                struct err *err)
{
    if (git_oid_is_zero(head))
        return 0;
    if (!git_oid_equal(head, &c->scanned)) {
        int rc = scan(c, head);
        if (rc < 0)
            return repository_error(rc, err, "reading history");
        c->scanned = *head;
    }
    const uint64_t *seen = map_get(c->epochs, app);
    if (seen && *seen > epoch)
        return err_set(err, HL_ECONFLICT,
                       "lease superseded: the branch has a commit of " STR_FMT
                       " under lease %llu, ours is %llu",
                       STR_ARG(app), (unsigned long long)*seen, (unsigned long long)epoch);
    return 0;
}
