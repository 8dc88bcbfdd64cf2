/*
 * Agents, tokens and alarms. A key that was revoked is remembered for ever under key/ and never
 * enrols again; removing an agent is not the same as banning its key (security.md 5.4).
 */
#include "core/state/state_internal.h"

#include "core/value/json.h"

static int ban_key(struct apply *x, struct str key)
{
    int r = x->kv->put(x->kv->context, key_of(x->arena, "key/", key), STR("revoked"), x->err);

    return r < 0 ? r : 0;
}

static int put_agent(struct apply *x, const struct state_agent *agent)
{
    note_change(x, STATE_AGENT_CHANGED, agent->node);
    return record_put(x->kv, &state_agent_type, key_of(x->arena, "agent/", agent->node), x->arena,
                      agent, x->err);
}

static int put_token(struct apply *x, const struct state_token *token)
{
    return record_put(x->kv, &state_token_type, key_of(x->arena, "token/", token->id), x->arena,
                      token, x->err);
}

static int spend_token(struct apply *x, struct state_token *token)
{
    if (--token->uses > 0)
        return put_token(x, token);
    int r = x->kv->del(x->kv->context, key_of(x->arena, "token/", token->id), x->err);
    return r < 0 ? r : 0;
}

/* All leases of the agent: others may take the work, told that somebody held it before. */
static int release_leases(struct apply *x, struct str node)
{
    struct str cursor = STR_NONE;
    struct state_app app;
    int r;

    while ((r = state_app_next(x->kv, &cursor, x->arena, &app, x->err)) == KV_FOUND) {
        if (!str_eq(app.phase, STR("leased")) || !str_eq(app.agent, node))
            continue;
        app.phase = STR("pending");
        app.takeover = true;
        app.since_ms = x->command->wall_ms;
        r = put_app(x, &app);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 0;
}

/* One key, one node: a connection's key says which node speaks. */
static int find_key_owner(struct apply *x, struct str key, struct str *out_node)
{
    struct str cursor = STR_NONE;
    struct state_agent agent;
    int r;

    while ((r = state_agent_next(x->kv, &cursor, x->arena, &agent, x->err)) == KV_FOUND) {
        if (str_eq(agent.key, key)) {
            *out_node = agent.node;
            return KV_FOUND;
        }
    }
    return r;
}

/* What the node had before: its leases go to others, and a key that it gave up is banned. */
static int replace_agent(struct apply *x, const struct state_agent *before, struct str key)
{
    int r = release_leases(x, before->node);

    if (r == 0 && !str_eq(before->key, key) && str_eq(before->status, STR("active")))
        r = ban_key(x, before->key);
    return r;
}

int apply_agent_enroll(struct apply *x)
{
    struct str node = value_get_str(x->body, "node");
    struct str key = value_get_str(x->body, "key");
    struct str owner = STR_NONE;
    struct state_agent before;
    struct state_token token;

    int r = state_token_get(x->kv, value_get_str(x->body, "token"), x->arena, &token, x->err);
    if (r < 0)
        return r;
    if (r != KV_FOUND || token.expires_ms <= x->command->wall_ms)
        return refuse(x, HL_EDENIED, "the token is unknown, used up or expired");
    if (node.len == 0 || node.len > STATE_NAME_MAX || key.len == 0 || key.len > 64)
        return refuse(x, HL_EINVAL, "an agent needs a node name and a key");
    if (token.node.len > 0 && !str_eq(token.node, node))
        return refuse(x, HL_EDENIED, "the token is for another node");
    r = state_key_is_revoked(x->kv, key, x->err);
    if (r != 0)
        return r < 0 ? r : refuse(x, HL_EDENIED, "this key was revoked: make a new one");
    r = find_key_owner(x, key, &owner);
    if (r < 0)
        return r;
    if (r == KV_FOUND && !str_eq(owner, node))
        return refuse(x, HL_ECONFLICT, "this key is that of agent \"" STR_FMT "\"", STR_ARG(owner));
    r = state_agent_get(x->kv, node, x->arena, &before, x->err);
    if (r == KV_FOUND)
        r = replace_agent(x, &before, key);
    if (r < 0)
        return r;
    struct state_agent agent = {
        .node = node,
        .key = key,
        .roles = token.roles,
        .status = STR("active"),
        .state = STR("lost"), /* until it is heard */
        .enrolled_ms = x->command->wall_ms,
        .since_ms = x->command->wall_ms,
    };
    r = put_agent(x, &agent);
    if (r >= 0)
        r = spend_token(x, &token);
    return r < 0 ? r
                 : add_event(x, "agent.enrolled", node, "with token " STR_FMT, STR_ARG(token.id));
}

int apply_agent_revoke(struct apply *x)
{
    struct str node = value_get_str(x->body, "name");
    struct state_agent agent;

    int r = state_agent_get(x->kv, node, x->arena, &agent, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : refuse(x, HL_EABSENT, "no agent \"" STR_FMT "\"", STR_ARG(node));
    if (str_eq(agent.status, STR("revoked")))
        return refuse(x, HL_ECONFLICT, "the agent's key is revoked already");
    agent.status = STR("revoked");
    agent.state = STR("lost");
    agent.since_ms = x->command->wall_ms;
    agent.reason = value_get_str(x->body, "reason");
    r = put_agent(x, &agent);
    if (r >= 0)
        r = ban_key(x, agent.key);
    if (r >= 0)
        r = release_leases(x, node);
    return r < 0 ? r
                 : add_event(x, "agent.revoked", node, STR_FMT,
                             STR_ARG(agent.reason.len ? agent.reason : STR("no reason given")));
}

int apply_agent_state(struct apply *x)
{
    struct str node = value_get_str(x->body, "name");
    struct str state = value_get_str(x->body, "state");
    bool is_lost = str_eq(state, STR("lost"));
    struct state_agent agent;

    if (!is_lost && !str_eq(state, STR("alive")))
        return refuse(x, HL_EINVAL, "an agent is alive or lost");
    int r = state_agent_get(x->kv, node, x->arena, &agent, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : refuse(x, HL_EABSENT, "no agent \"" STR_FMT "\"", STR_ARG(node));
    if (str_eq(agent.state, state) || !str_eq(agent.status, STR("active")))
        return 0;
    agent.state = is_lost ? STR("lost") : STR("alive");
    agent.since_ms = x->command->wall_ms;
    r = put_agent(x, &agent);
    if (r >= 0 && is_lost)
        r = release_leases(x, node);
    return r < 0 ? r
                 : add_event(x, is_lost ? "agent.lost" : "agent.alive", node, "%s",
                             is_lost ? "no heartbeat" : "heard");
}

int apply_token_create(struct apply *x)
{
    struct state_token before;
    struct state_token token;
    struct digest hash;

    record_from_value(&state_token_type, x->body, &token);
    int64_t ttl_ms = value_get_int(x->body, "ttl_ms", 0);
    token.author = x->command->author;
    token.strikes = 0;
    if (token.id.len == 0 || token.id.len > 64 || !digest_parse(token.hash, &hash) ||
        token.uses < 1 || token.roles.len == 0 || ttl_ms < 1 || ttl_ms > STATE_TOKEN_TTL_MAX_MS)
        return refuse(x, HL_EINVAL, "a token needs id, hash, roles, uses and a time to live");
    token.expires_ms = x->command->wall_ms + ttl_ms;
    int r = state_token_get(x->kv, token.id, x->arena, &before, x->err);
    if (r < 0)
        return r;
    if (r == KV_FOUND)
        return refuse(x, HL_ECONFLICT, "there is a token of this id");
    r = put_token(x, &token);
    struct value *answer = value_map(x->arena);
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    value_map_set_str(x->arena, answer, "id", token.id);
    value_map_set_int(x->arena, answer, "expires_ms", token.expires_ms);
    json_write(&text, answer, JSON_COMPACT);
    x->result->body = arena_dup(x->arena, buf_str(&text));
    return r < 0 ? r
                 : add_event(x, "token.created", token.id, "role " STR_FMT, STR_ARG(token.roles));
}

int apply_token_strike(struct apply *x)
{
    struct state_token token;

    int r = state_token_get(x->kv, value_get_str(x->body, "id"), x->arena, &token, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : 0;
    if (++token.strikes < STATE_TOKEN_STRIKES)
        return put_token(x, &token);
    token.uses = 1;
    r = spend_token(x, &token);
    return r < 0 ? r
                 : add_event(x, "token.burned", token.id, "after %d wrong proofs",
                             STATE_TOKEN_STRIKES);
}

int apply_token_revoke(struct apply *x)
{
    struct str id = value_get_str(x->body, "id");

    int r = id.len > STATE_NAME_MAX
                ? KV_ABSENT
                : x->kv->del(x->kv->context, key_of(x->arena, "token/", id), x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : refuse(x, HL_EABSENT, "no token \"" STR_FMT "\"", STR_ARG(id));
    return add_event(x, "token.revoked", id, "by hand");
}

int apply_alarm_set(struct apply *x)
{
    struct state_alarm before;
    struct state_alarm alarm = {
        .name = value_get_str(x->body, "name"),
        .text = value_get_str(x->body, "text"),
        .since_ms = x->command->wall_ms,
    };

    if (alarm.name.len == 0 || alarm.name.len > STATE_NAME_MAX)
        return refuse(x, HL_EINVAL, "an alarm needs a name");
    struct str key = key_of(x->arena, "alarm/", alarm.name);
    int r = record_get(x->kv, &state_alarm_type, key, x->arena, &before, x->err);
    if (r < 0 || (r == KV_FOUND && str_eq(before.text, alarm.text)))
        return r < 0 ? r : 0;
    r = record_put(x->kv, &state_alarm_type, key, x->arena, &alarm, x->err);
    return r < 0 ? r : add_event(x, "alarm.set", alarm.name, STR_FMT, STR_ARG(alarm.text));
}

int apply_alarm_clear(struct apply *x)
{
    struct str name = value_get_str(x->body, "name");

    if (name.len == 0 || name.len > STATE_NAME_MAX)
        return refuse(x, HL_EINVAL, "an alarm needs a name");
    int r = x->kv->del(x->kv->context, key_of(x->arena, "alarm/", name), x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : 0;
    return add_event(x, "alarm.cleared", name, "over");
}
