/* The lock, and the file `owner`: three lines and their CRC-32C. */
#include "edge/store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "edge/store/file.h"

enum { OWNER_BYTES_MAX = 1024 };

struct store_dir {
    struct str path;
    struct store_identity identity;
    int lock_fd;
};

static const char *name_in(const struct store_dir *d, struct arena *a, const char *name)
{
    return arena_printf(a, STR_FMT "/%s", STR_ARG(d->path), name).ptr;
}

static int check_file_system(const char *path, struct err *err)
{
    static const uint32_t network[] = {0x6969, 0x517b, 0x01021997, 0xff534d42, 0xfe534d42};
    struct statfs fs;

    if (statfs(path, &fs) != 0)
        return err_errno(err, HL_EIO, "cannot look at the file system of %s", path);
    for (size_t i = 0; i < HL_COUNT(network); i++) {
        if ((uint32_t)fs.f_type == network[i])
            return err_set(err, HL_EUNSUPPORTED,
                           "%s is on a network file system, where neither locks nor flushes can "
                           "be trusted: give the coordinator a local disk",
                           path);
    }
    return 0;
}

static int take_lock(struct store_dir *d, struct arena *a, struct err *err)
{
    const char *path = name_in(d, a, "raft.lock");

    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return err_errno(err, HL_EIO, "cannot open %s", path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return err_set(err, HL_ECONFLICT,
                       "folder " STR_FMT " is in use by another process (it holds %s)",
                       STR_ARG(d->path), path);
    return err_errno(err, HL_EIO, "cannot lock %s", path);
}

/* ---- whose it is ---- */

static struct str who(struct arena *a, const struct store_identity *identity)
{
    return arena_printf(a, "member %llu of mesh " STR_FMT, (unsigned long long)identity->member,
                        STR_ARG(identity->mesh));
}

static struct str with_sum(struct arena *a, struct str body)
{
    return arena_printf(a, STR_FMT "crc %08x\n", STR_ARG(body), crc32c(0, body.ptr, body.len));
}

static struct str owner_text(struct arena *a, const struct store_identity *identity)
{
    return with_sum(
        a, arena_printf(a, "format %d\n" STR_FMT "\n", STORE_VERSION, STR_ARG(who(a, identity))));
}

static int judge(struct store_dir *d, struct arena *a, struct str text, struct err *err)
{
    size_t sum_at = str_find(text, STR("\ncrc "), 0);

    if (sum_at == SIZE_MAX || !str_eq(with_sum(a, str_sub(text, 0, sum_at + 1)), text))
        return err_set(err, HL_ECORRUPT,
                       STR_FMT "/owner is damaged, so it cannot be told whose folder this is: "
                               "replace this coordinator (docs/operations.md)",
                       STR_ARG(d->path));
    struct str rest = text;
    struct str format = str_cut(&rest, '\n');
    struct str owner = str_cut(&rest, '\n');
    if (!str_eq(format, arena_printf(a, "format %d", STORE_VERSION)))
        return err_set(err, HL_EUNSUPPORTED,
                       STR_FMT " was written by another version of hlmesh (" STR_FMT
                               ", this one knows %d)",
                       STR_ARG(d->path), STR_ARG(format), STORE_VERSION);
    if (!str_eq(owner, who(a, &d->identity)))
        return err_set(err, HL_ECORRUPT,
                       STR_FMT " belongs to " STR_FMT ", not to " STR_FMT
                               ": give this coordinator a folder of its own",
                       STR_ARG(d->path), STR_ARG(owner), STR_ARG(who(a, &d->identity)));
    return 0;
}

/* A store without owner is one of the first format, or somebody else's. */
static int refuse_unowned(struct store_dir *d, struct arena *a, struct err *err)
{
    static const char *const names[] = {"raft.log", "log", "state"};

    for (size_t i = 0; i < HL_COUNT(names); i++) {
        if (access(name_in(d, a, names[i]), F_OK) == 0)
            return err_set(err, HL_EUNSUPPORTED,
                           STR_FMT " holds %s and no owner: it was written by another version "
                                   "of hlmesh",
                           STR_ARG(d->path), names[i]);
    }
    return 0;
}

static int claim(struct store_dir *d, struct arena *a, struct err *err)
{
    const char *path = name_in(d, a, "owner");
    struct str text;

    int r = file_take(path, OWNER_BYTES_MAX, a, &text, err);
    if (r == 0)
        return judge(d, a, text, err);
    if (r == HL_EABSENT)
        r = refuse_unowned(d, a, err);
    if (r < 0)
        return r;
    return file_replace(path, arena_cstr(a, d->path), owner_text(a, &d->identity), err);
}

/* ---- */

int store_dir_open(struct str path, const struct store_identity *identity, struct store_dir **out,
                   struct err *err)
{
    HL_CLEANUP(store_dir_closep) struct store_dir *d = hl_calloc(1, sizeof(*d));
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    d->lock_fd = -1;
    if (identity->mesh.len == 0 || identity->mesh.len > STORE_MESH_MAX || identity->member == 0)
        return err_set(err, HL_EINVAL, "a store needs a member and a mesh of 1 to %d bytes",
                       STORE_MESH_MAX);
    d->path = str_dup(path);
    d->identity = (struct store_identity){str_dup(identity->mesh), identity->member};
    int r = file_make_dir(arena_cstr(a, path), err);
    if (r == 0)
        r = check_file_system(arena_cstr(a, path), err);
    if (r == 0)
        r = take_lock(d, a, err);
    if (r == 0)
        r = claim(d, a, err);
    if (r < 0)
        return r;
    *out = d;
    d = NULL;
    return 0;
}

void store_dir_close(struct store_dir *d)
{
    if (!d)
        return;
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    str_free(d->path);
    str_free(d->identity.mesh);
    free(d);
}

struct str store_dir_path(const struct store_dir *d)
{
    return d->path;
}

const struct store_identity *store_dir_identity(const struct store_dir *d)
{
    return &d->identity;
}
