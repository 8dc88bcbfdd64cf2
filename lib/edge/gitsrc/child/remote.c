/*
 * The other side: a Git server, or a repository at a path (whose objects copy.c brings over).
 */
#include "edge/gitsrc/child/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void far_tracking(const char *ref, char out[GIT_REF_MAX + 16])
{
    snprintf(out, GIT_REF_MAX + 16, "refs/hlmesh/%s", ref + strlen("refs/heads/"));
}

/* ---- failures of the network ---- */

static int http_error(const char *url, long status, struct err *err)
{
    if (status == 401 || status == 403)
        return err_set(err, HL_EDENIED, "%s: the server answered %ld: no access", url, status);
    if (status == 404 || status == 410)
        return err_set(err, HL_EABSENT, "%s: no such repository (%ld)", url, status);
    if (status == 429 || status >= 500)
        return err_set(err, HL_ETEMP, "%s: the server answered %ld", url, status);
    return err_set(err, HL_EIO, "%s: the server answered %ld", url, status);
}

static int far_error(struct far *f, int rc, const char *what, struct err *err)
{
    static const char status[] = "unexpected http status code: ";
    const git_error *e = git_error_last();
    const char *text = e && e->message ? e->message : "no reason given";
    const char *url = f->child->url_text;
    const char *at = strstr(text, status);

    if (f->why.code < 0) {
        *err = f->why;
        return err->code;
    }
    if (at)
        return http_error(url, strtol(at + strlen(status), NULL, 10), err);
    if (strstr(text, "unexpected redirect") || strstr(text, "cannot redirect") ||
        strstr(text, "malformed URL")) /* ours was checked */
        return err_set(
            err, HL_EINVAL,
            "%s: the server redirects elsewhere, which is not followed: configure the final url",
            url);
    if (e && e->klass == GIT_ERROR_SSL)
        return err_set(err, HL_EDENIED, "%s: TLS failed: %s", url, text);
    if (rc == GIT_EAUTH)
        return err_set(err, HL_EDENIED, "%s: %s", url, text);
    if (strcasestr(text, "not found") || strcasestr(text, "does not exist"))
        return err_set(err, HL_EABSENT, "%s: %s", url, text);
    if (e && (e->klass == GIT_ERROR_NET || e->klass == GIT_ERROR_OS))
        return err_set(err, HL_ETEMP, "%s: %s: %s", url, what, text);
    if (e && e->klass == GIT_ERROR_SSH)
        return err_set(err, HL_ETEMP, "%s: ssh: %s", url, text);
    return repository_error(rc, err, "%s: %s", url, what);
}

/* ---- callbacks ---- */

int far_limit(struct far *f, uint64_t received_bytes)
{
    if (received_bytes <= f->child->max_fetch_bytes)
        return 0;
    err_set(&f->why, HL_ELIMIT,
            "%s: more than %llu bytes to fetch; raise the limit or use a smaller repository",
            f->child->url_text, (unsigned long long)f->child->max_fetch_bytes);
    git_error_set_str(GIT_ERROR_CALLBACK, f->why.text);
    return GIT_EUSER;
}

static int on_progress(const git_indexer_progress *p, void *payload)
{
    return far_limit(payload, p->received_bytes);
}

static int on_negotiation(const git_push_update **updates, size_t count, void *payload)
{
    struct far *f = payload;

    if (count == 1 && git_oid_equal(&updates[0]->src, f->base))
        return 0;
    f->is_raced = true;
    git_error_set_str(GIT_ERROR_CALLBACK, "the branch moved");
    return GIT_EUSER;
}

static int on_update(const char *ref, const char *status, void *payload)
{
    struct far *f = payload;

    (void)ref;
    if (!status)
        return 0;
    f->is_raced = true;
    snprintf(f->rejection, sizeof(f->rejection), "%s", status);
    return 0;
}

static void set_callbacks(struct far *f, git_remote_callbacks *cb)
{
    cb->credentials = auth_credentials;
    cb->certificate_check = auth_certificate;
    cb->transfer_progress = on_progress;
    cb->push_negotiation = on_negotiation;
    cb->push_update_reference = on_update;
    cb->payload = f;
}

/* ---- opening ---- */

static int open_network(struct far *f, git_direction direction, struct err *err)
{
    git_remote_connect_options opts;
    git_remote_create_options create;
    struct child *c = f->child;

    int rc = auth_prepare(c, err);
    if (rc < 0)
        return rc;
    if (git_remote_connect_options_init(&opts, GIT_REMOTE_CONNECT_OPTIONS_VERSION) < 0 ||
        git_remote_create_options_init(&create, GIT_REMOTE_CREATE_OPTIONS_VERSION) < 0)
        return repository_error(-1, err, "libgit2");
    set_callbacks(f, &opts.callbacks);
    opts.proxy_opts.type = GIT_PROXY_NONE;
    opts.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    /* No url.*.insteadOf: it could send us elsewhere (and its lookup leaks, 20 kB each time). */
    create.repository = c->repo;
    create.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF;
    rc = git_remote_create_with_opts(&f->remote, c->url_text, &create);
    if (rc == 0)
        rc = git_remote_connect_ext(f->remote, direction, &opts);
    return rc < 0 ? far_error(f, rc, "cannot connect", err) : 0;
}

static int open_path(struct far *f, struct err *err)
{
    struct child *c = f->child;
    int rc = git_repository_open(&f->near, c->url.path);

    if (rc == GIT_ENOTFOUND)
        return err_set(err, HL_EABSENT, "there is no Git repository at %s", c->url.path);
    if (rc < 0)
        return repository_error(rc, err, "opening %s", c->url.path);
    repository_tune(c, f->near);
    return 0;
}

int far_open(struct child *c, git_direction direction, struct far *f, struct err *err)
{
    *f = (struct far){.child = c};
    int rc = c->url.kind == GIT_URL_PATH ? open_path(f, err) : open_network(f, direction, err);
    if (rc < 0)
        far_close(f);
    return rc;
}

void far_close(struct far *f)
{
    if (f->remote)
        git_remote_disconnect(f->remote);
    git_remote_free(f->remote);
    git_repository_free(f->near);
    f->remote = NULL;
    f->near = NULL;
}

/* ---- the branch ---- */

enum { NAMED_BRANCHES = 5 };

static int no_branch(struct far *f, const char *ref, struct str names, struct err *err)
{
    if (f->child->branch[0] == '\0')
        return err_set(err, HL_EABSENT,
                       "%s: HEAD points to no branch that exists: configure one of: " STR_FMT,
                       f->child->url_text, STR_ARG(names));
    return err_set(err, HL_EABSENT, "%s: no branch '%s'; there are: " STR_FMT, f->child->url_text,
                   ref + strlen("refs/heads/"), STR_ARG(names));
}

static void add_name(struct buf *names, size_t index, const char *ref)
{
    if (index < NAMED_BRANCHES)
        buf_printf(names, "%s%s", index ? ", " : "", ref + strlen("refs/heads/"));
    else if (index == NAMED_BRANCHES)
        buf_add_cstr(names, ", ...");
}

static int find_advertised(struct far *f, bool may_be_absent, char ref[GIT_REF_MAX], git_oid *oid,
                           struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf names = {0};
    const git_remote_head **head;
    size_t head_count, branch_count = 0;

    int rc = git_remote_ls(&head, &head_count, f->remote);
    if (rc < 0)
        return far_error(f, rc, "listing branches", err);
    for (size_t i = 0; ref[0] == '\0' && i < head_count; i++)
        if (strcmp(head[i]->name, "HEAD") == 0 && head[i]->symref_target)
            if (git_branch_ref(str_from(head[i]->symref_target), ref, err) < 0)
                return HL_EINVAL;
    for (size_t i = 0; i < head_count; i++) {
        if (strncmp(head[i]->name, "refs/heads/", 11) != 0)
            continue;
        if (strcmp(head[i]->name, ref) == 0) {
            *oid = head[i]->oid;
            return FAR_FOUND;
        }
        add_name(&names, branch_count++, head[i]->name);
    }
    if (branch_count == 0 || may_be_absent)
        return FAR_EMPTY;
    return no_branch(f, ref, buf_str(&names), err);
}

static int head_of_path(struct far *f, char ref[GIT_REF_MAX], struct err *err)
{
    git_reference *head = NULL;
    int rc = git_reference_lookup(&head, f->near, "HEAD");

    if (rc == 0 && git_reference_type(head) == GIT_REFERENCE_SYMBOLIC)
        rc = git_branch_ref(str_from(git_reference_symbolic_target(head)), ref, err);
    git_reference_free(head);
    return rc < 0 ? repository_error(rc, err, "HEAD of %s", f->child->url.path) : 0;
}

static int find_local(struct far *f, bool may_be_absent, char ref[GIT_REF_MAX], git_oid *oid,
                      struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf names = {0};
    git_reference_iterator *it = NULL;
    const char *name;
    size_t branch_count = 0;

    int rc = ref[0] == '\0' ? head_of_path(f, ref, err) : 0;
    if (rc < 0)
        return rc;
    rc = ref[0] ? git_reference_name_to_id(oid, f->near, ref) : GIT_ENOTFOUND;
    if (rc == 0)
        return FAR_FOUND;
    if (rc != GIT_ENOTFOUND)
        return repository_error(rc, err, "%s in %s", ref, f->child->url.path);
    rc = git_reference_iterator_glob_new(&it, f->near, "refs/heads/*");
    while (rc == 0 && (rc = git_reference_next_name(&name, it)) == 0)
        add_name(&names, branch_count++, name);
    git_reference_iterator_free(it);
    if (rc != GIT_ITEROVER)
        return repository_error(rc, err, "branches of %s", f->child->url.path);
    if (branch_count == 0 || may_be_absent)
        return FAR_EMPTY;
    return no_branch(f, ref, buf_str(&names), err);
}

int far_head(struct far *f, bool may_be_absent, char ref[GIT_REF_MAX], git_oid *oid,
             struct err *err)
{
    snprintf(ref, GIT_REF_MAX, "%s", f->child->branch);
    return f->near ? find_local(f, may_be_absent, ref, oid, err)
                   : find_advertised(f, may_be_absent, ref, oid, err);
}

/* ---- download ---- */

static int download_network(struct far *f, const char *ref, struct err *err)
{
    git_fetch_options opts;
    char tracking[GIT_REF_MAX + 16];
    char spec[2 * GIT_REF_MAX + 32];

    far_tracking(ref, tracking);
    snprintf(spec, sizeof(spec), "+%s:%s", ref, tracking);
    char *one[] = {spec};
    git_strarray specs = {one, 1};
    if (git_fetch_options_init(&opts, GIT_FETCH_OPTIONS_VERSION) < 0)
        return repository_error(-1, err, "libgit2");
    set_callbacks(f, &opts.callbacks);
    opts.proxy_opts.type = GIT_PROXY_NONE;
    opts.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    opts.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    opts.update_fetchhead = 0;
    int rc = git_remote_download(f->remote, &specs, &opts);
    return rc < 0 ? far_error(f, rc, "fetching", err) : 0;
}

int far_download(struct far *f, const char *ref, const git_oid *oid, struct err *err)
{
    git_odb *odb = NULL;
    char tracking[GIT_REF_MAX + 16];
    git_reference *kept = NULL;

    int rc = git_repository_odb(&odb, f->child->repo);
    if (rc < 0)
        return repository_error(rc, err, "the clone %s", f->child->dir);
    bool is_here = git_odb_exists(odb, oid) == 1;
    git_odb_free(odb);
    if (!is_here && f->near) {
        rc = far_copy(f, oid);
        rc = rc < 0 ? far_error(f, rc, "copying objects", err) : 0;
    } else if (!is_here) {
        rc = download_network(f, ref, err);
    }
    if (rc < 0)
        return rc;
    far_tracking(ref, tracking);
    rc = git_reference_create(&kept, f->child->repo, tracking, oid, 1, NULL);
    git_reference_free(kept);
    return rc < 0 ? repository_error(rc, err, "the clone %s", f->child->dir) : 0;
}

/* ---- push ---- */

int far_push(struct far *f, const char *from, const char *ref, const git_oid *base, struct err *err)
{
    git_push_options opts;
    char spec[2 * GIT_REF_MAX + 32];

    snprintf(spec, sizeof(spec), "%s:%s", from, ref);
    char *one[] = {spec};
    git_strarray specs = {one, 1};
    if (git_push_options_init(&opts, GIT_PUSH_OPTIONS_VERSION) < 0)
        return repository_error(-1, err, "libgit2");
    set_callbacks(f, &opts.callbacks);
    opts.proxy_opts.type = GIT_PROXY_NONE;
    opts.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    f->base = base;
    int rc = git_remote_upload(f->remote, &specs, &opts);
    if (f->is_raced || rc == GIT_ENONFASTFORWARD)
        return FAR_RACED;
    return rc < 0 ? far_error(f, rc, "pushing", err) : FAR_PUSHED;
}
