/* Keys as text, tokens and proofs, and the hardening of the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/keys/keys.h"

/* The test case of ZeroMQ RFC 32 is 8 bytes, "HelloWorld"; four times it is a key. */
static void a_key_reads_and_prints_as_z85_of_rfc_32(void **state)
{
    static const unsigned char eight[] = {0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b};
    char text[KEY_TEXT + 1];
    struct key key;
    struct key back;

    (void)state;
    for (size_t i = 0; i < KEY_BYTES; i++)
        key.bytes[i] = eight[i % 8];
    assert_string_equal(key_text(&key, text), "HelloWorldHelloWorldHelloWorldHelloWorld");
    assert_true(key_parse(str_from(text), &back));
    assert_true(key_eq(&key, &back));
}

static void any_key_survives_the_trip_through_text(void **state)
{
    char text[KEY_TEXT + 1];
    struct key back;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct key key;
        keys_random(&key, sizeof(key));
        assert_true(key_parse(str_from(key_text(&key, text)), &back));
        assert_true(key_eq(&key, &back));
    }
}

static void what_is_no_key_is_refused(void **state)
{
    struct key key;

    (void)state;
    assert_false(key_parse(STR(""), &key));
    assert_false(key_parse(STR("HelloWorldHelloWorldHelloWorldHelloWorl"), &key));
    assert_false(key_parse(STR("HelloWorldHelloWorldHelloWorldHelloWorld!"), &key));
    assert_false(key_parse(STR("HelloWorldHelloWorldHelloWorldHelloWorl\""), &key));
    assert_false(key_parse(STR("HelloWorldHelloWorldHelloWorldHelloWorl\0"), &key));
    /* 85^5 is more than 2^32: five digits can say too much. */
    assert_false(key_parse(STR("HelloWorldHelloWorldHelloWorldHello#####"), &key));
}

static void pairs_differ_and_random_numbers_do_too(void **state)
{
    struct key_pair a = key_pair_new();
    struct key_pair b = key_pair_new();

    (void)state;
    assert_false(key_eq(&a.public_key, &b.public_key));
    assert_false(key_eq(&a.secret_key, &b.secret_key));
    assert_false(key_eq(&a.public_key, &a.secret_key));
    assert_true(keys_random_u64() != keys_random_u64());
    assert_true(keys_equal(&a, &a, sizeof(a)));
    assert_false(keys_equal(&a, &b, sizeof(a)));
    keys_wipe(&a, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++)
        assert_int_equal(((unsigned char *)&a)[i], 0);
}

/* ---- tokens ---- */

static void a_token_reads_back_and_only_its_hash_is_kept(void **state)
{
    char text[TOKEN_TEXT_MAX];
    struct join_token made;
    struct join_token read;

    (void)state;
    token_new(text, &made);
    assert_int_equal(strlen(text), 4 + TOKEN_ID_LEN + 1 + TOKEN_SECRET_LEN);
    assert_memory_equal(text, "hl1.", 4);
    assert_true(token_parse(str_from(text), &read));
    assert_string_equal(read.id, made.id);
    assert_true(digest_eq(&read.secret_hash, &made.secret_hash));
    /* Nothing in what is kept holds the secret itself. */
    assert_true(str_find((struct str){(const char *)&made, sizeof(made)},
                         str_from(text + 5 + TOKEN_ID_LEN), 0) == SIZE_MAX);
}

static void a_thousand_tokens_are_all_different(void **state)
{
    HL_CLEANUP(map_freep) struct map *seen = map_new(1);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char text[TOKEN_TEXT_MAX];
        struct join_token token;
        token_new(text, &token);
        assert_null(map_set(seen, str_from(text + 5 + TOKEN_ID_LEN), seen));
    }
}

static void what_is_no_token_is_refused(void **state)
{
    struct join_token token;

    (void)state;
    assert_true(token_parse(STR("hl1.01234567.0123456789abcdefghjkmnpqrs"), &token));
    assert_false(token_parse(STR(""), &token));
    assert_false(token_parse(STR("hl1.01234567.0123456789abcdefghjkmnpqr"), &token));
    assert_false(token_parse(STR("hl1.01234567.0123456789abcdefghjkmnpqrst"), &token));
    assert_false(token_parse(STR("hl2.01234567.0123456789abcdefghjkmnpqrs"), &token));
    assert_false(token_parse(STR("hl1-01234567.0123456789abcdefghjkmnpqrs"), &token));
    assert_false(token_parse(STR("hl1.01234567-0123456789abcdefghjkmnpqrs"), &token));
    assert_false(token_parse(STR("hl1.0123/567.0123456789abcdefghjkmnpqrs"), &token));
    assert_false(token_parse(STR("hl1.01234567.0123456789abcdefghjkmnpqrU"), &token));
    assert_false(token_parse(STR("hl1.012345\0 7.123456789abcdefghjkmnpqrs"), &token));
}

static void a_proof_holds_for_one_key_node_mesh_and_server_only(void **state)
{
    struct key server = key_pair_new().public_key;
    struct key agent = key_pair_new().public_key;
    struct digest secret = sha256_of(STR("secret"));
    struct digest other = sha256_of(STR("Secret"));
    struct digest proof = token_proof(&secret, &server, &agent, STR("node1"), STR("hl-mesh:a"));
    struct digest again = token_proof(&secret, &server, &agent, STR("node1"), STR("hl-mesh:a"));

    (void)state;
    assert_true(keys_equal(&proof, &again, sizeof(proof)));
    const struct digest different[] = {
        token_proof(&other, &server, &agent, STR("node1"), STR("hl-mesh:a")),
        token_proof(&secret, &agent, &agent, STR("node1"), STR("hl-mesh:a")),
        token_proof(&secret, &server, &server, STR("node1"), STR("hl-mesh:a")),
        token_proof(&secret, &agent, &server, STR("node1"), STR("hl-mesh:a")),
        token_proof(&secret, &server, &agent, STR("node2"), STR("hl-mesh:a")),
        token_proof(&secret, &server, &agent, STR("node1"), STR("hl-mesh:b")),
        token_proof(&secret, &server, &agent, STR("node1h"), STR("l-mesh:a")),
        token_proof(&secret, &server, &agent, STR(""), STR("node1hl-mesh:a")),
    };
    for (size_t i = 0; i < HL_COUNT(different); i++)
        assert_false(keys_equal(&proof, &different[i], sizeof(proof)));
}

/* The reference: HMAC (RFC 2104) over the documented transcript, from SHA-256 alone. */
static void a_proof_is_the_hmac_of_its_transcript(void **state)
{
    struct digest secret = sha256_of(STR("s"));
    struct key server = {{1, 2, 3}};
    struct key agent = {{4, 5, 6}};
    unsigned char inner_key[64] = {0};
    unsigned char outer_key[64] = {0};
    struct sha256 h;

    (void)state;
    memcpy(inner_key, secret.bytes, DIGEST_BYTES);
    memcpy(outer_key, secret.bytes, DIGEST_BYTES);
    for (size_t i = 0; i < 64; i++) {
        inner_key[i] ^= 0x36;
        outer_key[i] ^= 0x5c;
    }
    sha256_init(&h);
    sha256_add(&h, inner_key, 64);
    sha256_add(&h, "hlmesh enrolment 1", 19);
    sha256_add(&h, server.bytes, KEY_BYTES);
    sha256_add(&h, agent.bytes, KEY_BYTES);
    sha256_add(&h, "\x05node1", 6);
    sha256_add(&h, "hl-mesh:x", 9);
    struct digest inner = sha256_end(&h);
    sha256_init(&h);
    sha256_add(&h, outer_key, 64);
    sha256_add(&h, inner.bytes, DIGEST_BYTES);
    struct digest expected = sha256_end(&h);
    struct digest proof = token_proof(&secret, &server, &agent, STR("node1"), STR("hl-mesh:x"));
    assert_memory_equal(proof.bytes, expected.bytes, DIGEST_BYTES);
}

/* ---- the process ---- */

static int harden_and_look(void)
{
    struct rlimit core;
    struct rlimit files;

    keys_harden_process();
    if (prctl(PR_GET_DUMPABLE) != 0)
        return 1;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
        return 2;
    if (umask(077) != 077)
        return 3;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 4;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur != files.rlim_max)
        return 5;
    return 0;
}

static void a_hardened_process_leaves_no_core_and_cannot_be_traced(void **state)
{
    int status = -1;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(harden_and_look());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void doors_have_names(void **state)
{
    (void)state;
    assert_string_equal(door_name(DOOR_PEER), "peer");
    assert_string_equal(door_name(DOOR_ENROL), "enrol");
    assert_string_equal(door_name(DOOR_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_reads_and_prints_as_z85_of_rfc_32),
        cmocka_unit_test(any_key_survives_the_trip_through_text),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(pairs_differ_and_random_numbers_do_too),
        cmocka_unit_test(a_token_reads_back_and_only_its_hash_is_kept),
        cmocka_unit_test(a_thousand_tokens_are_all_different),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_proof_holds_for_one_key_node_mesh_and_server_only),
        cmocka_unit_test(a_proof_is_the_hmac_of_its_transcript),
        cmocka_unit_test(a_hardened_process_leaves_no_core_and_cannot_be_traced),
        cmocka_unit_test(doors_have_names),
    };
    keys_init();
    return cmocka_run_group_tests_name("edge/keys", tests, NULL, NULL);
}
