/* Every case of tests/golden/schema against our compiler and checker; see the README there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/schema/schema.h"
#include "core/value/json.h"
#include "support/corpus.h"

static int load(void *context, struct arena *a, struct str url, const struct value **out,
                struct err *err)
{
    const struct value *remote = value_get(context, STR("remote"));
    struct str text = value_str(value_get(remote, url));
    struct value *document = NULL;

    if (text.len == 0)
        return err_set(err, HL_EABSENT, "absent");
    int rc = json_read(a, text, url, &document, err);
    *out = document;
    return rc;
}

/* What is said about the case's data: "ok", or the text. */
static struct str answer(struct arena *a, struct value *one)
{
    const struct schema_options options = {load, one};
    const struct schema *schema;
    struct value *document;
    struct str text = STR("ok");
    struct err err;

    int rc = json_read(a, value_get_str(one, "template"), STR("schema"), &document, &err);
    if (rc == 0)
        rc = schema_compile(a, document, &options, &schema, &text, &err);
    if (rc == 0)
        rc = schema_check(schema, value_get(one, STR("data")), a, &text, &err);
    return rc < 0 ? arena_dup(a, str_from(err.text)) : text;
}

static void every_case_gets_the_answer_of_the_original(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = corpus_file(a, HL_TESTS_DIR "/golden/schema/schema.json");
    struct value *cases;
    size_t wrong = 0;
    struct err err;

    (void)state;
    assert_int_equal(json_read(a, text, STR("schema.json"), &cases, &err), 0);
    assert_true(cases->list.count > 1000);
    for (size_t i = 0; i < cases->list.count; i++) {
        HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
        struct value *one = cases->list.item[i];
        struct value *error = value_get(one, STR("error"));
        struct str want = error ? error->string : value_get_str(one, "expected");
        struct str got = answer(scratch, one);
        if (str_eq(got, want))
            continue;
        wrong++;
        print_error(STR_FMT "\nwant: " STR_FMT "\ngot:  " STR_FMT "\n",
                    STR_ARG(value_get_str(one, "name")), STR_ARG(want), STR_ARG(got));
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gets_the_answer_of_the_original),
    };
    return cmocka_run_group_tests_name("core/schema golden", tests, NULL, NULL);
}
