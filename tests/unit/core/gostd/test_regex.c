/* Patterns: Go's own tables of matches and refusals, and what the limits promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/gostd/regex.h"
#include "support/corpus.h"

#include "fuzz/fuzz_regex.c"

enum { STEPS = 2000000 };

static struct arena *a;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static const struct {
    struct str pattern;
    struct str text;
    const char *found; /* the matches, each with its groups; "-" for one that took no part */
} found[] = {
    {STR(""), STR(""), "0-0"},
    {STR("^abcdefg"), STR("abcdefg"), "0-7"},
    {STR("a+"), STR("baaab"), "1-4"},
    {STR("abcd.."), STR("abcdef"), "0-6"},
    {STR("a"), STR("a"), "0-1"},
    {STR("x"), STR("y"), ""},
    {STR("b"), STR("abc"), "1-2"},
    {STR("."), STR("a"), "0-1"},
    {STR(".*"), STR("abcdef"), "0-6"},
    {STR("^"), STR("abcde"), "0-0"},
    {STR("$"), STR("abcde"), "5-5"},
    {STR("^abcd$"), STR("abcd"), "0-4"},
    {STR("^bcd'"), STR("abcdef"), ""},
    {STR("^abcd$"), STR("abcde"), ""},
    {STR("a*"), STR("baaab"), "0-0 1-4 5-5"},
    {STR("[a-z]+"), STR("abcd"), "0-4"},
    {STR("[^a-z]+"), STR("ab1234cd"), "2-6"},
    {STR("[a\\-\\]z]+"), STR("az]-bcz"), "0-4 6-7"},
    {STR("[^\\n]+"), STR("abcd\012"), "0-4"},
    {STR("[\346\227\245\346\234\254\350\252\236]+"),
     STR("\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254\350\252\236"), "0-18"},
    {STR("\346\227\245\346\234\254\350\252\236+"), STR("\346\227\245\346\234\254\350\252\236"),
     "0-9"},
    {STR("\346\227\245\346\234\254\350\252\236+"),
     STR("\346\227\245\346\234\254\350\252\236\350\252\236\350\252\236\350\252\236"), "0-18"},
    {STR("()"), STR(""), "0-0,0-0"},
    {STR("(a)"), STR("a"), "0-1,0-1"},
    {STR("(.)(.)"), STR("\346\227\245a"), "0-4,0-3,3-4"},
    {STR("(.*)"), STR(""), "0-0,0-0"},
    {STR("(.*)"), STR("abcd"), "0-4,0-4"},
    {STR("(..)(..)"), STR("abcd"), "0-4,0-2,2-4"},
    {STR("(([^xyz]*)(d))"), STR("abcd"), "0-4,0-4,0-3,3-4"},
    {STR("((a|b|c)*(d))"), STR("abcd"), "0-4,0-4,2-3,3-4"},
    {STR("(((a|b|c)*)(d))"), STR("abcd"), "0-4,0-4,0-3,2-3,3-4"},
    {STR("\\a\\f\\n\\r\\t\\v"), STR("\007\014\012\015\011\013"), "0-6"},
    {STR("[\\a\\f\\n\\r\\t\\v]+"), STR("\007\014\012\015\011\013"), "0-6"},
    {STR("a*(|(b))c*"), STR("aacc"), "0-4,2-2,-"},
    {STR("(.*).*"), STR("ab"), "0-2,0-2"},
    {STR("[.]"), STR("."), "0-1"},
    {STR("/$"), STR("/abc/"), "4-5"},
    {STR("/$"), STR("/abc"), ""},
    {STR("."), STR("abc"), "0-1 1-2 2-3"},
    {STR("(.)"), STR("abc"), "0-1,0-1 1-2,1-2 2-3,2-3"},
    {STR(".(.)"), STR("abcd"), "0-2,1-2 2-4,3-4"},
    {STR("ab*"), STR("abbaab"), "0-3 3-4 4-6"},
    {STR("a(b*)"), STR("abbaab"), "0-3,1-3 3-4,4-4 4-6,5-6"},
    {STR("ab$"), STR("cab"), "1-3"},
    {STR("axxb$"), STR("axxcb"), ""},
    {STR("data"), STR("daXY data"), "5-9"},
    {STR("da(.)a$"), STR("daXY data"), "5-9,7-8"},
    {STR("zx+"), STR("zzx"), "1-3"},
    {STR("ab$"), STR("abcab"), "3-5"},
    {STR("(aa)*$"), STR("a"), "1-1,-"},
    {STR("(?:.|(?:.a))"), STR(""), ""},
    {STR("(?:A(?:A|a))"), STR("Aa"), "0-2"},
    {STR("(?:A|(?:A|a))"), STR("a"), "0-1"},
    {STR("(a){0}"), STR(""), "0-0,-"},
    {STR("(?-s)(?:(?:^).)"), STR("\012"), ""},
    {STR("(?s)(?:(?:^).)"), STR("\012"), "0-1"},
    {STR("(?:(?:^).)"), STR("\012"), ""},
    {STR("\\b"), STR("x"), "0-0 1-1"},
    {STR("\\b"), STR("xx"), "0-0 2-2"},
    {STR("\\b"), STR("x y"), "0-0 1-1 2-2 3-3"},
    {STR("\\b"), STR("xx yy"), "0-0 2-2 3-3 5-5"},
    {STR("\\B"), STR("x"), ""},
    {STR("\\B"), STR("xx"), "1-1"},
    {STR("\\B"), STR("x y"), ""},
    {STR("\\B"), STR("xx yy"), "1-1 4-4"},
    {STR("(|a)*"), STR("aa"), "0-0,0-0 1-1,1-1 2-2,2-2"},
    {STR("0A|0[aA]"), STR("0a"), "0-2"},
    {STR("0[aA]|0A"), STR("0a"), "0-2"},
    {STR("[^\\S\\s]"), STR("abcd"), ""},
    {STR("[^\\S[:space:]]"), STR("abcd"), ""},
    {STR("[^\\D\\d]"), STR("abcd"), ""},
    {STR("[^\\D[:digit:]]"), STR("abcd"), ""},
    {STR("(?i)\\W"), STR("x"), ""},
    {STR("(?i)\\W"), STR("k"), ""},
    {STR("(?i)\\W"), STR("s"), ""},
    {STR("\\!\\\"\\#\\$\\%\\&\\'\\(\\)\\*\\+\\,\\-\\.\\/"
         "\\:\\;\\<\\=\\>\\?\\@\\[\\\\\\]\\^\\_\\{\\|\\}\\~"),
     STR("!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~"), "0-31"},
    {STR("[\\!\\\"\\#\\$\\%\\&\\'\\(\\)\\*\\+\\,\\-\\.\\/"
         "\\:\\;\\<\\=\\>\\?\\@\\[\\\\\\]\\^\\_\\{\\|\\}\\~]+"),
     STR("!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~"), "0-31"},
    {STR("\\`"), STR("`"), "0-1"},
    {STR("[\\`]+"), STR("`"), "0-1"},
    {STR("\357\277\275"), STR("\377"), "0-1"},
    {STR("\357\277\275"), STR("hello\377world"), "5-6"},
    {STR(".*"), STR("hello\377world"), "0-11"},
    {STR("\\x{fffd}"), STR("\302\000"), "0-1"},
    {STR("[\357\277\275]"), STR("\377"), "0-1"},
    {STR("[\\x{fffd}]"), STR("\302\000"), "0-1"},
    {STR("(?i)[k-s]+"), STR("K\342\204\252\305\277S"), "0-7"},
    {STR("(?i)[^x]"), STR("xXk"), "2-3"},
    {STR("(?i)\\W"), STR("\342\204\252-"), "3-4"},
    {STR("(?i)\305\277"), STR("sS"), "0-1 1-2"},
    {STR("(?i)[[:^lower:]]+"), STR("a1\342\204\252"), "1-2"},
    {STR("(?i)[\316\261-\317\211]+"), STR("\316\221\316\243\317\202\302\265"), "0-8"},
    {STR("(?i)\303\237"), STR("\341\272\236"), "0-3"},
    {STR("(?U)a+"), STR("aaa"), "0-1 1-2 2-3"},
    {STR("(?U)a+?"), STR("aaa"), "0-3"},
    {STR("(?m)^.$"), STR("a\012b\012"), "0-1 2-3"},
    {STR("(?s).+"), STR("a\012b"), "0-3"},
    {STR("a(?i)*b"), STR("aaB"), "0-3"},
    {STR("a+(?i)*"), STR("baa"), "0-0 1-3"},
    {STR("(?P<n>a)(?<m>b)"), STR("ab"), "0-2,0-1,1-2"},
    {STR("x{2,3}?"), STR("xxxx"), "0-2 2-4"},
    {STR("x{,2}"), STR("xx{,2}"), "1-6"},
    {STR("\\Qa.b\\E+"), STR("a.bbb"), "0-5"},
    {STR("\\pN+"), STR("a1\302\262\340\245\251"), "1-7"},
    {STR("\\p{Greek}+"), STR("ab\316\263\316\264"), "2-6"},
    {STR("\\P{^Lu}"), STR("aB"), "1-2"},
    {STR("\\x{10FFFF}|\\x41|\\101"), STR("A\364\217\277\277"), "0-1 1-5"},
    {STR("[^\\x00-\\x{10FFFF}]"), STR("a"), ""},
    {STR("^*"), STR("a"), "0-0 1-1"},
    {STR("(^)+a"), STR("a"), "0-1,0-0"},
    {STR("(?:\\b)+a\\B*"), STR("ab"), "0-1"},
    {STR("\\z"), STR("a\012"), "2-2"},
    {STR("$"), STR("a\012"), "2-2"},
    {STR("[\\s]"), STR("\013\011"), "1-2"},
};

static const struct {
    struct str pattern;
    const char *why;
} refused[] = {
    {STR("("), "error parsing regexp: missing closing ): `(`"},
    {STR(")"), "error parsing regexp: unexpected ): `)`"},
    {STR("(a"), "error parsing regexp: missing closing ): `(a`"},
    {STR("a)"), "error parsing regexp: unexpected ): `a)`"},
    {STR("(a))"), "error parsing regexp: unexpected ): `(a))`"},
    {STR("(a|b|"), "error parsing regexp: missing closing ): `(a|b|`"},
    {STR("a|b|)"), "error parsing regexp: unexpected ): `a|b|)`"},
    {STR("(a|b|))"), "error parsing regexp: unexpected ): `(a|b|))`"},
    {STR("(a|b"), "error parsing regexp: missing closing ): `(a|b`"},
    {STR("a|b)"), "error parsing regexp: unexpected ): `a|b)`"},
    {STR("(a|b))"), "error parsing regexp: unexpected ): `(a|b))`"},
    {STR("[a-z"), "error parsing regexp: missing closing ]: `[a-z`"},
    {STR("([a-z)"), "error parsing regexp: missing closing ]: `[a-z)`"},
    {STR("[a-z)"), "error parsing regexp: missing closing ]: `[a-z)`"},
    {STR("([a-z]))"), "error parsing regexp: unexpected ): `([a-z]))`"},
    {STR("x{1001}"), "error parsing regexp: invalid repeat count: `{1001}`"},
    {STR("x{9876543210}"), "error parsing regexp: invalid repeat count: `{9876543210}`"},
    {STR("x{2,1}"), "error parsing regexp: invalid repeat count: `{2,1}`"},
    {STR("x{1,9876543210}"), "error parsing regexp: invalid repeat count: `{1,9876543210}`"},
    {STR("\377"), "error parsing regexp: invalid UTF-8: `\377`"},
    {STR("[\377]"), "error parsing regexp: invalid UTF-8: `\377]`"},
    {STR("[\\\377]"), "error parsing regexp: invalid UTF-8: `\377]`"},
    {STR("\\\377"), "error parsing regexp: invalid UTF-8: `\377`"},
    {STR("(?P<name>a"), "error parsing regexp: missing closing ): `(?P<name>a`"},
    {STR("(?P<name>"), "error parsing regexp: missing closing ): `(?P<name>`"},
    {STR("(?P<name"), "error parsing regexp: invalid named capture: `(?P<name`"},
    {STR("(?P<x y>a)"), "error parsing regexp: invalid named capture: `(?P<x y>`"},
    {STR("(?P<>a)"), "error parsing regexp: invalid named capture: `(?P<>`"},
    {STR("(?<name>a"), "error parsing regexp: missing closing ): `(?<name>a`"},
    {STR("(?<name>"), "error parsing regexp: missing closing ): `(?<name>`"},
    {STR("(?<name"), "error parsing regexp: invalid named capture: `(?<name`"},
    {STR("(?<x y>a)"), "error parsing regexp: invalid named capture: `(?<x y>`"},
    {STR("(?<>a)"), "error parsing regexp: invalid named capture: `(?<>`"},
    {STR("[a-Z]"), "error parsing regexp: invalid character class range: `a-Z`"},
    {STR("(?i)[a-Z]"), "error parsing regexp: invalid character class range: `a-Z`"},
    {STR("\\Q\\E*"), "error parsing regexp: missing argument to repetition operator: `*`"},
    {STR("a{100000}"), "error parsing regexp: invalid repeat count: `{100000}`"},
    {STR("a{100000,}"), "error parsing regexp: invalid repeat count: `{100000,}`"},
    {STR("((((((((((x{2}){2}){2}){2}){2}){2}){2}){2}){2}){2})"),
     "error parsing regexp: invalid repeat count: `{2}`"},
    {STR("a**"), "error parsing regexp: invalid nested repetition operator: `**`"},
    {STR("a*?+"), "error parsing regexp: invalid nested repetition operator: `*?+`"},
    {STR("+"), "error parsing regexp: missing argument to repetition operator: `+`"},
    {STR("a|*"), "error parsing regexp: missing argument to repetition operator: `*`"},
    {STR("(?=a)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
    {STR("(?i-)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?i-)`"},
    {STR("(?i-s-m)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?i-s-`"},
    {STR("(?z)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?z`"},
    {STR("(?"), "error parsing regexp: invalid or unsupported Perl syntax: `(?`"},
    {STR("\\1"), "error parsing regexp: invalid escape sequence: `\\1`"},
    {STR("\\8"), "error parsing regexp: invalid escape sequence: `\\8`"},
    {STR("\\q"), "error parsing regexp: invalid escape sequence: `\\q`"},
    {STR("\\"), "error parsing regexp: trailing backslash at end of expression: ``"},
    {STR("\\x"), "error parsing regexp: invalid escape sequence: `\\x`"},
    {STR("\\x4"), "error parsing regexp: invalid escape sequence: `\\x4`"},
    {STR("\\xg0"), "error parsing regexp: invalid escape sequence: `\\xg0`"},
    {STR("\\x{}"), "error parsing regexp: invalid escape sequence: `\\x{}`"},
    {STR("\\x{110000}"), "error parsing regexp: invalid escape sequence: `\\x{110000`"},
    {STR("\\C"), "error parsing regexp: invalid escape sequence: `\\C`"},
    {STR("[b-a]"), "error parsing regexp: invalid character class range: `b-a`"},
    {STR("[a"), "error parsing regexp: missing closing ]: `[a`"},
    {STR("[[:foo:]]"), "error parsing regexp: invalid character class range: `[:foo:]`"},
    {STR("[a-\\d]"), "error parsing regexp: invalid escape sequence: `\\d`"},
    {STR("\\pX"), "error parsing regexp: invalid character class range: `\\pX`"},
    {STR("\\p{Foo}"), "error parsing regexp: invalid character class range: `\\p{Foo}`"},
    {STR("\\p{"), "error parsing regexp: invalid character class range: `\\p{`"},
    {STR("\\p"), "error parsing regexp: invalid character class range: `\\p`"},
    {STR("\\p{^Foo}"), "error parsing regexp: invalid character class range: `\\p{^Foo}`"},
    {STR("(?P=n)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?P`"},
    {STR("(?P<n"), "error parsing regexp: invalid named capture: `(?P<n`"},
    {STR("(?P<\303\251>a)"), "error parsing regexp: invalid named capture: `(?P<\303\251>`"},
    {STR("(a{500}){3}"), "error parsing regexp: invalid repeat count: `{3}`"},
    {STR("((a{0}){500}){3}"), "error parsing regexp: invalid repeat count: `{3}`"},
    {STR("x{1001,}"), "error parsing regexp: invalid repeat count: `{1001,}`"},
    {STR("a(?i)**"), "error parsing regexp: invalid nested repetition operator: `**`"},
    {STR("(\377"), "error parsing regexp: invalid UTF-8: `\377`"},
    {STR("\\Q\377"), "error parsing regexp: invalid UTF-8: `\377`"},
    {STR("(?i)(?s"), "error parsing regexp: invalid or unsupported Perl syntax: `(?s`"},
    {STR("[[:word:]-z"), "error parsing regexp: missing closing ]: `[[:word:]-z`"},
};

static const struct regex *made(struct str pattern, enum regex_use use)
{
    struct str why = STR_NONE;
    const struct regex *re = regex_new(a, pattern, use, &why);

    if (!re)
        fail_msg(STR_FMT, STR_ARG(why));
    return re;
}

static void put_match(struct buf *out, const struct regex *re, const struct regex_span *span)
{
    for (size_t i = 0; i <= regex_group_count(re); i++) {
        buf_add_cstr(out, i > 0 ? "," : out->len > 0 ? " " : "");
        if (span[i].from == SIZE_MAX)
            buf_add_byte(out, '-');
        else
            buf_printf(out, "%zu-%zu", span[i].from, span[i].to);
    }
}

/* All matches as FindAll finds them: none that is empty right behind another one. */
static void put_all(struct buf *out, struct str pattern, struct str text)
{
    const struct regex *re = made(pattern, REGEX_SEARCH);
    struct err err;
    HL_CLEANUP(regex_search_freep) struct regex_search *s = regex_search_new(re, text, &err);
    const struct regex_span *span;
    uint64_t steps = STEPS;
    size_t last_end = SIZE_MAX;
    size_t at = 0;

    assert_non_null(s);
    while (at <= text.len && regex_search_next(s, at, &steps, &span, &err) > 0) {
        size_t rune_len = at < text.len ? str_rune(text, at, &(uint32_t){0}) : 1;
        if (span[0].from < span[0].to || span[0].from != last_end)
            put_match(out, re, span);
        last_end = span[0].to;
        at = last_end > at ? last_end : at + (rune_len > 0 ? rune_len : 1);
    }
}

static void searches_find_what_go_finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(found); i++) {
        HL_CLEANUP(buf_deinit) struct buf all = {0};
        put_all(&all, found[i].pattern, found[i].text);
        if (!str_eq(buf_str(&all), str_from(found[i].found)))
            fail_msg(STR_FMT " on " STR_FMT ": " STR_FMT ", not %s", STR_ARG(found[i].pattern),
                     STR_ARG(found[i].text), STR_ARG(buf_str(&all)), found[i].found);
    }
}

static void tests_say_whether_there_is_a_match(void **state)
{
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(found); i++) {
        uint64_t steps = STEPS;
        const struct regex *re = made(found[i].pattern, REGEX_TEST);
        if (regex_test(re, found[i].text, &steps, &err) != (found[i].found[0] != '\0'))
            fail_msg(STR_FMT, STR_ARG(found[i].pattern));
        assert_true(steps < STEPS);
    }
}

static void what_go_refuses_is_refused_in_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(refused); i++) {
        for (int use = REGEX_TEST; use <= REGEX_SEARCH; use++) {
            struct str why = STR_NONE;
            assert_null(regex_new(a, refused[i].pattern, (enum regex_use)use, &why));
            assert_string_equal(arena_cstr(a, why), refused[i].why);
        }
    }
}

static struct str repeated(const char *unit, size_t count)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (size_t i = 0; i < count; i++)
        buf_add_cstr(&text, unit);
    return arena_dup(a, buf_str(&text));
}

static void groups_nest_as_deeply_as_in_go(void **state)
{
    struct str why = STR_NONE;
    struct str deep = arena_concat(a, repeated("(", 999), repeated(")", 999));
    struct str deeper = arena_concat(a, repeated("(", 1000), repeated(")", 1000));

    (void)state;
    assert_non_null(regex_new(a, deep, REGEX_SEARCH, &why));
    assert_null(regex_new(a, deeper, REGEX_SEARCH, &why));
    assert_true(str_starts(why, STR("error parsing regexp: expression nests too deeply: `(((")));
    assert_null(regex_new(a, repeated("(", 1000), REGEX_SEARCH, &why));
    assert_true(str_starts(why, STR("error parsing regexp: missing closing ): `(((")));
}

static void groups_are_found_by_their_first_name(void **state)
{
    const struct regex *re = made(STR("(a)(?P<n>b)(?<m>c)(?P<n>d)"), REGEX_SEARCH);

    (void)state;
    assert_int_equal(regex_group_count(re), 4);
    assert_int_equal(regex_group_named(re, STR("n")), 2);
    assert_int_equal(regex_group_named(re, STR("m")), 3);
    assert_int_equal(regex_group_named(re, STR("")), 0);
}

static void patterns_that_backtrack_are_tested_nevertheless(void **state)
{
    struct str text = arena_concat(a, repeated("a", 2000), STR("!"));
    const char *const patterns[] = {"^(a+)+$", "^(a|aa)+$", "^(([a-z0-9]+[-.]?)*)+$"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < HL_COUNT(patterns); i++) {
        uint64_t steps = STEPS;
        assert_int_equal(regex_test(made(str_from(patterns[i]), REGEX_TEST), text, &steps, &err),
                         0);
    }
}

static void searches_that_backtrack_end_at_the_limit_of_steps(void **state)
{
    const struct regex *re = made(STR("^(a+)+$"), REGEX_SEARCH);
    struct str text = arena_concat(a, repeated("a", 40), STR("!"));
    struct err err;
    HL_CLEANUP(regex_search_freep) struct regex_search *s = regex_search_new(re, text, &err);
    const struct regex_span *span;
    uint64_t steps = 1000;

    (void)state;
    assert_int_equal(regex_search_next(s, 0, &steps, &span, &err), HL_ELIMIT);
    assert_int_equal(steps, 0);
    assert_string_equal(err.text, "the pattern \"^(a+)+$\" takes too many steps on 41 bytes");
}

/* A class of thousands of items is looked through for every character. */
static void long_classes_cost_more(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf pattern = {0};
    struct str text = repeated("x", 1 << 20);
    const struct regex_span *span;
    uint64_t steps = STEPS;
    struct err err;

    (void)state;
    buf_add_byte(&pattern, '[');
    for (unsigned i = 0; i < 6000; i++) {
        uint32_t rune = 0x4e00 + 2 * i;
        char utf8[3] = {(char)(0xe0 | rune >> 12), (char)(0x80 | (rune >> 6 & 0x3f)),
                        (char)(0x80 | (rune & 0x3f))};
        buf_add_bytes(&pattern, utf8, 3);
    }
    buf_add_cstr(&pattern, "]*z");
    assert_int_equal(regex_test(made(buf_str(&pattern), REGEX_TEST), text, &steps, &err),
                     HL_ELIMIT);
    HL_CLEANUP(regex_search_freep)
    struct regex_search *s = regex_search_new(made(buf_str(&pattern), REGEX_SEARCH), text, &err);
    assert_int_equal(regex_search_next(s, 0, &steps, &span, &err), HL_ELIMIT);
}

static void folding_has_a_limit(void **state)
{
    struct str why = STR_NONE;
    struct str pattern = arena_concat(a, STR("(?i)"), repeated("[\x01-\xf0\x9f\xbf\xbf]", 9000));

    (void)state;
    assert_null(regex_new(a, pattern, REGEX_TEST, &why));
    assert_true(str_starts(why, STR("error parsing regexp: expression too large: `(?i)")));
}

static void patterns_and_texts_have_a_limit(void **state)
{
    const struct regex *re = made(STR("a"), REGEX_TEST);
    uint64_t steps = STEPS;
    struct str why = STR_NONE;
    struct err err;

    (void)state;
    assert_null(regex_new(a, repeated("a", REGEX_PATTERN_MAX + 1), REGEX_TEST, &why));
    assert_true(str_starts(why, STR("error parsing regexp: expression too large: `aaa")));
    assert_int_equal(regex_test(re, repeated("b", REGEX_TEXT_MAX + 1), &steps, &err), HL_ELIMIT);
    assert_string_equal(err.text, "regexp: more than 4194304 bytes of text");
    assert_null(regex_search_new(made(STR("a"), REGEX_SEARCH),
                                 repeated("\xff", REGEX_BAD_TEXT_MAX + 1), &err));
}

static void run_corpus_file(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
}

static void the_fuzz_corpus_holds_its_properties(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_regex", run_corpus_file, NULL) >= 12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(searches_find_what_go_finds),
        TEST(tests_say_whether_there_is_a_match),
        TEST(what_go_refuses_is_refused_in_its_words),
        TEST(groups_nest_as_deeply_as_in_go),
        TEST(groups_are_found_by_their_first_name),
        TEST(patterns_that_backtrack_are_tested_nevertheless),
        TEST(searches_that_backtrack_end_at_the_limit_of_steps),
        TEST(long_classes_cost_more),
        TEST(folding_has_a_limit),
        TEST(patterns_and_texts_have_a_limit),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/gostd/regex", tests, NULL, NULL);
}
