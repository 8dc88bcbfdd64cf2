/*
 * A stranger's webhook: three header lines, then the body. Nothing is genuine unless it was signed
 * with the secret: the expected signatures are worked out here once more, as text.
 */
#include <stdio.h>

#include "edge/http/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* digest_parse takes both cases. */
static bool is_hex_of(struct str given, struct str secret, struct str body)
{
    struct digest d = hmac_sha256(secret, body);
    char hex[DIGEST_HEX + 1];

    digest_hex(&d, hex);
    if (given.len != DIGEST_HEX)
        return false;
    for (size_t i = 0; i < DIGEST_HEX; i++) {
        char c = given.ptr[i];

        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (c != hex[i])
            return false;
    }
    return true;
}

static bool is_signed(struct str secret, const struct webhook_headers *h, struct str body)
{
    struct str prefix = STR("sha256=");

    if (h->hub_signature.len > 0)
        return str_starts(h->hub_signature, prefix) &&
               is_hex_of(str_sub(h->hub_signature, prefix.len, SIZE_MAX), secret, body);
    if (h->gitea_signature.len > 0)
        return is_hex_of(h->gitea_signature, secret, body);
    return h->gitlab_token.len > 0 && str_eq(h->gitlab_token, secret);
}

static void check_signed(struct arena *a, struct str secret, struct str body)
{
    struct digest d = hmac_sha256(secret, body);
    char hex[DIGEST_HEX + 1];
    struct webhook_headers h = {
        .hub_signature = arena_printf(a, "sha256=%s", digest_hex(&d, hex)),
    };

    HL_ASSERT(webhook_verify(secret, &h, body) == WEBHOOK_GENUINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str rest = {(const char *)data, size};
    struct str secret = STR("It's a Secret to Everybody");
    struct webhook_headers h;

    h.hub_signature = str_cut(&rest, '\n');
    h.gitea_signature = str_cut(&rest, '\n');
    h.gitlab_token = str_cut(&rest, '\n');
    enum webhook_verdict verdict = webhook_verify(secret, &h, rest);
    bool has_any = h.hub_signature.len + h.gitea_signature.len + h.gitlab_token.len > 0;
    HL_ASSERT((verdict == WEBHOOK_GENUINE) == is_signed(secret, &h, rest));
    HL_ASSERT((verdict == WEBHOOK_UNSIGNED) == !has_any);
    HL_ASSERT(webhook_verify(STR_NONE, &h, rest) == WEBHOOK_FORGED);
    check_signed(a, secret, rest);
    struct str ref = webhook_ref(rest, a);
    HL_ASSERT(ref.len <= rest.len);
    return 0;
}
