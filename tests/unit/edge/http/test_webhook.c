/* Signatures of Git servers: right, wrong, missing, cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "edge/http/webhook.h"
#include "support/corpus.h"

#include "fuzz/fuzz_webhook.c"

/* The example of GitHub's documentation of webhook signatures. */
#define SECRET STR("It's a Secret to Everybody")
#define BODY STR("Hello, World!")
#define HEX "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static enum webhook_verdict hub(struct str signature)
{
    return webhook_verify(SECRET, &(struct webhook_headers){.hub_signature = signature}, BODY);
}

static enum webhook_verdict gitea(struct str signature)
{
    return webhook_verify(SECRET, &(struct webhook_headers){.gitea_signature = signature}, BODY);
}

static enum webhook_verdict gitlab(struct str token)
{
    return webhook_verify(SECRET, &(struct webhook_headers){.gitlab_token = token}, BODY);
}

static void the_documented_example_of_github_is_genuine(void **state)
{
    (void)state;
    assert_int_equal(hub(STR("sha256=" HEX)), WEBHOOK_GENUINE);
}

static void a_gitea_signature_has_no_prefix(void **state)
{
    (void)state;
    assert_int_equal(gitea(STR(HEX)), WEBHOOK_GENUINE);
    assert_int_equal(gitea(STR("sha256=" HEX)), WEBHOOK_FORGED);
    assert_int_equal(hub(STR(HEX)), WEBHOOK_FORGED);
    assert_int_equal(hub(STR("sha1=" HEX)), WEBHOOK_FORGED);
}

static void a_gitlab_token_is_the_secret_itself(void **state)
{
    (void)state;
    assert_int_equal(gitlab(SECRET), WEBHOOK_GENUINE);
    assert_int_equal(gitlab(STR("It's a Secret to Everybod")), WEBHOOK_FORGED);
    assert_int_equal(gitlab(STR("It's a Secret to Everybody ")), WEBHOOK_FORGED);
    assert_int_equal(gitlab(STR("x")), WEBHOOK_FORGED);
}

static void every_cut_and_every_changed_digit_is_a_forgery(void **state)
{
    char text[] = "sha256=" HEX;

    (void)state;
    for (size_t len = 1; len < sizeof(text) - 1; len++)
        assert_int_equal(hub((struct str){text, len}), WEBHOOK_FORGED);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char kept = text[i];

        text[i] = kept == '0' ? '1' : '0';
        assert_int_equal(hub(str_from(text)), WEBHOOK_FORGED);
        text[i] = kept;
    }
    assert_int_equal(hub(STR("sha256=" HEX "0")), WEBHOOK_FORGED);
}

static void another_body_or_secret_is_a_forgery(void **state)
{
    struct webhook_headers headers = {.hub_signature = STR("sha256=" HEX)};

    (void)state;
    assert_int_equal(webhook_verify(SECRET, &headers, STR("Hello, World?")), WEBHOOK_FORGED);
    assert_int_equal(webhook_verify(SECRET, &headers, STR_NONE), WEBHOOK_FORGED);
    assert_int_equal(webhook_verify(STR("other"), &headers, BODY), WEBHOOK_FORGED);
}

static void no_signature_is_told_apart_from_a_wrong_one(void **state)
{
    (void)state;
    assert_int_equal(webhook_verify(SECRET, &(struct webhook_headers){0}, BODY), WEBHOOK_UNSIGNED);
}

static void nothing_is_genuine_without_a_secret(void **state)
{
    struct digest d = hmac_sha256(STR_NONE, BODY);
    char hex[DIGEST_HEX + 1];
    struct webhook_headers headers = {.gitea_signature = str_from(digest_hex(&d, hex))};

    (void)state;
    assert_int_equal(webhook_verify(STR_NONE, &headers, BODY), WEBHOOK_FORGED);
    assert_int_equal(webhook_verify(STR_NONE, &(struct webhook_headers){0}, BODY), WEBHOOK_FORGED);
}

static void a_wrong_signature_is_not_mended_by_a_right_one_of_another_kind(void **state)
{
    struct webhook_headers headers = {
        .hub_signature = STR("sha256=00"), .gitea_signature = STR(HEX), .gitlab_token = SECRET};

    (void)state;
    assert_int_equal(webhook_verify(SECRET, &headers, BODY), WEBHOOK_FORGED);
}

static void the_branch_is_read_from_a_push_event(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)state;
    assert_true(
        str_eq(webhook_ref(STR("{\"ref\":\"refs/heads/main\"}"), a), STR("refs/heads/main")));
    assert_int_equal(webhook_ref(STR("{\"zen\":\"x\"}"), a).len, 0);
    assert_int_equal(webhook_ref(STR("{\"ref\":7}"), a).len, 0);
    assert_int_equal(webhook_ref(STR("[]"), a).len, 0);
    assert_int_equal(webhook_ref(STR("payload=%7B%7D"), a).len, 0);
    assert_int_equal(webhook_ref(STR_NONE, a).len, 0);
}

static void run_file(struct str name, struct str bytes, void *context)
{
    (void)name;
    (void)context;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, bytes.len);
}

static void the_fuzz_corpus_holds_its_property(void **state)
{
    (void)state;
    assert_true(corpus_each(HL_TESTS_DIR "/fuzz/corpus/fuzz_webhook", run_file, NULL) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example_of_github_is_genuine),
        cmocka_unit_test(a_gitea_signature_has_no_prefix),
        cmocka_unit_test(a_gitlab_token_is_the_secret_itself),
        cmocka_unit_test(every_cut_and_every_changed_digit_is_a_forgery),
        cmocka_unit_test(another_body_or_secret_is_a_forgery),
        cmocka_unit_test(no_signature_is_told_apart_from_a_wrong_one),
        cmocka_unit_test(nothing_is_genuine_without_a_secret),
        cmocka_unit_test(a_wrong_signature_is_not_mended_by_a_right_one_of_another_kind),
        cmocka_unit_test(the_branch_is_read_from_a_push_event),
        cmocka_unit_test(the_fuzz_corpus_holds_its_property),
    };
    return cmocka_run_group_tests_name("edge/http/webhook", tests, NULL, NULL);
}
