/* Trees and blobs at a commit, straight from the object database. Links are never followed. */
#include "edge/gitsrc/child/child.h"

#include <stdlib.h>
#include <string.h>

#include "edge/gitsrc/gitsrc.h"

static void free_odb(git_odb **odb)
{
    git_odb_free(*odb);
}

static int refuse_entry(const git_tree_entry *e, struct str path, struct err *err)
{
    if (git_tree_entry_filemode(e) == GIT_FILEMODE_LINK)
        return err_set(err, HL_EDENIED, "'" STR_FMT "' is a symbolic link: links are not followed",
                       STR_ARG(path));
    return err_set(err, HL_EDENIED, "'" STR_FMT "' is a submodule: submodules are not fetched",
                   STR_ARG(path));
}

static bool is_foreign(const git_tree_entry *e)
{
    git_filemode_t mode = git_tree_entry_filemode(e);

    return mode == GIT_FILEMODE_LINK || mode == GIT_FILEMODE_COMMIT;
}

static bool is_folder(const git_tree_entry *e)
{
    return git_tree_entry_filemode(e) == GIT_FILEMODE_TREE;
}

static const git_tree_entry *entry_of(git_tree *tree, struct str name)
{
    char room[REPO_PATH_PART_MAX + 1];

    if (name.len > REPO_PATH_PART_MAX)
        return NULL;
    memcpy(room, name.ptr, name.len);
    room[name.len] = '\0';
    return git_tree_entry_byname(tree, room);
}

int read_folder(git_repository *repo, git_tree *root, struct str path, git_tree **out,
                struct err *err)
{
    struct str rest = path;
    git_tree *tree = NULL;
    int rc = git_tree_dup(&tree, root);

    while (rc == 0 && rest.len > 0) {
        const git_tree_entry *e = entry_of(tree, str_cut(&rest, '/'));
        git_tree *next = NULL;

        if (e && is_foreign(e)) {
            refuse_entry(e, str_sub(path, 0, path.len - rest.len - (rest.len > 0)), err);
            git_tree_free(tree);
            return err->code;
        }
        if (!e || !is_folder(e)) {
            git_tree_free(tree);
            return 1;
        }
        rc = git_tree_lookup(&next, repo, git_tree_entry_id(e));
        git_tree_free(tree);
        tree = next;
    }
    if (rc < 0) {
        git_tree_free(tree);
        return repository_error(rc, err, "folder '" STR_FMT "'", STR_ARG(path));
    }
    *out = tree;
    return 0;
}

static int add_blob(git_repository *repo, const git_oid *oid, struct str path, uint64_t max_bytes,
                    struct buf *answer, struct err *err)
{
    HL_CLEANUP(free_odb) git_odb *odb = NULL;
    git_odb_object *object = NULL;
    git_object_t type;
    size_t size;

    int rc = git_repository_odb(&odb, repo);
    if (rc == 0)
        rc = git_odb_read_header(&size, &type, odb, oid);
    if (rc == 0 && size > max_bytes)
        return err_set(err, HL_ELIMIT, "'" STR_FMT "' has %zu bytes, at most %llu are read",
                       STR_ARG(path), size, (unsigned long long)max_bytes);
    if (rc == 0)
        rc = git_odb_read(&object, odb, oid);
    if (rc == GIT_ENOTFOUND)
        return err_set(err, HL_EABSENT,
                       "file '" STR_FMT "': the remote repository lacks its content (a partial "
                       "clone or a pruned mirror?)",
                       STR_ARG(path));
    if (rc < 0)
        return repository_error(rc, err, "file '" STR_FMT "'", STR_ARG(path));
    buf_add_u32(answer, SOURCE_FOUND);
    gitmsg_add(answer, (struct str){git_odb_object_data(object), git_odb_object_size(object)});
    git_odb_object_free(object);
    return 0;
}

int read_blob(git_repository *repo, git_tree *root, struct str path, uint64_t max_bytes,
              struct buf *answer, struct err *err)
{
    HL_CLEANUP(hl_tree_free) git_tree *folder = NULL;
    size_t slash = path.len;

    while (slash > 0 && path.ptr[slash - 1] != '/')
        slash--;
    int rc = read_folder(repo, root, str_sub(path, 0, slash ? slash - 1 : 0), &folder, err);
    if (rc < 0)
        return rc;
    const git_tree_entry *e = rc == 0 ? entry_of(folder, str_sub(path, slash, path.len)) : NULL;
    if (!e || is_folder(e)) {
        buf_add_u32(answer, SOURCE_ABSENT);
        gitmsg_add(answer, STR_NONE);
        return 0;
    }
    if (is_foreign(e))
        return refuse_entry(e, path, err);
    return add_blob(repo, git_tree_entry_id(e), path, max_bytes, answer, err);
}

static int request_tree(struct child *c, struct str oid_text, struct str path, git_tree **out,
                        struct err *err)
{
    git_oid oid;
    int rc = git_path_check(path, true, err);

    if (rc < 0)
        return rc;
    if (!git_oid_text_ok(oid_text) || git_oid_fromstrn(&oid, oid_text.ptr, oid_text.len) < 0)
        return err_set(err, HL_EINVAL, "hl-git: malformed commit id");
    return repository_tree(c->repo, &oid, out, err);
}

int serve_read(struct child *c, struct gitmsg_reader *r, struct buf *answer, struct err *err)
{
    HL_CLEANUP(hl_tree_free) git_tree *root = NULL;
    struct str oid = gitmsg_str(r);
    struct str path = gitmsg_str(r);
    uint64_t max_bytes = gitmsg_u64(r);

    if (!gitmsg_end(r))
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    int rc = request_tree(c, oid, path, &root, err);
    return rc < 0 ? rc : read_blob(c->repo, root, path, max_bytes, answer, err);
}

/* ---- listing ---- */

static int by_name(const void *a, const void *b)
{
    const git_tree_entry *const *left = a, *const *right = b;

    return strcmp(git_tree_entry_name(*left), git_tree_entry_name(*right));
}

static enum source_kind kind_of(const git_tree_entry *e)
{
    switch (git_tree_entry_filemode(e)) {
    case GIT_FILEMODE_TREE:
        return SOURCE_FOLDER;
    case GIT_FILEMODE_LINK:
        return SOURCE_LINK;
    case GIT_FILEMODE_COMMIT:
        return SOURCE_SUBMODULE;
    default:
        return SOURCE_FILE;
    }
}

static int add_entry(git_odb *odb, const git_tree_entry *e, struct buf *answer, struct err *err)
{
    enum source_kind kind = kind_of(e);
    git_object_t type;
    size_t size = 0;

    if (kind == SOURCE_FILE) {
        int rc = git_odb_read_header(&size, &type, odb, git_tree_entry_id(e));
        if (rc == GIT_ENOTFOUND)
            size = 0; /* the remote has no content for it; reading it says so */
        else if (rc < 0)
            return repository_error(rc, err, "file '%s'", git_tree_entry_name(e));
    }
    buf_add_u32(answer, (uint32_t)kind);
    buf_add_u64(answer, size);
    gitmsg_add(answer, str_from(git_tree_entry_name(e)));
    return 0;
}

/* Git orders folders as if their names ended in "/"; the caller is promised plain name order. */
static int add_entries(git_repository *repo, git_tree *folder, struct buf *answer, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(free_odb) git_odb *odb = NULL;
    size_t count = git_tree_entrycount(folder);
    const git_tree_entry **entry = arena_array(a, const git_tree_entry *, count + 1);

    int rc = git_repository_odb(&odb, repo);
    if (rc < 0)
        return repository_error(rc, err, "object database");
    for (size_t i = 0; i < count; i++)
        entry[i] = git_tree_entry_byindex(folder, i);
    qsort(entry, count, sizeof(*entry), by_name);
    buf_add_u32(answer, SOURCE_FOUND);
    buf_add_u32(answer, (uint32_t)count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_entry(odb, entry[i], answer, err);
    return rc;
}

int serve_list(struct child *c, struct gitmsg_reader *r, struct buf *answer, struct err *err)
{
    HL_CLEANUP(hl_tree_free) git_tree *root = NULL;
    HL_CLEANUP(hl_tree_free) git_tree *folder = NULL;
    struct str oid = gitmsg_str(r);
    struct str path = gitmsg_str(r);
    uint64_t max_entries = gitmsg_u64(r);

    if (!gitmsg_end(r))
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    int rc = request_tree(c, oid, path, &root, err);
    if (rc == 0)
        rc = read_folder(c->repo, root, path, &folder, err);
    if (rc < 0)
        return rc;
    if (rc > 0) {
        buf_add_u32(answer, SOURCE_ABSENT);
        buf_add_u32(answer, 0);
        return 0;
    }
    if (git_tree_entrycount(folder) > max_entries)
        return err_set(err, HL_ELIMIT, "'" STR_FMT "' has %zu entries, at most %llu are listed",
                       STR_ARG(path), git_tree_entrycount(folder), (unsigned long long)max_entries);
    return add_entries(c->repo, folder, answer, err);
}
