/*
 * Structs to bytes. protobuf-c's structs are filled with borrowed pointers and packed; nothing is
 * copied twice, except sentences that have to be cleaned first.
 */
#include "edge/wire/messages.h"

#include "hlmesh.pb-c.h"

static ProtobufCBinaryData bytes_of(struct str s)
{
    return (ProtobufCBinaryData){s.len, (uint8_t *)(uintptr_t)s.ptr};
}

static ProtobufCBinaryData digest_bytes(const struct digest *d)
{
    return (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)d->bytes};
}

/* Length of the head of s that fits into max bytes and ends between characters. */
static size_t fitting(struct str s, size_t max)
{
    size_t len = s.len < max ? s.len : max;

    while (len > 0 && len < s.len && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/*
 * A sentence for people: it may quote a file name or a library, so it is made fit for the reader's
 * checks instead of being refused there again and again.
 */
static ProtobufCBinaryData text_of(struct arena *a, struct str s)
{
    s.len = fitting(s, WIRE_TEXT_MAX);
    if (str_is_utf8(s) && !str_has_byte(s, '\0'))
        return bytes_of(s);
    char *clean = arena_cstr(a, s);
    for (size_t at = 0; at < s.len;) {
        uint32_t rune = 0;
        size_t n = str_rune(s, at, &rune);
        if (n == 0 || rune == 0)
            clean[at] = '?';
        at += n ? n : 1;
    }
    return bytes_of((struct str){clean, s.len});
}

static int check_count(size_t count, struct err *err)
{
    if (count > WIRE_LIST_MAX)
        return err_set(err, HL_ELIMIT, "message with a list of %zu, at most %d", count,
                       WIRE_LIST_MAX);
    return 0;
}

static int pack(struct buf *out, const Hl__Envelope *e, struct err *err)
{
    size_t len = hl__envelope__get_packed_size(e);

    if (len > WIRE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "message of %zu bytes, at most %d", len, WIRE_BYTES_MAX);
    hl__envelope__pack(e, (uint8_t *)buf_reserve(out, len));
    buf_commit(out, len);
    return 0;
}

/* How many entries fit: with at most 40 bytes around each, the rest stays below the limit. */
static size_t entries_that_fit(const struct raft_message *m)
{
    enum { AROUND_ENTRY = 40, AROUND_MESSAGE = 256 };
    size_t bytes = AROUND_MESSAGE;
    size_t count = 0;

    while (count < m->entry_count && count < WIRE_LIST_MAX) {
        bytes += m->entry[count].data.len + AROUND_ENTRY;
        if (bytes > WIRE_BYTES_MAX && count > 0)
            break;
        count++;
    }
    return count;
}

static int encode_raft(struct buf *out, const struct raft_message *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char members[RAFT_MEMBERS_BYTES_MAX];
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Raft p = HL__RAFT__INIT;

    p.kind = (uint32_t)m->kind;
    p.from = m->from;
    p.to = m->to;
    p.term = m->term;
    p.index = m->index;
    p.log_term = m->log_term;
    p.commit = m->commit;
    p.round = m->round;
    p.is_rejected = m->is_rejected;
    p.n_entries = entries_that_fit(m);
    p.entries = arena_array(a, Hl__RaftEntry *, p.n_entries);
    Hl__RaftEntry *entries = arena_array(a, Hl__RaftEntry, p.n_entries);
    for (size_t i = 0; i < p.n_entries; i++) {
        hl__raft_entry__init(&entries[i]);
        entries[i].index = m->entry[i].index;
        entries[i].term = m->entry[i].term;
        entries[i].kind = (uint32_t)m->entry[i].kind;
        entries[i].data = bytes_of(m->entry[i].data);
        p.entries[i] = &entries[i];
    }
    p.cursor = bytes_of(m->cursor);
    p.piece = bytes_of(m->data);
    if (m->members.count > 0)
        p.members = bytes_of((struct str){members, raft_members_encode(&m->members, members)});
    e.body_case = HL__ENVELOPE__BODY_RAFT;
    e.raft = &p;
    return pack(out, &e, err);
}

static Hl__Object **objects_of(struct arena *a, const struct wire_object *object, size_t count)
{
    Hl__Object **list = arena_array(a, Hl__Object *, count);
    Hl__Object *objects = arena_array(a, Hl__Object, count);

    for (size_t i = 0; i < count; i++) {
        hl__object__init(&objects[i]);
        objects[i].id = bytes_of(object[i].id);
        objects[i].digest = bytes_of(object[i].digest);
        objects[i].handle = bytes_of(object[i].handle);
        list[i] = &objects[i];
    }
    return list;
}

static int encode_hello(struct buf *out, const struct wire_hello *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Hello p = HL__HELLO__INIT;

    p.node = bytes_of(m->node);
    p.version = bytes_of(m->version);
    p.boot_id = bytes_of(m->boot_id);
    p.n_roles = m->role_count;
    p.roles = arena_array(a, ProtobufCBinaryData, m->role_count);
    for (size_t i = 0; i < m->role_count; i++)
        p.roles[i] = bytes_of(m->role[i]);
    e.body_case = HL__ENVELOPE__BODY_HELLO;
    e.hello = &p;
    return pack(out, &e, err);
}

static int encode_heartbeat(struct buf *out, const struct wire_heartbeat *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Heartbeat p = HL__HEARTBEAT__INIT;

    int r = check_count(m->lease_count, err);
    if (r < 0)
        return r;
    p.sequence = m->sequence;
    p.free_slots = m->free_slots;
    p.rss_bytes = m->rss_bytes;
    p.n_leases = m->lease_count;
    p.leases = arena_array(a, Hl__Lease *, m->lease_count);
    Hl__Lease *leases = arena_array(a, Hl__Lease, m->lease_count);
    for (size_t i = 0; i < m->lease_count; i++) {
        hl__lease__init(&leases[i]);
        leases[i].key = bytes_of(m->lease[i].key);
        leases[i].epoch = m->lease[i].epoch;
        p.leases[i] = &leases[i];
    }
    e.body_case = HL__ENVELOPE__BODY_HEARTBEAT;
    e.heartbeat = &p;
    return pack(out, &e, err);
}

static int encode_report(struct buf *out, const struct wire_report *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Report p = HL__REPORT__INIT;

    int r = check_count(m->object_count, err);
    if (r < 0)
        return r;
    p.key = bytes_of(m->key);
    p.epoch = m->epoch;
    p.input = digest_bytes(&m->input);
    p.outcome = (uint32_t)m->outcome;
    p.message = text_of(a, m->message);
    p.file = text_of(a, m->file);
    p.line = m->line;
    p.column = m->column;
    p.commit = bytes_of(m->commit);
    p.health = bytes_of(m->health);
    p.n_objects = m->object_count;
    p.objects = objects_of(a, m->object, m->object_count);
    p.took_ms = m->took_ms;
    p.changed_count = m->changed_count;
    p.pruned_count = m->pruned_count;
    e.body_case = HL__ENVELOPE__BODY_REPORT;
    e.report = &p;
    return pack(out, &e, err);
}

static int encode_work(struct buf *out, const struct wire_work *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Work p = HL__WORK__INIT;

    int r = check_count(m->ledger_count, err);
    if (r < 0)
        return r;
    p.key = bytes_of(m->key);
    p.epoch = m->epoch;
    p.term = m->term;
    p.input = digest_bytes(&m->input);
    p.bundle = digest_bytes(&m->bundle);
    p.bundle_bytes = m->bundle_bytes;
    p.cluster = bytes_of(m->cluster);
    p.commit = bytes_of(m->commit);
    p.n_ledger = m->ledger_count;
    p.ledger = objects_of(a, m->ledger, m->ledger_count);
    p.is_takeover = m->is_takeover;
    p.is_deletion = m->is_deletion;
    p.is_forced = m->is_forced;
    e.body_case = HL__ENVELOPE__BODY_WORK;
    e.work = &p;
    return pack(out, &e, err);
}

static int encode_blob_get(struct buf *out, const struct wire_blob_get *m, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__BlobGet p = HL__BLOB_GET__INIT;

    p.digest = digest_bytes(&m->digest);
    p.offset = m->offset;
    e.body_case = HL__ENVELOPE__BODY_BLOB_GET;
    e.blob_get = &p;
    return pack(out, &e, err);
}

static int encode_welcome(struct buf *out, const struct wire_welcome *m, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Welcome p = HL__WELCOME__INIT;

    p.member = m->member;
    p.is_leader = m->is_leader;
    p.leader = m->leader;
    p.term = m->term;
    p.heartbeat_ms = m->heartbeat_ms;
    p.lost_after_ms = m->lost_after_ms;
    p.sequence = m->sequence;
    e.body_case = HL__ENVELOPE__BODY_WELCOME;
    e.welcome = &p;
    return pack(out, &e, err);
}

static int encode_cancel(struct buf *out, const struct wire_cancel *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Cancel p = HL__CANCEL__INIT;

    p.key = bytes_of(m->key);
    p.epoch = m->epoch;
    p.reason = text_of(a, m->reason);
    e.body_case = HL__ENVELOPE__BODY_CANCEL;
    e.cancel = &p;
    return pack(out, &e, err);
}

static int encode_report_ack(struct buf *out, const struct wire_report_ack *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__ReportAck p = HL__REPORT_ACK__INIT;

    p.key = bytes_of(m->key);
    p.epoch = m->epoch;
    p.is_accepted = m->is_accepted;
    p.reason = text_of(a, m->reason);
    e.body_case = HL__ENVELOPE__BODY_REPORT_ACK;
    e.report_ack = &p;
    return pack(out, &e, err);
}

static int encode_blob_chunk(struct buf *out, const struct wire_blob_chunk *m, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__BlobChunk p = HL__BLOB_CHUNK__INIT;

    p.digest = digest_bytes(&m->digest);
    p.offset = m->offset;
    p.total = m->total;
    p.chunk = bytes_of(m->bytes);
    p.is_absent = m->is_absent;
    e.body_case = HL__ENVELOPE__BODY_BLOB_CHUNK;
    e.blob_chunk = &p;
    return pack(out, &e, err);
}

static int encode_request(struct buf *out, const struct wire_request *m, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Request p = HL__REQUEST__INIT;

    p.id = m->id;
    p.client_id = bytes_of(m->client_id);
    p.sequence = m->sequence;
    p.method = bytes_of(m->method);
    p.body = bytes_of(m->body);
    p.is_stale_ok = m->is_stale_ok;
    e.body_case = HL__ENVELOPE__BODY_REQUEST;
    e.request = &p;
    return pack(out, &e, err);
}

static int encode_reply(struct buf *out, const struct wire_reply *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Reply p = HL__REPLY__INIT;

    p.id = m->id;
    p.code = m->code;
    p.error_id = bytes_of(m->error_id);
    p.error = text_of(a, m->error);
    p.next = text_of(a, m->next);
    p.file = text_of(a, m->file);
    p.line = m->line;
    p.column = m->column;
    p.body = bytes_of(m->body);
    p.revision = m->revision;
    p.age_ms = m->age_ms;
    p.leader = m->leader;
    p.is_leader = m->is_leader;
    e.body_case = HL__ENVELOPE__BODY_REPLY;
    e.reply = &p;
    return pack(out, &e, err);
}

static int encode_enrol(struct buf *out, const struct wire_enrol *m, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Enrol p = HL__ENROL__INIT;

    p.token_id = bytes_of(m->token_id);
    p.agent_key = bytes_of((struct str){(const char *)m->agent_key.bytes, KEY_BYTES});
    p.node = bytes_of(m->node);
    p.proof = digest_bytes(&m->proof);
    e.body_case = HL__ENVELOPE__BODY_ENROL;
    e.enrol = &p;
    return pack(out, &e, err);
}

static int encode_enrol_reply(struct buf *out, const struct wire_enrol_reply *m, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__EnrolReply p = HL__ENROL_REPLY__INIT;

    p.status = (uint32_t)m->status;
    p.text = text_of(a, m->text);
    e.body_case = HL__ENVELOPE__BODY_ENROL_REPLY;
    e.enrol_reply = &p;
    return pack(out, &e, err);
}

static int encode_standing(struct buf *out, const struct wire_standing *m, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Standing p = HL__STANDING__INIT;

    p.store = m->store;
    p.is_answer = m->is_answer;
    p.is_refused = m->is_refused;
    p.known = bytes_of(m->known);
    e.body_case = HL__ENVELOPE__BODY_STANDING;
    e.standing = &p;
    return pack(out, &e, err);
}

static int encode_refresh(struct buf *out, struct err *err)
{
    Hl__Envelope e = HL__ENVELOPE__INIT;
    Hl__Refresh p = HL__REFRESH__INIT;

    e.body_case = HL__ENVELOPE__BODY_REFRESH;
    e.refresh = &p;
    return pack(out, &e, err);
}

int wire_encode(struct buf *out, const struct wire_message *m, struct err *err)
{
    switch (m->kind) {
    case WIRE_RAFT:
        return encode_raft(out, &m->raft, err);
    case WIRE_STANDING:
        return encode_standing(out, &m->standing, err);
    case WIRE_REFRESH:
        return encode_refresh(out, err);
    case WIRE_HELLO:
        return encode_hello(out, &m->hello, err);
    case WIRE_HEARTBEAT:
        return encode_heartbeat(out, &m->heartbeat, err);
    case WIRE_REPORT:
        return encode_report(out, &m->report, err);
    case WIRE_WORK:
        return encode_work(out, &m->work, err);
    case WIRE_BLOB_GET:
        return encode_blob_get(out, &m->blob_get, err);
    case WIRE_WELCOME:
        return encode_welcome(out, &m->welcome, err);
    case WIRE_CANCEL:
        return encode_cancel(out, &m->cancel, err);
    case WIRE_REPORT_ACK:
        return encode_report_ack(out, &m->report_ack, err);
    case WIRE_BLOB_CHUNK:
        return encode_blob_chunk(out, &m->blob_chunk, err);
    case WIRE_REQUEST:
        return encode_request(out, &m->request, err);
    case WIRE_REPLY:
        return encode_reply(out, &m->reply, err);
    case WIRE_ENROL:
        return encode_enrol(out, &m->enrol, err);
    case WIRE_ENROL_REPLY:
        return encode_enrol_reply(out, &m->enrol_reply, err);
    case WIRE_NONE:
    case WIRE_KIND_COUNT:
        break;
    }
    return err_set(err, HL_EINVAL, "no message of kind %d", (int)m->kind);
}

void wire_command_encode(struct buf *out, const struct command *c)
{
    Hl__Command p = HL__COMMAND__INIT;

    p.name = bytes_of(c->name);
    p.client_id = bytes_of(c->client_id);
    p.sequence = c->sequence;
    p.author = bytes_of(c->author);
    p.wall_ms = c->wall_ms;
    p.body = bytes_of(c->body);
    size_t len = hl__command__get_packed_size(&p);
    hl__command__pack(&p, (uint8_t *)buf_reserve(out, len));
    buf_commit(out, len);
}
