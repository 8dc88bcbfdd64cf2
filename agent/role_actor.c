/*
 * The role's actor: one work item at a time. While it works it looks into its mailbox at the safe
 * points (before each blob piece, and whenever the destination asks whether the lease is valid), so
 * a cancelled or outdated item stops there.
 */
#include <malloc.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "edge/actor/log.h"

enum { QUEUE_MAX = AGENT_SLOTS * 2, ASK_AGAIN_MS = 1000, BLOB_MS = 30000, IDLE_MS = 3000 };

struct role {
    struct role_context *c;
    struct msg *queue[QUEUE_MAX]; /* AGENT_WORK, owned, oldest first */
    size_t queue_count;
    struct msg *current;
    bool is_current_cancelled;
    bool is_stopping;
    int64_t lease_until_ms;
    /* the bundle being fetched */
    struct digest wanted;
    struct buf bundle;
    bool is_bundle_complete;
    bool is_bundle_absent;
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

static void ask_for_bundle(struct role *r)
{
    struct wire_message m = {.kind = WIRE_BLOB_GET};

    m.blob_get = (struct wire_blob_get){r->wanted, r->bundle.len};
    send(r, &m);
}

static void take_chunk(struct role *r, const struct wire_blob_chunk *chunk)
{
    if (!digest_eq(&chunk->digest, &r->wanted) || r->is_bundle_complete)
        return;
    if (chunk->is_absent) {
        r->is_bundle_absent = true;
        return;
    }
    if (chunk->offset != r->bundle.len || chunk->total > BUNDLE_BYTES_MAX)
        return;
    buf_add(&r->bundle, chunk->bytes);
    if (r->bundle.len >= chunk->total)
        r->is_bundle_complete = true;
    else
        ask_for_bundle(r);
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

static int fetch_bundle(struct role *r, const struct wire_work *w, struct err *err)
{
    int64_t due_ms = clock_now_ms() + BLOB_MS;
    int64_t asked_ms = INT64_MIN / 2;

    r->wanted = w->bundle;
    buf_reset(&r->bundle);
    r->is_bundle_complete = r->is_bundle_absent = false;
    while (!r->is_bundle_complete) {
        int64_t now_ms = clock_now_ms();

        if (r->is_current_cancelled || r->is_stopping)
            return err_set(err, HL_ECONFLICT, "called off");
        if (now_ms >= due_ms)
            return err_set(err, HL_ETEMP, "the bundle did not come: %s",
                           r->is_bundle_absent ? "the leader has not read this commit yet"
                                               : "no answer");
        if (now_ms - asked_ms >= ASK_AGAIN_MS) {
            ask_for_bundle(r);
            asked_ms = now_ms;
        }
        struct msg *m = mailbox_wait(r->c->inbox, 200);
        if (m)
            take(r, m);
    }
    struct digest actual = sha256_of(buf_str(&r->bundle));
    if (!digest_eq(&actual, &w->bundle))
        return err_set(err, HL_ETEMP, "the bundle that came has another digest");
    return 0;
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
    int64_t start_ms = clock_now_ms();
    int e = w->is_deletion ? 0 : fetch_bundle(r, w, &result.err);

    if (e < 0) {
        result.outcome = e == HL_ECONFLICT ? WORK_SUPERSEDED : WORK_TRANSIENT;
    } else {
        struct work_item item = {
            .key = w->key,
            .cluster = w->cluster,
            .revision = w->commit,
            .epoch = w->epoch,
            .is_takeover = w->is_takeover,
            .is_deletion = w->is_deletion,
            .is_forced = w->is_forced,
            .bundle = w->is_deletion ? STR_NONE : buf_str(&r->bundle),
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
    /* A large bundle is not kept for the next small one. */
    buf_deinit(&r->bundle);
}

void *role_run(void *context)
{
    struct role *r = hl_calloc(1, sizeof(*r));
    bool is_resting = false;

    r->c = context;
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
            malloc_trim(0);
            is_resting = true;
        }
    }
    for (size_t i = 0; i < r->queue_count; i++)
        msg_free(r->queue[i]);
    buf_deinit(&r->bundle);
    free(r);
    return NULL;
}
