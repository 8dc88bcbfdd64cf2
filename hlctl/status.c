/*
 * One screen: is it fine, and if not, what first.
 *
 * The list of what needs somebody is built first; everything else is counts. Rules: unknown is
 * never fine (D11); what waits for a feature of ours is counted as waiting, not as a fault and not
 * as fine; work under way is progress, not a fault.
 */
#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum { SHOWN_MAX = 12 };

struct need {
    enum tone tone; /* TONE_BAD before TONE_WARN */
    struct str subject;
    struct str what;
    struct str next;
};

struct needs {
    struct arena *arena;
    struct need *need;
    size_t count;
    size_t cap;
};

static void need(struct needs *n, enum tone tone, struct str subject, struct str what,
                 struct str next)
{
    struct need one = {tone, subject, what, next};

    ARENA_PUSH(n->arena, n->need, n->count, n->cap, one);
}

static struct str or_else(struct str text, struct str otherwise)
{
    return text.len > 0 ? text : otherwise;
}

/* ---- what needs somebody ---- */

static void need_git(struct needs *n, const struct value *git)
{
    const struct value *rejected = value_get(git, STR("rejected"));
    const struct value *errors = value_get(rejected, STR("errors"));
    struct str alarm = value_get_str(git, "alarm");
    struct str subject =
        arena_concat(n->arena, STR("git/"), str_sub(value_get_str(rejected, "commit"), 0, 7));

    if (alarm.len > 0)
        need(n, TONE_BAD, STR("git"), alarm, STR("hlctl events"));
    if (!rejected || rejected->kind != VALUE_MAP)
        return;
    size_t count = errors && errors->kind == VALUE_LIST ? errors->list.count : 0;
    if (count == 0)
        need(n, TONE_BAD, subject, STR("rejected; the commit before it stays in force"),
             STR("hlctl status -o json"));
    for (size_t i = 0; i < count; i++) {
        const struct value *e = errors->list.item[i];
        struct str file = value_get_str(e, "file");
        struct str text = value_get_str(e, "text");
        if (file.len > 0)
            text = arena_printf(n->arena, STR_FMT ":%lld:%lld: " STR_FMT, STR_ARG(file),
                                (long long)value_get_int(e, "line", 0),
                                (long long)value_get_int(e, "column", 0), STR_ARG(text));
        need(n, TONE_BAD, subject, arena_concat(n->arena, STR("rejected: "), text),
             i == 0 ? STR("correct the file and push") : STR_NONE);
    }
}

static void need_coordinators(struct needs *n, const struct value *list)
{
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *c = list->list.item[i];
        struct str state = or_else(value_get_str(c, "state"), STR("unknown"));
        if (str_eq(state, STR("leader")) || str_eq(state, STR("follower")))
            continue;
        need(n, str_eq(state, STR("unreachable")) ? TONE_BAD : TONE_WARN,
             arena_concat(n->arena, STR("coordinator/"), value_get_str(c, "name")),
             arena_printf(n->arena, STR_FMT ", last heard of " STR_FMT " ago", STR_ARG(state),
                          STR_ARG(text_age(n->arena, value_get_int(c, "age_ms", -1)))),
             STR("hlctl raft members"));
    }
}

static void need_agents(struct needs *n, const struct value *list)
{
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *g = list->list.item[i];
        struct str state = or_else(value_get_str(g, "state"), STR("Unknown"));
        if (str_eq(state, STR("Ready")) || str_eq(state, STR("Revoked")))
            continue;
        need(n, str_eq(state, STR("Lost")) ? TONE_BAD : TONE_WARN,
             arena_concat(n->arena, STR("agent/"), value_get_str(g, "name")),
             arena_printf(n->arena, STR_FMT ", last heard of " STR_FMT " ago", STR_ARG(state),
                          STR_ARG(text_age(n->arena, value_get_int(g, "age_ms", -1)))),
             STR("hlctl agents"));
    }
}

static void need_app(struct needs *n, const struct value *app)
{
    struct str health = or_else(value_get_str(app, "health"), STR("Unknown"));
    struct str sync = or_else(value_get_str(app, "sync"), STR("Unknown"));
    struct str reason = value_get_str(app, "reason");
    bool is_broken =
        app_is_blocked(app) || str_eq(health, STR("Degraded")) || str_eq(health, STR("Missing"));
    /* Health that nobody can see (a state repository has none) is counted, not a call for help. */
    bool is_fine = app_is_synced(app) && !is_broken && reason.len == 0;

    if (app_is_waiting(app) || is_fine || (!is_broken && app_is_under_way(app)))
        return;
    /* Without a reason, OutOfSync is the moment between a commit and its work. */
    if (!is_broken && reason.len == 0 && !str_eq(sync, STR("Unknown")) &&
        !str_eq(health, STR("Unknown")))
        return;
    struct str word = app_is_blocked(app)  ? value_get_str(app, "operation")
                      : is_broken          ? health
                      : app_is_synced(app) ? health
                                           : sync;
    if (app_is_synced(app) && !is_broken)
        word = arena_concat(n->arena, STR("health "), word);
    need(n, is_broken ? TONE_BAD : TONE_WARN,
         arena_concat(n->arena, STR("app/"), value_get_str(app, "name")),
         arena_printf(n->arena, STR_FMT "%s" STR_FMT, STR_ARG(word), reason.len > 0 ? ": " : "",
                      STR_ARG(reason)),
         arena_concat(n->arena, STR("hlctl app get "), value_get_str(app, "name")));
}

static void need_alarms(struct needs *n, const struct value *list)
{
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *alarm = list->list.item[i];
        need(n, TONE_BAD, arena_concat(n->arena, STR("alarm/"), value_get_str(alarm, "name")),
             value_get_str(alarm, "text"), STR("hlctl events"));
    }
}

static struct needs needs_of(struct hlctl *h, const struct answer *answer)
{
    struct needs n = {.arena = h->arena};
    struct value *apps = items_of(h, answer, "apps");
    struct str mesh_leader = value_get_str(answer->body, "leader");

    if (mesh_leader.len == 0 && answer->leader.len == 0)
        need(&n, TONE_BAD, STR("mesh"), STR("no leader: nothing can change"),
             STR("hlctl raft members --stale"));
    need_alarms(&n, items_of(h, answer, "alarms"));
    need_git(&n, value_get(answer->body, STR("git")));
    need_coordinators(&n, items_of(h, answer, "coordinators"));
    need_agents(&n, items_of(h, answer, "agents"));
    for (size_t i = 0; i < apps->list.count; i++)
        need_app(&n, apps->list.item[i]);
    return n;
}

/* ---- the screen ---- */

static size_t count_state(const struct value *list, const char *key, const char *word)
{
    size_t count = 0;

    for (size_t i = 0; i < list->list.count; i++)
        count += str_eq(value_get_str(list->list.item[i], key), str_from(word));
    return count;
}

static void put(struct hlctl *h, struct str text, enum tone tone)
{
    tone_write(&h->out, safe_text(h->arena, text), tone, h->style.has_color);
}

static void write_head(struct hlctl *h, const struct answer *answer)
{
    struct value *coordinators = items_of(h, answer, "coordinators");
    const struct value *git = value_get(answer->body, STR("git"));
    size_t up = count_state(coordinators, "state", "leader") +
                count_state(coordinators, "state", "follower");
    struct str leader = or_else(value_get_str(answer->body, "leader"), answer->leader);
    struct str commit = value_get_str(git, "commit");

    put(h, STR("Mesh"), TONE_BOLD);
    put(h, arena_printf(h->arena, "  %zu/%zu coordinators", up, coordinators->list.count),
        up == coordinators->list.count ? TONE_GOOD : TONE_BAD);
    if (leader.len > 0)
        put(h,
            arena_printf(h->arena, ", leader " STR_FMT " (term %lld)", STR_ARG(leader),
                         (long long)value_get_int(answer->body, "term", 0)),
            TONE_PLAIN);
    else
        put(h, STR(", no leader"), TONE_BAD);
    buf_add_cstr(&h->out, "   ");
    put(h, STR("Git"), TONE_BOLD);
    if (commit.len == 0) {
        put(h, STR("  nothing read yet"), TONE_WARN);
    } else {
        int64_t age = value_get_int(git, "read_age_ms", -1);
        put(h,
            arena_printf(h->arena, "  " STR_FMT " \"" STR_FMT "\" read " STR_FMT " ago",
                         STR_ARG(str_sub(commit, 0, 7)), STR_ARG(value_get_str(git, "subject")),
                         STR_ARG(text_age(h->arena, age))),
            TONE_PLAIN);
    }
    buf_add_byte(&h->out, '\n');
}

static size_t widest(const struct needs *n)
{
    size_t width = 0;

    for (size_t i = 0; i < n->count && i < SHOWN_MAX; i++) {
        size_t w = safe_width(safe_text(n->arena, n->need[i].subject));
        width = w > width && w < 48 ? w : width;
    }
    return width;
}

static void write_need(struct hlctl *h, const struct need *one, size_t width)
{
    struct str subject = safe_text(h->arena, one->subject);
    size_t used = safe_width(subject);

    buf_add_cstr(&h->out, "  ");
    put(h, one->tone == TONE_BAD ? STR("\u2717") : STR("\u25b2"), one->tone);
    buf_add_byte(&h->out, ' ');
    put(h, subject, TONE_BOLD);
    buf_printf(&h->out, "%*s  ", (int)(used < width ? width - used : 0), "");
    put(h, one->what, TONE_PLAIN);
    if (one->next.len > 0) {
        buf_add_cstr(&h->out, "   \u2192 ");
        put(h, one->next, TONE_PLAIN);
    }
    buf_add_byte(&h->out, '\n');
}

/* The worst first; the rest is a number and where to look. */
static void write_needs(struct hlctl *h, const struct needs *n)
{
    static const enum tone order[] = {TONE_BAD, TONE_WARN};
    size_t width = widest(n);
    size_t shown = 0;

    if (n->count == 0)
        return;
    put(h,
        n->count == 1 ? STR("1 thing needs you")
                      : arena_printf(h->arena, "%zu things need you", n->count),
        TONE_WARN);
    buf_add_cstr(&h->out, "\n\n");
    for (size_t pass = 0; pass < HL_COUNT(order); pass++)
        for (size_t i = 0; i < n->count; i++)
            if (n->need[i].tone == order[pass] && shown < SHOWN_MAX) {
                write_need(h, &n->need[i], width);
                shown++;
            }
    if (shown < n->count)
        buf_printf(&h->out, "  and %zu more: hlctl apps --faults\n", n->count - shown);
    buf_add_byte(&h->out, '\n');
}

static void put_count(struct hlctl *h, bool *is_first, size_t count, const char *word,
                      enum tone tone)
{
    if (count == 0)
        return;
    buf_add_cstr(&h->out, *is_first ? "" : ", ");
    put(h, arena_printf(h->arena, "%zu %s", count, word), tone);
    *is_first = false;
}

static void write_app_counts(struct hlctl *h, const struct value *apps)
{
    size_t waiting = 0;
    size_t blocked = 0;
    size_t running = 0;
    size_t synced = 0;
    size_t unwell = 0;
    bool is_first = true;

    for (size_t i = 0; i < apps->list.count; i++) {
        const struct value *app = apps->list.item[i];
        waiting += app_is_waiting(app);
        if (app_is_waiting(app))
            continue;
        blocked += app_is_blocked(app);
        running += !app_is_blocked(app) && app_is_under_way(app);
        synced += app_is_synced(app) && app_is_healthy(app);
        unwell += app_is_synced(app) && !app_is_healthy(app);
    }
    size_t other = apps->list.count - waiting - blocked - running - synced - unwell;
    put(h, STR("APPS"), TONE_BOLD);
    buf_add_cstr(&h->out, "         ");
    if (apps->list.count == 0)
        buf_add_cstr(&h->out, "none");
    put_count(h, &is_first, synced, "synced and healthy", TONE_GOOD);
    put_count(h, &is_first, unwell, "synced, health not proven", TONE_WARN);
    put_count(h, &is_first, running, "in progress", TONE_WARN);
    put_count(h, &is_first, other, "out of sync or unknown", TONE_WARN);
    put_count(h, &is_first, blocked, "blocked", TONE_BAD);
    put_count(h, &is_first, waiting, "waiting for a feature", TONE_FAINT);
    buf_add_byte(&h->out, '\n');
}

/* Waiting applications by reason: what they wait for, and how many do. */
static void write_waiting(struct hlctl *h, const struct value *apps)
{
    HL_CLEANUP(map_freep) struct map *reasons = map_new(0);

    for (size_t i = 0; i < apps->list.count; i++) {
        const struct value *app = apps->list.item[i];
        struct str reason = or_else(value_get_str(app, "reason"), STR("no reason given"));
        if (!app_is_waiting(app))
            continue;
        size_t *count = map_get(reasons, reason);
        if (!count) {
            count = arena_one(h->arena, size_t);
            map_set(reasons, reason, count);
        }
        (*count)++;
    }
    for (size_t i = 0; i < map_count(reasons) && i < SHOWN_MAX; i++) {
        buf_printf(&h->out, "             %zu\u00d7 ", *(size_t *)map_value_at(reasons, i));
        put(h, map_key_at(reasons, i), TONE_FAINT);
        buf_add_byte(&h->out, '\n');
    }
    if (map_count(reasons) > SHOWN_MAX)
        buf_printf(&h->out, "             and %zu more reasons: hlctl apps -o wide\n",
                   map_count(reasons) - SHOWN_MAX);
}

static void write_agent_counts(struct hlctl *h, const struct value *agents)
{
    static const struct {
        const char *state;
        const char *word;
        enum tone tone;
    } known[] = {{"Ready", "ready", TONE_GOOD},
                 {"Lost", "lost", TONE_BAD},
                 {"Revoked", "revoked", TONE_FAINT}};
    size_t rest = agents->list.count;
    int64_t leases = 0;
    bool is_first = true;

    put(h, STR("AGENTS"), TONE_BOLD);
    buf_add_cstr(&h->out, "       ");
    if (rest == 0)
        buf_add_cstr(&h->out, "none");
    for (size_t i = 0; i < HL_COUNT(known); i++) {
        size_t count = count_state(agents, "state", known[i].state);
        put_count(h, &is_first, count, known[i].word, known[i].tone);
        rest -= count;
    }
    put_count(h, &is_first, rest, "in another state", TONE_WARN);
    for (size_t i = 0; i < agents->list.count; i++)
        leases += value_get_int(agents->list.item[i], "leases", 0);
    if (leases > 0)
        buf_printf(&h->out, "; %lld leases held", (long long)leases);
    buf_add_byte(&h->out, '\n');
}

int status_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    int rc = client_call(h, CALL_READ, "status", NULL, &answer, t);

    if (rc != 0)
        return rc;
    struct needs n = needs_of(h, &answer);
    if (hlctl_is_document(h)) {
        output_document(h, &answer, "Status", answer.body);
    } else if (h->format == FORMAT_NAME) {
        buf_printf(&h->out, "mesh/" STR_FMT "\n",
                   STR_ARG(safe_text(h->arena, value_get_str(answer.body, "mesh"))));
    } else {
        struct value *apps = items_of(h, &answer, "apps");
        write_head(h, &answer);
        write_needs(h, &n);
        write_app_counts(h, apps);
        write_waiting(h, apps);
        write_agent_counts(h, items_of(h, &answer, "agents"));
    }
    return n.count > 0 && flag_is_set(h->in, "exit-code") ? EXIT_FOUND : EXIT_DONE;
}
