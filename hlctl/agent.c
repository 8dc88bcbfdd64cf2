/* Agents, and nodes: the same facts seen from the machine. */
#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

static const struct column agent_columns[] = {
    {"NAME", "name", CELL_TEXT, false},
    {"STATE", "state", CELL_STATE, false},
    {"ROLES", "roles", CELL_LIST, false},
    {"LEASES", "leases", CELL_TEXT, false},
    {"LAST SEEN", "age_ms", CELL_AGE, false},
    {"VERSION", "version", CELL_TEXT, false},
    {"MEMORY", "rss_bytes", CELL_BYTES, false},
    {"ADDRESS", "address", CELL_TEXT, true},
    {"KEY", "key", CELL_TEXT, true},
    {"REASON", "reason", CELL_TEXT, false},
};

static const struct column node_columns[] = {
    {"NAME", "name", CELL_TEXT, false},        {"ADDRESS", "address", CELL_TEXT, false},
    {"STATE", "state", CELL_STATE, false},     {"ROLES", "roles", CELL_LIST, false},
    {"AGENT", "version", CELL_TEXT, false},    {"LAST SEEN", "age_ms", CELL_AGE, false},
    {"MEMORY", "rss_bytes", CELL_BYTES, true}, {"TASKS", "leases", CELL_TEXT, false},
};

static int list(struct hlctl *h, const char *noun, const struct column *columns, size_t count,
                struct trouble *t)
{
    struct answer answer;
    int rc = client_call(h, CALL_READ, "agents", NULL, &answer, t);

    if (rc == 0)
        output_list(h, &answer, "AgentList", noun, items_of(h, &answer, "items"), columns, count);
    return rc;
}

int agent_list_run(struct hlctl *h, struct trouble *t)
{
    return list(h, "agent", agent_columns, HL_COUNT(agent_columns), t);
}

int node_list_run(struct hlctl *h, struct trouble *t)
{
    return list(h, "node", node_columns, HL_COUNT(node_columns), t);
}

int agent_revoke_run(struct hlctl *h, struct trouble *t)
{
    struct value *body = value_map(h->arena);
    struct str name = invocation_arg(h->in, 0);
    struct answer answer;

    value_map_set_str(h->arena, body, "name", name);
    value_map_set_str(h->arena, body, "reason", flag_text(h->in, "reason"));
    int rc = client_call(h, CALL_CHANGE, "agent.revoke", body, &answer, t);
    if (rc == 0)
        output_done(h, &answer, "AgentRevocation", "agent", name, "revoked");
    return rc;
}
