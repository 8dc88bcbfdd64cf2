/* The fuzz target over its corpus, so that every suite runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fuzz/fuzz_log.c"
#include "support/corpus.h"

static void try_one(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    assert_int_equal(LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len), 0);
}

static void any_bytes_as_a_log_are_answered(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_log", try_one, NULL) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bytes_as_a_log_are_answered),
    };
    return cmocka_run_group_tests_name("edge/store: log corpus", tests, NULL, NULL);
}
