/*
 * APPLY: one commit with exactly the given changes, or none.
 *
 *     where is the branch -> fence -> build the tree -> different? -> commit -> lease still
 *     valid? -> move the branch, if it is still where it was; else once more from the start
 *
 * At a local path all hlmesh writers of a host queue on flock(2) of the repository folder, which
 * dies with its holder; against others (git push) the reference is compared under its own lock.
 * Over the network the push carries the expected old commit.
 */
#include "edge/gitsrc/child/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "edge/gitsrc/staterepo.h"
#include "edge/gitsrc/trailer.h"

enum {
    MOVED = 0,
    RACED = 1,
    STALE_LOCK_S = 30,
    PAUSE_MIN_MS = 2,
    PAUSE_MAX_MS = 250,
    SAME_REJECTION_MAX = 3, /* a remote that refuses although nothing moved means it */
};

struct change {
    struct str app;
    uint64_t epoch;
    bool is_takeover;
    struct str subject;
    struct str revision;
    struct tree_edit *edits;
    size_t edit_count;
    struct str *bytes; /* of each edit */
};

/* Where the branch is at the start of an attempt, and how to get there again. */
struct attempt {
    struct child *c;
    const struct change *change;
    struct far far;
    git_oid head; /* zero: no branch yet */
    int lock_fd;
};

/* ---- the request ---- */

static int by_path(const void *a, const void *b)
{
    const struct tree_edit *left = a, *right = b;

    return str_cmp(left->path, right->path);
}

static int read_edits(struct child *c, struct gitmsg_reader *r, struct arena *a,
                      struct change *change, struct err *err)
{
    uint32_t put_count = gitmsg_u32(r);

    if (r->is_bad || put_count > STATEREPO_CHANGE_MAX)
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    change->edits = arena_array(a, struct tree_edit, STATEREPO_CHANGE_MAX);
    for (uint32_t i = 0; i < put_count; i++) {
        struct tree_edit *edit = &change->edits[change->edit_count++];
        edit->path = gitmsg_str(r);
        struct str bytes = gitmsg_str(r);
        int rc = r->is_bad ? -1
                           : git_blob_create_from_buffer(&edit->blob, c->repo,
                                                         bytes.ptr ? bytes.ptr : "", bytes.len);
        if (rc < 0)
            return repository_error(rc, err, "writing '" STR_FMT "'", STR_ARG(edit->path));
    }
    uint32_t delete_count = gitmsg_u32(r);
    if (r->is_bad || delete_count > STATEREPO_CHANGE_MAX - put_count)
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    for (uint32_t i = 0; i < delete_count; i++)
        change->edits[change->edit_count++] =
            (struct tree_edit){.path = gitmsg_str(r), .is_delete = true};
    qsort(change->edits, change->edit_count, sizeof(*change->edits), by_path);
    for (size_t i = 0; i < change->edit_count; i++) {
        int rc = git_path_check(change->edits[i].path, false, err);
        if (rc < 0)
            return rc;
        if (!str_starts(change->edits[i].path, STR("clusters/")))
            return err_set(err, HL_EINVAL, "hl-git: a path is not below clusters/");
    }
    return 0;
}

static int read_change(struct child *c, struct gitmsg_reader *r, struct arena *a,
                       struct change *change, struct err *err)
{
    change->app = gitmsg_str(r);
    change->epoch = gitmsg_u64(r);
    change->is_takeover = gitmsg_u32(r) != 0;
    change->subject = gitmsg_str(r);
    change->revision = gitmsg_str(r);
    int rc = read_edits(c, r, a, change, err);
    if (rc == 0 && !gitmsg_end(r))
        rc = err_set(err, HL_EINVAL, "hl-git: malformed request");
    return rc;
}

/* ---- where the branch is ---- */

static int begin_local(struct attempt *at, struct err *err)
{
    struct child *c = at->c;

    at->lock_fd = open(c->url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at->lock_fd < 0 || flock(at->lock_fd, LOCK_EX) < 0)
        return err_errno(err, HL_EIO, "locking %s", c->url.path);
    int rc = git_reference_name_to_id(&at->head, c->repo, c->branch);
    if (rc < 0 && rc != GIT_ENOTFOUND)
        return repository_error(rc, err, "%s in %s", c->branch, c->url.path);
    return 0;
}

static int begin_network(struct attempt *at, struct err *err)
{
    char ref[GIT_REF_MAX];
    int rc = far_open(at->c, GIT_DIRECTION_FETCH, &at->far, err);

    if (rc < 0)
        return rc;
    rc = far_head(&at->far, true, ref, &at->head, err);
    if (rc == FAR_FOUND)
        rc = far_download(&at->far, ref, &at->head, err);
    far_close(&at->far);
    return rc < 0 ? rc : 0;
}

static int begin(struct attempt *at, struct err *err)
{
    at->head = (git_oid){{0}};
    at->lock_fd = -1;
    return at->c->url.kind == GIT_URL_PATH ? begin_local(at, err) : begin_network(at, err);
}

static void finish(struct attempt *at)
{
    if (at->lock_fd >= 0)
        close(at->lock_fd);
    at->lock_fd = -1;
}

/* ---- moving it ---- */

/* A lock file whose maker was killed stays; only under flock and when it is old do we say so. */
static void remove_stale_lock(const struct child *c)
{
    char path[GIT_URL_MAX + GIT_REF_MAX + 16];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s.lock", c->url.path, c->branch);
    if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > STALE_LOCK_S)
        unlink(path);
}

static int move_local(struct attempt *at, const git_oid *commit, struct err *err)
{
    struct child *c = at->c;
    git_transaction *tx = NULL;
    git_signature *sig = NULL;
    git_oid now = {{0}};
    int rc;

    /* The objects reach the disk before the reference that needs them: one barrier for all. */
    if (syncfs(at->lock_fd) < 0)
        return err_errno(err, HL_EIO, "syncing %s", c->url.path);
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    rc = git_signature_now(&sig, c->author_name, c->author_email);
    if (rc == 0)
        rc = git_transaction_new(&tx, c->repo);
    if (rc == 0)
        rc = git_transaction_lock_ref(tx, c->branch);
    if (rc == GIT_ELOCKED) {
        remove_stale_lock(c);
    } else if (rc == 0) {
        rc = git_reference_name_to_id(&now, c->repo, c->branch);
        if (rc == GIT_ENOTFOUND)
            rc = 0;
        if (rc == 0 && !git_oid_equal(&now, &at->head))
            rc = GIT_EMODIFIED;
        if (rc == 0)
            rc = git_transaction_set_target(tx, c->branch, commit, sig, "hlmesh");
        if (rc == 0)
            rc = git_transaction_commit(tx);
    }
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
    git_transaction_free(tx);
    git_signature_free(sig);
    if (rc == GIT_ELOCKED || rc == GIT_EMODIFIED)
        return RACED;
    return rc < 0 ? repository_error(rc, err, "moving %s", c->branch) : MOVED;
}

static int move_network(struct attempt *at, const git_oid *commit, struct err *err)
{
    static const char outgoing[] = "refs/hlmesh-outgoing";
    struct child *c = at->c;
    git_reference *kept = NULL;
    char tracking[GIT_REF_MAX + 16];

    int rc = git_reference_create(&kept, c->repo, outgoing, commit, 1, NULL);
    git_reference_free(kept);
    if (rc < 0)
        return repository_error(rc, err, "the clone %s", c->dir);
    rc = far_open(c, GIT_DIRECTION_PUSH, &at->far, err);
    if (rc < 0)
        return rc;
    rc = far_push(&at->far, outgoing, c->branch, &at->head, err);
    far_close(&at->far);
    if (rc != FAR_PUSHED)
        return rc < 0 ? rc : RACED;
    far_tracking(c->branch, tracking);
    kept = NULL;
    if (git_reference_create(&kept, c->repo, tracking, commit, 1, NULL) < 0)
        git_error_clear(); /* pushed is pushed; the next attempt fetches it back */
    git_reference_free(kept);
    return MOVED;
}

static int move(struct attempt *at, const git_oid *commit, struct err *err)
{
    if (!child_ask(at->c))
        return err_set(err, HL_ECONFLICT, "the lease is no longer valid, nothing was written");
    return at->c->url.kind == GIT_URL_PATH ? move_local(at, commit, err)
                                           : move_network(at, commit, err);
}

/* ---- the commit ---- */

static int write_commit(struct attempt *at, const git_oid *tree_oid, git_oid *out, struct err *err)
{
    struct child *c = at->c;
    const struct change *change = at->change;
    HL_CLEANUP(hl_commit_free) git_commit *parent = NULL;
    HL_CLEANUP(hl_tree_free) git_tree *tree = NULL;
    HL_CLEANUP(buf_deinit) struct buf message = {0};
    git_signature *sig = NULL;
    bool has_parent = !git_oid_is_zero(&at->head);

    trailer_write(&message, change->subject,
                  &(struct trailer){change->app, change->epoch, c->agent, change->revision});
    buf_add_byte(&message, '\0');
    int rc = git_tree_lookup(&tree, c->repo, tree_oid);
    if (rc == 0 && has_parent)
        rc = git_commit_lookup(&parent, c->repo, &at->head);
    if (rc == 0)
        rc = git_signature_now(&sig, c->author_name, c->author_email);
    if (rc == 0) {
        const git_commit *parents[] = {parent};
        rc = git_commit_create(out, c->repo, NULL, sig, sig, "UTF-8", message.ptr, tree,
                               has_parent ? 1 : 0, parents);
    }
    git_signature_free(sig);
    return rc < 0 ? repository_error(rc, err, "writing a commit") : 0;
}

static int base_tree(struct attempt *at, git_tree **out, struct err *err)
{
    *out = NULL;
    return git_oid_is_zero(&at->head) ? 0 : repository_tree(at->c->repo, &at->head, out, err);
}

/* One attempt: STATEREPO_COMMITTED or _UNCHANGED with *out, -1000 for a lost race, or a failure. */
enum { LOST_RACE = -1000 };

static int try_once(struct attempt *at, git_oid *out, struct err *err)
{
    HL_CLEANUP(hl_tree_free) git_tree *base = NULL;
    const struct change *change = at->change;
    git_oid tree;

    int rc = begin(at, err);
    if (rc == 0)
        rc = fence_check(at->c, &at->head, change->app, change->epoch, err);
    if (rc == 0)
        rc = base_tree(at, &base, err);
    if (rc == 0)
        rc = tree_apply(at->c->repo, base, change->edits, change->edit_count, &tree, err);
    if (rc < 0)
        return rc;
    bool is_same = base ? git_oid_equal(&tree, git_tree_id(base)) : change->edit_count == 0;
    if (is_same && !change->is_takeover) {
        *out = at->head;
        return STATEREPO_UNCHANGED;
    }
    rc = write_commit(at, &tree, out, err);
    if (rc == 0)
        rc = move(at, out, err);
    return rc == RACED ? LOST_RACE : rc;
}

static void pause_before(struct child *c, unsigned attempt)
{
    uint64_t cap_ms = (uint64_t)PAUSE_MIN_MS << (attempt < 8 ? attempt : 8);
    uint64_t ms = PAUSE_MIN_MS + rng_below(&c->rng, cap_ms < PAUSE_MAX_MS ? cap_ms : PAUSE_MAX_MS);
    struct timespec wait = {.tv_nsec = (long)ms * 1000000};

    nanosleep(&wait, NULL);
}

static int give_up(struct attempt *at, unsigned attempt_count, struct err *err)
{
    if (at->c->url.kind == GIT_URL_PATH)
        return err_set(err, HL_ETEMP,
                       "%u attempts to move %s failed: is %s/%s.lock held by another process?",
                       attempt_count, at->c->branch, at->c->url.path, at->c->branch);
    return err_set(err, HL_ETEMP, "%u attempts to push to %s lost the race against other writers",
                   attempt_count, at->c->branch);
}

static int try_until_done(struct attempt *at, git_oid *out, unsigned *attempt_count,
                          struct err *err)
{
    int64_t deadline_ms = gitmsg_now_ms() + at->c->timeout_ms * 4 / 5; /* before we are killed */
    git_oid last_head = {{0}};
    unsigned same_count = 0;

    for (*attempt_count = 1;; (*attempt_count)++) {
        int64_t begun_ms = gitmsg_now_ms();

        at->far.rejection[0] = '\0';
        int rc = try_once(at, out, err);
        finish(at);
        if (rc != LOST_RACE)
            return rc;
        same_count = git_oid_equal(&last_head, &at->head) ? same_count + 1 : 0;
        last_head = at->head;
        if (at->far.rejection[0] && same_count >= SAME_REJECTION_MAX)
            return err_set(err, HL_EDENIED, "%s refuses the push to %s: %s", at->c->url_text,
                           at->c->branch, at->far.rejection);
        int64_t now_ms = gitmsg_now_ms(); /* the next attempt may take as long as this one did */
        if (*attempt_count == STATEREPO_ATTEMPTS || now_ms + (now_ms - begun_ms) > deadline_ms)
            return give_up(at, *attempt_count, err);
        pause_before(at->c, *attempt_count);
    }
}

int serve_apply(struct child *c, struct gitmsg_reader *r, struct buf *answer, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct change change = {0};
    struct attempt at = {.c = c, .change = &change, .lock_fd = -1};
    char text[GIT_OID_HEXSZ + 1] = "";
    unsigned attempt_count = 0;
    git_oid oid;

    int rc = read_change(c, r, a, &change, err);
    if (rc == 0)
        rc = try_until_done(&at, &oid, &attempt_count, err);
    if (rc < 0)
        return rc;
    if (!git_oid_is_zero(&oid))
        git_oid_tostr(text, sizeof(text), &oid);
    buf_add_u32(answer, (uint32_t)rc);
    gitmsg_add(answer, str_from(text));
    buf_add_u32(answer, attempt_count);
    return 0;
}

/* ---- looking at the head ---- */

static int head_tree(struct child *c, git_oid *head, git_tree **out, struct err *err)
{
    struct attempt at = {.c = c, .lock_fd = -1};
    int rc = begin(&at, err);

    finish(&at);
    *head = at.head;
    return rc == 0 ? base_tree(&at, out, err) : rc;
}

int serve_read_head(struct child *c, struct gitmsg_reader *r, struct buf *answer, struct err *err)
{
    HL_CLEANUP(hl_tree_free) git_tree *root = NULL;
    struct str path = gitmsg_str(r);
    uint64_t max_bytes = gitmsg_u64(r);
    git_oid head;

    if (!gitmsg_end(r))
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    int rc = git_path_check(path, false, err);
    if (rc == 0)
        rc = head_tree(c, &head, &root, err);
    if (rc < 0)
        return rc;
    if (root)
        return read_blob(c->repo, root, path, max_bytes, answer, err);
    buf_add_u32(answer, STATEREPO_ABSENT);
    gitmsg_add(answer, STR_NONE);
    return 0;
}

struct walk {
    struct arena *a;
    struct str folder;
    struct staterepo_file *files;
    size_t count;
    size_t cap;
    uint64_t max_count;
    bool is_over;
};

static int on_entry(const char *root, const git_tree_entry *e, void *payload)
{
    struct walk *walk = payload;
    struct staterepo_file file = {.mode = (uint32_t)git_tree_entry_filemode(e)};

    if (git_tree_entry_filemode(e) == GIT_FILEMODE_TREE)
        return 0;
    if (walk->count == walk->max_count) {
        walk->is_over = true;
        return -1;
    }
    git_oid_tostr(file.blob, sizeof(file.blob), git_tree_entry_id(e));
    file.path =
        arena_printf(walk->a, STR_FMT "/%s%s", STR_ARG(walk->folder), root, git_tree_entry_name(e));
    ARENA_PUSH(walk->a, walk->files, walk->count, walk->cap, file);
    return 0;
}

static int file_by_path(const void *a, const void *b)
{
    const struct staterepo_file *left = a, *right = b;

    return str_cmp(left->path, right->path);
}

static int add_files(struct walk *walk, git_tree *folder, struct buf *answer, struct err *err)
{
    int rc = git_tree_walk(folder, GIT_TREEWALK_PRE, on_entry, walk);

    if (walk->is_over)
        return err_set(err, HL_ELIMIT, "'" STR_FMT "' has more than %llu files",
                       STR_ARG(walk->folder), (unsigned long long)walk->max_count);
    if (rc < 0)
        return repository_error(rc, err, "listing '" STR_FMT "'", STR_ARG(walk->folder));
    if (walk->count > 0)
        qsort(walk->files, walk->count, sizeof(*walk->files), file_by_path);
    buf_add_u32(answer, (uint32_t)walk->count);
    for (size_t i = 0; i < walk->count; i++) {
        buf_add_u32(answer, walk->files[i].mode);
        gitmsg_add(answer, str_from(walk->files[i].blob));
        gitmsg_add(answer, walk->files[i].path);
    }
    return 0;
}

int serve_walk(struct child *c, struct gitmsg_reader *r, struct buf *answer, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(hl_tree_free) git_tree *root = NULL;
    HL_CLEANUP(hl_tree_free) git_tree *folder = NULL;
    struct walk walk = {.a = a, .folder = gitmsg_str(r)};
    char text[GIT_OID_HEXSZ + 1] = "";
    git_oid head;

    walk.max_count = gitmsg_u64(r);
    if (!gitmsg_end(r))
        return err_set(err, HL_EINVAL, "hl-git: malformed request");
    int rc = git_path_check(walk.folder, false, err);
    if (rc == 0)
        rc = head_tree(c, &head, &root, err);
    if (rc == 0)
        rc = root ? read_folder(c->repo, root, walk.folder, &folder, err) : STATEREPO_ABSENT;
    if (rc < 0)
        return rc;
    if (!git_oid_is_zero(&head))
        git_oid_tostr(text, sizeof(text), &head);
    buf_add_u32(answer, (uint32_t)rc);
    gitmsg_add(answer, str_from(text));
    if (rc == STATEREPO_FOUND)
        return add_files(&walk, folder, answer, err);
    buf_add_u32(answer, 0);
    return 0;
}
