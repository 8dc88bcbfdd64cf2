/*
 * Bytes to structs: pre-scan, parse with an allocator that is an arena with a cap, validate every
 * field. The result borrows from the caller's arena only.
 */
#include "edge/wire/messages.h"

#include "hlmesh.pb-c.h"

/*
 * What one message may cost to parse. protobuf-c takes about 100 bytes for the two bytes of an
 * empty element (raft.md 4.3); a full ledger of 10 000 objects needs 3 MiB.
 */
enum { PARSE_BYTES_MAX = 16 << 20 };

/* The caller's arena may hold earlier messages: only what this one adds counts. */
struct budget {
    struct arena *arena;
    size_t used_max;
};

static struct budget budget_in(struct arena *a)
{
    return (struct budget){a, arena_used_bytes(a) + PARSE_BYTES_MAX};
}

/* NULL makes the parser give up cleanly. Arena memory is zeroed, which protobuf-c 1.4.1 needs for
 * unknown_fields. */
static void *allocate(void *context, size_t size)
{
    struct budget *b = context;

    return size > PARSE_BYTES_MAX || arena_used_bytes(b->arena) + size > b->used_max
               ? NULL
               : arena_alloc(b->arena, size);
}

static void release(void *context, void *p)
{
    (void)context;
    (void)p; /* the arena goes as a whole */
}

static bool take_str(struct str *out, ProtobufCBinaryData in, size_t max)
{
    *out = (struct str){(const char *)in.data, in.len};
    return in.len <= max && !str_has_byte(*out, '\0') && str_is_utf8(*out);
}

static bool take_bytes(struct str *out, ProtobufCBinaryData in, size_t max)
{
    *out = (struct str){(const char *)in.data, in.len};
    return in.len <= max;
}

static bool take_digest(struct digest *out, ProtobufCBinaryData in)
{
    if (in.len != DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        out->bytes[i] = in.data[i];
    return true;
}

static bool take_key(struct key *out, ProtobufCBinaryData in)
{
    if (in.len != KEY_BYTES)
        return false;
    for (size_t i = 0; i < KEY_BYTES; i++)
        out->bytes[i] = in.data[i];
    return true;
}

/* A snapshot's; absent in every other message. */
static bool take_members(struct raft_members *out, ProtobufCBinaryData in)
{
    return in.len == 0 || raft_members_decode((struct str){(const char *)in.data, in.len}, out);
}

static bool decode_raft(const Hl__Raft *p, struct arena *a, struct raft_message *out)
{
    if (p->kind < RAFT_MSG_PRE_VOTE || p->kind > RAFT_MSG_KIND_MAX || p->n_entries > WIRE_LIST_MAX)
        return false;
    struct raft_entry *entry = arena_array(a, struct raft_entry, p->n_entries);
    for (size_t i = 0; i < p->n_entries; i++) {
        const Hl__RaftEntry *e = p->entries[i];

        if (e->kind > RAFT_ENTRY_MEMBERS || e->data.len > RAFT_ENTRY_BYTES_MAX)
            return false;
        entry[i] = (struct raft_entry){
            .index = e->index,
            .term = e->term,
            .kind = (enum raft_entry_kind)e->kind,
            .data = {(const char *)e->data.data, e->data.len},
        };
    }
    *out = (struct raft_message){
        .kind = (enum raft_message_kind)p->kind,
        .from = p->from,
        .to = p->to,
        .term = p->term,
        .index = p->index,
        .log_term = p->log_term,
        .commit = p->commit,
        .round = p->round,
        .is_rejected = p->is_rejected,
        .entry = entry,
        .entry_count = p->n_entries,
    };
    return take_bytes(&out->cursor, p->cursor, RAFT_CURSOR_BYTES_MAX) &&
           take_bytes(&out->data, p->piece, RAFT_PIECE_BYTES_MAX) &&
           take_members(&out->members, p->members);
}

static bool decode_standing(const Hl__Standing *p, struct wire_standing *out)
{
    out->store = p->store;
    out->is_answer = p->is_answer;
    out->is_refused = p->is_refused;
    return p->known.len % 16 == 0 && take_bytes(&out->known, p->known, 16 * WIRE_KNOWN_MAX);
}

static bool decode_hello(const Hl__Hello *p, struct arena *a, struct wire_hello *out)
{
    if (p->n_roles > WIRE_ROLES_MAX)
        return false;
    out->role_count = p->n_roles;
    out->role = arena_array(a, struct str, p->n_roles);
    for (size_t i = 0; i < p->n_roles; i++) {
        if (!take_str(&out->role[i], p->roles[i], WIRE_NAME_MAX))
            return false;
    }
    return take_str(&out->node, p->node, WIRE_NAME_MAX) &&
           take_str(&out->version, p->version, WIRE_NAME_MAX) &&
           take_str(&out->boot_id, p->boot_id, WIRE_NAME_MAX);
}

static bool decode_heartbeat(const Hl__Heartbeat *p, struct arena *a, struct wire_heartbeat *out)
{
    out->sequence = p->sequence;
    out->free_slots = p->free_slots;
    out->rss_bytes = p->rss_bytes;
    if (p->n_leases > WIRE_LIST_MAX)
        return false;
    out->lease_count = p->n_leases;
    out->lease = arena_array(a, struct wire_lease, p->n_leases);
    for (size_t i = 0; i < p->n_leases; i++) {
        if (!take_str(&out->lease[i].key, p->leases[i]->key, WIRE_NAME_MAX))
            return false;
        out->lease[i].epoch = p->leases[i]->epoch;
    }
    return true;
}

static bool decode_objects(size_t count, Hl__Object *const *list, struct arena *a,
                           struct wire_object **out)
{
    if (count > WIRE_LIST_MAX)
        return false;
    struct wire_object *object = arena_array(a, struct wire_object, count);
    for (size_t i = 0; i < count; i++) {
        if (!take_str(&object[i].id, list[i]->id, WIRE_TEXT_MAX) ||
            !take_str(&object[i].digest, list[i]->digest, DIGEST_HEX) ||
            !take_str(&object[i].handle, list[i]->handle, WIRE_TEXT_MAX))
            return false;
    }
    *out = object;
    return true;
}

static bool decode_report(const Hl__Report *p, struct arena *a, struct wire_report *out)
{
    if (p->outcome < WIRE_OK || p->outcome > WIRE_SUPERSEDED)
        return false;
    out->outcome = (enum wire_outcome)p->outcome;
    out->epoch = p->epoch;
    out->line = p->line;
    out->column = p->column;
    out->took_ms = p->took_ms;
    out->changed_count = p->changed_count;
    out->pruned_count = p->pruned_count;
    out->object_count = p->n_objects;
    return take_str(&out->key, p->key, WIRE_NAME_MAX) && take_digest(&out->input, p->input) &&
           take_str(&out->message, p->message, WIRE_TEXT_MAX) &&
           take_str(&out->file, p->file, WIRE_TEXT_MAX) &&
           take_str(&out->commit, p->commit, WIRE_NAME_MAX) &&
           take_str(&out->health, p->health, WIRE_NAME_MAX) &&
           decode_objects(p->n_objects, p->objects, a, &out->object);
}

static bool decode_work(const Hl__Work *p, struct arena *a, struct wire_work *out)
{
    out->epoch = p->epoch;
    out->term = p->term;
    out->bundle_bytes = p->bundle_bytes;
    out->is_takeover = p->is_takeover;
    out->is_deletion = p->is_deletion;
    out->is_forced = p->is_forced;
    out->ledger_count = p->n_ledger;
    return take_str(&out->key, p->key, WIRE_NAME_MAX) && take_digest(&out->input, p->input) &&
           take_digest(&out->bundle, p->bundle) &&
           take_str(&out->cluster, p->cluster, WIRE_NAME_MAX) &&
           take_str(&out->commit, p->commit, WIRE_NAME_MAX) &&
           decode_objects(p->n_ledger, p->ledger, a, &out->ledger);
}

static bool decode_blob_get(const Hl__BlobGet *p, struct wire_blob_get *out)
{
    out->offset = p->offset;
    return take_digest(&out->digest, p->digest);
}

static bool decode_welcome(const Hl__Welcome *p, struct wire_welcome *out)
{
    out->member = p->member;
    out->is_leader = p->is_leader;
    out->leader = p->leader;
    out->term = p->term;
    out->heartbeat_ms = p->heartbeat_ms;
    out->lost_after_ms = p->lost_after_ms;
    out->sequence = p->sequence;
    return true;
}

static bool decode_cancel(const Hl__Cancel *p, struct wire_cancel *out)
{
    out->epoch = p->epoch;
    return take_str(&out->key, p->key, WIRE_NAME_MAX) &&
           take_str(&out->reason, p->reason, WIRE_TEXT_MAX);
}

static bool decode_report_ack(const Hl__ReportAck *p, struct wire_report_ack *out)
{
    out->epoch = p->epoch;
    out->is_accepted = p->is_accepted;
    return take_str(&out->key, p->key, WIRE_NAME_MAX) &&
           take_str(&out->reason, p->reason, WIRE_TEXT_MAX);
}

static bool decode_blob_chunk(const Hl__BlobChunk *p, struct wire_blob_chunk *out)
{
    out->offset = p->offset;
    out->total = p->total;
    out->bytes = (struct str){(const char *)p->chunk.data, p->chunk.len};
    out->is_absent = p->is_absent;
    return take_digest(&out->digest, p->digest) && out->bytes.len <= WIRE_BLOB_CHUNK_MAX;
}

static bool decode_request(const Hl__Request *p, struct wire_request *out)
{
    out->id = p->id;
    out->sequence = p->sequence;
    out->is_stale_ok = p->is_stale_ok;
    return take_str(&out->client_id, p->client_id, WIRE_NAME_MAX) &&
           take_str(&out->method, p->method, WIRE_NAME_MAX) &&
           take_bytes(&out->body, p->body, WIRE_BYTES_MAX);
}

static bool decode_reply(const Hl__Reply *p, struct wire_reply *out)
{
    out->id = p->id;
    out->code = p->code;
    out->line = p->line;
    out->column = p->column;
    out->revision = p->revision;
    out->age_ms = p->age_ms;
    out->leader = p->leader;
    out->is_leader = p->is_leader;
    return take_str(&out->error_id, p->error_id, WIRE_TEXT_MAX) &&
           take_str(&out->error, p->error, WIRE_TEXT_MAX) &&
           take_str(&out->next, p->next, WIRE_TEXT_MAX) &&
           take_str(&out->file, p->file, WIRE_TEXT_MAX) &&
           take_bytes(&out->body, p->body, WIRE_BYTES_MAX);
}

static bool decode_enrol(const Hl__Enrol *p, struct wire_enrol *out)
{
    return take_str(&out->token_id, p->token_id, WIRE_NAME_MAX) &&
           take_key(&out->agent_key, p->agent_key) &&
           take_str(&out->node, p->node, WIRE_NAME_MAX) && take_digest(&out->proof, p->proof);
}

static bool decode_enrol_reply(const Hl__EnrolReply *p, struct wire_enrol_reply *out)
{
    if (p->status < WIRE_ENROL_APPROVED || p->status > WIRE_ENROL_RETRY)
        return false;
    out->status = (enum wire_enrol_status)p->status;
    return take_str(&out->text, p->text, WIRE_TEXT_MAX);
}

static bool decode_body(const Hl__Envelope *e, struct arena *a, struct wire_message *out)
{
    switch (e->body_case) {
    case HL__ENVELOPE__BODY_RAFT:
        out->kind = WIRE_RAFT;
        return decode_raft(e->raft, a, &out->raft);
    case HL__ENVELOPE__BODY_STANDING:
        out->kind = WIRE_STANDING;
        return decode_standing(e->standing, &out->standing);
    case HL__ENVELOPE__BODY_REFRESH:
        out->kind = WIRE_REFRESH;
        return true;
    case HL__ENVELOPE__BODY_HELLO:
        out->kind = WIRE_HELLO;
        return decode_hello(e->hello, a, &out->hello);
    case HL__ENVELOPE__BODY_HEARTBEAT:
        out->kind = WIRE_HEARTBEAT;
        return decode_heartbeat(e->heartbeat, a, &out->heartbeat);
    case HL__ENVELOPE__BODY_REPORT:
        out->kind = WIRE_REPORT;
        return decode_report(e->report, a, &out->report);
    case HL__ENVELOPE__BODY_WORK:
        out->kind = WIRE_WORK;
        return decode_work(e->work, a, &out->work);
    case HL__ENVELOPE__BODY_BLOB_GET:
        out->kind = WIRE_BLOB_GET;
        return decode_blob_get(e->blob_get, &out->blob_get);
    case HL__ENVELOPE__BODY_WELCOME:
        out->kind = WIRE_WELCOME;
        return decode_welcome(e->welcome, &out->welcome);
    case HL__ENVELOPE__BODY_CANCEL:
        out->kind = WIRE_CANCEL;
        return decode_cancel(e->cancel, &out->cancel);
    case HL__ENVELOPE__BODY_REPORT_ACK:
        out->kind = WIRE_REPORT_ACK;
        return decode_report_ack(e->report_ack, &out->report_ack);
    case HL__ENVELOPE__BODY_BLOB_CHUNK:
        out->kind = WIRE_BLOB_CHUNK;
        return decode_blob_chunk(e->blob_chunk, &out->blob_chunk);
    case HL__ENVELOPE__BODY_REQUEST:
        out->kind = WIRE_REQUEST;
        return decode_request(e->request, &out->request);
    case HL__ENVELOPE__BODY_REPLY:
        out->kind = WIRE_REPLY;
        return decode_reply(e->reply, &out->reply);
    case HL__ENVELOPE__BODY_ENROL:
        out->kind = WIRE_ENROL;
        return decode_enrol(e->enrol, &out->enrol);
    case HL__ENVELOPE__BODY_ENROL_REPLY:
        out->kind = WIRE_ENROL_REPLY;
        return decode_enrol_reply(e->enrol_reply, &out->enrol_reply);
    default:
        return false; /* nothing we know: a later version's, or nonsense */
    }
}

int wire_decode(struct str bytes, struct arena *a, struct wire_message *out, struct err *err)
{
    struct wire_message message = {0};
    struct budget budget = budget_in(a);
    ProtobufCAllocator allocator = {allocate, release, &budget};

    out->kind = WIRE_NONE;
    int r = wire_prescan(bytes, err);
    if (r < 0)
        return r;
    Hl__Envelope *e = hl__envelope__unpack(&allocator, bytes.len, (const uint8_t *)bytes.ptr);
    if (!e)
        return err_set(err, HL_EINVAL, "message does not follow the schema");
    if (!decode_body(e, a, &message))
        return err_set(err, HL_EINVAL, "message with an unknown kind or a field out of its range");
    *out = message;
    return 0;
}

int wire_command_decode(struct str bytes, struct arena *a, struct command *out, struct err *err)
{
    struct budget budget = budget_in(a);
    ProtobufCAllocator allocator = {allocate, release, &budget};
    struct command c = {0};

    int r = wire_prescan_flat(bytes, err);
    if (r < 0)
        return r;
    Hl__Command *p = hl__command__unpack(&allocator, bytes.len, (const uint8_t *)bytes.ptr);
    if (!p || !take_str(&c.name, p->name, COMMAND_NAME_MAX) ||
        !take_str(&c.client_id, p->client_id, WIRE_NAME_MAX) ||
        !take_str(&c.author, p->author, WIRE_NAME_MAX) ||
        !take_bytes(&c.body, p->body, COMMAND_BODY_MAX))
        return err_set(err, HL_EINVAL, "not a command");
    c.sequence = p->sequence;
    c.wall_ms = p->wall_ms;
    *out = c;
    return 0;
}
