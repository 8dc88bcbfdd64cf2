/* OpenSSL 3 behind certificate.h. */
#include "edge/cipher/certificate.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

enum { RSA_KEY_BITS = 4096, RSA_CERTIFICATE_BITS = 2048, SERIAL_BYTES = 16, DAY_S = 86400 };

HL_DEFINE_FREEP(EVP_PKEY_free, EVP_PKEY)
HL_DEFINE_FREEP(EVP_PKEY_CTX_free, EVP_PKEY_CTX)
HL_DEFINE_FREEP(X509_free, X509)
HL_DEFINE_FREEP(BIO_free_all, BIO)
HL_DEFINE_FREEP(GENERAL_NAMES_free, GENERAL_NAMES)

/* What OpenSSL complained about last. */
static int openssl_failed(struct err *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set(err, HL_EINVAL, "%s: %s", what, why ? why : "not understood");
}

static struct str bio_text(struct arena *a, BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);

    return arena_dup(a, (struct str){bytes, len > 0 ? (size_t)len : 0});
}

static BIO *bio_of(struct str text)
{
    BIO *bio = BIO_new_mem_buf(text.ptr ? text.ptr : "", text.len > INT_MAX ? 0 : (int)text.len);

    if (!bio)
        hl_die("out of memory");
    return bio;
}

/* ---- keys ---- */

/* No pass phrase is asked for. */
static int no_password(char *out, int size, int is_writing, void *context)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static int read_key(struct str pem, EVP_PKEY **out, struct err *err)
{
    HL_CLEANUP(BIO_free_allp) BIO *bio = bio_of(pem);

    if (str_find(pem, STR("-----BEGIN "), 0) == SIZE_MAX)
        return err_set(err, HL_EINVAL, "no PEM data in input");
    *out = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    return *out ? 0 : openssl_failed(err, "decoding PEM");
}

/* RSA, EC and DSA keys in the forms of their own that Go writes; others as PKCS#8. */
static int write_key(struct arena *a, EVP_PKEY *key, struct str *out, struct err *err)
{
    HL_CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
    int type = EVP_PKEY_base_id(key);
    bool has_form = type == EVP_PKEY_RSA || type == EVP_PKEY_EC || type == EVP_PKEY_DSA;
    int ok = has_form ? PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL)
                      : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);

    if (ok != 1)
        return openssl_failed(err, "error pem-encoding key");
    *out = bio_text(a, bio);
    return 0;
}

static EVP_PKEY *new_dsa_key(void)
{
    HL_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, NULL);
    HL_CLEANUP(EVP_PKEY_freep) EVP_PKEY *params = NULL;
    EVP_PKEY *key = NULL;

    if (!context || EVP_PKEY_paramgen_init(context) != 1 ||
        EVP_PKEY_CTX_set_dsa_paramgen_bits(context, 2048) != 1 ||
        EVP_PKEY_CTX_set_dsa_paramgen_q_bits(context, 256) != 1 ||
        EVP_PKEY_paramgen(context, &params) != 1)
        return NULL;
    HL_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *own = EVP_PKEY_CTX_new(params, NULL);
    if (!own || EVP_PKEY_keygen_init(own) != 1 || EVP_PKEY_keygen(own, &key) != 1)
        return NULL;
    return key;
}

static EVP_PKEY *new_key(struct str type)
{
    if (type.len == 0 || str_eq(type, STR("rsa")))
        return EVP_RSA_gen(RSA_KEY_BITS);
    if (str_eq(type, STR("ecdsa")))
        return EVP_EC_gen("P-256");
    if (str_eq(type, STR("ed25519")))
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return new_dsa_key();
}

int certificate_new_key(struct arena *a, struct str type, struct str *out, struct err *err)
{
    static const struct str known[] = {
        {"", 0}, {"rsa", 3}, {"ecdsa", 5}, {"ed25519", 7}, {"dsa", 3}};
    bool is_known = false;

    for (size_t i = 0; i < HL_COUNT(known); i++)
        is_known = is_known || str_eq(type, known[i]);
    if (!is_known)
        return err_set(err, HL_EINVAL, "Unknown type " STR_FMT, STR_ARG(type));
    HL_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = new_key(type);
    if (!key)
        return openssl_failed(err, "failed to generate private key");
    return write_key(a, key, out, err);
}

/* ---- certificates ---- */

static int read_certificate(struct str pem, X509 **out, struct err *err)
{
    HL_CLEANUP(BIO_free_allp) BIO *bio = bio_of(pem);

    if (str_find(pem, STR("-----BEGIN "), 0) == SIZE_MAX)
        return err_set(err, HL_EINVAL, "unable to decode certificate");
    *out = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    return *out ? 0 : openssl_failed(err, "error parsing certificate: decodedCert.Bytes");
}

int certificate_check(struct str cert, struct str key, struct err *err)
{
    HL_CLEANUP(X509_freep) X509 *x = NULL;
    HL_CLEANUP(EVP_PKEY_freep) EVP_PKEY *k = NULL;
    int rc = read_certificate(cert, &x, err);

    if (rc < 0)
        return rc;
    rc = read_key(key, &k, err);
    return rc < 0 ? err_wrap(err, "error parsing private key") : 0;
}

static void add_name(GENERAL_NAMES *names, int type, const void *bytes, size_t len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

    if (!name || !text || !ASN1_STRING_set(text, bytes, (int)len))
        hl_die("out of memory");
    GENERAL_NAME_set0_value(name, type, text);
    if (!sk_GENERAL_NAME_push(names, name))
        hl_die("out of memory");
}

static int add_address(GENERAL_NAMES *names, struct str text, struct err *err)
{
    unsigned char bytes[16];
    char c[INET6_ADDRSTRLEN + 1] = "";

    if (text.len > 0 && text.len < sizeof(c))
        memcpy(c, text.ptr, text.len);
    if (inet_pton(AF_INET, c, bytes) == 1)
        add_name(names, GEN_IPADD, bytes, 4);
    else if (inet_pton(AF_INET6, c, bytes) == 1)
        add_name(names, GEN_IPADD, bytes, 16);
    else
        return err_set(err, HL_EINVAL, "error parsing ip: " STR_FMT, STR_ARG(text));
    return 0;
}

static int set_names(X509 *x, const struct certificate_request *request, struct err *err)
{
    HL_CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
    int rc = 0;

    if (!names)
        hl_die("out of memory");
    for (size_t i = 0; i < request->dns_count; i++)
        add_name(names, GEN_DNS, request->dns[i].ptr, request->dns[i].len);
    for (size_t i = 0; i < request->ip_count && rc == 0; i++)
        rc = add_address(names, request->ip[i], err);
    if (rc < 0 || sk_GENERAL_NAME_num(names) == 0)
        return rc;
    if (X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
        return openssl_failed(err, "error creating certificate");
    return 0;
}

static bool add_extension(X509 *x, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool is_added = e && X509_add_ext(x, e, -1) == 1;

    X509_EXTENSION_free(e);
    return is_added;
}

/* In the order of Go's crypto/x509. */
static int set_extensions(X509 *x, X509 *issuer, const struct certificate_request *request,
                          struct err *err)
{
    X509V3_CTX context;
    bool is_signed = request->signer != NULL;

    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    bool has_all =
        add_extension(x, &context, NID_key_usage,
                      request->is_ca ? "critical,digitalSignature,keyEncipherment,keyCertSign"
                                     : "critical,digitalSignature,keyEncipherment") &&
        add_extension(x, &context, NID_ext_key_usage, "serverAuth,clientAuth") &&
        add_extension(x, &context, NID_basic_constraints,
                      request->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (has_all && request->is_ca)
        has_all = add_extension(x, &context, NID_subject_key_identifier, "hash");
    if (has_all && is_signed && X509_get0_subject_key_id(issuer))
        has_all = add_extension(x, &context, NID_authority_key_identifier, "keyid");
    return has_all ? set_names(x, request, err) : openssl_failed(err, "error creating certificate");
}

static bool set_serial(X509 *x)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *number =
        RAND_bytes(bytes, sizeof(bytes)) == 1 ? BN_bin2bn(bytes, sizeof(bytes), NULL) : NULL;
    bool is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));

    BN_free(number);
    return is_set;
}

static bool set_subject(X509 *x, struct str name)
{
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                      (const unsigned char *)(name.len > 0 ? name.ptr : ""),
                                      (int)name.len, -1, 0) == 1;
}

static int fill(X509 *x, EVP_PKEY *key, X509 *issuer, const struct certificate_request *request,
                struct err *err)
{
    int64_t end_s = request->now_s + request->days * DAY_S;

    if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
        (request->common_name.len > 0 && !set_subject(x, request->common_name)) ||
        X509_set_issuer_name(x, X509_get_subject_name(issuer)) != 1 ||
        !ASN1_TIME_set(X509_getm_notBefore(x), request->now_s) ||
        !ASN1_TIME_set(X509_getm_notAfter(x), end_s) || X509_set_pubkey(x, key) != 1)
        return openssl_failed(err, "error creating certificate");
    return set_extensions(x, issuer, request, err);
}

static int sign(struct arena *a, X509 *x, EVP_PKEY *key, struct str *out, struct err *err)
{
    HL_CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
    const EVP_MD *digest = EVP_PKEY_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

    if (X509_sign(x, key, digest) <= 0 || PEM_write_bio_X509(bio, x) != 1)
        return openssl_failed(err, "error creating certificate");
    *out = bio_text(a, bio);
    return 0;
}

/* The key of the certificate and that of whoever signs it; the latter's certificate. */
struct parties {
    EVP_PKEY *key;
    EVP_PKEY *signing_key;
    X509 *signer;
};

static void parties_deinit(struct parties *p)
{
    if (p->signing_key != p->key)
        EVP_PKEY_free(p->signing_key);
    EVP_PKEY_free(p->key);
    X509_free(p->signer);
}

static int find_parties(const struct certificate_request *request, struct parties *p,
                        struct err *err)
{
    int rc = 0;

    if (request->signer) {
        rc = read_certificate(request->signer->cert, &p->signer, err);
        if (rc == 0 && (rc = read_key(request->signer->key, &p->signing_key, err)) < 0)
            return err_wrap(err, "error parsing private key");
    }
    if (rc == 0 && request->key.len > 0)
        rc = read_key(request->key, &p->key, err) < 0 ? err_wrap(err, "parsing private key") : 0;
    else if (rc == 0 && !(p->key = EVP_RSA_gen(RSA_CERTIFICATE_BITS)))
        rc = openssl_failed(err, "error generating rsa key");
    if (!request->signer)
        p->signing_key = p->key;
    return rc;
}

int certificate_make(struct arena *a, const struct certificate_request *request,
                     struct certificate *out, struct err *err)
{
    HL_CLEANUP(parties_deinit) struct parties p = {0};
    HL_CLEANUP(X509_freep) X509 *x = X509_new();

    if (!x)
        hl_die("out of memory");
    int rc = find_parties(request, &p, err);
    if (rc == 0)
        rc = fill(x, p.key, p.signer ? p.signer : x, request, err);
    if (rc == 0)
        rc = sign(a, x, p.signing_key, &out->cert, err);
    if (rc == 0)
        rc = write_key(a, p.key, &out->key, err);
    return rc;
}
