/* The reader of simple YAML beside libyaml: what it takes, what it leaves alone; the fuzz corpus,
 * which compares the events, as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/corpus.h"

#include "fuzz/fuzz_yaml_simple.c"

static bool is_simple(const char *text)
{
    HL_CLEANUP(buf_deinit) struct buf events = {0};

    LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text));
    return yaml_simple_read(str_from(text), note, &events) == 0;
}

static void what_files_are_written_in_is_taken(void **state)
{
    (void)state;
    assert_true(is_simple("a: 1\nb:\n- x\n- y: z\nc:\n  - - d\n    - e\n"));
    assert_true(is_simple("# only this: that\na: b # c\n\n'k': \"v\\n\"\n"));
    assert_true(is_simple("a: |\n  x\n\n   y\nb: >-\n  m\n  n\n\n  o\nc: |+\n  z\n\n"));
    assert_true(is_simple("a: {}\nb: [x, \"y\", {z: 1}]\nc:\n  []\n"));
    assert_true(is_simple("---\na: b\n---\n- c\n"));
    assert_true(is_simple("a:\nb:\n  -\n"));
}

static void the_rest_is_left_to_libyaml(void **state)
{
    (void)state;
    assert_false(is_simple("a: &x 1\nb: *x\n"));
    assert_false(is_simple("a: !!str 1\n"));
    assert_false(is_simple("a: one\n  two\n"));
    assert_false(is_simple("a: \"one\n  two\"\n"));
    assert_false(is_simple("a:\tb\n"));
    assert_false(is_simple("a: b\r\n"));
    assert_false(is_simple("<<: {}\n"));
    assert_false(is_simple("? a\n: b\n"));
    assert_false(is_simple("%YAML 1.1\n---\na: b\n"));
    assert_false(is_simple("a: |2\n  x\n"));
    assert_false(is_simple("scalar\n"));
}

static void faults_are_left_to_libyaml(void **state)
{
    (void)state;
    assert_false(is_simple("a: b: c\n"));
    assert_false(is_simple("a: b\n c: d\n"));
    assert_false(is_simple("  a: b\nc: d\n"));
    assert_false(is_simple("a: [b\n"));
    assert_false(is_simple("a: 'b\n"));
    assert_false(is_simple("a: @b\n"));
    assert_false(is_simple("a: \x01\n"));
    assert_false(is_simple("a: \xff\n"));
}

static void run_corpus_file(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
}

static void the_fuzz_corpus_holds_its_properties(void **state)
{
    const char *folder = HL_TESTS_DIR "/fuzz/corpus/fuzz_yaml_simple";

    (void)state;
    assert_true(corpus_each(folder, run_corpus_file, NULL) >= 5);
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_yaml", run_corpus_file, NULL) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_files_are_written_in_is_taken),
        cmocka_unit_test(the_rest_is_left_to_libyaml),
        cmocka_unit_test(faults_are_left_to_libyaml),
        cmocka_unit_test(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("core/value simple yaml", tests, NULL, NULL);
}
