/*
 * Joining the mesh. The key is made here and never leaves; it is kept from before the first
 * question, so that an answer that was lost can be asked for again with the same key.
 */
#include "agent/agent.h"
#include "edge/actor/log.h"

enum { TRY_MS = 2000, TRIES_AFTER_REFUSAL = 5 };

static int load_or_make(const struct agent_config *config, struct str path, struct arena *a,
                        struct identity *out, struct err *err)
{
    int r = identity_load(path, a, out, err);

    if (r != HL_EABSENT)
        return r;
    *out = (struct identity){config->node, STR("enrolling"), key_pair_new()};
    return identity_save(path, out, err);
}

static int load_token(const struct agent_config *config, struct arena *a, struct join_token *out,
                      struct err *err)
{
    struct str text;

    if (config->token_path.len == 0)
        return err_set(err, HL_EDENIED,
                       "this agent has not joined yet and has no tokenFile; make a token with "
                       "`hlctl token create --role agent --node " STR_FMT "`",
                       STR_ARG(config->node));
    int r = secret_read(config->token_path, a, &text, err);
    if (r == 0 && !token_parse(str_trim(text), out))
        r = err_set(err, HL_EINVAL, "\"" STR_FMT "\" holds no join token",
                    STR_ARG(config->token_path));
    return r;
}

static void ask(struct wire_link *link, const struct agent_config *config,
                const struct roster_member *member, const struct join_token *token,
                const struct identity *id)
{
    struct wire_message m = {.kind = WIRE_ENROL};

    m.enrol = (struct wire_enrol){
        .token_id = str_from(token->id),
        .agent_key = id->pair.public_key,
        .node = config->node,
        .proof = token_proof(&token->secret_hash, &member->key[DOOR_ENROL], &id->pair.public_key,
                             config->node, config->mesh),
    };
    link_send(link, member->id, &m);
}

/* One coordinator, one question: > 0 asked again later, 0 approved, < 0 refused. */
static int try_one(struct wire_link *link, struct arena *a, struct err *err)
{
    int64_t due_ms = clock_now_ms() + TRY_MS;
    struct wire_message m;
    uint64_t member;

    while (clock_now_ms() < due_ms) {
        link_wait(link, -1, due_ms - clock_now_ms());
        if (!link_next(link, a, &member, &m) || m.kind != WIRE_ENROL_REPLY)
            continue;
        if (m.enrol_reply.status == WIRE_ENROL_APPROVED)
            return 0;
        err_set(err, HL_EDENIED, "enrolment refused: " STR_FMT, STR_ARG(m.enrol_reply.text));
        return m.enrol_reply.status == WIRE_ENROL_REFUSED ? HL_EDENIED : 1;
    }
    err_set(err, HL_ETIMEOUT, "no coordinator answers");
    return 1;
}

static int join(const struct agent_config *config, const struct roster *roster,
                const struct join_token *token, struct identity *id, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct wire_link *link;
    int refusals = 0;

    int r = link_open(roster, DOOR_ENROL, &id->pair, &link, err);
    for (size_t i = 0; r >= 0; i++) {
        clock_sleep_ms(100); /* let connections form; a question is dropped otherwise */
        ask(link, config, &roster->member[i % roster->member_count], token, id);
        r = try_one(link, a, err);
        if (r == 0)
            break;
        refusals += err->code == HL_EDENIED;
        /* "Unknown here" may be a coordinator that lags behind; everywhere, it is unknown. */
        if (r > 0 && refusals > TRIES_AFTER_REFUSAL)
            r = HL_EDENIED;
        if (i % 10 == 9)
            log_warn("still not enrolled", "error=\"%s\"", err->text);
        arena_reset(a);
    }
    link_close(link);
    return r;
}

int enrol(const struct agent_config *config, const struct roster *roster, struct arena *a,
          struct identity *out, struct err *err)
{
    struct str path = arena_concat(a, config->dir, STR("/agent.key"));
    struct join_token token;

    int r = load_or_make(config, path, a, out, err);
    if (r < 0 || str_eq(out->role, STR("agent")))
        return r;
    r = load_token(config, a, &token, err);
    if (r == 0)
        r = join(config, roster, &token, out, err);
    if (r < 0)
        return r;
    out->role = STR("agent");
    log_info("enrolled", "node=" STR_FMT, STR_ARG(config->node));
    return identity_save(path, out, err);
}
