/* Characters: every rune's properties and cases by their sum, which is Go's; UTF-8 at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/gostd/unicode.h"

/* FNV-1a over what the function says of every rune. */
static uint64_t sum_of_property(bool (*property)(uint32_t))
{
    uint64_t sum = 14695981039346656037u;

    for (uint32_t r = 0; r <= RUNE_MAX; r++)
        sum = (sum ^ property(r)) * 1099511628211u;
    return sum;
}

static uint64_t sum_of_mapping(uint32_t (*mapping)(uint32_t))
{
    uint64_t sum = 14695981039346656037u;

    for (uint32_t r = 0; r <= RUNE_MAX; r++)
        sum = (sum ^ mapping(r)) * 1099511628211u;
    return sum;
}

static void every_rune_has_the_properties_that_it_has_in_go(void **state)
{
    (void)state;
    assert_true(sum_of_property(rune_is_letter) == 0xbcf64d01b4d8abc5);
    assert_true(sum_of_property(rune_is_digit) == 0x6851c398c137d46d);
    assert_true(sum_of_property(rune_is_upper) == 0x5b7f4e318797cdc8);
    assert_true(sum_of_property(rune_is_lower) == 0x1505306e8a0ffaf8);
    assert_true(sum_of_property(rune_is_space) == 0x5d570bb8c3ec7ac);
    assert_true(sum_of_property(rune_is_print) == 0xbb9fce7ea625f389);
}

static void every_rune_has_the_cases_that_it_has_in_go(void **state)
{
    (void)state;
    assert_true(sum_of_mapping(rune_to_upper) == 0x70d0953b46159604);
    assert_true(sum_of_mapping(rune_to_lower) == 0xdf958c3cfd8b326d);
    assert_true(sum_of_mapping(rune_to_title) == 0x2b236c0cb0fd8fe4);
    assert_true(sum_of_mapping(rune_fold) == 0xe8864720cce30875);
}

static void no_rune_with_another_case_is_passed_over(void **state)
{
    uint32_t next = rune_next_cased(0);

    (void)state;
    for (uint32_t r = 0; r <= RUNE_MAX; r++) {
        if (r == next)
            next = rune_next_cased(r + 1);
        else
            assert_true(rune_fold(r) == r && rune_next_cased(r) == next);
    }
    assert_true(next == UINT32_MAX);
}

static void runes_survive_utf8(void **state)
{
    (void)state;
    for (uint32_t r = 0; r <= RUNE_MAX; r++) {
        char text[RUNE_BYTES_MAX];
        size_t len;
        struct str s = {text, rune_put(r, text)};
        bool is_surrogate = r >= 0xd800 && r <= 0xdfff;
        assert_true(rune_at(s, 0, &len) == (is_surrogate ? RUNE_ERROR : r) && len == s.len);
    }
}

static void what_is_no_utf8_is_one_error_a_byte(void **state)
{
    const char *const bad[] = {"\x80",         "\xc0\x80",        "\xc3",
                               "\xe0\x80\x80", "\xed\xa0\x80",    "\xf4\x90\x80\x80",
                               "\xf0\x9f\x98", "\xff\xfe\xfd\xfc"};

    (void)state;
    for (size_t i = 0; i < HL_COUNT(bad); i++) {
        struct str s = str_from(bad[i]);
        size_t len;
        assert_int_equal(rune_count(s), s.len);
        assert_int_equal(rune_at(s, 0, &len), RUNE_ERROR);
        assert_int_equal(len, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rune_has_the_properties_that_it_has_in_go),
        cmocka_unit_test(every_rune_has_the_cases_that_it_has_in_go),
        cmocka_unit_test(no_rune_with_another_case_is_passed_over),
        cmocka_unit_test(runes_survive_utf8),
        cmocka_unit_test(what_is_no_utf8_is_one_error_a_byte),
    };
    return cmocka_run_group_tests_name("core/gostd/unicode", tests, NULL, NULL);
}
