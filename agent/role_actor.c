/*
 * The role's actor: one work item at a time. While it works it looks into its mailbox at the safe
 * points (before each blob piece, and whenever the destination asks whether the lease is valid), so
 * a cancelled or outdated item stops there. Archives of charts stay on the disk, renders in memory
 * until there is nothing to do.
 */
#include <malloc.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "edge/actor/log.h"
#include "edge/cipher/cipher.h"
#include "edge/keys/keys.h"
#include "edge/registry/archive.h"

enum { RENDERS_BYTES = 8 << 20 };
enum { QUEUE_MAX = AGENT_SLOTS * 2, ASK_AGAIN_MS = 1000, BLOB_MS = 30000, IDLE_MS = 3000 };

struct role {
    struct role_context *c;
    struct msg *queue[QUEUE_MAX]; /* AGENT_WORK, owned, oldest first */
    size_t queue_count;
    struct msg *current;
    bool is_current_cancelled;
    bool is_stopping;
    int64_t lease_until_ms;
    struct render_cache *renders;
    /* the blob being fetched */
    struct digest wanted;
    uint64_t wanted_max; /* bytes */
    struct buf blob;
    bool is_blob_complete;
    bool is_blob_absent;
};

static const struct wire_work *work_of(const struct msg *m)
{
    return &((const struct wire_message *)m->body)->work;
}

static void send(struct role *r, const struct wire_message *m)
{
    struct msg *copy = agent_message(AGENT_SEND, m);

    if (copy)
        mailbox_post_or_drop(r->c->session, copy);
}

/* ---- the mailbox ---- */

static void cancel(struct role *r, const struct wire_cancel *c)
{
    size_t kept = 0;

    if (r->current && work_of(r->current)->epoch == c->epoch &&
        str_eq(work_of(r->current)->key, c->key))
        r->is_current_cancelled = true;
    for (size_t i = 0; i < r->queue_count; i++) {
        const struct wire_work *w = work_of(r->queue[i]);

        if (w->epoch == c->epoch && str_eq(w->key, c->key))
            msg_free(r->queue[i]);
        else
            r->queue[kept++] = r->queue[i];
    }
    r->queue_count = kept;
}

static void ask_for_blob(struct role *r)
{
    struct wire_message m = {.kind = WIRE_BLOB_GET};

    m.blob_get = (struct wire_blob_get){r->wanted, r->blob.len};
    send(r, &m);
}

static void take_chunk(struct role *r, const struct wire_blob_chunk *chunk)
{
    if (!digest_eq(&chunk->digest, &r->wanted) || r->is_blob_complete)
        return;
    if (chunk->is_absent) {
        r->is_blob_absent = true;
        return;
    }
    if (chunk->offset != r->blob.len || chunk->total > r->wanted_max)
        return;
    buf_add(&r->blob, chunk->bytes);
    if (r->blob.len >= chunk->total)
        r->is_blob_complete = true;
    else
        ask_for_blob(r);
}

static void take(struct role *r, struct msg *m)
{
    const struct wire_message *body = m->body;

    switch (m->kind) {
    case AGENT_STOP:
        r->is_stopping = true;
        break;
    case AGENT_LEASE:
        if ((int64_t)m->number > r->lease_until_ms)
            r->lease_until_ms = (int64_t)m->number;
        break;
    case AGENT_WORK:
        if (r->queue_count < QUEUE_MAX) {
            r->queue[r->queue_count++] = m;
            return;
        }
        break;
    case AGENT_CANCEL:
        cancel(r, &body->cancel);
        break;
    case AGENT_CHUNK:
        take_chunk(r, &body->blob_chunk);
        break;
    default:
        break;
    }
    msg_free(m);
}

static void take_waiting(struct role *r)
{
    struct msg *m;

    while ((m = mailbox_take(r->c->inbox)))
        take(r, m);
}

static bool is_lease_valid(void *context)
{
    struct role *r = context;

    take_waiting(r);
    return !r->is_current_cancelled && !r->is_stopping && clock_now_ms() < r->lease_until_ms;
}

/* ---- one item ---- */

/* A blob from the leader into r->blob. */
static int receive(struct role *r, const struct digest *digest, uint64_t bytes_max, struct err *err)
{
    int64_t due_ms = clock_now_ms() + BLOB_MS;
    int64_t asked_ms = INT64_MIN / 2;

    r->wanted = *digest;
    r->wanted_max = bytes_max;
    buf_reset(&r->blob);
    r->is_blob_complete = r->is_blob_absent = false;
    while (!r->is_blob_complete) {
        int64_t now_ms = clock_now_ms();

        if (r->is_current_cancelled || r->is_stopping)
            return err_set(err, HL_ECONFLICT, "called off");
        if (now_ms >= due_ms)
            return err_set(err, HL_ETEMP, "the content did not come: %s",
                           r->is_blob_absent ? "the leader has not read this commit yet"
                                             : "no answer");
        if (now_ms - asked_ms >= ASK_AGAIN_MS) {
            ask_for_blob(r);
            asked_ms = now_ms;
        }
        struct msg *m = mailbox_wait(r->c->inbox, 200);
        if (m)
            take(r, m);
    }
    return 0;
}

/* The content with that digest, in the arena. */
static int fetch(struct role *r, const struct digest *digest, uint64_t bytes_max, struct arena *a,
                 struct str *out, struct err *err)
{
    int e = receive(r, digest, bytes_max, err);

    if (e == 0) {
        struct digest actual = sha256_of(buf_str(&r->blob));
        *out = arena_dup(a, buf_str(&r->blob));
        if (!digest_eq(&actual, digest))
            e = err_set(err, HL_ETEMP, "the content that came has another digest");
    }
    /* A large one is not kept for the next small one. */
    buf_deinit(&r->blob);
    return e;
}

/* The archive of a chart: once it came it stays. */
static int fetch_archive(void *context, const struct digest *digest, struct arena *a,
                         struct str *out, struct err *err)
{
    struct role *r = context;
    struct digest kept;
    struct err why;

    if (cache_get(r->c->charts, digest, a, out, &why) == 0)
        return 0;
    int e = fetch(r, digest, ARCHIVE_PACKED_MAX, a, out, err);
    if (e == 0 && cache_put(r->c->charts, *out, &kept, &why) < 0)
        log_warn("a chart cannot be kept", "error=\"%s\"", why.text);
    return e;
}

static void fill_random(void *context, void *out, size_t len)
{
    (void)context;
    keys_random(out, len);
}

static struct ledger_object *ledger_of(const struct wire_work *w, struct arena *a)
{
    struct ledger_object *ledger = arena_array(a, struct ledger_object, w->ledger_count);

    for (size_t i = 0; i < w->ledger_count; i++)
        ledger[i] =
            (struct ledger_object){w->ledger[i].id, w->ledger[i].digest, w->ledger[i].handle};
    return ledger;
}

static void report(struct role *r, const struct wire_work *w, const struct work_result *result,
                   int64_t took_ms, struct arena *a)
{
    static const enum wire_outcome outcomes[] = {
        [WORK_OK] = WIRE_OK,
        [WORK_TRANSIENT] = WIRE_TRANSIENT,
        [WORK_PERMANENT] = WIRE_PERMANENT,
        [WORK_SUPERSEDED] = WIRE_SUPERSEDED,
    };
    const struct apply_result *applied = &result->applied;
    struct wire_object *object = arena_array(a, struct wire_object, applied->ledger_count);
    struct wire_message m = {.kind = WIRE_REPORT};

    for (size_t i = 0; i < applied->ledger_count; i++)
        object[i] = (struct wire_object){applied->ledger[i].id, applied->ledger[i].digest,
                                         applied->ledger[i].handle};
    m.report = (struct wire_report){
        .key = w->key,
        .epoch = w->epoch,
        .input = w->input,
        .outcome = outcomes[result->outcome],
        .message = result->outcome == WORK_OK ? STR_NONE : str_from(result->err.text),
        .file = result->outcome == WORK_OK ? STR_NONE : str_from(result->err.file),
        .line = result->err.line,
        .column = result->err.column,
        .commit = w->commit,
        .health = str_from(applied->health),
        .object = object,
        .object_count = applied->ledger_count,
        .took_ms = took_ms,
        .changed_count = (uint32_t)applied->changed_count,
        .pruned_count = (uint32_t)applied->pruned_count,
    };
    send(r, &m);
}

static void do_work(struct role *r)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct work_result result = {.outcome = WORK_OK};
    const struct wire_work *w = work_of(r->current);
    struct str bundle = STR_NONE;
    int64_t start_ms = clock_now_ms();
    int e = w->is_deletion ? 0 : fetch(r, &w->bundle, BUNDLE_BYTES_MAX, a, &bundle, &result.err);

    if (e < 0) {
        result.outcome = e == HL_ECONFLICT ? WORK_SUPERSEDED : WORK_TRANSIENT;
    } else {
        const struct template_world world = {
            .now_s = clock_wall_ms() / 1000, .fill_random = fill_random, .crypto = &cipher_openssl};
        struct work_item item = {
            .key = w->key,
            .cluster = w->cluster,
            .revision = w->commit,
            .epoch = w->epoch,
            .is_takeover = w->is_takeover,
            .is_deletion = w->is_deletion,
            .is_forced = w->is_forced,
            .bundle = bundle,
            .world = {.world = &world,
                      .unpack = archive_unpack,
                      .cache = r->renders,
                      .context = r,
                      .archive = fetch_archive},
            .ledger = ledger_of(w, a),
            .ledger_count = w->ledger_count,
            .lease_valid = is_lease_valid,
            .context = r,
        };
        kubernetes_apply(&r->c->destination, r->c->cluster, &item, a, &result);
    }
    int64_t took_ms = clock_now_ms() - start_ms;
    if (result.outcome == WORK_OK)
        log_info("applied", "app=" STR_FMT " epoch=%llu changed=%zu pruned=%zu took_ms=%lld",
                 STR_ARG(w->key), (unsigned long long)w->epoch, result.applied.changed_count,
                 result.applied.pruned_count, (long long)took_ms);
    else
        log_warn("not applied", "app=" STR_FMT " epoch=%llu error=\"%s\"", STR_ARG(w->key),
                 (unsigned long long)w->epoch, result.err.text);
    if (!r->is_current_cancelled)
        report(r, w, &result, took_ms, a);
}

static void next_item(struct role *r)
{
    r->current = r->queue[0];
    r->queue_count--;
    for (size_t i = 0; i < r->queue_count; i++)
        r->queue[i] = r->queue[i + 1];
    r->is_current_cancelled = false;
    do_work(r);
    msg_free(r->current);
    r->current = NULL;
}

void *role_run(void *context)
{
    struct role *r = hl_calloc(1, sizeof(*r));
    bool is_resting = false;

    r->c = context;
    r->renders = render_cache_new(RENDERS_BYTES);
    while (!r->is_stopping) {
        struct msg *m = mailbox_wait(r->c->inbox, r->queue_count > 0 ? 0
                                                  : is_resting       ? -1
                                                                     : IDLE_MS);

        if (m) {
            is_resting = is_resting && m->kind == AGENT_LEASE;
            take(r, m);
        }
        take_waiting(r);
        if (r->queue_count > 0 && !r->is_stopping) {
            next_item(r);
        } else if (!m && !is_resting) {
            r->c->destination.idle(r->c->destination.context);
            render_cache_clear(r->renders);
            malloc_trim(0);
            is_resting = true;
        }
    }
    for (size_t i = 0; i < r->queue_count; i++)
        msg_free(r->queue[i]);
    buf_deinit(&r->blob);
    render_cache_free(r->renders);
    free(r);
    return NULL;
}
