/*
 * Fetching from a repository at a path: the objects of one branch that our clone lacks, as a pack.
 *
 * libgit2's own transport for paths is not used: it takes every reference along, from several
 * threads, and fails as a whole when one file's content is missing over there (a partial clone, a
 * pruned mirror). Here such a file is left out and only reading it fails. A pack is stored whole
 * or not at all, so a tree that the clone has is complete, and the walk stops at it.
 *
 * Every fetch adds a pack; copy_compact makes one of many.
 */
#include "edge/gitsrc/child/child.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <git2/odb_backend.h>

enum { DEPTH_MAX = 512, PACKS_MAX = 50 };

struct copy {
    struct far *f;
    git_repository *from;
    git_odb *ours; /* NULL: nothing is there yet */
    git_packbuilder *pack;
    struct map *seen; /* trees already in the pack */
    git_odb_writepack *out;
    git_indexer_progress progress;
    uint64_t bytes;
};

static bool have(struct copy *copy, const git_oid *oid)
{
    return copy->ours && git_odb_exists_ext(copy->ours, oid, GIT_ODB_LOOKUP_NO_REFRESH) == 1;
}

static int add_tree(struct copy *copy, const git_oid *oid, unsigned depth);

static int add_entry(struct copy *copy, const git_tree_entry *e, unsigned depth)
{
    const git_oid *oid = git_tree_entry_id(e);

    switch (git_tree_entry_filemode(e)) {
    case GIT_FILEMODE_COMMIT: /* a submodule's commit lives elsewhere */
        return 0;
    case GIT_FILEMODE_TREE:
        return add_tree(copy, oid, depth + 1);
    default:
        break;
    }
    int rc = have(copy, oid) ? 0 : git_packbuilder_insert(copy->pack, oid, git_tree_entry_name(e));
    if (rc == GIT_ENOTFOUND) {
        git_error_clear();
        rc = 0;
    }
    return rc;
}

static int add_tree(struct copy *copy, const git_oid *oid, unsigned depth)
{
    git_tree *tree = NULL;

    if (depth > DEPTH_MAX) {
        git_error_set_str(GIT_ERROR_TREE, "folders nested too deeply");
        return -1;
    }
    if (map_set(copy->seen, (struct str){(const char *)oid->id, GIT_OID_RAWSZ}, copy) ||
        have(copy, oid))
        return 0;
    int rc = git_tree_lookup(&tree, copy->from, oid);
    if (rc == 0)
        rc = git_packbuilder_insert(copy->pack, oid, NULL);
    for (size_t i = 0; rc == 0 && i < git_tree_entrycount(tree); i++)
        rc = add_entry(copy, git_tree_entry_byindex(tree, i), depth);
    git_tree_free(tree);
    return rc;
}

static int add_commit(struct copy *copy, const git_oid *oid)
{
    git_commit *commit = NULL;
    int rc = git_commit_lookup(&commit, copy->from, oid);

    if (rc == 0)
        rc = git_packbuilder_insert(copy->pack, oid, NULL);
    if (rc == 0)
        rc = add_tree(copy, git_commit_tree_id(commit), 0);
    git_commit_free(commit);
    return rc;
}

/* Hides from the walk what our clone has: every reference of ours that the other side knows. */
static int hide_known(struct copy *copy, git_revwalk *walk)
{
    git_repository *repo = copy->f->child->repo;
    git_reference_iterator *it = NULL;
    git_odb *theirs = NULL;
    const char *name;
    git_oid oid;

    int rc = git_repository_odb(&theirs, copy->from);
    if (rc == 0)
        rc = git_reference_iterator_new(&it, repo);
    while (rc == 0 && (rc = git_reference_next_name(&name, it)) == 0)
        if (git_reference_name_to_id(&oid, repo, name) == 0 && git_odb_exists(theirs, &oid))
            rc = git_revwalk_hide(walk, &oid);
    git_reference_iterator_free(it);
    git_odb_free(theirs);
    return rc == GIT_ITEROVER ? 0 : rc;
}

static int add_branch(struct copy *copy, const git_oid *head)
{
    git_revwalk *walk = NULL;
    git_oid oid;

    int rc = git_revwalk_new(&walk, copy->from);
    if (rc == 0)
        rc = git_revwalk_sorting(walk, GIT_SORT_TIME);
    if (rc == 0)
        rc = git_revwalk_push(walk, head);
    if (rc == 0 && copy->ours)
        rc = hide_known(copy, walk);
    while (rc == 0 && (rc = git_revwalk_next(&oid, walk)) == 0)
        rc = add_commit(copy, &oid);
    git_revwalk_free(walk);
    return rc == GIT_ITEROVER ? 0 : rc;
}

static int on_chunk(void *bytes, size_t size, void *payload)
{
    struct copy *copy = payload;

    copy->bytes += size;
    int rc = far_limit(copy->f, copy->bytes);
    return rc < 0 ? rc : copy->out->append(copy->out, bytes, size, &copy->progress);
}

int far_copy(struct far *f, const git_oid *head)
{
    struct copy copy = {.f = f, .from = f->near, .seen = map_new(0)};

    int rc = git_repository_odb(&copy.ours, f->child->repo);
    if (rc == 0)
        rc = git_packbuilder_new(&copy.pack, f->near);
    if (rc == 0)
        rc = add_branch(&copy, head);
    if (rc == 0)
        rc = git_odb_write_pack(&copy.out, copy.ours, NULL, NULL);
    if (rc == 0)
        rc = git_packbuilder_foreach(copy.pack, on_chunk, &copy);
    if (rc == 0)
        rc = copy.out->commit(copy.out, &copy.progress);
    if (copy.out)
        copy.out->free(copy.out);
    git_packbuilder_free(copy.pack);
    git_odb_free(copy.ours);
    map_free(copy.seen);
    return rc;
}

/* ---- compaction ---- */

/* Counts the packs in `folder`; with `keep`, removes those that are not called that. */
static size_t each_pack(const char *folder, const char *keep)
{
    char path[4400];
    size_t count = 0;
    DIR *d = opendir(folder);

    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct str name = str_from(e->d_name);

        if (!str_starts(name, STR("pack-")))
            continue;
        count += str_ends(name, STR(".pack"));
        if (!keep || strstr(e->d_name, keep))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        unlink(path); /* one that stays costs a descriptor, nothing else */
    }
    closedir(d);
    return count;
}

static int write_one_pack(struct child *c, const git_oid *head, char *name, size_t size)
{
    struct copy copy = {.from = c->repo, .seen = map_new(0)};

    int rc = git_packbuilder_new(&copy.pack, c->repo);
    if (rc == 0)
        rc = add_branch(&copy, head);
    if (rc == 0)
        rc = git_packbuilder_write(copy.pack, NULL, 0, NULL, NULL);
    if (rc == 0)
        snprintf(name, size, "%s", git_packbuilder_name(copy.pack));
    git_packbuilder_free(copy.pack);
    map_free(copy.seen);
    return rc;
}

int copy_compact(struct child *c, const git_oid *head, struct err *err)
{
    char folder[4096], name[128];

    snprintf(folder, sizeof(folder), "%s/objects/pack", c->dir);
    if (each_pack(folder, NULL) <= PACKS_MAX)
        return 0;
    int rc = write_one_pack(c, head, name, sizeof(name));
    if (rc < 0)
        return repository_error(rc, err, "compacting the clone %s (deleting it is safe)", c->dir);
    each_pack(folder, name);
    git_repository_free(c->repo); /* it still maps the packs that are gone */
    c->repo = NULL;
    return repository_open(c, err);
}
