/*
 * resolve: lock, then source, then lock again; fetch: cache, then source, then cache. What the
 * sources themselves do is in repo.c, tags.c and local.c.
 */
#include "edge/registry/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/registry/source.h"

enum source_kind { SOURCE_REPO, SOURCE_OCI, SOURCE_LOCAL };

static enum source_kind kind_of(struct str repository)
{
    if (str_starts(repository, STR("https://")) || str_starts(repository, STR("http://")))
        return SOURCE_REPO;
    return str_starts(repository, STR("oci://")) ? SOURCE_OCI : SOURCE_LOCAL;
}

/* ---- opening ---- */

static int add_logins(struct registry *r, const struct registry_config *config, struct err *err)
{
    int rc = 0;

    r->logins = logins_new();
    if (config->docker_config.len > 0)
        rc = logins_add_docker(r->logins, config->docker_config, err);
    for (size_t i = 0; i < config->login_count && rc == 0; i++)
        rc = logins_add(r->logins, config->login[i].origin, config->login[i].user,
                        config->login[i].password, err);
    return rc;
}

static int load_lock(struct registry *r, struct err *err)
{
    lock_free(r->lock);
    r->lock = lock_new();
    return r->lock_path.len > 0 ? lock_load(r->lock, r->lock_path, err) : 0;
}

int registry_open(const struct registry_config *config, struct registry **out, struct err *err)
{
    HL_CLEANUP(registry_closep) struct registry *r = hl_calloc(1, sizeof(*r));

    r->lock_path = str_dup(config->lock_path);
    r->base_dir = str_dup(config->base_dir);
    r->is_offline = config->is_offline;
    r->is_oci_plain = config->is_oci_plain;
    r->web = web_new(config->ca_pem, config->timeout_ms);
    int rc = add_logins(r, config, err);
    if (rc == 0)
        rc = cache_open(config->cache_dir, config->cache_bytes_max, &r->cache, err);
    if (rc == 0)
        rc = load_lock(r, err);
    if (rc < 0)
        return rc;
    r->oci = oci_new(r->web, r->logins);
    *out = r;
    r = NULL;
    return 0;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    oci_free(r->oci);
    web_free(r->web);
    logins_free(r->logins);
    cache_close(r->cache);
    lock_free(r->lock);
    arena_free(r->index_arena);
    str_free(r->lock_path);
    str_free(r->base_dir);
    free(r);
}

/* ---- resolving ---- */

bool is_exact(struct arena *a, struct str range)
{
    struct semver v;

    return range.len > 0 && semver_parse(a, range, &v, NULL) == 0;
}

static void take_line(const struct lock_line *line, struct arena *a, struct registry_chart *out)
{
    out->version = arena_dup(a, line->version);
    out->digest = line->digest;
}

/* The newest locked version in the range; NULL if there is none. HL_EINVAL: no range. */
static int find_locked(const struct registry *r, const struct registry_chart *chart,
                       struct str range, struct arena *a, const struct lock_line **out,
                       struct err *err)
{
    const struct semver_range *wanted;
    struct semver best_version;
    struct semver v;

    *out = NULL;
    int rc = semver_range_parse(a, range.len > 0 ? range : STR("*"), &wanted, err);
    for (size_t i = 0; rc == 0 && i < lock_count(r->lock); i++) {
        const struct lock_line *line = lock_at(r->lock, i);
        bool is_ours =
            str_eq(line->repository, chart->repository) && str_eq(line->name, chart->name);
        if (!is_ours || semver_parse(a, line->version, &v, NULL) < 0 ||
            !semver_range_has(wanted, &v) || (*out && semver_cmp(&v, &best_version) <= 0))
            continue;
        *out = line;
        best_version = v;
    }
    return rc;
}

static int resolve_locked(struct registry *r, struct str range, struct arena *a,
                          struct registry_chart *out, struct err *err)
{
    const struct lock_line *best = lock_find(r->lock, out->repository, out->name, range);
    int rc = best ? 0 : find_locked(r, out, range, a, &best, err);

    if (rc == 0 && !best)
        rc = err_set(err, HL_EABSENT,
                     "no version of chart " STR_FMT " of " STR_FMT " in \"" STR_FMT "\" is locked",
                     STR_ARG(out->name), STR_ARG(out->repository), STR_ARG(range));
    if (rc == 0)
        take_line(best, a, out);
    return rc;
}

/* A version once resolved stays; the file follows the memory, or both stay as they were. On a
 * conflict the chart becomes the one that is locked. */
static int note(struct registry *r, struct registry_chart *chart, struct err *err)
{
    struct lock_line line = {chart->repository, chart->name, chart->version, chart->digest};

    int rc = lock_add(r->lock, &line, err);
    if (rc == HL_ECONFLICT)
        chart->digest = lock_find(r->lock, line.repository, line.name, line.version)->digest;
    if (rc != LOCK_ADDED || r->lock_path.len == 0)
        return rc < 0 ? rc : 0;
    rc = lock_save(r->lock, r->lock_path, err);
    if (rc < 0)
        (void)load_lock(r, NULL); /* what cannot be read now says so with the next question */
    return rc;
}

int registry_adopt(struct registry *r, struct str lines, struct err *err)
{
    HL_CLEANUP(lock_freep) struct lock *adopted = lock_new();
    bool is_corrected = false;

    HL_ASSERT(r->lock_path.len == 0);
    int rc = lock_parse(adopted, lines, STR("charts in force"), err);
    for (size_t i = 0; i < lock_count(r->lock) && rc >= 0; i++) {
        const struct lock_line *ours = lock_at(r->lock, i);
        const struct lock_line *theirs =
            lock_find(adopted, ours->repository, ours->name, ours->version);
        if (theirs)
            is_corrected = is_corrected || !digest_eq(&theirs->digest, &ours->digest);
        else
            rc = lock_add(adopted, ours, err);
    }
    if (rc < 0)
        return rc;
    struct lock *before = r->lock;
    r->lock = adopted;
    adopted = before;
    return is_corrected ? REGISTRY_CORRECTED : REGISTRY_AGREED;
}

static int resolve_remote(struct registry *r, enum source_kind kind, struct str range,
                          struct arena *a, struct registry_chart *out, struct err *err)
{
    const struct lock_line *locked = lock_find(r->lock, out->repository, out->name, range);

    if (locked) {
        take_line(locked, a, out);
        return 0;
    }
    if (r->is_offline) {
        int rc = resolve_locked(r, range, a, out, err);
        return rc < 0 ? err_wrap(err, "offline") : 0;
    }
    int rc = kind == SOURCE_REPO ? repo_resolve(r, range, a, out, err)
                                 : oci_resolve(r, range, a, out, err);
    return rc < 0 ? rc : note(r, out, err);
}

static int check_name(struct str name, struct err *err)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f || name.ptr[i] == '\\')
            return err_set(err, HL_EINVAL, "a chart's name holds no blank or control character");
    }
    if (name.len > 0 && name.len <= REGISTRY_NAME_MAX)
        return 0;
    return err_set(err, HL_EINVAL, "a chart's name has 1 to %d bytes", REGISTRY_NAME_MAX);
}

/* What is asked for, as it is locked. */
static struct registry_chart question(struct arena *a, struct str repository, struct str name)
{
    while (str_ends(repository, STR("/")) && repository.len > 1)
        repository.len--;
    return (struct registry_chart){.repository = arena_dup(a, repository),
                                   .name = arena_dup(a, name)};
}

int registry_resolve_locked(struct registry *r, struct str repository, struct str name,
                            struct str range, struct arena *a, struct registry_chart *out,
                            struct err *err)
{
    struct registry_chart found = question(a, repository, name);
    int rc = resolve_locked(r, str_trim(range), a, &found, err);

    if (rc == 0)
        *out = found;
    return rc;
}

int registry_resolve(struct registry *r, struct str repository, struct str name, struct str range,
                     struct arena *a, struct registry_chart *out, struct err *err)
{
    enum source_kind kind = kind_of(repository);
    struct registry_chart found = question(a, repository, name);
    struct str wanted = arena_dup(a, str_trim(range));

    int rc = kind == SOURCE_LOCAL ? 0 : check_name(name, err);
    if (rc == 0)
        rc = kind == SOURCE_LOCAL ? local_resolve(r, wanted, a, &found, err)
                                  : resolve_remote(r, kind, wanted, a, &found, err);
    if (rc == 0 || rc == HL_ECONFLICT)
        *out = found;
    return rc;
}

/* ---- fetching ---- */

/* What was resolved is locked, so other content is not what was agreed on. */
static int check_content(const struct registry_chart *chart, struct str bytes, struct err *err)
{
    struct digest found = sha256_of(bytes);
    char was[DIGEST_HEX + 1];
    char is[DIGEST_HEX + 1];

    if (digest_eq(&found, &chart->digest))
        return 0;
    return err_set(err, HL_ECONFLICT,
                   STR_FMT " " STR_FMT " of " STR_FMT " is locked to sha256:%s, but sha256:%s came",
                   STR_ARG(chart->name), STR_ARG(chart->version), STR_ARG(chart->repository),
                   digest_hex(&chart->digest, was), digest_hex(&found, is));
}

static int fetch_remote(struct registry *r, const struct registry_chart *chart, struct arena *a,
                        struct str *out, struct err *err)
{
    struct digest kept;
    struct str bytes;

    if (r->is_offline)
        return err_set(err, HL_EABSENT,
                       "offline, and " STR_FMT " " STR_FMT " of " STR_FMT " is not in the cache",
                       STR_ARG(chart->name), STR_ARG(chart->version), STR_ARG(chart->repository));
    int rc = kind_of(chart->repository) == SOURCE_REPO ? repo_fetch(r, chart, a, &bytes, err)
                                                       : oci_fetch(r, chart, a, &bytes, err);
    if (rc == 0)
        rc = check_content(chart, bytes, err);
    if (rc == 0)
        rc = cache_put(r->cache, bytes, &kept, err);
    if (rc == 0)
        *out = bytes;
    return rc;
}

int registry_fetch(struct registry *r, const struct registry_chart *chart, struct arena *a,
                   struct str *out, struct err *err)
{
    if (chart->path.len > 0)
        return local_fetch(chart, a, out, err);
    int rc = cache_get(r->cache, &chart->digest, a, out, err);
    return rc == HL_EABSENT ? fetch_remote(r, chart, a, out, err) : rc;
}

/* ---- a file of it ---- */

static int write_new(int folder, const char *fresh, const char *name, struct str bytes)
{
    size_t done = 0;
    int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0)
        return -1;
    while (done < bytes.len) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    bool is_written = done == bytes.len && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (is_written && renameat(folder, fresh, folder, name) == 0)
        return 0;
    error = is_written ? errno : error;
    (void)unlinkat(folder, fresh, 0);
    errno = error;
    return -1;
}

int registry_pull(struct registry *r, const struct registry_chart *chart, struct str folder,
                  struct arena *a, struct str *out_path, struct err *err)
{
    struct str bytes;

    int rc = registry_fetch(r, chart, a, &bytes, err);
    if (rc < 0)
        return rc;
    struct str base = chart->name;
    while (str_has_byte(base, '/'))
        (void)str_cut(&base, '/');
    struct str file =
        arena_printf(a, STR_FMT "-" STR_FMT ".tgz", STR_ARG(base), STR_ARG(chart->version));
    if (str_has_byte(file, '/') || str_has_byte(file, '\0'))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no file name", STR_ARG(file));
    const char *fresh = arena_printf(a, ".%s.%ld", file.ptr, (long)getpid()).ptr;
    int fd = open(arena_cstr(a, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, HL_EIO, "cannot open " STR_FMT, STR_ARG(folder));
    if (write_new(fd, fresh, file.ptr, bytes) < 0)
        rc = err_errno(err, HL_EIO, "cannot write " STR_FMT "/" STR_FMT, STR_ARG(folder),
                       STR_ARG(file));
    close(fd);
    if (rc == 0)
        *out_path = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(folder), STR_ARG(file));
    return rc;
}
