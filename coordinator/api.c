/*
 * The clients' door: one table of methods with the role each needs. A read waits for a read index,
 * so that it shows everything that was acknowledged before it was asked; a change waits for its
 * entry to be applied.
 */
#include "coordinator/fleet.h"

#include <string.h>

#include "core/value/json.h"
#include "edge/actor/log.h"

enum method_kind { METHOD_READ, METHOD_CHANGE };

struct method {
    struct str name;
    enum method_kind kind;
    unsigned roles;
    const char *command; /* of a change */
    int (*document)(struct fleet *f, const struct value *body, struct value **out, struct err *err);
};

enum {
    ANYBODY = WIRE_ROLE_VIEWER | WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN,
    OPERATORS = WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN,
    ADMINS = WIRE_ROLE_ADMIN,
};

static int read_status(struct fleet *f, const struct value *body, struct value **out,
                       struct err *err)
{
    (void)body;
    return document_status(f, out, err);
}

static int read_apps(struct fleet *f, const struct value *body, struct value **out, struct err *err)
{
    (void)body;
    return document_apps(f, out, err);
}

static int read_app(struct fleet *f, const struct value *body, struct value **out, struct err *err)
{
    return document_app(f, value_get_str(body, "name"), out, err);
}

static int read_agents(struct fleet *f, const struct value *body, struct value **out,
                       struct err *err)
{
    (void)body;
    return document_agents(f, out, err);
}

static int read_events(struct fleet *f, const struct value *body, struct value **out,
                       struct err *err)
{
    return document_events(f, value_get_int(body, "after", 0), value_get_int(body, "limit", 100),
                           out, err);
}

static int read_members(struct fleet *f, const struct value *body, struct value **out,
                        struct err *err)
{
    (void)body;
    return document_members(f, out, err);
}

static int read_tokens(struct fleet *f, const struct value *body, struct value **out,
                       struct err *err)
{
    (void)body;
    return document_tokens(f, out, err);
}

static const struct method methods[] = {
    {STR("status"), METHOD_READ, ANYBODY, NULL, read_status},
    {STR("apps"), METHOD_READ, ANYBODY, NULL, read_apps},
    {STR("app.get"), METHOD_READ, ANYBODY, NULL, read_app},
    {STR("agents"), METHOD_READ, ANYBODY, NULL, read_agents},
    {STR("nodes"), METHOD_READ, ANYBODY, NULL, read_agents},
    {STR("events"), METHOD_READ, ANYBODY, NULL, read_events},
    {STR("raft.members"), METHOD_READ, ANYBODY, NULL, read_members},
    {STR("token.list"), METHOD_READ, ADMINS, NULL, read_tokens},
    {STR("sync"), METHOD_CHANGE, OPERATORS, "app.sync", NULL},
    {STR("token.create"), METHOD_CHANGE, ADMINS, "token.create", NULL},
    {STR("token.revoke"), METHOD_CHANGE, ADMINS, "token.revoke", NULL},
    {STR("agent.revoke"), METHOD_CHANGE, ADMINS, "agent.revoke", NULL},
};

static const struct method *find_method(struct str name)
{
    for (size_t i = 0; i < HL_COUNT(methods); i++) {
        if (str_eq(methods[i].name, name))
            return &methods[i];
    }
    return NULL;
}

/* ---- answers ---- */

static void post_reply(struct fleet *f, const struct wire_inbound *in, struct wire_reply *reply)
{
    struct msg *m = msg_new(MSG_ANSWER, true);
    struct answer *answer = arena_one(m->arena, struct answer);
    struct str *texts[] = {&reply->error_id, &reply->error, &reply->next, &reply->file,
                           &reply->body};

    for (size_t i = 0; i < HL_COUNT(texts); i++)
        *texts[i] = arena_dup(m->arena, *texts[i]);
    reply->id = in->message.request.id;
    reply->revision = f->applied;
    reply->leader = f->status.leader;
    reply->is_leader = f->is_leader;
    answer->to = in->from;
    answer->message.kind = WIRE_REPLY;
    answer->message.reply = *reply;
    m->body = answer;
    mailbox_post_or_drop(f->c->boxes->net, m);
}

static const char *error_id_of(int code)
{
    switch (code) {
    case HL_EDENIED:
        return "HL-AUTH-05";
    case HL_ETEMP:
        return "HL-NET-02";
    default:
        return "";
    }
}

void answer_error(struct fleet *f, const struct wire_inbound *in, int code, const char *error_id,
                  struct str text)
{
    struct wire_reply reply = {
        .code = code,
        .error_id = str_from(error_id[0] ? error_id : error_id_of(code)),
        .error = text,
    };

    post_reply(f, in, &reply);
}

void answer_result(struct fleet *f, const struct wire_inbound *in, int code, struct str text,
                   struct str body)
{
    struct wire_reply reply = {.body = body.len ? body : STR("{}")};

    if (code != 0)
        answer_error(f, in, code, "", text);
    else
        post_reply(f, in, &reply);
}

/* How old what we know is: nothing when we lead, else since the leader was last heard of. */
static int64_t age_of_state(const struct fleet *f)
{
    return f->is_leader ? 0 : fleet_now() - f->status_ms;
}

void answer_read(struct fleet *f, const struct wire_inbound *in)
{
    const struct wire_request *request = &in->message.request;
    const struct method *method = find_method(request->method);
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *document = NULL;
    struct statedb_view *view;
    struct value *body;
    uint64_t applied;
    struct err err;

    int r = json_read(f->scratch, request->body.len ? request->body : STR("{}"), STR("request"),
                      &body, &err);
    if (r == 0)
        r = statedb_view_begin(f->c->db, &view, &f->kv, &applied, &err);
    if (r == 0) {
        r = method->document(f, body, &document, &err);
        if (r == 0)
            json_write(&text, document, JSON_COMPACT);
        statedb_view_end(view);
        f->kv = (struct kv){0};
    }
    if (r < 0) {
        answer_error(f, in, r, "", str_from(err.text));
        return;
    }
    struct wire_reply reply = {.body = buf_str(&text), .age_ms = age_of_state(f)};
    post_reply(f, in, &reply);
}

/* ---- requests ---- */

static void start_read(struct fleet *f, struct msg **m)
{
    const struct wire_inbound *in = (*m)->body;

    if (in->message.request.is_stale_ok) {
        answer_read(f, in);
        return;
    }
    struct pending *p = pending_add(f, m, STR_NONE, 0);
    if (!p) {
        answer_error(f, in, HL_ETEMP, "", STR("too many requests are waiting"));
        return;
    }
    struct msg *read = msg_new(MSG_READ, false);
    read->number = p->tag;
    if (!mailbox_post_or_drop(f->c->boxes->consensus, read))
        pending_refused(f, p->tag, RAFT_REFUSED_FULL);
}

static void start_change(struct fleet *f, const struct method *method, struct msg **m)
{
    const struct wire_inbound *in = (*m)->body;
    const struct wire_request *request = &in->message.request;
    struct value *body;
    struct err err;

    int r = json_read(f->scratch, request->body.len ? request->body : STR("{}"), STR("request"),
                      &body, &err);
    if (r < 0 || request->client_id.len == 0 || request->client_id.len > 128) {
        answer_error(f, in, HL_EINVAL, "", STR("a change needs a JSON body and a client id"));
        return;
    }
    log_info("asked", "method=" STR_FMT " by=" STR_FMT " address=%s", STR_ARG(request->method),
             STR_ARG(in->name), in->address);
    struct pending *p = pending_add(f, m, request->client_id, request->sequence);
    if (!p) {
        answer_error(f, in, HL_ETEMP, "", STR("too many requests are waiting"));
        return;
    }
    propose_command(f, method->command, in->name, request->client_id, request->sequence, body,
                    p->tag);
}

void handle_request(struct fleet *f, struct msg **m)
{
    const struct wire_inbound *in = (*m)->body;
    const struct wire_request *request = &in->message.request;
    const struct method *method = find_method(request->method);

    if (!method) {
        answer_error(f, in, HL_EUNSUPPORTED, "",
                     arena_printf(f->scratch, "no method \"" STR_FMT "\" here: hlctl may be newer",
                                  STR_ARG(request->method)));
    } else if ((wire_role_of(in->role) & method->roles) == 0) {
        answer_error(f, in, HL_EDENIED, "HL-AUTH-05",
                     arena_printf(f->scratch, "\"" STR_FMT "\" is not for role " STR_FMT,
                                  STR_ARG(request->method), STR_ARG(in->role)));
    } else if (!f->is_leader && !(request->is_stale_ok && method->kind == METHOD_READ)) {
        answer_error(f, in, HL_ETEMP, "HL-NET-02", STR("this coordinator does not lead"));
    } else if (method->kind == METHOD_READ) {
        start_read(f, m);
    } else {
        start_change(f, method, m);
    }
}
