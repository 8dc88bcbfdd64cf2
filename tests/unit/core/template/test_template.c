/* Texts and what they become: limits, places of faults, runs that share trees; what Go prints for
 * single constructs is in the conformance vectors. The fuzz corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "core/template/template.h"
#include "core/value/json.h"
#include "edge/cipher/cipher.h"
#include "support/corpus.h"

#include "fuzz/fuzz_template.c"

static struct arena *a;
static struct template_fault fault;

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

static struct template_tree *parse(const char *name, const char *text)
{
    struct template_tree *tree = NULL;

    if (template_parse(a, str_from(name), str_from(text), TEMPLATE_HELM, &tree, &fault) < 0)
        fail_msg(STR_FMT, STR_ARG(fault.text));
    return tree;
}

static struct datum json(const char *text)
{
    struct value *v;
    struct err err;

    assert_int_equal(json_read(a, str_from(text), STR(""), &v, &err), 0);
    return datum_from_value(a, v, DATUM_FLOATS);
}

static int execute(const struct template_set *set, const char *name, struct datum data,
                   const struct template_limits *limits, struct buf *out)
{
    const struct template_world world = {.is_fake = true, .crypto = &cipher_openssl};
    struct template_run *run = template_run_new(a, limits, TEMPLATE_MISSING_ZERO, &world);

    return template_execute(run, set, str_from(name), data, out, &fault);
}

static int run_text(const char *text, struct buf *out)
{
    struct template_set *set = template_set_new(a, NULL);

    template_set_add(set, parse("t.yaml", text));
    return execute(set, "t.yaml", json("{\"a\":{\"b\":[1,2]},\"s\":\"x\"}"),
                   &template_limits_default, out);
}

static void assert_gives(const char *text, const char *expected)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    if (run_text(text, &out) < 0)
        fail_msg(STR_FMT, STR_ARG(fault.text));
    buf_add_byte(&out, '\0');
    assert_string_equal(out.ptr, expected);
}

static void a_fault_names_file_line_and_column(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    (void)state;
    assert_int_equal(run_text("one\n  {{ .s.nothing }}", &out), HL_EINVAL);
    assert_true(str_eq(fault.file, STR("t.yaml")));
    assert_int_equal(fault.line, 2);
    assert_int_equal(fault.column, 8);
    assert_true(str_starts(fault.text, STR("template: t.yaml:2:7: executing \"t.yaml\" at "
                                           "<.s.nothing>: can't evaluate field nothing")));
    assert_false(fault.has_message);
}

static void what_fail_and_required_say_comes_through_every_layer(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    (void)state;
    assert_int_equal(run_text("{{define \"x\"}}{{required \"set it\" .none}}{{end}}\n"
                              "{{tpl \"{{include \\\"x\\\" .}}\" .}}",
                              &out),
                     HL_EINVAL);
    assert_true(fault.has_message);
    assert_true(str_eq(fault.message, STR("set it")));
    assert_int_equal(fault.line, 2);
}

static double seconds_of(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The fault, and that it came for little: ten times 100 ms, since sanitizers slow everything. */
static void assert_limited(const char *text, const char *limit)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    const struct template_limits limits = {
        .steps = 1000000, .output_bytes = 4 << 20, .memory_bytes = 48 << 20, .depth = 1500};
    struct template_set *set = template_set_new(a, NULL);
    double begun = seconds_of();

    template_set_add(set, parse("bomb.yaml", text));
    assert_int_equal(execute(set, "bomb.yaml", json("{}"), &limits, &out), HL_ELIMIT);
    assert_true(seconds_of() - begun < 1.0);
    assert_true(out.len <= (9 << 20));
    if (str_find(fault.text, str_from(limit), 0) == SIZE_MAX)
        fail_msg(STR_FMT " is not about %s", STR_ARG(str_sub(fault.text, 0, 400)), limit);
    assert_true(str_eq(fault.file, STR("bomb.yaml")));
    assert_true(fault.line > 0);
}

static void bombs_end_at_their_limit_and_say_which(void **state)
{
    (void)state;
    assert_limited("{{define \"a\"}}{{template \"a\" .}}{{end}}{{template \"a\" .}}", "depth");
    assert_limited("{{define \"a\"}}{{include \"b\" .}}{{end}}{{define \"b\"}}{{include \"a\" .}}"
                   "{{end}}{{include \"a\" .}}",
                   "depth");
    assert_limited("{{range until 1000000000}}x{{end}}", "memory");
    assert_limited("{{range (int 1000000000)}}{{end}}", "steps");
    assert_limited("{{repeat 1000000000 \"abc\"}}", "memory");
    assert_limited("{{range until 1000}}{{range until 1000}}{{range until 1000}}{{end}}{{end}}"
                   "{{end}}",
                   "steps");
    assert_limited("{{$s := \"xxxxxxxxxxxxxxxx\"}}{{range until 100}}"
                   "{{$s = printf \"%s%s\" $s $s}}{{end}}",
                   "bytes");
    assert_limited("{{$l := list 1}}{{range until 60}}{{$l = list $l $l}}{{end}}{{$l}}", "bytes");
    assert_limited("{{indent 1000000 \"a\\nb\\nc\" | indent 1000000 | indent 1000000}}", "bytes");
}

static void deep_nesting_is_refused_before_the_stack_ends(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct template_tree *tree;

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_cstr(&text, "{{if .}}");
    assert_int_equal(template_parse(a, STR("t"), buf_str(&text), TEMPLATE_HELM, &tree, &fault),
                     HL_ELIMIT);
    buf_reset(&text);
    buf_add_cstr(&text, "{{");
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, '(');
    assert_int_equal(template_parse(a, STR("t"), buf_str(&text), TEMPLATE_HELM, &tree, &fault),
                     HL_ELIMIT);
    assert_int_equal(fault.line, 1);
}

/* The deepest that is allowed, on a thread's whole stack, in the slowest build. */
static void the_deepest_that_is_allowed_runs(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    (void)state;
    buf_add_cstr(&text, "{{define \"a\"}}{{if lt (len .) 300}}{{include \"a\" (append . 1)}}"
                        "{{else}}end{{end}}{{end}}{{include \"a\" list}}");
    buf_add_byte(&text, '\0');
    assert_gives(text.ptr, "end");
}

static void a_tree_serves_many_runs_and_keeps_nothing_of_them(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct template_set *set = template_set_new(a, NULL);

    (void)state;
    template_set_add(set, parse("t", "{{$_ := set . \"n\" (add1 .n)}}{{.n}};"));
    struct datum one = json("{\"n\":1}");
    struct datum other = json("{\"n\":10}");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(execute(set, "t", one, &template_limits_default, &out), 0);
        assert_int_equal(execute(set, "t", other, &template_limits_default, &out), 0);
    }
    assert_true(str_eq(buf_str(&out), STR("2;11;3;12;")));
}

static void what_a_template_looks_at_is_marked_read(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct template_set *set = template_set_new(a, NULL);
    struct datum data = json("{\"used\":1,\"map\":{\"x\":1,\"y\":2},\"whole\":{\"z\":{\"q\":1}},"
                             "\"never\":{\"w\":1}}");

    (void)state;
    template_set_add(set, parse("t", "{{.used}}{{.map.x}}{{toYaml .whole}}"));
    assert_int_equal(execute(set, "t", data, &template_limits_default, &out), 0);
    const struct datum_entry *map = datum_map_find(data.map, STR("map"));
    const struct datum_entry *whole = datum_map_find(data.map, STR("whole"));
    assert_true(datum_map_find(data.map, STR("used"))->is_read);
    assert_true(map->is_read && datum_map_find(map->value.map, STR("x"))->is_read);
    assert_false(datum_map_find(map->value.map, STR("y"))->is_read);
    assert_true(datum_map_find(whole->value.map, STR("z"))->is_read);
    assert_false(datum_map_find(data.map, STR("never"))->is_read);
}

static void a_later_definition_wins_unless_it_is_empty(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct template_set *set = template_set_new(a, NULL);

    (void)state;
    template_set_add(set, parse("1", "{{define \"x\"}}first{{end}}{{define \"y\"}}kept{{end}}"));
    template_set_add(set, parse("2", "{{define \"x\"}}second{{end}}{{define \"y\"}} {{end}}"));
    template_set_add(set, parse("t", "{{template \"x\"}} {{template \"y\"}}"));
    assert_int_equal(execute(set, "t", json("{}"), &template_limits_default, &out), 0);
    assert_true(str_eq(buf_str(&out), STR("second kept")));
}

static void what_tpl_defines_ends_with_it(void **state)
{
    (void)state;
    assert_gives("{{tpl \"{{define \\\"in\\\"}}yes{{end}}{{include \\\"in\\\" .}}\" .}}", "yes");
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    assert_int_equal(
        run_text("{{tpl \"{{define \\\"in\\\"}}yes{{end}}\" .}}{{include \"in\" .}}", &out),
        HL_EINVAL);
}

static void templates_reach_neither_environment_nor_network(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    (void)state;
    assert_int_equal(run_text("{{getHostByName \"example.org\"}}", &out), HL_EUNSUPPORTED);
    assert_true(str_find(fault.text, STR("getHostByName"), 0) != SIZE_MAX);
    assert_int_equal(run_text("{{env \"HOME\"}}", &out), HL_EUNSUPPORTED);
}

static void text_that_is_no_yaml_is_said_so_once(void **state)
{
    (void)state;
    assert_gives("{{(fromYaml \"a: b: c\").Error}}",
                 "error converting YAML to JSON: yaml: mapping values are not allowed in this "
                 "context");
    assert_gives("{{first (fromYamlArray \"a: .inf\")}}",
                 "error converting YAML to JSON: json: unsupported value: +Inf");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_template", run_corpus_file, NULL) >=
                100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fault_names_file_line_and_column),
        TEST(what_fail_and_required_say_comes_through_every_layer),
        TEST(bombs_end_at_their_limit_and_say_which),
        TEST(deep_nesting_is_refused_before_the_stack_ends),
        TEST(the_deepest_that_is_allowed_runs),
        TEST(a_tree_serves_many_runs_and_keeps_nothing_of_them),
        TEST(what_a_template_looks_at_is_marked_read),
        TEST(a_later_definition_wins_unless_it_is_empty),
        TEST(what_tpl_defines_ends_with_it),
        TEST(templates_reach_neither_environment_nor_network),
        TEST(text_that_is_no_yaml_is_said_so_once),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/template", tests, NULL, NULL);
}
