/*
 * Sessions: a command that is sent again is applied once, and answered as the first time.
 *
 *   session/<client>     version u8 | sequence u64 | revision u64 | mark u64 | code i32
 *                        | text_len u16 | text | body
 *   sessionlru/<index>   client: it was silent since about that entry
 *
 * The mark is the index of the session's place in sessionlru/. It is moved only when it is
 * SESSION_MARK_ENTRIES old, so that a busy client's session costs one put a command.
 */
#include "core/state/state_internal.h"

#include "core/state/record.h"

enum { SESSION_VERSION = 1, SESSION_MARK_ENTRIES = 4096, HEAD_BYTES = 31 };

struct session {
    uint64_t sequence;
    uint64_t revision;
    uint64_t mark;
    int code;
    struct str text;
    struct str body;
};

static struct str lru_key(struct arena *a, uint64_t index)
{
    return arena_printf(a, "sessionlru/%020llu", (unsigned long long)index);
}

static void encode(struct buf *out, const struct session *s)
{
    struct str text = shorten(s->text);

    buf_add_byte(out, SESSION_VERSION);
    buf_add_u64(out, s->sequence);
    buf_add_u64(out, s->revision);
    buf_add_u64(out, s->mark);
    buf_add_u32(out, (uint32_t)s->code);
    buf_add_byte(out, (char)(text.len & 0xff));
    buf_add_byte(out, (char)(text.len >> 8));
    buf_add(out, text);
    buf_add(out, s->body);
}

static int decode(struct str bytes, struct arena *a, struct session *out, struct err *err)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;

    if (bytes.len < HEAD_BYTES || p[0] != SESSION_VERSION)
        return err_set(err, HL_ECORRUPT, "a client's session is damaged");
    size_t text_len = p[29] | (size_t)p[30] << 8;
    if (bytes.len < HEAD_BYTES + text_len)
        return err_set(err, HL_ECORRUPT, "a client's session is damaged");
    *out = (struct session){
        .sequence = bytes_u64(p + 1),
        .revision = bytes_u64(p + 9),
        .mark = bytes_u64(p + 17),
        .code = (int)bytes_u32(p + 25),
        .text = arena_dup(a, str_sub(bytes, HEAD_BYTES, HEAD_BYTES + text_len)),
        .body = arena_dup(a, str_sub(bytes, HEAD_BYTES + text_len, bytes.len)),
    };
    return KV_FOUND;
}

static int find(struct apply *x, struct str key, struct session *out)
{
    struct str bytes;

    int r = x->kv->get(x->kv->context, key, &bytes, x->err);
    return r == KV_FOUND ? decode(bytes, x->arena, out, x->err) : r;
}

/* ---- who is remembered ---- */

static int forget_oldest(struct apply *x)
{
    struct str key;
    struct str client;

    int r = x->kv->next(x->kv->context, STR("sessionlru/"), STR_NONE, &key, &client, x->err);
    if (r != KV_FOUND)
        return r < 0 ? r : 0;
    key = arena_dup(x->arena, key);
    client = key_of(x->arena, "session/", client);
    r = x->kv->del(x->kv->context, key, x->err);
    if (r >= 0)
        r = x->kv->del(x->kv->context, client, x->err);
    return r < 0 ? r : 0;
}

/* A new one beyond STATE_SESSIONS_MAX takes the place of the one that was silent longest. */
static int make_room(struct apply *x)
{
    bool is_full;

    int r = count_session(x, &is_full);
    return r == 0 && is_full ? forget_oldest(x) : r;
}

static int move_mark(struct apply *x, struct session *s, bool is_new)
{
    int r = 0;

    if (!is_new && x->index - s->mark < SESSION_MARK_ENTRIES)
        return 0;
    if (is_new)
        r = make_room(x);
    else
        r = x->kv->del(x->kv->context, lru_key(x->arena, s->mark), x->err);
    s->mark = x->index;
    if (r >= 0)
        r = x->kv->put(x->kv->context, lru_key(x->arena, s->mark), x->command->client_id, x->err);
    return r < 0 ? r : 0;
}

static int save(struct apply *x, struct str key, struct session *s, bool is_new)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    int r = move_mark(x, s, is_new);
    if (r < 0)
        return r;
    s->sequence = x->command->sequence;
    s->revision = x->result->revision;
    s->code = x->result->code;
    s->text = x->result->text;
    s->body = x->result->body;
    encode(&bytes, s);
    return x->kv->put(x->kv->context, key, buf_str(&bytes), x->err);
}

/* ---- */

static int answer_again(struct apply *x, const struct session *s)
{
    if (x->command->sequence < s->sequence)
        return refuse(x, HL_EINVAL, "stale: sequence %llu was answered before",
                      (unsigned long long)x->command->sequence);
    x->result->code = s->code;
    x->result->revision = s->revision;
    x->result->text = s->text;
    x->result->body = s->body;
    return 0;
}

int run_in_session(struct apply *x, int (*run)(struct apply *x))
{
    struct session s = {0};

    if (x->command->client_id.len > STATE_CLIENT_MAX)
        return refuse(x, HL_ELIMIT, "a client id of more than %d bytes", STATE_CLIENT_MAX);
    struct str key = key_of(x->arena, "session/", x->command->client_id);
    int found = find(x, key, &s);
    if (found < 0)
        return found;
    if (found == KV_FOUND && x->command->sequence <= s.sequence)
        return answer_again(x, &s);
    int r = run(x);
    return r < 0 ? r : save(x, key, &s, found != KV_FOUND);
}
