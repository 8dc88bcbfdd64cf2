/*
 * app sync: ask, and with --watch wait until it is done.
 *
 * The request is a Raft command; it goes on without us. Watching reads app.get (one name) or apps
 * (several), prints one line whenever what is known about an application changes, and ends when
 * every one is Synced at what Git asks for now: a newer commit supersedes the one that was asked
 * for (decision D5), so it is followed, not fought.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum { POLL_MS = 300 };

struct watched {
    struct str name;
    struct str shown;   /* the line as last printed, without its time */
    struct str desired; /* commit */
    bool is_done;
    bool is_blocked;
    bool is_waiting; /* for a feature */
    struct str reason;
};

struct watch {
    struct hlctl *h;
    struct arena *life; /* what is kept from one look to the next */
    struct watched *app;
    size_t count;
    uint64_t revision; /* of the request: older knowledge proves nothing */
};

static void nap(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};

    nanosleep(&ts, NULL); /* woken early is fine */
}

/* One request for --all, else one a name; the answers' names come together in *names. */
static int request(struct hlctl *h, struct answer *answer, struct value *names, struct trouble *t)
{
    size_t count = invocation_arg_count(h->in);
    bool is_all = flag_is_set(h->in, "all");

    if ((count == 0) != is_all) {
        trouble_set(t, "HL-USE-03",
                    is_all ? "hlctl app sync takes names or --all, not both"
                           : "hlctl app sync needs names, or --all");
        return trouble_next(t, "hlctl apps shows the names");
    }
    for (size_t i = 0; i < (is_all ? 1 : count); i++) {
        struct value *body = value_map(h->arena);
        if (is_all)
            value_map_set_bool(h->arena, body, "all", true);
        else
            value_map_set_str(h->arena, body, "name", invocation_arg(h->in, i));
        int rc = client_call(h, CALL_CHANGE, "sync", body, answer, t);
        if (rc != 0)
            return rc;
        struct value *some = items_of(h, answer, "names");
        for (size_t k = 0; k < some->list.count; k++)
            value_list_add(h->arena, names, some->list.item[k]);
        if (some->list.count == 0 && !is_all)
            value_list_add(h->arena, names, value_string(h->arena, invocation_arg(h->in, i)));
    }
    return 0;
}

static struct str line_of(struct arena *a, const struct value *app)
{
    struct str sync = value_get_str(app, "sync");
    struct str health = value_get_str(app, "health");
    struct str operation = app_operation(app);
    struct str reason = value_get_str(app, "reason");

    return arena_printf(
        a,
        "app/" STR_FMT " " STR_FMT " " STR_FMT "%s" STR_FMT " desired " STR_FMT " applied " STR_FMT
        "%s" STR_FMT,
        STR_ARG(value_get_str(app, "name")), STR_ARG(sync.len > 0 ? sync : STR("Unknown")),
        STR_ARG(health.len > 0 ? health : STR("Unknown")), operation.len > 0 ? " " : "",
        STR_ARG(operation), STR_ARG(str_sub(value_get_str(app, "desired"), 0, 7)),
        STR_ARG(str_sub(value_get_str(app, "applied"), 0, 7)), reason.len > 0 ? ": " : "",
        STR_ARG(reason));
}

static void print_line(struct hlctl *h, struct str text)
{
    char stamp[TIME_RFC3339_MAX];

    buf_printf(&h->out, "%s " STR_FMT "\n", time_rfc3339(now_wall_ms(), stamp),
               STR_ARG(safe_text(h->arena, text)));
}

static void tell(struct watch *w, struct watched *at, struct value *app)
{
    struct hlctl *h = w->h;
    struct str line = line_of(h->arena, app);
    struct str desired = value_get_str(app, "desired");

    if (str_eq(line, at->shown))
        return;
    bool is_superseded = at->desired.len > 0 && !str_eq(desired, at->desired);
    at->shown = arena_dup(w->life, line);
    at->desired = arena_dup(w->life, desired);
    at->reason = arena_dup(w->life, value_get_str(app, "reason"));
    if (hlctl_is_document(h)) {
        output_stream(h, app);
        return;
    }
    if (is_superseded)
        print_line(h, arena_printf(h->arena, "app/" STR_FMT " superseded by " STR_FMT,
                                   STR_ARG(at->name), STR_ARG(str_sub(desired, 0, 7))));
    print_line(h, line);
}

/* Takes the new facts about one application. */
static void see(struct watch *w, struct watched *at, struct value *app)
{
    at->is_done = app_is_synced(app);
    at->is_waiting = app_is_waiting(app);
    at->is_blocked = app_is_blocked(app) || at->is_waiting;
    tell(w, at, app);
}

static struct value *find_app(const struct value *items, struct str name)
{
    for (size_t i = 0; i < items->list.count; i++)
        if (str_eq(value_get_str(items->list.item[i], "name"), name))
            return items->list.item[i];
    return NULL;
}

/* Reads all watched applications once. */
static int look(struct watch *w, struct trouble *t)
{
    struct hlctl *h = w->h;
    struct answer answer;
    int rc;

    if (w->count == 1) {
        struct value *body = value_map(h->arena);
        value_map_set_str(h->arena, body, "name", w->app[0].name);
        rc = client_call(h, CALL_READ, "app.get", body, &answer, t);
        if (rc == 0 && answer.revision >= w->revision)
            see(w, &w->app[0], answer.body);
        return rc;
    }
    rc = client_call(h, CALL_READ, "apps", NULL, &answer, t);
    if (rc != 0 || answer.revision < w->revision)
        return rc;
    struct value *items = items_of(h, &answer, "items");
    for (size_t i = 0; i < w->count; i++) {
        struct value *app = find_app(items, w->app[i].name);
        if (app)
            see(w, &w->app[i], app);
        else
            w->app[i].is_done = true; /* Git does not ask for it any more */
    }
    return 0;
}

static int give_up(const struct watch *w, struct trouble *t)
{
    size_t open = 0;
    const struct watched *first = NULL;

    for (size_t i = 0; i < w->count; i++) {
        if (!w->app[i].is_done && !first)
            first = &w->app[i];
        open += !w->app[i].is_done;
    }
    trouble_set(t, "HL-SYNC-01", "%zu of %zu applications not Synced within %lld s", open, w->count,
                (long long)(w->h->timeout_ms / 1000));
    if (first)
        trouble_why(t, STR_FMT, STR_ARG(first->shown));
    return trouble_next(t, "hlctl app get " STR_FMT "; the mesh goes on with it",
                        STR_ARG(first ? first->name : STR("NAME")));
}

static int blocked(const struct watched *at, struct trouble *t)
{
    trouble_set(t, at->is_waiting ? "HL-SYNC-03" : "HL-SYNC-02",
                at->is_waiting ? "application " STR_FMT " cannot be applied yet"
                               : "application " STR_FMT " is blocked",
                STR_ARG(at->name));
    trouble_why(t, STR_FMT, STR_ARG(at->reason));
    return trouble_next(t, "hlctl app get " STR_FMT, STR_ARG(at->name));
}

/* Each look has the arena `round`; what must stay is copied to w->life. */
static int watch_all(struct watch *w, struct arena *round, struct trouble *t)
{
    client_restart_clock(w->h);
    w->h->arena = round;
    for (;;) {
        const struct watched *stuck = NULL;
        size_t open = 0;
        arena_reset(round);
        int rc = look(w, t);
        if (rc != 0 && client_left_ms(w->h) == 0)
            return give_up(w, t);
        if (rc == EXIT_UNREACHABLE) /* an election: the operation goes on, so do we */
            nap(POLL_MS);
        else if (rc != 0)
            return rc;
        for (size_t i = 0; i < w->count; i++) {
            open += !w->app[i].is_done && !w->app[i].is_blocked;
            stuck = w->app[i].is_blocked && !stuck ? &w->app[i] : stuck;
        }
        if (!hlctl_flush(w->h))
            return trouble_set(t, "HL-FILE-02", "cannot write to stdout: %s", strerror(errno));
        if (open == 0)
            return stuck ? blocked(stuck, t) : EXIT_DONE;
        if (client_left_ms(w->h) == 0)
            return give_up(w, t);
        nap(POLL_MS);
    }
}

int app_sync_run(struct hlctl *h, struct trouble *t)
{
    struct value *names = value_list(h->arena);
    struct answer answer;
    int rc = request(h, &answer, names, t);

    if (rc != 0)
        return rc;
    struct str operation = value_get_str(answer.body, "operation");
    if (flag_is_set(h->in, "watch")) {
        HL_CLEANUP(arena_freep) struct arena *round = arena_new();
        struct watch w = {
            .h = h, .life = h->arena, .count = names->list.count, .revision = answer.revision};
        w.app = arena_array(h->arena, struct watched, w.count);
        for (size_t i = 0; i < w.count; i++)
            w.app[i].name = value_str(names->list.item[i]);
        rc = watch_all(&w, round, t);
        h->arena = w.life;
        return rc;
    }
    if (hlctl_is_document(h)) {
        struct value *facts = value_map(h->arena);
        value_map_set_str(h->arena, facts, "operation", operation);
        value_map_set(h->arena, facts, STR("names"), names);
        output_document(h, &answer, "Sync", facts);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < names->list.count; i++)
        buf_printf(&h->out, "app/" STR_FMT "%s\n",
                   STR_ARG(safe_text(h->arena, value_str(names->list.item[i]))),
                   h->format == FORMAT_NAME ? "" : " requested");
    hlctl_remark(h,
                 "operation " STR_FMT " goes on by itself; to follow it: hlctl app sync --watch, "
                 "hlctl events -w",
                 STR_ARG(operation.len > 0 ? operation : STR("sync")));
    return EXIT_DONE;
}
