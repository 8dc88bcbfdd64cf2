/* The cache: whole files, verified, bounded, shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/registry/cache.h"
#include "support/folder.h"

static struct arena *a;
static struct folder *folder;
static struct cache *cache;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    folder = folder_new();
    return cache_open(folder_path(folder, a, "cache"), 100, &cache, &err);
}

static int tear_down(void **state)
{
    (void)state;
    cache_close(cache);
    folder_free(folder);
    arena_free(a);
    return 0;
}

static const char *file_of(const struct digest *d)
{
    char hex[DIGEST_HEX + 1];

    return folder_path(folder, a, arena_printf(a, "cache/%s", digest_hex(d, hex)).ptr).ptr;
}

static struct digest put(const char *text)
{
    struct digest d;

    assert_int_equal(cache_put(cache, str_from(text), &d, &err), 0);
    return d;
}

static int get(const struct digest *d, struct str *out)
{
    return cache_get(cache, d, a, out, &err);
}

static void age(const struct digest *d, time_t seconds)
{
    struct timespec t[2] = {{.tv_sec = 1000000 - seconds}, {.tv_sec = 1000000 - seconds}};

    assert_int_equal(utimensat(AT_FDCWD, file_of(d), t, 0), 0);
}

static void what_is_put_comes_back_under_its_digest(void **state)
{
    struct digest d = put("hello");
    struct digest expected = sha256_of(STR("hello"));
    struct str bytes;

    (void)state;
    assert_true(digest_eq(&d, &expected));
    assert_int_equal(get(&d, &bytes), 0);
    assert_true(str_eq(bytes, STR("hello")));
    expected.bytes[0] ^= 1;
    assert_int_equal(get(&expected, &bytes), HL_EABSENT);
}

static void a_damaged_file_is_absent_and_gone(void **state)
{
    struct digest d = put("hello");
    struct str bytes;
    struct stat st;

    (void)state;
    assert_int_equal(truncate(file_of(&d), 3), 0);
    assert_int_equal(get(&d, &bytes), HL_EABSENT);
    assert_int_equal(stat(file_of(&d), &st), -1);
    assert_int_equal(symlink("/etc/passwd", file_of(&d)), 0);
    assert_int_equal(get(&d, &bytes), HL_EABSENT);
}

static void the_files_not_read_for_longest_make_room(void **state)
{
    char text[41];
    struct str bytes;

    (void)state;
    memset(text, 'a', 40);
    text[40] = '\0';
    struct digest first = put(text);
    text[0] = 'b';
    struct digest second = put(text);
    age(&first, 200);
    age(&second, 100);
    assert_int_equal(get(&first, &bytes), 0); /* young again */
    text[0] = 'c';
    struct digest third = put(text);
    assert_int_equal(get(&first, &bytes), 0);
    assert_int_equal(get(&second, &bytes), HL_EABSENT);
    assert_int_equal(get(&third, &bytes), 0);
}

static void a_file_larger_than_the_bound_stays_until_the_next(void **state)
{
    char text[201];
    struct str bytes;

    (void)state;
    memset(text, 'a', 200);
    text[200] = '\0';
    struct digest large = put(text);
    assert_int_equal(get(&large, &bytes), 0);
    struct digest small = put("b");
    assert_int_equal(get(&large, &bytes), HL_EABSENT);
    assert_int_equal(get(&small, &bytes), 0);
}

static void what_a_crash_left_behind_is_removed_after_an_hour(void **state)
{
    const char *old = folder_path(folder, a, "cache/.new-1-x-0").ptr;
    const char *fresh = folder_path(folder, a, "cache/.new-2-x-0").ptr;
    struct timespec t[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct stat st;

    (void)state;
    close(open(old, O_CREAT | O_WRONLY, 0600));
    close(open(fresh, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(utimensat(AT_FDCWD, old, t, 0), 0);
    (void)put("x");
    assert_int_equal(stat(old, &st), -1);
    assert_int_equal(stat(fresh, &st), 0);
}

static void several_processes_share_it(void **state)
{
    enum { PROCESSES = 4, ROUNDS = 50 };
    struct digest d = sha256_of(STR("shared"));
    struct str bytes;
    int status;

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() != 0)
            continue;
        struct cache *own;
        int bad = cache_open(folder_path(folder, a, "cache"), 20, &own, NULL);
        for (int k = 0; k < ROUNDS && bad == 0; k++) {
            struct str other = arena_printf(a, "other %d %d", i, k);
            struct digest ignored;
            bad |= cache_put(own, STR("shared"), &ignored, NULL);
            int got = cache_get(own, &d, a, &bytes, NULL);
            bad |= got != 0 && got != HL_EABSENT;
            bad |= got == 0 && !str_eq(bytes, STR("shared"));
            bad |= cache_put(own, other, &ignored, NULL);
        }
        _exit(bad != 0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

static void a_folder_that_cannot_be_is_an_error(void **state)
{
    struct cache *c;

    (void)state;
    assert_int_equal(cache_open(STR("/nowhere/at/all"), 1, &c, &err), HL_EIO);
    struct str large = {arena_alloc(a, CACHE_BLOB_MAX + 1), CACHE_BLOB_MAX + 1};
    struct digest d;
    assert_int_equal(cache_put(cache, large, &d, &err), HL_ELIMIT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_comes_back_under_its_digest),
        TEST(a_damaged_file_is_absent_and_gone),
        TEST(the_files_not_read_for_longest_make_room),
        TEST(a_file_larger_than_the_bound_stays_until_the_next),
        TEST(what_a_crash_left_behind_is_removed_after_an_hour),
        TEST(several_processes_share_it),
        TEST(a_folder_that_cannot_be_is_an_error),
    };
    return cmocka_run_group_tests_name("edge/registry/cache", tests, NULL, NULL);
}
