/*
 * raft and snapshot against scripted coordinators over real CURVE sockets. The pieces of a snapshot
 * come from the real store; who leads, what gets lost and what takes its time comes from the
 * script. What the leader was asked is written down in the file "asked".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "edge/store/statedb.h"
#include "unit/hlctl/mesh.h"

enum { STORED = 40, PIECE_BYTES = 300, PIECES_MAX = 64, HEAP_PIECES = 400 };

struct script {
    bool is_alone;      /* c1 only */
    bool is_unanswered; /* the first change is obeyed, and its answer lost */
    int busy;           /* how many changes are refused from then on: one is under way */
    int slow_polls;     /* slow work ends when its followers were asked this often */
    int64_t slow_ms;    /* or after this time, in which c1 does nothing else */
    int unsettled;      /* so often, the leader has not heard of the others yet */
    int64_t match[MESH_MEMBERS];
    const char *role[MESH_MEMBERS];  /* NULL: voter */
    const char *state[MESH_MEMBERS]; /* of a member that does not lead; NULL: follower */
    int flipped;                     /* a byte of this piece, from 1, is another */
    int forgotten;                   /* once, the base is gone when this piece is asked for */
    int endless;                     /* this many pieces of nonsense */
    int silent;                      /* this piece, from 1, is never answered */
    bool is_other_mesh;
};

static struct fake {
    const struct script *script;
    size_t leader; /* from 0 */
    int changes;
    int members;
    int busy;
    bool has_forgotten;
    bool is_gone[MESH_MEMBERS]; /* no member */
    int polls;
    struct wire_connection held; /* slow work */
    uint64_t held_id;            /* 0: none */
} fake;

/* What the store holds, read before the child is there. */
static struct raft_snapshot base;
static struct str piece[PIECES_MAX];
static size_t piece_count;
static struct arena *keep;

/* ---- scripted coordinators ---- */

static void note(const char *what, struct str with)
{
    char path[200];

    snprintf(path, sizeof path, "%s/asked", mesh_dir);
    FILE *file = fopen(path, "a");
    HL_ASSERT(file != NULL);
    fprintf(file, "%s " STR_FMT "\n", what, STR_ARG(with));
    fclose(file);
}

static struct wire_reply refusal(int code, const char *text)
{
    return (struct wire_reply){.code = code, .error = str_from(text)};
}

static void say(const struct fake *f, struct wire_hub *const hub[], size_t at,
                const struct wire_connection *to, struct wire_reply reply)
{
    struct wire_message m = {.kind = WIRE_REPLY, .reply = reply};

    m.reply.leader = f->leader + 1;
    m.reply.is_leader = at == f->leader;
    m.reply.revision = 88;
    hub_answer(hub[at], to, &m);
}

static struct wire_reply members(struct fake *f, struct arena *a)
{
    const struct script *s = f->script;
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    bool is_settled = f->members++ >= s->unsettled;

    for (size_t i = 0; i < MESH_MEMBERS; i++) {
        const char *state = i == f->leader ? "leader" : s->state[i] ? s->state[i] : "follower";
        buf_printf(&out,
                   "%s{\"id\":%zu,\"name\":\"c%zu\",\"state\":\"%s\",\"role\":\"%s\","
                   "\"match_index\":%lld}",
                   i > 0 ? "," : "{\"items\":[", i + 1, i + 1, state,
                   s->role[i] ? s->role[i] : "voter", is_settled ? (long long)s->match[i] : 0);
    }
    buf_add_cstr(&out, "]}");
    return (struct wire_reply){.body = arena_dup(a, buf_str(&out))};
}

static struct wire_reply change(struct fake *f, const struct value *body)
{
    struct str op = value_get_str(body, "op");
    size_t at = (size_t)value_get_int(body, "member", 1) - 1;

    if (f->changes > 1 && f->busy-- > 0)
        return refusal(HL_ECONFLICT, "another change of members is under way");
    if (at >= MESH_MEMBERS || (f->is_gone[at] && !str_eq(op, STR("add"))))
        return refusal(HL_EABSENT, "there is no such member");
    if (f->script->role[at] && str_eq(op, STR("promote")))
        return refusal(HL_EINVAL, "too few of those who would remain are reachable");
    f->is_gone[at] = str_eq(op, STR("remove"));
    return (struct wire_reply){.body = STR("{}")};
}

static struct wire_reply transfer(struct fake *f, const struct value *body)
{
    int64_t to = value_get_int(body, "to", 0);
    size_t leader = to > 0 ? (size_t)to - 1 : (f->leader + 1) % MESH_MEMBERS;

    if (leader != f->leader)
        note("leads", STR_NONE);
    f->leader = leader;
    return (struct wire_reply){.body = STR("{}")};
}

static struct wire_reply begin_snapshot(const struct fake *f, struct arena *a)
{
    const char *other = "hl-mesh:Jm4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    return (struct wire_reply){
        .body = arena_printf(a,
                             "{\"id\":\"%016llx\",\"index\":%llu,\"term\":%llu,\"time\":"
                             "\"2026-11-23T09:00:00Z\",\"mesh\":\"%s\",\"members\":[{\"id\":1,"
                             "\"voter\":true},{\"id\":2,\"voter\":false}]}",
                             (unsigned long long)base.id, (unsigned long long)base.index,
                             (unsigned long long)base.term,
                             f->script->is_other_mesh ? other : mesh_id)};
}

static struct wire_reply nonsense(int number, int count, struct arena *a)
{
    struct str data = {arena_alloc(a, RAFT_PIECE_BYTES_MAX), RAFT_PIECE_BYTES_MAX};

    return (struct wire_reply){.body = data,
                               .next = number < count ? arena_printf(a, "%08x", number) : STR_NONE};
}

/* A cursor is the number of pieces before it. */
static struct wire_reply give_piece(struct fake *f, const struct value *body, struct arena *a)
{
    const struct script *s = f->script;
    char *hex = arena_cstr(a, value_get_str(body, "cursor"));
    int number = (int)strtol(hex[0] ? hex : "0", NULL, 16) + 1;

    if (s->endless > 0)
        return nonsense(number, s->endless, a);
    if (number == s->forgotten && !f->has_forgotten) {
        f->has_forgotten = true;
        return refusal(HL_EABSENT, "that state is no longer kept; begin again");
    }
    struct str data = arena_dup(a, piece[number - 1]);
    if (number == s->flipped)
        ((char *)data.ptr)[data.len / 2] ^= 1;
    return (struct wire_reply){
        .body = data,
        .next = (size_t)number < piece_count ? arena_printf(a, "%08x", number) : STR_NONE,
        .id = number == s->silent ? 1 : 0};
}

static bool is_slow_work(struct str method)
{
    return str_eq(method, STR("raft.compact")) || str_eq(method, STR("snapshot.begin"));
}

/* False: nobody says anything now. */
static bool lead(struct fake *f, const struct wire_inbound *in, struct wire_reply *reply,
                 struct arena *a)
{
    const struct wire_request *r = &in->message.request;
    struct timespec pause = {f->script->slow_ms / 1000, f->script->slow_ms % 1000 * 1000000};
    struct value *body = NULL;
    struct err err;

    if (json_read(a, r->body, STR("body"), &body, &err) != 0)
        hl_die("%s", err.text);
    note(arena_cstr(a, r->method), r->body);
    f->changes += str_eq(r->method, STR("raft.change")) || str_eq(r->method, STR("raft.transfer"));
    if (str_eq(r->method, STR("raft.change")))
        *reply = change(f, body);
    else if (str_eq(r->method, STR("raft.transfer")))
        *reply = transfer(f, body);
    else if (str_eq(r->method, STR("raft.compact")))
        reply->body = STR("{\"base\":88,\"first\":60}");
    else if (str_eq(r->method, STR("raft.status")))
        reply->body = STR("{\"role\":\"leader\",\"term\":41,\"leader\":1,\"commit_index\":88,"
                          "\"log\":{\"first_index\":60},\"alarm\":\"\\u001b[2J\"}");
    else if (str_eq(r->method, STR("snapshot.begin")))
        *reply = begin_snapshot(f, a);
    else if (str_eq(r->method, STR("snapshot.piece")))
        *reply = give_piece(f, body, a);
    else
        *reply = members(f, a);
    if (is_slow_work(r->method) && f->script->slow_ms > 0)
        nanosleep(&pause, NULL);
    if (is_slow_work(r->method) && f->script->slow_polls > 0) {
        f->held = in->from;
        f->held_id = r->id;
        return false;
    }
    return reply->id == 0 && !(f->script->is_unanswered && f->changes == 1);
}

/* A follower was asked whether it leads by now. */
static void count_poll(struct fake *f, struct wire_hub *const hub[])
{
    struct wire_reply done = {.id = f->held_id, .body = STR("{\"base\":88,\"first\":60}")};

    if (f->held_id != 0 && ++f->polls == f->script->slow_polls)
        say(f, hub, f->leader, &f->held, done);
}

static void answer(void *context, size_t at, struct wire_hub *const hub[MESH_MEMBERS],
                   const struct wire_inbound *in, struct arena *a)
{
    struct fake *f = context;
    struct wire_reply reply = {0};

    if (at != f->leader) {
        reply = refusal(HL_ETEMP, "this coordinator does not lead");
        reply.error_id = STR("HL-NET-02");
        count_poll(f, hub);
    } else if (!lead(f, in, &reply, a)) {
        return;
    }
    reply.id = in->message.request.id;
    say(f, hub, at, &in->from, reply);
}

static void start(const struct script *script)
{
    bool is_there[MESH_MEMBERS] = {true, !script->is_alone, !script->is_alone};
    char path[200];

    snprintf(path, sizeof path, "%s/asked", mesh_dir);
    unlink(path);
    fake = (struct fake){.script = script, .busy = script->busy};
    fake.is_gone[2] = script->role[2] && strcmp(script->role[2], "none") == 0;
    mesh_start(is_there, answer, &fake);
}

static int stop(void **state)
{
    (void)state;
    mesh_stop();
    return 0;
}

/* How often `part` is in what the leader was asked. */
static size_t times_asked(const char *part)
{
    static char text[100000];
    size_t times = 0;

    mesh_read("asked", text, sizeof text);
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        times++;
    return times;
}

static const struct script all_well = {0};

/* ---- handing over ---- */

static void a_leadership_whose_answer_is_lost_is_handed_over_once(void **state)
{
    const struct script script = {.is_unanswered = true, .match = {88, 80, 88}};

    (void)state;
    start(&script);
    struct run *r = expect("raft transfer", 0, "coordinator/c3 leads\n");
    assert_true(r->seconds > 0.2); /* the answer was missed */
    assert_int_equal(times_asked("leads"), 1);
    assert_int_equal(times_asked("{\"to\":0}"), 0);
    assert_true(times_asked("raft.transfer {\"to\":3}") >= 2);
}

static void the_leadership_goes_to_the_voter_that_knows_most(void **state)
{
    const struct script learner = {.match = {88, 80, 88}, .role = {NULL, NULL, "learner"}};
    const struct script away = {
        .unsettled = 2, .match = {88, 80, 88}, .state = {NULL, NULL, "unreachable"}};

    start(&learner);
    expect("raft transfer --stale -o name", 0, "coordinator/c2\n");
    expect("raft transfer c2", 0, "coordinator/c2 leads\n"); /* leads already */
    expect_in(expect("raft transfer c1 -o json", 0, NULL)->out, "\"leader\": \"c1\"");
    expect_trouble(expect("raft transfer c9", 1, ""), "HL-OBJ-01", "lists 3 others");
    stop(state);
    start(&away);
    expect("raft transfer", 0, "coordinator/c2 leads\n");
}

static void without_another_voter_nothing_is_handed_over(void **state)
{
    const struct script script = {.role = {NULL, "none", "learner"}};

    (void)state;
    start(&script);
    expect_trouble(expect("raft transfer", 1, ""), "HL-REQ-01",
                   "no other voter is in reach of the leader, c1");
    assert_int_equal(times_asked("raft.transfer"), 0);
}

/* ---- changes of members ---- */

static void members_are_added_promoted_and_removed(void **state)
{
    (void)state;
    start(&all_well);
    expect("raft add c3", 0, "coordinator/c3 added as a learner\n");
    expect("raft promote 3", 0, "coordinator/3 is a voter\n");
    expect("raft remove c3 -o name", 0, "coordinator/c3\n");
    expect_in(expect("raft add c3 -o json", 0, NULL)->out, "\"kind\": \"RaftChange\"");
    assert_int_equal(times_asked("{\"member\":3,\"op\":\"add\"}"), 2);
}

static void a_change_of_members_that_is_refused_says_why(void **state)
{
    const struct script script = {.is_alone = true, .role = {NULL, "learner", "none"}};
    const struct script busy = {.is_alone = true, .busy = 1000};

    start(&script);
    expect_trouble(expect("raft remove c3", 1, ""), "HL-OBJ-01", "coordinator c1");
    expect_in(hlctl("raft remove c3")->err, "error: there is no such member");
    expect_in(hlctl("raft remove c3")->err, "next  hlctl raft members");
    expect_trouble(expect("raft remove nobody", 1, ""), "HL-OBJ-01", "roster");
    expect_trouble(expect("raft promote c2", 1, ""), "HL-REQ-01", "raft.change");
    stop(state);
    start(&busy);
    hlctl("raft remove c2");
    struct run *r = expect("raft remove c3 --timeout 1s", 6, "");
    expect_trouble(r, "HL-CONFLICT-01", "raft.change");
    expect_in(r->err, "error: another change of members is under way");
    assert_true(times_asked("raft.change") > 2); /* it was tried again until then */
}

static void who_was_removed_by_a_lost_attempt_is_not_missed(void **state)
{
    const struct script script = {.is_alone = true, .is_unanswered = true};
    const struct script busy = {.is_alone = true, .is_unanswered = true, .busy = 1};

    start(&script);
    expect("raft remove c3", 0, "coordinator/c3 is not a member\n");
    expect("raft remove c3", 1, ""); /* now the very first answer says so */
    stop(state);
    start(&busy); /* the second attempt finds the first one under way, the third is the answer */
    expect("raft remove c3 -o name", 0, "coordinator/c3\n");
    assert_int_equal(times_asked("raft.change"), 3);
}

static void a_status_is_shown_without_controls(void **state)
{
    (void)state;
    start(&all_well);
    struct run *r = expect("raft status", 0, NULL);
    expect_in(r->out, "coordinator   c1\nrole          leader\nterm          41\n");
    expect_in(r->out, "log from      60\n");
    expect_in(r->out, "alarm         \\x1b[2J\n");
    expect_in(expect("raft status -o json", 0, NULL)->out, "\"kind\": \"RaftStatus\"");
}

/* ---- slow work ---- */

static void a_coordinator_that_is_merely_slow_is_waited_for(void **state)
{
    const struct script script = {.is_alone = true, .slow_ms = 5600};

    (void)state;
    start(&script);
    expect("raft compact", 0, "base/88 written, the log dropped below it\n");
    assert_int_equal(times_asked("raft.compact"), 1);
}

static void slow_work_is_asked_for_once_while_the_others_are_asked_who_leads(void **state)
{
    const struct script script = {.slow_polls = 12};

    (void)state;
    start(&script);
    struct run *r = expect("raft compact -o json", 0, NULL);
    expect_in(r->out, "\"base\": 88");
    assert_true(r->seconds > 1.6); /* longer than one coordinator has otherwise */
    assert_int_equal(times_asked("raft.compact"), 1);
}

static void slow_work_ends_with_the_timeout_and_when_nobody_is_there(void **state)
{
    const struct script script = {.slow_polls = 1000000};

    start(&script);
    struct run *r = expect("raft compact --timeout 1s", 4, "");
    expect_trouble(r, "HL-NET-03", "no answer in 1.0 s");
    expect_in(r->err, "error: no answer from the leader within 1 s");
    stop(state);
    r = expect("raft compact", 3, ""); /* that is known after 5 s, and not after 130 */
    expect_trouble(r, "HL-NET-01", "no answer in 5.0 s");
}

/* ---- snapshots ---- */

static void a_snapshot_is_saved_whole_and_verified(void **state)
{
    const struct script script = {.forgotten = 2};

    (void)state;
    start(&script);
    struct run *r = expect("snapshot save whole.snapshot", 0, NULL);
    expect_in(r->err, "that state is no longer kept; begin again; beginning again\n");
    expect_in(r->out, "taken    2026-11-23T09:00:00Z\nindex    77, term 3\nmembers  2\n"
                      "records  40\n");
    assert_int_equal(times_asked("snapshot.begin"), 2);
    expect("version >/dev/null; ls whole.*; stat -c %a whole.snapshot", 0, "whole.snapshot\n600\n");
    expect_trouble(expect("snapshot save whole.snapshot", 1, ""), "HL-FILE-01", "only copy");
    expect_trouble(expect("snapshot save no/such/folder", 1, ""), "HL-FILE-02", "No such file");
    stop(state);
    expect("snapshot inspect whole.snapshot -o name >/dev/null", 0, ""); /* nobody is there */
    expect_in(expect("snapshot inspect whole.snapshot -o json", 0, NULL)->out, "\"records\": 40");
    expect("snapshot restore whole.snapshot --roster mesh/mesh.json --member c2 --dir c2-data", 0,
           "coordinator/c2 begins from the snapshot; start all of them together\n");
    expect_trouble(
        expect("snapshot restore whole.snapshot --roster mesh/mesh.json --member c2 --dir c2-data",
               1, ""),
        "HL-FILE-01", "is not empty");
}

static void a_piece_that_was_changed_leaves_no_snapshot(void **state)
{
    (void)state;
    for (int i = 1; i <= (int)piece_count; i += (int)piece_count - 1) {
        const struct script script = {.flipped = i};
        start(&script);
        struct run *r = expect("snapshot save bad.snapshot", 1, "");
        expect_trouble(r, "HL-SNAP-01", "bad.snapshot.partial: byte ");
        expect("version >/dev/null; ls | grep -c bad.snapshot", 1, "0\n");
        stop(state);
    }
}

static void a_snapshot_of_another_mesh_is_not_saved(void **state)
{
    const struct script script = {.is_other_mesh = true};

    (void)state;
    start(&script);
    expect_trouble(expect("snapshot save odd.snapshot", 1, ""), "HL-NET-04", "of another mesh");
    expect("version >/dev/null; ls | grep -c odd.snapshot", 1, "0\n");
}

static void an_interrupted_save_leaves_nothing_behind(void **state)
{
    const struct script script = {.silent = 2};

    (void)state;
    start(&script);
    expect("snapshot save cut.snapshot & until grep -q piece asked; do :; done; kill -INT $!; "
           "wait $!; echo $?; ls | grep -c cut.snapshot",
           1, "130\n0\n");
}

static long peak_kib(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    return usage.ru_maxrss;
}

static void a_large_snapshot_takes_the_memory_of_one_piece(void **state)
{
    const struct script script = {.is_alone = true, .endless = HEAP_PIECES};

    (void)state;
    setenv("ASAN_OPTIONS", "quarantine_size_mb=1",
           1); /* memory that is freed shall count as free */
    expect("snapshot save small.snapshot --timeout 1ms", 3, "");
    long before = peak_kib();
    start(&script);
    expect_trouble(expect("snapshot save large.snapshot", 1, ""), "HL-SNAP-01", "byte");
    unsetenv("ASAN_OPTIONS");
    assert_true(peak_kib() - before < HEAP_PIECES * (RAFT_PIECE_BYTES_MAX / 1024) / 2);
}

/* ---- what the store holds ---- */

static void read_pieces(struct statedb *db)
{
    struct str cursor = STR_NONE;
    bool is_last = false;
    struct str next;
    struct err err;

    while (!is_last) {
        HL_ASSERT(piece_count < PIECES_MAX);
        if (statedb_read_piece(db, base.id, cursor, PIECE_BYTES, keep, &piece[piece_count++], &next,
                               &is_last, &err) != 0)
            hl_die("%s", err.text);
        cursor = next;
    }
}

static int make_store(void **state)
{
    HL_CLEANUP(statedb_closep) struct statedb *db = NULL;
    HL_CLEANUP(store_dir_closep) struct store_dir *dir = NULL;
    struct raft_members alone = {.member = {{1, true}}, .count = 1};
    struct store_identity identity = {str_from(mesh_id), 1};
    char path[200];
    struct err err;

    if (mesh_make(state) != 0)
        return -1;
    keep = arena_new();
    identity.mesh = str_from(mesh_id);
    snprintf(path, sizeof path, "%s/store", mesh_dir);
    if (store_dir_open(str_from(path), &identity, &dir, &err) != 0 ||
        statedb_open(dir, &db, &err) != 0)
        hl_die("%s", err.text);
    struct kv *kv = statedb_begin(db);
    for (int i = 0; i < STORED; i++) {
        char key[40];
        snprintf(key, sizeof key, "key/%04d", i);
        if (kv->put(kv->context, str_from(key), STR("some bytes of a value"), &err) != 0)
            hl_die("%s", err.text);
    }
    statedb_commit(db, 77);
    struct checkpoint *c = statedb_freeze(db, 3, &alone);
    if (!c || checkpoint_run(c, &err) != 0)
        hl_die("no base");
    statedb_adopt(db, c);
    checkpoint_free(c);
    base = *statedb_base(db);
    read_pieces(db);
    return 0;
}

static int remove_store(void **state)
{
    arena_free(keep);
    return mesh_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_leadership_whose_answer_is_lost_is_handed_over_once, stop),
        cmocka_unit_test_teardown(the_leadership_goes_to_the_voter_that_knows_most, stop),
        cmocka_unit_test_teardown(without_another_voter_nothing_is_handed_over, stop),
        cmocka_unit_test_teardown(members_are_added_promoted_and_removed, stop),
        cmocka_unit_test_teardown(a_change_of_members_that_is_refused_says_why, stop),
        cmocka_unit_test_teardown(who_was_removed_by_a_lost_attempt_is_not_missed, stop),
        cmocka_unit_test_teardown(a_status_is_shown_without_controls, stop),
        cmocka_unit_test_teardown(a_coordinator_that_is_merely_slow_is_waited_for, stop),
        cmocka_unit_test_teardown(slow_work_is_asked_for_once_while_the_others_are_asked_who_leads,
                                  stop),
        cmocka_unit_test_teardown(slow_work_ends_with_the_timeout_and_when_nobody_is_there, stop),
        cmocka_unit_test_teardown(a_snapshot_is_saved_whole_and_verified, stop),
        cmocka_unit_test_teardown(a_piece_that_was_changed_leaves_no_snapshot, stop),
        cmocka_unit_test_teardown(a_snapshot_of_another_mesh_is_not_saved, stop),
        cmocka_unit_test_teardown(an_interrupted_save_leaves_nothing_behind, stop),
        cmocka_unit_test_teardown(a_large_snapshot_takes_the_memory_of_one_piece, stop),
    };
    keys_init();
    return cmocka_run_group_tests_name("hlctl/online raft", tests, make_store, remove_store);
}
