/*
 * Asking a coordinator, then, while no useful answer comes, the next ones too (hedging): a link
 * cannot tell a dead coordinator from a slow one, and every request may be sent twice, since reads
 * change nothing and changes carry (client id, sequence) or name what shall be.
 *
 * Slow work is another matter: to ask again is to have it done again, and a link that is asked
 * again after a long silence drops the connection that the answer would come by. So whoever has the
 * question keeps it, and the others are asked only whether they lead by now.
 */
#include "hlctl/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/value/json.h"
#include "edge/wire/link.h"
#include "hlctl/output.h"
#include "hlctl/trust.h"

enum {
    CONNECT_MS = 4,     /* how often it is seen whether a connection stands */
    HEDGE_MS = 300,     /* without a useful answer the next coordinator is asked too */
    PATIENCE_MS = 5000, /* how long none may answer, or none may lead */
    ID_DIGITS = 16
};

enum seen { SEEN_NOTHING, SEEN_NO_LEADER, SEEN_ANSWER };

struct candidate {
    const struct roster_member *member;
    bool is_away; /* no connection stands just now */
    bool is_asked;
    int64_t asked_ms;
    size_t open_count; /* how many times it was asked without an answer so far */
    enum seen seen;
};

struct client {
    struct trust trust;
    struct wire_link *link;
    struct candidate candidate[KEYS_MEMBERS_MAX];
    size_t candidate_count;
    uint64_t leader; /* as last heard; 0 = unknown */
    char client_id[ID_DIGITS + 1];
    uint64_t sequence;
    uint64_t request_id;
    int64_t deadline_ms;
};

struct call {
    struct hlctl *h;
    struct client *c;
    struct arena *scratch;
    struct wire_message message;
    const struct question *question;
    struct answer *out;
    struct trouble *t;
    int64_t started_ms;
    int64_t limit_ms; /* what a timeout is told to have been */
    int64_t end_ms;   /* --timeout is over */
    bool has_stale;   /* out holds a follower's answer */
};

/* ---- opening ---- */

static bool is_server(const struct roster_member *m, struct str name)
{
    struct str endpoint = m->endpoint[DOOR_CLIENT];

    if (str_starts(endpoint, STR("tcp://")))
        endpoint = str_sub(endpoint, 6, endpoint.len);
    struct str rest = endpoint;
    struct str host = str_cut(&rest, ':');
    return str_eq(m->name, name) || str_eq(endpoint, name) || str_eq(host, name);
}

static bool is_wanted(const struct hlctl *h, const struct context *ctx,
                      const struct roster_member *m)
{
    struct str only = flag_text(h->in, "server");

    if (only.len > 0)
        return is_server(m, only);
    for (size_t i = 0; i < ctx->server_count; i++)
        if (is_server(m, ctx->server[i]))
            return true;
    return ctx->server_count == 0;
}

static int pick_candidates(struct hlctl *h, struct client *c, struct trouble *t)
{
    const struct roster *r = &c->trust.roster;

    for (size_t i = 0; i < r->member_count; i++)
        if (is_wanted(h, &c->trust.context, &r->member[i]))
            c->candidate[c->candidate_count++] = (struct candidate){.member = &r->member[i]};
    if (c->candidate_count > 0)
        return 0;
    struct str only = flag_text(h->in, "server");
    trouble_set(t, "HL-CFG-03", "no coordinator of the roster is meant by \"" STR_FMT "\"",
                STR_ARG(only.len > 0 ? only : STR("servers")));
    trouble_why(t, "the roster of context \"" STR_FMT "\" has %zu coordinators",
                STR_ARG(c->trust.context.name), r->member_count);
    return trouble_next(t, "leave out --server (HLCTL_SERVER) or name one as raft members does");
}

static int client_open(struct hlctl *h, struct trouble *t)
{
    struct client *c = hl_calloc(1, sizeof *c);
    unsigned char id[ID_DIGITS / 2];
    struct err err;

    int rc = trust_load(h, &c->trust, t);
    if (rc == 0)
        rc = pick_candidates(h, c, t);
    if (rc == 0 &&
        link_open(&c->trust.roster, DOOR_CLIENT, &c->trust.identity.pair, &c->link, &err) != 0) {
        trouble_set(t, "HL-NET-01", "cannot open a connection");
        rc = trouble_err(t, &err);
    }
    if (rc != 0) {
        client_free(c);
        return rc;
    }
    keys_random(id, sizeof id);
    hex_encode(id, sizeof id, c->client_id);
    c->request_id = keys_random_u64() >> 1;
    c->deadline_ms = now_ms() + h->timeout_ms;
    h->client = c;
    h->close_client = client_free;
    return 0;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    link_close(c->link);
    keys_wipe(&c->trust.identity.pair.secret_key, sizeof c->trust.identity.pair.secret_key);
    free(c);
}

void client_restart_clock(struct hlctl *h)
{
    if (h->client)
        h->client->deadline_ms = now_ms() + h->timeout_ms;
}

int64_t client_left_ms(const struct hlctl *h)
{
    int64_t left = h->client ? h->client->deadline_ms - now_ms() : h->timeout_ms;

    return left > 0 ? left : 0;
}

int client_mesh_fingerprint(struct hlctl *h, struct str *out, struct trouble *t)
{
    if (!h->client) {
        int rc = client_open(h, t);
        if (rc != 0)
            return rc;
    }
    *out = str_from(h->client->trust.roster.mesh);
    return 0;
}

/* ---- one call ---- */

static struct candidate *candidate_of(struct client *c, uint64_t member)
{
    for (size_t i = 0; i < c->candidate_count; i++)
        if (c->candidate[i].member->id == member)
            return &c->candidate[i];
    return NULL;
}

static struct str member_name(const struct client *c, uint64_t member)
{
    const struct roster_member *m = roster_find(&c->trust.roster, member);

    return m ? m->name : STR_NONE;
}

/* Whether it may be asked once more, however it answered before. */
static bool is_due(const struct call *k, const struct candidate *at, int64_t now)
{
    if (!at->is_asked)
        return true;
    if (k->question->is_slow)
        return at->open_count == 0 || now - at->asked_ms >= CLIENT_SLOW_MS;
    return now - at->asked_ms >= CLIENT_TRY_MS;
}

/* The leader if it is known and was not asked just now; else whoever was asked longest ago. */
static struct candidate *next_candidate(struct call *k, int64_t now)
{
    struct client *c = k->c;
    struct candidate *leader = candidate_of(c, c->leader);
    struct candidate *best = NULL;

    if (leader && !leader->is_away && is_due(k, leader, now))
        return leader;
    for (size_t i = 0; i < c->candidate_count; i++) {
        struct candidate *at = &c->candidate[i];
        bool may_lead_now = !k->question->is_slow && at->seen == SEEN_NO_LEADER;
        if (at->is_away || (!is_due(k, at, now) && !may_lead_now))
            continue;
        if (!best || (best->is_asked && (!at->is_asked || at->asked_ms < best->asked_ms)))
            best = at;
    }
    return best;
}

static bool ask(struct call *k, struct candidate *at, int64_t now)
{
    if (!link_send(k->c->link, at->member->id, &k->message))
        return false;
    at->is_asked = true;
    at->asked_ms = now;
    at->open_count++;
    if (flag_is_set(k->h->in, "verbose"))
        hlctl_remark(k->h, STR_FMT " -> " STR_FMT " (" STR_FMT ")",
                     STR_ARG(k->message.request.method), STR_ARG(at->member->name),
                     STR_ARG(at->member->endpoint[DOOR_CLIENT]));
    return true;
}

/* Asks the best candidate whose connection stands. False if there is none now. */
static bool ask_someone(struct call *k, int64_t now)
{
    struct candidate *at;

    for (size_t i = 0; i < k->c->candidate_count; i++)
        k->c->candidate[i].is_away = false;
    while ((at = next_candidate(k, now)) != NULL) {
        if (ask(k, at, now))
            return true;
        at->is_away = true;
    }
    return false;
}

static const char *id_of_code(int code)
{
    switch (code) {
    case HL_EDENIED:
        return "HL-AUTH-05";
    case HL_EABSENT:
        return "HL-OBJ-01";
    case HL_ECONFLICT:
        return "HL-CONFLICT-01";
    case HL_ETIMEOUT:
        return "HL-NET-03";
    case HL_ETEMP:
        return "HL-NET-02";
    case HL_EINVAL:
    case HL_EUNSUPPORTED:
        return "HL-REQ-01";
    default:
        return "HL-SRV-01";
    }
}

static bool has_open(const struct client *c)
{
    for (size_t i = 0; i < c->candidate_count; i++)
        if (c->candidate[i].open_count > 0)
            return true;
    return false;
}

/* What every answer says, a refusal too. */
static void take_head(struct call *k, const struct wire_reply *r, const struct candidate *at)
{
    *k->out = (struct answer){
        .revision = r->revision,
        .age_ms = r->age_ms,
        .is_from_leader = r->is_leader,
        .is_one_of_several = has_open(k->c),
        .from = at->member->name,
        .leader = member_name(k->c, r->leader),
    };
}

static int refused(struct call *k, const struct wire_reply *r, const struct candidate *at)
{
    const struct trouble_page *page = trouble_find(r->error_id);
    struct trouble *t = k->t;

    take_head(k, r, at);
    trouble_set(t, page ? page->id : id_of_code(r->code), STR_FMT, STR_ARG(r->error));
    trouble_why(t, "that is what coordinator " STR_FMT " says to \"" STR_FMT "\"",
                STR_ARG(at->member->name), STR_ARG(k->message.request.method));
    if (r->error.len == 0)
        snprintf(t->what, sizeof t->what, "coordinator " STR_FMT " answered %s",
                 STR_ARG(at->member->name), err_code_name(r->code));
    if (r->next.len > 0)
        trouble_next(t, STR_FMT, STR_ARG(r->next));
    if (r->line > 0) {
        err_at(&t->at, r->code, r->file, r->line, r->column, "%s", "");
        trouble_why(t, "this is the place that the coordinator names");
    }
    return t->page->exit;
}

static int not_understood(struct call *k, const struct candidate *at, const char *why)
{
    trouble_set(k->t, "HL-NET-04", "the answer of " STR_FMT " to \"" STR_FMT "\" is not understood",
                STR_ARG(at->member->name), STR_ARG(k->message.request.method));
    return trouble_why(k->t, "%s", why);
}

static int take_body(struct call *k, const struct wire_reply *r, const struct candidate *at)
{
    bool is_bytes = k->question->is_bytes;
    struct value *body = NULL;
    struct err err;
    struct str text = arena_dup(k->h->arena, r->body);

    if (!is_bytes &&
        json_read(k->h->arena, text.len > 0 ? text : STR("{}"), STR("answer"), &body, &err) != 0)
        return not_understood(k, at, err.text);
    if (!is_bytes && body->kind != VALUE_MAP)
        return not_understood(k, at, "it is no JSON object");
    take_head(k, r, at);
    k->out->body = body;
    k->out->bytes = is_bytes ? text : STR_NONE;
    k->out->next = arena_dup(k->h->arena, r->next);
    return 0;
}

enum verdict { VERDICT_GO_ON = -1 }; /* else an exit code: the call is over */

static int handle(struct call *k, uint64_t member, const struct wire_reply *r)
{
    struct candidate *at = candidate_of(k->c, member);
    bool is_leaderless =
        str_eq(r->error_id, STR("HL-NET-02")) || (r->code == HL_ETEMP && !r->is_leader);

    if (!at || r->id != k->message.request.id)
        return VERDICT_GO_ON; /* an answer to an earlier, repeated request */
    if (at->open_count > 0)
        at->open_count--;
    if (r->code != 0 && is_leaderless) {
        at->seen = SEEN_NO_LEADER;
        k->c->leader = r->leader != member ? r->leader : 0;
        return VERDICT_GO_ON;
    }
    at->seen = SEEN_ANSWER;
    if (r->is_leader)
        k->c->leader = member;
    if (r->code != 0)
        return refused(k, r, at);
    bool is_stale = !r->is_leader && r->age_ms > CLIENT_AGE_TOLD_MS;
    if (!is_stale)
        return take_body(k, r, at);
    if (!k->has_stale || r->age_ms < k->out->age_ms) {
        int rc = take_body(k, r, at);
        if (rc != 0)
            return rc;
        k->has_stale = true;
    }
    k->c->leader = r->leader;
    return VERDICT_GO_ON;
}

static bool is_every_one_seen(const struct client *c)
{
    for (size_t i = 0; i < c->candidate_count; i++)
        if (c->candidate[i].seen == SEEN_NOTHING)
            return false;
    return true;
}

static size_t count_seen(const struct client *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->candidate_count; i++)
        count += c->candidate[i].seen != SEEN_NOTHING;
    return count;
}

static bool is_leader_known(const struct call *k)
{
    return candidate_of(k->c, k->c->leader) != NULL && count_seen(k->c) > 0;
}

/* Somebody took the question over a connection that stood, and may well be busy with it. */
static bool is_at_work(const struct call *k)
{
    return k->question->is_slow && has_open(k->c);
}

static int nobody(struct call *k, int64_t now)
{
    const struct client *c = k->c;
    bool has_answer = count_seen(c) > 0;
    bool is_awaited = is_leader_known(k) || is_at_work(k);
    bool is_over = now >= k->end_ms && is_awaited;
    HL_CLEANUP(buf_deinit) struct buf why = {0};

    for (size_t i = 0; i < c->candidate_count; i++) {
        const struct candidate *at = &c->candidate[i];
        struct str where = at->member->endpoint[DOOR_CLIENT];
        if (str_starts(where, STR("tcp://")))
            where = str_sub(where, 6, where.len);
        buf_printf(&why, "%s" STR_FMT " (" STR_FMT ") ", i > 0 ? ", " : "",
                   STR_ARG(at->member->name), STR_ARG(where));
        if (at->seen == SEEN_NO_LEADER)
            buf_add_cstr(&why, "does not lead");
        else
            buf_printf(&why, "no answer in %.1f s", (double)(now - k->started_ms) / 1000);
    }
    if (is_over)
        trouble_set(k->t, "HL-NET-03", "no answer from the leader within %lld s",
                    (long long)(k->limit_ms / 1000));
    else if (has_answer)
        trouble_set(k->t, "HL-NET-02", "the mesh of context \"" STR_FMT "\" has no leader",
                    STR_ARG(c->trust.context.name));
    else
        trouble_set(k->t, "HL-NET-01", "cannot reach any coordinator of context \"" STR_FMT "\"",
                    STR_ARG(c->trust.context.name));
    return trouble_why(k->t, STR_FMT, STR_ARG(buf_str(&why)));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int drain(struct call *k)
{
    struct wire_message m;
    uint64_t member;

    while (link_next(k->c->link, k->scratch, &member, &m)) {
        if (m.kind != WIRE_REPLY)
            continue;
        int verdict = handle(k, member, &m.reply);
        if (verdict != VERDICT_GO_ON)
            return verdict;
    }
    return VERDICT_GO_ON;
}

static int run_call(struct call *k)
{
    struct client *c = k->c;
    uint64_t asked_leader = 0;
    int64_t next_try_ms = k->started_ms;

    for (;;) {
        int64_t now = now_ms();
        bool is_known = is_leader_known(k);
        int64_t end_ms =
            is_known || is_at_work(k) ? k->end_ms : earlier(k->end_ms, k->started_ms + PATIENCE_MS);
        bool is_settled = k->has_stale && (is_every_one_seen(c) || c->leader == 0) &&
                          now - k->started_ms >= HEDGE_MS;
        if (k->has_stale && (is_settled || now - k->started_ms >= CLIENT_TRY_MS))
            return 0;
        if (now >= end_ms)
            return nobody(k, now);
        if (now >= next_try_ms || (is_known && c->leader != asked_leader)) {
            bool is_asked = ask_someone(k, now);
            asked_leader = c->leader;
            next_try_ms = now + (is_asked || is_at_work(k) ? HEDGE_MS : CONNECT_MS);
        }
        link_wait(c->link, -1, earlier(next_try_ms, end_ms) - now);
        int verdict = drain(k);
        if (verdict != VERDICT_GO_ON)
            return verdict;
        arena_reset(k->scratch);
    }
}

static void tell_age(struct hlctl *h, const struct answer *answer)
{
    if (answer->is_from_leader || answer->age_ms <= CLIENT_AGE_TOLD_MS)
        return;
    hlctl_remark(h, "age " STR_FMT ", from follower " STR_FMT ", %s" STR_FMT,
                 STR_ARG(text_age(h->arena, answer->age_ms)), STR_ARG(answer->from),
                 answer->leader.len > 0 ? "leader " : "no leader", STR_ARG(answer->leader));
}

/* Slow work has its own time, unless somebody has said how long to wait. */
static void set_end(struct call *k)
{
    bool has_own_time = k->question->is_slow && !flag_is_set(k->h->in, "timeout");

    k->limit_ms = has_own_time ? CLIENT_SLOW_MS : k->h->timeout_ms;
    k->end_ms = has_own_time ? k->started_ms + CLIENT_SLOW_MS : k->c->deadline_ms;
}

int client_ask(struct hlctl *h, const struct question *question, struct answer *out,
               struct trouble *t)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct client *c;

    *out = (struct answer){0};
    if (!h->client) {
        int rc = client_open(h, t);
        if (rc != 0)
            return rc;
    }
    c = h->client;
    for (size_t i = 0; i < c->candidate_count; i++)
        c->candidate[i] = (struct candidate){.member = c->candidate[i].member};
    struct call k = {.h = h,
                     .c = c,
                     .scratch = scratch,
                     .question = question,
                     .out = out,
                     .t = t,
                     .started_ms = now_ms()};
    set_end(&k);
    k.message.kind = WIRE_REQUEST;
    k.message.request = (struct wire_request){
        .id = ++c->request_id,
        .client_id = str_from(c->client_id),
        .sequence = question->kind == CALL_CHANGE ? ++c->sequence : 0,
        .method = str_from(question->method),
        .body = question->body,
        .is_stale_ok = question->kind == CALL_READ && flag_is_set(h->in, "stale"),
    };
    int rc = run_call(&k);
    if (rc == 0)
        tell_age(h, out);
    return rc;
}

int client_call(struct hlctl *h, enum call_kind kind, const char *method, struct value *body,
                struct answer *out, struct trouble *t)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    json_write(&text, body ? body : value_map(h->arena), JSON_COMPACT);
    return client_ask(h, &(struct question){.kind = kind, .method = method, .body = buf_str(&text)},
                      out, t);
}

const struct roster *client_roster(struct hlctl *h, struct trouble *t)
{
    if (!h->client && client_open(h, t) != 0)
        return NULL;
    return &h->client->trust.roster;
}
