/*
 * Commands on their way. A proposal has no answer of its own: its outcome is seen when the entry is
 * applied, found again by (client id, sequence). Who waits too long is told that the outcome is
 * unknown; a retry with the same sequence is harmless (decision D1).
 */
#include "coordinator/fleet.h"

#include <string.h>

#include "core/value/json.h"
#include "edge/wire/messages.h"

void propose_command(struct fleet *f, const char *name, struct str author, struct str client_id,
                     uint64_t sequence, const struct value *body, uint64_t tag)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    json_write(&text, body, JSON_COMPACT);
    struct command c = {
        .name = str_from(name),
        .client_id = client_id,
        .sequence = sequence,
        .author = author,
        .wall_ms = clock_wall_ms(),
        .body = buf_str(&text),
    };
    wire_command_encode(&bytes, &c);
    struct msg *m = msg_new(MSG_PROPOSE, true);
    struct str *data = arena_one(m->arena, struct str);
    *data = arena_dup(m->arena, buf_str(&bytes));
    m->body = data;
    m->number = tag;
    if (!mailbox_post_or_drop(f->c->boxes->consensus, m))
        pending_refused(f, tag, RAFT_REFUSED_FULL);
}

struct pending *pending_add(struct fleet *f, struct msg **inbound, struct str client_id,
                            uint64_t sequence)
{
    if (f->pending_count == PENDING_MAX)
        return NULL;
    struct pending *p = &f->pending[f->pending_count++];
    *p = (struct pending){
        .tag = ++f->next_tag,
        .since_ms = fleet_now(),
        .inbound = *inbound,
        .client_id = client_id,
        .sequence = sequence,
    };
    *inbound = NULL;
    return p;
}

void pending_drop(struct fleet *f, struct pending *p)
{
    msg_free(p->inbound);
    *p = f->pending[--f->pending_count];
}

static void tell(struct fleet *f, const struct pending *p, int code, struct str text,
                 struct str body)
{
    const struct wire_inbound *in = p->inbound->body;

    if (in->door == DOOR_CLIENT)
        answer_result(f, in, code, text, body);
    else
        answer_enrol(f, in,
                     code == 0          ? WIRE_ENROL_APPROVED
                     : code == HL_ETEMP ? WIRE_ENROL_RETRY
                                        : WIRE_ENROL_REFUSED,
                     text);
}

static struct pending *find_tag(struct fleet *f, uint64_t tag)
{
    for (size_t i = 0; i < f->pending_count; i++) {
        if (f->pending[i].tag == tag)
            return &f->pending[i];
    }
    return NULL;
}

void pending_refused(struct fleet *f, uint64_t tag, enum raft_refusal why)
{
    static const char *const texts[] = {
        [RAFT_REFUSED_NO_LEADER] = "there is no leader now",
        [RAFT_REFUSED_FULL] = "too many changes are waiting to be agreed on",
        [RAFT_REFUSED_TOO_LARGE] = "the change is too large",
        [RAFT_REFUSED_DISK] = "the disk of this coordinator failed",
    };
    struct pending *p = tag ? find_tag(f, tag) : NULL;

    f->plan_asked_ms = -1;
    if (!p)
        return;
    tell(f, p, why == RAFT_REFUSED_TOO_LARGE ? HL_ELIMIT : HL_ETEMP, str_from(texts[why]),
         STR_NONE);
    pending_drop(f, p);
}

void pending_applied(struct fleet *f, const struct command *c, const struct state_result *result)
{
    if (c->client_id.len == 0)
        return;
    for (size_t i = 0; i < f->pending_count; i++) {
        struct pending *p = &f->pending[i];

        if (p->sequence != c->sequence || !str_eq(p->client_id, c->client_id))
            continue;
        tell(f, p, result->code, result->text, result->body);
        pending_drop(f, p);
        return;
    }
}

/* ---- reads ---- */

void pending_read_ready(struct fleet *f, uint64_t tag, uint64_t index)
{
    struct pending *p = find_tag(f, tag);

    if (p)
        p->read_index = index > 0 ? index : 1;
}

void pending_serve_reads(struct fleet *f)
{
    for (size_t i = f->pending_count; i-- > 0;) {
        struct pending *p = &f->pending[i];

        if (p->client_id.len > 0 || p->read_index == 0 || p->read_index > f->applied)
            continue;
        answer_read(f, p->inbound->body);
        pending_drop(f, p);
    }
}

void pending_expire(struct fleet *f, int64_t now_ms)
{
    for (size_t i = f->pending_count; i-- > 0;) {
        struct pending *p = &f->pending[i];

        if (now_ms - p->since_ms < PENDING_MS)
            continue;
        tell(f, p, HL_ETIMEOUT, STR("not agreed on in time; whether it will be is unknown"),
             STR_NONE);
        pending_drop(f, p);
    }
}

/* ---- the schedule's proposals ---- */

static void propose_agent_state(struct fleet *f, struct str node, const char *state)
{
    struct value *body = value_map(f->scratch);

    value_map_set_str(f->scratch, body, "name", node);
    value_map_set_str(f->scratch, body, "state", str_from(state));
    propose_command(f, "agent.state", STR("coordinator"), STR_NONE, 0, body, 0);
}

void step_schedule(struct fleet *f, int64_t now_ms)
{
    struct sched_effects effects;

    sched_step(f->sched, now_ms, f->scratch, &effects);
    f->is_sched_due = false;
    f->sched_due_ms = effects.wake_ms;
    for (size_t i = 0; i < effects.lost_count; i++)
        propose_agent_state(f, effects.lost[i], "lost");
    for (size_t i = 0; i < effects.alive_count; i++)
        propose_agent_state(f, effects.alive[i], "alive");
    for (size_t i = 0; i < effects.assign_count; i++) {
        struct value *body = value_map(f->scratch);

        value_map_set_str(f->scratch, body, "key", effects.assign[i].key);
        value_map_set_str(f->scratch, body, "input", effects.assign[i].input);
        value_map_set_str(f->scratch, body, "agent", effects.assign[i].agent);
        propose_command(f, "work.assign", STR("coordinator"), STR_NONE, 0, body, 0);
    }
}
