/*
 * What a stranger can send before anybody knows it: an enrolment, and the files that a newcomer
 * reads (token, roster). The first byte chooses. A roster is only ever taken if a root key signed
 * it, which no input here did; a token that is taken says the same when it is said again.
 */
#include <string.h>

#include "edge/keys/keys.h"
#include "edge/wire/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_enrol(struct arena *a, struct str bytes)
{
    struct digest secret = sha256_of(STR("secret"));
    struct wire_message m;

    if (wire_decode(bytes, a, &m, NULL) != 0 || m.kind != WIRE_ENROL)
        return;
    HL_ASSERT(str_is_utf8(m.enrol.node) && m.enrol.node.len <= WIRE_NAME_MAX);
    HL_ASSERT(str_is_utf8(m.enrol.token_id) && m.enrol.token_id.len <= WIRE_NAME_MAX);
    struct digest proof =
        token_proof(&secret, &m.enrol.agent_key, &m.enrol.agent_key, m.enrol.node, STR("hl-mesh:"));
    HL_ASSERT(!keys_equal(&proof, &m.enrol.proof, sizeof(proof)));
}

static void check_token(struct str text)
{
    struct join_token token;

    if (!token_parse(text, &token))
        return;
    HL_ASSERT(strlen(token.id) == TOKEN_ID_LEN);
    HL_ASSERT(str_eq(str_sub(text, 4, 4 + TOKEN_ID_LEN), str_from(token.id)));
}

static void check_roster(struct arena *a, struct str text)
{
    struct roster r;
    struct err err = {0};
    int result =
        roster_parse(text, STR("input"), STR("hl-mesh:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
                     a, &r, &err);

    HL_ASSERT(result < 0 && err.code == result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str rest = {(const char *)data + 1, size ? size - 1 : 0};

    if (size == 0)
        return 0;
    switch (data[0]) {
    case 't':
        check_token(rest);
        break;
    case 'r':
        check_roster(a, rest);
        break;
    default: /* an envelope starts with its tag */
        check_enrol(a, (struct str){(const char *)data, size});
    }
    return 0;
}
