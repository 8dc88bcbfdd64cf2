/* sprig's functions of randomness, passwords, ciphers, keys and certificates. In a fake world their
 * results are fixed. */
#include <crypt.h>
#include <string.h>

#include "base/base64.h"
#include "core/gostd/unicode.h"
#include "core/template/crypto.h"
#include "core/template/format.h"
#include "core/template/func.h"

enum {
    BCRYPT_COST = 10,
    BCRYPT_PASSWORD_MAX = 72,
    /* what takes long counts as many steps of a run */
    HASH_STEPS = 200000,
    KEY_STEPS = 200000,
};

/* ---- randomness ---- */

static int fill(struct call *c, void *out, size_t len)
{
    const struct template_world *world = call_world(c);

    memset(out, 0, len);
    if (world->is_fake)
        return 0;
    if (!world->fill_random)
        return call_fail(c, "there is no randomness here");
    world->fill_random(world->context, out, len);
    return 0;
}

/* A number below `bound` (> 0), each as likely. */
static int pick(struct call *c, uint64_t bound, uint64_t *out)
{
    uint64_t number;
    uint64_t end = UINT64_MAX - UINT64_MAX % bound;

    do {
        int rc = fill(c, &number, sizeof(number));
        if (rc < 0)
            return rc;
    } while (number >= end);
    *out = number % bound;
    return 0;
}

/* Argument 0 is how many characters of the alphabet; fewer than none are none. */
static int random_text(struct call *c, const char *alphabet, char fake)
{
    size_t letters = strlen(alphabet);
    size_t count = c->arg[0].integer > 0 ? (size_t)c->arg[0].integer : 0;
    bool is_fake = call_world(c)->is_fake;
    uint64_t place;

    if (count > FORMAT_BYTES_MAX)
        return call_fail(c, "more than %d bytes", FORMAT_BYTES_MAX);
    int rc = call_room(c, count);
    if (rc == 0)
        rc = call_steps(c, count / 8);
    char *text = rc == 0 ? arena_alloc(c->a, count + 1) : NULL;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = is_fake ? 0 : pick(c, letters, &place);
        text[i] = is_fake || rc < 0 ? fake : alphabet[place];
    }
    return rc < 0 ? rc : call_return_str(c, (struct str){text, count});
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static int call_rand_alpha_num(struct call *c)
{
    return random_text(c, LETTERS DIGITS, 'a');
}

static int call_rand_alpha(struct call *c)
{
    return random_text(c, LETTERS, 'a');
}

static int call_rand_ascii(struct call *c)
{
    return random_text(c, LETTERS DIGITS " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 'a');
}

static int call_rand_numeric(struct call *c)
{
    return random_text(c, DIGITS, '1');
}

static int call_rand_bytes(struct call *c)
{
    int64_t count = c->arg[0].integer;

    if (count < 0 || count > FORMAT_BYTES_MAX / 2)
        return call_fail(c, "runtime error: makeslice: len out of range");
    int rc = call_room(c, (size_t)count * 3);
    char *bytes = rc == 0 ? arena_alloc(c->a, (size_t)count + 1) : NULL;
    if (rc == 0)
        rc = fill(c, bytes, (size_t)count);
    return rc < 0 ? rc
                  : call_return_str(c, base64_encode(c->a, (struct str){bytes, (size_t)count}));
}

static int call_rand_int(struct call *c)
{
    int64_t from = c->arg[0].integer;
    int64_t span;
    uint64_t place = 0;

    if (__builtin_sub_overflow(c->arg[1].integer, from, &span) || span <= 0)
        return call_fail(c, "invalid argument to Intn");
    int rc = pick(c, (uint64_t)span, &place);
    return rc < 0 ? rc : call_return(c, datum_int(from + (int64_t)place));
}

static int call_uuid(struct call *c)
{
    unsigned char b[16];
    int rc = fill(c, b, sizeof(b));

    if (rc < 0)
        return rc;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    return call_return_str(
        c,
        arena_printf(c->a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                     b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                     b[12], b[13], b[14], b[15]));
}

/* Fisher and Yates on the characters. */
static int call_shuffle(struct call *c)
{
    struct str s = call_str(c, 0);
    size_t count = 0;
    size_t len;
    int rc = call_room(c, s.len * 6);

    if (rc < 0 || call_world(c)->is_fake)
        return rc < 0 ? rc : call_return_str(c, s);
    uint32_t *rune = arena_array(c->a, uint32_t, s.len + 1);
    char *text = arena_alloc(c->a, 3 * s.len + 1);
    for (size_t at = 0; at < s.len; at += len)
        rune[count++] = rune_at(s, at, &len);
    for (size_t i = count; i > 1 && rc == 0; i--) {
        uint64_t k = 0;
        rc = pick(c, i, &k);
        uint32_t swapped = rune[i - 1];
        rune[i - 1] = rune[k];
        rune[k] = swapped;
    }
    size_t end = 0;
    for (size_t i = 0; i < count; i++)
        end += rune_put(rune[i], text + end);
    return rc < 0 ? rc : call_return_str(c, (struct str){text, end});
}

/* ---- passwords ---- */

static int bcrypt_text(struct call *c, struct str password, struct str *out)
{
    char random[16];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (call_world(c)->is_fake) {
        *out = STR("FAKE-BCRYPT");
        return 0;
    }
    if (password.len > BCRYPT_PASSWORD_MAX) {
        *out =
            STR("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes");
        return 0;
    }
    if (str_has_byte(password, '\0'))
        return call_fail(c, "a password with a NUL byte");
    int rc = call_steps(c, HASH_STEPS);
    if (rc == 0)
        rc = fill(c, random, sizeof(random));
    if (rc < 0)
        return rc;
    struct crypt_data *data = arena_one(c->a, struct crypt_data);
    const char *hash = NULL;
    if (crypt_gensalt_rn("$2a$", BCRYPT_COST, random, sizeof(random), setting, sizeof(setting)))
        hash = crypt_rn(arena_cstr(c->a, password), setting, data, sizeof(*data));
    if (!hash)
        return call_fail(c, "bcrypt is not in this system's libcrypt");
    *out = arena_dup(c->a, str_from(hash));
    return 0;
}

static int call_bcrypt(struct call *c)
{
    struct str hash;
    int rc = bcrypt_text(c, call_str(c, 0), &hash);

    return rc < 0 ? rc : call_return_str(c, hash);
}

static int call_htpasswd(struct call *c)
{
    struct str user = call_str(c, 0);
    struct str hash;

    if (str_has_byte(user, ':'))
        return call_return_str(c, arena_printf(c->a, "invalid username: " STR_FMT, STR_ARG(user)));
    int rc = bcrypt_text(c, call_str(c, 1), &hash);
    return rc < 0 ? rc
                  : call_return_str(
                        c, arena_printf(c->a, STR_FMT ":" STR_FMT, STR_ARG(user), STR_ARG(hash)));
}

/* The shapes of passwords (masterpassword-algorithm.pdf), one letter a class of characters. */
static const struct {
    const char *name;
    const char *shape[22];
} password_types[] = {
    {"maximum", {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"}},
    {"long",
     {"CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv",
      "CvccCvcvCvcvno", "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc",
      "CvcvCvcvnoCvcc", "CvcvCvcvCvccno", "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno",
      "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno", "CvccnoCvcvCvcc", "CvccCvcvnoCvcc",
      "CvccCvcvCvccno"}},
    {"medium", {"CvcnoCvc", "CvcCvcno"}},
    {"short", {"Cvcn"}},
    {"basic", {"aaanaaan", "aannaaan", "aaannaaa"}},
    {"pin", {"nnnn"}},
};

static const char *characters_of(char class)
{
    switch (class) {
    case 'V':
        return "AEIOU";
    case 'C':
        return "BCDFGHJKLMNPQRSTVWXYZ";
    case 'v':
        return "aeiou";
    case 'c':
        return "bcdfghjklmnpqrstvwxyz";
    case 'a':
        return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    case 'n':
        return DIGITS;
    case 'o':
        return "@&%?,=[]_:-+*$#!'^~;()/.";
    default:
        return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()";
    }
}

static void add_u32_big(struct buf *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_byte(b, (char)(unsigned char)(v >> shift & 0xff));
}

/* Seed, length of the text, the text. */
static void add_scoped(struct buf *b, struct str text)
{
    buf_reset(b);
    buf_add_cstr(b, "com.lyndir.masterpassword");
    add_u32_big(b, (uint32_t)text.len);
    buf_add(b, text);
}

static int derive(struct call *c, const char *const *shape)
{
    HL_CLEANUP(buf_deinit) struct buf scoped = {0};
    const struct template_crypto *crypto = call_crypto(c);
    unsigned char key[CRYPTO_SCRYPT_KEY_BYTES];
    size_t shapes = 0;
    char text[32];
    size_t len = 0;

    add_scoped(&scoped, call_str(c, 3));
    if (!crypto)
        return HL_EUNSUPPORTED;
    if (!crypto->scrypt(call_str(c, 2), buf_str(&scoped), key))
        return call_fail(c, "failed to derive password");
    add_scoped(&scoped, call_str(c, 4));
    add_u32_big(&scoped, (uint32_t)c->arg[0].unsigned_integer);
    struct digest seed =
        hmac_sha256((struct str){(const char *)key, sizeof(key)}, buf_str(&scoped));
    while (shape[shapes])
        shapes++;
    for (const char *class = shape[seed.bytes[0] % shapes]; *class; class ++) {
        const char *characters = characters_of(*class);
        text[len] = characters[seed.bytes[len + 1] % strlen(characters)];
        len++;
    }
    return call_return_str(c, arena_dup(c->a, (struct str){text, len}));
}

static int call_derive_password(struct call *c)
{
    int rc = call_steps(c, HASH_STEPS);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < HL_COUNT(password_types); i++)
        if (str_eq(call_str(c, 1), str_from(password_types[i].name)))
            return derive(c, password_types[i].shape);
    return call_return_str(
        c, arena_printf(c->a, "cannot find password template " STR_FMT, STR_ARG(call_str(c, 1))));
}

/* ---- AES-256-CBC ---- */

/* False without a library, which is told. */
static bool aes_cbc(struct call *c, const unsigned char *iv, const unsigned char *in, size_t len,
                    bool is_encrypting, unsigned char *out)
{
    const struct template_crypto *crypto = call_crypto(c);
    unsigned char key[CRYPTO_AES_KEY_BYTES] = {0};
    struct str password = str_sub(call_str(c, 0), 0, sizeof(key));

    if (!crypto)
        return false;
    if (password.len > 0)
        memcpy(key, password.ptr, password.len);
    crypto->aes_cbc(key, iv, in, len, is_encrypting, out);
    return true;
}

static int call_encrypt(struct call *c)
{
    struct str text = call_str(c, 1);
    size_t padding = CRYPTO_AES_BLOCK_BYTES - text.len % CRYPTO_AES_BLOCK_BYTES;
    size_t len = text.len + padding;
    int rc = call_room(c, len * 4);

    if (rc < 0 || text.len == 0)
        return rc < 0 ? rc : call_return_str(c, STR(""));
    unsigned char *out = arena_alloc(c->a, CRYPTO_AES_BLOCK_BYTES + len);
    unsigned char *padded = arena_alloc(c->a, len);
    memcpy(padded, text.ptr, text.len);
    memset(padded + text.len, (int)padding, padding);
    rc = fill(c, out, CRYPTO_AES_BLOCK_BYTES);
    if (rc < 0)
        return rc;
    if (!aes_cbc(c, out, padded, len, true, out + CRYPTO_AES_BLOCK_BYTES))
        return HL_EUNSUPPORTED;
    return call_return_str(
        c, base64_encode(c->a, (struct str){(char *)out, CRYPTO_AES_BLOCK_BYTES + len}));
}

static int call_decrypt(struct call *c)
{
    struct str packed = call_str(c, 1);
    struct str bytes;
    size_t bad;
    int rc = call_room(c, packed.len * 2);

    if (rc < 0 || packed.len == 0)
        return rc < 0 ? rc : call_return_str(c, STR(""));
    if (!base64_decode(c->a, packed, &bytes, &bad))
        return call_fail(c, "illegal base64 data at input byte %zu", bad);
    if (bytes.len < CRYPTO_AES_BLOCK_BYTES)
        return call_fail(c, "runtime error: slice bounds out of range [:16] with length %zu",
                         bytes.len);
    size_t len = bytes.len - CRYPTO_AES_BLOCK_BYTES;
    if (len % CRYPTO_AES_BLOCK_BYTES != 0)
        return call_fail(c, "crypto/cipher: input not full blocks");
    if (len == 0)
        return call_fail(c, "runtime error: index out of range [-1]");
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    unsigned char *out = arena_alloc(c->a, len + 1);
    if (!aes_cbc(c, in, in + CRYPTO_AES_BLOCK_BYTES, len, false, out))
        return HL_EUNSUPPORTED;
    size_t padding = out[len - 1];
    if (padding > len)
        return call_fail(c, "runtime error: slice bounds out of range [:-%zu]", padding - len);
    return call_return_str(c, (struct str){(char *)out, len - padding});
}

/* ---- keys and certificates ---- */

static const struct datum_class certificate_class;

static const struct certificate *certificate_of(struct datum d)
{
    return (const struct certificate *)d.object;
}

static bool certificate_field(const struct datum_object *o, struct str name, struct arena *a,
                              struct datum *out)
{
    const struct certificate *c = (const struct certificate *)o;

    (void)a;
    if (!str_eq(name, STR("Cert")) && !str_eq(name, STR("Key")))
        return false;
    *out = datum_string(str_eq(name, STR("Cert")) ? c->cert : c->key);
    return true;
}

static bool certificate_member(const struct datum_object *o, size_t i, struct datum_member *out)
{
    const struct certificate *c = (const struct certificate *)o;
    struct str name = i == 0 ? STR("Cert") : STR("Key");

    if (i > 1)
        return false;
    *out = (struct datum_member){
        .name = name, .json = name, .value = datum_string(i == 0 ? c->cert : c->key)};
    return true;
}

static void certificate_print(const struct datum_object *o, bool is_direct, struct buf *out)
{
    const struct certificate *c = (const struct certificate *)o;

    (void)is_direct;
    buf_printf(out, "{" STR_FMT " " STR_FMT "}", STR_ARG(c->cert), STR_ARG(c->key));
}

static const struct datum_class certificate_class = {.type_name = "sprig.certificate",
                                                     .kind_name = "struct",
                                                     .field = certificate_field,
                                                     .member = certificate_member,
                                                     .print = certificate_print};

static int return_certificate(struct call *c, struct str cert, struct str key)
{
    struct certificate *o = arena_one(c->a, struct certificate);

    *o = (struct certificate){.head = {&certificate_class}, .cert = cert, .key = key};
    return call_return(c, datum_of_object(&o->head));
}

static int make(struct call *c, struct certificate_request *request)
{
    const struct template_crypto *crypto;
    struct certificate made;
    struct err err;
    int rc = call_steps(c, KEY_STEPS);

    if (rc < 0)
        return rc;
    if (call_world(c)->is_fake)
        return return_certificate(c, STR("FAKE-CERT\n"), STR("FAKE-KEY\n"));
    if (!(crypto = call_crypto(c)))
        return HL_EUNSUPPORTED;
    request->now_s = call_world(c)->now_s;
    if (crypto->certify(c->a, request, &made, &err) < 0)
        return call_fail(c, "%s", err.text);
    return return_certificate(c, made.cert, made.key);
}

/* The strings of list argument i; sprig's text for anything else in it. */
static int strings_of(struct call *c, size_t i, const char *what, const struct str **out,
                      size_t *out_count)
{
    size_t count = datum_count(c->arg[i]);
    struct str *text = arena_array(c->a, struct str, count + 1);

    for (size_t k = 0; k < count; k++) {
        struct datum d = datum_item(c->arg[i], k);
        HL_CLEANUP(buf_deinit) struct buf shown = {0};
        if (d.type != DATUM_STRING) {
            format_print(&shown, &d, 1);
            return call_fail(c, "%s: " STR_FMT " is not a string", what, STR_ARG(buf_str(&shown)));
        }
        text[k] = datum_str(d);
    }
    *out = text;
    *out_count = count;
    return 0;
}

/* CN, IPS, DNS, DAYS in front of what each function has behind them. */
static int read_request(struct call *c, struct certificate_request *out)
{
    int rc = strings_of(c, 1, "error parsing ip", &out->ip, &out->ip_count);

    if (rc == 0)
        rc = strings_of(c, 2, "error processing alternate dns name", &out->dns, &out->dns_count);
    out->common_name = call_str(c, 0);
    out->days = c->arg[3].integer;
    return rc;
}

static int call_gen_ca(struct call *c)
{
    struct certificate_request request = {
        .common_name = call_str(c, 0), .days = c->arg[1].integer, .is_ca = true};

    return make(c, &request);
}

static int call_gen_ca_with_key(struct call *c)
{
    struct certificate_request request = {.common_name = call_str(c, 0),
                                          .days = c->arg[1].integer,
                                          .is_ca = true,
                                          .key = call_str(c, 2)};

    return request.key.len > 0 ? make(c, &request)
                               : call_fail(c, "parsing private key: no PEM data in input");
}

static int call_gen_self_signed(struct call *c)
{
    struct certificate_request request = {.days = 0};
    int rc = read_request(c, &request);

    return rc < 0 ? rc : make(c, &request);
}

static int call_gen_self_signed_with_key(struct call *c)
{
    struct certificate_request request = {.key = call_str(c, 4)};
    int rc = read_request(c, &request);

    if (rc == 0 && request.key.len == 0)
        rc = call_fail(c, "parsing private key: no PEM data in input");
    return rc < 0 ? rc : make(c, &request);
}

static int read_signer(struct call *c, struct certificate_request *out)
{
    if (c->arg[4].object->class != &certificate_class)
        return call_fail(c, "wrong type for value; expected sprig.certificate; got %s",
                         c->arg[4].object->class->type_name);
    out->signer = certificate_of(c->arg[4]);
    return read_request(c, out);
}

static int call_gen_signed(struct call *c)
{
    struct certificate_request request = {.days = 0};
    int rc = read_signer(c, &request);

    return rc < 0 ? rc : make(c, &request);
}

static int call_gen_signed_with_key(struct call *c)
{
    struct certificate_request request = {.key = call_str(c, 5)};
    int rc = read_signer(c, &request);

    if (rc == 0 && request.key.len == 0)
        rc = call_fail(c, "parsing private key: no PEM data in input");
    return rc < 0 ? rc : make(c, &request);
}

static int call_gen_private_key(struct call *c)
{
    const struct template_crypto *crypto;
    struct str type = call_str(c, 0);
    struct str key;
    struct err err;
    int rc = call_steps(c, KEY_STEPS);

    if (rc < 0)
        return rc;
    if (call_world(c)->is_fake)
        return call_return_str(c,
                               arena_printf(c->a, "FAKE-PRIVATE-KEY-" STR_FMT "\n", STR_ARG(type)));
    if (!(crypto = call_crypto(c)))
        return HL_EUNSUPPORTED;
    rc = crypto->new_key(c->a, type, &key, &err);
    return call_return_str(c, rc < 0 ? arena_dup(c->a, str_from(err.text)) : key);
}

static int call_build_custom_cert(struct call *c)
{
    const struct template_crypto *crypto;
    struct str cert;
    struct str key;
    struct err err;

    if (call_world(c)->is_fake)
        return return_certificate(c, STR("FAKE-CERT\n"), STR("FAKE-KEY\n"));
    if (!base64_decode(c->a, call_str(c, 0), &cert, NULL))
        return call_fail(c, "unable to decode base64 certificate");
    if (!base64_decode(c->a, call_str(c, 1), &key, NULL))
        return call_fail(c, "unable to decode base64 private key");
    if (!(crypto = call_crypto(c)))
        return HL_EUNSUPPORTED;
    if (crypto->check(cert, key, &err) < 0)
        return call_fail(c, "%s", err.text);
    return return_certificate(c, cert, key);
}

const struct function functions_crypto[] = {
    {"randAlphaNum", "i", call_rand_alpha_num},
    {"randAlpha", "i", call_rand_alpha},
    {"randAscii", "i", call_rand_ascii},
    {"randNumeric", "i", call_rand_numeric},
    {"randBytes", "i", call_rand_bytes},
    {"randInt", "ii", call_rand_int},
    {"uuidv4", "", call_uuid},
    {"shuffle", "s", call_shuffle},
    {"bcrypt", "s", call_bcrypt},
    {"htpasswd", "ss", call_htpasswd},
    {"derivePassword", "ussss", call_derive_password},
    {"encryptAES", "ss", call_encrypt},
    {"decryptAES", "ss", call_decrypt},
    {"genPrivateKey", "s", call_gen_private_key},
    {"genCA", "si", call_gen_ca},
    {"genCAWithKey", "sis", call_gen_ca_with_key},
    {"genSelfSignedCert", "sLLi", call_gen_self_signed},
    {"genSelfSignedCertWithKey", "sLLis", call_gen_self_signed_with_key},
    {"genSignedCert", "sLLio", call_gen_signed},
    {"genSignedCertWithKey", "sLLios", call_gen_signed_with_key},
    {"buildCustomCert", "ss", call_build_custom_cert},
    {NULL, NULL, NULL},
};
