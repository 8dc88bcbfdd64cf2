/*
 * The reading side in our process: builds requests, judges answers. Knows nothing of Git beyond
 * names: the child (child/fetch.c, child/read.c) does the work.
 */
#include "edge/gitsrc/gitsrc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/gitsrc/process.h"
#include "edge/gitsrc/url.h"

struct gitsrc {
    struct gitproc *process;
    struct gitsrc_limits limits;
};

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

static struct gitsrc_limits with_defaults(const struct gitsrc_limits *l)
{
    return (struct gitsrc_limits){
        .max_file_bytes = or_default(l->max_file_bytes, 16 * 1024 * 1024),
        .max_entries = or_default(l->max_entries, 10000),
        .max_fetch_bytes = or_default(l->max_fetch_bytes, 1024 * 1024 * 1024),
        .fetch_timeout_ms = l->fetch_timeout_ms > 0 ? l->fetch_timeout_ms : 60000,
        .read_timeout_ms = l->read_timeout_ms > 0 ? l->read_timeout_ms : 10000,
    };
}

static int check(const struct gitsrc_config *c, struct git_url *url, struct err *err)
{
    char ref[GIT_REF_MAX];

    int rc = git_url_parse(c->url, url, err);
    if (rc == 0 && c->branch.len > 0)
        rc = git_branch_ref(c->branch, ref, err);
    if (rc < 0)
        return rc;
    if (c->dir.len == 0 || c->dir.ptr[0] != '/' || c->dir.len > 3000)
        return err_set(err, HL_EINVAL, "git clone: dir must be an absolute path");
    if (c->limits.max_file_bytes > GITMSG_MAX_BYTES - 1024)
        return err_set(err, HL_EINVAL, "git clone: max_file_bytes is at most %d",
                       GITMSG_MAX_BYTES - 1024);
    return 0;
}

int gitsrc_open(const struct gitsrc_config *c, struct gitsrc **out, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf config = {0};
    struct git_url url;
    int rc = check(c, &url, err);

    if (rc < 0)
        return rc;
    struct gitsrc *src = hl_calloc(1, sizeof(*src));
    src->limits = with_defaults(&c->limits);
    buf_add_u32(&config, GITMSG_READER);
    gitmsg_add(&config, c->dir);
    gitmsg_add(&config, c->url);
    gitmsg_add(&config, c->branch);
    gitproc_add_auth(&config, &c->auth);
    buf_add_u64(&config, src->limits.max_fetch_bytes);
    src->process =
        gitproc_new(c->program, c->dir, url.kind == GIT_URL_PATH ? str_from(url.path) : STR_NONE,
                    buf_str(&config));
    *out = src;
    return 0;
}

void gitsrc_free(struct gitsrc *src)
{
    if (!src)
        return;
    gitproc_free(src->process);
    free(src);
}

static bool copy_text(struct str text, char *out, size_t size)
{
    if (text.len >= size)
        return false;
    snprintf(out, size, STR_FMT, STR_ARG(text));
    return true;
}

/* The answer to FETCH; false if it is not one that an honest child sends. */
static bool read_commit(struct str answer, struct arena *a, struct gitsrc_commit *out,
                        uint32_t *outcome)
{
    struct gitmsg_reader r = {.rest = answer};
    char ref[GIT_REF_MAX];

    *outcome = gitmsg_u32(&r);
    if (*outcome == GITSRC_EMPTY)
        return gitmsg_end(&r);
    struct str oid = gitmsg_str(&r);
    struct str branch = gitmsg_str(&r);
    struct str author = gitmsg_str(&r);
    struct str subject = gitmsg_str(&r);
    out->time_wall_ms = (int64_t)gitmsg_u64(&r);
    out->depth = gitmsg_u32(&r);
    out->is_rewound = gitmsg_u32(&r) != 0;
    if (!gitmsg_end(&r) || *outcome > GITSRC_EMPTY || !git_oid_text_ok(oid) ||
        git_branch_ref(branch, ref, NULL) < 0)
        return false;
    out->author = git_clean_text(a, author, 200);
    out->subject = git_clean_text(a, subject, 200);
    return copy_text(oid, out->oid, sizeof(out->oid)) &&
           copy_text(branch, out->branch, sizeof(out->branch));
}

int gitsrc_fetch(struct gitsrc *src, struct str known, struct arena *a, struct gitsrc_commit *out,
                 struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf request = {0};
    struct gitsrc_commit commit = {0};
    struct str answer;
    uint32_t outcome;

    if (known.len > 0 && !git_oid_text_ok(known))
        return err_set(err, HL_EINVAL, "git fetch: '" STR_FMT "' is not a commit id",
                       STR_ARG(known));
    gitmsg_add(&request, known);
    int rc = gitproc_call(src->process, GITMSG_FETCH, buf_str(&request),
                          src->limits.fetch_timeout_ms, NULL, NULL, &answer, err);
    if (rc < 0)
        return rc;
    if (!read_commit(answer, a, &commit, &outcome))
        return gitproc_distrust(src->process, "a malformed commit", err);
    if ((outcome == GITSRC_UNCHANGED) != str_eq(known, str_from(commit.oid)) && outcome != 2)
        return gitproc_distrust(src->process, "a commit that contradicts its outcome", err);
    *out = commit;
    return (int)outcome;
}

static int read_file(void *context, struct str path, struct arena *a, struct str *out,
                     struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf request = {0};
    struct gitsrc_tree *tree = context;
    struct gitsrc *src = tree->src;
    struct str answer;

    int rc = git_path_check(path, false, err);
    if (rc < 0)
        return rc;
    gitmsg_add(&request, str_from(tree->oid));
    gitmsg_add(&request, path);
    buf_add_u64(&request, src->limits.max_file_bytes);
    rc = gitproc_call(src->process, GITMSG_READ, buf_str(&request), src->limits.read_timeout_ms,
                      NULL, NULL, &answer, err);
    if (rc < 0)
        return rc;
    struct gitmsg_reader r = {.rest = answer};
    uint32_t outcome = gitmsg_u32(&r);
    struct str bytes = gitmsg_str(&r);
    if (!gitmsg_end(&r) || outcome > SOURCE_ABSENT || bytes.len > src->limits.max_file_bytes)
        return gitproc_distrust(src->process, "a malformed file", err);
    if (outcome == SOURCE_FOUND)
        *out = arena_dup(a, bytes);
    return (int)outcome;
}

static bool name_ok(struct str name)
{
    return name.len > 0 && name.len <= REPO_PATH_PART_MAX && !str_has_byte(name, '/') &&
           !str_has_byte(name, '\0') && !str_eq(name, STR(".")) && !str_eq(name, STR(".."));
}

static bool read_entries(struct gitmsg_reader *r, uint32_t count, struct arena *a,
                         struct source_entry *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = gitmsg_u32(r);
        uint64_t size_bytes = gitmsg_u64(r);
        struct str name = gitmsg_str(r);

        if (r->is_bad || kind > SOURCE_SUBMODULE || !name_ok(name))
            return false;
        if (i > 0 && str_cmp(out[i - 1].name, name) >= 0)
            return false;
        out[i] = (struct source_entry){arena_dup(a, name), (enum source_kind)kind, size_bytes};
    }
    return gitmsg_end(r);
}

static int list_folder(void *context, struct str path, struct arena *a, struct source_entry **out,
                       size_t *out_count, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf request = {0};
    struct gitsrc_tree *tree = context;
    struct gitsrc *src = tree->src;
    struct str answer;

    int rc = git_path_check(path, true, err);
    if (rc < 0)
        return rc;
    gitmsg_add(&request, str_from(tree->oid));
    gitmsg_add(&request, path);
    buf_add_u64(&request, src->limits.max_entries);
    rc = gitproc_call(src->process, GITMSG_LIST, buf_str(&request), src->limits.read_timeout_ms,
                      NULL, NULL, &answer, err);
    if (rc < 0)
        return rc;
    struct gitmsg_reader r = {.rest = answer};
    uint32_t outcome = gitmsg_u32(&r);
    uint32_t count = gitmsg_u32(&r);
    if (r.is_bad || outcome > SOURCE_ABSENT || count > src->limits.max_entries)
        return gitproc_distrust(src->process, "a malformed listing", err);
    struct source_entry *entry = arena_array(a, struct source_entry, (size_t)count + 1);
    if (!read_entries(&r, count, a, entry))
        return gitproc_distrust(src->process, "a malformed listing", err);
    if (outcome == SOURCE_FOUND) {
        *out = entry;
        *out_count = count;
    }
    return (int)outcome;
}

static int refuse_read(void *context, struct str path, struct arena *a, struct str *out,
                       struct err *err)
{
    (void)context, (void)path, (void)a, (void)out;
    return err_set(err, HL_EINVAL, "reading a repository at something that is not a commit id");
}

static int refuse_list(void *context, struct str path, struct arena *a, struct source_entry **out,
                       size_t *out_count, struct err *err)
{
    (void)out, (void)out_count;
    return refuse_read(context, path, a, NULL, err);
}

struct source gitsrc_source(struct gitsrc_tree *tree, struct gitsrc *src, struct str oid)
{
    *tree = (struct gitsrc_tree){.src = src};
    if (!git_oid_text_ok(oid))
        return (struct source){tree, refuse_read, refuse_list};
    memcpy(tree->oid, oid.ptr, oid.len);
    return (struct source){tree, read_file, list_folder};
}

void gitsrc_idle(struct gitsrc *src)
{
    gitproc_idle(src->process);
}

struct str gitsrc_sandbox(const struct gitsrc *src)
{
    return gitproc_sandbox(src->process);
}

int64_t gitsrc_pid(const struct gitsrc *src)
{
    return gitproc_pid(src->process);
}
