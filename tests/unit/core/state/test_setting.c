/* Settings: revisions, compare-and-set, sessions, the bytes of changes and lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/state/setting.h"
#include "support/fleet_state.h"

#define FLEET                                                                                      \
    HL_CLEANUP(fleet_state_deinit) struct fleet_state f;                                           \
    (void)state;                                                                                   \
    fleet_state_init(&f)

static int change(struct fleet_state *f, const char *name, const char *client, uint64_t sequence,
                  const struct setting_change *what)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    setting_change_encode(&bytes, what);
    struct command c = {
        .name = str_from(name),
        .client_id = str_from(client),
        .sequence = sequence,
        .author = STR("tester"),
        .body = arena_dup(f->arena, buf_str(&bytes)),
    };
    assert_int_equal(state_apply(&f->store.kv, ++f->index, &c, f->arena, &f->result, NULL), 0);
    return f->result.code;
}

static int put(struct fleet_state *f, const char *key, const char *value)
{
    struct setting_change what = {.key = str_from(key), .value = str_from(value)};

    return change(f, "setting.put", "", 0, &what);
}

static int cas(struct fleet_state *f, const char *key, uint64_t expected, const char *value)
{
    struct setting_change what = {str_from(key), str_from(value), true, expected};

    return change(f, "setting.put", "", 0, &what);
}

static int delete (struct fleet_state *f, const char *key)
{
    struct setting_change what = {.key = str_from(key)};

    return change(f, "setting.delete", "", 0, &what);
}

static struct setting get(struct fleet_state *f, const char *key)
{
    struct setting s = {0};

    int r = setting_get(&f->store.kv, str_from(key), &s, NULL);
    assert_true(r == KV_FOUND || r == KV_ABSENT);
    return s;
}

static void a_revision_is_the_index_of_the_entry_that_wrote(void **state)
{
    FLEET;
    f.index = 41;
    assert_int_equal(put(&f, "a", "one"), 0);
    assert_int_equal(f.result.revision, 42);
    assert_int_equal(f.result.change_count, 1);
    assert_int_equal(f.result.change[0].kind, STATE_SETTING_CHANGED);
    assert_true(str_eq(f.result.change[0].name, STR("a")));
    assert_int_equal(put(&f, "b", ""), 0);
    assert_int_equal(put(&f, "a", "two"), 0);
    struct setting a = get(&f, "a");
    assert_true(str_eq(a.value, STR("two")));
    assert_int_equal(a.created, 42);
    assert_int_equal(a.revision, 44);
    assert_int_equal(a.version, 2);
    assert_int_equal(get(&f, "b").version, 1);
}

static void compare_and_set_writes_only_over_what_was_expected(void **state)
{
    FLEET;
    assert_int_equal(cas(&f, "a", 7, "x"), HL_ECONFLICT);
    assert_int_equal(get(&f, "a").version, 0);
    assert_int_equal(cas(&f, "a", 0, "first"), 0);
    uint64_t revision = f.result.revision;
    assert_int_equal(cas(&f, "a", 0, "again"), HL_ECONFLICT);
    assert_int_equal(cas(&f, "a", revision, "second"), 0);
    assert_int_equal(cas(&f, "a", revision, "third"), HL_ECONFLICT);
    assert_true(str_eq(get(&f, "a").value, STR("second")));
}

static void a_deleted_setting_begins_anew(void **state)
{
    FLEET;
    assert_int_equal(delete (&f, "a"), HL_EABSENT);
    put(&f, "a", "1");
    put(&f, "a", "2");
    assert_int_equal(delete (&f, "a"), 0);
    assert_int_equal(f.result.change_count, 1);
    assert_int_equal(get(&f, "a").version, 0);
    put(&f, "a", "3");
    struct setting a = get(&f, "a");
    assert_int_equal(a.version, 1);
    assert_int_equal(a.created, a.revision);
    struct setting_change what = {.key = STR("a"), .has_expected = true, .expected = 1};
    assert_int_equal(change(&f, "setting.delete", "", 0, &what), HL_ECONFLICT);
    what.expected = a.revision;
    assert_int_equal(change(&f, "setting.delete", "", 0, &what), 0);
}

static void a_repeated_change_is_made_once_and_has_one_revision(void **state)
{
    FLEET;
    struct setting_change what = {STR("a"), STR("v"), true, 0};
    assert_int_equal(change(&f, "setting.put", "cli", 3, &what), 0);
    uint64_t revision = f.result.revision;
    put(&f, "b", "between");
    assert_int_equal(change(&f, "setting.put", "cli", 3, &what), 0);
    assert_int_equal(f.result.revision, revision);
    assert_int_equal(f.result.change_count, 0);
    assert_int_equal(get(&f, "a").version, 1);
    assert_int_equal(change(&f, "setting.put", "cli", 4, &what), HL_ECONFLICT);
    assert_int_equal(change(&f, "setting.put", "cli", 4, &what), HL_ECONFLICT);
    assert_int_equal(change(&f, "setting.put", "cli", 2, &what), HL_EINVAL);
}

static void keys_and_values_have_limits(void **state)
{
    char key[SETTING_KEY_MAX + 2];
    static char value[SETTING_VALUE_MAX + 1];
    FLEET;
    memset(key, 'k', sizeof(key));
    key[SETTING_KEY_MAX + 1] = '\0';
    assert_int_equal(put(&f, key, "v"), HL_EINVAL);
    key[SETTING_KEY_MAX] = '\0';
    assert_int_equal(put(&f, key, "v"), 0);
    assert_int_equal(put(&f, "", "v"), HL_EINVAL);
    assert_int_equal(put(&f, "two\nlines", "v"), HL_EINVAL);
    assert_int_equal(put(&f, "\xff", "v"), HL_EINVAL);
    struct setting_change what = {.key = STR("a"), .value = {value, SETTING_VALUE_MAX}};
    assert_int_equal(change(&f, "setting.put", "", 0, &what), 0); /* bytes of any kind */
    what.value.len++;
    assert_int_equal(change(&f, "setting.put", "", 0, &what), HL_ELIMIT);
    assert_int_equal(get(&f, "a").value.len, SETTING_VALUE_MAX);
}

static void what_is_no_change_is_refused(void **state)
{
    static const char bytes[] = "\1\1\0\0\0\0\0\0\0\0\3\0keyvalue";
    struct setting_change out;
    struct err err;

    (void)state;
    for (size_t len = 0; len < 15; len++)
        assert_int_equal(setting_change_decode((struct str){bytes, len}, &out, &err), HL_EINVAL);
    assert_int_equal(setting_change_decode((struct str){bytes, sizeof(bytes) - 1}, &out, &err), 0);
    assert_true(str_eq(out.key, STR("key")) && str_eq(out.value, STR("value")));
    assert_int_equal(setting_change_decode(STR("\2\1\0\0\0\0\0\0\0\0\3\0key"), &out, &err),
                     HL_EINVAL);
    assert_int_equal(setting_change_decode(STR("\1\2\0\0\0\0\0\0\0\0\3\0key"), &out, &err),
                     HL_EINVAL);
}

static void settings_are_listed_by_prefix_in_order(void **state)
{
    static const char *const keys[] = {"b/2", "a/1", "b/1", "c", "b"};
    HL_CLEANUP(buf_deinit) struct buf list = {0};
    struct str cursor = STR_NONE;
    struct setting s;
    FLEET;
    for (size_t i = 0; i < HL_COUNT(keys); i++)
        put(&f, keys[i], keys[i]);
    while (setting_next(&f.store.kv, STR("b/"), &cursor, f.arena, &s, NULL) == KV_FOUND)
        setting_list_add(&list, &s);
    struct str rest = buf_str(&list);
    assert_int_equal(setting_list_take(&rest, &s, NULL), KV_FOUND);
    assert_true(str_eq(s.key, STR("b/1")) && str_eq(s.value, STR("b/1")));
    assert_int_equal(s.revision, 3);
    assert_int_equal(setting_list_take(&rest, &s, NULL), KV_FOUND);
    assert_true(str_eq(s.key, STR("b/2")));
    assert_int_equal(setting_list_take(&rest, &s, NULL), KV_ABSENT);
    for (size_t cut = 1; cut < 33; cut++) {
        rest = str_sub(buf_str(&list), 0, cut);
        assert_int_equal(setting_list_take(&rest, &s, NULL), HL_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revision_is_the_index_of_the_entry_that_wrote),
        cmocka_unit_test(compare_and_set_writes_only_over_what_was_expected),
        cmocka_unit_test(a_deleted_setting_begins_anew),
        cmocka_unit_test(a_repeated_change_is_made_once_and_has_one_revision),
        cmocka_unit_test(keys_and_values_have_limits),
        cmocka_unit_test(what_is_no_change_is_refused),
        cmocka_unit_test(settings_are_listed_by_prefix_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
