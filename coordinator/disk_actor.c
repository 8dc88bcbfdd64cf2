/*
 * The disk actor writes what consensus asks for, in order, and says when it is durable. Everything
 * that queued up while the last flush ran goes out with the next one. A full disk is waited out and
 * alarmed; any other failure ends the process, because after a failed flush nobody knows what is on
 * the disk (raft.md 2.5, trap 6), and the others go on without us.
 */
#include <stdlib.h>

#include "coordinator/actors.h"
#include "edge/actor/log.h"

enum { FULL_RETRY_MS = 200, MESSAGES_A_FLUSH = 256, IDLE_MS = 3000 };

struct disk {
    struct disk_context *c;
    struct msg *taken[MESSAGES_A_FLUSH]; /* what the next flush makes durable */
    size_t taken_count;
    const struct raft_persist **persist; /* of all of them, in order */
    size_t persist_count;
    size_t persist_cap;
    bool is_full;
    bool is_idle; /* for so long that the log is trimmed */
    bool is_stopped;
};

static void say_room(struct disk *d, const char *why)
{
    struct msg *alarm = msg_new(MSG_DISK, true);
    struct str *text = arena_one(alarm->arena, struct str);
    struct msg *full = msg_new(MSG_DISK_FULL, false);

    d->is_full = why[0] != '\0';
    *text = arena_dup(alarm->arena, str_from(why));
    alarm->body = text;
    mailbox_post_or_drop(d->c->boxes->fleet, alarm);
    full->number = d->is_full;
    post_surely(d->c->boxes->mesh, full);
}

static void wait_for_room(struct disk *d, const struct err *err)
{
    if (!d->is_full) {
        log_error("the disk is full; nothing is written until there is room", "error=\"%s\"",
                  err->text);
        say_room(d, err->text);
    }
    clock_sleep_ms(FULL_RETRY_MS);
}

/* What waits keeps its place behind this write; only the end of the process overtakes. */
static void write_out(struct disk *d)
{
    struct err err;
    int r;

    while ((r = log_append(d->c->log, d->persist, d->persist_count, &err)) != 0) {
        if (r != HL_ENOSPACE) {
            log_error("the Raft log cannot be written; ending", "error=\"%s\"", err.text);
            exit(1);
        }
        if (mailbox_is_closed(d->c->boxes->disk))
            return;
        wait_for_room(d, &err);
    }
    if (d->is_full) {
        log_info("disk", "room=again");
        say_room(d, "");
    }
    struct msg *done = msg_new(MSG_PERSISTED, false);
    done->number = d->persist[d->persist_count - 1]->sequence;
    post_surely(d->c->boxes->mesh, done);
}

/* False for the end. */
static bool take(struct disk *d, struct msg *m)
{
    const struct persist_batch *batch = m->body;

    if (m->kind == MSG_STOP) {
        msg_free(m);
        return false;
    }
    while (d->persist_count + batch->count > d->persist_cap) {
        d->persist_cap = d->persist_cap ? 2 * d->persist_cap : 256;
        d->persist = hl_realloc(d->persist, d->persist_cap * sizeof(*d->persist));
    }
    for (size_t i = 0; i < batch->count; i++)
        d->persist[d->persist_count++] = &batch->item[i];
    d->taken[d->taken_count++] = m;
    return true;
}

static void take_what_waits(struct disk *d)
{
    struct msg *first = mailbox_wait(d->c->boxes->disk, d->is_idle ? -1 : IDLE_MS);

    d->is_idle = !first;
    if (!first) {
        log_trim(d->c->log);
        return;
    }
    d->is_stopped = !take(d, first);
    while (!d->is_stopped && d->taken_count < MESSAGES_A_FLUSH) {
        struct msg *m = mailbox_take(d->c->boxes->disk);
        if (!m)
            return;
        d->is_stopped = !take(d, m);
    }
}

void *disk_run(void *context)
{
    struct disk d = {.c = context};

    while (!d.is_stopped) {
        take_what_waits(&d);
        if (d.persist_count > 0)
            write_out(&d);
        if (!d.is_idle)
            log_prepare(d.c->log);
        for (size_t i = 0; i < d.taken_count; i++)
            msg_free(d.taken[i]);
        d.taken_count = d.persist_count = 0;
    }
    free(d.persist);
    return NULL;
}
