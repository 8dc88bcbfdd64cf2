/*
 * Keys and certificates as sprig makes them with Go's crypto/x509, by OpenSSL: for func_crypto.c
 * only.
 *
 * Texts are PEM. Keys come from OpenSSL's own generator, which the kernel seeds. Certificates:
 * X.509 v3, a serial number of 128 random bits, digital signature and key encipherment (a CA's:
 * signing certificates, too), for servers and clients.
 *
 * Ownership: results live in the arena. Threads: pure but for randomness.
 */
#ifndef HL_CORE_TEMPLATE_CERTIFICATE_H
#define HL_CORE_TEMPLATE_CERTIFICATE_H

#include "core/template/datum.h"

struct certificate {
    struct datum_object head;
    struct str cert;
    struct str key;
};

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

/* 0, or HL_EINVAL with sprig's text where it has one. */
HL_MUST int certificate_make(struct arena *a, const struct certificate_request *request,
                             struct certificate *out, struct err *err);

/* "rsa" (or empty, 4096 bits), "ecdsa" (P-256), "ed25519", "dsa". 0, or HL_EINVAL. */
HL_MUST int certificate_new_key(struct arena *a, struct str type, struct str *out, struct err *err);

/* Whether the texts hold a certificate and a private key. 0, or HL_EINVAL with sprig's text. */
HL_MUST int certificate_check(struct str cert, struct str key, struct err *err);

#endif
