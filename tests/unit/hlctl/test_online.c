/*
 * hlctl as a process against scripted coordinators over real CURVE sockets: finding the leader,
 * what is said when there is none, every command's answer in every format. The coordinators here
 * are hubs with canned answers, run in a child process; the end-to-end tests run the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/value/json.h"
#include "unit/hlctl/mesh.h"

/* ---- scripted coordinators ---- */

enum part { PART_OFF, PART_LEADER, PART_FOLLOWER, PART_LEADERLESS };

struct script {
    enum part part[MESH_MEMBERS];
    bool is_deaf_once; /* the leader loses the first change it is sent */
    bool is_blocked;   /* the application never becomes Synced */
    bool is_slow;      /* nor does the attempt end */
    bool is_newer;     /* a newer commit comes while the application is applied */
    int denied_code;   /* every change is refused with this */
};

struct fake {
    const struct script *script;
    uint64_t leader; /* 0: none */
    int polls;       /* since the last sync */
    char changes[8][80];
    size_t change_count;
};

#define APP_HEAD                                                                                   \
    "{\"name\":\"web-host\",\"cluster\":\"host\",\"addon\":\"web\",\"namespace\":\"web\","
#define APP_TAIL "\"agent\":\"n1\",\"epoch\":7,\"age_ms\":1500}"
#define BROKEN_APP                                                                                 \
    "{\"name\":\"bad-host\",\"cluster\":\"host\",\"sync\":\"OutOfSync\",\"health\":\"Degraded\","  \
    "\"desired\":\"7e9c5b9aaaa\",\"applied\":\"d397d53bbbb\",\"operation\":\"Blocked\","           \
    "\"reason\":\"Job x: field is \\u001b[31mimmutable\",\"age_ms\":840000}"
#define CHART_APP                                                                                  \
    "{\"name\":\"loki-host\",\"cluster\":\"host\",\"sync\":\"Unknown\",\"health\":\"Unknown\","    \
    "\"desired\":\"7e9c5b9aaaa\",\"applied\":\"\",\"reason\":\"Unsupported: charts come later\","  \
    "\"age_ms\":10}"
#define AGENTS                                                                                     \
    "{\"name\":\"n1\",\"state\":\"Ready\",\"roles\":[\"agent\",\"kubernetes\"],\"age_ms\":300,"    \
    "\"leases\":2,\"version\":\"0.1.0\",\"rss_bytes\":9437184},"                                   \
    "{\"name\":\"n2\",\"state\":\"Lost\",\"roles\":[\"agent\"],\"age_ms\":61000,\"leases\":0}"

static const char *web_app(const struct fake *f)
{
    if (f->script->is_slow)
        return APP_HEAD "\"sync\":\"OutOfSync\",\"health\":\"Unknown\",\"desired\":\"7e9c5b9aaaa\","
                        "\"applied\":\"\",\"operation\":\"Running\"," APP_TAIL;
    if (f->script->is_blocked)
        return APP_HEAD
            "\"sync\":\"OutOfSync\",\"health\":\"Unknown\",\"desired\":\"7e9c5b9aaaa\","
            "\"applied\":\"\",\"phase\":\"failed\",\"reason\":\"bad manifest\"," APP_TAIL;
    if (f->polls == 1)
        return APP_HEAD "\"sync\":\"Synced\",\"health\":\"Healthy\",\"desired\":\"7e9c5b9aaaa\","
                        "\"applied\":\"7e9c5b9aaaa\",\"operation\":\"Pending\"," APP_TAIL;
    if (f->polls == 2 && f->script->is_newer)
        return APP_HEAD "\"sync\":\"OutOfSync\",\"health\":\"Healthy\",\"desired\":\"55400cbcccc\","
                        "\"applied\":\"7e9c5b9aaaa\",\"phase\":\"leased\"," APP_TAIL;
    return APP_HEAD "\"sync\":\"Synced\",\"health\":\"Healthy\",\"desired\":\"7e9c5b9aaaa\","
                    "\"applied\":\"7e9c5b9aaaa\",\"phase\":\"idle\"," APP_TAIL;
}

static void list(char *out, size_t size, const char *items)
{
    snprintf(out, size, "{\"items\":[%s]}", items);
}

static void status_body(const struct fake *f, char *out, size_t size)
{
    snprintf(out, size,
             "{\"mesh\":\"%s\",\"leader\":\"%s\",\"term\":41,\"git\":{\"url\":\"file:///x\","
             "\"ref\":\"main\",\"commit\":\"7e9c5b9aaaa\",\"subject\":\"bump\\u202e loki\","
             "\"read_age_ms\":9000,\"rejected\":{\"commit\":\"0badbadbad\",\"errors\":[{\"text\":"
             "\"mapping is not closed\",\"file\":\"addons/x.yaml\",\"line\":7,\"column\":3}]}},"
             "\"coordinators\":[{\"id\":1,\"name\":\"c1\",\"state\":\"leader\",\"age_ms\":0},"
             "{\"id\":2,\"name\":\"c2\",\"state\":\"follower\",\"age_ms\":40},"
             "{\"id\":3,\"name\":\"c3\",\"state\":\"unreachable\",\"age_ms\":61000}],"
             "\"agents\":[" AGENTS "],\"apps\":[%s," BROKEN_APP "," CHART_APP "],"
             "\"alarms\":[],\"counts\":{}}",
             mesh_id, f->leader ? "c1" : "", web_app(f));
}

static void read_body(struct fake *f, struct str method, struct value *body, char *out, size_t size)
{
    char items[4000];

    snprintf(out, size, "{}");
    if (str_eq(method, STR("status"))) {
        status_body(f, out, size);
    } else if (str_eq(method, STR("apps"))) {
        f->polls++;
        snprintf(items, sizeof items, "%s," BROKEN_APP "," CHART_APP, web_app(f));
        list(out, size, items);
    } else if (str_eq(method, STR("app.get"))) {
        f->polls++;
        snprintf(out, size, "%s", web_app(f));
    } else if (str_eq(method, STR("agents"))) {
        list(out, size, AGENTS);
    } else if (str_eq(method, STR("events"))) {
        int64_t after = value_get_int(body, "after", 0);
        snprintf(items, sizeof items,
                 "{\"index\":%lld,\"time\":1000,\"type\":\"app.synced\",\"object\":\"web-host\","
                 "\"author\":\"n1\",\"text\":\"2 objects\"}",
                 (long long)after + 1);
        list(out, size, items);
    } else if (str_eq(method, STR("raft.members"))) {
        list(out, size,
             "{\"id\":1,\"name\":\"c1\",\"address\":\"127.0.0.1:1\",\"state\":\"leader\",\"term\":"
             "41,"
             "\"match_index\":88,\"applied_index\":88,\"lag\":0,\"age_ms\":0}");
    } else if (str_eq(method, STR("token.list"))) {
        list(out, size,
             "{\"id\":\"k7q2m4wz\",\"roles\":\"agent\",\"node\":\"n9\",\"uses\":1,"
             "\"expires_in_ms\":600000,\"author\":\"admin\"}");
    }
}

static bool is_change(struct str method)
{
    return str_eq(method, STR("sync")) || str_eq(method, STR("token.create")) ||
           str_eq(method, STR("token.revoke")) || str_eq(method, STR("agent.revoke"));
}

/* How often this (client id, sequence) has come before. */
static size_t times_seen(struct fake *f, const struct wire_request *r)
{
    char key[80];
    size_t times = 0;

    snprintf(key, sizeof key, STR_FMT "/%llu", STR_ARG(r->client_id),
             (unsigned long long)r->sequence);
    for (size_t i = 0; i < f->change_count; i++)
        times += strcmp(f->changes[i], key) == 0;
    if (f->change_count < HL_COUNT(f->changes))
        memcpy(f->changes[f->change_count++], key, sizeof key);
    return times;
}

/* A leader's answer. False: none is given. */
static bool lead(struct fake *f, const struct wire_request *r, struct value *body,
                 struct wire_reply *reply, char *text, size_t size)
{
    if (!is_change(r->method)) {
        read_body(f, r->method, body, text, size);
        return true;
    }
    size_t times = times_seen(f, r);
    if (f->script->is_deaf_once && times == 0)
        return false;
    f->polls = 0;
    snprintf(text, size, "{\"operation\":\"op-%zu\",\"names\":[\"web-host\"]}", times);
    if (str_eq(r->method, STR("token.create")) && value_get(body, STR("token")))
        reply->code = HL_EINVAL; /* the secret must stay where it was made */
    if (str_eq(value_get_str(body, "name"), STR("ghost"))) {
        reply->code = HL_EABSENT;
        reply->error = STR("there is no such thing as \"ghost\"");
    }
    if (f->script->denied_code != 0) {
        reply->code = f->script->denied_code;
        reply->error = STR("not allowed: role viewer");
    }
    return true;
}

static void answer(void *context, size_t member, struct wire_hub *const hub[MESH_MEMBERS],
                   const struct wire_inbound *in, struct arena *a)
{
    static char text[16000];
    struct fake *f = context;
    enum part part = f->script->part[member];
    const struct wire_request *r = &in->message.request;
    struct wire_message out = {.kind = WIRE_REPLY};
    struct value *body;
    struct err err;

    out.reply = (struct wire_reply){.id = r->id, .revision = 88123, .leader = f->leader};
    if (json_read(a, r->body, STR("body"), &body, &err) != 0)
        return;
    if (part == PART_LEADER) {
        out.reply.is_leader = true;
        if (!lead(f, r, body, &out.reply, text, sizeof text))
            return;
    } else if (r->is_stale_ok && !is_change(r->method)) {
        out.reply.age_ms = 14000;
        read_body(f, r->method, body, text, sizeof text);
    } else {
        out.reply.code = HL_ETEMP;
        out.reply.error_id = STR("HL-NET-02");
        out.reply.error = STR("not the leader");
        snprintf(text, sizeof text, "{}");
    }
    if (part == PART_LEADERLESS)
        out.reply.leader = 0;
    out.reply.body = str_from(text);
    hub_answer(hub[member], &in->from, &out);
}

static void start(const struct script *script)
{
    static struct fake f;
    bool is_there[MESH_MEMBERS];

    f = (struct fake){.script = script, .polls = 100};
    for (size_t i = 0; i < MESH_MEMBERS; i++) {
        is_there[i] = script->part[i] != PART_OFF;
        if (script->part[i] == PART_LEADER)
            f.leader = i + 1;
    }
    mesh_start(is_there, answer, &f);
}

static int stop(void **state)
{
    (void)state;
    mesh_stop();
    return 0;
}

static struct value *document(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err err;

    if (json_read(a, str_from(text), STR("out"), &v, &err) != 0)
        fail_msg("no JSON: %s\n%s", err.text, text);
    return v;
}

static const struct script all_well = {.part = {PART_LEADER, PART_FOLLOWER, PART_FOLLOWER}};

/* ---- tests ---- */

static void the_leader_is_found_through_a_follower(void **state)
{
    const struct script script = {.part = {PART_FOLLOWER, PART_FOLLOWER, PART_LEADER}};

    (void)state;
    start(&script);
    struct run *r = hlctl("agents -v");
    assert_int_equal(r->exit, 0);
    expect_in(r->err, "agents -> c3");
    size_t asked = 0; /* whoever was connected first, and the one that it named; */
    size_t hedges = (size_t)(r->seconds / 0.3); /* and one more for each 300 ms of silence */
    for (const char *at = r->err; (at = strstr(at, " -> c")) != NULL; at++)
        asked++;
    assert_true(asked <= 2 + hedges);
}

static void a_dead_coordinator_costs_less_than_a_second(void **state)
{
    const struct script script = {.part = {PART_OFF, PART_OFF, PART_LEADER}};

    (void)state;
    start(&script);
    struct run *r = hlctl("nodes -o name");
    assert_int_equal(r->exit, 0);
    assert_string_equal(r->out, "node/n1\nnode/n2\n");
    assert_true(r->seconds < 3.0); /* two hedges of 300 ms, and a process under a sanitizer */
}

static void nobody_at_home_is_exit_3_with_every_address(void **state)
{
    const struct script script = {.part = {PART_OFF, PART_OFF, PART_OFF}};

    (void)state;
    start(&script);
    struct run *r = hlctl("status --timeout 600ms");
    assert_int_equal(r->exit, 3);
    assert_string_equal(r->out, "");
    expect_in(r->err, "error: cannot reach any coordinator of context \"mesh\"");
    expect_in(r->err, "HL-NET-01");
    expect_in(r->err, "c1 (127.0.0.1:");
    expect_in(r->err, "c3 (127.0.0.1:");
    expect_in(r->err, "no answer in 0.6 s");
    r = hlctl("status --timeout 600ms -o json");
    assert_int_equal(r->exit, 3);
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    assert_true(str_eq(value_get_str(document(a, r->err), "code"), STR("HL-NET-01")));
}

static void without_a_leader_reads_fail_unless_stale_and_then_their_age_is_told(void **state)
{
    const struct script script = {.part = {PART_LEADERLESS, PART_OFF, PART_LEADERLESS}};

    (void)state;
    start(&script);
    struct run *r = hlctl("apps --timeout 1s");
    assert_int_equal(r->exit, 3);
    expect_in(r->err, "HL-NET-02");
    r = hlctl("apps --stale -o name");
    assert_int_equal(r->exit, 0);
    assert_string_equal(r->out, "app/web-host\napp/bad-host\napp/loki-host\n");
    expect_in(r->err, "age 14s, from follower c");
    expect_in(r->err, "no leader");
    r = hlctl("sync web-host --stale --timeout 1s"); /* a change is never stale */
    assert_int_equal(r->exit, 3);
}

static void status_says_what_needs_somebody_worst_first(void **state)
{
    (void)state;
    start(&all_well);
    struct run *r = hlctl("status --exit-code");
    assert_int_equal(r->exit, 7);
    expect_in(r->out, "2/3 coordinators, leader c1 (term 41)");
    expect_in(r->out, "7e9c5b9 \"bump‹U+202E› loki\" read 9s ago");
    expect_in(r->out, "4 things need you");
    expect_in(r->out, "rejected: addons/x.yaml:7:3: mapping is not closed");
    expect_in(r->out, "coordinator/c3");
    expect_in(r->out, "agent/n2");
    expect_in(r->out, "Blocked: Job x: field is \\x1b[31mimmutable   → hlctl app get bad-host");
    expect_in(r->out, "1 synced and healthy, 1 blocked, 1 waiting for a feature");
    expect_in(r->out, "1× Unsupported: charts come later");
    assert_null(strchr(r->out, '\033'));
    assert_int_equal(hlctl("status")->exit, 0);
}

static void status_as_json_is_the_document_with_ages(void **state)
{
    static const char *const lists[] = {"coordinators", "agents", "apps"};
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    start(&all_well);
    struct run *r = hlctl("status -o json");
    assert_int_equal(r->exit, 0);
    struct value *v = document(a, r->out);
    assert_true(str_eq(value_get_str(v, "kind"), STR("Status")));
    assert_int_equal(value_get_int(v, "revision", 0), 88123);
    assert_int_equal(value_get_int(v, "age_ms", -1), 0);
    for (size_t i = 0; i < HL_COUNT(lists); i++) {
        struct value *items = value_get(v, str_from(lists[i]));
        assert_non_null(items);
        for (size_t k = 0; k < items->list.count; k++)
            assert_true(value_get_int(items->list.item[k], "age_ms", -1) >= 0);
    }
    assert_null(strchr(r->out, '\033'));
}

static void lists_are_tables_for_people_and_documents_for_programs(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    start(&all_well);
    struct run *r = hlctl("apps --faults");
    assert_int_equal(r->exit, 0);
    assert_string_equal(
        r->out, "NAME\tCLUSTER\tSYNC\tHEALTH\tDESIRED\tAPPLIED\tAGE\tREASON\n"
                "bad-host\thost\tOutOfSync\tDegraded\t7e9c5b9\td397d53\t14m\tJob x: field is "
                "\\x1b[31mimmutable\n"
                "loki-host\thost\tUnknown\tUnknown\t7e9c5b9\t-\t0s\tUnsupported: charts come "
                "later\n");
    r = hlctl("apps --sync Synced --no-headers");
    expect_in(r->out, "web-host\thost\tSynced\tHealthy\t7e9c5b9\t7e9c5b9\t1s\t-\n");
    r = hlctl("raft members -o json");
    struct value *v = document(a, r->out);
    assert_true(str_eq(value_get_str(v, "kind"), STR("RaftMemberList")));
    assert_int_equal(value_get(v, STR("items"))->list.count, 1);
    r = hlctl("agents -o yaml");
    expect_in(r->out, "kind: AgentList\n");
    r = hlctl("agents -o wide");
    expect_in(r->out, "n1\tReady\tagent,kubernetes\t2\t0s\t0.1.0\t9.0 MiB\t");
    r = hlctl("events -n 1");
    expect_in(r->out, "1\t1970-01-01T00:00:01Z\tapp.synced\tweb-host\tn1\t2 objects\n");
    r = hlctl("token list");
    expect_in(r->out, "k7q2m4wz\tagent\tn9\t1\t10m\tadmin\n");
    r = hlctl("app get web-host");
    expect_in(r->out, "NAME      web-host\nCLUSTER   host\n");
}

static void sync_watch_prints_each_change_and_ends_when_synced(void **state)
{
    const struct script script = {.part = {PART_LEADER, PART_FOLLOWER, PART_FOLLOWER},
                                  .is_newer = true};

    (void)state;
    start(&script);
    struct run *r = hlctl("sync web-host --watch --timeout 20s");
    assert_int_equal(r->exit, 0);
    expect_in(r->out, "Z app/web-host Synced Healthy Pending desired 7e9c5b9 applied 7e9c5b9\n");
    expect_in(r->out, "Z app/web-host superseded by 55400cb\n");
    expect_in(r->out, "Z app/web-host OutOfSync Healthy Running desired 55400cb");
    expect_in(r->out, "Z app/web-host Synced Healthy desired 7e9c5b9 applied 7e9c5b9\n");
    r = hlctl("sync --all");
    assert_int_equal(r->exit, 0);
    assert_string_equal(r->out, "app/web-host requested\n");
    assert_int_equal(hlctl("sync")->exit, 2);
    assert_int_equal(hlctl("sync --all web-host")->exit, 2);
}

static void a_blocked_application_ends_the_watch_with_its_reason(void **state)
{
    const struct script script = {.part = {PART_LEADER, PART_OFF, PART_OFF}, .is_blocked = true};

    (void)state;
    start(&script);
    struct run *r = hlctl("sync web-host --watch --timeout 20s");
    assert_int_equal(r->exit, 1);
    expect_in(r->err, "error: application web-host is blocked");
    expect_in(r->err, "HL-SYNC-02\n  why   bad manifest\n  next  hlctl app get web-host\n");
}

static void a_watch_that_takes_too_long_is_exit_4_and_says_who(void **state)
{
    const struct script script = {.part = {PART_LEADER, PART_OFF, PART_OFF}, .is_slow = true};

    (void)state;
    start(&script);
    struct run *r = hlctl("sync web-host --watch --timeout 1s");
    assert_int_equal(r->exit, 4);
    expect_in(r->err, "error: 1 of 1 applications not Synced within 1 s");
    expect_in(r->err, "why   app/web-host OutOfSync Unknown Running desired 7e9c5b9");
    r = hlctl("sync web-host --watch --timeout 30s & sleep 1; kill -INT $!; wait $!");
    assert_int_equal(r->exit, 130);
}

static void a_lost_change_is_sent_again_with_the_same_sequence(void **state)
{
    const struct script script = {.part = {PART_LEADER, PART_FOLLOWER, PART_FOLLOWER},
                                  .is_deaf_once = true};

    (void)state;
    start(&script);
    struct run *r = hlctl("sync web-host -o json");
    assert_int_equal(r->exit, 0);
    expect_in(r->out, "\"operation\": \"op-1\""); /* the second time that it was seen */
}

static void a_refusal_keeps_its_exit_code(void **state)
{
    static const struct {
        int code;
        int exit;
        const char *id;
    } cases[] = {{HL_EDENIED, 5, "HL-AUTH-05"},
                 {HL_ECONFLICT, 6, "HL-CONFLICT-01"},
                 {HL_EINVAL, 1, "HL-REQ-01"},
                 {HL_ENOSPACE, 1, "HL-SRV-01"},
                 {HL_ETIMEOUT, 4, "HL-NET-03"}};

    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        struct script script = {.part = {PART_LEADER, PART_OFF, PART_OFF},
                                .denied_code = cases[i].code};
        start(&script);
        struct run *r = hlctl("agent revoke n1");
        assert_int_equal(r->exit, cases[i].exit);
        expect_in(r->err, "error: not allowed: role viewer");
        expect_in(r->err, cases[i].id);
        stop(state);
    }
    start(&all_well);
    assert_int_equal(hlctl("agent revoke ghost")->exit, 1);
    struct run *r = hlctl("agent revoke n1 --reason test");
    assert_int_equal(r->exit, 0);
    assert_string_equal(r->out, "agent/n1 revoked\n");
}

static void a_token_is_printed_once_and_its_secret_is_not_sent(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct join_token token;

    (void)state;
    start(&all_well);
    struct run *r = hlctl("token create --role agent --node n9 --ttl 10m");
    assert_int_equal(r->exit, 0);
    assert_true(token_parse(str_trim(str_from(r->out)), &token));
    expect_in(r->err, "valid for 10m, 1 use, only for node n9");
    expect_in(r->err, mesh_id);
    r = hlctl("token create -o json");
    struct value *v = document(a, r->out);
    assert_true(token_parse(value_get_str(v, "token"), &token));
    assert_true(str_eq(value_get_str(v, "mesh"), str_from(mesh_id)));
    assert_int_equal(hlctl("token create --ttl 25h")->exit, 2);
}

static void events_are_followed_by_index_until_the_reader_goes(void **state)
{
    (void)state;
    start(&all_well);
    struct run *r = hlctl("events -w -o json | head -n 3");
    assert_int_equal(r->exit, 0);
    assert_string_equal(r->err, ""); /* a reader that goes away is no error */
    expect_in(r->out, "{\"author\":\"n1\",\"index\":1,");
    expect_in(r->out, "\n{\"author\":\"n1\",\"index\":2,");
    expect_in(r->out, "\n{\"author\":\"n1\",\"index\":3,");
}

enum { COMPLETIONS = 20 };

static void names_are_completed_from_the_mesh_and_remembered(void **state)
{
    (void)state;
    start(&all_well);
    struct run *r = hlctl("__complete -- app get w");
    /* The time for it is short: on a busy machine a person presses the key again. */
    for (int i = 0; i < COMPLETIONS && r->out[0] == '\0'; i++)
        r = hlctl("__complete -- app get w");
    assert_string_equal(r->out, "web-host\tapp\n");
    stop(state);
    r = hlctl("__complete -- sync b"); /* nobody is asked within ten seconds */
    assert_string_equal(r->out, "bad-host\tapp\n");
    r = hlctl("__complete -- agent revoke n"); /* away: silent and quick */
    assert_int_equal(r->exit, 0);
    assert_string_equal(r->out, "");
    assert_string_equal(r->err, "");
    assert_true(r->seconds < 3.0);
}

static void a_stranger_gets_no_answer(void **state)
{
    (void)state;
    start(&all_well);
    assert_int_equal(hlctl("keygen identity stranger.key -q")->exit, 0);
    assert_int_equal(hlctl("context add odd --roster mesh/mesh.json --identity stranger.key "
                           "--config odd.yaml")
                         ->exit,
                     0);
    struct run *r = hlctl("status --config odd.yaml --timeout 1s");
    assert_int_equal(r->exit, 3);
    expect_in(r->err, "HL-NET-01");
}

static void a_roster_of_another_mesh_is_refused_before_anything_is_sent(void **state)
{
    (void)state;
    assert_int_equal(hlctl("keygen mesh other --coordinator x=127.0.0.1:1 -q")->exit, 0);
    assert_int_equal(hlctl("context add mixed --roster mesh/mesh.json --identity other/admin.key "
                           "--mesh hl-mesh:Jm4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx "
                           "--config mixed.yaml")
                         ->exit,
                     2);
    expect_in(
        hlctl("context add mixed --roster mesh/mesh.json --identity other/admin.key "
              "--mesh hl-mesh:Jm4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx --config mixed.yaml")
            ->err,
        "HL-CFG-04");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_leader_is_found_through_a_follower, stop),
        cmocka_unit_test_teardown(a_dead_coordinator_costs_less_than_a_second, stop),
        cmocka_unit_test_teardown(nobody_at_home_is_exit_3_with_every_address, stop),
        cmocka_unit_test_teardown(
            without_a_leader_reads_fail_unless_stale_and_then_their_age_is_told, stop),
        cmocka_unit_test_teardown(status_says_what_needs_somebody_worst_first, stop),
        cmocka_unit_test_teardown(status_as_json_is_the_document_with_ages, stop),
        cmocka_unit_test_teardown(lists_are_tables_for_people_and_documents_for_programs, stop),
        cmocka_unit_test_teardown(sync_watch_prints_each_change_and_ends_when_synced, stop),
        cmocka_unit_test_teardown(a_blocked_application_ends_the_watch_with_its_reason, stop),
        cmocka_unit_test_teardown(a_watch_that_takes_too_long_is_exit_4_and_says_who, stop),
        cmocka_unit_test_teardown(a_lost_change_is_sent_again_with_the_same_sequence, stop),
        cmocka_unit_test_teardown(a_refusal_keeps_its_exit_code, stop),
        cmocka_unit_test_teardown(a_token_is_printed_once_and_its_secret_is_not_sent, stop),
        cmocka_unit_test_teardown(events_are_followed_by_index_until_the_reader_goes, stop),
        cmocka_unit_test_teardown(names_are_completed_from_the_mesh_and_remembered, stop),
        cmocka_unit_test_teardown(a_stranger_gets_no_answer, stop),
        cmocka_unit_test_teardown(a_roster_of_another_mesh_is_refused_before_anything_is_sent,
                                  stop),
    };
    keys_init();
    return cmocka_run_group_tests_name("hlctl/online", tests, mesh_make, mesh_remove);
}
