/* A walk with openat(2): every folder is opened once, so that nobody renames it in between. */
#include "edge/registry/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/chart/ignore.h"

enum { FILE_BUFFER_BYTES = 64 << 10 };

struct entry { /* of a folder */
    const char *base;
    unsigned char type; /* DT_REG, DT_DIR, or what has to be asked for */
};

struct walk {
    struct arena *a;
    struct str root; /* for messages */
    const struct ignore_rules *rules;
    struct chart_file *file;
    size_t count;
    size_t cap;
    size_t bytes;
    struct err *err;
    char buffer[FILE_BUFFER_BYTES];
};

static int bad(struct walk *w, int code, const char *what, struct str name)
{
    return err_errno(w->err, code, "%s " STR_FMT "/" STR_FMT, what, STR_ARG(w->root),
                     STR_ARG(name));
}

/* Up to `size` bytes; how many in *out_len: fewer at the end of the file. */
static int read_some(struct walk *w, int fd, char *bytes, size_t size, struct str name,
                     size_t *out_len)
{
    ssize_t n;

    do
        n = read(fd, bytes, size);
    while (n < 0 && errno == EINTR);
    *out_len = n > 0 ? (size_t)n : 0;
    return n < 0 ? bad(w, HL_EIO, "error reading", name) : 0;
}

static int too_large(struct walk *w, struct str name)
{
    return err_set(w->err, HL_ELIMIT,
                   "chart file \"" STR_FMT "\" is larger than the maximum file size %d",
                   STR_ARG(name), CHART_FILE_BYTES_MAX);
}

/* A file of more than the buffer holds. */
static int map_rest(struct walk *w, int fd, struct str name, struct str *out)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return bad(w, HL_EIO, "error reading", name);
    if (st.st_size > CHART_FILE_BYTES_MAX)
        return too_large(w, name);
    *out = arena_map_file(w->a, fd, (size_t)st.st_size);
    return out->ptr ? 0 : bad(w, HL_EIO, "error reading", name);
}

static int read_file(struct walk *w, int fd, struct str name, struct str *out)
{
    size_t len;
    int rc = read_some(w, fd, w->buffer, sizeof(w->buffer), name, &len);

    *out = (struct str){w->buffer, len};
    if (rc == 0 && len == sizeof(w->buffer))
        rc = map_rest(w, fd, name, out);
    else if (rc == 0)
        *out = arena_dup(w->a, *out);
    if (str_starts(*out, STR("\xef\xbb\xbf")))
        *out = str_sub(*out, 3, out->len);
    return rc;
}

static int check_totals(struct walk *w, size_t len)
{
    w->bytes += len;
    if (w->bytes > CHART_BYTES_MAX)
        return err_set(w->err, HL_ELIMIT, STR_FMT ": chart of more than %d bytes", STR_ARG(w->root),
                       CHART_BYTES_MAX);
    if (w->count == CHART_FILES_MAX)
        return err_set(w->err, HL_ELIMIT, STR_FMT ": chart of more than %d files", STR_ARG(w->root),
                       CHART_FILES_MAX);
    return 0;
}

static int take_file(struct walk *w, int folder, const char *base, struct str name)
{
    struct str bytes;
    int fd = openat(folder, base, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return bad(w, HL_EIO, "error reading", name);
    int rc = read_file(w, fd, name, &bytes);
    close(fd);
    if (rc == 0)
        rc = check_totals(w, bytes.len);
    if (rc == 0)
        ARENA_PUSH(w->a, w->file, w->count, w->cap, ((struct chart_file){name, bytes}));
    return rc;
}

static int by_bytes(const void *x, const void *y)
{
    return strcmp(((const struct entry *)x)->base, ((const struct entry *)y)->base);
}

/* What is in an open folder, sorted. */
static int list(struct walk *w, DIR *dir, struct str name, struct entry **out, size_t *out_count)
{
    struct entry *entry = NULL;
    size_t cap = 0;
    size_t count = 0;

    for (errno = 0; count <= CHART_FILES_MAX; errno = 0) {
        struct dirent *d = readdir(dir);
        if (!d)
            break;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        const char *base = arena_dup(w->a, str_from(d->d_name)).ptr;
        ARENA_PUSH(w->a, entry, count, cap, ((struct entry){base, d->d_type}));
    }
    int rc = errno != 0 ? bad(w, HL_EIO, "cannot list", name) : 0;
    if (count > 1)
        qsort(entry, count, sizeof(*entry), by_bytes);
    *out = entry;
    *out_count = count;
    return rc;
}

static int walk_folder(struct walk *w, int fd, struct str name, int depth);

/* Links are what they lead to. */
static int ask_type(struct walk *w, int folder, struct entry *e, struct str name)
{
    struct stat st;

    if (e->type == DT_REG || e->type == DT_DIR)
        return 0;
    if (fstatat(folder, e->base, &st, 0) < 0)
        return bad(w, HL_EIO, "cannot read", name);
    e->type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
    return 0;
}

/* `name` is the path of the entry below the root. */
static int walk_entry(struct walk *w, int folder, struct entry *e, struct str name, int depth)
{
    int rc = ask_type(w, folder, e, name);

    if (rc < 0 || ignore_has(w->rules, name, e->type == DT_DIR))
        return rc;
    if (e->type == DT_REG)
        return take_file(w, folder, e->base, name);
    if (e->type != DT_DIR)
        return err_set(w->err, HL_EINVAL,
                       "cannot load irregular file " STR_FMT "/" STR_FMT
                       " as it has file mode type bits set",
                       STR_ARG(w->root), STR_ARG(name));
    int fd = openat(folder, e->base, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return bad(w, HL_EIO, "cannot read", name);
    return walk_folder(w, fd, name, depth + 1);
}

static int walk_entries(struct walk *w, DIR *dir, struct str name, int depth)
{
    struct entry *entry;
    size_t count = 0;
    int rc = list(w, dir, name, &entry, &count);

    for (size_t i = 0; i < count && rc == 0; i++) {
        struct str base = str_from(entry[i].base);
        struct str prefix = name.len > 0 ? arena_concat(w->a, name, STR("/")) : name;
        rc = walk_entry(w, dirfd(dir), &entry[i], arena_concat(w->a, prefix, base), depth);
    }
    return rc;
}

/* Takes the descriptor. */
static int walk_folder(struct walk *w, int fd, struct str name, int depth)
{
    DIR *dir = fdopendir(fd);

    if (!dir) {
        close(fd);
        return bad(w, HL_EIO, "cannot list", name);
    }
    int rc = depth <= FOLDER_DEPTH_MAX
                 ? walk_entries(w, dir, name, depth)
                 : err_set(w->err, HL_ELIMIT,
                           STR_FMT "/" STR_FMT ": folders nested more than %d deep (a link to one "
                                   "above itself?)",
                           STR_ARG(w->root), STR_ARG(str_sub(name, 0, 100)), FOLDER_DEPTH_MAX);
    closedir(dir);
    return rc;
}

/* The rules of .helmignore; without one, Helm's own. */
static int read_rules(struct walk *w, int fd)
{
    struct str name = STR(".helmignore");
    struct str text = STR_NONE;
    struct stat st;
    int rc = 0;

    if (fstatat(fd, name.ptr, &st, 0) == 0 && S_ISREG(st.st_mode)) {
        int file = openat(fd, name.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file < 0)
            return bad(w, HL_EIO, "error reading", name);
        rc = read_file(w, file, name, &text);
        close(file);
    }
    return rc < 0 ? rc : ignore_parse(w->a, text, &w->rules, w->err);
}

int folder_read(struct arena *a, struct str path, struct chart_file **out, size_t *out_count,
                struct err *err)
{
    struct walk *w = arena_one(a, struct walk);
    const char *name = arena_dup(a, path).ptr;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

    if (fd < 0)
        return err_errno(err, errno == ENOENT || errno == ENOTDIR ? HL_EABSENT : HL_EIO, "%s",
                         name);
    *w = (struct walk){.a = a, .root = path, .err = err};
    int rc = read_rules(w, fd);
    if (rc == 0)
        rc = walk_folder(w, fd, STR_NONE, 0);
    else
        close(fd);
    *out = w->file;
    *out_count = w->count;
    return rc;
}
