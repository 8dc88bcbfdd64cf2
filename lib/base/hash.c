/* Straight from the specifications named in the header; speed is that of portable C. */
#include "base/hash.h"

#include <string.h>

#include "base/buf.h"

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void sha256_block(uint32_t state[8], const unsigned char *p)
{
    uint32_t w[64];
    uint32_t s[8];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | (uint32_t)p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(s, state, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t sum1 = rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25);
        uint32_t choose = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t t1 = s[7] + sum1 + choose + K[i] + w[i];
        uint32_t sum0 = rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);

        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + sum0 + majority;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

void sha256_init(struct sha256 *h)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(h->state, initial, sizeof(initial));
    h->length_bytes = 0;
}

void sha256_add(struct sha256 *h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    size_t filled = h->length_bytes % 64;

    h->length_bytes += len;
    while (len > 0) {
        size_t take = 64 - filled < len ? 64 - filled : len;

        memcpy(h->block + filled, p, take);
        p += take;
        len -= take;
        filled += take;
        if (filled == 64) {
            sha256_block(h->state, h->block);
            filled = 0;
        }
    }
}

void sha256_add_str(struct sha256 *h, struct str s)
{
    sha256_add(h, s.ptr, s.len);
}

void sha256_add_field(struct sha256 *h, struct str s)
{
    unsigned char length[8];

    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)s.len >> (8 * i));
    sha256_add(h, length, sizeof(length));
    sha256_add(h, s.ptr, s.len);
}

struct digest sha256_end(struct sha256 *h)
{
    static const unsigned char padding[64] = {0x80};
    uint64_t bits = h->length_bytes * 8;
    unsigned char tail[8];
    struct digest d;

    size_t filled = h->length_bytes % 64;
    sha256_add(h, padding, filled < 56 ? 56 - filled : 120 - filled);
    for (int i = 0; i < 8; i++)
        tail[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_add(h, tail, sizeof(tail));
    for (int i = 0; i < DIGEST_BYTES; i++)
        d.bytes[i] = (unsigned char)(h->state[i / 4] >> (24 - 8 * (i % 4)));
    return d;
}

struct digest sha256_of(struct str s)
{
    struct sha256 h;

    sha256_init(&h);
    sha256_add_str(&h, s);
    return sha256_end(&h);
}

struct digest hmac_sha256(struct str key, struct str message)
{
    unsigned char block[64] = {0};
    struct sha256 h;

    if (key.len > sizeof(block)) {
        struct digest d = sha256_of(key);
        memcpy(block, d.bytes, DIGEST_BYTES);
    } else if (key.len > 0) {
        memcpy(block, key.ptr, key.len);
    }
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    sha256_init(&h);
    sha256_add(&h, block, sizeof(block));
    sha256_add_str(&h, message);
    struct digest inner = sha256_end(&h);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    sha256_init(&h);
    sha256_add(&h, block, sizeof(block));
    sha256_add(&h, inner.bytes, DIGEST_BYTES);
    return sha256_end(&h);
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

bool digest_is_zero(const struct digest *d)
{
    static const struct digest zero = {{0}};

    return digest_eq(d, &zero);
}

void hex_encode(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str hex, void *out, size_t out_len)
{
    unsigned char *p = out;

    if (hex.len != 2 * out_len)
        return false;
    for (size_t i = 0; i < out_len; i++) {
        int high = hex_value(hex.ptr[2 * i]);
        int low = hex_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        p[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

const char *digest_hex(const struct digest *d, char out[DIGEST_HEX + 1])
{
    hex_encode(d->bytes, DIGEST_BYTES, out);
    return out;
}

bool digest_parse(struct str hex, struct digest *out)
{
    return hex_decode(hex, out->bytes, DIGEST_BYTES);
}

/* Reflected polynomial 0x82f63b78, four bits at a time: 64 bytes of table, about 300 MB/s. */
static uint32_t crc32c_by_table(uint32_t crc, const unsigned char *p, size_t len)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = nibble[crc & 15] ^ (crc >> 4);
        crc = nibble[crc & 15] ^ (crc >> 4);
    }
    return crc;
}

#if defined(__x86_64__)
/* SSE 4.2 has an instruction for this very polynomial: some 10 GB/s. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(uint32_t crc,
                                                                        const unsigned char *p,
                                                                        size_t len)
{
    uint64_t wide = crc;

    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; p++, len--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static bool has_crc32c_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t crc32c_by_instruction(uint32_t crc, const unsigned char *p, size_t len)
{
    return crc32c_by_table(crc, p, len);
}

static bool has_crc32c_instruction(void)
{
    return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    return ~(has_crc32c_instruction() ? crc32c_by_instruction(~crc, bytes, len)
                                      : crc32c_by_table(~crc, bytes, len));
}

static uint64_t rotl64(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl64(v[1], 13) ^ v[0];
    v[3] = rotl64(v[3], 16) ^ v[2];
    v[0] = rotl64(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl64(v[1], 17) ^ v[2];
    v[3] = rotl64(v[3], 21) ^ v[0];
    v[2] = rotl64(v[2], 32);
}

uint64_t siphash(const uint64_t key[2], struct str s)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)s.len << 56;
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        uint64_t m = bytes_u64(s.ptr + i);
        v[3] ^= m;
        sip_round(v);
        sip_round(v);
        v[0] ^= m;
    }
    for (unsigned shift = 0; i < s.len; i++, shift += 8)
        last |= (uint64_t)(unsigned char)s.ptr[i] << shift;
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int n = 0; n < 4; n++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
