/* A text of four lines and their CRC-32C, replaced by rename. */
#include "edge/store/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OWNER_MAX = 1024, FORMAT = 1 };

static const char boot_path[] = "/proc/sys/kernel/random/boot_id";

static char *path_of(struct arena *a, struct str dir, const char *name)
{
    return arena_cstr(a, arena_printf(a, STR_FMT "/%s", STR_ARG(dir), name));
}

/* 0, HL_EABSENT, HL_EIO. */
static int read_small(struct arena *a, const char *path, struct str *out, struct err *err)
{
    char *text = arena_alloc(a, OWNER_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "cannot open %s", path);
    ssize_t n = read(fd, text, OWNER_MAX);
    int result = n < 0 ? err_errno(err, HL_EIO, "cannot read %s", path) : 0;
    close(fd);
    *out = (struct str){text, n < 0 ? 0 : (size_t)n};
    return result;
}

static int boot_id(struct arena *a, struct str *out, struct err *err)
{
    int result = read_small(a, boot_path, out, err);

    *out = str_trim(*out);
    return result;
}

static struct str who(struct arena *a, const struct store_identity *identity)
{
    return arena_printf(a, "member %llu of mesh " STR_FMT, (unsigned long long)identity->member,
                        STR_ARG(identity->mesh));
}

static struct str body_of(struct arena *a, const struct store_identity *identity, struct str boot)
{
    return arena_printf(a, "format %d\n" STR_FMT "\nboot " STR_FMT "\n", FORMAT,
                        STR_ARG(who(a, identity)), STR_ARG(boot));
}

static struct str with_sum(struct arena *a, struct str body)
{
    return arena_printf(a, STR_FMT "crc %08x\n", STR_ARG(body), crc32c(0, body.ptr, body.len));
}

static int judge(struct arena *a, struct str dir, struct str text,
                 const struct store_identity *identity, struct str boot, struct err *err)
{
    size_t sum_at = str_find(text, STR("\ncrc "), 0);

    if (sum_at == SIZE_MAX || !str_eq(with_sum(a, str_sub(text, 0, sum_at + 1)), text))
        return err_set(err, HL_ECORRUPT,
                       STR_FMT "/owner is damaged, so it cannot be told whose state this is. If it "
                               "is this member's, remove the folder " STR_FMT
                               ": it is rebuilt from the log",
                       STR_ARG(dir), STR_ARG(dir));
    struct str rest = text;
    struct str format = str_cut(&rest, '\n');
    struct str owner = str_cut(&rest, '\n');
    struct str its_boot = str_cut(&rest, '\n');
    if (!str_eq(owner, who(a, identity)))
        return err_set(err, HL_ECORRUPT,
                       "the state in " STR_FMT " belongs to " STR_FMT ", not to " STR_FMT
                       ". Give this member a folder of its own",
                       STR_ARG(dir), STR_ARG(owner), STR_ARG(who(a, identity)));
    if (!str_eq(format, arena_printf(a, "format %d", FORMAT)))
        return OWNER_STALE;
    if (access(path_of(a, dir, "damaged"), F_OK) == 0)
        return OWNER_STALE;
    bool is_trusted = str_eq(its_boot, STR("boot any")) ||
                      str_eq(its_boot, arena_printf(a, "boot " STR_FMT, STR_ARG(boot)));
    return is_trusted ? OWNER_TRUSTED : OWNER_STALE;
}

int owner_judge(struct str dir, const struct store_identity *identity, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text;
    struct str boot;

    int result = boot_id(a, &boot, err);
    if (result != 0)
        return result == HL_EABSENT ? HL_EIO : result;
    result = read_small(a, path_of(a, dir, "owner"), &text, err);
    if (result == HL_EABSENT) {
        if (access(path_of(a, dir, "data.mdb"), F_OK) != 0)
            return OWNER_NEW;
        return err_set(err, HL_ECORRUPT,
                       "there is a database in " STR_FMT " that nobody owns. If it is this "
                       "member's, remove the folder: it is rebuilt from the log",
                       STR_ARG(dir));
    }
    return result != 0 ? result : judge(a, dir, text, identity, boot, err);
}

static int sync_dir(struct arena *a, struct str dir)
{
    int fd = open(arena_cstr(a, dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

int owner_write(struct str dir, const struct store_identity *identity, bool is_flushed,
                struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char *path = path_of(a, dir, "owner");
    char *temporary = path_of(a, dir, "owner.new");
    struct str boot = STR("any");

    int result = is_flushed ? 0 : boot_id(a, &boot, err);
    if (result != 0)
        return result;
    struct str text = with_sum(a, body_of(a, identity, boot));
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot create %s", temporary);
    if (write(fd, text.ptr, text.len) != (ssize_t)text.len || fsync(fd) != 0)
        result = err_errno(err, HL_EIO, "cannot write %s", temporary);
    close(fd);
    if (result == 0 && (rename(temporary, path) != 0 || sync_dir(a, dir) != 0))
        result = err_errno(err, HL_EIO, "cannot replace %s", path);
    return result;
}

void owner_mark_damaged(struct str dir)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    int fd = open(path_of(a, dir, "damaged"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}
