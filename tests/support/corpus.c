/* scandir sorts; each file is read into a block of its own, so that sanitizers see its end. */
#include "support/corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct str read_whole(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;

    if (!f || fstat(fileno(f), &st) != 0)
        hl_die("cannot open %s", path);
    size_t len = (size_t)st.st_size;
    char *bytes = hl_alloc(len ? len : 1);
    if (fread(bytes, 1, len, f) != len)
        hl_die("cannot read %s", path);
    fclose(f);
    return (struct str){bytes, len};
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

size_t corpus_each(const char *folder, corpus_fn fn, void *context)
{
    struct dirent **entry;
    size_t count = 0;
    int found = scandir(folder, &entry, is_visible, alphasort);

    if (found < 0)
        hl_die("cannot list %s", folder);
    for (int i = 0; i < found; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", folder, entry[i]->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            struct str bytes = read_whole(path);
            fn(str_from(entry[i]->d_name), bytes, context);
            str_free(bytes);
            count++;
        }
        free(entry[i]);
    }
    free(entry);
    return count;
}

struct str corpus_file(struct arena *a, const char *path)
{
    struct str bytes = read_whole(path);
    struct str copy = arena_dup(a, bytes);

    str_free(bytes);
    return copy;
}
