/* Floor 0: known answers from the specifications, and the behaviours that callers lean on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/base.h"

static void sha256_gives_the_answers_of_fips_180_4(void **state)
{
    char hex[DIGEST_HEX + 1];
    struct digest d = sha256_of(STR("abc"));

    (void)state;
    assert_string_equal(digest_hex(&d, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    d = sha256_of(STR(""));
    assert_string_equal(digest_hex(&d, hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    d = sha256_of(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
    assert_string_equal(digest_hex(&d, hex),
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct digest back;
    assert_true(digest_parse(str_from(hex), &back));
    assert_true(digest_eq(&d, &back));
    assert_false(digest_parse(STR("12"), &back));
}

static void hmac_sha256_gives_the_answers_of_rfc_4231(void **state)
{
    char hex[DIGEST_HEX + 1];
    char key[131];

    (void)state;
    struct digest d = hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"));
    assert_string_equal(digest_hex(&d, hex),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    d = hmac_sha256((struct str){key, sizeof(key)},
                    STR("Test Using Larger Than Block-Size Key - Hash Key First"));
    assert_string_equal(digest_hex(&d, hex),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void sha256_of_a_million_bytes_does_not_depend_on_the_pieces(void **state)
{
    char hex[DIGEST_HEX + 1];
    char block[977];
    struct sha256 h;

    (void)state;
    memset(block, 'a', sizeof(block));
    sha256_init(&h);
    for (size_t left = 1000000; left > 0;) {
        size_t n = left < sizeof(block) ? left : sizeof(block);
        sha256_add(&h, block, n);
        left -= n;
    }
    struct digest d = sha256_end(&h);
    assert_string_equal(digest_hex(&d, hex),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void crc32c_gives_the_answers_of_rfc_3720(void **state)
{
    unsigned char zeros[32] = {0};
    unsigned char ones[32];
    unsigned char rising[32];

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    for (int i = 0; i < 32; i++)
        rising[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(crc32c(0, rising, 32), 0x46dd794e);
    assert_int_equal(crc32c(crc32c(0, rising, 7), rising + 7, 25), 0x46dd794e);
}

static void siphash_gives_the_reference_answers(void **state)
{
    unsigned char in[15];
    uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

    (void)state;
    for (int i = 0; i < 15; i++)
        in[i] = (unsigned char)i;
    assert_true(siphash(key, (struct str){(char *)in, 15}) == 0xa129ca6149be45e5u);
    assert_true(siphash(key, STR_NONE) == 0x726fdb47dd0e0e31u);
}

static void a_map_finds_what_was_set_through_growth_and_removal(void **state)
{
    HL_CLEANUP(map_freep) struct map *m = map_new(7);
    static int values[2000];
    char key[16];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_null(map_set(m, str_from(key), &values[i]));
    }
    for (int i = 0; i < 2000; i += 3) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_ptr_equal(map_remove(m, str_from(key)), &values[i]);
        assert_null(map_remove(m, str_from(key)));
    }
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_ptr_equal(map_get(m, str_from(key)), i % 3 == 0 ? NULL : &values[i]);
    }
    assert_int_equal(map_count(m), 2000 - 667);
    assert_ptr_equal(map_set(m, STR("k1"), &values[0]), &values[1]);
}

static void an_arena_keeps_its_objects_zeroed_and_apart(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    for (int round = 0; round < 3; round++) {
        unsigned char *last = NULL;
        for (size_t n = 1; n < 3000; n += 7) {
            unsigned char *p = arena_alloc(a, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xee, n);
            if (last)
                assert_int_equal(last[0], 0xee);
            last = p;
        }
        assert_true(arena_used_bytes(a) > 0);
        arena_reset(a);
        assert_int_equal(arena_used_bytes(a), 0);
    }
    struct str s = arena_printf(a, "%s-%d", "x", 42);
    assert_true(str_eq(s, STR("x-42")));
    assert_int_equal(s.ptr[s.len], 0);
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    int64_t i;
    uint64_t u;

    (void)state;
    assert_true(str_to_i64(STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_false(str_to_i64(STR("9223372036854775808"), &i));
    assert_true(str_to_u64(STR("18446744073709551615"), &u));
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_i64(STR("12x"), &i));
    assert_false(str_to_i64(STR(""), &i));
    assert_false(str_to_i64(STR("-"), &i));
}

static void utf8_refuses_surrogates_overlong_forms_and_cut_sequences(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80")));
    assert_false(str_is_utf8(STR("\xc0\xaf")));
    assert_false(str_is_utf8(STR("\xed\xa0\x80")));
    assert_false(str_is_utf8(STR("\xf4\x90\x80\x80")));
    assert_false(str_is_utf8(STR("\xe2\x82")));
}

static void a_cut_string_yields_its_parts_in_order(void **state)
{
    struct str rest = STR("a,,b");

    (void)state;
    assert_true(str_eq(str_cut(&rest, ','), STR("a")));
    assert_true(str_eq(str_cut(&rest, ','), STR("")));
    assert_true(str_eq(str_cut(&rest, ','), STR("b")));
    assert_int_equal(rest.len, 0);
    assert_true(str_eq(str_trim(STR(" \t x y\r\n")), STR("x y")));
    assert_int_equal(str_find(STR("abcabc"), STR("ca"), 0), 2);
    assert_true(str_find(STR("abc"), STR("d"), 0) == SIZE_MAX);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    struct rng a;
    struct rng b;

    (void)state;
    rng_seed(&a, 1);
    rng_seed(&b, 1);
    for (int i = 0; i < 100; i++) {
        int64_t x = rng_between(&a, -5, 5);
        assert_true(x >= -5 && x <= 5);
        assert_int_equal(x, rng_between(&b, -5, 5));
    }
}

static void times_are_written_and_read_as_rfc_3339(void **state)
{
    char text[TIME_RFC3339_MAX];
    int64_t ms;

    (void)state;
    assert_string_equal(time_rfc3339(1767323045000, text), "2026-01-02T03:04:05Z");
    assert_string_equal(time_rfc3339(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(time_rfc3339(-1, text), "1969-12-31T23:59:59Z");
    assert_true(time_parse_rfc3339(STR("2026-01-02T03:04:05.25Z"), &ms));
    assert_true(ms == 1767323045250);
    assert_true(time_parse_rfc3339(STR("2026-01-02T05:04:05+02:00"), &ms));
    assert_true(ms == 1767323045000);
    assert_false(time_parse_rfc3339(STR("2026-13-02T03:04:05Z"), &ms));
    assert_false(time_parse_rfc3339(STR("yesterday"), &ms));
    assert_true(time_parse_duration(STR("1h30m"), &ms));
    assert_int_equal(ms, 5400000);
    assert_true(time_parse_duration(STR("250ms"), &ms));
    assert_int_equal(ms, 250);
    assert_false(time_parse_duration(STR("5"), &ms));
    assert_false(time_parse_duration(STR("s"), &ms));
}

static void an_error_keeps_its_innermost_position_and_gains_context(void **state)
{
    struct err err;
    char line[ERR_LINE_MAX];

    (void)state;
    assert_int_equal(err_at(&err, HL_EINVAL, STR("a/b.yaml"), 3, 7, "key %s twice", "x"),
                     HL_EINVAL);
    assert_int_equal(err_wrap(&err, "addon %s", "loki"), HL_EINVAL);
    assert_string_equal(err_line(&err, line), "a/b.yaml:3:7: addon loki: key x twice");
    assert_string_equal(err_code_name(HL_EINVAL), "EINVAL");
    assert_int_equal(err_set(NULL, HL_EIO, "ignored"), HL_EIO);
}

static void runes_are_decoded_or_refused(void **state)
{
    (void)state;
    struct str s = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED\xA0\x80");
    uint32_t rune = 0;

    assert_int_equal(str_rune(s, 0, &rune), 1);
    assert_int_equal(rune, 'a');
    assert_int_equal(str_rune(s, 1, &rune), 2);
    assert_int_equal(rune, 0xE9);
    assert_int_equal(str_rune(s, 3, &rune), 3);
    assert_int_equal(rune, 0x20AC);
    assert_int_equal(str_rune(s, 6, &rune), 4);
    assert_int_equal(rune, 0x1F600);
    assert_int_equal(str_rune(s, 2, &rune), 0);  /* a continuation byte */
    assert_int_equal(str_rune(s, 10, &rune), 0); /* a surrogate */
    assert_int_equal(str_rune(str_sub(s, 0, 8), 6, &rune), 0);
    assert_false(str_is_utf8(s));
    assert_true(str_is_utf8(str_sub(s, 0, 10)));
    assert_false(str_is_utf8(STR("eight ok\x80 and more")));
}

static void quoted_text_shows_what_cannot_be_seen(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};

    (void)state;
    buf_add_quoted(&b, STR("a\"b\\c\n\x01\x7f\xc2\x85\xc3\xa9\xe2\x82\xac\xff"));
    assert_true(
        str_eq(buf_str(&b), STR("\"a\\\"b\\\\c\\n\\x01\\x7f\\u0085\xc3\xa9\xe2\x82\xac\\xff\"")));
    buf_reset(&b);
    buf_add_quoted(&b, STR_NONE);
    assert_true(str_eq(buf_str(&b), STR("\"\"")));
}

static void base64_is_read_strictly(void **state)
{
    static const struct {
        const char *text;
        size_t bad;
    } refused[] = {{"aGVsbG8", 4}, {"a===", 1}, {"aG=s", 2}, {"aG_s", 2}, {"aGVs bG8=", 4}};
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str out;
    size_t bad;

    (void)state;
    assert_true(base64_decode(a, STR("aGVs\r\nbG8="), &out, NULL));
    assert_true(str_eq(out, STR("hello")));
    assert_true(str_eq(base64_encode(a, out), STR("aGVsbG8=")));
    assert_true(base64_decode(a, STR(""), &out, NULL));
    assert_int_equal(out.len, 0);
    for (size_t i = 0; i < HL_COUNT(refused); i++) {
        assert_false(base64_decode(a, str_from(refused[i].text), &out, &bad));
        assert_int_equal(bad, refused[i].bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runes_are_decoded_or_refused),
        cmocka_unit_test(quoted_text_shows_what_cannot_be_seen),
        cmocka_unit_test(sha256_gives_the_answers_of_fips_180_4),
        cmocka_unit_test(hmac_sha256_gives_the_answers_of_rfc_4231),
        cmocka_unit_test(sha256_of_a_million_bytes_does_not_depend_on_the_pieces),
        cmocka_unit_test(crc32c_gives_the_answers_of_rfc_3720),
        cmocka_unit_test(siphash_gives_the_reference_answers),
        cmocka_unit_test(a_map_finds_what_was_set_through_growth_and_removal),
        cmocka_unit_test(an_arena_keeps_its_objects_zeroed_and_apart),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(utf8_refuses_surrogates_overlong_forms_and_cut_sequences),
        cmocka_unit_test(a_cut_string_yields_its_parts_in_order),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(times_are_written_and_read_as_rfc_3339),
        cmocka_unit_test(an_error_keeps_its_innermost_position_and_gains_context),
        cmocka_unit_test(base64_is_read_strictly),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
