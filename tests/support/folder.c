/* mkdtemp and its opposite. */
#include "support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct folder *folder_new(void)
{
    struct folder *f = hl_calloc(1, sizeof(*f));
    const char *base = getenv("TMPDIR");

    snprintf(f->path, sizeof(f->path), "%s/hlmesh-test-XXXXXX", base && base[0] ? base : "/tmp");
    if (!mkdtemp(f->path))
        hl_die("cannot make %s", f->path);
    return f;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void folder_free(struct folder *f)
{
    if (!f)
        return;
    nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
}

struct str folder_path(const struct folder *f, struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", f->path, name);
}
