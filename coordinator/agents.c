/*
 * The agents' door. Who speaks is the name that the key was enrolled under, never what a message
 * claims: an agent reports only on its own leases (decision D15).
 */
#include "coordinator/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/actor/log.h"

enum { SEND_AGAIN_MS = 2000 };

/* Lost on the way, it is sent again until it is acknowledged. */
static struct wire_message *tell_agent(struct fleet *f, struct str name, enum wire_kind kind)
{
    struct out *o = fleet_out(f);

    o->agent = arena_dup(fleet_out_arena(f), name);
    o->message.kind = kind;
    return &o->message;
}

/* ---- what agents say ---- */

static struct heard *hear(struct fleet *f, const struct wire_inbound *in)
{
    struct heard *h = map_get(f->heard, in->name);

    if (!h) {
        h = hl_calloc(1, sizeof(*h));
        h->node = str_dup(in->name);
        map_set(f->heard, in->name, h);
    }
    h->at_ms = fleet_now();
    memcpy(h->address, in->address, sizeof(h->address));
    return h;
}

static void welcome(struct fleet *f, const struct wire_inbound *in, uint64_t sequence)
{
    tell_agent(f, in->name, WIRE_WELCOME)->welcome = (struct wire_welcome){
        .member = f->status.id,
        .is_leader = f->is_leader,
        .leader = f->status.leader,
        .term = f->status.term,
        .heartbeat_ms = f->c->config->agent_heartbeat_ms,
        .lost_after_ms = LOST_HEARTBEATS * f->c->config->agent_heartbeat_ms,
        .sequence = sequence,
    };
}

static bool holds(const struct wire_heartbeat *beat, const struct sent *s)
{
    for (size_t i = 0; i < beat->lease_count; i++) {
        if (beat->lease[i].epoch == s->epoch && str_eq(beat->lease[i].key, s->key))
            return true;
    }
    return false;
}

/* Work that the agent does not speak of was lost on the way, or with its last process. */
static void send_lost_work_again(struct fleet *f, const struct wire_inbound *in,
                                 const struct wire_heartbeat *beat)
{
    struct state_app app;
    struct err err;

    for (size_t i = 0; i < map_count(f->sent); i++) {
        struct sent *s = map_value_at(f->sent, i);

        if (!str_eq(s->node, in->name) || holds(beat, s) || fleet_now() - s->at_ms < SEND_AGAIN_MS)
            continue;
        if (state_app_get(f->kv, s->key, f->scratch, &app, &err) == KV_FOUND &&
            str_eq(app.phase, STR("leased")) && (uint64_t)app.epoch == s->epoch)
            send_work(f, &app);
    }
}

static void handle_heartbeat(struct fleet *f, const struct wire_inbound *in)
{
    const struct wire_heartbeat *beat = &in->message.heartbeat;
    struct heard *h = hear(f, in);

    h->rss_bytes = beat->rss_bytes;
    h->lease_count = beat->lease_count;
    welcome(f, in, beat->sequence);
    if (!f->is_leader)
        return;
    sched_heard(f->sched, in->name, beat->free_slots, h->at_ms);
    f->is_sched_due = true;
    if (map_count(f->sent) > 0)
        send_lost_work_again(f, in, beat);
}

static struct value *objects_value(struct arena *a, const struct wire_object *object, size_t count)
{
    struct value *list = value_list(a);

    for (size_t i = 0; i < count; i++) {
        struct value *v = value_map(a);

        value_map_set_str(a, v, "id", object[i].id);
        value_map_set_str(a, v, "digest", object[i].digest);
        value_map_set_str(a, v, "handle", object[i].handle);
        value_list_add(a, list, v);
    }
    return list;
}

static void handle_report(struct fleet *f, const struct wire_inbound *in)
{
    static const char *const outcomes[] = {"", "ok", "transient", "permanent", "superseded"};
    const struct wire_report *r = &in->message.report;
    struct arena *a = f->scratch;
    struct value *body = value_map(a);
    char hex[DIGEST_HEX + 1];

    if (!f->is_leader)
        return; /* it is said again, to who leads */
    value_map_set_str(a, body, "key", r->key);
    value_map_set_str(a, body, "agent", in->name);
    value_map_set_int(a, body, "epoch", (int64_t)r->epoch);
    value_map_set_str(a, body, "input", arena_dup(a, str_from(digest_hex(&r->input, hex))));
    value_map_set_str(a, body, "outcome", str_from(outcomes[r->outcome]));
    value_map_set_str(a, body, "message", r->message);
    value_map_set_str(a, body, "file", r->file);
    value_map_set_int(a, body, "line", r->line);
    value_map_set_int(a, body, "column", r->column);
    value_map_set_str(a, body, "commit", r->commit);
    value_map_set_str(a, body, "health", r->health);
    value_map_set(a, body, STR("objects"), objects_value(a, r->object, r->object_count));
    value_map_set_int(a, body, "took_ms", r->took_ms);
    value_map_set_int(a, body, "changed", r->changed_count);
    value_map_set_int(a, body, "pruned", r->pruned_count);
    propose_command(f, "work.report", in->name, STR_NONE, 0, body);
}

static void handle_blob_get(struct fleet *f, const struct wire_inbound *in)
{
    const struct wire_blob_get *get = &in->message.blob_get;
    struct wire_blob_chunk *chunk = &tell_agent(f, in->name, WIRE_BLOB_CHUNK)->blob_chunk;
    struct err err;

    chunk->digest = get->digest;
    chunk->offset = get->offset;
    chunk->is_absent = blobs_read(f->c->blobs, &get->digest, get->offset, WIRE_BLOB_CHUNK_MAX,
                                  fleet_out_arena(f), &chunk->bytes, &chunk->total, &err) < 0;
}

/* A state that has not caught up yet may not know that an agent was revoked. */
void handle_agent(struct fleet *f, const struct wire_inbound *in)
{
    if (!f->is_current)
        return;
    switch (in->message.kind) {
    case WIRE_HELLO:
        fleet_replace(&hear(f, in)->version, in->message.hello.version);
        welcome(f, in, 0);
        break;
    case WIRE_HEARTBEAT:
        handle_heartbeat(f, in);
        break;
    case WIRE_REPORT:
        handle_report(f, in);
        break;
    case WIRE_BLOB_GET:
        handle_blob_get(f, in);
        break;
    default:
        break;
    }
}

/* ---- what agents are told ---- */

static void remember_sent(struct fleet *f, const struct state_app *app)
{
    struct sent *s = map_get(f->sent, app->name);

    if (!s) {
        s = hl_calloc(1, sizeof(*s));
        s->key = str_dup(app->name);
        map_set(f->sent, app->name, s);
    }
    fleet_replace(&s->node, app->agent);
    s->epoch = (uint64_t)app->epoch;
    s->at_ms = fleet_now();
}

static void read_ledger(struct fleet *f, const struct state_app *app, struct arena *a,
                        struct wire_work *work)
{
    struct value *ledger;
    struct err err;

    if (state_ledger_get(f->kv, app->name, a, &ledger, &err) != KV_FOUND ||
        ledger->kind != VALUE_LIST)
        return;
    work->ledger = arena_array(a, struct wire_object, ledger->list.count);
    for (size_t i = 0; i < ledger->list.count; i++)
        work->ledger[work->ledger_count++] = (struct wire_object){
            .id = value_get_str(ledger->list.item[i], "id"),
            .digest = value_get_str(ledger->list.item[i], "digest"),
            .handle = value_get_str(ledger->list.item[i], "handle"),
        };
}

void send_work(struct fleet *f, const struct state_app *app)
{
    struct arena *a = fleet_out_arena(f);
    struct wire_work work = {
        .key = arena_dup(a, app->name),
        .epoch = (uint64_t)app->epoch,
        .term = f->status.term,
        .cluster = arena_dup(a, app->cluster),
        .commit = arena_dup(a, app->commit),
        .bundle_bytes = (uint64_t)app->bundle_bytes,
        .is_takeover = app->takeover,
        .is_deletion = app->deleting,
        .is_forced = app->forced,
    };

    remember_sent(f, app);
    if (!digest_parse(app->input, &work.input) ||
        (!app->deleting && !digest_parse(app->bundle, &work.bundle))) {
        log_error("work with a broken digest is not sent", "app=" STR_FMT, STR_ARG(app->name));
        return;
    }
    read_ledger(f, app, a, &work);
    tell_agent(f, app->agent, WIRE_WORK)->work = work;
}

void call_off_work(struct fleet *f, struct str key, const struct state_app *now)
{
    struct sent *s = map_get(f->sent, key);

    if (!s || (now && str_eq(now->phase, STR("leased")) && (uint64_t)now->epoch == s->epoch))
        return;
    bool is_reported =
        now && (str_eq(now->phase, STR("idle")) || str_eq(now->phase, STR("failed")) ||
                str_eq(now->phase, STR("waiting")));
    if (!is_reported) {
        struct str copy = arena_dup(fleet_out_arena(f), key);

        tell_agent(f, s->node, WIRE_CANCEL)->cancel = (struct wire_cancel){
            .key = copy,
            .epoch = s->epoch,
            .reason = STR("superseded"),
        };
    }
    map_remove(f->sent, key);
    str_free(s->key);
    str_free(s->node);
    free(s);
}

void send_report_ack(struct fleet *f, struct str node, struct str key, uint64_t epoch,
                     const struct state_result *result)
{
    struct wire_report_ack ack = {
        .key = arena_dup(fleet_out_arena(f), key),
        .epoch = epoch,
        .is_accepted = result->code == 0,
        .reason = arena_dup(fleet_out_arena(f), result->text),
    };

    tell_agent(f, node, WIRE_REPORT_ACK)->report_ack = ack;
}

/* ---- enrolment ---- */

void answer_enrol(struct fleet *f, const struct wire_connection *to, enum wire_enrol_status status,
                  struct str text)
{
    struct out *o = fleet_out(f);

    o->to = *to;
    o->message.kind = WIRE_ENROL_REPLY;
    o->message.enrol_reply =
        (struct wire_enrol_reply){.status = status, .text = arena_dup(fleet_out_arena(f), text)};
}

/* The answer to an earlier enrolment was lost: the token is used up, but by this very key. */
static bool is_enrolled(struct fleet *f, const struct wire_enrol *e)
{
    struct state_agent agent;
    char text[KEY_TEXT + 1];
    struct err err;

    return state_agent_get(f->kv, e->node, f->scratch, &agent, &err) == KV_FOUND &&
           str_eq(agent.status, STR("active")) &&
           str_eq(agent.key, str_from(key_text(&e->agent_key, text)));
}

static bool is_proven(struct fleet *f, const struct wire_inbound *in, bool *out_is_known)
{
    const struct wire_enrol *e = &in->message.enrol;
    const struct roster_member *self = roster_find(f->c->roster, f->c->config->member);
    struct state_token token;
    struct digest hash;
    struct err err;

    *out_is_known = state_token_get(f->kv, e->token_id, f->scratch, &token, &err) == KV_FOUND;
    if (!*out_is_known || !digest_parse(token.hash, &hash))
        return false;
    struct digest proof = token_proof(&hash, &self->key[DOOR_ENROL], &e->agent_key, e->node,
                                      str_from(f->c->roster->mesh));
    return keys_equal(proof.bytes, e->proof.bytes, DIGEST_BYTES);
}

/* Any coordinator may be asked; a follower's proposal goes to the leader through consensus. */
void handle_enrol(struct fleet *f, const struct wire_inbound *in)
{
    const struct wire_enrol *e = &in->message.enrol;
    struct arena *a = f->scratch;
    struct value *body = value_map(a);
    char text[KEY_TEXT + 1];
    bool is_known;

    /* The connection is authenticated by this key: who holds it may hear that it is enrolled. */
    if (key_eq(&in->key, &e->agent_key) && is_enrolled(f, e)) {
        answer_enrol(f, &in->from, WIRE_ENROL_APPROVED, STR("enrolled before"));
        return;
    }
    if (!is_proven(f, in, &is_known)) {
        log_warn("enrolment refused", "node=" STR_FMT " address=%s token=" STR_FMT,
                 STR_ARG(e->node), in->address, STR_ARG(e->token_id));
        if (is_known) {
            value_map_set_str(a, body, "id", e->token_id);
            propose_command(f, "token.strike", STR("coordinator"), STR_NONE, 0, body);
        }
        answer_enrol(f, &in->from, is_known ? WIRE_ENROL_REFUSED : WIRE_ENROL_RETRY,
                     is_known ? STR("the proof does not match the token")
                              : STR("the token is unknown here, used up or expired"));
        return;
    }
    key_text(&e->agent_key, text);
    value_map_set_str(a, body, "token", e->token_id);
    value_map_set_str(a, body, "node", e->node);
    value_map_set_str(a, body, "key", arena_dup(a, str_from(text)));
    struct str client = arena_printf(a, "enrol/" STR_FMT "/%s", STR_ARG(e->token_id), text);
    if (wait_command(f, NULL, in, client, 1))
        propose_command(f, "agent.enroll", e->node, client, 1, body);
}
