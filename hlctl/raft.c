/* The coordinators as members of the consensus. */
#include <time.h>

#include "edge/keys/keys.h"
#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum {
    TRY_AGAIN_MS = 200,
    SETTLE_MS = 2000, /* a new leader has heard of every reachable member by then */
};

static const struct column columns[] = {
    {"ID", "id", CELL_TEXT, false},
    {"NAME", "name", CELL_TEXT, false},
    {"ADDRESS", "address", CELL_TEXT, false},
    {"STATE", "state", CELL_STATE, false},
    {"ROLE", "role", CELL_TEXT, false},
    {"TERM", "term", CELL_TEXT, false},
    {"MATCH", "match_index", CELL_TEXT, false},
    {"APPLIED", "applied_index", CELL_TEXT, false},
    {"LAG", "lag", CELL_TEXT, false},
    {"AGE", "age_ms", CELL_AGE, false},
};

int raft_members_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    int rc = client_call(h, CALL_READ, "raft.members", NULL, &answer, t);

    if (rc == 0)
        output_list(h, &answer, "RaftMemberList", "coordinator", items_of(h, &answer, "items"),
                    columns, HL_COUNT(columns));
    return rc;
}

/* ---- changes ---- */

/* A name of the roster, or an id: who left the roster already has only that. */
static int find_member(struct hlctl *h, struct str who, uint64_t *out, struct trouble *t)
{
    const struct roster *roster = client_roster(h, t);

    if (!roster)
        return t->page->exit;
    const struct roster_member *m = roster_find_name(roster, who);
    if (m) {
        *out = m->id;
        return 0;
    }
    if (str_to_u64(who, out) && *out > 0)
        return 0;
    trouble_set(t, "HL-OBJ-01", "no coordinator \"" STR_FMT "\" in the roster", STR_ARG(who));
    trouble_why(t, "the roster of this context lists %zu others", roster->member_count);
    return trouble_next(t, "hlctl raft members; who left the roster is named by its id");
}

/*
 * What cannot be done just now is tried again until --timeout: a learner catches up by itself.
 * *out_is_unsure: some attempt was not answered, and may have been obeyed before the last one.
 */
static int change_patiently(struct hlctl *h, struct value *body, struct answer *answer,
                            bool *out_is_unsure, struct trouble *t)
{
    const struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * 1000000L};

    *out_is_unsure = false;
    for (;;) {
        int rc = client_call(h, CALL_CHANGE, "raft.change", body, answer, t);

        *out_is_unsure = *out_is_unsure || answer->is_one_of_several;
        if (rc != EXIT_CONFLICT || client_left_ms(h) <= TRY_AGAIN_MS)
            return rc;
        *t = (struct trouble){0};
        nanosleep(&pause, NULL);
    }
}

static int change(struct hlctl *h, const char *op, const char *done, struct answer *answer,
                  bool *out_is_unsure, struct trouble *t)
{
    struct str who = invocation_arg(h->in, 0);
    struct value *body = value_map(h->arena);
    uint64_t member;

    *out_is_unsure = false;
    int rc = find_member(h, who, &member, t);
    if (rc != 0)
        return rc;
    value_map_set_str(h->arena, body, "op", str_from(op));
    value_map_set_int(h->arena, body, "member", (int64_t)member);
    rc = change_patiently(h, body, answer, out_is_unsure, t);
    if (rc == 0)
        output_done(h, answer, "RaftChange", "coordinator", who, done);
    else if (trouble_is(t, "HL-OBJ-01"))
        trouble_next(t, "hlctl raft members shows who there is");
    return rc;
}

int raft_add_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    bool is_unsure;

    return change(h, "add", "added as a learner", &answer, &is_unsure, t);
}

int raft_promote_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    bool is_unsure;

    return change(h, "promote", "is a voter", &answer, &is_unsure, t);
}

/* Who is absent may have been removed by an attempt whose answer was lost; then that is success. */
int raft_remove_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    bool is_unsure;

    int rc = change(h, "remove", "removed", &answer, &is_unsure, t);
    if (rc == 0 || !is_unsure || !trouble_is(t, "HL-OBJ-01"))
        return rc;
    *t = (struct trouble){0};
    answer.body = value_map(h->arena);
    output_done(h, &answer, "RaftChange", "coordinator", invocation_arg(h->in, 0),
                "is not a member");
    return EXIT_DONE;
}

/* ---- handing over ---- */

/* A voter that answers the leader and is not the leader itself. */
static bool may_lead_next(const struct value *member)
{
    return str_eq(value_get_str(member, "role"), STR("voter")) &&
           str_eq(value_get_str(member, "state"), STR("follower")) &&
           value_get_int(member, "id", 0) > 0 && value_get_int(member, "match_index", 0) > 0;
}

/* The most caught-up one, as the leader sees it; 0: it sees none. */
static uint64_t best_of(const struct value *members)
{
    const struct value *best = NULL;

    for (size_t i = 0; i < members->list.count; i++) {
        const struct value *m = members->list.item[i];

        if (may_lead_next(m) &&
            (!best || value_get_int(m, "match_index", 0) > value_get_int(best, "match_index", 0)))
            best = m;
    }
    return best ? (uint64_t)value_get_int(best, "id", 0) : 0;
}

static int pick_successor(struct hlctl *h, uint64_t *out, struct trouble *t)
{
    const struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * 1000000L};
    int64_t end_ms = now_ms() + SETTLE_MS;
    struct answer answer;

    for (;;) {
        int rc = client_call(h, CALL_FRESH_READ, "raft.members", NULL, &answer, t);
        if (rc != 0)
            return rc;
        *out = best_of(items_of(h, &answer, "items"));
        if (*out != 0)
            return 0;
        if (now_ms() >= end_ms || client_left_ms(h) <= TRY_AGAIN_MS)
            break;
        nanosleep(&pause, NULL);
    }
    trouble_set(t, "HL-REQ-01", "there is nobody to hand the leadership to");
    trouble_why(t, "no other voter is in reach of the leader, " STR_FMT, STR_ARG(answer.from));
    return trouble_next(t, "hlctl raft members shows them: start one, or promote a learner");
}

/* A request may arrive twice, and "to whoever is best" would then hand over twice. */
int raft_transfer_run(struct hlctl *h, struct trouble *t)
{
    struct value *body = value_map(h->arena);
    struct answer answer;
    uint64_t to = 0;

    int rc = invocation_arg_count(h->in) > 0 ? find_member(h, invocation_arg(h->in, 0), &to, t)
                                             : pick_successor(h, &to, t);
    if (rc != 0)
        return rc;
    const struct roster_member *m = roster_find(client_roster(h, t), to);
    struct str name = m ? m->name : arena_printf(h->arena, "%llu", (unsigned long long)to);
    value_map_set_int(h->arena, body, "to", (int64_t)to);
    rc = client_call(h, CALL_CHANGE, "raft.transfer", body, &answer, t);
    if (rc != 0)
        return rc;
    value_map_set_str(h->arena, answer.body, "leader", name);
    output_done(h, &answer, "RaftTransfer", "coordinator", name, "leads");
    return EXIT_DONE;
}

/* ---- compaction ---- */

int raft_compact_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    int rc = client_ask(
        h,
        &(struct question){
            .kind = CALL_CHANGE, .method = "raft.compact", .body = STR("{}"), .is_slow = true},
        &answer, t);

    if (rc == 0)
        output_done(
            h, &answer, "RaftCompaction", "base",
            arena_printf(h->arena, "%lld", (long long)value_get_int(answer.body, "base", 0)),
            "written, the log dropped below it");
    return rc;
}

/* ---- one coordinator ---- */

static void show_number(struct hlctl *h, const char *title, const struct value *v, const char *key)
{
    buf_printf(&h->out, "%-14s%lld\n", title, (long long)value_get_int(v, key, 0));
}

static void show_text(struct hlctl *h, const char *title, struct str text)
{
    buf_printf(&h->out, "%-14s" STR_FMT "\n", title, STR_ARG(safe_text(h->arena, text)));
}

static void show_bytes(struct hlctl *h, const char *title, const struct value *v, const char *key)
{
    buf_printf(&h->out, "%-14s" STR_FMT "\n", title,
               STR_ARG(text_bytes(h->arena, value_get_int(v, key, 0))));
}

int raft_status_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    int rc = client_call(h, CALL_READ, "raft.status", NULL, &answer, t);

    if (rc != 0)
        return rc;
    if (hlctl_is_document(h) || h->format == FORMAT_NAME) {
        output_document(h, &answer, "RaftStatus", answer.body);
        return EXIT_DONE;
    }
    const struct value *log = value_get(answer.body, STR("log"));
    show_text(h, "coordinator", answer.from);
    show_text(h, "role", value_get_str(answer.body, "role"));
    show_number(h, "term", answer.body, "term");
    show_number(h, "leader", answer.body, "leader");
    show_number(h, "committed", answer.body, "commit_index");
    show_number(h, "applied", answer.body, "applied_index");
    show_number(h, "base", answer.body, "base_index");
    show_bytes(h, "base size", answer.body, "base_bytes");
    show_bytes(h, "changed", answer.body, "changed_bytes");
    show_number(h, "log from", log, "first_index");
    show_number(h, "log to", log, "last_index");
    show_bytes(h, "log size", log, "file_bytes");
    show_number(h, "last flush us", log, "flush_last_us");
    if (value_get_str(answer.body, "alarm").len > 0)
        show_text(h, "alarm", value_get_str(answer.body, "alarm"));
    return EXIT_DONE;
}
