/* The writing side in our process: checks the change, asks the child, judges its answers. */
#include "edge/gitsrc/staterepo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/gitsrc/process.h"
#include "edge/gitsrc/sha1.h"
#include "edge/gitsrc/url.h"

enum { DEFAULT_TIMEOUT_MS = 60000, NAME_MAX_BYTES = 253 };

struct staterepo {
    struct gitproc *process;
    int64_t timeout_ms;
};

/* One line that can stand in a trailer or a signature. */
static bool line_ok(struct str s, size_t max_len)
{
    if (s.len == 0 || s.len > max_len || !str_is_utf8(s))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return str_trim(s).len == s.len;
}

static bool person_ok(struct str s)
{
    return s.len == 0 ||
           (line_ok(s, NAME_MAX_BYTES) && !str_has_byte(s, '<') && !str_has_byte(s, '>'));
}

static int check_config(const struct staterepo_config *c, struct git_url *url, struct err *err)
{
    char ref[GIT_REF_MAX];

    int rc = git_url_parse(c->url, url, err);
    if (rc == 0 && c->branch.len > 0)
        rc = git_branch_ref(c->branch, ref, err);
    if (rc < 0)
        return rc;
    if (url->kind != GIT_URL_PATH && c->dir.len == 0)
        return err_set(err, HL_EINVAL, "state repository: a remote one needs dir for its clone");
    if (c->dir.len > 0 && (c->dir.ptr[0] != '/' || c->dir.len > 3000))
        return err_set(err, HL_EINVAL, "state repository: dir must be an absolute path");
    if (!line_ok(c->agent, NAME_MAX_BYTES))
        return err_set(err, HL_EINVAL, "state repository: no usable agent name");
    if (!person_ok(c->author_name) || !person_ok(c->author_email))
        return err_set(err, HL_EINVAL, "state repository: malformed author name or email");
    return 0;
}

static struct str or_default(struct str s, struct str fallback)
{
    return s.len > 0 ? s : fallback;
}

int staterepo_open(const struct staterepo_config *c, struct staterepo **out, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf config = {0};
    struct git_url url;
    int rc = check_config(c, &url, err);

    if (rc < 0)
        return rc;
    struct staterepo *repo = hl_calloc(1, sizeof(*repo));
    repo->timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : DEFAULT_TIMEOUT_MS;
    buf_add_u32(&config, GITMSG_WRITER);
    gitmsg_add(&config, c->dir);
    gitmsg_add(&config, c->url);
    gitmsg_add(&config, or_default(c->branch, STR("main")));
    gitproc_add_auth(&config, &c->auth);
    gitmsg_add(&config, c->agent);
    gitmsg_add(&config, or_default(c->author_name, STR("hlmesh")));
    gitmsg_add(&config, or_default(c->author_email, STR("hlmesh@localhost")));
    buf_add_u64(&config, (uint64_t)repo->timeout_ms);
    repo->process =
        gitproc_new(c->program, or_default(c->dir, STR("/nonexistent")),
                    url.kind == GIT_URL_PATH ? str_from(url.path) : STR_NONE, buf_str(&config));
    *out = repo;
    return 0;
}

void staterepo_free(struct staterepo *repo)
{
    if (!repo)
        return;
    gitproc_free(repo->process);
    free(repo);
}

static int check_own_path(struct str path, struct err *err)
{
    int rc = git_path_check(path, false, err);

    if (rc < 0)
        return rc;
    if (!str_starts(path, STR("clusters/")))
        return err_set(err, HL_EINVAL, "path '" STR_FMT "' is not below clusters/", STR_ARG(path));
    return 0;
}

/* Path checks, size limits, and that no path appears twice. */
static int check_paths(const struct staterepo_change *c, struct err *err)
{
    HL_CLEANUP(map_freep) struct map *seen = map_new(0);
    size_t bytes = 0;

    if (c->put_count > STATEREPO_CHANGE_MAX || c->delete_count > STATEREPO_CHANGE_MAX ||
        c->put_count + c->delete_count > STATEREPO_CHANGE_MAX)
        return err_set(err, HL_ELIMIT, "more than %d files in one change", STATEREPO_CHANGE_MAX);
    for (size_t i = 0; i < c->put_count + c->delete_count; i++) {
        bool is_put = i < c->put_count;
        struct str path = is_put ? c->puts[i].path : c->deletes[i - c->put_count];
        size_t len = is_put ? c->puts[i].bytes.len : 0;

        int rc = check_own_path(path, err);
        if (rc < 0)
            return rc;
        if (map_set(seen, path, seen))
            return err_set(err, HL_EINVAL, "path '" STR_FMT "' is in the change twice",
                           STR_ARG(path));
        if (len > STATEREPO_CHANGE_BYTES_MAX || bytes + len > STATEREPO_CHANGE_BYTES_MAX)
            return err_set(err, HL_ELIMIT, "more than %d bytes in one change",
                           STATEREPO_CHANGE_BYTES_MAX);
        bytes += len + path.len;
    }
    return 0;
}

static int check_change(const struct staterepo_change *c, struct err *err)
{
    if (!line_ok(c->app, NAME_MAX_BYTES) || !str_has_byte(c->app, '/'))
        return err_set(err, HL_EINVAL, "state repository: app must be \"cluster/name\"");
    if (c->epoch == 0)
        return err_set(err, HL_EINVAL, "state repository: %.*s has no lease epoch",
                       STR_ARG(c->app));
    if (c->revision.len > 0 && !line_ok(c->revision, 100))
        return err_set(err, HL_EINVAL, "state repository: malformed revision");
    return check_paths(c, err);
}

static void add_change(struct buf *b, const struct staterepo_change *c)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str subject = str_trim(git_clean_text(a, c->subject, 200));

    gitmsg_add(b, c->app);
    buf_add_u64(b, c->epoch);
    buf_add_u32(b, c->is_takeover ? 1 : 0);
    gitmsg_add(b, or_default(subject, c->app));
    gitmsg_add(b, c->revision);
    buf_add_u32(b, (uint32_t)c->put_count);
    for (size_t i = 0; i < c->put_count; i++) {
        gitmsg_add(b, c->puts[i].path);
        gitmsg_add(b, c->puts[i].bytes);
    }
    buf_add_u32(b, (uint32_t)c->delete_count);
    for (size_t i = 0; i < c->delete_count; i++)
        gitmsg_add(b, c->deletes[i]);
}

int staterepo_apply(struct staterepo *repo, const struct staterepo_change *change,
                    struct staterepo_result *out, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf request = {0};
    struct str answer;
    int rc = check_change(change, err);

    if (rc < 0)
        return rc;
    add_change(&request, change);
    rc = gitproc_call(repo->process, GITMSG_APPLY, buf_str(&request), repo->timeout_ms,
                      change->lease_valid, change->context, &answer, err);
    if (rc < 0)
        return err_wrap(err, "state repository, %.*s", STR_ARG(change->app));
    struct gitmsg_reader r = {.rest = answer};
    uint32_t outcome = gitmsg_u32(&r);
    struct str oid = gitmsg_str(&r);
    uint32_t attempt_count = gitmsg_u32(&r);
    bool is_named = git_oid_text_ok(oid) || (outcome == STATEREPO_UNCHANGED && oid.len == 0);
    if (!gitmsg_end(&r) || outcome > STATEREPO_UNCHANGED || !is_named)
        return gitproc_distrust(repo->process, "a malformed result", err);
    *out = (struct staterepo_result){.attempt_count = attempt_count};
    snprintf(out->oid, sizeof(out->oid), STR_FMT, STR_ARG(oid));
    return (int)outcome;
}

int staterepo_read(struct staterepo *repo, struct str path, struct arena *a, struct str *out,
                   struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf request = {0};
    struct str answer;
    int rc = check_own_path(path, err);

    if (rc < 0)
        return rc;
    gitmsg_add(&request, path);
    buf_add_u64(&request, STATEREPO_FILE_BYTES_MAX);
    rc = gitproc_call(repo->process, GITMSG_READ_HEAD, buf_str(&request), repo->timeout_ms, NULL,
                      NULL, &answer, err);
    if (rc < 0)
        return err_wrap(err, "state repository");
    struct gitmsg_reader r = {.rest = answer};
    uint32_t outcome = gitmsg_u32(&r);
    struct str bytes = gitmsg_str(&r);
    if (!gitmsg_end(&r) || outcome > STATEREPO_ABSENT || bytes.len > STATEREPO_FILE_BYTES_MAX)
        return gitproc_distrust(repo->process, "a malformed file", err);
    if (outcome == STATEREPO_FOUND)
        *out = arena_dup(a, bytes);
    return (int)outcome;
}

static bool read_files(struct gitmsg_reader *r, uint32_t count, struct str folder, struct arena *a,
                       struct staterepo_file *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t mode = gitmsg_u32(r);
        struct str blob = gitmsg_str(r);
        struct str path = gitmsg_str(r);

        if (r->is_bad || !git_oid_text_ok(blob) || path.len <= folder.len ||
            !str_starts(path, folder) || path.ptr[folder.len] != '/')
            return false;
        if (i > 0 && str_cmp(out[i - 1].path, path) >= 0)
            return false;
        out[i] = (struct staterepo_file){.path = arena_dup(a, path), .mode = mode};
        memcpy(out[i].blob, blob.ptr, blob.len);
    }
    return gitmsg_end(r);
}

int staterepo_list(struct staterepo *repo, struct str folder, struct arena *a,
                   struct staterepo_file **out, size_t *out_count, char head[GIT_OID_TEXT_MAX],
                   struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf request = {0};
    struct str answer;
    int rc = str_eq(folder, STR("clusters")) ? 0 : check_own_path(folder, err);

    if (rc < 0)
        return rc;
    gitmsg_add(&request, folder);
    buf_add_u64(&request, STATEREPO_LIST_MAX);
    rc = gitproc_call(repo->process, GITMSG_WALK, buf_str(&request), repo->timeout_ms, NULL, NULL,
                      &answer, err);
    if (rc < 0)
        return err_wrap(err, "state repository");
    struct gitmsg_reader r = {.rest = answer};
    uint32_t outcome = gitmsg_u32(&r);
    struct str oid = gitmsg_str(&r);
    uint32_t count = gitmsg_u32(&r);
    if (r.is_bad || outcome > STATEREPO_ABSENT || count > STATEREPO_LIST_MAX ||
        (oid.len > 0 && !git_oid_text_ok(oid)))
        return gitproc_distrust(repo->process, "a malformed listing", err);
    struct staterepo_file *file = arena_array(a, struct staterepo_file, (size_t)count + 1);
    if (!read_files(&r, count, folder, a, file))
        return gitproc_distrust(repo->process, "a malformed listing", err);
    if (head)
        snprintf(head, GIT_OID_TEXT_MAX, STR_FMT, STR_ARG(oid));
    if (outcome == STATEREPO_FOUND) {
        *out = file;
        *out_count = count;
    }
    return (int)outcome;
}

const char *staterepo_blob_id(struct str bytes, char out[GIT_OID_TEXT_MAX])
{
    unsigned char digest[SHA1_BYTES];
    struct sha1 h;
    char head[32];
    int head_len = snprintf(head, sizeof(head), "blob %zu", bytes.len) + 1; /* with its NUL */

    sha1_init(&h);
    sha1_add(&h, head, (size_t)head_len);
    sha1_add(&h, bytes.ptr, bytes.len);
    sha1_end(&h, digest);
    hex_encode(digest, sizeof(digest), out);
    return out;
}

void staterepo_idle(struct staterepo *repo)
{
    gitproc_idle(repo->process);
}

struct str staterepo_sandbox(const struct staterepo *repo)
{
    return gitproc_sandbox(repo->process);
}

int64_t staterepo_pid(const struct staterepo *repo)
{
    return gitproc_pid(repo->process);
}
