/*
 * SHA-1 (FIPS 180-4) and HMAC-SHA-1 (RFC 2104), for two formats that prescribe them: the names of
 * Git objects and the hashed host names of known_hosts(5). Never for anything of our own.
 */
#ifndef HL_EDGE_GITSRC_SHA1_H
#define HL_EDGE_GITSRC_SHA1_H

#include "base/base.h"

enum { SHA1_BYTES = 20, SHA1_BLOCK_BYTES = 64 };

struct sha1 {
    uint32_t state[5];
    uint64_t length_bytes;
    unsigned char block[SHA1_BLOCK_BYTES];
};

void sha1_init(struct sha1 *h);
void sha1_add(struct sha1 *h, const void *bytes, size_t len);
void sha1_end(struct sha1 *h, unsigned char out[SHA1_BYTES]);

/* Keys of at most SHA1_BLOCK_BYTES. */
void hmac_sha1(struct str key, struct str text, unsigned char out[SHA1_BYTES]);

#endif
