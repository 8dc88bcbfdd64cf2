/* Leases and reports: who may say what about which work, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/fleet_state.h"

#define FLEET                                                                                      \
    HL_CLEANUP(fleet_state_deinit) struct fleet_state f;                                           \
    (void)state;                                                                                   \
    fleet_state_init(&f);                                                                          \
    fleet_add_agent(&f, "n1");                                                                     \
    fleet_add_agent(&f, "n2");                                                                     \
    fleet_put_app(&f, "a", "i1")

static const char assign[] = "{'key':'%s','agent':'%s','input':'%s'}";
static const char report[] =
    "{'key':'a','agent':'%s','input':'%s','epoch':%lld,'outcome':'%s','message':'%s'}";

static void assert_phase(struct fleet_state *f, const char *name, const char *phase)
{
    assert_string_equal(arena_cstr(f->arena, fleet_app(f, name).phase), phase);
}

static void only_pending_work_of_the_current_input_is_leased_to_an_active_agent(void **state)
{
    FLEET;
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "ghost", "n1", "i1"), HL_EABSENT);
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "a", "n9", "i1"), HL_EDENIED);
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "a", "n1", "i0"), HL_ECONFLICT);
    assert_int_equal(fleet_refused(&f, "work.assign", "{}"), HL_EABSENT);
    assert_int_equal(fleet_apply(&f, "agent.revoke", "{'name':'n2'}"), 0);
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "a", "n2", "i1"), HL_EDENIED);
    f.wall_ms += 5;
    int64_t epoch = fleet_lease(&f, "a", "n1");
    struct state_app app = fleet_app(&f, "a");
    assert_true(epoch > 0);
    assert_int_equal(app.since_ms, f.wall_ms);
    assert_phase(&f, "a", "leased");
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "a", "n1", "i1"), HL_ECONFLICT);
}

static void a_report_counts_only_from_the_holder_under_its_epoch_and_input(void **state)
{
    FLEET;
    assert_int_equal(fleet_refused(&f, "work.report", report, "n1", "i1", 0LL, "ok", ""),
                     HL_ECONFLICT);
    int64_t e = fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_refused(&f, "work.report", report, "n2", "i1", (long long)e, "ok", ""),
                     HL_ECONFLICT);
    assert_int_equal(
        fleet_refused(&f, "work.report", report, "n1", "i1", (long long)e - 1, "ok", ""),
        HL_ECONFLICT);
    assert_int_equal(fleet_refused(&f, "work.report", report, "n1", "i0", (long long)e, "ok", ""),
                     HL_ECONFLICT);
    assert_int_equal(
        fleet_refused(&f, "work.report", report, "n1", "i1", (long long)e, "perhaps", ""),
        HL_EINVAL);
    assert_int_equal(fleet_refused(&f, "work.report", report, "n1", "i1", (long long)e, "ok", ""),
                     HL_EINVAL); /* no objects */
    assert_int_equal(fleet_refused(&f, "work.report", "{'key':'ghost'}"), HL_EABSENT);
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_int_equal(fleet_refused(&f, "work.report", report, "n1", "i1", (long long)e, "ok", ""),
                     HL_ECONFLICT); /* twice */
}

static void a_good_report_makes_the_app_synced_with_its_ledger(void **state)
{
    struct value *ledger;
    FLEET;
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    struct state_app app = fleet_app(&f, "a");
    assert_string_equal(state_app_sync(&app), "Synced");
    assert_int_equal(app.applied_epoch, app.epoch);
    assert_int_equal(app.changed, 1);
    assert_int_equal(app.attempt, 0);
    assert_string_equal(fleet_last_event(&f), "app.synced");
    assert_int_equal(state_ledger_get(&f.store.kv, STR("a"), f.arena, &ledger, NULL), KV_FOUND);
    assert_true(str_eq(value_get_str(ledger->list.item[0], "id"), STR("Service/a")));
}

/* Fails attempt after attempt; returns the delay of the n-th, 1-based. */
static int64_t fail_until(struct fleet_state *f, const char *name, int attempt)
{
    int64_t delay = 0;

    for (int i = 0; i < attempt; i++) {
        f->wall_ms += delay;
        int64_t epoch = fleet_lease(f, name, "n1");
        assert_int_equal(fleet_apply(f, "work.report",
                                     "{'key':'%s','agent':'n1','input':'i1','epoch':%lld,"
                                     "'outcome':'transient','message':'m'}",
                                     name, (long long)epoch),
                         0);
        delay = fleet_app(f, name).not_before_ms - f->wall_ms;
    }
    return delay;
}

static void the_back_off_doubles_to_its_cap_less_up_to_a_quarter(void **state)
{
    int64_t full = STATE_BACKOFF_BASE_MS;
    FLEET;
    for (int attempt = 1; attempt <= 12; attempt++) {
        char name[16];

        snprintf(name, sizeof(name), "app%d", attempt);
        fleet_put_app(&f, name, "i1");
        int64_t delay = fail_until(&f, name, attempt);
        assert_in_range(delay, full - full / 4 + 1, full);
        assert_int_equal(fleet_app(&f, name).attempt, attempt);
        full = full * 2 < STATE_BACKOFF_MAX_MS ? full * 2 : STATE_BACKOFF_MAX_MS;
    }
    assert_int_equal(full, STATE_BACKOFF_MAX_MS);
}

static void many_failing_apps_do_not_come_back_at_once(void **state)
{
    int64_t lowest = INT64_MAX;
    int64_t highest = 0;
    FLEET;
    for (int i = 0; i < 30; i++) {
        char name[16];

        snprintf(name, sizeof(name), "app%d", i);
        fleet_put_app(&f, name, "i1");
        int64_t delay = fail_until(&f, name, 1);
        lowest = delay < lowest ? delay : lowest;
        highest = delay > highest ? delay : highest;
    }
    assert_true(highest - lowest > STATE_BACKOFF_BASE_MS / 8);
}

static void waiting_work_is_leased_when_its_time_has_come(void **state)
{
    FLEET;
    int64_t delay = fail_until(&f, "a", 1);
    assert_phase(&f, "a", "waiting");
    assert_string_equal(fleet_last_event(&f), "app.retry");
    f.wall_ms += delay - 1;
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "a", "n1", "i1"), HL_ECONFLICT);
    f.wall_ms++;
    fleet_lease(&f, "a", "n1");
}

static void a_repeated_failure_is_told_once(void **state)
{
    size_t events = 0;
    struct str cursor = STR_NONE;
    struct state_event event;
    FLEET;
    fail_until(&f, "a", 5);
    while (state_event_next(&f.store.kv, &cursor, f.arena, &event, NULL) == KV_FOUND)
        events += str_eq(event.type, STR("app.retry"));
    assert_int_equal(events, 1);
}

static void a_permanent_failure_waits_for_a_new_input_or_a_hand(void **state)
{
    FLEET;
    int64_t e = fleet_lease(&f, "a", "n1");
    assert_int_equal(
        fleet_apply(&f, "work.report", report, "n1", "i1", (long long)e, "permanent", "broken"), 0);
    struct state_app app = fleet_app(&f, "a");
    assert_phase(&f, "a", "failed");
    assert_string_equal(fleet_last_event(&f), "app.failed");
    assert_string_equal(state_app_sync(&app), "OutOfSync");
    assert_true(str_eq(state_app_reason(&app, f.arena), STR("broken")));
    assert_int_equal(fleet_refused(&f, "work.assign", assign, "a", "n1", "i1"), HL_ECONFLICT);
    fleet_put_app(&f, "a", "i1");
    assert_phase(&f, "a", "failed");
    assert_int_equal(fleet_apply(&f, "app.sync", "{'name':'a'}"), 0);
    assert_phase(&f, "a", "pending");
    e = fleet_lease(&f, "a", "n1");
    assert_int_equal(
        fleet_apply(&f, "work.report", report, "n1", "i1", (long long)e, "permanent", "broken"), 0);
    fleet_put_app(&f, "a", "i2");
    assert_phase(&f, "a", "pending");
    assert_int_equal(fleet_app(&f, "a").message.len, 0);
}

static void a_superseded_lease_is_tried_again_with_a_fence(void **state)
{
    FLEET;
    int64_t e = fleet_lease(&f, "a", "n1");
    assert_int_equal(
        fleet_apply(&f, "work.report", report, "n1", "i1", (long long)e, "superseded", ""), 0);
    assert_phase(&f, "a", "waiting");
    assert_true(fleet_app(&f, "a").takeover);
    f.wall_ms += 1000;
    assert_true(fleet_lease(&f, "a", "n2") > e);
}

static void a_long_message_is_cut_between_characters(void **state)
{
    char message[3 * STATE_TEXT_MAX];
    size_t len = 0;
    FLEET;
    message[len++] = 'x';
    while (len + 2 < sizeof(message)) {
        message[len++] = '\xc3';
        message[len++] = '\xa9';
    }
    message[len] = '\0';
    int64_t e = fleet_lease(&f, "a", "n1");
    assert_int_equal(
        fleet_apply(&f, "work.report", report, "n1", "i1", (long long)e, "transient", message), 0);
    struct str kept = fleet_app(&f, "a").message;
    assert_in_range(kept.len, STATE_TEXT_MAX - 3, STATE_TEXT_MAX);
    assert_true(str_is_utf8(kept));
}

static void texts_survive_storing_whatever_they_hold(void **state)
{
    FLEET;
    int64_t e = fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_apply(&f, "work.report", report, "n1", "i1", (long long)e, "transient",
                                 "\\u0000<&>\\u2028\\\\"),
                     0);
    struct str before = fleet_app(&f, "a").message;
    fleet_put_app(&f, "a", "i1");
    assert_true(str_eq(fleet_app(&f, "a").message, before));
    assert_int_equal(before.ptr[0], 0);
}

static void sync_of_one_or_all_forces_what_is_applicable_and_not_leased(void **state)
{
    FLEET;
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    fleet_put_app(&f, "b", "i1");
    int64_t e = fleet_lease(&f, "b", "n2");
    assert_int_equal(fleet_apply(&f, "desired.put",
                                 "{'base':'++','commit':'x','upserts':[{'name':'u',"
                                 "'status':'unsupported','reason':'r'}]}"),
                     0);
    assert_int_equal(fleet_apply(&f, "app.sync", "{'all':true}"), 0);
    assert_phase(&f, "a", "pending");
    assert_true(fleet_app(&f, "a").forced);
    assert_phase(&f, "b", "leased");
    assert_int_equal(fleet_app(&f, "b").epoch, e);
    assert_phase(&f, "u", "idle");
    assert_int_equal(fleet_refused(&f, "app.sync", "{'name':'u'}"), HL_EUNSUPPORTED);
    assert_int_equal(fleet_refused(&f, "app.sync", "{'name':'ghost'}"), HL_EABSENT);
    assert_int_equal(fleet_refused(&f, "app.sync", "{}"), HL_EINVAL);
    fleet_lease(&f, "a", "n1");
    assert_int_equal(fleet_report_ok(&f, "a"), 0);
    assert_false(fleet_app(&f, "a").forced);
}

static void a_lost_agent_loses_all_its_leases_and_only_its_own(void **state)
{
    FLEET;
    fleet_put_app(&f, "b", "i1");
    fleet_put_app(&f, "c", "i1");
    int64_t e = fleet_lease(&f, "a", "n1");
    fleet_lease(&f, "b", "n1");
    fleet_lease(&f, "c", "n2");
    assert_int_equal(fleet_apply(&f, "agent.state", "{'name':'n1','state':'lost'}"), 0);
    assert_phase(&f, "a", "pending");
    assert_phase(&f, "b", "pending");
    assert_phase(&f, "c", "leased");
    assert_true(fleet_app(&f, "a").takeover);
    assert_false(fleet_app(&f, "c").takeover);
    assert_string_equal(fleet_last_event(&f), "agent.lost");
    assert_int_equal(
        fleet_refused(&f, "work.report", report, "n1", "i1", (long long)e, "transient", ""),
        HL_ECONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_pending_work_of_the_current_input_is_leased_to_an_active_agent),
        cmocka_unit_test(a_report_counts_only_from_the_holder_under_its_epoch_and_input),
        cmocka_unit_test(a_good_report_makes_the_app_synced_with_its_ledger),
        cmocka_unit_test(the_back_off_doubles_to_its_cap_less_up_to_a_quarter),
        cmocka_unit_test(many_failing_apps_do_not_come_back_at_once),
        cmocka_unit_test(waiting_work_is_leased_when_its_time_has_come),
        cmocka_unit_test(a_repeated_failure_is_told_once),
        cmocka_unit_test(a_permanent_failure_waits_for_a_new_input_or_a_hand),
        cmocka_unit_test(a_superseded_lease_is_tried_again_with_a_fence),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(texts_survive_storing_whatever_they_hold),
        cmocka_unit_test(sync_of_one_or_all_forces_what_is_applicable_and_not_leased),
        cmocka_unit_test(a_lost_agent_loses_all_its_leases_and_only_its_own),
    };
    return cmocka_run_group_tests_name("core/state/work", tests, NULL, NULL);
}
