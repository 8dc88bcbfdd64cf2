/*
 * OpenSSL 3 as the cryptographic library of templates (core/template/crypto.h). Keys come from its
 * own generator, which the kernel seeds.
 *
 * Threads: any.
 */
#ifndef HL_EDGE_CIPHER_CIPHER_H
#define HL_EDGE_CIPHER_CIPHER_H

#include "core/template/crypto.h"

extern const struct template_crypto cipher_openssl;

#endif
