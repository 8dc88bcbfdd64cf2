/* Charts on this machine: a folder with a Chart.yaml, or an archive. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/value/yaml.h"
#include "edge/registry/archive.h"
#include "edge/registry/source.h"

static struct str path_of(struct registry *r, struct str repository, struct arena *a)
{
    struct str path = str_starts(repository, STR("file://"))
                          ? str_sub(repository, 7, repository.len)
                          : repository;

    if (str_starts(path, STR("/")) || r->base_dir.len == 0)
        return arena_dup(a, path);
    return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(r->base_dir), STR_ARG(path));
}

static int read_file(struct str path, size_t max, struct arena *a, struct str *out, struct err *err)
{
    const char *name = arena_cstr(a, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    size_t len = 0;

    if (fd < 0)
        return err_errno(err, errno == ENOENT ? HL_EABSENT : HL_EIO, "cannot open %s", name);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > max) {
        close(fd);
        return err_set(err, HL_ELIMIT, "%s is no file of at most %zu bytes", name, max);
    }
    size_t size = (size_t)st.st_size;
    char *bytes = arena_alloc(a, size + 1);
    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    *out = (struct str){bytes, len};
    return len == size ? 0 : err_set(err, HL_EIO, "cannot read all of %s", name);
}

/* Chart.yaml of an archive, which is unpacked for it: nobody else says its version. */
static int archive_metadata(struct str path, struct arena *a, struct str *out, struct err *err)
{
    struct chart_file *file;
    struct str bytes;
    size_t count;

    int rc = read_file(path, ARCHIVE_PACKED_MAX, a, &bytes, err);
    if (rc == 0)
        rc = archive_unpack(NULL, a, path, bytes, &file, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (str_eq(file[i].name, STR("Chart.yaml"))) {
            *out = file[i].bytes;
            return 0;
        }
    }
    return err_set(err, HL_EINVAL, "Chart.yaml file is missing");
}

static int read_metadata(struct registry_chart *out, struct arena *a, struct str *text,
                         struct err *err)
{
    struct stat st;

    if (stat(arena_cstr(a, out->path), &st) < 0)
        return err_set(err, HL_EABSENT, STR_FMT " not found", STR_ARG(out->path));
    if (!S_ISDIR(st.st_mode)) {
        out->kind = REGISTRY_ARCHIVE;
        return archive_metadata(out->path, a, text, err);
    }
    out->kind = REGISTRY_FOLDER;
    return read_file(arena_concat(a, out->path, STR("/Chart.yaml")), CHART_FILE_BYTES_MAX, a, text,
                     err);
}

static int check(struct registry_chart *out, struct str wanted, struct str range, struct arena *a,
                 struct err *err)
{
    const struct semver_range *allowed;
    struct semver v;

    if (wanted.len > 0 && !str_eq(wanted, out->name))
        return err_set(err, HL_EABSENT, STR_FMT " holds chart \"" STR_FMT "\", not \"" STR_FMT "\"",
                       STR_ARG(out->path), STR_ARG(out->name), STR_ARG(wanted));
    int rc = semver_parse(a, out->version, &v, err);
    if (rc == 0 && range.len > 0)
        rc = semver_range_parse(a, range, &allowed, err);
    if (rc < 0 || range.len == 0)
        return rc;
    return semver_range_has(allowed, &v)
               ? 0
               : err_set(err, HL_EABSENT, STR_FMT " holds version " STR_FMT ", not \"" STR_FMT "\"",
                         STR_ARG(out->path), STR_ARG(out->version), STR_ARG(range));
}

int local_resolve(struct registry *r, struct str range, struct arena *a, struct registry_chart *out,
                  struct err *err)
{
    struct str wanted = out->name;
    struct value *v;
    struct str text;

    out->path = path_of(r, out->repository, a);
    int rc = read_metadata(out, a, &text, err);
    if (rc == 0)
        rc = yaml_read_first(a, text, STR("Chart.yaml"), &v, err);
    if (rc < 0)
        return err_wrap(err, "chart " STR_FMT, STR_ARG(out->path));
    out->name = value_get_str(v, "name");
    out->version = value_get_str(v, "version");
    return check(out, wanted, range, a, err);
}

int local_fetch(const struct registry_chart *chart, struct arena *a, struct str *out,
                struct err *err)
{
    if (chart->kind == REGISTRY_FOLDER)
        return err_set(err, HL_EINVAL, STR_FMT " is a folder, no archive", STR_ARG(chart->path));
    return read_file(chart->path, ARCHIVE_PACKED_MAX, a, out, err);
}
