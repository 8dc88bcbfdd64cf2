/* FIPS 180-4 section 6.1, as written there. */
#include "edge/gitsrc/sha1.h"

#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

static void compress(struct sha1 *h, const unsigned char *p)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80];
    uint32_t a = h->state[0], b = h->state[1], c = h->state[2], d = h->state[3], e = h->state[4];

    for (unsigned t = 0; t < 16; t++)
        w[t] = (uint32_t)p[t * 4] << 24 | (uint32_t)p[t * 4 + 1] << 16 |
               (uint32_t)p[t * 4 + 2] << 8 | (uint32_t)p[t * 4 + 3];
    for (unsigned t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t f = t < 20   ? (b & c) ^ (~b & d)
                     : t < 40 ? b ^ c ^ d
                     : t < 60 ? (b & c) ^ (b & d) ^ (c & d)
                              : b ^ c ^ d;
        uint32_t next = rotate(a, 5) + f + e + k[t / 20] + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h->state[0] += a;
    h->state[1] += b;
    h->state[2] += c;
    h->state[3] += d;
    h->state[4] += e;
}

void sha1_init(struct sha1 *h)
{
    *h = (struct sha1){{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, 0, {0}};
}

void sha1_add(struct sha1 *h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    while (len > 0) {
        size_t used = h->length_bytes % SHA1_BLOCK_BYTES;
        size_t n = SHA1_BLOCK_BYTES - used < len ? SHA1_BLOCK_BYTES - used : len;

        memcpy(h->block + used, p, n);
        h->length_bytes += n;
        p += n;
        len -= n;
        if (used + n == SHA1_BLOCK_BYTES)
            compress(h, h->block);
    }
}

void sha1_end(struct sha1 *h, unsigned char out[SHA1_BYTES])
{
    uint64_t bits = h->length_bytes * 8;
    unsigned char tail[8];

    sha1_add(h, "\x80", 1);
    while (h->length_bytes % SHA1_BLOCK_BYTES != 56)
        sha1_add(h, "", 1);
    for (unsigned i = 0; i < 8; i++)
        tail[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha1_add(h, tail, sizeof(tail));
    for (unsigned i = 0; i < SHA1_BYTES; i++)
        out[i] = (unsigned char)(h->state[i / 4] >> (24 - 8 * (i % 4)));
}

void hmac_sha1(struct str key, struct str text, unsigned char out[SHA1_BYTES])
{
    unsigned char pad[SHA1_BLOCK_BYTES];
    struct sha1 h;

    HL_ASSERT(key.len <= SHA1_BLOCK_BYTES);
    memset(pad, 0x36, sizeof(pad));
    for (size_t i = 0; i < key.len; i++)
        pad[i] ^= (unsigned char)key.ptr[i];
    sha1_init(&h);
    sha1_add(&h, pad, sizeof(pad));
    sha1_add(&h, text.ptr, text.len);
    sha1_end(&h, out);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    sha1_init(&h);
    sha1_add(&h, pad, sizeof(pad));
    sha1_add(&h, out, SHA1_BYTES);
    sha1_end(&h, out);
}
