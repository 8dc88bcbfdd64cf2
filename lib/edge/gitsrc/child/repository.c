/* The repository the child works in, and how libgit2's failures become ours. */
#include "edge/gitsrc/child/child.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* libgit2's classes and return codes are coarse; what people act on is in the mapping here. */
static int code_of(int rc, const git_error *e)
{
    const char *text = e && e->message ? e->message : "";

    if (strcasestr(text, strerror(ENOSPC)))
        return HL_ENOSPACE;
    if (rc == GIT_EAUTH || rc == GIT_ECERTIFICATE || rc == GIT_EOWNER ||
        strcasestr(text, strerror(EACCES)))
        return HL_EDENIED;
    if (rc == GIT_ENOTFOUND)
        return HL_EABSENT;
    if (rc == GIT_ELOCKED)
        return HL_ETEMP;
    if (e && e->klass == GIT_ERROR_NOMEMORY)
        return HL_ELIMIT;
    if (e && (e->klass == GIT_ERROR_ODB || e->klass == GIT_ERROR_ZLIB ||
              e->klass == GIT_ERROR_INDEXER || e->klass == GIT_ERROR_REFERENCE))
        return HL_ECORRUPT;
    return HL_EIO;
}

int repository_error(int rc, struct err *err, const char *fmt, ...)
{
    const git_error *e = git_error_last();
    char what[300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return err_set(err, code_of(rc, e), "%s: %s", what,
                   e && e->message ? e->message : "no reason given");
}

static bool is_empty_folder(const char *path)
{
    DIR *d = opendir(path);
    bool is_empty = true;

    if (!d)
        return errno == ENOENT;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            is_empty = false;
    closedir(d);
    return is_empty;
}

/* Our own folder in the clone: a home without anything, and settings for building packs. */
static int write_settings(const struct child *c, struct err *err)
{
    char path[4096];
    static const char text[] = "[core]\n\tbigFileThreshold = 1m\n[pack]\n\twindowMemory = 64m\n";

    snprintf(path, sizeof(path), "%s/hlmesh", c->dir);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(err, HL_EIO, "mkdir %s", path);
    snprintf(path, sizeof(path), "%s/hlmesh/.ssh", c->dir);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(err, HL_EIO, "mkdir %s", path);
    snprintf(path, sizeof(path), "%s/hlmesh/pack.gitconfig", c->dir);
    FILE *f = fopen(path, "we");
    if (!f)
        return err_errno(err, HL_EIO, "%s", path);
    bool is_written = fputs(text, f) >= 0;
    if (fclose(f) != 0 || !is_written)
        return err_errno(err, HL_EIO, "%s", path);
    return 0;
}

void repository_tune(const struct child *c, git_repository *repo)
{
    git_config *config = NULL;
    char path[4096];

    snprintf(path, sizeof(path), "%s/hlmesh/pack.gitconfig", c->dir);
    if (git_repository_config(&config, repo) == 0) /* failing costs memory, not correctness */
        git_config_add_file_ondisk(config, path, GIT_CONFIG_LEVEL_APP, repo, 1);
    git_config_free(config);
}

static int open_clone(struct child *c, struct err *err)
{
    int rc = git_repository_open_bare(&c->repo, c->dir);

    if (rc == GIT_ENOTFOUND) {
        git_repository_init_options opts;

        if (!is_empty_folder(c->dir))
            return err_set(err, HL_EINVAL,
                           "%s holds something that is not a Git repository: name another folder",
                           c->dir);
        if (git_repository_init_options_init(&opts, GIT_REPOSITORY_INIT_OPTIONS_VERSION) < 0)
            return repository_error(-1, err, "libgit2");
        opts.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH |
                     GIT_REPOSITORY_INIT_NO_DOTGIT_DIR;
        opts.mode = 0700;
        rc = git_repository_init_ext(&c->repo, c->dir, &opts);
        if (rc == 0 && chmod(c->dir, 0700) < 0)
            return err_errno(err, HL_EIO, "chmod %s", c->dir);
    }
    if (rc < 0)
        return repository_error(
            rc, err, "opening the clone %s (deleting it is safe: it is fetched again)", c->dir);
    rc = write_settings(c, err);
    if (rc == 0)
        repository_tune(c, c->repo);
    return rc;
}

int repository_open(struct child *c, struct err *err)
{
    if (c->mode != GITMSG_WRITER || c->url.kind != GIT_URL_PATH)
        return open_clone(c, err);

    int rc = git_repository_open(&c->repo, c->url.path);
    if (rc == GIT_ENOTFOUND)
        return err_set(err, HL_EABSENT,
                       "there is no Git repository at %s: make one with git init --bare",
                       c->url.path);
    if (rc < 0)
        return repository_error(rc, err, "opening %s", c->url.path);
    if (!git_repository_is_bare(c->repo))
        return err_set(err, HL_EINVAL,
                       "%s has a work tree, which would fall behind: use a bare repository",
                       c->url.path);
    return 0;
}

int repository_tree(git_repository *repo, const git_oid *oid, git_tree **out, struct err *err)
{
    HL_CLEANUP(hl_commit_free) git_commit *commit = NULL;
    char text[GIT_OID_HEXSZ + 1];
    int rc = git_commit_lookup(&commit, repo, oid);

    git_oid_tostr(text, sizeof(text), oid);
    if (rc == GIT_ENOTFOUND)
        return err_set(err, HL_EABSENT, "commit %s is not in the clone: fetch first", text);
    if (rc == 0)
        rc = git_commit_tree(out, commit);
    return rc < 0 ? repository_error(rc, err, "commit %s", text) : 0;
}
