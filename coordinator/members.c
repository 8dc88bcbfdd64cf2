/* raft.* and snapshot.*: who takes part, what each coordinator holds, and the state as a file. */
#include "coordinator/fleet.h"

#include <string.h>

#include "edge/actor/log.h"

enum { BASE_WAIT_MS = 120000 };
#define CHANGE_TAGS ((uint64_t)1 << 63) /* apart from those of turns */

/* ---- membership ---- */

static const struct raft_member *find_member(const struct raft_members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            return &members->member[i];
    }
    return NULL;
}

static bool is_so(const struct fleet *f, enum raft_change op, uint64_t id)
{
    const struct raft_member *m = find_member(&f->members, id);

    return op == RAFT_REMOVE ? !m : m && (op == RAFT_ADD_LEARNER || m->is_voter);
}

static bool is_change_served(struct fleet *f, struct pending *p)
{
    const struct wire_reply done = {.body = STR("{}")};

    if (!is_so(f, (enum raft_change)p->sequence, p->wanted))
        return false;
    answer(f, p, &done);
    return true;
}

static enum raft_change parse_op(struct str op)
{
    return str_eq(op, STR("add"))       ? RAFT_ADD_LEARNER
           : str_eq(op, STR("promote")) ? RAFT_PROMOTE
           : str_eq(op, STR("remove"))  ? RAFT_REMOVE
                                        : 0;
}

/* NULL if the change makes sense. */
static const char *flaw_of_change(const struct fleet *f, enum raft_change op, uint64_t id)
{
    if (!op || id == 0)
        return "op must be add, promote or remove, and member an id";
    if (op == RAFT_ADD_LEARNER && !roster_find(f->c->roster, id))
        return "the roster of this coordinator does not have that member: distribute the new "
               "mesh.json and restart the coordinators one by one";
    if (op != RAFT_ADD_LEARNER && !find_member(&f->members, id))
        return "there is no such member";
    return NULL;
}

void raft_change_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    struct value *body = request_body(f, in);

    if (!body)
        return;
    struct member_change change = {
        .op = parse_op(value_get_str(body, "op")),
        .member = (uint64_t)value_get_int(body, "member", 0),
    };
    const char *flaw = flaw_of_change(f, change.op, change.member);
    if (flaw) {
        answer_request(f, in, change.op ? HL_EABSENT : HL_EINVAL, "", str_from(flaw));
        return;
    }
    log_info("asked", "method=raft.change op=" STR_FMT " member=%llu by=" STR_FMT " address=%s",
             STR_ARG(value_get_str(body, "op")), (unsigned long long)change.member,
             STR_ARG(in->name), in->address);
    /* What is so already is answered in this turn, and consensus refuses it to nobody. */
    struct pending *p = wait_for(f, m, in, is_change_served);
    if (!p)
        return;
    p->tag = CHANGE_TAGS | ++f->change_tag;
    p->sequence = change.op;
    p->wanted = change.member;
    struct msg *ask = msg_new(MSG_CHANGE, true);
    struct member_change *copy = arena_one(ask->arena, struct member_change);
    *copy = change;
    ask->number = p->tag;
    ask->body = copy;
    if (!mailbox_post_or_drop(f->c->boxes->mesh, ask))
        wait_refused(f, p->tag, RAFT_REFUSED_FULL);
}

/* ---- handing over ---- */

static bool is_transfer_served(struct fleet *f, struct pending *p)
{
    const struct wire_reply done = {.body = STR("{}")};

    bool is_anybody = p->wanted == 0 && f->status.leader != f->status.id;

    if (f->status.leader == 0 || !(is_anybody || f->status.leader == p->wanted))
        return false;
    answer(f, p, &done);
    return true;
}

void raft_transfer_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    struct value *body = request_body(f, in);

    if (!body)
        return;
    uint64_t to = (uint64_t)value_get_int(body, "to", 0);
    const struct raft_member *member = find_member(&f->members, to);
    if (to != 0 && (!member || !member->is_voter)) {
        answer_request(f, in, HL_EINVAL, "", STR("that is no voting member"));
        return;
    }
    struct pending *p = wait_for(f, m, in, is_transfer_served);
    if (!p)
        return;
    p->wanted = to;
    struct msg *transfer = msg_new(MSG_TRANSFER, false);
    transfer->number = to;
    mailbox_post_or_drop(f->c->boxes->mesh, transfer); /* the wait ends by itself */
}

/* ---- bases ---- */

static bool is_base_served(struct fleet *f, struct pending *p)
{
    if (p->wanted == 0 || p->wanted > f->applied)
        return false;
    if (f->checkpoint_error.len > 0) {
        answer_error(f, p, HL_EIO, f->checkpoint_error);
        return true;
    }
    if (statedb_base(f->c->db)->index < p->wanted) {
        if (f->base_wanted < p->wanted)
            f->base_wanted = p->wanted;
        return false;
    }
    if (f->status.base_index < p->wanted)
        return false;
    p->method->serve(f, p);
    return true;
}

/* For a base that holds everything acknowledged before. */
void base_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    struct pending *p = wait_read(f, m, in, is_base_served);

    if (p)
        p->lasts_ms = BASE_WAIT_MS;
}

void raft_compact_serve(struct fleet *f, const struct pending *p)
{
    struct value *v = value_map(f->scratch);

    value_map_set_int(f->scratch, v, "base", (int64_t)f->status.base_index);
    value_map_set_int(f->scratch, v, "first", (int64_t)f->status.first_index);
    answer_document(f, p, v);
}

static struct value *members_value(struct arena *a, const struct raft_members *members)
{
    struct value *list = value_list(a);

    for (size_t i = 0; i < members->count; i++) {
        struct value *v = value_map(a);

        value_map_set_int(a, v, "id", (int64_t)members->member[i].id);
        value_map_set_bool(a, v, "voter", members->member[i].is_voter);
        value_list_add(a, list, v);
    }
    return list;
}

void snapshot_begin_serve(struct fleet *f, const struct pending *p)
{
    const struct raft_snapshot *base = statedb_base(f->c->db);
    struct arena *a = f->scratch;
    struct value *v = value_map(a);
    char time[TIME_RFC3339_MAX];

    f->piece_asked_ms = fleet_now();
    value_map_set_str(a, v, "id", arena_printf(a, "%016llx", (unsigned long long)base->id));
    value_map_set_int(a, v, "index", (int64_t)base->index);
    value_map_set_int(a, v, "term", (int64_t)base->term);
    value_map_set_str(a, v, "time", arena_dup(a, str_from(time_rfc3339(clock_wall_ms(), time))));
    value_map_set(a, v, STR("members"), members_value(a, &base->members));
    value_map_set_str(a, v, "mesh", str_from(f->c->roster->mesh));
    answer_document(f, p, v);
}

static bool parse_id(struct str text, uint64_t *out)
{
    unsigned char bytes[8];

    if (!hex_decode(text, bytes, sizeof(bytes)))
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        *out = *out << 8 | bytes[i];
    return true;
}

void snapshot_piece_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    struct pending now = {.method = m, .to = in->from, .request_id = in->message.request.id};
    unsigned char cursor[RAFT_CURSOR_BYTES_MAX];
    struct value *body = request_body(f, in);
    struct str data;
    struct str next;
    struct err err;
    uint64_t id;
    bool is_last;

    if (!body)
        return;
    struct str hex = value_get_str(body, "cursor");
    if (!parse_id(value_get_str(body, "id"), &id) || hex.len > 2 * sizeof(cursor) ||
        !hex_decode(hex, cursor, hex.len / 2)) {
        answer_request(f, in, HL_EINVAL, "", STR("id and cursor must be hex"));
        return;
    }
    f->piece_asked_ms = fleet_now();
    struct str from = {(const char *)cursor, hex.len / 2};
    int r = statedb_read_piece(f->c->db, id, from, RAFT_PIECE_BYTES_MAX, f->scratch, &data, &next,
                               &is_last, &err);
    if (r < 0) {
        answer_request(f, in, r, "", str_from(err.text));
        return;
    }
    char text[2 * RAFT_CURSOR_BYTES_MAX + 1] = "";
    if (!is_last)
        hex_encode(next.ptr, next.len, text);
    struct wire_reply reply = {.body = data, .next = str_from(text)};
    answer(f, &now, &reply);
}

/* ---- this coordinator ---- */

static void add_log(struct fleet *f, struct value *v)
{
    struct value *log = value_map(f->scratch);
    struct log_stats stats;

    log_stats_get(f->c->log, &stats);
    value_map_set_int(f->scratch, log, "first_index", (int64_t)stats.first_index);
    value_map_set_int(f->scratch, log, "last_index", (int64_t)stats.last_index);
    value_map_set_int(f->scratch, log, "file_bytes", (int64_t)stats.file_bytes);
    value_map_set_int(f->scratch, log, "live_bytes", (int64_t)stats.live_bytes);
    value_map_set_int(f->scratch, log, "appended_bytes", (int64_t)stats.appended_bytes);
    value_map_set_int(f->scratch, log, "flushes", (int64_t)stats.batch_count);
    value_map_set_int(f->scratch, log, "flush_last_us", stats.sync_last_us);
    value_map_set_int(f->scratch, log, "flush_max_us", stats.sync_max_us);
    value_map_set(f->scratch, v, STR("log"), log);
}

void raft_status_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    struct pending now = {.method = m, .to = in->from, .request_id = in->message.request.id};
    const struct raft_status *s = &f->status;
    struct arena *a = f->scratch;
    struct value *v = value_map(a);

    value_map_set_int(a, v, "id", (int64_t)s->id);
    value_map_set_str(a, v, "role", str_from(raft_role_name(s->role)));
    value_map_set_int(a, v, "term", (int64_t)s->term);
    value_map_set_int(a, v, "leader", (int64_t)s->leader);
    value_map_set_int(a, v, "commit_index", (int64_t)s->commit_index);
    value_map_set_int(a, v, "applied_index", (int64_t)f->applied);
    value_map_set(a, v, STR("members"), members_value(a, &s->members));
    value_map_set_int(a, v, "base_index", (int64_t)statedb_base(f->c->db)->index);
    value_map_set_int(a, v, "base_bytes", (int64_t)statedb_base_bytes(f->c->db));
    value_map_set_int(a, v, "changed_bytes", (int64_t)statedb_changed_bytes(f->c->db));
    value_map_set_str(a, v, "alarm", f->disk_alarm.len > 0 ? f->disk_alarm : f->stop_reason);
    add_log(f, v);
    answer_document(f, &now, v);
}
