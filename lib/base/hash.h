/*
 * Hashes: SHA-256 (FIPS 180-4) names content, CRC-32C (RFC 3720 appendix B.4) guards stored
 * records, SipHash-2-4 (Aumasson and Bernstein 2012) spreads keys of tables whose keys strangers
 * choose.
 *
 * A struct digest is the SHA-256 of some bytes; its text form is 64 lower-case hex digits.
 * Threads: pure functions; a struct sha256 belongs to its caller.
 */
#ifndef HL_BASE_HASH_H
#define HL_BASE_HASH_H

#include "base/attr.h"
#include "base/str.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 64 };

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

struct sha256 {
    uint32_t state[8];
    uint64_t length_bytes;
    unsigned char block[64];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t len);
void sha256_add_str(struct sha256 *h, struct str s);
/* Adds s as <8 bytes length><bytes>, so that ("ab","c") and ("a","bc") differ. */
void sha256_add_field(struct sha256 *h, struct str s);
struct digest sha256_end(struct sha256 *h);
struct digest sha256_of(struct str s);

/* HMAC-SHA256 (RFC 2104). Compare results of it in constant time. */
struct digest hmac_sha256(struct str key, struct str message);

bool digest_eq(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *d);
/* Writes 64 hex digits and a NUL; returns out. */
const char *digest_hex(const struct digest *d, char out[DIGEST_HEX + 1]);
/* Parses exactly 64 hex digits. */
HL_MUST bool digest_parse(struct str hex, struct digest *out);

/* `crc` is the value so far, 0 to start. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

uint64_t siphash(const uint64_t key[2], struct str s);

/* Lower-case hex of any bytes: out must hold 2 * len + 1. */
void hex_encode(const void *bytes, size_t len, char *out);
HL_MUST bool hex_decode(struct str hex, void *out, size_t out_len);

#endif
