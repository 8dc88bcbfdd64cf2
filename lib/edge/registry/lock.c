/* Lines in a sorted array: read whole, searched by halves, written whole. */
#include "edge/registry/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct lock {
    struct arena *arena;
    struct lock_line *line;
    size_t count;
    size_t cap;
};

struct lock *lock_new(void)
{
    struct lock *l = hl_calloc(1, sizeof(*l));

    l->arena = arena_new();
    return l;
}

void lock_free(struct lock *l)
{
    if (!l)
        return;
    arena_free(l->arena);
    free(l);
}

size_t lock_count(const struct lock *l)
{
    return l->count;
}

const struct lock_line *lock_at(const struct lock *l, size_t i)
{
    HL_ASSERT(i < l->count);
    return &l->line[i];
}

static int order(const struct lock_line *x, const struct lock_line *y)
{
    int o = str_cmp(x->repository, y->repository);

    if (o == 0)
        o = str_cmp(x->name, y->name);
    return o != 0 ? o : str_cmp(x->version, y->version);
}

/* Where the line is, or would be. */
static size_t place_of(const struct lock *l, const struct lock_line *line)
{
    size_t low = 0;
    size_t high = l->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order(&l->line[middle], line) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct lock_line *lock_find(const struct lock *l, struct str repository, struct str name,
                                  struct str version)
{
    struct lock_line wanted = {.repository = repository, .name = name, .version = version};
    size_t at = place_of(l, &wanted);

    return at < l->count && order(&l->line[at], &wanted) == 0 ? &l->line[at] : NULL;
}

static bool is_field(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return false;
    }
    return s.len > 0 && s.len <= LOCK_FIELD_MAX;
}

static int conflict(const struct lock_line *ours, const struct lock_line *theirs, struct err *err)
{
    char was[DIGEST_HEX + 1];
    char is[DIGEST_HEX + 1];

    return err_set(err, HL_ECONFLICT,
                   STR_FMT " " STR_FMT " of " STR_FMT
                           " is locked to sha256:%s, now it is sha256:%s",
                   STR_ARG(str_sub(ours->name, 0, 60)), STR_ARG(str_sub(ours->version, 0, 60)),
                   STR_ARG(str_sub(ours->repository, 0, 120)), digest_hex(&ours->digest, was),
                   digest_hex(&theirs->digest, is));
}

int lock_add(struct lock *l, const struct lock_line *line, struct err *err)
{
    if (!is_field(line->repository) || !is_field(line->name) || !is_field(line->version) ||
        line->repository.ptr[0] == '#')
        return err_set(err, HL_EINVAL,
                       "a lock's fields are not empty and hold no blank and at most %d bytes",
                       LOCK_FIELD_MAX);
    size_t at = place_of(l, line);
    if (at < l->count && order(&l->line[at], line) == 0)
        return digest_eq(&l->line[at].digest, &line->digest) ? LOCK_SAME
                                                             : conflict(&l->line[at], line, err);
    if (l->count == LOCK_LINES_MAX)
        return err_set(err, HL_ELIMIT, "a lock of more than %d charts", LOCK_LINES_MAX);
    if (l->count == l->cap)
        l->line = arena_grow(l->arena, l->line, l->count, &l->cap, l->count + 1, sizeof(*l->line));
    memmove(&l->line[at + 1], &l->line[at], (l->count - at) * sizeof(*l->line));
    l->line[at] = (struct lock_line){
        arena_dup(l->arena, line->repository),
        arena_dup(l->arena, line->name),
        arena_dup(l->arena, line->version),
        line->digest,
    };
    l->count++;
    return LOCK_ADDED;
}

/* ---- text ---- */

static bool parse_line(struct str text, struct lock_line *out)
{
    struct str rest = text;

    out->repository = str_cut(&rest, ' ');
    out->name = str_cut(&rest, ' ');
    out->version = str_cut(&rest, ' ');
    return str_starts(rest, STR("sha256:")) &&
           digest_parse(str_sub(rest, 7, rest.len), &out->digest);
}

int lock_parse(struct lock *l, struct str text, struct str file, struct err *err)
{
    uint32_t number = 0;

    if (text.len > LOCK_BYTES_MAX)
        return err_set(err, HL_ELIMIT, STR_FMT " has more than %d bytes", STR_ARG(file),
                       LOCK_BYTES_MAX);
    while (text.len > 0) {
        struct str line = str_trim(str_cut(&text, '\n'));
        struct lock_line parsed;

        number++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (!parse_line(line, &parsed))
            return err_at(err, HL_EINVAL, file, number, 1,
                          "a line is \"REPOSITORY NAME VERSION sha256:DIGEST\"");
        int rc = lock_add(l, &parsed, err);
        if (rc < 0)
            return err_wrap(err, STR_FMT ":%u", STR_ARG(file), number);
    }
    return 0;
}

void lock_write(const struct lock *l, struct buf *out)
{
    char hex[DIGEST_HEX + 1];

    for (size_t i = 0; i < l->count; i++) {
        const struct lock_line *line = &l->line[i];
        buf_printf(out, STR_FMT " " STR_FMT " " STR_FMT " sha256:%s\n", STR_ARG(line->repository),
                   STR_ARG(line->name), STR_ARG(line->version), digest_hex(&line->digest, hex));
    }
}

/* ---- file ---- */

static int read_all(int fd, struct buf *out)
{
    ssize_t n;

    do {
        n = read(fd, buf_reserve(out, 65536), 65536);
        if (n > 0)
            buf_commit(out, (size_t)n);
    } while ((n > 0 && out->len <= LOCK_BYTES_MAX) || (n < 0 && errno == EINTR));
    return n < 0 ? -1 : 0;
}

int lock_load(struct lock *l, struct str path, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const char *name = arena_cstr(l->arena, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot open %s", name);
    int rc = read_all(fd, &text);
    if (rc < 0)
        rc = err_errno(err, HL_EIO, "cannot read %s", name);
    close(fd);
    return rc < 0 ? rc : lock_parse(l, buf_str(&text), path, err);
}

static int write_text(int fd, struct str text)
{
    size_t done = 0;

    while (done < text.len) {
        ssize_t n = write(fd, text.ptr + done, text.len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

/* With the folder locked, so that its temporary name is ours. */
static int replace(const struct lock *l, const char *path, const char *fresh, int folder,
                   struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    lock_write(l, &text);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot write %s", fresh);
    bool is_written = write_text(fd, buf_str(&text)) == 0;
    int error = errno;
    close(fd);
    if (is_written && rename(fresh, path) == 0 && fsync(folder) == 0)
        return 0;
    errno = is_written ? errno : error;
    int rc = err_errno(err, HL_EIO, "cannot write %s", path);
    (void)unlink(fresh);
    return rc;
}

int lock_save(struct lock *l, struct str path, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *own = arena_new();
    size_t slash = path.len;

    while (slash > 0 && path.ptr[slash - 1] != '/')
        slash--;
    const char *folder = slash > 0 ? arena_cstr(own, str_sub(path, 0, slash)) : ".";
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        int rc = err_errno(err, HL_EIO, "cannot lock %s", folder);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    int rc = lock_load(l, path, err);
    if (rc == 0)
        rc = replace(l, arena_cstr(own, path), arena_printf(own, STR_FMT ".new", STR_ARG(path)).ptr,
                     fd, err);
    close(fd);
    return rc;
}
