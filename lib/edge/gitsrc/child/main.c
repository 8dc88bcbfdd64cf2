/*
 * hl-git: start, confine, serve. Started only by edge/gitsrc/process.c; argv[1] is the process id
 * of the parent.
 */
#include "edge/gitsrc/child/child.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_ORPHANED = 3, EXIT_MISUSED = 2 };

static int reply(struct child *c, uint32_t kind, struct str payload)
{
    return gitmsg_send(GITMSG_FD, c->sequence, kind, payload, -1, NULL);
}

static int reply_error(struct child *c, const struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf payload = {0};

    buf_add_u32(&payload, (uint32_t)(-err->code));
    gitmsg_add(&payload, str_from(err->text));
    return reply(c, GITMSG_ERROR, buf_str(&payload));
}

bool child_ask(struct child *c)
{
    HL_CLEANUP(buf_deinit) struct buf room = {0};
    struct gitmsg m;

    if (reply(c, GITMSG_ASK, STR_NONE) < 0 || gitmsg_receive(GITMSG_FD, -1, &room, &m, NULL) < 0)
        return false;
    return m.kind == GITMSG_ANSWER && m.sequence == c->sequence && m.payload.len == 1 &&
           m.payload.ptr[0] == 1;
}

static struct str keep(struct child *c, struct gitmsg_reader *r)
{
    return arena_dup(c->config, gitmsg_str(r));
}

static int read_config(struct child *c, struct str payload, struct err *err)
{
    struct gitmsg_reader r = {.rest = payload};

    c->mode = gitmsg_u32(&r);
    c->dir = arena_cstr(c->config, gitmsg_str(&r));
    c->url_text = arena_cstr(c->config, gitmsg_str(&r));
    struct str branch = gitmsg_str(&r);
    c->auth.ssh_key_file = keep(c, &r);
    c->auth.ssh_known_hosts_file = keep(c, &r);
    c->auth.http_user = keep(c, &r);
    c->auth.http_token_file = keep(c, &r);
    c->auth.ca_file = keep(c, &r);
    if (c->mode == GITMSG_READER) {
        c->max_fetch_bytes = gitmsg_u64(&r);
    } else {
        c->max_fetch_bytes = UINT64_MAX;
        c->agent = keep(c, &r);
        c->author_name = arena_cstr(c->config, gitmsg_str(&r));
        c->author_email = arena_cstr(c->config, gitmsg_str(&r));
        c->timeout_ms = (int64_t)gitmsg_u64(&r);
    }
    if (!gitmsg_end(&r) || c->mode < GITMSG_READER || c->mode > GITMSG_WRITER)
        return err_set(err, HL_EINVAL, "hl-git: malformed configuration; is it another version?");
    int rc = git_url_parse(str_from(c->url_text), &c->url, err);
    return rc == 0 && branch.len > 0 ? git_branch_ref(branch, c->branch, err) : rc;
}

/* Nothing outside our folder configures us: no system, user or program files, no ownership
 * exceptions; every object is checked against its name. */
static int start_library(const struct child *c, struct err *err)
{
    static const int level[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_PROGRAMDATA};
    int rc = git_libgit2_init();

    for (size_t i = 0; rc >= 0 && i < HL_COUNT(level); i++)
        rc = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level[i], "");
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1);
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)16 * 1024 * 1024);
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)32 * 1024 * 1024);
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)256 * 1024 * 1024);
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, (size_t)64);
    if (rc >= 0)
        rc = git_libgit2_opts(GIT_OPT_SET_USER_AGENT, "hlmesh");
    if (rc >= 0)
        rc = stream_pin(&c->url);
    return rc < 0 ? repository_error(rc, err, "starting libgit2") : 0;
}

static int start(struct child *c, struct str payload, char *sandbox, size_t size, struct err *err)
{
    int rc = read_config(c, payload, err);

    if (rc == 0)
        rc = start_library(c, err);
    if (rc == 0)
        rc = repository_open(c, err);
    if (rc == 0)
        sandbox_enter(c, sandbox, size);
    return rc;
}

static int serve(struct child *c, const struct gitmsg *m, struct buf *answer, struct err *err)
{
    struct gitmsg_reader r = {.rest = m->payload};

    if (c->mode == GITMSG_READER && m->kind == GITMSG_FETCH)
        return serve_fetch(c, &r, answer, err);
    if (c->mode == GITMSG_READER && m->kind == GITMSG_READ)
        return serve_read(c, &r, answer, err);
    if (c->mode == GITMSG_READER && m->kind == GITMSG_LIST)
        return serve_list(c, &r, answer, err);
    if (c->mode == GITMSG_WRITER && m->kind == GITMSG_APPLY)
        return serve_apply(c, &r, answer, err);
    if (c->mode == GITMSG_WRITER && m->kind == GITMSG_READ_HEAD)
        return serve_read_head(c, &r, answer, err);
    if (c->mode == GITMSG_WRITER && m->kind == GITMSG_WALK)
        return serve_walk(c, &r, answer, err);
    return err_set(err, HL_EUNSUPPORTED, "hl-git: no such request");
}

static void loop(struct child *c)
{
    HL_CLEANUP(buf_deinit) struct buf room = {0};
    struct gitmsg m;

    while (gitmsg_receive(GITMSG_FD, -1, &room, &m, NULL) == 0) {
        HL_CLEANUP(buf_deinit) struct buf answer = {0};
        struct err err = {0};

        c->sequence = m.sequence;
        git_error_clear();
        int rc = serve(c, &m, &answer, &err);
        if (rc == 0 && answer.len > GITMSG_MAX_BYTES)
            rc = err_set(&err, HL_ELIMIT, "answer of %zu bytes", answer.len);
        rc = rc < 0 ? reply_error(c, &err) : reply(c, GITMSG_DONE, buf_str(&answer));
        if (rc < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    HL_CLEANUP(buf_deinit) struct buf room = {0};
    struct child c = {.config = arena_new(), .epochs = map_new(0)};
    char sandbox[128] = "";
    struct gitmsg m;
    struct err err = {0};

    if (argc != 2)
        return EXIT_MISUSED;
    sandbox_early(strtol(argv[1], NULL, 10));
    if (gitmsg_receive(GITMSG_FD, 10000 + gitmsg_now_ms(), &room, &m, NULL) < 0 ||
        m.kind != GITMSG_CONFIG)
        return EXIT_MISUSED;
    c.sequence = m.sequence;
    rng_seed(&c.rng, (uint64_t)getpid() << 32 ^ (uint64_t)gitmsg_now_ms());
    if (start(&c, m.payload, sandbox, sizeof(sandbox), &err) < 0) {
        (void)reply_error(&c, &err); /* the parent may be gone; we leave either way */
    } else if (reply(&c, GITMSG_READY, str_from(sandbox)) == 0) {
        buf_deinit(&room);
        room = (struct buf){0};
        loop(&c);
    }
    git_repository_free(c.repo);
    git_libgit2_shutdown();
    for (size_t i = 0; i < map_count(c.epochs); i++)
        free(map_value_at(c.epochs, i));
    map_free(c.epochs);
    arena_free(c.config);
    return 0;
}
