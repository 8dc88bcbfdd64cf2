/* index.yaml in its forms: what is found, chosen, skipped and refused; large ones in little time
 * and memory; the fuzz corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

#include "edge/registry/index.h"
#include "support/corpus.h"

#include "fuzz/fuzz_index.c"

static struct arena *a;
static struct index index_;
static struct err err;

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

static int read_for(const char *text, const char *chart)
{
    index_ = (struct index){0};
    err = (struct err){0};
    return index_read(a, str_from(text), STR("index.yaml"), str_from(chart), &index_, &err);
}

static const char *pick(const char *range)
{
    const struct index_entry *e;

    return index_pick(a, &index_, str_from(range), &e, &err) == 0 ? arena_cstr(a, e->version)
                                                                  : err.text;
}

static const char BLOCK[] = "apiVersion: v1\n"
                            "# a comment\n"
                            "publicKeys:\n"
                            "- x\n"
                            "entries:\n"
                            "  alpine:\n"
                            "  - name: alpine\n"
                            "    description: |\n"
                            "      - name: nobody\n"
                            "\n"
                            "      # no comment\n"
                            "    urls:\n"
                            "    - alpine-1.0.0.tgz\n"
                            "    - https://mirror/alpine-1.0.0.tgz\n"
                            "    digest: 0a0b\n"
                            "    version: 1.0.0\n"
                            "  # between\n"
                            "  - name: alpine\n"
                            "    version: 2.0.0-rc.1\n"
                            "  - name: alpine\n"
                            "    version: \"1.10.0\"\n"
                            "  - name: alpine\n"
                            "    version: v1.9.0\n"
                            "  \"quoted\":\n"
                            "      - {name: quoted, version: 3.0.0}\n"
                            "  empty: []\n"
                            "  null_too:\n"
                            "  last:\n"
                            "  - name: last\n"
                            "    version: 1.0.0\n"
                            "generated: now\n";

static void versions_come_newest_first_with_their_urls_and_digest(void **state)
{
    (void)state;
    assert_int_equal(read_for(BLOCK, "alpine"), 0);
    assert_int_equal(index_.count, 4);
    assert_true(str_eq(index_.entry[0].version, STR("2.0.0-rc.1")));
    assert_true(str_eq(index_.entry[1].version, STR("1.10.0")));
    assert_true(str_eq(index_.entry[2].version, STR("v1.9.0")));
    assert_true(str_eq(index_.entry[3].version, STR("1.0.0")));
    assert_int_equal(index_.entry[3].url_count, 2);
    assert_true(str_eq(index_.entry[3].url[1], STR("https://mirror/alpine-1.0.0.tgz")));
    assert_true(str_eq(index_.entry[3].digest, STR("0a0b")));
    assert_int_equal(read_for(BLOCK, "quoted"), 0);
    assert_int_equal(index_.count, 1);
    assert_int_equal(read_for(BLOCK, "last"), 0);
    assert_int_equal(index_.count, 1);
    assert_int_equal(read_for(BLOCK, "empty"), 0);
    assert_int_equal(index_.count, 0);
    assert_int_equal(read_for(BLOCK, "null_too"), 0);
    assert_int_equal(index_.count, 0);
}

static void the_choice_is_helms(void **state)
{
    (void)state;
    assert_int_equal(read_for(BLOCK, "alpine"), 0);
    assert_string_equal(pick(""), "1.10.0");
    assert_string_equal(pick("v1.9.0"), "v1.9.0");
    assert_string_equal(pick("1.9.0"), "v1.9.0");
    assert_string_equal(pick("<1.9"), "1.0.0");
    assert_string_equal(pick(">0.0.0-0"), "2.0.0-rc.1");
    assert_string_equal(pick("^3"), "no version of it satisfies \"^3\"");
    assert_string_equal(pick("x.y"), "improper constraint: \"x.y\"");
}

static void json_and_flow_style_and_aliases_are_read_too(void **state)
{
    static const char *const texts[] = {
        "{\"apiVersion\": \"v1\", \"x\": [1, {\"entries\": 2}], \"entries\": {\"b\": [{}], \"a\" : "
        "[ {\"name\":\"a\",\"version\":\"1.0.0\",\"urls\":[\"}\\\"]\"]} , null,"
        "{\"name\":\"a\",\"version\":\"0.5.0\"}]}}\n",
        "{apiVersion: v1, entries: {a: [{name: a, version: 1.0.0, urls: ['}\"]']}, {name: a, "
        "version: v0.5}]}}",
        "apiVersion: v1\nentries:\n  b: &x\n  - {name: a, version: 1.0.0, urls: ['}\"]']}\n  - "
        "{name: a, version: v0.5}\n  a: *x\n",
        "apiVersion: v1\nentries: {a: [{name: a, version: 1.0.0, urls: ['}\"]']}, {name: a, "
        "version: v0.5}]}\n",
    };

    (void)state;
    for (size_t i = 0; i < HL_COUNT(texts); i++) {
        assert_int_equal(read_for(texts[i], "a"), 0);
        assert_int_equal(index_.count, 2);
        assert_true(str_eq(index_.entry[0].version, STR("1.0.0")));
        assert_true(str_eq(index_.entry[0].url[0], STR("}\"]")));
        assert_int_equal(read_for(texts[i], "c"), HL_EABSENT);
    }
}

static void entries_that_helm_skips_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(read_for("apiVersion: v1\nentries:\n  a:\n  -\n  - version: 1.0.0\n"
                              "  - {name: a}\n  - {name: a, version: latest}\n"
                              "  - {name: x/a, version: 1.0.0}\n"
                              "  - {name: a, version: 1.0.0, type: odd}\n"
                              "  - {name: a, version: 1.0.1, type: library, urls: x}\n",
                              "a"),
                     0);
    assert_int_equal(index_.count, 1);
    assert_int_equal(index_.entry[0].url_count, 0);
}

static void what_is_no_index_is_refused_with_its_reason(void **state)
{
    (void)state;
    assert_int_equal(read_for("", "a"), HL_EINVAL);
    assert_string_equal(err.text, "index.yaml: empty index.yaml file");
    assert_int_equal(read_for("entries:\n  a: []\n", "a"), HL_EINVAL);
    assert_string_equal(err.text, "index.yaml: no API version specified");
    assert_int_equal(read_for("apiVersion: v1\nentries:\n  b: []\n", "a"), HL_EABSENT);
    assert_string_equal(err.text, "chart \"a\" not found in index.yaml");
    assert_int_equal(read_for("apiVersion: v1\nentries:\n  a: []\n  a: []\n", "a"), HL_EINVAL);
    assert_string_equal(err.text, "index.yaml: chart a is listed twice");
    assert_int_equal(read_for("<html>not here</html>\n", "a"), HL_EINVAL);
    assert_int_equal(read_for("{\"apiVersion\":\"v1\",\"entries\":{\"a\":[", "a"), HL_EINVAL);
    assert_int_equal(read_for("apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: [\n", "a"),
                     HL_EINVAL);
    assert_true(err.line >= 4);
}

static void an_index_of_twenty_mebibytes_takes_little_time_and_memory(void **state)
{
    enum { CHARTS = 100, VERSIONS = 140, LIMIT_MS = 2000 };
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct timespec from;
    struct timespec to;

    (void)state;
    buf_add_cstr(&text, "apiVersion: v1\nentries:\n");
    for (unsigned i = 0; i < CHARTS; i++) {
        buf_printf(&text, "  chart%u:\n", i);
        for (unsigned v = 0; v < VERSIONS; v++) {
            buf_printf(&text, "  - name: chart%u\n    version: %u.%u.0\n    urls:\n    - x\n", i, v,
                       i);
            for (unsigned k = 0; k < 25; k++)
                buf_printf(&text, "    key%u: some sixty bytes of text that nobody reads here\n",
                           k);
        }
    }
    assert_true(text.len > 20 << 20);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    assert_int_equal(
        index_read(a, buf_str(&text), STR("index.yaml"), STR("chart77"), &index_, &err), 0);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    assert_int_equal(index_.count, VERSIONS);
    assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 <
                LIMIT_MS);
    assert_true(arena_used_bytes(a) < 256 << 10);
}

static void every_limit_has_its_error(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    (void)state;
    buf_add_cstr(&text, "apiVersion: v1\nentries:\n  a:\n");
    for (unsigned i = 0; i < INDEX_VERSIONS_MAX + 1; i++)
        buf_printf(&text, "  - {name: a, version: 1.0.%u}\n", i);
    assert_int_equal(index_read(a, buf_str(&text), STR("i"), STR("a"), &index_, &err), HL_ELIMIT);
    assert_string_equal(err.text, "i: more than 20000 versions of chart a");
    buf_reset(&text);
    buf_add_cstr(&text, "apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: ");
    for (size_t i = 0; i < INDEX_ENTRY_BYTES_MAX; i++)
        buf_add_byte(&text, 'x');
    assert_int_equal(index_read(a, buf_str(&text), STR("i"), STR("a"), &index_, &err), HL_ELIMIT);
    assert_string_equal(err.text, "i: an entry of chart a has more than 1048576 bytes");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_index", run_corpus_file, NULL) >= 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions_come_newest_first_with_their_urls_and_digest),
        TEST(the_choice_is_helms),
        TEST(json_and_flow_style_and_aliases_are_read_too),
        TEST(entries_that_helm_skips_are_skipped),
        TEST(what_is_no_index_is_refused_with_its_reason),
        TEST(an_index_of_twenty_mebibytes_takes_little_time_and_memory),
        TEST(every_limit_has_its_error),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("edge/registry/index", tests, NULL, NULL);
}
