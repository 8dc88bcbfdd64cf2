/* Agents, their keys, tokens and alarms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fleet_state.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FLEET                                                                                      \
    HL_CLEANUP(fleet_state_deinit) struct fleet_state f;                                           \
    (void)state;                                                                                   \
    fleet_state_init(&f)

static const char enroll[] = "{'node':'%s','key':'%s','token':'%s'}";

static void create(struct fleet_state *f, const char *id, int uses, const char *node)
{
    assert_int_equal(fleet_apply(f, "token.create",
                                 "{'id':'%s','hash':'" HASH "','roles':'kubernetes,node',"
                                 "'uses':%d,'ttl_ms':60000,'node':'%s'}",
                                 id, uses, node),
                     0);
}

static bool has_token(struct fleet_state *f, const char *id)
{
    struct state_token token;

    return state_token_get(&f->store.kv, str_from(id), f->arena, &token, NULL) == KV_FOUND;
}

static void a_token_enrols_once_and_the_agent_waits_to_be_heard(void **state)
{
    FLEET;
    create(&f, "t", 1, "");
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "k1", "t"), 0);
    struct state_agent agent = fleet_agent(&f, "n1");
    assert_true(str_eq(agent.roles, STR("kubernetes,node")));
    assert_true(str_eq(agent.state, STR("lost")));
    assert_true(str_eq(agent.status, STR("active")));
    assert_int_equal(agent.enrolled_ms, f.wall_ms);
    assert_string_equal(fleet_last_event(&f), "agent.enrolled");
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n2", "k2", "t"), HL_EDENIED);
}

static void a_token_of_many_uses_counts_down(void **state)
{
    FLEET;
    create(&f, "t", 2, "");
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "k1", "t"), 0);
    assert_true(has_token(&f, "t"));
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n2", "k2", "t"), 0);
    assert_false(has_token(&f, "t"));
}

static void unknown_expired_foreign_and_malformed_enrolments_are_refused(void **state)
{
    char name[STATE_NAME_MAX + 2] = {0};
    FLEET;
    create(&f, "t", 1, "n1");
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", "k1", "nope"), HL_EDENIED);
    assert_int_equal(fleet_refused(&f, "agent.enroll", "{}"), HL_EDENIED);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n2", "k1", "t"), HL_EDENIED);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", "", "t"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "", "k", "t"), HL_EINVAL);
    for (size_t i = 0; i < sizeof(name) - 1; i++)
        name[i] = 'n';
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, name, "k", "t"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", name, "t"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", "k", name), HL_EDENIED);
    f.wall_ms += 60000;
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", "k1", "t"), HL_EDENIED);
    f.wall_ms -= 1;
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "k1", "t"), 0);
}

static void a_new_key_of_a_node_bans_the_old_one_and_frees_its_leases(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    create(&f, "t", 3, "");
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "fresh", "t"), 0);
    assert_int_equal(state_key_is_revoked(&f.store.kv, STR("key-of-n1"), NULL), 1);
    assert_int_equal(state_key_is_revoked(&f.store.kv, STR("fresh"), NULL), 0);
    assert_true(str_eq(fleet_app(&f, "a").phase, STR("pending")));
    assert_true(fleet_app(&f, "a").takeover);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n2", "key-of-n1", "t"), HL_EDENIED);
    /* the same key again is no change of key */
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "fresh", "t"), 0);
    assert_int_equal(state_key_is_revoked(&f.store.kv, STR("fresh"), NULL), 0);
}

static void a_key_belongs_to_one_node(void **state)
{
    FLEET;
    create(&f, "t", 3, "");
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "k", "t"), 0);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n2", "k", "t"), HL_ECONFLICT);
}

static void a_revoked_agent_loses_leases_and_its_key_for_ever(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "agent.revoke", "{'name':'n1','reason':'stolen'}"), 0);
    assert_true(str_eq(fleet_agent(&f, "n1").status, STR("revoked")));
    assert_true(str_eq(fleet_agent(&f, "n1").reason, STR("stolen")));
    assert_true(str_eq(fleet_app(&f, "a").phase, STR("pending")));
    assert_int_equal(fleet_refused(&f, "agent.revoke", "{'name':'n1'}"), HL_ECONFLICT);
    assert_int_equal(fleet_refused(&f, "agent.revoke", "{'name':'n9'}"), HL_EABSENT);
    create(&f, "t", 2, "");
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", "key-of-n1", "t"), HL_EDENIED);
    assert_int_equal(fleet_apply(&f, "agent.state", "{'name':'n1','state':'alive'}"), 0);
    assert_true(str_eq(fleet_agent(&f, "n1").state, STR("lost")));
    assert_int_equal(fleet_apply(&f, "agent.enroll", enroll, "n1", "new", "t"), 0);
    assert_true(str_eq(fleet_agent(&f, "n1").status, STR("active")));
}

static void only_transitions_of_an_agent_change_anything(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    struct digest before = fleet_digest(&f);
    assert_int_equal(fleet_apply(&f, "agent.state", "{'name':'n1','state':'alive'}"), 0);
    struct digest after = fleet_digest(&f);
    assert_true(digest_eq(&before, &after));
    assert_int_equal(fleet_refused(&f, "agent.state", "{'name':'n1','state':'ill'}"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "agent.state", "{'name':'n9','state':'lost'}"), HL_EABSENT);
}

static void a_token_needs_everything_and_a_sane_time_to_live(void **state)
{
    static const char full[] = "{'id':'%s','hash':'%s','roles':'%s','uses':%d,'ttl_ms':%lld}";
    char id[66] = {0};
    FLEET;
    for (size_t i = 0; i < 65; i++)
        id[i] = 'i';
    assert_int_equal(fleet_refused(&f, "token.create", full, "", HASH, "r", 1, 1LL), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "token.create", full, id, HASH, "r", 1, 1LL), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "token.create", full, "t", "00", "r", 1, 1LL), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "token.create", full, "t", HASH, "", 1, 1LL), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "token.create", full, "t", HASH, "r", 0, 1LL), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "token.create", full, "t", HASH, "r", 1, 0LL), HL_EINVAL);
    assert_int_equal(
        fleet_refused(&f, "token.create", full, "t", HASH, "r", 1, (long long)INT64_MAX),
        HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "token.create", full, "t", HASH, "r", 1,
                                   (long long)STATE_TOKEN_TTL_MAX_MS + 1),
                     HL_EINVAL);
    assert_int_equal(fleet_apply(&f, "token.create", full, "t\\\"x", HASH, "r", 1,
                                 (long long)STATE_TOKEN_TTL_MAX_MS),
                     0);
    assert_true(str_starts(f.result.body, STR("{\"expires_ms\":")));
    assert_true(str_ends(f.result.body, STR("\"id\":\"t\\\"x\"}")));
    assert_int_equal(fleet_refused(&f, "token.create", full, "t\\\"x", HASH, "r", 1, 1LL),
                     HL_ECONFLICT);
}

static void three_wrong_proofs_burn_a_token(void **state)
{
    FLEET;
    create(&f, "t", 5, "");
    assert_int_equal(fleet_apply(&f, "token.strike", "{'id':'t'}"), 0);
    assert_int_equal(fleet_apply(&f, "token.strike", "{'id':'t'}"), 0);
    assert_true(has_token(&f, "t"));
    assert_int_equal(fleet_apply(&f, "token.strike", "{'id':'t'}"), 0);
    assert_false(has_token(&f, "t"));
    assert_string_equal(fleet_last_event(&f), "token.burned");
    assert_int_equal(fleet_apply(&f, "token.strike", "{'id':'t'}"), 0);
    assert_int_equal(fleet_refused(&f, "agent.enroll", enroll, "n1", "k1", "t"), HL_EDENIED);
}

static void a_token_is_revoked_by_hand_once(void **state)
{
    FLEET;
    create(&f, "t", 5, "");
    assert_int_equal(fleet_apply(&f, "token.revoke", "{'id':'t'}"), 0);
    assert_int_equal(fleet_refused(&f, "token.revoke", "{'id':'t'}"), HL_EABSENT);
    assert_int_equal(fleet_refused(&f, "token.revoke", "{}"), HL_EABSENT);
}

static void an_alarm_stands_until_it_is_cleared(void **state)
{
    struct str cursor = STR_NONE;
    struct state_alarm alarm;
    FLEET;
    assert_int_equal(fleet_apply(&f, "alarm.set", "{'name':'disk','text':'full'}"), 0);
    struct digest before = fleet_digest(&f);
    f.wall_ms++;
    assert_int_equal(fleet_apply(&f, "alarm.set", "{'name':'disk','text':'full'}"), 0);
    struct digest after = fleet_digest(&f);
    assert_true(digest_eq(&before, &after));
    assert_int_equal(state_alarm_next(&f.store.kv, &cursor, f.arena, &alarm, NULL), KV_FOUND);
    assert_true(str_eq(alarm.text, STR("full")));
    assert_int_equal(fleet_apply(&f, "alarm.clear", "{'name':'disk'}"), 0);
    assert_string_equal(fleet_last_event(&f), "alarm.cleared");
    cursor = STR_NONE;
    assert_int_equal(state_alarm_next(&f.store.kv, &cursor, f.arena, &alarm, NULL), KV_ABSENT);
    before = fleet_digest(&f);
    assert_int_equal(fleet_apply(&f, "alarm.clear", "{'name':'disk'}"), 0);
    after = fleet_digest(&f);
    assert_true(digest_eq(&before, &after));
    assert_int_equal(fleet_refused(&f, "alarm.set", "{}"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "alarm.clear", "{}"), HL_EINVAL);
}

static void names_too_long_for_a_key_are_refused_everywhere(void **state)
{
    static const char *const commands[] = {
        "desired.put",  "work.assign",  "work.report",  "app.sync",
        "agent.enroll", "agent.revoke", "token.create", "token.revoke",
        "alarm.set",    "alarm.clear",  "agent.state",
    };
    char name[1001] = {0};
    FLEET;
    for (size_t i = 0; i < sizeof(name) - 1; i++)
        name[i] = 'n';
    for (size_t i = 0; i < HL_COUNT(commands); i++)
        fleet_refused(&f, commands[i],
                      "{'key':'%s','name':'%s','id':'%s','node':'%s','token':'%s','agent':'%s',"
                      "'state':'lost'}",
                      name, name, name, name, name, name);
    assert_int_equal(fleet_apply(&f, "token.strike", "{'id':'%s'}", name), 0);
    assert_int_equal(f.store.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_enrols_once_and_the_agent_waits_to_be_heard),
        cmocka_unit_test(a_token_of_many_uses_counts_down),
        cmocka_unit_test(unknown_expired_foreign_and_malformed_enrolments_are_refused),
        cmocka_unit_test(a_new_key_of_a_node_bans_the_old_one_and_frees_its_leases),
        cmocka_unit_test(a_key_belongs_to_one_node),
        cmocka_unit_test(a_revoked_agent_loses_leases_and_its_key_for_ever),
        cmocka_unit_test(only_transitions_of_an_agent_change_anything),
        cmocka_unit_test(a_token_needs_everything_and_a_sane_time_to_live),
        cmocka_unit_test(three_wrong_proofs_burn_a_token),
        cmocka_unit_test(a_token_is_revoked_by_hand_once),
        cmocka_unit_test(an_alarm_stands_until_it_is_cleared),
        cmocka_unit_test(names_too_long_for_a_key_are_refused_everywhere),
    };
    return cmocka_run_group_tests_name("core/state/registry", tests, NULL, NULL);
}
