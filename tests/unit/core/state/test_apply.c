/* What holds for every command: sessions, events, store failures, and two members that agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/fleet_state.h"

#define FLEET                                                                                      \
    HL_CLEANUP(fleet_state_deinit) struct fleet_state f;                                           \
    (void)state;                                                                                   \
    fleet_state_init(&f)

static int apply_as(struct fleet_state *f, const char *client, uint64_t sequence, const char *name,
                    const char *body)
{
    struct command c = {
        .name = str_from(name),
        .client_id = str_from(client),
        .sequence = sequence,
        .author = STR("tester"),
        .wall_ms = f->wall_ms,
        .body = str_from(body),
    };

    assert_int_equal(state_apply(&f->store.kv, ++f->index, &c, f->arena, &f->result, NULL), 0);
    return f->result.code;
}

static int64_t count_events(struct fleet_state *f, int64_t *out_first, int64_t *out_last)
{
    struct str cursor = STR_NONE;
    struct state_event event;
    int64_t count = 0;

    while (state_event_next(&f->store.kv, &cursor, f->arena, &event, NULL) == KV_FOUND) {
        if (count++ == 0)
            *out_first = event.index;
        *out_last = event.index;
    }
    return count;
}

/* ---- sessions ---- */

static void the_same_sequence_gets_the_same_answer_and_changes_nothing(void **state)
{
    static const char body[] =
        "{\"id\":\"t\",\"hash\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
        "\",\"roles\":\"r\",\"uses\":1,\"ttl_ms\":5}";
    FLEET;
    assert_int_equal(apply_as(&f, "cli", 7, "token.create", body), 0);
    struct str answer = f.result.body;
    struct digest before = fleet_digest(&f);
    f.wall_ms += 100;
    assert_int_equal(apply_as(&f, "cli", 7, "token.create", body), 0);
    assert_true(answer.len > 0 && str_eq(f.result.body, answer));
    assert_int_equal(f.result.change_count, 0);
    struct digest after = fleet_digest(&f);
    assert_true(digest_eq(&before, &after));
    /* refusals are answered again as well */
    assert_int_equal(apply_as(&f, "cli", 8, "token.create", body), HL_ECONFLICT);
    struct str text = f.result.text;
    assert_int_equal(apply_as(&f, "other", 1, "token.revoke", "{\"id\":\"t\"}"), 0);
    assert_int_equal(apply_as(&f, "cli", 8, "token.create", body), HL_ECONFLICT);
    assert_true(str_eq(f.result.text, text));
}

static void a_lower_sequence_is_stale(void **state)
{
    FLEET;
    assert_int_equal(apply_as(&f, "cli", 7, "alarm.set", "{\"name\":\"x\"}"), 0);
    struct digest before = fleet_digest(&f);
    assert_int_equal(apply_as(&f, "cli", 6, "alarm.clear", "{\"name\":\"x\"}"), HL_EINVAL);
    assert_int_equal(apply_as(&f, "cli", 0, "alarm.clear", "{\"name\":\"x\"}"), HL_EINVAL);
    struct digest after = fleet_digest(&f);
    assert_true(digest_eq(&before, &after));
}

static void a_client_id_beyond_the_limit_is_refused(void **state)
{
    char id[STATE_CLIENT_MAX + 2] = {0};
    FLEET;
    for (size_t i = 0; i < sizeof(id) - 1; i++)
        id[i] = 'c';
    assert_int_equal(apply_as(&f, id, 1, "alarm.set", "{\"name\":\"x\"}"), HL_ELIMIT);
    assert_int_equal(f.store.count, 0);
    id[STATE_CLIENT_MAX] = '\0';
    assert_int_equal(apply_as(&f, id, UINT64_MAX, "alarm.set", "{\"name\":\"x\"}"), 0);
}

static size_t count_keys(const struct fleet_state *f, const char *prefix)
{
    size_t count = 0;

    for (size_t i = 0; i < f->store.count; i++)
        count += str_starts(f->store.pair[i].key, str_from(prefix));
    return count;
}

static void the_session_longest_unused_goes_first_when_there_are_too_many(void **state)
{
    char id[16];
    FLEET;
    for (int i = 0; i < STATE_SESSIONS_MAX; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        apply_as(&f, id, 5, "alarm.clear", "{\"name\":\"x\"}");
    }
    apply_as(&f, "c0", 6, "alarm.clear", "{\"name\":\"x\"}"); /* used again: c1 is the oldest */
    assert_int_equal(count_keys(&f, "session/"), STATE_SESSIONS_MAX);
    apply_as(&f, "one more", 1, "alarm.clear", "{\"name\":\"x\"}");
    assert_int_equal(count_keys(&f, "session/"), STATE_SESSIONS_MAX);
    assert_int_equal(count_keys(&f, "sessionlru/"), STATE_SESSIONS_MAX);
    assert_int_equal(apply_as(&f, "c0", 1, "alarm.clear", "{\"name\":\"x\"}"), HL_EINVAL);
    assert_int_equal(apply_as(&f, "c2", 1, "alarm.clear", "{\"name\":\"x\"}"), HL_EINVAL);
    assert_int_equal(apply_as(&f, "c1", 1, "alarm.clear", "{\"name\":\"x\"}"), 0);
}

/* ---- events, unknown commands, authors ---- */

static void the_newest_events_are_kept(void **state)
{
    int64_t first = 0;
    int64_t last = 0;
    FLEET;
    for (int i = 0; i < STATE_EVENTS_MAX + 10; i++) {
        fleet_apply(&f, "alarm.set", "{'name':'x','text':'%d'}", i);
        arena_reset(f.arena);
    }
    assert_int_equal(count_events(&f, &first, &last), STATE_EVENTS_MAX);
    assert_int_equal(last, STATE_EVENTS_MAX + 10);
    assert_int_equal(first, 11);
    struct str cursor = state_event_cursor(f.arena, last - 1);
    struct state_event event;
    assert_int_equal(state_event_next(&f.store.kv, &cursor, f.arena, &event, NULL), KV_FOUND);
    assert_int_equal(event.index, last);
    assert_int_equal(event.time_ms, f.wall_ms);
    assert_true(str_eq(event.author, STR("tester")));
    assert_int_equal(state_event_next(&f.store.kv, &cursor, f.arena, &event, NULL), KV_ABSENT);
}

static void a_command_of_a_later_version_is_a_failure_and_not_a_refusal(void **state)
{
    struct command c = {.name = STR("setting.swap"), .body = STR("{}")};
    struct err err = {0};
    FLEET;
    assert_int_equal(state_apply(&f.store.kv, ++f.index, &c, f.arena, &f.result, &err),
                     HL_EUNSUPPORTED);
    assert_true(str_find(str_from(err.text), STR("setting.swap"), 0) != SIZE_MAX);
    assert_int_equal(f.store.count, 0);
}

static void an_author_that_is_no_text_is_refused(void **state)
{
    struct command c = {.name = STR("alarm.set"), .author = STR("\xff"), .body = STR("{}")};
    FLEET;
    assert_int_equal(state_apply(&f.store.kv, ++f.index, &c, f.arena, &f.result, NULL), 0);
    assert_int_equal(f.result.code, HL_EINVAL);
}

static void a_body_beyond_the_limit_is_refused(void **state)
{
    FLEET;
    struct buf text = {0};
    buf_add_cstr(&text, "{\"name\":\"x\",\"text\":\"");
    while (text.len < COMMAND_BODY_MAX - 2)
        buf_add_byte(&text, '<'); /* six bytes each where it is kept */
    buf_add_cstr(&text, "\"}");
    struct command c = {.name = STR("alarm.set"), .body = buf_str(&text)};
    assert_int_equal(state_apply(&f.store.kv, ++f.index, &c, f.arena, &f.result, NULL), 0);
    assert_int_equal(f.result.code, 0);
    buf_add_byte(&text, ' ');
    c.body = buf_str(&text);
    assert_int_equal(state_apply(&f.store.kv, ++f.index, &c, f.arena, &f.result, NULL), 0);
    assert_int_equal(f.result.code, HL_ELIMIT);
    buf_deinit(&text);
}

/* ---- a failing store ---- */

struct step {
    const char *name;
    const char *body;
};

static const struct step story[] = {
    {"token.create",
     "{\"id\":\"t\",\"hash\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
     "\"roles\":\"r\",\"uses\":4,\"ttl_ms\":5000}"},
    {"agent.enroll", "{\"node\":\"n\",\"key\":\"k\",\"token\":\"t\"}"},
    {"agent.state", "{\"name\":\"n\",\"state\":\"alive\"}"},
    {"desired.reject", "{\"commit\":\"b\",\"errors\":[{\"text\":\"x\"}]}"},
    {"desired.put",
     "{\"commit\":\"c\",\"part\":0,\"parts\":2,\"upserts\":[{\"name\":\"a\",\"status\":"
     "\"applicable\",\"input\":\"i\"}]}"},
    {"desired.put",
     "{\"commit\":\"c\",\"part\":1,\"parts\":2,\"upserts\":[{\"name\":\"b\",\"status\":"
     "\"applicable\",\"input\":\"i\"}]}"},
    {"work.assign", "{\"key\":\"a\",\"agent\":\"n\",\"input\":\"i\"}"},
    {"work.report", "{\"key\":\"a\",\"agent\":\"n\",\"input\":\"i\",\"epoch\":1,\"outcome\":\"ok\","
                    "\"objects\":[]}"},
    {"work.assign", "{\"key\":\"b\",\"agent\":\"n\",\"input\":\"i\"}"},
    {"work.report", "{\"key\":\"b\",\"agent\":\"n\",\"input\":\"i\",\"epoch\":2,\"outcome\":"
                    "\"permanent\",\"message\":\"m\"}"},
    {"app.sync", "{\"all\":true}"},
    {"work.assign", "{\"key\":\"b\",\"agent\":\"n\",\"input\":\"i\"}"},
    {"agent.enroll", "{\"node\":\"n\",\"key\":\"k2\",\"token\":\"t\"}"},
    {"desired.put", "{\"base\":\"c\",\"commit\":\"d\",\"deletes\":[\"a\",\"b\"]}"},
    {"token.strike", "{\"id\":\"t\"}"},
    {"agent.revoke", "{\"name\":\"n\"}"},
    {"token.revoke", "{\"id\":\"t\"}"},
    {"alarm.set", "{\"name\":\"x\"}"},
    {"alarm.clear", "{\"name\":\"x\"}"},
};

static void a_store_that_fails_at_any_call_is_told_of(void **state)
{
    HL_CLEANUP(kv_array_deinit) struct kv_array before;
    size_t failures = 0;
    FLEET;
    kv_array_init(&before);
    for (size_t i = 0; i < HL_COUNT(story); i++) {
        struct command c = {.name = str_from(story[i].name),
                            .client_id = STR("cli"),
                            .sequence = i + 1,
                            .wall_ms = 1000,
                            .body = str_from(story[i].body)};
        struct state_result result;
        struct err err = {0};

        kv_array_copy(&before, &f.store);
        f.store.calls = 0;
        assert_int_equal(state_apply(&f.store.kv, ++f.index, &c, f.arena, &result, &err), 0);
        if (result.code != 0)
            fail_msg("%s: " STR_FMT, story[i].name, STR_ARG(result.text));
        size_t calls = f.store.calls;
        for (size_t at = 1; at <= calls; at++) {
            HL_CLEANUP(kv_array_deinit) struct kv_array broken;

            kv_array_init(&broken);
            kv_array_copy(&broken, &before);
            broken.fail_at = at;
            assert_int_equal(state_apply(&broken.kv, f.index, &c, f.arena, &result, &err), HL_EIO);
            failures++;
        }
    }
    assert_true(failures > 150);
}

/* ---- random commands on two members ---- */

enum { APPS = 6, NODES = 4, INPUTS = 3, COMMANDS = 20000 };

static const char *pick(struct rng *r, const char *const *of, size_t count)
{
    return of[rng_below(r, count)];
}

static struct str put_body(struct rng *r, struct kv *kv, struct arena *a)
{
    static const char *const statuses[] = {"applicable",  "applicable", "applicable",
                                           "unsupported", "error",      "nonsense"};
    struct state_head head;
    struct buf b = {0};
    size_t statuses_used = HL_COUNT(statuses) - (rng_below(r, 8) > 0);

    HL_ASSERT(state_head_get(kv, a, &head, NULL) >= 0);
    int64_t parts = rng_between(r, 1, 3) == 3 ? 2 : 1;
    buf_printf(&b, "{\"base\":\"%s\",\"commit\":\"c%d\",\"part\":%d,\"parts\":%d,\"upserts\":[",
               rng_below(r, 20) ? arena_cstr(a, head.commit) : "other", (int)rng_below(r, 5),
               (int)rng_below(r, (uint64_t)parts), (int)parts);
    for (uint64_t i = 0, n = rng_below(r, 4); i < n; i++)
        buf_printf(&b, "%s{\"name\":\"a%d\",\"status\":\"%s\",\"input\":\"i%d\",\"preserve\":%s}",
                   i ? "," : "", (int)rng_below(r, APPS), pick(r, statuses, statuses_used),
                   (int)rng_below(r, INPUTS), rng_below(r, 4) ? "false" : "true");
    buf_printf(&b, "],\"deletes\":[");
    if (rng_below(r, 4) == 0)
        buf_printf(&b, "\"a%d\"", (int)rng_below(r, APPS));
    buf_printf(&b, "]}");
    struct str text = arena_dup(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static struct str work_body(struct rng *r, struct kv *kv, struct arena *a, bool is_report)
{
    static const char *const outcomes[] = {"ok",        "ok",         "ok",
                                           "transient", "superseded", "permanent"};
    char name[8];
    struct state_app app;

    snprintf(name, sizeof(name), "a%d", (int)rng_below(r, APPS));
    HL_ASSERT(state_app_get(kv, str_from(name), a, &app, NULL) >= 0);
    bool is_right = rng_below(r, 8) > 0;
    struct str node =
        is_report && is_right ? app.agent : arena_printf(a, "n%d", (int)rng_below(r, NODES));
    int64_t epoch = is_right ? app.epoch : app.epoch - rng_between(r, 0, 2);
    return arena_printf(a,
                        "{\"key\":\"%s\",\"agent\":\"" STR_FMT "\",\"input\":\"" STR_FMT
                        "\",\"epoch\":%lld,\"outcome\":\"%s\",\"message\":\"m%d\",\"changed\":%d,"
                        "\"objects\":[%s]}",
                        name, STR_ARG(node), STR_ARG(app.input), (long long)epoch,
                        pick(r, outcomes, HL_COUNT(outcomes)), (int)rng_below(r, 3),
                        (int)rng_below(r, 3), rng_below(r, 2) ? "{\"id\":\"x\"}" : "");
}

static struct str registry_body(struct rng *r, struct arena *a)
{
    return arena_printf(a,
                        "{\"name\":\"n%d\",\"node\":\"n%d\",\"state\":\"%s\",\"key\":\"k%d\","
                        "\"token\":\"t%d\",\"id\":\"t%d\",\"roles\":\"r\",\"uses\":%d,"
                        "\"ttl_ms\":%d,\"text\":\"x%d\",\"hash\":\"00112233445566778899aabbccddee"
                        "ff00112233445566778899aabbccddeeff\"}",
                        (int)rng_below(r, NODES), (int)rng_below(r, NODES),
                        rng_below(r, 3) ? "alive" : "lost", (int)rng_below(r, 400),
                        (int)rng_below(r, 3), (int)rng_below(r, 3), (int)rng_below(r, 3),
                        (int)rng_below(r, 100000), (int)rng_below(r, 3));
}

static struct command random_command(struct rng *r, struct kv *kv, struct arena *a, int64_t wall_ms,
                                     uint64_t sequence)
{
    static const char *const names[] = {
        "desired.put", "desired.put",  "work.assign",  "work.assign",    "work.assign",
        "work.report", "work.report",  "work.report",  "agent.enroll",   "agent.state",
        "agent.state", "token.create", "token.strike", "token.revoke",   "alarm.set",
        "alarm.clear", "app.sync",     "agent.revoke", "desired.reject",
    };
    struct command c = {.name = str_from(pick(r, names, HL_COUNT(names))),
                        .author = STR("swarm"),
                        .wall_ms = wall_ms};

    if (str_eq(c.name, STR("agent.revoke")) && rng_below(r, 20))
        c.name = STR("agent.state");
    if (str_eq(c.name, STR("desired.put")))
        c.body = put_body(r, kv, a);
    else if (str_starts(c.name, STR("work.")))
        c.body = work_body(r, kv, a, str_eq(c.name, STR("work.report")));
    else if (str_eq(c.name, STR("app.sync")))
        c.body = rng_below(r, 4) ? arena_printf(a, "{\"name\":\"a%d\"}", (int)rng_below(r, APPS))
                                 : STR("{\"all\":true}");
    else if (str_eq(c.name, STR("desired.reject")))
        c.body = arena_printf(a, "{\"commit\":\"c\",\"errors\":[%d]}", (int)rng_below(r, 2));
    else
        c.body = registry_body(r, a);
    if (rng_below(r, 30) == 0)
        c.body = str_sub(c.body, 0, rng_below(r, c.body.len));
    if (rng_below(r, 10) == 0) {
        c.client_id = arena_printf(a, "cli%d", (int)rng_below(r, 3));
        c.sequence = sequence - rng_below(r, 2) * rng_below(r, 40);
    }
    return c;
}

struct holders {
    int64_t highest;    /* the highest epoch ever seen */
    int64_t last[APPS]; /* of each app, while its record lives */
    struct map *holder; /* "app epoch" -> node, for ever */
};

/* At most one holder for an app and epoch; epochs only grow, for the app and for the mesh. */
static void check_holders(struct holders *h, struct kv *kv, struct arena *a, size_t *leases)
{
    int64_t highest = h->highest;

    for (int i = 0; i < APPS; i++) {
        struct state_app app;

        int r = state_app_get(kv, arena_printf(a, "a%d", i), a, &app, NULL);
        HL_ASSERT(r >= 0);
        if (r != KV_FOUND) {
            h->last[i] = 0;
            continue;
        }
        assert_true(app.epoch >= h->last[i]);
        assert_true(app.epoch == h->last[i] || app.epoch > h->highest);
        h->last[i] = app.epoch;
        highest = app.epoch > highest ? app.epoch : highest;
        if (!str_eq(app.phase, STR("leased")))
            continue;
        struct str key = arena_printf(a, "a%d %lld", i, (long long)app.epoch);
        char *before = map_get(h->holder, key);
        if (before) {
            assert_true(str_eq(str_from(before), app.agent));
        } else {
            map_set(h->holder, key, (void *)(uintptr_t)str_dup(app.agent).ptr);
            (*leases)++;
        }
    }
    h->highest = highest;
}

static void two_members_agree_after_random_commands_and_no_lease_has_two_holders(void **state)
{
    HL_CLEANUP(fleet_state_deinit) struct fleet_state g;
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct holders holders = {.holder = map_new(1)};
    size_t leases = 0;
    size_t refusals = 0;
    struct rng r;
    FLEET;
    fleet_state_init(&g);
    rng_seed(&r, 20240607);
    for (uint64_t i = 1; i <= COMMANDS; i++) {
        f.wall_ms += rng_between(&r, 0, 2000);
        struct command c = random_command(&r, &f.store.kv, scratch, f.wall_ms, i);
        struct state_result one;
        struct state_result two;

        assert_int_equal(state_apply(&f.store.kv, i, &c, scratch, &one, NULL), 0);
        assert_int_equal(state_apply(&g.store.kv, i, &c, scratch, &two, NULL), 0);
        assert_int_equal(one.code, two.code);
        assert_true(str_eq(one.text, two.text) && str_eq(one.body, two.body));
        assert_int_equal(one.change_count, two.change_count);
        refusals += one.code != 0;
        check_holders(&holders, &f.store.kv, scratch, &leases);
        if (i % 500 == 0) {
            struct digest mine = fleet_digest(&f);
            struct digest its = fleet_digest(&g);
            assert_true(digest_eq(&mine, &its));
        }
        arena_reset(scratch);
    }
    /* the generator reaches what it is for */
    assert_true(leases > 200);
    assert_in_range(refusals, COMMANDS / 10, COMMANDS * 9 / 10);
    for (size_t i = 0; i < map_count(holders.holder); i++)
        str_free(str_from(map_value_at(holders.holder, i)));
    map_free(holders.holder);
    print_message("%zu leases, %zu refusals of %d commands\n", leases, refusals, COMMANDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_sequence_gets_the_same_answer_and_changes_nothing),
        cmocka_unit_test(a_lower_sequence_is_stale),
        cmocka_unit_test(a_client_id_beyond_the_limit_is_refused),
        cmocka_unit_test(the_session_longest_unused_goes_first_when_there_are_too_many),
        cmocka_unit_test(the_newest_events_are_kept),
        cmocka_unit_test(a_command_of_a_later_version_is_a_failure_and_not_a_refusal),
        cmocka_unit_test(an_author_that_is_no_text_is_refused),
        cmocka_unit_test(a_body_beyond_the_limit_is_refused),
        cmocka_unit_test(a_store_that_fails_at_any_call_is_told_of),
        cmocka_unit_test(two_members_agree_after_random_commands_and_no_lease_has_two_holders),
    };
    return cmocka_run_group_tests_name("core/state/apply", tests, NULL, NULL);
}
