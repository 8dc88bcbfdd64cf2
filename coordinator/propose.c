/* Commands on their way into the log: those of one turn go to consensus together. */
#include "coordinator/fleet.h"

#include <string.h>

#include "core/value/json.h"
#include "edge/actor/log.h"

enum { FLUSH_BYTES = 512 << 10 };

void propose_bytes(struct fleet *f, const char *name, struct str author, struct str client_id,
                   uint64_t sequence, struct str body)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct command c = {
        .name = str_from(name),
        .client_id = client_id,
        .sequence = sequence,
        .author = author,
        .wall_ms = clock_wall_ms(),
        .body = body,
    };

    if (!f->proposals) {
        f->proposals = msg_new(MSG_PROPOSE, true);
        f->proposals->body = arena_one(f->proposals->arena, struct proposals);
    }
    struct proposals *all = f->proposals->body;
    wire_command_encode(&bytes, &c);
    if (bytes.len > RAFT_ENTRY_BYTES_MAX) {
        log_error("a command is too large for the log", "command=%s bytes=%zu author=" STR_FMT,
                  name, bytes.len, STR_ARG(author));
        return;
    }
    struct str data = arena_dup(f->proposals->arena, buf_str(&bytes));
    ARENA_PUSH(f->proposals->arena, all->data, all->count, all->cap, data);
    if (arena_used_bytes(f->proposals->arena) > FLUSH_BYTES)
        propose_flush(f);
}

void propose_command(struct fleet *f, const char *name, struct str author, struct str client_id,
                     uint64_t sequence, const struct value *body)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    json_write(&text, body, JSON_COMPACT);
    propose_bytes(f, name, author, client_id, sequence, buf_str(&text));
}

void propose_flush(struct fleet *f)
{
    struct msg *m = f->proposals;

    if (!m)
        return;
    f->proposals = NULL;
    m->number = f->turn_tag;
    if (!mailbox_post_or_drop(f->c->boxes->mesh, m))
        wait_refused(f, f->turn_tag, RAFT_REFUSED_FULL);
}

/* ---- the schedule's proposals ---- */

static void propose_agent_state(struct fleet *f, struct str node, const char *state)
{
    struct value *body = value_map(f->scratch);

    value_map_set_str(f->scratch, body, "name", node);
    value_map_set_str(f->scratch, body, "state", str_from(state));
    propose_command(f, "agent.state", STR("coordinator"), STR_NONE, 0, body);
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
        propose_command(f, "work.assign", STR("coordinator"), STR_NONE, 0, body);
    }
}
