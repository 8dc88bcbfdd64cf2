/*
 * kv.*: settings (core/state/setting.h), and those who watch them. A watch is a question that is
 * answered when there is something to tell; the latest changes are kept in memory for whoever asks
 * again, on every coordinator alike, so a watch goes on with another leader.
 */
#include "coordinator/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/setting.h"
#include "core/value/json.h"

enum {
    FEED_CHANGES = 8192,
    FEED_BYTES = 4 << 20,
    LIST_BYTES = 512 << 10,
    LIST_MAX = 10000,
    WATCH_MS = 25000,
};

/* ---- the feed ---- */

struct settings_feed {
    struct setting change[FEED_CHANGES]; /* a ring; strings on the heap; version 0: deleted */
    size_t first;
    size_t count;
    size_t bytes;
    uint64_t since; /* all changes of later revisions are here */
};

struct settings_feed *feed_new(void)
{
    return hl_calloc(1, sizeof(struct settings_feed));
}

static void forget_oldest(struct settings_feed *feed)
{
    struct setting *s = &feed->change[feed->first];

    feed->since = s->revision;
    feed->bytes -= s->key.len + s->value.len;
    str_free(s->key);
    str_free(s->value);
    feed->first = (feed->first + 1) % FEED_CHANGES;
    feed->count--;
}

void feed_free(struct settings_feed *feed)
{
    while (feed->count > 0)
        forget_oldest(feed);
    free(feed);
}

void feed_reset(struct fleet *f, uint64_t index)
{
    while (f->feed->count > 0)
        forget_oldest(f->feed);
    f->feed->since = index;
}

void feed_add(struct fleet *f, struct str key, uint64_t revision)
{
    struct settings_feed *feed = f->feed;
    struct setting now;
    struct err err;

    int r = setting_get(f->kv, key, &now, &err);
    if (r < 0)
        return; /* the transaction is lost, and says so itself */
    if (r == KV_ABSENT)
        now = (struct setting){.revision = revision};
    while (feed->count == FEED_CHANGES ||
           (feed->count > 0 && feed->bytes + key.len + now.value.len > FEED_BYTES))
        forget_oldest(feed);
    struct setting *s = &feed->change[(feed->first + feed->count++) % FEED_CHANGES];
    *s = now;
    s->key = str_dup(key);
    s->value = now.value.len > 0 ? str_dup(now.value) : STR_NONE;
    feed->bytes += s->key.len + s->value.len;
}

/* The first change behind `revision`, as a number from the oldest on; revisions ascend. */
static size_t feed_find(const struct settings_feed *feed, uint64_t revision)
{
    size_t low = 0;
    size_t high = feed->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (feed->change[(feed->first + middle) % FEED_CHANGES].revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- watching ---- */

/* The prefix is all that a watch keeps of its request. */
static bool is_watch_served(struct fleet *f, struct pending *p)
{
    HL_CLEANUP(buf_deinit) struct buf list = {0};
    const struct settings_feed *feed = f->feed;
    bool is_full = false;

    if (!p->is_stale_ok && !f->is_leader) {
        answer_error(f, p, HL_ETEMP, STR("this coordinator leads no longer"));
        return true;
    }
    if (p->wanted < feed->since) {
        answer_error(f, p, HL_EABSENT, STR("the changes behind that revision are no longer kept"));
        return true;
    }
    for (size_t i = feed_find(feed, p->wanted); i < feed->count && !is_full; i++) {
        const struct setting *s = &feed->change[(feed->first + i) % FEED_CHANGES];

        is_full = list.len > 0 && list.len + s->value.len > LIST_BYTES;
        if (!is_full && str_starts(s->key, p->body))
            setting_list_add(&list, s);
        if (!is_full)
            p->wanted = s->revision;
    }
    if (!is_full && f->applied > p->wanted)
        p->wanted = f->applied;
    if (list.len == 0 && fleet_now() - p->since_ms < p->lasts_ms)
        return false;
    struct wire_reply reply = {.body = buf_str(&list), .revision = p->wanted};
    answer(f, p, &reply);
    return true;
}

void kv_watch_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    struct value *body = request_body(f, in);

    if (!body)
        return;
    struct pending *p = wait_for(f, m, in, is_watch_served);
    if (!p)
        return;
    int64_t after = value_get_int(body, "after", 0);
    str_free(p->body);
    p->body = str_dup(value_get_str(body, "prefix"));
    p->wanted = after > 0 ? (uint64_t)after : f->applied;
    int64_t wait_ms = value_get_int(body, "wait_ms", WATCH_MS);
    p->lasts_ms = wait_ms < 0 || wait_ms > WATCH_MS ? WATCH_MS : wait_ms;
}

/* ---- reading and writing ---- */

void kv_change_start(struct fleet *f, const struct method *m, const struct wire_inbound *in)
{
    const struct wire_request *request = &in->message.request;
    struct setting_change change;
    struct err err;

    int r = setting_change_decode(request->body, &change, &err);
    if (r < 0)
        answer_request(f, in, r, "", str_from(err.text));
    else if (wait_command(f, m, in, request->client_id, request->sequence))
        propose_bytes(f, m->command, in->name, request->client_id, request->sequence,
                      request->body);
}

static struct value *body_of(struct fleet *f, const struct pending *p)
{
    struct value *body;
    struct err err;

    if (json_read(f->scratch, p->body, STR("request"), &body, &err) == 0)
        return body;
    answer_error(f, p, HL_EINVAL, str_from(err.text));
    return NULL;
}

void kv_get_serve(struct fleet *f, const struct pending *p)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct value *body = body_of(f, p);
    struct setting s;
    struct err err;

    if (!body)
        return;
    struct str key = value_get_str(body, "key");
    int r = setting_get(f->kv, key, &s, &err);
    if (r == KV_FOUND) {
        setting_list_add(&bytes, &s);
        struct wire_reply reply = {.body = buf_str(&bytes), .age_ms = age_of_state(f)};
        answer(f, p, &reply);
    } else if (r == KV_ABSENT) {
        answer_error(f, p, HL_EABSENT,
                     arena_printf(f->scratch, "no setting \"" STR_FMT "\"", STR_ARG(key)));
    } else {
        answer_error(f, p, r, str_from(err.text));
    }
}

void kv_list_serve(struct fleet *f, const struct pending *p)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct value *body = body_of(f, p);
    struct setting s;
    struct err err;
    int r;

    if (!body)
        return;
    int64_t left = value_get_int(body, "limit", LIST_MAX);
    struct str cursor = value_get_str(body, "after");
    while (left-- > 0 && bytes.len < LIST_BYTES &&
           (r = setting_next(f->kv, value_get_str(body, "prefix"), &cursor, f->scratch, &s,
                             &err)) != KV_ABSENT) {
        if (r < 0) {
            answer_error(f, p, r, str_from(err.text));
            return;
        }
        setting_list_add(&bytes, &s);
    }
    struct wire_reply reply = {.body = buf_str(&bytes), .age_ms = age_of_state(f)};
    answer(f, p, &reply);
}
