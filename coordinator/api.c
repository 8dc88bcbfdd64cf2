/*
 * The clients' door: one table of methods with the role each needs. A read waits for a read index,
 * so that it shows everything that was acknowledged before it was asked; a change waits for its
 * entry to be applied.
 */
#include "coordinator/fleet.h"

#include <string.h>

#include "core/value/json.h"
#include "edge/actor/log.h"

enum {
    ANYBODY = WIRE_ROLE_VIEWER | WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN,
    OPERATORS = WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN,
    ADMINS = WIRE_ROLE_ADMIN,
};

/* ---- answers ---- */

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

static void post_reply(struct fleet *f, const struct wire_connection *to, uint64_t id,
                       const struct wire_reply *reply)
{
    struct arena *a = fleet_out_arena(f);
    struct out *o = fleet_out(f);
    struct wire_reply *r = &o->message.reply;

    o->to = *to;
    o->message.kind = WIRE_REPLY;
    *r = *reply;
    struct str *texts[] = {&r->error_id, &r->error, &r->next, &r->body};
    for (size_t i = 0; i < HL_COUNT(texts); i++)
        *texts[i] = arena_dup(a, *texts[i]);
    r->id = id;
    r->revision = r->revision ? r->revision : f->applied;
    r->leader = f->status.leader;
    r->is_leader = f->is_leader;
}

void answer(struct fleet *f, const struct pending *p, const struct wire_reply *reply)
{
    post_reply(f, &p->to, p->request_id, reply);
}

void answer_error(struct fleet *f, const struct pending *p, int code, struct str text)
{
    struct wire_reply reply = {
        .code = code, .error_id = str_from(error_id_of(code)), .error = text};

    answer(f, p, &reply);
}

void answer_request(struct fleet *f, const struct wire_inbound *in, int code, const char *error_id,
                    struct str text)
{
    struct wire_reply reply = {
        .code = code,
        .error_id = str_from(error_id[0] ? error_id : error_id_of(code)),
        .error = text,
    };

    post_reply(f, &in->from, in->message.request.id, &reply);
}

int64_t age_of_state(const struct fleet *f)
{
    return f->is_leader ? 0 : fleet_now() - f->status_ms;
}

void answer_document(struct fleet *f, const struct pending *p, const struct value *document)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    json_write(&text, document, JSON_COMPACT);
    struct wire_reply reply = {.body = buf_str(&text), .age_ms = age_of_state(f)};
    answer(f, p, &reply);
}

/* ---- reads ---- */

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

static void document_serve(struct fleet *f, const struct pending *p)
{
    struct value *document = NULL;
    struct value *body;
    struct err err;

    int r = json_read(f->scratch, p->body.len ? p->body : STR("{}"), STR("request"), &body, &err);
    if (r == 0)
        r = p->method->document(f, body, &document, &err);
    if (r < 0)
        answer_error(f, p, r, str_from(err.text));
    else
        answer_document(f, p, document);
}

static bool is_read_served(struct fleet *f, struct pending *p)
{
    if (p->wanted == 0 || p->wanted > f->applied)
        return false;
    p->method->serve(f, p);
    return true;
}

static void read_start(struct fleet *f, const struct method *method, const struct wire_inbound *in)
{
    const struct wire_request *request = &in->message.request;
    struct pending now = {
        .method = method, .to = in->from, .request_id = request->id, .body = request->body};

    if (request->is_stale_ok && method->is_read)
        method->serve(f, &now);
    else
        wait_read(f, method, in, is_read_served);
}

/* ---- changes ---- */

struct value *request_body(struct fleet *f, const struct wire_inbound *in)
{
    const struct wire_request *request = &in->message.request;
    struct value *body;
    struct err err;

    if (json_read(f->scratch, request->body.len ? request->body : STR("{}"), STR("request"), &body,
                  &err) == 0)
        return body;
    answer_request(f, in, HL_EINVAL, "", str_from(err.text));
    return NULL;
}

static void change_start(struct fleet *f, const struct method *method,
                         const struct wire_inbound *in)
{
    const struct wire_request *request = &in->message.request;
    struct value *body = request_body(f, in);

    if (!body)
        return;
    log_info("asked", "method=" STR_FMT " by=" STR_FMT " address=%s", STR_ARG(request->method),
             STR_ARG(in->name), in->address);
    if (wait_command(f, method, in, request->client_id, request->sequence))
        propose_command(f, method->command, in->name, request->client_id, request->sequence, body);
}

/* ---- methods ---- */

#define DOCUMENT(name, roles, read)                                                                \
    {                                                                                              \
        STR(name), roles, false, true, read_start, NULL, document_serve, read                      \
    }
#define READ(name, roles, serve)                                                                   \
    {                                                                                              \
        STR(name), roles, false, true, read_start, NULL, serve, NULL                               \
    }
#define CHANGE(name, roles, command)                                                               \
    {                                                                                              \
        STR(name), roles, false, false, change_start, command, NULL, NULL                          \
    }
#define OTHER(name, roles, start)                                                                  \
    {                                                                                              \
        STR(name), roles, false, false, start, NULL, NULL, NULL                                    \
    }

static const struct method methods[] = {
    DOCUMENT("status", ANYBODY, read_status),
    DOCUMENT("apps", ANYBODY, read_apps),
    DOCUMENT("app.get", ANYBODY, read_app),
    DOCUMENT("agents", ANYBODY, read_agents),
    DOCUMENT("nodes", ANYBODY, read_agents),
    DOCUMENT("events", ANYBODY, read_events),
    DOCUMENT("raft.members", ANYBODY, read_members),
    DOCUMENT("token.list", ADMINS, read_tokens),
    CHANGE("sync", OPERATORS, "app.sync"),
    CHANGE("token.create", ADMINS, "token.create"),
    CHANGE("token.revoke", ADMINS, "token.revoke"),
    CHANGE("agent.revoke", ADMINS, "agent.revoke"),
    {STR("kv.put"), OPERATORS, false, false, kv_change_start, "setting.put", NULL, NULL},
    {STR("kv.delete"), OPERATORS, false, false, kv_change_start, "setting.delete", NULL, NULL},
    READ("kv.get", ANYBODY, kv_get_serve),
    READ("kv.list", ANYBODY, kv_list_serve),
    {STR("kv.watch"), ANYBODY, false, true, kv_watch_start, NULL, NULL, NULL},
    OTHER("raft.change", ADMINS, raft_change_start),
    OTHER("raft.transfer", ADMINS, raft_transfer_start),
    {STR("raft.compact"), ADMINS, false, false, base_start, NULL, raft_compact_serve, NULL},
    {STR("raft.status"), ANYBODY, true, false, raft_status_start, NULL, NULL, NULL},
    {STR("snapshot.begin"), ADMINS, false, false, base_start, NULL, snapshot_begin_serve, NULL},
    OTHER("snapshot.piece", ADMINS, snapshot_piece_start),
};

static const struct method *find_method(struct str name)
{
    for (size_t i = 0; i < HL_COUNT(methods); i++) {
        if (str_eq(methods[i].name, name))
            return &methods[i];
    }
    return NULL;
}

/* A command that cannot be found again, or is too large for the log, is not begun. */
static const char *flaw_of(const struct method *method, const struct wire_request *request)
{
    if (!method->command)
        return NULL;
    if (request->client_id.len == 0 || request->client_id.len > STATE_CLIENT_MAX)
        return "a change needs a client id of at most 128 bytes";
    return request->body.len > COMMAND_BODY_MAX ? "the change is too large: 500 KiB at most" : NULL;
}

void handle_request(struct fleet *f, const struct wire_inbound *in)
{
    const struct wire_request *request = &in->message.request;
    const struct method *method = find_method(request->method);

    if (!method) {
        answer_request(f, in, HL_EUNSUPPORTED, "",
                       arena_printf(f->scratch,
                                    "no method \"" STR_FMT "\" here: hlctl may be newer",
                                    STR_ARG(request->method)));
    } else if ((wire_role_of(in->role) & method->roles) == 0) {
        answer_request(f, in, HL_EDENIED, "HL-AUTH-05",
                       arena_printf(f->scratch, "\"" STR_FMT "\" is not for role " STR_FMT,
                                    STR_ARG(request->method), STR_ARG(in->role)));
    } else if (!f->is_leader && !method->is_local && !(request->is_stale_ok && method->is_read)) {
        answer_request(f, in, HL_ETEMP, "HL-NET-02", STR("this coordinator does not lead"));
    } else if (flaw_of(method, request)) {
        answer_request(f, in, HL_EINVAL, "", str_from(flaw_of(method, request)));
    } else {
        method->start(f, method, in);
    }
}
