/* --set and its kin: paths, types, lists, merging into what is there, errors and limits; the fuzz
 * corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/chart/setvalues.h"
#include "core/value/json.h"
#include "support/corpus.h"

#include "fuzz/fuzz_set.c"

static struct arena *a;
static struct datum_map *map;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    map = datum_map_new(a);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static void set(enum setvalues_kind kind, const char *text)
{
    const struct setvalues_files files = {.read = read_name};
    struct err err;

    if (setvalues_apply(a, kind, str_from(text), &files, map, &err) < 0)
        fail_msg("%s: %s", text, err.text);
}

static void map_is(const char *json)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    struct value *v;

    assert_int_equal(datum_to_value(a, datum_of_map(map), &v, NULL), 0);
    json_write(&b, v, JSON_COMPACT);
    buf_add_byte(&b, 0);
    assert_string_equal(b.ptr, json);
}

static void refuses(enum setvalues_kind kind, const char *text, int code, const char *why)
{
    const struct setvalues_files files = {.read = read_name};
    struct err err;

    assert_int_equal(setvalues_apply(a, kind, str_from(text), &files, map, &err), code);
    assert_string_equal(err.text, why);
}

static void typed_values_are_words_integers_or_strings(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a=1,b=TRUE,c=False,d=null,e=0,f=01,g=1.5,h=-7,i=99999999999999999999,j=");
    map_is("{\"a\":1,\"b\":true,\"c\":false,\"d\":null,\"e\":0,\"f\":\"01\",\"g\":\"1.5\",\"h\":-7,"
           "\"i\":\"99999999999999999999\",\"j\":\"\"}");
    assert_int_equal(datum_map_find(map, STR("a"))->value.type, DATUM_INT64);
}

static void paths_lead_through_maps_and_lists(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a.b.c=1,a.b.d=2,l[1].x=y,l[0]=z,m[1][0]=q");
    map_is("{\"a\":{\"b\":{\"c\":1,\"d\":2}},\"l\":[\"z\",{\"x\":\"y\"}],\"m\":[null,[\"q\"]]}");
}

static void a_backslash_takes_the_next_character(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a\\.b\\=c=x\\,y\\\\,d={1\\,2,\\}}");
    map_is("{\"a.b=c\":\"x,y\\\\\",\"d\":[\"1,2\",\"}\"]}");
}

static void braces_hold_a_list(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a={1,x,true},b={},c={2}d=3");
    map_is("{\"a\":[1,\"x\",true],\"b\":[\"\"],\"c\":[2],\"d\":3}");
}

static void what_is_there_is_kept_or_replaced(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a.x=1,a.y=2,l={1,2,3}");
    set(SETVALUES_STRING, "a.x=5,l[1]=9,l[4]=8");
    map_is("{\"a\":{\"x\":\"5\",\"y\":2},\"l\":[1,\"9\",3,null,\"8\"]}");
    set(SETVALUES_TYPED, "l[0].k=v,a=0");
    map_is("{\"a\":0,\"l\":[{\"k\":\"v\"},\"9\",3,null,\"8\"]}");
}

static void json_values_are_read_one_by_one(void **state)
{
    (void)state;
    set(SETVALUES_JSON, "a={\"b\":[1,\"},\"]} ,c=2,d=,e[1]=\"x\",f=-1.5e1");
    map_is("{\"a\":{\"b\":[1,\"},\"]},\"c\":2,\"d\":null,\"e\":[null,\"x\"],\"f\":-15}");
    assert_int_equal(datum_map_find(map, STR("c"))->value.type, DATUM_FLOAT64);
    refuses(SETVALUES_JSON, "a=bad", HL_EINVAL,
            "invalid character 'b' looking for beginning of value");
    refuses(SETVALUES_JSON, "g=01", HL_EINVAL, "key \"1\" has no value");
}

static void a_literal_is_all_that_follows(void **state)
{
    (void)state;
    set(SETVALUES_LITERAL, "a,b.c[0]=x,y={z}\\,1");
    map_is("{\"a,b\":{\"c\":[\"x,y={z}\\\\,1\"]}}");
}

static void files_are_read_by_the_caller(void **state)
{
    (void)state;
    set(SETVALUES_FILE, "a=one,b={two,three}");
    map_is("{\"a\":\"one\",\"b\":[\"two\",\"three\"]}");
    refuses(SETVALUES_FILE, "c=!x", HL_EABSENT, "no such file");
}

static void a_text_may_end_where_helm_lets_it(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a[0]");
    set(SETVALUES_TYPED, "b=1,");
    set(SETVALUES_TYPED, "c[0].d=");
    set(SETVALUES_TYPED, "=5,.=");
    map_is("{\"a\":[],\"b\":1,\"c\":[]}");
}

static void unfinished_paths_are_refused_in_helms_words(void **state)
{
    (void)state;
    refuses(SETVALUES_TYPED, "a", HL_EINVAL, "key \"a\" has no value");
    refuses(SETVALUES_TYPED, "a,b=1", HL_EINVAL, "key \"a\" has no value (cannot end with ,)");
    refuses(SETVALUES_TYPED, "a.=1", HL_EINVAL, "key map \"a\" has no value");
    refuses(SETVALUES_TYPED, "a={1", HL_EINVAL, "list must terminate with '}'");
    refuses(SETVALUES_TYPED, "a[0", HL_EINVAL, "error parsing index: EOF");
    refuses(SETVALUES_TYPED, "a[x]=1", HL_EINVAL,
            "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax");
    refuses(SETVALUES_TYPED, "a[9223372036854775808]=1", HL_EINVAL,
            "error parsing index: strconv.Atoi: parsing \"9223372036854775808\": value out of "
            "range");
    refuses(SETVALUES_TYPED, "a[-2]=1", HL_EINVAL, "negative -2 index not allowed");
    refuses(SETVALUES_TYPED, "a[0]b'=1", HL_EINVAL,
            "unexpected data at end of array index: ['b' '\\'']");
}

static void a_path_through_another_type_is_refused(void **state)
{
    (void)state;
    set(SETVALUES_TYPED, "a=1,b={x},c=null,d.e=1");
    refuses(SETVALUES_TYPED, "a.b=1", HL_EINVAL,
            "unable to parse key: interface conversion: interface {} is int64, not "
            "map[string]interface {}");
    refuses(SETVALUES_TYPED, "b.b=1", HL_EINVAL,
            "unable to parse key: interface conversion: interface {} is []interface {}, not "
            "map[string]interface {}");
    refuses(SETVALUES_TYPED, "c[0]=1", HL_EINVAL,
            "unable to parse key: interface conversion: interface {} is nil, not []interface {}");
    refuses(SETVALUES_TYPED, "b[0][1]=1", HL_EINVAL,
            "unable to parse key: interface conversion: interface {} is string, not []interface "
            "{}");
}

static void bytes_that_are_no_text_become_replacement_characters(void **state)
{
    (void)state;
    set(SETVALUES_STRING, "a\xff=\xc3");
    map_is("{\"a\xEF\xBF\xBD\":\"\xEF\xBF\xBD\"}");
}

static void helms_limits_are_errors(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};

    (void)state;
    set(SETVALUES_TYPED, "a[65536]=1");
    refuses(SETVALUES_TYPED, "a[65537]=1", HL_EINVAL,
            "index of 65537 is greater than maximum supported index of 65536");
    for (size_t i = 0; i <= SETVALUES_NESTING_MAX; i++)
        buf_add_cstr(&b, "k.");
    buf_add_bytes(&b, "k=1", 4);
    refuses(SETVALUES_TYPED, b.ptr, HL_EINVAL,
            "value name nested level is greater than maximum supported nested level of 30");
    set(SETVALUES_TYPED, b.ptr + 2);
}

static void hostile_texts_reach_our_own_limits(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf deep = {0};
    HL_CLEANUP(buf_deinit) struct buf growing = {0};
    HL_CLEANUP(buf_deinit) struct buf many = {0};

    (void)state;
    buf_add_byte(&deep, 'x');
    for (size_t i = 0; i < SETVALUES_DEPTH_MAX; i++)
        buf_add_cstr(&deep, "[0]");
    buf_add_bytes(&deep, "=1", 3);
    refuses(SETVALUES_TYPED, deep.ptr, HL_ELIMIT, "path of more than 256 parts");
    set(SETVALUES_TYPED, "x[0].y[0].z[0]=1");
    for (size_t i = 0; i < 20; i++)
        buf_printf(&growing, "l%zu[65536]=1,", i);
    buf_add_byte(&growing, 0);
    refuses(SETVALUES_TYPED, growing.ptr, HL_ELIMIT, "more than 1048576 list items made");
    for (size_t i = 0; i <= SETVALUES_ASSIGNMENTS_MAX; i++)
        buf_printf(&many, "k%zu=1,", i);
    buf_add_byte(&many, 0);
    refuses(SETVALUES_TYPED, many.ptr, HL_ELIMIT, "more than 4096 values set");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_set", run_corpus_file, NULL) >= 6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(typed_values_are_words_integers_or_strings),
        TEST(paths_lead_through_maps_and_lists),
        TEST(a_backslash_takes_the_next_character),
        TEST(braces_hold_a_list),
        TEST(what_is_there_is_kept_or_replaced),
        TEST(json_values_are_read_one_by_one),
        TEST(a_literal_is_all_that_follows),
        TEST(files_are_read_by_the_caller),
        TEST(a_text_may_end_where_helm_lets_it),
        TEST(unfinished_paths_are_refused_in_helms_words),
        TEST(a_path_through_another_type_is_refused),
        TEST(bytes_that_are_no_text_become_replacement_characters),
        TEST(helms_limits_are_errors),
        TEST(hostile_texts_reach_our_own_limits),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/chart setvalues", tests, NULL, NULL);
}
