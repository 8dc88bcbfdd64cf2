/* Keys, certificates, hashes and randomness by their properties: a chain that OpenSSL verifies, a
 * hash that verifies, texts that come back; and the fixed results of a fake world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <crypt.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/base64.h"
#include "core/template/template.h"
#include "edge/cipher/cipher.h"

static struct arena *a;
static uint64_t seed;
static const struct template_crypto *library;

static int set_up(void **state)
{
    (void)state;
    a = arena_new();
    seed = 7;
    library = &cipher_openssl;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static void some_bytes(void *context, void *out, size_t len)
{
    unsigned char *bytes = out;

    (void)context;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        bytes[i] = (unsigned char)(seed >> 56);
    }
}

static int run(const char *text, bool is_fake, struct str *out, struct template_fault *fault)
{
    HL_CLEANUP(buf_deinit) struct buf result = {0};
    const struct template_world world = {
        .is_fake = is_fake, .fill_random = some_bytes, .crypto = library, .now_s = 1767323045};
    struct template_set *set = template_set_new(a, NULL);
    struct template_tree *tree;

    int rc = template_parse(a, STR("t"), str_from(text), TEMPLATE_HELM, &tree, fault);
    if (rc < 0)
        return rc;
    template_set_add(set, tree);
    struct template_run *r =
        template_run_new(a, &template_limits_default, TEMPLATE_MISSING_ZERO, &world);
    rc = template_execute(r, set, STR("t"), datum_nil(), &result, fault);
    *out = arena_dup(a, buf_str(&result));
    return rc;
}

static struct str text_of(const char *text)
{
    struct template_fault fault;
    struct str out;

    if (run(text, false, &out, &fault) < 0)
        fail_msg(STR_FMT, STR_ARG(fault.text));
    return out;
}

static void fakes(const char *text, const char *wanted)
{
    struct template_fault fault;
    struct str out;

    if (run(text, true, &out, &fault) < 0)
        fail_msg(STR_FMT, STR_ARG(fault.text));
    assert_string_equal(out.ptr, wanted);
}

static void refuses(const char *text, const char *why)
{
    struct template_fault fault;
    struct str out;

    assert_true(run(text, false, &out, &fault) < 0);
    assert_non_null(strstr(fault.text.ptr, why));
}

/* Part i of what a template printed with "|" between them. */
static struct str part(struct str s, int i)
{
    while (i-- > 0)
        str_cut(&s, '|');
    return arena_dup(a, str_cut(&s, '|'));
}

static X509 *certificate(struct str pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(x);
    return x;
}

static void a_signed_certificate_is_its_authoritys(void **state)
{
    struct str out = text_of(
        "{{ $ca := genCA \"root\" 365 }}{{ $c := genSignedCert \"web\" (list \"10.0.0.1\" \"::1\") "
        "(list \"a.example\") 30 $ca }}{{ $ca.Cert }}|{{ $c.Cert }}|{{ $c.Key }}");
    X509 *ca = certificate(part(out, 0));
    X509 *x = certificate(part(out, 1));
    struct str key = part(out, 2);
    BIO *bio = BIO_new_mem_buf(key.ptr, (int)key.len);
    EVP_PKEY *private_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    (void)state;
    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX_init(context, store, x, NULL);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), 1767323045 + 10);
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    assert_int_equal(X509_verify_cert(context), 1);
    assert_int_equal(X509_check_private_key(x, private_key), 1);
    assert_int_equal(X509_check_host(x, "a.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(x, "10.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_check_ca(x), 0);
    assert_int_equal(X509_get_key_usage(ca),
                     KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_CERT_SIGN);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    EVP_PKEY_free(private_key);
    BIO_free(bio);
    X509_free(ca);
    X509_free(x);
}

static void keys_come_in_the_forms_of_go(void **state)
{
    (void)state;
    assert_non_null(strstr(text_of("{{ genPrivateKey \"ecdsa\" }}").ptr, "BEGIN EC PRIVATE KEY"));
    assert_non_null(strstr(text_of("{{ genPrivateKey \"ed25519\" }}").ptr, "BEGIN PRIVATE KEY"));
    assert_string_equal(text_of("{{ genPrivateKey \"x\" }}").ptr, "Unknown type x");
    struct str cert =
        text_of("{{ $k := genPrivateKey \"ed25519\" }}{{ $c := genSelfSignedCertWithKey "
                "\"s\" nil nil 1 $k }}{{ eq $c.Key $k }}|{{ $b := buildCustomCert "
                "(b64enc $c.Cert) (b64enc $c.Key) }}{{ eq $b.Cert $c.Cert }}");
    assert_string_equal(cert.ptr, "true|true");
    refuses("{{ genCAWithKey \"c\" 1 \"no key\" }}", "parsing private key: no PEM data in input");
    refuses("{{ genSelfSignedCert \"c\" (list \"1.2.3\") nil 1 }}", "error parsing ip: 1.2.3");
    refuses("{{ genSelfSignedCert \"c\" (list 5) nil 1 }}", "error parsing ip: 5 is not a string");
    refuses("{{ buildCustomCert \"!\" \"\" }}", "unable to decode base64 certificate");
}

static void a_hash_verifies(void **state)
{
    struct crypt_data data = {0};
    struct str hash = part(text_of("{{ bcrypt \"secret\" }}"), 0);
    struct str line = text_of("{{ htpasswd \"me\" \"secret\" }}");

    (void)state;
    assert_true(str_starts(hash, STR("$2a$10$")));
    assert_string_equal(crypt_rn("secret", hash.ptr, &data, sizeof(data)), hash.ptr);
    assert_true(str_starts(line, STR("me:$2a$10$")));
    assert_string_equal(text_of("{{ htpasswd \"m:e\" \"x\" }}").ptr, "invalid username: m:e");
}

static void ciphers_go_there_and_back(void **state)
{
    (void)state;
    assert_string_equal(
        text_of("{{ encryptAES \"k\" \"16 bytes of text\" | decryptAES \"k\" }}").ptr,
        "16 bytes of text");
    assert_string_equal(text_of("{{ encryptAES \"k\" \"\" }}").ptr, "");
    refuses("{{ decryptAES \"k\" \"AAAA\" }}", "slice bounds out of range");
    refuses("{{ decryptAES \"k\" \"!\" }}", "illegal base64 data at input byte 0");
}

static void random_texts_have_their_alphabet(void **state)
{
    struct str s =
        text_of("{{ randAlphaNum 200 }}|{{ randNumeric 50 }}|{{ len (randBytes 12) }}|{{ "
                "uuidv4 }}|{{ randAlpha -3 }}|{{ shuffle \"aaa\" }}");

    (void)state;
    assert_int_equal(part(s, 0).len, 200);
    assert_int_equal(
        strspn(part(s, 0).ptr, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        200);
    assert_int_equal(strspn(part(s, 1).ptr, "0123456789"), 50);
    assert_string_equal(part(s, 2).ptr, "16");
    assert_int_equal(part(s, 3).ptr[14], '4');
    assert_string_equal(part(s, 4).ptr, "");
    assert_string_equal(part(s, 5).ptr, "aaa");
    refuses("{{ randInt 5 5 }}", "invalid argument to Intn");
    refuses("{{ randAlpha 1000000000 }}", "more than");
}

static void a_fake_world_is_always_the_same(void **state)
{
    (void)state;
    fakes("{{ randAlphaNum 3 }}{{ randAlpha 2 }}{{ randAscii 1 }}{{ randNumeric 2 }}", "aaaaaa11");
    fakes("{{ uuidv4 }}", "00000000-0000-4000-8000-000000000000");
    fakes("{{ randInt 4 9 }}{{ shuffle \"abc\" }}", "4abc");
    fakes("{{ genPrivateKey \"rsa\" }}", "FAKE-PRIVATE-KEY-rsa\n");
    fakes("{{ (genCA \"c\" 1).Cert }}{{ (genSelfSignedCert \"c\" nil nil 1).Key }}",
          "FAKE-CERT\nFAKE-KEY\n");
    fakes("{{ bcrypt \"x\" }} {{ htpasswd \"u\" \"p\" }}", "FAKE-BCRYPT u:FAKE-BCRYPT");
    fakes("{{ now | date \"2006-01-02T15:04:05Z07:00\" }}", "2026-01-02T03:04:05Z");
}

static void many_keys_end_at_a_limit(void **state)
{
    (void)state;
    refuses("{{ range until 1000 }}{{ derivePassword 1 \"pin\" \"p\" \"u\" \"s\" }}{{ end }}",
            "more than 3000000 steps");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* sha256sum and bcrypt are at home everywhere. */
static void without_a_library_its_functions_say_so(void **state)
{
    static const char *const lacking[] = {
        "{{ sha1sum \"x\" }}",
        "{{ sha512sum \"x\" }}",
        "{{ derivePassword 1 \"long\" \"p\" \"u\" \"s\" }}",
        "{{ encryptAES \"k\" \"text\" }}",
        "{{ encryptAES \"k\" \"text\" | decryptAES \"k\" }}",
        "{{ genPrivateKey \"ecdsa\" }}",
        "{{ $x := genCA \"ca\" 1 }}",
        "{{ $x := buildCustomCert \"eA==\" \"eA==\" }}",
    };
    struct template_fault fault;
    struct str out;

    (void)state;
    library = NULL;
    for (size_t i = 0; i < HL_COUNT(lacking); i++) {
        assert_int_equal(run(lacking[i], false, &out, &fault), HL_EUNSUPPORTED);
        assert_non_null(strstr(fault.text.ptr, "there is no cryptographic library here"));
    }
    assert_int_equal(text_of("{{ sha256sum \"x\" }}").len, 64);
    assert_true(str_starts(text_of("{{ bcrypt \"x\" }}"), STR("$2a$10$")));
    fakes("{{ (genCA \"ca\" 1).Cert }}", "FAKE-CERT\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signed_certificate_is_its_authoritys),
        TEST(keys_come_in_the_forms_of_go),
        TEST(a_hash_verifies),
        TEST(ciphers_go_there_and_back),
        TEST(random_texts_have_their_alphabet),
        TEST(a_fake_world_is_always_the_same),
        TEST(many_keys_end_at_a_limit),
        TEST(without_a_library_its_functions_say_so),
    };
    return cmocka_run_group_tests_name("core/template crypto", tests, NULL, NULL);
}
