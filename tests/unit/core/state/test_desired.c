/* desired.put and desired.reject: what a commit changes, and what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fleet_state.h"

#define FLEET                                                                                      \
    HL_CLEANUP(fleet_state_deinit) struct fleet_state f;                                           \
    (void)state;                                                                                   \
    fleet_state_init(&f)

static void assert_phase(struct fleet_state *f, const char *name, const char *phase)
{
    struct state_app app = fleet_app(f, name);

    assert_string_equal(arena_cstr(f->arena, app.phase), phase);
}

static void assert_str(struct str s, const char *wanted)
{
    if (!str_eq(s, str_from(wanted)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(s), wanted);
}

static void a_first_put_makes_applicable_apps_pending_and_keeps_the_others_idle(void **state)
{
    FLEET;
    struct state_head head;

    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'commit':'c1','subject':'first','author':'ann','time_ms':7,"
                                 "'app_count':3,'failed':'e','upserts':["
                                 "{'name':'a','status':'applicable','input':'i1'},"
                                 "{'name':'u','status':'unsupported','reason':'a plugin'},"
                                 "{'name':'e','status':'error','reason':'bad yaml','input':'x'}]}"),
                     0);
    assert_phase(&f, "a", "pending");
    assert_phase(&f, "u", "idle");
    assert_phase(&f, "e", "idle");
    assert_str(fleet_app(&f, "e").input, "");
    assert_int_equal(state_head_get(&f.store.kv, f.arena, &head, NULL), KV_FOUND);
    assert_str(head.commit, "c1");
    assert_str(head.failed, "e");
    assert_int_equal(head.app_count, 3);
    assert_int_equal(head.put_ms, f.wall_ms);
    assert_string_equal(fleet_last_event(&f), "desired.put");
    struct state_app u = fleet_app(&f, "u");
    assert_string_equal(state_app_sync(&u), "Unknown");
    assert_str(state_app_reason(&u, f.arena), "Unsupported: a plugin");
}

static void another_base_is_a_conflict(void **state)
{
    FLEET;
    assert_int_equal(fleet_refused(&f, "desired.put", "{'base':'x','commit':'c1'}"), HL_ECONFLICT);
    fleet_put_app(&f, "a", "i1");
    assert_int_equal(fleet_refused(&f, "desired.put", "{'base':'','commit':'c2'}"), HL_ECONFLICT);
}

static void malformed_puts_change_nothing(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{'commit':''}",
        "{'commit':'c','part':-1}",
        "{'commit':'c','part':1}",
        "{'commit':'c','parts':0}",
        "{'commit':'c','parts':10001}",
        "{'commit':'c','part':2,'parts':2}",
        "{'commit':'c','upserts':{}}",
        "{'commit':'c','upserts':['a']}",
        "{'commit':'c','upserts':[{'name':'a'}]}",
        "{'commit':'c','upserts':[{'name':'','status':'error'}]}",
        "{'commit':'c','upserts':[{'name':'a','status':'strange'}]}",
        "{'commit':'c','upserts':[{'name':'a','status':'applicable'}]}",
        "{'commit':'c','upserts':[{'name':'a','status':'applicable','input':'i'},{'name':'b'}]}",
        "{'commit':'c','deletes':'a'}",
        "{'commit':'c','deletes':[1]}",
        "{'commit':'c','deletes':['']}",
        "{'commit':'c','upserts':[{'name':'a','status':'error'}],'deletes':[null]}",
        "[]",
        "",
        "{'commit':",
        "null",
    };
    FLEET;
    for (size_t i = 0; i < HL_COUNT(bodies); i++)
        assert_int_equal(fleet_refused(&f, "desired.put", "%s", bodies[i]), HL_EINVAL);
    assert_int_equal(f.store.count, 0);
}

static void names_up_to_the_limit_are_kept_and_longer_ones_refused(void **state)
{
    char name[STATE_NAME_MAX + 2];
    FLEET;
    for (size_t i = 0; i < sizeof(name) - 1; i++)
        name[i] = 'n';
    name[STATE_NAME_MAX + 1] = '\0';
    assert_int_equal(fleet_refused(&f, "desired.put",
                                   "{'commit':'c','upserts':[{'name':'%s','status':'error'}]}",
                                   name),
                     HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "desired.put", "{'commit':'c','deletes':['%s']}", name),
                     HL_EINVAL);
    name[STATE_NAME_MAX] = '\0';
    fleet_put_app(&f, name, "i");
    assert_phase(&f, name, "pending");
}

static void parts_take_effect_together_with_the_last(void **state)
{
    static const char part[] = "{'commit':'c1','part':%d,'parts':3,'upserts':[{'name':'a%d',"
                               "'status':'applicable','input':'i'}]}";
    FLEET;
    assert_int_equal(fleet_apply(&f, "desired.put", part, 0, 0), 0);
    assert_int_equal(fleet_refused(&f, "desired.put", part, 2, 2), HL_ECONFLICT);
    assert_int_equal(fleet_apply(&f, "desired.put", part, 1, 1), 0);
    assert_str(fleet_app(&f, "a0").name, "");
    assert_int_equal(f.result.change_count, 0);
    assert_int_equal(fleet_apply(&f, "desired.put", part, 2, 2), 0);
    for (int i = 0; i < 3; i++)
        assert_phase(&f, i == 0 ? "a0" : i == 1 ? "a1" : "a2", "pending");
    for (size_t i = 0; i < f.store.count; i++)
        assert_false(str_starts(f.store.pair[i].key, STR("stage/")));
}

static void parts_of_another_put_are_not_mixed_in(void **state)
{
    FLEET;
    assert_int_equal(fleet_apply(&f, "desired.put", "{'commit':'c1','part':0,'parts':2}"), 0);
    assert_int_equal(fleet_refused(&f, "desired.put", "{'commit':'c2','part':1,'parts':2}"),
                     HL_ECONFLICT);
    assert_int_equal(fleet_apply(&f, "desired.put", "{'commit':'c1','part':0,'parts':3}"), 0);
    assert_int_equal(fleet_refused(&f, "desired.put", "{'commit':'c1','part':1,'parts':2}"),
                     HL_ECONFLICT);
}

static void a_malformed_part_spoils_the_whole_put(void **state)
{
    FLEET;
    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'commit':'c1','part':0,'parts':2,'upserts':[{'name':'a',"
                                 "'status':'applicable','input':'i'},{'name':'b'}]}"),
                     0);
    assert_int_equal(fleet_refused(&f, "desired.put", "{'commit':'c1','part':1,'parts':2}"),
                     HL_EINVAL);
}

static void a_whole_put_clears_what_an_unended_one_staged(void **state)
{
    FLEET;
    assert_int_equal(fleet_apply(&f, "desired.put", "{'commit':'c1','part':0,'parts':9}"), 0);
    assert_int_equal(fleet_apply(&f, "desired.put", "{'commit':'c1','part':1,'parts':9}"), 0);
    fleet_put_app(&f, "a", "i1");
    for (size_t i = 0; i < f.store.count; i++)
        assert_false(str_starts(f.store.pair[i].key, STR("stage/")));
}

static void an_unchanged_input_keeps_lease_and_results(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    int64_t epoch = fleet_lease(&f, "a", "n1");
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "leased");
    assert_int_equal(fleet_app(&f, "a").epoch, epoch);
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    fleet_put_app(&f, "a", "i1");
    struct state_app app = fleet_app(&f, "a");
    assert_phase(&f, "a", "idle");
    assert_str(app.applied_input, "i1");
    assert_str(app.health, "Healthy");
    assert_int_equal(app.object_count, 1);
    assert_string_equal(state_app_sync(&app), "Synced");
}

static void a_new_input_takes_the_lease_away_and_warns_of_a_takeover(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    int64_t first = fleet_lease(&f, "a", "n1");
    fleet_put_app(&f, "a", "i2");
    assert_phase(&f, "a", "pending");
    assert_true(fleet_app(&f, "a").takeover);
    assert_int_equal(fleet_refused(&f, "work.report",
                                   "{'key':'a','agent':'n1','input':'i1','epoch':%lld,"
                                   "'outcome':'ok','objects':[]}",
                                   (long long)first),
                     HL_ECONFLICT);
    assert_true(fleet_lease(&f, "a", "n1") > first);
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_false(fleet_app(&f, "a").takeover);
}

static void a_revert_is_done_at_once_only_if_nothing_was_begun_meanwhile(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    fleet_put_app(&f, "a", "i2");
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "idle");
    fleet_put_app(&f, "a", "i2");
    int64_t epoch = fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "work.report",
                                 "{'key':'a','agent':'n1','input':'i2','epoch':%lld,"
                                 "'outcome':'transient','message':'half written'}",
                                 (long long)epoch),
                     0);
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "pending");
}

static void an_error_keeps_the_last_good_input_in_force(void **state)
{
    static const char broken[] = "{'base':'%s','commit':'%s','upserts':[{'name':'a',"
                                 "'status':'error','reason':'oops','file':'f','line':3}]}";
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    int64_t epoch = fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "desired.put", broken, "+", "b"), 0);
    struct state_app app = fleet_app(&f, "a");
    assert_str(app.input, "i1");
    assert_str(app.commit, "of-i1");
    assert_int_equal(app.line, 3);
    assert_phase(&f, "a", "leased");
    assert_str(state_app_reason(&app, f.arena), "oops");
    assert_string_equal(state_app_sync(&app), "Unknown");
    /* mended to the same input: the lease goes on */
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "leased");
    assert_int_equal(fleet_app(&f, "a").epoch, epoch);
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_int_equal(fleet_apply(&f, "desired.put", broken, "b+", "d"), 0);
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "idle");
}

static void an_unsupported_app_gives_up_its_work_and_takes_it_up_again(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'base':'+','commit':'b','upserts':[{'name':'a','input':'i1',"
                                 "'status':'unsupported','reason':'r'}]}"),
                     0);
    assert_phase(&f, "a", "idle");
    assert_int_equal(fleet_report_ok(&f, "a"), HL_ECONFLICT);
    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'base':'b','commit':'d','upserts':[{'name':'a','input':'i1',"
                                 "'status':'error','reason':'r'}]}"),
                     0);
    assert_phase(&f, "a", "idle");
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "pending");
    assert_true(fleet_app(&f, "a").takeover);
}

static int delete_app(struct fleet_state *f, const char *name)
{
    struct state_head head;

    assert_int_equal(state_head_get(&f->store.kv, f->arena, &head, NULL), KV_FOUND);
    return fleet_apply(f, "desired.put",
                       "{'base':'" STR_FMT "','commit':'" STR_FMT "+','deletes':['%s','ghost']}",
                       STR_ARG(head.commit), STR_ARG(head.commit), name);
}

static void leaving_the_plan_prunes_the_objects_and_then_the_record(void **state)
{
    struct value *ledger;
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_int_equal(state_ledger_get(&f.store.kv, STR("a"), f.arena, &ledger, NULL), KV_FOUND);
    assert_int_equal(delete_app(&f, "a"), 0);
    struct state_app app = fleet_app(&f, "a");
    assert_true(app.deleting);
    assert_phase(&f, "a", "pending");
    assert_str(app.bundle, "");
    assert_int_equal(app.input.len, DIGEST_HEX);
    assert_string_equal(state_app_sync(&app), "OutOfSync");
    assert_int_equal(delete_app(&f, "a"), 0);
    assert_str(fleet_app(&f, "a").input, arena_cstr(f.arena, app.input));
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_str(fleet_app(&f, "a").name, "");
    assert_int_equal(state_ledger_get(&f.store.kv, STR("a"), f.arena, &ledger, NULL), KV_ABSENT);
    assert_string_equal(fleet_last_event(&f), "app.deleted");
}

static void an_app_that_never_ran_is_removed_at_once(void **state)
{
    FLEET;
    fleet_put_app(&f, "a", "i1");
    assert_int_equal(delete_app(&f, "a"), 0);
    assert_str(fleet_app(&f, "a").name, "");
}

static void an_app_whose_first_lease_failed_half_way_is_pruned(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    int64_t epoch = fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "work.report",
                                 "{'key':'a','agent':'n1','input':'i1','epoch':%lld,"
                                 "'outcome':'transient'}",
                                 (long long)epoch),
                     0);
    assert_int_equal(delete_app(&f, "a"), 0);
    assert_true(fleet_app(&f, "a").deleting);
}

static void preserve_leaves_the_objects_and_a_return_gets_a_later_epoch(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'commit':'c','upserts':[{'name':'a','status':'applicable',"
                                 "'input':'i1','preserve':true}]}"),
                     0);
    int64_t epoch = fleet_lease(&f, "a", "n1");
    assert_int_equal(delete_app(&f, "a"), 0);
    assert_str(fleet_app(&f, "a").name, "");
    assert_int_equal(fleet_refused(&f, "work.report",
                                   "{'key':'a','agent':'n1','input':'i1',"
                                   "'epoch':1,'outcome':'ok','objects':[]}"),
                     HL_EABSENT);
    fleet_put_app(&f, "a", "i1");
    assert_true(fleet_lease(&f, "a", "n1") > epoch);
    /* the report of the first lease comes late */
    assert_int_equal(fleet_refused(&f, "work.report",
                                   "{'key':'a','agent':'n1','input':'i1','epoch':%lld,"
                                   "'outcome':'ok','objects':[]}",
                                   (long long)epoch),
                     HL_ECONFLICT);
}

static void an_app_that_returns_while_it_is_pruned_is_applied_anew(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_int_equal(delete_app(&f, "a"), 0);
    fleet_lease(&f, "a", "n1");
    fleet_put_app(&f, "a", "i1");
    struct state_app app = fleet_app(&f, "a");
    assert_false(app.deleting);
    assert_true(app.takeover);
    assert_phase(&f, "a", "pending");
}

static void an_app_that_returns_in_error_is_pruned_no_further(void **state)
{
    FLEET;
    fleet_add_agent(&f, "n1");
    fleet_put_app(&f, "a", "i1");
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_int_equal(delete_app(&f, "a"), 0);
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'base':'++','commit':'e','upserts':[{'name':'a',"
                                 "'status':'error','reason':'r'}]}"),
                     0);
    assert_false(fleet_app(&f, "a").deleting);
    assert_phase(&f, "a", "idle");
    assert_int_equal(fleet_report_ok(&f, "a"), HL_ECONFLICT);
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "pending");
}

static void a_rejection_is_told_once_and_cleared_by_the_next_put(void **state)
{
    static const char reject[] = "{'commit':'bad','subject':'s','errors':[{'app':'a','text':'%s',"
                                 "'file':'x.yaml','line':3,'column':4}]}";
    struct state_rejected rejected;
    FLEET;
    assert_int_equal(fleet_apply(&f, "desired.reject", reject, "boom"), 0);
    assert_string_equal(fleet_last_event(&f), "desired.rejected");
    struct digest before = fleet_digest(&f);
    f.wall_ms++;
    assert_int_equal(fleet_apply(&f, "desired.reject", reject, "boom"), 0);
    struct digest after = fleet_digest(&f);
    assert_true(digest_eq(&before, &after));
    assert_int_equal(fleet_apply(&f, "desired.reject", reject, "other"), 0);
    assert_int_equal(state_rejected_get(&f.store.kv, f.arena, &rejected, NULL), KV_FOUND);
    assert_true(str_find(rejected.errors, STR("other"), 0) != SIZE_MAX);
    fleet_put_app(&f, "a", "i1");
    assert_int_equal(state_rejected_get(&f.store.kv, f.arena, &rejected, NULL), KV_ABSENT);
    assert_int_equal(fleet_refused(&f, "desired.reject", "{'commit':'c'}"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "desired.reject", "{'commit':'c','errors':[]}"), HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "desired.reject", "{'errors':[1]}"), HL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_put_makes_applicable_apps_pending_and_keeps_the_others_idle),
        cmocka_unit_test(another_base_is_a_conflict),
        cmocka_unit_test(malformed_puts_change_nothing),
        cmocka_unit_test(names_up_to_the_limit_are_kept_and_longer_ones_refused),
        cmocka_unit_test(parts_take_effect_together_with_the_last),
        cmocka_unit_test(parts_of_another_put_are_not_mixed_in),
        cmocka_unit_test(a_malformed_part_spoils_the_whole_put),
        cmocka_unit_test(a_whole_put_clears_what_an_unended_one_staged),
        cmocka_unit_test(an_unchanged_input_keeps_lease_and_results),
        cmocka_unit_test(a_new_input_takes_the_lease_away_and_warns_of_a_takeover),
        cmocka_unit_test(a_revert_is_done_at_once_only_if_nothing_was_begun_meanwhile),
        cmocka_unit_test(an_error_keeps_the_last_good_input_in_force),
        cmocka_unit_test(an_unsupported_app_gives_up_its_work_and_takes_it_up_again),
        cmocka_unit_test(leaving_the_plan_prunes_the_objects_and_then_the_record),
        cmocka_unit_test(an_app_that_never_ran_is_removed_at_once),
        cmocka_unit_test(an_app_whose_first_lease_failed_half_way_is_pruned),
        cmocka_unit_test(preserve_leaves_the_objects_and_a_return_gets_a_later_epoch),
        cmocka_unit_test(an_app_that_returns_while_it_is_pruned_is_applied_anew),
        cmocka_unit_test(an_app_that_returns_in_error_is_pruned_no_further),
        cmocka_unit_test(a_rejection_is_told_once_and_cleared_by_the_next_put),
    };
    return cmocka_run_group_tests_name("core/state/desired", tests, NULL, NULL);
}
