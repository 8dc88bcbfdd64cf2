/* Digests, scrypt and AES; keys and certificates are certificate.c's. */
#include "edge/cipher/cipher.h"

#include <openssl/evp.h>

#include "edge/cipher/certificate.h"

enum { SCRYPT_MEMORY_MAX = 64 << 20 };

static struct str digest(struct arena *a, enum crypto_digest kind, struct str bytes)
{
    unsigned char *out = arena_alloc(a, EVP_MAX_MD_SIZE);
    unsigned len = 0;

    if (EVP_Digest(bytes.len > 0 ? bytes.ptr : "", bytes.len, out, &len,
                   kind == CRYPTO_SHA1 ? EVP_sha1() : EVP_sha512(), NULL) != 1)
        hl_die("libcrypto has no digests");
    return (struct str){(const char *)out, len};
}

static bool scrypt(struct str password, struct str salt, unsigned char out[CRYPTO_SCRYPT_KEY_BYTES])
{
    return EVP_PBE_scrypt(password.ptr ? password.ptr : "", password.len,
                          (const unsigned char *)salt.ptr, salt.len, 32768, 8, 2, SCRYPT_MEMORY_MAX,
                          out, CRYPTO_SCRYPT_KEY_BYTES) == 1;
}

static void aes_cbc(const unsigned char key[CRYPTO_AES_KEY_BYTES],
                    const unsigned char iv[CRYPTO_AES_BLOCK_BYTES], const unsigned char *in,
                    size_t len, bool is_encrypting, unsigned char *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int done = 0;

    if (!context ||
        EVP_CipherInit_ex2(context, EVP_aes_256_cbc(), key, iv, is_encrypting, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(context, 0) != 1 ||
        EVP_CipherUpdate(context, out, &done, in, (int)len) != 1)
        hl_die("AES");
    EVP_CIPHER_CTX_free(context);
}

const struct template_crypto cipher_openssl = {.digest = digest,
                                               .scrypt = scrypt,
                                               .aes_cbc = aes_cbc,
                                               .new_key = certificate_new_key,
                                               .certify = certificate_make,
                                               .check = certificate_check};
