/* What the cache keeps, and what goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/chart/render_cache.h"

static struct digest key(const char *text)
{
    return sha256_of(str_from(text));
}

static void put(struct render_cache *c, const char *name, size_t bytes)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char *text = arena_alloc(a, bytes);
    struct digest k = key(name);
    struct chart_file document[] = {{str_from(name), {text, bytes}}};

    for (size_t i = 0; i < bytes; i++)
        text[i] = 'x';
    render_cache_put(c, &k, document, 1);
}

static bool has(struct render_cache *c, const char *name)
{
    struct digest k = key(name);
    size_t count = 0;
    const struct chart_file *found = render_cache_get(c, &k, &count);

    assert_true(!found || (count == 1 && str_eq(found[0].name, str_from(name))));
    return found != NULL;
}

static void a_render_is_found_again_until_it_is_forgotten(void **state)
{
    HL_CLEANUP(render_cache_freep) struct render_cache *c = render_cache_new(10000);

    (void)state;
    assert_false(has(c, "a"));
    put(c, "a", 100);
    put(c, "a", 200); /* the same inputs: the later one stays */
    assert_true(has(c, "a"));
    render_cache_clear(c);
    assert_false(has(c, "a"));
}

static void what_was_not_asked_for_longest_goes_first(void **state)
{
    HL_CLEANUP(render_cache_freep) struct render_cache *c = render_cache_new(10000);

    (void)state;
    put(c, "a", 4000);
    put(c, "b", 4000);
    assert_true(has(c, "a"));
    put(c, "c", 4000);
    assert_true(has(c, "a"));
    assert_false(has(c, "b"));
    assert_true(has(c, "c"));
}

static void what_is_larger_than_the_bound_is_not_kept_and_costs_nobody_his_place(void **state)
{
    HL_CLEANUP(render_cache_freep) struct render_cache *c = render_cache_new(10000);

    (void)state;
    put(c, "a", 100);
    put(c, "b", 10001);
    assert_true(has(c, "a"));
    assert_false(has(c, "b"));
    put(c, "a", 10001); /* what is kept under these inputs would be older than they are */
    assert_false(has(c, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_render_is_found_again_until_it_is_forgotten),
        cmocka_unit_test(what_was_not_asked_for_longest_goes_first),
        cmocka_unit_test(what_is_larger_than_the_bound_is_not_kept_and_costs_nobody_his_place),
    };
    return cmocka_run_group_tests_name("core/chart: render cache", tests, NULL, NULL);
}
