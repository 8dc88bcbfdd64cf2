/* YAML in and out: positions, anchors, merges, documents, refusals and every limit; the fuzz corpus
 * as plain cases. What scalars mean and how they are written is in test_yaml_golden.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "core/value/json.h"
#include "core/value/yaml.h"
#include "support/corpus.h"

#include "fuzz/fuzz_yaml.c"

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

static struct value *read_ok(const char *text)
{
    struct value *v = NULL;
    struct err err;
    char line[ERR_LINE_MAX];

    if (yaml_read(a, str_from(text), STR("t.yaml"), &v, &err) != 0)
        fail_msg("%s", err_line(&err, line));
    return v;
}

static void assert_reads(const char *text, const char *canonical)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    value_canonical(&out, read_ok(text));
    buf_add_byte(&out, '\0');
    assert_string_equal(out.ptr, canonical);
}

static void assert_refused(struct str text, int code, const char *expected)
{
    struct value *v = NULL;
    struct err err;
    char line[ERR_LINE_MAX];

    assert_int_equal(yaml_read(a, text, STR("t.yaml"), &v, &err), code);
    assert_null(v);
    assert_string_equal(err_line(&err, line), expected);
}

static struct str repeat(const char *head, const char *text, size_t count, const char *tail)
{
    struct buf b = {0};

    buf_add_cstr(&b, head);
    for (size_t i = 0; i < count; i++)
        buf_add_cstr(&b, text);
    buf_add_cstr(&b, tail);
    struct str s = arena_dup(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static void numbers_keep_their_kind(void **state)
{
    (void)state;
    assert_reads("[1, 1.0, 1e3, 0x10, 9223372036854775808, 09, -0b11, 1_0]",
                 "[1,1.0,1000.0,16,9223372036854775808,9.0,-3,10]");
    assert_true(isnan(read_ok(".nan")->number));
    assert_true(read_ok("-.inf")->number < 0);
}

static void every_node_remembers_where_it_stands(void **state)
{
    (void)state;
    struct value *v = read_ok("# head\na: 1\nlist:\n  - x\n  - \xC3\xA9: {k: v}\n");
    const struct member *list = value_find(v, STR("list"));
    struct value *item = list->value->list.item[1];

    assert_int_equal(v->line, 2);
    assert_int_equal(list->key_line, 3);
    assert_int_equal(list->value->line, 4);
    assert_int_equal(list->value->column, 3);
    assert_int_equal(value_get(item, STR("\xC3\xA9"))->column, 8);
    assert_true(str_eq(value_pos_of(item).file, STR("t.yaml")));
}

static void aliases_share_what_was_anchored(void **state)
{
    (void)state;
    struct value *v = read_ok("- &a {x: 1}\n- *a\n- &a 2\n- *a\n");

    assert_ptr_equal(v->list.item[0], v->list.item[1]);
    assert_int_equal(v->list.item[3]->integer, 2);
    assert_refused(STR("- *a\n"), HL_EINVAL, "t.yaml:1:3: unknown anchor \"a\"");
    assert_refused(STR("&a [*a]"), HL_EINVAL, "t.yaml:1:5: the anchored value contains itself");
    assert_refused(STR("- &a [1, &a [*a]]"), HL_EINVAL,
                   "t.yaml:1:14: the anchored value contains itself");
    assert_refused(STR("&a b: 1\n---\n*a\n"), HL_EINVAL,
                   "t.yaml:2:1: a second document where one is expected");
}

static void anchors_end_with_their_document(void **state)
{
    (void)state;
    struct value **doc = NULL;
    size_t count = 0;
    struct err err;

    assert_int_equal(yaml_read_all(a, STR("- &a 1\n---\n- *a\n"), STR("t"), &doc, &count, &err),
                     HL_EINVAL);
    assert_null(doc);
    assert_string_equal(err.text, "unknown anchor \"a\"");
}

static void merged_members_yield_to_what_is_written_behind_them(void **state)
{
    (void)state;
    assert_reads("b: &b {x: 1, w: 2}\nc: &c {w: 3, z: 4}\nd:\n  <<: [*b, *c]\n  x: 5\n",
                 "{\"b\":{\"w\":2,\"x\":1},\"c\":{\"w\":3,\"z\":4},"
                 "\"d\":{\"w\":2,\"x\":5,\"z\":4}}");
    /* as upstream: the last in document order wins, merged or not */
    assert_reads("{x: 1, <<: {x: 2}}", "{\"x\":2}");
    assert_reads("{<<: {x: 1, z: 1}, <<: {x: 2}}", "{\"x\":2,\"z\":1}");
    assert_reads("{\"<<\": 1}", "{\"<<\":1}");
    assert_refused(STR("<<: 1"), HL_EINVAL, "t.yaml:1:1: \"<<\" merges maps only, not int");
    assert_refused(STR("a: &a [{}]\nb: {<<: *a}"), HL_EINVAL,
                   "t.yaml:2:5: \"<<\" merges maps only, not list");
    assert_refused(STR("{a: 1, <<: {b: 1}, a: 2}"), HL_EINVAL,
                   "t.yaml:1:20: duplicate key \"a\", first on line 1, column 2");
}

static void a_duplicate_key_names_both_lines(void **state)
{
    (void)state;
    assert_refused(STR("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"), HL_EINVAL,
                   "t.yaml:5:3: duplicate key \"c\", first on line 3, column 3");
    assert_refused(STR("1: a\n'1': b\n"), HL_EINVAL,
                   "t.yaml:2:1: duplicate key \"1\", first on line 1, column 1");
}

static void keys_become_strings_as_in_json(void **state)
{
    (void)state;
    assert_reads("{1: a, 1.5: b, yes: c, 0x10: d, 1e20: e, 0.1: f, 16777217.0: g}",
                 "{\"0.1\":\"f\",\"1\":\"a\",\"1.5\":\"b\",\"1.6777216e+07\":\"g\",\"16\":\"d\","
                 "\"1e+20\":\"e\",\"true\":\"c\"}");
    assert_refused(STR("~: 1"), HL_EINVAL, "t.yaml:1:1: a null cannot be a key");
    assert_refused(STR("[a]: 1"), HL_EINVAL, "t.yaml:1:1: a list or map cannot be a key");
    assert_refused(STR("18446744073709551615: 1"), HL_EINVAL,
                   "t.yaml:1:1: a uint64 cannot be a key");
}

static void tags_are_honoured_or_dropped(void **state)
{
    (void)state;
    assert_reads("[!!str 1, !!int \"1\", !!float 1, !!binary aGk=, !Env 5, !Find {a: !x [1]}]",
                 "[\"1\",1,1.0,\"hi\",\"5\",{\"a\":[1]}]");
    assert_refused(STR("a: !!int x"), HL_EINVAL, "t.yaml:1:4: \"x\" is no !!int");
    assert_refused(STR("a: !!binary x"), HL_EINVAL, "t.yaml:1:4: !!binary is not valid base64");
}

static void a_stream_holds_documents_and_empty_ones_are_null(void **state)
{
    (void)state;
    struct value **doc = NULL;
    size_t count = 9;
    struct err err;

    assert_int_equal(
        yaml_read_all(a, STR("a: 1\n---\n# only\n---\n- b\n...\n"), STR("t"), &doc, &count, &err),
        0);
    assert_int_equal(count, 3);
    assert_int_equal(doc[1]->kind, VALUE_NULL);
    assert_int_equal(doc[2]->line, 5);
    assert_int_equal(yaml_read_all(a, STR(""), STR("t"), &doc, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(read_ok("# nothing\n")->kind, VALUE_NULL);
    assert_reads("\xEF\xBB\xBF---\na: b\n", "{\"a\":\"b\"}");
    assert_refused(STR("a\n: v"), HL_EINVAL, "t.yaml:2:1: did not find expected <document start>");
}

static void the_first_document_can_be_read_alone(void **state)
{
    (void)state;
    struct value *v = NULL;
    struct err err;

    assert_int_equal(yaml_read_first(a, STR("a\n---\n}{"), STR("t"), &v, &err), 0);
    assert_true(str_eq(value_str(v), STR("a")));
    assert_int_equal(yaml_read_first(a, STR(""), STR("t"), &v, &err), 0);
    assert_int_equal(v->kind, VALUE_NULL);
}

static void broken_text_is_refused_where_it_breaks(void **state)
{
    (void)state;
    assert_refused(STR("a: b: c\n"), HL_EINVAL,
                   "t.yaml:1:5: mapping values are not allowed in this context");
    assert_refused(STR("a:\n\t- b\n"), HL_EINVAL,
                   "t.yaml:2:1: found character that cannot start any token while scanning for "
                   "the next token");
    assert_refused(STR("\xFF\xFE"
                       "a\0"),
                   HL_EINVAL, "t.yaml:1:1: UTF-16 is not read, only UTF-8");
    assert_refused(STR("a: \xC0\x80"), HL_EINVAL, "t.yaml:1:1: invalid length of a UTF-8 sequence");
}

/* CPU time of one refusal, sanitizers and all. */
static void assert_refused_quickly(struct str text, int code)
{
    struct value *v = NULL;
    struct err err;
    clock_t start = clock();

    assert_int_equal(yaml_read(a, text, STR("t.yaml"), &v, &err), code);
    assert_true((clock() - start) * 1000 / CLOCKS_PER_SEC < 200);
}

static void nesting_ends_at_the_limit_however_it_is_written(void **state)
{
    (void)state;
    HL_CLEANUP(buf_deinit) struct buf deep = {0};
    struct str half = repeat("", "[", VALUE_DEPTH_MAX, "");

    for (int depth = 0; depth < 600; depth++)
        buf_printf(&deep, "%*sa:\n", depth, "");
    assert_int_equal(read_ok(arena_concat(a, half, repeat("", "]", VALUE_DEPTH_MAX, "")).ptr)->kind,
                     VALUE_LIST);
    assert_refused(repeat("", "- ", VALUE_DEPTH_MAX + 1, ""), HL_ELIMIT,
                   "t.yaml:1:129: too many nested collections");
    assert_refused(buf_str(&deep), HL_ELIMIT, "t.yaml:65:65: too many nested collections");
    assert_refused_quickly(repeat("", "[", 160000, ""), HL_ELIMIT);
    assert_refused_quickly(repeat("", "[\n", 80000, ""), HL_ELIMIT);
    assert_refused_quickly(repeat("", "{a: ", 40000, ""), HL_ELIMIT);
    assert_refused_quickly(repeat("", "- ", 80000, ""), HL_ELIMIT);
    assert_refused_quickly(repeat("", "? ", 80000, ""), HL_EINVAL);
    assert_refused_quickly(repeat("", "{", 160000, ""), HL_EINVAL);
    assert_refused_quickly(repeat("", "&a [", 40000, ""), HL_ELIMIT);
}

static void an_alias_adds_the_height_of_its_anchor(void **state)
{
    (void)state;
    struct str inner = arena_concat(a, repeat("- &a ", "[", 40, ""), repeat("", "]", 40, "\n"));
    struct str fits = arena_concat(a, repeat("- ", "[", 23, "*a"), repeat("", "]", 23, "\n"));
    struct str over = arena_concat(a, repeat("- ", "[", 24, "*a"), repeat("", "]", 24, "\n"));

    assert_int_equal(read_ok(arena_concat(a, inner, fits).ptr)->list.count, 2);
    assert_refused(arena_concat(a, inner, over), HL_ELIMIT,
                   "t.yaml:2:27: too many nested collections");
}

static void aliases_that_multiply_are_refused(void **state)
{
    (void)state;
    HL_CLEANUP(buf_deinit) struct buf laughs = {0};

    buf_add_cstr(&laughs, "a0: &a0 [lol, lol]\n");
    for (int i = 1; i < 40; i++)
        buf_printf(&laughs, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    assert_refused(buf_str(&laughs), HL_ELIMIT,
                   "t.yaml:12:12: aliases repeat too much of the document");
    /* a long string weighs more than one node */
    struct str text = repeat("", "x", 32000, "\"\n");
    text = arena_concat(a, STR("s: &s \""), text);
    text = arena_concat(a, text, repeat("l: [", "*s,", 1000, "]\n"));
    assert_refused_quickly(text, HL_ELIMIT);
}

static void merges_that_multiply_are_refused(void **state)
{
    (void)state;
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add_cstr(&text, "m: &m {");
    for (int i = 0; i < 4000; i++)
        buf_printf(&text, "k%d: , ", i);
    buf_add_cstr(&text, "}\nl:\n");
    for (int i = 0; i < 26; i++)
        buf_add_cstr(&text, "- {<<: *m}\n");
    assert_refused(buf_str(&text), HL_ELIMIT,
                   "t.yaml:28:4: \"<<\" brings in more than 100000 members");
}

static void bytes_values_documents_anchors_and_directives_have_limits(void **state)
{
    (void)state;
    HL_CLEANUP(buf_deinit) struct buf anchors = {0};
    struct value **doc = NULL;
    size_t count;
    struct err err;

    assert_refused(repeat("", " ", YAML_BYTES_MAX + 1, ""), HL_ELIMIT,
                   "t.yaml: 4194305 bytes of YAML, at most 4194304 are read");
    assert_refused(repeat("[", "~,", YAML_NODES_MAX, "]"), HL_ELIMIT,
                   "t.yaml:1:2000000: too many values in one stream");
    assert_int_equal(
        yaml_read_all(a, repeat("", "---\n", YAML_DOCUMENTS_MAX, ""), STR("t"), &doc, &count, &err),
        0);
    assert_int_equal(count, YAML_DOCUMENTS_MAX);
    doc = NULL;
    assert_int_equal(yaml_read_all(a, repeat("", "---\n", YAML_DOCUMENTS_MAX + 1, ""), STR("t"),
                                   &doc, &count, &err),
                     HL_ELIMIT);
    assert_null(doc);
    for (int i = 0; i <= YAML_ANCHORS_MAX; i++)
        buf_printf(&anchors, "- &a%d\n", i);
    assert_refused(buf_str(&anchors), HL_ELIMIT,
                   "t.yaml:4097:3: more than 4096 anchors in one document");
    assert_refused_quickly(repeat("", "%TAG !a! b\n", 60000, "--- a"), HL_ELIMIT);
    assert_refused_quickly(repeat("", "%TAG !a! b\r", 60000, "--- a"), HL_ELIMIT);
}

static void what_marshal_refuses_is_written_escaped_all_the_same(void **state)
{
    (void)state;
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct value *v = read_ok("a: \"\\x7F\\x80\\uFFFF\"\n.inf: .inf\n");
    struct err err;

    assert_int_equal(yaml_check(v, &err), HL_EINVAL);
    assert_string_equal(err.text, "U+007F cannot be written to YAML");
    yaml_write(&out, v);
    assert_true(str_eq(buf_str(&out), STR("\".inf\": .inf\na: \"\\x7F\\x80\\uFFFF\"\n")));
    assert_int_equal(yaml_check(read_ok("[.nan]"), &err), HL_EINVAL);
    assert_int_equal(yaml_check(read_ok("[1, a, {b: c}]"), &err), 0);
}

static void the_tolerant_reader_takes_equal_repetitions_and_no_others(void **state)
{
    struct value **documents;
    struct value_pos twin;
    size_t count;
    struct err err;

    (void)state;
    assert_int_equal(yaml_read_manifests(a, STR("x: {k: [1]}\nz: 2\nx: {k: [1]}\nz: 2\n"), STR("f"),
                                         &documents, &count, &twin, &err),
                     0);
    assert_int_equal(count, 1);
    assert_int_equal(documents[0]->map.count, 2);
    assert_int_equal(twin.line, 3);
    assert_int_equal(
        yaml_read_manifests(a, STR("x: 1\nx: 1.0\n"), STR("f"), &documents, &count, &twin, &err),
        HL_EINVAL);
    assert_int_equal(err.line, 2);
    assert_int_equal(
        yaml_read_manifests(a, STR("x: 1\n"), STR("f"), &documents, &count, &twin, &err), 0);
    assert_int_equal(twin.line, 0);

    HL_CLEANUP(buf_deinit) struct buf many = {0};
    for (int i = 0; i < YAML_TWINS_MAX + 2; i++)
        buf_add_cstr(&many, "x: 1\n");
    assert_int_equal(
        yaml_read_manifests(a, buf_str(&many), STR("f"), &documents, &count, &twin, &err),
        HL_EINVAL);
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_yaml", run_corpus_file, NULL) >= 12);
}

static void assert_go_says(const char *text, const char *want)
{
    struct value *v = NULL;
    struct err err;

    assert_int_equal(yaml_read_first(a, str_from(text), STR("t"), &v, &err), HL_EINVAL);
    assert_string_equal(err.text, want);
    assert_null(v);
}

static void helms_reader_takes_the_last_of_duplicate_keys(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf json = {0};
    struct value *v;
    struct err err;
    struct str text = STR("a: 1\nb: {x: 1, x: 2, z: 3}\na: 2\nc: &c {k: 1}\nd: {k: 2, <<: *c, "
                          "l: 1, l: 2}\na: 3\n---\n}{");

    (void)state;
    assert_int_equal(yaml_read_first(a, text, STR("t"), &v, &err), 0);
    json_write(&json, v, JSON_COMPACT);
    assert_true(str_eq(buf_str(&json), STR("{\"a\":3,\"b\":{\"x\":2,\"z\":3},\"c\":{\"k\":1},"
                                           "\"d\":{\"k\":1,\"l\":2}}")));
    assert_int_equal(value_find(v, STR("a"))->key_line, 6);
}

static void some_members_are_read_as_all_are(void **state)
{
    static const struct str key[] = {{"kind", 4}, {"metadata", 8}};
    struct str text = STR("kind: A\nspec:\n  kind: B\n  list: [{kind: C}, metadata]\n"
                          "metadata: {name: x, kind: D}\n\"kind\": E\n---\n}{");
    const struct str *whole[] = {&STR("[1, kind]"), &STR("kind"), &STR("# nothing\n")};
    HL_CLEANUP(buf_deinit) struct buf json = {0};
    struct value *v;
    struct value *all;
    struct err err;

    (void)state;
    assert_int_equal(yaml_read_members(a, text, STR("t"), key, 2, &v, &err), 0);
    json_write(&json, v, JSON_COMPACT);
    assert_true(str_eq(buf_str(&json), STR("{\"kind\":\"E\",\"metadata\":{\"kind\":\"D\","
                                           "\"name\":\"x\"}}")));
    for (size_t i = 0; i < HL_COUNT(whole); i++) {
        assert_int_equal(yaml_read_first(a, *whole[i], STR("t"), &all, &err), 0);
        assert_int_equal(yaml_read_members(a, *whole[i], STR("t"), key, 2, &v, &err), 0);
        assert_true(value_eq(all, v));
    }
    assert_int_equal(
        yaml_read_members(a, STR("a: {b: [.nan]}\nkind: x\n"), STR("t"), key, 2, &v, &err),
        HL_EINVAL);
    assert_string_equal(err.text, "error converting YAML to JSON: json: unsupported value: NaN");
    assert_int_equal(yaml_read_members(a, STR("a: {~: 1}\nkind: x\n"), STR("t"), key, 2, &v, &err),
                     HL_EINVAL);
    assert_string_equal(err.text, "error converting YAML to JSON: unsupported map key of type: "
                                  "%!s(<nil>), key: <nil>, value: 1");
}

static void helms_reader_refuses_in_the_words_of_go(void **state)
{
    (void)state;
    assert_go_says("x: >\n    indented\n  text\n",
                   "error converting YAML to JSON: yaml: line 2: did not find expected key");
    assert_go_says("k: {{ .Values.x }}",
                   "error converting YAML to JSON: yaml: invalid map key: "
                   "map[interface {}]interface {}{\".Values.x\":interface {}(nil)}");
    assert_go_says("~: [1, 2.5]", "error converting YAML to JSON: unsupported map key of type: "
                                  "%!s(<nil>), key: <nil>, value: []interface {}{1, 2.5}");
    assert_go_says("a: *b", "error converting YAML to JSON: yaml: unknown anchor 'b' referenced");
    assert_go_says("a: &b [*b]",
                   "error converting YAML to JSON: yaml: anchor 'b' value contains itself");
    assert_go_says("a: .inf", "error converting YAML to JSON: json: unsupported value: +Inf");
}

static void helms_reader_tells_the_worst_fault_of_a_text_first(void **state)
{
    (void)state;
    assert_go_says("a: .nan\n~: v\n[x]: v\n<<: v\n",
                   "error converting YAML to JSON: yaml: invalid map key: []interface {}{\"x\"}");
    assert_go_says("[x]: v\n@", "error converting YAML to JSON: yaml: line 2: found character that "
                                "cannot start any token");
    assert_go_says("a: .nan\n~: v\n", "error converting YAML to JSON: unsupported map key of type: "
                                      "%!s(<nil>), key: <nil>, value: \"v\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_keep_their_kind),
        TEST(every_node_remembers_where_it_stands),
        TEST(aliases_share_what_was_anchored),
        TEST(anchors_end_with_their_document),
        TEST(merged_members_yield_to_what_is_written_behind_them),
        TEST(a_duplicate_key_names_both_lines),
        TEST(keys_become_strings_as_in_json),
        TEST(tags_are_honoured_or_dropped),
        TEST(a_stream_holds_documents_and_empty_ones_are_null),
        TEST(the_first_document_can_be_read_alone),
        TEST(broken_text_is_refused_where_it_breaks),
        TEST(nesting_ends_at_the_limit_however_it_is_written),
        TEST(an_alias_adds_the_height_of_its_anchor),
        TEST(aliases_that_multiply_are_refused),
        TEST(merges_that_multiply_are_refused),
        TEST(bytes_values_documents_anchors_and_directives_have_limits),
        TEST(what_marshal_refuses_is_written_escaped_all_the_same),
        TEST(the_tolerant_reader_takes_equal_repetitions_and_no_others),
        TEST(helms_reader_takes_the_last_of_duplicate_keys),
        TEST(some_members_are_read_as_all_are),
        TEST(helms_reader_refuses_in_the_words_of_go),
        TEST(helms_reader_tells_the_worst_fault_of_a_text_first),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/value/yaml", tests, NULL, NULL);
}
