/* The schedule against a hand-moved clock: facts in, proposals out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "core/sched/sched.h"

enum { LOST_MS = 3000 };

struct rig {
    struct sched *s;
    struct arena *a;
    struct sched_effects out;
};

static void rig_deinit(struct rig *g)
{
    sched_free(g->s);
    arena_free(g->a);
}

#define RIG                                                                                        \
    HL_CLEANUP(rig_deinit) struct rig g = {sched_new(LOST_MS), arena_new(), {0}};                  \
    (void)state;                                                                                   \
    sched_reset(g.s, 0)

static void step(struct rig *g, int64_t now_ms)
{
    sched_step(g->s, now_ms, g->a, &g->out);
}

static void add_agent(struct rig *g, const char *node, uint32_t slots, int64_t now_ms)
{
    sched_agent(g->s, str_from(node), true, true);
    sched_heard(g->s, str_from(node), slots, now_ms);
}

static void work(struct rig *g, const char *key, enum sched_phase phase, const char *agent,
                 int64_t due_ms)
{
    struct sched_work w = {str_from(key), STR("i1"), phase, str_from(agent), due_ms};

    sched_work(g->s, &w);
}

static void add_works(struct rig *g, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];

        snprintf(key, sizeof(key), "w%02d", i);
        work(g, key, SCHED_DUE, "", 0);
    }
}

static size_t assigned_to(const struct rig *g, const char *node)
{
    size_t count = 0;

    for (size_t i = 0; i < g->out.assign_count; i++)
        count += str_eq(g->out.assign[i].agent, str_from(node));
    return count;
}

static void work_is_spread_evenly(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    add_agent(&g, "n2", 8, 0);
    add_agent(&g, "n3", 8, 0);
    add_works(&g, 9);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 9);
    assert_int_equal(assigned_to(&g, "n1"), 3);
    assert_int_equal(assigned_to(&g, "n2"), 3);
    assert_int_equal(assigned_to(&g, "n3"), 3);
    assert_true(str_eq(g.out.assign[0].input, STR("i1")));
}

static void what_an_agent_runs_already_counts(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    add_agent(&g, "n2", 8, 0);
    work(&g, "x", SCHED_LEASED, "n1", 0);
    assert_int_equal(sched_leased_count(g.s, STR("n1")), 1);
    work(&g, "y", SCHED_DUE, "", 0);
    step(&g, 0);
    assert_int_equal(assigned_to(&g, "n2"), 1);
}

static void among_equals_the_former_holder_is_chosen(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    add_agent(&g, "n2", 8, 0);
    work(&g, "x", SCHED_DUE, "n2", 0);
    step(&g, 0);
    assert_int_equal(assigned_to(&g, "n2"), 1);
    /* but load goes before preference */
    work(&g, "y", SCHED_DUE, "n2", 0);
    step(&g, 1);
    assert_int_equal(g.out.assign_count, 1);
    assert_int_equal(assigned_to(&g, "n1"), 1);
}

static void nobody_gets_more_than_its_free_slots(void **state)
{
    RIG;
    add_agent(&g, "n1", 2, 0);
    add_works(&g, 5);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 2);
    /* both are leased: still no room, although nothing is in flight any more */
    work(&g, "w00", SCHED_LEASED, "n1", 0);
    work(&g, "w01", SCHED_LEASED, "n1", 0);
    step(&g, 10);
    assert_int_equal(g.out.assign_count, 0);
    /* one ends: one more, before the next heartbeat */
    work(&g, "w00", SCHED_DONE, "n1", 0);
    step(&g, 20);
    assert_int_equal(g.out.assign_count, 1);
    assert_true(str_eq(g.out.assign[0].key, STR("w02")));
    /* the heartbeat knows best */
    sched_heard(g.s, STR("n1"), 3, 30);
    step(&g, 30);
    assert_int_equal(g.out.assign_count, 2);
}

static void nobody_runs_more_than_the_limit(void **state)
{
    RIG;
    add_agent(&g, "n1", 1000, 0);
    add_works(&g, 2 * SCHED_RUNNING_MAX);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, SCHED_RUNNING_MAX);
}

static void older_work_goes_first(void **state)
{
    RIG;
    add_agent(&g, "n1", 3, 0);
    add_works(&g, 6);
    work(&g, "w01", SCHED_DONE, "", 0);
    work(&g, "w05", SCHED_DONE, "", 0);
    work(&g, "late", SCHED_DUE, "", 0);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 3);
    assert_true(str_eq(g.out.assign[0].key, STR("w00")));
    assert_true(str_eq(g.out.assign[1].key, STR("w02")));
    assert_true(str_eq(g.out.assign[2].key, STR("w03")));
}

static void only_living_active_heard_agents_get_work(void **state)
{
    RIG;
    work(&g, "x", SCHED_DUE, "", 0);
    sched_agent(g.s, STR("revoked"), false, true);
    sched_heard(g.s, STR("revoked"), 8, 0);
    sched_agent(g.s, STR("lost"), true, false);
    sched_heard(g.s, STR("lost"), 8, 0);
    sched_agent(g.s, STR("unheard"), true, true);
    sched_heard(g.s, STR("unknown"), 8, 0);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 0);
}

static void a_silent_agent_is_lost_once_at_its_time(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 100);
    step(&g, 100);
    assert_int_equal(g.out.wake_ms, 100 + LOST_MS);
    step(&g, 99 + LOST_MS);
    assert_int_equal(g.out.lost_count, 0);
    step(&g, 100 + LOST_MS);
    assert_int_equal(g.out.lost_count, 1);
    assert_true(str_eq(g.out.lost[0], STR("n1")));
    assert_int_equal(g.out.wake_ms, 100 + LOST_MS + SCHED_PROPOSAL_MS);
    step(&g, 101 + LOST_MS);
    assert_int_equal(g.out.lost_count, 0);
    sched_agent(g.s, STR("n1"), true, false); /* applied */
    step(&g, 102 + LOST_MS);
    assert_int_equal(g.out.lost_count, 0);
    step(&g, 1000 * LOST_MS);
    assert_int_equal(g.out.lost_count, 0);
    assert_int_equal(g.out.wake_ms, INT64_MAX);
}

static void a_lost_proposal_that_came_to_nothing_is_made_again(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    step(&g, LOST_MS);
    assert_int_equal(g.out.lost_count, 1);
    step(&g, LOST_MS + SCHED_PROPOSAL_MS - 1);
    assert_int_equal(g.out.lost_count, 0);
    step(&g, LOST_MS + SCHED_PROPOSAL_MS);
    assert_int_equal(g.out.lost_count, 1);
}

static void a_new_leader_gives_everybody_time(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    sched_reset(g.s, 50000);
    assert_int_equal(sched_heard_ms(g.s, STR("n1")), -1);
    sched_agent(g.s, STR("n1"), true, true);
    step(&g, 50000);
    assert_int_equal(g.out.lost_count, 0);
    assert_int_equal(g.out.wake_ms, 50000 + LOST_MS);
    step(&g, 49999 + LOST_MS);
    assert_int_equal(g.out.lost_count, 0);
    step(&g, 50000 + LOST_MS);
    assert_int_equal(g.out.lost_count, 1);
}

static void a_lost_agent_that_is_heard_is_alive_again_and_then_gets_work(void **state)
{
    RIG;
    sched_agent(g.s, STR("n1"), true, false);
    work(&g, "x", SCHED_DUE, "", 0);
    step(&g, 0);
    assert_int_equal(g.out.alive_count, 0);
    sched_heard(g.s, STR("n1"), 8, 10);
    assert_int_equal(sched_heard_ms(g.s, STR("n1")), 10);
    step(&g, 10);
    assert_int_equal(g.out.alive_count, 1);
    assert_int_equal(g.out.assign_count, 0);
    step(&g, 11);
    assert_int_equal(g.out.alive_count, 0);
    sched_agent(g.s, STR("n1"), true, true);
    step(&g, 12);
    assert_int_equal(g.out.assign_count, 1);
}

static void a_revoked_agent_is_neither_lost_nor_alive(void **state)
{
    RIG;
    sched_agent(g.s, STR("a"), false, true);
    sched_agent(g.s, STR("b"), false, false);
    sched_heard(g.s, STR("b"), 8, LOST_MS);
    step(&g, LOST_MS);
    assert_int_equal(g.out.lost_count + g.out.alive_count, 0);
}

static void waiting_work_starts_when_it_is_due(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    work(&g, "x", SCHED_DUE, "n1", 500);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 0);
    assert_int_equal(g.out.wake_ms, 500);
    step(&g, 499);
    assert_int_equal(g.out.assign_count, 0);
    step(&g, 500);
    assert_int_equal(g.out.assign_count, 1);
}

static void a_proposal_in_flight_is_repeated_only_after_its_time(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    work(&g, "x", SCHED_DUE, "", 0);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 1);
    assert_int_equal(g.out.wake_ms, SCHED_PROPOSAL_MS);
    step(&g, SCHED_PROPOSAL_MS - 1);
    assert_int_equal(g.out.assign_count, 0);
    step(&g, SCHED_PROPOSAL_MS);
    assert_int_equal(g.out.assign_count, 1);
    /* a new fact about it ends the wait */
    work(&g, "x", SCHED_DUE, "", 0);
    step(&g, SCHED_PROPOSAL_MS + 1);
    assert_int_equal(g.out.assign_count, 1);
}

static void an_unanswered_proposal_does_not_hold_a_slot_for_ever(void **state)
{
    RIG;
    add_agent(&g, "n1", 1, 0);
    for (int i = 0; i < 20; i++) {
        sched_heard(g.s, STR("n1"), 1, (int64_t)i * SCHED_PROPOSAL_MS);
        work(&g, "x", SCHED_DUE, "", 0);
        step(&g, (int64_t)i * SCHED_PROPOSAL_MS);
        assert_int_equal(g.out.assign_count, 1);
    }
}

static void done_work_is_forgotten(void **state)
{
    RIG;
    add_agent(&g, "n1", 8, 0);
    work(&g, "x", SCHED_LEASED, "n1", 0);
    work(&g, "y", SCHED_DUE, "", 0);
    work(&g, "x", SCHED_DONE, "n1", 0);
    work(&g, "y", SCHED_DONE, "", 0);
    work(&g, "never", SCHED_DONE, "", 0);
    assert_int_equal(sched_leased_count(g.s, STR("n1")), 0);
    step(&g, 0);
    assert_int_equal(g.out.assign_count, 0);
}

static void an_idle_day_proposes_nothing(void **state)
{
    size_t proposals = 0;
    RIG;
    for (int i = 0; i < 8; i++) {
        char node[8];

        snprintf(node, sizeof(node), "n%d", i);
        add_agent(&g, node, 8, 0);
    }
    add_works(&g, 50);
    for (int i = 0; i < 50; i++) {
        char key[16];

        snprintf(key, sizeof(key), "w%02d", i);
        work(&g, key, SCHED_DONE, "n1", 0);
    }
    for (int64_t now_ms = 0; now_ms < 24 * 3600 * 1000; now_ms += 1000) {
        for (int i = 0; i < 8; i++) {
            char node[8];

            snprintf(node, sizeof(node), "n%d", i);
            sched_heard(g.s, str_from(node), 8, now_ms);
        }
        step(&g, now_ms);
        proposals += g.out.assign_count + g.out.lost_count + g.out.alive_count;
        arena_reset(g.a);
    }
    assert_int_equal(proposals, 0);
}

/* Every step fills every agent; the next one finds them empty. */
static void ten_thousand_works_over_fifty_agents_are_each_given_out_once(void **state)
{
    enum { WORKS = 10000, AGENTS = 50 };
    struct timespec from;
    struct timespec to;
    size_t assigned = 0;
    size_t steps = 0;
    char name[16];
    RIG;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < AGENTS; i++) {
        snprintf(name, sizeof(name), "n%02d", i);
        add_agent(&g, name, SCHED_RUNNING_MAX, 0);
    }
    for (int i = 0; i < WORKS; i++) {
        snprintf(name, sizeof(name), "w%05d", i);
        work(&g, name, SCHED_DUE, "", 0);
    }
    for (;; steps++) {
        step(&g, 0);
        assert_in_range(g.out.assign_count, 0, AGENTS * SCHED_RUNNING_MAX);
        if (g.out.assign_count == 0)
            break;
        assigned += g.out.assign_count;
        /* accepted, run and reported */
        for (size_t i = 0; i < g.out.assign_count; i++) {
            struct sched_work w = {arena_dup(g.a, g.out.assign[i].key), STR("i1"), SCHED_LEASED,
                                   arena_dup(g.a, g.out.assign[i].agent), 0};
            sched_work(g.s, &w);
            w.phase = SCHED_DONE;
            sched_work(g.s, &w);
        }
        arena_reset(g.a);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_int_equal(assigned, WORKS);
    assert_int_equal(steps, WORKS / (AGENTS * SCHED_RUNNING_MAX));
    print_message("%d works, %d agents: %zu steps, %.1f ms in all\n", WORKS, AGENTS, steps,
                  (double)(to.tv_sec - from.tv_sec) * 1e3 +
                      (double)(to.tv_nsec - from.tv_nsec) / 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_spread_evenly),
        cmocka_unit_test(what_an_agent_runs_already_counts),
        cmocka_unit_test(among_equals_the_former_holder_is_chosen),
        cmocka_unit_test(nobody_gets_more_than_its_free_slots),
        cmocka_unit_test(nobody_runs_more_than_the_limit),
        cmocka_unit_test(older_work_goes_first),
        cmocka_unit_test(only_living_active_heard_agents_get_work),
        cmocka_unit_test(a_silent_agent_is_lost_once_at_its_time),
        cmocka_unit_test(a_lost_proposal_that_came_to_nothing_is_made_again),
        cmocka_unit_test(a_new_leader_gives_everybody_time),
        cmocka_unit_test(a_lost_agent_that_is_heard_is_alive_again_and_then_gets_work),
        cmocka_unit_test(a_revoked_agent_is_neither_lost_nor_alive),
        cmocka_unit_test(waiting_work_starts_when_it_is_due),
        cmocka_unit_test(a_proposal_in_flight_is_repeated_only_after_its_time),
        cmocka_unit_test(an_unanswered_proposal_does_not_hold_a_slot_for_ever),
        cmocka_unit_test(done_work_is_forgotten),
        cmocka_unit_test(an_idle_day_proposes_nothing),
        cmocka_unit_test(ten_thousand_works_over_fifty_agents_are_each_given_out_once),
    };
    return cmocka_run_group_tests_name("core/sched", tests, NULL, NULL);
}
