/* mkdtemp in the working folder of the test, which is the build folder. */
#include "support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct str folder_make(struct arena *a)
{
    char name[] = "test-folder-XXXXXX";
    char cwd[4096];

    if (!getcwd(cwd, sizeof(cwd)) || !mkdtemp(name))
        hl_die("cannot make a folder for the test");
    return arena_printf(a, "%s/%s", cwd, name);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void folder_remove(struct str folder)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    if (nftw(arena_cstr(a, folder), remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        hl_die("cannot remove " STR_FMT, STR_ARG(folder));
}
