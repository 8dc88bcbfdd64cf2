/*
 * The source actor looks at Git (every poll, or at once when told to), compiles a new commit, and
 * hands the plan to the fleet actor. Every coordinator does it; only the leader's plan is proposed
 * (docs/decisions/0002). Git runs in a child that is let go between looks.
 */
#include <stdio.h>
#include <string.h>

#include "coordinator/actors.h"
#include "edge/actor/log.h"
#include "edge/keys/keys.h"

enum { REFRESH_GAP_MS = 1000 };

struct source_loop {
    struct source_context *c;
    char known[GIT_OID_TEXT_MAX]; /* compiled and handed on */
    char head[GIT_OID_TEXT_MAX];  /* in force, as the fleet actor says */
    struct digest clusters;       /* of the registry file it was compiled with */
    bool is_incomplete;           /* a chart could not be had: compile again */
    int64_t looked_ms;
    bool is_wanted;
};

static struct str read_clusters(struct source_loop *s, struct arena *a)
{
    struct str text = STR_NONE;
    struct err err;

    if (s->c->config->clusters_path.len > 0 &&
        file_read(s->c->config->clusters_path, a, &text, &err) < 0)
        log_warn("the cluster registry cannot be read", "error=\"%s\"", err.text);
    return text;
}

static void post_state(struct source_loop *s, struct str commit, struct str error)
{
    struct msg *m = msg_new(MSG_SOURCE, true);
    struct source_state *state = arena_one(m->arena, struct source_state);

    state->commit = arena_dup(m->arena, commit);
    state->error = arena_dup(m->arena, error);
    m->body = state;
    mailbox_post_or_drop(s->c->boxes->fleet, m);
}

static int compile(struct source_loop *s, const struct gitsrc_commit *commit, struct str clusters,
                   struct err *err)
{
    struct msg *m = msg_new(MSG_PLAN, true);
    struct plan *plan = arena_one(m->arena, struct plan);
    struct gitsrc_tree tree;
    struct source source = gitsrc_source(&tree, s->c->git, str_from(commit->oid));
    HL_CLEANUP(arena_freep) struct arena *archives = arena_new();
    struct chart_source charts = charts_begin(s->c->charts, archives);
    struct desired_input input = {
        .commit = str_from(commit->oid),
        .repo_url = s->c->config->git.url,
        .revision = str_from(commit->branch),
        .clusters_text = clusters,
        .clusters_file = s->c->config->clusters_path,
        .charts = &charts,
    };
    int64_t start_ms = clock_now_ms();

    int r = desired_compile(&source, &input, m->arena, &plan->desired, err);
    if (r < 0) {
        msg_free(m);
        return r;
    }
    plan->subject = arena_dup(m->arena, commit->subject);
    plan->author = arena_dup(m->arena, commit->author);
    plan->time_ms = commit->time_wall_ms;
    plan->is_rewound = commit->is_rewound;
    plan->archive = charts_archives(s->c->charts, &plan->archive_count);
    plan->archives = archives;
    plan->republished = arena_dup(m->arena, charts_alarm(s->c->charts));
    s->is_incomplete = plan->desired.is_incomplete;
    m->body = plan;
    log_info("compiled", "commit=%.12s apps=%zu errors=%zu notes=%zu took_ms=%lld", commit->oid,
             plan->desired.app_count, plan->desired.error_count, plan->desired.note_count,
             (long long)(clock_now_ms() - start_ms));
    if (!mailbox_post_or_drop(s->c->boxes->fleet, m))
        return err_set(err, HL_ETEMP, "too busy to take the plan");
    archives = NULL; /* the plan's now */
    return 0;
}

static int look(struct source_loop *s, struct arena *a, struct gitsrc_commit *commit,
                struct err *err)
{
    struct str known = s->known[0] ? str_from(s->known) : str_from(s->head);
    struct str clusters = read_clusters(s, a);
    struct digest digest = sha256_of(clusters);

    int r = gitsrc_fetch(s->c->git, known, a, commit, err);
    if (r < 0 || r == GITSRC_EMPTY)
        return r;
    bool is_compiled = s->known[0] != '\0' && r == GITSRC_UNCHANGED && !s->is_incomplete &&
                       digest_eq(&digest, &s->clusters);
    if (is_compiled)
        return r;
    r = compile(s, commit, clusters, err);
    if (r < 0)
        return r;
    memcpy(s->known, commit->oid, sizeof(s->known));
    s->clusters = digest;
    return 0;
}

static void look_and_tell(struct source_loop *s, struct arena *a)
{
    char line[ERR_LINE_MAX];
    struct gitsrc_commit commit = {0};
    struct err err;

    s->looked_ms = clock_now_ms();
    s->is_wanted = false;
    int r = look(s, a, &commit, &err);
    if (r < 0) {
        log_warn("Git could not be read", "url=" STR_FMT " error=\"%s\"",
                 STR_ARG(s->c->config->git.url), err_line(&err, line));
        post_state(s, STR_NONE, str_from(err_line(&err, line)));
    } else if (r == GITSRC_EMPTY) {
        post_state(s, STR_NONE, STR("the repository has no commit yet"));
    } else {
        post_state(s, str_from(commit.oid), STR_NONE);
    }
    gitsrc_idle(s->c->git);
}

static void note_head(struct source_loop *s, const struct source_head *head)
{
    snprintf(s->head, sizeof(s->head), STR_FMT, STR_ARG(head->commit));
    if (charts_adopt(s->c->charts, head->charts)) {
        log_warn("a version of a chart was published again: what is in force stays", "commit=%s",
                 s->head);
        s->known[0] = '\0';
        s->is_wanted = true;
    }
}

void *source_run(void *context)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct source_loop s = {.c = context, .is_wanted = true};

    s.looked_ms = clock_now_ms() - REFRESH_GAP_MS;
    for (;;) {
        int64_t due_ms = s.looked_ms + (s.is_wanted ? REFRESH_GAP_MS : s.c->config->git.poll_ms);
        int64_t left_ms = due_ms - clock_now_ms();
        HL_CLEANUP(msg_freep)
        struct msg *m = mailbox_wait(s.c->boxes->source, left_ms > 0 ? left_ms : 0);

        if (m && m->kind == MSG_STOP)
            return NULL;
        if (m && m->kind == MSG_HEAD)
            note_head(&s, m->body);
        if (m && m->kind == MSG_REFRESH)
            s.is_wanted = true;
        /* Hints are worth one look a second, however many come. */
        int64_t gap_ms = clock_now_ms() - s.looked_ms;
        if (gap_ms >= s.c->config->git.poll_ms || (s.is_wanted && gap_ms >= REFRESH_GAP_MS))
            look_and_tell(&s, scratch);
        arena_reset(scratch);
    }
}
