/* Join tokens. The secret is made here and shown once; the mesh gets its hash only. */
#include "edge/keys/keys.h"
#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

enum { TTL_DEFAULT_MS = 10 * 60 * 1000, TTL_MAX_MS = 24 * 60 * 60 * 1000 };

/* Comma-separated, as the state machine keeps them. */
static struct str roles_of(struct hlctl *h)
{
    HL_CLEANUP(buf_deinit) struct buf roles = {0};
    struct str *role;
    size_t count = flag_list(h->in, "role", &role);

    if (count == 0)
        return STR("agent");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(&roles, ',');
        buf_add(&roles, role[i]);
    }
    return arena_dup(h->arena, buf_str(&roles));
}

static void show(struct hlctl *h, const struct answer *answer, struct value *facts,
                 const char *text, struct str mesh)
{
    int64_t ttl_ms = value_get_int(facts, "ttl_ms", 0);
    int64_t uses = value_get_int(facts, "uses", 1);
    struct str node = value_get_str(facts, "node");

    if (hlctl_is_document(h)) {
        value_map_set_str(h->arena, facts, "token", str_from(text));
        value_map_set_str(h->arena, facts, "mesh", mesh);
        output_document(h, answer, "Token", facts);
        return;
    }
    buf_printf(&h->out, "%s\n", text);
    hlctl_remark(h,
                 "valid for " STR_FMT ", " STR_FMT "%s" STR_FMT
                 "; the newcomer also needs the mesh's fingerprint:",
                 STR_ARG(text_age(h->arena, ttl_ms)),
                 STR_ARG(text_count(h->arena, (size_t)uses, "use")),
                 node.len > 0 ? ", only for node " : "", STR_ARG(node));
    hlctl_remark(h, STR_FMT, STR_ARG(mesh));
}

int token_create_run(struct hlctl *h, struct trouble *t)
{
    struct value *body = value_map(h->arena);
    int64_t ttl_ms = flag_number(h->in, "ttl", TTL_DEFAULT_MS);
    char text[TOKEN_TEXT_MAX];
    char hash[DIGEST_HEX + 1];
    struct join_token token;
    struct answer answer;
    struct str mesh;

    if (ttl_ms > TTL_MAX_MS) {
        trouble_set(t, "HL-USE-02", "--ttl cannot be longer than 24h");
        return trouble_next(t, "a token is for joining now; create another one when it is needed");
    }
    int rc = client_mesh_fingerprint(h, &mesh, t);
    if (rc != 0)
        return rc;
    token_new(text, &token);
    value_map_set_str(h->arena, body, "id", arena_dup(h->arena, str_from(token.id)));
    value_map_set_str(h->arena, body, "hash",
                      arena_dup(h->arena, str_from(digest_hex(&token.secret_hash, hash))));
    value_map_set_str(h->arena, body, "roles", roles_of(h));
    value_map_set_str(h->arena, body, "node", flag_text(h->in, "node"));
    value_map_set_int(h->arena, body, "ttl_ms", ttl_ms);
    value_map_set_int(h->arena, body, "uses", flag_number(h->in, "uses", 1));
    rc = client_call(h, CALL_CHANGE, "token.create", body, &answer, t);
    if (rc == 0)
        show(h, &answer, body, text, mesh);
    keys_wipe(text, sizeof text);
    return rc;
}

int token_list_run(struct hlctl *h, struct trouble *t)
{
    static const struct column columns[] = {
        {"ID", "id", CELL_TEXT, false},
        {"ROLES", "roles", CELL_LIST, false},
        {"NODE", "node", CELL_TEXT, false},
        {"USES LEFT", "uses", CELL_TEXT, false},
        {"EXPIRES IN", "expires_in_ms", CELL_DURATION, false},
        {"CREATED BY", "author", CELL_TEXT, false},
    };
    struct answer answer;
    int rc = client_call(h, CALL_READ, "token.list", NULL, &answer, t);

    if (rc == 0)
        output_list(h, &answer, "TokenList", "token", items_of(h, &answer, "items"), columns,
                    HL_COUNT(columns));
    return rc;
}

int token_revoke_run(struct hlctl *h, struct trouble *t)
{
    struct value *body = value_map(h->arena);
    struct str id = invocation_arg(h->in, 0);
    struct answer answer;

    value_map_set_str(h->arena, body, "id", id);
    int rc = client_call(h, CALL_CHANGE, "token.revoke", body, &answer, t);
    if (rc == 0)
        output_done(h, &answer, "TokenRevocation", "token", id, "revoked");
    return rc;
}
