/* What edge/gitsrc promises to the compiler, without git. */
#include "support/fleet.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FLEET_FILE_MAX = 64 << 20 };

struct array_fleet {
    const struct fleet_file *file;
    size_t count;
};

static int check_path(struct str path, struct err *err)
{
    struct str rest = path;
    if (str_starts(path, STR("/")) || str_ends(path, STR("/")))
        return err_set(err, HL_EINVAL, "path not clean: " STR_FMT, STR_ARG(path));
    while (rest.len > 0) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
            return err_set(err, HL_EINVAL, "path not clean: " STR_FMT, STR_ARG(path));
    }
    return 0;
}

static int by_name(const void *l, const void *r)
{
    return str_cmp(((const struct source_entry *)l)->name, ((const struct source_entry *)r)->name);
}

/* The first link on the way to `path`, itself included. */
static const char *link_on(const struct array_fleet *f, struct str path)
{
    for (size_t i = 0; i < f->count; i++) {
        struct str link = str_from(f->file[i].path);
        if (!f->file[i].text && str_starts(path, link) &&
            (path.len == link.len || path.ptr[link.len] == '/'))
            return f->file[i].path;
    }
    return NULL;
}

static int array_read(void *context, struct str path, struct arena *a, struct str *out,
                      struct err *err)
{
    const struct array_fleet *f = context;
    int rc = check_path(path, err);
    const char *link = link_on(f, path);

    if (rc < 0)
        return rc;
    if (link)
        return err_set(err, HL_EDENIED, "%s is a symbolic link", link);
    for (size_t i = 0; i < f->count; i++) {
        if (!str_eq(path, str_from(f->file[i].path)))
            continue;
        *out = arena_dup(a, str_from(f->file[i].text));
        return SOURCE_FOUND;
    }
    return SOURCE_ABSENT;
}

static int array_list(void *context, struct str path, struct arena *a, struct source_entry **out,
                      size_t *out_count, struct err *err)
{
    const struct array_fleet *f = context;
    struct source_entry *entry = arena_array(a, struct source_entry, f->count);
    size_t count = 0;
    int rc = check_path(path, err);
    const char *link = link_on(f, path);

    if (rc < 0)
        return rc;
    if (link)
        return err_set(err, HL_EDENIED, "%s is a symbolic link", link);
    for (size_t i = 0; i < f->count; i++) {
        struct str rest = str_from(f->file[i].path);
        if (path.len > 0) {
            if (!str_starts(rest, path) || rest.len <= path.len || rest.ptr[path.len] != '/')
                continue;
            rest = str_sub(rest, path.len + 1, rest.len);
        }
        struct source_entry e = {.name = str_cut(&rest, '/')};
        e.kind = rest.len > 0 ? SOURCE_FOLDER : f->file[i].text ? SOURCE_FILE : SOURCE_LINK;
        e.size_bytes = e.kind == SOURCE_FILE ? strlen(f->file[i].text) : 0;
        size_t k = 0;
        while (k < count && !str_eq(entry[k].name, e.name))
            k++;
        if (k == count)
            entry[count++] = e;
    }
    if (count == 0)
        return SOURCE_ABSENT;
    qsort(entry, count, sizeof(*entry), by_name);
    *out = entry;
    *out_count = count;
    return SOURCE_FOUND;
}

struct source fleet_of_array(struct arena *a, const struct fleet_file *file, size_t count)
{
    struct array_fleet *f = arena_one(a, struct array_fleet);
    *f = (struct array_fleet){file, count};
    return (struct source){f, array_read, array_list};
}

struct str fleet_slurp(struct arena *a, const char *path)
{
    struct stat st;
    FILE *in = fopen(path, "rb");
    if (!in)
        return STR_NONE;
    struct str text = STR_NONE;
    if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FLEET_FILE_MAX) {
        char *bytes = arena_alloc(a, (size_t)st.st_size + 1);
        text = (struct str){bytes, fread(bytes, 1, (size_t)st.st_size, in)};
    }
    (void)fclose(in); /* opened for reading */
    return text;
}

static int full_path(const char *root, struct str path, struct arena *a, const char **out,
                     struct err *err)
{
    struct str rest = path;
    struct str done = str_from(root);
    struct stat st;
    int rc = check_path(path, err);

    while (rc == 0 && rest.len > 0) {
        struct str part = str_cut(&rest, '/');
        done = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(done), STR_ARG(part));
        if (lstat(done.ptr, &st) == 0 && S_ISLNK(st.st_mode))
            rc = err_set(err, HL_EDENIED, STR_FMT " leads through a symbolic link", STR_ARG(path));
    }
    *out = arena_cstr(a, done);
    return rc;
}

static int folder_read(void *context, struct str path, struct arena *a, struct str *out,
                       struct err *err)
{
    const char *full;
    struct stat st;
    int rc = full_path(context, path, a, &full, err);
    if (rc < 0)
        return rc;
    if (stat(full, &st) != 0 || !S_ISREG(st.st_mode))
        return SOURCE_ABSENT;
    *out = fleet_slurp(a, full);
    return SOURCE_FOUND;
}

static int folder_list(void *context, struct str path, struct arena *a, struct source_entry **out,
                       size_t *out_count, struct err *err)
{
    struct source_entry *entry = NULL;
    size_t count = 0;
    size_t cap = 0;
    const char *full;
    int rc = full_path(context, path, a, &full, err);
    DIR *dir = rc == 0 ? opendir(full) : NULL;

    if (rc < 0)
        return rc;
    if (!dir)
        return SOURCE_ABSENT;
    for (struct dirent *d; (d = readdir(dir));) {
        struct stat st;
        struct str name = arena_dup(a, str_from(d->d_name));
        struct str item = arena_printf(a, "%s/%s", full, d->d_name);
        if (str_eq(name, STR(".")) || str_eq(name, STR("..")) || str_eq(name, STR(".git")) ||
            lstat(item.ptr, &st) != 0)
            continue;
        struct source_entry e = {name,
                                 S_ISDIR(st.st_mode)   ? SOURCE_FOLDER
                                 : S_ISLNK(st.st_mode) ? SOURCE_LINK
                                                       : SOURCE_FILE,
                                 (uint64_t)st.st_size};
        ARENA_PUSH(a, entry, count, cap, e);
    }
    (void)closedir(dir); /* nothing was written */
    if (count > 1)
        qsort(entry, count, sizeof(*entry), by_name);
    *out = entry;
    *out_count = count;
    return SOURCE_FOUND;
}

struct source fleet_of_folder(struct arena *a, const char *root)
{
    return (struct source){arena_cstr(a, str_from(root)), folder_read, folder_list};
}
