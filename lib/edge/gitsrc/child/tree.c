/*
 * Editing a tree without a work tree. Edits are sorted by path, so those below one folder stand
 * together; each folder is rebuilt once, from the bottom up, and one that ends up empty is left
 * out.
 */
#include "edge/gitsrc/child/child.h"

#include <string.h>

struct editor {
    git_repository *repo;
    const struct tree_edit *edits;
    struct err *err;
};

static struct str first_part(struct str path, size_t offset, bool *is_last)
{
    size_t slash = str_find(path, STR("/"), offset);

    *is_last = slash == SIZE_MAX;
    return str_sub(path, offset, slash);
}

/* End of the edits [from, to) that lie below folder `name` at `offset`. */
static size_t end_of_folder(const struct editor *ed, size_t from, size_t to, size_t offset,
                            struct str name)
{
    size_t end = from;
    bool is_last = false;

    while (end < to && str_eq(first_part(ed->edits[end].path, offset, &is_last), name) && !is_last)
        end++;
    return end;
}

static int library_error(struct editor *ed, int rc, struct str path)
{
    return repository_error(rc, ed->err, "'" STR_FMT "'", STR_ARG(path));
}

static int edit_file(struct editor *ed, git_treebuilder *b, const struct tree_edit *edit,
                     const char *name)
{
    const git_tree_entry *old = git_treebuilder_get(b, name);
    int rc = 0;

    if (old && git_tree_entry_filemode(old) == GIT_FILEMODE_TREE)
        return err_set(ed->err, HL_EINVAL, "'" STR_FMT "' is a folder in the repository",
                       STR_ARG(edit->path));
    if (!edit->is_delete)
        rc = git_treebuilder_insert(NULL, b, name, &edit->blob, GIT_FILEMODE_BLOB);
    else if (old)
        rc = git_treebuilder_remove(b, name);
    return rc < 0 ? library_error(ed, rc, edit->path) : 0;
}

static int edit_folder(struct editor *ed, git_tree *base, size_t from, size_t to, size_t offset,
                       git_oid *out, size_t *entry_count);

/* The folder `name` of builder `b`, to which the edits [from, to) belong. */
static int edit_below(struct editor *ed, git_treebuilder *b, size_t from, size_t to, size_t offset,
                      const char *name)
{
    HL_CLEANUP(hl_tree_free) git_tree *base = NULL;
    const git_tree_entry *old = git_treebuilder_get(b, name);
    struct str path = ed->edits[from].path;
    size_t entry_count;
    git_oid oid;
    int rc = 0;

    if (old && git_tree_entry_filemode(old) != GIT_FILEMODE_TREE) {
        bool is_only_deletes = true;
        for (size_t i = from; i < to; i++)
            is_only_deletes = is_only_deletes && ed->edits[i].is_delete;
        if (is_only_deletes)
            return 0; /* nothing can be below a file */
        return err_set(ed->err, HL_EINVAL,
                       "'" STR_FMT "' cannot be written: '" STR_FMT
                       "' is not a folder in the repository",
                       STR_ARG(path), STR_ARG(str_sub(path, 0, offset + strlen(name))));
    }
    if (old)
        rc = git_tree_lookup(&base, ed->repo, git_tree_entry_id(old));
    if (rc < 0)
        return library_error(ed, rc, path);
    rc = edit_folder(ed, base, from, to, offset + strlen(name) + 1, &oid, &entry_count);
    if (rc < 0)
        return rc;
    if (entry_count > 0)
        rc = git_treebuilder_insert(NULL, b, name, &oid, GIT_FILEMODE_TREE);
    else if (old)
        rc = git_treebuilder_remove(b, name);
    return rc < 0 ? library_error(ed, rc, path) : 0;
}

static int edit_all(struct editor *ed, git_treebuilder *b, size_t from, size_t to, size_t offset)
{
    while (from < to) {
        char name[REPO_PATH_PART_MAX + 1];
        bool is_last;
        struct str part = first_part(ed->edits[from].path, offset, &is_last);
        size_t end = is_last ? from + 1 : end_of_folder(ed, from, to, offset, part);

        if (part.len > REPO_PATH_PART_MAX)
            return err_set(ed->err, HL_EINVAL, "part of a path is too long");
        memcpy(name, part.ptr, part.len);
        name[part.len] = '\0';
        int rc = is_last ? edit_file(ed, b, &ed->edits[from], name)
                         : edit_below(ed, b, from, end, offset, name);
        if (rc < 0)
            return rc;
        from = end;
    }
    return 0;
}

static int edit_folder(struct editor *ed, git_tree *base, size_t from, size_t to, size_t offset,
                       git_oid *out, size_t *entry_count)
{
    git_treebuilder *b = NULL;
    int rc = git_treebuilder_new(&b, ed->repo, base);

    if (rc < 0)
        return library_error(ed, rc, ed->edits[from].path);
    rc = edit_all(ed, b, from, to, offset);
    *entry_count = git_treebuilder_entrycount(b);
    if (rc == 0 && *entry_count > 0) {
        rc = git_treebuilder_write(out, b);
        if (rc < 0)
            rc = library_error(ed, rc, ed->edits[from].path);
    }
    git_treebuilder_free(b);
    return rc;
}

int tree_apply(git_repository *repo, git_tree *base, const struct tree_edit *edits, size_t count,
               git_oid *out, struct err *err)
{
    struct editor ed = {repo, edits, err};
    git_treebuilder *empty = NULL;
    size_t entry_count = 0;
    int rc;

    if (count == 0 && base) {
        *out = *git_tree_id(base);
        return 0;
    }
    if (count > 0) {
        rc = edit_folder(&ed, base, 0, count, 0, out, &entry_count);
        if (rc < 0 || entry_count > 0)
            return rc;
    }
    rc = git_treebuilder_new(&empty, repo, NULL); /* the root is the one tree that may be empty */
    if (rc == 0)
        rc = git_treebuilder_write(out, empty);
    git_treebuilder_free(empty);
    return rc < 0 ? repository_error(rc, err, "writing an empty tree") : 0;
}
