/*
 * jansson as a second opinion: on seeded documents and on damaged ones both readers take the same
 * texts and see the same values. Left out is what they decide differently on purpose: jansson
 * refuses integers beyond int64 and lone surrogates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#undef JSON_COMPACT /* jansson's flag; ours is a style */
#include "core/value/json.h"

static void put_random(struct buf *out, struct rng *r, int depth)
{
    static const char *const scalars[] = {
        "null",     "true", "false",  "0",    "-1",    "12345678901234", "1.5",
        "-0.25",    "1e10", "2.5E-3", "\"\"", "\"x\"", "\"\\n\\u00e9\"", "\"\xC3\xA9\"",
        "\"\\\\\"", "0.1"};
    uint64_t kind = rng_below(r, depth > 5 ? 3 : 6);
    uint64_t count = rng_below(r, 5);

    if (kind < 3) {
        buf_add_cstr(out, scalars[rng_below(r, HL_COUNT(scalars))]);
        return;
    }
    buf_add_byte(out, kind == 3 ? '{' : '[');
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_cstr(out, rng_below(r, 2) ? "," : " ,\n ");
        if (kind == 3)
            buf_printf(out, "\"k%llu\": ", (unsigned long long)(i * 7 % 5));
        put_random(out, r, depth + 1);
    }
    buf_add_byte(out, kind == 3 ? '}' : ']');
}

static void assert_same(const struct value *v, const json_t *j)
{
    switch (v->kind) {
    case VALUE_NULL:
        assert_true(json_is_null(j));
        break;
    case VALUE_BOOL:
        assert_true(v->boolean ? json_is_true(j) : json_is_false(j));
        break;
    case VALUE_INT:
        assert_true(json_is_integer(j) && json_integer_value(j) == v->integer);
        break;
    case VALUE_FLOAT:
        assert_true(json_is_number(j) && json_number_value(j) == v->number);
        break;
    case VALUE_STRING:
        assert_int_equal(json_string_length(j), v->string.len);
        assert_memory_equal(json_string_value(j), v->string.ptr, v->string.len);
        break;
    case VALUE_LIST:
        assert_int_equal(json_array_size(j), v->list.count);
        for (size_t i = 0; i < v->list.count; i++)
            assert_same(v->list.item[i], json_array_get(j, i));
        break;
    case VALUE_MAP:
        assert_int_equal(json_object_size(j), v->map.count);
        for (size_t i = 0; i < v->map.count; i++) {
            struct str key = str_dup(v->map.member[i].key);
            assert_same(v->map.member[i].value, json_object_get(j, key.ptr));
            str_free(key);
        }
        break;
    case VALUE_UINT:
        fail_msg("no such number was written");
    }
}

/* Returns whether both took it. */
static bool compare(struct str text)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *v = NULL;
    struct err err;
    json_error_t jerr;
    int result = json_read(a, text, STR("t"), &v, &err);
    json_t *j = json_loadb(text.ptr, text.len,
                           JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &jerr);

    if ((result == 0) != (j != NULL))
        fail_msg("ours: %s, jansson: %s, on " STR_FMT, result ? err.text : "taken",
                 j ? "taken" : jerr.text, STR_ARG(text));
    if (j)
        assert_same(v, j);
    json_decref(j);
    return result == 0;
}

static void seeded_documents_read_alike(void **state)
{
    (void)state;
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct rng r;

    rng_seed(&r, 1);
    for (int i = 0; i < 2000; i++) {
        buf_reset(&text);
        put_random(&text, &r, 0);
        assert_true(compare(buf_str(&text)));
    }
}

static void damaged_documents_are_refused_alike(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\",:0123-+.eE \n\tntfx\x01\x80\xC3";
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct rng r;
    int taken_count = 0;

    rng_seed(&r, 2);
    for (int i = 0; i < 20000; i++) {
        buf_reset(&text);
        put_random(&text, &r, 2);
        for (uint64_t k = rng_below(&r, 3) + 1; k > 0; k--)
            text.ptr[rng_below(&r, text.len)] = bytes[rng_below(&r, sizeof(bytes) - 1)];
        taken_count += compare(buf_str(&text));
    }
    assert_in_range(taken_count, 1000, 19000); /* both sides of the decision were tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeded_documents_read_alike),
        cmocka_unit_test(damaged_documents_are_refused_alike),
    };
    return cmocka_run_group_tests_name("core/value/json oracle", tests, NULL, NULL);
}
