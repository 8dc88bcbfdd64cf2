/* Chart archives: what Helm takes, what it refuses and in which words, every limit, and bombs. The
 * fuzz corpus as plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "edge/registry/archive.h"
#include "support/corpus.h"
#include "support/tgz.h"

#include "fuzz/fuzz_archive.c"

enum { PROMPT_MS = 2000 }; /* for what takes 20 ms without sanitizers */

static struct arena *a;
static struct buf tar;
static struct chart_file *file;
static size_t count;
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
    buf_deinit(&tar);
    return 0;
}

static int unpack(void)
{
    file = NULL;
    count = 0;
    err = (struct err){0};
    return archive_unpack(NULL, a, STR("x.tgz"), tgz_pack(a, buf_str(&tar)), &file, &count, &err);
}

static int unpack_whole(void)
{
    tgz_end(&tar);
    return unpack();
}

static int unpack_one(const char *name, char type)
{
    buf_reset(&tar);
    tgz_add(&tar, name, type, STR("x"));
    return unpack_whole();
}

static void assert_refused(const char *name, const char *text)
{
    assert_int_equal(unpack_one(name, '0'), HL_EINVAL);
    assert_string_equal(err.text, text);
    assert_null(file);
}

static void assert_file(size_t i, const char *name, const char *bytes)
{
    assert_true(i < count);
    assert_true(str_eq(file[i].name, str_from(name)));
    assert_true(str_eq(file[i].bytes, str_from(bytes)));
}

static void files_come_out_in_the_order_of_the_archive_without_its_top_folder(void **state)
{
    (void)state;
    tgz_add(&tar, "c", '5', STR_NONE);
    tgz_add(&tar, "c/values.yaml", '0',
            STR("\xef\xbb\xbf"
                "a: 1\n"));
    tgz_add(&tar, "c/Chart.yaml", '0', STR("name: c\n"));
    tgz_add(&tar, "c/templates/./x//y.yaml", '\0', STR(""));
    tgz_add(&tar, "c/folder/", '\0', STR_NONE);
    tgz_add(&tar, "other/a/../b", '7', STR("b"));
    tgz_add(&tar, "c\\win\\dows", '0', STR("w"));
    assert_int_equal(unpack_whole(), 0);
    assert_int_equal(count, 5);
    assert_file(0, "values.yaml", "a: 1\n");
    assert_file(1, "Chart.yaml", "name: c\n");
    assert_file(2, "templates/x/y.yaml", "");
    assert_file(3, "b", "b");
    assert_file(4, "win/dows", "w");
}

static void long_and_foreign_names_come_from_pax_and_gnu_headers(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf pax = {0};

    (void)state;
    tgz_add(&tar, "pax_global_header", 'g', STR("12 comment=\n"));
    tgz_add_record(&pax, "mtime", STR("1.5"));
    tgz_add_record(&pax, "path",
                   STR("c/gr\xc3\xbc\xc3\x9f"
                       "e/\xe6\x97\xa5.yaml"));
    tgz_add(&tar, "PaxHeaders/x", 'x', buf_str(&pax));
    tgz_add(&tar, "c/short", '0', STR("1"));
    tgz_add(&tar, "././@LongLink", 'L', STR("c/a/rather/long/name\0"));
    tgz_add(&tar, "././@LongLink", 'K', STR("nobody looks\0"));
    tgz_add(&tar, "c/short", '0', STR("2"));
    tgz_add(&tar, "c/short", '0', STR("3"));
    assert_int_equal(unpack_whole(), 0);
    assert_int_equal(count, 3);
    assert_file(0,
                "gr\xc3\xbc\xc3\x9f"
                "e/\xe6\x97\xa5.yaml",
                "1");
    assert_file(1, "a/rather/long/name", "2");
    assert_file(2, "short", "3");
}

static void a_size_of_a_pax_header_is_the_one_that_counts(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf pax = {0};

    (void)state;
    tgz_add_record(&pax, "size", STR("3"));
    tgz_add(&tar, "x", 'x', buf_str(&pax));
    tgz_add_header(&tar, "c/a", '0', 0);
    buf_add(&tar, STR("abc"));
    while (tar.len % TAR_BLOCK_BYTES != 0)
        buf_add_byte(&tar, '\0');
    assert_int_equal(unpack_whole(), 0);
    assert_file(0, "a", "abc");
}

static void names_that_lead_out_of_the_chart_are_refused_in_helms_words(void **state)
{
    (void)state;
    assert_refused("c//etc/passwd", "chart illegally contains absolute paths: \"c//etc/passwd\"");
    assert_refused("c/../../x", "chart illegally references parent directory: \"c/../../x\"");
    assert_refused("c/a/../../x", "chart illegally references parent directory: \"c/a/../../x\"");
    assert_refused("c/..x", "chart illegally references parent directory: \"c/..x\"");
    assert_refused("c\\..\\x", "chart illegally references parent directory: \"c\\\\..\\\\x\"");
    assert_refused("c/C:/x", "chart contains illegally named files: \"c/C:/x\"");
    assert_refused("c/", "chart illegally contains content outside the base directory: \"c/\"");
    assert_refused("c", "chart illegally contains content outside the base directory: \"c\"");
    assert_refused("", "chart illegally contains content outside the base directory: \"\"");
    assert_refused("Chart.yaml/x", "chart yaml not in base directory: \"Chart.yaml/x\"");
    assert_refused("c/\x1b[2J/../..", "chart illegally references parent directory: "
                                      "\"c/\\x1b[2J/../..\"");
}

static void links_devices_and_sparse_files_are_refused(void **state)
{
    const char kinds[] = {'1', '2', '3', '4', '6'};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds); i++) {
        assert_int_equal(unpack_one("c/a", kinds[i]), HL_EINVAL);
        assert_string_equal(err.text, "chart archive holds a link or device: \"c/a\"");
    }
    assert_int_equal(unpack_one("c/a", 'S'), HL_EUNSUPPORTED);
    buf_reset(&tar);
    tgz_add(&tar, "x", 'x', STR("22 GNU.sparse.major=1\n"));
    assert_int_equal(unpack_whole(), HL_EUNSUPPORTED);
}

static void an_archive_without_files_or_without_gzip_is_refused(void **state)
{
    (void)state;
    assert_int_equal(unpack_whole(), HL_EINVAL);
    assert_string_equal(err.text, "no files in chart archive");
    buf_reset(&tar);
    assert_int_equal(unpack(), HL_EINVAL);
    assert_string_equal(err.text, "no files in chart archive");
    assert_int_equal(archive_unpack(NULL, a, STR("v.yaml"), STR("a: 1"), &file, &count, &err),
                     HL_EINVAL);
    assert_string_equal(err.text, "file 'v.yaml' does not appear to be a gzipped archive");
}

static void a_cut_or_damaged_archive_is_refused(void **state)
{
    (void)state;
    tgz_add(&tar, "c/Chart.yaml", '0', STR("name: c"));
    struct str packed = tgz_pack(a, buf_str(&tar));
    for (size_t len = 3; len < packed.len - 8; len++)
        assert_int_equal(
            archive_unpack(NULL, a, STR("x"), str_sub(packed, 0, len), &file, &count, &err),
            HL_EINVAL);
    assert_string_equal(err.text, "unexpected EOF");
    tar.len -= 506; /* not even the content */
    assert_int_equal(unpack(), HL_EINVAL);
    assert_string_equal(err.text, "unexpected EOF");
    buf_reset(&tar);
    tgz_add(&tar, "c/Chart.yaml", '0', STR("name: c"));
    tar.ptr[3] ^= 1;
    assert_int_equal(unpack_whole(), HL_EINVAL);
    assert_string_equal(err.text, "archive/tar: invalid tar header");
}

static void an_archive_may_lack_its_end(void **state)
{
    (void)state;
    tgz_add(&tar, "c/Chart.yaml", '0', STR("name: c"));
    assert_int_equal(unpack(), 0);
    tar.len -= 500; /* what fills the last block */
    assert_int_equal(unpack(), 0);
    assert_file(0, "Chart.yaml", "name: c");
}

static void records_of_a_pax_header_must_be_well_formed(void **state)
{
    static const char *const bad[] = {
        "",
        "5 a=",
        "6 a=b\n7",
        "99 a=b\n",
        "6 a=bc",
        "5 =b\n",
        "x a=b\n",
        "-6 a=b\n",
        "3 a=b\n",
        "10 size=x\n",
        "11 mtime=x\n",
        "6 abc\n",
        "14 mtime=1.x\n",
        "18 size=9999999999999999999\n",
    };

    (void)state;
    for (size_t i = 1; i < HL_COUNT(bad); i++) {
        buf_reset(&tar);
        tgz_add(&tar, "x", 'x', str_from(bad[i]));
        tgz_add(&tar, "c/a", '0', STR("a"));
        assert_int_equal(unpack_whole(), HL_EINVAL);
        assert_string_equal(err.text, "archive/tar: invalid tar header");
    }
}

static void a_file_of_five_mebibytes_is_the_largest(void **state)
{
    struct str bytes = {arena_alloc(a, ARCHIVE_FILE_BYTES_MAX + 1), ARCHIVE_FILE_BYTES_MAX};

    (void)state;
    tgz_add(&tar, "c/a", '0', bytes);
    assert_int_equal(unpack_whole(), 0);
    assert_int_equal(file[0].bytes.len, ARCHIVE_FILE_BYTES_MAX);
    buf_reset(&tar);
    bytes.len++;
    tgz_add(&tar, "c/a", '0', bytes);
    assert_int_equal(unpack_whole(), HL_ELIMIT);
    assert_string_equal(err.text, "decompressed chart file \"c/a\" is larger than the maximum file "
                                  "size 5242880");
    buf_reset(&tar);
    tgz_add_header(&tar, "c/a", '0', (uint64_t)8 << 30);
    assert_int_equal(unpack_whole(), HL_ELIMIT);
    assert_string_equal(err.text, "decompressed chart is larger than the maximum file size "
                                  "104857600");
}

static void more_than_ten_thousand_entries_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARCHIVE_ENTRIES_MAX; i++)
        tgz_add_header(&tar, i == 0 ? "c/a" : "c/d", i == 0 ? '0' : '5', 0);
    assert_int_equal(unpack(), 0);
    tgz_add_header(&tar, "c/e", '5', 0);
    assert_int_equal(unpack_whole(), HL_ELIMIT);
    assert_string_equal(err.text, "chart archive holds more than 10000 entries");
}

static int64_t cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void bombs_end_soon_and_without_their_size_in_memory(void **state)
{
    enum { ZEROS = 64 << 20 };
    struct arena *own = arena_new();

    (void)state;
    tgz_add_header(&tar, "c/ignored", 'g', ZEROS);
    memset(buf_reserve(&tar, ZEROS), 0, ZEROS);
    buf_commit(&tar, ZEROS);
    struct str packed = tgz_pack(a, buf_str(&tar));
    int64_t start = cpu_ms();
    assert_int_equal(archive_unpack(NULL, own, STR("x"), packed, &file, &count, &err), HL_ELIMIT);
    tar.ptr[156] = '5'; /* a folder has no content, whatever it claims; zeros are the end */
    packed = tgz_pack(a, buf_str(&tar));
    assert_int_equal(archive_unpack(NULL, own, STR("x"), packed, &file, &count, &err), HL_EINVAL);
    tgz_add_header(&tar, "c/a", '0', 1);
    assert_true(cpu_ms() - start < PROMPT_MS);
    assert_true(arena_used_bytes(own) < 1 << 20);
    arena_free(own);
}

static void a_stream_that_grows_too_much_is_cut_at_its_budget(void **state)
{
    enum { FILES = 16, BYTES = 4 << 20 };
    struct str zeros = {arena_alloc(a, BYTES), BYTES};

    (void)state;
    for (size_t i = 0; i < FILES; i++)
        tgz_add(&tar, "c/a", '0', zeros);
    assert_int_equal(unpack_whole(), HL_ELIMIT);
    assert_string_equal(err.text,
                        "decompressed chart is larger than 200 times its archive and than "
                        "8388608 bytes");
}

static void a_header_of_many_access_lists_costs_nothing(void **state)
{
    HL_CLEANUP(buf_deinit) struct buf list = {0};
    HL_CLEANUP(buf_deinit) struct buf pax = {0};

    (void)state;
    for (unsigned i = 0; list.len < 1000000; i++)
        buf_printf(&list, "u:%u:r,", i);
    tgz_add_record(&pax, "SCHILY.acl.access", buf_str(&list));
    tgz_add(&tar, "x", 'x', buf_str(&pax));
    tgz_add(&tar, "c/a", '0', STR("a"));
    int64_t start = cpu_ms();
    assert_int_equal(unpack_whole(), 0);
    assert_true(cpu_ms() - start < PROMPT_MS);
    buf_reset(&tar);
    tgz_add_header(&tar, "x", 'x', TAR_SPECIAL_MAX + 1);
    assert_int_equal(unpack_whole(), HL_ELIMIT);
    assert_string_equal(err.text, "archive/tar: header field too long");
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
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_archive", run_corpus_file, NULL) >= 6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_come_out_in_the_order_of_the_archive_without_its_top_folder),
        TEST(long_and_foreign_names_come_from_pax_and_gnu_headers),
        TEST(a_size_of_a_pax_header_is_the_one_that_counts),
        TEST(names_that_lead_out_of_the_chart_are_refused_in_helms_words),
        TEST(links_devices_and_sparse_files_are_refused),
        TEST(an_archive_without_files_or_without_gzip_is_refused),
        TEST(a_cut_or_damaged_archive_is_refused),
        TEST(an_archive_may_lack_its_end),
        TEST(records_of_a_pax_header_must_be_well_formed),
        TEST(a_file_of_five_mebibytes_is_the_largest),
        TEST(more_than_ten_thousand_entries_are_refused),
        TEST(bombs_end_soon_and_without_their_size_in_memory),
        TEST(a_stream_that_grows_too_much_is_cut_at_its_budget),
        TEST(a_header_of_many_access_lists_costs_nothing),
        TEST(the_fuzz_corpus_holds_its_properties),
    };
    return cmocka_run_group_tests_name("edge/registry/archive", tests, NULL, NULL);
}
