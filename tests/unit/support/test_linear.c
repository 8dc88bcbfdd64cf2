/* The checker of histories: known bad ones, known good ones, and against trying every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/linear.h"

enum { STEPS = 1000000, SMALL = 7, TRIALS = 20000 };

static struct linear_op wrote(int64_t call, int64_t back, uint64_t value)
{
    return (struct linear_op){LINEAR_WRITE, 1, call, back, value, 0, true};
}

static struct linear_op saw(int64_t call, int64_t back, uint64_t value)
{
    return (struct linear_op){LINEAR_READ, 1, call, back, value, 0, true};
}

static struct linear_op swapped(int64_t call, int64_t back, uint64_t from, uint64_t to,
                                bool is_done)
{
    return (struct linear_op){LINEAR_SWAP, 1, call, back, to, from, is_done};
}

static struct linear_op deleted(int64_t call, int64_t back, bool is_done)
{
    return (struct linear_op){LINEAR_DELETE, 1, call, back, 0, 0, is_done};
}

#define VERDICT(...)                                                                               \
    verdict((struct linear_op[]){__VA_ARGS__},                                                     \
            sizeof((struct linear_op[]){__VA_ARGS__}) / sizeof(struct linear_op))

static enum linear_verdict verdict(const struct linear_op *op, size_t count)
{
    return linear_check(op, count, STEPS, NULL);
}

static void a_read_that_misses_a_finished_write_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(VERDICT(wrote(1, 2, 7), saw(3, 4, 7)), LINEAR_RIGHT);
    assert_int_equal(VERDICT(wrote(1, 2, 7), saw(3, 4, 0)), LINEAR_WRONG);
    assert_int_equal(VERDICT(wrote(1, 3, 7), saw(2, 4, 0)), LINEAR_RIGHT);
}

static void two_readers_see_the_same_order(void **state)
{
    (void)state;
    assert_int_equal(VERDICT(wrote(1, 9, 7), saw(2, 3, 7), saw(4, 5, 7)), LINEAR_RIGHT);
    assert_int_equal(VERDICT(wrote(1, 9, 7), saw(2, 3, 7), saw(4, 5, 0)), LINEAR_WRONG);
}

static void a_lost_update_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(VERDICT(wrote(1, 2, 1), swapped(3, 6, 1, 2, true), swapped(4, 5, 1, 3, true)),
                     LINEAR_WRONG);
    assert_int_equal(VERDICT(wrote(1, 2, 1), swapped(3, 6, 1, 2, false), swapped(4, 5, 1, 3, true)),
                     LINEAR_RIGHT);
}

static void a_write_applied_twice_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(VERDICT(wrote(1, 2, 1), wrote(3, 4, 2), saw(5, 6, 2), saw(7, 8, 1)),
                     LINEAR_WRONG);
    assert_int_equal(VERDICT(wrote(1, 2, 1), deleted(3, 4, true), deleted(5, 6, true)),
                     LINEAR_WRONG);
}

static void an_unknown_outcome_may_have_happened_or_not(void **state)
{
    (void)state;
    assert_int_equal(VERDICT(wrote(1, LINEAR_NEVER, 7), saw(3, 4, 7)), LINEAR_RIGHT);
    assert_int_equal(VERDICT(wrote(1, LINEAR_NEVER, 7), saw(3, 4, 0)), LINEAR_RIGHT);
    assert_int_equal(VERDICT(wrote(1, LINEAR_NEVER, 7), saw(3, 4, 0), saw(5, 6, 7), saw(7, 8, 0)),
                     LINEAR_WRONG);
    assert_int_equal(VERDICT(wrote(5, LINEAR_NEVER, 7), saw(3, 4, 7)), LINEAR_WRONG);
}

static void keys_are_independent_and_the_wrong_one_is_named(void **state)
{
    struct linear_op op[] = {wrote(1, 2, 7), saw(3, 4, 7), wrote(1, 2, 8), saw(3, 4, 9)};
    uint64_t key = 0;

    (void)state;
    op[2].key = 5;
    op[3].key = 5;
    assert_int_equal(linear_check(op, 2, STEPS, &key), LINEAR_RIGHT);
    assert_int_equal(linear_check(op, 4, STEPS, &key), LINEAR_WRONG);
    assert_true(key == 5);
}

static void a_search_has_an_end(void **state)
{
    struct linear_op op[40];

    (void)state;
    for (size_t i = 0; i < HL_COUNT(op); i++)
        op[i] = wrote((int64_t)i, 1000 + (int64_t)i, i + 1);
    op[0] = saw(0, 1000, 999);
    assert_int_equal(linear_check(op, HL_COUNT(op), 1000, NULL), LINEAR_TOO_LONG);
}

/* ---- against every order */

static bool answers(const struct linear_op *op, uint64_t *value)
{
    uint64_t before = *value;
    bool is_known = op->back != LINEAR_NEVER;

    if (op->kind == LINEAR_READ)
        return !is_known || before == op->value;
    if (op->kind == LINEAR_WRITE) {
        *value = op->value;
        return true;
    }
    bool is_done = op->kind == LINEAR_SWAP ? before == op->expected : before != 0;
    if (is_done)
        *value = op->kind == LINEAR_SWAP ? op->value : 0;
    return !is_known || is_done == op->is_done;
}

static bool is_first(const struct linear_op *op, size_t count, unsigned done, size_t i)
{
    for (size_t n = 0; n < count; n++) {
        if (!(done & 1u << n) && op[n].back < op[i].call)
            return false;
    }
    return true;
}

static bool some_order_fits(const struct linear_op *op, size_t count, unsigned done, uint64_t value)
{
    bool is_end = true;

    for (size_t i = 0; i < count; i++)
        is_end = is_end && (done & 1u << i || op[i].back == LINEAR_NEVER);
    if (is_end)
        return true;
    for (size_t i = 0; i < count; i++) {
        uint64_t next = value;
        if (done & 1u << i || !is_first(op, count, done, i) || !answers(&op[i], &next))
            continue;
        if (some_order_fits(op, count, done | 1u << i, next))
            return true;
    }
    return false;
}

static void the_search_agrees_with_trying_every_order(void **state)
{
    size_t right = 0;
    struct rng r;

    (void)state;
    rng_seed(&r, 1);
    for (size_t n = 0; n < TRIALS; n++) {
        struct linear_op op[SMALL];
        size_t count = 1 + (size_t)rng_below(&r, SMALL);
        for (size_t i = 0; i < count; i++) {
            op[i] = (struct linear_op){.kind = (enum linear_kind)rng_below(&r, 4),
                                       .key = 1,
                                       .call = rng_between(&r, 0, 12),
                                       .value = rng_below(&r, 3),
                                       .expected = rng_below(&r, 3),
                                       .is_done = rng_below(&r, 2) == 0};
            op[i].back = rng_below(&r, 6) == 0 ? LINEAR_NEVER : op[i].call + rng_between(&r, 1, 8);
        }
        bool fits = some_order_fits(op, count, 0, 0);
        assert_int_equal(verdict(op, count), fits ? LINEAR_RIGHT : LINEAR_WRONG);
        right += fits;
    }
    assert_true(right > TRIALS / 20 && right < TRIALS * 19 / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_that_misses_a_finished_write_is_wrong),
        cmocka_unit_test(two_readers_see_the_same_order),
        cmocka_unit_test(a_lost_update_is_wrong),
        cmocka_unit_test(a_write_applied_twice_is_wrong),
        cmocka_unit_test(an_unknown_outcome_may_have_happened_or_not),
        cmocka_unit_test(keys_are_independent_and_the_wrong_one_is_named),
        cmocka_unit_test(a_search_has_an_end),
        cmocka_unit_test(the_search_agrees_with_trying_every_order),
    };
    return cmocka_run_group_tests_name("support/linear", tests, NULL, NULL);
}
