/*
 * What a cryptographic library does for templates (edge/cipher is one): sprig's digests, ciphers,
 * keys and certificates, as Go's crypto packages have them. It comes in through struct
 * template_world, since it brings randomness of its own, and since programs that start often can do
 * without it.
 *
 * Texts of keys and certificates are PEM. Ownership: results live in the arena. Threads: every
 * function may be called by any thread.
 */
#ifndef HL_CORE_TEMPLATE_CRYPTO_H
#define HL_CORE_TEMPLATE_CRYPTO_H

#include "core/template/datum.h"

enum { CRYPTO_AES_KEY_BYTES = 32, CRYPTO_AES_BLOCK_BYTES = 16, CRYPTO_SCRYPT_KEY_BYTES = 64 };

enum crypto_digest { CRYPTO_SHA1, CRYPTO_SHA512 };

struct certificate {
    struct datum_object head;
    struct str cert;
    struct str key;
};

/*
 * X.509 v3 with a serial number of 128 random bits, digital signature and key encipherment (a CA's:
 * signing certificates, too), for servers and clients.
 */
struct certificate_request {
    struct str common_name;
    const struct str *ip; /* texts of addresses */
    size_t ip_count;
    const struct str *dns;
    size_t dns_count;
    int64_t now_s;
    int64_t days;
    bool is_ca;
    struct str key;                   /* of the certificate; empty: a new RSA key of 2048 bits */
    const struct certificate *signer; /* NULL: it signs itself */
};

struct template_crypto {
    /* The digest's bytes. */
    struct str (*digest)(struct arena *a, enum crypto_digest kind, struct str bytes);
    /* scrypt with N 32768, r 8, p 2. False if it cannot be had. */
    bool (*scrypt)(struct str password, struct str salt,
                   unsigned char out[CRYPTO_SCRYPT_KEY_BYTES]);
    /* AES-256-CBC of whole blocks; the padding is the caller's. */
    void (*aes_cbc)(const unsigned char key[CRYPTO_AES_KEY_BYTES],
                    const unsigned char iv[CRYPTO_AES_BLOCK_BYTES], const unsigned char *in,
                    size_t len, bool is_encrypting, unsigned char *out);
    /* "rsa" (or empty, 4096 bits), "ecdsa" (P-256), "ed25519", "dsa". 0, or HL_EINVAL. */
    int (*new_key)(struct arena *a, struct str type, struct str *out, struct err *err);
    /* 0, or HL_EINVAL with sprig's text where it has one. */
    int (*certify)(struct arena *a, const struct certificate_request *request,
                   struct certificate *out, struct err *err);
    /* Whether the texts hold a certificate and a private key. 0, or HL_EINVAL with sprig's text. */
    int (*check)(struct str cert, struct str key, struct err *err);
};

#endif
