/* The coordinators as members of the consensus. */
#include <time.h>

#include "edge/keys/keys.h"
#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

enum { TRY_AGAIN_MS = 200 };

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
    return trouble_next(t, "hlctl raft members; who left the roster is named by its id");
}

/* What cannot be done just now is tried again until --timeout: a learner catches up by itself. */
static int change_patiently(struct hlctl *h, struct value *body, struct answer *answer,
                            struct trouble *t)
{
    const struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * 1000000L};

    for (;;) {
        int rc = client_call(h, CALL_CHANGE, "raft.change", body, answer, t);

        if (rc != EXIT_CONFLICT || client_left_ms(h) <= TRY_AGAIN_MS)
            return rc;
        nanosleep(&pause, NULL);
    }
}

static int change(struct hlctl *h, const char *op, const char *done, struct trouble *t)
{
    struct str who = invocation_arg(h->in, 0);
    struct value *body = value_map(h->arena);
    struct answer answer;
    uint64_t member;

    int rc = find_member(h, who, &member, t);
    if (rc != 0)
        return rc;
    value_map_set_str(h->arena, body, "op", str_from(op));
    value_map_set_int(h->arena, body, "member", (int64_t)member);
    rc = change_patiently(h, body, &answer, t);
    if (rc == 0)
        output_done(h, &answer, "RaftChange", "coordinator", who, done);
    return rc;
}

int raft_add_run(struct hlctl *h, struct trouble *t)
{
    return change(h, "add", "added as a learner", t);
}

int raft_promote_run(struct hlctl *h, struct trouble *t)
{
    return change(h, "promote", "is a voter", t);
}

int raft_remove_run(struct hlctl *h, struct trouble *t)
{
    return change(h, "remove", "removed", t);
}

int raft_transfer_run(struct hlctl *h, struct trouble *t)
{
    struct value *body = value_map(h->arena);
    struct answer answer;
    uint64_t member = 0;

    int rc =
        invocation_arg_count(h->in) > 0 ? find_member(h, invocation_arg(h->in, 0), &member, t) : 0;
    if (rc != 0)
        return rc;
    value_map_set_int(h->arena, body, "to", (int64_t)member);
    rc = client_call(h, CALL_CHANGE, "raft.transfer", body, &answer, t);
    if (rc == 0)
        output_done(h, &answer, "RaftTransfer", "coordinator", answer.leader, "leads");
    return rc;
}

int raft_compact_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    int rc = client_call(h, CALL_CHANGE, "raft.compact", NULL, &answer, t);

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
    buf_printf(&h->out, "%-14s" STR_FMT "\n", "coordinator", STR_ARG(answer.from));
    buf_printf(&h->out, "%-14s" STR_FMT "\n", "role", STR_ARG(value_get_str(answer.body, "role")));
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
        buf_printf(&h->out, "%-14s" STR_FMT "\n", "alarm",
                   STR_ARG(value_get_str(answer.body, "alarm")));
    return EXIT_DONE;
}
