/* Keys as bytes and text, randomness, comparison, hardening of the process: libsodium's part. */
#include "edge/keys/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <sodium.h>

const char *door_name(enum door door)
{
    static const char *const names[] = {"peer", "agent", "client", "enrol"};

    return (unsigned)door < DOOR_COUNT ? names[door] : "?";
}

bool key_eq(const struct key *a, const struct key *b)
{
    return memcmp(a->bytes, b->bytes, KEY_BYTES) == 0;
}

/* Z85 (ZeroMQ RFC 32): four bytes, big-endian, are five digits in base 85. */
static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/"
                          "*?&<>()[]{}@%$#";

const char *key_text(const struct key *k, char out[KEY_TEXT + 1])
{
    for (int i = 0; i < KEY_BYTES / 4; i++) {
        const unsigned char *b = k->bytes + 4 * i;
        uint32_t n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

        for (int digit = 4; digit >= 0; digit--, n /= 85)
            out[5 * i + digit] = z85[n % 85];
    }
    out[KEY_TEXT] = '\0';
    return out;
}

bool key_parse(struct str text, struct key *out)
{
    struct key key;

    if (text.len != KEY_TEXT)
        return false;
    for (int i = 0; i < KEY_BYTES / 4; i++) {
        uint64_t n = 0;

        for (int digit = 0; digit < 5; digit++) {
            const char *at = memchr(z85, text.ptr[5 * i + digit], sizeof(z85) - 1);
            if (!at)
                return false;
            n = n * 85 + (uint64_t)(at - z85);
        }
        if (n > UINT32_MAX)
            return false;
        for (int byte = 0; byte < 4; byte++)
            key.bytes[4 * i + byte] = (unsigned char)(n >> (24 - 8 * byte));
    }
    *out = key;
    return true;
}

void keys_init(void)
{
    if (sodium_init() < 0)
        hl_die("libsodium cannot start");
}

void keys_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

uint64_t keys_random_u64(void)
{
    uint64_t n;

    randombytes_buf(&n, sizeof(n));
    return n;
}

struct key_pair key_pair_new(void)
{
    struct key_pair pair;

    crypto_box_keypair(pair.public_key.bytes, pair.secret_key.bytes);
    return pair;
}

void keys_wipe(void *secret, size_t len)
{
    sodium_memzero(secret, len);
}

bool keys_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void keys_harden_process(void)
{
    struct rlimit none = {0, 0};
    struct rlimit files;

    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        hl_die("cannot forbid core dumps");
    /* A socket a session: as many descriptors as we may have (S-6). */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &files);
    }
    umask(077);
}

/* Base 32 without look-alikes (Crockford's alphabet, lower case). */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void base32(const unsigned char *bytes, size_t digits, char *out)
{
    for (size_t i = 0; i < digits; i++) {
        size_t bit = 5 * i;
        unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        out[i] = alphabet[two >> (11 - bit % 8) & 31];
    }
    out[digits] = '\0';
}

void token_new(char out_text[TOKEN_TEXT_MAX], struct join_token *out)
{
    unsigned char random[24];
    char secret[TOKEN_SECRET_LEN + 1];

    randombytes_buf(random, sizeof(random));
    base32(random, TOKEN_ID_LEN, out->id);
    base32(random + 6, TOKEN_SECRET_LEN, secret);
    out->secret_hash = sha256_of(str_from(secret));
    memcpy(out_text, "hl1.", 4);
    memcpy(out_text + 4, out->id, TOKEN_ID_LEN);
    out_text[4 + TOKEN_ID_LEN] = '.';
    memcpy(out_text + 5 + TOKEN_ID_LEN, secret, TOKEN_SECRET_LEN + 1);
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(random, sizeof(random));
}

static bool is_base32(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!memchr(alphabet, s.ptr[i], sizeof(alphabet) - 1))
            return false;
    }
    return true;
}

bool token_parse(struct str text, struct join_token *out)
{
    if (text.len != 5 + TOKEN_ID_LEN + TOKEN_SECRET_LEN || !str_starts(text, STR("hl1.")) ||
        text.ptr[4 + TOKEN_ID_LEN] != '.' || !is_base32(str_sub(text, 4, 4 + TOKEN_ID_LEN)) ||
        !is_base32(str_sub(text, 5 + TOKEN_ID_LEN, text.len)))
        return false;
    memcpy(out->id, text.ptr + 4, TOKEN_ID_LEN);
    out->id[TOKEN_ID_LEN] = '\0';
    out->secret_hash = sha256_of(str_sub(text, 5 + TOKEN_ID_LEN, text.len));
    return true;
}

struct digest token_proof(const struct digest *secret_hash, const struct key *server_key,
                          const struct key *agent_key, struct str node, struct str mesh)
{
    static const unsigned char purpose[] = "hlmesh enrolment 1";
    crypto_auth_hmacsha256_state hmac;
    struct digest proof;
    unsigned char node_len = (unsigned char)(node.len & 255);

    crypto_auth_hmacsha256_init(&hmac, secret_hash->bytes, DIGEST_BYTES);
    crypto_auth_hmacsha256_update(&hmac, purpose, sizeof(purpose));
    crypto_auth_hmacsha256_update(&hmac, server_key->bytes, KEY_BYTES);
    crypto_auth_hmacsha256_update(&hmac, agent_key->bytes, KEY_BYTES);
    crypto_auth_hmacsha256_update(&hmac, &node_len, 1);
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)node.ptr, node.len);
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)mesh.ptr, mesh.len);
    crypto_auth_hmacsha256_final(&hmac, proof.bytes);
    return proof;
}
