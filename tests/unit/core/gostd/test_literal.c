/* Literals: what Go's own tables of strconv come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/gostd/float_text.h"
#include "core/gostd/literal.h"

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
    struct str text;
    int base;
    const char *as_int; /* NULL: refused */
    const char *as_uint;
} ints[] = {
    {STR(""), 0, NULL, NULL},
    {STR("0"), 0, "0", "0"},
    {STR("-0"), 0, "0", NULL},
    {STR("1"), 0, "1", "1"},
    {STR("-1"), 0, "-1", NULL},
    {STR("12345"), 0, "12345", "12345"},
    {STR("-12345"), 0, "-12345", NULL},
    {STR("012345"), 0, "5349", "5349"},
    {STR("-012345"), 0, "-5349", NULL},
    {STR("0x12345"), 0, "74565", "74565"},
    {STR("-0X12345"), 0, "-74565", NULL},
    {STR("12345x"), 0, NULL, NULL},
    {STR("-12345x"), 0, NULL, NULL},
    {STR("98765432100"), 0, "98765432100", "98765432100"},
    {STR("-98765432100"), 0, "-98765432100", NULL},
    {STR("9223372036854775807"), 0, "9223372036854775807", "9223372036854775807"},
    {STR("-9223372036854775807"), 0, "-9223372036854775807", NULL},
    {STR("9223372036854775808"), 0, NULL, "9223372036854775808"},
    {STR("-9223372036854775808"), 0, "-9223372036854775808", NULL},
    {STR("9223372036854775809"), 0, NULL, "9223372036854775809"},
    {STR("-9223372036854775809"), 0, NULL, NULL},
    {STR("g"), 17, "16", "16"},
    {STR("10"), 25, "25", "25"},
    {STR("holycow"), 35, "32544027072", "32544027072"},
    {STR("holycow"), 36, "38493362624", "38493362624"},
    {STR("0"), 2, "0", "0"},
    {STR("-1"), 2, "-1", NULL},
    {STR("1010"), 2, "10", "10"},
    {STR("1000000000000000"), 2, "32768", "32768"},
    {STR("111111111111111111111111111111111111111111111111111111111111111"), 2,
     "9223372036854775807", "9223372036854775807"},
    {STR("1000000000000000000000000000000000000000000000000000000000000000"), 2, NULL,
     "9223372036854775808"},
    {STR("-1000000000000000000000000000000000000000000000000000000000000000"), 2,
     "-9223372036854775808", NULL},
    {STR("-1000000000000000000000000000000000000000000000000000000000000001"), 2, NULL, NULL},
    {STR("-10"), 8, "-8", NULL},
    {STR("57635436545"), 8, "6416645477", "6416645477"},
    {STR("100000000"), 8, "16777216", "16777216"},
    {STR("10"), 16, "16", "16"},
    {STR("-123456789abcdef"), 16, "-81985529216486895", NULL},
    {STR("7fffffffffffffff"), 16, "9223372036854775807", "9223372036854775807"},
    {STR("-0x_1_2_3_4_5"), 0, "-74565", NULL},
    {STR("0x_1_2_3_4_5"), 0, "74565", "74565"},
    {STR("-_0x12345"), 0, NULL, NULL},
    {STR("_-0x12345"), 0, NULL, NULL},
    {STR("_0x12345"), 0, NULL, NULL},
    {STR("0x__12345"), 0, NULL, NULL},
    {STR("0x1__2345"), 0, NULL, NULL},
    {STR("0x1234__5"), 0, NULL, NULL},
    {STR("0x12345_"), 0, NULL, NULL},
    {STR("-0_1_2_3_4_5"), 0, "-5349", NULL},
    {STR("0_1_2_3_4_5"), 0, "5349", "5349"},
    {STR("-_012345"), 0, NULL, NULL},
    {STR("_-012345"), 0, NULL, NULL},
    {STR("_012345"), 0, NULL, NULL},
    {STR("0__12345"), 0, NULL, NULL},
    {STR("01234__5"), 0, NULL, NULL},
    {STR("012345_"), 0, NULL, NULL},
    {STR("+0xf"), 0, "15", NULL},
    {STR("-0xf"), 0, "-15", NULL},
    {STR("0x+f"), 0, NULL, NULL},
    {STR("0x-f"), 0, NULL, NULL},
    {STR("0x"), 0, NULL, NULL},
    {STR("0X"), 0, NULL, NULL},
    {STR("0X12345"), 0, "74565", "74565"},
    {STR("0xabcdefg123"), 0, NULL, NULL},
    {STR("123456789abc"), 0, NULL, NULL},
    {STR("18446744073709551615"), 0, NULL, "18446744073709551615"},
    {STR("18446744073709551616"), 0, NULL, NULL},
    {STR("18446744073709551620"), 0, NULL, NULL},
    {STR("0xFFFFFFFFFFFFFFFF"), 0, NULL, "18446744073709551615"},
    {STR("0x10000000000000000"), 0, NULL, NULL},
    {STR("01777777777777777777777"), 0, NULL, "18446744073709551615"},
    {STR("01777777777777777777778"), 0, NULL, NULL},
    {STR("02000000000000000000000"), 0, NULL, NULL},
    {STR("0200000000000000000000"), 0, "2305843009213693952", "2305843009213693952"},
    {STR("0b"), 0, NULL, NULL},
    {STR("0B"), 0, NULL, NULL},
    {STR("0b101"), 0, "5", "5"},
    {STR("0B101"), 0, "5", "5"},
    {STR("0o"), 0, NULL, NULL},
    {STR("0O"), 0, NULL, NULL},
    {STR("0o377"), 0, "255", "255"},
    {STR("0O377"), 0, "255", "255"},
    {STR("1_2_3_4_5"), 0, "12345", "12345"},
    {STR("_12345"), 0, NULL, NULL},
    {STR("1__2345"), 0, NULL, NULL},
    {STR("12345_"), 0, NULL, NULL},
    {STR("1_2_3_4_5"), 10, NULL, NULL},
    {STR("_12345"), 10, NULL, NULL},
    {STR("1__2345"), 10, NULL, NULL},
    {STR("12345_"), 10, NULL, NULL},
    {STR("1_2_3_4_5"), 16, NULL, NULL},
    {STR("_12345"), 16, NULL, NULL},
    {STR("1__2345"), 16, NULL, NULL},
    {STR("1234__5"), 16, NULL, NULL},
    {STR("12345_"), 16, NULL, NULL},
    {STR("0o_1_2_3_4_5"), 0, "5349", "5349"},
    {STR("_0o12345"), 0, NULL, NULL},
    {STR("0o__12345"), 0, NULL, NULL},
    {STR("0o1234__5"), 0, NULL, NULL},
    {STR("0o12345_"), 0, NULL, NULL},
    {STR("0_1_2_3_4_5"), 8, NULL, NULL},
    {STR("_012345"), 8, NULL, NULL},
    {STR("0__12345"), 8, NULL, NULL},
    {STR("01234__5"), 8, NULL, NULL},
    {STR("012345_"), 8, NULL, NULL},
    {STR("0b_1_0_1"), 0, "5", "5"},
    {STR("_0b101"), 0, NULL, NULL},
    {STR("0b__101"), 0, NULL, NULL},
    {STR("0b1__01"), 0, NULL, NULL},
    {STR("0b10__1"), 0, NULL, NULL},
    {STR("0b101_"), 0, NULL, NULL},
    {STR("1_0_1"), 2, NULL, NULL},
    {STR("_101"), 2, NULL, NULL},
    {STR("1_01"), 2, NULL, NULL},
    {STR("10_1"), 2, NULL, NULL},
    {STR("101_"), 2, NULL, NULL},
    {STR(""), 10, NULL, NULL},
    {STR("0"), 10, "0", "0"},
    {STR("-0"), 10, "0", NULL},
    {STR("+0"), 10, "0", NULL},
    {STR("1"), 10, "1", "1"},
    {STR("-1"), 10, "-1", NULL},
    {STR("+1"), 10, "1", NULL},
    {STR("12345"), 10, "12345", "12345"},
    {STR("-12345"), 10, "-12345", NULL},
    {STR("012345"), 10, "12345", "12345"},
    {STR("-012345"), 10, "-12345", NULL},
    {STR("98765432100"), 10, "98765432100", "98765432100"},
    {STR("-98765432100"), 10, "-98765432100", NULL},
    {STR("9223372036854775807"), 10, "9223372036854775807", "9223372036854775807"},
    {STR("-9223372036854775807"), 10, "-9223372036854775807", NULL},
    {STR("9223372036854775808"), 10, NULL, "9223372036854775808"},
    {STR("-9223372036854775808"), 10, "-9223372036854775808", NULL},
    {STR("9223372036854775809"), 10, NULL, "9223372036854775809"},
    {STR("-9223372036854775809"), 10, NULL, NULL},
    {STR("-1_2_3_4_5"), 10, NULL, NULL},
    {STR("-_12345"), 10, NULL, NULL},
    {STR("123%45"), 10, NULL, NULL},
    {STR("12345x"), 10, NULL, NULL},
    {STR("18446744073709551615"), 10, NULL, "18446744073709551615"},
    {STR("18446744073709551616"), 10, NULL, NULL},
    {STR("18446744073709551620"), 10, NULL, NULL},
};

static const struct {
    struct str text;
    const char *want; /* its shortest text; NULL: refused */
} floats[] = {
    {STR(""), NULL},
    {STR("1"), "1"},
    {STR("+1"), "1"},
    {STR("1x"), NULL},
    {STR("1.1."), NULL},
    {STR("1e23"), "1e+23"},
    {STR("1E23"), "1e+23"},
    {STR("100000000000000000000000"), "1e+23"},
    {STR("1e-100"), "1e-100"},
    {STR("123456700"), "1.234567e+08"},
    {STR("99999999999999974834176"), "9.999999999999997e+22"},
    {STR("100000000000000000000001"), "1.0000000000000001e+23"},
    {STR("100000000000000008388608"), "1.0000000000000001e+23"},
    {STR("100000000000000016777215"), "1.0000000000000001e+23"},
    {STR("100000000000000016777216"), "1.0000000000000003e+23"},
    {STR("-1"), "-1"},
    {STR("-0.1"), "-0.1"},
    {STR("-0"), "-0"},
    {STR("1e-20"), "1e-20"},
    {STR("625e-3"), "0.625"},
    {STR("0x1p0"), "1"},
    {STR("0x1p1"), "2"},
    {STR("0x1p-1"), "0.5"},
    {STR("0x1ep-1"), "15"},
    {STR("-0x1ep-1"), "-15"},
    {STR("-0x1_ep-1"), "-15"},
    {STR("0x1p-200"), "6.223015277861142e-61"},
    {STR("0x1p200"), "1.6069380442589903e+60"},
    {STR("0x1fFe2.p0"), "131042"},
    {STR("0x1fFe2.P0"), "131042"},
    {STR("-0x2p3"), "-16"},
    {STR("0x0.fp4"), "15"},
    {STR("0x0.fp0"), "0.9375"},
    {STR("0x1e2"), NULL},
    {STR("1p2"), NULL},
    {STR("0"), "0"},
    {STR("0e0"), "0"},
    {STR("-0e0"), "-0"},
    {STR("+0e0"), "0"},
    {STR("0e-0"), "0"},
    {STR("-0e-0"), "-0"},
    {STR("+0e-0"), "0"},
    {STR("0e+0"), "0"},
    {STR("-0e+0"), "-0"},
    {STR("+0e+0"), "0"},
    {STR("0e+01234567890123456789"), "0"},
    {STR("0.00e-01234567890123456789"), "0"},
    {STR("-0e+01234567890123456789"), "-0"},
    {STR("-0.00e-01234567890123456789"), "-0"},
    {STR("0x0p+01234567890123456789"), "0"},
    {STR("0x0.00p-01234567890123456789"), "0"},
    {STR("-0x0p+01234567890123456789"), "-0"},
    {STR("-0x0.00p-01234567890123456789"), "-0"},
    {STR("0e291"), "0"},
    {STR("0e292"), "0"},
    {STR("0e347"), "0"},
    {STR("0e348"), "0"},
    {STR("-0e291"), "-0"},
    {STR("-0e292"), "-0"},
    {STR("-0e347"), "-0"},
    {STR("-0e348"), "-0"},
    {STR("0x0p126"), "0"},
    {STR("0x0p127"), "0"},
    {STR("0x0p128"), "0"},
    {STR("0x0p129"), "0"},
    {STR("0x0p130"), "0"},
    {STR("0x0p1022"), "0"},
    {STR("0x0p1023"), "0"},
    {STR("0x0p1024"), "0"},
    {STR("0x0p1025"), "0"},
    {STR("0x0p1026"), "0"},
    {STR("-0x0p126"), "-0"},
    {STR("-0x0p127"), "-0"},
    {STR("-0x0p128"), "-0"},
    {STR("-0x0p129"), "-0"},
    {STR("-0x0p130"), "-0"},
    {STR("-0x0p1022"), "-0"},
    {STR("-0x0p1023"), "-0"},
    {STR("-0x0p1024"), "-0"},
    {STR("-0x0p1025"), "-0"},
    {STR("-0x0p1026"), "-0"},
    {STR("nan"), "NaN"},
    {STR("NaN"), "NaN"},
    {STR("NAN"), "NaN"},
    {STR("inf"), "+Inf"},
    {STR("-Inf"), "-Inf"},
    {STR("+INF"), "+Inf"},
    {STR("-Infinity"), "-Inf"},
    {STR("+INFINITY"), "+Inf"},
    {STR("Infinity"), "+Inf"},
    {STR("1.7976931348623157e308"), "1.7976931348623157e+308"},
    {STR("-1.7976931348623157e308"), "-1.7976931348623157e+308"},
    {STR("0x1.fffffffffffffp1023"), "1.7976931348623157e+308"},
    {STR("-0x1.fffffffffffffp1023"), "-1.7976931348623157e+308"},
    {STR("0x1fffffffffffffp+971"), "1.7976931348623157e+308"},
    {STR("-0x1fffffffffffffp+971"), "-1.7976931348623157e+308"},
    {STR("0x.1fffffffffffffp1027"), "1.7976931348623157e+308"},
    {STR("-0x.1fffffffffffffp1027"), "-1.7976931348623157e+308"},
    {STR("1.7976931348623159e308"), NULL},
    {STR("-1.7976931348623159e308"), NULL},
    {STR("0x1p1024"), NULL},
    {STR("-0x1p1024"), NULL},
    {STR("0x2p1023"), NULL},
    {STR("-0x2p1023"), NULL},
    {STR("0x.1p1028"), NULL},
    {STR("-0x.1p1028"), NULL},
    {STR("0x.2p1027"), NULL},
    {STR("-0x.2p1027"), NULL},
    {STR("1.7976931348623158e308"), "1.7976931348623157e+308"},
    {STR("-1.7976931348623158e308"), "-1.7976931348623157e+308"},
    {STR("0x1.fffffffffffff7fffp1023"), "1.7976931348623157e+308"},
    {STR("-0x1.fffffffffffff7fffp1023"), "-1.7976931348623157e+308"},
    {STR("1.797693134862315808e308"), NULL},
    {STR("-1.797693134862315808e308"), NULL},
    {STR("0x1.fffffffffffff8p1023"), NULL},
    {STR("-0x1.fffffffffffff8p1023"), NULL},
    {STR("0x1fffffffffffff.8p+971"), NULL},
    {STR("-0x1fffffffffffff8p+967"), NULL},
    {STR("0x.1fffffffffffff8p1027"), NULL},
    {STR("-0x.1fffffffffffff9p1027"), NULL},
    {STR("1e308"), "1e+308"},
    {STR("2e308"), NULL},
    {STR("1e309"), NULL},
    {STR("0x1p1025"), NULL},
    {STR("1e310"), NULL},
    {STR("-1e310"), NULL},
    {STR("1e400"), NULL},
    {STR("-1e400"), NULL},
    {STR("1e400000"), NULL},
    {STR("-1e400000"), NULL},
    {STR("0x1p1030"), NULL},
    {STR("0x1p2000"), NULL},
    {STR("0x1p2000000000"), NULL},
    {STR("-0x1p1030"), NULL},
    {STR("-0x1p2000"), NULL},
    {STR("-0x1p2000000000"), NULL},
    {STR("1e-305"), "1e-305"},
    {STR("1e-306"), "1e-306"},
    {STR("1e-307"), "1e-307"},
    {STR("1e-308"), "1e-308"},
    {STR("1e-309"), "1e-309"},
    {STR("1e-310"), "1e-310"},
    {STR("1e-322"), "1e-322"},
    {STR("5e-324"), "5e-324"},
    {STR("4e-324"), "5e-324"},
    {STR("3e-324"), "5e-324"},
    {STR("2e-324"), "0"},
    {STR("1e-350"), "0"},
    {STR("1e-400000"), "0"},
    {STR("0x2.00000000000000p-1010"), "1.8227805048890994e-304"},
    {STR("0x1.fffffffffffff0p-1010"), "1.8227805048890992e-304"},
    {STR("0x1.fffffffffffff7p-1010"), "1.8227805048890992e-304"},
    {STR("0x1.fffffffffffff8p-1010"), "1.8227805048890994e-304"},
    {STR("0x1.fffffffffffff9p-1010"), "1.8227805048890994e-304"},
    {STR("0x2.00000000000000p-1022"), "4.450147717014403e-308"},
    {STR("0x1.fffffffffffff0p-1022"), "4.4501477170144023e-308"},
    {STR("0x1.fffffffffffff7p-1022"), "4.4501477170144023e-308"},
    {STR("0x1.fffffffffffff8p-1022"), "4.450147717014403e-308"},
    {STR("0x1.fffffffffffff9p-1022"), "4.450147717014403e-308"},
    {STR("0x1.00000000000000p-1022"), "2.2250738585072014e-308"},
    {STR("0x0.fffffffffffff0p-1022"), "2.225073858507201e-308"},
    {STR("0x0.ffffffffffffe0p-1022"), "2.2250738585072004e-308"},
    {STR("0x0.ffffffffffffe7p-1022"), "2.2250738585072004e-308"},
    {STR("0x1.ffffffffffffe8p-1023"), "2.225073858507201e-308"},
    {STR("0x1.ffffffffffffe9p-1023"), "2.225073858507201e-308"},
    {STR("0x0.00000003fffff0p-1022"), "2.072261e-317"},
    {STR("0x0.00000003456780p-1022"), "1.694649e-317"},
    {STR("0x0.00000003456787p-1022"), "1.694649e-317"},
    {STR("0x0.00000003456788p-1022"), "1.694649e-317"},
    {STR("0x0.00000003456790p-1022"), "1.6946496e-317"},
    {STR("0x0.00000003456789p-1022"), "1.6946496e-317"},
    {STR("0x0.0000000345678800000000000000000000000001p-1022"), "1.6946496e-317"},
    {STR("0x0.000000000000f0p-1022"), "7.4e-323"},
    {STR("0x0.00000000000060p-1022"), "3e-323"},
    {STR("0x0.00000000000058p-1022"), "3e-323"},
    {STR("0x0.00000000000057p-1022"), "2.5e-323"},
    {STR("0x0.00000000000050p-1022"), "2.5e-323"},
    {STR("0x0.00000000000010p-1022"), "5e-324"},
    {STR("0x0.000000000000081p-1022"), "5e-324"},
    {STR("0x0.00000000000008p-1022"), "0"},
    {STR("0x0.00000000000007fp-1022"), "0"},
    {STR("1e-4294967296"), "0"},
    {STR("1e+4294967296"), NULL},
    {STR("1e-18446744073709551616"), "0"},
    {STR("1e+18446744073709551616"), NULL},
    {STR("0x1p-4294967296"), "0"},
    {STR("0x1p+4294967296"), NULL},
    {STR("0x1p-18446744073709551616"), "0"},
    {STR("0x1p+18446744073709551616"), NULL},
    {STR("1e"), NULL},
    {STR("1e-"), NULL},
    {STR(".e-1"), NULL},
    {STR("1\000.2"), NULL},
    {STR("0x"), NULL},
    {STR("0x."), NULL},
    {STR("0x1"), NULL},
    {STR("0x.1"), NULL},
    {STR("0x1p"), NULL},
    {STR("0x.1p"), NULL},
    {STR("0x1p+"), NULL},
    {STR("0x.1p+"), NULL},
    {STR("0x1p-"), NULL},
    {STR("0x.1p-"), NULL},
    {STR("0x1p+2"), "4"},
    {STR("0x.1p+2"), "0.25"},
    {STR("0x1p-2"), "0.25"},
    {STR("0x.1p-2"), "0.015625"},
    {STR("2.2250738585072012e-308"), "2.2250738585072014e-308"},
    {STR("2.2250738585072011e-308"), "2.225073858507201e-308"},
    {STR("4.630813248087435e+307"), "4.630813248087435e+307"},
    {STR("22.222222222222222"), "22.22222222222222"},
    {STR("0x1.1111111111111p222"), "7.18931911124017e+66"},
    {STR("0x2.2222222222222p221"), "7.18931911124017e+66"},
    {STR("1.00000000000000011102230246251565404236316680908203125"), "1"},
    {STR("0x1.00000000000008p0"), "1"},
    {STR("1.00000000000000011102230246251565404236316680908203124"), "1"},
    {STR("0x1.00000000000007Fp0"), "1"},
    {STR("1.00000000000000011102230246251565404236316680908203126"), "1.0000000000000002"},
    {STR("0x1.000000000000081p0"), "1.0000000000000002"},
    {STR("0x1.00000000000009p0"), "1.0000000000000002"},
    {STR("1.00000000000000033306690738754696212708950042724609375"), "1.0000000000000004"},
    {STR("0x1.00000000000018p0"), "1.0000000000000004"},
    {STR("1090544144181609348671888949248"), "1.0905441441816093e+30"},
    {STR("1090544144181609348835077142190"), "1.0905441441816094e+30"},
    {STR("1_23.50_0_0e+1_2"), "1.235e+14"},
    {STR("-_123.5e+12"), NULL},
    {STR("+_123.5e+12"), NULL},
    {STR("_123.5e+12"), NULL},
    {STR("1__23.5e+12"), NULL},
    {STR("123_.5e+12"), NULL},
    {STR("123._5e+12"), NULL},
    {STR("123.5_e+12"), NULL},
    {STR("123.5__0e+12"), NULL},
    {STR("123.5e_+12"), NULL},
    {STR("123.5e+_12"), NULL},
    {STR("123.5e_-12"), NULL},
    {STR("123.5e-_12"), NULL},
    {STR("123.5e+1__2"), NULL},
    {STR("123.5e+12_"), NULL},
    {STR("0x_1_2.3_4_5p+1_2"), "74565"},
    {STR("-_0x12.345p+12"), NULL},
    {STR("+_0x12.345p+12"), NULL},
    {STR("_0x12.345p+12"), NULL},
    {STR("0x__12.345p+12"), NULL},
    {STR("0x1__2.345p+12"), NULL},
    {STR("0x12_.345p+12"), NULL},
    {STR("0x12._345p+12"), NULL},
    {STR("0x12.3__45p+12"), NULL},
    {STR("0x12.345_p+12"), NULL},
    {STR("0x12.345p_+12"), NULL},
    {STR("0x12.345p+_12"), NULL},
    {STR("0x12.345p_-12"), NULL},
    {STR("0x12.345p-_12"), NULL},
    {STR("0x12.345p+1__2"), NULL},
    {STR("0x12.345p+12_"), NULL},
    {STR("1e100x"), NULL},
    {STR("1e1000x"), NULL},
};

static const struct {
    struct str text;
    const char *want;
    const char *ascii;
} quotes[] = {
    {STR("\007\010\014\015\012\011\013"), "\"\\a\\b\\f\\r\\n\\t\\v\"", "\"\\a\\b\\f\\r\\n\\t\\v\""},
    {STR("\\"), "\"\\\\\"", "\"\\\\\""},
    {STR("abc\377def"), "\"abc\\xffdef\"", "\"abc\\xffdef\""},
    {STR("\342\230\272"), "\"\342\230\272\"", "\"\\u263a\""},
    {STR("\364\217\277\277"), "\"\\U0010ffff\"", "\"\\U0010ffff\""},
    {STR("\004"), "\"\\x04\"", "\"\\x04\""},
    {STR("!\302\240!\342\200\200!\343\200\200!"), "\"!\\u00a0!\\u2000!\\u3000!\"",
     "\"!\\u00a0!\\u2000!\\u3000!\""},
    {STR("\177"), "\"\\x7f\"", "\"\\x7f\""},
    {STR(""), "\"\"", "\"\""},
    {STR("\303\251\302\255\342\200\250"), "\"\303\251\\u00ad\\u2028\"",
     "\"\\u00e9\\u00ad\\u2028\""},
    {STR("\343\200\200\346\227\245"), "\"\\u3000\346\227\245\"", "\"\\u3000\\u65e5\""},
    {STR("\364\217\277\277\357\277\275"), "\"\\U0010ffff\357\277\275\"", "\"\\U0010ffff\\ufffd\""},
    {STR("\360\237"), "\"\\xf0\\x9f\"", "\"\\xf0\\x9f\""},
    {STR("a'b`c"), "\"a'b`c\"", "\"a'b`c\""},
    {STR("\356\200\200\315\270"), "\"\\ue000\\u0378\"", "\"\\ue000\\u0378\""},
};

static const struct {
    struct str text;
    bool is_good;
    struct str want;
} unquotes[] = {
    {STR("\"\""), true, STR("")},
    {STR("\"a\""), true, STR("a")},
    {STR("\"abc\""), true, STR("abc")},
    {STR("\"\342\230\272\""), true, STR("\342\230\272")},
    {STR("\"hello world\""), true, STR("hello world")},
    {STR("\"\\xFF\""), true, STR("\377")},
    {STR("\"\\377\""), true, STR("\377")},
    {STR("\"\\u1234\""), true, STR("\341\210\264")},
    {STR("\"\\U00010111\""), true, STR("\360\220\204\221")},
    {STR("\"\\U0001011111\""), true, STR("\360\220\204\22111")},
    {STR("\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\""), true, STR("\007\010\014\012\015\011\013\\\"")},
    {STR("\"'\""), true, STR("'")},
    {STR("``"), true, STR("")},
    {STR("`a`"), true, STR("a")},
    {STR("`abc`"), true, STR("abc")},
    {STR("`\342\230\272`"), true, STR("\342\230\272")},
    {STR("`hello world`"), true, STR("hello world")},
    {STR("`\\xFF`"), true, STR("\\xFF")},
    {STR("`\\377`"), true, STR("\\377")},
    {STR("`\\`"), true, STR("\\")},
    {STR("`\012`"), true, STR("\012")},
    {STR("`\011`"), true, STR("\011")},
    {STR("` `"), true, STR(" ")},
    {STR("`a\015b`"), true, STR("ab")},
    {STR(""), false, STR("")},
    {STR("\""), false, STR("")},
    {STR("\"a"), false, STR("")},
    {STR("\"'"), false, STR("")},
    {STR("b\""), false, STR("")},
    {STR("\"\\\""), false, STR("")},
    {STR("\"\\9\""), false, STR("")},
    {STR("\"\\19\""), false, STR("")},
    {STR("\"\\129\""), false, STR("")},
    {STR("\"\\x1!\""), false, STR("")},
    {STR("\"\\U12345678\""), false, STR("")},
    {STR("\"\\z\""), false, STR("")},
    {STR("`"), false, STR("")},
    {STR("`xxx"), false, STR("")},
    {STR("``x\015"), false, STR("")},
    {STR("`\""), false, STR("")},
    {STR("\"\\'\""), false, STR("")},
    {STR("\"\012\""), false, STR("")},
    {STR("\"\\n\012\""), false, STR("")},
    {STR("\"\\udead\""), false, STR("")},
    {STR("\"\\ud83d\\ude4f\""), false, STR("")},
};

static const struct {
    struct str text;
    int want; /* -1: refused */
} chars[] = {
    {STR("'a'"), 97},
    {STR("'\342\230\272'"), 9786},
    {STR("'\\n'"), 10},
    {STR("'\\''"), 39},
    {STR("'\"'"), 34},
    {STR("'\\x41'"), 65},
    {STR("'\\101'"), 65},
    {STR("'\\u00e9'"), 233},
    {STR("'\\U0001F600'"), 128512},
    {STR("'\\\"'"), -1},
    {STR("'ab'"), -1},
    {STR("'"), -1},
    {STR("'''"), -1},
    {STR("'\012'"), -1},
    {STR("'\\400'"), -1},
    {STR("'\\ud800'"), -1},
    {STR("'\377'"), 65533},
};

static void integers_are_read_in_every_base(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(ints); i++) {
        int64_t n = 0;
        uint64_t u = 0;
        bool is_int = literal_int(ints[i].text, ints[i].base, &n);
        bool is_uint = literal_uint(ints[i].text, ints[i].base, &u);
        if (is_int != (ints[i].as_int != NULL) || is_uint != (ints[i].as_uint != NULL))
            fail_msg(STR_FMT " in base %d", STR_ARG(ints[i].text), ints[i].base);
        struct str text = arena_printf(a, "%lld", (long long)n);
        assert_true(!is_int || str_eq(text, str_from(ints[i].as_int)));
        text = arena_printf(a, "%llu", (unsigned long long)u);
        assert_true(!is_uint || str_eq(text, str_from(ints[i].as_uint)));
    }
}

static void floats_are_read_to_the_nearest(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(floats); i++) {
        HL_CLEANUP(buf_deinit) struct buf text = {0};
        double d = 0;
        bool is_good = literal_float(floats[i].text, &d);
        if (is_good != (floats[i].want != NULL))
            fail_msg(STR_FMT, STR_ARG(floats[i].text));
        format_float(&text, d, 'g', -1);
        if (is_good && !str_eq(buf_str(&text), str_from(floats[i].want)))
            fail_msg(STR_FMT ": " STR_FMT, STR_ARG(floats[i].text), STR_ARG(buf_str(&text)));
    }
}

static void strings_are_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(quotes); i++) {
        HL_CLEANUP(buf_deinit) struct buf text = {0};
        literal_quote(&text, quotes[i].text, false);
        assert_true(str_eq(buf_str(&text), str_from(quotes[i].want)));
        buf_reset(&text);
        literal_quote(&text, quotes[i].text, true);
        assert_true(str_eq(buf_str(&text), str_from(quotes[i].ascii)));
    }
}

static void quoted_strings_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(unquotes); i++) {
        struct str out = STR_NONE;
        if (literal_unquote(a, unquotes[i].text, &out) != unquotes[i].is_good)
            fail_msg(STR_FMT, STR_ARG(unquotes[i].text));
        assert_true(!unquotes[i].is_good || str_eq(out, unquotes[i].want));
    }
}

static void characters_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < HL_COUNT(chars); i++) {
        uint32_t r = 0;
        if (literal_char(chars[i].text, &r) != (chars[i].want >= 0))
            fail_msg(STR_FMT, STR_ARG(chars[i].text));
        assert_true(chars[i].want < 0 || r == (uint32_t)chars[i].want);
    }
}

static void characters_are_quoted(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    (void)state;
    literal_quote_rune(&text, 'a', false);
    literal_quote_rune(&text, '\'', false);
    literal_quote_rune(&text, 0x263a, false);
    literal_quote_rune(&text, 0x263a, true);
    literal_quote_rune(&text, 0xad, false);
    literal_quote_rune(&text, 0x110000, false);
    assert_true(
        str_eq(buf_str(&text), STR("'a''\\'''\xe2\x98\xba''\\u263a''\\u00ad''\xef\xbf\xbd'")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(integers_are_read_in_every_base),
        TEST(floats_are_read_to_the_nearest),
        TEST(strings_are_quoted),
        TEST(quoted_strings_are_read),
        TEST(characters_are_read),
        TEST(characters_are_quoted),
    };
    return cmocka_run_group_tests_name("core/gostd/literal", tests, NULL, NULL);
}
